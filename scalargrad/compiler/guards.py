"""Guards: what a trace took as constant, compared at each call.

A program keeps the plain numbers that the function read around it, and can't see when they change.
So the names that the function reads from its closure and its module are looked up again at each
call, if they hold plain numbers, text, or containers. Attributes, items of nested containers, files
and clocks are not watched. Random numbers, which a trace can't hold at all, are noticed by the
state of generators.
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

__all__ = ["Guards"]

_PACKAGE = __name__.partition(".")[0]
_SINGLE = (bool, int, float, complex, str, bytes, type(None), numpy.generic)
_CONTAINERS = (list, tuple, dict, set, frozenset, numpy.ndarray)
_MAX_CONTENTS = 32
"""The largest container that is compared entry by entry; others are compared by length alone."""

_WITH_EFFECTS = ("breakpoint", "input", "open", "print")
"""Built-in functions that are called for what they do, which a program does not repeat."""

_Fetch = Callable[[], object]
"""Looks a name up again."""

_MISSING = object()


class Guards:
    """What one trace took as constant.

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
        """Take note of names and generators, before the function is recorded.

        Args:
            function: What will be recorded.
            model: The model whose generators must not be drawn from.
        """
        self._names: list[_Name] = []
        self._effects: list[str] = []
        suspects: list[object] = _possible_generators(model) if model else []
        for name, fetch in _find_names(function):
            value = fetch()
            if value is _MISSING and name in _WITH_EFFECTS:
                self._effects.append(f"calls {name}()")
            if isinstance(value, _SINGLE) or type(value) in _CONTAINERS:
                self._names.append(_Name(name, fetch))
            else:
                suspects.append(value)

        states = [(suspect, _state(suspect)) for suspect in suspects]
        self._generators = [(each, state) for each, state in states if state is not None]
        self._global = _global_states()
        self._rewind = [_rewinder(each) for each, _ in self._generators]
        self._rewind += [
            partial(random.setstate, random.getstate()),
            partial(numpy.random.set_state, numpy.random.get_state(legacy=False)),
        ]

    def settle(self) -> None:
        """Compare after the function was recorded: what it changed itself is no longer watched.

        Raises:
            TraceError: Random numbers were drawn.
        """
        source = self._find_drawing()
        if source:
            self.rewind()
            raise _drawing_error(source)

        unchanged = []
        for name in self._names:
            if name.is_unchanged():
                unchanged.append(name)
            else:
                self._effects.append(f"changes `{name.name}`")
        self._names = unchanged

    def rewind(self) -> None:
        """Set back the generators that were drawn from: what is not recorded leaves no trace."""
        if self._find_drawing():
            for rewind in self._rewind:
                rewind()

    def _find_drawing(self) -> str:
        """Name what random numbers were drawn from; "" if none were."""
        for source, state in _global_states().items():
            if state != self._global[source]:
                return source
        for generator, state in self._generators:
            if _state(generator) != state:
                return f"a {type(generator).__name__}"
        return ""

    def effects(self) -> list[str]:
        """Return what the function does besides computing, as far as its names tell.

        A program does not do it again.

        Example:
            >>> guards = Guards(lambda: print("running"))
            >>> guards.settle()
            >>> guards.effects()
            ['calls print()']
        """
        return list(dict.fromkeys(self._effects))

    def check(self) -> None:
        """Raise TraceError if something that the trace took as constant has changed."""
        for name in self._names:
            if not name.is_unchanged():
                raise TraceError(name.complaint())


class _Name:
    """A name, and its value during the trace."""

    __slots__ = ("contents", "fetch", "name", "single", "size", "value")

    def __init__(self, name: str, fetch: _Fetch) -> None:
        self.name = name
        self.fetch = fetch
        self.value = fetch()
        self.single = isinstance(self.value, _SINGLE)
        self.size = None if self.single else _size(self.value)
        self.contents = None if self.single else _contents(self.value)

    def is_unchanged(self) -> bool:
        """Return whether the function would read the same."""
        now = self.fetch()
        # Without the name the function itself would fail; the program goes on with what it has.
        if now is _MISSING:
            return True
        if self.single:
            return now is self.value or _equal(self.value, now)
        if type(now) is not type(self.value) or _size(now) != self.size:
            return False
        if self.contents is None:
            return True
        # Nearly always the entries are the same objects, which is faster to see than their values.
        if isinstance(now, (list, tuple)) and all(map(is_, now, self.contents)):
            return True
        return _same_contents(self.contents, _contents(now))

    def complaint(self) -> str:
        """Return a sentence that says what changed."""
        now = self.fetch()
        if self.single:
            return (
                f"`{self.name}` was {self.value!r} when the function was recorded and is now "
                f"{now!r:.60}: compile again, or make it a Value, which is read at each call"
            )
        if type(now) is type(self.value) and _size(now) != self.size:
            return (
                f"`{self.name}` had {_format_size(self.size)} when the function was recorded and "
                f"has {_format_size(_size(now))} now: compile again"
            )
        return (
            f"`{self.name}` was {self.contents!r:.60} when the function was recorded and is now "
            f"{now!r:.60}: compile again, or make its numbers Values, which are read at each call"
        )


def _format_size(size: object) -> str:
    return f"the shape {size}" if isinstance(size, tuple) else f"{size} entries"


def _size(container: Any) -> Any:
    return container.shape if isinstance(container, numpy.ndarray) else len(container)


def _contents(container: Any) -> Any:
    """A copy of the entries of a small container of plain ones; None for any other."""
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


def _same_contents(before: object, now: object) -> bool:
    """Whether two copies agree."""
    # `==` of lists and dicts takes the same nan object for equal, and two nans for different ones.
    return bool(before == now) or repr(before) == repr(now)


def _equal(before: object, now: object) -> bool:
    """Whether two plain values are the same to a function; 2 and 2.0 are, and so are two nans."""
    if not isinstance(now, _SINGLE):
        return False
    if isinstance(now, float) and isinstance(before, float) and isnan(now):
        return isnan(before)
    return bool(now == before)


def _find_names(function: object) -> Iterator[tuple[str, _Fetch]]:
    """Yield each name that the function reads from outside, with what looks it up.

    Functions of the user under these names, and what forward methods of Modules call, are searched,
    too.
    """
    pending = _find_functions(function)
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        for name, fetch, near in _find_names_in(current):
            yield name, fetch
            for further in _find_functions(fetch()):
                if not _is_ours(further) and (near or further.__globals__ is current.__globals__):
                    pending.append(further)


def _find_names_in(function: FunctionType) -> Iterator[tuple[str, _Fetch, bool]]:
    """Yield the names that one function reads, and whether each is in its closure."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, partial(_in_cell, cell), True
    for name in sorted(set(_global_names(function.__code__))):
        yield name, partial(function.__globals__.get, name, _MISSING), False


def _in_cell(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        # The variable has no value yet, or was deleted.
        return _MISSING


def _global_names(code: CodeType) -> Iterator[str]:
    """Yield the global names that the code reads, also in functions inside it."""
    for instruction in get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _find_functions(thing: object) -> list[FunctionType]:
    """The Python functions that a call of `thing` runs, as far as its type tells."""
    if isinstance(thing, FunctionType):
        return [thing]
    if isinstance(thing, MethodType):
        return _find_functions(thing.__func__)
    if isinstance(thing, partial):
        return _find_functions(thing.func)
    if isinstance(thing, Module):
        parts = [part for _, part in thing.named_modules()]
        functions = []
        for kind in {type(part) for part in parts}:
            if not _is_ours(kind):
                functions += _find_methods(kind)
        for part in parts:
            functions += _find_kept_functions(part)
        return functions
    return []


def _find_methods(kind: type[Module]) -> list[FunctionType]:
    """The forward method of a class, and the methods that it names."""
    found: list[FunctionType] = []
    pending: list[object] = [kind.forward]
    while pending:
        method = pending.pop()
        if isinstance(method, FunctionType) and method not in found and not _is_ours(method):
            found.append(method)
            pending += [getattr(kind, name, None) for name in method.__code__.co_names]
    return found


def _find_kept_functions(module: Module) -> list[FunctionType]:
    """The functions in attributes of a module, such as steps of a Sequential."""
    found = []
    for value in vars(module).values():
        items = value if isinstance(value, (list, tuple)) else [value]
        found += [item for item in items if isinstance(item, FunctionType) and not _is_ours(item)]
    return found


def _is_ours(thing: FunctionType | type) -> bool:
    """Whether a function or a class belongs to this library."""
    return (thing.__module__ or "").partition(".")[0] == _PACKAGE


def _possible_generators(model: Module) -> list[object]:
    """All attributes of the user's own modules, generators among them."""
    # Not those of library modules, which only random leaves draw from: another thread may use a
    # Dropout while the model is recorded.
    parts = [part for _, part in model.named_modules() if not _is_ours(type(part))]
    return [item for part in parts for item in list(vars(part).values())]


def _global_states() -> dict[str, object]:
    return {
        "Python's global generator (the module random)": random.getstate(),
        "NumPy's global generator (numpy.random)": _comparable(
            numpy.random.get_state(legacy=False)
        ),
    }


def _state(generator: object) -> object:
    """The state of a random number generator; None for anything that has no state."""
    if isinstance(generator, random.Random) and not isinstance(generator, random.SystemRandom):
        return generator.getstate()
    if isinstance(generator, numpy.random.Generator):
        return _comparable(generator.bit_generator.state)
    if isinstance(generator, numpy.random.RandomState):
        return _comparable(generator.get_state(legacy=False))
    return None


def _rewinder(generator: Any) -> Callable[[], object]:
    """Return a function that sets a random number generator back to its present state."""
    if isinstance(generator, random.Random):
        return partial(generator.setstate, generator.getstate())
    if isinstance(generator, numpy.random.RandomState):
        return partial(generator.set_state, generator.get_state(legacy=False))
    bits = generator.bit_generator
    return partial(setattr, bits, "state", bits.state)


def _comparable(state: object) -> object:
    """The state of one of NumPy's generators as something that `==` compares."""
    if isinstance(state, Mapping):
        return {name: _comparable(part) for name, part in state.items()}
    return state.tobytes() if isinstance(state, numpy.ndarray) else state


def _drawing_error(source: str) -> TraceError:
    return TraceError(
        f"random numbers were drawn from {source} while the function was recorded, and every "
        "sample would get the same ones\n"
        "  Use nn.Dropout or scalargrad.RandomLeaf, which a program draws again for each sample, "
        "or pass the random numbers as an input. (If another thread drew them, compile before it "
        "begins.)"
    )
