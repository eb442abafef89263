"""Training on samples of different lengths: compiled as on the graph, and as each one alone."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalargrad import Value
from scalargrad.compiler.backend import BackendName
from scalargrad.data import pad_sequences
from scalargrad.errors import DivergenceError, TraceError
from scalargrad.losses import cross_entropy, mse
from scalargrad.nn import (
    MLP,
    Attention,
    Dropout,
    Embedding,
    GRUCell,
    Layer,
    Module,
    Recurrent,
    Residual,
    Sequential,
    TimeDistributed,
)
from scalargrad.optim import SGD, l2
from scalargrad.training import Callback, History, SaveCheckpoint, auto_steps, fit, fitting
from scalargrad.training.bucketed_steps import BucketedStep
from scalargrad.training.compiled_steps import CompiledStep
from scalargrad.training.samples import read_samples
from tests.compiler.backends import JAX, NATIVE

RNG = np.random.default_rng(3)
LENGTHS = [3, 1, 4, 1, 5, 3, 2, 1, 4, 3]
SENTENCES = [RNG.integers(5, size=length).tolist() for length in LENGTHS]
NEXT = [RNG.integers(5, size=length).tolist() for length in LENGTHS]
SCORES = RNG.normal(size=len(LENGTHS)).tolist()
CLASSES = RNG.integers(3, size=len(LENGTHS)).tolist()


@pytest.fixture(autouse=True)
def _every_training_earns_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "earns_recording", lambda *_: True)


def first(row: list[Any]) -> Any:
    return row[0]


def reader(dropout: float = 0.0) -> Sequential:
    """One score for a sentence."""
    return Sequential(
        Embedding(5, 3, seed=1),
        Recurrent(GRUCell(3, 4, seed=2), last=True),
        Dropout(dropout, seed=3),
        Layer(4, 1, None, seed=4),
        first,
    )


def writer(dropout: float = 0.0) -> Sequential:
    """The next word at each position of a sentence."""
    return Sequential(
        Embedding(5, 4, seed=1),
        Residual(Attention(4, 2, causal=True, dropout=dropout, seed=2)),
        TimeDistributed(Layer(4, 5, None, seed=3)),
    )


def trained(
    make: Any, X: Any, y: Any, compiled: Any, callbacks: Any = (), **options: Any
) -> tuple[Module, History]:
    model = make()
    optimizer = SGD(model.parameters(), 0.1)
    given = {"epochs": 3, "batch_size": 4, "progress": False, **options}
    history = fit(model, X, y, optimizer=optimizer, compiled=compiled, callbacks=callbacks, **given)
    return model, history


def assert_alike(make: Any, X: Any, y: Any, *ways: Any, **options: Any) -> None:
    """The same losses and parameters on the graph and in these ways."""
    model, expected = trained(make, X, y, False, **options)
    for compiled in ways or (True, "auto"):
        other, history = trained(make, X, y, compiled, **options)
        assert history.compiled
        assert not history.eager_reason
        for name in expected:
            np.testing.assert_allclose(history[name], expected[name], rtol=1e-9)
        np.testing.assert_allclose(history.steps, expected.steps, rtol=1e-9)
        np.testing.assert_allclose(
            list(other.state_dict().values()),
            list(model.state_dict().values()),
            rtol=1e-8,
            atol=1e-11,
        )


@pytest.mark.parametrize("backend", ["numpy", NATIVE, JAX])
def test_sentences_of_different_lengths(backend: BackendName) -> None:
    assert_alike(writer, SENTENCES, NEXT, backend, loss="cross_entropy", epochs=2)


@pytest.mark.parametrize("make", [reader, partial(reader, 0.3)])
@pytest.mark.parametrize("weights", [None, np.linspace(0.0, 2.0, len(LENGTHS))])
def test_one_target_for_each_sentence(make: Any, weights: Any) -> None:
    assert_alike(
        make,
        SENTENCES,
        SCORES,
        loss="mse",
        sample_weight=weights,
        metrics=["mean_absolute_error"],
        validation=([[1, 2], [0, 1, 2, 3, 4, 0, 1], [3, 1]], [0.5, -0.5, 1.0]),
        penalty=lambda model: l2(model.parameters(), 0.01),
    )


def test_dropped_weights_are_those_of_the_graph() -> None:
    assert_alike(partial(writer, 0.4), SENTENCES, NEXT, loss="cross_entropy")


@pytest.mark.parametrize("options", [{"shuffle": False}, {"batch_size": 1}, {"batch_size": None}])
def test_orders_and_sizes_of_batches(options: Any) -> None:
    assert_alike(partial(reader, 0.3), SENTENCES, SCORES, loss="mse", **options)


def test_classes_with_weights() -> None:
    def make() -> Sequential:
        return Sequential(
            Embedding(5, 3, seed=1),
            Recurrent(GRUCell(3, 3, seed=2), last=True),
            Layer(3, 3, None, seed=3),
        )

    assert_alike(make, SENTENCES, CLASSES, loss="cross_entropy", class_weight="balanced")


def test_words_to_ignore_count_for_nothing() -> None:
    targets = [[-100, *sentence[1:]] for sentence in NEXT]
    loss = partial(cross_entropy, ignore_index=-100)
    assert_alike(writer, SENTENCES, targets, loss=loss, batch_size=3)


def test_padded_sentences_of_a_causal_model_are_those_of_different_lengths() -> None:
    loss = partial(cross_entropy, ignore_index=-100)
    model, _ = trained(writer, SENTENCES, NEXT, False, loss=loss)
    tokens, targets = pad_sequences(SENTENCES), pad_sequences(NEXT, -100)
    for compiled in (False, True):
        other, _ = trained(writer, tokens, targets, compiled, loss=loss)
        np.testing.assert_allclose(
            list(other.state_dict().values()),
            list(model.state_dict().values()),
            rtol=1e-9,
            atol=1e-12,
        )


def test_native_code_is_chosen_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.setattr(auto_steps, "earns_native_code", lambda *_: True)
    options = {"loss": "mse", "validation": ([[1, 2, 3, 4, 0, 1], [3]], [0.5, 1.0])}
    assert_alike(reader, SENTENCES, SCORES, "auto", **options)
    assert trained(reader, SENTENCES, SCORES, "auto", **options)[1].compiled == "native"


def test_only_the_validation_has_other_lengths() -> None:
    assert_alike(
        reader,
        [[1, 2], [3, 4], [0, 1]],
        [1.0, 0.5, -1.0],
        loss="mse",
        validation=([[1], [2, 3, 4]], [0.5, 1.0]),
    )


def test_samples_of_equal_lengths_in_different_nests() -> None:
    X = [[[1.0], 2.0], [3.0, [4.0]], [[5.0], 6.0]]

    class Outer(Module):
        def __init__(self) -> None:
            self.layer = Layer(1, 1, None, seed=1)

        def forward(self, x: Any) -> Any:
            inner = x[0] if isinstance(x[0], list) else x[1]
            return self.layer(inner)[0]

    assert_alike(Outer, X, [1.0, 2.0, 3.0], loss="mse")


def test_a_batch_is_the_mean_of_its_sentences_alone() -> None:
    model = writer()
    samples = read_samples(SENTENCES, NEXT)
    step = bucketed(model, cross_entropy, [[0.0] * 5])
    whole = step.evaluate(samples, range(len(SENTENCES)))
    losses, gradients = [], []
    for sentence, following in zip(SENTENCES, NEXT, strict=True):
        model.zero_grad()
        loss: Any = cross_entropy(model(sentence), following)
        loss.backward()
        losses.append(loss.data)
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert whole.loss == pytest.approx(np.mean(losses), rel=1e-12)
    np.testing.assert_allclose(whole.gradient, np.mean(gradients, axis=0), rtol=1e-9, atol=1e-12)


def bucketed(model: Module, loss: Any, prediction: Any) -> BucketedStep:
    optimizer = SGD(model.parameters())
    return BucketedStep(
        partial(CompiledStep, model, loss, None, optimizer, True, prediction, "numpy")
    )


def test_predictions_come_in_the_order_of_the_samples() -> None:
    model = reader()
    samples = read_samples(SENTENCES, SCORES)
    step = bucketed(model, mse, 0.0)
    expected = [model(sentence).data for sentence in SENTENCES]
    assert step.measure(samples)[1] == pytest.approx(expected, rel=1e-12)
    order = [4, 2, 8, 0, 3]
    predictions = step.evaluate(samples, order).predictions
    assert predictions == pytest.approx([expected[i] for i in order], rel=1e-12)


def test_samples_of_one_structure_are_next_to_each_other_in_each_batch() -> None:
    samples = read_samples(SENTENCES, SCORES)
    batches = samples.batches(5, seed=1, epoch=0, min_size=1)
    for batch in batches:
        lengths = [LENGTHS[i] for i in batch]
        changes = sum(one != other for one, other in pairwise(lengths))
        assert changes == len(set(lengths)) - 1
    assert sorted(batches.flat()) == list(range(len(SENTENCES)))


def test_what_no_program_computes_is_refused_before_the_first_step() -> None:
    def branching(prediction: Any, target: Any) -> Any:
        return mse(prediction, target) if prediction > 0 else mse(prediction, 0.0)

    model = reader()
    before = model.state_dict()
    with pytest.raises(TraceError, match="a branch of Python"):
        fit(model, SENTENCES, SCORES, loss=branching, epochs=1, compiled=True, progress=False)
    assert model.state_dict() == before


def test_a_sentence_that_diverges_is_named() -> None:
    class Root(Module):
        def __init__(self) -> None:
            self.layer = Layer(1, 1, None, seed=1)
            self.dropout = Dropout(0.3, seed=2)

        def forward(self, x: Any) -> Any:
            total = sum(x, Value(0.0))
            return self.dropout(self.layer([total]))[0] + total.sqrt()

    X = [[1.0], [2.0, 1.0], [3.0, 1.0, 1.0], [1.0, -2.0], [4.0]]
    messages = []
    for compiled in (False, True):
        with pytest.raises(DivergenceError) as caught:
            trained(Root, X, [1.0] * 5, compiled, loss="mse", batch_size=5)
        messages.append(str(caught.value))
    assert "X[3]" in messages[0]
    assert messages[1] == messages[0]


def test_a_callback_freezes_a_part_and_sees_gradients() -> None:
    class Freeze(Callback):
        def on_epoch_end(self, training: Any) -> None:
            training.model.steps[0].freeze()
            seen.append([parameter.grad for parameter in training.model.parameters()])

    seen: list[list[float]] = []
    assert_alike(reader, SENTENCES, SCORES, True, loss="mse", callbacks=[Freeze()])
    eager, compiled = seen[:3], seen[3:]
    np.testing.assert_allclose(compiled, eager, rtol=1e-8, atol=1e-12)


def test_a_training_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    make = partial(writer, 0.3)
    options = {"loss": "cross_entropy", "compiled": True}
    whole, _ = trained(make, SENTENCES, NEXT, epochs=4, **options)
    saved = SaveCheckpoint(tmp_path / "a.ckpt")
    trained(make, SENTENCES, NEXT, callbacks=[saved], epochs=2, **options)
    resumed, _ = trained(
        make, SENTENCES, NEXT, callbacks=[saved], epochs=4, resume=tmp_path / "a.ckpt", **options
    )
    assert resumed.state_dict() == whole.state_dict()


def test_rows_of_an_array_are_one_structure() -> None:
    X, y = np.ones((4, 2)), np.ones(4)
    assert len(set(read_samples(X, y).structures)) == 1
    _, history = trained(lambda: MLP(2, [3, 1], seed=1), X, y, True, loss="mse")
    assert history.compiled
