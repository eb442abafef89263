"""Tracing: what a replay could not repeat is refused, with the line and a remedy; everything else
is followed.
"""

import copy
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy
import pytest

import scalargrad as sg
from scalargrad import Buffer, Constant, Parameter, Value, detect_anomaly, no_grad
from scalargrad.compiler import compile, record, trace
from scalargrad.core.conversion import NumberLike
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE
from scalargrad.errors import DataError, OptionError, TraceError, UnlearnedWarning
from scalargrad.nn import MLP, BatchNorm, Dropout, Layer, LayerNorm, Module, Sequential


class Pair(Module):
    """Two parameters and a buffer."""

    def __init__(self, first: float = 2.0, second: float = -3.0) -> None:
        self.first, self.second, self.kept = Parameter(first), Parameter(second), Buffer(5.0)


def gone_back(x: Any) -> Any:
    y = x[0] * x[1]
    y.backward()
    return y


def all_gone_back(x: Any) -> Any:
    y = x[0] * x[1]
    sg.backward([y])
    return y


def with_graph(x: Any) -> Any:
    y = x[0] * x[1]
    y.backward(create_graph=True)
    return x[0].grad


def changed(x: Any) -> Any:
    x[0].data = 3.0
    return x[0]


def cut(x: Any) -> Any:
    with no_grad():
        y = x[0] * 2
    return x[1] * y


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "float": lambda x: x[0] * float(x[1]),
    "int": lambda x: x[0] * int(x[1]),
    "bool": lambda x: x[0] if x[1] else x[1],
    "not": lambda x: x[0] if not x[1] else x[1],
    "and": lambda x: x[0] and x[1],
    "less": lambda x: x[0] if x[1] < 0 else x[1],
    "at most": lambda x: x[0] if x[1] <= 0 else x[1],
    "more": lambda x: x[0] if x[1] > 0 else x[1],
    "at least": lambda x: x[0] if x[1] >= 0 else x[1],
    "number first": lambda x: x[0] if 0.0 < x[1] else x[1],  # noqa: SIM300
    "two values": lambda x: x[0] if x[0] < x[1] else x[1],
    "after an operation": lambda x: x[0] * (x[1] + 1).data,
    "numpy first": lambda x: x[0] if numpy.float64(0.0) < x[1] else x[1],
    "max": lambda x: max(x),
    "min": lambda x: min(x),
    "sorted": lambda x: sorted(x),
    ".data": lambda x: x[0] * x[1].data,
    ".grad": lambda x: x[0] * x[1].grad,
    ".partials": lambda x: x[0] * (x[1] * x[0]).partials[0],
    "item": lambda x: x[0] * x[1].item(),
    "detach": lambda x: x[0] * x[1].detach(),
    "setting .data": changed,
    "no_grad": cut,
    "backward": gone_back,
    "backward of several": all_gone_back,
    "backward with graph": with_graph,
    "numerical gradient": lambda x: x[0] * sg.numerical_gradient(lambda z: z * z, x[1]),
    "math.exp": lambda x: x[0] * math.exp(x[1]),
    "math.isclose": lambda x: x[0] if math.isclose(x[0], x[1]) else x[1],
    "math.trunc": lambda x: x[0] * math.trunc(x[1]),
    "math.fsum": lambda x: x[0] * math.fsum(x),
    "complex": lambda x: x[0] * complex(x[1]).real,
    "round to digits": lambda x: x[0] * round(x[1], 2),
    "format": lambda x: x[0] * float(f"{x[1]:.3f}"),
    "array of floats": lambda x: x[0] * float(numpy.array(x, dtype=float).sum()),
    "argmax": lambda x: x[int(numpy.argmax(numpy.array(x)))],
    "numpy.max": lambda x: numpy.max(numpy.array(x)),
    "copy": lambda x: x[0] * copy.copy(x[1]),
    "deepcopy": lambda x: x[0] * copy.deepcopy(x[1]),
    "pickle": lambda x: x[0] * pickle.loads(pickle.dumps(x[1])),
    "compile within": lambda x: (
        x[0] * compile(lambda y: y[0], inputs=(2,))(numpy.zeros((1, 2)))[0, 0]
    ),
}

every_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)


@every_question
def test_a_question_for_the_number_of_an_input_is_refused(question: Callable[[Any], Any]) -> None:
    with pytest.raises(
        TraceError, match=r"can't be recorded, at .*test_tracing\.py:\d+: .+"
    ) as caught:
        compile(question, inputs=(2,))
    assert len(str(caught.value).splitlines()) == 2, (
        "what was wrong and where, then what to do instead"
    )


@every_question
def test_a_question_for_the_number_of_a_parameter_is_refused(
    question: Callable[[Any], Any],
) -> None:
    model = Pair()
    with pytest.raises(TraceError):
        compile(lambda x: x[0] * question([model.first, model.second]), model, inputs=(2,))
    assert type(model.first) is type(model.second) is Parameter
    assert (model.first.data, model.second.data, model.first.grad, model.second.grad) == (
        2.0,
        -3.0,
        0.0,
        0.0,
    )


@pytest.mark.parametrize("kind", [Value, Constant, Buffer, Parameter])
@every_question
def test_a_question_for_the_number_of_a_value_from_outside_is_refused(
    question: Callable[[Any], Any], kind: type[Value]
) -> None:
    outside = [kind(2.0), kind(-3.0)]
    with pytest.raises(TraceError):
        compile(lambda x: x[0] * question(outside), inputs=(2,))
    assert [value.data for value in outside] == [2.0, -3.0]
    assert [value.grad for value in outside] == [0.0, 0.0]


def test_a_comparison_for_equality_with_a_number_is_refused() -> None:
    if "__eq__" not in {*vars(Value), *vars(NumberLike)}:
        pytest.skip("== of a Value is identity")
    for question in (
        lambda x: x[0] if x[1] == 1.0 else x[1],
        lambda x: x[0] if x[1] != 1.0 else x[1],
    ):
        with pytest.raises(TraceError, match="can't be recorded"):
            compile(question, inputs=(2,))


@pytest.mark.parametrize("name", ["detach", "no_grad"])
def test_what_stops_a_gradient_within_a_recording_is_named(name: str) -> None:
    with pytest.raises(TraceError, match=r"scalargrad\.stop_gradient\(x\)"):
        compile(QUESTIONS[name], inputs=(2,))


def test_an_operation_on_values_from_outside_in_no_grad_is_refused() -> None:
    outside = Value(2.0)

    def function(x: Any) -> Any:
        with no_grad():
            twice = outside * 2
        return x * twice

    with pytest.raises(TraceError, match=r"no_grad\(\) around an operation"):
        compile(function, inputs=(1,))


def test_after_a_recording_the_same_thread_may_ask_again() -> None:
    outside = Value(2.0)
    with pytest.raises(TraceError):
        compile(lambda x: x if outside > 1.0 else -x, inputs=(1,))
    assert outside > 1.0


def test_the_line_is_that_of_the_user_where_a_library_asked() -> None:
    with pytest.raises(TraceError, match=r"test_tracing\.py:\d+: compile\(lambda x: numpy\.max"):
        compile(lambda x: numpy.max(numpy.array(x)), inputs=(2,))


def test_the_remedy_is_said() -> None:
    with pytest.raises(TraceError, match="where"):
        compile(lambda x: x[0] if x[1] > 0 else x[1], inputs=(2,))


def test_the_text_of_a_traced_value_tells_no_number() -> None:
    texts: list[str] = []

    def function(x: Any) -> Any:
        y = x[0] * x[1]
        texts.extend([repr(x[0]), str(y), f"{y}"])
        return y

    compile(function, inputs=(2,))
    assert texts == [
        "<value x0 being recorded>",
        "<value mul being recorded>",
        "<value mul being recorded>",
    ]


def test_identity_and_hash_are_no_questions() -> None:
    program = compile(
        lambda x: {x[0]: x[1]}[x[0]] if x[0] == x[0] and x[0] != x[1] else x[0], inputs=(2,)
    )
    assert program([[1.0, 2.0]]).tolist() == [[2.0]]


def test_rounding_to_a_whole_number_stays_in_the_graph() -> None:
    program = compile(
        lambda x: [
            round(x[0]),
            math.floor(x[1]),
            math.ceil(x[1]),
            +x[0],
            -x[0],
            abs(x[1]),
            x[0] // x[1],
        ],
        inputs=(2,),
    )
    assert program([[2.6, -1.4]]).tolist() == [[3.0, -2.0, -1.0, 2.6, -2.6, 1.4, -2.0]]


def test_numpy_on_arrays_of_values_is_followed() -> None:
    weights = numpy.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    program = compile(lambda x: list(numpy.tanh(weights @ numpy.array(x))), inputs=(2,))
    data = numpy.array([[0.1, -0.2], [0.3, 0.05]])
    numpy.testing.assert_allclose(program(data), numpy.tanh(data @ weights.T), rtol=1e-14)


def test_where_asks_within_the_graph() -> None:
    program = compile(lambda x: sg.where(sg.step(x[0]), x[1] * 2, x[1] * 3), inputs=(2,))
    assert program([[1.0, 5.0], [-1.0, 5.0]]).tolist() == [[10.0], [15.0]]
    gradient = program.inputs_gradient([[1.0, 5.0], [-1.0, 5.0]])[0]
    assert gradient.tolist() == [[0.0, 2.0], [0.0, 3.0]]


# Afterwards everything is as it was


def test_parameters_are_ordinary_again() -> None:
    model = MLP(2, [3, 1], seed=1)
    compile(model, model, inputs=(2,))
    assert {type(parameter) for parameter in model.parameters()} == {Parameter}
    assert model.parameters()[0].data > -9.0
    assert copy.deepcopy(model).state_dict() == model.state_dict()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_parameters_are_ordinary_again_after_an_exception(error: type[BaseException]) -> None:
    model, made = Pair(), list[Any]()

    def function(x: Any) -> Any:
        made.extend([x[0], x[0] * model.first])
        raise error

    with pytest.raises(error):
        compile(function, model, inputs=(2,))
    assert type(model.first) is Parameter
    assert [type(node) for node in made] == [Value, Value]
    assert float(made[1]) == 2.0


def test_a_parameter_given_twice_is_ordinary_again() -> None:
    parameter = Parameter(1.0)
    trace(lambda x: x[0] * parameter, [2], [parameter, parameter])
    assert type(parameter) is Parameter


def test_a_derived_parameter_is_traced_as_one() -> None:
    class Weight(Parameter):
        __slots__ = ()

    model = Pair()
    model.first = Weight(4.0)
    program = compile(lambda x: x[0] * model.first, model, inputs=(2,))
    assert program.value_and_grad([[3.0, 0.0]])[0] == 12.0
    assert type(model.first) is Weight
    with pytest.raises(TraceError):
        compile(lambda x: x[0] * model.first.data, model, inputs=(2,))


def test_gradients_survive_a_trace() -> None:
    model = Pair()
    model.first.grad, model.second.grad = 7.0, None  # None is one way to clear a gradient
    compile(lambda x: x[0] * model.first * model.second, model, inputs=(2,))
    assert (model.first.grad, model.second.grad) == (7.0, None)


def test_nothing_is_written_to_a_value_of_the_user_by_a_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, outside, written = Pair(), Value(3.0), list[str]()
    watched = {id(model.first), id(model.second), id(outside)}

    def note(self: Value, name: str, thing: Any) -> None:
        if id(self) in watched:
            written.append(name)
        object.__setattr__(self, name, thing)

    monkeypatch.setattr(Value, "__setattr__", note, raising=False)
    compile(lambda x: x[0] * model.first + model.second * outside, model, inputs=(2,))
    assert written == []


def test_a_trace_draws_from_no_generator_of_the_model() -> None:
    model = Sequential(Layer(2, 3, seed=1), Dropout(0.5, seed=1))
    before = model.steps[1].generator.getstate()
    drawn: list[Any] = []

    def function(x: Any) -> Any:
        result = model(x)
        drawn.append(model.steps[1].generator.getstate())
        return result

    compile(function, model, inputs=(2,))
    assert drawn == [before]


def test_other_threads_may_ask() -> None:
    model, answers = Pair(), list[Any]()

    def ask() -> None:
        answers.extend(
            [model.first.data, float(model.first), model.first > 0, (model.first * 2).item()]
        )

    def function(x: Any) -> Any:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return x[0] * model.first

    compile(function, model, inputs=(2,))
    assert answers == [2.0, 2.0, True, 4.0]


def test_a_trace_in_no_grad_is_refused() -> None:
    with no_grad(), pytest.raises(TraceError, match="no_grad"):
        compile(lambda x: x[0] * x[1], inputs=(2,))


def test_a_trace_within_detect_anomaly() -> None:
    with detect_anomaly():
        program = compile(lambda x: x[0] * x[1], inputs=(2,))
    assert program([[2.0, 3.0]]).tolist() == [[6.0]]


# What belongs to the graph, and what does not


def test_a_value_of_an_unknown_operation_is_refused() -> None:
    with pytest.raises(TraceError, match=r"magic was made by hand"):
        compile(lambda x: Value(3.0, (x[0],), "magic", partials=(1.0,)), inputs=(2,))


def test_a_value_with_the_wrong_number_of_operands_is_refused() -> None:
    with pytest.raises(TraceError, match=r"made by hand"):
        compile(lambda x: Value(3.0, (x[0],), "mul", partials=(1.0,)), inputs=(2,))


def test_a_hook_is_refused() -> None:
    def function(x: Any) -> Any:
        y = x[0] * 2
        y.register_hook(lambda gradient: gradient / 2)
        return y

    with pytest.raises(TraceError, match=r"mul has a gradient hook"):
        compile(function, inputs=(2,))


def test_a_hook_of_a_parameter_is_refused_until_it_is_removed() -> None:
    model = Pair()
    handle = model.first.register_hook(lambda gradient: gradient / 2)
    with pytest.raises(TraceError, match="gradient hook"):
        compile(lambda x: x[0] * model.first, model, inputs=(2,))
    handle.remove()
    compile(lambda x: x[0] * model.first, model, inputs=(2,))


def test_the_hook_of_a_step_only_looks() -> None:
    model = MLP(2, [2, 1], activation="step", seed=1)
    assert compile(model, model, inputs=(2,))([[0.5, 1.0]]).tolist() == [[model([0.5, 1.0]).data]]


def test_values_computed_from_parameters_before_the_trace_follow_them() -> None:
    model = Pair()
    product = model.first * model.second
    program = compile(lambda x: x[0] * product, model, inputs=(2,))
    assert program.value_and_grad([[1.0, 0.0]])[0] == -6.0
    program.parameters[:] = 4.0, 5.0
    loss, gradient = program.value_and_grad([[1.0, 0.0]])
    assert (loss, gradient.tolist()) == (20.0, [5.0, 4.0])
    assert product.data == -6.0


def test_a_captured_value_is_read_again_at_each_run() -> None:
    scale = Value(2.0)
    program = compile(lambda x: x * scale, inputs=(1,))
    assert program([[3.0]]).tolist() == [[6.0]]
    scale.data = 10.0
    assert program([[3.0]]).tolist() == [[30.0]]


def test_a_parameter_of_another_model_is_read_again_and_not_learned() -> None:
    mine, other = Pair(), Pair(10.0)
    with pytest.warns(UnlearnedWarning):
        program = compile(lambda x: x * mine.first * other.first, mine, inputs=(1,))
    assert program.value_and_grad([[1.0]])[1].tolist() == [10.0, 0.0]
    other.first.data = -1.0
    assert program.value_and_grad([[1.0]])[1].tolist() == [-1.0, 0.0]


def test_buffers_are_read_again() -> None:
    model = Pair()
    program = compile(lambda x: x * model.kept + model.first, model, inputs=(1,))
    assert program([[1.0]]).tolist() == [[7.0]]
    model.kept.data = -1.0
    assert program([[1.0]]).tolist() == [[1.0]]


def test_a_constant_is_a_number_of_the_program() -> None:
    three = Constant(3.0)
    program = compile(lambda x: x * three + 4, inputs=(1,))
    assert program([[2.0]]).tolist() == [[10.0]]


def test_settings_are_kept() -> None:
    def function(x: Any) -> Any:
        return [
            x[0] ** 2,
            x[0] ** -0.5,
            sg.clamp(x[1], -0.25, 0.25),
            x[1].leaky_relu(0.3),
            x[1].leaky_relu(),
            sg.elu(x[1], alpha=2.0),
        ]

    found = compile(function, inputs=(2,))([[4.0, -2.0]])
    expected = [16.0, 0.5, -0.25, -0.6, -0.02, 2.0 * math.expm1(-2.0)]
    numpy.testing.assert_allclose(found, [expected], rtol=1e-15)


def test_settings_of_both_signs_of_zero_are_two() -> None:
    program = compile(
        lambda x: [1 / sg.clamp(x, 0.0, 1.0), 1 / sg.clamp(x, -0.0, 1.0)], inputs=(1,)
    )
    assert program([[-5.0]]).tolist() == [[math.inf, -math.inf]]


def test_more_settings_than_fit_a_small_integer() -> None:
    program = record(
        trace(lambda x: apply(TABLE["sum"], *[x ** (1.0 + i / 40000) for i in range(40000)]), [1])
    )
    assert program.verify().evaluate([1.0], []) == [40000.0]


def test_outputs_may_be_leaves_and_may_be_the_same() -> None:
    model, seven = Pair(), Constant(7.0)
    y = model.first * model.second
    program = compile(
        lambda x: [x[1], model.second, seven, x[1], model.kept, y], model, inputs=(2,)
    )
    assert program([[1.0, 2.0], [3.0, 4.0]]).tolist() == [
        [2.0, -3.0, 7.0, 2.0, 5.0, -6.0],
        [4.0, -3.0, 7.0, 4.0, 5.0, -6.0],
    ]
    jacobian = program.jacobian([[1.0, 2.0]])[0]
    assert jacobian.tolist() == [[[0, 1], [0, 0], [0, 0], [0, 1], [0, 0], [0, 0]]]


@pytest.mark.parametrize("leaf", ["input", "parameter", "constant", "buffer", "fixed"])
def test_a_loss_may_be_a_leaf_or_the_same_for_all(leaf: str) -> None:
    model = Pair()
    outputs = {
        "parameter": model.second,
        "constant": Constant(4.0),
        "buffer": model.kept,
        "fixed": model.first * model.second,
    }
    program = compile(lambda x: outputs.get(leaf, x[1]), model, inputs=(2,))
    loss, gradient = program.value_and_grad([[1.0, 2.0], [1.0, 6.0]])
    assert (
        loss
        == {"input": 4.0, "parameter": -3.0, "constant": 4.0, "buffer": 5.0, "fixed": -6.0}[leaf]
    )
    assert gradient.tolist() == {"parameter": [0.0, 1.0], "fixed": [-3.0, 2.0]}.get(
        leaf, [0.0, 0.0]
    )
    expected = [[0.0, 1.0], [0.0, 1.0]] if leaf == "input" else [[0.0, 0.0], [0.0, 0.0]]
    assert program.inputs_gradient([[1.0, 2.0], [1.0, 6.0]])[0].tolist() == expected


def test_unused_parameters_and_inputs_have_gradient_zero() -> None:
    model = Pair()
    program = compile(lambda _, y: y[0] * model.second, model, inputs=(3, 2))
    assert program.value_and_grad(numpy.ones((4, 3)), numpy.ones((4, 2)))[1].tolist() == [0.0, 1.0]
    unused, used = program.inputs_gradient(numpy.ones((1, 3)), numpy.ones((1, 2)))
    assert (unused.tolist(), used.tolist()) == ([[0.0, 0.0, 0.0]], [[-3.0, 0.0]])


def test_a_parameter_in_several_places() -> None:
    model = Pair()
    program = compile(
        lambda x: x[0] * model.first + sg.exp(model.first) + model.first**2 * x[1],
        model,
        inputs=(2,),
    )
    assert program.value_and_grad([[3.0, 5.0]])[1].tolist() == [
        pytest.approx(3.0 + math.exp(2.0) + 20.0, rel=1e-15),
        0.0,
    ]


# Batch normalization


def test_batch_normalization_in_training_says_what_to_use() -> None:
    model = Sequential(Layer(2, 3, seed=1), BatchNorm(3), Layer(3, 1, seed=2))
    with pytest.raises(
        TraceError, match=r"BatchNorm takes statistics of a batch.*LayerNorm, or model\.eval\(\)"
    ):
        compile(lambda x: model(x)[0], model, inputs=(2,))


def test_batch_normalization_in_evaluation_follows_its_buffers() -> None:
    model = Sequential(Layer(2, 3, seed=1), BatchNorm(3), Layer(3, 1, seed=2))
    model.eval()
    program = compile(lambda x: model(x)[0], model, inputs=(2,))
    for mean in (0.0, 0.7):
        model.steps[1].mean[0].data = mean
        assert program([[0.5, -1.0]])[0, 0] == pytest.approx(model([0.5, -1.0])[0].data, rel=1e-14)


def test_layer_normalization_in_training_is_recorded() -> None:
    model = Sequential(Layer(2, 3, seed=1), LayerNorm(3), Layer(3, 1, seed=2))
    program = compile(lambda x: model(x)[0], model, inputs=(2,))
    assert program([[0.5, -1.0]])[0, 0] == pytest.approx(model([0.5, -1.0])[0].data, rel=1e-14)


# What is no function of Values


@pytest.mark.parametrize("inputs", [(0,), (2, -1), (2.0,), (True,), "ab", 2.5, None])
def test_impossible_sizes_are_refused(inputs: Any) -> None:
    with pytest.raises(OptionError, match="inputs must be the length of each argument"):
        compile(lambda *x: x[0], inputs=inputs)


@pytest.mark.parametrize("inputs", [(), (2, 1), (1, 1, 1)])
def test_other_sizes_than_the_function_has_arguments_are_refused(inputs: Any) -> None:
    with pytest.raises(
        OptionError, match=rf"the function takes \(x\), and inputs has {len(inputs)}"
    ):
        compile(lambda x: x, inputs=inputs)


@pytest.mark.parametrize("result", [None, "text", 3.0, [], {}, [3.0], iter([])])
def test_what_is_no_value_is_refused(result: Any) -> None:
    with pytest.raises(
        DataError, match=r"what a compiled function returns|a compiled function must return"
    ):
        compile(lambda _: result, inputs=(2,))


def test_what_is_no_function_model_or_backend() -> None:
    with pytest.raises(DataError, match="takes a function"):
        compile(3, inputs=(2,))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="must be a Module"):
        compile(lambda x: x[0], model=3.5, inputs=(2,))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="backend"):
        compile(lambda x: x[0], inputs=(2,), backend="cuda")


def test_labels_and_sizes_of_a_recording() -> None:
    recording = trace(lambda x, y: [x[0], y], [2, 1])
    assert [[value.label for value in each] for each in recording.inputs] == [["x0", "x1"], ["y"]]
    assert recording.structure == [0, 1]
    assert trace(lambda x: x, [1]).structure == 0


# What is meant to learn and can't


NOT_OWNED = {
    "of another model": (Pair(), "which the model does not own"),
    "without a model": (None, "but compile was given no model"),
}


@pytest.mark.parametrize(("model", "why"), NOT_OWNED.values(), ids=NOT_OWNED)
def test_a_parameter_that_the_model_does_not_own_is_named(model: Any, why: str) -> None:
    outside = Parameter(2.0, label="k")
    with pytest.warns(
        UnlearnedWarning, match=rf"uses Parameter k \(2\), {why}.*attribute of the Module"
    ):
        program = compile(lambda x: x * outside, model, inputs=(1,))
    outside.data = 5.0
    assert program([[1.0]]).tolist() == [[5.0]]


def test_many_parameters_that_the_model_does_not_own_are_counted() -> None:
    network = MLP(2, [3, 1], seed=1)
    with pytest.warns(UnlearnedWarning, match=r"and 8 more, but compile was given no model"):
        compile(network, inputs=(2,))


def test_as_many_parameters_as_are_named_are_not_counted() -> None:
    outside = [Parameter(2.0, label=name) for name in "abcde"]
    with pytest.warns(
        UnlearnedWarning, match=r"Parameter a \(2\), .*Parameter d \(2\), Parameter e \(2\), but"
    ):
        compile(lambda x: x * sum(outside), inputs=(1,))


def test_the_warning_points_at_the_line_of_the_user() -> None:
    outside = Parameter(2.0)
    with pytest.warns(UnlearnedWarning) as caught:
        compile(lambda x: x * outside, inputs=(1,))
    assert caught[0].filename == __file__


def test_what_shall_not_learn_is_used_without_a_word() -> None:
    frozen = Parameter(2.0)
    frozen.trainable = False
    kept, plain = Buffer(3.0), Value(4.0)
    program = compile(lambda x: x * frozen * kept * plain, inputs=(1,))
    assert program([[1.0]]).tolist() == [[24.0]]


def test_after_25_arguments_their_letters_begin_again() -> None:
    recording = trace(lambda *x: sg.sum(x), [1] * 26)
    assert [each[0].label for each in recording.inputs[-2:]] == ["w", "x"]
