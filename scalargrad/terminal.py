"""Text for terminals that lack some of its signs: look-alikes in their place, never a crash.

Python refuses to print what the encoding of `sys.stdout` does not have: an arrow in ASCII, a ∂ in the
cp1252 of Windows. What is meant to be printed passes through here; files are written as UTF-8, whatever
the terminal can show.
"""

import codecs
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from unicodedata import normalize

Owner = TypeVar("Owner")

# One text, not a dictionary: names of operations are spelled as such in their table only.
_PAIRS = """
    − -    – -    — -    ‑ -    × x    · *    ∙ *    ÷ /
    → ->    ← <-    ↔ <->    ⇒ =>    … ...    ≤ <=    ≥ >=    ≠ !=
    ≈ ~    ± +-    ∞ inf    ∂ d    ∇ grad    Δ delta    Σ sum    ∑ sum
    ∏ prod    √ sqrt    ∛ cbrt    ½ 1/2    ß ss    ‖ ||    ⌊ floor(    ⌋ )    ᵀ ^T
    ° deg    ✓ +    ✗ x    “ "    ” "    „ "    ‘ '    ’ '
    α alpha    β beta    γ gamma    δ delta    ε eps    η eta    λ lambda    μ mu
    π pi    σ sigma    φ phi    Φ Phi    █ #    │ |    ─ -    ├ +
    └ +
"""
_LOOK_ALIKES = dict(zip(_PAIRS.split()[0::2], _PAIRS.split()[1::2], strict=True))
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵗʸ", "0123456789+-nty", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n", strict=True))


def for_terminal(text: str) -> str:
    """Return a text as standard output can show it.

    Args:
        text: What is to be printed.

    Returns:
        The text itself where the encoding of `sys.stdout` has all its signs, else one with
        look-alikes for those that it lacks.

    Example:
        >>> for_terminal("2 → 3")
        '2 → 3'
    """
    encoding = getattr(sys.stdout, "encoding", None)
    if text.isascii() or not isinstance(encoding, str):
        return text
    return encodable(text, encoding)


def encodable(text: str, encoding: str) -> str:
    """Return a text with look-alikes for the signs that an encoding lacks.

    Args:
        text: Any text.
        encoding: The name of the encoding; with an unknown one the text stays as it is.

    Returns:
        A text that the encoding has.

    Example:
        >>> encodable("∂loss/∂w₁ = −2 × x²", "ascii")
        'dloss/dw1 = -2 x x^2'
        >>> encodable("größe ≤ 3", "cp1252")
        'größe <= 3'
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, _HANDLER).decode(encoding)
    except LookupError:
        pass
    return text


def printable(text: str) -> str:
    r"""Return a text with control characters written as escapes.

    Example:
        >>> printable("a\nb")
        'a\\nb'
    """
    signs = [sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text]
    return "".join(signs)


def fits_terminal(method: Callable[[Owner], str]) -> Callable[[Owner], str]:
    """Pass what a `__str__` or another method for `print` returns through `for_terminal`.

    Args:
        method: A method without arguments that returns a text.

    Returns:
        The method to use in its place.

    Example:
        >>> class Arrow:
        ...     @fits_terminal
        ...     def __str__(self):
        ...         return "→"
        >>> print(Arrow())
        →
    """

    @wraps(method)
    def fitting(self: Owner) -> str:
        return for_terminal(method(self))

    return fitting


def repr_fits_terminal(kind: type[Owner]) -> type[Owner]:
    """Pass the `__repr__` that a dataclass generates through `for_terminal`.

    Args:
        kind: The class, which has a `__repr__` of its own.

    Returns:
        The class.

    Example:
        >>> from dataclasses import dataclass
        >>> @repr_fits_terminal
        ... @dataclass
        ... class Arrow:
        ...     sign: str
        >>> Arrow("→")
        Arrow(sign='→')
    """
    setattr(kind, "__repr__", fits_terminal(kind.__repr__))  # noqa: B010  (types allow no assignment)
    return kind


def replace_what_is_lacking(stream: Any) -> None:
    """Make a stream write look-alikes for the signs that its encoding lacks.

    Args:
        stream: A text stream such as `sys.stdout`. One that is not of Python's own kind stays as it
            is, and so does one that escapes what it lacks.

    Example:
        >>> from io import BytesIO, TextIOWrapper
        >>> raw = BytesIO()
        >>> stream = TextIOWrapper(raw, encoding="ascii")
        >>> replace_what_is_lacking(stream)
        >>> _ = stream.write("2 → 3"); stream.flush(); raw.getvalue()
        b'2 -> 3'
    """
    reconfigure = getattr(stream, "reconfigure", None)
    errors = getattr(stream, "errors", "")
    if reconfigure is not None and errors in ("strict", "surrogateescape", "replace"):
        reconfigure(errors=_HANDLER)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_look_alike, lacking)), error.end


def _look_alike(sign: str) -> str:
    if sign in _LOOK_ALIKES:
        return _LOOK_ALIKES[sign]
    if sign in _RAISED:
        return f"^{_RAISED[sign]}"
    if sign in _LOWERED:
        return _LOWERED[sign]
    plain = normalize("NFKD", sign).encode("ascii", "ignore").decode("ascii")
    return plain or "?"


_HANDLER = "scalargrad.look_alikes"
codecs.register_error(_HANDLER, _replaced)
