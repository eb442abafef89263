"""To and from other libraries: PyTorch, scikit-learn, SymPy and ONNX.

Nothing here is imported before it is used, and each function needs only its own library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimators import MLPClassifier, MLPRegressor
    from .onnx_export import to_onnx
    from .sympy_expressions import from_sympy, to_sympy
    from .torch_models import from_torch, to_torch

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "from_sympy",
    "from_torch",
    "to_onnx",
    "to_sympy",
    "to_torch",
]

_MODULES = {
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "from_sympy": "sympy_expressions",
    "from_torch": "torch_models",
    "to_onnx": "onnx_export",
    "to_sympy": "sympy_expressions",
    "to_torch": "torch_models",
}
"""The module of each name."""

if not TYPE_CHECKING:  # for type checkers every name is imported above, and no other exists

    def __getattr__(name: str) -> Any:
        """Import a name on first access, and with it the library that it needs."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet."""
    return sorted(__all__)
