"""Thresholds of the findings, each with its reason."""

from dataclasses import dataclass, fields

from scalargrad.core.conversion import as_float
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_class


@dataclass(frozen=True)
class Limits:
    """The thresholds of the findings. All are positive.

    Attributes:
        vanishing: Gradient of a layer's outputs relative to the last layer. With a rate that suits
            the last layer, one below a thousandth needs a thousand times as many steps. (In a
            chain of sigmoids, whose slope is at most 1/4, six layers are enough: Hochreiter 1991;
            Glorot and Bengio 2010, section 3.)
        exploding: The same ratio, for gradients that are too large.
        huge: Norm of the whole gradient relative to that of the parameters, or to 1 if that is
            less: from here on even a step with a rate of 0.001 overwrites all parameters.
        slope: Derivative of an activation relative to its largest possible one, below which it
            counts as (nearly) 0. For tanh 0.05 is reached at 2.2, for sigmoid at 4.4.
        share: Share of the samples for which a saturated unit is flat.
        samples: Samples needed to judge a unit: with fewer, one that is resting can't be told from
            one that is dead.
        reach: Distance of a dead unit's largest pre-activation from 0, in standard deviations. He's
            initialization leaves a few units resting for all samples (Lu et al. 2019), but close to
            0: any change of the layers before may wake them.
        dead: If more than this share of a layer's units is resting for all samples, all of these
            count as dead, however close to 0.
        rise: Relative rise of the loss in one step above which the rate is too high.
        scales: Size of an input (root of the mean square over the samples) relative to the median
            one. The ratio enters the condition number squared (LeCun et al. 1998, section 4.3).
        large: Size of an input.

    Raises:
        OptionError: For a number that is not positive.

    Example:
        >>> Limits(dead=0.1).vanishing
        0.001
    """

    vanishing: float = 1e-3
    exploding: float = 1e3
    huge: float = 1e3
    slope: float = 0.05
    share: float = 0.95
    samples: float = 8
    reach: float = 3.0
    dead: float = 0.5
    rise: float = 0.01
    scales: float = 100.0
    large: float = 100.0

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            # "not above" and not "at most", so that nan is refused as well.
            if not as_float(limit, f"{field.name} of Limits") > 0.0:
                raise OptionError(f"{field.name} of Limits must be above 0, not {limit!r}")


explain_class(Limits, "__init__")
