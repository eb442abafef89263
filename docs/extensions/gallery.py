"""The gallery as a part of the site: `python -m sphinx -D gallery=FOLDER …`.

FOLDER is where `python -m demos` wrote its pages. Without it the site lists the demos all the same.
"""

import shutil
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from demos.__main__ import DEMOS

from .tables import escape, parse_table

MENU = '<nav aria-label="Site">'
"""Where the menu of a page of the gallery begins."""

WAY_BACK = '<a href="../index.html">Documentation</a>'
"""The entry of that menu that leads to the site."""


class Demos(SphinxDirective):
    """A table of the demos, with links to their pages where there is a gallery."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        rows = [["Demo", "What it shows"]]
        for name, what in DEMOS.items():
            shown = f"`{name}`"
            if self.config.gallery:
                shown = f'<a href="gallery/{name}.html">{name}</a>'
            rows.append([shown, escape(what)])
        return [parse_table(self, rows)]


def copy_gallery(app: Sphinx, exception: Exception | None) -> None:
    """Copy the pages and pictures into the site, and let the pages lead back to it."""
    if not app.config.gallery or exception is not None:
        return
    target = Path(app.outdir, "gallery")
    shutil.copytree(app.config.gallery, target, dirs_exist_ok=True)
    for path in target.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(MENU, f"{MENU}{WAY_BACK}", 1), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the option and the directive to Sphinx."""
    app.add_config_value("gallery", "", "env", str)
    app.add_directive("demos", Demos)
    app.connect("build-finished", copy_gallery)
    return {"parallel_read_safe": True}
