"""Names: the list, counts by hand, probabilities by NumPy, gradients by central differences."""

from collections import Counter
from collections.abc import Callable
from math import exp, log
from random import Random

import numpy as np
import pytest

from demos import names as demo
from scalargrad import no_grad, numerical_gradient
from scalargrad.core.graph import topological
from scalargrad.losses import cross_entropy
from scalargrad.nn import Sequential
from scalargrad.optim import Adam, CosineDecay
from scalargrad.training import fit
from tests.demos.conftest import Told
from tests.demos.page import files_of


def by_numpy(model: Sequential, letters: list[int]) -> np.ndarray:
    """The probabilities of the next letter, from the weights alone."""
    state = model.state_dict()
    table = np.array([[state[f"steps.0.vectors.{i}.{j}"] for j in range(4)] for i in range(27)])
    x = table[letters].ravel()
    for step, (inputs, outputs) in ((2, (12, 12)), (3, (12, 27))):
        weights = np.array(
            [
                [state[f"steps.{step}.neurons.{i}.weights.{j}"] for j in range(inputs)]
                for i in range(outputs)
            ]
        )
        x = weights @ x + [state[f"steps.{step}.neurons.{i}.bias"] for i in range(outputs)]
        x = np.tanh(x) if step == 2 else x
    return np.array(np.exp(x - x.max()) / np.exp(x - x.max()).sum())


def test_four_hundred_names_of_plain_letters_each_once() -> None:
    found = demo.names()
    assert len(found) == len(set(found)) == 400 == demo.LEARNED + demo.HELD_OUT
    assert found == demo.names()
    assert all(name.isascii() and name.isalpha() and name.islower() for name in found)
    first = demo.FILE.read_text(encoding="utf-8").split()[:6]
    assert first == [
        "name",
        "mary",
        "patricia",
        "linda",
        "barbara",
        "elizabeth",
    ]  # the order of the census


def test_samples_see_three_letters_and_end_with_the_dot() -> None:
    assert demo.samples(["ab"]) == [([0, 0, 0], 1), ([0, 0, 1], 2), ([0, 1, 2], 0)]
    assert demo.context("abcd") == [2, 3, 4]
    assert len(demo.samples(demo.names())) == sum(len(name) + 1 for name in demo.names())


def test_counting_on_a_case_done_by_hand() -> None:
    # learned: .a twice, ab, b., a.; asked: .a and a. — the first is certain, the second one of two
    assert demo.count_loss(["ab", "a"], ["a"], 1e-12) == pytest.approx(
        (log(1.0) + log(2.0)) / 2, abs=1e-9
    )
    assert demo.count_loss(["ab", "a"], ["z"], 1.0) == pytest.approx(
        (log(29 / 1) + log(27 / 1)) / 2, rel=1e-12
    )


def test_counting_on_the_list() -> None:
    learned, held_out = demo.names()[:320], demo.names()[-80:]
    pairs: Counter[str] = Counter()
    for name in learned:
        pairs.update(f".{name}."[i : i + 2] for i in range(len(name) + 1))
    losses = []
    for name in held_out:
        for i in range(len(name) + 1):
            pair = f".{name}."[i : i + 2]
            after = sum(count for other, count in pairs.items() if other[0] == pair[0])
            losses.append(-log((pairs[pair] + 0.2) / (after + 0.2 * 27)))
    assert demo.count_loss(learned, held_out, 0.2) == pytest.approx(np.mean(losses), rel=1e-12)


def test_probabilities_and_loss_by_numpy() -> None:
    model = demo.network()
    for text in ("", "m", "anna"):
        assert demo.probabilities(model, text) == pytest.approx(
            by_numpy(model, demo.context(text)), rel=1e-10
        )
    data = demo.samples(["mia", "zoe"])
    expected = np.mean([-np.log(by_numpy(model, letters)[target]) for letters, target in data])
    assert demo.mean_loss(model, data) == pytest.approx(expected, rel=1e-10)


def test_gradients_by_central_differences() -> None:
    model = demo.network()
    demo.predicted(model, "mar", "i")
    chosen = [
        model.steps[0].vectors[13][2],
        model.steps[2].neurons[5].weights[3],
        model.steps[3].neurons[9].bias,
    ]
    start = [parameter.data for parameter in chosen]

    def loss(numbers: list[float]) -> float:
        for parameter, number in zip(chosen, numbers, strict=True):
            parameter.data = number
        return float(cross_entropy(model(demo.context("mar")), 9).data)

    gradients = [parameter.grad for parameter in chosen]
    with no_grad():
        assert gradients == pytest.approx(numerical_gradient(loss, start), rel=1e-5, abs=1e-8)


def test_the_gradient_of_a_score_is_its_probability_less_what_came() -> None:
    model = demo.network()
    loss = demo.predicted(model, "mar", "i")
    scores = {
        value.label: value.grad
        for value in topological([loss])
        if value.args and value.label in demo.NAMED
    }
    expected = dict(zip(demo.NAMED, demo.probabilities(model, "mar"), strict=True))
    expected["i"] -= 1.0
    assert scores == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_names_are_drawn_with_the_probabilities_and_end() -> None:
    model = demo.network()
    assert demo.invent(model, Random(5)) == demo.invent(model, Random(5))
    firsts = Counter((demo.invent(model, rng) or ".")[0] for rng in [Random(2)] for _ in range(150))
    shares = demo.probabilities(model, "")
    for letter, share in zip(demo.LETTERS, shares, strict=True):
        assert firsts[letter] / 150 == pytest.approx(
            share, abs=4 * (share * (1 - share) / 150) ** 0.5 + 0.005
        )
    assert all(len(demo.invent(model, Random(seed))) <= 12 for seed in range(20))


def test_an_embedding_is_a_product_with_one_hot_rows() -> None:
    embedding = demo.network().steps[0]
    state = embedding.state_dict()
    table = np.array([[state[f"vectors.{i}.{j}"] for j in range(4)] for i in range(27)])
    letters = demo.context("zoe")
    rows = np.eye(27)[letters]
    assert [[value.data for value in row] for row in embedding(letters)] == (rows @ table).tolist()


def test_the_compiled_training_is_the_eager_one() -> None:
    data = demo.samples(["mia", "zoe", "anna", "eva"])
    model, eager = demo.network(), demo.network()
    demo.train(model, data, 3)
    letters, targets = zip(*data, strict=True)
    adam = Adam(eager.parameters(), 0.015)
    fit(
        eager,
        list(letters),
        targets,
        loss="cross_entropy",
        optimizer=adam,
        epochs=3,
        batch_size=8,
        callbacks=[CosineDecay(adam, 3)],
        progress=False,
    )
    assert model.state_dict() == pytest.approx(eager.state_dict(), rel=1e-9, abs=1e-12)


def test_the_loss_of_the_story_is_that_of_numpy(told: Callable[[str], Told]) -> None:
    model = demo.network(0)
    demo.train(model, demo.samples(demo.names()[:320]), demo.EPOCHS)
    held_out = demo.samples(demo.names()[-80:])
    losses = [-np.log(by_numpy(model, letters)[target]) for letters, target in held_out[:100]]
    assert demo.mean_loss(model, held_out[:100]) == pytest.approx(np.mean(losses), rel=1e-9)
    said = dict(told("names").story.numbers)["mean loss, network"]
    assert loss_in(said) == pytest.approx(demo.mean_loss(model, held_out), abs=5e-4)


def loss_in(said: str) -> float:
    return float(said.partition(",")[0])


def test_training_helps_and_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("names")
    printed, numbers = ran.printed, dict(ran.story.numbers)
    for who in ("guessing", "counting pairs", "network"):
        said = numbers[f"mean loss, {who}"]
        assert said in printed
        choices = float(said.split(" among ")[1].split(" ")[0])
        assert choices == pytest.approx(exp(loss_in(said)), rel=1e-2)
    assert loss_in(numbers["mean loss, guessing"]) == pytest.approx(log(27), abs=5e-4)
    network, counting = (
        loss_in(numbers[f"mean loss, {who}"]) for who in ("network", "counting pairs")
    )
    assert network < counting - 0.03 < log(27) - 0.9
    every = f"{demo.QUICK} of {demo.QUICK}"
    assert numbers["seeds with which the network beats counting"] == every
    invented = numbers["invented, none of them in the list"]
    assert invented in printed
    assert not set(invented.split(", ")) & set(demo.names())
    assert ran.files == files_of(ran.story)
