"""Recurrent networks: cells, and a module that runs a cell over a sequence.

A cell carries a state from one step of the sequence to the next. A compiled program runs the steps
of these cells as one loop (see `scalargrad.scan`).
"""

from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING, Any

from scalargrad.core import ops
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.loops import scan
from scalargrad.core.modes import call_in_scope
from scalargrad.core.names import ActivationName
from scalargrad.core.operations import apply
from scalargrad.core.scopes import StepScope
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Constant, Number, Value
from scalargrad.errors import LengthError, OptionError

from .activations import Activation, activation_name
from .initializers import Initializer, InitializerName, constant
from .inputs import Inputs, as_inputs
from .layers import Layer
from .module import Module
from .naming import describe, join_parts
from .reshape import Lists, is_list
from .sequences import as_sequence

Pair = tuple[list[Value], list[Value]]
State = Any
"""What a cell carries: a list of Values (RNNCell, GRUCell), or a pair of such lists (LSTMCell)."""


class RNNCell(Module):
    """The simplest recurrent cell: h' = tanh(W·[x, h] + b) (Elman 1990).

    `cell(x, h)` returns the next h; without h it starts at 0. There is one bias, where PyTorch
    has two, which only ever appear as their sum.

    Args:
        inputs: The number of inputs at each step.
        size: The length of the state, which is the output too.
        activation: The activation of the neurons.
        initializer: As for a Layer.
        seed: As for a Layer.
        bias_initializer: As for a Layer.

    Attributes:
        units: A Layer over the inputs followed by the state: of each neuron the first `inputs`
            weights are those of x, the others those of h.

    Raises:
        OptionError: If a size is below 1 or a name is unknown.

    Example:
        >>> cell = RNNCell(1, 2)
        >>> h = cell([0.5])
        >>> h = cell([1.0], h)
        >>> len(h)
        2
    """

    _in_one_line = True

    def __init__(
        self,
        inputs: int,
        size: int,
        activation: ActivationName | Activation | None = "tanh",
        initializer: InitializerName | Initializer = "xavier",
        seed: Seed = None,
        *,
        bias_initializer: InitializerName | Initializer = "zeros",
    ) -> None:
        self.inputs = checked_int(inputs, "inputs of an RNNCell", 1)
        self.size = checked_int(size, "size of an RNNCell", 1)
        self.units = Layer(
            self.inputs + self.size,
            self.size,
            activation,
            initializer,
            seed,
            bias_initializer=bias_initializer,
        )

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number], state: State = None) -> list[Value]: ...

    def forward(self, x: Iterable[Number], state: State = None) -> list[Value]:
        """Return the next state, which is the output too.

        Raises:
            LengthError: If the input or the state is of another length.
            DataError: If an item is not a number.
        """
        items = as_inputs(x, self.inputs, self)
        return self.units(Inputs([*items, *self.as_state(state)]))

    def as_state(self, state: State) -> list[Value]:
        """Return a state as a list of Values, zeros for None.

        Raises:
            LengthError: If it is of another length.
            DataError: If an item is not a number.
        """
        return _as_state(state, self.size, "h", self)

    def output(self, state: State) -> list[Value]:
        """Return the part of a state that is the output: all of it."""
        return list(state)

    def extra_repr(self) -> str:
        activation = self.units.activation or self.units.neurons[0].activation
        return join_parts(f"{self.inputs} → {self.size}", activation_name(activation))


class LSTMCell(Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    The formulas are PyTorch's, with one bias where PyTorch has the sum of two:

        i  = σ(Wi·[x, h] + bi)
        f  = σ(Wf·[x, h] + bf)
        g  = tanh(Wg·[x, h] + bg)
        o  = σ(Wo·[x, h] + bo)
        c' = f·c + i·g
        h' = o·tanh(c')

    `cell(x, (h, c))` returns the next (h, c); without a state both start at 0.

    Args:
        inputs: The number of inputs at each step.
        size: The length of h, which is the output, and of c.
        forget_bias: The initial value of bf. With 1 the memory lasts from the first step on
            (Jozefowicz et al. 2015, section 2.2); 0 is closer to PyTorch's initialization.
        initializer: As for a Layer.
        seed: As for a Layer.
        bias_initializer: As for a Layer, for bi, bg and bo; bf is set by `forget_bias`.

    Attributes:
        input_gate: The Layer that computes i.
        forget_gate: The Layer that computes f.
        candidate: The Layer that computes g.
        output_gate: The Layer that computes o.

    Raises:
        OptionError: If a size is below 1 or a name is unknown.

    Example:
        >>> cell = LSTMCell(1, 2)
        >>> h, c = cell([0.5])
        >>> h, c = cell([1.0], (h, c))
        >>> len(h), len(c)
        (2, 2)
    """

    _in_one_line = True

    def __init__(
        self,
        inputs: int,
        size: int,
        forget_bias: float = 1.0,
        initializer: InitializerName | Initializer = "xavier",
        seed: Seed = None,
        *,
        bias_initializer: InitializerName | Initializer = "zeros",
    ) -> None:
        self.inputs = checked_int(inputs, "inputs of an LSTMCell", 1)
        self.size = checked_int(size, "size of an LSTMCell", 1)
        rng = generator(seed)
        width = self.inputs + self.size

        def gate(activation: ActivationName, biases: InitializerName | Initializer) -> Layer:
            return Layer(width, self.size, activation, initializer, rng, bias_initializer=biases)

        bf = constant(as_float(forget_bias, "forget_bias of an LSTMCell"))
        self.input_gate = gate("sigmoid", bias_initializer)
        self.forget_gate = gate("sigmoid", bf)
        self.candidate = gate("tanh", bias_initializer)
        self.output_gate = gate("sigmoid", bias_initializer)

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number], state: State = None) -> Pair: ...

    def forward(self, x: Iterable[Number], state: State = None) -> Pair:
        """Return the next (h, c).

        Raises:
            LengthError: If the input or the state is of another length.
            DataError: If an item is not a number.
        """
        items = as_inputs(x, self.inputs, self)
        h, before = self.as_state(state)
        both = Inputs([*items, *h])

        i = self.input_gate(both)
        f = self.forget_gate(both)
        g = self.candidate(both)
        o = self.output_gate(both)
        parts = zip(before, i, f, g, o, strict=True)
        units = call_in_scope(self._update_memory, self, "memory", (parts,), {})

        hidden = [next_h for next_h, _ in units]
        memory = [next_c for _, next_c in units]
        return hidden, memory

    def as_state(self, state: State) -> Pair:
        """Return a state as a pair of lists of Values, zeros for None.

        Raises:
            LengthError: If a part is of another length, or it is not a pair.
            DataError: If an item is not a number.
        """
        h, c = _split_pair(state, self)
        return _as_state(h, self.size, "h", self), _as_state(c, self.size, "c", self)

    def _update_memory(self, parts: Iterable[tuple[Value, ...]]) -> list[tuple[Value, Value]]:
        """Update each number in its own scope, so that pictures tell them apart."""
        units: list[tuple[Value, Value]] = []
        for i, part in enumerate(parts):
            units.append(call_in_scope(_update_unit, self, str(i), part, {}))
        return units

    def output(self, state: State) -> list[Value]:
        """Return the part of a state that is the output: h."""
        return list(state[0])

    def extra_repr(self) -> str:
        return f"{self.inputs} → {self.size}"


def _update_unit(c: Value, i: Value, f: Value, g: Value, o: Value) -> tuple[Value, Value]:
    """Return one number of the next h and of the next c."""
    next_c = f * c + i * g
    next_h = o * apply(ops.TANH, next_c)
    return next_h, next_c


class GRUCell(Module):
    """Gated recurrent unit (Cho et al. 2014).

    The formulas are PyTorch's, in which the reset gate applies after the product with h:

        r  = σ(Wr·x + br + Ur·h + cr)
        z  = σ(Wz·x + bz + Uz·h + cz)
        n  = tanh(Wn·x + bn + r·(Un·h + cn))
        h' = (1 - z)·n + z·h

    `cell(x, h)` returns the next h; without h it starts at 0.

    Args:
        inputs: The number of inputs at each step.
        size: The length of the state, which is the output too.
        initializer: As for a Layer, for each of the six.
        seed: As for a Layer.
        bias_initializer: As for a Layer.
        bias: As for a Layer.

    Attributes:
        reset_input: The Layer over x in r, with Wr and br.
        update_input: The Layer over x in z.
        candidate_input: The Layer over x in n.
        reset_state: The Layer over h in r, with Ur and cr.
        update_state: The Layer over h in z.
        candidate_state: The Layer over h in n.

    Raises:
        OptionError: If a size is below 1 or a name is unknown.

    Example:
        >>> cell = GRUCell(1, 2)
        >>> h = cell([0.5])
        >>> h = cell([1.0], h)
        >>> len(h)
        2
    """

    _in_one_line = True

    def __init__(
        self,
        inputs: int,
        size: int,
        initializer: InitializerName | Initializer = "xavier",
        seed: Seed = None,
        *,
        bias_initializer: InitializerName | Initializer = "zeros",
        bias: bool = True,
    ) -> None:
        self.inputs = checked_int(inputs, "inputs of a GRUCell", 1)
        self.size = checked_int(size, "size of a GRUCell", 1)
        rng = generator(seed)

        def layer(width: int) -> Layer:
            return Layer(
                width,
                self.size,
                None,
                initializer,
                rng,
                bias_initializer=bias_initializer,
                bias=bias,
            )

        self.reset_input = layer(self.inputs)
        self.update_input = layer(self.inputs)
        self.candidate_input = layer(self.inputs)
        self.reset_state = layer(self.size)
        self.update_state = layer(self.size)
        self.candidate_state = layer(self.size)

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number], state: State = None) -> list[Value]: ...

    def forward(self, x: Iterable[Number], state: State = None) -> list[Value]:
        """Return the next state, which is the output too.

        Raises:
            LengthError: If the input or the state is of another length.
            DataError: If an item is not a number.
        """
        items = as_inputs(x, self.inputs, self)
        h = Inputs(self.as_state(state))
        parts = zip(
            h,
            self.reset_input(items),
            self.update_input(items),
            self.candidate_input(items),
            self.reset_state(h),
            self.update_state(h),
            self.candidate_state(h),
            strict=True,
        )
        units: list[Value] = call_in_scope(self._update_units, self, "state", (parts,), {})
        return units

    def as_state(self, state: State) -> list[Value]:
        """Return a state as a list of Values, zeros for None.

        Raises:
            LengthError: If it is of another length.
            DataError: If an item is not a number.
        """
        return _as_state(state, self.size, "h", self)

    def _update_units(self, parts: Iterable[tuple[Value, ...]]) -> list[Value]:
        """Update each number in its own scope, so that pictures tell them apart."""
        units: list[Value] = []
        for i, part in enumerate(parts):
            units.append(call_in_scope(_update_gated_unit, self, str(i), part, {}))
        return units

    def output(self, state: State) -> list[Value]:
        """Return the part of a state that is the output: all of it."""
        return list(state)

    def extra_repr(self) -> str:
        return f"{self.inputs} → {self.size}"


def _update_gated_unit(
    h: Value,
    reset_x: Value,
    update_x: Value,
    candidate_x: Value,
    reset_h: Value,
    update_h: Value,
    candidate_h: Value,
) -> Value:
    """Return one number of the next h."""
    r = apply(ops.SIGMOID, reset_x + reset_h)
    z = apply(ops.SIGMOID, update_x + update_h)
    n = apply(ops.TANH, candidate_x + r * candidate_h)
    next_h: Value = (1.0 - z) * n + z * h
    return next_h


class Recurrent(Module):
    """Run a cell over a sequence, passing the state of each step to the next.

    Args:
        cell: An RNNCell, an LSTMCell, a GRUCell, or another module where `cell(x, state)` returns
            the next state, with None as the first, and `cell.output(state)` the list of Values to
            return.
        last: Whether to return the output of the last step only, a list of Values, instead of
            those of all steps, a list of such lists.

    Raises:
        OptionError: If `cell` is not a cell.

    Example:
        >>> network = Recurrent(LSTMCell(1, 2), last=True)
        >>> len(network([[0.5], [1.0], [-1.0]]))
        2

        With `with_state=True` the next part of the sequence can continue from the state:

        >>> outputs, state = network([[0.5], [1.0]], with_state=True)
        >>> outputs = network([[-1.0]], state)
    """

    _in_one_line = True

    def __init__(self, cell: Module, last: bool = False) -> None:
        if not isinstance(cell, Module) or not hasattr(cell, "output"):
            raise OptionError(
                f"Recurrent takes a cell, such as RNNCell(1, 2), not {type(cell).__name__}"
            )
        self.cell: Any = cell  # a Module does not say that it has `output`
        self.last = last

    def forward(self, x: Lists, state: State = None, with_state: bool = False) -> Any:
        """Return the outputs.

        Args:
            x: The inputs of each step.
            state: The state before the first step.
            with_state: Whether to return (outputs, state after the last step).

        Raises:
            LengthError: If the sequence is empty. The cell raises its own errors.
        """
        sequence = as_sequence(x, self)
        number = count()

        def step(state: State, row: Any) -> tuple[State, list[Value]]:
            # Not `self.cell(row, state)`: with a scope for each step, pictures tell them apart.
            name = f"cell.{next(number)}"
            state = call_in_scope(self.cell.forward, self.cell, name, (row, state), {}, StepScope)
            return state, self.cell.output(state)

        if type(self.cell) in (RNNCell, LSTMCell, GRUCell):
            state, outputs = scan(step, self.cell.as_state(state), sequence)
        else:
            # The state of another cell may grow from step to step, or hold more than numbers.
            outputs = []
            for row in sequence:
                state, output = step(state, row)
                outputs.append(output)

        result = outputs[-1] if self.last else outputs
        return (result, state) if with_state else result

    def extra_repr(self) -> str:
        return join_parts(describe(self.cell), "last" if self.last else "")


def _as_state(state: State, size: int, name: str, module: Module) -> list[Value]:
    """Return a state as a list of `size` Values, zeros for None.

    Raises:
        LengthError: If it is of another length.
        DataError: If an item is not a number.
    """
    labels = [f"{name}{i}" for i in range(size)]
    if state is None:
        return [Constant(0.0, label=label) for label in labels]

    who = describe(module)
    if not is_list(state) or len(state) != size:
        given = f"{len(state)} numbers" if is_list(state) else type(state).__name__
        raise LengthError(f"{who} carries {size} numbers as {name}, but was given {given}")

    values: list[Value] = []
    for item, label in zip(state, labels, strict=True):
        if isinstance(item, Value):
            values.append(item)
        else:
            number = as_float(item, f"{label} of {who}")
            values.append(Value(number, label=label))
    return values


def _split_pair(state: State, module: Module) -> tuple[State, State]:
    if state is None:
        return None, None
    if not is_list(state) or len(state) != 2:
        raise LengthError(
            f"{describe(module)} carries a pair of lists (h, c), "
            f"but was given {type(state).__name__} {state!r}"
        )
    return state[0], state[1]
