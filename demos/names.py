"""Names: a network that has read 320 first names guesses the next letter, and makes up names of its own."""

from collections import Counter
from math import exp, log
from pathlib import Path
from random import Random

import viz
from demos.gallery import Picture, Story, explored, run_alone, say_all
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
HELD_OUT = 80
SHOWN = 7
FULL = (320, 7)
QUICK = (40, 2)
"""How many names are learned from, and how often."""
PREFIXES = ("", "m", "mar", "eli")


def names() -> list[str]:
    """All names, in an order that is always the same: the last 80 are held out."""
    found = FILE.read_text(encoding="utf-8").split()[1:]
    Random(0).shuffle(found)
    return found


def context(text: str) -> list[int]:
    """The numbers of the last three letters, with dots before the beginning."""
    return [LETTERS.index(letter) for letter in ("." * SEEN + text)[-SEEN:]]


def samples(words: list[str]) -> list[tuple[list[int], int]]:
    """For each letter of each word, and for the dot at its end, the three before it and its number."""
    return [
        (context(word[:i]), LETTERS.index(letter))
        for word in words
        for i, letter in enumerate(word + ".")
    ]


def network() -> Sequential:
    """Three letters, four numbers for each, twelve neurons, and a score for each letter that may follow."""
    hidden = Layer(SEEN * 4, 12, activation="tanh", initializer="xavier", seed=1)
    return Sequential(
        Embedding(27, 4, seed=0),
        Flatten(),
        hidden,
        Layer(12, 27, activation=None, initializer="xavier", seed=2),
    )


def train(model: Module, data: list[tuple[list[int], int]], epochs: int) -> None:
    """Adam on the cross-entropy of the next letter, its rate falling to 0 along a cosine."""
    adam, (inputs, targets) = Adam(model.parameters(), 0.015), map(list, zip(*data, strict=True))
    fit(
        model,
        inputs,
        targets,
        loss="cross_entropy",
        optimizer=adam,
        epochs=epochs,
        batch_size=8,
        callbacks=[CosineDecay(adam, epochs)],
    )


def mean_loss(model: Module, data: list[tuple[list[int], int]]) -> float:
    """The mean of -log of the probability that the model gives to the letter that came."""
    with no_grad():
        return float(
            sum(cross_entropy(model(letters), target).data for letters, target in data)
        ) / len(data)


def predicted(model: Module, text: str, letter: str) -> Value:
    """How much of a surprise the letter is after the text, with the gradient of that."""
    scores = model(context(text))
    for score, name in zip(scores, NAMED, strict=True):
        score.label = name
    loss: Value = cross_entropy(scores, LETTERS.index(letter))
    loss.label = "loss"
    model.zero_grad()
    loss.backward()
    return loss


def count_loss(learned: list[str], words: list[str], extra: float) -> float:
    """The mean loss of counting which letter follows which, each pair seen `extra` times more than it was."""
    pairs = Counter(pair for word in learned for pair in zip("." + word, word + ".", strict=True))
    before = Counter(letter for word in learned for letter in "." + word)
    asked = [pair for word in words for pair in zip("." + word, word + ".", strict=True)]
    return -sum(
        log((pairs[pair] + extra) / (before[pair[0]] + extra * len(LETTERS))) for pair in asked
    ) / len(asked)


def probabilities(model: Module, text: str) -> list[float]:
    """How likely the model thinks that each letter comes next, the dot first."""
    with no_grad():
        return [share.data for share in softmax(model(context(text)))]


def invent(model: Module, rng: Random) -> str:
    """A name, letter by letter, each drawn with its probability, until the dot."""
    text = ""
    while len(text) < LONGEST and not text.endswith("."):
        text += rng.choices(LETTERS, probabilities(model, text))[0]
    return text.rstrip(".")


def draw_probabilities(model: Module, folder: Path) -> None:
    """The likeliest letters after some beginnings."""
    shares = {
        prefix: dict(zip(NAMED, probabilities(model, prefix), strict=True)) for prefix in PREFIXES
    }
    longest = max(max(bars.values()) for bars in shares.values())
    for ax, (prefix, bars) in zip(
        axes := new_axes(len(PREFIXES), width=10.0, height=3.0), shares.items(), strict=True
    ):
        likely = sorted(bars, key=lambda letter: -bars[letter])[:SHOWN]
        plot_bars(
            {letter: bars[letter] for letter in likely},
            ax,
            texts=[f"{bars[letter]:.0%}" for letter in likely],
        )
        ax.set(
            title=f"after “{prefix}”" if prefix else "first letter",
            xlim=(0.0, 1.2 * longest),
            xticks=[],
        )
    save_plot(axes[0], folder / _BARS.file, "The next letter", _BARS.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Train on most of the names, measure on the others, invent a few."""
    (count, epochs), words, model = QUICK if quick else FULL, names(), network()
    learned = words[:count]
    held_out = words[-HELD_OUT:]
    train(model, samples(learned), epochs)
    counted = min(count_loss(learned, held_out, extra) for extra in (0.1, 0.2, 0.5, 1.0))
    losses = {
        "guessing": log(len(LETTERS)),
        "counting pairs": counted,
        "network": mean_loss(model, samples(held_out)),
    }
    rng = Random(1)
    invented = [
        name
        for name in (invent(model, rng) for _ in range(30))
        if len(name) > 2 and name not in words
    ][:8]
    draw_probabilities(model, folder)
    surprise = predicted(model, "mar", "i")
    explorer = explored(surprise, folder / "names-explore.html", "after “mar” comes “i”")
    viz.draw(surprise, level="neurons", title="After “mar” comes “i”").save(folder / _NEURONS.file)
    numbers = [
        ("names learned from", f"{count}, {epochs} times each"),
        ("parameters", f"{len(model.parameters())}"),
    ]
    numbers += [
        (f"mean loss, {who}", f"{loss:.3f}, like choosing among {exp(loss):.1f} letters")
        for who, loss in losses.items()
    ]
    numbers += [
        ("names held out", f"{HELD_OUT}"),
        ("invented, none of them in the list", ", ".join(invented)),
    ]
    say_all(numbers)
    return Story(
        "names",
        "Names: one letter after the other",
        _TEXT,
        tuple(numbers),
        (_BARS, _NEURONS),
        (explorer,),
    )


_TEXT = (
    "The 400 most frequent first names of women in the US census of 1990: a network sees three "
    "letters and says what comes next.",
    "The loss is the mean of −log of the probability of the letter that came, on names not read. "
    "Counting has the smoothing it likes best.",
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
