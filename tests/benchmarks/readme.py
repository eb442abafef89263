"""The ratios of the README: `python -m tests.benchmarks.readme [PATH of microgpt.py]`.

Loss and gradient of one step, compiled to native code, beside everybody else in the same run. A
cell says how many times as long they take.
"""

import sys
from pathlib import Path

from tests.benchmarks import tasks
from tests.benchmarks.contest import Row
from tests.benchmarks.microgpt import microgpt
from tests.benchmarks.rivals import Task

NETWORKS: dict[str, tuple[Task, int]] = {
    "2-16-16-1": (tasks.moons(), 100),
    "784-50-10": (tasks.images((784, 50, 10), "relu", 1), 1),
    "784-100-10": (tasks.images((784, 100, 10), "sigmoid", 100), 100),
}
"""Each network with its samples, and how many they are."""

SLOW = {"our eager step": 1, "micrograd": 1}
COLUMNS = {
    "NumPy by hand": "NumPy",
    "PyTorch": "PyTorch",
    "JAX `jit`": "JAX",
    "micrograd, microgpt": "micro",
    "this graph, not compiled": "our eager",
}
"""How the names of the rivals of each column begin."""

RIVALS = ("NumPy by hand", "PyTorch", "JAX jit", "micrograd", "our eager step")
TOO_SLOW = {"784-100-10": ("micrograd", "our eager step")}
"""Whom nobody wants to wait for: a minute and more for a step."""

ROUNDS = 7


def main() -> int:
    """Print the table; 1 where numbers differ."""
    rows = {f"{name} | {count}": measure(name) for name, (_, count) in NETWORKS.items()}
    for path in sys.argv[1:]:
        rows["microgpt, one name | 1"] = microgpt(Path(path), ROUNDS, "native")
    print(f"| network | samples | {' | '.join(COLUMNS)} |")
    print("|---" * (2 + len(COLUMNS)) + "|")
    for name, found in rows.items():
        ratios = [write_ratio(found, rival) for rival in COLUMNS.values()]
        print(f"| {name} | {' | '.join(ratios)} |")
    return int(not all(row.same for found in rows.values() for row in found))


def measure(name: str) -> list[Row]:
    """Return a row for each rival of a network that is installed and not too slow."""
    task, _ = NETWORKS[name]
    targets = {rival: (0.0, 0.0) for rival in RIVALS if rival not in TOO_SLOW.get(name, ())}
    return tasks.compared(name, task, "backpropagate", targets, SLOW, ROUNDS, backend="native")


def write_ratio(rows: list[Row], rival: str) -> str:
    """Write how many times as long a rival takes, in two digits; – where it was not measured."""
    ratios = [row.theirs / row.ours for row in rows if row.rival.startswith(rival)]
    return f"{float(f'{ratios[0]:.2g}'):,g}" if ratios else "–"


if __name__ == "__main__":
    sys.exit(main())
