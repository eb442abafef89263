"""Module: what layers and networks have in common. It finds its parameters and children by itself, in the order of definition."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, TypeVar

from ..conversion import as_float
from ..engine import Parameter, Value
from ..errors import CallError, DataError, LengthError, UnknownNameError
from ..leaves import Buffer
from ..modes import call_in_scope
from ..terminal import fits_terminal

Kind = TypeVar("Kind")


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
    batchwise = False
    """Whether it looks at all samples of a batch together while it trains, as batch normalisation does."""
    _scope_name = ""

    def forward(self, *inputs: Any, **options: Any) -> Any:  # noqa: ARG002
        """What the module computes. Every module has its own."""
        raise TypeError(f"{type(self).__name__} has no forward method: define forward(self, x)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return call_in_scope(self.forward, self, self._scope_name, inputs, options)

    def batch(self, rows: Sequence[Any]) -> list[Any]:
        """The outputs for several samples, in one graph.

        That is a call for each sample, unless something inside is `batchwise` in training: then all samples go on together, step by
        step, as `forward_batch` says.

        >>> from scalargrad.nn import Layer
        >>> len(Layer(2, 3).batch([[1.0, 2.0], [3.0, 4.0]]))
        2
        """
        if self.needs_batch:
            outputs: list[Any] = call_in_scope(self.forward_batch, self, self._scope_name, (rows,), {})
            return outputs
        return [self(row) for row in rows]

    def forward_batch(self, rows: Sequence[Any]) -> list[Any]:  # noqa: ARG002
        """How several samples pass together, for modules with something `batchwise` inside."""
        raise CallError(
            f"{type(self).__name__} does not say how a batch passes {self.batchwise_parts()}: "
            "put the parts in a Sequential, or define forward_batch(self, rows)"
        )

    def batchwise_parts(self) -> str:
        """What kinds of modules inside look at all samples of a batch together, for messages."""
        return ", ".join(sorted({type(part).__name__ for _, part in self.named_modules() if part.batchwise}))

    @property
    def needs_batch(self) -> bool:
        """Whether something inside looks at all samples of a batch together, as it is set now."""
        return any(part.batchwise and part.training for _, part in self.named_modules())

    def __setattr__(self, name: str, value: Any) -> None:
        for path, item in _members(name, value, Module):
            item.__dict__["_scope_name"] = path
        object.__setattr__(self, name, value)

    def _own(self, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
        for name, value in vars(self).items():
            yield from _members(name, value, kind)

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules that belong directly to this one, as (name, module)."""
        return self._own(Module)

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
        return self._named(Parameter)

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Every Buffer, a number that is kept and not learnt, as (path, Buffer)."""
        return self._named(Buffer)

    def named_generators(self) -> Iterator[tuple[str, Random]]:
        """Every random generator that the network draws from while it trains, as (path, random.Random)."""
        return self._named(Random)

    def _named(self, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, item in module._own(kind):
                if id(item) not in seen:
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

    def freeze(self) -> "Module":
        """Let no optimiser change the parameters inside. They still receive gradients, and pictures show them.

        >>> from scalargrad.nn import MLP
        >>> model = MLP(2, [3, 1])
        >>> frozen = model.layers[0].freeze()
        >>> sum(parameter.trainable for parameter in model.parameters())
        4
        """
        return self._set_trainable(False)

    def unfreeze(self) -> "Module":
        """Let optimisers change the parameters inside again."""
        return self._set_trainable(True)

    def _set_trainable(self, trainable: bool) -> "Module":
        for parameter in self.parameters():
            parameter.trainable = trainable
        return self

    def state_dict(self) -> dict[str, float]:
        """The number of every parameter, then of every buffer, by its path."""
        return {name: leaf.data for name, leaf in self._state()}

    def _state(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        yield from self.named_parameters()
        yield from self.named_buffers()

    def load_state_dict(self, state: Mapping[str, float], strict: bool = True) -> None:
        """Set every parameter and buffer from `state`, which must hold exactly the names of `state_dict()`.

        strict  False: take the names that both have, as long as there are any; what only one of them has is left alone

        To load a part under another name, call it on that part:
        `model.layers[0].load_state_dict(trained.layers[0].state_dict())`.
        Raises UnknownNameError for names too many or too few, DataError for what is not a number; then nothing has changed.
        """
        own = dict(self._state())
        if strict and (missing := [name for name in own if name not in state]):
            raise UnknownNameError(f"state has no {_listed(missing)}; nothing was loaded")
        if strict and (unknown := [name for name in state if name not in own]):
            raise UnknownNameError(f"the network has no {_listed(unknown)}; nothing was loaded")
        numbers = {name: as_float(state[name], f"state[{name!r}]") for name in own if name in state}
        if own and not numbers:
            raise UnknownNameError(f"state and network have no name in common: state has {_listed(list(state)) or 'none'}")
        for name, number in numbers.items():
            own[name].data = number

    def describe(self) -> str:
        """The module in one phrase, without what is inside it."""
        return type(self).__name__

    @fits_terminal
    def __repr__(self) -> str:
        lines = [self.describe()]
        for name, child in self.children():
            lines += [f"  ({name}) {line}" if i == 0 else f"  {line}" for i, line in enumerate(repr(child).splitlines())]
        return "\n".join(lines)

    @fits_terminal
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


@contextmanager
def evaluation(module: Module) -> Iterator[None]:
    """Inside the block the module and all inside it are in evaluation; then each is as it was.

    >>> from scalargrad.nn import Layer
    >>> layer = Layer(1, 1)
    >>> with evaluation(layer):
    ...     layer.training
    False
    """
    modes = [(part, part.training) for _, part in module.named_modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


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


def _members(name: str, value: Any, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
    """What is of a kind (Parameter, Buffer, Random, Module) in an attribute, which may be a list, tuple or dict of them, nested."""
    if isinstance(value, kind):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            if isinstance(item, kind):  # at once, as there may be very many
                yield f"{name}.{i}", item
            elif isinstance(item, _NESTS):
                yield from _members(f"{name}.{i}", item, kind)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _members(f"{name}.{key}", item, kind)


_NESTS = (list, tuple, dict)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
