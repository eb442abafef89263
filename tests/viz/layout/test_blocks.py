"""The layout of the blocks view: nothing overlaps, lines go around boxes."""

from functools import cache
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.viz import block_pictures as pictures
from viz.layout.block_cards import count_text, plan_block
from viz.layout.block_order import fill_lines, find_depths, find_stream_parts
from viz.layout.blocks import lay_out_blocks
from viz.layout.geometry import Point, Rect
from viz.layout.orthogonal_routes import OrthogonalRouter, Port
from viz.layout.placed import PlacedPicture, inner_width
from viz.model.picture import Edge, Picture

PICTURES = {
    "gpt": pictures.gpt_picture(),
    "one panel, no head": pictures.gpt_picture(1, has_head=False),
    "three panels": pictures.gpt_picture(3),
    "six panels": pictures.gpt_picture(6),
    "before backward": pictures.without_gradients(pictures.gpt_picture()),
    "chain": pictures.chain_picture(),
    "diamond": pictures.diamond_picture(),
    "frames": pictures.nested_picture(),
    "cycle": pictures.cycle_picture(),
}
WIDTHS = (1600.0, 900.0, 840.0, 390.0)
CASES = [(name, width) for name in PICTURES for width in WIDTHS]


def place(picture: Picture, width: float) -> PlacedPicture:
    return lay_out_blocks(picture, inner_width(width))


@cache
def placed_at(name: str, width: float) -> PlacedPicture:
    return place(PICTURES[name], width)


def outer_rects(placed: PlacedPicture) -> dict[str, Rect]:
    """The boxes with the sheets behind them."""
    assert placed.blocks is not None
    found = {}
    for id, rect in placed.nodes.items():
        sheets = placed.blocks.plans[id].sheets
        found[id] = Rect(rect.x, rect.y, rect.width + sheets, rect.height + sheets)
    return found


def stretches(route: tuple[Point, ...]) -> list[Rect]:
    found = []
    for (x0, y0), (x1, y1) in pairwise(route):
        found.append(Rect(min(x0, x1), min(y0, y1), abs(x1 - x0) + 0.01, abs(y1 - y0) + 0.01))
    return found


def drawn(placed: PlacedPicture) -> list[int]:
    """The edges that have a line."""
    assert placed.blocks is not None
    return [i for i in range(len(placed.routes)) if i not in placed.blocks.on_band]


def crossed_boxes(placed: PlacedPicture) -> list[tuple[int, str]]:
    boxes = {id: rect.shrink(1, 1) for id, rect in outer_rects(placed).items()}
    found = []
    for i in drawn(placed):
        for stretch in stretches(placed.routes[i]):
            found += [(i, id) for id, box in boxes.items() if stretch.overlap(box)]
    return found


@pytest.mark.parametrize(("name", "width"), CASES)
def test_boxes_do_not_overlap(name: str, width: float) -> None:
    boxes = outer_rects(placed_at(name, width)).values()
    assert not [(a, b) for a, b in combinations(boxes, 2) if a.overlap(b)]


@pytest.mark.parametrize(("name", "width"), CASES)
def test_lines_cross_no_box(name: str, width: float) -> None:
    assert not crossed_boxes(placed_at(name, width))


@pytest.mark.parametrize(("name", "width"), CASES)
def test_a_picture_is_no_wider_than_its_page(name: str, width: float) -> None:
    placed = placed_at(name, width)
    assert placed.is_fitting
    assert placed.width <= inner_width(width)


@pytest.mark.parametrize(("name", "width"), CASES)
def test_everything_is_on_the_page(name: str, width: float) -> None:
    placed = placed_at(name, width)
    assert placed.blocks is not None
    page = Rect(0, 0, placed.width, placed.height).shrink(-0.5, -0.5)
    texts = [*placed.blocks.labels.values(), *placed.blocks.titles.values()]
    lines = [rect for route in placed.routes for rect in stretches(route)]
    for rect in (*outer_rects(placed).values(), *texts, *lines, *placed.blocks.guide.values()):
        assert page.x <= rect.x
        assert page.y <= rect.y
        assert rect.right <= page.right
        assert rect.bottom <= page.bottom


@pytest.mark.parametrize(("name", "width"), CASES)
def test_counts_and_headings_cover_nothing(name: str, width: float) -> None:
    placed = placed_at(name, width)
    assert placed.blocks is not None
    texts = [*placed.blocks.labels.values(), *placed.blocks.titles.values()]
    boxes = list(outer_rects(placed).values())
    assert not [(a, b) for a, b in combinations(texts, 2) if a.overlap(b)]
    assert not [(text, box) for text in texts for box in boxes if text.overlap(box)]


@pytest.mark.parametrize(("name", "width"), CASES)
def test_no_line_runs_through_the_count_of_another(name: str, width: float) -> None:
    placed = placed_at(name, width)
    assert placed.blocks is not None
    for i, label in placed.blocks.labels.items():
        others = [
            stretch for j in drawn(placed) if j != i for stretch in stretches(placed.routes[j])
        ]
        assert not any(label.overlap(stretch) for stretch in others)


@pytest.mark.parametrize(("name", "width"), CASES)
def test_frames_hold_their_members_and_no_others(name: str, width: float) -> None:
    placed = placed_at(name, width)
    assert placed.blocks is not None
    parents = {group.path: group.parent for group in placed.picture.groups}
    for group in placed.picture.groups:
        outline = placed.blocks.outlines.get(group.path)
        for node in placed.picture.nodes:
            chain = [node.group]
            while chain[-1]:
                chain.append(parents[chain[-1]])
            rect = outer_rects(placed)[node.id]
            center = (rect.center, rect.middle)
            if outline is None:
                inside = bool(placed.groups[group.path].overlap(rect))
            else:
                inside = is_inside(center, outline)
            assert inside == (group.path in chain), (group.path, node.id)


def is_inside(point: Point, outline: tuple[Point, ...]) -> bool:
    """Whether a point is in a polygon: a ray from it crosses the outline an odd number of times."""
    x, y = point
    crossings = 0
    for (x0, y0), (x1, y1) in pairwise([*outline, outline[0]]):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            crossings += 1
    return crossings % 2 == 1


@pytest.mark.parametrize(("name", "width"), CASES)
def test_the_guide_covers_nothing(name: str, width: float) -> None:
    placed = placed_at(name, width)
    assert placed.blocks is not None
    parts = list(placed.blocks.guide.values())
    taken = [*outer_rects(placed).values(), *placed.blocks.labels.values()]
    taken += [rect for path, rect in placed.groups.items() if path not in placed.blocks.outlines]
    assert not [(a, b) for a, b in combinations(parts, 2) if a.overlap(b)]
    assert not [(part, rect) for part in parts for rect in taken if part.overlap(rect)]


@pytest.mark.parametrize(("count", "width"), [(20, 0.0), (20, 840.0), (20, 390.0), (60, 0.0)])
def test_lines_of_many_boxes_cross_none(count: int, width: float) -> None:
    placed = place(pictures.random_picture(count, count), width)
    assert not crossed_boxes(placed)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12), st.sampled_from([0.0, 840.0, 390.0]))
def test_any_graph_has_lines_around_its_boxes(seed: int, count: int, width: float) -> None:
    placed = place(pictures.random_picture(seed, count), width)
    assert not crossed_boxes(placed)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12), st.sampled_from([0.0, 840.0, 390.0]))
def test_lines_of_two_boxes_do_not_run_on_each_other(seed: int, count: int, width: float) -> None:
    placed = place(pictures.random_picture(seed, count), width)
    edges = placed.picture.edges
    for i, j in combinations(drawn(placed), 2):
        if edges[i].source == edges[j].source:
            continue
        for first in stretches(placed.routes[i]):
            for second in stretches(placed.routes[j]):
                shared = first.shrink(-0.2, -0.2).overlap(second.shrink(-0.2, -0.2))
                # A crossing shares a point, two lines on each other a stretch.
                assert shared < 4.0


def test_a_stream_runs_straight_on_a_slide() -> None:
    placed = place(pictures.gpt_picture(), 1600.0)
    assert placed.blocks is not None
    (_, start), (_, end) = placed.blocks.band
    assert start == end
    middles = [placed.nodes[id].middle for id in placed.picture.stream[1:-1]]
    assert middles == pytest.approx([start] * len(middles))


def test_a_stream_runs_down_in_a_column() -> None:
    placed = place(pictures.gpt_picture(), 840.0)
    assert placed.blocks is not None
    sums = placed.picture.stream[1:-1]
    centers = {placed.nodes[id].center for id in sums}
    assert len(centers) == 1
    assert placed.nodes[sums[0]].y < placed.nodes[sums[1]].y


def test_the_guide_fills_the_free_corner_of_a_slide() -> None:
    placed = place(pictures.gpt_picture(), 1600.0)
    assert placed.blocks is not None
    last = max(rect.bottom for rect in placed.groups.values())
    assert all(rect.bottom <= last for rect in placed.blocks.guide.values())


def test_what_is_outside_of_a_stream_is_placed_by_the_general_rules() -> None:
    picture = pictures.nested_picture()
    assert find_stream_parts(picture) is None
    stream = Picture("blocks", picture.nodes, stream=("a", "d"), groups=picture.groups)
    assert find_stream_parts(stream) is None


def test_a_call_that_depends_on_itself_has_a_line_to_itself() -> None:
    placed = place(pictures.cycle_picture(), 1600.0)
    loop = next(
        route
        for edge, route in zip(placed.picture.edges, placed.routes, strict=True)
        if edge.source == edge.target
    )
    assert len(loop) >= 4


def test_an_empty_picture_has_no_size() -> None:
    placed = lay_out_blocks(Picture("blocks"))
    assert (placed.width, placed.height) == (0.0, 0.0)


# Order


def test_boxes_that_depend_on_each_other_have_an_order() -> None:
    depths = find_depths("ab", [Edge("a", "b"), Edge("b", "a")])
    assert sorted(depths.values()) == [0, 1]


@given(st.lists(st.floats(1.0, 50.0), min_size=1, max_size=9), st.floats(50.0, 120.0))
def test_lines_keep_the_order_and_are_no_longer_than_allowed(
    lengths: list[float], limit: float
) -> None:
    ids = [str(i) for i in range(len(lengths))]
    sizes = dict(zip(ids, lengths, strict=True))
    depths = {id: i for i, id in enumerate(ids)}
    lines = fill_lines(ids, sizes, depths, limit, 5.0)
    assert [id for line in lines for id in line] == ids
    for line in lines:
        assert sum(sizes[id] for id in line) + 5.0 * (len(line) - 1) <= limit


# Lines


def test_a_line_goes_around_what_is_in_the_way() -> None:
    wall = Rect(60, -40, 20, 100)
    router = OrthogonalRouter([Rect(0, 0, 40, 20), wall, Rect(100, 0, 40, 20)])
    route = router.find([Port((40, 10), (1, 0))], [Port((100, 10), (-1, 0))], "a")
    assert not any(stretch.overlap(wall) for stretch in stretches(route))


def test_a_line_keeps_off_another_one() -> None:
    router = OrthogonalRouter([Rect(0, 0, 40, 60), Rect(200, 0, 40, 60)])
    first = router.find([Port((40, 30), (1, 0))], [Port((200, 30), (-1, 0))], "a")
    starts = [Port((40, 30), (1, 0)), Port((40, 45), (1, 0), 5.0)]
    ends = [Port((200, 30), (-1, 0)), Port((200, 45), (-1, 0), 5.0)]
    second = router.find(starts, ends, "b")
    assert first == ((40, 30), (200, 30))
    assert second == ((40, 45), (200, 45))


def test_lines_of_one_source_share_their_way() -> None:
    router = OrthogonalRouter([Rect(0, 0, 40, 20), Rect(200, 0, 40, 20), Rect(200, 60, 40, 20)])
    start = [Port((40, 10), (1, 0))]
    first = router.find(start, [Port((200, 10), (-1, 0))], "a")
    second = router.find(start, [Port((200, 70), (-1, 0))], "a")
    assert first[0] == second[0]
    assert second[1][1] == first[1][1]


# Boxes


@pytest.mark.parametrize("width", [160.0, 280.0, 420.0])
def test_what_is_in_a_box_stays_in_it(width: float) -> None:
    picture = pictures.gpt_picture()
    for block in picture.blocks:
        plan = plan_block(block, picture.by_id[block.id], width, is_row=False)
        inside = Rect(0, 0, *plan.size).shrink(-0.5, -0.5)
        for _, rect in plan.pieces:
            assert rect.right <= inside.right
            assert rect.bottom <= inside.bottom


def test_thousands_are_separated_by_a_thin_space() -> None:
    assert count_text(43021) == "43\u2009021"
