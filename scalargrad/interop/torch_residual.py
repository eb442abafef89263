"""A residual connection as a module of PyTorch, which has none of its own.

PyTorch is imported with this module, and not before a model with a Residual is converted. It is a
module, so that what is made of it can be pickled.
"""

from typing import Any

from .extras import require

torch: Any = require("torch", "PyTorch", "torch")


class Residual(torch.nn.Sequential):  # type: ignore[misc]
    """x + steps(x)."""

    def forward(self, x: Any) -> Any:
        """Return the sum of the input and what the steps make of it."""
        return x + super().forward(x)
