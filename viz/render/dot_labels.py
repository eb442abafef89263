"""HTML-like labels of Graphviz: cards, chips, tags, and the boxes of the lecture.

Every text in them is escaped.
"""

import textwrap
from math import isfinite

from viz.look.measures import BORDER, FONT_SIZES, SCALE
from viz.look.text import LONGEST, clean, escape, number
from viz.look.theme import Theme, color, shade, text_color
from viz.model.picture import Group, Node, Picture

_FLAT = 'BORDER="0" CELLBORDER="0" CELLSPACING="0"'
_LINE_LENGTH = 90


def escape_text(text: str, longest: int = LONGEST) -> str:
    r"""Return text as it may be inside a label.

    Graphviz reads backslashes there, too: `\N` would become the name of the node.

    Example:
        >>> print(escape_text(r"<\N>"))
        &lt;\\N&gt;
    """
    return escape(text, longest).replace("\\", "\\\\")


def _table(attributes: str, rows: str) -> str:
    return f"<TABLE {attributes}>{rows}</TABLE>"


def _font(text: str, size: float, ink: str) -> str:
    return f'<FONT POINT-SIZE="{size:g}" COLOR="{ink}">{text}</FONT>'


def _wide_row(content: str) -> str:
    return f'<TR><TD COLSPAN="2" ALIGN="LEFT">{content}</TD></TR>'


def draw_card(node: Node, picture: Picture, theme: Theme) -> str:
    """Return the label of a card: badge, name, data, and the gradient on its color."""
    rows = []
    if title := clean(node.name or node.label):
        rows.append(_wide_row(f"<B>{escape_text(title)}</B>"))
    if node.kind == "module" and node.formula:
        rows.append(_wide_row(_small_print(node.formula, theme)))
    colored = picture.filled_row(node)
    for word, x in (("data", node.data), ("grad", node.grad)):
        if x is None:
            continue
        if word == colored:
            filled = _colored_row(word, x, picture, theme)
            rows.append(f'<TR><TD COLSPAN="2" CELLPADDING="0">{filled}</TD></TR>')
        else:
            rows.append(_number_row(word, x, theme.muted, theme.ink, theme))
    if node.detail:
        rows.append(_wide_row(_small_print(node.detail, theme)))

    # Graphviz draws fills with square corners: the padding keeps them inside the round border.
    badge = _badge(node, theme)
    cells = f'<TD CELLPADDING="3">{badge}</TD>'
    if rows:
        facts = _table(f'{_FLAT} CELLPADDING="2"', "".join(rows))
        cells += f'<TD CELLPADDING="2">{facts}</TD>'
    return _frame(f"<TR>{cells}</TR>", node, theme)


def _frame(rows: str, node: Node, theme: Theme) -> str:
    line = f'BORDER="1" COLOR="{theme.line}"'
    if node.root:
        line = f'BORDER="{BORDER.root:g}" COLOR="{theme.ink}"'
    style = "ROUNDED,DASHED" if node.kind == "constant" else "ROUNDED"
    look = f'STYLE="{style}" BGCOLOR="{theme.card}" CELLBORDER="0" CELLSPACING="0"'
    return _table(f"{line} {look}", rows)


def _badge(node: Node, theme: Theme) -> str:
    # Never empty: Graphviz takes a <B> without text for a syntax error.
    fallback = "▸" if node.kind == "module" else " "
    sign = escape_text(node.symbol, 12) or fallback
    fill = theme.badges.get(node.kind, theme.badges["operation"])
    look = f'{_FLAT} CELLPADDING="6" STYLE="ROUNDED" BGCOLOR="{fill}"'
    text = f'<FONT COLOR="#ffffff"><B>{sign}</B></FONT>'
    return _table(look, f"<TR><TD>{text}</TD></TR>")


def _colored_row(word: str, x: float, picture: Picture, theme: Theme) -> str:
    fill = theme.card
    if isfinite(x):
        fill = color(shade(x, picture.largest), theme)
    ink = text_color(fill)
    look = f'{_FLAT} CELLPADDING="3" STYLE="ROUNDED" BGCOLOR="{fill}"'
    row = _number_row(word, x, ink, ink, theme)
    return _table(look, row)


def _number_row(word: str, x: float, word_ink: str, ink: str, theme: Theme) -> str:
    text = number(x)
    if isfinite(x):
        text = f'<FONT COLOR="{ink}">{text}</FONT>'
    else:
        text = f'<B><FONT COLOR="{theme.alarm}">{text}</FONT></B>'
    name = _font(f"{word}  ", FONT_SIZES.word, word_ink)
    return f'<TR><TD ALIGN="LEFT">{name}</TD><TD ALIGN="RIGHT">{text}</TD></TR>'


def _small_print(text: str, theme: Theme) -> str:
    return _font(escape_text(text), FONT_SIZES.small, theme.muted)


def draw_tag(node: Node, picture: Picture, theme: Theme) -> str:
    """Return the label of a copy of a much used leaf: its name or number on its gradient."""
    fill = theme.card
    ink = theme.ink
    shown = picture.fill(node)
    if shown is not None:
        fill = color(shade(shown, picture.largest), theme)
        ink = text_color(fill)
    text = escape_text(node.label, 24) or number(node.data) or " "
    line = theme.badges.get(node.kind, theme.line)
    look = f'BORDER="1" COLOR="{line}" STYLE="ROUNDED" BGCOLOR="{fill}"'
    row = f"<TR><TD>{_font(text, FONT_SIZES.word, ink)}</TD></TR>"
    return _table(f'{look} CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"', row)


def draw_chip(node: Node, neurons: bool, ink: str) -> str:
    """Return the label of a chip.

    Args:
        node: The node.
        neurons: Whether it is a unit of the neuron view, which shows name and number; otherwise an
            operation shows its symbol and any other node its name.
        ink: The color of the text.
    """
    name = escape_text(node.label, 24)
    if not name and node.kind == "constant":
        name = number(node.data)
    content = number(node.data) if neurons else escape_text(node.symbol, 12)
    lines = [name, content]
    if node.kind == "operation" and not neurons:
        lines.reverse()
    text = "<BR/>".join(filter(None, lines)) or " "
    return _font(text, FONT_SIZES.chip, ink)


def draw_record(node: Node) -> str:
    """Return the lecture's box: name | data | grad, with four decimals."""
    name = escape_text(node.name or node.label)
    data = _four_decimals("data", node.data)
    gradient = _four_decimals("grad", node.grad)
    cells = ""
    for text in (name, data, gradient):
        cells += f"<TD>{text or ' '}</TD>"
    look = 'BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="6"'
    return _table(look, f"<TR>{cells}</TR>")


def _four_decimals(word: str, x: float | None) -> str:
    if x is None:
        return ""
    form = ".4f" if abs(x) < 1e6 else ".4e"
    digits = format(x, form)
    return f"{word} {digits}".replace("-", "−")


def draw_heading(group: Group, theme: Theme) -> str:
    """Return the heading of a module's box."""
    title = escape_text(group.heading or group.path)
    heading = _font(f"<B>{title}</B>", FONT_SIZES.label, theme.ink)
    if not group.detail:
        return heading
    return f"{heading}   {_small_print(group.detail, theme)}"


def draw_caption(picture: Picture, theme: Theme, legend: bool) -> str:
    """Return title, legend and notes, for below the graph; "" where there are none."""
    rows = []
    if clean(picture.title):
        rows.append(f"<B>{escape_text(picture.title, 120)}</B>")
    if legend and picture.colors:
        rows.append(_draw_legend(picture, theme))
    for note in picture.notes:
        for line in textwrap.wrap(clean(note, 400), _LINE_LENGTH):
            text = escape(line, _LINE_LENGTH)
            rows.append(f'<FONT POINT-SIZE="10">{text}</FONT>')

    if not rows:
        return ""
    cells = "".join(f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows)
    return _table(f'{_FLAT} CELLPADDING="2"', cells)


def _draw_legend(picture: Picture, theme: Theme) -> str:
    largest = number(picture.largest)
    ramp = ""
    for step in range(-SCALE.steps, SCALE.steps + 1, 4):
        fill = color(step, theme)
        ramp += f'<TD BGCOLOR="{fill}" WIDTH="12"> </TD>'
    red = "" if picture.is_finite else "   red: nan or infinite"
    start = f"<TD>{escape_text(picture.colors)}  −{largest}</TD>"
    end = f"<TD>{largest}   dashed: exactly 0{red}</TD>"
    row = f"<TR>{start}{ramp}{end}</TR>"
    table = _table(f'{_FLAT} CELLPADDING="2"', row)
    return _font(table, 10, theme.muted)
