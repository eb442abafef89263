"""Programs as users call them: what they take, what they refuse, what they give back to the model
and to the recorded Values.
"""

import copy
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.compiler import compile
from scalargrad.compiler.replay import Leaves, Replay
from scalargrad.core.graph import topological
from scalargrad.errors import DataError, LengthError, StaleWarning
from scalargrad.losses import cross_entropy, mse
from scalargrad.nn import MLP, Dropout, Layer, Sequential
from tests.compiler.backends import once
from tests.compiler.graphs import Weights
from tests.compiler.referee import alike, differences, eager

pytestmark = pytest.mark.usefixtures("default_backend")


def network() -> tuple[MLP, Any]:
    """A model, and a program of its loss over a sample of 3 and a target of 1."""
    model = MLP(3, [4, 1], activation="tanh", seed=1)
    return model, compile(lambda x, y: mse(model(x), y), model, (3, 1))


def samples(batch: int = 4) -> tuple[Any, Any]:
    rng = numpy.random.default_rng(0)
    return rng.normal(size=(batch, 3)), rng.normal(size=(batch, 1))


# What a program takes


def test_a_list_of_lists_and_whole_numbers() -> None:
    program = compile(lambda x: x[0] * x[1], inputs=(2,))
    assert program([[2, 3], [4, 5]]).tolist() == [[6.0], [20.0]]
    assert program(numpy.array([[2, 3]], dtype=numpy.int8)).dtype == numpy.float64
    assert program([[True, 3]]).tolist() == [[3.0]]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8", "bool"])
def test_other_types_of_numbers_are_converted(dtype: str) -> None:
    model, program = network()
    x, y = samples()
    x, y = (10 * numpy.abs(x)).astype(dtype), (10 * numpy.abs(y)).astype(dtype)
    expected = eager(lambda x, y: mse(model(x), y), model, [x, y])
    loss, gradient = program.value_and_grad(x, y)
    assert gradient.dtype == numpy.float64
    assert alike(loss, expected.loss, bound=1e-12)
    assert alike(gradient, expected.gradient, expected.slope, 1e-12)


@pytest.mark.parametrize(
    "laid_out",
    [
        numpy.asfortranarray,
        lambda a: numpy.repeat(a, 2, axis=0)[::2],
        lambda a: numpy.repeat(a, 3, axis=1)[:, ::3],
        lambda a: a[::-1][::-1],
        lambda a: numpy.ascontiguousarray(a[:, ::-1])[:, ::-1],
        lambda a: a.astype(">f8"),
        lambda a: numpy.ma.masked_array(a),
        lambda a: numpy.broadcast_to(a[:1], a.shape),
    ],
    ids=[
        "fortran",
        "every second row",
        "every third column",
        "twice reversed",
        "reversed columns",
        "big endian",
        "masked",
        "broadcast",
    ],
)
def test_any_layout_of_memory(laid_out: Any) -> None:
    _, program = network()
    x, y = samples()
    odd_x, odd_y = laid_out(x), laid_out(y)
    plain = numpy.array(odd_x, dtype=float), numpy.array(odd_y, dtype=float)
    numpy.testing.assert_allclose(program(odd_x, odd_y), program(*plain), rtol=1e-12)
    loss, gradient = program.value_and_grad(*plain)
    found = program.value_and_grad(odd_x, odd_y)
    assert found[0] == pytest.approx(loss, rel=1e-12)
    numpy.testing.assert_allclose(found[1], gradient, rtol=1e-12, atol=1e-15)


def test_arrays_are_not_changed_and_may_be_read_only() -> None:
    _, program = network()
    x, y = samples()
    before = x.copy(), y.copy()
    x.flags.writeable = y.flags.writeable = False
    program(x, y), program.value_and_grad(x, y), program.jacobian(x, y)
    assert numpy.array_equal(x, before[0])
    assert numpy.array_equal(y, before[1])


def test_one_number_a_sample_may_be_flat() -> None:
    program = compile(lambda x, y: x * y, inputs=(1, 1))
    assert program([1.0, 2.0], [[3.0], [4.0]]).tolist() == [[3.0], [8.0]]


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 7, 8, 9, 31, 100, 257, 1000])
def test_batches_of_any_size_one_after_the_other(batch: int) -> None:
    model, program = network()
    program.value_and_grad(*samples(3))
    x, y = samples(batch)
    loss, gradient = program.value_and_grad(x, y)
    each = [program.value_and_grad(x[i : i + 1], y[i : i + 1]) for i in range(batch)]
    assert loss == pytest.approx(math.fsum(part for part, _ in each) / batch, rel=1e-12)
    numpy.testing.assert_allclose(
        gradient, sum(part for _, part in each) / batch, rtol=1e-9, atol=1e-15
    )
    assert len(gradient) == len(model.parameters())


# What a program refuses


@pytest.mark.parametrize("kind", ["f4", "i8", "<f8", ">f8", "O"])
def test_an_array_of_any_type_of_number_is_converted(kind: str) -> None:
    _, program = network()
    x, y = numpy.array([[1, 0, 2], [3, 1, 1]]), numpy.array([[1], [2]])
    loss, gradient = program.value_and_grad(x.astype(float), y.astype(float))
    found, slopes = program.value_and_grad(x.astype(kind), y.astype(float))
    assert (found, slopes.tolist()) == (loss, gradient.tolist())


def test_a_list_of_numbers_is_a_column_beside_an_array() -> None:
    _, program = network()
    x, y = samples()
    assert program.value_and_grad(x, y[:, 0])[0] == program.value_and_grad(x, y)[0]


@pytest.mark.parametrize("call", ["__call__", "value_and_grad", "inputs_gradient", "jacobian"])
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((numpy.zeros((0, 3)), numpy.zeros((0, 1))), "the batch is empty"),
        (([], []), r"argument 0 must have the shape \(batch, 3\)|the batch is empty"),
        ((numpy.zeros((2, 3)),), "takes 2 arguments"),
        ((numpy.zeros((2, 3)), numpy.zeros((2, 1)), numpy.zeros((2, 1))), "takes 2 arguments"),
        ((), "takes 2 arguments"),
        (
            (numpy.zeros((2, 4)), numpy.zeros((2, 1))),
            r"argument 0 must have the shape \(batch, 3\), not \(2, 4\)",
        ),
        (
            (numpy.zeros((2, 3)), numpy.zeros((2, 2))),
            r"argument 1 must have the shape \(batch, 1\), not \(2, 2\)",
        ),
        (
            (numpy.zeros(3), numpy.zeros(1)),
            r"argument 0 must have the shape \(batch, 3\), not \(3,\)",
        ),
        ((numpy.zeros((2, 3, 1)), numpy.zeros((2, 1))), r"argument 0 must have the shape"),
        ((numpy.zeros((2, 3)), numpy.zeros((3, 1))), "one row for each sample, but they have 2, 3"),
        ((1.0, 2.0), r"argument 0 must have the shape"),
    ],
)
def test_wrong_shapes_and_counts(call: str, arguments: Any, problem: str) -> None:
    _, program = network()
    with pytest.raises(LengthError, match=problem):
        getattr(program, call)(*arguments)


@pytest.mark.parametrize(
    "argument", ["text", [["a", "b", "c"]], None, [[1.0, 2.0], [1.0]], [[1j, 2.0, 3.0]], {"x": 1.0}]
)
def test_what_is_no_array_of_numbers(argument: Any) -> None:
    _, program = network()
    with pytest.raises((DataError, LengthError), match="argument 0 must"):
        program(argument, [[1.0]])


def test_a_loss_is_one_output() -> None:
    program = compile(lambda x: [x[0], x[1]], inputs=(2,))
    for ask in (program.value_and_grad, program.inputs_gradient):
        with pytest.raises(
            LengthError, match="needs a function with one output, such as a loss, not 2"
        ):
            ask([[1.0, 2.0]])


def test_a_loss_that_no_sample_has_a_part_in_has_one_gradient_for_any_number_of_them() -> None:
    model = Layer(1, 1, None, "zeros")
    bias = model.neurons[0].bias
    program = compile(lambda _: bias * 3.0, model, inputs=(1,))
    _, gradient = program.value_and_grad(numpy.ones((49, 1)))  # 49 times 1/49 is not quite 1
    assert gradient.tolist() == [0.0, 3.0]


# What is not finite


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1e308, -0.0])
def test_odd_numbers_in_the_data_give_what_eager_code_gives(odd: float) -> None:
    model, program = network()
    x, y = samples()
    x[1, 2] = odd
    expected = eager(lambda x, y: mse(model(x), y), model, [x, y])
    loss, gradient = program.value_and_grad(x, y)
    assert alike(loss, expected.loss, bound=1e-12)
    assert alike(gradient, expected.gradient, bound=1e-12)
    assert alike(program(x, y), expected.outputs, bound=1e-12)
    assert alike(program.jacobian(x, y)[0], expected.jacobian[0], bound=1e-12)


def test_one_odd_sample_leaves_the_others_as_they_are() -> None:
    program = compile(lambda x: sg.relu(sg.sqrt(x[0])) + x[1], inputs=(2,))
    x = numpy.array([[4.0, 1.0], [-1.0, 1.0], [0.0, 1.0], [9.0, 1.0]])
    assert alike(program(x), [[3.0], [math.nan], [1.0], [4.0]])
    assert alike(
        program.inputs_gradient(x)[0], [[0.25, 1.0], [math.nan, 1.0], [0.0, 1.0], [1.0 / 6.0, 1.0]]
    )


def test_a_branch_not_taken_sends_nothing_back() -> None:
    model = Weights([-1.0])
    program = compile(
        lambda x: sg.where(sg.step(x), sg.log(model.weights[0]) * x, x * 2.0), model, (1,)
    )
    assert program.value_and_grad([-1.0, -2.0])[1].tolist() == [0.0]


def test_the_model_is_as_it_was_after_a_number_that_is_not_finite() -> None:
    model, program = network()
    before = [parameter.data for parameter in model.parameters()]
    inner = model.parameters()[0]
    inner.grad = 3.0
    x, y = samples()
    x[0, 0] = math.nan
    program.parameters[:] = 0.5
    assert math.isnan(program.value_and_grad(x, y)[0])
    assert [parameter.data for parameter in model.parameters()] == before
    assert inner.grad == 3.0


def test_after_a_number_that_is_not_finite_the_next_gradient_is_right() -> None:
    model, program = network()
    x, y = samples()
    expected = program.value_and_grad(x, y)
    odd = x.copy()
    odd[0, 0] = math.nan
    program.value_and_grad(odd, y)
    found = program.value_and_grad(x, y)
    assert found[0] == expected[0]
    assert numpy.array_equal(found[1], expected[1])
    assert len(model.parameters()) == len(found[1])


def test_the_model_is_not_written_to_for_a_number_that_is_not_finite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, program = network()
    x, y = samples()
    x[1, 1] = math.nan
    monkeypatch.setattr(Parameter, "__setattr__", None, raising=False)
    assert math.isnan(program.value_and_grad(x, y)[0])
    assert numpy.isnan(program(x, y)[1, 0])
    assert numpy.isnan(program.jacobian(x, y)[0][1]).any()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What single samples were computed from, from now on."""
    found = list[Any]()
    forward = Replay._forward

    def noted(self: Any, leaves: Any) -> Any:
        found.append(leaves.sample)
        return forward(self, leaves)

    monkeypatch.setattr(Replay, "_forward", noted)
    return found


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_one_odd_sample_costs_one_sample(odd: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model, program = network()
    x, y = samples(200)
    x[150, 0] = odd
    replayed = counted(monkeypatch)
    loss, gradient = program.value_and_grad(x, y)
    assert len(replayed) == 1
    expected = eager(lambda x, y: mse(model(x), y), model, [x, y])
    assert alike(loss, expected.loss, bound=1e-12)
    assert alike(gradient, expected.gradient, bound=1e-12)


def test_a_gradient_that_is_not_finite_where_the_loss_is_costs_one_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Weights([1.0])
    program = compile(lambda x: sg.sqrt(model.weights[0] * x), model, (1,))
    x = numpy.arange(1.0, 301.0)
    x[37] = 0.0
    replayed = counted(monkeypatch)
    loss, gradient = program.value_and_grad(x)
    assert replayed == [[0.0]]
    expected = eager(lambda x: sg.sqrt(model.weights[0] * x), model, [x[:, None]])
    assert loss == pytest.approx(expected.loss, rel=1e-14)
    assert alike(gradient, expected.gradient, bound=1e-12)


def test_a_sample_that_only_array_code_finds_odd_counts_as_eager_code_has_it() -> None:
    model = Weights([-1.0, 3.0])

    def function(x: Any) -> Any:
        return sg.where(sg.step(x), sg.sqrt(model.weights[0] * x) * 0.0, model.weights[1] * x)

    program = compile(function, model, (1,))
    x = numpy.array([-2.0, -1.0, -0.0])
    expected = eager(function, model, [x[:, None]])
    loss, gradient = program.value_and_grad(x)
    assert loss == pytest.approx(expected.loss, rel=1e-14)
    assert alike(gradient, expected.gradient, bound=1e-14)


def test_a_batch_of_one_odd_sample_has_the_bits_of_eager_code() -> None:
    model = MLP(3, [4, 1], activation="tanh", seed=1)
    odd = Weights([0.0, 0.5])

    def function(x: Any) -> Any:
        return model(x) * odd.weights[1] + sg.sqrt(odd.weights[0])

    model.freeze()
    program = compile(function, odd, (3,))
    expected = function([Value(0.1), Value(0.2), Value(0.3)])
    expected.backward()
    loss, gradient = program.value_and_grad([[0.1, 0.2, 0.3]])
    assert loss == expected.data
    assert gradient.tolist() == [weight.grad for weight in odd.weights]


def test_who_is_not_thorough_stops_at_the_first_odd_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    _, program = network()
    x, y = samples(100)
    x[40:, 0] = math.nan
    replayed = counted(monkeypatch)
    loss, gradient, _ = program.evaluate_loss([x, y], thorough=False)
    assert math.isnan(loss)
    assert numpy.isnan(gradient).any()
    assert len(replayed) == 1


def test_who_is_not_thorough_gets_finite_numbers_where_eager_code_has_them() -> None:
    model = Weights([-1.0])
    program = compile(
        lambda x: sg.where(sg.step(x), sg.log(model.weights[0]) * x, x * 2.0), model, (1,)
    )
    loss, gradient, _ = program.evaluate_loss([numpy.array([[-1.0], [-2.0]])], thorough=False)
    assert (loss, gradient.tolist()) == (-3.0, [0.0])


def test_odd_rows_are_those_of_eager_code() -> None:
    model = Weights([0.0, 1.0])
    program = compile(
        lambda x: sg.sqrt(x) * model.weights[1] + sg.relu(sg.log(x)) * 0.0, model, (1,)
    )
    x = numpy.array([1.0, 4.0, -1.0, 0.0, 9.0, math.nan])
    assert program.odd_rows([x]).tolist() == [2, 5]
    assert program.odd_rows([x], limit=1).tolist() == [2]
    assert program.odd_rows([x[:2]]).tolist() == []


def test_a_sample_with_an_odd_gradient_is_an_odd_row() -> None:
    model = Weights([1.0])
    program = compile(lambda x: sg.sqrt(model.weights[0] * x), model, (1,))
    assert program.odd_rows([[4.0, 0.0, 1.0]]).tolist() == [1]


# What a program gives


def test_results_are_not_overwritten_by_the_next_call() -> None:
    _, program = network()
    x, y = samples()
    for ask in (
        program,
        lambda *a: program.value_and_grad(*a)[1],
        lambda *a: program.inputs_gradient(*a)[0],
        lambda *a: program.jacobian(*a)[0],
    ):
        first = ask(x, y)
        kept = first.copy()
        second = ask(x + 1.0, y)
        assert numpy.array_equal(first, kept)
        assert not numpy.array_equal(first, second)
        first[...] = 7.0
        assert numpy.array_equal(ask(x, y), kept)


def test_the_same_call_gives_the_same_bits() -> None:
    _, program = network()
    data = samples(31)
    first = program(*data), *program.value_and_grad(*data)
    for _ in range(20):
        again = program(*data), *program.value_and_grad(*data)
        assert all(map(numpy.array_equal, again, first))


def test_threads_that_call_first_and_at_once_get_the_same_bits() -> None:
    _, expected = network()
    batches = [samples(batch) for batch in (1, 3, 8, 31, 100, 1000)] * 4
    found = [expected.value_and_grad(*data) for data in batches]
    _, program = network()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: program.value_and_grad(*data), batches))
    for mine, alone in zip(together, found, strict=True):
        assert mine[0] == alone[0]
        assert numpy.array_equal(mine[1], alone[1])


def test_parameters_that_change_in_place_count_at_the_next_call() -> None:
    model, program = network()
    data = samples(9)
    program.value_and_grad(*data)
    program(*data)
    program.parameters[:] *= 0.5
    program.parameters[3] = -2.0
    program.write_back()
    expected = eager(lambda x, y: mse(model(x), y), model, data)
    loss, gradient = program.value_and_grad(*data)
    assert alike(loss, expected.loss, bound=1e-12)
    assert alike(gradient, expected.gradient, bound=1e-12)
    assert alike(program(*data), expected.outputs, bound=1e-12)


@pytest.mark.parametrize("batch", [1, 9])
def test_outputs_of_every_origin(batch: int) -> None:
    model = Weights([0.5, -2.0])

    def function(x: Any) -> Any:
        product = x[0] * model.weights[1]
        return [x[1], model.weights[0], sg.Constant(3.0), product, x[1], model.weights[1], product]

    data = [numpy.random.default_rng(0).normal(size=(batch, 2))]
    program = compile(function, model, (2,))
    assert differences(program, eager(function, model, data), data, 1e-14) == []


ORIGINS: dict[str, Any] = {
    "an input": lambda x, _: x[1],
    "a parameter": lambda _, weights: weights[1],
    "a constant": lambda *_: sg.Constant(3.0),
}


@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("name", ORIGINS)
def test_a_loss_that_is_computed_by_nothing(name: str, batch: int) -> None:
    model = Weights([0.5, -2.0])

    def function(x: Any) -> Any:
        return ORIGINS[name](x, model.weights)

    data = [numpy.random.default_rng(0).normal(size=(batch, 2))]
    program = compile(function, model, (2,))
    assert differences(program, eager(function, model, data), data, 1e-14) == []


def test_a_loss_without_parameters() -> None:
    data = [numpy.random.default_rng(0).normal(size=(11, 2))]

    def function(x: Any) -> Any:
        return sg.tanh(x[0]) * x[1]

    program = compile(function, inputs=(2,))
    assert program.value_and_grad(*data)[1].tolist() == []
    assert differences(program, eager(function, None, data), data, 1e-13) == []


def test_arrays_at_odd_addresses() -> None:
    _, program = network()
    x, y = samples(9)
    bytes_ = numpy.zeros(x.nbytes + 1, dtype=numpy.uint8)
    shifted = bytes_[1:].view(float).reshape(x.shape)
    shifted[...] = x
    assert not shifted.flags.aligned
    assert numpy.array_equal(program(shifted, y), program(x, y))
    expected = program.value_and_grad(x, y)
    assert all(map(numpy.array_equal, program.value_and_grad(shifted, y), expected))


def test_outputs_that_are_inputs_or_parameters_are_copies() -> None:
    model = Weights([1.0, 2.0])
    program = compile(lambda x: list(x), model, (2,))
    x = numpy.ones((2, 2))
    program(x)[...] = 7.0
    assert x.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    program = compile(lambda _: model.weights, model, (2,))
    program(x)[...] = 7.0
    assert program.parameters.tolist() == [1.0, 2.0]


def test_several_outputs() -> None:
    model = Layer(3, 4, activation="sigmoid", seed=1)
    program = compile(model, model, (3,))
    x, _ = samples()
    expected = eager(model, model, [x])
    assert program(x).shape == (4, 4)
    assert program.jacobian(x)[0].shape == (4, 4, 3)
    assert alike(program(x), expected.outputs, bound=1e-13)


def test_gradients_by_name() -> None:
    model, program = network()
    _, gradient = program.value_and_grad(*samples())
    named = program.gradients_by_name()
    assert list(named) == [name for name, _ in model.named_parameters()]
    assert list(named.values()) == gradient.tolist()


def test_gradients_by_name_without_a_model() -> None:
    program = compile(lambda x: x * x, inputs=(1,))
    assert program.value_and_grad([3.0])[1].tolist() == []
    assert program.gradients_by_name() == {}


# A function without arguments


def test_a_function_without_arguments_is_a_batch_of_one() -> None:
    model = Weights([2.0, 3.0])
    program = compile(lambda: model.weights[0] ** 2 * model.weights[1], model)
    assert program().tolist() == [[12.0]]
    value, gradient = program.value_and_grad()
    assert (value, gradient.tolist()) == (12.0, [12.0, 4.0])
    assert program.jacobian() == program.inputs_gradient() == []
    assert program.odd_rows([]).tolist() == []
    program.parameters[:] = 1.0, 5.0
    assert program.load().data == 5.0
    with pytest.raises(LengthError, match="0 arguments"):
        program([[1.0]])


def test_a_function_without_arguments_that_is_not_finite() -> None:
    model = Weights([0.0])
    program = compile(lambda: sg.sqrt(model.weights[0]), model)
    value, gradient = program.value_and_grad()
    assert (value, gradient.tolist()) == (0.0, [math.inf])


def test_a_function_without_arguments_draws_and_reads() -> None:
    model, scale = Sequential(Dropout(0.5, seed=1)), Value(3.0)
    one = Value(1.0)
    program = compile(lambda: model([one])[0] * scale, model)
    scale.data = 5.0
    assert {program().item() for _ in range(20)} == {0.0, 10.0}


# Copies


def remade(program: Any) -> dict[str, Any]:
    return {
        "pickled": pickle.loads(pickle.dumps(program)),
        "deep": copy.deepcopy(program),
        "flat": copy.copy(program),
    }


@pytest.mark.parametrize("way", ["pickled", "deep", "flat"])
def test_a_copy_of_a_program_says_the_same_and_has_numbers_of_its_own(way: str) -> None:
    _, program = network()
    program.parameters[:] *= 1.5
    x, y = samples()
    value, gradient = program.value_and_grad(x, y)
    twin = remade(program)[way]
    found = twin.value_and_grad(x, y)
    assert found[0] == value
    assert numpy.array_equal(found[1], gradient)
    assert numpy.array_equal(twin.jacobian(x, y)[0], program.jacobian(x, y)[0])
    assert (str(twin), twin.explain()) == (str(program), program.explain())
    assert twin.gradients_by_name() == program.gradients_by_name()
    twin.parameters[:] = 0.0
    assert program.value_and_grad(x, y)[0] == value


def test_a_deep_copy_of_a_program_has_a_model_of_its_own() -> None:
    model, program = network()
    before = model.state_dict()
    twin = copy.deepcopy(program)
    twin.parameters[:] = 7.0
    twin.write_back()
    assert set(twin.model.state_dict().values()) == {7.0}
    assert model.state_dict() == before
    x, y = samples()
    odd = x.copy()
    odd[0, 0] = math.nan
    assert math.isnan(twin.value_and_grad(odd, y)[0])
    assert twin.load(x[0], y[0]).data == pytest.approx(twin(x[:1], y[:1]).item(), rel=1e-13)


@pytest.mark.parametrize("way", ["pickled", "deep", "flat"])
def test_a_copy_draws_as_the_program_did(way: str) -> None:
    model = Sequential(Layer(3, 4, seed=1), Dropout(0.5, seed=2))
    program = compile(lambda x: sg.sum(model(x)), model, (3,))
    x, _ = samples(20)
    state = model.steps[1].generator.getstate()
    twin = remade(program)[way]
    expected = program(x)
    model.steps[1].generator.setstate(state)
    assert numpy.array_equal(twin(x), expected)


# Exchange with the model


def test_read_and_write_back() -> None:
    model, program = network()
    x, y = samples()
    before = program.value_and_grad(x, y)[0]
    program.parameters[:] *= 2.0
    assert program.value_and_grad(x, y)[0] != before
    with pytest.warns(StaleWarning, match="write_back"):
        expected = eager(lambda x, y: mse(model(x), y), model, [x, y]).loss
    assert program.value_and_grad(x, y)[0] != expected
    program.write_back()
    assert [parameter.data for parameter in model.parameters()] == program.parameters.tolist()
    assert program.value_and_grad(x, y)[0] == pytest.approx(
        eager(lambda x, y: mse(model(x), y), model, [x, y]).loss, rel=1e-13
    )
    for parameter in model.parameters():
        parameter.data /= 2.0
    program.read()
    assert program.value_and_grad(x, y)[0] == pytest.approx(before, rel=1e-13)


def test_two_programs_over_one_model_have_their_own_numbers() -> None:
    model, program = network()
    other = compile(lambda x: model(x), model, (3,))
    x, y = samples()
    before = other(x)
    program.parameters[:] = 0.0
    assert numpy.array_equal(other(x), before)
    program.write_back()
    with pytest.warns(StaleWarning, match="read"):
        assert numpy.array_equal(other(x), before)
    other.read()
    assert not other(x).any()
    assert program.value_and_grad(x, y)[0] == pytest.approx((y**2).mean(), rel=1e-14)


def test_a_model_changed_after_compiling_is_not_followed_until_it_is_read() -> None:
    model, program = network()
    x, y = samples()
    before = program.value_and_grad(x, y)[0]
    model.parameters()[0].data = 100.0
    with pytest.warns(StaleWarning, match="read"):
        assert program.value_and_grad(x, y)[0] == before
    program.read()
    assert program.value_and_grad(x, y)[0] != before


# One sample in the recorded graph


def pairs(program_output: Value, eager_output: Value) -> list[tuple[Value, Value]]:
    return list(zip(topological([program_output]), topological([eager_output]), strict=True))


def test_load_gives_every_value_its_number_and_gradient() -> None:
    model, program = network()
    x, y = samples()
    program.parameters[:] += 0.1
    for i in (0, 2):
        loss = program.load(x[i], y[i])
        assert isinstance(loss, Value)
        recorded = {id(node): (node.data, node.grad, node.partials) for node in topological([loss])}
        twin_x, twin_y = [Value(number) for number in x[i]], Value(y[i, 0])
        for parameter in model.parameters():
            parameter.grad = 0.0
        expected = mse(model(twin_x), twin_y)
        expected.backward()
        for mine, theirs in pairs(loss, expected):
            assert mine.op == theirs.op
            assert recorded[id(mine)] == (theirs.data, theirs.grad, theirs.partials)
        assert loss.data == pytest.approx(program(x[i : i + 1], y[i : i + 1])[0, 0], rel=1e-13)
    assert [parameter.data for parameter in model.parameters()] == program.parameters.tolist(), (
        "loading is a write_back, too"
    )


def test_load_then_draw() -> None:
    _, program = network()
    x, y = samples()
    loss = program.load(x[0], y[0])
    drawing = str(viz.draw(loss))
    assert viz.draw_dot(loss).source.startswith("digraph")
    assert drawing


def test_load_of_several_outputs() -> None:
    program = compile(lambda x: [x[0] * x[1], x[0] + x[1]], inputs=(2,))
    outputs = program.load([3.0, 4.0])
    assert isinstance(outputs, list)
    assert [value.data for value in outputs] == [12.0, 7.0]


def test_a_loaded_sample_can_be_gone_back_again() -> None:
    program = compile(lambda x: x[0] * x[1], inputs=(2,))
    product: Any = program.load([3.0, 4.0])
    x, y = product.args
    assert (x.grad, y.grad) == (4.0, 3.0)
    product.backward()
    assert (x.grad, y.grad) == (8.0, 6.0)


def test_load_draws_and_reads_as_a_call_does() -> None:
    model = Sequential(Layer(2, 3, activation=None, seed=1), Dropout(0.5, seed=2))
    program = compile(lambda x: sg.sum(model(x)), model, (2,))
    state = model.steps[1].generator.getstate()
    loaded: Any = program.load([1.0, 2.0])
    model.steps[1].generator.setstate(state)
    assert program([[1.0, 2.0]])[0, 0] == pytest.approx(loaded.data, rel=1e-13)


@pytest.mark.parametrize(
    "sample", [([1.0, 2.0], 3.0), ([1.0, 2.0, 3.0],), ([1.0, 2.0, 3.0], [1.0, 2.0])]
)
def test_load_refuses_other_shapes(sample: Any) -> None:
    _, program = network()
    with pytest.raises(LengthError):
        program.load(*sample)


@pytest.mark.parametrize("inputs", [(1,), [1], 1])
def test_lengths_in_the_place_of_the_model_are_told_by_name(inputs: Any) -> None:
    with pytest.raises(DataError, match=r"not \w+: .* by name, inputs=\W?1"):
        compile(lambda x: x, inputs)


def test_load_refuses_what_is_no_number() -> None:
    _, program = network()
    with pytest.raises(DataError, match="argument 1 must be an array of numbers"):
        program.load([1.0, 2.0, 3.0], "a")


# What it says of itself


@once
def test_one_kernel_is_one_kernel() -> None:
    program = compile(lambda x: x * 2.0, inputs=(1,))
    assert repr(program) == "<Compiled: 3 scalars as 1 kernel, 0 of them matrices>"
    assert program.explain() == "3 scalars recorded, 3 rows after all passes, 1 kernel\n  mul × 1"


@once
def test_explain_names_the_matrices() -> None:
    _, program = network()
    lines = program.explain().splitlines()
    assert lines[0].endswith(f"{len(lines) - 1} kernels")
    assert "scalars recorded" in lines[0]
    assert lines[1:] == [
        "  matrix 4×3 + bias",
        "  tanh × 4",
        "  matrix 1×4 + bias",
        "  sub, pow × 1",
    ]
    assert (
        repr(program)
        == f"<Compiled: {program.recorded_rows} scalars as 4 kernels, 2 of them matrices>"
    )


@once
def test_the_source_is_python_that_a_person_can_read() -> None:
    _, program = network()
    text = str(program)
    assert text.startswith("def loss(")
    assert "matmul" in text
    assert "tanh" in text
    swapped = compile(lambda x: [x[1], x[0]], inputs=(2,))
    assert str(swapped).startswith("def outputs(")


def test_one_sample_counts_whole_where_nothing_else_is_said() -> None:
    model = Layer(1, 1, None, seed=1)
    program = compile(lambda x: model([x])[0] * 3.0, model, inputs=(1,))
    loss, gradient = program._replay.loss(Leaves([5.0], [], [2.0, 1.0], []))
    assert (loss, gradient) == (33.0, [15.0, 3.0])


NETWORK = """
def loss(n, r, d, x0, x1, g_p):
    mv0 = x0
    v0 = matmul(mv0, w_0.T)
    v0 += w_1
    v1 = tanh(v0)
    mv2 = v1
    v2 = matmul(mv2, w_2.T)
    v2 += w_3
    v3_0 = (v2 - x1)
    v3 = square(v3_0)
    loss = total(v3, None) / n
    g3 = shares(n)
    g2 = (g3 * (2.0 * v3_0))
    outer_with_one(g2, mv2, g_p[16:21].reshape(1, 5))
    g1 = matmul(g2, w_4)
    g0 = (g1 * (1.0 - (v1 * v1)))
    outer_with_one(g0, mv0, g_p[0:16].reshape(4, 4))
    return loss, None, vdot(g_p, g_p)
"""


@once
def test_the_source_of_a_network_is_what_a_person_would_write() -> None:
    """Each layer is one product of matrices; nothing is copied, gathered or set to zero."""
    _, program = network()
    assert str(program).strip() == NETWORK.strip()


def test_a_function_of_its_own_loss_and_of_cross_entropy() -> None:
    model = Layer(3, 2, activation=None, seed=1)
    program = compile(lambda x: cross_entropy(model(x), 1), model, (3,))
    assert "logsumexp of 2 × 1" in program.explain()
    assert all(type(parameter) is Parameter for parameter in model.parameters())
