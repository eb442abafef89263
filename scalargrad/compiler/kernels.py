"""Kernels: the rows of a program, grouped into a few kinds of array operations."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy

from scalargrad.core.ops import DOT, STOP_GRADIENT, TABLE, TAKE

from .array_types import Mask, Rows
from .gather import Gather, build_gathers
from .loops import PICK
from .program import FIRST, PARAMETER, Kind, Program
from .rewriting import VARIES, are_constant, count_uses, ranks, take_operands
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

_MAX_FUSED = 8
"""How many operations one elementwise kernel has at most: the source of each is nested."""


@dataclass(frozen=True, eq=False)
class Elementwise:
    """One operation on m rows at once, with operations before it that nothing else needs.

    Attributes:
        kind: What each row computes.
        rows: (m,) the results.
        operands: For each operand an (m,) of rows, or the operation that computes them.
        batched: Whether the results vary by sample.
    """

    kind: Kind
    rows: Rows
    operands: tuple["Rows | Elementwise", ...]
    batched: bool

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        groups: list[Rows] = []
        for operand in self.operands:
            groups += operand.taken() if isinstance(operand, Elementwise) else [operand]
        return groups

    def operations(self) -> list["Elementwise"]:
        """Return all operations of the kernel in the order in which they are computed."""
        before: list[Elementwise] = []
        for operand in self.operands:
            if isinstance(operand, Elementwise):
                before += operand.operations()
        return [*before, self]

    def __str__(self) -> str:
        names = [operation.kind.op for operation in self.operations()]
        return f"{', '.join(names)} × {len(self.rows)}"


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
    if phases is None:
        phases = numpy.zeros(len(program), int)
    rank = ranks(program)
    kernels: list[Kernel] = []
    for rows in group_rows(program, rank, phases):
        kind = program.kinds[program.code[rows[0]] - FIRST]
        kernels += _build(program, kind, rows, take_operands(program, rows), rank)
    return _fuse_elementwise(program, kernels, phases)


def _build(
    program: Program,
    kind: Kind,
    rows: Rows,
    operands: Rows,
    rank: Rows,
) -> list[Kernel]:
    """Return the kernels of one group of rows, whose operands are (m, size)."""
    varies = bool(rank[rows[0]] == VARIES)
    # The rows that pick its results stand for a loop, and the operand for a stop_gradient.
    if kind.loop is not None or kind.op == STOP_GRADIENT.name:
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


def _fuse_elementwise(program: Program, kernels: list[Kernel], phases: Rows) -> list[Kernel]:
    """Make one kernel of elementwise operations that follow each other, row for row.

    Then what they compute on the way is not kept, unless a gradient is computed from it.
    """
    used_once = count_uses(program) == 1
    # By rows, in order. What is taken out is computed later, with the one kernel that needs it.
    fused: dict[bytes, Kernel] = {}
    for kernel in kernels:
        if isinstance(kernel, Elementwise):
            kernel = _fuse_operands(kernel, fused, used_once, phases)
        fused[_rows_key(kernel.rows)] = kernel
    return list(fused.values())


def _fuse_operands(
    kernel: Elementwise, computed: dict[bytes, Kernel], used_once: Mask, phases: Rows
) -> Elementwise:
    """Return a kernel with those before it that only it needs, which are no longer computed."""
    operands: list[Rows | Elementwise] = []
    count = 1
    for rows in kernel.taken():
        key = _rows_key(rows)
        before = computed.get(key)
        if isinstance(before, Elementwise) and _may_fuse(before, kernel, used_once, phases):
            size = len(before.operations())
            if count + size <= _MAX_FUSED:
                count += size
                operands.append(before)
                del computed[key]
                continue
        operands.append(rows)
    return replace(kernel, operands=tuple(operands))


def _may_fuse(before: Elementwise, kernel: Elementwise, used_once: Mask, phases: Rows) -> bool:
    """Whether an operation on the results of another one may compute these, too."""
    # What is the same for all samples is computed once, and what is in another phase elsewhere.
    same_phase = phases[before.rows[0]] == phases[kernel.rows[0]]
    is_alike = before.batched == kernel.batched and same_phase
    return bool(is_alike and used_once[before.rows].all())


def _rows_key(rows: Rows) -> bytes:
    """Return a key that is the same for the same rows in the same order."""
    return rows.astype(numpy.int64).tobytes()


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
    for i, product in enumerate(_find_products(program, rows, first, second, rank)):
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


def _find_products(
    program: Program, rows: Rows, first: Rows, second: Rows, rank: Rows
) -> list[_Product | None]:
    """Return each dot product as one row of a matrix, or None where it is something else.

    All its first factors must be of one rank, and all second ones of a lower one, but for one pair,
    which is the bias: a number times the constant 1.

    Args:
        program: The program.
        rows: (m,) the dot products.
        first: (m, n) the first factors, which have no lower rank than the second ones.
        second: (m, n) the second factors.
        rank: The rank of each row of the program.
    """
    first_rank = rank[first]
    highest = first_rank.max(axis=1, keepdims=True)
    is_fixed = first_rank < highest
    fixed = is_fixed.sum(axis=1)
    is_product = (rank[second] < highest).all(axis=1) & (fixed <= 1)

    # Where no pair is fixed, the one that is looked at here is any, and what it tells is not used.
    pair = is_fixed.argmax(axis=1)
    each = numpy.arange(len(rows))
    left = first[each, pair]
    right = second[each, pair]
    is_one = are_constant(program, 1.0)
    is_product &= (fixed == 0) | is_one[left] | is_one[right]
    bias = numpy.where(fixed == 0, -1, numpy.where(is_one[left], right, left)).tolist()

    order = _order_factors(program, first, second, is_fixed)
    x = numpy.take_along_axis(first, order, axis=1)
    weights = numpy.take_along_axis(second, order, axis=1)
    lengths = (first.shape[1] - fixed).tolist()

    products: list[_Product | None] = [None] * len(rows)
    for i in numpy.flatnonzero(is_product).tolist():
        length = lengths[i]
        products[i] = _Product(int(rows[i]), x[i, :length], weights[i, :length], bias[i])
    return products


def _order_factors(program: Program, first: Rows, second: Rows, is_fixed: Mask) -> Rows:
    """Return the order of the pairs in each row of a matrix, (m, n), with the bias at the end."""
    # That of the parameters where all weights are parameters: the matrix is then a view of them.
    # Otherwise any order that is the same for all dot products of one x.
    is_learned = (program.code[second] == PARAMETER) | is_fixed
    all_learned = is_learned.all(axis=1, keepdims=True)
    keys = numpy.where(all_learned, program.place[second], first)
    keys[is_fixed] = numpy.iinfo(keys.dtype).max
    return numpy.argsort(keys, axis=1, kind="stable")


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
            # All places must agree on the order of their results to be equal.
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
