"""Sequences of different lengths as one array."""

from collections.abc import Iterable, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int
from scalargrad.errors import LengthError, OptionError

from .checks import SamplesLike, as_array, as_floats, check_finite


def pad_sequences(
    sequences: Iterable[SamplesLike], value: float = 0, length: int | None = None
) -> NDArray[Any]:
    """Pad sequences at the end to the same length.

    `training.fit` takes sequences as they are, and compiles a program for each length. Where there
    are many lengths, one program over padded sequences is faster to make. That gives the same
    numbers for a model in which no position depends on later ones, such as causal attention or a
    recurrent cell, and a loss that ignores the padding.

    Args:
        sequences: Lists or arrays of numbers, or of rows of numbers.
        value: What to fill with.
        length: The length to fill to; None for that of the longest sequence.

    Returns:
        An array (n, length), or (n, length, size) for rows of numbers: of int64 if everything is
        a whole number, such as a token, else of float64.

    Raises:
        DataError: For anything but finite numbers.
        LengthError: For no sequences, an empty one, and rows of different sizes.
        OptionError: For a sequence that is longer than `length`, and a value that is not finite.

    Example:
        >>> tokens = [[7, 4, 24], [2]]
        >>> pad_sequences(tokens)
        array([[ 7,  4, 24],
               [ 2,  0,  0]])
        >>> targets = pad_sequences([[4, 24, 0], [5]], -100)  # for ignore_index=-100
        >>> targets.tolist()
        [[4, 24, 0], [5, -100, -100]]
    """
    if not isinstance(sequences, Iterable):
        raise LengthError(f"pad_sequences takes a list of sequences, not {sequences!r}")
    arrays = [_as_sequence(items, f"sequences[{i}]") for i, items in enumerate(sequences)]
    if not arrays:
        raise LengthError("pad_sequences has no sequences: give at least one")
    lengths = [len(array) for array in arrays]
    total = max(lengths) if length is None else checked_int(length, "length", 1)
    filling = np.asarray(value) if _is_whole(value) else np.asarray(check_finite(value, "value"))

    shape = arrays[0].shape[1:]
    padded = np.full((len(arrays), total, *shape), filling, np.result_type(filling, *arrays))
    for i, array in enumerate(arrays):
        if array.shape[1:] != shape:
            raise LengthError(
                f"sequences[{i}] has rows of the shape {array.shape[1:]}, the first {shape}"
            )
        if len(array) > total:
            raise OptionError(
                f"sequences[{i}] is longer than length={total}, with {len(array)} steps: cut it, "
                "or leave length out"
            )
        padded[i, : len(array)] = array
    return padded


def _as_sequence(items: SamplesLike, what: str) -> NDArray[Any]:
    if isinstance(items, str) or not isinstance(items, Sized):
        raise LengthError(f"{what} must be a list or an array, not {items!r}")
    if len(items) == 0:
        raise LengthError(f"{what} is empty: leave it out")
    array = as_array(items, what)
    return array.astype(np.int64) if array.dtype.kind in "iu" else as_floats(items, what)


def _is_whole(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        return False
    # A larger one is a float64, as it is among the numbers of sequences.
    return -(2**63) <= int(value) < 2**63
