"""Learned by heart: a large network, thirty noisy points, and cures that are counted.

Thirty noisy points, 161 parameters: the network learns them by heart. On them the loss falls and
falls; on others it soon rises.

Each cure meets the same draws of thirty points. What it is worth shows on 300 points that neither
the training nor the choice of the best epoch has seen: the table has the medians, and in how many
draws the cure beats none.

To augment is to transform the samples that there are. That helps if the transformation keeps what
they mean: half a turn puts each crescent on the other one, so a turned point with the other label
is a new, true sample. Copies with noise carry points over the border,
under their old labels, and cost right answers. So it is with images: fifty digits with mirror
images, or with shifts by one pixel of eight, are read worse than without, since the digits of the
test are centered and never mirrored.

What cures gain is caution more than knowledge: the loss falls, but the share of right answers moves
little, unless the network sees other samples. A tutorial promises two percent more for dropout; the
table says what it was here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from demos.gallery import in_training, plot_seeds, run_alone, say_all, told
from demos.listing import list_code
from demos.story import Explorer, Picture, Story
from scalargrad import compile
from scalargrad.data import add_noise, flip, moons, random_shift
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import MLP, Dropout, Layer, Module, Sequential
from scalargrad.optim import Adam, l1, l2
from scalargrad.training import EarlyStopping, History, MaxNorm, fit
from viz.plots import new_axes, plot_history, plot_regions, save_plot

HIDDEN = 40
FEW = 30
NOISE = 0.35
CENTER = (0.5, 0.25)
"""Half a turn about this point puts each moon on the other one."""
SIDE = 8
FULL = (60, 20)
QUICK = (40, 3)
"""Epochs on the thirty points, and draws of them that every cure is tried on."""

Array = NDArray[np.float64]
Points = tuple[Array, Array]


class Cure(NamedTuple):
    """One way to train.

    Attributes:
        name: What the table calls it.
        options: Further options of `fit`.
        transform: What is done to the thirty points before the training.
        dropout: Share of hidden outputs to leave out.
    """

    name: str
    options: dict[str, Any]
    transform: Callable[[Points], Points] = lambda points: points
    dropout: float = 0.0


class Trained(NamedTuple):
    """What came of a cure.

    Attributes:
        cure: How the model was trained.
        model: The trained model.
        history: Its training history.
        losses: Its losses after training: on its own points, on validation and on fresh points.
        right: The share of the fresh points with the right answer.
    """

    cure: Cure
    model: Module
    history: History
    losses: list[float]
    right: float


def cures() -> list[Cure]:
    """Return no cure, and eight."""
    return [
        Cure("nothing", {}),
        Cure("early stopping", {"callbacks": [EarlyStopping(patience=10)]}),
        Cure("l1 penalty", {"penalty": lambda model: l1(model.parameters(), 3e-3)}),
        Cure("l2 penalty", {"penalty": lambda model: l2(model.parameters(), 3e-3)}),
        Cure("dropout", {}, dropout=0.5),
        Cure("max-norm", {"callbacks": [MaxNorm(1.0)]}),
        Cure("half a turn", {}, add_turned),
        Cure("noisy copies", {}, add_noisy_copies),
        Cure("fresh points", {}, lambda _: points(10 * FEW, seed=1000)),
    ]


def add_turned(points: Points) -> Points:
    """Add each point after half a turn, which makes it one of the other moon."""
    inputs, labels = points
    turned = 2.0 * np.array(CENTER) - inputs
    return np.vstack([inputs, turned]), np.concatenate([labels, 1 - labels])


def add_noisy_copies(points: Points, copies: int = 9, deviation: float = 0.2) -> Points:
    """Add copies of each sample with other noise on each of them."""
    inputs, labels = points
    noisy = [add_noise(inputs, deviation, seed) for seed in range(copies)]
    return np.vstack([inputs, *noisy]), np.tile(labels, 1 + copies)


def points(n: int, seed: int) -> Points:
    """Return n points of two overlapping moons, and their crescents, 0 or 1."""
    inputs, labels = moons(n, NOISE, seed=seed)
    return inputs, labels.astype(float)


def large(dropout: float) -> Module:
    """Build a 2-40-1 network with tanh and dropout: 161 parameters for thirty points."""
    first = Layer(2, HIDDEN, "tanh", seed=0)
    last = Layer(HIDDEN, 1, None, seed=1)
    return Sequential(first, Dropout(dropout, seed=0), last, lambda outputs: outputs[0])


def program_of(model: Module, inputs: int) -> Callable[[Array], Array]:
    """Return the model as array code that answers many samples at once."""
    return compile(model, model, inputs=(inputs,))


def mean_loss(logits: Array, labels: Array) -> float:
    """Return the mean cross-entropy of logits and labels."""
    return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))


def train(cure: Cure, epochs: int, draw: int = 1) -> Trained:
    """Train one large network with a cure, and measure it."""
    model = large(cure.dropout)
    own = cure.transform(points(FEW, seed=draw))
    held = points(100, seed=100)
    # Early stopping chooses by the validation points, so the last word is with fresh ones.
    fresh = points(300, seed=200)
    optimizer = Adam(model.parameters(), 0.1)

    # More samples mean fewer epochs, so that all cures take the same number of steps.
    history = fit(
        model,
        *own,
        loss=cross_entropy,
        optimizer=optimizer,
        epochs=epochs * FEW // len(own[0]),
        batch_size=10,
        validation=held,
        progress=False,
        **cure.options,
    )
    program = program_of(model, 2)
    losses = []
    for inputs, labels in (own, held, fresh):
        logits = program(inputs)[:, 0]
        losses.append(mean_loss(logits, labels))
    # Of the fresh points, which come last.
    answers = logits > 0.0
    right = float(np.mean(answers == labels))
    return Trained(cure, model, history, losses, right)


def compare(epochs: int, draws: int) -> list[list[Trained]]:
    """Train with every cure on the same draws of thirty points."""
    # A cure holds callbacks, which remember their training: every training gets its own.
    by_draw = []
    for draw in range(1, draws + 1):
        by_draw.append([train(cure, epochs, draw) for cure in cures()])
    return [list(trained) for trained in zip(*by_draw, strict=True)]


def wins(cured: list[Trained], untreated: list[Trained]) -> int:
    """Count the draws in which a cure leads to less loss on the fresh points than none."""
    pairs = zip(cured, untreated, strict=True)
    return sum(one.losses[-1] < other.losses[-1] for one, other in pairs)


def gain(cured: list[Trained], untreated: list[Trained]) -> float:
    """Return how many more fresh points are right, in percent of them: the mean of all draws."""
    with_cure = np.mean([each.right for each in cured])
    without = np.mean([each.right for each in untreated])
    return 100.0 * float(with_cure - without)


def read_digits(draws: int) -> dict[str, list[float]]:
    """Train one layer on fifty images of digits, as they are and with transformed copies.

    Returns:
        For each transformation, and each fifty images, the share of 797 others that is read right.
    """
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    images = images / 16.0
    ways: dict[str, Callable[[Array, int], Array]] = {
        "nothing": lambda some, _: some,
        "noise": lambda some, seed: add_noise(some, 0.2, seed),
        "shifts by a pixel": lambda some, seed: random_shift(some, SIDE, SIDE, 1, seed),
        "mirror images": lambda some, _: flip(some, SIDE, SIDE),
    }
    right: dict[str, list[float]] = {name: [] for name in ways}
    for name, transform in ways.items():
        for draw in range(draws):
            chosen = slice(50 * draw, 50 * (draw + 1))
            # Four copies in any case, so that all ways take the same number of steps.
            copies = [images[chosen], *(transform(images[chosen], seed) for seed in range(3))]
            model = Layer(SIDE * SIDE, 10, None, seed=draw)
            fit(
                model,
                np.vstack(copies),
                np.tile(digits[chosen], len(copies)),
                loss="cross_entropy",
                optimizer=Adam(model.parameters(), 0.01),
                batch_size=10,
                progress=False,
            )
            answers = program_of(model, SIDE * SIDE)(images[-797:])
            right[name].append(float(np.mean(answers.argmax(axis=1) == digits[-797:])))
    return right


def draw(found: list[list[Trained]], folder: Path) -> None:
    """Draw three borders, two histories, and what every cure is worth in every draw."""
    inputs, labels = points(FEW, seed=1)
    by_name = {trained[0].cure.name: trained for trained in found}
    panels = new_axes(3, width=11.5, height=4.0)
    for ax, name in zip(panels, ("nothing", "l2 penalty", "half a turn"), strict=True):
        signs = (2.0 * labels - 1.0).tolist()
        plot_regions(by_name[name][0].model, inputs.tolist(), signs, ax, 32)
        ax.set_title(name)
    save_plot(panels[0], folder / _REGIONS.file, "Without cure, and with two", _REGIONS.alt)

    panels = new_axes(3, width=11.9, height=4.0)
    untreated = by_name["nothing"]
    # One scale for both, that of the larger losses, so that the heights can be compared.
    limits = (0.0, 1.05 * max(untreated[0].history["validation_loss"]))
    for ax, name in zip(panels[:2], ("nothing", "l2 penalty"), strict=True):
        plot_history(by_name[name][0].history, ax).set(title=name, ylim=limits)

    ratios = {}
    for cured in found[1:]:
        pairs = zip(cured, untreated, strict=True)
        name = cured[0].cure.name
        ratios[name] = [one.losses[-1] / other.losses[-1] for one, other in pairs]
    axes = plot_seeds(ratios, panels[2])
    axes.axvline(1.0, color=axes.yaxis.label.get_color())
    axes.set(title="loss on fresh points / without cure")
    save_plot(panels[0], folder / _LOSSES.file, "Losses while training, and after", _LOSSES.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Train without and with each cure on several draws, print one table, and draw."""
    epochs, draws = QUICK if quick else FULL
    found = compare(epochs, draws)
    untreated = found[0]
    numbers = []
    for cured in found:
        own, _, fresh = np.median([each.losses for each in cured], axis=0)
        text = f"{own:.3f}, {fresh:.3f}"
        if cured is not untreated:
            text += f"; lower in {wins(cured, untreated)} of {draws}"
            gained = f"{gain(cured, untreated):+.1f}".replace("-", "−")
            text += f"; {gained} % right"
        numbers.append((f"{cured[0].cure.name}: loss on its own points, on fresh", text))

    for name, shares in read_digits(draws).items():
        text = f"{np.median(shares):.1%} of 797 others read right"
        numbers.append((f"50 digits and {name}", text))

    say_all(numbers)
    draw(found, folder)
    title = "Overfitting, and its cures"
    pictures = (_REGIONS, _LOSSES)
    page = _page_that_trains(folder)
    code = list_code(cures)
    return Story("overfitting", title, told(__doc__), tuple(numbers), pictures, (page,), code)


def _page_that_trains(folder: Path) -> Explorer:
    # Half of the points could be held out in the page: then its own loss shows what is too much.
    model = MLP(2, [12, 1], activation="tanh", seed=0)
    options = {"loss": cross_entropy, "optimizer": Adam(model.parameters(), 0.05)}
    page = folder / "overfitting-train.html"
    return in_training(model, points(FEW, seed=0), page, "Thirty points by heart", **options)


_REGIONS = Picture(
    "overfitting-regions.svg",
    "Three plots of the plane with thirty points: without cure a border that bends around single "
    "points, with the penalty and with turned points smoother ones.",
    "Left the border goes out of its way for points that lie there by chance. With an l2 penalty "
    "it lets them be wrong; with turned points each crescent also learns from the other one.",
)
_LOSSES = Picture(
    "overfitting-losses.svg",
    "Training and validation loss without cure, where the second rises, and with the penalty, "
    "where it does not; then for every cure one dot for each draw of thirty points.",
    "The ring is where early stopping would return to. Right, a dot for each draw and a stroke at "
    "the median: left of the line the cure leads to less loss on fresh points than none.",
)

if __name__ == "__main__":
    run_alone(run, "overfitting")
