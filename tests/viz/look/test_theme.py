"""Colors: readable, ordered, and told apart by every kind of sight."""

import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import viz
import viz.look.theme
from scalargrad import Value
from scalargrad.errors import OptionError
from viz.look.theme import (
    DARK,
    LIGHT,
    STEPS,
    THEMES,
    TRANSPARENT,
    Theme,
    color,
    edge_color,
    edge_width,
    mix,
    shade,
    strength,
    text_color,
)

Triple = tuple[float, float, float]
ANY = st.floats(allow_nan=True)
LARGEST = st.floats(min_value=0.0, exclude_min=True, allow_infinity=False)
EVERY = range(-STEPS, STEPS + 1)

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A physiologically-based model for simulation
# of color vision deficiency", IEEE Transactions on Visualization and Computer Graphics 15 (2009),
# severity 1.0; for linear RGB.
SIGHT = {
    "usual": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(code: str) -> Triple:
    """sRGB to linear light, IEC 61966-2-1."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(v: float) -> float:
    return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4


def luminance(code: str) -> float:
    red, green, blue = linear(code)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """WCAG 2.1."""
    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def lab(code: str, sight: str) -> Triple:
    """CIE L*a*b* for D65 of what somebody sees."""
    light = linear(code)
    seen = [
        min(1.0, max(0.0, sum(m * c for m, c in zip(row, light, strict=True))))
        for row in SIGHT[sight]
    ]
    to_xyz = (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    )
    xyz = [sum(m * c for m, c in zip(row, seen, strict=True)) for row in to_xyz]
    x, y, z = (_cube(v / white) for v, white in zip(xyz, (0.95047, 1.0, 1.08883), strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube(v: float) -> float:
    return math.cbrt(v) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116


def difference(first: str, second: str, sight: str) -> float:
    """The distance in L*a*b* (CIE 1976); 2.3 is just noticeable."""
    return math.dist(lab(first, sight), lab(second, sight))


def test_the_referee_knows_black_white_and_red() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert lab("#ffffff", "usual") == pytest.approx((100, 0, 0), abs=0.01)
    assert lab("#ff0000", "usual") == pytest.approx((53.24, 80.09, 67.20), abs=0.02)


@pytest.mark.parametrize("level", [0, 1, 10, 11, 128, 255])
def test_luminance_is_that_of_the_web_guidelines(level: int) -> None:
    for code in (
        f"#{level:02x}0000",
        f"#00{level:02x}00",
        f"#0000{level:02x}",
        f"#ff{level:02x}80",
    ):
        assert viz.look.theme.luminance(code) == pytest.approx(luminance(code), rel=1e-9)


def test_the_text_turns_black_where_black_contrasts_more() -> None:
    assert [text_color(f"#{level:02x}{level:02x}{level:02x}") for level in (117, 118)] == [
        "#ffffff",
        "#000000",
    ]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_on_every_fill_has_a_contrast_of_4_5(theme: Theme) -> None:
    for step in EVERY:
        fill = color(step, theme)
        assert contrast(fill, text_color(fill)) >= 4.5
        assert contrast(fill, text_color(fill)) == max(
            contrast(fill, "#000000"), contrast(fill, "#ffffff")
        )


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_other_text_has_a_contrast_of_4_5(theme: Theme) -> None:
    for ground in (theme.page, theme.card, theme.group):
        for ink in (theme.ink, theme.muted, theme.alarm):
            assert contrast(ink, ground) >= 4.5
    for badge in theme.badges.values():
        assert contrast("#ffffff", badge) >= 4.5


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_the_faintest_edge_is_seen_on_the_page(theme: Theme) -> None:
    assert min(contrast(edge_color(step, theme), theme.page) for step in EVERY) >= 1.75


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_plus_is_told_from_minus(theme: Theme, sight: str) -> None:
    """Measured: 7.3 at the first step, three times what is just noticeable, and 84.7 at the last.

    Edges are never under 36.4.
    """
    for step in range(1, STEPS + 1):
        assert difference(color(step, theme), color(-step, theme), sight) >= max(7.0, 5.2 * step)
        assert difference(edge_color(step, theme), edge_color(-step, theme), sight) >= 36.0


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_more_gradient_is_more_contrast_with_the_page(theme: Theme) -> None:
    for sign in (1, -1):
        strengths = [contrast(color(sign * step, theme), theme.page) for step in range(STEPS + 1)]
        assert all(weak < strong for weak, strong in pairwise(strengths))


@given(ANY, LARGEST)
def test_bounds(gradient: float, largest: float) -> None:
    assert 0.0 <= strength(gradient, largest) <= 1.0
    assert -STEPS <= shade(gradient, largest) <= STEPS
    assert 0.6 <= edge_width(gradient, largest) <= 3.4
    assert edge_width(gradient, largest) == round(edge_width(gradient, largest), 2)


@given(ANY, LARGEST)
def test_the_step_has_the_sign_and_is_zero_for_nothing_only(
    gradient: float, largest: float
) -> None:
    step = shade(gradient, largest)
    assert (step > 0) == (gradient > 0.0)
    assert (step < 0) == (gradient < 0.0)


def test_the_smallest_gradient_has_the_first_step_and_the_largest_the_last() -> None:
    assert [shade(gradient, 1.0) for gradient in (-1.0, -5e-324, 0.0, 5e-324, 1.0)] == [
        -STEPS,
        -1,
        0,
        1,
        STEPS,
    ]
    assert [edge_width(gradient, 1.0) for gradient in (0.0, 1.0)] == [0.6, 3.4]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_both_scales_begin_with_the_same_color(theme: Theme) -> None:
    assert theme.positive[0] == theme.negative[0]


@given(st.floats(0.0, 1e300), st.floats(0.0, 1e300), LARGEST)
def test_more_gradient_is_never_weaker(first: float, second: float, largest: float) -> None:
    weak, strong = sorted((first, second))
    assert shade(weak, largest) <= shade(strong, largest)
    assert edge_width(weak, largest) <= edge_width(strong, largest)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_the_scale_is_the_one_of_the_specification(gradient: float, largest: float) -> None:
    expected = min(1.0, math.log1p(50 * gradient / largest) / math.log(51))
    assert strength(gradient, largest) == pytest.approx(expected)
    assert strength(-gradient, largest) == strength(gradient, largest)


def test_the_ends_of_the_scales_are_the_colors_of_the_specification() -> None:
    assert [color(step, LIGHT) for step in (-STEPS, 0, STEPS)] == ["#c8590c", "#f7f7f7", "#1f6fb4"]
    assert [color(step, DARK) for step in (-STEPS, 0, STEPS)] == ["#f59b4c", "#222a33", "#6db8f2"]


@given(st.floats(0.0, 1.0))
def test_mixtures_are_colors_between(share: float) -> None:
    red = int(mix("#102030", "#f0e0d0", share)[1:3], 16)
    assert 0x10 <= red <= 0xF0
    assert mix("#102030", "#102030", share) == "#102030"


def test_text_without_a_page_contrasts_with_white_and_with_black() -> None:
    for code in (TRANSPARENT.page_ink, TRANSPARENT.muted):
        gray = luminance(code) + 0.05
        assert 1.05 / gray >= 4.0
        assert gray / 0.05 >= 4.0


def test_a_transparent_picture_has_no_background() -> None:
    x = Value(2.0, label="x")
    page = re.compile(r'<rect x="0" y="0" width="\S+" height="\S+" fill="#ffffff"')
    assert page.search(viz.draw(x * 3.0, theme="light").svg())
    assert not page.search(viz.draw(x * 3.0, theme="transparent").svg())


def test_a_page_to_explore_needs_a_background(tmp_path: Path) -> None:
    drawing = viz.draw(Value(2.0) * 3.0, theme="transparent")
    assert drawing.save(tmp_path / "a.html").exists()
    with pytest.raises(OptionError, match="theme must be 'auto', 'light' or 'dark'"):
        viz.explore(Value(2.0) * 3.0, theme="transparent")
