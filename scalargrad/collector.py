"""Python's cycle collector, switched off where it can only cost time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """Inside the block Python looks for no reference cycles.

    Graphs of Values have none, so nothing of them waits for the collector; yet it walks over all of them again and again, and
    doubles the time of a step. It is switched on again at the end, if it was on before.

    >>> with collector_off():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
