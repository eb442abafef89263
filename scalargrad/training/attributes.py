"""What modules, losses and penalties hold, compared with what they held before."""

from collections.abc import Iterator
from operator import is_
from typing import Any

import numpy

from scalargrad.nn import Module

_CONTAINERS = (list, dict, set)
_MAX_ARRAY = 4096
"""The largest array that is compared number by number; of others only the object is."""


class Attributes:
    """The attributes of all modules in a model, and of functions, as they were at first.

    Containers in them are compared entry by entry, and their entries by identity. The mode does not
    count. Objects of other classes are not searched.

    Args:
        model: The model.
        *functions: Other objects that are called, such as a loss. Nothing inside them is searched.

    Example:
        >>> from scalargrad.nn import Dropout
        >>> layer = Dropout(0.5, seed=1)
        >>> attributes = Attributes(layer)
        >>> layer.scale = 0.25
        >>> attributes.find_change()
        '`scale` of Dropout'
        >>> attributes.restore()
        >>> attributes.find_change()
        ''
    """

    def __init__(self, model: Module, *functions: object) -> None:
        self._owners: list[object] = [module for _, module in model.named_modules()]
        self._owners += [each for each in functions if hasattr(each, "__dict__")]
        self._before = [
            {name: (value, _contents(value)) for name, value in _attributes(owner)}
            for owner in self._owners
        ]

    def find_change(self) -> str:
        """Name the first attribute that is not as it was; "" if all are."""
        for owner, before in zip(self._owners, self._before, strict=True):
            now = dict(_attributes(owner))
            for name in (*before, *now):
                if name not in now or name not in before or not _is_same(before[name], now[name]):
                    return f"`{name}` of {type(owner).__name__}"
        return ""

    def restore(self) -> None:
        """Set all attributes, and what containers and small arrays hold, to what they were."""
        for owner, before in zip(self._owners, self._before, strict=True):
            space = vars(owner)
            for name, _ in _attributes(owner):
                if name not in before:
                    del space[name]
            for name, (value, contents) in before.items():
                space[name] = value
                _restore_contents(value, contents)


def _attributes(owner: object) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each attribute, but for the mode."""
    for name, value in list(vars(owner).items()):
        if name != "training":
            yield name, value


def _contents(value: Any) -> Any:
    """Return a copy of what a container or a small array holds; None for anything else."""
    if isinstance(value, _CONTAINERS):
        return value.copy()
    if isinstance(value, numpy.ndarray) and value.size <= _MAX_ARRAY:
        return value.copy()
    return None


def _restore_contents(value: Any, contents: Any) -> None:
    # In place, for whoever else holds the same container.
    if isinstance(value, list):
        value[:] = contents
    elif isinstance(value, (dict, set)):
        value.clear()
        value.update(contents)
    elif contents is not None and not _is_same((value, contents), value):
        value[...] = contents


def _is_same(before: tuple[Any, Any], now: Any) -> bool:
    value, contents = before
    if value is not now:
        # Equal numbers and texts need not be the same object.
        plain = (bool, int, float, str, type(None))
        return type(value) is type(now) and isinstance(now, plain) and repr(value) == repr(now)
    if isinstance(contents, numpy.ndarray):
        same_shape: bool = contents.shape == now.shape
        return same_shape and contents.tobytes() == now.tobytes()
    if contents is None:
        return True
    if isinstance(contents, dict):
        return _is_same_list([*contents, *contents.values()], [*now, *now.values()])
    if isinstance(contents, set):
        return bool(contents == now)
    return _is_same_list(contents, now)


def _is_same_list(before: list[Any], now: list[Any]) -> bool:
    return len(before) == len(now) and all(map(is_, before, now))
