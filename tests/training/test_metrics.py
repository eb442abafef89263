"""Metrics against scikit-learn, as functions and by name in `fit`; ambiguity is refused."""

from functools import partial
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import Value, losses
from scalargrad.data import moons
from scalargrad.errors import LengthError, OptionError
from scalargrad.nn import MLP, Layer, Module, Sequential
from scalargrad.optim import SGD
from scalargrad.training import (
    METRICS,
    absolute_error,
    accuracy,
    binary_accuracy,
    confusion_matrix,
    f1,
    fit,
    mean_absolute_error,
    precision,
    r2,
    recall,
    squared_error,
    whole_set,
)
from scalargrad.training.metrics import bind_borders, read_metrics

sklearn = pytest.importorskip("sklearn.metrics")

X, LABELS = moons(60, noise=0.1, seed=1)
SIGNS = 2.0 * LABELS - 1.0
THREE = numpy.arange(60) % 3
SCORES = {"precision": precision, "recall": recall, "f1": f1}
REFEREES = {
    "precision": sklearn.precision_score,
    "recall": sklearn.recall_score,
    "f1": sklearn.f1_score,
}
both_ways = pytest.mark.parametrize("compiled", [False, True])


def frozen(model: Module, y: Any, metric: Any, loss: Any = "mse", **options: Any) -> Any:
    """What a metric is before anything is learned, which is what the model says now."""
    rule = SGD(model.parameters(), 0.0)
    name = metric if isinstance(metric, str) else next(iter(metric))
    return fit(
        model, X, y, loss=loss, optimizer=rule, epochs=1, metrics=metric, progress=False, **options
    )[name][-1]


def outputs(model: Module) -> Any:
    rows = [model(row) for row in X.tolist()]
    return numpy.array(
        [[value.data for value in row] if isinstance(row, list) else row.data for row in rows]
    )


def one() -> MLP:
    return MLP(2, [8, 1], "tanh", seed=3)


def one_in_a_list() -> Sequential:
    return Sequential(Layer(2, 8, "tanh", seed=3), Layer(8, 1, None, seed=4))


def probability() -> MLP:
    return MLP(2, [8, 1], "tanh", "sigmoid", seed=3)


def three() -> MLP:
    return MLP(2, [8, 3], "tanh", seed=3)


# Accuracy: the border is found from the targets and the loss


@both_ways
@pytest.mark.parametrize(
    ("make", "y", "loss", "border"),
    [
        (one, SIGNS, "mse", 0.0),
        (one, LABELS, "mse", 0.5),
        (one, LABELS + 1.0, "mse", 1.5),
        (one, SIGNS, "hinge", 0.0),
        (one, LABELS, "binary_cross_entropy_with_logits", 0.0),
        (one, 0.9 * LABELS + 0.05, "binary_cross_entropy_with_logits", 0.0),
        (probability, LABELS, "binary_cross_entropy", 0.5),
        (one, LABELS, partial(losses.binary_cross_entropy_with_logits, reduction="sum"), 0.0),
    ],
)
def test_one_output_is_on_the_side_of_its_target(
    make: Any, y: Any, loss: Any, border: float, compiled: bool
) -> None:
    model = make()
    right = ((outputs(model) > border) == (LABELS > 0.5)).mean()
    assert frozen(model, y, "accuracy", loss, compiled=compiled) == right
    assert frozen(model, y, "binary_accuracy", loss, compiled=compiled) == right


@pytest.mark.parametrize(("target", "border"), [(0.0, 0.5), (-1.0, 0.0)])
@pytest.mark.parametrize("score", [-0.4, 0.4, 0.6, 1.1])
def test_one_low_label_alone_stands_for_the_two_that_are_usual(
    target: float, border: float, score: float
) -> None:
    found = bind_borders({"accuracy": accuracy}, [target] * 3, losses.mse, score)["accuracy"]
    assert found(score, target) == float(score <= border)


@both_ways
def test_one_output_in_a_list(compiled: bool) -> None:
    model = one_in_a_list()
    right = ((outputs(model)[:, 0] > 0.0) == (SIGNS > 0.0)).mean()
    assert frozen(model, SIGNS.reshape(-1, 1), "accuracy", compiled=compiled) == right


def test_a_validation_set_of_one_class_has_the_border_of_the_whole() -> None:
    model, ones = one(), X[LABELS > 0.5]
    found = fit(
        model,
        X,
        LABELS,
        loss="mse",
        optimizer=SGD(model.parameters(), 0.0),
        epochs=1,
        validation=(ones, numpy.ones(len(ones))),
        metrics="accuracy",
        progress=False,
    )
    assert found["validation_accuracy"] == [(outputs(model)[LABELS > 0.5] > 0.5).mean()]


@both_ways
def test_classes_as_indexes_and_as_rows(compiled: bool) -> None:
    model = three()
    right = (outputs(model).argmax(axis=1) == THREE).mean()
    assert frozen(model, THREE, "accuracy", "cross_entropy", compiled=compiled) == right
    assert (
        frozen(model, numpy.eye(3)[THREE], "accuracy", "cross_entropy", compiled=compiled) == right
    )
    assert frozen(model, numpy.eye(3)[THREE], "accuracy", "mse", compiled=compiled) == right
    assert (
        frozen(model, 2.0 * numpy.eye(3)[THREE] - 1.0, "accuracy", "mse", compiled=compiled)
        == right
    )


@both_ways
@pytest.mark.parametrize(
    ("loss", "border"), [("binary_cross_entropy_with_logits", 0.0), ("mse", 0.5)]
)
def test_several_labels_are_averaged(loss: str, border: float, compiled: bool) -> None:
    labels = numpy.stack([LABELS, X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(float)
    model = three()
    right = ((outputs(model) > border) == (labels > 0.5)).mean()
    assert frozen(model, labels, "accuracy", loss, compiled=compiled) == pytest.approx(
        right, rel=1e-12
    )


def test_rows_with_one_label_each_are_labels_where_the_loss_says_so() -> None:
    model = three()
    rows = numpy.eye(3)[THREE]
    right = ((outputs(model) > 0.0) == (rows > 0.5)).mean()
    assert frozen(model, rows, "accuracy", "binary_cross_entropy_with_logits") == pytest.approx(
        right
    )


def test_a_perfect_classifier_of_moons_has_accuracy_one() -> None:
    model = probability()
    history = fit(
        model,
        X,
        LABELS,
        loss="binary_cross_entropy",
        epochs=300,
        batch_size=None,
        metrics="accuracy",
        progress=False,
        optimizer=SGD(model.parameters(), 2.0),
        compiled=True,
    )
    right = ((outputs(model) > 0.5) == (LABELS > 0.5)).mean()
    assert right > 0.95
    assert history["accuracy"][-1] == pytest.approx(right, abs=0.02)


@pytest.mark.parametrize(
    ("make", "y", "metric", "message"),
    [
        (
            one,
            X[:, 0],
            "accuracy",
            "60 different numbers: for numbers take absolute_error, squared_error or r2",
        ),
        (one, numpy.ones(60), "accuracy", "every target is 1"),
        (three, numpy.stack([X[:, 0]] * 3, axis=1), "accuracy", "classes or labels"),
        (three, numpy.eye(3)[THREE], "binary_accuracy", "for classes take accuracy"),
        (
            three,
            numpy.eye(3)[THREE],
            "precision",
            "take precision_macro, precision_micro or precision_weighted",
        ),
        (one, SIGNS, "acuracy", "did you mean 'accuracy'"),
        (one, SIGNS, "confusion_matrix", r"call confusion_matrix\(predictions, targets\)"),
    ],
)
def test_what_a_metric_can_not_tell_is_refused(
    make: Any, y: Any, metric: str, message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        frozen(make(), y, metric)


def test_objects_are_no_classes() -> None:
    with pytest.raises(OptionError, match="accuracy of 3 outputs needs a class index from 0 to 2"):
        bind_borders({"accuracy": accuracy}, [object()], losses.mse, [0.1, 0.2, 0.7])


# Accuracy of one sample


@pytest.mark.parametrize(
    ("prediction", "target", "options", "right"),
    [
        (0.3, 1, {}, 1.0),
        (-0.3, -1, {}, 1.0),
        ([-0.3], [1], {}, 0.0),
        ([Value(0.3)], 1, {}, 1.0),
        (0.3, 1, {"border": 0.5}, 0.0),
        (0.3, 0, {"border": 0.5}, 1.0),
        (0.3, 0, {"border": 0.0}, 0.0),
        (-0.3, 0, {"border": 0.0}, 1.0),
        ([0.1, 0.9], 1, {}, 1.0),
        ([0.1, 0.9], [1, 0], {}, 0.0),
        ([0.1, 0.9, 0.8], [0, 1, 0], {"border": 0.5}, 2 / 3),
        ([[0.1, 0.9], [0.8, 0.2]], [1, 1], {}, 0.5),
    ],
)
def test_accuracy_of_one_sample(prediction: Any, target: Any, options: Any, right: float) -> None:
    assert accuracy(prediction, target, **options) == pytest.approx(right)


def test_accuracy_does_not_guess() -> None:
    with pytest.raises(OptionError, match=r"takes a target of -1 or 1, not 0: give border=0\.5"):
        accuracy(0.3, 0)
    with pytest.raises(OptionError, match="several labels at once"):
        accuracy([0.1, 0.9], [1, 1])
    with pytest.raises(LengthError, match="a target for each output"):
        accuracy([0.1, 0.9], [1, 0, 0], border=0.5)


def test_binary_accuracy_takes_several_labels() -> None:
    assert binary_accuracy([0.9, 0.2, 0.4], [1, 1, 0]) == pytest.approx(2 / 3)


def test_one_output_in_a_list_takes_a_target_that_is_a_number() -> None:
    assert binary_accuracy([0.7], 1) == accuracy([0.7], 1) == 1.0
    assert absolute_error([3.0], 1.0) == 2.0
    assert squared_error([3.0], [1.0]) == 4.0
    with pytest.raises(LengthError, match="a target for each output: 2 outputs, 1 targets"):
        absolute_error([3.0, 2.0], 1.0)


# Whole sets, by scikit-learn


classes = st.integers(0, 3)
pairs = st.lists(st.tuples(classes, classes), min_size=1, max_size=20)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=30)
@given(pairs)
def test_averages_over_classes(pairs: list[tuple[int, int]]) -> None:
    found, wanted = [list(column) for column in zip(*pairs, strict=True)]
    for name, metric in SCORES.items():
        for average in ("macro", "micro", "weighted"):
            right = REFEREES[name](wanted, found, average=average, zero_division=0)
            assert metric(found, wanted, average=average) == pytest.approx(right, abs=1e-12)
    labels = sorted({*found, *wanted})
    assert (
        confusion_matrix(found, wanted).tolist()
        == sklearn.confusion_matrix(wanted, found, labels=labels).tolist()
    )


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=20))
def test_two_classes(pairs: list[tuple[float, int]]) -> None:
    scores, wanted = [list(column) for column in zip(*pairs, strict=True)]
    found = [int(score > 0.5) for score in scores]
    for name, metric in SCORES.items():
        right = REFEREES[name](wanted, found, zero_division=0)
        assert metric(scores, wanted, border=0.5) == pytest.approx(right, abs=1e-12)
    assert (
        confusion_matrix(scores, wanted, border=0.5).tolist()
        == sklearn.confusion_matrix(wanted, found, labels=[0, 1]).tolist()
    )


@settings(max_examples=30)
@given(st.lists(st.tuples(*[st.integers(0, 1)] * 6), min_size=1, max_size=12))
def test_several_labels(rows: list[tuple[int, ...]]) -> None:
    found, wanted = [list(row[:3]) for row in rows], [list(row[3:]) for row in rows]
    for name, metric in SCORES.items():
        for average in ("macro", "micro", "weighted"):
            right = REFEREES[name](
                numpy.array(wanted), numpy.array(found), average=average, zero_division=0
            )
            assert metric(found, wanted, average=average, border=0.5) == pytest.approx(
                right, abs=1e-12
            )


numbers = st.integers(-50, 50).map(lambda n: n / 8.0)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20))
def test_regression(pairs: list[tuple[float, float]]) -> None:
    found, wanted = [list(column) for column in zip(*pairs, strict=True)]
    assert r2(found, wanted) == pytest.approx(sklearn.r2_score(wanted, found), abs=1e-12)
    assert mean_absolute_error(found, wanted) == pytest.approx(
        sklearn.mean_absolute_error(wanted, found), abs=1e-12
    )


def test_regression_with_several_outputs() -> None:
    rng = numpy.random.default_rng(3)
    found, wanted = rng.normal(size=(9, 3)), rng.normal(size=(9, 3))
    assert r2(found.tolist(), wanted.tolist()) == pytest.approx(
        sklearn.r2_score(wanted, found), rel=1e-12
    )
    assert mean_absolute_error(found, wanted) == pytest.approx(
        sklearn.mean_absolute_error(wanted, found), rel=1e-12
    )


def test_r2_of_one_sample_is_nan() -> None:
    assert numpy.isnan(r2([1.0], [1.0]))


def test_scores_of_a_model_are_taken_as_classes() -> None:
    scores = [[Value(0.1), Value(2.0), Value(0.0)], [Value(3.0), Value(2.0), Value(0.0)]]
    assert confusion_matrix(scores, [1, 1]).tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert precision(scores, [[0, 1, 0], [0, 1, 0]], average="weighted") == 1.0


def test_two_outputs_are_two_classes_of_which_the_second_counts() -> None:
    assert precision([[0.2, 0.8], [0.3, 0.7]], [1, 0]) == 0.5


def test_sequences_are_taken_step_by_step() -> None:
    steps = [[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [0.6, 0.4]]]
    assert recall(steps, [[0, 1], [0, 1]]) == 0.5


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (lambda: precision([0.3, 0.7], [0, 1]), r"border=0\.5 for probabilities"),
        (lambda: precision([0.3, 0.7], [1, 1]), r"border=0\.5 for probabilities"),
        (lambda: precision([0.3, 0.7], [-1, 2]), r"border=0\.5 for probabilities"),
        (lambda: precision([0, 2], [0, 1]), "average='macro'"),
        (lambda: precision([0, 1], [0, 1], average="mean"), "average of precision must be one of"),
        (lambda: precision([[0.1, 0.2, 0.3]], [7]), "a class from 0 to 2, not 7"),
        (lambda: confusion_matrix([[1, 0]], [[1, 1]], border=0.5), "several labels at once"),
    ],
)
def test_what_the_scores_can_not_tell(metric: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        metric()


@pytest.mark.parametrize("metric", [precision, r2, confusion_matrix])
def test_lengths(metric: Any) -> None:
    with pytest.raises(LengthError, match="2 predictions, 1 targets"):
        metric([1, 0], [1])
    with pytest.raises(LengthError, match="at least one"):
        metric([], [])


def test_outputs_and_targets_of_another_number() -> None:
    with pytest.raises(LengthError, match="2 outputs, 1 targets"):
        r2([[1.0, 2.0], [2.0, 3.0]], [[1.0], [2.0]])


def test_scores_of_targets_minus_one_and_one_need_no_border() -> None:
    assert precision([0.3, 0.7, -0.2], [-1, 1, 1]) == 0.5


def test_a_score_on_the_border_is_on_the_low_side() -> None:
    assert accuracy(0.0, -1) == accuracy(0.5, 0, border=0.5) == binary_accuracy(0.5, 0) == 1.0
    assert precision([0.5, 0.7], [0, 1], border=0.5) == 1.0
    assert precision([[0.5, 0.7]], [[0, 1]], border=0.5, average="micro") == 1.0


@pytest.mark.parametrize(
    ("found", "wanted", "score"),
    [
        ([2.0, 2.0], [2.0, 2.0], 1.0),
        ([3.0, 2.0], [2.0, 2.0], 0.0),
        ([0.0, -0.5, 0.5, -0.5], [0.5, -0.5, 0.5, -0.5], 0.75),
        ([[1.0, 2.0], [3.0, 2.0]], [[1.0, 2.0], [3.0, 2.0]], 1.0),
        ([[1.0, 3.0], [3.0, 2.0]], [[1.0, 2.0], [3.0, 2.0]], 0.5),
    ],
)
def test_r2_where_targets_are_alike(found: Any, wanted: Any, score: float) -> None:
    assert r2(found, wanted) == score == sklearn.r2_score(wanted, found)


def test_labels_minus_one_and_one_are_two_classes_of_which_the_second_counts() -> None:
    assert precision([1, -1, 1], [1, -1, -1]) == 0.5
    assert recall([-1, -1], [1, -1]) == 0.0


def test_a_class_that_is_not_seen_has_no_part_in_a_mean() -> None:
    assert precision([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], [0, 1], average="macro") == 1.0


def test_of_no_label_at_all_the_mean_is_0() -> None:
    assert precision([[0.9, 0.1]], [[0, 0]], average="weighted", border=0.5) == 0.0


def test_one_sequence_of_one_step() -> None:
    assert confusion_matrix([[[0.1, 0.9]]], [[1]]).tolist() == [[0, 0], [0, 1]]


def test_a_score_of_two_classes_takes_two_outputs_and_no_two_labels() -> None:
    metric = bind_borders(read_metrics("precision"), [0, 1], losses.cross_entropy, [0.1, 0.9])[
        "precision"
    ]
    assert metric([[0.1, 0.9]], [1]) == 1.0
    with pytest.raises(OptionError, match="precision needs to know how to average over 2 classes"):
        bind_borders(read_metrics("precision"), [[1, 1], [0, 1]], losses.mse, [0.1, 0.9])
    with pytest.raises(OptionError, match="precision needs to know how to average over 3 classes"):
        bind_borders(read_metrics("precision"), [0, 2], losses.cross_entropy, [0.1, 0.2, 0.7])


# By name


NAMED: dict[str, tuple[Any, list[str]]] = {
    "a name": ("r2", ["r2"]),
    "a function": (accuracy, ["accuracy"]),
    "a partial": (partial(accuracy, border=0.5), ["accuracy"]),
    "several": (["accuracy", r2], ["accuracy", "r2"]),
    "a tuple": (("accuracy", r2), ["accuracy", "r2"]),
    "a dict": ({"fit": r2}, ["fit"]),
}


@pytest.mark.parametrize(("metrics", "names"), NAMED.values(), ids=NAMED)
def test_how_metrics_are_given(metrics: Any, names: list[str]) -> None:
    assert list(read_metrics(metrics)) == names


@both_ways
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_scores_by_name(name: str, compiled: bool) -> None:
    model = one()
    right = REFEREES[name](LABELS, outputs(model) > 0.0)
    found = frozen(
        model, LABELS, name, "binary_cross_entropy_with_logits", compiled=compiled, batch_size=7
    )
    assert found == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_averages_by_name(name: str, average: str) -> None:
    model = three()
    right = REFEREES[name](THREE, outputs(model).argmax(axis=1), average=average, zero_division=0)
    assert frozen(model, THREE, f"{name}_{average}", "cross_entropy") == pytest.approx(
        right, rel=1e-12
    )
    given = {name: partial(SCORES[name], average=average)}
    assert frozen(model, THREE, given, "cross_entropy") == pytest.approx(right, rel=1e-12)


def test_the_border_is_found_for_a_metric_with_options_too() -> None:
    model = one()
    right = sklearn.f1_score(LABELS, outputs(model) > 0.0, average="macro")
    found = frozen(
        model, LABELS, {"f1": partial(f1, average="macro")}, "binary_cross_entropy_with_logits"
    )
    assert found == pytest.approx(right, rel=1e-12)
    chosen = {"accuracy": partial(accuracy, border=0.25)}
    assert frozen(model, LABELS, chosen) == ((outputs(model) > 0.25) == (LABELS > 0.25)).mean()


def test_a_whole_set_is_measured_at_once_and_a_function_of_ones_own_too() -> None:
    @whole_set
    def largest(predictions: Any, targets: Any) -> float:
        return max(abs(p - t) for p, t in zip(predictions, targets, strict=True))

    model = one()
    assert frozen(model, SIGNS, "r2", batch_size=7) == pytest.approx(
        sklearn.r2_score(SIGNS, outputs(model))
    )
    assert (
        frozen(model, SIGNS, {"worst": largest}, batch_size=7) == abs(outputs(model) - SIGNS).max()
    )


def test_a_metric_has_its_own_name_in_the_table() -> None:
    assert {name: metric.__name__ for name, metric in METRICS.items()} == {
        name: name for name in METRICS
    }


def test_binary_accuracy_needs_no_two_classes_to_know_its_border() -> None:
    metric = bind_borders(read_metrics("binary_accuracy"), [1, 1], losses.mse, 0.2)[
        "binary_accuracy"
    ]
    assert [metric(score, 1) for score in (0.4, 0.6)] == [0.0, 1.0]


def test_each_row_of_a_sequence_may_be_one_class() -> None:
    prediction = [[0.9, 0.8], [0.1, 0.3]]
    metric = bind_borders(read_metrics("accuracy"), [[[1, 0], [0, 1]]], losses.mse, prediction)[
        "accuracy"
    ]
    assert metric(prediction, [[1, 0], [0, 1]]) == 1.0


def test_scores_may_stand_in_lists_of_one() -> None:
    assert precision([[0.9], [0.8], [0.2]], [[1], [0], [1]], border=(0.5, 0.5)) == 0.5
