"""Kernels: the rows of a program, grouped into a few kinds of array operations."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy

from scalargrad.core.ops import DOT, TABLE, TAKE

from .array_types import Mask, Rows
from .gather import Gather, build_gathers
from .loops import PICK
from .program import CONSTANT, FIRST, PARAMETER, Kind, Program
from .rewriting import VARIES, ranks
from .scans import Scan, find_phases, make_scan
from .schedule import group_rows
from .sums import put_higher_rank_first

__all__ = [
    "Dots",
    "Elementwise",
    "Gather",
    "Kernel",
    "Matrix",
    "OverList",
    "Scan",
    "build_kernels",
]


_MAX_COPIED = 64
"""The length up to which a matrix of a single row is a dot product among others."""


@dataclass(frozen=True, eq=False)
class Elementwise:
    """One operation on m rows at once.

    Attributes:
        kind: What each row computes.
        rows: (m,) the results.
        operands: An (m,) for each operand.
        batched: Whether the results vary by sample.
    """

    kind: Kind
    rows: Rows
    operands: tuple[Rows, ...]
    batched: bool

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        return list(self.operands)

    def __str__(self) -> str:
        return f"{self.kind.op} × {len(self.rows)}"


@dataclass(frozen=True, eq=False)
class OverList:
    """One operation over m lists of n numbers.

    Attributes:
        kind: What each row computes.
        rows: (m,) the results.
        items: (m, n) the lists.
        batched: Whether the results vary by sample.
    """

    kind: Kind
    rows: Rows
    items: Rows
    batched: bool

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        return [self.items]

    def __str__(self) -> str:
        count, length = self.items.shape
        return f"{self.kind.op} of {length} × {count}"


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix product: result (p, f) is the sum over k of x[p, k] · weights[f, k], plus bias[f].

    Attributes:
        rows: (p·f,) the results, place by place.
        x: (p, k) rows; p > 1 where the same weights are applied at several places, as in a
            convolution.
        weights: (f, k) rows of a lower rank than those of x: they never vary by sample.
        bias: (f,), or None.
        batched: Whether the results vary by sample, as x does then.
    """

    rows: Rows
    x: Rows
    weights: Rows
    bias: Rows | None
    batched: bool

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        operands = [self.x, self.weights]
        if self.bias is not None:
            operands.append(self.bias)
        return operands

    def __str__(self) -> str:
        places, length = self.x.shape
        text = f"matrix {len(self.weights)}×{length}"
        if places > 1:
            text += f" at {places} places"
        if self.bias is not None:
            text += " + bias"
        return text


@dataclass(frozen=True, eq=False)
class Dots:
    """m dot products of n pairs, each with its own factors.

    Attributes:
        rows: (m,) the results.
        first: (m, n) the first factor of each pair.
        second: (m, n) the second one.
        batched: Whether the results vary by sample.
    """

    rows: Rows
    first: Rows
    second: Rows
    batched: bool

    @property
    def of_squares(self) -> bool:
        """Whether each product is that of a number with itself."""
        return numpy.array_equal(self.first, self.second)

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        return [self.first, self.second]

    def __str__(self) -> str:
        count, length = self.first.shape
        return f"dot of {length} × {count}"


Kernel = Elementwise | OverList | Matrix | Dots | Gather | Scan


class _Product(NamedTuple):
    """A dot product of numbers of one rank with numbers of lower rank.

    Attributes:
        row: The result.
        x: (k,) the factors of higher rank.
        weights: (k,) the others.
        bias: A row, or -1 for none.
    """

    row: int
    x: Rows
    weights: Rows
    bias: int


def build_kernels(program: Program, phases: Rows | None = None) -> list[Kernel]:
    """Return the kernels of a program in an order in which they can run.

    Args:
        program: The program.
        phases: For the step of a loop, the phase that each row belongs to: kernels come phase by
            phase.
    """
    rank = ranks(program)
    kernels: list[Kernel] = []
    for rows in group_rows(program, rank, phases):
        kind = program.kinds[program.code[rows[0]] - FIRST]
        kernels += _build(program, kind, rows, _list_operands(program, rows), rank)
    return kernels


def _list_operands(program: Program, rows: Rows) -> Rows:
    """Return the operands of m rows, all of which have as many as the first, (m, size)."""
    first = rows[0]
    start = program.start[first]
    end = program.start[first + 1]
    if len(rows) == 1:
        # In a long chain each row is a group. A view of its operands costs little, an index much.
        return program.operands[None, start:end]
    positions = program.start[rows][:, None] + numpy.arange(end - start)
    operands: Rows = program.operands[positions]
    return operands


def _build(
    program: Program,
    kind: Kind,
    rows: Rows,
    operands: Rows,
    rank: Rows,
) -> list[Kernel]:
    """Return the kernels of one group of rows, whose operands are (m, size)."""
    varies = bool(rank[rows[0]] == VARIES)
    if kind.loop is not None:
        # The rows that pick its results stand for a loop.
        return []
    if kind.op == PICK:
        return _build_scans(program, rows, operands[:, 0], rank == VARIES)
    if kind.op == DOT.name:
        return _build_products(program, rows, operands, rank)
    if kind.op == TAKE.name:
        return [*build_gathers(program, rows, operands, varies)]
    if TABLE[kind.op].over_list:
        return [OverList(kind, rows, operands, varies)]
    return [Elementwise(kind, rows, tuple(operands.T), varies)]


def _build_scans(program: Program, rows: Rows, sources: Rows, varying: Mask) -> list[Kernel]:
    """Return a kernel for each loop that any of the rows picks results of.

    Args:
        program: The program.
        rows: (m,) rows that pick results.
        sources: (m,) the loops that they pick from.
        varying: Which rows vary by sample.
    """
    scans: list[Kernel] = []
    for source in numpy.unique(sources).tolist():
        picks = rows[sources == source]
        scan = make_scan(program, source, picks, varying)
        phases = find_phases(scan.step, len(scan.carry))
        kernels = build_kernels(scan.step, phases)
        scans.append(
            replace(
                scan,
                kernels=kernels,
                phases=[int(phases[kernel.rows[0]]) for kernel in kernels],
            )
        )
    return scans


def _build_products(program: Program, rows: Rows, operands: Rows, rank: Rows) -> list[Kernel]:
    """Return dot products as matrices where their factors allow it."""
    half = operands.shape[1] // 2
    first = operands[:, :half]
    second = operands[:, half:]
    first, second = put_higher_rank_first(first, second, rank)

    # Dot products of the same x are the rows of one matrix.
    dense: dict[bytes, list[_Product]] = defaultdict(list)
    loose = []
    for i, row in enumerate(rows.tolist()):
        product = _as_product(program, row, first[i], second[i], rank)
        if product is None:
            loose.append(i)
        else:
            dense[product.x.tobytes()].append(product)

    matrices = _group_products(program, dense.values())
    alone = _find_short_rows(matrices)
    if len(alone) > 1:
        matrices = [places for places in matrices if places[0][0].row not in alone]
        loose += [i for i, row in enumerate(rows.tolist()) if row in alone]

    varies = bool(rank[rows[0]] == VARIES)
    kernels: list[Kernel] = []
    if loose:
        kernels.append(Dots(rows[loose], first[loose], second[loose], varies))
    kernels += [_matrix(places, varies) for places in matrices]
    return kernels


def _find_short_rows(matrices: list[list[list[_Product]]]) -> set[int]:
    """Return the products that are matrices of a single short row.

    Several of them are computed faster all at once, as dot products, though these copy their
    factors.
    """
    return {
        places[0][0].row
        for places in matrices
        if len(places) == len(places[0]) == 1 and len(places[0][0].x) <= _MAX_COPIED
    }


def _as_product(
    program: Program,
    row: int,
    first: Rows,
    second: Rows,
    rank: Rows,
) -> _Product | None:
    """Return a dot product as one row of a matrix, or None where it is something else.

    All first factors must be of one rank, and all second ones of a lower one, but for one pair,
    which is the bias: a number times the constant 1.
    """
    highest = rank[first].max()
    varies = rank[first] == highest
    fixed = numpy.flatnonzero(~varies)
    if (rank[second] == highest).any() or len(fixed) > 1:
        return None

    bias = -1
    if len(fixed):
        (pair,) = fixed
        factors = [int(first[pair]), int(second[pair])]
        others = [factor for factor in factors if not _is_constant_one(program, factor)]
        if len(others) > 1:
            return None
        # 1 · 1 is a bias of 1, so either factor will do.
        bias = others[0] if others else factors[0]

    x = first[varies]
    weights = second[varies]
    order = _order(program, x, weights)
    return _Product(row, x[order], weights[order], bias)


def _order(program: Program, x: Rows, weights: Rows) -> Rows:
    """The order of the factors in a row of a matrix."""
    # That of the parameters where all weights are parameters: the matrix is then a view of them.
    # Otherwise any order that is the same for all dot products of one x.
    learned = bool((program.code[weights] == PARAMETER).all())
    return numpy.argsort(program.place[weights] if learned else x, kind="stable")


def _is_constant_one(program: Program, row: int) -> bool:
    if program.code[row] != CONSTANT:
        return False
    place = program.place[row]
    return bool(program.numbers[place] == 1.0)


def _group_products(
    program: Program, groups: Iterable[list[_Product]]
) -> list[list[list[_Product]]]:
    """Return the products of each matrix, place by place, given those over each x.

    Groups with the same weights and biases, as in a convolution, are one matrix at several places.
    """

    def by_weights(product: _Product) -> tuple[int, bytes, int]:
        # Weights come in the same order at every place, so that equal ones compare as equal.
        first = product.weights[0]
        return int(program.place[first]), product.weights.tobytes(), product.bias

    shared: dict[object, list[list[_Product]]] = defaultdict(list)
    for group in groups:
        with_bias = [product for product in group if product.bias >= 0]
        without = [product for product in group if product.bias < 0]
        for part in (with_bias, without):
            if not part:
                continue
            part.sort(key=by_weights)
            weights = _stack_weights(part)
            biases = tuple(product.bias for product in part)
            key = (weights.tobytes(), biases, weights.shape)
            shared[key].append(part)
    return list(shared.values())


def _stack_weights(products: list[_Product]) -> Rows:
    return numpy.stack([product.weights for product in products])


def _matrix(places: list[list[_Product]], varies: bool) -> Matrix:
    """Return the products of all places as one matrix; weights and biases are the same at each."""
    rows = [product.row for place in places for product in place]
    # All products of one place have the same x.
    inputs = [place[0].x for place in places]
    first = places[0]
    biases = [product.bias for product in first]
    return Matrix(
        rows=numpy.array(rows),
        x=numpy.stack(inputs),
        weights=_stack_weights(first),
        bias=None if biases[0] < 0 else numpy.array(biases),
        batched=varies,
    )
