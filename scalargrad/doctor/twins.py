"""Twins: units or modules with equal numbers and gradients, which training never tells apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from scalargrad.core.conversion import plain
from scalargrad.core.value import Parameter
from scalargrad.nn import Module
from scalargrad.nn.naming import list_names

from .findings import Finding
from .measurement import Measurement

Signature = tuple[str, ...]
"""Numbers and gradients of some parameters, rounded."""

Group = list[tuple[str, Module]]
"""Modules that are equal, with their paths."""


def check_twins(measurement: Measurement) -> Iterator[Finding]:
    """Find hidden units, and whole modules, that are copies of each other.

    Their gradients were averaged over all samples, and nothing tells the copies apart: no weight
    that leads to them or away from them, and no dropout. Units of the last layer are left out:
    what they learn depends on the targets.

    Args:
        measurement: The measured network, with gradients on its parameters.

    Yields:
        One finding for each group.
    """
    reported: set[str] = set()
    for group in _groups(measurement):
        paths = [path for path, _ in group]
        # The parts of copies are copies, too, and need no finding.
        if any(_is_inside(path, reported) for path in paths):
            continue
        reported.update(paths)
        yield _report(paths, measurement)
    yield from _check_rows(measurement, reported)


def _is_inside(path: str, outer: Iterable[str]) -> bool:
    """Tell whether a path is that of a part of one of these modules."""
    prefixes = tuple(f"{each}." for each in outer)
    return path.startswith(prefixes)


def find_equal_layers(measurement: Measurement) -> list[str]:
    """Return the first group of layers that hold the same numbers, although they learn apart."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path, module in measurement.model.named_modules():
        is_layer = path and measurement.layer_map.layer(path) == path
        if not is_layer:
            continue
        numbers = [parameter.data for parameter in module.parameters()]
        sizes = {abs(number) for number in numbers}
        sizes.discard(0.0)
        # Layers of one constant, such as normalizations at first, are equal on purpose.
        if len(sizes) > 1:
            key = (type(module).__name__, *map(_round, numbers))
            groups[key].append(path)
    equal = [paths for paths in groups.values() if len(paths) > 1]
    return equal[0] if equal else []


def _groups(measurement: Measurement) -> Iterator[Group]:
    """Yield modules of one class with equal numbers and gradients, outer modules first."""
    last = _last_layer(measurement)
    groups: dict[tuple[str, Signature], Group] = defaultdict(list)
    for path, module in measurement.model.named_modules():
        parameters = module.parameters()
        if not path or not _learns(parameters):
            continue
        is_output_unit = measurement.layer_map.layer(path) == last and path != last
        if not is_output_unit:
            key = (type(module).__name__, _signature(parameters))
            groups[key].append((path, module))

    for (path, module), *others in groups.values():
        # Modules that share their parameters are one and the same on purpose.
        shared = module.parameters()[0]
        copies = [pair for pair in others if pair[1].parameters()[0] is not shared]
        if copies:
            yield [(path, module), *copies]


def _last_layer(measurement: Measurement) -> str:
    return next(reversed(measurement.flows), "")


def _learns(parameters: Sequence[Parameter]) -> bool:
    """Tell whether anything is learned: without a gradient a module is idle and not a twin."""
    trainable = [parameter for parameter in parameters if parameter.trainable]
    return any(plain(parameter.grad) != 0.0 for parameter in trainable)


def _signature(parameters: Sequence[Parameter]) -> Signature:
    numbers: list[float] = []
    for parameter in parameters:
        numbers.append(parameter.data)
        numbers.append(plain(parameter.grad))
    return tuple(map(_round, numbers))


def _round(number: float) -> str:
    """Round to nine digits: sums in another order differ in the last ones."""
    return f"{number:.9g}"


def _check_rows(measurement: Measurement, reported: set[str]) -> Iterator[Finding]:
    """Find equal rows of a matrix of Parameters that a module holds as a list of lists."""
    layer_map = measurement.layer_map
    matrices: dict[str, dict[str, list[Parameter]]] = defaultdict(lambda: defaultdict(list))
    for name, parameter in measurement.model.named_parameters():
        row, _, column = name.rpartition(".")
        matrix, _, number = row.rpartition(".")
        if column.isdigit() and number.isdigit() and row not in layer_map.modules:
            matrices[matrix][row].append(parameter)

    last = _last_layer(measurement)
    for matrix, rows in matrices.items():
        module = layer_map.parent(f"{matrix}.0")
        is_last = layer_map.layer(module) == last
        if is_last or _is_inside(matrix, reported):
            continue
        groups: dict[Signature, list[str]] = defaultdict(list)
        for row, parameters in rows.items():
            if _learns(parameters):
                groups[_signature(parameters)].append(row)
        for paths in groups.values():
            if len(paths) > 1:
                yield _report(paths, measurement)


def _report(paths: Sequence[str], measurement: Measurement) -> Finding:
    first = paths[0]
    layer_map = measurement.layer_map
    if first in layer_map.modules:
        layer = layer_map.layer(first)
    else:
        layer, _, _ = first.rpartition(".")

    text = (
        f"{list_names(paths)} are copies of each other: their numbers and their gradients are "
        "equal, so they stay equal and count as one"
    )
    numbers = {"copies": float(len(paths))}
    return Finding("twins", first, text, numbers, None, layer)
