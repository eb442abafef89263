"""Where native code keeps the numbers of one tile: a vector for each scalar, in two workspaces."""

from collections.abc import Sequence
from typing import Any

import numpy

from .array_types import Rows
from .layout import Layout
from .native_module import Emitter
from .strides import make_view

__all__ = ["Places", "Storage"]


class Places:
    """Positions in an array, found at a computed index: by strides, or in a table.

    Args:
        emitter: Where instructions are added.
        positions: The positions, of any shape.
    """

    def __init__(self, emitter: Emitter, positions: Rows) -> None:
        self.emitter = emitter
        self.shape = positions.shape
        self.view = make_view(0, positions)
        if self.view.strides is None:
            self.table = self._make_table(positions.ravel().tolist())

    def _make_table(self, positions: list[int]) -> Any:
        ir = self.emitter.ir
        module = self.emitter.module
        kind = ir.ArrayType(self.emitter.integer, len(positions))
        table = ir.GlobalVariable(module, kind, f"table{len(module.globals)}")
        table.global_constant = True
        table.linkage = "internal"
        table.initializer = ir.Constant(kind, positions)
        return table

    def find(self, *indices: Any) -> Any:
        """Return the position at an index, one integer for each axis."""
        if self.view.strides is not None:
            return self._sum_products(self.view.start, self.view.strides, indices)
        flat = [int(numpy.prod(self.shape[axis + 1 :])) for axis in range(len(self.shape))]
        number = self._sum_products(0, flat, indices)
        entry = self.emitter.builder.gep(self.table, [self.emitter.index(0), number])
        return self.emitter.builder.load(entry)

    def _sum_products(self, start: int, strides: Sequence[int], indices: Sequence[Any]) -> Any:
        builder = self.emitter.builder
        total = self.emitter.index(start)
        for stride, index in zip(strides, indices, strict=True):
            total = builder.add(total, builder.mul(index, self.emitter.index(stride)))
        return total


class Storage:
    """The vectors of one tile, their gradients, and the scalars that all samples share.

    Args:
        emitter: Where instructions are added. Its arguments are the arrays: w and g for values and
            gradients of a tile, and those of the blocks that are the same for all samples.
        layout: The blocks.
        needed: Which blocks need a gradient.

    Attributes:
        slots: For each block that varies by sample, its first vector in w.
        copies: The same for blocks that all samples share and that are read together with others.
        size: How many vectors w holds.
        gradient_slots: For each block that needs a gradient, its first vector in g. Parameters come
            first: theirs are added up over all tiles.
        gradient_size: How many vectors g holds. The last one collects what nobody needs.
    """

    def __init__(self, emitter: Emitter, layout: Layout, needed: Sequence[bool]) -> None:
        self.emitter = emitter
        self.layout = layout
        self.slots: dict[int, int] = {}
        self.copies: dict[int, int] = {}
        self.gradient_slots: dict[int, int] = {}
        self.size = 0
        self.gradient_size = 0
        for number, block in enumerate(layout.blocks):
            if block.source is not None:
                continue
            # What is computed is computed in each lane, even where it is the same in all.
            if block.batched or number >= layout.first:
                self.slots[number] = self.size
                self.size += block.width
            if needed[number]:
                self.gradient_slots[number] = self.gradient_size
                self.gradient_size += block.width
        self.sink = self.gradient_size
        self.gradient_size += 1

    def reader(self, rows: Rows) -> "Reader":
        """Return what reads these rows."""
        blocks = self.layout.block_of[rows]
        columns = self.layout.column_of[rows]
        numbers = sorted({self._find_stored(number) for number in numpy.unique(blocks).tolist()})
        if len(numbers) == 1 and numbers[0] not in self.slots:
            name = self.layout.blocks[numbers[0]].name
            return Reader(self.emitter, name, Places(self.emitter, columns))

        starts = numpy.zeros(len(self.layout.blocks), int)
        for number in numpy.unique(blocks).tolist():
            starts[number] = self._find_slot(self._find_stored(number))
        return Reader(self.emitter, "w", Places(self.emitter, starts[blocks] + columns))

    def _find_stored(self, number: int) -> int:
        """Return the block that holds the numbers of a block."""
        source = self.layout.blocks[number].source
        return number if source is None else source

    def _find_slot(self, number: int) -> int:
        """Return the first vector of a block; one that all samples share gets vectors now."""
        if number in self.slots:
            return self.slots[number]
        if number not in self.copies:
            self.copies[number] = self.size
            self.size += self.layout.blocks[number].width
        return self.copies[number]

    def write_copies(self) -> None:
        """Write what copies shared numbers into vectors, for those that are read among others."""
        emitter = self.emitter
        for number, slot in self.copies.items():
            block = self.layout.blocks[number]
            array = emitter.arguments[block.name]

            def copy(
                index: Any, carry: list[Any], array: Any = array, slot: int = slot
            ) -> list[Any]:
                vector = emitter.splat(emitter.load_scalar(array, index))
                position = emitter.builder.add(index, emitter.index(slot))
                emitter.store(vector, emitter.arguments["w"], position)
                return carry

            emitter.loop(emitter.index(block.width), copy, [])

    def needs_gradient(self, rows: Rows) -> bool:
        """Whether a gradient flows to any of these rows."""
        blocks = numpy.unique(self.layout.block_of[rows]).tolist()
        return any(number in self.gradient_slots for number in blocks)

    def gradient(self, rows: Rows) -> "Reader":
        """Return what reads the gradients of these rows and adds to them."""
        blocks = self.layout.block_of[rows]
        positions = numpy.full(rows.shape, self.sink)
        for number, slot in self.gradient_slots.items():
            inside = blocks == number
            positions[inside] = slot + self.layout.column_of[rows][inside]
        return Reader(self.emitter, "g", Places(self.emitter, positions))


class Reader:
    """Reads vectors at computed indexes, from a workspace or from numbers that all samples share.

    Args:
        emitter: Where instructions are added.
        name: The argument that holds the numbers.
        places: Where they are.
    """

    def __init__(self, emitter: Emitter, name: str, places: Places) -> None:
        self.emitter = emitter
        self.array = emitter.arguments[name]
        self.is_vector = name in ("w", "g")
        self.places = places

    def load(self, *indices: Any) -> Any:
        """Return the vector at an index."""
        position = self.places.find(*indices)
        if self.is_vector:
            return self.emitter.load(self.array, position)
        return self.emitter.splat(self.emitter.load_scalar(self.array, position))

    def store(self, vector: Any, *indices: Any) -> None:
        """Write the vector at an index."""
        self.emitter.store(vector, self.array, self.places.find(*indices))

    def add(self, vector: Any, *indices: Any) -> None:
        """Add to the vector at an index."""
        self.emitter.add_to(self.array, self.places.find(*indices), vector)
