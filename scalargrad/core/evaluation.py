"""Evaluation of a node by its row in the table, at the present numbers of its operands."""

from .backprop import operands, which_are_values
from .ops import FLOATS, TABLE
from .value import Value


def operand_numbers(node: Value) -> tuple[float, ...]:
    """Return the number of each operand of a node: the data of Values, and static arguments.

    Example:
        >>> from scalargrad import Value
        >>> operand_numbers(Value(3.0) ** 2)
        (3.0, 2.0)
    """
    given = operands(node)
    return tuple([x._data if isinstance(x, Value) else x for x in given])


def evaluate(node: Value) -> tuple[float, tuple[float, ...]]:
    """Compute the number and the local derivatives of a node from the numbers of its operands.

    Args:
        node: The result of an operation of the table. It is not changed.

    Returns:
        The number, and one local derivative for each of `node.args`.

    Example:
        >>> from scalargrad import Value
        >>> x = Value(3.0)
        >>> square = x ** 2
        >>> x.data = 4.0
        >>> evaluate(square)
        (16.0, (8.0,))
    """
    op = TABLE[node.op]
    numbers = operand_numbers(node)
    return op.at(FLOATS, numbers, which_are_values(node))


def evaluate_partials(node: Value) -> tuple[float, ...]:
    """Compute the local derivatives of a node at the present numbers of its operands and its own.

    Rules may use the result of the operation, which is taken from the node and not computed.

    Args:
        node: The result of an operation of the table. It is not changed.

    Returns:
        One local derivative for each of `node.args`.

    Example:
        >>> from scalargrad import Value
        >>> x = Value(3.0)
        >>> square = x ** 2
        >>> x.data = 4.0
        >>> evaluate_partials(square)
        (8.0,)
    """
    op = TABLE[node.op]
    numbers = operand_numbers(node)
    return op.derivatives(FLOATS, node._data, numbers, which_are_values(node))
