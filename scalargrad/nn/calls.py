"""Calls that do not fit: what a module was given, in the words of whoever called it."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Signature, signature
from typing import Any

from ..conversion import is_number
from ..engine import Value
from ..errors import CallError
from ..naming import suggestion

_NAMES_ELSEWHERE = {
    "act": "activation",
    "features": "size",
    "hidden_size": "size",
    "in_channels": "channels",
    "in_features": "inputs",
    "input_size": "inputs",
    "kernel_size": "size",
    "nin": "inputs",
    "nonlinearity": "activation",
    "nout": "outputs",
    "nouts": "sizes",
    "num_embeddings": "count",
    "embedding_dim": "size",
    "out_channels": "filters",
    "out_features": "outputs",
    "p": "share",
    "random_state": "seed",
    "rate": "share",
    "units": "outputs",
}
"""Arguments as micrograd, PyTorch, Keras and scikit-learn call them, and their names here."""


def printable(text: str) -> str:
    r"""Return the text with control characters written as escapes.

    Example:
        >>> printable("a\nb")
        'a\\nb'
    """
    if text.isprintable():
        return text
    signs = [sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text]
    return "".join(signs)


def explained_constructor(
    kind: type,
    misreading: Callable[[Sequence[Any]], str],
) -> Callable[..., None]:
    """Return the constructor of a module with messages about arguments that it does not take.

    Args:
        kind: The class of the module, which defines `__init__`.
        misreading: What somebody probably had in mind who gave some arguments, "" if unknown.

    Returns:
        A function that does what the constructor does.
    """
    constructor: Callable[..., None] = kind.__init__  # type: ignore[misc]

    @wraps(constructor)
    def explained(self: Any, *arguments: Any, **options: Any) -> None:
        try:
            constructor(self, *arguments, **options)
        except TypeError:
            # most often it is the constructor's own complaint about a number
            _check_arguments(kind, constructor, arguments, options, misreading(arguments))
            raise

    return explained


def _check_arguments(
    kind: type,
    constructor: Callable[..., None],
    arguments: Sequence[Any],
    options: Mapping[str, Any],
    misreading: str,
) -> None:
    expected = _signature(constructor)
    if expected is None:
        return
    try:
        expected.bind(None, *arguments, **options)
    except TypeError as error:
        names = list(expected.parameters)[1:]
        unknown = [name for name in options if name not in names]
        name = printable(kind.__name__)
        if unknown:
            hint = _hint(unknown[0], names)
            raise CallError(f"{name} takes no argument {unknown[0]!r}{hint}") from None
        reason = misreading or f"{error}"
        raise CallError(f"{name} takes ({', '.join(names)}): {reason}") from None


def _hint(choice: str, names: list[str]) -> str:
    known = _NAMES_ELSEWHERE.get(choice)
    return f"; it is called {known!r} here" if known in names else suggestion(choice, names)


def check_call(module: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Explain a call that does not fit the `forward` of a module, if that is what went wrong.

    Args:
        module: The module that was called.
        arguments: The arguments by position.
        options: The arguments by name.

    Raises:
        CallError: If `forward` can't be called with these arguments.
    """
    expected = _signature(module.forward)
    if expected is None:
        return
    try:
        expected.bind(*arguments, **options)
    except TypeError as error:
        if len(arguments) > 1 and not options and all(map(_is_one_number, arguments)):
            numbers = ", ".join([f"x{i}" for i in range(len(arguments))])
            reason = f"{module.describe()} takes the numbers of a sample as one list"
            raise CallError(f"{reason}: model([{numbers}]), not model({numbers})") from None
        names = ", ".join(expected.parameters)
        reason = f"{module.describe()} was called wrongly, its forward takes ({names})"
        raise CallError(f"{reason}: {error}") from None


def _is_one_number(thing: Any) -> bool:
    return isinstance(thing, Value) or is_number(thing)


def _signature(function: Callable[..., Any]) -> Signature | None:
    try:
        return signature(function)
    except (TypeError, ValueError):  # not every function written in C tells
        return None
