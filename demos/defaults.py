"""Which defaults, measured: the usual advice for deep networks, one experiment for each.

Advice for deep networks comes as a list: which activation, which initialization, what to do against
gradients that vanish or explode, which optimizer, what to do with few labels. Each piece of it is
tried here on a small network with several seeds. The numbers are medians, and the last rows of the
table count seeds.

A tutorial ranks activations: ELU, leaky relu, relu, tanh, sigmoid. In eight layers of five units
the two ends of that ranking hold: ELU comes first, and sigmoids never start: their loss stays at
log 2, that of a guess. The three between them are in no such order. With one hidden layer the first
four come out nearly the same, and sigmoids learn, too, if more slowly.

Against vanishing or exploding gradients the same tutorial puts He initialization with ELU first,
then batch normalization, then clipping. That order is confirmed. He initialization alone does not
help sigmoids, and clipping limits what explodes but can't bring back what vanished. Adam helps
further. But the tutorial's five defaults at once are behind three of them here: batches of four are
few to normalize by, and dropout takes a fifth of layers that have five units.

Adam needs fewer steps than gradient descent, even when each has the better of two rates. Layers of
a trained network help with six points of a task that is nearly the same, moons turned by 15°; for
moons turned by 90° they are worse than a new network. What pre-training by autoencoders changes is
less than what the seeds change.
"""

from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import numpy as np

from demos.defaults_measures import Points, mean_loss, right
from demos.gallery import Explorer, Picture, Story, explored, plot_seeds, run_alone, say_all, told
from demos.listing import list_code
from scalargrad.core.names import ActivationName
from scalargrad.data import moons
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import MLP, BatchNorm, Layer, Module, Sequential, normal, recommended
from scalargrad.nn.initializers import Initializer
from scalargrad.optim import SGD, Adam, Optimizer
from scalargrad.pretraining import pretrain
from scalargrad.training import Callback, ClipNorm, History, Training, fit
from viz.plots import new_axes, save_plot

DEEP = [5] * 8
ACTIVATIONS: tuple[ActivationName, ...] = ("elu", "leaky_relu", "relu", "tanh", "sigmoid")
"""In the order of the ranking."""
FULL = (9, 60, 24)
QUICK = (3, 40, 7)
"""Seeds of each experiment, epochs of the activations, and of the remedies."""


def learn(model: Module, data: Points, optimizer: Optimizer, epochs: int, **more: Any) -> History:
    """Train a model on all samples at once, or as more options of `fit` say."""
    usual = {"loss": cross_entropy, "batch_size": None}
    chosen = {**usual, "progress": False, **more}
    return fit(model, *data, optimizer=optimizer, epochs=epochs, **chosen)


def rank(hidden: list[int], seeds: int, epochs: int) -> dict[str, list[float]]:
    """Return the last losses of networks that differ in their activation alone, for each seed."""
    data = moons(60, 0.1, seed=1)
    losses: dict[str, list[float]] = {}
    for activation in ACTIVATIONS:
        for seed in range(seeds):
            model = MLP(2, [*hidden, 1], activation, seed=seed)
            history = learn(model, data, SGD(model.parameters(), 0.1), epochs, batch_size=10)
            losses.setdefault(activation, []).append(history["loss"][-1])
    return losses


def normalized(activation: ActivationName, initializer: Initializer, seed: int) -> Module:
    """Build the deep network with batch normalization before each activation."""
    rng = Random(seed)
    steps: list[Module] = []
    for before, after in pairwise([2, *DEEP]):
        steps.append(Layer(before, after, None, initializer, rng))
        steps.append(BatchNorm(after, activation=activation))
    return Sequential(*steps, Layer(5, 1, None, initializer, rng), lambda outputs: outputs[0])


def remedies(seeds: int, epochs: int) -> dict[str, list[float]]:
    """Return the losses on fresh points of deep networks that start badly, and with remedies.

    The weights of the sigmoids let gradients vanish, those of the ELUs let them explode.
    """
    deep = partial(MLP, 2, [*DEEP, 1])
    clip = (ClipNorm(1.0),)
    losses: dict[str, list[float]] = {}
    for seed in range(seeds):
        tried: list[tuple[str, Module, type[Optimizer], tuple[Callback, ...]]] = [
            ("vanishing: sigmoid from N(0, 1)", deep("sigmoid", None, normal(1.0), seed), SGD, ()),
            ("vanishing, gradients clipped", deep("sigmoid", None, normal(1.0), seed), SGD, clip),
            ("vanishing, He initialization", deep("sigmoid", None, "he", seed), SGD, ()),
            ("vanishing, batch normalization", normalized("sigmoid", normal(1.0), seed), SGD, ()),
            ("exploding: ELU from N(0, 4)", deep("elu", None, normal(2.0), seed), SGD, ()),
            ("exploding, gradients clipped", deep("elu", None, normal(2.0), seed), SGD, clip),
            ("exploding, batch normalization", normalized("elu", normal(2.0), seed), SGD, ()),
            ("He initialization and ELU", deep("elu", None, "he", seed), SGD, ()),
            ("He initialization, ELU and Adam", deep("elu", None, "he", seed), Adam, ()),
            ("all five of the tutorial", recommended(2, [*DEEP, 1], seed=seed), Adam, ()),
        ]
        for name, model, rule, callbacks in tried:
            optimizer = rule(model.parameters(), learning_rate=0.1 if rule is SGD else 0.01)
            # Few points: batch normalization needs eager training, which takes its time.
            data = moons(20, 0.1, seed=1)
            learn(model, data, optimizer, epochs, batch_size=4, callbacks=callbacks)
            # After the training: what dropout leaves out only while training is not counted.
            losses.setdefault(name, []).append(mean_loss(model, moons(300, 0.1, seed=900)))
    return losses


class StopBelow(Callback):
    """A callback that ends training when the loss is below 0.1."""

    def on_epoch_end(self, training: Training) -> None:
        if training.history.last()["loss"] < 0.1:
            training.stop("below 0.1")


def count_steps(seeds: int) -> dict[str, list[float]]:
    """Count the steps until the loss is below 0.1, on all points at once; at most 1,500."""
    data = moons(40, 0.1, seed=1)
    steps: dict[str, list[float]] = {}
    # Two rates each: a rate that is merely too small would be no proof against gradient descent.
    for rule, rate in ((SGD, 0.1), (SGD, 1.0), (Adam, 0.01), (Adam, 0.1)):
        name = f"{rule.__name__} at {rate:g}"
        for seed in range(seeds):
            model = MLP(2, [16, 16, 1], "elu", seed=seed)
            optimizer = rule(model.parameters(), learning_rate=rate)
            history = learn(model, data, optimizer, 1500, callbacks=StopBelow())
            steps.setdefault(name, []).append(history.epochs)
    return steps


def turn(data: Points, degrees: float) -> Points:
    """Turn the moons about their middle."""
    middle = np.array([0.5, 0.25])
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (data[0] - middle) @ matrix + middle, data[1]


def share_hidden_layers(base: MLP, other: MLP) -> None:
    """Give another network the trained layers but the last, frozen."""
    for trained, layer in zip(base.layers[:-1], other.layers[:-1], strict=True):
        layer.load_state_dict(trained.state_dict())
        layer.freeze()


def reuse(seeds: int) -> dict[str, list[float]]:
    """Freeze the hidden layers of a network that knows 200 moons for six points of turned moons.

    Returns:
        The share of 300 turned points that is answered right, for each way, angle and seed.
    """
    shares: dict[str, list[float]] = {}
    for seed in range(seeds):
        base = MLP(2, [8, 8, 1], seed=seed)
        known = moons(200, 0.1, seed=500 + seed)
        learn(base, known, Adam(base.parameters(), 0.01), 60, batch_size=10)
        for degrees in (15, 90):
            # The same last layer to begin with, so that only the hidden layers differ.
            new = MLP(2, [8, 8, 1], seed=100 + seed)
            reusing = MLP(2, [8, 8, 1], seed=100 + seed)
            share_hidden_layers(base, reusing)
            for way, model in (("from scratch", new), ("layers reused", reusing)):
                six = turn(moons(6, 0.1, seed=seed), degrees)
                learn(model, six, Adam(model.parameters(), 0.03), 150)
                share = right(model, turn(moons(300, 0.1, seed=900), degrees))
                shares.setdefault(f"turned by {degrees}°, {way}", []).append(share)
    return shares


def pretrain_digits(seeds: int) -> dict[str, list[float]]:
    """Learn digits from 20 labels, without pre-training and with it, on 300 images of 4 × 4 pixels.

    Returns:
        The share of 797 other images that is read right, for each way and seed.
    """
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    images = (images / 16.0).reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    shares: dict[str, list[float]] = {"without pre-training": [], "with pre-training": []}
    for seed in range(seeds):
        plain = MLP(16, [16, 10], "tanh", seed=seed)
        pretrained = MLP(16, [16, 10], "tanh", seed=seed)
        pretrain(pretrained, images[:300], epochs=15, progress=False)
        # Other images than those of the pre-training, and others for each seed.
        labeled = slice(300 + 20 * seed, 320 + 20 * seed)
        for name, model in zip(shares, (plain, pretrained), strict=True):
            data = images[labeled], digits[labeled]
            learn(model, data, Adam(model.parameters(), 0.03), 150, loss="cross_entropy")
            shares[name].append(right(model, (images[-797:], digits[-797:])))
    return shares


def run(folder: Path, quick: bool = False) -> Story:
    """Run all experiments, print the medians, and draw every seed."""
    seeds, epochs, fewer = QUICK if quick else FULL
    deep = rank(DEEP, seeds, epochs)
    shallow = rank([5], seeds, epochs)
    cured = remedies(seeds, fewer)
    steps = count_steps(seeds)
    reused = reuse(seeds)
    digits = pretrain_digits(seeds)

    tables = (
        ("8 hidden layers, loss", deep, ".3f"),
        ("1 hidden layer, loss", shallow, ".3f"),
        ("loss on fresh points", cured, ".3g"),
        ("steps to a loss of 0.1", steps, ".0f"),
        ("right with 6 points, moons", reused, ".1%"),
        ("digits read right with 20 labels", digits, ".1%"),
    )
    numbers = [
        (f"{what}: {name}", format(median(measured), form))
        for what, table, form in tables
        for name, measured in table.items()
    ]
    pairs = {
        "less loss by ELU than by tanh": [deep["elu"], deep["tanh"]],
        "fewer steps by Adam, better rates": [steps["Adam at 0.1"], steps["SGD at 1"]],
        "more right by reuse, turned by 15°": list(reused.values())[:2],
        "more right by reuse, turned by 90°": list(reused.values())[2:],
        "more right by pre-training": list(digits.values()),
    }
    for what, (low, high) in pairs.items():
        better = sum(a < b for a, b in zip(low, high, strict=True))
        numbers.append((f"seeds with {what}", f"{better} of {seeds}"))
    say_all(numbers)

    panels = new_axes(2, width=11.0, height=3.6)
    plot_seeds(deep, panels[0], log=True).set(title="eight hidden layers", xlabel="loss")
    plot_seeds(shallow, panels[1]).set(title="one hidden layer", xlabel="loss")
    save_plot(panels[0], folder / _RANKING.file, "Five activations", _RANKING.alt)

    (ax,) = new_axes(width=7.1, height=4.4)
    # What exploded reaches 10¹⁸, and would leave no room for the differences of the others.
    drawn = {name: np.minimum(losses, 10.0).tolist() for name, losses in cured.items()}
    plot_seeds(drawn, ax, log=True).set(xlabel="loss on fresh points, 10 and more at 10")
    save_plot(ax, folder / _REMEDIES.file, "Remedies one by one", _REMEDIES.alt)

    panels = new_axes(3, width=11.9, height=3.2)
    plot_seeds(steps, panels[0], log=True).set(title="steps to a loss of 0.1")
    plot_seeds(reused, panels[1]).set(title="right answers after six points")
    plot_seeds(digits, panels[2]).set(title="digits read right after 20 labels")
    save_plot(panels[0], folder / _LABELS.file, "Steps, reuse and pre-training", _LABELS.alt)

    title = "Which defaults, measured"
    pictures = (_RANKING, _REMEDIES, _LABELS)
    page = _page_to_explore(folder)
    code = list_code(rank)
    return Story("defaults", title, told(__doc__), tuple(numbers), pictures, (page,), code)


def _page_to_explore(folder: Path) -> Explorer:
    inputs, labels = moons(20, 0.1, seed=1)
    model = MLP(2, [*DEEP, 1], "elu", None, "he", 0)
    loss = cross_entropy(model(inputs[0].tolist()), float(labels[0]))
    loss.label = "loss"
    loss.backward()
    page = folder / "defaults-explore.html"
    return explored(loss, page, "one sample in eight layers, He initialization and ELU")


_RANKING = Picture(
    "defaults-ranking.svg",
    "Losses of five activations, a dot for each seed, with eight hidden layers and with one. In "
    "the deep network the dots of ELU are far left and those of sigmoid all at 0.69.",
    "The same data, rate and number of epochs; strokes mark the medians. Left, with a logarithmic "
    "axis, the dots of one activation are far apart: a single run proves nothing.",
)
_REMEDIES = Picture(
    "defaults-remedies.svg",
    "Losses on fresh points of ten ways to train a deep network, a dot for each seed. Dots of 10 "
    "and more where gradients explode; He initialization and ELU, best with Adam, are far left.",
    "Eight layers of five units, trained on twenty points. The first four rows are the network "
    "whose gradients vanish, the next three the one whose gradients explode.",
)
_LABELS = Picture(
    "defaults-labels.svg",
    "Three plots with a dot for each seed: steps of gradient descent and Adam, right answers "
    "without and with reused layers, and digits read right without and with pre-training.",
    "Left, fewer is better; in the middle and right, more is.",
)

if __name__ == "__main__":
    run_alone(run, "defaults")
