"""Dataclasses as JSON: defaults left out, every type checked on the way in."""

from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

import pytest

from scalargrad.errors import PictureError
from viz.model.json_records import decode, encode


@dataclass(frozen=True)
class Inner:
    """One of several."""

    name: str
    size: float = 1.0


@dataclass(frozen=True)
class Outer:
    """Fields of every type that pictures have."""

    kind: Literal["one", "two"]
    pair: tuple[int, float] = (0, 0.0)
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    by_number: dict[int, Inner] = field(default_factory=dict)
    by_name: dict[str, tuple[float, ...]] = field(default_factory=dict)
    either: Inner | float | None = None
    is_on: bool = False


WHOLE = Outer(
    "two",
    (3, -0.5),
    Inner("a"),
    (Inner("b", 2.0), Inner("c")),
    {7: Inner("d")},
    {"e": (1.0, 2.0)},
    0.25,
    is_on=True,
)


def test_there_and_back() -> None:
    assert decode(Outer, encode(WHOLE), "outer") == WHOLE
    assert decode(Outer, encode(Outer("one", either=Inner("x"))), "outer").either == Inner("x")


def test_defaults_are_left_out() -> None:
    assert encode(Outer("one")) == {"kind": "one"}
    assert encode(WHOLE)["by_number"] == {"7": {"name": "d"}}


def test_values_that_are_known_already() -> None:
    written = encode(WHOLE, leave_out=("inner",))
    assert decode(Outer, written, "outer", {"inner": Inner("a")}) == WHOLE
    with pytest.raises(PictureError, match="outer has 'inner', which this version doesn't know"):
        decode(Outer, encode(WHOLE), "outer", {"inner": None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "three"}, r"outer\.kind must be one of one, two, not 'three'"),
        ({"pair": [1]}, r"outer\.pair must be a list of 2"),
        ({"pair": [1.5, 1.0]}, r"outer\.pair\[0\] must be a whole number"),
        ({"pair": [inf, 1.0]}, r"outer\.pair\[0\] must be a whole number"),
        ({"pair": [1, inf]}, r"outer\.pair\[1\] is too large for a number"),
        ({"inner": 3}, r"outer\.inner must be an object"),
        ({"many": [{"name": "a"}, {}]}, r"outer\.many\[1\] has no 'name'"),
        ({"by_number": {"x": {"name": "a"}}}, r"outer\.by_number must be a whole number"),
        ({"by_number": []}, r"outer\.by_number must be an object"),
        ({"by_name": {"a": [None]}}, r"outer\.by_name\.a\[0\] must be a number"),
        ({"is_on": 1}, r"outer\.is_on must be true or false"),
        ({"knid": "one"}, "did you mean 'kind'"),
    ],
)
def test_what_is_of_another_type(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PictureError, match=message):
        decode(Outer, {"kind": "one"} | change, "outer")
