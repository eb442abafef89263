"""The sequence view as SVG: frames of calls, gates with bars and strips, and bands of state."""

from collections.abc import Iterator, Sequence
from math import hypot, isfinite

from viz.layout.geometry import Point, Rect
from viz.layout.placed import PlacedPicture, Route
from viz.layout.sequence_grid import CHIP_LABEL, strip_width
from viz.look.measures import BORDER, FONT_SIZES
from viz.look.text import TIP, escape, exact, fit_text, number, plural, width
from viz.look.theme import DARK, shade
from viz.model.heatmap import Map, png
from viz.model.picture import Edge, Group
from viz.model.sequence_card import MAX_BARS, SequencePart, describe_part

from . import svg_nodes
from .svg_writer import SvgWriter, path_data

_SMALL = 11.0
_THINNEST = 2.5
_THICKEST = 13.0
_PLAIN = 3.0
"""The thickness of a band before `backward`."""
_RADIUS = 9.0
_MAX_DRAWN = 64
"""Cells that are drawn one by one; of more the strip is an image."""
_STRIP_HEIGHT = 12.0
_CHIP_STRIP = 15.0
_BARS_HEIGHT = 34.0


def draw_sequence(placed: PlacedPicture, writer: SvgWriter) -> str:
    """Return all calls, and what connects them."""
    return "".join(_Pen(placed, writer).draw())


class _Pen:
    def __init__(self, placed: PlacedPicture, writer: SvgWriter) -> None:
        self.placed = placed
        self.picture = placed.picture
        self.writer = writer
        sequence = self.picture.sequence
        parts = sequence.parts if sequence is not None else ()
        self.parts = {part.id: part for part in parts}
        bands = [part for part in parts if part.kind in ("state", "gap", "start")]
        norms = [norm for part in bands for norm in (part.norm or 0.0, *part.norms)]
        self.largest_norm = max(filter(isfinite, norms), default=0.0) or 1.0
        self.bar_scale = self._largest_data()
        self.signed = self._find_signed()

    def draw(self) -> Iterator[str]:
        """Yield what is behind first."""
        for heading in self.placed.headings:
            yield self.writer.text(
                heading.x, heading.baseline, heading.text, FONT_SIZES.small, "muted"
            )
        for group in self.picture.groups:
            yield self._frame(group)
        edges = list(zip(self.picture.edges, self.placed.routes, strict=True))
        drawn = [(edge, route) for edge, route in edges if route[0] != route[-1]]
        for is_band in (False, True):
            for edge, route in drawn:
                if self._is_band(edge) is is_band:
                    yield self._band(edge, route) if is_band else self._line(edge, route)
        for part in self.parts.values():
            yield self._part(part)

    def _largest_data(self) -> float:
        boxes = [part for part in self.parts.values() if part.kind in ("box", "input")]
        sizes = [
            abs(x)
            for part in boxes
            if part.data is not None
            for x in part.data.present
            if isfinite(x)
        ]
        # Gates are between 0 and 1, candidates between -1 and 1.
        return max(1.0, max(sizes, default=0.0))

    def _find_signed(self) -> set[tuple[int, str]]:
        """Return the parts, by row and role, that have negative numbers in any step."""
        boxes = [part for part in self.parts.values() if part.data is not None]
        return {
            (part.row, part.role)
            for part in boxes
            if part.data is not None and any(x < 0.0 for x in part.data.present)
        }

    def _frame(self, group: Group) -> str:
        rect = self.placed.groups[group.path]
        writer = self.writer
        title = fit_text(f"▸ {group.title}", 14, rect.width - 24, bold=True)
        tip = escape(f"{group.title}, {group.detail}", TIP)
        frame = writer.rect(rect, writer.paint("group", "group_line"), 12, 'stroke-width="1"')
        text = writer.text(rect.x + 14, rect.y + 23, title, 14, "ink", bold=True)
        return f"<g><title>{tip}</title>{frame}{text}</g>"

    # Lines

    def _is_band(self, edge: Edge) -> bool:
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        if (source.role, target.role) == ("keep", "add") or target.kind == "state":
            return True
        if source.kind not in ("state", "start", "gap") or source.role == target.role == "":
            return False
        if target.step == source.step and target.kind not in ("head", "root"):
            return source.kind == "start" and source.norm is not None and self._is_first(edge)
        return self._is_first(edge)

    def _is_first(self, edge: Edge) -> bool:
        """Return whether it is the main way of a state: a second one is a thin line."""
        others = (each for each in self.picture.edges if each.source == edge.source)
        into = [each for each in others if self.parts[each.target].kind != "state"]
        step = self.parts[edge.target].step
        same = [each for each in into if self.parts[each.target].step == step]
        # A state that is kept goes straight on, and only a branch of it is joined with the input.
        same.sort(key=lambda each: self.parts[each.target].role == "joint")
        return same[0] is edge

    def _thickness(self, norm: float | None) -> float:
        if norm is None:
            return _PLAIN
        if not isfinite(norm):
            return _THICKEST
        return _THINNEST + (_THICKEST - _THINNEST) * min(1.0, norm / self.largest_norm)

    def _band(self, edge: Edge, route: Route) -> str:
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        norm = edge.flow
        points: Sequence[Point] = route
        pin = ""
        if target.kind == "state":
            norm = target.norm
            pin = self._pin(route[-2:])
            points = route[:-1]
            if self._turns(target, points[-1]):
                x, y = points[-1]
                points = (*points[:-1], (x - _RADIUS - 3, y))
        elif len(route) > 2 and source.kind == "state" and route[0][1] == self._exit_y(source):
            x, y = route[0]
            points = ((x - _RADIUS - 3, y), *route)
        words = "" if norm is None else f", ‖∇‖ {exact(norm)} comes back"
        names = f"{source.title or source.role} → {target.title or target.role}"
        title = f"<title>{escape(names + words, TIP)}</title>"
        is_dead = norm == 0.0
        color = "line" if norm is None or isfinite(norm) else "alarm"
        stroke = f'stroke-width="{self._thickness(norm):.2f}"'
        if is_dead:
            stroke = f'stroke-width="1.2" stroke-dasharray="{BORDER.zero_dashes}"'
        path = self.writer.path(_round(points), self.writer.paint("none", color), stroke)
        return f"<g>{title}{path}{pin}</g>"

    def _turns(self, state: SequencePart, end: Point) -> bool:
        """Return whether what leaves a state turns where it ends."""
        for edge, route in zip(self.picture.edges, self.placed.routes, strict=True):
            if edge.source == state.id and route[0] == end and self._is_band(edge):
                return len(route) > 2
        return False

    def _exit_y(self, state: SequencePart) -> float:
        for edge, route in zip(self.picture.edges, self.placed.routes, strict=True):
            if edge.target == state.id:
                return route[-2][1]
        return -1.0

    def _pin(self, points: Route) -> str:
        (x, y), (_, end) = points
        stroke = 'stroke-width="1" stroke-dasharray="2 3"'
        return self.writer.path(
            path_data("M", x, y, "V", end), self.writer.paint("none", "line"), stroke
        )

    def _line(self, edge: Edge, route: Route) -> str:
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        writer = self.writer
        has_head = target.kind != "joint" or source.kind == "input"
        is_dashed = source.kind == "start" and source.strip is None
        points = list(route)
        if has_head:
            points[-1] = _shorten(points[-2], points[-1], 8.0)
        stroke = 'stroke-width="1.4" stroke-linejoin="round"'
        if is_dashed:
            stroke = 'stroke-width="1.2" stroke-dasharray="4 4"'
        parts = [writer.path(_round(points), writer.paint("none", "line"), stroke)]
        if has_head:
            parts.append(self._arrow(route[-2], route[-1]))
        if (source.role, target.role) == ("update", "renew"):
            x, y = route[-1]
            parts.append(writer.text(x - 16, y - 5, "1 −", _SMALL, "muted", anchor="middle"))
        words = "" if edge.flow is None else f", ‖∇‖ {exact(edge.flow)} comes back"
        names = f"{source.title or source.role} → {target.title or target.role}"
        return f"<g><title>{escape(names + words, TIP)}</title>{''.join(parts)}</g>"

    def _arrow(self, before: Point, end: Point) -> str:
        length = hypot(end[0] - before[0], end[1] - before[1]) or 1.0
        dx = (end[0] - before[0]) / length
        dy = (end[1] - before[1]) / length
        base_x = end[0] - 9.5 * dx
        base_y = end[1] - 9.5 * dy
        left = (base_x - 4.2 * dy, base_y + 4.2 * dx)
        right = (base_x + 4.2 * dy, base_y - 4.2 * dx)
        data = path_data("M", *end, "L", *left, "L", *right, "Z")
        return self.writer.path(data, self.writer.paint("line"))

    # Parts

    def _part(self, part: SequencePart) -> str:
        rect = self.placed.nodes[part.id]
        node = self.picture.by_id[part.id]
        if part.data is None and part.kind in ("input", "root"):
            return svg_nodes.draw_node(node, rect, self.picture, self.writer)
        draw = {
            "box": self._box,
            "input": self._box,
            "operation": self._operation,
            "joint": self._joint,
            "state": self._state,
            "start": self._state,
            "gap": self._gap,
            "head": self._head,
            "root": self._head,
        }[part.kind]
        tip = escape(_tip(part), 900)
        return f'<g role="graphics-symbol"><title>{tip}</title>{draw(part, rect)}</g>'

    def _box(self, part: SequencePart, rect: Rect) -> str:
        """Draw a gate, a line of code or several inputs: bars, strip and norm."""
        writer = self.writer
        is_input = part.kind == "input"
        color = "badge-input" if is_input else "line"
        border = f'stroke-width="{1.8 if is_input else 1:g}"'
        parts = [writer.rect(rect, writer.paint("card", color), 7, border)]
        inside = rect.width - 4
        title = fit_text(part.title, _SMALL, inside, bold=True)
        parts.append(
            writer.text(rect.center, rect.y + 15, title, _SMALL, "ink", anchor="middle", bold=True)
        )
        if part.line:
            line = fit_text(part.line, _SMALL, inside)
            parts.append(
                writer.text(rect.center, rect.y + 29, line, _SMALL, "muted", anchor="middle")
            )
        if part.data is None or part.strip is None:
            return "".join(parts)
        left = rect.x + 6.5
        wide = rect.width - 13
        top = rect.y + (20 if is_input else 36)
        high = 22.0 if is_input else _BARS_HEIGHT
        strip = Rect(left, top + high + 4, wide, _STRIP_HEIGHT)
        if part.data.columns <= MAX_BARS:
            parts.append(self._bars(part, part.data, Rect(left, top, wide, high)))
        else:
            strip = Rect(left, top, wide, high + 4 + _STRIP_HEIGHT)
        parts.append(self._strip(part.strip, strip))
        if part.norm is not None:
            text = number(part.norm)
            y = rect.bottom - 8 if not is_input else rect.bottom - 6
            parts.append(
                writer.text(rect.center, y, text, _SMALL, "ink", anchor="middle", mono=True)
            )
        return "".join(parts)

    def _bars(self, part: SequencePart, data: Map, rect: Rect) -> str:
        """Draw numbers as bars: up from the bottom, or about a line where some are negative."""
        writer = self.writer
        parts = [writer.rect(rect, writer.paint("group"), 2)]
        present = set(range(data.columns)).difference(data.missing)
        is_signed = (part.row, part.role) in self.signed
        base = rect.middle if is_signed else rect.bottom
        reach = rect.height / 2 if is_signed else rect.height
        pitch = (rect.width - 2) / data.columns
        for i in sorted(present):
            x = data.numbers[i]
            bar_x = rect.x + 1 + i * pitch + pitch * 0.1
            if not isfinite(x):
                alarm = Rect(bar_x, rect.y, pitch * 0.8, rect.height)
                parts.append(writer.rect(alarm, writer.paint("alarm")))
                continue
            tall = min(1.0, abs(x) / self.bar_scale) * reach
            top = base - tall if x >= 0.0 else base
            bar = Rect(bar_x, top, pitch * 0.8, tall)
            parts.append(writer.rect(bar, writer.paint("muted")))
        if is_signed:
            line = path_data("M", rect.x, base, "H", rect.right)
            parts.append(writer.path(line, writer.paint("none", "line"), 'stroke-width="0.8"'))
        return "".join(parts)

    def _strip(self, shown: Map, rect: Rect) -> str:
        """Draw a cell for each number, in the color of the scale."""
        writer = self.writer
        border = writer.rect(rect, writer.paint("none", "group_line"), 0, 'stroke-width="1"')
        largest = self.picture.largest
        if shown.columns > _MAX_DRAWN:
            scaled = Map(shown.name, 1, shown.columns, shown.numbers, shown.missing, scale=largest)
            light = png(scaled, writer.theme, 4096)
            dark = png(scaled, DARK, 4096) if writer.automatic else None
            return writer.image(rect, light, dark) + border
        pitch = rect.width / shown.columns
        cells = []
        missing = set(shown.missing)
        for i, x in enumerate(shown.numbers):
            if i in missing:
                continue
            fill = f"g{shade(x, largest)}" if isfinite(x) else "alarm"
            cell = Rect(rect.x + i * pitch, rect.y, pitch, rect.height)
            cells.append(writer.rect(cell, writer.paint(fill)))
        return f'<g shape-rendering="crispEdges">{"".join(cells)}</g>{border}'

    def _operation(self, part: SequencePart, rect: Rect) -> str:
        writer = self.writer
        radius = rect.height / 2
        circle = writer.rect(rect, writer.paint("card", "muted"), radius, 'stroke-width="2"')
        size = 12.0 if len(part.title) > 1 else 16.0
        y = rect.middle + size * 0.34
        return circle + writer.text(
            rect.center, y, part.title, size, "ink", anchor="middle", bold=True
        )

    def _joint(self, part: SequencePart, rect: Rect) -> str:
        del part
        line = path_data("M", rect.x, rect.middle, "H", rect.right)
        return self.writer.path(line, self.writer.paint("none", "line"), 'stroke-width="1.5"')

    def _state(self, part: SequencePart, rect: Rect) -> str:
        writer = self.writer
        if part.strip is None:
            text = f"{part.title} = {part.line}"
            return writer.text(rect.x, rect.y + 11, text, _SMALL, "muted")
        wide = strip_width(part.strip.columns)
        center = self._strip_center(part, rect)
        strip = Rect(center - wide / 2, rect.y + 1, wide, _CHIP_STRIP)
        parts = [
            writer.text(
                strip.x - 6,
                rect.y + 13,
                part.title,
                CHIP_LABEL,
                "page_ink",
                anchor="end",
                bold=True,
            ),
            self._strip(part.strip, strip),
        ]
        if part.norm is not None:
            text = number(part.norm)
            plate = Rect(center - width(text, 12, mono=True) / 2 - 3, rect.y + 19, 0, 14)
            wide = 2 * (center - plate.x)
            if not writer.theme.is_transparent:
                plate = Rect(plate.x, plate.y, wide, plate.height)
                parts.append(writer.rect(plate, writer.paint("page"), 3))
            parts.append(
                writer.text(center, rect.y + 30, text, 12, "page_ink", anchor="middle", mono=True)
            )
        return "".join(parts)

    def _strip_center(self, part: SequencePart, rect: Rect) -> float:
        size = part.strip.columns if part.strip is not None else 1
        label = width(part.title, CHIP_LABEL, bold=True)
        return rect.x + label + 6 + strip_width(size) / 2

    def _gap(self, part: SequencePart, rect: Rect) -> str:
        """Draw the steps that are left out: a band with the thickness of each of them."""
        writer = self.writer
        parts = []
        if part.norms:
            pitch = rect.width / max(1, len(part.norms))
            halves = [self._thickness(norm) / 2 for norm in part.norms]
            xs = [rect.x + pitch * (i + 0.5) for i in range(len(halves))]
            xs[0], xs[-1] = rect.x, rect.right
            upper = [(x, rect.middle - half) for x, half in zip(xs, halves, strict=True)]
            lower = [(x, rect.middle + half) for x, half in zip(xs, halves, strict=True)]
            outline = [*upper, *reversed(lower)]
            data = path_data("M", *outline[0])
            for x, y in outline[1:]:
                data += path_data("L", x, y)
            parts.append(writer.path(data + "Z", writer.paint("line")))
        else:
            line = path_data("M", rect.x, rect.middle, "H", rect.right)
            stroke = f'stroke-width="{_PLAIN:g}"'
            parts.append(writer.path(line, writer.paint("none", "line"), stroke))
        if part.values:
            y = rect.middle
            texts = (("…", 20.0, y + 34), (part.title, 12.0, y + 52), (part.line, 12.0, y + 68))
            for text, size, baseline in texts:
                parts.append(
                    writer.text(rect.center, baseline, text, size, "muted", anchor="middle")
                )
        return "".join(parts)

    def _head(self, part: SequencePart, rect: Rect) -> str:
        """Draw what follows as stacked paper: its name, what it is, and what it takes."""
        writer = self.writer
        border = 'stroke-width="1"'
        parts = [
            writer.rect(rect.move(4, 4), writer.paint("card", "group_line"), 7, border),
            writer.rect(rect, writer.paint("card", "line"), 7, border),
        ]
        x = rect.x + 10
        inside = rect.width - 20
        title = fit_text(f"▸ {part.title}", 14, inside, bold=True)
        parts.append(writer.text(x, rect.y + 21, title, 14, "ink", bold=True))
        line = fit_text(part.line or plural(part.values, "value"), 12, inside)
        parts.append(writer.text(x, rect.y + 37, line, 12, "muted"))
        if part.strip is not None:
            wide = min(inside - 44, strip_width(part.strip.columns))
            strip = Rect(x, rect.y + 48, wide, _CHIP_STRIP)
            parts.append(self._strip(part.strip, strip))
            if part.norm is not None:
                text = number(part.norm)
                parts.append(
                    writer.text(
                        rect.right - 8, rect.y + 60, text, 12, "ink", anchor="end", mono=True
                    )
                )
        return "".join(parts)


def _tip(part: SequencePart) -> str:
    """Return what a part is, with every digit of a few numbers."""
    words = [describe_part(part)]
    for name, shown in (("data", part.data), ("gradient", part.strip)):
        if shown is None or shown.name != name:
            continue
        if len(shown.present) <= MAX_BARS:
            words.append(f"{name} {', '.join(exact(x) for x in shown.present)}")
    if part.norm is not None:
        words.append(f"‖∇‖ {exact(part.norm)}")
    return "; ".join(filter(None, words))


def _shorten(before: Point, end: Point, by: float) -> Point:
    length = hypot(end[0] - before[0], end[1] - before[1]) or 1.0
    share = max(0.0, 1 - by / length)
    return (before[0] + (end[0] - before[0]) * share, before[1] + (end[1] - before[1]) * share)


def _round(points: Sequence[Point]) -> str:
    """Return a path through points with round corners."""
    data = path_data("M", *points[0])
    for i in range(1, len(points) - 1):
        before = points[i - 1]
        corner = points[i]
        after = points[i + 1]
        start = _shorten(before, corner, min(_RADIUS, _half(before, corner)))
        end = _shorten(after, corner, min(_RADIUS, _half(corner, after)))
        # As a cubic curve: not every format that is made of paths knows quadratic ones.
        first = _shorten(before, corner, min(_RADIUS, _half(before, corner)) / 3)
        second = _shorten(after, corner, min(_RADIUS, _half(corner, after)) / 3)
        data += path_data("L", *start, "C", *first, *second, *end)
    return data + path_data("L", *points[-1])


def _half(first: Point, second: Point) -> float:
    return hypot(second[0] - first[0], second[1] - first[1]) / 2
