"""Losses: how far a prediction is from its target, as one Value to call `backward` on.

Every loss is called as `loss(prediction, target)`, options by name. The prediction is one Value, a list of them, or a list of such
lists; the target has the same shape (for `cross_entropy` it may be a class index for each list). Numbers may stand in the place of
Values; with numbers alone the result is a float. `reduction` says what becomes of several items: their "mean" or their "sum".
Names are PyTorch's, without the ending "_loss".

All of them raise LengthError for an empty list or for shapes that differ, DataError for what is not a number, and OptionError for an
unknown reduction or a number out of its range. A target that is a Value is taken as it is, its range not checked.

>>> from scalargrad import Value
>>> prediction = [Value(1.0), Value(4.0)]
>>> loss = mse(prediction, [0.0, 2.0])
>>> loss.backward()
>>> loss.data, [p.grad for p in prediction]
(2.5, [1.0, 2.0])
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from .core import ops
from .core.checks import checked_int
from .core.conversion import as_float, is_number, plain
from .core.functions import subtract_max
from .core.modes import is_tracing
from .core.ops import Op
from .core.value import Number, Value, apply
from .errors import DataError, LengthError, OptionError
from .utils.calls import explain_calls
from .utils.spelling import suggestion

__all__ = [
    "LOSSES",
    "TARGETS",
    "absolute_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "half_squared_error",
    "hinge",
    "huber",
    "loss_of",
    "mse",
    "unwrapped",
]

_REDUCTIONS: dict[str, Op] = {op.name: op for op in (ops.MEAN, ops.SUM)}


@explain_calls
def absolute_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """|p - t|, the absolute error; its derivative is 0 where p = t.

    >>> absolute_error([1.0, -2.0], [0.0, 2.0])
    2.5
    """
    return _reduced(
        [apply(ops.ABS, p - t) for p, t in _pairs("absolute_error", prediction, target)], reduction
    )


@explain_calls
def half_squared_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """½(p - t)², half the squared error, whose derivative is the error p - t itself.

    >>> half_squared_error(3.0, 1.0)
    2.0
    """
    return _reduced(
        [
            0.5 * apply(ops.POW, p - t, 2.0)
            for p, t in _pairs("half_squared_error", prediction, target)
        ],
        reduction,
    )


@explain_calls
def mse(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """(p - t)², the squared error.

    >>> mse([1.0, 4.0], [0.0, 2.0], reduction="sum")
    5.0
    """
    return _reduced(
        [apply(ops.POW, p - t, 2.0) for p, t in _pairs("mse", prediction, target)], reduction
    )


@explain_calls
def huber(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    """½(p - t)² up to an error of `delta`, from there on the straight line delta·(|p - t| - ½delta) (Huber 1964).

    Raises OptionError for a delta that is not above 0, and what all losses raise.

    >>> huber([0.5, 3.0], [0.0, 0.0], reduction="sum")
    2.625
    """
    bound = as_float(delta, "delta of huber")
    if not bound > 0.0:
        raise OptionError(f"delta of huber must be above 0, not {delta!r}")
    return _reduced(
        [_huber(apply(ops.ABS, p - t), bound) for p, t in _pairs("huber", prediction, target)],
        reduction,
    )


def _huber(error: Any, delta: float) -> Any:
    inner = apply(
        ops.MINIMUM, error, delta
    )  # both branches in one formula: no question that a recorded graph could not ask again
    return inner * (error - 0.5 * inner)


@explain_calls
def hinge(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """max(0, 1 - t·p) for a target t of -1 or 1: no loss once p is on the right side by 1.

    Raises OptionError for another target, and what all losses raise.

    >>> hinge([2.0, -0.5], [1, 1], reduction="sum")
    1.5
    """
    pairs = _pairs("hinge", prediction, target)
    for _, t in pairs:
        if not isinstance(t, Value) and t not in (-1.0, 1.0):
            raise OptionError(f"a target of hinge must be -1 or 1, not {t!r}")
    return _reduced([apply(ops.RELU, 1.0 - t * p) for p, t in pairs], reduction)


@explain_calls
def binary_cross_entropy(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """-t·log(p) - (1 - t)·log(1 - p) for a probability p and a target t, both in [0, 1].

    Where t is 0 or 1 only one of the terms is made, so a prediction that is exactly right costs 0, and one that is exactly wrong inf
    (PyTorch says 100). From a sigmoid, `binary_cross_entropy_with_logits` is the stable form.
    Raises OptionError for a number outside [0, 1], and what all losses raise.

    >>> binary_cross_entropy([0.5, 1.0], [0, 1], reduction="sum")
    0.6931471805599453
    """
    pairs = _pairs("binary_cross_entropy", prediction, target)
    for p, t in pairs:
        _check_target("binary_cross_entropy", t)
        if not _stands_for_all(p) and (
            plain(p) < 0.0 or plain(p) > 1.0
        ):  # nan is let through, for `detect_anomaly` to find
            raise OptionError(
                f"a prediction of binary_cross_entropy must be a probability in [0, 1], not {plain(p)!r}: "
                "for a number before the sigmoid use binary_cross_entropy_with_logits"
            )
    return _reduced(
        [
            -_mixed(t, lambda p: apply(ops.LOG, p), p, lambda p: apply(ops.LOG1P, -p))
            for p, t in pairs
        ],
        reduction,
    )


@explain_calls
def binary_cross_entropy_with_logits(
    prediction: Any, target: Any, *, reduction: str = "mean"
) -> Any:
    """Binary cross-entropy of sigmoid(p), as t·softplus(-p) + (1 - t)·softplus(p): exact for any size of p.

    Raises OptionError for a target outside [0, 1], and what all losses raise.

    >>> binary_cross_entropy_with_logits([0.0, 1000.0], [1, 0], reduction="sum")
    1000.6931471805599
    """
    pairs = _pairs("binary_cross_entropy_with_logits", prediction, target)
    for _, t in pairs:
        _check_target("binary_cross_entropy_with_logits", t)
    return _reduced(
        [
            _mixed(t, lambda p: apply(ops.SOFTPLUS, -p), p, lambda p: apply(ops.SOFTPLUS, p))
            for p, t in pairs
        ],
        reduction,
    )


def _stands_for_all(p: Any) -> bool:
    """Whether the number is only an example: while a function is recorded, a Value stands for that of every sample."""
    return isinstance(p, Value) and is_tracing()


def _mixed(
    share: Number, if_one: Callable[[Any], Any], p: Any, if_zero: Callable[[Any], Any]
) -> Any:
    """share·if_one(p) + (1 - share)·if_zero(p); a term of share 0 is not made, as it may be infinite."""
    if isinstance(share, Value) or 0.0 < share < 1.0:
        return share * if_one(p) + (1.0 - share) * if_zero(p)
    return if_one(p) if share else if_zero(p)


@explain_calls
def cross_entropy(
    prediction: Any,
    target: Any,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:
    """Cross-entropy of softmax(prediction), from the logits: logsumexp(prediction) - prediction[target].

    The largest logit is subtracted first, so that it is exact for logits of any size.

    Args:
        prediction: A list of logits, one for each class; or a list of such lists, one for each sample.
        target: The index of the right class, or a list with the probability of each class; for several
            samples a list of these.
        label_smoothing: The share of the target, in [0, 1], that is spread evenly over all classes
            (Szegedy et al. 2016, section 7).
        ignore_index: A class index that marks what has no part in the loss; the mean is over the others.
            Where all are ignored the loss is 0. `fit` leaves such samples out of the mean of a batch.
        reduction: "mean" or "sum".

    Raises:
        OptionError: For an index out of range, probabilities outside [0, 1] or that do not add up to 1,
            and a smoothing outside [0, 1]; besides, what all losses raise.

    Example:
        >>> cross_entropy([0.0, 1000.0, 0.0], 0)
        1000.0
        >>> cross_entropy([[0.0, 0.0], [0.0, 0.0]], [1, [0.5, 0.5]], reduction="sum")
        1.3862943611198906
        >>> cross_entropy([[0.0, 0.0], [0.0, 1000.0]], [1, -100], ignore_index=-100)
        0.6931471805599453
    """
    smoothing = as_float(label_smoothing, "label_smoothing of cross_entropy")
    if not 0.0 <= smoothing <= 1.0:
        raise OptionError(
            f"label_smoothing of cross_entropy must be in [0, 1], not {label_smoothing!r}"
        )
    ignored = (
        None
        if ignore_index is None
        else checked_int(ignore_index, "ignore_index of cross_entropy", None)
    )
    rows = _listed("prediction of cross_entropy", prediction)
    if _is_one(rows[0]):
        pairs = [(rows, target)]
    else:
        targets = _listed("target of cross_entropy", target)
        if len(targets) != len(rows):
            raise LengthError(
                f"cross_entropy needs one target for each sample: {len(rows)} lists of logits, {len(targets)} targets"
            )
        pairs = [
            (_listed("prediction of cross_entropy", row), t)
            for row, t in zip(rows, targets, strict=True)
        ]
    items = [_of_classes(row, t, smoothing) for row, t in pairs if not is_ignored(t, ignored)]
    return _reduced(items, reduction) if items else _nothing(pairs)


def is_ignored(target: Any, ignore_index: int | None) -> bool:
    """Tell whether a class index is the one that marks what has no part in the loss.

    Example:
        >>> is_ignored(-100, -100), is_ignored([0.5, 0.5], -100)
        (True, False)
    """
    if ignore_index is None or isinstance(target, Value):
        return False
    return is_number(target) and float(target) == ignore_index


def _nothing(pairs: list[tuple[list[Any], Any]]) -> Any:
    """The loss where every target is ignored: 0, that nothing depends on."""
    return Value(0.0) if any(isinstance(x, Value) for row, _ in pairs for x in row) else 0.0


def _of_classes(row: list[Any], target: Any, smoothing: float) -> Any:
    """The cross-entropy of one sample."""
    logits = subtract_max([_number("prediction of cross_entropy", x) for x in row])
    total = apply(ops.LOGSUMEXP, *logits)
    terms: list[Any] = []
    if smoothing < 1.0:
        terms += [
            _times((1.0 - smoothing) * share, total - x) for share, x in _shares(logits, target)
        ]
    if smoothing > 0.0:
        terms.append(_times(smoothing, total - apply(ops.MEAN, *logits)))
    return terms[0] if len(terms) == 1 else apply(ops.SUM, *terms)


def _shares(logits: list[Any], target: Any) -> list[tuple[Any, Any]]:
    """Each logit that the target gives a probability to, with that probability."""
    if _is_one(target):
        return [(1.0, logits[_class(target, len(logits))])]
    shares = [
        _number("target of cross_entropy", share)
        for share in _listed("target of cross_entropy", target)
    ]
    if len(shares) != len(logits):
        raise LengthError(
            f"cross_entropy needs one probability for each class: {len(logits)} logits, {len(shares)} probabilities"
        )
    _check_shares(shares)
    return [
        (share, x)
        for share, x in zip(shares, logits, strict=True)
        if isinstance(share, Value) or share
    ]


def _check_shares(shares: list[Any]) -> None:
    for share in shares:
        _check_target("cross_entropy", share)
    if (
        not any(isinstance(share, Value) for share in shares)
        and not -1e-4 < apply(ops.SUM, *shares) - 1.0 < 1e-4
    ):
        raise OptionError(
            f"the probabilities of a target of cross_entropy must add up to 1, not {apply(ops.SUM, *shares)!r}: "
            "for several right classes at once use binary_cross_entropy_with_logits"
        )


def _class(target: Any, count: int) -> int:
    """The index of a class: any whole number from 0 to count - 1."""
    if isinstance(target, Value):
        if is_tracing():
            raise DataError(
                "while a function is compiled a class index is not known yet: give one-hot rows (data.one_hot) as targets, "
                'or let fit make them, with loss="cross_entropy" or a functools.partial of it'
            )
        raise DataError(
            "a class index can't be a Value: give an int, or a list with the probability of each class"
        )
    number = as_float(target, "target of cross_entropy")
    if not number.is_integer() or not 0 <= number < count:
        raise OptionError(
            f"a class index must be a whole number from 0 to {count - 1} for {count} logits, not {target!r}"
        )
    return int(number)


def _times(weight: Any, x: Any) -> Any:
    return x if not isinstance(weight, Value) and weight == 1.0 else weight * x


def _check_target(who: str, target: Any) -> None:
    if not isinstance(target, Value) and not 0.0 <= target <= 1.0:
        raise OptionError(f"a target of {who} must be in [0, 1], not {target!r}")


def _reduced(items: list[Any], reduction: str) -> Any:
    """The mean or the sum; of one item it is the item itself, without a node that pictures would have to show."""
    if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
        hint = suggestion(reduction, _REDUCTIONS, otherwise="")
        raise OptionError(
            f"reduction must be {' or '.join(map(repr, _REDUCTIONS))}, not {reduction!r}{hint}"
        )
    return items[0] if len(items) == 1 else apply(_REDUCTIONS[reduction], *items)


def _pairs(who: str, prediction: Any, target: Any) -> list[tuple[Any, Any]]:
    """Each number of the prediction with its target; both may be nested lists of one shape."""
    if _is_one(prediction) and _is_one(target):
        return [(_number(f"prediction of {who}", prediction), _number(f"target of {who}", target))]
    if _is_one(prediction) or _is_one(target):
        one, several = ("prediction", "target") if _is_one(prediction) else ("target", "prediction")
        raise LengthError(
            f"{who}: the {one} is one number where the {several} is a list: give both the same shape"
        )
    predictions, targets = (
        _listed(f"prediction of {who}", prediction),
        _listed(f"target of {who}", target),
    )
    if len(predictions) != len(targets):
        raise LengthError(
            f"{who} needs a target for each prediction: {len(predictions)} predictions, {len(targets)} targets"
        )
    return [pair for p, t in zip(predictions, targets, strict=True) for pair in _pairs(who, p, t)]


def _is_one(thing: Any) -> bool:
    """Whether it stands for one number (text does too, to be refused as such), not for a list."""
    return (
        isinstance(thing, (Value, str))
        or is_number(thing)
        or not (isinstance(thing, Iterable) or hasattr(thing, "__getitem__"))
    )


def _number(what: str, thing: Any) -> Number:
    return thing if isinstance(thing, Value) else as_float(thing, what)


def _listed(what: str, thing: Any) -> list[Any]:
    if not _is_one(thing):
        with suppress(TypeError):
            items = list(thing)
            if items:
                return items
            raise LengthError(f"the {what} is empty: give at least one number")
    raise DataError(f"the {what} must be a list, not {type(thing).__name__}")


LOSSES: dict[str, Callable[..., Any]] = {
    loss.__name__: loss
    for loss in (
        absolute_error,
        half_squared_error,
        mse,
        huber,
        hinge,
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        cross_entropy,
    )
}
"""The losses by name."""


TARGETS: dict[Callable[..., Any], str] = {
    absolute_error: "number",
    half_squared_error: "number",
    mse: "number",
    huber: "number",
    hinge: "side",
    binary_cross_entropy: "share",
    binary_cross_entropy_with_logits: "share",
    cross_entropy: "class",
}
"""What the target of each loss is: any number, -1 or 1, a number in [0, 1], a class index or shares."""


def unwrapped(loss: Callable[..., Any]) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """Take a loss out of `functools.partial`, with the options that were bound to it.

    Example:
        >>> unwrapped(partial(huber, delta=2.0)) == (huber, {"delta": 2.0})
        True
    """
    options: dict[str, Any] = {}
    while isinstance(loss, partial) and not loss.args:
        options = {**loss.keywords, **options}
        loss = loss.func
    return loss, options


def loss_of(choice: Any) -> Callable[..., Any]:
    """A loss itself, or the one of that name; raises OptionError for anything else.

    >>> loss_of("mse") is mse
    True
    """
    found: Any = LOSSES.get(choice) if isinstance(choice, str) else choice
    if not callable(found):
        raise OptionError(
            f"loss must be a function (prediction, target) or a name, not {choice!r}{suggestion(choice, LOSSES)}"
        )
    checked: Callable[..., Any] = found
    return checked
