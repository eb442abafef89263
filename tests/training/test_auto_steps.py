"""fit(compiled="auto"): compiled where a program computes the same, on the graph elsewhere."""

import random
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from scalargrad.autodiff.anomaly import detect_anomaly
from scalargrad.errors import DivergenceError, OptionError
from scalargrad.losses import mse
from scalargrad.nn import MLP, BatchNorm, Dropout, Layer, Module, Sequential
from scalargrad.optim import SGD, Adam
from scalargrad.training import Callback, History, SaveCheckpoint, Training, fit, fitting
from scalargrad.training.auto_steps import earns_recording
from scalargrad.training.steps import TOO_LITTLE_WORK

X = numpy.random.default_rng(1).standard_normal((24, 2))
Y = numpy.sin(X[:, 0]) + X[:, 1]


@pytest.fixture(autouse=True)
def _every_training_earns_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "earns_recording", lambda *_: True)


@pytest.fixture
def _real_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "earns_recording", earns_recording)


def train(model: Module, **options: Any) -> History:
    given: dict[str, Any] = {"loss": "mse", "epochs": 3, "batch_size": 8, "progress": False}
    X_given = options.pop("X", X)
    return fit(model, X_given, options.pop("y", Y), **(given | options))


class Forward(Module):
    """A network of one layer whose forward is what the test gives."""

    def __init__(self, forward: Any) -> None:
        self.layer = Layer(2, 1, None, seed=1)
        self.function = forward

    def forward(self, x: Any) -> Any:
        """Call the function of the test with this module and the sample."""
        return self.function(self, x)


# Where it stays with the graph


calls: list[object] = []
draws = random.SystemRandom()


def remembers(module: Any, x: Any) -> Any:
    module.hidden = module.layer(x)[0]
    return module.hidden


def appends(module: Any, x: Any) -> Any:
    calls.append(x)
    return module.layer(x)[0]


def asks(module: Any, x: Any) -> Any:
    out = module.layer(x)[0]
    return out if out > 0 else -out


def asks_for_the_type(module: Any, x: Any) -> Any:
    out = module.layer(x)[0]
    return out if isinstance(x[0], float) else out * 2.0


def rolls_dice(module: Any, x: Any) -> Any:
    return module.layer(x)[0] * random.random()


def rolls_hidden_dice(module: Any, x: Any) -> Any:
    return module.layer(x)[0] * draws.random()


def prints(module: Any, x: Any) -> Any:
    print("forward", end="")
    return module.layer(x)[0]


def computes_with_numpy(module: Any, x: Any) -> Any:
    return module.layer([numpy.float64(x[0]), x[1]])[0]


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (remembers, "`hidden` of Forward changes when the model is called"),
        (appends, "changes `calls` when it is called"),
        (asks, "a branch of Python"),
        (asks_for_the_type, "the recording has another"),
        (rolls_dice, "random numbers were drawn from Python's global generator"),
        (rolls_hidden_dice, "the recording has another"),
        (prints, "calls print()"),
        (computes_with_numpy, "can't be recorded"),
    ],
)
def test_what_a_program_would_not_repeat_is_computed_on_the_graph(
    forward: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    history = train(Forward(forward))
    capsys.readouterr()
    assert history.compiled == ""
    assert reason in history.eager_reason
    assert history.epochs == 3


@pytest.mark.parametrize("forward", [remembers, asks, rolls_dice])
def test_what_stays_with_the_graph_has_the_bits_of_the_graph(forward: Any) -> None:
    states = []
    for compiled in (False, "auto"):
        random.seed(3)
        model = Forward(forward)
        history = train(model, compiled=compiled)
        states.append((model.state_dict(), history.steps, random.getstate()))
    assert states[0] == states[1]


def test_an_attribute_that_forward_sets_is_of_the_last_sample() -> None:
    eager, auto = Forward(remembers), Forward(remembers)
    train(eager, compiled=False)
    train(auto)
    assert auto.hidden.data == eager.hidden.data


def test_an_array_that_forward_writes_into_is_that_of_eager_training() -> None:
    def counts(module: Any, x: Any) -> Any:
        module.seen[0] += 1.0
        return module.layer(x)[0]

    seen = []
    for compiled in (False, "auto"):
        model: Any = Forward(counts)
        model.seen = numpy.zeros(1)
        train(model, compiled=compiled)
        seen.append(model.seen.tolist())
    assert seen[0] == seen[1]


def test_batch_normalization_stays_with_the_graph() -> None:
    model = Sequential(Layer(2, 3, seed=1), BatchNorm(3), Layer(3, 1, None, seed=2), lambda x: x[0])
    assert "BatchNorm takes statistics of a batch" in train(model).eager_reason


def test_many_lengths_are_more_work_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Total(Module):
        def __init__(self) -> None:
            self.layer = Layer(1, 1, None, seed=1)

        def forward(self, x: Any) -> Any:
            return self.layer([sum(x)])[0]

    visits: list[int] = []

    def note(_: Any, count: int, __: int) -> bool:
        visits.append(count)
        return False

    monkeypatch.setattr(fitting, "earns_recording", note)
    train(Total(), X=[[1.0], [2.0, 3.0], [4.0]], y=[1.0, 2.0, 3.0], epochs=10)
    train(Total(), X=[[1.0], [2.0], [4.0]], y=[1.0, 2.0, 3.0], epochs=10)
    assert visits == [15, 30]


def test_anomaly_detection_stays_with_the_graph() -> None:
    with detect_anomaly():
        assert "observed" in train(MLP(2, [3, 1], seed=1)).eager_reason


def test_gradient_hooks_stay_with_the_graph() -> None:
    model = MLP(2, [3, 1], seed=1)
    seen: list[float] = []
    model.parameters()[0].register_hook(lambda gradient: seen.append(float(gradient)))
    assert "hook" in train(model).eager_reason
    assert seen


def test_an_error_of_the_model_is_the_error_of_eager_training() -> None:
    def breaks(module: Any, x: Any) -> Any:
        if module.training:
            raise ZeroDivisionError("a mistake of the user")
        return module.layer(x)[0]

    for compiled in (False, "auto"):
        with pytest.raises(ZeroDivisionError, match="a mistake of the user"):
            train(Forward(breaks), compiled=compiled)


# Midway


class Change(Callback):
    """Does something after the first epoch."""

    def __init__(self, change: Any) -> None:
        self.change = change

    def on_epoch_end(self, training: Training) -> None:
        if training.epoch == 1:
            self.change(training.model)


class Settings:
    """An object of no library."""

    def __init__(self) -> None:
        self.gain = 1.5


class Scaled(Module):
    """A network with plain numbers in attributes, and in what those hold."""

    def __init__(self) -> None:
        self.net = MLP(2, [3, 1], "tanh", seed=1)
        self.scale = 2.0
        self.mask = numpy.ones(2)
        self.weights = [1.0, 1.0]
        self.settings = Settings()
        self.table = {"gains": [1.0, {"last": 2.0}]}

    def forward(self, x: Any) -> Any:
        triples = zip(x, self.mask.tolist(), self.weights, strict=True)
        out = self.net([a * masked * weight for a, masked, weight in triples])
        first, rest = self.table["gains"]
        return out * self.scale * self.settings.gain * first * rest["last"]


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model, "scale", 0.5),
        lambda model: model.mask.__setitem__(0, 0.0),
        lambda model: model.weights.__setitem__(0, 3.0),
        lambda model: setattr(model.settings, "gain", 0.5),
        lambda model: setattr(model.settings, "bias", 0.5),
        lambda model: model.table["gains"].__setitem__(0, 0.5),
        lambda model: model.table["gains"][1].update(last=0.5),
    ],
    ids=["number", "array", "list", "object", "new", "nested list", "nested dict"],
)
def test_an_attribute_that_a_callback_changes_counts_from_then_on(change: Any) -> None:
    eager, auto = Scaled(), Scaled()
    slow = train(eager, callbacks=Change(change), compiled=False)
    fast = train(auto, callbacks=Change(change))
    assert "of Scaled has changed since the model was recorded" in fast.eager_reason
    assert fast.compiled == ""
    assert fast.steps == pytest.approx(slow.steps, rel=1e-12)
    assert list(auto.state_dict().values()) == pytest.approx(
        list(eager.state_dict().values()), rel=1e-10
    )


def test_an_attribute_of_the_loss_that_a_callback_changes_counts_from_then_on() -> None:
    class Scaled:
        def __init__(self) -> None:
            self.scale = 1.0

        def __call__(self, prediction: Any, target: Any) -> Any:
            return (prediction - target) ** 2 * self.scale

    steps = []
    for compiled in (False, "auto"):
        loss = Scaled()
        change = Change(lambda _, loss=loss: setattr(loss, "scale", 0.1))
        model = MLP(2, [3, 1], "tanh", seed=1)
        history = train(model, loss=loss, callbacks=change, compiled=compiled)
        steps.append(history.steps)
    assert history.eager_reason == "`scale` of Scaled has changed since the model was recorded"
    assert steps[1] == pytest.approx(steps[0], rel=1e-12)


def test_the_probability_of_a_dropout_that_a_callback_changes_counts_from_then_on() -> None:
    results = []
    for compiled in (False, "auto"):
        model = Sequential(Layer(2, 4, "tanh", seed=1), Dropout(0.5, seed=2), Layer(4, 1, None))
        model.load_state_dict(dict.fromkeys(model.state_dict(), 0.3))
        change = Change(lambda model: setattr(model.steps[1].mask, "p", 0.1))
        history = train(model, y=Y[:, None], callbacks=change, compiled=compiled)
        results.append(history)
    assert results[1].eager_reason.startswith("`mask.p` of Dropout has changed")
    assert results[1].steps == pytest.approx(results[0].steps, rel=1e-12)


class Counting(Settings):
    """Counts how often it is asked."""

    calls = 0

    def ask(self) -> float:
        self.calls += 1
        return self.gain


def test_an_object_that_counts_calls_counts_those_of_the_graph() -> None:
    counted = []
    for compiled in (False, "auto"):
        model = Scaled()
        counter = Counting()
        model.settings = counter
        model.forward = lambda x, net=model.net, counter=counter: net(x) * counter.ask()
        history = train(model, compiled=compiled)
        counted.append(counter.calls)
    assert "`settings.calls` of Scaled changes" in history.eager_reason
    assert counted[1] == counted[0]


def test_a_guard_that_notices_a_change_goes_back_to_the_graph(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    results = []
    for compiled in (False, "auto"):
        share = 0.5

        def loss(prediction: Any, target: Any) -> Any:
            return mse(prediction, target) * share  # noqa: B023

        class Anneal(Callback):
            def on_epoch_end(self, training: Any) -> None:
                nonlocal share
                share *= 0.5

        model = MLP(2, [3, 1], "tanh", seed=1)
        history = train(model, loss=loss, callbacks=Anneal(), compiled=compiled, progress=True)
        results.append((history.steps, list(model.state_dict().values())))
    said = capsys.readouterr().err
    assert said.count("not compiled: `share` was 0.5 when the function was recorded") == 1
    assert results[1][0] == pytest.approx(results[0][0], rel=1e-12)
    assert results[1][1] == pytest.approx(results[0][1], rel=1e-10)


# Where it compiles


def test_dropout_draws_what_eager_training_draws() -> None:
    def make() -> Sequential:
        return Sequential(
            Layer(2, 8, seed=1), Dropout(0.4, seed=2), Layer(8, 1, None, seed=3), lambda x: x[0]
        )

    eager, auto = make(), make()
    slow = train(eager, compiled=False, validation=0.25, metrics="r2")
    fast = train(auto, validation=0.25, metrics="r2")
    assert (fast.compiled, fast.eager_reason) == ("numpy", "")
    assert fast.steps == pytest.approx(slow.steps, rel=1e-12)
    for name, numbers in slow.items():
        assert fast[name] == pytest.approx(numbers, rel=1e-10)
    generators = [[g.getstate() for _, g in each.named_generators()] for each in (eager, auto)]
    assert generators[0] == generators[1]


def test_callbacks_read_the_gradients_of_the_parameters() -> None:
    class Norms(Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_before_optimizer_step(self, training: Training) -> None:
            self.seen += [parameter.grad for parameter in training.model.parameters()]

    slow, fast = Norms(), Norms()
    train(MLP(2, [3, 1], "tanh", seed=1), callbacks=slow, compiled=False)
    assert train(MLP(2, [3, 1], "tanh", seed=1), callbacks=fast).compiled == "numpy"
    assert fast.seen == pytest.approx(slow.seen, rel=1e-9, abs=1e-15)
    assert any(slow.seen)


def test_a_metric_gets_lists_where_the_model_returns_tuples() -> None:
    kinds: set[type] = set()

    class Pair(Module):
        def __init__(self) -> None:
            self.layer = Layer(2, 2, None, seed=1)

        def forward(self, x: Any) -> Any:
            return tuple(self.layer(x))

    def kind(prediction: Any, target: Any) -> float:
        kinds.add(type(prediction))
        return 0.0

    pairs = numpy.stack([Y, -Y], axis=1)
    assert train(Pair(), y=pairs, metrics=[kind]).compiled == "numpy"
    assert kinds == {list}


@pytest.mark.parametrize("compiled", [False, True, "auto"])
def test_a_divergence_names_the_same_operation(compiled: Any) -> None:
    model = MLP(2, [4, 1], activation=None, seed=1)
    with pytest.raises(DivergenceError) as caught:
        train(model, optimizer=SGD(model.parameters(), 1e3), epochs=90, compiled=compiled)
    message = str(caught.value)
    assert message.startswith("the training diverged in epoch 2, step 5: the loss is inf\n")
    assert "first: pow(1.88036669507" in message
    assert "for the sample X[3]\n" in message


def test_a_training_is_resumed_to_the_same_numbers(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    for epochs in (2, 5):
        model = MLP(2, [3, 1], "tanh", seed=1)
        history = train(
            model,
            optimizer=Adam(model.parameters(), 0.01),
            callbacks=SaveCheckpoint(path),
            resume=path if path.exists() else None,
            epochs=epochs,
        )
    assert history.compiled == "numpy"
    whole = MLP(2, [3, 1], "tanh", seed=1)
    train(whole, optimizer=Adam(whole.parameters(), 0.01), epochs=5)
    assert model.state_dict() == whole.state_dict()


# How much work earns a recording


@pytest.mark.usefixtures("_real_costs")
def test_a_short_training_stays_with_the_graph_and_says_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    history = train(MLP(2, [3, 1], seed=1), progress=True)
    assert (history.compiled, history.eager_reason) == ("", TOO_LITTLE_WORK)
    assert "compiled" not in capsys.readouterr().err


@pytest.mark.usefixtures("_real_costs")
def test_a_long_training_is_compiled() -> None:
    assert train(MLP(2, [8, 1], seed=1), epochs=100).compiled == "numpy"


@pytest.mark.usefixtures("_real_costs")
def test_whoever_asks_for_the_graph_gets_no_reason() -> None:
    history = train(MLP(2, [8, 1], seed=1), epochs=100, compiled=False)
    assert (history.compiled, history.eager_reason) == ("", "")


# Names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"compiled": "nmpy"},
            r"'auto', 'numpy', 'jax', 'native', not 'nmpy'; did you mean 'numpy'\?",
        ),
        ({"compiled": 3}, "compiled must be one of True, False, 'auto'"),
        ({"compiled": None}, "compiled must be one of True, False, 'auto'"),
        ({"devices": 2}, 'give compiled="jax" or "native", not \'auto\''),
        ({"compiled": "numpy", "devices": 2}, 'give compiled="jax" or "native", not \'numpy\''),
    ],
)
def test_unknown_names_and_devices_without_jax_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        train(MLP(2, [3, 1], seed=1), **options)


@pytest.mark.parametrize("compiled", [True, "numpy"])
def test_the_history_names_the_backend(compiled: Any) -> None:
    assert train(MLP(2, [3, 1], seed=1), compiled=compiled).compiled == "numpy"


def test_jax_trains_to_the_same_numbers() -> None:
    pytest.importorskip("jax")
    eager, compiled = MLP(2, [3, 1], "tanh", seed=1), MLP(2, [3, 1], "tanh", seed=1)
    slow = train(eager, compiled=False)
    fast = train(compiled, compiled="jax")
    assert fast.compiled == "jax"
    assert fast.steps == pytest.approx(slow.steps, rel=1e-12)
