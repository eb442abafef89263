"""What a network does as a function of its weights: against backpropagation, and nothing is left changed."""

import pickle
from functools import partial

import pytest

from scalargrad import Value, numerical_gradient
from scalargrad.core.modes import current_mode
from scalargrad.errors import CallError, DataError, LengthError, UnknownNameError
from scalargrad.nn import MLP, AtWeights


def squared(x, model):
    return model(x) ** 2


@pytest.fixture
def model():
    return MLP(2, [3, 1], activation="tanh", seed=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_its_numerical_gradient_is_the_backpropagated_one(model, workers):
    x = [0.3, -0.7]
    f = AtWeights(model, partial(squared, x))
    found = numerical_gradient(f, f.numbers, workers=workers)
    squared(x, model).backward()
    assert found == pytest.approx(
        [parameter.grad for parameter in model.parameters()], rel=1e-7, abs=1e-9
    )
    assert len(found) == 13


def test_names_choose_and_order_the_numbers(model):
    names = ["layers.1.neurons.0.bias", "layers.0.neurons.2.weights.1"]
    f = AtWeights(model, lambda model: model([1.0, 2.0]).data, names)
    assert f.numbers == [model.state_dict()[name] for name in names]
    base = model([1.0, 2.0]).data
    assert f([f.numbers[0] + 0.25, f.numbers[1]]) == pytest.approx(base + 0.25, rel=1e-12)


def test_the_model_is_as_before_after_a_call_and_after_an_error(model):
    before = model.state_dict()
    AtWeights(model, partial(squared, [1.0, 1.0]))([0.0] * 13)
    assert model.state_dict() == before

    def fails(model):
        assert model.parameters()[0].data == 0.0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        AtWeights(model, fails)([0.0] * 13)
    assert model.state_dict() == before
    with pytest.raises(DataError):
        AtWeights(model, partial(squared, [1.0, 1.0]))([5.0] * 12 + ["6"])
    assert model.state_dict() == before


def test_no_graph_is_built(model):
    assert AtWeights(model, lambda _model: float(current_mode().recording))([0.0] * 13) == 0.0
    assert AtWeights(model, partial(squared, [1.0, 1.0]))([0.5] * 13).args == ()


def test_it_can_be_pickled_with_its_model(model):
    f = AtWeights(model, partial(squared, [1.0, 2.0]))
    again = pickle.loads(pickle.dumps(f))
    assert again(f.numbers).data == f(f.numbers).data
    assert again.model is not model


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda model: AtWeights(model, 3.0), CallError, "a function of the model, not float"),
        (
            lambda model: AtWeights(model, abs, ["layers.9"]),
            UnknownNameError,
            "no parameter 'layers.9'",
        ),
        (
            lambda model: AtWeights(model, abs)([1.0]),
            LengthError,
            "moves 13 parameters, but was given 1 numbers",
        ),
        (lambda model: AtWeights(model, abs, "bias"), UnknownNameError, "no parameter 'b'"),
        (
            lambda model: AtWeights(model, lambda _model: [Value(1.0)], [])([1.0]),
            LengthError,
            "moves 0",
        ),
    ],
)
def test_errors_say_what_was_wrong(make, error, words, model):
    with pytest.raises(error, match=words):
        make(model)
