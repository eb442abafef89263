"""Metrics: how good a prediction is, as a number that nobody differentiates. `fit` averages them over the samples."""

from collections.abc import Callable
from typing import Any

from ..errors import OptionError
from ..naming import suggestion

Metric = Callable[[Any, Any], float]


def accuracy(prediction: Any, target: Any) -> float:
    """1.0 if the sample is on its side, else 0.0.

    Several scores: the largest must be that of the target's class (an index, or a list with one share for each class).
    One score: its sign must be that of the target, which is -1 or 1; for a probability and a target of 0 or 1 see `binary_accuracy`.

    >>> accuracy([0.1, 2.0, -1.0], 1), accuracy(-0.3, 1)
    (1.0, 0.0)
    """
    if not isinstance(prediction, list):
        return float((prediction > 0.0) == (_number(target) > 0.0))
    wanted = _largest(list(target)) if hasattr(target, "__len__") else int(target)
    return float(_largest(prediction) == wanted)


def binary_accuracy(prediction: Any, target: Any) -> float:
    """1.0 if a probability is on the side of its target, 0 or 1, else 0.0; the border is 0.5.

    >>> binary_accuracy(0.7, 1), binary_accuracy([0.7], [0])
    (1.0, 0.0)
    """
    return float((_number(prediction) > 0.5) == (_number(target) > 0.5))


def absolute_error(prediction: Any, target: Any) -> float:
    """|p - t|, the mean over the outputs.

    >>> absolute_error([1.0, 3.0], [0.0, 1.0])
    1.5
    """
    return _mean([abs(p - t) for p, t in _pairs(prediction, target)])


def squared_error(prediction: Any, target: Any) -> float:
    """(p - t)², the mean over the outputs.

    >>> squared_error(3.0, 1.0)
    4.0
    """
    return _mean([(p - t) ** 2 for p, t in _pairs(prediction, target)])


METRICS: dict[str, Metric] = {metric.__name__: metric for metric in (accuracy, binary_accuracy, absolute_error, squared_error)}
"""The metrics by name."""


def named_metrics(metrics: Any) -> dict[str, Metric]:
    """Names, functions or a dict of functions, as a dict of functions by name; raises OptionError for what is none.

    >>> list(named_metrics("accuracy"))
    ['accuracy']
    """
    if isinstance(metrics, dict):
        return {str(name): _metric(metric) for name, metric in metrics.items()}
    items = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    return {metric if isinstance(metric, str) else getattr(metric, "__name__", "metric"): _metric(metric) for metric in items}


def _metric(metric: Any) -> Metric:
    found: Any = METRICS.get(metric) if isinstance(metric, str) else metric
    if not callable(found):
        hint = suggestion(metric, METRICS)
        raise OptionError(f"a metric must be a function (prediction, target) or a name, not {metric!r}{hint}")
    checked: Metric = found
    return checked


def _largest(scores: list[float]) -> int:
    return scores.index(max(scores))


def _number(x: Any) -> float:
    return float(x[0]) if hasattr(x, "__len__") and len(x) == 1 else float(x)


def _pairs(prediction: Any, target: Any) -> list[tuple[float, float]]:
    if isinstance(prediction, list):
        return [pair for p, t in zip(prediction, target, strict=True) for pair in _pairs(p, t)]
    return [(prediction, _number(target))]


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
