"""Penalties on weights, which join the loss as graphs."""

from collections.abc import Iterable

from scalargrad.core import ops
from scalargrad.core.checks import checked_number, checked_parameters
from scalargrad.core.operations import apply
from scalargrad.core.value import Parameter, Value
from scalargrad.utils.calls import explain_calls


@explain_calls
def l1(parameters: Iterable[Parameter], strength: float) -> Value:
    """strength · Σ|w|: a penalty that draws weights to exactly 0 (Tibshirani 1996). Add it to the loss.

    parameters  what is penalized: `model.parameters()`, or the weights of some neurons, without their biases
    strength    at least 0

    At w = 0 the derivative is 0. Raises OptionError for a strength out of its range, DataError, LengthError or OptionError
    for parameters that are no Parameters, none or given twice.

    >>> w = [Parameter(3.0), Parameter(-4.0)]
    >>> penalty = l1(w, 0.5)
    >>> penalty.backward()
    >>> penalty.data, [p.grad for p in w]
    (3.5, [0.5, -0.5])
    """
    weights = checked_parameters(parameters, "l1")
    return checked_number(strength, "strength of l1") * _sum([abs(weight) for weight in weights])


@explain_calls
def l2(parameters: Iterable[Parameter], strength: float) -> Value:
    """strength · Σw²: a penalty that shrinks weights in proportion (Hoerl and Kennard 1970). Arguments and errors as for `l1`.

    A `weight_decay` of SGD of twice the strength has the same gradient without a graph.

    >>> w = [Parameter(3.0), Parameter(-4.0)]
    >>> penalty = l2(w, 0.5)
    >>> penalty.backward()
    >>> penalty.data, [p.grad for p in w]
    (12.5, [3.0, -4.0])
    """
    weights = checked_parameters(parameters, "l2")
    return checked_number(strength, "strength of l2") * _sum(
        [weight * weight for weight in weights]
    )


@explain_calls
def elastic_net(parameters: Iterable[Parameter], l1: float, l2: float) -> Value:
    """l1 · Σ|w| + l2 · Σw²: both penalties (Zou and Hastie 2005, equation 3). Arguments and errors as for `l1`.

    >>> elastic_net([Parameter(3.0), Parameter(-4.0)], l1=1.0, l2=0.5).data
    19.5
    """
    weights = checked_parameters(parameters, "elastic_net")
    first, second = checked_number(l1, "l1 of elastic_net"), checked_number(l2, "l2 of elastic_net")
    return first * _sum([abs(weight) for weight in weights]) + second * _sum(
        [weight * weight for weight in weights]
    )


def _sum(terms: list[Value]) -> Value:
    total: Value = apply(ops.SUM, *terms)
    return total
