"""Softmax and its kin in a graph: numbers that are each put in relation to all of them.

Each output is one of the numbers, or its exponential, divided by, times or minus something that is
computed from the sum of them all. So each path from an output to its own number has a twin that
goes through the sum, and the two nearly cancel out. They are found by this form alone: whoever
wrote the function, with a loop or with `softmax`, with the largest number subtracted or without.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from math import exp, isclose
from typing import NamedTuple

from scalargrad.core import ops
from scalargrad.core.value import Value

_SUMS = (ops.ADD.name, ops.SUM.name)
_TOTALS = (*_SUMS, ops.MEAN.name, ops.LOGSUMEXP.name, ops.NORM.name)
_LARGEST = (ops.MAX.name, ops.MAXIMUM.name, ops.STOP_GRADIENT.name)
_MAX_STEPS = 6
"""Operations with one operand between a sum and what it is used for, as in 1 / √(mean + ε)."""
_RELATIVE_ERROR = 1e-9


@dataclass(slots=True)
class Normalization:
    """One softmax, or another function that puts numbers in relation to their sum.

    Attributes:
        name: "softmax", or "normalization".
        size: How many numbers there are.
        indexes: The number that each Value stands for: itself, its square or its exponential.
        shares: For a softmax, exp(x) divided by the sum, for each number x.
        inside: What is computed between the numbers and the outputs.
    """

    name: str
    size: int
    indexes: dict[Value, int] = field(default_factory=dict)
    shares: tuple[float, ...] = ()
    inside: set[Value] = field(default_factory=set)


class Output(NamedTuple):
    """What comes out of a normalization for one of its numbers.

    Attributes:
        normalization: What it comes from.
        number: Which of the numbers it is for.
    """

    normalization: Normalization
    number: int

    def derivative_text(self, above: Value, below: Value, factor: float) -> str:
        """Return the derivative by one of the numbers in symbols, "" where none are known.

        Args:
            above: What comes out: p, or its logarithm.
            below: The number.
            factor: The derivative.
        """
        normalization = self.normalization
        index = normalization.indexes.get(below)
        if index is None or not normalization.shares:
            return ""
        p = normalization.shares[self.number]
        q = normalization.shares[index]
        # Where p is 1, the numbers alone do not tell a probability from its logarithm.
        is_probability = above.op in (ops.DIV.name, ops.MUL.name)
        if index == self.number:
            logarithms = {"p − 1": p - 1.0, "1 − p": 1.0 - p}
            forms = {"p(1 − p)": p * (1.0 - p)} if is_probability else logarithms
        else:
            forms = {"−pᵢpⱼ": -p * q} if is_probability else {"p": q, "−p": -q}
        for text, expected in forms.items():
            if isclose(factor, expected, rel_tol=_RELATIVE_ERROR):
                return text
        return ""


def find_normalizations(
    order: Iterable[Value], users: Mapping[Value, list[Value]]
) -> dict[Value, Output]:
    """Return the outputs of all normalizations among some Values.

    The logarithm of an output, and the minus before it, belong to the normalization where nothing
    else uses the output, as in −log(p).

    Args:
        order: The Values, operands first.
        users: What is made of each of them.

    Example:
        >>> from scalargrad import softmax
        >>> p, q = softmax([Value(0.0), Value(0.0)])
        >>> found = find_normalizations([p], {})
        >>> found[p].normalization.name, found[p].normalization.size, found[p].number
        ('softmax', 2, 0)
    """
    outputs: dict[Value, Output] = {}
    known: dict[Value, Normalization | None] = {}
    for node in order:
        output = _read_output(node, users, known)
        if output is not None:
            outputs[node] = output
            continue
        # In −log(p) neither p nor log(p) is worth a word.
        follows = node.op in (ops.LOG.name, ops.NEG.name) and len(node.args) == 1
        if follows and node.args[0] in outputs:
            (below,) = node.args
            output = outputs[below]
            is_alone = users.get(below) == [node] and not below.label
            if is_alone and output.normalization.shares:
                outputs[node] = outputs.pop(below)
                output.normalization.inside.add(below)

    # A single number times a sum that it is part of is no normalization of numbers.
    counts = Counter(id(output.normalization) for output in outputs.values())
    kept = {}
    for node, output in outputs.items():
        if output.normalization.shares or counts[id(output.normalization)] > 1:
            kept[node] = output
    return kept


def _read_output(
    node: Value, users: Mapping[Value, list[Value]], known: dict[Value, Normalization | None]
) -> Output | None:
    for item, scale in _splits(node):
        if scale.op in _SUMS and node.op != ops.DIV.name:
            continue
        if scale not in known:
            known[scale] = _read_scale(scale, users)
        normalization = known[scale]
        if normalization is None or item not in normalization.indexes:
            continue
        if item is not scale:
            index = normalization.indexes[item]
            if normalization.shares and item.op == ops.EXP.name:
                normalization.inside.add(item)
            return Output(normalization, index)
    return None


def _splits(node: Value) -> Iterator[tuple[Value, Value]]:
    """Yield the operands of a product, a quotient or a difference, in the order item, scale."""
    if len(node.args) != 2 or node.args[0] is node.args[1]:
        return
    first, second = node.args
    if node.op in (ops.DIV.name, ops.MUL.name, ops.SUB.name):
        yield first, second
    if node.op in (ops.MUL.name, ops.SUB.name):
        yield second, first


def _read_scale(scale: Value, users: Mapping[Value, list[Value]]) -> Normalization | None:
    """Return the normalization whose outputs are divided by a Value, times it, or minus it."""
    inside = {scale}
    node = scale
    for _ in repeat(None, _MAX_STEPS):
        variable = [arg for arg in node.args if arg.kind != "constant"]
        if node.op in _TOTALS and len(variable) > 1:
            break
        if len(variable) != 1:
            return None
        (node,) = variable
        inside.add(node)
    else:
        return None

    summands = _summands(node, users, inside)
    if len(set(summands)) < 2:
        return None
    normalization = Normalization("normalization", len(summands), inside=inside)
    if node.op == ops.LOGSUMEXP.name:
        normalization.shares = tuple(_exp(x.data - node.data) for x in summands)
    elif all(x.op == ops.EXP.name for x in summands):
        normalization.shares = _divide_by_sum([x.data for x in summands])
    if normalization.shares:
        normalization.name = "softmax"
    for i, summand in enumerate(summands):
        _add_item(normalization, summand, i)
    return normalization


def _summands(total: Value, users: Mapping[Value, list[Value]], inside: set[Value]) -> list[Value]:
    """Return what a sum adds, partial sums without a name taken apart; these are `inside`."""
    summands: list[Value] = []
    pending = list(total.args[::-1])
    while pending:
        node = pending.pop()
        # A running sum that is used at each step would be walked again and again.
        is_partial = node.op == total.op == ops.ADD.name and len(users.get(node, ())) <= 1
        if is_partial and not node.label:
            inside.add(node)
            pending += node.args[::-1]
        elif node.kind != "constant":
            summands.append(node)
    return summands


def _add_item(normalization: Normalization, summand: Value, index: int) -> None:
    """Note which number a summand stands for: x for x, x², exp(x) and exp(x − max)."""
    inside = normalization.inside
    indexes = normalization.indexes
    indexes.setdefault(summand, index)
    item = summand
    is_square = item.op in (ops.MUL.name, ops.POW.name) and len(set(item.args)) == 1
    if is_square or item.op == ops.EXP.name:
        inside.add(item)
        (item,) = set(item.args)
        indexes.setdefault(item, index)
    if not normalization.shares or item.op not in (ops.SUB.name, ops.ADD.name):
        return
    shifts = [arg for arg in item.args if _is_shift(arg)]
    if len(shifts) == 1 and len(item.args) == 2:
        inside.add(item)
        if shifts[0] not in inside:
            inside.update(_largest_in(shifts[0]))
        (item,) = (arg for arg in item.args if arg is not shifts[0])
        indexes.setdefault(item, index)


def _is_shift(node: Value) -> bool:
    """Return whether a Value is subtracted from all numbers only to keep them small."""
    return node.kind == "constant" or node.op in _LARGEST


def _largest_in(shift: Value) -> Iterator[Value]:
    pending = [shift]
    while pending:
        node = pending.pop()
        if node.op in _LARGEST:
            yield node
            pending += node.args


def _divide_by_sum(numbers: list[float]) -> tuple[float, ...]:
    total = sum(numbers)
    return tuple(x / total for x in numbers) if total else ()


def _exp(x: float) -> float:
    try:
        return exp(x)
    except OverflowError:
        return float("inf")
