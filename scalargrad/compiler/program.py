"""Program: a scalar graph as a flat list, in arrays. It is checked, printed, compared and evaluated here, and never changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.backprop import refuse_backward_by_hand
from scalargrad.core.graph import topological
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.ops import FLOATS, TABLE
from scalargrad.core.value import Constant, Value
from scalargrad.errors import ProgramError, TraceError
from scalargrad.terminal import fits_terminal

from .tracing import Trace

Indexes = NDArray[numpy.int32]
Floats = NDArray[numpy.float64]

INPUT, PARAMETER, CONSTANT, LEAF, DRAWN = range(5)
"""The kinds of leaves: an entry of the inputs, one of the parameters, a number, a Value that is read at each run, one that is drawn."""
LEAVES = ("input", "parameter", "constant", "leaf", "drawn")
FIRST = len(LEAVES)
"""The code of the first operation."""


@dataclass(frozen=True)
class Kind:
    """What a row computes: an operation of the table, with the numbers that some of its operands are set to."""

    op: str
    static_args: tuple[float | None, ...] | None = None


@dataclass(frozen=True, eq=False)
class Program:
    """Row i computes one scalar. Leaves are rows, too; operands come before the rows that use them.

    code     (n,) the kind of a leaf, else FIRST + the position in `kinds`
    place    (n,) for a leaf: which input, parameter, constant, read or drawn leaf it is; else 0
    start    (n + 1,) the operands of row i are operands[start[i]:start[i + 1]]
    operands (e,) rows
    kinds    what the codes mean
    numbers  the constants
    leaves   Values that are neither input nor parameter nor constant, such as buffers: their numbers are read at each run
    drawn    RandomLeaf leaves, in the order in which they were drawn: for each sample a number is drawn from the source of each
    outputs  (k,) rows
    inputs   how many inputs there are in all; parameters, how many parameters
    origin   (n,) which node of the recording, in topological order, each row stands for; -1 for none; two equal programs may differ in it
    """

    code: Indexes
    place: Indexes
    start: Indexes
    operands: Indexes
    kinds: tuple[Kind, ...]
    numbers: Floats
    leaves: tuple[Value, ...]
    drawn: tuple[RandomLeaf, ...]
    outputs: Indexes
    inputs: int
    parameters: int
    origin: Indexes | None = None

    def __len__(self) -> int:
        return len(self.code)

    def args(self, row: int) -> list[int]:
        """The operands of a row."""
        found: list[int] = self.operands[self.start[row] : self.start[row + 1]].tolist()
        return found

    def kind(self, row: int) -> Kind | None:
        """What a row computes; None for a leaf."""
        code = int(self.code[row])
        return self.kinds[code - FIRST] if code >= FIRST else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        mine, theirs = self._compared(), other._compared()
        return mine[0] == theirs[0] and all(
            numpy.array_equal(a, b, equal_nan=a.dtype == float)
            for a, b in zip(mine[1], theirs[1], strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def _compared(self) -> tuple[Any, list[NDArray[Any]]]:
        exact = (
            self.kinds,
            self.inputs,
            self.parameters,
            [id(leaf) for leaf in (*self.leaves, *self.drawn)],
        )
        return exact, [self.code, self.place, self.start, self.operands, self.numbers, self.outputs]

    def verify(self) -> "Program":
        """The program itself, if it is one: every row well formed, after its operands; raises ProgramError if not."""
        n, sizes = len(self), numpy.diff(self.start)
        problems = {
            "start must have one number more than there are rows, beginning at 0": len(self.start)
            == n + 1
            and self.start[0] == 0,
            "start must not fall, and must end at the number of operands": (sizes >= 0).all()
            and self.start[-1] == len(self.operands),
            "a code is out of range": (
                (self.code >= 0) & (self.code < FIRST + len(self.kinds))
            ).all(),
        }
        _refuse_if_any(problems)
        owner = numpy.repeat(numpy.arange(n), sizes)
        counts = [
            self.inputs,
            self.parameters,
            len(self.numbers),
            len(self.leaves),
            len(self.drawn),
        ]
        _refuse_if_any(
            {
                "an operand comes after the row that uses it": (
                    (self.operands >= 0) & (self.operands < owner)
                ).all(),
                "a leaf has operands": (sizes[self.code < FIRST] == 0).all(),
                "a place is out of range": all(
                    ((self._places(kind) >= 0) & (self._places(kind) < count)).all()
                    for kind, count in enumerate(counts)
                ),
                "an output is no row": ((self.outputs >= 0) & (self.outputs < n)).all()
                and len(self.outputs) > 0,
                "an operation has the wrong number of operands": all(
                    _fits(kind, size)
                    for kind, size in {
                        (self.kinds[c - FIRST], s)
                        for c, s in zip(self.code.tolist(), sizes.tolist(), strict=True)
                        if c >= FIRST
                    }
                ),
            }
        )
        return self

    def _places(self, kind: int) -> Indexes:
        found: Indexes = self.place[self.code == kind]
        return found

    def rows(self) -> Iterator[tuple[int, Kind | None, list[int]]]:
        """Row, kind and operands of each row, in order."""
        operands, start = self.operands.tolist(), self.start.tolist()
        for row, code in enumerate(self.code.tolist()):
            yield (
                row,
                self.kinds[code - FIRST] if code >= FIRST else None,
                operands[start[row] : start[row + 1]],
            )

    def evaluate(self, inputs: Sequence[float], parameters: Sequence[float]) -> list[float]:
        """The outputs for one sample, row by row by the rules of the table: slow, and what everything faster is compared with.

        >>> from .tracing import trace
        >>> record(trace(lambda x: x[0] * x[1] + 1, [2])).evaluate([2.0, 3.0], [])
        [7.0]
        """
        sources = (
            inputs,
            parameters,
            self.numbers.tolist(),
            *([leaf._data for leaf in group] for group in (self.leaves, self.drawn)),
        )
        values: list[float] = []
        for row, kind, args in self.rows():
            if kind is None:
                values.append(float(sources[self.code[row]][self.place[row]]))
            else:
                values.append(
                    TABLE[kind.op].value(
                        FLOATS, insert_static_args(kind, [values[i] for i in args])
                    )
                )
        return [values[row] for row in self.outputs.tolist()]

    @fits_terminal
    def __str__(self) -> str:
        shown = [
            f"%{row} = {self._described(row, kind, args)}"
            for row, kind, args in islice(self.rows(), _SHOWN)
        ]
        more = [f"… {len(self) - _SHOWN:,} rows more"] if len(self) > _SHOWN else []
        return "\n".join(
            [
                f"{len(self):,} rows",
                *shown,
                *more,
                f"return {', '.join(f'%{row}' for row in self.outputs.tolist())}",
            ]
        )

    def _described(self, row: int, kind: Kind | None, args: list[int]) -> str:
        if kind is None:
            code, place = int(self.code[row]), int(self.place[row])
            return (
                repr(float(self.numbers[place])) if code == CONSTANT else f"{LEAVES[code]}[{place}]"
            )
        return f"{kind.op}({', '.join(str(x) for x in insert_static_args(kind, [f'%{i}' for i in args]))})"


_SHOWN = 200
"""How many rows are printed."""


def _fits(kind: Kind, size: int) -> bool:
    op = TABLE[kind.op]
    if op.over_list:
        return size > 0
    return size == (len(op.operands) if kind.static_args is None else kind.static_args.count(None))


def _refuse_if_any(problems: dict[str, Any]) -> None:
    for problem, fine in problems.items():
        if not fine:
            raise ProgramError(f"this is no program: {problem}")


def insert_static_args(kind: Kind, operands: list[Any]) -> list[Any]:
    """All operands of an operation in order: those that are rows, and the numbers that stand in the place of others.

    >>> insert_static_args(Kind("pow", (None, 2.0)), ["x"])
    ['x', 2.0]
    """
    if kind.static_args is None:
        return operands
    given = iter(operands)
    return [next(given) if setting is None else setting for setting in kind.static_args]


def record(recording: Trace) -> Program:
    """The graph of a trace as a Program, every node a row, in topological order.

    The graph stays as it is: its nodes may be Values of the model, which other threads use.
    """
    order = topological(recording.outputs)
    row_of: dict[Value, int] = dict(zip(order, range(len(order)), strict=True))
    code = numpy.fromiter(_codes(order), numpy.int32, len(order))
    args = [node.args for node in order]
    start = numpy.zeros(len(order) + 1, numpy.int32)
    numpy.cumsum(numpy.fromiter(map(len, args), numpy.int32, len(order)), out=start[1:])
    operands = numpy.fromiter(
        map(row_of.__getitem__, chain.from_iterable(args)), numpy.int32, int(start[-1])
    )
    codes, examples = numpy.unique(code, return_index=True)
    known = [order[i] for i in examples[codes >= FIRST].tolist()]
    place, leaves = (
        numpy.zeros(len(order), numpy.int32),
        _Leaves([], [], {leaf: i for i, leaf in enumerate(recording.drawn)}),
    )
    for kind, group in (
        (INPUT, [x for each in recording.inputs for x in each]),
        (PARAMETER, recording.parameters),
    ):
        for i, leaf in enumerate(group):
            row = row_of.get(leaf)
            if row is not None:
                code[row], place[row] = kind, i
    for row in numpy.flatnonzero(code < 0).tolist():
        code[row], place[row] = leaves.add(order[row])
    return Program(
        code,
        place,
        start,
        operands,
        tuple(Kind(node.op, node.static_args) for node in known),
        numpy.array(leaves.numbers, dtype=float),
        tuple(leaves.read),
        recording.drawn,
        numpy.array([row_of[node] for node in recording.outputs], numpy.int32),
        sum(map(len, recording.inputs)),
        len(recording.parameters),
        numpy.arange(len(order), dtype=numpy.int32),
    )


def _codes(order: list[Value]) -> Iterator[int]:
    """The code of each row, -1 for leaves. What can't be replayed is refused."""
    codes, fine = dict[str, int](), set[tuple[str, int]]()
    for node in order:
        if node.metadata is not None:
            _refuse_hooks(node)
        if not node.args:
            yield -1
            continue
        key = (
            node.op if node.static_args is None else f"{node.op}{node.static_args}"
        )  # as text 0.0 and -0.0 are two settings, and nan is one
        form = key, len(node.args)
        if form not in fine:
            _refuse_made_by_hand(node)
            fine.add(form)
        yield codes.setdefault(key, len(codes) + FIRST)


def _refuse_made_by_hand(node: Value) -> None:
    if not (node.op in TABLE and _fits(Kind(node.op, node.static_args), len(node.args))):
        raise TraceError(
            f"{node.label or node.op or 'a Value with operands'} was made by hand: only operations of the table can be replayed"
        )


def _refuse_hooks(node: Value) -> None:
    refuse_backward_by_hand(node, TraceError)
    if not all(
        getattr(hook, "only_looks", False) for hook in (node.metadata or {}).get("hooks", ())
    ):
        raise TraceError(
            f"{node.label or node.op or 'a leaf'} has a gradient hook, which can't be replayed: remove() it before compiling"
        )


@dataclass
class _Leaves:
    """Leaves that are neither inputs nor parameters."""

    numbers: list[float]
    read: list[Value]
    drawn: dict[Value, int]

    def add(self, leaf: Value) -> tuple[int, int]:
        """Kind and place of a leaf. What is no plain constant may change, and is read at each run."""
        if (
            leaf in self.drawn
        ):  # what was drawn before the trace was drawn once for all, and is read
            return DRAWN, self.drawn[leaf]
        if type(leaf) is Constant:
            self.numbers.append(leaf._data)
            return CONSTANT, len(self.numbers) - 1
        self.read.append(leaf)
        return LEAF, len(self.read) - 1
