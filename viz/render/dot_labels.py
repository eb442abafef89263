"""HTML-like labels of Graphviz: cards, chips, tags, and the boxes of the lecture. Every text in them is escaped."""

import textwrap
from math import isfinite

from viz.look.text import LONGEST, clean, escape, number
from viz.look.theme import STEPS, Theme, color, shade, text_color
from viz.model.picture import Group, Node, Picture

_FLAT = 'BORDER="0" CELLBORDER="0" CELLSPACING="0"'
_LINE = 90


def escaped(text: str, longest: int = LONGEST) -> str:
    r"""Text inside of a label. Graphviz reads backslashes there, too: `\N` would become the name of the node.

    >>> print(escaped(r"<\N>"))
    &lt;\\N&gt;
    """
    return escape(text, longest).replace("\\", "\\\\")


def card(node: Node, picture: Picture, theme: Theme) -> str:
    """Badge, name, data, and the gradient on its color. The fills are inset, so that no square corner leaves the round frame."""
    rows = []
    if title := clean(node.name or node.label):
        rows.append(f'<TR><TD COLSPAN="2" ALIGN="LEFT"><B>{escaped(title)}</B></TD></TR>')
    if node.kind == "module" and node.formula:
        rows.append(f'<TR><TD COLSPAN="2" ALIGN="LEFT">{_small(node.formula, theme)}</TD></TR>')
    if node.data is not None:
        rows.append(_row("data", node.data, theme.muted, theme.ink, theme))
    if node.grad is not None:
        rows.append(
            f'<TR><TD COLSPAN="2" CELLPADDING="0">{_gradient(node.grad, picture, theme)}</TD></TR>'
        )
    if node.detail:
        rows.append(f'<TR><TD COLSPAN="2" ALIGN="LEFT">{_small(node.detail, theme)}</TD></TR>')
    facts = f'<TABLE {_FLAT} CELLPADDING="2">{"".join(rows)}</TABLE>' if rows else ""
    cells = f'<TD CELLPADDING="3">{_badge(node, theme)}</TD>' + (
        f'<TD CELLPADDING="2">{facts}</TD>' if facts else ""
    )
    return _framed(f"<TR>{cells}</TR>", node, theme)


def _framed(rows: str, node: Node, theme: Theme) -> str:
    line = f'BORDER="2" COLOR="{theme.ink}"' if node.root else f'BORDER="1" COLOR="{theme.line}"'
    style = "ROUNDED,DASHED" if node.kind == "constant" else "ROUNDED"
    return f'<TABLE {line} STYLE="{style}" BGCOLOR="{theme.card}" CELLBORDER="0" CELLSPACING="0">{rows}</TABLE>'


def _badge(node: Node, theme: Theme) -> str:
    sign = escaped(node.symbol, 12) or ("▸" if node.kind == "module" else " ")
    fill = theme.badges.get(node.kind, theme.badges["operation"])
    text = f'<FONT COLOR="#ffffff"><B>{sign}</B></FONT>'
    return f'<TABLE {_FLAT} CELLPADDING="6" STYLE="ROUNDED" BGCOLOR="{fill}"><TR><TD>{text}</TD></TR></TABLE>'


def _gradient(x: float, picture: Picture, theme: Theme) -> str:
    fill = theme.card if not isfinite(x) else color(shade(x, picture.largest), theme)
    ink = text_color(fill)
    return f'<TABLE {_FLAT} CELLPADDING="3" STYLE="ROUNDED" BGCOLOR="{fill}">{_row("grad", x, ink, ink, theme)}</TABLE>'


def _row(word: str, x: float, gray: str, ink: str, theme: Theme) -> str:
    written = f'<FONT COLOR="{ink if isfinite(x) else theme.alarm}">{number(x)}</FONT>'
    if not isfinite(x):
        written = f"<B>{written}</B>"
    return f'<TR><TD ALIGN="LEFT"><FONT POINT-SIZE="10" COLOR="{gray}">{word}  </FONT></TD><TD ALIGN="RIGHT">{written}</TD></TR>'


def _small(text: str, theme: Theme) -> str:
    return f'<FONT POINT-SIZE="9" COLOR="{theme.muted}">{escaped(text)}</FONT>'


def tag(node: Node, picture: Picture, theme: Theme) -> str:
    """A copy of a much used leaf: its name, or its number, on the color of its gradient."""
    step = shade(node.grad, picture.largest) if node.grad is not None else None
    fill = theme.card if step is None else color(step, theme)
    ink = theme.ink if step is None else text_color(fill)
    text = escaped(node.label, 24) or number(node.data) or " "
    line = theme.badges.get(node.kind, theme.line)
    return (
        f'<TABLE BORDER="1" COLOR="{line}" STYLE="ROUNDED" BGCOLOR="{fill}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">'
        f'<TR><TD><FONT POINT-SIZE="10" COLOR="{ink}">{text}</FONT></TD></TR></TABLE>'
    )


def chip(node: Node, neurons: bool, ink: str) -> str:
    """What stands inside a chip: the symbol of an operation, a short name, or at level "neurons" name and number."""
    name = escaped(node.label, 24) or (number(node.data) if node.kind == "constant" else "")
    inside = number(node.data) if neurons else escaped(node.symbol, 12)
    lines = [name, inside] if neurons or node.kind != "operation" else [inside, name]
    written = "<BR/>".join(line for line in lines if line) or " "
    return f'<FONT POINT-SIZE="10" COLOR="{ink}">{written}</FONT>'


def record(node: Node) -> str:
    """The lecture's box: name | data | grad, with four decimals."""
    name = escaped(node.name or node.label)
    cells = [name, _decimals("data", node.data), _decimals("grad", node.grad)]
    written = "".join(f"<TD>{cell or ' '}</TD>" for cell in cells)
    return f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="6"><TR>{written}</TR></TABLE>'


def _decimals(word: str, x: float | None) -> str:
    if x is None:
        return ""
    return (
        f"{word} {x:.4f}".replace("-", "−") if abs(x) < 1e6 else f"{word} {x:.4e}".replace("-", "−")
    )


def heading(group: Group, theme: Theme) -> str:
    """The head of a module's box."""
    detail = f"   {_small(group.detail, theme)}" if group.detail else ""
    return f'<FONT POINT-SIZE="11" COLOR="{theme.ink}"><B>{escaped(group.title or group.path)}</B></FONT>{detail}'


def caption(picture: Picture, theme: Theme, legend: bool) -> str:
    """Title, legend and notes, under the graph; "" where there are none."""
    title = f"<B>{escaped(picture.title, 120)}</B>" if clean(picture.title) else ""
    lines = [
        escaped(line, _LINE)
        for note in picture.notes
        for line in textwrap.wrap(clean(note, 400), _LINE)
    ]
    scale = _legend(picture, theme) if legend and picture.colors else ""
    rows = [title, scale, *(f'<FONT POINT-SIZE="10">{line}</FONT>' for line in lines)]
    written = "".join(f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows if row)
    return f'<TABLE {_FLAT} CELLPADDING="2">{written}</TABLE>' if written else ""


def _legend(picture: Picture, theme: Theme) -> str:
    largest = number(picture.largest)
    cells = "".join(
        f'<TD BGCOLOR="{color(step, theme)}" WIDTH="12"> </TD>'
        for step in range(-STEPS, STEPS + 1, 4)
    )
    red = "" if picture.is_finite else "   red: nan or infinite"
    words = f"<TD>{escaped(picture.colors)}  −{largest}</TD>{cells}<TD>{largest}   dashed: exactly 0{red}</TD>"
    size = f'<TABLE {_FLAT} CELLPADDING="2"><TR>{words}</TR></TABLE>'
    return f'<FONT POINT-SIZE="10" COLOR="{theme.muted}">{size}</FONT>'
