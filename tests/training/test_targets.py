"""Targets: which of them a loss takes, and that nested numbers have the shape that NumPy sees."""

import re
from functools import partial
from typing import Any

import numpy
import pytest

from scalargrad import Value, losses
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.training.samples import read_samples
from scalargrad.training.targets import check_targets, nested_shape

REGULAR: list[Any] = [
    3.0,
    [],
    [1.0, 2.0],
    (1.0, 2.0, 3.0),
    [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    [[[1.0]], [[2.0]]],
    [[], []],
    numpy.zeros((2, 3)),
    [numpy.zeros((2, 3)), numpy.zeros((2, 3))],
]


@pytest.mark.parametrize("nest", REGULAR, ids=repr)
def test_the_shape_of_a_nest_is_that_of_an_array(nest: Any) -> None:
    assert nested_shape(nest) == numpy.shape(nest)


@pytest.mark.parametrize(
    "nest", [[1.0, [2.0]], [[1.0], [2.0, 3.0]], [[[1.0]], [[2.0, 3.0]]]], ids=repr
)
def test_a_nest_of_parts_that_differ_has_no_shape(nest: Any) -> None:
    assert nested_shape(nest) is None


def test_a_value_is_one_number() -> None:
    assert nested_shape([Value(1.0), Value(2.0)]) == (2,)


def check(loss: Any, prediction: Any, y: Any, **options: bool) -> None:
    check_targets(loss, prediction, read_samples([[1.0]] * len(y), y), "y", **options)


TWO = [0.1, 0.9]
THREE = [0.1, 0.2, 0.7]
STEPS = [THREE, THREE]
ignoring = partial(losses.cross_entropy, ignore_index=-100)

FINE: dict[str, tuple[Any, Any, Any]] = {
    "any number": (losses.mse, 0.3, [-7.0, 0.0, 1e9]),
    "rows of numbers": (losses.huber, TWO, [[5.0, -5.0]]),
    "the two signs": (losses.hinge, 0.3, [-1, 1.0]),
    "the ends of the shares": (losses.binary_cross_entropy, 0.3, [0, 1, 0.5]),
    "the ends of the shares for logits": (losses.binary_cross_entropy_with_logits, TWO, [[0, 1]]),
    "the first class and the last": (losses.cross_entropy, THREE, [0, 2, 1.0]),
    "two classes": (losses.cross_entropy, TWO, [0, 1]),
    "shares of classes": (losses.cross_entropy, THREE, [[0, 0, 1], [0.2, 0.3, 0.5]]),
    "shares that are rounded": (
        losses.cross_entropy,
        THREE,
        [[0.2, 0.3, 0.50005], [0.2, 0.3, 0.49995]],
    ),
    "shares of two classes": (losses.cross_entropy, TWO, [[1, 0]]),
    "classes of steps": (losses.cross_entropy, STEPS, [[0, 2], [1, 1]]),
    "shares of steps": (losses.cross_entropy, STEPS, [[[0, 0, 1], 1]]),
    "a class to ignore": (ignoring, THREE, [0, -100]),
    "a class of a step to ignore": (ignoring, STEPS, [[0, -100], [-100, -100]]),
    "Values": (losses.hinge, TWO, [[Value(5.0), 1]]),
    "a loss of the user's": (lambda p, t: p, THREE, [[1.0, 2.0], 7.0]),
}


@pytest.mark.parametrize(("loss", "prediction", "y"), FINE.values(), ids=FINE)
def test_targets_that_a_loss_takes(loss: Any, prediction: Any, y: Any) -> None:
    check(loss, prediction, y)


LOGITS = 'for two classes and one output take loss="binary_cross_entropy_with_logits"'

REFUSED: dict[str, tuple[Any, Any, Any, type[Exception], str]] = {
    "0 for a sign": (
        losses.hinge,
        0.3,
        [1, 0],
        OptionError,
        "y[1] is 0, and a target of hinge must be -1 or 1: for labels 0 and 1 give 2 * y - 1",
    ),
    "2 for a sign": (
        losses.hinge,
        0.3,
        [2],
        OptionError,
        "y[0] is 2, and a target of hinge must be -1 or 1",
    ),
    "-1 for a share": (
        losses.binary_cross_entropy,
        0.3,
        [-1],
        OptionError,
        "y[0] is -1, and a target of binary_cross_entropy must be in [0, 1]: for labels -1 and 1 "
        "give (y + 1) / 2",
    ),
    "2 for a share": (
        losses.binary_cross_entropy,
        0.3,
        [1, 2],
        OptionError,
        "y[1] is 2, and a target of binary_cross_entropy must be in [0, 1]: for labels 1 and 2 "
        "give y - 1",
    ),
    "3 for a share": (
        losses.binary_cross_entropy,
        0.3,
        [3],
        OptionError,
        "y[0] is 3, and a target of binary_cross_entropy must be in [0, 1]",
    ),
    "one past the last class": (
        losses.cross_entropy,
        THREE,
        [3],
        OptionError,
        "y[0] is 3, and for the 3 outputs of the model a class must be a whole number from 0 to 2: "
        "number them from 0, as y - 1 does for 1 to 3",
    ),
    "two past the last class": (
        losses.cross_entropy,
        THREE,
        [4],
        OptionError,
        "y[0] is 4, and for the 3 outputs of the model a class must be a whole number from 0 to 2",
    ),
    "half a class": (
        losses.cross_entropy,
        THREE,
        [0.5],
        OptionError,
        "y[0] is 0.5, and for the 3 outputs of the model a class must be a whole number from 0 to "
        "2",
    ),
    "a class of a step": (
        losses.cross_entropy,
        STEPS,
        [[0, 0], [0, -1]],
        OptionError,
        "y[1, 1] is -1, and for the 3 outputs of the model a class must be a whole number from 0 "
        "to 2",
    ),
    "a class below 0 that is not ignored": (
        ignoring,
        THREE,
        [-1],
        OptionError,
        "y[0] is -1, and for the 3 outputs of the model a class must be a whole number from 0 to 2",
    ),
    "shares above 1": (
        losses.cross_entropy,
        THREE,
        [[0.2, 0.3, 0.5002]],
        OptionError,
        "the shares of y[0] must each be in [0, 1] and add up to 1, not 1.0002: "
        'for several right classes at once take loss="binary_cross_entropy_with_logits"',
    ),
    "a share just above 1": (
        losses.cross_entropy,
        THREE,
        [[0.0, 1.00005, 0.0]],
        OptionError,
        "the shares of y[0] must each be in [0, 1] and add up to 1, not 1.00005: "
        'for several right classes at once take loss="binary_cross_entropy_with_logits"',
    ),
    "a share below 0": (
        losses.cross_entropy,
        THREE,
        [[-0.5, 0.5, 1.0]],
        OptionError,
        "the shares of y[0] must each be in [0, 1] and add up to 1, not 1: "
        'for several right classes at once take loss="binary_cross_entropy_with_logits"',
    ),
    "shares of another number": (
        losses.cross_entropy,
        THREE,
        [[0.5, 0.5]],
        LengthError,
        "y[0] has 2 shares of classes, and the model gives 3 outputs: give one for each",
    ),
    "a Value for a class": (
        losses.cross_entropy,
        THREE,
        [Value(1.0)],
        DataError,
        "y[0] is a Value, and a class index must be a plain number: give an int, or the share of "
        "each class",
    ),
    "no list of logits": (
        losses.cross_entropy,
        0.3,
        [0],
        OptionError,
        "cross_entropy needs a list of logits, one for each class, and the model gives one number "
        f"for each sample: {LOGITS}",
    ),
    "one logit": (
        losses.cross_entropy,
        [0.3],
        [0],
        OptionError,
        f"cross_entropy needs a logit for each class, and the model gives a list of 1: {LOGITS}",
    ),
    "one logit for each step": (
        losses.cross_entropy,
        [[0.3], [0.4]],
        [[0, 0]],
        OptionError,
        f"cross_entropy needs a logit for each class, and the model gives a list of 1: {LOGITS}",
    ),
    "too few steps": (
        losses.cross_entropy,
        STEPS,
        [[0]],
        LengthError,
        "the model gives 2 lists of logits for each sample, so y[0] must be a list of 2 class "
        "indices",
    ),
    "no steps": (
        losses.cross_entropy,
        STEPS,
        [0],
        LengthError,
        "the model gives 2 lists of logits for each sample, so y[0] must be a list of 2 class "
        "indices",
    ),
    "a list of objects": (
        losses.mse,
        TWO,
        [object()],
        LengthError,
        "the model gives 2 numbers for each sample, and y[0] is one: ",
    ),
    "an object": (
        losses.hinge,
        0.3,
        [object()],
        DataError,
        "y[0] must be a real number, not object",
    ),
    "a column in lists": (
        losses.mse,
        0.3,
        [[1.0]],
        LengthError,
        "y is a column, a list of one number for each sample, where one number is meant: give [t "
        "for (t,) in y]",
    ),
    "a column": (
        losses.mse,
        0.3,
        numpy.ones((2, 1)),
        LengthError,
        "y is a column, a list of one number for each sample, where one number is meant: give "
        "y.ravel()",
    ),
    "a column of objects": (
        losses.mse,
        0.3,
        numpy.ones((2, 1), dtype=object),
        LengthError,
        "y is a column, a list of one number for each sample, where one number is meant: give "
        "y.ravel()",
    ),
    "a column of classes": (
        losses.cross_entropy,
        THREE,
        [[1]],
        LengthError,
        "y is a column, a list of one number for each sample, where one number is meant: give [t "
        "for (t,) in y]",
    ),
    "numbers for lists of one": (
        losses.mse,
        [0.3],
        [1.0],
        LengthError,
        "the model gives a list of one number for each sample, and y[0] is a number: give [[t] for "
        "t in y]",
    ),
    "an array for lists of one": (
        losses.mse,
        [0.3],
        numpy.ones(2),
        LengthError,
        "the model gives a list of one number for each sample, and y[0] is a number: give "
        "y.reshape(-1, 1)",
    ),
    "indexes for a loss of numbers": (
        losses.mse,
        TWO,
        [1.0],
        LengthError,
        "the model gives 2 numbers for each sample, and y[0] is one: "
        'for class indices take loss="cross_entropy", else give one target for each output (loss '
        "is mse)",
    ),
    "lists of another length": (
        losses.mse,
        TWO,
        [[1.0] * 3],
        LengthError,
        "the model gives a list of 2 for each sample, and y[0] is a list of 3",
    ),
    "a list for a number": (
        losses.mse,
        0.3,
        [[1.0] * 3],
        LengthError,
        "the model gives one number for each sample, and y[0] is a list of 3",
    ),
    "a list of one for two": (
        losses.mse,
        TWO,
        [[1.0]],
        LengthError,
        "the model gives a list of 2 for each sample, and y[0] is a list of 1",
    ),
    "a number for rows": (
        losses.mse,
        [TWO],
        [1.0],
        LengthError,
        "the model gives numbers of the shape (1, 2) for each sample, and y[0] is one number",
    ),
    "two for one in a list": (
        losses.mse,
        [0.3],
        [[1.0] * 2],
        LengthError,
        "the model gives a list of 1 for each sample, and y[0] is a list of 2",
    ),
    "the second alone": (
        losses.mse,
        TWO,
        [[1.0] * 2, [1.0] * 3],
        LengthError,
        "the model gives a list of 2 for each sample, and y[1] is a list of 3",
    ),
}


@pytest.mark.parametrize(
    ("loss", "prediction", "y", "error", "message"), REFUSED.values(), ids=REFUSED
)
def test_targets_that_a_loss_does_not_take(
    loss: Any, prediction: Any, y: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message) + ("" if message.endswith(": ") else "$")):
        check(loss, prediction, y)


def test_targets_of_several_shapes_are_for_a_model_of_several_shapes() -> None:
    check(losses.mse, TWO, [[1.0] * 2, [1.0] * 3], alike=False)
    check(losses.cross_entropy, STEPS, [[0, 1], [2]], alike=False)
    with pytest.raises(LengthError, match="must be a list of 2 class indices"):
        check(losses.cross_entropy, STEPS, [0], alike=False)
    with pytest.raises(OptionError, match=r"y\[1, 2\] is 0, and a target of hinge"):
        check(losses.hinge, TWO, [[1.0] * 2, [1.0, 1.0, 0.0]], alike=False)


def test_a_nest_without_a_shape_fits_any() -> None:
    check(losses.mse, TWO, [[1.0, [2.0]]])
    check(losses.mse, [1.0, [2.0]], [7.0])
