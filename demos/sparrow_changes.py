"""The sparrow network as it was given, and what may cure it: one change each.

A run takes one step for each sample, and is judged by the answers of the network to samples that it
has not seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from math import nan
from random import Random
from statistics import median
from typing import Any

import numpy as np

from demos.sparrow_numpy import Array
from scalargrad import Parameter, Value
from scalargrad.compiler import compile
from scalargrad.core.names import ActivationName
from scalargrad.errors import DivergenceError
from scalargrad.losses import half_squared_error
from scalargrad.nn import MLP, normal, orthogonal, uniform
from scalargrad.nn.initializers import Initializer, InitializerName, zeros
from scalargrad.optim import SGD, AdaGrad, Adam, Optimizer, RMSprop, l2
from scalargrad.training import ClipNorm, MaxNorm, fit

INPUTS = 10
RATE = 0.05
CALM = 0.0001
STEPS = 100
UNIFORM = uniform(0.0, 1.0)
DESCENT = partial(SGD, learning_rate=RATE)
HUGE = 1e6
"""A loss above this is an explosion."""
CONSTANT = 1e-3
"""Answers to fresh samples that vary by less than this are one answer."""
LEARNED = 0.9
"""A loss below this share of the best constant's shows that something was learned."""
OUTCOMES = ("nan", "constant", "neither", "learned")


class Means(MLP):
    """The same network, with means of weighted inputs instead of sums."""

    def forward(self, x: Any) -> Any:
        """Return one Value from ten numbers."""
        for layer in self.layers:
            x = layer([item / len(x) for item in x])
        return x[0]


def tenth(z: Value) -> Value:
    """Return tanh(z / 10), which is nearly linear where tanh(z) is flat."""
    return (z / 10.0).tanh()


def penalty(model: MLP) -> Value:
    """Return a tenth of the sum of all squared parameters."""
    return l2(model.parameters(), 0.1)


@dataclass(frozen=True)
class Change:
    """The network as it was given, apart from what a line of the table changes."""

    what: str
    how: str
    kind: type[MLP] = MLP
    activation: ActivationName | Callable[[Value], Value] = "elu"
    initializer: InitializerName | Initializer = field(default_factory=lambda: UNIFORM)
    optimizer: Callable[[list[Parameter]], Optimizer] = DESCENT
    options: dict[str, Any] = field(default_factory=dict)

    def build(self, seed: int) -> MLP:
        """Build the network 10-7-3-1."""
        # The initializers of the field are made for biases of 0.
        biases = UNIFORM if self.initializer is UNIFORM else zeros
        return self.kind(
            INPUTS,
            [7, 3, 1],
            activation=self.activation,
            initializer=self.initializer,
            bias_initializer=biases,
            seed=seed,
        )


GIVEN = Change("as given", "")
CHANGES = (
    GIVEN,
    Change("initialization", "all 0", initializer="zeros"),
    Change("initialization", "Xavier", initializer="xavier"),
    Change("initialization", "He", initializer="he"),
    Change("initialization", "normal, 0.01", initializer=normal(0.01)),
    Change("initialization", "uniform, 0 to 0.1", initializer=uniform(0.0, 0.1)),
    Change("initialization", "orthogonal, 0.1", initializer=orthogonal(0.1)),
    Change("regularization", "L2, 0.1", options={"penalty": penalty}),
    Change("regularization", "max-norm 0.3", options={"callbacks": MaxNorm(0.3)}),
    Change("activation", "ReLU", activation="relu"),
    Change("activation", "sigmoid", activation="sigmoid"),
    Change("activation", "tanh", activation="tanh"),
    Change("activation", "tanh(z / 10)", activation=tenth),
    Change("structure", "means instead of sums", kind=Means),
    Change("clipping", "gradients cut to norm 0.2", options={"callbacks": ClipNorm(0.2)}),
    Change("optimizer", "momentum 0.9", optimizer=partial(SGD, learning_rate=RATE, momentum=0.9)),
    Change("optimizer", "AdaGrad", optimizer=partial(AdaGrad, learning_rate=RATE)),
    Change("optimizer", "RMSprop, 0.01", optimizer=partial(RMSprop, learning_rate=0.01)),
    Change("optimizer", "Adam, 0.01", optimizer=partial(Adam, learning_rate=0.01)),
    Change("rate", "0.0001", optimizer=partial(SGD, learning_rate=CALM)),
)
"""The settings as given, and the changes, one in each line of the table."""


@dataclass(frozen=True)
class Trial:
    """One training and its end.

    Attributes:
        model: The network afterwards.
        losses: The loss before each step; the one that overflows is not among them.
        outcome: One of OUTCOMES.
        cost: The mean loss on fresh samples, or nan.
    """

    model: MLP
    losses: list[float]
    outcome: str
    cost: float


def samples(count: int, seed: int) -> tuple[list[list[float]], list[float]]:
    """Return rows of ten numbers between 0 and 5, and half the sum of each row."""
    # A network of this seed must not draw the same numbers for its weights.
    draw = Random(f"samples {seed}")
    rows = []
    for _ in range(count):
        rows.append([draw.uniform(0.0, 5.0) for _ in range(INPUTS)])
    return rows, [sum(row) / 2.0 for row in rows]


@cache
def fresh() -> tuple[Array, Array]:
    """Return the samples that no run sees."""
    rows, targets = samples(200, seed=-1)
    return np.array(rows), np.array(targets)


def constant_cost() -> float:
    """Return the loss of answering the mean of the targets, whatever the input."""
    return float(fresh()[1].var()) / 2.0


def judge(answers: Array) -> tuple[str, float]:
    """Say how a run ended, from the answers to the fresh samples, and what these cost."""
    _, targets = fresh()
    if not np.isfinite(answers).all():
        return "nan", nan

    cost = float(np.mean((answers - targets) ** 2)) / 2.0
    if np.std(answers - answers[0]) < CONSTANT:
        return "constant", cost
    return "learned" if cost < LEARNED * constant_cost() else "neither", cost


def train(change: Change, seed: int, steps: int = STEPS) -> Trial:
    """Train with one step per sample, then ask about fresh samples."""
    model = change.build(seed)
    try:
        history = fit(
            model,
            *samples(steps, seed),
            loss=half_squared_error,
            optimizer=change.optimizer(model.parameters()),
            epochs=1,
            batch_size=1,
            shuffle=False,
            progress=False,
            **change.options,
        )
    # An explosion is a result here, not a failure: the history up to it is what is drawn.
    except DivergenceError as error:
        return Trial(model, error.history.steps, "nan", nan)

    answers = compile(model, model, inputs=(INPUTS,))(fresh()[0])[:, 0]
    return Trial(model, history.steps, *judge(answers))


def tally(trials: list[Trial]) -> list[int]:
    """Count the runs whose loss exploded on the way, and each outcome."""
    outcomes = [trial.outcome for trial in trials]
    exploded = sum(max(trial.losses) > HUGE for trial in trials)
    return [exploded, *(outcomes.count(name) for name in OUTCOMES)]


def verdict(trials: list[Trial]) -> str:
    """Say how the runs of a change ended."""
    outcomes = [trial.outcome for trial in trials]
    counts = [f"{name} {outcomes.count(name)}" for name in OUTCOMES if name in outcomes]
    highest = max(max(trial.losses) for trial in trials)
    costs = [trial.cost for trial in trials if trial.outcome != "nan"]
    final = f", median loss {median(costs):.2g}" if costs else ""
    return f"{', '.join(counts)} of {len(trials)}{final}; highest {highest:.0e}"
