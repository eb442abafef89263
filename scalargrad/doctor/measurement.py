"""Send samples through a copy of a network, and record what passes each layer and unit."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import isfinite

from scalargrad.core.conversion import plain
from scalargrad.core.graph import topological
from scalargrad.core.scopes import Scope
from scalargrad.core.value import Parameter, Value, backward
from scalargrad.nn import Module
from scalargrad.training.aliases import Loss, Prediction
from scalargrad.training.samples import Samples
from scalargrad.training.steps import check_loss

from .locations import LayerMap, Location, samples_by_scope
from .saturation import is_off, steepest, varying_operand

MAX_KEPT = 20_000
"""Graphs are kept for the picture until they have this many Values."""


@dataclass
class Unit:
    """What passed through one gate (activation); the lists have one entry for each call.

    Attributes:
        layer: Path of its layer.
        path: Path of its module.
        steepest: The largest slope that it can have.
        is_output: Whether it computes an output of the network.
        scopes: Paths of its calls, by which pictures know it.
        samples: The sample.
        sums: The pre-activation.
        slopes: The slope relative to the steepest.
        gradients: The gradient with respect to its output.
        off: Whether it was exactly 0 with slope 0.
    """

    layer: str
    path: str
    steepest: float
    is_output: bool = False
    scopes: dict[str, None] = field(default_factory=dict)
    samples: list[int] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    slopes: list[float] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)
    off: list[bool] = field(default_factory=list)

    @property
    def rests(self) -> bool:
        """Whether it was off for all samples."""
        return all(self.off)


@dataclass
class Flow:
    """What passed out of a layer and back into it.

    Attributes:
        outputs: Its outputs.
        squares: Squared norm of the gradient with respect to its outputs, by sample.
    """

    outputs: list[float] = field(default_factory=list)
    squares: dict[int, float] = field(default_factory=lambda: defaultdict(float))


class Measurement:
    """Forward and backward passes of samples, one by one, or together if something needs batches.

    Attributes:
        model: The measured copy, with the gradient of the mean loss on its parameters.
        loss: A function (prediction, target).
        layer_map: The layers of the model.
        losses: Loss of each sample.
        units: Every gate, by layer, path and number in its module.
        flows: Every layer that has outputs, in the order of the forward pass.
        features: For each input by name, the samples and their numbers.
        roots: Losses whose graphs were kept.
    """

    def __init__(self, model: Module, loss: Loss) -> None:
        # A copy: gradients, buffers and generators of the user's model stay as they are.
        self.model = deepcopy(model).train()
        self.loss = loss
        self.layer_map = LayerMap(self.model)
        self.losses: list[float] = []
        self.units: dict[tuple[str, str, int], Unit] = {}
        self.flows: dict[str, Flow] = {}
        self.features: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.roots: list[Value] = []
        self._kept = 0

    def run(self, samples: Samples) -> None:
        """Measure these samples in order, and name each by its index in the user's X."""
        self.model.zero_grad()
        inputs, targets = samples.inputs, samples.targets
        rows = [samples.original_index(i) for i in range(len(inputs))]
        if self.model.needs_batch:
            outputs = self.model.batch(inputs)
            losses = [
                check_loss(self.loss(output, target))
                for output, target in zip(outputs, targets, strict=True)
            ]
            self._measure(losses, outputs, rows, None)
            return

        for row, x, target in zip(rows, inputs, targets, strict=True):
            output = self.model(x)
            loss = check_loss(self.loss(output, target))
            self._measure([loss], [output], rows, row)

    def _measure(
        self, losses: list[Value], outputs: list[Prediction], rows: list[int], row: int | None
    ) -> None:
        backward(losses, [1.0 / len(rows)] * len(losses))
        order = topological(losses)
        if not self.losses:
            self.layer_map.find_chains(order)
        self.losses += [loss.data for loss in losses]

        output_ids = {id(value) for value in _flatten(outputs)}
        _GraphReader(self, order, output_ids, rows, row).read()
        if self._kept < MAX_KEPT:
            self.roots += losses
            self._kept += len(order)

    def parameters(self) -> dict[str, list[Parameter]]:
        """Return the parameters of every layer that has any."""
        by_layer: dict[str, list[Parameter]] = defaultdict(list)
        for name, parameter in self.model.named_parameters():
            module = self.layer_map.parent(name)
            by_layer[self.layer_map.layer(module)].append(parameter)
        return by_layer

    def locate_layers(self, order: Sequence[Value]) -> dict[int, str]:
        """Return the layer of every Value that was computed in the network, by its id.

        Args:
            order: The graph of one sample, or of a batch that was computed together.
        """
        reader = _GraphReader(self, list(order), set(), list(range(len(self.losses))), 0)
        layers: dict[int, str] = {}
        for node in order:
            location = reader.locate(node) if node.args else None
            if location is not None:
                layers[id(node)] = location.layer
        return layers

    @property
    def mean_loss(self) -> float:
        """Mean loss of the samples."""
        return sum(self.losses) / len(self.losses)

    @property
    def finite(self) -> bool:
        """Whether all losses and all gradients are finite."""
        if not all(map(isfinite, self.losses)):
            return False
        gradients = [plain(parameter.grad) for parameter in self.model.parameters()]
        return all(map(isfinite, gradients))


class _GraphReader:
    """Reads one graph into a Measurement."""

    def __init__(
        self,
        measurement: Measurement,
        order: list[Value],
        outputs: set[int],
        rows: list[int],
        row: int | None,
    ) -> None:
        self.measurement = measurement
        self.order = order
        self.outputs = outputs
        self.count = len(rows)
        self._row = row
        self._rows = {}
        if row is None:
            places = samples_by_scope(order, len(rows))
            self._rows = {scope: rows[i] if i >= 0 else i for scope, i in places.items()}
        self._locations: dict[int, Location | None] = {}
        self._gate_counts: dict[int, int] = defaultdict(int)

    def locate(self, node: Value) -> Location | None:
        """Return where a node was computed; None if it was outside the network."""
        scope = node.scope
        if scope is None:
            return None
        key = id(scope)
        if key not in self._locations:
            self._locations[key] = self._locate_scope(scope)
        return self._locations[key]

    def _locate_scope(self, scope: Scope) -> Location | None:
        model = id(self.measurement.model)
        if not any(outer.identity == model for outer in scope.chain()):
            return None
        row = self._rows[id(scope)] if self._row is None else self._row
        return self.measurement.layer_map.locate(scope, row)

    def read(self) -> None:
        """Record gates, outputs of layers, and inputs."""
        seen: set[int] = set()
        for node in self.order:
            location = self.locate(node) if node.args else None
            for arg in node.args:
                if id(arg) in seen:
                    continue
                # What leaves a layer is what another one, or the loss, takes as operand.
                source = self.locate(arg) if arg.args else None
                if source and (location is None or location.layer != source.layer):
                    seen.add(id(arg))
                    self._add_flow(arg, source)
                elif location and arg.kind == "input" and not arg.args:
                    seen.add(id(arg))
                    numbers = self.measurement.features[arg.label or "inputs"]
                    numbers.append((location.sample, arg.data))
            if location:
                self._add_gate(node, location)

    def _add_flow(self, node: Value, location: Location) -> None:
        flow = self.measurement.flows.setdefault(location.layer, Flow())
        flow.outputs.append(node.data)
        # The pass was seeded with 1 / count, and the gradient meant is that of one sample's loss.
        gradient = plain(node.grad) * self.count
        flow.squares[location.sample] += gradient * gradient  # ** would raise on overflow

    def _add_gate(self, node: Value, location: Location) -> None:
        best = steepest(node)
        if best is None:
            return
        # Gates of one call are told apart by their order, which is the same for every call.
        call = id(node.scope)
        number = self._gate_counts[call]
        self._gate_counts[call] += 1
        key = (location.layer, location.unit, number)
        new = Unit(location.layer, location.unit, best)
        unit = self.measurement.units.setdefault(key, new)
        if id(node) in self.outputs:
            unit.is_output = True

        arg, partial = varying_operand(node)
        slope = float(partial != 0.0)
        if best > 0.0:
            slope = abs(partial) / best
        gradient = plain(node.grad) * self.count
        unit.scopes[location.scope] = None
        unit.samples.append(location.sample)
        unit.sums.append(arg.data)
        unit.slopes.append(slope)
        unit.gradients.append(gradient)
        unit.off.append(is_off(node, partial))


def _flatten(outputs: Prediction) -> Iterator[Value]:
    if isinstance(outputs, Value):
        yield outputs
    elif isinstance(outputs, Iterable) and not isinstance(outputs, str):
        for part in outputs:
            yield from _flatten(part)
