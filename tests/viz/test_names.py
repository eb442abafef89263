"""Names of variables in pictures, and the lines of code that made Values."""

import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.errors import OptionError
from scalargrad.nn import MLP


def test_a_drawing_takes_over_the_names_of_variables() -> None:
    x = Value(2.0)
    state = {"wq": [[Parameter(3.0)]]}
    y = x * state["wq"][0][0]
    drawing = viz.draw(y, names=locals())
    assert [node.label for node in drawing.picture.nodes] == ["x", "wq[0][0]", "y"]


def test_a_page_takes_over_the_names_of_variables() -> None:
    rows = [Value(2.0), Value(3.0)]
    page = viz.explore(rows[0] * rows[1], names={"rows": rows})
    assert "rows[1]" in page.html


def test_a_drawing_by_graphviz_takes_over_the_names_of_variables() -> None:
    rows = [Value(2.0), Value(3.0)]
    source = viz.draw_dot(rows[0] * rows[1], names={"rows": rows}).source
    assert "rows[1]" in source


def test_labels_that_are_there_stay() -> None:
    x = Value(2.0, label="mine")
    viz.draw(x * 2, names={"x": x})
    assert x.label == "mine"


def test_without_names_drawing_labels_nothing() -> None:
    x = Value(2.0)
    viz.draw(x * 2)
    assert x.label == ""


@pytest.mark.parametrize("draw", [viz.draw, viz.draw_dot, viz.explore])
def test_names_that_are_no_dict_are_refused(draw: object) -> None:
    assert callable(draw)
    with pytest.raises(OptionError, match=r"locals\(\)"):
        draw(Value(2.0) * 3, names=["x"])


def test_a_tooltip_says_which_line_made_a_value_without_the_folder_of_its_file() -> None:
    with sg.trace_calls():
        y = Value(2.0) * 3
    svg = viz.draw(y).svg()
    line = y.made_at
    assert line is not None
    assert f"made at test_names.py:{line.line}: y = Value(2.0) * 3" in svg
    assert line.file not in svg


def test_a_tooltip_of_a_value_whose_line_is_not_known_says_nothing_of_it() -> None:
    assert "made at" not in viz.draw(Value(2.0) * 3).svg()


def test_an_explanation_says_which_line_gave_a_number_that_is_not_finite() -> None:
    x = Value(0.0, label="x")
    with sg.trace_calls():
        y = sg.log(x)
    assert viz.explain(y, x).why == f"log(x = 0) gave −inf, made at {y.made_at}"


def attention(x: list[Value], w: list[list[Parameter]]) -> Value:
    q = linear(x, w)
    k = linear(x, w)
    return sg.dot(q, k)


def linear(x: list[Value], w: list[list[Parameter]]) -> list[Value]:
    return [sg.dot(row, x) for row in w]


@pytest.mark.parametrize("level", [None, "cards", "chips", "neurons", "layers"])
def test_calls_of_functions_are_drawn_as_modules_are(level: str | None) -> None:
    w = sg.parameters([[0.1, 0.2], [0.3, 0.4]], "w")
    with sg.trace_calls():
        y = attention([Value(1.0), Value(2.0)], w)
    y.backward()
    drawing = viz.draw(y, level=level)
    assert "linear" in str(drawing) + drawing.svg()


def test_a_call_of_a_function_can_be_opened() -> None:
    w = sg.parameters([[0.1, 0.2], [0.3, 0.4]], "w")
    with sg.trace_calls():
        y = attention([Value(1.0), Value(2.0)], w)
    picture = viz.draw(y, expand="attention.linear").picture
    assert "attention/linear" in [group.path for group in picture.groups]


def test_a_network_inside_of_a_named_block_is_drawn() -> None:
    model = MLP(2, [3, 1], seed=0)
    with sg.scope("model"), sg.trace_calls():
        y = model([1.0, 2.0])
    assert "model" in viz.draw(y).svg()
    assert viz.explore(y).html
