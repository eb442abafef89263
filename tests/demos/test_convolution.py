"""The convolution: its maps against a plain sum, images moved right, counts, margins."""

from collections.abc import Callable

import numpy as np
import pytest

from demos import convolution as demo
from scalargrad import no_grad, numerical_gradient
from scalargrad.losses import cross_entropy
from tests.demos.conftest import Told


@pytest.fixture(scope="module")
def images() -> demo.Images:
    return demo.images_of(10, 30, 797)


def test_nothing_is_both_trained_on_and_held_out(images: demo.Images) -> None:
    assert demo.FULL[1] + demo.FULL[3] <= 1797
    assert len(images.train) == 30
    assert len(images.held_out) == len(images.moved) == len(images.held_out_digits) == 797
    few = demo.images_of(*(demo.QUICK[i] for i in (0, 1, 3)))
    assert set(few.digits) | set(few.held_out_digits) == {0, 1, 2, 3}
    assert demo.QUICK[1] + demo.QUICK[3] <= 720  # images of 0, 1, 2 and 3 in the set


def test_moved_images_are_one_pixel_to_the_right(images: demo.Images) -> None:
    still, moved = images.held_out.reshape(-1, 8, 8), images.moved.reshape(-1, 8, 8)
    assert (moved[:, :, 1:] == still[:, :, :-1]).all()
    assert (moved[:, :, 0] == 0.0).all()


def test_the_sizes_of_both_networks() -> None:
    sizes = {name: len(model.parameters()) for name, model in demo.networks(10).items()}
    assert sizes == {"layer": 64 * 10 + 10, "convolution": 6 * (9 + 1) + 24 * 10 + 10}


def test_maps_are_sums_over_windows(images: demo.Images) -> None:
    steps = demo.networks(10)["convolution"].steps
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
    steps = demo.networks(10)["convolution"].steps
    still, moved = (
        np.array([[[y.data for y in row] for row in g] for g in steps[1](steps[0](x[5]))])
        for x in (images.held_out, images.moved)
    )
    assert (moved[:, :, 1:] == still[:, :, :-1]).all()


def test_gradients_agree_with_central_differences(images: demo.Images) -> None:
    model, pixels = demo.networks(4)["convolution"], images.train[1]
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
        return cross_entropy(model(pixels), 2).data

    with no_grad():
        slopes = numerical_gradient(loss, start)
    assert [parameter.grad for parameter in chosen] == pytest.approx(slopes, rel=1e-5, abs=1e-8)


def test_the_largest_score_is_the_answer(images: demo.Images) -> None:
    model = demo.networks(10)["layer"]
    weights = np.array([[w.data for w in neuron.weights] for neuron in model.steps[0].neurons])
    right = (images.held_out[:50] @ weights.T).argmax(axis=1) == images.held_out_digits[:50]
    assert demo.right(model, images.held_out[:50], images.held_out_digits[:50]) == right.tolist()


def test_the_margin_is_over_the_best_rival(images: demo.Images) -> None:
    model, pixels = demo.networks(10)["convolution"], images.held_out[0]
    scores = [score.data for score in model(pixels)]
    assert demo.margin(model, pixels, 7).data == pytest.approx(
        scores[7] - max(scores[:7] + scores[8:]), rel=1e-12
    )


def test_training_helps_and_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("convolution")
    printed, numbers = ran.printed, dict(ran.story.numbers)
    for name in ("layer", "convolution"):
        assert f"reads {numbers[f'read by the {name}']} of 60 held-out images" in printed
        assert float(numbers[f"read by the {name}"].rstrip("%")) > 45.0  # chance would be about 25
    assert {picture.file for picture in ran.story.pictures} == set(ran.files)
