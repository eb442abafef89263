"""Warnings about parts of a model that do not learn, once each, at the line of the user's code."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from scalargrad.errors import NoGradientWarning, UnlearnedWarning
from scalargrad.utils.frames import warn

_reported: ContextVar[frozenset[int]] = ContextVar("reported", default=frozenset())
_muted: ContextVar[bool] = ContextVar("muted", default=False)


def warn_unlearned(message: str) -> None:
    """Warn, at the line of the user's code, that something is not learned."""
    warn(message, UnlearnedWarning)


@contextmanager
def mark_reported(identities: Iterable[int]) -> Iterator[None]:
    """Mark modules whose unlearned parts are reported by the caller, so that nothing else warns.

    Args:
        identities: The ids of the modules.

    Example:
        >>> with mark_reported([1]):
        ...     is_reported(1), is_reported(2)
        (True, False)
    """
    token = _reported.set(_reported.get().union(identities))
    try:
        yield
    finally:
        _reported.reset(token)


def is_reported(identity: int) -> bool:
    """Return whether a caller reports what the module with this id does not learn."""
    return identity in _reported.get()


def warn_no_gradient(message: str) -> None:
    """Warn that no gradient passes, unless inside `mute_no_gradient`."""
    if not _muted.get():
        warn(message, NoGradientWarning)


@contextmanager
def mute_no_gradient() -> Iterator[None]:
    """Mute `warn_no_gradient` inside the block: the caller reports such gradients itself.

    A filter of `warnings` would do that in all threads.

    Example:
        >>> with mute_no_gradient():
        ...     warn_no_gradient("the derivative of a step is 0")
    """
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)
