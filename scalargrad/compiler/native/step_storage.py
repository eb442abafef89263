"""Where native code keeps the numbers of the steps of a loop, and how much room they have."""

from math import isqrt
from typing import Any

import numpy
from llvmlite import ir

from ..array_types import Mask
from ..kernels import Scan
from ..layout import Layout, lay_out
from ..loop_lines import CARRY, LOOP_INPUTS, SHARED
from .emitter import Emitter
from .sole import find_sole
from .storage import Storage

__all__ = ["CARRY_BLOCK", "ENTRY_BLOCK", "SHARED_BLOCK", "WEIGHTS_BLOCK", "StepStorage"]

CARRY_BLOCK, ENTRY_BLOCK, SHARED_BLOCK, WEIGHTS_BLOCK = range(4)
"""The first blocks of the layout of a step."""


class StepStorage(Storage):
    """Where each block of a step is: in arrays that are parts of an array around the loop.

    These are w or, where a loop does not vary by sample, s. Where a part begins is a constant that
    is known when all is written.

    Args:
        emitter: Where instructions are added.
        outer: The storage around the loop.
        scan: The loop.

    Attributes:
        outer: The storage around the loop.
        block: The number of the block there that holds the results of the loop.
        learns: Whether a gradient flows back through the loop.
        segment: How many steps there are from one carry that is kept to the next.
        segments: How many carries are kept.
    """

    def __init__(self, emitter: Emitter, outer: Storage, scan: Scan) -> None:
        self.outer = outer
        self.block = int(outer.layout.block_of[scan.rows[0]])
        groups = zip(LOOP_INPUTS, (scan.carry, scan.xs, scan.shared, scan.weights), strict=True)
        wanted = {name for name, rows in groups if rows.size and outer.needs_gradient(rows)}
        self.learns = bool(wanted) and self.block in outer.gradients
        layout = lay_out(scan.step, scan.kernels, scan.sizes)
        needed = [False] * len(layout.blocks)
        if self.learns:
            # The way back leads through the carry, whether or not the first one wants a gradient.
            needed = layout.needed_for(wanted | {CARRY}, scan.kernels)
        tiles = outer.tiles if scan.batched else 0
        sole = self._find_sole(scan, layout)
        super().__init__(emitter, layout, needed, sole, tiles, arrays={}, apart=[SHARED])
        self.by_sample.update(("g_carry", "carries"))
        self.scratch = outer.scratch
        outer.loops.append(self)

        self._scan = scan
        self.segment = scan.length
        if scan.checkpoint and self.learns:
            # √n segments of √n steps: n/s carries and s steps at once are the fewest for s = √n.
            self.segment = isqrt(scan.length - 1) + 1
        self.segments = -(-scan.length // self.segment)
        self._array = "w" if scan.batched else "s"
        self._starts = {name: self._add_constant() for name in self._measure()}
        self._stride = self._add_constant()
        self._numbers = self._add_numbers()

    @staticmethod
    def _find_sole(scan: Scan, layout: Layout) -> Mask:
        """Return which rows of a step receive their gradient from one place."""
        # What all steps share collects gradients from step to step.
        is_shared = numpy.isin(layout.block_of, [SHARED_BLOCK, WEIGHTS_BLOCK])
        outputs = scan.step.outputs
        sole = find_sole(scan.step, scan.kernels, outputs, numpy.flatnonzero(is_shared))
        carries = len(scan.carry)
        for rows in (outputs[:carries], outputs[carries:]):
            # All of them or none, as one loop goes through them.
            sole[rows] = sole[rows].all()
        return sole

    def _measure(self) -> dict[str, int]:
        """Return how many numbers each part has, in those of the array that it is in."""
        carries, _, shared = self._scan.sizes
        weights = len(self._scan.weights)
        # After each step comes the next carry. If nothing is kept, two steps take turns.
        steps = self.segment + 1 if self.learns else 2
        numbers = {"w": steps * self.size["w"], SHARED: shared}
        doubles = {"s": self.size["s"], "p": weights}
        if self.learns:
            numbers |= {"g": self.size["g"], f"g_{SHARED}": shared, "g_carry": carries}
            numbers["carries"] = self.segments * carries
            doubles |= {"h": self.size["h"], "g_p": weights}
        each = self.numbers_each
        return numbers | {name: -(-count // each) for name, count in doubles.items()}

    def _add_global(self, kind: Any) -> Any:
        module = self.emitter.module
        added = ir.GlobalVariable(module, kind, f"loop{len(module.globals)}")
        added.global_constant = True
        added.linkage = "internal"
        return added

    def _add_constant(self) -> Any:
        return self._add_global(self.emitter.integer)

    def _add_numbers(self) -> Any:
        """Return the constants of a step as an array."""
        numbers = self._scan.step.numbers.tolist()
        kind = ir.ArrayType(self.emitter.double, len(numbers))
        array = self._add_global(kind)
        array.initializer = ir.Constant(kind, numbers)
        return array

    def finish(self) -> None:
        """Allocate the parts in the array around the loop, after those of the loops within."""
        super().finish()
        index = self.emitter.index
        for name, count in self._measure().items():
            _, first = self.outer.allocate(self._array, count)
            self._starts[name].initializer = index(first * self.numbers_each)
        self._stride.initializer = index(self.size["w"] * self.numbers_each)

    def find_arrays(self) -> None:
        """Write where the arrays are. The one around the loop may be that of a step itself."""
        builder = self.emitter.builder
        around = self.outer.arrays[self._array]
        for name, start in self._starts.items():
            self.arrays[name] = builder.gep(around, [builder.load(start)])
        self.arrays["steps"] = self.arrays["w"]
        zero = self.emitter.index(0)
        self.arrays["c"] = builder.gep(self._numbers, [zero, zero])

    def go_to(self, number: Any) -> None:
        """Let w be that of a step, by its position among those that there is room for."""
        builder = self.emitter.builder
        start = builder.mul(number, builder.load(self._stride))
        self.arrays["w"] = builder.gep(self.arrays["steps"], [start])
