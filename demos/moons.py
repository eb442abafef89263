"""Two moons: a 2-16-16-1 network learns to tell two crescents apart, with hinge loss, as the micrograd demo does it."""

from dataclasses import dataclass, field
from pathlib import Path

import viz
from scalargrad import Value, no_grad, relu
from scalargrad import sum as total
from scalargrad.nn import MLP
from viz.plots import new_axes, plot_loss, plot_regions, save_plot

from .gallery import Picture, Story, progress, run_alone, say

SAMPLES, NOISE, PENALTY = 100, 0.1, 1e-4
FULL, QUICK = 100, 20
"""How many steps of gradient descent."""

Sample = tuple[list[float], float]


@dataclass
class Training:
    """A network, what it learns from, and how that went."""

    model: MLP
    samples: list[Sample]
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)


def two_moons(seed: int = 1) -> list[Sample]:
    """100 points on two crescents, each with its label: -1 or 1."""
    from sklearn.datasets import make_moons

    X, y = make_moons(n_samples=SAMPLES, noise=NOISE, random_state=seed)  # noqa: N806
    return [(point, 2.0 * label - 1.0) for point, label in zip(X.tolist(), y.tolist(), strict=True)]


def hinge(score: Value, label: float) -> Value:
    """max(0, 1 - label * score): nothing to pay once a sample is on its side with a margin of 1."""
    loss: Value = relu(1.0 - label * score)
    return loss


def objective(model: MLP, samples: list[Sample]) -> tuple[Value, float]:
    """Mean hinge loss plus 1e-4 times the sum of the squared parameters, and the share of samples on their side."""
    scores = [model(point) for point, _ in samples]
    losses = [hinge(score, label) for score, (_, label) in zip(scores, samples, strict=True)]
    loss = total(losses) / len(losses) + PENALTY * total([p * p for p in model.parameters()])
    right = sum((score > 0.0) == (label > 0.0) for score, (_, label) in zip(scores, samples, strict=True))
    return loss, right / len(samples)


def train(training: Training, steps: int) -> None:
    """Gradient descent with a learning rate that falls from 1.0 to 0.1."""
    bar = progress(range(steps), "moons")
    for step in bar:
        loss, accuracy = objective(training.model, training.samples)
        training.model.zero_grad()
        loss.backward()
        rate = 1.0 - 0.9 * step / steps
        for parameter in training.model.parameters():
            parameter.data -= rate * parameter.grad
        training.losses.append(loss.data)
        training.accuracies.append(accuracy)
        bar.set_postfix(loss=f"{loss.data:.4f}", accuracy=f"{accuracy:.0%}")
        if step % max(1, steps // 10) == 0:
            say(f"step {step:3}: loss {loss.data:.4f}, accuracy {accuracy:.0%}")


def least_sure(training: Training) -> Sample:
    """The sample with the smallest margin: the most wrong one, if any is wrong."""
    with no_grad():
        return min(training.samples, key=lambda sample: sample[1] * training.model(sample[0]).data)


def one_sample(training: Training) -> tuple[Value, str]:
    """The loss of the least sure sample with its gradients, and the path of the neuron in the second layer that they move most."""
    point, label = least_sure(training)
    training.model.zero_grad()
    score = training.model([Value(x, label=f"x{i}") for i, x in enumerate(point)])
    score.label = "score"
    loss = hinge(score, label)
    loss.label = "loss"
    loss.backward()
    slopes = [abs(neuron.bias.grad) for neuron in training.model.layers[1].neurons]
    return loss, f"layers.1.neurons.{slopes.index(max(slopes))}"


def draw_scalars(training: Training, folder: Path) -> str:
    """One sample's loss before training, twice: as cards with one neuron open, and with the network as neurons."""
    loss, path = one_sample(training)
    viz.draw(loss, level="cards", expand=[path], title=f"One sample, one open neuron: {path}").save(folder / "moons-cards.svg")
    viz.draw(loss, level="neurons", title="The same sample, the network as neurons").save(folder / "moons-neurons.svg")
    return path


def draw_training(training: Training, folder: Path) -> None:
    """The loss curve, and what the network says about every point of the plane."""
    points, labels = zip(*training.samples, strict=True)
    (ax,) = new_axes(width=6.5, height=4.4)
    save_plot(plot_regions(training.model, points, labels, ax), folder / "moons-regions.svg", "Decision regions", _REGIONS.alt)
    (ax,) = new_axes(width=6.5, height=3.4)
    save_plot(plot_loss(training.losses, ax), folder / "moons-loss.svg", "Loss curve", _LOSS.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Draw one sample before training, train, then draw what was learnt."""
    training = Training(MLP(2, [16, 16, 1], activation="relu", seed=0), two_moons())
    draw_scalars(training, folder)
    train(training, QUICK if quick else FULL)
    loss, accuracy = objective(training.model, training.samples)
    say(f"after {len(training.losses)} steps: loss {loss.data:.4f}, accuracy {accuracy:.0%} on the {SAMPLES} samples it learnt from")
    draw_training(training, folder)
    return Story("moons", "Two moons: a network learns", _TEXT, _numbers(training, loss, accuracy), (_CARDS, _NEURONS, _REGIONS, _LOSS))


def _numbers(training: Training, loss: Value, accuracy: float) -> tuple[tuple[str, str], ...]:
    return (
        ("parameters", f"{len(training.model.parameters())}"),
        ("steps", f"{len(training.losses)}"),
        ("loss before training", f"{training.losses[0]:.4f}"),
        ("loss after training", f"{loss.data:.4f}"),
        ("accuracy before training", f"{training.accuracies[0]:.0%}"),
        (f"accuracy on the {SAMPLES} samples it learnt from", f"{accuracy:.0%}"),
    )


_TEXT = (
    "A hundred points lie on two crescents. A network with 337 parameters learns which point lies on which, by gradient descent on the "
    "hinge loss of all of them, with a small penalty on large parameters.",
    "The first two pictures show one sample before training, the one that the network gets most wrong: which way, and how much, each "
    "number would move the loss. The last two show what many such steps lead to.",
)
_CARDS = Picture(
    "moons-cards.svg",
    "The graph of one sample's loss. One neuron of the second layer is open and shows each of its products and sums; "
    "the other neurons are closed boxes with their output and gradient.",
    "One neuron is open: sixteen products, their sum, a relu. It is no different inside from any of the closed ones.",
)
_NEURONS = Picture(
    "moons-neurons.svg",
    "The network as columns of neurons: two inputs, two layers of sixteen, one score, the loss. Width and colour of each line "
    "show size and sign of the gradient that flows back through it.",
    "The same sample with all neurons closed. A dashed grey line carries nothing: its neuron is switched off by relu.",
)
_REGIONS = Picture(
    "moons-regions.svg",
    "The plane, coloured by the network's score, blue for one class and orange for the other, with the samples of the two moons on top "
    "and the line between the regions.",
    "What the trained network says about every point; the line is where its score is 0.",
)
_LOSS = Picture("moons-loss.svg", "The loss after each step of training, falling.", "The loss over the steps of gradient descent.")

if __name__ == "__main__":
    run_alone(run, "moons")
