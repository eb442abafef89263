"""A picture as Mermaid text, for pages that draw such text themselves: README files, notebooks."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import nlargest
from math import isfinite

from viz.look.text import clean, number
from viz.look.theme import LIGHT, color, edge_color, edge_width, shade, strength, text_color
from viz.model.picture import Edge, Node, Picture

MAX_EDGES = 500
"""Mermaid draws no more by default."""

_SHAPES = {"input": '(["{}"])', "parameter": '["{}"]', "constant": '[/"{}"/]', "module": '[["{}"]]'}
_ROUND = '("{}")'


def render_mermaid(picture: Picture) -> str:
    """Return a Mermaid flowchart from left to right, one statement on each line.

    Shapes tell the kinds: a stadium is an input, a box a parameter, a slanted box a constant, a
    round box an operation, a box with double sides a closed module. Labels have name, data and
    gradient, edges the local derivative; colors are those of the gradients, and a dotted edge
    carries exactly nothing. Of more than 500 edges only the strongest are written, and a note says
    so.

    Example:
        >>> x = Node("n0", "input", "in", label="x", data=3.0)
        >>> y = Node("n1", "operation", "x²", data=9.0)
        >>> picture = Picture("cards", (x, y), (Edge("n0", "n1", 6.0, 1.0),))
        >>> print(render_mermaid(picture).rstrip())
        flowchart LR
            n0(["x<br/>data 3"])
            n1("x²<br/>data 9")
            n0 -->|"∂ 6"| n1
            linkStyle 0 stroke:#1f6fb4,stroke-width:3.4px
            classDef plain fill:#ffffff,stroke:#9aa4ae,color:#1b1f24
            class n0,n1 plain
            classDef input stroke:#2b7a55,stroke-width:2px
            class n0 input
    """
    # New ids: a node called "end" would close a subgraph.
    ids = {node.id: f"n{i}" for i, node in enumerate(picture.nodes)}
    edges = _strongest_edges(picture)
    statements = [
        *_inside("", picture, ids, frozenset()),
        *_links(edges, ids),
        *_link_styles(edges, picture),
        *_classes(picture, ids),
        *_caption(picture, len(edges)),
    ]
    lines = [f"    {statement}" for statement in statements]
    return "\n".join([f"flowchart {picture.rankdir}", *lines, ""])


def escape_label(text: str, longest: int = 60) -> str:
    """Return any text as it may be between the quotes of a Mermaid label.

    Whatever is not a letter, digit or space becomes a character code.

    Example:
        >>> escape_label('<b> "x" #35;')
        '#60;b#62; #34;x#34; #35;35#59;'
    """
    characters = clean(text, longest)
    coded = "".join(map(_escape_character, characters))
    # The one statement that Mermaid finds even inside quotes.
    return coded.replace("direction ", "directio#110; ")


def _escape_character(character: str) -> str:
    if character.isalnum() or character in " ×÷−∂…":
        return character
    return f"#{ord(character)};"


def _strongest_edges(picture: Picture) -> list[Edge]:
    """Return the edges that Mermaid draws, in the order of the picture."""
    strengths = [strength(edge.flow or 0.0, picture.largest) for edge in picture.edges]
    strongest = nlargest(MAX_EDGES, range(len(strengths)), key=strengths.__getitem__)
    return [picture.edges[i] for i in sorted(strongest)]


def _inside(
    path: str, picture: Picture, ids: dict[str, str], passed: frozenset[str]
) -> Iterator[str]:
    """Yield the groups in a group, then its nodes.

    Args:
        path: The group, "" for the whole picture.
        picture: The picture.
        ids: The id of each node in Mermaid.
        passed: The groups around: pictures made by hand may have groups inside of themselves.
    """
    known = {group.path for group in picture.groups}
    for index, group in enumerate(picture.groups):
        parent = group.parent if group.parent in known else ""
        if parent != path or group.path in passed:
            continue
        name = escape_label(group.heading or group.path)
        detail = escape_label(group.detail)
        title = " · ".join(filter(None, [name, detail])) or " "
        yield f'subgraph g{index}["{title}"]'
        for line in _inside(group.path, picture, ids, passed | {group.path}):
            yield f"    {line}"
        yield "end"

    for node in picture.nodes:
        group_path = node.group if node.group in known else ""
        if group_path == path:
            shape = _SHAPES.get(node.kind, _ROUND)
            label = _label(node, picture)
            yield ids[node.id] + shape.format(label)


def _label(node: Node, picture: Picture) -> str:
    name = node.name or node.label
    # The copy of a leaf is only a pointer to it.
    if node.tag:
        return _escape_lines(name or number(node.data))

    sign = node.symbol if node.kind == "operation" or not name else ""
    opening = " ".join(filter(None, [sign, name]))
    formula = node.formula if node.kind == "module" else ""
    label = _escape_lines(opening, formula, node.detail)
    if picture.level == "chips" and node.kind == "operation":
        return label

    if node.data is not None:
        label += f"<br/>data {number(node.data)}"
    if node.grad is not None:
        label += f"<br/>grad {number(node.grad)}"
    return label


def _escape_lines(*texts: str) -> str:
    lines = [escape_label(text) for text in texts]
    return "<br/>".join(filter(None, lines)) or " "


def _links(edges: Iterable[Edge], ids: dict[str, str]) -> Iterator[str]:
    for edge in edges:
        arrow = "-.->" if edge.flow == 0.0 else "-->"
        label = ""
        if edge.local is not None:
            label = f'|"∂ {number(edge.local)}"|'
        elif edge.count:
            label = f'|"{edge.count:,}"|'
        source = ids[edge.source]
        target = ids[edge.target]
        yield f"{source} {arrow}{label} {target}"


def _link_styles(edges: list[Edge], picture: Picture) -> Iterator[str]:
    # Edges that look alike share a statement: Mermaid refuses long texts.
    indexes: dict[str, list[str]] = defaultdict(list)
    for i, edge in enumerate(edges):
        style = _link_style(edge.flow, picture.largest)
        indexes[style].append(str(i))
    for style, links in indexes.items():
        numbers = ",".join(links)
        yield f"linkStyle {numbers} {style}"


def _link_style(flow: float | None, largest: float) -> str:
    if not flow:
        return f"stroke:{LIGHT.line},stroke-width:1px"
    stroke = LIGHT.alarm
    if isfinite(flow):
        stroke = edge_color(shade(flow, largest), LIGHT)
    thickness = edge_width(flow, largest)
    return f"stroke:{stroke},stroke-width:{thickness}px"


def _classes(picture: Picture, ids: dict[str, str]) -> Iterator[str]:
    """Yield the looks of nodes and boxes, each with its members.

    Later classes win: the borders of kinds and of the root come after the fills.
    """
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in picture.nodes:
        fill = _fill_class(node, picture)
        members[fill].append(ids[node.id])
    for kind in ("parameter", "input"):
        of_kind = [node for node in picture.nodes if node.kind == kind]
        border = f"stroke:{LIGHT.badges[kind]},stroke-width:2px"
        members[kind, border] = [ids[node.id] for node in of_kind]
    roots = [ids[node.id] for node in picture.nodes if node.root]
    members["root", f"stroke:{LIGHT.ink},stroke-width:3px"] = roots
    boxes = range(len(picture.groups))
    box = f"fill:{LIGHT.group},stroke:{LIGHT.group_line},color:{LIGHT.ink}"
    members["box", box] = [f"g{i}" for i in boxes]

    for (name, look), names in members.items():
        if names:
            listed = ",".join(names)
            yield f"classDef {name} {look}"
            yield f"class {listed} {name}"


def _fill_class(node: Node, picture: Picture) -> tuple[str, str]:
    """Return the name and the look of the class for the color of a node."""
    shown = picture.fill(node)
    if shown is None:
        return "plain", f"fill:{LIGHT.card},stroke:{LIGHT.line},color:{LIGHT.ink}"
    step = shade(shown, picture.largest)
    fill = color(step, LIGHT)
    sign = "m" if step < 0 else "p"
    name = f"grad{sign}{abs(step)}"
    return name, f"fill:{fill},stroke:{LIGHT.line},color:{text_color(fill)}"


def _caption(picture: Picture, edge_count: int) -> Iterator[str]:
    """Yield title and notes as a node without a border: Mermaid has no caption."""
    notes = [picture.title, *picture.notes]
    total = len(picture.edges)
    if edge_count < total:
        notes.append(f"showing the {edge_count:,} strongest of {total:,} edges")
    lines: list[str] = []
    for note in notes:
        for line in textwrap.wrap(clean(note, 300), 60):
            lines.append(escape_label(line, 90))
    if lines:
        text = "<br/>".join(lines)
        yield f'caption["{text}"]'
        yield f"style caption fill:none,stroke:none,color:{LIGHT.muted}"
