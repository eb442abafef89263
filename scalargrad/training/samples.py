"""What a training learns from: samples with their targets, in the order of an epoch, and those that are held out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy

from scalargrad.core.conversion import is_number
from scalargrad.data import epoch_order, split
from scalargrad.errors import LengthError, OptionError

from .inputs import Rows, read_rows

_UNKNOWN = Rows([], None)


@dataclass(frozen=True)
class Samples:
    """Samples and their targets, as many of the one as of the other.

    Attributes:
        inputs: The samples.
        targets: Their targets.
        weights: How much each counts in the loss; None for all alike.
        original_indices: The index of each in the user's X; None where that is its own.
        x_rows: How the samples were read.
        y_rows: How the targets were read.
    """

    inputs: list[Any]
    targets: list[Any]
    weights: list[float] | None = None
    original_indices: list[int] | None = None
    x_rows: Rows = field(default=_UNKNOWN, repr=False, compare=False)
    y_rows: Rows = field(default=_UNKNOWN, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.inputs)

    def batches(
        self, size: int | None, seed: int | None, epoch: int, least: int
    ) -> Iterator[list[int]]:
        """The indexes of an epoch's samples in parts, in an order that depends on seed and epoch alone.

        A rest of fewer than `least` joins the part before it.
        """
        order, starts = epoch_order(len(self), seed, epoch).tolist(), self.starts(size, least)
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            yield order[start:end]

    def starts(self, size: int | None, least: int) -> list[int]:
        """Where each batch begins."""
        starts = list(range(0, len(self), size or len(self)))
        return starts[:-1] if len(starts) > 1 and len(self) - starts[-1] < least else starts

    def subset(self, indexes: Any) -> "Samples":
        """Those of the samples that have these indexes."""
        return replace(
            self,
            inputs=[self.inputs[i] for i in indexes],
            targets=[self.targets[i] for i in indexes],
            weights=None if self.weights is None else [self.weights[i] for i in indexes],
            original_indices=[self.original_index(i) for i in indexes],
        )

    def original_index(self, index: int) -> int:
        """The index in the user's X of the sample that has this index here."""
        return index if self.original_indices is None else self.original_indices[index]

    def examples(self, most: int = 50) -> list[int]:
        """The index of one sample of each structure that there is, up to `most` of them."""
        if self.x_rows.shape is not None:
            return [0]
        found: dict[Any, int] = {}
        for i, x in enumerate(self.inputs):
            found.setdefault(_structure(x), i)
            if len(found) == most:
                break
        return list(found.values())

    @cached_property
    def checksum(self) -> str:
        """What tells them from others; looked at once, as every number counts."""
        everything = (
            (self.inputs, self.targets)
            if self.weights is None
            else (self.inputs, self.targets, self.weights)
        )
        return f"{len(self)} samples, {crc32(repr(everything).encode()):08x}"


def read_samples(
    X: Any, y: Any, names: tuple[str, str] = ("X", "y"), *, weights: Any = None, finite: bool = True
) -> Samples:
    """Read arrays or lists as Samples. Each sample may be what the model takes: a row, an image, a sequence of any length.

    Args:
        X: The samples.
        y: Their targets.
        names: What messages call the two.
        weights: How much each counts in the loss; None for all alike.
        finite: Whether nan and inf are refused.

    Raises:
        DataError: For anything that is no list of numbers; the message says where.
        LengthError: For no samples, or as many targets as there are not samples.
        OptionError: For weights below 0, or none above 0.

    Example:
        >>> read_samples(numpy.eye(2), [0, 1]).inputs
        [[1.0, 0.0], [0.0, 1.0]]
    """
    x_rows, y_rows = read_rows(X, names[0], finite), read_rows(y, names[1], finite)
    inputs, targets = x_rows.items, y_rows.items
    if len(inputs) != len(targets):
        raise LengthError(
            f"{names[0]} and {names[1]} must be of one length: {len(inputs)} samples, {len(targets)} targets"
        )
    if not inputs:
        raise LengthError(f"{names[0]} has no samples: give at least one")
    checked = None if weights is None else check_weights(weights, len(inputs))
    return Samples(inputs, targets, checked, None, x_rows, y_rows)


def check_weights(weights: Any, count: int) -> list[float]:
    """Read one weight for each sample.

    Raises:
        DataError: For anything that is not a number.
        LengthError: For another count.
        OptionError: For a weight below 0, or none above 0.

    Example:
        >>> check_weights([1, 0.5], 2)
        [1.0, 0.5]
    """
    rows = read_rows(weights, "sample_weight")
    if len(rows.items) != count:
        raise LengthError(
            f"sample_weight needs one number for each sample: {count} samples, {len(rows.items)} weights"
        )
    if rows.shape != ():
        raise LengthError(
            "sample_weight must hold one number for each sample, not a list: give sample_weight.ravel()"
        )
    found = [float(weight) for weight in rows.items]
    for i, weight in enumerate(found):
        if weight < 0.0:
            raise OptionError(f"sample_weight[{i}] is {weight!r}: a weight must be at least 0")
    if not any(found):
        raise OptionError("sample_weight is 0 for every sample, so nothing can be learned")
    return found


def split_validation(
    samples: Samples, validation: Any, seed: int | None, shuffle: bool = True
) -> tuple[Samples, Samples | None]:
    """The samples to train on, and those to validate with: given as (X, y), taken from the samples as a share, or None.

    Without `shuffle` a share is taken from the end. Raises OptionError for what is none of the three.
    """
    if validation is None:
        return samples, None
    if is_number(validation):
        return _split_off(samples, validation, seed, shuffle)
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise OptionError(
            f"validation must be (X, y), (X, y, sample_weight), or a share of the samples such as 0.2, not {type(validation).__name__}"
        )
    X, y, *weights = validation
    return samples, read_samples(
        X, y, ("X of validation", "y of validation"), weights=weights[0] if weights else None
    )


def _split_off(
    samples: Samples, share: Any, seed: int | None, shuffle: bool
) -> tuple[Samples, Samples]:
    count = _held_count(share, len(samples))
    if not shuffle:
        first = len(samples) - count
        return samples.subset(range(first)), samples.subset(range(first, len(samples)))
    indexes = list(range(len(samples)))
    kept, held, _, _ = split(indexes, indexes, test=count, seed=seed or 0)
    return samples.subset(kept.tolist()), samples.subset(held.tolist())


def _held_count(share: Any, total: int) -> int:
    if total < 2:
        raise LengthError(
            "validation as a share needs two samples at least: one to train on, one to hold out"
        )
    whole = hasattr(share, "__index__") and not isinstance(share, bool)
    if whole and 0 < share < total:
        return int(share)
    if whole or isinstance(share, bool) or not 0.0 < float(share) < 1.0:
        raise OptionError(
            "validation must be a share of the samples above 0 and below 1, such as 0.2, "
            f"or how many of the {total} to hold out, not {share!r}"
        )
    return min(max(round(float(share) * total), 1), total - 1)


def _structure(item: Any) -> Any:
    """What two samples of one structure have in common."""
    if isinstance(item, (list, tuple)):
        return type(item), tuple(map(_structure, item))
    if isinstance(item, dict):
        return dict, tuple((key, _structure(part)) for key, part in item.items())
    return item.shape if isinstance(item, numpy.ndarray) else None
