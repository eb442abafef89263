"""Points in the plane whose classes no straight line separates."""

import numpy as np

from scalargrad.core.checks import checked_int, checked_number
from scalargrad.utils.calls import explain_calls

from .checks import Floats, Integers, Seed, make_generator

Points = tuple[Floats, Integers]


@explain_calls
def moons(n: int = 100, noise: float = 0.1, seed: Seed = 0) -> Points:
    """Generate two interleaving half circles, with the geometry of scikit-learn's `make_moons`.

    Args:
        n: Number of points, at least 2.
        noise: Standard deviation of the noise on each coordinate; a moon has radius 1.
        seed: An int, a `numpy.random.Generator` or a `random.Random`.

    Returns:
        X (n, 2), and y (n,) of 0 (the upper moon, n // 2 points) and 1, shuffled. For labels ±1 use
        `2 * y - 1`.

    Raises:
        OptionError: For a number out of range.

    Example:
        >>> X, y = moons(100, noise=0.1, seed=1)
        >>> X.shape, y[:4]
        ((100, 2), array([0, 0, 0, 1]))
    """
    upper, lower = _halve(n)
    upper_moon = _half_circle(upper)
    # Turned by half a circle, and moved so that each moon reaches into the other.
    lower_moon = np.array([1.0, 0.5]) - _half_circle(lower)
    return _shuffle([upper_moon, lower_moon], noise, seed)


@explain_calls
def circles(n: int = 100, noise: float = 0.05, factor: float = 0.5, seed: Seed = 0) -> Points:
    """Generate a circle in a circle, with the geometry of scikit-learn's `make_circles`.

    Args:
        n: Number of points, at least 2.
        noise: Standard deviation of the noise on each coordinate; the outer circle has radius 1.
        factor: The radius of the inner circle, in [0, 1).
        seed: An int, a `numpy.random.Generator` or a `random.Random`.

    Returns:
        X (n, 2), and y (n,) of 0 (the outer circle, n // 2 points) and 1, shuffled.

    Raises:
        OptionError: For a number out of range.

    Example:
        >>> X, y = circles(4, noise=0.0, factor=0.5)
        >>> (X**2).sum(axis=1).round(6)[y == 1]
        array([0.25, 0.25])
    """
    outside, inside = _halve(n)
    # At 1 the two circles would be one.
    radius = checked_number(factor, "factor", high=1.0)
    outer = _ring(outside)
    inner = _ring(inside) * radius
    return _shuffle([outer, inner], noise, seed)


@explain_calls
def spirals(
    n: int = 150,
    classes: int = 3,
    noise: float = 0.02,
    seed: Seed = 0,
    turns: float = 0.6,
) -> Points:
    """Generate spiral arms around the origin, one for each class.

    Args:
        n: Number of points, at least one for each class. If it is not a multiple of the number
            of classes, the first arms have one point more.
        classes: Number of arms, at least 2; each is turned by 1/classes of a circle against the one
            before.
        noise: Standard deviation of the noise on each coordinate; an arm runs from radius 0.1 to 1.
        seed: An int, a `numpy.random.Generator` or a `random.Random`.
        turns: Number of turns of an arm.

    Returns:
        X (n, 2), and y (n,) of 0 … classes - 1, shuffled.

    Raises:
        OptionError: For a number out of range.

    Example:
        >>> X, y = spirals(9, classes=3, noise=0.0)
        >>> np.bincount(y)
        array([3, 3, 3])
    """
    arms = checked_int(classes, "classes", 2)
    winding = checked_number(turns, "turns")
    total = checked_int(n, "n", arms)
    size, rest = divmod(total, arms)
    groups = []
    for arm in range(arms):
        points = size + 1 if arm < rest else size
        start = arm / arms
        groups.append(_arm(points, start, winding))
    return _shuffle(groups, noise, seed)


@explain_calls
def quadrants(n: int = 100, seed: Seed = 0, reach: float = 1.0) -> Points:
    """Generate points of a square around the origin, each with the class of its quadrant.

    Args:
        n: Number of points, at least 4; each class has n // 4 points or one more.
        seed: An int, a `numpy.random.Generator` or a `random.Random`.
        reach: Half the side of the square; coordinates are in (-reach, reach), and never 0.

    Returns:
        X (n, 2), and y (n,) of 0, 1, 2, 3, shuffled. Classes go counter-clockwise from 0, where
        both coordinates are positive.

    Raises:
        OptionError: For n below 4 and a reach that is not above 0.

    Example:
        >>> X, y = quadrants(8, seed=1)
        >>> all((y == 2) == ((X[:, 0] < 0) & (X[:, 1] < 0)))
        True
    """
    total = checked_int(n, "n", 4)
    size = checked_number(reach, "reach", above=True)
    rng = make_generator(seed)
    classes = np.arange(total) % 4
    y = rng.permutation(classes)
    # 1 - random() is in (0, 1], so no point is on an axis.
    shares = 1.0 - rng.random((total, 2))
    distances = size * shares
    return _QUADRANT_SIGNS[y] * distances, y


_QUADRANT_SIGNS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
"""The signs of both coordinates in each quadrant, counter-clockwise."""


def _halve(n: int) -> tuple[int, int]:
    total = checked_int(n, "n", 2)
    first = total // 2
    return first, total - first


def _on_circle(angles: Floats) -> Floats:
    """Points of the unit circle, (n, 2)."""
    x = np.cos(angles)
    y = np.sin(angles)
    return np.stack([x, y], axis=1)


def _half_circle(n: int) -> Floats:
    angles = np.linspace(0.0, np.pi, n)
    return _on_circle(angles)


def _ring(n: int) -> Floats:
    # The end is the start again, which would be a point twice.
    angles = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return _on_circle(angles)


def _arm(n: int, start: float, turns: float) -> Floats:
    along = np.linspace(0.0, 1.0, n)
    radius = 0.1 + 0.9 * along
    turned = start + turns * along
    directions = _on_circle(2.0 * np.pi * turned)
    return radius[:, None] * directions


def _shuffle(groups: list[Floats], noise: float, seed: Seed) -> Points:
    """Return the groups as one shuffled set with noise; the class is the index of the group."""
    scale = checked_number(noise, "noise")
    rng = make_generator(seed)
    X = np.concatenate(groups)
    classes = np.arange(len(groups))
    sizes = [len(group) for group in groups]
    y = np.repeat(classes, sizes)

    order = rng.permutation(len(X))
    noise_of_all = rng.standard_normal(X.shape)
    noisy = X + scale * noise_of_all
    return noisy[order], y[order]
