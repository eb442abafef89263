"""Leaves of special kinds: buffers of a module, random numbers, and inputs that are integers."""

from typing import Protocol

from .modes import current_mode, is_tracing
from .value import Constant, Value


class Source(Protocol):
    """A source of random numbers with its own generator."""

    def draw(self) -> float:
        """Draw the next number."""


class Buffer(Constant):
    """A leaf that is part of a module's state but not learned, such as a running mean.

    `Module.state_dict` contains it.

    Example:
        >>> Buffer(0.0, label="mean").kind
        'constant'
    """

    __slots__ = ()


class RandomLeaf(Constant):
    """A leaf with a random number, drawn when it is made: a dropout mask, a random slope.

    While a function is traced nothing is drawn. The number would belong to no sample, and it would
    be missing from the sequence of others that draw from the source.

    Attributes:
        source: What the number was drawn from. A compiled program draws from it for every sample.

    Example:
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
            observer.on_node(self, "", (), ())


class IntegerInput(Value):
    """An input of a traced function that holds integers, and so may be an index of `take`.

    What is computed from it is a plain Value.

    Example:
        >>> (IntegerInput(3.0) + 1).data
        4.0
    """

    __slots__ = ()
