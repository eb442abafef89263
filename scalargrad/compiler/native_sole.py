"""Gradients to which one kernel contributes, once: they are set, and need no zeros to add to."""

from collections.abc import Sequence

import numpy

from .array_types import Mask, Rows
from .kernels import Dots, Elementwise, Kernel, Matrix, OverList
from .program import PARAMETER, Program

__all__ = ["find_sole"]


def find_sole(
    program: Program, kernels: Sequence[Kernel], seeded: Rows, collecting: Rows | None = None
) -> Mask:
    """Return which rows receive their gradient from one place.

    These are rows that vary by sample and that one kernel takes, once, or that are an output and
    nothing else; and parameters that are the weights of one matrix over samples, and nothing else.

    Args:
        program: The program.
        kernels: Its kernels.
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
