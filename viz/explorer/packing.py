"""Frames: the numbers of a page, packed without losing a bit: XOR with the frame before, bytes of one weight together, deflate, base64.

A recording whose graph can be computed anew from its leaves carries the leaves alone; the page computes the rest, as it does for
what-if. Otherwise it carries everything, rounded if it must be, and says so.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.backprop import operands, wanted
from scalargrad.core.ops import TABLE, ExactZero
from viz.model.snapshot import Snapshot

Numbers = NDArray[Any]
LARGEST = 240_000
"""Bytes of compressed frames above which numbers that can't be computed anew are rounded to four digits."""


@dataclass(frozen=True)
class Frames:
    """Rows of numbers, one column for each frame, ready to be put into a page.

    text     base64 of the deflated bytes
    rows     how many rows
    frames   how many columns
    bytes    of one number: 4 or 8
    rounded  whether they were rounded
    """

    text: str
    rows: int
    frames: int
    bytes: int
    rounded: bool = False


def packed(table: Numbers) -> Frames:
    """Rows of float32 or float64 numbers as text.

    >>> unpacked(packed(numpy.array([[1.0, 1.5], [0.1, -0.0]]))).tolist()
    [[1.0, 1.5], [0.1, -0.0]]
    """
    rows, frames = table.shape
    size = table.dtype.itemsize
    raw = (
        numpy.ascontiguousarray(table)
        .astype(table.dtype.newbyteorder("<"))
        .view(numpy.uint8)
        .reshape(rows, frames, size)
    )
    changes = raw.copy()
    changes[:, 1:] ^= raw[:, :-1]
    planes = numpy.ascontiguousarray(changes.transpose(2, 0, 1)).tobytes()
    return Frames(b64encode(zlib.compress(planes, 9)).decode("ascii"), rows, frames, size)


def unpacked(frames: Frames) -> Numbers:
    """The rows again, as the page reads them."""
    planes = numpy.frombuffer(zlib.decompress(b64decode(frames.text)), numpy.uint8)
    changes = planes.reshape(frames.bytes, frames.rows, frames.frames).transpose(1, 2, 0)
    raw = numpy.ascontiguousarray(numpy.bitwise_xor.accumulate(changes, axis=1))
    return raw.view(f"<f{frames.bytes}").reshape(frames.rows, frames.frames)


def recorded(snapshot: Snapshot, data: Numbers, gradients: Numbers) -> tuple[Frames, bool]:
    """The frames of a recording, and whether they hold the leaves (then the seeds of the roots) alone.

    data, gradients  (frames, values), the values in the order of the snapshot
    """
    if replays(snapshot, data, gradients):
        leaves = [i for i, node in enumerate(snapshot.order) if not node.args]
        seeds = [snapshot.index[root] for root in snapshot.roots]
        return packed(
            numpy.concatenate([data[:, leaves], gradients[:, seeds]], axis=1).T.astype(
                numpy.float32
            )
        ), True
    every = numpy.concatenate([data, gradients], axis=1).T.astype(numpy.float32)
    exact = packed(every)
    if len(exact.text) * 3 / 4 <= LARGEST:
        return exact, False
    short = packed(rounded(every))
    return Frames(short.text, short.rows, short.frames, short.bytes, rounded=True), False


def rounded(table: Numbers) -> Numbers:
    """float32 numbers with 12 binary digits: a relative error below 1.3e-4.

    >>> rounded(numpy.array([3.14159265], numpy.float32)).tolist()
    [3.1416015625]
    """
    bits = numpy.ascontiguousarray(table, numpy.float32).view(numpy.uint32)
    shorter = ((bits + numpy.uint32(1 << 10)) & numpy.uint32(0xFFFFF800)).view(numpy.float32)
    return numpy.where(numpy.isfinite(table) & numpy.isfinite(shorter), shorter, table)


def replays(snapshot: Snapshot, data: Numbers, gradients: Numbers) -> bool:
    """Whether the leaves, and the gradients of the roots, give all the other numbers of all frames again."""
    if any(node.args and node.op not in TABLE for node in snapshot.order):
        return False
    with numpy.errstate(all="ignore"):
        values, partials = _forward(snapshot, data.astype(float))
        slopes = _backward(snapshot, partials, gradients.astype(float))
        return _agree(values, data) and _agree(slopes, gradients)


def _agree(computed: Numbers, known: Numbers) -> bool:
    """Up to what is lost by keeping leaves as float32."""
    finite = numpy.isfinite(known)
    if not numpy.array_equal(finite, numpy.isfinite(computed)):
        return False
    size = numpy.where(finite, numpy.abs(known), 0.0)
    allowed = 1e-4 * size.max(axis=0, initial=0.0) + 1e-6 * size.max(initial=0.0)
    error = numpy.where(
        finite, numpy.abs(numpy.where(finite, computed, 0.0) - numpy.where(finite, known, 0.0)), 0.0
    )
    return bool((error <= allowed).all())


def _forward(snapshot: Snapshot, data: Numbers) -> tuple[Numbers, list[Sequence[Any]]]:
    # Imported here: only a recording of a training needs the rules of the compiler.
    from scalargrad.compiler.array_rules import ARRAYS

    values, partials = data.copy(), list[Sequence[Any]]()
    for i, node in enumerate(snapshot.order):
        partials.append(())
        if node.args:
            op = TABLE[node.op]
            columns = [
                values[:, snapshot.index[x]] if x in snapshot.index else x for x in operands(node)
            ]
            given: Any = numpy.stack(columns) if op.over_list else columns
            values[:, i], partials[i] = op.at(ARRAYS, given, wanted(node))
    return values, partials


def _backward(snapshot: Snapshot, partials: list[Sequence[Any]], gradients: Numbers) -> Numbers:
    slopes = numpy.zeros_like(gradients)
    for root in snapshot.roots:
        slopes[:, snapshot.index[root]] = gradients[:, snapshot.index[root]]
    for i in range(len(snapshot) - 1, -1, -1):
        flow = slopes[:, i]
        for arg, partial in zip(snapshot.order[i].args, partials[i], strict=True):
            if not isinstance(partial, ExactZero):
                slopes[:, snapshot.index[arg]] += numpy.where(
                    (flow == 0.0) | _is_cut(partial), 0.0, flow * partial
                )
    return slopes


def _is_cut(partial: Any) -> Any:
    """On arrays a zero that cuts is a zero like any other, and sends nothing."""
    return numpy.asarray(partial) == 0.0
