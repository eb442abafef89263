"""Anomaly detection: which operation, at which line of code, made the first inf or nan."""

import linecache
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite

from scalargrad.core.backprop import operands
from scalargrad.core.modes import observing
from scalargrad.core.value import Number, Value
from scalargrad.errors import AnomalyError
from scalargrad.utils.frames import user_frame

_MAX_OPERANDS = 6
"""Operands that a message lists."""


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise AnomalyError at the first non-finite number in the block, forward or backward.

    The message names the operation, its label and module, its operands with their numbers, and the
    line of your code that called it. The forward pass is checked for the value of each operation
    and its local derivatives (inside `no_grad` only the value), the backward pass for the
    gradients. Gradients of constants are ignored. Leaves keep the gradients that they had before a
    pass that fails. Every node made in the block remembers its line in `metadata["source"]`. Holds
    for this thread (and asynchronous task) only.

    Raises:
        AnomalyError: At the first number that is inf or nan.

    Example:
        >>> from scalargrad import Value, log
        >>> with detect_anomaly():
        ...     y = log(Value(-1.0))
        Traceback (most recent call last):
        scalargrad.errors.AnomalyError: log(-1.0) gave nan
          at <doctest scalargrad.autodiff.anomaly.detect_anomaly[1]>:2: y = log(Value(-1.0))
    """
    with observing(_Detector()):
        yield


class _Detector:
    """An observer of the engine that raises at the first non-finite number."""

    def on_node(
        self, node: Value, op: str, args: tuple[Number, ...], partials: tuple[float, ...]
    ) -> None:
        source = calling_line()
        if node.metadata is None:
            node.metadata = {}
        node.metadata["source"] = source

        # Inside no_grad() the node has no operands, so they are described from `args`.
        if not isfinite(node.data):
            what = _describe_operation(node, op, args)
            raise AnomalyError(f"{what} gave {node.data!r}\n  at {source}")
        for arg, partial in zip(node.args, partials, strict=False):
            if not isfinite(partial) and arg.kind != "constant":
                what = _describe_operation(node, op, args)
                raise AnomalyError(
                    f"the local derivative of {what} = {node.data!r} "
                    f"by its operand {_describe_operand(arg)} is {partial!r}\n  at {source}"
                )

    def on_backward(self, order: list[Value]) -> None:
        # From the outputs on, as the gradients flowed: the first one is the cause of the others.
        for index in range(len(order) - 1, -1, -1):
            node = order[index]
            if not isfinite(_number(node.grad)) and node.kind != "constant":
                raise AnomalyError(_explain_gradient(node, order[index + 1 :]))


def describe(node: Value) -> str:
    """Return a node as messages name it: label, operation, operands with numbers, module.

    Example:
        >>> from scalargrad import Value
        >>> describe(Value(2.0, label="x") * 3)
        'mul(x=2.0, 3.0)'
    """
    if node.args:
        return _describe_operation(node, node.op, operands(node))
    return f"the {node.kind} {_describe_operand(node)}"


def _describe_operation(node: Value, op: str, args: Sequence[Number]) -> str:
    given = operands(node) if node.args else args
    listed = [_describe_operand(operand) for operand in given[:_MAX_OPERANDS]]
    if len(given) > _MAX_OPERANDS:
        listed.append(f"… {len(given) - _MAX_OPERANDS} more")
    label = f"{node.label} = " if node.label else ""
    name = op or "a Value made by hand"
    module = f" in {node.scope.path}" if node.scope is not None and node.scope.path else ""
    return f"{label}{name}({', '.join(listed)}){module}"


def _describe_operand(operand: Number) -> str:
    label = getattr(operand, "label", "")
    number = repr(_number(operand))
    return f"{label}={number}" if label else number


def _number(value: Number) -> float:
    return float(getattr(value, "data", value))


def _explain_gradient(node: Value, later: list[Value]) -> str:
    """Describe a node with a non-finite gradient, and the operation that sent it.

    Args:
        node: The node.
        later: The nodes after it, operands first; its users are among them.
    """
    lines = [
        f"the gradient of {describe(node)} is {_number(node.grad)!r}",
        f"  made at {_source(node)}",
    ]
    for user in later:
        # An operation with a _backward that was set by hand has no partials.
        for arg, partial in zip(user.args, user.partials, strict=False):
            gradient = _number(user.grad)
            if arg is node and not isfinite(gradient * partial):
                what = f"its gradient {gradient!r} times its local derivative {partial!r}"
                lines.append(f"  sent by {describe(user)}: {what}")
                lines.append(f"  made at {_source(user)}")
                return "\n".join(lines)
    lines.append(
        "  what its users sent is finite, each alone, but not the sum, the seed or what a hook "
        "returned"
    )
    return "\n".join(lines)


def _source(node: Value) -> str:
    if not node.args:
        return "a line that was not recorded: leaves have none"
    unknown = "a line that was not recorded: it was made outside of detect_anomaly"
    return str((node.metadata or {}).get("source", unknown))


def calling_line() -> str:
    """Return file, line number and text of the innermost frame of the user's own code."""
    frame_and_level = user_frame()
    if frame_and_level is None:
        return "an unknown line"
    frame, _ = frame_and_level
    file = frame.f_code.co_filename
    text = linecache.getline(file, frame.f_lineno, frame.f_globals).strip()
    return f"{file}:{frame.f_lineno}: {text}".removesuffix(": ")
