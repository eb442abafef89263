"""Borders: what separates the two sides of a score and of its target, found from all targets and the loss, never for one sample."""

from collections.abc import Callable, Sequence
from math import nan
from typing import Any

from scalargrad.core.conversion import is_number
from scalargrad.errors import OptionError
from scalargrad.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    unwrapped,
)

from .aliases import Loss

Pair = tuple[float, float]
"""The border of the score, and that of the target."""

_BY_LOSS: dict[Callable[..., Any], Pair] = {
    hinge: (0.0, 0.0),
    binary_cross_entropy: (0.5, 0.5),
    binary_cross_entropy_with_logits: (0.0, 0.5),
}


def as_pair(border: float | Pair) -> Pair:
    """Return the borders of score and target; a score before the sigmoid takes targets 0 and 1 as well as -1 and 1.

    Example:
        >>> as_pair(0.5), as_pair(0.0)
        ((0.5, 0.5), (0.0, 0.5))
    """
    if isinstance(border, tuple):
        return border
    return float(border), 0.5 if border == 0.0 else float(border)


def find_border(
    name: str, targets: Sequence[Any], loss: Loss, prediction: Any, default: Pair | None = None
) -> Pair | None:
    """Find what separates the two sides.

    Args:
        name: The metric, for messages.
        targets: All targets.
        loss: What is minimized.
        prediction: What the model gives for one sample, as plain numbers.
        default: The border where the targets leave it open.

    Returns:
        The borders of score and target; None where the largest of several scores counts.

    Raises:
        OptionError: For targets that are no classes, or leave the border open.

    Example:
        >>> from scalargrad.losses import mse
        >>> find_border("accuracy", [-1, 1], mse, 0.3), find_border("accuracy", [2, 0], mse, [0.1, 0.2, 0.7])
        ((0.0, 0.0), None)
    """
    function, _ = unwrapped(loss)
    row = innermost(prediction)
    if not isinstance(row, list) or len(row) == 1:
        return _BY_LOSS.get(function) or _middle(name, targets, default)
    if function is cross_entropy:  # its targets were checked, and may hold an index to ignore
        return None
    if not any(isinstance(target, (list, tuple)) for target in targets):
        _check_indexes(name, targets, len(row))
        return None
    return _BY_LOSS.get(function) or _of_rows(name, targets)


def innermost(prediction: Any) -> Any:
    """Return the scores of one decision: of a sequence of lists those of the first.

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
    """Return the class that has the largest share; of labels -1 and 1 there must be one 1.

    Raises:
        OptionError: For several labels at once.

    Example:
        >>> class_index([0.0, 1.0, 0.0])
        1
    """
    if not _is_one_class(target):
        raise OptionError(
            f"the target {target!r:.60} stands for several labels at once, as its shares don't add up to 1: "
            "give border=0.5 for probabilities, border=0.0 for scores before the sigmoid"
        )
    return max(range(len(target)), key=target.__getitem__)


def _is_one_class(target: Sequence[float]) -> bool:
    if all(share >= 0.0 for share in target):
        return abs(sum(target) - 1.0) < 1e-4
    return set(target) <= {-1.0, 1.0} and sum(share == 1.0 for share in target) == 1


def _middle(name: str, targets: Sequence[Any], default: Pair | None) -> Pair:
    """The middle of the two targets that there are."""
    found = sorted({float(number) for target in targets for number in _flat(target)})
    if len(found) == 2:
        middle = (found[0] + found[1]) / 2.0
        return middle, middle
    if len(found) == 1 and found[0] in (-1.0, 0.0):
        return (0.0, 0.0) if found[0] else (0.5, 0.5)
    if default is not None and found == [1.0]:
        return default
    if len(found) == 1:
        raise OptionError(
            f"{name} needs two classes, and every target is {found[0]:g}: give "
            f'metrics={{"{name}": partial({name}, border=0.5)}} for probabilities, border=0.0 for scores'
        )
    raise OptionError(
        f"{name} of one output needs two classes, and y has {len(found)} different numbers: "
        "for numbers take absolute_error, squared_error or r2, for classes a model with one output for each"
    )


def _check_indexes(name: str, targets: Sequence[Any], classes: int) -> None:
    for target in targets:
        number = float(target) if is_number(target) else nan
        if not number.is_integer() or not 0.0 <= number < classes:
            raise OptionError(
                f"{name} of {classes} outputs needs a class index from 0 to {classes - 1}, or a list of {classes}, "
                f"not the target {target!r}: for numbers take absolute_error, squared_error or r2"
            )


def _of_rows(name: str, targets: Sequence[Any]) -> Pair | None:
    """Rows of a loss that takes any number: a class each, several labels each, or neither."""
    if all(_is_one_class(row) for target in targets for row in _rows(target)):
        return None
    found = {float(number) for target in targets for number in _flat(target)}
    if found <= {0.0, 1.0}:
        return 0.5, 0.5
    if found <= {-1.0, 1.0}:
        return 0.0, 0.0
    raise OptionError(
        f"{name} needs classes or labels, and y holds other numbers: take absolute_error, squared_error or r2"
    )


def _rows(target: Any) -> list[Any]:
    nested = (
        isinstance(target, (list, tuple)) and bool(target) and isinstance(target[0], (list, tuple))
    )
    return [row for part in target for row in _rows(part)] if nested else [target]


def _flat(target: Any) -> list[Any]:
    return (
        [number for part in target for number in _flat(part)]
        if isinstance(target, (list, tuple))
        else [target]
    )
