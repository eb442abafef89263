"""Numerical gradients against those by hand in NumPy and torch; what the page says about them."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
import pytest

from demos import numerical
from scalargrad import numerical_gradient
from scalargrad.errors import UnlearnedWarning
from scalargrad.nn import MLP, Objective
from tests.demos.conftest import Told
from tests.demos.page import files_of

IMAGE, DIGIT = numpy.random.default_rng(4).uniform(0.0, 1.0, 64).tolist(), 7


def matrices(model: MLP) -> list[tuple[Any, Any]]:
    """Weights (outputs, inputs) and biases (outputs,) of each layer."""
    return [
        (
            numpy.array([[weight.data for weight in neuron.weights] for neuron in layer.neurons]),
            numpy.array([neuron.bias.data for neuron in layer.neurons]),
        )
        for layer in model.layers
    ]


def by_hand(model: MLP, image: list[float], digit: int) -> tuple[float, Any]:
    """Loss and gradient of sigmoid layers, softmax and cross-entropy, as the textbook has it."""
    layers, outputs = matrices(model), [numpy.array(image)]
    for weights, bias in layers[:-1]:
        outputs.append(1.0 / (1.0 + numpy.exp(-(weights @ outputs[-1] + bias))))
    logits = layers[-1][0] @ outputs[-1] + layers[-1][1]
    probabilities = numpy.exp(logits) / numpy.exp(logits).sum()
    delta, found = probabilities - numpy.eye(10)[digit], []
    for (weights, _), x in zip(reversed(layers), reversed(outputs), strict=True):
        found.append(numpy.column_stack([numpy.outer(delta, x), delta]).ravel())
        delta = (weights.T @ delta) * x * (1.0 - x)
    return float(-numpy.log(probabilities[digit])), numpy.concatenate(found[::-1])


def test_the_network_starts_as_in_the_tutorial() -> None:
    weights, bias = matrices(numerical.network(784, 100, 10))[0]
    assert weights.shape == (100, 784)
    assert weights.std() == pytest.approx(0.01, rel=0.02)
    assert not bias.any()


@pytest.mark.parametrize("sizes", [(64, 30, 10), (64, 20, 15, 10)], ids=["two layers", "three"])
def test_backpropagation_is_the_gradient_by_hand(sizes: tuple[int, ...]) -> None:
    model = numerical.network(*sizes)
    loss = numerical.get_loss(IMAGE, DIGIT, model)
    loss.backward()
    expected, slopes = by_hand(model, IMAGE, DIGIT)
    assert loss.data == pytest.approx(expected, abs=1e-12)
    numpy.testing.assert_allclose(
        [parameter.grad for parameter in model.parameters()], slopes, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("digit", range(3))
def test_the_formula_is_the_loss_of_the_network(digit: int) -> None:
    torch = pytest.importorskip("torch")
    model = numerical.network(3, 3, 3, deviation=1.0)
    numbers = [parameter.data for parameter in model.parameters()]
    x = [0.2, -0.4, 0.9]
    (w, b), (v, c) = [tuple(map(torch.tensor, layer)) for layer in matrices(model)]
    logits = v @ torch.sigmoid(w @ torch.tensor(x, dtype=torch.float64) + b) + c
    expected = torch.nn.functional.cross_entropy(logits[None], torch.tensor([digit]))
    assert numerical.formula(numbers, x, digit) == pytest.approx(expected.item(), abs=1e-14)
    assert numerical.get_loss(x, digit, model).data == pytest.approx(expected.item(), abs=1e-14)


def test_the_formula_has_the_gradient_of_the_network() -> None:
    assert 0.0 < numerical.written_out() < 1e-9


@pytest.fixture(scope="module")
def step() -> Any:
    """A step of the large network, numerically by some of its weights."""
    return numerical.cost(100)


def test_a_sample_of_a_step_agrees_with_backpropagation(step: Any) -> None:
    assert step.weights == 784 * 100 + 100 + 100 * 10 + 10
    pixels = numpy.random.default_rng(0).random(784).tolist()
    _, slopes = by_hand(numerical.network(*numerical.LARGE), pixels, 3)
    chosen = numerical.epoch_order(step.weights, seed=0)[:100]
    numpy.testing.assert_allclose(step.chosen, slopes[chosen], rtol=1e-9, atol=1e-12)
    numpy.testing.assert_allclose(step.slopes, slopes[chosen], rtol=0.0, atol=1e-8)
    assert step.apart == numpy.abs(step.slopes - step.chosen).max()


def test_backpropagation_is_hundreds_of_times_as_fast(step: Any) -> None:
    assert step.numerical > 100.0 * step.backward


def test_numbers_that_are_moved_in_place_are_put_back() -> None:
    x = numpy.array([1.0, 2.0, 3.0])
    slopes = numerical.move_in_place(lambda _: float((x**2).sum()), x, [2, 0])
    numpy.testing.assert_allclose(slopes, [6.0, 2.0], atol=1e-9)
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_a_function_that_ignores_its_argument_needs_its_own_array_moved() -> None:
    found = numerical.three_ways()
    model = numerical.network(2, 3, deviation=1.0)
    ((weights, bias),) = matrices(model)
    logits = weights @ [0.6, 0.9] + bias
    delta = numpy.exp(logits) / numpy.exp(logits).sum() - numpy.eye(3)[2]
    expected = numpy.column_stack([numpy.outer(delta, [0.6, 0.9]), delta]).ravel()
    numpy.testing.assert_allclose(found["backward"], expected, atol=1e-12)
    numpy.testing.assert_allclose(found["in place"], expected, atol=1e-9)
    numpy.testing.assert_allclose(found["objective"], expected, atol=1e-9)
    assert not found["copies"].any()


def test_copies_that_are_not_looked_at_are_warned_of() -> None:
    x = numpy.array([1.0, 2.0])
    with pytest.warns(UnlearnedWarning, match="never looks at the numbers"):
        numerical_gradient(lambda _: float((x**2).sum()), x)


def test_an_objective_is_not_warned_of() -> None:
    loss = Objective(numerical.network(2, 3), partial(numerical.get_loss, [0.6, 0.9], 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numerical_gradient(loss, loss.numbers)


def test_other_processes_find_the_same_bits() -> None:
    loss = Objective(numerical.network(4, 3, 3), partial(numerical.get_loss, [0.1] * 4, 1))
    assert numerical_gradient(loss, loss.numbers, workers=2) == numerical_gradient(
        loss, loss.numbers
    )


def test_work_of_the_break_even_takes_as_long_by_several() -> None:
    work = numerical.break_even(0.75, workers=4)
    assert 0.75 + work / 4 == pytest.approx(work)


def test_what_is_said_is_what_is_on_the_page(told: Callable[[str], Told]) -> None:
    ran = told("numerical")
    story = ran.story
    said = dict(story.numbers)
    assert len(said) == len(story.numbers)
    assert all(what in ran.printed and number in ran.printed for what, number in story.numbers)
    assert said["the slope of x² at 3"] == "6.000000000"
    assert said["the gradient of x² + 3xy at (1, 2)"] == "8.000000000, 3.000000000"
    apart = [float(number) for what, number in said.items() if "largest difference" in what]
    assert len(apart) == 4
    assert max(apart) < 1e-8
    assert ran.files == files_of(story)


def test_a_function_of_its_own_array_gets_slopes_of_zero_from_copies(
    told: Callable[[str], Told],
) -> None:
    assert dict(told("numerical").story.numbers)["f ignores w, which is a copy: largest slope"] == (
        "0, warned"
    )


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        (0.9, 3.0, "too short to pay for their start"),
        (2.0, 3.0, "the cores were busy"),
        (2.0, 1.5, "it pays"),
    ],
)
def test_the_page_says_whether_processes_pay(one: float, two: float, words: str) -> None:
    step = numerical.SimpleNamespace(numerical=1.0, backward=0.001)
    shared = numerical.SimpleNamespace(names=[""] * 9, one=one, two=two, start=0.5, threads=0.97)
    rows = dict(numerical._costs(step, shared))
    (what,) = [what for what in rows if what.startswith("the same by two")]
    assert what.endswith(words)
    assert rows["the start of two takes 500 ms; they can pay from"] == "1 s of work"
