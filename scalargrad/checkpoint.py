"""Checkpoints: named arrays of float64 and a little metadata in one file, written whole, loaded strictly, without pickle.

The file begins with eight bytes, `SCALARGD`; then come the length of the header (four bytes, little-endian), its checksum (CRC-32,
four bytes), the header itself (JSON, UTF-8), and after it the numbers, eight bytes each, little-endian, in the order of the header.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from os import PathLike
from pathlib import Path
from struct import Struct
from typing import Any
from zlib import crc32

import numpy

from .errors import CheckpointError
from .utils.calls import explain_calls
from .utils.files import as_path, write

_MAGIC, _VERSION = b"SCALARGD", 1
_START = Struct("<8sII")
_LARGEST_HEADER = 64 * 2**20
_KEYS = {"version", "arrays", "checksum", "metadata"}

Numbers = Any
"""A number, a list of numbers, or an array of them."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file held: arrays of float64 by name, in order, and metadata."""

    arrays: dict[str, numpy.ndarray[Any, numpy.dtype[numpy.float64]]]
    metadata: dict[str, Any]


@explain_calls
def save(
    path: str | PathLike[str],
    arrays: Mapping[str, Numbers],
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write named numbers to a file; whatever fails, an older file stays as it was.

    arrays    numbers or arrays of any shape, stored as float64: `model.state_dict()` fits
    metadata  what JSON can hold: text, numbers, lists, dictionaries

    Raises CheckpointError for names, numbers or metadata that can't be stored, PathError for an impossible path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = save(f"{folder}/a.checkpoint", {"weights.0": 0.5, "moments": [[1.0, 2.0]]}, {"epoch": 3})
    ...     loaded = load(saved)
    >>> loaded.arrays["weights.0"].item(), loaded.arrays["moments"].shape, loaded.metadata
    (0.5, (1, 2), {'epoch': 3})
    """
    stored = {_checked_name(name): _as_array(name, numbers) for name, numbers in arrays.items()}
    body = b"".join(array.astype("<f8").tobytes() for array in stored.values())
    header = {
        "version": _VERSION,
        "arrays": [[name, list(array.shape)] for name, array in stored.items()],
        "checksum": crc32(body),
        "metadata": dict(metadata or {}),
    }
    try:
        text = json.dumps(header, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"metadata must be what JSON can hold: {error}") from error
    return write(path, _START.pack(_MAGIC, len(text), crc32(text)) + text + body)


@explain_calls
def load(path: str | PathLike[str]) -> Checkpoint:
    """Read a checkpoint. Nothing in the file is executed, and nothing is guessed.

    Raises CheckpointError, with the reason, for a file that is not exactly what `save` writes; FileNotFoundError for a missing one.
    """
    raw = as_path(path).read_bytes()
    header, start = _header(raw)
    shapes = _shapes(header["arrays"])
    expected = 8 * sum(prod(shape) for shape in shapes.values())
    if len(raw) - start != expected:
        raise CheckpointError(
            f"the header announces {expected} bytes of numbers, but {len(raw) - start} follow: the file is cut or changed"
        )
    if crc32(raw[start:]) != header["checksum"]:
        raise CheckpointError(
            "the checksum of the numbers is wrong: the file was changed or damaged"
        )
    return Checkpoint(_arrays(raw, start, shapes), header["metadata"])


def _as_array(name: str, numbers: Numbers) -> numpy.ndarray[Any, numpy.dtype[numpy.float64]]:
    array = numpy.asarray(numbers)
    if array.dtype.kind not in "biuf":
        raise CheckpointError(f"{name!r} must be numbers, not {type(numbers).__name__}")
    return array.astype(numpy.float64)


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name.isprintable() or not name:
        raise CheckpointError(f"a name in a checkpoint must be printable text, not {name!r}")
    return name


def _header(raw: bytes) -> tuple[dict[str, Any], int]:
    """The header, checked as far as it can be without the numbers, and where these begin."""
    if len(raw) < _START.size or raw[:8] != _MAGIC:
        raise CheckpointError("this is no checkpoint: it does not begin with SCALARGD")
    _, length, checksum = _START.unpack_from(raw)
    start = _START.size + length
    if length > _LARGEST_HEADER or start > len(raw):
        raise CheckpointError(
            f"the header should have {length} bytes, but {len(raw) - _START.size} follow: the file is cut or changed"
        )
    text = raw[_START.size : start]
    if crc32(text) != checksum:
        raise CheckpointError(
            "the checksum of the header is wrong: the file was changed or damaged"
        )
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"the header can't be read: {error}") from error
    if (
        not isinstance(header, dict)
        or set(header) != _KEYS
        or not isinstance(header["metadata"], dict)
    ):
        raise CheckpointError(f"the header must have the entries {', '.join(sorted(_KEYS))}")
    if header["version"] != _VERSION:
        raise CheckpointError(
            f"the file has version {header['version']!r}; this program reads version {_VERSION}"
        )
    return header, start


def _shapes(entries: Any) -> dict[str, tuple[int, ...]]:
    """Name and shape of each array: names differ, sizes are whole numbers from 0 to 2⁴⁰ in all."""
    shapes: dict[str, tuple[int, ...]] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        if not (
            isinstance(entry, list)
            and len(entry) == 2
            and isinstance(entry[0], str)
            and isinstance(entry[1], list)
        ):
            raise CheckpointError(
                f"an array in the header must be [name, shape], not {entry!r:.80}"
            )
        name, shape = entry
        if name in shapes:
            raise CheckpointError(f"the name {name!r:.80} stands twice in the header")
        if (
            len(shape) > 32
            or not all(type(size) is int and 0 <= size < 2**40 for size in shape)
            or prod(shape) >= 2**40
        ):
            raise CheckpointError(f"the shape of {name!r:.80} is impossible: {shape!r:.80}")
        shapes[name] = tuple(shape)
    return shapes


def _arrays(
    raw: bytes, start: int, shapes: dict[str, tuple[int, ...]]
) -> dict[str, numpy.ndarray[Any, numpy.dtype[numpy.float64]]]:
    arrays = {}
    for name, shape in shapes.items():
        count = prod(shape)
        arrays[name] = (
            numpy.frombuffer(raw, "<f8", count, start).astype(numpy.float64).reshape(shape)
        )
        start += 8 * count
    return arrays
