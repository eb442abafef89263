"""Two moons: a 2-16-16-1 network learns to tell two crescents apart.

Data, network, hinge loss, penalty and learning rate follow micrograd's demo.
"""

from pathlib import Path

import viz
from demos.gallery import (
    ACROSS,
    BESIDE,
    Explorer,
    Picture,
    Story,
    explored,
    in_training,
    run_alone,
    say,
)
from demos.learning import learning_svg, watch_training
from demos.listing import list_code
from scalargrad import Value, no_grad
from scalargrad.data import StandardScaler, moons
from scalargrad.losses import hinge
from scalargrad.nn import MLP
from scalargrad.optim import SGD, Adam, CosineDecay, l2
from scalargrad.training import Callback, History, Recorder, fit
from scalargrad.utils.files import write
from viz.plots import new_axes, plot_loss, plot_regions, save_plot

SAMPLES = 100
NOISE = 0.1
PENALTY = 1e-4
STEPS = 100
FRAMES = 40
"""Maximum number of training steps in the page to explore."""

Samples = tuple[list[list[float]], list[float]]


def two_moons(seed: int = 1) -> Samples:
    """Return 100 points on two crescents and their labels, -1 or 1."""
    points, labels = moons(SAMPLES, NOISE, seed)

    # Hinge loss multiplies score and label, so the classes 0 and 1 become -1 and 1.
    return points.tolist(), (2.0 * labels - 1.0).tolist()


def train(model: MLP, samples: Samples, steps: int, *callbacks: Callback) -> History:
    """Train by gradient descent on all samples at once; the learning rate falls from 1.0 to 0.1."""
    # Large steps at first, small ones to settle: the end points of the rate are micrograd's.
    optimizer = SGD(model.parameters(), 1.0)
    decay = CosineDecay(optimizer, steps, min_lr=0.1)

    return fit(
        model,
        *samples,
        loss=hinge,
        optimizer=optimizer,
        epochs=steps,
        batch_size=None,
        penalty=lambda model: l2(model.parameters(), PENALTY),
        metrics="accuracy",
        callbacks=[decay, *callbacks],
    )


def least_sure(model: MLP, samples: Samples) -> tuple[list[float], float]:
    """Return the sample with the smallest margin: the most wrong one, if any is wrong."""

    def margin(sample: tuple[list[float], float]) -> float:
        point, label = sample
        return float(label * model(point).data)

    with no_grad():
        return min(zip(*samples, strict=True), key=margin)


def one_sample(model: MLP, samples: Samples) -> tuple[Value, str]:
    """Compute the loss of the least sure sample, with gradients.

    Returns:
        The loss, and the path of the neuron in the second layer with the steepest bias.
    """
    # A margin above 1 has no hinge loss: with any surer sample all gradients might be zero.
    point, label = least_sure(model, samples)

    model.zero_grad()
    score = model([Value(x, label=f"x{i}") for i, x in enumerate(point)])
    score.label = "score"
    loss: Value = hinge(score, label)
    loss.label = "loss"
    loss.backward()

    # The steepest bias, because a neuron switched off by relu would show zeros only.
    slopes = [abs(neuron.bias.grad) for neuron in model.layers[1].neurons]
    return loss, f"layers.1.neurons.{slopes.index(max(slopes))}"


def open_neuron(model: MLP, samples: Samples, path: str) -> Value:
    """Compute one neuron of the second layer alone, for the least sure sample.

    Its gradients are those of the sample's loss, which `one_sample` has left in the model.
    """
    neuron = model.layers[1].neurons[int(path.rpartition(".")[2])]
    # The neuron is on, so that its relu passes on to the bias just what its output gets.
    gradient = neuron.bias.grad
    point, _ = least_sure(model, samples)
    with no_grad():
        numbers = [output.data for output in model.layers[0](point)]

    neuron.zero_grad()
    output: Value = neuron([Value(x, label=f"h{i}") for i, x in enumerate(numbers)])
    output.label = "output"
    output.backward(gradient)
    return output


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Draw one sample before training, train, then draw what was learned.

    Compiled it takes a second: quick and full are the same.
    """
    model = MLP(2, [16, 16, 1], activation="relu", seed=0)
    samples = two_moons()
    loss, path = one_sample(model, samples)
    neuron = open_neuron(model, samples, path)
    title = f"One open neuron: {path}"
    opened = viz.draw(neuron, level="cards", expand="*", title=title, width=BESIDE)
    opened.save(folder / _OPENED.file)
    neurons = viz.draw(
        loss, level="neurons", title="The same sample, the network as neurons", width=ACROSS
    )
    neurons.save(folder / _NEURONS.file)

    # The sample is fixed here: the least sure one of the untrained network, at every step.
    recorder = Recorder(*least_sure(model, samples), hinge, most=FRAMES)
    history = train(model, samples, STEPS, recorder)
    page = folder / "moons-explore.html"
    explorer = explored(recorder.recording, page, "one sample while the network learns")
    say(
        f"step {history.epochs}: loss {history['loss'][-1]:.4f}, accuracy "
        f"{history['accuracy'][-1]:.0%} on the {SAMPLES} samples"
    )

    (ax,) = new_axes(width=5.6, height=3.8)
    plot_regions(model, *samples, ax)
    save_plot(ax, folder / _REGIONS.file, "Decision regions", _REGIONS.alt)
    (ax,) = new_axes(width=5.6, height=3.8)
    plot_loss(history.steps, ax)
    save_plot(ax, folder / _LOSS.file, "Loss curve", _LOSS.alt)

    numbers = (
        ("parameters", f"{len(model.parameters())}"),
        ("steps", f"{history.epochs}"),
        *_numbers(history),
    )
    return Story(
        "moons",
        "Two moons: a network learns",
        _TEXT,
        numbers,
        (_OPENED, _NEURONS, _REGIONS, _LOSS, _LEARNING),
        (explorer, _draw_learning(samples, folder)),
        code=list_code(train),
    )


def small_network() -> MLP:
    """Build a network that is small enough to see each of its neurons."""
    return MLP(2, [6, 4, 1], activation="tanh", seed=3)


def _draw_learning(samples: Samples, folder: Path) -> Explorer:
    """Save a film of the small network while it learns, and a page in which it does so itself."""
    points, labels = samples
    # Coordinates of about one let it learn in a few seconds.
    scaled = StandardScaler().fit(points).transform(points)
    model = small_network()
    rule = Adam(model.parameters(), 0.03)
    found = watch_training(model, scaled, labels, loss="mse", optimizer=rule, batch_size=20, seed=0)
    film = learning_svg(found, scaled, labels, "A network learns two moons", _LEARNING.alt)
    write(folder / _LEARNING.file, film)
    fresh = small_network()
    return in_training(
        fresh,
        (scaled, labels),
        folder / "moons-train.html",
        "Two moons",
        optimizer=Adam(fresh.parameters(), 0.03),
        batch_size=20,
    )


def _numbers(history: History) -> list[tuple[str, str]]:
    losses = history["loss"]
    accuracies = history["accuracy"]
    return [
        ("loss in the first step", f"{losses[0]:.4f}"),
        ("loss in the last step", f"{losses[-1]:.4f}"),
        ("accuracy in the first step", f"{accuracies[0]:.0%}"),
        ("accuracy in the last step", f"{accuracies[-1]:.0%}"),
    ]


_TEXT = (
    "A hundred points lie on two crescents. A network with 337 parameters learns which point lies "
    "on which, by gradient descent on the hinge loss of all of them, with a small penalty on "
    "large parameters.",
    "The first two pictures show one sample before training, the one that the network gets most "
    "wrong: which way, and how much, each number would move the loss. The next two show what many "
    "such steps lead to.",
)
_OPENED = Picture(
    "moons-opened.svg",
    "One neuron of the second layer, open: a table with a row for each of sixteen inputs, its "
    "weight, their product and the gradient of the weight, then the bias, the sum and the relu.",
    "One neuron is open: sixteen products, their sum, a relu. It is no different inside from any "
    "of the others, which the next picture shows closed.",
)
_NEURONS = Picture(
    "moons-neurons.svg",
    "The network as columns of neurons: two inputs, two layers of sixteen, one score, the loss. "
    "Width and color of each line show size and sign of the gradient that flows back through it.",
    "The same sample with all neurons closed. A dashed gray line carries nothing: its neuron is "
    "switched off by relu.",
)
_REGIONS = Picture(
    "moons-regions.svg",
    "The plane, colored by the network's score, blue for one class and orange for the other, with "
    "the samples of the two moons on top and the line between the regions.",
    "What the trained network says about every point; the line is where its score is 0.",
)
_LOSS = Picture(
    "moons-loss.svg",
    "The loss after each step of training, falling, with jumps among the first steps.",
    "The loss and its penalty over the steps of gradient descent. At the full learning rate some "
    "of the first steps are too long, and the loss jumps up.",
)
_LEARNING = Picture(
    "moons-learning.svg",
    "A film of a small network while it learns: in each neuron a map of what it says of the plane, "
    "lines for the weights, the border between the two moons, and the falling loss.",
    "The same points, and a network small enough to see all of it: the hidden neurons find their "
    "lines, the next ones fold them. Open the page that trains to do it yourself.",
    is_front=True,
)

if __name__ == "__main__":
    run_alone(run, "moons")
