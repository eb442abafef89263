"""Types of nested arguments, as transforms, tapes and checks take them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

Function = Callable[..., Any]


class SupportsArray(Protocol):
    """Anything that NumPy reads as an array: an array, a pandas Series, a tensor."""

    def __array__(self) -> Any:
        """Return the object as a NumPy array."""


Item = TypeVar("Item")
Tree: TypeAlias = Item | Sequence["Tree[Item]"] | Mapping[Any, "Tree[Item]"] | SupportsArray | None
"""An item, or a tree of items in lists, tuples, dicts and arrays."""
