"""What the tests of several processes hand to them.

Each process imports this module, so it imports no pytest.
"""

import os

import numpy

import scalargrad as sg
from scalargrad.core.modes import current_mode
from scalargrad.core.nested import flatten


def waves(x):
    return sum(numpy.sin(i * number) * numpy.exp(-number * number) for i, number in enumerate(x))


def nested(x):
    return x["w"].sum() * x["b"][0] + sg.tanh(x["b"][1])


def loss(model, pixels, x):
    for parameter, number in zip(model.parameters(), x, strict=True):
        parameter.data = number
    return (model(pixels) ** 2).data


def fails_at_two(x):
    if abs(x[2] - 0.5) > 1e-9:
        raise ZeroDivisionError("at two")
    if abs(x[5] - 0.5) > 1e-9:
        raise KeyError("at five")
    return x[0]


class StubbornError(Exception):
    """An exception that no process can hand over."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def stubborn(_x):
    raise StubbornError("one", "two")


def ends_the_process(_x):
    os._exit(3)


def leaves(_x):
    raise SystemExit("enough")


def records(_x):
    return float(current_mode().recording)


def total(x):
    return sum(flatten(x))


class Unloadable:
    """It can be pickled, but not read again."""

    def __call__(self, x):
        return x[0]

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise RuntimeError("not here")
