"""Small graphs that the tests of pictures share."""

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.nn import MLP


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
    model = MLP(2, sizes, activation="tanh", initialiser="xavier", seed=3)
    losses = [(model([0.24 + 0.1 * i, 0.155 - 0.2 * i]) - Value(-1.0, label="y")) ** 2 for i in range(samples)]
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
