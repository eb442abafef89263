"""Normalization: numbers brought to mean 0 and variance 1, then scaled and shifted by what is learned."""

from collections.abc import Callable, Sequence
from typing import Any

from scalargrad.core import ops
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.leaves import Buffer
from scalargrad.core.modes import call_in_scope
from scalargrad.core.operations import apply
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import CallError, OptionError

from .activations import Activation, activation, activation_name
from .module import Module, as_inputs


class _Normalization(Module):
    """A scale and a shift for each feature, and an activation behind them."""

    _in_one_line = True

    def __init__(self, size: int, eps: float, choice: str | Activation | None) -> None:
        who = type(self).__name__
        self.inputs = self.size = checked_int(size, f"size of {who}", 1)
        self.eps = as_float(eps, f"eps of {who}")
        if not self.eps >= 0.0:
            raise OptionError(f"eps of {who} must be at least 0, not {eps!r}")
        self.scale = [Parameter(1.0, label=f"scale{i}") for i in range(self.size)]
        self.shift = [Parameter(0.0, label=f"shift{i}") for i in range(self.size)]
        self.activation = activation(choice)

    def _outputs(self, feature: Callable[..., Any], *parts: Sequence[Value]) -> list[Value]:
        """`feature` of each, in a scope of its own, so that pictures tell them apart."""
        found = zip(*parts, self.scale, self.shift, strict=True)
        return [
            call_in_scope(feature, self, f"features.{i}", part, {}) for i, part in enumerate(found)
        ]

    def _feature(self, x: Value, mean: Value, deviation: Value, scale: Value, shift: Value) -> Any:
        total = (x - mean) / deviation * scale + shift
        return total if self.activation is None else self.activation(total)

    def _deviation(self, variance: Value) -> Value:
        deviation: Value = apply(ops.SQRT, variance + self.eps)
        deviation.label = "deviation"
        return deviation

    def describe(self) -> str:
        return f"{type(self).__name__}({', '.join(filter(None, [str(self.size), activation_name(self.activation)]))})"


class LayerNorm(_Normalization):
    """(x - mean) / √(variance + eps) · scale + shift, mean and variance over the features of one sample (Ba et al. 2016).

    size        how many numbers it takes and returns
    eps         what keeps the root away from 0
    activation  what is applied behind it, None for nothing

    The variance is that of the population (divided by `size`), as in PyTorch. It is all graph: gradients flow through mean and
    variance. Scales begin at 1, shifts at 0. Raises OptionError for sizes below 1; a call raises LengthError or DataError.

    >>> [round(y.data, 4) for y in LayerNorm(2)([1.0, 3.0])]
    [-1.0, 1.0]
    """

    def __init__(
        self, size: int, eps: float = 1e-5, activation: str | Activation | None = None
    ) -> None:
        super().__init__(size, eps, activation)

    def forward(self, x: Any) -> list[Value]:
        """One Value per feature."""
        items = as_inputs(x, self.size, self)
        mean, variance = statistics(items)
        return self._outputs(
            self._feature, items, [mean] * self.size, [self._deviation(variance)] * self.size
        )


class BatchNorm(_Normalization):
    """(x - mean) / √(variance + eps) · scale + shift, mean and variance of each feature over the samples (Ioffe and Szegedy 2015).

    size        how many numbers a sample has
    momentum    how much of each batch goes into the running statistics
    eps         what keeps the root away from 0
    activation  what is applied behind it, None for nothing

    In training it needs several samples together: `model.batch(rows)`. It takes their mean and their variance (of the population,
    divided by n), and both are graph, so gradients flow from each sample to all. In evaluation it takes the running mean and
    variance, which are Buffers: running = (1 - momentum)·running + momentum·batch, with the unbiased variance (divided by n - 1).
    All this is as in PyTorch's BatchNorm1d.

    Raises OptionError for sizes below 1 and a momentum outside of 0 to 1; in training CallError for a single sample.

    >>> norm = BatchNorm(1)
    >>> [round(y.data, 4) for (y,) in norm.batch([[1.0], [3.0]])]
    [-1.0, 1.0]
    >>> round(norm.mean[0].data, 4), round(norm.variance[0].data, 4)
    (0.2, 1.1)
    >>> [round(y.data, 4) for y in norm.eval()([1.0])]
    [0.7628]
    """

    batchwise = True

    def __init__(
        self,
        size: int,
        momentum: float = 0.1,
        eps: float = 1e-5,
        activation: str | Activation | None = None,
    ) -> None:
        super().__init__(size, eps, activation)
        self.momentum = as_float(momentum, "momentum of BatchNorm")
        if not 0.0 <= self.momentum <= 1.0:
            raise OptionError(f"momentum of BatchNorm must lie between 0 and 1, not {momentum!r}")
        self.mean = [Buffer(0.0, label=f"{ops.MEAN.name}{i}") for i in range(self.size)]
        self.variance = [Buffer(1.0, label=f"variance{i}") for i in range(self.size)]

    def forward(self, x: Any) -> list[Value]:
        """One sample in evaluation: one Value per feature."""
        if self.training:
            raise CallError(
                f"{self.describe()} needs several samples while it trains: call model.batch(rows), or model.eval() first"
            )
        return self._outputs(
            self._running_feature, as_inputs(x, self.size, self), self.mean, self.variance
        )

    def forward_batch(self, rows: Sequence[Any]) -> list[Any]:
        """All samples together, by their own statistics; the running ones move on."""
        samples = [as_inputs(row, self.size, self) for row in rows]
        if len(samples) < 2:
            raise CallError(
                f"{self.describe()} needs at least two samples in a batch while it trains, but was given {len(samples)}: "
                "choose a batch_size that leaves none over"
            )
        columns = list(zip(*samples, strict=True))
        means, variances, deviations = zip(
            *call_in_scope(self._statistics, self, "statistics", (columns,), {}), strict=True
        )
        self._move(self.mean, [mean.data for mean in means])
        self._move(
            self.variance,
            [variance.data * len(samples) / (len(samples) - 1) for variance in variances],
        )
        return [self._outputs(self._feature, sample, means, deviations) for sample in samples]

    def _statistics(self, columns: Sequence[Sequence[Value]]) -> list[tuple[Value, Value, Value]]:
        return [
            call_in_scope(self._of_column, self, str(i), (column,), {})
            for i, column in enumerate(columns)
        ]

    def _of_column(self, column: Sequence[Value]) -> tuple[Value, Value, Value]:
        mean, variance = statistics(column)
        return mean, variance, self._deviation(variance)

    def _running_feature(
        self, x: Value, mean: Value, variance: Value, scale: Value, shift: Value
    ) -> Any:
        return self._feature(x, mean, self._deviation(variance), scale, shift)

    def _move(self, running: Sequence[Buffer], batch: Sequence[float]) -> None:
        """Bring the statistics of a batch into the running ones."""
        for own, number in zip(running, batch, strict=True):
            own.data = (1.0 - self.momentum) * own.data + self.momentum * number


def statistics(items: Sequence[Value]) -> tuple[Value, Value]:
    """The mean and the variance of the population (divided by n) of some Values.

    >>> mean, variance = statistics([Value(1.0), Value(3.0)])
    >>> mean.data, variance.data
    (2.0, 1.0)
    """
    mean: Value = apply(ops.MEAN, *items)
    variance: Value = apply(
        ops.MEAN, *[deviation * deviation for deviation in [x - mean for x in items]]
    )
    mean.label, variance.label = ops.MEAN.name, "variance"
    return mean, variance
