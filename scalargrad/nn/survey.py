"""A search of a module: its parameters, and Values that would not be learned by mistake."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scalargrad.core.unlearned import warn_unlearned
from scalargrad.core.value import Constant, Parameter, Value
from scalargrad.errors import DataError

from .containers import LEAVES, Members, find_values, members


@dataclass
class Survey:
    """The members of a module and all inside it, each once, as (path, thing).

    Attributes:
        kind: The class of modules.
        parameters: Every Parameter in a place that is searched.
        plain: Values there that are neither Parameters nor Constants.
        sets: Sets, which are not searched, as they have no order.
        unsearched: Functions and objects, which are not searched either.
        modules: The path of every module, by its id.
    """

    kind: type
    parameters: list[tuple[str, Parameter]] = field(default_factory=list)
    plain: list[tuple[str, Value]] = field(default_factory=list)
    sets: list[tuple[str, Iterable[object]]] = field(default_factory=list)
    unsearched: Members = field(default_factory=list)
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

    def strays(self) -> list[str]:
        """Return the paths of the plain Values that are in a container with Parameters."""
        if not self.plain:
            return []
        containers = {_parent(path) for path, _ in self.parameters} - set(self.modules.values())
        return [path for path, _ in self.plain if _parent(path) in containers]

    def unlearned(self) -> list[tuple[str, Value]]:
        """Return what is passed over: plain Values, and what is in places that are not searched.

        Left out is what is not meant to learn: Constants, Buffers and frozen Parameters.
        """
        passed_over = list(self.plain)
        places = [*self.sets, *self.unsearched]
        if not places:
            return passed_over
        seen = {id(value) for _, value in [*self.parameters, *self.plain]}
        for path, value in find_values(places, set(self.modules)):
            is_fixed = isinstance(value, Constant) or not getattr(value, "trainable", True)
            if id(value) not in seen and not is_fixed:
                seen.add(id(value))
                passed_over.append((path, value))
        return passed_over


def survey(module: object, kind: type) -> Survey:
    """Search a module and all inside it.

    Args:
        module: The module.
        kind: The class of modules.

    Returns:
        The survey, with everything in the order of definition.

    Example:
        >>> from scalargrad.nn import Module, Neuron
        >>> [path for path, _ in survey(Neuron(1), Module).parameters]
        ['weights.0', 'bias']
    """
    result = Survey(kind)
    kinds = (Value, kind, set, frozenset)
    seen: set[int] = set()
    pending: Members = [("", module)]
    while pending:
        path, part = pending.pop()
        if id(part) in result.modules:
            continue
        result.modules[id(part)] = path
        prefix = f"{path}." if path else ""
        inner: Members = []
        # A list, because another thread may set an attribute meanwhile.
        for name, content in list(vars(part).items()):
            if type(content) in LEAVES:
                continue
            inside = members(prefix + name, content, kinds, (), unsearched=result.unsearched)
            for place, item in inside:
                if isinstance(item, kind):
                    inner.append((place, item))
                    continue
                if id(item) in seen:
                    continue
                seen.add(id(item))
                # Here and not in a function, because a model has little else.
                if isinstance(item, Parameter):
                    result.parameters.append((place, item))
                else:
                    _classify(place, item, result)
        # Reversed, because a stack returns the last first.
        pending += reversed(inner)
    return result


def _classify(path: str, item: object, result: Survey) -> None:
    if isinstance(item, (set, frozenset)):
        result.sets.append((path, item))
    elif isinstance(item, Value) and not isinstance(item, Constant):
        result.plain.append((path, item))


def as_code(path: str) -> str:
    """Return a path as one would write it.

    Example:
        >>> as_code("layers.0.bias")
        'layers[0].bias'
    """
    first, *others = path.split(".")
    return first + "".join([f"[{part}]" if part.isdecimal() else f".{part}" for part in others])


def warn_of_strays(inside: Survey) -> None:
    """Warn of plain Values among Parameters."""
    for path in inside.strays():
        place = as_code(path)
        warn_unlearned(
            f"{place} is a plain Value among Parameters, so no optimizer changes it. To change a "
            f"Parameter, change its number, as in {place}.data -= 0.1 * {place}.grad"
        )


def warn_of_hidden(inside: Survey, who: str) -> None:
    """Warn of Values that seem meant to learn, in places that are not searched.

    That is any Parameter, and a plain Value in a module without Parameters.
    """
    if inside.parameters and not inside.unsearched and not inside.sets:
        return
    leaves = [(path, value) for path, value in inside.unlearned() if not value.args]
    hidden = [path for path, value in leaves if isinstance(value, Parameter)]
    if hidden:
        warn_unlearned(
            f"{as_code(hidden[0])} of {who} is a Parameter in a place that is not searched, so no "
            "optimizer changes it. Assign it to an attribute of the module too, by itself or in a "
            "list or dict"
        )
    elif leaves and not inside.parameters:
        path, _ = leaves[0]
        warn_unlearned(
            f"{who} has no parameters: {as_code(path)} is not a Parameter. Only a Parameter "
            "learns, assigned to an attribute of the module by itself, or in a list or dict"
        )


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
