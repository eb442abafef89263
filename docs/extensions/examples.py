"""Two directives that show what the Python sessions of a page have computed.

`{picture} viz.draw(loss)` shows a picture, `{live} viz.explore(loss)` a page to explore. A picture
of `width="column"` is drawn for phones, too. Both take the option `alt`, a description for screen
readers. `live` takes a `height` in pixels as well, and a `picture`, which is shown in its place on
paper, on narrow screens and without scripts.

The sessions run while Sphinx reads the page; what they print must be what the page says.
"""

from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from .pages import for_phones, read_examples, run_examples

FOLDER = "_shown"
"""The folder of the site that holds pictures and pages."""


def run_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Run the examples of a page, and save what its directives show."""
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    files: list[str] = []

    def save(shown: Any) -> None:
        ending = "html" if hasattr(shown, "html") else "svg"
        name = f"{docname.replace('/', '-')}-{len(files) + 1}.{ending}"
        shown.save(folder / name)
        files.append(name)

    report = run_examples(read_examples(source[0], docname, save))
    if report:
        logging.getLogger(__name__).warning(report, location=docname)
    # The directives of the page take them in their order.
    app.env.temp_data["shown"] = iter(files)


class Picture(SphinxDirective):
    """Show a picture that an expression makes of the values of the page."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the picture as HTML."""
        address = self.next_address()
        image = self.make_image(address)
        if for_phones(self.arguments[0]):
            narrow = f'<source media="(max-width: 40em)" srcset="{self.next_address()}">'
            image = f"<picture>{narrow}{image}</picture>"
        # The link opens the picture at its natural size, for readers who want to zoom in.
        link = f'<a href="{address}">{image}</a>'
        return [nodes.raw("", f'<p class="shown">{link}</p>', format="html")]

    def make_image(self, address: str) -> str:
        """Return the element that shows a picture."""
        return f'<img src="{address}" alt="{self.describe()}" loading="lazy">'

    def describe(self) -> str:
        """Return the description, to be written in quotes."""
        return escape(self.options["alt"])

    def next_address(self) -> str:
        """Return the address of the next file that was saved, relative to the page."""
        up = "../" * self.env.docname.count("/")
        name = next(self.env.temp_data["shown"], "missing")
        return f"{up}{FOLDER}/{name}"


class Live(Picture):
    """Show a page to explore in a frame, and a picture of it where a frame is of no use."""

    option_spec: ClassVar = {
        **Picture.option_spec,
        "height": directives.positive_int,
        "picture": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the frame, the picture, and a link to the full page."""
        address = self.next_address()
        image = self.make_image(self.next_address())
        size = f'height="{self.options.get("height", 480)}"'
        figure = (
            '<figure class="live">'
            f'<iframe src="{address}" title="{self.describe()}" {size} loading="lazy"></iframe>'
            f'<a href="{address}">{image}</a>'
            f'<figcaption><a href="{address}">Open the full page</a></figcaption>'
            "</figure>"
        )
        return [nodes.raw("", figure, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives to Sphinx."""
    app.connect("source-read", run_page)
    app.add_directive("picture", Picture)
    app.add_directive("live", Live)
    return {"parallel_read_safe": True}
