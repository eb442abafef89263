"""What a training was like: numbers for every epoch and for every step."""

from collections.abc import Mapping
from typing import Any, NoReturn

from scalargrad.errors import UnknownNameError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.spelling import suggestion


class History(dict[str, list[float]]):
    """A dict from a name to one number for each epoch: `history["loss"]`, `history["validation_loss"]`, ….

    steps    the objective (mean loss of the batch, plus the penalty) before every step
    stop_reason  why the training ended before its last epoch; "" if it did not

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

    @property
    def epochs(self) -> int:
        """How many epochs have ended."""
        return max(map(len, self.values()), default=0)

    def add(self, numbers: Mapping[str, float]) -> None:
        """Append what one epoch gave. Names are those of the first epoch."""
        for name, number in numbers.items():
            self.setdefault(name, []).append(float(number))

    def last(self) -> dict[str, float]:
        """The numbers of the last epoch by name; empty before there is one."""
        return {name: numbers[-1] for name, numbers in self.items()}

    def __missing__(self, name: Any) -> NoReturn:
        raise UnknownNameError(
            f"the history has no {name!r}{suggestion(name, self) if self else ', as no epoch has ended'}"
        )

    @fits_terminal
    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {number:.6g}" for name, number in self.last().items())
        ending = f"; stopped: {self.stop_reason}" if self.stop_reason else ""
        return f"<History of {self.epochs} epochs: {numbers or 'nothing yet'}{ending}>"

    def state_dict(self) -> dict[str, Any]:
        """All of it, to be saved."""
        return {
            "columns": {name: list(numbers) for name, numbers in self.items()},
            "steps": list(self.steps),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.clear()
        self.update(
            {name: [float(x) for x in numbers] for name, numbers in state["columns"].items()}
        )
        self.steps = [float(x) for x in state["steps"]]
