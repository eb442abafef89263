"""House prices: a line, a sigmoid and a line, trained as a tutorial writes it.

What does a room cost? 506 census tracts of Boston, 1970: the mean number of rooms, and the median
price in 1,000 dollars (Harrison and Rubinfeld 1978). A tutorial replaces the straight line by a
line, a sigmoid and a line, k2 · σ(k1 · x + b1) + b2, and asks what happens: 2,000 steps of gradient
descent with alpha 0.01 from random integers between −100 and 100, in a loop that keeps the best
scalars it has seen.

It learns the mean price and nothing else. With a slope like 50 and six rooms the sigmoid is flat:
its derivative is zero to many digits, k1 and b1 don't move, and k2 and b2 can do no better than the
mean. The loss ends at the variance of the prices. Starts near 0 come down from there at best in
part, and none reaches the straight line. With standardized rooms all of them pass it.

Longer steps, alpha 0.1, go wrong in another way: the loss falls for about 200 steps, then jumps up
and stays there. Here it pays to keep the best. The class EarlyStopping makes fit do so: it brings
back the scalars whose loss was least, as the loop does. (The jump grows out of rounding errors, so
that fit, which computes in another order, may meet it a few steps earlier or later.) Where the
prices are standardized, too, the last scalars are the best ones, and nothing has to be kept.

On tracts held out of training the four scalars beat the line as well, and a network of 25
parameters is about as good as they are.
"""

from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from demos.gallery import Explorer, Picture, Story, in_training, run_alone, say_all, told
from demos.listing import list_code
from scalargrad import Parameter, Value, compile, sigmoid
from scalargrad.data import StandardScaler, read_csv, split
from scalargrad.nn import MLP, Module
from scalargrad.optim import SGD, Adam
from scalargrad.training import EarlyStopping, fit
from viz.look.theme import LIGHT
from viz.plots import new_axes, plot_curves, save_plot

FILE = Path(__file__).with_name("data") / "boston.csv"
"""Three columns of the table `Boston` of R's package MASS; see data/README.md."""
STEPS = 2000
FULL = (100, 20)
QUICK = (5, 3)
"""Random starts of each setting, and random splits into training and held-out rows."""

Array = NDArray[np.float64]


class TwoLines(Module):
    """The model: a line, a sigmoid, and a line. It has four scalars."""

    def __init__(self, start: Sequence[float] = (1.0, 0.0, 1.0, 0.0)) -> None:
        self.k1, self.b1, self.k2, self.b2 = (Parameter(number) for number in start)

    def forward(self, columns: Sequence[Value]) -> Value:
        (x,) = columns
        linear1_output = self.k1 * x + self.b1
        sigmoid_output = sigmoid(linear1_output)
        return self.k2 * sigmoid_output + self.b2


def integers(rng: Random) -> list[float]:
    """Draw four integers from −100 to 100, as the tutorial starts."""
    return [rng.randint(-100, 100) for _ in range(4)]


def normals(rng: Random) -> list[float]:
    """Draw four numbers from a normal distribution around 0."""
    return [rng.normalvariate(0.0, 1.0) for _ in range(4)]


class Setting(NamedTuple):
    """What a run starts from.

    Attributes:
        name: What is different from the setting before.
        draw: Draws the four scalars to start with.
        rooms: The inputs, one row for each tract.
        prices: The targets.
        alpha: The learning rate.
        unit: What to multiply a loss by, to have it in (1,000 dollars)².
    """

    name: str
    draw: Callable[[Random], list[float]]
    rooms: Array
    prices: Array
    alpha: float
    unit: float = 1.0


def settings(rooms: Array, prices: Array) -> list[Setting]:
    """Return the tutorial's setting, and others that change one thing after the other."""
    scaled_rooms = StandardScaler().fit(rooms).transform(rooms)
    scaled_prices = StandardScaler().fit(prices).transform(prices)
    variance = float(np.var(prices))
    return [
        Setting("as the tutorial writes it", integers, rooms, prices, 0.01),
        Setting("starts near 0", normals, rooms, prices, 0.01),
        Setting("rooms standardized, too", normals, scaled_rooms, prices, 0.01),
        Setting("alpha 0.1, too", normals, scaled_rooms, prices, 0.1),
        Setting("prices standardized, too", normals, scaled_rooms, scaled_prices, 0.1, variance),
    ]


class Improvement(NamedTuple):
    """The four scalars that were the best so far, and their loss."""

    loss: float
    scalars: list[float]


class Descent(NamedTuple):
    """A training run.

    Attributes:
        losses: The loss before each step.
        history: What was the best so far, each time that something better was found.
    """

    losses: list[float]
    history: list[Improvement]


def descend(setting: Setting, seed: int) -> Descent:
    """Take 2,000 steps down the gradient over all tracts, and keep the best scalars so far."""
    model = TwoLines(setting.draw(Random(seed)))
    program = compile(lambda x, y: (model([x]) - y) ** 2, model, inputs=(1, 1))
    descent = Descent([], [])
    min_loss = inf
    for _ in range(STEPS):
        # The loss belongs to the scalars as they are now, so they are kept before the step.
        mean, gradient = program.value_and_grad(setting.rooms, setting.prices)
        loss = mean * setting.unit
        descent.losses.append(loss)
        if loss < min_loss:
            min_loss = loss
            descent.history.append(Improvement(loss, program.parameters.tolist()))
        program.parameters[:] -= setting.alpha * gradient
    return descent


def fit_keeping_best(setting: Setting, seed: int) -> tuple[TwoLines, int]:
    """Train with `fit`, which keeps the best scalars too.

    Returns:
        The model with its best scalars, and the number of steps after which it had them.
    """
    model = TwoLines(setting.draw(Random(seed)))
    keep_best = EarlyStopping(patience=STEPS)
    fit(
        model,
        setting.rooms,
        setting.prices,
        loss="mse",
        optimizer=SGD(model.parameters(), setting.alpha),
        epochs=STEPS,
        batch_size=None,
        # The loss of an epoch is measured before its step, that of validation after it.
        validation=(setting.rooms, setting.prices),
        callbacks=[keep_best],
        progress=False,
    )
    return model, keep_best.best_epoch


def predict(model: Module, rooms: Array) -> Array:
    """Return the answers of a model to many tracts at once."""
    program = compile(lambda x: model([x]), model, inputs=(1,))
    answers: Array = program(rooms)[:, 0]
    return answers


def straight_line(rooms: Array, prices: Array, unseen: Array) -> Array:
    """Return the answers of the best line to tracts that it has not seen."""
    slope, offset = np.polyfit(rooms[:, 0], prices, 1)
    answers: Array = slope * unseen[:, 0] + offset
    return answers


def network(rooms: Array, prices: Array, unseen: Array) -> Array:
    """Return the answers of eight neurons, trained with Adam for 60 epochs."""
    model = MLP(1, [8, 1], activation="tanh", initializer="xavier", seed=0)
    fit(
        model,
        rooms,
        prices,
        loss="mse",
        optimizer=Adam(model.parameters(), 0.003),
        epochs=60,
        batch_size=16,
        progress=False,
    )
    return predict(model, unseen)


def four_scalars(rooms: Array, prices: Array, unseen: Array) -> Array:
    """Return the answers of the model, trained for 2,000 steps from a start near 0."""
    descent = descend(Setting("held out", normals, rooms, prices, 0.1), seed=0)
    return predict(TwoLines(descent.history[-1].scalars), unseen)


def held_out_errors(rooms: Array, prices: Array, seed: int) -> list[float]:
    """Train line, scalars and network on four fifths of the tracts; measure them on the others.

    Returns:
        The root of the mean squared error of each, in 1,000 dollars.
    """
    train, test, known, asked = split(rooms, prices, test=0.2, seed=seed)
    # Scaled by the rows for training alone: the held-out ones must not leak into the scale.
    inputs = StandardScaler().fit(train)
    output = StandardScaler().fit(known)
    errors = []
    for model in (straight_line, four_scalars, network):
        answers = model(inputs.transform(train), output.transform(known), inputs.transform(test))
        misses = output.inverse_transform(answers) - asked
        errors.append(float(np.sqrt(np.mean(misses**2))))
    return errors


def tally(descents: Sequence[Descent], goal: float) -> str:
    """Say how several runs ended, and how many of them fell below a loss."""
    best = [min(descent.losses) for descent in descents]
    last = [descent.losses[-1] for descent in descents]
    below = sum(loss < goal for loss in best)
    return f"best {span(best)}, last {span(last)}, {below} of {len(descents)} below the line"


def span(losses: list[float]) -> str:
    """Return the least and the greatest of some losses, or one of them if they look alike."""
    ends = [f"{loss:.2f}" for loss in (min(losses), max(losses))]
    return " to ".join(dict.fromkeys(ends))


def draw_prices(folder: Path, found: Sequence[tuple[Setting, list[Descent]]]) -> None:
    """Draw what the first and the last setting answer, and how the loss fell in each."""
    (as_written, first), *_, (_, last) = found
    rooms = as_written.rooms
    prices = as_written.prices
    places = np.linspace(3.5, 8.9, 109)[:, None]
    # The last setting learned from standardized rooms and prices, so it is asked in their units.
    scaled_places = StandardScaler().fit(rooms).transform(places)
    learned = predict(TwoLines(last[0].history[-1].scalars), scaled_places)
    curves = {
        as_written.name: predict(TwoLines(first[0].history[-1].scalars), places),
        "straight line": straight_line(rooms, prices, places),
        "with all four changes": StandardScaler().fit(prices).inverse_transform(learned),
    }

    left, right = new_axes(2, width=9.6, height=4.2)
    left.scatter(rooms[:, 0], prices, s=9, color=LIGHT.line, linewidths=0)
    heights = {name: curve.tolist() for name, curve in curves.items()}
    plot_curves(heights, places[:, 0].tolist(), left)
    left.set(xlabel="rooms per dwelling", ylabel="price in 1,000 dollars", ylim=(0, 55))

    plot_curves({setting.name: descents[0].losses for setting, descents in found}, ax=right)
    right.set(xlabel="step", ylabel="mean squared error", ylim=(30, 130))
    save_plot(left, folder / _PRICES.file, "Boston house prices over rooms", _PRICES.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Train the model as the tutorial does, then with one change after the other."""
    starts, splits = QUICK if quick else FULL
    table, prices = read_csv(FILE, target="medv")
    rooms = table[:, :1]
    variance = float(np.var(prices))
    line = float(np.mean(np.square(straight_line(rooms, prices, rooms) - prices)))
    numbers = [
        ("variance of the prices", f"{variance:.2f}"),
        ("mean squared error of the best line", f"{line:.2f}"),
    ]

    found = []
    for setting in settings(rooms, prices):
        descents = [descend(setting, seed) for seed in range(starts)]
        found.append((setting, descents))
        numbers.append((setting.name, tally(descents, line)))
    draw_prices(folder, found)
    dead = sum(abs(descent.losses[-1] - variance) < 0.01 for descent in found[0][1])
    numbers.append(("the tutorial's starts that end at the variance", f"{dead} of {starts}"))

    # Only in this setting is the last loss far from the best one.
    swinging, descents = found[3]
    history = descents[0].history
    loss = history[-1].loss
    steps = descents[0].losses.index(loss)
    model, epochs = fit_keeping_best(swinging, seed=0)
    kept = float(np.mean(np.square(predict(model, swinging.rooms) - prices)))
    by_loop = f"{loss:.2f} after {steps} steps, improvement {len(history)}"
    numbers.append(("alpha 0.1: kept by the loop", by_loop))
    numbers.append(("alpha 0.1: kept by fit", f"{kept:.2f} after {epochs} steps"))

    measured = np.array([held_out_errors(rooms, prices, seed) for seed in range(splits)])
    of_line, *others = measured.T
    numbers.append(("held out: straight line", f"{of_line.mean():.2f}"))
    for name, errors in zip(("four scalars", "network of 25 parameters"), others, strict=True):
        better = np.count_nonzero(errors < of_line)
        text = f"{errors.mean():.2f}, better than the line in {better} of {splits}"
        numbers.append((f"held out: {name}", text))
    say_all(numbers)
    title = "House prices: four scalars and a line"
    page = _page_that_trains(found[-1][0], folder)
    code = list_code(TwoLines, descend)
    return Story("houses", title, told(__doc__), tuple(numbers), (_PRICES,), (page,), code)


def _page_that_trains(setting: Setting, folder: Path) -> Explorer:
    # Every fifth tract: enough to see the curve, and fast in any browser.
    data = (setting.rooms[::5], setting.prices[::5])
    model = TwoLines(setting.draw(Random(0)))
    page = folder / "houses-train.html"
    optimizer = Adam(model.parameters(), 0.05)
    return in_training(model, data, page, "Prices by rooms", optimizer=optimizer)


_PRICES = Picture(
    "houses-prices.svg",
    "Left: tracts as points over their rooms. The model as the tutorial writes it is a level line "
    "at the mean price; the straight line rises through the points; the model with all changes is "
    "an S that follows them. Right: the loss over 2,000 steps in five settings.",
    "Left, all tracts and three answers. The points at the top are prices that were cut at 50. "
    "Right, one start of each: stuck at the variance, swinging, slow, best early, and steady.",
)

if __name__ == "__main__":
    run_alone(run, "houses")
