"""Right and wrong uses of the public API, for type checkers: it is checked, and never run.

A line that ends in `# wrong` must be reported by each of them, and no other line may be.
"""

from typing import assert_type, cast

import numpy as np

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.nn import MLP, Layer, Neuron

x = Value(0.5, label="x")
y = Parameter(2.0)

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

# Modules of the package are there after a plain import

optimizer = sg.optim.Adam([y], 0.01)
sg.optim.Adm([y], 0.01)  # wrong
sg.data.moons(10)
sg.nothing  # wrong
model = MLP(2, [4, 1])
neuron = Neuron(2)
layer = Layer(2, 3)
Layer(2, 3, bias_initializer="uniform")
MLP(2, [1], bias_initializer=sg.nn.constant(0.5))
MLP(2, [1], bias_initializer="unifrom")  # wrong
