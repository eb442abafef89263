"""Warnings of what does not learn: on the user's own line, and once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import UnlearnedWarning
from .frames import warn

_reported: ContextVar[frozenset[int]] = ContextVar("reported", default=frozenset())


def warn_unlearned(message: str) -> None:
    """Warn the user's code that something is not learned."""
    warn(message, UnlearnedWarning)


@contextmanager
def reported(identities: Iterable[int]) -> Iterator[None]:
    """Mark modules whose losses somebody looks through, so that nobody else needs to warn.

    Args:
        identities: The ids of the modules.

    Example:
        >>> with reported([1]):
        ...     is_reported(1), is_reported(2)
        (True, False)
    """
    token = _reported.set(_reported.get().union(identities))
    try:
        yield
    finally:
        _reported.reset(token)


def is_reported(identity: int) -> bool:
    """Return whether somebody else tells of what the module with this id does not learn."""
    return identity in _reported.get()
