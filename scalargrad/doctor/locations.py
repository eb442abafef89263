"""Find in which layer, in which unit, and for which sample each Value was computed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from scalargrad.core.scopes import Scope
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
            target = node.scope
            if target is None:
                continue
            for arg in node.args:
                source = arg.scope
                if source is not None and source is not target:
                    self._add_edge(source, target)

    def _add_edge(self, source: Scope, target: Scope) -> None:
        is_sibling = source.parent is target.parent
        # A module may feed itself, as a recurrent cell does from step to step.
        if is_sibling and source.identity != target.identity:
            module = self.module(target)
            self._chained.add(self.parent(module))

    def module(self, scope: Scope) -> str:
        """Return the path of the module that a scope belongs to.

        For a module that replaces another during a call, as in a thinned layer, that is the path
        of the module it replaces.
        """
        if scope.identity in self.paths:
            return self.paths[scope.identity]
        if scope.path in self.modules:
            return scope.path
        if scope.parent is None:
            return ""
        return self.module(scope.parent)

    def parent(self, path: str) -> str:
        """Return the path of the module that contains another."""
        # Step by step: a module may be in a list or a dict, which is not a module itself.
        outer, _, _ = path.rpartition(".")
        while outer and outer not in self.modules:
            outer, _, _ = outer.rpartition(".")
        return outer

    def layer(self, path: str) -> str:
        """Return the path of the layer that a module is, or is a unit of."""
        if path not in self._layers:
            outer = self.parent(path)
            may_be_unit = path != "" and outer not in self._chained
            is_unit = may_be_unit and self._is_unit(path, outer)
            self._layers[path] = outer if is_unit else path
        return self._layers[path]

    def _is_unit(self, path: str, outer: str) -> bool:
        """Tell whether a module has no submodules and is in a list of modules of its class."""
        module = self.modules[path]
        if any(True for _ in module.children()):
            return False
        # A list of modules that the network itself holds is one of layers, unless of neurons.
        if not outer and not isinstance(module, Neuron):
            return False

        own_list, _, number = path.removeprefix(f"{outer}.").rpartition(".")
        kinds = set()
        for name, sibling in self.modules[outer].children():
            its_list, _, _ = name.rpartition(".")
            if its_list == own_list:
                kinds.add(type(sibling))
        return number.isdigit() and len(kinds) == 1

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
    scopes = [node.scope for node in order if node.scope is not None]
    calls: dict[str, list[int]] = defaultdict(list)
    for scope in dict.fromkeys(scopes):
        calls[scope.path].append(id(scope))

    samples: dict[int, int] = {}
    for scope_ids in calls.values():
        total = len(scope_ids)
        is_equal = total % count == 0
        for i, scope_id in enumerate(scope_ids):
            samples[scope_id] = i * count // total if is_equal else -1
    return samples
