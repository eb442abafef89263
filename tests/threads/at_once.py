"""Several pieces of work begun at the same moment, and results that can be compared exactly."""

import sys
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import numpy

import scalargrad
import viz
from scalargrad import Value, nn

OURS = tuple(package.__path__[0] for package in (scalargrad, viz))

VARIANT: ContextVar[int] = ContextVar("variant", default=0)
"""Which numbers the work of this thread is about: only numbers that differ show a mix-up."""


def interrupted(
    task: Callable[[], Any], seed: int, variant: int = 0, lines: int = 10
) -> Callable[[], Any]:
    """Return a task that stops for a moment at many lines of our code, whichever they are.

    Python changes threads where it likes, and seldom within a few lines.

    Args:
        task: What a thread does.
        seed: For the lines to stop at.
        variant: Which numbers the task is about.
        lines: How many there are, on average, from one stop to the next.
    """
    draws = Random(seed)

    def at_line(_frame: Any, event: str, _arg: Any) -> Any:
        if event == "line" and draws.random() * lines < 1.0:
            sleep(1e-9)
        return at_line

    def at_call(frame: Any, _event: str, _arg: Any) -> Any:
        return at_line if frame.f_code.co_filename.startswith(OURS) else None

    def run() -> Any:
        VARIANT.set(variant)
        before = sys.gettrace()
        sys.settrace(at_call)
        try:
            return task()
        finally:
            sys.settrace(before)

    return run


def in_variant(variant: int, task: Callable[[], Any]) -> Any:
    """Do a task with the numbers of a variant."""
    token = VARIANT.set(variant)
    try:
        return task()
    finally:
        VARIANT.reset(token)


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """Run each task in a thread of its own, all begun at the same moment.

    Args:
        tasks: What the threads do.

    Returns:
        What each task returns, in order. What one raises is raised here.
    """
    ready = threading.Barrier(len(tasks))
    results: list[Any] = [None] * len(tasks)
    errors: list[BaseException] = []

    def run(place: int) -> None:
        try:
            ready.wait()
            results[place] = tasks[place]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def exactly(thing: Any) -> Any:
    """Return a result as something for which `==` means the same to the last bit, nan included."""
    if isinstance(thing, Value):
        return ["Value", thing.data.hex()]
    if isinstance(thing, bool | int | str | bytes | None):
        return thing
    if isinstance(thing, float):
        return float(thing).hex()
    if isinstance(thing, Path):
        return thing.name
    if isinstance(thing, numpy.ndarray | numpy.generic):
        array = numpy.asarray(thing)
        return [array.shape, array.dtype.str, array.tobytes()]
    if isinstance(thing, Mapping):
        return {name: exactly(part) for name, part in thing.items()}
    if isinstance(thing, list | tuple):
        return [exactly(part) for part in thing]
    raise TypeError(
        f"a row returns numbers, text, arrays and nests of them, not {type(thing).__name__}"
    )


def flat(thing: Any) -> list[float]:
    """All numbers of a result, in order."""
    if isinstance(thing, Value):
        return [thing.data]
    if isinstance(thing, dict):
        return [number for part in thing.values() for number in flat(part)]
    if isinstance(thing, list | tuple):
        return [number for part in thing for number in flat(part)]
    return numpy.ravel(numpy.asarray(thing, dtype=float)).tolist()


def network() -> nn.MLP:
    """A small network, with the same weights each time in one variant."""
    return nn.MLP(2, [6, 1], activation="tanh", seed=1 + VARIANT.get())


def number(x: float) -> float:
    """A number, another one in each variant."""
    return x + 0.03125 * VARIANT.get()


def points(thread: int, batch: int = 40) -> tuple[Any, Any]:
    """Other samples for each thread, and in each variant."""
    rng = numpy.random.default_rng(thread + 10 * VARIANT.get())
    return rng.normal(size=(batch, 2)) * (thread + 1.0), rng.normal(size=(batch, 1))
