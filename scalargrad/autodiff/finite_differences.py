"""Central differences: the step, and the slope of a function along any one number of its argument, at little more than two calls.

A central difference (f(x + h) - f(x - h)) / 2h is wrong by h²·f‴/6, because the Taylor series ends there, and by about ε·|f|/h,
because f is rounded, with ε = 2⁻⁵². The sum is least for h near ∛ε times the scale on which f changes. That scale is not
known; |x| stands for it, but no less than 1: h = ∛ε·max(|x|, 1). So the step is never lost in the rounding of a large x, and
about ε^⅔ ≈ 4e-11 of the derivative is lost for a function whose derivatives are near 1. (Dennis and Schnabel, Numerical Methods
for Unconstrained Optimization and Nonlinear Equations, 1983, section 5.4; Press et al., Numerical Recipes, section 5.7.)
"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy

from scalargrad.core.conversion import as_float, plain
from scalargrad.core.nested import (
    array_of,
    blocks,
    dict_like,
    float_array,
    is_array,
    is_nest,
    mapped,
    refilled,
    row_like,
    snapshot,
)
from scalargrad.core.value import Value
from scalargrad.errors import DataError

Function = Callable[..., Any]
EPSILON = sys.float_info.epsilon
STEP = EPSILON ** (1.0 / 3.0)
"""The relative step, ∛ε ≈ 6.06e-6."""


def around(x: float, step: float) -> tuple[float, float]:
    """x - h and x + h.

    >>> around(4.0, 0.25)
    (3.0, 5.0)
    """
    h = step * max(abs(x), 1.0)
    return x - h, x + h


class Slopes:
    """The slopes of `f` at `x`: called with the index of a number of `x`, it returns the derivative by that number.

    It can be pickled where `f` can: another process then computes the same bits.

    >>> slopes = Slopes(lambda x: x[0] * x[1], [2.0, 3.0])
    >>> [round(slopes(index), 6) for index in range(len(slopes))]
    [3.0, 2.0]
    """

    def __init__(self, f: Function, x: Any, step: float = STEP) -> None:
        self.f, self.step, self.mold = f, step, Mold(x)

    def __len__(self) -> int:
        return len(self.mold)

    def __call__(self, index: int) -> float:
        """The central difference. It divides by the distance of the points as floats, which is not quite 2h."""
        low, high = around(self.mold[index], self.step)
        return (self._at(index, high) - self._at(index, low)) / (high - low)

    def _at(self, index: int, number: float) -> float:
        result = self.f(self.mold.moved(index, number))
        if is_nest(result):
            raise DataError(
                f"numerical_gradient needs a function that returns one number, not {type(result).__name__}"
            )
        return plain_number(
            blocks(result)[0], "the result"
        )  # which may be an array without dimensions

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.f, self.mold.fresh(), self.step)


class Mold:
    """Makes fresh copies of a nest, any one number moved: floats for numbers, Values for Values, arrays of float64 for arrays of numbers.

    The nest is taken apart once. What lies flat in a list or an array is copied as a whole, so a copy of 80,000 weights costs less than
    a millisecond, whichever of them moved. Raises DataError for what is not a real number.

    >>> mold = Mold([1, (2.0, 3.0)])
    >>> len(mold), mold[2], mold.moved(2, 9.0), mold.fresh()
    (3, 3.0, [1.0, (2.0, 9.0)], [1.0, (2.0, 3.0)])
    """

    def __init__(self, nest: Any) -> None:
        self._nest = snapshot(nest, "x")  # f may have the original in its hands, and change it
        self._parts = list[Any]()
        self.fresh = _maker(self._nest, self._parts)
        self._places = [(part, place) for part in self._parts for place in range(len(part))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> float:
        part, place = self._places[index]
        return float(part[place])

    def moved(self, index: int, number: float) -> Any:
        """A fresh copy in which one number is another."""
        part, place = self._places[index]
        before, part[place] = part[place], number
        try:
            return self.fresh()
        finally:
            part[place] = before

    def filled(self, numbers: Iterable[float]) -> Any:
        """The same containers with other numbers: floats, also for Values, and arrays of float64."""
        return refilled(self._nest, numbers, float_array)


Maker = Callable[[], Any]


def _maker(nest: Any, parts: list[Any]) -> Maker:
    """A function that makes a copy of the nest; it reads the numbers from lists (and flat arrays) that it adds to `parts`."""
    if isinstance(nest, dict):
        makers = {key: _maker(item, parts) for key, item in nest.items()}
        return lambda: dict_like(nest, {key: make() for key, make in makers.items()})
    if isinstance(nest, list | tuple):
        return _row_maker(nest, parts)
    if is_array(nest):
        return _array_maker(nest, parts)
    if nest is None:
        return lambda: None
    row = _flat_maker([nest], parts)
    return lambda: next(iter(row()))


def _row_maker(row: Any, parts: list[Any]) -> Maker:
    if not any(map(is_nest, row)):
        flat = _flat_maker(row, parts)
        return lambda: row_like(row, flat())
    makers = [_maker(item, parts) for item in row]
    return lambda: row_like(row, [make() for make in makers])


def _flat_maker(row: Iterable[Any], parts: list[Any]) -> Callable[[], Iterable[Any]]:
    """For numbers and Values side by side. What it makes has yet to be copied into its container."""
    items = [item if item is None else blocks(item)[0] for item in row]
    part = [plain_number(item, "a number of x") for item in items]
    parts.append(part)
    values = [isinstance(item, Value) for item in items]
    if not any(values):
        return lambda: part
    return lambda: [Value(x) if value else x for x, value in zip(part, values, strict=True)]


def _array_maker(array: Any, parts: list[Any]) -> Maker:
    if array.dtype.kind not in "biuf":
        flat = _flat_maker(array.ravel().tolist(), parts)
        return lambda: array_of(list(flat()), array.shape)
    part = numpy.array(array, dtype=float, order="C").reshape(-1)
    parts.append(part)
    return partial(numpy.copy, part.reshape(array.shape))


def plain_number(item: Any, what: str) -> float:
    """The number of an item of a nest; raises DataError, which names `what`, for anything else."""
    if isinstance(item, Value):
        return item.data  # and not `_data`: while a function is recorded, this one refuses
    if hasattr(item, "named_parameters"):
        raise DataError(
            f"{what} must be a real number, not a {type(item).__name__}: to move the weights of a "
            "model, give nn.Objective(model, measure) as the function, and its .numbers"
        )
    return as_float(item, what)


def reads_its_argument(f: Function, x: Any) -> bool:
    """Whether `f` looks at any number that it is given; True where that can't be told.

    A derivative that is 0 everywhere may be right: of a ReLU that is off, of a step, of x² at 0.
    It is a mistake where `f` computes with something else than its argument. The numbers alone can't
    tell one from the other, nor can the names in the source, for `f` may hand its argument on to
    somebody who ignores it. So `f` is called once more, with numbers that notice when they are
    asked for. They are Values, so whatever computes, compares, converts or prints them asks them.
    A function that does not take Values raises, and has looked at what it was given.

    Args:
        f: The function.
        x: Its argument.

    Example:
        >>> reads_its_argument(lambda x: 1.0 if x[0] > 0.0 else 0.0, [2.0])
        True
        >>> reads_its_argument(lambda x: 7.0, [2.0])
        False
    """
    asked = False

    class Asked(Value):
        __slots__ = ("_kept",)

        @property
        def _data(self) -> float:
            nonlocal asked
            asked = True
            return self._kept

        @_data.setter
        def _data(self, number: float) -> None:
            self._kept = number

        def __float__(self) -> float:
            return self._data  # without the warning that the graph ends here: nobody wants one

        def __eq__(self, other: object) -> bool:
            return bool(self._data == plain(other))

        def __ne__(self, other: object) -> bool:
            return bool(self._data != plain(other))

        def __hash__(self) -> int:
            return hash(self._data)

    try:
        f(mapped(lambda number: Asked(plain(number)), x))
    except Exception:
        return True
    return asked
