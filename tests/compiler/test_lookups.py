"""Integer inputs and look-ups: a gather computes what eager code does with plain indices."""

import copy
import pickle
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Buffer, Parameter, Value
from scalargrad.compiler import compile, record, trace
from scalargrad.compiler.kernels import Gather
from scalargrad.compiler.lookups import scatter_by_sample, scatter_rows
from scalargrad.compiler.passes import PASSES
from scalargrad.errors import DataError, OptionError, TraceError
from scalargrad.losses import cross_entropy, mse
from scalargrad.nn import (
    MLP,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    LSTMCell,
    Module,
    Recurrent,
    Sequential,
)
from tests.compiler.backends import on_every_backend, once
from tests.compiler.graphs import Kitchen, Weights, follow, recipe_of
from tests.compiler.referee import alike

pytestmark = pytest.mark.usefixtures("default_backend")


def eager(
    function: Callable[..., Any], model: Module, arguments: Sequence[list[Any]]
) -> tuple[list[float], list[float]]:
    """The output of each sample, and the gradient of their mean; integers stay integers."""
    model.zero_grad()
    outputs = []
    for sample in zip(*arguments, strict=True):
        output = function(*sample)
        output.backward(gradient=1.0 / len(arguments[0]))
        outputs.append(output.data)
    return outputs, [parameter.grad for parameter in model.parameters()]


def agrees(
    function: Callable[..., Any],
    model: Module,
    inputs: Sequence[Any],
    arguments: Sequence[list[Any]],
) -> bool:
    program = compile(function, model, inputs=inputs)
    outputs, slopes = eager(function, model, arguments)
    _, gradient = program.value_and_grad(*arguments)
    return alike(program(*arguments)[:, 0], outputs, 1.0, 1e-11) and alike(
        gradient, slopes, 1.0, 1e-11
    )


def tokens(count: int, *shape: int, seed: int = 0) -> list[Any]:
    rng = numpy.random.default_rng(seed)
    found: list[Any] = rng.integers(0, count, shape).tolist()
    return found


def gathers(program: Any) -> list[str]:
    return [str(kernel) for kernel in program.kernels if isinstance(kernel, Gather)]


# What is computed


class Names(Module):
    """Three letters, an embedding, a layer, and a score for each letter."""

    def __init__(self, letters: int = 6) -> None:
        self.steps = Sequential(
            Embedding(letters, 3, seed=1),
            Flatten(),
            Layer(9, 5, activation="tanh", seed=2),
            Layer(5, letters, activation=None, seed=3),
        )

    def forward(self, x: Any) -> Any:
        return self.steps(x)


@on_every_backend
def test_an_embedding_is_one_gather_at_all_its_places() -> None:
    model = Names()
    rows = numpy.eye(6)[tokens(6, 7, seed=1)].tolist()
    assert agrees(
        lambda x, y: cross_entropy(model(x), y),
        model,
        [("token", 3), 6],
        [tokens(6, 7, 3), rows],
    )
    program = compile(model, model, inputs=[("token", 3)], backend="numpy")
    assert gathers(program) == ["gather 6×3 at 3 places"]
    assert "gather 6×3 at 3 places" in program.explain()
    assert "look_up" in str(program)


@once
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_tables_at_random_indices(data: Any) -> None:
    count = data.draw(st.integers(1, 6))
    width = data.draw(st.integers(1, 3))
    places = data.draw(st.integers(1, 4))
    number = st.floats(-3.0, 3.0)
    weights = data.draw(st.lists(number, min_size=count * width, max_size=count * width))
    index = st.lists(st.integers(0, count - 1), min_size=places, max_size=places)
    batch = data.draw(st.lists(index, min_size=1, max_size=5))
    model = Weights(weights)
    table = [model.weights[i * width : (i + 1) * width] for i in range(count)]

    def function(x: Any) -> Value:
        taken = sg.take(table, x if isinstance(x, list) else [x])
        total: Value = sg.sum([sg.sin(x + i) for i, row in enumerate(taken) for x in row])
        return total

    assert agrees(function, model, [("token", places)], [batch])


def test_the_gradient_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    table = Embedding(5, 3, seed=1)
    batch = tokens(5, 8, 4)
    program = compile(
        lambda x: sg.mean([y * y * y for row in table(x) for y in row]), table, [("token", 4)]
    )
    loss, gradient = program.value_and_grad(batch)

    weight = torch.tensor(
        [[x.data for x in row] for row in table.vectors], dtype=torch.float64, requires_grad=True
    )
    expected = (torch.nn.functional.embedding(torch.tensor(batch), weight) ** 3).mean()
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert alike(gradient, weight.grad.ravel())


def test_embeddings_added_joined_and_used_twice_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    letters, places, kinds = (Embedding(n, k, seed=n) for n, k in ((5, 4), (3, 4), (2, 3)))
    model = Sequential(letters, places, kinds)

    def score(x: Any, kind: Any) -> Value:
        added = [
            [a + b for a, b in zip(*pair, strict=True)]
            for pair in zip(letters(x), places([0, 1, 2]), strict=True)
        ]
        joined = [y for row in added for y in row] + kinds(kind)
        hidden = [sg.tanh(sg.sum(joined[i::4])) for i in range(4)]
        return sg.logsumexp([sg.dot(hidden, row) for row in letters.vectors])

    batch, kind = tokens(5, 6, 3), tokens(2, 6, seed=1)
    program = compile(score, model, inputs=[("token", 3), "token"])
    loss, gradient = program.value_and_grad(batch, kind)

    def weight(table: Embedding) -> Any:
        numbers = [[x.data for x in row] for row in table.vectors]
        return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)

    first, second, third = map(weight, (letters, places, kinds))
    look_up = torch.nn.functional.embedding
    added = look_up(torch.tensor(batch), first) + second
    joined = torch.cat([added.flatten(1), look_up(torch.tensor(kind), third)], dim=1)
    hidden = torch.stack([torch.tanh(joined[:, i::4].sum(1)) for i in range(4)], dim=1)
    expected = torch.logsumexp(hidden @ first.T, 1).mean()
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    slopes = [number for each in (first, second, third) for number in each.grad.ravel().tolist()]
    assert alike(gradient, slopes)


class Positions(Module):
    """Embeddings of letters and of their positions, added; the letters' own table gives scores."""

    def __init__(self) -> None:
        self.letters, self.positions = Embedding(5, 4, seed=1), Embedding(3, 4, seed=2)
        self.norm = LayerNorm(4)

    def forward(self, x: Any) -> Any:
        places = self.positions([0, 1, 2])
        rows = [
            self.norm([a + b for a, b in zip(*pair, strict=True)])
            for pair in zip(self.letters(x), places, strict=True)
        ]
        mean = [sg.mean(column) for column in zip(*rows, strict=True)]
        return sg.logsumexp([sg.dot(mean, row) for row in self.letters.vectors])


@on_every_backend
def test_embeddings_of_positions_are_added_and_the_table_is_used_again() -> None:
    model = Positions()
    assert agrees(model, model, [("token", 3)], [tokens(5, 6, 3)])


def test_two_embeddings_of_several_arguments() -> None:
    first, second = Embedding(4, 2, seed=1), Embedding(3, 2, seed=2)
    model = Module()
    model.first, model.second = first, second  # type: ignore[assignment]

    def function(a: Any, b: Any, x: Any) -> Value:
        joined = [*first(a), *second(b), *first(b), *first(a), x]
        total: Value = sg.sum([sg.tanh(joined[i] * joined[i - 1]) for i in range(len(joined))])
        return total

    arguments = [tokens(4, 6), tokens(3, 6), [0.5, -1.0, 2.0, 0.0, 1.5, 3.0]]
    assert agrees(function, model, ["token", "token", 1], arguments)


def test_a_recurrent_network_over_letters() -> None:
    model = Sequential(Embedding(4, 2, seed=1), Recurrent(LSTMCell(2, 3, seed=2)), Flatten())
    assert agrees(lambda x: sg.mean(model(x)), model, [("token", 3)], [tokens(4, 5, 3)])


@on_every_backend
def test_a_table_that_each_sample_computes() -> None:
    model = Weights([0.5, -1.5, 2.0])

    def function(x: Any, i: Any) -> Value:
        table = [[w * x, sg.sin(x + w)] for w in model.weights]
        taken = sg.take(table, i)
        total: Value = sg.sum([taken[0][0] * taken[1][1], taken[1][0], x])
        return total

    x = [0.3, -0.7, 1.1, 2.0]
    arguments = [x, [[0, 1], [2, 2], [1, 1], [0, 2]]]
    assert agrees(function, model, [1, ("token", 2)], arguments)


def test_the_jacobian_of_a_table_that_each_sample_computes() -> None:
    program = compile(lambda x, i: sg.take([x[0], x[1] * 2.0, x[0] * x[1]], i), inputs=(2, "token"))
    by_x, by_index = program.jacobian([[3.0, 5.0]] * 3, [0, 1, 2])
    assert by_x[:, 0].tolist() == [[1.0, 0.0], [0.0, 2.0], [5.0, 3.0]]
    assert not by_index.any()


@once
def test_nothing_is_computed_for_a_gradient_by_an_index() -> None:
    model = Names()
    program = compile(lambda x: sg.logsumexp(model(x)), model, inputs=[("token", 3)])
    (by_index,) = program.jacobian([[1, 2, 3]])
    assert by_index.tolist() == [[[0.0, 0.0, 0.0]]]
    assert "matmul(g" not in program._backend.render("pull_back")


def test_a_table_of_plain_numbers() -> None:
    primes = numpy.array([2.0, 3.0, 5.0, 7.0])
    weight = Weights([1.5])
    assert agrees(
        lambda x: sg.take(primes, x) * weight.weights[0], weight, ["token"], [[3, 0, 0, 2]]
    )


def test_a_table_of_all_sorts() -> None:
    model, kept = Weights([1.5, -0.5]), Buffer(4.0)
    first, second = model.weights
    table = [[first, 2.0], [kept, first], [second, second * first], [0.0, second]]

    def function(x: Any) -> Value:
        total: Value = sg.sum([a * b for a, b in sg.take(table, x)])
        return total

    batch = tokens(4, 9, 2)
    assert agrees(function, model, [("token", 2)], [batch])
    kept.data = 5.0
    assert agrees(function, model, [("token", 2)], [batch])


def test_rows_of_lists_of_lists() -> None:
    model = Weights([float(i) for i in range(8)])
    w = model.weights
    table = [[[w[0], w[1]], [w[2], w[3]]], [[w[4], w[5]], [w[6], w[7]]]]
    program = compile(lambda x: sg.take(table, x), model, inputs=("token",))
    assert program([1, 0]).tolist() == [[[4.0, 5.0], [6.0, 7.0]], [[0.0, 1.0], [2.0, 3.0]]]


@on_every_backend
def test_an_index_may_be_computed() -> None:
    model = Weights([0.25 * i * i for i in range(12)])
    assert agrees(
        lambda a, b: sg.take(model.weights, a * 4 + b) * (a + 1),
        model,
        ["token", "token"],
        [[0, 2, 1], [3, 3, 0]],
    )


def test_an_index_may_be_looked_up() -> None:
    model, following = Weights([3.0, 4.0, 5.0]), [2, 0, 1]
    assert agrees(
        lambda x: sg.take(model.weights, sg.take(following, x)) ** 2, model, ["token"], [[0, 1, 2]]
    )


def test_integers_are_numbers_like_others() -> None:
    program = compile(lambda t, x: t[0] * x + sg.sin(t[1]), inputs=(("token", 2), 1))
    plain = compile(lambda t, x: t[0] * x + sg.sin(t[1]), inputs=(2, 1))
    arguments = [[[3, 1], [-2, 5]], [0.5, 1.5]]
    assert numpy.array_equal(program(*arguments), plain(*arguments))
    assert all(map(numpy.array_equal, program.jacobian(*arguments), plain.jacobian(*arguments)))


@on_every_backend
def test_classes_may_be_integers() -> None:
    model = Names()
    assert agrees(
        lambda x, y: cross_entropy(model(x), y, label_smoothing=0.1),
        model,
        [("token", 3), "token"],
        [tokens(6, 7, 3), tokens(6, 7, seed=1)],
    )


def test_a_sequence_of_classes_may_be_integers() -> None:
    model = Layer(2, 3, activation=None, seed=1)
    x = numpy.random.default_rng(0).normal(size=(5, 4)).tolist()
    assert agrees(
        lambda x, y: cross_entropy([model(x[:2]), model(x[2:])], y, reduction="sum"),
        model,
        [4, ("token", 2)],
        [x, tokens(3, 5, 2)],
    )


def test_dropout_after_an_embedding() -> None:
    """Drawn numbers and gathers side by side: the same numbers as eager code draws."""
    table, dropout = Embedding(4, 3, seed=1), Dropout(0.5, seed=3)
    model = Sequential(table, dropout)
    program = compile(lambda x: sg.sum(model(x)), model, inputs=("token",))
    twin = copy.deepcopy(model)
    found = program([1, 3, 3])[:, 0]
    assert found.tolist() == pytest.approx([sg.sum(twin(i)).data for i in (1, 3, 3)], rel=1e-12)


@on_every_backend
def test_entries_that_are_not_finite_count_only_where_they_are_taken() -> None:
    model = Weights([1.0, float("inf"), 0.0])
    program = compile(lambda x: sg.sqrt(sg.take(model.weights, x)), model, inputs=("token",))
    assert program([0, 1, 2]).ravel().tolist() == [1.0, float("inf"), 0.0]
    loss, gradient = program.value_and_grad([0, 0])
    assert (loss, gradient.tolist()) == (1.0, [0.5, 0.0, 0.0])
    _, gradient = program.value_and_grad([0, 2])
    assert gradient.tolist() == [0.25, 0.0, float("inf")]
    assert program.odd_rows([[0, 2, 1, 0]]).tolist() == [1, 2]


def around_look_ups(kitchen: Kitchen) -> tuple[Callable[[Any, Any], Value], Weights]:
    """A function of three numbers and three integers, and its model: tables of inputs, parameters
    and results, looked up in the middle of a random graph.
    """
    before = recipe_of(kitchen, (3,), 4, 6)
    after = recipe_of(kitchen, (3,), 4, 8)
    model = Weights(before.parameters)
    chosen = [[kitchen.rng.randrange(9) for _ in range(4)] for _ in range(3)]

    def function(x: Any, t: Any) -> Value:
        pool = [*x, *model.weights, *follow(before, [x], model.weights), sg.sin(x[0])]
        tables = [[pool[i] for i in table] for table in chosen]
        taken = [sg.take(table, index) for table, index in zip(tables, t, strict=True)]
        return follow(after, [taken], model.weights)[0]

    return function, model


@once
@pytest.mark.parametrize("seed", range(25))
def test_random_graphs_around_look_ups(seed: int) -> None:
    kitchen = Kitchen(rng=Random(seed))
    function, model = around_look_ups(kitchen)
    x = [[kitchen.rng.uniform(-2.0, 2.0) for _ in range(3)] for _ in range(6)]
    t = tokens(4, 6, 3, seed=seed)
    program = compile(function, model, inputs=(3, ("token", 3)))
    expected, slopes, by_x = [], numpy.zeros(4), []
    for row, index in zip(x, t, strict=True):
        values = [Value(number) for number in row]
        model.zero_grad()
        output = function(values, index)
        output.backward()
        expected.append([output.data])
        slopes += numpy.array([weight.grad for weight in model.weights]) / 6
        by_x.append([value.grad for value in values])
    assert alike(program(x, t), expected)
    assert alike(program.value_and_grad(x, t)[1], slopes)
    assert alike(program.inputs_gradient(x, t)[0], by_x)

    recorded = record(trace(function, (3, ("token", 3)), model.parameters()))
    numbers = [float(number) for number in (*x[0], *t[0])]
    weights = [weight.data for weight in model.weights]
    for run_pass in PASSES:
        rewritten = run_pass(recorded).verify()
        assert alike(rewritten.evaluate(numbers, weights), expected[0])


# The kernel


@given(st.data())
def test_a_scatter_is_a_product_with_one_hot_rows(data: Any) -> None:
    count, width, places, batch = (data.draw(st.integers(1, 5)) for _ in range(4))
    rng = numpy.random.default_rng(data.draw(st.integers(0, 99)))
    index = rng.integers(0, count, (batch, places))
    gradient = rng.normal(size=(batch, places * width))
    one_hot = numpy.eye(count)[index]
    by_place = gradient.reshape(batch, places, width)
    by_sample = numpy.einsum("bpn,bpf->bnf", one_hot, by_place)
    found = scatter_by_sample(gradient, index, (batch, count, width))
    assert alike(found, by_sample)
    assert alike(scatter_rows(index, gradient, (count, width)), by_sample.sum(axis=0))


def test_a_large_table_is_gathered_as_one() -> None:
    model = Embedding(2000, 2, seed=1)
    program = compile(model, model, inputs=("token",))
    assert program([1999]).tolist() == [[x.data for x in model.vectors[1999]]]


@once
def test_two_tables_of_one_index_are_two_views_of_the_parameters() -> None:
    first, second, third = Embedding(5, 3, seed=1), Embedding(5, 2, seed=2), Embedding(5, 1, seed=3)
    model = Sequential(first, second, third)

    def function(x: Any) -> Value:
        total: Value = sg.sum([sg.sin(y) for part in (first, second, third) for y in part(x)])
        return total

    program = compile(function, model, inputs=("token",))
    assert gathers(program) == ["gather 5×3", "gather 5×2", "gather 5×1"]
    assert "p[" not in str(program).replace("g_p[", "")
    assert agrees(function, model, ["token"], [[0, 4, 4, 2]])


@once
def test_columns_of_parameters_are_a_view_of_them() -> None:
    model = Weights([float(i) for i in range(8)])
    columns = [model.weights[:4], model.weights[4:]]
    table = list(zip(*columns, strict=True))
    program = compile(lambda x: sg.dot(*[sg.take(table, x)] * 2), model, inputs=("token",))
    assert gathers(program) == ["gather 4×2"]
    assert "p[" not in str(program).replace("g_p[", "")
    assert agrees(lambda x: sg.dot(*[sg.take(table, x)] * 2), model, ["token"], [[0, 3, 3]])


def test_two_look_ups_of_one_index_are_one() -> None:
    table = Embedding(3, 2, seed=1)
    program = compile(lambda x: [*table(x), *table(x)], table, inputs=("token",))
    assert gathers(program) == ["gather 3×2"]


@on_every_backend
def test_lists_of_which_each_has_its_own_index_are_one_gather() -> None:
    model = Weights([0.5, -1.0, 2.0, 0.25])

    def function(x: Any, y: Any) -> Value:
        rows = [sg.softmax([weight * each for weight in model.weights]) for each in x]
        total: Value = -sg.sum([sg.log(sg.take(row, k)) for row, k in zip(rows, y, strict=True)])
        return total

    inputs = [3, ("token", 3)]
    arguments = [numpy.random.default_rng(0).normal(size=(5, 3)).tolist(), tokens(4, 5, 3)]
    assert gathers(compile(function, model, inputs=inputs)) == ["gather 4×1 from 3 tables"]
    assert agrees(function, model, inputs, arguments)


def test_lists_that_are_the_same_for_all_samples_with_an_index_each() -> None:
    model = Weights([0.5, -1.0, 2.0])

    def function(i: Any) -> Value:
        first = [sg.exp(weight) for weight in model.weights]
        second = [sg.sin(weight) for weight in model.weights]
        product: Value = sg.take(first, i[0]) * sg.take(second, i[1])
        return product

    inputs = [("token", 2)]
    assert gathers(compile(function, model, inputs=inputs)) == ["gather 3×1 from 2 tables"]
    assert agrees(function, model, inputs, [[[0, 2], [2, 2], [1, 0]]])


@once
def test_an_index_beyond_its_own_list_looks_up_nan_and_not_the_next_list() -> None:
    pytest.importorskip("jax")
    program = compile(
        lambda x, i: sg.take([x[0], x[1] + 1.0], i[0]) + sg.take([x[2], x[3] + 1.0], i[1]),
        inputs=(4, ("token", 2)),
        backend="jax",
    )
    assert gathers(program) == ["gather 2×1 from 2 tables"]
    outputs = program.pure_outputs(program.parameters, [[1.0, 2.0, 3.0, 4.0]], [[2, 0]])
    assert numpy.isnan(numpy.asarray(outputs)).all()


# Copies, graphs, pictures


def test_copies_and_pickles_look_up_the_same_rows() -> None:
    model = Names()
    program = compile(model, model, inputs=[("token", 3)])
    batch = tokens(6, 4, 3)
    for twin in (copy.copy(program), copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        assert numpy.array_equal(twin(batch), program(batch))
        with pytest.raises(OptionError, match="indices 0 to 5"):
            twin([[0, 0, 6]])


def test_a_loaded_sample_has_the_numbers_and_gradients_of_eager_code() -> None:
    model = Names()
    program = compile(lambda x: sg.logsumexp(model(x)), model, inputs=[("token", 3)])
    loaded = program.load([4, 0, 4])
    gradients = [parameter.grad for parameter in model.parameters()]
    _, slopes = eager(lambda x: sg.logsumexp(model(x)), model, [[[4, 0, 4]]])
    assert loaded.data == sg.logsumexp(model([4, 0, 4])).data
    assert gradients == pytest.approx(slopes, rel=1e-12)


def test_the_picture_of_a_program_shows_the_table() -> None:
    model = Names()
    picture = viz.draw(compile(model, model, inputs=[("token", 3)])).picture
    (gather,) = [node for node in picture.nodes if node.symbol == "[i]"]
    assert gather.detail == "gather 6×3 at 3 places"
    sources = {edge.source for edge in picture.edges if edge.target == gather.id}
    drawn = {(node.kind, node.detail) for node in picture.nodes if node.id in sources}
    assert drawn == {("input", "3 integers a sample"), ("parameter", "6×3")}
    assert any("1 gather" in note for note in picture.notes)


@once
def test_the_pure_function_of_jax() -> None:
    jax = pytest.importorskip("jax")
    model = Names()
    arguments = [tokens(6, 5, 3), numpy.eye(6)[tokens(6, 5, seed=2)]]
    program = compile(
        lambda x, y: cross_entropy(model(x), y), model, inputs=[("token", 3), 6], backend="jax"
    )
    gradient = jax.jit(jax.grad(program.pure))(program.parameters, *arguments)
    assert alike(gradient, program.value_and_grad(*arguments)[1])
    beyond = [numpy.array([[0, 6, 0]]), arguments[1][:1]]
    assert numpy.isnan(program.pure(program.parameters, *beyond))


# What is no integer, and what is out of range


def letters() -> Any:
    model = Names()
    return compile(lambda y, x: mse(model(x)[:1], [y]), model, inputs=[1, ("token", 3)])


@pytest.mark.parametrize(
    "entry", [0.5, float("nan"), float("inf")], ids=["half", "nan", "infinity"]
)
def test_what_is_no_integer_is_refused_with_argument_and_sample(entry: float) -> None:
    with pytest.raises(DataError, match=r"argument 1 must be integers.*sample 2 has"):
        letters()([0.0] * 3, [[0, 1, 2], [3, 4, 5], [0, entry, 0]])


def test_true_and_false_are_no_integers() -> None:
    with pytest.raises(DataError, match="argument 1 must be integers, not True and False"):
        letters()([0.0], [[True, False, True]])


def test_whole_floats_are_integers() -> None:
    program = letters()
    found = program([0.5], [[1.0, 2.0, 5.0]])
    assert numpy.array_equal(found, program([0.5], [[1, 2, 5]]))


@pytest.mark.parametrize("index", [-1, 6, 10**20])
@pytest.mark.parametrize("call", ["__call__", "value_and_grad", "jacobian", "odd_rows", "load"])
def test_an_index_out_of_range_is_refused_wherever_it_is_given(call: str, index: int) -> None:
    program = letters()
    arguments: list[Any] = [[0.0, 0.0], [[0, 1, 2], [0, index, 2]]]
    if call == "load":
        arguments = [0.0, [0, index, 2]]
    elif call == "odd_rows":
        arguments = [arguments]
    with pytest.raises(OptionError, match=r"argument 1 .* indices 0 to 5, but sample [01] asks"):
        getattr(program, call)(*arguments)


def test_nothing_is_drawn_for_an_index_out_of_range() -> None:
    model = Sequential(Embedding(3, 2, seed=1), Dropout(0.5, seed=1))
    program = compile(model, model, inputs=("token",))
    twin = copy.deepcopy(program)
    with pytest.raises(OptionError, match="indices 0 to 2"):
        program([0, 3])
    assert numpy.array_equal(program([1, 2]), twin([1, 2]))


def test_the_shortest_of_two_tables_counts() -> None:
    program = compile(lambda x: sg.take([1, 2, 3], x) + sg.take([4, 5], x), inputs=("token",))
    with pytest.raises(OptionError, match="indices 0 to 1, but sample 1 asks for 2"):
        program([1, 2])


@pytest.mark.parametrize(("divisor", "asked"), [(2, "0.5"), (0, "inf")])
def test_a_computed_index_is_checked(divisor: int, asked: str) -> None:
    program = compile(lambda a, b: sg.take([1, 2, 3], a / b), inputs=("token", "token"))
    assert program([2], [1]).tolist() == [[3.0]]
    with pytest.raises(OptionError, match=f"index that the function computes.*asks for {asked}"):
        program([1], [divisor])


def test_an_index_of_an_index_is_checked_first() -> None:
    program = compile(lambda x: sg.take([1, 2, 3], sg.take([2, 5], x)), inputs=("token",))
    with pytest.raises(OptionError, match=r"argument 0 .* 0 to 1, but sample 0 asks for 7"):
        program([7])
    with pytest.raises(OptionError, match=r"computes .* 0 to 2, but sample 1 asks for 5"):
        program([0, 1])


# What can't be traced

AS_AN_INDEX: dict[str, Callable[[Any], Any]] = {
    "in brackets": lambda x: [x, x][x],
    "computed, in brackets": lambda x: [x, x][x + 1],
    "of an array": lambda x: numpy.array([x, x])[x],
    "range": lambda x: [x for _ in range(x)],
    "int": lambda x: [x, x][int(x)],
    "comparison": lambda x: x if x == 3 else x + 1,
}


@pytest.mark.parametrize("function", AS_AN_INDEX.values(), ids=AS_AN_INDEX)
@pytest.mark.parametrize("inputs", ["token", 1])
def test_an_index_of_python_names_take(function: Callable[[Any], Any], inputs: Any) -> None:
    with pytest.raises(TraceError, match=r"scalargrad\.take\(table, x\)"):
        compile(function, inputs=[inputs])


def test_an_error_of_the_user_stays_what_it_is() -> None:
    with pytest.raises(IndexError, match="list index out of range"):
        compile(lambda x: [x, x][2], inputs=["token"])


def test_a_number_that_is_no_integer_input_is_not_looked_up() -> None:
    weight = Parameter(1.0)
    for function in (lambda x: sg.take([1, 2], x[0]), lambda x: sg.take([1, 2], x[0] * 0 + weight)):
        with pytest.raises(TraceError, match=r"take can look up integer inputs only.*token"):
            compile(function, inputs=(2,))
    with pytest.raises(TraceError, match=r"Embedding\(3 → 2\) can look up integer inputs only"):
        compile(Embedding(3, 2, seed=1), inputs=(1,))


def test_an_index_may_not_depend_on_anything_else() -> None:
    shift = Buffer(1.0)
    with pytest.raises(TraceError, match="integer inputs only"):
        compile(lambda x: sg.take([1, 2, 3], x + shift), inputs=("token",))


def test_rows_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 numbers, the first 2"):
        compile(lambda x: sg.take([[1, 2], [3]], x), inputs=("token",))


@pytest.mark.parametrize(
    "inputs",
    [["tokens"], [("token", 0)], [("token",)], [("token", 2, 3)], [(2, "token")], ["token", 0.5]],
    ids=repr,
)
def test_what_inputs_may_not_be(inputs: Any) -> None:
    with pytest.raises(OptionError, match=r'"token" for one integer'):
        compile(lambda *x: x[0], inputs=inputs)


def test_one_word_and_a_pair_are_two_arguments() -> None:
    program = compile(lambda a, b: [a, *b], inputs=("token", 3))
    assert program([1], [[2.0, 3.0, 4.0]]).tolist() == [[1.0, 2.0, 3.0, 4.0]]


def test_a_model_without_look_ups_takes_integers() -> None:
    model = MLP(2, [3, 1], seed=1)
    program = compile(model, model, inputs=[("token", 2)])
    plain = compile(model, model, inputs=[2])
    assert numpy.array_equal(program([[1, 0]]), plain([[1, 0]]))
