"""Attention: answers by Python's own sorted and reversed, and the weights of the head by NumPy."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from demos import attention as demo
from scalargrad import no_grad
from scalargrad.nn import Sequential
from tests.demos.conftest import Told
from tests.demos.page import files_of


def numpy_weights(model: Sequential, digits: list[int]) -> Any:
    """softmax(q·k / √d) for all pairs of positions, from the numbers of the model alone."""
    state = model.state_dict()

    def matrix(start: str, rows: int, columns: int) -> Any:
        return numpy.array(
            [[state[f"{start}.{i}.{j}"] for j in range(columns)] for i in range(rows)]
        )

    def layer(name: str, x: Any) -> Any:
        start = f"steps.2.steps.1.{name}.neurons"
        units = range(demo.WIDTH)
        w = [[state[f"{start}.{i}.weights.{j}"] for j in units] for i in units]
        return x @ numpy.array(w).T + [state[f"{start}.{i}.bias"] for i in units]

    x = matrix("steps.0.vectors", demo.DIGITS, demo.WIDTH)[digits]
    x = x + matrix("steps.1.vectors", demo.LENGTH, demo.WIDTH)
    scale = [state[f"steps.2.steps.0.steps.0.scale.{j}"] for j in range(demo.WIDTH)]
    eps = model.steps[2].steps[0].steps[0].eps
    x = x / numpy.sqrt((x * x).mean(axis=1, keepdims=True) + eps) * scale
    scores = layer("query", x) @ layer("key", x).T / demo.WIDTH**0.5
    powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def reverser() -> tuple[Sequential, dict[int, demo.Weights]]:
    model = demo.network()
    return model, demo.learn(model, demo.REVERSE, demo.draw_sequences(demo.REVERSE.learned)[0])


def test_what_is_held_out_was_not_learned_from() -> None:
    learned, held_out = demo.draw_sequences(300)
    every = {tuple(digits) for digits in learned + held_out}
    assert len(every) == 300 + len(held_out) == 500
    assert all(len(digits) == 6 and set(digits) <= set(range(10)) for digits in every)


def test_the_tasks() -> None:
    assert demo.REVERSE.answer([3, 1, 4]) == [4, 1, 3]
    assert demo.SORT.answer([3, 1, 4]) == [1, 3, 4]


def test_where_the_head_looks_by_numpy(
    reverser: tuple[Sequential, dict[int, demo.Weights]],
) -> None:
    for model in (demo.network(7), reverser[0]):
        for digits in ([3, 1, 4, 1, 5, 9], [0, 0, 0, 7, 7, 7]):
            expected = numpy_weights(model, digits)
            assert demo.look(model, digits) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_who_reverses_looks_at_the_mirrored_place(
    reverser: tuple[Sequential, dict[int, demo.Weights]],
) -> None:
    model, seen = reverser
    assert tuple(seen) == demo.REVERSE.watched
    assert seen[10] == demo.look(model, demo.SHOWN)
    for weights, is_learned in ((seen[0], False), (seen[10], True)):
        largest = [row.index(max(row)) for row in weights]
        assert (largest == [5, 4, 3, 2, 1, 0]) is is_learned


def test_right_answers_are_counted_on_the_graph(
    reverser: tuple[Sequential, dict[int, demo.Weights]],
) -> None:
    model, _ = reverser
    asked = demo.draw_sequences(demo.REVERSE.learned)[1][:20]
    found = 0
    with no_grad():
        for digits in asked:
            scores = [[score.data for score in row] for row in model(digits)]
            found += [row.index(max(row)) for row in scores] == list(reversed(digits))
    assert demo.right(model, demo.REVERSE, asked) == found >= 18
    assert demo.right(demo.network(), demo.REVERSE, asked) == 0


def test_the_story(told: Callable[[str], Told]) -> None:
    ran = told("attention")
    numbers = dict(ran.story.numbers)
    assert all(number in ran.printed for number in numbers.values())
    assert (
        numbers["held out, reverse, before"]
        == numbers["held out, sort, before"]
        == "0 of 200 right"
    )
    for task, least in (("reverse", 190), ("sort", 160)):
        right = numbers[f"held out, {task}, after"].removesuffix(" of 200 right")
        assert int(right) >= least
    assert float(numbers["reversing, least weight of the right digit"]) > 0.8
    assert ran.files == files_of(ran.story)
