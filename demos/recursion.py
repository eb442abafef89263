"""Recursion: a small recurrent cell learns to add four-bit numbers as we do on paper, and then adds numbers of any length.

On paper two numbers are added from the right, and all that has to be remembered from one column to
the next is the carry. A recurrent cell of five units reads one bit of each number at a time, the
least significant first; after each pair a neuron says one bit of the sum.

It learns from all pairs of four-bit numbers, and is then asked for sums of up to 32 bits: there
are far too many of those to know by heart, so a cell that gets them right has found the rule. A
sum counts as right when each of its bits is. Not every beginning leads to the rule: the table says
with how many seeds it was found.
"""

from pathlib import Path
from random import Random

import numpy as np

import viz
from demos.gallery import Picture, Story, run_alone, say_all, told
from scalargrad import Value, no_grad
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import Layer, Module, Recurrent, RNNCell
from scalargrad.optim import Adam
from scalargrad.training import fit
from viz.plots import new_axes, plot_table, save_plot

SHORT = 4
LONG = (8, 12, 32)
"""How many bits the numbers have that it learns from, and how many those of the tests."""
FULL = (10, 10, 200)
QUICK = (2, 4, 40)
"""How many seeds are tried, how often each cell sees the short sums, and how many tests there are of each length."""

Sample = tuple[list[list[float]], list[int]]
"""What goes in at each step, bits as ±1, and the bit that shall come out."""


class Reader(Module):
    """A recurrent cell that reads one row of bits after the other, and a neuron that says a bit after each: above 0 for 1."""

    def __init__(self, inputs: int, units: int, seed: int) -> None:
        draw = Random(seed)
        self.reading = Recurrent(RNNCell(inputs, units, seed=draw))
        self.answer = Layer(units, 1, activation=None, initializer="xavier", seed=draw)

    def forward(self, rows: list[list[float]]) -> list[Value]:
        """One Value for each row."""
        return [self.answer(state)[0] for state in self.reading(rows)]


def bits(number: int, count: int) -> list[int]:
    """The bits of a number, the least significant first, as one adds on paper."""
    return [number >> i & 1 for i in range(count)]


def addition(a: int, b: int, count: int) -> Sample:
    """Two numbers of `count` bits, one bit of each in every step, and their sum; a last step of zeros makes room for its last carry."""
    rows = [
        [2.0 * p - 1.0, 2.0 * q - 1.0]
        for p, q in zip(bits(a, count + 1), bits(b, count + 1), strict=True)
    ]
    return rows, bits(a + b, count + 1)


def short_sums() -> list[Sample]:
    """All pairs of four-bit numbers."""
    return [addition(a, b, SHORT) for a in range(2**SHORT) for b in range(2**SHORT)]


def long_sums(count: int, tests: int, seed: int = 0) -> list[Sample]:
    """Pairs of numbers of `count` bits, drawn at random."""
    draw = Random(seed)
    return [addition(draw.getrandbits(count), draw.getrandbits(count), count) for _ in range(tests)]


def learn(epochs: int, seed: int) -> Reader:
    """A cell that has seen all short sums so often."""
    model, (rows, answers) = Reader(2, 5, seed), zip(*short_sums(), strict=True)
    fit(
        model,
        rows,
        answers,
        loss=cross_entropy,
        optimizer=Adam(model.parameters(), 0.1),
        epochs=epochs,
        batch_size=8,
        seed=seed,
    )
    return model


def said(model: Reader, rows: list[list[float]]) -> list[int]:
    """The bits that the model says."""
    with no_grad():
        return [int(value.data > 0.0) for value in model(rows)]


def right(model: Reader, samples: list[Sample]) -> int:
    """For how many samples every single bit is right."""
    return sum(said(model, rows) == answer for rows, answer in samples)


def remembered(model: Reader, rows: list[list[float]]) -> list[list[float]]:
    """The state of the cell after each step: one number for each unit."""
    with no_grad():
        return [[unit.data for unit in state] for state in model.reading(rows)]


def carries(a: int, b: int, count: int) -> list[int]:
    """The carry out of every step, as one writes it down on paper."""
    return [(a % 2 ** (i + 1) + b % 2 ** (i + 1)) >> (i + 1) for i in range(count)]


def carrier(model: Reader, count: int = LONG[1], pairs: int = 40) -> tuple[int, float]:
    """The unit whose sign goes with the carry (or against it) in most steps of random sums, and in which share of the steps."""
    draw = Random(1)
    same = []
    for a, b in [(draw.getrandbits(count), draw.getrandbits(count)) for _ in range(pairs)]:
        states = np.array(remembered(model, addition(a, b, count)[0]))
        carry = np.array([carries(a, b, count)]).T
        same.append((states[:count] > 0.0) == (carry > 0))
    shares = np.mean(np.vstack(same), axis=0)
    follows = np.maximum(shares, 1.0 - shares)
    return int(follows.argmax()), float(follows.max())


def draw_state(model: Reader, folder: Path) -> None:
    """What goes in, what comes out, the carry on paper, and what the cell remembers, for one sum of long numbers."""
    a = 2869
    b = 871
    n = 13
    rows, _ = addition(a, b, n - 1)
    lines = {
        "first number": bits(a, n),
        "second number": bits(b, n),
        "what it says": said(model, rows),
        "carry on paper": carries(a, b, n),
    }
    table = {name: [2.0 * bit - 1.0 for bit in line] for name, line in lines.items()}
    table |= {
        f"unit {i}": list(states)
        for i, states in enumerate(zip(*remembered(model, rows), strict=True))
    }
    (ax,) = new_axes(width=7.6, height=4.6)
    plot_table(table, [2**i for i in range(n)], ax, signed=True, texts=lines)
    ax.set_title(f"{a} + {b} = {sum(bit << i for i, bit in enumerate(lines['what it says']))}")
    save_plot(ax, folder / _STATE.file, "The state over time", _STATE.alt)


def draw_steps(model: Reader, folder: Path) -> None:
    """Three steps of the cell, adding 3 and 1; the gradient is that of the last bit, which is 1 because of two carries."""
    rows, _ = addition(3, 1, 2)
    model.zero_grad()
    last = model(
        [
            [Value(x, label=f"{name}{i}") for x, name in zip(row, "ab", strict=True)]
            for i, row in enumerate(rows)
        ]
    )[-1]
    last.label = "last bit"
    last.backward()
    viz.draw(last, level="neurons", title="3 + 1: the cell unrolled over three steps").save(
        folder / _STEPS.file
    )


def run(folder: Path, quick: bool = False) -> Story:
    """Learn with several seeds, ask for longer sums, and draw the best cell."""
    seeds, epochs, count = QUICK if quick else FULL
    tests = {SHORT: short_sums()} | {length: long_sums(length, count) for length in LONG}
    tried = [learn(epochs, seed) for seed in range(seeds)]
    scores = [[right(model, samples) for samples in tests.values()] for model in tried]
    best = max(scores)
    whole = [len(samples) for samples in tests.values()]
    model = tried[scores.index(best)]
    unit, share = carrier(model)
    numbers = [
        (f"seeds with every bit right, up to {LONG[-1]} bits", f"{scores.count(whole)} of {seeds}")
    ]
    for length, score, asked in zip(tests, best, whole, strict=True):
        seen = "learned from" if length == SHORT else "never seen"
        numbers.append(
            (f"sums of {length} bits ({seen}), the best seed", f"{score} of {asked} right")
        )
    numbers.append(
        (f"unit {unit} is on the side of the carry, in steps of {LONG[1]}-bit sums", f"{share:.1%}")
    )
    say_all(numbers)
    draw_state(model, folder)
    draw_steps(model, folder)
    return Story(
        "recursion",
        "Recursion: a cell that learns to carry",
        told(__doc__),
        tuple(numbers),
        (_STATE, _STEPS),
    )


_STATE = Picture(
    "recursion-state.svg",
    "A table with a column for each binary place: two numbers, their sum, the carry, and the "
    "state of each unit, blue for 1, orange for 0.",
    "A sum longer than any it learned from. Look for a unit that follows the carry, or its "
    "opposite: nobody told the cell about carrying.",
)
_STEPS = Picture(
    "recursion-steps.svg",
    "The cell drawn three times, with lines from every unit to those of the next step, and the "
    "answer at the right; colored by gradient.",
    "3 + 1, bit by bit: the same weights three times over. What came first reaches the last bit "
    "through the state alone.",
)

if __name__ == "__main__":
    run_alone(run, "recursion")
