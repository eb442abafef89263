"""Unsupervised pre-training: each layer first learns to describe what it is given, so that what it is given can be told from it."""

from collections.abc import Sequence
from typing import Any

from .core.modes import no_grad
from .data import add_noise
from .errors import DataError, OptionError
from .nn import MLP, Layer, Module, Sequential
from .nn.naming import describe
from .training import History, fit
from .training.samples import samples_of
from .training.steps import numbers_of
from .utils.calls import explain_calls


@explain_calls
def pretrain(
    model: MLP | Sequential,
    X: Any,
    *,
    loss: Any = "mse",
    optimizer: str = "adam",
    epochs: int = 10,
    batch_size: int | None = 32,
    noise: float = 0.0,
    seed: int = 0,
    progress: bool = True,
) -> list[History]:
    """Train the layers of a network one after the other, the last one left out, each as the first half of an autoencoder.

    The layer encodes, a fresh linear layer decodes, and both learn to give back what came in; then the decoder is thrown away, and the
    next layer learns on the codes (Bengio, Lamblin, Popovici and Larochelle 2007). Frozen parameters stay. Afterwards train the whole
    network with `fit`, which needs fewer samples with targets that way.

    model  an MLP, or a Sequential; of its steps the Layers are trained, and others (Dropout, BatchNorm …) are passed in evaluation
    X      samples, (n, inputs); targets are not needed
    noise  standard deviation of the noise that is added to what goes in, but not to what should come out (Vincent et al. 2008)
    others as for `fit`

    Returns one history for each layer that was trained. Raises DataError for another kind of model, OptionError for one with fewer than
    two layers, and what `fit` raises.

    >>> model = MLP(3, [2, 1], activation="tanh", seed=1)
    >>> histories = pretrain(model, [[1.0, 2.0, 3.0], [2.0, 1.0, 0.0], [0.0, 0.5, 1.0]], epochs=20, progress=False)
    >>> len(histories), histories[0]["loss"][-1] < histories[0]["loss"][0]
    (1, True)
    """
    steps = _steps(model)
    layers = [step for step in steps if isinstance(step, Layer)]
    if len(layers) < 2:
        raise OptionError(
            f"pretrain needs a layer before the last one, but {describe(model)} has {len(layers)} in all"
        )
    codes, histories = samples_of(X, X).inputs, []
    for step in steps[: steps.index(layers[-1])]:
        if isinstance(step, Layer):
            autoencoder = Sequential(
                step,
                Layer(step.outputs, step.inputs, activation=None, initializer="xavier", seed=seed),
            )
            options = {
                "loss": loss,
                "optimizer": optimizer,
                "epochs": epochs,
                "batch_size": batch_size,
                "seed": seed,
            }
            noisy = add_noise(codes, noise, seed) if noise else codes
            histories.append(fit(autoencoder, noisy, codes, progress=progress, **options))
        codes = _passed(step, codes)
    return histories


def _steps(model: Any) -> list[Any]:
    if isinstance(model, MLP):
        return list(model.layers)
    if isinstance(model, Sequential):
        return list(model.steps)
    raise DataError(
        f"pretrain takes an MLP or a Sequential, whose layers come one after the other, not {type(model).__name__}"
    )


def _passed(step: Any, codes: Sequence[Any]) -> list[Any]:
    """What the step makes of each sample, in evaluation."""
    if isinstance(step, Module):
        step.eval()
    with no_grad():
        return [numbers_of(step(code)) for code in codes]
