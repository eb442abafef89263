"""Checkpoints of a whole training, which resume bit-exactly, even after the process was killed."""

from collections.abc import Mapping
from math import isfinite
from os import PathLike
from pathlib import Path
from random import Random
from typing import Any, TypeAlias
from zlib import crc32

import numpy
from numpy.typing import NDArray

from scalargrad.checkpoint import load, save
from scalargrad.core.checks import checked_count
from scalargrad.errors import CheckpointError
from scalargrad.nn import Module
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import as_path

from .loop import Callback, Training

State: TypeAlias = Any
"""What a state_dict holds: numbers, text, None, arrays, and lists and dicts of those."""

_ARRAY = "array:"
"""What stands before the name of an array, in place of the array itself."""


class SaveCheckpoint(Callback):
    """Saves the whole training: model, optimizer, history, callbacks, random generators.

    Args:
        path: The file, replaced atomically each time; `fit(…, resume=path)` continues from it.
        every: Number of epochs between two checkpoints. The last epoch is saved in any case.

    Example:
        >>> SaveCheckpoint("run.checkpoint", every=5).every
        5
    """

    # It saves the state of the other callbacks, so they go first.
    last = True

    def __init__(self, path: str | PathLike[str], every: int = 1) -> None:
        self.path = as_path(path)
        self.every = checked_count(every, "every of SaveCheckpoint", 1)

    def on_epoch_end(self, training: Training) -> None:
        is_due = training.epoch % self.every == 0
        is_last = training.epoch == training.epochs or training.history.stop_reason
        if is_due or is_last:
            save_training(training, self.path)


def save_training(training: Training, path: Path) -> None:
    """Write everything that the next step depends on."""
    arrays: dict[str, State] = {"model": _read_numbers(training.model)}
    callbacks = [
        {"kind": type(callback).__name__, **callback.state_dict()}
        for callback in training.config.callbacks
    ]
    state = {
        "identity": _identify(training),
        "epoch": training.epoch,
        "optimizer": training.optimizer.state_dict(),
        "history": {name: numpy.array(numbers) for name, numbers in training.history.items()},
        "steps": numpy.array(training.history.steps),
        "callbacks": callbacks,
        "generators": [
            _generator_state(generator) for _, generator in training.model.named_generators()
        ],
    }
    save(path, arrays, _pack(state, arrays))


def resume_training(training: Training, path: Path) -> None:
    """Continue where the training was that wrote the file.

    Raises:
        CheckpointError: For a file of another training: other data, batch size, seed, model,
            optimizer or callbacks.
    """
    checkpoint = load(path)
    try:
        state = _unpack(checkpoint.metadata, checkpoint.arrays)
        _check_identity(state["identity"], _identify(training))
        _load_callbacks(training, state["callbacks"])
        _load_generators(training.model, state["generators"])
        training.optimizer.load_state_dict(state["optimizer"])
        training.history.load_state_dict({"columns": state["history"], "steps": state["steps"]})
        _write_numbers(training.model, checkpoint.arrays["model"])
        training.skip_to(int(state["epoch"]))
    # A file may be damaged or made by hand, so any part may be missing or of another type.
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} holds no training that can go on here: {error}") from error


@explain_calls
def load_model(model: Module, path: str | PathLike[str]) -> None:
    """Set parameters and buffers of `model` from a file that `SaveCheckpoint` wrote.

    Args:
        model: A model with the same parameter names as the saved one.
        path: The file.

    Raises:
        CheckpointError: For another file, or the file of a model with other names; the model is
            then unchanged.
    """
    checkpoint = load(path)
    identity = checkpoint.metadata.get("identity")
    if "model" not in checkpoint.arrays or not isinstance(identity, dict):
        raise CheckpointError(
            f"{path} holds no training; for numbers by name use "
            "model.load_state_dict(checkpoint.load(path).arrays)"
        )
    _check_identity({"names": identity.get("names")}, {"names": _fingerprint_names(model)})
    _write_numbers(model, checkpoint.arrays["model"])


def _identify(training: Training) -> dict[str, State]:
    return {**training.identity(), "names": _fingerprint_names(training.model)}


def _check_identity(saved: State, own: Mapping[str, object]) -> None:
    for name, value in own.items():
        there = saved.get(name) if isinstance(saved, dict) else None
        if not isinstance(saved, dict) or there != value:
            raise CheckpointError(
                f"the checkpoint is of another training: {name} was {there!r}, "
                f"and is {value!r} here"
            )


def _load_callbacks(training: Training, states: list[dict[str, State]]) -> None:
    callbacks = training.config.callbacks
    # By class and position, as there may be several callbacks of one class.
    saved = [state["kind"] for state in states]
    own = [type(callback).__name__ for callback in callbacks]
    if saved != own:
        raise CheckpointError(
            f"the checkpoint is of a training with the callbacks {saved}, not {own}"
        )
    for callback, state in zip(callbacks, states, strict=True):
        callback.load_state_dict({name: item for name, item in state.items() if name != "kind"})


def _read_numbers(model: Module) -> NDArray[numpy.float64]:
    return numpy.array(list(model.state_dict().values()))


def _write_numbers(model: Module, numbers: NDArray[numpy.float64]) -> None:
    model.load_state_dict(dict(zip(model.state_dict(), numbers.tolist(), strict=True)))


def _fingerprint_names(model: Module) -> str:
    """Return the number of parameters and buffers, and a checksum of their names."""
    names = list(model.state_dict())
    checksum = crc32("\n".join(names).encode())
    return f"{len(names)} parameters and buffers, {checksum:08x}"


def _generator_state(generator: Random) -> dict[str, State]:
    _, words, gauss = generator.getstate()
    # A float64 holds the 32-bit words exactly, and is what a checkpoint stores.
    return {"words": numpy.array(words, dtype=float), "gauss": gauss}


def _load_generators(model: Module, states: list[dict[str, State]]) -> None:
    for (_, generator), state in zip(model.named_generators(), states, strict=True):
        words = tuple(int(word) for word in state["words"])
        # 3 is the version of the state that `random.Random` writes and reads.
        generator.setstate((3, words, state["gauss"]))


def _pack(item: State, arrays: dict[str, State]) -> State:
    """Make `item` fit for JSON: arrays and non-finite numbers go to `arrays`, and leave a name."""
    if isinstance(item, dict):
        return {str(name): _pack(part, arrays) for name, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [_pack(part, arrays) for part in item]
    if isinstance(item, numpy.ndarray) or (isinstance(item, float) and not isfinite(item)):
        name = f"{_ARRAY}{len(arrays)}"
        arrays[name] = item
        return name
    return item


def _unpack(item: State, arrays: Mapping[str, State]) -> State:
    if isinstance(item, dict):
        return {name: _unpack(part, arrays) for name, part in item.items()}
    if isinstance(item, list):
        return [_unpack(part, arrays) for part in item]
    if isinstance(item, str) and item.startswith(_ARRAY):
        array = arrays[item]
        return array if array.ndim else float(array)
    return item
