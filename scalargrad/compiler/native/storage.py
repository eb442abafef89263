"""Where native code keeps its numbers, and how kernels read and write them.

Numbers that all samples share lie one after the other: the parameters, the constants, and what is
computed from these alone. Those that vary by sample lie in the workspaces w and g, for values and
gradients: a chunk of samples at a time, vector by vector, where lanes are samples, or else one
sample at a time.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy

from ..array_types import Mask, Rows
from ..layout import Layout
from ..strides import make_view
from .emitter import Emitter

__all__ = ["Places", "Reader", "Storage"]


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
            self.table = emitter.add_table(positions.ravel().tolist())

    @property
    def last_stride(self) -> int | None:
        """How far positions are from each other along the last axis, where that is regular."""
        if self.shape[-1] == 1:
            return 1
        return None if self.view.strides is None else self.view.strides[-1]

    def find_first(self) -> Any:
        """Return the first position."""
        return self.emitter.index(self.view.start)

    def find(self, *indices: Any) -> Any:
        """Return the position at an index, one integer for each axis."""
        strides = self.view.strides
        if strides is not None:
            return self._sum_products(self.view.start, strides, indices)
        return self._load_entry(self._find_entry(indices))

    def find_lanes(self, count: int, *indices: Any) -> list[Any]:
        """Return so many positions from an index on, along the last axis."""
        strides = self.view.strides
        lanes = range(count)
        if strides is not None:
            first = self.find(*indices)
            return [self.emitter.add_index(first, lane * strides[-1]) for lane in lanes]
        entry = self._find_entry(indices)
        return [self._load_entry(self.emitter.add_index(entry, lane)) for lane in lanes]

    def _find_entry(self, indices: Sequence[Any]) -> Any:
        flat = [int(numpy.prod(self.shape[axis + 1 :])) for axis in range(len(self.shape))]
        return self._sum_products(0, flat, indices)

    def _load_entry(self, number: Any) -> Any:
        place = self.emitter.builder.gep(self.table, [self.emitter.index(0), number])
        return self.emitter.builder.load(place)

    def _sum_products(self, start: int, strides: Sequence[int], indices: Sequence[Any]) -> Any:
        emitter = self.emitter
        total = emitter.index(start)
        for stride, index in zip(strides, indices, strict=True):
            if stride:
                total = emitter.add_index(total, emitter.scale_index(index, stride))
        return total


class Reader:
    """Reads and writes numbers at computed indexes, as vectors.

    Where lanes are rows, the last index is that of the first lane.

    Args:
        emitter: Where instructions are added.
        array: The argument that holds the numbers.
        places: Where they are.
        tiles: How many vectors each number has, where it varies by sample and lanes are samples;
            0 where it is one double.

    Attributes:
        sets: Whether a gradient is written, where nothing else adds to it.
    """

    sets = False

    def __init__(self, emitter: Emitter, array: Any, places: Places, tiles: int) -> None:
        self.emitter = emitter
        self.array = array
        self.places = places
        self.tiles = tiles

    def is_regular(self) -> bool:
        """Whether all numbers lie at regular distances, and no two at the same place."""
        return self.places.view.strides is not None and self.places.view.distinct

    def load(self, *indices: Any) -> Any:
        """Return the vector at an index."""
        emitter = self.emitter
        if self.tiles:
            return emitter.load(self.array, self._find_tile(indices))
        if not emitter.by_rows or self.places.last_stride == 0:
            return emitter.splat(self.load_scalar(*indices))
        if self.places.last_stride == 1:
            return emitter.load(self.array, self.places.find(*indices))
        positions = self.places.find_lanes(emitter.active, *indices)
        return emitter.gather(lambda lane: emitter.load_scalar(self.array, positions[lane]))

    def load_scalar(self, *indices: Any) -> Any:
        """Return the number at an index, which all samples share."""
        return self.emitter.load_scalar(self.array, self.places.find(*indices))

    def store(self, vector: Any, *indices: Any) -> None:
        """Write the vector at an index of places that lie side by side."""
        position = self._find_tile(indices) if self.tiles else self.places.find(*indices)
        self.emitter.store(vector, self.array, position)

    def add(self, vector: Any, *indices: Any) -> None:
        """Add to the vector at an index: what all samples share receives the sum over these."""
        emitter = self.emitter
        builder = emitter.builder
        if self.sets:
            self.store(vector, *indices)
            return
        if self.tiles or (emitter.by_rows and self.places.last_stride == 1):
            self.store(builder.fadd(self.load(*indices), vector), *indices)
        elif not emitter.by_rows or self.places.last_stride == 0:
            self.add_scalar(emitter.sum_lanes(vector), *indices)
        else:
            # One after the other, as several lanes may have one place.
            positions = self.places.find_lanes(emitter.active, *indices)
            for element, position in zip(emitter.elements(vector), positions, strict=True):
                self._add_at(position, element)

    def add_scalar(self, number: Any, *indices: Any) -> None:
        """Add to the number at an index."""
        self._add_at(self.places.find(*indices), number)

    def add_to_sample(self, number: Any, sample: Any, *indices: Any) -> None:
        """Add to the number of a sample of the chunk at an index."""
        self._add_at(self.find_sample(sample, *indices), number)

    def _add_at(self, position: Any, number: Any) -> None:
        emitter = self.emitter
        total = emitter.builder.fadd(emitter.load_scalar(self.array, position), number)
        emitter.store_scalar(total, self.array, position)

    def find_sample(self, sample: Any, *indices: Any) -> Any:
        """Return where in the array the number of a sample of the chunk is, one double."""
        size = self.tiles * self.emitter.width
        start = self.emitter.scale_index(self.places.find(*indices), size)
        return self.emitter.add_index(start, sample)

    def _find_tile(self, indices: Sequence[Any]) -> Any:
        emitter = self.emitter
        first = emitter.scale_index(self.places.find(*indices), self.tiles)
        return emitter.scale_index(emitter.add_index(first, emitter.tile), emitter.width)


class _Copies:
    """Numbers of some arrays that are in another one, too, so that it has all that is read at once.

    Attributes:
        places: For each number, by its array and its position there, its place in the other array.
    """

    def __init__(self) -> None:
        self.places: dict[tuple[str, int], int] = {}

    def by_array(self) -> dict[str, tuple[Rows, Rows]]:
        """Return for each array the positions of its numbers, and their places."""
        pairs: dict[str, tuple[list[int], list[int]]] = {}
        for (name, position), place in self.places.items():
            positions, places = pairs.setdefault(name, ([], []))
            positions.append(position)
            places.append(place)
        return {name: (numpy.array(x), numpy.array(y)) for name, (x, y) in pairs.items()}


class Loop(Protocol):
    """A loop whose numbers are in parts of w, or of s where they do not vary by sample."""

    def finish(self) -> None:
        """Allocate these parts."""


class Storage:
    """Where each block of a layout is.

    Args:
        emitter: Where instructions are added.
        layout: The blocks.
        needed: Which blocks need a gradient.
        sole: Which rows receive theirs from one place, see `find_sole`.
        tiles: How many vectors of samples a chunk has; 0 where it is one sample, and lanes are
            rows.
        arrays: The arrays by name: s and h for values and gradients that all samples share, w and g
            for those of a chunk of samples, g_p for the gradient of the parameters, and those of
            the leaves. The arguments of the emitter if left out.
        apart: The leaves that vary by sample and have arrays of their own.

    Attributes:
        size: How many numbers s, h, w and g hold.
        values: For each block its array and its first position there.
        gradients: The same for the gradient of each block that needs one.
        scratch: How many doubles there are for kernels to lay out operands, by name.
        by_sample: The names of the arrays that have numbers for each sample.
        loops: The loops within, which have parts of w or s.
    """

    def __init__(
        self,
        emitter: Emitter,
        layout: Layout,
        needed: Sequence[bool],
        sole: Mask,
        tiles: int,
        arrays: dict[str, Any] | None = None,
        apart: Sequence[str] = (),
    ) -> None:
        self.emitter = emitter
        self.layout = layout
        self.sole = sole
        self.tiles = tiles
        self.arrays: dict[str, Any] = emitter.arguments if arrays is None else arrays
        self.by_sample = {"w", "g", "seeds"}
        self.loops: list[Loop] = []
        self.size = {"s": 0, "h": 0, "w": 0, "g": 0, "seeds": 0}
        self.values: dict[int, tuple[str, int]] = {}
        self.gradients: dict[int, tuple[str, int]] = {}
        self._copies = {"s": _Copies(), "w": _Copies()}
        self._gradient_copies = {"h": _Copies(), "g": _Copies()}
        self._sinks: dict[str, int] = {}
        self.scratch: dict[str, int] = {}
        for number, block in enumerate(layout.blocks):
            if block.source is not None:
                self.values[number] = self.values[block.source]
                continue
            has_array = number < layout.first and (not block.batched or block.name in apart)
            if has_array and block.batched:
                self.by_sample.update((block.name, block.gradient))
            if has_array:
                self.values[number] = (block.name, 0)
            else:
                self.values[number] = self.allocate("w" if block.batched else "s", block.width)
            if not needed[number]:
                continue
            if has_array:
                self.gradients[number] = (block.gradient, 0)
            else:
                self.gradients[number] = self.allocate("g" if block.batched else "h", block.width)

    def allocate(self, array: str, count: int) -> tuple[str, int]:
        """Return an array and the first of so many places in it that nothing else has."""
        start = self.size[array]
        self.size[array] += count
        return array, start

    @property
    def numbers_each(self) -> int:
        """How many doubles of w and g each number has."""
        return max(1, self.tiles * self.emitter.width)

    def make_reader(self, name: str, positions: Rows) -> Reader:
        """Return what reads and writes these positions of an array."""
        tiles = self.tiles if name in self.by_sample else 0
        places = Places(self.emitter, positions)
        return Reader(self.emitter, self.arrays[name], places, tiles)

    def _choose(self, names: set[str], varying: str, shared: str) -> str:
        """Return which array has all that is read of several ones."""
        return varying if names & self.by_sample else shared

    def make_run(self, array: str, start: int, count: int) -> Reader:
        """Return what reads and writes so many numbers of an array, from a position on."""
        return self.make_reader(array, start + numpy.arange(count))

    def block_reader(self, number: int, columns: Rows) -> Reader:
        """Return what reads and writes columns of a block."""
        name, start = self.values[number]
        return self.make_reader(name, start + columns)

    def block_gradient(self, number: int, columns: Rows) -> Reader:
        """Return what reads the gradients of columns of a block."""
        name, start = self.gradients[number]
        return self.make_reader(name, start + columns)

    def reader(self, rows: Rows) -> Reader:
        """Return what reads and writes these rows, from one array."""
        blocks = self.layout.block_of[rows]
        columns = self.layout.column_of[rows]
        found = {number: self.values[number] for number in _list_blocks(blocks)}
        names = {name for name, _ in found.values()}
        chosen = names.pop() if len(names) == 1 else self._choose(names, "w", "s")

        positions = numpy.zeros(rows.shape, int)
        for number, (name, start) in found.items():
            inside = blocks == number
            places = start + columns[inside]
            if name != chosen:
                places = self._find_copies(self._copies[chosen], chosen, name, places)
            positions[inside] = places
        return self.make_reader(chosen, positions)

    def gradient(self, rows: Rows) -> Reader:
        """Return what reads the gradients of these rows and adds to them."""
        blocks = self.layout.block_of[rows]
        columns = self.layout.column_of[rows]
        numbers = _list_blocks(blocks)
        found = {number: self.gradients[number] for number in numbers if number in self.gradients}
        names = {name for name, _ in found.values()}
        if len(names) == 1 and len(found) == len(numbers):
            chosen = names.pop()
        else:
            chosen = self._choose(names, "g", "h")

        positions = numpy.full(rows.shape, self._find_sink(chosen, len(found) < len(numbers)))
        for number, (name, start) in found.items():
            inside = blocks == number
            places = start + columns[inside]
            if name != chosen:
                places = self._find_copies(self._gradient_copies[chosen], chosen, name, places)
            positions[inside] = places
        reader = self.make_reader(chosen, positions)
        reader.sets = bool(reader.tiles and self.sole[rows].all())
        return reader

    def _find_copies(self, copies: _Copies, chosen: str, name: str, positions: Rows) -> Rows:
        """Return where in the chosen array numbers of another one are copied to."""
        places = []
        for position in positions.tolist():
            key = (name, position)
            if key not in copies.places:
                _, copies.places[key] = self.allocate(chosen, 1)
            places.append(copies.places[key])
        return numpy.array(places)

    def _find_sink(self, array: str, is_wanted: bool) -> int:
        """Return the place in an array for gradients that nobody needs."""
        if is_wanted and array not in self._sinks:
            _, self._sinks[array] = self.allocate(array, 1)
        return self._sinks.get(array, 0)

    def needs_gradient(self, rows: Rows) -> bool:
        """Whether a gradient flows to any of these rows."""
        numbers = _list_blocks(self.layout.block_of[rows])
        return any(number in self.gradients for number in numbers)

    def is_narrow(self, weights: Rows) -> bool:
        """Whether weights over samples are too few in a row or a column to fill lanes with them."""
        return bool(self.tiles) and min(weights.shape) <= self.emitter.width // 4

    def sets_weights(self, rows: Rows) -> bool:
        """Whether the gradients of weights are set by the first samples, and then added to."""
        if not self.sole[rows].all() or self.is_narrow(rows):
            return False
        targets = self.gradient(rows)
        return targets.is_regular() and targets.places.last_stride == 1

    def write_zeros(self) -> None:
        """Write zeros into g where gradients are added up, and not set."""
        emitter = self.emitter
        is_added_to = numpy.ones(self.size["g"], bool)
        for number, (array, start) in self.gradients.items():
            if array == "g" and self.tiles:
                rows = self.layout.block_of == number
                is_added_to[start + self.layout.column_of[rows & self.sole]] = False
        edges = numpy.flatnonzero(numpy.diff(is_added_to, prepend=False, append=False))
        for start, end in edges.reshape(-1, 2).tolist():
            first = emitter.index(start * self.numbers_each)
            place = emitter.builder.gep(self.arrays["g"], [first])
            emitter.fill_zeros(place, (end - start) * self.numbers_each)

    def find_scratch(self, name: str, count: int) -> Any:
        """Return a pointer to so many doubles that one kernel may use."""
        self.scratch[name] = max(self.scratch.get(name, 0), count)
        return self.emitter.arguments[name]

    def finish(self) -> None:
        """Give the loops within their parts of w or s, whose sizes are known by now."""
        for loop in self.loops:
            loop.finish()

    def write_copies(self, array: str) -> None:
        """Write what copies numbers into s or w, where they are read among others."""
        emitter = self.emitter
        for name, (positions, places) in self._copies[array].by_array().items():
            source = self.make_reader(name, positions)
            target = self.make_reader(array, places)

            def copy(i: Any, source: Reader = source, target: Reader = target) -> None:
                if not target.tiles:
                    number = source.load_scalar(i)
                    emitter.store_scalar(number, target.array, target.places.find(i))
                    return
                for tile in range(self.tiles):
                    emitter.tile = emitter.index(tile)
                    target.store(source.load(i), i)

            emitter.repeat(len(places), copy)

    def write_gradient_copies(self, array: str, tiles: Any) -> None:
        """Write what adds gradients of copies, in h or g, to those of what was copied.

        Args:
            array: "h" or "g".
            tiles: How many vectors of samples there are, where lanes are samples.
        """
        emitter = self.emitter
        for name, (positions, places) in self._gradient_copies[array].by_array().items():
            target = self.make_reader(name, positions)
            source = self.make_reader(array, places)

            def add(i: Any, source: Reader = source, target: Reader = target) -> None:
                if not source.tiles:
                    target.add_scalar(source.load_scalar(i), i)
                    return

                def add_tile(tile: Any) -> None:
                    emitter.tile = tile
                    target.add(source.load(i), i)

                emitter.repeat(tiles, add_tile)

            emitter.repeat(len(places), add)


def _list_blocks(blocks: Rows) -> list[int]:
    """Return the blocks that occur, each once."""
    first = int(blocks.flat[0])
    # Most often there is one, and sorting takes longer than looking.
    if (blocks == first).all():
        return [first]
    numbers: list[int] = numpy.unique(blocks).tolist()
    return numbers
