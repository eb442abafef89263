"""Quotients and sums however they are written: what a softmax is made of."""

from scalargrad.core import ops
from scalargrad.core.value import Value

from .sums import ADDS


def find_quotient(node: Value) -> tuple[Value | None, Value | None]:
    """Return what is divided and by what, also where that is written x * total**-1.

    Example:
        >>> x = Value(3.0)
        >>> find_quotient(x / 2.0)[0] is x, find_quotient(x + 2.0)
        (True, (None, None))
    """
    if len(node.args) != 2:
        return None, None
    part, divisor = node.args
    if node.op == ops.DIV.name:
        return part, divisor
    is_inverse = divisor.op == ops.POW.name and divisor.static_args == (None, -1.0)
    if node.op == ops.MUL.name and is_inverse:
        return part, divisor.args[0]
    return None, None


def find_terms(total: Value) -> list[Value]:
    """Return what a chain of + adds up, without the 0 that Python's `sum` begins with.

    Example:
        >>> x, y = Value(3.0), Value(4.0)
        >>> find_terms(sum([x, y])) == [x, y]
        True
    """
    terms: list[Value] = []
    pending = [total]
    while pending:
        node = pending.pop()
        if node.op in ADDS:
            pending += reversed(node.args)
        elif node.args or node.data != 0.0:
            terms.append(node)
    return terms
