"""Generators and truth tables: geometry against scikit-learn, counts of classes, seeds."""

from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import data
from scalargrad.errors import DataError, OptionError

GENERATORS: list[Callable[..., Any]] = [data.moons, data.circles, data.spirals, data.quadrants]
NOISY: list[Callable[..., Any]] = [data.moons, data.circles, data.spirals]
every_generator = pytest.mark.parametrize("generate", GENERATORS, ids=lambda f: f.__name__)


def sorted_rows(X: Any, y: Any) -> Any:
    table = np.column_stack([X, y])
    return table[np.lexsort(table.round(9).T)]


@pytest.mark.parametrize("n", [2, 3, 10, 101])
def test_moons_without_noise_are_scikit_learns(n: int) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    expected = datasets.make_moons(n, shuffle=False, noise=None)
    np.testing.assert_allclose(
        sorted_rows(*data.moons(n, noise=0.0, seed=3)), sorted_rows(*expected), atol=1e-12
    )


@pytest.mark.parametrize("n", [2, 3, 10, 101])
@pytest.mark.parametrize("factor", [0.0, 0.3, 0.99])
def test_circles_without_noise_are_scikit_learns(n: int, factor: float) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    expected = datasets.make_circles(n, shuffle=False, noise=None, factor=factor)
    np.testing.assert_allclose(
        sorted_rows(*data.circles(n, 0.0, factor, seed=3)), sorted_rows(*expected), atol=1e-12
    )


@given(classes=st.integers(2, 6), more=st.integers(0, 60), seed=st.integers(0, 2**70))
def test_spirals_wind_from_a_tenth_to_one(classes: int, more: int, seed: int) -> None:
    X, y = data.spirals(classes + more, classes, 0.0, seed, turns=0.5)
    radius = np.hypot(*X.T)
    angle = 2 * np.pi * (y / classes + 0.5 * (radius - 0.1) / 0.9)
    np.testing.assert_allclose(
        X, np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), atol=1e-12
    )
    assert radius.min() == pytest.approx(0.1)
    assert np.ptp(np.bincount(y, minlength=classes)) <= 1


@given(n=st.integers(4, 80), seed=st.integers(0, 2**70), reach=st.floats(0.001, 100))
def test_quadrants_go_around_from_plus_plus(n: int, seed: int, reach: float) -> None:
    X, y = data.quadrants(n, seed, reach)
    signs = {0: (1, 1), 1: (-1, 1), 2: (-1, -1), 3: (1, -1)}
    assert all(
        tuple(np.sign(point)) == signs[int(label)] for point, label in zip(X, y, strict=True)
    )
    assert np.abs(X).max() <= reach
    assert np.ptp(np.bincount(y, minlength=4)) <= 1


@every_generator
def test_the_seed_decides(generate: Callable[..., Any]) -> None:
    X, y = generate(20, seed=5)
    again, other = generate(20, seed=np.int64(5)), generate(20, seed=6)
    assert X.dtype == np.float64
    assert y.dtype == np.int64
    assert X.shape == (20, 2)
    np.testing.assert_array_equal(X, again[0])
    np.testing.assert_array_equal(y, again[1])
    assert not np.array_equal(X, other[0])


@every_generator
@pytest.mark.parametrize(
    "make", [lambda: np.random.default_rng(1), lambda: Random(1)], ids=["numpy", "random"]
)
def test_a_generator_goes_on_from_where_it_stands(
    generate: Callable[..., Any], make: Callable[[], Any]
) -> None:
    one, two = make(), make()
    first, second = generate(20, seed=one)[0], generate(20, seed=one)[0]
    np.testing.assert_array_equal(first, generate(20, seed=two)[0])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("generate", NOISY, ids=lambda f: f.__name__)
def test_noise_is_the_deviation_added_to_each_coordinate(generate: Callable[..., Any]) -> None:
    clean, noisy = generate(4000, noise=0.0, seed=2)[0], generate(4000, noise=0.3, seed=2)[0]
    assert (noisy - clean).std() == pytest.approx(0.3, rel=0.05)
    assert (noisy - clean).mean() == pytest.approx(0.0, abs=0.02)


@every_generator
@pytest.mark.parametrize("n", [0, 1, -3, 2.0, True, "10", None])
def test_impossible_sizes(generate: Callable[..., Any], n: Any) -> None:
    with pytest.raises(OptionError, match="n must be a whole number"):
        generate(n)


@every_generator
@pytest.mark.parametrize("seed", [None, -1, 1.0, True, "a"])
def test_impossible_seeds(generate: Callable[..., Any], seed: Any) -> None:
    with pytest.raises(OptionError, match="seed must be"):
        generate(10, seed=seed)


def test_impossible_options() -> None:
    for noise, kind in ((-0.1, "number"), (np.inf, "finite number"), (np.nan, "number")):
        with pytest.raises(OptionError, match=f"noise must be a {kind} of at least 0, not {noise}"):
            data.moons(10, noise)
    with pytest.raises(DataError, match="noise"):
        data.moons(10, "much")  # type: ignore[arg-type]
    for factor in (-0.1, 1.0, 1.5):
        with pytest.raises(OptionError, match="factor"):
            data.circles(10, factor=factor)
    with pytest.raises(OptionError, match="classes must be"):
        data.spirals(10, classes=1)
    with pytest.raises(OptionError, match="n must be a whole number of at least 4"):
        data.spirals(3, classes=4)
    with pytest.raises(OptionError, match="reach"):
        data.quadrants(10, reach=0)


TABLES = [
    (data.and_, lambda a, b: a and b),
    (data.or_, lambda a, b: a or b),
    (data.xor, lambda a, b: a != b),
    (data.nand, lambda a, b: not (a and b)),
]


@pytest.mark.parametrize(("table", "rule"), TABLES, ids=lambda f: getattr(f, "__name__", ""))
def test_tables_of_two_bits(table: Callable[[], Any], rule: Callable[[int, int], bool]) -> None:
    X, y = table()
    assert X.dtype == np.float64
    assert y.dtype == np.int64
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [int(rule(a, b)) for a, b in product((0, 1), repeat=2)]


@pytest.mark.parametrize("bits", [1, 2, 3, 5])
def test_parity(bits: int) -> None:
    X, y = data.parity(bits)
    rows = list(product((0, 1), repeat=bits))
    assert X.tolist() == [list(row) for row in rows]
    assert y.tolist() == [sum(row) % 2 for row in rows]


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_comparator(bits: int) -> None:
    X, y = data.comparator(bits)
    rows = list(product((0, 1), repeat=2 * bits))
    assert X.tolist() == [list(row) for row in rows]
    assert y.tolist() == [int(row[:bits] > row[bits:]) for row in rows]


@pytest.mark.parametrize("table", [data.parity, data.comparator], ids=lambda f: f.__name__)
@pytest.mark.parametrize("bits", [0, -1, 1.0, 100, True])
def test_impossible_bits(table: Callable[[Any], Any], bits: Any) -> None:
    with pytest.raises(OptionError, match="bits must be"):
        table(bits)
