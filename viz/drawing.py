"""Drawing: what `viz.draw` returns. It shows itself in a notebook and saves itself to files."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from math import inf
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from scalargrad.errors import LayoutError, OptionError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.files import write

from .layout.blocks import lay_out_blocks
from .layout.direction import is_upright
from .layout.graphviz_process import check_program
from .layout.layer_rows import lay_out_layers
from .layout.layered import LayoutSettings, lay_out_graph
from .layout.neuron_columns import lay_out_neurons
from .layout.node_size import header_width, measure_node
from .layout.open_head import lay_out_open_head
from .layout.open_neuron import lay_out_open_neuron
from .layout.placed import PlacedPicture, inner_width, is_narrow
from .layout.rows import ROW_GAP, wrap
from .layout.sequence_rows import lay_out_sequence
from .layout.turning import turn_picture
from .look.text import hint
from .look.theme import checked_theme
from .model.picture import Picture
from .render import raster
from .render.dot import build_digraph
from .render.mermaid import render_mermaid
from .render.outline import render_outline
from .render.picture_json import render_json
from .render.svg_document import as_image, render_svg
from .render.tikz import render_tikz
from .showing import as_page, show

# Pixels between columns, where cards have labels on their edges, and between rows.
_GAPS = {"cards": (76.0, 16.0), "chips": (38.0, 16.0)}
# Between rows and within them, in pictures that run down or up.
_UPRIGHT_GAPS = {"cards": (54.0, 24.0), "chips": (34.0, 24.0)}
_TIGHT_GAPS = {"cards": 44.0, "chips": 24.0}
"""Pixels between columns where a width is given that the picture is wider than."""
_TIGHT_UPRIGHT_GAP = 12.0
"""Pixels between nodes side by side, in pictures that run down or up and are too wide."""
_SPACIOUS_ROW_GAP = 54.0
"""Pixels between the rows of a wrapped picture where texts are written between its columns."""
NOTEBOOK_WIDTH = 900.0
"""The pixels of a notebook's cell."""
WIDTHS = {"slide": 1600.0, "column": 840.0, "phone": 390.0}
"""Widths by the place where a picture is shown."""
_MIN_WIDTH = 200.0
FORMATS = (".svg", ".html", ".dot", ".mmd", ".txt", ".png", ".pdf", ".json", ".tex")


def check_path(path: str | PathLike[str], extensions: Sequence[str], what: str = "") -> Path:
    """Return the path to save something at, with ~ expanded.

    Args:
        path: The path that was given.
        extensions: The extensions that can be written, with their dots, in lower case.
        what: What is saved, for the message.

    Raises:
        OptionError: The path ends otherwise, or has no extension.

    Example:
        >>> check_path("a.SVG", (".svg", ".png")).name
        'a.SVG'
    """
    target = Path(fspath(path))
    # Without a user of that name "~nobody" is the name of a folder.
    with suppress(RuntimeError):
        target = target.expanduser()
    extension = target.suffix.lower()
    if extension not in extensions:
        action = f"save {what}" if what else "save"
        given = extension or "a file without an extension"
        raise OptionError(
            f"can't {action} as {given}: the extension must be one of {' '.join(extensions)}"
            f"{hint(extension, extensions)}"
        )
    return target


def checked_width(width: float | str | None) -> float:
    """Return a width in pixels, 0 for the natural size.

    Args:
        width: Pixels; "slide", "column" or "phone"; None for the natural size.

    Raises:
        OptionError: It is anything else, or less than 200 pixels.

    Example:
        >>> checked_width("column"), checked_width(None)
        (840.0, 0.0)
    """
    if width is None:
        return 0.0
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    is_number = isinstance(width, (int, float)) and not isinstance(width, bool)
    if not is_number or not _MIN_WIDTH <= float(width) < inf:
        raise OptionError(
            f"width must be a number of pixels from {_MIN_WIDTH:g} on, 'slide', 'column' or "
            f"'phone', not {width!r}{hint(width, WIDTHS)}"
        )
    return float(width)


class Drawing:
    """A picture of a graph at one level of detail.

    Attributes:
        theme: How it is colored.
        width: The width in pixels that it is laid out for, 0 for its natural size.

    Args:
        pictures: The picture, and coarser ones to fall back to where Graphviz can't place it in
            time.
        theme: "auto" (light, and dark for readers who prefer it), "light", "dark", or
            "transparent".
        limit: Seconds that each layout may take.
        program: Which Graphviz: "pygraphviz" (the wheel), "dot" (on the PATH), None: whichever
            there is.
        page: Makes the page to explore the same graph in, for a file with the extension .html.
        width: The width in pixels that it is laid out for, 0 for its natural size.
        column_gap: The pixels between columns, for what is written there; 0 for as many as the
            level needs.
    """

    def __init__(
        self,
        pictures: list[Picture],
        theme: str = "auto",
        limit: float = 5.0,
        program: str | None = None,
        page: Callable[[], str] | None = None,
        width: float = 0.0,
        column_gap: float = 0.0,
    ) -> None:
        self.theme = checked_theme(theme)
        self._pictures = pictures
        self._limit = limit
        self._program = check_program(program)
        self._page = page
        self.width = width
        self._column_gap = column_gap

    @cached_property
    def placed(self) -> PlacedPicture:
        """The picture with positions, the first that can be laid out in time."""
        *finer, coarsest = self._pictures
        for picture in finer:
            try:
                return self._place(picture)
            except LayoutError:
                continue
        return self._place(coarsest)

    def _place(self, picture: Picture) -> PlacedPicture:
        max_width = inner_width(self.width)
        if picture.level == "neurons":
            placed = lay_out_neurons(picture, max_width)
        elif picture.level == "layers":
            placed = lay_out_layers(picture, max_width)
        elif picture.level == "blocks":
            placed = lay_out_blocks(picture, max_width, self._limit, self._program)
        elif picture.center and picture.by_id[picture.center].head is not None:
            placed = lay_out_open_head(picture, max_width)
        elif picture.level == "sequence":
            placed = lay_out_sequence(picture, max_width)
        elif is_upright(picture.rankdir):
            placed = self._place_rows(picture, max_width)
        else:
            placed = self._place_open_neuron(picture, max_width)
        return replace(placed, shown_width=self.width)

    def _place_open_neuron(self, picture: Picture, max_width: float) -> PlacedPicture:
        """Place an open neuron as its own picture if it fits, and all else as a graph."""
        if picture.center and picture.rankdir == "LR":
            placed = lay_out_open_neuron(picture)
            if placed.width <= max_width:
                return placed
        return self._place_values(picture, max_width)

    def _place_values(self, picture: Picture, max_width: float) -> PlacedPicture:
        """Place cards or chips: in one row, with closer columns, downward, or in several rows."""
        gap, row_gap = _GAPS[picture.level]
        tight_gap = self._column_gap or _TIGHT_GAPS[picture.level]
        gap = max(gap, tight_gap)
        placed = self._place_columns(picture, gap, row_gap)
        if placed.width <= max_width:
            return placed
        tight = placed
        if tight_gap < gap:
            tight = self._place_columns(picture, tight_gap, row_gap)
        # The width grows evenly with the gap, so that the widest gap that fits follows.
        growth = (placed.width - tight.width) / max(1.0, gap - tight_gap)
        if growth > 0.0 and tight.width <= max_width:
            fitting = tight_gap + (max_width - tight.width) / growth
            # Graphviz rounds: a little less, so that the picture is not a pixel too wide.
            return self._place_columns(picture, fitting * 0.995, row_gap)
        if picture.rankdir != "LR":
            # Rows are read from left to right, and who asked for a direction gets it.
            return tight

        if is_narrow(self.width):
            upright = self._place_rows(replace(picture, rankdir="TB"), max_width)
            if upright.width <= max_width:
                return upright
        place_row = partial(self._place_columns, column_gap=tight_gap, row_gap=row_gap)
        # What is written between columns may need space between rows, too.
        lines_gap = _SPACIOUS_ROW_GAP if self._column_gap else ROW_GAP
        return wrap(tight, max_width, tight_gap, place_row, lines_gap)

    def _place_rows(self, picture: Picture, max_width: float) -> PlacedPicture:
        """Place cards or chips downward or upward, closer to each other where that is too wide."""
        column_gap, row_gap = _UPRIGHT_GAPS[picture.level]
        placed = self._place_columns(picture, column_gap, row_gap)
        if placed.width <= max_width:
            return placed
        return self._place_columns(picture, column_gap, _TIGHT_UPRIGHT_GAP)

    def _place_columns(self, picture: Picture, column_gap: float, row_gap: float) -> PlacedPicture:
        settings = LayoutSettings(column_gap, row_gap, self._limit, self._program)
        sizes = {
            node.id: measure_node(node, picture.level, picture.numbered) for node in picture.nodes
        }
        if is_upright(picture.rankdir):
            # Graphviz places from left to right: what is turned afterward lies on its side.
            sizes = {id: (high, wide) for id, (wide, high) in sizes.items()}
        headers = {group.path: header_width(group) for group in picture.groups}
        return turn_picture(lay_out_graph(picture, sizes, headers, settings))

    @property
    def picture(self) -> Picture:
        """What is drawn."""
        return self.placed.picture

    def svg(self, theme: str | None = None) -> str:
        """Return the picture as an SVG document.

        Args:
            theme: As for `viz.draw`; the default is that of the drawing.

        Example:
            >>> import viz
            >>> from scalargrad import Value
            >>> viz.draw(Value(2.0) * 3).svg().startswith("<svg")
            True
        """
        return render_svg(self.placed, theme or self.theme)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file, whole or not at all, in the format of its extension.

        Args:
            path: The file: .svg, .png or .pdf for the picture; .html for a page to explore the
                graph in; .dot or .mmd for source for Graphviz or Mermaid; .tex for LaTeX with TikZ;
                .txt for an outline; .json for `viz.load`.

        Returns:
            The path of the file.

        Raises:
            OptionError: The path has another extension.
            PictureError: A library is missing.
        """
        target = check_path(path, FORMATS)
        write(target, self._content(target.suffix.lower()))
        return target

    def show(self) -> None:
        """Open the picture in the browser; in a notebook, display it there."""
        show(self, as_page(self.svg(), self._title))

    @property
    def _title(self) -> str:
        return self.picture.title or repr(self)[1:-1]

    def refit(self, width: float, column_gap: float = 0.0) -> "Drawing":
        """Return the same drawing, laid out for another width.

        Args:
            width: The width in pixels, 0 for its natural size.
            column_gap: The pixels between columns, for what is written there; 0 for as many as the
                level needs.

        Example:
            >>> import viz
            >>> from scalargrad import Value
            >>> viz.draw(Value(2.0) * 3).refit(390.0).width
            390.0
        """
        return Drawing(
            self._pictures,
            self.theme,
            limit=self._limit,
            program=self._program,
            page=self._page,
            width=width,
            column_gap=column_gap,
        )

    def _content(self, extension: str) -> str | bytes:
        # Only SVG and the page can be both: elsewhere "auto" means light.
        light = "light" if self.theme == "auto" else self.theme
        if extension == ".svg":
            return self.svg()
        if extension == ".html" and self._page is not None:
            return self._page()
        if extension == ".dot":
            theme = "dark" if self.theme == "dark" else "light"
            rankdir = self.picture.rankdir
            return str(build_digraph(self.picture, theme=theme, rankdir=rankdir).source)
        if extension == ".mmd":
            return render_mermaid(self.picture)
        if extension == ".txt":
            return render_outline(self.picture) + "\n"
        if extension == ".png":
            return raster.render_png(self.svg(light))
        if extension == ".pdf":
            return raster.render_pdf(self.svg(light))
        if extension == ".json":
            return render_json(self.placed, self.theme)
        if extension == ".tex":
            return render_tikz(self.svg(light))
        raise OptionError("this drawing has no page: save it as .svg, .png or .pdf")

    @fits_terminal
    def __str__(self) -> str:
        return render_outline(self.picture)

    def __repr__(self) -> str:
        return f"<Drawing of {self.picture.total:,} values as {self.picture.level}>"

    def _repr_html_(self) -> str:
        # An image with a data URL: untrusted notebooks show it, too, and its ids clash with none.
        return as_image(self.svg(), self._title)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": str(self)}
