"""Training as a scene: one graph at several moments, where colors, widths and numbers change."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from math import exp, isfinite, log
from typing import TYPE_CHECKING, Any

from scalargrad.core.evaluation import evaluate_partials
from scalargrad.core.graph import topological
from scalargrad.core.ops import TABLE
from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from viz.drawing import Drawing
from viz.layout.geometry import Point
from viz.layout.node_size import measure_node
from viz.layout.placed import PlacedPicture, inner_width, outer_width
from viz.look.legend import COARSE
from viz.look.text import number
from viz.look.theme import REACH, strength
from viz.model.picture import Edge, Picture
from viz.model.snapshot import Snapshot
from viz.render import svg_edges, svg_nodes
from viz.render.svg_document import draw_backdrop, draw_front_headings, translate
from viz.render.svg_writer import SvgWriter
from viz.views.choose import choose_pictures
from viz.views.neurons import neuron_picture

from .captions import draw_foot
from .panels import GAP, WIDTH, Panel, make_panels
from .timeline import HIDDEN, Clock, Track, show_between

if TYPE_CHECKING:
    from scalargrad.training.recorder import Recording

LEAD = 0.6
"""Seconds before the second frame begins to appear."""
PAUSE = 2.5
"""Seconds at the end."""
_TOTAL = 9.0
"""Seconds that all frames should take together."""
_MAX_PACE = 1.2
_PANEL_GAP = 44.0
"""Between the graph and what is beside it."""
_TITLE = re.compile("<title>[^<]*</title>")
_WIDTHS = 24
"""How many widths an edge can have: a change that is smaller makes no new look."""


class FrameScene:
    """Pictures of one graph, one after the other, with everything in the same place.

    Attributes:
        frames: The pictures, which differ in numbers only.
        captions: A line for each.
        pace: The seconds of each.
        seconds: How long the whole takes.
        placed: The last picture, with positions.
    """

    def __init__(
        self,
        frames: Sequence[Picture],
        captions: Sequence[str],
        pace: float | None,
        title: str,
        panels: Sequence[Panel] = (),
        width: float = 0.0,
    ) -> None:
        """Place the frames.

        Args:
            frames: The pictures.
            captions: A line for each.
            pace: Seconds for each; by default so that the whole takes about 9 at most.
            title: A heading; by default that of each picture.
            panels: What is drawn to the right of the graph, or below it where it is narrow.
            width: The width in pixels that all is laid out for, 0 for its natural size.

        Raises:
            PictureError: The pictures are not of one graph.
        """
        # One scale for all frames: a gradient has the same color whenever it has the same size.
        scale = max(frame.largest for frame in frames)
        self.frames: list[Picture] = []
        for frame in frames:
            notes = (*frame.notes, *filter(None, [panel.note for panel in panels]))
            look = replace(frame, scale=scale, title=title or frame.title, notes=notes)
            self.frames.append(look)
        _check_alike(self.frames)
        self.captions = captions
        self.pace = pace or min(_MAX_PACE, _TOTAL / len(frames))
        self.seconds = LEAD + len(frames) * self.pace + PAUSE
        self.panels = panels
        self._corners: list[Point] = []
        self._graph_corner: Point = (0.0, 0.0)
        drawing = Drawing([_widest(self.frames)], width=width)
        placed = self._add_panels(drawing) if panels else drawing.placed
        last = replace(self.frames[-1], rankdir=placed.picture.rankdir)
        self.placed: PlacedPicture = replace(placed, picture=last)
        # A narrow graph may run down: its lines are drawn so in every frame.
        self.frames = [replace(frame, rankdir=last.rankdir) for frame in self.frames]

    def _add_panels(self, drawing: Drawing) -> PlacedPicture:
        """Return the graph with space for the panels: at the right, or below where it is narrow."""
        limit = inner_width(drawing.width)
        beside = limit - _PANEL_GAP - WIDTH
        graph = drawing.placed
        if drawing.width and graph.width > beside:
            closer = drawing.refit(outer_width(beside)).placed if beside > WIDTH else graph
            same_way = closer.picture.rankdir == drawing.picture.rankdir and not closer.splits
            if closer.width > beside or not same_way:
                return self._put_panels_below(graph, limit)
            graph = replace(closer, shown_width=drawing.width)
        return self._put_panels_beside(graph)

    def _put_panels_beside(self, graph: PlacedPicture) -> PlacedPicture:
        """Graph and panels are centered, one beside the other."""
        x = graph.width + _PANEL_GAP
        panels_height = sum(panel.height for panel in self.panels)
        panels_height += GAP * (len(self.panels) - 1)
        height = max(graph.height, panels_height)
        self._graph_corner = (0.0, (height - graph.height) / 2)
        y = (height - panels_height) / 2
        for panel in self.panels:
            self._corners.append((x, y))
            y += panel.height + GAP
        return replace(graph, width=x + WIDTH, height=height)

    def _put_panels_below(self, graph: PlacedPicture, limit: float) -> PlacedPicture:
        """The panels are side by side below the graph, or one below the other on a phone."""
        y = graph.height + GAP
        row_width = len(self.panels) * (WIDTH + _PANEL_GAP) - _PANEL_GAP
        if row_width <= limit:
            width = max(graph.width, row_width)
            for i in range(len(self.panels)):
                x = (width - row_width) / 2 + i * (WIDTH + _PANEL_GAP)
                self._corners.append((x, y))
            height = y + max(panel.height for panel in self.panels)
        else:
            width = max(graph.width, WIDTH)
            for panel in self.panels:
                self._corners.append(((width - WIDTH) / 2, y))
                y += panel.height + GAP
            height = y - GAP
        self._graph_corner = ((width - graph.width) / 2, 0.0)
        return replace(graph, width=width, height=height)

    def start(self, i: int) -> float:
        """Return when a frame is completely visible."""
        return LEAD + i * self.pace if i else 0.0

    def moments(self) -> list[float]:
        """Return a moment in each frame."""
        delay = 0.9 * self.pace
        return [self.start(i) + delay for i in range(len(self.frames))]

    def body(self, writer: SvgWriter, clock: Clock) -> str:
        """Return everything in each of its looks, all but one of them invisible."""
        placed = [replace(self.placed, picture=frame) for frame in self.frames]
        backdrops = [draw_backdrop(each, writer) for each in placed]
        last = self.frames[-1]
        nodes = range(len(last.nodes))
        flows = [abs(edge.flow or 0.0) for edge in last.edges]
        # The strongest edges are drawn last, on top of the others.
        edges = sorted(range(len(flows)), key=flows.__getitem__)

        parts = [self.alternate(backdrops, clock)]
        parts += [self.alternate(self._edge_looks(i, writer), clock) for i in edges]
        labels = ["".join(svg_edges.draw_labels(each, writer)) for each in placed]
        parts.append(self.alternate(labels, clock))
        parts += svg_edges.draw_markers(self.placed, writer)
        parts.append(draw_front_headings(self.placed, writer))
        parts += [svg_edges.draw_port(point, writer) for point in self.placed.ports]
        parts += [self.alternate(self._node_looks(i, writer), clock) for i in nodes]
        graph = "".join(parts)
        if not self.panels:
            return graph
        return translate(*self._graph_corner, graph) + self._draw_panels(writer, clock)

    def _draw_panels(self, writer: SvgWriter, clock: Clock) -> str:
        parts = []
        for panel, corner in zip(self.panels, self._corners, strict=True):
            moving = self.alternate(panel.looks(writer), clock)
            content = panel.draw(writer) + moving + panel.front(writer)
            parts.append(translate(*corner, content))
        return "".join(parts)

    def _edge_looks(self, i: int, writer: SvgWriter) -> list[str]:
        route = self.placed.routes[i]
        split = self.placed.splits.get(i)
        looks: list[str] = []
        for frame in self.frames:
            edge = _round_flow(frame.edges[i], frame)
            looks.append(svg_edges.draw_whole_edge(edge, route, split, frame, writer))
        return looks

    def _node_looks(self, i: int, writer: SvgWriter) -> list[str]:
        id = self.frames[-1].nodes[i].id
        place = self.placed.nodes[id]
        looks: list[str] = []
        for frame in self.frames:
            looks.append(svg_nodes.draw_node(frame.nodes[i], place, frame, writer))
        # Titles have every digit: with them no two looks would be equal. Only the last one, which
        # stays, keeps its title.
        untitled = [_TITLE.sub("", look) for look in looks]
        last = untitled[-1]
        return [looks[-1] if look == last else look for look in untitled]

    def alternate(self, looks: Sequence[str], clock: Clock) -> str:
        """Return what looks different over time: each look once, for as long as it stays."""
        spans: list[tuple[int, int]] = []
        for i, look in enumerate(looks):
            first = i
            if i and look == looks[i - 1]:
                first, _ = spans.pop()
            spans.append((first, i + 1))
        if len(spans) == 1:
            return looks[0]

        parts = []
        for first, end in spans:
            if looks[first]:
                more = "" if end == len(looks) else HIDDEN
                parts.append(clock.animate(looks[first], self._span(first, end), more))
        return "".join(parts)

    def _span(self, first: int, end: int) -> Track:
        """Return the track of a look that stays from one frame up to another."""
        points: list[tuple[float, float]] = []
        if first:
            start = self.start(first)
            fade = 0.45 * self.pace
            points += [(start - fade, 0.0), (start, 1.0)]
        else:
            points.append((0.0, 1.0))

        if end < len(self.frames):
            # The old look stays until the new one on top of it is complete, so that nothing shines
            # through.
            leave = self.start(end)
            points += [(leave, 1.0), (leave + 0.02, 0.0)]
        else:
            points.append((self.seconds, 1.0))
        return Track("opacity", tuple(points))

    def foot(self, wide: float, writer: SvgWriter, clock: Clock) -> tuple[str, float]:
        """Return the caption of each frame, a bar of how far the scene is, and their height."""
        captions = []
        for i, text in enumerate(self.captions):
            captions.append((text, self._caption_track(i)))
        ease = 0.3 * self.pace
        moves = [self.start(i) - ease for i in range(1, len(self.frames))]
        return draw_foot(captions, wide, moves, ease, writer, clock)

    def _caption_track(self, i: int) -> Track:
        following = i + 1
        start = self.start(i) - 0.01 if i else 0.0
        end = None
        if following < len(self.frames):
            end = self.start(following) - 0.01
        return show_between(start, end, self.seconds)


def _check_alike(frames: Sequence[Picture]) -> None:
    first = _structure(frames[0])
    for i, frame in enumerate(frames):
        if _structure(frame) != first:
            raise PictureError(
                f"frame {i} shows another graph than frame 0: an animation needs graphs that are "
                "built alike, and not so wide that only the strongest units of a layer are drawn"
            )


def _structure(picture: Picture) -> object:
    return (
        picture.level,
        [(node.id, node.kind, node.group, node.label) for node in picture.nodes],
        [(edge.source, edge.target, edge.port) for edge in picture.edges],
        [column.members for column in picture.columns],
    )


def _widest(frames: Sequence[Picture]) -> Picture:
    """Return a picture with the widest look of each node, so that each fits into its place."""
    level = frames[0].level
    numbered = frames[0].numbered
    looks = zip(*(frame.nodes for frame in frames), strict=True)
    nodes = [max(each, key=lambda node: measure_node(node, level, numbered)) for each in looks]
    return replace(frames[-1], nodes=tuple(nodes))


def _round_flow(edge: Edge, picture: Picture) -> Edge:
    """Return an edge with a gradient whose width is one of a few."""
    if not edge.flow or not isfinite(edge.flow):
        return edge
    step = round(_WIDTHS * strength(edge.flow, picture.largest))
    share = max(1, step) / _WIDTHS
    # The inverse of `strength`.
    ratio = exp(share * log(1.0 + REACH)) - 1.0
    flow = picture.largest * ratio / REACH
    return replace(edge, flow=flow if edge.flow > 0 else -flow)


# What scenes are made of


@dataclass(frozen=True, slots=True)
class PlaySettings:
    """What `viz.animate` was asked for; its arguments are explained there."""

    level: str | None
    expand: str | Iterable[str] | None
    colors: str | None
    frames: int
    pace: float | None
    title: str
    data: Any = None
    width: float = 0.0


def scene_from_drawings(drawings: list[Drawing], settings: PlaySettings) -> FrameScene:
    """Return a scene of drawings of graphs that are built alike."""
    captions = []
    for i, drawing in enumerate(drawings, 1):
        rank = f"frame {i} of {len(drawings)}"
        captions.append(drawing.picture.title or rank)
    frames = [_check_playable(drawing.picture) for drawing in drawings]
    width = settings.width or drawings[0].width
    return FrameScene(frames, captions, settings.pace, settings.title, width=width)


def scene_from_values(values: list[Value], settings: PlaySettings) -> FrameScene:
    """Return a scene of the graphs of Values."""
    captions = []
    for i, value in enumerate(values, 1):
        rank = f"frame {i} of {len(values)}"
        captions.append(f"{rank}: {number(value.data)}")
    pictures = _pictures(values, settings)
    return FrameScene(pictures, captions, settings.pace, settings.title, width=settings.width)


def scene_from_recording(recording: "Recording", settings: PlaySettings) -> FrameScene:
    """Return a scene of frames of a run, evenly spread, the first and the last included."""
    if not recording.values or not len(recording):
        raise PictureError(
            "the recording holds no frames with a graph: train with the Recorder among the "
            "callbacks first"
        )
    last = len(recording) - 1
    steps = settings.frames - 1
    evenly = [round(i * last / steps) for i in range(settings.frames)]
    roots: list[Value] = []
    # A short recording has fewer frames: none is shown twice.
    shown = list(dict.fromkeys(evenly))
    for i in shown:
        roots.append(graph_at(recording, i))
    panels, curve = make_panels(recording, shown, settings.data)
    captions: list[str] = []
    for step, loss in zip(curve.steps, curve.losses, strict=True):
        captions.append(f"step {step:,}: {curve.what} {number(loss)}")
    pictures = _film_pictures(roots, settings)
    return FrameScene(
        pictures, captions, settings.pace, settings.title, [*panels, curve], settings.width
    )


def _film_pictures(roots: list[Value], settings: PlaySettings) -> list[Picture]:
    """Return a picture of each moment of a training run.

    By default it shows weights, where there are layers: what a network learns changes smoothly,
    while the gradients of a single sample flicker.
    """
    is_chosen = settings.level not in (None, "neurons") or settings.expand is not None
    if settings.colors is None and not is_chosen:
        with suppress(PictureError):
            pictures = _pictures(roots, replace(settings, colors="weight"))
            pairs = zip(pictures, roots, strict=True)
            return [_write_loss(picture, root.data) for picture, root in pairs]
    return _pictures(roots, settings)


def _write_loss(picture: Picture, loss: float) -> Picture:
    """Return a picture of weights with the loss on the unit that has no bias to be written there.

    Pictures of several such units stay as they are.
    """
    members = picture.columns[-1].members
    last = picture.by_id[members[0]]
    if len(members) > 1 or last.kind != "operation" or last.data is not None:
        return picture
    nodes = [replace(node, data=loss) if node is last else node for node in picture.nodes]
    return replace(picture, nodes=tuple(nodes))


def graph_at(recording: "Recording", frame: int) -> Value:
    """Return a copy of a recorded graph with the numbers of a frame.

    A recording keeps no local derivatives: they are computed by the rules of the operations.
    """
    root = deepcopy(recording.values[-1])
    order = topological([root])
    data = recording.data[frame].tolist()
    gradients = recording.gradients[frame].tolist()
    for node, x, gradient in zip(order, data, gradients, strict=True):
        node.data = x
        node.grad = gradient
    for node in order:
        if node.args and node.op in TABLE:
            node.partials = evaluate_partials(node)
    return root


def _pictures(roots: list[Value], settings: PlaySettings) -> list[Picture]:
    """Return a picture of each graph, at the level that the last one can be laid out at."""
    level = settings.level
    expand = settings.expand
    if settings.colors == "weight":
        if level not in (None, "neurons"):
            raise OptionError('colors="weight" is for level="neurons"')
        return [neuron_picture(Snapshot([root]), is_network=True) for root in roots]

    # A level that takes too long to lay out gives way to a coarser one: all frames take the one
    # that the last of them ended at.
    candidates = playable_pictures([roots[-1]], level, expand)
    placed = Drawing(candidates).placed.picture
    rank = next(i for i, picture in enumerate(candidates) if picture is placed)
    return [playable_pictures([root], level, expand)[rank] for root in roots]


def playable_pictures(
    target: Any, level: str | None = None, expand: str | Iterable[str] | None = None
) -> list[Picture]:
    """Return the same as `choose_pictures`, but nothing coarser than neurons.

    Raises:
        PictureError: A coarser level was asked for.
    """
    pictures = choose_pictures(target, level, expand)
    if level is None and pictures[0].level in COARSE:
        try:
            pictures = choose_pictures(target, "neurons", expand)
        except PictureError:
            # There are too many calls of layers to draw each.
            pictures = choose_pictures(target, "chips", expand)
    playable = [picture for picture in pictures if picture.level not in COARSE]
    return playable or [_check_playable(picture) for picture in pictures]


def _check_playable(picture: Picture) -> Picture:
    if picture.level in COARSE:
        raise PictureError(
            f'{COARSE[picture.level]} are too coarse to be played: give level="neurons", '
            'level="chips" or expand='
        )
    return picture
