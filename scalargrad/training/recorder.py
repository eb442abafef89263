"""Recordings of one sample's graph while a network trains, bounded in size, for pictures."""

from collections.abc import Mapping
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
from scalargrad.utils.counting import plural
from scalargrad.utils.display import Displayable

from .aliases import Loss, Sample, Target
from .loop import Callback, Training
from .steps import check_loss

Frames = NDArray[numpy.float32]
"""(frames, values)."""

_BYTES_PER_VALUE = 8
"""Data and gradient of one Value in one frame, as float32."""


def _no_frames() -> Frames:
    return numpy.zeros((0, 0), numpy.float32)


@dataclass
class Recording(Displayable):
    """Data and gradients of one graph over a training run: frame i was taken after steps[i] steps.

    Attributes:
        values: The graph of the last frame in topological order; the last Value is the loss.
        steps: Number of steps before each frame; 0 is the state before the first step.
        losses: Loss of the sample in each frame.
        data: Data of the Values, as float32 of shape (frames, values).
        gradients: Gradients of the Values, as float32 of shape (frames, values).
    """

    values: list[Value] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    data: Frames = field(default_factory=_no_frames)
    gradients: Frames = field(default_factory=_no_frames)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        # Not by `plural`: only the table may write the name of the operation `step` alone.
        steps = "1 step" if len(self) == 1 else f"{len(self):,} steps"
        return f"<Recording of {plural(len(self.values), 'value')} at {steps}>"

    def of(self, value: Value) -> tuple[Frames, Frames]:
        """Return data and gradient of one Value of the graph over the frames."""
        column = self.values.index(value)
        return self.data[:, column], self.gradients[:, column]

    def thin(self) -> None:
        """Drop every second frame and keep the first."""
        self.steps = self.steps[::2]
        self.losses = self.losses[::2]
        # A view would keep the memory of the dropped frames.
        self.data = self.data[::2].copy()
        self.gradients = self.gradients[::2].copy()

    def add(self, step: int, order: list[Value]) -> None:
        """Append a frame.

        Raises:
            GraphError: For a graph with another structure than that of the first frame.
        """
        if self.values and [node.op for node in order] != [node.op for node in self.values]:
            raise GraphError(
                "the graph of the recorded sample has changed its structure, "
                "so its frames can't be compared"
            )
        # A number beyond the range of float32 becomes inf, which pictures can show.
        with numpy.errstate(over="ignore"):
            data = numpy.array([[node.data for node in order]]).astype(numpy.float32)
            gradients = numpy.array([[node.grad for node in order]]).astype(numpy.float32)

        self.values = order
        self.steps = [*self.steps, step]
        self.losses.append(order[-1].data)
        width = len(order)
        self.data = numpy.concatenate([self.data.reshape(-1, width), data])
        self.gradients = numpy.concatenate([self.gradients.reshape(-1, width), gradients])


class Recorder(Displayable, Callback):
    """Records the graph of one sample's loss during `fit`, eager or compiled.

    The first frame is taken before the first step. The model is in eval mode for it, and its
    gradients stay as they were.

    Args:
        x: The sample.
        target: Its target.
        loss: A function (prediction, target), as for `fit`.
        every: Number of steps between two frames.
        most: Maximum number of frames. When it is exceeded, every second frame is dropped, and
            frames are taken half as often.
        limit: Maximum size of all frames in bytes. Of a large network fewer frames are kept, but
            at least two.

    Raises:
        OptionError: For an option out of range.

    Example:
        >>> from scalargrad.losses import mse
        >>> from scalargrad.nn import MLP
        >>> from scalargrad.training import fit
        >>> model, recorder = MLP(1, [2, 1], seed=1), Recorder([1.0], 2.0, mse)
        >>> history = fit(model, [[1.0], [2.0]], [2.0, 4.0], loss="mse", epochs=5,
        ...               callbacks=[recorder], progress=False)
        >>> recorder.recording
        <Recording of 21 values at 6 steps>
    """

    def __init__(
        self,
        x: Sample,
        target: Target,
        loss: Loss,
        every: int = 1,
        most: int = 100,
        limit: int = 16_000_000,
    ) -> None:
        if not callable(loss):
            raise OptionError(
                f"loss of Recorder must be a function (prediction, target), not {loss!r}"
            )
        self.x = x
        self.target = target
        self.loss = loss
        self.every = checked_int(every, "every of Recorder", 1)
        self.most = checked_int(most, "most of Recorder", 2)
        self.limit = checked_int(limit, "limit of Recorder", 1)
        self.recording = Recording()
        self._first_every = self.every

    def __repr__(self) -> str:
        return f"<Recorder, so far {self.recording!r}>"

    def on_train_begin(self, training: Training) -> None:
        # A resumed training goes on with the frames that it was saved with.
        if not training.epoch:
            self.recording = Recording()
            self.every = self._first_every
            self.take(training.model, 0)

    def on_step_end(self, training: Training) -> None:
        step = len(training.history.steps)
        if step % self.every == 0:
            self.take(training.model, step)

    def take(self, model: Module, step: int) -> None:
        """Record a frame of the model as it is now."""
        parameters = model.parameters()
        gradients = [parameter.grad for parameter in parameters]
        try:
            with evaluation(model), enable_grad():
                output = check_loss(self.loss(model(self.x), self.target))
            output.label = output.label or "loss"
            for parameter in parameters:
                parameter.grad = 0.0
            backward([output])
            self.recording.add(step, topological([output]))
        finally:
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
        self._enforce_limits()

    def _enforce_limits(self) -> None:
        """Thin the frames until they are within both limits."""
        bytes_per_frame = _BYTES_PER_VALUE * len(self.recording.values)
        # Two frames are the least that can be compared, however large they are.
        max_frames = max(2, self.limit // bytes_per_frame)
        while len(self.recording) > min(self.most, max_frames):
            self.recording.thin()
            self.every *= 2

    def state_dict(self) -> dict[str, Any]:
        recording = self.recording
        return {
            "every": self.every,
            "steps": list(recording.steps),
            "data": recording.data.astype(float),
            "gradients": recording.gradients.astype(float),
            "losses": numpy.array(recording.losses),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.every = int(state["every"])
        self.recording = Recording(
            steps=[int(step) for step in state["steps"]],
            losses=[float(loss) for loss in state["losses"]],
            data=numpy.asarray(state["data"]).astype(numpy.float32),
            gradients=numpy.asarray(state["gradients"]).astype(numpy.float32),
        )
