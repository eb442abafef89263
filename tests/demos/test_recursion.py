"""Recursion: samples against Python's addition, the cell against NumPy, and unseen lengths."""

from collections.abc import Callable
from random import Random

import numpy
import pytest

from demos import recursion
from scalargrad.nn import RNNCell
from tests.demos.conftest import Told
from tests.demos.page import files_of


def number(bits: list[int]) -> int:
    return int("".join(str(bit) for bit in reversed(bits)), 2)


def by_hand(model: recursion.Reader, rows: list[list[float]]) -> list[float]:
    """h ← tanh(W·[x, h] + b), answer ← v·h + c, written out."""
    cell, answer = model.reading.cell, model.answer.neurons[0]
    assert isinstance(cell, RNNCell)
    units = cell.units.neurons
    w = numpy.array([[weight.data for weight in unit.weights] for unit in units])
    b, v = (
        numpy.array([unit.bias.data for unit in units]),
        numpy.array([weight.data for weight in answer.weights]),
    )
    h, answers = numpy.zeros(len(units)), []
    for row in rows:
        h = numpy.tanh(w @ numpy.concatenate([row, h]) + b)
        answers.append(float(v @ h + answer.bias.data))
    return answers


@pytest.fixture(scope="module")
def adder() -> recursion.Reader:
    return recursion.learn(epochs=4, seed=0)


def test_the_samples_spell_true_sums() -> None:
    spelled, long = [], {length: recursion.long_sums(length, 200) for length in recursion.LONG}
    for rows, answer in [
        *recursion.short_sums(),
        *(sample for samples in long.values() for sample in samples),
    ]:
        a, b = (number([int(row[i] > 0.0) for row in rows]) for i in (0, 1))
        assert number(answer) == a + b
        assert {x for row in rows for x in row} <= {-1.0, 1.0}
        assert rows[-1] == [-1.0, -1.0]
        spelled.append((a, b))
    assert sorted(spelled[:256]) == [(a, b) for a in range(16) for b in range(16)]
    assert len(set(spelled[-200:])) == 200
    assert {length: len(samples) for length, samples in long.items()} == {8: 200, 12: 200, 32: 200}
    assert all(len(rows) == length + 1 for length, samples in long.items() for rows, _ in samples)


def test_the_carry_is_that_of_the_paper() -> None:
    draw = Random(3)
    for _ in range(50):
        a, b = draw.getrandbits(10), draw.getrandbits(10)
        held, written = 0, []
        for i in range(10):
            held = ((a >> i & 1) + (b >> i & 1) + held) // 2
            written.append(held)
        assert recursion.carries(a, b, 10) == written


def test_a_cell_that_saw_four_bits_adds_longer_numbers(adder: recursion.Reader) -> None:
    draw = Random(7)
    right = 0
    for _ in range(40):
        a, b = draw.getrandbits(24), draw.getrandbits(24)
        rows, _ = recursion.addition(a, b, 24)
        answers = by_hand(adder, rows)
        assert [value.data for value in adder(rows)] == pytest.approx(answers, abs=1e-9)
        right += number([int(x > 0.0) for x in answers]) == a + b
    assert right == 40
    assert recursion.right(adder, recursion.short_sums()) == 256


def test_an_untrained_cell_does_not_add() -> None:
    assert recursion.right(recursion.Reader(2, 5, seed=0), recursion.short_sums()) < 30


def test_the_carrier_is_counted_by_its_sign(adder: recursion.Reader) -> None:
    unit, share = recursion.carrier(adder, count=6, pairs=10)
    draw, same, steps = Random(1), 0, 0
    for a, b in [(draw.getrandbits(6), draw.getrandbits(6)) for _ in range(10)]:
        for i, state in enumerate(adder.reading(recursion.addition(a, b, 6)[0])[:6]):
            same += (state[unit].data > 0.0) == (
                ((a % 2 ** (i + 1)) + (b % 2 ** (i + 1))) >= 2 ** (i + 1)
            )
            steps += 1
    assert share == pytest.approx(max(same, steps - same) / steps)


def test_the_story_says_how_many_of_how_many(told: Callable[[str], Told]) -> None:
    ran = told("recursion")
    numbers = dict(ran.story.numbers)
    assert numbers["sums of 4 bits (learned from), the best seed"] == "256 of 256 right"
    assert numbers["sums of 32 bits (never seen), the best seed"] == "100 of 100 right"
    perfect = int(numbers["seeds with every bit right, up to 32 bits"].removesuffix(" of 10"))
    assert 8 <= perfect <= 10
    (share,) = (number for what, number in numbers.items() if "side of the carry" in what)
    assert float(share.rstrip("%")) > 95.0
    assert ran.files == files_of(ran.story)
