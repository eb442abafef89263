"""Matrix products in native code, in blocks whose sums stay in registers."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from .native_module import Emitter

__all__ = [
    "SUMS",
    "Factor",
    "Product",
    "add_up",
    "over_rows",
    "over_tiles",
    "padded",
    "write_dots",
    "write_product",
    "write_transposed",
]

_BLOCK_ROWS = 8
"""How many rows of a product are summed up together; half of them where registers are few."""

SUMS = 2 * _BLOCK_ROWS
"""How many vectors the sums of one block take at most."""

_MANY_REGISTERS = 8
"""The width of vectors from which on a processor has 32 of them, and not 16."""

_SUMS_AT_ONCE = 4
"""How many sums a list of vectors is added up in: one would wait for each addition to end."""

Columns: TypeAlias = Callable[[Callable[[list[Any]], None]], None]
"""Calls a function with vectors of columns, one or two at a time, until all had their turn."""


class Factor(NamedTuple):
    """One side of a product: doubles at regular distances.

    Attributes:
        array: The array.
        start: The position of the first one.
        across: How far rows of the left side, or columns of the right side, are from each other.
        along: How far it is from one product of a sum to the next.
    """

    array: Any
    start: Any
    across: int
    along: int


class Product(NamedTuple):
    """A matrix product whose columns lie in the lanes of vectors.

    The result (i, j) is the sum over k of left (i, k) times right (k, j). Indexes are integers of
    LLVM; that of a column is one of those that `over_tiles` or `over_rows` give.

    Attributes:
        rows: The number of rows.
        depth: How many products are summed up.
        left: The left side.
        right: The right side. Columns of a vector lie one after the other.
        finish: Takes i, j and the sum.
    """

    rows: int
    depth: Any
    left: Factor
    right: Factor
    finish: Callable[[Any, Any, Any], None]


def over_tiles(emitter: Emitter, tiles: Any) -> Columns:
    """Return what goes through vectors of samples, by their number."""

    def run(body: Callable[[list[Any]], None]) -> None:
        builder = emitter.builder

        def run_pair(pair: Any) -> None:
            first = emitter.scale_index(pair, 2)
            body([first, emitter.add_index(first, 1)])

        emitter.repeat(builder.lshr(tiles, emitter.index(1)), run_pair)
        last = emitter.add_index(tiles, -1)
        is_odd = builder.and_(tiles, emitter.index(1))
        emitter.repeat(is_odd, lambda _: body([last]))

    return run


def over_rows(emitter: Emitter, count: int) -> Columns:
    """Return what goes through so many rows, by the number of the first row of each vector."""

    def run(body: Callable[[list[Any]], None]) -> None:
        width = emitter.width
        pairs, rest = divmod(count, 2 * width)

        def run_pair(pair: Any) -> None:
            first = emitter.scale_index(pair, 2 * width)
            body([first, emitter.add_index(first, width)])

        with emitter.along_rows():
            if pairs:
                emitter.repeat(pairs, run_pair)
            if rest >= width:
                body([emitter.index(count - rest)])
        if rest % width:
            with emitter.along_rows(rest % width):
                body([emitter.index(count - rest % width)])

    return run


def add_up(emitter: Emitter, count: int, find: Callable[[Any], Any]) -> Any:
    """Write a loop that adds up `count` vectors, and return the sum.

    Args:
        emitter: Where instructions are added.
        count: How many vectors there are.
        find: Returns a vector by its number.
    """
    builder = emitter.builder
    rounds, rest = divmod(count, _SUMS_AT_ONCE)

    def add_some(number: Any, sums: list[Any]) -> list[Any]:
        first = emitter.scale_index(number, _SUMS_AT_ONCE)
        return [
            builder.fadd(total, find(emitter.add_index(first, i))) for i, total in enumerate(sums)
        ]

    zero = emitter.constant(0.0)
    total, *others = emitter.loop(emitter.index(rounds), add_some, [zero] * _SUMS_AT_ONCE)
    others += [find(emitter.index(count - rest + i)) for i in range(rest)]
    for other in others:
        total = builder.fadd(total, other)
    return total


def write_product(emitter: Emitter, product: Product, columns: Columns, sums: Any) -> None:
    """Write a matrix product, block by block.

    Args:
        emitter: Where instructions are added.
        product: The product.
        columns: What goes through its columns.
        sums: An array for the sums of one block, SUMS vectors.
    """
    size = _count_rows(emitter)
    blocks, rest = divmod(product.rows, size)

    def run_columns(some: list[Any]) -> None:
        def run_block(block: Any) -> None:
            _write_block(emitter, product, emitter.scale_index(block, size), size, some, sums)

        if blocks:
            emitter.repeat(blocks, run_block)
        if rest:
            first = emitter.index(blocks * size)
            _write_block(emitter, product, first, rest, some, sums)

    columns(run_columns)


def _count_rows(emitter: Emitter) -> int:
    return _BLOCK_ROWS if emitter.width >= _MANY_REGISTERS else _BLOCK_ROWS // 2


def _write_block(
    emitter: Emitter, product: Product, first: Any, count: int, columns: Sequence[Any], sums: Any
) -> None:
    """Write what computes some rows and columns of a product."""
    left, right = product.left, product.right
    row = emitter.add_index(left.start, emitter.scale_index(first, left.across))
    column = emitter.add_index(right.start, emitter.scale_index(columns[0], right.across))
    function = _find_accumulator(emitter, count, len(columns))
    strides = [left.across, left.along, right.along]
    emitter.builder.call(
        function,
        [
            product.depth,
            emitter.builder.gep(left.array, [row]),
            emitter.builder.gep(right.array, [column]),
            *map(emitter.index, strides),
            sums,
        ],
    )

    def finish_row(number: Any) -> None:
        start = emitter.scale_index(number, len(columns) * emitter.width)
        for place, column in enumerate(columns):
            total = emitter.load(sums, emitter.add_index(start, place * emitter.width))
            product.finish(emitter.add_index(first, number), column, total)

    emitter.repeat(count, finish_row)


def _find_accumulator(emitter: Emitter, rows: int, columns: int) -> Any:
    """Return a function that sums up one block of a product, written at its first use."""
    name = f"accumulate_{rows}x{columns}_{emitter.active}"
    function = emitter.module.globals.get(name)
    if function is None:
        pointer = emitter.double.as_pointer()
        integer = emitter.integer
        arguments = [integer, pointer, pointer, integer, integer, integer, pointer]
        with emitter.new_function(name, arguments) as function:
            _write_accumulator(emitter, rows, columns, function.args)
    return function


def _write_accumulator(emitter: Emitter, rows: int, columns: int, arguments: Sequence[Any]) -> None:
    depth, left, right, across, along, right_along, sums = arguments
    builder = emitter.builder
    offsets = [builder.mul(emitter.index(row), across) for row in range(rows)]

    def add_products(k: Any, totals: list[Any]) -> list[Any]:
        place = builder.mul(k, along)
        lefts = [
            emitter.splat(emitter.load_scalar(left, emitter.add_index(place, offset)))
            for offset in offsets
        ]
        first = builder.mul(k, right_along)
        rights = [
            emitter.load(right, emitter.add_index(first, column * emitter.width))
            for column in range(columns)
        ]
        pairs = [(x, y) for x in lefts for y in rights]
        return [
            emitter.multiply_add(x, y, total) for (x, y), total in zip(pairs, totals, strict=True)
        ]

    zeros = [emitter.constant(0.0)] * (rows * columns)
    for number, total in enumerate(emitter.loop(depth, add_products, zeros)):
        emitter.store(total, sums, emitter.index(number * emitter.width))


def write_dots(
    emitter: Emitter,
    count: int,
    length: int,
    load_product: Callable[[Any, Any], tuple[Any, Any]],
    finish: Callable[[Any, Any], None],
) -> None:
    """Write dot products of vectors that lie along the lanes.

    Args:
        emitter: Where instructions are added.
        count: How many there are.
        length: How long each is.
        load_product: Returns the two factors, given the number of the dot product and the position.
        finish: Takes the number of the first of several dot products, and a vector of their sums.
    """
    width = emitter.width
    full, rest = divmod(length, width)

    def add_products(numbers: list[Any], position: Any, sums: list[Any]) -> list[Any]:
        added = []
        for number, total in zip(numbers, sums, strict=True):
            x, y = load_product(number, position)
            added.append(emitter.multiply_add(x, y, total))
        return added

    def add_rest(numbers: list[Any], position: Any, sums: list[Any]) -> list[Any]:
        # What is in the other lanes is not added.
        lanes = [lane if lane < rest else width + lane for lane in range(width)]
        with emitter.along_rows(rest):
            added = add_products(numbers, position, sums)
        pairs = zip(added, sums, strict=True)
        return [emitter.shuffle(new, old, lanes) for new, old in pairs]

    def run_some(first: Any, some: int) -> None:
        numbers = [emitter.add_index(first, number) for number in range(some)]

        def run(vector: Any, sums: list[Any]) -> list[Any]:
            position = emitter.scale_index(vector, width)
            with emitter.along_rows():
                return add_products(numbers, position, sums)

        sums = emitter.loop(emitter.index(full), run, [emitter.constant(0.0)] * some)
        if rest:
            sums = add_rest(numbers, emitter.index(full * width), sums)
        padding = [emitter.constant(0.0)] * (width - some)
        with emitter.along_rows(some):
            finish(first, emitter.sum_each([*sums, *padding]))

    groups, remaining = divmod(count, width)
    if groups:

        def run_group(group: Any) -> None:
            run_some(emitter.scale_index(group, width), width)

        emitter.repeat(groups, run_group)
    if remaining:
        run_some(emitter.index(groups * width), remaining)


def write_transposed(
    emitter: Emitter, count: int, rows: Factor, columns: Columns, target: Any
) -> Factor:
    """Write a matrix into an array column by column, and return it as the right side of a product.

    Args:
        emitter: Where instructions are added.
        count: The number of rows.
        rows: The matrix. Columns of a vector lie one after the other.
        columns: What goes through all columns: that of samples, or of rows.
        target: The array, of as many doubles for each column as fill vectors with `count`.
    """
    width = emitter.width
    length = padded(count, width)

    def write_rows(first: Any, some: int, column: Any) -> None:
        start = emitter.add_index(rows.start, emitter.scale_index(first, rows.along))
        source = emitter.add_index(start, emitter.scale_index(column, rows.across))
        position = column if emitter.by_rows else emitter.scale_index(column, width)
        place = emitter.add_index(emitter.scale_index(position, length), first)
        function = _find_transposer(emitter, some)
        emitter.builder.call(
            function,
            [
                emitter.builder.gep(rows.array, [source]),
                emitter.index(rows.along),
                emitter.builder.gep(target, [place]),
                emitter.index(length),
            ],
        )

    def write_columns(some: list[Any]) -> None:
        groups, rest = divmod(count, width)
        for column in some:

            def write_group(group: Any, column: Any = column) -> None:
                write_rows(emitter.scale_index(group, width), width, column)

            emitter.repeat(groups, write_group)
            if rest:
                write_rows(emitter.index(groups * width), rest, column)

    columns(write_columns)
    return Factor(target, emitter.index(0), across=1, along=length)


def _find_transposer(emitter: Emitter, rows: int) -> Any:
    """Return a function that transposes one block of a matrix, written at its first use."""
    name = f"transpose_{rows}_{emitter.active}"
    function = emitter.module.globals.get(name)
    if function is not None:
        return function

    pointer = emitter.double.as_pointer()
    arguments = [pointer, emitter.integer, pointer, emitter.integer]
    with emitter.new_function(name, arguments) as function:
        source, source_stride, target, target_stride = function.args
        builder = emitter.builder
        vectors = [
            emitter.load(source, builder.mul(emitter.index(row), source_stride))
            for row in range(rows)
        ]
        vectors += [emitter.constant(0.0)] * (emitter.width - rows)
        columns = emitter.transpose(vectors)[: emitter.active]
        with emitter.along_rows():
            for number, column in enumerate(columns):
                emitter.store(column, target, builder.mul(emitter.index(number), target_stride))
    return function


def padded(count: int, width: int) -> int:
    """Return the smallest multiple of `width` that is not below `count`.

    Example:
        >>> padded(10, 8), padded(16, 8)
        (16, 16)
    """
    return -(-count // width) * width
