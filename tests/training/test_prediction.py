"""`predict` and `score`: the answers of calling the model, and a score that says what it is."""

import pickle
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, nn
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.training import Score, score

RNG = numpy.random.default_rng(0)
X = RNG.normal(size=(400, 2))


def answers(model: Any, samples: Any) -> Any:
    """What the model says sample by sample, in evaluation mode."""
    with nn.evaluation(model):
        return numpy.array([[float(x) for x in numpy.ravel(model(list(row)))] for row in samples])


@pytest.mark.parametrize("count", [1, 400])
@pytest.mark.parametrize("sizes", [[3, 2], [4, 1]])
def test_it_answers_what_the_model_answers(count: int, sizes: list[int]) -> None:
    model = nn.MLP(2, sizes, seed=0)
    found = model.predict(X[:count])
    assert found.shape == ((count, 2) if sizes[-1] == 2 else (count,))
    numpy.testing.assert_allclose(found.reshape(count, -1), answers(model, X[:count]), rtol=1e-12)


def test_it_predicts_in_evaluation_mode_and_restores_the_mode() -> None:
    model = nn.Sequential(nn.Layer(2, 3, seed=0), nn.Dropout(0.5, seed=0), nn.Layer(3, 1, seed=1))
    model.train()
    numpy.testing.assert_allclose(model.predict(X)[:, 0], answers(model, X)[:, 0], rtol=1e-12)
    assert model.training


@pytest.mark.parametrize("sample", [[1, 2], [1.0, 2.0], X[0], [Value(1.0), Value(2.0)]])
def test_one_sample_in_the_place_of_several_is_explained(sample: Any) -> None:
    said = r"predict takes rows, as in \[\[1, 2\]\].*for one sample call model\(x\)"
    with pytest.raises(DataError, match=said):
        nn.MLP(2, [1]).predict(sample)


def test_a_model_may_take_numbers_for_samples() -> None:
    class Twice(nn.Module):
        def forward(self, x: Any) -> Any:
            return Value(2.0) * x

    assert Twice().predict([1.0, 2.0]).tolist() == [2.0, 4.0]


def test_a_model_that_branches_on_numbers_is_called_for_each_sample() -> None:
    class Branching(nn.Module):
        def forward(self, x: Any) -> Any:
            first = x[0] if isinstance(x[0], Value) else Value(x[0])
            return first * 2.0 if first.data > 0.0 else first * 3.0

    expected = numpy.where(X[:, 0] > 0.0, 2.0, 3.0) * X[:, 0]
    many = numpy.repeat(X, 20, axis=0)
    assert numpy.array_equal(Branching().predict(many), numpy.repeat(expected, 20))


def test_a_program_that_says_something_else_is_not_trusted() -> None:
    class Picky(nn.Module):
        def forward(self, x: Any) -> Any:
            y = Value(1.0) * x[0]
            for _ in range(30):
                y = y.tanh()
            return y * (1.0 if isinstance(x[0], Value) else 2.0)

    expected = [Picky()(row).data for row in X.tolist()]
    numpy.testing.assert_allclose(Picky().predict(X), expected, rtol=1e-12)


def test_a_program_that_is_right_for_the_first_sample_alone_is_not_trusted() -> None:
    class LookingUp(nn.Module):
        def forward(self, x: Any) -> Any:
            y = Value(1.0) * x[0]
            for _ in range(30):
                y = y.tanh()
            return y + {2.0: 5.0}.get(x[0], 0.0)

    rows = [[1.0], *[[2.0]] * 400]
    expected = [LookingUp()(row).data for row in rows]
    numpy.testing.assert_allclose(LookingUp().predict(rows), expected, rtol=1e-12)


def test_a_mistake_of_the_model_is_raised() -> None:
    class Mistaken(nn.Module):
        def forward(self, x: Any) -> Any:
            return Value(x[0]) / x[2]

    with pytest.raises(IndexError):
        Mistaken().predict(X)


def test_indices_are_looked_up() -> None:
    model = nn.Sequential(nn.Embedding(5, 3, seed=0), nn.Flatten(), nn.Layer(9, 2, seed=1))
    tokens = RNG.integers(0, 5, size=(300, 3))
    expected = [[value.data for value in model(row)] for row in tokens.tolist()]
    numpy.testing.assert_allclose(model.predict(tokens), expected, rtol=1e-12)


def test_samples_of_several_lengths_keep_their_order() -> None:
    class Last(nn.Module):
        def forward(self, x: Any) -> Any:
            return x[-1] * Value(2.0)

    ragged = [[float(i)] * (1 + i % 3) for i in range(60)]
    assert Last().predict(ragged).tolist() == [2.0 * row[-1] for row in ragged]


def test_numbers_that_are_not_finite_are_answered_too() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    found = model.predict([[numpy.inf, 0.0], [numpy.nan, 1.0]])
    expected = answers(model, [[numpy.inf, 0.0], [numpy.nan, 1.0]])
    numpy.testing.assert_array_equal(found, expected[:, 0])


def test_outputs_that_are_no_array_are_refused() -> None:
    class Echo(nn.Module):
        def forward(self, x: Any) -> Any:
            return [Value(each) for each in x]

    with pytest.raises(LengthError, match="different shapes: call the model"):
        Echo().predict([[1.0], [1.0, 2.0]])
    with pytest.raises(LengthError, match="no samples"):
        Echo().predict([])
    with pytest.raises(DataError, match="nested lists, not str"):
        type("Text", (nn.Module,), {"forward": lambda self, x: "a"})().predict([[1.0]])


def test_a_model_that_returns_nothing_is_refused() -> None:
    class Forgetful(nn.Module):
        def forward(self, x: Any) -> Any:
            Value(x[0])

    with pytest.raises(DataError, match="returns a number, or numbers in nested lists, not None"):
        Forgetful().predict(X[:2])


def test_a_layer_may_be_called_score() -> None:
    class Ranked(nn.Module):
        def __init__(self) -> None:
            self.score = nn.Layer(2, 1, seed=0)  # type: ignore[assignment]

        def forward(self, x: Any) -> Any:
            return self.score(x)  # type: ignore[call-arg]

    model = Ranked()
    assert model.predict(X[:2]).shape == (2, 1)
    assert len(model.parameters()) == 3


# Scores


@given(st.lists(st.floats(-100.0, 100.0), min_size=3, max_size=8, unique=True))
def test_r2_is_that_of_its_definition(targets: list[float]) -> None:
    model = nn.MLP(2, [1], seed=0)
    outputs = model.predict(X[: len(targets)])
    y = numpy.array(targets)
    total = ((y - y.mean()) ** 2).sum()
    found = model.score(X[: len(targets)], targets, metric="r2")
    assert found == pytest.approx(1.0 - ((y - outputs) ** 2).sum() / total, rel=1e-12)


CLASSES = nn.MLP(2, [3], seed=0)
LARGEST = answers(CLASSES, X).argmax(axis=1)


@pytest.mark.parametrize("targets", [LARGEST, numpy.eye(3)[LARGEST], LARGEST[:, None]])
def test_classes_have_an_accuracy(targets: Any) -> None:
    found = score(CLASSES, X, targets)
    assert repr(found) == "accuracy 1.0"


def test_the_accuracy_is_the_share_of_right_decisions() -> None:
    wrong = (LARGEST + (numpy.arange(400) < 100)) % 3
    assert CLASSES.score(X, wrong) == 0.75


@pytest.mark.parametrize("target", [3, 0.5, -1, numpy.nan])
def test_a_number_that_is_no_index_of_an_output_is_refused(target: float) -> None:
    with pytest.raises(DataError, match=r"y\[1\] is .*not the index of one of 3 outputs"):
        CLASSES.score(X[:2], [0, target])


def test_targets_of_one_class_are_classes_too() -> None:
    model = nn.MLP(2, [1], output_activation="sigmoid", seed=0)
    expected = (model.predict(X[:5]) > 0.5).mean()
    found = model.score(X[:5], [1] * 5)
    assert (found.metric, found) == ("accuracy", expected)
    assert model.score(X[:5], [0] * 5) == 1.0 - expected
    assert nn.MLP(2, [1], seed=0).score(X[:5], [-1] * 5).metric == "accuracy"


def test_targets_that_are_no_classes_have_an_r2() -> None:
    assert repr(CLASSES.score(X, CLASSES.predict(X))) == "r2 1.0"
    one = nn.MLP(2, [1], seed=0)
    assert repr(one.score(X, one.predict(X))) == "r2 1.0"


def test_two_classes_of_one_output_need_a_border_where_it_is_ambiguous() -> None:
    model = nn.MLP(2, [1], seed=0)
    outputs = model.predict(X)
    labels = (outputs > 0.0).astype(int)
    with pytest.raises(OptionError, match=r"border=0\.0 if they are logits"):
        model.score(X, labels)
    assert repr(model.score(X, labels, border=0.0)) == "accuracy 1.0"
    assert repr(model.score(X, 2 * labels - 1)) == "accuracy 1.0"
    probabilities = nn.MLP(2, [1], output_activation="sigmoid", seed=0)
    assert probabilities.score(X, (probabilities.predict(X) > 0.5).astype(int)) == 1.0


def test_a_score_is_a_float_that_says_what_it_is() -> None:
    found = pickle.loads(pickle.dumps(Score(0.5, "r2")))
    assert (found, found.metric, str(found), found + 0.25) == (0.5, "r2", "0.5", 0.75)
    with pytest.raises(OptionError, match="metric must be"):
        score(CLASSES, X, LARGEST, metric="f1")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="border must be a real number"):
        score(CLASSES, X, LARGEST, border="a")  # type: ignore[arg-type]
    with pytest.raises(LengthError, match="one length"):
        score(CLASSES, X, LARGEST[:3])
