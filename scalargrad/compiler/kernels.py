"""Kernels: the rows of a program, put together to array operations of few sorts."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.ops import DOT, TABLE

from .passes import batched
from .program import CONSTANT, FIRST, PARAMETER, Kind, Program

Rows = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Elementwise:
    """One operation on m rows at once: operand j of output i is operands[j][i]."""

    kind: Kind
    rows: Rows
    operands: tuple[Rows, ...]
    batched: bool

    def __str__(self) -> str:
        return f"{self.kind.op} × {len(self.rows)}"


@dataclass(frozen=True, eq=False)
class OverList:
    """One operation over lists of n numbers, m of them at once: items is (m, n)."""

    kind: Kind
    rows: Rows
    items: Rows
    batched: bool

    def __str__(self) -> str:
        return f"{self.kind.op} of {self.items.shape[1]} × {self.items.shape[0]}"


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix product: output (p, f) is the sum over k of x[p, k] · weights[f, k], plus bias[f].

    rows     (p·f,) in that order
    x        (p, k) rows that differ from sample to sample; p > 1 where the same weights look at several places
    weights  (f, k) rows that do not
    bias     (f,), or None
    """

    rows: Rows
    x: Rows
    weights: Rows
    bias: Rows | None
    batched: bool = True

    def __str__(self) -> str:
        (p, k), f = self.x.shape, len(self.weights)
        return (
            f"matrix {f}×{k}"
            + (f" at {p} places" if p > 1 else "")
            + (" + bias" if self.bias is not None else "")
        )


@dataclass(frozen=True, eq=False)
class Dots:
    """m dot products of n pairs, each with factors of its own: first and second are (m, n)."""

    rows: Rows
    first: Rows
    second: Rows
    batched: bool

    @property
    def of_squares(self) -> bool:
        """Whether each product is that of a number with itself."""
        return numpy.array_equal(self.first, self.second)

    def __str__(self) -> str:
        return f"dot of {self.first.shape[1]} × {self.first.shape[0]}"


Kernel = Elementwise | OverList | Matrix | Dots


def build_kernels(program: Program) -> list[Kernel]:
    """The kernels in an order in which they can run: level by level, each as wide as can be."""
    varying, level = batched(program), _levels(program)
    groups: dict[Any, list[int]] = defaultdict(list)
    for row in numpy.flatnonzero(program.code >= FIRST).tolist():
        size = int(program.start[row + 1] - program.start[row])
        groups[int(level[row]), int(program.code[row]), size, bool(varying[row])].append(row)
    found: list[Kernel] = []
    for (_, code, size, varies), rows in sorted(
        groups.items(), key=lambda item: (item[0][0], item[1][0])
    ):
        kind = program.kinds[code - FIRST]
        operands = numpy.stack(
            [program.operands[program.start[row] : program.start[row] + size] for row in rows]
        )
        found += _kernels(program, kind, numpy.array(rows), operands, varying, varies)
    return found


def _kernels(
    program: Program, kind: Kind, rows: Rows, operands: Rows, varying: Rows, varies: bool
) -> list[Kernel]:
    if kind.op == DOT.name:
        return _products(program, rows, operands, varying)
    if TABLE[kind.op].over_list:
        return [OverList(kind, rows, operands, varies)]
    return [Elementwise(kind, rows, tuple(operands.T), varies)]


def _levels(program: Program) -> Rows:
    """How many operations lie at most between a row and the leaves."""
    level = numpy.zeros(len(program), numpy.int32)
    start, operands = program.start.tolist(), program.operands
    for row in numpy.flatnonzero(program.code >= FIRST).tolist():
        level[row] = level[operands[start[row] : start[row + 1]]].max() + 1
    return level


def _products(program: Program, rows: Rows, operands: Rows, varying: Rows) -> list[Kernel]:
    """Dot products as matrices where their factors allow it."""
    half = operands.shape[1] // 2
    first, second = operands[:, :half], operands[:, half:]
    swap = ~varying[first] & varying[second]
    first, second = numpy.where(swap, second, first), numpy.where(swap, first, second)
    dense: dict[bytes, list[tuple[int, Rows, Rows, int]]] = defaultdict(list)
    loose: dict[tuple[int, bool], list[tuple[int, Rows, Rows]]] = defaultdict(list)
    for row, a, b in zip(rows.tolist(), first, second, strict=True):
        product = _as_dense(program, a, b, varying)
        if product is None:
            loose[half, bool(varying[row])].append((row, a, b))
        else:
            dense[product[0].tobytes()].append((row, *product))
    found: list[Kernel] = [_dots(group, varies) for (_, varies), group in loose.items()]
    return [*found, *_matrices(program, list(dense.values()))]


def _as_dense(program: Program, a: Rows, b: Rows, varying: Rows) -> tuple[Rows, Rows, int] | None:
    """The varying factors, the fixed ones beside them, and the bias (-1 for none); None where it is no such product."""
    moving, fixed = varying[a], ~varying[b]
    rest = numpy.flatnonzero(~moving)
    if not fixed.all() or not moving.any() or len(rest) > 1:
        return None
    bias = -1
    if len(rest):
        pair = [int(a[rest[0]]), int(b[rest[0]])]
        others = [row for row in pair if not _is_one(program, row)]
        if len(others) > 1:
            return None
        bias = (others or pair)[0]
    order = _order(program, a[moving], b[moving])
    return a[moving][order], b[moving][order], bias


def _order(program: Program, moving: Rows, fixed: Rows) -> Rows:
    """That of the parameters, where it is parameters that are multiplied: so the rows of a matrix lie in a row."""
    learned = bool((program.code[fixed] == PARAMETER).all())
    return numpy.argsort(program.place[fixed] if learned else moving, kind="stable")


def _is_one(program: Program, row: int) -> bool:
    return bool(program.code[row] == CONSTANT and program.numbers[program.place[row]] == 1.0)


def _dots(group: list[tuple[int, Rows, Rows]], varies: bool) -> Dots:
    rows, first, second = zip(*group, strict=True)
    return Dots(numpy.array(rows), numpy.stack(first), numpy.stack(second), varies)


def _matrices(program: Program, groups: list[list[tuple[int, Rows, Rows, int]]]) -> list[Kernel]:
    """One matrix for each group over the same x; where several groups have the same weights, one matrix at several places."""
    shared: dict[Any, list[tuple[Rows, Rows, Rows]]] = defaultdict(list)
    for group in groups:
        for biased in (True, False):
            part = sorted(
                (each for each in group if (each[3] >= 0) == biased),
                key=lambda each: (int(program.place[each[2][0]]), each[2].tobytes(), each[3]),
            )  # in the order of the weights, which is the same at every place
            if part:
                rows, xs, weights, biases = zip(*part, strict=True)
                key = (biased, numpy.stack(weights).tobytes(), biases, len(xs[0]))
                shared[key].append((numpy.array(rows), xs[0], numpy.stack(weights)))
    return [
        Matrix(
            numpy.concatenate([rows for rows, _, _ in places]),
            numpy.stack([x for _, x, _ in places]),
            places[0][2],
            numpy.array(biases) if biased else None,
        )
        for (biased, _, biases, _), places in shared.items()
    ]
