"""Python's cycle collector, switched off where it can only cost time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from .locks import ProcessLock


class _Switch:
    """How many blocks want the collector off.

    There is one collector for all threads: if each block put back what it found, one that begins
    while another ends could leave it off for good.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._enabled = False
        self._lock = ProcessLock()

    def enter(self) -> None:
        """Switch the collector off, and note for the first block whether it was on."""
        with self._lock:
            if not self._inside:
                self._enabled = gc.isenabled()
            self._inside += 1
            gc.disable()

    def leave(self) -> None:
        """Switch it on again after the last block, if it was on before the first."""
        with self._lock:
            self._inside -= 1
            if not self._inside and self._enabled:
                gc.enable()


_SWITCH = _Switch()


@contextmanager
def collector_off() -> Iterator[None]:
    """Inside the block Python looks for no reference cycles.

    Graphs of Values have none, so nothing of them waits for the collector; yet it walks over all of them again and again, and
    doubles the time of a step. It is switched on again, if it was on before, when the block ends; where several threads are in
    such blocks, when the last of them ends.

    >>> with collector_off():
    ...     gc.isenabled()
    False
    """
    _SWITCH.enter()
    try:
        yield
    finally:
        _SWITCH.leave()
