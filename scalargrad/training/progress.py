"""Progress of a training run on stderr: a bar if tqdm is installed, or else one line per epoch."""

import sys
from importlib.util import find_spec
from typing import Any

from scalargrad.terminal import encodable

from .history import History


class Progress:
    """Shows the progress of a training run.

    Args:
        total: Number of steps of the whole training.
        initial: Number of steps that an earlier run made.
        shown: If False, show nothing.
    """

    def __init__(self, total: int, initial: int, shown: bool) -> None:
        self._shown = shown
        self._bar = _make_bar(total, initial) if shown else None

    def say(self, text: str) -> None:
        """Write a line, if there is anything to say."""
        if self._bar is not None and text:
            # A line written beside the bar would be torn by it.
            self._bar.write(text, file=sys.stderr)
        elif self._shown and text:
            encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
            sys.stderr.write(encodable(f"{text}\n", encoding))

    def step(self, objective: float, count: int = 1) -> None:
        """Advance by one step or more, of which the last one began with this objective."""
        if self._bar is not None:
            # `update` redraws at its own pace; a refresh for every step would slow fast ones down.
            self._bar.set_postfix_str(f"loss {objective:.4g}", refresh=False)
            self._bar.update(count)

    def epoch(self, number: int, history: History) -> None:
        """Show the numbers of the epoch that has ended."""
        if not self._shown:
            return
        parts = []
        for name, x in history.last().items():
            words = name.replace("_", " ")
            parts.append(f"{words} {x:.4g}")
        text = f"epoch {number}: {', '.join(parts)}"
        if self._bar is not None:
            self._bar.set_description_str(text, refresh=False)
        else:
            encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
            sys.stderr.write(encodable(f"{text}\n", encoding))

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def _make_bar(total: int, initial: int) -> Any:
    try:
        # Without its widgets tqdm has a bar of text for notebooks, too, but warns of that.
        if find_spec("ipywidgets") is None:
            from tqdm import tqdm
        else:
            from tqdm.auto import tqdm
    except ModuleNotFoundError:
        return None
    return tqdm(total=total, initial=initial, unit=" steps", dynamic_ncols=True)
