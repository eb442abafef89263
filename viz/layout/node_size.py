"""How large nodes are: cards, chips, closed modules, units of the neuron view, tags."""

from viz.look.text import fitted, number, width
from viz.model.picture import Node

from .geometry import Size

BADGE, ROW, TOP = 30.0, 19.0, 21.0
DETAIL = 16.0
LABEL, WORD, NUMBER = 11.0, 10.0, 11.0
_UNIT: Size = (74.0, 30.0)
_MODULE_HEIGHT = 46.0


def measure_node(node: Node, level: str) -> Size:
    """Return the width and height of a node in pixels."""
    if level == "neurons":
        return _UNIT
    if node.kind == "module":
        return (
            max(
                126.0, title_width(node) + 34 + number_width(node.data), width(node.detail, 9) + 26
            ),
            _MODULE_HEIGHT,
        )
    if node.tag:
        return (max(24.0, width(short_label(node), 9) + 12), 17.0)
    return _chip_size(node) if level == "chips" else _card_size(node)


def title_width(node: Node) -> float:
    """Measure the title of a closed module."""
    return width(node.label, LABEL, bold=True)


def number_width(x: float | None) -> float:
    """Measure a number as it is written on a card."""
    return width(number(x), NUMBER, mono=True)


def badge_width(node: Node) -> float:
    """Measure the badge with the sign of an operation."""
    return max(BADGE, width(node.symbol, 12, bold=True) + 14)


def number_rows(node: Node) -> list[tuple[str, float]]:
    """List the numbers that a card shows, each with its name."""
    return [(word, x) for word, x in (("data", node.data), ("grad", node.grad)) if x is not None]


def _card_size(node: Node) -> Size:
    inner = max(80.0, width(fitted(node.label, LABEL, 190, bold=True), LABEL, bold=True) + 20)
    inner = max(
        [inner, width(node.detail, 9) + 20]
        + [width(word, WORD) + number_width(x) + 32 for word, x in number_rows(node)]
    )
    small = DETAIL if node.detail else 0.0
    return (
        badge_width(node) + inner,
        (TOP if node.label else 4.0) + small + ROW * len(number_rows(node)) + 1,
    )


def _chip_size(node: Node) -> Size:
    return (max(22.0, width(chip_text(node), 10, bold=True) + 14), 22.0)


def chip_text(node: Node) -> str:
    """Return what is written inside of a chip; "" where it would not fit."""
    if node.kind == "operation":
        return node.symbol
    text = node.label or (number(node.data) if node.kind == "constant" else "")
    return text if len(text) <= 5 and node.kind != "parameter" else ""


def short_label(node: Node) -> str:
    """Return the label of a small node, or its number where it has none."""
    return fitted(node.label, 9, 60) or number(node.data)
