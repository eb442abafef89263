"""Penalties on weights, which are added to the loss as graphs."""

from collections.abc import Iterable

from scalargrad.core import ops
from scalargrad.core.checks import Nest, checked_number, checked_parameters
from scalargrad.core.operations import apply
from scalargrad.core.value import Parameter, Value
from scalargrad.utils.calls import explain_calls


@explain_calls
def l1(parameters: Iterable[Parameter] | Nest, strength: float) -> Value:
    """Return strength · Σ|w|, a penalty that drives weights to exactly 0 (Tibshirani 1996).

    Add it to the loss. The derivative at w = 0 is 0.

    Args:
        parameters: The Parameters to penalize: `model.parameters()`, or the weights of some
            neurons, without their biases, or a nest of them.
        strength: A number of at least 0.

    Raises:
        OptionError: If `strength` is out of its range, or a parameter is given twice.
        DataError: If something is not a Parameter.
        LengthError: If there are no parameters.

    Example:
        >>> w = [Parameter(3.0), Parameter(-4.0)]
        >>> penalty = l1(w, 0.5)
        >>> penalty.backward()
        >>> penalty.data, [p.grad for p in w]
        (3.5, [0.5, -0.5])
    """
    weights = checked_parameters(parameters, "l1")
    factor = checked_number(strength, "strength of l1")
    return factor * _sum_magnitudes(weights)


@explain_calls
def l2(parameters: Iterable[Parameter] | Nest, strength: float) -> Value:
    """Return strength · Σw², a penalty that shrinks weights in proportion (Hoerl and Kennard 1970).

    Arguments and errors are those of `l1`. SGD with a `weight_decay` of twice the strength has
    the same gradient without a graph.

    Example:
        >>> w = [Parameter(3.0), Parameter(-4.0)]
        >>> penalty = l2(w, 0.5)
        >>> penalty.backward()
        >>> penalty.data, [p.grad for p in w]
        (12.5, [3.0, -4.0])
    """
    weights = checked_parameters(parameters, "l2")
    factor = checked_number(strength, "strength of l2")
    return factor * _sum_squares(weights)


@explain_calls
def elastic_net(parameters: Iterable[Parameter] | Nest, l1: float, l2: float) -> Value:
    """Return l1 · Σ|w| + l2 · Σw², both penalties (Zou and Hastie 2005, equation 3).

    Arguments and errors are those of `l1`.

    Example:
        >>> elastic_net([Parameter(3.0), Parameter(-4.0)], l1=1.0, l2=0.5).data
        19.5
    """
    weights = checked_parameters(parameters, "elastic_net")
    first = checked_number(l1, "l1 of elastic_net")
    second = checked_number(l2, "l2 of elastic_net")
    return first * _sum_magnitudes(weights) + second * _sum_squares(weights)


def _sum_magnitudes(weights: list[Parameter]) -> Value:
    # One node for the sum, where a chain of + would have one for each weight.
    total: Value = apply(ops.SUM, *[abs(weight) for weight in weights])
    return total


def _sum_squares(weights: list[Parameter]) -> Value:
    total: Value = apply(ops.SUM, *[weight * weight for weight in weights])
    return total
