"""The guide of the blocks view: which box it explains, and how large its two parts are."""

from viz.look.measures import BLOCK
from viz.model.block_card import Block, BlockParameter
from viz.model.picture import Picture, colored_maps

from .block_cards import plan_block
from .block_places import BlockPlan
from .geometry import Size

HOW_WIDTH = 300.0
HOW_TOP = 26.0
"""Height of the heading of the guide."""
SAMPLE_GAP = 20.0
SCALE_HEIGHT = 42.0
_SIGNS_HEIGHT = 50.0
_MAX_SAMPLE = 150.0
TABLE_WIDTH = 300.0
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
        sizes["how"] = (min(HOW_WIDTH, max_width), _how_height(picture))
    count = len(list_parameters(picture))
    if count:
        rows = min(count, MAX_ROWS) + (count > MAX_ROWS)
        high = TABLE_HEAD + rows * TABLE_ROW + BLOCK.note
        sizes["parameters"] = (min(TABLE_WIDTH, max_width), high)
    return sizes


def choose_sample(picture: Picture) -> BlockPlan | None:
    """Return a small box of the picture that has as much of what is to be explained as any."""
    boxes = [block for block in picture.blocks if block.kind == "box" and block.strip is not None]

    def wealth(block: Block) -> tuple[bool, bool, bool, int]:
        is_single = len(block.parameters) == 1 and not block.columns
        return is_single, block.calls > 1, not block.grids, -len(block.title)

    for block in sorted(boxes, key=wealth, reverse=True):
        plan = plan_block(block, picture.by_id[block.id], BLOCK.usual_width, is_row=False)
        if plan.size[1] <= _MAX_SAMPLE:
            return plan
    return None


def _how_height(picture: Picture) -> float:
    sample = choose_sample(picture)
    height = HOW_TOP
    if sample is not None:
        height += max(sample.size[1] + sample.sheets, 104.0) + SAMPLE_GAP
    if any(block.parameters for block in picture.blocks):
        height += 14
    if any(colored_maps(block) for block in picture.blocks):
        height += SCALE_HEIGHT
    if any(block.grids for block in picture.blocks):
        height += SCALE_HEIGHT
    return height + _SIGNS_HEIGHT
