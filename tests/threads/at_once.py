"""Several pieces of work begun at the same moment, and results that can be compared exactly."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy

from scalargrad import Value, nn


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
    raise TypeError(f"a row returns numbers, text, arrays and nests of them, not {type(thing).__name__}")


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
    """A small network, always with the same weights."""
    return nn.MLP(2, [6, 1], activation="tanh", seed=1)


def points(thread: int, batch: int = 40) -> tuple[Any, Any]:
    """Other samples for each thread."""
    rng = numpy.random.default_rng(thread)
    return rng.normal(size=(batch, 2)) * (thread + 1.0), rng.normal(size=(batch, 1))
