"""What a function returns: a Value, lists, and nests of them come back as arrays in that nest."""

import copy
import pickle
from collections import OrderedDict, namedtuple
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.compiler import compile
from scalargrad.errors import DataError, LengthError
from scalargrad.nn import MLP
from tests.compiler.backends import on_every_backend, once
from tests.compiler.graphs import Weights

pytestmark = pytest.mark.usefixtures("default_backend")

X = numpy.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
Pair = namedtuple("Pair", "low high")


def run(function: Any) -> Any:
    return compile(function, inputs=(2,))(X)


@on_every_backend
def test_lists_of_equal_lengths_are_one_array() -> None:
    found = run(lambda x: [[x[0], x[1], x[0]], [x[1], x[1], x[0] * x[1]]])
    assert found.shape == (3, 2, 3)
    assert found[1].tolist() == [[3.0, 4.0, 3.0], [4.0, 4.0, 12.0]]


def test_a_value_and_a_flat_list_are_matrices() -> None:
    assert run(lambda x: x[0]).tolist() == [[1.0], [3.0], [5.0]]
    assert run(lambda x: [x[0]]).tolist() == [[1.0], [3.0], [5.0]]
    assert run(lambda x: [x[1], x[0]]).tolist() == X[:, ::-1].tolist()


def test_a_list_in_a_list_keeps_both() -> None:
    assert run(lambda x: [[x[0]]]).shape == (3, 1, 1)


def test_a_tuple_has_an_array_at_each_entry() -> None:
    first, second = run(lambda x: (x[0], [x[1], x[0]]))
    assert first.tolist() == [1.0, 3.0, 5.0]
    assert second.tolist() == X[:, ::-1].tolist()


def test_named_tuples_and_dicts_keep_their_types_and_keys() -> None:
    found = run(lambda x: OrderedDict(loss=x[0], parts=Pair(x[1], [x[0], None])))
    assert type(found) is OrderedDict
    assert found["loss"].tolist() == [1.0, 3.0, 5.0]
    assert found["parts"].low.tolist() == [2.0, 4.0, 6.0]
    assert found["parts"].high[0].tolist() == [1.0, 3.0, 5.0]
    assert found["parts"].high[1] is None


def test_lists_of_several_lengths_stay_lists() -> None:
    first, second = run(lambda x: [[x[0]], [x[1], x[0]]])
    assert (first.shape, second.shape) == ((3, 1), (3, 2))


def test_an_array_of_values_counts_as_lists() -> None:
    found = run(lambda x: numpy.array([[x[0], x[1]], [x[1], x[0]]]))
    assert found[0].tolist() == [[1.0, 2.0], [2.0, 1.0]]


nests = st.recursive(
    st.integers(0, 1), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=12
)


@once
@given(nests)
def test_any_nest_of_lists_holds_the_numbers_of_each_sample(nest: Any) -> None:
    def build(part: Any, leaves: Any) -> Any:
        return [build(each, leaves) for each in part] if isinstance(part, list) else leaves[part]

    def of_sample(part: Any, i: int) -> Any:
        return [of_sample(each, i) for each in part] if isinstance(part, list) else part[i].tolist()

    found = run(lambda x: build(nest, x))
    for i, row in enumerate(X.tolist()):
        expected = build(nest, row)
        assert of_sample(found, i) == ([expected] if isinstance(nest, int) else expected)


@pytest.mark.parametrize("result", [[], {}, ([], {}), [None], {"a": []}], ids=repr)
def test_a_nest_without_values_is_refused(result: Any) -> None:
    with pytest.raises(DataError, match=f"not a {type(result).__name__} without Values"):
        run(lambda _: result)


def test_plain_numbers_in_a_nest_are_refused() -> None:
    with pytest.raises(DataError, match=r"must be Values, not float 1\.0"):
        run(lambda x: {"loss": x[0], "rate": 1.0})


def test_the_jacobian_lists_the_outputs_in_order() -> None:
    program = compile(lambda x: {"a": x[0] * x[1], "b": [x[1], x[0]]}, inputs=(2,))
    assert program.jacobian([[3.0, 5.0]])[0].tolist() == [[[5.0, 3.0], [0.0, 1.0], [1.0, 0.0]]]
    with pytest.raises(LengthError, match="one output"):
        program.value_and_grad(X)


def test_samples_that_are_not_finite_are_those_of_eager_code() -> None:
    program = compile(lambda x: (sg.sqrt(x[0]) * x[1], [x[1]]), inputs=(2,))
    first, _ = program([[0.0, float("inf")], [4.0, 1.0]])
    assert numpy.isnan(first[0])
    assert first[1] == 2.0


def test_copies_and_pickles_return_the_same_nest() -> None:
    program = compile(lambda x: {"a": x[0], "b": (x[1], x[0])}, inputs=(2,))
    for twin in (copy.copy(program), copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        assert repr(twin(X)) == repr(program(X))


def test_a_loaded_sample_is_nested_as_the_function_nests_it() -> None:
    loaded = compile(lambda x: {"a": x[0] * 2, "b": ([x[1]],)}, inputs=(2,)).load([3.0, 4.0])
    assert loaded["a"].data == 6.0
    assert loaded["b"][0][0].data == 4.0
    assert isinstance(loaded["a"], Value)


@once
def test_the_pure_outputs_of_jax_come_in_one_list() -> None:
    pytest.importorskip("jax")
    program = compile(lambda x: (x[0], [x[1], x[0]]), inputs=(2,), backend="jax")
    assert program.pure_outputs(program.parameters, X).shape == (3, 3)


# Functions without arguments


@on_every_backend
def test_a_function_without_arguments() -> None:
    model = Weights([2.0, 3.0])
    first, second = model.weights
    program = compile(lambda: first**2 * second, model, inputs=())
    for twin in (program, copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        loss, gradient = twin.value_and_grad()
        assert (loss, gradient.tolist()) == (12.0, [12.0, 4.0])
        assert twin().tolist() == [[12.0]]
        assert twin.jacobian() == []
        assert twin.odd_rows([]).tolist() == []
    assert program.load().data == 12.0
    nest = compile(lambda: {"a": first, "b": [[first, second]]}, model)()
    assert (nest["a"].tolist(), nest["b"].tolist()) == ([2.0], [[[2.0, 3.0]]])


@once
def test_the_pure_function_of_jax_without_arguments() -> None:
    jax = pytest.importorskip("jax")
    model = Weights([2.0, 3.0])
    program = compile(lambda: model.weights[0] ** 2 * model.weights[1], model, backend="jax")
    gradient = jax.jit(jax.grad(program.pure))(program.parameters)
    assert gradient.tolist() == [12.0, 4.0]
    assert program.pure_outputs(program.parameters).tolist() == [[12.0]]


def test_arguments_that_are_not_declared_are_named() -> None:
    with pytest.raises(ValueError, match=r"function takes \(x, y\), and inputs has 0.*\(2, 1\)"):
        compile(lambda x, y: x * y)
    model = MLP(2, [1])
    with pytest.raises(ValueError, match=r"function takes \(x\), and inputs has 0"):
        compile(model, model)
