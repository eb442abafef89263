"""Blocks: where every row of a program has its number while it runs, and how kernels read from there and add gradients to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy
from numpy.typing import NDArray

from .kernels import Kernel
from .program import CONSTANT, DRAWN, INPUT, LEAF, PARAMETER, Program
from .strides import View, make_view

Rows = NDArray[Any]


@dataclass(frozen=True)
class Block:
    """Numbers that lie together.

    name     of the variable that holds them: v3; that of their gradient is g3
    width    how many there are for a sample
    batched  whether each sample has its own: then the array is (batch, width), else (width,)
    fixed    whether the array is always the same object: the parameters, the constants
    """

    name: str
    width: int
    batched: bool
    fixed: bool = False

    @property
    def gradient(self) -> str:
        """The name of the variable that holds the gradient."""
        return f"g{self.name[1:]}" if self.name[0] == "v" else f"g_{self.name}"


@dataclass(frozen=True)
class Operand:
    """What a kernel takes: rows of any shape, from one block or from several.

    shape  without the axis of the samples
    parts  a View for each block, and which of the flattened positions it fills (None: all)
    """

    shape: tuple[int, ...]
    parts: tuple[tuple[View, Rows | None], ...]

    @property
    def only(self) -> View | None:
        """The place, where there is but one."""
        return self.parts[0][0] if len(self.parts) == 1 else None


@dataclass
class Layout:
    """All blocks of a program, and in which of them each row lies."""

    blocks: list[Block] = field(default_factory=list)
    block_of: Rows = field(default_factory=lambda: numpy.zeros(0, int))
    column_of: Rows = field(default_factory=lambda: numpy.zeros(0, int))

    def add(self, block: Block, rows: Rows, columns: Rows | None = None) -> int:
        """One more block, which holds these rows."""
        self.block_of[rows] = len(self.blocks)
        self.column_of[rows] = numpy.arange(len(rows)) if columns is None else columns
        self.blocks.append(block)
        return len(self.blocks) - 1

    def operand(self, rows: Rows) -> Operand:
        """Where these rows lie."""
        flat, columns = self.block_of[rows].ravel(), self.column_of[rows]
        found = numpy.unique(flat)
        if len(found) == 1:
            return Operand(rows.shape, ((make_view(int(found[0]), columns), None),))
        parts = [(block, numpy.flatnonzero(flat == block)) for block in found.tolist()]
        return Operand(
            rows.shape,
            tuple((make_view(block, columns.ravel()[where]), where) for block, where in parts),
        )

    def batched(self, operand: Operand) -> bool:
        """Whether any part of it differs from sample to sample."""
        return any(self.blocks[place.block].batched for place, _ in operand.parts)


def lay_out(program: Program, kernels: Sequence[Kernel], sizes: Sequence[int]) -> Layout:
    """A block for each argument, for the parameters, the constants, the leaves that are read or drawn, and for each kernel."""
    layout = Layout([], numpy.full(len(program), -1), numpy.zeros(len(program), int))
    begin = 0
    for i, size in enumerate(sizes):
        inside = (program.code == INPUT) & (program.place >= begin) & (program.place < begin + size)
        layout.add(
            Block(f"x{i}", size, True), numpy.flatnonzero(inside), program.place[inside] - begin
        )
        begin += size
    leaves = (
        (PARAMETER, Block("p", program.parameters, False, True)),
        (CONSTANT, Block("c", len(program.numbers), False, True)),
        (LEAF, Block("r", len(program.leaves), False)),
        (DRAWN, Block("d", len(program.drawn), True)),
    )
    for kind, block in leaves:
        rows = numpy.flatnonzero(program.code == kind)
        layout.add(block, rows, program.place[rows])
    for i, kernel in enumerate(kernels):
        layout.add(Block(f"v{i}", len(kernel.rows), kernel.batched), kernel.rows)
    return layout
