"""A picture as plain text that can be read aloud: what a screen reader speaks, and what a terminal shows."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from viz.look.text import clean, number
from viz.model.layer_card import described
from viz.model.picture import Edge, Group, Node, Picture

LINES = 400
_SPELLED = 4
"""Up to so many operands the local derivatives of a value are read out."""


def render_outline(picture: Picture, lines: int = LINES) -> str:
    """What the picture says, in words: the heading, what is left out, then one line for each value, from the root back to the inputs.

    lines  how many lines at most; the last one says how many more there are

    Values of one module stand together under its name. A line names the value, how it was made, its number, its gradient, and
    the local derivative by each operand.

    >>> from viz.model.picture import Edge, Node, Picture
    >>> x = Node("n0", "input", "in", label="x", data=3.0, grad=6.0)
    >>> y = Node("n1", "operation", "x²", label="y", data=9.0, grad=1.0, formula="x²", root=True)
    >>> print(render_outline(Picture("cards", (x, y), (Edge("n0", "n1", 6.0, 6.0),), total=2)))
    2 values.
    y = x²: data 9, gradient 1 (starts here); derivative by x 6
    x: input, data 3, gradient 6
    """
    everything = [
        *_heading(picture),
        *(_layers(picture) if picture.level == "layers" else _sections(picture)),
    ]
    if len(everything) <= lines:
        return "\n".join(everything)
    kept = everything[: max(0, lines - 1)]
    return "\n".join([*kept, f"… and {len(everything) - len(kept):,} more lines."])


def _heading(picture: Picture) -> Iterator[str]:
    if title := clean(picture.title, 120):
        yield title
    shown = sum(1 for node in picture.nodes if not node.tag)
    total = picture.total or shown
    yield f"{total:,} value{'' if total == 1 else 's'}."
    for note in picture.notes:
        yield clean(note, 300)


def _layers(picture: Picture) -> Iterator[str]:
    """A line for each card from the inputs on, and what flows out of it."""
    titles = {card.id: card.title for card in picture.cards}
    for card in picture.cards:
        yield clean(described(card), 600)
        for edge in picture.edges:
            if edge.source == card.id:
                back = "" if edge.flow is None else f", gradient norm {number(edge.flow)} back"
                target = "itself" if edge.target == card.id else titles[edge.target]
                yield f"  to {target}: {edge.count:,} number{'s' * (edge.count != 1)}{back}"


def _sections(picture: Picture) -> Iterator[str]:
    incoming: dict[str, list[Edge]] = defaultdict(list)
    for edge in picture.edges:
        incoming[edge.target].append(edge)
    for heading, depth, nodes in _columns(picture) if picture.columns else _groups(picture):
        indent = "  " * min(depth, 8)
        if heading:
            yield f"{indent[2:]}{heading}:"
        for node in nodes:
            yield indent + _line(node, incoming[node.id], picture)


def _columns(picture: Picture) -> Iterator[tuple[str, int, list[Node]]]:
    placed = set(chain.from_iterable(column.members for column in picture.columns))
    for column in reversed(picture.columns):
        yield (
            _titled(column.title, column.detail),
            1,
            [picture.by_id[member] for member in column.members],
        )
    if rest := [node for node in picture.nodes if node.id not in placed]:
        yield "", 0, rest


def _groups(picture: Picture) -> Iterator[tuple[str, int, list[Node]]]:
    """Sections in the order in which a walk from the root meets them."""
    members: dict[str, list[Node]] = defaultdict(list)
    for node in _from_root(picture):
        members[node.group].append(node)
    groups = {group.path: group for group in picture.groups}
    for path, nodes in members.items():
        heading = _titled(path.replace("/", "."), groups[path].detail if path in groups else "")
        yield heading, _depth(path, groups), nodes


def _from_root(picture: Picture) -> Iterator[Node]:
    """Roots first, then later nodes before earlier ones; a copy of a much used leaf only where it is not heard otherwise."""
    heard, later_first = set(), picture.nodes[::-1]
    for node in sorted(later_first, key=lambda node: (not node.root, node.tag)):
        looks = (node.kind, node.label, number(node.data), number(node.grad))
        if not (node.tag and looks in heard):
            yield node
        heard.add(looks)


def _depth(path: str, groups: dict[str, Group]) -> int:
    """How many boxes are around a node; a box whose parents run in a circle counts each once."""
    passed: set[str] = set()
    while path in groups and path not in passed:
        passed.add(path)
        path = groups[path].parent
    return len(passed)


def _titled(title: str, detail: str) -> str:
    return ", ".join(filter(None, (clean(title), _spoken(detail))))


def _spoken(detail: str) -> str:
    """Small print, with words for the signs that a screen reader leaves out."""
    return clean(detail).replace("‖∇‖", "gradient norm").replace(" · ", ", ")


def _line(node: Node, operands: list[Edge], picture: Picture) -> str:
    data = "bias" if picture.colors == "weight" else "data"
    numbers = [
        f"{word} {number(x)}"
        for word, x in ((data, node.data), ("gradient", node.grad))
        if x is not None
    ]
    ending = " (starts here)" if node.root and node.grad is not None else ""
    name, making = clean(node.name or node.label), clean(node.formula)
    if node.kind == "module":
        making = f"closed module {making}".rstrip()
    if node.kind == "operation" and making and not picture.columns:
        opening, facts = f"{name} = {making}" if name else making, numbers
    else:
        opening, facts = (
            name or f"unnamed {node.kind}",
            [*([making or node.kind] if name else []), *numbers],
        )
    parts = [
        f"{opening}: {', '.join(facts)}{ending}",
        _derivatives(operands, picture.by_id),
        _spoken(node.detail),
    ]
    return "; ".join(filter(None, parts)).replace(": ;", ";").removesuffix(": ")


def _derivatives(operands: list[Edge], by_id: dict[str, Node]) -> str:
    known = [(edge.source, edge.local) for edge in operands if edge.local is not None]
    if not known or len(known) > _SPELLED:
        return ""
    return "derivative " + ", ".join(
        f"by {_called(by_id[source])} {number(local)}" for source, local in known
    )


def _called(node: Node) -> str:
    """How the line of another value refers to this one."""
    return (
        clean(node.label or node.name or (node.formula if node.kind == "operation" else ""), 24)
        or f"the {node.kind} {number(node.data)}".rstrip()
    )
