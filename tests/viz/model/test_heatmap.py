"""Heat maps, decoded by matplotlib, and histograms, counted by NumPy."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.look.theme import DARK, LIGHT, STEPS, color, shade
from viz.model.heatmap import BINS, Map, histogram, png, shades

image = pytest.importorskip("matplotlib.image")


def pixels(data: bytes) -> np.ndarray:
    """The colors of a PNG, (height, width, 4), from 0 to 255."""
    return np.rint(image.imread(BytesIO(data)) * 255).astype(int)


def code(pixel: np.ndarray) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in pixel[:3])


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_cells_have_the_colors_of_the_scale(theme):
    numbers = (0.0, 1e-6, 0.02, 0.5, 2.0, -1e-6, -0.02, -0.5, -2.0, -0.0)
    found = pixels(png(Map("W", 2, 5, numbers), theme))
    high, wide = found.shape[0] // 2, found.shape[1] // 5
    for i, x in enumerate(numbers):
        cell = found[i // 5 * high : (i // 5 + 1) * high, i % 5 * wide : (i % 5 + 1) * wide]
        assert {code(pixel) for row in cell for pixel in row} == {color(shade(x, 2.0), theme)}
        assert (cell[..., 3] == 255).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=30))
def test_shades_are_those_of_single_numbers(numbers):
    largest = max(map(abs, numbers)) or 1.0
    assert shades(np.array(numbers), largest, STEPS).tolist() == [
        shade(x, largest) for x in numbers
    ]


def test_what_is_not_finite_alarms_and_what_is_missing_is_not_there():
    found = pixels(
        png(Map("W", 1, 4, (1.0, float("nan"), float("-inf"), 0.0), missing=(3,)), LIGHT)
    )
    cells = found[0, found.shape[1] // 8 :: found.shape[1] // 4]
    assert [code(cell) for cell in cells[:3]] == [color(STEPS, LIGHT), LIGHT.alarm, LIGHT.alarm]
    assert [cell[3] for cell in cells] == [255, 255, 255, 0]


def test_of_a_map_that_is_too_large_each_block_shows_its_farthest_number():
    numbers = np.full((300, 400), 0.01)
    numbers[7, 11], numbers[150, 399] = -5.0, 3.0
    found = pixels(png(Map("W", 300, 400, tuple(numbers.ravel().tolist())), LIGHT, max_pixels=5000))
    assert 2500 < found.shape[0] * found.shape[1] <= 5000
    high, wide = -(-300 // found.shape[0]), -(-400 // found.shape[1])
    assert code(found[7 // high, 11 // wide]) == color(-STEPS, LIGHT)
    blue = [tuple(place) for place in np.argwhere(found[..., 2] - found[..., 0] > 100)]
    assert blue == [(150 // high, 399 // wide)]


@pytest.mark.parametrize("numbers", [[], [0.0, 0.0], [float("nan")], [1e-320, -1e308]])
def test_odd_numbers_have_histograms(numbers):
    found = histogram("W", numbers)
    assert sum(found.counts) + found.zeros + found.odd == len(numbers)


def test_a_histogram_counts_as_numpy_does():
    numbers = np.random.default_rng(3).normal(size=5000)
    numbers[:700] = 0.0
    found = histogram("W", numbers.tolist())
    largest = np.abs(numbers).max()
    counts, _ = np.histogram(numbers[numbers != 0.0], bins=BINS, range=(-largest, largest))
    assert found.zeros == 700
    assert np.abs(counts - np.array(found.counts)).sum() <= 2
    assert found.largest == largest
