"""Matrix products in native code, in blocks whose sums stay in registers."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from .emitter import Emitter

__all__ = [
    "SUMS",
    "Factor",
    "Product",
    "Results",
    "add_up",
    "over_rows",
    "over_tiles",
    "padded",
    "write_dots",
    "write_product",
    "write_sums",
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


class Results(NamedTuple):
    """Where the results of a product lie, or the numbers that its sums start with.

    Attributes:
        array: The array.
        start: The position of the first one.
        across: How far rows are from each other.
        unit: How far columns are from each other; 0 where all columns start with the same number.
    """

    array: Any
    start: Any
    across: int
    unit: int


class Product(NamedTuple):
    """A matrix product whose columns lie in the lanes of vectors.

    The result (i, j) is the sum over k of left (i, k) times right (k, j). Indexes are integers of
    LLVM; that of a column is one of those that `over_tiles` or `over_rows` give.

    Attributes:
        rows: The number of rows.
        depth: How many products are summed up.
        left: The left side.
        right: The right side. Columns of a vector lie one after the other.
    """

    rows: int
    depth: Any
    left: Factor
    right: Factor


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


def write_product(
    emitter: Emitter,
    product: Product,
    columns: Columns,
    results: Results,
    start: Results | None = None,
) -> None:
    """Write a matrix product, block by block.

    Args:
        emitter: Where instructions are added.
        product: The product.
        columns: What goes through its columns.
        results: Where it is written.
        start: What is added to it, such as what was there before; None for nothing.
    """

    def write(first: Any, count: int, some: list[Any]) -> None:
        _write_block(emitter, product, (first, count, some), results, start)

    _each_block(emitter, product, columns, write)


def write_sums(
    emitter: Emitter,
    product: Product,
    columns: Columns,
    sums: Any,
    finish: Callable[[Any, Any, Any], None],
) -> None:
    """Write a matrix product whose results lie nowhere in particular.

    Args:
        emitter: Where instructions are added.
        product: The product.
        columns: What goes through its columns.
        sums: An array for one block, SUMS vectors.
        finish: Takes i, j and the sum, one after the other.
    """
    width = emitter.width

    def write(first: Any, count: int, some: list[Any]) -> None:
        block = Results(sums, emitter.index(0), len(some) * width, 0)
        moved = product._replace(left=_move(emitter, product.left, first))
        _write_block(emitter, moved, (emitter.index(0), count, some), block, None)

        def finish_row(number: Any) -> None:
            place = emitter.scale_index(number, len(some) * width)
            for position, column in enumerate(some):
                total = emitter.load(sums, emitter.add_index(place, position * width))
                finish(emitter.add_index(first, number), column, total)

        emitter.repeat(count, finish_row)

    _each_block(emitter, product, columns, write)


def _move(emitter: Emitter, factor: Factor, row: Any) -> Factor:
    """Return a left side from a row on."""
    start = emitter.add_index(factor.start, emitter.scale_index(row, factor.across))
    return factor._replace(start=start)


def _each_block(
    emitter: Emitter,
    product: Product,
    columns: Columns,
    write: Callable[[Any, int, list[Any]], None],
) -> None:
    """Write what goes through blocks: the first row, how many rows, and some columns."""
    size = _BLOCK_ROWS if emitter.width >= _MANY_REGISTERS else _BLOCK_ROWS // 2
    blocks, rest = divmod(product.rows, size)

    def run_columns(some: list[Any]) -> None:
        if blocks:
            emitter.repeat(blocks, lambda i: write(emitter.scale_index(i, size), size, some))
        if rest:
            write(emitter.index(blocks * size), rest, some)

    columns(run_columns)


def _write_block(
    emitter: Emitter,
    product: Product,
    block: tuple[Any, int, list[Any]],
    results: Results,
    start: Results | None,
) -> None:
    """Write what computes some rows and columns of a product."""
    first, count, columns = block
    left = _move(emitter, product.left, first)
    right = product.right
    column = emitter.add_index(right.start, emitter.scale_index(columns[0], right.across))
    # Without a start, that of the results is given, and not read.
    before = results if start is None else start
    strides = [left.across, left.along, right.along, before.across, results.across]
    arguments = [
        product.depth,
        emitter.builder.gep(left.array, [left.start]),
        emitter.builder.gep(right.array, [column]),
        _find_block(emitter, before, first, columns[0]),
        _find_block(emitter, results, first, columns[0]),
        *map(emitter.index, strides),
    ]
    kind = "zero"
    if start is not None:
        kind = "vector" if start.unit else "scalar"
    emitter.builder.call(_find_accumulator(emitter, count, len(columns), kind), arguments)


def _find_block(emitter: Emitter, results: Results, row: Any, column: Any) -> Any:
    """Return a pointer to the results from a row and a column on."""
    start = emitter.add_index(results.start, emitter.scale_index(row, results.across))
    if results.unit:
        start = emitter.add_index(start, emitter.scale_index(column, results.unit))
    return emitter.builder.gep(results.array, [start])


def _find_accumulator(emitter: Emitter, rows: int, columns: int, kind: str) -> Any:
    """Return a function that sums up one block of a product, written at its first use.

    Args:
        emitter: Where instructions are added.
        rows: The number of rows.
        columns: The number of vectors of columns.
        kind: What the sums start with: "zero", a "vector" for each, or a "scalar" for each row.
    """
    name = f"accumulate_{rows}x{columns}_{emitter.active}_{kind}"
    function = emitter.module.globals.get(name)
    if function is None:
        pointer = emitter.double.as_pointer()
        integer = emitter.integer
        arguments = [integer, *[pointer] * 4, *[integer] * 5]
        with emitter.new_function(name, arguments) as function:
            _write_accumulator(emitter, rows, columns, kind, function.args)
    return function


def _write_accumulator(
    emitter: Emitter, rows: int, columns: int, kind: str, arguments: Sequence[Any]
) -> None:
    depth, left, right, start, target, across, along, right_along, start_across, to_next = arguments
    builder = emitter.builder
    lanes = [column * emitter.width for column in range(columns)]

    def find_rows(stride: Any) -> list[Any]:
        return [builder.mul(emitter.index(row), stride) for row in range(rows)]

    offsets = find_rows(across)

    def add_products(k: Any, totals: list[Any]) -> list[Any]:
        place = builder.mul(k, along)
        first = builder.mul(k, right_along)
        lefts = [
            emitter.splat(emitter.load_scalar(left, emitter.add_index(place, offset)))
            for offset in offsets
        ]
        rights = [emitter.load(right, emitter.add_index(first, lane)) for lane in lanes]
        pairs = [(x, y) for x in lefts for y in rights]
        return [
            emitter.multiply_add(x, y, total) for (x, y), total in zip(pairs, totals, strict=True)
        ]

    def load_start(row: Any, lane: int) -> Any:
        if kind == "zero":
            return emitter.constant(0.0)
        if kind == "scalar":
            return emitter.splat(emitter.load_scalar(start, row))
        return emitter.load(start, emitter.add_index(row, lane))

    starts = [load_start(row, lane) for row in find_rows(start_across) for lane in lanes]
    totals = emitter.loop(depth, add_products, starts)
    places = [emitter.add_index(row, lane) for row in find_rows(to_next) for lane in lanes]
    for place, total in zip(places, totals, strict=True):
        emitter.store(total, target, place)


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
