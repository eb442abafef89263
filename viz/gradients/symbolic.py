"""The chain rule of a graph that is only sketched: the factors by name, without numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from scalargrad.errors import PictureError, UnknownNameError
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from viz.look.text import clean, hint
from viz.model.snapshot import MAX_NAME
from viz.views.dictionary import Graph, read_sketch, sort_names

from .notation import number_names, write_count, write_derivatives


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class SymbolicChainRule:
    """A derivative as a sum of products of names. Print it.

    Attributes:
        output: The name of what is differentiated.
        leaf: The name of what it is differentiated by.
        paths: The names on each path that is written out, the output first.
        more: How many paths there are besides.
        remark: How to read the graph the other way round, if only that gives a path; else "".
    """

    output: str
    leaf: str
    paths: tuple[tuple[str, ...], ...]
    more: int
    remark: str = ""

    @fits_terminal
    def __str__(self) -> str:
        head = f"∂{self.output}/∂{self.leaf}"
        if not self.paths:
            return f"{head} = 0: {self.output} does not depend on {self.leaf}{self.remark}"
        if self.output == self.leaf:
            return f"{head} = 1"
        if self.paths == ((self.output, self.leaf),):
            # Written out it would be equal to itself.
            return head

        terms = [write_derivatives(names) for names in self.paths]
        if self.more:
            terms.append(write_count(self.more, "more path"))
        plus = "\n" + " " * len(head) + " + "
        return f"{head} = {plus.join(terms)}"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/plain": str(self)}


def symbolic_chain_rule(
    output: object, leaf: object, most: int, graph: Any, edges: str | None
) -> SymbolicChainRule:
    """Write a derivative in a sketched graph as the sum over all paths.

    Args:
        output: The name of what is differentiated.
        leaf: The name of what it is differentiated by.
        most: How many paths are written out.
        graph: As for `viz.draw`: a dictionary of names, or a directed graph of networkx.
        edges: As for `viz.draw`.

    Raises:
        PictureError: `graph` is no sketch, or runs in a circle, or a name is not text.
        UnknownNameError: A name is not in the graph.
        OptionError: `edges` is unknown.

    Example:
        >>> print(symbolic_chain_rule("y", "x", 5, {"y": ["a", "x"], "a": ["x"]}, None))
        ∂y/∂x = ∂y/∂a * ∂a/∂x
              + ∂y/∂x
    """
    operands = read_sketch(graph, edges)
    order = sort_names(operands)
    last = _check_name(output, order)
    first = _check_name(leaf, order)

    counts = _count_paths(operands, order, first)
    count = counts.get(last, 0)
    paths = list(islice(_walk(operands, counts, last, first), most)) if count else []

    names = {name: clean(name, MAX_NAME) or "unnamed" for name in (last, first)}
    for path in paths:
        names |= {name: clean(name, MAX_NAME) or "unnamed" for name in path}
    shown = number_names(names)
    named = [tuple(shown[name] for name in path) for path in paths]
    remark = ""
    if not count and edges is None and first in _count_paths(operands, order, last):
        other = "feeds" if isinstance(graph, Mapping) else "operands"
        remark = f', but {shown[first]} on {shown[last]}: is edges="{other}" meant?'
    return SymbolicChainRule(shown[last], shown[first], tuple(named), count - len(named), remark)


def _check_name(name: object, order: list[str]) -> str:
    if not isinstance(name, str):
        raise PictureError(
            "with graph=… the output and the leaf are names in the graph, "
            f"not {type(name).__name__} {clean(repr(name))}"
        )
    if name not in order:
        raise UnknownNameError(f"no name {clean(repr(name))} in the graph{hint(name, order)}")
    return name


def _count_paths(graph: Graph, order: list[str], leaf: str) -> dict[str, int]:
    """Return how many paths lead down to the leaf, from each name from which any do."""
    counts = {leaf: 1}
    for name in order:
        # A name that is twice among the operands is one factor: ∂(x·x)/∂x, not a path for each.
        below = sum(counts.get(operand, 0) for operand in set(graph.get(name, ())))
        if below:
            counts[name] = below
    return counts


def _walk(
    graph: Graph, counts: Mapping[str, int], output: str, leaf: str
) -> Iterator[tuple[str, ...]]:
    """Iterate over the paths, in the order of operands.

    There may be exponentially many, but no step leads to a dead end, so the first come at once.
    """
    path = [output]
    if output == leaf:
        yield (output,)
        return

    # A stack, not recursion: a path may be longer than Python's stack.
    waiting = [_operands_above(graph, counts, output)]
    while waiting:
        name = next(waiting[-1], None)
        if name is None:
            waiting.pop()
            path.pop()
        elif name == leaf:
            yield (*path, leaf)
        else:
            path.append(name)
            waiting.append(_operands_above(graph, counts, name))


def _operands_above(graph: Graph, counts: Mapping[str, int], name: str) -> Iterator[str]:
    """Iterate over the operands of a name from which the leaf can be reached, each once."""
    return (operand for operand in dict.fromkeys(graph.get(name, ())) if operand in counts)
