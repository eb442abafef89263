"""How a Value stores its operands, and the order in which its graph is walked."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .value import Value

Node = TypeVar("Node")


class Unrecorded(tuple[float, ...]):
    """The type of `UNRECORDED`, which copies and pickles as itself."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "UNRECORDED"


UNRECORDED = Unrecorded()
"""The partials of a result whose graph was not kept: empty, but another object than a leaf has."""

StaticArgs = tuple[float | None, ...]
"""Operands that stayed plain numbers, such as an exponent; None in the place of a Value."""

Rest = tuple[tuple[Any, ...], tuple[float, ...], StaticArgs | None]
"""The operands and partials that are not in slots of a node, and its static arguments."""

NOT_RECORDED: Rest = ((), UNRECORDED, None)
"""What a result has whose graph was not kept."""


def hold_operands(
    node: "Value",
    args: tuple["Value", ...],
    partials: tuple[float, ...],
    static_args: StaticArgs | None = None,
) -> None:
    """Store operands and local derivatives in a node, one or two of them in its own slots.

    Args:
        node: A Value.
        args: Its operands.
        partials: A local derivative for each of them; empty where they are not known, as in a Value
            that was made by hand.
        static_args: Its operands that are plain numbers, if there are any.
    """
    node._x = None
    node._y = None
    node._rest = None
    if partials is UNRECORDED:
        node._rest = NOT_RECORDED
    elif len(args) > 2 or len(args) != len(partials):
        node._rest = (args, partials, static_args)
    elif args:
        node._x = args[0]
        node._local_x = partials[0]
        if len(args) == 2:
            node._y = args[1]
            node._local_y = partials[1]
        if static_args is not None:
            node._rest = ((), (), static_args)


def stored_partials(node: "Value") -> tuple[float, ...]:
    """Return the local derivatives of a node, also while a function is being recorded."""
    if node._x is None:
        return node._rest[1] if node._rest is not None else ()
    if node._y is None:
        return (node._local_x,)
    return (node._local_x, node._local_y)


def topological(roots: Iterable[Node]) -> list[Node]:
    """Sort the graph below some Values so that every Value comes after its operands.

    The order is that of the textbook's recursion: depth first, operands from left to right.

    Args:
        roots: Values. One may be part of another's graph, or appear twice.

    Returns:
        Every Value that the roots depend on, the roots included, each once.

    Example:
        >>> from scalargrad import Value
        >>> a = Value(2.0, label="a")
        >>> b = a * a
        >>> [node.label or node.op for node in topological([b + a])]
        ['a', 'mul', 'add']
    """
    order: list[Any] = []
    seen: set[Any] = set()
    # What is pushed last is taken first, so roots and operands are pushed in reverse.
    # None marks that the node below it has all of its operands in the order.
    stack: list[Any] = [*roots]
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:
            order.append(stack.pop())
            continue

        # Down along first operands without touching the stack; only the other operands wait there.
        while node not in seen:
            seen.add(node)
            first = node._x
            if first is not None:
                second = node._y
                if first in seen and (second is None or second in seen):
                    # Most nodes meet operands that are in the order already.
                    order.append(node)
                    break
                stack.append(node)
                stack.append(None)
                if second is not None:
                    stack.append(second)
            else:
                args = node.args
                if not args:
                    order.append(node)
                    break
                stack.append(node)
                stack.append(None)
                stack.extend(args[:0:-1])
                first = args[0]
            node = first
    return order


def zero_gradients(roots: Iterable["Value"], leaves: list[tuple["Value", Any]]) -> list["Value"]:
    """Set all gradients of the graph below some Values to 0, and sort it as `topological` does.

    A backward pass begins with this walk. To look up every node and operand in a set would take
    longer than the chain rule afterwards, so none is kept: the 0 of each walk is a float object of
    its own, and a node that has it for a gradient has been reached already.

    Args:
        roots: Values. One may be part of another's graph, or appear twice.
        leaves: Each leaf is appended with the gradient that it had. The caller has what it needs to
            restore them, even if the walk is interrupted.

    Returns:
        Every Value that the roots depend on, the roots included, each once and after its operands.

    Example:
        >>> from scalargrad import Value
        >>> x = Value(3.0)
        >>> x.grad = 5.0
        >>> leaves = []
        >>> [node.data for node in zero_gradients([x * x], leaves)]
        [3.0, 9.0]
        >>> x.grad, leaves[0][1]
        (0.0, 5.0)
    """
    order: list[Any] = []
    zero = float("0")  # a literal would be the same object in each walk
    stack: list[Any] = [*roots]
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:
            order.append(stack.pop())
            continue

        # The steps are those of `topological`.
        while node._grad is not zero:
            first = node._x
            if first is not None:
                node._grad = zero
                second = node._y
                if first._grad is zero and (second is None or second._grad is zero):
                    order.append(node)
                    break
                stack.append(node)
                stack.append(None)
                if second is not None:
                    stack.append(second)
            else:
                args = node.args
                if not args:
                    leaves.append((node, node._grad))
                    node._grad = zero
                    order.append(node)
                    break
                node._grad = zero
                stack.append(node)
                stack.append(None)
                stack.extend(args[:0:-1])
                first = args[0]
            node = first
    return order
