"""The gate for text, and how numbers are written."""

import math
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.viz.hostile import each
from viz.look import text as text_module
from viz.look.text import (
    LONGEST,
    clean,
    escape,
    exact,
    fit_text,
    long_label,
    number,
    width,
    width_tables,
)

ANYTHING = st.text(st.characters(), max_size=200)


def parsed(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "−1.5"),
        (0.70710678, "0.707"),
        (10.0, "10"),
        (9.996, "10"),
        (123.456, "123"),
        (1000.0, "1000"),
        (99999.0, "1e5"),
        (12345.0, "12345"),
        (100000.0, "1e5"),
        (123456.0, "1.23e5"),
        (-123456.0, "−1.23e5"),
        (0.001, "0.001"),
        (0.0012345, "0.00123"),
        (0.0009996, "0.001"),
        (0.00099, "9.9e−4"),
        (1.5e-300, "1.5e−300"),
        (5e-324, "4.94e−324"),
        (1.7976931348623157e308, "1.8e308"),
        (math.inf, "inf"),
        (-math.inf, "−inf"),
        (math.nan, "nan"),
        (None, ""),
    ],
)
def test_numbers_by_hand(x: float | None, expected: str) -> None:
    assert number(x) == expected


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: abs(x) < 1e308))
def test_numbers_read_back_within_half_a_percent(x: float) -> None:
    assert abs(parsed(number(x)) - x) <= 0.00501 * abs(x)


@given(st.floats(allow_nan=False))
def test_the_sign_is_kept_and_is_a_true_minus(x: float) -> None:
    written = number(x)
    assert written.startswith("−") == (x < 0.0)
    assert (written == "0") == (x == 0.0)
    assert "-" not in written
    assert len(written) <= 10


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_opposite_numbers_differ_by_the_sign_only(x: float) -> None:
    assert number(-abs(x)).removeprefix("−") == number(abs(x))


def test_exact_numbers_have_every_digit() -> None:
    assert exact(0.1 + 0.2) == "0.30000000000000004"
    assert exact(None) == "none"


@given(ANYTHING)
def test_clean_is_idempotent(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("longest", [2, LONGEST, 300])
def test_only_a_text_that_is_too_long_is_cut_and_by_no_more_than_must_be(longest: int) -> None:
    assert clean("x" * longest, longest) == "x" * longest
    assert clean("x" * (longest + 1), longest) == "x" * (longest - 1) + "…"


def test_a_label_has_at_most_60_signs() -> None:
    assert len(clean("x" * 1000)) == len(escape("x" * 1000)) == 60


def test_a_label_is_told_in_full_where_it_is_cut() -> None:
    assert long_label("x" * LONGEST) == ""
    assert long_label("x" * (LONGEST + 1)) == "x" * (LONGEST + 1)
    assert len(long_label("x" * 1000)) == 300


def test_white_space_of_any_kind_is_one_space() -> None:
    assert clean(" a\tb\r\nc\u2003\u2028d  ") == "a b c d"


def test_clean_leaves_one_short_printable_line() -> None:
    each(check_line)


def check_line(text: str) -> None:
    line = clean(text)
    assert len(line) <= LONGEST
    assert len(line.splitlines()) <= 1
    assert not {unicodedata.category(c) for c in line} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert clean(line) == line
    line.encode("utf-8")


def test_escaped_text_means_itself_in_xml() -> None:
    each(check_escaped)


def check_escaped(text: str) -> None:
    tree = ElementTree.fromstring(f"<a b=\"{escape(text)}\" c='{escape(text)}'>{escape(text)}</a>")
    assert tree.text == (clean(text) or None)
    assert tree.attrib == {"b": clean(text), "c": clean(text)}
    assert not len(tree)


def test_other_objects_become_text() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert clean(12) == "12"
    assert clean(None) == "None"
    assert clean(Broken()) == "Broken"


def test_no_tower_of_marks_stands_on_one_letter() -> None:
    assert clean("Z" + "\u0335" * 40) == "Z" + "\u0335" * 4
    assert clean("e\u0302\u0301") == "e\u0302\u0301"


def test_widths_are_those_of_helvetica() -> None:
    # Adobe's metrics: A 667, V 667, i 222 of 1000; bold i 278
    assert width("AVi", 10) == pytest.approx(15.56)
    assert width("i", 10, bold=True) == pytest.approx(2.78)
    assert width("日", 10) == 10.0


# Adobe's metrics of Helvetica, and of Symbol for what Helvetica has not.
ADVANCES = {
    "·∙": 278,
    "¹²³": 333,
    "•": 350,
    "°": 400,
    "∂": 494,
    "÷±√≈≠≤≥": 549,
    "–": 556,
    "−×": 584,
    "∞∑": 713,
    "½": 834,
    "…→←—": 1000,
}


@pytest.mark.parametrize(("signs", "advance"), ADVANCES.items())
@pytest.mark.parametrize("bold", [False, True])
def test_signs_are_as_wide_as_in_helvetica(signs: str, advance: int, bold: bool) -> None:
    assert [width(sign, 1000, bold) for sign in signs] == [advance] * len(signs)


OTHERS = {
    "a sign of East Asia": ("日", 1000, 1000),
    "a sign of no table": ("Ж", 640, 602),
    "a letter and its accent, of no table": ("й", 640, 602),
    "a letter with an accent": ("é", 556, 602),
    "a letter that is thinner than its accent": ("í", 278, 602),
}


@pytest.mark.parametrize(("sign", "advance", "mono"), OTHERS.values(), ids=OTHERS)
def test_how_wide_other_signs_are(sign: str, advance: int, mono: int) -> None:
    assert width(sign, 1000) == advance
    assert width(sign, 1000, mono=True) == mono


def test_the_page_measures_with_the_same_tables() -> None:
    tables = width_tables(["aé", "本日 日"])
    assert tables["signs"] == "日本"
    assert (tables["wide"], tables["unknown"], tables["accent"]) == (1000, 640, 278)
    for name, bold in (("normal", False), ("bold", True)):
        assert tables[name] == [width(chr(code), 1000, bold) for code in range(32, 127)]
    assert all(tables["more"][sign] == width(sign, 1000) for sign in "".join(ADVANCES))


@given(ANYTHING, st.floats(0.0, 200.0))
def test_fitted_text_fits_or_is_dots_alone(text: str, room: float) -> None:
    short = fit_text(text, 11, room)
    assert width(short, 11) <= room or short == "…"
    assert short == text or text.startswith(short.removesuffix("…"))


@given(st.text(st.characters(), max_size=40), st.floats(0.0, 200.0), st.booleans())
def test_text_is_shortened_by_as_few_characters_as_possible(
    text: str, room: float, bold: bool
) -> None:
    shorter = text
    while shorter and width(shorter + "…", 11, bold) > room:
        shorter = shorter[:-1]
    fits = width(text, 11, bold) <= room
    assert fit_text(text, 11, room, bold) == (text if fits else shorter.rstrip() + "…")


@pytest.mark.parametrize("text", ["a" * 5000, "a" + "\u200b" * 4000])
def test_a_long_text_is_fitted_in_few_measurements(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def measure(text: str, size: float, bold: bool = False) -> float:
        measured.append(text)
        return width(text, size, bold)

    monkeypatch.setattr(text_module, "width", measure)
    assert fit_text(text, 11, 100.0).endswith("…")
    assert len(measured) < 20


@pytest.mark.parametrize("bold", [False, True])
def test_a_text_that_just_fits_is_left_and_any_other_takes_the_room_there_is(bold: bool) -> None:
    assert fit_text("AVi", 11, width("AVi", 11, bold), bold) == "AVi"
    assert fit_text("AVi and more", 11, width("AVi…", 11, bold), bold) == "AVi…"
    assert fit_text("AVi", 11, width("AVi", 11)) == "AVi"


@pytest.mark.parametrize("pair", ["ée", "ÜU", "ñn", "×−", "≤≥"])
def test_letters_with_accents_and_signs_of_one_kind_are_equally_wide(pair: str) -> None:
    assert width(pair[0], 10) == width(pair[1], 10)
