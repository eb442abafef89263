"""scalargrad: write scalars, see every scalar, at array speed.

>>> import scalargrad as sg
>>> x = sg.Value(0.5, label="x")
>>> y = sg.tanh(x * 2)
>>> y.backward()
>>> print(f"{x.grad:.6f}")
0.839949
"""

from importlib import import_module
from math import inf, nan
from typing import TYPE_CHECKING, Any

from . import losses, nn
from .autodiff.anomaly import detect_anomaly
from .autodiff.checking import GradientReport, gradcheck, numerical_gradient
from .autodiff.tape import GradientTape
from .autodiff.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad
from .core import functions
from .core.custom_operations import operation
from .core.functions import *  # noqa: F403 - a function for each row of the table
from .core.labels import label, parameters
from .core.leaves import Buffer, RandomLeaf
from .core.loops import scan
from .core.modes import enable_grad, no_grad, scope, trace_calls
from .core.scopes import CallScope, Scope
from .core.seeds import manual_seed
from .core.source_lines import SourceLine
from .core.value import Constant, Parameter, Value, backward
from .utils.display import display_lists
from .utils.elsewhere import SCALARGRAD, no_attribute
from .utils.garbage import collector_off
from .utils.shadowing import warn_of_other_viz

if TYPE_CHECKING:
    from . import checkpoint as checkpoint
    from . import compiler as compiler
    from . import data as data
    from . import doctor as doctor
    from . import errors as errors
    from . import interop as interop
    from . import optim as optim
    from . import pretraining as pretraining
    from . import training as training
    from .compiler import compile
    from .doctor import check_operation, diagnose
    from .optim import clipping as clipping
    from .optim import penalties as penalties
    from .optim import schedules as schedules
    from .training import fit

__all__ = [
    "Buffer",
    "CallScope",
    "Constant",
    "GradientReport",
    "GradientTape",
    "Parameter",
    "RandomLeaf",
    "Scope",
    "SourceLine",
    "Value",
    "backward",
    "check_operation",
    "collector_off",
    "compile",
    "detect_anomaly",
    "diagnose",
    "enable_grad",
    "fit",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "inf",
    "jacobian",
    "jvp",
    "label",
    "losses",
    "manual_seed",
    "nan",
    "nn",
    "no_grad",
    "numerical_gradient",
    "operation",
    "parameters",
    "scan",
    "scope",
    "trace_calls",
    "value_and_grad",
    *functions.__all__,
]

__version__ = "0.1.0"
_DISTRIBUTION = "scalargrad-viz"
"""The name on the package index, by which `viz` tells this package from others named like it."""

_LATER = {
    "check_operation": "doctor",
    "compile": "compiler",
    "diagnose": "doctor",
    "fit": "training",
}
"""Functions that are expensive to import, each with its module."""

_INNER = {
    "clipping": "optim.clipping",
    "penalties": "optim.penalties",
    "schedules": "optim.schedules",
}
"""Modules of packages that are attributes of `scalargrad` too, as in `sg.schedules.WarmUp`."""

_MODULES = (
    "checkpoint",
    "compiler",
    "data",
    "doctor",
    "errors",
    "interop",
    "optim",
    "pretraining",
    "training",
)
"""Modules that are imported on first access, as in `sg.optim.Adam`."""


if not TYPE_CHECKING:  # for type checkers every name is imported above, and no other exists

    def __getattr__(name: str) -> Any:
        """Import a function or a module on first access."""
        if name in _LATER:
            return getattr(import_module(f".{_LATER[name]}", __name__), name)
        if name in _MODULES or name in _INNER:
            return import_module(f".{_INNER.get(name, name)}", __name__)
        raise no_attribute(__name__, name, SCALARGRAD)


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet."""
    special = [name for name in globals() if name.startswith("__")]
    return sorted({*__all__, *_MODULES, *_INNER, *special})


warn_of_other_viz()
display_lists(lambda item: isinstance(item, Value))
