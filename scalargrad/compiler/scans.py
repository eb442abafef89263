"""Scans: a loop as one kernel, whose step is a program with kernels of its own.

What a step computes from its entry alone can be computed for all steps at once before the loop, and
what no later step needs after it. So each row of a step belongs to one of three phases:

    h = tanh(dot(h, v) + dot(x, w))     dot(x, w)   before the loop
    return h, dot(h, u)                 tanh, ...   in the loop, step by step
                                        dot(h, u)   after the loop
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy

from scalargrad.core.ops import ADD, DOT
from scalargrad.utils.counting import plural

from .array_types import Mask, Rows
from .loops import PICK
from .passes import optimize
from .program import FIRST, INPUT, PARAMETER, Kind, Loop, Program
from .rewriting import computes, find_dependents

if TYPE_CHECKING:
    from .kernels import Kernel

__all__ = ["AFTER", "BEFORE", "DURING", "Scan", "find_phases", "make_scan"]

BEFORE, DURING, AFTER = range(3)
"""The phases: what depends on no carry, what the next carry depends on, and the rest."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A step that is repeated, from what it carries to the next carry.

    Attributes:
        rows: (m,) the results that anything needs.
        columns: (m,) the place of each among all results: the last carry, then those of each step.
        carry: (c,) what the first step begins with.
        xs: (steps, x) the entries.
        shared: (s,) what all steps take and may vary by sample.
        weights: (w,) what all steps take and does not.
        step: One step. Its inputs are the carry, an entry and what is shared, its parameters the
            weights, its outputs the next carry and the results.
        kernels: The kernels of a step, phase by phase.
        phases: The phase of each of them.
        checkpoint: Whether to keep only some carries for the way back.
        batched: Whether the results vary by sample.
    """

    rows: Rows
    columns: Rows
    carry: Rows
    xs: Rows
    shared: Rows
    weights: Rows
    step: Program
    kernels: "list[Kernel]"
    phases: list[int]
    checkpoint: bool
    batched: bool

    @property
    def length(self) -> int:
        """The number of steps."""
        return len(self.xs)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The lengths of the carry, of one entry, and of what is shared."""
        return len(self.carry), self.xs.shape[1], len(self.shared)

    @property
    def results(self) -> int:
        """How many results each step has."""
        return len(self.step.outputs) - len(self.carry)

    @property
    def width(self) -> int:
        """The number of all results."""
        return len(self.carry) + self.length * self.results

    @property
    def widest(self) -> int:
        """The largest number of scalars that a step has in one array."""
        widest = max(1, *self.sizes)
        for kernel in self.kernels:
            width = kernel.width if isinstance(kernel, Scan) else len(kernel.rows)
            widest = max(widest, width)
        return widest

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        groups = (self.carry, self.xs, self.shared, self.weights)
        return [rows for rows in groups if rows.size]

    def in_phase(self, phase: int) -> Iterator[tuple[int, "Kernel"]]:
        """Yield the kernels of one phase, each with its position."""
        for position, kernel in enumerate(self.kernels):
            if self.phases[position] == phase:
                yield position, kernel

    def __str__(self) -> str:
        steps = "1 step" if self.length == 1 else f"{self.length:,} steps"
        return f"scan of {steps}: {plural(len(self.kernels), 'kernel')}"


def make_scan(program: Program, source: int, rows: Rows, varying: Mask) -> Scan:
    """Return the kernel of a loop, as yet without the kernels of its step.

    Args:
        program: The program.
        source: The row that is the loop.
        rows: The rows that pick its results.
        varying: Which rows vary by sample.
    """
    kind = program.kind(source)
    assert kind is not None
    assert kind.loop is not None
    loop = kind.loop
    operands = numpy.array(program.args(source), int)
    places = program.place[rows]
    carry, xs, captured = [operands[part] for part in loop.parts]
    # A weight that is returned as it is would be an output that does not vary: it is shared.
    step = loop.step
    returned = numpy.isin(_parameter_rows(step), step.outputs)
    is_shared = varying[captured] | returned
    is_weight = numpy.flatnonzero(~is_shared)
    # In the order of the parameters, so that matrices of them are views.
    weight_rows = captured[is_weight]
    is_learned = program.code[weight_rows] == PARAMETER
    positions = numpy.where(is_learned, program.place[weight_rows], weight_rows)
    weights = is_weight[numpy.lexsort((positions, ~is_learned))]
    shared = numpy.flatnonzero(is_shared)

    width = max(loop.results, 1)
    used = numpy.unique((places[places >= loop.carries] - loop.carries) % width)
    step = _specialize(loop, shared, weights, used)
    return Scan(
        rows=rows,
        columns=_renumber(places, loop, used),
        carry=carry,
        xs=xs.reshape(loop.length, loop.entries),
        shared=captured[shared],
        weights=captured[weights],
        step=_split_dots(optimize(step), loop.carries),
        kernels=[],
        phases=[],
        checkpoint=loop.checkpoint,
        batched=bool(varying[operands].any()),
    )


def _parameter_rows(step: Program) -> Rows:
    """The row of each parameter of a step; -1 for one that no row uses."""
    rows = numpy.full(step.parameters, -1)
    of_parameters = numpy.flatnonzero(step.code == PARAMETER)
    rows[step.place[of_parameters]] = of_parameters
    return rows


def _specialize(loop: Loop, shared: Rows, weights: Rows, used: Rows) -> Program:
    """Return the step with what is shared as inputs, and with the results that are used."""
    step = loop.step
    code = step.code.copy()
    place = step.place.copy()
    is_parameter = step.code == PARAMETER

    new_place = numpy.zeros(step.parameters, place.dtype)
    new_place[weights] = numpy.arange(len(weights))
    new_place[shared] = step.inputs + numpy.arange(len(shared))
    place[is_parameter] = new_place[step.place[is_parameter]]
    code[is_parameter & numpy.isin(step.place, shared)] = INPUT

    outputs = [step.outputs[: loop.carries], step.outputs[loop.carries :][used]]
    return replace(
        step,
        code=code,
        place=place,
        outputs=numpy.concatenate(outputs),
        inputs=step.inputs + len(shared),
        parameters=len(weights),
    )


def _renumber(places: Rows, loop: Loop, used: Rows) -> Rows:
    """Where each result is when each step has only those that are used."""
    is_carry = places < loop.carries
    number, result = numpy.divmod(places - loop.carries, max(loop.results, 1))
    among_used = numpy.searchsorted(used, result)
    columns: Rows = loop.carries + number * len(used) + among_used
    return numpy.where(is_carry, places, columns)


# Phases


def find_phases(step: Program, carries: int) -> Rows:
    """Return the phase of each row of a step."""
    depends = _depend_on_carry(step, carries)
    feeds = numpy.zeros(len(step), bool)
    feeds[step.outputs[:carries]] = True
    for row in numpy.flatnonzero(step.code >= FIRST)[::-1].tolist():
        if feeds[row]:
            feeds[step.args(row)] = True
    # A loop runs once, so all that is picked of it belongs to one phase.
    picks = numpy.flatnonzero(computes(step, PICK))
    feeds[picks] |= feeds[step.operands[step.start[picks]]]
    return numpy.where(depends, numpy.where(feeds, DURING, AFTER), BEFORE)


def _depend_on_carry(step: Program, carries: int) -> Mask:
    is_carry = (step.code == INPUT) & (step.place < carries)
    return find_dependents(step, is_carry)


def _split_dots(step: Program, carries: int) -> Program:
    """Split dot products of the carry and the entry into the sum of two, one for each.

    That of the entry can then be computed for all steps at once.
    """
    depends = _depend_on_carry(step, carries)
    varies = (step.code >= FIRST) | (step.code == INPUT)
    rows = _RowList()
    new: list[int] = []
    for row, kind, args in step.rows():
        code = int(step.code[row])
        moved = [new[arg] for arg in args]
        parts: list[int] = []
        if kind is not None and kind.op == DOT.name:
            inside = _are_inside(args, depends)
            outside = ~inside
            # A bias alone is no reason to split.
            if inside.any() and varies[numpy.array(args)[outside]].any():
                factors = numpy.array(moved)
                parts = [rows.add(code, 0, factors[part].tolist()) for part in (inside, outside)]
        if parts:
            new.append(rows.add(_ADD, 0, parts))
        else:
            new.append(rows.add(code, int(step.place[row]), moved))
    return rows.finish(step, numpy.array(new, int))


def _are_inside(factors: Sequence[int], depends: Mask) -> Mask:
    """Return for each factor of a dot product whether its pair depends on the carry."""
    half = len(factors) // 2
    pairs = depends[factors[:half]] | depends[factors[half:]]
    return numpy.concatenate([pairs, pairs])


_ADD = -1
"""Stands for the code of a sum of two until the rows are complete."""


class _RowList:
    """Rows of a program that is being written."""

    def __init__(self) -> None:
        self.code: list[int] = []
        self.place: list[int] = []
        self.start = [0]
        self.operands: list[int] = []

    def add(self, code: int, place: int, operands: list[int]) -> int:
        """Add a row and return its number."""
        self.code.append(code)
        self.place.append(place)
        self.operands += operands
        self.start.append(len(self.operands))
        return len(self.code) - 1

    def finish(self, step: Program, new: Rows) -> Program:
        """Return the rows in place of those of a step; `new` tells where each of these is now."""
        kinds = step.kinds
        add = Kind(ADD.name)
        if add not in kinds:
            kinds = (*kinds, add)
        code = numpy.array(self.code, numpy.int32)
        code[code == _ADD] = FIRST + kinds.index(add)
        origin = None
        if step.origin is not None:
            origin = numpy.full(len(code), -1, numpy.int32)
            origin[new] = step.origin
        return replace(
            step,
            code=code,
            place=numpy.array(self.place, numpy.int32),
            start=numpy.array(self.start, numpy.int32),
            operands=numpy.array(self.operands, numpy.int32),
            kinds=kinds,
            outputs=new[step.outputs].astype(numpy.int32),
            origin=origin,
        )
