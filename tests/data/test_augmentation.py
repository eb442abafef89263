"""Noise, shifts and mirror images: held to lists of lists moved by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import data
from scalargrad.errors import DataError, LengthError, OptionError

sides = st.integers(1, 5)


def images(n: int, height: int, width: int) -> Any:
    return np.arange(1.0, n * height * width + 1).reshape(n, height * width)


def moved(image: Any, height: int, width: int, down: int, right: int, fill: float) -> list[float]:
    """Pixel by pixel, as one would by hand."""
    result = [fill] * (height * width)
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                result[(row + down) * width + column + right] = image[row * width + column]
    return result


@given(height=sides, width=sides, down=st.integers(-5, 7), right=st.integers(-5, 7))
def test_shift(height: int, width: int, down: int, right: int) -> None:
    given = images(3, height, width)
    result = data.shift(given, height, width, down, right, fill=-7.0)
    assert result.tolist() == [moved(image, height, width, down, right, -7.0) for image in given]
    np.testing.assert_array_equal(given, images(3, height, width))


@given(height=sides, width=sides, most=st.integers(0, 3), seed=st.integers(0, 2**70))
def test_random_shift_moves_each_image_by_its_own_pixels(
    height: int, width: int, most: int, seed: int
) -> None:
    given = images(4, height, width)
    result = data.random_shift(given, height, width, most, seed)
    ways = range(-most, most + 1)
    for before, after in zip(given, result, strict=True):
        assert after.tolist() in [
            moved(before, height, width, down, right, 0.0) for down in ways for right in ways
        ]
    np.testing.assert_array_equal(
        result, data.random_shift(given.tolist(), height, width, most, seed)
    )


def test_all_shifts_are_equally_likely() -> None:
    given = np.tile([0, 0, 0, 0, 1, 0, 0, 0, 0], (9000, 1))
    counts = data.random_shift(given, 3, 3, max_shift=1, seed=1).sum(axis=0)
    assert counts.sum() == 9000
    np.testing.assert_allclose(counts, 1000, atol=150)  # five deviations


@given(height=sides, width=sides)
def test_flips(height: int, width: int) -> None:
    given = images(2, height, width)
    lines = [
        [list(image[row * width : (row + 1) * width]) for row in range(height)] for image in given
    ]
    assert data.flip(given, height, width).tolist() == [
        [pixel for line in image for pixel in line[::-1]] for image in lines
    ]
    assert data.flip(given, height, width, "vertical").tolist() == [
        [pixel for line in image[::-1] for pixel in line] for image in lines
    ]


def test_random_flip() -> None:
    given = images(2000, 1, 2)
    result = data.random_flip(given, 1, 2, probability=0.3, seed=1)
    turned = (result == given[:, ::-1]).all(axis=1)
    assert ((result == given).all(axis=1) ^ turned).all()
    assert turned.mean() == pytest.approx(0.3, abs=0.05)
    np.testing.assert_array_equal(data.random_flip(given, 1, 2, 0.0), given)
    np.testing.assert_array_equal(data.random_flip(given, 1, 2, 1.0), given[:, ::-1])


def test_noise() -> None:
    given = np.full((100, 100), 0.5)
    noisy = data.add_noise(given, 0.2, seed=1)
    assert (noisy - given).std() == pytest.approx(0.2, rel=0.05)
    assert (noisy - given).mean() == pytest.approx(0.0, abs=0.01)
    np.testing.assert_array_equal(noisy, data.add_noise(given, 0.2, seed=1))
    assert not np.array_equal(noisy, data.add_noise(given, 0.2, seed=2))
    np.testing.assert_array_equal(
        data.add_noise(given, 0.2, seed=1, clip=(0.4, 0.6)), noisy.clip(0.4, 0.6)
    )
    assert (given == 0.5).all()


def test_impossible_augmentation() -> None:
    given = images(2, 2, 3)
    for height, width in ((3, 3), (1, 5)):
        with pytest.raises(LengthError, match=rf"shape \(n, {height * width}\), not \(2, 6\)"):
            data.shift(given, height, width)
    with pytest.raises(LengthError, match="must have the shape"):
        data.flip([1.0, 2.0], 1, 2)
    for size in (0, -2, 2.0):
        with pytest.raises(OptionError, match="height must be"):
            data.flip(given, size, 3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="right must be a whole number"):
        data.shift(given, 2, 3, right=0.5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="max_shift must be"):
        data.random_shift(given, 2, 3, max_shift=-1)
    with pytest.raises(OptionError, match="horizontal, vertical, not 'up'"):
        data.flip(given, 2, 3, "up")
    for probability in (-0.1, 1.1, np.nan):
        with pytest.raises(
            OptionError, match="probability must be a number of at least 0 and at most 1"
        ):
            data.random_flip(given, 2, 3, probability)
    with pytest.raises(OptionError, match="deviation must be"):
        data.add_noise(given, -1.0)
    for clip in ((1.0, 0.0), (1.0,), 1.0, ("a", "b"), (0.0, np.inf)):
        with pytest.raises(OptionError, match=r"clip must be a range \(low, high\)"):
            data.add_noise(given, 1.0, clip=clip)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"images\[0, 1\] is inf"):
        data.add_noise([[0.0, np.inf]], 1.0)
    with pytest.raises(OptionError, match="fill must be a finite number, not nan"):
        data.shift(given, 2, 3, fill=np.nan)
