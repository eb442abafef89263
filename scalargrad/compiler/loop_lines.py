"""Loop lines: what a step computes, as lines of NumPy source in groups, forward and backward.

The kernels of the step are written by the same rules as any others. What does not wait for the
carry stands outside of the loop: there the samples of all steps are one large batch, and a variable
holds (steps · n, width). Inside of the loop it holds (n, width).

Backward, the loop finds the gradient of what each step computed. Those of the weights are taken
after it, in one product over all steps.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .array_types import Array, Rows
from .kernels import Kernel, Scan
from .layout import Block, Layout, Operand, lay_out
from .scans import AFTER, BEFORE, DURING
from .strides import View
from .writer import CONSTANTS, PARAMETERS, Writer, write_shape

__all__ = [
    "CARRY",
    "ENTRY",
    "LOOP_INPUTS",
    "SHARED",
    "LoopLines",
    "WriteKernel",
    "loop_operands",
    "send_gradients",
    "write_lines",
]

WriteKernel = Callable[[Writer, int, Kernel], None]
"""Writes the lines of a kernel, whose block has this number."""

CARRY, ENTRY, SHARED = "x0", "x1", "x2"
"""The variables that hold the inputs of a step."""

LOOP_INPUTS = (CARRY, ENTRY, SHARED, PARAMETERS)
"""What a loop takes, in the order in which it is given, and its gradients are returned."""


@dataclass
class LoopLines:
    """The lines of each part of a loop.

    Attributes:
        before: Computes what depends on no carry, of all steps.
        during: Computes a step.
        after: Computes what no later step needs, of all steps.
        back_after: The gradients of `after`.
        back_during: The gradients of a step, but for those of the weights.
        weights: The gradients of the weights of all steps.
        back_before: The gradients of `before`.
        next_carry: Source of the carry after a step.
        results: Source of the results of all steps.
        begun: The variables that hold gradients of all steps when the loop of the way back begins.
        gradients: The variables that hold gradients when it is over.
        fixed: The variables that are the same for all samples and steps, and their gradients.
        hoisted: The variables that hold views of the weights, with their source.
        names: The objects that the lines name.
        loops: The source of the loops within the step.
    """

    before: list[str] = field(default_factory=list)
    during: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    back_after: list[str] = field(default_factory=list)
    back_during: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    back_before: list[str] = field(default_factory=list)
    next_carry: str = CARRY
    results: str = "None"
    begun: set[str] = field(default_factory=set)
    gradients: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)
    hoisted: dict[str, str] = field(default_factory=dict)
    names: dict[str, object] = field(default_factory=dict)
    loops: list[str] = field(default_factory=list)


class _LoopWriter(Writer):
    """A writer of lines that may be inside of a loop.

    Attributes:
        hoisted: The variables that hold views of the weights, with their source.
    """

    def __init__(self, layout: Layout, constants: Array) -> None:
        super().__init__(layout, [False] * len(layout.blocks), {CONSTANTS: constants})
        self.hoisted: dict[str, str] = {}

    def _read_fixed(self, block: Block, view: View, spreads: bool) -> str:
        if block.name == PARAMETERS:
            return self._read_weights(view)
        if view.is_one and spreads:
            return super()._read_fixed(block, view, spreads)
        numbers = self.fixed[block.name][view.columns]
        return self.bind("w", numbers)

    def _read_weights(self, view: View) -> str:
        # The weights are another array at each call, but the same one at each step: their views are
        # made once, before the loop.
        source = f"part({PARAMETERS}, {view.start}, {view.shape}, {view.strides})"
        if view.strides is None:
            index = self.bind("i", view.columns)
            source = f"{PARAMETERS}[{index}]"
        for name, other in self.hoisted.items():
            if other == source:
                return name
        name = f"w{len(self.hoisted)}"
        self.hoisted[name] = source
        return name


def loop_operands(writer: Writer, scan: Scan) -> dict[str, Operand]:
    """Return what a loop takes, by the names that it has in a step, without what is empty."""
    groups = zip(LOOP_INPUTS, (scan.carry, scan.xs, scan.shared, scan.weights), strict=True)
    return {name: writer.layout.operand(rows) for name, rows in groups if rows.size}


def send_gradients(writer: Writer, scan: Scan, sources: Mapping[str, str]) -> None:
    """Write the lines that add to the gradients of what a loop takes.

    Args:
        writer: Collects the lines.
        scan: The loop.
        sources: What is added, by the names in a step.
    """
    for name, operand in loop_operands(writer, scan).items():
        if not writer.needs_gradient(operand):
            continue
        gradient = sources[name]
        if name != PARAMETERS and not writer.layout.batched(operand):
            gradient = f"total({gradient}, 0)"
        writer.add_gradient(operand, gradient)


def write_lines(
    scan: Scan, wanted: set[str], forward: WriteKernel, backward: WriteKernel
) -> LoopLines:
    """Write the lines of a loop.

    Args:
        scan: The loop.
        wanted: Which gradients are wanted, of LOOP_INPUTS.
        forward: Writes the lines that compute a kernel.
        backward: Writes the lines of its gradients.
    """
    layout = lay_out(scan.step, scan.kernels, scan.sizes)
    writer = _LoopWriter(layout, scan.step.numbers)
    if wanted:
        # The way back leads through the carry, whether or not the first one wants a gradient.
        writer.needed = layout.needed_for(wanted | {CARRY}, scan.kernels)
    step = _Step(scan, writer, forward, backward)
    step.write_forward()
    if wanted:
        step.write_backward(learns=PARAMETERS in wanted)

    lines = step.lines
    lines.gradients = step.with_gradient()
    lines.fixed = _fixed_variables(layout)
    lines.hoisted = writer.hoisted
    lines.names = writer.names
    lines.loops = writer.loops
    return lines


def _fixed_variables(layout: Layout) -> set[str]:
    """Return the variables of what is computed from weights alone, as in a sum of two biases."""
    variables: set[str] = set()
    for block in layout.blocks:
        if not block.batched and not block.fixed:
            variables.update((block.name, f"i{block.name}", f"m{block.name}", block.gradient))
    return variables


class _Step:
    """Writes the lines of one loop, group by group."""

    def __init__(
        self, scan: Scan, writer: _LoopWriter, forward: WriteKernel, backward: WriteKernel
    ) -> None:
        self.scan = scan
        self.writer = writer
        self.layout = writer.layout
        self.lines = LoopLines()
        self._forward = forward
        self._backward = backward
        carries = len(scan.carry)
        self._carry = scan.step.outputs[:carries]
        self._results = scan.step.outputs[carries:]

    def _kernels(self, phase: int) -> Iterator[tuple[int, Kernel]]:
        """Yield the kernels of a phase, each with the number of its block."""
        for position, kernel in self.scan.in_phase(phase):
            yield self.layout.first + position, kernel

    def write_forward(self) -> None:
        """Write the lines that compute a step."""
        lines = self.lines
        self._write_phase(BEFORE, lines.before)
        self._write_phase(DURING, lines.during)
        if len(self._carry):
            lines.next_carry = self._read_varying(self._carry)
        self._write_phase(AFTER, lines.after)
        if len(self._results):
            lines.results = self._read_varying(self._results)

    def _read_varying(self, rows: Rows) -> str:
        """Return the source of rows with an axis for the samples, also where they are constants."""
        source = self.writer.read_rows(rows)
        if self.layout.batched(self.layout.operand(rows)):
            return source
        return f"spread({source}, {write_shape(True, len(rows))})"

    def _write_phase(self, phase: int, lines: list[str]) -> None:
        self.writer.lines = lines
        for number, kernel in self._kernels(phase):
            self._forward(self.writer, number, kernel)

    def write_backward(self, learns: bool) -> None:
        """Write the lines of all gradients, those of the weights if they are to be learned."""
        writer = self.writer
        needed = writer.needed
        blocks = self.layout.blocks
        weights = [block.name == PARAMETERS and block.source is None for block in blocks]

        # The order of the way back: what came after the loop, the loop, what came before it.
        writer.lines = self.lines.back_after
        if len(self._results):
            writer.add_gradient(self.layout.operand(self._results), "g_results")
        self._write_back(AFTER)

        self.lines.begun = self.with_gradient()
        writer.lines = self.lines.back_during
        writer.needed = [need and not weight for need, weight in zip(needed, weights, strict=True)]
        if len(self._carry):
            writer.add_gradient(self.layout.operand(self._carry), "g_carry")
        computed = self._write_back(DURING)
        if learns:
            # The same rules once more, for the weights alone: one product over all steps is faster
            # than a small one in each.
            writer.needed = weights
            for number, kernel in computed:
                self._write_weights(number, kernel)

        writer.lines = self.lines.back_before
        writer.needed = needed
        self._write_back(BEFORE)
        if learns:
            writer.zero_unset_parameters()

    def _write_back(self, phase: int) -> list[tuple[int, Kernel]]:
        """Write the gradients of the kernels of a phase, and return those that have any."""
        written = []
        kernels = list(self._kernels(phase))
        for number, kernel in reversed(kernels):
            if self.writer.needed[number] and self.writer.has_gradient(number):
                self._backward(self.writer, number, kernel)
                written.append((number, kernel))
        return written

    def _write_weights(self, number: int, kernel: Kernel) -> None:
        """Write the gradients of the weights of a kernel, of all steps at once."""
        writer = self.writer
        if not isinstance(kernel, Scan):
            writer.lines = self.lines.weights
            self._backward(writer, number, kernel)
            return

        # What an inner loop keeps is not joined; but what it sends back is there at each step.
        writer.lines = self.lines.back_during
        block = self.layout.blocks[number].name
        sources = {}
        for name, operand in loop_operands(writer, kernel).items():
            if not writer.needs_gradient(operand):
                continue
            position = LOOP_INPUTS.index(name)
            sent = f"u{position}{block}"
            if name == PARAMETERS:
                writer.assign(sent, f"b{block}[{position}][None]")
                sources[name] = f"total({sent}, 0)"
            else:
                writer.assign(sent, f"b{block}[{position}]")
                sources[name] = sent
        writer.lines = self.lines.weights
        send_gradients(writer, kernel, sources)

    def with_gradient(self) -> set[str]:
        """Return the variables that hold a gradient by now."""
        blocks = enumerate(self.layout.blocks)
        return {block.gradient for i, block in blocks if self.writer.has_gradient(i)}
