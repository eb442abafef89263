"""Eager training steps beside micrograd 0.1.0: `python -m tests.benchmarks.eager [FILE …]`.

One step is that of the micrograd demo: MLP 2-16-16-1 over 100 samples of two moons, hinge loss, l2
penalty, backward, update. Each engine lives in a process of its own, so that the garbage of one
does not burden the other; the processes take turns, and medians of their CPU seconds are compared.

Each FILE is Python source with a class Value of its own, such as microgpt's or that of EurekaLabs,
which joins the contest. Only that class is run, with `math` and `random` at hand.
"""

import ast
import gc
import json
import math
import operator
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS = 15
RATE = 0.01
PENALTY = 1e-4
TARGETS = {"collector off": 0.5, "collector on": 0.1, "bytes per node": 0.25}
"""The largest ratios of scalargrad to micrograd."""
TARGETS_OF_FILES = {"collector off": 0.7, "collector on": 0.4, "bytes per node": 0.8}
"""The same to the engines of files."""

Engine = tuple[Any, Any, Callable[[Any], tuple[Any, ...]]]


def scalargrad_engine() -> Engine:
    """Value, a model, and what a Value was made from."""
    from scalargrad import Value
    from scalargrad.nn import MLP

    return Value, MLP(2, [16, 16, 1], seed=0), lambda value: value.args


def micrograd_engine() -> Engine:
    """The same of micrograd."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    return Value, MLP(2, [16, 16, 1]), lambda value: tuple(value._prev)


class Network:
    """micrograd's MLP over the Value of another engine."""

    def __init__(self, value: Any, sizes: list[int]) -> None:
        self.layers = [
            [[value(0.0) for _ in range(inputs + 1)] for _ in range(outputs)]
            for inputs, outputs in pairwise(sizes)
        ]

    def __call__(self, x: list[Any]) -> Any:
        """The score of a sample; the last of a neuron's numbers is its bias."""
        for layer in self.layers:
            sums = [sum(map(operator.mul, neuron, x), neuron[-1]) for neuron in layer]
            x = sums if layer is self.layers[-1] else [each.relu() for each in sums]
        return x[0]

    def parameters(self) -> list[Any]:
        """All weights and biases, neuron by neuron."""
        neurons = chain.from_iterable(self.layers)
        return list(chain.from_iterable(neurons))

    def zero_grad(self) -> None:
        """Set all gradients to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0


def bare_engine() -> Engine:
    """scalargrad's Value in the network that the engines of files are given."""
    from scalargrad import Value

    return Value, Network(Value, [2, 16, 16, 1]), lambda value: value.args


ENGINES = {
    "scalargrad": scalargrad_engine,
    "bare Values": bare_engine,
    "micrograd": micrograd_engine,
}


def engine_of(path: str) -> Engine:
    """The engine of a file: its class Value, and nothing else of what is there."""
    tree = ast.parse(Path(path).read_text())
    classes = [
        each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Value"
    ]
    if not classes:
        raise SystemExit(f"{path} has no class Value")
    names: dict[str, Any] = {"math": math, "random": random}
    exec(compile(ast.Module([*classes], []), path, "exec"), names)
    value = names["Value"]
    # EurekaLabs keeps micrograd's name for the operands of a Value, microgpt does not.
    operands = "_children" if "_children" in vars(value) else "_prev"
    return value, Network(value, [2, 16, 16, 1]), lambda each: tuple(getattr(each, operands))


class Trainer:
    """One engine with its model and data; the code of a step is the same for all."""

    def __init__(self, engine: str, task: dict[str, Any]) -> None:
        made = ENGINES[engine]() if engine in ENGINES else engine_of(engine)
        self.value, self.model, self.operands = made
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
    sys.setrecursionlimit(10**6)  # all but scalargrad walk their graphs by recursion
    trainer = Trainer(engine, json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        gc.collect()
        if collector == "off":
            gc.disable()
        print(getattr(trainer, line.strip())(), flush=True)


class Process:
    """A worker, seen from outside."""

    def __init__(self, engine: str, collector: str, task: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.eager", "--worker"]
        command += [engine, collector]
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
    """Two moons and one set of weights for all engines."""
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


def measure(engines: list[str], collector: str, what: str, rounds: int) -> list[float]:
    """The median for each engine, taking turns."""
    task = make_task()
    with ExitStack() as stack:
        processes = [stack.enter_context(running(engine, collector, task)) for engine in engines]
        check_same_losses([[process.ask("step") for process in processes] for _ in range(3)])
        answers = [[process.ask(what) for process in processes] for _ in range(rounds)]
    return [median(column) for column in zip(*answers, strict=True)]


def check_same_losses(steps: list[list[float]]) -> None:
    """All engines must train alike, or their times would mean nothing."""
    for ours, *others in steps:
        for theirs in others:
            if abs(ours - theirs) > 1e-9 * abs(theirs):
                raise SystemExit(f"the engines disagree on the loss: {ours!r} and {theirs!r}")
    print(f"all engines: loss {', '.join(f'{ours:.9f}' for ours, *_ in steps)}, …")


def report(engine: str, rows: list[tuple[str, float, float]]) -> str:
    """The table of medians, ratios and targets beside one other engine."""
    targets = TARGETS if engine in ENGINES else TARGETS_OF_FILES
    us = "scalargrad" if engine in ENGINES else "bare Values"
    other = Path(engine).stem[:18]
    lines = [f"{'':16}{us:>12}{other:>20}{'ratio':>8}{'target':>8}"]
    for name, ours, theirs in rows:
        verdict = "met" if ours / theirs <= targets[name] else "MISSED"
        ratios = f"{ours / theirs:8.2f}{targets[name]:8.2f}"
        lines.append(f"{name:16}{ours:12.1f}{theirs:20.1f}{ratios}  {verdict}")
    return "\n".join(lines)


def main(files: list[str]) -> None:
    """Measure all three and print a table for each other engine, times in milliseconds."""
    engines = [*ENGINES, *files]
    columns = {
        "collector off": [1e3 * each for each in measure(engines, "off", "seconds", ROUNDS)],
        "collector on": [1e3 * each for each in measure(engines, "on", "seconds", ROUNDS)],
        "bytes per node": measure(engines, "off", "bytes_per_node", 1),
    }
    for i, engine in enumerate(engines[2:], start=2):
        # Modules beside modules, and a Value alone beside a Value alone.
        us = 0 if engine in ENGINES else 1
        rows = [(name, column[us], column[i]) for name, column in columns.items()]
        print(report(engine, rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main(sys.argv[1:])
