"""The sparrow network: small, with all its organs. It explodes with the settings that it was born with, and is cured in five ways."""

from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from random import Random
from typing import Any

import viz
from scalargrad import no_grad, tanh
from scalargrad.errors import DivergenceError
from scalargrad.losses import l2
from scalargrad.nn import MLP, Module, uniform
from scalargrad.optim import SGD, AdaGrad
from scalargrad.training import ClipNorm, MaxNorm, fit
from viz.curves import plot_curves
from viz.plots import new_axes, save_plot

from .gallery import Picture, Story, run_alone, say

INPUTS, RATE, SEED, TEST = 10, 0.05, 8, 200
FULL, QUICK = (2000, 100), (200, 10)
"""How many samples each training sees, and with how many seeds the explosion is tried."""
HUGE, LEARNT = 1e6, 0.9
"""A loss above the first is an explosion; one below this share of what the best constant answer costs shows that something was learnt."""
GIVEN = uniform(0.0, 1.0)
SHOWN = ("seed 0", "all weights 0", "gradient cut to norm 0.1", "tanh(z / 10)", "means in place of sums", "AdaGrad")
"""Which trainings have a curve: one of each kind."""

Sample = tuple[list[float], float]


class Means(MLP):
    """The same network, but each neuron takes the mean of its weighted inputs in place of their sum."""

    def forward(self, x: Any) -> Any:
        """One Value from ten numbers."""
        for layer in self.layers:
            x = layer([item / len(x) for item in x])
        return x[0]


@dataclass
class Trial:
    """One training: what is changed and how, the network, what else `fit` is told; then how it went."""

    what: str
    how: str
    model: Module
    options: dict[str, Any] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    final: float = float("nan")
    error: str = ""


def samples(count: int, seed: int = 0) -> list[Sample]:
    """Ten numbers between 0 and 5, and half their sum, `count` times."""
    draw = Random(seed)
    rows = [[draw.uniform(0.0, 5.0) for _ in range(INPUTS)] for _ in range(count)]
    return [(row, sum(row) / 2.0) for row in rows]


def sparrow(
    kind: type[MLP] = MLP, hidden: tuple[int, ...] = (7, 3), seed: int = SEED, activation: Any = "elu", initialiser: Any = GIVEN
) -> MLP:
    """The network 10-7-3-1 as it was given: ELU, and weights between 0 and 1."""
    return kind(INPUTS, [*hidden, 1], activation=activation, initialiser=initialiser, seed=seed)


def train(trial: Trial, count: int) -> Trial:
    """One sample after the other, a step for each; then the mean loss on samples that it has not seen."""
    rows, targets = zip(*samples(count), strict=True)
    options = {"optimiser": SGD(trial.model.parameters(), RATE)} | trial.options
    try:
        trial.losses = fit(
            trial.model, rows, targets, loss=l2, epochs=1, batch_size=1, seed=None, progress=bool(trial.what), **options
        ).steps
        trial.final = cost(trial.model)
    except DivergenceError as error:
        trial.losses, trial.error = list(error.history.steps), str(error).splitlines()[1].strip()
    return trial


def cost(model: Any) -> float:
    """The mean of half the squared error on the samples for the test."""
    with no_grad():
        losses = [float(l2(model(x), target)) for x, target in samples(TEST, seed=1)]
    return sum(losses) / TEST


def constant_cost() -> float:
    """What it costs to answer the mean of the targets, whatever is asked."""
    targets = [target for _, target in samples(TEST, seed=1)]
    return sum((target - sum(targets) / TEST) ** 2 for target in targets) / 2.0 / TEST


def overshoot(model: Module, x: list[float]) -> float:
    """Rate · ‖∂answer/∂weights‖²: a step multiplies the error by 1 minus this, to first order. Above 2 the error grows."""
    model.zero_grad()
    model(x).backward()
    return RATE * float(sum(parameter.grad**2 for parameter in model.parameters()))


def cures(knows: Module) -> list[Trial]:
    """Two of each kind; each changes one thing alone. `knows` knows the answer: the best initialisation that there can be."""
    answer, rolling = sparrow(), sparrow()
    answer.load_state_dict(knows.state_dict())
    return [
        Trial("initialisation", "all weights 0", sparrow(initialiser="zeros")),
        Trial("initialisation", "weights in (0, 0.1)", sparrow(initialiser=uniform(0.0, 0.1))),
        Trial("initialisation", "the answer itself", answer),
        Trial("regularisation", "max-norm 1", sparrow(), {"callbacks": [MaxNorm(1.0)]}),
        Trial("regularisation", "gradient cut to norm 0.1", sparrow(), {"callbacks": [ClipNorm(0.1)]}),
        Trial("activation", "tanh(z)", sparrow(activation="tanh")),
        Trial("activation", "tanh(z / 10)", sparrow(activation=lambda z: tanh(z / 10.0))),
        Trial("structure", "fewer neurons: 10-3-1", sparrow(hidden=(3,))),
        Trial("structure", "means in place of sums", sparrow(Means)),
        Trial("optimiser", "momentum 0.9", rolling, {"optimiser": SGD(rolling.parameters(), RATE, momentum=0.9)}),
    ]


def verdict(trial: Trial, constant: float) -> str:
    """What became of it, in words; `constant` is what the best constant answer costs."""
    if trial.error:
        return f"nan after {len(trial.losses)} steps"
    worst = f"explodes to {max(trial.losses):.0e}, then " if max(trial.losses) > HUGE else ""
    share = trial.final / constant
    return f"{worst}{trial.final:.2g}" + (", learns" if share < LEARNT else ", no better than a constant" if share < 1.5 else "")


def survey(seeds: int) -> tuple[int, int]:
    """How many networks, as they were given, pass a loss of a million within 20 steps, and how many of these end in nan."""
    trials = [train(Trial("", "", sparrow(seed=seed)), 20) for seed in range(seeds)]
    return sum(max(trial.losses) > HUGE for trial in trials), sum(bool(trial.error) for trial in trials)


def draw_step(model: Module, sample: Sample, title: str, path: Path) -> None:
    """The network on one sample, with the gradient of its loss."""
    model.zero_grad()
    loss = l2(model(sample[0]), sample[1])
    loss.label = "loss"
    loss.backward()
    viz.draw(loss, level="neurons", title=title).save(path)


def draw_curves(given: Trial, trials: list[Trial], folder: Path) -> None:
    """The explosion, and what the cures do to it: the mean loss of so many samples at a time."""
    left, right = new_axes(2, width=10.0, height=4.2)
    plot_curves({"as given": given.losses}, ax=left)
    block = len(trials[-1].losses) // 30
    starts = range(0, block * 30, block)
    curves = {trial.how: [sum(part := trial.losses[i : i + block]) / len(part) for i in starts] for trial in trials}
    plot_curves(curves, [i + block / 2 for i in starts], right)
    left.set(yscale="log", ylim=(1.0, None), title="as given", xlabel="step", ylabel="loss")
    right.set(yscale="log", ylim=(None, 100.0), title=f"one change each: mean of {block} steps", xlabel="step")
    save_plot(right, folder / _CURVES.file, "Loss curves", _CURVES.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Let it explode, say why, cure it, and draw both."""
    count, seeds = QUICK if quick else FULL
    given, other, knows = (Trial("as given", f"seed {seed}", sparrow(seed=seed)) for seed in (SEED, 0, SEED))
    adagrad = Trial("optimiser", "AdaGrad", knows.model, {"optimiser": AdaGrad(knows.model.parameters(), RATE)})
    at_first = overshoot(sparrow(), samples(1)[0][0])
    trials = [train(trial, count) for trial in (given, other, adagrad)]
    at_last = sum(overshoot(knows.model, x) for x, _ in samples(50)) / 50
    trials[2:2] = [train(trial, count) for trial in cures(knows.model)]
    step, (huge, ended) = len(given.losses) + 1, survey(seeds)
    draw_step(sparrow(), samples(1)[0], "Step 1: every weight pushes the same way", folder / _FIRST.file)
    draw_step(given.model, samples(step)[-1], f"Step {step}: the loss overflows", folder / _LAST.file)
    draw_curves(given, [trial for trial in trials if trial.how in SHOWN], folder)
    slopes, constant = [parameter.grad for parameter in given.model.parameters()], constant_cost()
    numbers = [(f"loss of step {i}", f"{loss:.3g}") for i, loss in enumerate(given.losses, 1)]
    numbers += [(f"step {step}", given.error), ("its gradients that are nan", f"{sum(map(isnan, slopes))} of {len(slopes)}")]
    numbers += [(f"of {seeds} seeds that pass a loss of a million in 20 steps", f"{huge}"), ("of them end in nan within these", f"{ended}")]
    numbers += [("rate · ‖∂answer/∂weights‖² at first", f"{at_first:.0f}"), ("… of weights that know the answer", f"{at_last:.0f}")]
    numbers += [("what the best constant answer costs", f"{constant:.3g}")]
    numbers += [(f"{trial.what}: {trial.how}", verdict(trial, constant)) for trial in trials]
    for what, number in numbers:
        say(f"{what:<48} {number}")
    return Story("sparrow", "The sparrow network: five ways to stop an explosion", _TEXT, tuple(numbers), (_FIRST, _LAST, _CURVES))


_TEXT = (
    "Ten numbers between 0 and 5 go in, half their sum shall come out. The network is as small as a sparrow and has all of its organs: "
    "10-7-3-1 neurons, ELU, half the squared error, weights between 0 and 1, one step of rate 0.05 after each sample. It explodes.",
    "Why: a step multiplies the error by 1 minus rate · ‖∂answer/∂weights‖². With positive inputs and positive weights all of them push "
    "the same way, so this number is far above 2, and each step overshoots by more than the last, until a square is too large for a "
    "float. Most seeds are thrown so far that every ELU is stuck at −1: what is left is a bias that answers the mean.",
    "The table changes one thing at a time, and says what fresh samples cost. Nearly everything stops the explosion; fewer things let it "
    "learn. Initialisation alone does not: weights that know the answer have a number far above 2 as well, so this rate throws even them "
    "away.",
)
_FIRST = Picture(
    "sparrow-first.svg",
    "The network 10-7-3-1 as columns of neurons on its first sample, each line coloured by its gradient; all have the same sign.",
    "The first step. The answer is too large, and each of the weights is told to shrink: together they shrink it far too much.",
)
_LAST = Picture(
    "sparrow-last.svg",
    "The same network at the step at which the loss is infinite: every hidden neuron says −1, and the gradients are not finite.",
    "The last weights that were finite, and the sample that they break on. The error is still a number, but its square is not. On the way "
    "back the gradient is infinite at the hidden neurons, and infinite times 0, the slope of an ELU that is stuck at −1, is nan.",
)
_CURVES = Picture(
    "sparrow-curves.svg",
    "Left: the loss as given, rising to a number with hundreds of digits in a few steps. Right: the loss with one change each, on a "
    "logarithmic scale.",
    "Left, the explosion. Right, a seed that survived it, and a cure of each kind: where it lets the network learn, the curve bends "
    "downwards; the others stay at what a constant answer costs.",
)

if __name__ == "__main__":
    run_alone(run, "sparrow")
