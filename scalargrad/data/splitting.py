"""Parts of a data set: training and test data, batches, classes as one-hot rows."""

from collections.abc import Iterator
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int, checked_number
from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.calls import explain_calls

from .checks import (
    Floats,
    Integers,
    SamplesLike,
    Seed,
    as_array,
    as_classes,
    as_samples,
    make_generator,
)

Array = NDArray[Any]
XType = TypeVar("XType", bound=np.generic)
YType = TypeVar("YType", bound=np.generic)


@overload
def split(
    X: NDArray[XType],
    y: NDArray[YType],
    test: float | int = 0.2,
    seed: Seed = 0,
    stratify: bool = False,
) -> tuple[NDArray[XType], NDArray[XType], NDArray[YType], NDArray[YType]]: ...


@overload
def split(
    X: SamplesLike,
    y: SamplesLike,
    test: float | int = 0.2,
    seed: Seed = 0,
    stratify: bool = False,
) -> tuple[Array, Array, Array, Array]: ...


@explain_calls
def split(
    X: SamplesLike,
    y: SamplesLike,
    test: float | int = 0.2,
    seed: Seed = 0,
    stratify: bool = False,
) -> tuple[Array, Array, Array, Array]:
    """Split samples into training and test data.

    Every sample is in one of the two parts. Both are shuffled, and neither is empty.

    Args:
        X: An array or list with one row for each sample, of any further shape.
        y: The targets, one row for each sample.
        test: The proportion of samples to test on, a float in (0, 1), or their number, an int.
        seed: An int, a `numpy.random.Generator` or a `random.Random`.
        stratify: Whether to keep the proportion of every class in both parts, to within one sample.
            `y` then holds one label for each sample.

    Returns:
        X_train, X_test, y_train, y_test.

    Raises:
        LengthError: For different lengths and for too few samples.
        OptionError: For an impossible proportion, and a class with one sample to stratify by.

    Example:
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1]
        >>> X_train, X_test, y_train, y_test = split(X, y, test=0.5, stratify=True)
        >>> np.sort(y_test)
        array([0, 1])
    """
    samples, targets = as_samples(X, y)
    count = _test_count(test, len(samples))
    rng = make_generator(seed)
    order = _stratified_order(targets, count, rng) if stratify else rng.permutation(len(samples))
    held_out = order[:count]
    kept = order[count:]
    return samples[kept], samples[held_out], targets[kept], targets[held_out]


def _test_count(test: float | int, n: int) -> int:
    if n < 2:
        raise LengthError("one sample can't be split in two parts")
    if hasattr(test, "__index__"):
        count = checked_int(test, "test", 1)
        if count >= n:
            raise OptionError(
                f"test must leave a sample to train on: {count} of {n} samples were asked for"
            )
        return count
    proportion = checked_number(test, "test", high=1.0, below=False)
    if proportion in (0.0, 1.0):
        raise OptionError(
            f"test must be between 0 and 1, or a whole number of samples, not {proportion!r}: "
            "both parts need a sample"
        )
    return min(max(round(proportion * n), 1), n - 1)


def _stratified_order(y: Array, count: int, rng: np.random.Generator) -> Integers:
    """Return an order whose first `count` samples hold each class in its proportion."""
    if y.ndim != 1:
        raise LengthError(f"stratify needs one label for each sample: y has shape {y.shape}")
    classes, labels, sizes = np.unique(y, return_inverse=True, return_counts=True)
    if sizes.min() < 2:
        raise OptionError(
            f"stratify needs two samples of every class: {classes[np.argmin(sizes)]} has one"
        )

    # Largest remainders: quotas are rounded down, and the samples that are left go one each to the
    # classes that lost most.
    quotas = sizes * count // len(y)
    remainders = sizes * count % len(y)
    left = count - quotas.sum()
    most_lost = np.argsort(-remainders, kind="stable")
    quotas[most_lost[:left]] += 1

    first = []
    rest = []
    for i, quota in enumerate(quotas):
        members = np.flatnonzero(labels == i)
        shuffled = rng.permutation(members)
        first.append(shuffled[:quota])
        rest.append(shuffled[quota:])
    # Shuffled again, because both parts are sorted by class so far.
    order = [rng.permutation(np.concatenate(part)) for part in (first, rest)]
    return np.concatenate(order)


@explain_calls
def epoch_order(n: int, seed: int | None, epoch: int = 0) -> Integers:
    """Return the order of n samples in an epoch.

    It depends on the arguments only, so a resumed run continues with the same order.

    Args:
        n: Number of samples.
        seed: An int, or None for the order 0, 1, 2, …
        epoch: The epoch, from 0.

    Raises:
        OptionError: For numbers out of range, and for a generator: its state depends on what was
            drawn before, which a resumed run does not know.

    Example:
        >>> all(epoch_order(10, seed=1, epoch=3) == epoch_order(10, seed=1, epoch=3))
        True
        >>> any(epoch_order(10, seed=1, epoch=3) != epoch_order(10, seed=1, epoch=4))
        True
    """
    total = checked_int(n, "n", 1)
    number = checked_int(epoch, "epoch", 0)
    if seed is None:
        return np.arange(total)
    entropy = [checked_int(seed, "seed of an order", 0), number]
    return np.random.default_rng(entropy).permutation(total)


@overload
def batches(
    X: NDArray[XType],
    y: NDArray[YType],
    size: int,
    seed: int | None = None,
    epoch: int = 0,
    drop_last: bool = False,
) -> Iterator[tuple[NDArray[XType], NDArray[YType]]]: ...


@overload
def batches(
    X: SamplesLike,
    y: SamplesLike,
    size: int,
    seed: int | None = None,
    epoch: int = 0,
    drop_last: bool = False,
) -> Iterator[tuple[Array, Array]]: ...


@explain_calls
def batches(
    X: SamplesLike,
    y: SamplesLike,
    size: int,
    seed: int | None = None,
    epoch: int = 0,
    drop_last: bool = False,
) -> Iterator[tuple[Array, Array]]:
    """Iterate over one epoch of (X, y) in batches, each sample once.

    The order depends on seed and epoch only: a run that is resumed at epoch 7 gets the batches that
    it would have had.

    Args:
        X: An array or list with one row for each sample, of any further shape.
        y: The targets, one row for each sample.
        size: Samples in a batch, at least 1. The last batch may be smaller.
        seed: An int for another order in every epoch, None for the order given.
        epoch: The epoch, from 0.
        drop_last: Whether to drop a smaller last batch.

    Returns:
        An iterator over pairs (X, y) of copies.

    Raises:
        LengthError: For different lengths.
        OptionError: For a size below 1, and where `drop_last` would leave no batch.

    Example:
        >>> [part.tolist() for part, _ in batches([1, 2, 3, 4, 5], [0, 0, 0, 1, 1], 2)]
        [[1, 2], [3, 4], [5]]
        >>> X, y = np.arange(6), np.arange(6) % 2
        >>> for epoch in range(2):
        ...     print(*(part for part, _ in batches(X, y, 3, seed=1, epoch=epoch)))
        [4 0 2] [1 5 3]
        [1 4 0] [3 2 5]
    """
    samples, targets = as_samples(X, y)
    step = checked_int(size, "size", 1)
    order = epoch_order(len(samples), seed, epoch)
    if drop_last and len(samples) < step:
        raise OptionError(f"drop_last leaves no batch of {step} samples: there are {len(samples)}")
    end = len(order) - len(order) % step if drop_last else len(order)

    # A generator expression and not `yield`, so that wrong arguments raise at the call.
    parts = (order[start : start + step] for start in range(0, end, step))
    return ((samples[part], targets[part]) for part in parts)


@explain_calls
def one_hot(y: SamplesLike, classes: int) -> Floats:
    """Return an array (n, classes) with 1 in the column of each sample's class, else 0.

    Args:
        y: Class numbers (n,) of 0 … classes - 1; floats such as 3.0 are accepted.
        classes: Number of classes, at least 1.

    Raises:
        DataError: For an entry that is not a class number.
        OptionError: For a class number that is too large.

    Example:
        >>> one_hot([1, 0], 3)
        array([[0., 1., 0.],
               [1., 0., 0.]])
    """
    width = checked_int(classes, "classes", 1)
    labels = as_classes(as_array(y, "y"), "y")
    too_large = labels >= width
    if too_large.any():
        place = int(np.argmax(too_large))
        raise OptionError(f"y[{place}] is {labels[place]}, and {width} classes are 0 … {width - 1}")
    count = len(labels)
    table = np.zeros((count, width))
    table[np.arange(count), labels] = 1.0
    return table
