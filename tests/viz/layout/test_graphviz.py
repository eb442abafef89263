"""Positions from Graphviz: columns, limits, and which Graphviz is used."""

import subprocess
from itertools import pairwise

import pytest

from scalargrad.errors import LayoutError, OptionError
from viz.layout import graphviz_process
from viz.layout.graphviz import Box, place


def boxes(count: int) -> list[Box]:
    return [Box(f"n{i}", 30.0, 20.0) for i in range(count)]


def test_edges_run_to_the_right_with_the_gap_asked_for():
    placed = place(boxes(3), [("n0", "n1"), ("n1", "n2")], column_gap=50, row_gap=10)
    xs = [placed.centers[f"n{i}"][0] for i in range(3)]
    assert xs[1] - xs[0] == pytest.approx(80, abs=1)
    assert xs[2] - xs[1] == pytest.approx(80, abs=1)


def test_boxes_of_one_column_share_their_x_and_do_not_overlap():
    column = [Box(f"n{i}", 30.0 + i, 20.0, column=1) for i in range(5)]
    placed = place(
        [*column, Box("end", 30.0, 20.0, column=2)],
        [(box.id, "end") for box in column],
        column_gap=40,
        row_gap=12,
    )
    assert len({round(placed.centers[box.id][0], 1) for box in column}) == 1
    ys = sorted(placed.centers[box.id][1] for box in column)
    assert all(b - a >= 31.5 for a, b in pairwise(ys))


def test_an_edge_within_a_column_runs_down():
    placed = place(
        [Box("a", 30, 20, 1), Box("b", 30, 20, 1), Box("c", 30, 20, 1)],
        [("a", "b"), ("b", "c")],
        column_gap=40,
        row_gap=12,
    )
    assert placed.centers["a"][1] < placed.centers["b"][1] < placed.centers["c"][1]


def test_boxes_left_of_all_keep_their_order_from_top_to_bottom():
    ports = [Box(f"p{i}", 8, 8, -1) for i in range(6)]
    placed = place(
        [*ports, Box("n", 30, 20)],
        [(port.id, "n") for port in reversed(ports)],
        column_gap=40,
        row_gap=12,
    )
    ys = [placed.centers[port.id][1] for port in ports]
    assert ys == sorted(ys)


def test_nothing_to_place():
    assert place([], [], column_gap=1, row_gap=1).width == 0.0


def test_the_same_edge_twice_has_two_routes():
    placed = place(boxes(2), [("n0", "n1"), ("n0", "n1")], column_gap=40, row_gap=10)
    assert len(placed.routes) == 2


def test_a_layout_that_takes_too_long_ends_in_an_error():
    tangle = [(f"n{i}", f"n{j}") for i in range(120) for j in range(i + 1, 120)]
    with pytest.raises(LayoutError, match=r"not finish within 0\.05 s"):
        place(boxes(120), tangle, column_gap=40, row_gap=10, limit=0.05)


def test_large_graphs_are_placed_in_a_process_of_their_own(monkeypatch):
    used = []
    run = subprocess.run
    monkeypatch.setattr(
        graphviz_process.subprocess, "run", lambda *a, **k: used.append(1) or run(*a, **k)
    )
    many = place(
        boxes(150),
        [(f"n{i}", f"n{i + 1}") for i in range(149)],
        column_gap=20,
        row_gap=10,
        limit=60,
    )
    assert used
    assert len(many.centers) == 150


def test_dot_on_the_path_serves_where_the_wheel_is_missing(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LayoutError, match="pip install pygraphviz"):
        graphviz_process.choose_program()
    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\nexit 3\n")
    fake.chmod(0o755)
    assert graphviz_process.choose_program() == "dot"
    with pytest.raises(LayoutError, match="exit status 3"):
        place(boxes(1), [], column_gap=1, row_gap=1)
    with pytest.raises(OptionError, match="must be 'dot', 'pygraphviz' or None, not 'neato'"):
        graphviz_process.choose_program("neato")
