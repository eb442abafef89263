"""Positions in the layer view: cards from left to right in one row, or in rows below each other."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from viz.look.legend import GRADIENT_NORM
from viz.look.text import number, width
from viz.model.layer_card import LayerCard
from viz.model.picture import Edge, Picture

from .geometry import Rect
from .layer_cards import CAPTION_SIZE, PAD, TOP, body_height, card_width, measure_card
from .placed import PlacedPicture, Route, Split
from .rows import MARKER

GAP = 92.0
_LANE = 26.0
_NARROW_GAP = 84.0
_ROW_GAP = 24.0
_STUB = 20.0
_LABEL_GAP = 34.0


def lay_out_layers(picture: Picture, max_width: float = inf) -> PlacedPicture:
    """Place cards side by side about one line, or in rows.

    Connections that skip cards, or return to their own, run in lanes above the cards.

    Args:
        picture: A picture at level "layers".
        max_width: Where the cards are wider than this together they are placed in rows.

    Returns:
        The picture with positions; empty for a picture without nodes.
    """
    if not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)

    bodies = [body_height(card) for card in picture.cards]
    lanes = _assign_lanes(picture, range(len(picture.edges)))
    highest = max(lanes.values(), default=-1)
    top = _LANE * (highest + 1)
    tallest = TOP + max(bodies) + PAD

    rects: dict[str, Rect] = {}
    x = 0.0
    for card, body in zip(picture.cards, bodies, strict=True):
        y = top + (tallest - TOP - body - PAD) / 2
        rect = Rect(x, y, card_width(card, body), TOP + body + PAD)
        rects[card.id] = rect
        x = rect.right + GAP
    if x - GAP > max_width:
        return _Rows(picture, max_width).place()

    routes = []
    for i, edge in enumerate(picture.edges):
        routes.append(_route(edge, rects, lanes.get(i), top))
    return PlacedPicture(
        picture,
        nodes=rects,
        groups={},
        routes=tuple(routes),
        ports=(),
        width=x - GAP,
        height=tallest + top,
    )


class _Rows:
    """Cards in rows.

    A line to a card in another row goes straight down where both are the only ones of neighboring
    rows. Elsewhere it ends in a number below its source, and goes on from it above its target.
    """

    def __init__(self, picture: Picture, max_width: float) -> None:
        self.picture = picture
        self.sizes = {card.id: measure_card(card, max_width) for card in picture.cards}
        self.rows = self._fill_rows(max_width)
        self.row_of = {card.id: i for i, row in enumerate(self.rows) for card in row}
        edges = picture.edges
        self.within = [i for i, edge in enumerate(edges) if self._is_within(edge)]
        self.straight = [i for i, edge in enumerate(edges) if self._is_straight(edge)]
        own = {*self.within, *self.straight}
        self.split = [i for i in range(len(edges)) if i not in own]

    def _fill_rows(self, max_width: float) -> list[list[LayerCard]]:
        rows: list[list[LayerCard]] = [[]]
        x = 0.0
        for card in self.picture.cards:
            wide, _ = self.sizes[card.id]
            if rows[-1] and x + wide > max_width:
                rows.append([])
                x = 0.0
            rows[-1].append(card)
            x += wide + _NARROW_GAP
        return rows

    def _is_within(self, edge: Edge) -> bool:
        return self.row_of[edge.source] == self.row_of[edge.target]

    def _is_straight(self, edge: Edge) -> bool:
        source = self.row_of[edge.source]
        target = self.row_of[edge.target]
        return target - source == 1 and len(self.rows[source]) == len(self.rows[target]) == 1

    def place(self) -> PlacedPicture:
        """Return the picture with positions."""
        edges = self.picture.edges
        lanes = _assign_lanes(self.picture, self.within)
        rects: dict[str, Rect] = {}
        lane_tops: dict[int, float] = {}
        y = 0.0
        for rank, row in enumerate(self.rows):
            own = [i for i in self.within if self.row_of[edges[i].source] == rank]
            highest = max((lanes[i] for i in own if i in lanes), default=-1)
            if any(self.row_of[edges[i].target] == rank for i in self.split):
                y += _STUB + MARKER
            y += _LANE * (highest + 1)
            lane_tops[rank] = y

            tallest = max(self.sizes[card.id][1] for card in row)
            x = 0.0
            for card in row:
                wide, high = self.sizes[card.id]
                rects[card.id] = Rect(x, y + (tallest - high) / 2, wide, high)
                x += wide + _NARROW_GAP
            y += tallest + _ROW_GAP
            if any(self.row_of[edges[i].source] == rank for i in self.split):
                y += _STUB + MARKER
            elif any(self.row_of[edges[i].source] == rank for i in self.straight):
                y += 2 * _STUB

        routes: list[Route] = []
        for i, edge in enumerate(edges):
            if i in self.straight:
                routes.append(_route_down(rects[edge.source], rects[edge.target]))
            else:
                top = lane_tops[self.row_of[edge.source]]
                routes.append(_route(edge, rects, lanes.get(i), top))
        return PlacedPicture(
            replace(self.picture, rankdir="TB"),
            nodes=rects,
            groups={},
            routes=tuple(routes),
            ports=(),
            width=max(rect.right for rect in rects.values()),
            height=max(rect.bottom for rect in rects.values()),
            splits=self._split_all(rects),
        )

    def _split_all(self, rects: dict[str, Rect]) -> dict[int, Split]:
        """Return a short line below the source and one above the target of each such edge."""
        numbers: dict[str, int] = {}
        entering: dict[str, float] = {}
        splits: dict[int, Split] = {}
        for i in self.split:
            edge = self.picture.edges[i]
            source = rects[edge.source]
            target = rects[edge.target]
            number = numbers.setdefault(edge.source, len(numbers) + 1)
            x = source.right - 24.0
            before = ((x, source.bottom), (x, source.bottom + _STUB))
            x = target.x + entering.get(edge.target, 24.0)
            entering[edge.target] = (
                x - target.x + width(lane_label(edge), CAPTION_SIZE) + _LABEL_GAP
            )
            after = ((x, target.y - _STUB), (x, target.y))
            splits[i] = Split(number, before, after)
        return splits


def _route_down(source: Rect, target: Rect) -> Route:
    x = min(source.center, target.center)
    return ((x, source.bottom), (x, target.y))


# Connections


def _assign_lanes(picture: Picture, among: Iterable[int]) -> dict[int, int]:
    """Return the lane above the cards, 0 the lowest, of each edge that is not to the next card.

    Args:
        picture: The picture.
        among: The positions of the edges to look at.
    """
    position = {card.id: i for i, card in enumerate(picture.cards)}
    jumps: dict[int, tuple[int, int]] = {}
    for i in among:
        edge = picture.edges[i]
        source = position[edge.source]
        target = position[edge.target]
        if target - source != 1:
            jumps[i] = (source, target)

    def by_length(i: int) -> tuple[int, int]:
        source, target = jumps[i]
        return abs(target - source), i

    # Short ones first, so that long ones run above them and nothing crosses.
    lanes: dict[int, int] = {}
    taken: list[list[tuple[int, int]]] = []
    for i in sorted(jumps, key=by_length):
        low = min(jumps[i])
        high = max(jumps[i])
        lane = 0
        while lane < len(taken) and _overlaps_any(low, high, taken[lane]):
            lane += 1
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[i] = lane
    return lanes


def _overlaps_any(low: int, high: int, spans: list[tuple[int, int]]) -> bool:
    return any(low <= end and start <= high for start, end in spans)


def _route(edge: Edge, rects: dict[str, Rect], lane: int | None, top: float) -> Route:
    source = rects[edge.source]
    target = rects[edge.target]
    if lane is None:
        return ((source.right, source.middle), (target.x, target.middle))
    y = top - _LANE * (lane + 1) + 10
    # Each lane leaves and enters the cards at other places, so that none covers another.
    inset = 16.0 + 9 * lane
    start = source.right - inset
    end = target.x + inset
    return ((start, source.y), (start, y), (end, y), (end, target.y))


def lane_label(edge: Edge) -> str:
    """Return the text on a connection above the cards.

    Example:
        >>> lane_label(Edge("l0", "l0", None, 0.5, count=8))
        '↺ 8 · gradient norm 0.5'
    """
    loop = "↺ " if edge.source == edge.target else ""
    norm = "" if edge.flow is None else f" · {GRADIENT_NORM} {number(edge.flow)}"
    return f"{loop}{edge.count:,}{norm}"
