"""Hooks: functions that read or replace the gradient of a Value during a backward pass."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scalargrad.errors import DataError

from .conversion import as_float, is_number

if TYPE_CHECKING:
    from .value import Number, Value

Hook = Callable[[Any], Any]

BY_HAND = "backward"
"""The key in `Value.metadata` of a `_backward` that was set by hand, as in code for micrograd."""


class _Entry:
    """One registration of a hook, so that a function can be registered twice and removed once."""

    __slots__ = ("hook",)

    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    @property
    def only_looks(self) -> bool:
        """Whether the hook declares that it never replaces a gradient."""
        return getattr(self.hook, "only_looks", False)


class HookHandle:
    """The result of `register_hook`; `remove()` removes the hook."""

    def __init__(self, hooks: list[_Entry], hook: Hook) -> None:
        self._hooks = hooks
        self._entry = _Entry(hook)
        hooks.append(self._entry)

    def remove(self) -> None:
        """Remove the hook; a second call does nothing.

        Example:
            >>> from scalargrad import Value
            >>> x = Value(3.0)
            >>> first, second = [x.register_hook(lambda gradient: gradient * 2) for _ in range(2)]
            >>> first.remove()
            >>> first.remove()
            >>> x.backward()
            >>> x.grad
            2.0
        """
        # Another thread may remove it between a test and the removal.
        with suppress(ValueError):
            self._hooks.remove(self._entry)


def apply_hooks(node: "Value", gradient: "Number") -> "Number":
    """Return the gradient of a node after its hooks, each of which may replace it."""
    metadata = node.metadata or {}
    # A copy, because a hook may remove itself.
    for entry in list(metadata.get("hooks", ())):
        replaced = entry.hook(gradient)
        if replaced is not None:
            gradient = replaced if hasattr(replaced, "args") else _as_gradient(node, replaced)
    return gradient


def _as_gradient(node: "Value", replaced: object) -> float:
    if not is_number(replaced):
        shape = getattr(replaced, "shape", ())
        of_shape = f" of shape {tuple(shape)}" if shape else ""
        raise DataError(
            f"a gradient hook of {node!r} returned {type(replaced).__name__}{of_shape}: "
            "return one number, or None to keep the gradient"
        )
    return as_float(replaced, f"what a gradient hook of {node!r} returned")
