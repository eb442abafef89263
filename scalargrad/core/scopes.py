"""Scopes: the calls of modules and functions, and the named blocks, that computed a Value."""

from .source_lines import CodePlace, SourceLine


class Scope:
    """One call of a module, or one run of a block that `scope` names.

    The module itself is not kept: a node that belongs to it would close a reference cycle.

    Attributes:
        name: The name of the module inside its parent, or of the block.
        kind: The name of its class; "scope" for a block.
        parent: The scope that it was called from.
        identity: The same number for all calls of one module, and for all runs of one block.

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

    def twin(self, name: str, parent: "Scope | None") -> "Scope":
        """Return the same scope under another name or in another parent."""
        return type(self)(name, self.kind, parent, self.identity)


class StepScope(Scope):
    """One call of a module in a step of a loop. Its name ends with the number of the step."""

    __slots__ = ()


class CallScope(Scope):
    """One call of a function, inside `trace_calls`.

    The `name` is that of the function, the `kind` with the names of its classes, and the `identity`
    is the same for calls from one line of code, itself run from the same lines: those of a loop can
    be folded into one, and two lines that call one function are kept apart.

    Attributes:
        place: The place in the code that called it, None where only installed code did.

    Example:
        >>> call = CallScope("linear", "Model.linear", None)
        >>> call.name, call.kind, call.called_at
        ('linear', 'Model.linear', None)
    """

    __slots__ = ("place",)

    def __init__(
        self,
        name: str,
        kind: str,
        parent: Scope | None,
        identity: int = 0,
        place: CodePlace | None = None,
    ) -> None:
        super().__init__(name, kind, parent, identity)
        self.place = place

    @property
    def called_at(self) -> SourceLine | None:
        """The line that called it, and the variable that its result was given to."""
        return None if self.place is None else self.place.source_line

    def twin(self, name: str, parent: Scope | None) -> "CallScope":
        """Return the same call under another name or in another parent."""
        return CallScope(name, self.kind, parent, self.identity, self.place)
