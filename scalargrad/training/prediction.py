"""What a model answers to many samples, and how good the answers are."""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import numpy
from numpy.typing import NDArray

from scalargrad.compiler import compile
from scalargrad.core.conversion import as_float, is_number
from scalargrad.core.graph import topological
from scalargrad.core.modes import current_mode, no_grad
from scalargrad.core.nested import flatten, unflatten
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import Module, evaluation

from .aliases import ArrayLike, Prediction, Sample
from .auto_steps import earns_recording
from .encoding import are_integers, stack_rows
from .inputs import copy_entry, read_rows
from .metrics import accuracy
from .samples import nest, read_samples
from .scores import r2
from .steps import plain_numbers

Array = NDArray[numpy.float64]
ScoreName: TypeAlias = Literal["auto", "accuracy", "r2"]

_LABELS = ({0.0, 1.0}, {-1.0, 1.0})
"""Targets of one output that are two classes."""


class Score(float):
    """A score of a model, a float that says what it is.

    Attributes:
        metric: "accuracy" or "r2".

    Example:
        >>> score = Score(0.75, "accuracy")
        >>> score, score > 0.5
        (accuracy 0.75, True)
    """

    metric: str

    def __new__(cls, number: float, metric: str) -> "Score":
        """Make a score of a number and the name of its metric."""
        score = super().__new__(cls, number)
        score.metric = metric
        return score

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (float(self), self.metric)

    def __repr__(self) -> str:
        return f"{self.metric} {float(self)!r}"

    __str__ = float.__repr__


def predict(model: Module, X: ArrayLike) -> Array:
    """Return the outputs of a model for many samples, in evaluation mode.

    The model is compiled if there are enough samples for that to save time. The numbers are those
    of calling it for each sample, up to rounding. Its mode is restored afterwards.

    Args:
        model: The model.
        X: The samples: an array, frame, tensor, or list of whatever the model takes.

    Returns:
        An array (samples, …) with what the model returns for each one: (samples,) for one Value,
        (samples, k) for a list of k.

    Raises:
        DataError: For anything that is not a list of samples.
        LengthError: For no samples, and for outputs of different shapes.

    Example:
        >>> from scalargrad.nn import MLP
        >>> predict(MLP(2, [3, 2], seed=0), numpy.eye(2)).shape
        (2, 2)
    """
    rows = read_rows(X, "X", finite=False)
    samples = rows.items
    if not samples:
        raise LengthError("X has no samples: give at least one")
    answers: list[Any] = [None] * len(samples)
    with evaluation(model):
        for indices in _by_structure(samples, rows.shape is not None):
            group = [samples[i] for i in indices]
            for i, answer in zip(indices, _predict_alike(model, group), strict=True):
                answers[i] = answer
    return _as_array(answers)


def score(
    model: Module,
    X: ArrayLike,
    y: ArrayLike,
    *,
    metric: ScoreName = "auto",
    border: float | None = None,
) -> Score:
    """Return the accuracy of a model, or its R².

    Args:
        model: The model.
        X: The samples, as for `predict`.
        y: One target for each: a number, the index of a class, or a list.
        metric: "accuracy", the share of right decisions; "r2", the part of the targets' variance
            that is explained; or "auto": accuracy for class indices, for lists of shares of
            classes, and for one output whose targets are 0 and 1 or -1 and 1; else R².
        border: For one output, what divides the two classes: 0.5 for probabilities, 0.0 for
            logits. By default the middle of the two targets; outputs outside [0, 1] for targets
            of 0 and 1 are refused, because they may be logits.

    Returns:
        The score, a float that has its `metric`.

    Raises:
        DataError: For anything that is not a list of samples, and for a number that is not the
            index of one of several outputs.
        LengthError: For another number of targets than samples, and for targets of another shape
            than the outputs.
        OptionError: For another metric, and where a border must be given.

    Example:
        >>> from scalargrad.nn import MLP
        >>> model = MLP(1, [1], seed=0)
        >>> line = [model([x]).data for x in (0.0, 0.5, 2.0)]
        >>> score(model, [[0.0], [0.5], [2.0]], line)
        r2 1.0
    """
    if metric not in ("auto", "accuracy", "r2"):
        raise OptionError(f"metric must be 'auto', 'accuracy' or 'r2', not {metric!r}")
    if border is not None:
        border = as_float(border, "border")
    samples = read_samples(X, y, finite=False)
    outputs = predict(model, X)
    targets = [_unwrap(target) for target in samples.targets]
    if metric == "auto":
        metric = "accuracy" if _are_classes(outputs, targets) else "r2"
    if metric == "r2":
        return Score(r2(_drop_single(outputs).tolist(), targets), "r2")
    _check_indices(outputs, targets)
    border = _find_border(outputs, targets, border)
    pairs = zip(outputs.tolist(), targets, strict=True)
    right = [accuracy(output, target, border=border) for output, target in pairs]
    return Score(sum(right) / len(right), "accuracy")


def _by_structure(samples: Sequence[Sample], are_alike: bool) -> Iterator[list[int]]:
    """Yield the indices of the samples that are nested alike."""
    if are_alike:
        yield list(range(len(samples)))
        return
    groups: dict[Hashable, list[int]] = {}
    for i, sample in enumerate(samples):
        groups.setdefault(nest(sample), []).append(i)
    yield from groups.values()


def _predict_alike(model: Module, samples: list[Sample]) -> list[Prediction]:
    """Return the answers to samples of one structure."""
    first = _answer_first(model, samples[0])
    if _pays(first, len(samples)):
        # A model may do anything that can't be recorded. If the mistake is its own, it is raised
        # below, where it is called.
        with suppress(Exception):
            return _predict_compiled(model, samples, first)
    with no_grad():
        return [plain_numbers(model(copy_entry(sample))) for sample in samples]


def _answer_first(model: Module, sample: Sample) -> Prediction:
    """Call a model, which may have been given one sample in the place of several."""
    try:
        return model(copy_entry(sample))
    except (DataError, LengthError) as error:
        if not is_number(sample) and not isinstance(sample, Value):
            raise
        raise DataError(
            f"predict takes rows, as in [[1, 2]], and a row of X is {sample!r}: for one sample "
            "call model(x), and for many of one number each give [[x] for x in X]"
        ) from error


def _pays(answer: Any, count: int) -> bool:
    if current_mode().observers:
        return False
    outputs = [part for part in flatten(answer) if isinstance(part, Value)]
    nodes = len(topological(outputs))
    return nodes > 0 and earns_recording(outputs, count, 0)


def _predict_compiled(model: Module, samples: list[Sample], answer: Any) -> list[Prediction]:
    sample = samples[0]

    def respond(numbers: Any) -> Any:
        flat = numbers if isinstance(numbers, list) else [numbers]
        return flatten(model(unflatten(sample, flat)))

    stacked = stack_rows(samples, "sample", "predict", same_nest=True)
    length = stacked.shape[1]
    program = compile(
        respond, model, inputs=[("token", length) if are_integers(samples) else length]
    )
    outputs = program(stacked)
    # What the model does with plain numbers, such as a look-up in a dict, is not recorded.
    compared = {0: answer}
    with no_grad():
        for i in (len(samples) // 2, len(samples) - 1):
            compared[i] = model(copy_entry(samples[i]))
    for i, on_graph in compared.items():
        expected = flatten(plain_numbers(on_graph))
        if not numpy.allclose(outputs[i], expected, rtol=1e-9, atol=1e-12, equal_nan=True):
            raise DataError("the program does not compute what the graph computes")
    pattern = plain_numbers(answer)
    return [unflatten(pattern, row) for row in outputs.tolist()]


def _as_array(answers: list[Prediction]) -> Array:
    try:
        # NumPy takes None, of a model without a return, for nan.
        if None in answers:
            raise TypeError
        return numpy.array(answers, dtype=float)
    except (TypeError, ValueError):
        shapes = {nest(answer) for answer in answers}
        if len(shapes) > 1:
            raise LengthError(
                "predict returns an array, but the outputs have different shapes: "
                "call the model for each sample"
            ) from None
        raise DataError(
            "predict takes a model that returns a number, or numbers in nested lists, not "
            f"{type(answers[0]).__name__}"
        ) from None


def _are_classes(outputs: Array, targets: Sequence[Any]) -> bool:
    """Whether the targets are classes: indices, shares that add up to 1, or two labels."""
    outputs = _drop_single(outputs)
    if outputs.ndim == 1:
        # The targets of a part of the data may all be of one class.
        return any(_labels(targets) <= labels for labels in _LABELS)
    if outputs.ndim != 2:
        return False
    rows = [target for target in targets if isinstance(target, list)]
    if not rows:
        return True
    return all(min(row) >= 0.0 and abs(sum(row) - 1.0) < 1e-9 for row in map(flatten, rows))


def _check_indices(outputs: Array, targets: Sequence[Any]) -> None:
    """Refuse single numbers that are not the index of an output: no answer could be right."""
    if _drop_single(outputs).ndim != 2:
        return
    count = outputs.shape[1]
    for i, target in enumerate(targets):
        if not isinstance(target, list) and float(target) not in range(count):
            raise DataError(
                f"y[{i}] is {target!r}, which is not the index of one of {count} outputs"
            )


def _find_border(outputs: Array, targets: Sequence[Any], border: float | None) -> float | None:
    if _drop_single(outputs).ndim != 1 or border is not None:
        return border
    labels = _labels(targets)
    if labels <= {-1.0, 1.0} and -1.0 in labels:
        return 0.0
    if outputs.min() < 0.0 or outputs.max() > 1.0:
        raise OptionError(
            "some outputs are below 0 or above 1: give border=0.0 if they are logits, 0.5 if they "
            'are meant to be near 0 and 1, or metric="r2" for a regression'
        )
    return 0.5


def _labels(targets: Sequence[Any]) -> set[float]:
    return {float(x) for target in targets for x in flatten(target)}


def _unwrap(target: Any) -> Any:
    """Return the number of a target that is a list of one."""
    return target[0] if isinstance(target, list) and len(target) == 1 else target


def _drop_single(outputs: Array) -> Array:
    """Return a column as a vector."""
    is_column = outputs.ndim == 2 and outputs.shape[1] == 1
    return outputs[:, 0] if is_column else outputs
