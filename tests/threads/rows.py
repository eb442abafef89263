"""The rows of `scalargrad`: every public object at a small piece of work, nothing shared."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from threading import get_ident
from typing import Any

import numpy

import scalargrad as sg
from scalargrad import (
    Buffer,
    Constant,
    Parameter,
    RandomLeaf,
    Value,
    checkpoint,
    compiler,
    data,
    doctor,
    interop,
    losses,
    nn,
    optim,
    pretraining,
    training,
)
from scalargrad.core import seeds
from scalargrad.core.custom_operations import remove_operation
from scalargrad.core.functions import FUNCTIONS
from scalargrad.core.ops import TABLE
from scalargrad.optim import schedules
from tests.threads.at_once import VARIANT, network, number, points
from tests.threads.table import Table

OWN = Table()
row = OWN.row


# Values and graphs


@row(sg.Value)
def arithmetic(_: Path) -> Any:
    x = Value(number(2.0), label="x")
    y = (x * x - x / 3 + 2**x) ** 2 // 7 % 5
    return [y, str(y), repr(x), x > 1.0, float(x), hash(x) == hash(x)]


@row(sg.backward)
def several_backwards(_: Path) -> Any:
    leaves = [Value(number(0.1 * i)) for i in range(30)]
    results = [sg.tanh(leaf) * leaf for leaf in leaves]
    sg.backward(results)
    return [leaf.grad for leaf in leaves]


@row(sg.Parameter, sg.Constant, sg.Buffer)
def leaves(_: Path) -> Any:
    weight, fixed, moving = Parameter(number(2.0)), Constant(3.0), Buffer(number(4.0))
    y = weight * fixed + moving
    y.backward()
    moving.data = 5.0
    return [y, weight.grad, moving, weight.trainable, repr(fixed)]


@row(sg.RandomLeaf)
def drawn(_: Path) -> Any:
    class Source:
        generator = Random(0)

        def draw(self) -> float:
            return self.generator.random()

    source = Source()
    source.generator = Random(3)
    return [Value(2.0) * RandomLeaf(source), RandomLeaf(source)]


@row()
def hooks(_: Path) -> Any:
    x = Value(number(3.0))
    x.register_hook(lambda gradient: gradient / 2)
    x.register_hook(lambda gradient: gradient + 1).remove()
    (x * x).backward()
    return x.grad


@row(sg.no_grad, sg.enable_grad)
def modes(_: Path) -> Any:
    x = Value(number(2.0))
    with sg.no_grad():
        quiet = x * 2
        with sg.enable_grad():
            loud = x * 3
    return [len(quiet.args), len(loud.args), len((x * 4).args)]


@row(sg.scope, sg.trace_calls, sg.Scope, sg.CallScope, sg.SourceLine)
def scopes(_: Path) -> Any:
    def square(x: Value) -> Value:
        y = x * number(2.0)
        return y * y

    with sg.scope("outer"), sg.trace_calls():
        y = square(Value(3.0))
    line = y.args[0].made_at
    assert isinstance(y.scope, sg.CallScope)
    assert isinstance(y.scope.parent, sg.Scope)
    assert isinstance(line, sg.SourceLine)
    return [y, y.scope.path, line.variable, (y * 2).scope, (y * 2).made_at]


@row(sg.label, sg.parameters)
def names(_: Path) -> Any:
    state = sg.parameters({"w": [[number(1.0), 2.0], [3.0]]})
    row = sg.label([Value(1.0), Value(2.0)], "row")
    return [state["w"][1][0], state["w"][0][0], [value.label for value in row]]


@row(sg.detect_anomaly)
def anomaly(_: Path) -> Any:
    with sg.detect_anomaly():
        x = Value(number(2.0))
        (sg.log(x) * x).backward()
        try:
            sg.log(x - x.data)
        except ArithmeticError as error:
            return [x.grad, str(error)]
    return None


@row(sg.GradientTape)
def tape(_: Path) -> Any:
    x = Value(number(3.0))
    with sg.GradientTape() as recorded:
        y = x * x * x
    return recorded.gradient(y, x)


def _cubed(x: Any) -> Any:
    return x[0] ** 3 * x[1]


@row(sg.grad, sg.value_and_grad)
def gradients(_: Path) -> Any:
    nested = sg.grad(lambda y: sg.grad(lambda x: x * x * y)(2.0))(3.0)
    return [
        sg.grad(_cubed)([number(2.0), 3.0]),
        sg.value_and_grad(_cubed)([number(2.0), 3.0]),
        nested,
    ]


@row(sg.jacobian, sg.hessian)
def matrices(_: Path) -> Any:
    return [
        sg.jacobian(lambda x: [x[0] * x[1], x[1]])([2.0, 3.0]),
        sg.hessian(_cubed)([number(2.0), 3.0]),
    ]


@row(sg.jvp, sg.hvp)
def directions(_: Path) -> Any:
    where = ([number(2.0), 3.0],)
    return [sg.jvp(_cubed, where, ([1.0, 0.0],)), sg.hvp(_cubed, where, ([1.0, 0.0],))]


@row(sg.scan)
def loops(_: Path) -> Any:
    def step(carry: Value, x: float) -> tuple[Value, Value]:
        carry = sg.tanh(carry * x)
        return carry, carry * carry

    start = Value(number(0.5))
    last, path = sg.scan(step, start, [number(0.25), 0.5, 2.0])
    last.backward()
    return [last, path, start.grad]


@row(sg.numerical_gradient, sg.gradcheck, sg.GradientReport)
def checks_of_gradients(_: Path) -> Any:
    report = sg.gradcheck(_cubed, [number(2.0), 3.0])
    return [
        sg.numerical_gradient(_cubed, [number(2.0), 3.0]),
        isinstance(report, sg.GradientReport),
        str(report),
    ]


@row(sg.operation, sg.check_operation, doctor.OperationReport, rounds=1)
def own_operations(_: Path) -> Any:
    name = f"own_{get_ident()}"
    own = sg.operation(name=name)(lambda m, x: x * x)
    try:
        report = sg.check_operation(own, points=2)
        return [own(Value(number(0.5))), isinstance(report, doctor.OperationReport), bool(report)]
    finally:
        remove_operation(name)


def _computed(name: str, _: Path) -> Any:
    """One function of the table, its derivatives, and what it says to numbers alone."""
    op, function = TABLE[name], FUNCTIONS[name]
    count = 3 if op.over_list else len(op.operands)
    numbers = [number(0.25 + 0.125 * i) for i in range(count)]
    values = [Value(number) for number in numbers]
    if name == "take":
        given: list[Any] = [values, 1]
        plain: list[Any] = [numbers, 2]
    elif name == "dot":
        given = [[values[0], 2.0], [3.0, values[0]]]
        plain = [[1.0, 2.0], [3.0, 4.0]]
    elif op.over_list:
        given, plain = [values], [numbers]
    else:
        given, plain = list(values), list(numbers)
    result = function(*given)
    result.backward()
    return [result, [value.grad for value in values], function(*plain)]


for _name in TABLE:
    if _name in FUNCTIONS:
        OWN.add(f"sg.{_name}", partial(_computed, _name), FUNCTIONS[_name])


@row(sg.softmax, sg.log_softmax, sg.std, sg.var, sg.cumsum, sg.stop_gradient, sg.sum)
def functions_of_several_rows(_: Path) -> Any:
    x = [Value(number(0.5)), Value(-1.0), Value(number(2.0))]
    results = [
        *sg.softmax(x),
        *sg.log_softmax(x),
        sg.std(x),
        sg.var(x),
        *sg.cumsum(x),
        sg.stop_gradient(x[0]),
    ]
    sg.sum(results).backward()
    return [results, [value.grad for value in x]]


# Networks

SAMPLE = [0.5, -1.0]
IMAGE = [0.1 * i for i in range(16)]

MODULES: dict[Any, tuple[Callable[[], Any], Any]] = {
    nn.Neuron: (lambda: nn.Neuron(2, seed=1), SAMPLE),
    nn.Layer: (lambda: nn.Layer(2, 3, "tanh", seed=1), SAMPLE),
    nn.MLP: (network, SAMPLE),
    nn.Sequential: (lambda: nn.Sequential(nn.Layer(2, 3, seed=1), sg.softmax), SAMPLE),
    nn.Conv: (lambda: nn.Conv(1, 2, 3, seed=1), [[IMAGE[i : i + 4] for i in range(0, 16, 4)]]),
    nn.AvgPool: (lambda: nn.AvgPool(2), [[IMAGE[i : i + 4] for i in range(0, 16, 4)]]),
    nn.MaxPool: (lambda: nn.MaxPool(2), [[IMAGE[i : i + 4] for i in range(0, 16, 4)]]),
    nn.Flatten: (lambda: nn.Flatten(), [[1.0, 2.0], [3.0, 4.0]]),
    nn.Reshape: (lambda: nn.Reshape(2, 2), [1.0, 2.0, 3.0, 4.0]),
    nn.BatchNorm: (lambda: nn.BatchNorm(2).eval(), SAMPLE),
    nn.LayerNorm: (lambda: nn.LayerNorm(2), SAMPLE),
    nn.RMSNorm: (lambda: nn.RMSNorm(2), SAMPLE),
    nn.Dropout: (lambda: nn.Dropout(0.5, seed=1), SAMPLE),
    nn.DropConnect: (lambda: nn.DropConnect(nn.Layer(2, 3, seed=1), seed=2), SAMPLE),
    nn.Embedding: (lambda: nn.Embedding(5, 3, seed=1), 2),
    nn.RNNCell: (lambda: nn.Recurrent(nn.RNNCell(2, 3, seed=1)), [SAMPLE, SAMPLE]),
    nn.LSTMCell: (lambda: nn.Recurrent(nn.LSTMCell(2, 2, seed=1), last=True), [SAMPLE, SAMPLE]),
    nn.GRUCell: (lambda: nn.Recurrent(nn.GRUCell(2, 2, seed=1)), [SAMPLE, SAMPLE]),
    nn.Attention: (lambda: nn.Attention(2, 2, causal=True, seed=1), [SAMPLE, SAMPLE]),
    nn.PositionEmbedding: (lambda: nn.PositionEmbedding(2, 2, seed=1), [SAMPLE, SAMPLE]),
    nn.PositionalEncoding: (lambda: nn.PositionalEncoding(2), [SAMPLE, SAMPLE]),
    nn.Residual: (lambda: nn.Residual(nn.Layer(2, 2, seed=1)), SAMPLE),
    nn.TimeDistributed: (lambda: nn.TimeDistributed(nn.Layer(2, 3, seed=1)), [SAMPLE, SAMPLE]),
    nn.PReLU: (lambda: nn.PReLU(), -2.0),
    nn.RReLU: (lambda: nn.RReLU(seed=1), -2.0),
    nn.recommended: (lambda: nn.recommended(2, [3, 1], seed=1).eval(), SAMPLE),
}


def _values(nest: Any) -> list[Value]:
    if isinstance(nest, Value):
        return [nest]
    if isinstance(nest, list | tuple):
        return [value for part in nest for value in _values(part)]
    return []


def _passed(kind: Any, _: Path) -> Any:
    """A new module, what it makes of a sample, its gradients, and what it says of itself."""
    make, sample = MODULES[kind]
    model = make()
    for parameter in model.parameters():
        parameter.data = number(parameter.data)
    output = model(sample)
    values = _values(output)
    if values:
        sg.sum([value * value for value in values]).backward()
    copy = make()
    copy.load_state_dict(model.state_dict())
    gradients = [parameter.grad for parameter in model.parameters()]
    return [output, gradients, repr(model), copy.state_dict(), len(list(model.named_modules()))]


for _kind in MODULES:
    OWN.add(f"nn.{_kind.__name__}", partial(_passed, _kind), _kind)
OWN.covered += [nn.Recurrent, nn.Module]


@row()
def a_module_of_ones_own(_: Path) -> Any:
    class Line(nn.Module):
        def __init__(self) -> None:
            self.slope, self.parts = Parameter(2.0), [Parameter(1.0)]

        def forward(self, x: Any) -> Any:
            return self.slope * x + self.parts[0]

    line = Line()
    line(3.0).backward()
    line.parts.append(Parameter(3.0))
    line.freeze()
    return [dict(line.named_parameters()), line.slope.grad, line.slope.trainable, repr(line)]


@row(nn.BatchNorm)
def batches_with_statistics(_: Path) -> Any:
    layer = nn.BatchNorm(2)
    outputs = layer.batch([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]])
    return [outputs, layer.state_dict()]


@row(nn.evaluation, nn.unreachable)
def modes_of_modules(_: Path) -> Any:
    model = nn.Sequential(nn.Layer(2, 3, seed=1), nn.Dropout(0.5, seed=1))
    with nn.evaluation(model):
        quiet = model(SAMPLE)
    return [quiet, model.training, model(SAMPLE), nn.unreachable(model)]


@row(nn.Objective, rounds=1)
def objective(_: Path) -> Any:
    model = network()
    f = nn.Objective(model, lambda model: model(SAMPLE).data)
    return [sg.numerical_gradient(f, f.numbers), model.state_dict()]


@row(nn.functional_call, rounds=1)
def functional_call(_: Path) -> Any:
    model = network()
    bias = Value(number(0.5))
    y = nn.functional_call(model, {"layers.0.neurons.0.bias": bias}, SAMPLE)
    y.backward()
    return [y, bias.grad, model.state_dict()]


def _activated(name: str, _: Path) -> Any:
    if name in nn.OVER_LAYERS:
        return nn.Layer(2, 3, name, seed=1)(SAMPLE)
    function: Any = nn.activation(name, seed=1)
    return [function(Value(number(0.5))), function(number(-0.25))]


for _name in [*nn.ACTIVATIONS, *nn.OVER_LAYERS]:
    OWN.add(f"activation {_name}", partial(_activated, _name), rounds=2)
OWN.covered += [nn.activation, nn.ACTIVATIONS, nn.OVER_LAYERS]


def _initialized(name: str, _: Path) -> Any:
    return nn.Layer(3, 3, initializer=nn.initializer(name), seed=2 + VARIANT.get()).state_dict()


for _name in nn.INITIALIZERS:
    OWN.add(f"initializer {_name}", partial(_initialized, _name), rounds=2)
OWN.covered += [nn.initializer, nn.INITIALIZERS]


@row(nn.constant, nn.given, nn.normal, nn.orthogonal, nn.uniform)
def initializers_with_settings(_: Path) -> Any:
    made = [
        nn.constant(0.5),
        nn.given([[1.0, 2.0], [3.0, 4.0]]),
        nn.normal(0.5),
        nn.orthogonal(2.0),
        nn.uniform(-2.0, 3.0),
    ]
    return [nn.Layer(2, 2, initializer=each, seed=2 + VARIANT.get()).state_dict() for each in made]


# Compiled programs


@row(sg.compile, compiler.Compiled, rounds=1)
def compiled(_: Path) -> Any:
    model = network()
    program = sg.compile(lambda x, y: losses.mse(model(x), y), model, inputs=(2, 1))
    x, y = points(0, 5)
    found = [
        program(x, y),
        program.value_and_grad(x, y),
        program.jacobian(x, y),
        program.inputs_gradient(x, y),
    ]
    letters = nn.Sequential(nn.Embedding(5, 2, seed=1), nn.Flatten(), nn.Layer(4, 1, seed=2))
    lookup = sg.compile(lambda x: letters(x)[0], letters, inputs=[("token", 2)])
    found += [lookup([[0, 3], [3, 4]]), lookup.value_and_grad([[0, 3], [3, 4]])]
    return [isinstance(program, compiler.Compiled), found, repr(program), program.explain()]


@row(compiler.trace, compiler.record, compiler.Trace, compiler.Program)
def traced(_: Path) -> Any:
    recording = compiler.trace(lambda x: sg.tanh(x[0] * x[1]), [2])
    program = compiler.record(recording)
    kinds = isinstance(recording, compiler.Trace), isinstance(program, compiler.Program)
    return [
        kinds,
        [root.op for root in recording.outputs],
        program.code,
        program.operands,
        program.numbers,
    ]


# Losses and metrics

PREDICTIONS: dict[str, tuple[Any, Any]] = {
    "hinge": (0.5, -1),
    "binary_cross_entropy": (0.25, 1),
    "binary_cross_entropy_with_logits": (0.25, 0),
    "cross_entropy": ([0.5, -1.0, 2.0], 1),
}


def _lost(name: str, _: Path) -> Any:
    prediction, target = PREDICTIONS.get(name, (0.5, 2.0))
    values = [
        Value(number(x)) for x in (prediction if isinstance(prediction, list) else [prediction])
    ]
    loss: Any = losses.get_loss(name)(values if isinstance(prediction, list) else values[0], target)
    loss.backward()
    return [
        loss,
        [value.grad for value in values],
        losses.unwrap_loss(losses.LOSSES[name])[0].__name__,
    ]


for _name, _loss in losses.LOSSES.items():
    OWN.add(f"loss {_name}", partial(_lost, _name), _loss)
OWN.covered += [losses.get_loss, losses.unwrap_loss, losses.LOSSES, losses.TARGETS]

FOUND = [0, 1, 1, 0]
LABELS = [0, 1, 0, 1]


def _measured(metric: Callable[..., Any], _: Path) -> Any:
    if getattr(metric, "whole_set", False):
        return metric(FOUND, LABELS)
    return metric([0.2, 0.8] if metric is training.accuracy else 0.8, 1)


for _metric in training.METRICS.values():
    OWN.add(f"metric {_metric.__name__}", partial(_measured, _metric), _metric)
OWN.covered += [training.METRICS]


@row(training.predict, training.score, training.Score)
def predictions(_: Path) -> Any:
    model = network()
    inputs = points(0, 5)[0]
    found = training.score(model, inputs, [0.5] * len(inputs), metric="r2")
    return [training.predict(model, inputs).tolist(), found, type(found) is training.Score]


@row(interop.to_torch, interop.from_torch, needs=("torch",))
def models_of_torch(_: Path) -> Any:
    model = network()
    made = interop.from_torch(interop.to_torch(model))
    return [made([0.5, 0.25]), [parameter.data for parameter in made.parameters()]]


@row(interop.to_sympy, interop.from_sympy, needs=("sympy",))
def expressions_of_sympy(_: Path) -> Any:
    x = Value(number(0.5), label="x")
    expression = interop.to_sympy(sg.sigmoid(x) * x)
    return [str(expression), interop.from_sympy(expression, {"x": x})]


@row(interop.to_onnx, needs=("onnx",))
def graphs_of_onnx(_: Path) -> Any:
    return interop.to_onnx(network()).SerializeToString()


if find_spec("sklearn"):

    @row(interop.MLPClassifier, interop.MLPRegressor)
    def estimators(_: Path) -> Any:
        inputs = points(0, 6)[0]
        options: Any = {"hidden_layer_sizes": (2,), "max_iter": 2, "random_state": 0}
        classifier = interop.MLPClassifier(**options).fit(inputs, [0, 1] * 3)
        regressor = interop.MLPRegressor(**options).fit(inputs, inputs[:, 0])
        return [classifier.predict_proba(inputs).tolist(), regressor.predict(inputs).tolist()]


@row(training.confusion_matrix, training.whole_set, training.accuracy)
def metrics_of_classes(_: Path) -> Any:
    @training.whole_set
    def largest(predictions: Any, targets: Any) -> float:
        return max(abs(p - t) for p, t in zip(predictions, targets, strict=True))

    matrix = training.confusion_matrix([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    return [matrix, training.accuracy(0.9, 1, border=0.5), largest(FOUND, LABELS)]


# Optimizers, schedules, penalties


def _stepped(rule: type[optim.Optimizer], options: dict[str, Any], _: Path) -> Any:
    model = network()
    optimizer = rule(model.parameters(), 0.05, **options)
    for x in ([0.5, -1.0], [1.0, 2.0], [-0.5, 0.25]):
        optimizer.zero_grad()
        losses.mse(model(x), 1.0).backward()
        optimizer.step()
    twin = rule(network().parameters(), 0.05, **options)
    twin.load_state_dict(optimizer.state_dict())
    return [model.state_dict(), twin.state_dict(), repr(optimizer)]


OPTIONS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9, "nesterov": True},
    "rmsprop": {"momentum": 0.5, "centered": True},
    "adam": {"amsgrad": True},
}

for _name, _rule in optim.OPTIMIZERS.items():
    OWN.add(f"optimizer {_name}", partial(_stepped, _rule, OPTIONS.get(_name, {})), _rule, rounds=2)
OWN.covered += [optim.OPTIMIZERS, optim.Optimizer]

SCHEDULES: dict[Any, Callable[[optim.Optimizer], Any]] = {
    schedules.ConstantRate: schedules.ConstantRate,
    schedules.StepDecay: lambda rule: schedules.StepDecay(rule, 2, 0.5),
    schedules.ExponentialDecay: lambda rule: schedules.ExponentialDecay(rule, 0.9),
    schedules.CosineDecay: lambda rule: schedules.CosineDecay(rule, 4),
    schedules.WarmUp: lambda rule: schedules.WarmUp(rule, 3, then=schedules.CosineDecay(rule, 4)),
    schedules.ReduceOnPlateau: lambda rule: schedules.ReduceOnPlateau(rule, factor=0.5, patience=1),
}


def _scheduled(kind: Any, _: Path) -> Any:
    optimizer = optim.SGD([Parameter(1.0)], number(0.5))
    schedule = SCHEDULES[kind](optimizer)
    rates = []
    for _step in range(8):
        schedule.step(*[1.0] * (kind is schedules.ReduceOnPlateau))
        rates.append(optimizer.learning_rate)
    twin = SCHEDULES[kind](optim.SGD([Parameter(1.0)], 0.5))
    twin.load_state_dict(schedule.state_dict())
    return [rates, repr(schedule), twin.state_dict()]


for _kind in SCHEDULES:
    OWN.add(f"schedule {_kind.__name__}", partial(_scheduled, _kind), _kind)
OWN.covered += [schedules.Schedule, schedules.Scheduled]


@row(optim.l1, optim.l2, optim.elastic_net)
def penalties(_: Path) -> Any:
    weights = [Parameter(number(3.0)), Parameter(number(-4.0))]
    found = [
        optim.l1(weights, 0.5),
        optim.l2(weights, 0.25),
        optim.elastic_net(weights, 1.0, 0.5),
    ]
    sg.backward(found)
    return [found, [weight.grad for weight in weights]]


@row(optim.max_norm, optim.clip_gradient_norm, optim.clip_gradient_values)
def limits(_: Path) -> Any:
    model = network()
    model(SAMPLE).backward()
    norm = optim.clip_gradient_norm(model.parameters(), 0.5)
    optim.clip_gradient_values(model.parameters(), 0.1)
    count = optim.max_norm(model, 0.5)
    return [norm, count, model.state_dict(), [parameter.grad for parameter in model.parameters()]]


# Training


def _fitted(
    folder: Path,
    *,
    compiled: Any,
    callbacks: Callable[[optim.Optimizer, Path], Any] | None = None,
    **options: Any,
) -> Any:
    model = network()
    x, y = points(0, 12)
    optimizer = optim.Adam(model.parameters(), 0.05)
    listed = callbacks(optimizer, folder) if callbacks else []
    given = {"loss": "mse", "optimizer": optimizer, "epochs": 3, "batch_size": 4, **options}
    history = sg.fit(
        model, x, y[:, 0], compiled=compiled, callbacks=listed, progress=False, **given
    )
    recorded = [each.recording for each in listed if isinstance(each, training.Recorder)]
    films = [[film.steps, film.losses, film.data, film.gradients] for film in recorded]
    return [history, history.steps, history.stop_reason, model.state_dict(), repr(history), films]


class _Halving(training.Callback):
    """A callback of the user's."""

    def on_before_optimizer_step(self, training: Any) -> None:
        training.gradient = training.gradient / 2


CALLBACKS: dict[Any, Callable[[optim.Optimizer, Path], Any]] = {
    training.Callback: lambda _rule, _: [_Halving()],
    training.ClipNorm: lambda _rule, _: [training.ClipNorm(0.1)],
    training.ClipValues: lambda _rule, _: [training.ClipValues(0.1)],
    training.MaxNorm: lambda _rule, _: [training.MaxNorm(0.5)],
    training.EarlyStopping: lambda _rule, _: [training.EarlyStopping(1, min_delta=0.5)],
    training.StopAtZeroGradient: lambda _rule, _: [training.StopAtZeroGradient(10.0)],
    training.EveryStep: lambda rule, _: [training.EveryStep(schedules.StepDecay(rule, 2))],
    training.Recorder: lambda _rule, _: [training.Recorder(SAMPLE, 1.0, losses.mse)],
    training.SaveCheckpoint: lambda _rule, folder: [
        training.SaveCheckpoint(folder / "run.checkpoint")
    ],
    schedules.StepDecay: lambda rule, _: [schedules.StepDecay(rule, 1)],
}

for _compiled in (False, True):
    _how = "compiled" if _compiled else "eager"
    OWN.add(
        f"fit, {_how}",
        partial(_fitted, compiled=_compiled, validation=0.25, metrics="r2"),
        sg.fit,
        rounds=1,
    )
    OWN.add(
        f"fit in evaluation of weights, {_how}",
        partial(_fitted, compiled=_compiled, sample_weight=list(range(1, 13))),
        rounds=1,
    )
    for _callback, _listed in CALLBACKS.items():
        _title = f"fit with {_callback.__name__}, {_how}"
        OWN.add(
            _title, partial(_fitted, compiled=_compiled, callbacks=_listed), _callback, rounds=1
        )
OWN.add(
    "fit, compiled by itself",
    partial(_fitted, compiled="auto", epochs=400),
    rounds=1,
)
OWN.covered += [training.Recording, training.History, training.Training]


@row(training.fit, rounds=2)
def fit_by_classes(_: Path) -> Any:
    model = nn.MLP(2, [3, 2], seed=1 + VARIANT.get())
    x, _y = points(0, 6)
    options: dict[str, Any] = {
        "loss": "cross_entropy",
        "metrics": ["accuracy", "f1"],
        "class_weight": "balanced",
    }
    history = sg.fit(model, x, [0, 1, 0, 0, 1, 0], epochs=1, progress=False, **options)
    return [history, model.state_dict()]


@row(training.fit, rounds=1)
def fit_that_diverges(_: Path) -> Any:
    model = nn.MLP(1, [2, 1], seed=1 + VARIANT.get())
    try:
        sg.fit(model, [[1.0], [2.0]], [1e200, 1.0], loss="mse", epochs=3, progress=False)
    except ArithmeticError as error:
        return [str(error), model.state_dict()]
    return None


@row(training.load_model, rounds=1)
def resumed(folder: Path) -> Any:
    path = folder / "resumed.checkpoint"
    path.unlink(missing_ok=True)
    _fitted(
        folder, compiled=False, callbacks=lambda _rule, _folder: [training.SaveCheckpoint(path)]
    )
    loaded = network()
    training.load_model(loaded, path)
    more = _fitted(
        folder,
        compiled=False,
        epochs=5,
        resume=path,
        callbacks=lambda _rule, _folder: [training.SaveCheckpoint(path)],
    )
    return [loaded.state_dict(), more]


@row(pretraining.pretrain, rounds=1)
def pretrained(_: Path) -> Any:
    model = nn.MLP(3, [2, 1], activation="tanh", seed=1 + VARIANT.get())
    x = [[1.0, 2.0, 3.0], [2.0, 1.0, 0.0], [0.0, 0.5, 1.0]]
    histories = pretraining.pretrain(model, x, epochs=2, noise=0.1, progress=False)
    return [histories, model.state_dict()]


# Data


@row(data.read_csv, data.read_mnist_csv)
def files(folder: Path) -> Any:
    table, images = folder / "table.csv", folder / "images.csv"
    table.write_text(f"rooms,kind\n{number(6.5)},flat\n6.4,\n7.0,house\n", encoding="utf-8")
    images.write_text("3,0,255,7,8\n1,128,64,9,0\n", encoding="utf-8")
    return [data.read_csv(table, missing="drop"), data.read_mnist_csv(images, pixels=4)]


@row(data.StandardScaler, rounds=20)
def scaled(_: Path) -> Any:
    scaler = data.StandardScaler()
    x, _y = points(1)
    found = scaler.fit(x).transform(x)
    return [found, scaler.inverse_transform(found)]


@row(data.split, data.batches, data.epoch_order, data.one_hot, data.pad_sequences)
def parts(_: Path) -> Any:
    x, _y = points(0, 10)
    labels = [0, 1] * 5
    return [
        data.split(x, labels, test=4, seed=3 + VARIANT.get(), stratify=True),
        data.pad_sequences([x[:3, 0], x[:5, 1]], number(0.5)),
        list(data.batches(x, labels, 4, seed=2 + VARIANT.get(), epoch=1)),
        data.epoch_order(10, 5, VARIANT.get()),
        data.one_hot(labels, 3),
    ]


@row(data.circles, data.moons, data.quadrants, data.spirals)
def generated(_: Path) -> Any:
    return [
        make(12, seed=VARIANT.get())
        for make in (data.circles, data.moons, data.quadrants, data.spirals)
    ]


@row(data.and_, data.or_, data.nand, data.xor, data.parity, data.comparator)
def gates(_: Path) -> Any:
    return [data.and_(), data.or_(), data.nand(), data.xor(), data.parity(3), data.comparator(2)]


@row(data.add_noise, data.flip, data.random_flip, data.random_shift, data.shift)
def augmented(_: Path) -> Any:
    images = numpy.arange(32.0).reshape(2, 16) + number(0.0)
    return [
        data.add_noise(images, 0.1, seed=4),
        data.flip(images, 4, 4),
        data.random_flip(images, 4, 4, seed=5),
        data.random_shift(images, 4, 4, seed=6),
        data.shift(images, 4, 4, 1, -1),
    ]


# Files, seeds, the doctor


@row(checkpoint.save_model, checkpoint.load_model, rounds=2)
def checkpoints_of_models(folder: Path) -> Any:
    model = network()
    path = checkpoint.save_model(network(), folder / "model.safetensors")
    checkpoint.load_model(model, path)
    return [path.read_bytes(), model.state_dict()]


@row(checkpoint.save, checkpoint.load, checkpoint.Checkpoint, rounds=2)
def checkpoints(folder: Path) -> Any:
    model = network()
    path = checkpoint.save(folder / "a.checkpoint", model.state_dict(), {"epoch": 3})
    loaded = checkpoint.load(path)
    return [isinstance(loaded, checkpoint.Checkpoint), loaded.arrays, loaded.metadata]


@row(seeds.generator)
def generators(_: Path) -> Any:
    return [
        seeds.generator(VARIANT.get()).random(),
        nn.Dropout(0.5, seed=Random(VARIANT.get()))([Value(1.0)] * 4),
    ]


@row(
    sg.diagnose,
    doctor.Diagnosis,
    doctor.Finding,
    doctor.LayerReport,
    doctor.Limits,
    doctor.KINDS,
    rounds=1,
)
def diagnosed(_: Path) -> Any:
    model = nn.MLP(1, [2, 1], activation="tanh", initializer="xavier", seed=VARIANT.get())
    model.layers[0].neurons[1].bias.data = 9.0
    x = [[i / 4.0] for i in range(-6, 7)]
    found = sg.diagnose(
        model, x, [row[0] for row in x], optimizer="adam", limits=doctor.Limits(dead=0.25)
    )
    return [str(found), [finding.kind for finding in found.findings], model.state_dict()]
