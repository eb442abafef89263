"""The calls of an open box: where their cells are, and what leaves them."""

from itertools import combinations
from math import hypot

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from tests.viz.small_gpt import make_weights, word_loss
from viz.layout.block_cells import plan_cells
from viz.layout.block_places import CellPiece
from viz.model.block_card import Block, CallCell
from viz.model.heatmap import Map
from viz.model.picture import Node


@pytest.fixture(scope="module")
def loss():
    with sg.trace_calls():
        root = word_loss(make_weights(), "emma")
    root.backward()
    return root


def make_block(count, columns, is_gray, in_row):
    numbers = (0.5,) * columns
    shown = Map("row", 1, columns, numbers, is_gray=is_gray, scale=1.0)
    cells = tuple(
        CallCell(f"#{i} token", 1234, shown, 0.25, later=i % 2 * 32) for i in range(count)
    )
    return Block(
        "b0",
        title="q",
        line="f 2 → 2",
        values=99,
        calls=count,
        norm=1.0,
        cells=cells,
        cells_in_row=in_row,
    )


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(2, 40),
    columns=st.integers(1, 160),
    is_gray=st.booleans(),
    in_row=st.integers(0, 8),
    width=st.sampled_from([200.0, 366.0, 840.0, 1500.0]),
)
def test_no_cell_is_on_another_and_all_are_in_their_box(count, columns, is_gray, in_row, width):
    block = make_block(count, columns, is_gray, in_row)
    plan = plan_cells(block, Node("b0", "module"), width)
    cells = [rect for piece, rect in plan.pieces if isinstance(piece, CellPiece)]
    assert len(cells) == count
    wide, high = plan.size
    assert wide <= width
    for rect in cells:
        assert rect.x >= 0.0
        assert rect.right <= wide + 1e-9
        assert rect.bottom <= high
    for first, second in combinations(cells, 2):
        assert first.overlap(second) == 0.0


def test_heads_of_one_position_are_a_row(loss):
    drawing = viz.draw(loss, level="blocks", expand="weights", width=1600)
    assert drawing.placed.blocks is not None
    (plan,) = [plan for plan in drawing.placed.blocks.plans.values() if plan.block.cells]
    tops = [rect.y for piece, rect in plan.pieces if isinstance(piece, CellPiece)]
    assert [tops.count(top) for top in sorted(set(tops))] == [4, 4, 4, 4, 4]


def test_a_cell_shows_what_leaves_its_call(loss):
    closed = viz.draw(loss, level="blocks").picture
    (q,) = [block for block in closed.blocks if block.title == "q"]
    opened = viz.draw(loss, level="blocks", expand="q").picture
    (cells,) = [block.cells for block in opened.blocks if block.cells]
    rows = [cell.shown.numbers for cell in cells]
    assert tuple(number for row in rows for number in row) == q.strip.numbers
    assert [cell.norm for cell in cells] == [pytest.approx(hypot(*row)) for row in rows]
    assert opened.largest == closed.largest


@pytest.mark.parametrize("width", [390, 900, 1600])
@pytest.mark.parametrize("expand", ["predict", "q", "weights", "scores"])
def test_open_boxes_fit_the_page(loss, expand, width):
    drawing = viz.draw(loss, level="blocks", expand=expand, tokens="·emma", width=width)
    assert drawing.placed.is_fitting
    nodes = list(drawing.placed.nodes.values())
    for first, second in combinations(nodes, 2):
        assert first.overlap(second) == 0.0
    assert drawing.svg().count("‖∇‖") >= 5


def test_cells_are_read_out_and_loaded(loss, tmp_path):
    drawing = viz.draw(loss, level="blocks", expand="predict", tokens="·emma")
    assert "call #2 e: 7,441 values" in str(drawing)
    path = drawing.save(tmp_path / "cells.json")
    assert viz.load(path).svg() == drawing.svg()
