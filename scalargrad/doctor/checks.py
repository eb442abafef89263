"""Checks of gradients, units and inputs. Each yields its findings from a Measurement."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import hypot, isfinite, sqrt
from statistics import median_low

import numpy

from scalargrad.core.conversion import plain
from scalargrad.core.value import Parameter

from .findings import Finding, format_number, name_path
from .measurement import Measurement, Unit
from .thresholds import Limits

_MIN_OUTPUT_GRADIENT = 0.1
"""A flat output is a finding only if the loss still asks for a change, by more than this."""


def output_gradient_norm(measurement: Measurement, layer: str) -> float:
    """Return the norm of the gradient with respect to the outputs of a layer.

    It is the root of the mean square over the samples.
    """
    squares = measurement.flows[layer].squares
    count = len(measurement.losses)
    return sqrt(sum(squares.values()) / count)


def gradient_norm(parameters: Iterable[Parameter]) -> float:
    """Return the norm of the gradient of some parameters."""
    gradients = [plain(parameter.grad) for parameter in parameters]
    return hypot(*gradients)


def check_gradients(measurement: Measurement, limits: Limits) -> Iterator[Finding]:
    """Find no gradient, a huge one, and one that shrinks or grows from layer to layer."""
    parameters = measurement.model.parameters()
    size = gradient_norm(parameters)
    weights = hypot(*(parameter.data for parameter in parameters))
    if parameters and size == 0.0:
        text = "the gradient of every parameter is exactly 0 for all samples"
        yield Finding("no gradient", "", text, {"gradient": 0.0})
        return
    if size > limits.huge * max(1.0, weights):
        yield _report_huge(measurement, size, weights)
    yield from _check_unreached(measurement)
    yield from _check_layers(measurement, limits)


def _report_huge(measurement: Measurement, size: float, weights: float) -> Finding:
    losses = measurement.losses
    worst = max(range(len(losses)), key=losses.__getitem__)
    text = (
        f"the gradient has a norm of {format_number(size)}, the parameters one of "
        f"{format_number(weights)}; sample {worst} has the largest loss"
    )
    numbers = {"gradient": size, "parameters": weights, "loss of the sample": losses[worst]}
    return Finding("exploding", "", text, numbers, sample=worst)


def _check_layers(measurement: Measurement, limits: Limits) -> Iterator[Finding]:
    norms = {layer: output_gradient_norm(measurement, layer) for layer in measurement.flows}
    if len(norms) < 2 or not all(map(isfinite, norms.values())):
        return

    *before, last = norms
    last_norm = norms[last]
    lowest = min(before, key=norms.__getitem__)
    highest = max(before, key=norms.__getitem__)
    if 0.0 < norms[lowest] < limits.vanishing * last_norm:
        yield _report_change(measurement, "vanishing", lowest, norms)
    if norms[highest] > limits.exploding * last_norm > 0.0:
        yield _report_change(measurement, "exploding", highest, norms)


def _check_unreached(measurement: Measurement) -> Iterator[Finding]:
    """Find layers whose parameters all have a gradient of exactly 0."""
    without_gradient = []
    for layer, parameters in measurement.parameters().items():
        if gradient_norm(parameters) == 0.0:
            without_gradient.append(layer)
    # A layer without outputs in the graph is not used at all.
    for layer in without_gradient:
        if layer not in measurement.flows:
            text = f"{name_path(layer)} has no part in the loss"
            yield Finding("no gradient", layer, text, {"gradient": 0.0}, layer=layer)

    # Of several such layers the last one is next to the cut, so it is the one to look at.
    cut = [layer for layer in measurement.flows if layer in without_gradient]
    if cut:
        last = cut[-1]
        names = ", ".join(map(name_path, cut))
        text = f"no gradient comes to the parameters of {names}, which is exactly 0 for all samples"
        yield Finding("no gradient", last, text, {"gradient": 0.0}, layer=last)


def _report_change(
    measurement: Measurement, kind: str, layer: str, norms: dict[str, float]
) -> Finding:
    """Report a vanishing or exploding gradient, with the sample that shows it best."""
    names = list(norms)
    last = names[-1]
    norm = norms[layer]
    last_norm = norms[last]
    ratio = norm / last_norm
    numbers = {"norm": norm, "norm of the last layer": last_norm, "ratio": ratio}

    # The ratio of one step, so that shallow and deep networks are told the same.
    steps = len(names) - 1 - names.index(layer)
    factor = _describe_factor(ratio ** (1.0 / steps))
    verb = "falls" if kind == "vanishing" else "grows"
    text = (
        f"the gradient {verb} from a norm of {format_number(last_norm)} at the outputs of "
        f"{name_path(last)} to {format_number(norm)} at those of {name_path(layer)}: "
        f"{factor} for each layer"
    )

    ratios = _sample_ratios(measurement, layer, last)
    if not ratios:
        return Finding(kind, layer, text, numbers, None, layer)

    select = min if kind == "vanishing" else max
    sample = select(ratios, key=ratios.__getitem__)
    from_norm = _sample_norm(measurement, last, sample)
    to_norm = _sample_norm(measurement, layer, sample)
    text += f"; sample {sample}: {format_number(from_norm)} to {format_number(to_norm)}"
    numbers["ratio of the sample"] = ratios[sample]
    return Finding(kind, layer, text, numbers, sample, layer)


def _sample_ratios(measurement: Measurement, layer: str, last: str) -> dict[int, float]:
    """Return for each sample the gradient of a layer's outputs, relative to the last layer's."""
    last_squares = measurement.flows[last].squares
    ratios: dict[int, float] = {}
    for sample, square in measurement.flows[layer].squares.items():
        # -1 is for Values that belong to several samples.
        if sample >= 0 and last_squares.get(sample):
            ratios[sample] = sqrt(square / last_squares[sample])
    return ratios


def _sample_norm(measurement: Measurement, layer: str, sample: int) -> float:
    return sqrt(measurement.flows[layer].squares[sample])


def _describe_factor(factor: float) -> str:
    if factor > 1.0:
        return f"{format_number(factor)} times as large"
    if factor > 0.0:
        return f"1/{format_number(1.0 / factor)} of it"
    return "0"


def named_units(measurement: Measurement) -> Iterator[tuple[str, Unit]]:
    """Yield every gate that is not always flat, with a unique name."""
    counts = Counter((layer, path) for layer, path, _ in measurement.units)
    for (layer, path, number), unit in measurement.units.items():
        if unit.steepest == 0.0:
            continue
        name = path
        if counts[layer, path] > 1:
            name = f"{path or 'activations'}[{number}]"
        yield name, unit


def check_units(measurement: Measurement, limits: Limits) -> Iterator[Finding]:
    """Find dead and saturated units."""
    layers: dict[str, list[tuple[str, Unit]]] = defaultdict(list)
    for name, unit in named_units(measurement):
        samples = set(unit.samples)
        if len(samples) >= limits.samples:
            layers[unit.layer].append((name, unit))

    for units in layers.values():
        resting = [(name, unit) for name, unit in units if unit.rests]
        # Some resting units are normal; if most of a layer rests, hardly a gradient passes it.
        max_resting = limits.dead * len(units)
        too_many = len(resting) > max_resting and len(units) > 1
        for name, unit in resting:
            if too_many or is_far(unit, limits):
                yield _report_dead(name, unit)
        for name, unit in units:
            saturated = _find_saturated(name, unit, limits)
            if saturated:
                yield saturated


def find_resting(measurement: Measurement) -> list[str]:
    """Return the units that are off for all samples."""
    return [name for name, unit in named_units(measurement) if unit.rests]


def is_far(unit: Unit, limits: Limits) -> bool:
    """Tell whether the pre-activations of a unit are far below 0, compared to their deviation."""
    highest = max(unit.sums)
    deviation = float(numpy.std(unit.sums))
    return highest < 0.0 and highest <= -limits.reach * deviation


def _report_dead(name: str, unit: Unit) -> Finding:
    highest = max(unit.sums)
    call = unit.sums.index(highest)
    sample = unit.samples[call]
    text = (
        f"{name_path(name)} gives 0 and lets no gradient through, for all samples: "
        f"its sum is {format_number(highest)} at best (sample {sample})"
    )
    numbers = {"pre-activation": highest}
    return Finding("dead", name, text, numbers, sample, unit.layer)


def _find_saturated(name: str, unit: Unit, limits: Limits) -> Finding | None:
    flat = _find_flat_calls(unit, limits)
    share = sum(flat) / len(flat)
    if share < limits.share:
        return None

    # The call to show: the steepest if all are flat, or else the median.
    ranked = sorted(range(len(flat)), key=unit.slopes.__getitem__)
    if share == 1.0:
        call = ranked[-1]
        word = "at best"
        which = "all samples"
    else:
        call = ranked[len(flat) // 2]
        word = "halfway"
        which = f"{share:.0%} of the samples"

    slope = unit.slopes[call] * unit.steepest
    pre_activation = unit.sums[call]
    sample = unit.samples[call]
    text = (
        f"{name_path(name)} is flat for {which}: its slope is {format_number(slope)} {word} "
        f"(sample {sample}, for a sum of {format_number(pre_activation)}), "
        f"and could be {format_number(unit.steepest)}"
    )
    numbers = {"share": share, "slope": slope, "pre-activation": pre_activation}
    return Finding("saturated", name, text, numbers, sample, unit.layer)


def _find_flat_calls(unit: Unit, limits: Limits) -> list[bool]:
    """Tell for each call of a unit whether it is flat, but not off."""
    flat: list[bool] = []
    for off, slope, gradient in zip(unit.off, unit.slopes, unit.gradients, strict=True):
        is_flat = not off and slope < limits.slope
        # An output may well be flat where it is right, as a sigmoid near 1 for a target of 1.
        if unit.is_output:
            is_flat = is_flat and abs(gradient) > _MIN_OUTPUT_GRADIENT
        flat.append(is_flat)
    return flat


def check_inputs(measurement: Measurement, limits: Limits) -> Iterator[Finding]:
    """Find inputs that are large, or much larger than the others."""
    sizes: dict[str, float] = {}
    for name, numbers in measurement.features.items():
        # An input that is always 0 has no scale to compare with.
        if any(x for _, x in numbers):
            sizes[name] = _root_mean_square(numbers)
    if not sizes:
        return

    middle = median_low(sizes.values())
    largest = max(sizes, key=sizes.__getitem__)
    size = sizes[largest]
    if size <= limits.large and size <= limits.scales * middle:
        return
    sample, number = max(measurement.features[largest], key=lambda pair: abs(pair[1]))
    text = (
        f"{largest} is about {format_number(size)} (up to {format_number(number)}, sample {sample})"
    )
    if len(sizes) > 1:
        text += f", the middle one of the inputs about {format_number(middle)}"
    evidence = {"size": size, "middle": middle, "number": number}
    yield Finding("inputs", largest, text, evidence, sample)


def _root_mean_square(numbers: Sequence[tuple[int, float]]) -> float:
    squares = [x * x for _, x in numbers]
    return sqrt(sum(squares) / len(squares))
