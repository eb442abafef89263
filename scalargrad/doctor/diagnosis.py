"""Diagnosis: what the doctor says, as a table of layers and sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from typing import Any

from scalargrad.errors import UnknownNameError
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.spelling import suggestion

from .findings import KINDS, Finding, shown

_SHOWN = 3
"""So many units of one layer are spelled out."""


@repr_fits_terminal
@dataclass(frozen=True)
class LayerReport:
    """What passed a layer.

    path        of the layer
    units       how many gates (activations) it has, 0 for none
    mean, std   of its outputs over all samples
    shut        the share of its activations whose slope is (nearly) 0
    resting     how many units were off for all samples
    back        the norm of the gradient that comes back to its outputs: the root of the mean square over the samples
    gradient    the norm of the gradient of its parameters, for the mean loss
    parameters  how many it has

    A number that there is not, such as the slope of a layer without activations, is None.
    """

    path: str
    units: int
    mean: float | None
    std: float | None
    shut: float | None
    resting: int
    back: float | None
    gradient: float | None
    parameters: int


@repr_fits_terminal
@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found. It is true when nothing was.

    findings  the most serious first
    layers    one LayerReport for each layer, from the inputs on
    loss      the mean over the samples
    samples   how many were looked at
    remarks   what is no illness, but good to know
    marks     for pictures: a word for each unit that is ill, by the path of its call
    roots     for pictures: the losses whose graphs were kept
    """

    findings: tuple[Finding, ...]
    layers: tuple[LayerReport, ...]
    loss: float
    samples: int
    remarks: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict, repr=False)
    roots: Sequence[Any] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return not self.findings

    def of(self, kind: str) -> list[Finding]:
        """The findings of one kind; raises UnknownNameError for a kind that there is not."""
        if kind not in KINDS:
            raise UnknownNameError(f"the doctor has no finding {kind!r}{suggestion(kind, KINDS)}")
        return [finding for finding in self.findings if finding.kind == kind]

    def sentences(self, kind: str) -> Iterator[str]:
        """What was found of one kind, layer by layer: of many units a few, and how many more there are."""
        for layer, group in groupby(self.of(kind), key=lambda finding: finding.layer):
            found = list(group)
            yield from (str(finding) for finding in found[:_SHOWN])
            if (more := len(found) - _SHOWN) > 0:
                yield f"{kind}: {more:,} more unit{'s' * (more > 1)} of {layer or 'the network'}"

    @fits_terminal
    def __str__(self) -> str:
        lines = [
            f"{self.samples:,} sample{'s' * (self.samples != 1)}, mean loss {self.loss:.4g}",
            "",
            *_table(self.layers),
            "",
        ]
        for kind in dict.fromkeys(finding.kind for finding in self.findings):
            lines += [
                *(f"✗ {sentence}" for sentence in self.sentences(kind)),
                f"  try: {KINDS[kind]}",
            ]
        lines += (
            []
            if self.findings
            else ["✓ nothing found: gradients reach every layer, and no unit is dead or saturated"]
        )
        return "\n".join([*lines, *(f"· {remark}" for remark in self.remarks)])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


_HEADINGS = (
    "layer",
    "outputs mean",
    "± std",
    "flat",
    "‖∂ outputs‖",
    "‖∇ parameters‖",
    "parameters",
)


def _table(layers: Sequence[LayerReport]) -> list[str]:
    rows = [_HEADINGS, *(_row(layer) for layer in layers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(wide) for cell, wide in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
    return [line.rstrip() for line in lines]


def _row(layer: LayerReport) -> tuple[str, ...]:
    shut = "" if layer.shut is None else f"{layer.shut:.0%}"
    numbers = (
        [_number(x) for x in (layer.mean, layer.std)],
        [_number(x) for x in (layer.back, layer.gradient)],
    )
    return (layer.path or "(whole)", *numbers[0], shut, *numbers[1], f"{layer.parameters:,}")


def _number(x: float | None) -> str:
    return "" if x is None else shown(x)
