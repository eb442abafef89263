"""Metrics of whole sets: precision, recall, F1, R², and the confusion matrix, with scikit-learn's conventions."""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Any, TypeVar

import numpy
from numpy.typing import NDArray

from scalargrad.errors import LengthError, OptionError

from .steps import plain_numbers
from .thresholds import Pair, as_pair, class_index, is_high

Counts = NDArray[numpy.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

AVERAGES = ("binary", "macro", "micro", "weighted")


def whole_set(metric: Function) -> Function:
    """Mark a metric as one of a whole set, which `fit` calls once with the lists of all predictions and targets.

    Example:
        >>> @whole_set
        ... def largest_error(predictions, targets):
        ...     return max(abs(p - t) for p, t in zip(predictions, targets))
    """
    metric.whole_set = True  # type: ignore[attr-defined]
    return metric


@whole_set
def precision(
    predictions: Any, targets: Any, *, average: str = "binary", border: float | Pair | None = None
) -> float:
    """Return which part of those found to be of a class are of it; 0 where none is found.

    Args:
        predictions: A score for each sample, a list of scores for each, or a class for each.
        targets: What they should be: a label, a class index, or a list with a share for each class.
        average: "binary" for the second of two classes; of several classes the "macro" (plain) mean,
            the "weighted" mean by how many samples each has, or "micro": over all together.
        border: What separates the two sides of a score: 0.5 for probabilities, 0.0 for scores before a
            sigmoid. `fit` finds it by itself.

    Returns:
        A number in [0, 1].

    Raises:
        LengthError: For as many predictions as there are not targets.
        OptionError: For an unknown average, and where it can't be told what the targets mean.

    Example:
        >>> precision([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 0], border=0.5)
        0.5
    """
    return _averaged(_judged(predictions, targets, border), average, "precision")


@whole_set
def recall(
    predictions: Any, targets: Any, *, average: str = "binary", border: float | Pair | None = None
) -> float:
    """Return which part of those of a class are found; 0 where there is none. Arguments as for `precision`.

    Example:
        >>> recall([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 1], border=0.5) == 1 / 3
        True
    """
    return _averaged(_judged(predictions, targets, border), average, "recall")


@whole_set
def f1(
    predictions: Any, targets: Any, *, average: str = "binary", border: float | Pair | None = None
) -> float:
    """Return the harmonic mean of precision and recall. Arguments as for `precision`.

    Example:
        >>> f1([0, 2, 1, 2], [0, 1, 1, 2], average="micro")
        0.75
    """
    return _averaged(_judged(predictions, targets, border), average, "f1")


@whole_set
def mean_absolute_error(predictions: Any, targets: Any) -> float:
    """Return the mean of |p - t| over all samples and outputs.

    Example:
        >>> mean_absolute_error([1.0, 2.0], [0.0, 4.0])
        1.5
    """
    found, wanted = _table(predictions, targets)
    return float(numpy.abs(found - wanted).mean())


@whole_set
def r2(predictions: Any, targets: Any) -> float:
    """Return R², the part of the targets' variance that is explained; the mean over several outputs.

    1 is perfect, 0 as good as the mean of the targets. Of targets that are all alike it is 1 if they are
    met and 0 if not; of a single sample it is nan.

    Example:
        >>> r2([1.0, 2.0, 3.5], [1.0, 2.0, 3.0])
        0.875
    """
    found, wanted = _table(predictions, targets)
    if len(wanted) < 2:
        return nan
    left = ((wanted - found) ** 2).sum(axis=0)
    total = ((wanted - wanted.mean(axis=0)) ** 2).sum(axis=0)
    scores = numpy.where(left == 0.0, 1.0, 0.0)
    varied = total != 0.0
    scores[varied] = 1.0 - left[varied] / total[varied]
    return float(scores.mean())


def confusion_matrix(
    predictions: Any, targets: Any, *, border: float | Pair | None = None
) -> Counts:
    """Count how many samples of each class (row) were taken for each class (column).

    Classes are in the order of their numbers; a model with several outputs has a class for each of them,
    whether it is seen or not. `viz.plots.plot_confusion` draws the matrix.

    Args:
        predictions: As for `precision`.
        targets: As for `precision`.
        border: As for `precision`.

    Returns:
        An array (classes, classes) of counts.

    Raises:
        LengthError: For as many predictions as there are not targets.
        OptionError: For several labels at once, and where it can't be told what the targets mean.

    Example:
        >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2])
        array([[1, 0, 0],
               [0, 1, 0],
               [0, 1, 1]])
    """
    judged = _judged(predictions, targets, border)
    if judged.several:
        raise OptionError(
            "a confusion matrix needs one class for each sample: for several labels at once make one of each label"
        )
    places = {label: i for i, label in enumerate(judged.classes)}
    counts = numpy.zeros((len(places), len(places)), dtype=numpy.int64)
    for found, wanted in zip(judged.found, judged.wanted, strict=True):
        counts[places[wanted], places[found]] += 1
    return counts


@dataclass(frozen=True)
class _Judged:
    """Predictions and targets as classes.

    Attributes:
        found: The class of each sample; with several labels the list of those that are on.
        wanted: What it should be.
        classes: All there are.
        several: Whether a sample may have several labels.
        second: The class that counts as the positive one of two; None where there are more.
    """

    found: list[Any]
    wanted: list[Any]
    classes: list[float]
    several: bool
    second: float | None


def _judged(predictions: Any, targets: Any, border: float | Pair | None) -> _Judged:
    found, wanted = _lists(predictions, targets)
    if isinstance(found[0], list) and found[0] and isinstance(found[0][0], list):
        found, wanted = (
            [row for rows in found for row in rows],
            [t for part in wanted for t in part],
        )
    if not isinstance(found[0], list) or len(found[0]) == 1:
        return _of_single(_single(found), _single(wanted), border)
    count = len(found[0])
    classes = [float(i) for i in range(count)]
    if border is not None and isinstance(wanted[0], list):
        pair = as_pair(border)
        on = [
            [i for i, score in zip(classes, row, strict=True) if score > pair[0]] for row in found
        ]
        off = [[i for i, t in zip(classes, row, strict=True) if is_high(t, pair)] for row in wanted]
        return _Judged(on, off, classes, True, None)
    indexes = [float(class_index(t) if isinstance(t, list) else t) for t in wanted]
    for index in indexes:
        if index not in classes:
            raise OptionError(
                f"a target of {count} scores must be a class from 0 to {count - 1}, not {index:g}"
            )
    largest = [float(max(range(len(row)), key=row.__getitem__)) for row in found]
    return _Judged(largest, indexes, classes, False, 1.0 if count == 2 else None)


def _of_single(found: list[float], wanted: list[float], border: float | Pair | None) -> _Judged:
    """One number for each sample: a score with a border, or a class."""
    labels = set(wanted)
    if border is None and all(float(x).is_integer() for x in (*found, *wanted)):
        classes = sorted({*found, *wanted})
        second = 1.0 if set(classes) <= {0.0, 1.0} or set(classes) <= {-1.0, 1.0} else None
        return _Judged(found, wanted, classes, False, second)
    if border is None and not (labels <= {-1.0, 1.0} and -1.0 in labels):
        raise OptionError(
            "the predictions are scores: give border=0.5 for probabilities, border=0.0 for scores before the sigmoid"
        )
    pair = (0.0, 0.0) if border is None else as_pair(border)
    on = [float(score > pair[0]) for score in found]
    return _Judged(on, [float(is_high(t, pair)) for t in wanted], [0.0, 1.0], False, 1.0)


def _averaged(judged: _Judged, average: str, name: str) -> float:
    if average not in AVERAGES:
        raise OptionError(
            f"average of {name} must be one of {', '.join(map(repr, AVERAGES))}, not {average!r}"
        )
    if average == "binary":
        if judged.second is None:
            raise OptionError(
                f"{name} needs to know how to average over {len(judged.classes)} classes: give average='macro', 'micro' or 'weighted'"
            )
        return _ratio(name, *_counted(judged, judged.second))
    classes = judged.classes if judged.several else sorted({*judged.found, *judged.wanted})
    counts = [_counted(judged, label) for label in classes]
    if average == "micro":
        return _ratio(name, *(sum(column) for column in zip(*counts, strict=True)))
    scores = [_ratio(name, *each) for each in counts]
    if average == "macro":
        return sum(scores) / len(scores)
    support = [wanted for _, _, wanted in counts]
    total = sum(support)
    return (
        sum(score * size for score, size in zip(scores, support, strict=True)) / total
        if total
        else 0.0
    )


def _counted(judged: _Judged, label: float) -> tuple[int, int, int]:
    """How many samples of a class are right, are found, and are wanted."""
    pairs = zip(judged.found, judged.wanted, strict=True)
    marks = [
        (label in f, label in w) if judged.several else (f == label, w == label) for f, w in pairs
    ]
    right = sum(f and w for f, w in marks)
    return right, sum(f for f, _ in marks), sum(w for _, w in marks)


def _ratio(name: str, right: int, found: int, wanted: int) -> float:
    if name == "f1":
        return 2.0 * right / (found + wanted) if found + wanted else 0.0
    whole = found if name == "precision" else wanted
    return right / whole if whole else 0.0


def _lists(predictions: Any, targets: Any) -> tuple[list[Any], list[Any]]:
    found, wanted = plain_numbers(list(predictions)), plain_numbers(list(targets))
    if len(found) != len(wanted):
        raise LengthError(
            f"a metric needs a target for each prediction: {len(found)} predictions, {len(wanted)} targets"
        )
    if not found:
        raise LengthError("a metric needs at least one sample")
    return found, wanted


def _single(items: list[Any]) -> list[float]:
    return [float(item[0] if isinstance(item, list) else item) for item in items]


def _table(predictions: Any, targets: Any) -> tuple[NDArray[numpy.float64], NDArray[numpy.float64]]:
    """Both as arrays (samples, outputs)."""
    found, wanted = _lists(predictions, targets)
    table = numpy.array(found, dtype=float).reshape(len(found), -1)
    aims = numpy.array(wanted, dtype=float).reshape(len(wanted), -1)
    if table.shape != aims.shape:
        raise LengthError(
            f"a metric needs a target for each output: {table.shape[1]} outputs, {aims.shape[1]} targets for each sample"
        )
    return table, aims
