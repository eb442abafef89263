"""Rules of the table as vector instructions: equal to floats bit by bit where they are exact."""

from collections.abc import Callable
from itertools import product
from math import inf, nan
from typing import Any

import numpy
import pytest

from scalargrad import compile
from scalargrad.core import floats
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE

pytest.importorskip("llvmlite")

ROUGH = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0.1, -7.3, 1e300, 5e-324, inf, -inf, nan]


def native_outputs(function: Callable[..., Any], samples: Any) -> list[list[float]]:
    """What native code alone says, without eager code for samples that are not finite."""
    array = numpy.array(samples)
    backend = compile(function, inputs=(array.shape[1],), backend="native")._backend
    assert backend.describe().startswith("computed by native code")
    nothing = numpy.zeros((len(array), 0))
    outputs: list[list[float]] = backend.outputs([array], numpy.zeros(0), nothing).tolist()
    return outputs


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
def test_whole_quotients_and_remainders(name: str) -> None:
    pairs = list(product(ROUGH, ROUGH))
    found = native_outputs(lambda x: apply(TABLE[name], *x), pairs)
    # As text, which tells 0.0 from -0.0, and where nan is nan.
    assert str(found) == str([[getattr(floats, name)(x, y)] for x, y in pairs])


@pytest.mark.parametrize("name", ["floor", "round"])
def test_whole_numbers(name: str) -> None:
    found = native_outputs(lambda x: apply(TABLE[name], x), [[number] for number in ROUGH])
    assert str(found) == str([[getattr(floats, name)(number)] for number in ROUGH])
