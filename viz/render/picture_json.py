"""A placed picture as a JSON document, and the picture that a document holds.

The document is described in docs/picture-json.md.
"""

import json
import re
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, TypeVar

from scalargrad.errors import PictureError
from viz.layout.direction import checked_direction
from viz.layout.geometry import Point, Rect
from viz.layout.placed import PlacedPicture
from viz.look.legend import LEVELS
from viz.look.text import clean
from viz.look.theme import LIGHT, checked_theme
from viz.model.heatmap import Map
from viz.model.json_records import decode, encode
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.sequence_card import PART_KINDS
from viz.model.snapshot import parent_path

FORMAT = "scalargrad picture"
VERSION = 1
MAX_BYTES = 64_000_000
"""The largest document that is read."""
MAX_NODES = 10_000
MAX_EDGES = 50_000
_MAX_COORDINATE = 1e6
_MAX_SIDE = 20_000.0
_MAX_POINTS = 1_000
_MAX_SIDES = 4e6
"""The sides of all boxes together: what is drawn of one grows with its sides."""
_KINDS = (*LIGHT.badges, "module", "more")
_ID = re.compile(r"[A-Za-z0-9_]{1,60}")
# What has its own list, with positions, is left out of the picture and of the layout.
_LISTS = ("nodes", "edges", "groups")
_PLACES = ("picture", "nodes", "groups", "routes")

Kind = TypeVar("Kind")
Record = TypeVar("Record")


def render_json(placed: PlacedPicture, theme: str) -> str:
    """Return the document of a placed picture.

    Args:
        placed: The picture with positions.
        theme: The theme of the drawing.
    """
    picture = placed.picture
    document = {
        "format": FORMAT,
        "version": VERSION,
        "theme": theme,
        "picture": encode(picture, leave_out=_LISTS),
        "layout": encode(placed, leave_out=_PLACES),
    }
    places = [_corners(placed.nodes[node.id]) for node in picture.nodes]
    boxes = [_corners(placed.groups[group.path]) for group in picture.groups]
    lists = {
        "groups": _write_items(picture.groups, "place", boxes),
        "nodes": _write_items(picture.nodes, "place", places),
        "edges": _write_items(picture.edges, "route", placed.routes),
    }
    # One line for each node and edge, so that people and version control can read it.
    parts = [f" {_dump(key)}: {_dump(value)}" for key, value in document.items()]
    for key, items in lists.items():
        lines = ",\n".join(f"  {_dump(item)}" for item in items)
        parts.append(f" {_dump(key)}: [\n{lines}\n ]" if items else f" {_dump(key)}: []")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _dump(thing: Any) -> str:
    return json.dumps(thing, ensure_ascii=False, allow_nan=False)


def _write_items(items: Sequence[Any], key: str, places: Iterable[Any]) -> list[Any]:
    written = []
    for item, place in zip(items, places, strict=True):
        written.append(encode(item) | {key: encode(place)})
    return written


def _corners(rect: Rect) -> list[float]:
    return [rect.x, rect.y, rect.width, rect.height]


def read_json(text: str) -> tuple[PlacedPicture, str]:
    """Return the placed picture of a document, and its theme.

    Nothing in a document is executed, and no text of it is trusted: what is unknown, of another
    type, out of bounds, or points nowhere is refused.

    Args:
        text: The document.

    Raises:
        PictureError: It is not a document of this format and version, or not a whole one.
    """
    document = _parse(text)
    theme = checked_theme(document.get("theme", "auto"))
    lists = {key: _take(document, key, list) for key in _LISTS}
    if len(lists["nodes"]) > MAX_NODES or len(lists["edges"]) > MAX_EDGES:
        raise PictureError(
            f"the picture has {len(lists['nodes']):,} nodes and {len(lists['edges']):,} edges: "
            f"at most {MAX_NODES:,} and {MAX_EDGES:,} are read"
        )

    nodes, places = _read_items(Node, lists["nodes"], "nodes", "place")
    groups, boxes = _read_items(Group, lists["groups"], "groups", "place")
    edges, routes = _read_items(Edge, lists["edges"], "edges", "route")
    given = {"nodes": nodes, "edges": edges, "groups": groups}
    picture = decode(Picture, _take(document, "picture", dict), "picture", given)
    _check_picture(picture)

    positions = {
        "picture": picture,
        "nodes": {node.id: _read_rect(place) for node, place in zip(nodes, places, strict=True)},
        "groups": {group.path: _read_rect(box) for group, box in zip(groups, boxes, strict=True)},
        "routes": tuple(_read_route(route) for route in routes),
    }
    layout = _take(document, "layout", dict)
    placed = decode(PlacedPicture, layout, "layout", positions)
    _check_layout(placed)
    return placed, theme


def _parse(text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise PictureError(
            f"a document of {len(text):,} characters is too large: {MAX_BYTES:,} are read"
        )
    try:
        # nan and inf are texts in this format, so that every JSON reader can take it.
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise PictureError(f"this is not JSON: {clean(error, 200)}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise PictureError(
            f'this is not a saved picture: it doesn\'t say {{"format": "{FORMAT}", …}}'
        )
    if document.get("version") != VERSION:
        raise PictureError(
            f"the version of this picture is {clean(repr(document.get('version')))}, but only "
            f"{VERSION} can be read: update the package, or save the picture again"
        )
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _take(document: dict[str, Any], key: str, kind: type[Kind]) -> Kind:
    part = document.get(key)
    if not isinstance(part, kind):
        name = "a list" if kind is list else "an object"
        raise PictureError(f"{key!r} must be {name}, not {clean(repr(part))}")
    return part


def _read_items(
    kind: type[Record], items: list[Any], name: str, place_name: str
) -> tuple[tuple[Record, ...], list[Any]]:
    """Return the dataclasses of a list, and the place or route of each, not yet checked."""
    read = []
    places = []
    for i, item in enumerate(items):
        where = f"{name}[{i}]"
        if not isinstance(item, dict) or place_name not in item:
            raise PictureError(f"{where} must be an object with a {place_name!r}")
        rest = dict(item)
        places.append(rest.pop(place_name))
        read.append(decode(kind, rest, where))
    return tuple(read), places


def _read_rect(place: Any) -> Rect:
    """Return a rectangle from its corner and size."""
    if not isinstance(place, list) or len(place) != 4 or not all(map(_is_coordinate, place)):
        raise PictureError(f"a place must be [x, y, width, height], not {clean(repr(place))}")
    rect = Rect(*map(float, place))
    if not (0.0 <= rect.width <= _MAX_SIDE and 0.0 <= rect.height <= _MAX_SIDE):
        raise PictureError(
            f"the sides of a place must be from 0 to {_MAX_SIDE:,.0f}, not {clean(repr(place))}"
        )
    return rect


def _read_route(route: Any) -> tuple[Point, ...]:
    if not isinstance(route, list) or not 2 <= len(route) <= _MAX_POINTS:
        raise PictureError(f"a route must be a list of points, not {clean(repr(route))}")
    points = []
    for point in route:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_coordinate, point)):
            raise PictureError(f"a point of a route must be [x, y], not {clean(repr(point))}")
        points.append((float(point[0]), float(point[1])))
    return tuple(points)


def _is_coordinate(x: Any) -> bool:
    is_number = isinstance(x, (int, float)) and not isinstance(x, bool)
    return is_number and abs(x) <= _MAX_COORDINATE


# What a picture that is drawn relies on


def _check_picture(picture: Picture) -> None:
    if picture.level not in LEVELS:
        raise PictureError(
            f"the level must be one of {', '.join(LEVELS)}, not {clean(repr(picture.level))}"
        )
    checked_direction(picture.rankdir)
    if not (isfinite(picture.scale) and picture.scale >= 0.0):
        raise PictureError(f"the scale must be a number of at least 0, not {picture.scale!r}")
    _check_groups(picture)
    _check_nodes(picture)
    for i, edge in enumerate(picture.edges):
        for end in (edge.source, edge.target):
            if end not in picture.by_id:
                raise PictureError(f"edges[{i}] names {clean(repr(end))}, which is no node")


def _check_groups(picture: Picture) -> None:
    known = {""}
    for i, group in enumerate(picture.groups):
        # Each after the one around it: then none is inside itself.
        if group.parent not in known or group.parent != parent_path(group.path):
            raise PictureError(f"groups[{i}] is inside {clean(repr(group.parent))}, not before it")
        if group.path in known:
            raise PictureError(f"groups[{i}] has the path of another: {clean(repr(group.path))}")
        known.add(group.path)


def _check_nodes(picture: Picture) -> None:
    groups = {"", *(group.path for group in picture.groups)}
    for i, node in enumerate(picture.nodes):
        if not _ID.fullmatch(node.id):
            raise PictureError(f"nodes[{i}] needs an id of letters and digits, not {node.id!r}")
        if node.kind not in _KINDS:
            raise PictureError(
                f"nodes[{i}] must be one of {', '.join(_KINDS)}, not {clean(repr(node.kind))}"
            )
        if node.group not in groups:
            raise PictureError(f"nodes[{i}] is in {clean(repr(node.group))}, which is no group")
    if len(picture.by_id) < len(picture.nodes):
        raise PictureError("two nodes have the same id")
    _check_columns(picture)
    _check_blocks(picture)
    _check_sequence(picture)


def _check_columns(picture: Picture) -> None:
    """Check what level "neurons" and level "layers" have besides."""
    members = [member for column in picture.columns for member in column.members]
    if not picture.by_id.keys() >= set(members):
        raise PictureError("a column names a node that is not there")
    if any(not column.members for column in picture.columns):
        raise PictureError("a column has no nodes")
    cards = [card.id for card in picture.cards]
    if picture.level == "layers" and cards != [node.id for node in picture.nodes]:
        raise PictureError("level 'layers' needs one card for each node, in their order")
    for card in picture.cards:
        _check_maps(card.id, (*card.maps, *card.columns))


def _check_blocks(picture: Picture) -> None:
    """Check what level "blocks" has besides."""
    blocks = [block.id for block in picture.blocks]
    if picture.level == "blocks" and blocks != [node.id for node in picture.nodes]:
        raise PictureError("level 'blocks' needs one box for each node, in their order")
    if not picture.by_id.keys() >= set(picture.stream):
        raise PictureError("the stream names a node that is not there")
    for block in picture.blocks:
        maps = [parameter.shown for parameter in block.parameters]
        maps += [grid.shown for grid in block.grids]
        if block.strip is not None:
            maps.append(block.strip)
        _check_maps(block.id, maps)
        for grid in block.grids:
            if any(not 0 <= i < len(grid.shown.numbers) for i in grid.framed):
                raise PictureError(f"a grid of {block.id} frames what is not in it")


def _check_maps(id: str, maps: Iterable[Map]) -> None:
    for shown in maps:
        cells = len(shown.numbers)
        is_whole = min(shown.rows, shown.columns) > 0 and shown.rows * shown.columns == cells
        if not is_whole or any(not 0 <= i < cells for i in shown.missing):
            raise PictureError(f"the map {clean(repr(shown.name))} of {id} is not whole")


def _check_sequence(picture: Picture) -> None:
    """Check what level "sequence" has besides."""
    sequence = picture.sequence
    if (sequence is None) == (picture.level == "sequence"):
        raise PictureError("level 'sequence', and no other, has a sequence")
    if sequence is None:
        return
    if [part.id for part in sequence.parts] != [node.id for node in picture.nodes]:
        raise PictureError("level 'sequence' needs one part for each node, in their order")
    for part in sequence.parts:
        if part.kind not in PART_KINDS:
            raise PictureError(
                f"the part {part.id} must be one of {', '.join(PART_KINDS)}, "
                f"not {clean(repr(part.kind))}"
            )
        _check_maps(part.id, filter(None, (part.data, part.strip)))
        if any(norm < 0.0 for norm in part.norms) or (part.norm or 0.0) < 0.0:
            raise PictureError(f"a norm of {part.id} is negative")


def _check_layout(placed: PlacedPicture) -> None:
    lengths = [placed.width, placed.height]
    for point in placed.ports:
        lengths += point
    if not all(isfinite(x) and 0.0 <= x <= _MAX_COORDINATE for x in lengths):
        raise PictureError(f"the layout must be within 0 and {_MAX_COORDINATE:,.0f} pixels")
    if not 0.0 <= placed.shown_width <= _MAX_COORDINATE:
        raise PictureError(
            f"the width that it is shown at must be within 0 and {_MAX_COORDINATE:,.0f} pixels"
        )
    sides = sum(rect.width + rect.height for rect in placed.nodes.values())
    if sides > _MAX_SIDES:
        raise PictureError("the boxes of this picture are too large to be drawn")
    _check_splits(placed)
    for heading in placed.headings:
        if not (_is_coordinate(heading.x) and _is_coordinate(heading.baseline)):
            raise PictureError(f"the heading {clean(repr(heading.text))} is out of the picture")


def _check_splits(placed: PlacedPicture) -> None:
    """Check the edges between two rows, each with both of its parts."""
    for i, split in placed.splits.items():
        if not 0 <= i < len(placed.routes):
            raise PictureError(f"layout.splits has {i}, which is no edge")
        for part in (split.before, split.after):
            if not 2 <= len(part) <= _MAX_POINTS:
                raise PictureError(f"a part of edges[{i}] must be a list of points")
            if not all(_is_coordinate(x) for point in part for x in point):
                raise PictureError(f"a part of edges[{i}] is out of the picture")
