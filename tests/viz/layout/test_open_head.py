"""Where the panels, the cells and the cards of an open attention head are."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viz
from scalargrad import Value
from tests.viz.views.test_open_head import write_dots
from viz.layout.head_panels import PRODUCTS, WEIGHTED, place_panels
from viz.model.snapshot import Snapshot
from viz.views.attention_heads import find_heads
from viz.views.open_head import HeadNames, open_head_picture


def picture_of(positions, size, width, tokens=()):
    rng = random.Random(positions * 100 + size * 10 + width)

    def vectors(length):
        return [[Value(rng.gauss(0, 1)) for _ in range(length)] for _ in range(positions)]

    q = [Value(rng.gauss(0, 1)) for _ in range(size)]
    root = sum(write_dots(q, vectors(size), vectors(width), 0.5), Value(0.0))
    root.backward()
    snapshot = Snapshot([root])
    (head,) = find_heads(snapshot, snapshot.order)
    return open_head_picture(snapshot, head, HeadNames("attention", tokens=tokens))


def drawing_of(picture, width):
    drawing = viz.drawing.Drawing([picture], width=width)
    return drawing, drawing.placed


SIZES = st.tuples(st.integers(1, 16), st.integers(1, 12), st.integers(1, 12))


@settings(max_examples=40, deadline=None)
@given(sizes=SIZES, width=st.sampled_from([0.0, 390.0, 900.0, 1600.0]))
def test_no_panel_is_on_another_and_all_fit_the_page(sizes, width):
    picture = picture_of(*sizes)
    _, placed = drawing_of(picture, width)
    assert placed.is_fitting
    head = picture.by_id[picture.center].head
    places = place_panels(head, placed.nodes[picture.center].width)
    assert (places.width, places.height) == pytest.approx(
        (placed.nodes[picture.center].width, placed.nodes[picture.center].height)
    )
    assert [panel.kind for panel in places.panels] == list(range(6))
    for first, second in combinations(places.panels, 2):
        assert first.rect.overlap(second.rect) == 0.0
    for panel in places.panels:
        assert panel.rect.x >= 0.0
        assert panel.rect.right <= places.width
        assert panel.rect.bottom <= places.height


@settings(max_examples=40, deadline=None)
@given(sizes=SIZES, width=st.sampled_from([390.0, 900.0, 1600.0]))
def test_every_cell_is_inside_its_panel(sizes, width):
    positions, size, columns = sizes
    picture = picture_of(*sizes)
    head = picture.by_id[picture.center].head
    places = place_panels(head, width)
    for panel in places.panels:
        counts = (size, size, 1, 1, columns, columns)
        last = counts[panel.kind] - 1
        middles = [places.row_middle(panel.band, row) for row in range(positions)]
        if panel.kind == PRODUCTS:
            middles.append(places.query_middle(panel.band))
        if panel.kind == WEIGHTED:
            middles.append(places.result_middle(panel.band, positions))
        for middle in middles:
            cell = panel.cell_at(last, middle)
            assert cell.overlap(panel.rect) == pytest.approx(cell.width * cell.height)
        gaps = [b - a for a, b in zip(sorted(middles), sorted(middles)[1:], strict=False)]
        assert all(gap >= cell.height for gap in gaps)


@pytest.mark.parametrize("width", [390.0, 900.0, 1600.0])
def test_cards_are_inside_their_box_and_apart(width):
    picture = picture_of(5, 4, 4)
    _, placed = drawing_of(picture, width)
    (box,) = placed.groups.values()
    cards = [rect for id, rect in placed.nodes.items() if id != picture.center]
    for card in cards:
        assert card.overlap(box) == pytest.approx(card.width * card.height)
    for first, second in combinations([*cards, placed.nodes[picture.center]], 2):
        assert first.overlap(second) == 0.0


def test_cells_too_narrow_for_numbers_are_colors():
    picture = picture_of(3, 12, 12)
    head = picture.by_id[picture.center].head
    assert place_panels(head, 900.0).has_numbers
    assert not place_panels(head, 366.0).has_numbers


def test_lines_run_down_on_a_phone():
    picture = picture_of(5, 4, 4)
    _, phone = drawing_of(picture, 390.0)
    _, slide = drawing_of(picture, 1600.0)
    assert (phone.picture.rankdir, slide.picture.rankdir) == ("TB", "LR")


def test_hostile_names_are_text_and_numbers_without_end_are_marked():
    picture = picture_of(2, 2, 2, tokens=("<b>&\"'", "x" * 500))
    drawing, _ = drawing_of(picture, 900.0)
    svg = drawing.svg()
    assert "<b>" not in svg
    assert "&lt;b&gt;&amp;" in svg


@pytest.mark.parametrize("theme", ["auto", "light", "dark", "transparent"])
def test_it_is_loaded_as_it_was_saved(theme, tmp_path):
    picture = picture_of(3, 4, 2)
    drawing = viz.drawing.Drawing([picture], theme, width=900.0)
    path = drawing.save(tmp_path / "head.json")
    assert viz.load(path).svg() == drawing.svg()


def test_infinite_numbers_are_drawn_in_the_color_of_alarm():
    q = [Value(1.0), Value(2.0)]
    keys = [[Value(1.0), Value(0.5)], [Value(2.0), Value(1.0)]]
    values = [[Value(float("inf"))], [Value(1.0)]]
    root = write_dots(q, keys, values, 1.0)[0]
    root.backward()
    snapshot = Snapshot([root])
    (head,) = find_heads(snapshot, snapshot.order)
    picture = open_head_picture(snapshot, head, HeadNames("attention"))
    assert not picture.is_finite
    drawing, _ = drawing_of(picture, 900.0)
    assert "#c62828" in drawing.svg()
