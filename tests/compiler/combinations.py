"""Random functions that mix operations, look-ups, loops and derivatives, each within the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy

import scalargrad as sg
from scalargrad import Constant, Value
from scalargrad.compiler import Compiled, compile
from scalargrad.core.leaves import IntegerInput
from scalargrad.core.nested import flatten
from tests.compiler.graphs import Kitchen, Recipe, Step, Weights, _number, follow
from tests.compiler.referee import Array, Eager, differences, eager

COUNT = 3
"""Integers are 0, 1 or 2."""


@dataclass(frozen=True)
class LookUp:
    """An entry of a table of numbers, at the sum of some integers."""

    table: tuple[int, ...]
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Repeat:
    """A loop; `entries` and `integers` have a row for each step.

    counter     an integer that is carried along, or None
    """

    body: "Block"
    carry: tuple[int, ...]
    entries: tuple[tuple[int, ...], ...]
    integers: tuple[tuple[int, ...], ...]
    counter: int | None
    checkpoint: bool


@dataclass(frozen=True)
class Derive:
    """A derivative of a block by some of the numbers, as `TRANSFORMS` names it."""

    body: "Block"
    transform: str
    by: tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """Lines, each of which adds numbers to those before; `outputs` says which are returned."""

    lines: tuple[Step | LookUp | Repeat | Derive, ...]
    outputs: tuple[int, ...]


class Maker:
    """Makes random blocks.

    Args:
        rng: The generator.
    """

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.kitchen = Kitchen(rng=rng)

    def block(self, numbers: int, integers: int, outputs: int, depth: int, lines: int) -> Block:
        """A block over so many numbers and integers."""
        made = []
        count = numbers
        for _ in range(lines):
            line, results = self._line(count, integers, depth)
            made.append(line)
            count += results
        return Block(tuple(made), self._some(count, outputs))

    def _line(self, count: int, integers: int, depth: int) -> tuple[Any, int]:
        """A line, and how many numbers it adds."""
        sort = self.rng.random()
        if integers and sort < 0.2:
            return self._look_up(count, integers), 1
        if depth and sort < 0.45:
            return self._repeat(count, integers, depth)
        if depth and sort < 0.6:
            return self._derive(count, integers, depth)
        return self.kitchen._step(count), 1

    def _some(self, count: int, how_many: int) -> tuple[int, ...]:
        return tuple(self.kitchen._operand(count) for _ in range(how_many))

    def _look_up(self, count: int, integers: int) -> LookUp:
        indices = tuple(self.rng.randrange(integers) for _ in range(self.rng.randint(1, 2)))
        length = len(indices) * (COUNT - 1) + 1
        return LookUp(self._some(count, length), indices)

    def _repeat(self, count: int, integers: int, depth: int) -> tuple[Repeat, int]:
        rng = self.rng
        carries = rng.randint(0, 2)
        results = rng.randint(0 if carries else 1, 2)
        length = rng.choice([0, 1, 2, 3, 5])
        width = rng.randint(0, 2)
        kinds = rng.randint(0, 2) if integers else 0
        counter = rng.randrange(integers) if integers and rng.random() < 0.4 else None
        # A step sees all numbers around it, then the carry and its entry.
        inner = count + carries + width
        whole = integers + kinds + (counter is not None)
        lines = rng.randint(0, 5)
        body = self.block(inner, whole, carries + results, depth - 1, lines)
        loop = Repeat(
            body=body,
            carry=self._some(count, carries),
            entries=tuple(self._some(count, width) for _ in range(length)),
            integers=tuple(
                tuple(rng.randrange(integers) for _ in range(kinds)) for _ in range(length)
            ),
            counter=counter,
            checkpoint=rng.random() < 0.3,
        )
        return loop, carries + length * results

    def _derive(self, count: int, integers: int, depth: int) -> tuple[Derive, int]:
        transform = self.rng.choice(list(TRANSFORMS))
        size = self.rng.randint(1, 2)
        # The body sees all numbers around it, then those that it is differentiated by.
        lines = self.rng.randint(0, 4)
        body = self.block(count + size, integers, 1, depth - 1, lines)
        results = {"gradient": size, "value": size + 1, "hessian": size * size, "jvp": 2}
        return Derive(body, transform, self._some(count, size)), results[transform]


def run(block: Block, numbers: Sequence[Value], integers: Sequence[Any]) -> list[Value]:
    """The outputs of a block."""
    found = list(numbers)
    for line in block.lines:
        if isinstance(line, Step):
            recipe = Recipe((len(found),), (), (), (line,), (len(found),))
            # An operation may bring its operands into its domain, which follow() does.
            found += follow(recipe, [found], [])
        elif isinstance(line, LookUp):
            index = sum((integers[i] for i in line.indices[1:]), integers[line.indices[0]])
            found.append(sg.take([found[i] for i in line.table], index))
        elif isinstance(line, Repeat):
            found += _repeat(line, found, integers)
        else:
            found += _derive(line, found, integers)
    return [found[i] for i in block.outputs]


def _repeat(loop: Repeat, numbers: list[Value], integers: Sequence[Any]) -> list[Value]:
    carries = len(loop.carry)

    def step(carry: Any, entry: Any) -> tuple[Any, list[Value]]:
        state, counters = carry
        own, whole = entry
        around = [sg.tanh(x) for x in numbers]
        found = run(loop.body, [*around, *state, *own], [*integers, *whole, *counters])
        next_counters = [(whole or [COUNT - 1 - k])[0] for k in counters]
        return ([sg.tanh(x) for x in found[:carries]], next_counters), found[carries:]

    xs = [
        ([numbers[i] for i in entry], [integers[i] for i in row])
        for entry, row in zip(loop.entries, loop.integers, strict=True)
    ]
    counters = [] if loop.counter is None else [integers[loop.counter]]
    first = [numbers[i] for i in loop.carry], counters
    (carry, _), ys = sg.scan(step, first, xs, checkpoint=loop.checkpoint)
    return [*carry, *flatten(ys)]


def _derive(line: Derive, numbers: list[Value], integers: Sequence[Any]) -> list[Value]:
    around = [sg.tanh(x) for x in numbers]

    def body(x: list[Value]) -> Value:
        (result,) = run(line.body, [*around, *x], integers)
        return sg.tanh(result)

    found = TRANSFORMS[line.transform](body, [sg.tanh(numbers[i]) for i in line.by])
    # A derivative that depends on nothing is a plain number.
    leaves = [x if isinstance(x, Value) else Constant(x) for x in flatten(found)]
    return [sg.tanh(x) for x in leaves]


TRANSFORMS: dict[str, Callable[[Any, list[Value]], Any]] = {
    "gradient": lambda body, x: sg.grad(body)(x),
    "value": lambda body, x: sg.value_and_grad(body)(x),
    "hessian": lambda body, x: sg.hessian(body)(x),
    "jvp": lambda body, x: sg.jvp(body, (x,), ([1.0 + i for i in range(len(x))],)),
}


@dataclass(frozen=True)
class Case:
    """A random function with data for it.

    function    takes numbers, and integers unless there are none
    """

    function: Callable[..., Any]
    model: Weights
    inputs: tuple[Any, ...]
    data: list[Array]

    def compile(self, backend: Any = "auto") -> Compiled:
        return compile(self.function, self.model, self.inputs, backend=backend)

    def expected(self) -> Eager:
        return eager(self.function, self.model, self.data)


def make_case(
    rng: Random, odd: float = 0.0, batch: int | None = None, lines: int = 7, depth: int = 2
) -> Case:
    """The next case.

    odd     the share of numbers that are nan, infinite, zero or huge
    batch   the number of samples
    lines   how many lines there are at most, apart from those within others
    depth   how many loops and derivatives are within each other at most
    """
    maker = Maker(rng)
    size = rng.randint(1, 3)
    count = rng.choice([0, 1, 3])
    model = Weights([round(rng.uniform(-1.5, 1.5), 3) for _ in range(rng.randint(0, 3))])
    outputs = rng.choice([1, 1, 3])
    lines = rng.randint(1, lines)
    # One integer more is a plain number, wherever there are any.
    whole = count + 1 if count else 0
    block = maker.block(size + len(model.weights), whole, outputs, depth, lines)

    def function(x: Any, i: Any = ()) -> Any:
        numbers = [x] if isinstance(x, Value) else list(x)
        integers = [i] if isinstance(i, Value) else list(i)
        plain = [k if isinstance(k, IntegerInput) else int(k.data) for k in integers]
        if plain:
            plain.append(1)
        found = run(block, [*numbers, *model.weights], plain)
        return found[0] if outputs == 1 else found

    batch = batch or rng.choice([1, 2, 7])
    data = [numpy.array([[_number(rng, odd) for _ in range(size)] for _ in range(batch)])]
    inputs: tuple[Any, ...] = (size,)
    if count:
        rows = [[float(rng.randrange(COUNT)) for _ in range(count)] for _ in range(batch)]
        data.append(numpy.array(rows))
        inputs = (size, ("token", count))
    return Case(function, model, inputs, data)


def differing_case(rng: Random, odd: float = 0.0, backend: Any = "auto", **sizes: int) -> list[str]:
    """What the program of a random case says otherwise than eager code."""
    case = make_case(rng, odd, **sizes)
    return differences(case.compile(backend), case.expected(), case.data)
