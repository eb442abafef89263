"""SVG elements with colors for light and dark: attributes carry the one, a style sheet without script the other."""

from base64 import b64encode

from viz.look.text import escape
from viz.look.theme import LIGHT, THEMES, Theme, checked_theme, color, edge_color, text_color


def format_coordinate(x: float) -> str:
    """A coordinate with at most two decimals.

    >>> format_coordinate(2.0), format_coordinate(-0.126)
    ('2', '-0.13')
    """
    text = f"{x:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class SvgWriter:
    """Knows the theme, writes elements, and remembers which colors need a dark version.

    theme  "light", "dark", or "auto": light, with a style sheet for readers who prefer dark
    """

    def __init__(self, theme: str) -> None:
        self.automatic = theme == "auto"
        self.theme = LIGHT if self.automatic else THEMES[checked_theme(theme)]
        self._used: dict[str, tuple[str, str]] = {}
        self._images = False

    def paint(self, fill: str | None = None, stroke: str | None = None) -> str:
        """The attributes for a fill and a stroke, by the names of `named`."""
        parts, classes = [], []
        for attribute, name in (("fill", fill), ("stroke", stroke)):
            if name is None:
                continue
            parts.append(f'{attribute}="{name if name == "none" else named(name, self.theme)}"')
            if (
                self.automatic
                and name != "none"
                and named(name, LIGHT) != named(name, THEMES["dark"])
            ):
                classes.append(f"{attribute[0]}-{name}")
                self._used[classes[-1]] = (attribute, named(name, THEMES["dark"]))
        if classes:
            parts.append(f'class="{" ".join(classes)}"')
        return " ".join(parts)

    def style(self) -> str:
        """The style sheet for readers who prefer dark; empty where the theme is fixed."""
        if not self._used:
            return ""
        images = ".light-image{display:none}.dark-image{display:inline}" if self._images else ""
        rules = "".join(
            f".{name}{{{attribute}:{dark}}}"
            for name, (attribute, dark) in sorted(self._used.items())
        )
        return f"<style>@media (prefers-color-scheme: dark){{{images}{rules}}}</style>"

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        paint: str,
        radius: float = 0.0,
        more: str = "",
    ) -> str:
        """A rectangle, with round corners where a radius is given."""
        corners = f' rx="{format_coordinate(radius)}"' if radius else ""
        frame = f'x="{format_coordinate(x)}" y="{format_coordinate(y)}" width="{format_coordinate(width)}" height="{format_coordinate(height)}"'
        return f"<rect {frame}{corners} {paint}{_spaced(more)}/>"

    def image(
        self, x: float, y: float, width: float, height: float, png: bytes, dark: bytes | None = None
    ) -> str:
        """A PNG image inside of the document, stretched to its frame; with a second one for readers who prefer dark."""
        frame = f'x="{format_coordinate(x)}" y="{format_coordinate(y)}" width="{format_coordinate(width)}" height="{format_coordinate(height)}"'
        frame += ' preserveAspectRatio="none" image-rendering="optimizeSpeed"'
        if dark is None:
            return f'<image {frame} href="{_address(png)}"/>'
        self._images = True
        first = f'<image class="light-image" {frame} href="{_address(png)}"/>'
        return first + f'<image class="dark-image" display="none" {frame} href="{_address(dark)}"/>'

    def path(self, data: str, paint: str, more: str = "") -> str:
        """A path."""
        return f'<path d="{data}" {paint}{_spaced(more)}/>'

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        fill: str,
        *,
        anchor: str = "start",
        bold: bool = False,
        mono: bool = False,
    ) -> str:
        """One line of text; `y` is its baseline."""
        looks = (' text-anchor="middle"', ' text-anchor="end"', "")[
            ("middle", "end", "start").index(anchor)
        ]
        looks += ' font-weight="bold"' if bold else ""
        looks += ' class="m"' if mono else ""
        paint = self.paint(fill)
        if mono and 'class="' in paint:
            looks, paint = looks.replace(' class="m"', ""), paint.replace('class="', 'class="m ')
        return f'<text x="{format_coordinate(x)}" y="{format_coordinate(y)}" font-size="{format_coordinate(size)}"{looks} {paint}>{escape(text, 400)}</text>'


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _spaced(more: str) -> str:
    return f" {more}" if more else ""


def named(name: str, theme: Theme) -> str:
    """The color code of a name: "card", "ink", "badge-operation" …; of the scale a fill "g5", a line "e-5", the text on it "t5".

    >>> named("g0", LIGHT), named("t0", LIGHT), named("ink", LIGHT)
    ('#f7f7f7', '#000000', '#1b1f24')
    """
    if name.startswith("badge-"):
        return theme.badges[name[6:]]
    if name[1:].lstrip("-").isdigit():
        step = int(name[1:])
        if name[0] == "e":
            return edge_color(step, theme)
        fill = color(step, theme)
        return fill if name[0] == "g" else text_color(fill)
    return "#ffffff" if name == "white" else str(getattr(theme, name))
