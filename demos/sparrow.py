"""The sparrow network: small, explosive with the settings it was given, and what cures it.

Ten numbers between 0 and 5 go in, half their sum should come out. The network is as small as a
sparrow and has all of its organs: 10-7-3-1 neurons, ELU, half the squared error, weights and biases
between 0 and 1, and 100 steps at a rate of 0.05, each on a new sample. Nearly always it explodes.

Why: a step multiplies the error by 1 minus rate · ‖∂answer/∂parameters‖². With positive inputs and
positive weights all of them push the same way, so this number is far above 2, and each step
overshoots by more than the last.

What happens then depends on the initial weights, so the same network is written once more, in NumPy
(demos/sparrow_numpy.py), and trained from many. A few overflow: the answer is nan. Many more do in
single precision, with which the tutorial computes. Nearly all others are thrown so far that every
ELU of the second layer is stuck at −1, where its slope is 0. What still learns is the last layer:
four numbers that see four constants. There rate · ‖∂answer/∂parameters‖² is 0.05 · 4, each step
leaves four fifths of the error, and the loss falls as it should. But the answer no longer depends
on the input.

The tutorial asks about one fresh sample, gets 13.4375 where 11.93 is right, and takes that for
success: the first answer, it says, was off by 10⁷. The first answer is off by about 50; the
millions come with the third. And most of the constants are nearer to 11.93 than that. The number
itself points to one: 13.4375 is 215/16. The four numbers of the last layer have come back from far
away, they are often in the hundred thousands and nearly cancel, and between half a million and a
million single precision rounds to sixteenths.

It also warns that the output may become 0. What becomes 0 is the slope of the output by the input:
the constants gather around the mean of the targets, 12.5.

The tutorial names five ways out. The table tries them, one change at a time, from several initial
weights. Another initialization alone does not help; nor does a penalty on large weights, or a limit
to them; nor do ReLU, sigmoid or tanh; nor momentum. None of these learns: they end as a constant or
no better than one, with or without an explosion on the way, or as nan. What helps keeps the steps
small: a flat tanh, means instead of sums, gradients cut to a length, optimizers that divide by the
size of the gradients, and simply a smaller rate.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import viz
from demos.gallery import ACROSS, Picture, Story, explored, run_alone, say_all, told, write_powers
from demos.listing import list_code
from demos.sparrow_changes import (
    CALM,
    CHANGES,
    GIVEN,
    HUGE,
    OUTCOMES,
    RATE,
    STEPS,
    Change,
    Trial,
    constant_cost,
    fresh,
    judge,
    samples,
    tally,
    train,
    verdict,
)
from demos.sparrow_numpy import Array, Sparrows
from scalargrad import Value, elu, sigmoid
from scalargrad.losses import half_squared_error
from scalargrad.nn import Module
from viz.plots import new_axes, plot_curves, plot_table, save_plot

TRUTH = 11.93224506
ANSWER = 13.4375
"""The tutorial's final test: half the sum of ten numbers, and what its network answers."""
FULL = (1000, 1000, 10)
QUICK = (100, 100, 3)
"""Networks of the census, and for the table of changes: steps, and networks for each line."""


@dataclass(frozen=True)
class Census:
    """The network as given, from many initial weights.

    Attributes:
        losses: The loss of each step: (steps, networks).
        answers: What each network says about the fresh samples: (networks, samples).
        outcomes: How each training ended.
    """

    losses: Array
    answers: Array
    outcomes: list[str]

    def highest(self) -> Array:
        """Return the largest loss of each network; what is nan does not count."""
        highest: Array = np.fmax.reduce(self.losses)
        return highest

    def summary(self) -> str:
        """Count the outcomes."""
        counts = [f"{name} {self.outcomes.count(name)}" for name in OUTCOMES]
        return f"{', '.join(counts)} of {len(self.outcomes)}"


def census(count: int, dtype: type[np.floating[Any]], rate: float = RATE) -> Census:
    """Train the NumPy network of many seeds for a hundred steps."""
    sparrows = Sparrows.like([GIVEN.build(seed) for seed in range(count)], dtype)
    # Its own samples for each, as for each run of the tutorial's program.
    trainings = [samples(STEPS, seed) for seed in range(count)]
    rows, targets = (np.array(part, dtype) for part in zip(*trainings, strict=True))
    losses = sparrows.train(rows, targets, rate)

    answers = sparrows.answers(fresh()[0].astype(dtype))
    return Census(losses, answers, [judge(each)[0] for each in answers])


def off(answers: Array) -> float:
    """Return by how much answers to the fresh samples are off, in the median."""
    return float(np.median(np.abs(answers - fresh()[1])))


def nearer(answers: Array) -> float:
    """Return the share of the answers that are not farther from the truth than the tutorial's."""
    return float(np.mean(np.abs(answers - TRUTH) <= ANSWER - TRUTH))


def sixteenths(answers: Array) -> float:
    """Return the share of the answers that are multiples of 1/16."""
    return float(np.mean(answers * 16.0 == np.round(answers * 16.0)))


def overshoot(model: Module, x: list[float]) -> float:
    """Compute rate · ‖∂answer/∂parameters‖².

    To first order a step multiplies the error by 1 minus this: above 2 the error grows.
    """
    model.zero_grad()
    model(x).backward()
    return RATE * float(sum(parameter.grad**2 for parameter in model.parameters()))


def spelled(values: list[Value]) -> str:
    """Return numbers in one line, with two decimals."""
    return ", ".join(f"{value.data:.2f}" for value in values).replace("-", "−")


def spelled_losses(explosion: Trial) -> str:
    """Return the losses up to the one that is too large for a float."""
    return ", ".join([*(f"{loss:.0e}" for loss in explosion.losses), "inf"])


def draw_step(model: Module, seed: int, step: int, picture: Picture, folder: Path) -> Value:
    """Draw a step of the training of a seed with gradients, and return its loss."""
    rows, targets = samples(step + 1, seed)
    loss: Value = half_squared_error(model(rows[step]), targets[step])
    loss.label = "loss"
    model.zero_grad()
    loss.backward()

    sentence, _, _ = picture.caption.partition(".")
    drawing = viz.draw(loss, level="neurons", title=f"Step {step + 1}: {sentence}", width=ACROSS)
    drawing.save(folder / picture.file)
    return loss


def draw_losses(explosion: Trial, survivor: Trial, folder: Path) -> None:
    """Draw the losses of a survivor as the tutorial does, and on a scale that shows all."""
    left, right = new_axes(2, width=10.0, height=4.0)
    plot_curves({"loss": survivor.losses}, ax=left)
    left.set(title="a survivor", xlabel="step", ylabel="loss", ylim=(0.0, None))

    curves = {"the survivor": survivor.losses, "one that overflows": explosion.losses}
    plot_curves(curves, ax=right)
    # The limits leave the overflow out: up to its end, the survivor would be a flat line.
    right.axhline(constant_cost(), color="gray", linewidth=1.0)
    right.set(yscale="log", ylim=(1e-4, 1e20), title="on a logarithmic scale", xlabel="step")
    write_powers(right.yaxis)
    save_plot(right, folder / _LOSSES.file, "The losses of 100 steps", _LOSSES.alt)


def draw_table(table: dict[str, list[Trial]], folder: Path) -> None:
    """Draw how often each change ended how."""
    (ax,) = new_axes(width=9.6, height=6.6)
    counts: dict[str, list[int]] = {}
    texts: dict[str, list[int | str]] = {}
    for name, trials in table.items():
        counts[name] = tally(trials)
        texts[name] = [number or "" for number in counts[name]]
    columns = ["explodes", *(f"ends: {name}" for name in OUTCOMES)]
    plot_table(counts, columns, ax, signed=True, texts=texts)
    # Squares would be too narrow for the names of the columns.
    ax.set_aspect("auto")
    ax.xaxis.tick_top()
    save_plot(ax, folder / _TABLE.file, "How the changes end", _TABLE.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Count how the network ends as it was given, say why, change one thing each, and draw."""
    networks, steps, tries = QUICK if quick else FULL
    double = census(networks, np.float64)
    single = census(networks, np.float32)
    calm = census(networks, np.float32, CALM)
    dead = single.answers[np.array(single.outcomes) == "constant"]
    # A loss is half the square of an error.
    first, _, third, *_ = np.sqrt(2.0 * double.losses)

    # Its first and its last step are drawn from the network of Values.
    exploding = double.outcomes.index("nan")
    explosion = train(GIVEN, exploding)
    survivor = train(GIVEN, double.outcomes.index("constant"))
    start = GIVEN.build(exploding)
    (x, *_), _ = samples(1, exploding)

    five = [Value(x) for x in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    numbers = [
        ("sigmoid of −2, −1, 0, 1, 2", spelled([sigmoid(x) for x in five])),
        ("ELU of the same", spelled([elu(x) for x in five])),
        ("rate · ‖∂answer/∂parameters‖² at first", f"{overshoot(start, x):.0f}"),
        (f"error of the first answer, median of {networks}", f"{median(first):.0f}"),
        ("error of the third answer", f"{median(third):.1e}; {np.mean(third >= 1e7):.0%} ≥ 1e+07"),
        ("a loss above a million on the way", f"{np.mean(double.highest() > HUGE):.0%}"),
        (f"losses with seed {exploding}, the first that overflows", spelled_losses(explosion)),
        ("ends in double precision", double.summary()),
        ("ends in single precision", single.summary()),
        ("their constants, in the median", f"{median(dead[:, 0]):.2f}, off by {off(dead):.2f}"),
        (f"not farther from {TRUTH:.2f} than {ANSWER}", f"{nearer(dead):.0%} of them"),
        ("multiples of 1/16", f"{sixteenths(dead):.0%} of them"),
        (f"multiples of 1/16 at the rate {CALM}", f"{sixteenths(calm.answers):.0%}"),
        ("loss of the best constant", f"{constant_cost():.2f}"),
    ]
    table = {}
    for change in CHANGES:
        name = f"{change.what}: {change.how}" if change.how else change.what
        table[name] = [train(change, seed, steps) for seed in range(tries)]
        numbers.append((name, verdict(table[name])))
    say_all(numbers)

    draw_step(start, exploding, 0, _FIRST, folder)
    loss = draw_step(explosion.model, exploding, len(explosion.losses), _LAST, folder)
    draw_losses(explosion, survivor, folder)
    draw_table(table, folder)
    explorer = explored(loss, folder / "sparrow-explore.html", "the step that overflows")
    title = "The sparrow network: why it explodes, and what stops it"
    pictures = (_FIRST, _LAST, _LOSSES, _TABLE)
    code = list_code(Change.build, train)
    return Story("sparrow", title, told(__doc__), tuple(numbers), pictures, (explorer,), code)


_FIRST = Picture(
    "sparrow-first.svg",
    "The network 10-7-3-1 as columns of neurons on its first sample, each line colored by its "
    "gradient; all have the same sign.",
    "Every weight pushes the same way. The answer is too large, and each weight is told to "
    "shrink: together they shrink it far too much.",
)
_LAST = Picture(
    "sparrow-last.svg",
    "The last step of a network that overflows: the loss is inf, the gradients are nan.",
    "The loss overflows. Red: inf · 0 is nan. This is the first of the seeds with which it does; "
    "most end at −1 in all ELUs of the second layer.",
)
_LOSSES = Picture(
    "sparrow-losses.svg",
    "Left: the loss of a network that survives, a peak at the third step and then near 0. Right: "
    "the same on a logarithmic scale, up to nearly 10¹⁵ and down in a straight line to "
    "the line of a constant; and another network, which leaves the picture at the top.",
    "A hundred losses. Left, on a linear scale as in the tutorial: they seem to go to 0. Right: "
    "they go down to what a constant costs (gray). The straight way down is the last layer alone.",
)
_TABLE = Picture(
    "sparrow-table.svg",
    "A table of counts: a line for each change, columns for explosions on the way and for the "
    "four ends.",
    "How many runs explode on the way (a loss above a million), and where all of them end: "
    "nan, a constant, something that varies with the input but is no better, or learned.",
)

if __name__ == "__main__":
    run_alone(run, "sparrow")
