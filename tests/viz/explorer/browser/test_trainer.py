"""The trainer of a page beside `fit`: its steps, its numbers, and its controls."""

import json
import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy
import pytest

import scalargrad as sg
import viz
from scalargrad import Value, data, nn, optim
from scalargrad.core.graph import topological
from scalargrad.losses import mse
from scalargrad.training import fit
from tests.viz.explorer.browser.reach import (
    CLASSES,
    POINTS,
    SIGNS,
    InThePage,
    squared,
    within_reach,
)
from tests.viz.explorer.contents import exchange, graph_in
from viz import Page
from viz.look.text import number

Show = Callable[..., Any]
Make = Callable[[], nn.Module]
Optimize = Callable[[list[sg.Parameter]], optim.Optimizer]


def relu_network() -> nn.Module:
    return nn.MLP(2, [8, 6, 1], activation="relu", seed=3)


STEPS = """(trainer, steps) => Array.from({ length: steps }, () => trainer.step())"""


def numbers_of(model: nn.Module) -> list[float]:
    return [parameter.data for parameter in model.parameters()]


def train_both(
    show: Show,
    make: Make,
    optimize: Optimize,
    steps: int,
    x: Any = POINTS,
    y: Any = SIGNS,
    **more: Any,
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Parameters and losses after some steps: those of the page, then those of fit."""
    model = make()
    options = {"loss": squared, "batch_size": 16} | more
    page = InThePage(show, model, x, y, optimizer=optimize(model.parameters()), **options)
    losses = page.run(STEPS, steps)
    numbers = page.numbers(model)

    batches = math.ceil(len(x) / (options["batch_size"] or len(x)))
    epochs, rest = divmod(steps, batches)
    assert rest == 0
    history = page.fit(model, epochs, optimizer=optimize(model.parameters()))
    return numbers, losses, numbers_of(model), history.steps


OPTIMIZERS: dict[str, Optimize] = {
    "sgd": lambda parameters: optim.SGD(parameters, 0.05),
    "momentum": lambda parameters: optim.SGD(parameters, 0.02, momentum=0.9),
    "all of sgd": lambda parameters: optim.SGD(
        parameters, 0.02, momentum=0.8, nesterov=True, weight_decay=0.01
    ),
    "dampened": lambda parameters: optim.SGD(parameters, 0.02, momentum=0.8, dampening=0.3),
    "adam": lambda parameters: optim.Adam(parameters, 0.01),
    "amsgrad": lambda parameters: optim.Adam(parameters, 0.01, weight_decay=0.1, amsgrad=True),
    "adamw": lambda parameters: optim.AdamW(parameters, 0.01),
    "adagrad": lambda parameters: optim.AdaGrad(
        parameters, 0.05, learning_rate_decay=0.1, initial_accumulator=0.2
    ),
    "rmsprop": lambda parameters: optim.RMSprop(parameters, 0.005, weight_decay=0.1),
    "centered": lambda parameters: optim.RMSprop(parameters, 0.005, momentum=0.5, centered=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_thirty_steps_are_those_of_fit_to_the_last_bit(show: Show, name: str) -> None:
    numbers, losses, expected, expected_losses = train_both(
        show, relu_network, OPTIMIZERS[name], 30
    )
    assert numbers == expected
    assert losses == expected_losses
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_batches_of_any_size_are_those_of_fit(show: Show, batch_size: int | None) -> None:
    steps = {None: 30, 1: 80, 7: 30}[batch_size]
    numbers, losses, expected, expected_losses = train_both(
        show, relu_network, OPTIMIZERS["sgd"], steps, batch_size=batch_size
    )
    assert numbers == expected
    assert losses == expected_losses


@pytest.mark.parametrize("seed", [None, 12345, 2**70 + 1])
def test_the_order_of_the_samples_is_that_of_fit(show: Show, seed: int | None) -> None:
    numbers, _, expected, _ = train_both(show, relu_network, OPTIMIZERS["sgd"], 9, seed=seed)
    assert numbers == expected


def test_mean_squared_errors_train_to_the_same_bits(show: Show) -> None:
    numbers, losses, expected, expected_losses = train_both(
        show, relu_network, OPTIMIZERS["adam"], 30, loss="mse"
    )
    assert numbers == expected
    assert losses == pytest.approx(expected_losses, rel=1e-15, abs=0.0)


def test_weights_that_are_used_several_times_train_to_the_same_bits(show: Show) -> None:
    images = numpy.random.default_rng(0).normal(size=(8, 1, 5, 5))

    def network() -> nn.Module:
        return nn.Sequential(nn.Conv(1, 2, 3, seed=1), nn.Flatten(), nn.Layer(18, 1, None, seed=2))

    def loss(prediction: list[Value], target: float) -> Value:
        return squared(prediction[0], target)

    numbers, losses, expected, expected_losses = train_both(
        show, network, OPTIMIZERS["sgd"], 10, images, SIGNS[:8], loss=loss, batch_size=4
    )
    assert numbers == expected
    assert losses == expected_losses


class Residual(nn.Module):
    """A module of the user's own: a residual network with a learned scale and a softplus."""

    def __init__(self) -> None:
        self.inner = nn.Layer(2, 2, "tanh", seed=1)
        self.outer = nn.Layer(2, 1, None, seed=2)
        self.scale = sg.Parameter(0.5, label="scale")

    def forward(self, x: Any) -> Value:
        hidden = self.inner(x)
        mixed = [a + self.scale * b for a, b in zip(x, hidden, strict=True)]
        return sg.softplus(self.outer(mixed)[0])


@pytest.mark.parametrize(
    "make", [lambda: nn.MLP(2, [8, 6, 1], activation="tanh", seed=3), Residual]
)
@pytest.mark.parametrize("optimize", [OPTIMIZERS["momentum"], OPTIMIZERS["adam"]])
def test_smooth_networks_train_to_rounding(show: Show, make: Make, optimize: Optimize) -> None:
    numbers, losses, expected, expected_losses = train_both(show, make, optimize, 201, loss="mse")
    assert numbers == pytest.approx(expected, rel=1e-12)
    assert losses == pytest.approx(expected_losses, rel=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy", "absolute_error"])
def test_other_losses_train_to_rounding(show: Show, loss: str) -> None:
    targets: Any = CLASSES if loss == "cross_entropy" else [[y, -y] for y in SIGNS]
    numbers, losses, expected, expected_losses = train_both(
        show,
        lambda: nn.MLP(2, [6, 2], activation="tanh", seed=3),
        OPTIMIZERS["sgd"],
        201,
        y=targets,
        loss=loss,
    )
    assert numbers == pytest.approx(expected, rel=1e-12)
    assert losses == pytest.approx(expected_losses, rel=1e-12)


def test_epochs_and_held_out_samples_are_those_of_fit(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared, seed=5)
    script = """(trainer) => {
      trainer.split(0.3);
      const testLosses = [1, 2, 3].map(() => {
        trainer.epoch();
        return trainer.measure().testLoss;
      });
      return { testLosses, held: trainer.testSamples.length };
    }"""
    found = page.run(script)
    numbers = page.numbers(model)
    history = page.fit(model, epochs=3, validation=0.3)
    assert numbers == numbers_of(model)
    assert found["held"] == 12
    assert found["testLosses"] == history["validation_loss"]


def compensated_sum(terms: list[float]) -> float:
    """`sum` as Python has it since 3.12."""
    total = lost = 0.0
    for x in terms:
        following = total + x
        larger, smaller = (total, x) if abs(total) >= abs(x) else (x, total)
        lost += (larger - following) + smaller
        total = following
    return total + lost


@pytest.mark.parametrize("compensated", [False, True])
def test_losses_are_summed_as_the_python_of_the_page_does(show: Show, compensated: bool) -> None:
    model = relu_network()
    page = viz.explore(
        model, data=(POINTS, SIGNS), train=True, loss=squared, batch_size=None, seed=1
    )
    graph = graph_in(page.html)
    graph["training"]["compensated"] = compensated
    html = exchange(page.html, "graph", json.dumps(graph))
    tab = show(within_reach(Page(html, 1, 1, page._still))).tab
    order = data.epoch_order(len(POINTS), 1, 0)
    losses = [squared(model(POINTS[i].tolist()), SIGNS[i]).data for i in order]
    plain = 0.0
    for loss in losses:
        plain += loss
    expected = compensated_sum(losses) if compensated else plain
    assert plain != compensated_sum(losses)
    assert tab.evaluate("() => trainerOfPage().step()") == expected / len(losses)


# One point, and many


def test_values_are_computed_at_any_points(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared)
    grid = numpy.random.default_rng(0).uniform(-3.0, 3.0, (600, 2))
    hidden = [node for node in page.snapshot.order if node.op == "relu"][4]
    value = page.snapshot.index[hidden]
    script = """(trainer, { points, value, output }) => {
      trainer.step();
      return trainer.evaluate(points, [output, value]).map((numbers) => [...numbers]);
    }"""
    prediction = page.snapshot.order[-1].args[0].args[0]
    place = page.snapshot.index[prediction]
    given = {"points": grid.T.tolist(), "value": value, "output": place}
    outputs, hiddens = page.run(script, given)

    page.take_numbers(model)
    assert outputs == [model(row).data for row in grid.tolist()]
    for row, output in zip(grid.tolist()[:20], hiddens, strict=False):
        relus = [node for node in topological([model(row)]) if node.op == "relu"]
        assert output == relus[4].data


def test_a_sample_has_the_numbers_and_gradients_of_backward(show: Show) -> None:
    model = nn.MLP(2, [3, 1], activation="relu", seed=3)
    page = InThePage(show, model, POINTS, SIGNS, loss=squared)
    script = """(trainer, point) => {
      const { data, gradients } = trainer.numbersOf(point);
      return [[...data], [...gradients]];
    }"""
    for point in (7, [0.3, -0.9, 2.0]):
        numbers, gradients = page.run(script, point)
        *x, y = [*POINTS[7], SIGNS[7]] if point == 7 else point
        inputs = [Value(number) for number in x]
        loss = squared(model(inputs), Value(y))
        model.zero_grad()
        loss.backward()
        order = topological([loss])
        assert numbers == [node.data for node in order]
        assert gradients == [node.grad for node in order]


def test_a_parameter_has_its_gradient_in_the_loss_of_every_training_sample(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared, seed=5)
    weight = model.layers[0].neurons[3].weights[1]
    script = """(trainer, leaf) => {
      trainer.split(0.25);
      trainer.step();
      return [[...trainer.gradientsOf(leaf)], [...trainer.trainSamples]];
    }"""
    gradients, samples = page.run(script, page.snapshot.index[weight])

    page.take_numbers(model)
    expected = []
    for k in samples:
        model.zero_grad()
        squared(model(POINTS[k].tolist()), SIGNS[k]).backward()
        expected.append(weight.grad)
    assert len(samples) == 30
    assert gradients == expected
    assert any(gradients)


class Edges(nn.Module):
    """A model with infinite derivatives and nan on the branches that are not taken."""

    def __init__(self) -> None:
        self.weight = sg.Parameter(1.0)

    def forward(self, x: Any) -> Value:
        z = self.weight * x[0]
        root = sg.where(sg.step(z), sg.sqrt(z), z)
        return root + sg.sqrt(sg.relu(z)) * x[1]


@pytest.mark.parametrize("x", [2.0, -2.0, 0.0])
def test_nothing_flows_through_a_branch_that_was_not_taken(show: Show, x: float) -> None:
    model = Edges()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared)
    script = """(trainer, point) => {
      const { data, gradients } = trainer.numbersOf(point);
      return [[...data], [...gradients]];
    }"""
    found = page.run(script, [x, 1.0, 1.0])
    loss = squared(model([Value(x), Value(1.0)]), Value(1.0))
    loss.backward()
    order = topological([loss])
    expected = [[node.data for node in order], [node.grad for node in order]]
    assert numpy.array_equal(found, expected, equal_nan=True)
    assert math.isfinite(model.weight.grad)


# Back and forth


def test_a_restored_moment_goes_on_to_the_same_bits(show: Show) -> None:
    page = InThePage(show, relu_network(), POINTS, SIGNS, loss=squared, optimizer="adam")
    script = """(trainer) => {
      for (let k = 0; k < 7; k += 1) trainer.step();
      const kept = trainer.snapshot();
      const goOn = () => {
        const losses = Array.from({ length: 8 }, () => trainer.step());
        return [[...trainer.numbers], trainer.steps, losses];
      };
      const once = goOn();
      trainer.epoch();
      trainer.restore(kept);
      return [once, goOn()];
    }"""
    once, again = page.run(script)
    assert again == once
    assert once[1] == 15


def test_reset_starts_again(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared, optimizer="adam")
    script = """(trainer) => {
      const start = [...trainer.numbers];
      const losses = [1, 2, 3, 4].map(() => trainer.step());
      trainer.reset();
      const isBack = start.every((x, i) => x === trainer.numbers[i]);
      return [isBack, trainer.steps, losses, [1, 2, 3, 4].map(() => trainer.step())];
    }"""
    is_back, steps, losses, again = page.run(script)
    assert is_back
    assert steps == 0
    assert again == losses


def test_rate_and_batch_size_change_on_the_way(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared, batch_size=10)
    script = """(trainer) => {
      trainer.epoch();
      trainer.learningRate = 0.25;
      trainer.batchSize = 20;
      trainer.epoch();
    }"""
    page.run(script)
    numbers = page.numbers(model)
    optimizer = optim.SGD(model.parameters())
    for rate, batch_size, epoch in ((0.001, 10, 0), (0.25, 20, 1)):
        optimizer.learning_rate = rate
        order = data.epoch_order(len(POINTS), 0, epoch).tolist()
        for start, end in pairwise(range(0, 41, batch_size)):
            optimizer.zero_grad()
            for i in order[start:end]:
                squared(model(POINTS[i].tolist()), SIGNS[i]).backward(1.0 / batch_size)
            optimizer.step()
    assert numbers == numbers_of(model)


def test_another_optimizer_and_other_samples(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared)
    script = """(trainer, columns) => {
      trainer.useSamples(columns.map((column) => Float64Array.from(column)));
      trainer.useOptimizer('SGD', {
        learning_rate: 0.1, momentum: 0.5, dampening: 0, nesterov: false, weight_decay: 0,
      });
      trainer.epoch();
      return trainer.steps;
    }"""
    columns = [*POINTS[:20].T.tolist(), SIGNS[:20].tolist()]
    assert page.run(script, columns) == 2
    numbers = page.numbers(model)
    fit(
        model,
        POINTS[:20],
        SIGNS[:20],
        loss=squared,
        optimizer=optim.SGD(model.parameters(), 0.1, momentum=0.5),
        batch_size=16,
        epochs=1,
        progress=False,
    )
    assert numbers == numbers_of(model)


def test_a_training_that_diverges_stops_with_the_numbers_from_before(show: Show) -> None:
    options = {"optimizer": optim.SGD, "batch_size": None}
    model = relu_network()
    optimizer = optim.SGD(model.parameters(), 1e30)
    page = InThePage(show, model, POINTS, SIGNS, loss=squared, **options | {"optimizer": optimizer})
    script = """(trainer) => {
      let before = null;
      for (let k = 0; k < 100 && !trainer.stopReason; k += 1) {
        before = [...trainer.numbers];
        trainer.step();
      }
      const stayed = before.every((x, i) => x === trainer.numbers[i]);
      return [trainer.stopReason, stayed, trainer.steps];
    }"""
    reason, stayed, steps = page.run(script)
    assert re.search("not finite|the loss is (inf|nan)", reason)
    assert stayed
    assert 0 < steps < 100


# The controls


def test_the_controls_train_and_show_the_numbers(show: Show) -> None:
    model = nn.MLP(2, [2, 1], activation="tanh", seed=0)
    page = show(viz.explore(model, data=(POINTS, SIGNS), train=True, batch_size=10))

    def counters() -> tuple[str, str]:
        return page.text("#count-epochs"), page.text("#count-steps")

    assert counters() == ("0", "0")
    start = page.text("#neurons")
    page.tab.click("#train-step")
    assert counters() == ("0", "1")
    assert page.text("#neurons") != start
    page.tab.click("#train-epoch")
    assert counters() == ("1", "4")
    page.tab.click("#train-reset")
    assert counters() == ("0", "0")
    assert page.text("#neurons") == start

    page.tab.click("#train")
    page.tab.wait_for_selector("#count-steps:text-matches('[0-9]{2}')")
    assert page.text("#train") == "pause"
    page.tab.click("#train")
    stopped = counters()
    assert page.text("#train") == "play"
    page.tab.wait_for_timeout(100)
    assert counters() == stopped


def test_the_graph_shows_the_sample_that_is_chosen(show: Show) -> None:
    model = nn.MLP(2, [2, 1], activation="tanh", seed=0)
    page = show(viz.explore(model, data=(POINTS, SIGNS), train=True))
    page.press(*["ArrowRight"] * 13)
    page.tab.click("[data-level=scalars]")
    loss = mse(model(POINTS[13].tolist()), SIGNS[13])
    assert f"loss = {number(loss.data)}" in page.text("#panel")


def test_a_training_that_diverges_says_so(show: Show) -> None:
    model = nn.MLP(2, [2, 1], activation="relu", seed=0)
    optimizer = optim.SGD(model.parameters(), 1e30)
    page = show(viz.explore(model, data=(POINTS, SIGNS), train=True, optimizer=optimizer))
    page.tab.click("#train")
    page.tab.wait_for_selector("#status:text-matches('stopped: ')")
    assert page.text("#train") == "play"


def test_a_page_that_does_not_train_has_no_controls(show: Show) -> None:
    page = show(viz.explore(nn.MLP(2, [2, 1], seed=0)))
    assert not page.tab.is_visible("#training")
    assert page.tab.locator("#train").count() == 0
