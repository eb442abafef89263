"""What is said below the paths of a gradient: which were put together, and lines of code."""

from collections.abc import Mapping, Sequence

from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.snapshot import line_in_file

from .normalizations import Output
from .notation import base_name, line_left, short, write_count
from .path_sums import Trail
from .symbolic_factors import find_steps

_MAX_SENTENCES = 4
_MAX_LINES = 6
_MAX_SIGNS = 100
"""Characters of a line of source code."""


def write_merged(
    trails: Sequence[Trail], names: Mapping[Value, str], outputs: Mapping[Value, Output]
) -> tuple[str, ...]:
    """Return a sentence for each factor that is a sum over the ways through a normalization.

    Args:
        trails: The paths.
        names: The name of each Value on them that is worth one.
        outputs: What comes out of each normalization.
    """
    sentences: dict[tuple[str, ...], str] = {}
    for trail in trails:
        for above, below, step in find_steps(trail):
            output = outputs.get(step.above)
            if output is None or step.is_edge:
                continue
            normalization = output.normalization
            if step.node not in normalization.indexes:
                continue
            text = output.derivative_text(step.above, step.node, step.factor)
            formula = " = ".join(filter(None, [text, short(step.factor)]))
            ways = f"{write_count(step.ways)} through a {normalization.name}"
            sentence = (
                f"∂{names[above]}/∂{names[below]} = {formula}, "
                f"{ways} of {normalization.size:,} numbers"
            )
            # One for each formula: the factors themselves are in the products.
            kind = (text, normalization.name, str(normalization.size))
            sentences.setdefault(kind, sentence)
    return (*sentences.values(),)[:_MAX_SENTENCES]


def write_lines(trails: Sequence[Trail], names: Mapping[Value, str]) -> tuple[str, ...]:
    """Return the line of code that made each Value on some paths that is named by its variable."""
    lines: dict[str, None] = {}
    for trail in trails:
        for step in trail.steps()[1:]:
            name = names.get(step.node, "")
            line = None if step.node.label else line_left(step.user, step.node)
            if line is not None and line.variable and base_name(name) == line.variable:
                lines[clean(f"{line.variable}: {line_in_file(line)}", _MAX_SIGNS)] = None
    return (*lines,)[:_MAX_LINES]
