"""Code generation: kernels as lines of NumPy source, forward and backward.

The adjoint of each kind of kernel is right below its forward lines. Derivatives of operations come
from the table; how arrays are read and gradients are added is up to the `Writer`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from scalargrad.core.ops import LOGSUMEXP, TABLE

from .array_rules import ARRAYS
from .array_types import Array, Rows
from .kernels import Dots, Elementwise, Gather, Kernel, Matrix, OverList, Scan
from .layout import Block, Operand
from .loop_code import LoopCode
from .loop_lines import LOOP_INPUTS, loop_operands, send_gradients
from .loop_source import write_loop
from .program import insert_static_args, partials_by_rows
from .rule_source import EXPRESSIONS, Expression, multiply, to_source
from .strides import View
from .writer import Writer, write_shape

__all__ = ["write_backward", "write_forward"]


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


# Elementwise: values and derivatives are those of the table, in nested expressions


def _forward_elementwise(writer: Writer, block: Block, kernel: Elementwise) -> None:
    result = _write_operation(writer, block.name, kernel)

    # Operands that are all read as one column give one column, which is spread to all outputs.
    operands = map(writer.layout.operand, kernel.taken())
    if block.width > 1 and all(operand.is_one for operand in operands):
        shape = write_shape(block.batched, block.width)
        result = f"spread({result}, {shape})"
    writer.assign(block.name, result)


def _write_operation(writer: Writer, name: str, kernel: Elementwise) -> str:
    """Return the source of an operation; what gradients need on the way is assigned to names.

    Args:
        writer: Collects the lines.
        name: The name of the result: v3, or v3_0 for the first operand of v3.
        kernel: The operation.
    """
    read = _find_read(writer, name, kernel)
    terms = []
    for operand, inner in _name_operands(name, kernel):
        if isinstance(operand, Elementwise):
            source = _write_operation(writer, inner, operand)
            # Its own derivatives may be computed from it, or those of what takes it.
            if inner in read or inner in _find_read(writer, inner, operand):
                writer.assign(inner, source)
                source = inner
        else:
            source = writer.read(writer.layout.operand(operand), spreads=True)
        terms.append(Expression(source))
    rule = getattr(EXPRESSIONS, kernel.kind.op)
    return to_source(rule(*insert_static_args(kernel.kind, terms)))


def _name_operands(name: str, kernel: Elementwise) -> list[tuple[Rows | Elementwise, str]]:
    """Return the operands of an operation, each with a name."""
    return [(operand, f"{name}_{i}") for i, operand in enumerate(kernel.operands)]


def _write_partials(
    writer: Writer, name: str, kernel: Elementwise, sources: Mapping[str, str]
) -> dict[str, Any]:
    """Return the local derivatives by those operands that need a gradient, by their names.

    Args:
        writer: Knows which do.
        name: The name of the result.
        kernel: The operation.
        sources: The source of operands, by their names; an operand without one is its name.
    """
    named = _name_operands(name, kernel)
    terms = [Expression(sources.get(inner, inner)) for _, inner in named]
    all_terms = insert_static_args(kernel.kind, terms)
    partials = {}
    for rule, (operand, inner) in zip(partials_by_rows(kernel.kind), named, strict=True):
        groups = operand.taken() if isinstance(operand, Elementwise) else [operand]
        if any(writer.needs_gradient(writer.layout.operand(rows)) for rows in groups):
            partials[inner] = rule(EXPRESSIONS, Expression(name), *all_terms)
    return partials


def _find_read(writer: Writer, name: str, kernel: Elementwise) -> set[str]:
    """Return the names, of the result and of operands, that occur in the local derivatives."""
    partials = _write_partials(writer, name, kernel, {})
    return set(_NAME.findall(" ".join(map(str, partials.values()))))


_NAME = re.compile(r"[a-z]\w*")


def _backward_elementwise(writer: Writer, block: Block, kernel: Elementwise) -> None:
    _send_gradient(writer, block, block.name, kernel, block.gradient)


def _send_gradient(
    writer: Writer, block: Block, name: str, kernel: Elementwise, gradient: str
) -> None:
    """Send the gradient of an operation to its operands."""
    # Only what a derivative is computed from is read again: a sum needs neither of its terms.
    read = _find_read(writer, name, kernel)
    named = _name_operands(name, kernel)
    sources = {}
    for operand, inner in named:
        if inner in read and not isinstance(operand, Elementwise):
            sources[inner] = writer.read(writer.layout.operand(operand), spreads=True)
    partials = _write_partials(writer, name, kernel, sources)
    if len(partials) > 1 and gradient != block.gradient:
        gradient = writer.assign_temporary(gradient)

    for operand, inner in named:
        product = multiply(gradient, partials[inner]) if inner in partials else None
        if product is None:
            continue
        if isinstance(operand, Elementwise):
            _send_gradient(writer, block, inner, operand, product)
        else:
            _add_reduced(writer, block, writer.layout.operand(operand), product)


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
    # A column again, or an array of one number: more may be added to it in place.
    total = f"total({gradient}, None).reshape(1)"
    if writer.layout.batched(operand):
        total = f"total({gradient}, 1, None, None, True)"
    one = Operand((1,), ((column, None),))
    writer.add_gradient(one, total)


def _add_total(writer: Writer, block: Block, operand: Operand, gradient: str) -> None:
    """Add a gradient, summed over the samples where they all read the same numbers."""
    if block.batched and not writer.layout.batched(operand):
        gradient = f"total({gradient}, 0)"
    writer.add_gradient(operand, gradient)


# Operations over lists: the rules of the table on whole arrays, items along the first axis


def _forward_over_list(writer: Writer, block: Block, kernel: OverList) -> None:
    operand = writer.layout.operand(kernel.items)
    items = f"i{block.name}"
    source = f"items_first({writer.read(operand)})"
    if kernel.kind.op == LOGSUMEXP.name:
        # Its derivatives are made of the same exponentials: they are kept in place of the items.
        writer.line(f"{block.name}, {items} = logsumexp_and_softmax({source})")
        return

    writer.assign(items, source)
    forward = _make_forward(kernel)
    function = writer.bind("f", forward)
    writer.assign(block.name, f"{function}({items})")


def _make_forward(kernel: OverList) -> Callable[[Array], Array]:
    op = TABLE[kernel.kind.op]

    def values(items: Array) -> Array:
        result: Array = op.forward(ARRAYS, items)
        return result

    return values


def _backward_over_list(writer: Writer, block: Block, kernel: OverList) -> None:
    operand = writer.layout.operand(kernel.items)
    if not writer.needs_gradient(operand):
        return
    items = f"i{block.name}"
    if kernel.kind.op == LOGSUMEXP.name:
        axes = "1, 2, 0" if writer.layout.batched(operand) else "1, 0"
        _add_total(writer, block, operand, f"({block.gradient} * {items}).transpose({axes})")
        return

    backward = _make_backward(kernel)
    function = writer.bind("f", backward)
    gradient = f"{function}({block.gradient}, {block.name}, {items})"
    _add_total(writer, block, operand, gradient)


def _make_backward(kernel: OverList) -> Callable[[Array, Array, Array], Array]:
    op = TABLE[kernel.kind.op]

    def gradients(gradient: Array, output: Array, items: Array) -> Array:
        partials = op.partials[0](ARRAYS, output, items)
        if isinstance(partials, numpy.ndarray):
            product: Array = gradient * partials
            return product.transpose(*range(1, product.ndim), 0)
        shape = items.shape[1:]
        # A rule may also return a list: a derivative for each item, some of them plain numbers.
        plain = all(isinstance(partial, float) for partial in partials)
        if plain and len(set(partials)) == 1:
            same = numpy.broadcast_to(gradient * partials[0], shape)
            return numpy.broadcast_to(same[..., None], (*shape, len(items)))
        products = [numpy.broadcast_to(gradient * partial, shape) for partial in partials]
        return numpy.stack(products, axis=-1)

    return gradients


# Dot products, each with its own factors


def _read_factors(writer: Writer, kernel: Dots) -> tuple[Operand, Operand]:
    """Both factors, (m, n); (n,) for a single product, which then needs no further axis."""
    first, second = kernel.first, kernel.second
    if len(first) == 1:
        first, second = first[0], second[0]
    return writer.layout.operand(first), writer.layout.operand(second)


def _forward_dots(writer: Writer, block: Block, kernel: Dots) -> None:
    first, second = _read_factors(writer, kernel)
    products = writer.read(first)
    if kernel.of_squares:
        products = f"square({products})"
    else:
        factors = writer.read(second)
        products = f"{products} * {factors}"
    axis = "-1, None, None, True" if block.width == 1 else "-1"
    writer.assign(block.name, f"total({products}, {axis})")


def _backward_dots(writer: Writer, block: Block, kernel: Dots) -> None:
    first, second = _read_factors(writer, kernel)
    gradient = block.gradient if block.width == 1 else f"{block.gradient}[..., None]"
    if kernel.of_squares:
        pairs = [(first, second, f"(2.0 * {gradient})")]
    else:
        pairs = [(first, second, gradient), (second, first, gradient)]

    for operand, other, factor in pairs:
        if writer.needs_gradient(operand):
            source = writer.read(other)
            _add_total(writer, block, operand, f"{factor} * {source}")


# Matrix products


def _find_operands(writer: Writer, kernel: Matrix) -> tuple[Operand, Operand, Operand | None]:
    layout = writer.layout
    rows = kernel.x[0] if len(kernel.x) == 1 else kernel.x
    x = layout.operand(rows)
    weights = layout.operand(kernel.weights)
    bias = None
    if kernel.bias is not None:
        bias = layout.operand(kernel.bias)
    return x, weights, bias


def _forward_matrix(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _find_operands(writer, kernel)
    result = block.name
    inputs = f"m{result}"
    places, length = kernel.x.shape
    source = writer.read(x)
    # Places where the same weights are applied are more rows of one matrix product.
    is_reshaped = places > 1 or not block.batched
    if is_reshaped:
        source = f"{source}.reshape(-1, {length})"
    writer.assign(inputs, source)

    matrix = writer.read(weights)
    writer.assign(result, f"matmul({inputs}, {matrix}.T)")
    if bias is not None:
        biases = writer.read(bias)
        writer.line(f"{result} += {biases}")
    if is_reshaped:
        shape = "n, -1" if block.batched else "-1"
        writer.assign(result, f"{result}.reshape({shape})")


def _backward_matrix(writer: Writer, block: Block, kernel: Matrix) -> None:
    x, weights, bias = _find_operands(writer, kernel)
    gradient = block.gradient
    places = len(kernel.x)
    is_reshaped = places > 1 or not block.batched
    if is_reshaped:
        features = len(kernel.weights)
        writer.assign(gradient, f"{gradient}.reshape(-1, {features})")

    if not _write_weights_and_bias(writer, block, kernel):
        if writer.needs_gradient(weights):
            _write_weights(writer, block, weights)
        if bias is not None and writer.needs_gradient(bias):
            writer.add_gradient(bias, f"total({gradient}, 0)")

    if writer.needs_gradient(x):
        matrix = writer.read(weights)
        back = f"matmul({gradient}, {matrix})"
        if places > 1 and block.batched:
            back = f"{back}.reshape(n, {places}, -1)"
        elif places == 1 and not block.batched:
            back = f"{back}[0]"
        writer.add_gradient(x, back)


def _write_weights(writer: Writer, block: Block, weights: Operand) -> None:
    inputs = f"m{block.name}"
    view = weights.only
    if view is not None and writer.write_outer(view, "outer", block.gradient, inputs):
        return
    writer.add_gradient(weights, f"matmul({block.gradient}.T, {inputs})")


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
    inputs = f"m{block.name}"
    return writer.write_outer(view, "outer_with_one", block.gradient, inputs)


# Look-ups


def _forward_gather(writer: Writer, block: Block, kernel: Gather) -> None:
    index = f"j{block.name}"
    source = writer.read_rows(kernel.index)
    indices = f"indices({source}, {kernel.count})"
    if kernel.tables > 1:
        first_rows = writer.bind("i", kernel.first_rows)
        indices = f"{indices} + {first_rows}"
    writer.assign(index, indices)

    table = writer.layout.operand(kernel.table)
    look_up = "look_up_by_sample" if writer.layout.batched(table) else "look_up"
    writer.assign(block.name, f"{look_up}({writer.read(table)}, {index}).reshape(n, -1)")


def _backward_gather(writer: Writer, block: Block, kernel: Gather) -> None:
    # No gradient flows to the index.
    table = writer.layout.operand(kernel.table)
    if not writer.needs_gradient(table):
        return
    index = f"j{block.name}"
    count, width = kernel.table.shape
    if writer.layout.batched(table):
        shape = f"(n, {count}, {width})"
        writer.add_gradient(table, f"scatter_by_sample({block.gradient}, {index}, {shape})")
        return

    # Straight into the gradient of the parameters where they lie regularly, as in an Embedding.
    view = table.only
    if view is not None and writer.write_product(view, "scatter_into", index, block.gradient):
        return
    writer.add_gradient(table, f"scatter_rows({index}, {block.gradient}, ({count}, {width}))")


# Loops


def _forward_scan(writer: Writer, block: Block, kernel: Scan) -> None:
    operands = loop_operands(writer, kernel)
    wanted = [name for name, operand in operands.items() if writer.needs_gradient(operand)]
    source = write_loop(kernel, wanted, write_forward, write_backward)
    loop = f"loop_{block.name}"
    writer.names[loop] = LoopCode(kernel, source)
    writer.loops += source.loops
    writer.loops.append(f"# {loop}: {kernel}\n{source.forward or source.outputs}")
    if wanted:
        writer.loops.append(source.backward)

    nothing = "zeros((1, 0))"
    empty = {"x0": nothing, "x1": f"{nothing}[None]", "x2": nothing, "p": "zeros(0)"}
    read = [writer.read(operands[name]) if name in operands else empty[name] for name in empty]
    arguments = ", ".join(["n", *read])
    if wanted:
        writer.line(f"{block.name}, k{block.name} = {loop}.forward({arguments})")
    else:
        writer.assign(block.name, f"{loop}.outputs({arguments})")


def _backward_scan(writer: Writer, block: Block, kernel: Scan) -> None:
    back = f"b{block.name}"
    writer.assign(back, f"loop_{block.name}.backward(n, {block.gradient}, k{block.name})")
    sources = {name: f"{back}[{i}]" for i, name in enumerate(LOOP_INPUTS)}
    send_gradients(writer, kernel, sources)


_Rule = Callable[[Writer, Block, Any], None]

_FORWARD: dict[type[Kernel], _Rule] = {
    Elementwise: _forward_elementwise,
    OverList: _forward_over_list,
    Dots: _forward_dots,
    Matrix: _forward_matrix,
    Gather: _forward_gather,
    Scan: _forward_scan,
}
_BACKWARD: dict[type[Kernel], _Rule] = {
    Elementwise: _backward_elementwise,
    OverList: _backward_over_list,
    Dots: _backward_dots,
    Matrix: _backward_matrix,
    Gather: _backward_gather,
    Scan: _backward_scan,
}
