"""A placed picture as one SVG document: page, boxes, edges, nodes, legend; a title and a description for those who listen."""

from base64 import b64encode
from collections.abc import Callable
from zlib import crc32

from viz.layout.geometry import Rect
from viz.layout.layered import PlacedPicture
from viz.look.text import TIP, escape, fitted, number, width
from viz.look.theme import FONT, MONO, STEPS
from viz.model.picture import Column, Group, Picture

from . import svg_edges, svg_nodes
from . import svg_layer_cards as layer_svg
from .outline import render_outline
from .svg_writer import SvgWriter, format_coordinate

_PAD, _LEGEND = 24.0, 34.0
_NAMES = (
    ("in", "input", "input"),
    ("θ", "parameter", "parameter"),
    ("c", "constant", "constant"),
    ("+", "operation", "operation"),
)


def render_svg(placed: PlacedPicture, theme: str) -> str:
    """The document, the same bytes for the same picture in every process.

    theme  "auto" (light, and dark for readers who prefer it), "light" or "dark"
    """
    sheet = SvgWriter(theme)
    return render_document(placed, sheet, _body(placed, sheet))


def render_document(
    placed: PlacedPicture,
    sheet: SvgWriter,
    body: str,
    foot: Callable[[float], tuple[str, float]] | None = None,
    style: Callable[[], str] | None = None,
) -> str:
    """The document around what is drawn.

    foot  what stands between picture and legend, for the width that it is given, and how high it is
    style  a style sheet besides, asked for at last
    """
    picture = placed.picture
    heading = 26.0 if picture.title else 0.0
    body = _moved(_PAD, _PAD + heading, body)
    legend, legend_width = (
        _layer_legend(placed, sheet) if picture.level == "layers" else _legend(picture, sheet)
    )
    wide = max(placed.width, legend_width, width(picture.title, 14, bold=True)) + 2 * _PAD
    below, room = foot(wide - 2 * _PAD) if foot else ("", 0.0)
    foot_y = _PAD + heading + placed.height + 18 + room
    notes = _wrapped(picture.notes, wide - 2 * _PAD)
    high = foot_y + _LEGEND + 15 * len(notes) + 6
    lines = (sheet.text(0, 33 + 15 * i, line, 10, "muted") for i, line in enumerate(notes))
    below = _moved(_PAD, foot_y - room, below) if below else ""
    legend = _moved(_PAD, foot_y, "".join([legend, *lines]))
    title = (
        sheet.text(
            _PAD,
            _PAD + 12,
            fitted(picture.title, 14, wide - 2 * _PAD, bold=True),
            14,
            "ink",
            bold=True,
        )
        if heading
        else ""
    )
    background = sheet.rect(0, 0, wide, high, sheet.paint("page"))
    return _document(
        picture,
        wide,
        high,
        [sheet.style(), style() if style else "", background, title, body, below, legend],
    )


def _document(picture: Picture, wide: float, high: float, parts: list[str]) -> str:
    content = "".join(parts)
    key = f"sg{crc32(content.encode()):08x}"
    spoken = escape(picture.title or f"Expression graph of {picture.total:,} values", 200)
    fonts = f"<style>.m{{font-family:{MONO}}}</style>"
    size = f'width="{format_coordinate(wide)}" height="{format_coordinate(high)}" viewBox="0 0 {format_coordinate(wide)} {format_coordinate(high)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'font-family="{FONT}" role="graphics-document" aria-labelledby="{key}t" aria-describedby="{key}d">'
        f'<title id="{key}t">{spoken}</title><desc id="{key}d">{_description(picture)}</desc>{fonts}{content}</svg>\n'
    )


def _description(picture: Picture) -> str:
    return "\n".join(escape(line, 300) for line in render_outline(picture, lines=60).splitlines())


def as_image(document: str, alt: str) -> str:
    """An SVG document as an HTML image, the document inside of its address."""
    return f'<img alt="{escape(alt, 200)}" src="data:image/svg+xml;base64,{b64encode(document.encode()).decode()}">'


def _moved(x: float, y: float, content: str) -> str:
    return f'<g transform="translate({format_coordinate(x)} {format_coordinate(y)})">{content}</g>'


def _body(placed: PlacedPicture, sheet: SvgWriter) -> str:
    picture = placed.picture
    if picture.level == "layers":
        return layer_svg.body(placed, sheet)
    parts = [draw_backdrop(placed, sheet), svg_edges.draw_edges(placed, sheet)]
    parts += [
        svg_nodes.draw_node(node, placed.nodes[node.id], picture, sheet) for node in picture.nodes
    ]
    return "".join(parts)


def draw_backdrop(placed: PlacedPicture, sheet: SvgWriter) -> str:
    """What stands behind edges and nodes: boxes of modules, headings of columns."""
    picture = placed.picture
    parts = [
        _box(group, placed.groups[group.path], sheet) for group in picture.groups if picture.framed
    ]
    return "".join([*parts, *(_heading(column, placed, sheet) for column in picture.columns)])


def _box(group: Group, frame: Rect, sheet: SvgWriter) -> str:
    x, y = frame.x, frame.y
    parts = [
        sheet.rect(
            x,
            y,
            frame.width,
            frame.height,
            sheet.paint("group", "group_line"),
            9,
            'stroke-width="1"',
        )
    ]
    parts.append(
        sheet.path(
            f"M{format_coordinate(x + 10)} {format_coordinate(y + 10.5)}h9l-4.5 6Z",
            sheet.paint("muted"),
        )
    )
    parts.append(sheet.text(x + 24, y + 17.5, group.title, 11, "ink", bold=True))
    parts.append(sheet.text(frame.right - 11, y + 17.5, group.detail, 9, "muted", anchor="end"))
    tip = ", ".join(filter(None, [group.path.replace("/", "."), group.detail]))
    return f"<g><title>{escape(tip, TIP)}</title>{''.join(parts)}</g>"


def _heading(column: Column, placed: PlacedPicture, sheet: SvgWriter) -> str:
    frames = [placed.nodes[member] for member in column.members]
    center = frames[0].x + frames[0].width / 2
    parts = [sheet.text(center, 12, column.title, 12, "ink", anchor="middle", bold=True)]
    return "".join([*parts, sheet.text(center, 27, column.detail, 10, "muted", anchor="middle")])


def _wrapped(notes: tuple[str, ...], room: float) -> list[str]:
    """The notes as lines that fit."""
    lines: list[str] = []
    for note in notes:
        for word in note.split():
            if (
                lines
                and lines[-1]
                and width(f"{lines[-1]} {word}", 10) <= room
                and not lines[-1].endswith("\n")
            ):
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        if lines:
            lines[-1] += "\n"
    return [fitted(line.strip(), 10, room) for line in lines]


def _layer_legend(placed: PlacedPicture, sheet: SvgWriter) -> tuple[str, float]:
    legend, x = layer_svg.legend(placed, sheet)
    alarm, x = _alarm_mark(placed.picture, x, sheet)
    return legend + alarm, x


def _legend(picture: Picture, sheet: SvgWriter) -> tuple[str, float]:
    """What colors, dashes and marks stand for, and how wide that is."""
    scale, x = _scale(picture, sheet) if picture.colors else ("", 0.0)
    alarm, x = _alarm_mark(picture, x, sheet)
    marks, x = _kinds(picture, x, sheet)
    return scale + alarm + marks, x


def _alarm_mark(picture: Picture, x: float, sheet: SvgWriter) -> tuple[str, float]:
    """What red stands for, where there is any, and where the next mark begins."""
    if picture.is_finite:
        return "", x
    line = sheet.path(
        f"M{format_coordinate(x)} 9h26", sheet.paint("none", "alarm"), 'stroke-width="2.4"'
    )
    words = "nan or infinite"
    return line + sheet.text(x + 32, 12, words, 10, "muted"), x + 32 + width(words, 10) + 20


def _scale(picture: Picture, sheet: SvgWriter) -> tuple[str, float]:
    parts = [sheet.text(0, 12, picture.colors, 10, "muted")]
    x = width(picture.colors, 10) + 8
    largest = number(picture.largest)
    parts.append(sheet.text(x, 12, f"−{largest}", 10, "muted", mono=True))
    x += width(f"−{largest}", 10, mono=True) + 6
    for step in range(-STEPS, STEPS + 1, 2):
        parts.append(sheet.rect(x, 3, 6.2, 11, sheet.paint(f"g{step}")))
        x += 6
    parts.append(sheet.text(x + 6, 12, largest, 10, "muted", mono=True))
    x += width(largest, 10, mono=True) + 28
    parts.append(
        sheet.path(
            f"M{format_coordinate(x)} 9h26",
            sheet.paint("none", "line"),
            'stroke-width="1" stroke-dasharray="4 3"',
        )
    )
    parts.append(sheet.text(x + 32, 12, "exactly 0", 10, "muted"))
    return "".join(parts), x + 32 + width("exactly 0", 10) + 20


def _kinds(picture: Picture, x: float, sheet: SvgWriter) -> tuple[str, float]:
    present = {node.kind for node in picture.nodes}
    parts = []
    for sign, kind, word in _NAMES:
        if kind not in present or (picture.level == "neurons" and kind == "operation"):
            continue
        parts.append(_kind_mark(picture.level, sign, kind, x, sheet))
        parts.append(sheet.text(x + 20, 12, word, 10, "muted"))
        x += 20 + width(word, 10) + 14
    if picture.level == "cards" and any(edge.local is not None for edge in picture.edges):
        parts.append(sheet.text(x, 12, "∂ local derivative", 10, "muted"))
        x += width("∂ local derivative", 10)
    if any(node.mark for node in picture.nodes):
        parts.append(
            sheet.rect(x + 1, 2, 16, 13, sheet.paint("none", "alarm"), 5, 'stroke-width="2.4"')
        )
        parts.append(sheet.text(x + 23, 12, "ill, as the word says", 10, "muted"))
        x += 23 + width("ill, as the word says", 10) + 14
    return "".join(parts), x


def _kind_mark(level: str, sign: str, kind: str, x: float, sheet: SvgWriter) -> str:
    if level == "cards":
        mark = sheet.rect(x, 1, 15, 15, sheet.paint(f"badge-{kind}"), 4)
        return mark + sheet.text(x + 7.5, 12, sign, 9, "white", anchor="middle", bold=True)
    radius = 4 if kind in ("parameter", "constant") else 7.5
    stroke = {"parameter": "badge-parameter", "input": "badge-input"}.get(kind, "line")
    dashed = ' stroke-dasharray="3 2"' if kind == "constant" else ""
    return sheet.rect(
        x, 1, 15, 15, sheet.paint("card", stroke), radius, f'stroke-width="1.6"{dashed}'
    )
