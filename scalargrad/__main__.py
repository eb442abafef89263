"""`python -m scalargrad`: versions, and which of the optional libraries are installed.

Only NumPy and safetensors are imported, as for every `import scalargrad`: the other libraries are
looked up in what pip has written down.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from scalargrad import __version__
from scalargrad.terminal import for_terminal
from scalargrad.utils.shadowing import find_other_viz

REQUIRED = {
    "numpy": "arrays of numbers: data, and what compiled programs run on",
    "safetensors": "files of parameters",
    "graphviz": "viz.draw_dot",
    "pygraphviz": "the layout of pictures",
}
"""What is always installed, and what for."""

EXTRAS = {
    "images": ("PNG and PDF files, and plots", "matplotlib vl-convert-python"),
    "video": (
        "GIF and MP4 files of animations",
        "imageio imageio-ffmpeg matplotlib pillow vl-convert-python",
    ),
    "native": ("compiled programs as machine code", "llvmlite"),
    "jax": ("compiled programs that run in JAX", "jax"),
    "onnx": ("compiled programs as ONNX models", "onnx"),
    "sklearn": ("estimators for scikit-learn", "scikit-learn"),
    "sympy": ("formulas to and from SymPy", "sympy"),
    "demos": (
        "the gallery of a clone: python -m demos",
        "matplotlib scikit-learn tqdm vl-convert-python",
    ),
    "test": (
        "the tests of a clone: pytest",
        "basedpyright hypothesis import-linter jedi llvmlite matplotlib micrograd mpmath mypy "
        "pytest pytest-xdist ruff scikit-learn tqdm vl-convert-python",
    ),
    "docs": (
        "the documentation of a clone: python -m sphinx docs site",
        "furo matplotlib myst-parser scikit-learn sphinx tqdm vl-convert-python",
    ),
    "browser": ("the tests of pages, in Chromium", "axe-playwright-python playwright"),
}
"""Names of extras, each with what it is for, and the libraries that it brings."""


def describe_installation() -> str:
    """Return the versions of Python, of this package and of its libraries, and what is missing.

    Example:
        >>> describe_installation().split()[0]
        'scalargrad-viz'
    """
    python = f"{platform.python_version()}, {platform.python_implementation()}"
    own = {
        f"scalargrad-viz {__version__}": str(Path(__file__).parent),
        "viz": _describe_viz(),
        f"Python {python}": f"{platform.system()} {platform.machine()}",
    }
    libraries = {}
    for name, purpose in REQUIRED.items():
        libraries[f"{name} {_version(name) or 'is missing'}"] = purpose
    extras = {}
    for extra, (purpose, names) in EXTRAS.items():
        missing = [name for name in names.split() if not _version(name)]
        state = f"missing: {', '.join(missing)}" if missing else "installed"
        extras[f"{extra:8} {purpose}"] = state
    return "\n\n".join(
        [
            _table(own),
            _table(libraries),
            'Optional, by pip install "scalargrad-viz[NAME]":\n' + _table(extras),
        ]
    )


def _describe_viz() -> str:
    other = find_other_viz()
    if other is not None:
        return f"another module of that name stands in its way: {other}"
    spec = find_spec("viz")
    if spec is None or spec.origin is None:
        return "not installed"
    return str(Path(spec.origin).parent)


def _version(name: str) -> str:
    """Return the version of an installed distribution, "" if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _table(rows: Mapping[str, str]) -> str:
    width = max(len(name) for name in rows)
    return "\n".join(f"{name:{width}}  {what}" for name, what in rows.items())


if __name__ == "__main__":
    print(for_terminal(describe_installation()))
