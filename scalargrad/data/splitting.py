"""Parts of a data set: to train on and to test on, batches in an order that can be taken up again, classes as rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int
from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.calls import explain_calls

from .checks import Floats, Integers, Seed, as_array, as_classes, as_samples, between, generator

Array = NDArray[Any]


@explain_calls
def split(
    X: Any,
    y: Any,
    test: float | int = 0.2,
    seed: Seed = 0,
    stratify: bool = False,
) -> tuple[Array, Array, Array, Array]:
    """X_train, X_test, y_train, y_test: every sample is in one of the two parts, both shuffled, none empty.

    X, y      arrays or lists with one row for each sample, of any further shape
    test      the share of samples to test on, a float in (0, 1), or their number, an int
    stratify  keep the share of every class (y: one label for each sample) in both parts, to within one sample

    Raises LengthError for different lengths and for too few samples, OptionError for an impossible share.

    >>> X_train, X_test, y_train, y_test = split([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1], test=0.5, stratify=True)
    >>> np.sort(y_test)
    array([0, 1])
    """
    samples, answers = as_samples(X, y)
    count, rng = _test_count(test, len(samples)), generator(seed)
    order = _by_class(answers, count, rng) if stratify else rng.permutation(len(samples))
    held, kept = order[:count], order[count:]
    return samples[kept], samples[held], answers[kept], answers[held]


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
    share = between(test, "test", 0.0, 1.0)
    if share in (0.0, 1.0):
        raise OptionError(
            f"test must be between 0 and 1, or a whole number of samples, not {share!r}: both parts need a sample"
        )
    return min(max(round(share * n), 1), n - 1)


def _by_class(y: Array, count: int, rng: np.random.Generator) -> Integers:
    """An order whose first `count` samples have each class in its share: rounded down, the rest to the largest remainders."""
    if y.ndim != 1:
        raise LengthError(f"stratify needs one label for each sample: y has shape {y.shape}")
    classes, labels, sizes = np.unique(y, return_inverse=True, return_counts=True)
    if sizes.min() < 2:
        raise OptionError(
            f"stratify needs two samples of every class: {classes[np.argmin(sizes)]} has one"
        )
    quotas, remainders = sizes * count // len(y), sizes * count % len(y)
    quotas[np.argsort(-remainders, kind="stable")[: count - quotas.sum()]] += 1
    members = [rng.permutation(np.flatnonzero(labels == i)) for i in range(len(classes))]
    first = np.concatenate([group[:quota] for group, quota in zip(members, quotas, strict=True)])
    rest = np.concatenate([group[quota:] for group, quota in zip(members, quotas, strict=True)])
    return np.concatenate([rng.permutation(first), rng.permutation(rest)])


@explain_calls
def epoch_order(n: int, seed: int | None, epoch: int = 0) -> Integers:
    """The order of n samples in that epoch, a function of its arguments alone; without a seed 0, 1, 2, …

    Raises OptionError for a generator: it has a past, and a resumed training could not know it.

    >>> all(epoch_order(10, seed=1, epoch=3) == epoch_order(10, seed=1, epoch=3))
    True
    >>> any(epoch_order(10, seed=1, epoch=3) != epoch_order(10, seed=1, epoch=4))
    True
    """
    total, number = checked_int(n, "n", 1), checked_int(epoch, "epoch", 0)
    if seed is None:
        return np.arange(total)
    return np.random.default_rng([checked_int(seed, "seed of an order", 0), number]).permutation(
        total
    )


@explain_calls
def batches(
    X: Any,
    y: Any,
    size: int,
    seed: int | None = None,
    epoch: int = 0,
    drop_last: bool = False,
) -> Iterator[tuple[Array, Array]]:
    """One epoch of (X, y) in parts of `size` samples, each sample once; the last part may be smaller, or is dropped.

    X, y   arrays or lists with one row for each sample, of any further shape; parts are copies
    size   at least 1; all samples come as one batch where there are fewer
    seed   an int for an order of its own in every `epoch`, None for the order given

    The order depends on seed and epoch only: a training that is resumed at epoch 7 sees the batches it would have seen.
    Raises LengthError for different lengths, OptionError for sizes below 1, and where `drop_last` would leave no batch.

    >>> [list(part) for part, _ in batches([1, 2, 3, 4, 5], [0, 0, 0, 1, 1], 2)] == [[1, 2], [3, 4], [5]]
    True
    >>> X, y = np.arange(6), np.arange(6) % 2
    >>> for epoch in range(2):
    ...     print(*(part for part, _ in batches(X, y, 3, seed=1, epoch=epoch)))
    [4 0 2] [1 5 3]
    [1 4 0] [3 2 5]
    """
    samples, answers = as_samples(X, y)
    step, order = checked_int(size, "size", 1), epoch_order(len(samples), seed, epoch)
    if drop_last and len(samples) < step:
        raise OptionError(f"drop_last leaves no batch of {step} samples: there are {len(samples)}")
    end = len(order) - len(order) % step if drop_last else len(order)
    parts = (order[start : start + step] for start in range(0, end, step))
    return ((samples[part], answers[part]) for part in parts)


@explain_calls
def one_hot(y: Any, classes: int) -> Floats:
    """An array (n, classes) with 1 in the column of each sample's class, else 0.

    y        (n,) whole numbers of 0 … classes - 1; floats such as 3.0 are taken too
    classes  how many there are, at least 1

    Raises DataError for what is not a class, OptionError for one that is too large, both with its place.

    >>> one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    width, labels = checked_int(classes, "classes", 1), as_classes(as_array(y, "y"), "y")
    if labels.max() >= width:
        place = int(np.argmax(labels >= width))
        raise OptionError(f"y[{place}] is {labels[place]}, and {width} classes are 0 … {width - 1}")
    table = np.zeros((len(labels), width))
    table[np.arange(len(labels)), labels] = 1.0
    return table
