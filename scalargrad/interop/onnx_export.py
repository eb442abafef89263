"""Models and programs as files of ONNX."""

from collections.abc import Callable, Sequence
from os import PathLike
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias

import numpy

from scalargrad.compiler import Compiled, compile
from scalargrad.compiler.array_types import Rows
from scalargrad.compiler.kernels import (
    Dots,
    Elementwise,
    Gather,
    Kernel,
    Matrix,
    OverList,
    build_kernels,
)
from scalargrad.compiler.layout import Layout, lay_out
from scalargrad.compiler.program import Program, insert_static_args
from scalargrad.compiler.strides import View
from scalargrad.compiler.tracing import Input
from scalargrad.core import ops
from scalargrad.errors import OptionError
from scalargrad.nn import Module, evaluation
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import write

from .onnx_graph import OPSET, OnnxGraph, OnnxTerm, load_onnx, make_operations

Dtype: TypeAlias = Literal["float32", "float64"]

_IR_VERSION = 9
"""The version of the file format that has the operators of OPSET; newer readers know it, too."""

_OVER_LISTS = {
    ops.LOGSUMEXP.name: "ReduceLogSumExp",
    ops.MAX.name: "ReduceMax",
    ops.MEAN.name: "ReduceMean",
    ops.MIN.name: "ReduceMin",
    ops.NORM.name: "ReduceL2",
    ops.PROD.name: "ReduceProd",
    ops.SUM.name: "ReduceSum",
}
"""The operators that reduce an axis."""


@explain_calls
def to_onnx(
    target: Module | Compiled,
    path: str | PathLike[str] | None = None,
    inputs: Sequence[Input] | None = None,
    dtype: Dtype = "float64",
) -> Any:
    """Write a model or a compiled program as a graph of ONNX.

    The graph is made of the kernels of the program, so that a layer is one product of matrices. It
    computes the outputs, for batches of any size, with operators of version 18. The steps of loops
    are written one by one. A program has one input for each of its arguments, x0, x1, …, (batch,
    n), and one output, y, (batch, outputs). The weights are those at the time of the call.

    Args:
        target: A model, which is compiled in evaluation mode, or a compiled program.
        path: The file; None to write none.
        inputs: For a model, the length of each argument, as for `compile`; by default the number
            of inputs that the model knows.
        dtype: The type of the numbers. Some runtimes know fewer operators for float64.

    Returns:
        The `onnx.ModelProto`.

    Raises:
        MissingLibraryError: If ONNX is not installed.
        OptionError: For a program that draws random numbers, and for operations without operators.
        PathError: For an invalid path.

    Example:
        `to_onnx(MLP(2, [16, 1]), "moons.onnx")` writes a file of two products of matrices, that
        `onnxruntime.InferenceSession("moons.onnx").run(None, {"x0": X})` computes.
    """
    load_onnx()
    program = _as_program(target, inputs)
    if dtype not in ("float32", "float64"):
        raise OptionError(f"dtype must be 'float32' or 'float64', not {dtype!r}")
    if program.program.drawn:
        raise OptionError(
            "the program draws random numbers, which a graph of ONNX can't repeat: "
            "call model.eval() before it is compiled"
        )
    model = _Writer(program, numpy.dtype(dtype)).write()
    if path is not None:
        write(path, model.SerializeToString())
    return model


def _as_program(target: Any, inputs: Sequence[Input] | None) -> Compiled:
    if isinstance(target, Compiled):
        if inputs is not None:
            raise OptionError("inputs is for models: a compiled program has its own")
        target.warn_of_unread()
        return target
    if not isinstance(target, Module):
        raise OptionError(
            f"to_onnx takes a model or a compiled program, not {type(target).__name__}: "
            "compile a function first"
        )
    if inputs is None:
        known = getattr(target, "inputs", None)
        if not isinstance(known, int):
            raise OptionError(
                f"to_onnx needs the number of inputs of {type(target).__name__}: give inputs=[n]"
            )
        # A program of one number gives it alone, and the model takes a list of one.
        with evaluation(target):
            return compile(lambda x: target(x if known > 1 else [x]), target, inputs=[known])
    with evaluation(target):
        return compile(target, target, inputs=inputs)


class _Writer:
    """Writes the kernels of a program as nodes."""

    def __init__(self, program: Compiled, dtype: "numpy.dtype[Any]") -> None:
        self.graph = OnnxGraph(dtype)
        self.operations: SimpleNamespace = make_operations(self.graph)
        self.program = program
        self.rows: Program = program.without_loops()
        if self.rows.has_loops:
            raise OptionError(
                "the steps of a loop can't be written out for a program that comes from a pickle: "
                "compile the function again"
            )
        self.kernels: list[Kernel] = build_kernels(self.rows)
        self.layout: Layout = lay_out(self.rows, self.kernels, program.sizes)
        read = numpy.array([leaf.data for leaf in self.rows.leaves], dtype=float)
        self._fixed = {"p": program.parameters, "c": self.rows.numbers, "r": read}
        self._names: dict[str, str] = {}

    def write(self) -> Any:
        """Return the model."""
        helper = self.graph.onnx.helper
        arguments = [self._write_input(i, size) for i, size in enumerate(self.program.sizes)]
        for number, kernel in enumerate(self.kernels, self.layout.first):
            write_kernel = _WRITE[type(kernel)]
            self._names[self.layout.blocks[number].name] = write_kernel(self, kernel)

        # What is the same for all samples is returned for each of them, as by the program.
        name, batched = self.take(self.rows.outputs)
        if not batched:
            name = self._spread(name, len(self.rows.outputs))
        self.graph.nodes.append(helper.make_node("Identity", [name], ["y"]))
        shape = ["batch", len(self.rows.outputs)]
        output = helper.make_tensor_value_info("y", self.graph.element_type, shape)
        graph = helper.make_graph(
            self.graph.nodes, "scalargrad", arguments, [output], self.graph.initializers
        )
        model = helper.make_model(
            graph,
            producer_name="scalargrad",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        self.graph.onnx.checker.check_model(model)
        return model

    def _write_input(self, position: int, size: int) -> Any:
        name = f"x{position}"
        self._names[name] = name
        kind = self.graph.element_type
        if self.program.integers[position]:
            kind = self.graph.onnx.TensorProto.INT64
            self._names[name] = self.graph.add("Cast", name, to=self.graph.element_type)
        return self.graph.onnx.helper.make_tensor_value_info(name, kind, ["batch", size])

    def take(self, rows: Rows) -> tuple[str, bool]:
        """Return an array of the numbers of rows, and whether it has an axis of samples.

        Args:
            rows: Rows of any shape.

        Returns:
            The name of an array (batch, *shape) or (*shape,).
        """
        # Weights are held in the shape that they are needed in, without a node that reshapes them.
        if self._is_fixed(rows):
            numbers = self._read_fixed(rows.ravel())
            return self.graph.constant(numbers.reshape(rows.shape)), False
        name, batched = self._take_flat(rows.ravel())
        if rows.ndim == 1:
            return name, batched
        shape = [-1, *rows.shape] if batched else [*rows.shape]
        return self.graph.reshape(name, shape), batched

    def _take_flat(self, rows: Rows) -> tuple[str, bool]:
        operand = self.layout.operand(rows)
        batched = self.layout.batched(operand)
        parts = []
        for view, _ in operand.parts:
            name = self._take_view(view)
            is_alone = len(operand.parts) == 1
            if batched and not is_alone and not self.layout.blocks[view.block].batched:
                name = self._spread(name, view.size)
            parts.append(name)
        if len(parts) == 1:
            return parts[0], batched
        # Parts lie one after the other; their numbers go back to the places that they come from.
        joined = self.graph.add("Concat", *parts, axis=-1)
        positions = [where for _, where in operand.parts if where is not None]
        order = numpy.argsort(numpy.concatenate(positions))
        return self._gather(joined, order), batched

    def _take_view(self, view: View) -> str:
        block = self.layout.blocks[view.block]
        if block.source is not None:
            block = self.layout.blocks[block.source]
        if block.name in self._fixed:
            return self.graph.constant(self._fixed[block.name][view.flat])
        name = self._names[block.name]
        if view.is_run and view.size == block.width:
            return name
        return self._gather(name, view.flat)

    def _gather(self, name: str, columns: Rows) -> str:
        # Runtimes slice faster than they gather.
        first = int(columns[0])
        if numpy.array_equal(columns, numpy.arange(first, first + len(columns))):
            bounds = [[first], [first + len(columns)], [-1]]
            return self.graph.add("Slice", name, *map(self.graph.integers, bounds))
        return self.graph.add("Gather", name, self.graph.integers(columns.tolist()), axis=-1)

    def _is_fixed(self, rows: Rows) -> bool:
        blocks = numpy.unique(self.layout.block_of[rows]).tolist()
        return all(self._block_name(number) in self._fixed for number in blocks)

    def _block_name(self, number: int) -> str:
        source = self.layout.blocks[number].source
        return self.layout.blocks[number if source is None else source].name

    def _read_fixed(self, rows: Rows) -> Any:
        numbers = numpy.empty(len(rows))
        block_of = self.layout.block_of[rows]
        for number in numpy.unique(block_of).tolist():
            inside = block_of == number
            columns = self.layout.column_of[rows[inside]]
            numbers[inside] = self._fixed[self._block_name(number)][columns]
        return numbers

    def _spread(self, name: str, width: int) -> str:
        """Return the same numbers for each sample, (batch, width)."""
        if not self.program.sizes:
            return self.graph.reshape(name, [1, width])
        shape = self.graph.add("Shape", "x0", start=0, end=1)
        whole = self.graph.add("Concat", shape, self.graph.integers([width]), axis=0)
        return self.graph.add("Expand", name, whole)

    def _reduce(self, operator: str, name: str) -> str:
        return self.graph.add(operator, name, self.graph.integers([-1]), keepdims=0)


def _write_elementwise(writer: _Writer, kernel: Elementwise) -> str:
    term = _compute_elementwise(writer, kernel)
    # Where all operands are numbers that the graph holds, nothing may have been added.
    if kernel.batched and not any(_varies(writer, rows) for rows in kernel.taken()):
        return writer._spread(term.name, len(kernel.rows))
    return term.name


def _varies(writer: _Writer, rows: Rows) -> bool:
    return writer.layout.batched(writer.layout.operand(rows))


def _compute_elementwise(writer: _Writer, kernel: Elementwise) -> OnnxTerm:
    terms: list[Any] = []
    for operand in kernel.operands:
        if isinstance(operand, Elementwise):
            terms.append(_compute_elementwise(writer, operand))
        else:
            name, _ = writer.take(operand)
            terms.append(OnnxTerm(writer.graph, name))
    rule: Callable[..., OnnxTerm] = getattr(writer.operations, kernel.kind.op)
    return rule(*insert_static_args(kernel.kind, terms))


def _write_over_list(writer: _Writer, kernel: OverList) -> str:
    operator = _OVER_LISTS.get(kernel.kind.op)
    if operator is None:
        raise OptionError(f"to_onnx knows no operator of ONNX for lists of {kernel.kind.op}")
    items, _ = writer.take(kernel.items)
    return writer._reduce(operator, items)


def _write_dots(writer: _Writer, kernel: Dots) -> str:
    first, _ = writer.take(kernel.first)
    second, _ = writer.take(kernel.second)
    return writer._reduce("ReduceSum", writer.graph.add("Mul", first, second))


def _write_matrix(writer: _Writer, kernel: Matrix) -> str:
    graph = writer.graph
    # At one place the inputs are a matrix already, (batch, k).
    places = len(kernel.x)
    x, batched = writer.take(kernel.x[0] if places == 1 else kernel.x)
    weights, _ = writer.take(numpy.ascontiguousarray(kernel.weights.T))
    products = graph.add("MatMul", x, weights)
    if kernel.bias is not None:
        bias, _ = writer.take(kernel.bias)
        products = graph.add("Add", products, bias)
    if places == 1:
        return products
    width = places * len(kernel.weights)
    return graph.reshape(products, [-1, width] if batched else [width])


def _write_gather(writer: _Writer, kernel: Gather) -> str:
    graph = writer.graph
    table, is_by_sample = writer.take(kernel.table)
    # Indices are integer inputs, or computed from them, so that each sample has its own.
    index, _ = writer.take(kernel.index)
    # Arguments were converted to numbers like all others, and indices are integers in ONNX.
    whole = graph.add("Cast", index, to=graph.onnx.TensorProto.INT64)
    if kernel.tables > 1:
        whole = graph.add("Add", whole, graph.integers(kernel.first_rows.tolist()))
    if is_by_sample:
        each = graph.add("Unsqueeze", whole, graph.integers([-1]))
        found = graph.add("GatherND", table, each, batch_dims=1)
    else:
        found = graph.add("Gather", table, whole, axis=0)
    width = kernel.table.shape[1] * len(kernel.index)
    return graph.reshape(found, [-1, width])


_WRITE: dict[type[Kernel], Callable[[_Writer, Any], str]] = {
    Elementwise: _write_elementwise,
    OverList: _write_over_list,
    Dots: _write_dots,
    Matrix: _write_matrix,
    Gather: _write_gather,
}
