"""Find in which layer, in which unit, and for which sample each Value was computed."""

from collections.abc import Sequence
from dataclasses import dataclass

from scalargrad.core.modes import Scope
from scalargrad.core.value import Value
from scalargrad.nn import Module, Neuron


@dataclass(frozen=True, slots=True)
class Location:
    """Where a Value was computed.

    Attributes:
        layer: Path of the layer, "" for the network itself.
        unit: Path of the neuron, filter or feature.
        scope: Path of the call: for a filter with the position, for a recurrent cell with the step.
        sample: Index of the sample, -1 for a Value that belongs to several.
    """

    layer: str
    unit: str
    scope: str
    sample: int


class LayerMap:
    """The modules of a network, and which of them are parallel units of a layer.

    Attributes:
        modules: Modules by path.
        paths: Paths by the id of the module.
    """

    def __init__(self, model: Module) -> None:
        self.modules = dict(model.named_modules())
        self.paths = {id(module): path for path, module in self.modules.items()}
        self._chained: set[str] = set()
        self._layers: dict[str, str] = {}

    def find_chains(self, order: Sequence[Value]) -> None:
        """Find the modules whose submodules feed each other in a graph.

        Such submodules are layers; otherwise they may be parallel units of one layer.
        """
        for node in order:
            for arg in node.args:
                if node.scope is not None and arg.scope is not None and node.scope is not arg.scope:
                    self._add_edge(arg.scope, node.scope)

    def _add_edge(self, source: Scope, target: Scope) -> None:
        if source.parent is target.parent and source.identity != target.identity:
            self._chained.add(self.parent(self.module(target)))

    def module(self, scope: Scope) -> str:
        """Return the path of the module that a scope belongs to.

        For a module that replaces another during a call, as in a thinned layer, that is the path
        of the module it replaces.
        """
        if scope.identity in self.paths:
            return self.paths[scope.identity]
        if scope.path in self.modules:
            return scope.path
        return "" if scope.parent is None else self.module(scope.parent)

    def parent(self, path: str) -> str:
        """Return the path of the module that contains another."""
        parts = path.split(".")
        for length in range(len(parts) - 1, 0, -1):
            outer = ".".join(parts[:length])
            if outer in self.modules:
                return outer
        return ""

    def layer(self, path: str) -> str:
        """Return the path of the layer that a module is, or is a unit of."""
        if path not in self._layers:
            outer = self.parent(path)
            is_unit = bool(path) and outer not in self._chained and self._is_unit(path, outer)
            self._layers[path] = outer if is_unit else path
        return self._layers[path]

    def _is_unit(self, path: str, outer: str) -> bool:
        """Tell whether a module has no submodules and is in a list of modules of its class."""
        if any(True for _ in self.modules[path].children()):
            return False
        siblings, _, number = path.removeprefix(f"{outer}.").rpartition(".")
        kinds = {
            type(module)
            for name, module in self.modules[outer].children()
            if name.rpartition(".")[0] == siblings
        }
        in_layer = bool(outer) or isinstance(self.modules[path], Neuron)
        return number.isdigit() and len(kinds) == 1 and in_layer

    def locate(self, scope: Scope, sample: int) -> Location:
        """Return the location of what was computed in a scope."""
        path = self.module(scope)
        parent = scope.parent
        # A module opens scopes inside its own for its features.
        is_feature = parent is not None and parent.identity == scope.identity
        unit = f"{path}.{scope.name}" if is_feature else path
        return Location(self.layer(path), unit, scope.path, sample)


def samples_by_scope(order: Sequence[Value], count: int) -> dict[int, int]:
    """Return the sample that each scope in the graph of a batch belongs to, by the scope's id.

    The calls of a module come sample after sample, equally many for each.
    """
    calls: dict[str, dict[int, None]] = {}
    for scope in dict.fromkeys(node.scope for node in order if node.scope is not None):
        calls.setdefault(scope.path, {})[id(scope)] = None

    samples: dict[int, int] = {}
    for scopes in calls.values():
        divides = len(scopes) % count == 0
        for i, scope_id in enumerate(scopes):
            samples[scope_id] = i * count // len(scopes) if divides else -1
    return samples
