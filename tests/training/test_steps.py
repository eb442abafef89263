"""One step: its gradient is that of loss and penalty, by central differences; compiled too."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
import pytest

from scalargrad import Parameter, Value, losses
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import MLP, BatchNorm, Layer, Module, Sequential
from scalargrad.optim import SGD, l2
from scalargrad.training.compiled_steps import CompiledStep
from scalargrad.training.samples import read_samples
from scalargrad.training.steps import EagerStep, check_loss, normalize_weights

ROWS = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0], [0.1, 0.9]]
TARGETS = [0.3, -0.8, 1.2, 0.0]


def alone() -> Module:
    return MLP(2, [3, 1], "tanh", seed=1)


def together() -> Module:
    return Sequential(
        Layer(2, 3, "tanh", seed=1), BatchNorm(3), Layer(3, 1, None, seed=2), lambda row: row[0]
    )


def stepper(model: Module, penalty: Any) -> EagerStep:
    return EagerStep(model, losses.mse, penalty, SGD(model.parameters()))


def weight_decay(model: Module) -> Any:
    return l2(model.parameters(), 0.1)


@pytest.mark.parametrize("make", [alone, together])
@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 0.0, 2.0]])
@pytest.mark.parametrize("penalty", [None, weight_decay])
def test_the_gradient_is_that_of_the_objective(
    make: Callable[[], Module], weights: Any, penalty: Any
) -> None:
    model = make()
    step, samples = stepper(model, penalty), read_samples(ROWS, TARGETS, weights=weights)
    part = [0, 1, 3]
    found = step.evaluate(samples, part).gradient
    expected = []
    for parameter in model.parameters():
        before, around = parameter.data, []
        for shift in (1e-5, -1e-5):
            parameter.data = before + shift
            around.append(step.evaluate(samples, part).objective)
        parameter.data = before
        expected.append((around[0] - around[1]) / 2e-5)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 0.5, 2.0]])
def test_the_loss_is_the_weighted_mean(weights: Any) -> None:
    model = alone()
    samples = read_samples(ROWS, TARGETS, weights=weights)
    step, errors = (
        stepper(model, None),
        [(model(x).data - t) ** 2 for x, t in zip(ROWS, TARGETS, strict=True)],
    )
    expected = numpy.average(errors, weights=weights)
    batch = step.evaluate(samples, range(4))
    assert batch.loss == pytest.approx(expected, rel=1e-12)
    assert step.measure(samples)[0] == pytest.approx(expected, rel=1e-12)
    assert batch.weight == (4.0 if weights is None else sum(weights))


def test_a_penalty_may_be_a_plain_number() -> None:
    samples = read_samples(ROWS, TARGETS)
    found = stepper(alone(), lambda model: 0.5).evaluate(samples, range(4))
    plain = stepper(alone(), None).evaluate(samples, range(4))
    assert found.objective == plain.loss + 0.5
    assert found.gradient.tolist() == plain.gradient.tolist()


def test_a_loss_must_be_a_value() -> None:
    with pytest.raises(TypeError, match="must return one Value for each sample, not float"):
        check_loss(0.5)


def test_the_shares_of_a_batch_add_up_to_1_or_are_0() -> None:
    assert normalize_weights(None, 3) is None
    assert normalize_weights([1.0, 3.0], 2) == [0.25, 0.75]
    assert normalize_weights([0.0, 0.0], 2) == [0.0, 0.0]


def test_gradients_are_those_of_the_last_batch_alone() -> None:
    model, outside = alone(), Parameter(0.5)
    learned = [*model.parameters()[:2], outside]
    step = EagerStep(model, lambda p, t: losses.mse(p * outside, t), None, SGD(learned))
    samples = read_samples(ROWS, TARGETS)
    first = step.evaluate(samples, range(4)).gradient
    other = model.parameters()[-1].grad
    assert step.evaluate(samples, range(4)).gradient.tolist() == first.tolist()
    assert model.parameters()[-1].grad == other


def test_a_sample_is_walked_back_before_the_next_is_computed() -> None:
    class Looks(Module):
        """Sees the gradient that its parameter has so far."""

        def __init__(self) -> None:
            self.inner = alone()
            self.seen: list[float] = []

        def forward(self, x: Any) -> Any:
            self.seen.append(self.inner.parameters()[0].grad)
            return self.inner(x)

    model = Looks()
    stepper(model, None).evaluate(read_samples(ROWS, TARGETS), range(4))
    assert model.seen[0] == 0.0
    assert len(set(model.seen)) == 4


# Compiled


class Steps(Module):
    """Scores for every step of a sequence."""

    def __init__(self) -> None:
        self.scores = Layer(1, 3, "tanh", seed=2)

    def forward(self, x: Any) -> Any:
        return [self.scores([item]) for item in x]


def three() -> Module:
    return MLP(2, [3, 3], "tanh", seed=1)


def list_of_one() -> Module:
    return Sequential(Layer(2, 3, "tanh", seed=1), Layer(3, 1, None, seed=2))


ignoring = partial(losses.cross_entropy, ignore_index=-100)
smoothing_and_ignoring = partial(ignoring, label_smoothing=0.1)

KINDS: dict[str, tuple[Callable[[], Module], Any, Any]] = {
    "numbers": (alone, TARGETS, losses.mse),
    "lists of one": (list_of_one, [[target] for target in TARGETS], losses.mse),
    "rows": (three, [[target, 1.0, -target] for target in TARGETS], losses.huber),
    "classes": (three, [0, 2, 1, 2], losses.cross_entropy),
    "shares of classes": (
        three,
        [[0.25, 0.5, 0.25], (1, 0, 0), [0, 0, 1], [0.5, 0.5, 0]],
        losses.cross_entropy,
    ),
    "smoothed classes": (three, [0, 2, 1, 2], partial(losses.cross_entropy, label_smoothing=0.1)),
    "ignored classes": (three, [0, -100, 1, 2], ignoring),
    "classes of steps": (Steps, [[0, 1], [2, 2], [1, 0], [0, 0]], losses.cross_entropy),
    "shares of steps": (
        Steps,
        [[[0, 1, 0], 1], [2, [0.5, 0.5, 0]], [1, 0], [0, 0]],
        losses.cross_entropy,
    ),
    "smoothed classes of steps": (
        Steps,
        [[0, 1], [2, 2], [1, 0], [0, 0]],
        partial(losses.cross_entropy, label_smoothing=0.1),
    ),
    "ignored classes of steps": (
        Steps,
        [[0, -100], [-100, -100], [[0.5, 0.25, 0.25], -100], [0, 1]],
        ignoring,
    ),
}
PENALTIES: dict[str, Any] = {
    "none": None,
    "of weights": weight_decay,
    "a number": lambda model: 0.5,
}


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
@pytest.mark.parametrize(
    "weights",
    [None, [1.0, 3.0, 0.0, 2.0], [0.0, 0.0, 1.0, 0.0]],
    ids=["alike", "weighted", "weighted 0"],
)
@pytest.mark.parametrize(("make", "targets", "loss"), KINDS.values(), ids=KINDS)
def test_a_compiled_step_is_the_eager_one(
    make: Callable[[], Module], targets: Any, loss: Any, weights: Any, penalty: Any
) -> None:
    model = make()
    samples = read_samples(ROWS, targets, weights=weights)
    eager = EagerStep(model, loss, penalty, SGD(model.parameters()))
    prediction = eager.measure(samples)[1][0]
    for predicting in (False, True):
        compiled = CompiledStep(
            model, loss, penalty, SGD(model.parameters()), predicting, prediction
        )
        for part in ([0, 1, 3], [2], range(4)):
            slow, fast = eager.evaluate(samples, part), compiled.evaluate(samples, part)
            assert (fast.loss, fast.penalty, fast.weight) == pytest.approx(
                (slow.loss, slow.penalty, slow.weight), rel=1e-12, abs=1e-15
            )
            assert fast.gradient == pytest.approx(slow.gradient, rel=1e-9, abs=1e-12)
            compare_predictions(fast.predictions, slow.predictions if predicting else [])
        mean, predictions = compiled.measure(samples)
        assert mean == pytest.approx(eager.measure(samples)[0], rel=1e-12, abs=1e-15)
        compare_predictions(predictions, eager.measure(samples)[1] if predicting else [])


def compare_predictions(found: Any, wanted: Any) -> None:
    assert len(found) == len(wanted)
    numpy.testing.assert_allclose(numpy.array(found), numpy.array(wanted), rtol=1e-12, atol=1e-15)


def test_a_compiled_step_takes_a_single_sample() -> None:
    model = Steps()
    samples = read_samples([[0.5, 1.0]], [[0, 2]])
    eager = EagerStep(model, losses.cross_entropy, None, SGD(model.parameters()))
    compiled = CompiledStep(
        model,
        losses.cross_entropy,
        None,
        SGD(model.parameters()),
        True,
        eager.measure(samples)[1][0],
    )
    assert compiled.measure(samples)[0] == pytest.approx(eager.measure(samples)[0], rel=1e-12)
    assert compiled.evaluate(samples, [0]).predictions == compiled.measure(samples)[1]


def test_a_compiled_step_learns_the_parameters_of_its_optimizer_in_their_order() -> None:
    model = alone()
    chosen = model.parameters()[::-2]
    samples = read_samples(ROWS, TARGETS)
    eager = EagerStep(model, losses.mse, None, SGD(chosen))
    compiled = CompiledStep(model, losses.mse, None, SGD(chosen), False, 0.0)
    assert compiled.evaluate(samples, range(4)).gradient == pytest.approx(
        eager.evaluate(samples, range(4)).gradient, rel=1e-9
    )
    compiled.write(compiled.numbers() + 0.25)
    before = [parameter.data for parameter in chosen]
    changed = compiled.measure(samples)[0]
    compiled.write_model()
    assert [parameter.data for parameter in chosen] == [number + 0.25 for number in before]
    assert changed == pytest.approx(eager.measure(samples)[0], rel=1e-12)


def test_a_compiled_step_reads_what_somebody_else_has_changed() -> None:
    model = alone()
    samples = read_samples(ROWS, TARGETS)
    chosen = model.parameters()[:2]
    eager = EagerStep(model, losses.mse, None, SGD(chosen))
    compiled = CompiledStep(model, losses.mse, None, SGD(chosen), False, 0.0)
    compiled.measure(samples)
    for parameter in model.parameters():
        parameter.data += 0.5
    compiled.read_model()
    assert compiled.measure(samples)[0] == pytest.approx(eager.measure(samples)[0], rel=1e-12)
    assert compiled.evaluate(samples, range(4)).loss == pytest.approx(
        eager.measure(samples)[0], rel=1e-12
    )


def compiled_of(X: Any, y: Any, loss: Any = losses.mse, prediction: Any = 0.0) -> CompiledStep:
    model = Sequential(lambda x: x, Layer(2, 1, None, seed=1), lambda row: row[0])
    step = CompiledStep(model, loss, None, SGD(model.parameters()), False, prediction)
    step.measure(read_samples(X, y))
    return step


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (
            [[1.0], [1.0, 2.0], [1.0, 2.0]],
            [0.0] * 3,
            LengthError,
            "sample 1 has 2 numbers, the first 1$",
        ),
        (
            [[1.0, 2.0]] * 3,
            [0.0, 0.0, [1.0, 2.0]],
            LengthError,
            "target 2 has 2 numbers, the first 1$",
        ),
        (
            [[1.0], object()],
            [0.0, 0.0],
            DataError,
            "needs samples made of numbers, and sample 1 is a object$",
        ),
        (
            [[Value(1.0)], object()],
            [0.0, 0.0],
            DataError,
            "needs samples made of numbers, and sample 1 is a object$",
        ),
    ],
)
def test_what_no_program_can_hold(X: Any, y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compiled_of(X, y)


def test_smoothed_labels_of_a_sequence_can_not_be_ignored_in_a_program() -> None:
    with pytest.raises(OptionError, match="can't both smooth labels and ignore some of a sequence"):
        compiled_of(ROWS, TARGETS, smoothing_and_ignoring, [[0.1, 0.2], [0.3, 0.4]])


def test_gradients_of_a_part_that_a_callback_puts_in_are_set_to_zero_too() -> None:
    model = alone()
    step = EagerStep(model, losses.mse, None, SGD(model.layers[0].parameters()))
    samples = read_samples(ROWS, TARGETS)
    step.evaluate(samples, [0, 1])
    new = Layer(3, 1, None, seed=3)
    model.layers = [model.layers[0], new]
    step.read_model()

    gradients = []
    for _ in range(2):
        step.evaluate(samples, [0, 1])
        gradients.append([parameter.grad for parameter in new.parameters()])
    assert gradients[0] == gradients[1]
