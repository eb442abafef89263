"""What surrounds a computation: the module scope, whether a graph is recorded, and who watches each new node.

All of it is one immutable `Mode` in a context variable: safe over threads and asynchronous tasks, and one look-up per node.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from scalargrad.utils.decorators import decorated


class Observer(Protocol):
    """Someone who watches graphs grow and gradients flow: an anomaly detector, a tape."""

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:
        """An operation was computed. Inside `no_grad` the node itself holds only the number."""

    def went_back(self, order: list[Any]) -> None:
        """A backward pass went over these nodes, which come operands first."""


class Scope:
    """One call of a module: its name inside the caller, its kind (the class), the scope that it was called from.

    `identity` is the same number for all calls of one module. The module itself is not kept: that could make a cycle.

    >>> Scope("neurons.3", "Neuron", Scope("layers.0", "Layer", None)).path
    'layers.0.neurons.3'
    """

    __slots__ = ("identity", "kind", "name", "parent")

    def __init__(self, name: str, kind: str, parent: "Scope | None", identity: int = 0) -> None:
        self.name, self.kind, self.parent, self.identity = name, kind, parent, identity

    def __repr__(self) -> str:
        return f"Scope({self.path!r}, {self.kind})"

    def chain(self) -> list["Scope"]:
        """This scope and those around it, the outermost first."""
        scopes: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            scopes.append(scope)
            scope = scope.parent
        return scopes[::-1]

    @property
    def path(self) -> str:
        """The names from the outermost scope to this one, joined by dots."""
        return ".".join(scope.name for scope in self.chain() if scope.name)


class Mode:
    """The surroundings of a computation, never changed once made.

    Attributes:
        scope: The module call that new nodes belong to.
        recording: Whether operations keep their operands.
        observers: Those who are told of new nodes and backward passes.
        refuse: What is called with a description whenever somebody asks a Value for its number,
            None outside of a trace. It raises: the answer would hold for one sample only.
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
        self.scope, self.recording, self.observers, self.refuse = (
            scope,
            recording,
            observers,
            refuse,
        )
        self.below = self.switch = None


_mode: ContextVar[Mode] = ContextVar("scalargrad.mode", default=Mode(None, True, ()))  # noqa: B039 - immutable
current_mode = _mode.get


class Switch:
    """A change of the mode: for a `with` block, or for whatever is decorated with it.

    The modes that switches made are linked, each to the one below it. So a block that ends takes back
    its own change only, and those of the blocks that began after it stay: generators may leave their
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
        if below is not None:  # else the module call around it is over
            _mode.set(_stacked(below, above))

    def __call__(self, thing: Any) -> Any:
        """Return `thing`, a function of any sort or a class, with the mode changed while it runs."""
        return decorated(thing, self)

    def suspend(self) -> "list[Switch]":
        """End the block for a while, and return the switches that are on inside of it, in order."""
        below, above = self._around()
        if below is None:
            return []
        _mode.set(below)
        return above

    def resume(self, above: "Sequence[Switch]") -> None:
        """Begin the block again, with the switches that were on inside of it."""
        _mode.set(_stacked(_mode.get(), [self, *above]))

    def _over(self, mode: Mode) -> Mode:
        changed = self._change(mode)
        changed.below, changed.switch = mode, self
        return changed

    def _around(self) -> "tuple[Mode | None, list[Switch]]":
        """The mode around the innermost block of this switch, and the switches inside of that, in order."""
        above: list[Switch] = []
        mode: Mode | None = _mode.get()
        while mode is not None and mode.switch is not self:
            if mode.switch is not None:
                above.append(mode.switch)
            mode = mode.below
        if mode is None:
            return None, []
        return mode.below, above[::-1]


def _stacked(mode: Mode, switches: Sequence[Switch]) -> Mode:
    for switch in switches:
        mode = switch._over(mode)
    return mode


def no_grad(function: Any = None) -> Any:
    """Compute without keeping a graph: inside `with no_grad():` results are plain leaves.

    Holds for this thread (and asynchronous task) only, and ends when the block ends, by an exception
    too. Such a result has no graph, so its `backward()` is an error.

    Also a decorator, `@no_grad` or `@no_grad()`, of functions, methods, generators, asynchronous
    functions and generators, and of classes, where it holds for every method. While a decorated
    generator waits, its caller is outside of the block. A plain `with no_grad():` in a generator lasts
    until that block ends, for the caller too; several such generators may end in any order, and after
    the last of them graphs are kept again.

    Args:
        function: What to decorate, when it is used as `@no_grad`.

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
    switch = _switched(lambda mode: Mode(mode.scope, False, mode.observers, mode.refuse))
    return switch if function is None else switch(function)


def enable_grad(function: Any = None) -> Any:
    """Keep graphs again, within a `no_grad()` block too: a block or a decorator, as `no_grad` is.

    Args:
        function: What to decorate, when it is used as `@enable_grad`.

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
    switch = _switched(lambda mode: Mode(mode.scope, True, mode.observers, mode.refuse))
    return switch if function is None else switch(function)


def observing(observer: Observer) -> Any:
    """Inside the block, `observer` is told of each operation and of each backward pass."""
    return _switched(
        lambda mode: Mode(mode.scope, mode.recording, (*mode.observers, observer), mode.refuse)
    )


def unobserved() -> Any:
    """Inside the block nobody is told of operations or asked about numbers: what is computed there is thrown away."""
    return _switched(lambda mode: Mode(mode.scope, mode.recording, ()))


def tracing(observer: Observer, refuse: Callable[[str], None]) -> Any:
    """Inside the block a function is recorded, in this context only.

    Others who observe are not told: the numbers of a recording are examples, computed for nobody.

    Args:
        observer: Who is told of each operation.
        refuse: What is called, with a description, when a Value is asked for its number. It raises.
    """
    return _switched(lambda mode: Mode(mode.scope, mode.recording, (observer,), refuse))


def is_tracing() -> bool:
    """Return whether this context records a function, so that no Value may tell its number."""
    return _mode.get().refuse is not None


def _switched(change: Callable[[Mode], Mode]) -> Switch:
    return Switch(change)


def check_question(what: str) -> None:
    """Refuse a question about the number of a Value while this context traces a function.

    Args:
        what: The question, in the words of the error.
    """
    refuse = _mode.get().refuse
    if refuse is not None:
        refuse(what)


def call_in_scope(
    method: Callable[..., Any],
    module: Any,
    name: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    """`method(*arguments, **options)`, every node it makes marked with a new scope of the module. One per module call: kept lean."""
    mode = _mode.get()
    scope = Scope(name, type(module).__name__, mode.scope, id(module))
    token = _mode.set(Mode(scope, mode.recording, mode.observers, mode.refuse))
    try:
        return method(*arguments, **options)
    finally:
        _mode.reset(token)
