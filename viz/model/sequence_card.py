"""What the sequence view holds: a part for each node, frozen, without colors or positions."""

from dataclasses import dataclass

from .heatmap import Map

PART_KINDS = (
    "box",
    "operation",
    "joint",
    "state",
    "start",
    "input",
    "gap",
    "head",
    "root",
)
MAX_STEPS = 8
"""Steps that are all drawn; of more the first, "…" and the last."""
FIRST_STEPS = 3
LAST_STEPS = 4
MAX_BARS = 16
"""Numbers that are drawn as bars; of more only the strip of their gradients."""
MAX_STRIP = 160
"""Cells of a strip; of more numbers neighbors share one."""


@dataclass(frozen=True, slots=True)
class SequencePart:
    """One thing of the sequence view.

    Attributes:
        id: Id of the node that it belongs to.
        kind: "box" for a gate or a line of code, "operation" for a round sign, "joint" for what
            joins input and state, "state" for what goes on to the next step, "start" for the state
            before the first step, "input", "gap" for the steps that are left out, "head" for what
            follows the last step, "root" for what `backward` started from.
        role: What it is in its cell, such as "forget", "keep" or "c"; a line of code has none.
        title: What is written on it: "forget", "c1", "×".
        line: A second line: the activation, or the formula.
        step: The column, from 0; the steps that are left out take one together.
        row: Which of several stacked cells it belongs to, from 0.
        depth: Of a line of code how many others it needs before it.
        values: How many Values are folded in it.
        data: The numbers, None where there are none.
        strip: Their gradients, before `backward` the numbers; None where there are none.
        norm: The Euclidean norm of the gradients in the strip; None before `backward`.
        norms: Of a gap the norms of the states that are left out, in order.
    """

    id: str
    kind: str
    role: str = ""
    title: str = ""
    line: str = ""
    step: int = 0
    row: int = 0
    depth: int = 0
    values: int = 0
    data: Map | None = None
    strip: Map | None = None
    norm: float | None = None
    norms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What the sequence view holds besides its parts.

    Attributes:
        cells: For each row what the cell is: "LSTMCell", "GRUCell", "RNNCell", or "" for any other
            code.
        summary: What is drawn, in one line: how many values there are, and where.
        size: The most numbers in one strip.
        parts: The part of each node, in the order of the nodes.
    """

    cells: tuple[str, ...]
    summary: str
    size: int
    parts: tuple[SequencePart, ...]


def describe_part(part: SequencePart) -> str:
    """Return a part in one sentence, without its numbers.

    Example:
        >>> describe_part(SequencePart("n1", "box", "forget", "forget", "σ", values=48, norm=0.5))
        'forget, σ, 48 values'
    """
    values = f"{part.values:,} values" if part.values > 1 else ""
    return ", ".join(filter(None, [part.title, part.line, values]))
