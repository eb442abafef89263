"""Source: the rules of the table written out as Python text, for a program that calls NumPy without asking the table again."""

from types import SimpleNamespace
from typing import Any

from scalargrad.core import floats
from scalargrad.core.ops import POW, RELU, STOP_GRADIENT, TABLE, WHERE, ExactZero, namespace


class Text:
    """A piece of Python source that stands for an array: arithmetic on it writes more source.

    >>> str((Text("x") + 1.0) * Text("y"))
    '((x + 1.0) * y)'
    """

    __slots__ = ("source",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, source: str) -> None:
        self.source = source

    def __str__(self) -> str:
        return self.source

    def __neg__(self) -> "Text":
        return Text(f"(-{self})")

    def __abs__(self) -> "Text":
        return Text(f"abs({self})")


class Truth(Text):
    """A piece of source that stands for an array of True and False."""

    __slots__ = ()

    def __invert__(self) -> "Truth":
        return Truth(f"(~{self})")

    def __and__(self, other: "Truth") -> "Truth":
        return Truth(f"({self} & {other})")


def _infix(sign: str, kind: type[Text] = Text) -> tuple[Any, Any]:
    return (
        lambda self, other: kind(f"({self} {sign} {written(other)})"),
        lambda self, other: kind(f"({written(other)} {sign} {self})"),
    )


for _name, _sign in (("__add__", "+"), ("__sub__", "-"), ("__mul__", "*")):
    _plain, _reflected = _infix(_sign)
    setattr(Text, _name, _plain)
    setattr(Text, f"__r{_name[2:]}", _reflected)
for _name, _sign in (("__lt__", "<"), ("__le__", "<="), ("__gt__", ">"), ("__ge__", ">=")):
    setattr(Text, _name, _infix(_sign, Truth)[0])


def written(item: Any) -> str:
    """A number, or a Text, as source; inf and nan are names of the namespace that the source runs in.

    >>> written(0.5), written(Text("x"))
    ('0.5', 'x')
    """
    return str(item) if isinstance(item, Text) else repr(float(item))


def _call(name: str) -> Any:
    return lambda *arguments: Text(f"{name}({', '.join(map(written, arguments))})")


def _where(condition: Any, x: Any, y: Any) -> Any:
    if (
        isinstance(condition, Truth)
        and isinstance(x, ExactZero)
        and not isinstance(y, Text)
        and y == 1.0
    ):
        return (
            ~condition
        )  # a mask of True and False multiplies as 1 and 0 do, and nothing need be picked
    if (
        isinstance(condition, Truth)
        and isinstance(y, ExactZero)
        and not isinstance(x, Text)
        and x == 1.0
    ):
        return condition
    if isinstance(condition, bool):
        return x if condition else y
    return Text(f"where({condition}, {written(x)}, {written(y)})")


def _pow(x: Any, y: Any) -> Any:
    """Squares, and first powers, which NumPy's power does not know to be simple."""
    if not isinstance(y, Text) and y in (1.0, 2.0):
        return x if y == 1.0 else Text(f"square({x})")
    return Text(f"pow({written(x)}, {written(y)})")


_PRIMITIVES = {
    name: _call(name) for name in vars(floats) if name in TABLE and not TABLE[name].over_list
}
_QUICKER: dict[str, Any] = {
    WHERE.name: _where,
    POW.name: _pow,
    RELU.name: lambda x: Text(f"maximum({x}, 0.0)"),
    STOP_GRADIENT.name: lambda x: x,
}
TEXTS: SimpleNamespace = namespace({**_PRIMITIVES, **_QUICKER})
"""The operations on Texts: each writes the call of the primitive of its name."""


def times(gradient: str, partial: Any) -> str | None:
    """What flows back through a local derivative, as source; None where it is nothing by construction.

    >>> from scalargrad.core.ops import CUT
    >>> times("g", 1.0), times("g", -1.0), times("g", Text("(x + 1.0)")), times("g", CUT)
    ('g', '(-g)', '(g * (x + 1.0))', None)
    """
    if isinstance(partial, ExactZero):
        return None
    if isinstance(partial, Text):
        return f"({gradient} * {partial})"
    return {1.0: gradient, -1.0: f"(-{gradient})"}.get(
        partial, f"({gradient} * {written(partial)})"
    )
