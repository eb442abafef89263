"""Axes in the look of our pictures, and figures saved as SVG. Matplotlib draws them."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalargrad.core.value import Value
from scalargrad.errors import PictureError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import as_path, write
from scalargrad.utils.locks import ProcessLock
from viz.look.palette import dark_pairs
from viz.look.text import escape
from viz.look.theme import DARK, FONT, LIGHT, STEPS, Theme, color, edge_color, mix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRAYS = 16
"""How many grays there are between the page and ink."""
_MAX_TITLE = 600
_SETTINGS_LOCK = ProcessLock()
_SVG_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "scalargrad",
    "svg.fonttype": "none",
    # A figure that is laid out already is not laid out by what the user's settings ask for.
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
}


def figure_class() -> "type[Figure]":
    """Return the Figure class of matplotlib.

    Raises:
        PictureError: Matplotlib is not installed.

    Example:
        >>> figure_class().__name__
        'Figure'
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise PictureError("plots need matplotlib: pip install matplotlib") from None
    return Figure


def style_axes(ax: "Axes | None") -> "Axes":
    """Give Axes the look of our pictures.

    Args:
        ax: The Axes; for None new ones, on a new figure of pyplot.

    Returns:
        The Axes.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = style_axes(Figure().add_subplot())
        >>> ax.spines["top"].get_visible(), ax.spines["left"].get_visible()
        (False, True)
    """
    figure_class()
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure(facecolor=LIGHT.page, layout="constrained").add_subplot()
    ax.set_facecolor(LIGHT.page)
    ax.tick_params(colors=LIGHT.muted, labelsize=11)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_edgecolor(LIGHT.line)
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set(color=LIGHT.ink, fontsize=12)
    return ax


def add_legend(ax: "Axes", **options: Any) -> None:
    """Add a legend in the look of our pictures; the options are those of `Axes.legend`."""
    ax.legend(**{"frameon": False, "fontsize": 11, "labelcolor": LIGHT.ink, **options})


def as_float(item: Value | float) -> float:
    """Return the number of a Value, or the number itself.

    Example:
        >>> as_float(Value(2.0)), as_float(3)
        (2.0, 3.0)
    """
    return item.data if isinstance(item, Value) else float(item)


def as_floats(items: Iterable[Value | float]) -> list[float]:
    """Return the numbers of Values, and numbers as they are."""
    return [as_float(item) for item in items]


def gray(step: int, theme: Theme) -> str:
    """Return a gray: 0 is the page, GRAYS is ink."""
    return mix(theme.page, theme.ink, step / GRAYS)


@explain_calls
def new_axes(columns: int = 1, width: float = 6.0, height: float = 4.0) -> "list[Axes]":
    """Make Axes side by side on a new figure.

    Pyplot does not know of the figure, so nothing has to be closed.

    Args:
        columns: The number of Axes.
        width: The width of the figure in inches.
        height: Its height in inches.

    Example:
        >>> len(new_axes(2))
        2
    """
    figure = figure_class()(figsize=(width, height), layout="constrained", facecolor=LIGHT.page)
    return [figure.add_subplot(1, columns, i + 1) for i in range(columns)]


@explain_calls
def save_plot(ax: "Axes", path: str | Path, title: str, description: str = "") -> Path:
    """Write the figure of some Axes as SVG, whole or not at all.

    The same plot gives the same bytes. The SVG follows the reader's preference for light or dark.

    Args:
        ax: The Axes.
        path: A file name with the extension .svg.
        title: What screen readers call the plot.
        description: What they say about it.

    Returns:
        The path.

    Raises:
        PictureError: The path has another extension.
    """
    path = as_path(path)
    if path.suffix.lower() != ".svg":
        raise PictureError(
            f"a plot is saved as .svg, not as {path.name!r}; for other formats use "
            "ax.figure.savefig"
        )
    return write(path, plot_svg(ax, title, description))


def plot_svg(ax: "Axes", title: str, description: str = "") -> str:
    """Return the SVG that `save_plot` writes."""
    from matplotlib import rc_context

    figure: Any = ax.figure
    buffer = StringIO()
    # Matplotlib has one set of these settings for all threads, and rc_context puts back the ones
    # that it found: two threads at once would put back each other's.
    with _SETTINGS_LOCK, rc_context(_SVG_SETTINGS), _laid_out(figure):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    unwanted = r"<!DOCTYPE.*?>\s*|\s*<metadata>.*?</metadata>"
    svg = re.sub(unwanted, "", buffer.getvalue(), flags=re.DOTALL)
    head = (
        f'\\1 role="img">\n <title>{_escape_for_sub(title)}</title>'
        f"\n <desc>{_escape_for_sub(description)}</desc>\n <style>{_style_rules(svg)}</style>"
    )
    return re.sub(r"(<svg[^>]*)>", head, svg, count=1)


@contextmanager
def _laid_out(figure: Any) -> Iterator[None]:
    """Lay out a figure for SVG, and let nobody do it again while it is written.

    Where a figure has a layout engine, Matplotlib draws all of it once more before it writes it.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    engine = figure.get_layout_engine()
    if engine is None:
        yield
        return
    canvas = figure.canvas
    try:
        # The engine measures texts as the canvas draws them.
        FigureCanvasSVG(figure)
        engine.execute(figure)
        figure.set_layout_engine(None)
        yield
    finally:
        figure.set_layout_engine(engine)
        figure.set_canvas(canvas)


def _escape_for_sub(text: str) -> str:
    """Escape a text for SVG, and its backslashes for `re.sub`."""
    return escape(text, _MAX_TITLE).replace("\\", r"\\")


def _style_rules(svg: str) -> str:
    """Return rules for our font, and for a dark color in place of every light one in use."""
    rules = []
    for light, dark in _dark_colors().items():
        for use in ("fill", "stroke"):
            if f"{use}: {light}" in svg:
                rules.append(f'[style*="{use}: {light}"]{{{use}:{dark} !important}}')
    dark_rules = "".join(rules)
    return (
        f"text{{font-family:{FONT} !important}}@media (prefers-color-scheme:dark){{{dark_rules}}}"
    )


def _dark_colors() -> dict[str, str]:
    pairs = {gray(step, LIGHT): gray(step, DARK) for step in range(GRAYS + 1)}
    for name in ("page", "ink", "muted", "line"):
        pairs[getattr(LIGHT, name)] = getattr(DARK, name)
    for step in range(-STEPS, STEPS + 1):
        pairs[edge_color(step, LIGHT)] = edge_color(step, DARK)
        pairs[color(step, LIGHT)] = color(step, DARK)
    return dark_pairs() | pairs
