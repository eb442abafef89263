"""Activations by name: every operation of one operand, from the table, and those that learn, draw, or need the whole layer."""

from collections.abc import Callable
from typing import Any

from scalargrad.core import ops
from scalargrad.core.conversion import as_float
from scalargrad.core.functions import FUNCTIONS, log_softmax, softmax
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.unlearned import warn_no_gradient
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import OptionError
from scalargrad.terminal import printable
from scalargrad.utils.spelling import suggestion

from .module import Module

Activation = Callable[[Any], Any]


class _ActivationModule(Module):
    """An activation with a state of its own. What it computes belongs to its neuron: it opens no scope."""

    op: ops.Op

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    def describe(self) -> str:
        return self.op.name

    def _in_summary(self) -> bool:
        return False


class PReLU(_ActivationModule):
    """x above 0, else slope·x, with a slope that is learned (He et al. 2015, section 2.1).

    By the name, each neuron has a slope of its own, `….activation.slope`. One PReLU given to several neurons is shared by them.

    slope  the number it begins with

    >>> from scalargrad.nn import Neuron
    >>> [name for name, _ in Neuron(1, activation="prelu").named_parameters()]
    ['weights.0', 'bias', 'activation.slope']
    """

    op = ops.PRELU

    def __init__(self, slope: float = 0.25) -> None:
        self.slope = Parameter(slope, label="slope")

    def forward(self, x: Any) -> Value:
        result: Value = apply(self.op, x, self.slope)
        return result


class RReLU(_ActivationModule):
    """x above 0, else slope·x: in training a slope drawn anew for each call, in evaluation the mean slope (Xu et al. 2015, section 2.4).

    The slope of a call is a leaf of the kind RandomLeaf.

    lower, upper  the bounds that slopes are drawn between
    seed          an int or a random.Random; None: the generator of the process, see `sg.manual_seed`;
                  by the name, a network goes on with the generator that drew its weights

    Raises OptionError for bounds that are not in order.

    >>> from scalargrad import Value
    >>> activation = RReLU(0.25, 0.75, seed=1)
    >>> 0.25 < -activation(Value(-1.0)).data < 0.75
    True
    >>> activation.eval()(Value(-1.0)).data
    -0.5
    """

    op = ops.RRELU

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, seed: Seed = None) -> None:
        self.lower, self.upper = (
            as_float(lower, "lower of RReLU"),
            as_float(upper, "upper of RReLU"),
        )
        if not self.lower <= self.upper:
            raise OptionError(f"lower of RReLU must not be above upper: {lower!r} and {upper!r}")
        self.generator = generator(seed)

    def draw(self) -> float:
        """The next random slope."""
        return self.generator.uniform(self.lower, self.upper)

    def forward(self, x: Any) -> Any:
        if self.training:
            return apply(
                ops.PRELU,
                x,
                RandomLeaf(self, label="slope") if isinstance(x, Value) else self.draw(),
            )
        return apply(self.op, x, self.lower, self.upper)


def _step(x: Any) -> Any:
    """The step function. The first gradient that comes to it gives a NoGradientWarning, as it lets none through."""
    result = apply(ops.STEP, x)
    if isinstance(result, Value) and result.args:
        result.register_hook(_warn_of_step)
    return result


_step.__name__ = _step.__qualname__ = ops.STEP.name


def _warn_of_step(gradient: Any) -> None:
    if gradient:
        warn_no_gradient(
            "the derivative of a step is 0, so nothing before it learns: train with sigmoid, and put the step there afterwards",
        )


_warn_of_step.only_looks = True  # type: ignore[attr-defined]  # so a program need not repeat it


ACTIVATIONS: dict[str, Activation] = {
    op.name: FUNCTIONS[op.name]
    for op in TABLE.values()
    if len(op.operands) - len(op.defaults) == 1 and not op.over_list
} | {ops.STEP.name: _step}
"""Every operation that can be applied to one Value alone, by name."""

OVER_LAYERS: dict[str, Activation] = {"softmax": softmax, "log_softmax": log_softmax}
"""Activations that need the outputs of a whole layer, by name."""


def activation(choice: str | Activation | None, seed: Seed = None) -> Activation | None:
    """The activation of that name, the function itself, or None for none ("linear" and "identity" mean none).

    Each call makes a new slope for "prelu". `seed` is for "rrelu", which draws from it in training.
    Raises OptionError for an unknown name, and for "softmax" and "log_softmax", which only a Layer can apply.

    >>> activation("tanh")(0.0)
    0.0
    """
    if any(choice is function or choice == name for name, function in OVER_LAYERS.items()):
        raise OptionError(
            f"{activation_name(choice)} needs all outputs of a layer: give it to a Layer, or as output_activation of an MLP"
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
    hint = suggestion(
        choice,
        [*ACTIVATIONS, *OVER_LAYERS, PReLU.op.name],
        otherwise=": relu, tanh, sigmoid, gelu, …",
    )
    raise OptionError(
        f"activation must be a function, None, or the name of an operation of one operand, not {choice!r}{hint}"
    )


def over_layer(choice: str | Activation | None) -> Activation | None:
    """The function over all outputs of a layer that is meant, None where the choice is one for each neuron.

    >>> over_layer("softmax")([0.0, 0.0])
    [0.5, 0.5]
    """
    found = [
        function for name, function in OVER_LAYERS.items() if choice is function or choice == name
    ]
    return found[0] if found else None


def activation_name(choice: str | Activation | None) -> str:
    """What to call it in a summary or a picture: "" for none."""
    if isinstance(choice, _ActivationModule):
        return choice.describe()
    if choice is None:
        return ""
    name = getattr(choice, "__name__", type(choice).__name__)
    return printable(choice if isinstance(choice, str) else str(name))
