"""Value: one number in an expression graph; the operators that grow the graph; `backward`, the chain rule over it."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Union

from . import ops
from .adjoint import accumulating, pullback, spread
from .conversion import (
    NumberLike,
    as_float,
    checked_partials,
    checked_seeds,
    checked_values,
    is_list_like,
    is_number,
    plain,
    real_as_float,
    refuse_other_scalars,
)
from .copying import deepcopy_value, reduce_value, restore_value
from .errors import OptionError
from .floats import pow as _float_power
from .graph import topological
from .hooks import Hook, HookHandle
from .modes import Scope, current_mode
from .ops import CUT, FLOATS, TABLE, Op, with_lists

Number = Union["Value", float]


class Value(NumberLike):
    """One number that remembers how it was computed.

    data      the number: always a float (int, bool and NumPy scalars are converted)
    grad      the derivative of what `backward` was called on with respect to this Value; leaves accumulate
    op        the operation that made it, a name in the table of operations; "" for a leaf
    args      the Values it was made from, in order
    partials  the derivative of this Value with respect to each of `args`, fixed when it was computed
    label     a name for pictures and messages

    Raises DataError (a TypeError) when `data` is not a real number.

    >>> a = Value(2.0, label="a")
    >>> b = a * a + 1
    >>> b.backward()
    >>> b.data, a.grad
    (5.0, 4.0)
    """

    __slots__ = ("__weakref__", "_data", "args", "grad", "label", "notes", "op", "partials", "scope", "settings")
    own_slots: ClassVar[tuple[str, ...]] = ()  # what a derived class remembers besides, for copies
    leaf_kind: ClassVar[str] = "input"

    _data: float
    grad: Any
    op: str
    args: tuple["Value", ...]
    partials: tuple[float, ...]
    label: str
    scope: Scope | None
    settings: tuple[float | None, ...] | None
    notes: dict[str, Any] | None

    def __init__(
        self, data: float, args: Iterable["Value"] = (), op: str = "", *, label: str = "", partials: Sequence[float] | None = None
    ) -> None:
        self._data = data if type(data) is float else as_float(data, "data of a Value")
        self.args = checked_values(args, "args of a Value") if args else ()
        self.partials = checked_partials(self.args, partials) if partials is not None else ()
        self.grad, self.op, self.label = 0.0, op, label
        self.scope = self.settings = self.notes = None
        if self.args:
            _announce(self)

    # Sums, differences and products are what networks are made of, so these are written out.
    # A test holds them to the table.

    def __add__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = _operand(other, "an operand of +")
            if other is NotImplemented:
                return NotImplemented
        return _node(_ADD, self._data + other._data, (self, other), _ONE_EACH)

    def __mul__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = _operand(other, "an operand of *")
            if other is NotImplemented:
                return NotImplemented
        x, y = self._data, other._data
        return _node(_MUL, x * y, (self, other), (y, x))

    def __sub__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = _operand(other, "an operand of -")
            if other is NotImplemented:
                return NotImplemented
        return _node(_SUB, self._data - other._data, (self, other), _ONE_AND_MINUS_ONE)

    def __radd__(self, other: Number) -> "Value":
        return _arithmetic(ops.ADD, other, self)

    def __rmul__(self, other: Number) -> "Value":
        return _arithmetic(ops.MUL, other, self)

    def __rsub__(self, other: Number) -> "Value":
        return _arithmetic(ops.SUB, other, self)

    def __truediv__(self, other: Number) -> "Value":
        return _arithmetic(ops.DIV, self, other)

    def __rtruediv__(self, other: Number) -> "Value":
        return _arithmetic(ops.DIV, other, self)

    def __pow__(self, other: Number) -> "Value":
        if type(other) is float:
            return _power(self, other)
        if isinstance(other, Value) or not is_number(other):
            return _arithmetic(ops.POW, self, other)
        return _power(self, real_as_float(other, "an operand of **"))

    def __rpow__(self, other: Number) -> "Value":
        return _arithmetic(ops.POW, other, self)

    def __mod__(self, other: Number) -> "Value":
        return _arithmetic(ops.REMAINDER, self, other)

    def __rmod__(self, other: Number) -> "Value":
        return _arithmetic(ops.REMAINDER, other, self)

    def __floordiv__(self, other: Number) -> "Value":
        return _arithmetic(ops.FLOOR_DIVIDE, self, other)

    def __rfloordiv__(self, other: Number) -> "Value":
        return _arithmetic(ops.FLOOR_DIVIDE, other, self)

    def __divmod__(self, other: Number) -> tuple["Value", "Value"]:
        return _divmod(self, other)

    def __rdivmod__(self, other: Number) -> tuple["Value", "Value"]:
        return _divmod(other, self)

    def __neg__(self) -> "Value":
        return _node(_NEG, -self._data, (self,), _MINUS_ONE)

    def __pos__(self) -> "Value":
        return self

    def __abs__(self) -> "Value":
        return _unary(ops.ABS, self)

    def __round__(self, digits: int | None = None) -> Any:
        return _unary(ops.ROUND, self) if digits is None else round(self._data, digits)

    def __floor__(self) -> "Value":
        return _unary(ops.FLOOR, self)

    def __ceil__(self) -> "Value":
        return -_unary(ops.FLOOR, -self)

    def backward(self, gradient: Number = 1.0, *, create_graph: bool = False) -> None:
        """Add gradient * d(self)/d(leaf) to the `grad` of every leaf; interior Values show this pass alone.

        With `create_graph` the gradients of the leaves are Values themselves, so they can be drawn and differentiated again.
        If anything raises on the way, the leaves keep the gradients they had.

        >>> x = Value(3.0)
        >>> (x * x).backward(gradient=10)
        >>> x.grad
        60.0
        """
        backward([self], [gradient], create_graph=create_graph)

    @property
    def data(self) -> float:
        """The number itself. Setting it changes this Value only: what was computed from it stays as it was."""
        return self._data

    @data.setter
    def data(self, data: float) -> None:
        self._data = as_float(data, "data of a Value")

    @property
    def kind(self) -> str:
        """`"operation"`, `"input"`, `"parameter"` or `"constant"`."""
        return "operation" if self.args else self.leaf_kind

    def detach(self) -> "Value":
        """A leaf with the same number, cut off from the graph."""
        return Value(self._data, label=self.label)

    def conjugate(self) -> "Value":
        """Return the Value itself, as numbers do: `numpy.std` and `numpy.var` ask for it."""
        return self

    def item(self) -> float:
        """The number, under the name that NumPy and PyTorch give it."""
        return self._data

    def register_hook(self, hook: Hook) -> "HookHandle":
        """Call `hook(gradient)` when a backward pass has this Value's whole gradient; what it returns, if anything, replaces it.

        For a leaf the gradient is that of the pass, before it is added to `grad`. `remove()` on the result ends it.

        >>> x = Value(3.0)
        >>> handle = x.register_hook(lambda gradient: gradient / 2)
        >>> (x * x).backward(); x.grad
        3.0
        """
        if not callable(hook):
            raise OptionError(f"register_hook needs a function of one gradient, not {type(hook).__name__}")
        if self.notes is None:
            self.notes = {}
        return HookHandle(self.notes.setdefault("hooks", []), hook)

    @property
    def _prev(self) -> tuple["Value", ...]:  # micrograd's name for args
        return self.args

    @property
    def _op(self) -> str:  # micrograd's name for the operation's symbol
        return TABLE[self.op].symbol if self.op in TABLE else self.op

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"{type(self).__name__}(data={self._data!r}, grad={self.grad!r}{label})"

    if TYPE_CHECKING:  # `functions` adds a method for each operation of the table

        def __getattr__(self, name: str) -> Callable[..., "Value"]: ...

    __hash__ = object.__hash__  # a Value is a node: == and hash ask for identity

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduce_value(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return deepcopy_value(self, memo)

    def __setstate__(self, state: Any) -> None:
        restore_value(self, state)


class Parameter(Value):
    """A leaf that training changes. Modules register it, and pictures mark it θ.

    trainable  whether optimisers may change it; `Module.freeze` says no

    >>> Parameter(-3.0, label="w1").kind
    'parameter'
    """

    own_slots = __slots__ = ("trainable",)
    leaf_kind = "parameter"

    def __init__(self, data: float, *, label: str = "") -> None:
        super().__init__(data, label=label)
        self.trainable = True


class Constant(Value):
    """A leaf made from a plain number that stood in an expression.

    >>> (Value(2.0) * 3).args[1]
    Constant(data=3.0, grad=0.0)
    """

    __slots__ = ()
    leaf_kind = "constant"


_ADD, _SUB, _MUL, _POW, _NEG = (op.name for op in (ops.ADD, ops.SUB, ops.MUL, ops.POW, ops.NEG))
_ONE_EACH, _ONE_AND_MINUS_ONE, _MINUS_ONE = (1.0, 1.0), (1.0, -1.0), (-1.0,)
_new = object.__new__


def _node(op: str, data: float, args: tuple[Value, ...], partials: tuple[float, ...], settings: Any = None) -> Value:
    """The Value of an operation: the one place where graphs grow, so it does nothing that a plain forward pass does not need."""
    mode = current_mode()
    node = _new(Value)
    node._data = data
    node.grad = 0.0
    node.label = ""
    node.scope = mode.scope
    node.notes = None
    if mode.recording:
        node.op = op
        node.args = args
        node.partials = partials
        node.settings = settings
    else:
        node.op = ""
        node.args = node.partials = ()
        node.settings = None
    if mode.observers:
        for observe in mode.observers:
            observe.made(node, op, args, partials)
    return node


def apply(op: Op, *operands: Any) -> Any:
    """`op` on Values and numbers: a new Value, or a float when no operand is a Value.

    A number becomes a Constant in the graph, or stays a setting of the operation where its row says so.

    >>> apply(TABLE["pow"], Value(3.0), 2)
    Value(data=9.0, grad=0.0)
    """
    if len(operands) == 1 and isinstance(operands[0], Value) and not op.over_list:  # most activations: the shortest way
        return _unary(op, operands[0])
    values = [operand for operand in operands if isinstance(operand, Value)]
    if not values:
        return op.value(FLOATS, tuple(_number(op, i, x) for i, x in enumerate(operands)))
    if len(values) != len(operands):
        return _apply_mixed(op, operands)
    if len(values) == 2 and not op.over_list:
        return _binary(op, *values)
    numbers = [value._data for value in values]
    data = op.value(FLOATS, numbers)
    return _node(op.name, data, operands, op.derivatives(FLOATS, data, numbers))


def _unary(op: Op, x: Value) -> Value:
    number = x._data
    data = op.forward(FLOATS, number)
    return _node(op.name, data, (x,), (op.partials[0](FLOATS, data, number),))


def _binary(op: Op, x: Value, y: Value) -> Value:
    first, second = x._data, y._data
    data = op.forward(FLOATS, first, second)
    p, q = op.partials
    return _node(op.name, data, (x, y), (p(FLOATS, data, first, second), q(FLOATS, data, first, second)))


def _power(x: Value, exponent: float) -> Value:
    """A power with a plain number for exponent, which the node keeps as a setting.

    Its rule is written out, as that of a sum.
    """
    number = x._data
    slope = exponent * _float_power(number, exponent - 1.0) if exponent else CUT
    return _node(_POW, _float_power(number, exponent), (x,), (slope,), (None, exponent))


def _apply_mixed(op: Op, operands: tuple[Any, ...]) -> Value:
    if not op.settings:
        result: Value = apply(op, *[x if isinstance(x, Value) else Constant(_number(op, i, x)) for i, x in enumerate(operands)])
        return result
    places = [x if isinstance(x, Value) else _setting(op, i, x) for i, x in enumerate(operands)]
    args = tuple([x for x in places if isinstance(x, Value)])
    wanted = tuple([isinstance(x, Value) for x in places])
    numbers = tuple([plain(x) for x in places])
    data = op.value(FLOATS, numbers)
    partials = op.derivatives(FLOATS, data, numbers, wanted)
    return _node(op.name, data, args, partials, None if all(wanted) else tuple([None if isinstance(x, Value) else x for x in places]))


def _setting(op: Op, position: int, x: Any) -> Number:
    number = _number(op, position, x)
    return number if op.operands[position] in op.settings else Constant(number)


def _number(op: Op, position: int, x: Any) -> float:
    if type(x) is float:
        return x
    if op.over_list:
        return as_float(x, f"item {position} of {op.name}")
    return as_float(x, f"{op.operands[position]} of {op.name}", _one_at_a_time(op) if is_list_like(x) else "")


def _one_at_a_time(op: Op) -> str:
    """What to write in place of a list where an operation takes one number."""
    names = op.operands[: len(op.operands) - len(op.defaults)]
    given = ", ".join(names)
    lists = ", ".join(f"{name}s" for name in names)
    source = lists if len(names) == 1 else f"zip({lists})"
    options = ", …" if op.defaults else ""
    return f"{op.name} takes one number at a time, so write [sg.{op.name}({given}{options}) for {given} in {source}]"


def _arithmetic(op: Op, x: Any, y: Any) -> Value:
    """A binary operator of Python: NotImplemented for an operand that is not a number, so that Python or NumPy may go on."""
    unsupported: Value = NotImplemented
    if not isinstance(x, Value):
        x = _operand(x, _OPERANDS[op.name])
        if x is NotImplemented:
            return unsupported
    if not isinstance(y, Value):
        y = _operand(y, _OPERANDS[op.name])
        if y is NotImplemented:
            return unsupported
    return _binary(op, x, y)


def _operand(number: Any, what: str) -> Value:
    """A number beside an operator as a Constant, NotImplemented for what is no number.

    Raises DataError, which names the operand as `what`, for a number that is no real number or too large.
    """
    if type(number) is float:
        return Constant(number)
    if is_number(number):
        return Constant(real_as_float(number, what))
    refuse_other_scalars(number, what)
    unsupported: Value = NotImplemented
    return unsupported


_OPERANDS = {
    ops.ADD.name: "an operand of +",
    ops.SUB.name: "an operand of -",
    ops.MUL.name: "an operand of *",
    ops.DIV.name: "an operand of /",
    ops.POW.name: "an operand of **",
    ops.REMAINDER.name: "an operand of %",
    ops.FLOOR_DIVIDE.name: "an operand of //",
}
"""How errors name an operand of each of Python's operators."""


def _divmod(x: Any, y: Any) -> tuple[Value, Value]:
    """The quotient and the remainder of Python's `divmod`."""
    quotient = _arithmetic(ops.FLOOR_DIVIDE, x, y)
    if quotient is NotImplemented:
        unsupported: tuple[Value, Value] = NotImplemented
        return unsupported
    return quotient, _arithmetic(ops.REMAINDER, x, y)


def _announce(node: Value) -> None:
    """Tell whoever watches of a node that was made by hand."""
    mode = current_mode()
    node.scope = mode.scope
    for observer in mode.observers:
        observer.made(node, node.op, node.args, node.partials)


VALUES = with_lists(SimpleNamespace(**{op.name: partial(apply, op) for op in TABLE.values()}))
"""The operations on Values, for the rules of the table. Their conditions are decided already, so `where` just picks."""
VALUES.where = lambda condition, x, y: x if condition else y
VALUES.largest = lambda items: apply(ops.MAX, *items)
# Where its number is nan and not 0, because of factors that are not finite, there is nothing to differentiate.
VALUES.zero_where = lambda condition, x: CUT if condition and plain(x) != 0.0 else x
VALUES.fixed_where = lambda condition, x: apply(ops.STOP_GRADIENT, x) if condition else x


def backward(outputs: Iterable[Value], gradients: Iterable[Number] | None = None, *, create_graph: bool = False) -> None:
    """Seed several outputs at once and walk their graph once, from the outputs to the leaves.

    gradients  one seed for each of the outputs, 1.0 if left out

    Raises LengthError when the seeds are not as many as the outputs, GraphError for a Value that was made without partials.

    >>> x = Value(3.0)
    >>> backward([x * x, 5 * x], [1.0, 10.0])
    >>> x.grad
    56.0
    """
    seeds = checked_seeds(outputs, gradients)
    order = topological([output for output, _ in seeds])
    with accumulating([node for node in order if not node.args]):
        if create_graph:
            _spread_graphs(order, seeds)
        else:
            spread(order, [(output, float(plain(seed))) for output, seed in seeds])
        for observer in current_mode().observers:
            observer.went_back(order)


def _spread_graphs(order: list[Value], seeds: list[tuple[Value, Number]]) -> None:
    nodes, gradients = set(order), pullback(order, seeds, VALUES)
    for node in order:
        gradient = gradients.get(node, 0.0)
        if node.args or isinstance(node, Constant):  # a number: a graph would refer back to the node, a cycle that nobody could undo
            node.grad = plain(gradient)
            continue
        if gradient in nodes:  # a gradient that is a Value of the graph itself gets a node of its own
            gradient = Constant(1.0) * gradient
        node.grad = gradient if isinstance(gradient, Value) else Constant(gradient)
