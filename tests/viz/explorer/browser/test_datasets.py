"""The built-in data sets of a page that trains."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from scalargrad import nn
from tests.viz.explorer.browser.reach import CLASSES, POINTS, SIGNS, InThePage

Show = Callable[..., Any]


def page_of(show: Show, y: Any = SIGNS, **options: Any) -> InThePage:
    return InThePage(show, nn.MLP(2, [3, 1], seed=0), POINTS, y, **options)


def columns_of(page: InThePage) -> Any:
    return numpy.array(page.tab.evaluate("sessionOfPage().columns.map((column) => [...column])"))


def test_data_sets_have_two_balanced_classes_within_reach(show: Show) -> None:
    page = page_of(show)
    seen = []
    for name in ("moons", "circles", "xor", "spiral"):
        page.tab.click(f"[data-set={name}]")
        *inputs, targets = columns_of(page)
        assert len(targets) == 200
        assert numpy.abs(inputs).max() <= 2.5
        assert numpy.abs(inputs).max() > 2.0
        assert sorted(targets) == [-1.0] * 100 + [1.0] * 100
        assert numpy.array_equal(numpy.round(inputs, 2), inputs)
        seen.append(numpy.array(inputs).tobytes())
    assert len(set(seen)) == 4


@pytest.mark.parametrize(("name", "rule"), [("xor", 0), ("circles", 1)])
def test_without_noise_the_classes_are_apart(show: Show, name: str, rule: int) -> None:
    page = page_of(show)
    page.tab.click(f"[data-set={name}]")
    page.type_number("#noise", "0")
    x, y, targets = columns_of(page)
    score = [x * y, 1.5 - numpy.hypot(x, y)][rule]
    assert numpy.array_equal(numpy.sign(score), targets)


def test_classes_have_the_targets_of_the_given_ones(show: Show) -> None:
    page = page_of(show, y=CLASSES, loss="binary_cross_entropy_with_logits")
    page.tab.click("[data-set=circles]")
    assert set(columns_of(page)[2]) == {0.0, 1.0}


def test_the_number_of_points_and_the_noise_are_set(show: Show) -> None:
    page = page_of(show)
    page.tab.click("[data-set=spiral]")
    page.type_number("#points", "61")
    page.type_number("#noise", "0")
    calm = columns_of(page)
    assert calm.shape == (3, 61)
    assert abs(calm[2].sum()) == 1.0
    page.type_number("#noise", "0.3")
    off = numpy.hypot(*(columns_of(page) - calm)[:2])
    assert 0.05 < off.mean() < 1.0


def test_new_points_are_others_of_the_same_kind(show: Show) -> None:
    page = page_of(show)
    page.tab.click("[data-set=moons]")
    before = columns_of(page)
    page.tab.click("#new-points")
    after = columns_of(page)
    assert before.shape == after.shape
    assert not numpy.array_equal(before, after)


def test_another_data_set_starts_the_training_again(show: Show) -> None:
    page = page_of(show)
    start = page.run("(trainer) => [...trainer.numbers]")
    page.tab.click("#train-epoch")
    page.tab.click("[data-set=moons]")
    assert page.run("(trainer) => trainer.steps") == 0
    assert page.run("(trainer) => [...trainer.numbers]") == start
    page.tab.click("[data-set=yours]")
    assert columns_of(page)[:2].T.tolist() == POINTS.tolist()


def test_one_input_has_a_wave(show: Show) -> None:
    x = numpy.linspace(-1.0, 1.0, 20)
    page = InThePage(show, nn.MLP(1, [3, 1], seed=0), x.reshape(-1, 1), x**2)
    names = page.tab.locator(".datasets button").all_inner_texts()
    assert names == ["yours", "wave"]
    page.tab.click("[data-set=wave]")
    page.type_number("#noise", "0")
    x, y = columns_of(page)
    assert numpy.allclose(y, 0.65 * numpy.sin(1.5 * x) + 0.09 * x, atol=0.006)


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 1), (2, 2)])
def test_other_models_have_their_own_data_only(show: Show, inputs: int, outputs: int) -> None:
    x = numpy.random.default_rng(0).normal(size=(10, inputs))
    y = x[:, :outputs] if outputs > 1 else x[:, 0]
    page = InThePage(show, nn.MLP(inputs, [3, outputs], seed=0), x, y)
    assert page.tab.locator(".datasets button").count() == 0
    assert "10 samples" in page.tab.inner_text("#settings")
