"""The legend below an SVG picture: the scale of colors, the kinds of nodes, marks and arrows."""

from viz.layout.geometry import Rect
from viz.look.legend import SHOWN, Meaning, meaning
from viz.look.measures import BORDER, CHIP, FONT_SIZES, SCALE
from viz.look.text import fit_text, number, width
from viz.model.picture import Picture

from .svg_writer import SvgWriter, path_data

LINE_HEIGHT = 21.0
"""From one line of the legend to the next."""
_FONT_SIZE = FONT_SIZES.small
_BASELINE = 12.0
_GAP = 18.0
# Where the sample of a kind of node is in its entry.
_SAMPLE = Rect(0, 1, 15, 15)
_SAMPLE_WIDTH = 21.0
_STROKE_WIDTH = 32.0
_SHADE = 6.0

# What the badge of each kind shows in the legend.
_KIND_SIGNS = {"input": "in", "parameter": "θ", "constant": "c", "operation": "+"}


def _words_width(words: str) -> float:
    # Fonts that stand in for Helvetica are up to a sixth wider.
    return 1.17 * width(words, _FONT_SIZE)


def draw_legend(
    picture: Picture, writer: SvgWriter, max_width: float, is_wrapped: bool = False
) -> tuple[str, float, float]:
    """Return the legend of a picture, its width and its height.

    Args:
        picture: The picture.
        writer: Writes the elements.
        max_width: Where a line of the legend ends.
        is_wrapped: Whether lines end in numbers and go on in a row below.
    """
    legend = _Legend(picture, writer, max_width, is_wrapped)
    if picture.level == "layers":
        legend.add_map_scale()
        legend.add_arrows()
        legend.add_continuation()
        legend.add_alarm()
    elif picture.level == "sequence":
        legend.add_scale()
        legend.add_states()
        legend.add_alarm()
    else:
        if picture.colors:
            legend.add_scale()
            legend.add_zero()
        legend.add_alarm()
        legend.add_kinds()
        legend.add_marks()
    return legend.svg, legend.width, legend.height


class _Legend:
    """Writes a legend from left to right, in as many lines as it takes.

    Attributes:
        picture: The picture that it is for.
        writer: Writes the elements.
        width: Of the longest line so far.
    """

    def __init__(
        self, picture: Picture, writer: SvgWriter, max_width: float, is_wrapped: bool
    ) -> None:
        self.picture = picture
        self.writer = writer
        self.width = 0.0
        self._max_width = max_width
        self._is_wrapped = is_wrapped
        self._x = 0.0
        self._y = 0.0
        self._parts: list[str] = []

    @property
    def svg(self) -> str:
        """The elements so far."""
        return "".join(self._parts)

    @property
    def height(self) -> float:
        """The height of all lines."""
        return self._y + LINE_HEIGHT if self._parts else 0.0

    # Entries

    def add_scale(self) -> None:
        """Add one scale for fills and lines, and what they and the numbers mean."""
        largest = number(self.picture.largest)
        ends = width(f"−{largest}", _FONT_SIZE, mono=True) + width(largest, _FONT_SIZE, mono=True)
        self._begin(ends + 12 + _SHADE * (SCALE.steps + 1))
        self._write(f"−{largest}", gap=6, mono=True)
        self._draw_ramp()
        self._write(largest, inset=6, gap=_GAP, mono=True)

        # Cards write beside their numbers what these are.
        signs = [] if self.picture.level == "cards" else ["number"]
        if self.picture.shows_biases:
            signs = ["bias"]
        elif any(self.picture.fill(node) is not None for node in self.picture.nodes):
            signs.append("fill")
        if self.picture.level != "sequence":
            signs.append("line")
        for sign in signs:
            self._add_words(self._meaning(sign))

    def add_zero(self) -> None:
        """Add the dashes of lines that carry exactly nothing, where there are some."""
        if any(edge.flow == 0.0 for edge in self.picture.edges):
            dashes = f'stroke-width="1" stroke-dasharray="{BORDER.zero_dashes}"'
            self._add_stroke("line", dashes, self._meaning("zero"))

    def add_alarm(self) -> None:
        """Add the color of numbers that are not finite, where there are some."""
        if not self.picture.is_finite:
            self._add_stroke("alarm", 'stroke-width="2.4"', self._meaning("alarm"))

    def add_kinds(self) -> None:
        """Add a sample of each kind of node, and the sign of local derivatives."""
        picture = self.picture
        present = {node.kind for node in picture.nodes}
        # Units are all operations but the inputs, and look the same.
        if picture.level == "neurons":
            present.discard("operation")
        for kind, sign in _KIND_SIGNS.items():
            if kind not in present:
                continue
            words = self._meaning(kind).words
            self._begin(_SAMPLE_WIDTH + _words_width(words))
            if picture.level == "cards":
                self._draw_badge(sign, kind)
            else:
                self._draw_chip(kind)
            self._write(words, inset=_SAMPLE_WIDTH, gap=_GAP)

        has_derivatives = any(edge.local is not None for edge in picture.edges)
        if picture.level == "cards" and has_derivatives:
            self._add_words(self._meaning("local"))

    def add_marks(self) -> None:
        """Add copies, closed modules and flagged nodes, where there are some."""
        nodes = self.picture.nodes
        if any(node.tag for node in nodes):
            self._add_framed(self._meaning("copy"), "badge-parameter", 1.2)
        if any(node.chain is not None for node in nodes):
            self._add_words(self._meaning("chain"))
        closed = [node for node in nodes if node.kind == "module" and node.chain is None]
        if any(not node.rows for node in closed):
            self._add_words(self._meaning("module"))
        self.add_continuation()
        if any(node.mark for node in nodes):
            self._add_framed(self._meaning("mark"), "alarm", 2.4)

    def add_map_scale(self) -> None:
        """Add the scale of heat maps, and the bar for zeros in histograms."""
        words = self._meaning("fill").words
        self._begin(_words_width(words) + 8 + _SHADE * (SCALE.steps + 1))
        self._write(words, gap=8)
        self._draw_ramp()
        self._x += _GAP
        if any(card.histograms for card in self.picture.cards):
            words = self._meaning("zero").words
            self._begin(9 + _words_width(words))
            self._draw_rect(Rect(0, 2, 2.8, 13), self.writer.paint("ink"))
            self._write(words, inset=9, gap=_GAP)

    def add_arrows(self) -> None:
        """Add the arrows between layers."""
        self._add_stroke("line", 'stroke-width="3"', self._meaning("count"))
        if self.picture.colors == "gradient":
            self._add_stroke("e-16", 'stroke-width="3"', self._meaning("norm"))

    def add_states(self) -> None:
        """Add the bands of the sequence view: the state that goes from step to step."""
        self._add_stroke("line", 'stroke-width="7"', self._meaning("line"))

    def add_continuation(self) -> None:
        """Add the number at the end of a line, where there are some."""
        if not self._is_wrapped:
            return
        entry = self._meaning("continued")
        self._begin(_SAMPLE_WIDTH + _words_width(entry.words))
        self._draw_rect(_SAMPLE, self.writer.paint("card", "muted"), 7.5, 'stroke-width="1.2"')
        center = self._x + _SAMPLE.center
        y = self._y + _BASELINE
        text = self.writer.text(center, y, "1", _FONT_SIZE, "ink", anchor="middle", bold=True)
        self._parts.append(text)
        self._write(entry.words, inset=_SAMPLE_WIDTH, gap=_GAP)

    def _meaning(self, sign: str) -> Meaning:
        colors = self.picture.colors
        return meaning(sign, self.picture.level, colors if colors in SHOWN else "gradient")

    def _add_words(self, entry: Meaning) -> None:
        self._begin(_words_width(entry.words))
        self._write(entry.words, gap=_GAP)

    def _add_stroke(self, color: str, stroke: str, entry: Meaning) -> None:
        self._begin(_STROKE_WIDTH + _words_width(entry.words))
        data = path_data("M", self._x, f" {self._y + 9:g}h26")
        self._parts.append(self.writer.path(data, self.writer.paint("none", color), stroke))
        self._write(entry.words, inset=_STROKE_WIDTH, gap=_GAP)

    def _add_framed(self, entry: Meaning, color: str, thickness: float) -> None:
        self._begin(23 + _words_width(entry.words))
        ring = self.writer.paint("card", color)
        self._draw_rect(Rect(1, 2, 16, 13), ring, 5, f'stroke-width="{thickness}"')
        self._write(entry.words, inset=23, gap=_GAP)

    # Parts of entries

    def _begin(self, entry_width: float) -> None:
        """Begin an entry of a width, on a new line where this one has no space for it."""
        if self._x and self._x + entry_width > self._max_width:
            self._x = 0.0
            self._y += LINE_HEIGHT

    def _write(self, words: str, inset: float = 0.0, gap: float = 0.0, mono: bool = False) -> None:
        """Write words with space before and after them."""
        x = self._x + inset
        if not mono:
            words = fit_text(words, _FONT_SIZE, max(40.0, self._max_width - x))
        y = self._y + _BASELINE
        self._parts.append(self.writer.text(x, y, words, _FONT_SIZE, "muted", mono=mono))
        end = x + (width(words, _FONT_SIZE, mono=True) if mono else _words_width(words))
        self.width = max(self.width, end)
        self._x = end + gap

    def _draw_ramp(self) -> None:
        """Draw the colors of the scale."""
        for step in range(-SCALE.steps, SCALE.steps + 1, 2):
            # A little wider than their distance: no page color shows between two of them.
            shade = Rect(0, 3, _SHADE + 0.2, 11)
            self._draw_rect(shade, self.writer.paint(f"g{step}"))
            self._x += _SHADE

    def _draw_rect(self, rect: Rect, paint: str, radius: float = 0.0, more: str = "") -> None:
        """Draw a rectangle, with its corner from here; the words beside it come next."""
        self._parts.append(self.writer.rect(rect.move(self._x, self._y), paint, radius, more))

    def _draw_badge(self, sign: str, kind: str) -> None:
        self._draw_rect(_SAMPLE, self.writer.paint(f"badge-{kind}"), 4)
        center = self._x + 7.5
        y = self._y + _BASELINE
        text = self.writer.text(center, y, sign, _FONT_SIZE, "white", anchor="middle", bold=True)
        self._parts.append(text)

    def _draw_chip(self, kind: str) -> None:
        radius = CHIP.leaf_radius if kind in ("parameter", "constant") else 7.5
        stroke = f"badge-{kind}" if kind in ("parameter", "input") else "line"
        dashes = f' stroke-dasharray="{BORDER.constant_dashes}"' if kind == "constant" else ""
        paint = self.writer.paint("card", stroke)
        self._draw_rect(_SAMPLE, paint, radius, f'stroke-width="1.6"{dashes}')
