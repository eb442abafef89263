"""Shadowing: another module named `scalargrad` that Python found before the one drawn here.

It is imported before anything else of `viz`, and its import fails where the engine is another's: a
file `scalargrad.py` beside the script that runs, or the package of that name on the index.
"""

from types import ModuleType

import scalargrad

_DISTRIBUTION = "scalargrad-viz"


def check_engine(engine: ModuleType) -> None:
    """Raise an error if a module named `scalargrad` is not the one that `viz` draws graphs of.

    Args:
        engine: The module that was imported.

    Raises:
        ImportError: It is another's. The message says which file it is, and what to do.

    Example:
        >>> check_engine(ModuleType("scalargrad"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ImportError: another module named scalargrad stands in the way of the one viz draws with:
          a module without a file
        rename that file or folder; or, if a package brought it, run: pip uninstall ...
    """
    if getattr(engine, "_DISTRIBUTION", None) == _DISTRIBUTION:
        return
    # A folder without __init__.py has no file, but the folders that it was found in.
    folders = list(getattr(engine, "__path__", ()))
    path = getattr(engine, "__file__", None) or next(iter(folders), "a module without a file")
    message = (
        f"another module named scalargrad stands in the way of the one viz draws with:\n  {path}\n"
        "rename that file or folder; or, if a package brought it, run: pip uninstall scalargrad && "
        f"pip install --force-reinstall --no-deps {_DISTRIBUTION}"
    )
    raise ImportError(message, name="scalargrad", path=str(path))


check_engine(scalargrad)
