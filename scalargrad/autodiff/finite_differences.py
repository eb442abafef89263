"""Central differences: the step, and the derivative by any one number of an argument.

A central difference (f(x + h) - f(x - h)) / 2h has two errors: h²·f‴/6, because the Taylor series
is cut off there, and about ε·|f|/h with ε = 2⁻⁵², because f is rounded. Their sum is smallest for h
near ∛ε times the scale on which f changes. That scale is not known; |x| is taken for it, but at
least 1: h = ∛ε·max(|x|, 1). So the step is never lost in the rounding of a large x, and the
derivative loses about ε^⅔ ≈ 4e-11 for a function whose derivatives are near 1. (Dennis and
Schnabel, Numerical Methods for Unconstrained Optimization and Nonlinear Equations, 1983, section
5.4; Press et al., Numerical Recipes, section 5.7.)
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.conversion import as_float, plain
from scalargrad.core.nested import (
    copy_tree,
    dict_like,
    float_array,
    is_array,
    is_tree,
    map_tree,
    object_array,
    sequence_like,
    tree_leaves,
    unflatten,
)
from scalargrad.core.value import Number, Value
from scalargrad.errors import DataError

from .trees import Function, Tree

EPSILON = sys.float_info.epsilon
STEP = EPSILON ** (1.0 / 3.0)
"""The relative step, ∛ε ≈ 6.06e-6."""


def step_around(x: float, step: float) -> tuple[float, float]:
    """Return x - h and x + h.

    Args:
        x: The number in the middle.
        step: h relative to max(|x|, 1).

    Example:
        >>> step_around(4.0, 0.25)
        (3.0, 5.0)
    """
    h = step * max(abs(x), 1.0)
    return x - h, x + h


class CentralDifferences:
    """The derivatives of `f` at `x` by central differences; call it with the index of a number.

    It can be pickled where `f` can: another process then computes the same bits.

    Args:
        f: A function of one argument that returns one number.
        x: The argument.
        step: h relative to max(|x|, 1).

    Attributes:
        template: Makes the arguments of `f`.

    Example:
        >>> differences = CentralDifferences(lambda x: x[0] * x[1], [2.0, 3.0])
        >>> [round(differences(index), 6) for index in range(len(differences))]
        [3.0, 2.0]
    """

    def __init__(self, f: Function, x: Tree[Number], step: float = STEP) -> None:
        self.f = f
        self.step = step
        self.template = TreeTemplate(x)

    def __len__(self) -> int:
        return len(self.template)

    def __call__(self, index: int) -> float:
        low, high = step_around(self.template[index], self.step)
        difference = self._evaluate(index, high) - self._evaluate(index, low)
        # Not divided by 2h: x ± h are rounded, so their distance as floats is another.
        return difference / (high - low)

    def _evaluate(self, index: int, number: float) -> float:
        result = self.f(self.template.copy_with(index, number))
        if is_tree(result):
            kind = type(result).__name__
            raise DataError(
                f"numerical_gradient needs a function that returns one number, not {kind}"
            )
        # `blocks` takes the number out of an array without dimensions.
        return to_float(tree_leaves(result)[0], "the result")

    def __reduce__(self) -> tuple[object, ...]:
        # Made again in the other process: the copiers of the template are closures, which can't be
        # pickled.
        return type(self), (self.f, self.template.copy(), self.step)


class TreeTemplate:
    """Makes copies of a tree, with any one number replaced.

    A copy has floats for numbers, new Values for Values, and arrays of float64 for arrays of
    numbers. The tree is taken apart once, and numbers side by side in a list or an array are copied
    as a whole, so a copy of 80,000 weights takes less than a millisecond.

    Args:
        tree: The tree.

    Attributes:
        copy: Makes a copy with the numbers of the tree.

    Raises:
        DataError: For an entry that is not a real number.

    Example:
        >>> template = TreeTemplate([1, (2.0, 3.0)])
        >>> len(template), template[2]
        (3, 3.0)
        >>> template.copy_with(2, 9.0), template.copy()
        ([1.0, (2.0, 9.0)], [1.0, (2.0, 3.0)])
    """

    def __init__(self, tree: Tree[Number]) -> None:
        # Copied, because f may hold the original and change it.
        self._tree = copy_tree(tree, "x")
        self._parts: list[Part] = []
        self.copy = _copier(self._tree, self._parts)
        self._places = [(part, i) for part in self._parts for i in range(len(part))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> float:
        part, place = self._places[index]
        return float(part[place])

    def copy_with(self, index: int, number: float) -> Any:
        """Return a copy in which one number is replaced."""
        part, place = self._places[index]
        before = part[place]
        part[place] = number
        try:
            return self.copy()
        finally:
            part[place] = before

    def fill(self, numbers: Iterable[float]) -> Any:
        """Return the containers of the tree with other numbers, all of them floats."""
        return unflatten(self._tree, numbers, float_array)


Part = list[float] | Any
"""Numbers side by side: a list, or the flat array that a copy is made of."""

Copier = Callable[[], Any]


def _copier(tree: object, parts: list[Part]) -> Copier:
    """Return a function that copies a tree.

    It reads the numbers from the parts that are added to `parts`, so a number that is replaced
    there is replaced in the copy.
    """
    if isinstance(tree, dict):
        copiers = {key: _copier(item, parts) for key, item in tree.items()}
        return lambda: dict_like(tree, {key: copy() for key, copy in copiers.items()})
    if isinstance(tree, list | tuple):
        return _row_copier(tree, parts)
    if is_array(tree):
        return _array_copier(tree, parts)
    if tree is None:
        return lambda: None
    copy_row = _flat_copier([tree], parts)
    return lambda: next(iter(copy_row()))


def _row_copier(row: Sequence[object], parts: list[Part]) -> Copier:
    if not any(map(is_tree, row)):
        copy_items = _flat_copier(row, parts)
        return lambda: sequence_like(row, copy_items())
    copiers = [_copier(item, parts) for item in row]
    return lambda: sequence_like(row, [copy() for copy in copiers])


def _flat_copier(row: Iterable[object], parts: list[Part]) -> Callable[[], Iterable[Number]]:
    """Return a function that copies the numbers and Values of a row.

    It may return the part itself; the caller copies that into a container.
    """
    items = [item if item is None else tree_leaves(item)[0] for item in row]
    part = [to_float(item, "a number of x") for item in items]
    parts.append(part)
    is_value = [isinstance(item, Value) for item in items]
    if not any(is_value):
        return lambda: part
    return lambda: [Value(x) if value else x for x, value in zip(part, is_value, strict=True)]


def _array_copier(array: NDArray[Any], parts: list[Part]) -> Copier:
    if array.dtype.kind not in "biuf":
        copy_items = _flat_copier(array.ravel().tolist(), parts)
        return lambda: object_array(list(copy_items()), array.shape)
    part = numpy.array(array, dtype=float, order="C").reshape(-1)
    parts.append(part)
    return partial(numpy.copy, part.reshape(array.shape))


def to_float(item: object, what: str) -> float:
    """Return an item of a tree as a float, or raise DataError, which names `what`.

    Example:
        >>> to_float(Value(2.0), "x")
        2.0
    """
    if isinstance(item, Value):
        # Not `_data`: while a function is recorded, `data` raises, because the number of a
        # recording is only an example.
        return item.data
    if hasattr(item, "named_parameters"):
        raise DataError(
            f"{what} must be a real number, not a {type(item).__name__}: to move the weights of a "
            "model, give nn.Objective(model, measure) as the function, and its .numbers"
        )
    return as_float(item, what)


def reads_argument(f: Function, x: Tree[Number]) -> bool:
    """Return whether `f` reads any number of its argument; True if that is unknown.

    A derivative that is 0 everywhere may be right: of a ReLU that is off, of a step, of x² at 0.
    It is a mistake if `f` computes with anything but its argument. Neither the numbers nor the
    names in the source can tell the two cases apart, since `f` may pass its argument on to a
    function that ignores it. So `f` is called once more, with Values that notice when they are
    read. To compute, compare, convert or print, their number has to be read. A function that does
    not take Values raises, and so has looked at its argument.

    Args:
        f: The function.
        x: Its argument.

    Example:
        >>> reads_argument(lambda x: 1.0 if x[0] > 0.0 else 0.0, [2.0])
        True
        >>> reads_argument(lambda x: 7.0, [2.0])
        False
    """
    was_read = False

    class Spy(Value):
        __slots__ = ("_number",)

        @property
        def _data(self) -> float:
            nonlocal was_read
            was_read = True
            return self._number

        @_data.setter
        def _data(self, number: float) -> None:
            self._number = number

        def __float__(self) -> float:
            # Without the warning of Value.__float__ that the graph ends here: no graph is wanted.
            return self._data

        # Value compares by identity with ==, which reads no number.

        def __eq__(self, other: object) -> bool:
            return bool(self._data == plain(other))

        def __ne__(self, other: object) -> bool:
            return bool(self._data != plain(other))

        def __hash__(self) -> int:
            return hash(self._data)

    try:
        f(map_tree(lambda number: Spy(plain(number)), x))
    except Exception:
        return True
    return was_read
