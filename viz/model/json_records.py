"""Frozen dataclasses as JSON and back, with every type checked on the way in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from math import inf, isfinite, nan
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from scalargrad.errors import PictureError
from viz.look.text import clean, hint

MAX_TEXT = 2000
"""Characters of a text that is read."""
_SPECIAL = {"nan": nan, "inf": inf, "-inf": -inf}
# A lookup of every character takes long; nearly all texts are of these alone.
_PLAIN = re.compile(r"(?:[!-~]+(?: [!-~]+)*)?")

Record = TypeVar("Record")


def encode(thing: Any, leave_out: tuple[str, ...] = ()) -> Any:
    """Return a dataclass, or what its fields hold, as what JSON knows.

    Fields that have their default are left out. Numbers that are not finite become texts.

    Args:
        thing: The dataclass.
        leave_out: Names of its fields that are not wanted.

    Example:
        >>> from viz.model.picture import Edge
        >>> encode(Edge("n0", "n1", local=float("nan")))
        {'source': 'n0', 'target': 'n1', 'local': 'nan'}
    """
    if is_dataclass(thing):
        written = {}
        for field in fields(thing):
            value = getattr(thing, field.name)
            if field.name not in leave_out and not _is_default(field, value):
                written[field.name] = encode(value)
        return written
    if isinstance(thing, (tuple, list)):
        return [encode(item) for item in thing]
    if isinstance(thing, dict):
        return {str(key): encode(value) for key, value in thing.items()}
    if isinstance(thing, float) and not isfinite(thing):
        return str(thing)
    return thing


def _is_default(field: Field[Any], value: Any) -> bool:
    # nan equals nothing, and so no default.
    if field.default_factory is not MISSING:
        return bool(field.default_factory() == value)
    return field.default is not MISSING and field.default == value


def decode(
    kind: type[Record], data: Any, where: str, given: Mapping[str, Any] | None = None
) -> Record:
    """Return a dataclass from what JSON holds.

    Args:
        kind: The dataclass. Its fields hold texts, numbers, truth values, tuples and dataclasses.
        data: What was read.
        where: Where that is in the document, for messages.
        given: Values of fields that are known already, and that the JSON must not hold.

    Raises:
        PictureError: Something is missing, unknown, or of another type.

    Example:
        >>> from viz.model.picture import Edge
        >>> decode(Edge, {"source": "n0", "target": "n1", "local": "inf"}, "edges[0]").local
        inf
    """
    if not isinstance(data, dict):
        raise _wrong(where, "an object", data)
    values = dict(given or {})
    every_field = fields(kind)  # type: ignore[arg-type]
    known = {field.name: field for field in every_field if field.name not in values}
    for name in data:
        if name not in known:
            raise PictureError(
                f"{where} has {clean(repr(name))}, which this version doesn't know"
                f"{hint(name, known)}"
            )

    types = _field_types(kind)  # type: ignore[arg-type]
    for name, field in known.items():
        if name in data:
            values[name] = _decode_value(types[name], data[name], f"{where}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise PictureError(f"{where} has no {name!r}")
    return kind(**values)


@cache
def _field_types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode_value(kind: Any, data: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _decode_optional(kind, data, where)
    if origin is tuple:
        return tuple(_decode_items(kind, data, where))
    if origin in (dict, Mapping):
        return dict(_decode_entries(kind, data, where))
    if origin is Literal:
        if data not in get_args(kind):
            raise _wrong(where, f"one of {', '.join(map(str, get_args(kind)))}", data)
        return data
    if is_dataclass(kind) and isinstance(kind, type):
        return decode(kind, data, where)
    return _decode_plain(kind, data, where)


def _decode_optional(kind: Any, data: Any, where: str) -> Any:
    choices = [choice for choice in get_args(kind) if choice is not type(None)]
    if data is None and len(choices) < len(get_args(kind)):
        return None
    for choice in choices[:-1]:
        try:
            return _decode_value(choice, data, where)
        except PictureError:
            continue
    return _decode_value(choices[-1], data, where)


def _decode_items(kind: Any, data: Any, where: str) -> Iterator[Any]:
    if not isinstance(data, list):
        raise _wrong(where, "a list", data)
    kinds = get_args(kind)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(data)
    if len(kinds) != len(data):
        raise _wrong(where, f"a list of {len(kinds)}", data)
    for i, (item_kind, item) in enumerate(zip(kinds, data, strict=True)):
        yield _decode_value(item_kind, item, f"{where}[{i}]")


def _decode_entries(kind: Any, data: Any, where: str) -> Iterator[tuple[Any, Any]]:
    if not isinstance(data, dict):
        raise _wrong(where, "an object", data)
    key_kind, value_kind = get_args(kind)
    for name, value in data.items():
        # The keys of JSON are texts.
        is_number = key_kind is int and name.isascii() and name.isdigit()
        key = int(name) if is_number else _decode_value(key_kind, name, where)
        yield key, _decode_value(value_kind, value, f"{where}.{name}")


def _decode_plain(kind: Any, data: Any, where: str) -> Any:
    if kind is str:
        if not isinstance(data, str):
            raise _wrong(where, "a text", data)
        if not _is_plain(data) and clean(data, MAX_TEXT) != " ".join(data.split()):
            raise PictureError(f"{where} is too long a text, or has signs that can't be drawn")
        return data
    if kind is bool:
        if not isinstance(data, bool):
            raise _wrong(where, "true or false", data)
        return data
    is_number = isinstance(data, (int, float)) and not isinstance(data, bool)
    if kind is int:
        if not is_number or not _is_whole(data):
            raise _wrong(where, "a whole number", data)
        return int(data)
    if kind is float:
        if isinstance(data, str) and data in _SPECIAL:
            return _SPECIAL[data]
        if not is_number:
            raise _wrong(where, "a number", data)
        return _to_float(data, where)
    raise TypeError(f"{where}: fields of type {kind} are not read from JSON")


def _is_whole(number: float) -> bool:
    # Not `number == int(number)`: 1e999 is read as infinite, which has no int.
    return isinstance(number, int) or number.is_integer()


def _is_plain(text: str) -> bool:
    return len(text) <= MAX_TEXT and _PLAIN.fullmatch(text) is not None


def _to_float(data: float, where: str) -> float:
    try:
        number = float(data)
    except OverflowError:
        number = inf
    # Those that JSON can write are finite: 1e999 is none of them.
    if not isfinite(number):
        raise PictureError(f"{where} is too large for a number")
    return number


def _wrong(where: str, wanted: str, data: Any) -> PictureError:
    return PictureError(f"{where} must be {wanted}, not {clean(repr(data))}")
