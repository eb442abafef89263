"""The chain rule over a graph in topological order: once with numbers, once with Values.

`spread` is what `backward()` runs. `pullback` is the same walk with the local derivatives built as graphs, from the rules of the
table, so that they can be drawn and differentiated again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

from scalargrad.errors import GraphError

from .hooks import BY_HAND, hooked
from .modes import check_question
from .ops import CUT, TABLE


class Unrecorded(tuple[float, ...]):
    """The type of `UNRECORDED`, which copies and pickles as itself."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "UNRECORDED"


UNRECORDED = Unrecorded()
"""The partials of a result whose graph was not kept: empty, and yet told from those of a leaf."""


def spread(order: Sequence[Any], seeds: Sequence[tuple[Any, float]]) -> None:
    """Set `grad` of every node. When a node is reached its gradient is complete, and it sends each operand its share."""
    for node in order:
        node._grad = 0.0
    for output, seed in seeds:
        output._grad += seed
    for node in reversed(order):
        if node.metadata is not None:
            node._grad = float(hooked(node, node._grad))
            if BY_HAND in node.metadata:
                node.metadata[BY_HAND]()
                continue
        gradient = node._grad
        if gradient:
            args, partials = node.args, node._partials
            if (
                len(args) == 2 == len(partials)
            ):  # nearly all nodes of a network, and a third faster than the loop
                x, y = args
                p, q = partials
                x._grad += gradient * p
                y._grad += gradient * q
            else:
                for arg, partial in zip(args, checked_partials(node), strict=True):
                    arg._grad += gradient * partial


def step_back(node: Any) -> None:
    """Send the gradient of one node to its operands, as `_backward` does in micrograd.

    Args:
        node: A Value whose `grad` is complete. A leaf sends nothing.

    Raises:
        GraphError: The graph of the node was not kept, or it was made by hand without partials.

    Example:
        >>> from scalargrad import Value
        >>> a = Value(3.0)
        >>> square = a * a
        >>> square.grad = 1.0
        >>> step_back(square)
        >>> a.grad
        6.0
    """
    require_graph(node)
    for arg, partial in zip(node.args, checked_partials(node), strict=True):
        if node.grad:
            arg.grad = (arg.grad or 0.0) + node.grad * partial


def require_graph(node: Any) -> None:
    """Raise GraphError if `node` is the result of an operation whose graph was not kept."""
    if not node.args and node._partials is UNRECORDED:
        raise GraphError(
            f"{node!r} has no graph to go back through: it was computed inside no_grad(), or cut off "
            "by detach(), so no gradient can reach what it was made from. Compute it outside of "
            "no_grad(), and call backward() on that"
        )


def refuse_backward_by_hand(node: Any, error: type[Exception] = GraphError) -> None:
    """Raise `error` if the node has a `_backward` that was set by hand.

    For what takes derivatives in another way than by calling it.
    """
    if BY_HAND in (node.metadata or ()):
        raise error(
            f"{node.label or node.op or 'a leaf'} has a _backward that was set by hand, which only "
            "backward() can call: build it from scalargrad's own operations, or, where numbers are "
            "enough, give its local derivatives as Value(data, args, op, partials=…)"
        )


@contextmanager
def accumulating(leaves: Sequence[Any]) -> Iterator[None]:
    """Around a pass: the gradients that leaves had are added to those of the pass, or come back if it raises."""
    before = [leaf._grad for leaf in leaves]
    try:
        yield
    except BaseException:
        for leaf, gradient in zip(leaves, before, strict=True):
            leaf._grad = gradient
        raise
    for leaf, gradient in zip(leaves, before, strict=True):
        if gradient or hasattr(gradient, "args"):  # not None, which is one way to clear a gradient
            leaf._grad = gradient + leaf._grad


def checked_partials(node: Any) -> Any:
    """The local derivatives of a node, one for each operand.

    Raises GraphError for a node that was made by hand without them, or has a `_backward` that was
    set by hand instead.
    """
    if node.metadata is not None:
        refuse_backward_by_hand(node)
    if len(node._partials) != len(node.args):
        raise GraphError(
            f"{node!r} was made by hand, without partials: give Value(…, args, op, partials=…) one for each of args, or set its _backward"
        )
    return node._partials


def pullback(order: Sequence[Any], seeds: Sequence[tuple[Any, Any]], m: Any) -> dict[Any, Any]:
    """The gradient of every node that receives one, as a Value (or a number, where it depends on nothing).

    m is the namespace of the operations on Values.
    """
    check_question("a derivative (a transform, a tape, create_graph)")
    gradients: dict[Any, Any] = {}
    for output, seed in seeds:
        gradients[output] = gradients[output] + seed if output in gradients else seed
    for node in reversed(order):
        if node not in gradients:
            continue
        if node.metadata is not None:
            gradients[node] = hooked(node, gradients[node])
        for arg, partial in zip(node.args, local_derivatives(node, m), strict=True):
            share = _share(gradients[node], partial)
            if share is not None:
                gradients[arg] = gradients[arg] + share if arg in gradients else share
    return gradients


def local_derivatives(node: Any, m: Any) -> tuple[Any, ...]:
    """The local derivatives of a node as graphs over its operands.

    Raises GraphError where they would not agree with the numbers of the forward pass, because a leaf was changed since.
    """
    if node.metadata is not None:
        refuse_backward_by_hand(node)
    if not node.args:
        return ()
    if node.op not in TABLE:
        raise GraphError(
            f"{node!r} was made by {node.op!r}, which is not in the table: only numbers can flow back through it"
        )
    partials = TABLE[node.op].derivatives(m, node, operands(node), wanted(node))
    for symbolic, number in zip(partials, checked_partials(node), strict=True):
        now = float(getattr(symbolic, "data", symbolic))
        if now != number and now == now:
            raise GraphError(
                f"a local derivative of {node!r} was {number!r} when it was computed and would now be {now!r}: "
                "a Value that it depends on was changed; compute the graph again"
            )
    return partials


def operands(node: Any) -> tuple[Any, ...]:
    """Everything an operation was given, in order: Values, and the plain numbers that stayed its settings.

    >>> from scalargrad import Value
    >>> operands(Value(3.0, label="x") ** 2)
    (Value(data=3.0, grad=0.0, label='x'), 2.0)
    """
    if node.static_args is None:
        return tuple(node.args)
    args = iter(node.args)
    return tuple(next(args) if setting is None else setting for setting in node.static_args)


def wanted(node: Any) -> tuple[bool, ...]:
    """Which of the operands are Values."""
    return (
        (True,) * len(node.args)
        if node.static_args is None
        else tuple(setting is None for setting in node.static_args)
    )


def _share(gradient: Any, partial: Any) -> Any:
    """gradient * partial, without the factors that are 1, and None where nothing flows."""
    if partial is CUT:
        return None
    flow, local = getattr(gradient, "data", gradient), getattr(partial, "data", partial)
    if flow == 0.0 and not isfinite(local):
        return None
    if partial is local and local == 1.0:
        return gradient
    if gradient is flow and flow == 1.0:
        return partial
    return gradient * partial
