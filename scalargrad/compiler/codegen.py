"""Code generation: kernels as lines of NumPy source, forward and backward.

The adjoint of each kind of kernel is right below its forward lines. Derivatives of operations come
from the table; this module only knows how arrays are read, summed and scattered.
"""

from collections.abc import Callable
from typing import Any

import numpy

from scalargrad.core.ops import TABLE

from .array_rules import ARRAYS
from .array_types import Array, Mask, Rows
from .kernels import Dots, Elementwise, Kernel, Matrix, OverList
from .layout import Block, Layout, Operand
from .program import insert_static_args
from .rule_source import EXPRESSIONS, Expression, Term, multiply, to_source
from .strides import View, as_strided, split_duplicates

__all__ = ["PARAMETERS", "Writer", "write_backward", "write_forward"]

PARAMETERS = "p"
"""The name of the block of the parameters."""


class Writer:
    """Collects lines of source, and the objects that they name.

    Attributes:
        layout: Where rows lie.
        needed: For each block, whether it needs a gradient.
        fixed: The arrays that are the same objects at each call: parameters and constants.
        lines: The lines so far.
        names: The objects that the lines name.
    """

    def __init__(self, layout: Layout, needed: list[bool], fixed: dict[str, Array]) -> None:
        self.layout = layout
        self.needed = needed
        self.fixed = fixed
        self.lines: list[str] = []
        self.names: dict[str, object] = {}
        self._written: dict[int, Mask] = {}
        self._owned: set[int] = set()

    # Reading

    def bind(self, letter: str, thing: object) -> str:
        """Return a name for an object that the lines use."""
        name = f"{letter}_{len(self.names)}"
        self.names[name] = thing
        return name

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(text)

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

        # From the cheapest to the dearest: a bound view, a column, a slice, a copy by indexes.
        block = self.block(view)
        if block.fixed:
            return self._read_fixed(block, view, spreads)
        if view.is_one and (spreads or operand.shape == (1,)):
            return self._read_column(block, view)
        if view.is_run:
            return self._read_run(block, view)
        index = self.bind("i", view.columns)
        return f"take({block.name}, {index}, {int(block.batched)})"

    def _read_fixed(self, block: Block, view: View, spreads: bool) -> str:
        array = self.fixed[block.name]
        if block.name == "c" and view.is_one and spreads:
            return to_source(float(array[view.start]))
        if view.strides is None:
            return f"{block.name}[{self.bind('i', view.columns)}]"
        # The array is the same at each call, so its view is made once, here, and bound to a name.
        return self.bind("w", as_strided(array, view))

    def _read_column(self, block: Block, view: View) -> str:
        if block.width == 1:
            return block.name
        return _slice(block.name, block.batched, view.start, 1)

    def _read_run(self, block: Block, view: View) -> str:
        source = block.name
        if view.columns.size < block.width:
            source = _slice(block.name, block.batched, view.start, view.columns.size)
        if len(view.shape) == 1:
            return source
        return f"{source}.reshape({_batch(block.batched)}{_commas(view.shape)})"

    def _gather(self, operand: Operand) -> str:
        """Copy an operand that lies in several blocks into one array, part by part."""
        batched = self.layout.batched(operand)
        name = self._temporary()
        size = int(numpy.prod(operand.shape))
        self.line(f"{name} = empty((n, {size}))" if batched else f"{name} = empty({size})")
        for view, where in operand.parts:
            target = f"{name}[{_colon(batched)}{self._span(where)}]"
            part = Operand(view.shape, ((view, None),))
            self.line(f"{target} = {self.read(part, spreads=True)}")
        if len(operand.shape) == 1:
            return name
        return f"{name}.reshape({_batch(batched)}{_commas(operand.shape)})"

    def _temporary(self) -> str:
        """A name for an array that the next line assigns."""
        return f"t{len(self.lines)}"

    def _span(self, where: Rows | None) -> str:
        """Positions as a slice, or as bound indexes where they are not contiguous."""
        assert where is not None
        start = int(where[0])
        end = int(where[-1]) + 1
        return f"{start}:{end}" if end - start == len(where) else self.bind("i", where)

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
        if operand.only is not None:
            self._add(operand.only, gradient, deep=len(operand.shape) > 1)
            return

        batched = self.layout.batched(operand)
        flat = f".reshape({_batch(batched)}-1)" if len(operand.shape) > 1 else ""
        name = self._temporary()
        self.line(f"{name} = ({gradient}){flat}")
        for view, where in operand.parts:
            if self.needed[view.block]:
                part = f"{name}[{_colon(batched)}{self._span(where)}]"
                if batched and not self.block(view).batched:
                    part = f"total({part}, 0)"
                self._add(view, part, deep=False)

    def _add(self, view: View, gradient: str, deep: bool) -> None:
        """Add a gradient to one view; `deep` where it has more axes than the block."""
        if not self.needed[view.block]:
            return
        block = self.block(view)
        written = self._written_columns(view)
        whole = view.is_run and view.columns.size == block.width
        if deep and block.name != PARAMETERS:
            gradient = f"({gradient}).reshape({_batch(block.batched)}-1)"

        if block.name == PARAMETERS:
            self._add_to_parameters(block, view, gradient, written, deep)
        elif whole:
            self._add_to_block(view.block, block, gradient, written)
        else:
            self._add_to_part(block, view, gradient, written)
        written[view.columns.ravel()] = True

    def _written_columns(self, view: View) -> Mask:
        """Which columns of the block of a view have a gradient by now."""
        width = self.block(view).width
        return self._written.setdefault(view.block, numpy.zeros(width, bool))

    def _add_to_block(self, number: int, block: Block, gradient: str, written: Mask) -> None:
        name = block.gradient
        self.line(f"{name} = {name} + {gradient}" if written.any() else f"{name} = {gradient}")
        # The array may be that of another gradient, which must not be written into.
        self._owned.discard(number)

    def _add_to_part(self, block: Block, view: View, gradient: str, written: Mask) -> None:
        name = block.gradient
        if not written.any():
            shape = f"(n, {block.width})" if block.batched else str(block.width)
            self.line(f"{name} = zeros({shape})")
            self._owned.add(view.block)
        elif view.block not in self._owned:
            self.line(f"{name} = {name}.copy()")
            self._owned.add(view.block)

        if view.is_run:
            part = _slice(name, block.batched, view.start, view.columns.size)
            self.line(f"{part} += {gradient}")
        elif view.distinct:
            index = self.bind("i", view.columns.ravel())
            self.line(f"{name}[{_colon(block.batched)}{index}] += {gradient}")
        else:
            steps = self.bind("s", _scatter_steps(view))
            self.line(f"scatter({name}, {gradient}, {steps})")

    def _add_to_parameters(
        self, block: Block, view: View, gradient: str, written: Mask, deep: bool
    ) -> None:
        # The caller passes this array uninitialized, which spares zeros for most parameters: the
        # first gradient of a column is assigned, later ones are added.
        columns = view.columns.ravel()
        if view.strides is None:
            target = f"{block.gradient}[{self.bind('i', view.columns)}]"
        else:
            target = f"{self._parameter_part(block, view)}[...]"
        if view.distinct and not written[columns].any():
            self.line(f"{target} = {gradient}")
            return

        fresh = numpy.unique(columns[~written[columns]])
        if len(fresh):
            self.line(f"{block.gradient}[{self.bind('i', fresh)}] = 0.0")
        if view.distinct:
            self.line(f"{target} += {gradient}")
        else:
            flat = f"({gradient}).ravel()" if deep else gradient
            steps = self.bind("s", _scatter_steps(view))
            self.line(f"scatter({block.gradient}, {flat}, {steps})")

    def _parameter_part(self, block: Block, view: View) -> str:
        """A regular part of the gradient of the parameters, in the shape of the view."""
        if not view.is_run:
            return f"part({block.gradient}, {view.start}, {view.shape}, {view.strides})"
        run = _slice(block.gradient, False, view.start, view.columns.size)
        return run if len(view.shape) == 1 else f"{run}.reshape{view.shape}"

    def zero_unset_parameters(self) -> None:
        """Set the gradient of the parameters that nothing was added to to 0."""
        names = [block.name for block in self.layout.blocks]
        number = names.index(PARAMETERS)
        block = self.layout.blocks[number]
        written = self._written.get(number, numpy.zeros(block.width, bool))
        unset = numpy.flatnonzero(~written)
        if len(unset):
            index = self.bind("i", unset) if len(unset) < block.width else ":"
            self.line(f"{block.gradient}[{index}] = 0.0")

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
        self.line(f"{product}({left}, {right}, {self._parameter_part(block, view)})")
        written[view.columns.ravel()] = True
        return True


def _colon(batched: bool) -> str:
    """The index of all samples."""
    return ":, " if batched else ""


def _batch(batched: bool) -> str:
    """The size of the batch in a shape."""
    return "n, " if batched else ""


def _slice(name: str, batched: bool, start: int, length: int) -> str:
    """A part of a block, of all samples."""
    return f"{name}[{_colon(batched)}{start}:{start + length}]"


def _commas(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _scatter_steps(view: View) -> list[tuple[Rows, Rows]]:
    """Columns and positions of each step of a scatter; no column appears twice in one step."""
    columns = view.columns.ravel()
    return [(columns[part], part) for part in split_duplicates(columns)]


def write_forward(writer: Writer, number: int, kernel: Kernel) -> None:
    """Write the lines that compute a kernel.

    Args:
        writer: Collects the lines.
        number: The block of the results.
        kernel: What to compute.
    """
    _FORWARD[type(kernel)](writer, writer.layout.blocks[number], kernel)


def write_backward(writer: Writer, number: int, kernel: Kernel) -> None:
    """Write the lines that send the gradient of a kernel to its operands."""
    _BACKWARD[type(kernel)](writer, writer.layout.blocks[number], kernel)


# Elementwise: values and derivatives are those of the table


def _elementwise_operands(writer: Writer, kernel: Elementwise) -> tuple[list[Operand], list[Term]]:
    """The operands that are rows, and the expressions of all operands, static ones included."""
    operands = [writer.layout.operand(rows) for rows in kernel.operands]
    sources = [Expression(writer.read(operand, spreads=True)) for operand in operands]
    return operands, list(insert_static_args(kernel.kind, sources))


def _elementwise(writer: Writer, block: Block, kernel: Elementwise) -> None:
    operands, terms = _elementwise_operands(writer, kernel)
    rule = getattr(EXPRESSIONS, kernel.kind.op)
    result = to_source(rule(*terms))

    # Operands that are read as one column give one column: it stands for all outputs.
    views = [operand.only for operand in operands]
    all_one = all(view is not None and view.is_one for view in views)
    if block.width > 1 and all_one:
        shape = f"(n, {block.width})" if block.batched else str(block.width)
        result = f"spread({result}, {shape})"
    writer.line(f"{block.name} = {result}")


def _elementwise_back(writer: Writer, block: Block, kernel: Elementwise) -> None:
    op = TABLE[kernel.kind.op]
    operands, terms = _elementwise_operands(writer, kernel)
    statics = kernel.kind.static_args or (None,) * len(terms)
    positions = [i for i, static in enumerate(statics) if static is None]
    for position, operand in zip(positions, operands, strict=True):
        if not writer.needs_gradient(operand):
            continue
        partial = op.partials[position](EXPRESSIONS, Expression(block.name), *terms)
        gradient = multiply(block.gradient, partial)
        if gradient is not None:
            _add_reduced(writer, block, operand, gradient)


def _add_reduced(writer: Writer, block: Block, operand: Operand, gradient: str) -> None:
    """Add a gradient of the shape of the block, summed to the shape of the operand.

    The sum is over the samples where the operand does not vary by sample, and over the outputs
    where all of them read the same number.
    """
    view = operand.only
    batched = writer.layout.batched(operand)
    if view is not None and view.is_one and operand.shape[0] > 1:
        column = View(view.block, view.columns[:1], view.start, (1,))
        total = f"total({gradient}, 1, None, None, True)" if batched else f"total({gradient}, None)"
        writer.add_gradient(Operand((1,), ((column, None),)), total)
        return
    writer.add_gradient(operand, _total_of_samples(writer, block, operand, gradient))


def _total_of_samples(writer: Writer, block: Block, operand: Operand, gradient: str) -> str:
    """Sum a gradient over the samples where they all read the same numbers."""
    if block.batched and not writer.layout.batched(operand):
        return f"total({gradient}, 0)"
    return gradient


# Operations over lists: the rules of the table on whole arrays, items along the first axis


def _over_list(writer: Writer, block: Block, kernel: OverList) -> None:
    operand = writer.layout.operand(kernel.items)
    axes = "2, 0, 1" if writer.layout.batched(operand) else "1, 0"
    writer.line(f"i{block.name} = {writer.read(operand)}.transpose({axes})")
    function = writer.bind("f", _list_forward(kernel))
    writer.line(f"{block.name} = {function}(i{block.name})")


def _list_forward(kernel: OverList) -> Callable[[Array], Array]:
    op = TABLE[kernel.kind.op]

    def values(items: Array) -> Array:
        result: Array = op.forward(ARRAYS, items)
        return result

    return values


def _over_list_back(writer: Writer, block: Block, kernel: OverList) -> None:
    operand = writer.layout.operand(kernel.items)
    if not writer.needs_gradient(operand):
        return
    function = writer.bind("f", _list_backward(kernel))
    gradient = f"{function}({block.gradient}, {block.name}, i{block.name})"
    writer.add_gradient(operand, _total_of_samples(writer, block, operand, gradient))


def _list_backward(kernel: OverList) -> Callable[[Array, Array, Array], Array]:
    op = TABLE[kernel.kind.op]

    def gradients(gradient: Array, output: Array, items: Array) -> Array:
        partials = op.partials[0](ARRAYS, output, items)
        if isinstance(partials, numpy.ndarray):
            product: Array = gradient * partials
            return product.transpose(*range(1, product.ndim), 0)
        # A rule may also return a list: a derivative for each item, some of them plain numbers.
        shape = items.shape[1:]
        products = [numpy.broadcast_to(gradient * partial, shape) for partial in partials]
        return numpy.stack(products, axis=-1)

    return gradients


# Dot products, each with its own factors


def _dots(writer: Writer, block: Block, kernel: Dots) -> None:
    first = writer.read(writer.layout.operand(kernel.first))
    if kernel.of_squares:
        writer.line(f"{block.name} = total(square({first}), -1)")
        return
    second = writer.read(writer.layout.operand(kernel.second))
    writer.line(f"{block.name} = total({first} * {second}, -1)")


def _dots_back(writer: Writer, block: Block, kernel: Dots) -> None:
    first = writer.layout.operand(kernel.first)
    second = writer.layout.operand(kernel.second)
    gradient = f"{block.gradient}[..., None]"
    if kernel.of_squares:
        pairs = [(first, second, f"(2.0 * {gradient})")]
    else:
        pairs = [(first, second, gradient), (second, first, gradient)]

    for operand, other, factor in pairs:
        if writer.needs_gradient(operand):
            product = f"{factor} * {writer.read(other)}"
            writer.add_gradient(operand, _total_of_samples(writer, block, operand, product))


# Matrix products


def _matrix_operands(writer: Writer, kernel: Matrix) -> tuple[Operand, Operand, Operand | None]:
    x = kernel.x[0] if len(kernel.x) == 1 else kernel.x
    bias = None if kernel.bias is None else writer.layout.operand(kernel.bias)
    return writer.layout.operand(x), writer.layout.operand(kernel.weights), bias


def _matrix(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _matrix_operands(writer, kernel)
    places, length = kernel.x.shape
    source = writer.read(x)
    # Places where the same weights are applied are more rows of one matrix product.
    if places > 1:
        source = f"{source}.reshape(-1, {length})"
    writer.line(f"m{block.name} = {source}")
    writer.line(f"{block.name} = matmul(m{block.name}, {writer.read(weights)}.T)")
    if bias is not None:
        writer.line(f"{block.name} += {writer.read(bias)}")
    if places > 1:
        writer.line(f"{block.name} = {block.name}.reshape(n, -1)")


def _matrix_back(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _matrix_operands(writer, kernel)
    gradient = block.gradient
    source = f"m{block.name}"
    places = len(kernel.x)
    if places > 1:
        writer.line(f"{gradient} = {gradient}.reshape(-1, {len(kernel.weights)})")

    if not _write_weights_and_bias(writer, block, kernel):
        if writer.needs_gradient(weights):
            view = weights.only
            if view is None or not writer.write_product(view, "outer", gradient, source):
                writer.add_gradient(weights, f"matmul({gradient}.T, {source})")
        if bias is not None and writer.needs_gradient(bias):
            writer.add_gradient(bias, f"total({gradient}, 0)")

    if writer.needs_gradient(x):
        back = f"matmul({gradient}, {writer.read(weights)})"
        if places > 1:
            back = f"{back}.reshape(n, {places}, -1)"
        writer.add_gradient(x, back)


def _write_weights_and_bias(writer: Writer, block: Block, kernel: Matrix) -> bool:
    """Write the gradient of weights and biases in one product, and return whether that is possible.

    It is where all of them are parameters, neuron by neuron: w₁ … wₖ, b, as in a Layer.
    """
    if kernel.bias is None:
        return False
    rows = writer.layout.operand(numpy.column_stack([kernel.weights, kernel.bias]))
    if rows.only is None or not rows.only.is_run or not writer.needs_gradient(rows):
        return False
    return writer.write_product(rows.only, "outer_with_one", block.gradient, f"m{block.name}")


_Rule = Callable[[Writer, Block, Any], None]

_FORWARD: dict[type[Kernel], _Rule] = {
    Elementwise: _elementwise,
    OverList: _over_list,
    Dots: _dots,
    Matrix: _matrix,
}
_BACKWARD: dict[type[Kernel], _Rule] = {
    Elementwise: _elementwise_back,
    OverList: _over_list_back,
    Dots: _dots_back,
    Matrix: _matrix_back,
}
