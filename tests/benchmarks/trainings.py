"""Rows of the table for whole trainings: what `fit` costs as machine code."""

import time
from statistics import median
from typing import Any

import numpy

import scalargrad
from scalargrad import Value
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Module
from scalargrad.optim import SGD
from scalargrad.training import Callback, Training
from tests.benchmarks import tasks
from tests.benchmarks.contest import Contest, Row, alike, first_call, installed, medians, timed
from tests.benchmarks.rivals import PENALTY, RATE, Array, Compiled, Hand, Micrograd, Task

EPOCHS = 1000
LONGER = 5
IMAGES = 10_000
LEARNING_RATE = 0.001
DECAYS = (0.9, 0.999)
EPSILON = 1e-8


class Clock(Callback):
    """Takes the time of each epoch; it does not look at the model."""

    looks = False

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_epoch_end(self, training: Training) -> None:  # noqa: ARG002
        """Take the time."""
        self.times.append(time.process_time())

    @property
    def seconds(self) -> float:
        """CPU seconds of an epoch, without the first one and what comes before it."""
        return (self.times[-1] - self.times[0]) / (len(self.times) - 1)


# Moons


def hinge(score: Value, target: float) -> Value:
    """The loss of micrograd's demo, of one sample."""
    return scalargrad.relu(1.0 - target * score)


def penalty(model: Module) -> Any:
    """The penalty of micrograd's demo."""
    return PENALTY * sum(w * w for w in model.parameters())


def fit_moons(task: Task, epochs: int) -> Array:
    """Train with `fit`, and return the parameters."""
    model = task.model()
    scalargrad.fit(
        model,
        task.x,
        task.y[:, 0],
        loss=hinge,
        optimizer="adam",
        penalty=penalty,
        epochs=epochs,
        batch_size=None,
        shuffle=False,
        progress=False,
        compiled="native",
    )
    return parameters_of(model)


def loop_moons(task: Task, epochs: int) -> Array:
    """Train with a loop over a program for NumPy, Adam written on vectors."""
    program = Compiled(task).program
    first = numpy.zeros(len(program.parameters))
    second = numpy.zeros(len(program.parameters))
    for step in range(1, epochs + 1):
        _, gradient = program.value_and_grad(task.x, task.y)
        first *= DECAYS[0]
        first += (1.0 - DECAYS[0]) * gradient
        second *= DECAYS[1]
        second += (1.0 - DECAYS[1]) * gradient * gradient
        rate = LEARNING_RATE / (1.0 - DECAYS[0] ** step)
        scale = numpy.sqrt(second / (1.0 - DECAYS[1] ** step)) + EPSILON
        program.parameters[:] -= rate * first / scale
    return program.parameters


def seconds_of_moons(task: Task, epochs: int, rounds: int) -> dict[str, float]:
    """CPU seconds of so many epochs, of ours and of theirs."""
    contest: Contest = {
        "ours": (lambda: fit_moons(task, epochs), 1),
        "theirs": (lambda: loop_moons(task, epochs), 1),
    }
    return medians(contest, min(rounds, 5))


def training(rounds: int) -> list[Row]:
    """A thousand epochs of moons, and one more."""
    task = tasks.moons()
    few = 20
    found = [train(task, few) for train in (fit_moons, loop_moons)]
    same = alike((0.0, found[0]), (0.0, found[1]))

    whole = seconds_of_moons(task, EPOCHS, rounds)
    # What an epoch costs beside compiling. A callback that took the time would end each call.
    longer = seconds_of_moons(task, LONGER * EPOCHS, rounds)
    more = (LONGER - 1) * EPOCHS
    epoch = {name: (longer[name] - whole[name]) / more for name in whole}
    rival = "a loop over a NumPy program"
    return [
        Row(
            f"fit of moons, {EPOCHS:,} epochs, trace and compile included",
            rival,
            whole["ours"],
            whole["theirs"],
            at_least=5.0,
            same=same,
        ),
        Row(
            "fit of moons, one epoch more",
            rival,
            epoch["ours"],
            epoch["theirs"],
            at_least=5.0,
            same=same,
        ),
    ]


# Images


def fit_images(task: Task, epochs: int, clock: Clock) -> Array:
    """Train with `fit`, one image a step, and return the parameters."""
    model = task.model()
    scalargrad.fit(
        model,
        task.x,
        task.y.argmax(axis=1),
        loss=cross_entropy,
        optimizer=SGD(model.parameters(), RATE),
        epochs=epochs,
        batch_size=1,
        callbacks=[clock],
        shuffle=False,
        progress=False,
        compiled="native",
    )
    return parameters_of(model)


def hand_images(task: Task, hand: Hand) -> None:
    """Make a step for each image by hand in NumPy."""
    for i in range(len(task.x)):
        hand.x = task.x[i : i + 1]
        hand.y = task.y[i : i + 1]
        hand.step()


def epoch_of_images(rounds: int) -> list[Row]:
    """An epoch of 784-50-10 over ten thousand images, one a step: what one of them costs."""
    task = tasks.images((784, 50, 10), "relu", IMAGES)
    few = task.first(20)
    hand = Hand(few)
    hand_images(few, hand)
    same = alike((0.0, fit_images(few, 1, Clock())), (0.0, hand.in_order()))

    hand = Hand(task.first(1))
    clocks: list[float] = []
    others: list[float] = []
    for _ in range(min(rounds, 5)):
        clock = Clock()
        fit_images(task, 3, clock)
        clocks.append(clock.seconds / IMAGES)
        others.append(timed(lambda: hand_images(task, hand)) / IMAGES)
    ours = median(clocks)
    work = "784-50-10, one image a step, an epoch of 10,000 in fit, per image"
    rows = [Row(work, "NumPy by hand", ours, median(others), 0.25, same=same)]
    if installed("micrograd", work, "micrograd"):
        micrograd = Micrograd(task.first(1))
        seconds = medians({"theirs": (micrograd.step, 1)}, min(rounds, 3))["theirs"]
        rows.append(Row(work, "micrograd", ours, seconds, at_least=50_000.0, same=same))

    one = task.first(1)
    return [*rows, first_call("784-50-10", lambda: Compiled(one, "native").evaluate(), rounds)]


def parameters_of(model: MLP) -> Array:
    """The numbers of the parameters of a model."""
    return numpy.array([parameter.data for parameter in model.parameters()])
