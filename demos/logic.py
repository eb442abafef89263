"""Logic: networks of a few neurons learn whole truth tables.

The tables are xor, the parity of several bits, and which of two numbers is greater.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import viz
from demos.gallery import BESIDE, Picture, Story, decimals, explored, in_training, run_alone, say
from demos.listing import list_code
from scalargrad import no_grad
from scalargrad.data import comparator, parity, xor
from scalargrad.data.logic import Table
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import MLP
from scalargrad.optim import Adam
from scalargrad.training import Callback, Recorder, Recording, Training, fit
from viz.plots import new_axes, plot_regions, save_plot

EPOCHS = 200
RATE = 0.1
LEARNED = 0.05
"""Maximum number of epochs, learning rate, and mean loss below which a table is learned."""
SEEDS = 10
"""Seeds that each network is tried with: not every start leads to a full table."""


@dataclass(frozen=True)
class Lesson:
    """A truth table: inputs of ±1, answers of 0 and 1, and sizes of the hidden layers."""

    name: str
    rows: list[list[float]]
    answers: list[int]
    hidden: tuple[int, ...]

    @classmethod
    def of(cls, name: str, table: Table, *hidden: int) -> "Lesson":
        """Make a lesson from a table of `scalargrad.data`."""
        bits, answers = table
        # Bits of 0 would switch off the weights that they are multiplied by.
        rows = (2.0 * bits - 1.0).tolist()
        return cls(name, rows, answers.tolist(), hidden)


class StopWhenLearned(Callback):
    """A callback that ends training as soon as its loss is small enough."""

    def on_epoch_end(self, training: Training) -> None:
        if training.history.last()["loss"] < LEARNED:
            training.stop("learned")


def lessons() -> list[Lesson]:
    """Return the tables, each with its hidden neurons."""
    # A comparator is linear, so it needs no hidden neurons; xor and parity are not.
    return [
        Lesson.of("xor", xor(), 3),
        Lesson.of("parity of 3 bits", parity(3), 4),
        Lesson.of("parity of 4 bits", parity(4), 8),
        Lesson.of("parity of 5 bits", parity(5), 8),
        Lesson.of("2-bit comparator", comparator(2)),
        Lesson.of("3-bit comparator", comparator(3)),
    ]


def learn(lesson: Lesson, seed: int) -> tuple[MLP, int, Recording]:
    """Train a network until it knows the table, or for 200 epochs.

    Returns:
        The network, the number of epochs, and a recording of the third row.
    """
    inputs = len(lesson.rows[0])
    sizes = [*lesson.hidden, 1]
    model = MLP(inputs, sizes, activation="tanh", initializer="xavier", seed=seed)

    # The third row of xor is (1, 0): its bits differ, so the answer has to be 1.
    recorder = Recorder(lesson.rows[2], lesson.answers[2], cross_entropy, every=2)
    history = fit(
        model,
        lesson.rows,
        lesson.answers,
        loss=cross_entropy,
        optimizer=Adam(model.parameters(), RATE),
        epochs=EPOCHS,
        batch_size=None,
        callbacks=[StopWhenLearned(), recorder],
        progress=False,
    )
    return model, history.epochs, recorder.recording


def right(model: MLP, lesson: Lesson) -> int:
    """Count the rows of the table with the right answer: above 0 for 1, below for 0."""
    with no_grad():
        said = [model(row).data > 0.0 for row in lesson.rows]

    pairs = zip(said, lesson.answers, strict=True)
    return sum(positive == (answer == 1) for positive, answer in pairs)


def study(lesson: Lesson, seeds: int = SEEDS) -> tuple[MLP, Recording, str]:
    """Learn a table with several seeds.

    Returns:
        The best network, the recording of its training, and a summary of all seeds.
    """
    tried = [learn(lesson, seed) for seed in range(seeds)]
    scores = [right(model, lesson) for model, *_ in tried]
    best = max(scores)
    model, epochs, recording = tried[scores.index(best)]

    rows = len(lesson.rows)
    whole = scores.count(rows)
    shape = "-".join(str(size) for size in (len(lesson.rows[0]), *lesson.hidden, 1))
    summary = (
        f"{shape}: {best} of {rows} rows after {epochs} epochs; "
        f"all rows with {whole} of {seeds} seeds"
    )
    say(f"{lesson.name:17} {summary}")
    return model, recording, summary


def draw_xor(model: MLP, lesson: Lesson, folder: Path) -> None:
    """Draw the network on the row (1, 0) with gradients, and its answer everywhere in the plane."""
    # The last step of training has left its gradients behind, and `backward` adds to them.
    model.zero_grad()
    loss = cross_entropy(model(lesson.rows[2]), lesson.answers[2])
    loss.label = "loss"
    loss.backward()
    viz.draw(loss, level="neurons", title="xor of 1 and 0", width=BESIDE).save(
        folder / _NETWORK.file
    )

    (ax,) = new_axes(width=5.2, height=4.4)
    signs = [2.0 * answer - 1.0 for answer in lesson.answers]
    plot_regions(model, lesson.rows, signs, ax)
    save_plot(ax, folder / _PLANE.file, "The plane of xor", _PLANE.alt)


def multiples(model: MLP) -> Sequence[str]:
    """Return the weights of the comparator's neuron in multiples of the smallest weight."""
    # Only the ratios say something: cross-entropy makes all weights grow as long as it falls.
    weights = [weight.data for weight in model.layers[0].neurons[0].weights]
    smallest = min(abs(weight) for weight in weights)
    return [decimals(weight / smallest)[:-2] for weight in weights]


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Learn each table with several seeds; draw xor; look into the comparator.

    Compiled it takes seconds: quick and full are the same.
    """
    found = {lesson.name: (lesson, *study(lesson)) for lesson in lessons()}

    lesson, model, recording, _ = found["xor"]
    explorer = explored(recording, folder / "logic-explore.html", "how xor of 1 and 0 was learned")
    draw_xor(model, lesson, folder)
    untrained = MLP(2, [3, 1], activation="tanh", initializer="xavier", seed=0)
    page = in_training(
        untrained,
        (lesson.rows, lesson.answers),
        folder / "logic-train.html",
        "Three neurons learn xor",
        loss=cross_entropy,
        optimizer=Adam(untrained.parameters(), RATE),
    )

    _, subtractor, _, _ = found["3-bit comparator"]
    weights = ", ".join(multiples(subtractor))
    say(f"the weights of the one neuron that compares, in multiples of the smallest: {weights}")
    numbers = [(name, text) for name, (*_, text) in found.items()]
    numbers += [("weights of the 3-bit comparator, in multiples of the smallest", weights)]
    return Story(
        "logic",
        "Logic: truth tables learned by heart",
        _TEXT,
        tuple(numbers),
        (_NETWORK, _PLANE),
        (explorer, page),
        list_code(learn),
    )


_TEXT = (
    "A gate is a function of a few bits, and its truth table holds all that there is to know. "
    "Each network sees the whole table in every step: bits as −1 and 1, tanh in the hidden "
    "neurons, cross-entropy on the answer, Adam at 0.1.",
    "No straight line parts the answers of xor, so that one neuron can't do it: hidden ones fold "
    "the plane first. Parity is xor of many bits: each of them turns the answer over. Not every "
    "beginning leads there, and the table says with how many seeds it did.",
    "To see which of two numbers is greater one neuron is enough. Nobody told it about powers of "
    "two, yet its weights come out near 4, 2, 1 for the one number and −4, −2, −1 for the other: "
    "it subtracts.",
)
_NETWORK = Picture(
    "logic-network.svg",
    "The trained xor network as columns: two inputs, hidden neurons, the answer and its loss; "
    "lines colored by their gradient.",
    "xor of 1 and 0, after training. Each hidden neuron has drawn its own line; the last one "
    "combines them.",
)
_PLANE = Picture(
    "logic-plane.svg",
    "The plane of the two inputs, colored by the answer of the network, with the four rows of the "
    "table and the border where it is 0.",
    "What it says between the rows: blue where the bits are taken to differ, orange where they "
    "are taken to be equal. One straight border would not do.",
)

if __name__ == "__main__":
    run_alone(run, "logic")
