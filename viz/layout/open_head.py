"""The layout of one open attention head: its panels, and below them one product as cards."""

from collections.abc import Sequence
from dataclasses import replace

from viz.look.measures import FONT_SIZES
from viz.look.text import width, wrap_text
from viz.model.picture import Node, Picture

from .geometry import Rect
from .head_panels import MAX_WIDTH, place_panels
from .node_size import measure_neighbor
from .placed import Heading, PlacedPicture, Route

_GAP = 44.0
"""Pixels from the panels to the box of the cards."""
_INSET = 14.0
_TOP = 38.0
_BOTTOM = 16.0
_STACK_GAP = 12.0
_MIN_GAP = 58.0
"""Pixels between two columns of cards, for a local derivative."""
_MAX_GAP = 150.0
_SHIFT = 0.55
"""Which share of the free space is at the left, where words are."""
_DOWN_GAP = 40.0
_WORDS_INSET = 20.0
_MIN_WORDS = 130.0
"""Space beside the cards from which on words are there, and not below the picture."""
_LINE = 16.0

Nodes = dict[str, Rect]


def lay_out_open_head(picture: Picture, max_width: float) -> PlacedPicture:
    """Place an open head and the cards of one of its products.

    Args:
        picture: A picture with a head at its center.
        max_width: The width that it should have at most.
    """
    center = picture.by_id[picture.center]
    assert center.head is not None
    panels = place_panels(center.head, max_width)
    cards = [node for node in picture.nodes if node is not center]
    top = panels.height + _GAP
    # A narrow table must not make its cards wrap where the page has more space.
    limit = min(max_width, MAX_WIDTH)
    rankdir = "LR"
    places, across, bottom = _place_columns(cards, top + _TOP, panels.width, limit)
    headings = _place_words(picture, min(rect.x for rect in places.values()), top, bottom)
    if across > limit:
        rankdir = "TB"
        headings = ()
        places, across, bottom = _place_rows(cards, top + _TOP, limit)
    whole = max(panels.width, across)
    box = Rect(0.0, top, whole, bottom + _BOTTOM - top)
    places[center.id] = Rect(0.0, 0.0, panels.width, panels.height)
    routes = tuple(
        _route(places[edge.source], places[edge.target], edge.port, rankdir)
        for edge in picture.edges
    )
    (group,) = picture.groups
    notes = picture.notes[1:] if headings else picture.notes
    turned = replace(picture, rankdir=rankdir, notes=notes)
    return PlacedPicture(
        turned,
        places,
        {group.path: box},
        routes,
        (),
        whole,
        box.bottom,
        headings=headings,
    )


def _place_words(picture: Picture, right: float, top: float, bottom: float) -> tuple[Heading, ...]:
    """Return the first note in the free space at the left of the cards, () without space."""
    space = right - 2 * _WORDS_INSET
    equation, _, sentence = picture.notes[0].partition(": ")
    if space < _MIN_WORDS or width(equation, FONT_SIZES.label, bold=True) > space:
        return ()
    lines = wrap_text([sentence], FONT_SIZES.small, space)
    y = (top + _TOP + bottom) / 2 - _LINE * len(lines) / 2
    headings = [Heading(equation, _WORDS_INSET, y, is_title=True, is_centered=False)]
    for line in lines:
        y += _LINE
        headings.append(Heading(line, _WORDS_INSET, y, is_title=False, is_centered=False))
    return tuple(headings)


def _columns(cards: Sequence[Node]) -> list[Sequence[Node]]:
    """Return the two factors, one above the other, and each of the others by itself."""
    return [cards[:2], *([card] for card in cards[2:])]


def _place_columns(
    cards: Sequence[Node], top: float, wanted: float, limit: float
) -> tuple[Nodes, float, float]:
    """Place the cards from left to right."""
    sizes = {card.id: measure_neighbor(card) for card in cards}
    columns = _columns(cards)
    widths = [max(sizes[card.id][0] for card in column) for column in columns]
    gaps = len(columns) - 1
    space = min(wanted, limit) - sum(widths) - 2 * _INSET
    gap = min(_MAX_GAP, max(_MIN_GAP, space / gaps))
    height = max(sum(sizes[card.id][1] for card in column) for column in columns) + _STACK_GAP
    used = sum(widths) + gap * gaps
    start = max(_INSET, (wanted - used) * _SHIFT)
    places: Nodes = {}
    x = start
    for column, wide in zip(columns, widths, strict=True):
        own = sum(sizes[card.id][1] for card in column) + _STACK_GAP * (len(column) - 1)
        y = top + (height - own) / 2
        for card in column:
            own_width, own_height = sizes[card.id]
            places[card.id] = Rect(x + (wide - own_width) / 2, y, own_width, own_height)
            y += own_height + _STACK_GAP
        x += wide + gap
    return places, start + used + _INSET, top + height


def _place_rows(cards: Sequence[Node], top: float, limit: float) -> tuple[Nodes, float, float]:
    """Place the cards from top to bottom, the two factors side by side."""
    places: Nodes = {}
    y = top
    for row in _columns(cards):
        sizes = [measure_neighbor(card) for card in row]
        # Long labels are cut where a card is narrower.
        available = (limit - 2 * _INSET - _STACK_GAP * (len(row) - 1)) / len(row)
        widths = [min(wide, available) for wide, _ in sizes]
        x = (limit - sum(widths) - _STACK_GAP * (len(row) - 1)) / 2
        for card, wide, (_, high) in zip(row, widths, sizes, strict=True):
            places[card.id] = Rect(x, y, wide, high)
            x += wide + _STACK_GAP
        y += max(high for _, high in sizes) + _DOWN_GAP
    return places, limit, y - _DOWN_GAP


def _route(source: Rect, target: Rect, port: int, rankdir: str) -> Route:
    # The two factors enter the product side by side.
    shift = 10.0 if port else -10.0
    if rankdir == "TB":
        is_between = target.x < source.center < target.right
        x = target.center if is_between else target.center + 2 * shift
        return (source.center, source.bottom), (x, target.y)
    is_level = abs(source.middle - target.middle) < 1.0
    y = target.middle if is_level else target.middle + shift
    return (source.right, source.middle), (target.x, y)
