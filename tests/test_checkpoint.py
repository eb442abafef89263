"""Checkpoints come back to the bit, and nothing but a checkpoint is taken for one."""

import json
import math
import struct
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import checkpoint
from scalargrad.checkpoint import load, save
from scalargrad.errors import CheckpointError
from scalargrad.nn import MLP

ARRAYS = {
    "weights.0": 0.1,
    "moments": [[1.0, -0.0], [math.inf, 5e-324]],
    "none": numpy.zeros((0, 3)),
    "steps": 7,
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(
        tmp_path / "a.checkpoint",
        ARRAYS,
        {"epoch": 3, "text": "héllo", "nested": {"list": [1, None, True]}},
    )


def file_of(header: Any, body: bytes = b"", **changes: Any) -> bytes:
    """A file with a header of our own, its checksums right."""
    if isinstance(header, dict):
        header = {"version": 1, "arrays": [], "checksum": crc32(body), "metadata": {}, **header}
    text = changes.get("text") or json.dumps(header).encode()
    return struct.pack("<8sII", b"SCALARGD", len(text), crc32(text)) + text + body


def test_everything_comes_back_to_the_bit(saved: Path) -> None:
    loaded = load(saved)
    assert list(loaded.arrays) == list(ARRAYS)
    for name, numbers in ARRAYS.items():
        expected = numpy.asarray(numbers, dtype=numpy.float64)
        assert loaded.arrays[name].shape == expected.shape
        assert loaded.arrays[name].tobytes() == expected.tobytes()
        assert loaded.arrays[name].flags.writeable
    assert loaded.metadata == {"epoch": 3, "text": "héllo", "nested": {"list": [1, None, True]}}


def test_the_format_is_what_the_documentation_says(saved: Path) -> None:
    raw = saved.read_bytes()
    magic, length, checksum = struct.unpack_from("<8sII", raw)
    header = raw[16 : 16 + length]
    assert (magic, checksum) == (b"SCALARGD", crc32(header))
    assert json.loads(header)["arrays"] == [
        ["weights.0", []],
        ["moments", [2, 2]],
        ["none", [0, 3]],
        ["steps", []],
    ]
    assert struct.unpack("<6d", raw[16 + length :]) == (0.1, 1.0, -0.0, math.inf, 5e-324, 7.0)


def test_a_network_is_restored(tmp_path: Path) -> None:
    model, other = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=2)
    path = save(tmp_path / "model", model.state_dict())
    other.load_state_dict({name: array.item() for name, array in load(path).arrays.items()})
    assert other.state_dict() == model.state_dict()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.text(min_size=1).filter(str.isprintable),
        st.lists(st.floats(width=64), max_size=5),
        max_size=4,
    )
)
def test_any_names_and_numbers(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, list[float]]
) -> None:
    loaded = load(save(tmp_path_factory.mktemp("any") / "file", arrays))
    assert {name: array.tobytes() for name, array in loaded.arrays.items()} == {
        name: numpy.array(numbers, dtype=numpy.float64).tobytes()
        for name, numbers in arrays.items()
    }


def test_a_file_cut_anywhere_is_refused(saved: Path) -> None:
    raw = saved.read_bytes()
    for length in range(len(raw)):
        saved.write_bytes(raw[:length])
        with pytest.raises(CheckpointError, match=r"no checkpoint|cut or changed"):
            load(saved)
    saved.write_bytes(raw + b"\0")
    with pytest.raises(CheckpointError, match="cut or changed"):
        load(saved)


def test_a_bit_changed_anywhere_is_refused(saved: Path) -> None:
    raw = saved.read_bytes()
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << (place % 8)
        saved.write_bytes(changed)
        with pytest.raises(CheckpointError):
            load(saved)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no checkpoint"),
        (b"PK\x03\x04" + b"\0" * 40, "no checkpoint"),
        (struct.pack("<8sII", b"SCALARGD", 2**32 - 1, 0), "cut or changed"),
        (file_of([]), "must have the entries"),
        (file_of(None), "must have the entries"),
        (file_of({"extra": 1}), "must have the entries"),
        (file_of({"metadata": []}), "must have the entries"),
        (file_of({"version": 2}), "has version 2"),
        (file_of({"version": "__import__('os')"}), "has version"),
        (file_of({}, text=b"{"), "can't be read"),
        (file_of({}, text=b"\xff\xfe\xff"), "can't be read"),
        (file_of({}, text=b"[" * 100_000), "can't be read"),
        (file_of({"arrays": 3}), r"must be \[name, shape\], not 3"),
        (file_of({"arrays": "abc"}), r"must be \[name, shape\]"),
        (file_of({"arrays": [["a"]]}), r"must be \[name, shape\]"),
        (file_of({"arrays": [[1, []]]}), r"must be \[name, shape\]"),
        (file_of({"arrays": [["a", []], ["a", []]]}, b"\0" * 16), "stands twice"),
        (file_of({"arrays": [["a", [-1]]]}), "impossible"),
        (file_of({"arrays": [["a", [1.0]]]}, b"\0" * 8), "impossible"),
        (file_of({"arrays": [["a", [True]]]}, b"\0" * 8), "impossible"),
        (file_of({"arrays": [["a", [2**60]]]}), "impossible"),
        (file_of({"arrays": [["a", [2**30, 2**30]]]}), "impossible"),
        (file_of({"arrays": [["a", [2**20, 2**20]]]}), "impossible"),
        (file_of({"arrays": [["a", [0, 2**40]]]}), "impossible"),
        (file_of({"arrays": [["a", [0] * 33]]}), "impossible"),
        (file_of({"arrays": [["a", [0] * 40]]}), "impossible"),
        (file_of({"arrays": [["a", [10**9]]]}), "announces 8000000000 bytes"),
        (file_of({"arrays": [["a", []]], "checksum": 1}, b"\0" * 8), "checksum of the numbers"),
        (file_of({"arrays": [["a", []]], "checksum": None}, b"\0" * 8), "checksum of the numbers"),
    ],
)
def test_hostile_files_are_refused_with_the_reason(tmp_path: Path, raw: bytes, reason: str) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=reason):
        load(path)


@pytest.mark.parametrize(
    ("arrays", "metadata", "reason"),
    [
        ({"a": "text"}, {}, "'a' must be numbers"),
        ({"a": None}, {}, "'a' must be numbers"),
        ({"a": 1j}, {}, "'a' must be numbers"),
        ({"": 1.0}, {}, "printable text"),
        ({"a\n": 1.0}, {}, "printable text"),
        ({3: 1.0}, {}, "printable text"),
        ({"a": 1.0}, {"f": print}, "JSON"),
        ({"a": 1.0}, {"x": math.nan}, "JSON"),
    ],
)
def test_what_can_not_be_stored_leaves_the_old_file(
    saved: Path, arrays: Any, metadata: Any, reason: str
) -> None:
    before = saved.read_bytes()
    with pytest.raises(CheckpointError, match=reason):
        save(saved, arrays, metadata)
    assert saved.read_bytes() == before


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")


@pytest.mark.parametrize("shape", [[1] * 32, [2**20, 2**20 - 1], [0, 2**40 - 1]], ids=str)
def test_the_largest_shapes_are_possible(shape: list[int]) -> None:
    assert checkpoint._shapes([["a", shape]]) == {"a": tuple(shape)}


def test_a_checkpoint_may_hold_metadata_alone(tmp_path: Path) -> None:
    loaded = load(save(tmp_path / "a", {}, {"epoch": 3}))
    assert (loaded.arrays, loaded.metadata) == ({}, {"epoch": 3})


def test_a_header_may_be_as_long_as_the_bound_and_no_longer(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, length, _ = checkpoint._START.unpack_from(saved.read_bytes())
    monkeypatch.setattr(checkpoint, "_LARGEST_HEADER", length)
    load(saved)
    monkeypatch.setattr(checkpoint, "_LARGEST_HEADER", length - 1)
    with pytest.raises(CheckpointError, match=f"the header should have {length} bytes"):
        load(saved)


def test_a_file_that_ends_before_its_header_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(checkpoint._START.pack(checkpoint._MAGIC, 0, 0))
    with pytest.raises(CheckpointError, match="the header can't be read"):
        load(tmp_path / "a")
