"""Decorators that hold a block around the code of anything.

Functions, methods and classes are simple. Code that can pause, a generator or a coroutine, must not
keep its block on while it does: whatever runs meanwhile would be inside of it. So the block is
suspended at each `yield` and `await`, together with the blocks that the code opened inside of it,
and resumed afterwards.
"""

import inspect
from collections.abc import Callable, Generator, Sequence
from functools import cached_property, partial, wraps
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType, coroutine
from typing import Any, Protocol

from scalargrad.errors import OptionError


class Block(Protocol):
    """A block that can be suspended."""

    def __enter__(self) -> None:
        """Begin it."""

    def __exit__(self, *exception: object) -> None:
        """End it."""

    def suspend(self) -> list[Any]:
        """End it for a while; the result is what `resume` needs."""

    def resume(self, above: Sequence[Any]) -> None:
        """Begin it again."""


def decorated(thing: Any, block: Block) -> Any:
    """Return `thing` with `block` around its code whenever that runs.

    Args:
        thing: A function of any sort, a method, a property, a class or another callable.
        block: Entered anew at each call, so it must allow that.

    Returns:
        A function like `thing`; a class is changed in place, method by method, inherited ones too.

    Raises:
        OptionError: `thing` has no code to run.

    Example:
        >>> from scalargrad import Value, no_grad
        >>> decorated(lambda x: x * 2, no_grad())(Value(1.0)).args
        ()
    """
    if isinstance(thing, type):
        return _decorated_class(thing, block)
    if isinstance(thing, staticmethod | classmethod):
        return type(thing)(decorated(thing.__func__, block))
    if isinstance(thing, property):
        parts = (thing.fget, thing.fset, thing.fdel)
        getter, setter, deleter = (part and decorated(part, block) for part in parts)
        return property(getter, setter, deleter, thing.__doc__)
    if isinstance(thing, cached_property):
        return cached_property(decorated(thing.func, block))
    if not callable(thing):
        raise OptionError(
            f"no_grad and enable_grad take no argument, or the function or class to decorate, not {type(thing).__name__} {thing!r}",
        )
    return _decorated_callable(thing, block)


def _decorated_class(kind: type, block: Block) -> type:
    members: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__ not in _FOUNDATIONS:
            members |= vars(base)
    for name, member in members.items():
        if isinstance(member, _METHODS):
            changed = decorated(member, block)
            setattr(kind, name, changed)
            if isinstance(changed, cached_property):
                changed.__set_name__(kind, name)
    return kind


_METHODS: tuple[type, ...] = (FunctionType, staticmethod, classmethod, property, cached_property)
_FOUNDATIONS = ("builtins", "typing", "abc")
"""Modules whose classes have no code of the user's, and methods that must stay what they are."""


def _decorated_callable(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    """A function of the same sort, so that `inspect` answers as for the original."""
    sort: Any = function
    if not inspect.isroutine(function) and not isinstance(function, partial):
        sort = getattr(function, "__call__", function)  # noqa: B004 - an object is called by it
    if inspect.isasyncgenfunction(sort):
        return _around_asynchronous_generator(function, block)
    if inspect.iscoroutinefunction(sort):

        @wraps(function, updated=_kept(function))
        async def around(*arguments: Any, **options: Any) -> Any:
            return await _step(function(*arguments, **options), block, [])

    elif inspect.isgeneratorfunction(sort):

        @wraps(function, updated=_kept(function))
        def around(*arguments: Any, **options: Any) -> Any:
            return (yield from _stepped(function(*arguments, **options), block, []))

    else:

        @wraps(function, updated=_kept(function))
        def around(*arguments: Any, **options: Any) -> Any:
            with block:
                result = function(*arguments, **options)
            return _held(result, block)

    return around


def _kept(function: Callable[..., Any]) -> tuple[str, ...]:
    """Attributes of a function go along; those of an object that is called, such as a module, do not."""
    return ("__dict__",) if isinstance(function, FunctionType) else ()


def _held(result: Any, block: Block) -> Any:
    """What a plain function returned: code that has not begun to run yet keeps the block."""
    kind = type(result)
    if kind is GeneratorType and inspect.getgeneratorstate(result) == inspect.GEN_CREATED:
        return _stepped(result, block, [])
    if kind is CoroutineType and inspect.getcoroutinestate(result) == inspect.CORO_CREATED:
        return _awaited(result, block)
    if kind is AsyncGeneratorType and result.ag_frame is not None and not result.ag_running:
        return _around_asynchronous_generator(lambda: result, block)()
    return result


def _stepped(code: Any, block: Block, above: list[Any]) -> Generator[Any, Any, Any]:
    """Run a generator or coroutine, in `block` whenever its own code runs.

    Args:
        code: What has `send`, `throw` and `close`.
        block: The block.
        above: The blocks that the code itself has open, kept up to date for its next steps.

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


_step: Any = coroutine(_stepped)  # can be awaited


async def _awaited(code: Any, block: Block) -> Any:
    return await _step(code, block, [])


def _around_asynchronous_generator(
    function: Callable[..., Any],
    block: Block,
) -> Callable[..., Any]:
    @wraps(function, updated=_kept(function))
    async def around(*arguments: Any, **options: Any) -> Any:
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
