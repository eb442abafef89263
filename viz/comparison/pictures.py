"""Two graphs in one picture, one above the other, with what differs between them marked."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scalargrad.core.value import Value
from viz.drawing import Drawing
from viz.layout.node_size import header_width
from viz.layout.placed import inner_width, outer_width
from viz.layout.stacking import stack_boxes
from viz.look.measures import BOX
from viz.look.text import exact, number, plural
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.snapshot import Snapshot, carry_back
from viz.views.scalars import value_node

_MAX_VALUES = 24
"""Values of a graph that is drawn whole."""
_PART = 16
"""Values that are drawn of a larger one, around the first difference."""
DIFFERS = "≠"
"""The mark of what differs because something before it does, too."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the graphs that are compared.

    Attributes:
        name: What its box is called.
        roots: The Values that it ends in.
        first: The Value at which the difference begins, None where there is none.
        mark: The word on that Value.
        differing: The Values that differ, the first among them.
        details: Small print for Values: what the other side has.
        labels: Names that are drawn instead of the labels.
        has_edges: Whether it is a graph; of a network only the parameters are compared.
    """

    name: str
    roots: Sequence[Value]
    first: Value | None = None
    mark: str = ""
    differing: frozenset[Value] = frozenset()
    details: Mapping[Value, str] = field(default_factory=dict)
    labels: Mapping[Value, str] = field(default_factory=dict)
    has_edges: bool = True


def comparison_pictures(sides: Sequence[Side], title: str, notes: Iterable[str]) -> list[Picture]:
    """Return the graphs above each other, each in a box, and a coarser picture to fall back to.

    Args:
        sides: The graphs, the upper one first.
        title: The heading.
        notes: Sentences below the picture.
    """
    parts = [_draw_side(side, f"s{i}") for i, side in enumerate(sides)]
    return [_join(parts, level, title, notes) for level in ("cards", "chips")]


def number_pictures(name: str, numbers: Mapping[str, float], title: str) -> list[Picture]:
    """Return one number that several engines computed, as a card each.

    Args:
        name: What the number is.
        numbers: The numbers by the name of their engine.
        title: The heading.
    """
    nodes = []
    for i, (engine, x) in enumerate(numbers.items()):
        mark = "first difference" if len(numbers) > 1 else ""
        node = Node(f"n{i}", "operation", "=", engine, x, formula=name, mark=mark)
        nodes.append(node)
    return [Picture("cards", tuple(nodes), title=title, total=len(nodes), colors="")]


def show_both(first: float, second: float) -> tuple[str, str]:
    """Return two numbers with as many digits as it takes to tell them apart.

    Example:
        >>> show_both(10.0, 6.5), show_both(1.0, 1.0000001)
        (('10', '6.5'), ('1', '1.0000001'))
    """
    if number(first) != number(second):
        return number(first), number(second)
    # No more digits than needed: 0.1 + 0.2 has 17 of them.
    for digits in (6, 9, 12, 15):
        texts = (f"{first:.{digits}g}", f"{second:.{digits}g}")
        if texts[0] != texts[1]:
            break
    else:
        texts = (exact(first), exact(second))
    return texts[0].replace("-", "−"), texts[1].replace("-", "−")


def draw_boxes(
    pictures: list[Picture], theme: str, limit: float, program: str | None, width: float
) -> Drawing:
    """Return a drawing of boxes below each other, within a width if there is one.

    Args:
        pictures: The picture, and a coarser one.
        theme: As for `Drawing`.
        limit: As for `Drawing`.
        program: As for `Drawing`.
        width: The width in pixels that it is shown at, 0 for its natural size.
    """
    drawing = Drawing(pictures, theme, limit, program, width=width)
    if drawing.placed.is_fitting or not drawing.picture.groups:
        return drawing
    # A box can't be cut: each side is placed by itself, in rows or downward.
    placed = [drawing.placed]
    for rankdir in ("LR", "TB"):
        picture = replace(drawing.picture, rankdir=rankdir)
        parts = []
        for group in picture.groups:
            part = _take_side(picture, group)
            inner = outer_width(inner_width(width) - 2 * BOX.margin)
            parts.append(Drawing([part], theme, limit, program, width=inner).placed)
        if len({part.picture.rankdir for part in parts}) == 1:
            headings = [header_width(group) for group in picture.groups]
            placed.append(replace(stack_boxes(picture, parts, headings), shown_width=width))

    # Without rows it is easiest to follow; rows are still better than what is too wide.
    fitting = [each for each in placed if each.is_fitting]
    whole = [each for each in fitting if not each.splits]
    narrowest = min(placed, key=lambda each: each.width)
    drawing.placed = (whole or fitting or [narrowest])[0]
    return drawing


def _take_side(picture: Picture, group: Group) -> Picture:
    nodes = [replace(node, group="") for node in picture.nodes if node.group == group.path]
    ids = {node.id for node in nodes}
    edges = [edge for edge in picture.edges if edge.source in ids]
    return replace(picture, nodes=tuple(nodes), edges=tuple(edges), groups=())


def _draw_side(side: Side, key: str) -> Picture:
    """Return one side as cards in a box, the Values around the first difference if it is large."""
    snapshot = Snapshot(side.roots)
    kept = _choose_shown(snapshot, side)
    ids = {node: f"{key}{snapshot.id(node)}" for node in kept}
    nodes = [_draw_value(snapshot, side, node, ids[node], key) for node in kept]
    edges: list[Edge] = []
    for node in kept:
        edges += _draw_operands(snapshot, node, ids)

    size = plural(len(snapshot), "value" if side.has_edges else "parameter")
    if len(kept) < len(snapshot):
        size = f"{len(kept):,} of {size}"
    group = Group(key, side.name, detail=size)
    return Picture("cards", tuple(nodes), tuple(edges), (group,), total=len(snapshot))


def _choose_shown(snapshot: Snapshot, side: Side) -> list[Value]:
    """Return all Values of a small graph, of a larger one those nearest to the first difference.

    Of parameters those that differ are shown, or the first ones where all agree.
    """
    order = snapshot.order
    if not side.has_edges:
        return [node for node in order if node in side.differing][:_PART] or order[:_PART]
    if len(order) <= _MAX_VALUES:
        return order

    start = snapshot.roots[-1] if side.first is None else side.first
    kept = dict.fromkeys([start])
    pending = deque(kept)
    while pending and len(kept) < _PART:
        node = pending.popleft()
        # What it is made from, and what is made of it.
        neighbors = (*node.args, *snapshot.users.get(node, ()))
        pending.extend(neighbor for neighbor in neighbors if neighbor not in kept)
        kept |= dict.fromkeys(neighbors[: _PART - len(kept)])
    return sorted(kept, key=snapshot.index.__getitem__)


def _draw_value(snapshot: Snapshot, side: Side, node: Value, id: str, key: str) -> Node:
    grad = snapshot.gradients[node] if snapshot.has_gradients else None
    drawn = value_node(snapshot, node, grad)
    mark = DIFFERS if node in side.differing else ""
    if node is side.first:
        mark = side.mark
    return replace(
        drawn,
        id=id,
        group=key,
        label=side.labels.get(node, drawn.label),
        mark=mark,
        detail=side.details.get(node, ""),
        root=drawn.root and side.has_edges,
    )


def _draw_operands(snapshot: Snapshot, node: Value, ids: Mapping[Value, str]) -> Iterable[Edge]:
    gradient = snapshot.gradients[node]
    partials = node.partials or [0.0] * len(node.args)
    for port, (arg, local) in enumerate(zip(node.args, partials, strict=True)):
        if arg in ids:
            flow = carry_back(local, gradient) if snapshot.has_gradients else None
            yield Edge(ids[arg], ids[node], local, flow, port)


def _join(parts: Sequence[Picture], level: str, title: str, notes: Iterable[str]) -> Picture:
    has_gradients = any(node.grad is not None for part in parts for node in part.nodes)
    colors = "gradient" if has_gradients else ""
    joined = Picture(level, title=title, notes=tuple(notes), colors=colors)
    for part in parts:
        joined = replace(
            joined,
            nodes=joined.nodes + part.nodes,
            edges=joined.edges + part.edges,
            groups=joined.groups + part.groups,
            total=joined.total + part.total,
        )
    return joined
