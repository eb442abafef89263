"""How large nodes are: cards, chips, closed modules, units of the neuron view, tags."""

from viz.look.measures import (
    BLOCK,
    BOX,
    CARD,
    CHAIN,
    CHIP,
    FONT_SIZES,
    MODULE,
    NEURON_TABLE,
    TAG,
    UNIT,
)
from viz.look.text import fit_text, number, width
from viz.model.picture import ChainEnds, Group, Node, Picture

from .containment import CONTINUATION
from .geometry import Size
from .rows import MARKER

_MARK_SPACE = 10.0
"""Pixels that the word on a ring needs above its card."""


def measure_node(node: Node, level: str, numbered: bool = False) -> Size:
    """Return the width and height of a node in pixels.

    Args:
        node: The node.
        level: The level of its picture.
        numbered: Whether chips show their numbers.
    """
    if level == "neurons":
        return UNIT.width, UNIT.height
    if node.chain is not None:
        return _measure_chain(node, node.chain)
    if node.kind == "module":
        return _measure_module(node)
    if node.kind == CONTINUATION:
        return MARKER, MARKER
    if node.tag:
        label_width = width(short_label(node), FONT_SIZES.small)
        return max(TAG.min_width, label_width + TAG.padding), TAG.height
    return _measure_chip(node, numbered) if level == "chips" else _measure_card(node)


def row_middle(row: int) -> float:
    """Return how far below the top of an open neuron the middle of a row of its table is."""
    return NEURON_TABLE.title + NEURON_TABLE.header + (row + 0.5) * NEURON_TABLE.row


def measure_neighbor(node: Node) -> Size:
    """Return the size of a node beside an open neuron, where closed modules are narrow."""
    if node.kind == "module" and not node.rows:
        return _measure_module(node, min_width=0.0)
    return measure_node(node, "cards")


def _measure_module(node: Node, min_width: float = MODULE.min_width) -> Size:
    if node.rows:
        numbers = 4 * NEURON_TABLE.number
        wide = NEURON_TABLE.name + numbers + NEURON_TABLE.bars
        return wide, row_middle(len(node.rows)) - NEURON_TABLE.row / 2
    title_width = width(node.label, FONT_SIZES.label, bold=True)
    head = 1.12 * title_width + 36 + number_width(node.data)
    shown = max(number_width(node.grad), number_width(node.data))
    foot = width(node.detail or node.formula, FONT_SIZES.small) + shown + 34
    return max(min_width, head, foot), MODULE.height


def _measure_chain(node: Node, ends: ChainEnds) -> Size:
    title = 1.12 * width(node.label, FONT_SIZES.label, bold=True)
    head = title + width(node.detail, FONT_SIZES.small) + 3 * CHAIN.inset + 20
    formula = min(CHAIN.max_formula, width(node.formula, FONT_SIZES.dense)) + 2 * CHAIN.inset
    table = CHAIN.name + 2 * chain_column(ends)
    rows = 1 if ends.last_grad is None else 2
    height = CHAIN.title + CHAIN.formula + CHAIN.header + rows * CHAIN.row
    return max(head, formula, table), height


def chain_column(ends: ChainEnds) -> float:
    """Return the width of each column of numbers of a folded chain."""
    numbers = (ends.first, ends.last, ends.first_grad, ends.last_grad)
    widest = max(number_width(x) for x in numbers if x is not None)
    header = min(CHAIN.max_formula / 2, width(last_header(ends), FONT_SIZES.small))
    return max(CHAIN.min_number, widest + 2 * CHAIN.inset, header + 2 * CHAIN.inset)


def last_header(ends: ChainEnds) -> str:
    """Return what is above the numbers of the last link: "last", and the name of its result."""
    return f"last, {ends.name}" if ends.name else "last"


def _measure_card(node: Node) -> Size:
    # One long label must not set the width of a column: the tooltip has it in full.
    label = fit_text(node.label, FONT_SIZES.label, CARD.max_label, bold=True)
    label_width = width(label, FONT_SIZES.label, bold=True)
    detail_width = width(node.detail, FONT_SIZES.small)
    body_width = max(
        CARD.min_body,
        label_width + 2 * CARD.text_inset,
        detail_width + 2 * CARD.text_inset,
    )
    rows = number_rows(node)
    for word, x in rows:
        row_width = width(word, FONT_SIZES.word) + number_width(x) + 32
        body_width = max(body_width, row_width)

    head = CARD.head if node.label else CARD.top
    detail = CARD.detail if node.detail else 0.0
    numbers = CARD.row * len(rows)
    height = head + detail + numbers + CARD.bottom
    return badge_width(node) + body_width, height


def _measure_chip(node: Node, numbered: bool) -> Size:
    text_width = width(chip_text(node, numbered), FONT_SIZES.chip, bold=True)
    wide = max(CHIP.min_width, text_width + CHIP.padding)
    if not numbered or node.data is None:
        return wide, CHIP.height
    data_width = width(number(node.data), FONT_SIZES.small, mono=True)
    wide = max(wide, CHIP.numbered_height, data_width + CHIP.number_padding)
    return wide, CHIP.numbered_height


def number_width(x: float | None) -> float:
    """Return the width of a number as it is written on a card."""
    return width(number(x), FONT_SIZES.number, mono=True)


def badge_width(node: Node) -> float:
    """Return the width of the badge with the symbol of a node."""
    symbol_width = width(node.symbol, FONT_SIZES.symbol, bold=True)
    return max(CARD.badge, symbol_width + CARD.badge_padding)


def header_width(group: Group) -> float:
    """Return the width that the heading of an open module needs, margins included."""
    title_width = width(group.title, FONT_SIZES.label, bold=True)
    detail_width = width(group.detail, FONT_SIZES.small)
    # Fonts that stand in for Helvetica are up to an eighth wider.
    return 1.12 * (title_width + detail_width) + 26 + 2 * BOX.margin


def header_height(picture: Picture) -> float:
    """Return the height of the heading of open modules, with space for marks above cards."""
    has_words = any(len(node.mark) > 1 for node in picture.nodes)
    header = BLOCK.heading if picture.level == "blocks" else BOX.header
    return header + (_MARK_SPACE if has_words else 0.0)


def number_rows(node: Node) -> list[tuple[str, float]]:
    """Return the numbers that a card shows, each with its name."""
    rows = []
    if node.data is not None:
        rows.append(("data", node.data))
    if node.grad is not None:
        rows.append(("grad", node.grad))
    return rows


def chip_text(node: Node, numbered: bool = False) -> str:
    """Return what is written inside a chip, "" where it would not fit.

    Args:
        node: The node.
        numbered: Whether chips show their numbers: then they have space for names, too.
    """
    if numbered:
        name = fit_text(node.label, FONT_SIZES.chip, CHIP.max_label, bold=True)
        symbol = node.symbol if node.kind == "operation" else ""
        text = " ".join(filter(None, (name, symbol)))
        return text if text or node.label else number(node.data)
    if node.kind == "operation":
        return node.symbol
    text = node.label
    if node.kind == "more":
        return fit_text(text, FONT_SIZES.chip, CHIP.max_label, bold=True)
    if not text and node.kind == "constant":
        text = number(node.data)
    return text if len(text) <= CHIP.max_characters else ""


def short_label(node: Node) -> str:
    """Return the label of a small node, or its number where it has none."""
    return fit_text(node.label, FONT_SIZES.small, 60) or number(node.data)
