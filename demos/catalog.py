"""The order of the gallery: groups of demos, from the easiest on, and what each one's card shows.

A cover is a part of a picture, chosen by hand, that can be read at the size of a card.
"""

from typing import NamedTuple

RATIO = 1.5
"""Width of a cover over its height."""


class Cover(NamedTuple):
    """A part of a picture, in the units of its viewBox."""

    file: str
    left: float
    top: float
    width: float

    @property
    def height(self) -> float:
        """The height of the part: all covers have one shape."""
        return self.width / RATIO


class Card(NamedTuple):
    """What the first page says about a demo."""

    title: str
    line: str
    cover: Cover


class Group(NamedTuple):
    """Demos of about the same difficulty, by their names."""

    title: str
    line: str
    cards: dict[str, Card]


GROUPS = (
    Group(
        "First steps",
        "What a gradient is, and how far it carries.",
        {
            "neuron": Card(
                "One neuron",
                "The chain rule, factor by factor",
                Cover("neuron-cards.svg", 10.0, 40.0, 290.0),
            ),
            "lines": Card(
                "From lines to curves",
                "Least squares and the network agree",
                Cover("lines-fits.svg", 268.0, 60.0, 240.0),
            ),
            "curves": Card(
                "Any curve",
                "Simple pieces make complicated functions",
                Cover("curves-film.svg", 60.0, 40.0, 300.0),
            ),
            "descent": Card(
                "Three ways down",
                "All samples at once, ten, or one",
                Cover("descent-paths.svg", 278.0, 20.0, 215.0),
            ),
            "logic": Card(
                "Logic", "xor needs a hidden layer", Cover("logic-plane.svg", 60.0, 40.0, 260.0)
            ),
        },
    ),
    Group(
        "Networks",
        "Real data, learned one scalar at a time.",
        {
            "moons": Card(
                "Two moons",
                "337 parameters find the border",
                Cover("moons-regions.svg", 50.0, 8.0, 320.0),
            ),
            "quadrants": Card(
                "Four quadrants",
                "Softmax, and four points to learn from",
                Cover("quadrants-regions.svg", 450.0, 100.0, 280.0),
            ),
            "digits": Card(
                "Handwritten digits",
                "Why one of them was misread",
                Cover("digits-pixels.svg", 20.0, 18.0, 350.0),
            ),
            "convolution": Card(
                "A convolution",
                "The same eyes at every place",
                Cover("convolution-filters.svg", 0.0, 0.0, 183.0),
            ),
            "houses": Card(
                "House prices",
                "Four scalars beat the line",
                Cover("houses-prices.svg", 120.0, 80.0, 200.0),
            ),
        },
    ),
    Group(
        "When it goes wrong",
        "Nothing fails loudly. Here is where to look.",
        {
            "doctor": Card(
                "The doctor",
                "Which unit is dead, and by which number",
                Cover("doctor-hasty.svg", 400.0, 90.0, 300.0),
            ),
            "sparrow": Card(
                "The sparrow network",
                "Why it explodes, and what stops it",
                Cover("sparrow-last.svg", 0.0, 90.0, 330.0),
            ),
            "overfitting": Card(
                "Overfitting, and its cures",
                "Thirty points learned by heart",
                Cover("overfitting-regions.svg", 45.0, 20.0, 215.0),
            ),
            "hundred": Card(
                "A hundred steps",
                "One answer to every picture",
                Cover("hundred-answers.svg", 410.0, 0.0, 190.0),
            ),
            "defaults": Card(
                "Which defaults",
                "The usual advice, measured",
                Cover("defaults-ranking.svg", 0.0, 26.0, 270.0),
            ),
        },
    ),
    Group(
        "Letters and sequences",
        "What comes next, and what to carry.",
        {
            "names": Card(
                "Names",
                "One letter after the other",
                Cover("names-letters.svg", 128.0, 0.0, 200.0),
            ),
            "recursion": Card(
                "Recursion",
                "A cell that learns to carry",
                Cover("recursion-state.svg", 0.0, 0.0, 240.0),
            ),
            "attention": Card(
                "Attention",
                "Where a transformer looks",
                Cover("attention-reverse.svg", 306.0, 2.0, 205.0),
            ),
        },
    ),
    Group(
        "Inside, and fast",
        "The engine itself, and the same scalars at the speed of arrays.",
        {
            "tape": Card(
                "The tape",
                "Gradients on demand, and theirs",
                Cover("tape-slope.svg", 610.0, 390.0, 290.0),
            ),
            "operation": Card(
                "Your own operation",
                "One function, one node",
                Cover("operation-graph.svg", 410.0, 110.0, 285.0),
            ),
            "dictionary": Card(
                "From a dictionary",
                "The chain rule in bare names",
                Cover("dictionary-graph.svg", 20.0, 40.0, 300.0),
            ),
            "engine": Card(
                "The engine",
                "A framework in sixty lines",
                Cover("engine-graph.svg", 10.0, 40.0, 290.0),
            ),
            "numerical": Card(
                "Numerical gradients",
                "Right, and slow",
                Cover("numerical-cost.svg", 135.0, 0.0, 230.0),
            ),
            "compiled": Card(
                "Compiled",
                "From single numbers to arrays",
                Cover("compiled-sample.svg", 320.0, 200.0, 330.0),
            ),
            "microgpt": Card(
                "A GPT",
                "Plain functions, at array speed",
                Cover("microgpt-speed.svg", 222.0, 0.0, 288.0),
            ),
            "physics": Card(
                "A law of physics",
                "A spring, from its equation alone",
                Cover("physics-motion.svg", 0.0, 0.0, 256.0),
            ),
        },
    ),
)

CARDS = {name: card for group in GROUPS for name, card in group.cards.items()}
"""The card of each demo."""
