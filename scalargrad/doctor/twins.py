"""Twins: units or modules with equal numbers and equal gradients, which stay copies of each other however long they train."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from scalargrad.core.conversion import plain
from scalargrad.core.value import Parameter
from scalargrad.nn import Module

from .findings import Finding
from .measurement import Measurement

_SHOWN = 3

Numbers = tuple[str, ...]


def check_twins(examination: Measurement) -> Iterator[Finding]:
    """Find hidden units, and whole modules, that are copies of each other.

    Their gradients were averaged over all samples, and nothing tells the copies apart: no weight that leads to
    them or away from them, and no dropout. Units of the last layer are left out: what they learn is up to the targets.

    Args:
        examination: What went through the network, with gradients on its parameters.

    Yields:
        One finding for each group.
    """
    told: set[str] = set()
    for group in _groups(examination):
        paths = [path for path, _ in group]
        if any(path.startswith(f"{outer}.") for path in paths for outer in told):
            continue  # parts of what was named already
        told.update(paths)
        yield _finding(paths, examination)
    yield from _twin_rows(examination, told)


def alike_layers(examination: Measurement) -> list[str]:
    """Find layers that began with the same numbers, though they learn apart: for a remark.

    Args:
        examination: What went through the network.

    Returns:
        The paths of the first such group.
    """
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path, module in examination.model.named_modules():
        numbers = [parameter.data for parameter in module.parameters()]
        if (
            path
            and examination.plan.layer(path) == path
            and len({abs(number) for number in numbers} - {0.0}) > 1
        ):
            found[(type(module).__name__, *map(_written, numbers))].append(path)
    groups = [paths for paths in found.values() if len(paths) > 1]
    return groups[0] if groups else []


def _groups(examination: Measurement) -> Iterator[list[tuple[str, Module]]]:
    """Modules of one kind with the same numbers and the same gradients, outer ones first."""
    last = _last_layer(examination)
    found: dict[tuple[str, Numbers], list[tuple[str, Module]]] = defaultdict(list)
    for path, module in examination.model.named_modules():
        own = module.parameters()
        if (
            path
            and _can_be_twin(own)
            and not (examination.plan.layer(path) == last and path != last)
        ):
            found[type(module).__name__, _signature(own)].append((path, module))
    for group in found.values():
        apart = [
            each for each in group if each[1].parameters()[0] is not group[0][1].parameters()[0]
        ]
        if apart:
            yield [group[0], *apart]


def _last_layer(examination: Measurement) -> str:
    return next(reversed(examination.flows), "")


def _can_be_twin(parameters: Sequence[Parameter]) -> bool:
    """Whether something is learned: what has no gradient is no twin, only idle."""
    return any(parameter.trainable and plain(parameter.grad) != 0.0 for parameter in parameters)


def _signature(parameters: Sequence[Parameter]) -> Numbers:
    """Numbers and gradients, to nine digits: sums in another order differ in the last ones."""
    return tuple(
        _written(number)
        for parameter in parameters
        for number in (parameter.data, plain(parameter.grad))
    )


def _written(number: float) -> str:
    return f"{number:.9g}"


def _twin_rows(examination: Measurement, told: set[str]) -> Iterator[Finding]:
    """Rows of a matrix of Parameters that a module holds as a list of lists."""
    rows: dict[str, dict[str, list[Parameter]]] = defaultdict(lambda: defaultdict(list))
    for name, parameter in examination.model.named_parameters():
        row, _, column = name.rpartition(".")
        matrix, _, number = row.rpartition(".")
        if column.isdigit() and number.isdigit() and row not in examination.plan.modules:
            rows[matrix][row].append(parameter)
    last = _last_layer(examination)
    for matrix, own in rows.items():
        inside = any(matrix.startswith(f"{path}.") for path in told)
        if inside or examination.plan.layer(examination.plan.around(f"{matrix}.0")) == last:
            continue
        groups: dict[Numbers, list[str]] = defaultdict(list)
        for row, parameters in own.items():
            if _can_be_twin(parameters):
                groups[_signature(parameters)].append(row)
        yield from (_finding(paths, examination) for paths in groups.values() if len(paths) > 1)


def _finding(paths: Sequence[str], examination: Measurement) -> Finding:
    layer = (
        examination.plan.layer(paths[0])
        if paths[0] in examination.plan.modules
        else paths[0].rpartition(".")[0]
    )
    more = len(paths) - _SHOWN
    names = ", ".join(paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    text = f"{names} are copies of each other: their numbers and their gradients are equal, so they stay equal and count as one"
    return Finding("twins", paths[0], text, {"copies": float(len(paths))}, None, layer)
