"""How Sphinx builds the documentation: `python -m sphinx -W -b html docs OUT`, without network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the packages, and `docs` itself

project = "scalargrad"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "docs.extensions.docstrings",
    "docs.extensions.examples",
    "docs.extensions.gallery",
    "docs.extensions.tables",
]
exclude_patterns = ["extensions"]
root_doc = "index"

# Links to headings of other pages, such as [text](page.md#heading).
myst_heading_anchors = 3

html_theme = "furo"
html_title = "scalargrad"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

# Single backquotes in docstrings are code: a link where they name something of the reference.
default_role = "py:obj"
add_module_names = False
autodoc_member_order = "groupwise"
autodoc_typehints = "none"
# A method without a docstring of its own, such as `extra_repr`, is described at the base class.
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
napoleon_use_rtype = False
suppress_warnings = ["ref.python"]  # names that several modules offer, such as `load`
