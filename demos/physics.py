"""Physics: a network that has seen no data, only a law, and finds out how a spring swings.

A mass on a spring obeys x″ + 2γ·x′ + ω²·x = 0: what pulls it back grows with the distance, what
slows it down with the velocity. A network says where the mass is at time t. Its derivatives by t
are taken inside the loss, by sg.grad, and grad of grad; what is left of the left side is squared.
When that is small at all times, the network has found the motion.

How it starts is built in, not learned: the network is multiplied by tanh²(t), which is 0 at time 0
and so is its slope, and 1 is added. Whatever its weights, the mass is let go at 1, at rest.

The law is a function of any motion. Given the formula that mathematics has for this one, it says 0
to rounding; given the network, it says how much is still wrong, and where. No point of the formula
was learned from, so the largest difference between both is the test.
"""

from collections.abc import Callable
from math import sqrt
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scalargrad as sg
import viz
from demos.gallery import (
    ACROSS,
    Picture,
    Story,
    duration,
    explored,
    run_alone,
    say_all,
    timed,
    told,
    write_powers,
)
from demos.listing import list_code
from scalargrad import Value
from scalargrad.compiler import compile
from scalargrad.nn import MLP, Module
from scalargrad.optim import Adam, CosineDecay
from scalargrad.training import Callback, Training, fit
from viz.plots import new_axes, plot_curves, save_plot

DAMPING = 0.3
FREQUENCY = 2.0
"""γ and ω of the law."""
END = 6.0
"""Times are from 0 to this."""
POINTS = 32
EPOCHS = 800
WATCHED = (50, 200, EPOCHS)

Array = NDArray[np.float64]
Motion = Callable[[Any], Any]


def law(position: Motion, t: Any) -> Any:
    """Return x″ + 2γ·x′ + ω²·x at a time: 0 if the motion obeys the law."""
    velocity = sg.grad(position)
    acceleration = sg.grad(velocity)
    return acceleration(t) + 2.0 * DAMPING * velocity(t) + FREQUENCY**2 * position(t)


def exact(t: Any) -> Any:
    """Return where the mass is by the formula, for a number or a Value."""
    damped = sqrt(FREQUENCY**2 - DAMPING**2)
    return sg.exp(-DAMPING * t) * (sg.cos(damped * t) + DAMPING / damped * sg.sin(damped * t))


class Oscillator(Module):
    """A motion that a network makes up, let go at 1 and at rest."""

    def __init__(self, hidden: list[int], seed: int) -> None:
        self.network = MLP(1, [*hidden, 1], activation=sg.sin, initializer="xavier", seed=seed)

    def position(self, t: Any) -> Value:
        """Return where the mass is at a time."""
        # From -4 to 4, where sines of random weights have some waves.
        centered = 8.0 / END * (t - END / 2.0)
        answer: Value = 1.0 + sg.tanh(t) ** 2 * self.network([centered])
        return answer

    def forward(self, x: list[Value]) -> Any:
        """Return what is wrong with the motion at a time, as a share of what pulls at 1."""
        return law(self.position, x[0]) / FREQUENCY**2


class Watcher(Callback):
    """Keeps the positions and what is wrong with them after some of the epochs."""

    def __init__(self, model: Oscillator, times: Array) -> None:
        self.times = times
        self.positions = compile(model.position, model, inputs=(1,))
        self.errors = compile(lambda t: model([t]), model, inputs=(1,))
        self.seen: dict[int, tuple[list[float], list[float]]] = {}

    def on_epoch_end(self, training: Training) -> None:
        if training.epoch in WATCHED:
            self.positions.read()
            self.errors.read()
            positions = self.positions(self.times).ravel().tolist()
            self.seen[training.epoch] = positions, self.errors(self.times).ravel().tolist()


def learn(model: Oscillator, epochs: int, callbacks: list[Callback]) -> list[float]:
    """Train by Adam until the law holds at all points, and return the losses."""
    times = np.linspace(0.0, END, POINTS)[:, None]
    adam = Adam(model.parameters(), 0.02, betas=(0.9, 0.99))
    history = fit(
        model,
        times,
        np.zeros(POINTS),
        loss="mse",
        optimizer=adam,
        epochs=epochs,
        batch_size=POINTS,
        callbacks=[*callbacks, CosineDecay(adam, epochs)],
        progress=False,
    )
    return history["loss"]


def eager_gradient(model: Oscillator, times: Array) -> Array:
    """Return the gradient of the mean of the squares, each time on a graph of its own."""
    model.zero_grad()
    for row in times.tolist():
        (model(row) ** 2).backward(1.0 / len(times))
    return np.array([parameter.grad for parameter in model.parameters()])


def measure(model: Oscillator) -> tuple[float, float, float]:
    """Return the seconds of one time, on its graph and compiled, and how far gradients differ."""
    times = np.linspace(0.0, END, POINTS)[:, None]
    some = times[:: POINTS // 8]
    program = compile(lambda t: model([t]) ** 2, model, inputs=(1,))
    # Other programs interrupt what takes long; a median of short times leaves them out.
    expected, eager = timed(lambda: eager_gradient(model, some), process_time)
    difference = np.abs(program.value_and_grad(some)[1] - expected).max()
    program.value_and_grad(times)
    seconds = [timed(lambda: program.value_and_grad(times))[1] for _ in range(20)]
    return eager / len(some), float(np.median(seconds)) / POINTS, float(difference)


def draw_motions(watcher: Watcher, folder: Path) -> None:
    """Draw the motions during the training, and what was wrong with them."""
    times = watcher.times.ravel().tolist()
    motions = {}
    wrong = {}
    for epoch, (positions, errors) in watcher.seen.items():
        motions[f"{epoch} epochs"] = positions
        wrong[f"{epoch} epochs"] = [abs(error) for error in errors]
    # Last, so that a number of epochs has one color on both sides.
    motions["formula"] = [exact(t) for t in times]
    left, right = new_axes(2, width=7.1, height=3.2)
    plot_curves(motions, times, left)
    left.set(title="Where the mass is", xlabel="time")
    plot_curves(wrong, times, right)
    right.set(title="What is wrong with it", xlabel="time", yscale="log")
    write_powers(right.yaxis)
    save_plot(left, folder / _MOTION.file, "The motion", _MOTION.alt)


def draw_law(folder: Path) -> Value:
    """Draw the law at one time, with a network that is small enough to be read."""
    small = Oscillator([1], seed=3)
    time = Value(1.5, label="time")
    wrong: Value = small([time])
    wrong.label = "wrong"
    wrong.backward()
    title = "The law at one time, for a network of one sine"
    viz.draw(wrong, title=title, width=ACROSS).save(folder / _LAW.file)
    return wrong


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Train on the law alone, and compare with the formula.

    Compiled it takes seconds: quick and full are the same.
    """
    times = np.linspace(0.0, END, 200)
    model = Oscillator([16, 16], seed=2)
    eager, compiled, difference = measure(model)
    watcher = Watcher(model, times[:, None])
    losses, seconds = timed(lambda: learn(model, EPOCHS, [watcher]))
    draw_motions(watcher, folder)
    wrong = draw_law(folder)

    numbers = [
        ("largest left side of the law, formula", f"{max(abs(law(exact, t)) for t in times):.1e}"),
        ("parameters, times", f"{len(model.parameters())}, {POINTS}"),
        ("loss and gradient at one time, scalar by scalar", duration(eager)),
        (
            f"compiled, as one of {POINTS} times",
            f"{duration(compiled)}, {eager / compiled:,.0f} times faster",
        ),
        ("largest difference of a gradient, both ways", f"{difference:.1e}"),
        (f"{EPOCHS:,} epochs", duration(seconds)),
        ("mean of the squares, first and last", f"{losses[0]:.1e}, {losses[-1]:.1e}"),
    ]
    for epoch, (positions, _) in watcher.seen.items():
        far = max(abs(x - exact(t)) for x, t in zip(positions, times.tolist(), strict=True))
        numbers.append((f"largest difference to the formula, {epoch} epochs", f"{far:.4f}"))
    say_all(numbers)
    return Story(
        "physics",
        "Physics: learning from a law alone",
        told(__doc__),
        tuple(numbers),
        (_MOTION, _LAW),
        (explored(wrong, folder / "physics-explore.html", "a law with second derivatives"),),
        list_code(law, Oscillator),
    )


_MOTION = Picture(
    "physics-motion.svg",
    "Left the motion by the formula and by the network after some epochs, the last of them on the "
    "formula; right the error of the law over time, falling by powers of ten.",
    "The mass swings, and comes to rest. What the network makes of the law after some epochs; the "
    "last motion lies on the formula.",
)
_LAW = Picture(
    "physics-law.svg",
    "A graph with the time at the left, a small network, its first and second derivatives, and "
    "their sum at the right, colored by gradient.",
    "Derivatives are scalars as well: sg.grad adds them to the graph, and gradients flow through "
    "all of them.",
)

if __name__ == "__main__":
    run_alone(run, "physics")
