"""A path of the chain rule: names and factors, written out for reading and for LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, isnan, log10

from scalargrad.terminal import fits_terminal, repr_fits_terminal

LONGEST_CHAIN = 12
"""Of a longer chain the first and the last factors are written."""
_MOST_DIGITS = 15


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class Path:
    """One way from the output to the leaf.

    names    the named Values on it, the output first
    factors  the derivative of each by the next: one fewer than names
    product  of the factors
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    product: float

    def notation(self) -> str:
        """The derivatives by name.

        >>> Path(("loss", "n", "w"), (0.5, 4.0), 2.0).notation()
        '∂loss/∂n * ∂n/∂w'
        """
        return spread_out([f"∂{above}/∂{below}" for above, below in pairwise(self.names)])

    def numbers(self) -> str:
        """The derivatives as numbers.

        >>> Path(("loss", "n", "w"), (0.5, 4.0), 2.0).numbers()
        '0.5 * 4.0'
        """
        return spread_out([short(x) for x in self.factors])

    @fits_terminal
    def __str__(self) -> str:
        if len(self.factors) == 1:
            return f"{self.notation()} = {short(self.product)}"
        return f"{self.notation()} = {self.numbers()} = {short(self.product)}"

    def latex(self) -> str:
        r"""The derivatives by name, then as numbers.

        >>> print(Path(("loss", "n", "w"), (0.5, 4.0), 2.0).latex())
        \frac{\partial \text{loss}}{\partial \text{n}} \cdot \frac{\partial \text{n}}{\partial \text{w}} = 0.5 \cdot 4
        """
        names = [latex_derivative(above, below) for above, below in pairwise(self.names)]
        numbers = [latex_factor(x) for x in self.factors]
        return " = ".join(r" \cdot ".join(_ends_of(parts, r"\cdots")) for parts in (names, numbers))


def short(x: float) -> str:
    """Four significant digits, as Python writes them.

    >>> short(2 / 3)
    '0.6667'
    """
    return repr(float(f"{x:.4g}") + 0.0)  # no minus on a zero


def spread_out(factors: Sequence[str]) -> str:
    """A product, without its middle where it is long."""
    left_out = len(factors) - 2 * (LONGEST_CHAIN // 2) + 1
    return " * ".join(_ends_of(factors, f"… {left_out:,} factors …"))


def _ends_of(factors: Sequence[str], middle: str) -> list[str]:
    half = LONGEST_CHAIN // 2
    return (
        [*factors]
        if len(factors) <= LONGEST_CHAIN
        else [*factors[:half], middle, *factors[1 - half :]]
    )


def counted(count: int, word: str = "path") -> str:
    """A number of things, however large.

    >>> counted(1), counted(1200), counted(2**100)
    ('1 path', '1,200 paths', 'about 1.3e+30 paths')
    """
    if count < 10**_MOST_DIGITS:
        return f"{count:,} {word}{'' if count == 1 else 's'}"
    power = log10(count)  # exact enough for whole numbers of any size
    return f"about {10 ** (power % 1):.1f}e+{int(power)} {word}s"


_LATEX = {
    "\\": r"$\backslash$",
    "^": r"$\hat{}$",
    "~": r"$\sim$",
    "<": "$<$",
    ">": "$>$",
    "|": r"$|$",
} | {c: f"\\{c}" for c in "{}$&#_%"}
_SIGNS = {
    "∂": r"$\partial$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "−": "$-$",
    "σ": r"$\sigma$",
    "θ": r"$\theta$",
    "√": r"$\surd$",
    "Σ": r"$\Sigma$",
}


def latex_name(name: str) -> str:
    r"""A name as text inside a formula, for LaTeX and MathJax alike: no sign in it is a command.

    >>> print(latex_name("w_1"))
    \text{w\_1}
    """
    return "\\text{" + "".join(_LATEX.get(c) or _SIGNS.get(c, c) for c in name) + "}"


def latex_derivative(above: str, below: str) -> str:
    """One derivative as a fraction."""
    return rf"\frac{{\partial {latex_name(above)}}}{{\partial {latex_name(below)}}}"


def latex_number(x: float) -> str:
    r"""Four significant digits.

    >>> latex_number(-1.5e-7), latex_number(float("inf"))
    ('-1.5 \\times 10^{-7}', '\\infty')
    """
    if not isfinite(x):
        return r"\mathrm{nan}" if isnan(x) else ("-" if x < 0 else "") + r"\infty"
    mantissa, _, power = f"{x:.4g}".partition("e")
    return rf"{mantissa} \times 10^{{{int(power)}}}" if power else mantissa


def latex_factor(x: float) -> str:
    """A number in a product: in brackets where it is negative."""
    return rf"\left({latex_number(x)}\right)" if x < 0 else latex_number(x)
