"""Graphs that are only sketched: dictionaries of names, and directed graphs of networkx.

Their pictures have no numbers.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from scalargrad.core.ops import TABLE
from scalargrad.errors import OptionError, PictureError
from viz.look.legend import COARSE
from viz.look.text import clean, cut, hint, long_label
from viz.model.picture import MAX_CARDS, Edge, Node, Picture
from viz.model.snapshot import MAX_NAME, MAX_OPERANDS

READINGS = {
    "operands": "each name is made of the names in its list",
    "feeds": "each name goes into the names in its list",
}
"""What the list of a name holds."""
_DIRECTION = "lines run from an operand to what is made of it"
_MAX_CYCLE = 8
"""Names of a cycle that a message spells out."""

Graph = dict[str, list[str]]
"""For each name its operands, in order."""


def is_directed_graph(target: Any) -> bool:
    """Return whether something is a graph as networkx has them, without importing networkx.

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
    """Return the picture of a sketch, then chips in case Graphviz runs out of time for cards.

    Args:
        target: For each name a list of names; a name without a list is an input. Or a directed
            graph of networkx.
        level: "cards", "chips", or None: by size.
        expand: Refused, as a sketch has no modules.
        edges: What a list holds: "operands", the names that a name is made from, or "feeds", the
            names that it goes into. None: operands in a dictionary; in a graph of networkx an edge
            points from an operand to what is made of it.

    Raises:
        PictureError: A name is not text, a list is not a list, or the graph has a cycle.
        OptionError: The level is one that folds a graph by its modules or calls, `expand` is given,
            or `edges` is unknown.

    Example:
        >>> picture, _ = sketch_pictures({"loss": ["linear", "y"], "linear": ["k", "x", "b"]})
        >>> [(node.label, node.kind) for node in picture.nodes][-2:]
        [('linear', 'operation'), ('loss', 'operation')]
        >>> sketch_pictures({"x": ["square", "square"]}, edges="feeds")[0].notes[0].split(";")[0]
        'each name goes into the names in its list'
    """
    if level in COARSE or level == "neurons" or expand is not None:
        raise OptionError(
            "a graph given as a dictionary has no modules: "
            'draw it with level "cards" or "chips", without expand'
        )

    graph = read_sketch(target, edges)
    order = sort_names(graph)
    notes = _notes(target, edges, graph) if any(graph.values()) else ()
    finest = level or ("cards" if len(order) <= MAX_CARDS else "chips")
    return [_picture(graph, order, each, notes) for each in dict.fromkeys((finest, "chips"))]


def _notes(target: Any, edges: str | None, graph: Graph) -> tuple[str, ...]:
    """Return how the lists or edges were read, and where the other reading is as likely."""
    if not isinstance(target, Mapping):
        if edges == "operands":
            return (f"an edge points from a name to what it is made of; {_DIRECTION}",)
        return (_DIRECTION,)

    note = f"{READINGS[edges or 'operands']}; {_DIRECTION}"
    if edges is None and _looks_reversed(graph):
        return (note, 'if each name goes into the names in its list instead: edges="feeds"')
    return (note,)


def _looks_reversed(graph: Graph) -> bool:
    """Tell whether all comes from one input and ends in several results.

    A loss is the other way round. But such graphs exist, so that this is a hint and no proof.
    """
    used = {operand for operands in graph.values() for operand in operands}
    results = graph.keys() - used
    inputs = (graph.keys() | used) - {name for name, operands in graph.items() if operands}
    return len(inputs) == 1 and len(results) > 1


# From a target to a graph


def read_sketch(target: Any, edges: str | None = None) -> Graph:
    """Return the operands of each name.

    Args:
        target: A dictionary or a directed graph, as for `sketch_pictures`.
        edges: As for `sketch_pictures`.

    Raises:
        PictureError: It is neither, a name is not text, or a list is not a list.
        OptionError: `edges` is unknown.

    Example:
        >>> read_sketch({"x": ["y"]}, edges="feeds")
        {'x': [], 'y': ['x']}
    """
    if edges is not None and edges not in READINGS:
        raise OptionError(
            f"edges must be 'operands' or 'feeds', not {edges!r}{hint(edges, READINGS)}"
        )
    if isinstance(target, Mapping):
        return _read_lists(target, edges or "operands")
    if is_directed_graph(target):
        return _read_edges(target, edges or "feeds")
    raise PictureError(
        f"a graph must be a dictionary of names or a directed graph, not {type(target).__name__}"
    )


def _read_lists(target: Mapping[Any, Any], reading: str) -> Graph:
    lists = {
        _check_name(name): _check_names(name, listed, reading) for name, listed in target.items()
    }
    if reading == "operands":
        return lists

    graph: Graph = {name: [] for name in lists}
    for name, users in lists.items():
        for user in users:
            graph.setdefault(user, []).append(name)
    return graph


def _read_edges(target: Any, reading: str) -> Graph:
    """Return the graph of networkx; what is no text is named by its `repr`."""
    if not target.is_directed():
        raise PictureError(
            "the edges of this graph have no direction, so that nothing says what is made of what: "
            "give a DiGraph"
        )
    names: dict[Any, str] = {}
    graph: Graph = {}
    for node in target.nodes():
        name = node if isinstance(node, str) else _quote(node)
        names[node] = name
        graph[name] = []
    # The node 1 and the node "1" are two nodes of networkx, but have one name.
    if len(graph) < len(names):
        raise PictureError(
            f"two nodes of the graph are both called {_quote(_find_duplicate(names))}: "
            "give them distinct names"
        )

    for first, second, *_ in target.edges():
        operand, made = (first, second) if reading == "feeds" else (second, first)
        graph[names[made]].append(names[operand])
    return graph


def _find_duplicate(names: Mapping[Any, str]) -> str:
    every = list(names.values())
    return next(name for name in every if every.count(name) > 1)


def _check_name(name: Any) -> str:
    if not isinstance(name, str):
        raise PictureError(
            "a graph given as a dictionary holds names as text, "
            f"not {type(name).__name__} {_quote(name)}"
        )
    return name


def _check_names(name: str, listed: Any, reading: str) -> list[str]:
    if not isinstance(listed, (list, tuple)):
        what = "operands of" if reading == "operands" else "names fed by"
        raise PictureError(
            f"the {what} {_quote(name)} must be a list of names, in order, "
            f"not {type(listed).__name__} {_quote(listed)}"
        )
    return [_check_name(other) for other in listed]


def _quote(thing: Any) -> str:
    return clean(repr(thing))


# From a graph to a picture


def sort_names(graph: Graph) -> list[str]:
    """Return every name after its operands.

    Raises:
        PictureError: The graph runs in a circle.

    Example:
        >>> sort_names({"loss": ["y"], "y": ["x"]})
        ['x', 'y', 'loss']
    """
    try:
        # Operands are what graphlib calls predecessors.
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = [_quote(name) for name in error.args[1]]
        if len(names) > _MAX_CYCLE:
            names[4:-3] = ["…"]
        raise PictureError(
            f"the graph has a cycle, {' → '.join(names)}: no order could compute it"
        ) from None


def _picture(graph: Graph, order: list[str], level: str, notes: tuple[str, ...]) -> Picture:
    ids = {name: f"n{i}" for i, name in enumerate(order)}
    used = {operand for operands in graph.values() for operand in operands}
    nodes: list[Node] = []
    edges: list[Edge] = []
    for name in order:
        operands = graph.get(name, [])
        nodes.append(_node(ids[name], name, operands, is_last=name not in used))
        for port, operand in enumerate(operands):
            edges.append(Edge(ids[operand], ids[name], port=port))
    total = len(nodes)
    return Picture(level, tuple(nodes), tuple(edges), notes=notes, total=total, colors="")


def _node(id: str, name: str, operands: list[str], is_last: bool) -> Node:
    label = clean(name) or "unnamed"
    if not operands:
        return Node(id, "input", "in", label, root=is_last, whole=long_label(name))
    names = [cut(clean(operand), MAX_NAME) for operand in operands[:MAX_OPERANDS]]
    more = ", …" if len(operands) > MAX_OPERANDS else ""
    formula = f"f({', '.join(names)}{more})"
    symbol = _symbol(label)
    return Node(
        id, "operation", symbol, label, formula=formula, root=is_last, whole=long_label(name)
    )


def _symbol(label: str) -> str:
    """Return the sign of the operation that a label begins with, "ƒ" for any other label.

    >>> _symbol("sigmoid 2") == TABLE["sigmoid"].symbol, _symbol("linear")
    (True, 'ƒ')
    """
    first = label.split(" ")[0].rstrip("0123456789_")
    return TABLE[first].symbol if first in TABLE else "ƒ"
