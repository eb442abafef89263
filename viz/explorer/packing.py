"""The numbers of a page as text: XOR with the frame before, bytes by significance, deflate, base64.

Successive frames of a run differ in few bits, and bytes of one significance look alike, which
deflate makes use of. No bit is lost.

If the graph of a recording can be computed from its leaves, the page carries only those, and
computes the rest as it does for what-if. Otherwise it carries everything; rounded, if that would be
too large, and then the page says so.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.backprop import operands, which_are_values
from scalargrad.core.ops import TABLE, ExactZero
from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot

Numbers = NDArray[Any]
Partials = list[Sequence[Any]]
MAX_EXACT_BYTES = 240_000
"""Compressed recordings that can't be recomputed are rounded to four digits above this size."""


@dataclass(frozen=True)
class PackedFrames:
    """Rows of numbers, one column for each frame, as text.

    Attributes:
        text: The deflated bytes in base64.
        rows: How many rows there are.
        frames: How many columns there are.
        bytes: The bytes of one number: 4 or 8.
        rounded: Whether the numbers were rounded.
    """

    text: str
    rows: int
    frames: int
    bytes: int
    rounded: bool = False


def pack(table: Numbers) -> PackedFrames:
    """Pack rows of float32 or float64 numbers, (rows, frames).

    Example:
        >>> unpack(pack(numpy.array([[1.0, 1.5], [0.1, -0.0]]))).tolist()
        [[1.0, 1.5], [0.1, -0.0]]
    """
    rows, frames = table.shape
    size = table.dtype.itemsize
    order = table.dtype.newbyteorder("<")
    little_endian = numpy.ascontiguousarray(table).astype(order)
    raw = little_endian.view(numpy.uint8).reshape(rows, frames, size)

    changes = raw.copy()
    changes[:, 1:] ^= raw[:, :-1]

    by_significance = numpy.ascontiguousarray(changes.transpose(2, 0, 1))
    return PackedFrames(_deflate(by_significance.tobytes()), rows, frames, size)


def deflate(text: str) -> str:
    """Return a text as the page inflates it.

    Example:
        >>> text = "a page " * 100
        >>> zlib.decompress(b64decode(deflate(text))).decode() == text
        True
    """
    return _deflate(text.encode("utf-8"))


def _deflate(content: bytes) -> str:
    return b64encode(zlib.compress(content, 9)).decode("ascii")


def unpack(packed: PackedFrames) -> Numbers:
    """Return the rows, (rows, frames), as the page reads them."""
    inflated = zlib.decompress(b64decode(packed.text))
    planes = numpy.frombuffer(inflated, numpy.uint8)
    by_significance = planes.reshape(packed.bytes, packed.rows, packed.frames)
    changes = by_significance.transpose(1, 2, 0)
    accumulated = numpy.bitwise_xor.accumulate(changes, axis=1)
    raw = numpy.ascontiguousarray(accumulated)
    return raw.view(f"<f{packed.bytes}").reshape(packed.rows, packed.frames)


def pack_recording(
    snapshot: Snapshot, data: Numbers, gradients: Numbers
) -> tuple[PackedFrames, bool]:
    """Pack the frames of a recording.

    Args:
        snapshot: The graph.
        data: The data of all values, (frames, values), in the order of the snapshot.
        gradients: Their gradients, (frames, values).

    Returns:
        The packed frames; and whether they hold only the leaves, and then the seeds of the roots.
    """
    if is_reproducible(snapshot, data, gradients):
        leaves = [i for i, node in enumerate(snapshot.order) if not node.args]
        seeds = [snapshot.index[root] for root in snapshot.roots]
        given = numpy.concatenate([data[:, leaves], gradients[:, seeds]], axis=1)
        return pack(given.T.astype(numpy.float32)), True

    everything = numpy.concatenate([data, gradients], axis=1)
    table = everything.T.astype(numpy.float32)
    exact = pack(table)
    # Base64 writes three bytes as four characters.
    compressed_bytes = len(exact.text) * 3 / 4
    if compressed_bytes <= MAX_EXACT_BYTES:
        return exact, False
    rounded = pack(drop_digits(table))
    return replace(rounded, rounded=True), False


def drop_digits(table: Numbers) -> Numbers:
    """Round float32 numbers to 12 binary digits: a relative error below 1.3e-4.

    Example:
        >>> drop_digits(numpy.array([3.14159265], numpy.float32)).tolist()
        [3.1416015625]
    """
    contiguous = numpy.ascontiguousarray(table, numpy.float32)
    bits = contiguous.view(numpy.uint32)
    # Half of the last digit that is kept is added first, so that the rest is rounded, not cut.
    half = numpy.uint32(1 << 10)
    mask = numpy.uint32(0xFFFFF800)
    rounded_bits = (bits + half) & mask
    rounded = rounded_bits.view(numpy.float32)
    # The carry makes the largest numbers infinite, and changes nan.
    stays_finite = numpy.isfinite(table) & numpy.isfinite(rounded)
    return numpy.where(stays_finite, rounded, table)


def is_reproducible(snapshot: Snapshot, data: Numbers, gradients: Numbers) -> bool:
    """Return whether leaves and the gradients of the roots determine all other numbers.

    They don't if a node was made by hand, changed after it was computed, or changed by a hook.
    """
    if any(node.args and node.op not in TABLE for node in snapshot.order):
        return False
    with numpy.errstate(all="ignore"):
        values, partials = _forward(snapshot, data.astype(float))
        recomputed = _backward(snapshot, partials, gradients.astype(float))
        return _agree(values, data) and _agree(recomputed, gradients)


def _agree(computed: Numbers, recorded: Numbers) -> bool:
    """Return whether numbers are equal up to what leaves lose as float32."""
    finite = numpy.isfinite(recorded)
    if not numpy.array_equal(finite, numpy.isfinite(computed)):
        return False
    recorded = numpy.where(finite, recorded, 0.0)
    computed = numpy.where(finite, computed, 0.0)

    # Relative to the whole column, and to all of the table: a number that is the small difference
    # of large ones loses more digits than it has itself.
    sizes = numpy.abs(recorded)
    of_column = 1e-4 * sizes.max(axis=0, initial=0.0)
    of_table = 1e-6 * sizes.max(initial=0.0)
    errors = numpy.abs(computed - recorded)
    return bool((errors <= of_column + of_table).all())


def _forward(snapshot: Snapshot, data: Numbers) -> tuple[Numbers, Partials]:
    """Compute all frames at once from their leaves, with the local derivatives."""
    # Imported here: only a recording of a training run needs the rules of the compiler.
    from scalargrad.compiler.array_rules import ARRAYS

    values = data.copy()
    partials: Partials = []
    for i, node in enumerate(snapshot.order):
        if not node.args:
            partials.append(())
            continue
        op = TABLE[node.op]
        columns: list[Any] = []
        for operand in operands(node):
            if isinstance(operand, Value):
                columns.append(values[:, snapshot.index[operand]])
            else:
                columns.append(operand)
        given: Any = numpy.stack(columns) if op.over_list else columns
        values[:, i], local = op.at(ARRAYS, given, which_are_values(node))
        partials.append(local)
    return values, partials


def _backward(snapshot: Snapshot, partials: Partials, gradients: Numbers) -> Numbers:
    """Compute all gradients from those of the roots."""
    computed = numpy.zeros_like(gradients)
    for root in snapshot.roots:
        column = snapshot.index[root]
        computed[:, column] = gradients[:, column]

    for i in reversed(range(len(snapshot))):
        gradient = computed[:, i]
        for arg, partial in zip(snapshot.order[i].args, partials[i], strict=True):
            if isinstance(partial, ExactZero):
                continue
            # 0 times infinity is 0 here, as in the engine: nothing flows where either is 0.
            is_zero = (gradient == 0.0) | (numpy.asarray(partial) == 0.0)
            share = numpy.where(is_zero, 0.0, gradient * partial)
            computed[:, snapshot.index[arg]] += share
    return computed
