"""What surrounds a computation: the module scope, whether a graph is recorded, and who watches each new node.

All of it is one immutable `Mode` in a context variable: safe over threads and asynchronous tasks, and one look-up per node.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


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

    __slots__ = ("observers", "recording", "refuse", "scope")

    def __init__(
        self,
        scope: Scope | None,
        recording: bool,
        observers: tuple[Observer, ...],
        refuse: Callable[[str], None] | None = None,
    ) -> None:
        self.scope, self.recording, self.observers, self.refuse = scope, recording, observers, refuse


_mode: ContextVar[Mode] = ContextVar("scalargrad.mode", default=Mode(None, True, ()))  # noqa: B039 - immutable
current_mode = _mode.get


@contextmanager
def _entered(mode: Mode) -> Iterator[None]:
    token = _mode.set(mode)
    try:
        yield
    finally:
        _mode.reset(token)


def no_grad() -> Any:
    """Inside `with no_grad():` results are plain leaves: no graph is built.

    Holds for this thread (and asynchronous task) only, and ends when the block ends, by an exception too.
    Also usable as a decorator.

    >>> from scalargrad import Value
    >>> with no_grad():
    ...     y = Value(3.0) * 2
    >>> y.args
    ()
    """
    return _switched(lambda mode: Mode(mode.scope, False, mode.observers, mode.refuse))


def enable_grad() -> Any:
    """Inside `with enable_grad():` graphs are built again, within a `no_grad()` block too."""
    return _switched(lambda mode: Mode(mode.scope, True, mode.observers, mode.refuse))


def observing(observer: Observer) -> Any:
    """Inside the block, `observer` is told of each operation and of each backward pass."""
    return _switched(lambda mode: Mode(mode.scope, mode.recording, (*mode.observers, observer), mode.refuse))


@contextmanager
def tracing(observer: Observer, refuse: Callable[[str], None]) -> Iterator[None]:
    """Inside the block a function is recorded, in this context only.

    Others who observe are not told: the numbers of a recording are examples, computed for nobody.

    Args:
        observer: Who is told of each operation.
        refuse: What is called, with a description, when a Value is asked for its number. It raises.
    """
    mode = current_mode()
    with _entered(Mode(mode.scope, mode.recording, (observer,), refuse)):
        yield


def is_tracing() -> bool:
    """Return whether this context records a function, so that no Value may tell its number."""
    return _mode.get().refuse is not None


@contextmanager
def _switched(change: Callable[[Mode], Mode]) -> Iterator[None]:
    with _entered(change(current_mode())):
        yield


def check_question(what: str) -> None:
    """Refuse a question about the number of a Value while this context traces a function.

    Args:
        what: The question, in the words of the error.
    """
    refuse = _mode.get().refuse
    if refuse is not None:
        refuse(what)


def call_in_scope(method: Callable[..., Any], module: Any, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """`method(*arguments, **options)`, every node it makes marked with a new scope of the module. One per module call: kept lean."""
    mode = _mode.get()
    scope = Scope(name, type(module).__name__, mode.scope, id(module))
    token = _mode.set(Mode(scope, mode.recording, mode.observers, mode.refuse))
    try:
        return method(*arguments, **options)
    finally:
        _mode.reset(token)
