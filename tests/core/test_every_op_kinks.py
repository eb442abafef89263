"""Every row at its kinks: the derivatives there, and `kinks`, which changes its sign only there."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from scalargrad import Value
from scalargrad.core.operations import apply
from scalargrad.core.ops import FLOATS, TABLE, Op
from tests.core.test_every_op_torch import torch_function, torch_gradients

Point = tuple[float, ...]
Derivatives = tuple[float, ...]

SELU_AT_0 = 1.0507009873554804934 * 1.6732632423543772848

AT_KINKS: dict[str, dict[Point, Derivatives]] = {
    "floor_divide": {(6.0, 2.0): (0.0, 0.0), (-3.0, 1.5): (0.0, 0.0), (0.0, 2.0): (0.0, 0.0)},
    "remainder": {(6.0, 2.0): (1.0, -3.0), (-3.0, 1.5): (1.0, 2.0), (0.0, 2.0): (1.0, 0.0)},
    "abs": {(0.0,): (0.0,)},
    "sign": {(0.0,): (0.0,)},
    "atan2": {(0.0, -2.0): (-0.5, 0.0), (0.0, 0.0): (0.0, 0.0)},
    "hypot": {(0.0, 0.0): (0.0, 0.0)},
    "maximum": {(2.0, 2.0): (0.5, 0.5), (-1.0, -1.0): (0.5, 0.5)},
    "minimum": {(2.0, 2.0): (0.5, 0.5), (-1.0, -1.0): (0.5, 0.5)},
    "clamp": {(-1.0, -1.0, 2.0): (1.0, 0.0, 0.0), (2.0, -1.0, 2.0): (1.0, 0.0, 0.0)},
    "floor": {(3.0,): (0.0,), (-1.0,): (0.0,)},
    "round": {(2.5,): (0.0,), (-0.5,): (0.0,)},
    "step": {(0.0,): (0.0,)},
    "lt": {(2.0, 2.0): (0.0, 0.0), (-1.0, -1.0): (0.0, 0.0)},
    "le": {(2.0, 2.0): (0.0, 0.0), (-1.0, -1.0): (0.0, 0.0)},
    "relu": {(0.0,): (0.0,)},
    "relu6": {(0.0,): (0.0,), (6.0,): (0.0,)},
    "leaky_relu": {(0.0, 0.25): (0.25, 0.0)},
    "prelu": {(0.0, 0.25): (0.25, 0.0)},
    "rrelu": {(0.0, 0.25, 0.5): (0.375, 0.0, 0.0)},
    "elu": {(0.0, 1.5): (1.5, 0.0)},
    "selu": {(0.0,): (SELU_AT_0,)},
    "celu": {(0.0, 1.5): (1.0, 0.0)},
    "hardsigmoid": {(-3.0,): (0.0,), (3.0,): (0.0,)},
    "hardswish": {(-3.0,): (0.0,), (3.0,): (1.0,)},
    "softshrink": {(0.5, 0.5): (0.0, 0.0), (-0.5, 0.5): (0.0, 0.0)},
    "hardtanh": {(-1.0, -1.0, 2.0): (0.0, 1.0, 0.0), (2.0, -1.0, 2.0): (0.0, 0.0, 1.0)},
    "norm": {(0.0, 0.0, 0.0): (0.0, 0.0, 0.0)},
}
"""For each row with kinks: points on one, and the derivatives there by the documented rule."""

NOT_AS_TORCH = {
    "atan2": "nan at the origin, where 0 is decided, as for hypot",
    "hypot": "nan at the origin",
    "step": "torch has none",
    "floor_divide": "0 everywhere, of which torch keeps no graph",
    "stop_gradient": "likewise",
    "lt": "likewise",
    "le": "likewise",
    "hardsigmoid": "single precision",
}

SIDES: dict[str, Callable[..., Any]] = {
    "floor_divide": lambda x, y: math.floor(x / y),
    "remainder": lambda x, y: math.floor(x / y),
    "abs": lambda x: x > 0,
    "sign": lambda x: x > 0,
    "hypot": lambda *items: True,
    "norm": lambda *items: True,
    "maximum": lambda x, y: x > y,
    "minimum": lambda x, y: x > y,
    "clamp": lambda x, low, high: (x > low, x > high),
    "floor": math.floor,
    "round": round,
    "step": lambda x: x > 0,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "relu": lambda x: x > 0,
    "relu6": lambda x: (x > 0, x > 6),
    "leaky_relu": lambda x, slope: x > 0,
    "prelu": lambda x, slope: x > 0,
    "rrelu": lambda x, lower, upper: x > 0,
    "elu": lambda x, alpha: x > 0,
    "selu": lambda x: x > 0,
    "celu": lambda x, alpha: x > 0,
    "hardsigmoid": lambda x: (x > -3, x > 3),
    "hardswish": lambda x: (x > -3, x > 3),
    "softshrink": lambda x, threshold: (x > threshold, x > -threshold),
    "hardtanh": lambda x, low, high: (x > low, x > high),
}
"""The side of its kinks that a point is on: two close points are on one, or a kink is between."""

ONE_NUMBER_CANNOT = {"atan2"}
"""Its cut starts at the origin: a sign that changes at the cut must change again around it."""

WITH_KINKS = [op for op in TABLE.values() if op.kinks is not None]
every_kinked_row = pytest.mark.parametrize("op", WITH_KINKS, ids=lambda op: op.name)


def gradients(output: Value, leaves: list[Value]) -> list[float]:
    output.backward()
    return [leaf.grad for leaf in leaves]


def signs(op: Op, point: Point) -> tuple[bool, ...]:
    assert op.kinks is not None
    return tuple(number > 0.0 for number in op.kinks(FLOATS, *point))


def test_every_row_with_kinks_is_here() -> None:
    names = {op.name for op in WITH_KINKS}
    assert set(AT_KINKS) == names
    assert set(SIDES) | ONE_NUMBER_CANNOT == names


@every_kinked_row
def test_derivatives_at_the_kinks(op: Op) -> None:
    for point, expected in AT_KINKS[op.name].items():
        leaves = [Value(x) for x in point]
        assert gradients(apply(op, *leaves), leaves) == pytest.approx(
            list(expected), rel=1e-15, abs=0.0
        ), point


@pytest.mark.parametrize(
    "op", [op for op in WITH_KINKS if op.name not in NOT_AS_TORCH], ids=lambda op: op.name
)
def test_derivatives_at_the_kinks_are_those_of_torch(op: Op) -> None:
    torch = pytest.importorskip("torch")
    tensors_only = {"maximum", "minimum", "clamp", "remainder", "norm"}
    for point, expected in AT_KINKS[op.name].items():
        count = len(point) if op.name in tensors_only else 1
        leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point[:count]]
        output = torch_function(torch, op)(*leaves, *point[count:])
        found = [gradient.item() for gradient in torch_gradients(torch, output, leaves)]
        assert found == pytest.approx(list(expected[:count]), rel=1e-12), point


@every_kinked_row
def test_a_number_of_kinks_is_0_at_a_kink(op: Op) -> None:
    assert op.kinks is not None
    for point in AT_KINKS[op.name]:
        assert min(abs(number) for number in op.kinks(FLOATS, *point)) < 1e-12, point


@pytest.mark.parametrize(
    "op", [op for op in WITH_KINKS if op.name not in ONE_NUMBER_CANNOT], ids=lambda op: op.name
)
def test_kinks_change_their_sign_at_kinks_and_nowhere_else(op: Op) -> None:
    rng = Random(op.name)
    crossings = 0
    for point in AT_KINKS[op.name]:
        for _ in range(200):
            here = nearby(point, rng)
            there = nearby(point, rng)
            crosses = SIDES[op.name](*here) != SIDES[op.name](*there)
            crossings += crosses
            assert (signs(op, here) != signs(op, there)) == crosses, (here, there)
    assert crossings or op.name in ("hypot", "norm")


def nearby(kink: Point, rng: Random) -> Point:
    """A point that is nearer to a kink than the next kink is."""
    return tuple(x + rng.uniform(-0.2, 0.2) for x in kink)


def test_the_cut_of_atan2_changes_its_sign() -> None:
    op = TABLE["atan2"]
    for x in (-0.5, -2.0):
        assert signs(op, (1e-9, x)) != signs(op, (-1e-9, x))
    assert signs(op, (1e-9, 0.5)) == signs(op, (-1e-9, 0.5))
