"""Limits on gradients and weights, applied before and after the step of an optimizer."""

from collections.abc import Iterable
from math import hypot, inf, isfinite

from scalargrad.core.checks import Nest, checked_number, checked_parameters
from scalargrad.core.conversion import plain
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import DataError, LengthError
from scalargrad.nn import Module, Neuron
from scalargrad.utils.calls import explain_calls


@explain_calls
def max_norm(module_or_neurons: Module | Iterable[Neuron], limit: float) -> int:
    """Scale down the weights of each neuron whose norm ‖w‖ exceeds a limit, so that ‖w‖ = limit.

    Call it after the step of an optimizer. Biases and frozen weights are not changed, nor are
    weights whose norm is not finite.

    Args:
        module_or_neurons: A module, for all neurons inside it, or a list of neurons.
        limit: A number above 0; Srivastava et al. 2014, section 5.1, use 3 to 4 with dropout.

    Returns:
        The number of neurons that were scaled.

    Raises:
        OptionError: If `limit` is out of its range.
        DataError: If something is not a neuron.
        LengthError: If there are no neurons.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> neuron = Neuron(2)
        >>> neuron.load_state_dict({"weights.0": 3.0, "weights.1": -4.0, "bias": 9.0})
        >>> max_norm(neuron, 2.5), [w.data for w in neuron.weights]
        (1, [1.5, -2.0])
    """
    bound = checked_number(limit, "limit of max_norm", above=True)
    neurons = _list_neurons(module_or_neurons)
    return sum([_project(neuron.weights, bound) for neuron in neurons])


@explain_calls
def clip_gradient_values(parameters: Iterable[Parameter] | Nest, limit: float) -> None:
    """Clip each gradient to [-limit, limit], as PyTorch's `clip_grad_value_` does; nan stays nan.

    Call it after the backward pass.

    Args:
        parameters: The Parameters whose gradients to clip.
        limit: A number above 0.

    Raises:
        OptionError: If `limit` is out of its range, or a parameter is given twice.
        DataError: If something is not a Parameter.
        LengthError: If there are no parameters.

    Example:
        >>> w = Parameter(1.0)
        >>> (-8 * w).backward()
        >>> clip_gradient_values([w], 5.0)
        >>> w.grad
        -5.0
    """
    bound = checked_number(limit, "limit of clip_gradient_values", above=True)
    for parameter in checked_parameters(parameters, "clip_gradient_values"):
        gradient = plain(parameter.grad or 0.0)
        if abs(gradient) > bound:
            parameter.grad = bound if gradient > 0.0 else -bound


@explain_calls
def clip_gradient_norm(parameters: Iterable[Parameter] | Nest, limit: float) -> float:
    """Scale all gradients together so that their norm ‖g‖ is at most `limit`.

    Call it after the backward pass. The gradients are multiplied by min(1, limit/(‖g‖ + 1e-6)):
    Pascanu et al. 2013, algorithm 1, with the 1e-6 of PyTorch's `clip_grad_norm_`. As there, a
    norm of nan or inf makes gradients nan, so check the returned norm.

    Args:
        parameters: The Parameters whose gradients to scale.
        limit: A number above 0; inf to measure only.

    Returns:
        The norm ‖g‖ before scaling.

    Raises:
        OptionError: If `limit` is out of its range, or a parameter is given twice.
        DataError: If something is not a Parameter.
        LengthError: If there are no parameters.

    Example:
        >>> w = [Parameter(1.0), Parameter(2.0)]
        >>> (3 * w[0] - 4 * w[1]).backward()
        >>> clip_gradient_norm(w, 1.0), [round(p.grad, 6) for p in w]
        (5.0, [0.6, -0.8])
    """
    # inf is a limit here, which checked_number refuses.
    is_unlimited = limit == inf
    name = "limit of clip_gradient_norm"
    bound = limit if is_unlimited else checked_number(limit, name, above=True)
    clipped = checked_parameters(parameters, "clip_gradient_norm")

    norm = hypot(*[plain(parameter.grad or 0.0) for parameter in clipped])
    scale = bound / (norm + 1e-6)
    # Not `scale < 1.0`, which is False for nan.
    if not scale >= 1.0:
        for parameter in clipped:
            parameter.grad = (parameter.grad or 0.0) * scale
    return norm


def _list_neurons(module_or_neurons: Module | Iterable[Neuron]) -> list[Neuron]:
    if isinstance(module_or_neurons, Module):
        modules = [module for _, module in module_or_neurons.named_modules()]
        neurons = [module for module in modules if isinstance(module, Neuron)]
    elif isinstance(module_or_neurons, (str, Value)) or not isinstance(module_or_neurons, Iterable):
        raise DataError(
            f"max_norm takes a module or a list of neurons, not {type(module_or_neurons).__name__}"
        )
    else:
        neurons = list(module_or_neurons)

    for i, neuron in enumerate(neurons):
        if not isinstance(neuron, Neuron):
            raise DataError(
                "max_norm takes a module or a list of neurons, "
                f"but item {i} is a {type(neuron).__name__}"
            )
    if not neurons:
        raise LengthError("max_norm was given no neurons: does the module have any?")
    return neurons


def _project(weights: list[Parameter], limit: float) -> bool:
    """Scale one vector of weights to the limit if it is longer; return whether it was."""
    norm = hypot(*[weight.data for weight in weights])
    free = [weight for weight in weights if weight.trainable]
    # An infinite norm would scale every finite weight to 0.
    if not (norm > limit and isfinite(norm) and free):
        return False
    for weight in free:
        weight.data *= limit / norm
    return True
