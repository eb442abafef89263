"""The chain rule with graphs in place of numbers, and the checks of every backward pass.

`Value.backward` walks a graph with numbers. `pullback` is the same walk with local derivatives that
are built as graphs, from the rules of the table, so that they can be drawn and differentiated
again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any

from scalargrad.errors import GraphError

from .graph import NOT_RECORDED, stored_partials
from .hooks import BY_HAND, apply_hooks
from .modes import is_tracing
from .ops import CUT, TABLE, TRACED, VALUES

if TYPE_CHECKING:
    from .value import Number, Value


def pullback(
    order: Sequence["Value"], seeds: Sequence[tuple["Value", "Number"]]
) -> dict["Value", "Number"]:
    """Compute the gradients of the nodes of a graph as graphs.

    Args:
        order: Values in topological order.
        seeds: Outputs, each with the gradient to begin with, a Value or a number.

    Returns:
        The gradient of every node that receives one: a Value, or a number where it depends on
        nothing.
    """
    gradients: dict[Value, Number] = {}
    for output, seed in seeds:
        gradients[output] = gradients[output] + seed if output in gradients else seed

    for node in reversed(order):
        # Nothing flows to a node behind a branch not taken, or that no output depends on.
        if node not in gradients:
            continue
        if node.metadata is not None:
            gradients[node] = apply_hooks(node, gradients[node])
        for arg, partial in zip(node.args, local_derivatives(node), strict=True):
            share = chain(gradients[node], partial)
            if share is not None:
                gradients[arg] = gradients[arg] + share if arg in gradients else share
    return gradients


def chain(gradient: "Number", partial: "Number") -> "Number | None":
    """Multiply a gradient (or a tangent) by a local derivative, with as few nodes as possible.

    Returns:
        The product, without factors of 1. None where nothing flows: through an operand that a
        selection did not take, and where 0 meets inf or nan on a branch that was not taken.

    Example:
        >>> chain(2.0, 3.0), chain(0.0, float("inf"))
        (6.0, None)
    """
    if is_tracing():
        traced: Number | None = TRACED.chain(gradient, partial)
        return traced
    if partial is CUT:
        return None
    flow = getattr(gradient, "data", gradient)
    local = getattr(partial, "data", partial)
    if flow == 0.0 and not isfinite(local):
        return None
    if partial is local and local == 1.0:
        return gradient
    if gradient is flow and flow == 1.0:
        return partial
    return gradient * partial


def local_derivatives(node: "Value") -> tuple["Number", ...]:
    """Build the local derivatives of a node as graphs over its operands.

    Args:
        node: A Value.

    Returns:
        One for each of its operands. While a function is traced, they are for `chain` alone.

    Raises:
        GraphError: If the node is not an operation of the table, or if its derivatives would not
            agree with the numbers of the forward pass, because a leaf was changed since.
    """
    if node.metadata is not None:
        refuse_backward_by_hand(node)
    if not node.args:
        return ()
    if node.op not in TABLE:
        raise GraphError(
            f"{node!r} was made by {node.op!r}, which is not in the table: "
            "only numbers can flow back through it"
        )

    if is_tracing():
        traced: tuple[Number, ...] = TRACED.local_derivatives(node)
        return traced
    partials = TABLE[node.op].derivatives(VALUES, node, operands(node), which_are_values(node))
    for symbolic, number in zip(partials, checked_partials(node), strict=True):
        now = float(getattr(symbolic, "data", symbolic))
        is_nan = now != now
        if now != number and not is_nan:
            raise GraphError(
                f"a local derivative of {node!r} was {number!r} when it was computed and would "
                f"now be {now!r}: a Value that it depends on was changed; compute the graph again"
            )
    return partials


def operands(node: "Value") -> tuple["Number", ...]:
    """Return all that an operation was given, in order: Values, and the numbers that stayed static.

    Args:
        node: A Value.

    Example:
        >>> from scalargrad import Value
        >>> operands(Value(3.0, label="x") ** 2)
        (Value(data=3.0, grad=0.0, label='x'), 2.0)
    """
    if node.static_args is None:
        return tuple(node.args)
    args = iter(node.args)
    return tuple(next(args) if number is None else number for number in node.static_args)


def which_are_values(node: "Value") -> tuple[bool, ...]:
    """Return for each operand of a node whether it is a Value, and so has a local derivative."""
    if node.static_args is None:
        return (True,) * len(node.args)
    return tuple(number is None for number in node.static_args)


@contextmanager
def accumulate_gradients() -> Iterator[list[tuple["Value", Any]]]:
    """Add the gradients that leaves had to those of the backward pass inside the block.

    If the pass raises, the leaves get back what they had, so a failed `backward()` changes nothing.

    Yields:
        A list for the leaves, each with the gradient that it had, as `zero_gradients` fills it.
    """
    before: list[tuple[Value, Any]] = []
    try:
        yield before
    except BaseException:
        for leaf, gradient in before:
            leaf._grad = gradient
        raise
    for leaf, gradient in before:
        if gradient or hasattr(gradient, "args"):  # not None, which is one way to clear a gradient
            leaf._grad = gradient + leaf._grad


def step_back(node: "Value") -> None:
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
        # As in `backpropagate`, exactly 0 sends nothing. None is one way to clear a gradient.
        if node.grad:
            arg.grad = (arg.grad or 0.0) + node.grad * partial


def checked_partials(node: "Value") -> tuple[float, ...]:
    """Return the local derivatives of a node, one for each operand.

    Raises:
        GraphError: For a node that was made by hand without them, or that has a `_backward` that
            was set by hand instead.
    """
    if node.metadata is not None:
        refuse_backward_by_hand(node)
    partials = stored_partials(node)
    if len(partials) != len(node.args):
        raise GraphError(
            f"{node!r} was made by hand, without partials: give Value(…, args, op, partials=…) "
            "one for each of args, or set its _backward"
        )
    return partials


def require_graph(node: "Value") -> None:
    """Raise GraphError if `node` is the result of an operation whose graph was not kept."""
    if node._rest is NOT_RECORDED:
        raise GraphError(
            f"{node!r} has no graph to go back through: it was computed inside no_grad(), or cut "
            "off by detach(), so no gradient can reach what it was made from. Compute it outside "
            "of no_grad(), and call backward() on that"
        )


def refuse_backward_by_hand(node: "Value", error: type[Exception] = GraphError) -> None:
    """Raise `error` if the node has a `_backward` that was set by hand.

    For whatever takes derivatives in another way than by calling it.
    """
    if BY_HAND in (node.metadata or ()):
        raise error(
            f"{node.label or node.op or 'a leaf'} has a _backward that was set by hand, which only "
            "backward() can call: build it from scalargrad's own operations, or, where numbers are "
            "enough, give its local derivatives as Value(data, args, op, partials=…)"
        )
