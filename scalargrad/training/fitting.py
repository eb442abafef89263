"""`fit`: its arguments looked at, and the training begun."""

from os import PathLike
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import is_number
from scalargrad.core.unlearned import reported
from scalargrad.errors import DataError, OptionError, ResumeWarning
from scalargrad.losses import loss_of
from scalargrad.nn import Module
from scalargrad.optim import OPTIMIZERS, Optimizer
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import as_path
from scalargrad.utils.frames import warn
from scalargrad.utils.spelling import suggestion

from .callbacks import listed_callbacks
from .checks import check_training
from .compiled_steps import CompiledStep
from .history import History
from .loop import Training
from .metrics import named_metrics, settled
from .reach import no_parameters
from .resuming import SaveCheckpoint, resume_training
from .sample_weights import weighted
from .samples import held_out, samples_of
from .steps import EagerStep, Loss, Penalty


@explain_calls
def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss | str,
    optimizer: Optimizer | str = "adam",
    epochs: int = 10,
    batch_size: int | None = 32,
    penalty: Penalty | None = None,
    validation: Any = None,
    metrics: Any = (),
    callbacks: Any = (),
    class_weight: Any = None,
    sample_weight: Any = None,
    shuffle: bool = True,
    seed: int | None = 0,
    progress: bool = True,
    resume: str | PathLike[str] | None = None,
    compiled: bool = False,
) -> History:
    """Train `model`, and return what it was like. Afterwards the model is in evaluation.

    X, y        samples and targets, as many of the one as of the other: arrays, frames, tensors, or lists of whatever the model
                takes. The model is given a copy of each sample
    loss        a function (prediction, target) of one sample, or the name of one of `losses`; its mean over the batch is minimized
    optimizer   an Optimizer over the parameters to train, or the name of one, with its default options, over all of the model's
    epochs      how often all samples are seen
    batch_size  samples for each step: 1 is stochastic descent, None takes them all. A single one that is left at the end joins the
                batch before it where the model takes statistics of a batch
    penalty     a function of the model that returns a Value to be added, such as `lambda model: l2(model.parameters(), 1e-4)`
    validation  (X, y) or (X, y, sample_weight) to measure on after each epoch, or the share of the samples to hold out for it, or how
                many, or None
    metrics     names of METRICS, or functions (prediction, target) of plain numbers, to be averaged; `whole_set` marks those that
                take all predictions and targets at once. Weights of samples don't count in them
    callbacks   Callbacks, or one; schedules, which are stepped after each epoch
    class_weight   how much the samples of a class count in the loss: "balanced" (each class as much as any other), a dict from class
                   to weight, or a list in the order of the classes
    sample_weight  how much each sample counts in the loss, a list of numbers. The loss of a batch is the sum of weight × loss by the sum
                   of the weights; a batch whose weights are all 0 has the loss 0
    shuffle     False: the samples come in the order given in every epoch, and a share for validation is taken from the end
    seed        of the order of the samples; None for the order given, too, except that a share for validation is drawn at random
    progress    show a bar (where tqdm is installed) or a line for each epoch
    resume      the file of a SaveCheckpoint to go on from; where there is none yet, the training begins, and says so
    compiled    record one sample's graph and train on arrays: the same numbers, to rounding, much faster. Samples must be of one shape

    Before the first step the data is checked, and model, loss and penalty are tried out on a sample of each shape; an UnlearnedWarning
    names what the loss uses and nothing will train.

    The history has, for each epoch, "loss" (the mean over the samples, each before its step), "learning_rate", "penalty" where there
    is one, the metrics, and each of these with "validation_" in front as far as it is measured.

    Ctrl-C ends the training after the last step that was complete, and the history so far is returned. A loss, gradient or
    parameter that is nan or inf raises DivergenceError, which names the first operation that made one; the model then has the
    parameters from before that step, and the `history` of the error what was recorded. Raises OptionError, DataError or LengthError for
    arguments that can't be used, CheckpointError for a file of another training.

    >>> from scalargrad.nn import MLP
    >>> from scalargrad.optim import SGD
    >>> model = MLP(1, [1], seed=0)
    >>> history = fit(model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], loss="mse",
    ...               optimizer=SGD(model.parameters(), 0.1), epochs=200, progress=False)
    >>> [round(number, 3) for number in model.state_dict().values()]
    [2.0, 1.0]
    """
    if not isinstance(model, Module):
        raise DataError(f"fit trains a Module, not {type(model).__name__}")
    order = _checked_seed(seed) if shuffle else None
    samples = samples_of(X, y, weights=sample_weight)
    kept, held = held_out(samples, validation, order, shuffle)
    measures, paid = named_metrics(metrics), loss_of(loss)
    listed, count = listed_callbacks(callbacks), checked_int(epochs, "epochs", 0)
    size = None if batch_size is None else checked_int(batch_size, "batch_size", 1)
    with reported(
        id(part) for _, part in model.named_modules()
    ):  # the trial tells of what nothing would learn
        rule = optimizer_of(optimizer, model)
        trial = check_training(
            model, paid, penalty, rule, samples, None if is_number(validation) else held
        )
        targets = kept.targets + (held.targets if held else [])
        parts = model, paid, penalty, rule
        step = (
            CompiledStep(*parts, bool(measures), trial.prediction)
            if compiled
            else EagerStep(*parts)
        )
        training = Training(step, *weighted(kept, held, class_weight, paid, trial.prediction), rule)
        training.metrics, training.callbacks = (
            settled(measures, targets, paid, trial.prediction),
            listed,
        )
        training.epochs, training.seed, training.batch_size = count, order, size
        training.message = _resumed(training, resume)
        return training.run(progress)


def _resumed(training: Training, resume: str | PathLike[str] | None) -> str:
    """Go on from a file; where there is none, return what is to be said about that."""
    if resume is None:
        return ""
    path = as_path(resume)
    if path.exists():
        resume_training(training, path)
        return ""
    message = f"there is no checkpoint {str(path)!r} yet, so the training starts from scratch"
    written = [
        callback.path for callback in training.callbacks if isinstance(callback, SaveCheckpoint)
    ]
    if path not in written:
        warn(
            f"resume: {message}, and no SaveCheckpoint among the callbacks writes it: is the name right?",
            ResumeWarning,
        )
    return message


def optimizer_of(choice: Any, model: Module) -> Optimizer:
    """The optimizer itself, or the one of that name over all parameters of the model.

    Raises OptionError for anything else, and for a model without parameters.
    """
    if isinstance(choice, Optimizer):
        return choice
    if not isinstance(choice, str) or choice not in OPTIMIZERS:
        raise OptionError(
            f"optimizer must be an Optimizer or a name, not {choice!r}{suggestion(choice, OPTIMIZERS)}"
        )
    parameters = model.parameters()
    if not parameters:
        raise OptionError(no_parameters(model))
    return OPTIMIZERS[choice](parameters)


def _checked_seed(seed: Any) -> int | None:
    return None if seed is None else checked_int(seed, "seed of fit", 0)
