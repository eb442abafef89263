"""The function `diagnose`: send samples through a copy of a network and report what is wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextvars import Context
from copy import deepcopy
from dataclasses import replace
from math import isfinite

import numpy

from scalargrad.autodiff.anomaly import detect_anomaly
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import plain
from scalargrad.core.unlearned import mute_no_gradient
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import AnomalyError, DataError
from scalargrad.losses import LossName, get_loss
from scalargrad.nn import Module
from scalargrad.nn.naming import list_names
from scalargrad.optim import Optimizer
from scalargrad.optim.rules import OptimizerName
from scalargrad.training.aliases import ArrayLike, Loss, Sample
from scalargrad.training.checks import try_out
from scalargrad.training.fitting import resolve_optimizer
from scalargrad.training.inputs import locate, walk_leaves
from scalargrad.training.reach import check_own_parameters
from scalargrad.training.samples import Samples, read_samples
from scalargrad.utils.calls import explain_calls

from .checks import (
    check_gradients,
    check_inputs,
    check_units,
    find_resting,
    gradient_norm,
    named_units,
    output_gradient_norm,
)
from .diagnosis import Diagnosis, LayerReport
from .findings import KINDS, Finding
from .linear import check_collapsed
from .measurement import Measurement, Unit
from .rate import check_rate
from .thresholds import Limits
from .twins import check_twins, find_equal_layers


@explain_calls
def diagnose(
    model: Module,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss | LossName = "mse",
    optimizer: Optimizer | OptimizerName | None = None,
    most: int | None = 100,
    limits: Limits | None = None,
) -> Diagnosis:
    """Find what is wrong with a network, where, the numbers that show it, and what to try.

    It looks for non-finite numbers, missing gradients, units that are copies of each other, linear
    layers in a row without an activation, exploding and vanishing gradients, a learning rate that
    is too high, dead and saturated units, and inputs on very different scales.

    The network runs forward and backward in training mode, as in `fit`, but as a copy: parameters,
    buffers, gradients, random generators, modes and the optimizer stay as they are. Only operations
    with one operand are judged as activations; one composed of several operations appears in the
    table alone.

    The result prints as a table and sentences, is true if nothing was found, and can be drawn with
    `viz.draw`.

    Args:
        model: The network.
        X: Samples to learn from, as for `fit`.
        y: Their targets.
        loss: A function (prediction, target) of one sample, or the name of one of `losses`.
        optimizer: The optimizer to train with, or its name. If given, its learning rate is tested.
        most: Maximum number of samples, evenly chosen; None for all.
        limits: The thresholds of the findings.

    Returns:
        The findings and a table of the layers.

    Raises:
        DataError: For samples or targets of the wrong kind, and for plain Values among what
            `parameters` of a module returns.
        LengthError: For samples or targets of the wrong shape.
        OptionError: For an argument with an invalid value.

    Example:
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
    for path, module in model.named_modules():
        check_own_parameters(module, path or "model")
    samples = _choose(read_samples(X, y, finite=False), most)
    trained_by = None if optimizer is None else resolve_optimizer(optimizer, model)
    run = _Run(model, samples, get_loss(loss), trained_by, limits or Limits())

    # In an empty context, so that no tape, scope or anomaly detector of the caller is active.
    diagnosis: Diagnosis = Context().run(run.diagnose)
    return diagnosis


class _Run:
    """One run of `diagnose`."""

    def __init__(
        self,
        model: Module,
        samples: Samples,
        loss: Loss,
        optimizer: Optimizer | None,
        limits: Limits,
    ) -> None:
        self.model = model
        self.samples = samples
        self.loss = loss
        self.optimizer = optimizer
        self.limits = limits
        self.measurement = Measurement(model, loss)

    def diagnose(self) -> Diagnosis:
        """Measure, check and report."""
        measurement = self.measurement
        with mute_no_gradient(), numpy.errstate(all="ignore"):
            try_out(measurement.model, self.loss, self.samples)
            measurement.run(self.samples)
            severity = list(KINDS)
            findings = sorted(self._check(), key=lambda finding: severity.index(finding.kind))
            return Diagnosis(
                findings=tuple(findings),
                layers=tuple(self._report_layers()),
                loss=measurement.mean_loss,
                samples=len(measurement.losses),
                remarks=tuple(self._write_remarks(findings)),
                marks=self._mark_units(findings),
                roots=measurement.roots,
            )

    def _check(self) -> list[Finding]:
        measurement = self.measurement
        limits = self.limits
        # nan and inf spread, so the other checks would only report their consequences.
        if not measurement.finite:
            return [self._find_non_finite(), *check_inputs(measurement, limits)]

        findings = [
            *check_gradients(measurement, limits),
            *check_units(measurement, limits),
            *check_inputs(measurement, limits),
            *check_twins(measurement),
            *check_collapsed(measurement),
        ]
        if self.optimizer is not None:
            findings += check_rate(measurement, self.model, self.optimizer, self.samples, limits)
        return findings

    def _find_non_finite(self) -> Finding:
        """Find the first non-finite number."""
        finding = self._find_non_finite_data()
        if finding is not None:
            return finding

        # Another copy draws the same random numbers as the first one did.
        again = Measurement(self.model, self.loss)
        try:
            with detect_anomaly():
                again.run(self.samples)
            text = "the loss or a gradient is not finite"
        except AnomalyError as error:
            text = str(error)

        sample = None
        place = 0
        if not again.model.needs_batch and len(again.losses) < len(self.samples):
            place = len(again.losses)
            sample = self.samples.original_index(place)
            text = f"sample {sample}: {text}"
        loss = self.measurement.losses[place]
        return Finding("not finite", "", text, {"loss": loss}, sample)

    def _find_non_finite_data(self) -> Finding | None:
        """Find the first non-finite number in the samples and targets."""
        for i in range(len(self.samples)):
            for where, number in self._sample_numbers(i):
                if not isfinite(number):
                    text = f"{where} is {number!r}: leave that sample out or fill the gap"
                    loss = self.measurement.losses[i]
                    row = self.samples.original_index(i)
                    return Finding("not finite", "", text, {"loss": loss}, row)
        return None

    def _sample_numbers(self, i: int) -> Iterator[tuple[str, float]]:
        """Yield the numbers of a sample and its target, with their locations in the user's data."""
        row = self.samples.original_index(i)
        for what, item in (("X", self.samples.inputs[i]), ("y", self.samples.targets[i])):
            for path, leaf in walk_leaves(item, (row,)):
                number = plain(leaf)
                if isinstance(number, float):
                    yield locate(what, path), number

    def _report_layers(self) -> list[LayerReport]:
        measurement = self.measurement
        units: dict[str, list[Unit]] = {}
        for _, unit in named_units(measurement):
            units.setdefault(unit.layer, []).append(unit)
        parameters = measurement.parameters()

        # Layers without outputs are not part of the forward pass, and have no place in its order.
        paths = [path for path in parameters if path not in measurement.flows]
        paths += measurement.flows
        paths += [path for path in units if path not in paths]
        return [
            self._report_layer(path, units.get(path, []), parameters.get(path, []))
            for path in paths
            if path in parameters or path in units
        ]

    def _report_layer(
        self, path: str, units: Sequence[Unit], parameters: Sequence[Parameter]
    ) -> LayerReport:
        flow = self.measurement.flows.get(path)
        is_flat = [slope < self.limits.slope for unit in units for slope in unit.slopes]
        return LayerReport(
            path=path,
            units=len(units),
            mean=float(numpy.mean(flow.outputs)) if flow else None,
            std=float(numpy.std(flow.outputs)) if flow else None,
            shut=sum(is_flat) / len(is_flat) if is_flat else None,
            resting=sum(unit.rests for unit in units),
            back=output_gradient_norm(self.measurement, path) if flow else None,
            gradient=gradient_norm(parameters) if parameters else None,
            parameters=len(parameters),
        )

    def _write_remarks(self, findings: Sequence[Finding]) -> list[str]:
        needed = self.limits.samples
        if len(self.samples) < needed:
            return [
                f"units were not judged: {needed:g} samples are needed, "
                f"and there are {len(self.samples)}"
            ]
        remarks = []
        if not any(finding.kind == "twins" for finding in findings):
            paths = find_equal_layers(self.measurement)
            if paths:
                names = list_names(paths)
                remarks.append(f"{names} hold the same numbers: was one seed given to all of them?")

        dead = {finding.where for finding in findings if finding.kind == "dead"}
        resting = [name for name in find_resting(self.measurement) if name not in dead]
        if resting:
            remarks.append(f"off for all samples, but close to active: {list_names(resting)}")
        return remarks

    def _mark_units(self, findings: Sequence[Finding]) -> Mapping[str, str]:
        """Return a word for each call with a flagged unit, by its path."""
        flagged = {
            finding.where: finding.kind
            for finding in findings
            if finding.kind in ("dead", "saturated")
        }
        kinds_by_scope: dict[str, list[str]] = {}
        for name, unit in named_units(self.measurement):
            for scope in unit.scopes:
                kinds_by_scope.setdefault(scope, []).append(flagged.get(name, ""))
        marked = {scope: kinds for scope, kinds in kinds_by_scope.items() if any(kinds)}
        return {scope: _mark(kinds) for scope, kinds in marked.items()}


def _mark(kinds: Sequence[str]) -> str:
    """Summarize the activations of one module: "dead", or "2 dead" if it has others.

    Example:
        >>> _mark(["dead"]), _mark(["", "dead", ""])
        ('dead', '1 dead')
    """
    counts = Counter(filter(None, kinds))
    # Of two kinds that are equally frequent, the name decides, so that pictures do not change.
    kind = max(counts, key=lambda kind: (counts[kind], kind))
    count = counts[kind]
    return kind if count == len(kinds) else f"{count} {kind}"


def _choose(samples: Samples, most: int | None) -> Samples:
    """Return evenly chosen samples."""
    total = len(samples)
    count = total if most is None else min(total, checked_int(most, "most", 1))
    indices = [i * total // count for i in range(count)]
    chosen = samples.subset(indices)
    # The backward passes would leave gradients on the user's Values.
    inputs = [_copy_values(x) for x in chosen.inputs]
    targets = [_copy_values(target) for target in chosen.targets]
    return replace(chosen, inputs=inputs, targets=targets)


def _copy_values(item: Sample) -> Sample:
    if isinstance(item, Value):
        return deepcopy(item)
    kind = type(item)
    if kind in (list, tuple):
        return kind(map(_copy_values, item))
    return item
