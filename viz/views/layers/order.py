"""The order of units, weights and inputs, and images among them, by the numbers in their names."""

import re
from collections.abc import Iterable, Sequence
from math import isqrt
from typing import TypeVar

from scalargrad.core.value import Value

_NUMBER = re.compile("[0-9]+")
MIN_IMAGE = 16
"""The smallest square number of inputs without names that is taken for an image."""

Leaf = TypeVar("Leaf", bound=Value)
Rank = tuple[int, tuple[int, ...]]


def digits(name: str) -> tuple[int, ...]:
    """Return the numbers in a name.

    Example:
        >>> digits("maps.2.10")
        (2, 10)
    """
    return tuple(map(int, _NUMBER.findall(name)))


def rank_names(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Rank]:
    """Return sort keys: families of names in order of appearance, and by number within a family.

    Args:
        names: Pairs of a name and its kind. Names that differ in numbers alone are one family.

    Example:
        >>> ranks = rank_names([("b.1", ""), ("a.10", ""), ("a.9", "")])
        >>> sorted(ranks, key=ranks.get)
        [('b.1', ''), ('a.9', ''), ('a.10', '')]
    """
    families: dict[tuple[str, str], int] = {}
    ranks: dict[tuple[str, str], Rank] = {}
    for name, kind in names:
        pattern = _NUMBER.sub("#", name)
        family = families.setdefault((pattern, kind), len(families))
        ranks[name, kind] = (family, digits(name))
    return ranks


def sort_leaves(leaves: list[Leaf]) -> list[Leaf]:
    """Sort leaves by the numbers in their labels, where the labels differ in numbers alone.

    The graph does not give this order: a filter at the edge of an image meets w4 before w0.
    """
    ranks = rank_names((leaf.label, "") for leaf in leaves)
    families = {family for family, _ in ranks.values()}

    # Where labels say nothing about the order, that of the graph is the best there is.
    has_equal_labels = len(ranks) < len(leaves)
    if has_equal_labels or len(families) > 1:
        return leaves
    return sorted(leaves, key=lambda leaf: ranks[leaf.label, ""])


def grid_shape(places: Sequence[tuple[int, ...]]) -> tuple[int, int, int] | None:
    """Return (maps, rows, columns) of things that are numbered by map, row and column.

    Args:
        places: The numbers of each thing.

    Returns:
        None where a place is missing or taken twice, or where there is a single row and column.

    Example:
        >>> grid_shape([(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)])
        (1, 2, 2)
    """
    if {len(place) for place in places} != {3}:
        return None

    by_axis = zip(*places, strict=True)
    maps, rows, columns = (max(numbers) + 1 for numbers in by_axis)
    size = rows * columns
    count = len(places)
    is_full = count == maps * size
    has_doubles = len(set(places)) < count
    if has_doubles or not is_full or size == 1:
        return None
    return maps, rows, columns


def image_shape(leaves: Sequence[Value]) -> tuple[int, int, int] | None:
    """Return (images, rows, columns) of inputs whose labels say so, or whose number is a square."""
    places: list[tuple[int, ...]] = []
    for leaf in leaves:
        place = digits(leaf.label)
        # Labels with two numbers, such as "x3.4", are the pixels of a single image.
        if len(place) == 2:
            place = (0, *place)
        places.append(place)

    named = grid_shape(places)
    if named:
        _, rows, _ = named
        if rows > 1:
            return named

    count = len(leaves)
    side = isqrt(count)
    if count < MIN_IMAGE or side * side != count:
        return None
    return 1, side, side
