"""Progress of a training: a bar where tqdm is installed, else a line for each epoch. Both go to the standard error stream."""

import sys
from collections.abc import Mapping
from typing import Any

from scalargrad.terminal import encodable


class Progress:
    """Shows how far a training is.

    total  how many steps there will be
    begin  how many of them were made before
    shown  False: show nothing
    """

    def __init__(self, total: int, begin: int, shown: bool) -> None:
        self._shown, self._bar = shown, _bar(total, begin) if shown else None

    def say(self, text: str) -> None:
        """A line of its own, if there is anything to say."""
        if self._shown and text:
            sys.stderr.write(f"{text}\n")

    def step(self, objective: float) -> None:
        """One more step, with the objective that it began with."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {objective:.4g}", refresh=False)
            self._bar.update()

    def epoch(self, number: int, numbers: Mapping[str, float]) -> None:
        """One more epoch, with its numbers."""
        text = ", ".join(f"{name.replace('_', ' ')} {x:.4g}" for name, x in numbers.items())
        if self._bar is not None:
            self._bar.set_description_str(f"epoch {number}: {text}", refresh=False)
        elif self._shown:
            sys.stderr.write(
                encodable(
                    f"epoch {number}: {text}\n", getattr(sys.stderr, "encoding", None) or "utf-8"
                )
            )

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def _bar(total: int, begin: int) -> Any:
    try:
        from tqdm.auto import tqdm
    except ModuleNotFoundError:
        return None
    return tqdm(total=total, initial=begin, unit=" steps", dynamic_ncols=True)
