"""The legend: what each sign of a picture means, once for pictures, for pages and for every level.

A sign has a few words, which stand beside a sample of it, and one sentence, for tooltips and for
those who ask for more. What numbers, colors and lines mean depends on the level of detail and on
what the colors show; everything else means the same everywhere.
"""

from dataclasses import dataclass

from scalargrad.errors import OptionError

from .text import hint

LEVELS = ("cards", "chips", "neurons", "layers", "blocks", "sequence")
COARSE = {"layers": "layers", "blocks": "blocks", "sequence": "sequences"}
"""The levels that have a layout of their own and show no single Values, with their plurals."""
SHOWN = ("gradient", "data", "weights")
"""What colors and lines can show."""
GRADIENT_NORM = "gradient norm"
"""The one name for the square root of the sum of squared gradients."""
OFF = "off"
"""The word for a unit that lets no gradient pass in one sample."""
DEAD = "dead"
"""The word for a unit that lets no gradient pass in any of several samples."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sign means.

    Attributes:
        words: A few words, to be written beside a sample of the sign.
        sentence: The same in a sentence.
    """

    words: str
    sentence: str


_EVERYWHERE = {
    "input": Meaning("input", "An input is a number that is given, such as x."),
    "parameter": Meaning("parameter", "A parameter, θ, is a number that training changes."),
    "constant": Meaning("constant", "A dashed border marks a constant: it never changes."),
    "operation": Meaning("operation", "The sign on a badge is the operation that was computed."),
    "local": Meaning(
        "∂ local derivative",
        "∂ on a line is the local derivative: by how much the result of the operation changes "
        "for each unit of this operand.",
    ),
    "zero": Meaning("exactly 0", "A dashed line carries exactly 0."),
    "alarm": Meaning("nan or infinite", "Red and hatched: a number is nan or infinite."),
    "copy": Meaning(
        "copy of a value used often",
        "A small plate is a copy of a value that is used in many places.",
    ),
    "continued": Meaning(
        "goes on in the row below",
        "A number in a circle at the end of a line says where the line goes on, in a row below.",
    ),
    "chain": Meaning(
        "chain × n: n links that compute the same, … is the link before",
        "Stacked paper with × n is a chain of n links that compute the same, one after another: "
        "its first and last results are in the table, and … stands for what comes from the link "
        "before.",
    ),
    "mark": Meaning("flagged; the label says why", "A red ring marks what the doctor found."),
    "bias": Meaning(
        "number and color: bias",
        "Of a network by itself, which has computed nothing, the number and the color of a neuron "
        "are its bias.",
    ),
    "count": Meaning(
        "how many numbers go on",
        "A gray arrow is as wide as the count of numbers that go on at a call.",
    ),
    "norm": Meaning(
        f"{GRADIENT_NORM} that comes back",
        "An orange arrow is as wide as the norm of the gradient that comes back: the square root "
        "of the sum of the squared gradients.",
    ),
}
"""What means the same at every level."""

_DATA = Meaning("number: data", "The number is what was computed.")
_CARD_NUMBERS = Meaning(
    "data: its number, grad: its gradient",
    "The row data is what was computed, the row grad how much the result changes per unit of it.",
)
_OUTPUT = Meaning("number: output", "The number in a neuron is its output.")
_IN_BLOCK = Meaning(
    "number at the top: values",
    "The number at the top of a box is how many values are folded in it; the number below a strip "
    f"is the {GRADIENT_NORM} of what the strip shows.",
)
_IN_MAP = Meaning("number: output", "Numbers on maps of units are their outputs and gradients.")
_BARS = Meaning(
    "bars: the numbers of a gate",
    "Bars are the numbers of a gate or of a line of code, in one scale for all steps.",
)
_NUMBERS = {
    "cards": dict.fromkeys(SHOWN, _CARD_NUMBERS),
    "chips": dict.fromkeys(SHOWN, _DATA),
    "neurons": dict.fromkeys(SHOWN, _OUTPUT),
    "layers": dict.fromkeys(SHOWN, _IN_MAP),
    "blocks": dict.fromkeys(SHOWN, _IN_BLOCK),
    "sequence": dict.fromkeys(SHOWN, _BARS),
}

_SIDES = "blue is positive, orange negative, and a stronger color is a larger number"
_SEQUENCE_FILLS = {
    "gradient": Meaning(
        "strip: gradients, and ‖∇‖, their norm",
        f"The strips show gradients, with their norm below: {_SIDES}.",
    ),
    "data": Meaning("strip: numbers", f"The strips show the numbers themselves: {_SIDES}."),
    "weights": Meaning("strip: numbers", f"The strips show the numbers themselves: {_SIDES}."),
}
_VALUE_FILLS = {
    "gradient": Meaning("color: gradient", f"Colors show gradients: {_SIDES}."),
    "data": Meaning("color: data", f"Colors show the numbers themselves: {_SIDES}."),
    "weights": Meaning("color: parameter", f"Colors show the numbers of parameters: {_SIDES}."),
}
_NEURON_FILLS = {
    "gradient": Meaning(
        "color: gradient of the output",
        f"The color of a neuron is the gradient of its output: {_SIDES}.",
    ),
    "data": Meaning("color: output", f"The color of a neuron is its output: {_SIDES}."),
    "weights": Meaning("color: weight", f"Colors show weights: {_SIDES}."),
}
_MAP_FILL = Meaning(
    "maps: from −m to m, with m in the caption as ±m",
    f"On maps {_SIDES}; the caption says what number the strongest color stands for.",
)
_FILLS = {
    "cards": _VALUE_FILLS,
    "chips": _VALUE_FILLS,
    "neurons": _NEURON_FILLS,
    "layers": dict.fromkeys(SHOWN, _MAP_FILL),
    "blocks": {
        "gradient": Meaning(
            "strips and parameters: gradients",
            "In the strip of a box a row is a call and a column is a number that leaves it; their "
            f"colors and those of parameters show gradients on one scale: {_SIDES}; gray is data "
            "from 0 to 1.",
        ),
        "data": Meaning(
            "strips and parameters: data",
            "In the strip of a box a row is a call and a column is a number that leaves it; their "
            f"colors and those of parameters show the numbers themselves: {_SIDES}.",
        ),
        "weights": Meaning(
            "parameters: their numbers",
            f"Colors show the numbers of parameters, and in strips what leaves a box: {_SIDES}.",
        ),
    },
    "sequence": _SEQUENCE_FILLS,
}

_STATE = Meaning(
    "state that goes on",
    "A band is what goes on from one step to the next: the state of the cell.",
)
_SEQUENCE_LINES = {
    "gradient": Meaning(
        "state: as thick as the ‖∇‖ that comes back along it",
        "A band is what goes on to the next step, as thick as the norm of the gradient that comes "
        "back along it: where bands get thinner, the gradient vanishes.",
    ),
    "data": _STATE,
    "weights": _STATE,
}
_VALUE_LINES = {
    "gradient": Meaning(
        "line: gradient carried back",
        "The color and width of a line show the gradient that it carries back: "
        "the local derivative times the gradient of what the line leads to.",
    ),
    "data": Meaning(
        "line: number carried on",
        "The color and width of a line show the number that it carries on.",
    ),
    "weights": Meaning(
        "line: weight of the operand",
        "The color and width of a line show its local derivative: the weight of that operand.",
    ),
}
_NEURON_LINES = {
    "gradient": Meaning(
        "line: gradient through this weight",
        "The color and width of a line show the gradient that comes back through its weight.",
    ),
    "data": Meaning(
        "line: weight × output",
        "The color and width of a line show what it adds: its weight times the output before it.",
    ),
    "weights": Meaning("line: weight", "The color and width of a line show its weight."),
}
_LAYER_LINES = {
    "gradient": _EVERYWHERE["norm"],
    "data": _EVERYWHERE["count"],
    "weights": _EVERYWHERE["count"],
}
_BLOCK_LINE = Meaning(
    "line: different values that are passed on",
    "The number on a line counts the different values that are passed on, in all calls together; "
    f"a thicker line has a larger {GRADIENT_NORM} coming back.",
)
_LINES = {
    "cards": _VALUE_LINES,
    "chips": _VALUE_LINES,
    "neurons": _NEURON_LINES,
    "layers": _LAYER_LINES,
    "blocks": dict.fromkeys(SHOWN, _BLOCK_LINE),
    "sequence": _SEQUENCE_LINES,
}

_STRIPS = {
    "gradient": Meaning(
        "closed module: strip = gradient of its output",
        "Stacked paper is a closed module: beside its name is its output, and the strip below "
        "shows the gradient of that output, as a number and as a color.",
    ),
    "data": Meaning(
        "closed module: strip = its output",
        "Stacked paper is a closed module: the strip below its name shows its output, as a number "
        "and as a color.",
    ),
    "weights": Meaning(
        "stacked paper: closed module",
        "Stacked paper is a closed module: beside its name is its output.",
    ),
}
_MODULES = dict.fromkeys(LEVELS, _STRIPS)

_DEPENDING = {"number": _NUMBERS, "fill": _FILLS, "line": _LINES, "module": _MODULES}
"""What depends on the level, and then on what colors show."""
SIGNS = (*_DEPENDING, *_EVERYWHERE)
"""All signs, by the names that `meaning` takes."""


def meaning(sign: str, level: str = "cards", show: str = "gradient") -> Meaning:
    """Return what a sign means.

    Args:
        sign: One of `SIGNS`, such as "number", "fill", "line", "local" or "zero".
        level: "cards", "chips", "neurons", "layers", "blocks" or "sequence".
        show: What the colors show: "gradient", "data" or "weights".

    Example:
        >>> meaning("number", "neurons").words, meaning("line", "neurons", "weights").words
        ('number: output', 'line: weight')
        >>> meaning("zero").sentence
        'A dashed line carries exactly 0.'
    """
    if sign in _DEPENDING:
        return _DEPENDING[sign][level][show]
    return _EVERYWHERE[sign]


def checked_show(show: str | None) -> str | None:
    """Return what colors are to show as it was given; None leaves it to the graph.

    Raises:
        OptionError: It is not "gradient", "data" or "weights".
    """
    if show is not None and show not in SHOWN:
        raise OptionError(
            f"show must be 'gradient', 'data' or 'weights', not {show!r}{hint(show, SHOWN)}"
        )
    return show
