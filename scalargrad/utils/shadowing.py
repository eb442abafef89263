"""Shadowing: another module named `viz` that Python finds before the one that draws our graphs.

The name is short. A script `viz.py` beside the one that runs is enough, and so is a package of that
name on the index, which overwrites files of ours. `import viz` then works, and `viz.draw` does not.
"""

from importlib.util import find_spec

from .frames import warn

MARK = '_DISTRIBUTION = "scalargrad-viz"'
"""The line of `viz/__init__.py` that tells ours from others."""


def find_other_viz() -> str | None:
    """Return the file of the module that `import viz` would import, None unless it is another's.

    Nothing is imported. Without any module of that name there is nothing in the way.

    Example:
        >>> print(find_other_viz())
        None
    """
    try:
        spec = find_spec("viz")
        if spec is None or spec.origin is None:
            return None
        source = getattr(spec.loader, "get_source", lambda _: None)("viz")
    except (ImportError, OSError, SyntaxError, ValueError):
        # Whatever can't be read says why once it is imported.
        return None
    # Compiled files alone, without a source, are what packaging tools make of a whole program.
    return None if source is None or MARK in source else spec.origin


def warn_of_other_viz() -> None:
    """Warn, where `import viz` would import another module, and say what to do about it."""
    path = find_other_viz()
    if path is not None:
        message = (
            f"another module named viz stands in the way of scalargrad's pictures:\n  {path}\n"
            "rename that file or folder; or, if a package brought it, run: pip uninstall viz && "
            "pip install --force-reinstall --no-deps scalargrad-viz"
        )
        warn(message, RuntimeWarning)
