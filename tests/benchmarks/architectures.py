"""Rows of the table for what people write beyond plain layers: a residual block, a network whose
derivative is in the loss, a loop over a sequence.
"""

from collections.abc import Callable
from typing import Any

import numpy
from numpy.typing import NDArray

import scalargrad
from scalargrad import Value
from scalargrad.compiler.backend import BackendName
from scalargrad.errors import TraceError
from scalargrad.nn import MLP, Layer, Module, RNNCell
from tests.benchmarks.contest import (
    Contest,
    Row,
    alike,
    first_call,
    installed,
    medians,
    note_fallback,
)

Array = NDArray[numpy.float64]
WIDTH = 128
HIDDEN = 32
STEPS = 100
BATCH = 32


class Block(Module):
    """Two layers, with or without the input added to their output."""

    def __init__(self, residual: bool) -> None:
        self.residual = residual
        self.first = Layer(WIDTH, WIDTH, "relu", seed=1)
        self.second = Layer(WIDTH, WIDTH, None, seed=2)

    def forward(self, x: list[Value]) -> list[Value]:
        """What the layers make of x, or the sum of both."""
        y = self.second(self.first(x))
        if not self.residual:
            return y
        return [a + b for a, b in zip(x, y, strict=True)]

    def loss(self, x: list[Value]) -> Value:
        """The mean of the squares of all outputs."""
        return scalargrad.mean([y * y for y in self(x)])

    def compile(self) -> Any:
        """The program of the loss."""
        return scalargrad.compile(self.loss, self, inputs=(WIDTH,))


def eager(function: Callable[[Any], Any], model: Module, x: Array) -> tuple[float, Array]:
    """The mean loss and its gradient by our own scalars, sample by sample."""
    parameters = model.parameters()
    model.zero_grad()
    losses = []
    for row in x.tolist():
        loss = function([Value(number) for number in row])
        loss.backward(1.0 / len(x))
        losses.append(loss.data)
    return sum(losses) / len(losses), numpy.array([parameter.grad for parameter in parameters])


def residual(rounds: int) -> list[Row]:
    """A residual block, beside the same layers without the residual."""
    x = numpy.random.default_rng(0).normal(size=(BATCH, WIDTH))
    blocks = {"ours": Block(residual=True), "theirs": Block(residual=False)}
    programs = {name: block.compile() for name, block in blocks.items()}
    same = all(
        alike(programs[name].value_and_grad(x[:2]), eager(block.loss, block, x[:2]))
        for name, block in blocks.items()
    )
    contest: Contest = {
        name: (lambda program=program: program.value_and_grad(x), 20)
        for name, program in programs.items()
    }
    seconds = medians(contest, rounds)
    work = f"residual block {WIDTH} wide, batch {BATCH}"

    def compiled() -> None:
        blocks["ours"].compile().value_and_grad(x)

    return [
        Row(work, "without the residual", seconds["ours"], seconds["theirs"], 1.2, same=same),
        first_call(work, compiled, rounds),
    ]


def pinn(rounds: int, backend: BackendName = "numpy") -> list[Row]:
    """u″ = -sin(x) for a network u: its second derivative is in the loss."""
    work = "PINN 1-16-16-1, 32 points"
    x = numpy.linspace(0.0, 3.0, 32)[:, None]
    model = MLP(1, [16, 16, 1], activation="tanh", seed=1)

    def loss(t: Value) -> Value:
        curvature: Any = scalargrad.grad(scalargrad.grad(lambda z: model([z])))(t)
        return (curvature + scalargrad.sin(t)) ** 2

    def compiled() -> Any:
        program = scalargrad.compile(loss, model, inputs=(1,), backend=backend)
        program.value_and_grad(x)
        return program

    try:
        program = compiled()
    except TraceError:
        print(f"{work}: no row, because derivatives can't be recorded yet")
        return []
    note_fallback(work, program)
    rows = [first_call(work, compiled, rounds)]
    if not installed("torch", work, "PyTorch"):
        return rows

    torch_step = _torch_pinn(model, x)
    same = alike(program.value_and_grad(x), torch_step())
    contest: Contest = {
        "ours": (lambda: program.value_and_grad(x), 20),
        "torch": (torch_step, 20),
    }
    seconds = medians(contest, rounds)
    target = 0.3 if backend == "native" else 1.0
    return [Row(work, "PyTorch", seconds["ours"], seconds["torch"], target, same=same), *rows]


def _torch_pinn(model: MLP, x: Array) -> Callable[[], tuple[float, Array]]:
    """The same loss and gradient in PyTorch, by autograd.grad with create_graph."""
    import torch

    torch.set_num_threads(1)
    weights = []
    for layer in model.layers:
        rows = [[p.data for p in neuron.parameters()] for neuron in layer.neurons]
        weights.append(torch.tensor(rows, dtype=torch.float64, requires_grad=True))
    points = torch.tensor(x, requires_grad=True)

    def step() -> tuple[float, Array]:
        u = points
        for i, rows in enumerate(weights):
            u = torch.nn.functional.linear(u, rows[:, :-1], rows[:, -1])
            if i < len(weights) - 1:
                u = torch.tanh(u)
        (slope,) = torch.autograd.grad(u.sum(), points, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), points, create_graph=True)
        loss = ((curvature + torch.sin(points)) ** 2).mean()
        gradients = torch.autograd.grad(loss, weights)
        return float(loss.detach()), torch.cat([part.ravel() for part in gradients]).numpy()

    return step


class Reader(Module):
    """A recurrent cell that reads a sequence, and a layer on its last state."""

    def __init__(self) -> None:
        self.cell = RNNCell(1, HIDDEN, seed=0)
        self.head = Layer(HIDDEN, 1, None, seed=1)

    def loss(self, x: list[Value], y: Value) -> Value:
        """The squared error of the one output."""

        def step(state: Any, number: Any) -> Any:
            return self.cell([number], state), None

        scan: Any = scalargrad.scan  # type: ignore[attr-defined, unused-ignore]
        state, _ = scan(step, [0.0] * HIDDEN, x)
        return (self.head(state)[0] - y) ** 2


def rnn(rounds: int, backend: BackendName = "numpy") -> list[Row]:
    """A recurrent network over a sequence, as one loop of the program."""
    work = f"RNN 1-{HIDDEN}-1 over {STEPS} steps, batch {BATCH}"
    if not hasattr(scalargrad, "scan"):
        print(f"{work}: no row, because there is no scan yet")
        return []
    rng = numpy.random.default_rng(0)
    x = rng.normal(size=(BATCH, STEPS))
    y = rng.normal(size=(BATCH, 1))
    model = Reader()

    def compiled() -> Any:
        program = scalargrad.compile(model.loss, model, inputs=(STEPS, 1), backend=backend)
        program.value_and_grad(x, y)
        return program

    program = compiled()
    note_fallback(work, program)
    rows = [first_call(work, compiled, rounds)]
    if not installed("torch", work, "PyTorch"):
        return rows

    torch_step = _torch_rnn(model, x, y)
    same = alike(program.value_and_grad(x, y), torch_step())
    contest: Contest = {
        "ours": (lambda: program.value_and_grad(x, y), 3),
        "torch": (torch_step, 3),
    }
    seconds = medians(contest, rounds)
    rival = "PyTorch's loop of cells"
    # Machine code of a loop is not promised yet: its row only reports.
    target = 0.0 if backend == "native" else 0.5
    row = Row(work, rival, seconds["ours"], seconds["torch"], target, same=same)
    return [row, *rows]


def _torch_rnn(model: Reader, x: Array, y: Array) -> Callable[[], tuple[float, Array]]:
    """The same in PyTorch: a Python loop over torch.nn.RNNCell."""
    import torch

    torch.set_num_threads(1)
    cell = torch.nn.RNNCell(1, HIDDEN, dtype=torch.float64)
    head = torch.nn.Linear(HIDDEN, 1, dtype=torch.float64)
    numbers = numpy.array([parameter.data for parameter in model.parameters()])
    rows = torch.tensor(numbers[: HIDDEN * (HIDDEN + 2)].reshape(HIDDEN, HIDDEN + 2))
    last = torch.tensor(numbers[HIDDEN * (HIDDEN + 2) :])
    with torch.no_grad():
        cell.weight_ih.copy_(rows[:, :1])
        cell.weight_hh.copy_(rows[:, 1:-1])
        cell.bias_ih.copy_(rows[:, -1])
        cell.bias_hh.zero_()
        head.weight.copy_(last[None, :-1])
        head.bias.copy_(last[-1:])
    inputs = torch.tensor(x)
    targets = torch.tensor(y)
    learned = [cell.weight_ih, cell.weight_hh, cell.bias_ih, head.weight, head.bias]

    def step() -> tuple[float, Array]:
        state = torch.zeros(BATCH, HIDDEN, dtype=torch.float64)
        for t in range(STEPS):
            state = cell(inputs[:, t : t + 1], state)
        loss = ((head(state) - targets) ** 2).mean()
        of_input, of_state, of_bias, *of_head = torch.autograd.grad(loss, learned)
        of_cell = torch.cat([of_input, of_state, of_bias[:, None]], 1)
        flat = [part.ravel() for part in (of_cell, *of_head)]
        return float(loss.detach()), torch.cat(flat).numpy()

    return step
