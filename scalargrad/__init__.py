"""scalargrad: write scalars, see every scalar, at array speed.

>>> import scalargrad as sg
>>> x = sg.Value(0.5, label="x")
>>> y = sg.tanh(x * 2)
>>> y.backward()
>>> print(f"{x.grad:.6f}")
0.839949
"""

from collections.abc import Callable
from math import inf, nan
from typing import TYPE_CHECKING, Any

from . import losses, nn
from .anomaly import detect_anomaly
from .engine import Constant, Parameter, Value, backward
from .functions import FUNCTIONS, log_softmax, softmax
from .leaves import Buffer, Drawn
from .modes import enable_grad, no_grad
from .numeric import GradientReport, gradcheck, numerical_gradient
from .tape import GradientTape
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad

if TYPE_CHECKING:
    from .doctor import diagnose

globals().update(FUNCTIONS)

__all__ = [
    "Buffer",
    "Constant",
    "Drawn",
    "GradientReport",
    "GradientTape",
    "Parameter",
    "Value",
    "backward",
    "detect_anomaly",
    "diagnose",
    "enable_grad",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "inf",
    "jacobian",
    "jvp",
    "log_softmax",
    "losses",
    "nan",
    "nn",
    "no_grad",
    "numerical_gradient",
    "softmax",
    "value_and_grad",
    *FUNCTIONS,
]


def __getattr__(name: str) -> Callable[..., Any]:
    """`diagnose`, which brings training and optimisers along, is imported when it is first asked for."""
    if name == "diagnose":
        from .doctor import diagnose

        return diagnose
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
