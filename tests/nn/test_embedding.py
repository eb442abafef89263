"""Embedding: rows of a table, their gradients, and what is no index."""

from typing import Any

import numpy as np
import pytest

from scalargrad import Value
from scalargrad.errors import DataError, OptionError
from scalargrad.nn import Embedding, Flatten, Layer, Sequential, given


def test_rows_of_a_table() -> None:
    table = Embedding(3, 2, initializer=given([[1, 2], [3, 4], [5, 6]]))
    assert [p.data for p in table(2)] == [5.0, 6.0]
    for indices in ([2, 0, 2], (2, 0, 2), np.array([2, 0, 2]), np.array([2.0, 0.0, 2.0])):
        assert [[p.data for p in row] for row in table(indices)] == [
            [5.0, 6.0],
            [1.0, 2.0],
            [5.0, 6.0],
        ]
    assert table([]) == []
    assert list(table.state_dict()) == [f"vectors.{i}.{j}" for i in range(3) for j in range(2)]
    assert repr(table) == "Embedding(3 → 2)"


def test_a_row_that_was_used_twice_gets_both_gradients_and_the_others_none() -> None:
    table = Embedding(3, 2)
    rows = table([1, 0, 1])
    (rows[0][0] * 2 + rows[1][1] * 3 + rows[2][0] * 4).backward()
    assert [[p.grad for p in row] for row in table.vectors] == [[0.0, 3.0], [6.0, 0.0], [0.0, 0.0]]


def test_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = Embedding(4, 3, seed=1), torch.nn.Embedding(4, 3, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(
            torch.tensor([[p.data for p in row] for row in ours.vectors], dtype=torch.float64)
        )
    indices = [3, 1, 3]
    sum(x * (i + 1) for i, x in enumerate(Flatten()(ours(indices)))).backward()
    (theirs(torch.tensor(indices)).flatten() * torch.arange(1.0, 10.0)).sum().backward()
    assert [[p.grad for p in row] for row in ours.vectors] == theirs.weight.grad.tolist()


def test_in_a_network_seeded_and_reloaded() -> None:
    model = Sequential(Embedding(5, 2, seed=1), Flatten(), Layer(6, 1, None, seed=2))
    twin = Sequential(Embedding(5, 2, seed=3), Flatten(), Layer(6, 1, None, seed=4))
    assert model([1, 2, 3])[0].data != twin([1, 2, 3])[0].data
    twin.load_state_dict(model.state_dict())
    assert model([1, 2, 3])[0].data == twin([1, 2, 3])[0].data
    assert (
        Embedding(5, 2, seed=1).state_dict()
        == Embedding(5, 2, seed=1).state_dict()
        != Embedding(5, 2, seed=2).state_dict()
    )


def test_a_value_is_no_index() -> None:
    for x in (Value(1.0), [Value(1.0)]):
        with pytest.raises(DataError, match="which row is taken can't be differentiated"):
            Embedding(3, 2)(x)


@pytest.mark.parametrize("index", [1.5, "a", None, True, float("nan"), float("inf"), {}], ids=repr)
def test_what_is_no_index(index: Any) -> None:
    for x in (index, [0, index]):
        with pytest.raises(DataError, match=r"Embedding\(3 → 2\)"):
            Embedding(3, 2)(x)


@pytest.mark.parametrize("index", [-1, 3, 10**20], ids=repr)
def test_out_of_range(index: int) -> None:
    with pytest.raises(OptionError, match=f"indices 0 to 2, but was asked for {index}"):
        Embedding(3, 2)(index)


def test_sizes() -> None:
    with pytest.raises(OptionError, match="count of an Embedding"):
        Embedding(0, 2)
    with pytest.raises(OptionError, match="size of an Embedding"):
        Embedding(2, 0)


def test_a_frame_of_indices_is_read_by_rows() -> None:
    pandas = pytest.importorskip("pandas")
    letters = Embedding(5, 2)
    assert letters(pandas.DataFrame({"a": [0, 1], "b": [2, 3]})) == letters([[0, 2], [1, 3]])
