"""SVG elements in two themes: attributes carry one, a style sheet without script the other."""

from base64 import b64encode
from dataclasses import replace
from typing import Literal

from viz.layout.geometry import Rect
from viz.look.text import escape
from viz.look.theme import (
    DARK,
    LIGHT,
    PICTURE_THEMES,
    Theme,
    checked_theme,
    color,
    data_color,
    edge_color,
    text_color,
)
from viz.model.heatmap import Map, png

_MAX_PIXELS = 20_000
"""Pixels of a map; one with more cells shows the strongest of each few."""

Anchor = Literal["start", "middle", "end"]


def format_coordinate(x: float) -> str:
    """Return a coordinate with at most two decimals.

    Example:
        >>> format_coordinate(2.0), format_coordinate(-0.126)
        ('2', '-0.13')
    """
    text = f"{x:.2f}".rstrip("0").rstrip(".")
    # Small negative numbers are rounded to -0.
    return "0" if text == "-0" else text


def path_data(*parts: str | float) -> str:
    """Return the `d` attribute of a path from commands and coordinates.

    Args:
        parts: Text, which is written as it is, and numbers, with a space between two of them.

    Example:
        >>> path_data("M", 1.0, 2.5, "h9l-4.5 6Z")
        'M1 2.5h9l-4.5 6Z'
    """
    written: list[str] = []
    after_number = False
    for part in parts:
        is_number = not isinstance(part, str)
        if is_number and after_number:
            written.append(" ")
        written.append(part if isinstance(part, str) else format_coordinate(part))
        after_number = is_number
    return "".join(written)


class SvgWriter:
    """Writes elements in the colors of a theme, and remembers which colors need a dark version.

    Args:
        theme: "light", "dark", "transparent", or "auto": light, with a style sheet for readers who
            prefer dark.

    Attributes:
        automatic: Whether the theme is "auto".
        theme: The colors that the attributes carry.
        dark_rules: For each class the attribute that differs in the dark theme, and its color.
    """

    def __init__(self, theme: str) -> None:
        self.automatic = theme == "auto"
        self.theme = LIGHT if self.automatic else PICTURE_THEMES[checked_theme(theme)]
        self.dark_rules: dict[str, tuple[str, str]] = {}
        self._has_images = False

    def paint(self, fill: str | None = None, stroke: str | None = None) -> str:
        """Return the attributes for a fill and a stroke, each by a name that `find_color` knows."""
        parts = []
        classes = []
        for attribute, name in (("fill", fill), ("stroke", stroke)):
            if name is None:
                continue
            code = "none" if name == "none" else find_color(name, self.theme)
            parts.append(f'{attribute}="{code}"')
            # Colors that both themes share need no rule.
            if self.automatic and name != "none" and code != find_color(name, DARK):
                rule = f"{attribute[0]}-{name}"
                classes.append(rule)
                self.dark_rules[rule] = (attribute, find_color(name, DARK))

        if classes:
            parts.append(f'class="{" ".join(classes)}"')
        return " ".join(parts)

    def style(self) -> str:
        """Return the style sheet for readers who prefer dark; "" where the theme is fixed."""
        if not self.dark_rules:
            return ""
        images = ""
        if self._has_images:
            images = ".light-image{display:none}.dark-image{display:inline}"
        rules = "".join(
            f".{name}{{{attribute}:{code}}}"
            for name, (attribute, code) in sorted(self.dark_rules.items())
        )
        return f"<style>@media (prefers-color-scheme: dark){{{images}{rules}}}</style>"

    def rect(self, rect: Rect, paint: str, radius: float = 0.0, more: str = "") -> str:
        """Return a rectangle, with round corners where a radius is given."""
        corners = f' rx="{format_coordinate(radius)}"' if radius else ""
        bounds = _write_bounds(rect)
        return f"<rect {bounds}{corners} {paint}{_prefix_space(more)}/>"

    def image(self, rect: Rect, png: bytes, dark: bytes | None = None) -> str:
        """Return a PNG image stretched to a rectangle.

        Args:
            rect: Where it is.
            png: The image.
            dark: The image for readers who prefer dark.
        """
        # Browsers know "pixelated" alone, programs that follow SVG 1.1 "optimizeSpeed" alone.
        crisp = 'image-rendering="optimizeSpeed" style="image-rendering:pixelated"'
        look = f'{_write_bounds(rect)} preserveAspectRatio="none" {crisp}'
        if dark is None:
            return f'<image {look} href="{_data_url(png)}"/>'

        self._has_images = True
        light_image = f'<image class="light-image" {look} href="{_data_url(png)}"/>'
        dark_image = f'<image class="dark-image" display="none" {look} href="{_data_url(dark)}"/>'
        return light_image + dark_image

    def map_image(self, shown: Map, rect: Rect, scale: float) -> str:
        """Return a map as an image, stretched to a rectangle.

        Args:
            shown: The map.
            rect: Where it is.
            scale: The number at the end of its scale.
        """
        scaled = replace(shown, scale=scale)
        light = png(scaled, self.theme, _MAX_PIXELS)
        dark = png(scaled, DARK, _MAX_PIXELS) if self.automatic else None
        return self.image(rect, light, dark)

    def mark_cells(self, shown: Map, rect: Rect) -> str:  # noqa: ARG002
        """Return what tells a page which cells are where; a picture by itself has nothing there."""
        return ""

    def wrap_node(self, id: str, content: str) -> str:  # noqa: ARG002
        """Return what was drawn of a node; a page puts it into an element of its own."""
        return content

    def wrap_group(self, path: str, content: str) -> str:  # noqa: ARG002
        """Return what was drawn of a group, as `wrap_node` does."""
        return content

    def path(self, data: str, paint: str, more: str = "") -> str:
        """Return a path."""
        return f'<path d="{data}" {paint}{_prefix_space(more)}/>'

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        fill: str,
        *,
        anchor: Anchor = "start",
        bold: bool = False,
        mono: bool = False,
    ) -> str:
        """Return one line of text; `y` is its baseline."""
        attributes = f'x="{format_coordinate(x)}" y="{format_coordinate(y)}"'
        attributes += f' font-size="{format_coordinate(size)}"'
        if anchor != "start":
            attributes += f' text-anchor="{anchor}"'
        if bold:
            attributes += ' font-weight="bold"'

        paint = self.paint(fill)
        if mono and 'class="' in paint:
            paint = paint.replace('class="', 'class="m ')
        elif mono:
            attributes += ' class="m"'
        return f"<text {attributes} {paint}>{escape(text, 400)}</text>"


def _write_bounds(rect: Rect) -> str:
    x = format_coordinate(rect.x)
    y = format_coordinate(rect.y)
    width = format_coordinate(rect.width)
    height = format_coordinate(rect.height)
    return f'x="{x}" y="{y}" width="{width}" height="{height}"'


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _prefix_space(more: str) -> str:
    return f" {more}" if more else ""


def find_color(name: str, theme: Theme) -> str:
    """Return the color code of a name.

    Args:
        name: A color of the theme ("card", "ink"), a badge ("badge-operation"), or a step of the
            gradient scale: a fill "g5", a line "e-5", the text on that fill "t5"; or a step of the
            scale of data, from 0 to 1: "d5".
        theme: The theme that the code is for.

    Example:
        >>> find_color("g0", LIGHT), find_color("t0", LIGHT), find_color("ink", LIGHT)
        ('#f7f7f7', '#000000', '#1b1f24')
    """
    if name.startswith("badge-"):
        return theme.badges[name.removeprefix("badge-")]
    if name[1:].lstrip("-").isdigit():
        step = int(name[1:])
        if name[0] == "d":
            return data_color(step, theme)
        if name[0] == "e":
            return edge_color(step, theme)
        fill = color(step, theme)
        return fill if name[0] == "g" else text_color(fill)
    if name == "page_ink":
        return theme.page_ink or theme.ink
    return "#ffffff" if name == "white" else str(getattr(theme, name))
