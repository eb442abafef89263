"""What every row of the tables is measured with: contestants that take turns on one thread."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy

TOLERANCE = 1e-9
Contest = dict[str, tuple[Callable[[], Any], int]]


@dataclass(frozen=True)
class Row:
    """One line of the table: ours beside theirs.

    at_most   the target where ours / theirs must not be above it
    at_least  the target where theirs / ours must not be below it
    same      whether both computed the same numbers
    unit      what ours and theirs are: seconds, or bytes
    backend   what computes ours

    A row with neither target only reports.
    """

    work: str
    rival: str
    ours: float
    theirs: float
    at_most: float = 0.0
    at_least: float = 0.0
    same: bool = True
    unit: str = "s"
    backend: str = "numpy"

    @property
    def verdict(self) -> str:
        """What came out."""
        if not self.same:
            return "differs"
        if self.unit == "bytes":
            return "met" if self.ours <= self.at_most else "missed"
        if not self.at_most and not self.at_least:
            return ""
        met = (
            self.ours <= self.at_most * self.theirs
            if self.at_most
            else self.theirs >= self.at_least * self.ours
        )
        return "met" if met else "missed"

    def cells(self) -> tuple[str, ...]:
        """The eight cells."""
        if self.unit == "bytes":
            return (
                self.backend,
                self.work,
                self.rival,
                f"{self.ours:.0f} bytes",
                "",
                "",
                f"≤ {self.at_most:.0f}",
                self.verdict,
            )
        ratio, target = f"{self.ours / self.theirs:.3f} ×", ""
        if self.at_most:
            target = f"≤ {self.at_most:g} ×"
        elif self.at_least:
            ratio = f"{self.theirs / self.ours:,.{0 if self.at_least > 10 else 1}f} × faster"
            target = f"≥ {self.at_least:,.0f} ×"
        return (
            self.backend,
            self.work,
            self.rival,
            spelled(self.ours),
            spelled(self.theirs),
            ratio,
            target,
            self.verdict,
        )


def spelled(seconds: float) -> str:
    """Seconds as people say them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def medians(contest: Contest, rounds: int) -> dict[str, float]:
    """The median CPU seconds of one call of each: every round they take turns, each making so many
    calls, after one that is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contest}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, (call, calls) in contest.items():
            # All start alike: without the garbage of the one before, which whoever comes next would
            # collect, and not with the caches full of what that one worked on.
            gc.collect()
            if calls > 1:
                call()
            seconds[name].append(timed(call, calls))
    gc.unfreeze()
    return {name: median(found) for name, found in seconds.items()}


def timed(call: Callable[[], Any], calls: int = 1) -> float:
    """CPU seconds of one call, from so many."""
    start = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls


def alike(first: tuple[float, Any], second: tuple[float, Any]) -> bool:
    """Whether two pairs of loss and gradient are the same."""
    numbers = [numpy.append(gradient, loss) for loss, gradient in (first, second)]
    return bool(
        numpy.abs(numbers[0] - numbers[1]).max()
        <= TOLERANCE * max(1.0, numpy.abs(numbers[1]).max())
    )


def installed(package: str | None, work: str, rival: str) -> bool:
    """Whether a rival is there; a note if not."""
    if package is None or find_spec(package):
        return True
    print(f"{work}: no row for {rival}, which is not installed")
    return False


def note_fallback(work: str, program: Any) -> None:
    """A note where what was to be machine code is computed by NumPy."""
    for line in program.explain().splitlines():
        if line.startswith("computed by NumPy"):
            print(f"{work}: {line}")


def limit(work: str, seconds: float, bound: float = 0.5) -> Row:
    """The row against the clock alone: half a second, if nothing else is said."""
    return Row(work, f"{bound:g} s", seconds, bound, 1.0)


def first_call(work: str, call: Callable[[], Any], rounds: int, bound: float = 0.5) -> Row:
    """The row of a function that compiles and computes once."""
    seconds = medians({"ours": (call, 1)}, min(rounds, 5))["ours"]
    return limit(f"{work}: trace, compile, first call", seconds, bound)


HEAD = ("backend", "work", "beside", "ours", "theirs", "ratio", "target", "")


def table(rows: list[Row]) -> str:
    """All rows, in columns."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )
