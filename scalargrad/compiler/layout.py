"""Memory layout: the block in which each row has its number, and the operands of kernels there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy

from scalargrad.core.ops import STOP_GRADIENT

from .array_types import Rows
from .kernels import Gather, Kernel, Scan
from .program import CONSTANT, DRAWN, INPUT, LEAF, PARAMETER, Program
from .rewriting import computes, find_sources
from .strides import View, make_view

__all__ = ["Block", "Layout", "Operand", "Part", "find_differentiated", "lay_out"]


@dataclass(frozen=True)
class Block:
    """Numbers that lie together in one array.

    Attributes:
        name: The variable that holds them, such as v3.
        width: The number of them in a sample.
        batched: Whether each sample has its own. The array is then (batch, width), else (width,).
        fixed: Whether the array is the same object at each call: the parameters, the constants.
        source: The number of the block whose array it is, where no gradient flows back to that;
            None where the array is its own.
    """

    name: str
    width: int
    batched: bool
    fixed: bool = False
    source: int | None = None

    @property
    def gradient(self) -> str:
        """The variable that holds the gradient: g3 for v3, g_p for p."""
        if self.name[0] == "v":
            return "g" + self.name[1:]
        return "g_" + self.name


Part = tuple[View, Rows | None]
"""A View of one block, and the flattened positions of an operand that it fills (None: all)."""


@dataclass(frozen=True)
class Operand:
    """What a kernel takes: rows of any shape, from one block or from several.

    Attributes:
        shape: The shape, without the axis of the samples.
        parts: What it takes of each block.
    """

    shape: tuple[int, ...]
    parts: tuple[Part, ...]

    @property
    def only(self) -> View | None:
        """The view, where all rows lie in one block."""
        if len(self.parts) != 1:
            return None
        view, _ = self.parts[0]
        return view

    @property
    def is_one(self) -> bool:
        """Whether it is one and the same number everywhere."""
        view = self.only
        return view is not None and view.is_one


@dataclass
class Layout:
    """The blocks of a program, and where each row lies.

    Attributes:
        blocks: All blocks: those of the leaves, those of the kernels, and then those without
            gradient, which are other blocks over again.
        first: The number of the first block of a kernel.
        block_of: (n,) the block of each row.
        column_of: (n,) its position in the block.
    """

    blocks: list[Block] = field(default_factory=list)
    block_of: Rows = field(default_factory=lambda: numpy.zeros(0, int))
    column_of: Rows = field(default_factory=lambda: numpy.zeros(0, int))
    first: int = 0

    def add(self, block: Block, rows: Rows, columns: Rows | None = None) -> int:
        """Add a block that holds these rows, and return its position."""
        number = len(self.blocks)
        if columns is None:
            columns = numpy.arange(len(rows))
        self.block_of[rows] = number
        self.column_of[rows] = columns
        self.blocks.append(block)
        return number

    def operand(self, rows: Rows) -> Operand:
        """Return where these rows lie."""
        block_of = self.block_of[rows].ravel()
        columns = self.column_of[rows]
        if block_of.size and (block_of == block_of[0]).all():
            # The shape stays that of the rows: a matrix may then be one strided view.
            view = make_view(int(block_of[0]), columns)
            return Operand(rows.shape, ((view, None),))

        flat = columns.ravel()
        parts = []
        for block in numpy.unique(block_of).tolist():
            where = numpy.flatnonzero(block_of == block)
            view = make_view(block, flat[where])
            parts.append((view, where))
        return Operand(rows.shape, tuple(parts))

    def batched(self, operand: Operand) -> bool:
        """Whether any part of an operand varies by sample."""
        blocks = [self.blocks[view.block] for view, _ in operand.parts]
        return any(block.batched for block in blocks)

    def needed_for(self, wanted: Collection[str], kernels: Sequence[Kernel]) -> list[bool]:
        """Return which blocks need a gradient: those wanted, and the results of what takes them.

        Args:
            wanted: The names of blocks.
            kernels: The kernels.
        """
        wanted_blocks = [block.name in wanted and block.source is None for block in self.blocks]
        needed = numpy.array(wanted_blocks)
        # Kernels come after those whose results they take, so one walk is enough.
        for number, kernel in enumerate(kernels, self.first):
            for rows in find_differentiated(kernel):
                if needed[self.block_of[rows]].any():
                    needed[number] = True
        flags: list[bool] = needed.tolist()
        return flags


def find_differentiated(kernel: Kernel) -> list[Rows]:
    """Return the rows that a gradient of the results of a kernel flows to, in groups."""
    if isinstance(kernel, Gather):
        # None flows to the index of a look-up.
        return [kernel.table]
    return kernel.taken()


def lay_out(program: Program, kernels: Sequence[Kernel], sizes: Sequence[int]) -> Layout:
    """Return the layout of a program.

    There is a block for each argument (x0, x1, …), for the parameters (p), the constants (c), the
    leaves that are read (r) or drawn (d) at each call, and for the results of each kernel (v0, …).

    Args:
        program: The program.
        kernels: Its kernels.
        sizes: The length of each argument.
    """
    n = len(program)
    layout = Layout([], numpy.full(n, -1, numpy.int32), numpy.zeros(n, int))

    # Inputs are numbered through all arguments: each takes the next `size` places.
    place = program.place
    is_input = program.code == INPUT
    start = 0
    for i, size in enumerate(sizes):
        end = start + size
        inside = is_input & (place >= start) & (place < end)
        rows = numpy.flatnonzero(inside)
        block = Block(f"x{i}", size, batched=True)
        layout.add(block, rows, place[rows] - start)
        start = end

    leaves = (
        (PARAMETER, Block("p", program.parameters, batched=False, fixed=True)),
        (CONSTANT, Block("c", len(program.numbers), batched=False, fixed=True)),
        (LEAF, Block("r", len(program.leaves), batched=False)),
        (DRAWN, Block("d", len(program.drawn), batched=True)),
    )
    for kind, block in leaves:
        rows = numpy.flatnonzero(program.code == kind)
        layout.add(block, rows, place[rows])

    layout.first = len(layout.blocks)
    for i, kernel in enumerate(kernels):
        if isinstance(kernel, Scan):
            block = Block(f"v{i}", kernel.width, kernel.batched)
            layout.add(block, kernel.rows, kernel.columns)
        else:
            block = Block(f"v{i}", len(kernel.rows), kernel.batched)
            layout.add(block, kernel.rows)
    _lay_out_stopped(program, layout)
    return layout


def _lay_out_stopped(program: Program, layout: Layout) -> None:
    """Let each stop_gradient be read where its operand lies, from a block without gradient."""
    stopped = numpy.flatnonzero(computes(program, STOP_GRADIENT.name))
    sources = find_sources(program)[stopped]
    block_of = layout.block_of[sources]
    columns = layout.column_of[sources]
    for number in numpy.unique(block_of).tolist():
        block = replace(layout.blocks[number], source=number)
        inside = block_of == number
        layout.add(block, stopped[inside], columns[inside])
