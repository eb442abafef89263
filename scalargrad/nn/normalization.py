"""LayerNorm, RMSNorm and BatchNorm: features of one size, then a learned scale and shift."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from scalargrad.core import ops
from scalargrad.core.checks import checked_bool, checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.leaves import Buffer
from scalargrad.core.modes import call_in_scope
from scalargrad.core.names import ActivationName
from scalargrad.core.operations import apply
from scalargrad.core.value import Number, Parameter, Value
from scalargrad.errors import CallError, OptionError

from .activations import Activation, activation_name
from .activations import activation as resolve_activation
from .inputs import Row, as_inputs
from .module import Module
from .naming import describe, join_parts

Statistics = tuple[Value, Value, Value]
"""The mean, the variance and the standard deviation of a feature."""


class _Normalization(Module):
    """A scale and a shift for each feature, followed by an activation."""

    _in_one_line = True

    def __init__(
        self, size: int, eps: float, activation: ActivationName | Activation | None
    ) -> None:
        who = type(self).__name__
        self.size = checked_int(size, f"size of {who}", 1)
        self.inputs = self.size
        self.eps = checked_eps(eps, who)
        self.scale = [Parameter(1.0, label=f"scale{i}") for i in range(self.size)]
        self.shift = [Parameter(0.0, label=f"shift{i}") for i in range(self.size)]
        self.activation = resolve_activation(activation)

    def _outputs(self, feature: Callable[..., Value], *parts: Sequence[Value]) -> list[Value]:
        """Call `feature` for each feature, in a scope each, so that pictures tell them apart."""
        outputs: list[Value] = []
        features = zip(*parts, self.scale, self.shift, strict=True)
        for i, arguments in enumerate(features):
            outputs.append(call_in_scope(feature, self, f"features.{i}", arguments, {}))
        return outputs

    def _feature(
        self, x: Value, mean: Value, deviation: Value, scale: Value, shift: Value
    ) -> Value:
        normalized = (x - mean) / deviation
        total = normalized * scale + shift
        return total if self.activation is None else self.activation(total)

    def _deviation(self, variance: Value) -> Value:
        deviation: Value = apply(ops.SQRT, variance + self.eps)
        deviation.label = "deviation"
        return deviation

    def extra_repr(self) -> str:
        return join_parts(str(self.size), activation_name(self.activation))


class LayerNorm(_Normalization):
    """Layer normalization: (x - mean) / √(variance + eps) · scale + shift (Ba et al. 2016).

    Mean and variance are those of the features of one sample. The variance is that of the
    population (divided by `size`), as in PyTorch. Gradients flow through both. Scales start at 1,
    shifts at 0.

    Args:
        size: The number of features.
        eps: What keeps the root away from 0.
        activation: What to apply to the result, None for nothing.

    Raises:
        OptionError: If `size` is below 1, or `eps` is negative.

    Example:
        >>> [round(y.data, 4) for y in LayerNorm(2)([1.0, 3.0])]
        [-1.0, 1.0]
    """

    def __init__(
        self, size: int, eps: float = 1e-5, activation: ActivationName | Activation | None = None
    ) -> None:
        super().__init__(size, eps, activation)

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number]) -> list[Value]: ...

    def forward(self, x: Iterable[Number]) -> list[Value]:
        """Return one Value per feature.

        Raises:
            LengthError: If there are more or fewer than `size`.
            DataError: If an item is not a number.
        """
        items = as_inputs(x, self.size, self)
        mean, variance = statistics(items)
        # One root for all features, which share its node.
        deviation = self._deviation(variance)
        means = [mean] * self.size
        deviations = [deviation] * self.size
        return self._outputs(self._feature, items, means, deviations)


class RMSNorm(Module):
    """Root mean square normalization: x / √(mean(x²) + eps) · scale (Zhang and Sennrich 2019).

    The mean is that of the features of one sample. Neither a mean is subtracted, as in LayerNorm,
    nor a shift added. Scales start at 1. All this is as in PyTorch.

    Args:
        size: The number of features.
        eps: What keeps the root away from 0; the default is PyTorch's for float64.
        elementwise_affine: Whether there are learned scales.

    Attributes:
        scale: A Parameter for each feature; none without `elementwise_affine`.

    Raises:
        OptionError: If `size` is below 1, or `eps` is negative.

    Example:
        >>> [round(y.data, 4) for y in RMSNorm(2)([3.0, 4.0])]
        [0.8485, 1.1314]
    """

    _in_one_line = True

    def __init__(
        self, size: int, eps: float = sys.float_info.epsilon, elementwise_affine: bool = True
    ) -> None:
        self.size = checked_int(size, "size of RMSNorm", 1)
        self.inputs = self.size
        self.eps = checked_eps(eps, "RMSNorm")
        is_scaled = checked_bool(elementwise_affine, "elementwise_affine of RMSNorm")
        scales = self.size if is_scaled else 0
        self.scale = [Parameter(1.0, label=f"scale{i}") for i in range(scales)]

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number]) -> list[Value]: ...

    def forward(self, x: Iterable[Number]) -> list[Value]:
        """Return one Value per feature.

        Raises:
            LengthError: If there are more or fewer than `size`.
            DataError: If an item is not a number.
        """
        items = as_inputs(x, self.size, self)
        # One root for all features, which share its node.
        mean_square = apply(ops.DOT, *items, *items) / self.size
        root: Value = apply(ops.SQRT, mean_square + self.eps)
        root.label = "rms"

        outputs: list[Value] = []
        for i, item in enumerate(items):
            arguments = (item, root, *self.scale[i : i + 1])
            # A scope for each feature, so that pictures tell them apart.
            outputs.append(call_in_scope(_scale_feature, self, f"features.{i}", arguments, {}))
        return outputs

    def extra_repr(self) -> str:
        return join_parts(str(self.size), "" if self.scale else "elementwise_affine=False")


class BatchNorm(_Normalization):
    """Batch normalization: (x - mean) / √(variance + eps) · scale + shift (Ioffe and Szegedy 2015).

    In training mean and variance are those of each feature over the samples of a batch, so it needs
    several samples together: `model.batch(rows)`. The variance is that of the population (divided
    by n), and gradients flow through both, from each sample to all.

    In evaluation they are the running mean and variance, which are Buffers:
    running = (1 - momentum)·running + momentum·batch, with the unbiased variance (divided by n -
    1). All this is as in PyTorch's BatchNorm1d.

    Args:
        size: The number of features.
        momentum: The weight of each batch in the running statistics, from 0 to 1.
        eps: What keeps the root away from 0.
        activation: What to apply to the result, None for nothing.

    Raises:
        OptionError: If `size` is below 1, or `momentum` or `eps` is out of its range.

    Example:
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
        activation: ActivationName | Activation | None = None,
    ) -> None:
        super().__init__(size, eps, activation)
        self.momentum = as_float(momentum, "momentum of BatchNorm")
        if not 0.0 <= self.momentum <= 1.0:
            raise OptionError(f"momentum of BatchNorm must lie between 0 and 1, not {momentum!r}")
        self.mean = [Buffer(0.0, label=f"{ops.MEAN.name}{i}") for i in range(self.size)]
        self.variance = [Buffer(1.0, label=f"variance{i}") for i in range(self.size)]

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number]) -> list[Value]: ...

    def forward(self, x: Iterable[Number]) -> list[Value]:
        """Return one Value per feature of one sample, in evaluation.

        Raises:
            CallError: If the module is in training mode.
            LengthError: If there are more or fewer than `size`.
            DataError: If an item is not a number.
        """
        if self.training:
            raise CallError(
                f"{describe(self)} needs several samples while it trains: "
                "call model.batch(rows), or model.eval() first"
            )
        items = as_inputs(x, self.size, self)
        return self._outputs(self._running_feature, items, self.mean, self.variance)

    def forward_batch(self, rows: Sequence[Row]) -> list[list[Value]]:
        """Normalize samples by their own statistics, and update the running statistics.

        Raises:
            CallError: If there are fewer than two samples.
        """
        samples = [as_inputs(row, self.size, self) for row in rows]
        count = len(samples)
        if count < 2:
            raise CallError(
                f"{describe(self)} needs at least two samples in a batch while it trains, "
                f"but was given {count}: choose a batch_size that leaves none over"
            )
        columns = list(zip(*samples, strict=True))
        by_feature = call_in_scope(self._statistics, self, "statistics", (columns,), {})
        means, variances, deviations = zip(*by_feature, strict=True)

        # The unbiased variance estimates that of samples yet to come.
        unbiased = [variance.data * count / (count - 1) for variance in variances]
        self._update(self.mean, [mean.data for mean in means])
        self._update(self.variance, unbiased)
        return [self._outputs(self._feature, sample, means, deviations) for sample in samples]

    def _statistics(self, columns: Sequence[Sequence[Value]]) -> list[Statistics]:
        by_feature: list[Statistics] = []
        for i, column in enumerate(columns):
            by_feature.append(call_in_scope(self._feature_statistics, self, str(i), (column,), {}))
        return by_feature

    def _feature_statistics(self, column: Sequence[Value]) -> Statistics:
        mean, variance = statistics(column)
        return mean, variance, self._deviation(variance)

    def _running_feature(
        self, x: Value, mean: Value, variance: Value, scale: Value, shift: Value
    ) -> Value:
        return self._feature(x, mean, self._deviation(variance), scale, shift)

    def _update(self, running: Sequence[Buffer], batch: Sequence[float]) -> None:
        kept = 1.0 - self.momentum
        for buffer, number in zip(running, batch, strict=True):
            buffer.data = kept * buffer.data + self.momentum * number


def _scale_feature(x: Value, root: Value, scale: Value | None = None) -> Value:
    normalized = x / root
    return normalized if scale is None else normalized * scale


def checked_eps(eps: float, who: str) -> float:
    """Return what keeps a root away from 0.

    Raises:
        OptionError: If it is negative.

    Example:
        >>> checked_eps(1e-5, "LayerNorm")
        1e-05
    """
    number = as_float(eps, f"eps of {who}")
    if not number >= 0.0:
        raise OptionError(f"eps of {who} must be at least 0, not {eps!r}")
    return number


def statistics(items: Sequence[Value]) -> tuple[Value, Value]:
    """Return the mean and the population variance (divided by n) of Values.

    Example:
        >>> mean, variance = statistics([Value(1.0), Value(3.0)])
        >>> mean.data, variance.data
        (2.0, 1.0)
    """
    mean: Value = apply(ops.MEAN, *items)
    mean.label = ops.MEAN.name

    # Not mean(x²) - mean²: that loses all digits where the mean is large beside the deviations.
    deviations = [x - mean for x in items]
    squares = [deviation * deviation for deviation in deviations]
    variance: Value = apply(ops.MEAN, *squares)
    variance.label = "variance"
    return mean, variance
