"""The paths of a gradient as a picture: in full color among what is dimmed, or alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from scalargrad.core.value import Value
from viz.model.picture import MAX_CARDS, MAX_CHIPS, Edge, Node, Picture
from viz.model.snapshot import Snapshot, carry_back, grad_of
from viz.views.scalars import scalar_picture, value_node
from viz.views.sums import FoldedSums

from .notation import write_count
from .path_sums import PathSums, Trail, nodes_between
from .reasons import Reason

_END_LENGTH = 8
"""Values drawn at each end of a long path."""

_MAX_WORDED = 1000
"""Values left out from which on only their number is written."""

EdgeKey = tuple[Value, int]
"""An edge: a Value, and the number of its operand."""


def highlight_paths(
    sums: PathSums, trails: Sequence[Trail], reason: Reason, title: str
) -> list[Picture]:
    """Return the graph with some paths in full color, and the edge of the reason marked.

    A graph of more than 300 values is not drawn whole: the Values on the paths are drawn instead,
    with the leaves that they were made from.

    Args:
        sums: All paths.
        trails: Those in full color.
        reason: Why the gradient is zero, not finite or tiny.
        title: The title of the pictures.

    Returns:
        The picture, and after it those of the paths alone, in case it can't be placed in time or
        is too wide.
    """
    snapshot = Snapshot([sums.output])
    notes = _notes(sums, trails, reason)
    folded = FoldedSums(snapshot, snapshot.order)
    words = _highlighted_edges(sums, trails, reason, folded)
    alone = _PathPicture(sums, trails, reason, snapshot, folded, words).build()
    pictures = [alone]
    if len(snapshot) <= MAX_CHIPS:
        is_small = len(snapshot) <= MAX_CARDS
        level: Literal["cards", "chips"] = "cards" if is_small else "chips"
        whole = scalar_picture(snapshot, level, fold=True, with_tables=False)
        pictures = [_dim_others(whole, sums, words, snapshot), alone]
    if alone.level == "cards":
        # Without its numbers, for a column that is too narrow for them.
        pictures.append(replace(alone, level="chips"))
    titled: list[Picture] = []
    for picture in pictures:
        titled.append(replace(picture, title=title, notes=(*notes, *picture.notes)))
    return titled


def _notes(sums: PathSums, trails: Sequence[Trail], reason: Reason) -> tuple[str, ...]:
    shown = sum(trail.count_ways() for trail in trails)
    paths = write_count(sums.ways)
    if shown < sums.ways:
        paths = f"the {shown:,} largest of {paths}"
    note = f"in full color: {paths}"
    return (note, reason.sentence) if reason.sentence else (note,)


def _highlighted_edges(
    sums: PathSums, trails: Iterable[Trail], reason: Reason, folded: FoldedSums
) -> dict[EdgeKey, str]:
    """Return the edges on the paths and that of the reason, each with the word written on it.

    They are those of the picture, in which a chain of + is one sum.
    """
    edges: dict[EdgeKey, str] = {}
    # By identity: comparing trails as tuples would walk back to the output each time.
    steps = {id(step): step for trail in trails for step in trail.steps()[1:]}
    for step in steps.values():
        if step.is_edge:
            edges[step.above, step.port] = ""
        elif len(folded.snapshot) <= MAX_CHIPS:
            edges |= dict.fromkeys(_edges_between(step.above, step.node), "")

    if reason.above is not None:
        sent = carry_back(reason.above.partials[reason.port], sums.flows[reason.above])
        word = "breaks here"
        if sent == 0.0:
            word = "stops here"
        elif sent - sent == 0.0:  # it is finite
            word = "nearly stops"
        edges[reason.above, reason.port] = word

    drawn: dict[EdgeKey, str] = {}
    for (node, port), word in edges.items():
        target = folded.drawn(node)
        if target is node and node not in folded.totals:
            drawn[node, port] = word
            continue
        for i, (arg, _) in enumerate(folded.operands(target)):
            if arg is node.args[port]:
                drawn[target, i] = word
    return drawn


def _edges_between(above: Value, below: Value) -> Iterator[EdgeKey]:
    """Yield the edges of all ways between two Values."""
    between = nodes_between(above, below)
    for node in between:
        for port, arg in enumerate(node.args):
            if arg in between and node is not below:
                yield node, port


def _dim_others(
    picture: Picture, sums: PathSums, highlighted: Mapping[EdgeKey, str], snapshot: Snapshot
) -> Picture:
    """Return a picture of the whole graph with all dimmed that no path passes."""
    # Pictures know nodes by id.
    words: dict[tuple[str, int], str] = {}
    for (node, port), word in highlighted.items():
        words[snapshot.id(node), port] = word

    edges = []
    passed = {snapshot.id(sums.output)}
    for edge in picture.edges:
        key = (edge.target, edge.port)
        is_passed = key in words
        edges.append(replace(edge, dim=not is_passed, mark=words.get(key, "")))
        if is_passed:
            passed |= {edge.source, edge.target}
    nodes = [replace(node, dim=node.id not in passed) for node in picture.nodes]
    return replace(picture, edges=tuple(edges), nodes=tuple(nodes))


class _PathPicture:
    """The Values on the paths and the leaves beside them, as many as can be read."""

    def __init__(
        self,
        sums: PathSums,
        trails: Sequence[Trail],
        reason: Reason,
        snapshot: Snapshot,
        folded: FoldedSums,
        words: Mapping[EdgeKey, str],
    ) -> None:
        self.sums = sums
        self.snapshot = snapshot
        self.folded = folded
        self.words = words
        self.kept = dict.fromkeys([sums.output, folded.drawn(sums.leaf)])
        if reason.above is not None:
            for node in (reason.above, reason.above.args[reason.port]):
                self.kept[folded.drawn(node)] = None

        # How many Values are left out between two others.
        self.gaps: dict[tuple[Value, Value], int] = {}
        for trail in trails:
            # Paths are kept whole or not at all: half of one would end nowhere.
            nodes = self._shorten(trail)
            if len(self.kept) + len(nodes) <= MAX_CHIPS:
                self.kept |= dict.fromkeys(nodes)
                self._skip_merged(trail)

    def _skip_merged(self, trail: Trail) -> None:
        """Note how many Values are left out where several ways were put together."""
        for step in trail.steps()[1:]:
            above = self.folded.drawn(step.above)
            below = self.folded.drawn(step.node)
            is_shown = above in self.kept and below in self.kept and above is not below
            if not step.is_edge and is_shown and (below, above) not in self.gaps:
                self.gaps[below, above] = len(nodes_between(above, below)) - 2

    def _shorten(self, trail: Trail) -> list[Value]:
        """Return the Values of a path without the middle of a long one, which becomes a gap."""
        drawn = dict.fromkeys(self.folded.drawn(step.node) for step in trail.steps())
        nodes = list(drawn)
        hidden = len(nodes) - 2 * _END_LENGTH
        if hidden <= 1:
            return nodes
        first = nodes[:_END_LENGTH]
        last = nodes[-_END_LENGTH:]
        self.gaps[last[0], first[-1]] = hidden
        return first + last

    def build(self) -> Picture:
        """Return the picture, without groups: modules are larger than paths."""
        ordered = [self.sums.output]
        if self.sums.count:
            ordered = sorted(self.kept, key=self.snapshot.index.__getitem__)
        nodes = [self._node(node) for node in ordered]
        edges = [edge for node in ordered for edge in self._edges(node)]
        for i, ((below, above), count) in enumerate(self.gaps.items()):
            gap = Node(
                f"g{i}",
                "more",
                "…",
                # There is not much space, and the sign says what is counted.
                f"{count:,} values" if count < _MAX_WORDED else f"{count:,}",
                formula="the middle of a path",
            )
            nodes.append(gap)
            edges.append(Edge(self.snapshot.id(below), gap.id))
            edges.append(Edge(gap.id, self.snapshot.id(above)))
        for leaf, edge in self._leaves_beside(ordered):
            nodes.append(leaf)
            edges.append(edge)

        total = len(self.snapshot)
        shown = len(nodes)
        note = f"showing {shown:,} of {total:,} values: those on the paths, and leaves beside them"
        return Picture(
            "cards" if shown <= MAX_CARDS and not self.gaps else "chips",
            tuple(nodes),
            tuple(edges),
            notes=(note,) if shown < total else (),
            total=total,
            framed=False,
        )

    def _node(self, node: Value) -> Node:
        drawn = value_node(self.snapshot, node, self._gradient(node))
        return self.folded.draw(drawn, node)

    def _gradient(self, node: Value) -> float:
        return self.sums.flows[node] if node in self.sums.order else grad_of(node)

    def _edges(self, node: Value) -> Iterator[Edge]:
        gradient = self._gradient(node)
        for port, (arg, local) in enumerate(self.folded.operands(node)):
            if arg in self.kept:
                key = (node, port)
                yield Edge(
                    self.snapshot.id(arg),
                    self.snapshot.id(node),
                    local,
                    carry_back(local, gradient),
                    port,
                    dim=key not in self.words,
                    mark=self.words.get(key, ""),
                )

    def _leaves_beside(self, ordered: list[Value]) -> Iterator[tuple[Node, Edge]]:
        """Yield leaves that the Values were made from, small and dimmed, as many as can be read."""
        left = MAX_CARDS - len(ordered)
        for node in ordered:
            target = self.snapshot.id(node)
            for port, (arg, local) in enumerate(self.folded.operands(node)):
                if arg.args or arg in self.kept or left <= 0:
                    continue
                # One copy for each use, with an id that says whose: no edges across the picture.
                left -= 1
                position = self.snapshot.index[node]
                name = f"{self.snapshot.id(arg)}t{position}p{port}"
                leaf = replace(self._node(arg), id=name, tag=True, dim=True)
                flow: float | None = carry_back(local, self._gradient(node))
                if arg.kind == "constant":
                    # What goes to a constant would be the largest number of the scale of colors.
                    leaf = replace(leaf, grad=None)
                    flow = None
                yield leaf, Edge(name, target, local, flow, port, dim=True)
