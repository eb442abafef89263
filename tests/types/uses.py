"""Right and wrong uses of the public API, for type checkers: it is checked, and never run.

A line that ends in `# wrong` must be reported by each of them, and no other line may be.
"""

from functools import partial
from typing import Any, assert_type, cast

import numpy as np
from numpy.typing import NDArray

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.nn import MLP, Layer, Neuron

x = Value(0.5, label="x")
y = Parameter(2.0)

assert_type(sg.__version__, str)

# Operators and functions: a Value among the operands gives a Value, numbers alone give a float

assert_type(x + y, Value)
assert_type(2 * x, Value)
assert_type(x**2, Value)
assert_type(sg.tanh(x), Value)
assert_type(sg.tanh(0.5), float)
assert_type(sg.tanh(1), float)
assert_type(sg.tanh(np.float32(0.5)), float)
assert_type(x.tanh(), Value)
assert_type(x.leaky_relu(0.1), Value)
assert_type(x.leaky_relu(slope=0.1), Value)
assert_type(sg.leaky_relu(x), Value)
assert_type(sg.clamp(x, 0.0, 1.0), Value)
assert_type(sg.clamp(x, low=0.0), Value)
assert_type(sg.maximum(0.0, x), Value)
assert_type(sg.where(True, x, 0.0), Value)
assert_type(sg.sum([x, y]), Value)
assert_type(sg.sum([1.0, 2.0]), float)
assert_type(sg.softmax([x, x]), list[Value])
assert_type(sg.dot([x, x], [1.0, 2.0]), Value)
assert_type(sg.stop_gradient(x), Value)
with sg.collector_off():
    assert_type(x + y, Value)
row: list[Value] = sg.take([[x, x], [x, x]], 1)
sg.compile(lambda t: sg.take([x, x], t), inputs=("token", ("token", 3), 2))
assert_type(sg.lt(x, 1.0), Value)
assert_type(sg.le(0.5, 1.0), float)


@sg.operation(symbol="swish", domain=(0.0, sg.inf))
def swish(m: Any, x: Any) -> Any:
    return x * m.sigmoid(x)


swish(x)
swish(0.5)
assert_type(bool(sg.check_operation(swish, backends=["numpy"])), bool)
sg.operation(swish, symbl="s")  # wrong
sg.check_operation(swish, backends=["numpi"])  # wrong

sg.take([x, x])  # wrong
sg.compile(lambda t: t, inputs=("tokens",))  # wrong
[x, x][x]  # wrong
sg.tahn(x)  # wrong
x.tahn()  # wrong
sg.siigmoid(x)  # wrong
sg.tanh("three")  # wrong
sg.tanh([1.0, 2.0])  # wrong
sg.tanh()  # wrong
sg.clamp(x, lo=0.0)  # wrong
x.leaky_relu(0.1, 0.2)  # wrong
x.leaky_relu("small")  # wrong
sg.sum(x)  # wrong
sg.dot([x])  # wrong
x + "one"  # wrong
Value("three")  # wrong
Value(1.0, lable="x")  # wrong
Parameter(1.0, trainable=False)  # wrong

# Loops take a step, what it carries, and an entry for each step


def decay(carry: Value, rate: float) -> tuple[Value, Value]:
    carry = carry - carry * rate
    return carry, carry


last, path = sg.scan(decay, x, [1.0, 2.0])
sg.scan(decay, x, length=3, checkpoint=True)
sg.scan(decay, x, steps=3)  # wrong
sg.scan(lambda carry: carry, x, length=3)  # wrong
sg.scan(decay)  # wrong

# What a Value has

assert_type(x.data, float)
assert_type(x.grad, float)
assert_type(x.args, tuple[Value, ...])
x.grad = 0.0
(x * y).backward()
(x * y).backward(create_graph=True)
second = cast(Value, x.grad)
second.backward()
y.momentum = 0.9  # a Parameter takes attributes of one's own

x.gard = 0.0  # wrong
x.grad.backward()  # wrong
(x * y).backward(retain_graph=True)  # wrong
x.data = "three"  # wrong

# Scopes and names

with sg.scope("attention"), sg.trace_calls():
    made = x * y
assert_type(made.scope, sg.Scope | None)
assert_type(made.made_at, sg.SourceLine | None)
if made.made_at is not None:
    assert_type(made.made_at.line, int)
    assert_type(made.made_at.variable, str)
if isinstance(made.scope, sg.CallScope):
    assert_type(made.scope.called_at, sg.SourceLine | None)


@sg.scope
def scored(x: Value) -> Value:
    return x


@sg.scope("head")
@sg.trace_calls
def named_score(x: Value) -> Value:
    return x


assert_type(scored(x), Value)
assert_type(named_score(x), Value)
assert_type(sg.label([x, x], "row"), list[Value])
assert_type(sg.parameters(1.0), Parameter)
table: dict[str, list[Parameter]] = sg.parameters({"wte": [1.0, 2.0]})

sg.scope()  # wrong
sg.trace_calls("attention")(x)  # wrong
sg.label([x], 3)  # wrong
sg.parameters(1.0, label="w")  # wrong
made.made_at = None  # wrong
scored("three")  # wrong

# Losses: lists of any kind and depth; numbers alone give a float

assert_type(sg.losses.mse(x, 1.0), Value)
assert_type(sg.losses.mse(1.0, 2), float)
assert_type(sg.losses.mse([1.0, 2.0], range(2)), float)
assert_type(sg.losses.mse([x, y], (1.0, np.float32(2.0))), Value)
assert_type(sg.losses.mse([[x], [y]], np.zeros((2, 1)), reduction="sum"), Value)
assert_type(sg.losses.mse((number for number in (x, y)), [True, False]), Value)
assert_type(sg.losses.mse(prediction=Layer(2, 2)([1.0, 2.0]), target=[y, 0.0]), Value)
assert_type(sg.losses.mse([x, 1.0], [1.0, 2.0]), Value | Any)
assert_type(sg.losses.mse([1.0, 2.0], [x, y]), Value | Any)
assert_type(sg.losses.huber([x], [1.0], delta=0.5), Value)
assert_type(sg.losses.cross_entropy([x, y], 1), Value)
assert_type(sg.losses.cross_entropy([[x, y], [x, y]], [1, [0.5, 0.5]]), Value)
sg.losses.mse([x, y], [1.0, 2.0]).backward()
sg.losses.mse(MLP(2, [1])([1.0, 2.0]), 1.0).backward()
gentle = partial(sg.losses.huber, delta=0.5)
gentle([x], [1.0]).backward()

sg.losses.msee(x, 1.0)  # wrong
sg.losses.mse(x)  # wrong
sg.losses.mse(x, "one")  # wrong
sg.losses.mse([x, y], ["one", "two"])  # wrong
sg.losses.mse([None], [1.0])  # wrong
sg.losses.mse([x], [1.0], reduction="none")  # wrong
sg.losses.mse([x], [1.0], delta=0.5)  # wrong
sg.losses.mse(1.0, 2.0).backward()  # wrong
sg.losses.huber([x], [1.0], delta="small")  # wrong
sg.losses.cross_entropy("three", 1)  # wrong

# Modules of the package are there after a plain import

optimizer = sg.optim.Adam([y], 0.01)
sg.optim.Adam({"w": [[y], (y,)]})
sg.compile(lambda: y * 2, model={"w": [[y], (y,)]})
sg.optim.Adm([y], 0.01)  # wrong
sg.data.moons(10)
sg.nothing  # wrong

# Data: which arrays a function returns, and which names an option has

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

assert_type(sg.data.moons(10), tuple[Floats, Integers])
assert_type(sg.data.xor(), tuple[Floats, Integers])
assert_type(sg.data.read_csv("a.csv", None), tuple[Floats, None])
assert_type(sg.data.read_csv("a.csv", target=None, missing="mean"), tuple[Floats, None])
assert_type(sg.data.read_mnist_csv("a.csv"), tuple[Floats, Integers])
X, y_numbers = sg.data.read_csv("a.csv")
X, y_classes, words = sg.data.read_csv("a.csv", target="species")
X_moons, y_moons = sg.data.moons(10)
X_train, X_test, y_train, y_test = sg.data.split(X_moons, y_moons, test=0.5)
assert_type(X_train, Floats)
assert_type(y_test, Integers)
assert_type(next(sg.data.batches(X_train, y_train, 2)), tuple[Floats, Integers])
sg.data.split([[1.0], [2.0]], [0, 1], test=1)
scaler = sg.data.StandardScaler().fit(X_train)
assert_type(scaler.transform(X_test), Floats)
assert_type(scaler.means, Floats)
assert_type(sg.data.one_hot([0, 1], 2), Floats)
sg.data.pad_sequences([[7, 4, 24], [2]], value=-100, length=4)
sg.data.pad_sequences([[7, 4, 24], [2]], "zero")  # wrong
assert_type(sg.data.flip([[1.0, 2.0]], 1, 2, "vertical"), Floats)

X, y_numbers, words = sg.data.read_csv("a.csv", None)  # wrong
sg.data.read_csv("a.csv", missing="skip")  # wrong
sg.data.read_csv("a.csv", seperator=";")  # wrong
sg.data.moons("many")  # wrong
sg.data.split(X_moons, y_moons, train=0.5)  # wrong
sg.data.batches(X_moons, y_moons, size=None)  # wrong
sg.data.moons(10, seed=None)  # wrong
sg.data.flip([[1.0, 2.0]], 1, 2, "diagonal")  # wrong
sg.data.StandardScaler().inverse([[1.0]])  # wrong

# Training: histories are lists of floats by name, options are names

model = MLP(2, [4, 1])
history = sg.training.fit(model, X_train, y_train, loss="mse", class_weight="balanced")
assert_type(history, sg.training.History)
assert_type(history["loss"], list[float])
assert_type(history.last(), dict[str, float])
assert_type(MLP(2, [1]).score([[0.0, 1.0]], [1.0]), sg.training.Score)
MLP(2, [1]).score([[0.0, 1.0]], [1.0], metric="r3")  # wrong
assert_type(sg.training.score(MLP(2, [1]), [[0.0, 1.0]], [1.0], metric="r2").metric, str)
MLP(2, [1]).predict([[0.0, 1.0]]).mean()
sg.interop.to_onnx(MLP(2, [1]), "model.onnx", dtype="float32")
assert_type(sg.interop.from_torch(sg.interop.to_torch(MLP(2, [1]))), sg.nn.Module)
sg.interop.from_sympy(sg.interop.to_sympy(x), {"x": 0.5})
sg.interop.MLPClassifier((8, 8), max_iter=10)
sg.interop.to_onnx(MLP(2, [1]), dtype="float16")  # wrong
sg.interop.to_sympy(0.5)  # wrong
sg.interop.MLPRegressor(hidden_layers=(8,))  # wrong
sg.training.score(MLP(2, [1]), [[0.0, 1.0]], [1.0], metric="r3")  # wrong
assert_type(sg.training.f1([0.9, 0.2], [1, 0], average="macro", border=0.5), float)
assert_type(sg.training.confusion_matrix([0, 1], [0, 1]), Integers)
assert_type(sg.training.EarlyStopping(mode="max").best, float)
sg.training.fit(model, X_train, y_train, loss="mse", callbacks=sg.training.ClipNorm(1.0))
sg.training.fit(model, X_train, y_train, loss="hinge", optimizer="sgd", metrics=["accuracy", "r2"])

sg.training.fit(model, X_train, y_train, loss="mse", compiled="numpy")
sg.training.fit(model, X_train, y_train, loss="mse", compiled="jax", devices=2)
sg.training.fit(model, X_train, y_train)  # wrong
sg.training.fit(model, X_train, y_train, loss="l2")  # wrong
sg.training.fit(model, X_train, y_train, loss="mse", optimizer="adamax")  # wrong
sg.training.fit(model, X_train, y_train, loss="mse", metrics=["accuracy", "auc"])  # wrong
sg.training.fit(model, X_train, y_train, loss="mse", epoch=5)  # wrong
sg.training.fit(model, X_train, y_train, loss="mse", batch_size="all")  # wrong
sg.training.fit(model, X_train, y_train, loss="mse", compiled="torch")  # wrong
sg.training.fit(model, X_train, y_train, loss="mse", class_weight="equal")  # wrong
sg.training.fit(model, X_train, y_train, loss="mse", callbacks=["early_stopping"])  # wrong
sg.training.f1([0.9, 0.2], [1, 0], average="mean")  # wrong
sg.training.EarlyStopping(mode="largest")  # wrong
history.epoch  # wrong
neuron = Neuron(2)
layer = Layer(2, 3)
Layer(2, 3, bias_initializer="uniform")
MLP(2, [1], bias_initializer=sg.nn.constant(0.5))
Layer(2, 3, bias=False)
Layer(2, 3, bias="zeros")  # wrong
sg.nn.Attention(4, heads=2, causal=True, dropout=0.1, initializer="he")
sg.nn.Attention(4, initializer="hi")  # wrong
sg.nn.RMSNorm(4, eps=1e-5, elementwise_affine=False)
sg.nn.RMSNorm([4])  # wrong
sg.nn.PositionEmbedding(8, 4, initializer=sg.nn.normal(0.02))
sg.nn.PositionalEncoding("4")  # wrong
sg.nn.Residual(sg.nn.TimeDistributed(layer), sg.nn.GRUCell(2, 3))
MLP(2, [1], bias_initializer="unifrom")  # wrong
MLP(2, [1], activation="leaky_relu", output_activation="softmax")
MLP(2, [1], activation=lambda z: sg.tanh(z / 10.0))
MLP(2, [1], activation="leakyrelu")  # wrong
MLP(2, [1], activation="dot")  # wrong
