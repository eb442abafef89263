"""Where gradients flow from, and to which of them one kernel contributes, once.

Those are set, and need no zeros to add to.
"""

from collections.abc import Sequence

import numpy

from ..array_types import Mask, Rows
from ..kernels import Dots, Elementwise, Kernel, Matrix, OverList
from ..layout import Layout, find_differentiated
from ..program import PARAMETER, Program

__all__ = ["find_reached", "find_sole"]


def find_reached(layout: Layout, kernels: Sequence[Kernel], seeded: Rows) -> Mask:
    """Return which blocks a gradient flows to from the outputs that receive one.

    Others must have none: not even 0, as 0 times the derivative of an overflow is nan.

    Args:
        layout: The blocks.
        kernels: The kernels.
        seeded: The outputs.
    """
    reached = numpy.zeros(len(layout.blocks), bool)
    reached[layout.block_of[seeded]] = True
    numbered = list(enumerate(kernels, layout.first))
    for number, kernel in reversed(numbered):
        if reached[number]:
            for rows in find_differentiated(kernel):
                reached[layout.block_of[rows]] = True
    return reached


def find_sole(
    program: Program, kernels: Sequence[Kernel], seeded: Rows, collecting: Rows | None = None
) -> Mask:
    """Return which rows receive their gradient from one place.

    These are rows that vary by sample and that one kernel takes, once, or that are an output and
    nothing else; and parameters that are the weights of one matrix over samples, and nothing else.

    Args:
        program: The program.
        kernels: Those of its kernels that a gradient flows to.
        seeded: The outputs that receive a gradient.
        collecting: Rows that have a gradient before, to which more is added; none if left out.
    """
    count = len(program)
    uses = numpy.bincount(seeded, minlength=count)
    if collecting is not None:
        uses[collecting] += 1
    for kernel in kernels:
        for rows in kernel.taken():
            uses += numpy.bincount(rows.ravel(), minlength=count)

    sole = numpy.zeros(count, bool)
    sole[seeded] = uses[seeded] == 1
    for kernel in kernels:
        for rows in _list_set(program, kernel):
            # All of a group or none, as one loop goes through it.
            sole[rows] = (uses[rows] == 1).all()
    return sole


def _list_set(program: Program, kernel: Kernel) -> list[Rows]:
    """Return the rows whose gradients a kernel can set, in groups."""
    if not kernel.batched:
        return []
    if isinstance(kernel, Matrix):
        is_learned = bool((program.code[kernel.weights] == PARAMETER).all())
        return [kernel.x, kernel.weights] if is_learned else [kernel.x]
    if isinstance(kernel, (Elementwise, Dots, OverList)):
        return kernel.taken()
    return []
