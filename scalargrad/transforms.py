"""Derivatives of functions as new graphs: `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `hvp`, as JAX names them.

Each transform calls the function on stand-ins for its arguments, so that what the function reads from elsewhere is a constant,
even if it is the same Value as an argument. Nothing is mutated: no `grad` changes. The results are Values whose graphs end in the
arguments that were given (plain numbers become fresh leaves), so they can be drawn, and differentiated again to any order.

An argument is a number, a Value, or a nest of them: lists, tuples, dicts, NumPy arrays. The function gets the same nest, with
Values for the numbers; an array becomes an array of objects, and so does its gradient. Graphs are recorded in a `no_grad()`
block too, but results that leave for such a block leave their graphs behind.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce, wraps
from operator import add
from typing import Any

from .adjoint import _share, local_derivatives, pullback
from .calls import explain_calls
from .conversion import as_float
from .engine import VALUES, Constant, Value
from .errors import CallError, DataError, OptionError
from .graph import topological
from .modes import current_mode, enable_grad, observing
from .nested import entries, is_nest, mapped, matched, outer, refilled

Function = Callable[..., Any]
Positions = int | Sequence[int]


@explain_calls
def grad(f: Function, argnums: Positions = 0) -> Function:
    """A function of the same arguments that returns the gradient of `f`, which must return one number.

    argnums  which positional argument to differentiate by; a tuple of positions gives a tuple of gradients

    A gradient has the structure of its argument. An argument that `f` does not depend on has the gradient 0.
    Raises DataError (a TypeError) when `f` returns anything but one number, or an argument holds something else than numbers;
    OptionError (a ValueError) for a position that the call does not have.

    >>> grad(lambda x: x**3)(2.0).data
    12.0
    >>> grad(grad(lambda x: x**3))(2.0).data
    12.0
    >>> [g.data for g in grad(lambda w, x: w[0] * x + w[1])([3.0, 1.0], 5.0)]
    [5.0, 1.0]
    """
    both = _transform("grad", f, argnums, _value_and_gradient)

    @wraps(f, updated=())
    def gradient(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return gradient


@explain_calls
def value_and_grad(f: Function, argnums: Positions = 0) -> Function:
    """Like `grad`, but the function returns the pair (value of `f`, gradient).

    >>> value, gradient = value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    >>> value.data, [g.data for g in gradient]
    (6.0, [3.0, 2.0])
    """
    return _transform("value_and_grad", f, argnums, _value_and_gradient)


@explain_calls
def jacobian(f: Function, argnums: Positions = 0) -> Function:
    """A function of the same arguments that returns the derivative of every number that `f` returns by every number of an argument.

    The result is the tree product of what `f` returns and of the argument: a list of m numbers by a list of n numbers gives m
    lists of n, a number by a list gives a list. For arrays the result is an array of the shapes joined, outputs first.
    Takes one backward walk for each number that `f` returns. Raises as `grad` does.

    >>> J = jacobian(lambda x: [x[0] * x[1], x[1] ** 2])([3.0, 5.0])
    >>> [[entry.data for entry in row] for row in J]
    [[5.0, 3.0], [0.0, 10.0]]
    """
    return _transform("jacobian", f, argnums, _jacobian)


@explain_calls
def hessian(f: Function, argnums: Positions = 0) -> Function:
    """A function of the same arguments that returns all second derivatives of `f`: the jacobian of its jacobian.

    By a list of n numbers this is n lists of n, by an array of shape s an array of shape s + s. By several numbers or arrays,
    entry [i][j] is by argument i and then by argument j. In general it is the tree product of the arguments with themselves.

    >>> H = hessian(lambda x: x[0] ** 3 - 2 * x[0] * x[1] - x[1] ** 6)([1.0, 2.0])
    >>> [[entry.data for entry in row] for row in H]
    [[6.0, -2.0], [-2.0, -480.0]]
    """
    _check("hessian", f, argnums)
    return jacobian(jacobian(f, argnums), argnums)


@explain_calls
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The pair (f(*primals), its derivative in the direction of `tangents`), in forward mode: one walk, operands first.

    primals   a tuple or list of the arguments of `f`
    tangents  the same structure: how fast each number moves

    Both results have the structure of what `f` returns, and both are graphs.
    Raises CallError (a TypeError) unless both are tuples or lists, LengthError where their structures differ.

    >>> value, tangent = jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    >>> value.data, tangent.data
    (6.0, 23.0)
    """
    _check("jvp", f, 0)
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple):
        raise CallError(
            f"jvp takes primals and tangents as tuples of arguments, not {type(primals).__name__} and {type(tangents).__name__}"
        )
    directions = [
        x if isinstance(x, Value) else as_float(x, "a tangent") for x in matched(tuple(primals), tuple(tangents), ("primals", "tangents"))
    ]
    tracer = _Tracer()
    with enable_grad(), observing(tracer):
        arguments = mapped(tracer.stand_in, tuple(primals))
        result = f(*arguments)
        outputs = _outputs(result)
        flows = {x: flow for x, flow in zip(entries(arguments), directions, strict=True) if isinstance(flow, Value) or flow}
        graph = topological(outputs)
        moved = _pushforward(_dependent(graph, flows), flows)
        made = _own([moved.get(output, 0.0) for output in outputs], {*graph, *flows.values()})
    tracer.reconnect()
    return refilled(result, tracer.returned(outputs)), refilled(result, tracer.returned(made))


@explain_calls
def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of `f` at `primals` times `tangents`, without the Hessian: forward mode over `grad`.

    primals   a tuple or list of the arguments of `f`, which must return one number
    tangents  the same structure: the vector

    For one argument the result has its structure; for several it is a tuple with one for each, of the Hessian by all of them.
    Raises as `grad` and `jvp` do.

    >>> [entry.data for entry in hvp(lambda x: x[0] ** 2 * x[1], ([3.0, 5.0],), ([1.0, 0.0],))]
    [10.0, 6.0]
    """
    _check("hvp", f, 0)
    several = isinstance(primals, list | tuple) and len(primals) > 1
    return jvp(grad(f, tuple(range(len(primals))) if several else 0), primals, tangents)[1]


def _check(name: str, f: Any, argnums: Any) -> None:
    if not callable(f):
        hint = "; for the gradients of a Value that is computed already, call its backward()" if isinstance(f, Value) else ""
        raise CallError(f"{name} takes a function, not {type(f).__name__}{hint}")
    if not all(isinstance(number, int) for number in (argnums if isinstance(argnums, list | tuple) else [argnums])):
        raise OptionError(f"argnums of {name} must be a position or a tuple of positions, not {argnums!r}")


def _transform(name: str, f: Function, argnums: Positions, work: Function) -> Function:
    """The function that calls `work` with a tracer, the stand-ins, and the nest of the arguments to differentiate by."""
    _check(name, f, argnums)

    @wraps(f, updated=())
    def transformed(*arguments: Any, **options: Any) -> Any:
        chosen = [_position(name, number, len(arguments)) for number in ([argnums] if isinstance(argnums, int) else argnums)]
        tracer = _Tracer()
        with enable_grad(), observing(tracer):
            given = [mapped(tracer.stand_in, x) if i in chosen else x for i, x in enumerate(arguments)]
            inputs = [given[i] for i in chosen]
            result = f(*given, **options)
            finish = work(tracer, result, inputs[0] if isinstance(argnums, int) else tuple(inputs))
        tracer.reconnect()
        return finish()

    return transformed


def _position(name: str, number: int, count: int) -> int:
    if not -count <= number < count:
        raise OptionError(f"argnums of {name} names argument {number}, but the function was called with {count} positional arguments")
    return number % count


def _value_and_gradient(tracer: "_Tracer", result: Any, inputs: Any) -> Function:
    if is_nest(result):
        raise DataError(f"grad needs a function that returns one number, not {type(result).__name__}: return a sum, or use jacobian")
    outputs = _outputs(result)
    rows = _gradients(outputs, entries(inputs))
    return lambda: (tracer.returned(outputs)[0], refilled(inputs, tracer.returned(rows[0])))


def _jacobian(tracer: "_Tracer", result: Any, inputs: Any) -> Function:
    rows = _gradients(_outputs(result), entries(inputs))
    return lambda: outer(result, inputs, [tracer.returned(row) for row in rows])


def _outputs(result: Any) -> list[Value]:
    return [x if isinstance(x, Value) else Constant(as_float(x, "what a function to differentiate returns")) for x in entries(result)]


def _gradients(outputs: list[Value], inputs: list[Value]) -> list[list[Value]]:
    """For each output its gradient by each input."""
    graph = topological(outputs)
    order, taken = _dependent(graph, inputs), set(graph)
    found = [pullback(order, [(output, 1.0)], VALUES) for output in outputs]
    return [_own([gradients.get(x, 0.0) for x in inputs], taken) for gradients in found]


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
    """Hands out stand-ins for arguments, watches what is made from them, and puts the arguments back in their places."""

    def __init__(self) -> None:
        self.originals: dict[Value, Value] = {}
        self.nodes: list[Value] = []
        self.recording = current_mode().recording

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:  # noqa: ARG002
        self.nodes.append(node)

    def went_back(self, order: list[Any]) -> None:
        pass

    def stand_in(self, x: Any) -> Value:
        """A fresh leaf for an argument, so that it is told from every other use of the same Value."""
        if not isinstance(x, Value):
            return Value(as_float(x, "an argument to differentiate by"))
        twin = Value(x.data, label=x.label)
        self.originals[twin] = x
        return twin

    def reconnect(self) -> None:
        """Let everything that was made depend on the arguments instead of on their stand-ins."""
        originals = self.originals
        for node in self.nodes if originals else ():
            if any(arg in originals for arg in node.args):
                node.args = tuple(originals.get(arg, arg) for arg in node.args)

    def returned(self, values: list[Value]) -> list[Value]:
        """The values as the caller shall see them."""
        found = [self.originals.get(value, value) for value in values]
        return found if self.recording else [value.detach() if value.args else value for value in found]
