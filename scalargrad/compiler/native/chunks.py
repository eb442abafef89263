"""The samples that native code computes at a time: a chunk of several vectors of them, or one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .emitter import Emitter

__all__ = ["Chunk"]


class Chunk:
    """Some samples of a batch.

    Args:
        emitter: Where instructions are added.
        start: The position in the batch of the first one.
        tiles: How many vectors of them there are, where lanes are samples.
    """

    def __init__(self, emitter: Emitter, start: Any, tiles: Any) -> None:
        self.emitter = emitter
        self.start = start
        self.tiles = tiles

    @contextmanager
    def part(self) -> Iterator["Chunk"]:
        """Write what computes the samples in a with block into a function of its own."""
        with self.emitter.part([self.start, self.tiles]) as (start, tiles):
            yield Chunk(self.emitter, start, tiles)

    def is_first(self, place: Any = None) -> Any:
        """Return whether it is the first chunk of a batch, and a place is the first one."""
        number = self.start if place is None else self.emitter.add_index(self.start, place)
        return self.emitter.builder.icmp_signed("==", number, self.emitter.index(0))

    def each_tile(self, body: Callable[[], None]) -> None:
        """Write a loop over the vectors, or once what is done for the one sample."""
        emitter = self.emitter
        if emitter.by_rows:
            body()
            return

        def run(tile: Any) -> None:
            emitter.tile = tile
            body()

        emitter.repeat(self.tiles, run)

    def each_row(self, count: int, body: Callable[[Any], None]) -> None:
        """Write a loop over rows, whose body takes the first row of those in the lanes."""
        emitter = self.emitter
        if emitter.by_rows:
            full, rest = divmod(count, emitter.width)
            if full:
                emitter.repeat(full, lambda i: body(emitter.scale_index(i, emitter.width)))
            if rest:
                with emitter.along_rows(rest):
                    body(emitter.index(count - rest))
            return

        def run(row: Any) -> None:
            self.each_tile(lambda: body(row))

        emitter.repeat(count, run)

    def find_position(self, number: Any) -> Any:
        """Return the position in the batch of a sample of the chunk; the last one for those beyond.

        These compute nothing that is not computed anyway: no nan comes from them alone.
        """
        builder = self.emitter.builder
        position = self.emitter.add_index(self.start, number)
        last = self.emitter.add_index(self.emitter.arguments["n"], -1)
        is_inside = builder.icmp_signed("<", position, last)
        return builder.select(is_inside, position, last)

    def find_sample(self, position: Any) -> Any:
        """Return which sample of the arguments is at a position of the batch."""
        return self.emitter.load_scalar(self.emitter.arguments["order"], position)
