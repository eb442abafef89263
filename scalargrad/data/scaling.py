"""Scaling of features to mean 0 and standard deviation 1, as measured on the training data."""

from collections.abc import Callable, Mapping

import numpy as np

from scalargrad.core.conversion import as_float
from scalargrad.errors import CallError, DataError, LengthError, UnknownNameError

from .checks import Floats, SamplesLike, as_floats


class StandardScaler:
    """A scaler that computes (x - mean) / deviation for each column.

    Call `fit` with the training data, then `transform` with training, validation and test data
    alike; `inverse_transform` undoes it. The deviation is that of the population (divided by n). A
    column that is constant in the training data becomes 0 there, and keeps its unit elsewhere. X is
    (n, features), or (n,) for one feature.

    All methods raise DataError for text, nan and infinities, LengthError for another number of
    columns than in training, and CallError before `fit`.

    Example:
        >>> scaler = StandardScaler().fit([[1.0, 7.0], [3.0, 7.0]])
        >>> scaler.transform([[1.0, 7.0], [5.0, 8.0]])
        array([[-1.,  0.],
               [ 3.,  1.]])
        >>> scaler.inverse_transform([[3.0, 1.0]])
        array([[5., 8.]])
    """

    def __init__(self) -> None:
        self._means: Floats | None = None
        self._scales: Floats | None = None

    @property
    def means(self) -> Floats:
        """The mean of each column of the training data, (features,)."""
        means, _ = self._require_fit()
        return means.copy()

    @property
    def scales(self) -> Floats:
        """The deviation of each column of the training data, 1 for a constant one, (features,)."""
        _, scales = self._require_fit()
        return scales.copy()

    def fit(self, X: SamplesLike) -> "StandardScaler":
        """Measure X, forget earlier measurements, and return the scaler itself."""
        columns = _as_columns(as_floats(X, "X"))
        peaks = np.abs(columns).max(axis=0)
        peaks[peaks == 0.0] = 1.0
        # Scaled to [-1, 1], no square overflows or underflows, and a constant column is exactly
        # ±1, with deviation 0.
        scaled = columns / peaks
        deviations = scaled.std(axis=0) * peaks
        self._means = scaled.mean(axis=0) * peaks
        self._scales = np.where(deviations == 0.0, 1.0, deviations)
        return self

    def transform(self, X: SamplesLike) -> Floats:
        """Return X on the scale of the training data, in the shape of X."""
        means, scales = self._require_fit()

        def standardize(columns: Floats) -> Floats:
            return (columns - means) / scales

        return self._map_columns(X, standardize)

    def inverse_transform(self, X: SamplesLike) -> Floats:
        """Return X in its original units: the inverse of `transform`, up to rounding."""
        means, scales = self._require_fit()

        def restore(columns: Floats) -> Floats:
            return columns * scales + means

        return self._map_columns(X, restore)

    def state_dict(self) -> dict[str, float]:
        """Return the measurements by name: means.0, means.1, …, scales.0, scales.1, …"""
        means, scales = self._require_fit()
        names = _state_names(len(means))
        numbers = [*means.tolist(), *scales.tolist()]
        return dict(zip(names, numbers, strict=True))

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Restore the measurements from `state_dict`.

        Raises:
            UnknownNameError: For other names.
            DataError: For a scale that is not above 0, and numbers that are not finite.

        Example:
            >>> scaler = StandardScaler()
            >>> scaler.load_state_dict({"means.0": 2.0, "scales.0": 4.0})
            >>> scaler.transform([6.0])
            array([1.])
        """
        width = len(state) // 2
        names = _state_names(width)
        if not state or set(names) != set(state):
            given = ", ".join(state) or "none"
            raise UnknownNameError(
                f"the state of a StandardScaler has the names means.0 … and scales.0 …, not {given}"
            )
        numbers = np.array([as_float(state[name], name) for name in names])
        means = numbers[:width]
        scales = numbers[width:]
        is_finite = np.isfinite(numbers).all()
        if not is_finite or (scales <= 0.0).any():
            raise DataError("the state of a StandardScaler must be finite, with scales above 0")
        self._means = means
        self._scales = scales

    def _require_fit(self) -> tuple[Floats, Floats]:
        if self._means is None or self._scales is None:
            raise CallError("a StandardScaler must be fitted first: StandardScaler().fit(X_train)")
        return self._means, self._scales

    def _map_columns(self, X: SamplesLike, rule: Callable[[Floats], Floats]) -> Floats:
        floats = as_floats(X, "X")
        columns = _as_columns(floats)
        means, _ = self._require_fit()
        width = len(means)
        if columns.shape[1] != width:
            raise LengthError(f"X must have {width} columns as in training, not {columns.shape[1]}")

        # NumPy's warning of an overflow would say less than the error below.
        with np.errstate(all="ignore"):
            result = rule(columns)
        too_large = ~np.isfinite(result)
        if too_large.any():
            _, column = np.argwhere(too_large)[0]
            raise DataError(f"X has a number too large to standardize, in column {column}")
        return result.reshape(floats.shape)


def _state_names(width: int) -> list[str]:
    means = [f"means.{i}" for i in range(width)]
    scales = [f"scales.{i}" for i in range(width)]
    return means + scales


def _as_columns(X: Floats) -> Floats:
    if X.ndim > 2 or X.shape[-1] == 0:
        raise LengthError(f"X must have the shape (n, features) or (n,), not {X.shape}")
    return X.reshape(len(X), -1)
