"""`detect_anomaly`: which operation, on which numbers, at which line of your code, made the first inf or nan."""

import linecache
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

from scalargrad.core.backprop import operands
from scalargrad.core.modes import observing
from scalargrad.errors import AnomalyError
from scalargrad.utils.frames import user_frame

_SHOWN = 6  # operands that a message lists


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Inside the block the first number that is not finite raises AnomalyError, in the forward pass and in the backward pass.

    The message names the operation, its label and module, its operands with their numbers, and the line of your code that
    called for it. Forward, the value of each operation and its local derivatives are looked at (inside `no_grad` only the
    value); backward, the gradients. What would flow to constants does not matter. Leaves keep the gradients that they had
    before that pass. Every node made inside the block remembers its line in `metadata["source"]`. Holds for this thread (and
    asynchronous task) only.

    >>> from scalargrad import Value, log
    >>> with detect_anomaly():
    ...     y = log(Value(-1.0, label="x"))
    Traceback (most recent call last):
    scalargrad.errors.AnomalyError: log(x=-1.0) gave nan
      at <doctest scalargrad.autodiff.anomaly.detect_anomaly[1]>:2: y = log(Value(-1.0, label="x"))
    """
    with observing(_Detector()):
        yield


class _Detector:
    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:
        source = calling_line()
        if node.metadata is None:
            node.metadata = {}
        node.metadata["source"] = source
        if not isfinite(node.data):
            raise AnomalyError(f"{_described(node, op, args)} gave {node.data!r}\n  at {source}")
        for arg, partial in zip(node.args, partials, strict=False):
            if not isfinite(partial) and arg.kind != "constant":
                raise AnomalyError(
                    f"the local derivative of {_described(node, op, args)} = {node.data!r} "
                    f"by its operand {_operand(arg)} is {partial!r}\n  at {source}"
                )

    def went_back(self, order: list[Any]) -> None:
        for index in range(len(order) - 1, -1, -1):
            if not isfinite(_number(order[index].grad)) and order[index].kind != "constant":
                raise AnomalyError(_blame(order[index], order[index + 1 :]))


def described(node: Any) -> str:
    """An operation with its operands, as a message names it: label, operation, numbers, module.

    >>> from scalargrad import Value
    >>> described(Value(2.0, label="x") * 3)
    'mul(x=2.0, 3.0)'
    """
    return _described(node, node.op, operands(node)) if node.args else _leaf(node)


def _described(node: Any, op: str, args: Sequence[Any]) -> str:
    given = operands(node) if node.args else args
    shown = [_operand(operand) for operand in given[:_SHOWN]]
    more = [f"… {len(given) - _SHOWN} more"] if len(given) > _SHOWN else []
    label = f"{node.label} = " if node.label else ""
    module = f" in {node.scope.path}" if node.scope is not None and node.scope.path else ""
    return f"{label}{op or 'a Value made by hand'}({', '.join(shown + more)}){module}"


def _leaf(node: Any) -> str:
    return f"the {node.kind} {_operand(node)}"


def _operand(operand: Any) -> str:
    label = getattr(operand, "label", "")
    return f"{label}={_number(operand)!r}" if label else repr(_number(operand))


def _number(value: Any) -> float:
    return float(getattr(value, "data", value))


def _blame(node: Any, after: list[Any]) -> str:
    """What to say of the first node with a gradient that is not finite, and of the operation that sent it, one of those after it."""
    lines = [
        f"the gradient of {described(node)} is {_number(node.grad)!r}",
        f"  made at {_line(node)}",
    ]
    for user in after:
        # an operation with a _backward that was set by hand has no partials
        for arg, partial in zip(user.args, user.partials, strict=False):
            if arg is node and not isfinite(_number(user.grad) * partial):
                lines += [
                    f"  sent by {described(user)}: its gradient {_number(user.grad)!r} times its local derivative {partial!r}"
                ]
                lines += [f"  made at {_line(user)}"]
                return "\n".join(lines)
    return "\n".join(
        [
            *lines,
            "  what its users sent is finite, each alone, but not the sum, the seed or what a hook returned",
        ]
    )


def _line(node: Any) -> str:
    if not node.args:
        return "a line that was not recorded: leaves have none"
    return str(
        (node.metadata or {}).get(
            "source", "a line that was not recorded: it was made outside of detect_anomaly"
        )
    )


def calling_line() -> str:
    """File, line and text of the innermost frame of the user's own code."""
    found = user_frame()
    if found is None:
        return "an unknown line"
    frame, _ = found
    name = frame.f_code.co_filename
    text = linecache.getline(name, frame.f_lineno, frame.f_globals).strip()
    return f"{name}:{frame.f_lineno}: {text}".removesuffix(": ")
