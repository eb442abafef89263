"""Checkpoints: named arrays and a little metadata in one safetensors file.

The format is that of https://github.com/huggingface/safetensors: a header in JSON, then the
numbers. Nothing in a file is ever executed, and PyTorch, JAX and others read and write the same
files. Everything else is JSON in a single entry of the file's metadata, "scalargrad", with sorted
keys, so that equal contents give identical files. That entry holds a checksum, too, which the
format lacks: a file written here whose numbers, names or metadata have changed since is rejected.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as to_safetensors

from .core.exchange import warn_of_programs
from .errors import CheckpointError
from .nn import Module
from .nn.tensors import Leaf, tensors
from .utils.calls import explain_calls
from .utils.files import as_path, write
from .utils.spelling import suggestion

__all__ = ["Checkpoint", "load", "load_model", "save", "save_model"]

Array = NDArray[numpy.float64]

_ENTRY = "scalargrad"
_VERSION = 1
_KEYS = {"checksum", "metadata", "version"}
_RESERVED = "__metadata__"
"""The name of the metadata among those of the arrays, in the header of a file."""

_DTYPES = {
    "BOOL": "?",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "I8": "<i1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "U8": "<u1",
}
"""The types of numbers that a file may hold, as NumPy spells them. All are read as float64."""

_TRAINING_PREFIXES = ("optimizer.", "history.", "callbacks.", "generators.")
"""Prefixes of the names of arrays that belong to a training run, not to its model."""

_PYTORCH_COUNTERS = ("num_batches_tracked",)
"""Last names of arrays that layers of PyTorch have, and those here do not need."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file held.

    Attributes:
        arrays: Arrays of float64 by name.
        metadata: What was given to `save`; for a file that another program wrote, its entries.
    """

    arrays: dict[str, Array]
    metadata: dict[str, Any]


@explain_calls
def save(
    path: str | PathLike[str],
    arrays: Mapping[str, ArrayLike],
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write named numbers to a file. If anything fails, an older file stays intact.

    Args:
        path: The file.
        arrays: Numbers or arrays of any shape by name, stored as float64. `model.state_dict()`
            fits.
        metadata: What JSON can hold: text, numbers, lists, dictionaries.

    Returns:
        The path.

    Raises:
        CheckpointError: For names, numbers or metadata that can't be stored.
        PathError: For an invalid path.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     arrays = {"bias": 0.5, "moments": [[1.0, 2.0]]}
        ...     saved = save(f"{folder}/a.safetensors", arrays, {"epoch": 3})
        ...     loaded = load(saved)
        >>> loaded.arrays["bias"].item(), loaded.arrays["moments"].shape, loaded.metadata
        (0.5, (1, 2), {'epoch': 3})
    """
    stored_arrays = {
        _check_name(name): _as_array(name, numbers) for name, numbers in arrays.items()
    }
    # To JSON and back, because the checksum is compared with what is read: JSON makes text of keys
    # that are numbers, and "10" sorts before "9".
    stored_metadata = json.loads(_as_json(dict(metadata or {})))
    entry = {
        "checksum": _checksum(stored_arrays, _as_json(stored_metadata)),
        "metadata": stored_metadata,
        "version": _VERSION,
    }
    return write(path, to_safetensors(stored_arrays, {_ENTRY: _as_json(entry)}))


@explain_calls
def load(path: str | PathLike[str]) -> Checkpoint:
    """Read a file that `save` or another program wrote in the safetensors format.

    Args:
        path: The file.

    Returns:
        Its arrays, as float64, and its metadata.

    Raises:
        CheckpointError: For a file that is not in the format, or was changed since `save` wrote it.
        FileNotFoundError: If there is no such file.
    """
    raw = as_path(path).read_bytes()
    try:
        entries = deserialize(raw)  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, OverflowError, MemoryError) as error:
        reason = "the file is truncated or damaged, or not in the safetensors format"
        raise CheckpointError(f"{path} is not a checkpoint: {reason} ({error})") from error
    arrays = {name: _from_entry(name, entry) for name, entry in sorted(entries, key=itemgetter(0))}
    metadata = _read_metadata(raw)
    if _ENTRY not in metadata:
        _refuse_renamed_entry(metadata, path)
        return Checkpoint(arrays, metadata)
    return Checkpoint(arrays, _verify_entry(metadata[_ENTRY], arrays, path))


@explain_calls
def save_model(model: Module, path: str | PathLike[str]) -> Path:
    """Write the parameters and buffers of a network as PyTorch names and shapes them.

    A Layer is `weight` (outputs, inputs) and `bias` (outputs), and so on; numbers that belong to no
    such layer are arrays without dimensions. `safetensors.torch.load_file` reads the file, and its
    arrays fit `torch.nn` modules of the same names.

    Args:
        model: A network.
        path: The file.

    Returns:
        The path.

    Raises:
        CheckpointError: If two arrays would have the same name.
        PathError: For an invalid path.

    Example:
        >>> import tempfile
        >>> from scalargrad.nn import MLP
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     saved = save_model(MLP(2, [3, 1]), f"{folder}/a.safetensors")
        ...     sorted(load(saved).arrays)
        ['layers.0.bias', 'layers.0.weight', 'layers.1.bias', 'layers.1.weight']
    """
    return save(path, model_arrays(model))


@explain_calls
def load_model(model: Module, path: str | PathLike[str]) -> None:
    """Set the parameters and buffers of a network from a file.

    The file may come from `save_model`, from `SaveCheckpoint`, whose other arrays are left alone,
    or from a `torch.nn` module of the same names and shapes.

    Args:
        model: A network.
        path: The file.

    Raises:
        CheckpointError: For a file with other names or shapes; then nothing has changed.
        FileNotFoundError: If there is no such file.
    """
    write_leaves(match_model_arrays(model, load(path).arrays, str(path)))


def model_arrays(model: Module) -> dict[str, Array]:
    """Return the numbers of a network as arrays by name.

    Raises:
        CheckpointError: If two of them have one name.

    Example:
        >>> from scalargrad.nn import MLP
        >>> model_arrays(MLP(1, [1]))["layers.0.bias"]
        array([0.])
    """
    warn_of_programs(model)
    arrays: dict[str, Array] = {}
    for tensor in tensors(model):
        if tensor.name in arrays:
            raise CheckpointError(
                f"two arrays of the model are called {tensor.name!r}: rename an attribute"
            )
        numbers = [leaf.data for leaf in tensor.leaves]
        arrays[tensor.name] = numpy.array(numbers).reshape(tensor.shape)
    return arrays


def match_model_arrays(
    model: Module, arrays: Mapping[str, Array], where: str
) -> list[tuple[Leaf, float]]:
    """Check that arrays are those of a network, and pair its leaves with their numbers.

    Args:
        model: A network.
        arrays: Arrays by name; those that belong to a training run are left alone.
        where: What errors call their source.

    Returns:
        What `write_leaves` takes.

    Raises:
        CheckpointError: If one is missing or unknown, or has another shape.
    """
    expected = tensors(model)
    names = {tensor.name for tensor in expected}
    _refuse_unknown(names, arrays, where)
    pairs: list[tuple[Leaf, float]] = []
    for tensor in expected:
        if tensor.name not in arrays:
            hint = suggestion(tensor.name, set(arrays) - names, otherwise="")
            raise CheckpointError(f"{where} has no {tensor.name!r}, which the model needs{hint}")
        array = arrays[tensor.name]
        if array.shape != tensor.shape:
            raise CheckpointError(
                f"{tensor.name!r} has the shape {array.shape} in {where}, "
                f"but {tensor.shape} in the model"
            )
        pairs += zip(tensor.leaves, array.ravel().tolist(), strict=True)
    return pairs


def write_leaves(pairs: Iterable[tuple[Leaf, float]]) -> None:
    """Set the numbers of leaves, which were checked before: no model is left half loaded."""
    for leaf, number in pairs:
        leaf.data = number


def _refuse_unknown(names: set[str], arrays: Mapping[str, Array], where: str) -> None:
    for name in arrays:
        _, _, last_name = name.rpartition(".")
        is_ignored = name.startswith(_TRAINING_PREFIXES) or last_name in _PYTORCH_COUNTERS
        if name not in names and not is_ignored:
            hint = suggestion(name, names - set(arrays), otherwise="")
            raise CheckpointError(f"{where} has {name!r}, which the model lacks{hint}")


def _as_array(name: str, numbers: ArrayLike) -> Array:
    try:
        array = numpy.asarray(numbers)
    except ValueError as error:  # rows of several lengths
        raise CheckpointError(f"{name!r} must be an array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise CheckpointError(f"{name!r} must be numbers, not {type(numbers).__name__}")
    # A new array even where nothing is converted, in C order, which the format requires.
    return numpy.array(array, dtype=numpy.float64, order="C")


def _check_name(name: Any) -> str:
    if not isinstance(name, str) or not name.isprintable() or not name or name == _RESERVED:
        raise CheckpointError(f"a name in a checkpoint must be printable text, not {name!r}")
    return name


def _as_json(item: Any) -> str:
    try:
        return json.dumps(item, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"metadata must be what JSON can hold: {error}") from error


def _checksum(arrays: Mapping[str, Array], text: str) -> int:
    """Return the CRC-32 of all names, shapes, numbers and metadata."""
    checksum = crc32(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        checksum = crc32(f"{name} {array.shape} ".encode(), checksum)
        checksum = crc32(array.astype("<f8").tobytes(), checksum)
    return checksum


def _from_entry(name: str, entry: Mapping[str, Any]) -> Array:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise CheckpointError(
            f"{name!r} holds numbers of the type {entry['dtype']}, which can't be read here: "
            "convert them to float32 or float64 before saving"
        )
    array = numpy.frombuffer(entry["data"], dtype).reshape(entry["shape"])
    return array.astype(numpy.float64)


def _read_metadata(raw: bytes) -> dict[str, Any]:
    """Return the metadata of a file whose header is valid, as `deserialize` has checked."""
    # The package returns the metadata of files that it opens itself, but not that of bytes.
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    metadata = header.get(_RESERVED)
    return dict(metadata or {})


def _refuse_renamed_entry(metadata: Mapping[str, Any], path: Any) -> None:
    """Refuse a file whose entry has the right contents under another name.

    A damaged name would make it the file of another program, which is read without a checksum.
    """
    for name, text in metadata.items():
        if all(f'"{key}"' in str(text) for key in _KEYS):
            raise CheckpointError(
                f"the metadata of {path} is called {name!r}, not {_ENTRY!r}: "
                "the file was changed or damaged"
            )


def _verify_entry(text: str, arrays: Mapping[str, Array], path: Any) -> dict[str, Any]:
    """Return the metadata that `save` was given, if nothing in the file has changed since."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"the metadata of {path} can't be read: {error}") from error
    has_keys = isinstance(entry, dict) and set(entry) == _KEYS
    if not has_keys or not isinstance(entry["metadata"], dict):
        raise CheckpointError(f"the metadata of {path} must have the keys {sorted(_KEYS)}")
    if entry["version"] != _VERSION:
        raise CheckpointError(
            f"{path} has version {entry['version']!r}; this program reads version {_VERSION}"
        )
    metadata: dict[str, Any] = entry["metadata"]
    if entry["checksum"] != _checksum(arrays, json.dumps(metadata, sort_keys=True)):
        raise CheckpointError(f"the checksum of {path} is wrong: the file was changed or damaged")
    return metadata
