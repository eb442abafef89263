"""Several processes at one task: the same results in the same order, the same exceptions, and no process left behind.

Processes are started by "spawn", whatever the program uses elsewhere: each is a new interpreter that imports what it needs. It is slower
to start than "fork" by some tenths of a second, but it is there on every platform, and it can't deadlock: a fork copies the locks that
other threads hold (NumPy's, a progress bar's), and not the threads that would release them, which is why Python 3.12 warns of it and
3.14 no longer does it by default. "forkserver" would ask the same of `f` as "spawn", and leave its server running.
"""

import os
import pickle
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.modes import current_mode, no_grad
from scalargrad.errors import CallError, WorkerError

PARTS = 16
"""In how many parts the work of each process is handed out: the end is waited for by all, so parts are small."""


def indexed(task: Callable[[int], Any], count: int, workers: int) -> list[Any]:
    """[task(0), …, task(count - 1)], computed by so many processes; `no_grad` holds in them if it holds here.

    The first exception in the order of the results is raised here, as with one process. Raises OptionError for an impossible number
    of workers, CallError for a task that can't be pickled or that new processes can't find, and inside `detect_anomaly` or a tape,
    which can't look into other processes; WorkerError when a process ends too soon.

    >>> indexed(abs, 3, workers=1)
    [0, 1, 2]
    """
    workers = checked_int(workers, "workers", 1)
    if workers == 1:
        return [task(index) for index in range(count)]
    packed = _packed(task)
    if count < 2:
        return [task(index) for index in range(count)]
    return _spread(packed, count, min(workers, count))


def _spread(packed: bytes, count: int, workers: int) -> list[Any]:
    context = get_context("spawn")
    stop, size = context.RawValue("b", 0), -(-count // (workers * PARTS))
    with ProcessPoolExecutor(workers, context, _begin, (packed, stop)) as pool:
        try:
            parts = [
                pool.submit(_part, start, min(start + size, count))
                for start in range(0, count, size)
            ]
            return [result for part in parts for result in part.result()]
        except BrokenExecutor:
            raise WorkerError(_BROKEN) from None
        finally:  # after an error, or Ctrl-C, nobody begins another number
            stop.value = 1
            pool.shutdown(cancel_futures=True)


_BROKEN = (
    "a worker process ended before its work was done: f ended it, or it was killed, perhaps for want of memory, or it never began. "
    'A script that uses workers must call them under `if __name__ == "__main__":`, for every new process imports the script; '
    "where there is no script to import, as in an interactive session, define f in a module"
)


def _packed(task: Any) -> bytes:
    mode = current_mode()
    if mode.observers:
        raise CallError(
            "detect_anomaly and GradientTape can't look into other processes: use workers=1 inside them"
        )
    try:
        return pickle.dumps((task, mode.recording))
    except Exception as error:  # pickle raises whatever the parts of a task raise
        raise CallError(
            f"f can't be sent to other processes: {error}. Define f with def at the top level of a module, not as a lambda or inside "
            "another function; what it needs can come with functools.partial, or as attributes of an object with __call__; "
            "or use workers=1"
        ) from error


# In the other process

_given: dict[str, Any] = {}
"""What a worker process was given when it began; always empty elsewhere."""


def _begin(packed: bytes, stop: Any) -> None:
    """Ctrl-C reaches all processes, and the first one tells the others. If that one is killed, nobody would: so they watch it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    _given.update(packed=packed, stop=stop)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _part(start: int, end: int) -> list[Any]:
    task, recording = _unpacked()
    try:
        with nullcontext() if recording else no_grad():
            return [task(index) for index in range(start, end) if not _given["stop"].value]
    except Exception as error:
        if not _portable(error):
            raise WorkerError(f"f raised {type(error).__name__}: {error}") from None
        raise


def _unpacked() -> Any:
    if "task" not in _given:
        try:
            _given["task"] = pickle.loads(_given["packed"])
        except Exception as error:
            raise CallError(
                f"a new process could not load f: {error}. Define f at the top level of a module that can be imported, or use workers=1"
            ) from None
    return _given["task"]


def _portable(error: Exception) -> bool:
    """Whether an exception survives the way to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True
