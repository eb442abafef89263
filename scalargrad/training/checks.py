"""Checks before training: model, loss and penalty are tried out on one sample of each structure."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from scalargrad.core.conversion import is_number
from scalargrad.core.modes import enable_grad, no_grad, observing
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import TARGETS, is_ignored, unwrap_loss
from scalargrad.nn import Module, evaluation
from scalargrad.optim import Optimizer

from .aliases import Loss, Penalty, Prediction, Target
from .inputs import copy_entry, locate, walk_leaves
from .reach import (
    ComputedNodes,
    check_optimizer,
    find_leaves,
    find_plain_values,
    warn_of_unlearned,
)
from .samples import Samples
from .snapshot import Snapshot
from .steps import check_loss, plain_numbers
from .targets import check_targets, nested_shape

_MAX_TARGETS = 100
"""How many different targets a user's own loss is tried with."""
_MAX_TRIES = 8
"""How many samples are tried to find a loss that depends on anything that learns."""


@dataclass(frozen=True)
class Trial:
    """What the first samples gave.

    Attributes:
        prediction: Prediction for the first sample, as plain numbers.
        losses: Graphs of a few losses, and of the penalty.
        computed: The nodes that were computed for them.
    """

    prediction: Prediction
    losses: list[Value]
    computed: ComputedNodes


def check_training(
    model: Module,
    loss: Loss,
    penalty: Penalty | None,
    optimizer: Optimizer,
    samples: Samples,
    validation: Samples | None,
) -> Trial:
    """Try out model, loss and penalty on one sample of each structure, and check the result.

    Args:
        model: What is trained.
        loss: A function (prediction, target).
        penalty: A function of the model, or None.
        optimizer: What trains the model.
        samples: All samples of X and y.
        validation: Those of `validation=(X, y)`, or None.

    Returns:
        What was tried.

    Raises:
        DataError: For samples or targets of the wrong kind.
        LengthError: For samples or targets of the wrong shape.
        OptionError: For targets that the loss does not take, and an optimizer of another model.
    """
    # Kept until the end, so that no other Value gets the id of one of them.
    before = find_plain_values(model)
    trial = try_out(model, loss, samples, penalty)
    if validation is not None:
        try_out(model, loss, validation, None, "X of validation", "y of validation")
    used, old = find_leaves(trial.losses, trial.computed)
    check_optimizer(model, optimizer, used)

    # A model that keeps a sample it was given does not make the sample its own.
    given: set[int] = set()
    for i in samples.examples():
        for _, leaf in walk_leaves((samples.inputs[i], samples.targets[i]), ()):
            given.add(id(leaf))
    own = {id(value): path for path, value in before if id(value) not in given}
    warn_of_unlearned(model, optimizer, used, old, own, [loss, penalty])
    return trial


def try_out(
    model: Module,
    loss: Loss,
    samples: Samples,
    penalty: Penalty | None = None,
    x_name: str = "X",
    y_name: str = "y",
) -> Trial:
    """Compute predictions and losses of one sample of each structure, as eager training does.

    The model keeps its buffers, its random generators and its mode.

    Args:
        model: The model.
        loss: A function (prediction, target).
        samples: The samples.
        penalty: A function of the model, or None.
        x_name: What messages call the samples.
        y_name: What messages call the targets.

    Returns:
        What was tried.

    Raises:
        ScalargradError: What the model or the loss raises; the message says for which sample.
    """
    computed = ComputedNodes()
    with preserved(model), enable_grad(), observing(computed):
        outputs = _predict_examples(model, samples, x_name)
        first_index, first_output = outputs[0]
        predictions = {i: plain_numbers(output) for i, output in outputs}
        first = predictions[first_index]
        alike = len({nested_shape(prediction) for prediction in predictions.values()}) == 1
        # Before the loss is computed, whose own errors would say less.
        check_targets(loss, first, samples, y_name, alike)

        losses: list[Value] = []
        for i, output in outputs:
            value = check_loss(loss(output, copy_entry(samples.targets[i])))
            if not _is_ignored_sample(loss, samples, i):
                losses.append(value)
        if alike and unwrap_loss(loss)[0] not in TARGETS:
            _try_targets(loss, first_output, samples, y_name)

        # A loss may be constant for one sample only, as a hinge beyond its margin.
        if not model.needs_batch and not any(value.args for value in losses):
            losses += _compute_more_losses(model, loss, samples)
        if penalty is not None:
            penalty_value = penalty(model)
            if isinstance(penalty_value, Value):
                losses.append(penalty_value)
    return Trial(first, losses, computed)


@contextmanager
def preserved(model: Module) -> Iterator[None]:
    """Restore modes, buffers and random generators of a model afterwards.

    Inside, the model is in eval mode, unless it looks at whole batches in training mode.

    Example:
        >>> from scalargrad.nn import Dropout
        >>> layer = Dropout(0.5, seed=1)
        >>> with preserved(layer):
        ...     layer.training
        False
    """
    snapshot = Snapshot(model)
    try:
        with evaluation(model):
            # Such a model computes something else in training, which has to be tried out.
            if any(module.batchwise for _, module in model.named_modules()):
                model.train()
            yield
    finally:
        snapshot.restore()


def _predict_examples(model: Module, samples: Samples, name: str) -> list[tuple[int, Prediction]]:
    """Return the index and the output of each sample that is tried."""
    if model.needs_batch:
        chosen = list(range(min(2, len(samples))))
        outputs = model.batch([copy_entry(samples.inputs[i]) for i in chosen])
        return list(zip(chosen, outputs, strict=True))
    return [(i, _predict(model, samples, i, name)) for i in samples.examples()]


def _predict(model: Module, samples: Samples, i: int, name: str) -> Prediction:
    try:
        return model(copy_entry(samples.inputs[i]))
    except (DataError, LengthError) as error:
        hint = ""
        if samples.x_rows.shape == ():
            hint = (
                f" ({name} has one number for each sample: "
                f"for a list of one give {name[0]}.reshape(-1, 1))"
            )
        message = f"{name}[{samples.original_index(i)}]: {error}{hint}"
        raise type(error)(message) from error


def _try_targets(loss: Loss, output: Prediction, samples: Samples, name: str) -> None:
    """Call a user's own loss with every different target once.

    It may call a built-in loss, which would refuse some. A compiled loss would not notice: it is
    recorded with stand-ins for the targets.
    """
    seen: set[Target] = set()
    with no_grad():
        for i, target in enumerate(samples.targets):
            is_row = isinstance(target, list) and all(map(is_number, target))
            key = tuple(target) if is_row else target
            if not (isinstance(key, tuple) or is_number(key)) or len(seen) == _MAX_TARGETS:
                return
            if key not in seen:
                seen.add(key)
                _try_target(loss, output, target, locate(name, (samples.original_index(i),)))


def _try_target(loss: Loss, output: Prediction, target: Target, where: str) -> None:
    try:
        loss(output, copy_entry(target))
    except (DataError, LengthError, OptionError) as error:
        raise type(error)(f"{where}: {error}") from error


def _compute_more_losses(model: Module, loss: Loss, samples: Samples) -> list[Value]:
    """Return losses of a few more samples, up to the first one that depends on something."""
    losses: list[Value] = []
    for i in range(min(len(samples), _MAX_TRIES)):
        if _is_ignored_sample(loss, samples, i):
            continue
        output = model(copy_entry(samples.inputs[i]))
        losses.append(check_loss(loss(output, copy_entry(samples.targets[i]))))
        if losses[-1].args:
            break
    return losses


def _is_ignored_sample(loss: Loss, samples: Samples, i: int) -> bool:
    _, options = unwrap_loss(loss)
    ignored = options.get("ignore_index")
    target = samples.targets[i]
    parts: Sequence[Target] = target if isinstance(target, (list, tuple)) else [target]
    return all(is_ignored(part, ignored) for part in parts)
