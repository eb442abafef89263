"""The convolution: its maps against a plain sum, images moved right, counts, margins."""

from collections.abc import Callable

import numpy as np
import pytest

from demos import convolution as demo
from scalargrad import no_grad, numerical_gradient
from scalargrad.losses import cross_entropy
from tests.demos.conftest import Told
from tests.demos.page import files_of


@pytest.fixture(scope="module")
def images() -> demo.Images:
    return demo.load_images()


def test_nothing_is_both_trained_on_and_held_out(images: demo.Images) -> None:
    assert demo.TRAINED + demo.HELD_OUT <= 1797
    assert len(images.train) == len(images.digits) == 1000
    assert len(images.held_out) == len(images.moved) == len(images.held_out_digits) == 797


def test_moved_images_are_one_pixel_to_the_right(images: demo.Images) -> None:
    still, moved = images.held_out.reshape(-1, 8, 8), images.moved.reshape(-1, 8, 8)
    assert (moved[:, :, 1:] == still[:, :, :-1]).all()
    assert (moved[:, :, 0] == 0.0).all()


def test_the_sizes_of_both_networks() -> None:
    sizes = {name: len(model.parameters()) for name, model in demo.networks(0).items()}
    assert sizes == {"layer": 64 * 10 + 10, "convolution": 6 * (9 + 1) + 24 * 10 + 10}


def test_maps_are_sums_over_windows(images: demo.Images) -> None:
    steps = demo.networks(0)["convolution"].steps
    pixels = images.held_out[3]
    maps = [[[y.data for y in row] for row in grid] for grid in steps[1](steps[0](pixels))]
    windows = np.lib.stride_tricks.sliding_window_view(pixels.reshape(8, 8), (3, 3)).reshape(
        6, 6, 9
    )
    weights = np.array([[w.data for w in filter.weights] for filter in steps[1].filters])
    expected = np.maximum(
        windows @ weights.T + [filter.bias.data for filter in steps[1].filters], 0.0
    )
    assert np.array(maps) == pytest.approx(expected.transpose(2, 0, 1), rel=1e-12, abs=1e-14)


def test_maps_move_with_the_image(images: demo.Images) -> None:
    steps = demo.networks(0)["convolution"].steps
    still, moved = (
        np.array([[[y.data for y in row] for row in g] for g in steps[1](steps[0](x[5]))])
        for x in (images.held_out, images.moved)
    )
    assert (moved[:, :, 1:] == still[:, :, :-1]).all()


def test_gradients_agree_with_central_differences(images: demo.Images) -> None:
    model, pixels = demo.networks(0)["convolution"], images.train[1]
    cross_entropy(model(pixels), 2).backward()
    chosen = [
        model.steps[1].filters[0].weights[4],
        model.steps[1].filters[5].bias,
        model.steps[4].neurons[2].weights[7],
    ]
    start = [parameter.data for parameter in chosen]

    def loss(numbers: list[float]) -> float:
        for parameter, number in zip(chosen, numbers, strict=True):
            parameter.data = number
        return float(cross_entropy(model(pixels), 2).data)

    with no_grad():
        slopes = numerical_gradient(loss, start)
    assert [parameter.grad for parameter in chosen] == pytest.approx(slopes, rel=1e-5, abs=1e-8)


def test_a_convolution_is_a_layer_most_of_whose_weights_are_zero(images: demo.Images) -> None:
    steps = demo.networks(0)["convolution"].steps
    filter = steps[1].filters[2]
    nine = np.array([weight.data for weight in filter.weights]).reshape(3, 3)
    matrix = np.zeros((36, 8, 8))
    for i in range(36):
        y, x = divmod(i, 6)
        matrix[i, y : y + 3, x : x + 3] = nine
    assert np.count_nonzero(matrix) == 36 * 9 < matrix.size / 2
    pixels = images.held_out[3]
    expected = np.maximum(matrix.reshape(36, 64) @ pixels + filter.bias.data, 0.0)
    found = demo.as_numbers(steps[1](steps[0](pixels))[2])
    assert found.ravel() == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_a_pooled_number_passes_its_gradient_to_the_largest_places(images: demo.Images) -> None:
    steps = demo.networks(0)["convolution"].steps
    maps = steps[1](steps[0](images.held_out[3]))
    for number in steps[3](steps[2](maps)):
        number.backward()
    gradients = np.array([[[place.grad for place in row] for row in grid] for grid in maps])
    regions = np.array([demo.as_numbers(grid) for grid in maps]).reshape(6, 2, 3, 2, 3)
    largest = regions == regions.max(axis=(2, 4), keepdims=True)
    expected = largest / largest.sum(axis=(2, 4), keepdims=True)
    assert gradients.reshape(regions.shape) == pytest.approx(expected, rel=1e-12)
    assert 1.0 in gradients


def test_the_largest_score_is_the_answer(images: demo.Images) -> None:
    model = demo.networks(1)["layer"]
    weights = np.array([[w.data for w in neuron.weights] for neuron in model.steps[0].neurons])
    right = (images.held_out @ weights.T).argmax(axis=1) == images.held_out_digits
    assert (demo.right(model, images.held_out, images.held_out_digits) == right).all()
    assert 0 < right.sum() < 797


def test_the_image_drawn_is_one_that_only_the_convolution_reads_moved() -> None:
    layer = [np.array([True, True, True]), np.array([True, False, False])]
    convolution = [np.array([True, False, True]), np.array([True, True, True])]
    assert demo.telling({"layer": layer, "convolution": convolution}) == 2


def test_the_margin_is_over_the_best_rival(images: demo.Images) -> None:
    model, pixels = demo.networks(0)["convolution"], images.held_out[0]
    scores = [score.data for score in model(pixels)]
    assert demo.margin(model, pixels, 7).data == pytest.approx(
        scores[7] - max(scores[:7] + scores[8:]), rel=1e-12
    )


def test_a_linear_model_of_another_library_falls_as_far(told: Callable[[str], Told]) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    images = demo.load_images()
    rival = linear_model.RidgeClassifier().fit(images.train, images.digits)
    numbers = dict(told("convolution").story.numbers)
    still = 100.0 * rival.score(images.held_out, images.held_out_digits)
    moved = 100.0 * rival.score(images.moved, images.held_out_digits)
    assert percent(numbers["read by the layer"]) == pytest.approx(still, abs=5.0)
    assert percent(numbers["read by the layer, one pixel to the right"]) < 60.0
    assert moved < 60.0


def test_the_layer_is_ahead_where_it_learned_and_behind_where_it_did_not(
    told: Callable[[str], Told],
) -> None:
    ran = told("convolution")
    numbers = dict(ran.story.numbers)
    assert numbers["seeds with which the layer reads more images as they are"] == "2 of 2"
    assert numbers["seeds with which the convolution reads more moved images"] == "2 of 2"
    still = {name: percent(numbers[f"read by the {name}"]) for name in ("layer", "convolution")}
    moved = {
        name: percent(numbers[f"read by the {name}, one pixel to the right"]) for name in still
    }
    assert still["layer"] > still["convolution"] > 85.0
    assert still["convolution"] - moved["convolution"] < still["layer"] - moved["layer"]
    assert moved["convolution"] < still["convolution"] - 10.0
    assert set(numbers.items()) <= {
        (what, number) for what, number in ran.story.numbers if number in ran.printed
    }
    assert ran.files == files_of(ran.story)


def percent(text: str) -> float:
    return float(text.rstrip("%"))
