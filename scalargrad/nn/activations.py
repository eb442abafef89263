"""Activations by name: every operation of one operand, from the table."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from ..errors import OptionError
from ..functions import FUNCTIONS
from ..ops import TABLE

Activation = Callable[[Any], Any]

ACTIVATIONS: dict[str, Activation] = {
    op.name: FUNCTIONS[op.name] for op in TABLE.values() if len(op.operands) - len(op.defaults) == 1 and not op.over_list
}
"""Every operation that can be applied to one Value alone, by name."""


def activation(choice: str | Activation | None) -> Activation | None:
    """The activation of that name, the function itself, or None for none ("linear" and "identity" mean none).

    Raises OptionError for an unknown name.

    >>> activation("tanh")(0.0)
    0.0
    """
    if choice is None or callable(choice):
        return choice
    if choice in ("linear", "identity"):
        return None
    if choice in ACTIVATIONS:
        return ACTIVATIONS[choice]
    near = get_close_matches(str(choice), ACTIVATIONS, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ": relu, tanh, sigmoid, gelu, …"
    raise OptionError(f"activation must be a function, None, or the name of an operation of one operand, not {choice!r}{hint}")


def activation_name(choice: Activation | None) -> str:
    """What to call it in a summary or a picture: "" for none."""
    return "" if choice is None else getattr(choice, "__name__", type(choice).__name__)
