"""The level of blocks in a page: what each box and each cell of its maps leads to."""

import json
from pathlib import Path
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.errors import OptionError, PictureError
from tests.viz.explorer.contents import graph_in
from viz.explorer import box_layout
from viz.explorer.block_views import draw_block_views, frame_id
from viz.explorer.boxes import choose_open, find_folds
from viz.model.snapshot import Snapshot


def mix(row: list[Any], x: list[Any]) -> Any:
    return sum(w * xi for w, xi in zip(row, x, strict=True))


def layer(matrix: list[list[Any]], x: list[Any]) -> list[Any]:
    return [mix(row, x) for row in matrix]


def tower(height: int = 3, width: int = 4) -> Value:
    """The loss of some layers, each of which is called from one place."""
    matrix = [[Parameter(0.1 * (i - j) + 0.3) for j in range(width)] for i in range(width)]
    sg.label(matrix, "W")

    def apply(x: list[Any]) -> list[Any]:
        for _ in range(height):
            hidden = layer(matrix, x)
            x = [value.tanh() for value in hidden]
        return x

    with sg.trace_calls():
        loss = sum(apply([Value(0.5 * i, label=f"x[{i}]") for i in range(width)]))
    loss.label = "loss"
    loss.backward()
    return loss


def blocks_of(loss: Value) -> tuple[Snapshot, dict[str, Any]]:
    snapshot = Snapshot([loss])
    return snapshot, draw_block_views(snapshot, find_folds(snapshot), (), ()).data


def box_named(data: dict[str, Any], title: str) -> dict[str, Any]:
    (found,) = (box for box in data["boxes"].values() if box["title"] == title)
    return dict(found)


def test_a_large_graph_of_calls_begins_with_its_blocks() -> None:
    graph = graph_in(viz.explore(tower(6, 6)).html)
    assert graph["blocks"]["first"] == "blocks"


def test_a_small_graph_has_no_blocks_unless_they_are_asked_for() -> None:
    loss = tower(1, 2)
    assert "pictures" not in viz.explore(loss).html
    assert graph_in(viz.explore(loss, level="blocks").html)["blocks"]["first"] == "blocks"


def test_a_page_may_begin_with_the_scalars_of_a_graph_of_blocks() -> None:
    graph = graph_in(viz.explore(tower(6, 6), level="scalars").html)
    assert graph["blocks"]["first"] == "scalars"


def test_a_graph_without_calls_has_no_blocks_to_show() -> None:
    with pytest.raises(PictureError, match="trace_calls"):
        viz.explore(Value(2.0) * 3.0, level="blocks")


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(OptionError, match="'blocks' or 'scalars', not 'block'"):
        viz.explore(tower(), level="block")


def test_the_cells_of_a_parameter_are_its_values() -> None:
    snapshot, data = blocks_of(tower())
    (shown,) = (m for m in data["maps"] if len(m["values"]) == 16 and -1 not in m["values"])
    labels = [snapshot.order[i].label for i in shown["values"]]
    assert sorted(labels) == sorted(f"W[{i}][{j}]" for i in range(4) for j in range(4))


def test_a_row_of_a_strip_holds_the_results_of_a_call() -> None:
    snapshot, data = blocks_of(tower())
    strips = [m for m in data["maps"] if len(m["values"]) == 12]
    made = [[snapshot.order[i] for i in strip["values"]] for strip in strips]
    tanhs = next(nodes for nodes in made if all(node.op == "tanh" for node in nodes))
    # Each row is made from the one before.
    below = {arg for node in tanhs[4:8] for arg in node.args[0].args}
    assert any(set(tanhs[:4]) & {*node.args} for node in _inside(below))


def _inside(nodes: set[Value]) -> set[Value]:
    found = set(nodes)
    for node in nodes:
        found |= _inside(set(node.args))
    return found


def test_each_call_of_a_box_leads_to_a_box_of_the_page_with_its_values() -> None:
    loss = tower()
    snapshot = Snapshot([loss])
    folds = find_folds(snapshot)
    data = draw_block_views(snapshot, folds, (), ()).data
    opens = box_named(data, "mix")["opens"]
    names, numbers, results = zip(*opens, strict=True)
    assert names[:2] == ("mix #1", "mix #2")
    assert len(set(numbers)) == len(numbers)
    for number, result in zip(numbers, results, strict=True):
        assert result in folds[number].values


def test_a_box_tells_the_line_that_made_it() -> None:
    _, data = blocks_of(tower())
    assert "return [mix(row, x) for row in matrix]" in box_named(data, "mix")["source"]


def test_a_norm_that_is_not_finite_can_be_written() -> None:
    def scale(xs: list[Any]) -> list[Any]:
        return [x * 1e308 for x in xs]

    with sg.trace_calls():
        loss = sum(scale(scale([Value(1e300), Value(2e300)])))
    loss.backward()
    _, data = blocks_of(loss)
    assert json.dumps(data, allow_nan=False)


def test_long_calls_are_cut_by_their_lines() -> None:
    def long(xs: list[Any]) -> Any:
        first = [x * 2.0 for x in xs]
        second = [x.tanh() for x in first]
        return sum(second)

    with sg.trace_calls():
        loss = long([Value(0.1 * i) for i in range(60)])
    titles = {fold.title for fold in find_folds(Snapshot([loss]))}
    assert {"first", "second"} <= titles


def test_a_long_line_is_cut_by_its_results() -> None:
    def wide(xs: list[Any]) -> list[Any]:
        return [x * 2.0 + x * 3.0 + 1.0 for x in xs]

    with sg.trace_calls():
        results = wide([Value(0.1 * i) for i in range(40)])
    folds = find_folds(Snapshot(results))
    titles = [fold.title for fold in folds if fold.kind == "part"]
    assert titles[:2] == ["results[0]", "results[1]"]


def test_a_box_that_is_alone_on_the_page_is_open() -> None:
    def whole(weights: list[Parameter]) -> Value:
        total: Value = mix(weights, weights) * weights[0]
        return total

    with sg.trace_calls():
        loss = whole([Parameter(0.1 * i) for i in range(5)])
    folds = find_folds(Snapshot([loss]))
    assert (folds[0].boxes, folds[0].values) == ([1], [])
    assert choose_open(folds, max_shown=3) == [0, 1]


def test_the_cells_of_shares_are_what_was_divided() -> None:
    def softmax(logits: list[Any]) -> list[Any]:
        powers = [x.exp() for x in logits]
        total = sum(powers)
        return [power / total for power in powers]

    with sg.trace_calls():
        shares = softmax([Value(0.1 * i) for i in range(4)])
        loss = shares[1] * 2.0 + shares[3]
    snapshot, data = blocks_of(loss)
    (cells,) = (m["values"] for m in data["maps"] if m["colors"] == "d")
    assert cells == [-1, snapshot.index[shares[1]], -1, snapshot.index[shares[3]]]


def test_boxes_with_many_lines_are_laid_out_without_graphviz(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("Graphviz was asked to lay out a box with many lines")

    monkeypatch.setattr(box_layout, "lay_out_graph", refuse)
    monkeypatch.setattr(box_layout, "MAX_LINES", 0)
    x = Value(0.5)
    snapshot = Snapshot([sg.tanh(x) * x])
    (layout,) = box_layout.BoxLayouts(snapshot, find_folds(snapshot), "chips").layouts
    first, second, third = sorted(layout.frames, key=lambda frame: frame.x)
    assert first.right < second.x < second.right < third.x


def test_each_call_of_a_frame_leads_to_its_box() -> None:
    def inner(x: Any) -> Any:
        return x.tanh()

    def outer(x: Any) -> Any:
        return inner(x) * 2.0

    with sg.trace_calls():
        x: Any = Value(0.5, label="x")
        for _ in range(3):
            x = outer(x)
        loss = x * x
    snapshot = Snapshot([loss])
    folds = find_folds(snapshot)
    data = draw_block_views(snapshot, folds, (), ()).data
    opens = data["boxes"][frame_id("outer")]["opens"]
    assert [name for name, *_ in opens] == ["outer #1", "outer #2", "outer #3"]
    assert [folds[number].title for _, number, _ in opens] == ["outer", "outer #2", "outer #3"]


def test_the_page_of_a_drawing_of_blocks_begins_with_them(tmp_path: Path) -> None:
    drawing = viz.draw(tower(1, 2), level="blocks")
    html = drawing.save(tmp_path / "tower.html").read_text(encoding="utf-8")
    assert graph_in(html)["blocks"]["first"] == "blocks"


def test_no_value_is_lost_where_names_repeat() -> None:
    def long(rows: list[list[Any]]) -> Any:
        return sum(a * b for a, b in zip(*rows, strict=True))

    leaves = [Parameter(0.1 * i, label="a/b" if i % 2 else "a∕b") for i in range(200)]
    with sg.trace_calls():
        loss = long([leaves[:100], leaves[100:]]) + long([leaves[:100], leaves[100:]])
    snapshot = Snapshot([loss])
    folds = find_folds(snapshot)
    held = sorted(i for fold in folds for i in fold.values)
    assert held == list(range(len(snapshot)))


def test_the_size_of_a_parameter_is_that_of_its_rows_and_columns_in_the_code() -> None:
    weights = [[Parameter(0.1 * i - 0.2 * j) for j in range(2)] for i in range(4)]
    sg.label(weights, "w")

    def linear(matrix: list[list[Any]], x: list[Any]) -> list[Any]:
        return [sum(w * xi for w, xi in zip(row, x, strict=True)) for row in matrix]

    with sg.trace_calls():
        wide = linear(weights, [Value(1.0, label="a"), Value(2.0, label="b")])
        loss = sum(value.tanh() for value in wide)
    loss.backward()
    _, data = blocks_of(loss)
    # Its map is turned: a column makes the number below it.
    assert [each[:2] for each in box_named(data, "wide")["parameters"]] == [["w", "4×2"]]
