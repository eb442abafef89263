"""The names that micrograd, microgpt and NumPy use for what a Value has."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from scalargrad.errors import OptionError

from . import ops
from .backprop import step_back
from .details import Detailed
from .hooks import BY_HAND
from .modes import check_question

if TYPE_CHECKING:
    from .value import Value

_SIGNS = {
    ops.ADD.name: "+",
    ops.SUB.name: "-",
    ops.MUL.name: "*",
    ops.DIV.name: "/",
    ops.POW.name: "**",
    ops.REMAINDER.name: "%",
    ops.RELU.name: "ReLU",
}
"""What micrograd writes for an operation, where that is not its name."""


class OtherNames(Detailed):
    """Attributes of a Value under the names of other libraries.

    A base class of Value, so that the file that people read first is free of them.
    """

    __slots__ = ()
    data: float
    args: tuple["Value", ...]
    partials: tuple[float, ...]

    def item(self) -> float:
        """Return the number, under the name that NumPy and PyTorch give it."""
        check_question("item() of a Value")
        return self.data

    def conjugate(self) -> Self:
        """Return the Value itself, as real numbers do: `numpy.std` and `numpy.var` ask for it."""
        return self

    @property
    def _prev(self) -> tuple["Value", ...]:
        return self.args

    @property
    def _children(self) -> tuple["Value", ...]:
        return self.args

    @property
    def _local_grads(self) -> tuple[float, ...]:
        return self.partials

    @property
    def _op(self: Any) -> str:
        name: str = self.op
        if name == ops.POW.name and self.static_args is not None:
            return f"**{_shortest(self.static_args[1])}"
        return _SIGNS.get(name, name)

    @property
    def _backward(self: Any) -> Callable[[], None]:
        """The step of a backward pass at this Value: it adds to the gradients of the operands.

        A function that is assigned here takes the place of that step in `backward()`, which calls
        it when the gradient of this Value is complete.
        """
        step: Callable[[], None] = (self.metadata or {}).get(BY_HAND) or partial(step_back, self)
        return step

    @_backward.setter
    def _backward(self: Any, step: Callable[[], None]) -> None:
        if not callable(step):
            kind = type(step).__name__
            raise OptionError(f"_backward must be a function without arguments, not {kind}")
        if self.metadata is None:
            self.metadata = {}
        self.metadata[BY_HAND] = step


def _shortest(exponent: float) -> str:
    """Write a number as one would by hand: `2` for 2.0."""
    if exponent.is_integer() and abs(exponent) < 1e16:
        return str(int(exponent))
    return repr(exponent)
