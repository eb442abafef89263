"""Second derivatives of every row at special points: ends of the domain, 0, ±1, kinks, equal items.

The referee is mpmath, a little aside of the point in every direction: what the engine says must be
one of these one-sided limits, or lie between them where they differ.
"""

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from mpmath import mp, mpf

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.operations import apply
from scalargrad.core.ops import FLOATS, TABLE, Op
from tests.core.formulas import FORMULAS
from tests.core.points import points
from tests.core.test_every_op_kinks import AT_KINKS

Point = tuple[float, ...]

every_row = pytest.mark.parametrize("op", TABLE.values(), ids=lambda op: op.name)

EQUAL_ITEMS = [
    (0.0, 0.0, 0.0, 0.0),
    (1.0, 1.0, -2.0, 1.0),
    (0.0, 2.0, 0.0, -1.0),
    (1e16, 1e16, 3.0, 1e16 - 2.0),
]

DECIDED: dict[str, Callable[..., bool]] = {
    "pow": lambda x, y: (
        x == 0.0 and y >= 0.0
    ),  # the exponent does not matter there: all derivatives by it are 0
    "hypot": lambda x, y: x == y == 0.0,  # 0, as the first derivatives
    "norm": lambda *items: not any(items),
    "atan2": lambda y, x: x == y == 0.0,
    "stop_gradient": lambda x: True,
}
"""Points where a row has a convention that is no limit."""

NOT_DEFINED: dict[str, Callable[..., bool]] = {
    "cbrt": lambda x: x == 0.0,  # -inf from one side, +inf from the other
    "div": lambda x, y: x == y == 0.0,
    "pow": lambda x, y: x == 0.0 and y < 0.0,  # infinities of both signs meet in the product rule
    "celu": lambda x, alpha: alpha == 0.0,
}
"""Points where nan may be the answer."""


def is_in(table: dict[str, Callable[..., bool]], op: Op, point: Point) -> bool:
    return op.name in table and table[op.name](*point)


def special_points(op: Op) -> Iterator[Point]:
    if op.over_list:
        yield from (
            point
            for point in EQUAL_ITEMS
            if op.name not in ("prod", "norm", "dot") or max(point) < 1e9
        )
        return
    yield from AT_KINKS.get(op.name, {})
    if len(op.operands) > 2:
        return
    for point in product(*[special_numbers(op, i) for i in range(len(op.operands))]):
        value = op.value(FLOATS, point)
        if not math.isnan(value):
            yield point


def special_numbers(op: Op, position: int) -> list[float]:
    low, high = op.domain[position] if position < len(op.domain) else (-math.inf, math.inf)
    numbers = {low, high, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0}
    return sorted(x for x in numbers if math.isfinite(x) and low <= x <= high)


def second_derivatives(op: Op, point: Point) -> list[list[float]]:
    leaves = [Value(x) for x in point]
    apply(op, *leaves).backward(create_graph=True)
    first = [leaf.grad for leaf in leaves]
    rows = []
    for gradient in first:
        for leaf in leaves:
            leaf.grad = 0.0
        gradient.backward()
        rows.append([leaf.grad for leaf in leaves])
    return rows


def limits(op: Op, point: Point, i: int, j: int) -> list[float]:
    """The second derivative next to a point, in each direction in the domain; ±inf if unbounded."""
    orders = tuple(int(i == k) + int(j == k) for k in range(len(point)))
    found = []
    for signs in directions(len(point)):
        far, near = (aside(op, point, signs, orders, mpf(10) ** -size) for size in (9, 15))
        if near is None or far is None:
            continue
        grows = abs(near) > 5.0 * abs(far) and abs(near) > 100.0
        found.append(math.copysign(math.inf, near) if grows else near)
    return found


def directions(size: int) -> list[tuple[int, ...]]:
    """All of them, or four where there would be many."""
    if size <= 2:
        return list(product((-1, 1), repeat=size))
    alternating = tuple((-1) ** k for k in range(size))
    return [(1,) * size, (-1,) * size, alternating, tuple(-sign for sign in alternating)]


def aside(
    op: Op, point: Point, signs: tuple[int, ...], orders: tuple[int, ...], step: Any
) -> float | None:
    """The derivative at a point moved by a step, scaled per operand; None outside the domain."""
    moved = tuple(
        mpf(x) + sign * step * (1 + mpf(k) / 3)
        for k, (x, sign) in enumerate(zip(point, signs, strict=True))
    )
    for k, x in enumerate(moved):
        low, high = op.domain[k] if k < len(op.domain) else (-math.inf, math.inf)
        if not low < x < high:
            return None
    with mp.workdps(80):
        number = mp.diff(FORMULAS[op.name], moved, orders)
    return float(number)


def fits(number: float, allowed: list[float]) -> bool:
    if any(
        number == limit or math.isclose(number, limit, rel_tol=1e-6, abs_tol=1e-6)
        for limit in allowed
    ):
        return True
    return min(allowed) <= number <= max(allowed)


@every_row
def test_second_derivatives_at_special_points_are_one_sided_limits(op: Op) -> None:
    for point in special_points(op):
        if is_in(NOT_DEFINED, op, point) or is_in(DECIDED, op, point):
            continue
        rows = second_derivatives(op, point)
        for i, j in product(range(len(point)), repeat=2):
            allowed = limits(op, point, i, j)
            if allowed:
                assert fits(rows[i][j], allowed), (point, i, j, rows[i][j], allowed)


@every_row
def test_second_derivatives_do_not_depend_on_the_order(op: Op) -> None:
    for point in [*special_points(op), *points(op, 5)]:
        if is_in(NOT_DEFINED, op, point):
            continue
        rows = second_derivatives(op, point)
        for i, j in product(range(len(point)), repeat=2):
            assert rows[i][j] == rows[j][i] or math.isclose(
                rows[i][j], rows[j][i], rel_tol=1e-9, abs_tol=1e-12
            ), (point, i, j, rows)


def hessian(name: str, *point: float) -> list[list[float]]:
    return second_derivatives(TABLE[name], point)


def test_powers_with_an_exponent_of_0() -> None:
    assert hessian("pow", 2.0, 0.0) == [
        [0.0, 0.5],
        [0.5, pytest.approx(math.log(2.0) ** 2, rel=1e-15)],
    ]
    assert float(sg.hessian(lambda v: v[0] ** v[1])([2.0, 0.0])[0][1]) == 0.5


@pytest.mark.parametrize(
    ("point", "by_x_twice"),
    [
        ((0.0, 0.0), 0.0),
        ((0.0, 0.5), -math.inf),
        ((0.0, 1.0), 0.0),
        ((0.0, 1.5), math.inf),
        ((0.0, 2.0), 2.0),
        ((0.0, 3.0), 0.0),
    ],
    ids=str,
)
def test_powers_of_0(point: Point, by_x_twice: float) -> None:
    assert hessian("pow", *point) == [[by_x_twice, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(("name", "size"), [("hypot", 2), ("atan2", 2), ("norm", 3)])
def test_the_origin_is_flat(name: str, size: int) -> None:
    assert hessian(name, *[0.0] * size) == [[0.0] * size] * size


@pytest.mark.parametrize(
    ("name", "at_one", "at_minus_one"),
    [("asin", math.inf, -math.inf), ("acos", -math.inf, math.inf), ("atanh", math.inf, -math.inf)],
)
def test_inverse_functions_at_the_ends_of_their_domain(
    name: str, at_one: float, at_minus_one: float
) -> None:
    assert hessian(name, 1.0) == [[at_one]]
    assert hessian(name, -1.0) == [[at_minus_one]]


def test_exponential_units_belong_to_the_exponential_side_at_0() -> None:
    assert hessian("elu", 0.0, 1.5) == [[1.5, 1.0], [1.0, 0.0]]
    assert hessian("celu", 0.0, 2.0) == [[0.5, 0.0], [0.0, 0.0]]
    assert hessian("selu", 0.0) == [[pytest.approx(1.0507009873554805 * 1.6732632423543772)]]
