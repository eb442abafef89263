"""The writer of generated source: how lines read operands, and add gradients to them."""

from collections.abc import Sequence

import numpy

from .array_types import Array, Mask, Rows
from .layout import Block, Layout, Operand, Part
from .rule_source import to_source
from .strides import View, as_strided, make_view

__all__ = ["CONSTANTS", "PARAMETERS", "Writer", "write_shape"]

PARAMETERS = "p"
"""The name of the block of the parameters."""

CONSTANTS = "c"
"""The name of the block of the constants."""

_MIN_BOUNDED = 4_000
"""How many parameters are checked faster by what their gradient is a product of than by itself."""


class Writer:
    """Collects lines of source, and the objects that they name.

    Attributes:
        layout: Where rows lie.
        needed: For each block, whether it needs a gradient.
        fixed: The arrays that are the same objects at each call: parameters and constants.
        lines: The lines so far.
        names: The objects that the lines name.
        loops: The source of each loop that the lines call.
    """

    def __init__(self, layout: Layout, needed: list[bool], fixed: dict[str, Array]) -> None:
        self.layout = layout
        self.needed = needed
        self.fixed = fixed
        self.lines: list[str] = []
        self.names: dict[str, object] = {}
        self.loops: list[str] = []
        # For each block, which of its columns have a gradient by now.
        self._written: dict[int, Mask] = {}
        # Blocks whose gradient is an array that no other name refers to, so it may change in place.
        self._owned: set[int] = set()
        # Parameters whose gradient is a product, how many, and source for its bound.
        self._bounds: list[tuple[int, str]] = []

    # Reading

    def bind(self, letter: str, thing: object) -> str:
        """Return a name for an object that the lines use."""
        name = f"{letter}_{len(self.names)}"
        self.names[name] = thing
        return name

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(text)

    def assign(self, target: str, source: str) -> None:
        """Add the line of an assignment."""
        self.line(f"{target} = {source}")

    def assign_temporary(self, source: str) -> str:
        """Add the line that assigns a variable for the next lines, and return its name."""
        # The number of the line makes the name unique.
        name = f"t{len(self.lines)}"
        self.assign(name, source)
        return name

    def block(self, view: View) -> Block:
        """Return the block of a view."""
        return self.layout.blocks[view.block]

    def read(self, operand: Operand, spreads: bool = False) -> str:
        """Return source for the numbers of an operand.

        Args:
            operand: What to read.
            spreads: Whether one number may stand for a row of equal ones.

        Returns:
            An expression of shape (batch, *shape), or (*shape,) where no part varies by sample.
        """
        view = operand.only
        if view is None:
            return self._gather(operand)

        # From the cheapest to the most expensive: a bound view, a column, a slice, a copy by index.
        block = self.block(view)
        if block.fixed:
            return self._read_fixed(block, view, spreads)
        if view.is_one and (spreads or operand.shape == (1,)):
            return self._read_column(block, view)
        if view.is_run:
            return self._read_run(block, view)
        index = self.bind("i", view.columns)
        return f"take({block.name}, {index}, {int(block.batched)})"

    def read_rows(self, rows: Rows) -> str:
        """Return source for the numbers of rows of any shape."""
        operand = self.layout.operand(rows)
        return self.read(operand)

    def _read_fixed(self, block: Block, view: View, spreads: bool) -> str:
        array = self.fixed[block.name]
        if block.name == CONSTANTS and view.is_one and spreads:
            return to_source(float(array[view.start]))
        if view.strides is None and block.name == CONSTANTS:
            return self.bind("w", array[view.columns])
        if view.strides is None:
            index = self.bind("i", view.columns)
            return f"{block.name}[{index}]"
        # The array is the same at each call, so its view is made once, here, and bound to a name.
        return self.bind("w", as_strided(array, view))

    def _read_column(self, block: Block, view: View) -> str:
        if block.width == 1:
            return block.name
        return _slice(block.name, block.batched, view.start, 1)

    def _read_run(self, block: Block, view: View) -> str:
        source = block.name
        if view.size < block.width:
            source = _slice(block.name, block.batched, view.start, view.size)
        return _reshape(source, block.batched, view.shape)

    def _gather(self, operand: Operand) -> str:
        """Copy an operand that lies in several blocks into one array, part by part."""
        batched = self.layout.batched(operand)
        size = int(numpy.prod(operand.shape))
        shape = write_shape(batched, size)
        filler = self._find_filler(operand.parts)
        source = f"empty({shape})"
        if filler is not None:
            view, _ = filler
            number = self._read_fixed(self.block(view), view, spreads=True)
            source = f"full({shape}, {number})"
        name = self.assign_temporary(source)

        for part in operand.parts:
            if part is filler:
                continue
            view, where = part
            target = self._positions(name, batched, where)
            source = self.read(Operand(view.shape, ((view, None),)), spreads=True)
            self.assign(target, source)
        return _reshape(name, batched, operand.shape)

    def _find_filler(self, parts: Sequence[Part]) -> Part | None:
        """Return the part of an operand that is one constant, such as the padding of lists."""
        for part in parts:
            view, _ = part
            if view.is_one and self.block(view).name == CONSTANTS:
                return part
        return None

    def _positions(self, name: str, batched: bool, where: Rows | None) -> str:
        """Positions of an array, in ascending order: a slice where they are contiguous."""
        assert where is not None
        start = int(where[0])
        length = int(where[-1]) + 1 - start
        if length == len(where):
            return _slice(name, batched, start, length)
        index = self.bind("i", where)
        return _subscript(name, batched, index)

    # Adding gradients

    def has_gradient(self, number: int) -> bool:
        """Whether any gradient was added to a block."""
        return number in self._written

    def needs_gradient(self, operand: Operand) -> bool:
        """Whether any part of an operand needs a gradient."""
        return any(self.needed[view.block] for view, _ in operand.parts)

    def add_gradient(self, operand: Operand, gradient: str) -> None:
        """Add a gradient to all parts of an operand that need one.

        Args:
            operand: What the gradient is by.
            gradient: Source of shape (batch, *shape), or (*shape,) where no part varies by sample.
        """
        deep = len(operand.shape) > 1
        if operand.only is not None:
            self._add(operand.only, gradient, deep)
            return

        batched = self.layout.batched(operand)
        flat = _flatten(gradient, batched) if deep else f"({gradient})"
        name = self.assign_temporary(flat)
        for view, where in operand.parts:
            if not self.needed[view.block]:
                continue
            part = self._positions(name, batched, where)
            if batched and not self.block(view).batched:
                part = f"total({part}, 0)"
            self._add(view, part, deep=False)

    def _add(self, view: View, gradient: str, deep: bool) -> None:
        """Add a gradient to one view; `deep` where it has more axes than the block."""
        if not self.needed[view.block]:
            return
        block = self.block(view)
        if not view.distinct:
            flat = _flatten(gradient, block.batched) if deep else f"({gradient})"
            view, gradient = self._add_up(view, flat)
            deep = False
        written = self._written_columns(view)
        if block.name == PARAMETERS:
            self._add_to_parameters(block, view, gradient, written)
        else:
            flat = _flatten(gradient, block.batched) if deep else gradient
            is_whole = view.is_run and view.size == block.width
            add = self._add_to_block if is_whole else self._add_to_part
            add(block, view, flat, written)
        written[view.flat] = True

    def _written_columns(self, view: View) -> Mask:
        """Which columns of the block of a view have a gradient by now."""
        if view.block not in self._written:
            width = self.block(view).width
            self._written[view.block] = numpy.zeros(width, bool)
        return self._written[view.block]

    def _add_to_block(self, block: Block, view: View, gradient: str, written: Mask) -> None:
        name = block.gradient
        total = f"{name} + {gradient}" if written.any() else gradient
        self.assign(name, total)
        # The array may be that of another gradient, which must not be written into.
        self._owned.discard(view.block)

    def _add_to_part(self, block: Block, view: View, gradient: str, written: Mask) -> None:
        name = block.gradient
        if not written.any():
            shape = write_shape(block.batched, block.width)
            self.assign(name, f"zeros({shape})")
            self._owned.add(view.block)
        elif view.block not in self._owned:
            self.assign(name, f"{name}.copy()")
            self._owned.add(view.block)

        if view.is_run:
            part = _slice(name, block.batched, view.start, view.size)
        else:
            index = self.bind("i", view.flat)
            part = _subscript(name, block.batched, index)
        self.line(f"{part} += {gradient}")

    def _add_up(self, view: View, gradient: str) -> tuple[View, str]:
        """Return the distinct columns of a view, and source for the flat gradient of each.

        NumPy's `x[columns] += y` adds only once to a column that appears twice.
        """
        columns, counts = numpy.unique(view.flat, return_counts=True)
        distinct = make_view(view.block, columns)
        order = numpy.argsort(view.flat, kind="stable")
        count = int(counts[0])
        if not (counts == count).all():
            # Sorted by columns, the gradients of each are a run, and each run is added up.
            starts = self.bind("i", numpy.cumsum(counts) - counts)
            index = self.bind("i", order)
            return distinct, f"total_runs(take({gradient}, {index}, -1), {starts}, -1)"
        if numpy.array_equal(order, numpy.arange(len(order))):
            shape = (len(columns), count)
            return distinct, f"total({_reshape(gradient, self.block(view).batched, shape)}, -1)"
        # NumPy adds whole rows to each other faster than the entries of many short ones.
        index = self.bind("i", order.reshape(-1, count).T)
        return distinct, f"total(take({gradient}, {index}, -1), -2)"

    def _add_to_parameters(
        self,
        block: Block,
        view: View,
        gradient: str,
        written: Mask,
    ) -> None:
        # The caller passes this array uninitialized, which spares zeros for most parameters: the
        # first gradient of a column is assigned, later ones are added.
        self._bounds.clear()
        columns = view.flat
        if view.strides is None:
            index = self.bind("i", view.columns)
            target = f"{block.gradient}[{index}]"
        else:
            part = self._parameter_part(block, view)
            target = f"{part}[...]"
        if not written[columns].any():
            self.assign(target, gradient)
            return

        unset = columns[~written[columns]]
        if len(unset):
            index = self.bind("i", unset)
            self.assign(f"{block.gradient}[{index}]", "0.0")
        self.line(f"{target} += {gradient}")

    def _parameter_part(self, block: Block, view: View) -> str:
        """A regular part of the gradient of the parameters, in the shape of the view."""
        if not view.is_run:
            return f"part({block.gradient}, {view.start}, {view.shape}, {view.strides})"
        run = _slice(block.gradient, False, view.start, view.size)
        return _reshape(run, False, view.shape)

    def zero_unset_parameters(self) -> None:
        """Set the gradient to 0 for the parameters that nothing was added to."""
        names = [block.name for block in self.layout.blocks]
        number = names.index(PARAMETERS)
        block = self.layout.blocks[number]
        written = self._written.get(number, numpy.zeros(block.width, bool))

        unset = numpy.flatnonzero(~written)
        if not len(unset):
            return
        index = ":"
        if len(unset) < block.width:
            index = self.bind("i", unset)
        self.assign(f"{block.gradient}[{index}]", "0.0")

    def write_outer(self, view: View, product: str, left: str, right: str) -> bool:
        """Write "outer" or "outer_with_one" as `write_product` does."""
        if not self.write_product(view, product, left, right):
            return False
        part = self._parameter_part(self.block(view), view)
        self._bounds.append((view.size, f"bound({left}, {right}, {part})"))
        return True

    def bound_of_parameters(self) -> str:
        """Return source for a number that is finite only if the gradient of the parameters is."""
        bounded = sum(size for size, _ in self._bounds)
        if bounded >= max(_MIN_BOUNDED, len(self.fixed[PARAMETERS])):
            return " + ".join(source for _, source in self._bounds)
        return "vdot(g_p, g_p)"

    def write_product(self, view: View, product: str, left: str, right: str) -> bool:
        """Write a product straight into the gradient of the parameters, where that is possible.

        Args:
            view: The parameters.
            product: The function that computes it, such as "outer" for leftᵀ @ right.
            left: Its first operand.
            right: Its second operand.

        Returns:
            Whether it was possible: the parameters lie regularly, and have no gradient yet.
        """
        block = self.block(view)
        if block.name != PARAMETERS or not view.strides or not view.distinct:
            return False
        written = self._written_columns(view)
        if written[view.columns].any():
            return False
        part = self._parameter_part(block, view)
        self.line(f"{product}({left}, {right}, {part})")
        written[view.flat] = True
        return True


def write_shape(batched: bool, width: int) -> str:
    """Return the shape of an array of rows as source.

    Example:
        >>> write_shape(True, 3), write_shape(False, 3)
        ('(n, 3)', '3')
    """
    return f"(n, {width})" if batched else str(width)


def _subscript(name: str, batched: bool, index: str) -> str:
    """Columns of a block, of all samples."""
    samples = ":, " if batched else ""
    return f"{name}[{samples}{index}]"


def _slice(name: str, batched: bool, start: int, length: int) -> str:
    """Contiguous columns of a block, of all samples."""
    end = start + length
    return _subscript(name, batched, f"{start}:{end}")


def _reshape(source: str, batched: bool, shape: tuple[int, ...]) -> str:
    """Rows in this shape, of all samples; as they are where the shape is that of rows."""
    if len(shape) == 1:
        return source
    sizes = [str(size) for size in shape]
    if batched:
        sizes.insert(0, "n")
    return f"{source}.reshape({', '.join(sizes)})"


def _flatten(gradient: str, batched: bool) -> str:
    """A gradient with one axis for what a sample has."""
    flat = "n, -1" if batched else "-1"
    return f"({gradient}).reshape({flat})"
