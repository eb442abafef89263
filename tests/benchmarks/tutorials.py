"""What the five tutorials say beside what comes out here: `python -m tests.benchmarks.tutorials`,
with `--quick` for shorter trainings.

Every figure of ours is computed in this run, by the functions of the demos or by the library. A
figure that is not the tutorial's says "differs", and then the exit status is 1; a line shows where
a tutorial gives no figure to compare with.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import groupby
from math import log
from random import Random
from statistics import median
from typing import Any

import numpy

import viz
from demos import (
    curves,
    defaults,
    descent,
    houses,
    lines,
    logic,
    names,
    numerical,
    overfitting,
    quadrants,
    recursion,
    sparrow,
    tape,
)
from demos.gallery import duration, timed
from scalargrad import compiler, numerical_gradient, relu, sigmoid, step
from scalargrad.data import epoch_order
from scalargrad.losses import cross_entropy
from scalargrad.training import collector_off
from tests.demos.test_sparrow import side_by_side

LARGE = (784, 100, 10)
HALF_AN_HOUR = 1800.0


@dataclass(frozen=True)
class Row:
    """One line of the table; `agrees` is None where the tutorial gives no figure."""

    system: str
    tutorial: str
    ours: str
    how: str
    agrees: bool | None

    def cells(self) -> tuple[str, ...]:
        """The five cells."""
        return (
            self.system,
            self.tutorial,
            self.ours,
            self.how,
            {True: "agrees", False: "differs", None: "—"}[self.agrees],
        )


def same(system: str, tutorial: str, ours: str, how: str) -> Row:
    """A row that agrees where both read the same."""
    return Row(system, tutorial, ours, how, tutorial == ours)


def off_by(system: str, tutorial: str, error: float, allowed: float, how: str) -> Row:
    """A row that agrees where the largest difference is small enough."""
    return Row(
        system, tutorial, f"off by {error:.0e}", f"{how}; allowed {allowed:.0e}", error <= allowed
    )


def spelled(numbers: Iterable[float], form: str = ".4f") -> str:
    """Numbers in one cell."""
    return ", ".join(f"{number:{form}}" for number in numbers).replace("-", "−")


# The sparrow network


def explosion(quick: bool) -> list[Row]:
    """The tutorial's own settings, and the same network by hand."""
    given = sparrow.train(sparrow.Trial("", "", sparrow.sparrow()), 50)
    ended = (
        f"nan after {len(given.losses)} steps"
        if given.error
        else f"{given.losses[-1]:.3g} after 50 steps"
    )
    steps = 20 if quick else 100
    return [
        Row(
            "sparrow 10-7-3-1, rate 0.05",
            "explodes to nan",
            ended,
            "at most 50 steps, weights in (0, 1), seed 8",
            bool(given.error),
        ),
        off_by(
            "sparrow by hand in NumPy",
            "the same numbers",
            by_hand(steps),
            1e-12,
            f"losses, all gradients, {steps} steps at rate 0.0002",
        ),
    ]


def by_hand(steps: int) -> float:
    """The largest difference, relative to the largest number of each step, between the network and
    the same in NumPy.
    """
    worst = 0.0
    for loss, expected, found, gradient in side_by_side(sparrow.sparrow(), 2e-4, steps):
        apart = float(numpy.abs(found - gradient).max()) / max(
            1.0, float(numpy.abs(gradient).max())
        )
        worst = max(worst, apart, abs(loss - expected) / max(1.0, expected))
    return worst


def cures(quick: bool) -> list[Row]:
    """Each kind of cure that the tutorial lists: does one of that kind stop the explosion, and does
    one learn?
    """
    count, constant = 200 if quick else 2000, sparrow.constant_cost()
    trials = [sparrow.train(trial, count) for trial in sparrow.trials() if trial.what != "as given"]
    rows = []
    for kind, group in groupby(
        sorted(trials, key=lambda trial: trial.what), lambda trial: trial.what
    ):
        tried = list(group)
        stop = [trial for trial in tried if not trial.error and max(trial.losses) < sparrow.HUGE]
        learn = sum(trial.final < sparrow.LEARNED * constant for trial in stop)
        ours = f"stopped by {len(stop)} of {len(tried)}, learned by {learn}"
        rows.append(
            Row(
                f"sparrow, another {kind}",
                "a cure",
                ours,
                f"{count} steps each, one change at a time",
                bool(stop),
            )
        )
    return rows


def exercises(quick: bool) -> list[Row]:
    """Its last two exercises: logic, and recursion."""
    lessons = logic.lessons(quick)
    learned = [
        any(logic.right(logic.learn(each, seed)[0], each) == len(each.rows) for seed in range(5))
        for each in lessons
    ]
    sums = recursion.long_sums(32, 40)
    right = recursion.right(recursion.learn(epochs=4, seed=0), sums)
    tables = ", ".join(each.name for each in lessons).replace(" of ", " ").replace(" bits", "")
    return [
        same(
            "logic: tables learned whole",
            f"{len(lessons)} of {len(lessons)}",
            f"{sum(learned)} of {len(lessons)}",
            f"{tables}; ≤ 5 seeds",
        ),
        same(
            "recursion: binary addition",
            f"{len(sums)} of {len(sums)}",
            f"{right} of {len(sums)}",
            "sums of 32 bits, learned from 4 bits",
        ),
    ]


# Numerical against backpropagated gradients


def slopes(quick: bool) -> list[Row]:  # noqa: ARG001
    """In one dimension and in two."""
    plane = numerical_gradient(lambda v: v[0] * (v[0] + 3 * v[1]), [1.0, 2.0])
    return [
        same(
            "numerically: x² at 3",
            "6.000000",
            spelled([numerical_gradient(lambda x: x**2, 3.0)], ".6f"),
            "numerical_gradient",
        ),
        same(
            "numerically: x² + 3xy at (1, 2)",
            "8.000000, 3.000000",
            spelled(plane, ".6f"),
            "numerical_gradient",
        ),
    ]


def cost(quick: bool) -> list[Row]:
    """A hundred steps of 784-100-10 in three ways; and whether a second process helps. The cost is
    the same for random pixels.
    """
    pixels = [Random(0).random() for _ in range(LARGE[0])]
    tried = numerical.both_ways(LARGE, pixels, 3, 0.0 if quick else 10.0)
    _, two = timed(lambda: numerical_gradient(tried.loss, tried.loss.numbers, workers=2))
    seconds, error, sample = replayed(pixels, 3, 500 if quick else 5000)
    size, arrays, scalars = (
        "784-100-10, 100 steps",
        f"extrapolated from {sample:,} weights",
        f"extrapolated from {len(tried.slopes)} weights",
    )
    return [
        off_by(
            "784-100-10, both gradients",
            "the same",
            max(float(tried.apart), error),
            1e-6,
            f"{len(tried.slopes)} + {sample:,} weights",
        ),
        Row(
            f"{size}, numerically",
            "about 30 min",
            duration(100 * seconds),
            f"compiled forward passes, {arrays}; within 10 ×",
            0.1 < 100 * seconds / HALF_AN_HOUR < 10.0,
        ),
        Row(f"{size}, as eager scalars", "no figure", duration(100 * tried.step), scalars, None),
        Row(
            f"{size}, backwards",
            "far less",
            duration(100 * tried.backward),
            "100 × one eager step",
            tried.backward < seconds,
        ),
        Row(
            "do several processes help?",
            "asked",
            f"{tried.numerical / two:.2f} × as fast",
            "2 processes, their start included",
            None,
        ),
    ]


def replayed(pixels: list[float], digit: int, sample: int) -> tuple[float, float, int]:
    """Seconds for one numerical step by a compiled network, from a sample of its weights; the
    largest error on these; how many.
    """
    model = numerical.network(*LARGE)
    program = compiler.compile(lambda x: cross_entropy(model(x), digit), model, inputs=(LARGE[0],))
    row, weights, h = numpy.array([pixels]), program.parameters, 1e-5
    _, gradient = program.value_and_grad(row)
    chosen = epoch_order(len(weights), seed=0)[:sample]

    def moved(i: int, by: float) -> float:
        kept, weights[i] = weights[i], weights[i] + by
        loss = float(program(row)[0, 0])
        weights[i] = kept
        return loss

    found, seconds = timed(lambda: [(moved(i, h) - moved(i, -h)) / (2.0 * h) for i in chosen])
    return seconds * len(weights) / sample, float(numpy.abs(found - gradient[chosen]).max()), sample


def one_picture(quick: bool) -> list[Row]:
    """A network that was trained on one picture only."""
    images, held, digits, _ = numerical.pictures(None)
    held = held[: 60 if quick else 360]
    answers = numerical.taught((64, 30, 10), images[:1], digits[:1], 30, held)
    said = sum(row.index(max(row)) == digits[0] for row in answers)
    how = f"64-30-10, 30 steps on a {digits[0]}; scikit-learn's digits"
    return [
        same(
            "trained on one picture",
            f"{len(held)} of {len(held)} that digit",
            f"{said} of {len(held)} that digit",
            how,
        )
    ]


# Plain words


def straight(quick: bool) -> list[Row]:
    """Lines, several variables and a cubic against least squares."""
    rounds = 250 if quick else 800
    found = [
        (task.name, lines.learn(task, rounds), lines.least_squares(task))
        for task in lines.tasks()[:3]
    ]
    how = f"{rounds} rounds of gradient descent"
    return [
        off_by(f"{name}", "least squares", float(numpy.abs(numpy.subtract(a, b)).max()), 1e-4, how)
        for name, a, b in found
    ]


def on_paper(quick: bool) -> list[Row]:  # noqa: ARG001
    """What a person can check by hand."""
    beliefs, (hidden, answers) = quadrants.on_paper(), quadrants.exercise()
    expected = [
        p - (i == right) for _, chances, right in quadrants.BELIEFS for i, p in enumerate(chances)
    ]
    found = [slope for belief in beliefs for slope in belief.slopes]
    error = float(numpy.abs(numpy.subtract(found, expected)).max())
    return [
        same(
            "−log 0.9, −log 0.25, −log 0.02",
            "0.1054, 1.3863, 3.9120",
            spelled([b.loss for b in beliefs]),
            "cross-entropy from logits",
        ),
        off_by("twelve numbers by hand", "p, or p − 1", error, 1e-12, "the slopes of 3 × 4 logits"),
        same(
            "two layers: n1, n2, y1, y2",
            "8, 3, 46, 0",
            spelled([v.data for v in (*hidden, *answers)], "g"),
            "Layers with given weights",
        ),
        same(
            "step of 1, −2, 3, −4, 7",
            "1, 0, 1, 0, 1",
            spelled(map(step, lines.FIVE), "g"),
            "scalargrad.step",
        ),
        same(
            "sigmoid of 1, −2, 3, −4, 7",
            "0.7311, 0.1192, 0.9526, 0.0180, 0.9991",
            spelled(map(sigmoid, lines.FIVE)),
            "scalargrad.sigmoid",
        ),
        same(
            "relu of 1, −2, 3, −4, 7",
            "1, 0, 3, 0, 7",
            spelled(map(relu, lines.FIVE), "g"),
            "scalargrad.relu",
        ),
    ]


def four_quadrants(quick: bool) -> list[Row]:
    """The new point."""
    epochs = 6 if quick else 40
    chances = quadrants.classify(quadrants.train(epochs)[0], quadrants.NEW_POINT)
    where = quadrants.NAMES[chances.index(max(chances))]
    ours, how = f"{where}: {max(chances):.0%}", f"2-50-4, {epochs} rounds of Adam"
    return [
        Row(
            "quadrants: the new point (2, 2)",
            quadrants.NAMES[0],
            ours,
            how,
            where == quadrants.NAMES[0],
        )
    ]


def by_heart(quick: bool) -> list[Row]:
    """Over-fitting and its cures; the table of defaults."""
    rounds = 40 if quick else 60
    ill, *cured = [overfitting.train(cure, rounds).losses for cure in overfitting.cures()]
    better = sum(losses[-1] < ill[-1] for losses in cured)
    seeds, _, epochs = defaults.QUICK if quick else defaults.FULL
    tried = {name: median(losses) for name, losses in defaults.remedies(seeds, epochs).items()}
    old, good = tried["vanishing: sigmoid from N(0, 1)"], tried["all five of the tutorial"]
    ours = f"{good:.3f} against {old:.3f}"
    return [
        Row(
            "over-fitting",
            "other points suffer",
            f"{ill[0]:.2f} → {ill[-1]:.2f}",
            "loss on its points → on fresh ones",
            ill[0] < ill[-1],
        ),
        same(
            "over-fitting cured",
            f"{len(cured)} of {len(cured)}",
            f"{better} of {len(cured)}",
            f"less loss on fresh points, {rounds} rounds",
        ),
        Row(
            "its table of defaults",
            "better",
            ours,
            f"loss on fresh points, {epochs} rounds, {seeds} seeds",
            good < old,
        ),
    ]


# One neuron, GradientTape


def descents(quick: bool) -> list[Row]:
    """Batch, mini-batch and stochastic descent."""
    (tolerance, rounds), data = descent.QUICK if quick else descent.FULL, descent.noisy_line()
    rows = []
    for way in descent.ways()[:3]:
        descent.descend(way, *data, tolerance, rounds)
        ours, how = (
            f"gradient {way.norms[-1]:.0e}",
            f"{len(way.path) - 1:,} steps; nearly zero is {tolerance:g}",
        )
        rows.append(
            Row(
                f"descent, {way.name}",
                "gradient nearly zero",
                ours,
                how,
                descent.arrived(way, tolerance),
            )
        )
    return rows


def taped(quick: bool) -> list[Row]:  # noqa: ARG001
    """The three places of the tape."""
    square, matrix, neuron = tape.square(), tape.matrix(), tape.neuron()[0]
    error = max(abs(found - hand) for _, found, hand in matrix)
    return [
        same("tape: y = x² at 3", "6", spelled([square[0][1]], "g"), "GradientTape"),
        off_by(
            "tape: a 3 × 2 matrix",
            "the chain by hand",
            error,
            1e-12,
            "8 slopes of the mean squared output",
        ),
        same(
            "tape: the worked neuron",
            "1.9424, −1.2949, −0.6475",
            spelled([found for _, found, _ in neuron[:3]]),
            "slopes by w1, w2, b",
        ),
    ]


# From linear regression to a framework


def framework(quick: bool) -> list[Row]:
    """Chains of pieces, the dictionary, the printed chains."""
    rng, values = Random(3), curves.with_gradients()
    turns = max(
        curves.turns(curves.chain(rng, length))
        for length in range(1, 7)
        for _ in range(5 if quick else 50)
    )
    notation = "∂loss/∂L2 * ∂L2/∂sigmoid *"
    printed = str(viz.chain_rule(values["loss"], values["k1"])).partition(" = ")[2]
    return [
        same(
            "random chains of pieces",
            "turn 0 times",
            f"turn {turns} times",
            f"{30 if quick else 300} chains of lines and sigmoids",
        ),
        same(
            "the chain of k1, printed",
            notation,
            printed[: len(notation)],
            "chain_rule, its beginning",
        ),
        off_by(
            "gradients of the dictionary",
            "its chains",
            curves.checked().worst_error,
            1e-6,
            "gradcheck of k1, b1, k2, b2",
        ),
    ]


def prices(quick: bool) -> list[Row]:
    """House prices, against the straight line."""
    rows, epochs = [], 6 if quick else 60
    for what, columns in (
        ("rooms", [houses.ROOMS]),
        ("rooms and status", [houses.ROOMS, houses.SHARE]),
    ):
        tracts, line, network = houses.compare(columns, epochs, what)
        ours, straight = houses.error(network, tracts), houses.error(line, tracts)
        beaten = f"{ours:.2f} against {straight:.2f}"
        rows.append(
            Row(
                f"house prices by {what}",
                "beats the straight line",
                beaten,
                f"{epochs} rounds, 101 held out",
                ours < straight,
            )
        )
    return rows


def letters(quick: bool) -> list[Row]:
    """What it announces as next: a character model on names."""
    (count, epochs), words, model = (40, 2) if quick else (160, 4), names.names(), names.network()
    names.train(model, names.samples(words[:count]), epochs)
    loss = names.mean_loss(model, names.samples(words[-names.HELD_OUT :]))
    ours, how = (
        f"{loss:.2f}, guessing {log(len(names.LETTERS)):.2f}",
        f"cross-entropy on 80 names held out, {epochs} rounds of {count}",
    )
    return [Row("a character model on names", "announced", ours, how, None)]


STORIES: dict[str, tuple[Callable[[bool], list[Row]], ...]] = {
    "the sparrow network": (explosion, cures, exercises),
    "numerical against backpropagated gradients": (slopes, cost, one_picture),
    "plain words": (straight, on_paper, four_quadrants, by_heart),
    "one neuron, GradientTape": (descents, taped),
    "from linear regression to a framework": (framework, prices, letters),
}


def quietly(compute: Callable[[], Any]) -> Any:
    """What it returns, without what the demos say meanwhile."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), collector_off():
        return compute()


def table(rows: Sequence[Row]) -> str:
    """The rows in columns as wide as they need to be."""
    lines = [("system", "the tutorial", "ours", "how measured", ""), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def measured(quick: bool) -> list[Row]:
    """All rows; which tutorial it is at goes to the standard error."""
    rows = []
    for name, sections in STORIES.items():
        print(f"… {name}", file=sys.stderr)
        rows += [row for section in sections for row in quietly(partial(section, quick))]
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where something differs."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.tutorials",
        description="The tutorials' figures beside ours.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="shorter trainings and smaller samples"
    )
    rows = measured(parser.parse_args(arguments).quick)
    differ = [row.system for row in rows if row.agrees is False]
    print(table(rows))
    print(f"\n{len(differ)} of {len(rows)} differ" + f": {'; '.join(differ)}" * bool(differ))
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main())
