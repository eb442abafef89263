"""Random functions: their pieces against scipy, their turns by hand, and the film's style sheet."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import numpy as np
import pytest

from demos import curves
from tests.demos.conftest import Stage, Told
from tests.demos.page import files_of

SVG = "{http://www.w3.org/2000/svg}"


def test_the_places_are_those_of_linspace() -> None:
    assert len(curves.PLACES) == 50
    assert curves.PLACES.tolist() == pytest.approx([-10.0 + 20.0 * i / 49 for i in range(50)])


def test_squash_is_the_sigmoid() -> None:
    special = pytest.importorskip("scipy.special")
    assert curves.squash(curves.PLACES) == pytest.approx(special.expit(curves.PLACES), rel=1e-12)


def test_a_composition_is_a_line_of_a_sigmoid_of_a_line() -> None:
    special = pytest.importorskip("scipy.special")
    draws = Random(7)
    k1, b1, k2, b2 = [draws.normalvariate(0.0, 1.0) for _ in range(4)]
    expected = k2 * special.expit(k1 * curves.PLACES + b1) + b2
    assert curves.composed(Random(7)) == pytest.approx(expected, rel=1e-12)


def test_the_coefficients_are_normally_distributed() -> None:
    rng = Random(1)
    lines = [curves.random_line(rng, np.array([0.0, 1.0])) for _ in range(4000)]
    for coefficients in ([at_0 for at_0, _ in lines], [at_1 - at_0 for at_0, at_1 in lines]):
        within = [np.mean(np.abs(coefficients) < sigmas) for sigmas in (1.0, 2.0, 3.0)]
        assert within == pytest.approx([0.6827, 0.9545, 0.9973], abs=0.025)


def test_a_sum_is_that_of_eight_compositions() -> None:
    rng = Random(5)
    expected = sum(curves.composed(rng) for _ in range(8))
    assert curves.summed(Random(5)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_joined_lines_are_straight_on_both_sides_of_one_place(seed: int) -> None:
    bends = np.flatnonzero(np.abs(np.diff(curves.joined(Random(seed)), 2)) > 1e-9)
    assert len(bends) <= 2
    assert len(bends) < 2 or bends[1] == bends[0] + 1


@pytest.mark.parametrize("seed", range(20))
def test_the_second_cut_changes_nothing_before_one_sigmoid(seed: int) -> None:
    uncut = curves.squash(curves.joined(Random(seed)))
    assert (curves.squashed(Random(seed)) == uncut).all()


def test_lines_after_the_sigmoid_tell_its_parts_apart() -> None:
    different = 0
    for seed in range(100):
        rng = Random(seed)
        joined = curves.joined(rng)
        left, right = curves.cut(rng, joined)
        expected = [curves.random_line(rng, 1.0 / (1.0 + np.exp(-part))) for part in (left, right)]
        assert curves.wild(Random(seed)) == pytest.approx(np.concatenate(expected), rel=1e-12)
        different += 0 < len(left) < 50
    assert different > 90


def test_turns_are_counted() -> None:
    x = curves.PLACES
    assert curves.turns(x) == curves.turns(0.0 * x) == 0
    assert curves.turns(x * x) == 1
    # Three and a bit waves from -10 to 10, with a summit or a valley at each half.
    assert curves.turns(np.cos(x)) == 7


def test_a_chain_never_turns_and_the_others_do(told: Callable[[str], Told]) -> None:
    numbers = dict(told("curves").story.numbers)
    assert numbers["line of sigmoid of line"] == "0 of 1,000 turn"
    for name in ("two lines, joined", "a frame of the film", "sum of eight compositions"):
        turning, most = re.findall(r"^(\d+) of .* up to (\d)", numbers[name])[0]
        assert int(turning) > 500
        assert int(most) >= 2


def test_a_steep_sigmoid_takes_the_place_of_a_cut() -> None:
    left, right = np.sin(curves.PLACES), np.exp(-np.abs(curves.PLACES))
    expected = np.where(curves.PLACES < 3.0, left, right)
    assert curves.switched(left, right, 3.0) == pytest.approx(expected, abs=5e-3)
    assert curves.soft_error(Random(3)) < 1e-3


def test_the_place_of_a_switch_has_a_derivative_and_that_of_a_cut_has_none() -> None:
    left, right = curves.PLACES, -curves.PLACES
    soft = [curves.switched(left, right, place).sum() for place in (2.90, 2.91)]
    hard = [np.where(place > curves.PLACES, left, right).sum() for place in (2.90, 2.91)]
    assert abs(soft[1] - soft[0]) > 1e-3
    assert hard[1] == hard[0]


# The film


@pytest.fixture
def film(told: Callable[[str], Told], stage: Stage) -> Path:
    told("curves")
    return stage.folder("curves") / "curves-film.svg"


def test_the_film_shows_one_function_at_any_time(film: Path) -> None:
    text = film.read_text(encoding="utf-8")
    frames = ElementTree.fromstring(text).iter(f"{SVG}g")
    names = [frame.get("class", "") for frame in frames if frame.get("opacity") is not None]
    assert len(names) == curves.FRAMES
    rules = {name: re.findall(rf"@keyframes {name}\{{(.*?\}})\}}", text)[0] for name in names}
    for moment in np.arange(curves.FRAMES) / curves.FRAMES * 100.0 + 2.0:
        shown = [name for name in names if opacity(rules[name], moment) == 1.0]
        hidden = [name for name in names if opacity(rules[name], moment) == 0.0]
        assert len(shown) == 1
        assert len(hidden) == curves.FRAMES - 1


def opacity(keyframes: str, percent: float) -> float:
    points = re.findall(r"([\d.]+)%\{opacity:([\d.]+)\}", keyframes)
    places, heights = zip(*((float(place), float(height)) for place, height in points), strict=True)
    return float(np.interp(percent, places, heights))


def test_the_film_takes_half_a_second_for_each_function(film: Path) -> None:
    durations = set(re.findall(r"animation:k\d+ ([\d.]+)s", film.read_text(encoding="utf-8")))
    assert durations == {f"{curves.FRAMES // 2}"}


def test_the_film_stands_still_for_who_prefers_less_motion(film: Path) -> None:
    text = film.read_text(encoding="utf-8")
    outside = re.sub(r"@media \(prefers-reduced-motion:no-preference\)\{.*?\}\}", "", text)
    assert "animation:" in text
    assert "animation:" not in outside
    frames = ElementTree.fromstring(text).iter(f"{SVG}g")
    still = [frame.get("opacity") for frame in frames if frame.get("opacity") is not None]
    assert still == [*["0"] * (curves.FRAMES - 1), "1"]


def test_the_film_has_words_and_no_script(film: Path) -> None:
    root = ElementTree.parse(film).getroot()
    assert [root.findtext(f"{SVG}{tag}") for tag in ("title", "desc")] == [
        "A film of random functions",
        curves._FILM.alt,
    ]
    assert not list(root.iter(f"{SVG}script"))


def test_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("curves")
    assert all(number in ran.printed for _, number in ran.story.numbers)
    assert ran.files == files_of(ran.story)
