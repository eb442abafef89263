"""How Values are called in sums and sentences: by label, by the module that made them, else by how they were made."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from scalargrad.core.value import Value
from viz.look.text import clean, number
from viz.model.snapshot import formula, symbol

from .path_sums import Trail, on_ways

_LONGEST = 24


def called(node: Value) -> str:
    """A Value in a sentence: its label, how it was made, or what it is and its number.

    >>> called(Value(2.0, label="x") * 3), called(Value(2.0))
    ('x × 3', 'the input 2')
    """
    return clean(node.label, _LONGEST) or (
        formula(node) if node.args else f"the {node.kind} {number(node.data)}"
    )


def stops(order: Iterable[Value], output: Value, leaf: Value) -> dict[Value, str]:
    """The Values that have a name, with it: those with a label, the output and the leaf."""
    plain = {
        node: clean(node.label, _LONGEST)
        for node in (*order, output)
        if node.label or node is output or node is leaf
    }
    return unique(
        {
            node: name or formula(node)
            for node, name in plain.items()
            if name or node is output or node is leaf
        }
    )


def on_paths(trails: Sequence[Trail], output: Value, leaf: Value) -> dict[Value, str]:
    """A name for every Value on some ways: its label; the path of the module that it leaves; how it was made, where its operands
    have labels; else the sign of its operation, which may stand for several.
    """
    plain = {node: clean(node.label, _LONGEST) for node in (leaf, *on_ways(trails), output)}
    for trail in trails:
        for above, below in pairwise(step.node for step in trail.steps()):
            plain[below] = plain[below] or _module_left(above, below)
    signs = {
        node: _bracketed(symbol(node))
        for node, name in plain.items()
        if not name and not any(arg.label for arg in node.args)
    }
    signs = {
        node: sign
        for node, sign in signs.items()
        if node.args and node is not output and node is not leaf
    }
    return (
        unique({node: name or formula(node) for node, name in plain.items() if node not in signs})
        | signs
    )


def worth_naming(trail: Trail) -> list[tuple[Value, float]]:
    """The Values of a way, each with the derivative of the one before it: without those that have no name and pass on what they get."""
    steps = trail.steps()
    kept, factor = [(steps[0].node, 1.0)], 1.0
    for step, after in pairwise(steps[1:]):
        factor = step.factor if factor == 1.0 else factor
        if after.factor != 1.0 or step.node.label or _module_left(step.before.node, step.node):
            kept.append((step.node, factor))
            factor = 1.0
    return [
        *kept,
        *((step.node, step.factor if factor == 1.0 else factor) for step in steps[1:][-1:]),
    ]


def _module_left(above: Value, below: Value) -> str:
    """The path of the module that a way enters from behind, at its output."""
    if not below.args or below.scope is None or not below.scope.path:
        return ""
    outside = above.scope is None or above.scope is not below.scope
    return clean(below.scope.path, 2 * _LONGEST) if outside else ""


def unique(names: Mapping[Value, str]) -> dict[Value, str]:
    """Equal names numbered, and names that would read as a formula in brackets."""
    seen: Counter[str] = Counter()
    found = {}
    for node, name in names.items():
        seen[name] += 1
        own = name if seen[name] == 1 else f"{name} #{seen[name]}"
        found[node] = _bracketed(own)
    return found


def _bracketed(name: str) -> str:
    return f"({name})" if any(sign in name for sign in " /*+−×÷") else name
