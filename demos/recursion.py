"""Recursion: a small recurrent cell learns to add four-bit numbers as we do on paper, and then adds numbers of any length."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import viz
from scalargrad import Value, no_grad
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import Layer, Module, Recurrent, RNNCell
from scalargrad.optim import Adam
from scalargrad.training import fit
from viz.plots import new_axes, plot_grid, save_plot
from viz.style import LIGHT

from .gallery import Picture, Story, run_alone, say

SHORT, LONG, TESTS, QUICK_TESTS = 4, (8, 12, 32), 200, 40
"""How many bits the numbers have that it learns from; how many those of the tests, and how many tests there are of each."""
FULL, QUICK = 10, 2
"""How many seeds are tried."""

Sample = tuple[list[list[float]], list[int]]
"""What goes in at each step, bits as ±1, and the bit that shall come out."""


class Reader(Module):
    """A recurrent cell that reads one row of bits after the other, and a neuron that says a bit after each: above 0 for 1."""

    def __init__(self, inputs: int, units: int, seed: int) -> None:
        draw = Random(seed)
        self.reading = Recurrent(RNNCell(inputs, units, seed=draw))
        self.answer = Layer(units, 1, activation=None, initialiser="xavier", seed=draw)

    def forward(self, rows: list[list[float]]) -> list[Value]:
        """One Value for each row."""
        return [self.answer(state)[0] for state in self.reading(rows)]


@dataclass(frozen=True)
class Task:
    """Something to be done bit by bit: all short samples to learn from, and long ones drawn at random for the test, by length."""

    name: str
    inputs: int
    units: int
    epochs: int
    short: list[Sample]
    tests: dict[int, list[Sample]]


def bits(number: int, count: int) -> list[int]:
    """The bits of a number, the least significant first, as one adds on paper."""
    return [number >> i & 1 for i in range(count)]


def addition(a: int, b: int, count: int) -> Sample:
    """Two numbers of `count` bits, one bit of each in every step, and their sum; a last step of zeros makes room for its last carry."""
    rows = [[2.0 * p - 1.0, 2.0 * q - 1.0] for p, q in zip(bits(a, count + 1), bits(b, count + 1), strict=True)]
    return rows, bits(a + b, count + 1)


def parity(number: int, count: int) -> Sample:
    """`count` bits one by one; after each, whether an odd number of those so far were 1."""
    row = bits(number, count)
    return [[2.0 * bit - 1.0] for bit in row], [sum(row[: i + 1]) % 2 for i in range(count)]


def tasks(quick: bool) -> list[Task]:
    """Addition, learnt from all pairs of four-bit numbers, and running parity, learnt from all rows of five bits."""
    draw, every, tests = Random(0), range(2**SHORT), range(QUICK_TESTS if quick else TESTS)
    sums = {n: [addition(draw.getrandbits(n), draw.getrandbits(n), n) for _ in tests] for n in LONG}
    odds = {n: [parity(draw.getrandbits(n), n) for _ in tests] for n in LONG}
    return [
        Task("addition", 2, 5, 4 if quick else 10, [addition(a, b, SHORT) for a in every for b in every], sums),
        Task("running parity", 1, 3, 30, [parity(n, SHORT + 1) for n in range(2 ** (SHORT + 1))], odds),
    ]


def learn(task: Task, seed: int) -> Reader:
    """A cell that has seen all short samples, some times each."""
    model, (rows, answers) = Reader(task.inputs, task.units, seed), zip(*task.short, strict=True)
    rule = Adam(model.parameters(), 0.1)
    fit(model, rows, answers, loss=cross_entropy, optimiser=rule, epochs=task.epochs, batch_size=8, seed=seed)
    return model


def right(model: Reader, samples: list[Sample]) -> int:
    """For how many samples every single bit is right."""
    with no_grad():
        return sum(said(model, rows) == answer for rows, answer in samples)


def said(model: Reader, rows: list[list[float]]) -> list[int]:
    """The bits that the model says."""
    return [int(value.data > 0.0) for value in model(rows)]


def study(task: Task, seeds: int) -> tuple[Reader, list[tuple[str, str]]]:
    """The best of the cells of several seeds, and how right it is on short and on longer samples."""
    tests = {SHORT if task.inputs == 2 else SHORT + 1: task.short} | task.tests
    tried = [learn(task, seed) for seed in range(seeds)]
    scores = [[right(model, samples) for samples in tests.values()] for model in tried]
    best, whole = max(scores), [len(samples) for samples in tests.values()]
    numbers = [(f"{task.name}: seeds with every bit right, up to {LONG[-1]} bits", f"{scores.count(whole)} of {seeds}")]
    for (length, samples), score in zip(tests.items(), best, strict=True):
        what = "learnt from" if samples is task.short else "never seen"
        numbers.append((f"{task.name} of {length} bits ({what}), the best seed", f"{score} of {len(samples)} right"))
    for line in numbers:
        say(f"{line[0]:<66} {line[1]}")
    return tried[scores.index(best)], numbers


def carries(a: int, b: int, count: int) -> list[int]:
    """The carry out of every step, as one writes it down on paper."""
    return [(a % 2 ** (i + 1) + b % 2 ** (i + 1)) >> (i + 1) for i in range(count)]


def carrier(model: Reader, count: int = LONG[1], pairs: int = QUICK_TESTS) -> tuple[int, float]:
    """The unit whose sign goes with the carry (or against it) in most steps of random sums, and in which share of the steps."""
    draw, steps = Random(1), count * pairs
    agreements = [0] * model.answer.inputs
    for a, b in [(draw.getrandbits(count), draw.getrandbits(count)) for _ in range(pairs)]:
        with no_grad():
            states = model.reading(addition(a, b, count)[0])
        for state, carry in zip(states, carries(a, b, count), strict=False):
            agreements = [n + ((unit.data > 0.0) == (carry == 1)) for n, unit in zip(agreements, state, strict=True)]
    shares = [max(n, steps - n) / steps for n in agreements]
    return shares.index(max(shares)), max(shares)


def draw_state(model: Reader, folder: Path) -> None:
    """What goes in, the carry on paper, what the cell remembers, and what comes out, for one sum of long numbers."""
    a, b, count = 2869, 871, 13
    rows, _ = addition(a, b, count - 1)
    with no_grad():
        states = [[unit.data for unit in state] for state in model.reading(rows)]
    lines: list[tuple[str, list[int]]] = [("first number", bits(a, count)), ("second number", bits(b, count))]
    lines += [("carry on paper", carries(a, b, count))]
    grid = [[2.0 * bit - 1.0 for bit in line] for _, line in lines] + [list(unit) for unit in zip(*states, strict=True)]
    (ax,) = new_axes(width=7.6, height=4.6)
    plot_grid([*grid, [2.0 * bit - 1.0 for bit in said(model, rows)]], ax, signed=True)
    for row, (_, line) in zip((*range(len(lines)), len(grid)), [*lines, ("", said(model, rows))], strict=True):
        for i, bit in enumerate(line):
            ax.text(i + 0.5, row + 0.5, str(bit), ha="center", va="center", color=LIGHT.page)
    names = [*(name for name, _ in lines), *(f"unit {i}" for i in range(len(states[0]))), "what it says"]
    ax.set_yticks([i + 0.5 for i in range(len(names))], names)
    ax.set_xticks([i + 0.5 for i in range(count)], [str(2**i) for i in range(count)])
    ax.set_title(f"{a} + {b} = {sum(bit << i for i, bit in enumerate(said(model, rows)))}")
    save_plot(ax, folder / _STATE.file, "The state over time", _STATE.alt)


def draw_steps(model: Reader, folder: Path) -> None:
    """Three steps of the cell, adding 3 and 1; the gradient is that of the last bit, which is 1 because of two carries."""
    rows, _ = addition(3, 1, 2)
    model.zero_grad()
    last = model([[Value(x, label=f"{name}{i}") for x, name in zip(row, "ab", strict=True)] for i, row in enumerate(rows)])[-1]
    last.label = "last bit"
    last.backward()
    viz.draw(last, level="neurons", title="3 + 1: the cell unrolled over three steps").save(folder / _STEPS.file)


def run(folder: Path, quick: bool = False) -> Story:
    """Learn both tasks with several seeds; draw the cell that adds."""
    adding, odd = (study(task, QUICK if quick else FULL) for task in tasks(quick))
    unit, share = carrier(adding[0])
    follows = (f"unit {unit} is on the side of the carry, in steps of {LONG[1]}-bit sums", f"{share:.1%}")
    say(f"{follows[0]:<66} {follows[1]}")
    draw_state(adding[0], folder)
    draw_steps(adding[0], folder)
    return Story("recursion", "Recursion: a cell that learns to carry", _TEXT, (*adding[1], follows, *odd[1]), (_STATE, _STEPS))


_TEXT = (
    "On paper two numbers are added from the right, and all that has to be remembered from one column to the next is the carry. A "
    "recurrent cell of five units reads one bit of each number at a time, the least significant first; after each pair a neuron says one "
    "bit of the sum.",
    "It learns from all pairs of four-bit numbers, and is then asked for sums of up to 32 bits: there are far too many of those to know by "
    "heart, so a cell that gets them right has found the rule. A sum counts as right when each of its bits is.",
    "Running parity needs one bit of memory too, but one that turns over: each bit of the past changes every answer after it, and half a "
    "rule is worth nothing. The numbers say how many seeds found each of the two rules.",
)
_STATE = Picture(
    "recursion-state.svg",
    "A grid with one column for each binary place: the bits of two numbers, the carry as on paper, the state of the cell's units, and the "
    "bits that it says. Blue is 1 or near 1, orange 0 or near −1.",
    "A sum that is longer than any it learnt from, the lowest bit at the left. Look for a unit that follows the row of the carry, the same "
    "way round or the other: nobody told the cell about carrying.",
)
_STEPS = Picture(
    "recursion-steps.svg",
    "The cell drawn three times, with a line from every unit to those of the next step, and the answer at the right; lines coloured by "
    "gradient.",
    "3 + 1, bit by bit: the same cell and the same weights three times over. What came first reaches the last bit through the state alone, "
    "and that is the way on which its gradient comes back.",
)

if __name__ == "__main__":
    run_alone(run, "recursion")
