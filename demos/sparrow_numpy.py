"""The sparrow network rewritten in NumPy, which is the exercise that its tutorial sets.

Forward, backward and the step are a few lines of matrices. Every array has one more axis than the
tutorial's, the first: a network in each of its rows. The same lines train a thousand networks, in
the precision that their numbers have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad.nn import Module

SIZES = (10, 7, 3, 1)

Array = NDArray[np.floating[Any]]


def elu(h: Array) -> Array:
    """Return h above 0, and eʰ − 1 below."""
    # The minimum keeps the branch that is not taken from overflowing.
    return np.where(h > 0.0, h, np.exp(np.minimum(h, 0.0)) - 1.0)


def elu_slope(h: Array) -> Array:
    """Return the derivative of elu: 1 above 0, and eʰ below."""
    return np.exp(np.minimum(h, 0.0))


def transposed(matrices: Array) -> Array:
    """Transpose the matrix of each network."""
    return matrices.swapaxes(-1, -2)


@dataclass
class Sparrows:
    """Many networks 10-7-3-1 with ELU.

    Attributes:
        weights: Three arrays (networks, outputs, inputs).
        biases: Three arrays (networks, outputs, 1).
    """

    weights: list[Array]
    biases: list[Array]

    @classmethod
    def like(cls, models: Sequence[Module], dtype: type[np.floating[Any]]) -> "Sparrows":
        """Copy the numbers of networks of Values."""
        rows = []
        for model in models:
            rows.append([parameter.data for parameter in model.parameters()])
        numbers = np.array(rows, dtype)
        weights = []
        biases = []
        for inputs, outputs in pairwise(SIZES):
            # A neuron's parameters are its weights, then its bias.
            count = outputs * (inputs + 1)
            layer, numbers = np.split(numbers, [count], axis=1)
            neurons = layer.reshape(len(models), outputs, inputs + 1)
            weights.append(neurons[:, :, :-1])
            biases.append(neurons[:, :, -1:])
        return cls(weights, biases)

    def forward(self, x: Array) -> tuple[list[Array], list[Array]]:
        """Return the three sums h1, h2, h3, the last of them the answer; and x, z1, z2.

        Args:
            x: One column of ten numbers for each network, or several: (networks, 10, columns).
        """
        w1, w2, w3 = self.weights
        b1, b2, b3 = self.biases
        h1 = w1 @ x + b1
        z1 = elu(h1)
        h2 = w2 @ z1 + b2
        z2 = elu(h2)
        h3 = w3 @ z2 + b3
        return [h1, h2, h3], [x, z1, z2]

    def gradients(self, x: Array, y: Array) -> tuple[Array, list[Array], list[Array]]:
        """Return half the squared error of each network, and the gradients by the chain rule.

        Returns:
            The losses (networks,), the gradients of the weights, and those of the biases.
        """
        (h1, h2, answer), inputs = self.forward(x)
        _, w2, w3 = self.weights

        # By the sums, from the last to the first: each is computed from the one after it.
        d3 = answer - y
        d2 = transposed(w3) @ d3 * elu_slope(h2)
        d1 = transposed(w2) @ d2 * elu_slope(h1)
        deltas: list[Array] = [d1, d2, d3]

        of_weights: list[Array] = []
        for d, z in zip(deltas, inputs, strict=True):
            of_weights.append(d @ transposed(z))
        losses: Array = 0.5 * d3**2
        return losses[:, 0, 0], of_weights, deltas

    def step(self, x: Array, y: Array, rate: float) -> Array:
        """Take one step down the gradients, and return the losses from before it."""
        losses, of_weights, of_biases = self.gradients(x, y)
        for k in range(len(self.weights)):
            self.weights[k] = self.weights[k] - rate * of_weights[k]
            self.biases[k] = self.biases[k] - rate * of_biases[k]
        return losses

    def train(self, rows: Array, targets: Array, rate: float) -> Array:
        """Take one step for each sample, each network on its own samples.

        Args:
            rows: Ten numbers for each sample: (networks, samples, 10).
            targets: (networks, samples).
            rate: The learning rate.

        Returns:
            The loss before each step: (samples, networks).
        """
        losses = []
        # Some networks overflow: that is a result, not an error.
        with np.errstate(all="ignore"):
            for k in range(rows.shape[1]):
                x = rows[:, k, :, None]
                y = targets[:, k, None, None]
                losses.append(self.step(x, y, rate))
        return np.array(losses)

    def answers(self, rows: Array) -> Array:
        """Return what each network says about the same fresh samples: (networks, samples)."""
        with np.errstate(all="ignore"):
            (*_, answers), _ = self.forward(transposed(rows))
        return answers[:, 0, :]
