"""The referee of the compiler: eager code, sample by sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.nn import Module

Array = NDArray[numpy.float64]


@dataclass
class Eager:
    """What eager code says of a batch.

    outputs    (batch, k)
    loss       the mean of the first output
    gradient   of that mean, by the parameters
    jacobian   for each argument (batch, k, n)
    size       the largest number on the way, and the largest gradient: what rounding errors are
               measured by
    """

    outputs: Array
    loss: float
    gradient: Array
    jacobian: list[Array]
    size: float
    slope: float


def eager(function: Callable[..., Any], model: Module | None, arguments: Sequence[Any]) -> Eager:
    """Every sample by itself, with Values made of its numbers."""
    arrays = [numpy.asarray(each, dtype=float) for each in arguments]
    batch, parameters = len(arrays[0]), model.parameters() if model else []
    outputs, rows = [], [list[Any]() for _ in arrays]
    gradient, loss, size, slope = numpy.zeros(len(parameters)), 0.0, 1.0, 1.0
    for i in range(batch):
        leaves = [[Value(number) for number in array[i].tolist()] for array in arrays]
        result = function(*[each[0] if len(each) == 1 else each for each in leaves])
        found = [result] if isinstance(result, Value) else list(result)
        outputs.append([value.data for value in found])
        order = topological(found)
        size = max(size, *(abs(node.data) for node in order))
        jacobian = [
            backed(output, [x for each in leaves for x in each], parameters) for output in found
        ]
        slope = max(
            slope,
            *(abs(number) for row in jacobian for part in row for number in part),
            *(abs(node.grad) for node in order),
        )
        begin = 0
        for part, each in zip(rows, leaves, strict=True):
            part.append([row[0][begin : begin + len(each)] for row in jacobian])
            begin += len(each)
        with numpy.errstate(all="ignore"):
            gradient += numpy.array(jacobian[0][1]) / batch
            loss += found[0].data / batch
    return Eager(
        numpy.array(outputs), loss, gradient, [numpy.array(part) for part in rows], size, slope
    )


def backed(
    output: Value, leaves: Sequence[Value], parameters: Sequence[Value]
) -> tuple[list[float], list[float]]:
    """The gradients of one output by leaves and parameters, alone."""
    for leaf in (*leaves, *parameters):
        leaf.grad = 0.0
    output.backward()
    return [leaf.grad for leaf in leaves], [parameter.grad for parameter in parameters]


def alike(found: Any, expected: Any, scale: float = 1.0, bound: float = 1e-9) -> bool:
    """Equal up to rounding; nan equals nan, inf equals inf of the same sign."""
    found, expected = numpy.asarray(found, dtype=float), numpy.asarray(expected, dtype=float)
    if found.shape != expected.shape:
        return False
    scale = scale if numpy.isfinite(scale) else 1.0
    return bool(numpy.allclose(found, expected, rtol=bound, atol=bound * scale, equal_nan=True))


def differences(
    program: Any, expected: Eager, arguments: Sequence[Any], bound: float = 1e-9
) -> list[str]:
    """What a program says otherwise than eager code; nothing, if all is well."""
    wrong = []
    if not alike(program(*arguments), expected.outputs, expected.size, bound):
        wrong.append("outputs")
    if expected.outputs.shape[1] == 1:
        loss, gradient = program.value_and_grad(*arguments)
        wrong += ["loss"] * (not alike(loss, expected.loss, expected.size, bound))
        wrong += ["gradient"] * (not alike(gradient, expected.gradient, expected.slope, bound))
        found = program.inputs_gradient(*arguments)
        if not all(
            alike(mine, theirs[:, 0], expected.slope, bound)
            for mine, theirs in zip(found, expected.jacobian, strict=True)
        ):
            wrong.append("inputs_gradient")
    found = program.jacobian(*arguments)
    if not all(
        alike(mine, theirs, expected.slope, bound)
        for mine, theirs in zip(found, expected.jacobian, strict=True)
    ):
        wrong.append("jacobian")
    return wrong
