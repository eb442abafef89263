"""The operations of the table on NumPy arrays: a namespace for its rules, and what makes some of them quick."""

import math
from types import SimpleNamespace
from typing import Any

import numpy

from scalargrad.core import floats
from scalargrad.core.ops import DIV, ERF, ERFC, POW, STOP_GRADIENT, TABLE, namespace

_erf, _erfc = numpy.frompyfunc(math.erf, 1, 1), numpy.frompyfunc(math.erfc, 1, 1)

RENAMED: dict[str, Any] = {
    DIV.name: numpy.divide,
    POW.name: numpy.power,
    ERF.name: lambda x: numpy.asarray(_erf(x), dtype=float),
    ERFC.name: lambda x: numpy.asarray(_erfc(x), dtype=float),
    STOP_GRADIENT.name: lambda x: x,
}
"""Primitives of the rules that NumPy calls otherwise, or not at all."""


def _found(name: str) -> Any:
    return RENAMED.get(name) or getattr(numpy, TABLE[name].numpy or name if name in TABLE else name)


PRIMITIVES = {
    name: _found(name) for name in vars(floats) if name in TABLE and not TABLE[name].over_list
}
ARRAYS: SimpleNamespace = namespace(
    {
        **PRIMITIVES,
        "total": numpy.add.reduce,
        "largest": numpy.maximum.reduce,
        "smallest": numpy.minimum.reduce,
        "each": lambda rule, items: rule(items),
    }
)
"""The operations on arrays, element by element; those over lists go along the first axis."""
