"""Recorder: every frame against a graph built by hand, eager and compiled, bounded, resumed."""

from pathlib import Path
from typing import Any

import numpy
import pytest

from scalargrad.core.graph import topological
from scalargrad.data import moons
from scalargrad.errors import GraphError, OptionError
from scalargrad.losses import hinge, mse
from scalargrad.nn import MLP, Dropout, Layer, Sequential
from scalargrad.optim import SGD
from scalargrad.training import Callback, Recorder, SaveCheckpoint, Training, fit

X, LABELS = moons(12, noise=0.1, seed=1)
Y = 2.0 * LABELS - 1.0
SAMPLE = [0.3, -0.7]


def first(row: list[Any]) -> Any:
    return row[0]


class States(Callback):
    """The parameters after each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def on_train_begin(self, training: Training) -> None:
        self.seen.append(training.model.state_dict())

    on_step_end = on_train_begin


def run(
    recorder: Recorder, epochs: int = 4, compiled: bool = False, more: Any = (), **options: Any
) -> MLP:
    model = MLP(2, [4, 1], activation="tanh", seed=1)
    rule = SGD(model.parameters(), 0.1)
    given: dict[str, Any] = {
        "loss": hinge,
        "optimizer": rule,
        "batch_size": 5,
        "progress": False,
        "compiled": compiled,
    } | options
    fit(model, X, Y, epochs=epochs, callbacks=[recorder, *more], **given)
    return model


@pytest.mark.parametrize("compiled", [False, True])
def test_each_frame_is_the_graph_of_that_step(compiled: bool) -> None:
    recorder, states = Recorder(SAMPLE, 1, hinge), States()
    run(recorder, compiled=compiled, more=[states])
    recording = recorder.recording
    assert recording.steps == list(range(13))
    referee = MLP(2, [4, 1], activation="tanh")
    for frame, state in enumerate(states.seen):
        referee.load_state_dict(state)
        referee.zero_grad()
        loss = hinge(referee(SAMPLE), 1)
        loss.backward()
        order = topological([loss])
        assert numpy.allclose(
            recording.data[frame], [node.data for node in order], rtol=1e-6, atol=1e-7
        )
        assert numpy.allclose(
            recording.gradients[frame], [node.grad for node in order], rtol=1e-6, atol=1e-7
        )
        assert recording.losses[frame] == pytest.approx(loss.data, rel=1e-9)


def test_the_training_is_not_disturbed() -> None:
    def trained(callbacks: list[Callback]) -> dict[str, float]:
        model = Sequential(
            Layer(2, 4, seed=1), Dropout(0.5, seed=2), Layer(4, 1, None, seed=3), first
        )
        fit(model, X, Y, loss="hinge", epochs=3, batch_size=4, callbacks=callbacks, progress=False)
        return model.state_dict()

    assert trained([]) == trained([Recorder(SAMPLE, 1, hinge)])


def test_gradients_stay_as_they_were() -> None:
    model = MLP(2, [3, 1], seed=1)
    model([1.0, 1.0]).backward()
    before = [parameter.grad for parameter in model.parameters()]
    Recorder(SAMPLE, 1, hinge).take(model, 0)
    assert [parameter.grad for parameter in model.parameters()] == before
    assert model.training


def test_frames_are_thinned_and_reach_over_the_whole_training() -> None:
    recorder = Recorder(SAMPLE, 1, hinge, most=6)
    run(recorder, epochs=20)
    assert recorder.recording.steps == [0, 16, 32, 48]
    assert recorder.every == 16
    assert recorder.recording.data.shape == (4, len(recorder.recording.values))
    assert recorder.recording.data.dtype == numpy.float32


def test_a_large_network_keeps_fewer_frames() -> None:
    values = 60
    recorder = Recorder(SAMPLE, 1, hinge, limit=8 * values * 4)
    run(recorder, epochs=20)
    assert len(recorder.recording) <= 8 * values * 4 // (8 * len(recorder.recording.values))
    tiny = Recorder(SAMPLE, 1, hinge, limit=1)
    run(tiny)
    assert len(tiny.recording) == 2


def test_every_so_many_steps_and_one_value_over_time() -> None:
    recorder = Recorder(SAMPLE, 1, hinge, every=5)
    model = run(recorder)
    assert recorder.recording.steps == [0, 5, 10]
    bias = model.parameters()[-1]
    data, gradients = recorder.recording.of(bias)
    assert data.shape == gradients.shape == (3,)
    assert data[0] == 0.0


def test_used_again_it_begins_again() -> None:
    recorder = Recorder(SAMPLE, 1, hinge, most=4)
    run(recorder)
    run(recorder, epochs=1)
    assert recorder.recording.steps == [0, 1, 2, 3]


def test_a_training_that_is_taken_up_again_goes_on_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    whole, cut = Recorder(SAMPLE, 1, hinge), Recorder(SAMPLE, 1, hinge)
    run(whole)
    run(cut, epochs=2, more=[SaveCheckpoint(path)])
    again = Recorder(SAMPLE, 1, hinge)
    run(again, more=[SaveCheckpoint(path)], resume=path)
    assert again.recording.steps == whole.recording.steps
    assert numpy.array_equal(again.recording.data, whole.recording.data)
    assert again.recording.losses == whole.recording.losses
    assert len(again.recording.values) == len(whole.recording.values)


def test_a_graph_that_changes_is_refused() -> None:
    recorder = Recorder(SAMPLE, 1, lambda p, t: mse(p, t) if p.data > 0 else hinge(p, t))
    model = MLP(2, [1], seed=1)
    recorder.take(model, 0)
    for parameter in model.parameters():
        parameter.data = -parameter.data
    with pytest.raises(GraphError, match="changed its structure"):
        recorder.take(model, 1)


@pytest.mark.parametrize("options", [{"every": 0}, {"most": 1}, {"limit": 0}, {"loss": "mse"}])
def test_settings_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Recorder(SAMPLE, 1, **{"loss": hinge, **options})
