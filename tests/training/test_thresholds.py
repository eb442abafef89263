"""Borders: what separates the two sides of a score is found from the loss, or from all targets."""

from functools import partial
from typing import Any

import pytest

from scalargrad import losses
from scalargrad.errors import OptionError
from scalargrad.training.thresholds import as_pair, class_index, find_border

ROW = [0.1, 0.2, 0.7]
LABELS_OF_LOSSES = [
    (losses.hinge, (0.0, 0.0)),
    (losses.binary_cross_entropy, (0.5, 0.5)),
    (losses.binary_cross_entropy_with_logits, (0.0, 0.5)),
]


def found(targets: Any, prediction: Any = 0.3, loss: Any = losses.mse, default: Any = None) -> Any:
    return find_border("accuracy", targets, loss, prediction, default)


@pytest.mark.parametrize(
    ("border", "pair"),
    [(0.5, (0.5, 0.5)), (0.25, (0.25, 0.25)), (0.0, (0.0, 0.5)), ((0.0, 0.0), (0.0, 0.0))],
)
def test_a_border_of_0_is_one_of_scores_before_the_sigmoid(border: Any, pair: Any) -> None:
    assert as_pair(border) == pair


@pytest.mark.parametrize(("loss", "pair"), LABELS_OF_LOSSES)
@pytest.mark.parametrize("prediction", [0.3, [0.3], [[0.3]], [[0.1, 0.2], [0.3, 0.4]]])
def test_a_loss_of_two_sides_knows_its_border(loss: Any, pair: Any, prediction: Any) -> None:
    targets = [[[0.0, 1.0], [1.0, 1.0]]]
    assert found(targets, prediction, loss) == pair
    assert found(targets, prediction, partial(loss, reduction="sum")) == pair


@pytest.mark.parametrize(
    ("targets", "pair"),
    [
        ([-1, 1, 1], (0.0, 0.0)),
        ([0, 1], (0.5, 0.5)),
        ([3, 1, 3], (2.0, 2.0)),
        ([[0.0], [3.0]], (1.5, 1.5)),
        ([-1, -1], (0.0, 0.0)),
        ([0, 0], (0.5, 0.5)),
    ],
)
def test_the_border_of_one_output_is_in_the_middle_of_two_targets(targets: Any, pair: Any) -> None:
    assert found(targets) == pair


def test_a_default_serves_where_every_target_is_1() -> None:
    assert found([1, 1], default=(0.25, 0.25)) == (0.25, 0.25)
    assert found([-1, -1], default=(0.25, 0.25)) == (0.0, 0.0)
    with pytest.raises(OptionError, match=r"every target is 0\.3"):
        found([0.3], default=(0.25, 0.25))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([1.0, 1.0], "needs two classes, and every target is 1"),
        ([2.0], "needs two classes, and every target is 2"),
        ([0, 1, 2], "y has 3 different numbers"),
    ],
)
def test_targets_of_one_output_that_leave_the_border_open(targets: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        found(targets)


def test_of_several_scores_the_largest_counts_where_targets_are_classes() -> None:
    assert found([0, 2], ROW) is None
    assert found([0, 2, -100], ROW, losses.cross_entropy) is None
    assert found([[0.2, 0.3, 0.5]], ROW, losses.cross_entropy) is None
    assert found([[2, -100]], [ROW, ROW], losses.cross_entropy) is None


@pytest.mark.parametrize("target", [3, -1, 0.5, "one"])
def test_a_class_index_is_a_whole_number_below_the_number_of_scores(target: Any) -> None:
    with pytest.raises(OptionError, match="accuracy of 3 outputs needs a class index from 0 to 2"):
        found([0, target], ROW)


ROWS = {
    "one class each": ([[1, 0, 0], [0, 0, 1]], None),
    "one class each, as signs": ([[1, -1, -1], [-1, 1, -1]], None),
    "shares": ([[0.25, 0.25, 0.5]], None),
    "one class for each step": ([[[1, 0, 0], [0, 1, 0]]], None),
    "labels": ([[1, 0, 1], [0, 0, 1]], (0.5, 0.5)),
    "labels, all off": ([[0, 0, 0]], (0.5, 0.5)),
    "labels, all on": ([[1, 1, 1]], (0.5, 0.5)),
    "labels as signs": ([[1, -1, 1], [-1, -1, 1]], (0.0, 0.0)),
    "labels as signs, all off": ([[-1, -1, -1]], (0.0, 0.0)),
    "labels of each step": ([[[1, 0, 0], [0, 1, 1]]], (0.5, 0.5)),
}


@pytest.mark.parametrize(("targets", "pair"), ROWS.values(), ids=ROWS)
def test_rows_are_classes_or_labels(targets: Any, pair: Any) -> None:
    assert found(targets, ROW) == pair


def test_rows_of_other_numbers_are_neither() -> None:
    for row in ([0, 1, 2], [-1, 0, 1], [0.2, 0.2, 0.2]):
        with pytest.raises(OptionError, match="needs classes or labels"):
            found([row], ROW)


@pytest.mark.parametrize(
    ("shares", "index"),
    [
        ([0, 1, 0], 1),
        ([0.5, 0.25, 0.25], 0),
        ([0.2, 0.3, 0.50005], 2),
        ([-1, -1, 1], 2),
        ((1, -1), 0),
    ],
)
def test_the_class_of_shares_is_the_largest(shares: Any, index: int) -> None:
    assert class_index(shares) == index


@pytest.mark.parametrize(
    "shares", [[1, 1], [0, 0], [0.2, 0.3, 0.5002], [-1, -1], [-1, 1, 1], [-0.5, 1, 0.5], [-1, 2]]
)
def test_shares_of_no_one_class_are_several_labels(shares: Any) -> None:
    with pytest.raises(OptionError, match="means several labels at once"):
        class_index(shares)
