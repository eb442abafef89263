"""How messages and summaries call a module."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scalargrad.terminal import printable

if TYPE_CHECKING:
    from .module import Module

_MAX_NAMES = 5
"""How many names a message lists."""


def describe(module: "Module") -> str:
    """Return a module as one phrase: the name of its class, with `extra_repr()` in parentheses.

    Example:
        >>> from scalargrad.nn import Layer, Sequential
        >>> describe(Layer(2, 3))
        'Layer(2 → 3, relu)'
        >>> describe(Sequential())
        'Sequential'
    """
    name = module._get_name()
    extra = module.extra_repr()
    phrase = f"{name}({extra})" if extra else name
    # A class of the user may return anything from its extra_repr.
    return printable(phrase)


def join_path(path: str, name: str) -> str:
    """Return the path of a part of the module at `path`.

    Example:
        >>> join_path("layers.0", "bias"), join_path("", "bias")
        ('layers.0.bias', 'bias')
    """
    return f"{path}.{name}" if path else name


def list_names(names: Sequence[object]) -> str:
    """Return names as text, the first five where there are more.

    Example:
        >>> list_names(range(7))
        '0, 1, 2, 3, 4 and 2 more'
    """
    listed = [str(name) for name in names[:_MAX_NAMES]]
    text = ", ".join(listed)
    rest = len(names) - _MAX_NAMES
    return f"{text} and {rest} more" if rest > 0 else text


def join_parts(*parts: str) -> str:
    """Join the parts of an `extra_repr`, leaving out those that are empty.

    Example:
        >>> join_parts("2 → 3", "", "relu")
        '2 → 3, relu'
    """
    present = [part for part in parts if part]
    return ", ".join(present)
