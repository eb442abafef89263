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
        if view.columns.size < block.width:
            source = _slice(block.name, block.batched, view.start, view.columns.size)
        return _reshape(source, block.batched, view.shape)

    def _gather(self, operand: Operand) -> str:
        """Copy an operand that lies in several blocks into one array, part by part."""
        batched = self.layout.batched(operand)
        name = self._temporary()
        size = int(numpy.prod(operand.shape))
        shape = _shape(batched, size)
        self.line(f"{name} = empty({shape})")

        for view, where in operand.parts:
            target = self._positions(name, batched, where)
            part = Operand(view.shape, ((view, None),))
            source = self.read(part, spreads=True)
            self.line(f"{target} = {source}")
        return _reshape(name, batched, operand.shape)

    def _temporary(self) -> str:
        """A name for an array that the next line assigns."""
        return f"t{len(self.lines)}"

    def _positions(self, name: str, batched: bool, where: Rows | None) -> str:
        """Positions of an array: a slice, or bound indexes where they are not contiguous."""
        assert where is not None
        start = int(where[0])
        length = int(where[-1]) + 1 - start
        if length == len(where):
            return _slice(name, batched, start, length)
        index = self.bind("i", where)
        return f"{name}[{_colon(batched)}{index}]"

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
        name = self._temporary()
        flat = _flatten(gradient, batched) if deep else f"({gradient})"
        self.line(f"{name} = {flat}")
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
        written = self._written_columns(view)
        whole = view.is_run and view.columns.size == block.width
        if deep and block.name != PARAMETERS:
            gradient = _flatten(gradient, block.batched)

        if block.name == PARAMETERS:
            self._add_to_parameters(block, view, gradient, written, deep)
        elif whole:
            self._add_to_block(view.block, block, gradient, written)
        else:
            self._add_to_part(block, view, gradient, written)
        written[view.columns.ravel()] = True

    def _written_columns(self, view: View) -> Mask:
        """Which columns of the block of a view have a gradient by now."""
        if view.block not in self._written:
            width = self.block(view).width
            self._written[view.block] = numpy.zeros(width, bool)
        return self._written[view.block]

    def _add_to_block(self, number: int, block: Block, gradient: str, written: Mask) -> None:
        name = block.gradient
        if written.any():
            self.line(f"{name} = {name} + {gradient}")
        else:
            self.line(f"{name} = {gradient}")
        # The array may be that of another gradient, which must not be written into.
        self._owned.discard(number)

    def _add_to_part(self, block: Block, view: View, gradient: str, written: Mask) -> None:
        name = block.gradient
        if not written.any():
            shape = _shape(block.batched, block.width)
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
            part = f"{name}[{_colon(block.batched)}{index}]"
            self.line(f"{part} += {gradient}")
        else:
            self._scatter(name, view, gradient)

    def _scatter(self, target: str, view: View, gradient: str) -> None:
        """Add a flat gradient to columns of which some appear twice."""
        columns = view.columns.ravel()
        parts = split_duplicates(columns)
        steps = [(columns[part], part) for part in parts]
        name = self.bind("s", steps)
        self.line(f"scatter({target}, {gradient}, {name})")

    def _add_to_parameters(
        self,
        block: Block,
        view: View,
        gradient: str,
        written: Mask,
        deep: bool,
    ) -> None:
        # The caller passes this array uninitialized, which spares zeros for most parameters: the
        # first gradient of a column is assigned, later ones are added.
        columns = view.columns.ravel()
        if view.strides is None:
            index = self.bind("i", view.columns)
            target = f"{block.gradient}[{index}]"
        else:
            part = self._parameter_part(block, view)
            target = f"{part}[...]"
        if view.distinct and not written[columns].any():
            self.line(f"{target} = {gradient}")
            return

        fresh = numpy.unique(columns[~written[columns]])
        if len(fresh):
            index = self.bind("i", fresh)
            self.line(f"{block.gradient}[{index}] = 0.0")
        if view.distinct:
            self.line(f"{target} += {gradient}")
        else:
            flat = f"({gradient}).ravel()" if deep else gradient
            self._scatter(block.gradient, view, flat)

    def _parameter_part(self, block: Block, view: View) -> str:
        """A regular part of the gradient of the parameters, in the shape of the view."""
        if not view.is_run:
            return f"part({block.gradient}, {view.start}, {view.shape}, {view.strides})"
        size = view.columns.size
        run = _slice(block.gradient, False, view.start, size)
        return _reshape(run, False, view.shape)

    def zero_unset_parameters(self) -> None:
        """Set the gradient of the parameters that nothing was added to to 0."""
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
        part = self._parameter_part(block, view)
        self.line(f"{product}({left}, {right}, {part})")
        written[view.columns.ravel()] = True
        return True


def _colon(batched: bool) -> str:
    """The index of all samples."""
    return ":, " if batched else ""


def _shape(batched: bool, width: int) -> str:
    """The shape of an array of rows."""
    return f"(n, {width})" if batched else str(width)


def _slice(name: str, batched: bool, start: int, length: int) -> str:
    """A part of a block, of all samples."""
    end = start + length
    return f"{name}[{_colon(batched)}{start}:{end}]"


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


def write_forward(writer: Writer, number: int, kernel: Kernel) -> None:
    """Write the lines that compute a kernel.

    Args:
        writer: Collects the lines.
        number: The block of the results.
        kernel: What to compute.
    """
    block = writer.layout.blocks[number]
    write = _FORWARD[type(kernel)]
    write(writer, block, kernel)


def write_backward(writer: Writer, number: int, kernel: Kernel) -> None:
    """Write the lines that send the gradient of a kernel to its operands."""
    block = writer.layout.blocks[number]
    write = _BACKWARD[type(kernel)]
    write(writer, block, kernel)


# Elementwise: values and derivatives are those of the table


def _elementwise_operands(writer: Writer, kernel: Elementwise) -> tuple[list[Operand], list[Term]]:
    """The operands that are rows, and the expressions of all operands, static ones included."""
    operands = []
    sources = []
    for rows in kernel.operands:
        operand = writer.layout.operand(rows)
        source = writer.read(operand, spreads=True)
        operands.append(operand)
        sources.append(Expression(source))
    terms = insert_static_args(kernel.kind, sources)
    return operands, list(terms)


def _elementwise(writer: Writer, block: Block, kernel: Elementwise) -> None:
    operands, terms = _elementwise_operands(writer, kernel)
    rule = getattr(EXPRESSIONS, kernel.kind.op)
    result = to_source(rule(*terms))

    # Operands that are read as one column give one column: it stands for all outputs.
    views = [operand.only for operand in operands]
    all_one = all(view is not None and view.is_one for view in views)
    if block.width > 1 and all_one:
        shape = _shape(block.batched, block.width)
        result = f"spread({result}, {shape})"
    writer.line(f"{block.name} = {result}")


def _elementwise_back(writer: Writer, block: Block, kernel: Elementwise) -> None:
    op = TABLE[kernel.kind.op]
    operands, terms = _elementwise_operands(writer, kernel)
    output = Expression(block.name)
    # A static argument is a plain number, to which no gradient flows.
    statics = kernel.kind.static_args or (None,) * len(terms)
    positions = [i for i, static in enumerate(statics) if static is None]
    for position, operand in zip(positions, operands, strict=True):
        if not writer.needs_gradient(operand):
            continue
        rule = op.partials[position]
        partial = rule(EXPRESSIONS, output, *terms)
        gradient = multiply(block.gradient, partial)
        if gradient is not None:
            _add_reduced(writer, block, operand, gradient)


def _add_reduced(writer: Writer, block: Block, operand: Operand, gradient: str) -> None:
    """Add a gradient of the shape of the block, summed to the shape of the operand.

    The sum is over the samples where the operand does not vary by sample, and over the outputs
    where all of them read the same number.
    """
    view = operand.only
    if view is None or not view.is_one or operand.shape[0] == 1:
        _add_total(writer, block, operand, gradient)
        return

    first = view.columns[:1]
    column = View(view.block, first, view.start, (1,))
    axes = "None"
    if writer.layout.batched(operand):
        # keepdims, so that the sum is a column again.
        axes = "1, None, None, True"
    one = Operand((1,), ((column, None),))
    writer.add_gradient(one, f"total({gradient}, {axes})")


def _add_total(writer: Writer, block: Block, operand: Operand, gradient: str) -> None:
    """Add a gradient, summed over the samples where they all read the same numbers."""
    if block.batched and not writer.layout.batched(operand):
        gradient = f"total({gradient}, 0)"
    writer.add_gradient(operand, gradient)


# Operations over lists: the rules of the table on whole arrays, items along the first axis


def _over_list(writer: Writer, block: Block, kernel: OverList) -> None:
    operand = writer.layout.operand(kernel.items)
    # The rules over lists take the items along the first axis.
    axes = "2, 0, 1" if writer.layout.batched(operand) else "1, 0"
    items = f"i{block.name}"
    source = writer.read(operand)
    writer.line(f"{items} = {source}.transpose({axes})")
    forward = _list_forward(kernel)
    function = writer.bind("f", forward)
    writer.line(f"{block.name} = {function}({items})")


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
    backward = _list_backward(kernel)
    function = writer.bind("f", backward)
    gradient = f"{function}({block.gradient}, {block.name}, i{block.name})"
    _add_total(writer, block, operand, gradient)


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
    first = writer.layout.operand(kernel.first)
    products = writer.read(first)
    if kernel.of_squares:
        products = f"square({products})"
    else:
        second = writer.layout.operand(kernel.second)
        factor = writer.read(second)
        products = f"{products} * {factor}"
    writer.line(f"{block.name} = total({products}, -1)")


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
            source = writer.read(other)
            _add_total(writer, block, operand, f"{factor} * {source}")


# Matrix products


def _matrix_operands(writer: Writer, kernel: Matrix) -> tuple[Operand, Operand, Operand | None]:
    layout = writer.layout
    rows = kernel.x[0] if len(kernel.x) == 1 else kernel.x
    x = layout.operand(rows)
    weights = layout.operand(kernel.weights)
    bias = None
    if kernel.bias is not None:
        bias = layout.operand(kernel.bias)
    return x, weights, bias


def _matrix(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _matrix_operands(writer, kernel)
    result = block.name
    places, length = kernel.x.shape
    source = writer.read(x)
    # Places where the same weights are applied are more rows of one matrix product.
    if places > 1:
        source = f"{source}.reshape(-1, {length})"
    writer.line(f"m{result} = {source}")

    matrix = writer.read(weights)
    writer.line(f"{result} = matmul(m{result}, {matrix}.T)")
    if bias is not None:
        biases = writer.read(bias)
        writer.line(f"{result} += {biases}")
    if places > 1:
        writer.line(f"{result} = {result}.reshape(n, -1)")


def _matrix_back(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _matrix_operands(writer, kernel)
    gradient = block.gradient
    source = f"m{block.name}"
    places = len(kernel.x)
    if places > 1:
        features = len(kernel.weights)
        writer.line(f"{gradient} = {gradient}.reshape(-1, {features})")

    if not _write_weights_and_bias(writer, block, kernel):
        if writer.needs_gradient(weights):
            view = weights.only
            if view is None or not writer.write_product(view, "outer", gradient, source):
                writer.add_gradient(weights, f"matmul({gradient}.T, {source})")
        if bias is not None and writer.needs_gradient(bias):
            writer.add_gradient(bias, f"total({gradient}, 0)")

    if writer.needs_gradient(x):
        matrix = writer.read(weights)
        back = f"matmul({gradient}, {matrix})"
        if places > 1:
            back = f"{back}.reshape(n, {places}, -1)"
        writer.add_gradient(x, back)


def _write_weights_and_bias(writer: Writer, block: Block, kernel: Matrix) -> bool:
    """Write the gradient of weights and biases in one product, and return whether that is possible.

    It is where all of them are parameters, neuron by neuron: w₁ … wₖ, b, as in a Layer.
    """
    if kernel.bias is None:
        return False
    rows = numpy.column_stack([kernel.weights, kernel.bias])
    operand = writer.layout.operand(rows)
    view = operand.only
    if view is None or not view.is_run or not writer.needs_gradient(operand):
        return False
    source = f"m{block.name}"
    return writer.write_product(view, "outer_with_one", block.gradient, source)


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
