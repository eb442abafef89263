"""Losses: the distance of a prediction from its target, as one Value to call `backward` on.

Every loss is called as `loss(prediction, target)`, options by name. The prediction is one Value, a
list of them, or a list of such lists; the target has the same shape (for `cross_entropy` it may be
a class index for each list). Numbers may take the place of Values; for numbers alone the result is
a float. `reduction` is "mean" or "sum" over the items. Names are PyTorch's, without "_loss".

All losses raise LengthError for an empty list or for shapes that differ, DataError for anything but
numbers, and OptionError for an unknown reduction or a number out of its range. The range of a
target that is a Value is not checked.

>>> from scalargrad import Value
>>> prediction = [Value(1.0), Value(4.0)]
>>> loss = mse(prediction, [0.0, 2.0])
>>> loss.backward()
>>> loss.data, [p.grad for p in prediction]
(2.5, [1.0, 2.0])
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, Union, cast, overload

from .core import ops
from .core.checks import checked_int
from .core.conversion import as_float, is_number, plain
from .core.functions import subtract_max, take
from .core.leaves import IntegerInput
from .core.modes import is_tracing
from .core.operations import apply
from .core.ops import Op
from .core.value import Number, Value
from .errors import DataError, LengthError, OptionError
from .utils.calls import explain_calls
from .utils.spelling import suggestion

if TYPE_CHECKING:
    import numpy

__all__ = [
    "LOSSES",
    "TARGETS",
    "absolute_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "get_loss",
    "half_squared_error",
    "hinge",
    "huber",
    "mse",
    "unwrap_loss",
]

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class Listing(Protocol[Item_co]):
    """A list, a tuple, an array, a range: anything with items, but no text.

    A type checker can tell text from these by `in` alone, which text allows with text only.
    """

    def __iter__(self) -> Iterator[Item_co]:
        """Iterate over the items."""

    def __contains__(self, item: object, /) -> bool:
        """Return whether an item is among them."""


Nested: TypeAlias = Item | Listing["Nested[Item]"] | Iterator["Nested[Item]"]
"""One item, or items in lists, at any depth."""

Real: TypeAlias = Union[float, "numpy.floating[Any]", "numpy.integer[Any]"]
Numbers: TypeAlias = Nested[Value | Real]
"""What a loss takes."""

Result: TypeAlias = Value | Any
"""What a loss returns where the types of its arguments don't say whether they hold a Value.

With `| Any`, as in typeshed, callers need not ask before they call `backward`.
"""

Reduction = Literal["mean", "sum"]
Loss = Callable[..., Any]
LossName = Literal[
    "absolute_error",
    "half_squared_error",
    "mse",
    "huber",
    "hinge",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
]
TargetKind = Literal["number", "signed", "probability", "class"]

_REDUCTIONS: dict[str, Op] = {op.name: op for op in (ops.MEAN, ops.SUM)}


class ElementwiseLoss(Protocol):
    """The type of a loss that compares numbers one by one and has no option but `reduction`."""

    # Type checkers take the first overload that fits, so lists of both kinds come last. The first
    # two overlap in empty lists alone, which are refused.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, prediction: Nested[Value], target: Numbers, *, reduction: Reduction = "mean"
    ) -> Value: ...
    @overload
    def __call__(
        self, prediction: Nested[Real], target: Nested[Real], *, reduction: Reduction = "mean"
    ) -> float: ...
    @overload
    def __call__(
        self, prediction: Numbers, target: Numbers, *, reduction: Reduction = "mean"
    ) -> Result: ...


def _elementwise(loss: Callable[..., Result]) -> ElementwiseLoss:
    """Give a loss its type, and errors that explain wrong calls."""
    return cast(ElementwiseLoss, explain_calls(loss))


@_elementwise
def absolute_error(
    prediction: Numbers, target: Numbers, *, reduction: Reduction = "mean"
) -> Result:
    """Compute the absolute error |p - t|; its derivative is 0 where p = t.

    Example:
        >>> absolute_error([1.0, -2.0], [0.0, 2.0])
        2.5
    """
    pairs = _pair_up("absolute_error", prediction, target)
    return _reduce([apply(ops.ABS, p - t) for p, t in pairs], reduction)


@_elementwise
def half_squared_error(
    prediction: Numbers, target: Numbers, *, reduction: Reduction = "mean"
) -> Result:
    """Compute half the squared error, ½(p - t)², whose derivative is the error p - t itself.

    Example:
        >>> half_squared_error(3.0, 1.0)
        2.0
    """
    pairs = _pair_up("half_squared_error", prediction, target)
    return _reduce([0.5 * apply(ops.POW, p - t, 2.0) for p, t in pairs], reduction)


@_elementwise
def mse(prediction: Numbers, target: Numbers, *, reduction: Reduction = "mean") -> Result:
    """Compute the squared error (p - t)².

    Example:
        >>> mse([1.0, 4.0], [0.0, 2.0], reduction="sum")
        5.0
    """
    pairs = _pair_up("mse", prediction, target)
    return _reduce([apply(ops.POW, p - t, 2.0) for p, t in pairs], reduction)


@overload
def huber(  # type: ignore[overload-overlap] # as in ElementwiseLoss
    prediction: Nested[Value], target: Numbers, *, delta: float = ..., reduction: Reduction = ...
) -> Value: ...


@overload
def huber(
    prediction: Nested[Real],
    target: Nested[Real],
    *,
    delta: float = ...,
    reduction: Reduction = ...,
) -> float: ...


@overload
def huber(
    prediction: Numbers, target: Numbers, *, delta: float = ..., reduction: Reduction = ...
) -> Result: ...


@explain_calls
def huber(
    prediction: Numbers,
    target: Numbers,
    *,
    delta: float = 1.0,
    reduction: Reduction = "mean",
) -> Result:
    """Compute the Huber loss (Huber 1964).

    It is ½(p - t)² up to an error of `delta`, and the straight line delta·(|p - t| - ½delta) from
    there on.

    Raises:
        OptionError: If `delta` is not above 0. The module lists what all losses raise.

    Example:
        >>> huber([0.5, 3.0], [0.0, 0.0], reduction="sum")
        2.625
    """
    bound = as_float(delta, "delta of huber")
    if not bound > 0.0:
        raise OptionError(f"delta of huber must be above 0, not {delta!r}")
    pairs = _pair_up("huber", prediction, target)
    return _reduce([_huber(apply(ops.ABS, p - t), bound) for p, t in pairs], reduction)


def _huber(error: Number, delta: float) -> Result:
    # Both branches in one formula, because a compiled function can't branch on a number.
    inner = apply(ops.MINIMUM, error, delta)
    return inner * (error - 0.5 * inner)


@_elementwise
def hinge(prediction: Numbers, target: Numbers, *, reduction: Reduction = "mean") -> Result:
    """Compute max(0, 1 - t·p) for a target t of -1 or 1.

    The loss is 0 where p is on the right side by at least 1.

    Raises:
        OptionError: For another target. The module lists what all losses raise.

    Example:
        >>> hinge([2.0, -0.5], [1, 1], reduction="sum")
        1.5
    """
    pairs = _pair_up("hinge", prediction, target)
    for _, t in pairs:
        if not isinstance(t, Value) and t not in (-1.0, 1.0):
            raise OptionError(f"a target of hinge must be -1 or 1, not {t!r}")
    return _reduce([apply(ops.RELU, 1.0 - t * p) for p, t in pairs], reduction)


@_elementwise
def binary_cross_entropy(
    prediction: Numbers, target: Numbers, *, reduction: Reduction = "mean"
) -> Result:
    """Compute -t·log(p) - (1 - t)·log(1 - p) for a probability p and a target t, both in [0, 1].

    For a target of 0 or 1 only one of the terms is computed, so a prediction that is exactly right
    costs 0, and one that is exactly wrong inf (100 in PyTorch). From a sigmoid,
    `binary_cross_entropy_with_logits` is the stable form.

    Raises:
        OptionError: For a number outside [0, 1]. The module lists what all losses raise.

    Example:
        >>> binary_cross_entropy([0.5, 1.0], [0, 1], reduction="sum")
        0.6931471805599453
    """
    pairs = _pair_up("binary_cross_entropy", prediction, target)
    for p, t in pairs:
        _check_probability("binary_cross_entropy", t)
        # While a function is recorded, the number of a Value is only an example.
        if isinstance(p, Value) and is_tracing():
            continue
        number = plain(p)
        # Written so that nan passes, for `detect_anomaly` to report.
        if number < 0.0 or number > 1.0:
            raise OptionError(
                f"a prediction of binary_cross_entropy must be a probability in [0, 1], not "
                f"{number!r}: for a number before the sigmoid use binary_cross_entropy_with_logits"
            )
    return _reduce([-_mix(t, _log, _log_of_complement, p) for p, t in pairs], reduction)


def _log(p: Number) -> Result:
    return apply(ops.LOG, p)


def _log_of_complement(p: Number) -> Result:
    return apply(ops.LOG1P, -p)


@_elementwise
def binary_cross_entropy_with_logits(
    prediction: Numbers, target: Numbers, *, reduction: Reduction = "mean"
) -> Result:
    """Compute the binary cross-entropy of sigmoid(p), exactly for a p of any size.

    The formula is t·softplus(-p) + (1 - t)·softplus(p).

    Raises:
        OptionError: For a target outside [0, 1]. The module lists what all losses raise.

    Example:
        >>> binary_cross_entropy_with_logits([0.0, 1000.0], [1, 0], reduction="sum")
        1000.6931471805599
    """
    pairs = _pair_up("binary_cross_entropy_with_logits", prediction, target)
    for _, t in pairs:
        _check_probability("binary_cross_entropy_with_logits", t)
    return _reduce([_mix(t, _softplus_of_negative, _softplus, p) for p, t in pairs], reduction)


def _softplus(p: Number) -> Result:
    return apply(ops.SOFTPLUS, p)


def _softplus_of_negative(p: Number) -> Result:
    return apply(ops.SOFTPLUS, -p)


def _mix(
    weight: Number,
    if_one: Callable[[Number], Number],
    if_zero: Callable[[Number], Number],
    p: Number,
) -> Number:
    """Return weight·if_one(p) + (1 - weight)·if_zero(p), without a term of weight 0."""
    if isinstance(weight, Value) or 0.0 < weight < 1.0:
        return weight * if_one(p) + (1.0 - weight) * if_zero(p)
    # The other term may be infinite, and 0 times infinity is nan.
    return if_one(p) if weight else if_zero(p)


@overload
def cross_entropy(  # type: ignore[overload-overlap] # as in ElementwiseLoss
    prediction: Nested[Value],
    target: Numbers,
    *,
    label_smoothing: float = ...,
    ignore_index: int | None = ...,
    reduction: Reduction = ...,
) -> Value: ...


@overload
def cross_entropy(
    prediction: Nested[Real],
    target: Nested[Real],
    *,
    label_smoothing: float = ...,
    ignore_index: int | None = ...,
    reduction: Reduction = ...,
) -> float: ...


@overload
def cross_entropy(
    prediction: Numbers,
    target: Numbers,
    *,
    label_smoothing: float = ...,
    ignore_index: int | None = ...,
    reduction: Reduction = ...,
) -> Result: ...


@explain_calls
def cross_entropy(
    prediction: Numbers,
    target: Numbers,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Result:
    """Compute the cross-entropy of softmax(prediction), from the logits.

    The formula is logsumexp(prediction) - prediction[target]. The largest logit is subtracted
    first, so the result is exact for logits of any size.

    Args:
        prediction: A list of logits, one for each class; or a list of such lists, one for each
            sample.
        target: The index of the right class, or a list with the probability of each class; for
            several samples a list of these. In a compiled function an index is an integer input,
            `inputs=(…, "token")`.
        label_smoothing: The part of the target, in [0, 1], that is distributed evenly over all
            classes (Szegedy et al. 2016, section 7).
        ignore_index: A class index that marks samples to leave out of the loss; the mean is over
            the others. If all are ignored the loss is 0. `fit` leaves such samples out of the mean
            of a batch.
        reduction: "mean" or "sum".

    Raises:
        OptionError: For an index out of range, probabilities outside [0, 1] or that do not add up
            to 1, and a smoothing outside [0, 1]. The module lists what all losses raise.

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
    ignored = None
    if ignore_index is not None:
        ignored = checked_int(ignore_index, "ignore_index of cross_entropy", None)

    samples = _samples(prediction, target)
    losses = []
    for logits, sample_target in samples:
        if not is_ignored(sample_target, ignored):
            losses.append(_cross_entropy(logits, sample_target, smoothing))
    if losses:
        return _reduce(losses, reduction)

    # Every target is ignored: 0, of the type that the loss has otherwise.
    has_values = any(isinstance(x, Value) for logits, _ in samples for x in logits)
    return Value(0.0) if has_values else 0.0


def _samples(prediction: Numbers, target: Numbers) -> list[tuple[list[Any], Numbers]]:
    """Return the logits of each sample with its target."""
    rows = _as_list("prediction of cross_entropy", prediction)
    if _is_single(rows[0]):
        return [(rows, target)]
    targets = _as_list("target of cross_entropy", target)
    if len(targets) != len(rows):
        raise LengthError(
            f"cross_entropy needs one target for each sample: {len(rows)} lists of logits, "
            f"{len(targets)} targets"
        )
    lists = [_as_list("prediction of cross_entropy", row) for row in rows]
    return list(zip(lists, targets, strict=True))


def is_ignored(target: object, ignore_index: int | None) -> bool:
    """Return whether a target is the class index that marks samples to leave out of the loss.

    Example:
        >>> is_ignored(-100, -100), is_ignored([0.5, 0.5], -100)
        (True, False)
    """
    if ignore_index is None or isinstance(target, Value):
        return False
    return is_number(target) and float(target) == ignore_index


def _cross_entropy(row: list[Any], target: Numbers, smoothing: float) -> Number:
    """Compute the cross-entropy of one sample."""
    logits = subtract_max([_as_number("prediction of cross_entropy", x) for x in row])
    log_sum = apply(ops.LOGSUMEXP, *logits)
    terms: list[Number] = []
    if smoothing < 1.0:
        for probability, x in _weighted_logits(logits, target):
            terms.append(_times((1.0 - smoothing) * probability, log_sum - x))
    if smoothing > 0.0:
        terms.append(_times(smoothing, log_sum - apply(ops.MEAN, *logits)))
    return terms[0] if len(terms) == 1 else apply(ops.SUM, *terms)


def _weighted_logits(logits: Sequence[Any], target: Numbers) -> list[tuple[Number, Number]]:
    """Return each logit that the target gives a probability to, with that probability."""
    if isinstance(target, IntegerInput):
        # A compiled function looks the class of each sample up.
        return [(1.0, take(logits, target))]
    if _is_single(target):
        return [(1.0, logits[_class_index(target, len(logits))])]
    given = _as_list("target of cross_entropy", target)
    probabilities = [_as_number("target of cross_entropy", item) for item in given]
    if len(probabilities) != len(logits):
        raise LengthError(
            f"cross_entropy needs one probability for each class: {len(logits)} logits, "
            f"{len(probabilities)} probabilities"
        )
    _check_distribution(probabilities)
    pairs = zip(probabilities, logits, strict=True)
    return [(p, x) for p, x in pairs if isinstance(p, Value) or p]


def _check_distribution(probabilities: list[Number]) -> None:
    for probability in probabilities:
        _check_probability("cross_entropy", probability)
    if any(isinstance(probability, Value) for probability in probabilities):
        return
    total = apply(ops.SUM, *probabilities)
    if not -1e-4 < total - 1.0 < 1e-4:
        raise OptionError(
            f"the probabilities of a target of cross_entropy must add up to 1, not {total!r}: "
            "for several right classes at once use binary_cross_entropy_with_logits"
        )


def _class_index(target: object, count: int) -> int:
    """Return a class index as an int, checked to be from 0 to count - 1."""
    if isinstance(target, Value):
        if is_tracing():
            raise DataError(
                "while a function is compiled a class index must be an integer input: compile with "
                'inputs=(…, "token"), or give one-hot rows (data.one_hot) as targets'
            )
        raise DataError(
            "a class index can't be a Value: give an int, or a list with the probability of each "
            "class"
        )
    number = as_float(target, "target of cross_entropy")
    if not number.is_integer() or not 0 <= number < count:
        raise OptionError(
            f"a class index must be a whole number from 0 to {count - 1} for {count} logits, "
            f"not {target!r}"
        )
    return int(number)


def _times(weight: Number, x: Number) -> Number:
    # No node for a factor of 1, which pictures would have to show.
    return x if not isinstance(weight, Value) and weight == 1.0 else weight * x


def _check_probability(name: str, target: Number) -> None:
    if not isinstance(target, Value) and not 0.0 <= target <= 1.0:
        raise OptionError(f"a target of {name} must be in [0, 1], not {target!r}")


def _reduce(items: list[Number], reduction: str) -> Result:
    if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
        hint = suggestion(reduction, _REDUCTIONS, otherwise="")
        raise OptionError(
            f"reduction must be {' or '.join(map(repr, _REDUCTIONS))}, not {reduction!r}{hint}"
        )
    # No node for the mean of one item, which pictures would have to show.
    return items[0] if len(items) == 1 else apply(_REDUCTIONS[reduction], *items)


def _pair_up(name: str, prediction: Numbers, target: Numbers) -> list[tuple[Number, Number]]:
    """Return each number of the prediction with its target; both are nested lists of one shape."""
    one_prediction = _is_single(prediction)
    one_target = _is_single(target)
    if one_prediction and one_target:
        p = _as_number(f"prediction of {name}", prediction)
        return [(p, _as_number(f"target of {name}", target))]
    if one_prediction or one_target:
        one, several = ("prediction", "target") if one_prediction else ("target", "prediction")
        raise LengthError(
            f"{name}: the {one} is one number where the {several} is a list: give both the same "
            "shape"
        )
    predictions = _as_list(f"prediction of {name}", prediction)
    targets = _as_list(f"target of {name}", target)
    if len(predictions) != len(targets):
        raise LengthError(
            f"{name} needs a target for each prediction: {len(predictions)} predictions, "
            f"{len(targets)} targets"
        )
    pairs = []
    for p, t in zip(predictions, targets, strict=True):
        pairs += _pair_up(name, p, t)
    return pairs


def _is_single(thing: object) -> bool:
    """Whether this is one number and not a list."""
    # Text can be iterated over, but is refused as one number.
    if isinstance(thing, (Value, str)) or is_number(thing):
        return True
    return not (isinstance(thing, Iterable) or hasattr(thing, "__getitem__"))


def _as_number(what: str, thing: object) -> Number:
    return thing if isinstance(thing, Value) else as_float(thing, what)


def _as_list(what: str, thing: Any) -> list[Any]:
    if not _is_single(thing):
        # An array without dimensions has an iterator that raises.
        with suppress(TypeError):
            items = list(thing)
            if items:
                return items
            raise LengthError(f"the {what} is empty: give at least one number")
    raise DataError(f"the {what} must be a list, not {type(thing).__name__}")


TARGETS: dict[Loss, TargetKind] = {
    absolute_error: "number",
    half_squared_error: "number",
    mse: "number",
    huber: "number",
    hinge: "signed",
    binary_cross_entropy: "probability",
    binary_cross_entropy_with_logits: "probability",
    cross_entropy: "class",
}
"""The target of each loss: any number, -1 or 1, a number in [0, 1], a class index or probabilities.

A loss of the user is not in the table.
"""

LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in TARGETS}
"""The losses by name."""


def unwrap_loss(loss: Loss) -> tuple[Loss, Mapping[str, Any]]:
    """Unwrap a loss from `functools.partial`.

    Returns:
        The loss, and the options that were bound to it.

    Example:
        >>> unwrap_loss(partial(huber, delta=2.0)) == (huber, {"delta": 2.0})
        True
    """
    options: dict[str, Any] = {}
    while isinstance(loss, partial) and not loss.args:
        # As in a call, options of an outer partial replace those of an inner one.
        options = {**loss.keywords, **options}
        loss = loss.func
    return loss, options


def get_loss(choice: LossName | Loss) -> Loss:
    """Return the loss of a name, or the function that was given.

    Raises:
        OptionError: For anything else.

    Example:
        >>> get_loss("mse") is mse
        True
    """
    loss = LOSSES.get(choice) if isinstance(choice, str) else choice
    if not callable(loss):
        raise OptionError(
            f"loss must be a function (prediction, target) or a name, not {choice!r}"
            f"{suggestion(choice, LOSSES)}"
        )
    return loss
