"""The result of `diagnose`: a table of layers, and sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

from scalargrad.core.value import Value
from scalargrad.errors import UnknownNameError
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.display import Displayable
from scalargrad.utils.spelling import suggestion

from .findings import KINDS, Finding, format_number, name_path

_MAX_SHOWN = 3
"""How many units of one layer are listed one by one."""


@repr_fits_terminal
@dataclass(frozen=True)
class LayerReport:
    """Statistics of one layer. A number that does not exist for it is None.

    Attributes:
        path: Path of the layer.
        units: Number of its activations.
        mean: Mean of its outputs over all samples.
        std: Standard deviation of its outputs over all samples.
        shut: Share of its activations whose slope is (nearly) 0.
        resting: Number of units that are off for all samples.
        back: Norm of the gradient with respect to its outputs: the root of the mean square over
            the samples.
        gradient: Norm of the gradient with respect to its parameters, of the mean loss.
        parameters: Number of its parameters.
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
class Diagnosis(Displayable):
    """The result of `diagnose`. It is true if there are no findings.

    Attributes:
        findings: The findings, the most serious first.
        layers: One LayerReport for each layer, from the inputs on.
        loss: Mean loss of the samples.
        samples: Number of samples.
        remarks: What is not wrong, but worth knowing.
        marks: For pictures: a word for each flagged unit, by the path of its call.
        roots: For pictures: the losses whose graphs were kept.
    """

    findings: tuple[Finding, ...]
    layers: tuple[LayerReport, ...]
    loss: float
    samples: int
    remarks: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict, repr=False)
    roots: Sequence[Value] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return not self.findings

    def of(self, kind: str) -> list[Finding]:
        """Return the findings of one kind.

        Raises:
            UnknownNameError: For an unknown kind.
        """
        if kind not in KINDS:
            raise UnknownNameError(f"the doctor has no finding {kind!r}{suggestion(kind, KINDS)}")
        return [finding for finding in self.findings if finding.kind == kind]

    def sentences(self, kind: str) -> Iterator[str]:
        """Yield the findings of one kind, layer by layer: a few units, and the number of others."""
        for layer, group in groupby(self.of(kind), key=lambda finding: finding.layer):
            findings = list(group)
            for finding in findings[:_MAX_SHOWN]:
                yield str(finding)
            more = len(findings) - _MAX_SHOWN
            if more > 0:
                units = "unit" if more == 1 else "units"
                yield f"{kind}: {more:,} more {units} of {name_path(layer)}"

    @fits_terminal
    def __str__(self) -> str:
        samples = "sample" if self.samples == 1 else "samples"
        lines = [f"{self.samples:,} {samples}, mean loss {self.loss:.4g}", ""]
        lines += _table(self.layers)
        lines.append("")

        # The advice comes once for each kind, however many units it is for.
        for kind in dict.fromkeys(finding.kind for finding in self.findings):
            for sentence in self.sentences(kind):
                lines.append(f"✗ {sentence}")
            lines.append(f"  try: {KINDS[kind]}")
        if not self.findings:
            lines.append(
                "✓ nothing found: gradients reach every layer, and no unit is dead or saturated"
            )
        for remark in self.remarks:
            lines.append(f"· {remark}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # For notebooks without viz, which would draw it.
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
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *numbers in rows:
        cells = [name.ljust(widths[0])]
        for number, width in zip(numbers, widths[1:], strict=True):
            cells.append(number.rjust(width))
        lines.append("  ".join(cells).rstrip())
    return lines


def _row(layer: LayerReport) -> tuple[str, ...]:
    return (
        layer.path or "(whole)",
        _format(layer.mean),
        _format(layer.std),
        "" if layer.shut is None else f"{layer.shut:.0%}",
        _format(layer.back),
        _format(layer.gradient),
        f"{layer.parameters:,}",
    )


def _format(x: float | None) -> str:
    return "" if x is None else format_number(x)
