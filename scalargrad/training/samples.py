"""Samples with their targets: their order in an epoch, and those that are held out."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import SupportsFloat
from zlib import crc32

import numpy
from numpy.typing import NDArray

from scalargrad.core.conversion import is_number
from scalargrad.data import epoch_order, split
from scalargrad.errors import LengthError, OptionError

from .aliases import ArrayLike, Sample, Target
from .inputs import Rows, read_rows

Integers = NDArray[numpy.intp]

_UNKNOWN = Rows([], None)


@dataclass(frozen=True)
class Batches:
    """Batches of samples, one after the other: those of an epoch, or of several.

    Attributes:
        order: Index of each sample.
        starts: Where each batch starts in `order`, and where the last one ends.

    Example:
        >>> batches = Batches(numpy.array([2, 0, 1]), numpy.array([0, 2, 3]))
        >>> list(batches), len(batches), list(batches.first(1)), list(batches.skip(1))
        ([[2, 0], [1]], 2, [[2, 0]], [[1]])
    """

    order: Integers
    starts: Integers

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[list[int]]:
        for start, end in pairwise(self.starts.tolist()):
            yield self.order[start:end].tolist()

    def first(self, count: int) -> "Batches":
        """Return the first of them."""
        return Batches(self.order, self.starts[: count + 1])

    def skip(self, count: int) -> "Batches":
        """Return all but the first of them."""
        return Batches(self.order, self.starts[count:])

    def sort(self, ranks: Integers) -> "Batches":
        """Return the same batches, each sorted by the ranks of its samples.

        Samples of one rank keep their order.

        Args:
            ranks: Rank of each sample.

        Example:
            >>> list(Batches(numpy.arange(5), numpy.array([0, 3, 5])).sort(numpy.arange(5) % 2))
            [[0, 2, 1], [4, 3]]
        """
        positions = numpy.repeat(numpy.arange(len(self)), self.sizes())
        return Batches(self.order[numpy.lexsort((ranks[self.order], positions))], self.starts)

    def sizes(self) -> Integers:
        """Return the number of samples in each of them."""
        # Like `numpy.diff`, which takes ten times as long for a few.
        return self.starts[1:] - self.starts[:-1]

    def flat(self) -> Integers:
        """Return the indices of all samples in all of them."""
        return self.order[self.starts[0] : self.starts[-1]]


@dataclass(frozen=True)
class Samples:
    """Samples and their targets, one for each.

    Attributes:
        inputs: The samples.
        targets: Their targets.
        weights: Weight of each sample in the loss; None if all count the same.
        original_indices: Index of each sample in the user's X; None if it is the index here.
        x_rows: How the samples were read.
        y_rows: How the targets were read.
    """

    inputs: list[Sample]
    targets: list[Target]
    weights: list[float] | None = None
    original_indices: list[int] | None = None
    x_rows: Rows = field(default=_UNKNOWN, repr=False, compare=False)
    y_rows: Rows = field(default=_UNKNOWN, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.inputs)

    def batches(
        self, size: int | None, seed: int | None, epoch: int, min_size: int, epochs: int = 1
    ) -> Batches:
        """Return the batches of an epoch, or of several beginning with it.

        The order depends on seed and epoch alone, so that a resumed training repeats it. It is the
        given one where one batch is the whole set, as its mean does not depend on the order. A rest
        of fewer than `min_size` samples joins the batch before it. In each batch samples of one
        structure are next to each other, so that they can be computed together.
        """
        total = len(self)
        starts = self.starts(size, min_size)
        if seed is None or len(starts) == 1:
            orders = [numpy.arange(total)] * epochs
        else:
            orders = [epoch_order(total, seed, epoch + i) for i in range(epochs)]
        firsts = range(0, epochs * total, total)
        all_starts = [first + start for first in firsts for start in starts]
        all_starts.append(epochs * total)
        batches = Batches(numpy.concatenate(orders), numpy.array(all_starts))
        return batches if self._ranks is None else batches.sort(self._ranks)

    @cached_property
    def structures(self) -> list[Hashable]:
        """How each sample and its target are nested, equal for those that are nested alike."""
        if self.x_rows.shape is not None and self.y_rows.shape is not None:
            # Rows of an array are all alike.
            return [(self.x_rows.shape, self.y_rows.shape)] * len(self)
        pairs = zip(self.inputs, self.targets, strict=True)
        return [(nest(x), nest(target)) for x, target in pairs]

    @cached_property
    def _ranks(self) -> Integers | None:
        """Number of the structure of each sample; None if all have the same."""
        numbers: dict[Hashable, int] = {}
        ranks = [numbers.setdefault(key, len(numbers)) for key in self.structures]
        return numpy.array(ranks) if len(numbers) > 1 else None

    def starts(self, size: int | None, min_size: int) -> list[int]:
        """Return the position at which each batch starts."""
        total = len(self)
        starts = list(range(0, total, size or total))
        rest = total - starts[-1]
        if len(starts) > 1 and rest < min_size:
            starts.pop()
        return starts

    def subset(self, indices: Sequence[int]) -> "Samples":
        """Return the samples that have these indices."""
        weights = None if self.weights is None else [self.weights[i] for i in indices]
        return replace(
            self,
            inputs=[self.inputs[i] for i in indices],
            targets=[self.targets[i] for i in indices],
            weights=weights,
            original_indices=[self.original_index(i) for i in indices],
        )

    def original_index(self, index: int) -> int:
        """Return the index in the user's X of a sample."""
        return index if self.original_indices is None else self.original_indices[index]

    def examples(self, max_count: int = 50) -> list[int]:
        """Return the index of one sample of each structure, up to `max_count` of them."""
        # Rows of an array are all alike.
        if self.x_rows.shape is not None:
            return [0]
        first_index: dict[object, int] = {}
        for i, x in enumerate(self.inputs):
            first_index.setdefault(nest(x), i)
            if len(first_index) == max_count:
                break
        return list(first_index.values())

    @cached_property
    def checksum(self) -> str:
        """Number of samples, and a checksum of every number in them; computed once."""
        columns = [self.inputs, self.targets]
        if self.weights is not None:
            columns.append(self.weights)
        # The repr of a float is exact, so a change of the last bit shows.
        return f"{len(self)} samples, {crc32(repr(tuple(columns)).encode()):08x}"


def read_samples(
    X: ArrayLike,
    y: ArrayLike,
    names: tuple[str, str] = ("X", "y"),
    *,
    weights: ArrayLike = None,
    finite: bool = True,
) -> Samples:
    """Read arrays or lists as Samples.

    A sample may be whatever the model takes: a row, an image, a sequence of any length.

    Args:
        X: The samples.
        y: Their targets.
        names: What messages call the two.
        weights: Weight of each sample in the loss; None if all count the same.
        finite: Whether nan and inf are refused.

    Raises:
        DataError: For anything that is not a list of numbers; the message says where.
        LengthError: For no samples, or a different number of targets.
        OptionError: For weights below 0, or none above 0.

    Example:
        >>> read_samples(numpy.eye(2), [0, 1]).inputs
        [[1.0, 0.0], [0.0, 1.0]]
    """
    x_rows = read_rows(X, names[0], finite)
    y_rows = read_rows(y, names[1], finite)
    count = len(x_rows.items)
    if count != len(y_rows.items):
        raise LengthError(
            f"{names[0]} and {names[1]} must be of one length: {count} samples, "
            f"{len(y_rows.items)} targets"
        )
    if not count:
        raise LengthError(f"{names[0]} has no samples: give at least one")
    checked = None if weights is None else check_weights(weights, count)
    return Samples(x_rows.items, y_rows.items, checked, None, x_rows, y_rows)


def check_weights(weights: ArrayLike, count: int) -> list[float]:
    """Read one weight for each sample.

    Raises:
        DataError: For anything that is not a number.
        LengthError: For another number of weights.
        OptionError: For a weight below 0, or none above 0.

    Example:
        >>> check_weights([1, 0.5], 2)
        [1.0, 0.5]
    """
    rows = read_rows(weights, "sample_weight")
    if len(rows.items) != count:
        raise LengthError(
            f"sample_weight needs one number for each sample: {count} samples, "
            f"{len(rows.items)} weights"
        )
    if rows.shape != ():
        raise LengthError(
            "sample_weight must hold one number for each sample, not a list: "
            "give sample_weight.ravel()"
        )
    numbers = [float(weight) for weight in rows.items]
    for i, weight in enumerate(numbers):
        if weight < 0.0:
            raise OptionError(f"sample_weight[{i}] is {weight!r}: a weight must be at least 0")
    if not any(numbers):
        raise OptionError("sample_weight is 0 for every sample, so nothing can be learned")
    return numbers


def split_validation(
    samples: Samples, validation: ArrayLike, seed: int | None, shuffle: bool = True
) -> tuple[Samples, Samples | None]:
    """Return the samples to train on, and those to validate on.

    Args:
        samples: All samples of X and y.
        validation: (X, y), (X, y, sample_weight), a share or number of the samples, or None.
        seed: Seed of the choice of a share.
        shuffle: If False, hold out the last samples.

    Raises:
        OptionError: For anything else as validation.
    """
    if validation is None:
        return samples, None
    if is_number(validation):
        return _split_off(samples, validation, seed, shuffle)
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise OptionError(
            "validation must be (X, y), (X, y, sample_weight), or a fraction of the samples, "
            f"such as 0.2, not {type(validation).__name__}"
        )
    X, y, *rest = validation
    weights = rest[0] if rest else None
    return samples, read_samples(X, y, ("X of validation", "y of validation"), weights=weights)


def _split_off(
    samples: Samples, share: SupportsFloat, seed: int | None, shuffle: bool
) -> tuple[Samples, Samples]:
    total = len(samples)
    count = _count_held_out(share, total)
    indices = list(range(total))
    if shuffle:
        # `split` refuses None as a seed, because its choice could not be repeated.
        train, test, _, _ = split(indices, indices, test=count, seed=seed or 0)
        kept = train.tolist()
        held_out = test.tolist()
    else:
        first = total - count
        kept = indices[:first]
        held_out = indices[first:]
    return samples.subset(kept), samples.subset(held_out)


def _count_held_out(share: SupportsFloat, total: int) -> int:
    if total < 2:
        raise LengthError(
            "validation as a fraction needs at least two samples: one to train on, one to hold out"
        )
    is_bool = isinstance(share, bool)
    is_count = hasattr(share, "__index__") and not is_bool
    number = float(share)
    if is_count and 0 < number < total:
        return int(number)
    if is_count or is_bool or not 0.0 < number < 1.0:
        raise OptionError(
            "validation must be a fraction of the samples above 0 and below 1, such as 0.2, "
            f"or how many of the {total} to hold out, not {share!r}"
        )
    # Neither part may be empty.
    return min(max(round(number * total), 1), total - 1)


def nest(item: Sample) -> Hashable:
    """Return a key that samples of the same structure share.

    Example:
        >>> nest([1.0, [2.0]]) == nest([3.0, [4.0]]), nest([1.0, [2.0]]) == nest([[1.0], 2.0])
        (True, False)
    """
    if isinstance(item, (list, tuple)):
        return type(item), tuple(map(nest, item))
    if isinstance(item, dict):
        return dict, tuple((key, nest(part)) for key, part in item.items())
    if isinstance(item, numpy.ndarray):
        return tuple(item.shape)
    return None
