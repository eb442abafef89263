"""The history of a training run: numbers for every epoch and for every step."""

from collections.abc import Mapping
from typing import Any, NoReturn

from scalargrad.errors import UnknownNameError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.counting import plural
from scalargrad.utils.display import Displayable
from scalargrad.utils.spelling import suggestion


class History(Displayable, dict[str, list[float]]):
    """A dict from a name, such as "loss" or "validation_loss", to one number for each epoch.

    Attributes:
        steps: The objective (mean loss of the batch, plus the penalty) before every step.
        stop_reason: Why training ended before its last epoch; "" if it did not.
        compiled: The backend that computed all steps, such as "numpy"; "" if they were computed on
            the graph, even some of them.
        eager_reason: Why they were computed on the graph, if that was not asked for; else "".

    Example:
        >>> history = History()
        >>> history.add({"loss": 0.5, "learning_rate": 0.1})
        >>> history.add({"loss": 0.25, "learning_rate": 0.1})
        >>> history["loss"], history.epochs
        ([0.5, 0.25], 2)
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[float] = []
        self.stop_reason = ""
        self.compiled = ""
        self.eager_reason = ""

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        lengths = map(len, self.values())
        return max(lengths, default=0)

    def add(self, numbers: Mapping[str, float]) -> None:
        """Append the numbers of one epoch."""
        for name, number in numbers.items():
            column = self.setdefault(name, [])
            column.append(float(number))

    def last(self) -> dict[str, float]:
        """Return the numbers of the last epoch by name; empty before the first epoch ends."""
        return {name: numbers[-1] for name, numbers in self.items()}

    def __missing__(self, name: object) -> NoReturn:
        hint = ", as no epoch has ended"
        if self:
            hint = suggestion(name, self)
        raise UnknownNameError(f"the history has no {name!r}{hint}")

    @fits_terminal
    def __repr__(self) -> str:
        last = [f"{name} {number:.6g}" for name, number in self.last().items()]
        numbers = ", ".join(last) or "nothing yet"
        ending = ""
        if self.stop_reason:
            ending = f"; stopped: {self.stop_reason}"
        return f"<History of {plural(self.epochs, 'epoch')}: {numbers}{ending}>"

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers. Each run says for itself why it stopped and how it was computed."""
        # Copies, because the training goes on to append to its own lists.
        columns = {name: list(numbers) for name, numbers in self.items()}
        steps = list(self.steps)
        return {"columns": columns, "steps": steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        columns = state["columns"]
        steps = state["steps"]
        self.clear()
        for name, numbers in columns.items():
            self[name] = list(map(float, numbers))
        self.steps = list(map(float, steps))
