"""Points in the plane with classes that a straight line can't part: moons, circles, spirals, quadrants."""

import numpy as np

from scalargrad.core.checks import checked_int
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_calls

from .checks import Floats, Integers, Seed, between, generator

Points = tuple[Floats, Integers]


@explain_calls
def moons(n: int = 100, noise: float = 0.1, seed: Seed = 0) -> Points:
    """Two half circles that reach into each other: X (n, 2), y (n,) of 0 (the upper, n // 2 points) and 1; shuffled.

    n      how many points, at least 2
    noise  the standard deviation of what is added to each coordinate; radius 1 is the size of a moon
    seed   an int, a numpy.random.Generator or a random.Random

    For labels ±1 take `2 * y - 1`. The geometry is that of scikit-learn's `make_moons`. Raises OptionError for other sizes.

    >>> X, y = moons(100, noise=0.1, seed=1)
    >>> X.shape, y[:4]
    ((100, 2), array([0, 0, 0, 1]))
    """
    upper, lower = _halves(n)
    outer, inner = np.linspace(0.0, np.pi, upper), np.linspace(0.0, np.pi, lower)
    arcs = [_plane(np.cos(outer), np.sin(outer)), _plane(1.0 - np.cos(inner), 0.5 - np.sin(inner))]
    return _scattered(arcs, noise, seed)


@explain_calls
def circles(n: int = 100, noise: float = 0.05, factor: float = 0.5, seed: Seed = 0) -> Points:
    """A circle in a circle: X (n, 2), y (n,) of 0 (outside, radius 1, n // 2 points) and 1 (inside, radius `factor`); shuffled.

    `factor` is in [0, 1); n, noise, seed and labels ±1 as for `moons`. The geometry is that of scikit-learn's `make_circles`.

    >>> X, y = circles(4, noise=0.0, factor=0.5)
    >>> (X**2).sum(axis=1).round(6)[y == 1]
    array([0.25, 0.25])
    """
    outside, inside = _halves(n)
    radius = between(factor, "factor", 0.0, 1.0)
    if radius == 1.0:
        raise OptionError("factor must be below 1, where the circles are one")
    return _scattered([_ring(outside), _ring(inside) * radius], noise, seed)


@explain_calls
def spirals(
    n: int = 150, classes: int = 3, noise: float = 0.02, seed: Seed = 0, turns: float = 0.6
) -> Points:
    """Arms that wind around the origin, one for each class: X (n, 2), y (n,) of 0 … classes - 1; shuffled.

    n        how many points in all, at least one for each class; the first arms have one more where n can't be shared evenly
    classes  how many arms, at least 2; each is turned by 1/classes of a circle against the one before
    noise    the standard deviation of what is added to each coordinate; an arm runs from radius 0.1 to 1
    turns    how often an arm goes around

    seed, and labels ±1 of two classes, as for `moons`.

    >>> X, y = spirals(9, classes=3, noise=0.0)
    >>> np.bincount(y)
    array([3, 3, 3])
    """
    arms, winding = checked_int(classes, "classes", 2), between(turns, "turns")
    total = checked_int(n, "n", arms)
    sizes = [total // arms + (arm < total % arms) for arm in range(arms)]
    return _scattered(
        [_arm(size, arm / arms, winding) for arm, size in enumerate(sizes)], noise, seed
    )


@explain_calls
def quadrants(n: int = 100, seed: Seed = 0, reach: float = 1.0) -> Points:
    """Points of the square (-reach, reach)², with the class of their quadrant: X (n, 2), y (n,) of 0, 1, 2, 3; shuffled.

    Classes go counter-clockwise from 0 where both coordinates are positive, as quadrants are numbered (from 1) in school.
    Each class has n // 4 points, or one more; no point lies on an axis. Raises OptionError for n below 4 and reach 0.

    >>> X, y = quadrants(8, seed=1)
    >>> all((y == 2) == ((X[:, 0] < 0) & (X[:, 1] < 0)))
    True
    """
    total, size, rng = checked_int(n, "n", 4), between(reach, "reach"), generator(seed)
    if not size:
        raise OptionError("reach must be above 0")
    y = rng.permutation(np.arange(total) % 4)
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    return signs[y] * (
        size * (1.0 - rng.random((total, 2)))
    ), y  # 1 - random() is in (0, 1]: never on an axis


def _halves(n: int) -> tuple[int, int]:
    total = checked_int(n, "n", 2)
    return total // 2, total - total // 2


def _plane(across: Floats, up: Floats) -> Floats:
    return np.stack([across, up], axis=1)


def _ring(n: int) -> Floats:
    angles = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return _plane(np.cos(angles), np.sin(angles))


def _arm(n: int, start: float, turns: float) -> Floats:
    along = np.linspace(0.0, 1.0, n)
    radius, angle = 0.1 + 0.9 * along, 2.0 * np.pi * (start + turns * along)
    return _plane(radius * np.cos(angle), radius * np.sin(angle))


def _scattered(groups: list[Floats], noise: float, seed: Seed) -> Points:
    """The groups as one shuffled set with noise; the class of a point is the number of its group."""
    spread, rng = between(noise, "noise"), generator(seed)
    X = np.concatenate(groups)
    y = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    order = rng.permutation(len(X))
    return (X + spread * rng.standard_normal(X.shape))[order], y[order]
