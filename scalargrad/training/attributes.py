"""What modules, losses and penalties hold, compared with what they held before."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import is_
from typing import Any, NamedTuple

import numpy

from scalargrad.nn import Module
from scalargrad.nn.containers import is_object

_PLAIN = frozenset([bool, int, float, str, type(None)])
"""Types of which equal ones need not be the same object."""
_MAX_ARRAY = 4096
"""The largest array that is compared number by number; of others only the object is."""
_MAX_DEPTH = 3
"""How many objects and containers inside of one another are searched, counted from a module."""


class _Record(NamedTuple):
    """What a module, an object, a container or an array held.

    `path` leads there from the module, and `owner` is the class of the module.
    """

    thing: Any
    path: str
    owner: str
    before: Any


class Attributes:
    """The attributes of all modules in a model, and of functions, as they were at first.

    Searched are objects of the user's classes, lists, dicts, sets and small arrays in them, three
    levels deep. Numbers and text are compared by value, other entries by identity. The mode does
    not count.

    Args:
        model: The model.
        *functions: Other objects that are called, such as a loss.

    Example:
        >>> from scalargrad.nn import Dropout
        >>> layer = Dropout(0.5, seed=1)
        >>> attributes = Attributes(layer)
        >>> layer.mask.p = 0.25
        >>> attributes.find_change()
        '`mask.p` of Dropout'
        >>> attributes.restore()
        >>> layer.mask.p, attributes.find_change()
        (0.5, '')
    """

    def __init__(self, model: Module, *functions: object) -> None:
        modules = [module for _, module in model.named_modules()]
        self._records: list[_Record] = []
        self._seen: set[int] = set()
        for module in modules:
            self._record(module, "", type(module).__name__, _MAX_DEPTH)
        for function in functions:
            self._record(function, "", type(function).__name__, _MAX_DEPTH)

    def _record(self, thing: Any, path: str, owner: str, depth: int) -> None:
        """Copy what a thing holds, and what is inside that, `depth` levels deep."""
        before = _copy(thing)
        if before is None or id(thing) in self._seen:
            return
        self._seen.add(id(thing))
        self._records.append(_Record(thing, path, owner, before))
        if not depth or isinstance(before, numpy.ndarray):
            return
        # Most lists are long and of one class, such as the weights of a neuron.
        if not any(map(_is_searched, set(map(type, _values(before))))):
            return
        for name, entry in _entries(before):
            kind: type = type(entry)
            if _is_searched(kind):
                self._record(entry, _join(path, name), owner, depth - 1)

    def find_change(self) -> str:
        """Name the first attribute that is not as it was; "" if all are."""
        for thing, path, owner, before in self._records:
            # In most, nothing has changed.
            if isinstance(thing, Module) and _is_unchanged(before, vars(thing)):
                continue
            now = _contents(thing)
            if _is_same(before, now):
                continue
            name = path
            if is_object(type(thing)):
                name = _join(path, _first_difference(before, now))
            return f"`{name}` of {owner}"
        return ""

    def restore(self) -> None:
        """Set attributes, and the contents of lists, dicts, sets and arrays, to what they were."""
        for thing, _, _, before in self._records:
            if _is_same(before, _contents(thing)):
                continue
            if isinstance(thing, numpy.ndarray):
                # One of another shape can't take its numbers back.
                if thing.shape == before.shape:
                    thing[...] = before
            elif isinstance(thing, list):
                thing[:] = before
            elif isinstance(thing, (dict, set)):
                thing.clear()
                thing.update(before)
            else:
                space = vars(thing)
                for name in [name for name in _contents(thing) if name not in before]:
                    del space[name]
                space.update(before)


def _contents(thing: Any) -> Any:
    """Return the entries of a container or a small array, or the attributes of an object.

    None for anything else. The mode of a module is left out.
    """
    if isinstance(thing, (list, dict, set)):
        return thing
    if isinstance(thing, numpy.ndarray):
        return thing if thing.size <= _MAX_ARRAY else None
    if isinstance(thing, Module):
        return {name: value for name, value in list(vars(thing).items()) if name != "training"}
    if is_object(type(thing)):
        return getattr(thing, "__dict__", None)
    return None


def _copy(thing: Any) -> Any:
    contents = _contents(thing)
    return None if contents is None else contents.copy()


@lru_cache(maxsize=512)
def _is_searched(kind: type) -> bool:
    """Return whether things of a class may have a record; modules get theirs from the model."""
    if issubclass(kind, Module):
        return False
    return issubclass(kind, (list, dict, set, numpy.ndarray)) or is_object(kind)


def _values(contents: Any) -> Iterable[Any]:
    values: Iterable[Any] = contents.values() if isinstance(contents, dict) else contents
    return values


def _entries(contents: Any) -> Iterable[tuple[object, Any]]:
    return contents.items() if isinstance(contents, dict) else enumerate(contents)


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _is_unchanged(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether the attributes of a module, its mode apart, are the very same objects."""
    same_names = before.keys() == now.keys() - {"training"}
    return same_names and all(map(is_, before.values(), map(now.get, before)))


def _is_same(before: Any, now: Any) -> bool:
    if isinstance(before, numpy.ndarray):
        same_shape: bool = before.shape == now.shape
        return same_shape and before.tobytes() == now.tobytes()
    if isinstance(before, set):
        return bool(before == now)
    if isinstance(before, dict):
        if before.keys() != now.keys():
            return False
        before, now = before.values(), [now[name] for name in before]
    # The usual case first, at the speed of C.
    if len(before) == len(now) and all(map(is_, before, now)):
        return True
    return len(before) == len(now) and all(map(_is_same_entry, before, now))


def _is_same_entry(before: Any, now: Any) -> bool:
    if before is now:
        return True
    plain = type(before) is type(now) and type(before) in _PLAIN
    return plain and repr(before) == repr(now)


def _first_difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the first name that only one of two mappings has, or under which they differ."""
    for name in (*before, *now):
        if name not in before or name not in now or not _is_same_entry(before[name], now[name]):
            return name
    return ""
