"""A table of small pieces of work, each a row that two threads do at once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Work = Callable[[Path], Any]
"""Does a piece of work in a folder, nothing shared; always says the same in one variant."""

LINES = 60
"""After how many lines a thread stops in a row that has thousands of them."""


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Attributes:
        work: What a thread does.
        rounds: How often each thread does it.
        needs: Libraries without which it can't be done.
        lines: After how many lines of ours, on average, a thread stops; 0 for never, where most
            lines are those of others.
    """

    work: Work
    rounds: int
    needs: tuple[str, ...] = ()
    lines: int = LINES


class Table:
    """Rows by name, and the public objects that they work with."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.covered: list[Any] = []

    def row(
        self, *covered: Any, rounds: int = 2, needs: tuple[str, ...] = ()
    ) -> Callable[[Work], Work]:
        """Make a function a row, with its name.

        Args:
            covered: The public objects that it works with.
            rounds: How often each thread does it.
            needs: Libraries without which it can't be done.

        Returns:
            The decorator, which leaves the function as it is.
        """

        def add(work: Work) -> Work:
            self.add(work.__name__, work, *covered, rounds=rounds, needs=needs)
            return work

        return add

    def add(self, name: str, work: Work, *covered: Any, rounds: int = 2, **more: Any) -> None:
        """Add a row under a name."""
        assert name not in self.rows, f"there are two rows {name!r}"
        self.rows[name] = Row(work, rounds, **({"lines": 8 if rounds > 1 else LINES} | more))
        self.covered += covered

    def covers(self, thing: Any) -> bool:
        """Whether a row works with that very object."""
        return any(thing is each for each in self.covered)
