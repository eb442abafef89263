"""Stubs of what is made from the table of operations, for type checkers and editors.

`python -m scalargrad.core.stubs` writes `functions.pyi`, `methods.pyi` and `names.pyi`. A test
compares the files with what is generated here, so a new row of the table can't be forgotten.
"""

from inspect import Parameter, signature
from pathlib import Path

from scalargrad.utils.files import write

from . import functions, ops
from .methods import Operations
from .operations import OPERATORS
from .ops import TABLE, Op

_FUNCTIONS = '''"""{doc}

Written by `python -m scalargrad.core.stubs`.
"""

from collections.abc import Callable, Iterable
from typing import Any, overload

import numpy

from .lookup import take as take
from .ops import Op
from .value import Number, Value

__all__ = {names}

Real = float | numpy.floating[Any] | numpy.integer[Any]
FUNCTIONS: dict[str, Callable[..., Any]]

def over_operands(op: Op) -> Callable[..., Any]: ...
def subtract_max(numbers: Iterable[Number]) -> list[Any]: ...
'''

_METHODS = '''"""{doc}

Written by `python -m scalargrad.core.stubs`.
"""

from typing import overload

from .value import Number, Value

class Operations:
    """The base class of Value that has a method for each operation, and Python's operators."""

    def __pos__(self) -> Value: ...
    def __abs__(self) -> Value: ...
    def __floor__(self) -> Value: ...
    def __ceil__(self) -> Value: ...
    @overload
    def __round__(self) -> Value: ...
    @overload
    def __round__(self, digits: int) -> float: ...
    def __divmod__(self, other: Number) -> tuple[Value, Value]: ...
    def __rdivmod__(self, other: Number) -> tuple[Value, Value]: ...
'''

_NAMES = '''"""{doc}

Written by `python -m scalargrad.core.stubs`.
"""

from typing import Literal, TypeAlias

ActivationName: TypeAlias = Literal[
{activations}]
'''

_RESULTS = (("Value", "Value"), ("Real", "float"), ("Number", "Any"))
"""What a function over a list returns, by the kind of its items. Of a mixed list nobody can say."""


def functions_stub() -> str:
    """Generate the text of `functions.pyi`.

    Example:
        >>> "def tanh(x: Value) -> Value:" in functions_stub()
        True
    """
    doc = "The operations as functions: with a Value among the operands a Value, else a float."
    names = "[\n" + "".join(f'    "{name}",\n' for name in sorted(functions.__all__)) + "]"
    parts = [_FUNCTIONS.format(doc=doc, names=names)]
    for op in TABLE.values():
        # The types of a look-up are written at the function itself.
        if op.is_public and op is not ops.TAKE:
            parts += _list_overloads(op.name, op) if op.over_list else _operand_overloads(op)
    for name in functions.__all__:
        if name not in TABLE and name != "FUNCTIONS":
            parts += _composed_overloads(name)
    return "\n".join(parts)


def methods_stub() -> str:
    """Generate the text of `methods.pyi`.

    Example:
        >>> "def tanh(self) -> Value:" in methods_stub()
        True
    """
    doc = "The operations as methods of Value."
    parts = [_METHODS.format(doc=doc).rstrip()]
    for name in OPERATORS:
        parts.append(f"    def __{name}__(self, other: Number) -> Value: ...")
        parts.append(f"    def __r{name}__(self, other: Number) -> Value: ...")
    parts.append("")
    for op in TABLE.values():
        for name in dict.fromkeys((op.name, op.numpy)):
            if name in vars(Operations):
                parts.append(_method(name, op))
    return "\n".join(parts)


def _method(name: str, op: Op) -> str:
    others = _parameters(op, ["Number"] * len(op.operands))[1:]
    parameters = ", ".join(["self", *others])
    return f'    def {name}({parameters}) -> Value:\n        """{op.doc}"""\n'


def _operand_overloads(op: Op) -> list[str]:
    """One overload for each operand that may be a Value, and one for numbers alone."""
    count = len(op.operands)
    overloads = []
    for position in range(count):
        types = ["Number"] * count
        types[position] = "Value"
        # A parameter that must be a Value has no default, nor have those before it.
        parameters = _parameters(op, types, required=position + 1)
        overloads.append((parameters, "Value"))
    overloads.append((_parameters(op, ["Real"] * count), "float"))
    return [_overload(op.name, *each, op.doc) for each in overloads]


def _parameters(op: Op, types: list[str], required: int = 0) -> list[str]:
    defaults = [None] * (len(op.operands) - len(op.defaults)) + list(op.defaults)
    parameters = []
    for i, (name, kind, default) in enumerate(zip(op.operands, types, defaults, strict=True)):
        has_default = default is not None and i >= required
        parameters.append(f"{name}: {kind} = ..." if has_default else f"{name}: {kind}")
    return parameters


def _list_overloads(name: str, op: Op) -> list[str]:
    if op is ops.DOT:
        return _dot_overloads(op)
    parts = []
    for kind, result in _RESULTS:
        parts.append(_overload(name, [f"items: Iterable[{kind}]"], result, op.doc))
    return parts


def _dot_overloads(op: Op) -> list[str]:
    # Type checkers take the first overload that fits, so lists of both kinds come last.
    kinds = {("Value", "Number"): "Value", ("Number", "Value"): "Value"}
    kinds |= {("Real", "Real"): "float", ("Number", "Number"): "Any"}
    parts = []
    for (first, second), result in kinds.items():
        parameters = [f"x: Iterable[{first}]", f"y: Iterable[{second}]"]
        parts.append(_overload(op.name, parameters, result, op.doc))
    return parts


def _composed_overloads(name: str) -> list[str]:
    """Overloads of a function over a list that is composed of several rows of the table."""
    function = getattr(functions, name)
    doc = str(function.__doc__).partition("\n")[0]
    returns_list = "list" in str(signature(function).return_annotation)
    options = [
        f"{each.name}: Real = ..."
        for each in signature(function).parameters.values()
        if each.default is not Parameter.empty
    ]
    parts = []
    for kind, result in _RESULTS:
        returned = f"list[{result}]" if returns_list else result
        parts.append(_overload(name, [f"items: Iterable[{kind}]", *options], returned, doc))
    return parts


def _overload(name: str, parameters: list[str], result: str, doc: str) -> str:
    head = f"@overload\ndef {name}({', '.join(parameters)}) -> {result}:"
    return f'{head}\n    """{doc}"""\n'


def names_stub() -> str:
    """Generate the text of `names.pyi`.

    Example:
        >>> '"tanh",' in names_stub(), '"dot",' in names_stub()
        (True, False)
    """
    doc = "Names of operations, as types of arguments."
    names = {op.name for op in TABLE.values() if op.takes_one_value}
    names |= {ops.PRELU.name, "softmax", "log_softmax", "linear", "identity"}
    activations = "".join(f'    "{name}",\n' for name in sorted(names))
    return _NAMES.format(doc=doc, activations=activations)


def files() -> dict[Path, str]:
    """Return what each of the stubs must hold.

    Example:
        >>> [path.name for path in files()]
        ['functions.pyi', 'methods.pyi', 'names.pyi']
    """
    folder = Path(__file__).parent
    texts = {
        "functions.pyi": functions_stub(),
        "methods.pyi": methods_stub(),
        "names.pyi": names_stub(),
    }
    return {folder / name: text for name, text in texts.items()}


if __name__ == "__main__":
    for path, text in files().items():
        write(path, text)
