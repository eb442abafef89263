"""Unsupervised pre-training: each layer first learns to encode its inputs, as an autoencoder."""

from collections.abc import Sequence
from typing import Any

from .core.modes import no_grad
from .data import add_noise
from .errors import DataError, OptionError
from .losses import Loss, LossName
from .nn import MLP, Layer, Module, Residual, Sequential, TimeDistributed
from .nn.naming import describe
from .optim.rules import OptimizerName
from .training import History, fit
from .training.aliases import ArrayLike, Sample
from .training.fitting import CompiledOption
from .training.samples import read_samples
from .training.steps import plain_numbers
from .utils.calls import explain_calls


@explain_calls
def pretrain(
    model: MLP | Sequential,
    X: ArrayLike,
    *,
    loss: LossName | Loss = "mse",
    optimizer: OptimizerName = "adam",
    epochs: int = 10,
    batch_size: int | None = 32,
    noise: float = 0.0,
    seed: int = 0,
    progress: bool = True,
    compiled: CompiledOption = "auto",
) -> list[History]:
    """Train the layers of a network one after the other, except the last.

    Each layer is trained as the encoder of an autoencoder: a new linear layer decodes, and both
    learn to reproduce their input. Then the decoder is thrown away, and the next layer learns from
    the codes (Bengio, Lamblin, Popovici and Larochelle 2007). Frozen parameters stay as they are.
    Train the whole network with `fit` afterwards. Whether that ends better than without depends on
    the data: compare the two.

    Args:
        model: An MLP, or a Sequential. Of its steps the Layers are trained; others (Dropout,
            BatchNorm …) are applied in eval mode.
        X: Samples (n, inputs); targets are not needed.
        loss: As for `fit`.
        optimizer: The name of an optimizer, as for `fit`.
        epochs: Epochs for each layer.
        batch_size: As for `fit`.
        noise: Standard deviation of noise that is added to the input of the autoencoder, but not to
            what it has to reproduce (Vincent et al. 2008).
        seed: Seed of the decoders, the noise and the order of samples.
        progress: As for `fit`.
        compiled: As for `fit`.

    Returns:
        One history for each layer that was trained.

    Raises:
        DataError: For another kind of model.
        OptionError: For a model with fewer than two layers.
        ScalargradError: As `fit` does.

    Example:
        >>> model = MLP(3, [2, 1], activation="tanh", seed=1)
        >>> X = [[1.0, 2.0, 3.0], [2.0, 1.0, 0.0], [0.0, 0.5, 1.0]]
        >>> histories = pretrain(model, X, epochs=20, progress=False)
        >>> len(histories), histories[0]["loss"][-1] < histories[0]["loss"][0]
        (1, True)
    """
    steps = _steps(model)
    layers = [step for step in steps if isinstance(step, Layer)]
    if len(layers) < 2:
        raise OptionError(
            f"pretrain needs a layer before the last one, but {describe(model)} has "
            f"{len(layers)} in all"
        )

    codes = read_samples(X, X).inputs
    histories = []
    for step in steps[: steps.index(layers[-1])]:
        if isinstance(step, Layer):
            decoder = Layer(
                step.outputs, step.inputs, activation=None, initializer="xavier", seed=seed
            )
            history = fit(
                Sequential(step, decoder),
                add_noise(codes, noise, seed) if noise else codes,
                codes,
                loss=loss,
                optimizer=optimizer,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                progress=progress,
                compiled=compiled,
            )
            histories.append(history)
        codes = _apply_step(step, codes)
    return histories


def _steps(model: object) -> list[Any]:
    if isinstance(model, MLP):
        return list(model.layers)
    # These two are Sequentials as well, but do more than call their steps.
    does_more = isinstance(model, (Residual, TimeDistributed))
    if isinstance(model, Sequential) and not does_more:
        return list(model.steps)
    raise DataError(
        "pretrain takes an MLP or a Sequential, whose layers come one after the other, "
        f"not {type(model).__name__}"
    )


def _apply_step(step: Any, codes: Sequence[Sample]) -> list[Sample]:
    """Return the outputs of a step for all samples."""
    if isinstance(step, Module):
        # Without dropout, and with the same codes in every run.
        step.eval()
    with no_grad():
        return [plain_numbers(step(code)) for code in codes]
