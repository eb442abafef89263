"""Locks for what all threads of a process share."""

import os
from threading import RLock
from types import TracebackType


class ProcessLock:
    """A lock that a thread may take again, and that a forked process begins with anew.

    A fork copies a lock as it is, held by another thread perhaps, who is not copied. Made once for
    each module: the process remembers every one of them.

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
