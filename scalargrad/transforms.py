"""Derivatives of functions: `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `hvp`.

The names are JAX's. Each transform calls the function on stand-ins for its arguments, so what the
function reads from elsewhere is a constant, even if it is the same Value as an argument. Nothing is
mutated: no `grad` changes, and a function that writes into its lists or arrays writes into copies.

An argument is a number, a Value, or a nest of them: lists, tuples, dicts, NumPy arrays. What NumPy
reads as an array (a pandas Series, a tensor) is taken as one. The function gets the same nest, with
Values for the numbers; an array becomes an array of objects. Each place of a nest is a number of its
own, even where one list or one Value appears in two places.

Numbers in, numbers out: the result holds floats, and arrays of float64 for arrays, so it can be
handed to NumPy and SciPy. There are two exceptions, and both hold for a result as a whole, so that
it never mixes floats and Values:

- If a Value is among the arguments to differentiate by (or among the tangents), the result holds
  Values. Their graphs end in the arguments that were given, so they can be drawn, and
  differentiated again to any order.
- If the result depends on a Value that the function took from elsewhere, it holds Values as well: a
  parameter of a model, an argument that is not differentiated by, an argument of a transform around
  this one. So a derivative of a model still learns. This is decided by the formula and not by its
  numbers: the derivative of `relu(w * x)` is a Value where it is 0 too. Constants are plain numbers
  in this respect; a Value that the function makes itself, as `detach()` does, is not.

Inside `no_grad()` all results are floats.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce, wraps
from inspect import Parameter as Argument
from inspect import signature
from operator import add
from typing import Any

from .adjoint import _share, local_derivatives, pullback
from .conversion import as_float, whole
from .engine import VALUES, Constant, Parameter, Value
from .errors import CallError, DataError, GraphError, OptionError
from .graph import topological
from .modes import current_mode, enable_grad, observing, unobserved
from .nested import (
    ArrayMaker,
    array_of,
    entries,
    float_array,
    is_nest,
    matched,
    outer,
    places,
    refilled,
    snapshot,
)

Function = Callable[..., Any]
Positions = int | Sequence[int]


def grad(f: Function, argnums: Positions = 0) -> Function:
    """Return the function that computes the gradient of `f`.

    A gradient has the structure of its argument. An argument that `f` does not depend on has the
    gradient 0. Where floats come back and where Values: see the start of this module.

    Args:
        f: A function that returns one number.
        argnums: Which positional argument to differentiate by. A tuple of positions gives a tuple
            of gradients. Other arguments are passed on as they are.

    Returns:
        A function of the same arguments as `f`.

    Raises:
        DataError: When `f` returns anything but one number, or an argument to differentiate by
            holds something else than numbers.
        OptionError: For a position that the call does not have.

    Example:
        >>> grad(lambda x: x**3)(2.0)
        12.0
        >>> grad(grad(lambda x: x**3))(2.0)
        12.0
        >>> grad(lambda w, x: w[0] * x + w[1])([3.0, 1.0], 5.0)
        [5.0, 1.0]
        >>> grad(lambda x: x**3)(Value(2.0)).op
        'mul'
    """
    return _transform("grad", f, argnums, _gradient)


def value_and_grad(f: Function, argnums: Positions = 0) -> Function:
    """Return the function that computes the pair (value of `f`, gradient), both floats or both Values.

    Args:
        f: A function that returns one number.
        argnums: Which positional argument to differentiate by, as for `grad`.

    Returns:
        A function of the same arguments as `f`.

    Raises:
        ScalargradError: As `grad` does.

    Example:
        >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
        (6.0, (3.0, 2.0))
    """
    return _transform("value_and_grad", f, argnums, _value_and_gradient)


def jacobian(f: Function, argnums: Positions = 0) -> Function:
    """Return the function that computes all first derivatives of `f`.

    The result is the tree product of what `f` returns and of the argument: a list of m numbers by a
    list of n numbers gives m lists of n, a number by a list gives a list. For arrays the result is
    an array of the shapes joined, outputs first. Takes one backward walk for each number that `f`
    returns.

    Args:
        f: A function that returns a number or a nest of numbers.
        argnums: Which positional argument to differentiate by, as for `grad`.

    Returns:
        A function of the same arguments as `f`.

    Raises:
        ScalargradError: As `grad` does.

    Example:
        >>> jacobian(lambda x: [x[0] * x[1], x[1] ** 2])([3.0, 5.0])
        [[5.0, 3.0], [0.0, 10.0]]
    """
    return _transform("jacobian", f, argnums, _jacobian)


def hessian(f: Function, argnums: Positions = 0) -> Function:
    """Return the function that computes all second derivatives of `f`: the jacobian of its jacobian.

    By a list of n numbers this is n lists of n, by an array of shape s an array of shape s + s. By
    several numbers or arrays, entry [i][j] is by argument i and then by argument j. In general it
    is the tree product of the arguments with themselves.

    Args:
        f: A function that returns one number.
        argnums: Which positional argument to differentiate by, as for `grad`.

    Returns:
        A function of the same arguments as `f`.

    Raises:
        ScalargradError: As `grad` does.

    Example:
        >>> hessian(lambda x: x[0] ** 3 - 2 * x[0] * x[1] - x[1] ** 6)([1.0, 2.0])
        [[6.0, -2.0], [-2.0, -480.0]]
    """
    return _transform("hessian", _transform("hessian", f, argnums, _jacobian), argnums, _jacobian)


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Compute `f` and its derivative in one direction, in forward mode: one walk, operands first.

    Args:
        f: A function that returns a number or a nest of numbers.
        primals: A tuple or list of the arguments of `f`.
        tangents: The same structure: how fast each number moves.

    Returns:
        The pair (f(*primals), its derivative in the direction of `tangents`). Both have the
        structure of what `f` returns, and hold floats, or both Values.

    Raises:
        CallError: Unless primals and tangents are tuples or lists.
        LengthError: Where their structures differ.

    Example:
        >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
        (6.0, 23.0)
    """
    found: tuple[Any, Any] = _forward("jvp", f, primals, tangents, _value_and_tangent)
    return found


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Compute the Hessian of `f` times a vector, without the Hessian: forward mode over `grad`.

    Args:
        f: A function that returns one number.
        primals: A tuple or list of the arguments of `f`.
        tangents: The same structure: the vector.

    Returns:
        For one argument the result has its structure; for several it is a tuple with one for each,
        of the Hessian by all of them.

    Raises:
        ScalargradError: As `grad` and `jvp` do.

    Example:
        >>> hvp(lambda x: x[0] ** 2 * x[1], ([3.0, 5.0],), ([1.0, 0.0],))
        [10.0, 6.0]
    """
    _check("hvp", f)
    by: Positions = 0
    if isinstance(primals, list | tuple):
        if not primals:
            raise CallError("hvp needs at least one argument to differentiate by: primals is empty")
        by = 0 if len(primals) == 1 else range(len(primals))
    return _forward("hvp", _transform("hvp", f, by, _gradient), primals, tangents, _tangent)


def _check(name: str, f: Any) -> None:
    if callable(f):
        return
    hint = ""
    if isinstance(f, Value):
        hint = "; for the gradients of a Value that is computed already, call its backward()"
    raise CallError(f"{name} takes a function, not {type(f).__name__}{hint}")


def _positions(name: str, argnums: Any) -> list[int]:
    given = argnums if isinstance(argnums, list | tuple | range) else [argnums]
    try:
        return [whole(number, "a position", None) for number in given]
    except OptionError:
        raise OptionError(
            f"argnums of {name} must be a position or a tuple of positions, not {argnums!r}"
        ) from None


def _position(name: str, number: int, count: int) -> int:
    if not -count <= number < count:
        raise OptionError(
            f"argnums of {name} names argument {number}, but the function was called with {count} "
            "positional arguments (keyword arguments are not differentiated by)"
        )
    return number % count


def _transform(
    name: str, f: Function, argnums: Positions, work: "Callable[[_Call], Any]"
) -> Function:
    """Return the function that calls `f` on stand-ins and returns what `work` makes of the call."""
    _check(name, f)
    numbers = _positions(name, argnums)
    single = not isinstance(argnums, list | tuple | range)

    @wraps(f, updated=())
    def transformed(*arguments: Any, **options: Any) -> Any:
        chosen = [_position(name, number, len(arguments)) for number in numbers]
        tracer = _Tracer(name)
        # `f` may write into its containers, sort them, return them. So it gets containers of its
        # own, and what is needed afterwards is kept before it runs.
        kept: dict[int, Any] = {}
        leaves: dict[int, list[Value]] = {}
        for index in chosen:
            if index not in kept:
                what = _Argument(name, f, index)
                kept[index] = snapshot(arguments[index], what)
                leaves[index] = tracer.stand_ins(kept[index], what)
        inputs = kept[chosen[0]] if single else tuple(kept[index] for index in chosen)
        stand_ins = [leaf for index in chosen for leaf in leaves[index]]
        with tracer.tracing():
            given = list(arguments)
            for index, nest in kept.items():
                given[index] = refilled(nest, leaves[index])
            return work(_Call(tracer, f(*given, **options), inputs, stand_ins))

    return transformed


_POSITIONAL = (Argument.POSITIONAL_ONLY, Argument.POSITIONAL_OR_KEYWORD)


class _Argument:
    """An argument as messages name it. It is looked up for messages only, for that takes time."""

    def __init__(self, transform: str, f: Function, position: int) -> None:
        self._transform = transform
        self._f = f
        self._position = position

    def __str__(self) -> str:
        return f"{self._transform}: {self._name()}"

    def _name(self) -> str:
        position = self._position
        try:
            arguments = signature(self._f).parameters.values()
        except (TypeError, ValueError):  # a function that is not written in Python may not say
            return f"argument {position}"
        names = [argument.name for argument in arguments if argument.kind in _POSITIONAL]
        return names[position] if position < len(names) else f"argument {position}"


def _gradient(call: "_Call") -> Any:
    call.require_one_number()
    numbers, array = call.results(call.gradients()[0])
    return refilled(call.inputs, numbers, array)


def _value_and_gradient(call: "_Call") -> tuple[Any, Any]:
    call.require_one_number()
    numbers, array = call.results([*call.outputs, *call.gradients()[0]])
    return numbers[0], refilled(call.inputs, numbers[1:], array)


def _jacobian(call: "_Call") -> Any:
    rows = call.gradients()
    numbers, array = call.results([entry for row in rows for entry in row])
    remaining = iter(numbers)
    matrix = [[next(remaining) for _ in row] for row in rows]
    return outer(call.result, call.inputs, matrix, array)


def _forward(
    name: str,
    f: Function,
    primals: Any,
    tangents: Any,
    work: "Callable[[_Call, list[Value]], Any]",
) -> Any:
    """Call `f` on stand-ins, and return what `work` makes of the call and of the tangents."""
    _check(name, f)
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple):
        kinds = f"{type(primals).__name__} and {type(tangents).__name__}"
        raise CallError(f"{name} takes primals and tangents as tuples of arguments, not {kinds}")
    tracer = _Tracer(name)
    kept = snapshot(tuple(primals), f"{name}: primals")
    speeds = snapshot(tuple(tangents), f"{name}: tangents")
    directions = [
        tracer.tangent(speed) for speed in matched(kept, speeds, ("primals", "tangents"))
    ]
    leaves = tracer.stand_ins(kept, f"{name}: primals")
    with tracer.tracing():
        call = _Call(tracer, f(*refilled(kept, leaves)), kept, leaves)
        return work(call, call.tangents(directions))


def _value_and_tangent(call: "_Call", tangent: list[Value]) -> tuple[Any, Any]:
    numbers, array = call.results([*call.outputs, *tangent])
    count = len(call.outputs)
    value = refilled(call.result, numbers[:count], array)
    return value, refilled(call.result, numbers[count:], array)


def _tangent(call: "_Call", tangent: list[Value]) -> Any:
    numbers, array = call.results(tangent)
    return refilled(call.result, numbers, array)


class _Call:
    """One call of a function on stand-ins, and its derivatives.

    Attributes:
        result: What the function returned, in containers that nobody else can change.
        outputs: The numbers of that, in order.
        inputs: The nest to differentiate by; only its structure is used.
    """

    def __init__(
        self, tracer: "_Tracer", result: Any, inputs: Any, stand_ins: list[Value]
    ) -> None:
        self.result = snapshot(result, f"{tracer.name}: what the function returns")
        self.outputs = [_output(x) for x in entries(self.result)]
        self.inputs = inputs
        self._tracer = tracer
        self._stand_ins = stand_ins
        self._graph = topological(self.outputs)

    def require_one_number(self) -> None:
        if is_nest(self.result):
            raise DataError(
                f"{self._tracer.name} needs a function that returns one number, not "
                f"{type(self.result).__name__}: return a sum, or use jacobian"
            )

    def gradients(self) -> list[list[Value]]:
        """For each output its gradient by each input."""
        order = _dependent(self._graph, self._stand_ins)
        taken = set(self._graph)
        found = [pullback(order, [(output, 1.0)], VALUES) for output in self.outputs]
        return [_own([row.get(x, 0.0) for x in self._stand_ins], taken) for row in found]

    def tangents(self, directions: list[Any]) -> list[Value]:
        """For each output how fast it moves when the inputs move as the directions say."""
        flows = {}
        for leaf, flow in zip(self._stand_ins, directions, strict=True):
            if isinstance(flow, Value) or flow:
                flows[leaf] = flow
        moved = _pushforward(_dependent(self._graph, flows), flows)
        taken = {*self._graph, *flows.values()}
        return _own([moved.get(output, 0.0) for output in self.outputs], taken)

    def results(self, values: list[Value]) -> tuple[list[Any], ArrayMaker]:
        """The numbers as the caller sees them, and what makes an array of them."""
        tracer = self._tracer
        if tracer.recording and (tracer.given_values or self._depend_on_others(values)):
            return [tracer.originals.get(value, value) for value in values], array_of
        return [value._data for value in values], float_array

    def _depend_on_others(self, values: list[Value]) -> bool:
        """Whether the results depend on a Value that is no stand-in and no plain number.

        A zero that comes from a branch not taken, as of a ReLU that is off, has no graph. Its type
        would then change with the numbers, and a loss that uses the derivative would fail at some
        points only. So where the results depend on nothing, the formula is asked as well.
        """
        others = _Others(self._tracer, self._graph)
        hooked = any(node.notes for node in self._graph)  # a hook may return any Value
        if not others.in_graph and not hooked:
            return False
        if others.reach(values):
            return True
        with unobserved():
            order = _dependent(self._graph, self._stand_ins)
            return others.bend(order, self.outputs)


class _Others:
    """Which nodes depend on Values from elsewhere: parameters, the arguments of other transforms.

    Attributes:
        in_graph: Whether what the function returned depends on any.
    """

    def __init__(self, tracer: "_Tracer", graph: list[Value]) -> None:
        self._own = {*tracer.originals, *(node for node in tracer.nodes if not node.args)}
        self._known: dict[Value, bool] = {}
        for node in graph:
            if node.args:
                self._known[node] = any([self._known[arg] for arg in node.args])
            else:
                self._known[node] = self._is_other(node)
        self.in_graph = any(self._known.values())

    def _is_other(self, leaf: Value) -> bool:
        return not isinstance(leaf, Constant) and leaf not in self._own

    def reach(self, values: Iterable[Any]) -> bool:
        """Whether one of the values depends on such a Value; numbers among them do not."""
        stack = [value for value in values if isinstance(value, Value)]
        seen: set[Value] = set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            known = self._known.get(node)
            if known or (known is None and not node.args and self._is_other(node)):
                return True
            if known is None:
                stack.extend(node.args)
        self._known.update(dict.fromkeys(seen, False))
        return False

    def bend(self, order: list[Value], outputs: list[Value]) -> bool:
        """Whether the derivative of an output depends on such a Value by its formula.

        It does where a path from an input to an output has a local derivative that does, whatever
        else is on the path. Each node of `order` depends on an input.
        """
        moving = set(order)
        bent: set[Value] = set()
        for node in order:
            if not node.args:
                continue
            try:
                partials = local_derivatives(node, VALUES)
            except GraphError:  # a node made by hand, behind a branch that was not taken
                partials = (node,) * len(node.args)
            for arg, partial in zip(node.args, partials, strict=True):
                if arg in moving and (arg in bent or self.reach([partial])):
                    bent.add(node)
        return any(output in bent for output in outputs)


def _output(result: Any) -> Value:
    if isinstance(result, Value):
        return result
    return Constant(as_float(result, "what a function to differentiate returns"))


def _dependent(graph: list[Value], inputs: Iterable[Value]) -> list[Value]:
    """The nodes of a graph, operands first, that depend on the inputs: nothing flows through any other."""
    reached = set(inputs)
    order = []
    for node in graph:
        if node in reached or any(arg in reached for arg in node.args):
            reached.add(node)
            order.append(node)
    return order


def _own(derivatives: list[Any], taken: set[Any]) -> list[Value]:
    """Values for derivatives: a number becomes a Constant, and a Value that has its place in a graph already gets a node of its own."""
    return [owned(derivative, taken) for derivative in derivatives]


def owned(derivative: Any, taken: set[Any]) -> Value:
    """A Value for one derivative, which is not one of those that are `taken`."""
    if not isinstance(derivative, Value):
        return Constant(derivative)
    return Constant(1.0) * derivative if derivative in taken else derivative


def _pushforward(order: list[Value], tangents: dict[Value, Any]) -> dict[Value, Any]:
    """The tangent of every node that moves: the sum over its operands of local derivative times tangent."""
    for node in order:
        if node.args:
            shares = [
                _share(tangents[arg], partial)
                for arg, partial in zip(node.args, local_derivatives(node, VALUES), strict=True)
                if arg in tangents
            ]
            flows = [share for share in shares if share is not None]
            if flows:
                tangents[node] = reduce(add, flows)
    return tangents


class _Tracer:
    """Hands out stand-ins for arguments, watches what is made from them, and puts the arguments back in their places.

    Attributes:
        name: The transform, for messages.
        originals: For each stand-in what takes its place afterwards.
        given_values: Whether there was a Value among the arguments.
        nodes: What was made during the call.
        recording: Whether the caller's results are to have graphs.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.originals: dict[Value, Value] = {}
        self.given_values = False
        self.nodes: list[Value] = []
        self.recording = current_mode().recording

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:  # noqa: ARG002
        self.nodes.append(node)

    def went_back(self, order: list[Any]) -> None:
        pass

    def stand_ins(self, nest: Any, what: object) -> list[Value]:
        """A fresh leaf for each number of a nest, so that it is told from every other use of the same Value."""
        found = []
        for index, x in enumerate(entries(nest)):
            try:
                found.append(self._stand_in(x))
            except DataError as error:
                raise self._refusal(x, places(nest, str(what))[index]) from error
        return found

    def _stand_in(self, x: Any) -> Value:
        if isinstance(x, Value):
            self.given_values = True
            twin = _twin(x)
            self.originals[twin] = x
            return twin
        twin = Value(as_float(x, "an argument"))
        # Afterwards it is a number like any other that the function used. A tape around the call
        # has no leaf to watch then, and a transform around it does not take it for somebody's Value.
        self.originals[twin] = Constant(twin._data)
        return twin

    def _refusal(self, x: Any, place: str) -> DataError:
        if hasattr(x, "named_parameters"):
            return DataError(
                f"{place} is a {type(x).__name__}, and no number to differentiate by: name another "
                "argument with argnums=, or call backward() on the loss for the gradients of its "
                "parameters"
            )
        try:
            as_float(x, f"{place} as an argument to differentiate by")
        except DataError as error:
            return error
        return DataError(f"{place} is no number to differentiate by")

    def tangent(self, x: Any) -> Any:
        """One number of the tangents."""
        if not isinstance(x, Value):
            return as_float(x, f"{self.name}: a tangent")
        self.given_values = True
        return x

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Record what is made inside the block, and reconnect it at the end, even if the block raises."""
        try:
            with enable_grad(), observing(self):
                yield
        finally:
            self._reconnect()

    def _reconnect(self) -> None:
        """Let everything that was made depend on the arguments instead of on their stand-ins."""
        originals = self.originals
        for node in self.nodes:
            if any(arg in originals for arg in node.args):
                node.args = tuple(originals.get(arg, arg) for arg in node.args)


def _twin(x: Value) -> Value:
    """A leaf with the number and label of `x`, of the same class if a user derived it."""
    kind = type(x)
    number = x.data
    if kind in (Value, Parameter) or issubclass(kind, Constant):
        return Value(number, label=x.label)
    twin = object.__new__(kind)
    Value.__init__(twin, number, label=x.label)
    own = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
    for name in (*own, *getattr(x, "__dict__", ())):
        if name not in Value.__slots__ and hasattr(x, name):
            setattr(twin, name, getattr(x, name))
    return twin
