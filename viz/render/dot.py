"""A picture as DOT text for Graphviz: cards in the look of our own drawings, or the boxes of the lecture."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from math import isfinite
from typing import ClassVar

import graphviz

from scalargrad.errors import OptionError
from scalargrad.utils.spelling import suggestion
from viz.look.text import clean, exact, hint, number
from viz.look.theme import THEMES, Theme, color, edge_color, edge_width, shade, text_color
from viz.model.picture import Edge, Group, Node, Picture

from . import dot_labels as labels
from .digraph import PortableDigraph
from .svg_nodes import describe_node

STYLES = ("cards", "classic")
_SIDES = {"LR": "ew", "TB": "sn", "RL": "we", "BT": "ns"}
DIRECTIONS = tuple(_SIDES)


def build_digraph(
    picture: Picture,
    style: str = "cards",
    format: str = "svg",
    rankdir: str = "LR",
    theme: str = "light",
    program: str | None = None,
) -> PortableDigraph:
    """The picture as a `graphviz.Digraph`: `.source`, `.render(…)`, `.pipe(…)`, `.view()`, and display in notebooks.

    style    "cards", or "classic": boxes `name | data | grad`, and an ellipse for each operation, black on white
    format   what `render` and `pipe` make by default: "svg", "png", "pdf" …
    rankdir  "LR" from left to right, "TB" from top to bottom, "RL", "BT"
    theme    "light" or "dark", for cards
    program  "dot": the program on the PATH; "pygraphviz": the one inside that package; None: whichever there is

    Raises OptionError for another style, direction, theme or program, and for a format that Graphviz does not know.

    >>> x, y = Node("n0", "input", "in", data=3.0), Node("n1", "operation", "x²", data=9.0, root=True)
    >>> print(build_digraph(Picture("cards", (x, y), (Edge("n0", "n1", 6.0, 6.0),)), style="classic").source.splitlines()[-2].strip())
    "n0" -> "n1o"
    """
    for name, given, allowed in (
        ("style", style, STYLES),
        ("rankdir", rankdir, DIRECTIONS),
        ("theme", theme, tuple(THEMES)),
    ):
        if given not in allowed:
            raise OptionError(
                f"{name} must be one of {', '.join(map(repr, allowed))}, not {given!r}{hint(given, allowed)}"
            )
    pen: _Pen = (
        _Cards(picture, THEMES[theme]) if style == "cards" else _Classic(picture, THEMES["light"])
    )
    body = [f"\t{line}\n" for line in pen.statements(rankdir)]
    if format not in graphviz.FORMATS:
        raise OptionError(
            f"format must be one that Graphviz knows, not {format!r}{suggestion(format, sorted(graphviz.FORMATS))}"
        )
    return PortableDigraph(format=format, body=body, program=program)


def quote(text: str, longest: int = 200) -> str:
    r"""Any text as a DOT string that stands for just that text: no `\N` expands, no `<…>` is taken for HTML, no `:` splits it.

    >>> print(quote('a\\N "b" &lt; <i>'))
    "a\\N \"b\" &amp;lt; <i>"
    """
    return (
        '"'
        + clean(text, longest).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
        + '"'
    )


class _Html(str):
    """A label of ours in angle brackets: the only value that is written as it is."""


def _attributes(**attributes: str) -> str:
    pairs = (
        (name, value if isinstance(value, _Html) else quote(value, 400))
        for name, value in attributes.items()
        if value
    )
    return " ".join(f"{name}={value}" for name, value in pairs)


def _html(label: str) -> str:
    return _Html(f"<{label}>") if label else ""


def _tip(text: str) -> str:
    """A tooltip. Graphviz unescapes those of nodes twice, so that no escape is right everywhere: a look-alike stands for the backslash."""
    return clean(text, 400).replace("\\", "∖")


def _group_tip(group: Group) -> str:
    return _tip(", ".join(filter(None, [group.path.replace("/", "."), group.detail])))


class _Pen(ABC):
    """Writes the statements that both styles have in common."""

    edges_look: ClassVar[dict[str, str]]
    legend: bool

    def __init__(self, picture: Picture, theme: Theme) -> None:
        self.picture, self.theme = picture, theme

    def statements(self, rankdir: str) -> Iterator[str]:
        """The body of the graph, line by line."""
        theme = self.theme
        caption = _html(labels.caption(self.picture, theme, self.legend))
        # newrank: without it Graphviz takes many times as long where there are clusters
        spread = (
            {"splines": "line", "ranksep": "1.6", "outputorder": "edgesfirst"}
            if self.picture.columns
            else {"ranksep": "0.5"}
        )
        look = _attributes(
            rankdir=rankdir, newrank="true", bgcolor=theme.page, nodesep="0.2", pad="0.2", **spread
        )
        yield f"graph [{look}]"
        yield f"graph [{_attributes(fontname='Helvetica', fontsize='12', fontcolor=theme.ink, label=caption, labelloc='b', labeljust='l')}]"
        yield f"node [{_attributes(fontname='Helvetica', fontsize='12', fontcolor=theme.ink, shape='plain', margin='0')}]"
        ports = (
            dict(zip(("tailport", "headport"), _SIDES[rankdir], strict=True))
            if self.picture.columns
            else {}
        )
        yield f"edge [{_attributes(**self.edges_look, **ports)}]"
        yield from self._inside("", defaultdict(list, self._members()), set())
        for edge in self.picture.edges:
            yield from self.edge(edge)

    @property
    def _boxes(self) -> tuple[Group, ...]:
        return self.picture.groups if self.picture.framed else ()

    def _members(self) -> dict[str, list[Node]]:
        known = {group.path for group in self._boxes}
        members: dict[str, list[Node]] = defaultdict(list)
        for node in self.picture.nodes:
            members[node.group if node.group in known else ""].append(node)
        return members

    def _inside(self, path: str, members: dict[str, list[Node]], passed: set[str]) -> Iterator[str]:
        known = {group.path for group in self._boxes}
        for index, group in enumerate(self._boxes):
            around = group.parent if group.parent in known else ""
            if around != path or group.path in passed:
                continue
            yield f"subgraph cluster_{index} {{"
            yield f"\tgraph [{self.cluster(group)}]"
            yield from (
                f"\t{line}" for line in self._inside(group.path, members, passed | {group.path})
            )
            yield "}"
        for node in members[path]:
            yield from self.node(node)
        if not path:
            yield from filter(None, self.ranks())

    def cluster(self, group: Group) -> str:
        """The attributes of a module's box."""
        theme = self.theme
        head = _html(labels.heading(group, theme))
        look = _attributes(style="rounded,filled", fillcolor=theme.group, color=theme.group_line)
        return f"{look} {_attributes(label=head, labelloc='t', labeljust='l', tooltip=_group_tip(group))}"

    def ranks(self) -> Iterator[str]:
        """The columns of the neuron view, their units in order."""
        for column in self.picture.columns:
            units = [quote(member) for member in column.members]
            yield (
                f"{{rank=same {' -> '.join(units)} [{_attributes(style='invis')}]}}"
                if len(units) > 1
                else ""
            )

    @abstractmethod
    def node(self, node: Node) -> Iterator[str]:
        """The statements of one node."""

    @abstractmethod
    def edge(self, edge: Edge) -> Iterator[str]:
        """The statements of one edge."""


class _Cards(_Pen):
    """The look of our own drawings."""

    legend = True
    edges_look: ClassVar = {"fontname": "Helvetica", "fontsize": "10", "arrowsize": "0.7"}

    def node(self, node: Node) -> Iterator[str]:
        chip = self.picture.level != "cards" and node.kind != "module" and not node.tag
        look = self._chip(node) if chip else self._card(node)
        yield f"{quote(node.id)} [{_attributes(**look, tooltip=_tip(describe_node(node)))}]"

    def _card(self, node: Node) -> dict[str, str]:
        draw = labels.tag if node.tag else labels.card
        return {"label": _html(draw(node, self.picture, self.theme))}

    def _chip(self, node: Node) -> dict[str, str]:
        theme, leaf = self.theme, node.kind in ("parameter", "constant")
        fill = (
            theme.card
            if node.grad is None
            else color(shade(node.grad, self.picture.largest), theme)
        )
        line = (
            theme.ink
            if node.root
            else theme.badges[node.kind]
            if node.kind in ("parameter", "input")
            else theme.line
        )
        label = labels.chip(
            node,
            self.picture.level == "neurons",
            theme.ink if node.grad is None else text_color(fill),
        )
        style = (
            "filled,rounded"
            if self.picture.columns
            else "filled,dashed"
            if node.kind == "constant"
            else "filled"
        )
        shape = {"shape": "box" if leaf or self.picture.columns else "ellipse", "style": style}
        return {
            **shape,
            "fillcolor": fill,
            "color": line,
            "penwidth": "2" if node.root else "1.2",
            "margin": "0.05,0.03",
            "label": _html(label),
        }

    def edge(self, edge: Edge) -> Iterator[str]:
        theme = self.theme
        look = self._flow(edge.flow)
        if edge.local is not None and self.picture.level == "cards":
            look |= {"label": f"∂ {number(edge.local)}", "fontcolor": theme.muted}
        tip = f"local derivative {exact(edge.local)}, carries back {exact(edge.flow)}"
        yield f"{quote(edge.source)} -> {quote(edge.target)} [{_attributes(**look, tooltip=tip)}]"

    def _flow(self, flow: float | None) -> dict[str, str]:
        """Color and width by the gradient that an edge carries back; dashed for exactly nothing."""
        theme, largest = self.theme, self.picture.largest
        if not flow:
            return {"color": theme.line, "penwidth": "0.8"} | (
                {"style": "dashed"} if flow == 0.0 else {}
            )
        line = edge_color(shade(flow, largest), theme) if isfinite(flow) else theme.alarm
        return {"color": line, "penwidth": str(edge_width(flow, largest))}


class _Classic(_Pen):
    """The look of the lecture: `name | data | grad`, and an ellipse for each operation."""

    legend = False
    edges_look: ClassVar = {"arrowsize": "0.8"}

    def node(self, node: Node) -> Iterator[str]:
        yield f"{quote(node.id)} [{_attributes(label=_html(labels.record(node)), tooltip=_tip(describe_node(node)))}]"
        if _has_ellipse(node):
            sign, tip = _html(labels.escaped(node.symbol, 12) or " "), _tip(node.formula) or " "
            look = _attributes(
                shape="ellipse",
                margin="0.05,0.03",
                width="0.5",
                height="0.4",
                label=sign,
                tooltip=tip,
            )
            yield f"{quote(node.id + 'o')} [{look}]"
            yield f"{quote(node.id + 'o')} -> {quote(node.id)}"

    def edge(self, edge: Edge) -> Iterator[str]:
        ending = "o" if _has_ellipse(self.picture.by_id[edge.target]) else ""
        yield f"{quote(edge.source)} -> {quote(edge.target + ending)}"

    def cluster(self, group: Group) -> str:
        head = _html(labels.heading(group, self.theme))
        return _attributes(
            style="rounded", label=head, labelloc="t", labeljust="l", tooltip=_group_tip(group)
        )


def _has_ellipse(node: Node) -> bool:
    return node.kind == "operation" and bool(clean(node.symbol))
