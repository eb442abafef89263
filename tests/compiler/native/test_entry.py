"""Machine code that is called with arrays."""

import gc

import numpy
import pytest

pytest.importorskip("llvmlite")

from scalargrad.compiler.native.emitter import Emitter
from scalargrad.compiler.native.entry import MachineCode, compile_function


def _compile_lookup() -> MachineCode:
    """A function of i, x and y that returns x[i] + y[i]."""
    emitter = Emitter(["n", "x", "y"])
    index = emitter.arguments["n"]
    x, y = (emitter.load_scalar(emitter.arguments[name], index) for name in "xy")
    return compile_function(emitter, emitter.builder.fadd(x, y))


def test_finds_the_numbers_of_each_array() -> None:
    x = numpy.array([1.0, 2.0, 3.0])
    y = numpy.array([10.0, 20.0, 30.0])
    run = _compile_lookup().run
    assert [run(i, x, y) for i in range(3)] == [11.0, 22.0, 33.0]


def test_finds_those_of_a_view() -> None:
    numbers = numpy.arange(6.0).reshape(2, 3)
    assert _compile_lookup().run(2, numbers[1], numbers[0]) == 7.0


def test_finds_those_of_an_array_that_is_read_only() -> None:
    numbers = numpy.arange(3.0)
    numbers.flags.writeable = False
    assert _compile_lookup().run(1, numbers, numbers) == 2.0


def test_the_code_lives_as_long_as_the_function() -> None:
    functions = [_compile_lookup().run for _ in range(3)]
    gc.collect()
    ones = numpy.ones(1)
    assert [run(0, ones, ones) for run in functions] == [2.0] * 3
