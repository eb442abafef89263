"""The words of the sequence view: its heading, its counts, and the names of steps and inputs."""

from collections.abc import Iterator, Sequence

from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.sequence_card import FIRST_STEPS, LAST_STEPS, MAX_STEPS, MAX_STRIP
from viz.model.snapshot import Snapshot

from . import chains
from .cells import Cell
from .follow import Following
from .inputs import Entering


def name_step(sequences: list[chains.Sequence], row: int, step: int) -> str:
    """Return the heading of a call: "cell.3", or which of several cells it calls."""
    if len(sequences) > 1:
        return f"cell {row + 1}, step {step}"
    name = clean(sequences[row].steps[step].scope.name, 20)
    stem, _, number = name.rpartition(".")
    if number.isdecimal() and stem:
        name = stem
    return f"{name or 'cell'}.{step}"


def write_title(
    sequences: list[chains.Sequence], cells: list[list[Cell]], entering: list[list[Entering]]
) -> str:
    """Return the heading: "LSTMCell(1 → 4) over 5 steps"."""
    names: list[str] = []
    for sequence, calls, inputs in zip(sequences, cells, entering, strict=True):
        scope = sequence.steps[0].scope
        kind = clean(scope.name if scope.kind == "scope" else scope.kind, 40)
        sizes = [len(state.numbers) for state in calls[0].states]
        count = len(inputs[0].inputs)
        # The state of a function may be of several parts, whose sizes say little.
        has_size = scope.is_module and count and sizes
        names.append(f"{kind}({count} → {sizes[-1]})" if has_size else kind)
    length = len(sequences[0].steps)
    steps = "1 step" if length == 1 else f"{length:,} steps"
    return f"{' and '.join(names)} over {steps}"


def summarize(snapshot: Snapshot, sequences: list[chains.Sequence], following: Following) -> str:
    """Return how many Values there are and where; the counts add up."""
    in_steps = sum(len(step.values) for each in sequences for step in each.steps)
    shared: set[Value] = set()
    for sequence in sequences:
        for node in sequence.values:
            shared.update(arg for arg in node.args if arg.kind == "parameter")
    calls = sum(len(each.steps) for each in sequences)
    words = "call" if calls == 1 else "calls"
    is_module = sequences[0].steps[0].scope.is_module
    cells = "one cell" if is_module else "one function"
    if len(sequences) > 1:
        cells = f"{len(sequences)} cells"
    others = sum(each.total for each in sequences) - in_steps
    rest = len(snapshot) - in_steps - others - len(shared) - len(following.head)
    parameters = "parameter" if len(shared) == 1 else "parameters"
    by_all = " shared by all" if calls > 1 else ""
    counts = [
        f"{spaced(in_steps)} in {calls:,} {words} of {cells}",
        f"{spaced(others)} in other sequences" if others else "",
        f"{spaced(len(shared))} {parameters}{by_all}" if shared else "",
        f"{spaced(len(following.head))} in what follows" if following.head else "",
        f"{spaced(rest)} inputs, constants and others" if rest else "",
    ]
    return f"{spaced(len(snapshot))} values: {', '.join(filter(None, counts))}"


def note_folds(snapshot: Snapshot, sequence: chains.Sequence, size: int) -> Iterator[str]:
    """Yield what the picture folds and leaves out; `size` is that of the longest strip."""
    if not snapshot.has_gradients:
        yield "no gradients yet: call backward() first"
    if sequence.count > 1:
        yield f"one of {sequence.count:,} sequences is drawn, with the gradients of its numbers"
    if sequence.beside:
        cells = "cell is" if sequence.beside == 1 else "cells are"
        yield f"{sequence.beside:,} other recurrent {cells} not drawn"
    if size > MAX_STRIP:
        yield (
            f"strips of more than {MAX_STRIP} numbers show of neighbors the one farthest from 0; "
            "‖∇‖ is that of all"
        )
    hidden = len(sequence.steps) - FIRST_STEPS - LAST_STEPS
    if len(sequence.steps) > MAX_STEPS:
        yield (
            f"… stands for {hidden:,} steps; the bands through it are as thick as the "
            "gradients of each of them"
        )


def choose_steps(length: int) -> list[int | None]:
    """Return the steps that are drawn, None for those that are left out.

    Example:
        >>> choose_steps(3), choose_steps(100)
        ([0, 1, 2], [0, 1, 2, None, 96, 97, 98, 99])
    """
    if length <= MAX_STEPS:
        return list(range(length))
    return [*range(FIRST_STEPS), None, *range(length - LAST_STEPS, length)]


def spaced(count: int) -> str:
    """Return a count with a thin space before each group of three digits.

    Example:
        >>> spaced(1105).split()
        ['1', '105']
    """
    return f"{count:,}".replace(",", "\N{THIN SPACE}")


def name_input(snapshot: Snapshot, nodes: Sequence[Value], step: int, has_labels: bool) -> str:
    """Return the name of an input: its label where each step has its own, else x with the step."""
    labels = [snapshot.labels[node] for node in nodes]
    prefix = _shared_start(labels).rstrip("[.,( ")
    if has_labels and prefix:
        return prefix
    stem = prefix.rstrip("0123456789") if prefix else ""
    return f"{stem or 'x'}[{step}]"


def _shared_start(texts: Sequence[str]) -> str:
    """Return the characters that all texts begin with."""
    shortest = min(texts, key=len)
    for i, character in enumerate(shortest):
        if any(text[i] != character for text in texts):
            return shortest[:i]
    return shortest
