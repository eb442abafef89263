"""Import of libraries that scalargrad does not need itself."""

from importlib import import_module
from typing import Any

from scalargrad.errors import MissingLibraryError


def require(module: str, library: str, extra: str) -> Any:
    """Import a module of another library.

    Args:
        module: The module.
        library: The name of the library, for messages.
        extra: What to install: an extra of this distribution, or the name of a package.

    Returns:
        The module.

    Raises:
        MissingLibraryError: If it is not installed.

    Example:
        >>> require("math", "Mathematics", "math").sqrt(4.0)
        2.0
        >>> require("no_such_module", "SymPy", "sympy")
        Traceback (most recent call last):
        scalargrad.errors.MissingLibraryError: this needs SymPy: pip install sympy
    """
    try:
        return import_module(module)
    except ImportError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise MissingLibraryError(f"this needs {library}: pip install {extra}") from None
