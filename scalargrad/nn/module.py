"""Module: what layers and networks have in common. It finds its parameters and children by itself, in the order of definition."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..conversion import as_float
from ..engine import Parameter, Value
from ..errors import DataError, LengthError, UnknownNameError
from ..modes import call_in_scope


class Module:
    """Derive from it, assign Parameters and Modules (or lists and dicts of them) to attributes, and write `forward`.

    Calling a module calls `forward` inside a scope, so that every Value knows which neuron of which layer made it.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Parameter(2.0), Parameter(1.0)
    ...     def forward(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0).data
    7.0
    >>> [name for name, parameter in line.named_parameters()]
    ['slope', 'offset']
    """

    training = True
    _scope_name = ""

    def forward(self, *inputs: Any, **options: Any) -> Any:  # noqa: ARG002
        """What the module computes. Every module has its own."""
        raise TypeError(f"{type(self).__name__} has no forward method: define forward(self, x)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return call_in_scope(self, self._scope_name, inputs, options)

    def __setattr__(self, name: str, value: Any) -> None:
        for path, item in _members(name, value):
            if isinstance(item, Module):
                item.__dict__["_scope_name"] = path
        object.__setattr__(self, name, value)

    def _own(self) -> Iterator[tuple[str, Any]]:
        for name, value in vars(self).items():
            yield from _members(name, value)

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules that belong directly to this one, as (name, module)."""
        return ((name, item) for name, item in self._own() if isinstance(item, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """This module and all inside it, as (path, module), each once, outer ones first."""
        seen: set[int] = set()
        pending: list[tuple[str, Module]] = [(prefix, self)]
        while pending:
            path, module = pending.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                pending += reversed([(_join(path, name), child) for name, child in module.children()])

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter as (path, Parameter), each once, in the order of definition.

        >>> from scalargrad.nn import MLP
        >>> [name for name, _ in MLP(2, [1]).named_parameters()]
        ['layers.0.neurons.0.weights.0', 'layers.0.neurons.0.weights.1', 'layers.0.neurons.0.bias']
        """
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, item in module._own():
                if isinstance(item, Parameter) and id(item) not in seen:
                    seen.add(id(item))
                    yield _join(path, name), item

    def parameters(self) -> list[Parameter]:
        """Every parameter, each once, in the order of definition."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def train(self, mode: bool = True) -> "Module":
        """Switch this module and all inside it to training (dropout and the like are on)."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> "Module":
        """Switch this module and all inside it to evaluation."""
        return self.train(False)

    def state_dict(self) -> dict[str, float]:
        """The number of every parameter by its path."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set every parameter from `state`, which must hold exactly the names of `state_dict()`.

        Raises UnknownNameError for names too many or too few, DataError for what is not a number; then nothing has changed.
        """
        own = dict(self.named_parameters())
        if missing := [name for name in own if name not in state]:
            raise UnknownNameError(f"state has no {_listed(missing)}; nothing was loaded")
        if unknown := [name for name in state if name not in own]:
            raise UnknownNameError(f"the network has no {_listed(unknown)}; nothing was loaded")
        numbers = {name: as_float(state[name], f"state[{name!r}]") for name in own}
        for name, parameter in own.items():
            parameter.data = numbers[name]

    def describe(self) -> str:
        """The module in one phrase, without what is inside it."""
        return type(self).__name__

    def __repr__(self) -> str:
        lines = [self.describe()]
        for name, child in self.children():
            lines += [f"  ({name}) {line}" if i == 0 else f"  {line}" for i, line in enumerate(repr(child).splitlines())]
        return "\n".join(lines)

    def summary(self) -> str:
        """A table of the modules: path, what it is, number of parameters of its own and inside.

        >>> from scalargrad.nn import MLP
        >>> print(MLP(2, [3, 1]).summary())
        module    what it is          parameters
        (whole)   MLP(2 → 3 → 1)              13
        layers.0  Layer(2 → 3, relu)           9
        layers.1  Layer(3 → 1)                 4
        """
        rows = [("module", "what it is", "parameters")]
        for path, module in self.named_modules():
            if not path or module._in_summary():
                rows.append((path or "(whole)", module.describe(), str(len(module.parameters()))))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows)

    def _in_summary(self) -> bool:
        return True


class Inputs(list[Value]):
    """Inputs that were checked already: what a layer hands to its neurons, so that each need not look again."""


def as_inputs(x: Any, length: int, module: Module) -> Inputs:
    """`x` as a list of `length` Values, numbers made into inputs x0, x1, ….

    Raises LengthError and DataError, which name the module.
    """
    if type(x) is Inputs and len(x) == length:
        return x
    items = _listed_inputs(x, length, module)
    if len(items) != length:
        raise LengthError(f"{module.describe()} takes {length} inputs, but was given {len(items)}")
    return Inputs([item if isinstance(item, Value) else _input(item, i, module.describe()) for i, item in enumerate(items)])


def _listed_inputs(x: Any, length: int, module: Module) -> list[Any]:
    if not isinstance(x, (str, Value)):
        with suppress(TypeError):
            return list(x)
    raise DataError(f"{module.describe()} takes a list of {length} numbers, not {type(x).__name__} {x!r}")


def _input(item: Any, i: int, who: str) -> Value:
    hint = " (a network takes one sample at a time: loop over the rows)" if hasattr(item, "__len__") and not isinstance(item, str) else ""
    return Value(as_float(item, f"input {i} of {who}{hint}"), label=f"x{i}")


def _members(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The Parameters and Modules in an attribute, which may be a list, tuple or dict of them, nested."""
    if isinstance(value, (Parameter, Module)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _members(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _members(f"{name}.{key}", item)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
