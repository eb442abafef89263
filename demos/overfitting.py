"""Learned by heart: a large network, thirty noisy points, six cures; then good defaults."""

from pathlib import Path
from typing import Any, NamedTuple

from demos.gallery import Picture, Story, run_alone, say
from scalargrad import no_grad
from scalargrad.data import moons
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import MLP, Dropout, Layer, Module, Sequential, recommended, uniform
from scalargrad.optim import SGD, Adam, l1, l2
from scalargrad.training import EarlyStopping, History, MaxNorm, fit
from viz.plots import new_axes, plot_history, plot_regions, save_plot

HIDDEN = 40
FEW = 30
NOISE = 0.35
FULL = (60, 20)
QUICK = (6, 2)
"""Epochs on the thirty points, and on the eighty that the defaults are compared on."""
Points = tuple[list[list[float]], list[float]]


class Cure(NamedTuple):
    """One way to train.

    Attributes:
        name: What the table calls it.
        options: Further options of `fit`.
        points: Number of points to train on.
        dropout: Share of hidden outputs to leave out.
    """

    name: str
    options: dict[str, Any]
    points: int = FEW
    dropout: float = 0.0


class Trained(NamedTuple):
    """What came of a cure.

    Attributes:
        cure: How the model was trained.
        model: The trained model.
        history: Its training history.
        losses: Its losses after training: on its own points, on validation and on fresh points.
    """

    cure: Cure
    model: Module
    history: History
    losses: list[float]


def cures() -> list[Cure]:
    """Return no cure, and six."""
    return [
        Cure("nothing", {}),
        Cure("early stopping", {"callbacks": [EarlyStopping(patience=10)]}),
        Cure("l1 penalty", {"penalty": lambda model: l1(model.parameters(), 3e-3)}),
        Cure("l2 penalty", {"penalty": lambda model: l2(model.parameters(), 3e-3)}),
        Cure("dropout", {}, dropout=0.5),
        Cure("max-norm", {"callbacks": [MaxNorm(1.0)]}),
        Cure("more data", {}, points=10 * FEW),
    ]


def points(n: int, seed: int, noise: float = NOISE) -> Points:
    """Return n points of two overlapping moons, and their crescents, 0 or 1."""
    X, y = moons(n, noise, seed=seed)  # noqa: N806
    return X.tolist(), y.tolist()


def large(dropout: float) -> Module:
    """Build a 2-40-1 network with tanh and dropout: 161 parameters for thirty points."""
    first = Layer(2, HIDDEN, "tanh", seed=0)
    last = Layer(HIDDEN, 1, None, seed=1)
    return Sequential(first, Dropout(dropout, seed=0), last, lambda outputs: outputs[0])


def mean_loss(model: Module, some: Points) -> float:
    """Return the mean cross-entropy of a model on some points."""
    with no_grad():
        return float(cross_entropy([model(x) for x in some[0]], some[1]))


def train(cure: Cure, rounds: int) -> Trained:
    """Train one large network with a cure, and measure it."""
    model = large(cure.dropout)
    own = points(cure.points, seed=1)
    held = points(100, seed=100)
    # Early stopping chooses by the validation points, so the last word is with fresh ones.
    fresh = points(300, seed=200)
    optimizer = Adam(model.parameters(), 0.1)

    # More data means fewer epochs, so that all cures take the same number of steps.
    epochs = max(1, rounds * FEW // cure.points)
    history = fit(
        model,
        *own,
        loss=cross_entropy,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=10,
        validation=held,
        **cure.options,
    )
    losses = [mean_loss(model, some) for some in (own, held, fresh)]
    return Trained(cure, model, history, losses)


def defaults(rounds: int) -> dict[str, list[float]]:
    """Train 2-12-12-1 networks as it was once done, at two rates, and as `recommended` builds it.

    Returns:
        The validation losses of each, epoch by epoch.
    """
    own = points(80, seed=1, noise=0.2)
    held = points(80, seed=100, noise=0.2)
    # Two rates, for it is not the rate that the old network lacks.
    settings = (
        ("old, SGD at 0.1", SGD, 0.1),
        ("old, SGD at 2", SGD, 2.0),
        ("recommended, Adam at 0.01", Adam, 0.01),
    )
    losses = {}
    for name, rule, rate in settings:
        old = MLP(2, [12, 12, 1], "sigmoid", initializer=uniform(-0.1, 0.1), seed=0)
        model: Module = old if rule is SGD else recommended(2, [12, 12, 1], seed=0)
        optimizer = rule(model.parameters(), learning_rate=rate)
        history = fit(
            model,
            *own,
            loss=cross_entropy,
            optimizer=optimizer,
            epochs=rounds,
            batch_size=10,
            validation=held,
        )
        losses[name] = history["validation_loss"]
    return losses


def draw(found: list[Trained], losses: dict[str, list[float]], folder: Path) -> None:
    """Draw regions and losses without cure and with the l2 penalty, and those of the defaults."""
    inputs, labels = points(FEW, seed=1)
    signs = [2.0 * label - 1.0 for label in labels]
    overfitted = found[0]
    penalized = found[3]

    panels = new_axes(2, width=10.0, height=4.2)
    for ax, trained in zip(panels, (overfitted, penalized), strict=True):
        plot_regions(trained.model, inputs, signs, ax, 36).set_title(trained.cure.name)
    save_plot(panels[0], folder / _REGIONS.file, "Without cure, and with", _REGIONS.alt)

    panels = new_axes(3, width=12.0, height=3.8)
    # One scale for both, that of the larger losses, so that the heights can be compared.
    limits = (0.0, 1.05 * max(overfitted.history["validation_loss"]))
    for ax, trained in zip(panels[:2], (overfitted, penalized), strict=True):
        plot_history(trained.history, ax).set(title=trained.cure.name, ylim=limits)
    plot_history(losses, panels[2]).set(title="defaults: validation loss", ylim=(0.0, 1.2))
    save_plot(panels[0], folder / _LOSSES.file, "Losses while training", _LOSSES.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Train without and with each cure, print one table, compare the defaults, and draw."""
    rounds, fewer = QUICK if quick else FULL
    numbers = []

    found = [train(cure, rounds) for cure in cures()]
    say(f"{'loss on':15} its own   validation   fresh points")
    for cure, _, history, (own, held, fresh) in found:
        ended = f"{history.epochs} epochs"
        if history.stop_reason:
            ended += f"; {history.stop_reason}"
        say(f"{cure.name:15} {own:7.3f} {held:12.3f} {fresh:14.3f}   {ended}")

        measured = f"{own:.3f}, {held:.3f}, {fresh:.3f} ({history.epochs} epochs)"
        numbers.append((f"{cure.name}: its own, validation, fresh", measured))

    losses = defaults(fewer)
    for name, curve in losses.items():
        numbers.append((f"{name}: validation loss after {fewer} epochs", f"{curve[-1]:.3f}"))
        say(": ".join(numbers[-1]))

    draw(found, losses, folder)
    return Story(
        "overfitting", "Learned by heart, and cured", _TEXT, tuple(numbers), (_REGIONS, _LOSSES)
    )


_TEXT = (
    "Thirty noisy points, 161 parameters: the network learns them by heart. On them the loss "
    "falls and falls; on others it soon rises.",
    "Each cure holds it back in its own way. And good defaults learn at once what sigmoids with "
    "small weights learn late or not at all.",
)
_REGIONS = Picture(
    "overfitting-regions.svg",
    "Two plots of the plane with thirty points: without cure a border that bends around a single "
    "point, with the penalty a smooth one.",
    "Left the border goes out of its way for points that lie there by chance. Right, with an l2 "
    "penalty, it lets them be wrong.",
)
_LOSSES = Picture(
    "overfitting-losses.svg",
    "Training and validation loss without cure, where the second rises, and with the penalty, "
    "where it does not; three curves of defaults.",
    "The ring is where early stopping returns to. Right: old defaults stay at log 2, which is to "
    "know nothing, or start late.",
)

if __name__ == "__main__":
    run_alone(run, "overfitting")
