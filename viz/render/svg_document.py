"""A placed picture as an SVG document: page, boxes, edges, nodes, legend, and a description."""

from base64 import b64encode
from collections.abc import Callable
from zlib import crc32

from viz.layout.block_places import BlockPlaces
from viz.layout.direction import is_upright
from viz.layout.geometry import Rect
from viz.layout.placed import PlacedPicture, inner_width, page_margin
from viz.look.measures import BLOCK, BOX, FONT_SIZES
from viz.look.text import TIP, escape, fit_text, width, wrap_text
from viz.look.theme import FONT, MONO
from viz.model.picture import Group, Picture

from . import svg_block_lines, svg_edges, svg_layer_cards, svg_nodes, svg_sequence
from .outline import render_outline
from .svg_block_guide import draw_guide
from .svg_blocks import draw_block
from .svg_legend import draw_legend
from .svg_open_head import draw_wedge
from .svg_writer import SvgWriter, format_coordinate, path_data

_TITLE_HEIGHT = 26.0
_NOTE_HEIGHT = 16.0
_BASELINE = 12.0
_FOOT_PAD = 14.0
_MIN_TEXT_WIDTH = 620.0
"""Where a line of text ends below a picture that is narrower."""
_MAX_DESCRIPTION = 60
"""Lines of the outline that a screen reader is given."""


def render_svg(placed: PlacedPicture, theme: str) -> str:
    """Return the document, the same bytes for the same picture in every process.

    Args:
        placed: A picture with positions.
        theme: "auto" (light, and dark for readers who prefer it), "light", "dark" or "transparent".
    """
    writer = SvgWriter(theme)
    if placed.blocks is not None:
        content, width, height = draw_blocks(placed, placed.blocks, writer)
        return _wrap_document(placed.picture, width, height, writer.style() + content)
    return render_document(placed, writer, _draw_body(placed, writer))


def render_document(
    placed: PlacedPicture,
    writer: SvgWriter,
    body: str,
    foot: Callable[[float], tuple[str, float]] | None = None,
    style: Callable[[], str] | None = None,
) -> str:
    """Return the document around what is drawn.

    Args:
        placed: The picture, for its size, title, notes and legend.
        writer: The writer that drew the body.
        body: The elements of the picture.
        foot: Returns what is between picture and legend for a width, and its height.
        style: Returns a further style sheet. It is called last, when all is drawn.
    """
    picture = placed.picture
    pad = page_margin(placed.shown_width)
    text_width = _text_width(placed)
    legend, legend_width, legend_height = draw_legend(
        picture, writer, text_width, bool(placed.splits)
    )
    title_width = min(text_width, width(picture.title, FONT_SIZES.title, bold=True))
    notes = wrap_text(picture.notes, FONT_SIZES.small, text_width)
    note_widths = [width(line, FONT_SIZES.small) for line in notes]
    text_width = max([placed.width, legend_width, title_width, *note_widths])
    page_width = text_width + 2 * pad

    top = pad + (_TITLE_HEIGHT if picture.title else 0.0)
    foot_svg, foot_height = foot(text_width) if foot else ("", 0.0)
    legend_y = top + placed.height + 18 + foot_height
    notes_height = _NOTE_HEIGHT * len(notes)
    page_height = legend_y + legend_height + notes_height + _FOOT_PAD

    title = ""
    if picture.title:
        shown = fit_text(picture.title, FONT_SIZES.title, text_width, bold=True)
        title = writer.text(pad, pad + 12, shown, FONT_SIZES.title, "page_ink", bold=True)
    note_lines = []
    for i, line in enumerate(notes):
        y = legend_height + _BASELINE + _NOTE_HEIGHT * i
        note_lines.append(writer.text(0, y, line, FONT_SIZES.small, "muted"))
    page = Rect(0, 0, page_width, page_height)
    background = "" if writer.theme.is_transparent else writer.rect(page, writer.paint("page"))
    # Later elements cover earlier ones.
    content = [
        background,
        title,
        translate(pad, top, body),
        translate(pad, legend_y - foot_height, foot_svg) if foot_svg else "",
        translate(pad, legend_y, "".join([legend, *note_lines])),
    ]
    # The style sheets know only now which colors and animations the content uses.
    styles = [writer.style(), style() if style else ""]
    return _wrap_document(picture, page_width, page_height, "".join([*styles, *content]))


def draw_blocks(
    placed: PlacedPicture, places: BlockPlaces, writer: SvgWriter
) -> tuple[str, float, float]:
    """Return the elements of the blocks view, their width and their height.

    Its notes are on top, beside or below the title.

    Args:
        placed: A picture of blocks with positions.
        places: What it has besides.
        writer: Writes the elements.
    """
    picture = placed.picture
    pad = page_margin(placed.shown_width)
    room = max(placed.width, min(_MIN_TEXT_WIDTH, inner_width(placed.shown_width)))
    heading, heading_height = _draw_blocks_heading(picture, pad, room, writer)
    boxes = []
    for node in picture.nodes:
        place = placed.nodes[node.id]
        box = draw_block(places.plans[node.id], node, place, picture, writer)
        boxes.append(writer.wrap_node(node.id, box))
    body = "".join(
        [
            svg_block_lines.draw_frames(placed, places, writer),
            svg_block_lines.draw_band(placed, places, writer),
            svg_block_lines.draw_lines(placed, places, writer),
            *boxes,
            draw_guide(picture, places.guide, writer),
        ]
    )
    top = pad + heading_height
    page_width = room + 2 * pad
    page_height = top + placed.height + pad
    page = Rect(0, 0, page_width, page_height)
    background = "" if writer.theme.is_transparent else writer.rect(page, writer.paint("page"))
    content = [background, heading, translate(pad, top, body)]
    return "".join(content), page_width, page_height


def _draw_blocks_heading(
    picture: Picture, pad: float, room: float, writer: SvgWriter
) -> tuple[str, float]:
    """Return the title and the notes of a picture of blocks, and their height."""
    parts = []
    title_width = 0.0
    height = 0.0
    if picture.title:
        shown = fit_text(picture.title, BLOCK.title, room, bold=True)
        title_width = width(shown, BLOCK.title, bold=True) + 18
        baseline = pad + 18
        parts.append(writer.text(pad, baseline, shown, BLOCK.title, "page_ink", bold=True))
        height = 36.0
    text = " · ".join(picture.notes)
    is_beside = title_width + width(text, BLOCK.note) <= room
    if text and is_beside and picture.title:
        parts.append(writer.text(pad + title_width, pad + 18, text, BLOCK.note, "muted"))
    elif text:
        for line in wrap_text([text], BLOCK.note, room):
            height += 17.0
            parts.append(writer.text(pad, pad + height - 5, line, BLOCK.note, "muted"))
        height += 6.0
    return "".join(parts), height


def _text_width(placed: PlacedPicture) -> float:
    """Return where lines of text end: where the picture ends, or the page that it is for."""
    natural = max(placed.width, _MIN_TEXT_WIDTH)
    return max(placed.width, min(natural, inner_width(placed.shown_width)))


def _wrap_document(picture: Picture, page_width: float, page_height: float, content: str) -> str:
    # Ids must not clash where a page shows several pictures.
    key = f"sg{crc32(content.encode()):08x}"
    wide = format_coordinate(page_width)
    high = format_coordinate(page_height)
    size = f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
    access = f'role="graphics-document" aria-labelledby="{key}t" aria-describedby="{key}d"'
    default_title = f"Expression graph of {picture.total:,} values"
    name = escape(picture.title or default_title, 200)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" {access}>'
        f'<title id="{key}t">{name}</title><desc id="{key}d">{_describe(picture)}</desc>'
        f"<style>.m{{font-family:{MONO}}}</style>{content}</svg>\n"
    )


def _describe(picture: Picture) -> str:
    lines = render_outline(picture, max_lines=_MAX_DESCRIPTION).splitlines()
    return "\n".join(escape(line, 300) for line in lines)


def as_image(document: str, alt: str) -> str:
    """Return an SVG document as an HTML image with a data URL."""
    data = b64encode(document.encode()).decode()
    return f'<img alt="{escape(alt, 200)}" src="data:image/svg+xml;base64,{data}">'


def translate(x: float, y: float, content: str) -> str:
    """Return elements moved to the right and down."""
    position = f"{format_coordinate(x)} {format_coordinate(y)}"
    return f'<g transform="translate({position})">{content}</g>'


def _draw_body(placed: PlacedPicture, writer: SvgWriter) -> str:
    picture = placed.picture
    if picture.level == "layers":
        return svg_layer_cards.draw_layer_cards(placed, writer)
    if picture.level == "sequence":
        return svg_sequence.draw_sequence(placed, writer)
    parts = [
        draw_backdrop(placed, writer),
        svg_edges.draw_edges(placed, writer),
        draw_front_headings(placed, writer),
    ]
    for node in picture.nodes:
        parts.append(svg_nodes.draw_node(node, placed.nodes[node.id], picture, writer))
    if picture.center:
        parts.append(draw_wedge(placed, writer))
    return "".join(parts)


def draw_backdrop(placed: PlacedPicture, writer: SvgWriter) -> str:
    """Return what is behind edges and nodes: boxes of modules, headings of columns."""
    picture = placed.picture
    groups = picture.groups if picture.framed else ()
    boxes = [_draw_box(group, placed.groups[group.path], writer) for group in groups]
    headings = "" if is_upright(picture.rankdir) else _draw_headings(placed, writer)
    return "".join([*boxes, headings])


def draw_front_headings(placed: PlacedPicture, writer: SvgWriter) -> str:
    """Return the headings that are in front of edges: those of rows, which lines run through."""
    return _draw_headings(placed, writer) if is_upright(placed.picture.rankdir) else ""


def _draw_box(group: Group, rect: Rect, writer: SvgWriter) -> str:
    paint = writer.paint("group", "group_line")
    border = 'stroke-width="1"'
    baseline = rect.y + BOX.title_baseline
    triangle = path_data("M", rect.x + 10, rect.y + 10.5, "h9l-4.5 6Z")
    title_x = rect.x + BOX.title_inset
    detail_x = rect.right - BOX.detail_inset
    parts = [
        writer.rect(rect, paint, BOX.radius, border),
        writer.path(triangle, writer.paint("muted")),
        writer.text(title_x, baseline, group.title, FONT_SIZES.label, "ink", bold=True),
        writer.text(detail_x, baseline, group.detail, FONT_SIZES.small, "muted", anchor="end"),
    ]
    path = group.path.replace("/", ".")
    tip = ", ".join(filter(None, [path, group.detail]))
    return f"<g><title>{escape(tip, TIP)}</title>{''.join(parts)}</g>"


def _draw_headings(placed: PlacedPicture, writer: SvgWriter) -> str:
    parts = []
    # A plate keeps a heading readable on lines; it has the color of the page, if there is one.
    has_plates = is_upright(placed.picture.rankdir) and not writer.theme.is_transparent
    for heading in placed.headings:
        size = FONT_SIZES.label if heading.is_title else FONT_SIZES.small
        text = heading.text
        if has_plates:
            wide = width(text, size, bold=heading.is_title) + 8
            plate = Rect(heading.x - 4, heading.baseline - 12, wide, 16)
            parts.append(writer.rect(plate, writer.paint("page"), 3, 'opacity="0.85"'))
        parts.append(
            writer.text(
                heading.x,
                heading.baseline,
                text,
                size,
                "page_ink" if heading.is_title else "muted",
                anchor="middle" if heading.is_centered else "start",
                bold=heading.is_title,
            )
        )
    return "".join(parts)
