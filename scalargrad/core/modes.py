"""The context of a computation: module scope, whether a graph is recorded, observers of new nodes.

It is one immutable `Mode` in a context variable: safe with threads and asynchronous tasks, and a
single look-up per node.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

from scalargrad.utils.decorators import decorate

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


class Scope:
    """One call of a module.

    The module itself is not kept: a node that belongs to it would close a reference cycle.

    Attributes:
        name: The name of the module inside its parent.
        kind: The name of its class.
        parent: The scope that it was called from.
        identity: The same number for all calls of one module.

    Example:
        >>> Scope("neurons.3", "Neuron", Scope("layers.0", "Layer", None)).path
        'layers.0.neurons.3'
    """

    __slots__ = ("identity", "kind", "name", "parent")

    def __init__(self, name: str, kind: str, parent: "Scope | None", identity: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        self.identity = identity

    def __repr__(self) -> str:
        return f"Scope({self.path!r}, {self.kind})"

    def chain(self) -> list["Scope"]:
        """Return this scope and those around it, the outermost first."""
        scopes: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            scopes.append(scope)
            scope = scope.parent
        return scopes[::-1]

    @property
    def path(self) -> str:
        """The names of all scopes from the outermost to this one, joined by dots."""
        return ".".join(scope.name for scope in self.chain() if scope.name)


class StepScope(Scope):
    """One call of a module in a step of a loop. Its name ends with the number of the step."""

    __slots__ = ()


class Mode:
    """The context of a computation, never changed once it is in use.

    Attributes:
        scope: The module call that new nodes belong to.
        recording: Whether operations keep their operands.
        observers: Objects that are told of new nodes and backward passes.
        refuse: Called with a description whenever a Value is asked for its number while a function
            is traced, None outside of a trace. It raises: the answer would hold for one sample
            only.
        below: The mode around the block of `switch`.
        switch: The switch whose block this mode is for, if any.
    """

    __slots__ = ("below", "observers", "recording", "refuse", "scope", "switch")

    below: "Mode | None"
    switch: "Switch | None"

    def __init__(
        self,
        scope: Scope | None,
        recording: bool,
        observers: tuple[Observer, ...],
        refuse: Callable[[str], None] | None = None,
    ) -> None:
        self.scope = scope
        self.recording = recording
        self.observers = observers
        self.refuse = refuse
        self.below = None
        self.switch = None


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
    switch = Switch(lambda mode: Mode(mode.scope, False, mode.observers, mode.refuse))
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
    switch = Switch(lambda mode: Mode(mode.scope, True, mode.observers, mode.refuse))
    return switch if function is None else switch(function)


def observing(observer: Observer) -> Switch:
    """Return a block inside which `observer` is told of each operation and each backward pass."""
    return Switch(
        lambda mode: Mode(mode.scope, mode.recording, (*mode.observers, observer), mode.refuse)
    )


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
    return Switch(lambda mode: Mode(mode.scope, mode.recording, (observer,), refuse))


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
    scope = scope_class(name, type(module).__name__, mode.scope, id(module))
    token = _mode.set(Mode(scope, mode.recording, mode.observers, mode.refuse))
    try:
        return method(*arguments, **options)
    finally:
        _mode.reset(token)
