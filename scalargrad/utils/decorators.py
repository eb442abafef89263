"""Decorators that run any kind of function inside a block.

Code that can be suspended, a generator or a coroutine, must not keep its block meanwhile: whatever
runs until it is resumed would be inside the block. So the block is suspended at each `yield` and
`await`, together with the blocks that the code entered inside it, and resumed afterwards.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import cached_property, partial, wraps
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType, coroutine
from typing import Any, Protocol, TypeVar, cast

from scalargrad.errors import OptionError

Thing = TypeVar("Thing")
Function = Callable[..., Any]
"""A function of any kind: plain, a generator function, a coroutine function or both."""

Code = Any
"""What a call of such a function returns to be run: an object with `send`, `throw` and `close`."""


class Block(Protocol):
    """A block that can be suspended."""

    def __enter__(self) -> None:
        """Enter it."""

    def __exit__(self, *exception: object) -> None:
        """Leave it."""

    def suspend(self) -> list[Any]:
        """Leave it for a while, and return what `resume` needs."""

    def resume(self, above: Sequence[Any]) -> None:
        """Enter it again."""


def decorate(thing: Thing, block: Block) -> Thing:
    """Return `thing` with `block` around its code whenever that runs.

    Args:
        thing: A function of any kind, a method, a property, a class or another callable.
        block: The block, which is entered at each call, so it must be reusable.

    Returns:
        A function of the same kind. A class is changed in place: each of its methods, also the
        inherited ones.

    Raises:
        OptionError: If `thing` has no code to run.

    Example:
        >>> from scalargrad import Value, no_grad
        >>> decorate(lambda x: x * 2, no_grad())(Value(1.0)).args
        ()
    """
    # Each branch returns an object of the kind that it was given.
    return cast(Thing, _decorate(thing, block))


def _decorate(thing: object, block: Block) -> object:
    if isinstance(thing, type):
        return _decorate_class(thing, block)
    if isinstance(thing, staticmethod | classmethod):
        return type(thing)(decorate(thing.__func__, block))
    if isinstance(thing, property):
        parts: tuple[Any, ...] = (thing.fget, thing.fset, thing.fdel)
        getter, setter, deleter = (part and decorate(part, block) for part in parts)
        return property(getter, setter, deleter, thing.__doc__)
    if isinstance(thing, cached_property):
        return cached_property(decorate(thing.func, block))
    if not callable(thing):
        raise OptionError(
            "no_grad, enable_grad and trace_calls take no argument, or the function or class to "
            f"decorate, not {type(thing).__name__} {thing!r}"
        )
    return _decorate_callable(thing, block)


def _decorate_class(kind: type, block: Block) -> type:
    members: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__ not in _FOUNDATIONS:
            members |= vars(base)
    for name, member in members.items():
        if isinstance(member, METHODS):
            changed = decorate(member, block)
            setattr(kind, name, changed)
            if isinstance(changed, cached_property):
                changed.__set_name__(kind, name)
    return kind


METHODS: tuple[type, ...] = (FunctionType, staticmethod, classmethod, property, cached_property)
_FOUNDATIONS = ("builtins", "typing", "abc")
"""Modules of base classes without user code, whose methods must not be replaced."""


def _decorate_callable(function: Function, block: Block) -> Function:
    """A function of the same kind, so that `inspect` answers as for the original."""
    code: Any = function
    if not inspect.isroutine(function) and not isinstance(function, partial):
        code = getattr(function, "__call__", function)  # noqa: B004 - an object is called by it
    if inspect.isasyncgenfunction(code):
        return _around_asynchronous_generator(function, block)
    if inspect.iscoroutinefunction(code):

        @wraps(function, updated=_attributes(function))
        async def around(*arguments: object, **options: object) -> object:
            return await _step(function(*arguments, **options), block, [])

    elif inspect.isgeneratorfunction(code):

        @wraps(function, updated=_attributes(function))
        def around(*arguments: object, **options: object) -> Generator[Any, Any, object]:
            return (yield from _run_in_steps(function(*arguments, **options), block, []))

    else:

        @wraps(function, updated=_attributes(function))
        def around(*arguments: object, **options: object) -> object:
            with block:
                result = function(*arguments, **options)
            return _hold(result, block)

    return around


def _attributes(function: Function) -> tuple[str, ...]:
    # Attributes of a function are copied; those of a callable object, such as a module, are not.
    return ("__dict__",) if isinstance(function, FunctionType) else ()


def _hold(result: Any, block: Block) -> object:
    """Put the block around what a plain function returned, if that is code that has not started."""
    kind = type(result)
    if kind is GeneratorType and inspect.getgeneratorstate(result) == inspect.GEN_CREATED:
        return _run_in_steps(result, block, [])
    if kind is CoroutineType and inspect.getcoroutinestate(result) == inspect.CORO_CREATED:
        return _await_inside(result, block)
    if kind is AsyncGeneratorType and result.ag_frame is not None and not result.ag_running:
        return _around_asynchronous_generator(lambda: result, block)()
    return result


def _run_in_steps(code: Code, block: Block, above: list[object]) -> Generator[Any, Any, object]:
    """Run a generator or coroutine, inside `block` whenever its code runs.

    Args:
        code: An object with `send`, `throw` and `close`.
        block: The block.
        above: The blocks that the code has entered, updated in place after each step.

    Yields:
        What the code yields.

    Returns:
        What the code returns.
    """
    sent: Any = None
    thrown: BaseException | None = None
    while True:
        block.resume(above)
        try:
            yielded = code.send(sent) if thrown is None else code.throw(thrown)
        except StopIteration as stop:
            return stop.value
        finally:
            above[:] = block.suspend()
        thrown = None
        try:
            sent = yield yielded
        except GeneratorExit:
            block.resume(above)
            try:
                code.close()
            finally:
                above[:] = block.suspend()
            raise
        except BaseException as error:
            thrown = error


_step: Any = coroutine(_run_in_steps)  # makes it awaitable


async def _await_inside(code: Code, block: Block) -> object:
    return await _step(code, block, [])


def _around_asynchronous_generator(
    function: Function,
    block: Block,
) -> Function:
    @wraps(function, updated=_attributes(function))
    async def around(*arguments: object, **options: object) -> AsyncGenerator[Any, Any]:
        code = function(*arguments, **options)
        above: list[Any] = []
        step = code.asend(None)
        while True:
            try:
                item = await _step(step, block, above)
            except StopAsyncIteration:
                return
            try:
                sent = yield item
            except GeneratorExit:
                await _step(code.aclose(), block, above)
                raise
            except BaseException as error:
                step = code.athrow(error)
            else:
                step = code.asend(sent)

    return around
