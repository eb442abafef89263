"""What can learn: everything that a loss uses and is meant to learn can be reached by the optimizer, or a warning names it."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy

from ..engine import Constant, Parameter, Value
from ..errors import OptionError, UnlearnedWarning
from ..nn import Module
from ..optimiser import Optimiser

_SHOWN = 3
_DEEPEST = 8
_MOST = 100_000
"""So many containers and objects of a model are looked into."""


class Made:
    """An observer that notes which nodes were computed while it watched."""

    def __init__(self) -> None:
        self.ids: set[int] = set()

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:  # noqa: ARG002
        """Note a node."""
        self.ids.add(id(node))

    def went_back(self, order: list[Any]) -> None:
        """Do nothing: backward passes make no nodes of the loss."""


def plain_attributes(model: Module) -> dict[int, tuple[str, Value]]:
    """Find the Values in the attributes of a model that are no Parameters, Buffers or Constants.

    Returns:
        Path and Value by the Value's id; containers that a Module does not search are looked into.

    Example:
        >>> model = Module()
        >>> model.gain, model.bias = Value(1.0), Parameter(0.0)
        >>> [path for path, _ in plain_attributes(model).values()]
        ['gain']
    """
    found: dict[int, tuple[str, Value]] = {}
    for path, value in _hidden(vars(model).items()):
        if not isinstance(value, (Parameter, Constant)):
            found.setdefault(id(value), (path, value))
    return found


def check_optimizer(model: Module, optimizer: Optimiser, used: Iterable[Value]) -> None:
    """Refuse an optimizer that would change something else than what the loss depends on.

    Args:
        model: What is trained.
        optimizer: What shall train it.
        used: The leaves that the loss of a sample, or the penalty, depends on.

    Raises:
        OptionError: For parameters that are neither the model's nor used.

    Example:
        >>> from scalargrad.nn import Layer
        >>> from scalargrad.optim import SGD
        >>> check_optimizer(Layer(1, 1), SGD(Layer(1, 1).parameters()), [])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        scalargrad.errors.OptionError: SGD is over the parameters of another model: none of its 2 parameters is the model's, ...
    """
    known = {id(leaf) for leaf in (*model.parameters(), *used)}
    strange = [parameter for parameter in optimizer.parameters if id(parameter) not in known]
    if not strange:
        return
    if not model.parameters():
        raise OptionError(no_parameters(plain_attributes(model), model))
    count, kind = len(optimizer.parameters), type(optimizer).__name__
    if len(strange) == count:
        raise OptionError(
            f"{kind} is over the parameters of another model: none of its {count} parameters is the model's, so nothing would be "
            f"learned. Make it again, {kind}(model.parameters(), …), after the model"
        )
    raise OptionError(
        f"{kind} holds {len(strange)} of its {count} parameters in vain: neither the model has them nor does its loss use them. "
        f"Were they replaced after {kind} was made? "
        f"Make it again, {kind}(model.parameters(), …)"
    )


def no_parameters(attributes: dict[int, tuple[str, Value]], model: Module) -> str:
    """Say why a model can't learn that has no Parameter.

    Example:
        >>> no_parameters({}, Module())
        'Module has no Parameters, so there is nothing to train: assign Parameters or Modules to its attributes'
    """
    own = [path for path, _ in attributes.values()]
    if own:
        return f"{type(model).__name__} has no Parameters, only plain Values, which nothing trains, in {_some(own)}: make them Parameters"
    return f"{type(model).__name__} has no Parameters, so there is nothing to train: assign Parameters or Modules to its attributes"


def warn_of_unlearned(
    model: Module,
    optimizer: Optimiser,
    roots: Sequence[Value],
    made: Made,
    attributes: dict[int, tuple[str, Value]],
    functions: Sequence[Any],
) -> None:
    """Warn of what the loss uses, what is meant to learn, and what the optimizer can't reach.

    Args:
        model: What is trained.
        optimizer: What trains it.
        roots: The losses of a few samples, and the penalty.
        made: What was computed just now, as opposed to long ago.
        attributes: The plain Values that the model had before, from `plain_attributes`.
        functions: Where else to look for names: the loss and the penalty.
    """
    leaves, old = used_leaves(roots, made)
    known = {id(parameter) for parameter in (*model.parameters(), *optimizer.parameters)}
    lost = [leaf for leaf in leaves if isinstance(leaf, Parameter) and leaf.trainable and id(leaf) not in known]
    if lost:
        names = _names(lost, model, functions)
        _warn(
            f"the loss uses {_some(names)}, which neither model.parameters() nor the optimizer holds, so it is not learned: "
            "assign it to an attribute of the model, in a list, tuple or dict if need be, before the optimizer is made"
        )
    plain = [attributes[id(leaf)][0] for leaf in leaves if id(leaf) in attributes and not isinstance(leaf, Parameter)]
    if plain:
        _warn(
            f"the loss uses {_some(plain)}, a plain Value of {type(model).__name__}, which is not learned: "
            "make it a Parameter, or a Buffer if it shall stay as it is"
        )
    stale = [node for node in old if id(node) in attributes or _learns(node)]
    if stale:
        names = [attributes[id(node)][0] if id(node) in attributes else node.label or f"a result of {node.op}" for node in stale]
        _warn(
            f"the loss uses {_some(names)}, computed before training began, so it keeps its number and is not learned: "
            "compute it inside of forward, or make it a Parameter, as in Parameter(value.data)"
        )
    reached = {id(leaf) for leaf in leaves}
    free = [parameter for parameter in optimizer.parameters if parameter.trainable]
    if free and not lost and not plain and not stale and not any(id(parameter) in reached for parameter in free):
        _warn(
            "the loss depends on none of the parameters that the optimizer holds, so nothing is learned: "
            "compute it from the model's output as a graph, not from plain numbers (.data, float(), detach())"
        )


def used_leaves(roots: Sequence[Value], made: Made) -> tuple[list[Value], list[Value]]:
    """Walk graphs back to what they depend on.

    Returns:
        The leaves, and the results that were there before `made` watched; below those nothing is looked at.

    Example:
        >>> a = Value(1.0, label="a")
        >>> [leaf.label for leaf in used_leaves([a], Made())[0]]
        ['a']
    """
    leaves: list[Value] = []
    old: list[Value] = []
    seen: set[int] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not node.args:
            leaves.append(node)
        elif id(node) in made.ids:
            pending += node.args
        else:
            old.append(node)
    return leaves, old


def _learns(node: Value) -> bool:
    """Whether something below an old result is meant to learn."""
    seen: set[int] = set()
    pending = [node]
    while pending:
        below = pending.pop()
        if id(below) not in seen:
            seen.add(id(below))
            if isinstance(below, Parameter) and below.trainable:
                return True
            pending += below.args
    return False


def _warn(message: str) -> None:
    warnings.warn(message, UnlearnedWarning, stacklevel=_outside())


def _outside() -> int:
    """How far up the caller of the package is."""
    from sys import _getframe

    level = 2
    while level < 20:
        try:
            name = _getframe(level).f_globals.get("__name__", "")
        except ValueError:
            return level
        if not str(name).startswith("scalargrad."):
            return level
        level += 1
    return level


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _names(lost: Sequence[Value], model: Module, functions: Sequence[Any]) -> list[str]:
    """The paths of leaves in attributes that are not searched, in closures or among globals; else their labels."""
    wanted = {id(leaf) for leaf in lost}
    places = [*vars(model).items(), *_surroundings(type(model).forward)]
    for function in functions:
        places += _surroundings(function)
    paths: dict[int, str] = {}
    for path, value in _hidden(places, parameters=True):
        if id(value) in wanted:
            paths.setdefault(id(value), path)
    return [_name(leaf, paths.get(id(leaf), "")) for leaf in lost]


def _name(leaf: Value, path: str) -> str:
    if path and leaf.label and leaf.label not in path:
        return f"{path} ({leaf.label!r})"
    return path or leaf.label or f"a Parameter of {leaf.data!r}"


def _surroundings(function: Any) -> list[tuple[str, Any]]:
    """What a function reads from around it, by name."""
    if isinstance(function, partial):
        return [*_surroundings(function.func), *((str(i), part) for i, part in enumerate(function.args)), *function.keywords.items()]
    if isinstance(function, MethodType):
        return [("self", function.__self__), *_surroundings(function.__func__)]
    if not isinstance(function, FunctionType):
        return list(getattr(function, "__dict__", {}).items())
    found: list[tuple[str, Any]] = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:  # a name that has no value yet
            continue
    found += [(name, function.__globals__[name]) for name in function.__code__.co_names if name in function.__globals__]
    return found


def _hidden(places: Iterable[tuple[str, Any]], parameters: bool = False) -> Iterator[tuple[str, Value]]:
    """Every Value in things by name, whatever container or object it is in; Parameters only if asked for."""
    seen: set[int] = set()
    pending = deque((name, thing, 0) for name, thing in places)
    while pending and len(seen) < _MOST:
        path, thing, depth = pending.popleft()
        if isinstance(thing, Value):
            if parameters or not isinstance(thing, Parameter):
                yield path, thing
        elif depth < _DEEPEST and id(thing) not in seen:
            seen.add(id(thing))
            try:
                pending += [(f"{path}{name}", part, depth + 1) for name, part in _parts(thing, parameters)]
            except Exception:  # an object of another library that does not like to be looked at holds nothing of ours
                continue


_ATOMS = (str, bytes, int, float, complex, type, ModuleType, type(None))


def _parts(thing: Any, parameters: bool) -> Iterable[tuple[str, Any]]:
    if isinstance(thing, _ATOMS):
        return ()
    if isinstance(thing, dict):
        return [(f"[{key!r}]", part) for key, part in thing.items()]
    if isinstance(thing, numpy.ndarray):
        return [(f"[{i}]", part) for i, part in enumerate(thing.flat)] if thing.dtype == object else ()
    if isinstance(thing, (list, tuple, deque, set, frozenset)):
        return [(f"[{i}]", part) for i, part in enumerate(thing) if parameters or type(part) is not Parameter]
    if isinstance(thing, (FunctionType, MethodType, partial)):
        # A Value around a function is as often as not meant as a constant.
        found = _surroundings(thing) if parameters else []
        return [(f".{name}", part) for name, part in found if not isinstance(part, (FunctionType, type))]
    own = getattr(thing, "__dict__", None)
    members = [(f".{name}", part) for name, part in own.items()] if isinstance(own, dict) else []
    slots = getattr(type(thing), "__slots__", ())
    names = (slots,) if isinstance(slots, str) else slots
    return members + [(f".{name}", getattr(thing, name)) for name in names if name[:2] != "__" and hasattr(thing, name)]
