"""A hundred steps against a loop in NumPy, and what they leave; files of the reader."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from demos import hundred, numerical
from demos.__main__ import main
from tests.demos.conftest import Told
from tests.demos.page import files_of
from tests.demos.test_numerical import by_hand, matrices


@pytest.fixture(scope="module")
def parts() -> list[Any]:
    """Scikit-learn's digits: pictures to train on and to ask about, and their digits."""
    return hundred.pictures(None)


def descend(images: Any, digits: Any, order: list[int], seed: int) -> tuple[Any, ...]:
    """The tutorial's loop in NumPy, with the gradient of the textbook."""
    (w, b), (v, c) = matrices(numerical.network(images.shape[1], 100, 10, seed=seed))
    for place in order:
        x = images[place]
        z = 1.0 / (1.0 + numpy.exp(-(w @ x + b)))
        powers = numpy.exp(v @ z + c)
        delta = powers / powers.sum() - numpy.eye(10)[digits[place]]
        hidden = (v.T @ delta) * z * (1.0 - z)
        v = v - 0.1 * numpy.outer(delta, z)
        c = c - 0.1 * delta
        w = w - 0.1 * numpy.outer(hidden, x)
        b = b - 0.1 * hidden
    return w, b, v, c


@pytest.mark.parametrize(("pixels", "steps"), [(196, 20), (64, 100)])
def test_the_steps_are_those_of_a_loop_in_numpy(pixels: int, steps: int) -> None:
    rng = numpy.random.default_rng(3)
    images = rng.random((steps, pixels))
    digits = rng.integers(0, 10, steps)
    order = list(range(steps))
    found = matrices(hundred.train(images, digits, order, 5))
    expected = descend(images, digits, order, 5)
    for ours, theirs in zip((*found[0], *found[1]), expected, strict=True):
        numpy.testing.assert_allclose(ours, theirs, rtol=0.0, atol=1e-12)


def test_what_is_read_is_what_numpy_reads(parts: list[Any]) -> None:
    model = numerical.network(64, 100, 10)
    outputs = hundred.read(model, parts[1][:5])
    powers = numpy.exp(outputs)
    for image, row in zip(parts[1][:5], powers / powers.sum(axis=1, keepdims=True), strict=True):
        loss, _ = by_hand(model, image.tolist(), 4)
        assert -numpy.log(row[4]) == pytest.approx(loss, abs=1e-12)


def test_the_hidden_units_say_about_a_half_whatever_they_are_shown(parts: list[Any]) -> None:
    weights, bias = matrices(numerical.network(64, 100, 10))[0]
    hidden = 1.0 / (1.0 + numpy.exp(-(parts[0] @ weights.T + bias)))
    assert 0.4 < hidden.min() < hidden.max() < 0.6


def test_a_step_moves_the_outputs_of_all_pictures_nearly_alike(parts: list[Any]) -> None:
    images, _, digits, _ = parts
    before = hundred.read(numerical.network(64, 100, 10), images[:200])
    moved = hundred.read(hundred.train(images, digits, [0], 0), images[:200]) - before
    assert moved[:, digits[0]].min() > 0.9 * moved[0, digits[0]] > 1.0
    others = numpy.delete(moved, digits[0], axis=1)
    assert others.max() < 0.0


def test_one_picture_again_and_again_is_said_to_all(parts: list[Any]) -> None:
    images, held, digits, _ = parts
    outputs = hundred.read(hundred.train(images, digits, [3] * 200, 1), held)
    assert (outputs.argmax(axis=1) == digits[3]).all()


def mnist(path: Path, count: int) -> Path:
    """Random pictures in the form of MNIST's CSV."""
    rng = numpy.random.default_rng(0)
    rows = [[i % 10, *rng.integers(0, 256, 784)] for i in range(count)]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    return path


def test_rows_of_mnist_are_split_and_scaled(tmp_path: Path) -> None:
    images, held, digits, truths = hundred.pictures(mnist(tmp_path / "rows.csv", 10))
    assert (len(images), len(held), len(images[0])) == (8, 2, 784)
    assert sorted([*digits, *truths]) == list(range(10))
    assert 0.0 <= min(map(min, images)) < max(map(max, images)) <= 1.0


def test_scikit_learns_digits_are_the_default() -> None:
    images, held, digits, truths = hundred.pictures(None)
    assert (len(images) + len(held), len(images[0])) == (1797, 64)
    assert len(digits) + len(truths) == 1797


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3\n", "has a label and 2 pixels"),
        ("x" + ",0" * 784, "line 1, column 1: must be a finite number, not 'x'"),
        ("", "holds no rows"),
    ],
)
def test_a_malformed_file_is_a_clear_error(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=f"The file of --data can't be used: .*rows.csv.*{words}"):
        main(
            [
                "hundred",
                "--quick",
                "--data",
                str(tmp_path / "rows.csv"),
                "--out",
                str(tmp_path / "gallery"),
            ]
        )


def test_a_missing_file_is_a_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["hundred", "--data", str(tmp_path / "none.csv")])
    assert "argument --data: there is no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["neuron"], "takes no --data"),
        ([], "--data is for one demo"),
        (["neuron", "moons"], "for one"),
    ],
)
def test_data_is_refused_where_it_has_no_use(names: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=words):
        main(
            [
                *names,
                "--data",
                str(mnist(tmp_path / "rows.csv", 2)),
                "--out",
                str(tmp_path / "gallery"),
            ]
        )
    assert not (tmp_path / "gallery").exists()


def test_the_test_rows_beside_the_file_are_asked_about(tmp_path: Path) -> None:
    mnist(tmp_path / hundred.TEST_FILE, 4)
    images, held, digits, truths = hundred.pictures(mnist(tmp_path / "rows.csv", 12))
    assert digits.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert (len(images), len(held), truths.tolist()) == (12, 4, [0, 1, 2, 3])


def test_a_file_of_mnist_is_told_about(tmp_path: Path) -> None:
    mnist(tmp_path / hundred.TEST_FILE, 3)
    parts = hundred.pictures(mnist(tmp_path / "rows.csv", 6))
    # Some of the pixels: a network that sees all of them takes seconds to compile.
    parts[:2] = [images[:, 300:364] for images in parts[:2]]
    found = hundred.hundred_steps(parts, 0, shuffled=False)
    assert 0 <= found.right <= 3
    assert found.answer in range(10)


def test_what_is_said_is_what_is_on_the_page(told: Callable[[str], Told]) -> None:
    ran = told("hundred")
    said = dict(ran.story.numbers)
    assert len(said) == len(ran.story.numbers)
    assert all(what in ran.printed and number in ran.printed for what, number in said.items())
    assert ran.files == files_of(ran.story)


def shares(told: Callable[[str], Told]) -> dict[str, tuple[int, int]]:
    """The rows of the page that say how many of how many."""
    rows = dict(told("hundred").story.numbers)
    pairs = {what: number.split(" of ") for what, number in rows.items() if " of " in number}
    return {what: (int(a), int(b)) for what, (a, b) in pairs.items() if a.isdigit()}


def test_every_network_says_one_of_the_last_digits_to_all(told: Callable[[str], Told]) -> None:
    found = shares(told)
    assert found["networks that say one digit to all 359 pictures"] == (5, 5)
    assert found["it is one of the last five shown"] == (5, 5)
    assert found["outputs that differ more by digit than by picture"] == (5, 5)


def test_the_digit_is_rarely_the_most_frequent(told: Callable[[str], Told]) -> None:
    often, count = shares(told)["it is the one shown most often"]
    assert 2 * often < count


def test_showing_the_pictures_again_teaches_to_read(told: Callable[[str], Told]) -> None:
    rows = shares(told)
    right, asked = rows["the pictures 30 times, one start: read correctly"]
    assert right > 0.8 * asked


def test_showing_one_picture_again_does_not(told: Callable[[str], Told]) -> None:
    rows = shares(told)
    (share,) = [share for what, share in rows.items() if "200 times" in what]
    assert share == (359, 359)


def test_a_hundred_steps_read_about_as_many_as_guessing(told: Callable[[str], Told]) -> None:
    what = "pictures read correctly, where the tutorial counts 3"
    least, _, most, _, asked = dict(told("hundred").story.numbers)[what].split()
    assert asked == "359"
    assert 0.05 * 359 < int(least) <= int(most) < 0.15 * 359
