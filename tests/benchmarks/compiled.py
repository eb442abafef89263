"""Compiled programs beside their rivals: `python -m tests.benchmarks.compiled`, with `--quick` for
fewer repeats, `--backend native` for machine code alone, and `--only moons pinn` for some rows.

Everything runs in this process on one thread. The contestants of a row take turns, so that a noisy
machine hurts them alike; medians of their CPU seconds are compared. Before the clock runs, all must
have computed the same loss and gradient: a row whose sides do not says "differs", and then the exit
status is 1. A rival that is not installed is left out, with a note. The cycle collector is on, as
Python ships it, and `gc.freeze` hides from it what other rows left behind.
"""

import argparse
import gc
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import numpy

import scalargrad
from scalargrad import Value
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Module
from tests.benchmarks import native, tasks
from tests.benchmarks.architectures import pinn, residual, rnn
from tests.benchmarks.contest import (
    Contest,
    Row,
    alike,
    first_call,
    installed,
    limit,
    medians,
    table,
)
from tests.benchmarks.microgpt import microgpt
from tests.benchmarks.rivals import Compiled, casadi_function
from tests.benchmarks.tasks import compared, images

HALF_AN_HOUR = 1800.0
SCALARS = 20_000


def moons(rounds: int) -> list[Row]:
    """A small network over a hundred samples: steps of gradient descent."""
    task = tasks.moons()
    targets = {
        "NumPy by hand": (1.15, 0.0),
        "PyTorch": (0.2, 0.0),
        "our eager step": (0.0, 500.0),
        "micrograd": (0.0, 3000.0),
    }
    rows = compared(
        "2-16-16-1, moons, 100 samples, step",
        task,
        "step",
        targets,
        {"our eager step": 1, "micrograd": 1},
        rounds,
    )
    return [*rows, first_call("2-16-16-1", lambda: Compiled(task).evaluate(), rounds)]


def large(rounds: int) -> list[Row]:
    """Loss and gradient of 784-100-10, for one image and for a hundred."""
    task, work = images((784, 100, 10), "sigmoid", 100), "784-100-10, loss and gradient, batch"
    one = compared(
        f"{work} 1", task.first(1), "backpropagate", {"NumPy by hand": (1.05, 0)}, {}, rounds
    )
    targets = {"NumPy by hand": (1.05, 0.0), "PyTorch": (1.1, 0.0)}
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
        200.0,
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


Part: TypeAlias = Callable[[int], list[Row]]
"""Makes rows, from so many rounds."""

PARTS: dict[str, dict[str, Part]] = {
    "numpy": {
        "moons": moons,
        "large": large,
        "published": published,
        "residual": residual,
        "pinn": pinn,
        "rnn": rnn,
        "compiling": compiling,
        "unstructured": unstructured,
    },
    "native": native.PARTS,
}
"""The parts of the table by the backend that is measured, and by name."""

MICROGPT: dict[str, Callable[[Path, int], list[Row]]] = {
    "numpy": microgpt,
    "native": native.microgpt,
}
"""The part that needs a file of the user."""


def main() -> int:
    """Measure everything and print the table; 1 where numbers differ."""
    options = read_options()
    rounds = 3 if options.quick else 15
    backends = list(PARTS) if options.backend == "all" else [options.backend]
    rows: list[Row] = []
    for backend in backends:
        if backend == "native" and not installed("llvmlite", "native", "any rival"):
            continue
        found = measure(backend, options.only, options.microgpt, rounds)
        rows += [replace(row, backend=backend) for row in found]
    print(table(rows))
    if not options.only and "numpy" in backends:
        print(second_tutorial())
    return int(any(not row.same for row in rows))


def measure(backend: str, only: list[str], path: Path | None, rounds: int) -> list[Row]:
    """The rows of a backend: of the parts that are named, or of all."""
    parts = PARTS[backend]
    rows = [row for name in parts if name in (only or parts) for row in parts[name](rounds)]
    if only and "microgpt" not in only:
        return rows
    if path is None:
        print("microgpt: no rows; give its file as --microgpt PATH")
        return rows
    return rows + MICROGPT[backend](path, rounds)


def read_options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.compiled",
        description="Compiled programs beside their rivals.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument(
        "--backend",
        choices=[*PARTS, "all"],
        default="all",
        help="the backend to measure; all of them by default",
    )
    names = dict.fromkeys([*PARTS["numpy"], *PARTS["native"], "microgpt"])
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(names),
        default=[],
        metavar="NAME",
        help=f"which rows: {', '.join(names)}",
    )
    parser.add_argument(
        "--microgpt", type=Path, metavar="PATH", help="the file microgpt.py, for its rows"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
