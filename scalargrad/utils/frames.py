"""The line of user code that led here, for warnings and errors that name it."""

import os
import sys
import warnings
from functools import cache
from itertools import chain
from pathlib import Path
from sysconfig import get_paths
from traceback import walk_stack
from types import FrameType

_ROOT = Path(__file__).parent.parent.parent
# With a separator at the end, so that a folder like scalargrad_extras is not one of them.
_OWN = tuple(f"{_ROOT / package}{os.sep}" for package in ("scalargrad", "viz"))

_IMPORT = "<frozen importlib._bootstrap"

_PACKAGES = frozenset(["site-packages", "dist-packages"])


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line of user code, however many functions and wrappers are in between.

    A fixed `stacklevel` would depend on how the warning was reached.

    Args:
        message: What is wrong, and what to write instead.
        category: The class of the warning.

    Example:
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn("this number has no gradient", UserWarning)
        >>> caught[0].lineno
        3
    """
    frame = user_frame()
    warnings.warn(message, category, stacklevel=frame[1] if frame else 1)


def user_frame() -> tuple[FrameType, int] | None:
    """Find the innermost frame of code that is neither part of this project nor installed.

    Returns:
        The frame, and how far up it is as warnings count, 1 for the caller. If all code is
        installed, the innermost frame outside of this project; None if there is none.

    Example:
        >>> frame, level = user_frame()
        >>> frame.f_code.co_filename, level
        ('<doctest scalargrad.utils.frames.user_frame[0]>', 1)
    """
    # Python leaves its own frames of an import out when it counts levels of a warning.
    counted = (
        frame
        for frame, _ in walk_stack(sys._getframe(1))
        if not frame.f_code.co_filename.startswith(_IMPORT)
    )
    outside = (
        (frame, level)
        for level, frame in enumerate(counted, 1)
        if not frame.f_code.co_filename.startswith(_OWN)
    )
    nearest = next(outside, None)
    if nearest is None:
        return None
    installed = _installed()
    for frame, level in chain([nearest], outside):
        if not frame.f_code.co_filename.startswith(installed):
            return frame, level
    return nearest


@cache
def is_user_file(name: str) -> bool:
    """Return whether code of a file is neither part of this project nor installed.

    Args:
        name: The `co_filename` of the code.

    Example:
        >>> is_user_file("<stdin>"), is_user_file(os.__file__), is_user_file(__file__)
        (True, False, False)
        >>> is_user_file("/home/me/.local/lib/site-packages/package.py")
        False
    """
    if name.startswith((*_OWN, *_installed(), "<frozen ")):
        return False
    # Packages of a user, and those of the distribution, are in other folders of these names.
    return _PACKAGES.isdisjoint(Path(name).parts)


@cache
def _installed() -> tuple[str, ...]:
    """Return the folders of the standard library and of installed packages."""
    paths = get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({f"{Path(paths[name])}{os.sep}" for name in names})
