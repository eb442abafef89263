"""A small transformer in plain Python has bit for bit the losses that a minimal engine computes.

The program below is written as such programs are: embeddings, one attention head, RMS norm, an MLP,
softmax, cross-entropy, and Adam. The engine beside ours keeps the local derivatives of each
operation, and knows no more than + * ** log exp relu.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.core.graph import topological

TEXT = ["abcab", "bcabc", "cabba", "abba"]
TOKENS = 4  # a, b, c, and the end of a word
WIDTH = 4
LENGTH = 5


class Minimal:
    """The referee: what a textbook needs, and its own walk back."""

    def __init__(
        self, data: float, operands: Sequence["Minimal"] = (), slopes: Sequence[float] = ()
    ) -> None:
        self.data = data
        self.grad = 0.0
        self.operands = operands
        self.slopes = slopes

    def __add__(self, other: Any) -> "Minimal":
        other = other if isinstance(other, Minimal) else Minimal(other)
        return Minimal(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other: Any) -> "Minimal":
        other = other if isinstance(other, Minimal) else Minimal(other)
        return Minimal(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> "Minimal":
        return Minimal(self.data**power, (self,), (power * self.data ** (power - 1),))

    def log(self) -> "Minimal":
        return Minimal(math.log(self.data), (self,), (1 / self.data,))

    def exp(self) -> "Minimal":
        return Minimal(math.exp(self.data), (self,), (math.exp(self.data),))

    def relu(self) -> "Minimal":
        return Minimal(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> "Minimal":
        return self * -1

    def __sub__(self, other: Any) -> "Minimal":
        return self + (-other)

    def __radd__(self, other: float) -> "Minimal":
        return self + other

    def __rmul__(self, other: float) -> "Minimal":
        return self * other

    def backward(self) -> None:
        order: list[Minimal] = []
        seen = set()

        def visit(node: Minimal) -> None:
            if node not in seen:
                seen.add(node)
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for operand, slope in zip(node.operands, node.slopes, strict=True):
                operand.grad += slope * node.grad


def linear(x: list[Any], weights: list[list[Any]]) -> list[Any]:
    return [sum(w * entry for w, entry in zip(row, x, strict=True)) for row in weights]


def softmax(logits: list[Any]) -> list[Any]:
    largest = max(logit.data for logit in logits)
    powers = [(logit - largest).exp() for logit in logits]
    total = sum(powers)
    return [power * total**-1 for power in powers]


def normalized(x: list[Any]) -> list[Any]:
    mean_square = sum(entry * entry for entry in x) * (1 / len(x))
    scale = (mean_square + 1e-5) ** -0.5
    return [entry * scale for entry in x]


class Transformer:
    """One block with one head, over whichever engine."""

    def __init__(self, make: Callable[[float], Any]) -> None:
        rng = random.Random(7)

        def matrix(rows: int, columns: int) -> list[list[Any]]:
            return [[make(rng.gauss(0, 0.3)) for _ in range(columns)] for _ in range(rows)]

        shapes = {
            "tokens": (TOKENS, WIDTH),
            "places": (LENGTH + 1, WIDTH),
            "query": (WIDTH, WIDTH),
            "key": (WIDTH, WIDTH),
            "value": (WIDTH, WIDTH),
            "out": (WIDTH, WIDTH),
            "up": (2 * WIDTH, WIDTH),
            "down": (WIDTH, 2 * WIDTH),
            "head": (TOKENS, WIDTH),
        }
        self.w = {name: matrix(*shape) for name, shape in shapes.items()}
        self.parameters = [p for rows in self.w.values() for row in rows for p in row]

    def logits(self, token: int, place: int, keys: list[Any], values: list[Any]) -> list[Any]:
        w = self.w
        x = normalized([a + b for a, b in zip(w["tokens"][token], w["places"][place], strict=True)])
        query = linear(x, w["query"])
        keys.append(linear(x, w["key"]))
        values.append(linear(x, w["value"]))
        scores = [sum(a * b for a, b in zip(query, key, strict=True)) * WIDTH**-0.5 for key in keys]
        shares = softmax(scores)
        mixed = [sum(s * v[i] for s, v in zip(shares, values, strict=True)) for i in range(WIDTH)]
        x = [a + b for a, b in zip(x, linear(mixed, w["out"]), strict=True)]
        hidden = [entry.relu() for entry in linear(normalized(x), w["up"])]
        x = [a + b for a, b in zip(x, linear(hidden, w["down"]), strict=True)]
        return linear(x, w["head"])

    def loss(self, word: str) -> Any:
        tokens = [TOKENS - 1, *("abc".index(letter) for letter in word), TOKENS - 1][: LENGTH + 1]
        keys: list[Any] = []
        values: list[Any] = []
        losses = []
        for place, (token, target) in enumerate(pairwise(tokens)):
            probabilities = softmax(self.logits(token, place, keys, values))
            losses.append(-probabilities[target].log())
        return (1 / len(losses)) * sum(losses)


def trained(make: Callable[[float], Any], steps: int = 8) -> list[float]:
    """The losses of some steps of Adam, and the parameters at the end."""
    model = Transformer(make)
    first = [0.0] * len(model.parameters)
    second = [0.0] * len(model.parameters)
    losses = []
    for step in range(steps):
        loss = model.loss(TEXT[step % len(TEXT)])
        loss.backward()
        rate = 0.05 * (1 - step / steps)
        for i, p in enumerate(model.parameters):
            first[i] = 0.9 * first[i] + 0.1 * p.grad
            second[i] = 0.95 * second[i] + 0.05 * p.grad**2
            mean = first[i] / (1 - 0.9 ** (step + 1))
            square = second[i] / (1 - 0.95 ** (step + 1))
            p.data -= rate * mean / (square**0.5 + 1e-8)
            p.grad = 0
        losses.append(loss.data)
    return [*losses, *[p.data for p in model.parameters]]


def trained_with_state_on_the_parameters(steps: int = 8) -> list[float]:
    """The same over Parameters, which carry the state of Adam themselves."""
    model = Transformer(Parameter)
    for p in model.parameters:
        p.m = p.v = 0.0
    losses = []
    for step in range(steps):
        loss = model.loss(TEXT[step % len(TEXT)])
        loss.backward()
        rate = 0.05 * (1 - step / steps)
        for p in model.parameters:
            p.m = 0.9 * p.m + 0.1 * p.grad
            p.v = 0.95 * p.v + 0.05 * p.grad**2
            mean = p.m / (1 - 0.9 ** (step + 1))
            square = p.v / (1 - 0.95 ** (step + 1))
            p.data -= rate * mean / (square**0.5 + 1e-8)
            p.grad = 0
        losses.append(loss.data)
    return [*losses, *[p.data for p in model.parameters]]


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return [number.hex() for number in trained(Minimal)]


def test_the_referee_learns(expected: list[str]) -> None:
    losses = [float.fromhex(text) for text in expected[:8]]
    assert losses[4] < losses[0]
    assert len(set(losses)) == 8


def test_our_value_gives_the_same_losses_and_parameters_bit_for_bit(expected: list[str]) -> None:
    assert [number.hex() for number in trained(Value)] == expected


def test_parameters_with_adams_state_on_them_give_the_same_too(expected: list[str]) -> None:
    assert [number.hex() for number in trained_with_state_on_the_parameters()] == expected


def test_a_derived_class_gives_the_same_too(expected: list[str]) -> None:
    class Mine(Value):
        """One that a user wrote."""

    assert [number.hex() for number in trained(Mine)] == expected


def test_inside_of_trace_calls_the_numbers_are_the_same(expected: list[str]) -> None:
    with sg.trace_calls():
        assert [number.hex() for number in trained(Value)] == expected


def test_calls_are_a_tree_in_which_those_of_a_loop_can_be_folded() -> None:
    with sg.trace_calls():
        loss = Transformer(Value).loss("abba")
    calls = {node.scope for node in topological([loss]) if node.args}
    calls |= {call.parent for call in calls}
    folded: dict[int, set[Any]] = {}
    for call in calls - {None}:
        folded.setdefault(call.identity, set()).add(call)

    paths = Counter(next(iter(same)).path for same in folded.values())
    assert paths == {
        "loss": 1,
        "loss.softmax": 1,
        "loss.logits": 1,
        "loss.logits.normalized": 2,
        "loss.logits.linear": 7,
        "loss.logits.softmax": 1,
    }
    # The word has four letters, and an end.
    assert {len(same) for same in folded.values()} == {1, 5}


def test_calls_and_values_have_the_names_of_the_variables() -> None:
    with sg.trace_calls():
        loss = Transformer(Value).loss("abba")
    nodes = [node for node in topological([loss]) if node.args]
    calls = {node.scope.called_at.variable for node in nodes}
    assert calls == {"", "x", "query", "shares", "probabilities", "loss"}
    values = {node.made_at.variable for node in nodes}
    mine = {"mean_square", "scale", "powers", "total", "scores", "mixed", "x", "hidden"}
    assert values == {"", *mine}
