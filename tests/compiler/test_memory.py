"""How much memory recording and compiling need, in bytes a scalar."""

import gc
import tracemalloc
from collections.abc import Callable
from random import Random
from typing import Any

import scalargrad as sg
from scalargrad import Value
from scalargrad.compiler import compile, record, trace
from scalargrad.compiler.numpy_backend import NumpyBackend
from scalargrad.compiler.passes import optimize
from scalargrad.nn import MLP


def peak_of(function: Callable[[], Any]) -> int:
    """The most memory that Python's objects and NumPy's arrays take meanwhile, in bytes."""
    gc.collect()
    tracemalloc.start()
    result = function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return peak


def without_structure(x: list[Value]) -> Value:
    """Operations of random operands: no two can be one array operation for long."""
    random = Random(0)
    values = list(x)
    for _ in range(10_000):
        left = values[random.randrange(len(values))]
        right = values[random.randrange(len(values))]
        results = (left + right, left * right, left - right, sg.tanh(left))
        values.append(results[random.randrange(4)])
    return sg.sum(values[-2_500:])


def test_a_network_compiles_in_little_more_memory_than_its_graph_takes() -> None:
    model = MLP(200, [100, 10], seed=1)
    # What is made once, at the first compilation of all, is not counted.
    program = compile(model, model, inputs=(200,))
    # 110 bytes of these are the Values themselves.
    assert peak_of(lambda: compile(model, model, inputs=(200,))) / program.recorded_rows < 215


def test_a_graph_without_structure_compiles_in_about_the_memory_that_it_takes() -> None:
    program = record(trace(without_structure, [10]))
    assert peak_of(lambda: NumpyBackend(optimize(program), [10])) / len(program) < 200
