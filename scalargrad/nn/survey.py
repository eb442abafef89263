"""One look through a module: its parameters, and what is meant to learn but would be passed over."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..engine import Constant, Parameter, Value
from ..errors import DataError, UnlearnedWarning
from .containers import everything, members

Found = list[tuple[str, Any]]


@dataclass
class Survey:
    """What was found in a module and all inside it, each as (path, thing).

    Attributes:
        parameters: Every Parameter in a place that is searched, each once.
        plain: Values there that are neither Parameters nor Constants.
        sets: Sets, which are not searched, as they have no order.
        strange: Functions and objects, which are not searched either.
        modules: The path of every module, by its id.
        kind: The class of modules.
    """

    kind: type
    parameters: list[tuple[str, Parameter]] = field(default_factory=list)
    plain: list[tuple[str, Value]] = field(default_factory=list)
    sets: Found = field(default_factory=list)
    strange: Found = field(default_factory=list)
    modules: dict[int, str] = field(default_factory=dict)

    def check_sets(self) -> None:
        """Refuse sets with parameters that are nowhere else.

        Raises:
            DataError: If there is such a set.
        """
        if not self.sets:
            return
        known = set(self.modules) | {id(parameter) for _, parameter in self.parameters}
        for path, items in self.sets:
            inside = members(path, list(items), (Parameter, self.kind), self.kind)
            if any(id(item) not in known for _, item in inside):
                raise DataError(
                    f"{as_code(path)} is a set that holds parameters. A set has no order, so they "
                    "are not searched for there: make it a list"
                )

    def strays(self) -> list[tuple[str, Value]]:
        """Return the plain Values that are in a container with Parameters."""
        if not self.plain:
            return []
        homes = {_parent(path) for path, _ in self.parameters} - set(self.modules.values())
        return [(path, value) for path, value in self.plain if _parent(path) in homes]

    def hidden(self) -> Iterator[tuple[str, Value]]:
        """Return what is in places that are not searched, and is not found elsewhere."""
        if not self.sets and not self.strange:
            return
        seen = {id(parameter) for _, parameter in self.parameters}
        seen |= {id(value) for _, value in self.plain}
        closed = set(self.modules)
        for path, place in [*self.sets, *self.strange]:
            for inner_path, value in everything(path, place, closed):
                is_leaf = not value.args and not isinstance(value, Constant)
                if is_leaf and id(value) not in seen:
                    seen.add(id(value))
                    yield inner_path, value


def survey(module: Any, kind: type) -> Survey:
    """Look through a module.

    Args:
        module: The module.
        kind: The class of modules.

    Returns:
        What was found.

    Example:
        >>> from scalargrad.nn import Module, Neuron
        >>> [path for path, _ in survey(Neuron(1), Module).parameters]
        ['weights.0', 'bias']
    """
    found = Survey(kind)
    seen: set[int] = set()
    for path, part in module.named_modules():
        found.modules[id(part)] = path
        prefix = f"{path}." if path else ""
        for attribute, content in vars(part).items():
            strange: Found = []
            for name, item in members(attribute, content, _KINDS, kind, strange=strange):
                if isinstance(item, Parameter):
                    if id(item) not in seen:
                        seen.add(id(item))
                        found.parameters.append((prefix + name, item))
                elif not isinstance(item, Value):
                    found.sets.append((prefix + name, item))
                elif not isinstance(item, Constant) and id(item) not in seen:
                    seen.add(id(item))
                    found.plain.append((prefix + name, item))
            found.strange += [(prefix + name, item) for name, item in strange]
    return found


_KINDS = (Value, set, frozenset)


def as_code(path: str) -> str:
    """Return a path as one would write it.

    Example:
        >>> as_code("layers.0.bias")
        'layers[0].bias'
    """
    first, *others = path.split(".")
    return first + "".join([f"[{part}]" if part.isdecimal() else f".{part}" for part in others])


def warn_of_strays(found: Survey) -> None:
    """Warn of plain Values among Parameters, on the line that calls a method of a module."""
    for path, _ in found.strays():
        place = as_code(path)
        warnings.warn(
            f"{place} is a plain Value among Parameters, so no optimizer changes it. To change a "
            f"Parameter, change its number, as in {place}.data -= 0.1 * {place}.grad",
            UnlearnedWarning,
            stacklevel=4,
        )


def warn_of_hidden(found: Survey, who: str) -> None:
    """Warn of what is meant to learn in places where it is not found, likewise.

    That is any Parameter, and a plain Value in a module without Parameters.
    """
    hidden = list(found.hidden())
    for path, value in hidden:
        if isinstance(value, Parameter):
            warnings.warn(
                f"{as_code(path)} of {who} is a Parameter in a place that is not searched, so no "
                "optimizer changes it. Assign it to an attribute of the module too, by itself or "
                "in a list or dict",
                UnlearnedWarning,
                stacklevel=4,
            )
            return

    candidates = [(path, value) for path, value in found.plain if not value.args] + hidden
    if candidates and not found.parameters:
        path, _ = candidates[0]
        warnings.warn(
            f"{who} has no parameters: {as_code(path)} is no Parameter. Only a Parameter learns, "
            "assigned to an attribute of the module by itself, or in a list or dict",
            UnlearnedWarning,
            stacklevel=4,
        )


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
