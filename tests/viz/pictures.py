"""Pictures made by hand, which the tests of the output formats share."""

import re
from dataclasses import replace
from xml.etree import ElementTree

from viz.model.picture import Column, Edge, Group, Node, Picture

NAN, INF = float("nan"), float("inf")


def small() -> Picture:
    """o = tanh(x * w), with one weight that gets nothing."""
    nodes = (
        Node("n0", "input", "in", "x", 2.0, -1.5),
        Node("n1", "parameter", "θ", "w", -3.0, 0.0),
        Node("n2", "operation", "×", "", -6.0, 0.5, formula="x × w"),
        Node("n3", "operation", "tanh", "o", -0.99999, 1.0, formula="tanh(−6)", root=True),
    )
    edges = (
        Edge("n0", "n2", -3.0, -1.5),
        Edge("n1", "n2", 2.0, 0.0, 1),
        Edge("n2", "n3", 0.5, 0.5),
    )
    return Picture("cards", nodes, edges, title="A neuron", notes=("nothing is left out",), total=4)


def boxed() -> Picture:
    """A box in a box, a closed module, a constant, a copy of a leaf, and non-finite numbers."""
    nodes = (
        Node("n0", "input", "in", "x", 2.0, -1.5),
        Node("n1", "constant", "c", "", 3.0, NAN, "layers.0/neurons.1"),
        Node("n2", "operation", "×", "p", INF, 0.5, "layers.0/neurons.1", formula="x × 3"),
        Node(
            "m0",
            "module",
            "",
            "neurons.2",
            0.25,
            0.5,
            "layers.0",
            "5 parameters · gradient norm 0.97",
            "Neuron",
            name="layers.0.neurons.2",
        ),
        Node("n3", "operation", "+", "s", 1.0, 1.0, formula="p + neurons.2", root=True),
        Node("n0t1", "input", "in", "x", 2.0, -1.5, tag=True),
        Node("n0t2", "input", "in", "x", 2.0, -1.5, tag=True),
    )
    edges = (
        Edge("n0t1", "n2", 3.0, -INF),
        Edge("n1", "n2", 2.0, None, 1),
        Edge("n0t2", "m0", None, 0.1),
        Edge("n2", "n3", 1.0, 0.5),
        Edge("m0", "n3", 1.0, 0.5, 1),
    )
    groups = (
        Group("layers.0", "layers.0", "", "8 parameters"),
        Group("layers.0/neurons.1", "neurons.1", "layers.0", "3 parameters"),
    )
    return Picture("cards", nodes, edges, groups, total=9)


def columns() -> Picture:
    """A network of two inputs, two units and one output."""
    nodes = tuple(
        Node(
            f"n{i}", "input" if i < 2 else "operation", "", f"u{i}", float(i), 0.5 - i, root=i == 4
        )
        for i in range(5)
    )
    edges = tuple(
        Edge(f"n{i}", f"n{j}", None, i - j / 3)
        for i, j in ((0, 2), (0, 3), (1, 2), (1, 3), (2, 4), (3, 4))
    )
    parts = (
        Column("inputs", "2", ("n0", "n1")),
        Column("layers.0", "6 parameters", ("n2", "n3")),
        Column("out", "", ("n4",)),
    )
    return Picture("neurons", nodes, edges, total=40, columns=parts)


def chips() -> Picture:
    """The small picture as chips."""
    return replace(small(), level="chips")


def filled(*texts: str) -> Picture:
    """A picture with six nodes for each text, and the text wherever a text can be.

    Title and scale have the first one.
    """
    nodes: list[Node] = []
    edges: list[Edge] = []
    groups: list[Group] = []
    for i, text in enumerate(texts):
        outer, inner = f"g{i}", f"g{i}/h"
        one, two, three, four, five, six = (f"n{6 * i + k}" for k in range(6))
        nodes += [
            Node(one, "input", text, text, 1.0, -0.5, outer, text, text),
            Node(two, "parameter", text, text, 1.0, 0.0, inner),
            Node(three, "constant", text, text, 2.0, None, tag=True),
            Node(four, "module", text, text, 1.0, 0.5, "", text, text, name=text),
            Node(five, "operation", text, text, 1.0, 1.0, "", text, text, root=True),
            Node(six, "more", text, text),
        ]
        edges += [
            Edge(one, five, -3.0, 0.5),
            Edge(two, five, 1.0, 0.0),
            Edge(three, five, None, 1.0),
            Edge(four, five, 2.0, NAN),
        ]
        groups += [Group(outer, text, "", text), Group(inner, text, outer, text)]
    return Picture(
        "cards",
        tuple(nodes),
        tuple(edges),
        tuple(groups),
        texts[0],
        tuple(texts),
        3,
        colors=texts[0],
    )


def titled(text: str) -> Picture:
    """The smallest picture with a text as its title, its note and the word of its scale."""
    return Picture(
        "cards",
        (Node("n0", "operation", "+", root=True),),
        title=text,
        notes=(text,),
        total=1,
        colors=text,
    )


ALL = {
    "small": small,
    "boxed": boxed,
    "columns": columns,
    "chips": chips,
    "empty": lambda: Picture("cards"),
}

_PLACES = ("x", "y", "width", "height", "d", "points", "transform", "viewBox")


def without_a_place(svg: str) -> list[str]:
    """Return the attributes of an SVG document that put something at nan or at infinity.

    A browser leaves it out.
    """
    attributes = [
        item for element in ElementTree.fromstring(svg).iter() for item in element.attrib.items()
    ]
    return [
        f"{name}={value}"
        for name, value in attributes
        if name in _PLACES and re.search("nan|inf", value, re.IGNORECASE)
    ]
