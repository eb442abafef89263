"""Random scalar graphs over the whole table: recipes that can be followed again and again, with any
numbers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy

from scalargrad import Constant, Parameter, Value, softplus, tanh
from scalargrad.compiler import compile
from scalargrad.compiler.backend import BackendName
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, TAKE, Op
from scalargrad.nn import Module
from tests.compiler.referee import differences, eager

Operand = int | float
"""An earlier number of the recipe by its place, or a plain number."""


@dataclass(frozen=True)
class Step:
    """One operation; `pick` says which earlier numbers it takes, plain numbers stand for
    themselves.
    """

    op: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Recipe:
    """What to compute from inputs, parameters and constants.

    sizes       the lengths of the arguments
    parameters  the numbers that the parameters begin with
    """

    sizes: tuple[int, ...]
    parameters: tuple[float, ...]
    constants: tuple[float, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]


class Weights(Module):
    """Some parameters and nothing else."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self.weights = [Parameter(number) for number in numbers]


EVERYWHERE = tuple(op.name for op in TABLE.values() if op.is_public and op is not TAKE)
"""The public operations that take any numbers; an index must be an integer input."""


@dataclass
class Kitchen:
    """What a random recipe is made with.

    ops    the names of the operations that may appear
    sizes, parameters, steps, outputs  how many there may be at most
    """

    ops: Sequence[str] = EVERYWHERE
    inputs: int = 4
    parameters: int = 4
    steps: int = 20
    outputs: int = 3
    rng: Random = field(default_factory=Random)

    def recipe(self) -> Recipe:
        """The next one."""
        rng = self.rng
        sizes = tuple(rng.randint(1, self.inputs) for _ in range(rng.randint(1, 2)))
        parameters = tuple(
            round(rng.uniform(-2.0, 2.0), 3) for _ in range(rng.randint(0, self.parameters))
        )
        constants = tuple(rng.choice([0.0, 1.0, -1.0, 0.5, 3.0]) for _ in range(rng.randint(0, 2)))
        count = sum(sizes) + len(parameters) + len(constants)
        steps = [self._step(count + i) for i in range(rng.randint(0, self.steps))]
        if steps and rng.random() < 0.6:
            steps.append(_mean_of_all(count, steps))
            outputs: tuple[int, ...] = (count + len(steps) - 1,)
        else:
            outputs = tuple(
                self._operand(count + len(steps)) for _ in range(rng.randint(1, self.outputs))
            )
        return Recipe(sizes, parameters, constants, tuple(steps), outputs)

    def _step(self, count: int) -> Step:
        op = TABLE[self.rng.choice(list(self.ops))]
        if op.name in FLAT and self.rng.random() < 0.8:
            op = TABLE[self.rng.choice(list(self.ops))]
        if op.over_list:
            length = self.rng.randint(1, 4) * (2 if op.name == "dot" else 1)
            return Step(op.name, tuple(self._operand(count) for _ in range(length)))
        return Step(op.name, tuple(self._given(op, i, count) for i in range(len(op.operands))))

    def _given(self, op: Op, position: int, count: int) -> Operand:
        """Settings are plain numbers most of the time, other operands seldom."""
        plain = op.operands[position] in op.static_args
        if position and self.rng.random() < (0.7 if plain else 0.1):
            return float(
                self.rng.choice([2.0, 0.5, 1.0, -1.0, 3.0, *([] if op.name in DIVIDING else [0.0])])
            )
        return self._operand(count)

    def _operand(self, count: int) -> int:
        """Late numbers are taken more often than early ones, so that graphs grow deep."""
        return max(self.rng.randrange(count), self.rng.randrange(count))


def follow(recipe: Recipe, arguments: Sequence[Any], weights: Sequence[Value]) -> list[Value]:
    """The outputs of a recipe."""
    inputs = [x for each in arguments for x in ([each] if isinstance(each, Value) else each)]
    numbers = [*inputs, *weights, *map(Constant, recipe.constants)]
    for step in recipe.steps:
        op = TABLE[step.op]
        operands = [
            within(op, i, numbers[x]) if isinstance(x, int) else x
            for i, x in enumerate(step.operands)
        ]
        numbers.append(tame(op, apply(op, *operands)))
    return [numbers[i] for i in recipe.outputs]


def within(op: Op, position: int, x: Value) -> Any:
    """`x` brought into the domain of an operand, and away from where an operation grows without
    bound.
    """
    low, high = op.domain[position] if position < len(op.domain) else (-float("inf"), float("inf"))
    if low == -1.0 and high == 1.0:
        return tanh(x) * 0.9
    if low > -float("inf"):
        return softplus(x) + (low + 0.2)
    if op.name in DIVIDING and position == 1:
        return x * x + 0.7
    if op.name in ("atan2", "cbrt"):
        # atan2 can tell 0.0 from -0.0, which a program does not promise to do; the slope of cbrt is
        # infinite there.
        return x + 0.0137
    return x


def tame(op: Op, x: Value) -> Value:
    """Results of operations that grow quickly are brought back to moderate size."""
    return tanh(x) * 3.0 if op.name in GROWING else x


FLAT = {"step", "sign", "floor", "round", "where", "lt", "le"}
"""Operations that let little or no gradient through: fewer of them, or nothing would flow."""

DIVIDING = {"div", "remainder", "celu"}
"""Operations that divide by their second operand."""

GROWING = {
    "exp",
    "expm1",
    "sinh",
    "cosh",
    "tan",
    "mul",
    "prod",
    "dot",
    "pow",
    "div",
    "cbrt",
    "elu",
    "celu",
    "selu",
    "sqrt",
    "hypot",
}


def function_of(recipe: Recipe, weights: Sequence[Value]) -> Callable[..., Any]:
    """A recipe as a function of its arguments, as users write them."""

    def function(*arguments: Any) -> Any:
        outputs = follow(recipe, arguments, weights)
        return outputs[0] if len(outputs) == 1 else outputs

    return function


def recipe_of(kitchen: Kitchen, inputs: tuple[int, ...], parameters: int, steps: int) -> Recipe:
    """One of exactly this size, whose output is the mean of all numbers that nothing else takes."""
    count = sum(inputs) + parameters
    made = [kitchen._step(count + i) for i in range(steps)]
    total = _mean_of_all(count, made)
    numbers = tuple(kitchen.rng.uniform(-1.0, 1.0) for _ in range(parameters))
    return Recipe(inputs, numbers, (), (*made, total), (count + steps,))


def _mean_of_all(count: int, steps: Sequence[Step]) -> Step:
    """The mean of all that nothing else takes, so that the whole graph is alive; `count` numbers
    come before the steps.
    """
    taken = {x for step in steps for x in step.operands if isinstance(x, int)}
    return Step("mean", tuple(i for i in range(count, count + len(steps)) if i not in taken))


def differing(kitchen: Kitchen, odd: float = 0.0, backend: BackendName = "auto") -> list[str]:
    """What the program of a random recipe says otherwise than eager code, on a random batch.

    odd  the share of numbers in the data that are nan, infinite, zero or huge
    """
    recipe, rng = kitchen.recipe(), kitchen.rng
    model, batch = Weights(recipe.parameters), rng.choice([1, 2, 7])
    function = function_of(recipe, model.weights)
    data = [
        numpy.array([[_number(rng, odd) for _ in range(size)] for _ in range(batch)])
        for size in recipe.sizes
    ]
    program = compile(function, model, recipe.sizes, backend=backend)
    return differences(program, eager(function, model, data), data)


def _number(rng: Random, odd: float) -> float:
    return (
        rng.choice([math.nan, math.inf, -math.inf, 0.0, 1e300])
        if rng.random() < odd
        else rng.uniform(-3.0, 3.0)
    )
