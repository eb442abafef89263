"""Checks: what the numbers of an examination say about gradients, units and inputs. Each returns its findings."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import hypot, isfinite, sqrt
from statistics import median_low

import numpy

from scalargrad.core.conversion import plain
from scalargrad.core.value import Parameter

from .findings import Finding, shown
from .measurement import Measurement, Unit
from .thresholds import Limits

_WRONG = 0.1
"""An output that is flat is ill only where the loss still asks for a change: with a gradient above this."""


def norm_back(examination: Measurement, layer: str) -> float:
    """The norm of the gradient that comes back to the outputs of a layer: the root of the mean square over the samples."""
    return sqrt(sum(examination.flows[layer].squares.values()) / len(examination.losses))


def gradient_norm(parameters: Iterable[Parameter]) -> float:
    """The norm of the gradient of some parameters."""
    return hypot(*(plain(parameter.grad) for parameter in parameters))


def check_gradients(examination: Measurement, limits: Limits) -> Iterator[Finding]:
    """No gradient at all, one that is huge, or one that falls or grows from layer to layer."""
    parameters = examination.model.parameters()
    size, weights = gradient_norm(parameters), hypot(*(parameter.data for parameter in parameters))
    if parameters and size == 0.0:
        yield Finding(
            "no gradient",
            "",
            "the gradient of every parameter is exactly 0 for all samples",
            {"gradient": 0.0},
        )
        return
    if size > limits.huge * max(1.0, weights):
        yield _huge(examination, size, weights)
    yield from _unreached(examination)
    yield from _check_layers(examination, limits)


def _huge(examination: Measurement, size: float, weights: float) -> Finding:
    worst = max(range(len(examination.losses)), key=lambda i: examination.losses[i])
    text = f"the gradient has a norm of {shown(size)}, the parameters one of {shown(weights)}; sample {worst} has the largest loss"
    return Finding(
        "exploding",
        "",
        text,
        {"gradient": size, "parameters": weights, "loss of the sample": examination.losses[worst]},
        sample=worst,
    )


def _check_layers(examination: Measurement, limits: Limits) -> Iterator[Finding]:
    norms = {layer: norm_back(examination, layer) for layer in examination.flows}
    if len(norms) < 2 or not all(map(isfinite, norms.values())):
        return
    *before, last = norms
    lowest, highest = min(before, key=norms.__getitem__), max(before, key=norms.__getitem__)
    if 0.0 < norms[lowest] < limits.vanishing * norms[last]:
        yield _change(examination, "vanishing", lowest, norms)
    if norms[highest] > limits.exploding * norms[last] > 0.0:
        yield _change(examination, "exploding", highest, norms)


def _unreached(examination: Measurement) -> Iterator[Finding]:
    """The layers whose parameters all have a gradient of exactly 0: those that have no part in the loss, and the last before a cut."""
    still = [
        layer
        for layer, own in examination.parameters().items()
        if not any(plain(parameter.grad) for parameter in own)
    ]
    for layer in still:
        if layer not in examination.flows:
            yield Finding(
                "no gradient",
                layer,
                f"{called(layer)} has no part in the loss",
                {"gradient": 0.0},
                layer=layer,
            )
    cut = [layer for layer in examination.flows if layer in still]
    if cut:
        text = f"no gradient comes to the parameters of {', '.join(map(called, cut))}, which is exactly 0 for all samples"
        yield Finding("no gradient", cut[-1], text, {"gradient": 0.0}, layer=cut[-1])


def _change(examination: Measurement, kind: str, layer: str, norms: dict[str, float]) -> Finding:
    """A gradient that is too small or too large at a layer, with the sample that shows it best."""
    names = list(norms)
    last, ratio = names[-1], norms[layer] / norms[names[-1]]
    here, there = examination.flows[layer].squares, examination.flows[last].squares
    ratios = {i: sqrt(here[i] / there[i]) for i in here if i >= 0 and there.get(i)}
    sample = (
        (min if kind == "vanishing" else max)(ratios, key=ratios.__getitem__) if ratios else None
    )
    steps = len(names) - 1 - names.index(layer)
    how = "falls" if kind == "vanishing" else "grows"
    text = (
        f"the gradient {how} from a norm of {shown(norms[last])} at the outputs of {called(last)} to {shown(norms[layer])} at those of "
        f"{called(layer)}: {_step(ratio ** (1.0 / steps))} for each layer"
    )
    text += (
        ""
        if sample is None
        else f"; sample {sample}: {shown(sqrt(there[sample]))} to {shown(sqrt(here[sample]))}"
    )
    numbers = {"norm": norms[layer], "norm of the last layer": norms[last], "ratio": ratio}
    numbers |= {} if sample is None else {"ratio of the sample": ratios[sample]}
    return Finding(kind, layer, text, numbers, sample, layer)


def _step(factor: float) -> str:
    return (
        f"{shown(factor)} times as large"
        if factor > 1.0
        else f"1/{shown(1.0 / factor)} of it"
        if factor > 0.0
        else "0"
    )


def named_units(examination: Measurement) -> Iterator[tuple[str, Unit]]:
    """Every gate that is not always shut, with a name of its own."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for layer, path, _ in examination.units:
        counts[layer, path] += 1
    for (layer, path, number), unit in examination.units.items():
        if unit.steepest != 0.0:
            yield f"{path or 'activations'}[{number}]" if counts[layer, path] > 1 else path, unit


def check_units(examination: Measurement, limits: Limits) -> Iterator[Finding]:
    """Dead and saturated units."""
    layers: dict[str, list[tuple[str, Unit]]] = defaultdict(list)
    for name, unit in named_units(examination):
        if len(set(unit.samples)) >= limits.samples:
            layers[unit.layer].append((name, unit))
    for units in layers.values():
        idle = [(name, unit) for name, unit in units if unit.rests]
        many = len(idle) > limits.dead * len(units) and len(units) > 1
        yield from (_dead(name, unit) for name, unit in idle if many or is_far(unit, limits))
        yield from (found for name, unit in units if (found := _saturated(name, unit, limits)))


def resting(examination: Measurement) -> list[str]:
    """The units that are off for all samples."""
    return [name for name, unit in named_units(examination) if unit.rests]


def is_far(unit: Unit, limits: Limits) -> bool:
    """Whether what comes into a unit stays far below 0, by how much it varies."""
    return bool(max(unit.sums) < 0.0 and max(unit.sums) <= -limits.reach * numpy.std(unit.sums))


def _dead(name: str, unit: Unit) -> Finding:
    best = max(range(len(unit.sums)), key=unit.sums.__getitem__)
    text = f"{called(name)} gives 0 and lets no gradient through, for all samples: its sum is {shown(unit.sums[best])} at best"
    return Finding(
        "dead",
        name,
        f"{text} (sample {unit.samples[best]})",
        {"pre-activation": unit.sums[best]},
        unit.samples[best],
        unit.layer,
    )


def _saturated(name: str, unit: Unit, limits: Limits) -> Finding | None:
    flat = [
        not off and slope < limits.slope for off, slope in zip(unit.off, unit.slopes, strict=True)
    ]
    if unit.is_output:
        flat = [
            is_flat and abs(gradient) > _WRONG
            for is_flat, gradient in zip(flat, unit.gradients, strict=True)
        ]
    share = sum(flat) / len(flat)
    if share < limits.share:
        return None
    ranked = sorted(range(len(flat)), key=unit.slopes.__getitem__)
    best, word, many = (
        (ranked[-1], "at best", "all samples")
        if share == 1.0
        else (ranked[len(flat) // 2], "halfway", f"{share:.0%} of the samples")
    )
    slope, where = (
        unit.slopes[best] * unit.steepest,
        f"sample {unit.samples[best]}, for a sum of {shown(unit.sums[best])}",
    )
    text = f"{called(name)} is flat for {many}: its slope is {shown(slope)} {word} ({where}), and could be {shown(unit.steepest)}"
    return Finding(
        "saturated",
        name,
        text,
        {"share": share, "slope": slope, "pre-activation": unit.sums[best]},
        unit.samples[best],
        unit.layer,
    )


def check_inputs(examination: Measurement, limits: Limits) -> Iterator[Finding]:
    """Inputs that are large, or much larger than the others."""
    sizes = {
        name: _size(numbers)
        for name, numbers in examination.features.items()
        if any(x for _, x in numbers)
    }
    if not sizes:
        return
    middle, largest = median_low(sizes.values()), max(sizes, key=sizes.__getitem__)
    if sizes[largest] <= limits.large and sizes[largest] <= limits.scales * middle:
        return
    sample, number = max(examination.features[largest], key=lambda each: abs(each[1]))
    text = f"{largest} is about {shown(sizes[largest])} (up to {shown(number)}, sample {sample})"
    text += f", the middle one of the inputs about {shown(middle)}" if len(sizes) > 1 else ""
    yield Finding(
        "inputs",
        largest,
        text,
        {"size": sizes[largest], "middle": middle, "number": number},
        sample,
    )


def _size(numbers: Sequence[tuple[int, float]]) -> float:
    return float(sqrt(sum(x * x for _, x in numbers) / len(numbers)))


def called(path: str) -> str:
    """A path as sentences name it."""
    return path or "the network"
