"""A training run with everything that has a state, as a program to be killed.

Usage: python -m tests.training.script FILE [EPOCHS [PATIENCE]]
"""

import sys
from pathlib import Path
from typing import Any

from scalargrad.data import StandardScaler, moons
from scalargrad.nn import BatchNorm, Dropout, Layer, Module, Sequential
from scalargrad.optim import Adam, CosineDecay, WarmUp, l2
from scalargrad.training import Callback, EarlyStopping, EveryStep, History, SaveCheckpoint, fit

EPOCHS = 8


def first(row: list[Any]) -> Any:
    """The only output."""
    return row[0]


def network() -> Sequential:
    """Batch normalization, dropout, a learned and a random slope."""
    return Sequential(
        Layer(2, 6, activation="rrelu", seed=1),
        BatchNorm(6),
        Dropout(0.3, seed=5),
        Layer(6, 4, activation="prelu", seed=2),
        Layer(4, 1, activation=None, seed=3),
        first,
    )


def train(
    path: Path | None, epochs: int = EPOCHS, patience: int = 3, extra: list[Callback] | None = None
) -> tuple[Module, History, EarlyStopping]:
    """Run the training; with a path it is saved after every epoch, and resumed."""
    X, y = moons(24, noise=0.2, seed=1)
    model = network()
    rule = Adam(model.parameters(), 0.02)
    schedule = EveryStep(WarmUp(rule, 5, then=CosineDecay(rule, 40)))
    stopping = EarlyStopping(patience)
    callbacks: list[Any] = [
        schedule,
        stopping,
        *([SaveCheckpoint(path)] if path else []),
        *(extra or []),
    ]
    history = fit(
        model,
        StandardScaler().fit(X).transform(X),
        2 * y - 1,
        loss="hinge",
        optimizer=rule,
        epochs=epochs,
        batch_size=5,
        penalty=lambda model: l2(model.parameters(), 1e-3),
        validation=0.25,
        callbacks=callbacks,
        seed=9,
        progress=False,
        resume=path,
    )
    return model, history, stopping


def fingerprint(model: Module, history: History) -> str:
    """Every bit of what came out."""
    numbers = [
        *model.state_dict().values(),
        *history.steps,
        *(number for column in history.values() for number in column),
    ]
    return " ".join(number.hex() for number in numbers)


if __name__ == "__main__":
    trained, recorded, _ = train(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    print(fingerprint(trained, recorded))
