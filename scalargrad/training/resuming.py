"""A training run saved while it runs, to be resumed bit-exactly, even after it was killed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from os import PathLike
from pathlib import Path
from random import Random
from typing import Any

import numpy

from scalargrad.checkpoint import (
    Checkpoint,
    load,
    match_model_arrays,
    model_arrays,
    save,
    write_leaves,
)
from scalargrad.core.checks import checked_int
from scalargrad.errors import CheckpointError
from scalargrad.utils.files import as_path

from .loop import Callback, Training

_KEYS = ("callbacks", "epoch", "generators", "history", "identity", "optimizer")
_TENSOR = "tensor"
_NOT_FINITE = "float"
"""Keys of the dictionaries that replace an array, and a number that JSON does not have."""


class SaveCheckpoint(Callback):
    """Save model, optimizer, history, callbacks and generators every few epochs.

    Args:
        path: The file, written whole each time; `fit(…, resume=path)` goes on from it.
        every: How many epochs there are between two checkpoints.

    Example:
        >>> SaveCheckpoint("run.safetensors", every=5).every
        5
    """

    last = True

    def __init__(self, path: str | PathLike[str], every: int = 1) -> None:
        self.path = as_path(path)
        self.every = checked_int(every, "every of SaveCheckpoint", 1)

    def on_epoch_end(self, training: Training) -> None:
        """Write the file when it is time, and at the end of the training."""
        is_time = training.epoch % self.every == 0
        is_end = training.history.stop_reason or training.epoch == training.config.epochs
        if is_time or is_end:
            save_training(training, self.path)


def save_training(training: Training, path: Path) -> None:
    """Write all that the next step depends on.

    Raises:
        CheckpointError: If the model has an array of the same name as the training.
    """
    metadata, arrays = _contents(training)
    save(path, arrays, metadata)


def _contents(training: Training) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metadata and the arrays of a checkpoint."""
    arrays: dict[str, Any] = dict(model_arrays(training.model))
    metadata: dict[str, Any] = {
        "identity": training.identity(),
        "epoch": training.epoch,
    }
    for name, state in _state(training).items():
        metadata[name] = _pack(state, name, arrays)
    return metadata, arrays


def _state(training: Training) -> dict[str, Any]:
    """Return the state of everything but the model."""
    history = training.history
    # As pairs, because the metadata of a file is sorted by its keys.
    columns = [[name, numpy.array(column)] for name, column in history.items()]
    callbacks = [
        {"kind": _kind(callback), "state": callback.state_dict()}
        for callback in training.config.callbacks
    ]
    generators = [_generator_state(generator) for generator in _generators(training)]
    return {
        "optimizer": training.optimizer.state_dict(),
        "history": {"columns": columns, "steps": numpy.array(history.steps)},
        "callbacks": callbacks,
        "generators": generators,
    }


def _kind(callback: Callback) -> str:
    return type(callback).__name__


def resume_training(training: Training, path: Path) -> None:
    """Go on where the training was that wrote the file.

    Raises:
        CheckpointError: For a file of another run: other data, batch size, seed, model,
            optimizer or callbacks; and for whatever else can't be resumed. Then nothing has
            changed.
    """
    checkpoint = load(path)
    metadata = checkpoint.metadata
    arrays = checkpoint.arrays
    with _transaction(training, path):
        for key in _KEYS:
            if key not in metadata:
                raise CheckpointError(f"{path} holds no training run: it has no {key!r}")
        _check_identity(metadata["identity"], training.identity())
        leaves = match_model_arrays(training.model, arrays, str(path))

        state = {key: _unpack(metadata[key], arrays) for key in _KEYS}
        history = _history_state(state["history"])
        training.history.load_state_dict(history)
        # The epoch is checked against the history, so it comes after it.
        epoch = _check_epoch(state["epoch"], training)
        training.skip_to(epoch)
        training.optimizer.load_state_dict(state["optimizer"])
        _load_callbacks(training, state["callbacks"])
        _load_generators(training, state["generators"])
        write_leaves(leaves)
        _check_nothing_was_lost(training, checkpoint)


def _check_nothing_was_lost(training: Training, checkpoint: Checkpoint) -> None:
    """Raise CheckpointError if the training would not write again what it was read from.

    So a number that was converted or ignored on the way can't go unnoticed. What callbacks make of
    their state is up to them.
    """
    metadata, arrays = _contents(training)
    for key in _KEYS:
        if key == "callbacks":
            continue
        if metadata[key] != checkpoint.metadata[key]:
            raise CheckpointError(f"{key} of the checkpoint can't be from a training run")
    for name, array in checkpoint.arrays.items():
        if name.startswith("callbacks."):
            continue
        if not _is_same(array, arrays.get(name)):
            raise CheckpointError(f"{name!r} of the checkpoint can't be from a training run")


def _is_same(array: Any, other: Any) -> bool:
    if other is None or numpy.shape(other) != array.shape:
        return False
    # Bit by bit, so that nan equals nan, and 0.0 differs from -0.0.
    own = numpy.asarray(other, dtype=float)
    same: bool = own.tobytes() == array.tobytes()
    return same


@contextmanager
def _transaction(training: Training, path: Path) -> Iterator[None]:
    """Put everything back if the block raises, and turn every exception into a CheckpointError.

    A file may hold any well-formed nonsense, and callbacks are the user's own: what their
    `load_state_dict` raises for it, or leaves half done, can't be known.
    """
    epoch = training.epoch
    before = _state(training)
    numbers = training.model.state_dict()
    try:
        yield
    except BaseException as error:
        training.skip_to(epoch)
        training.model.load_state_dict(numbers)
        _put_back(training, before)
        if isinstance(error, CheckpointError) or not isinstance(error, Exception):
            raise
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"{path} holds no training run that can continue here: {reason}"
        ) from error


def _put_back(training: Training, before: Mapping[str, Any]) -> None:
    history = _history_state(before["history"])
    training.optimizer.load_state_dict(before["optimizer"])
    training.history.load_state_dict(history)
    pairs = zip(training.config.callbacks, before["callbacks"], strict=True)
    for callback, entry in pairs:
        callback.load_state_dict(entry["state"])
    _load_generators(training, before["generators"])


def _history_state(state: Any) -> dict[str, Any]:
    columns = dict(state["columns"])
    are_names = all(isinstance(name, str) for name in columns)
    if columns and not ("loss" in columns and are_names):
        raise CheckpointError(f"the history must have a column 'loss', not only {list(columns)}")
    return {"columns": columns, "steps": state["steps"]}


def _check_identity(saved: Any, own: Mapping[str, Any]) -> None:
    for name, value in own.items():
        saved_value = saved.get(name) if isinstance(saved, dict) else None
        if saved_value != value:
            raise CheckpointError(
                f"the checkpoint is of another run: {name} was {saved_value!r}, "
                f"and is {value!r} here"
            )


def _check_epoch(epoch: Any, training: Training) -> int:
    """Return the number of epochs that have ended, which must be that of the history."""
    if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch != training.history.epochs:
        raise CheckpointError(
            f"epoch of the checkpoint must be that of its history, {training.history.epochs}, "
            f"not {epoch!r}"
        )
    if any(len(numbers) != epoch for numbers in training.history.values()):
        raise CheckpointError("the columns of the history in the checkpoint differ in length")
    return epoch


def _load_callbacks(training: Training, states: Any) -> None:
    callbacks = training.config.callbacks
    kinds = [entry["kind"] for entry in states]
    own = [_kind(callback) for callback in callbacks]
    if kinds != own:
        raise CheckpointError(
            f"the checkpoint is of a run with the callbacks {kinds}, not {own}: give the same ones"
        )
    for callback, entry in zip(callbacks, states, strict=True):
        state = entry["state"]
        if not isinstance(state, dict):
            raise CheckpointError(f"the state of {entry['kind']} in the checkpoint must be a dict")
        callback.load_state_dict(state)


def _load_generators(training: Training, states: Any) -> None:
    for generator, state in zip(_generators(training), states, strict=True):
        generator.setstate(_check_generator(state))


def _generators(training: Training) -> list[Random]:
    return [generator for _, generator in training.model.named_generators()]


def _generator_state(generator: Random) -> dict[str, Any]:
    _, words, gauss = generator.getstate()
    return {"words": numpy.array(words, dtype=float), "gauss": gauss}


def _check_generator(state: Any) -> tuple[int, tuple[int, ...], float | None]:
    """Return the state of a generator as `Random.setstate` takes it."""
    given = list(state["words"])
    words = tuple(map(int, given))
    if list(map(float, words)) != given:
        raise CheckpointError("the state of a random generator must be whole numbers")
    # 3 is the version of Python's format, which `setstate` asks for.
    return (3, words, state["gauss"])


def _pack(item: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Return `item` as JSON can hold it.

    Arrays go to `arrays` under the path at which they were, and a reference takes their place.
    """
    if isinstance(item, Mapping):
        return {str(key): _pack(part, f"{name}.{key}", arrays) for key, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [_pack(part, f"{name}.{i}", arrays) for i, part in enumerate(item)]
    if isinstance(item, numpy.ndarray):
        if name in arrays:
            raise CheckpointError(f"the model and the training both have an array {name!r}")
        arrays[name] = item
        return {_TENSOR: name}
    if isinstance(item, float) and not isfinite(item):
        return {_NOT_FINITE: repr(item)}
    return item


def _unpack(item: Any, arrays: Mapping[str, Any]) -> Any:
    """Undo `_pack`."""
    if isinstance(item, dict):
        if set(item) == {_TENSOR}:
            return arrays[item[_TENSOR]]
        if set(item) == {_NOT_FINITE}:
            return float(item[_NOT_FINITE])
        return {name: _unpack(part, arrays) for name, part in item.items()}
    if isinstance(item, list):
        return [_unpack(part, arrays) for part in item]
    return item
