"""The doctor's demo: what it says of each network, against NumPy by hand, and what it writes."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from demos import doctor
from scalargrad import nn
from tests.demos.conftest import Told
from tests.demos.page import files_of


def sums(model: nn.MLP, activation: Any) -> list[Any]:
    """What comes into the units of each layer: samples × units."""
    found, x = [], doctor.points()[0]
    for layer in model.layers:
        matrix = numpy.array(
            [[weight.data for weight in neuron.weights] for neuron in layer.neurons]
        )
        found.append(x @ matrix.T + [neuron.bias.data for neuron in layer.neurons])
        x = activation(found[-1])
    return found


@pytest.mark.parametrize(
    "case", [doctor.CHAIN, doctor.LOUD, doctor.HASTY], ids=lambda case: case.name
)
def test_a_broken_network_has_one_kind_of_finding_and_a_fixed_one_none(case: doctor.Case) -> None:
    assert doctor.diagnose_case(case.fixed(), case.rate).findings == ()
    found = doctor.diagnose_case(case.broken(), case.rate)
    assert {finding.kind for finding in found.findings} == {
        {"chain": "vanishing", "loud": "saturated", "hasty": "dead"}[case.name]
    }


def test_dead_units_are_those_that_no_sample_reaches() -> None:
    model = doctor.HASTY.broken()
    off = (sums(model, lambda s: numpy.maximum(s, 0.0))[1] <= 0.0).all(axis=0)
    found = doctor.diagnose_case(model, doctor.HASTY.rate)
    assert {finding.where for finding in found.of("dead")} == {
        f"layers.1.neurons.{i}" for i in numpy.flatnonzero(off)
    }
    assert off.sum() > 4


def test_saturated_units_are_those_that_are_nearly_always_flat() -> None:
    model = doctor.LOUD.broken()
    flat = [
        (1.0 - numpy.tanh(s) ** 2 < 0.05).mean(axis=0) >= 0.95 for s in sums(model, numpy.tanh)[:-1]
    ]
    found = doctor.diagnose_case(model, doctor.LOUD.rate)
    assert {finding.where for finding in found.findings} == {
        f"layers.{i}.neurons.{j}" for i in range(3) for j in numpy.flatnonzero(flat[i])
    }


def test_a_training_takes_the_steps_of_numpy() -> None:
    """The network of one hidden layer, trained by hand on all samples at once."""
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    hidden, last = model.layers
    weights = numpy.array([[w.data for w in neuron.weights] for neuron in hidden.neurons])
    bias = numpy.array([neuron.bias.data for neuron in hidden.neurons])
    out = numpy.array([w.data for w in last.neurons[0].weights])
    shift = last.neurons[0].bias.data
    x, answers = doctor.points()
    for _ in range(20):
        h = numpy.tanh(x @ weights.T + bias)
        error = h @ out + shift - answers
        loss = (error**2).mean()
        slope = 2.0 * error / len(x)
        back = numpy.outer(slope, out) * (1.0 - h**2)
        out, shift = out - 0.1 * h.T @ slope, shift - 0.1 * slope.sum()
        weights, bias = weights - 0.1 * back.T @ x, bias - 0.1 * back.sum(axis=0)
    assert doctor.train(model, 0.1, 20) == pytest.approx(loss, rel=1e-9)


def test_batch_normalization_lets_the_gradient_reach_the_first_layer() -> None:
    torch = pytest.importorskip("torch")
    steps: list[Any] = []
    for step in doctor.normalized_chain().steps[:-1]:
        if isinstance(step, nn.BatchNorm):
            norm = torch.nn.BatchNorm1d(step.size, eps=step.eps, dtype=torch.float64)
            steps += [norm, torch.nn.Sigmoid()]
        else:
            twin = torch.nn.Linear(step.inputs, step.outputs, dtype=torch.float64)
            rows = [[weight.data for weight in neuron.weights] for neuron in step.neurons]
            twin.weight.data = torch.tensor(rows, dtype=torch.float64)
            twin.bias.data *= 0.0
            steps.append(twin)
    inputs, answers = (torch.tensor(numpy.asarray(part, float)) for part in doctor.points())
    ((torch.nn.Sequential(*steps)(inputs)[:, 0] - answers) ** 2).mean().backward()
    gradient = float(torch.hypot(steps[0].weight.grad.norm(), steps[0].bias.grad.norm()))

    broken = doctor.diagnose_case(doctor.CHAIN.broken(), doctor.CHAIN.rate)
    name, text = doctor.first_gradients(broken)
    with_it, without = text.removesuffix(", no findings").split(" instead of ")
    assert "batch normalization" in name
    assert float(with_it) == pytest.approx(gradient, rel=0.05)
    assert float(without) < 1e-3 * gradient


def test_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("doctor")
    story, printed = ran.story, ran.printed
    assert "before the first step: rate: one step with a rate of 3 raises the loss" in printed
    assert [number for _, number in story.numbers[:6:2]] == ["vanishing", "saturated", "dead"]
    for _, number in story.numbers[1:6:2]:
        after, before = number.split(" instead of ")
        assert f"loss {before} as it was, {after} with the fix" in printed
        assert float(after) < 0.7 * float(before)
    assert ran.files == files_of(story)
