"""What the experiments on defaults have in common: how they train, and what they measure."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad import compile
from scalargrad.losses import binary_cross_entropy_with_logits as cross_entropy
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.training import History, fit

Points = tuple[NDArray[Any], NDArray[Any]]


def learn(model: Module, data: Points, optimizer: Optimizer, epochs: int, **more: Any) -> History:
    """Train a model on all samples at once, or as more options of `fit` say."""
    # A batch that is normalized can't be replayed sample by sample.
    usual = {"loss": cross_entropy, "batch_size": None, "compiled": not model.needs_batch}
    chosen = {**usual, "progress": False, **more}
    return fit(model, *data, optimizer=optimizer, epochs=epochs, **chosen)


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
