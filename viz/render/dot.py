"""A picture as DOT text for Graphviz: cards in the look of our drawings, or the lecture's boxes."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from math import isfinite
from typing import ClassVar

import graphviz

from scalargrad.errors import OptionError
from scalargrad.utils.spelling import suggestion
from viz.layout.direction import checked_direction
from viz.look.measures import BORDER
from viz.look.text import clean, exact, hint, number
from viz.look.theme import THEMES, Theme, color, edge_color, edge_width, shade, text_color
from viz.model.picture import Edge, Group, Node, Picture

from . import dot_labels
from .digraph import PortableDigraph
from .svg_nodes import describe_node

STYLES = ("cards", "classic")

# The sides at which edges leave and enter a node, by direction.
_SIDES = {"LR": "ew", "TB": "sn", "RL": "we", "BT": "ns"}


def build_digraph(
    picture: Picture,
    style: str = "cards",
    format: str = "svg",
    rankdir: str = "LR",
    theme: str = "light",
    program: str | None = None,
) -> PortableDigraph:
    """Return the picture as a `graphviz.Digraph`.

    Args:
        picture: What is to be drawn.
        style: "cards", or "classic": boxes `name | data | grad`, and an ellipse for each operation,
            black on white.
        format: What `render` and `pipe` make by default: "svg", "png", "pdf" …
        rankdir: "LR" from left to right, "TB" from top to bottom, "RL", "BT".
        theme: "light" or "dark", for cards.
        program: "dot": the program on the PATH; "pygraphviz": the one inside that package; None:
            whichever there is.

    Raises:
        OptionError: A style, direction, theme, program or format is unknown.

    Example:
        >>> x = Node("n0", "input", "in", data=3.0)
        >>> y = Node("n1", "operation", "x²", data=9.0, root=True)
        >>> picture = Picture("cards", (x, y), (Edge("n0", "n1", 6.0, 6.0),))
        >>> print(build_digraph(picture, style="classic").source.splitlines()[-2].strip())
        "n0" -> "n1o"
    """
    _check_choice("style", style, STYLES)
    checked_direction(rankdir)
    _check_choice("theme", theme, tuple(THEMES))
    if format not in graphviz.FORMATS:
        known = suggestion(format, sorted(graphviz.FORMATS))
        raise OptionError(f"format must be one that Graphviz knows, not {format!r}{known}")

    pen: _Pen
    if style == "cards":
        pen = _CardsPen(picture, THEMES[theme])
    else:
        pen = _ClassicPen(picture, THEMES["light"])
    body = [f"\t{line}\n" for line in pen.statements(rankdir)]
    return PortableDigraph(format=format, body=body, program=program)


def _check_choice(option: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        names = ", ".join(map(repr, allowed))
        known = hint(given, allowed)
        raise OptionError(f"{option} must be one of {names}, not {given!r}{known}")


def quote(text: str, longest: int = 200) -> str:
    r"""Return any text as a DOT string that Graphviz reads as just that text.

    No `\N` expands, no `<…>` is taken for HTML, no `:` splits it.

    Example:
        >>> print(quote('a\\N "b" &lt; <i>'))
        "a\\N \"b\" &amp;lt; <i>"
    """
    escaped = clean(text, longest).replace("&", "&amp;")
    escaped = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Html(str):
    """A label of ours in angle brackets: the only value that is written as it is."""


def _html(label: str) -> str:
    return _Html(f"<{label}>") if label else ""


def _attributes(**attributes: str) -> str:
    """Return DOT attributes; empty values are left out."""
    pairs = []
    for name, value in attributes.items():
        if value:
            written = value if isinstance(value, _Html) else quote(value, 400)
            pairs.append(f"{name}={written}")
    return " ".join(pairs)


def _tooltip(text: str) -> str:
    # Graphviz unescapes the tooltips of nodes twice and those of edges once, so that no escape is
    # right for both: a look-alike replaces the backslash.
    return clean(text, 400).replace("\\", "∖")


def _group_tooltip(group: Group) -> str:
    path = group.path.replace("/", ".")
    return _tooltip(", ".join(filter(None, [path, group.detail])))


class _Pen(ABC):
    """Writes the statements that both styles have in common.

    Attributes:
        edge_defaults: Attributes of all edges.
        has_legend: Whether the caption explains colors.
    """

    edge_defaults: ClassVar[dict[str, str]]
    has_legend: ClassVar[bool]

    def __init__(self, picture: Picture, theme: Theme) -> None:
        self.picture = picture
        self.theme = theme
        self.boxes = picture.groups if picture.framed else ()
        self.box_paths = {group.path for group in self.boxes}

    def statements(self, rankdir: str) -> Iterator[str]:
        """Yield the body of the graph, line by line."""
        yield from self._defaults(rankdir)
        yield from self._inside("", self._members(), frozenset())
        yield from self._columns()
        for edge in self.picture.edges:
            yield from self.edge(edge)

    def _defaults(self, rankdir: str) -> Iterator[str]:
        theme = self.theme
        font = {"fontname": "Helvetica", "fontsize": "12", "fontcolor": theme.ink}
        spacing = {"ranksep": "0.5"}
        ports = {}
        if self.picture.columns:
            spacing = {"splines": "line", "ranksep": "1.6", "outputorder": "edgesfirst"}
            sides = _SIDES[rankdir]
            ports = {"tailport": sides[0], "headport": sides[1]}

        # Without newrank Graphviz takes many times as long where there are clusters.
        layout = {"rankdir": rankdir, "newrank": "true", "bgcolor": theme.page}
        yield f"graph [{_attributes(**layout, nodesep='0.2', pad='0.2', **spacing)}]"
        caption = _html(dot_labels.draw_caption(self.picture, theme, self.has_legend))
        yield f"graph [{_attributes(**font, label=caption, labelloc='b', labeljust='l')}]"
        yield f"node [{_attributes(**font, shape='plain', margin='0')}]"
        yield f"edge [{_attributes(**self.edge_defaults, **ports)}]"

    def _members(self) -> dict[str, list[Node]]:
        """Return the nodes directly inside each box, "" for those in none."""
        members: dict[str, list[Node]] = defaultdict(list)
        for node in self.picture.nodes:
            members[self._known_box(node.group)].append(node)
        return members

    def _known_box(self, path: str) -> str:
        return path if path in self.box_paths else ""

    def _inside(
        self, path: str, members: dict[str, list[Node]], passed: frozenset[str]
    ) -> Iterator[str]:
        """Yield the boxes in a box, then its nodes.

        Args:
            path: The box, "" for the whole graph.
            members: The nodes directly inside each box.
            passed: The boxes around: pictures made by hand may have boxes inside of themselves.
        """
        for index, group in enumerate(self.boxes):
            if self._known_box(group.parent) != path or group.path in passed:
                continue
            yield f"subgraph cluster_{index} {{"
            yield f"\tgraph [{self.cluster(group)}]"
            for line in self._inside(group.path, members, passed | {group.path}):
                yield f"\t{line}"
            yield "}"
        for node in members.get(path, ()):
            yield from self.node(node)

    def cluster(self, group: Group) -> str:
        """Return the attributes of a module's box."""
        theme = self.theme
        heading = _html(dot_labels.draw_heading(group, theme))
        return _attributes(
            style="rounded,filled",
            fillcolor=theme.group,
            color=theme.group_line,
            label=heading,
            labelloc="t",
            labeljust="l",
            tooltip=_group_tooltip(group),
        )

    def _columns(self) -> Iterator[str]:
        """Yield the columns of the neuron view; invisible edges keep their units in order."""
        for column in self.picture.columns:
            units = [quote(member) for member in column.members]
            if len(units) > 1:
                yield f"{{rank=same {' -> '.join(units)} [{_attributes(style='invis')}]}}"

    @abstractmethod
    def node(self, node: Node) -> Iterator[str]:
        """Yield the statements of one node."""

    @abstractmethod
    def edge(self, edge: Edge) -> Iterator[str]:
        """Yield the statements of one edge."""


class _CardsPen(_Pen):
    """The look of our own drawings."""

    edge_defaults: ClassVar = {"fontname": "Helvetica", "fontsize": "10", "arrowsize": "0.7"}
    has_legend = True

    def node(self, node: Node) -> Iterator[str]:
        tooltip = _tooltip(describe_node(node))
        is_single = node.kind != "module" and not node.tag
        is_chip = is_single and self.picture.level != "cards"
        look = self._chip(node) if is_chip else self._card(node)
        yield f"{quote(node.id)} [{_attributes(**look, tooltip=tooltip)}]"

    def _card(self, node: Node) -> dict[str, str]:
        draw = dot_labels.draw_tag if node.tag else dot_labels.draw_card
        return {"label": _html(draw(node, self.picture, self.theme))}

    def _chip(self, node: Node) -> dict[str, str]:
        theme = self.theme
        fill = theme.card
        ink = theme.ink
        shown = self.picture.fill(node)
        if shown is not None:
            fill = color(shade(shown, self.picture.largest), theme)
            ink = text_color(fill)

        line = theme.line
        if node.root:
            line = theme.ink
        elif node.kind in ("parameter", "input"):
            line = theme.badges[node.kind]

        is_square = bool(self.picture.columns) or node.kind in ("parameter", "constant")
        style = "filled"
        if self.picture.columns:
            style = "filled,rounded"
        elif node.kind == "constant":
            style = "filled,dashed"
        return {
            "shape": "box" if is_square else "ellipse",
            "style": style,
            "fillcolor": fill,
            "color": line,
            "penwidth": f"{BORDER.root if node.root else BORDER.plain:g}",
            "margin": "0.05,0.03",
            "label": _html(dot_labels.draw_chip(node, self.picture.level == "neurons", ink)),
        }

    def edge(self, edge: Edge) -> Iterator[str]:
        look = self._flow(edge.flow)
        if edge.local is not None and self.picture.level == "cards":
            look |= {"label": f"∂ {number(edge.local)}", "fontcolor": self.theme.muted}
        elif self.picture.level == "blocks":
            look |= {"label": f"{edge.count:,}", "fontcolor": self.theme.muted}
        tooltip = f"local derivative {exact(edge.local)}"
        if self.picture.colors in ("gradient", ""):
            tooltip += f", carries back {exact(edge.flow)}"
        attributes = _attributes(**look, tooltip=tooltip)
        yield f"{quote(edge.source)} -> {quote(edge.target)} [{attributes}]"

    def _flow(self, flow: float | None) -> dict[str, str]:
        """Return color and width by the gradient that an edge carries back."""
        theme = self.theme
        largest = self.picture.largest
        if not flow:
            look = {"color": theme.line, "penwidth": "0.8"}
            # Dashed says "exactly 0": not known, before `backward`, is a plain line.
            return look if flow is None else look | {"style": "dashed"}
        line = edge_color(shade(flow, largest), theme) if isfinite(flow) else theme.alarm
        return {"color": line, "penwidth": str(edge_width(flow, largest))}


class _ClassicPen(_Pen):
    """The look of the lecture: `name | data | grad`, and an ellipse for each operation."""

    edge_defaults: ClassVar = {"arrowsize": "0.8"}
    has_legend = False

    def node(self, node: Node) -> Iterator[str]:
        record = quote(node.id)
        label = _html(dot_labels.draw_record(node))
        look = _attributes(label=label, tooltip=_tooltip(describe_node(node)))
        yield f"{record} [{look}]"
        if _has_ellipse(node):
            ellipse = quote(node.id + "o")
            look = _attributes(
                shape="ellipse",
                margin="0.05,0.03",
                width="0.5",
                height="0.4",
                label=_html(dot_labels.escape_text(node.symbol, 12) or " "),
                tooltip=_tooltip(node.formula) or " ",
            )
            yield f"{ellipse} [{look}]"
            yield f"{ellipse} -> {record}"

    def edge(self, edge: Edge) -> Iterator[str]:
        ending = "o" if _has_ellipse(self.picture.by_id[edge.target]) else ""
        yield f"{quote(edge.source)} -> {quote(edge.target + ending)}"

    def cluster(self, group: Group) -> str:
        heading = _html(dot_labels.draw_heading(group, self.theme))
        return _attributes(
            style="rounded",
            label=heading,
            labelloc="t",
            labeljust="l",
            tooltip=_group_tooltip(group),
        )


def _has_ellipse(node: Node) -> bool:
    return node.kind == "operation" and bool(clean(node.symbol))
