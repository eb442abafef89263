"""The examination: samples go forward and back through a copy of the network, and what passes each layer and unit is written down."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from scalargrad.core.conversion import plain
from scalargrad.core.graph import topological
from scalargrad.core.value import Parameter, Value, backward
from scalargrad.nn import Module
from scalargrad.training.steps import check_loss

from .locations import Place, Plan, samples_by_scope
from .saturation import entering, is_off, steepest

KEPT = 20_000
"""Graphs are kept for the picture until they have so many Values."""


@dataclass
class Unit:
    """What went through one gate: for each call the sample, the sum that came in, the slope by the steepest, whether it was off.

    layer, path  where it stands
    steepest     the largest slope that the gate can have
    scopes       the paths of its calls, by which pictures know it
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
    """What came out of a layer, and the squared norm of the gradient that came back to it, for each sample."""

    outputs: list[float] = field(default_factory=list)
    squares: dict[int, float] = field(default_factory=lambda: defaultdict(float))


class Measurement:
    """Forward and back, once for each sample, or for all together where something looks at the whole batch.

    model     the copy that was examined, with the gradient of the mean loss on its parameters
    losses    of each sample
    units     every gate, by layer, path and number in its module
    flows     every layer that has outputs, in the order of the forward pass
    features  the inputs by name: for each the samples and their numbers
    roots     losses whose graphs were kept
    """

    def __init__(self, model: Module, loss: Callable[[Any, Any], Any]) -> None:
        self.model, self.loss = deepcopy(model).train(), loss
        self.plan = Plan(self.model)
        self.losses: list[float] = []
        self.units: dict[tuple[str, str, int], Unit] = {}
        self.flows: dict[str, Flow] = {}
        self.features: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.roots: list[Value] = []
        self._kept = 0

    def run(self, inputs: Sequence[Any], targets: Sequence[Any]) -> None:
        """Examine these samples, in the order given."""
        self.model.zero_grad()
        if self.model.needs_batch:
            outputs = self.model.batch(inputs)
            self._look(
                [check_loss(self.loss(p, t)) for p, t in zip(outputs, targets, strict=True)],
                outputs,
                len(inputs),
                None,
            )
        else:
            for i, (x, target) in enumerate(zip(inputs, targets, strict=True)):
                output = self.model(x)
                self._look([check_loss(self.loss(output, target))], [output], len(inputs), i)

    def _look(
        self, losses: list[Value], outputs: list[Any], count: int, sample: int | None
    ) -> None:
        backward(losses, [1.0 / count] * len(losses))
        order = topological(losses)
        if not self.losses:
            self.plan.learn(order)
        self.losses += [loss.data for loss in losses]
        _Look(self, order, {id(value) for value in _flat(outputs)}, count, sample).everything()
        if self._kept < KEPT:
            self.roots += losses
            self._kept += len(order)

    def parameters(self) -> dict[str, list[Parameter]]:
        """The parameters of every layer that has some of its own."""
        found: dict[str, list[Parameter]] = defaultdict(list)
        for name, parameter in self.model.named_parameters():
            found[self.plan.layer(self.plan.around(name))].append(parameter)
        return found

    def layers_of(self, order: Sequence[Value]) -> dict[int, str]:
        """The layer of every Value of a graph that was computed in the network, by its id.

        The graph is that of a sample, or of a batch that goes through together.
        """
        look = _Look(self, list(order), set(), len(self.losses), 0)
        places = {id(node): look.place(node) for node in order if node.args}
        return {key: place.layer for key, place in places.items() if place is not None}

    @property
    def finite(self) -> bool:
        """Whether all losses and all gradients are numbers."""
        return all(map(isfinite, self.losses)) and all(
            isfinite(plain(parameter.grad)) for parameter in self.model.parameters()
        )


class _Look:
    """One graph being looked at."""

    def __init__(
        self,
        examination: Measurement,
        order: list[Value],
        outputs: set[int],
        count: int,
        sample: int | None,
    ) -> None:
        self.metadata, self.order, self.outputs, self.count = examination, order, outputs, count
        self._sample, self._samples = (
            sample,
            samples_by_scope(order, count) if sample is None else {},
        )
        self._places: dict[int, Place | None] = {}
        self._gates: dict[int, int] = defaultdict(int)

    def place(self, node: Value) -> Place | None:
        """Where a node was computed; None for what is no part of the network."""
        scope = node.scope
        if scope is None:
            return None
        if id(scope) not in self._places:
            inside = any(around.identity == id(self.metadata.model) for around in scope.chain())
            sample = self._samples[id(scope)] if self._sample is None else self._sample
            self._places[id(scope)] = self.metadata.plan.place(scope, sample) if inside else None
        return self._places[id(scope)]

    def everything(self) -> None:
        """Gates, what comes out of layers, and inputs."""
        seen: set[int] = set()
        for node in self.order:
            place = self.place(node) if node.args else None
            for arg in node.args:
                before = self.place(arg) if arg.args else None
                if (
                    id(arg) not in seen
                    and before
                    and (place is None or place.layer != before.layer)
                ):
                    seen.add(id(arg))
                    self._flow(arg, before)
                elif place and arg.kind == "input" and not arg.args and id(arg) not in seen:
                    seen.add(id(arg))
                    self.metadata.features[arg.label or "inputs"].append((place.sample, arg.data))
            if place:
                self._gate(node, place)

    def _flow(self, node: Value, place: Place) -> None:
        flow = self.metadata.flows.setdefault(place.layer, Flow())
        flow.outputs.append(node.data)
        gradient = plain(node.grad) * self.count
        flow.squares[place.sample] += gradient * gradient  # ** would raise where this overflows

    def _gate(self, node: Value, place: Place) -> None:
        best = steepest(node)
        if best is None:
            return
        number = self._gates[id(node.scope)]
        self._gates[id(node.scope)] += 1
        unit = self.metadata.units.setdefault(
            (place.layer, place.unit, number), Unit(place.layer, place.unit, best)
        )
        arg, partial = entering(node)
        unit.is_output = unit.is_output or id(node) in self.outputs
        unit.scopes[place.scope] = None
        unit.samples.append(place.sample)
        unit.sums.append(arg.data)
        unit.slopes.append(abs(partial) / best if best > 0.0 else float(partial != 0.0))
        unit.gradients.append(plain(node.grad) * self.count)
        unit.off.append(is_off(node, partial))


def _flat(outputs: Any) -> Iterable[Value]:
    if isinstance(outputs, Value):
        yield outputs
    elif isinstance(outputs, Iterable) and not isinstance(outputs, str):
        for part in outputs:
            yield from _flat(part)
