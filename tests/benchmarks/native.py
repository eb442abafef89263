"""Rows of the table for the native backend: machine code beside NumPy, JAX and PyTorch."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks import architectures, tasks
from tests.benchmarks import microgpt as microgpt_rows
from tests.benchmarks.contest import Row, first_call
from tests.benchmarks.rivals import Compiled, Task
from tests.benchmarks.tasks import compared
from tests.benchmarks.trainings import epoch_of_images, training


def moons(rounds: int) -> list[Row]:
    """Loss and gradient of small networks over a hundred samples."""
    relu = {"NumPy by hand": (0.2, 0.0), "JAX jit": (0.15, 0.0), "PyTorch": (0.05, 0.0)}
    tanh = {"NumPy by hand": (0.3, 0.0), "JAX jit": (0.4, 0.0)}
    wider = {"NumPy by hand": (0.5, 0.0), "JAX jit": (0.7, 0.0)}
    return [
        *_moons("2-16-16-1", tasks.moons(), relu, rounds),
        *_moons("2-16-16-1, tanh", tasks.moons(activation="tanh"), tanh, rounds),
        *_moons("2-64-64-1", tasks.moons((2, 64, 64, 1)), wider, rounds),
    ]


def _moons(
    name: str, task: Task, targets: dict[str, tuple[float, float]], rounds: int
) -> list[Row]:
    work = f"{name}, moons, 100 samples, loss and gradient"
    rows = compared(work, task, "backpropagate", targets, {}, rounds, backend="native")
    return [*rows, first_call(name, lambda: Compiled(task, "native").evaluate(), rounds)]


def large(rounds: int) -> list[Row]:
    """Loss and gradient of 784-100-10 for a hundred images."""
    task = tasks.images((784, 100, 10), "sigmoid", 100)
    work = "784-100-10, loss and gradient, batch 100"
    targets = {"NumPy by hand": (1.0, 0.0), "PyTorch": (0.8, 0.0)}
    rows = compared(work, task, "backpropagate", targets, {}, rounds, often=20, backend="native")
    compiled = first_call(
        "784-100-10", lambda: Compiled(task, "native").evaluate(), rounds, bound=1.0
    )
    return [*rows, compiled]


def microgpt(path: Path, rounds: int) -> list[Row]:
    """One document a step, and 32 of them."""
    return [
        *microgpt_rows.microgpt(path, rounds, "native"),
        *microgpt_rows.documents(path, rounds, "native"),
    ]


PARTS: dict[str, Callable[[int], list[Row]]] = {
    "moons": moons,
    "training": training,
    "images": epoch_of_images,
    "large": large,
    "pinn": partial(architectures.pinn, backend="native"),
    "rnn": partial(architectures.rnn, backend="native"),
}
"""The parts by name; `microgpt` needs a file of the user."""
