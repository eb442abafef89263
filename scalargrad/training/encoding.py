"""Samples as arrays: one row of numbers for each, and class indices as one-hot rows."""

from collections.abc import Mapping
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.conversion import is_number
from scalargrad.core.nested import flatten
from scalargrad.core.value import Value
from scalargrad.data import one_hot
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import cross_entropy, is_ignored, unwrap_loss

from .aliases import Loss, Prediction, Target
from .samples import nest

Array = NDArray[numpy.float64]


def class_options(loss: Loss, prediction: Prediction) -> Mapping[str, Any] | None:
    """Return the options of cross_entropy, which takes class indices; None for another loss.

    Args:
        loss: The loss, with options bound to it or without.
        prediction: What the model returns for one sample, as plain numbers.

    Raises:
        OptionError: For options that one-hot rows can't express.

    Example:
        >>> from functools import partial
        >>> class_options(partial(cross_entropy, label_smoothing=0.1), [0.0, 1.0])
        {'label_smoothing': 0.1}
    """
    function, options = unwrap_loss(loss)
    if function is not cross_entropy:
        return None
    is_sequence = isinstance(prediction[0], list)
    if is_sequence and options.get("ignore_index") is not None and options.get("label_smoothing"):
        raise OptionError(
            "compiled training can't both smooth labels and ignore some of a sequence: "
            "give compiled=False"
        )
    return options


def encode_target(
    target: Target, prediction: Prediction, options: Mapping[str, Any] | None
) -> Target:
    """Encode a class index of cross_entropy as a one-hot row; return other targets as they are.

    Rows of shares can leave samples out: all shares of an ignored one are 0.

    Args:
        target: The target of one sample.
        prediction: What the model returns for one sample, as plain numbers.
        options: What `class_options` returned for the loss.

    Example:
        >>> encode_target(1, [0.2, 0.5, 0.3], {}), encode_target(1, [0.2, 0.5, 0.3], None)
        ([0.0, 1.0, 0.0], 1)
    """
    if options is None:
        return target
    ignored = options.get("ignore_index")
    if not isinstance(prediction[0], list):
        return _one_hot_row(target, len(prediction), ignored, 1.0)

    used = sum(not is_ignored(part, ignored) for part in target)
    # Every row has a part in the mean of the program, so those that count make up for the
    # ignored ones.
    share = len(target) / max(used, 1)
    classes = len(prediction[0])
    return [_one_hot_row(part, classes, ignored, share) for part in target]


def _one_hot_row(target: Target, classes: int, ignored: int | None, share: float) -> list[float]:
    if is_ignored(target, ignored):
        return [0.0] * classes
    if isinstance(target, (list, tuple)):
        return [share * part for part in target]
    (row,) = one_hot([target], classes)
    numbers: list[float] = (share * row).tolist()
    return numbers


def stack_rows(
    entries_by_sample: list[Any],
    what: str,
    who: str = "compiled training",
    same_nest: bool = False,
) -> Array:
    """Convert nested entries to an array with one row for each sample.

    Args:
        entries_by_sample: The inputs or the targets.
        what: What messages call one of them.
        who: What needs them in one shape, for messages.
        same_nest: Whether they must be nested alike, not only of equal lengths.

    Raises:
        LengthError: For entries of different lengths, or nested in different ways.
        DataError: For an entry that holds something else than numbers.

    Example:
        >>> stack_rows([[1.0, [2.0]], [3.0, [4.0]]], "sample").tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    rows = [flatten(entry) for entry in entries_by_sample]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise LengthError(
                f"{who} needs samples of one shape: {what} {i} has {len(row)} numbers, "
                f"the first {len(rows[0])}"
            )
    try:
        array = numpy.array(rows, dtype=float)
    except (TypeError, ValueError) as error:
        odd = _find_odd_row(rows)
        kind = type(entries_by_sample[odd]).__name__
        raise DataError(
            f"{who} needs {what}s made of numbers, and {what} {odd} is a {kind}"
        ) from error
    if same_nest:
        _check_nests(entries_by_sample, what, who)
    return array


def _check_nests(entries_by_sample: list[Any], what: str, who: str) -> None:
    first = nest(entries_by_sample[0])
    for i, entry in enumerate(entries_by_sample):
        if nest(entry) != first:
            raise LengthError(
                f"{who} needs samples of one shape: {what} {i} is nested in another way than the "
                "first"
            )


def are_integers(entries_by_sample: list[Any]) -> bool:
    """Return whether nested entries hold integers only, which may be indices of an Embedding.

    Example:
        >>> are_integers([3, 4]), are_integers([[1, 2], [3, 4.0]]), are_integers([[True, 2]])
        (True, False, False)
    """
    for entry in entries_by_sample:
        # Samples may have thousands of numbers, but few types.
        kinds = set(map(type, flatten(entry)))
        if not all(map(_is_of_integers, kinds)):
            return False
    return True


def _is_of_integers(kind: type) -> bool:
    return issubclass(kind, (int, numpy.integer)) and kind is not bool


def _find_odd_row(rows: list[list[Any]]) -> int:
    """Return the index of the first row that holds something else than numbers."""
    for i, row in enumerate(rows):
        if not all(isinstance(x, Value) or is_number(x) for x in row):
            return i
    return 0
