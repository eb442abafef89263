"""Metrics of whole sets, with scikit-learn's conventions: precision, recall, F1, R², confusion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import nan
from typing import Any, Literal, TypeVar, get_args

import numpy
from numpy.typing import NDArray

from scalargrad.errors import LengthError, OptionError

from .aliases import Prediction, Target
from .steps import plain_numbers
from .thresholds import Pair, as_pair, class_index, is_high

Counts = NDArray[numpy.int64]
Table = NDArray[numpy.float64]
Function = TypeVar("Function", bound=Callable[..., Any])

Average = Literal["binary", "macro", "micro", "weighted"]

AVERAGES: tuple[str, ...] = get_args(Average)
"""The ways to average a score over classes."""


def whole_set(metric: Function) -> Function:
    """Mark a metric that `fit` calls once, with the lists of all predictions and targets.

    Example:
        >>> @whole_set
        ... def largest_error(predictions, targets):
        ...     return max(abs(p - t) for p, t in zip(predictions, targets))
    """
    metric.whole_set = True  # type: ignore[attr-defined]
    return metric


@whole_set
def precision(
    predictions: Sequence[Prediction],
    targets: Sequence[Target],
    *,
    average: Average = "binary",
    border: float | Pair | None = None,
) -> float:
    """Return the fraction of the samples predicted as a class that belong to it.

    It is 0 if no sample is predicted as the class.

    Args:
        predictions: For each sample a score, a list of scores, or a class.
        targets: For each sample a label, a class index, or a list with the share of each class.
        average: "binary" for the second of two classes. For several classes "macro" (the plain
            mean), "weighted" (the mean weighted by the number of samples of each class) or
            "micro" (over all decisions together).
        border: The threshold of a score: 0.5 for probabilities, 0.0 for scores before a sigmoid.
            `fit` finds it automatically.

    Returns:
        A number in [0, 1].

    Raises:
        LengthError: If there are more predictions than targets, or fewer.
        OptionError: For an unknown average, and if the meaning of the targets is ambiguous.

    Example:
        >>> precision([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 0], border=0.5)
        0.5
    """
    decisions = _classify(predictions, targets, border)
    return _average(decisions, average, "precision")


@whole_set
def recall(
    predictions: Sequence[Prediction],
    targets: Sequence[Target],
    *,
    average: Average = "binary",
    border: float | Pair | None = None,
) -> float:
    """Return the fraction of the samples of a class that are predicted as it; 0 without any.

    Arguments and errors are those of `precision`.

    Example:
        >>> recall([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 1], border=0.5) == 1 / 3
        True
    """
    decisions = _classify(predictions, targets, border)
    return _average(decisions, average, "recall")


@whole_set
def f1(
    predictions: Sequence[Prediction],
    targets: Sequence[Target],
    *,
    average: Average = "binary",
    border: float | Pair | None = None,
) -> float:
    """Return the harmonic mean of precision and recall.

    Arguments and errors are those of `precision`.

    Example:
        >>> f1([0, 2, 1, 2], [0, 1, 1, 2], average="micro")
        0.75
    """
    decisions = _classify(predictions, targets, border)
    return _average(decisions, average, "f1")


@whole_set
def mean_absolute_error(predictions: Sequence[Prediction], targets: Sequence[Target]) -> float:
    """Return the mean of |p - t| over all samples and outputs.

    Example:
        >>> mean_absolute_error([1.0, 2.0], [0.0, 4.0])
        1.5
    """
    predicted, expected = _as_tables(predictions, targets)
    return float(numpy.abs(predicted - expected).mean())


@whole_set
def r2(predictions: Sequence[Prediction], targets: Sequence[Target]) -> float:
    """Return R², the part of the targets' variance that is explained; the mean over the outputs.

    1 is perfect, 0 is as good as predicting the mean of the targets. If all targets are equal, it
    is 1 for exact predictions and 0 for others; for a single sample it is nan.

    Example:
        >>> r2([1.0, 2.0, 3.5], [1.0, 2.0, 3.0])
        0.875
    """
    predicted, expected = _as_tables(predictions, targets)
    if len(expected) < 2:
        return nan

    errors = expected - predicted
    deviations = expected - expected.mean(axis=0)
    residual = (errors**2).sum(axis=0)
    total = (deviations**2).sum(axis=0)
    # Outputs without variance would divide by 0.
    scores = numpy.where(residual == 0.0, 1.0, 0.0)
    varied = total != 0.0
    scores[varied] = 1.0 - residual[varied] / total[varied]
    return float(scores.mean())


def confusion_matrix(
    predictions: Sequence[Prediction],
    targets: Sequence[Target],
    *,
    border: float | Pair | None = None,
) -> Counts:
    """Count the samples of each class (row) that are predicted as each class (column).

    Classes are in the order of their numbers. A model with several outputs has one class for each
    of them, whether it occurs or not. `viz.plots.plot_confusion` draws the matrix.

    Args:
        predictions: As for `precision`.
        targets: As for `precision`.
        border: As for `precision`.

    Returns:
        An array (classes, classes) of counts.

    Raises:
        LengthError: If there are more predictions than targets, or fewer.
        OptionError: For several labels per sample, and if the meaning of the targets is ambiguous.

    Example:
        >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2])
        array([[1, 0, 0],
               [0, 1, 0],
               [0, 1, 1]])
    """
    decisions = _classify(predictions, targets, border)
    if decisions.multilabel:
        raise OptionError(
            "a confusion matrix needs one class for each sample: "
            "for several labels at once make one of each label"
        )
    # Labels need not be 0, 1, 2, ….
    rows = {label: i for i, label in enumerate(decisions.classes)}
    counts = numpy.zeros((len(rows), len(rows)), dtype=numpy.int64)
    for predicted, expected in zip(decisions.predicted, decisions.expected, strict=True):
        counts[rows[expected], rows[predicted]] += 1
    return counts


@dataclass(frozen=True)
class _Decisions:
    """Predictions and targets as classes.

    Attributes:
        predicted: The class of each sample, or the list of its labels if there may be several.
        expected: The same for the targets.
        classes: All classes.
        multilabel: Whether a sample may have several labels.
        positive: The positive one of two classes; None if there are more.
    """

    predicted: list[Any]
    expected: list[Any]
    classes: list[float]
    multilabel: bool
    positive: float | None


def _classify(
    predictions: Sequence[Prediction], targets: Sequence[Target], border: float | Pair | None
) -> _Decisions:
    predicted, expected = _as_lists(predictions, targets)
    first = predicted[0]
    is_sequence = isinstance(first, list) and first and isinstance(first[0], list)
    if is_sequence:
        # A sequence of decisions for each sample counts as that many samples.
        predicted = list(chain.from_iterable(predicted))
        expected = list(chain.from_iterable(expected))
        first = predicted[0]
    if not isinstance(first, list) or len(first) == 1:
        return _classify_single(_unwrap(predicted), _unwrap(expected), border)
    if border is not None and isinstance(expected[0], list):
        return _classify_labels(predicted, expected, as_pair(border))
    return _classify_largest(predicted, expected)


def _classify_labels(
    predicted: list[list[float]], expected: list[list[float]], pair: Pair
) -> _Decisions:
    """Take for each sample the labels whose scores are above the border."""
    classes = [float(i) for i in range(len(predicted[0]))]
    threshold = pair[0]
    predicted_labels: list[list[float]] = []
    for scores in predicted:
        pairs = zip(classes, scores, strict=True)
        predicted_labels.append([label for label, score in pairs if score > threshold])
    expected_labels: list[list[float]] = []
    for targets in expected:
        pairs = zip(classes, targets, strict=True)
        expected_labels.append([label for label, target in pairs if is_high(target, pair)])
    return _Decisions(predicted_labels, expected_labels, classes, multilabel=True, positive=None)


def _classify_largest(predicted: list[list[float]], expected: list[Target]) -> _Decisions:
    """Take for each sample the class of the largest score."""
    count = len(predicted[0])
    classes = [float(i) for i in range(count)]
    indices: list[float] = []
    for target in expected:
        index = float(class_index(target) if isinstance(target, list) else target)
        if index not in classes:
            raise OptionError(
                f"a target of {count} scores must be a class from 0 to {count - 1}, not {index:g}"
            )
        indices.append(index)

    largest: list[float] = []
    for row in predicted:
        best = max(range(len(row)), key=row.__getitem__)
        largest.append(float(best))
    positive = 1.0 if count == 2 else None
    return _Decisions(largest, indices, classes, multilabel=False, positive=positive)


def _classify_single(
    predicted: list[float], expected: list[float], border: float | Pair | None
) -> _Decisions:
    """Classify samples with one number each: a score with a border, or a class."""
    labels = set(expected)
    occurring = labels.union(predicted)
    if border is None and all(float(x).is_integer() for x in occurring):
        is_binary = occurring <= {0.0, 1.0} or occurring <= {-1.0, 1.0}
        positive = 1.0 if is_binary else None
        classes = sorted(occurring)
        return _Decisions(predicted, expected, classes, multilabel=False, positive=positive)

    # Labels of -1 and 1 say themselves that the border is 0.
    have_signs = labels <= {-1.0, 1.0} and -1.0 in labels
    if border is None and not have_signs:
        raise OptionError(
            "the predictions are scores: give border=0.5 for probabilities, "
            "border=0.0 for scores before the sigmoid"
        )
    pair = (0.0, 0.0) if border is None else as_pair(border)
    above = [float(score > pair[0]) for score in predicted]
    high = [float(is_high(target, pair)) for target in expected]
    return _Decisions(above, high, [0.0, 1.0], multilabel=False, positive=1.0)


@dataclass(frozen=True)
class _ClassCounts:
    """Number of samples of one class: predicted rightly, predicted at all, and expected."""

    right: int
    predicted: int
    expected: int


def _average(decisions: _Decisions, average: Average, name: str) -> float:
    if average not in AVERAGES:
        raise OptionError(
            f"average of {name} must be one of {', '.join(map(repr, AVERAGES))}, not {average!r}"
        )
    if average == "binary":
        if decisions.positive is None:
            raise OptionError(
                f"{name} needs to know how to average over {len(decisions.classes)} classes: "
                "give average='macro', 'micro' or 'weighted'"
            )
        return _score(name, _count(decisions, decisions.positive))

    # As in scikit-learn, classes that don't occur are left out, but labels are not.
    classes = decisions.classes
    if not decisions.multilabel:
        classes = sorted({*decisions.predicted, *decisions.expected})
    counts = [_count(decisions, label) for label in classes]
    if average == "micro":
        together = _ClassCounts(
            right=sum(count.right for count in counts),
            predicted=sum(count.predicted for count in counts),
            expected=sum(count.expected for count in counts),
        )
        return _score(name, together)

    scores = [_score(name, count) for count in counts]
    if average == "macro":
        return sum(scores) / len(scores)
    support = [count.expected for count in counts]
    total = sum(support)
    if not total:
        return 0.0
    weighted = [score * size for score, size in zip(scores, support, strict=True)]
    return sum(weighted) / total


def _count(decisions: _Decisions, label: float) -> _ClassCounts:
    pairs = list(zip(decisions.predicted, decisions.expected, strict=True))
    if decisions.multilabel:
        marks = [(label in predicted, label in expected) for predicted, expected in pairs]
    else:
        marks = [(predicted == label, expected == label) for predicted, expected in pairs]
    return _ClassCounts(
        right=sum(predicted and expected for predicted, expected in marks),
        predicted=sum(predicted for predicted, _ in marks),
        expected=sum(expected for _, expected in marks),
    )


def _score(name: str, count: _ClassCounts) -> float:
    right = float(count.right)
    if name == "precision":
        whole = count.predicted
    elif name == "recall":
        whole = count.expected
    else:
        # Their harmonic mean, 2 / (1 / precision + 1 / recall), with fractions cleared.
        right *= 2.0
        whole = count.predicted + count.expected
    return right / whole if whole else 0.0


def _as_lists(
    predictions: Sequence[Prediction], targets: Sequence[Target]
) -> tuple[list[Prediction], list[Target]]:
    predicted = plain_numbers(list(predictions))
    expected = plain_numbers(list(targets))
    if len(predicted) != len(expected):
        raise LengthError(
            f"a metric needs a target for each prediction: {len(predicted)} predictions, "
            f"{len(expected)} targets"
        )
    if not predicted:
        raise LengthError("a metric needs at least one sample")
    return predicted, expected


def _unwrap(items: list[Prediction]) -> list[float]:
    numbers = [item[0] if isinstance(item, list) else item for item in items]
    return list(map(float, numbers))


def _as_tables(predictions: Sequence[Prediction], targets: Sequence[Target]) -> tuple[Table, Table]:
    """Convert both to arrays (samples, outputs)."""
    predicted, expected = _as_lists(predictions, targets)
    n = len(predicted)
    outputs = numpy.array(predicted, dtype=float).reshape(n, -1)
    labels = numpy.array(expected, dtype=float).reshape(n, -1)
    if outputs.shape != labels.shape:
        raise LengthError(
            f"a metric needs a target for each output: {outputs.shape[1]} outputs, "
            f"{labels.shape[1]} targets for each sample"
        )
    return outputs, labels
