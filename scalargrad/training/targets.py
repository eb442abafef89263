"""What targets mean: whether a loss takes them, and whether they fit what the model gives."""

from typing import Any

from scalargrad.core.conversion import is_number, plain
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import TARGETS, is_ignored, unwrapped

from .aliases import Loss
from .inputs import locate, walk_leaves
from .samples import Samples


def check_targets(
    loss: Loss, prediction: Any, samples: Samples, what: str, alike: bool = True
) -> None:
    """Check the targets of a loss of ours; one of the user's own takes what it takes.

    Args:
        loss: The loss.
        prediction: What the model gives for one sample, as plain numbers.
        samples: The samples.
        what: What messages call the targets, such as "y".
        alike: Whether the model gives the same shape for every sample.

    Raises:
        DataError: For a target that is not a number.
        LengthError: For targets of another shape than predictions.
        OptionError: For a target that the loss does not take.

    Example:
        >>> from scalargrad.losses import hinge
        >>> from scalargrad.training.samples import read_samples
        >>> check_targets(hinge, 0.3, read_samples([[1.0], [2.0]], [1, 0]), "y")
        Traceback (most recent call last):
        scalargrad.errors.OptionError: y[1] is 0, and a target of hinge must be -1 or 1: for labels 0 and 1 give 2 * y - 1
    """
    function, options = unwrapped(loss)
    kind = TARGETS.get(function)
    if kind is None:
        return
    name = function.__name__
    if kind == "class":
        _check_classes(prediction, samples, what, options.get("ignore_index"), alike)
        return
    if alike:
        _check_shapes(name, prediction, samples, what)
    if kind == "side":
        _check_signs(name, samples, what)
    elif kind == "share":
        _check_shares(name, samples, what)


def nested_shape(nest: Any) -> tuple[int, ...] | None:
    """Return the shape of a nest of numbers; None where its parts differ in shape.

    Example:
        >>> nested_shape([[1.0, 2.0]]), nested_shape(3.0), nested_shape([1.0, [2.0]])
        ((1, 2), (), None)
    """
    if not isinstance(nest, (list, tuple)):
        return getattr(nest, "shape", ())
    shapes = {nested_shape(part) for part in nest}
    if len(shapes) > 1:
        return None
    inner = shapes.pop() if shapes else ()
    return None if inner is None else (len(nest), *inner)


def _check_shapes(name: str, prediction: Any, samples: Samples, what: str) -> None:
    wanted = nested_shape(prediction)
    if wanted is None or samples.y_rows.shape == wanted:
        return
    for i, target in enumerate(samples.targets):
        found = nested_shape(target)
        if found != wanted and found is not None:
            raise LengthError(
                _other_shape(
                    name, wanted, found, samples, locate(what, (samples.original_index(i),)), what
                )
            )


def _other_shape(
    name: str,
    wanted: tuple[int, ...],
    found: tuple[int, ...],
    samples: Samples,
    where: str,
    what: str,
) -> str:
    if wanted == () and found == (1,):
        return _column(samples, what)
    if wanted == (1,) and found == ():
        remedy = (
            f"{what[0]}.reshape(-1, 1)" if samples.y_rows.is_array else f"[[t] for t in {what[0]}]"
        )
        return f"the model gives a list of one number for each sample, and {where} is a number: give {remedy}"
    if len(wanted) == 1 and found == ():
        return (
            f"the model gives {wanted[0]} numbers for each sample, and {where} is one: "
            f'for class indexes take loss="cross_entropy", else give one target for each output (loss is {name})'
        )
    return (
        f"the model gives {_described(wanted)} for each sample, and {where} is {_described(found)}"
    )


def _column(samples: Samples, what: str) -> str:
    remedy = f"{what[0]}.ravel()" if samples.y_rows.is_array else f"[t for (t,) in {what[0]}]"
    remedy = f"{what[0]}.to_numpy().ravel()" if samples.y_rows.names else remedy
    return f"{what} is a column, a list of one number for each sample, where one number is meant: give {remedy}"


def _described(shape: tuple[int, ...]) -> str:
    if not shape:
        return "one number"
    if len(shape) == 1:
        return f"a list of {shape[0]}"
    return f"numbers of the shape {shape}"


def _numbers(samples: Samples, what: str) -> list[tuple[str, float]]:
    """Every plain number among the targets, with its place; a Value is taken as it is."""
    found: list[tuple[str, float]] = []
    for i, target in enumerate(samples.targets):
        for path, leaf in walk_leaves(target, (samples.original_index(i),)):
            if not isinstance(leaf, Value):
                found.append((locate(what, path), _number(leaf, locate(what, path))))
    return found


def _number(leaf: Any, where: str) -> float:
    if not is_number(leaf):
        raise DataError(f"{where} must be a real number, not {type(leaf).__name__}")
    return float(leaf)


def _check_signs(name: str, samples: Samples, what: str) -> None:
    for where, number in _numbers(samples, what):
        if number not in (-1.0, 1.0):
            hint = ": for labels 0 and 1 give 2 * y - 1" if number == 0.0 else ""
            raise OptionError(
                f"{where} is {_short(number)}, and a target of {name} must be -1 or 1{hint}"
            )


def _check_shares(name: str, samples: Samples, what: str) -> None:
    for where, number in _numbers(samples, what):
        if not 0.0 <= number <= 1.0:
            hint = _OF_LABELS.get(number, "")
            raise OptionError(
                f"{where} is {_short(number)}, and a target of {name} must be in [0, 1]{hint}"
            )


_OF_LABELS = {
    -1.0: ": for labels -1 and 1 give (y + 1) / 2",
    2.0: ": for labels 1 and 2 give y - 1",
}


def _check_classes(
    prediction: Any, samples: Samples, what: str, ignored: int | None, alike: bool
) -> None:
    if not isinstance(prediction, list):
        raise OptionError(
            "cross_entropy needs a list of logits, one for each class, and the model gives one number for each sample: "
            'for two classes and one output take loss="binary_cross_entropy_with_logits"'
        )
    rows = bool(prediction) and isinstance(prediction[0], list)
    count = len(prediction[0]) if rows else len(prediction)
    if count < 2:
        raise OptionError(
            f"cross_entropy needs a logit for each class, and the model gives a list of {count}: "
            'for two classes and one output take loss="binary_cross_entropy_with_logits"'
        )
    for i, target in enumerate(samples.targets):
        path = (samples.original_index(i),)
        if not rows:
            _check_class(target, count, path, samples, what, ignored)
            continue
        if not isinstance(target, (list, tuple)) or (alike and len(target) != len(prediction)):
            raise LengthError(
                f"the model gives {len(prediction)} lists of logits for each sample, so {locate(what, path)} "
                f"must be a list of {len(prediction)} class indexes"
            )
        for j, part in enumerate(target):
            _check_class(part, count, (*path, j), samples, what, ignored)


def _check_class(
    target: Any, count: int, path: tuple[int, ...], samples: Samples, what: str, ignored: int | None
) -> None:
    where = locate(what, path)
    if isinstance(target, (list, tuple)):
        _check_class_shares(target, count, where, samples, what)
    elif isinstance(target, Value):
        raise DataError(
            f"{where} is a Value, and a class index must be a plain number: give an int, or the share of each class"
        )
    elif not is_ignored(target, ignored):
        number = _number(target, where)
        if not number.is_integer() or not 0 <= number < count:
            hint = (
                f": number them from 0, as y - 1 does for 1 to {count}" if number == count else ""
            )
            raise OptionError(
                f"{where} is {_short(number)}, and for the {count} outputs of the model "
                f"a class must be a whole number from 0 to {count - 1}{hint}"
            )


def _check_class_shares(target: Any, count: int, where: str, samples: Samples, what: str) -> None:
    if len(target) == 1:
        raise LengthError(_column(samples, what))
    if len(target) != count:
        raise LengthError(
            f"{where} has {len(target)} shares of classes, and the model gives {count} outputs: give one for each"
        )
    shares = [_number(plain(share), where) for share in target]
    if any(isinstance(share, Value) for share in target):
        return
    if not all(0.0 <= share <= 1.0 for share in shares) or abs(sum(shares) - 1.0) >= 1e-4:
        raise OptionError(
            f"the shares of {where} must each be in [0, 1] and add up to 1, not {_short(sum(shares))}: "
            'for several right classes at once take loss="binary_cross_entropy_with_logits"'
        )


def _short(number: float) -> str:
    return f"{number:g}"
