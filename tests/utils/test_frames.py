"""Every warning names the line of whoever wrote what it is about, whatever is in between."""

import inspect
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import Parameter, Value, errors
from scalargrad.compiler import Compiled
from scalargrad.errors import (
    ComparisonWarning,
    NoGradientWarning,
    ResumeWarning,
    StaleWarning,
    UnlearnedWarning,
    UntrackedWarning,
)
from scalargrad.nn import MLP, Module, Neuron, constant

DATA = ([[0.0], [1.0]], [0.0, 1.0])
QUIETLY = {"epochs": 1, "progress": False}
OUTSIDE = Parameter(2.0)


def outside_loss(prediction: Value, target: float) -> Value:
    return (prediction - target) ** 2 * OUTSIDE


def through_a_step() -> None:
    Neuron(1, activation="step", initializer=constant(1.0))([2.0]).backward()


def without_a_graph() -> Value:
    with sg.no_grad():
        return MLP(1, [1])([2.0])


class Hiding(Module):
    def __init__(self) -> None:
        self.hidden = SimpleNamespace(weight=Parameter(1.0))


class Replaced(Module):
    def __init__(self) -> None:
        self.weights = [Parameter(1.0), Value(2.0)]


class Plain(Module):
    def __init__(self) -> None:
        self.weight = Value(1.0)


def program_behind_its_model() -> Compiled:
    model = MLP(1, [1])
    program = sg.compile(lambda x: model([x]), model, inputs=(1,))
    model.parameters()[0].data += 1.0
    return program


def model_behind_its_program() -> MLP:
    model = MLP(1, [1])
    PROGRAMS.append(sg.compile(lambda x: model([x]), model, inputs=(1,)))
    PROGRAMS[-1].parameters[:] += 1.0
    return model


PROGRAMS: list[Compiled] = []
"""Kept alive: nobody warns of a program that is gone."""


CALLS: dict[str, tuple[type[Warning], Callable[[], Any]]] = {
    "math": (UntrackedWarning, lambda: math.exp(Value(1.0))),
    "an array of floats": (
        UntrackedWarning,
        lambda: sg.grad(lambda x: np.asarray(x, dtype=float).sum())(np.ones(2)),
    ),
    "a function in NumPy's own code": (
        UntrackedWarning,
        lambda: sg.grad(lambda x: np.interp(x, [0.0, 5.0], [0.0, 1.0]))(2.0),
    ),
    "==": (ComparisonWarning, lambda: Value(1.0) == 1.0),
    "step": (NoGradientWarning, through_a_step),
    "backward": (UnlearnedWarning, lambda: (without_a_graph() * 2.0).backward()),
    "backward of several": (UnlearnedWarning, lambda: sg.backward([without_a_graph() * 2.0])),
    "numerical_gradient": (UnlearnedWarning, lambda: sg.numerical_gradient(lambda _x: 1.0, 2.0)),
    "gradcheck": (UnlearnedWarning, lambda: sg.gradcheck(lambda _x: OUTSIDE * 1.0, [2.0])),
    "compile": (UnlearnedWarning, lambda: sg.compile(lambda x: x * OUTSIDE, inputs=(1,))),
    "fit": (UnlearnedWarning, lambda: sg.fit(MLP(1, [1]), *DATA, loss=outside_loss, **QUIETLY)),
    "compiled fit": (
        UnlearnedWarning,
        lambda: sg.fit(MLP(1, [1]), *DATA, loss=outside_loss, **QUIETLY, compiled=True),
    ),
    "resume": (
        ResumeWarning,
        lambda: sg.fit(MLP(1, [1]), *DATA, loss="mse", **QUIETLY, resume="no such file.ckpt"),
    ),
    "a program behind its model": (StaleWarning, lambda: program_behind_its_model()([[2.0]])),
    "a model behind its program": (StaleWarning, lambda: model_behind_its_program()([2.0])),
    "parameters, one of them hidden": (UnlearnedWarning, lambda: Hiding().parameters()),
    "parameters, one of them replaced": (UnlearnedWarning, lambda: Replaced().parameters()),
    "parameters that are none": (UnlearnedWarning, lambda: Plain().parameters()),
}


@pytest.mark.parametrize(("category", "call"), CALLS.values(), ids=CALLS)
def test_a_warning_names_the_line_of_the_user(
    category: type[Warning], call: Callable[[], Any]
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    lines, first = inspect.getsourcelines(call)
    assert {(warning.category, warning.filename) for warning in caught} == {(category, __file__)}
    assert first <= caught[0].lineno < first + len(lines)


def test_every_class_of_warnings_is_tried() -> None:
    kinds = {
        kind
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, Warning)
    }
    assert {category for category, _ in CALLS.values()} == kinds


def test_no_warning_counts_frames() -> None:
    package = Path(sg.__file__).parent
    counting = {
        path.name
        for path in package.rglob("*.py")
        if "stacklevel=" in path.read_text(encoding="utf-8")
    }
    assert counting == {"frames.py"}
