"""Value: one number in an expression graph, operators that grow it, and the chain rule over it.

The file reads from top to bottom as backpropagation is taught: what a node holds, how an operator
makes one, and how `backward` walks the graph from a result to its leaves. The rest is in other
files: the table of operations (`ops`) and how they act on Values (`operations`), the
order of the walk (`graph`), gradients that are graphs themselves (`backprop`), and what counts as a
number (`conversion`).
"""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Union

from scalargrad.errors import CallError, DataError, OptionError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.calls import explain_calls, explain_class
from scalargrad.utils.display import Displayable

from . import ops
from .backprop import accumulate_gradients, checked_partials, pullback, require_graph
from .call_stack import ON_TRACE
from .compat import OtherNames
from .conversion import (
    NumberLike,
    as_float,
    as_partials,
    as_seeds,
    as_values,
    is_number,
    plain,
    real_as_float,
    refuse_other_scalars,
)
from .copying import deepcopy_value, reduce_value, restore_value
from .details import Details, checked_label
from .exchange import WRITES
from .graph import (
    NOT_RECORDED,
    Rest,
    StaticArgs,
    hold_operands,
    stored_partials,
    zero_gradients,
)
from .hooks import BY_HAND, Hook, HookHandle, apply_hooks
from .methods import Operations
from .missing import MISSING
from .modes import check_question, current_mode, is_tracing
from .scopes import Scope
from .unlearned import is_reported, warn_unlearned

Number = Union["Value", float]


class Value(Operations, OtherNames, NumberLike, Displayable):
    """One number that remembers how it was computed.

    `==` and `hash` ask for identity, because a Value is a node of a graph; compare `data`. The
    result of an operation on a class that you derived from Value is of that class, made without its
    `__init__`; where there are several, the first operand decides.

    Attributes:
        data: The number, always a float: int, bool and NumPy scalars are converted.
        grad: The derivative, with respect to this Value, of what `backward` was called on. Leaves
            accumulate it over calls.
        op: The operation that made it, a name in the table of operations; "" for a leaf.
        args: The operands, in order.
        partials: The derivative of this Value with respect to each of `args`, fixed when it was
            computed.
        label: A name for pictures and messages.

    Raises:
        DataError: If `data` is not a real number.

    Example:
        >>> a = Value(2.0, label="a")
        >>> b = a * a + 1
        >>> b.backward()
        >>> b.data, a.grad
        (5.0, 4.0)
    """

    # Nearly every node of a network has one or two operands. They and their local derivatives are
    # in slots of the node itself: Python's garbage collector walks over every tuple of every live
    # graph again and again, and two tuples a node would cost more than the arithmetic does.
    # What has no place there is in `_rest`: the operands of operations over lists, and operands
    # that are plain numbers. What few nodes have, such as a label or a hook, is in `_details`.
    __slots__ = (
        "__weakref__",
        "_data",
        "_details",
        "_grad",
        "_local_x",
        "_local_y",
        "_rest",
        "_x",
        "_y",
        "op",
        "scope",
    )
    leaf_kind: ClassVar[str] = "input"
    result_class: ClassVar[type["Value"]]
    """The class of what is computed from it: Value itself, or the one that a user derived."""

    _data: float
    _grad: Any
    _x: "Value | None"
    _y: "Value | None"
    _local_x: float
    _local_y: float
    _rest: Rest | None
    _details: Details | None
    op: str
    scope: Scope | None
    """The call of a module, the block, or inside `trace_calls` the call of a function it is of."""

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
        self._grad = 0.0
        self._x = None
        self._rest = None
        self._details = None if label == "" else Details(checked_label(label))
        self.op = op
        self.scope = None
        if args or partials:
            _hold_by_hand(self, args, partials)
        elif _are_calls_traced:
            _note_place(self)

    # Sums, differences and products are what networks are made of, so their rules are written out
    # here. A test holds them to the table.

    def __add__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = as_operand(other, "an operand of +")
            if other is NotImplemented:
                return NotImplemented
        return make_node(_ADD, self._data + other._data, self, 1.0, other, 1.0)

    def __radd__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = as_operand(other, "an operand of +")
            if other is NotImplemented:
                return NotImplemented
        return make_node(_ADD, other._data + self._data, other, 1.0, self, 1.0)

    def __sub__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = as_operand(other, "an operand of -")
            if other is NotImplemented:
                return NotImplemented
        return make_node(_SUB, self._data - other._data, self, 1.0, other, -1.0)

    def __mul__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = as_operand(other, "an operand of *")
            if other is NotImplemented:
                return NotImplemented
        x = self._data
        y = other._data
        return make_node(_MUL, x * y, self, y, other, x)

    def __rmul__(self, other: Number) -> "Value":
        if not isinstance(other, Value):
            other = as_operand(other, "an operand of *")
            if other is NotImplemented:
                return NotImplemented
        x = other._data
        y = self._data
        return make_node(_MUL, x * y, other, y, self, x)

    def __neg__(self) -> "Value":
        return make_node(_NEG, -self._data, self, -1.0)

    # All other operators and functions (/, **, abs, tanh, relu …) come from the table: see
    # `operations`.

    def backward(self, gradient: Number = 1.0, *, create_graph: bool = False) -> None:
        """Add gradient * d(self)/d(leaf) to the `grad` of every leaf that this Value depends on.

        Leaves accumulate over calls, as in PyTorch. Interior Values show the latest call alone, so
        an earlier one can't leak into a later one. If anything raises on the way, the leaves keep
        the gradients they had.

        Args:
            gradient: What the derivative is multiplied by.
            create_graph: Make the gradients of the leaves Values themselves, which can be drawn and
                differentiated again.

        Example:
            >>> x = Value(3.0)
            >>> (x * x).backward(gradient=10)
            >>> x.grad
            60.0
        """
        backward([self], [gradient], create_graph=create_graph)

    # While a function is being compiled, the numbers in its Values are those of one example. So the
    # three properties below refuse to answer then: a number that user code saw would be baked into
    # the program.

    @property
    def data(self) -> float:
        """The number. Setting it changes this Value only, not what was computed from it."""
        if current_mode().refuse is not None:
            check_question("the number (.data) of a Value")
        return self._data

    @data.setter
    def data(self, data: float) -> None:
        check_question("setting the number (.data) of a Value")
        self._data = as_float(data, "data of a Value")
        if isinstance(self, Parameter):
            WRITES.latest = object()

    @property
    def grad(self) -> float:
        """The derivative, with respect to this Value, of what `backward` was called on.

        A float; after a pass with `create_graph` a leaf has a Value there, which needs a cast for
        type checkers.
        """
        if current_mode().refuse is not None:
            check_question("the gradient (.grad) of a Value")
        gradient: float = self._grad
        return gradient

    @grad.setter
    def grad(self, gradient: "float | Value | None") -> None:
        self._grad = gradient

    @property
    def partials(self) -> tuple[float, ...]:
        """The derivative of this Value with respect to each of `args`."""
        if current_mode().refuse is not None:
            check_question("the local derivatives (.partials) of a Value")
        return stored_partials(self)

    @partials.setter
    def partials(self, partials: tuple[float, ...]) -> None:
        hold_operands(self, self.args, partials, self.static_args)

    @property
    def args(self) -> tuple["Value", ...]:
        """The operands, in order; empty for a leaf."""
        if self._x is None:
            return self._rest[0] if self._rest is not None else ()
        if self._y is None:
            return (self._x,)
        return (self._x, self._y)

    @args.setter
    def args(self, args: tuple["Value", ...]) -> None:
        hold_operands(self, args, stored_partials(self), self.static_args)

    @property
    def static_args(self) -> StaticArgs | None:
        """Operands that stayed plain numbers, such as an exponent; None in the place of a Value."""
        return None if self._rest is None else self._rest[2]

    @static_args.setter
    def static_args(self, static_args: StaticArgs | None) -> None:
        hold_operands(self, self.args, stored_partials(self), static_args)

    @property
    def kind(self) -> str:
        """`"operation"`, `"input"`, `"parameter"` or `"constant"`."""
        return "operation" if self.args else self.leaf_kind

    def detach(self) -> "Value":
        """Return a leaf with the same number, cut off from the graph."""
        check_question("detach() of a Value")
        leaf = make_leaf(self.result_class, self._data, self.label)
        leaf._rest = NOT_RECORDED
        return leaf

    def register_hook(self, hook: Hook) -> HookHandle:
        """Call `hook(gradient)` when a backward pass has the whole gradient of this Value.

        What the hook returns, if anything, replaces the gradient. For a leaf that is the gradient
        of the pass, before it is added to `grad`.

        Args:
            hook: A function of one gradient.

        Returns:
            A handle, whose `remove()` takes the hook away again.

        Raises:
            OptionError: If `hook` can't be called.

        Example:
            >>> x = Value(3.0)
            >>> handle = x.register_hook(lambda gradient: gradient / 2)
            >>> (x * x).backward()
            >>> x.grad
            3.0
        """
        if not callable(hook):
            kind = type(hook).__name__
            raise OptionError(f"register_hook needs a function of one gradient, not {kind}")
        if self.metadata is None:
            self.metadata = {}
        return HookHandle(self.metadata.setdefault("hooks", []), hook)

    @fits_terminal
    def __repr__(self) -> str:
        if is_tracing():
            return f"<value {self.label or self.op or self.kind} being recorded>"
        label = f", label={self.label!r}" if self.label else ""
        return f"{type(self).__name__}(data={self._data!r}, grad={self._grad!r}{label})"

    def __dir__(self) -> list[str]:
        own = getattr(self, "__dict__", ())
        return [name for name in object.__dir__(self) if name in own or name not in MISSING]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        is_ours = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        if not is_ours and not issubclass(cls, (Parameter, Constant)):
            global _has_derived_classes
            cls.result_class = cls
            _has_derived_classes = True

    def __reduce_ex__(self, protocol: Any) -> Any:
        check_question("copying or pickling a Value")
        return reduce_value(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Value":
        check_question("copying a Value")
        return deepcopy_value(self, memo)

    def __setstate__(self, state: Any) -> None:
        restore_value(self, state)


class Parameter(Value):
    """A leaf that training changes. Modules register it, and pictures mark it θ.

    It takes attributes of your own, as an optimizer written by hand needs them; copies and pickles
    keep them. What is computed from a Parameter, or from a class derived from it, is a plain Value.

    Attributes:
        trainable: Whether optimizers may change it; `Module.freeze` sets it to False.

    Example:
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
    """A leaf made from a plain number in an expression.

    Example:
        >>> (Value(2.0) * 3).args[1]
        Constant(data=3.0, grad=0.0)
    """

    __slots__ = ()
    leaf_kind = "constant"


Value.result_class = Value
for _name, _missing in MISSING.items():
    setattr(Value, _name, _missing)


# How nodes are made

_ADD = ops.ADD.name
_SUB = ops.SUB.name
_MUL = ops.MUL.name
_NEG = ops.NEG.name
_new = object.__new__


def make_node(
    op: str,
    data: float,
    x: Value | None,
    local_x: float,
    y: Value | None = None,
    local_y: float = 0.0,
    rest: Rest | None = None,
) -> Value:
    """Make the result of an operation: the one place where graphs grow.

    `__init__` is bypassed. It would check and convert numbers that are known to be floats, on the
    path that every operation of every forward pass takes. For the same reason nothing happens here
    that a plain forward pass does not need.

    Args:
        op: The name of the operation.
        data: Its result.
        x: The first operand; None where the operands are in `rest`.
        local_x: The derivative with respect to it.
        y: The second operand, if there is one.
        local_y: The derivative with respect to it.
        rest: All operands and local derivatives, where there are none or more than two, and static
            arguments.

    Returns:
        A Value, or an instance of the class that a user derived, if an operand is of one.
    """
    mode = current_mode()
    node = _new(_result_class(x, y, rest) if _has_derived_classes else Value)
    node._data = data
    node._grad = 0.0
    node._details = None
    node.scope = mode.scope
    if mode.recording:
        node.op = op
        node._x = x
        node._local_x = local_x
        node._y = y
        node._local_y = local_y
        node._rest = rest
    else:
        node.op = ""
        node._x = None
        node._rest = NOT_RECORDED
    if mode.is_watched:
        _tell_observers(node, op, x, local_x, y, local_y, rest)
    return node


_has_derived_classes = False
"""Whether a user has derived a class from Value; until then no node pays for it."""


def _result_class(
    x: Value | None,
    y: Value | None,
    rest: Rest | None,
) -> type[Value]:
    """Return the class of a result: that of the first operand whose class a user derived."""
    operands = (x, y) if x is not None or rest is None else rest[0]
    kinds = [operand.result_class for operand in operands if operand is not None]
    return next((kind for kind in kinds if kind is not Value), Value)


def node_over(
    op: str,
    data: float,
    args: Sequence[Value],
    partials: Sequence[float],
    static_args: StaticArgs | None = None,
) -> Value:
    """Make the result of an operation with any number of operands."""
    if len(args) == 0 or len(args) > 2:
        operands = (tuple(args), tuple(partials), static_args)
        return make_node(op, data, None, 0.0, rest=operands)
    rest = ((), (), static_args) if static_args is not None else None
    if len(args) == 1:
        return make_node(op, data, args[0], partials[0], rest=rest)
    return make_node(op, data, args[0], partials[0], args[1], partials[1], rest)


def make_leaf(kind: type[Value], data: float, label: str = "") -> Value:
    """Make a leaf without the checks of the constructor, and without that of a derived class."""
    node = _new(kind)
    node._data = data
    node._grad = 0.0
    node._x = None
    node._rest = None
    node._details = Details(label) if label else None
    node.op = ""
    node.scope = None
    return node


_are_calls_traced = False
"""Whether calls have been traced; until then no leaf pays for it."""


def _begin_to_note_places() -> None:
    global _are_calls_traced
    _are_calls_traced = True


ON_TRACE.append(_begin_to_note_places)


def _note_place(leaf: Value) -> None:
    """Tell a leaf the place that made it, inside `trace_calls`. It belongs to no call."""
    calls = current_mode().calls
    if calls is not None:
        calls.note_place(leaf, sys._getframe(2))


def _hold_by_hand(node: Value, args: Iterable[Value], partials: Sequence[float] | None) -> None:
    """Check and store the operands of a Value that a user makes, and tell observers of it."""
    operands = as_values(args, "args of a Value")
    given = as_partials(operands, partials) if partials is not None else ()
    if not operands:
        return
    hold_operands(node, operands, given)
    if not isinstance(node.op, str):
        raise DataError(
            f"op of a Value must be the name of an operation, not {node.op!r}: "
            "local derivatives are given as partials=…"
        )
    mode = current_mode()
    node.scope = mode.scope
    if mode.calls is not None:
        mode.calls.place_node(node, sys._getframe(1))
    for observer in mode.observers:
        observer.on_node(node, node.op, operands, given)


def _tell_observers(
    node: Value,
    op: str,
    x: Value | None,
    local_x: float,
    y: Value | None,
    local_y: float,
    rest: Rest | None,
) -> None:
    mode = current_mode()
    if mode.calls is not None:
        mode.calls.place_node(node, sys._getframe(2))
    # Observers are told of an operation even where its graph is not kept, so its operands are not
    # read from the node.
    args: tuple[Value, ...] = ()
    partials: tuple[float, ...] = ()
    if x is None:
        if rest is not None:
            args, partials, _ = rest
    elif y is None:
        args, partials = (x,), (local_x,)
    else:
        args, partials = (x, y), (local_x, local_y)
    for observer in mode.observers:
        observer.on_node(node, op, args, partials)


def _either(name: str, thing: Any, other_name: str, other: Any) -> Any:
    """Return an argument that may be given under either of two names."""
    if thing and other:
        raise CallError(f"a Value takes {name} or {other_name}, which mean the same, not both")
    return thing or other


def as_operand(number: object, what: str) -> Value:
    """Turn a number beside an operator into a Constant, anything else into NotImplemented.

    With NotImplemented Python goes on to ask the other operand, which may know what to do.

    Args:
        number: The other operand of an operator of a Value.
        what: Its name in errors.

    Raises:
        DataError: For a number that is not real, or too large for a float.
    """
    if type(number) is float:
        return make_leaf(Constant, number)
    if type(number) is int or is_number(number):
        return make_leaf(Constant, real_as_float(number, what))
    refuse_other_scalars(number, what)
    unsupported: Value = NotImplemented
    return unsupported


# The chain rule


@explain_calls
def backward(
    outputs: Value | Iterable[Value],
    gradients: Number | Iterable[Number] | None = None,
    *,
    create_graph: bool = False,
) -> None:
    """Walk back once over the graph of several outputs, and add to the gradients of its leaves.

    Args:
        outputs: A Value, or several in a list.
        gradients: A number for each output that its derivatives are multiplied by; 1.0 if left out.
        create_graph: As for `Value.backward`.

    Raises:
        LengthError: If there are not as many gradients as outputs.
        GraphError: For a Value that was made by hand without partials, and for one whose graph was
            not kept because it was computed in `no_grad()`.

    Example:
        >>> x = Value(3.0)
        >>> backward([x * x, 5 * x], [1.0, 10.0])
        >>> x.grad
        56.0
    """
    check_question("backward()")
    seeds = as_seeds(outputs, gradients)
    for output, _ in seeds:
        require_graph(output)
    with accumulate_gradients() as leaves:
        order = zero_gradients([output for output, _ in seeds], leaves)
        _warn_if_nothing_learns([leaf for leaf, _ in leaves])
        if create_graph:
            _set_gradient_graphs(order, seeds)
        else:
            apply_chain_rule(order, [(output, float(plain(seed))) for output, seed in seeds])
        for observer in current_mode().observers:
            observer.on_backward(order)


def backpropagate(order: Sequence[Value], seeds: Iterable[tuple[Value, float]]) -> None:
    """Set `grad` of every node to the derivative of the outputs.

    Args:
        order: Values in topological order.
        seeds: Outputs, each with the gradient to begin with.

    Example:
        >>> x = Value(3.0)
        >>> y = x * x
        >>> backpropagate([x, y], [(y, 1.0)])
        >>> x.grad
        6.0
    """
    for node in order:
        node._grad = 0.0
    apply_chain_rule(order, seeds)


def apply_chain_rule(order: Sequence[Value], seeds: Iterable[tuple[Value, float]]) -> None:
    """Add to `grad` of every node, which must be 0, the derivative of the outputs.

    From the outputs back to the leaves each node sends every operand its share, the node's gradient
    times the local derivative. Operands come first in `order`, so when a node is reached, all that
    was computed from it has sent its share already, and its gradient is complete.

    Args:
        order: Values in topological order.
        seeds: Outputs, each with the gradient to begin with.
    """
    for output, seed in seeds:
        output._grad += seed

    for node in reversed(order):
        details = node._details
        if details is not None and details.metadata is not None:
            node._grad = float(apply_hooks(node, node._grad))
            if BY_HAND in details.metadata:
                details.metadata[BY_HAND]()
                continue

        gradient = node._grad
        if not gradient:
            continue  # exactly 0 sends nothing, so 0 * inf on a branch not taken can't become nan

        x = node._x
        if x is not None:
            x._grad += gradient * node._local_x
            y = node._y
            if y is not None:
                y._grad += gradient * node._local_y
        elif node._rest is not None:
            for operand, local in zip(node._rest[0], checked_partials(node), strict=True):
                operand._grad += gradient * local


def _set_gradient_graphs(order: list[Value], seeds: list[tuple[Value, Number]]) -> None:
    """Set `grad` of every leaf to a Value, the root of the graph of its derivative."""
    nodes = set(order)
    gradients = pullback(order, seeds)
    for node in order:
        gradient = gradients.get(node, 0.0)
        if node.args or isinstance(node, Constant):
            # A number: a graph would refer back to this node, and make a reference cycle that no
            # `zero_grad` ever breaks.
            node._grad = plain(gradient)
            continue
        if not isinstance(gradient, Value):
            gradient = Constant(gradient)
        elif gradient in nodes:
            # A gradient that is a node of this graph, as in x * y, becomes a separate node.
            gradient = Constant(1.0) * gradient
        node._grad = gradient


def _warn_if_nothing_learns(leaves: list[Value]) -> None:
    """Warn of a graph that ends at a module called in `no_grad()`, and has no Parameter."""
    scopes = {leaf.scope for leaf in leaves}  # only results whose graph was not kept have one
    if scopes <= {None} or any(isinstance(leaf, Parameter) for leaf in leaves):
        return
    modules = [scope.outermost_module() for scope in scopes if scope is not None]
    outermost = [module for module in modules if module is not None]
    if not outermost or any(is_reported(scope.identity) for scope in outermost):
        return
    warn_unlearned(
        f"the gradient reaches no Parameter: what {outermost[0].kind} computed has no graph, "
        "because that was inside no_grad(). For it to learn, call it outside of no_grad()"
    )


explain_class(Value, "__init__", "backward")
explain_class(Parameter, "__init__")
