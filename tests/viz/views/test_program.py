"""Pictures of compiled programs: their matrices, with names and sizes, and what flows between."""

from collections.abc import Callable
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest

import viz
from scalargrad import Parameter, Value, compile, exp, relu, tanh, where
from scalargrad.compiler import Compiled
from scalargrad.core.leaves import Buffer
from scalargrad.errors import OptionError
from scalargrad.losses import cross_entropy, mse
from scalargrad.nn import (
    MLP,
    Conv,
    Dropout,
    Flatten,
    LSTMCell,
    MaxPool,
    Module,
    Recurrent,
    Reshape,
    Sequential,
)
from scalargrad.optim import l2
from tests.compiler.graphs import Kitchen, Weights, follow
from tests.viz.hostile import HOSTILE, each
from viz.model.picture import MAX_CHIPS, Node, Picture
from viz.views.program import BANDS

SVG = "{http://www.w3.org/2000/svg}"


def small(penalty: bool = True) -> Compiled:
    model = MLP(2, [16, 16, 1], seed=1)
    extra = (lambda: l2(model.parameters(), 1e-3)) if penalty else (lambda: 0.0)
    return compile(lambda x, y: mse(model(x), y) + extra(), model, inputs=(2, 1))


def recurrent(steps: int) -> Compiled:
    """A recurrent network whose steps Python's own loop writes out."""
    cell = LSTMCell(2, 3, seed=1)

    def unrolled(x: list[Value]) -> list[Value]:
        state = None
        outputs: list[Value] = []
        for i in range(steps):
            state = cell(x[2 * i : 2 * i + 2], state)
            outputs += cell.output(state)
        return outputs

    return compile(unrolled, cell, inputs=(2 * steps,))


def looping(steps: int) -> Compiled:
    model = Sequential(Reshape(steps, 2), Recurrent(LSTMCell(2, 3, seed=1)), Flatten())
    return compile(model, model, inputs=(2 * steps,))


def found(picture: Picture, kind: str) -> list[tuple[str, str]]:
    return [(node.label, node.detail) for node in picture.nodes if node.kind == kind]


def before(picture: Picture, node: Node) -> list[Node]:
    return [picture.by_id[edge.source] for edge in picture.edges if edge.target == node.id]


def is_in_order(picture: Picture) -> bool:
    place = {node.id: i for i, node in enumerate(picture.nodes)}
    return all(place[edge.source] < place[edge.target] for edge in picture.edges)


def test_integers_are_called_so() -> None:
    program = compile(lambda x, y: sum(x) * y, inputs=(("token", 3), 1))
    inputs = found(viz.draw(program).picture, "input")
    assert sorted(inputs) == [("x", "3 integers a sample"), ("y", "1 number a sample")]


def test_matrices_carry_the_names_of_their_layers_and_their_sizes() -> None:
    picture = viz.draw(small()).picture
    matrices = [node for node in picture.nodes if node.symbol == "W·x"]
    assert [(node.label, node.detail) for node in matrices] == [
        ("layers.0", "matrix 16×2 + bias"),
        ("layers.1", "matrix 16×16 + bias"),
        ("layers.2.neurons.0", "matrix 1×16 + bias"),
    ]
    assert [
        [(node.label, node.detail) for node in before(picture, matrix)] for matrix in matrices
    ] == [
        [("x", "2 numbers a sample"), ("layers.0", "16×2 + 16")],
        [("layers.0", "relu × 16"), ("layers.1", "16×16 + 16")],
        [("layers.1", "relu × 16"), ("layers.2.neurons.0", "1×16 + 1")],
    ]


def test_what_belongs_to_no_layer_says_what_it_computes() -> None:
    picture = viz.draw(small()).picture
    (root,) = [node for node in picture.nodes if node.root]
    assert root.label == "sub, pow, add × 1"
    assert ("all parameters", "337 numbers") in found(picture, "parameter")
    assert ("0.001", "") in found(picture, "constant")
    assert ("dot of 337 × 1", "for all samples") in found(picture, "operation")


def test_the_notes_count_what_explain_counts() -> None:
    program = small()
    first, second = viz.draw(program).picture.notes
    assert first == program.explain().splitlines()[0]
    assert (
        second == "3 matrix products (304 products of scalars), 2 elementwise groups, "
        "1 group of dot products, 4 operations left scalar"
    )
    assert viz.draw(program).picture.total == program.recorded_rows


def test_shared_weights_are_one_node() -> None:
    picture = viz.draw(recurrent(3)).picture
    weights = [
        node for node in picture.nodes if node.kind == "parameter" and "12×5 + 12" in node.detail
    ]
    assert len(weights) == 1
    assert sum(edge.source == weights[0].id for edge in picture.edges) == 2


def test_a_loop_is_one_box_that_says_what_a_step_does() -> None:
    picture = viz.draw(looping(100)).picture
    (box,) = [node for node in picture.nodes if node.symbol == "↻"]
    assert box.label == "scan × 100"
    assert box.detail == "matrix 12×2 + bias, matrix 12×3, add × 12, 4 more"


def test_a_loop_takes_its_inputs_the_weights_and_the_first_state() -> None:
    picture = viz.draw(looping(100)).picture
    (box,) = [node for node in picture.nodes if node.symbol == "↻"]
    sources = [(node.kind, node.detail) for node in before(picture, box)]
    assert sources == [
        ("constant", ""),
        ("input", "200 numbers a sample"),
        ("parameter", "72 numbers"),
    ]


def test_a_picture_of_a_loop_is_as_large_for_any_number_of_steps() -> None:
    few = viz.draw(looping(2)).picture
    many = viz.draw(looping(50)).picture
    assert len(few.nodes) == len(many.nodes)


def test_layer_by_layer_a_loop_looks_as_in_eager_code() -> None:
    program = looping(3)
    assert program.model is not None
    eager = program.model([Value(0.1) for _ in range(6)])
    expected = viz.draw(eager, level="layers").picture
    picture = viz.draw(program, level="layers").picture
    assert [node.label for node in picture.nodes] == [node.label for node in expected.nodes]


def test_a_convolution_says_at_how_many_places() -> None:
    model = Sequential(
        Reshape(1, 6, 6),
        Conv(1, 2, 3, seed=1),
        MaxPool(2),
        Flatten(),
        Dropout(0.2, seed=1),
        MLP(8, [3], seed=1),
    )
    picture = viz.draw(
        compile(lambda x, y: cross_entropy(model(x), y), model, inputs=(36, 3))
    ).picture
    assert ("steps.1", "matrix 2×9 at 16 places + bias") in found(picture, "operation")
    assert ("drawn at random", "8 numbers a sample") in found(picture, "constant")
    assert is_in_order(picture)


def test_leaves_that_are_read_and_outputs_that_are_leaves() -> None:
    scale = Buffer(2.0)
    picture = viz.draw(compile(lambda x, y: [x[0], scale * y, scale], inputs=(2, 1))).picture
    assert ("read at each run", "1 number for all samples") in found(picture, "constant")
    roots = {(node.label, node.kind) for node in picture.nodes if node.root}
    assert roots == {("mul × 1", "operation"), ("x", "input"), ("read at each run", "constant")}


def test_an_argument_of_which_one_part_is_computed_with_and_another_given_back() -> None:
    picture = viz.draw(compile(lambda x: [exp(x[0]), x[1]], inputs=(2,))).picture
    assert [(node.label, node.root) for node in picture.nodes] == [("x", True), ("exp × 1", True)]


def test_labels_of_the_user_come_first() -> None:
    def loss(x: Any) -> Value:
        found = exp(x[0]) * x[1]
        found.label = "the loss"
        return found

    picture = viz.draw(compile(loss, inputs=(2,))).picture
    assert found(picture, "operation") == [("the loss", "exp, mul × 1")]


def test_no_label_breaks_the_picture() -> None:
    each(check_label, HOSTILE[::9])


def check_label(text: str) -> None:
    class Net(Module):
        def __init__(self) -> None:
            self.weights = [Parameter(0.5)]

    model = Net()
    setattr(model, text.replace(".", "") or "a", MLP(1, [1], seed=1))

    def loss(x: Any) -> Value:
        found = relu(x * model.weights[0])
        found.label = text
        return found

    drawing = viz.draw(compile(loss, model, inputs=(1,)))
    for theme in ("light", "dark"):
        ElementTree.fromstring(drawing.svg(theme))
    assert str(drawing)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cards_show_the_small_print(theme: str) -> None:
    drawn = texts(viz.draw(small(), theme=theme).svg())
    assert {"layers.0", "matrix 16×2 + bias", "16×2 + 16", "2 numbers a sample"} <= set(drawn)


def test_every_card_holds_its_small_print() -> None:
    drawing = viz.draw(small())
    for node in drawing.picture.nodes:
        frame = drawing.placed.nodes[node.id]
        assert viz.look.text.width(node.detail, 9) + 30 <= frame.width
        assert frame.height >= (30 if node.label and node.detail else 20)


@pytest.mark.parametrize("ending", [".svg", ".dot", ".txt"])
def test_it_saves_itself_in_every_format(ending: str, tmp_path: Any) -> None:
    content = viz.draw(small()).save(tmp_path / f"a{ending}").read_text(encoding="utf-8")
    assert "matrix 16×2 + bias" in content


def test_levels_can_be_chosen_where_they_make_sense() -> None:
    assert viz.draw(small(), level="chips").picture.level == "chips"
    for options in ({"level": "neurons"}, {"expand": "layers.0"}):
        with pytest.raises(OptionError, match="a compiled program has no neurons and no modules"):
            viz.draw(small(), **options)


def test_very_many_kernels_are_folded_into_bands() -> None:
    program = recurrent(60)
    picture = viz.draw(program).picture
    assert len(program.kernels) > MAX_CHIPS
    assert len(picture.nodes) <= BANDS
    assert picture.nodes[0].label.startswith("kernels 1 to ")
    assert picture.nodes[-1].label.endswith(f" {len(program.kernels)}")
    assert (
        f"the {len(program.kernels)} kernels are folded into {len(picture.nodes)} bands"
        in picture.notes[-1]
    )
    assert is_in_order(picture)
    assert {edge.target for edge in picture.edges} == {node.id for node in picture.nodes[1:]}


@pytest.mark.parametrize("seed", range(30))
def test_random_programs_can_be_drawn(seed: int) -> None:
    recipe = Kitchen(rng=Random(seed)).recipe()
    model = Weights(recipe.parameters)

    def function(*arguments: Any) -> Any:
        return follow(recipe, arguments, model.weights)

    program = compile(function, model, inputs=recipe.sizes)
    picture = viz.draw(program).picture
    assert is_in_order(picture)
    assert sum(node.kind == "operation" for node in picture.nodes) == len(program.kernels)
    assert {node.id for node in picture.nodes if not node.root} <= {
        edge.source for edge in picture.edges
    }


@pytest.mark.parametrize(
    "function", [lambda x: where(x[0], x[1], tanh(x[1])), lambda x: x[1], lambda _x: Value(3.0)]
)
def test_programs_of_hardly_anything(function: Callable[..., Any]) -> None:
    drawing = viz.draw(compile(function, inputs=(2,)))
    assert sum(node.root for node in drawing.picture.nodes) == 1
    ElementTree.fromstring(drawing.svg())
