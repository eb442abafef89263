"""The context of a computation: scope, whether a graph is recorded, observers of new nodes.

It is one immutable `Mode` in a context variable: safe with threads and asynchronous tasks, and a
single look-up per node.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from types import CodeType
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

from scalargrad.errors import OptionError
from scalargrad.utils.decorators import METHODS, decorate

from .call_stack import CallStack
from .exchange import warn_of_programs
from .scopes import BlockScope, Scope

if TYPE_CHECKING:
    from .value import Value

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class Observer(Protocol):
    """An object that is told of new nodes and of backward passes: an anomaly detector, a tape."""

    def on_node(
        self, node: "Value", op: str, args: tuple["Value", ...], partials: tuple[float, ...]
    ) -> None:
        """Receive the result of an operation. Inside `no_grad` the node has a number only."""

    def on_backward(self, order: list["Value"]) -> None:
        """Receive the nodes of a backward pass that is over, in topological order."""


class Mode:
    """The context of a computation, never changed once it is in use.

    Attributes:
        scope: The module call or the block that new nodes belong to.
        recording: Whether operations keep their operands.
        observers: Objects that are told of new nodes and backward passes.
        refuse: Called with a description whenever a Value is asked for its number while a function
            is traced, None outside of a trace. It raises: the answer would hold for one sample
            only.
        calls: The calls of functions inside of `scope`, None outside of `trace_calls`.
        is_watched: Whether anything is told of new nodes: an observer, or the calls.
        below: The mode around the block of `switch`.
        switch: The switch whose block this mode is for, if any.
    """

    __slots__ = (
        "below",
        "calls",
        "is_watched",
        "observers",
        "recording",
        "refuse",
        "scope",
        "switch",
    )

    below: "Mode | None"
    switch: "Switch | None"

    def __init__(
        self,
        scope: Scope | None,
        recording: bool,
        observers: tuple[Observer, ...],
        refuse: Callable[[str], None] | None = None,
        calls: CallStack | None = None,
    ) -> None:
        self.scope = scope
        self.recording = recording
        self.observers = observers
        self.refuse = refuse
        self.calls = calls
        self.is_watched = bool(observers) or calls is not None
        self.below = None
        self.switch = None

    def current_scope(self) -> Scope | None:
        """Return the scope that a Value that is made here would belong to."""
        return self.scope if self.calls is None else self.calls.current_scope()


# A mutable default would be shared by all contexts; a Mode is never changed.
_mode: ContextVar[Mode] = ContextVar("scalargrad.mode", default=Mode(None, True, ()))  # noqa: B039
current_mode = _mode.get


class Switch:
    """A change of the mode, for a `with` block or as a decorator.

    Modes made by switches are linked, each to the one below it. When a block ends, it undoes only
    its own change, and those of blocks that were entered later stay: generators may leave their
    blocks in any order.

    Args:
        change: Takes the mode around the block and returns the mode inside.
    """

    def __init__(self, change: Callable[[Mode], Mode]) -> None:
        self._change = change

    def __enter__(self) -> None:
        _mode.set(self._over(_mode.get()))

    def __exit__(self, *exception: object) -> None:
        below, above = self._around()
        # None if a module call that was around the block has already restored its own mode.
        if below is not None:
            _mode.set(_stack(below, above))

    def __call__(self, thing: Thing) -> Thing:
        """Return `thing`, a function of any kind or a class, to run in the changed mode."""
        return decorate(thing, self)

    def suspend(self) -> "list[Switch]":
        """Leave the block for a while.

        Returns:
            The switches that are on inside of it, in order, for `resume`.
        """
        below, above = self._around()
        if below is None:
            return []
        _mode.set(below)
        return above

    def resume(self, above: "Sequence[Switch]") -> None:
        """Enter the block again, with the switches that were on inside of it."""
        _mode.set(_stack(_mode.get(), [self, *above]))

    def _over(self, mode: Mode) -> Mode:
        changed = self._change(mode)
        changed.below = mode
        changed.switch = self
        return changed

    def _around(self) -> "tuple[Mode | None, list[Switch]]":
        """The mode around the innermost block of this switch, and the switches inside it."""
        above: list[Switch] = []
        mode: Mode | None = _mode.get()
        while mode is not None and mode.switch is not self:
            if mode.switch is not None:
                above.append(mode.switch)
            mode = mode.below
        if mode is None:
            return None, []
        return mode.below, above[::-1]


def _stack(mode: Mode, switches: Sequence[Switch]) -> Mode:
    for switch in switches:
        mode = switch._over(mode)
    return mode


@overload
def no_grad(function: None = None) -> Switch: ...


@overload
def no_grad(function: Thing) -> Thing: ...


def no_grad(function: Thing | None = None) -> Thing | Switch:
    """Compute without keeping a graph: inside `with no_grad():` results are plain leaves.

    It holds for this thread (or asynchronous task) only, and ends with the block, also by an
    exception. Such a result has no graph, so its `backward()` is an error.

    It is also a decorator, `@no_grad` or `@no_grad()`, of functions, methods, generators,
    asynchronous functions and generators, and of classes, where it holds for every method. While a
    decorated generator is suspended, its caller is outside of the block. A plain `with no_grad():`
    in a generator lasts until that block ends, for the caller too; several such generators may end
    in any order, and after the last of them graphs are kept again.

    Args:
        function: The function or class to decorate, when used as `@no_grad`.

    Returns:
        The block, or the decorated function.

    Example:
        >>> from scalargrad import Value
        >>> with no_grad():
        ...     y = Value(3.0) * 2
        >>> y.args
        ()
        >>> @no_grad
        ... def predict(x):
        ...     return x * 2
        >>> predict(Value(3.0)).args
        ()
    """
    switch = Switch(lambda mode: Mode(mode.scope, False, mode.observers, mode.refuse, mode.calls))
    return switch if function is None else switch(function)


@overload
def enable_grad(function: None = None) -> Switch: ...


@overload
def enable_grad(function: Thing) -> Thing: ...


def enable_grad(function: Thing | None = None) -> Thing | Switch:
    """Keep graphs again inside a `no_grad()` block: a block or a decorator, like `no_grad`.

    Args:
        function: The function or class to decorate, when used as `@enable_grad`.

    Returns:
        The block, or the decorated function.

    Example:
        >>> from scalargrad import Value
        >>> with no_grad():
        ...     with enable_grad():
        ...         y = Value(3.0) * 2
        >>> len(y.args)
        2
    """
    switch = Switch(lambda mode: Mode(mode.scope, True, mode.observers, mode.refuse, mode.calls))
    return switch if function is None else switch(function)


def _mode_inside(mode: Mode, scope: Scope, code: CodeType | None) -> Mode:
    """Return the mode inside of a scope.

    Args:
        mode: The mode around it.
        scope: The scope.
        code: The code that it is a call of, if any.
    """
    # No caller may keep the calls in a variable: their frames lead back to that of the caller.
    calls = None if mode.calls is None else mode.calls.inside(scope, code)
    return Mode(scope, mode.recording, mode.observers, mode.refuse, calls)


class NamedBlock(Switch):
    """A block that is a scope, for `with` or as a decorator.

    Args:
        name: The name of the scope; as a decorator, by default that of the function.
        code: The code of the function that is decorated.
    """

    def __init__(self, name: str, code: CodeType | None = None) -> None:
        super().__init__(self._open)
        self._name = name
        self._code = code

    def __call__(self, thing: Thing) -> Thing:
        """Return `thing`, a function of any kind or a class, to run inside the block."""
        if not callable(thing) and not isinstance(thing, METHODS):
            kind = type(thing).__name__
            raise OptionError(
                f"scope takes a name, or the function or class to decorate, not {kind}"
            )
        name = self._name or getattr(thing, "__name__", type(thing).__name__)
        return decorate(thing, NamedBlock(name, getattr(thing, "__code__", None)))

    def _open(self, mode: Mode) -> Mode:
        parent = mode.current_scope()
        # Not zero, which is no identity.
        identity = hash((self._name, None if parent is None else parent.identity)) or 1
        return _mode_inside(mode, BlockScope(self._name, "scope", parent, identity), self._code)


@overload
def scope(name: str) -> NamedBlock: ...


@overload
def scope(name: Thing) -> Thing: ...


def scope(name: str | Thing) -> NamedBlock | Thing:
    """Give what is computed in a block or a function a scope of its own, as a module does.

    Pictures draw a box for it. It is a block, `with scope("attention"):`, and a decorator of
    functions of any kind and of classes: `@scope("attention")`, or `@scope` for the name of the
    function. Scopes nest, belong to this thread or asynchronous task, and end with the block, also
    by an exception. While a decorated generator is suspended, its caller is outside; each time that
    it goes on is another run of the scope. A plain `with scope(…):` in a generator lasts until that
    block ends, for the caller too.

    Args:
        name: The name, or the function or class to decorate.

    Returns:
        The block, or the decorated function.

    Raises:
        OptionError: If the name is empty, or neither a name nor anything that can be decorated.

    Example:
        >>> from scalargrad import Value
        >>> with scope("attention"):
        ...     with scope("scores"):
        ...         y = Value(2.0) * 3
        >>> y.scope.path
        'attention.scores'
        >>> @scope
        ... def double(x):
        ...     return x * 2
        >>> double(Value(3.0)).scope
        Scope('double', scope)
    """
    if isinstance(name, str):
        if not name:
            raise OptionError('scope needs a name, as in scope("attention")')
        return NamedBlock(name)
    return NamedBlock("")(name)


@overload
def trace_calls(function: None = None) -> Switch: ...


@overload
def trace_calls(function: Thing) -> Thing: ...


def trace_calls(function: Thing | None = None) -> Thing | Switch:
    """Give each call of your functions a scope, and note the line that made each Value.

    Inside the block, or the decorated function, code without modules has a structure that can be
    seen: `value.scope` is a `CallScope` for the call that computed the Value, inside those of its
    callers, and `value.made_at` is the line with the variable that its result was given to, also of
    a leaf such as `x = Value(2.0)`. Calls are those of functions and methods in your own code that
    compute something. Installed packages, the standard library and scalargrad itself are left out,
    and a comprehension or a lambda is part of the function around it.

    It holds for this thread only, and for the asynchronous tasks that start inside. A generator or
    coroutine that goes on keeps its scope, as long as it is resumed from the same call. Profilers
    and debuggers are not disturbed. Outside of the block nothing is slower.

    Args:
        function: The function or class to decorate, when used as `@trace_calls`.

    Returns:
        The block, or the decorated function.

    Example:
        >>> import scalargrad as sg
        >>> def linear(x, w):
        ...     return sum(a * b for a, b in zip(x, w))
        >>> def score(x, w):
        ...     q = linear(x, w)
        ...     return q * q
        >>> with sg.trace_calls():
        ...     y = score([sg.Value(1.0)], [sg.Value(2.0)])
        >>> q = y.args[0]
        >>> y.scope.path, q.scope.path, q.scope.called_at.variable
        ('score', 'score.linear', 'q')
        >>> y.made_at.function, y.made_at.line, y.made_at.text
        ('score', 3, 'return q * q')
    """
    switch = Switch(_trace_calls)
    return switch if function is None else switch(function)


def _trace_calls(mode: Mode) -> Mode:
    calls = mode.calls
    if calls is None or not calls.is_of_this_thread():
        calls = CallStack(mode.scope)
    return Mode(mode.scope, mode.recording, mode.observers, mode.refuse, calls)


def observing(observer: Observer) -> Switch:
    """Return a block inside which `observer` is told of each operation and each backward pass."""

    def change(mode: Mode) -> Mode:
        observers = (*mode.observers, observer)
        return Mode(mode.scope, mode.recording, observers, mode.refuse, mode.calls)

    return Switch(change)


def unobserved() -> Switch:
    """Return a block without observers and without a trace, for results that are thrown away."""
    return Switch(lambda mode: Mode(mode.scope, mode.recording, ()))


def tracing(observer: Observer, refuse: Callable[[str], None]) -> Switch:
    """Return a block inside which a function is traced, in this context only.

    Other observers are not told of what is computed there: the numbers of a trace are only
    examples.

    Args:
        observer: The observer that is told of each operation.
        refuse: Called with a description when a Value is asked for its number. It raises.
    """
    return Switch(lambda mode: Mode(mode.scope, mode.recording, (observer,), refuse, mode.calls))


def is_tracing() -> bool:
    """Return whether a function is being traced in this context."""
    return _mode.get().refuse is not None


def check_question(what: str) -> None:
    """Refuse a question about the number of a Value while a function is traced in this context.

    Args:
        what: The question, in the words of the error.
    """
    refuse = _mode.get().refuse
    if refuse is not None:
        refuse(what)


def call_in_scope(
    method: Callable[..., Result],
    module: object,
    name: str,
    arguments: tuple[object, ...],
    options: dict[str, object],
    scope_class: type[Scope] = Scope,
) -> Result:
    """Call `method(*arguments, **options)`, and give every node it makes a scope of the module.

    Args:
        method: The method that computes, usually `forward`.
        module: The module that is called.
        name: Its name inside the caller.
        arguments: The arguments by position.
        options: The arguments by name.
        scope_class: StepScope where the name ends with the number of a step.

    Returns:
        What the method returns.
    """
    # Every call of every module comes through here, so this does without a Switch.
    mode = _mode.get()
    # Inside of another module it has been looked for already.
    if mode.scope is None or type(mode.scope) is BlockScope:
        warn_of_programs(module)
    kind = type(module).__name__
    if mode.calls is None:
        scope = scope_class(name, kind, mode.scope, id(module))
        token = _mode.set(Mode(scope, mode.recording, mode.observers, mode.refuse))
    else:
        scope = scope_class(name, kind, mode.current_scope(), id(module))
        token = _mode.set(_mode_inside(mode, scope, getattr(method, "__code__", None)))
    try:
        return method(*arguments, **options)
    finally:
        _mode.reset(token)
