"""Places: in which layer, in which unit of it, and for which sample each Value was computed, told from scopes alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from scalargrad.core.modes import Scope
from scalargrad.core.value import Value
from scalargrad.nn import Module, Neuron


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Value was computed.

    layer   path of the layer, "" for the network itself
    unit    path of the neuron, filter or feature
    scope   path of the call: for a filter it has the position, for a recurrent cell the step
    sample  index of the sample, -1 for what belongs to several
    """

    layer: str
    unit: str
    scope: str
    sample: int


class Plan:
    """The modules of a network, and which of them are units that stand side by side in a layer."""

    def __init__(self, model: Module) -> None:
        self.modules = dict(model.named_modules())
        self.paths = {id(module): path for path, module in self.modules.items()}
        self._chained: set[str] = set()
        self._layers: dict[str, str] = {}

    def learn(self, order: Sequence[Value]) -> None:
        """Look at one graph for modules inside of one call that feed each other: those are layers, not units side by side."""
        for node in order:
            for arg in node.args:
                if node.scope is not None and arg.scope is not None and node.scope is not arg.scope:
                    self._learn_edge(arg.scope, node.scope)

    def _learn_edge(self, source: Scope, target: Scope) -> None:
        if source.parent is target.parent and source.identity != target.identity:
            self._chained.add(self.around(self.module(target)))

    def module(self, scope: Scope) -> str:
        """The path of the module that a scope belongs to; of a twin (a thinned layer) that of the module it stands for."""
        if scope.identity in self.paths:
            return self.paths[scope.identity]
        if scope.path in self.modules or scope.parent is None:
            return scope.path if scope.path in self.modules else ""
        return self.module(scope.parent)

    def around(self, path: str) -> str:
        """The path of the module around another."""
        parts = path.split(".")
        found = [".".join(parts[:i]) for i in range(len(parts) - 1, 0, -1)]
        return next((outer for outer in found if outer in self.modules), "")

    def layer(self, path: str) -> str:
        """The layer that a module is, or is a unit of."""
        if path not in self._layers:
            outer = self.around(path)
            unit = bool(path) and outer not in self._chained and self._is_unit(path, outer)
            self._layers[path] = outer if unit else path
        return self._layers[path]

    def _is_unit(self, path: str, outer: str) -> bool:
        """Whether it holds no modules, and stands in a list of modules of its class, within a layer."""
        if any(True for _ in self.modules[path].children()):
            return False
        beside, _, number = path.removeprefix(f"{outer}.").rpartition(".")
        kinds = {
            type(module)
            for own, module in self.modules[outer].children()
            if own.rpartition(".")[0] == beside
        }
        return (
            number.isdigit()
            and len(kinds) == 1
            and (bool(outer) or isinstance(self.modules[path], Neuron))
        )

    def place(self, scope: Scope, sample: int) -> Place:
        """The place of what was computed in a scope."""
        path = self.module(scope)
        layer, parent = self.layer(path), scope.parent
        inner = (
            parent is not None and parent.identity == scope.identity
        )  # a module's own scopes for its features
        return Place(layer, f"{path}.{scope.name}" if inner else path, scope.path, sample)


def samples_by_scope(order: Sequence[Value], count: int) -> dict[int, int]:
    """The sample that each scope of a batch's graph belongs to, by the scope's id: calls of a module come sample after sample."""
    calls: dict[str, dict[int, None]] = {}
    for scope in dict.fromkeys(node.scope for node in order if node.scope is not None):
        calls.setdefault(scope.path, {})[id(scope)] = None
    found: dict[int, int] = {}
    for scopes in calls.values():
        whole = len(scopes) % count == 0
        found.update(
            {scope: i * count // len(scopes) if whole else -1 for i, scope in enumerate(scopes)}
        )
    return found
