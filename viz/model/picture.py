"""The model of a picture: frozen nodes, edges and groups, without colors or positions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite

from .block_card import Block
from .heatmap import Map
from .layer_card import LayerCard
from .sequence_card import Recurrence

MAX_CARDS = 40
"""The largest picture that is drawn as cards, by default, in nodes."""
MAX_CHIPS = 300
"""The largest picture of single nodes: Graphviz takes seconds for more, and nobody reads them."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of an open neuron: a product, or with fewer numbers the bias, the sum, the output.

    Attributes:
        name: What it is: the name of the input, "b", "Σ", "relu".
        x: The input, None where there is none.
        weight: The weight or bias, None where there is none.
        product: What the row adds, or what it is.
        grad: The gradient of the weight, or of what the row is; None before `backward`.
    """

    name: str
    x: float | None
    weight: float | None
    product: float
    grad: float | None


@dataclass(frozen=True, slots=True)
class ChainEnds:
    """What a folded chain shows of its first and its last link.

    Attributes:
        count: How many links the chain has.
        first: The result of the first link.
        last: The result of the last link.
        first_grad: The gradient of the first result; None before `backward`.
        last_grad: The gradient of the last result; None before `backward`.
        name: The name that the user gave the last result, "" for none.
    """

    count: int
    first: float
    last: float
    first_grad: float | None = None
    last_grad: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing to draw.

    Attributes:
        id: Short and safe in any format ("n12"), the same in every process.
        kind: "operation", "input", "parameter", "constant"; "module" for a closed module; "more"
            for what is left out.
        symbol: What the badge or chip shows: "×", "tanh", "θ", "in", "c".
        label: The name the user gave, "" for none.
        data: The number (for a module that of its output), None where there is none.
        grad: Its gradient, None where there is none.
        group: Path of the group around it, "" for none.
        detail: A second line in small print: "5 parameters".
        formula: How it was made: "tanh(n)".
        root: Whether the gradient starts here.
        tag: Whether it is a copy of a much used leaf, drawn small beside its user.
        name: The whole path of a module.
        mark: A word that is drawn on it, within a ring, so that it is seen at once: "dead".
        dim: Whether it is drawn faint, because others are what the picture is about.
        outputs: Of a module the Values that leave it; of several, `grad` is the norm of their
            gradients.
        whole: The label in full, where `label` is cut; for tooltips.
        tip: What the tooltip says besides.
        rows: Of an open neuron its table, with a row for each input first.
        chain: Of a folded chain, which is drawn like a closed module, its two ends.
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
    rows: tuple[TableRow, ...] = ()
    chain: ChainEnds | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """From an operand to the node made of it.

    Attributes:
        source: Id of the operand.
        target: Id of the node made of it.
        local: The local derivative, None where several edges were merged into this one.
        flow: What its color and width show: by default the gradient that the edge carries back,
            local * gradient of the target; None where there is none, as before `backward`.
        port: Which operand of the target it is, from 0.
        count: Numbers that flow at a call, at level "layers"; at level "blocks" the different
            Values that are passed on, in all calls together.
        dim: Whether it is drawn faint, because others are what the picture is about.
        mark: A word instead of the local derivative, in the color of alarm: "stops here".
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
    """A box around the nodes of one open module.

    Attributes:
        path: Unique path of the module.
        title: Heading of the box.
        parent: Path of the box around it, "" for none.
        detail: Small print beside the heading.
        calls: At level "blocks" how many calls are folded in it.
        is_panel: Whether it stands for no call, but for what leaves a residual stream and returns
            to it.
    """

    path: str
    title: str
    parent: str = ""
    detail: str = ""
    calls: int = 1
    is_panel: bool = False

    @property
    def heading(self) -> str:
        """The title, with the number of calls that are folded in it: "gpt × 5"."""
        return f"{self.title} × {self.calls:,}" if self.calls > 1 else self.title


# Without slots: what is computed once is kept in the __dict__.
@dataclass(frozen=True)
class Picture:
    """What is to be drawn, at one level of detail.

    Attributes:
        level: "cards", "chips", "neurons", "layers", "blocks" or "sequence".
        nodes: What is drawn.
        edges: What connects it.
        groups: Boxes around nodes, outer ones first.
        title: The heading, "" for none.
        notes: Sentences on what the picture leaves out or folds.
        total: Values of the graph, of which the picture may show a part.
        colors: What fills and lines mean: "gradient", "data" or "weights"; "" where there are no
            numbers.
        framed: Whether groups are drawn as boxes; if not, their nodes are only kept together.
        columns: At level "neurons" the units of each column.
        cards: At level "layers" the card of each node, in the order of the nodes.
        blocks: At level "blocks" the box of each node, in the order of the nodes.
        stream: At level "blocks" the ids of the nodes that a residual stream runs through, from its
            first to its last; none where the graph has no residual connection.
        sequence: At level "sequence" the part of each node.
        numbered: Whether chips show their numbers.
        scale: The number at the end of the scale, where pictures share one; 0: the largest shown.
        rankdir: Which way edges run: "LR", "TB", "RL" or "BT".
        center: At level "cards" the id of an open neuron that the picture is about: what goes into
            it is at its left, its output at the right of its last row, and what uses that above.
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
    blocks: tuple[Block, ...] = ()
    stream: tuple[str, ...] = ()
    sequence: Recurrence | None = None
    scale: float = 0.0
    numbered: bool = False
    rankdir: str = "LR"
    center: str = ""

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """The nodes by their ids."""
        return {node.id: node for node in self.nodes}

    def fill(self, node: Node) -> float | None:
        """Return the number that the color of a node shows, None where it has no color."""
        if self.colors == "data":
            return node.data
        if self.colors == "weights" and self.level != "neurons":
            return node.data if node.kind == "parameter" else None
        return node.grad

    def filled_row(self, node: Node) -> str:
        """Return which of the numbers on a card has that color: "data", "grad" or "" for none."""
        if self.fill(node) is None:
            return ""
        return "grad" if self.colors == "gradient" else "data"

    @cached_property
    def largest(self) -> float:
        """The number at the end of the scale: the largest finite one shown by size, or else 1.

        The seed of the root is left out: its 1.0 would make all others pale. So is what "more"
        nodes merge. Where pictures share a scale, it is that of all of them.
        """
        if self.scale:
            return self.scale
        sizes = [abs(number) for number in self._colored() if isfinite(number)]
        return max(sizes, default=0.0) or 1.0

    @cached_property
    def shows_biases(self) -> bool:
        """Whether the units are those of a network by itself, whose numbers are biases."""
        is_network = self.level == "neurons" and self.colors == "weights"
        return is_network and any(node.grad is not None for node in self.nodes)

    @cached_property
    def is_finite(self) -> bool:
        """Whether all numbers are finite; others are drawn in the color of alarm."""
        return all(isfinite(number) for number in self._numbers() if number is not None)

    def _numbers(self) -> Iterator[float | None]:
        for node in self.nodes:
            yield from (node.data, node.grad)
            if node.chain is not None:
                yield from (node.chain.first, node.chain.first_grad)
        for edge in self.edges:
            yield from (edge.local, edge.flow)
        for block in self.blocks:
            for shown in colored_maps(block):
                yield from shown.present
            for grid in block.grids:
                yield from grid.shown.present
            yield from (bar.data for bar in block.bars)
        for card in self.cards:
            for shown in (*card.maps, *card.columns):
                yield from shown.present
            for bar in card.bars:
                yield from (bar.data, bar.grad)
        for part in self.sequence.parts if self.sequence is not None else ():
            for numbers in filter(None, (part.data, part.strip)):
                yield from numbers.present

    def _colored(self) -> Iterator[float]:
        """Yield the numbers that are on the scale."""
        if self.level == "blocks":
            for block in self.blocks:
                for colored in colored_maps(block):
                    yield from colored.present
            return
        for node in self.nodes:
            if self.colors == "gradient":
                yield from (row.grad for row in node.rows if row.grad is not None)
                if node.chain is not None and node.chain.first_grad is not None:
                    yield node.chain.first_grad
            shown = self.fill(node)
            is_seed = node.root and self.colors == "gradient"
            if shown is not None and not is_seed:
                yield shown
        merged = {node.id for node in self.nodes if node.kind == "more"}
        for edge in self.edges:
            if edge.flow is not None and merged.isdisjoint((edge.source, edge.target)):
                yield edge.flow


def colored_maps(block: Block) -> tuple[Map, ...]:
    """Return the maps of a box that share the scale of the picture: its parameters and its strip.

    The seed of the root is left out: its 1.0 would make all others pale.
    """
    own = [parameter.shown for parameter in block.parameters]
    if block.strip is not None and block.kind != "root":
        own.append(block.strip)
    return tuple(own)


@dataclass(frozen=True, slots=True)
class Column:
    """A layer in the neuron view.

    Attributes:
        title: Its heading.
        detail: Small print below the heading.
        members: The ids of its units from top to bottom.
    """

    title: str
    detail: str
    members: tuple[str, ...]
