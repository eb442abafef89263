"""Small graphs that the tests of pictures share."""

import gc
import sys
import time
from collections.abc import Callable
from random import Random
from types import FrameType

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.nn import (
    MLP,
    Conv,
    Flatten,
    Layer,
    LayerNorm,
    LSTMCell,
    MaxPool,
    Recurrent,
    Sequential,
)


def neuron() -> Value:
    """The neuron with two inputs of the lecture, after backward."""
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Parameter(-3.0, label="w1"), Parameter(1.0, label="w2")
    b = Parameter(6.8813735870195432, label="b")
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    o = sg.tanh(n)
    o.label = "o"
    o.backward()
    return o


def network(sizes: list[int], samples: int = 1) -> Value:
    """The loss of a network of two inputs over some samples, after backward."""
    model = MLP(2, sizes, activation="tanh", initializer="xavier", seed=3)
    losses = [
        (model([0.24 + 0.1 * i, 0.155 - 0.2 * i]) - Value(-1.0, label="y")) ** 2
        for i in range(samples)
    ]
    loss = losses[0] if samples == 1 else sg.sum(losses)
    loss.label = "loss"
    loss.backward()
    return loss


def chain(length: int) -> Value:
    """A long chain of sums, products and sines without modules, after backward."""
    y = x = Value(1.0, label="x")
    for i in range(length // 4):
        y = sg.sin(y + x * (1.0 + i % 7))
    y.backward()
    return y


def classified(model: sg.nn.Module, x: list, target: int = 1) -> Value:
    """The cross-entropy of one sample, after backward."""
    loss = sg.losses.cross_entropy(model(x), target)
    loss.label = "loss"
    loss.backward()
    return loss


def wide() -> Value:
    """A network of 49 inputs, 60 hidden units and three outputs."""
    rng = Random(5)
    return classified(MLP(49, [60, 3], seed=1), [rng.random() for _ in range(49)])


def seen() -> Value:
    """A small convolutional network over an image of 6 by 6."""
    rng = Random(6)
    model = Sequential(
        Conv(1, 4, 3, padding=1, seed=2),
        MaxPool(2),
        Flatten(),
        LayerNorm(36),
        Layer(36, 5, activation=None, seed=3),
    )
    return classified(model, [[rng.random() for _ in range(6)] for _ in range(6)], 3)


def remembered(steps: int = 5) -> Value:
    """A cell with memory over a sequence of two numbers a step."""
    rng = Random(7)
    model = Sequential(
        Recurrent(LSTMCell(2, 3, seed=1), last=True), Layer(3, 2, activation=None, seed=2)
    )
    return classified(model, [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(steps)])


class Skip(sg.nn.Module):
    """Two layers, the second passed by, and an output."""

    def __init__(self) -> None:
        self.first, self.second, self.out = (
            Layer(4, 5, seed=1),
            Layer(5, 5, seed=2),
            Layer(5, 3, activation=None, seed=3),
        )
        self.inputs = 4

    def forward(self, x):
        """The sum of what both layers say goes on."""
        before = self.first(x)
        return self.out([a + b for a, b in zip(before, self.second(before), strict=True)])


def skipped() -> Value:
    """The loss of a network with a connection that passes a layer by."""
    return classified(Skip(), [0.5, -1.0, 2.0, 1.0], 2)


def steps(work: Callable[[], object]) -> int:
    """Count the calls of functions that some work takes.

    The count is the same on every machine, but blind to loops inside of a call into C.
    """
    count = 0

    def seen(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def processor_time(work: Callable[[], object]) -> float:
    """Return the least processor time of three runs, in seconds.

    It is only good to be divided by another such number.
    """
    found = []
    gc.disable()
    try:
        for _ in range(3):
            start = time.process_time()
            work()
            found.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(found)
