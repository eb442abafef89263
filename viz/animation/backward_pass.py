"""The backward pass as a scene: gradients appear from the output to the leaves.

A gradient is complete when all users of its value have sent their share. What is complete at the
same time sends at the same time: that is one step of the scene.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from scalargrad.errors import PictureError
from viz.drawing import Drawing
from viz.layout.direction import is_upright
from viz.layout.geometry import Rect
from viz.layout.placed import PlacedPicture, inner_width, page_margin
from viz.layout.plates import place_plate
from viz.layout.stretching import stretch
from viz.look.legend import COARSE
from viz.look.text import number, width
from viz.model.picture import Edge, Node, Picture
from viz.render import svg_edges, svg_nodes
from viz.render.svg_document import draw_backdrop, draw_front_headings
from viz.render.svg_writer import SvgWriter

from .captions import draw_foot
from .timeline import HIDDEN, Clock, Track, fade_in, flash, show_between

LEAD = 1.2
"""Seconds before the first step."""
PAUSE = 3.0
"""Seconds after the last one."""
_MAX_PACE = 1.8
_MIN_PACE = 0.15
_TOTAL = 16.0
"""Seconds that all steps should take together; the pace follows, within its limits."""
_MAX_SENDERS = 4
_ENOUGH = 0.85
"""The share of a plate's gap that will do without more rows: plates can be beside their lines."""
_SHARES_OF_GAP = (1.0, 0.8, 0.6)
"""The shares of that gap that are tried with more rows, the best first."""
_BELOW = 16.0
"""How far plates may reach below the picture, where nothing is yet."""
_MAX_STRETCH = 0.6
"""How much longer a picture becomes at most, so that plates have space between its columns."""


def backward_steps(picture: Picture) -> dict[str, int]:
    """Return for each node the step at which its gradient is complete.

    That is 0 for the root, else one after the last of its users. Boxes that use each other get the
    last step.
    """
    users_left: dict[str, int] = defaultdict(int)
    operands: dict[str, list[str]] = defaultdict(list)
    for edge in picture.edges:
        operand = _original(edge.source)
        users_left[operand] += 1
        operands[edge.target].append(operand)

    # A topological sort by counting: a node is ready when none of its users is left.
    names = list(dict.fromkeys(_original(node.id) for node in picture.nodes))
    step = dict.fromkeys(names, 0)
    ready = [name for name in names if not users_left[name]]
    for name in ready:
        for operand in operands[name]:
            step[operand] = max(step[operand], step[name] + 1)
            users_left[operand] -= 1
            if not users_left[operand]:
                ready.append(operand)
    last = max(step.values(), default=0)
    return {name: last if users_left[name] else step[name] for name in names}


def _original(name: str) -> str:
    """Return the id of a leaf from that of a small copy beside one of its users ("n3t7")."""
    return name.partition("t")[0]


class BackwardPass:
    """The backward pass over a placed picture.

    Attributes:
        placed: The picture, with gradients.
        step_of: The step at which each node's gradient is complete.
        steps: How many steps send something.
        pace: The seconds of each step.
        seconds: How long the whole takes.
    """

    def __init__(self, placed: PlacedPicture, pace: float | None = None) -> None:
        """Plan the steps.

        Args:
            placed: The picture.
            pace: Seconds for each step; by default so that the whole takes about 16 at most.
        """
        self.placed = placed
        self.picture = placed.picture
        self.step_of = backward_steps(self.picture)
        sending = [self.step_of[edge.target] + 1 for edge in self.picture.edges]
        self.steps = max(sending, default=0)
        even_pace = _TOTAL / max(1, self.steps)
        self.pace = pace or max(_MIN_PACE, min(_MAX_PACE, even_pace))
        moving = (self.steps + 1) * self.pace
        self.seconds = LEAD + moving + PAUSE

    def start(self, step: int) -> float:
        """Return when the nodes of a step have their gradients and begin to send."""
        return LEAD + step * self.pace

    def moments(self) -> list[float]:
        """Return a moment within each step, after one before the first; the last is the end."""
        delay = 0.6 * self.pace
        within = [self.start(step) + delay for step in range(self.steps)]
        return [0.0, *within, self.seconds]

    def body(self, writer: SvgWriter, clock: Clock) -> str:
        """Return the moving picture."""
        flows = [abs(edge.flow or 0.0) for edge in self.picture.edges]
        # The strongest edges are drawn last, on top of the others.
        in_order = sorted(range(len(flows)), key=flows.__getitem__)
        parts = [draw_backdrop(self.placed, writer)]
        parts += [self._edge(i, writer, clock) for i in in_order]
        parts += svg_edges.draw_labels(self.placed, writer)
        parts += svg_edges.draw_markers(self.placed, writer)
        parts.append(draw_front_headings(self.placed, writer))
        parts += [svg_edges.draw_port(point, writer) for point in self.placed.ports]
        parts += [self._node(node, writer, clock) for node in self.picture.nodes]
        parts += self._messages(writer, clock)
        return "".join(parts)

    def _edge(self, i: int, writer: SvgWriter, clock: Clock) -> str:
        """Return an edge without a gradient, which gives way to one with it."""
        picture = self.picture
        edge = picture.edges[i]
        route = self.placed.routes[i]
        split = self.placed.splits.get(i)
        empty = replace(edge, flow=None)
        before = svg_edges.draw_whole_edge(empty, route, split, picture, writer)
        after = svg_edges.draw_whole_edge(edge, route, split, picture, writer)
        arrival = self.start(self.step_of[edge.target] + 1)
        appearing = fade_in(arrival - 0.3 * self.pace, arrival)
        inverse = [(second, 1.0 - x) for second, x in appearing.points]
        vanishing = Track("opacity", tuple(inverse))
        return clock.animate(before, vanishing, HIDDEN) + clock.animate(after, appearing)

    def _node(self, node: Node, writer: SvgWriter, clock: Clock) -> str:
        """Return a node without a gradient, and on top of it what has arrived at each step."""
        rect = self.placed.nodes[node.id]
        if node.grad is None:
            return svg_nodes.draw_node(node, rect, self.picture, writer)
        empty = svg_nodes.draw_node(replace(node, grad=0.0), rect, self.picture, writer)
        step = self.step_of[_original(node.id)]
        complete = self.start(step)
        parts = [f"<g{HIDDEN}>{empty}</g>"]
        for second, gradient in self._arrivals(node):
            look = replace(node, grad=gradient)
            drawn = svg_nodes.draw_node(look, rect, self.picture, writer)
            track = fade_in(second - 0.1 * self.pace, second)
            # Screen readers are told the final gradient, and none of those on the way to it.
            parts.append(clock.animate(drawn, track, "" if second >= complete else HIDDEN))
        return "".join(parts)

    def _arrivals(self, node: Node) -> Iterator[tuple[float, float]]:
        """Yield when shares arrive, and what the gradient is then."""
        name = _original(node.id)
        last = self.step_of[name]
        shares: dict[int, float] = defaultdict(float)
        # A small copy is beside one user: it shows the complete gradient only.
        if not node.tag:
            for edge in self.picture.edges:
                if _original(edge.source) == name:
                    step = self.step_of[edge.target] + 1
                    shares[step] += edge.flow or 0.0

        total = 0.0
        for step in sorted(shares):
            total += shares[step]
            if step < last:
                yield self.start(step), total
        # At the end the gradient itself: the shares may not add up to it to the last bit.
        yield self.start(last), node.grad or 0.0

    def _messages(self, writer: SvgWriter, clock: Clock) -> Iterator[str]:
        """Yield what runs back along the edges at their step; on cards with the arithmetic."""
        picture = self.picture
        covered = [*self.placed.nodes.values(), *svg_edges.marker_rects(self.placed)]
        margin = page_margin(self.placed.shown_width)
        page = Rect(0.0, 0.0, self.placed.width, self.placed.height)
        # Plates may reach into the margin, but not to its end.
        page = page.shrink(2.0 - margin, -_BELOW)
        # Plates of one step must not cover each other; those of different steps never meet.
        taken: dict[int, list[Rect]] = defaultdict(list)
        for i, edge in enumerate(picture.edges):
            step = self.step_of[edge.target]
            split = self.placed.splits.get(i)
            # Of an edge between two rows the arithmetic is in the row of its target.
            route = split.after if split else self.placed.routes[i]
            message = ""
            if edge.flow:
                message += svg_edges.draw_backward_edge(edge, route, picture, writer)
            if edge.flow and split:
                message += svg_edges.draw_backward_edge(edge, split.before, picture, writer)
            has_numbers = edge.local is not None and edge.flow is not None
            if picture.level == "cards" and has_numbers:
                lines = write_arithmetic(edge, picture)
                anchors = svg_edges.plate_anchors(route, picture.rankdir)
                size = plate_size(lines)
                plate, anchor = place_plate(anchors, *size, covered, taken[step], page)
                taken[step].append(plate)
                flow = edge.flow or 0.0
                message += svg_edges.draw_plate(plate, anchor, lines, flow, picture, writer)
            if message:
                begin = self.start(step) + 0.15 * self.pace
                end = self.start(step + 1)
                fade = 0.12 * self.pace
                yield clock.animate(message, flash(begin, end, fade), HIDDEN)

    def foot(self, wide: float, writer: SvgWriter, clock: Clock) -> tuple[str, float]:
        """Return a caption for each step, and a bar of how far the pass is; and their height."""
        starts = [self.start(step) for step in range(self.steps)]
        # A caption before the first step, one for each, and one that stays.
        begins = [0.0, *starts, self.start(self.steps)]
        ends = [*begins[1:], None]
        captions = []
        for text, begin, end in zip(self._captions(), begins, ends, strict=True):
            captions.append((text, show_between(begin, end, self.seconds)))
        return draw_foot(captions, wide, starts, 0.3 * self.pace, writer, clock)

    def _captions(self) -> Iterator[str]:
        yield "before backward: every gradient is 0"
        nodes = {_original(node.id): node for node in self.picture.nodes}
        senders: dict[int, dict[str, None]] = defaultdict(dict)
        for edge in self.picture.edges:
            step = self.step_of[edge.target]
            name = _short_name(nodes[edge.target])
            senders[step][name] = None
        for step in range(self.steps):
            names = list(senders[step])
            where = ", ".join(names[:_MAX_SENDERS])
            if len(names) > _MAX_SENDERS:
                where += ", …"
            yield (
                f"backward step {step + 1} of {self.steps}, at {where}: each operand gets "
                "gradient × local derivative, added with +="
            )
        yield "done: every gradient is complete"


def backward_scene(
    drawing: Drawing, pace: float | None = None, title: str = "", width: float = 0.0
) -> BackwardPass:
    """Return the backward pass over a drawing.

    Args:
        drawing: What is played.
        pace: Seconds for each step.
        title: A heading; by default that of the drawing.
        width: The width in pixels that it is laid out for, 0 for that of the drawing.

    Raises:
        PictureError: The drawing has no gradients, or is too coarse to play.
    """
    placed = lay_out_for_plates(drawing.refit(width) if width else drawing)
    picture = placed.picture
    if picture.level in COARSE:
        raise PictureError(
            f"{COARSE[picture.level]} are too coarse to play the backward pass on: "
            'give level="neurons", level="chips" or expand='
        )
    has_gradients = any(edge.flow is not None for edge in picture.edges)
    if not has_gradients or picture.colors != "gradient":
        raise PictureError(
            "there are no gradients to play: call backward() first, and animate the result, "
            "not the network"
        )
    if title:
        placed = replace(placed, picture=replace(picture, title=title))
    return BackwardPass(placed, pace)


def _short_name(node: Node) -> str:
    """Return the label; else the formula if it has names in it; else the symbol."""
    if node.label:
        return node.label
    if any(sign.isalpha() for sign in node.formula):
        return node.formula
    return node.symbol or node.formula


def write_arithmetic(edge: Edge, picture: Picture) -> tuple[str, str]:
    """Return what an edge does in the backward pass: gradient × local derivative, and the share.

    Example:
        >>> nodes = (Node("a", "input", grad=-1.5), Node("b", "operation", grad=-0.5, root=True))
        >>> write_arithmetic(Edge("a", "b", -3.0, 1.5), Picture("cards", nodes))
        ('(−0.5) × (−3)', '= 1.5')
    """
    gradient = picture.by_id[edge.target].grad or 0.0
    factors = [_bracket(x) for x in (gradient, edge.local or 0.0)]
    return " × ".join(factors), f"= {number(edge.flow)}"


def _bracket(factor: float) -> str:
    text = number(factor)
    return f"({text})" if factor < 0 else text


def plate_size(lines: tuple[str, str]) -> tuple[float, float]:
    """Return the width and height of a plate with two lines."""
    widths = (width(line, svg_edges.PLATE_FONT, bold=True) for line in lines)
    return max(widths) + 20, 34.0


def lay_out_for_plates(drawing: Drawing) -> PlacedPicture:
    """Return a drawing with gaps between its columns that are as wide as its plates.

    One that is laid out for a width keeps within it: it has more rows where it would be wider.
    """
    placed = drawing.placed
    picture = placed.picture
    if picture.level != "cards" or not picture.edges or is_upright(picture.rankdir):
        # Plates are less high than the gaps between rows.
        return placed
    plates = [plate_size(write_arithmetic(edge, picture)) for edge in picture.edges]
    gap = max(size[0] for size in plates) + 14
    longer = 1.0 + min(_missing_space(placed, gap), _MAX_STRETCH)
    enough = 1.0 + min(_missing_space(placed, _ENOUGH * gap), _MAX_STRETCH)
    free = inner_width(placed.shown_width) / placed.width
    if enough <= free:
        return stretch(placed, min(longer, free))

    for share in _SHARES_OF_GAP:
        spacious = drawing.refit(drawing.width, share * gap).placed
        if spacious.is_fitting:
            return spacious
    return placed


def _missing_space(placed: PlacedPicture, gap: float) -> float:
    """Return by which share a picture has to grow for all its edges to be as long as a gap."""
    missing = 0.0
    for i, edge in enumerate(placed.picture.edges):
        if i in placed.splits:
            # Rows are laid out again, with the gap.
            continue
        route = placed.routes[i]
        distance = abs(placed.nodes[edge.target].center - placed.nodes[edge.source].center)
        length = abs(route[-1][0] - route[0][0])
        if 1.0 < length < gap:
            missing = max(missing, (gap - length) / distance)
    return missing
