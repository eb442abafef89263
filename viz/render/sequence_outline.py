"""The sequence view in words: step after step, and what follows the last."""

from collections.abc import Iterator

from viz.look.text import clean, number
from viz.model.picture import Node, Picture
from viz.model.sequence_card import Recurrence, SequencePart

_SILENT = ("operation", "joint")
"""Parts that are signs between those that have names."""


def outline_sequence(picture: Picture, sequence: Recurrence) -> Iterator[str]:
    """Yield a line for each part with a name, in the order of the steps.

    Args:
        picture: A picture at level "sequence".
        sequence: What it holds.
    """
    yield clean(sequence.summary, 300)
    titles = {group.path: group.title for group in picture.groups}
    headings: set[str] = {""}
    for part in sequence.parts:
        node = picture.by_id[part.id]
        if node.group not in headings:
            headings.add(node.group)
            yield f"{titles[node.group]}:"
        if part.kind in _SILENT:
            continue
        is_inside = part.kind in ("box", "state", "input")
        indent = "  " if is_inside else ""
        yield indent + clean(_describe(part, node), 300)


def _describe(part: SequencePart, node: Node) -> str:
    facts = [part.line]
    if part.values > 1:
        facts.append(f"{part.values:,} values")
    if node.data is not None:
        facts.append(f"data {number(node.data)}")
    if part.norm is not None:
        facts.append(f"‖∇‖ {number(part.norm)}")
    elif node.grad is not None:
        facts.append(f"gradient {number(node.grad)}")
    if part.norms:
        facts.append(f"‖∇‖ from {number(part.norms[0])} to {number(part.norms[-1])}")
    name = f"state {part.title}" if part.kind in ("state", "start") else part.title
    return f"{name}: {', '.join(filter(None, facts))}"
