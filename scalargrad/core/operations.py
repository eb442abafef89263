"""How operations of the table act on Values, and the operators of Python that come from there."""

from collections.abc import Callable
from functools import partial
from typing import Any

from . import ops
from .conversion import as_float, is_list_like, is_number, plain, real_as_float
from .floats import pow as float_power
from .methods import Operations
from .modes import check_question
from .ops import CUT, FLOATS, TABLE, VALUES, Op, with_lists
from .value import Constant, Number, Value, as_operand, make_node, node_over


def apply(op: Op, *operands: Any) -> Any:
    """Compute an operation on Values and numbers.

    Args:
        op: A row of the table.
        operands: Values and numbers. A number becomes a Constant of the graph, or stays a static
            argument of the operation where its row says so.

    Returns:
        A new Value, or a float if no operand is a Value.

    Example:
        >>> apply(TABLE["pow"], Value(3.0), 2)
        Value(data=9.0, grad=0.0)
    """
    # Most calls are activations of one Value: the shortest way comes first.
    if len(operands) == 1 and isinstance(operands[0], Value) and not op.over_list:
        return unary(op, operands[0])

    values = [operand for operand in operands if isinstance(operand, Value)]
    if not values:
        numbers = tuple(_number(op, i, x) for i, x in enumerate(operands))
        return op.value(FLOATS, numbers)
    if len(values) != len(operands):
        return _apply_to_values_and_numbers(op, operands)
    if len(values) == 2 and not op.over_list:
        return _binary(op, *values)
    numbers = tuple([value._data for value in values])
    data = op.value(FLOATS, numbers)
    return node_over(op.name, data, values, op.derivatives(FLOATS, data, numbers))


def apply_in_rule(op: Op, *operands: Any) -> Any:
    """Compute an operation as rules call it: options may be left out.

    Example:
        >>> apply_in_rule(TABLE["leaky_relu"], Value(-2.0))
        Value(data=-0.02, grad=0.0)
    """
    missing = len(op.operands) - len(operands)
    if op.defaults and missing > 0:
        operands += op.defaults[-missing:]
    return apply(op, *operands)


def unary(op: Op, x: Value) -> Value:
    """Compute an operation of one operand on a Value, without the checks of `apply`."""
    number = x._data
    data = op.forward(FLOATS, number)
    return make_node(op.name, data, x, op.partials[0](FLOATS, data, number))


def unary_function(op: Op) -> Callable[[Value], Value]:
    """Return a function of one Value that does what `unary` does, in less time."""
    if op is ops.RELU:
        return _relu
    name = op.name
    forward = op.forward
    derivative = op.partials[0]

    def compute(x: Value) -> Value:
        number = x._data
        data = forward(FLOATS, number)
        return make_node(name, data, x, derivative(FLOATS, data, number))

    return compute


def _relu(x: Value) -> Value:
    """Apply the activation of most networks, by its rules written out, as in a sum."""
    number = x._data
    if number <= 0.0:
        return make_node(ops.RELU.name, 0.0, x, CUT)
    return make_node(ops.RELU.name, number, x, 1.0)


def _binary(op: Op, x: Value, y: Value) -> Value:
    first = x._data
    second = y._data
    data = op.forward(FLOATS, first, second)
    by_x, by_y = op.partials
    local_x = by_x(FLOATS, data, first, second)
    local_y = by_y(FLOATS, data, first, second)
    return make_node(op.name, data, x, local_x, y, local_y)


def _power(x: Value, exponent: float) -> Value:
    """Raise a Value to a plain number, by its rule written out, as in a sum.

    Squares are everywhere in losses, and the node keeps the exponent as a static argument.
    """
    number = x._data
    local = exponent * float_power(number, exponent - 1.0) if exponent else CUT
    data = float_power(number, exponent)
    return make_node(ops.POW.name, data, x, local, rest=((), (), (None, exponent)))


def _apply_to_values_and_numbers(op: Op, operands: tuple[object, ...]) -> Value:
    places = [x if isinstance(x, Value) else _place(op, i, x) for i, x in enumerate(operands)]
    args = [x for x in places if isinstance(x, Value)]
    if len(args) == len(places):
        result: Value = apply(op, *args)
        return result
    is_value = tuple([isinstance(x, Value) for x in places])
    numbers = tuple([x._data if isinstance(x, Value) else x for x in places])
    static_args = tuple([None if isinstance(x, Value) else x for x in places])
    data = op.value(FLOATS, numbers)
    partials = op.derivatives(FLOATS, data, numbers, is_value)
    return node_over(op.name, data, args, partials, static_args)


def _place(op: Op, position: int, x: object) -> Number:
    """Turn a number among Values into a static argument of the operation, or into a Constant."""
    number = _number(op, position, x)
    if op.static_args and op.operands[position] in op.static_args:
        return number
    return Constant(number)


def _number(op: Op, position: int, x: object) -> float:
    if type(x) is float:
        return x
    if op.over_list:
        return as_float(x, f"item {position} of {op.name}")
    hint = _one_at_a_time(op) if is_list_like(x) else ""
    return as_float(x, f"{op.operands[position]} of {op.name}", hint)


def _one_at_a_time(op: Op) -> str:
    """Say what to write in place of a list where an operation takes one number."""
    names = op.operands[: len(op.operands) - len(op.defaults)]
    given = ", ".join(names)
    lists = ", ".join(f"{name}s" for name in names)
    source = lists if len(names) == 1 else f"zip({lists})"
    options = ", …" if op.defaults else ""
    # Own operations are no functions of the package.
    package = "sg." if op.forward.__module__ == ops.__name__ else ""
    call = f"[{package}{op.name}({given}{options}) for {given} in {source}]"
    return f"{op.name} takes one number at a time, so write {call}"


# Python's operators

OPERATORS = {
    "add": ("+", ops.ADD),
    "sub": ("-", ops.SUB),
    "mul": ("*", ops.MUL),
    "truediv": ("/", ops.DIV),
    "pow": ("**", ops.POW),
    "mod": ("%", ops.REMAINDER),
    "floordiv": ("//", ops.FLOOR_DIVIDE),
}
"""The operators of two operands: Python's name, its sign, and the operation."""


def _arithmetic(op: Op, x: object, y: object, what: str) -> Value:
    """Compute an operator, or return NotImplemented if an operand is not a number."""
    unsupported: Value = NotImplemented
    if not isinstance(x, Value):
        x = as_operand(x, what)
        if x is NotImplemented:
            return unsupported
    if not isinstance(y, Value):
        y = as_operand(y, what)
        if y is NotImplemented:
            return unsupported
    return _binary(op, x, y)


def _add_operator(name: str, sign: str, op: Op) -> None:
    """Give Value an operator, and its reflection for a number on the left."""
    what = f"an operand of {sign}"

    def forward(self: Value, other: object) -> Value:
        return _arithmetic(op, self, other, what)

    def reflected(self: Value, other: object) -> Value:
        return _arithmetic(op, other, self, what)

    # Sums, differences and products of two Values are written out in Value itself, which goes
    # first.
    setattr(Operations, f"__{name}__", forward)
    setattr(Operations, f"__r{name}__", reflected)


def _pow(self: Value, other: object) -> Value:
    if type(other) is float:
        return _power(self, other)
    if isinstance(other, Value) or not is_number(other):
        return _arithmetic(ops.POW, self, other, "an operand of **")
    return _power(self, real_as_float(other, "an operand of **"))


def _divmod(x: object, y: object) -> tuple[Value, Value]:
    quotient = _arithmetic(ops.FLOOR_DIVIDE, x, y, "an operand of //")
    if quotient is NotImplemented:
        unsupported: tuple[Value, Value] = NotImplemented
        return unsupported
    return quotient, _arithmetic(ops.REMAINDER, x, y, "an operand of %")


def _round(self: Value, digits: int | None = None) -> Value | float:
    if digits is None:
        return unary(ops.ROUND, self)
    check_question("round() to some digits of a Value")
    return round(self._data, digits)


_OTHERS: dict[str, Callable[..., Any]] = {
    "__pow__": _pow,
    "__divmod__": _divmod,
    "__rdivmod__": lambda self, other: _divmod(other, self),
    "__pos__": lambda self: self,
    "__abs__": lambda self: unary(ops.ABS, self),
    "__floor__": lambda self: unary(ops.FLOOR, self),
    "__ceil__": lambda self: -unary(ops.FLOOR, -self),
    "__round__": _round,
}

for _name, (_sign, _op) in OPERATORS.items():
    _add_operator(_name, _sign, _op)
for _name, _function in _OTHERS.items():
    setattr(Operations, _name, _function)


# The operations in the namespace that the rules of the table are written in: with it derivatives
# are graphs themselves. The table can't fill it, because Values are built on the table.

vars(VALUES).update({op.name: partial(apply_in_rule, op) for op in TABLE.values()})
with_lists(VALUES)
# The conditions of rules are decided already when a Value is computed, so `where` just picks.
VALUES.where = lambda condition, x, y: x if condition else y
VALUES.largest = lambda items: apply(ops.MAX, *items)
# Where its number is nan and not 0, because of factors that are not finite, there is nothing to
# differentiate.
VALUES.zero_where = lambda condition, x: CUT if condition and plain(x) != 0.0 else x
VALUES.fixed_where = lambda condition, x: apply(ops.STOP_GRADIENT, x) if condition else x
