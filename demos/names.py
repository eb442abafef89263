"""Names: a network that has read 320 first names guesses the next letter and invents names."""

from collections import Counter
from math import exp, log
from pathlib import Path
from random import Random

import viz
from demos.gallery import BESIDE, Picture, Story, explored, run_alone, say_all
from demos.listing import list_code
from scalargrad import Value, no_grad, softmax
from scalargrad.losses import cross_entropy
from scalargrad.nn import Embedding, Flatten, Layer, Module, Sequential
from scalargrad.optim import Adam, CosineDecay
from scalargrad.training import fit
from viz.plots import new_axes, plot_bars, save_plot

FILE = Path(__file__).with_name("data") / "names.csv"
"""The 400 most frequent first names of women in the census of the United States of 1990."""
LETTERS = ".abcdefghijklmnopqrstuvwxyz"
"""The dot stands before and after every name."""
NAMED = ["end", *LETTERS[1:]]
SEEN = 3
LONGEST = 12
LEARNED = 320
HELD_OUT = 80
SHOWN = 7
EPOCHS = 7
FULL = 10
QUICK = 3
"""Networks that are trained, each with other weights to begin with."""
PREFIXES = ("", "m", "mar", "eli")


def names() -> list[str]:
    """Return all names, always in the same order: the last 80 are held out."""
    # The first line of the file is its heading. The names are sorted by frequency: without
    # shuffling, the rarest ones alone would be held out.
    found = FILE.read_text(encoding="utf-8").split()[1:]
    Random(0).shuffle(found)
    return found


def context(text: str) -> list[int]:
    """Return the numbers of the last three letters, padded with dots at the start."""
    return [LETTERS.index(letter) for letter in ("." * SEEN + text)[-SEEN:]]


def samples(words: list[str]) -> list[tuple[list[int], int]]:
    """Make a sample of each letter, and of the dot at the end: three letters, and the next one."""
    found = []
    for word in words:
        for i, letter in enumerate(word + "."):
            found.append((context(word[:i]), LETTERS.index(letter)))
    return found


def network(seed: int = 0) -> Sequential:
    """Build the network: three letters, four numbers each, twelve neurons, a score per letter."""
    hidden = Layer(SEEN * 4, 12, activation="tanh", initializer="xavier", seed=seed + 1)
    last = Layer(12, 27, activation=None, initializer="xavier", seed=seed + 2)
    return Sequential(Embedding(27, 4, seed=seed), Flatten(), hidden, last)


def train(model: Sequential, data: list[tuple[list[int], int]], epochs: int) -> None:
    """Train by Adam on the cross-entropy of the next letter; the rate falls to 0 along a cosine."""
    letters, targets = zip(*data, strict=True)
    adam = Adam(model.parameters(), 0.015)
    fit(
        model,
        letters,
        targets,
        loss="cross_entropy",
        optimizer=adam,
        epochs=epochs,
        batch_size=8,
        callbacks=[CosineDecay(adam, epochs)],
        progress=False,
    )


def mean_loss(model: Module, data: list[tuple[list[int], int]]) -> float:
    """Return the mean of −log of the probability that the model gives to the letter that came."""
    with no_grad():
        losses = [cross_entropy(model(letters), target).data for letters, target in data]
    return float(sum(losses)) / len(data)


def predicted(model: Module, text: str, letter: str) -> Value:
    """Compute how much of a surprise the letter is after the text, with gradients."""
    scores = model(context(text))
    for score, name in zip(scores, NAMED, strict=True):
        score.label = name
    loss: Value = cross_entropy(scores, LETTERS.index(letter))
    loss.label = "loss"

    # The training has left gradients behind, and `backward` adds to them.
    model.zero_grad()
    loss.backward()
    return loss


def count_loss(learned: list[str], words: list[str], extra: float) -> float:
    """Return the mean loss of counting which letter follows which.

    Args:
        learned: Words to count in.
        words: Words to measure the loss on.
        extra: Added to the count of each pair (additive smoothing), because one pair that was
            never counted would make the loss infinite.
    """
    pairs = Counter(letter_pairs(learned))
    before = Counter(first for first, _ in letter_pairs(learned))
    asked = letter_pairs(words)

    logs = []
    for first, second in asked:
        count = pairs[first, second] + extra
        total = before[first] + extra * len(LETTERS)
        logs.append(log(count / total))
    return -sum(logs) / len(asked)


def letter_pairs(words: list[str]) -> list[tuple[str, str]]:
    """Return each letter with the next one, the dots at both ends included."""
    found: list[tuple[str, str]] = []
    for word in words:
        found += zip("." + word, word + ".", strict=True)
    return found


def probabilities(model: Module, text: str) -> list[float]:
    """Return the probability of each letter to come next, the dot first."""
    with no_grad():
        return [share.data for share in softmax(model(context(text)))]


def invent(model: Module, rng: Random) -> str:
    """Invent a name, letter by letter, each drawn with its probability, until the dot."""
    text = ""
    # A network that has learned little may never say the dot.
    while len(text) < LONGEST and not text.endswith("."):
        text += rng.choices(LETTERS, probabilities(model, text))[0]
    return text.rstrip(".")


def draw_probabilities(model: Module, folder: Path) -> None:
    """Draw the likeliest letters after some prefixes."""
    shares = [probabilities(model, prefix) for prefix in PREFIXES]
    # All panels have one scale, with a little space for the numbers behind the longest bar.
    limits = (0.0, 1.2 * max(map(max, shares)))

    axes = new_axes(len(PREFIXES), width=7.1, height=3.0)
    for ax, prefix, row in zip(axes, PREFIXES, shares, strict=True):
        ranked = sorted(zip(NAMED, row, strict=True), key=lambda pair: -pair[1])
        bars = dict(ranked[:SHOWN])
        plot_bars(bars, ax, texts=[f"{share:.0%}" for share in bars.values()])
        title = f"after “{prefix}”" if prefix else "first letter"
        ax.set(title=title, xlim=limits, xticks=[])
    save_plot(axes[0], folder / _BARS.file, "The next letter", _BARS.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Train on most of the names, measure on the others, invent a few."""
    words = names()
    learned = words[:LEARNED]
    held_out = words[-HELD_OUT:]
    asked = samples(held_out)
    models = [network(seed) for seed in range(QUICK if quick else FULL)]
    for model in models:
        train(model, samples(learned), EPOCHS)

    # The rival of the network: counting with the smoothing that suits the held-out names best.
    counted = min(count_loss(learned, held_out, extra) for extra in (0.1, 0.2, 0.5, 1.0))
    found = [mean_loss(model, asked) for model in models]
    better = sum(loss < counted for loss in found)
    model = models[0]
    losses = {"guessing": log(len(LETTERS)), "counting pairs": counted, "network": found[0]}

    # Names from the list would be remembered, not invented.
    rng = Random(1)
    tried = [invent(model, rng) for _ in range(30)]
    invented = [name for name in tried if len(name) > 2 and name not in words]

    draw_probabilities(model, folder)
    surprise = predicted(model, "mar", "i")
    explorer = explored(surprise, folder / "names-explore.html", "after “mar” comes “i”")
    viz.draw(surprise, level="neurons", title="After “mar” comes “i”", width=BESIDE).save(
        folder / _NEURONS.file
    )

    numbers = [
        ("names learned from", f"{LEARNED}, {EPOCHS} times each"),
        ("names held out", f"{HELD_OUT}"),
        ("parameters", f"{len(model.parameters())}"),
    ]
    numbers += [
        (f"mean loss, {who}", f"{loss:.3f}, like choosing among {exp(loss):.1f} letters")
        for who, loss in losses.items()
    ]
    numbers += [
        ("seeds with which the network beats counting", f"{better} of {len(models)}"),
        ("invented, none of them in the list", ", ".join(invented[:8])),
    ]
    say_all(numbers)
    return Story(
        "names",
        "Names: one letter after the other",
        _TEXT,
        tuple(numbers),
        (_BARS, _NEURONS),
        (explorer,),
        list_code(network, predicted),
    )


_TEXT = (
    "The 400 most frequent first names of women in the US census of 1990: a network sees three "
    "letters and says what comes next.",
    "Text needs no other model. Each letter becomes a row of 27 numbers, a single 1 among zeros, "
    "and a layer turns it into four. Multiplying by zeros is idle, so an embedding looks up the "
    "weights behind the 1 instead: the same numbers. After that there are neurons as ever, "
    "Σ w·x + b and a bend. Compiled, as the training here is, it looks up the weights of a whole "
    "batch at once.",
    "The loss is the mean of −log of the probability of the letter that came, on names not read. "
    "The rival counts which letter follows which, with the smoothing it likes best. The network "
    "does better; it sees three letters where counting sees one.",
)
_BARS = Picture(
    "names-letters.svg",
    "Bars for the probabilities of the seven likeliest letters, as the first of a name and after "
    "m, mar and eli.",
    "What the network expects at the beginning, and after “m”, “mar” and “eli”.",
)
_NEURONS = Picture(
    "names-neurons.svg",
    "The network as columns: twelve hidden neurons, the scores of the letters, and the loss, with "
    "gradients on the lines.",
    "One prediction and its gradient: a higher score of “i” would lower the loss (orange), a "
    "higher score of another raise it (blue).",
)

if __name__ == "__main__":
    run_alone(run, "names")
