"""The sequence view as a picture: nothing overlaps, all can be read, and every format has it."""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.errors import PictureError
from scalargrad.nn import GRUCell, Layer, LSTMCell, RNNCell
from viz.drawing import Drawing
from viz.layout.geometry import Rect
from viz.layout.placed import inner_width

SVG = "{http://www.w3.org/2000/svg}"
KINDS: dict[str, Any] = {"lstm": LSTMCell, "gru": GRUCell, "rnn": RNNCell}


def mixed(x: Value, h: list[Value], c: Value) -> tuple[list[Value], Value]:
    gate = [sg.sigmoid(x * a) for a in h]
    late = [sg.tanh(a + x) for a in gate]
    c = c * gate[0] + late[1]
    h = [a * b + c for a, b in zip(gate, late, strict=True)]
    return h, c


def own(length: int) -> Value:
    h = [Value(0.1), Value(-0.2)]
    c = Value(0.3)
    with sg.trace_calls():
        for step in range(length):
            h, c = mixed(Value(0.1 * step, label=f"x[{step}]"), h, c)
        loss = h[0] * h[1]
    loss.backward()
    return loss


def swing(x: Value, v: Value, k: sg.Parameter) -> tuple[Value, Value]:
    a = -k * x
    v = v + a * 0.1
    x = x + v * 0.1
    return x, v


def swung(length: int) -> Value:
    x, v, k = Value(1.0), Value(0.0), sg.Parameter(1.3)
    with sg.trace_calls():
        for _ in range(length):
            x, v = swing(x, v, k)
        loss = (x - 0.5) ** 2
    loss.backward()
    return loss


def turn(x: Value, a: Value, b: Value, c: Value) -> tuple[Value, Value, Value]:
    first = sg.tanh(x + b)
    second = sg.tanh(a - c)
    third = sg.tanh(b * a)
    return first, second, third


def turned(length: int) -> Value:
    states = (Value(0.1), Value(0.2), Value(0.3))
    with sg.trace_calls():
        for step in range(length):
            states = turn(Value(0.1 * step, label=f"x[{step}]"), *states)
        loss = states[0] * states[1]
    loss.backward()
    return loss


FUNCTIONS: dict[str, Any] = {"own": own, "swung": swung, "turned": turned}


@cache
def loss_of(name: str, size: int, length: int) -> Value:
    if name in FUNCTIONS:
        return FUNCTIONS[name](length)
    cell = KINDS[name](1, size, seed=0)
    state = None
    for step in range(length):
        state = cell([Value(0.3 - 0.1 * step, label=f"x[{step}]")], state)
    (out,) = Layer(size, 1, None, seed=1)(cell.output(state))
    loss = (out - 1.0) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


def stacked() -> Value:
    lower = LSTMCell(1, 2, seed=0)
    upper = RNNCell(2, 3, seed=1)
    first = second = None
    for step in range(4):
        first = lower([0.1 * step], first)
        second = upper(first[0], second)
    assert second is not None
    loss = sg.sum(second)
    loss.backward()
    return loss


def draw(name: str, size: int, length: int, width: int | None = None, **options: Any) -> Drawing:
    loss = stacked() if name == "stacked" else loss_of(name, size, length)
    return viz.draw(loss, level="sequence", width=width, **options)


def boxes(drawing: Drawing) -> dict[str, Rect]:
    """Return what must not overlap: all but the lines that join, and what is left out."""
    sequence = drawing.picture.sequence
    assert sequence is not None
    silent = {part.id for part in sequence.parts if part.kind in ("joint", "gap")}
    return {id: rect for id, rect in drawing.placed.nodes.items() if id not in silent}


def check_places(drawing: Drawing) -> None:
    placed = drawing.placed
    for (first, a), (second, b) in combinations(boxes(drawing).items(), 2):
        assert a.overlap(b) == 0.0, (first, second, a, b)
    for first_frame, second_frame in combinations(placed.groups.values(), 2):
        assert first_frame.overlap(second_frame) == 0.0
    for rect in [*placed.nodes.values(), *placed.groups.values()]:
        assert rect.x >= 0.0
        assert rect.y >= 0.0
        assert rect.right <= placed.width + 0.01
        assert rect.bottom <= placed.height + 0.01
    for node in drawing.picture.nodes:
        if node.group:
            frame = placed.groups[node.group]
            sequence = drawing.picture.sequence
            assert sequence is not None
            part = next(part for part in sequence.parts if part.id == node.id)
            if part.kind in ("box", "operation"):
                inside = frame.overlap(placed.nodes[node.id])
                rect = placed.nodes[node.id]
                assert inside == pytest.approx(rect.width * rect.height)


EVERY = [
    ("lstm", 4, 5),
    ("lstm", 16, 20),
    ("lstm", 40, 3),
    ("gru", 3, 1),
    ("gru", 4, 12),
    ("rnn", 1, 2),
    ("rnn", 6, 100),
    ("own", 2, 3),
    ("own", 2, 30),
    ("swung", 1, 4),
    ("swung", 1, 60),
    ("turned", 1, 3),
    ("turned", 1, 12),
    ("stacked", 0, 0),
]


@pytest.mark.parametrize("width", [None, 1600, 900, 390])
@pytest.mark.parametrize(("name", "size", "length"), EVERY)
def test_nothing_overlaps(name: str, size: int, length: int, width: int | None) -> None:
    check_places(draw(name, size, length, width))


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["lstm", "gru", "rnn", *FUNCTIONS]),
    st.integers(1, 20),
    st.integers(1, 14),
    st.sampled_from([None, 1600, 1100, 840, 390]),
)
def test_no_cell_of_any_length_overlaps(
    name: str, size: int, length: int, width: int | None
) -> None:
    check_places(draw(name, size, max(2, length), width))


@pytest.mark.parametrize(("name", "size", "length"), EVERY)
def test_no_type_is_smaller_than_eleven_pixels(name: str, size: int, length: int) -> None:
    root = ElementTree.fromstring(draw(name, size, length).svg("light"))
    sizes = [float(text.get("font-size", "0")) for text in root.iter(f"{SVG}text")]
    assert min(sizes) >= 11.0


def test_five_steps_of_an_lstm_fit_on_a_slide() -> None:
    drawing = draw("lstm", 4, 5, 1600)
    assert drawing.placed.width <= inner_width(1600)
    assert len({rect.y for rect in drawing.placed.groups.values()}) == 1


@pytest.mark.parametrize(("width", "rows"), [(900, [2, 2, 1]), (390, [1, 1, 1, 1, 1])])
def test_steps_wrap_where_a_page_is_narrow(width: int, rows: list[int]) -> None:
    drawing = draw("lstm", 4, 5, width)
    tops = [rect.y for rect in drawing.placed.groups.values()]
    assert [tops.count(top) for top in sorted(set(tops))] == rows
    assert drawing.placed.width <= inner_width(width)


def test_all_calls_have_the_same_plan() -> None:
    drawing = draw("gru", 3, 6)
    sequence = drawing.picture.sequence
    assert sequence is not None
    offsets: dict[str, set[tuple[float, float, float, float]]] = {}
    for part in sequence.parts:
        if part.kind not in ("box", "operation"):
            continue
        frame = drawing.placed.groups[drawing.picture.by_id[part.id].group]
        rect = drawing.placed.nodes[part.id]
        offset = (
            round(rect.x - frame.x, 6),
            round(rect.y - frame.y, 6),
            rect.width,
            rect.height,
        )
        offsets.setdefault(part.role, set()).add(offset)
    assert {role: len(each) for role, each in offsets.items()} == dict.fromkeys(offsets, 1)


def thickness(drawing: Drawing, title: str) -> float:
    """Return the thickness of the band whose title begins so."""
    root = ElementTree.fromstring(drawing.svg("light"))
    for group in root.iter(f"{SVG}g"):
        heading = group.find(f"{SVG}title")
        if heading is not None and (heading.text or "").startswith(title):
            path = group.find(f"{SVG}path")
            assert path is not None
            return float(path.get("stroke-width", "0"))
    raise AssertionError(f"no band {title!r}")


def test_a_band_is_as_thick_as_the_gradient_that_comes_back() -> None:
    drawing = draw("rnn", 3, 6)
    sequence = drawing.picture.sequence
    assert sequence is not None
    norms = {part.title: part.norm for part in sequence.parts if part.kind == "state"}
    largest = max(norm for norm in norms.values() if norm is not None)
    for title, norm in norms.items():
        assert norm is not None
        expected = 2.5 + 10.5 * norm / largest
        assert thickness(drawing, f"units → {title},") == pytest.approx(expected, abs=0.006)


def test_a_state_that_gets_no_gradient_is_dashed() -> None:
    cell = RNNCell(1, 1, seed=0)
    h = cell([0.5])
    for _ in range(3):
        h = cell([0.5], [0.0 * h[0]])
    h[0].backward()
    svg = viz.draw(h[0], level="sequence").svg("light")
    dashed = r"<title>[^<]*h1, ‖∇‖ 0(?:\.0)? comes back</title><path [^>]*stroke-dasharray"
    assert re.search(dashed, svg)


@pytest.mark.parametrize("theme", ["light", "dark", "auto", "transparent"])
@pytest.mark.parametrize(("name", "size", "length"), EVERY)
def test_it_is_a_document_in_every_theme(name: str, size: int, length: int, theme: str) -> None:
    svg = draw(name, size, length).svg(theme)
    ElementTree.fromstring(svg)
    assert "nan" not in svg


@pytest.mark.parametrize(("name", "size", "length"), EVERY)
def test_a_saved_picture_is_drawn_as_before(
    name: str, size: int, length: int, tmp_path: Path
) -> None:
    drawing = draw(name, size, length, 900)
    again = viz.load(drawing.save(tmp_path / "a.json"))
    assert again.svg("auto") == drawing.svg("auto")


@pytest.mark.parametrize("ending", [".dot", ".mmd", ".txt", ".tex", ".png"])
def test_every_format_can_be_saved(ending: str, tmp_path: Path) -> None:
    path = draw("lstm", 2, 3).save(tmp_path / f"a{ending}")
    assert path.stat().st_size > 500


def test_in_words_it_runs_from_the_first_step_to_the_last() -> None:
    lines = str(draw("rnn", 2, 2)).splitlines()
    assert lines[0] == "RNNCell(1 → 2) over 2 steps"
    assert [line for line in lines if line.endswith(":")] == ["cell.0:", "cell.1:"]
    assert any(line.startswith("  state h1: ‖∇‖ ") for line in lines)
    assert lines[-1].startswith("loss: data ")


def test_every_part_has_a_title() -> None:
    root = ElementTree.fromstring(draw("lstm", 2, 3).svg())
    symbols = [group for group in root.iter(f"{SVG}g") if group.get("role") == "graphics-symbol"]
    assert len(symbols) >= 3 * 12
    for symbol in symbols:
        title = symbol.find(f"{SVG}title")
        assert title is not None
        assert title.text


def test_a_sequence_is_not_played() -> None:
    loss = loss_of("lstm", 4, 5)
    with pytest.raises(PictureError, match="sequences are too coarse to play"):
        viz.animate(viz.draw(loss, level="sequence"))


def spoil(drawing: Drawing, path: Path, old: str, new: str) -> None:
    text = drawing.save(path).read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"kind": "box"', '"kind": "bomb"', "must be one of box, operation"),
        ('"id": "r0s0units", "kind": "box"', '"id": "r0s9", "kind": "box"', "one part for each"),
        ('"columns": 2', '"columns": 3', "is not whole"),
        ('"level": "sequence"', '"level": "chips"', "and no other, has a sequence"),
    ],
)
def test_a_document_that_is_not_whole_is_refused(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    spoil(draw("rnn", 2, 3), path, old, new)
    with pytest.raises(PictureError, match=message):
        viz.load(path)
