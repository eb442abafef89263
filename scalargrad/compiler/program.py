"""Programs: a scalar graph as a flat list of rows, stored as a struct of arrays.

A `Program` is checked, printed, compared and evaluated here. It is never changed: a pass returns
another one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter
from textwrap import indent
from typing import Any, TypeVar

import numpy
from numpy.typing import NDArray

from scalargrad.core.backprop import refuse_backward_by_hand
from scalargrad.core.graph import topological
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.ops import FLOATS, TABLE, Rule
from scalargrad.core.value import Constant, Value
from scalargrad.errors import ProgramError, TraceError
from scalargrad.terminal import fits_terminal

from .array_types import Array, Mask, Rows
from .loops import PICK, LoopNode, Pick, StepInput, TracedLoop
from .tracing import Trace

__all__ = [
    "CONSTANT",
    "DRAWN",
    "FIRST",
    "INPUT",
    "LEAF",
    "LEAVES",
    "PARAMETER",
    "Kind",
    "Loop",
    "Program",
    "insert_static_args",
    "partials_by_rows",
    "record",
]

Indexes = NDArray[numpy.int32]
Operand = TypeVar("Operand")

INPUT, PARAMETER, CONSTANT, LEAF, DRAWN = range(5)
"""The kinds of leaves: an entry of the inputs, a parameter, a plain number, a Value that is read at
each run, and one that is drawn at random."""

LEAVES = ("input", "parameter", "constant", "leaf", "drawn")
"""The names of the kinds of leaves, by code."""

FIRST = len(LEAVES)
"""The code of the first operation."""

_MAX_PRINTED_ROWS = 200


@dataclass(frozen=True)
class Kind:
    """What a row computes.

    Attributes:
        op: The name of an operation of the table.
        static_args: The operands that are plain numbers, None where an operand is a row; None
            where all operands are rows.
        loop: What is repeated, where the row is a loop. Such a row has no number of its own: rows
            of the op PICK take from it what the loop returns.
    """

    op: str
    static_args: tuple[float | None, ...] | None = None
    loop: "Loop | None" = None


@dataclass(frozen=True, eq=False)
class Program:
    """A list of n rows, each of which computes one scalar.

    Leaves are rows, too. Operands come before the rows that use them.

    Attributes:
        code: (n,) the kind of a leaf, or FIRST + the position in `kinds`.
        place: (n,) for a leaf, its position among the leaves of its kind; for a PICK, which number
            of a loop it is; else 0.
        start: (n + 1,) row i has the operands `operands[start[i]:start[i + 1]]`.
        operands: (e,) rows.
        kinds: What the codes from FIRST on mean.
        numbers: The constants.
        leaves: Values that are neither input nor parameter nor constant, such as buffers. Their
            numbers are read at each run.
        drawn: The random leaves in the order in which they were drawn. Each sample draws a number
            from the source of each.
        outputs: (k,) rows.
        inputs: The number of inputs.
        parameters: The number of parameters.
        origin: (n,) the node of the trace, in topological order, that each row stands for; -1 for
            none. Not compared: equal programs may differ in it.
    """

    code: Indexes
    place: Indexes
    start: Indexes
    operands: Indexes
    kinds: tuple[Kind, ...]
    numbers: Array
    leaves: tuple[Value, ...]
    drawn: tuple[RandomLeaf, ...]
    outputs: Indexes
    inputs: int
    parameters: int
    origin: Indexes | None = None

    def __len__(self) -> int:
        return len(self.code)

    @property
    def has_loops(self) -> bool:
        """Whether any row is a loop."""
        return any(kind.loop is not None for kind in self.kinds)

    def args(self, row: int) -> list[int]:
        """Return the operands of a row."""
        start = self.start[row]
        end = self.start[row + 1]
        args: list[int] = self.operands[start:end].tolist()
        return args

    def kind(self, row: int) -> Kind | None:
        """Return what a row computes, or None for a leaf."""
        code = int(self.code[row])
        if code < FIRST:
            return None
        return self.kinds[code - FIRST]

    def rows(self) -> Iterator[tuple[int, Kind | None, list[int]]]:
        """Yield row, kind (None for a leaf) and operands of each row, in order."""
        operands = self.operands.tolist()
        start = self.start.tolist()
        for row, code in enumerate(self.code.tolist()):
            kind = self.kinds[code - FIRST] if code >= FIRST else None
            args = operands[start[row] : start[row + 1]]
            yield row, kind, args

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        if self._identity() != other._identity():
            return False
        # nan equals nan here, so that a program equals itself. Signs of zeros are not told apart.
        return all(
            numpy.array_equal(mine, theirs, equal_nan=mine.dtype == float)
            for mine, theirs in zip(self._arrays(), other._arrays(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def _identity(self) -> tuple[object, ...]:
        """All that `==` compares, but for the arrays."""
        leaves = [id(leaf) for leaf in (*self.leaves, *self.drawn)]
        return self.kinds, self.inputs, self.parameters, leaves

    def _arrays(self) -> tuple[Rows, ...]:
        return self.code, self.place, self.start, self.operands, self.numbers, self.outputs

    def verify(self) -> "Program":
        """Return the program itself if every row is well formed and comes after its operands.

        Raises:
            ProgramError: It is not.
        """
        # In this order: what is checked later indexes by what was checked before.
        self._verify_start()
        self._verify_rows()
        self._verify_kinds()
        return self

    def _verify_start(self) -> None:
        sizes = numpy.diff(self.start)
        _require(
            len(self.start) == len(self) + 1 and self.start[0] == 0,
            "start must have one number more than there are rows, beginning at 0",
        )
        _require(
            (sizes >= 0).all() and self.start[-1] == len(self.operands),
            "start must not fall, and must end at the number of operands",
        )

    def _verify_rows(self) -> None:
        n = len(self)
        sizes = numpy.diff(self.start)
        owner = numpy.repeat(numpy.arange(n), sizes)
        in_range = (self.code >= 0) & (self.code < FIRST + len(self.kinds))
        _require(in_range.all(), "a code is out of range")

        before = (self.operands >= 0) & (self.operands < owner)
        _require(before.all(), "an operand comes after the row that uses it")
        _require((sizes[self.code < FIRST] == 0).all(), "a leaf has operands")

        counts = (
            self.inputs,
            self.parameters,
            len(self.numbers),
            len(self.leaves),
            len(self.drawn),
        )
        for kind, count in enumerate(counts):
            places = self.place[self.code == kind]
            _require(((places >= 0) & (places < count)).all(), "a place is out of range")

        are_rows = (self.outputs >= 0) & (self.outputs < n)
        _require(are_rows.all() and len(self.outputs) > 0, "an output is not a row")

    def _verify_kinds(self) -> None:
        sizes = numpy.diff(self.start)
        forms = set(zip(self.code.tolist(), sizes.tolist(), strict=True))
        for code, size in forms:
            if code >= FIRST:
                fits = _takes(self.kinds[code - FIRST], size)
                _require(fits, "an operation has the wrong number of operands")
        for _, kind, args in self.rows():
            if kind is not None and kind.op == PICK:
                source = self.kind(args[0])
                is_loop = source is not None and source.loop is not None
                _require(is_loop, "a number is picked from a row that is no loop")

    def evaluate(self, inputs: Sequence[float], parameters: Sequence[float]) -> list[float]:
        """Return the outputs for one sample, row by row by the rules of the table.

        This is slow. Everything faster is compared with it.

        Args:
            inputs: The numbers of all arguments in one list.
            parameters: The numbers of the parameters.

        Example:
            >>> from scalargrad.compiler import record, trace
            >>> record(trace(lambda x: x[0] * x[1] + 1, [2])).evaluate([2.0, 3.0], [])
            [7.0]
        """
        read = [leaf._data for leaf in self.leaves]
        drawn = [leaf._data for leaf in self.drawn]
        sources = (inputs, parameters, self.numbers.tolist(), read, drawn)

        # The value of a loop is the list of all that it returns.
        values: list[Any] = []
        for row, kind, args in self.rows():
            value: Any
            if kind is None:
                source = sources[self.code[row]]
                place = self.place[row]
                value = float(source[place])
            elif kind.loop is not None:
                value = kind.loop.evaluate([values[arg] for arg in args])
            elif kind.op == PICK:
                value = values[args[0]][self.place[row]]
            else:
                numbers = insert_static_args(kind, [values[arg] for arg in args])
                value = TABLE[kind.op].value(FLOATS, numbers)
            values.append(value)
        return [values[row] for row in self.outputs.tolist()]

    @fits_terminal
    def __str__(self) -> str:
        lines = [f"{len(self):,} rows"]
        for row, kind, args in islice(self.rows(), _MAX_PRINTED_ROWS):
            text = self._format_row(row, kind, args)
            lines.append(f"%{row} = {text}")
        more = len(self) - _MAX_PRINTED_ROWS
        if more > 0:
            lines.append(f"… {more:,} rows more")

        names = [f"%{row}" for row in self.outputs.tolist()]
        outputs = ", ".join(names)
        lines.append(f"return {outputs}")
        for kind in self.kinds:
            if kind.loop is not None:
                step = indent(str(kind.loop.step), "    ")
                lines.append(f"a step of the scan of {kind.loop.length:,} steps:\n{step}")
        return "\n".join(lines)

    def _format_row(self, row: int, kind: Kind | None, args: list[int]) -> str:
        if kind is None:
            code = int(self.code[row])
            place = int(self.place[row])
            if code == CONSTANT:
                return repr(float(self.numbers[place]))
            return f"{LEAVES[code]}[{place}]"
        names = [f"%{arg}" for arg in args]
        if kind.op == PICK:
            return f"{names[0]}[{int(self.place[row])}]"
        operands = insert_static_args(kind, names)
        listed = ", ".join(map(str, operands))
        steps = "" if kind.loop is None else f" of {kind.loop.length:,} steps"
        return f"{kind.op}{steps}({listed})"


@dataclass(frozen=True)
class Loop:
    """A step that is repeated.

    The rows that a loop takes are the carry before the first step, the entries of all steps, and
    what all steps share. It returns the carry after the last step and the results of all steps.

    Attributes:
        step: One step as recorded. Its inputs are the carry and the entry of the step, its
            parameters what all steps share, its outputs the next carry and the results.
        length: The number of steps.
        carries: The length of the carry.
        checkpoint: Whether to keep only some carries for the way back.
    """

    step: Program
    length: int
    carries: int
    checkpoint: bool

    @property
    def entries(self) -> int:
        """The length of the entry of one step."""
        return self.step.inputs - self.carries

    @property
    def results(self) -> int:
        """How many results each step has."""
        return len(self.step.outputs) - self.carries

    @property
    def parts(self) -> tuple[slice, slice, slice]:
        """Where the carry, the entries of all steps, and what is shared are among the operands."""
        start = self.carries
        end = start + self.length * self.entries
        return slice(start), slice(start, end), slice(end, None)

    def takes(self, size: int) -> bool:
        """Whether it takes this many rows."""
        return size == self.carries + self.length * self.entries + self.step.parameters

    def evaluate(self, operands: Sequence[float]) -> list[float]:
        """Return all that the loop returns, for one sample: slowly, row by row."""
        carry, xs, shared = [operands[part] for part in self.parts]
        results: list[float] = []
        for number in range(self.length):
            start = number * self.entries
            x = xs[start : start + self.entries]
            outputs = self.step.evaluate([*carry, *x], shared)
            carry = outputs[: self.carries]
            results += outputs[self.carries :]
        return [*carry, *results]


def _takes(kind: Kind, size: int) -> bool:
    """Whether an operation takes this many rows."""
    if kind.loop is not None:
        return kind.loop.takes(size)
    if kind.op == PICK:
        return size == 1
    op = TABLE[kind.op]
    if op.over_list:
        return size > 0
    if kind.static_args is None:
        return size == len(op.operands)
    return size == kind.static_args.count(None)


def _require(holds: object, problem: str) -> None:
    if not holds:
        raise ProgramError(f"invalid program: {problem}")


def insert_static_args(kind: Kind, operands: Sequence[Operand]) -> Sequence[Operand | float]:
    """Return all operands of an operation in order: the given ones, and its static arguments.

    Example:
        >>> insert_static_args(Kind("pow", (None, 2.0)), ["x"])
        ['x', 2.0]
    """
    if kind.static_args is None:
        return operands
    remaining = iter(operands)
    return [next(remaining) if static is None else static for static in kind.static_args]


def partials_by_rows(kind: Kind) -> list[Rule]:
    """Return the rules of the derivatives by those operands that are rows, in order.

    A static argument is a plain number, to which no gradient flows.

    Example:
        >>> len(partials_by_rows(Kind("pow"))), len(partials_by_rows(Kind("pow", (None, 2.0))))
        (2, 1)
    """
    rules = TABLE[kind.op].partials
    if kind.static_args is None:
        return list(rules)
    return [rule for rule, static in zip(rules, kind.static_args, strict=True) if static is None]


def record(trace: Trace) -> Program:
    """Return the graph of a trace as a Program: every node a row, in topological order.

    The graph itself is only read: its nodes may be Values of the model, which other threads use.

    Raises:
        TraceError: A node has a gradient hook, or was not made by an operation of the table.
    """
    order = topological(trace.outputs)

    # A graph has up to millions of nodes, so the edges are filled by iterators that run in C, and
    # operands are asked for twice: a list of them all would need as much memory as the graph.
    operands_of = attrgetter("args")
    start = numpy.zeros(len(order) + 1, numpy.int32)
    counts = map(len, map(operands_of, order))
    sizes = numpy.fromiter(counts, numpy.int32, len(order))
    numpy.cumsum(sizes, out=start[1:])
    code = numpy.fromiter(_codes(order, sizes), numpy.int32, len(order))
    ids = map(id, chain.from_iterable(map(operands_of, order)))
    rows = _RowsById(order)
    operands = rows.find(numpy.fromiter(ids, numpy.int64, int(start[-1])))

    # One node of each code tells what the code means. Leaves still have the code -1.
    codes, examples = numpy.unique(code, return_index=True)
    nodes = [order[i] for i in examples[codes >= FIRST].tolist()]
    kinds = tuple(map(_read_kind, nodes))

    place = numpy.zeros(len(order), numpy.int32)
    if any(isinstance(node, Pick) for node in nodes):
        for row, node in enumerate(order):
            if type(node) is Pick:
                place[row] = node.place
    leaves = _place_leaves(trace, order, rows, code, place)
    return Program(
        code=code,
        place=place,
        start=start,
        operands=operands,
        kinds=kinds,
        numbers=numpy.array(leaves.numbers, dtype=float),
        leaves=tuple(leaves.read),
        drawn=trace.drawn,
        outputs=rows.find(numpy.array([id(node) for node in trace.outputs])),
        inputs=sum(map(len, trace.inputs)),
        parameters=len(trace.parameters),
        origin=numpy.arange(len(order), dtype=numpy.int32),
    )


def _read_kind(node: Value) -> Kind:
    loop = None
    if isinstance(node, LoopNode):
        loop = _record_loop(node.loop)
    return Kind(node.op, node.static_args, loop)


def _record_loop(loop: TracedLoop) -> Loop:
    """Return a loop with its step as a Program."""
    step = Trace(
        inputs=(loop.carry, loop.x),
        parameters=loop.captured,
        outputs=loop.outputs,
        structure=list(range(len(loop.outputs))),
    )
    return Loop(record(step), loop.length, len(loop.carry), loop.checkpoint)


class _RowsById:
    """Finds the rows of nodes by their ids: a dict in two arrays, with a tenth of its memory."""

    def __init__(self, order: list[Value]) -> None:
        ids = numpy.fromiter(map(id, order), numpy.int64, len(order))
        self._rows = numpy.argsort(ids).astype(numpy.int32)
        self._ids = ids[self._rows]

    def find(self, ids: NDArray[numpy.int64]) -> Indexes:
        """Return the row of each id, all of which must be there."""
        found: Indexes = self._rows[numpy.searchsorted(self._ids, ids)]
        return found

    def are_there(self, ids: NDArray[numpy.int64]) -> Mask:
        """Return which ids are those of a row."""
        places = numpy.searchsorted(self._ids, ids).clip(max=len(self._ids) - 1)
        found: Mask = self._ids[places] == ids
        return found


def _codes(order: list[Value], sizes: Indexes) -> Iterator[int]:
    """Yield the code of each node, which has so many operands; -1 for a leaf.

    Raises TraceError for a node that can't be replayed.
    """
    codes: dict[str, int] = {}
    checked: set[tuple[str, int]] = set()
    for node, size in zip(order, sizes.tolist(), strict=True):
        # The slots are read, as properties would take as long as all the rest.
        if node._details is not None and node.metadata is not None:
            _refuse_hooks(node)
        if not size:
            yield -1
            continue

        # Text tells 0.0 from -0.0, which are two static arguments, and takes nan for equal to nan.
        static_args = None if node._rest is None else node._rest[2]
        key = node.op if static_args is None else f"{node.op}{static_args}"
        if type(node) is LoopNode:
            key = f"{node.op}{id(node.loop)}"
        form = key, size
        if form not in checked:
            _refuse_made_by_hand(node)
            checked.add(form)
        yield codes.setdefault(key, len(codes) + FIRST)


def _refuse_made_by_hand(node: Value) -> None:
    if isinstance(node, (LoopNode, Pick)):
        return
    known = node.op in TABLE
    if known and _takes(Kind(node.op, node.static_args), len(node.args)):
        return
    name = node.label or node.op or "a Value with operands"
    raise TraceError(f"{name} was made by hand: only operations of the table can be replayed")


def _refuse_hooks(node: Value) -> None:
    refuse_backward_by_hand(node, TraceError)
    hooks: Sequence[Callable[..., object]] = (node.metadata or {}).get("hooks", ())
    # A hook that only looks changes no gradient, so a replay may leave it out.
    if all(getattr(hook, "only_looks", False) for hook in hooks):
        return
    raise TraceError(
        f"{node.label or node.op or 'a leaf'} has a gradient hook, which can't be replayed: "
        "remove() it before compiling"
    )


def _place_leaves(
    trace: Trace,
    order: list[Value],
    rows: _RowsById,
    code: Indexes,
    place: Indexes,
) -> "_OtherLeaves":
    """Fill in code and place of all leaves, and return those that are not given at each call."""
    inputs = [x for argument in trace.inputs for x in argument]
    for kind, group in ((INPUT, inputs), (PARAMETER, trace.parameters)):
        ids = numpy.fromiter(map(id, group), numpy.int64, len(group))
        used = numpy.flatnonzero(rows.are_there(ids))
        leaf_rows = rows.find(ids[used])
        code[leaf_rows] = kind
        place[leaf_rows] = used

    drawn: dict[Value, int] = {leaf: i for i, leaf in enumerate(trace.drawn)}
    others = _OtherLeaves([], [], drawn)
    for row in numpy.flatnonzero(code < 0).tolist():
        code[row], place[row] = others.add(order[row])
    return others


@dataclass
class _OtherLeaves:
    """Leaves that are neither inputs nor parameters.

    Attributes:
        numbers: The constants.
        read: Values that are read at each run.
        drawn: The position of each leaf that was drawn during the trace.
    """

    numbers: list[float]
    read: list[Value]
    drawn: dict[Value, int]

    def add(self, leaf: Value) -> tuple[int, int]:
        """Add a leaf and return its kind and place."""
        # A random leaf that was drawn before the trace keeps its number, so it is read like others.
        if leaf in self.drawn:
            return DRAWN, self.drawn[leaf]
        if isinstance(leaf, StepInput):
            raise TraceError(
                f"a Value of one step of scan ({leaf.label or 'without a label'}) is used outside "
                "of that step: return it from the step, as a part of the carry or as y"
            )
        # Only a plain Constant can't change. Any other Value may, so it is read at each run.
        if type(leaf) is Constant:
            self.numbers.append(leaf._data)
            return CONSTANT, len(self.numbers) - 1
        self.read.append(leaf)
        return LEAF, len(self.read) - 1
