"""Guards: what a recording took for fixed, compared at each call; and random numbers, which it can't take at all.

A recording keeps the plain numbers that the function read around it: a program can't see when they change.
So the names that the function reads from its closure and from its module are looked up again at each call,
as far as they hold plain numbers, text, or containers. What an attribute, an item of a nested container, a
file or a clock says is not watched.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dis import get_instructions
from functools import partial
from math import isnan
from operator import is_
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy

from scalargrad.errors import TraceError
from scalargrad.nn import Module

_PACKAGE = __name__.partition(".")[0]
_SINGLE = (bool, int, float, complex, str, bytes, type(None), numpy.generic)
_CONTAINERS = (list, tuple, dict, set, frozenset, numpy.ndarray)
_MAX_CONTENTS = 32
"""Up to how many entries a container is compared entry by entry; beyond that by its length alone."""


class Guards:
    """What one recording took for fixed.

    Example:
        >>> k = 2.0
        >>> guards = Guards(lambda: k * 3)
        >>> guards.settle()
        >>> k = 4.0
        >>> guards.check()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        scalargrad.errors.TraceError: `k` was 2.0 when the function was recorded and is now 4.0: ...
    """

    def __init__(self, function: Callable[..., Any], model: Module | None = None) -> None:
        """Look around, before the function is recorded.

        Args:
            function: What will be recorded.
            model: The model whose generators must not be drawn from.
        """
        self._names: list[_Name] = []
        generators: list[Any] = _generators_of(model) if model else []
        for name, fetch in _names_of(function):
            found = fetch()
            if isinstance(found, _SINGLE) or type(found) in _CONTAINERS:
                self._names.append(_Name(name, fetch))
            else:
                generators.append(found)
        self._generators = [(each, _state(each)) for each in generators if _state(each) is not None]
        self._global = _global_states()

    def settle(self) -> None:
        """End the recording: what the function changed itself is not watched.

        Raises:
            TraceError: Random numbers were drawn.
        """
        for source, state in _global_states().items():
            if state != self._global[source]:
                raise _drawn(source)
        for generator, state in self._generators:
            if _state(generator) != state:
                raise _drawn(f"a {type(generator).__name__}")
        self._names = [name for name in self._names if name.is_unchanged()]

    def check(self) -> None:
        """Raise TraceError if something that the recording took for fixed is another now."""
        for name in self._names:
            if not name.is_unchanged():
                raise TraceError(name.complaint())


class _Name:
    """A name, and what stood behind it."""

    __slots__ = ("contents", "fetch", "name", "single", "size", "value")

    def __init__(self, name: str, fetch: Callable[[], Any]) -> None:
        self.name, self.fetch = name, fetch
        self.value = fetch()
        self.single = isinstance(self.value, _SINGLE)
        self.size = None if self.single else _size(self.value)
        self.contents = None if self.single else _contents(self.value)

    def is_unchanged(self) -> bool:
        """Return whether the function would find the same."""
        now = self.fetch()
        if self.single:
            return now is self.value or now is _MISSING or _equal(self.value, now)
        if now is _MISSING:
            return True
        if type(now) is not type(self.value) or _size(now) != self.size:
            return False
        if (
            isinstance(now, (list, tuple))
            and self.contents is not None
            and all(map(is_, now, self.contents))
        ):
            return True  # nearly always, and quicker than to look what the entries are
        return self.contents is None or _same_contents(self.contents, _contents(now))

    def complaint(self) -> str:
        """Return what changed, in words."""
        now = self.fetch()
        advice = "compile again, or make it a Value, which is read at each call"
        if self.single:
            was, is_now = repr(self.value), f"is now {now!r:.60}"
        elif type(now) is type(self.value) and _size(now) != self.size:
            was, is_now = _sized(self.size), f"has {_sized(_size(now))} now"
            return f"`{self.name}` had {was} when the function was recorded and {is_now}: compile again"
        else:
            was, is_now = f"{self.contents!r:.60}", f"is now {now!r:.60}"
            advice = "compile again, or make its numbers Values, which are read at each call"
        return f"`{self.name}` was {was} when the function was recorded and {is_now}: {advice}"


def _sized(size: Any) -> str:
    return f"the shape {size}" if isinstance(size, tuple) else f"{size} entries"


def _size(container: Any) -> Any:
    return container.shape if isinstance(container, numpy.ndarray) else len(container)


def _contents(container: Any) -> Any:
    """A copy of what a small container of plain entries holds; None for any other."""
    if isinstance(container, numpy.ndarray):
        small = container.size <= _MAX_CONTENTS and container.dtype.kind in "biuf"
        return container.tolist() if small else None
    if len(container) > _MAX_CONTENTS:
        return None
    entries = container.values() if isinstance(container, dict) else container
    for entry in entries:
        if not isinstance(entry, _SINGLE):
            return None
    return container.copy() if isinstance(container, (list, dict, set)) else container


def _same_contents(before: Any, now: Any) -> bool:
    """Whether two copies agree; `==` of lists and dicts takes the same nan for equal."""
    return bool(before == now) or repr(before) == repr(now)


def _equal(before: Any, now: Any) -> bool:
    """Whether two single things are the same to a function; 2 and 2.0 are, and so are two nans."""
    if not isinstance(now, _SINGLE):
        return False
    if isinstance(now, float) and isinstance(before, float) and isnan(now):
        return isnan(before)
    return bool(now == before)


_MISSING = object()


def _names_of(function: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each name that the function reads from outside, with what looks it up.

    Functions of the user that are found under these names, or as methods of a Module, are followed.
    """
    pending = _functions_of(function)
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        for name, fetch, near in _read_by(current):
            yield name, fetch
            for further in _functions_of(fetch()):
                if not _is_ours(further) and (near or further.__globals__ is current.__globals__):
                    pending.append(further)


def _read_by(function: FunctionType) -> Iterator[tuple[str, Callable[[], Any], bool]]:
    """The names of one function, and whether each is one of its closure."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, partial(_in_cell, cell), True
    for name in sorted(set(_global_names(function.__code__))):
        yield name, partial(_in_module, function.__globals__, name), False


def _in_cell(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet, or was deleted
        return _MISSING


def _in_module(space: Mapping[str, Any], name: str) -> Any:
    return space.get(name, _MISSING)


def _global_names(code: CodeType) -> Iterator[str]:
    """The names of the module that the code reads, those in functions within it included."""
    for instruction in get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _functions_of(thing: Any) -> list[FunctionType]:
    """The Python functions that a call of `thing` runs, as far as that is easily told."""
    if isinstance(thing, FunctionType):
        return [thing]
    if isinstance(thing, MethodType):
        return _functions_of(thing.__func__)
    if isinstance(thing, partial):
        return _functions_of(thing.func)
    if isinstance(thing, Module):
        kinds = {type(part) for _, part in thing.named_modules()}
        return [found for kind in kinds for found in _functions_of(vars(kind).get("forward"))]
    return []


def _is_ours(thing: FunctionType | type) -> bool:
    """Whether a function or a class belongs to this library."""
    return (thing.__module__ or "").partition(".")[0] == _PACKAGE


def _generators_of(model: Module) -> list[Any]:
    """The generators of the user's own modules: those of the library are drawn from by leaves alone.

    So another thread may use a Dropout while the model is recorded.
    """
    parts = [part for _, part in model.named_modules() if not _is_ours(type(part))]
    return [item for part in parts for item in list(vars(part).values())]


def _global_states() -> dict[str, Any]:
    return {
        "Python's global generator (the module random)": random.getstate(),
        "NumPy's global generator (numpy.random)": _hashable(numpy.random.get_state(legacy=False)),
    }


def _state(generator: Any) -> Any:
    """The state of a generator of random numbers; None for anything else, and for one that has no state."""
    if isinstance(generator, random.Random) and not isinstance(generator, random.SystemRandom):
        return generator.getstate()
    if isinstance(generator, numpy.random.Generator):
        return _hashable(generator.bit_generator.state)
    if isinstance(generator, numpy.random.RandomState):
        return _hashable(generator.get_state(legacy=False))
    return None


def _hashable(state: Any) -> Any:
    """The state of one of NumPy's generators as something that `==` compares."""
    if isinstance(state, Mapping):
        return {name: _hashable(part) for name, part in state.items()}
    return state.tobytes() if isinstance(state, numpy.ndarray) else state


def _drawn(source: str) -> TraceError:
    return TraceError(
        f"random numbers were drawn from {source} while the function was recorded, and every sample would "
        "get the same ones\n"
        "  Use nn.Dropout or scalargrad.RandomLeaf, which a program draws again for each sample, or pass the "
        "random numbers as an input. (If another thread drew them, compile before it begins.)"
    )
