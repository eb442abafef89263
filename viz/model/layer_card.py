"""What a card of the layer view holds: numbers found in a layer, as frozen data, without colors or positions."""

from dataclasses import dataclass

from viz.look.text import number

from .heatmap import Histogram, Map


@dataclass(frozen=True, slots=True)
class Statistics:
    """A layer in numbers.

    parameters      how many it has
    units           how many numbers it puts out at a call
    gradient_norm   of all its parameters: the root of the sum of squares
    zero_gradients  the share of its parameters whose gradient is exactly 0
    dead            how many units let no gradient pass: the slope of their output is exactly 0 in every call
    ratio           the norm of the gradient of its weights, divided by the norm of the weights

    A number that there is not, such as a gradient before `backward`, is None.
    """

    parameters: int
    units: int
    gradient_norm: float | None = None
    zero_gradients: float | None = None
    dead: int | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One number of an output: its name, how large it is, and its gradient."""

    label: str
    data: float
    grad: float | None


@dataclass(frozen=True, slots=True)
class LayerCard:
    """One card of the layer view.

    id          of the node that it belongs to
    kind        "input", "layer" or "result"
    title       the path of the module
    detail      small print beside it
    line        what it is, in one line: "Layer 784 → 100, relu"
    maps        large maps, one below the other: weights and their gradients, or an image and its gradient
    columns     maps as high as the card: outputs and gradients of the units, a row for each, a column for each call
    histograms  of the weights and of their gradients
    bars        the outputs of a network
    statistics  a layer in numbers
    facts       what else is to be said, as (name, number)
    """

    id: str
    kind: str
    title: str
    detail: str = ""
    line: str = ""
    maps: tuple[Map, ...] = ()
    columns: tuple[Map, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    bars: tuple[Bar, ...] = ()
    statistics: Statistics | None = None
    facts: tuple[tuple[str, str], ...] = ()


def described(card: LayerCard) -> str:
    """A card in one sentence.

    >>> described(LayerCard("l0", "layer", "layers.0", "6 parameters", "Layer 2 → 2", facts=(("gradient norm", "0.5"),)))
    'layers.0: Layer 2 → 2, 6 parameters, gradient norm 0.5'
    """
    bars = (
        f"{bar.label} {number(bar.data)}"
        + ("" if bar.grad is None else f" (gradient {number(bar.grad)})")
        for bar in card.bars
    )
    facts = (f"{name} {text}" for name, text in card.facts)
    return f"{card.title}: {', '.join(filter(None, (card.line, card.detail, *facts, *bars)))}".removesuffix(
        ": "
    )
