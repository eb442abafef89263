"""A picture as Mermaid text, for pages that draw such text themselves: README files, wikis, notebooks."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import isfinite

from viz.look.text import clean, number
from viz.look.theme import LIGHT, color, edge_color, edge_width, shade, strength, text_color
from viz.model.picture import Edge, Node, Picture

MOST_EDGES = 500
"""Mermaid draws no more by default."""

_SHAPES = {"input": '(["{}"])', "parameter": '["{}"]', "constant": '[/"{}"/]', "module": '[["{}"]]'}
_BADGES = ("parameter", "input")


def render_mermaid(picture: Picture) -> str:
    """A Mermaid flowchart from left to right, one statement on each line.

    Shapes tell the kinds: a stadium is an input, a box a parameter, a slanted box a constant, a round box an operation, a box with
    double sides a closed module. Labels say name, data and gradient, edges the local derivative; colors are those of the
    gradients, and a dotted edge carries exactly nothing. Of more than 500 edges only the strongest are written, and a note says so.

    >>> x, y = Node("n0", "input", "in", label="x", data=3.0), Node("n1", "operation", "x²", data=9.0)
    >>> print(render_mermaid(Picture("cards", (x, y), (Edge("n0", "n1", 6.0, 1.0),))).rstrip())
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
    ids = {node.id: f"n{i}" for i, node in enumerate(picture.nodes)}
    edges = _strongest(picture)
    lines = [
        *_inside("", picture, ids, frozenset()),
        *_edges(edges, ids),
        *_links(edges, picture),
        *_classes(picture, ids),
    ]
    lines += _captions(picture, len(edges))
    return "\n".join(["flowchart LR", *(f"    {line}" for line in lines)]) + "\n"


def escape_label(text: str, longest: int = 60) -> str:
    """Any text as it may stand between the quotes of a Mermaid label: whatever is no letter, digit or space becomes a character code.

    >>> escape_label('<b> "x" #35;')
    '#60;b#62; #34;x#34; #35;35#59;'
    """
    coded = "".join(
        c if c.isalnum() or c in " ×÷−∂…" else f"#{ord(c)};" for c in clean(text, longest)
    )
    # the one statement that Mermaid finds even inside of quotes
    return coded.replace("direction ", "directio#110; ")


def _strongest(picture: Picture) -> list[Edge]:
    edges = picture.edges
    order = sorted(
        range(len(edges)), key=lambda i: -strength(edges[i].flow or 0.0, picture.largest)
    )
    return [edges[i] for i in sorted(order[:MOST_EDGES])]


def _inside(
    path: str, picture: Picture, ids: dict[str, str], passed: frozenset[str]
) -> Iterator[str]:
    """The nodes of a group, and the groups in it."""
    known = {group.path for group in picture.groups}
    for index, group in enumerate(picture.groups):
        if (group.parent if group.parent in known else "") == path and group.path not in passed:
            title = (
                " · ".join(
                    filter(None, map(escape_label, (group.title or group.path, group.detail)))
                )
                or " "
            )
            yield f'subgraph g{index}["{title}"]'
            yield from (
                f"    {line}" for line in _inside(group.path, picture, ids, passed | {group.path})
            )
            yield "end"
    for node in picture.nodes:
        if (node.group if node.group in known else "") == path:
            yield ids[node.id] + _SHAPES.get(node.kind, '("{}")').format(_label(node, picture))


def _lines(*texts: str) -> str:
    return "<br/>".join(filter(None, map(escape_label, texts))) or " "


def _label(node: Node, picture: Picture) -> str:
    name = node.name or node.label
    if node.tag:
        return _lines(name or number(node.data))
    sign = node.symbol if node.kind == "operation" or not name else ""
    opening = _lines(
        " ".join(filter(None, [sign, name])),
        node.formula if node.kind == "module" else "",
        node.detail,
    )
    if picture.level == "chips" and node.kind == "operation":
        return opening
    facts = [
        f"{word} {number(x)}"
        for word, x in (("data", node.data), ("grad", node.grad))
        if x is not None
    ]
    return "<br/>".join([opening, *facts])


def _edges(edges: Iterable[Edge], ids: dict[str, str]) -> Iterator[str]:
    for edge in edges:
        arrow = "-.->" if edge.flow == 0.0 else "-->"
        label = f'|"∂ {number(edge.local)}"|' if edge.local is not None else ""
        yield f"{ids[edge.source]} {arrow}{label} {ids[edge.target]}"


def _links(edges: list[Edge], picture: Picture) -> Iterator[str]:
    looks: dict[str, list[str]] = defaultdict(list)
    for index, edge in enumerate(edges):
        looks[_look(edge.flow, picture.largest)].append(str(index))
    for look, indexes in looks.items():
        yield f"linkStyle {','.join(indexes)} {look}"


def _look(flow: float | None, largest: float) -> str:
    if not flow:
        return f"stroke:{LIGHT.line},stroke-width:1px"
    stroke = edge_color(shade(flow, largest), LIGHT) if isfinite(flow) else LIGHT.alarm
    return f"stroke:{stroke},stroke-width:{edge_width(flow, largest)}px"


def _classes(picture: Picture, ids: dict[str, str]) -> Iterator[str]:
    looks: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in picture.nodes:
        looks[_fill(node, picture)].append(ids[node.id])
    for kind in _BADGES:
        looks[kind, f"stroke:{LIGHT.badges[kind]},stroke-width:2px"] = [
            ids[node.id] for node in picture.nodes if node.kind == kind
        ]
    looks["root", f"stroke:{LIGHT.ink},stroke-width:3px"] = [
        ids[node.id] for node in picture.nodes if node.root
    ]
    looks["box", f"fill:{LIGHT.group},stroke:{LIGHT.group_line},color:{LIGHT.ink}"] = [
        f"g{i}" for i in range(len(picture.groups))
    ]
    for (name, look), members in looks.items():
        if members:
            yield f"classDef {name} {look}"
            yield f"class {','.join(members)} {name}"


def _fill(node: Node, picture: Picture) -> tuple[str, str]:
    if node.grad is None:
        return "plain", f"fill:{LIGHT.card},stroke:{LIGHT.line},color:{LIGHT.ink}"
    step = shade(node.grad, picture.largest)
    fill = color(step, LIGHT)
    return (
        f"grad{'m' if step < 0 else 'p'}{abs(step)}",
        f"fill:{fill},stroke:{LIGHT.line},color:{text_color(fill)}",
    )


def _captions(picture: Picture, edges: int) -> Iterator[str]:
    """Title and notes, as a node without a box."""
    notes = [picture.title, *picture.notes]
    if edges < len(picture.edges):
        notes.append(f"showing the {edges:,} strongest of {len(picture.edges):,} edges")
    lines = [
        escape_label(line, 90) for note in notes for line in textwrap.wrap(clean(note, 300), 60)
    ]
    if lines:
        yield f'caption["{"<br/>".join(lines)}"]'
        yield f"style caption fill:none,stroke:none,color:{LIGHT.muted}"
