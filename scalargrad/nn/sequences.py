"""Modules over sequences: the same steps for each position, and shortcuts around steps."""

from collections.abc import Sequence
from typing import Any

from scalargrad.core.modes import call_in_scope
from scalargrad.core.value import Value
from scalargrad.errors import LengthError

from .inputs import Inputs, as_inputs, unpack
from .layers import Sequential
from .module import Module
from .naming import describe
from .reshape import Lists, is_list


class TimeDistributed(Sequential):
    """Apply modules (or functions), one after the other, to each position of a sequence.

    It takes a list of rows of any length, and returns what the last step makes of each.

    Args:
        steps: The modules or functions in order.

    Raises:
        OptionError: If a step can't be called.

    Example:
        >>> from scalargrad.nn import Layer
        >>> model = TimeDistributed(Layer(2, 8), Layer(8, 3, activation=None))
        >>> rows = model([[0.0, 1.0], [1.0, 0.0]])
        >>> [len(row) for row in rows]
        [3, 3]
    """

    def forward(self, x: Lists) -> list[Any]:
        """Return a list with the result for each position.

        Raises:
            LengthError: If the sequence is empty. The steps raise their own errors.
        """
        outputs: list[Any] = []
        for i, row in enumerate(as_sequence(x, self)):
            # A scope for each position, so that pictures tell them apart.
            outputs.append(call_in_scope(super().forward, self, str(i), (row,), {}))
        return outputs

    def forward_batch(self, rows: Sequence[Any]) -> list[Any]:
        """Pass the positions of all samples through each step together."""
        sequences = [as_sequence(row, self) for row in rows]
        positions = [position for sequence in sequences for position in sequence]
        outputs = iter(super().forward_batch(positions))
        return [[next(outputs) for _ in sequence] for sequence in sequences]

    @property
    def inputs(self) -> int | None:
        """Always None, because a sequence may have any length."""
        return None


class Residual(Sequential):
    """A residual connection: x + steps(x) (He et al. 2016).

    The steps are modules (or functions), called one after the other. What the last one returns has
    the shape of `x`: one number, a list, or nested lists.

    Args:
        steps: The modules or functions in order.

    Raises:
        OptionError: If a step can't be called.

    Example:
        >>> from scalargrad.nn import Layer
        >>> block = Residual(Layer(2, 2, activation=None, initializer="zeros"))
        >>> [y.data for y in block([3.0, -1.0])]
        [3.0, -1.0]
    """

    def forward(self, x: Any) -> Any:
        """Return the sum.

        Raises:
            LengthError: If the steps return another shape than that of `x`, or no numbers.
        """
        x = unpack(x, self)
        return self._add(x, super().forward(x))

    def forward_batch(self, rows: Sequence[Any]) -> list[Any]:
        """Pass all samples through each step together, and add each to its own result."""
        outputs = super().forward_batch(rows)
        pairs = zip(rows, outputs, strict=True)
        return [self._add(unpack(row, self), output) for row, output in pairs]

    def _add(self, x: Any, y: Any) -> Any:
        if not is_list(x) and not is_list(y):
            try:
                return x + y
            except TypeError:
                pass  # None, say, of a function without a return
        if not is_list(x) or not is_list(y) or len(x) != len(y):
            raise LengthError(
                f"{describe(self)} adds its input to what its steps return, which must have one "
                f"shape: the input is {_describe_shape(x)}, the result {_describe_shape(y)}"
            )
        return [self._add(one, other) for one, other in zip(x, y, strict=True)]


def as_sequence(x: Lists, module: Module) -> Sequence[Any]:
    """Return the positions of a sequence.

    Args:
        x: A list, a tuple or an array.
        module: The module that errors name.

    Raises:
        LengthError: If it is empty, or not a sequence.

    Example:
        >>> as_sequence([[1.0], [2.0]], Module())
        [[1.0], [2.0]]
    """
    x = unpack(x, module)
    if not is_list(x) or not len(x):
        raise LengthError(f"{describe(module)} takes a sequence of at least one step, not {x!r}")
    return x


def as_rows(x: Lists, size: int, module: Module) -> list[Inputs]:
    """Return a sequence of rows as Values; numbers become inputs labeled x0, x1, … in each row.

    Args:
        x: The rows.
        size: How many numbers each must have.
        module: The module that errors name.

    Raises:
        LengthError: If there are no rows, or one has another length.
        DataError: If an item is not a number.

    Example:
        >>> [[item.data for item in row] for row in as_rows([[1.0, 2.0]], 2, Module())]
        [[1.0, 2.0]]
    """
    return [as_inputs(row, size, module) for row in as_sequence(x, module)]


def _describe_shape(x: Any) -> str:
    if not is_list(x):
        return "one number" if isinstance(x, Value) else type(x).__name__
    return f"a list of {len(x)}"
