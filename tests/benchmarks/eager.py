"""Eager training steps beside micrograd 0.1.0: `python -m tests.benchmarks.eager`.

One step is that of the micrograd demo: MLP 2-16-16-1 over 100 samples of two moons, hinge loss, l2
penalty, backward, update. Each engine lives in a process of its own, so that the garbage of one
does not burden the other; the processes take turns, and medians of their CPU seconds are compared.
"""

import gc
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

ROUNDS = 15
RATE = 0.01
PENALTY = 1e-4
TARGETS = {"collector off": 0.75, "collector on": 0.4, "bytes per node": 1 / 3}


def scalargrad_engine() -> tuple[Any, Any, Callable[[Any], tuple[Any, ...]]]:
    """Value, a model, and what a Value was made from."""
    from scalargrad import Value
    from scalargrad.nn import MLP

    return Value, MLP(2, [16, 16, 1], seed=0), lambda value: value.args


def micrograd_engine() -> tuple[Any, Any, Callable[[Any], tuple[Any, ...]]]:
    """The same of micrograd."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    return Value, MLP(2, [16, 16, 1]), lambda value: tuple(value._prev)


ENGINES = {"scalargrad": scalargrad_engine, "micrograd": micrograd_engine}


class Trainer:
    """One engine with its model and data; the code of a step is the same for both."""

    def __init__(self, engine: str, task: dict[str, Any]) -> None:
        self.value, self.model, self.operands = ENGINES[engine]()
        self.samples, self.labels = task["samples"], task["labels"]
        self.parameters = self.model.parameters()
        for parameter, number in zip(self.parameters, task["weights"], strict=True):
            parameter.data = number

    def loss(self) -> Any:
        """Hinge loss over all samples and the penalty, as the micrograd demo writes them."""
        inputs = [list(map(self.value, row)) for row in self.samples]
        scores = list(map(self.model, inputs))
        losses = [
            (1 + -label * score).relu() for label, score in zip(self.labels, scores, strict=True)
        ]
        data_loss = sum(losses) * (1.0 / len(losses))
        return data_loss + PENALTY * sum(p * p for p in self.parameters)

    def step(self) -> float:
        """Forward, backward, update; the loss before the update."""
        total = self.loss()
        self.model.zero_grad()
        total.backward()
        for parameter in self.parameters:
            parameter.data -= RATE * parameter.grad
        return float(total.data)

    def seconds(self) -> float:
        """CPU seconds of one step."""
        start = time.process_time()
        self.step()
        return time.process_time() - start

    def bytes_per_node(self) -> float:
        """Bytes allocated and still held after forward and backward, for each new node."""
        gc.collect()
        tracemalloc.start()
        total = self.loss()
        total.backward()
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size / (self.count(total) - len(self.parameters))

    def count(self, root: Any) -> int:
        """How many nodes a graph has."""
        seen, pending = {root}, [root]
        while pending:
            new = set(self.operands(pending.pop())) - seen
            seen |= new
            pending += new
        return len(seen)


def worker(engine: str, collector: str) -> None:
    """Answer each line of the standard input, the name of a method, with its number."""
    if collector == "on":
        import sklearn.datasets  # noqa: F401 - a process with many objects alive, as any notebook has
    trainer = Trainer(engine, json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        gc.collect()
        if collector == "off":
            gc.disable()
        print(getattr(trainer, line.strip())(), flush=True)


class Process:
    """A worker, seen from outside."""

    def __init__(self, engine: str, collector: str, task: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.eager", engine, collector]
        self.pipe = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.send(json.dumps(task))

    def send(self, line: str) -> None:
        """Write one line to the worker."""
        assert self.pipe.stdin is not None
        self.pipe.stdin.write(line + "\n")
        self.pipe.stdin.flush()

    def ask(self, what: str) -> float:
        """The number that the worker answers."""
        self.send(what)
        assert self.pipe.stdout is not None
        return float(self.pipe.stdout.readline())


@contextmanager
def running(engine: str, collector: str, task: dict[str, Any]) -> Iterator[Process]:
    """A worker that ends with the block."""
    process = Process(engine, collector, task)
    with process.pipe:
        yield process


def make_task() -> dict[str, Any]:
    """Two moons and one set of weights for both engines."""
    from random import Random

    from sklearn.datasets import make_moons

    samples, labels = make_moons(n_samples=100, noise=0.1, random_state=1337)
    rng = Random(1337)
    weights = [rng.uniform(-1.0, 1.0) for _ in range(337)]
    return {
        "samples": samples.tolist(),
        "labels": [2 * int(label) - 1 for label in labels],
        "weights": weights,
    }


def measure(collector: str, task: dict[str, Any], what: str, rounds: int) -> list[float]:
    """The median for each engine, taking turns."""
    with ExitStack() as stack:
        processes = [stack.enter_context(running(engine, collector, task)) for engine in ENGINES]
        check_same_losses([[process.ask("step") for process in processes] for _ in range(3)])
        answers = [[process.ask(what) for process in processes] for _ in range(rounds)]
    return [median(column) for column in zip(*answers, strict=True)]


def check_same_losses(steps: list[list[float]]) -> None:
    """Both engines must train alike, or their times would mean nothing."""
    for ours, theirs in steps:
        if abs(ours - theirs) > 1e-9 * abs(theirs):
            raise SystemExit(f"the engines disagree on the loss: {ours!r} and {theirs!r}")
    print(f"both engines: loss {', '.join(f'{theirs:.9f}' for _, theirs in steps)}, …")


def report(rows: list[tuple[str, list[float], float, str]]) -> str:
    """The table of medians, ratios and targets."""
    lines = [f"{'':22}{'scalargrad':>12}{'micrograd':>12}{'ratio':>8}{'target':>8}"]
    for name, (ours, theirs), scale, unit in rows:
        target = TARGETS[name]
        verdict = "met" if ours / theirs <= target else "MISSED"
        medians = f"{ours * scale:12.1f}{theirs * scale:12.1f}"
        ratios = f"{ours / theirs:8.2f}{target:8.2f}"
        lines.append(f"{name + unit:22}{medians}{ratios}  {verdict}")
    return "\n".join(lines)


def main() -> None:
    """Measure all three and print the table."""
    task = make_task()
    off = measure("off", task, "seconds", ROUNDS)
    on = measure("on", task, "seconds", ROUNDS)
    memory = measure("off", task, "bytes_per_node", 1)
    rows = [
        ("collector off", off, 1e3, " (ms)"),
        ("collector on", on, 1e3, " (ms)"),
        ("bytes per node", memory, 1.0, ""),
    ]
    print(report(rows))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        worker(*sys.argv[1:])
    else:
        main()
