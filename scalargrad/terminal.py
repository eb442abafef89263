"""Text for terminals that can't show all characters: replacements that look alike, never a crash.

Python raises an error for characters that the encoding of `sys.stdout` lacks: an arrow in ASCII, a
∂ in the cp1252 of Windows. Text that is meant to be printed passes through here. Files are written
as UTF-8, whatever the terminal can show.
"""

import codecs
import sys
from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from unicodedata import normalize

Owner = TypeVar("Owner")

# One text and not a dictionary: only the table of operations may spell their names as strings.
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
_WORDS = _PAIRS.split()
_LOOK_ALIKES = dict(zip(_WORDS[0::2], _WORDS[1::2], strict=True))
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵗʸ", "0123456789+-nty", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n", strict=True))


def for_terminal(text: str) -> str:
    """Replace the characters that standard output can't show.

    Args:
        text: A text to be printed.

    Returns:
        The text itself if the encoding of `sys.stdout` has all its characters, else one with
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
    """Replace the characters that an encoding lacks by look-alikes.

    Args:
        text: Any text.
        encoding: The name of the encoding. If it is unknown, the text is returned as it is.

    Returns:
        A text that can be encoded.

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
    r"""Replace control characters by escapes.

    Example:
        >>> printable("a\nb")
        'a\\nb'
    """
    return "".join([char if char.isprintable() else ascii(char)[1:-1] for char in text])


def fits_terminal(method: Callable[[Owner], str]) -> Callable[[Owner], str]:
    """Decorate `__str__`, or another method that returns text for `print`, with `for_terminal`.

    Args:
        method: A method without arguments that returns a text.

    Returns:
        The wrapped method.

    Example:
        >>> class Arrow:
        ...     @fits_terminal
        ...     def __str__(self):
        ...         return "→"
        >>> print(Arrow())
        →
    """

    @wraps(method)
    def wrapped(self: Owner) -> str:
        return for_terminal(method(self))

    return wrapped


def repr_fits_terminal(kind: type[Owner]) -> type[Owner]:
    """Decorate the generated `__repr__` of a dataclass with `for_terminal`.

    Args:
        kind: The class, which is changed in place.

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
    # mypy does not allow an assignment to a method.
    setattr(kind, "__repr__", fits_terminal(kind.__repr__))  # noqa: B010
    return kind


def replace_unencodable(stream: object) -> None:
    """Make a stream write look-alikes for the characters that its encoding lacks.

    Args:
        stream: A text stream such as `sys.stdout`. A stream that can't be reconfigured stays as it
            is, and so does one that escapes such characters already.

    Example:
        >>> from io import BytesIO, TextIOWrapper
        >>> raw = BytesIO()
        >>> stream = TextIOWrapper(raw, encoding="ascii")
        >>> replace_unencodable(stream)
        >>> _ = stream.write("2 → 3"); stream.flush(); raw.getvalue()
        b'2 -> 3'
    """
    reconfigure = getattr(stream, "reconfigure", None)
    errors = getattr(stream, "errors", "")
    if reconfigure is not None and errors in ("strict", "surrogateescape", "replace"):
        reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Handle an error for `codecs`: return the replacement, and the position to continue at."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(map(_look_alike, missing)), error.end


def _look_alike(char: str) -> str:
    if char in _LOOK_ALIKES:
        return _LOOK_ALIKES[char]
    if char in _SUPERSCRIPTS:
        return f"^{_SUPERSCRIPTS[char]}"
    if char in _SUBSCRIPTS:
        return _SUBSCRIPTS[char]
    # NFKD splits letters from their accents, which ASCII then drops.
    plain = normalize("NFKD", char).encode("ascii", "ignore").decode("ascii")
    return plain or "?"


_HANDLER = "scalargrad.look_alikes"
codecs.register_error(_HANDLER, _replace)
