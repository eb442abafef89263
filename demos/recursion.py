"""Recursion: a small recurrent cell learns to add four-bit numbers, then adds longer ones.

On paper two numbers are added from the right, and all that has to be remembered from one column to
the next is the carry. A recurrent cell of five units reads one bit of each number at a time, the
least significant first; after each pair a neuron says one bit of the sum.

It learns from all pairs of four-bit numbers, and is then asked for sums of up to 32 bits: there
are far too many of those to know by heart, so a cell that gets them right has found the rule. A
sum counts as right when each of its bits is. Some initial weights miss the rule: the table says
with how many of ten seeds it was found.
"""

from pathlib import Path
from random import Random

import numpy as np

import viz
from demos.gallery import ACROSS, Picture, Story, explored, run_alone, say_all, told
from demos.listing import list_code
from scalargrad import Value, no_grad
from scalargrad.compiler import compile
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import Layer, Module, Recurrent, RNNCell
from scalargrad.optim import Adam
from scalargrad.training import fit
from viz.plots import new_axes, plot_table, save_plot

SHORT = 4
LONG = (8, 12, 32)
"""Bits of the numbers to learn from, and of those of the tests."""
SEEDS = 10
EPOCHS = 10
TESTS = 100
"""Seeds, epochs, and tests of each length."""

Sample = tuple[list[list[float]], list[int]]
"""The inputs of each step, bits as ±1, and the bit that is the answer."""


class Reader(Module):
    """A recurrent cell that reads rows of bits, and a neuron that answers a bit after each."""

    def __init__(self, inputs: int, units: int, seed: int) -> None:
        draw = Random(seed)
        self.reading = Recurrent(RNNCell(inputs, units, seed=draw))
        self.answer = Layer(units, 1, activation=None, initializer="xavier", seed=draw)

    def forward(self, rows: list[list[float]]) -> list[Value]:
        """Return one Value for each row: above 0 for the bit 1, below for 0."""
        return [self.answer(state)[0] for state in self.reading(rows)]


def bits(number: int, count: int) -> list[int]:
    """Return the bits of a number, the least significant first, as one adds on paper."""
    return [number >> i & 1 for i in range(count)]


def addition(a: int, b: int, count: int) -> Sample:
    """Make a sample of two numbers of `count` bits, one bit of each in every step."""
    # The sum may have one bit more: a last step of zeros is there for the last carry.
    steps = count + 1
    pairs = zip(bits(a, steps), bits(b, steps), strict=True)
    rows = [[2.0 * p - 1.0, 2.0 * q - 1.0] for p, q in pairs]
    return rows, bits(a + b, steps)


def short_sums() -> list[Sample]:
    """Return all pairs of four-bit numbers."""
    numbers = range(2**SHORT)
    return [addition(a, b, SHORT) for a in numbers for b in numbers]


def long_sums(count: int, tests: int, seed: int = 0) -> list[Sample]:
    """Draw pairs of numbers of `count` bits at random."""
    pairs = random_pairs(Random(seed), count, tests)
    return [addition(a, b, count) for a, b in pairs]


def random_pairs(draw: Random, count: int, pairs: int) -> list[tuple[int, int]]:
    """Draw pairs of numbers of `count` bits."""
    return [(draw.getrandbits(count), draw.getrandbits(count)) for _ in range(pairs)]


def learn(epochs: int, seed: int) -> Reader:
    """Train a cell on all short sums."""
    model = Reader(2, 5, seed)
    rows, answers = zip(*short_sums(), strict=True)
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
    """Return the bits that the model answers."""
    with no_grad():
        return [int(value.data > 0.0) for value in model(rows)]


def right(model: Reader, samples: list[Sample]) -> int:
    """Count the samples, all of one length, with every single bit right."""
    rows = np.array([rows for rows, _ in samples])
    answers = np.array([answer for _, answer in samples])
    steps = answers.shape[1]

    def read(bits: list[Value]) -> list[Value]:
        pairs = [bits[2 * i : 2 * i + 2] for i in range(steps)]
        said: list[Value] = model(pairs)
        return said

    # A program is for one length: unrolled over its steps, the cell is a graph without a loop.
    program = compile(read, model, inputs=(2 * steps,))
    outputs = program(rows.reshape(len(rows), -1))
    is_right = (outputs > 0.0) == answers
    return int(is_right.all(axis=1).sum())


def remembered(model: Reader, rows: list[list[float]]) -> list[list[float]]:
    """Return the state of the cell after each step: one number for each unit."""
    with no_grad():
        states = model.reading(rows)

    found = []
    for state in states:
        found.append([unit.data for unit in state])
    return found


def carries(a: int, b: int, count: int) -> list[int]:
    """Return the carry out of every step, as one writes it down on paper."""
    found = []
    for places in range(1, count + 1):
        # What the last `places` bits of both numbers add up to beyond these places.
        low_bits = a % 2**places + b % 2**places
        found.append(low_bits >> places)
    return found


def carrier(model: Reader, count: int = LONG[1], pairs: int = 40) -> tuple[int, float]:
    """Find the unit whose sign goes with the carry, or against it, in most steps of random sums.

    Returns:
        The number of the unit, and the share of the steps.
    """
    same = []
    for a, b in random_pairs(Random(1), count, pairs):
        states = np.array(remembered(model, addition(a, b, count)[0]))
        carry = np.array([carries(a, b, count)]).T
        same.append((states[:count] > 0.0) == (carry > 0))

    # A unit that is always against the carry remembers it as well: the neuron can turn its sign.
    shares = np.mean(np.vstack(same), axis=0)
    follows = np.maximum(shares, 1.0 - shares)
    return int(follows.argmax()), float(follows.max())


def draw_state(model: Reader, folder: Path) -> None:
    """Draw inputs, outputs, the carry on paper and the state of the cell for one long sum."""
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
    table = {}
    for name, line in lines.items():
        table[name] = [2.0 * bit - 1.0 for bit in line]
    units = zip(*remembered(model, rows), strict=True)
    for i, states in enumerate(units):
        table[f"unit {i}"] = list(states)

    (ax,) = new_axes(width=7.1, height=4.6)
    plot_table(table, [2**i for i in range(n)], ax, signed=True, texts=lines)
    # The sum that the cell says, right or wrong.
    total = sum(bit << i for i, bit in enumerate(lines["what it says"]))
    ax.set_title(f"{a} + {b} = {total}")
    save_plot(ax, folder / _STATE.file, "The state over time", _STATE.alt)


def draw_steps(model: Reader, folder: Path) -> Value:
    """Draw three steps of the cell, adding 3 and 1, with the gradient of the last bit."""
    rows, _ = addition(3, 1, 2)
    inputs = []
    for i, (first, second) in enumerate(rows):
        a = Value(first, label=f"a{i}")
        b = Value(second, label=f"b{i}")
        inputs.append([a, b])

    # The last bit of 3 + 1 is 1 because of two carries: its gradient goes back to the first step.
    model.zero_grad()
    last: Value = model(inputs)[-1]
    last.label = "last bit"
    last.backward()
    title = "3 + 1: the cell unrolled over three steps"
    viz.draw(last, level="neurons", title=title, width=ACROSS).save(folder / _STEPS.file)
    return last


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Learn with several seeds, ask for longer sums, and draw the best cell.

    Compiled it takes seconds: quick and full are the same.
    """
    tests = {SHORT: short_sums()} | {length: long_sums(length, TESTS) for length in LONG}
    tried = [learn(EPOCHS, seed) for seed in range(SEEDS)]

    scores = []
    for model in tried:
        scores.append([right(model, samples) for samples in tests.values()])
    whole = [len(samples) for samples in tests.values()]
    # Lists compare from the left: the short sums count first, then ever longer ones.
    best = max(scores)
    model = tried[scores.index(best)]
    unit, share = carrier(model)

    perfect = f"{scores.count(whole)} of {SEEDS}"
    numbers = [(f"seeds with every bit right, up to {LONG[-1]} bits", perfect)]
    for length, score, asked in zip(tests, best, whole, strict=True):
        seen = "learned from" if length == SHORT else "never seen"
        what = f"sums of {length} bits ({seen}), the best seed"
        numbers.append((what, f"{score} of {asked} right"))
    what = f"unit {unit} is on the side of the carry, in steps of {LONG[1]}-bit sums"
    numbers.append((what, f"{share:.1%}"))
    say_all(numbers)

    draw_state(model, folder)
    last = draw_steps(model, folder)
    return Story(
        "recursion",
        "Recursion: a cell that learns to carry",
        told(__doc__),
        tuple(numbers),
        (_STATE, _STEPS),
        (explored(last, folder / "recursion-explore.html", "3 + 1, bit by bit"),),
        list_code(Reader, addition),
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
