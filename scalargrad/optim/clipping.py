"""Limits on weights and gradients, set around the step of an optimizer."""

from collections.abc import Iterable
from math import hypot, inf, isfinite

from scalargrad.core.checks import checked_number, checked_parameters
from scalargrad.core.conversion import plain
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import DataError, LengthError
from scalargrad.nn import Module, Neuron
from scalargrad.utils.calls import explain_calls


@explain_calls
def max_norm(module_or_neurons: Module | Iterable[Neuron], limit: float) -> int:
    """After a step: scale the incoming weights of each neuron whose norm ‖w‖ exceeds `limit` so that ‖w‖ = limit.

    module_or_neurons  a module, for all neurons inside of it, or a list of neurons; biases stay as they are, and so do frozen weights
    limit              c above 0; Srivastava et al. 2014, section 5.1, use 3 to 4 with dropout

    Returns how many neurons were scaled. A norm that is not finite stays. Raises OptionError for a limit out of its range,
    DataError for what are no neurons, LengthError for none.

    >>> from scalargrad.nn import Neuron
    >>> neuron = Neuron(2)
    >>> neuron.load_state_dict({"weights.0": 3.0, "weights.1": -4.0, "bias": 9.0})
    >>> max_norm(neuron, 2.5), [w.data for w in neuron.weights]
    (1, [1.5, -2.0])
    """
    bound = checked_number(limit, "limit of max_norm", above=True)
    return sum([_project(neuron.weights, bound) for neuron in _neurons(module_or_neurons)])


@explain_calls
def clip_gradient_values(parameters: Iterable[Parameter], limit: float) -> None:
    """After the backward pass: bring each gradient into [−limit, limit], as PyTorch's `clip_grad_value_` does; nan stays nan.

    Raises OptionError for a limit that is not above 0; for parameters, as `l1` does.

    >>> w = Parameter(1.0)
    >>> (-8 * w).backward()
    >>> clip_gradient_values([w], 5.0); w.grad
    -5.0
    """
    bound = checked_number(limit, "limit of clip_gradient_values", above=True)
    for parameter in checked_parameters(parameters, "clip_gradient_values"):
        if abs(gradient := plain(parameter.grad or 0.0)) > bound:
            parameter.grad = bound if gradient > 0.0 else -bound


@explain_calls
def clip_gradient_norm(parameters: Iterable[Parameter], limit: float) -> float:
    """After the backward pass: scale all gradients together by min(1, limit/(‖g‖ + 1e-6)); returns ‖g‖ as it was.

    limit  above 0; inf to measure only

    This is Pascanu et al. 2013, algorithm 1, with the 1e-6 of PyTorch's `clip_grad_norm_`. Like there a norm of nan or inf makes
    nan of gradients, so look at what is returned. Errors as for `clip_gradient_values`.

    >>> w = [Parameter(1.0), Parameter(2.0)]
    >>> (3 * w[0] - 4 * w[1]).backward()
    >>> clip_gradient_norm(w, 1.0), [round(p.grad, 6) for p in w]
    (5.0, [0.6, -0.8])
    """
    bound = (
        limit if limit == inf else checked_number(limit, "limit of clip_gradient_norm", above=True)
    )
    found = checked_parameters(parameters, "clip_gradient_norm")
    norm = hypot(*[plain(parameter.grad or 0.0) for parameter in found])
    scale = bound / (norm + 1e-6)
    if not scale >= 1.0:  # nan is neither above nor below
        for parameter in found:
            parameter.grad = (parameter.grad or 0.0) * scale
    return norm


def _neurons(module_or_neurons: Module | Iterable[Neuron]) -> list[Neuron]:
    if isinstance(module_or_neurons, Module):
        found = [
            module for _, module in module_or_neurons.named_modules() if isinstance(module, Neuron)
        ]
    elif isinstance(module_or_neurons, Iterable) and not isinstance(
        module_or_neurons, (str, Value)
    ):
        found = list(module_or_neurons)
    else:
        raise DataError(
            f"max_norm takes a module or a list of neurons, not {type(module_or_neurons).__name__}"
        )
    for i, neuron in enumerate(found):
        if not isinstance(neuron, Neuron):
            raise DataError(
                f"max_norm takes a module or a list of neurons, but item {i} is a {type(neuron).__name__}"
            )
    if not found:
        raise LengthError("max_norm was given no neurons: does the module have any?")
    return found


def _project(weights: list[Parameter], limit: float) -> bool:
    """Scale one vector of weights down to the limit; whether it was needed."""
    norm = hypot(*[weight.data for weight in weights])
    free = [weight for weight in weights if weight.trainable]
    if not (norm > limit and isfinite(norm) and free):
        return False
    for weight in free:
        weight.data *= limit / norm
    return True
