"""Defaults, measured: the trainings against torch, and every claim of the page."""

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pytest

from demos import defaults as demo
from demos.defaults_measures import Points, mean_loss, right
from scalargrad.data import moons
from scalargrad.nn import MLP, BatchNorm, Layer, Module, normal
from scalargrad.optim import SGD, Adam
from tests.demos.conftest import Told
from tests.demos.page import files_of

LOG_2 = log(2.0)


@pytest.fixture(scope="module")
def said(told: Callable[[str], Told]) -> dict[str, float]:
    """The medians of the page."""
    texts = dict(told("defaults").story.numbers)
    return {
        name: float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
        for name, text in texts.items()
        if " of " not in text
    }


@pytest.fixture(scope="module")
def counted(told: Callable[[str], Told]) -> dict[str, int]:
    """In how many of the seeds one way is better, by what the page says of it."""
    texts = dict(told("defaults").story.numbers)
    ending = f" of {demo.QUICK[0]}"
    return {
        name.removeprefix("seeds with "): int(text.removesuffix(ending))
        for name, text in texts.items()
        if " of " in text
    }


def section(said: dict[str, float], start: str) -> dict[str, float]:
    """The rows of one experiment, without its name."""
    return {
        name.removeprefix(start): number for name, number in said.items() if name.startswith(start)
    }


# The trainings, against torch


def twin_of(layer: Layer, torch: Any) -> Any:
    """A linear layer of torch with the same weights."""
    twin = torch.nn.Linear(layer.inputs, layer.outputs, dtype=torch.float64)
    with torch.no_grad():
        for i, neuron in enumerate(layer.neurons):
            weights = [weight.data for weight in neuron.weights]
            twin.weight[i] = torch.tensor(weights, dtype=torch.float64)
            twin.bias[i] = neuron.bias.data
    return twin


def torch_losses(model: Any, data: Points, optimizer: Any, steps: int, torch: Any) -> Any:
    """The losses of some steps on all points at once."""
    inputs, labels = (torch.tensor(np.asarray(part, float)) for part in data)
    losses = []
    for _ in range(steps):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(inputs)[:, 0], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(("name", "rule", "rate"), [("SGD", SGD, 1.0), ("Adam", Adam, 0.1)])
def test_a_training_takes_the_steps_of_torch(name: str, rule: Any, rate: float) -> None:
    torch = pytest.importorskip("torch")
    model = MLP(2, [16, 16, 1], "elu", seed=0)
    first, second, last = (twin_of(layer, torch) for layer in model.layers)
    twin = torch.nn.Sequential(first, torch.nn.ELU(), second, torch.nn.ELU(), last)
    data = moons(40, 0.1, seed=1)
    optimizer = getattr(torch.optim, name)(twin.parameters(), rate)
    expected = torch_losses(twin, data, optimizer, 30, torch)
    history = demo.learn(model, data, rule(model.parameters(), learning_rate=rate), 30)
    assert history["loss"] == pytest.approx(expected, rel=1e-7)


def test_the_normalized_network_takes_the_steps_of_torch() -> None:
    torch = pytest.importorskip("torch")
    model: Any = demo.normalized("sigmoid", normal(1.0), seed=0)
    steps: list[Any] = []
    for step in model.steps[:-1]:
        if isinstance(step, BatchNorm):
            normalization = torch.nn.BatchNorm1d(step.size, eps=step.eps, dtype=torch.float64)
            steps += [normalization, torch.nn.Sigmoid()]
        else:
            steps.append(twin_of(step, torch))
    twin = torch.nn.Sequential(*steps)
    assert len(steps) == 8 * 3 + 1
    data = moons(12, 0.1, seed=1)
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    expected = torch_losses(twin, data, optimizer, 3, torch)
    history = demo.learn(model, data, SGD(model.parameters(), 0.1), 3)
    assert history["loss"] == pytest.approx(expected, rel=1e-9)


def test_losses_and_shares_against_numpy() -> None:
    model = MLP(2, [3, 1], "tanh", seed=0)
    inputs, labels = moons(50, 0.1, seed=4)
    numbers = np.array([parameter.data for parameter in model.parameters()])
    first, last = numbers[:9].reshape(3, 3), numbers[9:]
    logits = np.tanh(inputs @ first[:, :2].T + first[:, 2]) @ last[:3] + last[3]
    chances = 1.0 / (1.0 + np.exp(-logits))
    expected = -np.mean(np.log(np.where(labels == 1, chances, 1.0 - chances)))
    assert mean_loss(model, (inputs, labels)) == pytest.approx(expected, rel=1e-12)
    assert right(model, (inputs, labels)) == np.mean((logits > 0.0) == labels)


# The claims of the page


def test_elu_comes_first_in_a_deep_network_and_sigmoids_never_start(
    said: dict[str, float], counted: dict[str, int]
) -> None:
    assert counted["less loss by ELU than by tanh"] > demo.QUICK[0] / 2
    losses = section(said, "8 hidden layers, loss: ")
    assert list(losses) == list(demo.ACTIVATIONS)
    assert losses["elu"] < 0.7 * min(losses[name] for name in demo.ACTIVATIONS[1:])
    assert losses["sigmoid"] == pytest.approx(LOG_2, abs=0.01)
    assert max(losses, key=lambda name: losses[name]) == "sigmoid"


def test_the_three_between_are_in_no_such_order(said: dict[str, float]) -> None:
    losses = section(said, "8 hidden layers, loss: ")
    between = [losses[name] for name in ("leaky_relu", "relu", "tanh")]
    assert between != sorted(between)


def test_with_one_hidden_layer_there_is_hardly_a_difference(said: dict[str, float]) -> None:
    *first, sigmoid = section(said, "1 hidden layer, loss: ").values()
    assert max(first) - min(first) < 0.02
    assert max(first) < sigmoid < LOG_2 - 0.1


@pytest.mark.parametrize("bad", ["vanishing", "exploding"])
def test_the_order_of_the_remedies(said: dict[str, float], bad: str) -> None:
    losses = section(said, "loss on fresh points: ")
    normalized = losses[f"{bad}, batch normalization"]
    clipped = losses[f"{bad}, gradients clipped"]
    assert losses["He initialization and ELU"] < normalized - 0.05 < clipped - 0.1


def test_clipping_limits_what_explodes_and_does_not_bring_back_what_vanished(
    said: dict[str, float],
) -> None:
    losses = section(said, "loss on fresh points: ")
    clipped = losses["exploding, gradients clipped"]
    assert LOG_2 < clipped < 1e-3 * losses["exploding: ELU from N(0, 4)"]
    assert losses["vanishing, gradients clipped"] == pytest.approx(LOG_2, abs=0.02)


def test_the_start_alone_does_not_help_sigmoids(said: dict[str, float]) -> None:
    losses = section(said, "loss on fresh points: ")
    assert losses["vanishing: sigmoid from N(0, 1)"] == pytest.approx(LOG_2, abs=0.02)
    assert losses["vanishing, He initialization"] == pytest.approx(LOG_2, abs=0.02)


def test_adam_helps_further_and_all_five_are_behind(said: dict[str, float]) -> None:
    losses = section(said, "loss on fresh points: ")
    three = losses["He initialization, ELU and Adam"]
    assert three < losses["He initialization and ELU"] - 0.02
    assert losses["all five of the tutorial"] > three + 0.1


def test_adam_needs_fewer_steps_at_the_better_of_two_rates(
    said: dict[str, float], counted: dict[str, int]
) -> None:
    assert counted["fewer steps by Adam, better rates"] > demo.QUICK[0] / 2
    steps = section(said, "steps to a loss of 0.1: ")
    assert min(steps["Adam at 0.01"], steps["Adam at 0.1"]) < 0.8 * min(
        steps["SGD at 0.1"], steps["SGD at 1"]
    )


def test_reused_layers_help_a_task_that_is_nearly_the_same_and_harm_another(
    said: dict[str, float], counted: dict[str, int]
) -> None:
    assert counted["more right by reuse, turned by 15°"] > demo.QUICK[0] / 2
    assert counted["more right by reuse, turned by 90°"] < demo.QUICK[0] / 2
    shares = section(said, "right with 6 points, moons: turned by ")
    assert shares["15°, layers reused"] > shares["15°, from scratch"] + 0.1
    assert shares["90°, layers reused"] < shares["90°, from scratch"] - 0.03


def test_pre_training_changes_less_than_the_seeds(
    said: dict[str, float], counted: dict[str, int]
) -> None:
    medians = section(said, "digits read right with 20 labels: ")
    shares = demo.pretrain_digits(demo.QUICK[0])
    assert medians == {
        name: pytest.approx(np.median(numbers), abs=6e-4) for name, numbers in shares.items()
    }
    without, with_it = shares.values()
    pairs = zip(without, with_it, strict=True)
    assert counted["more right by pre-training"] == sum(a < b for a, b in pairs)
    spread = min(max(numbers) - min(numbers) for numbers in (without, with_it))
    assert abs(np.median(with_it) - np.median(without)) < spread


def test_turned_moons_keep_their_distances_and_labels() -> None:
    inputs, labels = moons(10, 0.1, seed=2)
    turned, same = demo.turn((inputs, labels), 90.0)
    x, y = (inputs - [0.5, 0.25]).T
    assert turned - [0.5, 0.25] == pytest.approx(np.stack([-y, x], axis=1))
    assert (same == labels).all()


def test_what_is_frozen_is_what_was_learned() -> None:
    """A new last layer alone learns; the two before it are those of the trained network."""
    base, reusing = MLP(2, [8, 8, 1], seed=0), MLP(2, [8, 8, 1], seed=100)
    before = base.state_dict()
    demo.share_hidden_layers(base, reusing)
    optimizer = Adam(reusing.parameters(), 0.03)
    demo.learn(reusing, moons(6, 0.1, seed=0), optimizer, 20)
    after = reusing.state_dict()
    moved = {name for name, number in after.items() if number != before[name]}
    assert {name.split(".neurons")[0] for name in moved} == {"layers.2"}
    assert base.state_dict() == before


def test_the_files_of_the_story(told: Callable[[str], Told]) -> None:
    assert told("defaults").files == files_of(told("defaults").story)


def test_a_model_that_normalizes_is_the_one_that_runs_eagerly() -> None:
    plain: Module = MLP(2, [3, 1], seed=0)
    assert demo.normalized("elu", normal(1.0), seed=0).needs_batch
    assert not plain.needs_batch
