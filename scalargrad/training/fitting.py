"""`fit`: its arguments looked at, and the training begun."""

from collections.abc import Iterable
from os import PathLike
from typing import Any

from ..calls import explain_calls
from ..errors import DataError, OptionError
from ..files import as_path
from ..hyperparameters import checked_count
from ..losses import loss_of
from ..naming import suggestion
from ..nn import Module
from ..optim import OPTIMISERS
from ..optimiser import Optimiser
from .callbacks import as_callback
from .compiled import CompiledStep
from .history import History
from .metrics import named_metrics
from .running import Training
from .samples import held_out, samples_of
from .saving import resume_training
from .steps import EagerStep, Loss, Penalty


@explain_calls
def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss | str,
    optimiser: Optimiser | str = "adam",
    epochs: int = 10,
    batch_size: int | None = 32,
    penalty: Penalty | None = None,
    validation: Any = None,
    metrics: Any = (),
    callbacks: Iterable[Any] = (),
    seed: int | None = 0,
    progress: bool = True,
    resume: str | PathLike[str] | None = None,
    compiled: bool = False,
) -> History:
    """Train `model`, and return what it was like. Afterwards the model is in evaluation.

    X, y        samples and targets, as many of the one as of the other: arrays, or lists of whatever the model takes
    loss        a function (prediction, target) of one sample, or the name of one of `losses`; its mean over the batch is minimised
    optimiser   an Optimiser over the parameters to train, or the name of one, with its default options, over all of the model's
    epochs      how often all samples are seen
    batch_size  samples for each step: 1 is stochastic descent, None takes them all. A single one that is left at the end joins the
                batch before it where the model takes statistics of a batch
    penalty     a function of the model that returns a Value to be added, such as `lambda model: l2(model.parameters(), 1e-4)`
    validation  (X, y) to measure on after each epoch, or the share of the samples to hold out for it, or None
    metrics     names of METRICS, or functions (prediction, target) of plain numbers, to be averaged
    callbacks   Callbacks; schedules, which are stepped after each epoch
    seed        of the order of the samples; None for the order given
    progress    show a bar (where tqdm is installed) or a line for each epoch
    resume      the file of a SaveCheckpoint to go on from; where there is none yet, the training begins
    compiled    record one sample's graph and train on arrays: the same numbers, to rounding, much faster. Samples must be of one shape

    The history has, for each epoch, "loss" (the mean over the samples, each before its step), "learning_rate", "penalty" where there
    is one, the metrics, and each of these with "validation_" in front as far as it is measured.

    Ctrl-C ends the training after the last step that was complete, and the history so far is returned. A loss, gradient or
    parameter that is nan or inf raises DivergenceError, which names the first operation that made one; the model then has the
    parameters from before that step, and the `history` of the error what was recorded. Raises OptionError, DataError or LengthError for
    arguments that can't be used, CheckpointError for a file of another training.

    >>> from scalargrad.nn import MLP
    >>> from scalargrad.optim import SGD
    >>> model = MLP(1, [1])
    >>> history = fit(model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], loss="mse",
    ...               optimiser=SGD(model.parameters(), 0.1), epochs=200, progress=False)
    >>> [round(number, 3) for number in model.state_dict().values()]
    [2.0, 1.0]
    """
    if not isinstance(model, Module):
        raise DataError(f"fit trains a Module, not {type(model).__name__}")
    kept, held = held_out(samples_of(X, y), validation, _checked_seed(seed))
    measures, rule, paid = named_metrics(metrics), optimiser_of(optimiser, model), loss_of(loss)
    step = CompiledStep(model, paid, penalty, rule, bool(measures)) if compiled else EagerStep(model, paid, penalty, rule)
    training = Training(step, kept, held, rule)
    training.metrics, training.callbacks = measures, sorted(map(as_callback, callbacks), key=lambda each: each.last)
    training.epochs, training.seed = checked_count(epochs, "epochs"), seed
    training.batch_size = None if batch_size is None else checked_count(batch_size, "batch_size", 1)
    if resume is not None and as_path(resume).exists():
        resume_training(training, as_path(resume))
    return training.run(progress)


def optimiser_of(choice: Any, model: Module) -> Optimiser:
    """The optimiser itself, or the one of that name over all parameters of the model; raises OptionError for anything else."""
    if isinstance(choice, Optimiser):
        return choice
    if not isinstance(choice, str) or choice not in OPTIMISERS:
        raise OptionError(f"optimiser must be an Optimiser or a name, not {choice!r}{suggestion(choice, OPTIMISERS)}")
    return OPTIMISERS[choice](model.parameters())


def _checked_seed(seed: Any) -> int | None:
    return None if seed is None else checked_count(seed, "seed of fit")
