"""Names that users spell: the nearest one that exists, for messages."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def suggestion(choice: Any, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, or all of them.

    Case does not count, nor do spaces, hyphens and underscores.

    Args:
        choice: What was given in the place of a name.
        names: The names that exist, in the order in which to list them.

    Returns:
        A phrase that begins with a semicolon.

    Example:
        >>> suggestion("Rellu", ["relu", "tanh"])
        "; did you mean 'relu'?"
        >>> suggestion(3, ["relu", "tanh"])
        '; choose from relu, tanh'
    """
    known = list(names)
    near = _nearest(choice, known) if isinstance(choice, str) else None
    return f"; choose from {', '.join(known)}" if near is None else f"; did you mean {near!r}?"


def _nearest(choice: str, names: list[str]) -> str | None:
    by_spelling = {_folded(name): name for name in names}
    found = get_close_matches(_folded(choice), by_spelling, 1)
    return by_spelling[found[0]] if found else None


def _folded(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in " -_")
