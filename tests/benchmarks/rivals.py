"""The same networks by other means: by hand in NumPy, in PyTorch, in JAX, in micrograd, in CasADi,
and as our own eager scalars.

All take the parameters as one vector in our order: for each neuron its weights, then its bias. A
contestant computes loss and gradient at its parameters (`evaluate`), and makes gradient-descent
steps (`step`).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy
from numpy.typing import NDArray

import scalargrad
from scalargrad.compiler.backend import BackendName
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP

Array = NDArray[numpy.float64]
RATE = 0.01
PENALTY = 1e-4


@dataclass(frozen=True)
class Task:
    """A network with its data.

    sizes       of its layers, the inputs first
    activation  of all layers but the last, "relu", "tanh" or "sigmoid"
    hinge       True: hinge loss and the penalty of micrograd's demo; False: softmax and
                cross-entropy
    parameters  the numbers to begin with
    x, y        the batch: y holds -1 and 1, or one-hot rows
    """

    sizes: tuple[int, ...]
    activation: str
    hinge: bool
    parameters: Array
    x: Array
    y: Array

    def model(self) -> MLP:
        """The network of scalars, with these parameters."""
        model = MLP(self.sizes[0], list(self.sizes[1:]), activation=self.activation, seed=0)
        for parameter, number in zip(model.parameters(), self.parameters.tolist(), strict=True):
            parameter.data = number
        return model

    def layers(self, vector: Any) -> Iterator[Any]:
        """The rows of each layer, (neurons, weights and bias), as views of a vector of all
        parameters.
        """
        begin = 0
        for length, width in pairwise(self.sizes):
            end = begin + width * (length + 1)
            yield vector[begin:end].reshape(width, length + 1)
            begin = end

    def first(self, count: int) -> "Task":
        """The same with fewer samples."""
        return Task(
            self.sizes, self.activation, self.hinge, self.parameters, self.x[:count], self.y[:count]
        )


def scalar_loss(task: Task, model: Any, weights: list[Any]) -> Callable[[Any, Any], Any]:
    """The loss of one sample, of Values."""
    if task.hinge:
        return lambda x, y: (
            scalargrad.relu(1.0 - y * model(x)) + PENALTY * sum(w * w for w in weights)
        )
    return lambda x, y: cross_entropy(model(x), y)


class Compiled:
    """The program."""

    def __init__(self, task: Task, backend: BackendName = "numpy") -> None:
        model = task.model()
        self.task = task
        sizes = (task.sizes[0], task.sizes[-1])
        self.program = scalargrad.compile(
            scalar_loss(task, model, model.parameters()), model, inputs=sizes, backend=backend
        )

    def evaluate(self) -> tuple[float, Array]:
        return self.program.value_and_grad(self.task.x, self.task.y)

    backpropagate = evaluate

    def step(self) -> None:
        _, gradient = self.evaluate()
        parameters = self.program.parameters
        parameters -= RATE * gradient


class Hand:
    """NumPy, as one who knows it writes a network: matrices that are views of one vector, no
    temporary without need.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x, self.y = task.x, task.y
        self.activation, self.derivative = {
            "relu": (_relu, _relu_back),
            "tanh": (_tanh, _tanh_back),
            "sigmoid": (_sigmoid, _sigmoid_back),
        }[task.activation]
        self.vector, self.gradient = (
            numpy.zeros(task.parameters.size),
            numpy.zeros(task.parameters.size),
        )
        self.weights, self.biases = self._views(self.vector)
        self.weight_gradients, self.bias_gradients = self._views(self.gradient)
        for weights, biases, rows in zip(
            self.weights, self.biases, task.layers(task.parameters), strict=True
        ):
            weights[...], biases[...] = rows[:, :-1], rows[:, -1]

    def _views(self, vector: Array) -> tuple[list[Array], list[Array]]:
        """The matrix and the vector of each layer, one after the other in one vector."""
        matrices, vectors, begin = [], [], 0
        for length, width in pairwise(self.task.sizes):
            middle, end = begin + width * length, begin + width * (length + 1)
            matrices.append(vector[begin:middle].reshape(width, length))
            vectors.append(vector[middle:end])
            begin = end
        return matrices, vectors

    def evaluate(self) -> tuple[float, Array]:
        loss = self.backpropagate()
        return loss, _in_order(self.weight_gradients, self.bias_gradients)

    def in_order(self) -> Array:
        """The parameters in our order."""
        return _in_order(self.weights, self.biases)

    def backpropagate(self) -> float:
        """The loss; its gradient is in `gradient`."""
        outputs, last = [self.x], len(self.weights) - 1
        for k, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = outputs[-1] @ weights.T
            z += biases
            outputs.append(z if k == last else self.activation(z))
        loss, delta = (self.hinge if self.task.hinge else self.cross_entropy)(outputs.pop())
        for k in range(last, -1, -1):
            product = (
                numpy.matmul if len(delta) > 1 else numpy.multiply
            )  # of one row and one column, multiply makes it sooner
            product(delta.T, outputs[k], out=self.weight_gradients[k])
            numpy.sum(delta, axis=0, out=self.bias_gradients[k])
            if k:
                delta = delta @ self.weights[k]
                self.derivative(delta, outputs[k])
        if self.task.hinge:
            self.gradient += 2.0 * PENALTY * self.vector
        return loss

    def hinge(self, scores: Array) -> tuple[float, Array]:
        """The mean hinge loss with the penalty, and the derivative of its first part by scores."""
        margins = 1.0 - self.y * scores
        loss = numpy.maximum(margins, 0.0).sum() / len(scores) + PENALTY * (
            self.vector @ self.vector
        )
        return float(loss), (margins > 0.0) * self.y / -len(scores)

    def cross_entropy(self, logits: Array) -> tuple[float, Array]:
        """The mean of softmax and cross-entropy, and its derivative by the logits."""
        shifted = logits - logits.max(axis=1, keepdims=True)
        delta = numpy.exp(shifted)
        sums = delta.sum(axis=1, keepdims=True)
        loss = (numpy.log(sums).sum() - (shifted * self.y).sum()) / len(logits)
        delta /= sums
        delta -= self.y
        delta /= len(logits)
        return float(loss), delta

    def step(self) -> None:
        self.backpropagate()
        self.vector -= RATE * self.gradient


def _in_order(matrices: list[Array], vectors: list[Array]) -> Array:
    """The entries of each layer as one vector: for each neuron those of its weights, then one."""
    rows = zip(matrices, vectors, strict=True)
    return numpy.concatenate([numpy.column_stack(parts).ravel() for parts in rows])


def _relu(z: Array) -> Array:
    return numpy.maximum(z, 0.0, out=z)


def _relu_back(delta: Array, output: Array) -> None:
    delta *= output > 0.0


def _tanh(z: Array) -> Array:
    return numpy.tanh(z, out=z)


def _tanh_back(delta: Array, output: Array) -> None:
    delta *= 1.0 - output * output


def _sigmoid(z: Array) -> Array:
    numpy.negative(z, out=z)
    numpy.exp(z, out=z)
    z += 1.0
    return numpy.divide(1.0, z, out=z)


def _sigmoid_back(delta: Array, output: Array) -> None:
    delta *= output * (1.0 - output)


class Scalars:
    """A network of scalars, sample by sample; who derives says what a sample's loss is."""

    def __init__(self, task: Task, network: Any) -> None:
        self.task, self.network = task, network
        self.parameters = network.parameters()

    def one(self, x: list[float], y: list[float]) -> Any:
        """The loss of one sample, without the penalty."""
        raise NotImplementedError

    def loss(self) -> Any:
        """The mean over the samples, and the penalty once, as one graph."""
        losses = [
            self.one(x, y) for x, y in zip(self.task.x.tolist(), self.task.y.tolist(), strict=True)
        ]
        mean = sum(losses) * (1.0 / len(losses))
        return mean + PENALTY * sum(p * p for p in self.parameters) if self.task.hinge else mean

    def backpropagate(self) -> float:
        self.network.zero_grad()
        loss = self.loss()
        loss.backward()
        return float(loss.data)

    def evaluate(self) -> tuple[float, Array]:
        loss = self.backpropagate()
        return loss, numpy.array([parameter.grad for parameter in self.parameters])

    def step(self) -> None:
        self.backpropagate()
        for parameter in self.parameters:
            parameter.data -= RATE * parameter.grad


class Eager(Scalars):
    """Our own scalars."""

    def __init__(self, task: Task) -> None:
        super().__init__(task, task.model())

    def one(self, x: list[float], y: list[float]) -> Any:
        return (
            scalargrad.relu(1.0 - y[0] * self.network(x))
            if self.task.hinge
            else cross_entropy(self.network(x), y)
        )


class Micrograd(Scalars):
    """micrograd 0.1.0; it has no exp and no log, which are added as those who published such
    networks with it did.
    """

    def __init__(self, task: Task) -> None:
        from micrograd.engine import Value
        from micrograd.nn import MLP

        super().__init__(task, MLP(task.sizes[0], list(task.sizes[1:])))
        self.value = Value
        for parameter, number in zip(self.parameters, task.parameters.tolist(), strict=True):
            parameter.data = number

    def one(self, x: list[float], y: list[float]) -> Any:
        """As micrograd's demo writes it, or softmax and cross-entropy."""
        scores = self.network(list(map(self.value, x)))
        return (1 + -y[0] * scores).relu() if self.task.hinge else self.cross_entropy(scores, y)

    def cross_entropy(self, logits: list[Any], y: list[float]) -> Any:
        powers = [self.function(logit, math.exp, math.exp) for logit in logits]
        total = self.function(sum(powers), math.log, lambda x: 1.0 / x)
        return total - sum(share * logit for share, logit in zip(y, logits, strict=True))

    def function(
        self, x: Any, rule: Callable[[float], float], derivative: Callable[[float], float]
    ) -> Any:
        """One more operation of micrograd, in its own manner."""
        out = self.value(rule(x.data), (x,), rule.__name__)

        def _backward() -> None:
            x.grad += derivative(x.data) * out.grad

        out._backward = _backward
        return out


class PyTorch:
    """PyTorch on one thread, as its users write a network."""

    def __init__(self, task: Task) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch, self.task = torch, task
        self.x, self.y = torch.tensor(task.x), torch.tensor(task.y)
        between = {
            "relu": torch.nn.ReLU,
            "tanh": torch.nn.Tanh,
            "sigmoid": torch.nn.Sigmoid,
        }[task.activation]
        pairs = pairwise(task.sizes)
        parts = [
            part
            for pair in pairs
            for part in (torch.nn.Linear(*pair, dtype=torch.float64), between())
        ]
        self.network = torch.nn.Sequential(*parts[:-1])
        self.linear = parts[::2]
        with torch.no_grad():
            for layer, rows in zip(self.linear, task.layers(task.parameters), strict=True):
                layer.weight.copy_(torch.tensor(rows[:, :-1]))
                layer.bias.copy_(torch.tensor(rows[:, -1]))
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=RATE)

    def loss(self) -> Any:
        outputs = self.network(self.x)
        if not self.task.hinge:
            return self.torch.nn.functional.cross_entropy(outputs, self.y)
        penalty = sum((p * p).sum() for p in self.network.parameters())
        return self.torch.relu(1.0 - self.y * outputs).mean() + PENALTY * penalty

    def backpropagate(self) -> float:
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        return float(loss.detach())

    def evaluate(self) -> tuple[float, Array]:
        loss = self.backpropagate()
        parts = [numpy.column_stack([layer.weight.grad, layer.bias.grad]) for layer in self.linear]
        return loss, numpy.concatenate([part.ravel() for part in parts])

    def step(self) -> None:
        self.backpropagate()
        self.optimizer.step()


class Jax:
    """JAX on one thread: loss and gradient as one function that XLA compiles, in float64."""

    def __init__(self, task: Task) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax, self.task = jax, task
        # One array of all parameters costs less to pass and to return than two for each layer.
        self.parameters = jax.numpy.asarray(task.parameters)
        self.x, self.y = jax.numpy.asarray(task.x), jax.numpy.asarray(task.y)
        self.function = jax.jit(jax.value_and_grad(self.loss))
        self.activation = {
            "relu": jax.nn.relu,
            "tanh": jax.numpy.tanh,
            "sigmoid": jax.nn.sigmoid,
        }[task.activation]

    def loss(self, parameters: Any, x: Any, y: Any) -> Any:
        *hidden, last = self.task.layers(parameters)
        for rows in hidden:
            x = self.activation(x @ rows[:, :-1].T + rows[:, -1])
        outputs = x @ last[:, :-1].T + last[:, -1]
        if not self.task.hinge:
            return -(self.jax.nn.log_softmax(outputs) * y).sum(axis=1).mean()
        margins = self.jax.nn.relu(1.0 - y * outputs)
        return margins.mean() + PENALTY * (parameters @ parameters)

    def backpropagate(self) -> Any:
        return self.jax.block_until_ready(self.function(self.parameters, self.x, self.y))

    def evaluate(self) -> tuple[float, Array]:
        loss, gradient = self.backpropagate()
        return float(loss), numpy.array(gradient)


def casadi_function(sizes: Sequence[int], by_scalars: bool) -> Any:
    """CasADi's SX: (parameters, x, y) → loss and gradient of a sigmoid network with softmax and
    cross-entropy.

    by_scalars  True: written with one symbol for each number, as ours is; False: with CasADi's
                matrices of symbols
    """
    import casadi

    count = sum((length + 1) * width for length, width in pairwise(sizes))
    symbols = [
        casadi.SX.sym(name, size)
        for name, size in (("p", count), ("x", sizes[0]), ("y", sizes[-1]))
    ]
    loss = (
        _loss_of_scalars(sizes, *map(casadi.vertsplit, symbols))
        if by_scalars
        else _loss_of_matrices(sizes, *symbols)
    )
    return casadi.Function("loss", symbols, [loss, casadi.gradient(loss, symbols[0])])


def _loss_of_scalars(sizes: Sequence[int], p: list[Any], x: list[Any], y: list[Any]) -> Any:
    import casadi

    numbers = iter(p)
    for k, (length, width) in enumerate(pairwise(sizes)):
        rows = [[next(numbers) for _ in range(length + 1)] for _ in range(width)]
        z = [sum((w * each for w, each in zip(row, x, strict=False)), row[-1]) for row in rows]
        x = z if k == len(sizes) - 2 else [1 / (1 + casadi.exp(-each)) for each in z]
    return casadi.log(sum(map(casadi.exp, x))) - sum(
        share * z for share, z in zip(y, x, strict=True)
    )


def _loss_of_matrices(sizes: Sequence[int], p: Any, x: Any, y: Any) -> Any:
    import casadi

    begin = 0
    for k, (length, width) in enumerate(pairwise(sizes)):
        end = begin + width * (length + 1)
        rows = casadi.reshape(p[begin:end], length + 1, width).T
        z = casadi.mtimes(rows[:, :-1], x) + rows[:, -1]
        x, begin = z if k == len(sizes) - 2 else 1 / (1 + casadi.exp(-z)), end
    return casadi.log(casadi.sum1(casadi.exp(x))) - casadi.dot(y, x)
