"""Activations by name.

These are all operations of one operand, PReLU and RReLU, which have a state, and the softmaxes,
which need the outputs of a whole layer.
"""

from collections.abc import Callable
from typing import Any

from scalargrad.core import ops
from scalargrad.core.conversion import as_float
from scalargrad.core.functions import FUNCTIONS, log_softmax, softmax
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.names import ActivationName
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.unlearned import warn_no_gradient
from scalargrad.core.value import Number, Parameter, Value
from scalargrad.errors import OptionError
from scalargrad.terminal import printable
from scalargrad.utils.spelling import suggestion

from .module import Module
from .naming import describe

Activation = Callable[[Any], Any]


class _ActivationModule(Module):
    """An activation with a state."""

    op: ops.Op

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        # No scope: what it computes belongs to its neuron.
        return self.forward(*inputs, **options)

    def _get_name(self) -> str:
        return self.op.name

    def _in_summary(self) -> bool:
        return False


class PReLU(_ActivationModule):
    """ReLU with a learned slope: x above 0, else slope·x (He et al. 2015, section 2.1).

    The name "prelu" makes a new slope for each neuron, `….activation.slope`. One PReLU that is
    given to several neurons is shared by them.

    Args:
        slope: The initial slope.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> [name for name, _ in Neuron(1, activation="prelu").named_parameters()]
        ['weights.0', 'bias', 'activation.slope']
    """

    op = ops.PRELU

    def __init__(self, slope: float = 0.25) -> None:
        self.slope = Parameter(slope, label="slope")

    def forward(self, x: Number) -> Value:
        """Return x above 0, else slope·x."""
        result: Value = apply(self.op, x, self.slope)
        return result


class RReLU(_ActivationModule):
    """ReLU with a random slope: x above 0, else slope·x (Xu et al. 2015, section 2.4).

    In training each call draws a slope, a RandomLeaf; in evaluation the slope is the mean of the
    bounds.

    Args:
        lower: The lower bound of slopes.
        upper: The upper bound of slopes.
        seed: An int or a random.Random; None for the global generator, see `sg.manual_seed`. The
            name "rrelu" takes the generator that drew the weights of the network.

    Raises:
        OptionError: If `lower` is above `upper`.

    Example:
        >>> from scalargrad import Value
        >>> activation = RReLU(0.25, 0.75, seed=1)
        >>> 0.25 < -activation(Value(-1.0)).data < 0.75
        True
        >>> activation.eval()(Value(-1.0)).data
        -0.5
    """

    op = ops.RRELU

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, seed: Seed = None) -> None:
        self.lower = as_float(lower, "lower of RReLU")
        self.upper = as_float(upper, "upper of RReLU")
        if not self.lower <= self.upper:
            raise OptionError(f"lower of RReLU must not be above upper: {lower!r} and {upper!r}")
        self.generator = generator(seed)

    def draw(self) -> float:
        """Return a random slope."""
        return self.generator.uniform(self.lower, self.upper)

    def forward(self, x: Number) -> Any:
        """Return x above 0, else slope·x."""
        if not self.training:
            return apply(self.op, x, self.lower, self.upper)
        slope = RandomLeaf(self, label="slope") if isinstance(x, Value) else self.draw()
        return apply(ops.PRELU, x, slope)


def _step(x: Number) -> Number:
    """Apply the step function; the first gradient that reaches it causes a NoGradientWarning."""
    result: Number = apply(ops.STEP, x)
    if isinstance(result, Value) and result.args:
        result.register_hook(_warn_of_step)
    return result


_step.__name__ = _step.__qualname__ = ops.STEP.name


def _warn_of_step(gradient: Number) -> None:
    if gradient:
        warn_no_gradient(
            "the derivative of a step is 0, so nothing before it learns: "
            "train with sigmoid, and put the step there afterwards",
        )


# A hook that changes no gradient, so compiled programs need not call it.
_warn_of_step.only_looks = True  # type: ignore[attr-defined]


ACTIVATIONS: dict[str, Activation] = {
    op.name: FUNCTIONS[op.name] for op in TABLE.values() if op.takes_one_value
}
"""The operations that can be applied to one Value alone, by name."""

ACTIVATIONS[ops.STEP.name] = _step

OVER_LAYERS: dict[str, Activation] = {"softmax": softmax, "log_softmax": log_softmax}
"""The activations that need the outputs of a whole layer, by name."""


def activation(choice: ActivationName | Activation | None, seed: Seed = None) -> Activation | None:
    """Return the activation of a name, the function itself, or None for none.

    Args:
        choice: A name, where "linear" and "identity" mean none, a function, or None. Each call with
            "prelu" makes a new slope.
        seed: What "rrelu" draws from in training.

    Raises:
        OptionError: If the name is unknown, or needs a whole layer, as "softmax" does.

    Example:
        >>> activation("tanh")(0.0)
        0.0
    """
    if over_layer(choice) is not None:
        raise OptionError(
            f"{activation_name(choice)} needs all outputs of a layer: "
            "give it to a Layer, or as output_activation of an MLP"
        )
    if choice is None or callable(choice):
        return choice
    if choice in ("linear", "identity"):
        return None
    if choice == PReLU.op.name:
        return PReLU()
    if choice == RReLU.op.name:
        return RReLU(seed=seed)
    if choice in ACTIVATIONS:
        return ACTIVATIONS[choice]
    # Operations may be added at any time.
    if choice in TABLE and TABLE[choice].takes_one_value:
        added: Activation = FUNCTIONS[choice]
        return added
    names = [*ACTIVATIONS, *OVER_LAYERS, PReLU.op.name]
    hint = suggestion(choice, names, otherwise=": relu, tanh, sigmoid, gelu, …")
    raise OptionError(
        "activation must be a function, None, or the name of an operation of one operand, "
        f"not {choice!r}{hint}"
    )


def over_layer(choice: ActivationName | Activation | None) -> Activation | None:
    """Return an activation over all outputs of a layer, None for a choice that is one per neuron.

    Example:
        >>> over_layer("softmax")([0.0, 0.0])
        [0.5, 0.5]
    """
    for name, function in OVER_LAYERS.items():
        if choice is function or choice == name:
            return function
    return None


def activation_name(choice: ActivationName | Activation | None) -> str:
    """Return the name of an activation for summaries and pictures, "" for none."""
    if isinstance(choice, _ActivationModule):
        return describe(choice)
    if choice is None:
        return ""
    name = getattr(choice, "__name__", type(choice).__name__)
    return printable(choice if isinstance(choice, str) else str(name))
