"""Weights of samples in the loss: given for each sample, for each class, or 0 for what a loss ignores."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from scalargrad.core.conversion import as_float, is_number
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import is_ignored, unwrapped

from .aliases import Loss
from .inputs import locate, read_rows
from .samples import Samples

_FEW = 50
"""A single output has at most so many classes; what has more different targets are no classes."""


def apply_class_weights(
    samples: Samples,
    held: Samples | None,
    class_weight: Any,
    loss: Loss,
    prediction: Any,
) -> tuple[Samples, Samples | None]:
    """Give samples the weights with which they count in the loss.

    Args:
        samples: Those to train on, with weights of their own or without.
        held: Those to validate on.
        class_weight: None, "balanced", a dict from class to weight, or a list with the weight of each class.
        loss: The loss, which may ignore a class index.
        prediction: What the model gives for one sample.

    Returns:
        Both, with weights; None where all count alike.

    Raises:
        OptionError: For weights that don't fit the classes.

    Example:
        >>> from scalargrad.losses import cross_entropy
        >>> from scalargrad.training.samples import read_samples
        >>> samples = read_samples([[1.0], [2.0], [3.0]], [0, 1, 1])
        >>> apply_class_weights(samples, None, "balanced", cross_entropy, [0.2, 0.8])[0].weights
        [1.5, 0.75, 0.75]
    """
    _, options = unwrapped(loss)
    ignored = options.get("ignore_index")
    table = None if class_weight is None else _table(class_weight, samples, prediction, ignored)
    found = _with_weights(samples, table, prediction, ignored, "y")
    if found.weights is not None and not any(found.weights):
        raise OptionError("the weights of all samples are 0, so nothing can be learned")
    return found, None if held is None else _with_weights(
        held, table, prediction, ignored, "y of validation"
    )


def _with_weights(
    samples: Samples,
    table: Mapping[float, float] | None,
    prediction: Any,
    ignored: int | None,
    what: str,
) -> Samples:
    if table is None and ignored is None:
        return samples
    own = samples.weights or [1.0] * len(samples)
    found = []
    for i, target in enumerate(samples.targets):
        weight = own[i] * _counted(target, ignored, prediction)
        if table is not None and weight:
            key = _class_of(target, prediction, locate(what, (samples.original_index(i),)))
            if key not in table:
                raise OptionError(
                    f"class_weight has no weight for {locate(what, (samples.original_index(i),))}, which is {key:g}"
                )
            weight *= table[key]
        found.append(weight)
    return replace(samples, weights=found)


def _counted(target: Any, ignored: int | None, prediction: Any) -> float:
    """How many class indexes of a target count: 1 or 0, but of a sequence of them up to its length."""
    if ignored is None:
        return 1.0
    if isinstance(prediction, list) and isinstance(prediction[0], list):
        return float(sum(not is_ignored(part, ignored) for part in target))
    return float(not is_ignored(target, ignored))


def _class_of(target: Any, prediction: Any, where: str) -> float:
    """The class of a sample: its index, or the target itself where there is one output."""
    if isinstance(target, (list, tuple)):
        if len(target) == 1 and is_number(target[0]):
            return float(target[0])
        if _one_hot(target):
            return float(max(range(len(target)), key=target.__getitem__))
        raise OptionError(
            f"class_weight needs one class for each sample, and {where} is a list of {len(target)}: give sample_weight"
        )
    if not is_number(target):
        raise DataError(
            f"class_weight needs one class for each sample, and {where} is of type {type(target).__name__}"
        )
    number = float(target)
    if isinstance(prediction, list) and len(prediction) > 1 and not number.is_integer():
        raise OptionError(
            f"class_weight needs classes, and {where} is {number:g}: give sample_weight"
        )
    return number


def _one_hot(target: Any) -> bool:
    numbers = [part for part in target if is_number(part)]
    return (
        len(numbers) == len(target)
        and sorted(map(float, numbers))[-2:] == [0.0, 1.0]
        and sum(map(float, numbers)) == 1.0
    )


def _table(
    class_weight: Any, samples: Samples, prediction: Any, ignored: int | None
) -> dict[float, float]:
    """The weight of each class."""
    used = [i for i, target in enumerate(samples.targets) if _counted(target, ignored, prediction)]
    counts = Counter(
        _class_of(samples.targets[i], prediction, locate("y", (samples.original_index(i),)))
        for i in used
    )
    if len(counts) > _FEW and not isinstance(prediction, list):
        raise OptionError(
            f"class_weight needs classes, and y has {len(counts)} different numbers: give sample_weight"
        )
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise OptionError(
                f"class_weight must be 'balanced', a dict or a list, not {class_weight!r}"
            )
        return {key: len(used) / (len(counts) * count) for key, count in counts.items()}
    if isinstance(class_weight, Mapping):
        given = {
            as_float(key, "a class of class_weight"): weight for key, weight in class_weight.items()
        }
    else:
        given = _by_order(class_weight, sorted(counts), prediction)
    return {key: _checked(weight, key) for key, weight in given.items()}


def _by_order(class_weight: Any, classes: list[float], prediction: Any) -> dict[float, Any]:
    """The weights of a list: by class index, or for one output by the order of the two labels."""
    weights = read_rows(class_weight, "class_weight").items
    several = isinstance(prediction, list) and len(prediction) > 1
    labels = [float(i) for i in range(len(prediction))] if several else classes
    if len(weights) != len(labels):
        raise LengthError(
            f"class_weight needs a weight for each class: {len(labels)} classes, {len(weights)} weights"
        )
    return dict(zip(labels, weights, strict=True))


def _checked(weight: Any, key: float) -> float:
    found = as_float(weight, f"class_weight of {key:g}")
    if not isfinite(found) or found < 0.0:
        raise OptionError(
            f"class_weight of {key:g} must be a finite number of at least 0, not {found!r}"
        )
    return found
