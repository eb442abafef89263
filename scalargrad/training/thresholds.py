"""Thresholds of scores and of their targets, found from all targets and the loss."""

from collections.abc import Callable, Sequence
from math import nan

from scalargrad.core.conversion import is_number
from scalargrad.core.nested import flatten
from scalargrad.errors import OptionError
from scalargrad.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    unwrap_loss,
)

from .aliases import Loss, Prediction, Target

Pair = tuple[float, float]
"""The border of the score, and that of the target."""

_BY_LOSS: dict[Callable[..., object], Pair] = {
    hinge: (0.0, 0.0),
    binary_cross_entropy: (0.5, 0.5),
    binary_cross_entropy_with_logits: (0.0, 0.5),
}


def as_pair(border: float | Pair) -> Pair:
    """Return the borders of score and target.

    A score before the sigmoid takes targets 0 and 1 as well as -1 and 1, so its targets are
    separated at 0.5.

    Example:
        >>> as_pair(0.5), as_pair(0.0)
        ((0.5, 0.5), (0.0, 0.5))
    """
    if isinstance(border, tuple):
        return border
    return float(border), 0.5 if border == 0.0 else float(border)


def find_border(
    name: str,
    targets: Sequence[Target],
    loss: Loss,
    prediction: Prediction,
    default: Pair | None = None,
) -> Pair | None:
    """Find the threshold between two classes.

    Args:
        name: The metric, for messages.
        targets: All targets.
        loss: What is minimized.
        prediction: What the model returns for one sample, as plain numbers.
        default: The border to use if the targets leave it open.

    Returns:
        The borders of score and target; None if the largest of several scores decides.

    Raises:
        OptionError: If the targets are not classes, or leave the border open.

    Example:
        >>> from scalargrad.losses import mse
        >>> find_border("accuracy", [-1, 1], mse, 0.3)
        (0.0, 0.0)
        >>> find_border("accuracy", [2, 0], mse, [0.1, 0.2, 0.7]) is None
        True
    """
    function, _ = unwrap_loss(loss)
    row = innermost(prediction)
    if not isinstance(row, list) or len(row) == 1:
        # Such a loss fixes what its scores mean, whichever labels occur.
        return _BY_LOSS.get(function) or _find_middle(name, targets, default)
    # The targets of cross_entropy were checked before, and may hold an index to ignore.
    if function is cross_entropy:
        return None
    if not any(isinstance(target, (list, tuple)) for target in targets):
        _check_indices(name, targets, len(row))
        return None
    return _BY_LOSS.get(function) or _find_row_border(name, targets)


def innermost(prediction: Prediction) -> Prediction:
    """Return the scores of one decision: of nested lists the first innermost one.

    Example:
        >>> innermost([[1.0, 2.0], [3.0, 4.0]]), innermost(0.5)
        ([1.0, 2.0], 0.5)
    """
    while isinstance(prediction, list) and prediction and isinstance(prediction[0], list):
        prediction = prediction[0]
    return prediction


def is_high(target: float, border: Pair) -> bool:
    """Tell whether a target is above its border."""
    return target > border[1]


def class_index(target: Sequence[float]) -> int:
    """Return the class with the largest share; of labels -1 and 1 exactly one must be 1.

    Raises:
        OptionError: For several labels at once.

    Example:
        >>> class_index([0.0, 1.0, 0.0])
        1
    """
    if not _is_one_class(target):
        raise OptionError(
            f"the target {target!r:.60} means several labels at once, as its shares don't add "
            "up to 1: give border=0.5 for probabilities, border=0.0 for scores before the sigmoid"
        )
    return max(range(len(target)), key=target.__getitem__)


def _is_one_class(target: Sequence[float]) -> bool:
    if all(share >= 0.0 for share in target):
        return abs(sum(target) - 1.0) < 1e-4
    return set(target) <= {-1.0, 1.0} and sum(share == 1.0 for share in target) == 1


def _find_middle(name: str, targets: Sequence[Target], default: Pair | None) -> Pair:
    """Return the middle of the two targets that occur."""
    numbers = sorted(_distinct_numbers(targets))
    if len(numbers) == 2:
        middle = (numbers[0] + numbers[1]) / 2.0
        return middle, middle

    # One class alone fixes the border if its label belongs to one convention only.
    if numbers == [-1.0]:
        return 0.0, 0.0
    if numbers == [0.0]:
        return 0.5, 0.5
    if default is not None and numbers == [1.0]:
        return default
    if len(numbers) == 1:
        raise OptionError(
            f"{name} needs two classes, and every target is {numbers[0]:g}: give "
            f'metrics={{"{name}": partial({name}, border=0.5)}} for probabilities, '
            "border=0.0 for scores"
        )
    raise OptionError(
        f"{name} of one output needs two classes, and y has {len(numbers)} different numbers: "
        "for numbers take absolute_error, squared_error or r2, "
        "for classes a model with one output for each"
    )


def _check_indices(name: str, targets: Sequence[Target], classes: int) -> None:
    for target in targets:
        number = float(target) if is_number(target) else nan
        if not number.is_integer() or not 0.0 <= number < classes:
            raise OptionError(
                f"{name} of {classes} outputs needs a class index from 0 to {classes - 1}, "
                f"or a list of {classes}, not the target {target!r}: "
                "for numbers take absolute_error, squared_error or r2"
            )


def _find_row_border(name: str, targets: Sequence[Target]) -> Pair | None:
    """Tell rows of one class each from rows of several labels, for a loss that takes any number."""
    if all(_is_one_class(row) for target in targets for row in _rows(target)):
        return None
    numbers = _distinct_numbers(targets)
    if numbers <= {0.0, 1.0}:
        return 0.5, 0.5
    if numbers <= {-1.0, 1.0}:
        return 0.0, 0.0
    raise OptionError(
        f"{name} needs classes or labels, and y holds other numbers: "
        "take absolute_error, squared_error or r2"
    )


def _distinct_numbers(targets: Sequence[Target]) -> set[float]:
    return {float(number) for target in targets for number in flatten(target)}


def _rows(target: Target) -> list[Target]:
    """Return the innermost lists of a target."""
    is_nested = (
        isinstance(target, (list, tuple)) and target and isinstance(target[0], (list, tuple))
    )
    if not is_nested:
        return [target]
    return [row for part in target for row in _rows(part)]
