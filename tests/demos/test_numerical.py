"""Numerical and backpropagated gradients against those by hand in NumPy; files of the reader."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from demos import numerical
from demos.__main__ import main
from scalargrad import numerical_gradient
from scalargrad.nn import MLP, Objective
from tests.demos.conftest import Told

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


@pytest.fixture(params=[(64, 30, 10), (64, 20, 15, 10)], ids=["two layers", "three layers"])
def sizes(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_backpropagation_is_the_gradient_by_hand(sizes: tuple[int, ...]) -> None:
    model = numerical.network(*sizes)
    loss = numerical.get_loss(IMAGE, DIGIT, model)
    loss.backward()
    expected, slopes = by_hand(model, IMAGE, DIGIT)
    assert loss.data == pytest.approx(expected, abs=1e-12)
    numpy.testing.assert_allclose(
        [parameter.grad for parameter in model.parameters()], slopes, rtol=1e-12, atol=1e-12
    )


def test_a_step_both_ways_agrees_with_the_gradient_by_hand(sizes: tuple[int, ...]) -> None:
    step = numerical.both_ways(sizes, IMAGE, DIGIT, 0.0)
    names = list(step.every)
    slopes = dict(zip(names, by_hand(numerical.network(*sizes), IMAGE, DIGIT)[1], strict=True))
    chosen = [name for name in names if step.every[name] in set(step.chosen)]
    assert len(step.slopes) == 30 <= len(chosen)
    assert step.every == pytest.approx(slopes, rel=1e-12, abs=1e-12)
    numpy.testing.assert_allclose(step.slopes, step.chosen, rtol=0.0, atol=1e-6)
    assert numpy.abs(step.chosen).max() > 1e-3
    assert step.apart == numpy.abs(step.slopes - step.chosen).max()
    assert step.step == pytest.approx(step.numerical * len(names) / 30)


def test_a_network_whose_weights_are_not_first_is_sampled_as_well() -> None:
    step = numerical.both_ways((64, 30, 10), IMAGE, DIGIT, 0.0)
    expected = dict(
        zip(step.every, by_hand(numerical.network(64, 30, 10), IMAGE, DIGIT)[1], strict=True)
    )
    loss = Objective(
        step.loss.model,
        step.loss.measure,
        ["layers.1.neurons.7.bias", "layers.1.neurons.3.weights.5"],
    )
    found = numerical_gradient(loss, loss.numbers)
    assert found == pytest.approx(
        [expected["layers.1.neurons.7.bias"], expected["layers.1.neurons.3.weights.5"]], abs=1e-9
    )


def test_other_processes_find_the_same_bits() -> None:
    loss = numerical.both_ways((64, 4, 10), IMAGE, DIGIT, 0.0).loss
    assert numerical_gradient(loss, loss.numbers, workers=2) == numerical_gradient(
        loss, loss.numbers
    )


def test_a_network_that_saw_one_picture_says_its_digit_to_all() -> None:
    images, held, digits, truths = numerical.pictures(None)
    one = numpy.array(numerical.taught((64, 30, 10), images[:1], digits[:1], 30, held[:50]))
    assert len(set(truths[:50])) == 10
    assert (one.argmax(axis=1) == digits[0]).all()
    assert one.min(axis=0)[digits[0]] > 0.9
    numpy.testing.assert_allclose(one.sum(axis=1), 1.0, rtol=1e-12)


def mnist(path: Path, count: int) -> Path:
    """Random pictures in the form of MNIST's CSV."""
    rng = numpy.random.default_rng(0)
    rows = [[i % 10, *rng.integers(0, 256, 784)] for i in range(count)]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    return path


def test_rows_of_mnist_are_split_and_scaled(tmp_path: Path) -> None:
    images, held, digits, truths = numerical.pictures(mnist(tmp_path / "rows.csv", 10))
    assert (len(images), len(held), len(images[0])) == (8, 2, 784)
    assert sorted(digits + truths) == list(range(10))
    assert 0.0 <= min(map(min, images)) < max(map(max, images)) <= 1.0


def test_scikit_learns_digits_are_the_default() -> None:
    images, held, digits, truths = numerical.pictures(None)
    assert (len(images) + len(held), len(images[0])) == (1797, 64) == (len(digits + truths), 64)
    assert len(truths) >= numerical.FULL[3] - 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3\n", "has a label and 2 pixels"),
        ("x" + ",0" * 784, "line 1, column 1: must be a finite number, not 'x'"),
        ("", "holds no rows"),
    ],
)
def test_a_malformed_file_is_a_clear_error(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=f"The file of --data can't be used: .*rows.csv.*{words}"):
        main(
            [
                "numerical",
                "--quick",
                "--data",
                str(tmp_path / "rows.csv"),
                "--out",
                str(tmp_path / "gallery"),
            ]
        )


def test_a_missing_file_is_a_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["numerical", "--data", str(tmp_path / "none.csv")])
    assert "argument --data: there is no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["neuron"], "takes no --data"),
        ([], "--data is for one demo"),
        (["neuron", "moons"], "for one"),
    ],
)
def test_data_is_refused_where_it_has_no_use(names: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=words):
        main(
            [
                *names,
                "--data",
                str(mnist(tmp_path / "rows.csv", 2)),
                "--out",
                str(tmp_path / "gallery"),
            ]
        )
    assert not (tmp_path / "gallery").exists()


def test_what_is_said_is_what_is_on_the_page(told: Callable[[str], Told]) -> None:
    ran = told("numerical")
    story, printed = ran.story, ran.printed
    assert all(f"{what}: {number}" in printed for what, number in story.numbers)
    said = dict(story.numbers)
    assert said["the slope of x² at 3, numerically"] == "6.000000000"
    assert said["the gradient of x² + 3xy at (1, 2)"] == "8.000000000, 3.000000000"
    apart = [float(number) for what, number in story.numbers if what.endswith("largest difference")]
    assert len(apart) == 2
    assert max(apart) < 1e-6
    assert "read as" in story.numbers[-1][0]
    assert story.numbers[-1][1] == "40 of 40"
    right = re.fullmatch(r"(\d+) of 40", story.numbers[-2][1])
    assert right is not None
    assert int(right[1]) > 12  # guessing is right in four of them
    assert {picture.file for picture in story.pictures} == set(ran.files)
    assert len(story.text) == 2
