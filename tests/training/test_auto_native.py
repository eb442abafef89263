"""fit(compiled="auto") in native code: where it pays, and what leads back to NumPy."""

import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings

from scalargrad import compile, prod
from scalargrad.compiler import Compiled
from scalargrad.losses import mse
from scalargrad.nn import MLP, Dropout, Layer, Module, Sequential
from scalargrad.training import Callback, ClipNorm, History, SaveCheckpoint, auto_steps, fit
from scalargrad.training.auto_steps import Work, earns_native_code
from tests.training.test_auto_differential import Problem, problems

pytest.importorskip("llvmlite")

from scalargrad.compiler.native import backend as native_backend
from scalargrad.compiler.native.backend import NativeBackend

X = numpy.random.default_rng(1).standard_normal((25, 2))
Y = numpy.sin(X[:, 0]) + X[:, 1]
LONG = 1000
"""Epochs that are enough for native code to pay, at four batches each."""


def small() -> Module:
    return MLP(2, [8, 8, 1], "tanh", seed=1)


def train(model: Module, **options: Any) -> History:
    given: dict[str, Any] = {"loss": "mse", "epochs": 20, "batch_size": 8, "progress": False}
    return fit(model, X, options.pop("y", Y), **(given | options))


@pytest.fixture
def every_training_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let short trainings be recorded and compiled by LLVM."""
    monkeypatch.setattr("scalargrad.training.fitting.earns_recording", lambda *_: True)
    monkeypatch.setattr(auto_steps, "earns_native_code", lambda *_: True)


# Where it pays


def test_a_long_training_runs_in_native_code_to_the_numbers_of_numpy() -> None:
    model, other = small(), small()
    history = train(model, epochs=LONG)
    expected = train(other, epochs=LONG, compiled="numpy")
    assert (history.compiled, history.eager_reason) == ("native", "")
    assert history.steps[:100] == pytest.approx(expected.steps[:100], rel=1e-9)


def test_a_training_that_is_too_short_for_llvm_is_computed_by_numpy() -> None:
    assert train(small(), epochs=100).compiled == "numpy"


@pytest.mark.parametrize(
    "options", [{"callbacks": ClipNorm(100.0)}, {"validation": (X, Y), "batch_size": None}]
)
def test_where_steps_are_looked_at_one_by_one_native_code_takes_longer_to_pay(
    options: dict[str, Any],
) -> None:
    assert train(small(), epochs=LONG, **options).compiled == "numpy"


def program_of(kernels: int) -> Compiled:
    model = Layer(1, 1, None, seed=1)

    def function(x: Any) -> Any:
        y = model([x])[0]
        for _ in range(kernels):
            y = y.tanh().relu()
        return y

    return compile(function, model, inputs=(1,))


WORK = Work(visits=320_000, steps=10_000, batch_size=32, validates=False, steps_at_once=100)


def test_more_steps_never_make_native_code_pay_less() -> None:
    program = program_of(1)
    answers = [
        earns_native_code(program, WORK._replace(steps=steps, visits=steps))
        for steps in (10, 100, 1000, 10_000, 100_000)
    ]
    assert answers == sorted(answers)
    assert (answers[0], answers[-1]) == (False, True)


def test_a_program_of_very_many_kernels_stays_with_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(3)
    assert earns_native_code(program, WORK)
    monkeypatch.setattr(auto_steps, "_MAX_NATIVE_KERNELS", len(program.kernels) - 1)
    assert not earns_native_code(program, WORK)


def test_explicit_native_code_of_too_many_kernels_is_left_to_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(native_backend, "_MAX_KERNELS", 2)
    model = small()
    program = compile(lambda x, y: mse(model(x), y), model, (2, 1), backend="native")
    reference = compile(lambda x, y: mse(model(x), y), model, (2, 1))
    found = program.value_and_grad(X, Y[:, None])
    expected = reference.value_and_grad(X, Y[:, None])
    reason = f"computed by NumPy: {len(program.kernels)} kernels, too many for native code"
    assert reason in program.explain()
    assert found[0] == expected[0]
    assert numpy.array_equal(found[1], expected[1])


# What it costs


@pytest.mark.usefixtures("every_training_pays")
def test_it_is_recorded_once_and_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[Any] = []
    compiled: list[str] = []
    record = Compiled.__init__
    compile_function = NativeBackend._compile

    def count_recording(program: Compiled, *arguments: Any) -> None:
        recorded.append(program)
        record(program, *arguments)

    def count_compiling(backend: NativeBackend, name: str, tiles: int) -> Any:
        compiled.append(name)
        return compile_function(backend, name, tiles)

    monkeypatch.setattr(Compiled, "__init__", count_recording)
    monkeypatch.setattr(NativeBackend, "_compile", count_compiling)
    # The last batch has one sample, which would have code of its own in another program.
    assert train(small()).compiled == "native"
    assert (len(recorded), compiled) == (1, ["loss"])


# What leads back to NumPy


def assert_is_numpy(history: History, model: Module, make: Any = small, **options: Any) -> None:
    other = make()
    expected = train(other, compiled="numpy", **options)
    assert (history.compiled, history.eager_reason) == ("numpy", "")
    assert history.steps == expected.steps
    assert model.state_dict() == other.state_dict()


@pytest.mark.usefixtures("every_training_pays")
def test_without_llvmlite_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    for name in list(sys.modules):
        if name.startswith("scalargrad.compiler.native."):
            monkeypatch.delitem(sys.modules, name)
    model = small()
    assert_is_numpy(train(model), model)


@pytest.mark.usefixtures("every_training_pays")
def test_an_error_of_llvm_leads_back_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("LLVM has no such machine")

    monkeypatch.setattr(NativeBackend, "_compile", fail)
    model = small()
    assert_is_numpy(train(model), model)


@pytest.mark.usefixtures("every_training_pays")
def test_an_error_of_llvm_in_validation_leads_back_to_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile_function = NativeBackend._compile

    def fail(backend: NativeBackend, name: str, tiles: int) -> Any:
        if name == "outputs":
            raise RuntimeError("LLVM has no such machine")
        return compile_function(backend, name, tiles)

    monkeypatch.setattr(NativeBackend, "_compile", fail)
    model = small()
    assert_is_numpy(train(model, validation=(X, Y)), model, validation=(X, Y))


@pytest.mark.usefixtures("every_training_pays")
def test_native_code_that_disagrees_with_the_graph_leads_back_to_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compute = NativeBackend.loss

    def spoil(*arguments: Any) -> Any:
        loss, gradient, others, is_finite = compute(*arguments)
        return loss, gradient * (1.0 + 1e-6), others, is_finite

    def make() -> Module:
        return Sequential(Layer(2, 4, "tanh", seed=1), Dropout(0.4, seed=2), Layer(4, 1, None))

    monkeypatch.setattr(NativeBackend, "loss", spoil)
    model = make()
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.3))
    history = train(model, y=Y[:, None])

    def make_same() -> Module:
        other = make()
        other.load_state_dict(dict.fromkeys(other.state_dict(), 0.3))
        return other

    assert_is_numpy(history, model, make_same, y=Y[:, None])


class Multiplying(Module):
    """A network with a product of many numbers, which has no native code."""

    def __init__(self) -> None:
        self.layer = Layer(2, 1, None, seed=1)

    def forward(self, x: Any) -> Any:
        """Multiply the output of the layer by a number near 1 for each of many factors."""
        output = self.layer(x)[0]
        return prod([1.0 + 0.001 * output] * 70) * output


@pytest.mark.usefixtures("every_training_pays")
def test_a_program_without_native_code_is_computed_by_numpy() -> None:
    model = Multiplying()
    assert_is_numpy(train(model), model, Multiplying)


# What it promises


def test_a_long_training_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    def make() -> Module:
        return Sequential(
            Layer(2, 4, "tanh", seed=1),
            Dropout(0.4, seed=2),
            Layer(4, 1, None, seed=3),
            lambda x: x[0],
        )

    class StopAt(Callback):
        def __init__(self, epoch: int) -> None:
            self.epoch = epoch

        def on_epoch_end(self, training: Any) -> None:
            if training.epoch == self.epoch:
                training.stop("enough")

    path = tmp_path / "run.safetensors"
    # So few epochs remain that they alone would not pay for native code.
    options: dict[str, Any] = {"epochs": LONG, "batch_size": 3}
    first = train(make(), callbacks=[SaveCheckpoint(path, 5), StopAt(LONG - 5)], **options)
    model = make()
    callbacks = [SaveCheckpoint(path, 5), StopAt(LONG)]
    second = train(model, callbacks=callbacks, resume=path, **options)
    whole = make()
    expected = train(whole, **options)
    assert (first.compiled, second.compiled, expected.compiled) == ("native",) * 3
    assert second.steps == expected.steps
    assert model.state_dict() == whole.state_dict()


@settings(max_examples=12)
@given(problems())
def test_the_same_training_on_the_graph_and_in_native_code(problem: Problem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scalargrad.training.fitting.earns_recording", lambda *_: True)
        patch.setattr(auto_steps, "earns_native_code", lambda *_: True)
        auto, fast = problem.train("auto")
    eager, slow = problem.train(False)

    assert fast.steps == pytest.approx(slow.steps, rel=1e-9, abs=1e-12)
    for name in slow:
        assert fast[name] == pytest.approx(slow[name], rel=1e-9, abs=1e-12, nan_ok=True)
    assert auto.state_dict() == pytest.approx(eager.state_dict(), rel=1e-9, abs=1e-12)
    for (_, one), (_, other) in zip(eager.named_generators(), auto.named_generators(), strict=True):
        assert one.getstate() == other.getstate()
