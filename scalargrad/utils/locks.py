"""Locks for state that all threads of a process share."""

import os
from threading import RLock
from types import TracebackType


class ProcessLock:
    """A reentrant lock that is released in a forked process.

    A fork copies a lock that another thread may hold, but not the thread that would release it.
    Create such locks at the level of modules only: the process keeps a reference to each.

    Example:
        >>> lock = ProcessLock()
        >>> with lock, lock:
        ...     "held"
        'held'
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()
