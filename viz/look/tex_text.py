"""Text for LaTeX: every sign that means something to TeX is escaped."""

import unicodedata

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    # Alone in braces they make no ligatures: two hyphens stay two, and quotes are no others.
    "-": "{-}",
    "'": "{'}",
    "`": "{`}",
    ",": "{,}",
}
_MATHEMATICS = {
    "−": "-",
    "×": r"\times",
    "÷": r"\div",
    "±": r"\pm",
    "·": r"\cdot",
    "∙": r"\cdot",
    "√": r"\surd",
    "∂": r"\partial",
    "∇": r"\nabla",
    "‖": r"\|",
    "∞": r"\infty",
    "∑": r"\sum",
    "≤": r"\le",
    "≥": r"\ge",
    "≠": r"\ne",
    "≈": r"\approx",
    "→": r"\rightarrow",
    "←": r"\leftarrow",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "°": r"{}^\circ",
    "′": "'",
    "‹": r"\langle",
    "›": r"\rangle",
    "⊙": r"\odot",
    "∈": r"\in",
    "▶": r"\triangleright",
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\varepsilon",
    "ζ": r"\zeta",
    "η": r"\eta",
    "θ": r"\theta",
    "ι": r"\iota",
    "κ": r"\kappa",
    "λ": r"\lambda",
    "μ": r"\mu",
    "ν": r"\nu",
    "ξ": r"\xi",
    "π": r"\pi",
    "ρ": r"\rho",
    "σ": r"\sigma",
    "ς": r"\varsigma",
    "τ": r"\tau",
    "υ": r"\upsilon",
    "φ": r"\varphi",
    "χ": r"\chi",
    "ψ": r"\psi",
    "ω": r"\omega",
    "Γ": r"\Gamma",
    "Δ": r"\Delta",
    "Θ": r"\Theta",
    "Λ": r"\Lambda",
    "Ξ": r"\Xi",
    "Π": r"\Pi",
    "Σ": r"\Sigma",
    "Υ": r"\Upsilon",
    "Φ": r"\Phi",
    "Ψ": r"\Psi",
    "Ω": r"\Omega",
}
_WORDS = {
    "…": r"\ldots{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "•": r"\textbullet{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "½": r"$\frac12$",
    "\u00a0": "~",
}
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀ", "0123456789+-nT", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼ", "0123456789+-ij", strict=True))
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
    "\u0328": "k",
}


def escape_tex(text: str) -> str:
    r"""Return text for LaTeX, in ASCII alone.

    Signs of mathematics, Greek letters and letters with accents become commands. Any other sign is
    \sign{…} with its number in hexadecimal.

    Example:
        >>> print(escape_tex("w_1 × 50% é"))
        w\_1 $\times$ 50\% \'{e}
    """
    # A letter and the accent after it are one sign where there is one for both.
    return "".join(map(_escape_sign, unicodedata.normalize("NFC", text)))


def _escape_sign(sign: str) -> str:
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if " " <= sign <= "~":
        return sign
    if sign in _MATHEMATICS:
        return f"${_MATHEMATICS[sign]}$"
    if sign in _WORDS:
        return _WORDS[sign]
    if sign in _RAISED:
        return rf"\textsuperscript{{{_RAISED[sign]}}}"
    if sign in _LOWERED:
        return rf"\textsubscript{{{_LOWERED[sign]}}}"
    return _escape_accent(sign) or rf"\sign{{{ord(sign):04X}}}"


def _escape_accent(sign: str) -> str:
    """Return a letter with an accent as a command, "" where there is none for it."""
    parts = unicodedata.normalize("NFD", sign)
    letter, accent = parts[:1], parts[1:]
    if accent not in _ACCENTS:
        return ""
    is_latin = letter.isascii() and letter.isalpha()
    return rf"\{_ACCENTS[accent]}{{{letter}}}" if is_latin else ""


def needs_other_signs(text: str) -> bool:
    r"""Return whether `escape_tex` writes a \sign.

    Example:
        >>> needs_other_signs("é θ"), needs_other_signs("日")
        (False, True)
    """
    return r"\sign{" in escape_tex(text)
