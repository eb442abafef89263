"""The history of a training run: a dict of columns that is kept whole in a checkpoint."""

import pytest

from scalargrad.errors import UnknownNameError
from scalargrad.training import History


def two_epochs() -> History:
    history = History()
    history.add({"loss": 0.5, "accuracy": 1})
    history.add({"loss": 0.25, "accuracy": 0})
    history.steps += [0.75, 0.5, 0.25]
    return history


def test_an_epoch_is_a_number_in_every_column() -> None:
    history = two_epochs()
    assert history == {"loss": [0.5, 0.25], "accuracy": [1.0, 0.0]}
    assert history.epochs == 2
    assert history.last() == {"loss": 0.25, "accuracy": 0.0}


def test_before_the_first_epoch_there_is_nothing() -> None:
    history = History()
    assert (history.epochs, history.last(), history.steps, history.stop_reason) == (0, {}, [], "")


def test_a_state_replaces_what_was_there() -> None:
    history = History()
    history.add({"validation_loss": 3.0})
    history.steps.append(7.0)
    history.load_state_dict(two_epochs().state_dict())
    assert history == two_epochs()
    assert history.steps == [0.75, 0.5, 0.25]


def test_a_state_is_a_copy() -> None:
    history = two_epochs()
    state = history.state_dict()
    history.add({"loss": 9.0, "accuracy": 9.0})
    history.steps.append(9.0)
    assert state == two_epochs().state_dict()


def test_a_history_prints_its_last_epoch_and_why_it_ended() -> None:
    history = two_epochs()
    assert repr(history) == "<History of 2 epochs: loss 0.25, accuracy 0>"
    history.stop_reason = "at a zero gradient"
    assert (
        repr(history) == "<History of 2 epochs: loss 0.25, accuracy 0; stopped: at a zero gradient>"
    )
    first = History()
    first.add({"loss": 0.5})
    assert repr(first) == "<History of 1 epoch: loss 0.5>"
    assert repr(History()) == "<History of 0 epochs: nothing yet>"


@pytest.mark.parametrize(
    ("history", "message"),
    [(two_epochs(), "did you mean 'loss'"), (History(), "no 'los', as no epoch has ended")],
)
def test_a_column_that_is_not_there(history: History, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        history["los"]


def test_the_last_epoch_is_the_last_of_many() -> None:
    history = History()
    for loss in (3.0, 2.0, 1.0):
        history.add({"loss": loss})
    assert history.last() == {"loss": 1.0}
