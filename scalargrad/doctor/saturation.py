"""Gates: operations that can be flat, recognized by their derivatives and not by their names."""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite

from scalargrad.core.backprop import operands
from scalargrad.core.ops import FLOATS, STOP_GRADIENT, TABLE, WHERE, ExactZero
from scalargrad.core.value import Value

# Divided rather than added up, so that 0, where many gates have their kink, is met exactly.
_TENTHS = range(-30, 31)
_CENTER = tuple(i / 10.0 for i in _TENTHS)
_LEFT_TAIL = (-50.0, -40.0, -30.0)
_RIGHT_TAIL = (30.0, 40.0, 50.0)
_MAX_TAIL_SLOPE = 2e-3
"""Slope in a tail, relative to the steepest one, up to which the tail is flat."""
_MAX_GROWTH = 2.0
"""Slope anywhere, relative to the steepest one in the center, up to which it is bounded."""

Pattern = tuple[float | None, ...]
"""The operands of an operation, None for the one that varies."""


def steepest(node: Value) -> float | None:
    """Return the largest possible local derivative of a gate.

    A gate has one operand that is not a constant, a bounded slope, and hardly any slope far out on
    at least one side: relu, sigmoid, tanh, elu, gelu, maximum(x, 0).

    Args:
        node: The result of an operation.

    Returns:
        The derivative; 0 for a step, which is always flat; nan for an operation outside the table,
        of which only an exact 0 is known to be flat; None if the operation is not a gate.

    Example:
        >>> import scalargrad as sg
        >>> x = Value(3.0)
        >>> nodes = (sg.sigmoid(x), sg.relu(x), sg.step(x), sg.exp(x), x * 2)
        >>> [steepest(node) for node in nodes]
        [0.25, 1.0, 0.0, None, None]
    """
    count = len(node.args)
    if node.op not in TABLE:
        return float("nan") if count == 1 else None
    # It is flat on purpose.
    if node.op == STOP_GRADIENT.name:
        return None
    if count > 3 or (count > 1 and not _is_selection(node.op)):
        return None

    varying = [arg for arg in node.args if _varies(arg)]
    if TABLE[node.op].over_list or len(varying) != 1:
        return None
    # Its slope depends on the condition, which is a plain number by now.
    if node.op == WHERE.name:
        return 1.0
    pattern = [None if _varies(x) else float(x) for x in operands(node)]
    return _steepest(node.op, tuple(pattern))


def varying_operand(node: Value) -> tuple[Value, float]:
    """Return the operand of a gate that varies, and the local derivative with respect to it."""
    varies = [_varies(arg) for arg in node.args]
    position = varies.index(True)
    return node.args[position], node.partials[position]


def is_off(node: Value, partial: float) -> bool:
    """Tell whether a gate is exactly 0 with slope 0, as relu below 0.

    A sigmoid far below 0 only underflows to that.
    """
    if node.data != 0.0 or partial != 0.0:
        return False
    return isinstance(partial, ExactZero) or node.op not in TABLE


def _is_selection(op: str) -> bool:
    if op == WHERE.name:
        return True
    return TABLE[op].kinks is not None


def _varies(x: object) -> bool:
    if not isinstance(x, Value):
        return False
    return x.kind != "constant"


@lru_cache(maxsize=1024)
def _steepest(name: str, pattern: Pattern) -> float | None:
    center = [_slope(name, pattern, x) for x in _CENTER]
    left = [_slope(name, pattern, x) for x in _LEFT_TAIL]
    right = [_slope(name, pattern, x) for x in _RIGHT_TAIL]
    slopes = [*center, *left, *right]
    if all(isinstance(slope, ExactZero) for slope in slopes):
        return 0.0
    if not all(map(isfinite, slopes)):
        return None

    best = _largest_size(center)
    if _largest_size(slopes) > _MAX_GROWTH * best:
        return None
    # One flat side makes a gate: relu is flat below 0 only.
    flattest = min(_largest_size(left), _largest_size(right))
    if flattest > _MAX_TAIL_SLOPE * best:
        return None
    return best


def _largest_size(slopes: Sequence[float]) -> float:
    return max(map(abs, slopes))


def _slope(name: str, pattern: Pattern, x: float) -> float:
    op = TABLE[name]
    numbers = [x if given is None else given for given in pattern]
    wanted = [given is None for given in pattern]
    partials: tuple[float, ...]
    _, partials = op.at(FLOATS, numbers, wanted)
    return partials[0]
