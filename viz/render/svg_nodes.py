"""Nodes as SVG: cards, chips, tags, closed modules, units of the neuron view."""

from dataclasses import dataclass
from math import isfinite

from viz.layout.direction import is_upright
from viz.layout.geometry import Rect
from viz.layout.node_size import badge_width, chip_text, number_rows, number_width, short_label
from viz.look.measures import BORDER, CARD, CHIP, FONT_SIZES, MODULE, TAG, UNIT
from viz.look.text import TIP, escape, exact, fit_text, number, width
from viz.look.theme import shade
from viz.model.picture import Node, Picture

from .svg_chains import draw_chain
from .svg_open_head import draw_open_head
from .svg_tables import draw_table
from .svg_writer import SvgWriter, path_data


def draw_node(node: Node, rect: Rect, picture: Picture, writer: SvgWriter) -> str:
    """Return the element of a node.

    It is a group with a title, which screen readers speak and browsers show as a tooltip.
    """
    pen = _NodePen(node, rect, picture, writer)
    if picture.level == "neurons":
        body = pen.unit()
    elif node.head is not None:
        body = draw_open_head(node, rect, picture, writer)
    elif node.rows:
        body = draw_table(node, rect, picture, writer)
    elif node.chain is not None:
        body = draw_chain(node, node.chain, rect, picture, writer)
    elif node.kind == "module":
        body = pen.module()
    elif node.tag:
        body = pen.tag()
    elif picture.level == "chips":
        body = pen.chip()
    else:
        body = pen.card()

    if node.mark and picture.level != "neurons":
        body += pen.mark()
    faint = ' opacity="0.3"' if node.dim else ""
    title = f"<title>{escape(describe_node(node), TIP)}</title>"
    return f'<g role="graphics-symbol"{faint}>{title}{body}</g>'


def describe_node(node: Node) -> str:
    """Describe a node in one sentence, with its full label and every digit, for its tooltip.

    Args:
        node: The node of a picture.

    Returns:
        The text as it is, not yet escaped for any format.

    Example:
        >>> describe_node(Node("n1", "operation", label="o", data=0.5, grad=1.0, formula="tanh(n)"))
        'o = tanh(n), data 0.5, gradient 1.0'
    """
    name = node.whole or node.name or node.label
    if node.chain is not None:
        parts = [f"{name}, each link {node.formula}"]
    elif name and node.kind == "operation" and node.formula:
        parts = [f"{name} = {node.formula}"]
    else:
        origin = node.formula or node.kind
        parts = [f"{origin} {name}" if name else origin]

    if node.data is not None:
        parts.append(f"data {exact(node.data)}")
    if node.grad is not None:
        word = "gradient" if node.outputs == 1 else f"gradient norm of {node.outputs:,} outputs"
        parts.append(f"{word} {exact(node.grad)}")
    return ", ".join([*parts, *filter(None, [node.detail, node.tip])])


@dataclass(frozen=True)
class _NodePen:
    """Draws one node.

    Attributes:
        node: The node.
        rect: Where it is.
        picture: The picture that it is in, for what colors show, and their scale.
        writer: Writes the elements.
    """

    node: Node
    rect: Rect
    picture: Picture
    writer: SvgWriter

    @property
    def shown(self) -> float | None:
        """The number that the color of the node shows, None where it has no color."""
        return self.picture.fill(self.node)

    @property
    def step(self) -> int:
        """The step of the scale for that number."""
        return shade(self.shown or 0.0, self.picture.largest)

    @property
    def is_alarming(self) -> bool:
        """Whether one of the node's numbers is nan or infinite."""
        numbers = (self.node.data, self.node.grad)
        return not all(isfinite(x) for x in numbers if x is not None)

    def fill(self, radius: float, color: str) -> str:
        """Fill the whole rectangle."""
        return self.writer.rect(self.rect, self.writer.paint(color), radius)

    def border(self, radius: float, color: str = "line", width: float = BORDER.plain) -> str:
        """Draw the outline; a root has a thicker one in the color of the text."""
        node = self.node
        if node.root:
            paint = self.writer.paint("none", "page_ink")
            more = f'stroke-width="{BORDER.root:g}"'
        else:
            is_dashed = node.kind in ("constant", "more")
            dashes = f' stroke-dasharray="{BORDER.constant_dashes}"' if is_dashed else ""
            paint = self.writer.paint("none", color)
            more = f'stroke-width="{width:g}"{dashes}'
        return self.writer.rect(self.rect, paint, radius, more)

    def card(self) -> str:
        """Draw badge, title, small print, and a row for each number, the gradient's filled."""
        node = self.node
        rect = self.rect
        writer = self.writer
        left = rect.x + badge_width(node)
        text_x = left + CARD.text_inset
        parts = [self.fill(CARD.radius, "card"), self._badge()]

        row_y = rect.y + CARD.top
        if node.label:
            label_width = rect.width - badge_width(node) - 16
            label = fit_text(node.label, FONT_SIZES.label, label_width, bold=True)
            baseline = rect.y + CARD.title_baseline
            parts.append(writer.text(text_x, baseline, label, FONT_SIZES.label, "ink", bold=True))
            row_y = rect.y + CARD.head
        if node.detail:
            baseline = row_y + CARD.detail_baseline
            parts.append(writer.text(text_x, baseline, node.detail, FONT_SIZES.small, "muted"))
            row_y += CARD.detail

        rows = number_rows(node)
        colored = self.picture.filled_row(node)
        for word, x in rows:
            is_last = word == rows[-1][0]
            if word == colored:
                parts.append(self._row_fill(left, row_y, is_last))
            parts += self._number_row(word, x, text_x, row_y, word == colored)
            row_y += CARD.row

        # The outline comes last, so that no fill covers half of its width.
        return "".join([*parts, self.border(CARD.radius)])

    def _badge(self) -> str:
        rect = self.rect
        badge = badge_width(self.node)
        right = rect.x + badge
        bottom = rect.bottom - CARD.radius
        outline = path_data("M", right, rect.y, "H", rect.x + CARD.radius, "a7 7 0 0 0 -7 7")
        outline += path_data("V", bottom, "a7 7 0 0 0 7 7H", right, "Z")
        shape = self.writer.path(outline, self.writer.paint(f"badge-{self.node.kind}"))
        return shape + self.writer.text(
            rect.x + badge / 2,
            rect.middle + CARD.symbol_shift,
            self.node.symbol,
            FONT_SIZES.symbol,
            "white",
            anchor="middle",
            bold=True,
        )

    def _row_fill(self, left: float, top: float, is_last: bool) -> str:
        """Fill a row of a card; the last one inside its round corner."""
        if not is_last:
            row = Rect(left, top, self.rect.right - left, CARD.row)
            return self.writer.rect(row, self.writer.paint(f"g{self.step}"))
        bottom = self.rect.bottom - CARD.radius
        outline = path_data("M", left, top, "H", self.rect.right, "V", bottom)
        outline += path_data("a7 7 0 0 1 -7 7H", left, "Z")
        return self.writer.path(outline, self.writer.paint(f"g{self.step}"))

    def _number_row(
        self, word: str, x: float, text_x: float, top: float, is_colored: bool
    ) -> list[str]:
        ink = f"t{self.step}" if is_colored else "ink"
        word_color = f"t{self.step}" if is_colored else "muted"
        right = self.rect.right - CARD.number_inset
        word_y = top + CARD.word_baseline
        parts = [self.writer.text(text_x, word_y, word, FONT_SIZES.word, word_color)]
        if not isfinite(x):
            # nan and inf get their own box, which is visible on any fill.
            text_width = number_width(x)
            left = right - text_width - 4
            box = Rect(left, top + 2, text_width + 8, CARD.row - 4)
            parts.append(self._draw_alarm(box))
            ink = "alarm"

        text = self.writer.text(
            right,
            top + CARD.number_baseline,
            number(x),
            FONT_SIZES.number,
            ink,
            anchor="end",
            mono=True,
            bold=not isfinite(x),
        )
        return [*parts, text]

    def _draw_alarm(self, box: Rect) -> str:
        """Draw the hatched red box behind nan and inf."""
        writer = self.writer
        hatching = []
        count = int((box.width + box.height) / 6)
        for i in range(1, count + 1):
            # A line at 45° down to the left, cut at the edges of the box.
            shift = 6.0 * i
            start_x = max(box.x, box.x + shift - box.height)
            start_y = box.y + min(shift, box.height)
            end_x = min(box.x + shift, box.right)
            end_y = box.y + max(0.0, shift - box.width)
            hatching.append(path_data("M", start_x, start_y, "L", end_x, end_y))

        frame = writer.rect(box, writer.paint("card", "alarm"), 2, 'stroke-width="1"')
        stroke = 'stroke-width="0.8" opacity="0.35"'
        return frame + writer.path("".join(hatching), writer.paint("none", "alarm"), stroke)

    def chip(self) -> str:
        """Draw a circle or pill with a symbol; for a parameter or a constant a square."""
        node = self.node
        rect = self.rect
        alarm = self.is_alarming
        # No color of the scale means nan: the hatched box is drawn on plain paper.
        fill = "card" if alarm or self.shown is None else f"g{self.step}"
        ink = "ink" if fill == "card" else f"t{self.step}"
        # The shape tells the kind, because the fill is that of the scale.
        is_square = node.kind in ("parameter", "constant")
        radius = CHIP.leaf_radius if is_square else rect.height / 2

        parts = [self.fill(radius, fill)]
        if alarm:
            parts.append(self._draw_alarm(rect.shrink(2, 4)))
        parts.append(self._chip_border(radius, alarm))

        text = chip_text(node, self.picture.numbered)
        # What does not fit into the chip is written around it: small print above, a label below.
        is_numbered = self.picture.numbered and node.data is not None and text != number(node.data)
        if text:
            y = (rect.y + 11 if is_numbered else rect.middle) + CHIP.text_shift
            parts.append(self._center_text(y, text, FONT_SIZES.chip, ink, bold=True))
        if is_numbered:
            parts.append(self._chip_number(bool(text), ink))
        if node.detail:
            y = rect.y - 3
            parts.append(self._text_around(y, node.detail, FONT_SIZES.chip_detail))
        if node.label and node.label not in text and node.kind in ("operation", "input"):
            y = rect.bottom + CHIP.label_shift
            label = fit_text(node.label, FONT_SIZES.chip_label, 60)
            parts.append(self._text_around(y, label, FONT_SIZES.chip_label))
        return "".join(parts)

    def _text_around(self, y: float, text: str, size: float) -> str:
        """Draw small print above or below a chip, beside the lines that are there."""
        if not is_upright(self.picture.rankdir):
            return self._center_text(y, text, size, "muted")
        return self.writer.text(self.rect.center + 6, y, text, size, "muted")

    def _chip_number(self, has_text: bool, ink: str) -> str:
        rect = self.rect
        y = rect.bottom - 8 if has_text else rect.middle + CHIP.text_shift
        data = number(self.node.data)
        size = FONT_SIZES.small
        return self.writer.text(rect.center, y, data, size, ink, anchor="middle", mono=True)

    def _chip_border(self, radius: float, alarm: bool) -> str:
        is_named = self.node.kind in ("parameter", "input")
        color = f"badge-{self.node.kind}" if is_named else "line"
        line_width = BORDER.leaf if is_named else BORDER.plain
        return self.border(radius, "alarm" if alarm else color, line_width)

    def _center_text(self, y: float, text: str, size: float, ink: str, bold: bool = False) -> str:
        return self.writer.text(self.rect.center, y, text, size, ink, anchor="middle", bold=bold)

    def tag(self) -> str:
        """Draw the small copy of a leaf."""
        is_colored = self.shown is not None
        ink = f"t{self.step}" if is_colored else "ink"
        baseline = self.rect.middle + TAG.text_shift
        parts = [
            self.fill(TAG.radius, f"g{self.step}" if is_colored else "card"),
            self.border(TAG.radius, f"badge-{self.node.kind}"),
            self._center_text(baseline, short_label(self.node), FONT_SIZES.small, ink),
        ]
        return "".join(parts)

    def module(self) -> str:
        """Draw a closed module as stacked paper: there is more underneath."""
        node = self.node
        rect = self.rect
        writer = self.writer
        parts = []
        paint = writer.paint("card", "line")
        for shift in (6.0, 3.0):
            sheet = rect.move(shift, shift)
            parts.append(writer.rect(sheet, paint, MODULE.radius, 'stroke-width="1"'))
        parts.append(self.fill(MODULE.radius, "card"))
        if self.shown is not None:
            parts.append(self._module_foot())

        corner = rect.x + MODULE.inset
        baseline = rect.y + MODULE.title_baseline
        triangle = path_data("M", corner, rect.y + MODULE.inset, "l6 4.5l-6 4.5Z")
        parts.append(writer.path(triangle, writer.paint("muted")))
        label = fit_text(node.label, FONT_SIZES.label, rect.width - 30, bold=True)
        title_x = rect.x + MODULE.title_inset
        parts.append(writer.text(title_x, baseline, label, FONT_SIZES.label, "ink", bold=True))
        if node.data is not None:
            right = rect.right - MODULE.inset
            data = number(node.data)
            size = FONT_SIZES.number
            parts.append(writer.text(right, baseline, data, size, "ink", anchor="end", mono=True))

        ink = f"t{self.step}" if self.shown is not None else "muted"
        foot = rect.bottom - 7.5
        words = node.detail or node.formula
        parts.append(writer.text(corner, foot, words, FONT_SIZES.small, ink))
        # The strip shows one number only, as a number and as its color.
        if self.shown is not None:
            right = rect.right - MODULE.inset
            shown = number(self.shown)
            size = FONT_SIZES.dense
            parts.append(writer.text(right, foot, shown, size, ink, anchor="end", mono=True))
        parts.append(self.border(MODULE.radius))
        return "".join(parts)

    def _module_foot(self) -> str:
        rect = self.rect
        top = rect.bottom - MODULE.foot
        bottom = rect.bottom - MODULE.radius
        outline = path_data("M", rect.x, top, "H", rect.right, "V", bottom, "a7 7 0 0 1 -7 7H")
        outline += path_data(rect.x + MODULE.radius, "a7 7 0 0 1 -7 -7Z")
        return self.writer.path(outline, self.writer.paint(f"g{self.step}"))

    def unit(self) -> str:
        """Draw a unit of the neuron view."""
        node = self.node
        rect = self.rect
        alarm = self.is_alarming
        fill = "card" if self.shown is None or alarm else f"g{self.step}"
        ink = "ink" if fill == "card" else f"t{self.step}"

        parts = [self.fill(UNIT.radius, fill)]
        if alarm:
            parts.append(self._draw_alarm(rect.shrink(3, 4)))
        if node.kind == "input":
            parts.append(self.border(UNIT.radius, "badge-input", BORDER.root))
        else:
            parts.append(self.border(UNIT.radius))

        if node.kind == "input" and node.data is not None:
            parts += self._input_text(node.data, ink)
        else:
            parts += self._unit_text(ink)
        return "".join(parts)

    def _input_text(self, x: float, ink: str) -> list[str]:
        """Draw the name of an input at the left and its number at the right, or below it.

        A long number is never cut: without its last digits it is another number.
        """
        rect = self.rect
        writer = self.writer
        size = FONT_SIZES.chip
        label = fit_text(self.node.label, size, rect.width / 3, bold=True)
        data = number(x)
        free = rect.width - 20 - width(label, size, bold=True)
        if width(data, size, mono=True) <= free:
            y = rect.middle + 4.6
            right = rect.right - 7
            return [
                writer.text(rect.x + 7, y, label, size, ink, bold=True),
                writer.text(right, y, data, size, ink, anchor="end", mono=True),
            ]
        label = fit_text(self.node.label, FONT_SIZES.small, rect.width - 14, bold=True)
        data_y = rect.bottom - 6
        size = FONT_SIZES.dense
        return [
            self._center_text(rect.y + 13, label, FONT_SIZES.small, ink, bold=True),
            writer.text(rect.center, data_y, data, size, ink, anchor="middle", mono=True),
        ]

    def _unit_text(self, ink: str) -> list[str]:
        node = self.node
        rect = self.rect
        parts = []
        if node.mark:
            parts.append(self._draw_mark(node.mark))
        has_label = bool(node.detail) and not node.mark
        if has_label:
            # Inside: below the box a reader could not tell to which of two boxes it belongs.
            detail = fit_text(node.detail, FONT_SIZES.chip_label, 0.85 * (rect.width - 6))
            y = rect.bottom - 5
            parts.append(self._center_text(y, detail, FONT_SIZES.chip_label, ink))

        text = fit_text(node.label, FONT_SIZES.chip, rect.width - 12)
        if node.kind == "operation":
            text = number(node.data) if node.data is not None else "…"
        y = rect.y + 15 if has_label else rect.middle + 4.6
        is_long = width(text, FONT_SIZES.number, mono=True) > rect.width - 6
        size = FONT_SIZES.small if is_long else FONT_SIZES.number
        written = self.writer.text(rect.center, y, text, size, ink, anchor="middle", mono=True)
        return [*parts, written]

    def mark(self) -> str:
        """Draw the mark of a card or chip: a word on a ring, or a single sign at the corner."""
        rect = self.rect
        writer = self.writer
        word = self.node.mark
        size = FONT_SIZES.small
        paint = writer.paint("alarm")
        if len(word) == 1:
            badge = Rect(rect.right - 11, rect.y - 6, 16, 16)
            sign = writer.text(badge.center, badge.middle + 4, word, size, "page", anchor="middle")
            return writer.rect(badge, paint, 8) + sign

        ring = writer.paint("none", "alarm")
        outline = writer.rect(rect.shrink(-2.5, -2.5), ring, 9, 'stroke-width="2.4"')
        # Above the title of a card, which has no space between its rows of numbers.
        plate = Rect(rect.x, rect.y - 12, width(word, size, bold=True) + 16, 14)
        y = plate.middle + 3.5
        text = writer.text(plate.center, y, word, size, "page", anchor="middle", bold=True)
        return outline + writer.rect(plate, paint, 6) + text

    def _draw_mark(self, word: str) -> str:
        """Draw a thick ring, and the word on a plate at its foot."""
        rect = self.rect
        writer = self.writer
        size = FONT_SIZES.chip_label
        word = fit_text(word, size, 0.85 * rect.width, bold=True)
        # Fonts that stand in for Helvetica are up to a sixth wider.
        plate_width = min(rect.width, 1.17 * width(word, size, bold=True) + 8)
        # Outside the outline, which keeps the color of its kind.
        around = rect.shrink(-2, -2)
        ring = writer.rect(around, writer.paint("none", "alarm"), 9, 'stroke-width="2.4"')
        left = rect.center - plate_width / 2
        plate = Rect(left, rect.bottom - 5, plate_width, 14)
        background = writer.rect(plate, writer.paint("alarm"), 7)
        baseline = rect.bottom + 5.8
        text = self._center_text(baseline, word, FONT_SIZES.chip_label, "page", bold=True)
        return ring + background + text
