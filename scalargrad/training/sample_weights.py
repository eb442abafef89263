"""Weights of samples in the loss: per sample, per class, and 0 for what a loss ignores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from scalargrad.core.checks import checked_number
from scalargrad.core.conversion import as_float, is_number
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import is_ignored, unwrap_loss

from .aliases import Loss, Prediction, Target
from .inputs import locate, read_rows
from .samples import Samples

ClassWeight: TypeAlias = Literal["balanced"] | Mapping[float, float] | Sequence[float]
"""How much each class counts in the loss."""

_MAX_CLASSES = 50
"""With more different targets than this, a single output predicts numbers and not classes."""


def apply_class_weights(
    samples: Samples,
    held_out: Samples | None,
    class_weight: ClassWeight | None,
    loss: Loss,
    prediction: Prediction,
) -> tuple[Samples, Samples | None]:
    """Multiply the weights of samples by those of their classes.

    Args:
        samples: Those to train on, with or without weights.
        held_out: Those to validate on.
        class_weight: None, "balanced", a dict from class to weight, or a list with the weight of
            each class.
        loss: The loss, which may ignore a class index.
        prediction: What the model returns for one sample.

    Returns:
        Both, with weights; without if all samples count the same.

    Raises:
        OptionError: For weights that don't fit the classes.

    Example:
        >>> from scalargrad.losses import cross_entropy
        >>> from scalargrad.training.samples import read_samples
        >>> samples = read_samples([[1.0], [2.0], [3.0]], [0, 1, 1])
        >>> apply_class_weights(samples, None, "balanced", cross_entropy, [0.2, 0.8])[0].weights
        [1.5, 0.75, 0.75]
    """
    _, options = unwrap_loss(loss)
    ignored = options.get("ignore_index")
    table = None
    if class_weight is not None:
        table = _make_table(class_weight, samples, prediction, ignored)

    weighted = _with_weights(samples, table, prediction, ignored, "y")
    if weighted.weights is not None and not any(weighted.weights):
        raise OptionError("the weights of all samples are 0, so nothing can be learned")
    if held_out is None:
        return weighted, None
    return weighted, _with_weights(held_out, table, prediction, ignored, "y of validation")


def _with_weights(
    samples: Samples,
    table: Mapping[float, float] | None,
    prediction: Prediction,
    ignored: int | None,
    what: str,
) -> Samples:
    if table is None and ignored is None:
        return samples
    given = samples.weights or [1.0] * len(samples)
    weights = []
    for i, target in enumerate(samples.targets):
        weight = given[i] * _count_used(target, ignored, prediction)
        # An ignored target has no class to look up.
        if table is not None and weight:
            where = locate(what, (samples.original_index(i),))
            key = _find_class(target, prediction, where)
            if key not in table:
                raise OptionError(f"class_weight has no weight for {where}, which is {key:g}")
            weight *= table[key]
        weights.append(weight)
    return replace(samples, weights=weights)


def _count_used(target: Target, ignored: int | None, prediction: Prediction) -> float:
    """Count the class indices of a target that are not ignored: 0 or 1, more for a sequence."""
    if ignored is None:
        return 1.0
    if isinstance(prediction, list) and isinstance(prediction[0], list):
        return float(sum(not is_ignored(part, ignored) for part in target))
    return float(not is_ignored(target, ignored))


def _find_class(target: Target, prediction: Prediction, where: str) -> float:
    """Return the class index of a sample, or for one output the target itself."""
    if isinstance(target, (list, tuple)):
        if len(target) == 1 and is_number(target[0]):
            return float(target[0])
        if _is_one_hot(target):
            return float(max(range(len(target)), key=target.__getitem__))
        raise OptionError(
            f"class_weight needs one class for each sample, and {where} is a list of "
            f"{len(target)}: give sample_weight"
        )
    if not is_number(target):
        raise DataError(
            f"class_weight needs one class for each sample, and {where} is of type "
            f"{type(target).__name__}"
        )
    number = float(target)
    if isinstance(prediction, list) and len(prediction) > 1 and not number.is_integer():
        raise OptionError(
            f"class_weight needs classes, and {where} is {number:g}: give sample_weight"
        )
    return number


def _is_one_hot(target: Sequence[Target]) -> bool:
    if not all(map(is_number, target)):
        return False
    numbers = sorted(map(float, target))
    # Below the two largest there may still be negative numbers, which the sum reveals.
    return numbers[-2:] == [0.0, 1.0] and sum(numbers) == 1.0


def _make_table(
    class_weight: ClassWeight, samples: Samples, prediction: Prediction, ignored: int | None
) -> dict[float, float]:
    """Return the weight of each class."""
    counts: Counter[float] = Counter()
    for i, target in enumerate(samples.targets):
        if _count_used(target, ignored, prediction):
            where = locate("y", (samples.original_index(i),))
            counts[_find_class(target, prediction, where)] += 1
    # The targets of a regression would be one class each.
    if len(counts) > _MAX_CLASSES and not isinstance(prediction, list):
        raise OptionError(
            f"class_weight needs classes, and y has {len(counts)} different numbers: "
            "give sample_weight"
        )

    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise OptionError(
                f"class_weight must be 'balanced', a dict or a list, not {class_weight!r}"
            )
        # As in scikit-learn: the weights of all samples add up to their number.
        total = counts.total()
        return {key: total / (len(counts) * count) for key, count in counts.items()}

    given: Mapping[float, float]
    if isinstance(class_weight, Mapping):
        given = {
            as_float(key, "a class of class_weight"): weight for key, weight in class_weight.items()
        }
    else:
        given = _table_from_list(class_weight, sorted(counts), prediction)
    return {
        key: checked_number(weight, f"class_weight of {key:g}") for key, weight in given.items()
    }


def _table_from_list(
    class_weight: Sequence[float], classes: list[float], prediction: Prediction
) -> dict[float, float]:
    """Assign the weights of a list by class index, or for one output in the order of the labels."""
    weights = read_rows(class_weight, "class_weight").items
    has_several = isinstance(prediction, list) and len(prediction) > 1
    labels = [float(i) for i in range(len(prediction))] if has_several else classes
    if len(weights) != len(labels):
        raise LengthError(
            f"class_weight needs a weight for each class: {len(labels)} classes, "
            f"{len(weights)} weights"
        )
    return dict(zip(labels, weights, strict=True))
