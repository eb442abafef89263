"""Metrics: the quality of predictions, as plain numbers.

A metric of one sample, `(prediction, target)`, is averaged over the samples. A metric of a whole
set, `(predictions, targets)`, is called once with the lists of all; `whole_set` marks it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from typing import Literal, TypeAlias

from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.spelling import suggestion

from .aliases import Loss, Metric, Prediction, Target
from .scores import f1, mean_absolute_error, precision, r2, recall
from .steps import plain_numbers
from .thresholds import Pair, as_pair, class_index, find_border, innermost, is_high

MetricName = Literal[
    "accuracy",
    "binary_accuracy",
    "absolute_error",
    "squared_error",
    "precision",
    "recall",
    "f1",
    "precision_macro",
    "precision_micro",
    "precision_weighted",
    "recall_macro",
    "recall_micro",
    "recall_weighted",
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "mean_absolute_error",
    "r2",
]
Named: TypeAlias = MetricName | Metric
Metrics: TypeAlias = Named | Iterable[Named] | Mapping[str, Named]
"""What `fit` takes: names, functions, or functions by the names to give them."""


def accuracy(
    prediction: Prediction, target: Target, *, border: float | Pair | None = None
) -> float:
    """Return 1.0 for a right decision and 0.0 for a wrong one; the mean for several decisions.

    - Several scores and a class index, or a list with the share of each class: the class of the
      largest score must be the right one.
    - One score, possibly in a list: it must be on the same side of `border` as its target.
    - Several labels at once: each score must be on the same side of `border` as its label.

    `fit` finds the border automatically: 0 for the scores of hinge and
    binary_cross_entropy_with_logits, 0.5 for the probabilities of binary_cross_entropy, and
    otherwise the middle of the two targets that occur.

    Args:
        prediction: What the model returns for the sample.
        target: Its target.
        border: The threshold of a score. Without it a target of one score must be -1 or 1.

    Returns:
        A number in [0, 1].

    Raises:
        OptionError: If the meaning of the target is ambiguous.

    Example:
        >>> accuracy([0.1, 2.0, -1.0], 1), accuracy(-0.3, 1), accuracy(0.3, 1, border=0.5)
        (1.0, 0.0, 0.0)
    """
    scores = plain_numbers(prediction)
    if not isinstance(scores, list):
        return _is_right_side(scores, target, border)
    if scores and isinstance(scores[0], list):
        rows = _pair_up(scores, target)
        return _mean([accuracy(row, row_target, border=border) for row, row_target in rows])
    if len(scores) == 1:
        return _is_right_side(scores[0], target, border)
    if not hasattr(target, "__len__"):
        return float(_argmax(scores) == int(target))
    # With a border the outputs are labels; without, the target is the share of each class.
    if border is not None:
        pairs = _pair_up(scores, target)
        return _mean([_is_right_side(score, label, border) for score, label in pairs])
    right_class = class_index(plain_numbers(target))
    return float(_argmax(scores) == right_class)


def binary_accuracy(prediction: Prediction, target: Target, *, border: float | Pair = 0.5) -> float:
    """Return 1.0 if a probability is on the side of its target, 0 or 1; the mean for several.

    Example:
        >>> binary_accuracy(0.7, 1), binary_accuracy([0.7], [0])
        (1.0, 0.0)
    """
    pair = as_pair(border)
    decisions = _flat_pairs(plain_numbers(prediction), target)
    return _mean([_same_side(p, t, pair) for p, t in decisions])


def absolute_error(prediction: Prediction, target: Target) -> float:
    """Return |p - t|, the mean over the outputs.

    Example:
        >>> absolute_error([1.0, 3.0], [0.0, 1.0])
        1.5
    """
    pairs = _flat_pairs(plain_numbers(prediction), target)
    return _mean([abs(p - t) for p, t in pairs])


def squared_error(prediction: Prediction, target: Target) -> float:
    """Return (p - t)², the mean over the outputs.

    Example:
        >>> squared_error(3.0, 1.0)
        4.0
    """
    pairs = _flat_pairs(plain_numbers(prediction), target)
    return _mean([(p - t) ** 2 for p, t in pairs])


def _with_average(metric: Callable[..., float], average: str) -> Callable[..., float]:
    """Return the metric with a fixed `average` and a name that says so, as "f1_macro"."""

    @wraps(metric)
    def chosen(
        predictions: Sequence[Prediction],
        targets: Sequence[Target],
        *,
        border: float | Pair | None = None,
    ) -> float:
        return metric(predictions, targets, average=average, border=border)

    chosen.__name__ = f"{metric.__name__}_{average}"
    return chosen


_SCORES: tuple[Callable[..., float], ...] = (precision, recall, f1)
_AVERAGED = [
    _with_average(metric, average)
    for metric in _SCORES
    for average in ("macro", "micro", "weighted")
]
_PER_SAMPLE = (accuracy, binary_accuracy, absolute_error, squared_error)
_PER_SET = (*_SCORES, *_AVERAGED, mean_absolute_error, r2)

METRICS: dict[str, Callable[..., float]] = {
    metric.__name__: metric for metric in (*_PER_SAMPLE, *_PER_SET)
}
"""The metrics by name."""

_WITH_BORDER = (accuracy, binary_accuracy, *_SCORES, *_AVERAGED)


def read_metrics(metrics: Metrics) -> dict[str, Metric]:
    """Convert names, functions, or a dict of them to a dict of functions by name.

    Raises:
        OptionError: For an unknown name, and for anything else.

    Example:
        >>> list(read_metrics("accuracy"))
        ['accuracy']
    """
    if isinstance(metrics, dict):
        named = [(str(name), metric) for name, metric in metrics.items()]
    elif isinstance(metrics, str) or callable(metrics):
        named = [(_find_name(metrics), metrics)]
    else:
        named = [(_find_name(metric), metric) for metric in metrics]
    return {name: _resolve(metric) for name, metric in named}


def bind_borders(
    metrics: dict[str, Metric], targets: Sequence[Target], loss: Loss, prediction: Prediction
) -> dict[str, Metric]:
    """Bind the border between two classes to the metrics that need one and have none.

    It is found once, from all targets and the loss: a single batch may show one class only.

    Args:
        metrics: From `read_metrics`.
        targets: All targets, those of validation included.
        loss: What is minimized.
        prediction: What the model returns for one sample, as plain numbers.

    Returns:
        The metrics, ready to be called.

    Raises:
        OptionError: If the targets are not classes, or their border is ambiguous; the message says
            which metric to use.

    Example:
        >>> from scalargrad.losses import mse
        >>> bind_borders(read_metrics("accuracy"), [0, 1], mse, 0.2)["accuracy"](0.4, 0)
        1.0
    """
    bound: dict[str, Metric] = {}
    for name, metric in metrics.items():
        function: Callable[..., float] = metric
        options: Mapping[str, object] = {}
        if isinstance(metric, partial):
            function = metric.func
            options = metric.keywords

        needs_border = any(function is each for each in _WITH_BORDER)
        if not needs_border or "border" in options:
            bound[name] = metric
            continue

        default = (0.5, 0.5) if function is binary_accuracy else None
        border = find_border(name, targets, loss, prediction, default)
        if "average" not in options:
            _check_kind(name, function, innermost(prediction), border)
        unbound: Callable[..., float] = metric
        bound[name] = partial(unbound, border=border)
    return bound


def evaluate_metric(
    metric: Metric, predictions: Sequence[Prediction], targets: Sequence[Target]
) -> float:
    """Evaluate a metric of a whole set, or average one of single samples.

    Example:
        >>> evaluate_metric(squared_error, [1.0, 2.0], [0.0, 0.0])
        2.5
        >>> evaluate_metric(r2, [1.0, 2.0], [1.0, 2.0])
        1.0
    """
    # A partial does not pass on the mark of its function.
    function = metric.func if isinstance(metric, partial) else metric
    if getattr(function, "whole_set", False):
        return float(metric(predictions, targets))
    pairs = zip(predictions, targets, strict=True)
    total = sum(metric(p, t) for p, t in pairs)
    return total / len(targets)


def _check_kind(
    name: str, metric: Callable[..., float], row: Prediction, border: Pair | None
) -> None:
    """Refuse a score of two classes if there are more."""
    if metric is binary_accuracy and border is None:
        raise OptionError(
            f"{name} is for one output, or for several labels at once: for classes take accuracy"
        )
    classes = len(row) if isinstance(row, list) else 1
    is_multilabel = classes == 2 and border is not None
    if metric in _SCORES and (classes > 2 or is_multilabel):
        raise OptionError(
            f"{name} needs to know how to average over {classes} classes: "
            f"take {name}_macro, {name}_micro or {name}_weighted"
        )


def _find_name(metric: str | Metric) -> str:
    # A partial has no name, its function has.
    if isinstance(metric, partial):
        return _find_name(metric.func)
    if isinstance(metric, str):
        return metric
    return getattr(metric, "__name__", "metric")


def _resolve(choice: str | Metric) -> Metric:
    metric = METRICS.get(choice) if isinstance(choice, str) else choice
    if metric is not None and callable(metric):
        return metric
    hint = suggestion(choice, METRICS)
    if choice == "confusion_matrix":
        # It is in the same place of other libraries, but a history holds one number per epoch.
        hint = (
            ": a confusion matrix is not a single number, "
            "so call confusion_matrix(predictions, targets) after training"
        )
    raise OptionError(
        f"a metric must be a function (prediction, target) or a name, not {choice!r}{hint}"
    )


def _is_right_side(score: float, target: Target, border: float | Pair | None) -> float:
    number = _as_number(target)
    if border is None and number not in (-1.0, 1.0):
        raise OptionError(
            f"accuracy of one score takes a target of -1 or 1, not {number:g}: give border=0.5 for "
            "a probability and targets 0 and 1 (as binary_accuracy does), border=0.0 for a score "
            "before the sigmoid"
        )
    pair = (0.0, 0.0) if border is None else as_pair(border)
    return _same_side(score, number, pair)


def _same_side(score: float, target: float, border: Pair) -> float:
    is_above = score > border[0]
    return float(is_above == is_high(target, border))


def _argmax(scores: list[float]) -> int:
    return scores.index(max(scores))


def _as_number(target: Target) -> float:
    if hasattr(target, "__len__") and len(target) == 1:
        return float(target[0])
    return float(target)


def _pair_up(prediction: list[Prediction], target: Target) -> list[tuple[Prediction, Target]]:
    targets = list(target) if hasattr(target, "__len__") else [target]
    if len(prediction) != len(targets):
        raise LengthError(
            f"a metric needs a target for each output: {len(prediction)} outputs, "
            f"{len(targets)} targets"
        )
    return list(zip(prediction, targets, strict=True))


def _flat_pairs(prediction: Prediction, target: Target) -> list[tuple[float, float]]:
    """Return each output of a nested prediction with its target."""
    if not isinstance(prediction, list):
        return [(prediction, _as_number(target))]
    pairs: list[tuple[float, float]] = []
    for part, part_target in _pair_up(prediction, target):
        pairs += _flat_pairs(part, part_target)
    return pairs


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
