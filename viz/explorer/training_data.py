"""What a page needs to train: the graph of one sample's loss, the samples, and the optimizer.

The page computes the recorded graph for a whole batch at once, so the graph must be the same for
every sample: the samples may only differ in the numbers of its inputs and of its target.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.compiler.tracing import trace
from scalargrad.core.checks import checked_int
from scalargrad.core.hooks import BY_HAND
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.modes import enable_grad
from scalargrad.core.nested import flatten, unflatten
from scalargrad.core.ops import TABLE
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import OptionError, PictureError, TraceError
from scalargrad.losses import LOSSES, LossName, get_loss, unwrap_loss
from scalargrad.nn.module import Module
from scalargrad.optim import OPTIMIZERS, Optimizer
from scalargrad.optim.rules import OptimizerName
from scalargrad.training.aliases import Loss, Prediction, Target
from scalargrad.training.checks import check_training
from scalargrad.training.encoding import class_options, encode_target, stack_rows
from scalargrad.training.fitting import resolve_optimizer
from scalargrad.training.samples import Samples, read_samples
from scalargrad.training.snapshot import Snapshot as ModelState
from scalargrad.training.steps import check_loss
from viz.look.palette import DARK_COLORS, LIGHT_COLORS
from viz.look.text import clean, plural
from viz.model.snapshot import Snapshot
from viz.views.choose import copy_module

from .network_data import describe_network
from .packing import PackedFrames, pack
from .rules_js import loops

MAX_VALUES = 3_000
"""The largest graph of one sample that a page trains: it has two numbers a value and sample."""
MAX_SAMPLES = 500
"""How many samples a page trains with at most."""
_MAX_COMPARED = 3
"""How many samples are recorded, to see whether their graphs are the same."""

_CONSTANT = "constant"

Table = NDArray[numpy.float64]


@dataclass(frozen=True)
class TrainingData:
    """All that a page needs to train.

    Attributes:
        snapshot: The graph of the loss of the first sample.
        samples: The packed inputs and encoded targets: a row for each input, then one for each
            number of a target, and a column for each sample.
        loops: The operations of the graph on arrays, as JavaScript.
        description: The rest, as JSON holds it.
        network: The columns of neurons, as JSON holds them; None for a model that has no columns.
    """

    snapshot: Snapshot
    samples: PackedFrames
    loops: list[str]
    description: dict[str, Any]
    network: dict[str, Any] | None


@dataclass(frozen=True)
class _SampleGraph:
    """The graph of one sample's loss, with its inputs and its target as leaves."""

    inputs: list[Value]
    targets: list[Value]
    outputs: list[Value]
    loss: Value


def read_training(
    model: Module,
    data: Any,
    loss: "Loss | LossName",
    optimizer: "Optimizer | OptimizerName",
    batch_size: int | None,
    seed: int | None,
) -> TrainingData:
    """Record the loss of a sample as `fit` builds it, and pack what training it takes.

    Args:
        model: The model, which stays as it is.
        data: The samples and their targets, (X, y).
        loss: As for `fit`.
        optimizer: As for `fit`; it has made no step yet.
        batch_size: As for `fit`.
        seed: As for `fit`.

    Raises:
        PictureError: The graph is not the same for every sample, is too large, or can't be
            computed in a page.
        OptionError: An option has an invalid value.
        ScalargradError: What `fit` raises for such samples.

    Example:
        >>> from scalargrad.nn import MLP
        >>> data = ([[0.0, 1.0], [1.0, 0.0]], [1.0, -1.0])
        >>> training = read_training(MLP(2, [1], seed=0), data, "mse", "sgd", None, 0)
        >>> training.samples.rows, training.samples.frames, len(training.snapshot)
        (3, 2, 12)
    """
    samples = _read_data(data)
    loss_function = get_loss(loss)
    size = None if batch_size is None else checked_int(batch_size, "batch_size of explore", 1)
    order_seed = None if seed is None else checked_int(seed, "seed of explore", 0)
    _refuse_batchwise(model)
    trained_by = resolve_optimizer(optimizer, model)
    _check_optimizer(trained_by)
    trial = check_training(model, loss_function, None, trained_by, samples, None)

    encoded = _encode_targets(samples, loss_function, trial.prediction)
    samples = replace(samples, targets=encoded)
    inputs = stack_rows(samples.inputs, "sample", "explore")
    targets = stack_rows(samples.targets, "target", "explore")
    graph = _record(model, loss_function, samples, inputs, targets)
    snapshot = Snapshot([graph.loss])
    network = describe_network(model, snapshot, graph.inputs, graph.outputs)
    written, loop_of = loops(snapshot.order)

    # Frozen parameters are in the graph too, but no optimizer moves them.
    trained = {parameter for parameter in trained_by.parameters if parameter.trainable}
    parameters = [i for i, node in enumerate(snapshot.order) if node in trained]
    if not parameters:
        raise PictureError(
            "there is nothing to train: the loss depends on no parameter of the optimizer that is "
            "not frozen"
        )
    description = {
        "inputs": _positions(graph.inputs, snapshot),
        "targets": _positions(graph.targets, snapshot),
        "outputs": _positions(graph.outputs, snapshot),
        "parameters": parameters,
        "loops": loop_of,
        "samples": len(samples),
        "rule": type(trained_by).__name__,
        "options": dict(trained_by.options),
        "batch_size": size,
        # As text, because a seed may have more digits than a number of JavaScript.
        "seed": None if order_seed is None else str(order_seed),
        # Since Python 3.12 `sum` keeps the digits that a loop of additions loses.
        "compensated": sys.version_info >= (3, 12),
        "border": _find_border(loss_function, trial.prediction, samples, targets),
        "loss": _describe_loss(loss_function),
        "model": _describe_model(model),
        "class_colors": {"light": LIGHT_COLORS, "dark": DARK_COLORS},
    }
    table = numpy.concatenate([inputs, targets], axis=1).T
    return TrainingData(snapshot, pack(table), written, description, network)


def _read_data(data: Any) -> Samples:
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise OptionError(
            f"data of explore must be (X, y), samples and targets, not {type(data).__name__}"
        )
    samples = read_samples(*data)
    if len(samples) > MAX_SAMPLES:
        raise OptionError(
            f"data of explore has {len(samples):,} samples, and a page trains with at most "
            f"{MAX_SAMPLES}: give some of them, such as X[:{MAX_SAMPLES}]"
        )
    return samples


def _refuse_batchwise(model: Module) -> None:
    parts = model.batchwise_parts()
    if parts:
        raise PictureError(
            f"a page can't train {parts}: it looks at all samples of a batch together, and the "
            "page computes the graph of one sample for each"
        )


def _check_optimizer(optimizer: Optimizer) -> None:
    if type(optimizer) not in OPTIMIZERS.values():
        names = ", ".join(rule.__name__ for rule in OPTIMIZERS.values())
        raise OptionError(
            f"a page can't run the update rule of {type(optimizer).__name__}: give one of {names}"
        )
    if optimizer.steps:
        raise OptionError(
            f"the optimizer has made {plural(optimizer.steps, 'step')} already, and the page "
            "starts with the first one: give a new optimizer"
        )


def _encode_targets(samples: Samples, loss: Loss, prediction: Prediction) -> list[Target]:
    options = class_options(loss, prediction)
    if options is not None and options.get("ignore_index") is not None:
        raise OptionError("a page can't leave samples out of the loss: give no ignore_index")
    return [encode_target(target, prediction, options) for target in samples.targets]


def _record(
    model: Module, loss: Loss, samples: Samples, inputs: Table, targets: Table
) -> _SampleGraph:
    """Return the graph of the first sample, if it is that of all others too."""
    copied = copy_module(model)
    input_names, target_names = _name_leaves(samples, inputs.shape[1], targets.shape[1])

    def compute(x: Sequence[Value], y: Sequence[Value]) -> tuple[Value, list[Value]]:
        prediction = copied(unflatten(samples.inputs[0], x))
        computed = check_loss(loss(prediction, unflatten(samples.targets[0], y)))
        return computed, [each for each in flatten(prediction) if isinstance(each, Value)]

    def record(i: int) -> _SampleGraph:
        x = _leaves(inputs[i], input_names)
        y = _leaves(targets[i], target_names)
        computed, outputs = compute(x, y)
        computed.label = computed.label or "loss"
        return _SampleGraph(x, y, outputs, computed)

    with _training_mode(copied), enable_grad():
        try:
            first = record(0)
        except Exception as error:  # whatever the code of a user raises
            # The trial went well with plain numbers, so it is the Values that do not fit.
            raise PictureError(
                "a page can't train this model: in its graph the inputs and the target must be "
                f"Values, and that raises {type(error).__name__}: {error}"
            ) from error
        _check_graph(Snapshot([first.loss]))
        _trace(compute, len(first.inputs), len(first.targets))
        for i in range(1, min(_MAX_COMPARED, len(samples))):
            _compare(first, record(i), i)
    return first


def _name_leaves(samples: Samples, inputs: int, targets: int) -> tuple[list[str], list[str]]:
    """Return the names of the inputs, those of their columns if they have some, and of the target.

    Nested inputs have more numbers than columns.
    """
    names = list(samples.x_rows.names)
    if len(names) != inputs:
        names = _number("x", inputs)
    return names, _number("y", targets)


def _number(letter: str, count: int) -> list[str]:
    """Return names as mathematics has them: from 1 on, and without a number if there is one."""
    return [letter] if count == 1 else [f"{letter}{i}" for i in range(1, count + 1)]


def _leaves(numbers: Table, labels: list[str]) -> list[Value]:
    pairs = zip(numbers.tolist(), labels, strict=True)
    return [Value(number, label=label) for number, label in pairs]


@contextmanager
def _training_mode(model: Module) -> Iterator[None]:
    """Set a model to training mode, as `fit` does; its modes, buffers and generators come back."""
    # A model that can't be copied is the one of the user, which stays as it is.
    parts = [part for _, part in model.named_modules()]
    modes = [part.training for part in parts]
    state = ModelState(model)
    try:
        model.train()
        yield
    finally:
        state.restore()
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


def _check_graph(snapshot: Snapshot) -> None:
    """Raise PictureError for a graph that a page can't compute."""
    if len(snapshot) > MAX_VALUES:
        raise PictureError(
            f"the graph of one sample has {len(snapshot):,} values, and a page trains at most "
            f"{MAX_VALUES:,}: give a smaller network; without train=True a page shows larger ones"
        )
    for node in snapshot.order:
        name = snapshot.labels[node] or node.op or "a leaf"
        if isinstance(node, RandomLeaf):
            raise PictureError(
                "a page can't train a model that draws random numbers while it trains, such as "
                "Dropout: take that module out, or set its p to 0"
            )
        if node.args and node.op not in TABLE:
            raise PictureError(
                f"a page can't compute {name}, which was made by hand: build it from the "
                "operations of scalargrad"
            )
        metadata = node.metadata or {}
        if metadata.get("hooks") or BY_HAND in metadata:
            raise PictureError(
                f"a page can't call the hook, or the _backward, of {name}: remove it first"
            )


def _trace(compute: Any, inputs: int, targets: int) -> None:
    """Raise PictureError if the computation asks for a number, which the page could not repeat."""

    def outputs(x: Any, y: Any) -> Value:
        # A single number comes as itself, not in a list.
        rows = [each if isinstance(each, list) else [each] for each in (x, y)]
        computed: Value = compute(*rows)[0]
        return computed

    try:
        trace(outputs, [inputs, targets])
    except TraceError as error:
        raise PictureError(
            f"a page can't train this model, whose graph must be the same for every sample: {error}"
        ) from error


def _compare(first: _SampleGraph, other: _SampleGraph, i: int) -> None:
    """Raise PictureError if the graph of sample `i` is not that of the first one."""
    rows = _rows(first)
    its_rows = _rows(other)
    if rows == its_rows:
        return
    differing = [pair for pair in zip(rows, its_rows, strict=False) if pair[0] != pair[1]]
    if differing and len(rows) == len(its_rows):
        mine, its = differing[0]
        if mine[0] == its[0] == _CONSTANT:
            raise PictureError(
                f"a page can't train this model: the graph of X[{i}] has the number {its[1]} where "
                f"that of X[0] has {mine[1]}, so it depends on the sample, or on chance, without "
                "being computed in the graph"
            )
    raise PictureError(
        f"a page can't train this model: the graph of X[{i}] is not that of X[0], so the model "
        "takes another path for it. Choose within the graph: where(step(x), a, b), maximum, clamp"
    )


def _rows(graph: _SampleGraph) -> list[tuple[Any, ...]]:
    """Return for each value what must be equal in the graphs of two samples."""
    snapshot = Snapshot([graph.loss])
    given = {leaf: i for i, leaf in enumerate((*graph.inputs, *graph.targets))}
    rows: list[tuple[Any, ...]] = []
    for node in snapshot.order:
        if node.args:
            rows.append((node.op, [snapshot.index[arg] for arg in node.args], node.static_args))
        elif node in given:
            rows.append(("given", given[node]))
        elif isinstance(node, Parameter):
            rows.append(("parameter", id(node)))
        else:
            # As text, because nan is not equal to itself.
            rows.append((_CONSTANT, repr(node.data)))
    return rows


def _find_border(
    loss: Loss, prediction: Prediction, samples: Samples, targets: Table
) -> float | None:
    """Return the output that is between low and high targets; None if a sample has several.

    Between two classes this is where the loss doesn't prefer one: in the middle of the targets, or
    at 0 if the output is a logit.
    """
    outputs = len(flatten(prediction))
    if outputs != 1 or targets.shape[1] != 1:
        return None
    levels: list[float] = numpy.unique(targets).tolist()
    middle = (levels[0] + levels[-1]) / 2.0
    if len(levels) != 2:
        return 0.0 if levels[0] < 0.0 < levels[-1] else middle

    def loss_of(output: float, target: float) -> float:
        its_target = unflatten(samples.targets[0], [target])
        return float(loss(unflatten(prediction, [output]), its_target))

    # A loss of probabilities is level in the middle, and one of logits at 0.
    for border in (middle, 0.0):
        try:
            losses = [loss_of(border, level) for level in levels]
        except Exception:  # the loss of a user may not be defined there
            continue
        if math.isclose(*losses, rel_tol=1e-9):
            return border
    return middle


def _describe_model(model: Module) -> str:
    """Return the first line of what a model says of itself."""
    try:
        text = repr(model)
    except Exception:  # the repr of a user's class may do anything
        text = type(model).__name__
    return clean(text.partition("\n")[0], 120)


def _describe_loss(loss: Loss) -> dict[str, str]:
    """Return the name of a loss, and how Python code refers to it."""
    function, options = unwrap_loss(loss)
    name = clean(getattr(function, "__name__", ""), 60)
    if not name.isidentifier():
        name = "loss"
    if function in LOSSES.values() and not options:
        return {"name": name, "code": f'"{name}"'}
    return {"name": name, "code": "loss" if options else name}


def _positions(values: Sequence[Value], snapshot: Snapshot) -> list[int]:
    """Return where values are in the graph; -1 for one that the loss does not depend on."""
    return [snapshot.index.get(value, -1) for value in values]
