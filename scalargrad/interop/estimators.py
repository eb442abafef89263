"""Estimators for scikit-learn: multilayer perceptrons in its pipelines, searches and scores."""

from collections.abc import Sequence
from typing import Any, Self

import numpy
from numpy.typing import NDArray

from scalargrad.core import ops
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.nn import MLP
from scalargrad.optim import OPTIMIZERS, penalties
from scalargrad.training import EarlyStopping, fit

from .extras import require

require("sklearn", "scikit-learn", '"scalargrad-viz[sklearn]"')
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin  # noqa: E402
from sklearn.utils import check_random_state  # noqa: E402
from sklearn.utils.multiclass import check_classification_targets  # noqa: E402
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data  # noqa: E402

Array = NDArray[Any]

_LOGISTIC = "logistic"
"""The activation that has another name in scikit-learn."""

_MAX_AUTO_BATCH = 200


class _Perceptron(BaseEstimator):  # type: ignore[misc]
    """What the two estimators share: the parameters, and the training.

    Only `fit` checks the parameters, as scikit-learn asks for.
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (32,),
        activation: str = ops.RELU.name,
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.01,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose

    def _train(self, X: Array, targets: Array, outputs: int, loss: Any) -> None:
        """Make the network and train it."""
        generator = check_random_state(self.random_state)
        # One seed for weights and order: the same random_state repeats the whole training.
        seed = int(generator.randint(2**31 - 1))
        hidden = numpy.atleast_1d(self.hidden_layer_sizes).tolist()
        activation: Any = self.activation
        if activation == _LOGISTIC:
            activation = ops.SIGMOID.name
        self.model_ = MLP(X.shape[1], [*hidden, outputs], activation=activation, seed=seed)

        size = _MAX_AUTO_BATCH
        if self.batch_size != "auto":
            size = checked_int(self.batch_size, "batch_size", 1)
        size = min(size, len(X))
        stop = EarlyStopping(self.n_iter_no_change, monitor="loss", min_delta=self.tol)
        self.history_ = fit(
            self.model_,
            X,
            targets,
            loss=loss,
            optimizer=self._make_optimizer(),
            epochs=checked_int(self.max_iter, "max_iter", 1),
            batch_size=size,
            penalty=self._make_penalty(size),
            callbacks=[stop],
            shuffle=self.shuffle,
            seed=seed,
            progress=bool(self.verbose),
        )
        self.loss_curve_ = list(self.history_["loss"])
        self.n_iter_ = len(self.loss_curve_)
        self.loss_ = self.loss_curve_[-1]

    def _make_optimizer(self) -> Any:
        if self.solver not in list(OPTIMIZERS):
            names = ", ".join(map(repr, OPTIMIZERS))
            raise ValueError(f"solver must be one of {names}, not {self.solver!r}")
        rule: Any = OPTIMIZERS[self.solver]
        return rule(self.model_.parameters(), self.learning_rate_init)

    def _make_penalty(self, batch: int) -> Any:
        """Return alpha/2 · Σw² over the weights, for each sample of a batch, as scikit-learn."""
        alpha = as_float(self.alpha, "alpha")
        if not alpha:
            return None
        strength = 0.5 * alpha / batch
        weights = [
            weight
            for layer in self.model_.layers
            for neuron in layer.neurons
            for weight in neuron.weights
        ]
        return lambda _: penalties.l2(weights, strength)

    def _answer(self, X: Any) -> Array:
        """Return the outputs of the network."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, reset=False)
        return self.model_.predict(X)


class MLPClassifier(ClassifierMixin, _Perceptron):  # type: ignore[misc]
    """A multilayer perceptron for classification, as an estimator of scikit-learn.

    A thin layer over `fit`: the network has an output for each class, and its loss is the
    cross-entropy.

    Args:
        hidden_layer_sizes: The number of neurons of each hidden layer.
        activation: The activation of hidden layers: "relu", "tanh", "logistic", "identity", or
            another name of an operation of one operand.
        solver: The optimizer: "adam", "sgd", "adamw", "rmsprop" or "adagrad".
        alpha: The strength of the L2 penalty on weights.
        batch_size: Samples in a step; "auto" for 200, or all if there are fewer.
        learning_rate_init: The learning rate.
        max_iter: The largest number of epochs.
        shuffle: Whether to shuffle the samples in each epoch.
        random_state: A seed, a generator, or None.
        tol: The smallest decrease of the loss that counts.
        n_iter_no_change: The number of epochs without such a decrease to stop after.
        verbose: Whether to show a progress bar.

    Attributes:
        model_: The network, an `nn.MLP`, to draw, explain or diagnose.
        classes_: The classes, sorted.
        history_: The history of the training.
        loss_curve_: The loss of each epoch.
        n_iter_: The number of epochs.

    Example:
        >>> import numpy
        >>> X = numpy.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 5)
        >>> y = numpy.array(["no", "yes", "yes", "no"] * 5)
        >>> MLPClassifier((8,), "tanh", random_state=0).fit(X, y).score(X, y)
        1.0
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on samples and their classes."""
        X, y = validate_data(self, X, y, dtype=float)
        check_classification_targets(y)
        self.classes_, indices = numpy.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"the classifier needs two classes or more, and y has {count} class")
        self._train(X, indices.ravel(), count, "cross_entropy")
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, in the order of `classes_`."""
        scores = self._answer(X)
        powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: Any) -> Array:
        """Return the class of the largest output for each sample."""
        largest = self._answer(X).argmax(axis=1)
        answers: Array = self.classes_[largest]
        return answers


class MLPRegressor(RegressorMixin, _Perceptron):  # type: ignore[misc]
    """A multilayer perceptron that predicts a number, as an estimator of scikit-learn.

    Parameters and attributes are those of `MLPClassifier`, without classes. The loss is half the
    squared error. Samples and targets should be standardized.

    Example:
        >>> import numpy
        >>> X = numpy.linspace(-1.0, 1.0, 20)[:, None]
        >>> y = X[:, 0] ** 2
        >>> MLPRegressor((8,), random_state=0).fit(X, y).score(X, y) > 0.9
        True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on samples and their numbers."""
        X, y = validate_data(self, X, y, dtype=float, y_numeric=True, multi_output=True)
        y = column_or_1d(y, dtype=float, warn=True)
        self._train(X, y, 1, "half_squared_error")
        return self

    def predict(self, X: Any) -> Array:
        """Return the number of each sample."""
        return self._answer(X)
