"""Value: one number in an expression graph; the operators that grow the graph; `backward`, the chain rule over it."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Union

from scalargrad.errors import CallError, DataError, OptionError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.calls import explain_calls, explain_class

from . import ops
from .backprop import UNRECORDED, accumulating, pullback, require_graph, spread, step_back
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
from .floats import pow as _float_power
from .graph import topological
from .hooks import BY_HAND, Hook, HookHandle
from .missing import MISSING
from .modes import Scope, check_question, current_mode, is_tracing
from .ops import CUT, FLOATS, TABLE, Op, with_lists
from .unlearned import is_reported, warn_unlearned

Number = Union["Value", float]


class Value(NumberLike):
    """One number that remembers how it was computed.

    `==` and `hash` ask for identity, because a Value is a node of a graph; compare `data`. The result
    of an operation on a class that you derived from Value is of that class, made without its
    `__init__`; where there are several, the first operand decides.

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

    __slots__ = (
        "__weakref__",
        "_data",
        "_grad",
        "_partials",
        "args",
        "label",
        "metadata",
        "op",
        "scope",
        "static_args",
    )
    leaf_kind: ClassVar[str] = "input"
    result_class: ClassVar[type["Value"]]
    """The class of what is computed from such a Value: Value itself, or the one that a user derived."""

    _data: float
    _grad: Any
    _partials: tuple[float, ...]
    op: str
    args: tuple["Value", ...]
    label: str
    scope: Scope | None
    static_args: tuple[float | None, ...] | None
    metadata: dict[str, Any] | None

    def __init__(
        self,
        data: float,
        args: Iterable["Value"] = (),
        op: str = "",
        label: str = "",
        *,
        partials: Sequence[float] | None = None,
        _children: Iterable["Value"] = (),
        _op: str = "",
    ) -> None:
        if _children or _op:  # micrograd's names
            args = _either("args", args, "_children", _children)
            op = _either("op", op, "_op", _op)
        self._data = data if type(data) is float else as_float(data, "data of a Value")
        self.args = checked_values(args, "args of a Value") if args else ()
        self._partials = checked_partials(self.args, partials) if partials is not None else ()
        self._grad, self.op, self.label = 0.0, op, label
        self.scope = self.static_args = self.metadata = None
        if self.args:
            _announce(self)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        if not own and not issubclass(cls, (Parameter, Constant)):
            cls.result_class = cls
            _look_for_classes()

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
        if digits is None:
            return _unary(ops.ROUND, self)
        check_question("round() to some digits of a Value")
        return round(self._data, digits)

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
        if current_mode().refuse is not None:
            check_question("the number (.data) of a Value")
        return self._data

    @data.setter
    def data(self, data: float) -> None:
        check_question("setting the number (.data) of a Value")
        self._data = as_float(data, "data of a Value")

    @property
    def grad(self) -> Any:
        """The derivative by this Value of what `backward` was called on; leaves accumulate."""
        if current_mode().refuse is not None:
            check_question("the gradient (.grad) of a Value")
        return self._grad

    @grad.setter
    def grad(self, gradient: Any) -> None:
        self._grad = gradient

    @property
    def partials(self) -> tuple[float, ...]:
        """The derivative of this Value by each of `args`, fixed when it was computed."""
        if current_mode().refuse is not None:
            check_question("the local derivatives (.partials) of a Value")
        return self._partials

    @partials.setter
    def partials(self, partials: tuple[float, ...]) -> None:
        self._partials = partials

    @property
    def kind(self) -> str:
        """`"operation"`, `"input"`, `"parameter"` or `"constant"`."""
        return "operation" if self.args else self.leaf_kind

    def detach(self) -> "Value":
        """A leaf with the same number, cut off from the graph."""
        check_question("detach() of a Value")
        leaf = _leaf(self.result_class, self._data, self.label)
        leaf._partials = UNRECORDED
        return leaf

    def conjugate(self) -> "Value":
        """Return the Value itself, as numbers do: `numpy.std` and `numpy.var` ask for it."""
        return self

    def item(self) -> float:
        """The number, under the name that NumPy and PyTorch give it."""
        check_question("item() of a Value")
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
            raise OptionError(
                f"register_hook needs a function of one gradient, not {type(hook).__name__}"
            )
        if self.metadata is None:
            self.metadata = {}
        return HookHandle(self.metadata.setdefault("hooks", []), hook)

    # What micrograd and microgpt call these things

    @property
    def _prev(self) -> tuple["Value", ...]:
        return self.args

    @property
    def _children(self) -> tuple["Value", ...]:
        return self.args

    @property
    def _local_grads(self) -> tuple[float, ...]:
        return self.partials

    @property
    def _op(self) -> str:
        if self.op == _POW and self.static_args is not None:
            exponent = self.static_args[1]
            return "**" if exponent is None else f"**{_shortest(exponent)}"
        return _SIGNS.get(self.op, self.op)

    @property
    def _backward(self) -> Callable[[], None]:
        """The step of a backward pass at this Value alone: it adds to the gradients of the operands.

        A function that is set here takes the place of that step in `backward()`, which calls it
        when the gradient of this Value is complete.
        """
        step: Callable[[], None] = (self.metadata or {}).get(BY_HAND) or partial(step_back, self)
        return step

    @_backward.setter
    def _backward(self, step: Callable[[], None]) -> None:
        if not callable(step):
            kind = type(step).__name__
            raise OptionError(f"_backward must be a function without arguments, not {kind}")
        if self.metadata is None:
            self.metadata = {}
        self.metadata[BY_HAND] = step

    @fits_terminal
    def __repr__(self) -> str:
        if is_tracing():
            return f"<value {self.label or self.op or self.kind} being recorded>"
        label = f", label={self.label!r}" if self.label else ""
        return f"{type(self).__name__}(data={self._data!r}, grad={self._grad!r}{label})"

    if TYPE_CHECKING:  # `functions` adds a method for each operation of the table

        def __getattr__(self, name: str) -> Callable[..., "Value"]: ...

    def __dir__(self) -> list[str]:
        own = getattr(self, "__dict__", ())
        return [name for name in object.__dir__(self) if name in own or name not in MISSING]

    def __reduce_ex__(self, protocol: Any) -> Any:
        check_question("copying or pickling a Value")
        return reduce_value(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        check_question("copying a Value")
        return deepcopy_value(self, memo)

    def __setstate__(self, state: Any) -> None:
        restore_value(self, state)


class Parameter(Value):
    """A leaf that training changes. Modules register it, and pictures mark it θ.

    Takes attributes of your own, as an optimizer written by hand needs them; copies and pickles keep
    them. What is computed from a Parameter, or from a class derived from it, is a plain Value.

    trainable  whether optimizers may change it; `Module.freeze` says no

    >>> Parameter(-3.0, label="w1").kind
    'parameter'
    """

    __slots__ = ("__dict__", "trainable")
    leaf_kind = "parameter"

    def __init__(self, data: float, *, label: str = "") -> None:
        super().__init__(data, label=label)
        self.trainable = True

    if TYPE_CHECKING:

        def __setattr__(self, name: str, thing: Any) -> None: ...


class Constant(Value):
    """A leaf made from a plain number that stood in an expression.

    >>> (Value(2.0) * 3).args[1]
    Constant(data=3.0, grad=0.0)
    """

    __slots__ = ()
    leaf_kind = "constant"


Value.result_class = Value
for _name, _missing in MISSING.items():
    setattr(Value, _name, _missing)

_ADD, _SUB, _MUL, _POW, _NEG = (op.name for op in (ops.ADD, ops.SUB, ops.MUL, ops.POW, ops.NEG))
_SIGNS = {
    _ADD: "+",
    _SUB: "-",
    _MUL: "*",
    ops.DIV.name: "/",
    _POW: "**",
    ops.REMAINDER.name: "%",
    ops.RELU.name: "ReLU",
}
"""What micrograd writes for an operation, where that is not its name."""
_ONE_EACH, _ONE_AND_MINUS_ONE, _MINUS_ONE = (1.0, 1.0), (1.0, -1.0), (-1.0,)
_new = object.__new__


def _plain_node(
    op: str,
    data: float,
    args: tuple[Value, ...],
    partials: tuple[float, ...],
    static_args: Any = None,
    kind: type[Value] = Value,
) -> Value:
    """The Value of an operation: the one place where graphs grow, so it does nothing that a plain forward pass does not need."""
    mode = current_mode()
    node = _new(kind)
    node._data = data
    node._grad = 0.0
    node.label = ""
    node.scope = mode.scope
    node.metadata = None
    if mode.recording:
        node.op = op
        node.args = args
        node._partials = partials
        node.static_args = static_args
    else:
        node.op = ""
        node.args = ()
        node._partials = UNRECORDED
        node.static_args = None
    if mode.observers:
        for observe in mode.observers:
            observe.made(node, op, args, partials)
    return node


def _node_of_class(
    op: str,
    data: float,
    args: tuple[Value, ...],
    partials: tuple[float, ...],
    static_args: Any = None,
) -> Value:
    """The same where users have derived classes: the first operand of one gives that of the result."""
    for arg in args:
        kind = arg.result_class
        if kind is not Value:
            return _plain_node(op, data, args, partials, static_args, kind)
    return _plain_node(op, data, args, partials, static_args)


_node: Callable[..., Value] = _plain_node


def _look_for_classes() -> None:
    """Look at the operands from the first derived class on: until then no operation pays for it."""
    global _node
    _node = _node_of_class


def _leaf(kind: type[Value], data: float, label: str = "") -> Value:
    """A leaf, without the checks of the constructor, nor that of a derived class."""
    node = _new(kind)
    node._data = data
    node._grad = 0.0
    node.op = ""
    node.args = node._partials = ()
    node.label = label
    node.scope = node.static_args = node.metadata = None
    return node


def _either(name: str, thing: Any, other_name: str, other: Any) -> Any:
    """One of an argument and its second name."""
    if thing and other:
        raise CallError(f"a Value takes {name} or {other_name}, which are one thing, not both")
    return thing or other


def _shortest(exponent: float) -> str:
    """A number as one would write it: `2` for 2.0."""
    return str(int(exponent)) if exponent.is_integer() and abs(exponent) < 1e16 else repr(exponent)


def apply(op: Op, *operands: Any) -> Any:
    """`op` on Values and numbers: a new Value, or a float when no operand is a Value.

    A number becomes a Constant in the graph, or stays a setting of the operation where its row says so.

    >>> apply(TABLE["pow"], Value(3.0), 2)
    Value(data=9.0, grad=0.0)
    """
    if (
        len(operands) == 1 and isinstance(operands[0], Value) and not op.over_list
    ):  # most activations: the shortest way
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
    return _node(
        op.name, data, (x, y), (p(FLOATS, data, first, second), q(FLOATS, data, first, second))
    )


def _power(x: Value, exponent: float) -> Value:
    """A power with a plain number for exponent, which the node keeps as a setting.

    Its rule is written out, as that of a sum.
    """
    number = x._data
    slope = exponent * _float_power(number, exponent - 1.0) if exponent else CUT
    return _node(_POW, _float_power(number, exponent), (x,), (slope,), (None, exponent))


def _apply_mixed(op: Op, operands: tuple[Any, ...]) -> Value:
    if not op.static_args:
        result: Value = apply(
            op,
            *[
                x if isinstance(x, Value) else Constant(_number(op, i, x))
                for i, x in enumerate(operands)
            ],
        )
        return result
    places = [x if isinstance(x, Value) else _setting(op, i, x) for i, x in enumerate(operands)]
    args = tuple([x for x in places if isinstance(x, Value)])
    wanted = tuple([isinstance(x, Value) for x in places])
    numbers = tuple([x._data if isinstance(x, Value) else x for x in places])
    data = op.value(FLOATS, numbers)
    partials = op.derivatives(FLOATS, data, numbers, wanted)
    return _node(
        op.name,
        data,
        args,
        partials,
        None if all(wanted) else tuple([None if isinstance(x, Value) else x for x in places]),
    )


def _setting(op: Op, position: int, x: Any) -> Number:
    number = _number(op, position, x)
    return number if op.operands[position] in op.static_args else Constant(number)


def _number(op: Op, position: int, x: Any) -> float:
    if type(x) is float:
        return x
    if op.over_list:
        return as_float(x, f"item {position} of {op.name}")
    return as_float(
        x, f"{op.operands[position]} of {op.name}", _one_at_a_time(op) if is_list_like(x) else ""
    )


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
        return _leaf(Constant, number)
    if is_number(number):
        return _leaf(Constant, real_as_float(number, what))
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
    if not isinstance(node.op, str):
        raise DataError(
            f"op of a Value must be the name of an operation, not {node.op!r}: local derivatives are given as partials=…",
        )
    mode = current_mode()
    node.scope = mode.scope
    for observer in mode.observers:
        observer.made(node, node.op, node.args, node._partials)


VALUES = with_lists(SimpleNamespace(**{op.name: partial(apply, op) for op in TABLE.values()}))
"""The operations on Values, for the rules of the table. Their conditions are decided already, so `where` just picks."""
VALUES.where = lambda condition, x, y: x if condition else y
VALUES.largest = lambda items: apply(ops.MAX, *items)
# Where its number is nan and not 0, because of factors that are not finite, there is nothing to differentiate.
VALUES.zero_where = lambda condition, x: CUT if condition and plain(x) != 0.0 else x
VALUES.fixed_where = lambda condition, x: apply(ops.STOP_GRADIENT, x) if condition else x


@explain_calls
def backward(
    outputs: Value | Iterable[Value],
    gradients: Number | Iterable[Number] | None = None,
    *,
    create_graph: bool = False,
) -> None:
    """Seed several outputs at once and walk their graph once, from the outputs to the leaves.

    outputs    Values in a list, or a single one
    gradients  one seed for each of the outputs, 1.0 if left out

    Raises LengthError when the seeds are not as many as the outputs, GraphError for a Value that was
    made without partials, or whose graph was not kept because it was computed in `no_grad()`.

    >>> x = Value(3.0)
    >>> backward([x * x, 5 * x], [1.0, 10.0])
    >>> x.grad
    56.0
    """
    check_question("backward()")
    seeds = checked_seeds(outputs, gradients)
    for output, _ in seeds:
        require_graph(output)
    order = topological([output for output, _ in seeds])
    leaves = [node for node in order if not node.args]
    _warn_if_nothing_learns(leaves)
    with accumulating(leaves):
        if create_graph:
            _spread_graphs(order, seeds)
        else:
            spread(order, [(output, float(plain(seed))) for output, seed in seeds])
        for observer in current_mode().observers:
            observer.went_back(order)


def _warn_if_nothing_learns(leaves: list[Value]) -> None:
    """Warn of a graph that ends at a module that was called in `no_grad()`, and has no Parameter."""
    scopes = {leaf.scope for leaf in leaves}  # only results whose graph was not kept have one
    if scopes <= {None} or any(isinstance(leaf, Parameter) for leaf in leaves):
        return
    outermost = [scope.chain()[0] for scope in scopes if scope is not None]
    if any(is_reported(scope.identity) for scope in outermost):
        return
    warn_unlearned(
        f"the gradient reaches no Parameter: what {outermost[0].kind} computed has no graph, because "
        "that was inside no_grad(). For it to learn, call it outside of no_grad()"
    )


def _spread_graphs(order: list[Value], seeds: list[tuple[Value, Number]]) -> None:
    nodes = set(order)
    gradients = pullback(order, seeds, VALUES)
    for node in order:
        gradient = gradients.get(node, 0.0)
        if node.args or isinstance(
            node, Constant
        ):  # a number: a graph would refer back to the node, a cycle that nobody could undo
            node._grad = plain(gradient)
            continue
        if isinstance(gradient, Value) and gradient in nodes:
            # a gradient that is a Value of the graph itself gets a node of its own
            gradient = Constant(1.0) * gradient
        node._grad = gradient if isinstance(gradient, Value) else Constant(gradient)


explain_class(Value, "__init__", "backward")
explain_class(Parameter, "__init__")
