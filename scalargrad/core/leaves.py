"""Leaves that training neither feeds nor learns: numbers that a module keeps, and numbers that were drawn at random."""

from typing import Protocol

from .modes import current_mode, is_tracing
from .value import Constant


class Source(Protocol):
    """Where random numbers come from: it keeps its own generator."""

    def draw(self) -> float:
        """The next number."""


class Buffer(Constant):
    """A leaf that is part of a module's state, and is not learned: a running mean. `Module.state_dict` holds it.

    >>> Buffer(0.0, label="mean").kind
    'constant'
    """

    __slots__ = ()


class RandomLeaf(Constant):
    """A leaf whose number was drawn at random when it was made: the mask of a dropout, a random slope.

    source  what it was drawn from; it can be asked for another number, as a compiled program does for every sample

    While a function is recorded nothing is drawn: the number would be that of no sample, and others may draw from the same source.

    >>> class Coin:
    ...     def draw(self):
    ...         return 1.0
    >>> RandomLeaf(Coin(), label="kept").data
    1.0
    """

    __slots__ = ("source",)

    source: Source

    def __init__(self, source: Source, *, label: str = "") -> None:
        super().__init__(1.0 if is_tracing() else source.draw(), label=label)
        self.source = source
        for observer in current_mode().observers:
            observer.made(self, "", (), ())
