"""What a placed picture of blocks has besides: what is in its boxes, frames, band and labels."""

from dataclasses import dataclass, field

from viz.model.block_card import Block, BlockParameter, CallCell, Grid
from viz.model.heatmap import Map
from viz.model.layer_card import Bar

from .geometry import Point, Rect, Size


@dataclass(frozen=True, slots=True)
class ParameterPiece:
    """A parameter: its map, and its name below."""

    parameter: BlockParameter
    map_size: Size
    text: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StripPiece:
    """What leaves a box, with the norm of its gradients below."""

    shown: Map
    norm: float | None
    map_size: Size
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GridPiece:
    """A grid of data with the names of its rows and columns.

    Attributes:
        grid: The grid.
        cell: The size of a cell.
        indent: The width of the names of the rows.
        is_below: Whether the names of the columns are below: a triangle is open above.
    """

    grid: Grid
    cell: Size
    indent: float
    is_below: bool


@dataclass(frozen=True, slots=True)
class BarsPiece:
    """Numbers as bars, with the widths of the longest name and of the longest number."""

    bars: tuple[Bar, ...]
    names: float
    numbers: float


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A line of small print: a note, or a norm where there is no strip."""

    text: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class CellPiece:
    """One call of an open box, with the size of its map."""

    cell: CallCell
    map_size: Size


Piece = ParameterPiece | StripPiece | GridPiece | BarsPiece | CellPiece | TextPiece
PlacedPiece = tuple[Piece, Rect]


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A box that was measured.

    Attributes:
        block: The box.
        title: Its title, shortened where it is too long.
        line: Its second line, shortened where it is too long.
        size: Its width and height, without the sheets behind it.
        pieces: What is inside, each with its place relative to the upper left corner.
        sheets: The space that the sheets behind it take at the right and below.
    """

    block: Block
    title: str
    line: str
    size: Size
    pieces: tuple[PlacedPiece, ...] = ()
    sheets: float = 0.0


@dataclass(frozen=True, slots=True)
class BlockPlaces:
    """Positions of the blocks view.

    Attributes:
        plans: For each node what is where inside its box.
        outlines: For each group the corners of its frame, from the upper left one on.
        titles: For each group where its heading is.
        band: The points that the band of the residual stream passes, () where there is none.
        on_band: The positions of the edges that the band stands for.
        labels: For edges by their positions where the count is written.
        stream_label: Where the band is named, None where there is no space.
        guide: Where the parts of the guide are: "how" and "parameters".
    """

    plans: dict[str, BlockPlan]
    outlines: dict[str, tuple[Point, ...]]
    titles: dict[str, Rect]
    band: tuple[Point, ...] = ()
    on_band: tuple[int, ...] = ()
    labels: dict[int, Rect] = field(default_factory=dict)
    stream_label: Rect | None = None
    guide: dict[str, Rect] = field(default_factory=dict)
