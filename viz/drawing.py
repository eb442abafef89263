"""Drawing: what `viz.draw` returns. It shows itself in a notebook and saves itself in many formats."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from scalargrad.errors import LayoutError, OptionError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.files import write

from .layout.graphviz_process import check_program
from .layout.layer_cards import lay_out_layers
from .layout.layered import LayoutSettings, PlacedPicture, lay_out_graph
from .layout.neuron_columns import lay_out_neurons
from .layout.node_size import header_width, measure_node
from .look.text import hint
from .look.theme import checked_theme
from .model.picture import Picture
from .render import raster
from .render.dot import build_digraph
from .render.mermaid import render_mermaid
from .render.outline import render_outline
from .render.svg_document import as_image, render_svg
from .showing import as_page, show

_GAPS = {"cards": (76.0, 16.0), "chips": (34.0, 14.0)}
FORMATS = (".svg", ".html", ".dot", ".mmd", ".txt", ".png", ".pdf")


def check_path(path: str | PathLike[str], endings: Sequence[str], what: str = "") -> Path:
    """Return the path to save something at, with ~ for the user's folder written out.

    Args:
        path: The path that was given.
        endings: The endings that can be written, with their dots, in small letters.
        what: What is saved, for the message.

    Raises:
        OptionError: The path ends otherwise, or not at all.

    Example:
        >>> check_path("a.SVG", (".svg", ".png")).name
        'a.SVG'
    """
    target = Path(fspath(path))
    with suppress(RuntimeError):  # of a user that there is not
        target = target.expanduser()
    ending = target.suffix.lower()
    if ending not in endings:
        saved = f"save {what}" if what else "save"
        given = ending or "a file without an ending"
        raise OptionError(
            f"can't {saved} as {given}: the ending must be one of {' '.join(endings)}{hint(ending, endings)}"
        )
    return target


class Drawing:
    """A picture of a graph at one level of detail, coarser if Graphviz could not place it in time.

    pictures  the picture, and coarser ones to fall back to
    theme     "auto" (light, and dark for readers who prefer it), "light" or "dark"
    limit     seconds that each layout may take
    program   which Graphviz: "pygraphviz" (the wheel), "dot" (on the PATH), None: whichever there is
    page      makes the page to explore the same graph in, as text, for a file that ends in .html
    """

    def __init__(
        self,
        pictures: list[Picture],
        theme: str = "auto",
        limit: float = 5.0,
        program: str | None = None,
        page: Callable[[], str] | None = None,
    ) -> None:
        self.theme, self._pictures = checked_theme(theme), pictures
        self._limit, self._program, self._page = limit, check_program(program), page

    @cached_property
    def placed(self) -> PlacedPicture:
        """The picture with positions."""
        for picture in self._pictures[:-1]:
            try:
                return self._place(picture)
            except LayoutError:
                continue
        return self._place(self._pictures[-1])

    def _place(self, picture: Picture) -> PlacedPicture:
        if picture.level == "neurons":
            return lay_out_neurons(picture)
        if picture.level == "layers":
            return lay_out_layers(picture)
        settings = LayoutSettings(*_GAPS[picture.level], self._limit, self._program)
        sizes = {node.id: measure_node(node, picture.level) for node in picture.nodes}
        headers = {group.path: header_width(group) for group in picture.groups}
        return lay_out_graph(picture, sizes, headers, settings)

    @property
    def picture(self) -> Picture:
        """What is drawn."""
        return self.placed.picture

    def svg(self, theme: str | None = None) -> str:
        """The picture as an SVG document.

        >>> import viz
        >>> from scalargrad import Value
        >>> viz.draw(Value(2.0) * 3).svg().startswith("<svg")
        True
        """
        return render_svg(self.placed, theme or self.theme)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file; its ending says in which format.

        .svg, .png and .pdf: the picture; .html: a page to explore the graph in; .dot and .mmd: source for Graphviz and
        Mermaid; .txt: an outline.

        Raises OptionError for another ending, PictureError where a library is missing. A file is written whole or not at all.
        """
        target = check_path(path, FORMATS)
        write(target, self._content(target.suffix.lower()))
        return target

    def show(self) -> None:
        """Open the picture in the browser; in a notebook, display it there."""
        show(self, as_page(self.svg(), self.picture.title or repr(self)[1:-1]))

    def _content(self, ending: str) -> str | bytes:
        light = "light" if self.theme == "auto" else self.theme
        if ending == ".svg":
            return self.svg()
        if ending == ".html" and self._page is not None:
            return self._page()
        if ending == ".dot":
            return str(build_digraph(self.picture, theme=light).source)
        if ending == ".mmd":
            return render_mermaid(self.picture)
        if ending == ".txt":
            return render_outline(self.picture) + "\n"
        if ending == ".png":
            return raster.render_png(self.svg(light))
        if ending == ".pdf":
            return raster.render_pdf(self.svg(light))
        raise OptionError("of this drawing there is no page: save it as .svg, .png or .pdf")

    @fits_terminal
    def __str__(self) -> str:
        return render_outline(self.picture)

    def __repr__(self) -> str:
        return f"<Drawing of {self.picture.total:,} values as {self.picture.level}>"

    def _repr_html_(self) -> str:
        """An image with the picture inside its address: notebooks that are not trusted show it too."""
        return as_image(self.svg(), self.picture.title or repr(self)[1:-1])

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": str(self)}
