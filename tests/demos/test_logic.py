"""Logic: tables against Python's operators, networks against their rows, and the comparator."""

from collections.abc import Callable

import numpy
import pytest

from demos import logic
from scalargrad.nn import MLP
from tests.demos.conftest import Told
from tests.demos.page import files_of

TRUTHS: dict[str, Callable[[list[int]], bool]] = {
    "xor": lambda bits: bits[0] != bits[1],
    "parity of 3 bits": lambda bits: sum(bits) % 2 == 1,
    "parity of 4 bits": lambda bits: sum(bits) % 2 == 1,
    "parity of 5 bits": lambda bits: sum(bits) % 2 == 1,
    "2-bit comparator": lambda bits: bits[:2] > bits[2:],
    "3-bit comparator": lambda bits: bits[:3] > bits[3:],
}


def test_every_table_is_whole_and_true() -> None:
    lessons = logic.lessons()
    assert {lesson.name for lesson in lessons} == set(TRUTHS)
    for lesson in lessons:
        bits = [[int(x > 0.0) for x in row] for row in lesson.rows]
        assert all(set(row) <= {-1.0, 1.0} for row in lesson.rows)
        assert len({tuple(row) for row in bits}) == 2 ** len(bits[0])
        assert lesson.answers == [int(TRUTHS[lesson.name](row)) for row in bits]


@pytest.mark.parametrize("name", ["xor", "parity of 3 bits", "2-bit comparator"])
def test_a_trained_network_is_right_in_every_row(name: str) -> None:
    (lesson,) = (lesson for lesson in logic.lessons() if lesson.name == name)
    model, epochs, _ = logic.learn(lesson, seed=0 if name != "xor" else 1)
    assert epochs < logic.EPOCHS
    assert logic.right(model, lesson) == len(lesson.rows)
    state = model.state_dict()
    hidden = len(lesson.hidden) == 1
    for row, answer in zip(lesson.rows, lesson.answers, strict=True):
        values = numpy.array(row)
        for k in range(1 + hidden):
            size = lesson.hidden[0] if hidden and k == 0 else 1
            paths = [f"layers.{k}.neurons.{i}" for i in range(size)]
            values = numpy.array(
                [
                    sum(state[f"{p}.weights.{j}"] * x for j, x in enumerate(values))
                    + state[f"{p}.bias"]
                    for p in paths
                ]
            )
            values = numpy.tanh(values) if k == 0 and hidden else values
        assert (values[0] > 0.0) == (answer == 1)


def test_right_counts_rows_and_a_constant_answer_gets_half_of_parity() -> None:
    lesson = logic.lessons()[1]
    model = MLP(3, [1], initializer="zeros")
    model.layers[0].neurons[0].bias.data = 1.0
    assert logic.right(model, lesson) == 4


def test_one_neuron_alone_can_not_learn_xor() -> None:
    lesson = logic.lessons()[0]
    model, epochs, _ = logic.learn(
        logic.Lesson(lesson.name, lesson.rows, lesson.answers, ()), seed=0
    )
    assert epochs == logic.EPOCHS
    assert logic.right(model, lesson) <= 3


def test_the_comparator_subtracts() -> None:
    lesson = logic.lessons()[5]
    model, *_ = logic.learn(lesson, seed=0)
    weights = [weight.data for weight in model.layers[0].neurons[0].weights]
    assert numpy.corrcoef(weights, [4, 2, 1, -4, -2, -1])[0, 1] > 0.99
    assert [float(text.replace("−", "-")) for text in logic.multiples(model)] == pytest.approx(
        [4, 2, 1, -4, -2, -1], rel=0.15
    )


def test_the_story_says_what_was_right(told: Callable[[str], Told]) -> None:
    ran = told("logic")
    numbers = dict(ran.story.numbers)
    rows = {lesson.name: len(lesson.rows) for lesson in logic.lessons()}
    for name, count in rows.items():
        assert f": {count} of {count} rows" in numbers[name]
    whole = {name: int(numbers[name].split("all rows with ")[1].split()[0]) for name in rows}
    assert 5 <= whole["xor"] < logic.SEEDS
    assert all(whole[name] >= 8 for name in rows)
    assert ran.files == files_of(ran.story)


def test_no_line_parts_the_answers_of_xor() -> None:
    lesson = logic.lessons()[0]
    signs = numpy.array([1.0 if answer else -1.0 for answer in lesson.answers])
    rows = numpy.column_stack([lesson.rows, numpy.ones(4)])
    # One row of the sum 0 = Σ sign·row·c with c > 0 rules out a w with sign·(row·w) > 0 everywhere.
    assert (numpy.ones(4) * signs @ rows == 0.0).all()


def test_each_further_bit_of_parity_turns_the_answer_over() -> None:
    lesson = logic.lessons()[2]
    answers = {tuple(row): answer for row, answer in zip(lesson.rows, lesson.answers, strict=True)}
    for row, answer in answers.items():
        for i in range(4):
            assert answers[(*row[:i], -row[i], *row[i + 1 :])] == 1 - answer
