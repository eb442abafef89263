"""What a training learns from: samples with their targets, in the order of an epoch, and those that are held out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy

from ..conversion import is_number
from ..data import epoch_order, split
from ..errors import DataError, LengthError, OptionError


@dataclass(frozen=True)
class Samples:
    """Samples and their targets, as many of the one as of the other."""

    inputs: list[Any]
    targets: list[Any]

    def __len__(self) -> int:
        return len(self.inputs)

    def batches(self, size: int | None, seed: int | None, epoch: int, least: int = 1) -> Iterator[list[int]]:
        """The indexes of an epoch's samples in parts, in an order that depends on seed and epoch alone.

        A rest of fewer than `least` joins the part before it.
        """
        order, starts = epoch_order(len(self), seed, epoch).tolist(), self.starts(size, least)
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            yield order[start:end]

    def starts(self, size: int | None, least: int = 1) -> list[int]:
        """Where each batch begins."""
        starts = list(range(0, len(self), size or len(self)))
        return starts[:-1] if len(starts) > 1 and len(self) - starts[-1] < least else starts

    def part(self, indexes: Any) -> "Samples":
        """Those of the samples that have these indexes."""
        return Samples([self.inputs[i] for i in indexes], [self.targets[i] for i in indexes])

    @cached_property
    def checksum(self) -> str:
        """What tells them from others; looked at once, as every number counts."""
        return f"{len(self)} samples, {crc32(repr((self.inputs, self.targets)).encode()):08x}"


def samples_of(X: Any, y: Any, names: tuple[str, str] = ("X", "y")) -> Samples:
    """Arrays or lists as Samples. Each sample may be what the model takes: a row of numbers, an image, a sequence of any length.

    Raises DataError for what is no list, LengthError for none or for different lengths.

    >>> samples_of(numpy.eye(2), [0, 1]).inputs
    [[1.0, 0.0], [0.0, 1.0]]
    """
    inputs, targets = _listed(X, names[0]), _listed(y, names[1])
    if len(inputs) != len(targets):
        raise LengthError(f"{names[0]} and {names[1]} must be of one length: {len(inputs)} samples, {len(targets)} targets")
    if not inputs:
        raise LengthError(f"{names[0]} has no samples: give at least one")
    return Samples(inputs, targets)


def held_out(samples: Samples, validation: Any, seed: int | None) -> tuple[Samples, Samples | None]:
    """The samples to train on, and those to validate with: given as (X, y), taken from the samples as a share, or None.

    Raises OptionError for what is none of the three.
    """
    if validation is None:
        return samples, None
    if is_number(validation):
        indexes = list(range(len(samples)))
        kept, held, _, _ = split(indexes, indexes, test=validation, seed=seed or 0)
        return samples.part(kept.tolist()), samples.part(held.tolist())
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise OptionError(f"validation must be (X, y), or a share of the samples such as 0.2, not {type(validation).__name__}")
    X, y = validation
    return samples, samples_of(X, y, names=("X of validation", "y of validation"))


def _listed(things: Any, what: str) -> list[Any]:
    if isinstance(things, numpy.ndarray) and things.ndim:
        listed: list[Any] = things.tolist()
        return listed
    if isinstance(things, str) or not hasattr(things, "__len__") or not hasattr(things, "__getitem__") or isinstance(things, dict):
        raise DataError(f"{what} must be an array or a list with one entry for each sample, not {type(things).__name__}")
    return [row.tolist() if isinstance(row, numpy.ndarray) else row for row in things]
