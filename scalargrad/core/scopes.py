"""Scopes: the calls of modules and functions, and the named blocks, that computed a Value."""

from typing import ClassVar

from .source_lines import CodePlace, SourceLine


class Scope:
    """One call of a module; the classes derived from it are for functions and named blocks.

    The module itself is not kept: a node that belongs to it would close a reference cycle.

    Attributes:
        name: The name of the module inside its parent.
        kind: The name of its class.
        parent: The scope that it was called from.
        identity: The same number for all calls of one module.
        is_module: Whether it is the call of a module.

    Example:
        >>> Scope("neurons.3", "Neuron", Scope("layers.0", "Layer", None)).path
        'layers.0.neurons.3'
    """

    __slots__ = ("identity", "kind", "name", "parent")
    is_module: ClassVar[bool] = True

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

    def outermost_module(self) -> "Scope | None":
        """Return the outermost call of a module among this scope and those around it."""
        return next((scope for scope in self.chain() if scope.is_module), None)

    @property
    def path(self) -> str:
        """The names of all scopes from the outermost to this one, joined by dots."""
        return ".".join(scope.name for scope in self.chain() if scope.name)

    def twin(self, name: str, parent: "Scope | None") -> "Scope":
        """Return the same scope under another name or in another parent."""
        return type(self)(name, self.kind, parent, self.identity)


class StepScope(Scope):
    """One call of a module in a step of a loop. Its name ends with the number of the step."""

    __slots__ = ()


class BlockScope(Scope):
    """One run of a block or a function that `scope` names. Its kind is "scope".

    The identity is the same for all runs of a name within scopes of one identity.
    """

    __slots__ = ()
    is_module = False


class CallScope(Scope):
    """One call of a function, inside `trace_calls`.

    The `name` is that of the function, the `kind` with the names of its classes, and the `identity`
    is the same for calls from one place in the code, within scopes of one identity: those of a loop
    can be folded into one, and two lines that call one function are kept apart.

    A method `__call__` or `forward` has the class of its object for its name and its kind.

    Attributes:
        place: The place in the code that called it, None where only installed code did.
        self_id: The `id` of the object whose method it is, 0 for any other function.

    Example:
        >>> call = CallScope("linear", "Model.linear", None)
        >>> call.name, call.kind, call.called_at
        ('linear', 'Model.linear', None)
    """

    __slots__ = ("place", "self_id")
    is_module = False

    def __init__(
        self,
        name: str,
        kind: str,
        parent: Scope | None,
        identity: int = 0,
        place: CodePlace | None = None,
        self_id: int = 0,
    ) -> None:
        super().__init__(name, kind, parent, identity)
        self.place = place
        self.self_id = self_id

    @property
    def called_at(self) -> SourceLine | None:
        """The line that called it, and the variable that its result was given to."""
        return None if self.place is None else self.place.source_line

    def twin(self, name: str, parent: Scope | None) -> "CallScope":
        """Return the same call under another name or in another parent."""
        return CallScope(name, self.kind, parent, self.identity, self.place, self.self_id)
