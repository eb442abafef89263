"""The figures of five tutorials beside ours: `python -m tests.benchmarks.tutorials [--quick]`.

The column of the tutorial holds what a tutorial says, and where; what it shows in pictures only is
not quoted. The column of the referee is what else ours was compared with: a formula, NumPy, or the
right answer. All of ours is computed in this run. Where ours differs, the verdict says why; the
exit status is 1 for a difference without a reason, and where ours is not what the referee says.

1: the sparrow network. 2: numerical gradients. 3: plain words. 4: one neuron, GradientTape.
5: from linear regression to a framework.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from math import exp, log10
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import numpy

import viz
from demos import defaults, hundred, neuron, numerical, overfitting
from demos import sparrow as sparrow_demo
from demos.gallery import duration
from scalargrad import (
    GradientTape,
    Parameter,
    Value,
    numerical_gradient,
    relu,
    sigmoid,
    softmax,
    step,
)
from scalargrad import compile as compile_graph
from scalargrad.errors import DivergenceError
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Layer, Module, uniform
from scalargrad.optim import SGD
from scalargrad.training import collector_off, fit

BOSTON = Path(__file__).parents[2] / "demos" / "data" / "boston.csv"
AGREES = "agrees"
NO_FIGURE = "no figure"
SAMPLE = [
    *(3.52792097, 3.44786069, 0.62893607, 3.28180785, 0.27414099),
    *(4.69292455, 1.85201189, 4.87615163, 0.82248265, 0.46025282),
]
"""The ten numbers that tutorial 1 asks its network about in the end."""
FIVE = [1.0, -2.0, 3.0, -4.0, 7.0]


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    system: str
    quotation: str
    place: str
    ours: str
    how: str
    referee: str
    verdict: str

    @property
    def is_fault(self) -> bool:
        """Whether ours differs without a reason, or is not what the referee says."""
        return self.verdict == "differs" or self.referee.endswith("!")


def compared(agrees: bool, why: str = "") -> str:
    """Return the verdict, with the reason for a difference."""
    if agrees:
        return AGREES
    return f"differs: {why}" if why else "differs"


def within(error: float, allowed: float, referee: str) -> str:
    """Return the referee and how far ours is off, marked if that is too far."""
    return f"{referee}: off by {error:.0e}" + "!" * (not error <= allowed)


def spelled(numbers: Iterable[float], form: str = "g") -> str:
    """Return numbers in one cell."""
    return ", ".join(f"{number:{form}}" for number in numbers).replace("-", "−")


def apart(ours: Any, other: Any) -> float:
    """Return the largest difference of two rows of numbers."""
    return float(numpy.abs(numpy.subtract(ours, other)).max())


def read(system: str, quotation: str, place: str, ours: str, how: str) -> Row:
    """Return a row that agrees where both read the same."""
    return Row(system, quotation, place, ours, how, "—", compared(ours == quotation))


# 1: the sparrow network


def sparrow_functions(quick: bool) -> list[Row]:  # noqa: ARG001
    """What can be checked without a network."""
    x = numpy.arange(-2.0, 3.0)
    found = [sigmoid(each) for each in x.tolist()]
    rounded = spelled([round(each, 2) for each in found])
    referee = within(apart(found, 1.0 / (1.0 + numpy.exp(-x))), 1e-15, "NumPy")
    quotation = "0.12, 0.27, 0.5, 0.73, 0.88"
    half = f"{sum(SAMPLE) / 2.0:.8f}"
    return [
        Row(
            "sigmoid of −2, −1, 0, 1, 2",
            quotation,
            "1, activation functions",
            rounded,
            "sigmoid",
            referee,
            compared(rounded == quotation),
        ),
        Row(
            "half the sum of its sample",
            "11.93224506",
            "1, the final test",
            half,
            "ten numbers of the text",
            "—",
            compared(half == "11.93224506", "its numbers are printed with 8 decimals"),
        ),
    ]


def sparrow(seed: int) -> tuple[float, list[float]]:
    """Take the hundred steps.

    Returns:
        The error of the first answer, and three answers to fresh samples; none after an overflow.
    """
    rng = Random(f"sparrow {seed}")
    model = MLP(10, [7, 3, 1], activation="elu", initializer=uniform(0.0, 1.0), seed=seed)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data = rng.random()
    rows = [[5.0 * rng.random() for _ in range(10)] for _ in range(100)]
    targets = [sum(row) / 2.0 for row in rows]
    first = abs(float(model(rows[0]).data) - targets[0])
    with suppress(DivergenceError):
        fit(
            model,
            rows,
            targets,
            loss="half_squared_error",
            optimizer=SGD(model.parameters(), 0.05),
            epochs=1,
            batch_size=1,
            progress=False,
            compiled=True,
        )
        return first, [float(model(row).data) for row in (SAMPLE, [1.0] * 10, [4.0] * 10)]
    return first, []


def sparrow_training(quick: bool) -> list[Row]:
    """The network as it was given, from many starts."""
    count = 20 if quick else 100
    found = [sparrow(seed) for seed in range(count)]
    ended = [answers for _, answers in found if answers]
    constant = [answers for answers in ended if max(answers) - min(answers) < 1e-3]
    error = median(first for first, _ in found)
    answer = median(answers[0] for answers in ended)
    how = f"{count} starts, float64"
    return [
        Row(
            "first answer is off by",
            "1e7",
            "1, the final test",
            f"{error:.0f}",
            f"median of {count} starts",
            "—",
            compared(error > 1e6, "that is the third step's"),
        ),
        Row(
            "after 100 steps: the sample",
            "13.4375",
            "1, the final test",
            f"{answer:.2f}",
            f"median of {count} starts",
            f"right: {sum(SAMPLE) / 2.0:.2f}",
            compared(
                abs(answer - 13.4375) < 0.1,
                f"{len(constant)} of {len(ended)} give one answer to all",
            ),
        ),
        Row(
            "ends as nan",
            "with some chance",
            "1, exercises",
            f"{count - len(ended)} of {count}",
            how,
            "—",
            NO_FIGURE,
        ),
        single_precision(100 if quick else 1000),
    ]


def single_precision(count: int) -> Row:
    """The same in the precision of the tutorial."""
    ended = sparrow_demo.census(count, numpy.float32).outcomes
    ours = f"{ended.count('nan')} of {count}"
    how = f"{count} starts, float32, NumPy"
    return Row("the same", "with some chance", "1, exercises", ours, how, "—", NO_FIGURE)


# 2: numerical gradients


def differences(quick: bool) -> list[Row]:
    """The two ways to a gradient, and what they cost."""
    matrix = numpy.arange(6.0).reshape(2, 3)
    slopes = numerical_gradient(lambda w: (w**2).sum(), matrix)
    tried = numerical.cost(500 if quick else 20_000)
    shared = numerical.share_work(0.2 if quick else 20.0)
    seconds = numerical.STEPS * tried.numerical
    sampled = f"compiled passes, {len(tried.slopes):,} of {tried.weights:,} weights"
    return [
        Row(
            "numerical gradient of a matrix",
            "index 2 is out of bounds",
            "2, the first function",
            f"shape {slopes.shape}",
            "numerical_gradient",
            within(apart(slopes, 2.0 * matrix), 1e-9, "2x"),
            compared(False, "any shape will do"),
        ),
        Row(
            "784-100-10, 100 numerical steps",
            "almost 30 min",
            "2, training",
            duration(seconds),
            sampled,
            within(float(tried.apart), 1e-8, "backpropagation"),
            compared(180.0 < seconds < 18_000.0, "another machine"),
        ),
        Row(
            "the same by backpropagation",
            "solves the slowness",
            "2, on speed",
            duration(numerical.STEPS * tried.backward),
            "compiled, ten steps",
            "—",
            compared(tried.backward < tried.numerical),
        ),
        Row(
            "do several threads help?",
            "not known",
            "2, training",
            f"{shared.threads:.2f} × as fast",
            "2 threads of pure Python",
            "—",
            NO_FIGURE,
        ),
        Row(
            "and several processes?",
            "—",
            "—",
            f"{shared.one / shared.two:.2f} × as fast",
            f"2, {duration(shared.one)} of work, start {duration(shared.start)}",
            "—",
            NO_FIGURE,
        ),
    ]


def hundred_steps(quick: bool) -> list[Row]:
    """What the network says after its hundred steps, and after more."""
    parts = hundred.pictures(None)
    images, held, digits, truths = parts
    trials = [hundred.hundred_steps(parts, seed, True) for seed in range(4 if quick else 20)]
    right = median(trial.right for trial in trials)
    alike = sum(trial.alike for trial in trials)
    order = list(range(100))
    again = hundred.read(hundred.train(images, digits, order, 0, 30), held).argmax(axis=1)
    single = hundred.read(hundred.train(images, digits, [0] * 200, 0), held).argmax(axis=1)
    asked = len(truths)
    return [
        Row(
            "right after 100 steps",
            "3",
            "2, training",
            f"{right:g} of {asked}",
            f"64-100-10, 8 × 8 pixels, {len(trials)} orders",
            f"guessing: {asked / 10:.0f}",
            f"differs: other pictures; one answer to all, {alike} of {len(trials)}",
        ),
        Row(
            "right after 3,000 steps",
            "100 are too few",
            "2, training",
            f"{(again == truths).sum()} of {asked}",
            "the hundred pictures 30 times",
            f"guessing: {asked / 10:.0f}",
            compared(bool((again == truths).sum() > 2.0 * right)),
        ),
        Row(
            "one picture 200 times",
            "7 to every picture",
            "2, on many data",
            f"{digits[0]} to {(single == digits[0]).sum()} of {asked}",
            f"trained on a {digits[0]}",
            "—",
            compared(bool((single == digits[0]).all())),
        ),
    ]


# 3: plain words


def on_paper(quick: bool) -> list[Row]:  # noqa: ARG001
    """What a person can check by hand."""
    chances = softmax([3.0, 1.0, 0.1, 0.5])
    powers = [exp(score) for score in (3.0, 1.0, 0.1, 0.5)]
    loss = float(cross_entropy([numpy.log(0.9), numpy.log(0.1)], 0))
    first, second = Layer(2, 2), Layer(2, 2)
    first.load_state_dict(dict(zip(first.state_dict(), (1, -1, 9, 2, 0, -3), strict=True)))
    second.load_state_dict(dict(zip(second.state_dict(), (4, 3, 5, -2, 1, 0), strict=True)))
    hidden = first([3.0, 4.0])
    layers = [value.data for value in (*hidden, *second(hidden))]
    deep = MLP(2, [5] * 100, activation=None, initializer="orthogonal", seed=0)
    (slopes,) = compile_graph(deep, deep, inputs=(2,)).jacobian([[1.0, 1.0], [-2.0, 3.0]])
    return [
        read(
            "step of 1, −2, 3, −4, 7",
            "1, 0, 1, 0, 1",
            "3, activation",
            spelled(map(step, FIVE)),
            "step",
        ),
        read(
            "relu of 1, −2, 3, −4, 7",
            "1, 0, 3, 0, 7",
            "3, activation",
            spelled(map(relu, FIVE)),
            "relu",
        ),
        Row(
            "100 layers without activation",
            "still linear",
            "3, two layers",
            f"slopes differ by {apart(slopes[0], slopes[1]):.0e}",
            "at two points",
            within(apart(slopes[0], slopes[1]), 1e-12, "0"),
            compared(bool(numpy.abs(slopes).max() > 0.1)),
        ),
        Row(
            "chances for 3, 1, 0.1, 0.5",
            "90, 5, 2, 3 %",
            "3, softmax",
            f"{spelled([100.0 * p for p in chances], '.0f')} %",
            "softmax",
            within(apart(chances, numpy.divide(powers, sum(powers))), 1e-15, "its three steps"),
            compared(False, "an example, not computed"),
        ),
        Row(
            "loss −log 0.9",
            "0.046",
            "3, cross-entropy",
            f"{loss:.3f}",
            "cross_entropy",
            within(abs(loss / numpy.log(10.0) + log10(0.9)), 1e-15, "/ ln 10 = −log10 0.9"),
            compared(round(loss, 3) == 0.046, "it takes the logarithm to base 10"),
        ),
        read(
            "n1, n2, y1, y2",
            "8, 3, 46, 0",
            "3, the exercise",
            spelled(layers),
            "two Layers of its weights",
        ),
    ]


def quadrants(quick: bool) -> list[Row]:
    """Four points, and a new one."""
    points = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]
    count = 5 if quick else 50
    chances = []
    for seed in range(count):
        model = MLP(2, [50, 4], activation="relu", seed=seed)
        fit(
            model,
            points,
            [0, 1, 2, 3],
            loss="cross_entropy",
            optimizer=SGD(model.parameters(), 0.1),
            epochs=100,
            batch_size=None,
            progress=False,
            compiled=True,
        )
        chances.append([float(p) for p in softmax(model([2.0, 2.0]))])
    first = sum(max(row) == row[0] for row in chances)
    ours = f"I: {first} of {count}, p ≥ {min(row[0] for row in chances):.2f}"
    how = "2-50-4, 100 steps at rate 0.1"
    return [Row("quadrant of (2, 2)", "I", "3, the task", ours, how, "—", compared(first == count))]


def claims(quick: bool) -> list[Row]:
    """What it says is better, faster, or worth two per cent."""
    seeds, epochs, _ = defaults.QUICK if quick else defaults.FULL
    losses = defaults.rank([16, 16], seeds, epochs)
    order = " > ".join(sorted(losses, key=lambda name: median(losses[name])))
    quotation = "elu > leaky_relu > relu > tanh > sigmoid"

    steps = {name: median(counts) for name, counts in defaults.count_steps(seeds).items()}
    slow = min(count for name, count in steps.items() if name.startswith("SGD"))
    fast = min(count for name, count in steps.items() if name.startswith("Adam"))

    epochs, draws = overfitting.QUICK if quick else overfitting.FULL
    trained = {
        name: [
            overfitting.train(cure, epochs, draw)
            for draw in range(1, draws + 1)
            for cure in overfitting.cures()
            if cure.name == name
        ]
        for name in ("nothing", "dropout")
    }
    gain = overfitting.gain(trained["dropout"], trained["nothing"])
    return [
        Row(
            "activations, best first",
            quotation,
            "3, vanishing gradients",
            order,
            f"2-16-16-1, moons, median of {seeds}",
            "—",
            compared(order == quotation, "here, on this task"),
        ),
        Row(
            "Adam instead of descent",
            "much faster",
            "3, training too slow",
            f"{fast:g} steps, not {slow:g}",
            f"to a loss of 0.1, best rates, median of {seeds}",
            "—",
            compared(2.0 * fast < slow, "with the best rate of each"),
        ),
        Row(
            "dropout",
            "2 % better",
            "3, over-fitting",
            f"{gain:+.1f} %".replace("-", "−"),
            f"30 points, 300 fresh ones, {draws} draws",
            "—",
            compared(abs(gain - 2.0) < 0.5, "another task"),
        ),
    ]


# 4: one neuron, GradientTape


def one_neuron(quick: bool) -> list[Row]:  # noqa: ARG001
    """The worked neuron, and the tape."""
    values = neuron.forward()
    error = values["error"].data
    twice = values["L"].partials[0]
    v = -1.0 * -3.0 + -1.5 * 2.0 + 0.5
    slope = 2.0 * (1.0 / (1.0 + exp(-v)) - 2.0) * exp(-v) / (1.0 + exp(-v)) ** 2
    found = [values[name].grad for name in ("w1", "w2", "b")]
    with GradientTape() as tape:
        x = Value(3.0)
        tape.watch(x)
        y = x**2
    square = float(tape.gradient(y, x))
    return [
        Row(
            "its error ε",
            "−1.37",
            "4, backpropagation",
            spelled([error], ".4f"),
            "the neuron demo",
            within(abs(error - (1.0 / (1.0 + exp(-v)) - 2.0)), 1e-15, "σ(v) − y"),
            compared(int(error * 100.0) == -137),
        ),
        Row(
            "∂L/∂ε",
            "−2.75",
            "4, backpropagation",
            spelled([twice], ".4f"),
            "the neuron demo",
            within(abs(twice - 2.0 * error), 1e-15, "2ε"),
            compared(int(twice * 100.0) == -275),
        ),
        Row(
            "∂L/∂w1, ∂L/∂w2, ∂L/∂b",
            "tape and hand agree",
            "4, the last example",
            spelled(found, ".4f"),
            "backward",
            within(apart(found, [slope * -3.0, slope * 2.0, slope]), 1e-14, "2ε σ′ x"),
            compared(apart(found, [slope * -3.0, slope * 2.0, slope]) < 1e-14),
        ),
        Row(
            "y = x² at 3 on the tape",
            "—",
            "4, GradientTape",
            spelled([square]),
            "GradientTape",
            within(abs(square - 6.0), 0.0, "2x"),
            NO_FIGURE,
        ),
    ]


# 5: from linear regression to a framework


def chain(quick: bool) -> list[Row]:  # noqa: ARG001
    """The four factors of the chain rule."""
    names = ("k1", "b1", "k2", "b2", "x", "y")
    k1, b1, k2, b2, x, y = (
        Value(number, label=name)
        for number, name in zip((0.5, -1.0, 2.0, 0.3, 1.5, 1.0), names, strict=True)
    )
    first = k1 * x + b1
    squashed = sigmoid(first)
    last = k2 * squashed + b2
    loss = (last - y) ** 2
    for value, label in ((first, "L1"), (squashed, "sigmoid"), (last, "L2"), (loss, "loss")):
        value.label = label
    loss.backward()
    factors = 2.0 * (last.data - 1.0) * 2.0 * squashed.data * (1.0 - squashed.data) * 1.5
    quotation = "∂loss/∂L2 · ∂L2/∂σ · ∂σ/∂L1 · ∂L1/∂k1"
    printed = str(viz.chain_rule(loss, k1)).partition(" = ")[2].partition(" = ")[0]
    ours = printed.replace(" * ", " · ").replace("sigmoid", "σ")
    return [
        Row(
            "the chain of k1",
            quotation,
            "5, chain rule",
            ours,
            "viz.chain_rule",
            within(abs(k1.grad - factors), 1e-15, "by hand"),
            compared(ours == quotation),
        )
    ]


class TwoLines(Module):
    """A line, a sigmoid, and a line."""

    def __init__(self, seed: int) -> None:
        rng = Random(seed)
        self.k1, self.b1, self.k2, self.b2 = (
            Parameter(float(rng.randint(-100, 100))) for _ in range(4)
        )

    def forward(self, x: Value) -> Value:
        return self.k2 * sigmoid(self.k1 * x + self.b1) + self.b2


def boston(quick: bool) -> list[Row]:
    """The rooms and prices of Boston through a line, a sigmoid and a line."""
    table = numpy.loadtxt(BOSTON, delimiter=",", skiprows=1)
    rooms, prices = table[:, :1], table[:, -1:]
    losses = []
    for seed in range(3 if quick else 30):
        model = TwoLines(seed)
        program = compile_graph(lambda x, y, model=model: (model(x) - y) ** 2, model, inputs=(1, 1))
        for _ in range(2000):
            loss, slopes = program.value_and_grad(rooms, prices)
            program.parameters[:] -= 1e-2 * slopes
        losses.append(loss)
    variance = float(prices.var())
    line = numpy.polyfit(rooms[:, 0], prices[:, 0], 1)
    residual = float(numpy.mean((numpy.polyval(line, rooms) - prices) ** 2))
    return [
        Row(
            "line, sigmoid, line on prices",
            "what happens?",
            "5, the model",
            f"loss {median(losses):.2f}",
            f"2,000 steps, alpha 0.01, {len(losses)} starts",
            within(
                abs(median(losses) - variance),
                1e-2,
                f"variance {variance:.2f}, line {residual:.2f}",
            ),
            NO_FIGURE,
        )
    ]


SECTIONS: tuple[Callable[[bool], list[Row]], ...] = (
    sparrow_functions,
    sparrow_training,
    differences,
    hundred_steps,
    on_paper,
    quadrants,
    claims,
    one_neuron,
    chain,
    boston,
)


def table(rows: Sequence[Row]) -> str:
    """Return the rows in columns as wide as they need to be."""
    head = ("system", "the tutorial", "where", "ours", "how measured", "referee", "verdict")
    lines = [head, *map(astuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 where something is at fault."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.tutorials",
        description="The tutorials' figures beside ours.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer starts and smaller samples")
    quick = parser.parse_args(arguments).quick
    with collector_off():
        rows = [row for section in SECTIONS for row in section(quick)]
    faults = [row.system for row in rows if row.is_fault]
    print(table(rows))
    agree = sum(row.verdict == AGREES for row in rows)
    silent = sum(row.verdict == NO_FIGURE for row in rows)
    different = len(rows) - agree - silent
    print(f"\nof {len(rows)}: {agree} agree, {different} differ, {silent} without a figure")
    if faults:
        print(f"at fault: {'; '.join(faults)}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
