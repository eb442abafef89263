"""Where a module keeps what belongs to it: containers that are searched, and other places."""

import sys
from collections import UserDict, UserList, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, ValuesView
from dataclasses import fields, is_dataclass
from dis import get_instructions
from functools import lru_cache, partial
from types import CodeType, FunctionType, MappingProxyType, MethodType, SimpleNamespace
from typing import Any, TypeVar

from scalargrad.core.nested import is_array
from scalargrad.core.value import Parameter, Value

Kind = TypeVar("Kind")
Kinds = type | tuple[type, ...]
Members = list[tuple[str, object]]
Reader = Callable[[Any], Iterable[tuple[Hashable, object]]]

LEAVES = frozenset([bool, bytes, complex, float, int, range, str, type(None)])
"""Types that hold nothing, so that long lists of numbers are passed quickly."""

_SEQUENCES = (list, tuple, deque, UserList, ValuesView)
_MAPPINGS = (dict, MappingProxyType, UserDict)
_FUNCTIONS = (FunctionType, MethodType, partial)

_FOREIGN = frozenset(["jax", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch"])
"""Libraries whose objects are not searched, like those of the standard library."""

_MAX_DEPTH = 8
"""How many objects inside of one another are searched."""


def members(
    name: str,
    value: object,
    kinds: type[Kind] | tuple[type[Kind], ...],
    opaque: Kinds,
    ancestors: tuple[object, ...] = (),
    unsearched: Members | None = None,
) -> Iterator[tuple[str, Kind]]:
    """Find everything of some kinds in an attribute of a module.

    Searched are lists, tuples, deques, dictionaries, arrays of objects and dataclasses, in any
    nesting, always in the order that they have.

    Args:
        name: The name of the attribute.
        value: What it holds.
        kinds: The classes to find.
        opaque: Classes that are not searched.
        ancestors: The containers that this one is inside of.
        unsearched: Where to put the functions and objects that are met, which are not searched.

    Returns:
        Pairs of a path, such as `heads.left.0`, and the thing itself.

    Example:
        >>> list(members("a", [1, {"b": 2.5}], float, ()))
        [('a.1.b', 2.5)]
    """
    if isinstance(value, kinds):
        yield name, value
        return

    if isinstance(value, opaque):
        return
    # A list may contain itself, and would be searched forever.
    if ancestors and any(value is ancestor for ancestor in ancestors):
        return

    kind: type = type(value)
    read_items = _reader(kind)
    if read_items is None:
        if unsearched is not None and _may_hold(kind):
            unsearched.append((name, value))
        return

    inside = (*ancestors, value)
    # The last class that was passed over: most lists are of one class, and many are long.
    passed_over: type | None = None
    for key, item in read_items(value):
        item_kind: type = type(item)
        if item_kind is passed_over:
            continue
        # Tested here and not in a recursive call, which would make a generator for each number.
        if isinstance(item, kinds):
            yield f"{name}.{key}", item
            continue
        is_reported = unsearched is not None and _may_hold(item_kind)
        if is_reported or _reader(item_kind) is not None:
            yield from members(f"{name}.{key}", item, kinds, opaque, inside, unsearched)
        else:
            passed_over = item_kind


def is_container(kind: type) -> bool:
    """Return whether `members` looks into things of a class.

    Example:
        >>> is_container(list), is_container(float)
        (True, False)
    """
    return _reader(kind) is not None


# Cached by class, because it is called for every number of every module.
@lru_cache(maxsize=512)
def _reader(kind: type) -> Reader | None:
    """Return what reads keys and items of a kind of container, None for what is not searched."""
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


def _pairs(mapping: Mapping[Hashable, object]) -> Iterable[tuple[Hashable, object]]:
    return mapping.items()


def _fields(thing: Any) -> Iterable[tuple[str, object]]:
    return [(field.name, getattr(thing, field.name, None)) for field in fields(thing)]


def _rows(array: Any) -> Iterable[tuple[int, object]]:
    # An array of numbers holds no Values, so it need not be searched.
    holds_objects = is_array(array) and array.dtype.kind == "O"
    return enumerate(array) if holds_objects else ()


def find_values(
    places: Iterable[tuple[str, object]], closed: set[int]
) -> Iterator[tuple[str, Value]]:
    """Find every Value in some places, also where a module does not search.

    That is in sets, objects of the user's own classes, and what functions use: closures, defaults,
    global Values. Functions are searched last, and only for Parameters: a plain Value that a
    function uses is often meant as a constant.

    Args:
        places: The places by name.
        closed: Ids of objects that are not searched. Those that were searched are added to it.

    Returns:
        Pairs of a path and the Value.

    Example:
        >>> rate = Parameter(2.0)
        >>> list(find_values([("f", lambda x: rate * x)], set()))
        [('f.rate', Parameter(data=2.0, grad=0.0))]
    """
    objects: deque[tuple[str, object, int]] = deque()
    functions: deque[tuple[str, object, int]] = deque()

    def add(path: str, item: object, depth: int) -> None:
        if type(item) not in LEAVES:
            queue = functions if isinstance(item, _FUNCTIONS) else objects
            queue.append((path, item, depth))

    for name, place in places:
        add(name, place, 0)

    # Once true it stays so: whatever a function leads to belongs to the function.
    in_functions = False
    while objects or functions:
        in_functions = in_functions or not objects
        queue = objects or functions
        path, item, depth = queue.popleft()

        if isinstance(item, Value):
            if isinstance(item, Parameter) or not in_functions:
                yield path, item
        elif id(item) not in closed and depth < _MAX_DEPTH:
            closed.add(id(item))
            for key, part in contents(item):
                add(f"{path}.{key}", part, depth + 1)


def contents(item: object) -> Iterable[tuple[Hashable, object]]:
    """Return what is in a container, an object or a function, by key or name.

    Example:
        >>> list(contents({"a": 1.0}))
        [('a', 1.0)]
    """
    kind: type = type(item)
    read_items = _reader(kind)
    if read_items is not None:
        return read_items(item)
    if isinstance(item, (set, frozenset)):
        # The order of a set differs from process to process, that of labels does not.
        ordered = sorted(item, key=lambda part: str(getattr(part, "label", "")))
        return enumerate(ordered)
    if isinstance(item, FunctionType):
        return _captured(item)
    if isinstance(item, MethodType):
        return [("__self__", item.__self__), *contents(item.__func__)]
    if isinstance(item, partial):
        return [("args", item.args), *item.keywords.items(), *contents(item.func)]
    return _attributes(item)


def _captured(function: FunctionType) -> Members:
    """Return what a function uses: variables of its closure, its defaults, what is global."""
    captured: Members = []
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

    # Of the globals only Values, containers and modules: other functions and objects lead too far.
    for name in _global_names(code):
        item = function.__globals__.get(name)
        kind: type = type(item)
        is_module = hasattr(kind, "named_parameters")
        if is_container(kind) or is_module or issubclass(kind, Value):
            captured.append((name, item))
    return captured


# Cached, because reading the instructions takes longer than all other searches of a small model.
@lru_cache(maxsize=512)
def _global_names(code: CodeType) -> tuple[str, ...]:
    """Return the names of the globals that some code reads, in order, once for each time."""
    return tuple([step.argval for step in get_instructions(code) if step.opname == "LOAD_GLOBAL"])


def _attributes(item: object) -> Members:
    """Return the attributes of an object whose class is the user's own."""
    kind: type = type(item)
    if isinstance(item, type) or not _may_hold(kind):
        return []

    attributes: Members = list(getattr(item, "__dict__", {}).items())
    for base in kind.__mro__:
        for name in _slots(base):
            # A slot that is not set yet has a descriptor, but no value.
            if hasattr(item, name):
                attributes.append((name, getattr(item, name)))
    return attributes


def is_object(kind: type) -> bool:
    """Return whether things of a class are objects of somebody's own, with attributes.

    Containers, Values, functions, and what comes from Python and well-known libraries are not.

    Example:
        >>> class Settings:
        ...     rate = 0.1
        >>> is_object(Settings), is_object(list), is_object(float)
        (True, False, False)
    """
    if is_container(kind) and not is_dataclass(kind):
        return False
    return _may_hold(kind) and not issubclass(kind, _FUNCTIONS)


@lru_cache(maxsize=512)
def _may_hold(kind: type) -> bool:
    """Return whether something of this kind, which is not a container, may hold Values."""
    if issubclass(kind, (*_FUNCTIONS, SimpleNamespace)):
        return True
    library = kind.__module__.partition(".")[0]
    known = library in _FOREIGN or library in sys.stdlib_module_names
    return not known and not issubclass(kind, (Value, type))


def _slots(kind: type) -> Iterable[str]:
    names = vars(kind).get("__slots__", ())
    own = [names] if isinstance(names, str) else list(names)
    return [name for name in own if name not in ("__dict__", "__weakref__")]
