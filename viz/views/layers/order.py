"""Units, weights and inputs in order, and as images, by the numbers in their names."""

import re
from collections.abc import Iterable, Sequence
from math import isqrt
from typing import Any

from scalargrad.core.value import Value

_NUMBER = re.compile("[0-9]+")
SMALLEST_IMAGE = 16
"""From so many numbers on, a square number of inputs without names is an image."""


def digits(name: str) -> tuple[int, ...]:
    """The numbers in a name.

    >>> digits("maps.2.10")
    (2, 10)
    """
    return tuple(map(int, _NUMBER.findall(name)))


def ordered(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, tuple[int, ...]]]:
    """For names with a kind the place where each stands: kinds of names as they come, within a kind by the numbers in the names.

    >>> places = ordered([("b.1", ""), ("a.10", ""), ("a.9", "")])
    >>> sorted(places, key=places.get)
    [('b.1', ''), ('a.9', ''), ('a.10', '')]
    """
    families: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], tuple[int, tuple[int, ...]]] = {}
    for name, kind in names:
        family = families.setdefault((_NUMBER.sub("#", name), kind), len(families))
        found[name, kind] = family, digits(name)
    return found


def in_order(leaves: list[Any]) -> list[Any]:
    """Leaves by the numbers in their labels, where these differ in numbers alone: a filter at the edge meets w4 before w0."""
    names = [(leaf.label, "") for leaf in leaves]
    places = ordered(names)
    if len(places) < len(leaves) or len({place for place, _ in places.values()}) > 1:
        return leaves
    return [
        leaf
        for leaf, _ in sorted(zip(leaves, names, strict=True), key=lambda pair: places[pair[1]])
    ]


def grid(places: Sequence[tuple[int, ...]]) -> tuple[int, int, int] | None:
    """(maps, rows, columns) where things are numbered by map, row and column without a gap."""
    if not places or any(len(place) != 3 for place in places):
        return None
    sizes = tuple(max(place[i] for place in places) + 1 for i in range(3))
    whole = len(set(places)) == len(places) == sizes[0] * sizes[1] * sizes[2]
    return (sizes[0], sizes[1], sizes[2]) if whole and sizes[1] * sizes[2] > 1 else None


def image_shape(leaves: Sequence[Value]) -> tuple[int, int, int] | None:
    """(images, rows, columns) of inputs whose names say so, or whose number is a square."""
    places = [digits(leaf.label) for leaf in leaves]
    named = grid([place if len(place) == 3 else (0, *place) for place in places])
    if named and named[1] > 1:
        return named
    side = isqrt(len(leaves))
    return (1, side, side) if side * side == len(leaves) >= SMALLEST_IMAGE else None
