"""Check that a loss takes the targets, and that they fit the model's output."""

from scalargrad.core.conversion import is_number, plain
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import TARGETS, is_ignored, unwrap_loss

from .aliases import Loss, Prediction, Target
from .inputs import Item, Path, Shape, locate, walk_leaves
from .samples import Samples

_TWO_CLASSES = 'for two classes and one output take loss="binary_cross_entropy_with_logits"'


def check_targets(
    loss: Loss, prediction: Prediction, samples: Samples, what: str, alike: bool = True
) -> None:
    """Check the targets of a built-in loss. A user's own loss checks them itself.

    Args:
        loss: The loss.
        prediction: What the model returns for one sample, as plain numbers.
        samples: The samples.
        what: What messages call the targets, such as "y".
        alike: Whether the model returns the same shape for every sample.

    Raises:
        DataError: For a target that is not a number.
        LengthError: For targets of another shape than predictions.
        OptionError: For a target that the loss does not take.

    Example:
        >>> from scalargrad.losses import hinge
        >>> from scalargrad.training.samples import read_samples
        >>> samples = read_samples([[1.0], [2.0]], [1, 0])
        >>> check_targets(hinge, 0.3, samples, "y")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        scalargrad.errors.OptionError: y[1] is 0, and a target of hinge must be -1 or 1: ...
    """
    function, options = unwrap_loss(loss)
    kind = TARGETS.get(function)
    if kind is None:
        return
    name = function.__name__
    if kind == "class":
        _check_classes(prediction, samples, what, options.get("ignore_index"), alike)
        return
    # If shapes differ between samples, only the loss can compare them, one by one.
    if alike:
        _check_shapes(name, prediction, samples, what)
    if kind == "signed":
        _check_signs(name, samples, what)
    elif kind == "probability":
        _check_shares(name, samples, what)


def nested_shape(nest: Target) -> Shape | None:
    """Return the shape of nested numbers; None if its parts differ in shape.

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


def _check_shapes(name: str, prediction: Prediction, samples: Samples, what: str) -> None:
    expected = nested_shape(prediction)
    # All rows of an array have its shape, so there is no need to look at each.
    if expected is None or samples.y_rows.shape == expected:
        return
    for i, target in enumerate(samples.targets):
        shape = nested_shape(target)
        if shape != expected and shape is not None:
            where = locate(what, (samples.original_index(i),))
            raise LengthError(_describe_mismatch(name, expected, shape, samples, where, what))


def _describe_mismatch(
    name: str, expected: Shape, shape: Shape, samples: Samples, where: str, what: str
) -> str:
    is_array = samples.y_rows.is_array
    if expected == () and shape == (1,):
        return _describe_column(samples, what)
    if expected == (1,) and shape == ():
        remedy = f"{what[0]}.reshape(-1, 1)" if is_array else f"[[t] for t in {what[0]}]"
        return (
            f"the model gives a list of one number for each sample, and {where} is a number: "
            f"give {remedy}"
        )
    if len(expected) == 1 and shape == ():
        return (
            f"the model gives {expected[0]} numbers for each sample, and {where} is one: "
            'for class indices take loss="cross_entropy", '
            f"else give one target for each output (loss is {name})"
        )
    return (
        f"the model gives {_describe_shape(expected)} for each sample, "
        f"and {where} is {_describe_shape(shape)}"
    )


def _describe_column(samples: Samples, what: str) -> str:
    if samples.y_rows.names:
        remedy = f"{what[0]}.to_numpy().ravel()"
    elif samples.y_rows.is_array:
        remedy = f"{what[0]}.ravel()"
    else:
        remedy = f"[t for (t,) in {what[0]}]"
    return (
        f"{what} is a column, a list of one number for each sample, where one number is meant: "
        f"give {remedy}"
    )


def _describe_shape(shape: Shape) -> str:
    if not shape:
        return "one number"
    if len(shape) == 1:
        return f"a list of {shape[0]}"
    return f"numbers of the shape {shape}"


def _numbers(samples: Samples, what: str) -> list[tuple[str, float]]:
    """Return every plain number among the targets, with its location.

    A Value is left out: what it will be is known only when the loss is computed.
    """
    numbers: list[tuple[str, float]] = []
    for i, target in enumerate(samples.targets):
        for path, leaf in walk_leaves(target, (samples.original_index(i),)):
            if not isinstance(leaf, Value):
                where = locate(what, path)
                numbers.append((where, _as_number(leaf, where)))
    return numbers


def _as_number(leaf: Item, where: str) -> float:
    if not is_number(leaf):
        raise DataError(f"{where} must be a real number, not {type(leaf).__name__}")
    return float(leaf)


def _check_signs(name: str, samples: Samples, what: str) -> None:
    for where, number in _numbers(samples, what):
        if number not in (-1.0, 1.0):
            hint = ": for labels 0 and 1 give 2 * y - 1" if number == 0.0 else ""
            raise OptionError(
                f"{where} is {number:g}, and a target of {name} must be -1 or 1{hint}"
            )


def _check_shares(name: str, samples: Samples, what: str) -> None:
    for where, number in _numbers(samples, what):
        if not 0.0 <= number <= 1.0:
            hint = _LABEL_HINTS.get(number, "")
            raise OptionError(
                f"{where} is {number:g}, and a target of {name} must be in [0, 1]{hint}"
            )


_LABEL_HINTS = {
    -1.0: ": for labels -1 and 1 give (y + 1) / 2",
    2.0: ": for labels 1 and 2 give y - 1",
}


def _check_classes(
    prediction: Prediction, samples: Samples, what: str, ignored: int | None, alike: bool
) -> None:
    if not isinstance(prediction, list):
        raise OptionError(
            "cross_entropy needs a list of logits, one for each class, and the model gives one "
            f"number for each sample: {_TWO_CLASSES}"
        )
    is_sequence = bool(prediction) and isinstance(prediction[0], list)
    count = len(prediction[0]) if is_sequence else len(prediction)
    if count < 2:
        raise OptionError(
            "cross_entropy needs a logit for each class, and the model gives a list of "
            f"{count}: {_TWO_CLASSES}"
        )
    for i, target in enumerate(samples.targets):
        path = (samples.original_index(i),)
        if not is_sequence:
            _check_class(target, count, path, samples, what, ignored)
            continue
        if not isinstance(target, (list, tuple)) or (alike and len(target) != len(prediction)):
            raise LengthError(
                f"the model gives {len(prediction)} lists of logits for each sample, so "
                f"{locate(what, path)} must be a list of {len(prediction)} class indices"
            )
        for j, part in enumerate(target):
            _check_class(part, count, (*path, j), samples, what, ignored)


def _check_class(
    target: Target, count: int, path: Path, samples: Samples, what: str, ignored: int | None
) -> None:
    where = locate(what, path)
    if isinstance(target, (list, tuple)):
        _check_class_shares(target, count, where, samples, what)
        return
    if isinstance(target, Value):
        raise DataError(
            f"{where} is a Value, and a class index must be a plain number: "
            "give an int, or the share of each class"
        )
    if is_ignored(target, ignored):
        return

    number = _as_number(target, where)
    if not number.is_integer() or not 0 <= number < count:
        hint = f": number them from 0, as y - 1 does for 1 to {count}" if number == count else ""
        raise OptionError(
            f"{where} is {number:g}, and for the {count} outputs of the model "
            f"a class must be a whole number from 0 to {count - 1}{hint}"
        )


def _check_class_shares(
    target: Target, count: int, where: str, samples: Samples, what: str
) -> None:
    if len(target) == 1:
        raise LengthError(_describe_column(samples, what))
    if len(target) != count:
        raise LengthError(
            f"{where} has {len(target)} shares of classes, and the model gives {count} outputs: "
            "give one for each"
        )
    shares = [_as_number(plain(share), where) for share in target]
    # Shares that are Values may change until the loss is computed.
    if any(isinstance(share, Value) for share in target):
        return
    total = sum(shares)
    if not all(0.0 <= share <= 1.0 for share in shares) or abs(total - 1.0) >= 1e-4:
        raise OptionError(
            f"the shares of {where} must each be in [0, 1] and add up to 1, not {total:g}: for "
            'several right classes at once take loss="binary_cross_entropy_with_logits"'
        )
