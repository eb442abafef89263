"""The sequence view as SVG: frames of calls, gates with bars and strips, and bands of state."""

from collections.abc import Iterator, Sequence
from math import isfinite

from viz.layout.geometry import Point, Rect
from viz.layout.placed import PlacedPicture
from viz.layout.sequence_grid import CHIP_LABEL, strip_width
from viz.look.measures import FONT_SIZES
from viz.look.text import TIP, escape, exact, fit_text, number, plural, width
from viz.look.theme import DARK, shade
from viz.model.heatmap import Map, png
from viz.model.picture import Group
from viz.model.sequence_card import MAX_BARS, MAX_STRIP, SequencePart, describe_part

from . import svg_nodes
from .svg_sequence_lines import PLAIN, LinePen
from .svg_writer import SvgWriter, path_data

_SMALL = 11.0
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
        self.lines = LinePen(placed, self.parts, writer)
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
        yield from self.lines.draw()
        for part in self.parts.values():
            yield self._part(part)

    def _largest_data(self) -> float:
        shown: list[float] = []
        for part in self.parts.values():
            if part.kind in ("box", "input") and part.data is not None:
                shown += part.data.present
        # Gates are between 0 and 1, candidates between -1 and 1.
        return max([1.0, *(abs(x) for x in shown if isfinite(x))])

    def _find_signed(self) -> set[tuple[int, str]]:
        """Return the parts, by row and role, that have negative numbers in any step."""
        return {
            (part.row, part.role)
            for part in self.parts.values()
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
        x = rect.center
        title = fit_text(part.title, _SMALL, inside, bold=True)
        parts.append(writer.text(x, rect.y + 15, title, _SMALL, "ink", anchor="middle", bold=True))
        if part.line:
            line = fit_text(part.line, _SMALL, inside)
            parts.append(writer.text(x, rect.y + 29, line, _SMALL, "muted", anchor="middle"))
        if part.data is None or part.strip is None:
            return "".join(parts)

        top = rect.y + (20 if is_input else 36)
        high = 22.0 if is_input else _BARS_HEIGHT
        bars = Rect(rect.x + 6.5, top, rect.width - 13, high)
        parts.append(self._bars_and_strip(part, part.data, part.strip, bars))
        if part.norm is not None:
            y = rect.bottom - (6 if is_input else 8)
            text = number(part.norm)
            parts.append(writer.text(x, y, text, _SMALL, "ink", anchor="middle", mono=True))
        return "".join(parts)

    def _bars_and_strip(self, part: SequencePart, data: Map, shown: Map, bars: Rect) -> str:
        """Draw the bars and the strip below them, or a higher strip for too many numbers."""
        if data.columns > MAX_BARS:
            high = bars.height + 4 + _STRIP_HEIGHT
            return self._strip(shown, Rect(bars.x, bars.y, bars.width, high))
        strip = Rect(bars.x, bars.bottom + 4, bars.width, _STRIP_HEIGHT)
        return self._bars(part, data, bars) + self._strip(shown, strip)

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
            light = png(scaled, writer.theme, MAX_STRIP)
            dark = png(scaled, DARK, MAX_STRIP) if writer.automatic else None
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

    def _joint(self, _part: SequencePart, rect: Rect) -> str:
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
        if part.norms:
            parts = [writer.path(self._outline_band(part.norms, rect), writer.paint("line"))]
        else:
            line = path_data("M", rect.x, rect.middle, "H", rect.right)
            stroke = f'stroke-width="{PLAIN:g}"'
            parts = [writer.path(line, writer.paint("none", "line"), stroke)]
        if part.values:
            x = rect.center
            y = rect.middle
            texts = (("…", 20.0, y + 34), (part.title, 12.0, y + 52), (part.line, 12.0, y + 68))
            for text, size, baseline in texts:
                parts.append(writer.text(x, baseline, text, size, "muted", anchor="middle"))
        return "".join(parts)

    def _outline_band(self, norms: Sequence[float], rect: Rect) -> str:
        """Return the outline of a band that is as thick at each step as its norm says."""
        pitch = rect.width / len(norms)
        upper: list[Point] = []
        lower: list[Point] = []
        for i, norm in enumerate(norms):
            x = rect.x + pitch * (i + 0.5)
            # The ends meet the bands beside it.
            if i == 0:
                x = rect.x
            if i == len(norms) - 1:
                x = rect.right
            half = self.lines.thickness(norm) / 2
            upper.append((x, rect.middle - half))
            lower.append((x, rect.middle + half))
        first, *others = [*upper, *reversed(lower)]
        data = path_data("M", *first)
        for point in others:
            data += path_data("L", *point)
        return data + "Z"

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
