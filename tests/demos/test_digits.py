"""Handwritten digits: the split, the gradient on the pixels, the worst mistake, the test."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from demos import digits
from scalargrad import no_grad, numerical_gradient
from scalargrad.nn import MLP
from tests.demos.conftest import Told
from tests.demos.page import files_of


def test_training_and_test_images_are_all_images_and_do_not_overlap() -> None:
    samples = digits.digits()
    assert len(samples) == 1797 == digits.TRAINED + digits.HELD_OUT
    assert all(
        len(pixels) == 64 and 0.0 <= min(pixels) <= max(pixels) <= 1.0 for pixels, _ in samples
    )


def test_the_gradient_on_the_pixels_agrees_with_central_differences() -> None:
    model = MLP(64, [16, 10], activation="tanh", seed=3)
    image, truth = digits.digits()[7]
    mistake = digits.explain(model, image, truth)

    def margin(pixels: list[float]) -> float:
        logits = model(pixels)
        return float(logits[mistake.answer].data - logits[truth].data)

    with no_grad():
        slopes = numerical_gradient(margin, image)
    assert [pixel.grad for pixel in mistake.pixels] == pytest.approx(slopes, rel=1e-6, abs=1e-8)


def test_the_worst_mistake_is_wrong_and_no_other_margin_is_larger() -> None:
    model, samples = MLP(64, [16, 10], seed=3), digits.digits()[:30]
    mistake = digits.worst(model, samples)
    assert mistake.answer != mistake.truth
    for pixels, truth in samples:
        logits = [logit.data for logit in model(pixels)]
        assert max(logits) - logits[truth] <= mistake.margin.data


def matrices(model: MLP) -> list[tuple[np.ndarray, np.ndarray]]:
    """The weights and biases of each layer."""
    return [
        (
            np.array([[w.data for w in neuron.weights] for neuron in layer.neurons]),
            np.array([neuron.bias.data for neuron in layer.neurons]),
        )
        for layer in model.layers
    ]


def test_answers_and_margins_are_those_of_numpy() -> None:
    model, samples = MLP(64, [16, 10], seed=3), digits.digits()[:50]
    x = np.array([pixels for pixels, _ in samples])
    truths = [truth for _, truth in samples]
    (w1, b1), (w2, b2) = matrices(model)
    logits = np.maximum(x @ w1.T + b1, 0.0) @ w2.T + b2
    said, margins = zip(*digits.answers(model, samples), strict=True)
    assert list(said) == logits.argmax(axis=1).tolist()
    assert margins == pytest.approx(logits.max(axis=1) - logits[range(50), truths], rel=1e-9)


def test_nothing_flows_to_the_weights_of_a_neuron_that_relu_switched_off() -> None:
    model = MLP(64, [16, 10], seed=3)
    image, truth = digits.digits()[7]
    digits.explain(model, image, truth)
    w1, b1 = matrices(model)[0]
    off = w1 @ image + b1 <= 0.0
    white = [all(w.grad == 0.0 for w in neuron.weights) for neuron in model.layers[0].neurons]
    assert white == off.tolist()
    assert 0 < sum(white) < 16


def test_the_network_reads_most_but_not_all(told: Callable[[str], Told]) -> None:
    samples = digits.digits()
    images = np.array([pixels for pixels, _ in samples])
    truths = np.array([truth for _, truth in samples])
    means = np.array([images[:1000][truths[:1000] == digit].mean(axis=0) for digit in range(10)])
    distances = ((images[-797:, None] - means) ** 2).sum(axis=2)
    nearest = (distances.argmin(axis=1) == truths[-797:]).mean()
    ran = told("digits")
    numbers = dict(ran.story.numbers)
    found = re.match(r"(\d+) of 797", numbers["read correctly"])
    assert found is not None
    assert 0.8 < nearest < int(found[1]) / 797 < 1.0
    last = float(numbers["mean loss of the last epoch"])
    assert last < 0.1 * float(numbers["mean loss of the first epoch"])
    assert re.search(r"the worst mistake: a (\d) read as a (?!\1)\d", ran.printed)
    assert ran.files == files_of(ran.story)
