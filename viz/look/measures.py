"""The sizes of what is drawn and the constants of the gradient scale, each written once.

The layout, SVG and DOT read them here, and the explorer page gets them as JSON from `as_data`, so
that a card has the same size and a gradient the same color wherever it is drawn. All lengths are
pixels, and all baselines are offsets from the upper edge unless they say otherwise.
"""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True)
class Scale:
    """How a gradient becomes a color and a width.

    Attributes:
        steps: Shades on each side of zero.
        steepness: How fast the scale rises: the strength of a gradient g is
            log(1 + steepness·|g|/m) / log(1 + steepness), with m the largest gradient shown. A
            gradient that many times smaller than m is hardly visible.
        thinnest: Width of an edge that carries exactly nothing.
        thickest: Width of an edge that carries the largest gradient.
        edge_mix: Share of the full color mixed into the color of an edge, so that no line is lost
            on the page.
    """

    steps: int = 16
    steepness: float = 50.0
    thinnest: float = 0.6
    thickest: float = 3.4
    edge_mix: float = 0.35


@dataclass(frozen=True, slots=True)
class Border:
    """Widths and dash patterns of lines."""

    plain: float = 1.2
    leaf: float = 1.8
    root: float = 2.0
    constant_dashes: str = "3 2"
    zero_dashes: str = "4 3"
    zero_opacity: float = 0.3


@dataclass(frozen=True, slots=True)
class Card:
    """A node at level "cards": a badge at the left, then a title, small print and rows of numbers.

    Attributes:
        badge: Least width of the badge.
        badge_padding: Space around a symbol that needs a wider badge.
        head: Height of the title row.
        top: Space above the first row where there is no title.
        detail: Height of the row of small print.
        row: Height of a row with a number.
        bottom: Space below the last row.
        min_body: Least width right of the badge.
        max_label: Width at which a label is shortened.
        text_inset: From the badge to the text.
        number_inset: From a number to the right edge.
        symbol_shift: From the middle of the card down to the baseline of the symbol.
    """

    radius: float = 7.0
    badge: float = 30.0
    badge_padding: float = 14.0
    head: float = 24.0
    top: float = 4.0
    detail: float = 18.0
    row: float = 22.0
    bottom: float = 1.0
    min_body: float = 84.0
    max_label: float = 210.0
    text_inset: float = 10.0
    number_inset: float = 9.0
    title_baseline: float = 17.5
    detail_baseline: float = 12.0
    word_baseline: float = 15.0
    number_baseline: float = 15.5
    symbol_shift: float = 5.0


@dataclass(frozen=True, slots=True)
class Chip:
    """A node at level "chips": a circle or pill with its symbol, a square for a parameter.

    Attributes:
        numbered_height: Height where its number is below its symbol.
        number_padding: Space around that number.
        max_label: Width at which a name is shortened there.
    """

    height: float = 26.0
    min_width: float = 26.0
    padding: float = 14.0
    leaf_radius: float = 4.0
    max_characters: int = 5
    numbered_height: float = 38.0
    number_padding: float = 12.0
    max_label: float = 70.0
    text_shift: float = 4.6
    label_shift: float = 11.0


@dataclass(frozen=True, slots=True)
class Tag:
    """The small copy of a much used leaf beside one of its users."""

    height: float = 19.0
    min_width: float = 26.0
    padding: float = 12.0
    radius: float = 5.0
    text_shift: float = 4.0


@dataclass(frozen=True, slots=True)
class ClosedModule:
    """A closed module: stacked paper with a title row and a foot in the color of its gradient."""

    height: float = 52.0
    min_width: float = 136.0
    radius: float = 7.0
    foot: float = 23.0
    title_baseline: float = 19.5
    title_inset: float = 20.0
    inset: float = 9.0


@dataclass(frozen=True, slots=True)
class Table:
    """An open neuron as a table.

    Attributes:
        title: Height of the row with its name.
        header: Height of the row with the names of the columns.
        row: Height of every other row.
        name: Width of the first column.
        number: Width of a column of numbers.
        bars: Width of the bars of the products.
        inset: From the border to the texts.
    """

    title: float = 24.0
    header: float = 18.0
    row: float = 18.0
    name: float = 70.0
    number: float = 65.0
    bars: float = 42.0
    inset: float = 6.0
    radius: float = 7.0


@dataclass(frozen=True, slots=True)
class ChainCard:
    """A folded chain: stacked paper with a table of the first and the last link.

    Attributes:
        title: Height of the row with the count of its links.
        formula: Height of the row with what one link computes.
        header: Height of the row with the names of the columns.
        row: Height of every other row.
        name: Width of the first column.
        min_number: Width of a column of numbers, at least.
        max_formula: Width at which the formula is shortened.
        inset: From the border to the texts.
    """

    title: float = 26.0
    formula: float = 20.0
    header: float = 18.0
    row: float = 21.0
    name: float = 44.0
    min_number: float = 66.0
    max_formula: float = 260.0
    inset: float = 9.0
    radius: float = 7.0


@dataclass(frozen=True, slots=True)
class Box:
    """The box around an open module.

    Attributes:
        header: Height of the heading.
        margin: Space between the border and what is inside.
        port: Size of the place on the border where an edge enters.
    """

    header: float = 30.0
    margin: float = 14.0
    port: float = 8.0
    radius: float = 9.0
    title_baseline: float = 17.5
    title_inset: float = 24.0
    detail_inset: float = 11.0


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the neuron view."""

    width: float = 80.0
    height: float = 34.0
    radius: float = 7.0


@dataclass(frozen=True, slots=True)
class BlockCard:
    """A box of the blocks view: a heading, a second line, then maps, grids, bars and notes.

    Attributes:
        padding: From the border to what is inside.
        indent: From the border to the title, past the triangle.
        body: Height of the heading and the second line.
        short_body: Height of a heading without a second line.
        min_width: Least width of a box.
        usual_width: Width at which maps go on in the next row.
        heading: Height of the heading of a frame.
        sheet: Distance of the sheets behind a box with several calls.
        frame: Font size of the heading of a frame.
        name: Font size of the title of a box.
        note: Font size of notes and numbers.
        letter: Font size of the names of rows and columns.
        letters: Height of a row of names of columns.
        caption: Height of a line below a map.
        weight: Side of a cell of a parameter.
        small_weight: Side of a cell of a large parameter.
        strip_cell: Width and height of a cell of a strip.
        max_cell: Side of a cell of a map with few of them.
        grid_cell: Side of a cell of a grid.
        grid_row: Height of a row of a grid with many columns.
        max_grid: Height at which the cells of a grid get smaller.
        max_map: Height at which the cells of a map get smaller.
        min_letter_cell: Least width of a column with a name.
        bar: Height of a row with a bar.
        pill: Height of an input.
        max_pills: Inputs that are drawn one by one.
        sum: Diameter of the round + that ends a residual connection.
        stream: Width of the band of a residual stream.
    """

    padding: float = 10.0
    indent: float = 24.0
    body: float = 45.0
    short_body: float = 30.0
    min_width: float = 122.0
    usual_width: float = 163.0
    heading: float = 40.0
    sheet: float = 3.0
    radius: float = 7.0
    panel_radius: float = 10.0
    frame: float = 16.0
    title: float = 22.0
    name: float = 14.0
    note: float = 12.0
    letter: float = 11.0
    letters: float = 15.0
    caption: float = 16.0
    weight: float = 3.0
    small_weight: float = 2.0
    strip_cell: tuple[float, float] = (5.0, 7.0)
    max_cell: float = 10.0
    grid_cell: float = 14.0
    grid_row: float = 20.0
    max_grid: float = 200.0
    max_map: float = 112.0
    min_letter_cell: float = 9.5
    bar: float = 22.0
    pill: float = 22.0
    max_pills: int = 12
    sum: float = 26.0
    stream: float = 12.0


@dataclass(frozen=True, slots=True)
class MiniCard:
    """The small card over a chip of the explorer page, for readers who have zoomed in.

    Attributes:
        inset: From the border to the texts.
        foot: Height of the strip with the gradient, in its color.
    """

    height: float = 34.0
    min_width: float = 56.0
    radius: float = 4.0
    inset: float = 4.0
    foot: float = 11.5
    title_baseline: float = 8.5
    data_baseline: float = 19.5
    gradient_baseline: float = 30.5


@dataclass(frozen=True, slots=True)
class FontSizes:
    """Font sizes by what they are used for: 13 for content, 12 where it is dense, 11 for notes."""

    title: float = 15.0
    symbol: float = 14.0
    label: float = 13.0
    number: float = 13.0
    word: float = 11.0
    chip: float = 13.0
    dense: float = 12.0
    small: float = 11.0
    chip_label: float = 11.0
    chip_detail: float = 11.0
    mini: float = 6.5
    mini_word: float = 6.0


SCALE = Scale()
BORDER = Border()
CARD = Card()
CHIP = Chip()
TAG = Tag()
MODULE = ClosedModule()
NEURON_TABLE = Table()
CHAIN = ChainCard()
BOX = Box()
UNIT = Unit()
BLOCK = BlockCard()
MINI = MiniCard()
FONT_SIZES = FontSizes()

# The numbers on the page change while it is read, so that its cards can't be made to measure: they
# have space for the longest ones, and labels get less.
PAGE_CARD = replace(CARD, min_body=118.0, max_label=190.0)
PAGE_MODULE = replace(MODULE, min_width=172.0, title_inset=21.0)
PAGE_BOX = replace(BOX, title_baseline=19.0, detail_inset=12.0)

# Both sides keep apart for readers with deutan, protan or tritan vision: +t against -t differs by
# ΔE 41 or more.
STOPS = {
    "light": {
        "negative": ("#f7f7f7", "#fdd49e", "#f59b4c", "#c8590c"),
        "positive": ("#f7f7f7", "#c6dcef", "#6baed6", "#1f6fb4"),
    },
    "dark": {
        "negative": ("#222a33", "#5a3a1c", "#a8601f", "#f59b4c"),
        "positive": ("#222a33", "#1d3f5c", "#2c73ab", "#6db8f2"),
    },
}
"""Colors of the scale by theme and sign, from no gradient to the largest one shown."""


def as_data() -> dict[str, object]:
    """Return what the explorer page draws with, as dictionaries that `json.dumps` can write.

    Example:
        >>> as_data()["chip"]["height"], as_data()["border"]["zero_dashes"]
        (26.0, '4 3')
    """
    return {
        "scale": asdict(SCALE),
        "border": asdict(BORDER),
        "card": asdict(PAGE_CARD),
        "chip": asdict(CHIP),
        "mini": asdict(MINI),
        "module": asdict(PAGE_MODULE),
        "box": asdict(PAGE_BOX),
        "fonts": asdict(FONT_SIZES),
    }
