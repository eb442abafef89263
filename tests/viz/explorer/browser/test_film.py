"""The film at the top of the README can be made again."""

from pathlib import Path

import pytest

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("playwright")


def test_the_film_trains_and_opens_a_neuron(tmp_path: Path) -> None:
    from docs.film import record

    record(tmp_path / "film.webp", rounds=2)
    with Image.open(tmp_path / "film.webp") as film:
        # The start, two rounds, the neuron and the answer: no two pictures are the same.
        assert film.n_frames == 5
        assert film.size == (1100, 800)
