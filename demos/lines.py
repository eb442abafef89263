"""From lines to curves: gradient descent against least squares.

One neuron learns a line, three variables and a cubic; then a network bends by itself.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from demos.gallery import Picture, Story, run_alone, say
from scalargrad import no_grad, relu, sigmoid, step
from scalargrad.nn import MLP
from scalargrad.optim import SGD, Adam
from scalargrad.training import fit
from viz.plots import new_axes, plot_curves, save_plot

FIVE = (1.0, -2.0, 3.0, -4.0, 7.0)
FUNCTIONS = (step, sigmoid, relu)
SAMPLES = 40
NOISE = 0.15
FULL = (800, 300)
QUICK = (250, 80)
"""Epochs for the straight tasks, and for the network that bends."""
PLACES: list[float] = np.linspace(-1.0, 1.0, 81).tolist()


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
    ideas: list[tuple[str, Any, Any]] = [
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


def powers(x: Any) -> Any:
    """Return x, x² and x³ as columns."""
    return np.column_stack([x, np.square(x), np.power(x, 3)])


def learn(task: Task, rounds: int) -> list[float]:
    """Train one neuron without activation, and return its weights and bias."""
    neuron = MLP(len(task.rows[0]), [1], initializer="zeros")

    # x and x³ are strongly correlated, so the valley of the cubic is long and narrow:
    # momentum gets to its end in a few hundred steps over all samples.
    optimizer = SGD(neuron.parameters(), 0.2, momentum=0.9)
    fit(
        neuron,
        task.rows,
        task.targets,
        loss="mse",
        optimizer=optimizer,
        epochs=rounds,
        batch_size=None,
        progress=False,
    )
    return [parameter.data for parameter in neuron.parameters()]


def least_squares(task: Task) -> list[float]:
    """Return the same weights and bias by linear algebra, the referee of descent."""
    # The bias is the weight of a column of ones.
    rows = np.column_stack([task.rows, np.ones(SAMPLES)])
    solution, *_ = np.linalg.lstsq(rows, task.targets, rcond=None)
    best: list[float] = solution.tolist()
    return best


def bend(task: Task, rounds: int) -> MLP:
    """Train a 1-12-1 network with tanh: nobody tells it which powers or waves to use."""
    model = MLP(1, [12, 1], activation="tanh", initializer="xavier", seed=2)
    fit(
        model,
        task.rows,
        task.targets,
        loss="mse",
        optimizer=Adam(model.parameters(), 0.03),
        epochs=rounds,
        batch_size=10,
    )
    return model


def heights(numbers: list[float], x: list[float]) -> list[float]:
    """Evaluate a line or cubic at the places x.

    Args:
        numbers: The coefficients of x, x², …, and the offset last.
        x: The places.
    """
    *coefficients, offset = numbers
    columns = powers(x)[:, : len(coefficients)]
    found: list[float] = (columns @ coefficients + offset).tolist()
    return found


def answers(model: MLP, x: list[float]) -> list[float]:
    """Return the outputs of the network at the places x."""
    with no_grad():
        return [model([place]).data for place in x]


def table() -> list[str]:
    """Write step, sigmoid and relu of the five numbers as lines of text."""
    lines = ["x        " + "".join(f"{x:9g}" for x in FIVE)]
    for function in FUNCTIONS:
        numbers = [f"{function(x):9.4f}" for x in FIVE]
        lines.append(f"{function.__name__:9}" + "".join(numbers))
    return lines


def draw(curves: list[tuple[Task, dict[str, list[float]]]], folder: Path) -> None:
    """Draw points and curves of three tasks, then the three functions at the five numbers."""
    panels = new_axes(len(curves), width=11.0, height=3.9)
    for ax, (task, lines) in zip(panels, curves, strict=True):
        points = [(row[0], y) for row, y in zip(task.rows, task.targets, strict=True)]
        plot_curves(lines, PLACES, ax, points).set_title(task.name)
    save_plot(panels[0], folder / _FITS.file, "A line, a cubic, a wave", _FITS.alt)

    panels = new_axes(3, width=11.0, height=2.9)
    places = np.linspace(-5.0, 8.0, 261).tolist()
    for ax, function in zip(panels, FUNCTIONS, strict=True):
        name = function.__name__
        curve = [function(x) for x in places]
        rings = [(x, function(x)) for x in FIVE]
        plot_curves({name: curve}, places, ax, rings).set_title(name)
    save_plot(panels[0], folder / _FUNCTIONS.file, "Step, sigmoid and relu", _FUNCTIONS.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Learn the straight tasks, then the wave; print each beside its referee, and draw them."""
    straight, bent = QUICK if quick else FULL
    *plain, wave = tasks()
    numbers = []
    curves = []

    for line in table():
        say(line)

    for task in plain:
        learned = learn(task, straight)
        best = least_squares(task)
        difference = f"{np.abs(np.subtract(learned, best)).max():.1e}"
        numbers.append((f"{task.name}: largest difference from least squares", difference))
        say(
            f"{task.name}: learned {np.round(learned, 4)}, least squares {np.round(best, 4)}, "
            f"largest difference {difference}"
        )
        both = {"learned": heights(learned, PLACES), "least squares": heights(best, PLACES)}
        curves.append((task, both))

    x = [row[0] for row in wave.rows]
    model = bend(wave, bent)
    cubic = least_squares(Task("", powers(x).tolist(), wave.targets))
    rivals = {
        "best cubic": heights(cubic, x),
        "network of 12 tanh neurons": answers(model, x),
    }
    for name, outputs in rivals.items():
        error = np.square(np.subtract(outputs, wave.targets)).mean()
        numbers.append((f"a wave: mean squared error of the {name}", f"{error:.4f}"))
        say(": ".join(numbers[-1]))
    curves.append((wave, {"network": answers(model, PLACES), "best cubic": heights(cubic, PLACES)}))

    # Three variables have no picture: their graph is not a curve in the plane.
    draw([curves[0], *curves[2:]], folder)
    return Story("lines", "From lines to curves", _TEXT, tuple(numbers), (_FITS, _FUNCTIONS))


_TEXT = (
    "One neuron without activation learns a line, by going down the gradient of its mean squared "
    "error. With three inputs it learns three slopes at once; given x, x² and x³, a cubic. Least "
    "squares finds the same numbers in one stroke, and agrees.",
    "But somebody had to choose those powers. A step, a sigmoid or a relu between two layers lets "
    "a network bend where the data bend.",
)
_FITS = Picture(
    "lines-fits.svg",
    "Three plots of points with curves: a line and a cubic, learned and by least squares, lie on "
    "each other; a network follows a wave that the best cubic misses.",
    "Learned and calculated lie on each other. For the wave no power was chosen: the network of "
    "twelve tanh neurons found its own bends.",
)
_FUNCTIONS = Picture(
    "lines-functions.svg",
    "The step, the sigmoid and the relu as curves, with rings at 1, −2, 3, −4 and 7.",
    "What bends: the step says yes or no, the sigmoid how surely, the relu how much. The rings "
    "are the five numbers of the table.",
)

if __name__ == "__main__":
    run_alone(run, "lines")
