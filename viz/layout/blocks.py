"""Positions in the blocks view: boxes, frames, the stream, lines around them, and the guide."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from math import inf

from viz.look.measures import BLOCK
from viz.look.text import fit_text, width
from viz.model.picture import Group, Picture

from .block_cards import plan_block
from .block_cells import plan_cells
from .block_guide import measure_guide
from .block_labels import place_labels
from .block_lines import edges_on_band, find_lines
from .block_order import StreamParts, find_stream_parts
from .block_places import BlockPlaces
from .block_rows import MAX_LANES, place_rows
from .block_stream import AcrossForm, DownForm, Stage, corners, surround
from .geometry import Point, Rect
from .layered import LayoutSettings, lay_out_graph
from .placed import PlacedPicture

_COLUMN_GAP = 64.0
_ROW_GAP = 34.0
_MAX_BOX = 420.0
_PILE = 8.0
"""The space that the sheets behind a frame with several calls take."""
_GUIDE_GAP = 30.0
STREAM_WORDS = "residual stream"


def lay_out_blocks(
    picture: Picture, max_width: float = inf, limit: float = 5.0, program: str | None = None
) -> PlacedPicture:
    """Place a picture of blocks, about its stream if it has one, else in columns or rows.

    Args:
        picture: A picture at level "blocks".
        max_width: The width that it has at most.
        limit: Seconds for each call of Graphviz.
        program: Which Graphviz, as for `place`.

    Raises:
        LayoutError: Graphviz is missing, fails, or is not done in time.
    """
    if not picture.nodes:
        places = BlockPlaces({}, {}, {})
        return PlacedPicture(picture, {}, {}, (), (), width=0.0, height=0.0, blocks=places)
    room = max_width - _PILE
    parts = find_stream_parts(picture)
    if parts is not None:
        stage = _place_stream(picture, parts, room)
    else:
        settings = LayoutSettings(_COLUMN_GAP, _ROW_GAP, limit, program)
        stage = _place_graph(picture, room, settings)
    return _finish(picture, stage, max_width)


def _plan(picture: Picture, max_width: float, is_row: bool, room: float = 0.0) -> Stage:
    """Measure all boxes.

    Args:
        picture: The picture.
        max_width: The width of a box at most.
        is_row: Whether what is in a box is in rows as far as it fits.
        room: The width of an open box at most, where that may be wider; else 0.
    """
    plans = {}
    for block in picture.blocks:
        node = picture.by_id[block.id]
        if block.cells:
            plans[block.id] = plan_cells(block, node, room or max_width)
            continue
        limit = max_width if block.kind == "input" and is_row else min(_MAX_BOX, max_width)
        plans[block.id] = plan_block(block, node, limit, is_row)
    return Stage(plans)


def _place_stream(picture: Picture, parts: StreamParts, room: float) -> Stage:
    """Place boxes about the stream: across the page if it is wide enough, else down."""
    # The calls of an open box are in fewer columns where that keeps the stream across the page.
    is_open = any(block.cells for block in picture.blocks)
    widths = (_MAX_BOX, 270.0, 170.0) if is_open else (_MAX_BOX,)
    for is_tight, cells_width in product((False, True), widths):
        stage = _plan(picture, _MAX_BOX, is_row=False, room=cells_width)
        AcrossForm(picture, parts, stage, is_tight).place()
        if stage.extent.width <= room:
            return stage
    down = partial(DownForm, picture, parts)
    stage = _plan(picture, room, is_row=True)
    inner = down(stage, room).inner_width
    stage = _plan(picture, inner, is_row=True)
    down(stage, room).place()
    return stage


def _place_graph(picture: Picture, room: float, settings: LayoutSettings) -> Stage:
    """Place boxes from left to right; in rows where that is too wide."""
    stage = _plan(picture, _MAX_BOX, is_row=False, room=room)
    sizes = {id: stage.size(id) for id in stage.plans}
    headers = {group.path: 40 + _heading_width(group) for group in picture.groups}
    placed = lay_out_graph(picture, sizes, headers, settings)
    if placed.width <= room:
        for id, rect in placed.nodes.items():
            stage.put(id, rect.x, rect.y)
        for group in picture.groups:
            rect = placed.groups[group.path]
            if group.is_panel:
                stage.panels[group.path] = rect
            else:
                stage.outlines[group.path] = corners(rect)
        return stage
    deepest = max((_depth(picture, group) for group in picture.groups), default=0)
    inset = 28.0 if room > 500 else 16.0
    stage = _plan(picture, room - 2 * inset * deepest - 2 * MAX_LANES, is_row=True)
    place_rows(picture, stage, room)
    return stage


def _depth(picture: Picture, group: Group) -> int:
    parents = {other.path: other.parent for other in picture.groups}
    depth = 1
    path = group.parent
    while path:
        depth += 1
        path = parents[path]
    return depth


# Lines, headings, guide


def heading_text(group: Group) -> str:
    """Return the heading of a frame or panel.

    Example:
        >>> heading_text(Group("gpt", "gpt", calls=5))
        '▾ gpt × 5'
    """
    return group.title if group.is_panel else f"▾ {group.heading}"


def _heading_width(group: Group) -> float:
    return width(heading_text(group), BLOCK.frame, bold=True)


def _finish(
    picture: Picture, stage: Stage, max_width: float, is_moved: bool = False
) -> PlacedPicture:
    """Return the picture with its lines, headings and guide, moved so that it begins at 0.

    Args:
        picture: The picture.
        stage: Where boxes and frames are.
        max_width: The width that it has at most.
        is_moved: Whether it was moved already, so that what is leftmost is at 0, be it a line.
    """
    if not is_moved:
        stage = _move(stage, stage.extent)
    outer = {id: stage.outer(id) for id in stage.rects}
    groups = {path: surround(_points(outline)) for path, outline in stage.outlines.items()}
    groups |= stage.panels
    titles = _place_titles(picture, stage, groups)
    frames = list(groups.values())
    routes = find_lines(picture, outer, list(titles.values()), frames, stage.band)
    on_band = edges_on_band(picture) if stage.band else ()

    borders = [side for rect in frames for side in _sides(rect)]
    taken = [*outer.values(), *titles.values(), *borders]
    labels = place_labels(picture, routes, taken, on_band, stage.band)
    lines = [rect for route in routes for rect in _points(route)]
    stream_label = _name_stream(stage, [*taken, *labels.values()], routes, on_band)
    extent = surround([stage.extent, *lines, *labels.values()])
    if max(abs(extent.x), abs(extent.y)) > 0.5 and not is_moved:
        return _finish(picture, _move(stage, extent), max_width, is_moved=True)
    right = max(extent.right, stage.extent.right + (_PILE if stage.outlines else 0.0))
    bottom = max(extent.bottom, stage.extent.bottom + (_PILE if stage.outlines else 0.0))
    guide = _place_guide(picture, stage.corner, right, bottom, max_width)
    guide_rects = list(guide.values())
    return PlacedPicture(
        picture,
        nodes=stage.rects,
        groups=groups,
        routes=routes,
        ports=(),
        width=max([right, *(rect.right for rect in guide_rects)]),
        height=max([bottom, *(rect.bottom for rect in guide_rects)]),
        blocks=BlockPlaces(
            stage.plans,
            stage.outlines,
            titles,
            stage.band,
            on_band,
            labels,
            stream_label,
            guide,
        ),
    )


def _sides(rect: Rect) -> list[Rect]:
    """Return the four borders of a frame, with the sheets behind it."""
    return [
        Rect(rect.x - 2, rect.y - 2, rect.width + 4, 4),
        Rect(rect.x - 2, rect.bottom - 2, rect.width + 4, 4 + _PILE),
        Rect(rect.x - 2, rect.y - 2, 4, rect.height + 4),
        Rect(rect.right - 2, rect.y - 2, 4 + _PILE, rect.height + 4),
    ]


def _points(points: Sequence[Point]) -> list[Rect]:
    return [Rect(x, y, 0.0, 0.0) for x, y in points]


def _move(stage: Stage, extent: Rect) -> Stage:
    """Return everything moved so that the extent begins at 0."""
    dx = -extent.x
    dy = -extent.y
    if not dx and not dy:
        return stage

    def move(points: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((x + dx, y + dy) for x, y in points)

    return replace(
        stage,
        rects={id: rect.move(dx, dy) for id, rect in stage.rects.items()},
        outlines={path: move(points) for path, points in stage.outlines.items()},
        panels={path: rect.move(dx, dy) for path, rect in stage.panels.items()},
        band=move(stage.band),
        corner=stage.corner.move(dx, dy) if stage.corner else None,
    )


def _place_titles(picture: Picture, stage: Stage, groups: dict[str, Rect]) -> dict[str, Rect]:
    """Return where headings are: of frames at the left, of panels at the right.

    Lines keep off them. A panel's heading is in the middle where its last column is at the right.
    """
    boxes = [stage.outer(id) for id in stage.rects]
    titles: dict[str, Rect] = {}
    for group in picture.groups:
        rect = groups[group.path]
        text = fit_text(heading_text(group), BLOCK.frame, rect.width - 28, bold=True)
        if not text:
            continue
        wide = width(text, BLOCK.frame, bold=True)
        if not group.is_panel:
            x = rect.x + stage.title_left
            detail = Rect(x, rect.y + 9, wide + 16 + width(group.detail, BLOCK.note), 20.0)
            is_free = detail.right < rect.right - 12 and not any(map(detail.overlap, boxes))
            titles[group.path] = detail if is_free else Rect(x, rect.y + 9, wide, 20.0)
            continue
        titles[group.path] = _place_panel_title(rect, wide, boxes)
    return titles


def _place_panel_title(panel: Rect, wide: float, boxes: Sequence[Rect]) -> Rect:
    """Return where the heading of a panel is: where the fewest lines down would cross it."""
    inside = [box.center for box in boxes if box.overlap(panel)]
    sums = [box.center for box in boxes if box.width <= BLOCK.sum]

    def count_crossings(x: float) -> int:
        return sum(x - 10 < line < x + wide + 10 for line in (*inside, *sums))

    ends = (panel.right - wide - 14, panel.x + 14, panel.center - wide / 2)
    return Rect(min(ends, key=count_crossings), panel.y + 8, wide, 20.0)


def _name_stream(
    stage: Stage,
    taken: Sequence[Rect],
    routes: Sequence[tuple[Point, ...]],
    on_band: Sequence[int],
) -> Rect | None:
    """Return where the band is named: above it, where it runs to the right."""
    if not stage.band:
        return None
    (x0, y0), (x1, y1) = stage.band[0], stage.band[-1]
    if abs(y1 - y0) > 0.5:
        return None
    wide = width(STREAM_WORDS, BLOCK.note)
    thin = [
        Rect(x - 4, y - 4, 8, 8)
        for i, route in enumerate(routes)
        if i not in on_band
        for x, y in route
    ]
    for share in (0.3, 0.4, 0.2, 0.5, 0.6, 0.1):
        x = x0 + (x1 - x0) * share
        rect = Rect(x, y0 - BLOCK.stream / 2 - 20, wide, 15.0)
        if rect.right < x1 and not any(rect.overlap(other) for other in (*taken, *thin)):
            return rect
    return None


def _place_guide(
    picture: Picture, corner: Rect | None, right: float, bottom: float, max_width: float
) -> dict[str, Rect]:
    """Return where the parts of the guide are: in the free corner, or below the picture."""
    room = max(right, min(max_width, 660.0))
    sizes = measure_guide(picture, room)
    places: dict[str, Rect] = {}
    below = dict(sizes)
    if corner is not None:
        y = corner.y
        for name, (wide, high) in sizes.items():
            if wide <= corner.width and y + high <= bottom:
                places[name] = Rect(corner.x, y, wide, high)
                y += high + 26
                del below[name]
    x = 0.0
    y = bottom + _GUIDE_GAP
    tallest = 0.0
    for name, (wide, high) in below.items():
        if x and x + wide > room:
            x = 0.0
            y += tallest + _GUIDE_GAP
            tallest = 0.0
        places[name] = Rect(x, y, wide, high)
        tallest = max(tallest, high)
        x += wide + 48
    return places
