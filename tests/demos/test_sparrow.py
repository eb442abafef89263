"""The sparrow network: Values against NumPy, the census, and each change against it by hand."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isinf, isnan
from statistics import median

import numpy
import pytest
from numpy.typing import NDArray

from demos import sparrow
from demos import sparrow_changes as changes
from demos.sparrow_numpy import Sparrows
from scalargrad.losses import half_squared_error
from scalargrad.nn import MLP
from scalargrad.optim import SGD
from tests.demos.conftest import Told
from tests.demos.page import files_of

Array = NDArray[numpy.float64]
Function = Callable[[Array], Array]

SAMPLE = [
    *(3.52792097, 3.44786069, 0.62893607, 3.28180785, 0.27414099),
    *(4.69292455, 1.85201189, 4.87615163, 0.82248265, 0.46025282),
]
ANSWER, TRUTH = 13.4375, 11.93224506
"""The tutorial's final test: a fresh sample, what its network says, and what is right."""


# The network in NumPy


def side_by_side(
    model: MLP, rate: float, steps: int
) -> Iterator[tuple[float, float, Array, Array]]:
    """For each sample the losses and gradients of both, of Values and in NumPy, then a step."""
    twin, optimizer = Sparrows.like([model], numpy.float64), SGD(model.parameters(), rate)
    for row, target in zip(*changes.samples(steps, seed=0), strict=True):
        model.zero_grad()
        loss = half_squared_error(model(row), target)
        loss.backward()
        x, y = numpy.array(row)[None, :, None], numpy.array(target)[None, None, None]
        _, of_weights, of_biases = twin.gradients(x, y)
        parts = [numpy.append(w, b, axis=2) for w, b in zip(of_weights, of_biases, strict=True)]
        gradient = numpy.concatenate([part.ravel() for part in parts])
        found = numpy.array([parameter.grad for parameter in model.parameters()])
        (expected,) = twin.step(x, y, rate)
        yield loss.data, float(expected), found, gradient
        optimizer.step()


@pytest.mark.parametrize(
    ("seed", "rate", "steps"),
    [(17, changes.CALM, 100), (0, changes.CALM, 100), (17, changes.RATE, 5), (0, changes.RATE, 60)],
    ids=["calm", "calm, another seed", "up to the overflow", "an explosion and the way back"],
)
def test_values_and_numpy_have_the_same_losses_and_gradients(
    seed: int, rate: float, steps: int
) -> None:
    losses = []
    for loss, expected, found, gradient in side_by_side(changes.GIVEN.build(seed), rate, steps):
        assert loss == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert numpy.abs(found - gradient).max() <= 1e-9 * max(1.0, numpy.abs(gradient).max())
        losses.append(loss)
    assert (max(losses) > changes.HUGE) == (rate == changes.RATE)


def test_many_networks_are_each_of_them_alone() -> None:
    models = [changes.GIVEN.build(seed) for seed in range(3)]
    trainings = [changes.samples(20, seed) for seed in range(3)]
    rows = numpy.array([training[0] for training in trainings])
    targets = numpy.array([training[1] for training in trainings])
    together = Sparrows.like(models, numpy.float64).train(rows, targets, changes.CALM)
    for k, model in enumerate(models):
        alone = Sparrows.like([model], numpy.float64)
        losses = alone.train(rows[k : k + 1], targets[k : k + 1], changes.CALM)
        assert together[:, k] == pytest.approx(losses[:, 0], rel=1e-12)


def test_single_precision_stays_single() -> None:
    single = sparrow.census(3, numpy.float32)
    assert single.losses.dtype == single.answers.dtype == numpy.float32


def test_the_network_is_the_tutorials() -> None:
    models = [changes.GIVEN.build(seed) for seed in range(30)]
    states = [model.state_dict() for model in models]
    weights = [x for state in states for name, x in state.items() if "weights" in name]
    biases = [x for state in states for name, x in state.items() if "bias" in name]
    assert (len(weights), len(biases)) == (30 * (70 + 21 + 3), 30 * (7 + 3 + 1))
    for numbers in (weights, biases):
        assert 0.0 <= min(numbers) < 0.02
        assert 0.98 < max(numbers) <= 1.0
        assert numpy.mean(numbers) == pytest.approx(0.5, abs=0.03)
    assert (changes.RATE, changes.STEPS) == (0.05, 100)


def test_the_samples_are_half_the_sum_of_ten_numbers_below_five() -> None:
    rows, targets = changes.samples(200, seed=0)
    assert all(
        len(x) == 10 and 0.0 <= min(x) <= max(x) < 5.0 and target == sum(x) / 2
        for x, target in zip(rows, targets, strict=True)
    )
    assert (rows[:3], targets[:3]) == changes.samples(3, seed=0)
    assert rows[:3] != changes.samples(3, seed=1)[0]


# Why it explodes


def test_overshoot_says_by_what_a_small_step_multiplies_the_error() -> None:
    model, ((x,), (target,)) = changes.GIVEN.build(0), changes.samples(1, seed=0)
    factor, rate = 1.0 - 1e-6 * sparrow.overshoot(model, x), 1e-6 * changes.RATE
    before = model(x).data - target
    model.zero_grad()
    half_squared_error(model(x), target).backward()
    SGD(model.parameters(), rate).step()
    assert (model(x).data - target) / before == pytest.approx(factor, abs=1e-6)


def test_all_weights_push_the_same_way_at_first_and_far_too_much() -> None:
    for seed in range(20):
        model = changes.GIVEN.build(seed)
        (x,), _ = changes.samples(1, seed)
        assert sparrow.overshoot(model, x) > 50.0
        assert all(parameter.grad > 0.0 for parameter in model.parameters())


def overshoots(how: str) -> list[float]:
    (change,) = (change for change in changes.CHANGES if change.how == how)
    starts = [(change.build(seed), changes.samples(1, seed)[0][0]) for seed in range(10)]
    return [sparrow.overshoot(model, x) for model, x in starts]


def test_a_flat_tanh_and_means_keep_the_steps_small() -> None:
    assert max(overshoots("tanh(z / 10)")) < 2.0
    assert max(overshoots("means instead of sums")) < 2.0
    given = overshoots("")
    assert min(given) > 50.0
    assert numpy.median(given) * changes.CALM / changes.RATE < 2.0


def test_it_overflows_at_the_square_of_the_error_and_goes_on_as_nan() -> None:
    seed = sparrow.census(100, numpy.float64).outcomes.index("nan")
    trial = changes.train(changes.GIVEN, seed)
    rows, targets = changes.samples(len(trial.losses) + 2, seed)
    twin = Sparrows.like([changes.GIVEN.build(seed)], numpy.float64)
    losses = twin.train(numpy.array([rows]), numpy.array([targets]), changes.RATE)[:, 0]
    assert trial.losses == pytest.approx(losses[:-2], rel=1e-6)
    assert isinf(losses[-2])
    assert isnan(losses[-1])
    assert trial.outcome == "nan"
    assert all(abs(number) < float("inf") for number in trial.model.state_dict().values())


# The census


@pytest.fixture(scope="module")
def single() -> sparrow.Census:
    return sparrow.census(100, numpy.float32)


@pytest.fixture(scope="module")
def double() -> sparrow.Census:
    return sparrow.census(100, numpy.float64)


def dead(census: sparrow.Census) -> Array:
    """The answers of the networks that end as a constant."""
    return numpy.array(census.answers[numpy.array(census.outcomes) == "constant"], float)


def test_a_few_overflow_and_many_more_in_single_precision(
    single: sparrow.Census, double: sparrow.Census
) -> None:
    few = int(numpy.isnan(double.answers).any(axis=1).sum())
    many = int(numpy.isnan(single.answers).any(axis=1).sum())
    assert double.outcomes.count("nan") == few
    assert single.outcomes.count("nan") == many
    assert 1 <= few <= 5
    assert 10 <= many <= 30


def test_nearly_all_explode(double: sparrow.Census) -> None:
    with numpy.errstate(invalid="ignore"):
        peaks = numpy.nanmax(double.losses, axis=0)
    assert double.highest().tolist() == peaks.tolist()
    assert 0.85 < numpy.mean(peaks > changes.HUGE) < 1.0


def test_none_learns_and_all_that_survive_answer_a_constant(
    single: sparrow.Census, double: sparrow.Census
) -> None:
    for census in (single, double):
        assert set(census.outcomes) == {"nan", "constant"}
        alive = census.answers[~numpy.isnan(census.answers).any(axis=1)]
        assert numpy.ptp(alive, axis=1).max() < 1e-3


def test_constant_answers_are_typically_off_by_what_the_tutorial_takes_for_success(
    single: sparrow.Census,
) -> None:
    targets = changes.fresh()[1]
    errors = numpy.abs(dead(single) - targets)
    assert numpy.median(errors) == pytest.approx(ANSWER - TRUTH, abs=0.15)
    assert sparrow.off(dead(single)) == numpy.median(errors)


def test_the_tutorials_answer_is_rounded_as_that_of_a_constant(single: sparrow.Census) -> None:
    assert float(ANSWER).as_integer_ratio() == (215, 16)
    shares = [float(16.0 * answer).is_integer() for answer in dead(single)[:, 0]]
    assert numpy.mean(shares) > 0.3
    assert sparrow.sixteenths(dead(single)) == pytest.approx(numpy.mean(shares), abs=0.01)
    calm = sparrow.census(100, numpy.float32, changes.CALM)
    assert set(calm.outcomes) == {"learned"}
    assert sparrow.sixteenths(calm.answers) < 0.01


def test_most_constants_are_nearer_to_the_truth_than_the_tutorials_answer(
    single: sparrow.Census,
) -> None:
    assert sum(SAMPLE) / 2 == pytest.approx(TRUTH, abs=1e-7)
    assert (sparrow.TRUTH, sparrow.ANSWER) == (TRUTH, ANSWER)
    networks, _ = trained(100, changes.STEPS)
    answers = networks.answers(numpy.array([SAMPLE], numpy.float32))[:, 0]
    survivors = numpy.array(single.outcomes) == "constant"
    share = numpy.mean(numpy.abs(answers[survivors] - TRUTH) <= ANSWER - TRUTH)
    assert share > 0.5
    assert sparrow.nearer(dead(single)) == pytest.approx(share)


def test_the_constants_gather_around_the_mean_and_not_around_zero(single: sparrow.Census) -> None:
    constants = dead(single)[:, 0]
    assert numpy.median(constants) == pytest.approx(12.5, abs=0.5)
    assert numpy.mean(numpy.abs(constants - 12.5) < 2.0) > 0.8
    assert numpy.abs(constants).min() > 1.0


def test_single_precision_rounds_to_sixteenths_between_half_a_million_and_a_million() -> None:
    for number in (530_000.0, 1_000_000.0):
        assert numpy.spacing(numpy.float32(number)) == 1 / 16


def trained(count: int, steps: int) -> tuple[Sparrows, Array]:
    """Networks of single precision after some steps, and the losses of the last two of them."""
    models = [changes.GIVEN.build(seed) for seed in range(count)]
    samples = [changes.samples(steps, seed) for seed in range(count)]
    rows = numpy.array([rows for rows, _ in samples], numpy.float32)
    targets = numpy.array([targets for _, targets in samples], numpy.float32)
    networks = Sparrows.like(models, numpy.float32)
    losses = networks.train(rows, targets, changes.RATE)
    return networks, numpy.array(losses[-2:], float)


def test_nearly_all_survivors_are_stuck_in_the_second_layer(single: sparrow.Census) -> None:
    networks, _ = trained(100, changes.STEPS)
    rows = numpy.broadcast_to(changes.fresh()[0].T.astype(numpy.float32), (100, 10, 200))
    with numpy.errstate(all="ignore"):
        _, (_, _, z2) = networks.forward(rows)
    survivors = numpy.array(single.outcomes) == "constant"
    assert numpy.mean((z2[survivors] == -1.0).all(axis=(1, 2))) > 0.95
    last = numpy.abs(numpy.append(networks.weights[2], networks.biases[2], axis=2))[survivors]
    assert numpy.mean(numpy.median(last, axis=2) > 1e5) > 0.5


def test_on_the_way_back_each_step_leaves_four_fifths_of_the_error() -> None:
    _, (before, after) = trained(100, 13)
    far = before > changes.HUGE
    assert far.sum() > 50
    assert numpy.median(after[far] / before[far]) == pytest.approx(0.8**2, abs=1e-3)
    assert numpy.mean(numpy.abs(after[far] / before[far] - 0.8**2) < 0.01) > 0.95


def test_the_first_answer_is_off_by_fifty_and_the_third_by_millions(
    double: sparrow.Census,
) -> None:
    models = [changes.GIVEN.build(seed) for seed in range(20)]
    samples = [changes.samples(1, seed) for seed in range(20)]
    errors = [model(x).data - y for model, ((x,), (y,)) in zip(models, samples, strict=True)]
    assert numpy.sqrt(2.0 * double.losses[0, :20]) == pytest.approx(errors)
    first, _, third = numpy.sqrt(2.0 * double.losses[:3])
    assert 40.0 < numpy.median(first) < 60.0
    assert first.max() < 200.0
    assert numpy.median(third) > 1e6
    assert 0.1 < numpy.mean(third > 1e7) < 0.4


# Changes, each by hand


def elu(z: Array) -> Array:
    return numpy.where(z > 0, z, numpy.expm1(numpy.minimum(z, 0)))


def elu_slope(z: Array) -> Array:
    return numpy.exp(numpy.minimum(z, 0))


def sigmoid(z: Array) -> Array:
    return 1.0 / (1.0 + numpy.exp(-z))


FUNCTIONS: dict[object, tuple[Function, Function]] = {
    "elu": (elu, elu_slope),
    "relu": (lambda z: numpy.maximum(z, 0.0), lambda z: numpy.where(z > 0.0, 1.0, 0.0)),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1.0 - sigmoid(z))),
    "tanh": (numpy.tanh, lambda z: 1.0 - numpy.tanh(z) ** 2),
    changes.tenth: (lambda z: numpy.tanh(z / 10), lambda z: (1.0 - numpy.tanh(z / 10) ** 2) / 10),
}


def move(how: str, g: Array, memory: list[Array], t: int) -> Array:
    """What a change of the optimizer adds to the parameters in step t, from 1."""
    mean, squares = memory
    if how == "AdaGrad":
        squares += g**2
        return -0.05 * g / (numpy.sqrt(squares) + 1e-10)
    if how == "RMSprop, 0.01":
        squares += 0.01 * (g**2 - squares)
        return -0.01 * g / (numpy.sqrt(squares) + 1e-8)
    if how == "Adam, 0.01":
        mean += 0.1 * (g - mean)
        squares += 0.001 * (g**2 - squares)
        return -0.01 * (mean / (1 - 0.9**t)) / (numpy.sqrt(squares / (1 - 0.999**t)) + 1e-8)
    if how == "momentum 0.9":
        mean += g - 0.1 * mean
        return -0.05 * mean
    if how == "gradients cut to norm 0.2":
        return -0.05 * g * min(1.0, 0.2 / float(numpy.linalg.norm(g)))
    return -(0.0001 if how == "0.0001" else 0.05) * g


@dataclass
class ByHand:
    """The network with one change: a vector of all parameters, in the order of the model."""

    change: changes.Change
    numbers: Array

    def layers(self) -> list[Array]:
        """Views of the numbers: a row for each neuron, the bias at its end."""
        parts = numpy.split(self.numbers, [77, 77 + 24])
        return [part.reshape(n, -1) for part, n in zip(parts, (7, 3, 1), strict=True)]

    def forward(self, x: Array) -> tuple[list[Array], list[Array]]:
        """The sums of each layer and its inputs, each a column for each sample."""
        function, _ = FUNCTIONS[self.change.activation]
        sums: list[Array] = []
        inputs: list[Array] = []
        for k, layer in enumerate(self.layers()):
            z = x if k == 0 else function(sums[-1])
            inputs.append(z / len(z) if self.change.kind is changes.Means else z)
            sums.append(layer[:, :-1] @ inputs[-1] + layer[:, -1:])
        return sums, inputs

    def gradient(self, x: Array, y: float) -> Array:
        _, slope = FUNCTIONS[self.change.activation]
        sums, inputs = self.forward(x[:, None])
        d = sums[-1] - y
        parts: list[Array] = []
        for k in (2, 1, 0):
            parts.insert(0, numpy.append(d @ inputs[k].T, d, axis=1).ravel())
            if k:
                width = len(inputs[k]) if self.change.kind is changes.Means else 1
                d = self.layers()[k][:, :-1].T @ d / width * slope(sums[k - 1])
        return numpy.concatenate(parts)

    def train(self, seed: int) -> None:
        memory = [numpy.zeros(105), numpy.zeros(105)]
        for t, (x, y) in enumerate(zip(*changes.samples(100, seed), strict=True), 1):
            g = self.gradient(numpy.array(x), y)
            if self.change.how == "L2, 0.1":
                g = g + 0.2 * self.numbers
            self.numbers = self.numbers + move(self.change.how, g, memory, t)
            if self.change.how == "max-norm 0.3":
                for layer in self.layers():
                    norms = numpy.linalg.norm(layer[:, :-1], axis=1, keepdims=True)
                    layer[:, :-1] *= numpy.minimum(1.0, 0.3 / norms)


def by_hand(change: changes.Change, seed: int) -> tuple[str, float]:
    """The end of a training run by hand, and its loss."""
    model = change.build(seed)
    hand = ByHand(change, numpy.array([parameter.data for parameter in model.parameters()]))
    rows, targets = changes.fresh()
    with numpy.errstate(all="ignore"):
        hand.train(seed)
        answers = hand.forward(numpy.array(rows.T, float))[0][-1][0]
    if numpy.isnan(answers).any():
        return "nan", numpy.nan

    loss = float(numpy.mean((answers - targets) ** 2) / 2)
    if numpy.std(answers - answers[0]) < 1e-3:
        return "constant", loss
    return ("learned" if loss < 0.9 * targets.var() / 2 else "neither"), loss


def line(change: changes.Change) -> str:
    return f"{change.what}: {change.how}" if change.how else change.what


@pytest.mark.parametrize("change", changes.CHANGES, ids=line)
def test_each_change_ends_as_it_does_by_hand(
    change: changes.Change, told: Callable[[str], Told]
) -> None:
    text = dict(told("sparrow").story.numbers)[line(change)]
    ends = [by_hand(change, seed) for seed in range(3)]
    names = [name for name, _ in ends]
    counts = {name: int(n) for name, n in re.findall(r"(nan|constant|neither|learned) (\d+)", text)}
    assert counts == {name: names.count(name) for name in set(names)}
    losses = [loss for name, loss in ends if name != "nan"]
    stated = re.search(r"median loss ([^;]+);", text)
    assert stated
    if median(losses) < changes.HUGE:
        assert float(stated[1]) == pytest.approx(median(losses), rel=0.06)


HELPS = (
    *("tanh(z / 10)", "means instead of sums", "gradients cut to norm 0.2"),
    *("AdaGrad", "RMSprop, 0.01", "Adam, 0.01", "0.0001"),
)


@pytest.mark.parametrize("change", changes.CHANGES, ids=line)
def test_what_helps_is_what_the_story_names(
    change: changes.Change, told: Callable[[str], Told]
) -> None:
    text = dict(told("sparrow").story.numbers)[line(change)]
    if change.how in HELPS:
        assert int(re.findall(r"learned (\d+)", text)[0]) >= 2
        assert float(text.rpartition("highest ")[2]) < changes.HUGE
    else:
        assert "learned" not in text
        assert "neither" not in text


def test_each_change_changes_one_thing_alone() -> None:
    given = changes.GIVEN
    for change in changes.CHANGES[1:]:
        names = ("kind", "activation", "initializer", "optimizer", "options")
        changed = [name for name in names if getattr(change, name) != getattr(given, name)]
        assert len(changed) == 1
        same_start = changed != ["initializer"]
        born = list(change.build(0).state_dict().values())
        assert (born == list(given.build(0).state_dict().values())) == same_start


def test_a_constant_answer_costs_half_the_variance() -> None:
    targets = changes.fresh()[1]
    assert changes.constant_cost() == pytest.approx(numpy.var(targets) / 2)
    end, loss = changes.judge(numpy.full(200, targets.mean()))
    assert end == "constant"
    assert loss == pytest.approx(changes.constant_cost())


def test_answers_are_judged() -> None:
    targets = changes.fresh()[1]
    assert changes.judge(targets) == ("learned", 0.0)
    assert changes.judge(targets[::-1])[0] == "neither"
    assert changes.judge(targets * numpy.nan)[0] == "nan"


def test_a_survivor_has_a_hundred_losses_that_end_at_those_of_a_constant() -> None:
    trial = changes.train(changes.GIVEN, 0)
    assert trial.outcome == "constant"
    assert len(trial.losses) == 100
    assert 1e14 < max(trial.losses) == trial.losses[2] < 1e15
    assert 0.5 < numpy.mean(trial.losses[-20:]) < 10.0


# The story


def test_the_story_states_the_census(
    told: Callable[[str], Told], single: sparrow.Census, double: sparrow.Census
) -> None:
    ran = told("sparrow")
    numbers = dict(ran.story.numbers)
    for name, census in (("single", single), ("double", double)):
        lost = int(numpy.isnan(census.answers).any(axis=1).sum())
        expected = f"nan {lost}, constant {100 - lost}, neither 0, learned 0 of 100"
        assert numbers[f"ends in {name} precision"] == expected
    constant, error = re.findall(r"[0-9.]+", numbers["their constants, in the median"])
    assert float(constant) == pytest.approx(12.5, abs=0.5)
    assert float(error) == pytest.approx(ANSWER - TRUTH, abs=0.2)
    assert numbers["multiples of 1/16 at the rate 0.0001"] == "0%"
    losses = numbers["losses with seed 17, the first that overflows"].split(", ")
    assert losses == sorted(losses, key=float)
    assert float(losses[-2]) > 1e100
    assert losses[-1] == "inf"
    assert double.outcomes.index("nan") == 17
    assert float(numbers["a loss above a million on the way"].rstrip("%")) > 85
    assert numbers["sigmoid of −2, −1, 0, 1, 2"] == "0.12, 0.27, 0.50, 0.73, 0.88"
    assert numbers["ELU of the same"] == "−0.86, −0.63, 0.00, 1.00, 2.00"
    assert float(numbers["rate · ‖∂answer/∂parameters‖² at first"]) > 2.0
    assert ran.files == files_of(ran.story)
