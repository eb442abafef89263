"""Hooks: functions that look at, or replace, the gradient of one Value while a backward pass goes by."""

from collections.abc import Callable
from typing import Any

from .errors import DataError

Hook = Callable[[Any], Any]


class HookHandle:
    """What `register_hook` returns: `remove()` takes the hook away again."""

    def __init__(self, hooks: list[Hook], hook: Hook) -> None:
        hooks.append(hook)
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)


def hooked(node: Any, gradient: Any) -> Any:
    """The gradient after the hooks of the node had their say."""
    for hook in list(node.notes.get("hooks", ())):
        replaced = hook(gradient)
        if replaced is not None:
            if not hasattr(replaced, "__float__"):
                raise DataError(f"a gradient hook of {node!r} returned {type(replaced).__name__}: return a number, or None to keep it")
            gradient = replaced if hasattr(replaced, "args") else float(replaced)
    return gradient
