"""The estimators: all that scikit-learn asks of one, and the numbers of the network inside."""

from typing import Any

import numpy
import pytest

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils import check_random_state  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from scalargrad import nn  # noqa: E402
from scalargrad.interop import MLPClassifier, MLPRegressor  # noqa: E402

SMALL: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 40, "learning_rate_init": 0.05}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([MLPClassifier(**SMALL), MLPRegressor(**SMALL)])
def test_scikit_learn_accepts_it(estimator: Any, check: Any) -> None:
    check(estimator)


RNG = numpy.random.default_rng(0)
X = RNG.normal(size=(120, 2))
QUADRANTS = numpy.where(X[:, 0] * X[:, 1] > 0.0, "same", "other")


def test_probabilities_are_the_softmax_of_the_network_inside() -> None:
    model = MLPClassifier(**SMALL, random_state=0).fit(X, QUADRANTS)
    outputs = numpy.exp([[value.data for value in model.model_(list(row))] for row in X])
    expected = outputs / outputs.sum(axis=1, keepdims=True)
    numpy.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert (model.predict(X) == model.classes_[expected.argmax(axis=1)]).all()


def test_it_is_searched_in_a_pipeline() -> None:
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SMALL, random_state=0))
    grid = {"mlpclassifier__activation": ["tanh", "identity"]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(5.0 * X, QUADRANTS)
    assert search.best_params_ == {"mlpclassifier__activation": "tanh"}
    assert search.best_score_ > 0.7


def test_the_penalty_is_that_of_scikit_learn() -> None:
    big = MLPRegressor(**SMALL, alpha=100.0, random_state=0).fit(X, X[:, 0])
    small = MLPRegressor(**SMALL, alpha=0.0, random_state=0).fit(X, X[:, 0])
    seed = int(check_random_state(0).randint(2**31 - 1))
    start = nn.MLP(2, [6, 1], activation="relu", seed=seed)
    weights = [p.data for name, p in start.named_parameters() if "weights" in name]
    penalty = 0.5 * 100.0 * numpy.square(weights).sum() / len(X)
    assert big.history_["penalty"][0] == pytest.approx(penalty, rel=1e-12)
    assert "penalty" not in small.history_


def test_the_same_seed_trains_the_same_network() -> None:
    first = MLPRegressor(**SMALL, random_state=3).fit(X, X[:, 0])
    second = clone(first).fit(X, X[:, 0])
    assert numpy.array_equal(first.predict(X), second.predict(X))
    assert first.n_iter_ == len(first.loss_curve_) <= 40


def test_a_batch_is_at_most_all_samples() -> None:
    large = MLPRegressor(**SMALL, alpha=10.0, batch_size=1000, random_state=0).fit(X, X[:, 0])
    whole = MLPRegressor(**SMALL, alpha=10.0, batch_size=len(X), random_state=0).fit(X, X[:, 0])
    assert large.history_["penalty"] == whole.history_["penalty"]


def test_processes_search_at_once_what_one_finds() -> None:
    grid = {"alpha": [0.0, 1.0]}
    searches = []
    for jobs in (1, 2):
        estimator = MLPClassifier(**SMALL, random_state=0)
        searches.append(GridSearchCV(estimator, grid, cv=2, n_jobs=jobs).fit(X, QUADRANTS))
    alone, together = [search.cv_results_["mean_test_score"] for search in searches]
    assert numpy.array_equal(alone, together)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "half a neuron": ({"hidden_layer_sizes": (2.5,)}, "whole number of at least 1, not 2.5"),
    "no sizes": ({"hidden_layer_sizes": None}, "whole number of at least 1, not None"),
    "half a sample": ({"batch_size": 2.5}, "batch_size must be a whole number"),
    "no sample": ({"batch_size": 0}, "batch_size must be a whole number"),
    "no epoch": ({"max_iter": 0}, "max_iter must be a whole number"),
    "text": ({"alpha": "a"}, "alpha must be a real number"),
    "a list": ({"solver": ["adam"]}, "solver must be one of"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=list(WRONG))
def test_parameters_that_can_not_be_are_refused(options: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        MLPClassifier(**{**SMALL, **options}).fit(X, QUADRANTS)


def test_what_can_not_be_trained_is_refused() -> None:
    with pytest.raises(ValueError, match="solver must be one of 'sgd'"):
        MLPRegressor(solver="lbfgs").fit(X, X[:, 0])
    with pytest.raises(ValueError, match="two classes or more, and y has 1 class"):
        MLPClassifier().fit(X, numpy.zeros(len(X)))
