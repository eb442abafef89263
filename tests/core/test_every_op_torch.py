"""Every row against PyTorch, where it is installed: values, first and second derivatives."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from scalargrad import Value
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, Op
from tests.core.points import points

Function = Callable[..., Any]

OTHER_NAMES = {"neg": "negative", "prelu": "leaky_relu"}

NUMBERS_ONLY = {
    "leaky_relu": 1,
    "prelu": 1,
    "rrelu": 1,
    "elu": 1,
    "celu": 1,
    "hardtanh": 1,
    "softshrink": 1,
}
"""Functions whose operands from this position on are plain numbers in PyTorch."""

NOT_IN_TORCH = {"cbrt", "step", "hardsigmoid"}  # its derivative is 1/6 in single precision


def torch_function(torch: Any, op: Op) -> Function:
    over_lists: dict[str, Function] = {
        "dot": lambda x: torch.dot(x[: len(x) // 2], x[len(x) // 2 :]),
        "logsumexp": lambda x: torch.logsumexp(x, 0),
        "take": lambda x: x[1:][x[0].detach().round().clamp(0, len(x) - 2).long()],
    }
    special: dict[str, Function] = {
        "where": lambda condition, x, y: torch.where(condition != 0, x, y),
        "floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"),
        "stop_gradient": lambda x: x.detach(),
        "lt": lambda x, y: torch.lt(x, y).double(),
        "le": lambda x, y: torch.le(x, y).double(),
        "_indeterminate": lambda x, y: torch.logical_and(x == 0, ~torch.isfinite(y)).double(),
        "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    }
    if op.over_list:
        function = over_lists.get(op.name) or getattr(torch, op.name)
        return lambda *items: function(torch.stack(items))
    name = OTHER_NAMES.get(op.name, op.name)
    return special.get(op.name) or getattr(torch, name, None) or getattr(torch.nn.functional, name)


def split(op: Op, point: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The operands to differentiate by, and the plain numbers: ordered, and exact in float32."""
    first = NUMBERS_ONLY.get(op.name, len(point))
    return point[:first], tuple(sorted(round(x * 64.0) / 64.0 for x in point[first:]))


def nearly(number: float, expected: float) -> bool:
    return math.isclose(number, expected, rel_tol=1e-9, abs_tol=1e-13)


@pytest.mark.parametrize(
    "op", [op for op in TABLE.values() if op.name not in NOT_IN_TORCH], ids=lambda op: op.name
)
def test_agrees_with_torch(op: Op) -> None:
    torch = pytest.importorskip("torch")
    function = torch_function(torch, op)
    for point in points(op, 5):
        operands, numbers = split(op, point)
        ours = [Value(x) for x in operands]
        theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in operands]
        output, expected = apply(op, *ours, *numbers), function(*theirs, *numbers)
        assert nearly(output.data, expected.item())
        output.backward(create_graph=True)
        first = [leaf.grad for leaf in ours]
        for i, (gradient, reference) in enumerate(
            zip(first, torch_gradients(torch, expected, theirs), strict=True)
        ):
            assert nearly(gradient.data, reference.item()), (point, i)
            assert nearly_all(
                second_derivatives(gradient, ours), torch_gradients(torch, reference, theirs)
            ), (point, i)


def second_derivatives(gradient: Value, leaves: list[Value]) -> list[float]:
    for leaf in leaves:
        leaf.grad = 0.0
    gradient.backward()
    return [leaf.grad for leaf in leaves]


def torch_gradients(torch: Any, output: Any, leaves: list[Any]) -> list[Any]:
    if not output.requires_grad:
        return [torch.zeros(())] * len(leaves)
    found = torch.autograd.grad(output, leaves, create_graph=True, allow_unused=True)
    return [torch.zeros(()) if gradient is None else gradient for gradient in found]


def nearly_all(numbers: list[float], expected: list[Any]) -> bool:
    return all(
        nearly(number, reference.item())
        for number, reference in zip(numbers, expected, strict=True)
    )
