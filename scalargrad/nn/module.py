"""Module: what layers and networks have in common. It finds its parameters and children by itself, in the order of definition."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from numbers import Real
from random import Random
from typing import Any, Self, TypeVar

from scalargrad.core.conversion import as_float, is_number
from scalargrad.core.leaves import Buffer
from scalargrad.core.modes import call_in_scope
from scalargrad.core.unlearned import is_reported
from scalargrad.core.value import Constant, Parameter, Value
from scalargrad.errors import CallError, DataError, LengthError, OptionError, UnknownNameError
from scalargrad.terminal import fits_terminal, printable
from scalargrad.utils.calls import explain_class, what_is_wrong
from scalargrad.utils.locks import ProcessLock
from scalargrad.utils.spelling import suggestion

from .containers import LEAVES, members
from .survey import Survey, as_code, survey, warn_of_hidden, warn_of_strays

Kind = TypeVar("Kind")


class Module:
    """Derive from it, assign Parameters and Modules (or lists and dicts of them) to attributes, and write `forward`.

    Lists, tuples, deques, dicts, arrays of objects and dataclasses are searched, in any nesting.
    A set has no order, so one that holds what is found nowhere else is a DataError. `unreachable`
    tells of Values in other places.

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
    """Whether it looks at all samples of a batch together while it trains, as batch normalization does."""
    _scope_name = ""
    _in_one_line = False  # whether `repr` keeps silent about what is inside

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make a module that has its mode as an attribute of its own from the beginning.

        If `eval()` added it later, a copy that another thread makes at that moment would fail.
        """
        module = super().__new__(cls)
        module.__dict__["training"] = cls.training
        return module

    def forward(self, *inputs: Any, **options: Any) -> Any:  # noqa: ARG002
        """What the module computes. Every module has its own."""
        raise TypeError(f"{type(self).__name__} has no forward method: define forward(self, x)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        try:
            return call_in_scope(self.forward, self, self._scope_name, inputs, options)
        except TypeError:
            wrong = what_is_wrong(self.forward, inputs, options, "model")
            if wrong is None:
                raise
        raise CallError(f"calling {self.describe()}: {wrong}{_as_one_list(inputs)}")

    def batch(self, rows: Sequence[Any]) -> list[Any]:
        """The outputs for several samples, in one graph.

        That is a call for each sample, unless something inside is `batchwise` in training: then all samples go on together, step by
        step, as `forward_batch` says.

        >>> from scalargrad.nn import Layer
        >>> len(Layer(2, 3).batch([[1.0, 2.0], [3.0, 4.0]]))
        2
        """
        rows = unpacked(rows, self)
        if self.needs_batch:
            outputs: list[Any] = call_in_scope(
                self.forward_batch, self, self._scope_name, (rows,), {}
            )
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
        return ", ".join(
            sorted({type(part).__name__ for _, part in self.named_modules() if part.batchwise})
        )

    @property
    def needs_batch(self) -> bool:
        """Whether something inside looks at all samples of a batch together, as it is set now."""
        return any(part.batchwise and part.training for _, part in self.named_modules())

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        if type(before) not in LEAVES:
            self._check_replacement(name, before, value)
        for path, item in members(name, value, Module, Module):
            item.__dict__["_scope_name"] = path
        object.__setattr__(self, name, value)

    def _check_replacement(self, name: str, before: Any, value: Any) -> None:
        """Refuse a number or a plain Value in the place of a Parameter or a Buffer.

        A Parameter would not be learned any more, a Buffer would be lost from the state.
        """
        kept = dict(members(name, before, (Parameter, Buffer), Module))
        if not kept:
            return

        found = members(name, value, (Value, Real), Module)
        numbers = [path for path, item in found if not isinstance(item, (Parameter, Constant))]
        replaced = [path for path in numbers if path in kept]
        if not replaced and _is_array_of_numbers(value):
            replaced = list(kept)
        if not replaced:
            return

        place = as_code(replaced[0])
        who = printable(type(self).__name__)
        if isinstance(kept[replaced[0]], Buffer):
            raise DataError(
                f"{place} of {who} is a Buffer, and a number or plain Value in its place would be "
                f"lost from the state. Change its number, as in {place}.data = 0.5"
            )
        raise DataError(
            f"{place} of {who} is a Parameter, and a number or plain Value in its place would never "
            f"be learned. Change its number, as in {place}.data -= 0.1 * {place}.grad, or assign a "
            "new Parameter (a Constant or a Buffer where it is not meant to learn)"
        )

    def _own(self, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
        for name, value in list(
            vars(self).items()
        ):  # another thread may set an attribute meanwhile
            yield from members(name, value, kind, Module)

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
                pending += reversed(
                    [(_join(path, name), child) for name, child in module.children()]
                )

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter as (path, Parameter), each once, in the order of definition.

        >>> from scalargrad.nn import MLP
        >>> [name for name, _ in MLP(2, [1]).named_parameters()]
        ['layers.0.neurons.0.weights.0', 'layers.0.neurons.0.weights.1', 'layers.0.neurons.0.bias']
        """
        return iter(self._surveyed().parameters)

    def _surveyed(self) -> Survey:
        """What is inside. Parameters that would be passed over are refused, or warned of."""
        found = survey(self, Module)
        found.check_sets()
        if not is_reported(id(self)):
            warn_of_strays(found)
        return found

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Every Buffer, a number that is kept and not learned, as (path, Buffer)."""
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
        """Every parameter, each once, in the order of definition.

        An UnlearnedWarning names a Parameter in a place that is not searched, and where there are
        no Parameters at all, a Value that may be meant for one.
        """
        found = self._surveyed()
        if not is_reported(id(self)):
            warn_of_hidden(found, self.describe())
        return [parameter for _, parameter in found.parameters]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for _, parameter in self.named_parameters():
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
        """Let no optimizer change the parameters inside. They still receive gradients, and pictures show them.

        >>> from scalargrad.nn import MLP
        >>> model = MLP(2, [3, 1])
        >>> frozen = model.layers[0].freeze()
        >>> sum(parameter.trainable for parameter in model.parameters())
        4
        """
        return self._set_trainable(False)

    def unfreeze(self) -> "Module":
        """Let optimizers change the parameters inside again."""
        return self._set_trainable(True)

    def _set_trainable(self, trainable: bool) -> "Module":
        for _, parameter in self.named_parameters():
            parameter.trainable = trainable
        return self

    def state_dict(self) -> dict[str, float]:
        """The number of every parameter, then of every buffer, by its path."""
        return {name: leaf.data for name, leaf in self._state()}

    def _state(self) -> list[tuple[str, Parameter | Buffer]]:
        state: list[tuple[str, Parameter | Buffer]] = []
        state += self.named_parameters()
        state += self.named_buffers()
        names = Counter([name for name, _ in state])
        twice = [name for name, count in names.items() if count > 1]
        if twice:  # a dictionary with the keys 1 and "1"
            name = twice[0]
            raise OptionError(f"two numbers of the state are called {name!r}: rename one of them")
        return state

    def load_state_dict(self, state: Mapping[str, float], strict: bool = True) -> None:
        """Set every parameter and buffer from `state`, which must hold exactly the names of `state_dict()`.

        strict  False: take the names that both have, as long as there are any; what only one of them has is left alone

        To load a part under another name, call it on that part:
        `model.layers[0].load_state_dict(trained.layers[0].state_dict())`.
        Raises UnknownNameError for names too many or too few, DataError for what is not a number; then nothing has changed.
        """
        own = dict(self._state())
        if not isinstance(state, Mapping):
            raise DataError(
                f"load_state_dict takes a dict as state_dict() returns it, not {type(state).__name__}; nothing was loaded"
            )
        if strict:
            _check_names(state, own)
        numbers = {name: as_float(state[name], f"state[{name!r}]") for name in own if name in state}
        if own and not numbers:
            raise UnknownNameError(
                f"state and network have no name in common: state has {_listed(list(state)) or 'none'}"
            )
        for name, number in numbers.items():
            own[name].data = number

    def describe(self) -> str:
        """The module in one phrase, without what is inside it."""
        return printable(type(self).__name__)

    @fits_terminal
    def __repr__(self) -> str:
        lines = [printable(self.describe())]
        for name, child in () if self._in_one_line else self.children():
            first, *others = [printable(line) for line in repr(child).splitlines()] or [""]
            lines.append(f"  ({printable(name)}) {first}")
            lines += [f"  {line}" for line in others]
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
                count = len(list(module.named_parameters()))
                what = printable(module.describe())
                rows.append((printable(path) or "(whole)", what, str(count)))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows)

    def _in_summary(self) -> bool:
        return True


@contextmanager
def evaluation(module: Module) -> Iterator[None]:
    """Inside the block the module and all inside it are in evaluation; then each is as it was.

    Several threads may have such blocks over one module: it is as it was when the last of them has ended.

    >>> from scalargrad.nn import Layer
    >>> layer = Layer(1, 1)
    >>> with evaluation(layer):
    ...     layer.training
    False
    """
    parts = [part for _, part in module.named_modules()]
    with _EVALUATIONS_LOCK:
        before = {id(part): part.training for part in parts}
        _EVALUATIONS.append(before)
        module.eval()
    try:
        yield
    finally:
        _end_evaluation(parts, before)


_EVALUATIONS_LOCK = ProcessLock()
_EVALUATIONS: list[dict[int, bool]] = []
"""The modes before each block of `evaluation` that has not ended, by the ids of the modules."""


def _end_evaluation(parts: Sequence[Module], before: dict[int, bool]) -> None:
    """Give each module the mode from before a block, now or, where another thread began one meanwhile, at the end of that."""
    with _EVALUATIONS_LOCK:
        place = next(i for i, each in enumerate(_EVALUATIONS) if each is before)
        del _EVALUATIONS[place]
        for part in parts:
            later = next((each for each in _EVALUATIONS[place:] if id(part) in each), None)
            if later is None:
                part.training = before[id(part)]
            else:
                later[id(part)] = before[id(part)]


def unreachable(module: Module) -> list[tuple[str, Value]]:
    """Find the Values of a module that no optimizer over its parameters reaches.

    These are plain Values, and Parameters in places that are not searched: sets, objects that are
    no modules, variables that a function uses. Constants, Buffers and frozen Parameters are not
    meant to learn, nor is a plain Value around a function, and what was computed is no leaf, so
    none of these are among them. A Value among Parameters in a list or dict is.

    Args:
        module: The module to look through, with all inside it.

    Returns:
        Pairs of a path and the Value, in the order of definition.

    Example:
        >>> from scalargrad.nn import Layer, Sequential
        >>> scale = Parameter(2.0)
        >>> model = Sequential(Layer(1, 1), lambda outputs: outputs[0] * scale)
        >>> unreachable(model)
        [('steps.1.scale', Parameter(data=2.0, grad=0.0))]
    """
    found = survey(module, Module)
    strays = found.strays()
    return [(path, value) for path, value in found.unlearned() if not value.args or path in strays]


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
        _check_one_sample(items, length, module, LengthError)
        raise LengthError(f"{module.describe()} takes {length} inputs, but was given {len(items)}")
    made = [x if isinstance(x, Value) else _input(items, i, module) for i, x in enumerate(items)]
    return Inputs(made)


def _listed_inputs(x: Any, length: int, module: Module) -> list[Any]:
    if isinstance(x, (set, frozenset)):
        raise DataError(f"{module.describe()} takes a list of {length} numbers; a set has no order")
    x = unpacked(x, module)
    if not isinstance(x, (str, Value)):
        with suppress(TypeError):
            return list(x)
    raise DataError(
        f"{module.describe()} takes a list of {length} numbers, not {type(x).__name__} {x!r}"
    )


def _input(items: list[Any], i: int, module: Module) -> Value:
    item = items[i]
    if not is_number(item):
        _check_one_sample(items, len(items), module, DataError)
    return Value(as_float(item, f"input {i} of {module.describe()}"), label=f"x{i}")


def _check_one_sample(
    items: list[Any],
    length: int,
    module: Module,
    error: type[Exception],
) -> None:
    """Tell several samples from one that is wrong in another way."""
    if not items or not all(_is_row(item) for item in items):
        return
    rows = "1 row" if len(items) == 1 else f"{len(items)} rows"
    raise error(
        f"{module.describe()} takes one sample at a time, a list of {length} numbers, but was given "
        f"{rows}: write [model(x) for x in X] or model.batch(X), or compile it with sg.compile"
    )


def _is_row(item: Any) -> bool:
    one_thing = isinstance(item, (str, bytes, Value)) or is_number(item)
    return not one_thing and hasattr(item, "__len__")


def unpacked(x: Any, module: Module) -> Any:
    """Return an array of another library (a DataFrame, a Series, a tensor) as NumPy takes it.

    Args:
        x: Anything; what is no such array is returned as it is.
        module: Whom to name in an error.

    Raises:
        DataError: If entries are masked, or the array can't be taken.

    Example:
        >>> import numpy
        >>> unpacked(numpy.array([1.0, 2.0]), Module())
        array([1., 2.])
    """
    if isinstance(x, (list, tuple, Value)) or getattr(x, "shape", ()) == ():
        return x

    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(x, numpy.ndarray):
        if not hasattr(type(x), "__array__"):
            return x
        try:
            return x.__array__()
        except Exception as error:  # other libraries raise whatever they like
            who = module.describe()
            raise DataError(f"{who} can't take {type(x).__name__} as numbers: {error}") from None

    if isinstance(x, numpy.ma.MaskedArray) and numpy.ma.is_masked(x):
        who = module.describe()
        raise DataError(f"{who} was given a masked array: fill what is missing, or leave it out")
    return x


def _as_one_list(inputs: Sequence[Any]) -> str:
    """Return what was probably meant by a call with several numbers, "" for other calls."""
    if len(inputs) < 2 or not all(isinstance(x, Value) or is_number(x) for x in inputs):
        return ""
    numbers = ", ".join([f"x{i}" for i in range(len(inputs))])
    return f"; the numbers of a sample come as one list: model([{numbers}]), not model({numbers})"


def _is_array_of_numbers(value: Any) -> bool:
    shape = getattr(value, "shape", ())
    return shape != () and getattr(getattr(value, "dtype", None), "kind", "f") in "biuf"


def _check_names(state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse a state that has other names than the network."""
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    reasons: list[str] = []
    if missing:
        reasons.append(f"state has no {_listed(missing)}")
    if unknown:
        reasons.append(f"the network has no {_listed(unknown)}{_nearest(unknown[0], missing)}")
    if reasons:
        raise UnknownNameError(f"{'; '.join(reasons)}; nothing was loaded")


def _nearest(choice: Any, names: list[str]) -> str:
    """Return a suggestion where there is a near name. A list of all would be too long."""
    hint = suggestion(choice, names) if isinstance(choice, str) else ""
    return f" ({hint[2:]})" if hint.startswith("; did you mean") else ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: Sequence[Any]) -> str:
    return ", ".join([str(name) for name in names[:5]]) + (
        f" and {len(names) - 5} more" if len(names) > 5 else ""
    )
