"""The sparrow network: small, explosive with the settings it was given, cured in five ways.

Ten numbers between 0 and 5 go in, half their sum shall come out. The network is as small as a
sparrow and has all of its organs: 10-7-3-1 neurons, ELU, half the squared error, weights between 0
and 1, one step of rate 0.05 after each sample. It explodes.

Why: a step multiplies the error by 1 minus rate · ‖∂answer/∂weights‖². With positive inputs and
positive weights all of them push the same way, so this number is far above 2, and each step
overshoots by more than the last, until a square is too large for a float. Another seed is thrown
so far that every ELU is stuck at −1: what is left is a bias that answers the mean.

The table changes one thing at a time, and says what fresh samples cost. Much stops the explosion;
fewer things let it learn. Weights that are all 0, for one, are so much alike that nothing comes
back through them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import pvariance
from typing import Any

import viz
from demos.gallery import Explorer, Picture, Story, explored, run_alone, say_all, told
from scalargrad.errors import DivergenceError
from scalargrad.losses import half_squared_error
from scalargrad.nn import MLP, Module, uniform
from scalargrad.optim import SGD, AdaGrad
from scalargrad.training import ClipNorm, fit
from viz.plots import new_axes, plot_curves, save_plot

INPUTS = 10
RATE = 0.05
SEED = 8
TEST = 200
FULL = 2000
QUICK = 200
"""Samples that each training sees."""
HUGE = 1e6
"""A loss above this is an explosion."""
LEARNED = 0.9
"""A loss below this share of the best constant's shows that something was learned."""


class Means(MLP):
    """The same network, with means of weighted inputs in place of sums."""

    def forward(self, x: Any) -> Any:
        """Return one Value from ten numbers."""
        for layer in self.layers:
            x = layer([item / len(x) for item in x])
        return x[0]


@dataclass
class Trial:
    """One training and its results.

    Attributes:
        what: What is changed.
        how: How it is changed.
        model: The network.
        options: Further options of `fit`.
        losses: The loss of each step.
        final: The mean loss on fresh samples after the training, or nan.
        error: Why the training ended early, or an empty text.
    """

    what: str
    how: str
    model: Module
    options: dict[str, Any] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    final: float = float("nan")
    error: str = ""


def samples(count: int, seed: int = 0) -> tuple[list[list[float]], list[float]]:
    """Return rows of ten numbers between 0 and 5, and half the sum of each row."""
    draw = Random(seed)
    rows = [[draw.uniform(0.0, 5.0) for _ in range(INPUTS)] for _ in range(count)]
    return rows, [sum(row) / 2.0 for row in rows]


def sparrow(
    kind: type[MLP] = MLP, seed: int = SEED, activation: Any = "elu", initializer: Any = None
) -> MLP:
    """Build the network 10-7-3-1 as it was given: ELU, and weights between 0 and 1."""
    return kind(
        INPUTS,
        [7, 3, 1],
        activation=activation,
        initializer=initializer or uniform(0.0, 1.0),
        seed=seed,
    )


def train(trial: Trial, count: int) -> Trial:
    """Train with one step per sample, then measure the mean loss on fresh samples."""
    # A trial may bring an optimizer of its own in its options.
    options = {"optimizer": SGD(trial.model.parameters(), RATE)} | trial.options
    try:
        history = fit(
            trial.model,
            *samples(count),
            validation=samples(TEST, seed=1),
            loss=half_squared_error,
            epochs=1,
            batch_size=1,
            seed=None,
            **options,
        )
        trial.losses = history.steps
        trial.final = history["validation_loss"][-1]
    # An explosion is a result here, not a failure: the history up to it is what is drawn.
    except DivergenceError as error:
        trial.losses = list(error.history.steps)
        trial.error = str(error).splitlines()[1].strip().removeprefix("first: ")
    return trial


def constant_cost() -> float:
    """Return the loss of answering the mean of the targets, whatever the input."""
    return pvariance(samples(TEST, seed=1)[1]) / 2.0


def overshoot(model: Module, x: list[float]) -> float:
    """Compute rate · ‖∂answer/∂weights‖².

    To first order a step multiplies the error by 1 minus this: above 2 the error grows.
    """
    model.zero_grad()
    model(x).backward()
    return RATE * float(sum(parameter.grad**2 for parameter in model.parameters()))


def trials() -> list[Trial]:
    """Return the network as given, with two seeds, and five cures that change one thing each."""
    clipping = {"callbacks": [ClipNorm(0.1)]}
    adapting = sparrow()
    ada_grad = {"optimizer": AdaGrad(adapting.parameters(), RATE)}

    return [
        Trial("as given", f"seed {SEED}", sparrow()),
        Trial("as given", "seed 0", sparrow(seed=0)),
        Trial("initialization", "all weights 0", sparrow(initializer="zeros")),
        Trial("regularization", "gradient cut to norm 0.1", sparrow(), clipping),
        Trial("activation", "tanh(z / 10)", sparrow(activation=lambda z: (z / 10.0).tanh())),
        Trial("structure", "means in place of sums", sparrow(Means)),
        Trial("optimizer", "AdaGrad", adapting, ada_grad),
    ]


def verdict(trial: Trial, constant: float) -> str:
    """Say what became of a trial; `constant` is the loss of the best constant answer."""
    if trial.error:
        return f"nan after {len(trial.losses)} steps: {trial.error}"

    highest = max(trial.losses)
    explosion = f"explodes to {highest:.0e}, then " if highest > HUGE else ""
    learns = trial.final < LEARNED * constant
    judgment = "learns" if learns else "no better than a constant"
    return f"{explosion}{trial.final:.2g}, {judgment}"


def draw(given: Trial, others: list[Trial], folder: Path) -> Explorer:
    """Draw the first and the last step with gradients, then the losses of all trials.

    Returns:
        The page to explore the last step.
    """
    # The step that overflows is not in the losses: it is the one after them.
    last = len(given.losses)
    rows, targets = samples(last + 1)
    for picture, step, model in ((_FIRST, 0, sparrow()), (_LAST, last, given.model)):
        loss = half_squared_error(model(rows[step]), targets[step])
        loss.label = "loss"
        loss.backward()
        sentence, _, _ = picture.caption.partition(".")
        drawing = viz.draw(loss, level="neurons", title=f"Step {step + 1}: {sentence}")
        drawing.save(folder / picture.file)

    left, right = new_axes(2, width=10.0, height=4.2)
    # The losses of single samples jump: thirty means of blocks show where they go.
    block = len(others[0].losses) // 30
    plot_curves({"as given": given.losses}, ax=left).set(
        yscale="log", ylim=(1.0, None), title="as given", xlabel="step", ylabel="loss"
    )
    plot_curves({trial.how: trial.losses for trial in others}, ax=right, mean_of=block)
    right.set(
        yscale="log",
        ylim=(None, 100.0),
        title=f"one change each: mean of {block} steps",
        xlabel="step",
    )
    save_plot(right, folder / _CURVES.file, "Loss curves", _CURVES.alt)
    return explored(loss, folder / "sparrow-explore.html", "the step that overflows")


def run(folder: Path, quick: bool = False) -> Story:
    """Let it explode, say why, cure it, and draw both."""
    count = QUICK if quick else FULL
    given, survivor, *cures = [train(trial, count) for trial in trials()]
    constant = constant_cost()
    rows, _ = samples(1)
    at_first = overshoot(sparrow(), rows[0])

    # A cure that only stops the explosion stays in the table; the picture shows those that learn.
    learning = [trial for trial in cures if trial.final < LEARNED * constant]
    explorer = draw(given, [survivor, *learning], folder)

    numbers = [(f"loss of step {i}", f"{loss:.3g}") for i, loss in enumerate(given.losses, 1)]
    numbers += [
        ("rate · ‖∂answer/∂weights‖² at first", f"{at_first:.0f}"),
        ("what the best constant answer costs", f"{constant:.3g}"),
    ]
    numbers += [
        (f"{trial.what}: {trial.how}", verdict(trial, constant))
        for trial in (given, survivor, *cures)
    ]
    say_all(numbers)
    title = "The sparrow network: five ways to stop an explosion"
    pictures = (_FIRST, _LAST, _CURVES)
    return Story("sparrow", title, told(__doc__), tuple(numbers), pictures, (explorer,))


_FIRST = Picture(
    "sparrow-first.svg",
    "The network 10-7-3-1 as columns of neurons on its first sample, each line colored by its "
    "gradient; all have the same sign.",
    "Every weight pushes the same way. The answer is too large, and each weight is told to "
    "shrink: together they shrink it far too much.",
)
_LAST = Picture(
    "sparrow-last.svg",
    "Its last step: the loss is inf, the gradients are nan.",
    "The loss overflows. Red: inf · 0 is nan.",
)
_CURVES = Picture(
    "sparrow-curves.svg",
    "The loss as given, exploding; and with one change each.",
    "Right: a survivor, and what learns.",
)

if __name__ == "__main__":
    run_alone(run, "sparrow")
