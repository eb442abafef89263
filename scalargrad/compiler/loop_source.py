"""Loop source: the step of a Scan as a `for` loop of NumPy source, forward and backward.

The kernels of the step are written by the same rules as any others, in groups of lines. What does
not wait for the carry stands outside of the loop: there the samples of all steps are one large
batch, and a variable holds (steps · n, width). Inside of the loop it holds (n, width).

Backward, the loop finds the gradient of what each step computed. Those of the weights are taken
after it, in one product over all steps.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .array_types import Array
from .kernels import Kernel, Scan
from .layout import Block, Layout, Operand, lay_out
from .scans import AFTER, BEFORE, DURING
from .strides import View
from .writer import PARAMETERS, Writer

__all__ = [
    "LOOP_INPUTS",
    "LoopSource",
    "WriteKernel",
    "loop_operands",
    "send_gradients",
    "write_loop",
]

WriteKernel = Callable[[Writer, int, Kernel], None]
"""Writes the lines of a kernel, whose block has this number."""

_CARRY, _ENTRY, _SHARED = "x0", "x1", "x2"
"""The variables that hold the inputs of a step."""

LOOP_INPUTS = (_CARRY, _ENTRY, _SHARED, PARAMETERS)
"""What a loop takes, in the order in which it is given, and its gradients are returned."""

_INDENT = "    "


@dataclass(frozen=True)
class LoopSource:
    """The functions of a loop.

    Attributes:
        outputs: The source of a function that computes the last carry and all results.
        forward: The same, where gradients are wanted: it also returns what `backward` needs.
        backward: The source of a function that returns the gradients of all that the loop takes;
            empty where none is wanted.
        names: The objects that they name.
        loops: The source of the loops within a step.
    """

    outputs: str
    forward: str
    backward: str
    names: dict[str, object]
    loops: list[str]


@dataclass
class _Lines:
    """The lines of each part of a loop."""

    before: list[str] = field(default_factory=list)
    during: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    back_after: list[str] = field(default_factory=list)
    back_during: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    back_before: list[str] = field(default_factory=list)


class _LoopWriter(Writer):
    """A writer of lines that may be inside of a loop.

    Attributes:
        hoisted: Lines that are to run before all others: views of the weights.
    """

    def __init__(self, layout: Layout, constants: Array) -> None:
        super().__init__(layout, [False] * len(layout.blocks), {"c": constants})
        self.hoisted: dict[str, str] = {}

    def _read_fixed(self, block: Block, view: View, spreads: bool) -> str:
        if block.name != PARAMETERS:
            if view.is_one and spreads:
                return super()._read_fixed(block, view, spreads)
            return self.bind("w", self.fixed[block.name][view.columns])

        # The weights are another array at each call, and the same one at each step.
        if view.strides is None:
            source = f"{block.name}[{self.bind('i', view.columns)}]"
        else:
            source = f"part({block.name}, {view.start}, {view.shape}, {view.strides})"
        for name, line in self.hoisted.items():
            if line == source:
                return name
        name = f"w{len(self.hoisted)}"
        self.hoisted[name] = source
        return name


def write_loop(
    scan: Scan, wanted: Sequence[str], write_forward: WriteKernel, write_backward: WriteKernel
) -> LoopSource:
    """Write the functions of a loop.

    Args:
        scan: The loop.
        wanted: Which gradients are wanted: of the carry x0, the entries x1, what is shared x2, the
            weights p.
        write_forward: Writes the lines that compute a kernel.
        write_backward: Writes the lines of its gradients.
    """
    writer = _LoopWriter(lay_out(scan.step, scan.kernels, scan.sizes), scan.step.numbers)
    generator = _Generator(scan, writer, write_forward, write_backward)
    generator.write_lines(set(wanted))
    return LoopSource(
        outputs=generator.forward("outputs", keeps=False),
        forward=generator.forward("forward", keeps=True) if wanted else "",
        backward=generator.backward() if wanted else "",
        names=writer.names,
        loops=writer.loops,
    )


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


class _Generator:
    """Writes the lines of a loop, then puts them together."""

    def __init__(
        self, scan: Scan, writer: _LoopWriter, forward: WriteKernel, backward: WriteKernel
    ) -> None:
        self.scan = scan
        self.writer = writer
        self.layout = writer.layout
        self.lines = _Lines()
        self._write_forward = forward
        self._write_backward = backward
        self._first = len(self.layout.blocks) - len(scan.kernels)
        self._next_carry = ""
        self._results = ""
        # Blocks that have a gradient of all steps when the loop begins.
        self._begun: set[str] = set()

    def _kernels(self, phase: int) -> Iterator[tuple[int, Kernel]]:
        """Yield the kernels of a phase, each with the number of its block."""
        for position, kernel in self.scan.in_phase(phase):
            yield self._first + position, kernel

    # Lines, group by group

    def write_lines(self, wanted: set[str]) -> None:
        """Write all groups of lines, those of the way back if any gradient is wanted."""
        # The way back leads through the carry, whether or not the first one wants a gradient.
        on_the_way = wanted | {_CARRY} if wanted else wanted
        needed = self.layout.needed_for(on_the_way, self.scan.kernels)
        self.writer.needed = needed
        self._write_forward_lines()
        if wanted:
            self._write_backward_lines(needed, PARAMETERS in wanted)

    def _write_forward_lines(self) -> None:
        writer = self.writer
        groups = ((BEFORE, self.lines.before), (DURING, self.lines.during))
        for phase, writer.lines in groups:
            for number, kernel in self._kernels(phase):
                self._write_forward(writer, number, kernel)
        carries = len(self.scan.carry)
        self._next_carry = _CARRY
        if carries:
            self._next_carry = writer.read_rows(self.scan.step.outputs[:carries])

        writer.lines = self.lines.after
        for number, kernel in self._kernels(AFTER):
            self._write_forward(writer, number, kernel)
        self._results = "None"
        if self.scan.results:
            self._results = writer.read_rows(self.scan.step.outputs[carries:])

    def _write_backward_lines(self, needed: list[bool], learns: bool) -> None:
        writer = self.writer
        carries = len(self.scan.carry)
        outputs = self.scan.step.outputs
        is_weights = [block.name == PARAMETERS for block in self._blocks]
        apart = [need and not weights for need, weights in zip(needed, is_weights, strict=True)]

        writer.lines = self.lines.back_after
        if self.scan.results:
            writer.add_gradient(self.layout.operand(outputs[carries:]), "g_results")
        self._write_back(AFTER)

        self._begun = self._with_gradient()
        writer.needed = apart
        writer.lines = self.lines.back_during
        if carries:
            writer.add_gradient(self.layout.operand(outputs[:carries]), "g_carry")
        computed = self._write_back(DURING)
        if learns:
            writer.needed = is_weights
            for number, kernel in computed:
                self._write_weights(number, kernel)

        writer.needed = needed
        writer.lines = self.lines.back_before
        self._write_back(BEFORE)
        if learns:
            writer.zero_unset_parameters()

    def _write_weights(self, number: int, kernel: Kernel) -> None:
        """Write the gradient of the weights of a kernel, for all steps at once."""
        writer = self.writer
        if not isinstance(kernel, Scan):
            writer.lines = self.lines.weights
            self._write_backward(writer, number, kernel)
            return

        # What an inner loop keeps is not joined; but what it sends back is there at each step.
        writer.lines = self.lines.back_during
        block = self._blocks[number].name
        sources = {}
        for i, (name, operand) in enumerate(loop_operands(writer, kernel).items()):
            if writer.needs_gradient(operand):
                sent = f"u{i}{block}"
                position = LOOP_INPUTS.index(name)
                axis = "[None]" if name == PARAMETERS else ""
                writer.assign(sent, f"b{block}[{position}]{axis}")
                sources[name] = f"total({sent}, 0)" if axis else sent
        writer.lines = self.lines.weights
        send_gradients(writer, kernel, sources)

    @property
    def _blocks(self) -> list[Block]:
        return self.layout.blocks

    def _write_back(self, phase: int) -> list[tuple[int, Kernel]]:
        """Write the gradients of the kernels of a phase, and return those that have any."""
        written = []
        for number, kernel in reversed(list(self._kernels(phase))):
            if self.writer.needed[number] and self.writer.has_gradient(number):
                self._write_backward(self.writer, number, kernel)
                written.append((number, kernel))
        return written

    def _with_gradient(self) -> set[str]:
        """The variables that hold a gradient by now."""
        numbers = range(len(self._blocks))
        return {self._blocks[i].gradient for i in numbers if self.writer.has_gradient(i)}

    # What is computed where, and what is needed where

    @property
    def _outside(self) -> set[str]:
        """Variables that hold numbers of all steps when the loop begins."""
        return {_ENTRY, _SHARED} | _assigned(self.lines.before)

    @property
    def _inside(self) -> set[str]:
        """Variables that each step computes."""
        return {_CARRY} | _assigned(self.lines.during)

    @property
    def _kept_by_step(self) -> list[str]:
        """Variables of the steps that the way back needs step by step."""
        return sorted(self._inside & _used(self.lines.back_during))

    @property
    def _kept_together(self) -> list[str]:
        """Variables that the way back needs for all steps at once."""
        lines = self.lines
        apart = _used([*lines.back_after, *lines.weights, *lines.back_before])
        outside = self._outside & (apart | _used(lines.back_during))
        later = (self._inside | _assigned(lines.after)) & apart
        return sorted(outside | later)

    # Functions

    def forward(self, name: str, keeps: bool) -> str:
        """Return the source of a function that runs the loop."""
        lines = self.lines
        loaded = sorted(self._outside & _used([*lines.during, self._next_carry]))
        together = self._inside & _used([*lines.after, self._results])
        by_step: set[str] = set()
        kept: list[str] = []
        if keeps:
            together |= self._inside.intersection(self._kept_together)
            by_step = set(self._kept_by_step)
            kept = [f"each_{each}" for each in self._kept_by_step] + self._kept_together
        collected = sorted(together | by_step)

        inside = [*lines.during]
        inside += [f"each_{each}.append({each})" for each in collected]
        inside += [f"{_CARRY} = {self._next_carry}"]
        body = [*lines.before]
        body += [f"each_{each} = []" for each in collected]
        body += self._loop("range(steps)", inside, loaded, [])
        body += [f"last = {_CARRY}"]
        body += [_join(each, f"each_{each}") for each in sorted(together)]
        body += lines.after
        found = f", {_tuple(kept)}" if keeps else ""
        body += [f"return last, {self._results}{found}"]
        return self._function(f"{name}(n, steps, {_CARRY}, {_ENTRY}, {_SHARED}, p)", body)

    def backward(self) -> str:
        """Return the source of a function that returns the gradients of all that is taken."""
        lines = self.lines
        by_step = self._kept_by_step
        loaded = sorted(self._outside & _used(lines.back_during))
        back = f"g_{_CARRY}"
        begun = sorted(self._begun & (_used(lines.back_during) | {back}))
        later = _used([*lines.weights, *lines.back_before]) | {f"g_{_ENTRY}", f"g_{_SHARED}"}
        collected = sorted((_updated(lines.back_during) | set(begun)) & later - {back})

        inside = [*lines.back_during]
        inside += [f"new_{each}.append({each})" for each in collected]
        has_carry = back in _updated(lines.back_during) | self._begun
        inside += [f"g_carry = {back}" if has_carry else "g_carry = zeros(g_carry.shape)"]

        body = []
        if kept := [f"each_{each}" for each in by_step] + self._kept_together:
            body += [f"{_tuple(kept)} = kept"]
        body += [f"g_p = zeros({self.scan.step.parameters})", *lines.back_after]
        body += [f"new_{each} = []" for each in collected]
        both = [each for each in by_step if each in self._kept_together]
        body += [f"all_{each} = {each}" for each in both]
        body += self._loop("reversed(range(steps))", inside, [*loaded, *begun], by_step)
        body += [f"{each} = all_{each}" for each in both]
        body += [_join(each, f"new_{each}[::-1]") for each in collected]
        body += [*lines.weights, *lines.back_before]
        gradients = self._with_gradient()
        found = [each if each in gradients else "None" for each in (f"g_{_ENTRY}", f"g_{_SHARED}")]
        body += [f"return g_carry, {', '.join(found)}, g_p"]
        return self._function("backward(n, steps, p, g_carry, g_results, kept)", body)

    def _loop(
        self, steps: str, inside: list[str], viewed: Sequence[str], listed: Sequence[str]
    ) -> list[str]:
        """Return the lines of a loop, and those that take apart what it reads step by step.

        Args:
            steps: The range of the loop.
            inside: What it does.
            viewed: Variables of all steps that it reads.
            listed: Variables of which there is a list already.
        """
        if not len(self.scan.carry):
            return []  # all is computed for all steps at once
        body = ["n = one_step"]
        for each in viewed:
            body += [f"all_{each} = {each}", f"each_{each} = by_step({each}, steps)"]
        body += [f"for step in {steps}:"]
        inside = [f"{each} = each_{each}[step]" for each in (*viewed, *listed)] + inside
        body += [_INDENT + line for line in inside]
        body += ["n = steps * one_step"]
        return body + [f"{each} = all_{each}" for each in viewed]

    def _function(self, head: str, body: list[str]) -> str:
        """Return the source of a function; where it begins, n counts the samples of all steps."""
        hoisted = self.writer.hoisted.items()
        used = _used(body)
        first = [f"{name} = {source}" for name, source in hoisted if name in used]
        first += ["one_step = n", "n = steps * one_step"]
        lines = [f"def {head}:", *(_INDENT + line for line in (*first, *body))]
        return "\n".join(lines) + "\n"


def _tuple(names: Sequence[str]) -> str:
    return "(" + "".join(f"{name}, " for name in names) + ")"


def _join(name: str, arrays: str) -> str:
    """The line that joins the arrays of all steps."""
    # The lists that an operation goes over have their items along the first axis.
    axis = ", 1" if name.startswith("iv") else ""
    return f"{name} = concatenate({arrays}{axis})"


_NAME = re.compile(r"[a-z]\w*")
_TARGET = re.compile(r"([a-z]\w*)(?:, ([a-z]\w*))? = ")
_UPDATE = re.compile(r"(?:scatter\()?([a-z]\w*)(?:\[.*?\])? (?:=|\+=) |scatter\(([a-z]\w*),")


def _used(lines: Iterable[str]) -> set[str]:
    """All names in the lines."""
    return {name for line in lines for name in _NAME.findall(line)}


def _assigned(lines: Iterable[str]) -> set[str]:
    """The variables that lines assign, but for those that only the next lines use."""
    matches = [match for match in map(_TARGET.match, lines) if match]
    names = {name for match in matches for name in match.groups() if name}
    return {name for name in names if name[0] != "t"}


def _updated(lines: Iterable[str]) -> set[str]:
    """The variables that lines assign, or change in place."""
    matches = map(_UPDATE.match, lines)
    return {match[1] or match[2] for match in matches if match}
