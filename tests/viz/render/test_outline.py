"""The outline: what is heard, in which order, and that it ends."""

import unicodedata
from collections.abc import Callable, Sequence

import pytest

from tests.viz.hostile import each, together
from tests.viz.pictures import ALL, boxed, columns, filled, small
from viz.model.picture import Group, Node, Picture
from viz.render.outline import MAX_LINES, render_outline


def test_a_small_picture_word_for_word() -> None:
    assert render_outline(small()).splitlines() == [
        "A neuron",
        "4 values.",
        "nothing is left out",
        "o = tanh(−6): data −1, gradient 1 (starts here); derivative by x × w 0.5",
        "x × w: data −6, gradient 0.5; derivative by x −3, by w 2",
        "w: parameter, data −3, gradient 0",
        "x: input, data 2, gradient −1.5",
    ]


def test_modules_have_headings_and_copies_are_heard_once() -> None:
    assert render_outline(boxed()).splitlines() == [
        "9 values.",
        "s = p + neurons.2: data 1, gradient 1 (starts here); derivative by p 1, by neurons.2 1",
        "x: input, data 2, gradient −1.5",
        "layers.0, 8 parameters:",
        "  layers.0.neurons.2: closed module Neuron, data 0.25, gradient 0.5; "
        "5 parameters, gradient norm 0.97",
        "  layers.0.neurons.1, 3 parameters:",
        "    p = x × 3: data inf, gradient 0.5; derivative by x 3, by the constant 3 2",
        "    unnamed constant: data 3, gradient nan",
    ]


def test_columns_are_heard_from_the_output_back() -> None:
    lines = render_outline(columns()).splitlines()
    assert [line for line in lines if line.endswith(":")] == [
        "out:",
        "layers.0, 6 parameters:",
        "inputs, 2:",
    ]
    assert lines[2] == "  u4: operation, data 4, gradient −3.5 (starts here)"


def test_numbers_of_a_network_that_has_computed_nothing_are_biases() -> None:
    unit = Node("n0", "operation", label="layers.0.neurons.0", data=0.5, grad=0.5, formula="tanh")
    picture = Picture("neurons", (unit,), colors="weights", columns=columns().columns[:0])
    assert "bias 0.5" in render_outline(picture)


def test_long_outlines_are_cut_and_say_how_much_is_left() -> None:
    picture = Picture(
        "chips", tuple(Node(f"n{i}", "input", label=f"x{i}", data=1.0) for i in range(1000))
    )
    lines = render_outline(picture).splitlines()
    assert len(lines) == MAX_LINES
    assert lines[-1] == "… and 602 more lines."
    assert render_outline(picture, max_lines=1) == "… and 1,001 more lines."
    assert len(render_outline(picture, max_lines=1001).splitlines()) == 1001


def test_nothing_at_all() -> None:
    assert render_outline(Picture("cards")) == "0 values."
    assert render_outline(Picture("cards", (Node("n0", "input"),))) == "1 value.\nunnamed input"


def test_boxes_in_a_circle_end() -> None:
    groups = (Group("a", "a", "b"), Group("b", "b", "a"))
    assert (
        render_outline(Picture("cards", (Node("n0", "input", group="a"),), groups=groups)).count(
            "\n"
        )
        == 2
    )


def test_no_text_makes_lines_or_moves_the_cursor() -> None:
    def check(texts: Sequence[str]) -> None:
        picture = filled(*texts)
        said = render_outline(picture, max_lines=10_000)
        assert {c for c in said if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} <= {
            "\n"
        }
        assert len(said.split("\n")) == len(said.splitlines()) <= 12 * len(texts)
        assert all(len(line) < 500 for line in said.splitlines())

    together(check)
    each(lambda text: check([text]))


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_value_is_heard(make: Callable[[], Picture]) -> None:
    said = render_outline(make())
    for node in make().nodes:
        assert (node.name or node.label or node.formula or f"unnamed {node.kind}") in said
