"""The operations of the table on NumPy arrays: a namespace for its rules."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy

from scalargrad.core import floats
from scalargrad.core.ops import DIV, ERF, ERFC, POW, STOP_GRADIENT, TABLE, namespace

__all__ = ["ARRAYS", "PRIMITIVES", "RENAMED"]

# NumPy has no error function, so these two call Python's for each number.
_erf = numpy.frompyfunc(math.erf, 1, 1)
_erfc = numpy.frompyfunc(math.erfc, 1, 1)

RENAMED: dict[str, Callable[..., Any]] = {
    DIV.name: numpy.divide,
    POW.name: numpy.power,
    ERF.name: lambda x: numpy.asarray(_erf(x), dtype=float),
    ERFC.name: lambda x: numpy.asarray(_erfc(x), dtype=float),
    STOP_GRADIENT.name: lambda x: x,
}
"""Primitives of the rules that have another name in NumPy, or none at all."""


def _primitive(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = RENAMED.get(name) or getattr(numpy, TABLE[name].numpy or name)
    return function


PRIMITIVES = {
    name: _primitive(name) for name in vars(floats) if name in TABLE and not TABLE[name].over_list
}
"""The operations that rules are made of, by name."""

ARRAYS: SimpleNamespace = namespace(
    {
        **PRIMITIVES,
        "total": numpy.add.reduce,
        "largest": numpy.maximum.reduce,
        "smallest": numpy.minimum.reduce,
        "each": lambda rule, items: rule(items),
    }
)
"""The operations on arrays, elementwise. Those over lists reduce the first axis."""
