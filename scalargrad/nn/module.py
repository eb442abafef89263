"""Module: the base class of layers and networks, which finds its parameters and submodules."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from numbers import Real
from random import Random
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy
from numpy.typing import NDArray

from scalargrad.core.conversion import as_float
from scalargrad.core.exchange import WRITES, warn_of_programs
from scalargrad.core.leaves import Buffer
from scalargrad.core.modes import call_in_scope
from scalargrad.core.unlearned import is_reported
from scalargrad.core.value import Constant, Parameter, Value
from scalargrad.errors import CallError, DataError, OptionError, UnknownNameError
from scalargrad.terminal import fits_terminal, printable
from scalargrad.utils.calls import ConstructorSignature, explain_class, what_is_wrong
from scalargrad.utils.display import Displayable, Report
from scalargrad.utils.locks import ProcessLock
from scalargrad.utils.spelling import suggestion

from .containers import LEAVES, is_container, members
from .inputs import suggest_one_list, unpack
from .naming import describe, join_path, list_names
from .survey import Survey, as_code, survey, warn_of_hidden, warn_of_strays

if TYPE_CHECKING:
    from scalargrad.training.prediction import Score, ScoreName

Kind = TypeVar("Kind")


class Module(Displayable):
    """The base class of layers and networks.

    Derive from it, assign Parameters and Modules (or lists and dicts of them) to attributes, and
    write `forward`. Lists, tuples, deques, dicts, arrays of objects and dataclasses are searched,
    in any nesting. A set has no order, so a set that holds the only reference to a parameter is a
    DataError. `unreachable` lists Values in other places.

    Calling a module calls `forward` inside a scope, so that every Value knows which neuron of which
    layer made it.

    Attributes:
        training: Whether the module is in training mode (`train()`) or in evaluation mode
            (`eval()`).
        batchwise: Whether in training it looks at all samples of a batch together, as batch
            normalization does.

    Example:
        >>> class Line(Module):
        ...     def __init__(self):
        ...         self.slope = Parameter(2.0)
        ...         self.offset = Parameter(1.0)
        ...
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
    _scope_name = ""
    _in_one_line = False  # whether `repr` leaves out the submodules
    __signature__ = ConstructorSignature()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make a module with `training` as an instance attribute from the start."""
        module = super().__new__(cls)
        # If `eval()` added the attribute later, a copy that another thread makes at that moment
        # would fail: the dictionary would grow while it is read.
        module.__dict__["training"] = cls.training
        return module

    # Computing

    def forward(self, *inputs: Any, **options: Any) -> Any:  # noqa: ARG002
        """Compute the outputs. Every subclass defines its own."""
        raise TypeError(f"{type(self).__name__} has no forward method: define forward(self, x)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        try:
            return call_in_scope(self.forward, self, self._scope_name, inputs, options)
        except TypeError:
            # Only now, as binding arguments costs more than most calls. Most often the TypeError
            # comes from inside, and the arguments are right.
            wrong = what_is_wrong(self.forward, inputs, options, "model")
            if wrong is None:
                raise
        raise CallError(f"calling {describe(self)}: {wrong}{suggest_one_list(inputs)}")

    def batch(self, rows: Sequence[Any]) -> list[Any]:
        """Return the outputs for several samples, in one graph.

        This calls the module for each sample, unless something inside is `batchwise` and in
        training mode: then all samples pass together, step by step, through `forward_batch`.

        Example:
            >>> from scalargrad.nn import Layer
            >>> len(Layer(2, 3).batch([[1.0, 2.0], [3.0, 4.0]]))
            2
        """
        rows = unpack(rows, self)
        if not self.needs_batch:
            return [self(row) for row in rows]
        outputs: list[Any] = call_in_scope(self.forward_batch, self, self._scope_name, (rows,), {})
        return outputs

    def forward_batch(self, rows: Sequence[Any]) -> list[Any]:  # noqa: ARG002
        """Compute the outputs of several samples together; for modules with a `batchwise` part."""
        raise CallError(
            f"{type(self).__name__} does not say how a batch passes {self.batchwise_parts()}: "
            "put the parts in a Sequential, or define forward_batch(self, rows)"
        )

    def batchwise_parts(self) -> str:
        """Return the class names of the `batchwise` modules inside, for messages."""
        kinds = {type(part).__name__ for _, part in self.named_modules() if part.batchwise}
        return ", ".join(sorted(kinds))

    @property
    def needs_batch(self) -> bool:
        """Whether in its present mode something inside looks at all samples of a batch together."""
        return any(part.batchwise and part.training for _, part in self.named_modules())

    def predict(self, X: Any) -> NDArray[numpy.float64]:
        """Return the outputs for many samples as an array, in evaluation mode.

        See `training.predict`, which this calls: it compiles where that saves time.

        Args:
            X: The samples.

        Example:
            >>> from scalargrad.nn import MLP
            >>> MLP(2, [3, 1], seed=0).predict([[1.0, 2.0], [3.0, 4.0]]).shape
            (2,)
        """
        outputs: NDArray[numpy.float64] = _above().predict(self, X)
        return outputs

    def score(
        self, X: Any, y: Any, *, metric: "ScoreName" = "auto", border: float | None = None
    ) -> "Score":
        """Return the accuracy for targets that are classes, else R²; its `metric` says which.

        See `training.score`, which this calls.

        Args:
            X: The samples.
            y: One target for each.
            metric: "accuracy" or "r2"; by default chosen by the targets.
            border: For one output, what divides the two classes.

        Example:
            >>> from scalargrad.nn import MLP
            >>> MLP(2, [3, 2], seed=0).score([[1.0, 2.0], [3.0, 4.0]], [0, 1]).metric
            'accuracy'
        """
        score: Score = _above().score(self, X, y, metric=metric, border=border)
        return score

    # Attributes

    def __setattr__(self, name: str, value: object) -> None:
        before = self.__dict__.get(name)
        if type(before) not in LEAVES:
            self._check_replacement(name, before, value)
        # The mode of every module is set in every epoch, and holds no modules.
        if type(value) not in LEAVES:
            for path, item in members(name, value, Module, Module):
                item.__dict__["_scope_name"] = path
        object.__setattr__(self, name, value)

    def _check_replacement(self, name: str, before: object, value: object) -> None:
        """Refuse a number or a plain Value in the place of a Parameter or a Buffer.

        A Parameter would no longer be learned, a Buffer would be lost from the state.
        """
        kept = dict(members(name, before, (Parameter, Buffer), Module))
        if not kept:
            return

        numbers = members(name, value, (Value, Real), Module)
        replaced = [
            path
            for path, item in numbers
            if path in kept and not isinstance(item, (Parameter, Constant))
        ]
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
            f"{place} of {who} is a Parameter, and a number or plain Value in its place would "
            f"never be learned. Change its number, as in {place}.data -= 0.1 * {place}.grad, or "
            "assign a new Parameter (a Constant or a Buffer where it is not meant to learn)"
        )

    def _own(self, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
        # A list, because another thread may set an attribute meanwhile.
        for name, value in list(vars(self).items()):
            # Told apart here, as most attributes are numbers, functions or Parameters.
            if isinstance(value, kind):
                yield name, value
            elif is_container(type(value)):
                yield from members(name, value, kind, Module)

    # Submodules and leaves

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """Iterate over the direct submodules, as (name, module)."""
        return self._own(Module)

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Iterate over this module and all inside it, as (path, module), each once, outer first."""
        seen: set[int] = set()
        pending: list[tuple[str, Module]] = [(prefix, self)]
        while pending:
            path, module = pending.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            inner = [(join_path(path, name), child) for name, child in module.children()]
            # Reversed, because a stack returns the last first.
            pending += reversed(inner)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over the parameters as (path, Parameter), each once, in the order of definition.

        Example:
            >>> from scalargrad.nn import MLP
            >>> for name, _ in MLP(2, [1]).named_parameters():
            ...     print(name)
            layers.0.neurons.0.weights.0
            layers.0.neurons.0.weights.1
            layers.0.neurons.0.bias
        """
        return iter(self._survey().parameters)

    def _survey(self) -> Survey:
        """Return what is inside; refuse, or warn of, parameters that would be passed over."""
        inside = survey(self, Module)
        inside.check_sets()
        if not is_reported(id(self)):
            warn_of_strays(inside)
        return inside

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Iterate over the Buffers, numbers that are kept but not learned, as (path, Buffer)."""
        return self._named(Buffer)

    def named_generators(self) -> Iterator[tuple[str, Random]]:
        """Iterate over the random generators that training draws from, as (path, random.Random)."""
        return self._named(Random)

    def _named(self, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, item in module._own(kind):
                if id(item) not in seen:
                    seen.add(id(item))
                    yield join_path(path, name), item

    def parameters(self) -> list[Parameter]:
        """Return the parameters, each once, in the order of definition.

        An UnlearnedWarning names a Parameter in a place that is not searched, or, where there are
        no Parameters at all, a Value that was probably meant to be one.
        """
        inside = self._survey()
        if not is_reported(id(self)):
            warn_of_hidden(inside, describe(self))
        return [parameter for _, parameter in inside.parameters]

    # Modes

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for _, parameter in self.named_parameters():
            parameter.grad = 0.0

    def train(self, mode: bool = True) -> "Module":
        """Set this module and all inside it to training mode (dropout and the like are on)."""
        for _, module in self.named_modules():
            module.training = mode
        # Programs that were recorded in the other mode should say so.
        WRITES.latest = object()
        return self

    def eval(self) -> "Module":
        """Set this module and all inside it to evaluation mode."""
        return self.train(False)

    def freeze(self) -> "Module":
        """Exclude the parameters inside from training.

        They still receive gradients, and pictures show them.

        Example:
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

    # State

    def state_dict(self) -> dict[str, float]:
        """Return the numbers of all parameters, then of all buffers, by path."""
        warn_of_programs(self)
        return {name: leaf.data for name, leaf in self._state()}

    def _state(self) -> list[tuple[str, Parameter | Buffer]]:
        state: list[tuple[str, Parameter | Buffer]] = []
        state += self.named_parameters()
        state += self.named_buffers()
        names = Counter([name for name, _ in state])
        # Possible in a dictionary with the keys 1 and "1".
        duplicates = [name for name, count in names.items() if count > 1]
        if duplicates:
            name = duplicates[0]
            raise OptionError(f"two numbers of the state are called {name!r}: rename one of them")
        return state

    def load_state_dict(self, state: Mapping[str, float], strict: bool = True) -> None:
        """Set every parameter and buffer from `state`; nothing changes if that raises.

        To load a part under another name, call it on that part:
        `model.layers[0].load_state_dict(trained.layers[0].state_dict())`.

        Args:
            state: Numbers by path, as `state_dict()` returns them.
            strict: Whether `state` must hold exactly the names of `state_dict()`. Otherwise the
                names that both have are loaded, and there must be at least one.

        Raises:
            UnknownNameError: If names are missing or unknown.
            DataError: If `state` is not a dict of numbers.
        """
        own = dict(self._state())
        if not isinstance(state, Mapping):
            raise DataError(
                "load_state_dict takes a dict as state_dict() returns it, "
                f"not {type(state).__name__}; nothing was loaded"
            )
        if strict:
            _check_names(state, own)

        # All are read before the first is written, so an error changes nothing.
        numbers = {name: as_float(state[name], f"state[{name!r}]") for name in own if name in state}
        if own and not numbers:
            names = list_names(list(state)) or "none"
            raise UnknownNameError(f"state and network have no name in common: state has {names}")
        for name, number in numbers.items():
            own[name].data = number

    # Text

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return what `repr` and `summary` show in parentheses after the class name.

        Override it in a module of your own, as in PyTorch.

        Example:
            >>> from scalargrad.nn import Layer
            >>> Layer(2, 3).extra_repr()
            '2 → 3, relu'
        """
        return ""

    @fits_terminal
    def __repr__(self) -> str:
        lines = [describe(self)]
        children = () if self._in_one_line else self.children()
        for name, child in children:
            # The repr of a user's class may hold anything, or nothing.
            first, *others = [printable(line) for line in repr(child).splitlines()] or [""]
            lines.append(f"  ({printable(name)}) {first}")
            lines += [f"  {line}" for line in others]
        return "\n".join(lines)

    @fits_terminal
    def summary(self) -> str:
        """Return a table of the modules: path, description, number of parameters inside.

        Example:
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
                rows.append((printable(path) or "(whole)", describe(module), str(count)))

        paths, kinds, counts = zip(*rows, strict=True)
        first = max(map(len, paths))
        second = max(map(len, kinds))
        third = max(map(len, counts))
        lines = [f"{path:{first}}  {kind:{second}}  {count:>{third}}" for path, kind, count in rows]
        return Report("\n".join(lines))

    def _in_summary(self) -> bool:
        return True


def _above() -> ModuleType:
    """Return the package that knows samples and programs, which is built on modules."""
    return import_module("scalargrad.training")


@contextmanager
def evaluation(module: Module) -> Iterator[None]:
    """Set a module and all inside it to evaluation mode for the block, then restore their modes.

    Several threads may have such blocks over one module: its modes are restored when the last block
    ends.

    Example:
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
"""The modes before each open block of `evaluation`, by the ids of modules, in order of entry."""


def _end_evaluation(parts: Sequence[Module], before: dict[int, bool]) -> None:
    """Restore the modes from before a block.

    Where another thread has entered a block meanwhile, that block took the evaluation mode for the
    mode from before; so the true one is handed to it, to be restored at its end.
    """
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
    not modules, variables that a function uses. Not listed are Constants, Buffers, frozen
    Parameters and plain Values that a function uses, which are not meant to learn, and computed
    Values, which are not leaves, unless they are among Parameters in a list or dict.

    Args:
        module: The module to search, with all inside it.

    Returns:
        Pairs of a path and the Value, in the order of definition.

    Example:
        >>> from scalargrad.nn import Layer, Sequential
        >>> scale = Parameter(2.0)
        >>> model = Sequential(Layer(1, 1), lambda outputs: outputs[0] * scale)
        >>> unreachable(model)
        [('steps.1.scale', Parameter(data=2.0, grad=0.0))]
    """
    inside = survey(module, Module)
    strays = inside.strays()
    return [(path, value) for path, value in inside.unlearned() if not value.args or path in strays]


def _is_array_of_numbers(value: object) -> bool:
    if getattr(value, "shape", ()) == ():
        return False
    dtype = getattr(value, "dtype", None)
    # Kinds of bool, int, unsigned and float. A DataFrame has no dtype, and may hold numbers.
    return getattr(dtype, "kind", "f") in "biuf"


def _check_names(state: Mapping[str, object], own: Mapping[str, object]) -> None:
    """Refuse a state that has other names than the network."""
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    reasons: list[str] = []
    if missing:
        reasons.append(f"state has no {list_names(missing)}")
    if unknown:
        hint = _suggest_name(unknown[0], missing)
        reasons.append(f"the network has no {list_names(unknown)}{hint}")
    if reasons:
        raise UnknownNameError(f"{'; '.join(reasons)}; nothing was loaded")


def _suggest_name(choice: object, names: list[str]) -> str:
    """Return a suggestion if a name is similar, "" if not: a list of all would be too long."""
    hint = suggestion(choice, names) if isinstance(choice, str) else ""
    return f" ({hint[2:]})" if hint.startswith("; did you mean") else ""
