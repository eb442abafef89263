"""Which backends there are, and what is said where one is not."""

import sys
from typing import Any

import numpy
import pytest

import scalargrad
from scalargrad.compiler import jax_backend
from scalargrad.errors import OptionError


def twice(x: Any) -> Any:
    return x * 2.0


def test_an_unknown_backend_is_refused_with_those_there_are() -> None:
    with pytest.raises(OptionError, match="'numpy', 'jax', 'native', not 'torch'"):
        scalargrad.compile(twice, inputs=(1,), backend="torch")


def test_a_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    jax_backend._jax.cache_clear()
    with pytest.raises(OptionError, match="needs the library JAX: pip install jax"):
        scalargrad.compile(twice, inputs=(1,), backend="jax")


@pytest.mark.parametrize("name", ["pure", "pure_outputs"])
def test_pure_functions_are_those_of_jax(name: str) -> None:
    program = scalargrad.compile(twice, inputs=(1,))
    with pytest.raises(OptionError, match='compile with backend="jax"'):
        getattr(program, name)(numpy.zeros(0), numpy.ones((2, 1)))
