"""A training as a film: one graph at several moments, where colors, widths and numbers change."""

import re
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from math import exp, isfinite, log
from typing import Any

from scalargrad.core.backprop import operands, wanted
from scalargrad.core.graph import topological
from scalargrad.core.ops import FLOATS, TABLE
from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.training.recorder import Recording
from viz.drawing import Drawing
from viz.layout.layered import PlacedPicture
from viz.layout.node_size import measure_node
from viz.look.text import fitted, number
from viz.look.theme import strength
from viz.model.picture import Edge, Picture
from viz.model.snapshot import Snapshot
from viz.render import svg_edges, svg_nodes
from viz.render.svg_document import draw_backdrop
from viz.render.svg_writer import SvgWriter
from viz.views.choose import pictures_of
from viz.views.neurons import neuron_picture

from .backward_pass import bar
from .timeline import Clock, Track

LEAD, PAUSE = 0.6, 2.5
_WHOLE, _SLOWEST = 9.0, 1.2
_TITLE = re.compile("<title>[^<]*</title>")
_WIDTHS = 24
"""So many widths an edge can have in a film: what changes by less is not drawn anew."""


class Film:
    """Pictures of one graph, one after the other, in the same places.

    frames    pictures that differ in numbers alone
    captions  a line for each
    pace      seconds for each; None: so that the whole takes some 9

    seconds   how long the whole takes
    placed    the last picture, with positions
    """

    def __init__(
        self,
        frames: Sequence[Picture],
        captions: Sequence[str],
        pace: float | None,
        title: str,
        place: "Placer",
    ) -> None:
        scale = max(frame.largest for frame in frames)
        self.frames = [replace(frame, scale=scale, title=title or frame.title) for frame in frames]
        _check_alike(self.frames)
        self.captions = captions
        self.pace = pace or min(_SLOWEST, _WHOLE / len(frames))
        self.seconds = LEAD + len(frames) * self.pace + PAUSE
        self.placed: PlacedPicture = replace(place(_widest(self.frames)), picture=self.frames[-1])

    def start(self, i: int) -> float:
        """When a frame is there."""
        return LEAD + i * self.pace if i else 0.0

    def moments(self) -> list[float]:
        """A moment in each frame."""
        return [self.start(i) + 0.9 * self.pace for i in range(len(self.frames))]

    def body(self, sheet: SvgWriter, clock: Clock) -> str:
        """Everything that can change in each of its looks, all but one of them invisible."""
        parts = [
            self._changing([draw_backdrop(self._at(frame), sheet) for frame in self.frames], clock)
        ]
        flow = {i: abs(edge.flow or 0.0) for i, edge in enumerate(self.frames[-1].edges)}
        parts += [
            self._changing(self._wires(i, sheet), clock) for i in sorted(flow, key=flow.__getitem__)
        ]
        parts.append(
            self._changing(
                ["".join(svg_edges.draw_labels(self._at(frame), sheet)) for frame in self.frames],
                clock,
            )
        )
        parts += [svg_edges.draw_port(point, sheet) for point in self.placed.ports]
        parts += [
            self._changing(self._looks(i, sheet), clock) for i in range(len(self.frames[-1].nodes))
        ]
        return "".join(parts)

    def _at(self, frame: Picture) -> PlacedPicture:
        return replace(self.placed, picture=frame)

    def _wires(self, i: int, sheet: SvgWriter) -> list[str]:
        edges = [_rounded(frame.edges[i], frame) for frame in self.frames]
        arrow = self.placed.picture.level != "neurons"
        return [
            svg_edges.draw_edge(edge, self.placed.routes[i], frame, sheet, arrow)
            for edge, frame in zip(edges, self.frames, strict=True)
        ]

    def _looks(self, i: int, sheet: SvgWriter) -> list[str]:
        frame_of = self.placed.nodes[self.frames[-1].nodes[i].id]
        looks = [
            svg_nodes.draw_node(frame.nodes[i], frame_of, frame, sheet) for frame in self.frames
        ]
        silent = [
            _TITLE.sub("", look) for look in looks
        ]  # titles have every digit, and would make every look another one
        return [looks[-1] if look == silent[-1] else look for look in silent]

    def _changing(self, looks: Sequence[str], clock: Clock) -> str:
        """What looks different from time to time: each look once, for as long as it stays."""
        spans: list[tuple[int, int]] = []
        for i, look in enumerate(looks):
            if i and look == looks[i - 1]:
                spans[-1] = (spans[-1][0], i + 1)
            else:
                spans.append((i, i + 1))
        if len(spans) == 1:
            return looks[0]
        hidden = ' aria-hidden="true"'
        return "".join(
            clock.moving(looks[first], self._span(first, end), "" if end == len(looks) else hidden)
            for first, end in spans
            if looks[first]
        )

    def _span(self, first: int, end: int) -> Track:
        """Seen from one frame up to another; the old look stays until the new one is there, so that nothing shines through."""
        fade = 0.45 * self.pace
        points = (
            [(self.start(first) - fade, 0.0), (self.start(first), 1.0)] if first else [(0.0, 1.0)]
        )
        over = (
            [(self.start(end), 1.0), (self.start(end) + 0.02, 0.0)]
            if end < len(self.frames)
            else [(self.seconds, 1.0)]
        )
        return Track("opacity", (*points, *over))

    def foot(self, wide: float, sheet: SvgWriter, clock: Clock) -> str:
        """The caption of each frame, and how far the film has come."""
        lines = [
            sheet.text(0, 12, fitted(text, 11, wide, bold=True), 11, "ink", bold=True)
            for text in self.captions
        ]
        parts = [
            clock.moving(line, self._caption(i), ' aria-hidden="true"')
            for i, line in enumerate(lines)
        ]
        moved = [self.start(i) - 0.3 * self.pace for i in range(1, len(self.frames))]
        return "".join(parts) + bar(wide, moved, 0.3 * self.pace, sheet, clock)

    def _caption(self, i: int) -> Track:
        begin, end = self.start(i) - 0.01, self.start(i + 1) - 0.01
        points = [(begin, 0.0), (begin + 0.01, 1.0)] if i else [(0.0, 1.0)]
        return Track(
            "opacity",
            (
                *points,
                *(
                    [(end, 1.0), (end + 0.01, 0.0)]
                    if i + 1 < len(self.frames)
                    else [(self.seconds, 1.0)]
                ),
            ),
        )


Placer = Callable[[Picture], PlacedPicture]


def _check_alike(frames: Sequence[Picture]) -> None:
    first = _structure(frames[0])
    for i, frame in enumerate(frames):
        if _structure(frame) != first:
            raise PictureError(
                f"frame {i} shows another graph than frame 0: a film needs graphs that are built alike, and not so wide "
                "that of each layer the strongest units alone are drawn"
            )


def _structure(picture: Picture) -> object:
    return (
        picture.level,
        [(node.id, node.kind, node.group, node.label) for node in picture.nodes],
        [(edge.source, edge.target, edge.port) for edge in picture.edges],
        [column.members for column in picture.columns],
    )


def _widest(frames: Sequence[Picture]) -> Picture:
    """A picture whose nodes have the longest numbers of all frames, so that each has room in its place."""
    nodes = [
        max(looks, key=lambda node: measure_node(node, frames[0].level))
        for looks in zip(*(f.nodes for f in frames), strict=True)
    ]
    return replace(frames[-1], nodes=tuple(nodes))


def _rounded(edge: Edge, picture: Picture) -> Edge:
    """With a gradient whose width is one of a few."""
    if not edge.flow or not isfinite(edge.flow):
        return edge
    share = max(1, round(_WIDTHS * strength(edge.flow, picture.largest))) / _WIDTHS
    size = picture.largest * (exp(share * log(51.0)) - 1.0) / 50.0
    return replace(edge, flow=size if edge.flow > 0 else -size)


def _drawn(picture: Picture) -> PlacedPicture:
    return Drawing([picture]).placed


# What films are made of


def film_of_drawings(drawings: list[Drawing], pace: float | None, title: str) -> Film:
    """Drawings of graphs that are built alike."""
    captions = [
        drawing.picture.title or f"frame {i + 1} of {len(drawings)}"
        for i, drawing in enumerate(drawings)
    ]
    return Film([_playable(drawing.picture) for drawing in drawings], captions, pace, title, _drawn)


def film_of_values(
    values: list[Value],
    level: str | None,
    expand: str | Iterable[str] | None,
    colors: str,
    pace: float | None,
    title: str,
) -> Film:
    """The graphs of Values."""
    captions = [
        f"frame {i + 1} of {len(values)}: {number(value.data)}" for i, value in enumerate(values)
    ]
    return Film(
        _pictures([[value] for value in values], level, expand, colors),
        captions,
        pace,
        title,
        _drawn,
    )


def film_of_recording(
    recording: Recording,
    level: str | None,
    expand: str | Iterable[str] | None,
    colors: str,
    most: int,
    pace: float | None,
    title: str,
) -> Film:
    """Frames of a training, evenly spread, the first and the last included."""
    if not recording.values or not len(recording):
        raise PictureError(
            "the recording holds no frames with a graph: train with the Recorder among the callbacks first"
        )
    last = len(recording) - 1
    chosen = list(dict.fromkeys(round(i * last / (most - 1)) for i in range(most)))
    captions = [f"step {recording.steps[i]:,}: loss {number(recording.losses[i])}" for i in chosen]
    roots = (moment(recording, i) for i in chosen)
    return Film(
        _pictures([[root] for root in roots], level, expand, colors), captions, pace, title, _drawn
    )


def moment(recording: Recording, frame: int) -> Value:
    """The graph of a frame: a copy, with the numbers of then, and local derivatives by the rules of the table."""
    root = deepcopy(recording.values[-1])
    order = topological([root])
    for node, data, gradient in zip(
        order, recording.data[frame].tolist(), recording.gradients[frame].tolist(), strict=True
    ):
        node.data, node.grad = data, gradient
    for node in order:
        if node.args and node.op in TABLE:
            numbers = [float(getattr(x, "data", x)) for x in operands(node)]
            node.partials = TABLE[node.op].derivatives(FLOATS, node.data, numbers, wanted(node))
    return root


def _pictures(
    roots: list[list[Value]], level: str | None, expand: str | Iterable[str] | None, colors: str
) -> list[Picture]:
    """A picture of each graph at the level that the last one can be laid out at."""
    if colors == "weight":
        if level not in (None, "neurons"):
            raise OptionError('colors="weight" is for level="neurons"')
        return [neuron_picture(Snapshot(root), "weight") for root in roots]
    candidates = playable_pictures(roots[-1], level, expand)
    placed = Drawing(candidates).placed.picture
    rank = next(i for i, picture in enumerate(candidates) if picture is placed)
    return [playable_pictures(root, level, expand)[rank] for root in roots]


def playable_pictures(
    target: Any, level: str | None = None, expand: str | Iterable[str] | None = None
) -> list[Picture]:
    """As `pictures_of`, but never coarser than neurons. Raises PictureError where just that was asked for."""
    pictures = pictures_of(target, level, expand)
    if level is None and pictures[0].level == "layers":
        try:
            pictures = pictures_of(target, "neurons", expand)
        except PictureError:  # too many calls to be drawn one by one
            pictures = pictures_of(target, "chips", expand)
    found = [picture for picture in pictures if picture.level != "layers"]
    return found or [_playable(picture) for picture in pictures]


def _playable(picture: Picture) -> Picture:
    if picture.level == "layers":
        raise PictureError('layers are too coarse to be played: give level="neurons" or expand=')
    return picture
