"""Features on one scale: mean 0 and deviation 1, as measured on the training data alone."""

from typing import Any

import numpy as np

from scalargrad.core.conversion import as_float
from scalargrad.errors import CallError, DataError, LengthError, UnknownNameError

from .checks import Floats, as_floats


class StandardScaler:
    """(x - mean) / deviation for each column, with the deviation of the population (divided by n).

    `fit` it on the training data, then `transform` training, validation and test data alike; `inverse_transform` undoes it. A column
    that is constant in training becomes 0 there, and keeps its unit elsewhere. X is (n, features), or (n,) for one feature.

    Raises DataError for text, nan and infinities, LengthError for another number of columns than in training, CallError
    where it is used before `fit`.

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
        return self._fitted()[0].copy()

    @property
    def scales(self) -> Floats:
        """The deviation of each column of the training data, 1 for a constant column, (features,)."""
        return self._fitted()[1].copy()

    def fit(self, X: Any) -> "StandardScaler":
        """Measures X, forgets what was measured before, and returns itself."""
        columns = _columns(as_floats(X, "X"))
        peaks = np.abs(columns).max(axis=0)
        peaks[peaks == 0.0] = 1.0
        parts = (
            columns / peaks
        )  # in [-1, 1]: no square overflows or vanishes, and a constant column is exactly ±1, with deviation 0
        scales = parts.std(axis=0) * peaks
        self._means, self._scales = parts.mean(axis=0) * peaks, np.where(scales == 0.0, 1.0, scales)
        return self

    def transform(self, X: Any) -> Floats:
        """X on the scale of the training data, in the shape of X."""
        means, scales = self._fitted()
        with np.errstate(all="ignore"):
            return self._checked(X, lambda columns: (columns - means) / scales)

    def inverse_transform(self, X: Any) -> Floats:
        """X back in its own units: `inverse_transform(transform(X))` is X but for rounding."""
        means, scales = self._fitted()
        with np.errstate(all="ignore"):
            return self._checked(X, lambda columns: columns * scales + means)

    def state_dict(self) -> dict[str, float]:
        """What was measured, by name: means.0, means.1, …, scales.0, scales.1, …"""
        named = zip(("means", "scales"), self._fitted(), strict=True)
        return {
            f"{name}.{i}": float(number)
            for name, numbers in named
            for i, number in enumerate(numbers)
        }

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Takes over what `state_dict` gave; raises UnknownNameError for other names, DataError for a scale not above 0.

        >>> scaler = StandardScaler()
        >>> scaler.load_state_dict({"means.0": 2.0, "scales.0": 4.0})
        >>> scaler.transform([6.0])
        array([1.])
        """
        width = len(state) // 2
        names = [f"{name}.{i}" for name in ("means", "scales") for i in range(width)]
        if not state or set(names) != set(state):
            raise UnknownNameError(
                f"the state of a StandardScaler has the names means.0 … and scales.0 …, not {', '.join(state) or 'none'}"
            )
        numbers = np.array([as_float(state[name], name) for name in names])
        if not np.isfinite(numbers).all() or (numbers[width:] <= 0.0).any():
            raise DataError("the state of a StandardScaler must be finite, with scales above 0")
        self._means, self._scales = numbers[:width], numbers[width:]

    def _fitted(self) -> tuple[Floats, Floats]:
        if self._means is None or self._scales is None:
            raise CallError("a StandardScaler must be fitted first: StandardScaler().fit(X_train)")
        return self._means, self._scales

    def _checked(self, X: Any, rule: Any) -> Floats:
        given = as_floats(X, "X")
        columns, width = _columns(given), len(self._fitted()[0])
        if columns.shape[1] != width:
            raise LengthError(f"X must have {width} columns as in training, not {columns.shape[1]}")
        result: Floats = rule(columns)
        if not np.isfinite(result).all():
            raise DataError(
                f"X has a number too large to standardize, in column {np.argwhere(~np.isfinite(result))[0][1]}"
            )
        return result.reshape(given.shape)


def _columns(X: Floats) -> Floats:
    if X.ndim > 2 or X.shape[-1] == 0:
        raise LengthError(f"X must have the shape (n, features) or (n,), not {X.shape}")
    return X.reshape(len(X), -1)
