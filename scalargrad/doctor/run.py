"""`diagnose`: samples sent through a copy of a network, and what is wrong with it."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from copy import deepcopy
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy

from scalargrad.autodiff.anomaly import detect_anomaly
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import plain
from scalargrad.core.unlearned import examined
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import AnomalyError, DataError
from scalargrad.losses import loss_of
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.training.checks import try_out
from scalargrad.training.fitting import optimizer_of
from scalargrad.training.reading import leaves, place
from scalargrad.training.samples import Samples, samples_of
from scalargrad.utils.calls import explain_calls

from .checks import (
    check_gradients,
    check_inputs,
    check_units,
    gradient_norm,
    named_units,
    norm_back,
    resting,
)
from .diagnosis import Diagnosis, LayerReport
from .findings import KINDS, Finding
from .linear import check_collapsed
from .measurement import Examination
from .rate import check_rate
from .thresholds import Limits
from .twins import alike_layers, check_twins


@explain_calls
def diagnose(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Callable[[Any, Any], Any] | str = "mse",
    optimizer: Optimizer | str | None = None,
    most: int | None = 100,
    limits: Limits | None = None,
) -> Diagnosis:
    """What is wrong with a network: layer by layer, with unit, sample and number as evidence, and what to try.

    X, y       samples and targets, as for `fit`; a batch of what the network shall learn from
    loss       a function (prediction, target) of one sample, or the name of one of `losses`
    optimizer  the one that it shall be trained with, or a name: then its learning rate is put to the test
    most       how many samples are looked at, evenly chosen from all; None for all
    limits     from which numbers on something counts as ill

    It looks for: numbers that are not finite, no gradient, units that are copies of each other, linear layers in a row without an
    activation, exploding and vanishing gradients, a rate that is too high, dead and saturated units, inputs on very different scales.
    The network goes forward and back in training, as it would in `fit`, but as a copy: parameters, buffers, gradients, random
    generators and modes stay as they are, and so does the optimizer. What it sees are operations with one operand that can be flat; an
    activation put together from several operations shows in the table alone.

    The result prints as a table and sentences, is true when nothing was found, and `viz.draw` draws it.
    Raises DataError, LengthError or OptionError for arguments that can't be used.

    >>> from scalargrad.nn import MLP
    >>> model = MLP(1, [2, 1], activation="tanh", initializer="xavier", seed=0)
    >>> model.layers[0].neurons[1].bias.data = 9.0
    >>> X = [[x / 4.0] for x in range(-6, 7)]
    >>> diagnosis = diagnose(model, X, [x for x, in X])
    >>> bool(diagnosis), [(finding.kind, finding.where) for finding in diagnosis.findings]
    (False, [('saturated', 'layers.0.neurons.1')])
    """
    if not isinstance(model, Module):
        raise DataError(f"diagnose looks at a Module, not {type(model).__name__}")
    samples, indexes = _chosen(samples_of(X, y, finite=False), most)
    chosen = None if optimizer is None else optimizer_of(optimizer, model)
    visit = _Visit(model, samples, loss_of(loss), chosen, limits or Limits())
    found: Diagnosis = Context().run(visit.diagnosis)
    return replace(found, findings=tuple(_as_in_X(finding, indexes) for finding in found.findings))


class _Visit:
    """One network, examined."""

    def __init__(
        self,
        model: Module,
        samples: Samples,
        loss: Callable[[Any, Any], Any],
        optimizer: Optimizer | None,
        limits: Limits,
    ) -> None:
        self.model, self.samples, self.loss, self.optimizer, self.limits = (
            model,
            samples,
            loss,
            optimizer,
            limits,
        )
        self.examination = Examination(model, loss)

    def diagnosis(self) -> Diagnosis:
        """Everything, in surroundings of its own: no tape, no scope and no detector of the caller sees it."""
        with examined(), numpy.errstate(all="ignore"):
            try_out(self.examination.model, self.loss, self.samples)
            self.examination.run(self.samples.inputs, self.samples.targets)
            order = list(KINDS)
            return self._written(
                sorted(self._findings(), key=lambda finding: order.index(finding.kind))
            )

    def _written(self, findings: Sequence[Finding]) -> Diagnosis:
        losses = self.examination.losses
        return Diagnosis(
            findings=tuple(findings),
            layers=tuple(self._layers()),
            loss=sum(losses) / len(losses),
            samples=len(losses),
            remarks=tuple(self._remarks(findings)),
            marks=self._marks(findings),
            roots=self.examination.roots,
        )

    def _findings(self) -> list[Finding]:
        notes, limits = self.examination, self.limits
        if not notes.finite:
            return [self._not_finite(), *check_inputs(notes, limits)]
        findings = [
            *check_gradients(notes, limits),
            *check_units(notes, limits),
            *check_inputs(notes, limits),
        ]
        findings += [*check_twins(notes), *check_collapsed(notes)]
        if self.optimizer is not None:
            findings += check_rate(
                notes, self.model, self.optimizer, self.samples.inputs, self.samples.targets, limits
            )
        return findings

    def _not_finite(self) -> Finding:
        """The first number that is not finite, found on another copy, which draws the same random numbers."""
        found = self._not_finite_data()
        if found is not None:
            return found
        again, sample = Examination(self.model, self.loss), None
        try:
            with detect_anomaly():
                again.run(self.samples.inputs, self.samples.targets)
            text = "the loss or a gradient is not finite"
        except AnomalyError as error:
            text = str(error)
        if not again.model.needs_batch and len(again.losses) < len(self.samples):
            sample = len(again.losses)
            text = f"sample {sample}: {text}"
        loss = self.examination.losses[sample or 0]
        return Finding("not finite", "", text, {"loss": loss}, sample)

    def _not_finite_data(self) -> Finding | None:
        """A number of the data that is not finite, named by its place there."""
        for i, row in enumerate(self.samples.inputs):
            for what, item in (("X", row), ("y", self.samples.targets[i])):
                for path, leaf in leaves(item, (self.samples.place(i),)):
                    number = plain(leaf)
                    if isinstance(number, float) and not isfinite(number):
                        text = f"{place(what, path)} is {number!r}: leave that sample out or fill the gap"
                        return Finding(
                            "not finite", "", text, {"loss": self.examination.losses[i]}, i
                        )
        return None

    def _layers(self) -> list[LayerReport]:
        notes = self.examination
        units: dict[str, list[Any]] = {}
        for _, unit in named_units(notes):
            units.setdefault(unit.layer, []).append(unit)
        parameters = notes.parameters()
        paths = [path for path in parameters if path not in notes.flows] + [*notes.flows]
        paths += [path for path in units if path not in paths]
        return [
            self._layer(path, units.get(path, []), parameters.get(path, []))
            for path in paths
            if path in parameters or path in units
        ]

    def _layer(
        self, path: str, units: Sequence[Any], parameters: Sequence[Parameter]
    ) -> LayerReport:
        flow = self.examination.flows.get(path)
        slopes = [slope < self.limits.slope for unit in units for slope in unit.slopes]
        return LayerReport(
            path,
            len(units),
            float(numpy.mean(flow.outputs)) if flow else None,
            float(numpy.std(flow.outputs)) if flow else None,
            sum(slopes) / len(slopes) if slopes else None,
            sum(unit.rests for unit in units),
            norm_back(self.examination, path) if flow else None,
            gradient_norm(parameters) if parameters else None,
            len(parameters),
        )

    def _remarks(self, findings: Sequence[Finding]) -> list[str]:
        if len(self.samples) < self.limits.samples:
            return [
                f"units were not judged: {self.limits.samples:g} samples are needed, and there are {len(self.samples)}"
            ]
        remarks = self._alike(findings)
        dead = {finding.where for finding in findings if finding.kind == "dead"}
        quiet = [name for name in resting(self.examination) if name not in dead]
        if not quiet:
            return remarks
        more = f" and {len(quiet) - 3} more" if len(quiet) > 3 else ""
        return [*remarks, f"off for all samples, but near to life: {', '.join(quiet[:3])}{more}"]

    def _alike(self, findings: Sequence[Finding]) -> list[str]:
        paths = (
            []
            if any(finding.kind == "twins" for finding in findings)
            else alike_layers(self.examination)
        )
        if not paths:
            return []
        return [f"{', '.join(paths[:3])} hold the same numbers: was one seed given to all of them?"]

    def _marks(self, findings: Sequence[Finding]) -> Mapping[str, str]:
        ill = {
            finding.where: finding.kind
            for finding in findings
            if finding.kind in ("dead", "saturated")
        }
        words: dict[str, list[str]] = {}
        for name, unit in named_units(self.examination):
            for scope in unit.scopes:
                words.setdefault(scope, []).append(ill.get(name, ""))
        return {scope: _word(own) for scope, own in words.items() if any(own)}


def _word(kinds: Sequence[str]) -> str:
    """What the activations of one module suffer from: "dead", or "2 dead" where it has others.

    >>> _word(["dead"]), _word(["", "dead", ""])
    ('dead', '1 dead')
    """
    kind = max(set(filter(None, kinds)), key=lambda kind: (kinds.count(kind), kind))
    return kind if kinds.count(kind) == len(kinds) else f"{kinds.count(kind)} {kind}"


def _chosen(samples: Samples, most: int | None) -> tuple[Samples, list[int]]:
    """Samples with their indexes, evenly chosen. Values among the inputs are copied, so that theirs stay as they are."""
    count = len(samples) if most is None else min(len(samples), checked_int(most, "most", 1))
    indexes = [i * len(samples) // count for i in range(count)]
    part = samples.part(indexes)
    inputs, targets = [_own(x) for x in part.inputs], [_own(target) for target in part.targets]
    return replace(part, inputs=inputs, targets=targets), indexes


def _own(item: Any) -> Any:
    if isinstance(item, Value):
        return deepcopy(item)
    return type(item)(map(_own, item)) if type(item) in (list, tuple) else item


def _as_in_X(finding: Finding, indexes: Sequence[int]) -> Finding:
    return finding if finding.sample is None else replace(finding, sample=indexes[finding.sample])
