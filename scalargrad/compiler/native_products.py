"""Matrix products in native code, in blocks whose sums stay in registers."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from .native_module import Emitter

__all__ = [
    "Product",
    "over_rows",
    "over_tiles",
    "padded",
    "write_dots",
    "write_product",
    "write_transposed",
]

_BLOCK_ROWS = 8
"""How many rows of a product are summed up together; half of them where registers are few."""

_MANY_REGISTERS = 8
"""The width of vectors from which on a processor has 32 of them, and not 16."""

Columns: TypeAlias = Callable[[Callable[[list[Any]], None]], None]
"""Calls a function with vectors of columns, one or two at a time, until all had their turn."""


class Product(NamedTuple):
    """A matrix product whose columns lie in the lanes of vectors.

    The result (i, j) is the sum over k of left (i, k) times right (k, j). Indexes are integers of
    LLVM; that of a column is one of those that `over_tiles` or `over_rows` give.

    Attributes:
        rows: The number of rows.
        depth: How many products are summed up.
        left: Returns a double, given i and k.
        right: Returns a vector, given k and j.
        start: Returns the vector that the sum starts with, given i and j.
        finish: Takes i, j and the sum.
    """

    rows: int
    depth: Any
    left: Callable[[Any, Any], Any]
    right: Callable[[Any, Any], Any]
    start: Callable[[Any, Any], Any]
    finish: Callable[[Any, Any, Any], None]


def over_tiles(emitter: Emitter, tiles: Any) -> Columns:
    """Return what goes through vectors of samples, by their number."""

    def run(body: Callable[[list[Any]], None]) -> None:
        builder = emitter.builder

        def run_pair(pair: Any) -> None:
            first = builder.mul(pair, emitter.index(2))
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
            first = emitter.builder.mul(pair, emitter.index(2 * width))
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


def write_product(emitter: Emitter, product: Product, columns: Columns) -> None:
    """Write a matrix product, block by block."""
    size = _BLOCK_ROWS if emitter.width >= _MANY_REGISTERS else _BLOCK_ROWS // 2
    blocks, rest = divmod(product.rows, size)

    def run_columns(some: list[Any]) -> None:
        def run_block(block: Any) -> None:
            first = emitter.builder.mul(block, emitter.index(size))
            _write_block(emitter, product, first, size, some)

        if blocks:
            emitter.repeat(blocks, run_block)
        if rest:
            _write_block(emitter, product, emitter.index(blocks * size), rest, some)

    columns(run_columns)


def _write_block(
    emitter: Emitter, product: Product, first: Any, count: int, columns: Sequence[Any]
) -> None:
    """Write what computes some rows and columns of a product."""
    rows = [emitter.add_index(first, number) for number in range(count)]
    places = [(row, column) for row in rows for column in columns]

    def add_products(k: Any, sums: list[Any]) -> list[Any]:
        rights = [product.right(k, column) for column in columns]
        lefts = [emitter.splat(product.left(row, k)) for row in rows]
        pairs = [(left, right) for left in lefts for right in rights]
        return [
            emitter.multiply_add(left, right, total)
            for (left, right), total in zip(pairs, sums, strict=True)
        ]

    starts = [product.start(row, column) for row, column in places]
    sums = emitter.loop(product.depth, add_products, starts)
    for (row, column), total in zip(places, sums, strict=True):
        product.finish(row, column, total)


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
            position = emitter.builder.mul(vector, emitter.index(width))
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
            run_some(emitter.builder.mul(group, emitter.index(width)), width)

        emitter.repeat(groups, run_group)
    if remaining:
        run_some(emitter.index(groups * width), remaining)


def write_transposed(
    emitter: Emitter,
    count: int,
    load: Callable[[Any, Any], Any],
    columns: Columns,
    target: Any,
) -> Callable[[Any, Any], Any]:
    """Write a matrix into an array column by column, and return what loads from that.

    Args:
        emitter: Where instructions are added.
        count: The number of rows.
        load: Returns a vector of columns, given the row and the columns.
        columns: What goes through all columns: that of samples, or of rows.
        target: The array, of as many doubles for each column as fill vectors with `count`.

    Returns:
        A function of a column and a row, which returns the vector that begins with that row.
    """
    width = emitter.width
    length = padded(count, width)

    def find(column: Any, row: Any) -> Any:
        return emitter.builder.add(emitter.builder.mul(column, emitter.index(length)), row)

    def write_rows(first: Any, some: int, column: Any) -> None:
        vectors = [load(emitter.add_index(first, row), column) for row in range(some)]
        vectors += [emitter.constant(0.0)] * (width - some)
        start = column
        if not emitter.by_rows:
            start = emitter.builder.mul(column, emitter.index(width))
        lanes = emitter.transpose(vectors)[: emitter.active]
        with emitter.along_rows():
            for number, vector in enumerate(lanes):
                emitter.store(vector, target, find(emitter.add_index(start, number), first))

    def write_columns(some: list[Any]) -> None:
        groups, rest = divmod(count, width)
        for column in some:

            def write_group(group: Any, column: Any = column) -> None:
                write_rows(emitter.builder.mul(group, emitter.index(width)), width, column)

            emitter.repeat(groups, write_group)
            if rest:
                write_rows(emitter.index(groups * width), rest, column)

    columns(write_columns)

    def load_rows(column: Any, row: Any) -> Any:
        with emitter.along_rows(emitter.active):
            return emitter.load(target, find(column, row))

    return load_rows


def padded(count: int, width: int) -> int:
    """Return the smallest multiple of `width` that is not below `count`.

    Example:
        >>> padded(10, 8), padded(16, 8)
        (16, 16)
    """
    return -(-count // width) * width
