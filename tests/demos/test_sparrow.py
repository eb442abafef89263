"""The sparrow network against the same by hand in NumPy, its explosion, and what the cures do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isinf, isnan

import numpy
import pytest
from numpy.typing import NDArray

from demos import sparrow
from scalargrad.losses import half_squared_error
from scalargrad.nn import MLP
from scalargrad.optim import SGD
from scalargrad.training import ClipNorm, MaxNorm
from tests.demos.conftest import Told
from tests.demos.page import files_of

Array = NDArray[numpy.float64]


@dataclass
class ByHand:
    """The network 10-7-3-1 with ELU as matrices and vectors: forward, backward and the step."""

    weights: list[Array]
    biases: list[Array]

    @classmethod
    def like(cls, model: MLP) -> "ByHand":
        rows = [
            [[w.data for w in neuron.weights] for neuron in layer.neurons] for layer in model.layers
        ]
        biases = [
            numpy.array([neuron.bias.data for neuron in layer.neurons]) for layer in model.layers
        ]
        return cls([numpy.array(row) for row in rows], biases)

    def gradient(self, x: list[float], target: float) -> tuple[float, Array]:
        """Half the squared error, and its gradient in the order of the model's parameters."""
        w1, w2, w3 = self.weights
        a0 = numpy.array(x)
        z1 = w1 @ a0 + self.biases[0]
        a1 = elu(z1)
        z2 = w2 @ a1 + self.biases[1]
        a2 = elu(z2)
        error = w3 @ a2 + self.biases[2] - target
        d3 = error
        d2 = (w3.T @ d3) * slope(z2)
        d1 = (w2.T @ d2) * slope(z1)
        parts = [
            numpy.column_stack([numpy.outer(d, a), d]) for d, a in ((d1, a0), (d2, a1), (d3, a2))
        ]
        return float(0.5 * error[0] ** 2), numpy.concatenate([part.ravel() for part in parts])

    def step(self, gradient: Array, rate: float) -> None:
        """Each weight goes down its gradient."""
        for k, matrix in enumerate(self.weights):
            size = matrix.size + len(matrix)
            part, gradient = gradient[:size].reshape(len(matrix), -1), gradient[size:]
            self.weights[k], self.biases[k] = (
                matrix - rate * part[:, :-1],
                self.biases[k] - rate * part[:, -1],
            )


def elu(z: Array) -> Array:
    return numpy.where(z > 0, z, numpy.exp(numpy.minimum(z, 0)) - 1)


def slope(z: Array) -> Array:
    return numpy.exp(numpy.minimum(z, 0))


def side_by_side(
    model: MLP, rate: float, steps: int
) -> Iterator[tuple[float, float, Array, Array]]:
    """For each sample the losses and gradients of both, by the network and by hand, then a step."""
    hand, optimizer = ByHand.like(model), SGD(model.parameters(), rate)
    for x, target in zip(*sparrow.samples(steps), strict=True):
        model.zero_grad()
        loss = half_squared_error(model(x), target)
        loss.backward()
        expected, gradient = hand.gradient(x, target)
        yield (
            loss.data,
            expected,
            numpy.array([parameter.grad for parameter in model.parameters()]),
            gradient,
        )
        optimizer.step()
        hand.step(gradient, rate)


@pytest.mark.parametrize(
    ("seed", "rate", "steps"),
    [(sparrow.SEED, 2e-4, 100), (0, 2e-4, 100), (sparrow.SEED, sparrow.RATE, 6)],
    ids=["calm", "calm, another seed", "up to the explosion"],
)
def test_the_same_losses_and_gradients_as_by_hand(seed: int, rate: float, steps: int) -> None:
    losses = []
    for loss, expected, found, gradient in side_by_side(sparrow.sparrow(seed=seed), rate, steps):
        assert loss == pytest.approx(expected, rel=1e-12, abs=1e-12)
        assert numpy.abs(found - gradient).max() <= 1e-12 * max(1.0, numpy.abs(gradient).max())
        losses.append(loss)
    assert (max(losses) > 1e6) == (rate == sparrow.RATE)


def test_the_samples_are_half_the_sum_of_ten_numbers_below_five() -> None:
    rows, targets = sparrow.samples(200)
    assert all(
        len(x) == 10 and 0.0 <= min(x) <= max(x) < 5.0 and target == sum(x) / 2
        for x, target in zip(rows, targets, strict=True)
    )
    assert (rows[:3], targets[:3]) == sparrow.samples(3)
    assert rows[:3] != sparrow.samples(3, seed=1)[0]


def test_it_explodes_at_the_square_of_the_error_and_goes_on_as_nan() -> None:
    trial = sparrow.train(sparrow.Trial("", "", sparrow.sparrow()), 50)
    hand, losses = ByHand.like(sparrow.sparrow()), []
    with numpy.errstate(all="ignore"):
        for x, target in zip(*sparrow.samples(len(trial.losses) + 2), strict=True):
            loss, gradient = hand.gradient(x, target)
            hand.step(gradient, sparrow.RATE)
            losses.append(loss)
    assert trial.losses == pytest.approx(losses[:-2], rel=1e-9)
    assert isinf(losses[-2])
    assert isnan(losses[-1])
    assert "pow(" in trial.error
    assert trial.error.endswith("gave inf")
    assert all(abs(number) < float("inf") for number in trial.model.state_dict().values())


def test_overshoot_says_by_what_a_small_step_multiplies_the_error() -> None:
    model, ((x,), (target,)) = sparrow.sparrow(), sparrow.samples(1)
    factor, rate = 1.0 - 1e-6 * sparrow.overshoot(model, x), 1e-6 * sparrow.RATE
    before = model(x).data - target
    model.zero_grad()
    half_squared_error(model(x), target).backward()
    SGD(model.parameters(), rate).step()
    assert (model(x).data - target) / before == pytest.approx(factor, abs=1e-6)


def test_a_constant_answer_costs_half_the_variance() -> None:
    targets = numpy.array(sparrow.samples(sparrow.TEST, seed=1)[1])
    assert sparrow.constant_cost() == pytest.approx(targets.var() / 2)


def test_means_are_the_network_with_its_inputs_divided() -> None:
    model, x = sparrow.sparrow(sparrow.Means), sparrow.samples(1)[0][0]
    hand, a = ByHand.like(model), numpy.array(x)
    for k in range(3):
        z = hand.weights[k] @ (a / len(a)) + hand.biases[k]
        a = elu(z) if k < 2 else z
    assert model(x).data == pytest.approx(float(a[0]), rel=1e-12)


@pytest.mark.parametrize("how", ["gradient cut to norm 0.1", "AdaGrad", "means in place of sums"])
def test_these_cures_learn_within_three_hundred_steps(how: str) -> None:
    (trial,) = (trial for trial in sparrow.trials() if trial.how == how)
    sparrow.train(trial, 300)
    assert max(trial.losses) < 200.0
    assert trial.final < 0.5 * sparrow.constant_cost()
    assert sparrow.verdict(trial, sparrow.constant_cost()).endswith("learns")


def test_each_cure_changes_one_thing_alone() -> None:
    born = list(sparrow.sparrow().state_dict().values())
    for trial in sparrow.trials():
        if trial.what not in ("initialization", "structure") and trial.how != "seed 0":
            assert list(trial.model.state_dict().values()) == born
        assert len(trial.options) == (trial.what in ("regularization", "optimizer"))
        limits = trial.options.get("callbacks", [])
        assert all(isinstance(limit, (ClipNorm, MaxNorm)) for limit in limits)


def test_the_story_tells_what_became_of_each(told: Callable[[str], Told]) -> None:
    ran = told("sparrow")
    numbers = dict(ran.story.numbers)
    assert numbers["as given: seed 8"].startswith("nan after 6 steps: pow(")
    assert numbers["optimizer: AdaGrad"].endswith("learns")
    assert numbers["initialization: all weights 0"].endswith("no better than a constant")
    assert float(numbers["rate · ‖∂answer/∂weights‖² at first"]) > 2.0
    assert ran.files == files_of(ran.story)
