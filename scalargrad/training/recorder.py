"""Recorder: what every scalar of one sample's graph was while a network trained, bounded in size, for pictures to look back on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int
from scalargrad.core.graph import topological
from scalargrad.core.modes import enable_grad
from scalargrad.core.value import Value, backward
from scalargrad.errors import GraphError, OptionError
from scalargrad.nn import Module, evaluation

from .loop import Callback, Training
from .steps import checked_loss

Frames = NDArray[numpy.float32]


@dataclass
class Recording:
    """Frames of one graph: frame i is how it was after steps[i] steps of training.

    values     the graph of the last frame, operands first; its last Value is the loss
    steps      how many steps had been made; 0 is before the first
    losses     the loss of the sample
    data       (frames, values), as float32
    gradients  (frames, values), as float32
    """

    values: list[Value] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    data: Frames = field(default_factory=lambda: numpy.zeros((0, 0), numpy.float32))
    gradients: Frames = field(default_factory=lambda: numpy.zeros((0, 0), numpy.float32))

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"<Recording of {len(self.values):,} values at {len(self)} steps>"

    def of(self, value: Value) -> tuple[Frames, Frames]:
        """Data and gradient of one Value of the graph over the frames."""
        column = self.values.index(value)
        return self.data[:, column], self.gradients[:, column]

    def thin(self) -> None:
        """Leave every second frame, the first one included."""
        self.steps, self.losses = self.steps[::2], self.losses[::2]
        self.data, self.gradients = self.data[::2].copy(), self.gradients[::2].copy()

    def add(self, step: int, order: list[Value]) -> None:
        """One more frame. Raises GraphError for a graph of another structure than the first."""
        if self.values and [node.op for node in order] != [node.op for node in self.values]:
            raise GraphError(
                "the graph of the recorded sample has changed its structure, so its frames can't be compared"
            )
        width = len(order)
        with numpy.errstate(over="ignore"):
            data = numpy.array([[node.data for node in order]]).astype(numpy.float32)
            gradients = numpy.array([[node.grad for node in order]]).astype(numpy.float32)
        self.values, self.steps = order, [*self.steps, step]
        self.losses.append(order[-1].data)
        self.data = numpy.concatenate([self.data.reshape(-1, width), data])
        self.gradients = numpy.concatenate([self.gradients.reshape(-1, width), gradients])


class Recorder(Callback):
    """Records the graph of one sample's loss while `fit` trains, eager or compiled: before the first step, and after every so many.

    x, target  the sample
    loss       as for `fit`: a function (prediction, target)
    every      after how many steps a frame is taken
    most       how many frames are kept at most; when there are more, every second is dropped, and they are taken half as often
    limit      bytes that all frames may take; of a large network fewer frames are kept, but at least two

    The network is in evaluation for this, and its gradients stay as they were. Raises OptionError for settings out of range.

    >>> from scalargrad.losses import mse
    >>> from scalargrad.nn import MLP
    >>> from scalargrad.training import fit
    >>> model, recorder = MLP(1, [2, 1], seed=1), Recorder([1.0], 2.0, mse)
    >>> history = fit(model, [[1.0], [2.0]], [2.0, 4.0], loss="mse", epochs=5, callbacks=[recorder], progress=False)
    >>> recorder.recording
    <Recording of 21 values at 6 steps>
    """

    def __init__(
        self,
        x: Any,
        target: Any,
        loss: Callable[[Any, Any], Any],
        every: int = 1,
        most: int = 100,
        limit: int = 16_000_000,
    ) -> None:
        if not callable(loss):
            raise OptionError(
                f"loss of Recorder must be a function (prediction, target), not {loss!r}"
            )
        self.x, self.target, self.loss = x, target, loss
        self.every, self.most = (
            checked_int(every, "every of Recorder", 1),
            checked_int(most, "most of Recorder", 2),
        )
        self.limit, self.recording = checked_int(limit, "limit of Recorder", 1), Recording()
        self._first = self.every

    def on_train_begin(self, training: Training) -> None:
        if not training.epoch:
            self.recording, self.every = Recording(), self._first
            self.take(training.model, 0)

    def on_step_end(self, training: Training) -> None:
        step = len(training.history.steps)
        if step % self.every == 0:
            self.take(training.model, step)

    def take(self, model: Module, step: int) -> None:
        """A frame of the model as it is now."""
        parameters = model.parameters()
        before = [parameter.grad for parameter in parameters]
        try:
            with evaluation(model), enable_grad():
                output = checked_loss(self.loss(model(self.x), self.target))
            output.label = output.label or "loss"
            model.zero_grad()
            backward([output])
            self.recording.add(step, topological([output]))
        finally:
            for parameter, gradient in zip(parameters, before, strict=True):
                parameter.grad = gradient
        fitting = max(2, self.limit // (8 * len(self.recording.values)))
        while len(self.recording) > min(self.most, fitting):
            self.recording.thin()
            self.every *= 2

    def state_dict(self) -> dict[str, Any]:
        found = self.recording
        frames = {
            "data": found.data.astype(float),
            "gradients": found.gradients.astype(float),
            "losses": numpy.array(found.losses),
        }
        return {"every": self.every, "steps": list(found.steps), **frames}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.every = int(state["every"])
        data, gradients = (
            numpy.asarray(state[name]).astype(numpy.float32) for name in ("data", "gradients")
        )
        self.recording = Recording(
            [],
            [int(step) for step in state["steps"]],
            [float(x) for x in state["losses"]],
            data,
            gradients,
        )
