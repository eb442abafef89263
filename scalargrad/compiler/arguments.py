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

__all__ = ["Arguments", "as_batch"]

_FLOAT64 = numpy.dtype(float)


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
        self._has_integers = any(integers)
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
        if self._has_integers:
            return False
        samples = 0
        widths = []
        for argument in arguments:
            # Nearly all arrays of float64 share one dtype; others are converted.
            if type(argument) is not numpy.ndarray or argument.dtype is not _FLOAT64:
                return False
            if argument.ndim != 2:
                return False
            length, width = argument.shape
            samples = samples or length
            if length != samples:
                return False
            widths.append(width)
        return samples > 0 and tuple(widths) == self.sizes

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


def as_batch(array: Array, size: int, position: int) -> Array:
    """Return an argument, an array of NumPy or JAX, as (batch, size).

    Args:
        array: Such an array, or (batch,) where the size is 1.
        size: The length of the argument.
        position: Which argument it is, for the error.

    Raises:
        LengthError: It has another shape.

    Example:
        >>> as_batch(numpy.array([1.0, 2.0]), 1, 0).shape
        (2, 1)
    """
    if array.ndim == 1 and size == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != size:
        raise LengthError(
            f"argument {position} must have the shape (batch, {size}), not {array.shape}"
        )
    return array


def _as_array(argument: ArrayLike, size: int, position: int) -> Array:
    try:
        array = numpy.asarray(argument, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"argument {position} must be an array of numbers, (batch, {size}): {error}"
        ) from None
    return as_batch(array, size, position)


def _check_whole(argument: ArrayLike, array: Array, position: int) -> None:
    """Raise DataError for an argument of integers that holds anything else."""
    kind = numpy.asarray(argument).dtype.kind
    if kind in "iu":
        return
    if kind == "b":
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
        self._arguments: list[int] = []
        if (program.code[rows] == INPUT).all():
            # Then none depends on another, and their order is free.
            rows.sort(key=program.place.__getitem__)
            self._arguments = _find_arguments(program.place[rows].tolist(), sizes)
        self._lengths = numpy.array([indices.lengths[row] for row in rows])
        self._names = [_name(program, sizes, row) for row in rows]
        only_indices = replace(program, outputs=numpy.array(rows, numpy.int32), parameters=0)
        self._backend = NumpyBackend(remove_dead_rows(only_indices), sizes)

    def check(self, arrays: Sequence[Array]) -> None:
        """Raise OptionError for an index that is not a whole number in the range of its table."""
        indices = self._read(arrays)
        nearest = numpy.minimum(numpy.maximum(numpy.floor(indices), 0.0), self._lengths - 1.0)
        # Also true of nan.
        is_wrong = nearest != indices
        if not numpy.count_nonzero(is_wrong):
            return

        # The first index in order: what is computed from it may be wrong as a consequence.
        column = int(numpy.flatnonzero(is_wrong.any(axis=0))[0])
        sample = int(numpy.flatnonzero(is_wrong[:, column])[0])
        asked = repr(float(indices[sample, column])).removesuffix(".0")
        raise OptionError(
            f"{self._names[column]} looks up a table with the indices 0 to "
            f"{self._lengths[column] - 1}, but sample {sample} asks for {asked}"
        )

    def _read(self, arrays: Sequence[Array]) -> Array:
        """Return all indices, (batch, k)."""
        if self._arguments:
            whole = [arrays[argument] for argument in self._arguments]
            return whole[0] if len(whole) == 1 else numpy.concatenate(whole, axis=1)
        batch = len(arrays[0]) if arrays else 1
        nothing = numpy.zeros((batch, 0))
        return self._backend.outputs(arrays, numpy.zeros(0), nothing)


def _find_arguments(places: list[int], sizes: Sequence[int]) -> list[int]:
    """Return the arguments that are all of these places, in order; none if only parts of one are.

    Example:
        >>> _find_arguments([2, 3, 5], [2, 2, 1, 1])
        [1, 3]
        >>> _find_arguments([2, 5], [2, 2, 1, 1])
        []
    """
    arguments = []
    covered: list[int] = []
    start = 0
    for argument, size in enumerate(sizes):
        end = start + size
        if start in places:
            arguments.append(argument)
            covered += range(start, end)
        start = end
    return arguments if covered == places else []


def _name(program: Program, sizes: Sequence[int], row: int) -> str:
    """What errors call an index."""
    if program.code[row] != INPUT:
        return "an index that the function computes"
    ends = numpy.cumsum(sizes)
    place = program.place[row]
    argument = int(numpy.searchsorted(ends, place, side="right"))
    return f"argument {argument}"
