"""The paths of a gradient as a picture: in full color among what is dimmed, or alone where the graph is large."""

from collections.abc import Iterator
from dataclasses import replace

from scalargrad.core.value import Value
from viz.model.picture import Edge, Node, Picture
from viz.model.snapshot import Snapshot, grad_of
from viz.views.choose import MOST_CHIPS
from viz.views.dictionary import MOST_CARDS
from viz.views.scalars import carried, scalar_picture, value_node

from .notation import counted
from .path_sums import PathSums, Trail
from .reasons import Reason

_ENDS = 8
"""Of a longer path so many Values at each end are drawn."""

Way = tuple[Value, int]
"""An edge: a Value, and the number of its operand."""


def highlighted(ledger: PathSums, reason: Reason, title: str) -> list[Picture]:
    """The picture, and one of the paths alone in case it can't be placed in time.

    A graph of more than 300 values is not drawn whole: the Values on the paths stand for it, with the leaves that they were made
    from. The edge that the reason speaks of is marked.
    """
    snapshot, notes = Snapshot([ledger.output]), _notes(ledger, reason)
    alone = replace(_Alone(ledger, reason, snapshot).picture(), title=title)
    alone = replace(alone, notes=(*notes, *alone.notes))
    if len(snapshot) > MOST_CHIPS:
        return [alone]
    whole = scalar_picture(snapshot, "cards" if len(snapshot) <= MOST_CARDS else "chips")
    return [
        replace(
            _dimmed(whole, ledger, reason, snapshot), title=title, notes=(*notes, *whole.notes)
        ),
        alone,
    ]


def _notes(ledger: PathSums, reason: Reason) -> tuple[str, ...]:
    shown = len(ledger.best)
    which = (
        f"the {shown:,} largest of {counted(ledger.count)}"
        if shown < ledger.count
        else counted(ledger.count)
    )
    return (f"in full color: {which}", *([reason.sentence] if reason.sentence else []))


def _ways(ledger: PathSums, reason: Reason) -> dict[Way, str]:
    """The edges on the paths, and the one that the reason speaks of, with the word that is written on it."""
    ways = {
        (step.before.node, step.port): "" for trail in ledger.best for step in trail.steps()[1:]
    }
    if reason.above is not None:
        sent = carried(reason.above.partials[reason.port], ledger.flows[reason.above])
        ways[reason.above, reason.port] = (
            "stops here" if sent == 0.0 else "nearly stops" if sent - sent == 0.0 else "breaks here"
        )
    return ways


def _dimmed(picture: Picture, ledger: PathSums, reason: Reason, snapshot: Snapshot) -> Picture:
    """A picture of the whole graph with all dimmed that no path passes."""
    words = {
        (snapshot.id(node), port): word for (node, port), word in _ways(ledger, reason).items()
    }
    edges = tuple(
        replace(e, dim=(e.target, e.port) not in words, mark=words.get((e.target, e.port), ""))
        for e in picture.edges
    )
    passed = {end for edge in edges if not edge.dim for end in (edge.source, edge.target)} | {
        snapshot.id(ledger.output)
    }
    return replace(
        picture,
        edges=edges,
        nodes=tuple(replace(node, dim=node.id not in passed) for node in picture.nodes),
    )


class _Alone:
    """The Values on the paths and the leaves beside them, as many as can be read."""

    def __init__(self, ledger: PathSums, reason: Reason, snapshot: Snapshot) -> None:
        self.ledger, self.reason, self.snapshot = ledger, reason, snapshot
        self.words = _ways(ledger, reason)
        self.kept = dict.fromkeys([ledger.output, ledger.leaf])
        if reason.above is not None:
            self.kept |= dict.fromkeys([reason.above, reason.above.args[reason.port]])
        self.gaps: dict[tuple[Value, Value], int] = {}
        for trail in ledger.best:
            nodes = self._shortened(trail)
            if len(self.kept) + len(nodes) <= MOST_CHIPS:
                self.kept |= dict.fromkeys(nodes)

    def _shortened(self, trail: Trail) -> list[Value]:
        """The Values of a path, those in the middle of a long one left out."""
        nodes = [step.node for step in trail.steps()]
        if len(nodes) <= 2 * _ENDS + 1:
            return nodes
        first, last = nodes[:_ENDS], nodes[-_ENDS:]
        self.gaps[last[0], first[-1]] = len(nodes) - 2 * _ENDS
        return first + last

    def picture(self) -> Picture:
        """Without groups: modules are larger than paths."""
        ordered = (
            sorted(self.kept, key=self.snapshot.index.__getitem__)
            if self.ledger.count
            else [self.ledger.output]
        )
        nodes = [self._node(node) for node in ordered]
        edges = [edge for node in ordered for edge in self._edges(node)]
        for i, ((below, above), count) in enumerate(self.gaps.items()):
            nodes.append(
                Node(
                    f"g{i}",
                    "more",
                    "…",
                    "…",
                    detail=f"{count:,} values",
                    formula="the middle of a path",
                )
            )
            edges += [
                Edge(self.snapshot.id(below), f"g{i}"),
                Edge(f"g{i}", self.snapshot.id(above)),
            ]
        for tag, edge in self._beside(ordered):
            nodes.append(tag)
            edges.append(edge)
        total, shown = len(self.snapshot), len(nodes)
        notes = (
            (f"showing {shown:,} of {total:,} values: those on the paths, and leaves beside them",)
            if shown < total
            else ()
        )
        level = "cards" if shown <= MOST_CARDS and not self.gaps else "chips"
        return Picture(level, tuple(nodes), tuple(edges), notes=notes, total=total, framed=False)

    def _node(self, node: Value) -> Node:
        return value_node(self.snapshot, node, self._gradient(node))

    def _gradient(self, node: Value) -> float:
        return self.ledger.flows[node] if node in self.ledger.order else grad_of(node)

    def _edges(self, node: Value) -> Iterator[Edge]:
        for port, (arg, local) in enumerate(zip(node.args, node.partials, strict=True)):
            if arg in self.kept:
                flow, way = carried(local, self._gradient(node)), (node, port)
                ends = self.snapshot.id(arg), self.snapshot.id(node)
                yield Edge(
                    *ends,
                    local,
                    flow,
                    port,
                    dim=way not in self.words,
                    mark=self.words.get(way, ""),
                )

    def _beside(self, ordered: list[Value]) -> Iterator[tuple[Node, Edge]]:
        """Leaves that the Values were made from, small and dimmed, while there is room for them."""
        room = MOST_CARDS - len(ordered)
        for node in ordered:
            for port, (arg, local) in enumerate(zip(node.args, node.partials, strict=True)):
                if not arg.args and arg not in self.kept and room > 0:
                    room -= 1
                    tag = replace(
                        self._node(arg),
                        id=f"{self.snapshot.id(arg)}t{self.snapshot.index[node]}p{port}",
                        tag=True,
                        dim=True,
                    )
                    yield (
                        tag,
                        Edge(
                            tag.id,
                            self.snapshot.id(node),
                            local,
                            carried(local, self._gradient(node)),
                            port,
                            dim=True,
                        ),
                    )
