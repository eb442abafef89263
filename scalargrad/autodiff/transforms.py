"""Derivatives of functions: `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `hvp`.

The names are JAX's. Each transform calls the function on placeholders for its arguments, so
anything else that the function reads is a constant, even if it is the same Value as an argument.
Nothing is mutated: no `grad` changes, and a function that writes into its lists or arrays writes
into copies.

An argument is a number, a Value, or a tree of them: lists, tuples, dicts, NumPy arrays. What NumPy
reads as an array (a pandas Series, a tensor) is taken as one. The function gets the same tree with
Values in place of the numbers; an array becomes an array of objects. Each entry of a tree is a
separate number, even where one list or one Value appears twice.

Numbers in, numbers out: the result holds floats, and arrays of float64 for arrays, so it can be
passed to NumPy and SciPy. There are two exceptions. Both apply to a result as a whole, so it never
mixes floats and Values:

- If a Value is among the arguments to differentiate by (or among the tangents), the result holds
  Values. Their graphs end in the arguments that were given, so they can be drawn, and
  differentiated again to any order.
- If the result depends on a Value that the function took from elsewhere, it holds Values as well: a
  parameter of a model, an argument that is not differentiated by, an argument of a transform around
  this one. So a derivative of a model can be trained through. For a first derivative the formula
  decides this, not the numbers: the derivative of `relu(w * x)` is a Value where it is 0 too. A
  Constant is a plain number in this respect, and so is a Value that the function makes itself, as
  `detach()` does.

Inside `no_grad()` all results are floats.

Inside a function that is compiled all of them are recorded. What the function that they
differentiate must not do there is the same: ask a Value for its number.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter as Argument
from inspect import signature
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.nested import copy_tree, flatten_like, outer, unflatten
from scalargrad.core.value import Number, Value
from scalargrad.errors import CallError, OptionError
from scalargrad.utils.calls import explain_calls

from .placeholders import Call, Placeholders
from .trees import Function, Tree

Positions = int | Sequence[int]
Arguments = Sequence[Tree[Number]]


@explain_calls
def grad(f: Function, argnums: Positions = 0) -> Function:
    """Return the function that computes the gradient of `f`.

    A gradient has the structure of its argument. An argument that `f` does not depend on has the
    gradient 0. The module documentation says when the result holds floats and when Values.

    Args:
        f: A function that returns one number.
        argnums: Which positional argument to differentiate by. A tuple of positions gives a tuple
            of gradients. Other arguments are passed on as they are.

    Returns:
        A function of the same arguments as `f`.

    Raises:
        DataError: When `f` does not return one number, or an argument to differentiate by holds
            anything but numbers.
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
    an array whose shape is that of the output followed by that of the input. Takes one backward
    pass for each number that `f` returns.

    Args:
        f: A function that returns a number or a tree of numbers.
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

    It is the Jacobian of the Jacobian. For a list of n numbers this is n lists of n, for an array
    of shape s an array of shape s + s. For several numbers or arrays, entry [i][j] is the
    derivative by argument i and then by argument j. In general the result is the tree product of
    the arguments with themselves.

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
def jvp(f: Function, primals: Arguments, tangents: Arguments) -> tuple[Any, Any]:
    """Compute `f` and its derivative in one direction, in forward mode.

    Args:
        f: A function that returns a number or a tree of numbers.
        primals: A tuple or list of the arguments of `f`.
        tangents: The direction: a number for each number of `primals`, in the same structure.

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
    value, tangent = _forward_transform("jvp", f, primals, tangents, _value_and_tangent)
    return value, tangent


@explain_calls
def hvp(f: Function, primals: Arguments, tangents: Arguments) -> Any:
    """Compute the product of the Hessian of `f` and a vector, without forming the Hessian.

    This is forward mode over `grad` (Pearlmutter 1994).

    Args:
        f: A function that returns one number.
        primals: A tuple or list of the arguments of `f`.
        tangents: The vector: a number for each number of `primals`, in the same structure.

    Returns:
        The product in the structure of the argument; for several arguments a tuple with one part
        for each. The Hessian is by all arguments together.

    Raises:
        ScalargradError: As `grad` and `jvp` do.

    Example:
        >>> hvp(lambda x: x[0] ** 2 * x[1], ([3.0, 5.0],), ([1.0, 0.0],))
        [10.0, 6.0]
    """
    argnums: Positions = 0
    # Anything else than a tuple or list is refused in `_forward_transform`.
    if isinstance(primals, list | tuple):
        if not primals:
            raise CallError("hvp needs at least one argument to differentiate by: primals is empty")
        if len(primals) > 1:
            argnums = range(len(primals))
    gradient = _transform("hvp", f, argnums, _gradient)
    return _forward_transform("hvp", gradient, primals, tangents, _tangent)


def _check_function(name: str, f: object) -> None:
    if callable(f):
        return
    hint = ""
    if isinstance(f, Value):
        hint = "; for the gradients of a Value that is computed already, call its backward()"
    raise CallError(f"{name} takes a function, not {type(f).__name__}{hint}")


def _check_positions(name: str, argnums: object) -> list[int]:
    positions = argnums if isinstance(argnums, list | tuple | range) else [argnums]
    try:
        return [checked_int(position, "a position", None) for position in positions]
    except OptionError:
        raise OptionError(
            f"argnums of {name} must be a position or a tuple of positions, not {argnums!r}"
        ) from None


def _normalize_position(name: str, position: int, count: int) -> int:
    if not -count <= position < count:
        raise OptionError(
            f"argnums of {name} names argument {position}, but the function was called with "
            f"{count} positional arguments (keyword arguments are not differentiated by)"
        )
    return position % count


def _transform(
    name: str,
    f: Function,
    argnums: Positions,
    differentiate: Callable[[Call], object],
) -> Function:
    """Return the function that calls `f` on placeholders and differentiates the call.

    Args:
        name: The transform, for messages.
        f: The function to differentiate.
        argnums: Which positional arguments to differentiate by.
        differentiate: Makes the result from the call.
    """
    _check_function(name, f)
    positions = _check_positions(name, argnums)
    single = not isinstance(argnums, list | tuple | range)

    @wraps(f, updated=())
    def transformed(*arguments: Any, **options: Any) -> Any:
        chosen = [_normalize_position(name, position, len(arguments)) for position in positions]
        placeholders = Placeholders(name)

        # `f` may write into its containers, sort them, return them. So it gets copies, and what is
        # needed afterwards is copied before it runs.
        trees: dict[int, Any] = {}
        leaves: dict[int, list[Value]] = {}
        for index in chosen:
            if index not in trees:
                argument_name = _ArgumentName(name, f, index)
                trees[index] = copy_tree(arguments[index], argument_name)
                leaves[index] = placeholders.create(trees[index], argument_name)
        inputs = trees[chosen[0]] if single else tuple(trees[index] for index in chosen)
        input_leaves = [leaf for index in chosen for leaf in leaves[index]]

        with placeholders.tracing():
            replaced = list(arguments)
            for index, tree in trees.items():
                replaced[index] = unflatten(tree, leaves[index])
            call = Call(placeholders, f(*replaced, **options), inputs, input_leaves)
            return differentiate(call)

    return transformed


_POSITIONAL = (Argument.POSITIONAL_ONLY, Argument.POSITIONAL_OR_KEYWORD)


class _ArgumentName:
    """The name of an argument in messages.

    It is looked up when it is printed: `inspect.signature` is too slow for every call.
    """

    def __init__(self, transform: str, f: Function, position: int) -> None:
        self._transform = transform
        self._f = f
        self._position = position

    def __str__(self) -> str:
        return f"{self._transform}: {self._name()}"

    def _name(self) -> str:
        position = self._position
        unnamed = f"argument {position}"
        try:
            parameters = signature(self._f).parameters.values()
        except (TypeError, ValueError):  # functions written in C may have no signature
            return unnamed
        names = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]
        return names[position] if position < len(names) else unnamed


def _gradient(call: Call) -> object:
    call.require_one_number()
    numbers, make_array = call.finalize(call.gradients()[0])
    return unflatten(call.inputs, numbers, make_array)


def _value_and_gradient(call: Call) -> tuple[object, object]:
    call.require_one_number()
    # Finalized together, so that both hold floats or both hold Values.
    numbers, make_array = call.finalize([*call.outputs, *call.gradients()[0]])
    return numbers[0], unflatten(call.inputs, numbers[1:], make_array)


def _jacobian(call: Call) -> object:
    rows = call.gradients()
    flat = [entry for row in rows for entry in row]
    numbers, make_array = call.finalize(flat)
    matrix = []
    start = 0
    for row in rows:
        matrix.append(numbers[start : start + len(row)])
        start += len(row)
    return outer(call.result, call.inputs, matrix, make_array)


def _forward_transform(
    name: str,
    f: Function,
    primals: Arguments,
    tangents: Arguments,
    finish: Callable[[Call, list[Value]], Any],
) -> Any:
    """Call `f` on placeholders and compute tangents in forward mode.

    Args:
        name: The transform, for messages.
        f: The function to differentiate.
        primals: Its arguments.
        tangents: The direction, in the same structure.
        finish: Makes the result from the call and the tangents of its outputs.
    """
    _check_function(name, f)
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple):
        kinds = f"{type(primals).__name__} and {type(tangents).__name__}"
        raise CallError(f"{name} takes primals and tangents as tuples of arguments, not {kinds}")

    placeholders = Placeholders(name)
    inputs = copy_tree(tuple(primals), f"{name}: primals")
    direction = copy_tree(tuple(tangents), f"{name}: tangents")
    flat = flatten_like(inputs, direction, ("primals", "tangents"))
    directions = [placeholders.check_tangent(tangent) for tangent in flat]
    leaves = placeholders.create(inputs, f"{name}: primals")

    with placeholders.tracing():
        call = Call(placeholders, f(*unflatten(inputs, leaves)), inputs, leaves)
        return finish(call, call.tangents(directions))


def _value_and_tangent(call: Call, tangents: list[Value]) -> tuple[object, object]:
    numbers, make_array = call.finalize([*call.outputs, *tangents])
    count = len(call.outputs)
    value = unflatten(call.result, numbers[:count], make_array)
    return value, unflatten(call.result, numbers[count:], make_array)


def _tangent(call: Call, tangents: list[Value]) -> object:
    numbers, make_array = call.finalize(tangents)
    return unflatten(call.result, numbers, make_array)
