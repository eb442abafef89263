"""Limits: from which number on the doctor speaks of an illness, each with its reason."""

from dataclasses import dataclass, fields

from scalargrad.core.conversion import as_float
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_class


@dataclass(frozen=True)
class Limits:
    """From which number on the doctor speaks. Each may be given; all are positive.

    vanishing  the gradient of a layer's outputs, by that of the last layer. With a rate that suits the last layer, one below a
               thousandth needs a thousand times as many steps. (In a chain of sigmoids, whose slope is 1/4 at most, six layers are
               enough: Hochreiter 1991; Glorot and Bengio 2010, section 3)
    exploding  the same, upwards
    huge       the norm of the whole gradient, by that of the parameters (or by 1, where that is less): from here on even a step
               with a rate of 0.001 throws all that was there away
    slope      the derivative of an activation, by the largest that it can have: below it counts as (nearly) 0. For tanh 0.05 is
               reached at 2.2, for sigmoid at 4.4
    share      of the samples in which a unit must be flat to be called saturated
    samples    how many it takes to judge a unit: with fewer, one that rests can't be told from one that is dead
    reach      how far below 0 a dead unit's highest sum is, in standard deviations of that sum. He's initialization leaves a few units
               at rest for all samples (Lu et al. 2019), but near to life: any change of the layers before may wake them
    dead       if more than this part of a layer's units are at rest for all samples, they are called dead, however near they are
    rise       by which part a step must raise the loss before its rate is called too high
    scales     how many times as large as the middle one an input may be (root of the mean square over the samples). The ratio comes
               in squared where it hurts, as the condition of the problem (LeCun et al. 1998, section 4.3)
    large      how large an input may be

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
            if not as_float(getattr(self, field.name), f"{field.name} of Limits") > 0.0:
                raise OptionError(
                    f"{field.name} of Limits must be above 0, not {getattr(self, field.name)!r}"
                )


explain_class(Limits, "__init__")
