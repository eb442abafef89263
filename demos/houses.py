"""House prices: a straight line through the rooms, against a network on the same rows.

The table is Boston, 1970: rooms per dwelling, the share of lower-status residents in per cent, and
the median price in 1,000 dollars of 506 census tracts (Harrison and Rubinfeld 1978, three columns
of the table `Boston` of R's package MASS; see data/README.md).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from demos.gallery import Picture, Story, run_alone, say
from scalargrad import no_grad
from scalargrad.data import StandardScaler, read_csv, split
from scalargrad.nn import MLP
from scalargrad.optim import Adam
from scalargrad.training import fit
from viz.look.palette import class_color
from viz.look.theme import LIGHT
from viz.plots import new_axes, plot_curves, save_plot

FILE = Path(__file__).with_name("data") / "boston.csv"
ROOMS = 0
SHARE = 1
Rule = Callable[[Any], float]
"""From the columns of a tract to its price in 1,000 dollars."""
SHARES = (5.0, 12.0, 25.0)
"""Shares of lower-status residents, in per cent, at which the prices are drawn."""


class Tracts(NamedTuple):
    """Some columns of the table: four fifths of the rows for training, one fifth held out."""

    train: Any
    held_out: Any
    prices: Any
    held_out_prices: Any


def tracts_of(columns: list[int]) -> Tracts:
    """Read and split some columns of the table."""
    table, prices = read_csv(FILE, target="medv")
    # One seed for all columns: the models are compared on the same held-out rows.
    return Tracts(*split(table[:, columns], prices, test=0.2, seed=0))


def straight(tracts: Tracts) -> Rule:
    """Fit the line, or the plane over two columns, by least squares."""
    ones = np.ones((len(tracts.train), 1))
    slopes = np.linalg.lstsq(np.hstack([tracts.train, ones]), tracts.prices, rcond=None)[0]
    return lambda row: float(np.dot(slopes, [*row, 1.0]))


def learned(tracts: Tracts, epochs: int) -> tuple[Rule, list[float]]:
    """Train a network of eight neurons on the same rows.

    Returns:
        The network as a rule that answers in 1,000 dollars, and its error on the held-out rows
        after each epoch.
    """
    # Scaled by the rows for training alone: the held-out ones must not leak into the scale.
    inputs = StandardScaler().fit(tracts.train)
    output = StandardScaler().fit(tracts.prices)
    model = MLP(tracts.train.shape[1], [8, 1], activation="tanh", initializer="xavier", seed=0)
    adam = Adam(model.parameters(), 0.003)
    held_out = (inputs.transform(tracts.held_out), output.transform(tracts.held_out_prices))
    rows = inputs.transform(tracts.train)
    prices = output.transform(tracts.prices)
    history = fit(
        model,
        rows,
        prices,
        loss="mse",
        optimizer=adam,
        epochs=epochs,
        batch_size=16,
        validation=held_out,
    )

    def price(row: Any) -> float:
        (scaled,) = inputs.transform([row])
        with no_grad():
            answer = model(scaled).data
        return float(output.inverse_transform([answer])[0])

    # The losses are squares of scaled prices; the errors are 1,000 dollars.
    scale = float(output.scales[0])
    return price, [loss**0.5 * scale for loss in history["validation_loss"]]


def error(predict: Rule, tracts: Tracts) -> float:
    """Return the root mean squared error on the held-out rows, in 1,000 dollars."""
    pairs = zip(tracts.held_out, tracts.held_out_prices, strict=True)
    misses = [predict(row) - price for row, price in pairs]
    return float(np.sqrt(np.mean(np.square(misses))))


def compare(columns: list[int], epochs: int, what: str) -> tuple[Tracts, Rule, Rule]:
    """Fit line and network, and say how wrong they are on the held-out rows."""
    tracts = tracts_of(columns)
    line = straight(tracts)
    network, errors = learned(tracts, epochs)

    bound = error(line, tracts)
    ahead = next((epoch for epoch, missed in enumerate(errors, 1) if missed < bound), None)
    say(
        f"{what}: the straight line is off by {bound:.2f}, the network by "
        f"{error(network, tracts):.2f} (in 1,000 dollars)"
    )
    say(
        "  the network is ahead of the line on held-out rows for the first time after epoch "
        f"{ahead} of {epochs}"
    )
    return tracts, line, network


def usual(tracts: Tracts, share: float) -> tuple[float, float]:
    """Return the range of rooms in tracts with about this share of lower-status residents.

    Shares count as alike within 3 %, and the range leaves out the outer 4 % of the tracts.
    """
    alike = tracts.train[np.abs(tracts.train[:, SHARE] - share) < 3.0]
    low, high = np.percentile(alike[:, ROOMS], [2, 98])
    return float(low), float(high)


def draw_prices(
    folder: Path, by_rooms: tuple[Tracts, Rule, Rule], by_both: tuple[Tracts, Rule, Rule]
) -> None:
    """Draw prices over rooms: from the rooms alone, and from both columns at three shares."""
    rooms = [4.0 + i / 20 for i in range(97)]
    left, right = new_axes(2, width=9.6, height=4.2)
    tracts, line, network = by_rooms
    curves = {
        "straight line": [line([x]) for x in rooms],
        "network": [network([x]) for x in rooms],
    }
    plot_curves(curves, rooms, left)
    left.scatter(tracts.held_out[:, 0], tracts.held_out_prices, s=14, color=LIGHT.line, zorder=0)

    tracts, plane, network = by_both

    def known(predict: Rule, share: float) -> list[float]:
        low, high = usual(tracts, share)
        # Where no such tracts are, the network would only guess: nan leaves a gap.
        return [predict([x, share]) if low <= x <= high else float("nan") for x in rooms]

    curves = {f"{share:g} % lower status": known(network, share) for share in SHARES}
    plot_curves(curves, rooms, right)
    for i, share in enumerate(SHARES):
        right.plot(rooms, known(plane, share), color=class_color(i), linewidth=0.8)

    titles = ("from the rooms alone", "from rooms and status (thin: the plane)")
    for ax, title in zip((left, right), titles, strict=True):
        ax.set(
            title=title,
            xlabel="rooms per dwelling",
            ylabel="price in 1,000 dollars",
            xlim=(3.5, 9.0),
            ylim=(0, 60),
        )
    save_plot(left, folder / "houses-prices.svg", "Boston house prices over rooms", _PRICES.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Train on the rooms, then on rooms and status; compare with least squares."""
    epochs = 6 if quick else 60
    by_rooms = compare([ROOMS], epochs, "rooms")
    by_both = compare([ROOMS, SHARE], epochs, "rooms and status")
    draw_prices(folder, by_rooms, by_both)
    numbers = [
        ("rows to learn from", f"{len(by_both[0].train)}"),
        ("rows held out", f"{len(by_both[0].held_out)}"),
    ]
    for what, (tracts, line, network) in (("rooms", by_rooms), ("rooms and status", by_both)):
        numbers += [
            (f"straight line, {what}", f"{error(line, tracts):.2f}"),
            (f"network, {what}", f"{error(network, tracts):.2f}"),
        ]
    return Story("houses", "House prices: where the line ends", _TEXT, tuple(numbers), (_PRICES,))


_TEXT = (
    "What does a room cost? 506 census tracts of Boston, 1970: the mean number of rooms, the "
    "share of lower-status residents, and the median price (Harrison and Rubinfeld 1978). Four "
    "fifths are for learning. The errors are those on the last fifth, which neither the line nor "
    "the network has seen: the root of the mean squared error, in 1,000 dollars.",
    "Least squares gives the best straight line there is. The network has no better data, only "
    "freedom: a room may be worth more in a large house than in a small one, and more where the "
    "neighbors are rich.",
)
_PRICES = Picture(
    "houses-prices.svg",
    "Left: held-out tracts as points over their rooms, with the straight line and the curve of "
    "the network. Right: the prices of the network over the rooms at three shares of lower-status "
    "residents, each with the plane of least squares as a thin line.",
    "Left, points are tracts that were held out. Right, each color is one share of lower-status "
    "residents, drawn where there are enough such tracts: the lines of the plane can only be "
    "parallel.",
)

if __name__ == "__main__":
    run_alone(run, "houses")
