"""What a box of the blocks view holds, as frozen data without colors or positions."""

from dataclasses import dataclass

from viz.look.text import number, plural

from .heatmap import Map
from .layer_card import Bar, describe_bar

MAX_SPELLED_CELLS = 8
"""Calls of an open box that are read out."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Data as a rectangle in shades of gray, from 0 to 1: attention weights, probabilities.

    Attributes:
        shown: The numbers. What a row does not have, as the columns that it can't see, is missing.
        title: What tells it from the grids beside it: "h0"; "" for a single one.
        columns: The names of the columns; those of the rows are the labels of the map.
        framed: The positions that are framed: the right answers.
    """

    shown: Map
    title: str = ""
    columns: tuple[str, ...] = ()
    framed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockParameter:
    """A parameter that a box uses, as the gradient of each of its weights.

    Attributes:
        name: The name that the user gave it.
        shown: A cell for each weight; what the graph does not use is missing. Before `backward`
            the weights themselves.
        norm: The Euclidean norm of the gradients; None before `backward`.
    """

    name: str
    shown: Map
    norm: float | None = None


@dataclass(frozen=True, slots=True)
class CallCell:
    """One call of an open box, as a small cell.

    Attributes:
        title: Which call it is: "#2", with the token at its position.
        values: How many Values it made.
        shown: What leaves it, as one row; None where that is a single number or differs.
        norm: The Euclidean norm of the gradients of what leaves it; None before `backward`.
        columns: The names of the columns of the row.
        framed: The positions that are framed: the right answer.
        later: How many of its Values later calls use.
    """

    title: str
    values: int = 0
    shown: Map | None = None
    norm: float | None = None
    columns: tuple[str, ...] = ()
    framed: tuple[int, ...] = ()
    later: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """One box of the blocks view: the calls of a function from one place, or one line of code.

    Attributes:
        id: Id of the node that it belongs to.
        kind: "box"; "sum" for the sum that ends a residual connection, drawn as a round +; "input"
            for leaves that are no parameters; "root" for what `backward` started from.
        title: The variable that its result is given to, or else the function or the operation.
        line: The function and its sizes, or the formula: "linear 16 → 16", "q·k / √4".
        values: How many Values are folded in it.
        calls: How many calls are folded in it; from two on it is drawn as a pile of sheets.
        strip: What leaves it: a row for each call, a column for each number, and in each cell the
            gradient, before `backward` the number. None where that says nothing.
        norm: The Euclidean norm of the gradients in the strip; None before `backward`.
        parameters: The parameters that it uses.
        grids: Data that is worth seeing instead of a strip: attention weights, probabilities.
        bars: Few numbers with a name each, drawn as bars: the losses of the tokens, a gate.
        columns: The names of the columns of the strip, and of a parameter with as many columns.
        note: A remark in small print: "274 of 320 are 0".
        cells: Of an open box its calls.
        cells_in_row: How many of these belong together, as the heads at one position; 0 where none
            do.
    """

    id: str
    kind: str = "box"
    title: str = ""
    line: str = ""
    values: int = 0
    calls: int = 1
    strip: Map | None = None
    norm: float | None = None
    parameters: tuple[BlockParameter, ...] = ()
    grids: tuple[Grid, ...] = ()
    bars: tuple[Bar, ...] = ()
    columns: tuple[str, ...] = ()
    note: str = ""
    cells: tuple[CallCell, ...] = ()
    cells_in_row: int = 0


def count_values(block: Block) -> str:
    """Return how many Values are folded in a box, and in how many calls.

    Example:
        >>> count_values(Block("b0", values=2560, calls=5))
        '2,560 values in 5 calls'
    """
    size = plural(block.values, "value")
    return f"{size} in {block.calls:,} calls" if block.calls > 1 else size


def describe_block(block: Block) -> str:
    """Return a box in one sentence.

    Example:
        >>> describe_block(Block("b0", title="q", line="linear 16 → 16", values=2560, calls=5))
        'q: linear 16 → 16, 2,560 values in 5 calls'
    """
    parts = [block.line, count_values(block)]
    if block.norm is not None:
        parts.append(f"gradient norm {number(block.norm)}")
    for parameter in block.parameters:
        back = "" if parameter.norm is None else f" (gradient norm {number(parameter.norm)})"
        parts.append(f"parameter {parameter.name} {parameter.shown.note}{back}")
    parts += map(describe_bar, block.bars)
    parts += map(describe_cell, block.cells[:MAX_SPELLED_CELLS])
    parts.append(block.note)
    return f"{block.title}: {', '.join(part for part in parts if part)}"


def describe_cell(cell: CallCell) -> str:
    """Return one call of an open box in a few words.

    Example:
        >>> describe_cell(CallCell("#2 e", values=512, norm=0.25, later=32))
        'call #2 e: 512 values, gradient norm 0.25, 32 to later calls'
    """
    parts = [plural(cell.values, "value")]
    if cell.norm is not None:
        parts.append(f"gradient norm {number(cell.norm)}")
    if cell.later:
        parts.append(f"{cell.later:,} to later calls")
    return f"call {cell.title}: {', '.join(parts)}"
