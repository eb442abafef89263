"""One task in several processes: the same results in the same order, the same exceptions.

Processes are started by "spawn", whatever the program uses elsewhere: each is a new interpreter
that imports what it needs. It is slower to start than "fork" by a few tenths of a second, but it
exists on every platform, and it can't deadlock. A fork copies the locks that other threads hold
(NumPy's, a progress bar's), but not the threads that would release them, which is why Python 3.12
warns of it and 3.14 no longer does it by default. "forkserver" would ask the same of `f` as
"spawn", and leave its server running.
"""

import os
import pickle
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, TypeVar

from scalargrad.core.checks import checked_int
from scalargrad.core.modes import current_mode, no_grad
from scalargrad.errors import CallError, WorkerError
from scalargrad.utils.files import write

Result = TypeVar("Result")

PARTS_PER_WORKER = 16
"""Parts of the work for each process. All wait for the last part, so parts are small."""

_BROKEN = (
    "a worker process ended before its work was done: f ended it, or it was killed, possibly out "
    "of memory, or it never started. A script that uses workers must call them under "
    '`if __name__ == "__main__":`, because every new process imports the script; without a script '
    "to import, as in an interactive session, define f in a module"
)


def map_indices(task: Callable[[int], Result], count: int, workers: int) -> list[Result]:
    """Return [task(0), …, task(count - 1)], computed by several processes.

    `no_grad` holds in the processes if it holds here. Of several exceptions the first in the order
    of the results is raised here, as with one process.

    Args:
        task: The function to call.
        count: Number of calls.
        workers: Number of processes; 1 for this one.

    Raises:
        OptionError: For workers below 1.
        CallError: For a task that can't be pickled or that new processes can't find; and inside
            `detect_anomaly` or a tape, which can't observe other processes.
        WorkerError: When a process ends too soon.

    Example:
        >>> map_indices(abs, 3, workers=1)
        [0, 1, 2]
    """
    if checked_int(workers, "workers", 1) == 1:
        return [task(index) for index in range(count)]
    # Pickled before the count is looked at, so that a task fails for any number of calls or none.
    pickled = _pickle_task(task)
    if count < 2:
        return [task(index) for index in range(count)]
    return _run_in_processes(pickled, count, min(workers, count))


def _run_in_processes(pickled: bytes, count: int, workers: int) -> list[Any]:
    # By a file, as a process is started through a pipe: one that ends before it has read more than
    # a pipe holds, as in a script without `if __name__ == "__main__":`, would never be missed.
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "task.pickle", pickled)
        return _run_from_file(path, count, workers)


def _run_from_file(path: Path, count: int, workers: int) -> list[Any]:
    context = get_context("spawn")
    stop = context.RawValue("b", 0)
    size = -(-count // (workers * PARTS_PER_WORKER))
    with ProcessPoolExecutor(workers, context, _start_worker, (path, stop)) as pool:
        try:
            parts = []
            for start in range(0, count, size):
                parts.append(pool.submit(_run_part, start, min(start + size, count)))
            return [result for part in parts for result in part.result()]
        except BrokenExecutor:
            raise WorkerError(_BROKEN) from None
        finally:
            # After an error or Ctrl-C, the parts that are running stop at their next index.
            stop.value = 1
            pool.shutdown(cancel_futures=True)


def _pickle_task(task: Callable[[int], object]) -> bytes:
    mode = current_mode()
    if mode.observers:
        raise CallError(
            "detect_anomaly and GradientTape can't observe other processes: use workers=1 inside "
            "them"
        )
    try:
        return pickle.dumps((task, mode.recording))
    except Exception as error:  # pickle raises whatever the parts of a task raise
        raise CallError(
            f"f can't be sent to other processes: {error}. Define f with def at the top level of a "
            "module, not as a lambda or inside another function; what it needs can come with "
            "functools.partial, or as attributes of an object with __call__; or use workers=1"
        ) from error


# The functions below run in the other process.

_state: dict[str, Any] = {}
"""What a worker process was started with; empty in every other process."""


def _start_worker(path: Path, stop: Any) -> None:
    # Ctrl-C reaches all processes; the first one stops the others through `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # If the first one is killed it can't, so each worker watches it.
    Thread(target=_exit_with_parent, daemon=True).start()
    _state.update(path=path, stop=stop)


def _exit_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _run_part(start: int, end: int) -> list[Any]:
    task, recording = _load_task()
    try:
        with nullcontext() if recording else no_grad():
            return [task(index) for index in range(start, end) if not _state["stop"].value]
    except Exception as error:
        if not _can_be_pickled(error):
            raise WorkerError(f"f raised {type(error).__name__}: {error}") from None
        raise


def _load_task() -> tuple[Callable[[int], Any], bool]:
    # Loaded in the first part and not when the process starts: an error there would only break
    # the pool, and its text would be lost.
    if "task" not in _state:
        try:
            _state["task"] = pickle.loads(_state["path"].read_bytes())
        except Exception as error:
            raise CallError(
                f"a new process could not load f: {error}. Define f at the top level of a module "
                "that can be imported, or use workers=1"
            ) from None
    task: tuple[Callable[[int], Any], bool] = _state["task"]
    return task


def _can_be_pickled(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True
