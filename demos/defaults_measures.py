"""What the experiments on defaults measure: losses, and how much is right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad import compile
from scalargrad.nn import Module

Points = tuple[NDArray[Any], NDArray[Any]]


def answer(model: Module, inputs: NDArray[Any]) -> NDArray[Any]:
    """Return the outputs of a model, (n, outputs)."""
    return np.asarray(compile(model, model, inputs=inputs.shape[1:])(inputs))


def mean_loss(model: Module, data: Points) -> float:
    """Return the mean cross-entropy of a model with one output."""
    logits = answer(model, data[0])[:, 0]
    return float(np.mean(np.logaddexp(0.0, logits) - data[1] * logits))


def right(model: Module, data: Points) -> float:
    """Return the share of samples with the right answer."""
    outputs = answer(model, data[0])
    answers = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.0
    return float(np.mean(answers == data[1]))
