"""The NumPy backend: a program as three functions of plain source: outputs, loss with gradient, and what flows back to the inputs."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy
from numpy.typing import NDArray

from .array_rules import ARRAYS
from .codegen import PARAMETERS, Writer, write_backward, write_forward
from .kernels import Kernel, build_kernels
from .layout import Layout, lay_out
from .program import Program

Array = NDArray[numpy.float64]

_NAMES: dict[str, Any] = {
    **vars(ARRAYS),
    "inf": numpy.inf,
    "nan": numpy.nan,
    "empty": numpy.empty,
    "zeros": numpy.zeros,
    "full": numpy.full,
    "matmul": numpy.matmul,
    "spread": numpy.broadcast_to,
    "square": numpy.square,
    "take": numpy.take,
    "total": numpy.add.reduce,
}


def _scatter(target: Array, numbers: Array, turns: Sequence[tuple[Any, Any]]) -> None:
    """Add numbers to places that may be the same, in turns within which they are not."""
    for columns, positions in turns:
        target[..., columns] += numbers[..., positions]


def _outer(left: Array, right: Array, out: Array) -> None:
    """leftᵀ @ right; for one sample that is a product of every pair, which NumPy writes down sooner than a matrix product."""
    if len(left) == 1:
        numpy.multiply(left.T, right, out)
    else:
        numpy.matmul(left.T, right, out)


def _outer_with_one(left: Array, right: Array, out: Array) -> None:
    """leftᵀ @ [right, 1]: the gradient of weights, and in the last column that of the bias."""
    if len(left) == 1:
        numpy.dot(
            left.T, numpy.append(right, 1.0)[None], out
        )  # of one column and one row, dot makes it sooner than a product
    else:
        numpy.matmul(left.T, right, out[:, :-1])
        numpy.matmul(left.T, _ones(len(left)), out[:, -1])


def _part(vector: Array, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """The numbers at start + Σ strides · index, as a view."""
    step = vector.itemsize
    return numpy.ndarray(
        shape, vector.dtype, vector, step * start, tuple(step * stride for stride in strides)
    )


@lru_cache(maxsize=8)
def _ones(count: int) -> Array:
    """So many ones; a matrix product with them is a sum, and quicker."""
    return numpy.ones(count)


@lru_cache(maxsize=8)
def _shares(count: int) -> Array:
    """What each sample's loss counts in the mean, (count, 1)."""
    found = numpy.full((count, 1), 1.0 / count)
    found.flags.writeable = False
    return found


_NAMES |= {
    "shares": _shares,
    "scatter": _scatter,
    "outer": _outer,
    "outer_with_one": _outer_with_one,
    "part": _part,
}


class NumpyBackend:
    """Runs a program on batches.

    Each call has arrays of its own, so several threads may call at once.

    program     what is computed
    sizes       the length of each argument
    parameters  the vector to compute with, which is kept and not copied; a new one if left out
    """

    def __init__(
        self, program: Program, sizes: Sequence[int], parameters: Array | None = None
    ) -> None:
        self.program, self.sizes = program, tuple(sizes)
        self.kernels: list[Kernel] = build_kernels(program)
        self.layout: Layout = lay_out(program, self.kernels, self.sizes)
        self.parameters = numpy.zeros(program.parameters) if parameters is None else parameters
        self.fixed = {PARAMETERS: self.parameters, "c": program.numbers}
        self.source: dict[str, str] = {}
        self._functions: dict[str, Callable[..., Any]] = {}

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """All outputs, (batch, outputs)."""
        function = self._function("outputs")
        with numpy.errstate(
            all="ignore"
        ):  # not as a decorator: before NumPy 2 that is one object for all threads
            found: Array = function(len(drawn), read, drawn, *arguments)
        return found

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array]:
        """The mean of the first output, its gradient, and the other outputs, (batch, outputs - 1)."""
        function = self._function("loss")
        gradient = numpy.empty(self.program.parameters)
        with numpy.errstate(all="ignore"):
            loss, others = function(len(drawn), read, drawn, *arguments, gradient)
        return float(loss), gradient, others

    def written(self, name: str) -> str:
        """The source of a function: "outputs", "loss" or "pulled"."""
        self._function(name)
        return self.source[name]

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """What flows back to each argument when the outputs receive `seed`, (batch, outputs): each sample by itself."""
        function = self._function("pulled")
        with numpy.errstate(all="ignore"):
            found: list[Array] = function(len(drawn), read, drawn, *arguments, seed)
        return found

    def _function(self, name: str) -> Callable[..., Any]:
        if name not in self._functions:
            writer = Writer(self.layout, self._needed(name), self.fixed)
            for number, kernel in enumerate(self.kernels):
                write_forward(writer, number + self._first, kernel)
            extra = getattr(self, f"_write_{name}")(writer)
            names = [f"x{i}" for i in range(len(self.sizes))]
            head = f"def {name}({', '.join(['n', 'r', 'd', *names, *extra])}):"
            self.source[name] = "\n    ".join([head, *writer.lines]) + "\n"
            space = {**_NAMES, **writer.names, **self.fixed}
            exec(compile(self.source[name], f"<compiled {name}>", "exec"), space)
            self._functions[name] = space[name]
        return self._functions[name]

    @property
    def _first(self) -> int:
        """The number of the first block that is computed."""
        return len(self.layout.blocks) - len(self.kernels)

    def _needed(self, name: str) -> list[bool]:
        """Which blocks a gradient shall flow to: those on the way to the parameters, or to the inputs."""
        goals = {
            "outputs": (),
            "loss": (PARAMETERS,),
            "pulled": tuple(f"x{i}" for i in range(len(self.sizes))),
        }[name]
        needed = [block.name in goals for block in self.layout.blocks]
        for number, kernel in enumerate(self.kernels, self._first):
            needed[number] = any(
                needed[place.block]
                for rows in _taken(kernel)
                for place, _ in self.layout.operand(rows).parts
            )
        return needed

    def _write_outputs(self, writer: Writer) -> list[str]:
        operand = self.layout.operand(self.program.outputs)
        writer.line(
            f"return spread({writer.read(operand)}, (n, {len(self.program.outputs)})).copy()"
        )
        return []

    def _write_loss(self, writer: Writer) -> list[str]:
        operand = self.layout.operand(self.program.outputs[:1])
        batched = self.layout.batched(operand)
        source = writer.read(operand)
        writer.line(f"loss = total({source}, None)" + (" / n" if batched else ""))
        if writer.needs_gradient(operand):
            writer.add_gradient(operand, "shares(n)" if batched else "full(1, 1.0)")
            self._write_backward(writer)
        writer.zero_unset_parameters()
        writer.line(f"return loss, {self._others(writer)}")
        return ["g_p"]

    def _others(self, writer: Writer) -> str:
        if len(self.program.outputs) == 1:
            return "None"
        return f"spread({writer.read(self.layout.operand(self.program.outputs[1:]))}, (n, {len(self.program.outputs) - 1}))"

    def _write_pulled(self, writer: Writer) -> list[str]:
        for i, row in enumerate(self.program.outputs):
            operand = self.layout.operand(numpy.array([row]))
            if writer.needs_gradient(operand):
                writer.add_gradient(operand, f"s[:, {i}:{i + 1}]")
        self._write_backward(writer)
        found = [
            block.gradient if writer.has_gradient(i) else f"zeros((n, {block.width}))"
            for i, block in enumerate(self.layout.blocks[: len(self.sizes)])
        ]
        writer.line(f"return [{', '.join(found)}]")
        return ["s"]

    def _write_backward(self, writer: Writer) -> None:
        order = reversed(range(self._first, len(self.layout.blocks)))
        for number in sorted(
            order, key=lambda number: not self.layout.blocks[number].batched
        ):  # what is the same for all samples: last
            if writer.needed[number] and writer.has_gradient(number):
                write_backward(writer, number, self.kernels[number - self._first])


def _taken(kernel: Any) -> list[Any]:
    """All rows that a kernel takes, in groups."""
    if hasattr(kernel, "operands"):
        return list(kernel.operands)
    names = ("items", "x", "weights", "bias", "first", "second")
    return [rows for name in names if (rows := getattr(kernel, name, None)) is not None]
