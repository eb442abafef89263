"""The facts of conformance.json through programs: value and derivatives at ordinary points and at
every edge.
"""

import builtins
import json
from pathlib import Path
from typing import Any

import numpy
import pytest

import scalargrad
from scalargrad import Value
from scalargrad.compiler import Compiled, compile
from tests.compiler.graphs import Weights

pytestmark = pytest.mark.usefixtures("default_backend")

ROWS = json.loads((Path(__file__).parent.parent / "conformance.json").read_text(encoding="utf-8"))
every_row = pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['expression']} at {row['at']}"
)


def compiled(row: dict[str, Any], learned: bool) -> tuple[Compiled, list[float]]:
    """The expression as a program of inputs, or of parameters. The condition x > 0, which can't be
    recorded, is asked as step(x).
    """
    code = builtins.compile(
        row["expression"].replace("x > 0", "step(x)"), "<conformance.json>", "eval"
    )
    numbers = [float(x) for x in row["at"].values()]
    model = Weights(numbers)

    def function(x: Any) -> Value:
        variables = dict(zip(row["at"], model.weights if learned else x, strict=True))
        result: Value = eval(code, dict(vars(scalargrad)), variables)
        return result

    return compile(
        lambda *x: function(x if len(numbers) == 1 else x[0]), model, inputs=(len(numbers),)
    ), numbers


SMALLEST = 5e-324
"""The smallest number. sigmoid(-745.0) is it, and 0 where it is 1 over a number that overflows."""


def agrees(found: Any, expected: Any) -> bool:
    numbers = [float(number) for number in expected]
    return bool(numpy.allclose(found, numbers, rtol=1e-12, atol=SMALLEST, equal_nan=True))


@every_row
def test_as_inputs(row: dict[str, Any]) -> None:
    program, numbers = compiled(row, learned=False)
    batch = [numbers, [0.5] * len(numbers), numbers]
    assert agrees(program(batch)[[0, 2], 0], [row["value"]] * 2)
    gradient = program.inputs_gradient(batch)[0]
    for sample in (0, 2):
        assert agrees(gradient[sample], [row["gradients"][name] for name in row["at"]]), gradient


@every_row
def test_as_parameters(row: dict[str, Any]) -> None:
    program, numbers = compiled(row, learned=True)
    for batch in (1, 2):
        loss, gradient = program.value_and_grad(numpy.ones((batch, len(numbers))))
        assert agrees([loss], [row["value"]])
        assert agrees(gradient, [row["gradients"][name] for name in row["at"]]), gradient
