"""Random loops: a step over the whole table, whose carry stays moderate."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy

import scalargrad as sg
from scalargrad import Value
from scalargrad.compiler import compile
from tests.compiler.graphs import Kitchen, Recipe, Weights, _number, follow
from tests.compiler.referee import differences, eager


@dataclass(frozen=True)
class RandomLoop:
    """What a random loop computes.

    function    of one argument: the carry, the entries of all steps, and what all steps share
    size        the length of that argument
    """

    function: Callable[[list[Value]], Any]
    model: Weights
    size: int


def random_loop(rng: Random) -> RandomLoop:
    """A loop of up to four steps, in one case out of three inside of another loop."""
    kitchen = Kitchen(rng=rng)
    carries = rng.randint(0, 3)
    width = rng.randint(0, 2)
    shared = rng.randint(1, 2)
    results = rng.randint(0 if carries else 1, 2)
    length = rng.randint(0 if carries else 1, 4)
    model = Weights([rng.uniform(-1.0, 1.0) for _ in range(rng.randint(0, 4))])

    count = carries + width + shared + len(model.weights)
    made = tuple(kitchen._step(count + i) for i in range(rng.randint(0, 8)))
    outputs = tuple(kitchen._operand(count + len(made)) for _ in range(carries + results))
    recipe = Recipe((carries, width, shared), (), (), made, outputs)
    checkpoint = rng.random() < 0.3
    is_nested = rng.random() < 0.3
    is_summed = rng.random() < 0.5

    def function(numbers: list[Value]) -> Any:
        end = carries + length * width
        starts = range(carries, end, width) if width else ()
        xs = [numbers[i : i + width] for i in starts] if width else [[]] * length
        around = [sg.tanh(x) + 1.0 for x in numbers[end:]]
        weights = [w * 1.5 if i % 2 else w for i, w in enumerate(model.weights)]

        def step(carry: list[Value], x: list[Value]) -> tuple[list[Value], list[Value]]:
            found = follow(recipe, [carry, x, around], weights)
            return [sg.tanh(value) for value in found[:carries]], found[carries:]

        def repeated(carry: list[Value], _: None) -> tuple[list[Value], list[Value]]:
            carry, ys = sg.scan(step, carry, xs, checkpoint=checkpoint)
            return carry, [y for each in ys for y in each]

        if is_nested:
            carry, ys = sg.scan(repeated, numbers[:carries], length=2)
        else:
            carry, ys = sg.scan(step, numbers[:carries], xs, checkpoint=checkpoint)
        found = [*carry, *(y for each in ys for y in each)]
        return sg.sum([value * (i + 1) for i, value in enumerate(found)]) if is_summed else found

    return RandomLoop(function, model, carries + length * width + shared)


def differing_loop(rng: Random, odd: float = 0.0, backend: Any = "auto") -> list[str]:
    """What the program of a random loop says otherwise than eager code, on a random batch.

    odd  the share of numbers in the data that are nan, infinite, zero or huge
    """
    loop = random_loop(rng)

    def function(numbers: Any) -> Any:
        return loop.function([numbers] if isinstance(numbers, Value) else numbers)

    batch = rng.choice([1, 2, 5])
    rows = [[_number(rng, odd) for _ in range(loop.size)] for _ in range(batch)]
    data = [numpy.array(rows)]
    program = compile(function, loop.model, (loop.size,), backend=backend)
    return differences(program, eager(function, loop.model, data), data)
