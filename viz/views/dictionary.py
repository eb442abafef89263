"""Graphs that are only sketched: dictionaries of names, and directed graphs of networkx. Pictures without numbers."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from scalargrad.core.ops import TABLE
from scalargrad.errors import OptionError, PictureError
from viz.look.text import clean, hint, whole
from viz.model.picture import MAX_CARDS, Edge, Node, Picture

READINGS = {
    "operands": "each name is made of the names in its list",
    "feeds": "each name goes into the names in its list",
}
"""What the list of a name holds."""
_RUN = "lines run from an operand to what is made of it"


def is_directed_graph(target: Any) -> bool:
    """Tell whether something is a graph as networkx has them, without importing networkx.

    Args:
        target: Anything.

    Returns:
        True for what has nodes and edges, and knows whether these have a direction.

    Example:
        >>> is_directed_graph({"y": ["x"]})
        False
    """
    return all(hasattr(type(target), name) for name in ("nodes", "edges", "is_directed"))


def sketch_pictures(
    target: Any, level: str | None = None, expand: Any = None, edges: str | None = None
) -> list[Picture]:
    """Return the picture at the level asked for (or chosen by size), then chips in case cards can't be placed in time.

    Args:
        target: For each name a list of names; a name without a list of its own is an input. Or a
            directed graph of networkx.
        level: "cards", "chips", or None: by size.
        expand: Refused, as a sketch has no modules.
        edges: What a list holds: "operands", the names that a name is made from, or "feeds", the
            names that it goes into. None: operands in a dictionary; in a graph of networkx an edge
            points from an operand to what is made of it.

    Raises:
        PictureError: Names are no text, a list is none, or the graph runs in a circle, which is named.
        OptionError: The level is "neurons" or "layers", `expand` is given, or `edges` is another word.

    Example:
        >>> picture, _ = sketch_pictures({"loss": ["linear", "y"], "linear": ["k", "x", "b"]})
        >>> [(node.label, node.kind) for node in picture.nodes][-2:]
        [('linear', 'operation'), ('loss', 'operation')]
        >>> sketch_pictures({"x": ["square", "square"]}, edges="feeds")[0].notes
        ('each name goes into the names in its list; lines run from an operand to what is made of it',)
    """
    if level in ("neurons", "layers") or expand is not None:
        raise OptionError(
            'a graph given as a dictionary has no modules: draw it with level "cards" or "chips", without expand'
        )
    if edges is not None and edges not in READINGS:
        raise OptionError(
            f"edges must be 'operands' or 'feeds', not {edges!r}{hint(edges, READINGS)}"
        )
    if isinstance(target, Mapping):
        lists = {
            _name(name): _names(name, listed, edges or "operands")
            for name, listed in target.items()
        }
        graph = _turned(lists) if edges == "feeds" else lists
        note = f"{READINGS[edges or 'operands']}; {_RUN}"
    else:
        graph = _of_edges(target, edges or "feeds")
        note = (
            _RUN
            if edges != "operands"
            else f"an edge points from a name to what it is made of; {_RUN}"
        )
    order = _order(graph)
    finest = level or ("cards" if len(order) <= MAX_CARDS else "chips")
    notes = (note,) if any(graph.values()) else ()
    return [_picture(graph, order, each, notes) for each in dict.fromkeys((finest, "chips"))]


def _turned(lists: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """For each name its operands, where the lists say what each name goes into."""
    graph: dict[str, list[str]] = {name: [] for name in lists}
    for name, users in lists.items():
        for user in users:
            graph.setdefault(user, []).append(name)
    return graph


def _of_edges(target: Any, reading: str) -> dict[str, list[str]]:
    """For each name its operands, of a directed graph."""
    if not target.is_directed():
        raise PictureError(
            "the edges of this graph have no direction, so that nothing says what is made of what: give a DiGraph"
        )
    names: dict[Any, str] = {
        node: node if isinstance(node, str) else _quoted(node) for node in target.nodes()
    }
    if len(set(names.values())) < len(names):
        twice = next(name for name in names.values() if list(names.values()).count(name) > 1)
        raise PictureError(
            f"two nodes of the graph are both called {_quoted(twice)}: give them names of their own"
        )
    graph: dict[str, list[str]] = {name: [] for name in names.values()}
    for first, second, *_ in target.edges():
        source, made = (first, second) if reading == "feeds" else (second, first)
        graph[names[made]].append(names[source])
    return graph


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise PictureError(
            f"a graph given as a dictionary holds names as text, not {type(name).__name__} {_quoted(name)}"
        )
    return name


def _names(name: str, listed: Any, reading: str) -> list[str]:
    if not isinstance(listed, (list, tuple)):
        found = f"{type(listed).__name__} {_quoted(listed)}"
        what = "operands of" if reading == "operands" else "names fed by"
        raise PictureError(
            f"the {what} {_quoted(name)} must be a list of names, in order, not {found}"
        )
    return [_name(other) for other in listed]


def _quoted(thing: Any) -> str:
    return clean(repr(thing))


def _order(graph: Mapping[str, list[str]]) -> list[str]:
    """Every name after its operands."""
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = [_quoted(name) for name in error.args[1]]
        shown = names if len(names) <= 8 else [*names[:4], "…", *names[-3:]]
        raise PictureError(
            f"the graph runs in a circle, {' → '.join(shown)}: no order could compute it"
        ) from None


def _picture(
    graph: Mapping[str, list[str]], order: list[str], level: str, notes: tuple[str, ...]
) -> Picture:
    ids = {name: f"n{i}" for i, name in enumerate(order)}
    used = {operand for operands in graph.values() for operand in operands}
    nodes = tuple(_node(ids[name], name, graph.get(name, []), name not in used) for name in order)
    edges = tuple(
        Edge(ids[operand], ids[name], port=port)
        for name in order
        for port, operand in enumerate(graph.get(name, []))
    )
    return Picture(level, nodes, edges, notes=notes, total=len(nodes), colors="")


def _node(id: str, name: str, operands: list[str], last: bool) -> Node:
    label = clean(name) or "unnamed"
    if not operands:
        return Node(id, "input", "in", label, root=last, whole=whole(name))
    shown = ", ".join(clean(operand, 24) for operand in operands[:4]) + (
        ", …" if len(operands) > 4 else ""
    )
    return Node(
        id, "operation", _symbol(name), label, formula=f"f({shown})", root=last, whole=whole(name)
    )


def _symbol(name: str) -> str:
    """The sign of the operation that a name begins with, "ƒ" for any other name.

    >>> _symbol("sigmoid 2") == TABLE["sigmoid"].symbol, _symbol("linear")
    (True, 'ƒ')
    """
    first = clean(name).split(" ")[0].rstrip("0123456789_")
    return TABLE[first].symbol if first in TABLE else "ƒ"
