"""What nodes look like: cards, chips, closed modules, units of the neuron view, tags."""

from math import isfinite

from viz.layout.geometry import Rect
from viz.layout.node_size import (
    DETAIL,
    LABEL,
    NUMBER,
    ROW,
    TOP,
    WORD,
    badge_width,
    chip_text,
    number_rows,
    number_width,
    short_label,
)
from viz.look.text import TIP, escape, exact, fitted, number, width
from viz.look.theme import shade
from viz.model.picture import Node, Picture

from .svg_writer import SvgWriter, format_coordinate


def draw_node(node: Node, frame: Rect, picture: Picture, sheet: SvgWriter) -> str:
    """The element of a node: a group with a title that screen readers speak and browsers show as a tooltip."""
    step = shade(node.grad or 0.0, picture.largest)
    if picture.level == "neurons":
        body = _unit(node, frame, step, sheet)
    elif node.kind == "module":
        body = _module(node, frame, step, sheet)
    elif node.tag:
        body = _tag(node, frame, step, sheet)
    else:
        body = (_chip if picture.level == "chips" else _card)(node, frame, step, sheet)
    faint = ' opacity="0.3"' if node.dim else ""
    return f'<g role="graphics-symbol"{faint}><title>{escape(describe_node(node), TIP)}</title>{body}</g>'


def describe_node(node: Node) -> str:
    """Describe a node in one sentence, with its whole label and every digit: what a tooltip says.

    Args:
        node: The node of a picture.

    Returns:
        The text as it is, not yet escaped for any format.

    Example:
        >>> describe_node(Node("n1", "operation", label="o", data=0.5, grad=1.0, formula="tanh(n)"))
        'o = tanh(n), data 0.5, gradient 1.0'
    """
    name = node.whole or node.name or node.label
    if name and node.kind == "operation" and node.formula:
        parts = [f"{name} = {node.formula}"]
    else:
        parts = [" ".join(filter(None, [node.formula or node.kind, name]))]
    if node.data is not None:
        parts.append(f"data {exact(node.data)}")
    if node.grad is not None:
        word = "gradient" if node.outputs == 1 else f"gradient norm of {node.outputs:,} outputs"
        parts.append(f"{word} {exact(node.grad)}")
    return ", ".join([*parts, *filter(None, [node.detail, node.tip])])


def _border(
    node: Node, sheet: SvgWriter, color: str = "line", radius: float = 7.0
) -> tuple[str, str, float]:
    if node.root:
        return sheet.paint("none", "ink"), 'stroke-width="2"', radius
    dashed = ' stroke-dasharray="3 2"' if node.kind in ("constant", "more") else ""
    return sheet.paint("none", color), f'stroke-width="1.2"{dashed}', radius


def _card(node: Node, frame: Rect, step: int, sheet: SvgWriter) -> str:
    x, y, right, badge = frame.x, frame.y, frame.right, badge_width(node)
    parts = [sheet.rect(x, y, frame.width, frame.height, sheet.paint("card"), 7)]
    edge, bend, bottom = (
        format_coordinate(x + badge),
        format_coordinate(x + 7),
        format_coordinate(y + frame.height - 7),
    )
    left = f"M{edge} {format_coordinate(y)}H{bend}a7 7 0 0 0 -7 7V{bottom}a7 7 0 0 0 7 7H{edge}Z"
    parts.append(sheet.path(left, sheet.paint(f"badge-{node.kind}")))
    parts.append(
        sheet.text(
            x + badge / 2, frame.middle + 4, node.symbol, 12, "white", anchor="middle", bold=True
        )
    )
    line = y + 4
    if node.label:
        label = fitted(node.label, LABEL, frame.width - badge - 16, bold=True)
        parts.append(sheet.text(x + badge + 10, y + 16, label, LABEL, "ink", bold=True))
        line = y + TOP
    if node.detail:
        parts.append(sheet.text(x + badge + 10, line + 10, node.detail, 9, "muted"))
        line += DETAIL
    for word, number_shown in number_rows(node):
        if word == "grad":
            parts.append(
                _last_row_fill(x + badge, right, line, y + frame.height, f"g{step}", sheet)
            )
        parts += _row(
            word, number_shown, x + badge, right, line, step if word == "grad" else None, sheet
        )
        line += ROW
    paint, more, radius = _border(node, sheet)
    return "".join([*parts, sheet.rect(x, y, frame.width, frame.height, paint, radius, more)])


def _last_row_fill(
    left: float, right: float, top: float, bottom: float, fill: str, sheet: SvgWriter
) -> str:
    """The tinted row at the foot of a card, inside its round corner."""
    data = f"M{format_coordinate(left)} {format_coordinate(top)}H{format_coordinate(right)}V{format_coordinate(bottom - 7)}a7 7 0 0 1 -7 7H{format_coordinate(left)}Z"
    return sheet.path(data, sheet.paint(fill))


def _row(
    word: str, x: float, left: float, right: float, top: float, step: int | None, sheet: SvgWriter
) -> list[str]:
    ink, gray = ("ink", "muted") if step is None else (f"t{step}", f"t{step}")
    parts = [sheet.text(left + 10, top + 13, word, WORD, gray)]
    if not isfinite(x):
        parts.append(
            _alarm(right - 9 - number_width(x) - 4, top + 2, number_width(x) + 8, ROW - 4, sheet)
        )
        ink = "alarm"
    return [
        *parts,
        sheet.text(
            right - 9,
            top + 13.5,
            number(x),
            NUMBER,
            ink,
            anchor="end",
            mono=True,
            bold=not isfinite(x),
        ),
    ]


def _alarm(x: float, y: float, wide: float, high: float, sheet: SvgWriter) -> str:
    """The hatched red box behind nan and inf."""
    lines = [
        f"M{format_coordinate(max(x, x + k - high))} {format_coordinate(y + min(k, high))}L{format_coordinate(min(x + k, x + wide))} {format_coordinate(y + max(0.0, k - wide))}"
        for k in (6.0 * i for i in range(1, int((wide + high) / 6) + 1))
    ]
    box = sheet.rect(x, y, wide, high, sheet.paint("card", "alarm"), 2, 'stroke-width="1"')
    return box + sheet.path(
        "".join(lines), sheet.paint("none", "alarm"), 'stroke-width="0.8" opacity="0.35"'
    )


def _chip(node: Node, frame: Rect, step: int, sheet: SvgWriter) -> str:
    alarm = not all(isfinite(x) for x in (node.data, node.grad) if x is not None)
    fill = "card" if alarm or node.grad is None else f"g{step}"
    radius = 4.0 if node.kind in ("parameter", "constant") else frame.height / 2
    color = {"parameter": "badge-parameter", "input": "badge-input"}.get(node.kind, "line")
    parts = [sheet.rect(frame.x, frame.y, frame.width, frame.height, sheet.paint(fill), radius)]
    if alarm:
        parts.append(_alarm(frame.x + 2, frame.y + 4, frame.width - 4, frame.height - 8, sheet))
    thick = ' stroke-width="1.8"' if node.kind in ("parameter", "input") and not node.root else ""
    paint, more, radius = _border(node, sheet, "alarm" if alarm else color, radius)
    more = more.replace('stroke-width="1.2"', thick.strip()) if thick else more
    parts.append(sheet.rect(frame.x, frame.y, frame.width, frame.height, paint, radius, more))
    ink = "ink" if fill == "card" else f"t{step}"
    if text := chip_text(node):
        parts.append(
            sheet.text(
                frame.x + frame.width / 2,
                frame.middle + 3.6,
                text,
                10,
                ink,
                anchor="middle",
                bold=True,
            )
        )
    if node.detail:
        parts.append(
            sheet.text(
                frame.x + frame.width / 2, frame.y - 3, node.detail, 8, "muted", anchor="middle"
            )
        )
    if node.label and node.label != chip_text(node) and node.kind in ("operation", "input"):
        parts.append(
            sheet.text(
                frame.x + frame.width / 2,
                frame.y + frame.height + 9,
                fitted(node.label, 8.5, 60),
                8.5,
                "muted",
                anchor="middle",
            )
        )
    return "".join(parts)


def _tag(node: Node, frame: Rect, step: int, sheet: SvgWriter) -> str:
    fill = f"g{step}" if node.grad is not None else "card"
    ink = f"t{step}" if node.grad is not None else "ink"
    paint, more, _ = _border(node, sheet, f"badge-{node.kind}")
    body = sheet.rect(frame.x, frame.y, frame.width, frame.height, sheet.paint(fill), 5)
    body += sheet.rect(frame.x, frame.y, frame.width, frame.height, paint, 5, more)
    return body + sheet.text(
        frame.x + frame.width / 2, frame.middle + 3.2, short_label(node), 9, ink, anchor="middle"
    )


def _module(node: Node, frame: Rect, step: int, sheet: SvgWriter) -> str:
    """Stacked paper: there is more underneath."""
    x, y, wide, high = frame.x, frame.y, frame.width, frame.height
    parts = [
        sheet.rect(
            x + shift, y + shift, wide, high, sheet.paint("card", "line"), 7, 'stroke-width="1"'
        )
        for shift in (6.0, 3.0)
    ]
    parts.append(sheet.rect(x, y, wide, high, sheet.paint("card"), 7))
    if node.grad is not None:
        parts.append(_foot(frame, f"g{step}", sheet))
    parts.append(
        sheet.path(
            f"M{format_coordinate(x + 9)} {format_coordinate(y + 9)}l6 4.5l-6 4.5Z",
            sheet.paint("muted"),
        )
    )
    parts.append(
        sheet.text(
            x + 20,
            y + 17.5,
            fitted(node.label, LABEL, wide - 30, bold=True),
            LABEL,
            "ink",
            bold=True,
        )
    )
    if node.data is not None:
        parts.append(
            sheet.text(
                x + wide - 9, y + 17.5, number(node.data), NUMBER, "ink", anchor="end", mono=True
            )
        )
    ink = f"t{step}" if node.grad is not None else "muted"
    parts.append(sheet.text(x + 9, y + high - 7, node.detail or node.formula, 9, ink))
    paint, more, radius = _border(node, sheet)
    return "".join([*parts, sheet.rect(x, y, wide, high, paint, radius, more)])


def _foot(frame: Rect, fill: str, sheet: SvgWriter) -> str:
    top, bottom = (
        format_coordinate(frame.y + frame.height - 20),
        format_coordinate(frame.y + frame.height - 7),
    )
    data = f"M{format_coordinate(frame.x)} {top}H{format_coordinate(frame.right)}V{bottom}a7 7 0 0 1 -7 7H{format_coordinate(frame.x + 7)}a7 7 0 0 1 -7 -7Z"
    return sheet.path(data, sheet.paint(fill))


def _unit(node: Node, frame: Rect, step: int, sheet: SvgWriter) -> str:
    alarm = not all(isfinite(x) for x in (node.data, node.grad) if x is not None)
    fill = "card" if node.grad is None or alarm else f"g{step}"
    parts = [sheet.rect(frame.x, frame.y, frame.width, frame.height, sheet.paint(fill), 7)]
    if alarm:
        parts.append(_alarm(frame.x + 3, frame.y + 4, frame.width - 6, frame.height - 8, sheet))
    paint, more, radius = _border(node, sheet, "badge-input" if node.kind == "input" else "line")
    more = more.replace("1.2", "2") if node.kind == "input" else more
    parts.append(sheet.rect(frame.x, frame.y, frame.width, frame.height, paint, radius, more))
    ink = "ink" if fill == "card" else f"t{step}"
    text = number(node.data) if node.data is not None else "…"
    if node.kind != "input" or node.data is None:
        text = text if node.kind == "operation" else fitted(node.label, 10, frame.width - 12)
        if node.mark:
            parts.append(_mark(node.mark, frame, sheet))
        elif node.detail:
            parts.append(
                sheet.text(
                    frame.center,
                    frame.bottom + 8,
                    fitted(node.detail, 8.5, 100),
                    8.5,
                    "muted",
                    anchor="middle",
                )
            )
        return "".join(
            [
                *parts,
                sheet.text(
                    frame.x + frame.width / 2,
                    frame.middle + 4,
                    text,
                    NUMBER,
                    ink,
                    anchor="middle",
                    mono=True,
                ),
            ]
        )
    label = fitted(node.label, 10, 24, bold=True)
    parts.append(sheet.text(frame.x + 7, frame.middle + 4, label, 10, ink, bold=True))
    room = frame.width - 18 - width(label, 10, bold=True)
    size_of_number = min(10.0, 10.0 * room / width(text, 10, mono=True))
    return "".join(
        [
            *parts,
            sheet.text(
                frame.right - 7,
                frame.middle + 4,
                text,
                size_of_number,
                ink,
                anchor="end",
                mono=True,
            ),
        ]
    )


def _mark(word: str, frame: Rect, sheet: SvgWriter) -> str:
    """A thick ring, and the word on a plate at its foot."""
    word = fitted(word, 8.5, frame.width - 10, bold=True)
    wide = width(word, 8.5, bold=True) + 10
    ring = sheet.rect(
        frame.x - 2,
        frame.y - 2,
        frame.width + 4,
        frame.height + 4,
        sheet.paint("none", "alarm"),
        9,
        'stroke-width="2.4"',
    )
    plate = sheet.rect(
        frame.center - wide / 2, frame.bottom - 4, wide, 11, sheet.paint("alarm"), 5.5
    )
    return (
        ring
        + plate
        + sheet.text(
            frame.center, frame.bottom + 4.5, word, 8.5, "page", anchor="middle", bold=True
        )
    )
