"""The legend below an SVG picture: the scale of colors, the kinds of nodes, marks and arrows."""

from viz.layout.geometry import Rect
from viz.look.measures import BORDER, CHIP, SCALE
from viz.look.text import number, width
from viz.model.picture import Picture

from .svg_writer import SvgWriter, path_data

_FONT_SIZE = 10
_BASELINE = 12
# Where the sample of a kind of node is in its entry.
_SAMPLE = Rect(0, 1, 15, 15)

# What the badge of each kind shows in the legend.
_KIND_SIGNS = {"input": "in", "parameter": "θ", "constant": "c", "operation": "+"}


def draw_legend(picture: Picture, writer: SvgWriter) -> tuple[str, float]:
    """Return the legend of a picture, and its width."""
    row = _LegendRow(writer)
    if picture.level == "layers":
        _add_map_scale(row)
        _add_arrows(row, picture)
        _add_alarm(row, picture)
    else:
        if picture.colors:
            _add_scale(row, picture)
        _add_alarm(row, picture)
        _add_kinds(row, picture)
        _add_marks(row, picture)
    return row.svg, row.x


class _LegendRow:
    """Writes a legend from left to right.

    Attributes:
        writer: Writes the elements.
        x: Where the next entry begins.
    """

    def __init__(self, writer: SvgWriter) -> None:
        self.writer = writer
        self.x = 0.0
        self._parts: list[str] = []

    @property
    def svg(self) -> str:
        """The elements so far."""
        return "".join(self._parts)

    def add_words(
        self, words: str, inset: float = 0.0, gap: float = 0.0, mono: bool = False
    ) -> None:
        """Write words with space before and after them."""
        x = self.x + inset
        self._parts.append(self.writer.text(x, _BASELINE, words, _FONT_SIZE, "muted", mono=mono))
        self.x += inset + width(words, _FONT_SIZE, mono=mono) + gap

    def add_line(self, y: float, length: float, color: str, stroke: str) -> None:
        """Draw a sample of a line; the words beside it come next."""
        data = path_data("M", self.x, f" {y:g}h{length:g}")
        self._parts.append(self.writer.path(data, self.writer.paint("none", color), stroke))

    def add_ramp(self) -> None:
        """Draw the colors of the gradient scale."""
        for step in range(-SCALE.steps, SCALE.steps + 1, 2):
            # A little wider than their distance: no page color shows between two of them.
            self.add_rect(Rect(0, 3, 6.2, 11), self.writer.paint(f"g{step}"))
            self.x += 6

    def add_rect(self, rect: Rect, paint: str, radius: float = 0.0, more: str = "") -> None:
        """Draw a rectangle, with `rect.x` from here; the words beside it come next."""
        self._parts.append(self.writer.rect(rect.move(self.x, 0), paint, radius, more))

    def add_badge(self, sign: str, kind: str) -> None:
        """Draw the badge of a kind of node."""
        self.add_rect(_SAMPLE, self.writer.paint(f"badge-{kind}"), 4)
        center = self.x + 7.5
        text = self.writer.text(center, _BASELINE, sign, 9, "white", anchor="middle", bold=True)
        self._parts.append(text)


def _add_scale(row: _LegendRow, picture: Picture) -> None:
    """Add one scale for fills and edges, the same on both sides of zero."""
    largest = number(picture.largest)
    row.add_words(picture.colors, gap=8)
    row.add_words(f"−{largest}", gap=6, mono=True)
    row.add_ramp()
    row.add_words(largest, inset=6, gap=22, mono=True)

    dashes = f'stroke-width="1" stroke-dasharray="{BORDER.zero_dashes}"'
    row.add_line(9, 26, "line", dashes)
    row.add_words("exactly 0", inset=32, gap=20)


def _add_alarm(row: _LegendRow, picture: Picture) -> None:
    if not picture.is_finite:
        row.add_line(9, 26, "alarm", 'stroke-width="2.4"')
        row.add_words("nan or infinite", inset=32, gap=20)


def _add_kinds(row: _LegendRow, picture: Picture) -> None:
    present = {node.kind for node in picture.nodes}
    # Units are all operations but the inputs, and look the same.
    if picture.level == "neurons":
        present.discard("operation")
    for kind, sign in _KIND_SIGNS.items():
        if kind not in present:
            continue
        if picture.level == "cards":
            row.add_badge(sign, kind)
        else:
            _add_chip(row, kind)
        row.add_words(kind, inset=20, gap=14)

    has_derivatives = any(edge.local is not None for edge in picture.edges)
    if picture.level == "cards" and has_derivatives:
        row.add_words("∂ local derivative")


def _add_chip(row: _LegendRow, kind: str) -> None:
    radius = CHIP.leaf_radius if kind in ("parameter", "constant") else 7.5
    stroke = f"badge-{kind}" if kind in ("parameter", "input") else "line"
    dashes = f' stroke-dasharray="{BORDER.constant_dashes}"' if kind == "constant" else ""
    paint = row.writer.paint("card", stroke)
    row.add_rect(_SAMPLE, paint, radius, f'stroke-width="1.6"{dashes}')


def _add_marks(row: _LegendRow, picture: Picture) -> None:
    if any(node.mark for node in picture.nodes):
        ring = row.writer.paint("none", "alarm")
        row.add_rect(Rect(1, 2, 16, 13), ring, 5, 'stroke-width="2.4"')
        row.add_words("flagged; the label says why", inset=23, gap=14)


def _add_map_scale(row: _LegendRow) -> None:
    row.add_words("each map from −its largest", gap=8)
    row.add_ramp()
    row.add_words("to its largest", inset=6, gap=22)
    row.add_rect(Rect(0, 2, 2.8, 13), row.writer.paint("ink"))
    row.add_words("exactly 0", inset=9, gap=22)


def _add_arrows(row: _LegendRow, picture: Picture) -> None:
    lines = {"line": "how many numbers go on"}
    if picture.colors == "gradient":
        lines["e-16"] = "‖∂‖ the norm of the gradient that comes back"
    for color, words in lines.items():
        row.add_line(8.5, 20, color, 'stroke-width="3"')
        row.add_words(words, inset=26, gap=22)
