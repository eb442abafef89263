"""Derivatives of functions: `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `hvp`.

The names are JAX's. Each transform calls the function on stand-ins for its arguments, so what the
function reads from elsewhere is a constant, even if it is the same Value as an argument. Nothing is
mutated: no `grad` changes, and a function that writes into its lists or arrays writes into copies.

An argument is a number, a Value, or a nest of them: lists, tuples, dicts, NumPy arrays. What NumPy
reads as an array (a pandas Series, a tensor) is taken as one. The function gets the same nest, with
Values for the numbers; an array becomes an array of objects. Each place of a nest is a number of
its own, even where one list or one Value appears in two places.

Numbers in, numbers out: the result holds floats, and arrays of float64 for arrays, so it can be
handed to NumPy and SciPy. There are two exceptions, and both hold for a result as a whole, so that
it never mixes floats and Values:

- If a Value is among the arguments to differentiate by (or among the tangents), the result holds
  Values. Their graphs end in the arguments that were given, so they can be drawn, and
  differentiated again to any order.
- If the result depends on a Value that the function took from elsewhere, it holds Values as well: a
  parameter of a model, an argument that is not differentiated by, an argument of a transform around
  this one. So a derivative of a model still learns. For a first derivative this is decided by the
  formula and not by its numbers: that of `relu(w * x)` is a Value where it is 0 too. Constants are
  plain numbers in this respect; a Value that the function makes itself, as `detach()` does, is not.

Inside `no_grad()` all results are floats.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter as Argument
from inspect import signature
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.nested import copy_tree, flatten_like, outer, unflatten
from scalargrad.core.value import Value
from scalargrad.errors import CallError, OptionError
from scalargrad.utils.calls import explain_calls

from .placeholders import Call, Tracer

Function = Callable[..., Any]
Positions = int | Sequence[int]


@explain_calls
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


@explain_calls
def value_and_grad(f: Function, argnums: Positions = 0) -> Function:
    """Return the function that computes the pair (value of `f`, gradient).

    Both hold floats, or both hold Values.

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


@explain_calls
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


@explain_calls
def hessian(f: Function, argnums: Positions = 0) -> Function:
    """Return the function that computes all second derivatives of `f`.

    It is the jacobian of the jacobian. By a list of n numbers this is n lists of n, by an array of
    shape s an array of shape s + s. By several numbers or arrays, entry [i][j] is by argument i and
    then by argument j. In general it is the tree product of the arguments with themselves.

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


@explain_calls
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


@explain_calls
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
        return [checked_int(number, "a position", None) for number in given]
    except OptionError:
        wanted = f"argnums of {name} must be a position or a tuple of positions"
        raise OptionError(f"{wanted}, not {argnums!r}") from None


def _position(name: str, number: int, count: int) -> int:
    if not -count <= number < count:
        raise OptionError(
            f"argnums of {name} names argument {number}, but the function was called with {count} "
            "positional arguments (keyword arguments are not differentiated by)"
        )
    return number % count


def _transform(
    name: str,
    f: Function,
    argnums: Positions,
    work: Callable[[Call], Any],
) -> Function:
    """Return the function that calls `f` on stand-ins and returns what `work` makes of the call."""
    _check(name, f)
    numbers = _positions(name, argnums)
    single = not isinstance(argnums, list | tuple | range)

    @wraps(f, updated=())
    def transformed(*arguments: Any, **options: Any) -> Any:
        chosen = [_position(name, number, len(arguments)) for number in numbers]
        tracer = Tracer(name)
        # `f` may write into its containers, sort them, return them. So it gets containers of its
        # own, and what is needed afterwards is kept before it runs.
        kept: dict[int, Any] = {}
        leaves: dict[int, list[Value]] = {}
        for index in chosen:
            if index not in kept:
                what = _Argument(name, f, index)
                kept[index] = copy_tree(arguments[index], what)
                leaves[index] = tracer.stand_ins(kept[index], what)
        inputs = kept[chosen[0]] if single else tuple(kept[index] for index in chosen)
        stand_ins = [leaf for index in chosen for leaf in leaves[index]]
        with tracer.tracing():
            given = list(arguments)
            for index, nest in kept.items():
                given[index] = unflatten(nest, leaves[index])
            return work(Call(tracer, f(*given, **options), inputs, stand_ins))

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


def _gradient(call: Call) -> Any:
    call.require_one_number()
    numbers, array = call.results(call.gradients()[0])
    return unflatten(call.inputs, numbers, array)


def _value_and_gradient(call: Call) -> tuple[Any, Any]:
    call.require_one_number()
    numbers, array = call.results([*call.outputs, *call.gradients()[0]])
    return numbers[0], unflatten(call.inputs, numbers[1:], array)


def _jacobian(call: Call) -> Any:
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
    work: Callable[[Call, list[Value]], Any],
) -> Any:
    """Call `f` on stand-ins, and return what `work` makes of the call and of the tangents."""
    _check(name, f)
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple):
        kinds = f"{type(primals).__name__} and {type(tangents).__name__}"
        raise CallError(f"{name} takes primals and tangents as tuples of arguments, not {kinds}")
    tracer = Tracer(name)
    kept = copy_tree(tuple(primals), f"{name}: primals")
    speeds = copy_tree(tuple(tangents), f"{name}: tangents")
    flat = flatten_like(kept, speeds, ("primals", "tangents"))
    directions = [tracer.tangent(speed) for speed in flat]
    leaves = tracer.stand_ins(kept, f"{name}: primals")
    with tracer.tracing():
        call = Call(tracer, f(*unflatten(kept, leaves)), kept, leaves)
        return work(call, call.tangents(directions))


def _value_and_tangent(call: Call, tangent: list[Value]) -> tuple[Any, Any]:
    numbers, array = call.results([*call.outputs, *tangent])
    count = len(call.outputs)
    value = unflatten(call.result, numbers[:count], array)
    return value, unflatten(call.result, numbers[count:], array)


def _tangent(call: Call, tangent: list[Value]) -> Any:
    numbers, array = call.results(tangent)
    return unflatten(call.result, numbers, array)
