"""A training saved while it runs, so that it can be taken up again to the same bits, even after it was killed."""

from collections.abc import Mapping
from math import isfinite
from os import PathLike
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import numpy

from scalargrad.checkpoint import load, save
from scalargrad.core.checks import checked_int
from scalargrad.errors import CheckpointError
from scalargrad.nn import Module
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import as_path

from .loop import Callback, Training

_ARRAY = "array:"


class SaveCheckpoint(Callback):
    """Saves the whole training after every so many epochs: model, optimizer, history, callbacks, random generators.

    path   the file, written whole each time; `fit(…, resume=path)` goes on from it
    every  after how many epochs

    >>> SaveCheckpoint("run.checkpoint", every=5).every
    5
    """

    last = True

    def __init__(self, path: str | PathLike[str], every: int = 1) -> None:
        self.path, self.every = as_path(path), checked_int(every, "every of SaveCheckpoint", 1)

    def on_epoch_end(self, training: Training) -> None:
        if (
            training.epoch % self.every == 0
            or training.history.stop_reason
            or training.epoch == training.epochs
        ):
            save_training(training, self.path)


def save_training(training: Training, path: Path) -> None:
    """Write all that the next step depends on."""
    arrays: dict[str, Any] = {"model": _numbers(training.model)}
    state = {
        "identity": {**training.identity(), "names": _names(training.model)},
        "epoch": training.epoch,
        "optimizer": training.optimizer.state_dict(),
        "history": {name: numpy.array(numbers) for name, numbers in training.history.items()},
        "steps": numpy.array(training.history.steps),
        "callbacks": [
            {"kind": type(each).__name__, **each.state_dict()} for each in training.callbacks
        ],
        "generators": [
            _generator_state(generator) for _, generator in training.model.named_generators()
        ],
    }
    save(path, arrays, _packed(state, arrays))


def resume_training(training: Training, path: Path) -> None:
    """Go on where the training was that wrote the file.

    Raises CheckpointError for a file of another training: other data, batch size, seed, model, optimizer or callbacks.
    """
    found = load(path)
    try:
        state = _unpacked(found.metadata, found.arrays)
        _check_identity(state["identity"], {**training.identity(), "names": _names(training.model)})
        _load_callbacks(training, state["callbacks"])
        for (_, generator), words in zip(
            training.model.named_generators(), state["generators"], strict=True
        ):
            generator.setstate((3, tuple(int(word) for word in words["words"]), words["gauss"]))
        training.optimizer.load_state_dict(state["optimizer"])
        training.history.load_state_dict({"columns": state["history"], "steps": state["steps"]})
        _set_numbers(training.model, found.arrays["model"])
        training.epoch = int(state["epoch"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} holds no training that can go on here: {error}") from error


@explain_calls
def load_model(model: Module, path: str | PathLike[str]) -> None:
    """Set parameters and buffers of `model` from a file that `SaveCheckpoint` wrote.

    Raises CheckpointError for another file, or one of a model with other names; then nothing has changed.
    """
    found = load(path)
    if "model" not in found.arrays or not isinstance(found.metadata.get("identity"), dict):
        raise CheckpointError(
            f"{path} holds no training; for numbers by name use model.load_state_dict(checkpoint.load(path).arrays)"
        )
    _check_identity({"names": found.metadata["identity"].get("names")}, {"names": _names(model)})
    _set_numbers(model, found.arrays["model"])


def _check_identity(found: Any, own: Mapping[str, Any]) -> None:
    for name, value in own.items():
        if not isinstance(found, dict) or found.get(name) != value:
            there = found.get(name) if isinstance(found, dict) else None
            raise CheckpointError(
                f"the checkpoint is of another training: {name} was {there!r}, and is {value!r} here"
            )


def _load_callbacks(training: Training, states: list[dict[str, Any]]) -> None:
    kinds, own = (
        [state["kind"] for state in states],
        [type(each).__name__ for each in training.callbacks],
    )
    if kinds != own:
        raise CheckpointError(
            f"the checkpoint is of a training with the callbacks {kinds}, not {own}"
        )
    for each, state in zip(training.callbacks, states, strict=True):
        each.load_state_dict({name: item for name, item in state.items() if name != "kind"})


def _numbers(model: Module) -> Any:
    return numpy.array(list(model.state_dict().values()))


def _set_numbers(model: Module, numbers: Any) -> None:
    model.load_state_dict(dict(zip(model.state_dict(), numbers.tolist(), strict=True)))


def _names(model: Module) -> str:
    """How many parameters and buffers there are, and a checksum of their names."""
    names = list(model.state_dict())
    return f"{len(names)} parameters and buffers, {crc32(chr(10).join(names).encode()):08x}"


def _generator_state(generator: Random) -> dict[str, Any]:
    _, words, gauss = generator.getstate()
    return {"words": numpy.array(words, dtype=float), "gauss": gauss}


def _packed(item: Any, arrays: dict[str, Any]) -> Any:
    """`item` as JSON can hold it; arrays, and numbers that are not finite, go to `arrays` under a name that stays in their place."""
    if isinstance(item, dict):
        return {str(name): _packed(part, arrays) for name, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [_packed(part, arrays) for part in item]
    if isinstance(item, numpy.ndarray) or (isinstance(item, float) and not isfinite(item)):
        name = f"{_ARRAY}{len(arrays)}"
        arrays[name] = item
        return name
    return item


def _unpacked(item: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(item, dict):
        return {name: _unpacked(part, arrays) for name, part in item.items()}
    if isinstance(item, list):
        return [_unpacked(part, arrays) for part in item]
    if isinstance(item, str) and item.startswith(_ARRAY):
        array = arrays[item]
        return array if array.ndim else float(array)
    return item
