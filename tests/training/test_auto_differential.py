"""fit(compiled="auto") over random small models and data, against compiled=False."""

from dataclasses import dataclass
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad.nn import Dropout, Embedding, Layer, Module, Sequential
from scalargrad.optim import SGD
from scalargrad.optim.penalties import l1, l2
from scalargrad.training import History, fit, fitting

COUNT = 9
WORDS = 5
"""Samples of each training, and vectors of each Embedding."""

KINDS = {
    "number": (["mse", "absolute_error", "huber", "half_squared_error"], ["r2"]),
    "label": (["binary_cross_entropy_with_logits"], ["binary_accuracy"]),
    "class": (["cross_entropy"], ["accuracy"]),
}
"""The losses and the metrics for each kind of target."""
ACTIVATIONS = ["tanh", "relu", "sigmoid", "elu", "softplus", None]
PENALTIES = {"l1": l1, "l2": l2}


@dataclass(frozen=True)
class Problem:
    """A model and how it is trained."""

    kind: str
    words: bool
    sizes: tuple[int, ...]
    activation: str | None
    dropout: float
    branches: bool
    penalty: str | None
    seed: int
    options: dict[str, Any]

    def build(self) -> Module:
        """Return the model, always with the same numbers."""
        steps: list[Any] = [Embedding(WORDS, 1, seed=self.seed), join] if self.words else []
        before = 3
        for i, size in enumerate(self.sizes):
            steps.append(Layer(before, size, self.activation, seed=self.seed + i))
            if self.dropout:
                steps.append(Dropout(self.dropout, seed=self.seed))
            before = size
        if self.branches:
            steps.append(fold)
        outputs = 3 if self.kind == "class" else 1
        steps.append(Layer(before, outputs, None, seed=self.seed))
        return Sequential(*steps, list if outputs > 1 else first)

    def data(self) -> tuple[Any, Any]:
        """Return inputs, three for each sample, and targets."""
        rng = numpy.random.default_rng(self.seed)
        shape = (COUNT, 3)
        inputs = rng.integers(WORDS, size=shape) if self.words else rng.standard_normal(shape)
        if self.kind == "number":
            return inputs, rng.standard_normal(COUNT)
        return inputs, rng.integers(3 if self.kind == "class" else 2, size=COUNT)

    def train(self, compiled: Any) -> tuple[Module, History]:
        """Train the model."""
        model = self.build()
        penalty = None
        if self.penalty:
            function = PENALTIES[self.penalty]

            def penalty(model: Module) -> Any:
                return function(model.parameters(), 0.01)

        options = {"epochs": 2, "progress": False, "seed": self.seed, **self.options}
        optimizer = SGD(model.parameters(), 0.02, momentum=0.5)
        history = fit(
            model,
            *self.data(),
            optimizer=optimizer,
            penalty=penalty,
            compiled=compiled,
            **options,
        )
        return model, history


def join(vectors: Any) -> list[Any]:
    return [number for vector in vectors for number in vector]


def first(outputs: Any) -> Any:
    return outputs[0]


def fold(outputs: Any) -> list[Any]:
    """A branch on numbers, which can't be recorded."""
    return [output if output > 0 else -output for output in outputs]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    kind = draw(st.sampled_from(sorted(KINDS)))
    losses, metrics = KINDS[kind]
    weights = st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=COUNT, max_size=COUNT).filter(any)
    options = {
        "loss": draw(st.sampled_from(losses)),
        "metrics": draw(st.sampled_from([(), metrics])),
        "batch_size": draw(st.sampled_from([1, 4, None])),
        "validation": draw(st.sampled_from([None, 3])),
        "sample_weight": draw(st.none() | weights),
        "class_weight": draw(st.sampled_from([None, {0: 2.0, 1: 0.5, 2: 1.0}])),
        "shuffle": draw(st.booleans()),
    }
    if kind == "number":
        del options["class_weight"]
    elif kind == "label" and options["class_weight"]:
        options["class_weight"] = {0: 2.0, 1: 0.5}
    return Problem(
        kind=kind,
        words=draw(st.booleans()),
        sizes=tuple(draw(st.lists(st.integers(1, 4), max_size=2))),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        dropout=draw(st.sampled_from([0.0, 0.4])),
        branches=draw(st.integers(0, 5)) == 0,
        penalty=draw(st.sampled_from([None, *PENALTIES])),
        seed=draw(st.integers(0, 1000)),
        options=options,
    )


@pytest.fixture(autouse=True, scope="module")
def _every_training_earns_its_recording() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "earns_recording", lambda *_: True)
        yield


@settings(max_examples=60)
@given(problems())
def test_the_same_training_with_and_without_a_program(problem: Problem) -> None:
    eager, slow = problem.train(False)
    auto, fast = problem.train("auto")

    assert bool(fast.compiled) == (not problem.branches)
    assert fast.steps == pytest.approx(slow.steps, rel=1e-9, abs=1e-12)
    for name in slow:
        assert fast[name] == pytest.approx(slow[name], rel=1e-9, abs=1e-12, nan_ok=True)
    assert auto.state_dict() == pytest.approx(eager.state_dict(), rel=1e-9, abs=1e-12)
    for (_, one), (_, other) in zip(eager.named_generators(), auto.named_generators(), strict=True):
        assert one.getstate() == other.getstate()
