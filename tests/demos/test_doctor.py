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
    "patient", [doctor.CHAIN, doctor.LOUD, doctor.HASTY], ids=lambda patient: patient.name
)
def test_the_cured_have_nothing_and_the_ill_one_illness(patient: doctor.Patient) -> None:
    assert doctor.examine(patient.cured(), patient.rate)
    found = doctor.examine(patient.ill(), patient.rate)
    assert {finding.kind for finding in found.findings} == {
        {"chain": "vanishing", "loud": "saturated", "hasty": "dead"}[patient.name]
    }


def test_dead_units_are_those_that_no_sample_reaches() -> None:
    model = doctor.HASTY.ill()
    off = (sums(model, lambda s: numpy.maximum(s, 0.0))[1] <= 0.0).all(axis=0)
    found = doctor.examine(model, doctor.HASTY.rate)
    assert {finding.where for finding in found.of("dead")} == {
        f"layers.1.neurons.{i}" for i in numpy.flatnonzero(off)
    }
    assert off.sum() > 4


def test_saturated_units_are_those_that_are_nearly_always_flat() -> None:
    model = doctor.LOUD.ill()
    flat = [
        (1.0 - numpy.tanh(s) ** 2 < 0.05).mean(axis=0) >= 0.95 for s in sums(model, numpy.tanh)[:-1]
    ]
    found = doctor.examine(model, doctor.LOUD.rate)
    assert {finding.where for finding in found.findings} == {
        f"layers.{i}.neurons.{j}" for i in range(3) for j in numpy.flatnonzero(flat[i])
    }


def test_the_cure_helps() -> None:
    for patient in (doctor.CHAIN, doctor.LOUD, doctor.HASTY):
        assert doctor.train(patient.cured(), patient.rate, 30) < 0.7 * doctor.train(
            patient.ill(), patient.rate, 30
        )


def test_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("doctor")
    story, printed = ran.story, ran.printed
    assert "before the first step: rate: one step with a rate of 3 raises the loss" in printed
    assert [number for _, number in story.numbers[::2]] == ["vanishing", "saturated", "dead"]
    for _, number in story.numbers[1::2]:
        after, before = number.split(" instead of ")
        assert f"loss {before} as it was, {after} after the cure" in printed
    assert ran.files == files_of(story)
