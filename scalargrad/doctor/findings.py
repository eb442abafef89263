"""Findings: one thing that is wrong, where, and the numbers that show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scalargrad.terminal import fits_terminal, repr_fits_terminal

KINDS = {
    "not finite": (
        "look at what makes the first such number: a smaller rate, smaller weights, "
        "standardized inputs or a loss from logits may prevent it"
    ),
    "no gradient": (
        "use an activation with a slope (no step, no rounding), and weights that are not all 0; "
        "see whether all units are dead"
    ),
    "twins": (
        "initialize the weights at random (He or Xavier), and give parallel modules different seeds"
    ),
    "collapsed": (
        "put an activation between the two, such as relu or tanh, or use one layer for both"
    ),
    "exploding": (
        "initialize with smaller weights (He or Xavier), standardize inputs and targets, "
        "normalize between the layers, or use ClipNorm"
    ),
    "vanishing": (
        "use relu or elu in place of sigmoid and tanh, He or Xavier initialization, "
        "batch normalization, or fewer layers"
    ),
    "rate": "use a smaller rate, or a schedule that lowers it",
    "dead": "start again with biases at 0 and a smaller rate; leaky_relu or elu can't die",
    "saturated": (
        "initialize with smaller weights (Xavier), standardize the inputs, or use relu or elu"
    ),
    "inputs": "standardize them: data.StandardScaler().fit(X_train)",
}
"""Advice for each kind of finding, the most serious kind first."""


@repr_fits_terminal
@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        kind: One of KINDS.
        where: Path of the layer or unit, "" for the whole network, or the name of an input.
        sentence: What is wrong.
        numbers: The evidence, by name.
        sample: Index in X of the sample that shows it best; None if it is not about one sample.
        layer: Path of the layer that contains `where`.
    """

    kind: str
    where: str
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    sample: int | None = None
    layer: str = ""

    @fits_terminal
    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"


def format_number(x: float) -> str:
    """Format a number with three digits and a true minus sign.

    Example:
        >>> format_number(-0.00012345)
        '−0.000123'
    """
    return f"{x:.3g}".replace("-", "−")


def name_path(path: str) -> str:
    """Return the name of a layer in sentences."""
    return path or "the network"
