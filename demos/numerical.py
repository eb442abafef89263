"""Numerical gradients: right, and slow.

A derivative is what a function gains when its input moves a little, over how far it moved. So a
network's gradient can be had without any calculus: move one weight up, pass forward, move it down,
pass forward; then take the next weight. That is two passes for every weight, where backpropagation
takes one pass forward and one back for all of them. Both find the same numbers, so each is a proof
of the other.

A tutorial trains a network of 784 pixels, 100 sigmoids and 10 outputs in this way, for a hundred
steps of one picture each, and waits for half an hour. The time below is for the same network and as
many forward passes, each of them array code as in the tutorial.

Its function of the weights ignores the weights that it is given, and reads those of the network.
That works as long as the one who moves them moves the network's own array. numerical_gradient
hands over copies and leaves the array alone, so it warns that such a function never looks at its
argument; nn.Objective puts the numbers into the network and takes them out again.

The tutorial hopes for threads. Threads take turns where the work is pure Python; processes do not,
but it takes a while to start them, and only longer work pays for that.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import exp, log
from operator import mul
from os import cpu_count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
from numpy.typing import NDArray

from demos.gallery import duration, explored, run_alone, say_all, timed, told, write_powers
from demos.listing import list_code
from demos.story import Explorer, Picture, Story
from scalargrad import Value, compile, numerical_gradient
from scalargrad.data import epoch_order
from scalargrad.errors import UnlearnedWarning
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Objective
from scalargrad.nn.initializers import normal
from viz.plots import new_axes, plot_bars, plot_differences, save_plot

Array = NDArray[Any]

LARGE = (784, 100, 10)
STEPS = 100
HALF_AN_HOUR = 1800.0
"""The tutorial's network, its steps of one picture each, and the seconds that it waited."""
SAMPLE = (0.2, -0.4, 0.9)
"""Three pixels for the smallest network."""
FULL = (20_000, 20.0)
QUICK = (1_000, 0.2)
"""Weights of the large network to move, and seconds of work to share out."""


# The loss as a function of the weights


def formula(numbers: Sequence[float], x: Sequence[float], digit: int) -> float:
    """Return the loss of a 3-3-3 network, written out as one formula of its 24 numbers."""
    hidden = [1.0 / (1.0 + exp(-y)) for y in sums(numbers[:12], x)]
    powers = [exp(y) for y in sums(numbers[12:], hidden)]
    return -log(powers[digit] / sum(powers))


def sums(numbers: Sequence[float], x: Sequence[float]) -> list[float]:
    """Return Σ w·x + b for each neuron of a layer: its weights, then its bias."""
    size = len(x) + 1
    neurons = [numbers[i : i + size] for i in range(0, len(numbers), size)]
    return [sum(map(mul, neuron, x)) + neuron[-1] for neuron in neurons]


def written_out() -> float:
    """Return the largest difference of the formula's gradient, numerically, to backpropagation."""
    worst = 0.0
    for digit in range(3):
        model = network(3, 3, 3, deviation=1.0)
        get_loss(SAMPLE, digit, model).backward()
        numbers = [parameter.data for parameter in model.parameters()]
        slopes = numerical_gradient(partial(formula, x=SAMPLE, digit=digit), numbers)
        pairs = zip(slopes, model.parameters(), strict=True)
        worst = max(worst, *(abs(slope - parameter.grad) for slope, parameter in pairs))
    return worst


def network(*sizes: int, seed: int = 0, deviation: float = 0.01) -> MLP:
    """Build layers of sigmoids with small normal weights; the last one returns logits."""
    # Softmax is no layer here: it is part of the cross-entropy, where it can't overflow.
    return MLP(sizes[0], sizes[1:], "sigmoid", initializer=normal(deviation), seed=seed)


def get_loss(image: Sequence[float | Value], digit: int, model: MLP) -> Any:
    """Return the loss of one forward pass."""
    return cross_entropy(model(image), digit)


# Moving the weights


def move_in_place(f: Callable[[Array], float], x: Array, places: Iterable[int]) -> Array:
    """Return the derivatives by some numbers of an array, which are moved where they are."""
    h = 1e-5
    slopes = []
    for place in places:
        number = x[place]
        x[place] = number + h
        above = f(x)
        x[place] = number - h
        below = f(x)
        x[place] = number
        slopes.append((above - below) / (2.0 * h))
    return numpy.array(slopes)


def three_ways() -> dict[str, Array]:
    """Return the gradient of a network of six weights: by backpropagation, and three other ways."""
    model = network(2, 3, deviation=1.0)
    x = numpy.array([[0.6, 0.9]])
    program = compile(lambda image: get_loss(image, 2, model), model, inputs=(2,))
    own = program.parameters

    def f(_: Array) -> float:
        return float(program(x)[0, 0])

    objective = Objective(model, partial(get_loss, x[0], 2))
    # The warning is the point: f never looks at the numbers that it is given.
    with warnings.catch_warnings(action="ignore", category=UnlearnedWarning):
        copies = numerical_gradient(f, own)
    return {
        "backward": program.value_and_grad(x)[1],
        "in place": move_in_place(f, own, range(len(own))),
        "copies": copies,
        "objective": numpy.array(numerical_gradient(objective, objective.numbers)),
    }


def cost(sample: int) -> SimpleNamespace:
    """Compute a step of the large network by some of its weights numerically, and backwards."""
    model = network(*LARGE)
    program = compile(
        lambda image, target: cross_entropy(model(image), target), model, inputs=(LARGE[0], 10)
    )
    # What the passes cost is the same for any picture.
    rng = numpy.random.default_rng(0)
    rows = (rng.random((1, LARGE[0])), numpy.eye(10)[[3]])
    weights = program.parameters
    chosen = epoch_order(len(weights), seed=0)[:sample]
    # The first call prepares the arrays that the others use again.
    _, every = program.value_and_grad(*rows)

    found = SimpleNamespace(weights=len(weights), chosen=every[chosen].copy())

    def loss(_: Array) -> float:
        return float(program(*rows)[0, 0])

    found.slopes, seconds = timed(lambda: move_in_place(loss, weights, chosen))
    found.apart = abs(found.slopes - found.chosen).max()
    # Extrapolated: all weights move alike, and there are 79,510 of them.
    found.numerical = seconds * len(weights) / len(chosen)
    _, ten = timed(lambda: [program.value_and_grad(*rows) for _ in range(10)])
    found.backward = ten / 10.0
    return found


# Several at once


def share_work(seconds: float) -> SimpleNamespace:
    """Move weights of a network of Python scalars by one process, two processes, two threads."""
    models = [network(64, 100, 10) for _ in range(2)]
    pixels = numpy.random.default_rng(1).random(64)
    measure = partial(get_loss, pixels.tolist(), 3)
    names = [name for name, _ in models[0].named_parameters()]

    def compute(model: MLP, names: list[str], workers: int = 1) -> Any:
        loss = Objective(model, measure, names)
        return numerical_gradient(loss, loss.numbers, workers=workers)

    _, ten = timed(lambda: compute(models[0], names[:10]))
    count = 20 + int(seconds / ten * 10.0)
    found = SimpleNamespace(names=names[:count])
    found.slopes, found.one = timed(lambda: compute(models[0], found.names))
    _, found.two = timed(lambda: compute(models[0], found.names, 2))
    # Hardly any work: what is left is the start of two interpreters.
    _, found.start = timed(lambda: compute(models[0], names[:2], 2))

    # Threads need a model each: an Objective puts the numbers that it tries into its own.
    few = found.names[: 20 + count // 10]
    with ThreadPoolExecutor(2) as pool:
        _, threads = timed(lambda: list(pool.map(compute, models, [few[::2], few[1::2]])))
    _, alone = timed(lambda: compute(models[0], few))
    found.threads = alone / threads
    return found


def draw(folder: Path, step: SimpleNamespace) -> None:
    """Draw the two gradients, and the cost of a hundred steps."""
    (apart,) = new_axes(width=7.0, height=4.2)
    plot_differences({"784-100-10": (step.chosen, step.slopes)}, apart, allowed=1e-6)
    write_powers(apart.xaxis, apart.yaxis)
    save_plot(apart, folder / _AGREE.file, "Two ways to one gradient", _AGREE.alt)

    costs = {
        "numerically, the tutorial": HALF_AN_HOUR,
        "numerically, here": STEPS * step.numerical,
        "by backpropagation, here": STEPS * step.backward,
    }
    (ax,) = new_axes(width=7.0, height=2.2)
    # A logarithmic scale, because the two ways are powers of ten apart.
    bars = plot_bars(costs, ax, list(map(duration, costs.values())), log=True, pale=list(costs)[1:])
    bars.set_xlabel("seconds")
    write_powers(bars.xaxis)
    save_plot(ax, folder / _COST.file, "What a hundred steps cost", _COST.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Compare the two ways and what they cost, then share out the work."""
    sample, seconds = QUICK if quick else FULL
    step = cost(sample)
    shared = share_work(seconds)
    draw(folder, step)

    numbers = [*_gradients(step), *_costs(step, shared)]
    say_all(numbers)
    title = "Numerical gradients: right, and slow"
    page = _page_to_explore(folder)
    code = list_code(formula, sums, move_in_place)
    return Story("numerical", title, told(__doc__), tuple(numbers), (_AGREE, _COST), (page,), code)


def _page_to_explore(folder: Path) -> Explorer:
    x = [Value(number, label=f"x{i}") for i, number in enumerate(SAMPLE)]
    loss = get_loss(x, 0, network(3, 3, 3, deviation=1.0))
    loss.label = "loss"
    loss.backward()
    return explored(loss, folder / "numerical-explore.html", "the 3-3-3 network and its gradients")


def _gradients(step: SimpleNamespace) -> list[tuple[str, str]]:
    first, second = numerical_gradient(lambda v: v[0] * (v[0] + 3 * v[1]), [1, 2])
    found = three_ways()
    apart = {name: abs(slopes - found["backward"]).max() for name, slopes in found.items()}
    in_place = f"{apart['in place']:.1e}"
    sampled = f"{len(step.slopes):,} of {step.weights:,} weights"
    return [
        ("the slope of x² at 3", f"{numerical_gradient(lambda x: x**2, 3.0):.9f}"),
        ("the gradient of x² + 3xy at (1, 2)", f"{first:.9f}, {second:.9f}"),
        ("3-3-3 as one formula: largest difference", f"{written_out():.1e}"),
        (f"784-100-10, {sampled}: largest difference", f"{step.apart:.1e}"),
        ("f ignores w, the array is moved in place: largest difference", in_place),
        ("f ignores w, which is a copy: largest slope", f"{abs(found['copies']).max():g}, warned"),
        ("nn.Objective instead of f: largest difference", f"{apart['objective']:.1e}"),
    ]


def _costs(step: SimpleNamespace, shared: SimpleNamespace) -> list[tuple[str, str]]:
    work = f"{len(shared.names):,} weights of a network of Python scalars"
    start = duration(shared.start)
    enough = f"{duration(break_even(shared.start))} of work"
    if shared.two < shared.one:
        pays = "it pays"
    elif shared.one < break_even(shared.start):
        pays = "too short to pay for their start"
    else:
        # Long enough, and yet no gain: other programs were using the cores.
        pays = "the cores were busy"
    return [
        ("a hundred steps numerically, in the tutorial", "almost 30 min"),
        ("a hundred steps numerically, extrapolated", duration(STEPS * step.numerical)),
        ("a hundred steps by backpropagation", duration(STEPS * step.backward)),
        (f"{work}, by one process", duration(shared.one)),
        (f"the same by two, on {cpu_count()} cores: {pays}", duration(shared.two)),
        (f"the start of two takes {start}; they can pay from", enough),
        ("two threads, which take turns in pure Python", f"{shared.threads:.2f} × as fast"),
    ]


def break_even(start: float, workers: int = 2) -> float:
    """Return the work, in seconds by one process, that several do in the same time.

    Example:
        >>> break_even(0.6)
        1.2
    """
    # work = start + work / workers, solved for the work.
    return start * workers / (workers - 1)


_AGREE = Picture(
    "numerical-agreement.svg",
    "How far gradients found numerically are from those by backpropagation, over their size: "
    "nearly all points are between 10⁻¹² and 10⁻¹⁰, far below the line at 10⁻⁶.",
    "Each point is a weight. The two ways differ by about as much for a small slope as for a large "
    "one: what is left is rounding.",
)
_COST = Picture(
    "numerical-cost.svg",
    "Bars on a scale of powers of ten: half an hour in the tutorial, and the times for a hundred "
    "steps numerically and by backpropagation.",
    "A hundred steps of 784-100-10, one picture each. Dashed: extrapolated, numerically from some "
    "of the weights of one step, by backpropagation from ten steps.",
)
if __name__ == "__main__":
    run_alone(run, "numerical")
