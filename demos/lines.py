"""From lines to curves: gradient descent against least squares.

One neuron without activation learns a line, by going down the gradient of its mean squared error.
With three inputs it learns three slopes at once; given x, x² and x³, a cubic. Least squares finds
the same numbers in one stroke, and agrees.

What if a coefficient is itself a line? Taken by the word, β₁ = 1 + 2·x₂ makes a product of two
variables, and the slope by x₁ depends on x₂. A network replaces each variable by a line instead: a
row of coefficients becomes several rows, a matrix, and a last row adds up their outputs. That alone
gains nothing. Lines of lines are lines: even a hundred linear layers are one row, the product of
their matrices, and their slopes are the same everywhere.

A step, a sigmoid or a relu between two layers lets a network bend where the data bend, and nobody
has to choose powers.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from demos.gallery import Explorer, Picture, Story, in_training, run_alone, say, say_all, told
from demos.listing import list_code
from scalargrad import Value, grad, no_grad, relu, sigmoid, step
from scalargrad.nn import MLP, Module, Neuron
from scalargrad.optim import SGD, Adam, Optimizer
from scalargrad.training import fit
from viz.plots import new_axes, plot_curves, save_plot

FIVE = (1.0, -2.0, 3.0, -4.0, 7.0)
FUNCTIONS = (step, sigmoid, relu)
SAMPLES = 40
NOISE = 0.15
ROUNDS = 800
EPOCHS = 300
"""Epochs for the straight tasks, and for the network that bends."""
PLACES: list[float] = np.linspace(-1.0, 1.0, 81).tolist()

AT = {"−1": -1.0, "0": 0.0, "1": 1.0}

Array = NDArray[np.float64]
Bend = Callable[[Value], Value]
Surface = Callable[[list[Value]], Value] | Module
"""A function of two variables."""


class Task(NamedTuple):
    """Rows of numbers, and the target of each row."""

    name: str
    rows: list[list[float]]
    targets: list[float]


def tasks(seed: int = 0) -> list[Task]:
    """Return three straight tasks and a wave, all with some noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (SAMPLES, 3))
    first = x[:, 0]
    # The cubic is a straight task too: it is linear in x, x² and x³ as separate inputs.
    ideas: list[tuple[str, Array, Array]] = [
        ("a line", x[:, :1], 2.0 * first + 0.5),
        ("three variables", x, x @ [3.0, -2.0, 1.0] + 0.5),
        ("a cubic", powers(first), 3.0 * first**3 + first**2 - 1.5 * first + 0.5),
        ("a wave", x[:, :1], np.sin(5.0 * first)),
    ]

    found = []
    for name, rows, ideal in ideas:
        noisy = ideal + NOISE * rng.standard_normal(SAMPLES)
        found.append(Task(name, rows.tolist(), noisy.tolist()))
    return found


def powers(x: Array) -> Array:
    """Return x, x² and x³ as columns."""
    return np.column_stack([x, np.square(x), np.power(x, 3)])


def train(model: MLP, task: Task, optimizer: Optimizer, epochs: int, batch: int | None) -> MLP:
    """Train on the mean squared error of a task."""
    fit(
        model,
        task.rows,
        task.targets,
        loss="mse",
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch,
        progress=False,
    )
    return model


def learn(task: Task, rounds: int) -> list[float]:
    """Train one neuron without activation, and return its weights and bias."""
    neuron = MLP(len(task.rows[0]), [1], initializer="zeros")

    # x and x³ are strongly correlated, so the valley of the cubic is long and narrow:
    # momentum gets to its end in a few hundred steps over all samples.
    optimizer = SGD(neuron.parameters(), 0.2, momentum=0.9)
    train(neuron, task, optimizer, rounds, batch=None)
    return [parameter.data for parameter in neuron.parameters()]


def least_squares(task: Task) -> list[float]:
    """Return the same weights and bias by linear algebra, the referee of descent."""
    # The bias is the weight of a column of ones.
    rows = np.column_stack([task.rows, np.ones(SAMPLES)])
    solution, *_ = np.linalg.lstsq(rows, task.targets, rcond=None)
    return [float(number) for number in solution]


def bend(task: Task, rounds: int) -> MLP:
    """Train a 1-12-1 network with tanh: nobody tells it which powers or waves to use."""
    model = MLP(1, [12, 1], activation="tanh", initializer="xavier", seed=2)
    return train(model, task, Adam(model.parameters(), 0.03), rounds, batch=10)


def heights(numbers: list[float], x: list[float]) -> list[float]:
    """Evaluate a line or cubic at the places x.

    Args:
        numbers: The coefficients of x, x², …, and the offset last.
        x: The places.
    """
    *coefficients, offset = numbers
    columns = powers(np.array(x))[:, : len(coefficients)]
    return [float(height) for height in columns @ coefficients + offset]


def answers(model: MLP, x: list[float]) -> list[float]:
    """Return the outputs of the network at the places x."""
    with no_grad():
        return [model([place]).data for place in x]


def with_a_line_as_coefficient(x: list[Value]) -> Value:
    """Compute β₁·x₁ + β₂·x₂ where β₁ is no number but a line: β₁ = 1 + 2·x₂, and β₂ = −1."""
    return (1.0 + 2.0 * x[1]) * x[0] - x[1]


def with_a_matrix(x: list[Value], bend: Bend = lambda line: line) -> Value:
    """Compute h₁ − 2·h₂ where each h is a line of x₁ and x₂: the rows of a matrix."""
    h1 = bend(1.0 * x[0] + 2.0 * x[1] + 0.5)
    h2 = bend(1.5 * x[0] - 1.0 * x[1] - 0.5)
    return h1 - 2.0 * h2


def hundred_layers() -> MLP:
    """Build a hundred linear layers of three neurons, and a last one."""
    # Orthogonal weights keep lengths: a product of a hundred others would be nearly zero.
    return MLP(2, [3] * 100 + [1], activation=None, initializer="orthogonal", seed=0)


SURFACES: dict[str, Surface] = {
    "a line as coefficient": with_a_line_as_coefficient,
    "a matrix, a row": with_a_matrix,
    "a matrix, relu, a row": partial(with_a_matrix, bend=relu),
}


def slopes(surface: Surface) -> Array:
    """Return the gradient by x₁ and x₂ at the nine places whose coordinates are −1, 0 or 1."""
    nine = product(AT.values(), repeat=2)
    gradients = [grad(surface)(list(place)) for place in nine]
    return np.array([[float(x), float(y)] for x, y in gradients])


def spread(surface: Surface) -> float:
    """Return by how much the slopes of a surface differ from place to place; 0 for a plane."""
    return float(np.ptp(slopes(surface), axis=0).max())


def product_of_matrices(model: MLP) -> Array:
    """Multiply the matrices of all layers: the row that the network is if nothing bends."""
    # The first layer is the rightmost factor, because it is applied first.
    whole = np.eye(2)
    for layer in model.layers:
        matrix = [weights_of(neuron) for neuron in layer.neurons]
        whole = np.array(matrix) @ whole
    return np.array(whole[0])


def weights_of(neuron: Neuron) -> list[float]:
    """Return the weights of a neuron as plain numbers."""
    return [weight.data for weight in neuron.weights]


def table() -> list[str]:
    """Write step, sigmoid and relu of the five numbers as lines of text."""
    lines = ["x        " + "".join(f"{x:9g}" for x in FIVE)]
    for function in FUNCTIONS:
        numbers = [f"{function(x):9.4f}" for x in FIVE]
        lines.append(f"{function.__name__:9}" + "".join(numbers))
    return lines


def cut(surface: Surface, y: float) -> list[float]:
    """Return the heights of a surface over x₁, at one x₂."""
    with no_grad():
        return [surface([Value(x), Value(y)]).data for x in PLACES]


def draw(curves: list[tuple[Task, dict[str, list[float]]]], folder: Path) -> None:
    """Draw points and curves of three tasks, then the three functions at the five numbers."""
    panels = new_axes(len(curves), width=11.0, height=3.9)
    for ax, (task, lines) in zip(panels, curves, strict=True):
        points = [(row[0], y) for row, y in zip(task.rows, task.targets, strict=True)]
        plot_curves(lines, PLACES, ax, points).set_title(task.name)
    save_plot(panels[0], folder / _FITS.file, "A line, a cubic, a wave", _FITS.alt)

    panels = new_axes(3, width=11.0, height=3.3)
    for ax, (title, surface) in zip(panels, SURFACES.items(), strict=True):
        cuts = {f"x₂ = {name}": cut(surface, y) for name, y in AT.items()}
        plot_curves(cuts, PLACES, ax).set(title=title, xlabel="x₁")
    save_plot(panels[0], folder / _SURFACES.file, "Coefficients that are lines", _SURFACES.alt)

    panels = new_axes(3, width=11.0, height=2.9)
    places = np.linspace(-5.0, 8.0, 261).tolist()
    for ax, function in zip(panels, FUNCTIONS, strict=True):
        name = function.__name__
        rings = [(x, function(x)) for x in FIVE]
        plot_curves({name: [function(x) for x in places]}, places, ax, rings).set_title(name)
    save_plot(panels[0], folder / _FUNCTIONS.file, "Step, sigmoid and relu", _FUNCTIONS.alt)


def compare_slopes() -> list[tuple[str, str]]:
    """Measure which of the surfaces are planes, and what a hundred linear layers come to."""
    numbers = []
    for name, surface in SURFACES.items():
        numbers.append((f"{name}: slopes differ by", f"{spread(surface):g}"))

    model = hundred_layers()
    off = np.abs(slopes(model) - product_of_matrices(model)).max()
    numbers.append(("a hundred linear layers: slopes differ by", f"{spread(model):g}"))
    numbers.append(("a hundred linear layers: off the product of their matrices by", f"{off:.0e}"))
    return numbers


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Learn the straight tasks, then the wave; print each beside its referee, and draw them.

    It takes a second: quick and full are the same.
    """
    *plain, wave = tasks()
    numbers = []
    curves = []

    for line in table():
        say(line)

    for task in plain:
        learned = learn(task, ROUNDS)
        best = least_squares(task)
        difference = f"{np.abs(np.subtract(learned, best)).max():.1e}"
        numbers.append((f"{task.name}: largest difference from least squares", difference))
        both = {"learned": heights(learned, PLACES), "least squares": heights(best, PLACES)}
        curves.append((task, both))

    numbers += compare_slopes()
    x = [row[0] for row in wave.rows]
    model = bend(wave, EPOCHS)
    cubic = least_squares(Task("", powers(np.array(x)).tolist(), wave.targets))
    rivals = {"best cubic": heights(cubic, x), "network of 12 tanh neurons": answers(model, x)}
    for name, outputs in rivals.items():
        error = np.square(np.subtract(outputs, wave.targets)).mean()
        numbers.append((f"a wave: mean squared error of the {name}", f"{error:.4f}"))
    curves.append((wave, {"network": answers(model, PLACES), "best cubic": heights(cubic, PLACES)}))

    say_all(numbers)
    # Three variables have no picture: their graph is not a curve in the plane.
    draw([curves[0], *curves[2:]], folder)
    title = "From lines to curves"
    pictures = (_FITS, _SURFACES, _FUNCTIONS)
    page = _page_that_trains(wave, folder)
    code = list_code(with_a_line_as_coefficient, with_a_matrix, bend)
    return Story("lines", title, told(__doc__), tuple(numbers), pictures, (page,), code)


def _page_that_trains(wave: Task, folder: Path) -> Explorer:
    model = MLP(1, [12, 1], activation="tanh", initializer="xavier", seed=2)
    options = {"optimizer": Adam(model.parameters(), 0.03), "batch_size": 10}
    page = folder / "lines-train.html"
    return in_training(model, (wave.rows, wave.targets), page, "Bending to a wave", **options)


_FITS = Picture(
    "lines-fits.svg",
    "Three plots of points with curves: a line and a cubic, learned and by least squares, lie on "
    "each other; a network follows a wave that the best cubic misses.",
    "Learned and calculated lie on each other. For the wave no power was chosen: the network of "
    "twelve tanh neurons found its own bends.",
)
_SURFACES = Picture(
    "lines-surfaces.svg",
    "Three plots over x₁, each with a curve for x₂ = −1, 0 and 1. Left: three lines of different "
    "slopes. Middle: three parallel lines. Right: the lines for −1 and 0 bend.",
    "Left, a line instead of a coefficient: the slope by x₁ depends on x₂. Middle, a matrix and a "
    "row: parallel, so the whole is a plane. Right, the same matrix and row with a relu between.",
)
_FUNCTIONS = Picture(
    "lines-functions.svg",
    "The step, the sigmoid and the relu as curves, with rings at 1, −2, 3, −4 and 7.",
    "What bends: the step says yes or no, the sigmoid how surely, the relu how much. "
    "Rings: the five numbers of the printed table.",
)

if __name__ == "__main__":
    run_alone(run, "lines")
