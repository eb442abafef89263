"""NumPy backend: a program as three functions of plain source.

They compute the outputs; the loss and its gradient; and what flows back to the inputs. Each is
generated and compiled when it is first called.
"""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy

from scalargrad.core.checks import all_finite

from .array_types import Array
from .codegen import write_backward, write_forward
from .kernels import Kernel, build_kernels
from .layout import Layout, lay_out
from .program import Program
from .runtime import NAMES
from .writer import CONSTANTS, PARAMETERS, Writer

__all__ = ["NumpyBackend"]


class NumpyBackend:
    """Runs a program on batches.

    Each call has its own arrays, so several threads may call at once.

    Args:
        program: What to compute.
        sizes: The length of each argument.
        parameters: The vector to compute with, which is kept and not copied. A new one if left out.

    Attributes:
        kernels: What is computed, in order.
        layout: Where each row has its number.
        parameters: The numbers to compute with, to be changed in place.
        source: The source of each function that was generated so far.
    """

    def __init__(
        self, program: Program, sizes: Sequence[int], parameters: Array | None = None
    ) -> None:
        self.program = program
        self.sizes = tuple(sizes)
        self.kernels: list[Kernel] = build_kernels(program)
        self.layout: Layout = lay_out(program, self.kernels, self.sizes)
        if parameters is None:
            parameters = numpy.zeros(program.parameters)
        self.parameters = parameters
        self.fixed = {PARAMETERS: self.parameters, CONSTANTS: program.numbers}
        self.source: dict[str, str] = {}
        self._functions: dict[str, Callable[..., Any]] = {}

    @property
    def has_phases(self) -> bool:
        """Whether a loop computes for all steps at once what depends on no carry."""
        return True

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""
        function = self._function("outputs")
        # Not as a decorator: before NumPy 2 that is one object for all threads.
        with numpy.errstate(all="ignore"):
            outputs: Array = function(len(drawn), read, drawn, *arguments)
        return outputs

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient, the rest, and whether it is finite."""
        function = self._function("loss")
        gradient = numpy.empty(self.program.parameters)
        with numpy.errstate(all="ignore"):
            loss, others, bound = function(len(drawn), read, drawn, *arguments, gradient)
        is_finite = isfinite(loss) and (isfinite(bound) or all_finite(gradient))
        return float(loss), gradient, others, is_finite

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """Return what flows back to each argument when the outputs receive `seed`.

        Args:
            arguments: One (batch, n) for each argument.
            read: A number for each leaf that is read.
            drawn: (batch, leaves) numbers drawn at random.
            seed: (batch, outputs).

        Returns:
            One (batch, n) for each argument: each sample by itself.
        """
        function = self._function("pull_back")
        with numpy.errstate(all="ignore"):
            gradients: list[Array] = function(len(drawn), read, drawn, *arguments, seed)
        return gradients

    def render(self, name: str) -> str:
        """Return the source of a function: "outputs", "loss" or "pull_back"."""
        self._function(name)
        return self.source[name]

    def describe(self) -> str:
        """Return "": NumPy is what runs programs if nothing else is said."""
        return ""

    @property
    def fallback_reason(self) -> str | None:
        """Why NumPy computes in the place of another backend; None, as it is the one wanted."""
        return None

    def expect_batches(self, size: int) -> None:
        """Do nothing: its code is the same for batches of all sizes."""

    def _function(self, name: str) -> Callable[..., Any]:
        """Return a function, generated at its first use."""
        function = self._functions.get(name)
        if function is None:
            function = self._generate(name)
            self._functions[name] = function
        return function

    def _generate(self, name: str) -> Callable[..., Any]:
        """Write the source of a function and compile it."""
        finish = {
            "outputs": self._write_outputs,
            "loss": self._write_loss,
            "pull_back": self._write_pull_back,
        }[name]
        needed = self.needs_gradients(name)
        writer = Writer(self.layout, needed, self.fixed)
        for number, kernel in enumerate(self.kernels, self.layout.first):
            write_forward(writer, number, kernel)
        extra = finish(writer)

        arguments = ["n", "r", "d", *self._argument_names(), *extra]
        head = f"def {name}({', '.join(arguments)}):"
        source = "\n    ".join([head, *writer.lines]) + "\n"
        self.source[name] = "\n".join([*writer.loops, source])

        # Names of the writer hold views of the parameters and the constants, made once.
        space: dict[str, Any] = {**NAMES, **writer.names, **self.fixed}
        code = compile(source, f"<compiled {name}>", "exec")
        exec(code, space)
        function: Callable[..., Any] = space[name]
        return function

    def _argument_names(self) -> tuple[str, ...]:
        return tuple(f"x{i}" for i in range(len(self.sizes)))

    def needs_gradients(self, name: str) -> list[bool]:
        """Which blocks need a gradient: those on the way to the parameters, or to the inputs."""
        targets: dict[str, tuple[str, ...]] = {
            "outputs": (),
            "loss": (PARAMETERS,),
            "pull_back": self._argument_names(),
        }
        return self.layout.needed_for(targets[name], self.kernels)

    def _write_outputs(self, writer: Writer) -> list[str]:
        width = len(self.program.outputs)
        source = writer.read_rows(self.program.outputs)
        # A copy, as the source may be a view, even of the caller's own argument.
        writer.line(f"return spread({source}, (n, {width})).copy()")
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

        others = "None"
        rest = self.program.outputs[1:]
        if len(rest):
            source = writer.read_rows(rest)
            others = f"spread({source}, (n, {len(rest)}))"
        writer.line(f"return loss, {others}, {writer.bound_of_parameters()}")
        return ["g_p"]

    def _write_pull_back(self, writer: Writer) -> list[str]:
        for i, row in enumerate(self.program.outputs):
            operand = self.layout.operand(numpy.array([row]))
            if writer.needs_gradient(operand):
                writer.add_gradient(operand, f"s[:, {i}:{i + 1}]")
        self._write_backward(writer)

        # The first blocks are those of the arguments.
        gradients = []
        for i, size in enumerate(self.sizes):
            if writer.has_gradient(i):
                gradients.append(self.layout.blocks[i].gradient)
            else:
                gradients.append(f"zeros((n, {size}))")
        writer.line(f"return [{', '.join(gradients)}]")
        return ["s"]

    def _write_backward(self, writer: Writer) -> None:
        """Write the adjoint of each kernel, the last one first."""
        numbered = list(enumerate(self.kernels, self.layout.first))
        numbered.reverse()
        # What is the same for all samples, such as a penalty, comes last: then the gradient of most
        # parameters is assigned by a matrix product, and the penalty adds to it.
        numbered.sort(key=lambda pair: not pair[1].batched)
        for number, kernel in numbered:
            if writer.needed[number] and writer.has_gradient(number):
                write_backward(writer, number, kernel)
