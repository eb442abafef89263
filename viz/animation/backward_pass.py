"""The backward pass as a film: gradients appear from the output to the leaves, each when all that uses it has sent its share."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scalargrad.errors import PictureError
from viz.drawing import Drawing
from viz.layout.geometry import Rect
from viz.layout.layered import PlacedPicture
from viz.look.text import fitted, number, width
from viz.model.picture import Edge, Node, Picture
from viz.render import svg_edges, svg_nodes
from viz.render.svg_document import draw_backdrop
from viz.render.svg_writer import SvgWriter

from .timeline import Clock, Track, fading_in, flashing

LEAD, PAUSE = 1.2, 3.0
_SLOWEST, _FASTEST, _WHOLE = 1.8, 0.15, 16.0


def waves(picture: Picture) -> dict[str, int]:
    """For each node the wave that its gradient is complete in: 0 for the root, else one after the last of its users.

    Boxes that use each other are given the last wave.
    """
    users: dict[str, list[str]] = defaultdict(list)
    operands: dict[str, list[str]] = defaultdict(list)
    for edge in picture.edges:
        users[_own(edge.source)].append(edge.target)
        operands[edge.target].append(_own(edge.source))
    names = list(dict.fromkeys(_own(node.id) for node in picture.nodes))
    left = {name: len(users[name]) for name in names}
    wave = dict.fromkeys(names, 0)
    ready = [name for name in names if not left[name]]
    for name in ready:
        for operand in operands[name]:
            wave[operand] = max(wave[operand], wave[name] + 1)
            left[operand] -= 1
            if not left[operand]:
                ready.append(operand)
    last = max(wave.values(), default=0)
    return {name: wave[name] if not left[name] else last for name in names}


def _own(name: str) -> str:
    """The id of the leaf that a small copy stands for."""
    return name.partition("t")[0]


class Wave:
    """The backward pass over a placed picture.

    placed   with gradients
    pace     seconds for each wave; None: so that the whole takes some 16 at most

    seconds  how long the whole takes
    """

    def __init__(self, placed: PlacedPicture, pace: float | None = None) -> None:
        self.placed, self.picture = placed, placed.picture
        self.wave = waves(self.picture)
        self.count = max((self.wave[edge.target] + 1 for edge in self.picture.edges), default=0)
        self.pace = pace or max(_FASTEST, min(_SLOWEST, _WHOLE / max(1, self.count)))
        self.seconds = LEAD + (self.count + 1) * self.pace + PAUSE

    def start(self, wave: int) -> float:
        """When the nodes of a wave have their gradients and begin to send."""
        return LEAD + wave * self.pace

    def moments(self) -> list[float]:
        """A moment in the midst of each wave, after one before the first; the last is the end."""
        return [
            0.0,
            *(self.start(wave) + 0.6 * self.pace for wave in range(self.count)),
            self.seconds,
        ]

    def body(self, sheet: SvgWriter, clock: Clock) -> str:
        """The whole picture, moving."""
        parts = [draw_backdrop(self.placed, sheet)]
        order = sorted(
            range(len(self.picture.edges)), key=lambda i: abs(self.picture.edges[i].flow or 0.0)
        )
        parts += [self._wire(i, sheet, clock) for i in order]
        parts += svg_edges.draw_labels(self.placed, sheet)
        parts += [svg_edges.draw_port(point, sheet) for point in self.placed.ports]
        parts += [self._node(node, sheet, clock) for node in self.picture.nodes]
        return "".join([*parts, *self._sent(sheet, clock)])

    def _wire(self, i: int, sheet: SvgWriter, clock: Clock) -> str:
        edge, route = self.picture.edges[i], self.placed.routes[i]
        arrow = self.picture.level != "neurons"
        before = svg_edges.draw_edge(replace(edge, flow=None), route, self.picture, sheet, arrow)
        arrival = self.start(self.wave[edge.target] + 1)
        coming = fading_in(arrival - 0.3 * self.pace, arrival)
        going = Track("opacity", tuple((second, 1.0 - x) for second, x in coming.points))
        after = svg_edges.draw_edge(edge, route, self.picture, sheet, arrow)
        return clock.moving(before, going, ' aria-hidden="true"') + clock.moving(after, coming)

    def _node(self, node: Node, sheet: SvgWriter, clock: Clock) -> str:
        """The node with no gradient, and on top of it what has arrived by and by: each user adds its share."""
        frame = self.placed.nodes[node.id]
        if node.grad is None:
            return svg_nodes.draw_node(node, frame, self.picture, sheet)
        parts = [
            f'<g aria-hidden="true">{svg_nodes.draw_node(replace(node, grad=0.0), frame, self.picture, sheet)}</g>'
        ]
        for second, gradient in self._arrivals(node):
            drawn = svg_nodes.draw_node(replace(node, grad=gradient), frame, self.picture, sheet)
            last = second >= self.start(self.wave[_own(node.id)])
            parts.append(
                clock.moving(
                    drawn,
                    fading_in(second - 0.1 * self.pace, second),
                    "" if last else ' aria-hidden="true"',
                )
            )
        return "".join(parts)

    def _arrivals(self, node: Node) -> Iterator[tuple[float, float]]:
        """When a share has come, and what the gradient is then; at last exactly what it is."""
        own = _own(node.id)
        shares: dict[int, float] = defaultdict(float)
        for edge in (
            self.picture.edges if not node.tag else ()
        ):  # a copy beside one user shows the whole only
            if _own(edge.source) == own:
                shares[self.wave[edge.target] + 1] += edge.flow or 0.0
        total = 0.0
        for wave in sorted(shares):
            total += shares[wave]
            if wave < self.wave[own]:
                yield self.start(wave), total
        yield self.start(self.wave[own]), node.grad or 0.0

    def _sent(self, sheet: SvgWriter, clock: Clock) -> Iterator[str]:
        """What runs back along the edges in its wave, on cards with the arithmetic."""
        taken: dict[int, list[Rect]] = defaultdict(lambda: [*self.placed.nodes.values()])
        for edge, route in zip(self.picture.edges, self.placed.routes, strict=True):
            wave = self.wave[edge.target]
            shown = (
                svg_edges.draw_backward_edge(edge, route, self.picture, sheet) if edge.flow else ""
            )
            if self.picture.level == "cards" and edge.local is not None and edge.flow is not None:
                text = arithmetic(edge, self.picture)
                frame = svg_edges.place_plate(
                    route, width(text, 10, bold=True) + 14, 18.0, taken[wave]
                )
                taken[wave].append(frame)
                shown += svg_edges.draw_plate(frame, text, edge.flow, self.picture, sheet)
            if shown:
                track = flashing(
                    self.start(wave) + 0.15 * self.pace, self.start(wave + 1), 0.12 * self.pace
                )
                yield clock.moving(shown, track, ' aria-hidden="true"')

    def foot(self, wide: float, sheet: SvgWriter, clock: Clock) -> str:
        """A caption for each wave, and how far the pass has come."""
        bounds = [
            0.0,
            *(self.start(wave) for wave in range(self.count)),
            self.start(self.count),
            self.seconds,
        ]
        parts = []
        for i, text in enumerate(self._captions()):
            caption = sheet.text(0, 12, fitted(text, 11, wide, bold=True), 11, "ink", bold=True)
            parts.append(
                clock.moving(
                    caption, _shown(bounds[i], bounds[i + 1], self.seconds), ' aria-hidden="true"'
                )
            )
        return "".join(parts) + bar(
            wide, [self.start(wave) for wave in range(self.count)], 0.3 * self.pace, sheet, clock
        )

    def _captions(self) -> Iterator[str]:
        yield "before backward: every gradient is 0"
        names = {_own(node.id): node for node in self.picture.nodes}
        for wave in range(self.count):
            senders = list(
                dict.fromkeys(
                    _called(names[edge.target])
                    for edge in self.picture.edges
                    if self.wave[edge.target] == wave
                )
            )
            where = ", ".join(senders[:4]) + (", …" if len(senders) > 4 else "")
            yield f"backward step {wave + 1} of {self.count}, at {where}: each operand gets gradient × local derivative, added with +="
        yield "done: every gradient is complete"


def wave_of(drawing: Drawing, pace: float | None = None, title: str = "") -> Wave:
    """The backward pass over a drawing. Raises PictureError where it has no gradients, or is too coarse to play."""
    placed = drawing.placed
    if placed.picture.level == "layers":
        raise PictureError(
            'layers are too coarse to play the backward pass on: give level="neurons" or expand='
        )
    if (
        all(edge.flow is None for edge in placed.picture.edges)
        or placed.picture.colors != "gradient"
    ):
        raise PictureError(
            "there are no gradients to play: call backward() first, and animate the result, not the network"
        )
    return Wave(
        replace(placed, picture=replace(placed.picture, title=title)) if title else placed, pace
    )


def _called(node: Node) -> str:
    """A label; how it was made, where that has names in it; else its sign."""
    return node.label or (
        node.formula
        if any(sign.isalpha() for sign in node.formula)
        else node.symbol or node.formula
    )


def _shown(start: float, end: float, last: float) -> Track:
    """Exactly from start to end; what is there at the very end stays, and what is there at the start is there at once."""
    points = [(start, 0.0), (start + 0.01, 1.0)] if start > 0.0 else [(0.0, 1.0)]
    return Track(
        "opacity", (*points, *([(end, 1.0), (end + 0.01, 0.0)] if end < last else [(last, 1.0)]))
    )


def bar(wide: float, starts: Sequence[float], ease: float, sheet: SvgWriter, clock: Clock) -> str:
    """How far a film has come: one step further at each of the moments, then at rest, so that a GIF has less to draw."""
    steps = [
        (second + after, (i + share) / len(starts))
        for i, second in enumerate(starts)
        for after, share in ((0.0, 0), (ease, 1))
    ]
    track = Track("scale", tuple(steps) or ((0.0, 1.0),))
    full = sheet.rect(0, 22, wide, 5, sheet.paint("line"), 2.5, 'opacity="0.4"')
    return full + clock.moving(sheet.rect(0, 22, wide, 5, sheet.paint("muted"), 2.5), track)


def arithmetic(edge: Edge, picture: Picture) -> str:
    """What an edge does in the backward pass: gradient × local derivative = share.

    >>> nodes = (Node("a", "input", grad=-1.5), Node("b", "operation", grad=0.5, root=True))
    >>> arithmetic(Edge("a", "b", -3.0, -1.5), Picture("cards", nodes))
    '0.5 × (−3) = −1.5'
    """
    gradient, local = picture.by_id[edge.target].grad, edge.local or 0.0
    times = f"({number(local)})" if local < 0 else number(local)
    return f"{number(gradient)} × {times} = {number(edge.flow)}"
