"""A network as a function of its parameters; the model is left as before."""

import pickle
from functools import partial

import pytest

from scalargrad import Value, numerical_gradient
from scalargrad.core.modes import current_mode
from scalargrad.errors import CallError, DataError, LengthError, UnknownNameError
from scalargrad.nn import MLP, BatchNorm, Dropout, Layer, Objective, Sequential, functional_call


def squared(x, model):
    return model(x) ** 2


@pytest.fixture
def model():
    return MLP(2, [3, 1], activation="tanh", seed=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_its_numerical_gradient_is_the_backpropagated_one(model, workers):
    x = [0.3, -0.7]
    f = Objective(model, partial(squared, x))
    found = numerical_gradient(f, f.numbers, workers=workers)
    squared(x, model).backward()
    assert found == pytest.approx(
        [parameter.grad for parameter in model.parameters()], rel=1e-7, abs=1e-9
    )
    assert len(found) == 13


def test_names_choose_and_order_the_numbers(model):
    names = ["layers.1.neurons.0.bias", "layers.0.neurons.2.weights.1"]
    f = Objective(model, lambda model: model([1.0, 2.0]).data, names)
    assert f.numbers == [model.state_dict()[name] for name in names]
    base = model([1.0, 2.0]).data
    assert f([f.numbers[0] + 0.25, f.numbers[1]]) == pytest.approx(base + 0.25, rel=1e-12)


def test_the_model_is_as_before_after_a_call_and_after_an_error(model):
    before = model.state_dict()
    Objective(model, partial(squared, [1.0, 1.0]))([0.0] * 13)
    assert model.state_dict() == before

    def fails(model):
        assert model.parameters()[0].data == 0.0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Objective(model, fails)([0.0] * 13)
    assert model.state_dict() == before
    with pytest.raises(DataError):
        Objective(model, partial(squared, [1.0, 1.0]))([5.0] * 12 + ["6"])
    assert model.state_dict() == before


def test_no_graph_is_built(model):
    assert Objective(model, lambda _model: float(current_mode().recording))([0.0] * 13) == 0.0
    assert Objective(model, partial(squared, [1.0, 1.0]))([0.5] * 13).args == ()


def test_it_can_be_pickled_with_its_model(model):
    f = Objective(model, partial(squared, [1.0, 2.0]))
    again = pickle.loads(pickle.dumps(f))
    assert again(f.numbers).data == f(f.numbers).data
    assert again.model is not model


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda model: Objective(model, 3.0), CallError, "a function of the model, not float"),
        (
            lambda model: Objective(model, abs, ["layers.9"]),
            UnknownNameError,
            "no parameter 'layers.9'",
        ),
        (
            lambda model: Objective(model, abs)([1.0]),
            LengthError,
            "varies 13 parameters, but was given 1 numbers",
        ),
        (lambda model: Objective(model, abs, "bias"), UnknownNameError, "no parameter 'b'"),
        (
            lambda model: Objective(model, lambda _model: [Value(1.0)], [])([1.0]),
            LengthError,
            "varies 0",
        ),
    ],
)
def test_errors_say_what_was_wrong(make, error, words, model):
    with pytest.raises(error, match=words):
        make(model)


# functional_call


def test_other_parameters_give_what_a_model_with_these_gives(model):
    other = MLP(2, [3, 1], activation="tanh", seed=2)
    before = model.state_dict()
    called = functional_call(model, other.state_dict(), [0.3, -0.7])
    assert called.data == other([0.3, -0.7]).data != model([0.3, -0.7]).data
    assert model.state_dict() == before


def test_gradients_flow_to_the_values_and_to_the_parameters_that_are_not_named(model):
    bias = Value(0.5)
    functional_call(model, {"layers.1.neurons.0.bias": bias}, [0.3, -0.7]).backward()
    assert bias.grad == 1.0
    parameters = dict(model.named_parameters())
    assert parameters["layers.1.neurons.0.bias"].grad == 0.0
    assert parameters["layers.0.neurons.0.bias"].grad != 0.0


def test_a_number_takes_the_place_of_a_shared_parameter_everywhere():
    layer = Layer(2, 2, activation=None, seed=1)
    model = Sequential(layer, layer)
    names = [name for name, _ in model.named_parameters()]
    zeros = functional_call(model, dict.fromkeys(names, 0.0), [1.0, 2.0])
    assert [y.data for y in zeros] == [0.0, 0.0]


def test_buffers_and_random_generators_are_those_of_the_model():
    model = Sequential(BatchNorm(1), Dropout(0.5, seed=1))
    generator = model.steps[1].generator
    state = generator.getstate()
    functional_call(model.steps[0].eval(), {"scale.0": 2.0}, [1.0])
    functional_call(model.steps[1], {}, [1.0])
    assert generator.getstate() != state
    assert isinstance(model.steps[0].scale[0].data, float)
    assert model.steps[0].scale[0].data == 1.0


def test_the_model_is_as_before_after_an_error(model):
    before = model.parameters()
    with pytest.raises(LengthError):
        functional_call(model, {"layers.1.neurons.0.bias": 1.0}, [0.3])
    assert all(a is b for a, b in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        (None, DataError, "a dict of parameters by name, not NoneType"),
        ({"layers.9": 1.0}, UnknownNameError, "no parameter 'layers.9'"),
        ({"layers.1.neurons.0.bias": "x"}, DataError, r"parameters\['layers.1.neurons.0.bias'\]"),
    ],
)
def test_wrong_parameters_are_refused(parameters, error, words, model):
    with pytest.raises(error, match=words):
        functional_call(model, parameters, [0.3, -0.7])
