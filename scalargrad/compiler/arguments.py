"""Arguments of a program: arrays of the right shapes, and indices within the range of tables."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

import numpy
from numpy.typing import ArrayLike

from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.utils.counting import plural

from .array_types import Array
from .indices import Indices, find_indices
from .numpy_backend import NumpyBackend
from .program import INPUT, Program
from .rewriting import remove_dead_rows

__all__ = ["Arguments"]


class Arguments:
    """Checks what a program is called with.

    Args:
        program: The program, after all passes.
        sizes: The length of each argument.
        integers: Whether each argument holds integers.
    """

    def __init__(self, program: Program, sizes: Sequence[int], integers: Sequence[bool]) -> None:
        self.sizes = tuple(sizes)
        self._integers = tuple(integers)
        indices = find_indices(program)
        self._look_ups = _LookUps(indices, self.sizes) if indices.lengths else None

    def check(self, arguments: Sequence[ArrayLike]) -> list[Array]:
        """Return the arguments as arrays (batch, n) of equal length, with all indices in range.

        Raises:
            LengthError: There are too few or too many, or one has another shape.
            DataError: One is not made of numbers, or of whole numbers where it holds integers.
            OptionError: An index is out of range.
        """
        arrays = self.as_arrays(arguments)
        self.check_indices(arrays)
        return arrays

    def as_arrays(self, arguments: Sequence[ArrayLike]) -> list[Array]:
        """Return the arguments as `check` does, but with indices that are not checked."""
        if self._are_ready(arguments):
            return [*arguments]
        self.check_count(arguments)
        arrays = []
        for i, (argument, size) in enumerate(zip(arguments, self.sizes, strict=True)):
            array = _as_array(argument, size, i)
            if self._integers[i]:
                _check_whole(argument, array, i)
            arrays.append(array)

        lengths = {len(array) for array in arrays}
        if len(lengths) > 1:
            raise LengthError(
                "all arguments must have one row for each sample, but they have "
                f"{', '.join(map(str, sorted(lengths)))}"
            )
        if lengths == {0}:
            raise LengthError("the batch is empty: give at least one sample")
        return arrays

    def _are_ready(self, arguments: Sequence[ArrayLike]) -> TypeGuard[Sequence[Array]]:
        """Return whether all are float64 arrays of the right shapes, as in nearly every call."""
        if any(self._integers):
            return False
        shapes = []
        for argument in arguments:
            if type(argument) is not numpy.ndarray or argument.dtype != float:
                return False
            shapes.append(argument.shape)
        samples = shapes[0][0] if shapes and shapes[0] else 0
        return samples > 0 and shapes == [(samples, size) for size in self.sizes]

    def check_count(self, arguments: Sequence[object]) -> None:
        """Raise LengthError if there are too few or too many arguments."""
        if len(arguments) != len(self.sizes):
            raise LengthError(
                f"the program takes {plural(len(self.sizes), 'argument')}, of lengths "
                f"{self.sizes}, but was given {len(arguments)}"
            )

    def check_indices(self, arrays: Sequence[Array]) -> None:
        """Raise OptionError if an index that a program looks up is out of range, or not whole."""
        if self._look_ups is not None:
            self._look_ups.check(arrays)


def _as_array(argument: ArrayLike, size: int, position: int) -> Array:
    try:
        array = numpy.asarray(argument, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"argument {position} must be an array of numbers, (batch, {size}): {error}"
        ) from None
    if array.ndim == 1 and size == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != size:
        raise LengthError(
            f"argument {position} must have the shape (batch, {size}), not {array.shape}"
        )
    return array


def _check_whole(argument: ArrayLike, array: Array, position: int) -> None:
    """Raise DataError for an argument of integers that holds anything else."""
    if numpy.asarray(argument).dtype == bool:
        raise DataError(f"argument {position} must be integers, not True and False")
    is_whole = numpy.isfinite(array) & (numpy.floor(array) == array)
    if not is_whole.all():
        sample, place = numpy.argwhere(~is_whole)[0].tolist()
        raise DataError(
            f'argument {position} must be integers, as inputs declares it "token": sample {sample} '
            f"has {float(array[sample, place])!r}"
        )


class _LookUps:
    """The indices that a program looks up, as a program of their own.

    It runs before the program itself, so that nothing is computed from a wrong index.
    """

    def __init__(self, indices: Indices, sizes: Sequence[int]) -> None:
        program = indices.program
        rows = list(indices.lengths)
        self._lengths = numpy.array([*indices.lengths.values()])
        self._names = [_name(program, sizes, row) for row in rows]
        self._argument = _as_argument(program, sizes, rows)
        only_indices = replace(program, outputs=numpy.array(rows, numpy.int32), parameters=0)
        self._backend = NumpyBackend(remove_dead_rows(only_indices), sizes)

    def check(self, arrays: Sequence[Array]) -> None:
        """Raise OptionError for an index that is not a whole number in the range of its table."""
        indices = self._read(arrays)
        is_inside = (indices >= 0) & (indices < self._lengths) & (indices == numpy.floor(indices))
        if is_inside.all():
            return

        # The first index in order: what is computed from it may be wrong as a consequence.
        column = int(numpy.flatnonzero(~is_inside.all(axis=0))[0])
        sample = int(numpy.flatnonzero(~is_inside[:, column])[0])
        asked = repr(float(indices[sample, column])).removesuffix(".0")
        raise OptionError(
            f"{self._names[column]} looks up a table with the indices 0 to "
            f"{self._lengths[column] - 1}, but sample {sample} asks for {asked}"
        )

    def _read(self, arrays: Sequence[Array]) -> Array:
        """Return all indices, (batch, k)."""
        if self._argument is not None:
            return arrays[self._argument]
        batch = len(arrays[0]) if arrays else 1
        nothing = numpy.zeros((batch, 0))
        return self._backend.outputs(arrays, numpy.zeros(0), nothing)


def _as_argument(program: Program, sizes: Sequence[int], rows: Sequence[int]) -> int | None:
    """The argument that indices are, where they are all of one, in order, as nearly always."""
    if not (program.code[rows] == INPUT).all():
        return None
    places = program.place[rows].tolist()
    ends = numpy.cumsum(sizes).tolist()
    for argument, (size, end) in enumerate(zip(sizes, ends, strict=True)):
        if places == list(range(end - size, end)):
            return argument
    return None


def _name(program: Program, sizes: Sequence[int], row: int) -> str:
    """What errors call an index."""
    if program.code[row] != INPUT:
        return "an index that the function computes"
    ends = numpy.cumsum(sizes)
    place = program.place[row]
    argument = int(numpy.searchsorted(ends, place, side="right"))
    return f"argument {argument}"
