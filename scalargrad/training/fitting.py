"""The function `fit`: check its arguments, then build and run a Training."""

from collections.abc import Iterable, Sequence
from functools import partial
from os import PathLike
from typing import TypeAlias

from scalargrad.compiler.backend import BackendName, choose_backend
from scalargrad.compiler.jax_backend import Devices
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import is_number
from scalargrad.core.unlearned import mark_reported
from scalargrad.errors import DataError, OptionError, ResumeWarning
from scalargrad.losses import LossName, get_loss
from scalargrad.nn import Module
from scalargrad.optim import OPTIMIZERS, Optimizer, Scheduled
from scalargrad.optim.rules import OptimizerName
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import as_path
from scalargrad.utils.frames import warn
from scalargrad.utils.garbage import collector_off
from scalargrad.utils.spelling import suggestion

from .aliases import ArrayLike, Loss, Penalty
from .auto_steps import AutoStep, Work, earns_recording
from .bucketed_steps import count_structures, make_compiled_step
from .callbacks import read_callbacks
from .checks import Trial, check_training
from .compiled_steps import CompiledStep
from .history import History
from .loop import Callback, Training, TrainingConfig, overrides, watches_steps
from .metrics import Metrics, bind_borders, read_metrics
from .reach import check_own_parameters, explain_no_parameters
from .resuming import SaveCheckpoint, resume_training
from .sample_weights import ClassWeight, apply_class_weights
from .samples import Samples, read_samples, split_validation
from .steps import EagerStep, Step

CompiledOption: TypeAlias = bool | BackendName
"""What `fit` takes as `compiled`."""


@explain_calls
def fit(
    model: Module,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss | LossName,
    optimizer: Optimizer | OptimizerName = "adam",
    epochs: int = 10,
    batch_size: int | None = 32,
    penalty: Penalty | None = None,
    validation: ArrayLike = None,
    metrics: Metrics = (),
    callbacks: Callback | Scheduled | Iterable[Callback | Scheduled] = (),
    class_weight: ClassWeight | None = None,
    sample_weight: ArrayLike = None,
    shuffle: bool = True,
    seed: int | None = 0,
    progress: bool = True,
    resume: str | PathLike[str] | None = None,
    compiled: CompiledOption = "auto",
    devices: Devices = None,
) -> History:
    """Train `model` and return the training history. Afterwards the model is in eval mode.

    Before the first step the data is checked, and model, loss and penalty are tried out on one
    sample of each shape. An UnlearnedWarning names what the loss uses but nothing will train.

    The history has, for each epoch, "loss" (the mean over the samples, each measured before its
    step), "learning_rate", "penalty" if there is one, the metrics, and "validation_loss" and each
    metric with the prefix "validation_" if there is a validation set.

    Ctrl-C ends the training after the last complete step and returns the history so far.

    Args:
        model: The model to train. It receives a copy of each sample.
        X: The samples: an array, frame, tensor, or list of whatever the model takes. Their lengths
            may differ, as those of sentences do; those of one length are computed together, next
            to each other in each batch. See `data.pad_sequences` for very many lengths.
        y: One target for each sample.
        loss: A function (prediction, target) of one sample, or the name of one of `losses`. Its
            mean over the batch is minimized.
        optimizer: An Optimizer over the parameters to train, or the name of one, which then
            trains all parameters of the model with its default options.
        epochs: Number of passes over the samples.
        batch_size: Samples per step: 1 is stochastic descent, None the whole set. If the model
            computes statistics of a batch, a single sample left at the end joins the batch before.
        penalty: A function of the model that returns a Value to add to the loss, such as
            `lambda model: l2(model.parameters(), 1e-4)`.
        validation: (X, y) or (X, y, sample_weight) to measure on after each epoch, or the fraction
            or number of the samples to hold out for it.
        metrics: Names from METRICS, or functions (prediction, target) of plain numbers, which are
            averaged; `whole_set` marks those that take all predictions and targets at once. Sample
            weights don't count in metrics.
        callbacks: Callbacks, and schedules, which are stepped after each epoch.
        class_weight: Weight of each class in the loss: "balanced" (every class counts the same),
            a dict from class to weight, or a list in the order of the classes.
        sample_weight: Weight of each sample in the loss. The loss of a batch is the sum of
            weight × loss divided by the sum of the weights, or 0 if all weights are 0.
        shuffle: If False, keep the given order in every epoch, and hold out the last samples.
            Where one batch is the whole set, the given order is always kept, as the mean over the
            batch is the same in any order.
        seed: Seed of the order of the samples. None keeps the given order too, but a share for
            validation is still drawn at random.
        progress: Show a progress bar (if tqdm is installed) or one line per epoch.
        resume: File of a SaveCheckpoint to continue from. If it does not exist yet, training starts
            from scratch, with a message. An interrupted run continues bit-exactly. With more epochs
            than before, "auto" may compile what began on the graph: where the last bits count,
            choose how to compute, such as compiled="numpy", from the start.
        compiled: "auto" records the graph of one sample and trains on arrays, which is much faster,
            if the recording agrees with the graph and the training is long enough to pay for it. If
            not, every sample is computed on its own graph; `history.eager_reason` says why.
            It trains in native code (pip install "scalargrad-viz[native]") where that is installed
            and the epochs, those before a resume included, are enough to pay for LLVM's compiling,
            which takes 0.1 to 0.4 seconds for a network of usual size, and in NumPy elsewhere;
            `history.compiled` says which.
            Samples of each length, or nested in each way, need a recording of their own.
            True, or the name of a backend ("numpy", "jax", "native"), always compiles, without that
            comparison, and raises an error for what can't be recorded. False never compiles.
            With "native", whole epochs run as machine code, updates by the optimizers of
            `scalargrad.optim` included, where no callback looks at single steps.
            What a callback changes in the model counts from then on: parameters, attributes, and
            what objects, lists and dicts in attributes hold, three levels deep. For anything deeper
            pass False. Losses and gradients are the same up to rounding (about 1e-12). Parameters
            may differ by more where an optimizer magnifies rounding: Adam divides a gradient by its
            own size, and one that is 0 by symmetry is 1e-18 in one and 0 in the other.
        devices: With compiled="jax", the devices of JAX that share each batch: how many, or a list
            of them. None computes on the first one. With compiled="native", how many threads share
            each batch that is large enough.

    Returns:
        The numbers of every epoch and every step.

    Raises:
        DivergenceError: If a loss, gradient or parameter becomes nan or inf. It names the first
            operation that produced one and has the `history` so far; the model has the parameters
            from before that step.
        OptionError: For an argument with an invalid value.
        DataError: For samples or targets of the wrong kind.
        LengthError: For samples or targets of the wrong shape.
        CheckpointError: If `resume` is a file of another run.
        TraceError: For compiled=True, or a backend, and a model or loss that can't be recorded.

    Example:
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
    order_seed = _check_seed(seed) if shuffle else None
    samples = read_samples(X, y, weights=sample_weight)
    train, held_out = split_validation(samples, validation, order_seed, shuffle)
    # All options are checked before the trial, which runs the user's code.
    metric_functions = read_metrics(metrics)
    loss_function = get_loss(loss)
    callback_list = read_callbacks(callbacks)
    epoch_count = checked_int(epochs, "epochs", 0)
    size = None if batch_size is None else checked_int(batch_size, "batch_size", 1)
    _check_compiled(compiled, devices)

    # The trial below reports what nothing would learn, so no step warns of it a second time.
    with mark_reported(id(module) for _, module in model.named_modules()):
        trained_by = resolve_optimizer(optimizer, model)
        # A share for validation was checked with the samples that it comes from.
        given = None if is_number(validation) else held_out
        with collector_off():
            trial = check_training(model, loss_function, penalty, trained_by, samples, given)

        parts = (model, loss_function, penalty, trained_by)
        predicting = bool(metric_functions)
        is_weighted = class_weight is not None or sample_weight is not None
        looks = predicting or is_weighted or held_out is not None
        sets = (train, held_out)
        work = _count_work(sets, epoch_count, size, callback_list, looks)
        step = _make_step(parts, sets, predicting, trial, work, compiled, devices)

        # Those of validation too, so that both sets are measured with the same border.
        targets = train.targets + (held_out.targets if held_out else [])
        train, held_out = apply_class_weights(
            train, held_out, class_weight, loss_function, trial.prediction
        )
        config = TrainingConfig(
            epochs=epoch_count,
            batch_size=size,
            seed=order_seed,
            metrics=bind_borders(metric_functions, targets, loss_function, trial.prediction),
            callbacks=callback_list,
        )
        training = Training(step, trained_by, train, held_out, config)
        message = _resume(training, resume)
        return training.run(progress, message)


def _make_step(
    parts: tuple[Module, Loss, Penalty | None, Optimizer],
    sets: tuple[Samples, Samples | None],
    predicting: bool,
    trial: Trial,
    work: Work,
    compiled: CompiledOption,
    devices: Devices,
) -> Step:
    """Return the kind of step that `compiled` asks for.

    Args:
        parts: Model, loss, penalty and optimizer.
        sets: The samples to train on, and those to validate on, if any.
        predicting: Whether predictions are needed beside the loss.
        trial: What the first samples gave.
        work: How much the whole training computes.
        compiled: As for `fit`.
        devices: As for `fit`.
    """
    if compiled is False:
        return EagerStep(*parts)
    if compiled == "auto":
        earned = earns_recording(trial.losses, work.visits, work.steps)
        return AutoStep(*parts, predicting, trial.prediction, earned, work)
    backend = "auto" if compiled is True else compiled
    make = partial(
        CompiledStep,
        *parts,
        predicting,
        trial.prediction,
        backend,
        devices,
        batch_size=work.batch_size,
    )
    return make_compiled_step(sets, make)


def _count_work(
    sets: tuple[Samples, Samples | None],
    epochs: int,
    batch_size: int | None,
    callbacks: Sequence[Callback],
    looks_between_epochs: bool,
) -> Work:
    """Return how much a training run computes.

    Args:
        sets: The samples to train on, and those to validate on, if any.
        epochs: The epochs of the whole training.
        batch_size: As for `fit`.
        callbacks: Those of the training.
        looks_between_epochs: Whether anything but a callback looks at what an epoch did.
    """
    train, held_out = sets
    steps = len(train.starts(batch_size, 1))
    steps_at_once = steps * epochs
    if watches_steps(callbacks):
        steps_at_once = 1
    elif looks_between_epochs or any(overrides(each, "on_epoch_end") for each in callbacks):
        steps_at_once = steps
    # Each of them needs a program of its own, and steps of several are made one by one.
    structures = count_structures(sets)
    if structures > 1:
        steps_at_once = 1
    return Work(
        # Measuring costs about half as much as training.
        visits=epochs * (len(train) + len(held_out or ()) // 2) // structures,
        steps=epochs * steps // structures,
        batch_size=min(batch_size or len(train), len(train)),
        validates=held_out is not None,
        steps_at_once=steps_at_once,
    )


def _check_compiled(compiled: object, devices: Devices) -> None:
    """Check both options.

    Raises:
        OptionError: For one that does not exist, or devices of a backend that has none.
    """
    if not isinstance(compiled, bool):
        choose_backend(compiled, "compiled", "True, False, ")
    if devices is not None and compiled not in ("jax", "native"):
        raise OptionError(
            'devices are those of JAX, or threads of native code: give compiled="jax" or "native", '
            f"not {compiled!r}"
        )


def _resume(training: Training, resume: str | PathLike[str] | None) -> str:
    """Continue from a file; if there is none, return the message that says so."""
    if resume is None:
        return ""
    path = as_path(resume)
    if path.exists():
        resume_training(training, path)
        return ""

    message = f"there is no checkpoint {str(path)!r} yet, so the training starts from scratch"
    saved_to = [
        callback.path
        for callback in training.config.callbacks
        if isinstance(callback, SaveCheckpoint)
    ]
    # A script that resumes itself finds no file in its first run, which needs no warning.
    if path not in saved_to:
        warn(
            f"resume: {message}, and no SaveCheckpoint among the callbacks writes it: "
            "is the name right?",
            ResumeWarning,
        )
    return message


def resolve_optimizer(choice: Optimizer | OptimizerName, model: Module) -> Optimizer:
    """Return the given optimizer, or the one of that name over all parameters of the model.

    Raises:
        DataError: For a model whose `parameters` returns anything but Parameters.
        OptionError: For anything else, and for a model without parameters.

    Example:
        >>> from scalargrad.nn import Layer
        >>> type(resolve_optimizer("adam", Layer(2, 1))).__name__
        'Adam'
    """
    if isinstance(choice, Optimizer):
        return choice
    if not isinstance(choice, str) or choice not in OPTIMIZERS:
        hint = suggestion(choice, OPTIMIZERS)
        raise OptionError(f"optimizer must be an Optimizer or a name, not {choice!r}{hint}")
    parameters = model.parameters()
    if not parameters:
        raise OptionError(explain_no_parameters(model))
    check_own_parameters(model)
    return OPTIMIZERS[choice](parameters)


def _check_seed(seed: int | None) -> int | None:
    return None if seed is None else checked_int(seed, "seed of fit", 0)
