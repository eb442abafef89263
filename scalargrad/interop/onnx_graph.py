"""A graph of ONNX while it is written, and the operations of the table as its nodes."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core import floats, ops
from scalargrad.core.ops import TABLE, fold_numbers, namespace
from scalargrad.errors import OptionError

from .extras import require

Array = NDArray[Any]

OPSET = 18
"""The version of the operators that graphs are made of."""


def load_onnx() -> Any:
    """Return the library.

    Raises:
        MissingLibraryError: If it is not installed.
    """
    return require("onnx", "ONNX", '"scalargrad-viz[onnx]"')


class OnnxGraph:
    """Nodes and numbers of a graph that is being written.

    Args:
        dtype: The type of its numbers.

    Attributes:
        nodes: The nodes in order.
        initializers: The arrays that the graph holds.
    """

    def __init__(self, dtype: "numpy.dtype[Any]") -> None:
        self.onnx = load_onnx()
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._names: dict[tuple[Any, ...], str] = {}

    @property
    def element_type(self) -> int:
        """The type of numbers, as ONNX numbers it."""
        kind: int = self.onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        return kind

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output; an equal node is not added again."""
        key = (operator, inputs, tuple(sorted(attributes.items())))
        if key not in self._names:
            name = f"{operator.lower()}_{len(self.nodes)}"
            node = self.onnx.helper.make_node(operator, list(inputs), [name], **attributes)
            self.nodes.append(node)
            self._names[key] = name
        return self._names[key]

    def constant(self, numbers: Any) -> str:
        """Return the name of an array of numbers that the graph holds."""
        return self._hold(numpy.asarray(numbers, dtype=self.dtype))

    def integers(self, numbers: Sequence[int]) -> str:
        """Return the name of an array of whole numbers: a shape, axes, or indices."""
        return self._hold(numpy.asarray(numbers, dtype=numpy.int64))

    def _hold(self, array: Array) -> str:
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._names:
            name = f"c_{len(self.initializers)}"
            self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
            self._names[key] = name
        return self._names[key]

    def reshape(self, name: str, shape: Sequence[int]) -> str:
        """Reshape an array; -1 is the batch."""
        return self.add("Reshape", name, self.integers(shape))


class OnnxTerm:
    """An array of the graph; arithmetic on it adds a node.

    Attributes:
        graph: The graph.
        name: The name of the array.
        is_condition: Whether it holds true and false.
    """

    __slots__ = ("graph", "is_condition", "name")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: OnnxGraph, name: str, is_condition: bool = False) -> None:
        self.graph = graph
        self.name = name
        self.is_condition = is_condition

    def _compute(self, operator: str, *others: Any) -> "OnnxTerm":
        return compute(self.graph, operator, self, *others)

    def _compare(self, operator: str, other: Any) -> "OnnxTerm":
        term = self._compute(operator, other)
        term.is_condition = True
        return term

    def __neg__(self) -> "OnnxTerm":
        return self._compute("Neg")

    def __abs__(self) -> "OnnxTerm":
        return self._compute("Abs")

    def __add__(self, other: Any) -> "OnnxTerm":
        return self._compute("Add", other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "OnnxTerm":
        return self._compute("Sub", other)

    def __rsub__(self, other: Any) -> "OnnxTerm":
        return compute(self.graph, "Sub", other, self)

    def __mul__(self, other: Any) -> "OnnxTerm":
        return self._compute("Mul", other)

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> "OnnxTerm":
        return self._compare("Less", other)

    def __le__(self, other: Any) -> "OnnxTerm":
        return self._compare("LessOrEqual", other)

    def __gt__(self, other: Any) -> "OnnxTerm":
        return self._compare("Greater", other)

    def __ge__(self, other: Any) -> "OnnxTerm":
        return self._compare("GreaterOrEqual", other)

    def __and__(self, other: "OnnxTerm | bool") -> "OnnxTerm | bool":
        # A comparison of plain numbers, such as options of an operation, is decided already.
        if isinstance(other, OnnxTerm):
            return self._compare("And", other)
        return self if other else False

    __rand__ = __and__


def compute(graph: OnnxGraph, operator: str, *operands: Any) -> OnnxTerm:
    """Add a node that computes an operator of terms and plain numbers."""
    names = [x.name if isinstance(x, OnnxTerm) else graph.constant(float(x)) for x in operands]
    return OnnxTerm(graph, graph.add(operator, *names))


_OPERATORS = {
    ops.ABS: "Abs",
    ops.ACOS: "Acos",
    ops.ACOSH: "Acosh",
    ops.ASIN: "Asin",
    ops.ASINH: "Asinh",
    ops.ATAN: "Atan",
    ops.ATANH: "Atanh",
    ops.COS: "Cos",
    ops.COSH: "Cosh",
    ops.DIV: "Div",
    ops.ERF: "Erf",
    ops.EXP: "Exp",
    ops.FLOOR: "Floor",
    ops.LOG: "Log",
    ops.MAXIMUM: "Max",
    ops.MINIMUM: "Min",
    ops.POW: "Pow",
    ops.RELU: "Relu",
    ops.ROUND: "Round",
    ops.SIGMOID: "Sigmoid",
    ops.SIGN: "Sign",
    ops.SIN: "Sin",
    ops.SINH: "Sinh",
    ops.SQRT: "Sqrt",
    ops.TAN: "Tan",
    ops.TANH: "Tanh",
}
"""The operations that are one operator. All others are made of these."""


def make_operations(graph: OnnxGraph) -> SimpleNamespace:
    """Return the operations of the table on terms of a graph."""

    def unknown(name: str, *_: Any) -> OnnxTerm:
        raise OptionError(f"to_onnx knows no operators of ONNX for {name}")

    def expm1(x: OnnxTerm) -> OnnxTerm:
        # Kahan's way: what was rounded in exp(x) is rounded in its logarithm, too.
        power = compute(graph, "Exp", x)
        exact = compute(graph, "Div", (power - 1.0) * x, compute(graph, "Log", power))
        is_one = compute(graph, "Equal", power, 1.0)
        near_0 = select(is_one, x, exact)
        return select(abs(x) < 0.5, near_0, power - 1.0)

    def log1p(x: OnnxTerm) -> OnnxTerm:
        total = x + 1.0
        logarithm = compute(graph, "Log", total)
        exact = compute(graph, "Div", logarithm * x, total - 1.0)
        is_one = compute(graph, "Equal", total, 1.0)
        near_0 = select(is_one, x, exact)
        return select(abs(x) < 0.5, near_0, logarithm)

    def select(condition: OnnxTerm, x: Any, y: Any) -> OnnxTerm:
        return compute(graph, "Where", condition, x, y)

    def where(condition: Any, x: Any, y: Any) -> Any:
        if not isinstance(condition, OnnxTerm):
            return x if condition else y
        if not condition.is_condition:
            is_zero = compute(graph, "Equal", condition, 0.0)
            condition = compute(graph, "Not", is_zero)
        return select(condition, x, y)

    primitives: dict[str, Callable[..., Any]] = {
        name: partial(unknown, name)
        for name in vars(floats)
        if name in TABLE and not TABLE[name].over_list
    }
    primitives |= {op.name: partial(compute, graph, name) for op, name in _OPERATORS.items()}
    primitives |= {
        ops.ATAN2.name: partial(_find_angle, graph),
        ops.CBRT.name: lambda x: compute(graph, "Sign", x) * compute(graph, "Pow", abs(x), 1 / 3),
        ops.ERFC.name: lambda x: 1.0 - compute(graph, "Erf", x),
        ops.EXP2.name: lambda x: compute(graph, "Pow", 2.0, x),
        ops.EXPM1.name: expm1,
        ops.FLOOR_DIVIDE.name: lambda x, y: _floor_divide(graph, x, y),
        ops.HYPOT.name: lambda x, y: compute(graph, "Sqrt", x * x + y * y),
        ops.LOG10.name: lambda x: compute(graph, "Log", x) * (1.0 / math.log(10.0)),
        ops.LOG1P.name: log1p,
        ops.LOG2.name: lambda x: compute(graph, "Log", x) * (1.0 / math.log(2.0)),
        ops.REMAINDER.name: lambda x, y: x - _floor_divide(graph, x, y) * y,
        ops.STOP_GRADIENT.name: lambda x: x,
        ops.WHERE.name: where,
    }
    return namespace(fold_numbers(primitives), is_kept=False)


def _floor_divide(graph: OnnxGraph, x: Any, y: Any) -> OnnxTerm:
    return compute(graph, "Floor", compute(graph, "Div", x, y))


def _find_angle(graph: OnnxGraph, y: Any, x: Any) -> OnnxTerm:
    """Return the angle of the point (x, y). ONNX knows those of the right half of the plane."""
    near = compute(graph, "Atan", compute(graph, "Div", y, x))
    half_turn = compute(graph, "Where", compute(graph, "Less", y, 0.0), -math.pi, math.pi)
    quarter_turn = compute(graph, "Sign", y) * (0.5 * math.pi)
    is_left = compute(graph, "Less", x, 0.0)
    is_between = compute(graph, "Equal", x, 0.0)
    beside = compute(graph, "Where", is_left, near + half_turn, near)
    return compute(graph, "Where", is_between, quarter_turn, beside)
