"""House prices: the table, least squares by the normal equations, errors, the ends of curves."""

import csv
from collections.abc import Callable

import numpy as np
import pytest

from demos import houses
from tests.demos.conftest import Told


@pytest.fixture(scope="module")
def both() -> tuple[houses.Tracts, houses.Rule, houses.Rule]:
    return houses.compare([houses.ROOMS, houses.SHARE], 8, "rooms and status")


def test_the_table_has_506_tracts_in_sensible_ranges() -> None:
    with houses.FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 506
    assert list(rows[0]) == ["rm", "lstat", "medv"]
    # published summaries of the set: means 6.285, 12.65 and 22.53
    assert np.mean([float(row["rm"]) for row in rows]) == pytest.approx(6.285, abs=5e-4)
    assert np.mean([float(row["lstat"]) for row in rows]) == pytest.approx(12.653, abs=5e-4)
    assert np.mean([float(row["medv"]) for row in rows]) == pytest.approx(22.533, abs=5e-4)


def test_rows_are_held_out_of_training_and_the_same_for_all_columns() -> None:
    one, two = houses.tracts_of([houses.ROOMS]), houses.tracts_of([houses.ROOMS, houses.SHARE])
    assert (one.held_out[:, 0] == two.held_out[:, 0]).all()
    assert len(two.train) + len(two.held_out) == 506
    assert (len(two.train), len(two.held_out)) == (405, 101)


def test_the_line_solves_the_normal_equations() -> None:
    tracts = houses.tracts_of([houses.ROOMS, houses.SHARE])
    A = np.column_stack([tracts.train, np.ones(len(tracts.train))])  # noqa: N806
    expected = np.linalg.solve(A.T @ A, A.T @ tracts.prices)
    for row in ([6.0, 10.0], [0.0, 0.0], [9.0, 1.0]):
        assert houses.straight(tracts)(row) == pytest.approx(expected @ [*row, 1.0], rel=1e-8)


def test_the_network_beats_the_plane_on_held_out_rows(
    both: tuple[houses.Tracts, houses.Rule, houses.Rule],
) -> None:
    tracts, plane, network = both
    misses = [
        network(row) - price
        for row, price in zip(tracts.held_out, tracts.held_out_prices, strict=True)
    ]
    measured = (sum(miss * miss for miss in misses) / len(misses)) ** 0.5
    assert houses.error(network, tracts) == pytest.approx(measured, rel=1e-12)
    again, errors = houses.learned(tracts, 8)
    assert errors[-1] == pytest.approx(measured, rel=1e-9)
    assert again([6.0, 10.0]) == network([6.0, 10.0])
    assert measured < houses.error(plane, tracts) - 0.3


def test_curves_end_where_the_tracts_end(
    both: tuple[houses.Tracts, houses.Rule, houses.Rule],
) -> None:
    train = both[0].train.tolist()
    for share in houses.SHARES:
        rooms = sorted(rm for rm, lstat in train if abs(lstat - share) < 3.0)
        low, high = houses.usual(both[0], share)
        assert rooms[0] <= low < rooms[len(rooms) // 2] < high <= rooms[-1]
        assert sum(low <= rm <= high for rm in rooms) >= 0.96 * len(rooms) - 2


def test_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("houses")
    printed, numbers = ran.printed, dict(ran.story.numbers)
    line, network = (numbers[f"{who}, rooms and status"] for who in ("straight line", "network"))
    assert f"the straight line is off by {line}, the network by {network}" in printed
    assert float(network) < float(line)
    assert {picture.file for picture in ran.story.pictures} == set(ran.files)
