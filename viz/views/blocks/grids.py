"""Data that is worth seeing: the shares that a softmax computes, and single numbers as bars."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from scalargrad.core.value import Value
from viz.model.block_card import Grid
from viz.model.heatmap import map_rows
from viz.model.layer_card import Bar
from viz.model.snapshot import Snapshot
from viz.views.quotients import find_quotient, find_terms

from .assign import Box, Call
from .strips import MAX_ROWS

MAX_GRIDS = 12
"""Grids of a box."""
MAX_CELLS = 4096
"""Cells of all grids of a box."""
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Shares:
    """Numbers that are not negative and add up to 1, computed by one softmax.

    Attributes:
        numbers: All of them, in order.
        used: The positions of those that something else uses.
        values: The Values that these are.
    """

    numbers: list[float]
    used: list[int]
    values: list[Value]


def make_grids(
    box: Box, tokens: Sequence[str] = (), vocabulary: Sequence[str] = ()
) -> tuple[Grid, ...]:
    """Return the shares that a box computes: attention weights, probabilities; none if it doesn't.

    Shares are found by what is divided: each is a term of the sum that it is divided by. So those
    that nothing uses, which are no part of the graph, are known too.

    Args:
        box: The box.
        tokens: The names of the calls.
        vocabulary: The names of as many columns.
    """
    blocks = _find_blocks(box)
    if not blocks:
        return ()
    titles = [f"h{i}" for i in range(len(blocks))] if len(blocks) > 1 else [""]
    return tuple(
        _grid(block, title, tokens, vocabulary) for block, title in zip(blocks, titles, strict=True)
    )


def find_grid_values(box: Box) -> list[list[list[Value | None]]]:
    """Return for each grid of a box the rows of Values that its cells show.

    What nothing uses is no part of the graph: None stands for it.

    Args:
        box: The box.
    """
    grids = []
    for block in _find_blocks(box):
        width = max(len(row.numbers) for row in block)
        rows: list[list[Value | None]] = []
        for shares in block[:MAX_ROWS]:
            row: list[Value | None] = [None] * width
            for position, value in zip(shares.used, shares.values, strict=True):
                row[position] = value
            rows.append(row)
        grids.append(rows)
    return grids


def _find_blocks(box: Box) -> list[list[Shares]]:
    """Return the rows of each grid of a box; none where they are too many."""
    is_by_call = box.frame is None or len(box.frame.calls) < 2
    blocks = _arrange([list(find_shares(row)) for row in box.rows()], is_by_call)
    if not blocks and box.folded is not None:
        # A function that goes on with them: attention in a few lines.
        inside = box.rows(_find_quotients(box))
        blocks = _arrange([list(find_shares(row)) for row in inside], is_by_call)
    if len(blocks) > MAX_GRIDS:
        return []
    cells = sum(len(block) * len(block[-1].numbers) for block in blocks)
    return blocks if cells <= MAX_CELLS else []


def is_shares(rows: list[list[Value]]) -> bool:
    """Return whether what leaves a box at each call are shares of a whole.

    Args:
        rows: What leaves it.
    """
    return all(any(find_shares(row)) for row in rows)


def _find_quotients(box: Box) -> dict[Call, list[Value]]:
    """Return for each call what is divided in it."""
    quotients: dict[Call, list[Value]] = defaultdict(list)
    for call, made in box.made.items():
        for node in made:
            part, _ = find_quotient(node)
            if part is not None:
                quotients[call].append(node)
    return quotients


def find_shares(outputs: list[Value]) -> Iterator[Shares]:
    """Yield the shares that some Values are, softmax by softmax, up to one that is no share.

    Args:
        outputs: The Values.
    """
    by_total: dict[Value, list[Value]] = {}
    values: dict[Value, list[Value]] = {}
    parts: dict[Value, list[Value]] = {}
    for node in outputs:
        part, total = find_quotient(node)
        if part is None or total is None:
            return
        if total not in parts:
            parts[total] = find_terms(total)
        if not any(part is term for term in parts[total]):
            return
        by_total.setdefault(total, []).append(part)
        values.setdefault(total, []).append(node)
    for total, used in by_total.items():
        numbers = [term.data / total.data if total.data else 0.0 for term in parts[total]]
        if min(numbers) < 0.0 or abs(sum(numbers) - 1.0) > _ROUNDING:
            return
        places = {term: i for i, term in enumerate(parts[total])}
        yield Shares(numbers, [places[part] for part in used], values[total])


def _arrange(rows: list[list[Shares]], is_by_call: bool) -> list[list[Shares]]:
    """Return the shares of each grid: those of one head in all calls, or a run of rows.

    Args:
        rows: The shares of each row.
        is_by_call: Whether a row is a call of the box, and not one of the frame around it.
    """
    if not rows or not all(rows):
        return []
    counts = {len(row) for row in rows}
    if is_by_call and min(counts) > 1:
        blocks = rows
    elif len(rows) > 1 and len(counts) == 1:
        blocks = [list(block) for block in zip(*rows, strict=True)]
    else:
        blocks = _find_runs([shares for row in rows for shares in row])
    return blocks if all(map(_is_regular, blocks)) else []


def _find_runs(rows: list[Shares]) -> list[list[Shares]]:
    """Return rows of one length, or those that grow by one, as one block."""
    blocks: list[list[Shares]] = []
    for row in rows:
        size = len(row.numbers)
        if blocks and size - len(blocks[-1][-1].numbers) in _steps(blocks[-1]):
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def _steps(block: list[Shares]) -> tuple[int, ...]:
    """Return by how much the next row of a block may be longer than the last one."""
    sizes = [len(row.numbers) for row in block]
    if len(sizes) < 2:
        return 0, 1
    return (sizes[1] - sizes[0],)


def _is_regular(block: list[Shares]) -> bool:
    sizes = [len(row.numbers) for row in block]
    steps = {after - before for before, after in pairwise(sizes)}
    is_rectangle = steps <= {0}
    is_triangle = all(step > 0 for step in steps)
    return max(sizes, default=0) > 1 and (is_rectangle or is_triangle)


def _grid(
    block: list[Shares], title: str, tokens: Sequence[str], vocabulary: Sequence[str]
) -> Grid:
    is_triangle = len(block) > 1 and len(block[0].numbers) < len(block[-1].numbers)
    hidden = len(block) - MAX_ROWS
    names = tuple(tokens) if len(tokens) == len(block) else ()
    if hidden > 0:
        block = block[:MAX_ROWS]
        names = (*(names or [""] * MAX_ROWS)[: MAX_ROWS - 1], f"+ {hidden:,}")
    width = max(len(row.numbers) for row in block)
    columns: tuple[str, ...] = ()
    if is_triangle and len(tokens) >= width:
        columns = tuple(tokens)[:width]
    elif len(vocabulary) == width:
        columns = tuple(vocabulary)
    elif len(tokens) == width:
        columns = tuple(tokens)

    framed = []
    for i, row in enumerate(block):
        if len(row.used) == 1 < len(row.numbers):
            framed.append(i * width + row.used[0])
    if len(framed) == len(names) == len(block) and columns:
        # What follows: the right answer of each call.
        names = tuple(
            f"{name} › {columns[row.used[0]]}" for name, row in zip(names, block, strict=True)
        )
    shown = map_rows(title or "shares", [row.numbers for row in block])
    shown = replace(shown, labels=names, is_gray=True, scale=1.0)
    return Grid(shown, title, columns, tuple(framed))


def make_bars(
    snapshot: Snapshot, box: Box, rows: list[list[Value]], tokens: Sequence[str] = ()
) -> tuple[Bar, ...]:
    """Return single numbers as bars: what a line makes each time, or a function at each call.

    Args:
        snapshot: The graph.
        box: The box.
        rows: What leaves it at each call.
        tokens: The names of the calls.
    """
    is_repeated = box.statement is not None and box.statement.is_repeated and len(rows) == 1
    numbers = [node for row in rows for node in row]
    is_single = is_repeated or all(len(row) == 1 for row in rows)
    if not is_single or not 2 <= len(numbers) <= MAX_ROWS:
        return ()
    names = list(tokens) if len(tokens) == len(numbers) else list(map(str, range(len(numbers))))
    gradients = snapshot.gradients if snapshot.has_gradients else {}
    return tuple(
        Bar(name, node.data, gradients.get(node)) for name, node in zip(names, numbers, strict=True)
    )
