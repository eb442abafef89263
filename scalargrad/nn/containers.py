"""Where a module keeps what belongs to it: containers that are searched, and other places."""

import sys
from collections import UserDict, UserList, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, ValuesView
from dataclasses import fields, is_dataclass
from dis import get_instructions
from functools import lru_cache, partial
from types import FunctionType, MappingProxyType, MethodType, SimpleNamespace
from typing import Any

from scalargrad.core.nested import is_array
from scalargrad.core.value import Parameter, Value

Kinds = type | tuple[type, ...]
Reader = Callable[[Any], Iterable[tuple[Any, Any]]]

LEAVES = frozenset([bool, bytes, complex, float, int, range, str, type(None)])
"""Types that hold nothing, so that long lists of numbers are passed quickly."""

_SEQUENCES = (list, tuple, deque, UserList, ValuesView)
_MAPPINGS = (dict, MappingProxyType, UserDict)
_FUNCTIONS = (FunctionType, MethodType, partial)

_FOREIGN = frozenset(["jax", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch"])
"""Libraries whose objects are not looked into, nor are those of the standard library."""

_DEEPEST = 8
"""How many objects inside of one another are looked into."""


def members(
    name: str,
    value: Any,
    kinds: Kinds,
    closed: Kinds,
    around: tuple[Any, ...] = (),
    strange: list[tuple[str, Any]] | None = None,
) -> Iterator[tuple[str, Any]]:
    """Find everything of some kinds in an attribute of a module.

    Searched are lists, tuples, deques, dictionaries, arrays of objects and dataclasses, in any
    nesting, always in the order that they have.

    Args:
        name: The name of the attribute.
        value: What it holds.
        kinds: The classes to find.
        closed: Classes whose insides are their own affair.
        around: The containers that this one is inside of.
        strange: Where to put the functions and objects that are met, which are not searched.

    Returns:
        Pairs of a path, such as `heads.left.0`, and the thing itself.

    Example:
        >>> list(members("a", [1, {"b": 2.5}], float, ()))
        [('a.1.b', 2.5)]
    """
    if isinstance(value, kinds):
        yield name, value
        return

    kind: Any = type(value)
    items_of = _reader(kind)
    if isinstance(value, closed) or any(value is outer for outer in around):
        return
    if items_of is None:
        if strange is not None and _may_hold(kind):
            strange.append((name, value))
        return

    for key, item in items_of(value):
        kind = type(item)
        if isinstance(item, kinds):  # at once, as there may be very many
            yield f"{name}.{key}", item
        elif _reader(kind) is not None or (strange is not None and _may_hold(kind)):
            yield from members(f"{name}.{key}", item, kinds, closed, (*around, value), strange)


@lru_cache(maxsize=512)
def _reader(kind: type) -> Reader | None:
    """Return what reads keys and items of a kind of container, None for what is not searched.

    Remembered by class, as this is asked for every number of every module.
    """
    if issubclass(kind, Value):
        return None
    if issubclass(kind, _SEQUENCES):
        return enumerate
    if issubclass(kind, _MAPPINGS):
        return _pairs
    if is_dataclass(kind):
        return _fields
    if hasattr(kind, "__array__") and hasattr(kind, "shape"):
        return _rows
    return None


def _pairs(mapping: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    return mapping.items()


def _fields(thing: Any) -> Iterable[tuple[Any, Any]]:
    return [(field.name, getattr(thing, field.name, None)) for field in fields(thing)]


def _rows(array: Any) -> Iterable[tuple[Any, Any]]:
    holds_objects = is_array(array) and array.dtype.kind == "O"
    return enumerate(array) if holds_objects else ()


def everything(places: Iterable[tuple[str, Any]], closed: set[int]) -> Iterator[tuple[str, Value]]:
    """Find every Value in some places, also where a module does not search.

    That is in sets, objects of the user's own classes, and what functions use: closures, defaults,
    global Values. A function is the last that is looked into, and only for Parameters: a plain
    Value around a function is as often as not meant as a constant.

    Args:
        places: The places by name.
        closed: Ids of objects that are not looked into. Those that were are added to it.

    Returns:
        Pairs of a path and the Value.

    Example:
        >>> rate = Parameter(2.0)
        >>> list(everything([("f", lambda x: rate * x)], set()))
        [('f.rate', Parameter(data=2.0, grad=0.0))]
    """
    objects: deque[tuple[str, Any, int]] = deque()
    functions: deque[tuple[str, Any, int]] = deque()

    def add(path: str, item: Any, depth: int) -> None:
        if type(item) not in LEAVES:
            queue = functions if isinstance(item, _FUNCTIONS) else objects
            queue.append((path, item, depth))

    for name, place in places:
        add(name, place, 0)
    in_functions = False
    while objects or functions:
        in_functions = in_functions or not objects
        path, item, depth = (objects or functions).popleft()
        if isinstance(item, Value):
            if isinstance(item, Parameter) or not in_functions:
                yield path, item
        elif id(item) not in closed and depth < _DEEPEST:
            closed.add(id(item))
            for key, part in insides(item):
                add(f"{path}.{key}", part, depth + 1)


def insides(item: Any) -> Iterable[tuple[Any, Any]]:
    """Return what is in a container, an object or a function, by key or name.

    Example:
        >>> list(insides({"a": 1.0}))
        [('a', 1.0)]
    """
    kind: Any = type(item)
    items_of = _reader(kind)
    if items_of is not None:
        return items_of(item)
    if isinstance(item, (set, frozenset)):
        # the order of a set differs from process to process, that of labels does not
        ordered = sorted(item, key=lambda part: str(getattr(part, "label", "")))
        return enumerate(ordered)
    if isinstance(item, FunctionType):
        return _captured(item)
    if isinstance(item, MethodType):
        return [("__self__", item.__self__), *insides(item.__func__)]
    if isinstance(item, partial):
        return [("args", item.args), *item.keywords.items(), *insides(item.func)]
    return _attributes(item)


def _captured(function: FunctionType) -> list[tuple[str, Any]]:
    """Return what a function uses: variables of its closure, its defaults, what is global."""
    captured: list[tuple[str, Any]] = []
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            captured.append((name, cell.cell_contents))
        except ValueError:  # a variable that is not set yet
            continue
    defaults = function.__defaults__ or ()
    first = code.co_argcount - len(defaults)
    captured += zip(code.co_varnames[first:], defaults, strict=False)
    captured += list((function.__kwdefaults__ or {}).items())

    # of the globals Values, containers and modules: other functions and objects lead too far
    for step in get_instructions(function):
        item = function.__globals__.get(step.argval) if step.opname == "LOAD_GLOBAL" else None
        kind: Any = type(item)
        is_module = hasattr(kind, "named_parameters")
        if is_module or issubclass(kind, Value) or _reader(kind) is not None:
            captured.append((step.argval, item))
    return captured


def _attributes(item: Any) -> list[tuple[str, Any]]:
    """Return the attributes of an object whose class is the user's own."""
    own: Any = type(item)
    if isinstance(item, type) or not _may_hold(own):
        return []
    slots = [name for kind in type(item).__mro__ for name in _slots(kind) if hasattr(item, name)]
    in_slots = [(name, getattr(item, name)) for name in slots]
    return [*getattr(item, "__dict__", {}).items(), *in_slots]


@lru_cache(maxsize=512)
def _may_hold(kind: type) -> bool:
    """Return whether something of this kind, which is no container, may hold Values."""
    if issubclass(kind, (*_FUNCTIONS, SimpleNamespace)):
        return True
    library = kind.__module__.partition(".")[0]
    known = library in _FOREIGN or library in sys.stdlib_module_names
    return not known and not issubclass(kind, (Value, type))


def _slots(kind: type) -> Iterable[str]:
    names = vars(kind).get("__slots__", ())
    own = [names] if isinstance(names, str) else list(names)
    return [name for name in own if name not in ("__dict__", "__weakref__")]
