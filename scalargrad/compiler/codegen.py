"""Writer: kernels as lines of NumPy, forward and back, each kind's adjoint beside it."""

from typing import Any

import numpy

from scalargrad.core.ops import TABLE

from .array_rules import ARRAYS
from .kernels import Dots, Elementwise, Kernel, Matrix, OverList
from .layout import Block, Layout, Operand
from .program import insert_static_args
from .rule_source import TEXTS, Text, times, written
from .strides import View, as_strided, split_duplicates

PARAMETERS = "p"


class Writer:
    """Collects lines of source, and the objects that they name.

    layout  where rows lie
    needed  for each block, whether a gradient shall flow to it
    fixed   the arrays that are always the same: those of the parameters and of the constants
    """

    def __init__(self, layout: Layout, needed: list[bool], fixed: dict[str, Any]) -> None:
        self.layout, self.needed, self.fixed = layout, needed, fixed
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self._written: dict[int, Any] = {}
        self._owned: set[int] = set()

    # Reading

    def bind(self, letter: str, thing: Any) -> str:
        """A name for an object that the lines use."""
        name = f"{letter}_{len(self.names)}"
        self.names[name] = thing
        return name

    def line(self, text: str) -> None:
        """One more line."""
        self.lines.append(text)

    def block(self, place: View) -> Block:
        """The block that a place is in."""
        return self.layout.blocks[place.block]

    def read(self, operand: Operand, spreads: bool = False) -> str:
        """Source for the numbers of an operand: (batch, *shape), or (*shape,) where it is the same for all samples.

        spreads  whether one number may stand for a row of equal ones
        """
        place = operand.only
        if place is None:
            return self._gathered(operand)
        block = self.block(place)
        if block.fixed:
            return self._fixed(block, place, spreads)
        if place.is_one and (spreads or operand.shape == (1,)):
            return self._column(block, place)
        if place.is_run:
            return self._run(block, place)
        index = self.bind("i", place.columns)
        return f"take({block.name}, {index}, {int(block.batched)})"

    def _run(self, block: Block, place: View) -> str:
        whole = place.columns.size == block.width
        source = (
            block.name
            if whole
            else f"{block.name}[{self._colon(block)}{place.start}:{place.start + place.columns.size}]"
        )
        shape = ", ".join(map(str, place.shape))
        return (
            source
            if len(place.shape) == 1
            else f"{source}.reshape({'n, ' if block.batched else ''}{shape})"
        )

    def _colon(self, block: Block) -> str:
        return ":, " if block.batched else ""

    def _column(self, block: Block, place: View) -> str:
        return (
            f"{block.name}[{self._colon(block)}{place.start}:{place.start + 1}]"
            if block.width > 1
            else block.name
        )

    def _fixed(self, block: Block, place: View, spreads: bool) -> str:
        array = self.fixed[block.name]
        if block.name == "c" and place.is_one and spreads:
            return written(float(array[place.start]))
        if place.strides is None:
            return f"{block.name}[{self.bind('i', place.columns)}]"
        return self.bind("w", as_strided(array, place))

    def _gathered(self, operand: Operand) -> str:
        parts = [(self.block(place), place, where) for place, where in operand.parts]
        batched = any(block.batched for block, *_ in parts)
        name = f"t{len(self.lines)}"
        size = int(numpy.prod(operand.shape))
        self.line(f"{name} = empty((n, {size}))" if batched else f"{name} = empty({size})")
        for _, place, where in parts:
            at = f"{name}[{':, ' if batched else ''}{self._span(where)}]"
            self.line(f"{at} = {self.read(Operand(place.shape, ((place, None),)), spreads=True)}")
        shape = ", ".join(map(str, operand.shape))
        return (
            name
            if len(operand.shape) == 1
            else f"{name}.reshape({'n, ' if batched else ''}{shape})"
        )

    def _span(self, where: Any) -> str:
        start, end = int(where[0]), int(where[-1]) + 1
        return f"{start}:{end}" if end - start == len(where) else self.bind("i", where)

    # Adding gradients

    def touched(self, number: int) -> bool:
        """Whether any gradient was given to a block."""
        return number in self._written

    def wants(self, operand: Operand) -> bool:
        """Whether a gradient shall flow to any part of it."""
        return any(self.needed[place.block] for place, _ in operand.parts)

    def give(self, operand: Operand, gradient: str) -> None:
        """Add a gradient: (batch, *shape), or (*shape,) where no part of the operand is batched."""
        batched = self.layout.batched(operand)
        if operand.only is not None:
            self._add(operand.only, gradient, len(operand.shape) > 1)
            return
        name = f"t{len(self.lines)}"
        flat = f".reshape({'n, ' if batched else ''}-1)" if len(operand.shape) > 1 else ""
        self.line(f"{name} = ({gradient}){flat}")
        for place, where in operand.parts:
            if self.needed[place.block]:
                part = f"{name}[{':, ' if batched else ''}{self._span(where)}]"
                self._add(
                    place,
                    part if self.block(place).batched or not batched else f"total({part}, 0)",
                    False,
                )

    def _add(self, place: View, gradient: str, deep: bool) -> None:
        if not self.needed[place.block]:
            return
        block = self.block(place)
        written = self._written.setdefault(place.block, numpy.zeros(block.width, bool))
        whole = place.is_run and place.columns.size == block.width
        if deep and block.name != PARAMETERS:
            gradient = f"({gradient}).reshape({'n, -1' if block.batched else '-1'})"
        if block.name == PARAMETERS:
            self._add_fixed(block, place, gradient, written, deep)
        elif whole:
            self._add_whole(place.block, block, gradient, written)
        else:
            self._add_part(block, place, gradient, written)
        written[place.columns.ravel()] = True

    def _add_whole(self, number: int, block: Block, gradient: str, written: Any) -> None:
        name = block.gradient
        self.line(f"{name} = {name} + {gradient}" if written.any() else f"{name} = {gradient}")
        self._owned.discard(number)

    def _add_part(self, block: Block, place: View, gradient: str, written: Any) -> None:
        name, shape = block.gradient, f"(n, {block.width})" if block.batched else str(block.width)
        if not written.any():
            self.line(f"{name} = zeros({shape})")
            self._owned.add(place.block)
        elif place.block not in self._owned:
            self.line(f"{name} = {name}.copy()")
            self._owned.add(place.block)
        colon = self._colon(block)
        if place.is_run:
            self.line(
                f"{name}[{colon}{place.start}:{place.start + place.columns.size}] += {gradient}"
            )
        elif place.distinct:
            self.line(f"{name}[{colon}{self.bind('i', place.columns.ravel())}] += {gradient}")
        else:
            self.line(f"scatter({name}, {gradient}, {self.bind('s', _turns(place))})")

    def _add_fixed(
        self, block: Block, place: View, gradient: str, written: Any, deep: bool
    ) -> None:
        """To the gradient of the parameters, an array that the caller gives, with anything in it: the first who comes does not add."""
        columns = place.columns.ravel()
        target = (
            f"{block.gradient}[{self.bind('i', place.columns)}]"
            if place.strides is None
            else f"{self._part(block, place)}[...]"
        )
        if place.distinct and not written[columns].any():
            self.line(f"{target} = {gradient}")
            return
        fresh = numpy.unique(columns[~written[columns]])
        if len(fresh):
            self.line(f"{block.gradient}[{self.bind('i', fresh)}] = 0.0")
        if place.distinct:
            self.line(f"{target} += {gradient}")
        else:
            flat = f"({gradient}).ravel()" if deep else gradient
            self.line(f"scatter({block.gradient}, {flat}, {self.bind('s', _turns(place))})")

    def _part(self, block: Block, place: View) -> str:
        """A regular part of the gradient of the parameters, in the shape of the place."""
        if place.is_run:
            run = f"{block.gradient}[{place.start}:{place.start + place.columns.size}]"
            return run if len(place.shape) == 1 else f"{run}.reshape{place.shape}"
        return f"part({block.gradient}, {place.start}, {place.shape}, {place.strides})"

    def leave_nothing_unset(self) -> None:
        """Zeros for the parameters that no gradient reached."""
        number = next(i for i, block in enumerate(self.layout.blocks) if block.name == PARAMETERS)
        block = self.layout.blocks[number]
        rest = numpy.flatnonzero(~self._written.get(number, numpy.zeros(block.width, bool)))
        if len(rest):
            self.line(
                f"{block.gradient}[{self.bind('i', rest) if len(rest) < block.width else ':'}] = 0.0"
            )

    def product_into(self, place: View, product: str, left: str, right: str) -> bool:
        """Write a product, such as leftᵀ @ right, straight into the gradient of the parameters, where that is possible."""
        block = self.block(place)
        if block.name != PARAMETERS or not place.strides or not place.distinct:
            return False
        written = self._written.setdefault(place.block, numpy.zeros(block.width, bool))
        if written[place.columns].any():
            return False
        self.line(f"{product}({left}, {right}, {self._part(block, place)})")
        written[place.columns.ravel()] = True
        return True


def _turns(place: View) -> list[tuple[Any, Any]]:
    columns = place.columns.ravel()
    return [(columns[part], part) for part in split_duplicates(columns)]


def forward(writer: Writer, number: int, kernel: Kernel) -> None:
    """The lines that compute a kernel."""
    _FORWARD[type(kernel)](writer, writer.layout.blocks[number], kernel)


def backward(writer: Writer, number: int, kernel: Kernel) -> None:
    """The lines that send the gradient of a kernel to its operands."""
    _BACKWARD[type(kernel)](writer, writer.layout.blocks[number], kernel)


# Element by element: forward and derivatives are those of the table


def _operands(writer: Writer, kernel: Elementwise) -> list[Operand]:
    return [writer.layout.operand(rows) for rows in kernel.operands]


def _texts(writer: Writer, kernel: Elementwise, operands: list[Operand]) -> list[Any]:
    return insert_static_args(
        kernel.kind, [Text(writer.read(operand, spreads=True)) for operand in operands]
    )


def _elementwise(writer: Writer, block: Block, kernel: Elementwise) -> None:
    operands = _operands(writer, kernel)
    result = written(getattr(TEXTS, kernel.kind.op)(*_texts(writer, kernel, operands)))
    alike = block.width > 1 and all(
        operand.only is not None and operand.only.is_one for operand in operands
    )
    shape = f"(n, {block.width})" if block.batched else str(block.width)
    writer.line(
        f"{block.name} = spread({result}, {shape})" if alike else f"{block.name} = {result}"
    )


def _elementwise_back(writer: Writer, block: Block, kernel: Elementwise) -> None:
    op, operands = TABLE[kernel.kind.op], _operands(writer, kernel)
    texts = _texts(writer, kernel, operands)
    places = [
        i
        for i, setting in enumerate(kernel.kind.static_args or [None] * len(texts))
        if setting is None
    ]
    for place, operand in zip(places, operands, strict=True):
        if writer.wants(operand):
            share = times(block.gradient, op.partials[place](TEXTS, Text(block.name), *texts))
            if share is not None:
                _give_reduced(writer, block, operand, share)


def _give_reduced(writer: Writer, block: Block, operand: Operand, share: str) -> None:
    """The gradient in the shape of the operand: summed over the samples and the outputs that it serves alike."""
    place, batched = operand.only, writer.layout.batched(operand)
    if place is not None and place.is_one and operand.shape[0] > 1:
        one = Operand((1,), ((View(place.block, place.columns[:1], place.start, (1,)), None),))
        writer.give(
            one, f"total({share}, 1, None, None, True)" if batched else f"total({share}, None)"
        )
    elif block.batched and not batched:
        writer.give(operand, f"total({share}, 0)")
    else:
        writer.give(operand, share)


# Lists


def _items(writer: Writer, items: Any) -> tuple[Operand, str]:
    operand = writer.layout.operand(items)
    return (
        operand,
        f"{writer.read(operand)}.transpose({'2, 0, 1' if writer.layout.batched(operand) else '1, 0'})",
    )


def _over_list(writer: Writer, block: Block, kernel: OverList) -> None:
    _, items = _items(writer, kernel.items)
    writer.line(f"i{block.name} = {items}")
    writer.line(f"{block.name} = {writer.bind('f', _list_forward(kernel))}(i{block.name})")


def _list_forward(kernel: OverList) -> Any:
    op = TABLE[kernel.kind.op]
    return lambda items: op.forward(ARRAYS, items)


def _over_list_back(writer: Writer, block: Block, kernel: OverList) -> None:
    operand = writer.layout.operand(kernel.items)
    if not writer.wants(operand):
        return
    share = (
        f"{writer.bind('f', _list_backward(kernel))}({block.gradient}, {block.name}, i{block.name})"
    )
    if block.batched and not writer.layout.batched(operand):
        share = f"total({share}, 0)"
    writer.give(operand, share)


def _list_backward(kernel: OverList) -> Any:
    op = TABLE[kernel.kind.op]

    def shares(gradient: Any, o: Any, items: Any) -> Any:
        partials = op.partials[0](ARRAYS, o, items)
        if isinstance(partials, numpy.ndarray):
            product = gradient * partials
            return product.transpose(*range(1, product.ndim), 0)
        return numpy.stack(
            [numpy.broadcast_to(gradient * partial, items.shape[1:]) for partial in partials],
            axis=-1,
        )

    return shares


# Dot products with factors of their own


def _dots(writer: Writer, block: Block, kernel: Dots) -> None:
    if kernel.of_squares:
        writer.line(
            f"{block.name} = total(square({writer.read(writer.layout.operand(kernel.first))}), -1)"
        )
        return
    first, second = (
        writer.read(writer.layout.operand(rows)) for rows in (kernel.first, kernel.second)
    )
    writer.line(f"{block.name} = total({first} * {second}, -1)")


def _dots_back(writer: Writer, block: Block, kernel: Dots) -> None:
    first, second = (writer.layout.operand(rows) for rows in (kernel.first, kernel.second))
    gradient = f"{block.gradient}[..., None]"
    pairs = (
        [(first, second, f"(2.0 * {gradient})")]
        if kernel.of_squares
        else [(first, second, gradient), (second, first, gradient)]
    )
    for operand, other, factor in pairs:
        if writer.wants(operand):
            share = f"{factor} * {writer.read(other)}"
            writer.give(
                operand,
                f"total({share}, 0)"
                if block.batched and not writer.layout.batched(operand)
                else share,
            )


# Matrices


def _matrix_parts(writer: Writer, kernel: Matrix) -> tuple[Operand, Operand, Operand | None]:
    x = kernel.x[0] if len(kernel.x) == 1 else kernel.x
    bias = None if kernel.bias is None else writer.layout.operand(kernel.bias)
    return writer.layout.operand(x), writer.layout.operand(kernel.weights), bias


def _matrix(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _matrix_parts(writer, kernel)
    places, length = kernel.x.shape
    source = writer.read(x)
    writer.line(f"m{block.name} = {source if places == 1 else f'{source}.reshape(-1, {length})'}")
    writer.line(f"{block.name} = matmul(m{block.name}, {writer.read(weights)}.T)")
    if bias is not None:
        writer.line(f"{block.name} += {writer.read(bias)}")
    if places > 1:
        writer.line(f"{block.name} = {block.name}.reshape(n, -1)")


def _matrix_back(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _matrix_parts(writer, kernel)
    gradient, places = block.gradient, len(kernel.x)
    if places > 1:
        writer.line(f"{gradient} = {gradient}.reshape(-1, {len(kernel.weights)})")
    if not _rows_back(writer, block, kernel):
        if writer.wants(weights) and not (
            weights.only and writer.product_into(weights.only, "outer", gradient, f"m{block.name}")
        ):
            writer.give(weights, f"matmul({gradient}.T, m{block.name})")
        if bias is not None and writer.wants(bias):
            writer.give(bias, f"total({gradient}, 0)")
    if writer.wants(x):
        back = f"matmul({gradient}, {writer.read(weights)})"
        writer.give(x, back if places == 1 else f"{back}.reshape(n, {places}, -1)")


def _rows_back(writer: Writer, block: Block, kernel: Matrix) -> bool:
    """Write the gradient of weights and biases at once, if that is possible: where they are parameters, one neuron after the other."""
    if kernel.bias is None:
        return False
    rows = writer.layout.operand(numpy.column_stack([kernel.weights, kernel.bias]))
    if rows.only is None or not rows.only.is_run or not writer.wants(rows):
        return False
    return writer.product_into(rows.only, "outer_with_one", block.gradient, f"m{block.name}")


_FORWARD: dict[type, Any] = {
    Elementwise: _elementwise,
    OverList: _over_list,
    Dots: _dots,
    Matrix: _matrix,
}
_BACKWARD: dict[type, Any] = {
    Elementwise: _elementwise_back,
    OverList: _over_list_back,
    Dots: _dots_back,
    Matrix: _matrix_back,
}
