"""A training run that was cut goes on to the same bits; a file of another training is refused."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scalargrad import checkpoint, data
from scalargrad.errors import CheckpointError
from scalargrad.nn import MLP
from scalargrad.optim import SGD
from scalargrad.training import Callback, SaveCheckpoint, Training, fit, load_model
from scalargrad.training.resuming import resume_training
from tests.training.nonsense import problem
from tests.training.script import fingerprint, network, train

ROOT = Path(__file__).parent.parent.parent


class Cut(Callback):
    """Ends a training run in the middle of an epoch, as a crash would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_before_optimizer_step(self, training: Training) -> None:
        if len(training.history.steps) == self.step:
            raise RuntimeError("cut")


@pytest.fixture(scope="module")
def whole() -> str:
    return fingerprint(*train(None)[:2])


@pytest.mark.parametrize("step", [1, 5, 11, 17])
def test_a_training_that_was_cut_goes_on_to_the_same_bits(
    tmp_path: Path, whole: str, step: int
) -> None:
    path = tmp_path / "run.checkpoint"
    with pytest.raises(RuntimeError, match="cut"):
        fingerprint(*train_with_cut(path, step)[:2])
    assert path.exists() == (step > 4)
    model, history, _ = train(path, extra=[Cut(10**9)])
    assert fingerprint(model, history) == whole


def train_with_cut(path: Path, step: int) -> Any:
    return train(path, extra=[Cut(step)])


def test_a_training_that_was_cut_twice(tmp_path: Path, whole: str) -> None:
    path = tmp_path / "run.checkpoint"
    for step in (6, 13):
        with pytest.raises(RuntimeError, match="cut"):
            train_with_cut(path, step)
    assert fingerprint(*train(path, extra=[Cut(10**9)])[:2]) == whole


class CutAfterEpochs(Callback):
    """Ends a training run between two epochs, with no look at single steps."""

    def __init__(self, epochs: float) -> None:
        self.epochs = epochs

    def on_epoch_end(self, training: Training) -> None:
        if training.epoch == self.epochs:
            raise RuntimeError("cut")


def test_a_training_that_compiles_by_itself_goes_on_compiled(tmp_path: Path) -> None:
    # Few epochs are left after the cut: they alone would not pay for a recording.
    def train_on(epochs_to_cut: float, path: Path) -> tuple[dict[str, float], str]:
        model = MLP(2, [4, 1], activation="tanh", seed=0)
        X, y = data.moons(20, noise=0.1, seed=1)
        save = SaveCheckpoint(path)
        callbacks = [CutAfterEpochs(epochs_to_cut), save]
        options: dict[str, Any] = {"epochs": 60, "resume": path, "progress": False}
        history = fit(model, X, y, loss="mse", callbacks=callbacks, **options)
        return model.state_dict(), history.compiled

    at_once = train_on(math.inf, tmp_path / "once.safetensors")
    with pytest.raises(RuntimeError, match="cut"):
        train_on(59, tmp_path / "cut.safetensors")
    assert train_on(math.inf, tmp_path / "cut.safetensors") == at_once
    assert at_once[1]


def test_killed_in_the_middle_it_goes_on_to_the_same_bits(tmp_path: Path, whole: str) -> None:
    path = tmp_path / "run.checkpoint"
    command = [sys.executable, "-m", "tests.training.script", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while not path.exists() and process.poll() is None:
        time.sleep(0.001)
    if os.name == "posix":
        process.send_signal(signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
    assert path.exists()
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == whole


def test_a_training_that_was_stopped_early_stays_stopped(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    first = train(path, epochs=60)
    again = train(path, epochs=60)
    assert first[1].stop_reason
    assert (again[1].stop_reason, again[1].epochs) == (first[1].stop_reason, first[1].epochs)
    assert again[0].state_dict() == first[0].state_dict()


def test_more_epochs_go_on_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    train(path, epochs=3)
    model, history, _ = train(path, epochs=5)
    assert fingerprint(model, history) == fingerprint(*train(None, epochs=5)[:2])


def test_every_few_epochs_and_at_the_end(tmp_path: Path) -> None:
    seen: list[int] = []
    path = tmp_path / "a.checkpoint"

    class Look(Callback):
        last = True

        def on_epoch_end(self, training: Training) -> None:
            if path.exists():
                seen.append(checkpoint.load(path).metadata["epoch"])

    model = MLP(1, [1])
    fit(
        model,
        [[1.0]],
        [2.0],
        loss="mse",
        epochs=7,
        callbacks=[SaveCheckpoint(path, every=3), Look()],
        progress=False,
    )
    assert seen == [3, 3, 3, 6, 7]


def test_the_model_alone_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    train(path, epochs=2)
    model = network()
    load_model(model, path)
    weights = checkpoint.load(path).arrays["steps.0.weight"]
    assert [
        [w.data for w in neuron.weights] for neuron in model.steps[0].neurons
    ] == weights.tolist()
    other = MLP(2, [3, 1], seed=1)
    before = other.state_dict()
    with pytest.raises(CheckpointError, match="which the model lacks"):
        load_model(other, path)
    assert other.state_dict() == before


def small(path: Path, **changed: Any) -> Any:
    model = changed.pop("model", None) or MLP(1, [2, 1], seed=1)
    options = {
        "loss": "mse",
        "epochs": 2,
        "batch_size": 2,
        "progress": False,
        "resume": path,
        "callbacks": [SaveCheckpoint(path)],
    }
    data = {"X": [[1.0], [2.0], [3.0]], "y": [1.0, 2.0, 3.0]}
    X, y = changed.pop("X", data["X"]), changed.pop("y", data["y"])
    optimizer = changed.pop("rule", SGD)(model.parameters(), 0.01)
    return fit(model, X, y, **{**options, "optimizer": optimizer, **changed})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"X": [[1.0], [2.0], [3.5]]}, "samples was"),
        ({"batch_size": 3}, "batch_size was 2, and is 3"),
        ({"seed": 1}, "seed was 0, and is 1"),
        ({"callbacks": []}, "callbacks"),
        ({"model": MLP(1, [3, 1])}, "has the shape"),
        (
            {
                "rule": lambda parameters, rate: __import__(
                    "scalargrad"
                ).training.fitting.OPTIMIZERS["adam"](parameters, rate)
            },
            "state is that of SGD",
        ),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_and_kept(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "run.checkpoint"
    small(path)
    raw = path.read_bytes()
    with pytest.raises(CheckpointError, match=reason):
        small(path, **changed)
    assert path.read_bytes() == raw


def test_a_damaged_checkpoint_is_refused_and_the_model_untouched(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    small(path)
    raw = path.read_bytes()
    model = MLP(1, [2, 1], seed=1)
    before = model.state_dict()
    for damaged in (raw[: len(raw) // 2], raw[:-1], b"", bytes([raw[0] ^ 1]) + raw[1:]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            small(path, model=model)
        assert model.state_dict() == before
    checkpoint.save(path, {"model": [1.0]}, {"identity": {}})
    with pytest.raises(CheckpointError, match=r"holds no training"):
        small(path, model=model)
    assert model.state_dict() == before


# Well-formed nonsense


class Capture(Callback):
    """Keeps the training, to be resumed again and again."""

    def on_train_begin(self, training: Training) -> None:
        self.training = training


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Training, Path]:
    path = tmp_path_factory.mktemp("valid") / "run.checkpoint"
    capture = Capture()
    train(path, epochs=3, extra=[capture])
    return capture.training, path


@pytest.mark.parametrize("seed", range(300))
def test_a_file_that_makes_no_sense_is_refused_and_changes_nothing(
    captured: tuple[Training, Path], tmp_path: Path, seed: int
) -> None:
    training, valid = captured
    assert problem(training, valid, tmp_path / "changed", Random(seed)) == ""


@pytest.mark.parametrize("epoch", [1.5, 10**18, -1, 2, True, None, "3", [3]], ids=repr)
def test_an_epoch_that_can_not_be_is_refused(
    captured: tuple[Training, Path], tmp_path: Path, epoch: Any
) -> None:
    training, valid = captured
    found = checkpoint.load(valid)
    path = checkpoint.save(tmp_path / "a", found.arrays, {**found.metadata, "epoch": epoch})
    with pytest.raises(
        CheckpointError, match="epoch of the checkpoint must be that of its history"
    ):
        resume_training(training, path)


@pytest.mark.parametrize("names", [["lost"], ["loss", 3], [None]], ids=repr)
def test_a_history_without_its_loss_is_refused(
    captured: tuple[Training, Path], tmp_path: Path, names: list[Any]
) -> None:
    training, valid = captured
    found = checkpoint.load(valid)
    columns = [[name, {"tensor": "history.steps"}] for name in names]
    history = {**found.metadata["history"], "columns": columns}
    path = checkpoint.save(tmp_path / "a", found.arrays, {**found.metadata, "history": history})
    with pytest.raises(CheckpointError, match="the history must have a column 'loss'"):
        resume_training(training, path)


def test_a_callback_that_raises_whatever_it_likes_is_put_back(tmp_path: Path) -> None:
    class Fragile(Callback):
        count = 0

        def state_dict(self) -> dict[str, Any]:
            return {"count": self.count}

        def load_state_dict(self, state: Any) -> None:
            self.count = state["count"]
            if self.count == 1:
                raise ZeroDivisionError("no")

    path = tmp_path / "run.checkpoint"
    fragile = Fragile()
    fragile.count = 1
    model = MLP(1, [2, 1], seed=1)
    small(path, model=model, callbacks=[SaveCheckpoint(path), fragile])
    fragile.count = 0
    other = MLP(1, [2, 1], seed=2)
    before = other.state_dict()
    with pytest.raises(CheckpointError, match="ZeroDivisionError: no"):
        small(path, model=other, callbacks=[SaveCheckpoint(path), fragile])
    assert (other.state_dict(), fragile.count) == (before, 0)
