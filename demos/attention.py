"""Attention: a small transformer learns to reverse six digits, another one to sort them.

The network has one block of a transformer: an attention head that lets each position read from
all others, then two layers of neurons for each position alone, both beside a residual connection.
It is given nothing but pairs: six digits, and the same six in another order. Both tasks start from
the same weights.

A matrix shows where the head looks. Its rows are the six answers, the first on top; its columns are
the digits that were given; the darker a square, the more of that digit's value goes into the
answer. To reverse, the place alone decides: after a few epochs the dark squares are the
other diagonal. To sort, what is written there decides, and each answer gathers evidence from many
digits; the neurons after it do the rest.

The sequences that count for the table were held out: none of them was learned from.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

import viz
from demos.gallery import ACROSS, Picture, Story, explored, run_alone, say_all, told
from demos.listing import list_code
from scalargrad import Value, no_grad
from scalargrad.compiler import compile
from scalargrad.losses import cross_entropy
from scalargrad.nn import (
    Attention,
    Embedding,
    Layer,
    PositionEmbedding,
    Residual,
    RMSNorm,
    Sequential,
    TimeDistributed,
)
from scalargrad.optim import Adam, CosineDecay
from scalargrad.training import Callback, Training, fit
from viz.plots import new_axes, plot_grid, save_plot

LENGTH = 6
DIGITS = 10
WIDTH = 16
HELD_OUT = 200
SHOWN = [3, 1, 4, 1, 5, 9]

Sequence = list[int]
Weights = list[list[float]]
Numbers = list[tuple[str, str]]


class Task(NamedTuple):
    """What is to be learned, from how many sequences, and how long."""

    name: str
    answer: Callable[[Sequence], Sequence]
    learned: int
    epochs: int
    watched: tuple[int, ...]


REVERSE = Task("reverse", lambda digits: digits[::-1], 200, 10, (0, 1, 2, 3, 10))
SORT = Task("sort", sorted, 1000, 12, (0, 1, 2, 4, 12))


def draw_sequences(count: int) -> tuple[list[Sequence], list[Sequence]]:
    """Draw different sequences: as many as asked for, and others that are held out."""
    rng = Random(0)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < count + HELD_OUT:
        found[tuple(rng.randrange(DIGITS) for _ in range(LENGTH))] = None
    sequences = [list(digits) for digits in found]
    return sequences[:count], sequences[count:]


def network(seed: int = 0) -> Sequential:
    """Build the network: digits and places, one block, and a score for each digit."""
    attention = Attention(WIDTH, seed=seed + 2)
    hidden = Layer(WIDTH, 2 * WIDTH, seed=seed + 3)
    back = Layer(2 * WIDTH, WIDTH, activation=None, seed=seed + 4)
    return Sequential(
        Embedding(DIGITS, WIDTH, seed=seed),
        PositionEmbedding(LENGTH, WIDTH, seed=seed + 1),
        Residual(TimeDistributed(RMSNorm(WIDTH)), attention),
        Residual(TimeDistributed(RMSNorm(WIDTH), hidden, back)),
        TimeDistributed(Layer(WIDTH, DIGITS, activation=None, seed=seed + 5)),
    )


def look(model: Sequential, digits: Sequence) -> Weights:
    """Return the weight of each digit in each answer: where the head looks."""
    with no_grad():
        return [[weight.data for weight in row] for row in attention_weights(model, digits)]


def attention_weights(model: Sequential, digits: Sequence) -> list[list[Value]]:
    """Return the weights of the attention as Values, from the numbers that the head is given."""
    embedding, positions, block, *_ = model.steps
    norm, attention = block.steps
    with no_grad():
        rows = norm(positions(embedding(digits)))
    numbers = [[value.data for value in row] for row in rows]
    heads: list[list[list[Value]]] = attention(numbers, with_weights=True)[1]
    return heads[0]


class Watcher(Callback):
    """Keeps where the head looks after some of the epochs."""

    def __init__(self, model: Sequential, epochs: tuple[int, ...]) -> None:
        self.model = model
        self.epochs = epochs
        self.seen: dict[int, Weights] = {0: look(model, SHOWN)}

    def on_epoch_end(self, training: Training) -> None:
        if training.epoch in self.epochs:
            self.seen[training.epoch] = look(self.model, SHOWN)


def learn(model: Sequential, task: Task, sequences: list[Sequence]) -> dict[int, Weights]:
    """Train, and return where the head looked after some of the epochs."""
    watcher = Watcher(model, task.watched)
    adam = Adam(model.parameters(), 0.02)
    fit(
        model,
        sequences,
        [task.answer(digits) for digits in sequences],
        loss="cross_entropy",
        optimizer=adam,
        epochs=task.epochs,
        batch_size=20,
        callbacks=[watcher, CosineDecay(adam, task.epochs)],
        seed=0,
        progress=False,
    )
    return watcher.seen


def right(model: Sequential, task: Task, sequences: list[Sequence]) -> int:
    """Count the sequences with every digit of the answer right."""
    program = compile(model, model, inputs=[("token", LENGTH)])
    said = program(np.array(sequences)).argmax(axis=-1)
    asked = np.array([task.answer(digits) for digits in sequences])
    return int((said == asked).all(axis=1).sum())


def draw_look(task: Task, seen: dict[int, Weights], file: Path, alt: str) -> None:
    """Draw where the head looks during training, a matrix for each moment."""
    axes = new_axes(len(seen), width=7.1, height=2.0)
    places = [place + 0.5 for place in range(LENGTH)]
    for ax, (epoch, weights) in zip(axes, seen.items(), strict=True):
        plot_grid(weights, ax)
        ax.set_xticks(places, list(map(str, SHOWN)))
        ax.tick_params(length=0)
        after = "before" if not epoch else f"{epoch} epoch{'s' if epoch > 1 else ''}"
        ax.set_title(after, fontsize="medium")
    axes[0].set_yticks(places, list(map(str, task.answer(SHOWN))))
    save_plot(axes[0], file, f"Where the head looks to {task.name}", alt)


def draw_loss(model: Sequential, folder: Path) -> None:
    """Draw the network and the gradients of its loss for the sequence that is shown."""
    model.zero_grad()
    loss = cross_entropy(model(SHOWN), REVERSE.answer(SHOWN))
    loss.label = "loss"
    loss.backward()
    title = "Six digits through one block, and the gradients of the loss"
    viz.draw(loss, title=title, width=ACROSS).save(folder / _BLOCK.file)


def teach(task: Task, picture: Picture, folder: Path) -> tuple[Sequential, Weights, Numbers]:
    """Let a network learn a task, and draw where its head looks.

    Returns:
        The network, where its head looks in the end, and the numbers of the story.
    """
    learned, held_out = draw_sequences(task.learned)
    model = network()
    before = right(model, task, held_out)
    seen = learn(model, task, learned)
    draw_look(task, seen, folder / picture.file, picture.alt)
    numbers = [
        (f"sequences to learn to {task.name} from", f"{task.learned}, {task.epochs} times"),
        (f"held out, {task.name}, before", f"{before} of {HELD_OUT} right"),
        (f"held out, {task.name}, after", f"{right(model, task, held_out)} of {HELD_OUT} right"),
    ]
    return model, seen[task.epochs], numbers


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Learn both tasks, and draw where the heads look.

    Compiled it takes seconds: quick and full are the same.
    """
    model, weights, numbers = teach(REVERSE, _REVERSE, folder)
    mirrored = [row[-1 - i] for i, row in enumerate(weights)]
    least = "reversing, least weight of the right digit"
    numbers.append((least, f"{min(mirrored):.3f}"))
    numbers += teach(SORT, _SORT, folder)[2]
    numbers.append(("parameters", f"{len(model.parameters()):,}"))
    say_all(numbers)

    draw_loss(model, folder)
    weight = attention_weights(model, SHOWN)[0][-1]
    model.zero_grad()
    weight.backward()
    title = "how the first answer finds the last digit"
    page = explored(weight, folder / "attention-explore.html", title, level="blocks")
    return Story(
        "attention",
        "Attention: where a transformer looks",
        told(__doc__),
        tuple(numbers),
        (_REVERSE, _SORT, _BLOCK),
        (page,),
        list_code(network, look),
    )


_REVERSE = Picture(
    "attention-reverse.svg",
    "Five squares of six by six in shades of gray: even at first, and at the end a dark diagonal "
    "from the lower left to the upper right.",
    "To reverse 314159: each answer looks at one place, the first at the last, as the diagonal "
    "says.",
)
_SORT = Picture(
    "attention-sort.svg",
    "Five squares of six by six in shades of gray, which become uneven: darker in the columns of "
    "digits that decide.",
    "To sort them: what is written decides, not where. Each answer reads from several digits.",
)
_BLOCK = Picture(
    "attention-block.svg",
    "The layers of the transformer from left to right, with the weights and gradients of each.",
    "The whole network after training, with the gradients of the loss for one sequence.",
)

if __name__ == "__main__":
    run_alone(run, "attention")
