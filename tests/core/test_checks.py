"""One rule for all arguments that are whole numbers: Python's and NumPy's, and no others."""

import functools
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value, data, nn
from scalargrad.autodiff.checking import numerical_gradient
from scalargrad.errors import ScalargradError
from scalargrad.optim import SGD
from scalargrad.optim.schedules import StepDecay
from scalargrad.training import EarlyStopping, Recorder, SaveCheckpoint


def _fit(**options: Any) -> Any:
    model = nn.MLP(2, [2, 1], seed=0)
    optimizer = SGD(model.parameters(), 0.1)
    return sg.fit(
        model,
        *data.xor(),
        loss="mse",
        optimizer=optimizer,
        progress=False,
        **{"epochs": 2, **options},
    )


def _product() -> tuple[Value, Value]:
    x = Value(2.0, label="x")
    return x * x, x


@functools.cache
def _recording() -> Any:
    recorder = _recorder()
    _fit(callbacks=[recorder])
    return recorder.recording


def _recorder(**options: Any) -> Recorder:
    return Recorder([0.0, 1.0], 1.0, sg.losses.mse, **options)


def _schedule(step_size: Any) -> StepDecay:
    return StepDecay(SGD([Parameter(1.0)], 0.1), step_size)


def _read_csv(target: Any) -> Any:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "numbers.csv"
        path.write_text("1,2,3\n4,5,6\n")
        return data.read_csv(path, target)


CALLERS: dict[str, Callable[[Any], Any]] = {
    "inputs of compile": lambda n: sg.compile(lambda x: x[0] * x[1], inputs=(n,)),
    "top of explain": lambda n: viz.explain(*_product(), top=n),
    "most of chain_rule": lambda n: viz.chain_rule(*_product(), most=n),
    "frames of animate": lambda n: viz.animate(_recording(), frames=n),
    "workers of numerical_gradient": lambda n: numerical_gradient(abs, 2.0, workers=n),
    "inputs of a Neuron": lambda n: nn.Neuron(n),
    "sizes of an MLP": lambda n: nn.MLP(n, [n, n]),
    "filters of a Conv": lambda n: nn.Conv(n, n, n, stride=n, padding=n),
    "size of an Embedding": lambda n: nn.Embedding(n, n),
    "size of an LSTMCell": lambda n: nn.LSTMCell(n, n),
    "size of a GRUCell": lambda n: nn.GRUCell(n, n),
    "heads of Attention": lambda n: nn.Attention(n, n),
    "count of a PositionEmbedding": lambda n: nn.PositionEmbedding(n, n),
    "epochs of fit": lambda n: _fit(epochs=n),
    "batch_size of fit": lambda n: _fit(batch_size=n),
    "seed of fit": lambda n: _fit(seed=n),
    "patience of EarlyStopping": lambda n: EarlyStopping(patience=n),
    "every of Recorder": lambda n: _recorder(every=n),
    "every of SaveCheckpoint": lambda n: SaveCheckpoint("model.ckpt", every=n),
    "step_size of StepDecay": _schedule,
    "n of spirals": lambda n: data.spirals(10 * n, classes=n),
    "classes of one_hot": lambda n: data.one_hot([0, 1], n),
    "size of batches": lambda n: list(data.batches(*data.xor(), n)),
    "argnums of grad": lambda n: sg.grad(lambda x, y, z: x * y * z, n)(1.0, 2.0, 3.0),
    "target of read_csv": _read_csv,
    "seed of manual_seed": sg.manual_seed,
}


@pytest.mark.parametrize(
    "number", [2, np.int64(2), np.uint8(2), np.array(2)], ids=lambda n: type(n).__name__
)
@pytest.mark.parametrize("argument", CALLERS)
def test_whole_numbers_of_python_and_numpy_are_taken(argument: str, number: Any) -> None:
    CALLERS[argument](number)


@pytest.mark.parametrize("thing", [True, 2.5, np.float64(2.0), "x", [2, "x"]], ids=repr)
@pytest.mark.parametrize("argument", CALLERS)
def test_nothing_else_is(argument: str, thing: Any) -> None:
    with pytest.raises(ScalargradError):
        CALLERS[argument](thing)
