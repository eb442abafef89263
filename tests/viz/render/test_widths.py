"""Pictures that know where they are shown: they keep within their width, and can be read there."""

from collections import Counter
from functools import cache
from math import inf
from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import nn
from scalargrad.errors import OptionError
from tests.viz.graphs import chain, network, neuron, remembered, seen, wide
from viz.drawing import Drawing
from viz.layout.geometry import Rect
from viz.layout.rows import MARKER

NS = "{http://www.w3.org/2000/svg}"
SMALLEST = 9.0
"""Pixels below which text is not read any more."""

PICTURES = {
    "neuron": lambda **options: viz.draw(neuron(), title="A neuron", **options),
    "chips": lambda **options: viz.draw(network([4, 4, 1]), **options),
    "cards": lambda **options: viz.draw(network([4, 4, 1]), level="cards", **options),
    "open boxes": lambda **options: viz.draw(network([3, 2, 1]), expand="*", **options),
    "neurons": lambda **options: viz.draw(network([16, 16, 1]), **options),
    "few neurons": lambda **options: viz.draw(network([4, 4, 1]), level="neurons", **options),
    "network": lambda **options: viz.draw(nn.MLP(2, [16, 16, 1], seed=0), **options),
    "layers": lambda **options: viz.draw(network([16, 16, 1]), level="layers", **options),
    "images": lambda **options: viz.draw(seen(), level="layers", **options),
    "sequence": lambda **options: viz.draw(remembered(), level="layers", **options),
    "wide": lambda **options: viz.draw(wide(), **options),
    "chain": lambda **options: viz.draw(chain(60), **options),
    "program": lambda **options: viz.draw(program(), **options),
    "dictionary": lambda **options: viz.draw(
        {"loss": ["linear", "y"], "linear": ["k", "x"]}, **options
    ),
}
WIDTHS = (1600, 1184, 840, 390)
TOO_WIDE = {
    ("neurons", 390): "a layer of sixteen units",
    ("network", 390): "a layer of sixteen units",
    ("cards", 390): "boxes of several neurons",
    ("open boxes", 840): "a box with a whole neuron in it",
    ("open boxes", 390): "a box with a whole neuron in it",
}
"""What can't be made narrow keeps the size of its type, so that it is scrolled."""
CASES = [(name, width) for name in PICTURES for width in WIDTHS]


def program() -> sg.compiler.Compiled:
    model = nn.MLP(2, [16, 16, 1], seed=1)
    return sg.compile(model, model, inputs=(2,))


@cache
def drawn(name: str, width: float | None = None) -> Drawing:
    return PICTURES[name](width=width)


@cache
def document(name: str, width: float | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(drawn(name, width).svg())


def page_width(root: ElementTree.Element) -> float:
    return float(root.get("viewBox").split()[2])


def smallest_font(root: ElementTree.Element) -> float:
    return min(float(text.get("font-size")) for text in root.iter(f"{NS}text"))


@pytest.mark.parametrize(("name", "width"), CASES)
def test_a_picture_keeps_within_its_width(name, width):
    if (name, width) in TOO_WIDE:
        assert page_width(document(name, width)) > width
    else:
        assert page_width(document(name, width)) <= width + 0.5


@pytest.mark.parametrize(("name", "width"), CASES)
def test_all_text_can_be_read_at_its_width(name, width):
    root = document(name, width)
    scale = 1.0 if (name, width) in TOO_WIDE else min(1.0, width / page_width(root))
    assert smallest_font(root) * scale >= SMALLEST


@pytest.mark.parametrize(("name", "width"), CASES)
def test_a_width_leaves_nothing_out(name, width):
    natural = drawn(name).picture
    shown = drawn(name, width).placed
    assert shown.picture == natural
    assert set(shown.nodes) == {node.id for node in natural.nodes}
    assert len(shown.routes) == len(natural.edges)


@pytest.mark.parametrize(("name", "width"), CASES)
def test_numbers_at_the_ends_of_rows_cover_nothing(name, width):
    placed = drawn(name, width).placed
    frames = list(placed.nodes.values())
    for x, y in marker_centers(placed):
        marker = Rect(x - MARKER / 2, y - MARKER / 2, MARKER, MARKER)
        assert marker.x >= -0.5
        assert marker.right <= placed.width + 0.5
        assert all(marker.overlap(frame) < 0.5 for frame in frames)


def marker_centers(placed):
    centers = set()
    for split in placed.splits.values():
        (x0, _), (x1, y1) = split.before[-2:]
        down = abs(x1 - x0) < 0.5
        centers.add((x1, y1 + MARKER / 2) if down else (x1 + MARKER / 2, y1))
        (x1, y1), (x0, _) = split.after[:2]
        down = abs(x1 - x0) < 0.5
        centers.add((x1, y1 - MARKER / 2) if down else (x1 - MARKER / 2, y1))
    return centers


@pytest.mark.parametrize("name", ["neuron", "chips", "chain"])
def test_each_line_that_ends_in_a_number_goes_on_from_it(name):
    placed = drawn(name, 390).placed
    assert placed.splits
    sources = {}
    for i, split in placed.splits.items():
        sources.setdefault(split.number, set()).add(placed.picture.edges[i].source)
    assert all(len(names) == 1 for names in sources.values())
    assert sorted(sources) == list(range(1, len(sources) + 1))
    drawn_numbers = Counter(text.text for text in document(name, 390).iter(f"{NS}text"))
    assert all(drawn_numbers[str(number)] >= 2 for number in sources)


def test_rows_are_read_from_left_to_right_and_from_top_to_bottom():
    placed = drawn("chain", 840).placed
    for i, edge in enumerate(placed.picture.edges):
        source, target = placed.nodes[edge.source], placed.nodes[edge.target]
        if i in placed.splits:
            assert target.y > source.y
        else:
            assert target.x >= source.right


def test_a_picture_that_fits_is_as_without_a_width():
    wide_enough = drawn("neuron", 1600).placed
    assert wide_enough.nodes == drawn("neuron").placed.nodes
    assert wide_enough.splits == {}


def test_places_are_widths():
    graph = neuron()
    for place, width in (("slide", 1600), ("column", 840), ("phone", 390)):
        assert viz.draw(graph, width=place).svg() == viz.draw(graph, width=width).svg()


@pytest.mark.parametrize("width", [0, -5, 199, inf, float("nan"), "wide", True, [390]])
def test_anything_else_is_refused(width):
    with pytest.raises(OptionError, match="width must be a number of pixels"):
        viz.draw(neuron(), width=width)
