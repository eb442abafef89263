"""What a card of the layer view holds, as frozen data without colors or positions."""

from dataclasses import dataclass
from typing import Literal

from viz.look.text import number

from .heatmap import Histogram, Map


@dataclass(frozen=True, slots=True)
class Statistics:
    """A layer in numbers.

    A number that is unknown, such as a gradient before `backward`, is None.

    Attributes:
        parameters: Number of parameters.
        units: Numbers that it puts out at a call.
        gradient_norm: Euclidean norm of the gradients of all its parameters.
        zero_gradients: Share of its parameters whose gradient is exactly 0.
        dead: Units that let no gradient pass: the slope of their output is exactly 0 in every call.
        ratio: Norm of the gradients of its weights, divided by the norm of the weights.
    """

    parameters: int
    units: int
    gradient_norm: float | None = None
    zero_gradients: float | None = None
    dead: int | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One output of a network: its name, its number, and its gradient, None where there is none."""

    label: str
    data: float
    grad: float | None


@dataclass(frozen=True, slots=True)
class LayerCard:
    """One card of the layer view.

    Attributes:
        id: Id of the node that it belongs to.
        kind: "input", "layer" or "result".
        title: Path of the module.
        detail: Small print beside the title.
        line: What it is, in one line: "Layer 784 → 100, relu".
        maps: Large maps, one below the other: weights and their gradients, or an image and its own.
        columns: Maps as high as the card: outputs and gradients of the units, a row for each, and a
            column for each call.
        histograms: Of the weights and of their gradients.
        bars: The outputs of a network.
        statistics: The layer in numbers.
        facts: More numbers, as (name, text).
    """

    id: str
    kind: Literal["input", "layer", "result"]
    title: str
    detail: str = ""
    line: str = ""
    maps: tuple[Map, ...] = ()
    columns: tuple[Map, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    bars: tuple[Bar, ...] = ()
    statistics: Statistics | None = None
    facts: tuple[tuple[str, str], ...] = ()


def describe_card(card: LayerCard) -> str:
    """Return a card in one sentence.

    Example:
        >>> card = LayerCard("l0", "layer", "layers.0", "6 parameters", "Layer 2 → 2")
        >>> describe_card(card)
        'layers.0: Layer 2 → 2, 6 parameters'
    """
    facts = [f"{name} {text}" for name, text in card.facts]
    bars = [describe_bar(bar) for bar in card.bars]
    parts = [part for part in (card.line, card.detail, *facts, *bars) if part]
    return f"{card.title}: {', '.join(parts)}" if parts else card.title


def describe_bar(bar: Bar) -> str:
    """Return the name, the number and the gradient of a bar.

    Example:
        >>> describe_bar(Bar("cat", 0.7, None))
        'cat 0.7'
    """
    text = f"{bar.label} {number(bar.data)}"
    if bar.grad is None:
        return text
    return f"{text} (gradient {number(bar.grad)})"
