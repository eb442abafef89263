"""Gates: the operations that let more or less of a gradient through, found by their derivatives, not by their names."""

from functools import lru_cache
from math import isfinite
from typing import Any

from scalargrad.core import ops
from scalargrad.core.backprop import operands
from scalargrad.core.ops import FLOATS, TABLE, ExactZero
from scalargrad.core.value import Value

_NEAR = tuple(i / 10.0 for i in range(-30, 31))
_ENDS = ((-50.0, -40.0, -30.0), (30.0, 40.0, 50.0))
_FLAT = 2e-3
_BOUNDED = 2.0

Hole = tuple[float | None, ...]
"""The operands of an operation, None where the number comes in that varies."""


def steepest(node: Value) -> float | None:
    """The largest local derivative that the operation of `node` can have, if it is a gate, else None.

    A gate has one operand that is no constant, a slope that is bounded, and far out on one side or both hardly any: relu, sigmoid,
    tanh, elu, gelu, maximum(x, 0). Steps are gates that are always shut: 0. An operation that is not in the table may be anything:
    nan, so that only an exact 0 counts.

    >>> import scalargrad as sg
    >>> x = Value(3.0)
    >>> [steepest(node) for node in (sg.sigmoid(x), sg.relu(x), sg.step(x), sg.exp(x), x * 2)]
    [0.25, 1.0, 0.0, None, None]
    """
    if node.op == ops.STOP_GRADIENT.name:  # shut on purpose
        return None
    if len(node.args) == 1:
        if node.op not in TABLE:
            return float("nan")
    elif (
        len(node.args) > 3
        or node.op not in TABLE
        or (TABLE[node.op].kinks is None and node.op != ops.WHERE.name)
    ):
        return None
    if TABLE[node.op].over_list or sum(arg.kind != "constant" for arg in node.args) != 1:
        return None
    if (
        node.op == ops.WHERE.name
    ):  # what it is a gate by is its condition, which is a plain number by now
        return 1.0
    return _steepest(node.op, tuple([None if _varies(x) else float(x) for x in operands(node)]))


def entering(node: Value) -> tuple[Value, float]:
    """The operand of a gate that varies, and the local derivative by it."""
    return next(
        (arg, partial)
        for arg, partial in zip(node.args, node.partials, strict=True)
        if arg.kind != "constant"
    )


def is_off(node: Value, partial: float) -> bool:
    """Whether a gate gives 0 and lets nothing through, by construction: relu below 0, but not a sigmoid far below 0."""
    return (
        node.data == 0.0
        and partial == 0.0
        and (isinstance(partial, ExactZero) or node.op not in TABLE)
    )


def _varies(x: Any) -> bool:
    return isinstance(x, Value) and x.kind != "constant"


@lru_cache(maxsize=1024)
def _steepest(name: str, hole: Hole) -> float | None:
    near = [_slope(name, hole, x) for x in _NEAR]
    ends = [[_slope(name, hole, x) for x in end] for end in _ENDS]
    slopes = [*near, *ends[0], *ends[1]]
    if all(isinstance(slope, ExactZero) for slope in slopes):
        return 0.0
    best = max(map(abs, near))
    if not all(map(isfinite, slopes)) or max(map(abs, slopes)) > _BOUNDED * best:
        return None
    return best if any(max(map(abs, end)) <= _FLAT * best for end in ends) else None


def _slope(name: str, hole: Hole, x: float) -> float:
    full = tuple([x if given is None else given for given in hole])
    _, slopes = TABLE[name].at(FLOATS, full, [given is None for given in hole])
    slope: float = slopes[0]
    return slope
