"""Metrics: how good predictions are, as numbers that nobody differentiates.

There are two kinds. A metric of one sample, `(prediction, target)`, is averaged over the samples. A metric of a whole set,
`(predictions, targets)`, is called once with the lists of all; `whole_set` marks it.
"""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.spelling import suggestion

from .aliases import Loss, Metric
from .scores import f1, mean_absolute_error, precision, r2, recall
from .steps import plain_numbers
from .thresholds import Pair, as_pair, class_index, find_border, innermost, is_high


def accuracy(prediction: Any, target: Any, *, border: float | Pair | None = None) -> float:
    """Tell whether a sample is on its side: 1.0 if so, else 0.0; the mean for several labels or a sequence.

    - Several scores and a class index, or a list with a share for each class: the largest score must be
      that of the class.
    - One score, also as a list of one: it must be on the same side of `border` as its target.
    - Several labels at once: the mean over the labels, each on its side of `border`.

    `fit` finds the border by itself: 0 for the scores of hinge and of binary_cross_entropy_with_logits,
    0.5 for the probabilities of binary_cross_entropy, else the middle of the two targets that there are.

    Args:
        prediction: What the model gives for the sample.
        target: Its target.
        border: What separates the two sides. Without one a target of one score must be -1 or 1.

    Returns:
        A number in [0, 1].

    Raises:
        OptionError: Where it can't be told what the target means.

    Example:
        >>> accuracy([0.1, 2.0, -1.0], 1), accuracy(-0.3, 1), accuracy(0.3, 1, border=0.5)
        (1.0, 0.0, 0.0)
    """
    scores = plain_numbers(prediction)
    if not isinstance(scores, list):
        return _on_its_side(scores, target, border)
    if scores and isinstance(scores[0], list):
        return _mean([accuracy(row, t, border=border) for row, t in _zipped(scores, target)])
    if len(scores) == 1:
        return _on_its_side(scores[0], target, border)
    if not hasattr(target, "__len__"):
        return float(_largest(scores) == int(target))
    if border is not None:
        return _mean([_on_its_side(score, t, border) for score, t in _zipped(scores, target)])
    return float(_largest(scores) == class_index(plain_numbers(target)))


def binary_accuracy(prediction: Any, target: Any, *, border: float | Pair = 0.5) -> float:
    """Tell whether a probability is on the side of its target, 0 or 1: 1.0 if so, else 0.0; the mean for several.

    Example:
        >>> binary_accuracy(0.7, 1), binary_accuracy([0.7], [0])
        (1.0, 0.0)
    """
    pair = as_pair(border)
    return _mean(
        [
            float((p > pair[0]) == is_high(t, pair))
            for p, t in _pairs(plain_numbers(prediction), target)
        ]
    )


def absolute_error(prediction: Any, target: Any) -> float:
    """Return |p - t|, the mean over the outputs.

    Example:
        >>> absolute_error([1.0, 3.0], [0.0, 1.0])
        1.5
    """
    return _mean([abs(p - t) for p, t in _pairs(plain_numbers(prediction), target)])


def squared_error(prediction: Any, target: Any) -> float:
    """Return (p - t)², the mean over the outputs.

    Example:
        >>> squared_error(3.0, 1.0)
        4.0
    """
    return _mean([(p - t) ** 2 for p, t in _pairs(plain_numbers(prediction), target)])


def _averaged(metric: Callable[..., float], average: str) -> Callable[..., float]:
    """The same metric with its `average` chosen, under a name that says so."""

    @wraps(metric)
    def chosen(predictions: Any, targets: Any, *, border: float | Pair | None = None) -> float:
        return metric(predictions, targets, average=average, border=border)

    chosen.__name__ = f"{metric.__name__}_{average}"
    return chosen


_SCORES: tuple[Callable[..., float], ...] = (precision, recall, f1)
_AVERAGED = [
    _averaged(metric, average) for metric in _SCORES for average in ("macro", "micro", "weighted")
]

METRICS: dict[str, Callable[..., float]] = {
    metric.__name__: metric
    for metric in (
        *(accuracy, binary_accuracy, absolute_error, squared_error),
        *_SCORES,
        *_AVERAGED,
        *(mean_absolute_error, r2),
    )
}
"""The metrics by name."""

_WITH_BORDER = (accuracy, binary_accuracy, *_SCORES, *_AVERAGED)


def read_metrics(metrics: Any) -> dict[str, Metric]:
    """Names, functions or a dict of functions, as a dict of functions by name; raises OptionError for what is none.

    >>> list(read_metrics("accuracy"))
    ['accuracy']
    """
    if isinstance(metrics, dict):
        return {str(name): _metric(metric) for name, metric in metrics.items()}
    items = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    return {_name_of(metric): _metric(metric) for metric in items}


def bind_borders(
    metrics: dict[str, Metric], targets: Sequence[Any], loss: Loss, prediction: Any
) -> dict[str, Metric]:
    """Give the metrics that need it the border between two classes, found once from all targets and the loss.

    Args:
        metrics: From `read_metrics`.
        targets: All targets, those of validation included.
        loss: What is minimized.
        prediction: What the model gives for one sample, as plain numbers.

    Returns:
        The metrics, ready to be called.

    Raises:
        OptionError: Where targets are no classes, or can't be told apart; the message says which metric to take.

    Example:
        >>> from scalargrad.losses import mse
        >>> bind_borders(read_metrics("accuracy"), [0, 1], mse, 0.2)["accuracy"](0.4, 0)
        1.0
    """
    found: dict[str, Metric] = {}
    for name, metric in metrics.items():
        function, options = (
            (metric.func, metric.keywords) if isinstance(metric, partial) else (metric, {})
        )
        if any(function is each for each in _WITH_BORDER) and "border" not in options:
            border = find_border(
                name, targets, loss, prediction, (0.5, 0.5) if function is binary_accuracy else None
            )
            if "average" not in options:
                _check_kind(name, function, innermost(prediction), border)
            bordered: Callable[..., float] = metric
            found[name] = partial(bordered, border=border)
        else:
            found[name] = metric
    return found


def evaluate_metric(metric: Metric, predictions: Sequence[Any], targets: Sequence[Any]) -> float:
    """Measure a set: once as a whole, or sample by sample and averaged, as the metric says.

    Example:
        >>> evaluate_metric(squared_error, [1.0, 2.0], [0.0, 0.0]), evaluate_metric(r2, [1.0, 2.0], [1.0, 2.0])
        (2.5, 1.0)
    """
    function = metric.func if isinstance(metric, partial) else metric
    if getattr(function, "whole_set", False):
        return float(metric(predictions, targets))
    return sum(metric(p, t) for p, t in zip(predictions, targets, strict=True)) / len(targets)


def _check_kind(name: str, metric: Any, row: Any, border: Pair | None) -> None:
    """Refuse a score of two classes where there are more."""
    if metric is binary_accuracy and border is None:
        raise OptionError(
            f"{name} is for one output, or for several labels at once: for classes take accuracy"
        )
    classes = len(row) if isinstance(row, list) else 1
    if metric in _SCORES and (classes > 2 or (classes == 2 and border is not None)):
        raise OptionError(
            f"{name} needs to know how to average over {classes} classes: take {name}_macro, {name}_micro or {name}_weighted"
        )


def _name_of(metric: Any) -> str:
    if isinstance(metric, partial):
        return _name_of(metric.func)
    return metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")


def _metric(metric: Any) -> Metric:
    found: Any = METRICS.get(metric) if isinstance(metric, str) else metric
    if not callable(found):
        hint = suggestion(metric, METRICS)
        if metric == "confusion_matrix":
            hint = ": a confusion matrix is no single number, so call confusion_matrix(predictions, targets) after training"
        raise OptionError(
            f"a metric must be a function (prediction, target) or a name, not {metric!r}{hint}"
        )
    checked: Metric = found
    return checked


def _on_its_side(score: float, target: Any, border: float | Pair | None) -> float:
    number = _number(target)
    if border is None and number not in (-1.0, 1.0):
        raise OptionError(
            f"accuracy of one score takes a target of -1 or 1, not {number:g}: give border=0.5 for a probability and "
            "targets 0 and 1 (as binary_accuracy does), border=0.0 for a score before the sigmoid"
        )
    pair = (0.0, 0.0) if border is None else as_pair(border)
    return float((score > pair[0]) == is_high(number, pair))


def _largest(scores: list[float]) -> int:
    return scores.index(max(scores))


def _number(x: Any) -> float:
    return float(x[0]) if hasattr(x, "__len__") and len(x) == 1 else float(x)


def _zipped(prediction: Any, target: Any) -> list[tuple[Any, Any]]:
    targets = list(target) if hasattr(target, "__len__") else [target]
    if len(prediction) != len(targets):
        raise LengthError(
            f"a metric needs a target for each output: {len(prediction)} outputs, {len(targets)} targets"
        )
    return list(zip(prediction, targets, strict=True))


def _pairs(prediction: Any, target: Any) -> list[tuple[float, float]]:
    if isinstance(prediction, list):
        return [pair for p, t in _zipped(prediction, target) for pair in _pairs(p, t)]
    return [(prediction, _number(target))]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
