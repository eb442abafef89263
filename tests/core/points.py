"""Points to test an operation at: the same in every run, inside its domain, away from its kinks."""

from random import Random

from scalargrad.core.ops import FLOATS, TABLE, Op

_LISTS = {True: 4, False: 3}  # an operation over pairs needs an even number of items


def points(op: Op, count: int = 25, span: float = 5.0) -> list[tuple[float, ...]]:
    """`count` points: a float up to ±span for each operand, or three or four items of a list."""
    rng, found = Random(op.name), list[tuple[float, ...]]()
    while len(found) < count:
        point = tuple(rng.uniform(*_range(op, i, span)) for i in range(_size(op)))
        if _is_smooth(op, point):
            found.append(point)
    return found


def _size(op: Op) -> int:
    return _LISTS[op is TABLE["dot"]] if op.over_list else len(op.operands)


def _range(op: Op, position: int, span: float) -> tuple[float, float]:
    low, high = op.domain[position] if position < len(op.domain) else (-span, span)
    low, high = max(low, -span), min(high, span)
    return low + 0.01 * (high - low), high - 0.01 * (high - low)


def _is_smooth(op: Op, point: tuple[float, ...]) -> bool:
    if op.over_list:
        return all(abs(x - y) > 0.05 for i, x in enumerate(point) for y in point[:i])
    if "low" in op.operands and not point[1] < point[2]:
        return False
    return op.kinks is None or all(abs(kink) > 0.05 for kink in op.kinks(FLOATS, *point))
