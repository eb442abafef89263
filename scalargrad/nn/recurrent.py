"""Recurrent networks: cells that carry a state from one step of a sequence to the next, and what runs a cell over a sequence."""

from collections.abc import Iterable
from typing import Any

from scalargrad.core import ops
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.modes import call_in_scope
from scalargrad.core.operations import apply
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Constant, Value
from scalargrad.errors import LengthError, OptionError

from .activations import Activation, activation_name
from .initializers import Initializer
from .layers import Layer
from .module import Inputs, Module, as_inputs, unpacked
from .reshape import is_list

State = Any
"""What a cell carries: a list of Values (RNNCell), or the pair of two such lists (LSTMCell)."""


class RNNCell(Module):
    """The simplest recurrent cell (Elman 1990): h' = tanh(W·[x, h] + b).

    inputs       how many numbers it takes at each step
    size         how many it carries, and puts out
    activation   of its neurons
    initializer, seed  as for a Layer

    `units` is a Layer over the inputs followed by the state: of each neuron the first `inputs` weights meet x, the others h. PyTorch
    has two biases, which only ever appear as their sum; here there is one.

    `cell(x, h)` returns the next h; without h it begins at 0. A call raises LengthError or DataError for a wrong input or state.

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
        activation: str | Activation | None = ops.TANH.name,
        initializer: str | Initializer = "xavier",
        seed: Seed = None,
    ) -> None:
        self.inputs, self.size = (
            checked_int(inputs, "inputs of an RNNCell", 1),
            checked_int(size, "size of an RNNCell", 1),
        )
        self.units = Layer(self.inputs + self.size, self.size, activation, initializer, seed)

    def forward(self, x: Any, state: State = None) -> list[Value]:
        """The next state, which is the output too."""
        outputs: list[Value] = self.units(
            Inputs([*as_inputs(x, self.inputs, self), *carried(state, self.size, "h", self)])
        )
        return outputs

    def output(self, state: State) -> list[Value]:
        """The part of the state that is put out: all of it."""
        return list(state)

    def describe(self) -> str:
        name = activation_name(self.units.activation or self.units.neurons[0].activation)
        return f"RNNCell({', '.join(filter(None, [f'{self.inputs} → {self.size}', name]))})"


class LSTMCell(Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), in PyTorch's form.

    i = σ(Wi·[x, h] + bi), f = σ(Wf·[x, h] + bf), g = tanh(Wg·[x, h] + bg), o = σ(Wo·[x, h] + bo);
    c' = f·c + i·g, h' = o·tanh(c').

    inputs       how many numbers it takes at each step
    size         how many it carries as h and as c; h is put out
    forget_bias  what the biases bf begin at: 1, so that the memory lasts from the first step on (Jozefowicz et al. 2015, section 2.2);
                 0 is nearer to what PyTorch begins with
    initializer, seed  as for a Layer

    Each gate is a Layer over the inputs followed by h, with one bias where PyTorch has the sum of two.
    `cell(x, (h, c))` returns the next (h, c); without a state both begin at 0. Errors as for an RNNCell.

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
        initializer: str | Initializer = "xavier",
        seed: Seed = None,
    ) -> None:
        self.inputs, self.size = (
            checked_int(inputs, "inputs of an LSTMCell", 1),
            checked_int(size, "size of an LSTMCell", 1),
        )
        rng, both, sigmoid, tanh = (
            generator(seed),
            self.inputs + self.size,
            ops.SIGMOID.name,
            ops.TANH.name,
        )
        self.input_gate = Layer(both, self.size, sigmoid, initializer, rng)
        self.forget_gate = Layer(both, self.size, sigmoid, initializer, rng)
        self.candidate = Layer(both, self.size, tanh, initializer, rng)
        self.output_gate = Layer(both, self.size, sigmoid, initializer, rng)
        for neuron in self.forget_gate.neurons:
            neuron.bias.data = as_float(forget_bias, "forget_bias of an LSTMCell")

    def forward(self, x: Any, state: State = None) -> tuple[list[Value], list[Value]]:
        """The next (h, c)."""
        hidden, memory = _pair(state, self)
        both = Inputs([*as_inputs(x, self.inputs, self), *carried(hidden, self.size, "h", self)])
        before = carried(memory, self.size, "c", self)
        gates = self.input_gate, self.forget_gate, self.candidate, self.output_gate
        parts = zip(before, *[gate(both) for gate in gates], strict=True)
        units: list[tuple[Value, Value]] = call_in_scope(self._memory, self, "memory", (parts,), {})
        return [h for h, _ in units], [c for _, c in units]

    def _memory(self, parts: Iterable[tuple[Value, ...]]) -> list[tuple[Value, Value]]:
        """Each number in a scope of its own, so that pictures tell them apart."""
        return [call_in_scope(_remember, self, str(i), part, {}) for i, part in enumerate(parts)]

    def output(self, state: State) -> list[Value]:
        """The part of the state that is put out: h."""
        return list(state[0])

    def describe(self) -> str:
        return f"LSTMCell({self.inputs} → {self.size})"


def _remember(before: Value, i: Value, f: Value, g: Value, o: Value) -> tuple[Value, Value]:
    """One number of the next h and of the next c."""
    after = f * before + i * g
    return o * apply(ops.TANH, after), after


class Recurrent(Module):
    """Runs a cell over a sequence: step by step, the state of each into the next.

    cell  an RNNCell, an LSTMCell, or a module of one's own: `cell(x, state)` returns the next state, where state may be None, and
          `cell.output(state)` the list of Values to put out
    last  True: return the output of the last step alone, a list of Values; False: those of all steps, a list of such lists

    `network(rows, state, with_state=True)` returns (outputs, state), to go on from there with the next piece of a sequence.
    Raises OptionError for what is no cell; a call raises LengthError for an empty sequence and what the cell raises for its inputs.

    >>> network = Recurrent(LSTMCell(1, 2), last=True)
    >>> len(network([[0.5], [1.0], [-1.0]]))
    2
    >>> outputs, state = network([[0.5], [1.0]], with_state=True)
    >>> outputs = network([[-1.0]], state)
    """

    _in_one_line = True

    def __init__(self, cell: Any, last: bool = False) -> None:
        if not isinstance(cell, Module) or not hasattr(cell, "output"):
            raise OptionError(
                f"Recurrent takes a cell, such as RNNCell(1, 2), not {type(cell).__name__}"
            )
        self.cell, self.last = cell, last

    def forward(self, x: Any, state: State = None, with_state: bool = False) -> Any:
        """The outputs, and with `with_state` the state after the last step."""
        x = unpacked(x, self)
        if not is_list(x) or not len(x):
            raise LengthError(f"{self.describe()} takes a sequence of at least one step, not {x!r}")
        outputs = []
        for step, row in enumerate(x):
            state = call_in_scope(self.cell.forward, self.cell, f"cell.{step}", (row, state), {})
            outputs.append(self.cell.output(state))
        found = outputs[-1] if self.last else outputs
        return (found, state) if with_state else found

    def describe(self) -> str:
        return f"Recurrent({self.cell.describe()}{', last' * self.last})"


def carried(state: State, size: int, name: str, module: Module) -> list[Value]:
    """`size` Values of a state, or as many zeros for None. Raises LengthError or DataError, which name the module."""
    if state is None:
        return [Constant(0.0, label=f"{name}{i}") for i in range(size)]
    if not is_list(state) or len(state) != size:
        found = f"{len(state)} numbers" if is_list(state) else f"{type(state).__name__}"
        raise LengthError(
            f"{module.describe()} carries {size} numbers as {name}, but was given {found}"
        )
    names = [f"{name}{i}" for i in range(size)]
    who = module.describe()
    return [
        x if isinstance(x, Value) else Value(as_float(x, f"{own} of {who}"), label=own)
        for x, own in zip(state, names, strict=True)
    ]


def _pair(state: State, module: Module) -> tuple[Any, Any]:
    if state is None:
        return None, None
    if not is_list(state) or len(state) != 2:
        raise LengthError(
            f"{module.describe()} carries a pair of lists (h, c), but was given {type(state).__name__} {state!r}"
        )
    return state[0], state[1]
