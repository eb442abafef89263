"""A graph given as a plain dictionary, {name: [names of its operands]}: the picture of a sketch, without numbers."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from scalargrad.errors import OptionError, PictureError
from scalargrad.ops import TABLE

from .picture import Edge, Node, Picture
from .text import clean

MOST_CARDS = 40


def dictionary_pictures(graph: Mapping[Any, Any], level: str | None = None, expand: Any = None) -> list[Picture]:
    """The picture at the level asked for (or chosen by size), then chips in case cards can't be placed in time.

    graph  for each name the list of the names that it is made from; a name without a list of its own is an input

    Raises PictureError for names that are no text, operands that are no list or tuple, and circles, which it names; OptionError
    for the level "neurons" and for `expand`, as a dictionary has no modules.

    >>> picture, _ = dictionary_pictures({"loss": ["linear", "y"], "linear": ["k", "x", "b"]})
    >>> [(node.label, node.kind) for node in picture.nodes][-2:]
    [('linear', 'operation'), ('loss', 'operation')]
    """
    if level == "neurons" or expand is not None:
        raise OptionError('a graph given as a dictionary has no modules: draw it with level "cards" or "chips", without expand')
    checked = {_name(name): _operands(name, operands) for name, operands in graph.items()}
    order = _order(checked)
    finest = level or ("cards" if len(order) <= MOST_CARDS else "chips")
    return [_picture(checked, order, each) for each in dict.fromkeys((finest, "chips"))]


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise PictureError(f"a graph given as a dictionary holds names as text, not {type(name).__name__} {_quoted(name)}")
    return name


def _operands(name: str, operands: Any) -> list[str]:
    if not isinstance(operands, (list, tuple)):
        found = f"{type(operands).__name__} {_quoted(operands)}"
        raise PictureError(f"the operands of {_quoted(name)} must be a list of names, in order, not {found}")
    return [_name(operand) for operand in operands]


def _quoted(thing: Any) -> str:
    return clean(repr(thing))


def _order(graph: Mapping[str, list[str]]) -> list[str]:
    """Every name after its operands."""
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = [_quoted(name) for name in error.args[1]]
        shown = names if len(names) <= 8 else [*names[:4], "…", *names[-3:]]
        raise PictureError(f"the graph runs in a circle, {' → '.join(shown)}: no order could compute it") from None


def _picture(graph: Mapping[str, list[str]], order: list[str], level: str) -> Picture:
    ids = {name: f"n{i}" for i, name in enumerate(order)}
    used = {operand for operands in graph.values() for operand in operands}
    nodes = tuple(_node(ids[name], name, graph.get(name, []), name not in used) for name in order)
    edges = tuple(Edge(ids[operand], ids[name], port=port) for name in order for port, operand in enumerate(graph.get(name, [])))
    return Picture(level, nodes, edges, total=len(nodes), colours="")


def _node(id: str, name: str, operands: list[str], last: bool) -> Node:
    label = clean(name) or "unnamed"
    if not operands:
        return Node(id, "input", "in", label, root=last)
    shown = ", ".join(clean(operand, 24) for operand in operands[:4]) + (", …" if len(operands) > 4 else "")
    return Node(id, "operation", _symbol(name), label, formula=f"f({shown})", root=last)


def _symbol(name: str) -> str:
    """The sign of the operation that a name begins with, "ƒ" for any other name.

    >>> _symbol("sigmoid 2") == TABLE["sigmoid"].symbol, _symbol("linear")
    (True, 'ƒ')
    """
    first = clean(name).split(" ")[0].rstrip("0123456789_")
    return TABLE[first].symbol if first in TABLE else "ƒ"
