"""Names for the data that a training run passes on without looking inside."""

from collections.abc import Callable
from typing import Any, TypeAlias

from scalargrad.nn import Module

Sample: TypeAlias = Any
"""Whatever a model takes: a number, a row, an image, a sequence of any length."""
Target: TypeAlias = Any
"""A number, a class index, or lists of those."""
Prediction: TypeAlias = Any
"""What a model returns for one sample: a Value or nested lists; in metrics, the same of floats."""
ArrayLike: TypeAlias = Any
"""One entry for each sample: an array, frame, tensor or list, as the user gave it."""

Loss: TypeAlias = Callable[[Any, Any], Any]
"""(prediction, target) of one sample → a Value."""
Penalty: TypeAlias = Callable[[Module], Any]
"""Model → a Value to add to the loss."""
Metric: TypeAlias = Callable[[Any, Any], float]
"""(prediction, target), or all predictions and all targets, → a number."""
