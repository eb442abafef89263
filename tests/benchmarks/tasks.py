"""The networks with their data that the tables are about, and their programs beside the rivals."""

from itertools import pairwise
from typing import Any

import numpy

from scalargrad.compiler.backend import BackendName
from tests.benchmarks.contest import Contest, Row, alike, installed, medians, note_fallback
from tests.benchmarks.rivals import Compiled, Eager, Hand, Jax, Micrograd, PyTorch, Task

RIVALS: dict[str, Any] = {
    "NumPy by hand": Hand,
    "JAX jit": Jax,
    "PyTorch": PyTorch,
    "our eager step": Eager,
    "micrograd": Micrograd,
}
NEEDS = {"JAX jit": "jax", "PyTorch": "torch", "micrograd": "micrograd"}


def compared(
    work: str,
    task: Task,
    method: str,
    targets: dict[str, tuple[float, float]],
    calls: dict[str, int],
    rounds: int,
    often: int = 50,
    backend: BackendName = "numpy",
) -> list[Row]:
    """A row for each rival that is installed; `calls` says how many calls the slow ones make where
    the others make `often`.
    """
    present = [name for name in targets if installed(NEEDS.get(name), work, name)]
    ours = Compiled(task, backend)
    note_fallback(work, ours.program)
    others = {name: RIVALS[name](task) for name in present}
    expected = ours.evaluate()
    same = {name: alike(expected, other.evaluate()) for name, other in others.items()}
    contest: Contest = {"ours": (getattr(ours, method), often)}
    contest |= {
        name: (getattr(other, method), calls.get(name, often)) for name, other in others.items()
    }
    found = medians(contest, rounds)
    return [
        Row(work, name, found["ours"], found[name], *targets[name], same=same[name])
        for name in present
    ]


def moons(sizes: tuple[int, ...] = (2, 16, 16, 1), activation: str = "relu") -> Task:
    """A small network over a hundred samples of two moons."""
    rng = numpy.random.default_rng(1337)
    angle = numpy.pi * rng.random(100)
    upper = rng.random(100) < 0.5
    x = numpy.stack(
        [
            numpy.where(upper, numpy.cos(angle), 1 - numpy.cos(angle)),
            numpy.where(upper, numpy.sin(angle), 0.5 - numpy.sin(angle)),
        ],
        1,
    )
    y = numpy.where(upper, -1.0, 1.0)[:, None]
    # Drawn between -1 and 1 for 16 neurons, and closer to 0 for more of them.
    bound = 4.0 / sizes[1] ** 0.5
    parameters = rng.uniform(-bound, bound, count_parameters(sizes))
    return Task(sizes, activation, True, parameters, x, y)


def images(sizes: tuple[int, ...], activation: str, count: int) -> Task:
    """A classifier of images, the numbers of all of them drawn at random."""
    rng = numpy.random.default_rng(0)
    targets = numpy.eye(sizes[-1])[rng.integers(0, sizes[-1], count)]
    return Task(
        sizes,
        activation,
        False,
        rng.uniform(-0.05, 0.05, count_parameters(sizes)),
        rng.random((count, sizes[0])),
        targets,
    )


def count_parameters(sizes: tuple[int, ...]) -> int:
    """The number of weights and biases of a network."""
    return sum((length + 1) * width for length, width in pairwise(sizes))
