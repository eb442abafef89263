"""Checks before training: eager and compiled refuse the same data with the same messages."""

import datetime
import re
from array import array
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import numpy
import pytest

from scalargrad import Parameter, Value, losses
from scalargrad.data import moons
from scalargrad.errors import DataError, LengthError, OptionError, ScalargradError, UnlearnedWarning
from scalargrad.nn import MLP, BatchNorm, Dropout, Layer, Module, Sequential
from scalargrad.optim import SGD
from scalargrad.pretraining import pretrain
from scalargrad.training import Callback, Training, fit
from scalargrad.training.checks import try_out
from scalargrad.training.samples import read_samples

X, CLASSES = moons(20, noise=0.1, seed=1)
LABELS = CLASSES.astype(float)
SIGNS = 2.0 * LABELS - 1.0
ROWS = X.tolist()
both_ways = pytest.mark.parametrize("compiled", [False, True])


def one() -> MLP:
    return MLP(2, [3, 1], "tanh", seed=1)


def two() -> MLP:
    return MLP(2, [3, 2], "tanh", seed=1)


def one_in_a_list() -> Sequential:
    return Sequential(Layer(2, 3, seed=1), Layer(3, 1, None, seed=2))


def probability() -> MLP:
    return MLP(2, [3, 1], "tanh", "sigmoid", seed=1)


def changed(array: Any, place: Any, item: Any) -> Any:
    """A copy with another entry."""
    copied = array.copy()
    copied[place] = item
    return copied


def listed(place: tuple[int, int], item: Any) -> list[list[Any]]:
    """The rows with another entry."""
    rows = [list(row) for row in ROWS]
    rows[place[0]][place[1]] = item
    return rows


Case = tuple[Callable[[], Module], Any, Any, Any, type[Exception], str]

MEANING: dict[str, Case] = {
    "minus one for logits": (
        one,
        X,
        SIGNS,
        "binary_cross_entropy_with_logits",
        OptionError,
        r"y\[0\] is -1.*\(y \+ 1\) / 2",
    ),
    "minus one for probabilities": (
        probability,
        X,
        SIGNS,
        "binary_cross_entropy",
        OptionError,
        r"y\[0\] is -1.*in \[0, 1\]",
    ),
    "labels 1 and 2": (
        one,
        X,
        LABELS + 1.0,
        "binary_cross_entropy_with_logits",
        OptionError,
        r"y\[\d+\] is 2.*give y - 1",
    ),
    "a percentage": (
        probability,
        X,
        changed(LABELS, 7, 50.0),
        "binary_cross_entropy",
        OptionError,
        r"y\[7\] is 50",
    ),
    "zero for hinge": (one, X, LABELS, "hinge", OptionError, r"y\[0\] is 0.*2 \* y - 1"),
    "zero for hinge in rows": (
        two,
        X,
        numpy.stack([SIGNS, LABELS], axis=1),
        "hinge",
        OptionError,
        r"y\[0, 1\] is 0",
    ),
    "options bound": (
        one,
        X,
        LABELS,
        partial(losses.hinge, reduction="sum"),
        OptionError,
        r"y\[0\] is 0",
    ),
    "shares of 1.4": (
        two,
        X,
        numpy.full((20, 2), 0.7),
        "cross_entropy",
        OptionError,
        r"y\[0\].*add up to 1, not 1\.4",
    ),
    "a share below 0": (
        two,
        X,
        numpy.tile([1.5, -0.5], (20, 1)),
        "cross_entropy",
        OptionError,
        r"y\[0\] must each be in \[0, 1\]",
    ),
    "a class out of range": (
        two,
        X,
        changed(LABELS, 3, 2.0),
        "cross_entropy",
        OptionError,
        r"y\[3\] is 2, .*from 0 to 1: number them",
    ),
    "a class below 0": (
        two,
        X,
        changed(LABELS, 3, -1.0),
        "cross_entropy",
        OptionError,
        r"y\[3\] is -1, .*from 0 to 1$",
    ),
    "half a class": (
        two,
        X,
        changed(LABELS, 3, 0.5),
        "cross_entropy",
        OptionError,
        r"y\[3\] is 0\.5, .*whole number",
    ),
    "one output": (
        one,
        X,
        LABELS,
        "cross_entropy",
        OptionError,
        "binary_cross_entropy_with_logits",
    ),
    "one output in a list": (
        one_in_a_list,
        X,
        LABELS,
        "cross_entropy",
        OptionError,
        "a list of 1.*binary_cross_entropy_with",
    ),
    "no probability": (
        one,
        X,
        LABELS,
        "binary_cross_entropy",
        OptionError,
        "must be a probability",
    ),
}

SHAPES: dict[str, Case] = {
    "a column": (one, X, LABELS.reshape(-1, 1), "mse", LengthError, r"y is a column.*y\.ravel\(\)"),
    "a column of lists": (
        one,
        ROWS,
        LABELS.reshape(-1, 1).tolist(),
        "mse",
        LengthError,
        r"y is a column.*\[t for \(t,\) in y\]",
    ),
    "a column of classes": (
        two,
        X,
        LABELS.reshape(-1, 1),
        "cross_entropy",
        LengthError,
        r"y is a column.*y\.ravel\(\)",
    ),
    "a vector for a list": (one_in_a_list, X, LABELS, "mse", LengthError, r"y\.reshape\(-1, 1\)"),
    "numbers for lists": (
        one_in_a_list,
        X,
        LABELS.tolist(),
        "mse",
        LengthError,
        r"\[\[t\] for t in y\]",
    ),
    "the loss of numbers for a classifier": (
        two,
        X,
        LABELS,
        "mse",
        LengthError,
        'loss="cross_entropy"',
    ),
    "rows for one output": (
        one,
        X,
        numpy.eye(2)[LABELS.astype(int)],
        "mse",
        LengthError,
        r"one number.*y\[0\] is a list of 2",
    ),
    "three shares for two outputs": (
        two,
        X,
        numpy.eye(3)[LABELS.astype(int)],
        "cross_entropy",
        LengthError,
        r"y\[0\] has 3 shares",
    ),
    "a row that is too short": (
        one,
        [*ROWS[:4], [1.0], *ROWS[5:]],
        LABELS,
        "mse",
        LengthError,
        r"X\[4\]: .*takes 2 inputs",
    ),
    "one feature": (
        one,
        X[:, :1],
        LABELS,
        "mse",
        LengthError,
        r"X\[0\]: .*takes 2 inputs, but was given 1",
    ),
    "one number a sample": (
        one,
        X[:, 0],
        LABELS,
        "mse",
        DataError,
        r"X\[0\]: .*X\.reshape\(-1, 1\)",
    ),
    "no features": (
        one,
        numpy.zeros((20, 0)),
        LABELS,
        "mse",
        LengthError,
        "takes 2 inputs, but was given 0",
    ),
    "no samples": (one, [], [], "mse", LengthError, "X has no samples"),
    "too few samples": (one, X[:3], LABELS, "mse", LengthError, "3 samples, 20 targets"),
    "targets without entries": (
        two,
        X,
        [[]] * 20,
        "mse",
        LengthError,
        r"a list of 2 for each sample, and y\[0\] is a list of 0",
    ),
    "a target that is too long": (
        two,
        X,
        [[0.0, 1.0]] * 19 + [[0.0, 1.0, 2.0]],
        "mse",
        LengthError,
        r"y\[19\] is a list of 3",
    ),
}

NUMBERS: dict[str, Case] = {
    "nan": (one, changed(X, (3, 1), numpy.nan), LABELS, "mse", DataError, r"X\[3, 1\] is nan"),
    "nan in a list": (
        one,
        listed((3, 1), float("nan")),
        LABELS,
        "mse",
        DataError,
        r"X\[3, 1\] is nan",
    ),
    "nan in a Value": (
        one,
        listed((3, 1), Value(float("nan"))),
        LABELS,
        "mse",
        DataError,
        r"X\[3, 1\] is nan",
    ),
    "inf": (one, changed(X, (0, 0), -numpy.inf), LABELS, "mse", DataError, r"X\[0, 0\] is -inf"),
    "inf as a target": (one, X, changed(LABELS, 9, numpy.inf), "mse", DataError, r"y\[9\] is inf"),
    "nan for a loss of one's own": (
        one,
        X,
        changed(LABELS, 9, numpy.nan),
        losses.mse,
        DataError,
        r"y\[9\] is nan",
    ),
    "text": (one, listed((3, 1), "a"), LABELS, "mse", DataError, r"X\[3, 1\] is the text 'a'"),
    "text in an array": (one, X.astype(str), LABELS, "mse", DataError, r"X\[0, 0\] is the text '"),
    "names of classes": (
        two,
        X,
        ["cat", "dog"] * 10,
        "cross_entropy",
        DataError,
        r"y\[0\] is the text 'cat': number the classes",
    ),
    "bytes": (one, X, [b"1"] * 20, "mse", DataError, r"y\[0\] is the text b'1'"),
    "complex": (one, X + 0j, LABELS, "mse", DataError, r"X\[0, 0\] is the complex number"),
    "complex in a list": (one, X, [1j] * 20, "mse", DataError, r"y\[0\] is the complex number 1j"),
    "dates": (
        one,
        X,
        [datetime.date(2020, 1, 1)] * 20,
        "mse",
        DataError,
        r"y\[0\] is the date or time '2020-01-01'",
    ),
    "dates of NumPy": (
        one,
        X,
        numpy.full(20, "2020-01-01", "datetime64[D]"),
        "mse",
        DataError,
        r"y\[0\] is the date or time",
    ),
    "durations": (
        one,
        numpy.full((20, 2), 1, "timedelta64[s]"),
        LABELS,
        "mse",
        DataError,
        r"X\[0, 0\] is the date or time",
    ),
    "a masked array": (
        one,
        numpy.ma.masked_greater(X, 1.0),
        LABELS,
        "mse",
        DataError,
        r"X is a masked array.*X\.filled",
    ),
    "masked targets": (
        one,
        X,
        numpy.ma.masked_greater(LABELS, 0.5),
        "mse",
        DataError,
        "y is a masked array",
    ),
    "a masked row": (
        one,
        [numpy.ma.masked_greater(row, 1.0) for row in X],
        LABELS,
        "mse",
        DataError,
        r"X\[0\] is a masked array",
    ),
    "missing": (
        one,
        listed((2, 0), None),
        LABELS,
        "mse",
        DataError,
        r"X\[2, 0\] is missing \(None\)",
    ),
    "a Decimal": (
        one,
        listed((2, 0), Decimal(1)),
        LABELS,
        "mse",
        DataError,
        r"X\[2, 0\] is a Decimal.*float\(\)",
    ),
    "too large": (
        one,
        listed((2, 0), 10**400),
        LABELS,
        "mse",
        DataError,
        r"X\[2, 0\] is too large for a float",
    ),
}

CONTAINERS: dict[str, Case] = {
    "a number": (
        one,
        3.0,
        LABELS,
        "mse",
        DataError,
        "X must be an array or a list.*not a single number",
    ),
    "an array of no dimension": (
        one,
        numpy.array(3.0),
        LABELS,
        "mse",
        DataError,
        "X must be .*not a single number",
    ),
    "text": (one, "abc", LABELS, "mse", DataError, "X must be .*not str"),
    "None": (one, X, None, "mse", DataError, "y must be .*not NoneType"),
    "a dict": (one, {1: 2}, LABELS, "mse", DataError, "X must be .*not dict"),
    "a set": (one, {1, 2}, LABELS, "mse", DataError, "X must be .*not set"),
    "an iterator": (one, X, iter(LABELS), "mse", DataError, r"y is a .*iterator.*give list\(y\)"),
    "a Value": (one, X, Value(1.0), "mse", DataError, "y must be .*not Value"),
    "a generator for each sample": (
        one,
        [iter(row) for row in ROWS],
        LABELS,
        "mse",
        DataError,
        r"X\[0\] is a list_iterator, which can be read only once",
    ),
    "a set for each sample": (
        one,
        [set(row) for row in ROWS],
        LABELS,
        "mse",
        DataError,
        r"X\[0\] is a set, which has no order",
    ),
    "objects": (
        one,
        [object()] * 20,
        LABELS,
        "mse",
        DataError,
        r"X\[0\]: MLP.* takes a list of 2 numbers, not object",
    ),
}

EVERY: dict[str, Case] = {
    f"{kind}: {name}": case
    for kind, cases in (
        ("meaning", MEANING),
        ("shape", SHAPES),
        ("number", NUMBERS),
        ("container", CONTAINERS),
    )
    for name, case in cases.items()
}


def said(
    make: Callable[[], Module],
    X: Any,
    y: Any,
    loss: Any,
    error: type[Exception],
    compiled: bool,
    **options: Any,
) -> str:
    """The message of the error that fit raises, and the model as it was."""
    model = make()
    before = model.state_dict()
    with pytest.raises(error) as caught:
        fit(model, X, y, loss=loss, epochs=1, progress=False, compiled=compiled, **options)
    assert type(caught.value) is error
    assert model.state_dict() == before
    return str(caught.value)


@pytest.mark.parametrize("case", EVERY.values(), ids=EVERY)
def test_eager_and_compiled_refuse_in_the_same_words(case: Case) -> None:
    make, inputs, targets, loss, error, message = case
    found = said(make, inputs, targets, loss, error, compiled=False)
    assert re.search(message, found), found
    assert found == said(make, inputs, targets, loss, error, compiled=True)
    assert "Traced" not in found
    assert "traced" not in found


@pytest.mark.parametrize("case", EVERY.values(), ids=EVERY)
def test_validation_is_looked_at_in_the_same_way(case: Case) -> None:
    make, inputs, targets, loss, error, _ = case
    found = [
        said(make, X, good_targets(make, loss), loss, error, compiled, validation=(inputs, targets))
        for compiled in (False, True)
    ]
    assert found[0] == found[1]


def good_targets(make: Any, loss: Any) -> Any:
    """Targets that the loss takes, if there are any for the model."""
    name = getattr(losses.unwrap_loss(losses.get_loss(loss))[0], "__name__", "")
    if name == "cross_entropy":
        return LABELS
    right = SIGNS if name == "hinge" else LABELS
    shape = {one_in_a_list: (-1, 1)}.get(make)
    if make is two:
        return numpy.stack([right, right], axis=1)
    return right if shape is None else right.reshape(shape)


def test_validation_is_named() -> None:
    found = said(
        one, X, LABELS, "mse", DataError, False, validation=(changed(X, (3, 1), numpy.nan), LABELS)
    )
    assert found.startswith("X of validation[3, 1] is nan")
    found = said(two, X, LABELS, "cross_entropy", OptionError, False, validation=(X, LABELS + 1))
    assert found.startswith("y of validation[1] is 2")


@pytest.mark.parametrize("share", [1.5, 0.0, 1.0, -0.1, 20, 0, True, float("nan")])
def test_a_share_that_can_not_be_held_out_names_validation(share: Any) -> None:
    assert said(one, X, LABELS, "mse", OptionError, False, validation=share).startswith(
        "validation must be"
    )


# Containers of other libraries


@both_ways
def test_tensors_are_taken_as_arrays(compiled: bool) -> None:
    torch = pytest.importorskip("torch")
    for inputs, targets in (
        (torch.tensor(X), torch.tensor(LABELS)),
        ([torch.tensor(row) for row in X], list(torch.tensor(LABELS))),
        ([list(torch.tensor(row)) for row in X], LABELS),
    ):
        assert trained(inputs, targets, compiled) == trained(X, LABELS, compiled)


@both_ways
def test_a_tensor_that_numpy_can_not_take_says_why(compiled: bool) -> None:
    torch = pytest.importorskip("torch")
    found = said(one, torch.tensor(X, requires_grad=True), LABELS, "mse", DataError, compiled)
    assert "detach" in found


@both_ways
def test_frames_and_series_are_taken_as_arrays(compiled: bool) -> None:
    pandas = pytest.importorskip("pandas")
    frame, series = (
        pandas.DataFrame(X, columns=["a", "b"]),
        pandas.Series(LABELS, index=range(7, 27)),
    )
    assert trained(frame, series, compiled) == trained(X, LABELS, compiled)
    assert trained(frame.convert_dtypes(), series.astype(int), compiled) == trained(
        X, LABELS, compiled
    )
    assert trained([row for _, row in frame.iterrows()], series, compiled) == trained(
        X, LABELS, compiled
    )


@both_ways
def test_a_frame_names_its_columns(compiled: bool) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(changed(X, (3, 1), numpy.nan), columns=["age", "size"])
    assert said(one, frame, LABELS, "mse", DataError, compiled).startswith(
        "X[3, 1] (column 'size') is nan"
    )
    frame = pandas.DataFrame({"y": LABELS})
    assert "y.to_numpy().ravel()" in said(one, X, frame, "mse", LengthError, compiled)
    days = pandas.DataFrame({"a": X[:, 0], "day": pandas.date_range("2020-01-01", periods=20)})
    assert said(one, days, LABELS, "mse", DataError, compiled).startswith(
        "X[0, 1] is the date or time"
    )
    words = pandas.DataFrame({"a": X[:, 0], "b": ["x"] * 20})
    assert said(one, words, LABELS, "mse", DataError, compiled).startswith(
        "X[0, 1] is the text 'x'"
    )


@both_ways
def test_sparse_matrices_are_refused_in_words(compiled: bool) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    assert "X.toarray()" in said(one, sparse.csr_matrix(X), LABELS, "mse", DataError, compiled)
    assert "X.toarray()" in said(one, sparse.coo_array(X), LABELS, "mse", DataError, compiled)


@both_ways
@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (ROWS, LABELS.tolist()),
        (tuple(map(tuple, ROWS)), tuple(LABELS)),
        (deque(ROWS), LABELS),
        (list(X), list(LABELS)),
        (X.astype(object), LABELS.astype(object)),
        ([[Value(a), Value(b)] for a, b in ROWS], LABELS),
        (X, LABELS > 0.5),
        (X, LABELS.astype(numpy.int8)),
        ([[numpy.array(a), numpy.float64(b)] for a, b in ROWS], LABELS),
        (X.astype(numpy.longdouble), LABELS),
        ([deque(row) for row in ROWS], LABELS),
        ([array("d", row) for row in ROWS], array("d", LABELS)),
    ],
)
def test_lists_of_every_kind_are_taken(inputs: Any, targets: Any, compiled: bool) -> None:
    assert trained(inputs, targets, compiled) == trained(X, LABELS, compiled)


def trained(inputs: Any, targets: Any, compiled: bool) -> list[float]:
    model = one()
    fit(model, inputs, targets, loss="mse", epochs=2, progress=False, compiled=compiled)
    return list(model.state_dict().values())


def test_samples_may_be_objects_that_the_model_knows() -> None:
    class Pair:
        def __init__(self, row: list[float]) -> None:
            self.row = row

    class Unpacks(Module):
        def __init__(self) -> None:
            self.inner = one()

        def forward(self, pair: Any) -> Any:
            return self.inner(pair.row)

    objects = [Pair(row) for row in ROWS]
    assert fit(Unpacks(), objects, LABELS, loss="mse", epochs=1, progress=False).epochs == 1
    with pytest.raises(DataError, match="samples made of numbers, and sample 0 is a Pair"):
        fit(Unpacks(), objects, LABELS, loss="mse", epochs=1, progress=False, compiled=True)


def test_a_loss_of_ones_own_takes_what_it_takes() -> None:
    def loss(prediction: Any, target: Any) -> Any:
        return losses.mse(prediction, target - 7)

    assert fit(one(), X, LABELS + 7, loss=loss, epochs=1, progress=False).epochs == 1


@both_ways
def test_a_target_that_is_a_value_is_taken_as_it_is(compiled: bool) -> None:
    targets = [Value(number) for number in SIGNS]
    assert (
        fit(one(), X, targets, loss="hinge", epochs=1, progress=False, compiled=compiled).epochs
        == 1
    )


def wrapped(loss: Any) -> Any:
    return lambda prediction, target: loss(prediction, target) * 2.0


@pytest.mark.parametrize(
    ("make", "y", "loss", "message"),
    [
        (
            one,
            changed(SIGNS, 7, 0.0),
            losses.hinge,
            r"y\[7\]: a target of hinge must be -1 or 1, not 0",
        ),
        (
            one,
            changed(LABELS, 7, -1.0),
            losses.binary_cross_entropy_with_logits,
            r"y\[7\]: a target of .* must be in \[0, 1\]",
        ),
        (two, numpy.full((20, 2), 0.7), losses.cross_entropy, "add up to 1"),
        (
            two,
            changed(numpy.eye(2)[CLASSES], (7, 0), 5.0),
            losses.binary_cross_entropy_with_logits,
            r"y\[7\]: a target of",
        ),
    ],
)
def test_a_loss_of_ours_inside_of_one_of_the_users(
    make: Any, y: Any, loss: Any, message: str
) -> None:
    found = [said(make, X, y, wrapped(loss), OptionError, compiled) for compiled in (False, True)]
    assert re.search(message, found[0])
    assert found[0] == found[1]


@pytest.mark.parametrize("y", [CLASSES, numpy.eye(2)[CLASSES]], ids=["indices", "one-hot rows"])
def test_classes_in_a_loss_of_the_users_are_compiled(y: Any) -> None:
    eager, compiled = (
        fit(
            two(),
            X,
            y,
            loss=wrapped(losses.cross_entropy),
            epochs=2,
            progress=False,
            compiled=compiled,
        )
        for compiled in (False, True)
    )
    assert compiled["loss"] == pytest.approx(eager["loss"], rel=1e-9)


def test_ignored_classes_in_a_loss_of_the_users_are_refused() -> None:
    ignoring = wrapped(partial(losses.cross_entropy, ignore_index=-100))
    found = said(two, X, changed(CLASSES, 3, -100), ignoring, OptionError, compiled=True)
    assert "indices 0 to 1" in found


def test_a_loss_of_the_users_over_outputs_of_several_lengths() -> None:
    class Each(Module):
        """A score for every number of a sample."""

        def __init__(self) -> None:
            self.inner = Layer(1, 1, None, seed=1)

        def forward(self, x: Any) -> Any:
            return [self.inner([item])[0] for item in x]

    samples = [[1.0], [1.0, 2.0], [3.0, 4.0, 5.0]]
    assert (
        fit(Each(), samples, samples, loss=wrapped(losses.mse), epochs=1, progress=False).epochs
        == 1
    )


@both_ways
def test_an_optimizer_of_another_model_is_refused(compiled: bool) -> None:
    other = SGD(one().parameters())
    assert "parameters of another model" in said(
        one, X, LABELS, "mse", OptionError, compiled, optimizer=other
    )


class Shifts(Module):
    """Has no parameters of its own."""

    def __init__(self, by: Any) -> None:
        self.by = [by]

    def forward(self, x: Any) -> Any:
        return x[0] + self.by[0]


@both_ways
def test_a_model_without_parameters_is_refused(compiled: bool) -> None:
    with pytest.raises(OptionError, match="has no Parameters"):
        fit(Shifts(1.0), X, LABELS, loss="mse", epochs=1, progress=False, compiled=compiled)


def test_an_optimizer_may_bring_the_parameters_along() -> None:
    outside = Parameter(0.5)
    options: dict[str, Any] = {
        "loss": lambda p, t: losses.mse(p * outside, t),
        "optimizer": SGD([outside], 0.1),
    }
    fit(Shifts(1.0), X, LABELS, epochs=1, batch_size=None, progress=False, **options)
    inputs = X[:, 0] + 1.0
    assert outside.data == pytest.approx(
        0.5 - 0.1 * (2.0 * inputs * (0.5 * inputs - LABELS)).mean()
    )


def test_a_parameter_that_the_optimizer_does_not_hold_is_warned_of() -> None:
    outside = Parameter(1.0, label="gain")
    with pytest.warns(UnlearnedWarning, match="gain"):
        fit(
            one(), X, LABELS, loss=lambda p, t: losses.mse(p * outside, t), epochs=1, progress=False
        )


def test_a_parameter_that_only_the_penalty_uses_may_be_learned() -> None:
    model, strength = one(), Parameter(2.0)
    rule = SGD([*model.parameters(), strength], 0.1)
    fit(
        model,
        X,
        LABELS,
        loss="mse",
        penalty=lambda _: strength**2,
        optimizer=rule,
        epochs=1,
        batch_size=None,
        progress=False,
    )
    assert strength.data == pytest.approx(2.0 - 0.1 * 4.0)


def test_a_loss_that_depends_on_nothing_at_first() -> None:
    def loss(prediction: Any, target: Any) -> Any:
        return losses.mse(prediction, target) if target else Value(0.0)

    targets = numpy.arange(20) % 2
    assert fit(one(), X, targets, loss=loss, epochs=1, progress=False).epochs == 1


# What is tried out leaves no trace


class Normalizes(Module):
    """Changes the list that it is given."""

    def __init__(self) -> None:
        self.inner = one()

    def forward(self, x: Any) -> Any:
        total = abs(x[0]) + abs(x[1])
        for i in range(2):
            x[i] = x[i] / total
        return self.inner(x)


@both_ways
def test_a_model_that_changes_its_sample_changes_nothing_of_the_user(compiled: bool) -> None:
    rows, model, by_hand = [list(row) for row in ROWS], Normalizes(), one()
    given = {"loss": "mse", "epochs": 3, "progress": False, "compiled": compiled}
    fit(model, rows, LABELS, validation=(rows, LABELS), **given)  # type: ignore[arg-type]
    assert rows == ROWS
    fit(by_hand, X / numpy.abs(X).sum(axis=1, keepdims=True), LABELS, **given)  # type: ignore[arg-type]
    assert list(model.state_dict().values()) == pytest.approx(
        list(by_hand.state_dict().values()), rel=1e-9
    )


def test_a_loss_that_changes_its_target_changes_nothing_of_the_user() -> None:
    targets = [[0.0, 1.0] for _ in ROWS]

    def loss(prediction: Any, target: Any) -> Any:
        target.reverse()
        return losses.mse(prediction, target)

    fit(two(), X, targets, loss=loss, epochs=2, progress=False)
    assert targets == [[0.0, 1.0] for _ in ROWS]


def test_nested_samples_are_copied_too() -> None:
    class Pops(Module):
        def __init__(self) -> None:
            self.inner = one()

        def forward(self, x: Any) -> Any:
            x["array"][0] = 99.0
            return self.inner(x["list"].pop())

    samples = [{"list": [row], "array": numpy.zeros(1)} for row in ROWS]
    fit(Pops(), samples, LABELS, loss="mse", epochs=2, progress=False)
    assert all(sample["list"] and sample["array"][0] == 0.0 for sample in samples)  # type: ignore[index]


def test_the_trial_draws_no_random_numbers_and_moves_no_statistics() -> None:
    class Look(Callback):
        def on_train_begin(self, training: Training) -> None:
            self.state = training.model.state_dict()
            self.generators = [
                generator.getstate() for _, generator in training.model.named_generators()
            ]

    model, look = (
        Sequential(
            Layer(2, 3, seed=1),
            BatchNorm(3),
            Dropout(0.5, seed=4),
            Layer(3, 1, None, seed=2),
            lambda row: row[0],
        ),
        Look(),
    )
    before = model.state_dict(), [generator.getstate() for _, generator in model.named_generators()]
    fit(model, X, LABELS, loss="mse", epochs=1, progress=False, callbacks=look)
    assert (look.state, look.generators) == before


# How much is tried out


class Counts:
    """A loss that counts its calls, and keeps the targets that it was given."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.targets: list[Any] = []

    def __call__(self, prediction: Any, target: Any) -> Any:
        self.targets.append(target)
        return self.loss(prediction, target)


def tried(loss: Any, X: Any, y: Any, model: Module | None = None) -> list[Any]:
    """The targets that a trial hands to a loss."""
    counts = Counts(loss)
    try_out(model or one(), counts, read_samples(X, y))
    return counts.targets


def test_every_different_target_is_tried_once() -> None:
    assert tried(losses.mse, X[:5], [3.0, 4.0, 3.0, 5.0, 4.0]) == [3.0, 3.0, 4.0, 5.0]
    rows = [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    assert tried(losses.mse, X[:3], rows, two()) == [rows[0], *rows[:2]]


def test_at_most_100_targets_are_tried() -> None:
    assert tried(losses.mse, [ROWS[0]] * 150, [float(i) for i in range(150)]) == [0.0, *range(100)]


def test_targets_of_other_kinds_are_tried_with_their_sample_alone() -> None:
    def loss(prediction: Any, target: Any) -> Any:
        return losses.mse(prediction, target["of"])

    assert tried(loss, X[:2], [{"of": 1.0}, {"of": 2.0}]) == [{"of": 1.0}]
    nested = [[[0.0, 1.0]], [[1.0, 0.0]]]
    assert tried(lambda p, t: losses.mse(p, t[0]), X[:2], nested, two()) == nested[:1]


def test_a_loss_that_depends_on_nothing_is_asked_of_8_samples() -> None:
    def loss(_prediction: Any, _target: Any) -> Any:
        return Value(0.0)

    assert tried(loss, X, [0.5] * 20) == [0.5] * (1 + 1 + 8)


def test_a_number_for_a_list_is_told_what_to_do_and_a_short_list_is_not() -> None:
    assert said(one, X[:, 0], LABELS, "mse", DataError, False).endswith(
        "(X has one number for each sample: for a list of one give X.reshape(-1, 1))"
    )
    assert "reshape" not in said(one, X[:, :1], LABELS, "mse", LengthError, False)


def test_a_value_that_the_data_hold_is_not_meant_to_learn() -> None:
    class Remembers(Module):
        """Holds a Value that is a target, too."""

        def __init__(self, target: Value) -> None:
            self.inner = one()
            self.target = target

        def forward(self, x: Any) -> Any:
            return self.inner(x) - self.target

    target = Value(1.0)
    fit(Remembers(target), X[:2], [target, target], loss="mse", epochs=1, progress=False)
    with pytest.warns(UnlearnedWarning, match="target"):
        fit(Remembers(Value(1.0)), X[:2], [target, target], loss="mse", epochs=1, progress=False)


# Elsewhere


def test_pretraining_names_the_data() -> None:
    with pytest.raises(DataError, match=r"X\[3, 1\] is nan"):
        pretrain(MLP(2, [3, 1], seed=1), changed(X, (3, 1), numpy.nan), progress=False)
    with pytest.raises(LengthError, match=r"takes 2 inputs, but was given 1"):
        pretrain(MLP(2, [3, 1], seed=1), X[:, :1], progress=False)


def test_samples_name_the_data() -> None:
    with pytest.raises(DataError, match=r"b\[1\] is nan"):
        read_samples([1.0, 2.0], [0.0, float("nan")], names=("a", "b"))


def test_every_refusal_is_an_error_of_ours() -> None:
    assert all(issubclass(case[4], ScalargradError) for case in EVERY.values())


@pytest.mark.parametrize("compiled", [False, True])
def test_a_penalty_may_be_a_plain_number(compiled: bool) -> None:
    X, y = moons(10, seed=1)
    options: dict[str, Any] = {"loss": "mse", "epochs": 1, "progress": False, "compiled": compiled}
    history = fit(MLP(2, [2, 1], seed=1), X, y, penalty=lambda model: 0.5, **options)
    assert history["penalty"] == [0.5]
