"""The guide of the blocks view: how large its two parts are."""

from viz.look.measures import BLOCK
from viz.model.block_card import BlockParameter
from viz.model.picture import Picture

from .geometry import Size

HOW_WIDTH = 316.0
HOW_HEIGHT = 352.0
TABLE_WIDTH = 316.0
TABLE_ROW = 19.0
TABLE_HEAD = 30.0
MAX_ROWS = 24
"""Parameters that the table lists."""


def list_parameters(picture: Picture) -> list[BlockParameter]:
    """Return the parameters of a picture, each name once, in the order of the boxes."""
    found: dict[str, BlockParameter] = {}
    for block in picture.blocks:
        for parameter in block.parameters:
            found.setdefault(parameter.name, parameter)
    return list(found.values())


def measure_guide(picture: Picture, max_width: float) -> dict[str, Size]:
    """Return the sizes of the parts of the guide: how to read the picture, and its parameters."""
    sizes: dict[str, Size] = {}
    if any(block.kind == "box" for block in picture.blocks):
        sizes["how"] = (min(HOW_WIDTH, max_width), HOW_HEIGHT)
    count = len(list_parameters(picture))
    if count:
        rows = min(count, MAX_ROWS) + (count > MAX_ROWS)
        high = TABLE_HEAD + rows * TABLE_ROW + BLOCK.note
        sizes["parameters"] = (min(TABLE_WIDTH, max_width), high)
    return sizes
