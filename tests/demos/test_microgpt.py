"""The GPT in plain functions: losses and gradients by NumPy by hand, and names with a rule."""

from collections.abc import Callable
from random import Random

import numpy
import pytest

from demos import microgpt as demo
from demos import microgpt_model as plain
from demos import microgpt_training as training
from scalargrad import no_grad
from scalargrad.optim import Adam
from tests.benchmarks.microgpt import Documents, by_hand
from tests.demos.conftest import Told
from tests.demos.page import files_of

LETTERS = plain.LETTERS[1:]


def numpy_gradient(
    state: plain.State, documents: training.Documents
) -> tuple[float, numpy.ndarray]:
    """Loss and gradient of names, forward and backward written out in NumPy."""
    tokens, shares = documents
    weights = {
        name: numpy.array([[parameter.data for parameter in row] for row in rows])
        for name, rows in state.items()
    }
    return by_hand(weights, Documents(tokens[:, :-1], tokens[:, 1:], shares))()


def test_the_names_are_different_and_follow_the_rule() -> None:
    assert len(set(training.NAMES)) == len(training.NAMES) == 2 * training.BATCH
    lengths = {len(name) for name in training.NAMES}
    assert lengths == {3, 4, 5, 6, plain.LONGEST}
    assert all(map(demo.takes_turns, training.NAMES))


@pytest.mark.parametrize(
    ("name", "is_right"),
    [("mira", True), ("ad", True), ("anna", False), ("rio", False), ("o", False)],
)
def test_what_taking_turns_means(name: str, is_right: bool) -> None:
    assert demo.takes_turns(name) is is_right


def test_padding_has_no_weight() -> None:
    tokens, shares = training.pad(["ada"])
    assert tokens.tolist() == [[0, 1, 4, 1, 0, 0, 0, 0, 0]]
    assert shares.tolist() == [[0.25] * 4 + [0.0] * 4]


@pytest.mark.parametrize("name", ["ada", "zumiran"])
def test_the_loss_of_a_name_on_the_graph_by_numpy(name: str) -> None:
    state = plain.make_state(3)
    expected, gradient = numpy_gradient(state, training.pad([name]))
    with no_grad():
        assert training.name_loss(name, state).data == pytest.approx(expected, rel=1e-12)
    assert training.eager_gradient(state, [name]) == pytest.approx(gradient, rel=1e-9, abs=1e-13)


def test_names_of_different_lengths_compiled_by_numpy() -> None:
    state = plain.make_state(4)
    names = ["ada", "bano", "limano", "zumiran"]
    loss, gradient = training.compile_loss(state).value_and_grad(*training.pad(names))
    expected, by_numpy = numpy_gradient(state, training.pad(names))
    assert loss == pytest.approx(expected, rel=1e-12)
    assert gradient == pytest.approx(by_numpy, rel=1e-9, abs=1e-13)


def test_the_training_is_adam_on_the_graph() -> None:
    names = training.NAMES[:4]
    compiled, eager = plain.make_state(5), plain.make_state(5)
    training.train(training.compile_loss(compiled), training.pad(names), 3)
    adam = Adam(eager, training.RATE, betas=(0.85, 0.99))
    for step in range(3):
        training.eager_gradient(eager, names[step % 2 :: 2])
        adam.learning_rate = training.RATE * (1.0 - step / 3)
        adam.step()
    pairs = zip(plain.list_parameters(compiled), plain.list_parameters(eager), strict=True)
    assert max(abs(a.data - b.data) for a, b in pairs) < 1e-9


def test_a_low_temperature_says_the_likeliest_letters() -> None:
    state = plain.make_state(6)
    said = plain.invent(state, Random(0), 1e-6)
    assert said == plain.invent(state, Random(1), 1e-6) != plain.invent(state, Random(1), 1.0)
    for place in range(3):
        losses = {letter: last_loss(state, said[:place] + letter) for letter in LETTERS}
        assert min(losses, key=losses.__getitem__) == said[place]


def last_loss(state: plain.State, name: str) -> float:
    """The loss of the last letter of a name alone, by NumPy."""
    tokens, shares = training.pad([name])
    shares[:] = 0.0
    shares[0, len(name) - 1] = 1.0
    return numpy_gradient(state, (tokens, shares))[0]


def test_the_story(told: Callable[[str], Told]) -> None:
    ran = told("microgpt")
    numbers = dict(ran.story.numbers)
    assert all(number in ran.printed for number in numbers.values())
    assert numbers["parameters"] == "4,064"
    difference = numbers["largest difference of a gradient, graph and compiled"]
    assert float(difference) < 1e-12
    faster = numbers["loss and gradient of a name, compiled, NumPy"].split(", ")[1]
    assert int(faster.removesuffix(" times faster").replace(",", "")) > 100
    first, last = map(float, numbers["loss, first and last steps"].split(", "))
    assert first > 3.2
    assert last < 1.0
    assert turns(numbers["vowels and consonants take turns, before"]) <= 5
    assert turns(numbers["vowels and consonants take turns, after"]) >= 17
    invented = numbers["invented, none of them in the list"].split(", ")
    assert len(invented) >= 5
    assert not set(invented) & set(training.NAMES)
    assert "∂loss/∂attn_wq[0][0] = " in numbers["the gradient of a weight, for “mira”"]
    assert ran.files == files_of(ran.story)


def turns(said: str) -> int:
    return int(said.partition(" of 20 ")[0])
