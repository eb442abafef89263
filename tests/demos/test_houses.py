"""House prices: the table, least squares by the normal equations, the errors, and the worth of a room by central differences."""

import csv
from pathlib import Path

import numpy as np
import pytest

from demos import houses


@pytest.fixture(scope="module")
def both() -> tuple[houses.Tracts, houses.Line, houses.Network]:
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
    one, two = houses.Tracts.of([houses.ROOMS]), houses.Tracts.of([houses.ROOMS, houses.SHARE])
    assert (one.held_out[:, 0] == two.held_out[:, 0]).all()
    assert len(two.train) + len(two.held_out) == 506
    assert (len(two.train), len(two.held_out)) == (405, 101)


def test_the_line_solves_the_normal_equations() -> None:
    tracts = houses.Tracts.of([houses.ROOMS, houses.SHARE])
    A = np.column_stack([tracts.train, np.ones(len(tracts.train))])  # noqa: N806
    expected = np.linalg.solve(A.T @ A, A.T @ tracts.prices)
    assert houses.Line(tracts).slopes == pytest.approx(expected, rel=1e-8)
    assert houses.Line(tracts)([6.0, 10.0]) == pytest.approx(expected @ [6.0, 10.0, 1.0], rel=1e-8)


def test_the_network_beats_the_plane_on_held_out_rows(both: tuple[houses.Tracts, houses.Line, houses.Network]) -> None:
    tracts, plane, network = both
    misses = [network(row) - price for row, price in zip(tracts.held_out, tracts.held_out_prices, strict=True)]
    measured = (sum(miss * miss for miss in misses) / len(misses)) ** 0.5
    assert houses.error(network, tracts) == pytest.approx(measured, rel=1e-12)
    assert network.errors[-1] == pytest.approx(measured, rel=1e-9)
    assert measured < houses.error(plane, tracts) - 0.3


def test_the_worth_of_a_room_by_central_differences(both: tuple[houses.Tracts, houses.Line, houses.Network]) -> None:
    network, h = both[2], 1e-5
    price, (per_room, per_share) = houses.explain(network, [6.5, 12.0])
    assert price.data == pytest.approx(network([6.5, 12.0]), rel=1e-12)
    assert per_room == pytest.approx((network([6.5 + h, 12.0]) - network([6.5 - h, 12.0])) / (2 * h), rel=1e-5)
    assert per_share == pytest.approx((network([6.5, 12.0 + h]) - network([6.5, 12.0 - h])) / (2 * h), rel=1e-5)


def test_curves_end_where_the_tracts_end(both: tuple[houses.Tracts, houses.Line, houses.Network]) -> None:
    train = both[0].train.tolist()
    for share in houses.SHARES:
        rooms = sorted(rm for rm, lstat in train if abs(lstat - share) < 3.0)
        low, high = houses.usual(both[0], share)
        assert rooms[0] <= low < rooms[len(rooms) // 2] < high <= rooms[-1]
        assert sum(low <= rm <= high for rm in rooms) >= 0.96 * len(rooms) - 2


def test_the_story_says_what_was_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = houses.run(tmp_path, quick=True)
    printed, numbers = capsys.readouterr().out, dict(story.numbers)
    line, network = (numbers[f"{who}, rooms and status"] for who in ("straight line", "network"))
    assert f"the straight line is off by {line}, the network by {network}" in printed
    assert float(network) < float(line)
    assert {picture.file for picture in story.pictures} == {path.name for path in tmp_path.iterdir()}
