"""Two directives that show what the Python sessions of a page have computed.

`{picture} viz.draw(loss)` shows a picture, `{live} viz.explore(loss)` a page to explore. Both take
the option `alt`, a description for screen readers. `live` takes a `height` in pixels, too, and a
`picture`, which is shown in its place on paper, on narrow screens and without scripts.

The sessions run while Sphinx reads the page; what they print must be what the page says.
"""

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from .pages import FENCE, list_expressions, read_examples, run_examples

FOLDER = "_shown"
"""The folder of the site that holds pictures and pages."""


def run_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Run the examples of a page, and save what its directives show."""
    shown: list[Any] = []
    text = source[0]
    report = run_examples(read_examples(text, docname, shown.append))
    if report:
        logging.getLogger(__name__).warning(report, location=docname)
        return

    folder = Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    fences = (fence for fence in FENCE.finditer(text) if fence[2])
    expressions = [expression for fence in fences for expression in list_expressions(fence)]
    files = {}
    for number, (expression, thing) in enumerate(zip(expressions, shown, strict=True), 1):
        ending = "html" if hasattr(thing, "html") else "svg"
        name = f"{docname.replace('/', '-')}-{number}.{ending}"
        thing.save(folder / name)
        files[expression] = name
    app.env.temp_data["shown"] = files


class Picture(SphinxDirective):
    """Show a picture that an expression makes of the values of the page."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the picture as HTML."""
        return [self.html(f'<p class="shown">{self.image(self.arguments[0])}</p>')]

    def html(self, text: str) -> nodes.raw:
        """Return HTML as a node."""
        return nodes.raw("", text, format="html")

    def image(self, expression: str) -> str:
        """Return the element that shows a picture."""
        alt = nodes.unescape(self.options["alt"]).replace('"', "&quot;")
        return f'<img src="{self.address(expression)}" alt="{alt}" loading="lazy">'

    def address(self, expression: str) -> str:
        """Return the address of a saved file, relative to the page."""
        files = self.env.temp_data.get("shown", {})
        up = "../" * self.env.docname.count("/")
        return f"{up}{FOLDER}/{files.get(expression, 'missing')}"


class Live(Picture):
    """Show a page to explore in a frame, and a picture of it where a frame is of no use."""

    option_spec: ClassVar = {
        **Picture.option_spec,
        "height": directives.positive_int,
        "picture": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the frame, the picture, and a link to the page by itself."""
        address = self.address(self.arguments[0])
        title = self.options["alt"].replace('"', "&quot;")
        height = self.options.get("height", 480)
        frame = f'<iframe src="{address}" title="{title}" height="{height}" loading="lazy">'
        return [
            self.html(
                f'<figure class="live">{frame}</iframe>'
                f'<a href="{address}">{self.image(self.options["picture"])}</a>'
                f'<figcaption><a href="{address}">Open this page by itself</a></figcaption>'
                f"</figure>"
            )
        ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives to Sphinx."""
    app.connect("source-read", run_page)
    app.add_directive("picture", Picture)
    app.add_directive("live", Live)
    return {"parallel_read_safe": True}
