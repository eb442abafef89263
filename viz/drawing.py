"""Drawing: what `viz.draw` returns. It shows itself in a notebook and saves itself to files."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from scalargrad.errors import LayoutError, OptionError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.files import write

from .layout.direction import is_upright
from .layout.graphviz_process import check_program
from .layout.layer_cards import lay_out_layers
from .layout.layered import LayoutSettings, PlacedPicture, lay_out_graph
from .layout.neuron_columns import lay_out_neurons
from .layout.neuron_rows import lay_out_neuron_rows
from .layout.node_size import header_width, measure_node
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
_GAPS = {"cards": (76.0, 16.0), "chips": (34.0, 14.0)}
# Between rows and within them, in pictures that run down or up.
_UPRIGHT_GAPS = {"cards": (54.0, 24.0), "chips": (34.0, 24.0)}
FORMATS = (".svg", ".html", ".dot", ".mmd", ".txt", ".png", ".pdf", ".json", ".tex")


def check_path(path: str | PathLike[str], endings: Sequence[str], what: str = "") -> Path:
    """Return the path to save something at, with ~ expanded.

    Args:
        path: The path that was given.
        endings: The endings that can be written, with their dots, in lower case.
        what: What is saved, for the message.

    Raises:
        OptionError: The path ends otherwise, or has no ending.

    Example:
        >>> check_path("a.SVG", (".svg", ".png")).name
        'a.SVG'
    """
    target = Path(fspath(path))
    # Without a user of that name "~nobody" is the name of a folder.
    with suppress(RuntimeError):
        target = target.expanduser()
    ending = target.suffix.lower()
    if ending not in endings:
        action = f"save {what}" if what else "save"
        given = ending or "a file without an ending"
        raise OptionError(
            f"can't {action} as {given}: the ending must be one of {' '.join(endings)}"
            f"{hint(ending, endings)}"
        )
    return target


class Drawing:
    """A picture of a graph at one level of detail.

    Args:
        pictures: The picture, and coarser ones to fall back to where Graphviz can't place it in
            time.
        theme: "auto" (light, and dark for readers who prefer it), "light", "dark", or
            "transparent".
        limit: Seconds that each layout may take.
        program: Which Graphviz: "pygraphviz" (the wheel), "dot" (on the PATH), None: whichever
            there is.
        page: Makes the page to explore the same graph in, for a file that ends in .html.
    """

    def __init__(
        self,
        pictures: list[Picture],
        theme: str = "auto",
        limit: float = 5.0,
        program: str | None = None,
        page: Callable[[], str] | None = None,
    ) -> None:
        self.theme = checked_theme(theme)
        self._pictures = pictures
        self._limit = limit
        self._program = check_program(program)
        self._page = page

    @cached_property
    def placed(self) -> PlacedPicture:
        """The picture with positions: the first that can be placed in time."""
        *finer, coarsest = self._pictures
        for picture in finer:
            try:
                return self._place(picture)
            except LayoutError:
                continue
        return self._place(coarsest)

    def _place(self, picture: Picture) -> PlacedPicture:
        if picture.level == "neurons" and is_upright(picture.rankdir):
            return lay_out_neuron_rows(picture)
        if picture.level == "neurons":
            return turn_picture(lay_out_neurons(picture))
        if picture.level == "layers":
            return lay_out_layers(picture)
        column_gap, row_gap = _GAPS[picture.level]
        sizes = {node.id: measure_node(node, picture.level) for node in picture.nodes}
        if is_upright(picture.rankdir):
            # Names below chips need space to the left and right then.
            column_gap, row_gap = _UPRIGHT_GAPS[picture.level]
            sizes = {id: (high, wide) for id, (wide, high) in sizes.items()}
        settings = LayoutSettings(column_gap, row_gap, self._limit, self._program)
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
        """Write the picture to a file, whole or not at all; the ending says in which format.

        Args:
            path: It ends in .svg, .png or .pdf for the picture; .html for a page to explore the
                graph in; .dot or .mmd for source for Graphviz or Mermaid; .tex for LaTeX with TikZ;
                .txt for an outline; .json for `viz.load`.

        Returns:
            The path of the file.

        Raises:
            OptionError: The path has another ending.
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

    def _content(self, ending: str) -> str | bytes:
        # Only SVG and the page can be both: elsewhere "auto" means light.
        light = "light" if self.theme == "auto" else self.theme
        if ending == ".svg":
            return self.svg()
        if ending == ".html" and self._page is not None:
            return self._page()
        if ending == ".dot":
            theme = "dark" if self.theme == "dark" else "light"
            rankdir = self.picture.rankdir
            return str(build_digraph(self.picture, theme=theme, rankdir=rankdir).source)
        if ending == ".mmd":
            return render_mermaid(self.picture)
        if ending == ".txt":
            return render_outline(self.picture) + "\n"
        if ending == ".png":
            return raster.render_png(self.svg(light))
        if ending == ".pdf":
            return raster.render_pdf(self.svg(light))
        if ending == ".json":
            return render_json(self.placed, self.theme)
        if ending == ".tex":
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
