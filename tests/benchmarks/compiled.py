"""Compiled programs beside their rivals: `python -m tests.benchmarks.compiled`, with `--quick` for
fewer repeats.

Everything runs in this process on one thread. The contestants of a row take turns, so that a noisy
machine hurts them alike; medians of their CPU seconds are compared. Before the clock runs, all must
have computed the same loss and gradient: a row whose sides do not says "differs", and then the exit
status is 1. A rival that is not installed is left out, with a note. The cycle collector is on, as
Python ships it, and `gc.freeze` hides from it what other rows left behind.
"""

import os

# the number of threads must be known before NumPy is imported
os.environ.update(
    dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import argparse
import gc
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any

import numpy

import scalargrad
from scalargrad import Value
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Module
from tests.benchmarks.rivals import Compiled, Eager, Hand, Micrograd, PyTorch, Task, casadi_function

TOLERANCE = 1e-9
HALF_AN_HOUR = 1800.0
SCALARS = 20_000
Contest = dict[str, tuple[Callable[[], Any], int]]


@dataclass(frozen=True)
class Row:
    """One line of the table: ours beside theirs.

    at_most   the target where ours / theirs must not be above it
    at_least  the target where theirs / ours must not be below it
    same      whether both computed the same numbers
    unit      what ours and theirs are: seconds, or bytes
    """

    work: str
    rival: str
    ours: float
    theirs: float
    at_most: float = 0.0
    at_least: float = 0.0
    same: bool = True
    unit: str = "s"

    @property
    def verdict(self) -> str:
        """What came out."""
        if not self.same:
            return "differs"
        if self.unit == "bytes":
            return "met" if self.ours <= self.at_most else "missed"
        met = (
            self.ours <= self.at_most * self.theirs
            if self.at_most
            else self.theirs >= self.at_least * self.ours
        )
        return "met" if met else "missed"

    def cells(self) -> tuple[str, ...]:
        """The seven cells."""
        if self.unit == "bytes":
            return (
                self.work,
                self.rival,
                f"{self.ours:.0f} bytes",
                "",
                "",
                f"≤ {self.at_most:.0f}",
                self.verdict,
            )
        ratio = (
            f"{self.ours / self.theirs:.3f} ×"
            if self.at_most
            else f"{self.theirs / self.ours:,.0f} × faster"
        )
        target = f"≤ {self.at_most:g} ×" if self.at_most else f"≥ {self.at_least:,.0f} ×"
        return (
            self.work,
            self.rival,
            spelled(self.ours),
            spelled(self.theirs),
            ratio,
            target,
            self.verdict,
        )


def spelled(seconds: float) -> str:
    """Seconds as people say them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def medians(contest: Contest, rounds: int) -> dict[str, float]:
    """The median CPU seconds of one call of each: every round they take turns, each making so many
    calls.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contest}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, (call, calls) in contest.items():
            seconds[name].append(timed(call, calls))
    gc.unfreeze()
    return {name: median(found) for name, found in seconds.items()}


def timed(call: Callable[[], Any], calls: int = 1) -> float:
    """CPU seconds of one call, from so many."""
    start = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls


def alike(first: tuple[float, Any], second: tuple[float, Any]) -> bool:
    """Whether two pairs of loss and gradient are the same."""
    numbers = [numpy.append(gradient, loss) for loss, gradient in (first, second)]
    return bool(
        numpy.abs(numbers[0] - numbers[1]).max()
        <= TOLERANCE * max(1.0, numpy.abs(numbers[1]).max())
    )


def moons(rounds: int) -> list[Row]:
    """A small network over a hundred samples: steps of gradient descent."""
    rng = numpy.random.default_rng(1337)
    angle, upper = numpy.pi * rng.random(100), rng.random(100) < 0.5
    x = numpy.stack(
        [
            numpy.where(upper, numpy.cos(angle), 1 - numpy.cos(angle)),
            numpy.where(upper, numpy.sin(angle), 0.5 - numpy.sin(angle)),
        ],
        1,
    )
    task = Task(
        (2, 16, 16, 1),
        "relu",
        True,
        rng.uniform(-1, 1, 337),
        x,
        numpy.where(upper, -1.0, 1.0)[:, None],
    )
    targets = {
        "NumPy by hand": (1.25, 0.0),
        "PyTorch": (0.2, 0.0),
        "our eager step": (0.0, 500.0),
        "micrograd": (0.0, 3000.0),
    }
    return compared(
        "2-16-16-1, moons, 100 samples, step",
        task,
        "step",
        targets,
        {"our eager step": 1, "micrograd": 1},
        rounds,
    )


RIVALS: dict[str, Any] = {
    "NumPy by hand": Hand,
    "PyTorch": PyTorch,
    "our eager step": Eager,
    "micrograd": Micrograd,
}
NEEDS = {"PyTorch": "torch", "micrograd": "micrograd"}


def compared(
    work: str,
    task: Task,
    method: str,
    targets: dict[str, tuple[float, float]],
    calls: dict[str, int],
    rounds: int,
    often: int = 50,
) -> list[Row]:
    """A row for each rival that is installed; `calls` says how many calls the slow ones make where
    the others make `often`.
    """
    present = [name for name in targets if installed(NEEDS.get(name), work, name)]
    ours, others = Compiled(task), {name: RIVALS[name](task) for name in present}
    expected = ours.evaluate()
    same = {name: alike(expected, other.evaluate()) for name, other in others.items()}
    contest: Contest = {"ours": (getattr(ours, method), often)}
    contest |= {
        name: (getattr(other, method), calls.get(name, often)) for name, other in others.items()
    }
    found = medians(contest, rounds)
    return [
        Row(work, name, found["ours"], found[name], *targets[name], same[name]) for name in present
    ]


def installed(package: str | None, work: str, rival: str) -> bool:
    """Whether a rival is there; a note if not."""
    if package is None or find_spec(package):
        return True
    print(f"{work}: no row for {rival}, which is not installed")
    return False


def images(sizes: tuple[int, ...], activation: str, count: int) -> Task:
    """A classifier of images, the numbers of all of them drawn at random."""
    rng = numpy.random.default_rng(0)
    parameters = sum((length + 1) * width for length, width in pairwise(sizes))
    targets = numpy.eye(sizes[-1])[rng.integers(0, sizes[-1], count)]
    return Task(
        sizes,
        activation,
        False,
        rng.uniform(-0.05, 0.05, parameters),
        rng.random((count, sizes[0])),
        targets,
    )


def large(rounds: int) -> list[Row]:
    """Loss and gradient of 784-100-10, for one image and for a hundred."""
    task, work = images((784, 100, 10), "sigmoid", 100), "784-100-10, loss and gradient, batch"
    one = compared(
        f"{work} 1", task.first(1), "backpropagate", {"NumPy by hand": (1.25, 0)}, {}, rounds
    )
    targets = {"NumPy by hand": (1.25, 0.0), "PyTorch": (1.1, 0.0)}
    return one + compared(f"{work} 100", task, "backpropagate", targets, {}, rounds, often=20)


def published(rounds: int) -> list[Row]:
    """Steps of 784-50-10 beside micrograd, of which few are made, as each takes a second: one
    image, and a hundred of them at once.
    """
    task = images((784, 50, 10), "relu", 100)
    work = "784-50-10, step,"
    rows = compared(
        f"{work} one image",
        task.first(1),
        "step",
        {"micrograd": (0, 5000)},
        {"micrograd": 1},
        min(rounds, 5),
    )
    if not rows:
        return []
    hundred = compared(
        f"{work} 100 images, per image",
        task,
        "step",
        {"NumPy by hand": (0, 0)},
        {},
        rounds,
        often=20,
    )[0]
    same = (
        hundred.same and rows[0].same
    )  # a hundred samples are compared with NumPy, which is compared with micrograd on one
    return [
        *rows,
        Row(hundred.work, "micrograd", hundred.ours / 100, rows[0].theirs, 0, 50_000, same),
    ]


def compiling(rounds: int) -> list[Row]:
    """Trace, passes, source and one call for 784-100-10, beside CasADi, which is given symbols and
    gives loss and gradient, too.
    """
    task = images((784, 100, 10), "sigmoid", 1)
    model = task.model()

    def compiled() -> tuple[float, Any]:
        return scalargrad.compile(
            lambda x, y: cross_entropy(model(x), y), model, (784, 10)
        ).value_and_grad(task.x, task.y)

    work, expected = "compile 784-100-10, trace and first call included", compiled()
    rows = [
        memory(
            lambda: scalargrad.compile(lambda x, y: cross_entropy(model(x), y), model, (784, 10))
        )
    ]
    if not installed("casadi", work, "CasADi SX"):
        return [limit(work, medians({"ours": (compiled, 1)}, min(rounds, 5))["ours"]), *rows]
    functions: dict[str, Any] = {}

    def built(name: str, by_scalars: bool) -> None:
        functions[name] = casadi_function(task.sizes, by_scalars)

    names = {"CasADi SX, in scalars": True, "CasADi SX, in matrices": False}
    contest: Contest = {"ours": (compiled, 1)}
    contest |= {
        name: (lambda name=name, flag=flag: built(name, flag), 1) for name, flag in names.items()
    }
    found = medians(contest, min(rounds, 5))
    for name in names:
        loss, gradient = functions[name](task.parameters, task.x[0], task.y[0])
        same = alike(expected, (float(loss), numpy.array(gradient).ravel()))
        rows.append(Row(work, name, found["ours"], found[name], 0.25, same=same))
    return [limit(work, found["ours"]), *rows[1:], rows[0]]


def limit(work: str, seconds: float) -> Row:
    """The row against the clock alone."""
    return Row(work, "3 s", seconds, 3.0, 1.0)


def memory(call: Callable[[], Any]) -> Row:
    """The most bytes for each recorded scalar that were allocated at once, as tracemalloc counts
    them.
    """
    gc.collect()
    tracemalloc.start()
    program = call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Row(
        "compile 784-100-10, memory",
        "tracemalloc's peak per scalar",
        peak / program.recorded_rows,
        0.0,
        300.0,
        unit="bytes",
    )


class RandomGraph(Module):
    """A graph with no structure: every scalar is made of two that came before, whichever they are.

    reach  from how many of the last scalars the operands are drawn: the smaller, the deeper is the
           graph
    """

    def __init__(self, reach: int) -> None:
        rng = Random(1)
        self.weights = [scalargrad.Parameter(rng.uniform(-1.0, 1.0)) for _ in range(20)]
        self.choices = [
            (rng.choice(OPERATIONS), rng.randrange(reach), rng.randrange(reach))
            for _ in range(SCALARS)
        ]

    def forward(self, x: list[Value]) -> Any:
        """The mean of all scalars that nothing else was made of."""
        nodes, free = [*x, *self.weights], dict[Value, None]()
        for operation, first, second in self.choices:
            operands = [nodes[-1 - first % len(nodes)], nodes[-1 - second % len(nodes)]]
            nodes.append(operation(*operands))
            free[nodes[-1]] = None
            for operand in nodes[-1].args:
                free.pop(operand, None)
        return scalargrad.mean(list(free))


OPERATIONS: list[Any] = [
    lambda a, b: a - b,
    lambda a, b: a * b,
    scalargrad.maximum,
    lambda a, _: scalargrad.sin(a),
    lambda a, _: scalargrad.tanh(a),
    lambda _, b: scalargrad.cos(b),
]


def unstructured(rounds: int) -> list[Row]:
    """Loss and gradient of random graphs for a hundred samples, beside the same graphs walked
    sample by sample.
    """
    return [
        unstructured_row(name, reach, rounds) for name, reach in (("wide", SCALARS), ("deep", 500))
    ]


def unstructured_row(name: str, reach: int, rounds: int) -> Row:
    """One such graph; the clock runs for ten of the eager samples."""
    model, x = RandomGraph(reach), numpy.random.default_rng(0).uniform(-1.0, 1.0, (100, 10))
    program, parameters = scalargrad.compile(model, model, inputs=(10,)), model.parameters()

    def eager(rows: Any) -> tuple[float, Any]:
        model.zero_grad()
        total = 0.0
        for row in rows.tolist():
            loss = model([Value(number) for number in row])
            loss.backward()
            total += loss.data
        return total / len(rows), numpy.array([parameter.grad for parameter in parameters]) / len(
            rows
        )

    same = alike(program.value_and_grad(x), eager(x))
    found = medians(
        {"ours": (lambda: program.value_and_grad(x), 5), "eager": (lambda: eager(x[:10]), 1)},
        min(rounds, 5),
    )
    work = f"random graph of {program.recorded_rows:,} scalars, {name}, batch 100"
    return Row(work, "our eager, sample by sample", found["ours"], 10 * found["eager"], 0, 10, same)


def second_tutorial() -> str:
    """Its hundred steps of 784-100-10 with one image a step, with the time to make and to compile
    the network.
    """
    task, start = images((784, 100, 10), "sigmoid", 100), time.perf_counter()
    model = MLP(784, [100, 10], activation="sigmoid", seed=0)
    program = scalargrad.compile(lambda x, y: cross_entropy(model(x), y), model, (784, 10))
    for i in range(100):
        _, gradient = program.value_and_grad(task.x[i : i + 1], task.y[i : i + 1])
        program.parameters[:] -= 0.1 * gradient
    program.write_back()
    seconds = time.perf_counter() - start
    faster = f"{HALF_AN_HOUR / seconds:,.0f} × faster than in 30 minutes"
    head = "100 steps of 784-100-10, one image a step, network made and compiled"
    return f"{head}: {seconds:.2f} s, {faster}"


PARTS: dict[str, Callable[[int], list[Row]]] = {
    "moons": moons,
    "large": large,
    "published": published,
    "compiling": compiling,
    "unstructured": unstructured,
}
HEAD = ("work", "beside", "ours", "theirs", "ratio", "target", "")


def table(rows: list[Row]) -> str:
    """All rows, in columns."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def main() -> int:
    """Measure everything and print the table; 1 where numbers differ."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.compiled",
        description="Compiled programs beside their rivals.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument(
        "parts", nargs="*", choices=[[], *PARTS], help="which rows; all of them by default"
    )
    options = parser.parse_args()
    rounds, chosen = 3 if options.quick else 15, options.parts or list(PARTS)
    rows = [row for name in chosen for row in PARTS[name](rounds)]
    print(table(rows))
    print(second_tutorial())
    return int(any(not row.same for row in rows))


if __name__ == "__main__":
    sys.exit(main())
