"""Python's garbage collector, disabled where it can only cost time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from .locks import ProcessLock


class _Switch:
    """A counter of the blocks that want the collector disabled.

    All threads share one collector. If each block restored the state that it saw on entry, two
    overlapping blocks could leave the collector disabled for good.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._enabled = False
        self._lock = ProcessLock()

    def enter(self) -> None:
        """Disable the collector; the first block remembers whether it was enabled."""
        with self._lock:
            if not self._inside:
                self._enabled = gc.isenabled()
            self._inside += 1
            gc.disable()

    def leave(self) -> None:
        """Enable the collector after the last block, if it was enabled before the first."""
        with self._lock:
            self._inside -= 1
            if not self._inside and self._enabled:
                gc.enable()


_SWITCH = _Switch()


def expect_long_life() -> None:
    """Tell the collector that all objects that exist now will live long, as a recorded graph does.

    They become the oldest generation, which is rarely searched; otherwise the next collections of
    the younger ones would walk over all of the graph. Nothing happens while the user has objects
    frozen.
    """
    # To unfreeze is for all objects, those that the user froze among them.
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()


@contextmanager
def collector_off() -> Iterator[None]:
    """Disable the garbage collector inside the block.

    Graphs of Values have no reference cycles, so they never need the collector; yet it walks over
    them again and again, which takes a fifth of the time of a training step, or more. When the
    block ends, or the last block if several threads are in one, the collector is enabled again if
    it was before.

    Two cycles can only be undone by the user, or wait for the collector: a hook that refers to its
    own Value, and a gradient that `backward(create_graph=True)` made, which refers to its leaf.
    `zero_grad` clears those of Parameters; inputs of a network need `x.grad = 0.0`.

    Example:
        >>> import gc
        >>> with collector_off():
        ...     gc.isenabled()
        False
    """
    _SWITCH.enter()
    try:
        yield
    finally:
        _SWITCH.leave()
