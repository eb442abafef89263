"""A picture as plain text: what a screen reader speaks, and what a terminal shows."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from viz.look.text import clean, number, plural
from viz.model.block_card import describe_block
from viz.model.layer_card import describe_card
from viz.model.picture import Edge, Group, Node, Picture, TableRow

from .sequence_outline import outline_sequence

MAX_LINES = 400
_MAX_SPELLED = 4
"""Operands of a value up to which its local derivatives are read out."""

Section = tuple[str, int, list[Node]]
"""A heading, how deep it is nested, and the nodes below it."""


def render_outline(picture: Picture, max_lines: int = MAX_LINES) -> str:
    """Return a picture in words.

    The heading and what is left out come first, then one line for each value, from the root back to
    the inputs. Values of one module are together under its name. A line names the value, how it was
    made, its number, its gradient, and the local derivative by each operand.

    Args:
        picture: The picture.
        max_lines: Lines at most; the last one says how many more there are.

    Example:
        >>> from viz.model.picture import Edge, Node, Picture
        >>> x = Node("n0", "input", "in", label="x", data=3.0, grad=6.0)
        >>> y = Node("n1", "operation", "x²", "y", 9.0, 1.0, formula="x²", root=True)
        >>> print(render_outline(Picture("cards", (x, y), (Edge("n0", "n1", 6.0, 6.0),), total=2)))
        2 values.
        y = x²: data 9, gradient 1 (starts here); derivative by x 6
        x: input, data 3, gradient 6
    """
    if picture.sequence is not None:
        body = outline_sequence(picture, picture.sequence)
    else:
        bodies = {"layers": _layers, "blocks": _blocks}
        body = bodies.get(picture.level, _sections)(picture)
    lines = [*_heading(picture), *body]
    if len(lines) <= max_lines:
        return "\n".join(lines)
    kept = lines[: max(0, max_lines - 1)]
    hidden = len(lines) - len(kept)
    return "\n".join([*kept, f"… and {hidden:,} more lines."])


def _heading(picture: Picture) -> Iterator[str]:
    if title := clean(picture.title, 120):
        yield title
    shown = sum(1 for node in picture.nodes if not node.tag)
    total = plural(picture.total or shown, "value")
    yield f"{total}."
    for note in picture.notes:
        yield clean(note, 300)


def _layers(picture: Picture) -> Iterator[str]:
    """Yield a line for each card from the inputs on, and one for each connection from it."""
    titles = {card.id: card.title for card in picture.cards}
    for card in picture.cards:
        yield clean(describe_card(card), 600)
        leaving = [edge for edge in picture.edges if edge.source == card.id]
        for edge in leaving:
            target = "itself" if edge.target == card.id else titles[edge.target]
            numbers = plural(edge.count, "number")
            back = ""
            if edge.flow is not None:
                back = f", gradient norm {number(edge.flow)} back"
            yield f"  to {target}: {numbers}{back}"


def _blocks(picture: Picture) -> Iterator[str]:
    """Yield a line for each box from the inputs on, below the frame or panel that it is in."""
    groups = {group.path: group for group in picture.groups}
    leaving: dict[str, list[Edge]] = defaultdict(list)
    for edge in picture.edges:
        leaving[edge.source].append(edge)
    around: str | None = None
    for node, block in zip(picture.nodes, picture.blocks, strict=True):
        if node.group != around:
            around = node.group
            group = groups.get(around)
            name = "" if group is None else around.rpartition("/")[0].replace("/", ".")
            inner = "outside of all frames" if group is None else group.heading or "panel"
            where = f"{name}.{inner}" if name else inner
            yield _section_title(where, "" if group is None else group.detail) + ":"
        start = f", data {number(node.data)} (the gradient starts here)" if node.root else ""
        yield "  " + clean(describe_block(block) + start, 600)
        for edge in leaving[node.id]:
            target = "itself" if edge.target == node.id else _refer_to(picture.by_id[edge.target])
            back = ""
            if edge.flow is not None:
                back = f", gradient norm {number(edge.flow)} back"
            yield f"    to {target}: {plural(edge.count, 'value')}{back}"


def _sections(picture: Picture) -> Iterator[str]:
    incoming: dict[str, list[Edge]] = defaultdict(list)
    for edge in picture.edges:
        incoming[edge.target].append(edge)

    sections = _columns(picture) if picture.columns else _groups(picture)
    for heading, depth, nodes in sections:
        # Deeper indentation would leave no space for text in a terminal.
        indent = "  " * min(depth, 8)
        if heading:
            yield f"{indent[2:]}{heading}:"
        for node in nodes:
            yield indent + _node_line(node, incoming[node.id], picture)


def _columns(picture: Picture) -> Iterator[Section]:
    """Yield the layers of the neuron view, the last one first."""
    for column in reversed(picture.columns):
        nodes = [picture.by_id[member] for member in column.members]
        yield _section_title(column.title, column.detail), 1, nodes
    in_columns = set(chain.from_iterable(column.members for column in picture.columns))
    rest = [node for node in picture.nodes if node.id not in in_columns]
    if rest:
        yield "", 0, rest


def _groups(picture: Picture) -> Iterator[Section]:
    """Yield modules in the order in which a walk from the root meets them."""
    members: dict[str, list[Node]] = defaultdict(list)
    for node in _from_root(picture):
        members[node.group].append(node)

    groups = {group.path: group for group in picture.groups}
    for path, nodes in members.items():
        detail = groups[path].detail if path in groups else ""
        heading = _section_title(path.replace("/", "."), detail)
        yield heading, _depth(path, groups), nodes


def _from_root(picture: Picture) -> Iterator[Node]:
    """Yield roots first, then later nodes before earlier ones.

    The copy of a much used leaf is left out where a node like it was yielded already: heard one
    after another, copies are only repetition.
    """
    heard = set()
    later_first = picture.nodes[::-1]
    for node in sorted(later_first, key=lambda node: (not node.root, node.tag)):
        content = (
            node.kind,
            node.label,
            number(node.data),
            number(node.grad),
        )
        if not (node.tag and content in heard):
            yield node
        heard.add(content)


def _depth(path: str, groups: dict[str, Group]) -> int:
    """Return how many boxes are around a node."""
    # Boxes made by hand may be inside of themselves: each counts once.
    passed: set[str] = set()
    while path in groups and path not in passed:
        passed.add(path)
        path = groups[path].parent
    return len(passed)


def _section_title(title: str, detail: str) -> str:
    return ", ".join(filter(None, (clean(title), _spell_signs(detail))))


def _spell_signs(detail: str) -> str:
    """Return small print with words for the signs that a screen reader leaves out."""
    return clean(detail).replace(" · ", ", ")


def _node_line(node: Node, operands: list[Edge], picture: Picture) -> str:
    name = clean(node.name or node.label)
    origin = clean(node.formula)
    if node.chain is not None:
        origin = f"each link {origin}"
    elif node.rows:
        origin = f"open {origin or 'module'}"
    elif node.kind == "module":
        origin = f"closed module {origin}".rstrip()

    numbers = _numbers(node, picture)
    if node.kind == "operation" and origin and not picture.columns:
        opening = f"{name} = {origin}" if name else origin
    elif name:
        opening = name
        numbers.insert(0, origin or node.kind)
    else:
        opening = f"unnamed {node.kind}"

    # The root's gradient is the seed of the backward pass, not computed from anything.
    ending = " (starts here)" if node.root and node.grad is not None else ""
    parts = [
        f"{opening}: {', '.join(numbers)}{ending}",
        _derivatives(operands, picture.by_id),
        _spell_signs(node.detail),
        ", ".join(map(_table_row, node.rows)),
        _first_link(node),
    ]
    return "; ".join(filter(None, parts)).replace(": ;", ";").removesuffix(": ")


def _first_link(node: Node) -> str:
    """Return the numbers of the first link of a folded chain; those of the last are its own."""
    if node.chain is None:
        return ""
    text = f"first link: data {number(node.chain.first)}"
    gradient = node.chain.first_grad
    return text if gradient is None else f"{text}, gradient {number(gradient)}"


def _table_row(row: TableRow) -> str:
    """Return a row of an open neuron: "x0 0.5 × 2 = 1 (gradient 3)" or "Σ 1 (gradient 3)"."""
    text = clean(row.name)
    if row.x is not None:
        text += f" {number(row.x)} × {number(row.weight)} ="
    text += f" {number(row.product)}"
    return text if row.grad is None else f"{text} (gradient {number(row.grad)})"


def _numbers(node: Node, picture: Picture) -> list[str]:
    pairs = [("data", node.data), ("gradient", node.grad)]
    if picture.shows_biases:
        pairs = [("bias", node.data)]
    return [f"{word} {number(x)}" for word, x in pairs if x is not None]


def _derivatives(operands: list[Edge], by_id: dict[str, Node]) -> str:
    known = [edge for edge in operands if edge.local is not None]
    if not known or len(known) > _MAX_SPELLED:
        return ""
    phrases = []
    for edge in known:
        operand = _refer_to(by_id[edge.source])
        phrases.append(f"by {operand} {number(edge.local)}")
    return "derivative " + ", ".join(phrases)


def _refer_to(node: Node) -> str:
    """Return how the line of another value refers to this one."""
    formula = node.formula if node.kind == "operation" else ""
    name = clean(node.label or node.name or formula, 24)
    if name:
        return name
    data = number(node.data)
    return f"the {node.kind} {data}".rstrip()
