"""Handwritten digits: the split, the loss, the gradient on the pixels, the worst mistake."""

import pytest

from demos import digits
from scalargrad import no_grad, numerical_gradient
from scalargrad.nn import MLP


def test_training_and_test_images_are_all_images_and_do_not_overlap() -> None:
    samples = digits.digits()
    assert len(samples) == 1797 == digits.TRAINED + digits.HELD_OUT
    assert digits.FULL[0] <= digits.TRAINED
    assert digits.QUICK[0] <= digits.TRAINED
    assert all(
        len(pixels) == 64 and 0.0 <= min(pixels) <= max(pixels) <= 1.0 for pixels, _ in samples
    )


def test_the_gradient_on_the_pixels_agrees_with_central_differences() -> None:
    model = MLP(64, [16, 10], activation="tanh", seed=3)
    image, truth = digits.digits()[7]
    mistake = digits.explain(model, image, truth)

    def margin(pixels: list[float]) -> float:
        logits = model(pixels)
        return logits[mistake.answer].data - logits[truth].data

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
