"""The same rows on NumPy arrays: with array primitives, every element equals the float result."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scalargrad.core import floats
from scalargrad.core.ops import FLOATS, TABLE, Op, namespace
from tests.core.points import points

SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.5, -3.0, 1e-200, 800.0, math.inf, -math.inf, math.nan)

RENAMED: dict[str, Any] = {
    "div": np.divide,
    "pow": np.power,
    "round": np.rint,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
}
RENAMED |= {
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "atan2": np.arctan2,
    "erf": np.vectorize(math.erf),
    "erfc": np.vectorize(math.erfc),
    "stop_gradient": lambda x: x,
}


def array_namespace() -> SimpleNamespace:
    names = [name for name in vars(floats) if name in TABLE and not TABLE[name].over_list]
    return namespace({name: RENAMED.get(name) or getattr(np, name) for name in names})


ARRAYS = array_namespace()


def with_edges(op: Op) -> list[tuple[float, ...]]:
    """Smooth points, and every special number in every place."""
    inside = points(op, 10)
    mixed = [
        (*point[:i], x, *point[i + 1 :])
        for x in SPECIAL
        for i in range(len(inside[0]))
        for point in inside[:1]
    ]
    return [*inside, *mixed, *[(x,) * len(inside[0]) for x in SPECIAL]]


def everything(op: Op, m: Any, operands: tuple[Any, ...]) -> list[Any]:
    """The result and all local derivatives."""
    o = op.value(m, operands)
    return [o, *op.derivatives(m, o, operands, (True,) * len(operands))]


@pytest.mark.parametrize("op", TABLE.values(), ids=lambda op: op.name)
def test_arrays_equal_floats_element_by_element(op: Op) -> None:
    samples = with_edges(op)
    with np.errstate(all="ignore"):
        arrays = everything(
            op, ARRAYS, tuple(np.array(column) for column in zip(*samples, strict=True))
        )
    for result, expected in zip(
        arrays,
        zip(*[everything(op, FLOATS, sample) for sample in samples], strict=True),
        strict=True,
    ):
        np.testing.assert_allclose(
            np.broadcast_to(result, len(samples)), np.array(expected), rtol=1e-12, atol=1e-14
        )
