"""Checkpoints of a training run that are well formed and make no sense: parts are replaced."""

import copy
import math
from pathlib import Path
from random import Random
from typing import Any

import numpy

from scalargrad.checkpoint import Checkpoint, load, save
from scalargrad.errors import CheckpointError
from scalargrad.training import Training
from scalargrad.training.resuming import resume_training, save_training

NONSENSE: list[Any] = [
    *(None, True, False, 0, 1, -1, 3, 1.5, 10**18, -(10**18), 1e308, 10**400),
    *("", "x", "nan", "SGD", [], [1], [[]], {}, {"a": 1}, {"tensor": "nothing"}),
    *({"tensor": "history.steps"}, {"tensor": []}, {"float": "inf"}, {"float": "x"}),
]
ARRAYS: list[Any] = [
    *(numpy.zeros(()), numpy.zeros(0), numpy.zeros((2, 2)), numpy.array([math.nan])),
    *(numpy.full(5, math.inf), numpy.arange(7.0), numpy.full(625, 1e300)),
]


def changed(found: Checkpoint, rng: Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and metadata of a checkpoint, with one to three things replaced or taken out."""
    arrays: dict[str, Any] = dict(found.arrays)
    metadata = copy.deepcopy(found.metadata)
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.3 and arrays:
            name = rng.choice(sorted(arrays))
            _replace(arrays, name, ARRAYS, rng)
            continue
        place: Any = metadata
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            if not keys:
                break
            key = rng.choice(list(keys))
            inner = place[key]
            if isinstance(inner, (dict, list)) and inner and rng.random() < 0.85:
                place = inner
                continue
            _replace(place, key, NONSENSE, rng)
            break
    return arrays, metadata


def _replace(place: Any, key: Any, choices: list[Any], rng: Random) -> None:
    if rng.random() < 0.15:
        del place[key]
    else:
        place[key] = copy.deepcopy(rng.choice(choices))


def everything(training: Training) -> str:
    """All that a refused file must leave as it was."""
    state = (
        training.model.state_dict(),
        training.optimizer.state_dict(),
        dict(training.history),
        training.history.steps,
        training.epoch,
        [each.state_dict() for each in training.config.callbacks],
        [generator.getstate() for _, generator in training.model.named_generators()],
    )
    with numpy.printoptions(threshold=10**6, floatmode="unique"):
        return repr(state)


def problem(training: Training, valid: Path, path: Path, rng: Random) -> str:
    """What is wrong after an attempt to resume from a changed file; "" where nothing is."""
    before = everything(training)
    arrays, metadata = changed(load(valid), rng)
    try:
        save(path, arrays, metadata)
    except CheckpointError:
        return ""  # numbers that JSON can't hold
    try:
        resume_training(training, path)
    except CheckpointError:
        return "" if everything(training) == before else f"a refused file changed it: {metadata}"
    except Exception as error:
        return f"{type(error).__name__}: {error}: {metadata}"
    again = path.with_suffix(".again")
    save_training(training, again)
    read, written = load(path), load(again)
    is_same = all(
        read.metadata[key] == written.metadata[key]
        for key in written.metadata
        if key != "callbacks"
    )
    resume_training(training, valid)
    return "" if is_same else f"accepted, but read as something else: {metadata}"
