"""The model of a picture: frozen nodes, edges and groups, without colors or positions. Everything that draws starts from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite

from .layer_card import LayerCard

MAX_CARDS = 40
"""The largest picture that is drawn as cards, by default, in nodes."""
MAX_CHIPS = 300
"""The largest picture of single nodes: Graphviz takes seconds for more, and nobody reads them."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing to draw.

    id       short and safe in any format ("n12"), the same in every process
    kind     "operation", "input", "parameter", "constant"; "module" for a closed module; "more" for what is left out
    symbol   what the badge or chip shows: "×", "tanh", "θ", "in", "c"
    label    the name the user gave, "" for none
    data     the number (for a module that of its output), None where there is none
    grad     its gradient, None where there is none
    group    path of the group that it stands in, "" for none
    detail   a second line in small print: "5 parameters · ‖∇‖ 0.97"
    formula  how it was made: "tanh(n)"
    root     whether the gradient starts here
    tag      a copy of a much used leaf, drawn small beside its user
    name     the whole path of a module
    mark     a word that is drawn on it, within a ring, so that it is seen at once: "dead"
    dim      drawn faint, because others are what the picture is about
    outputs  of a module: how many Values leave it; of several, `grad` is the norm of their gradients
    whole    the label in full, where `label` is cut; for tooltips
    tip      what the tooltip says besides
    """

    id: str
    kind: str
    symbol: str = ""
    label: str = ""
    data: float | None = None
    grad: float | None = None
    group: str = ""
    detail: str = ""
    formula: str = ""
    root: bool = False
    tag: bool = False
    name: str = ""
    mark: str = ""
    dim: bool = False
    outputs: int = 1
    whole: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """From an operand to the node made of it.

    local  the local derivative, None where several edges were merged into this one
    flow   the gradient that the edge carries back: local * gradient of the target; None before `backward`
    port   which operand of the target it is, from 0
    dim    drawn faint, because others are what the picture is about
    mark   a word in the place of the local derivative, in the color of alarm: "stops here"
    """

    source: str
    target: str
    local: float | None = None
    flow: float | None = None
    port: int = 0
    count: int = 0
    dim: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A box around the nodes of one open module. `path` is unique; `parent` is the path of the box around it, "" for none."""

    path: str
    title: str
    parent: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Picture:
    """What is to be drawn, at one level of detail.

    level    "cards", "chips", "neurons" or "layers"
    title    the heading, "" for none
    notes    sentences on what the picture leaves out or folds
    total    how many Values the graph has, of which the picture may show a part
    colors  what fills stand for: "gradient", or "weight" for a network that has computed nothing; "" where there are no numbers
    framed   whether groups are drawn as boxes; if not, their nodes are only kept together
    columns  at level "neurons": the units of each column, with the column's heading and small print
    cards    at level "layers": what stands on the card of each node, in the order of the nodes
    scale    the gradient at the end of the scale, where pictures share one; 0: the largest shown
    """

    level: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    groups: tuple[Group, ...] = ()
    title: str = ""
    notes: tuple[str, ...] = ()
    total: int = 0
    colors: str = "gradient"
    framed: bool = True
    columns: tuple["Column", ...] = field(default=())
    cards: tuple[LayerCard, ...] = ()
    scale: float = 0.0

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """The nodes by their ids."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def largest(self) -> float:
        """The largest finite |gradient| shown, without the seed of the root and what "more" nodes merge; 1 where there is none.

        Where pictures share a scale, that of all of them.
        """
        if self.scale:
            return self.scale
        sizes = [abs(number) for number in self._shown() if abs(number) < float("inf")]
        return max(sizes, default=0.0) or 1.0

    @cached_property
    def is_finite(self) -> bool:
        """Whether every number of the picture is: what is not is drawn in the color of alarm."""
        numbers = [number for node in self.nodes for number in (node.data, node.grad)]
        numbers += [number for edge in self.edges for number in (edge.local, edge.flow)]
        for card in self.cards:
            for shown in (*card.maps, *card.columns):
                missing = set(shown.missing)
                numbers += [number for i, number in enumerate(shown.numbers) if i not in missing]
            numbers += [number for bar in card.bars for number in (bar.data, bar.grad)]
        return all(isfinite(number) for number in numbers if number is not None)

    def _shown(self) -> Iterator[float]:
        for node in self.nodes:
            if node.grad is not None and not node.root:
                yield node.grad
        merged = {node.id for node in self.nodes if node.kind == "more"}
        for edge in self.edges:
            if edge.flow is not None and merged.isdisjoint((edge.source, edge.target)):
                yield edge.flow


@dataclass(frozen=True, slots=True)
class Column:
    """A layer in the neuron view: its heading, its small print, and the ids of its units from top to bottom."""

    title: str
    detail: str
    members: tuple[str, ...]
