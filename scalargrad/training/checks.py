"""Checks before training begins, the same whatever runs the steps: one sample of each kind is tried out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scalargrad.core.conversion import is_number
from scalargrad.core.modes import enable_grad, no_grad, observing
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import TARGETS, is_ignored, unwrapped
from scalargrad.nn import Module, evaluation
from scalargrad.optim import Optimizer

from .aliases import Loss, Penalty
from .inputs import copy_entry, locate, walk_leaves
from .reach import ComputedNodes, check_optimizer, find_leaves, find_plain_values, warn_of_unlearned
from .samples import Samples
from .steps import check_loss, plain_numbers
from .targets import check_targets, nested_shape

_TARGETS = 100
"""So many different targets are handed to a loss of the user's."""
_TRIES = 8
"""So many samples are asked whether their loss depends on anything that learns."""


@dataclass(frozen=True)
class Trial:
    """What the first samples gave.

    Attributes:
        prediction: That of the first sample, as plain numbers.
        losses: The graphs of a few losses, and of the penalty.
        made: What was computed for them.
    """

    prediction: Any
    losses: list[Value]
    made: ComputedNodes


def check_training(
    model: Module,
    loss: Loss,
    penalty: Penalty | None,
    optimizer: Optimizer,
    samples: Samples,
    held: Samples | None,
) -> Trial:
    """Try out model, loss and penalty on a sample of each structure, and check what comes of it.

    Args:
        model: What is trained.
        loss: A function (prediction, target).
        penalty: A function of the model, or None.
        optimizer: What trains it.
        samples: All samples of X and y.
        held: Those of `validation=(X, y)`, or None.

    Returns:
        What was tried.

    Raises:
        DataError: For samples or targets of the wrong kind.
        LengthError: For those of the wrong shape.
        OptionError: For targets that the loss does not take, and an optimizer of another model.
    """
    before = find_plain_values(
        model
    )  # kept until the end, so that no other Value gets the id of one of them
    trial = try_out(model, loss, samples, penalty)
    if held is not None:
        try_out(model, loss, held, None, "X of validation", "y of validation")
    used, _ = find_leaves(trial.losses, trial.made)
    check_optimizer(model, optimizer, used)
    given = {
        id(leaf)
        for i in samples.examples()
        for _, leaf in walk_leaves((samples.inputs[i], samples.targets[i]), ())
    }
    own = {id(value): path for path, value in before if id(value) not in given}
    warn_of_unlearned(model, optimizer, trial.losses, trial.made, own, [loss, penalty])
    return trial


def try_out(
    model: Module,
    loss: Loss,
    samples: Samples,
    penalty: Penalty | None = None,
    x_name: str = "X",
    y_name: str = "y",
) -> Trial:
    """Compute predictions and losses of a sample of each structure, as eager training would.

    The model keeps its buffers, its random generators and its mode.

    Args:
        model: The model.
        loss: A function (prediction, target).
        samples: The samples.
        penalty: A function of the model, or None.
        x_name: What messages call the samples.
        y_name: What messages call the targets.

    Returns:
        What came of it.

    Raises:
        ScalargradError: What the model or the loss raises; the message says for which sample.
    """
    made = ComputedNodes()
    with preserved(model), enable_grad(), observing(made):
        outputs = _predictions(model, samples, x_name)
        shown = {i: plain_numbers(output) for i, output in outputs}
        first = shown[outputs[0][0]]
        alike = len({nested_shape(prediction) for prediction in shown.values()}) == 1
        check_targets(loss, first, samples, y_name, alike)
        losses = [check_loss(loss(output, copy_entry(samples.targets[i]))) for i, output in outputs]
        if alike and unwrapped(loss)[0] not in TARGETS:
            _try_targets(loss, outputs[0][1], samples, y_name)
        counted = [
            found
            for (i, _), found in zip(outputs, losses, strict=True)
            if not _ignores(loss, samples, i)
        ]
        if not model.needs_batch and not any(found.args for found in counted):
            counted += _more_losses(model, loss, samples)
        if penalty is not None:
            found = penalty(model)
            counted += [found] if isinstance(found, Value) else []
    return Trial(first, counted, made)


@contextmanager
def preserved(model: Module) -> Iterator[None]:
    """Let a model compute something without a trace: modes, buffers and random generators stay as they are.

    Inside it is in evaluation, unless it looks at whole batches in training.

    Example:
        >>> from scalargrad.nn import Dropout
        >>> layer = Dropout(0.5, seed=1)
        >>> with preserved(layer):
        ...     layer.training
        False
    """
    buffers = [(buffer, buffer.data) for _, buffer in model.named_buffers()]
    generators = [(generator, generator.getstate()) for _, generator in model.named_generators()]
    try:
        with evaluation(model):
            if any(part.batchwise for _, part in model.named_modules()):
                model.train()
            yield
    finally:
        for buffer, number in buffers:
            buffer.data = number
        for generator, state in generators:
            generator.setstate(state)


def _predictions(model: Module, samples: Samples, name: str) -> list[tuple[int, Any]]:
    """The index of each sample that was tried, with the output for it."""
    if model.needs_batch:
        chosen = list(range(min(2, len(samples))))
        return list(
            zip(chosen, model.batch([copy_entry(samples.inputs[i]) for i in chosen]), strict=True)
        )
    return [(i, _predicted(model, samples, i, name)) for i in samples.examples()]


def _predicted(model: Module, samples: Samples, i: int, name: str) -> Any:
    try:
        return model(copy_entry(samples.inputs[i]))
    except (DataError, LengthError) as error:
        single = samples.x_rows.shape == ()
        hint = (
            f" ({name} has one number for each sample: for a list of one give {name[0]}.reshape(-1, 1))"
            if single
            else ""
        )
        raise type(error)(f"{name}[{samples.original_index(i)}]: {error}{hint}") from error


def _try_targets(loss: Loss, output: Any, samples: Samples, name: str) -> None:
    """Hand a loss of the user's every different target once: it may ask one of ours, which would refuse some.

    A compiled loss can't: its targets stand for those of all samples.
    """
    seen: set[Any] = set()
    with no_grad():
        for i, target in enumerate(samples.targets):
            key = (
                tuple(target)
                if isinstance(target, list) and all(map(is_number, target))
                else target
            )
            if not (isinstance(key, tuple) or is_number(key)) or len(seen) == _TARGETS:
                return
            if key not in seen:
                seen.add(key)
                _try_target(loss, output, target, locate(name, (samples.original_index(i),)))


def _try_target(loss: Loss, output: Any, target: Any, where: str) -> None:
    try:
        loss(output, copy_entry(target))
    except (DataError, LengthError, OptionError) as error:
        raise type(error)(f"{where}: {error}") from error


def _more_losses(model: Module, loss: Loss, samples: Samples) -> list[Value]:
    """Losses of a few more samples, up to one that depends on something."""
    found: list[Value] = []
    for i in range(min(len(samples), _TRIES)):
        if not _ignores(loss, samples, i):
            found.append(
                check_loss(
                    loss(model(copy_entry(samples.inputs[i])), copy_entry(samples.targets[i]))
                )
            )
            if found[-1].args:
                break
    return found


def _ignores(loss: Loss, samples: Samples, i: int) -> bool:
    _, options = unwrapped(loss)
    ignored = options.get("ignore_index")
    target = samples.targets[i]
    if isinstance(target, (list, tuple)):
        return all(is_ignored(part, ignored) for part in target)
    return is_ignored(target, ignored)
