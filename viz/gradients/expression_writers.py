"""Expressions as text, LaTeX and MathML, with the brackets that each needs and no more.

A fraction is flat in text, `a / (b + c)`, and needs no brackets where it is drawn with a bar. So
each format has its own levels of binding.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import IntEnum
from math import isfinite, isnan
from typing import ClassVar, NamedTuple

from viz.look.text import escape

from .expressions import Expression, Kind
from .notation import latex_name

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_MAX_SUPERSCRIPT = 100
_SYMBOL = re.compile(r"([A-Za-z])_?([0-9₀-₉]*)(#[0-9]+)?")
"""A name that is a variable of mathematics: a letter, perhaps with an index and a rank."""
_LONGEST = 300
"""Characters of a name; the names are cut already, this is for what is added to them."""


class Level(IntEnum):
    """How strongly an expression holds together."""

    LOOSE = 0
    SUM = 1
    PRODUCT = 2
    POWER = 3
    ATOM = 4


class Written(NamedTuple):
    """A finished piece of a formula."""

    text: str
    level: Level = Level.ATOM


class Shape(NamedTuple):
    """How one kind of expression is written whose parts have fixed places.

    Attributes:
        template: The text, with {0} for the first part.
        needs: The level that each part needs to go without brackets.
        level: That of the whole.
    """

    template: str
    needs: tuple[Level, ...]
    level: Level = Level.ATOM


class Writer(ABC):
    """What the formats have in common: brackets, signs, and the order of the parts."""

    minus: str
    plus_between: str
    minus_between: str
    times: str
    comma: str
    scientific_level = Level.PRODUCT
    shapes: ClassVar[dict[Kind, Shape]]

    def write(self, expression: Expression) -> str:
        """Return an expression in this format."""
        return self._write(expression).text

    def _write(self, expression: Expression) -> Written:
        shape = self.shapes.get(expression.kind)
        if shape is not None:
            parts = [
                self._part(part, need)
                for part, need in zip(expression.parts, shape.needs, strict=True)
            ]
            return Written(shape.template.format(*parts), shape.level)
        return _WRITERS[expression.kind](self, expression)

    def _part(self, part: Expression, need: Level, signed: bool = False) -> str:
        """Return a part, in brackets where it would otherwise be read in another way."""
        text, level = self._write(part)
        has_bare_minus = need > Level.SUM and not signed and text.startswith(self.minus)
        return self.bracket(text) if level < need or has_bare_minus else text

    def write_number(self, expression: Expression) -> Written:
        """Write a number, whose minus sign binds as loosely as that of a product."""
        x = expression.value
        if isnan(x):
            return Written(self.constant("nan"))
        sign = self.minus if str(x).startswith("-") else ""
        if not isfinite(x):
            return Written(sign + self.constant("∞"), Level.PRODUCT if sign else Level.ATOM)
        mantissa, _, power = repr(abs(x)).removesuffix(".0").partition("e")
        if not power:
            return Written(sign + self.digits(mantissa), Level.PRODUCT if sign else Level.ATOM)
        level = Level.PRODUCT if sign else self.scientific_level
        return Written(sign + self.scientific(mantissa, int(power)), level)

    def write_name(self, expression: Expression) -> Written:
        """Write a variable."""
        return Written(self.name(expression.text))

    def write_hidden(self, expression: Expression) -> Written:
        """Write the dots for parts that are left out, with their number."""
        return Written(self.hidden(int(expression.value)))

    def write_sum(self, expression: Expression) -> Written:
        """Write a sum, where a term with a minus sign is subtracted."""
        first, *others = [self._part(part, Level.SUM) for part in expression.parts]
        text = first
        for term in others:
            if term.startswith(self.minus):
                text += self.minus_between + term.removeprefix(self.minus)
            else:
                text += self.plus_between + term
        if any(part.kind is Kind.HIDDEN for part in expression.parts):
            return Written(self.big_operator("Σ", text))
        return Written(text, Level.SUM)

    def write_product(self, expression: Expression) -> Written:
        """Write a product; only its first factor may have a bare minus sign."""
        first, *others = expression.parts
        factors = [self._part(first, Level.PRODUCT, signed=True)]
        factors += [self._part(factor, Level.POWER) for factor in others]
        text = self.times.join(factors)
        if any(part.kind is Kind.HIDDEN for part in expression.parts):
            return Written(self.big_operator("∏", text))
        return Written(text, Level.PRODUCT)

    def write_negative(self, expression: Expression) -> Written:
        """Write a minus sign before an expression."""
        return Written(self.minus + self._part(expression.parts[0], Level.PRODUCT), Level.PRODUCT)

    def write_power(self, expression: Expression) -> Written:
        """Write a power; that of a function as tanh²(x)."""
        base, exponent = expression.parts
        is_plain = exponent.kind is Kind.NUMBER and exponent.value == 2.0
        if is_plain and base.kind is Kind.CALL:
            name = self.power(self.function(base.text), exponent)
            return Written(name + self.arguments(self._arguments(base)), Level.POWER)
        return Written(self.power(self._part(base, Level.ATOM), exponent), Level.POWER)

    def write_call(self, expression: Expression) -> Written:
        """Write a function with its arguments."""
        arguments = self._arguments(expression)
        return Written(self.function(expression.text) + self.arguments(arguments))

    def _arguments(self, expression: Expression) -> str:
        return self.comma.join([self._part(part, Level.LOOSE) for part in expression.parts])

    @abstractmethod
    def bracket(self, text: str) -> str:
        """Put something in brackets."""

    @abstractmethod
    def constant(self, sign: str) -> str:
        """Write ∞ or nan."""

    @abstractmethod
    def digits(self, text: str) -> str:
        """Write a number without sign and exponent."""

    @abstractmethod
    def scientific(self, mantissa: str, power: int) -> str:
        """Write a number with a power of ten."""

    @abstractmethod
    def name(self, name: str) -> str:
        """Write a name that a user gave."""

    @abstractmethod
    def function(self, name: str) -> str:
        """Write the name of a function."""

    @abstractmethod
    def arguments(self, text: str) -> str:
        """Write the arguments of a function."""

    @abstractmethod
    def hidden(self, count: int) -> str:
        """Write what is between the first and the last of many parts."""

    @abstractmethod
    def big_operator(self, sign: str, text: str) -> str:
        """Write a long sum or product."""

    @abstractmethod
    def power(self, base: str, exponent: Expression) -> str:
        """Write a base with an exponent."""

    @abstractmethod
    def lines(self, equations: Sequence[tuple[str, Expression]], more: int) -> str:
        """Write equations below each other: names (none for the first, perhaps) and expressions."""


_WRITERS: dict[Kind, Callable[[Writer, Expression], Written]] = {
    Kind.NUMBER: Writer.write_number,
    Kind.NAME: Writer.write_name,
    Kind.HIDDEN: Writer.write_hidden,
    Kind.SUM: Writer.write_sum,
    Kind.NEGATIVE: Writer.write_negative,
    Kind.PRODUCT: Writer.write_product,
    Kind.POWER: Writer.write_power,
    Kind.CALL: Writer.write_call,
}


class TextWriter(Writer):
    """Plain text, on one line."""

    scientific_level = Level.ATOM
    minus = "−"
    plus_between = " + "
    minus_between = " − "
    times = " · "
    comma = ", "
    shapes: ClassVar[dict[Kind, Shape]] = {
        Kind.FRACTION: Shape("{0} / {1}", (Level.PRODUCT, Level.POWER), Level.PRODUCT),
        Kind.SQUARE_ROOT: Shape("√({0})", (Level.LOOSE,)),
        Kind.CUBE_ROOT: Shape("∛({0})", (Level.LOOSE,)),
        Kind.BARS: Shape("|{0}|", (Level.LOOSE,)),
        Kind.FLOOR: Shape("⌊{0}⌋", (Level.LOOSE,)),
        Kind.REMAINDER: Shape("{0} mod {1}", (Level.POWER, Level.POWER), Level.LOOSE),
        Kind.CASES: Shape("where({0}, {1}, {2})", (Level.LOOSE,) * 3),
    }

    def bracket(self, text: str) -> str:
        """Put something in brackets."""
        return f"({text})"

    def constant(self, sign: str) -> str:
        """Write ∞ or nan."""
        return sign

    def digits(self, text: str) -> str:
        """Write a number without sign and exponent."""
        return text

    def scientific(self, mantissa: str, power: int) -> str:
        """Write a number with a power of ten."""
        return f"{mantissa}e{power}".replace("-", self.minus)

    def name(self, name: str) -> str:
        """Write a name that a user gave."""
        return name

    def function(self, name: str) -> str:
        """Write the name of a function."""
        return name

    def arguments(self, text: str) -> str:
        """Write the arguments of a function."""
        return f"({text})"

    def hidden(self, count: int) -> str:
        """Write what is between the first and the last of many parts."""
        return f"… {count:,} more …"

    def big_operator(self, sign: str, text: str) -> str:
        """Write a long sum or product."""
        return f"{sign}({text})"

    def power(self, base: str, exponent: Expression) -> str:
        """Write a base with an exponent; a small whole one raised."""
        x = exponent.value
        is_whole = exponent.kind is Kind.NUMBER and isfinite(x) and x == int(x)
        if is_whole and abs(x) < _MAX_SUPERSCRIPT:
            return base + str(int(x)).translate(_SUPERSCRIPTS)
        return f"{base}^{self._part(exponent, Level.ATOM)}"

    def lines(self, equations: Sequence[tuple[str, Expression]], more: int) -> str:
        """Write equations below each other."""
        written = []
        for i, (name, expression) in enumerate(equations):
            head = f"{name} = " if name else ""
            where = "  where " if i == 1 else "        " if i else ""
            written.append(f"{where}{head}{self.write(expression)}")
        if more:
            written.append(f"        … {more:,} more …")
        return "\n".join(written)


_LATEX_NAMES = (
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
    *("ln", "max", "min"),
)
_LATEX_FUNCTIONS = {"σ": r"\sigma", "log₂": r"\log_{2}", "log₁₀": r"\log_{10}"} | {
    name: f"\\{name}" for name in _LATEX_NAMES
}


class LatexWriter(Writer):
    """LaTeX, for MathJax too."""

    minus = "-"
    plus_between = " + "
    minus_between = " - "
    times = r" \cdot "
    comma = ", "
    shapes: ClassVar[dict[Kind, Shape]] = {
        Kind.FRACTION: Shape(r"\frac{{{0}}}{{{1}}}", (Level.LOOSE,) * 2, Level.POWER),
        Kind.SQUARE_ROOT: Shape(r"\sqrt{{{0}}}", (Level.LOOSE,)),
        Kind.CUBE_ROOT: Shape(r"\sqrt[3]{{{0}}}", (Level.LOOSE,)),
        Kind.BARS: Shape(r"\left|{0}\right|", (Level.LOOSE,)),
        Kind.FLOOR: Shape(r"\left\lfloor {0} \right\rfloor", (Level.LOOSE,)),
        Kind.REMAINDER: Shape(r"{0} \bmod {1}", (Level.POWER, Level.POWER), Level.LOOSE),
        Kind.CASES: Shape(
            r"\begin{{cases}} {1} & \text{{if }} {0} \neq 0 \\ {2} & \text{{else}} \end{{cases}}",
            (Level.SUM, Level.LOOSE, Level.LOOSE),
            Level.LOOSE,
        ),
    }

    def bracket(self, text: str) -> str:
        """Put something in brackets."""
        return rf"\left({text}\right)"

    def constant(self, sign: str) -> str:
        """Write ∞ or nan."""
        return r"\infty" if sign == "∞" else rf"\mathrm{{{sign}}}"

    def digits(self, text: str) -> str:
        """Write a number without sign and exponent."""
        return text

    def scientific(self, mantissa: str, power: int) -> str:
        """Write a number with a power of ten."""
        return rf"{mantissa} \times 10^{{{power}}}"

    def name(self, name: str) -> str:
        """Write a name that a user gave: a letter with an index as a variable, others as text."""
        symbol = _SYMBOL.fullmatch(name)
        if symbol is None:
            return latex_name(name)
        letter, *indices = symbol.groups(default="")
        index = "".join(indices).translate(_SUBSCRIPTS).replace("#", r"\#")
        return f"{letter}_{{{index}}}" if index else letter

    def function(self, name: str) -> str:
        """Write the name of a function."""
        known = _LATEX_FUNCTIONS.get(name)
        if known is not None:
            return known
        return (
            rf"\operatorname{{{name}}}" if name.isascii() and name.isalnum() else latex_name(name)
        )

    def arguments(self, text: str) -> str:
        """Write the arguments of a function."""
        return self.bracket(text)

    def hidden(self, count: int) -> str:
        """Write what is between the first and the last of many parts."""
        return rf"\underset{{\text{{{count:,} more}}}}{{\cdots}}"

    def big_operator(self, sign: str, text: str) -> str:
        """Write a long sum or product."""
        command = r"\sum" if sign == "Σ" else r"\prod"
        return f"{command} {self.bracket(text)}"

    def power(self, base: str, exponent: Expression) -> str:
        """Write a base with an exponent."""
        return f"{base}^{{{self.write(exponent)}}}"

    def lines(self, equations: Sequence[tuple[str, Expression]], more: int) -> str:
        """Write equations below each other, aligned."""
        written = []
        for name, expression in equations:
            head = f"{self.name(name)} = " if name else ""
            written.append(head + self.write(expression))
        if len(written) == 1 and not more:
            return written[0]
        rows = [f"& {written[0]}", *[rf"& \quad {line}" for line in written[1:]]]
        if more:
            rows.append(rf"& \quad {self.hidden(more)}")
        rows[1] = rows[1].replace(r"\quad", r"\quad\text{where }", 1)
        body = " \\\\\n".join(rows)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _fence(before: str, after: str) -> str:
    return f"<mrow><mo>{before}</mo>{{0}}<mo>{after}</mo></mrow>"


class MathmlWriter(Writer):
    """MathML Core, which browsers show without a script."""

    minus = "<mo>−</mo>"
    plus_between = "<mo>+</mo>"
    minus_between = minus
    times = "<mo>·</mo>"
    comma = "<mo>,</mo>"
    shapes: ClassVar[dict[Kind, Shape]] = {
        Kind.FRACTION: Shape(
            "<mfrac><mrow>{0}</mrow><mrow>{1}</mrow></mfrac>", (Level.LOOSE,) * 2, Level.POWER
        ),
        Kind.SQUARE_ROOT: Shape("<msqrt>{0}</msqrt>", (Level.LOOSE,)),
        Kind.CUBE_ROOT: Shape("<mroot><mrow>{0}</mrow><mn>3</mn></mroot>", (Level.LOOSE,)),
        Kind.BARS: Shape(_fence("|", "|"), (Level.LOOSE,)),
        Kind.FLOOR: Shape(_fence("⌊", "⌋"), (Level.LOOSE,)),
        Kind.REMAINDER: Shape("{0}<mo>mod</mo>{1}", (Level.POWER, Level.POWER), Level.LOOSE),
        Kind.CASES: Shape(
            "<mrow><mo>{{</mo><mtable>"
            "<mtr><mtd>{1}</mtd><mtd><mtext>if&#160;</mtext>{0}<mo>≠</mo><mn>0</mn></mtd></mtr>"
            "<mtr><mtd>{2}</mtd><mtd><mtext>else</mtext></mtd></mtr></mtable></mrow>",
            (Level.SUM, Level.LOOSE, Level.LOOSE),
            Level.LOOSE,
        ),
    }

    def bracket(self, text: str) -> str:
        """Put something in brackets."""
        # Where no font has brackets for every height, browsers make all of them too high.
        is_high = any(tag in text for tag in ("<mfrac", "<mtable"))
        stretch = "" if is_high else ' stretchy="false"'
        # In a row of its own, a minus sign at the beginning is no subtraction.
        return f"<mrow><mo{stretch}>(</mo><mrow>{text}</mrow><mo{stretch}>)</mo></mrow>"

    def constant(self, sign: str) -> str:
        """Write ∞ or nan."""
        return f"<mi>{sign}</mi>"

    def digits(self, text: str) -> str:
        """Write a number without sign and exponent."""
        return f"<mn>{text}</mn>"

    def scientific(self, mantissa: str, power: int) -> str:
        """Write a number with a power of ten."""
        sign = self.minus if power < 0 else ""
        exponent = f"<mrow>{sign}<mn>{abs(power)}</mn></mrow>"
        return f"<mn>{mantissa}</mn><mo>×</mo><msup><mn>10</mn>{exponent}</msup>"

    def name(self, name: str) -> str:
        """Write a name that a user gave: a letter with an index as a variable, others as text."""
        symbol = _SYMBOL.fullmatch(name)
        if symbol is None:
            return f"<mtext>{escape(name, _LONGEST)}</mtext>"
        letter, *indices = symbol.groups(default="")
        variable = f"<mi>{letter}</mi>"
        index = "".join(indices).translate(_SUBSCRIPTS)
        return f"<msub>{variable}<mn>{index}</mn></msub>" if index else variable

    def function(self, name: str) -> str:
        """Write the name of a function."""
        plain = name.rstrip("₀₁₂₃₄₅₆₇₈₉")
        base = f'<mi mathvariant="normal">{escape(plain, _LONGEST)}</mi>'
        index = name[len(plain) :].translate(_SUBSCRIPTS)
        return f"<msub>{base}<mn>{index}</mn></msub>" if index else base

    def arguments(self, text: str) -> str:
        """Write the arguments of a function."""
        # An invisible sign that stands for "applied to", which screen readers say.
        return f"<mo>&#8289;</mo>{self.bracket(text)}"

    def hidden(self, count: int) -> str:
        """Write what is between the first and the last of many parts."""
        return f"<munder><mo>⋯</mo><mtext>{count:,} more</mtext></munder>"

    def big_operator(self, sign: str, text: str) -> str:
        """Write a long sum or product."""
        return f"<mo>{'∑' if sign == 'Σ' else sign}</mo>{self.bracket(text)}"

    def power(self, base: str, exponent: Expression) -> str:
        """Write a base with an exponent."""
        return f"<msup><mrow>{base}</mrow><mrow>{self.write(exponent)}</mrow></msup>"

    def lines(self, equations: Sequence[tuple[str, Expression]], more: int) -> str:
        """Write equations below each other, aligned."""
        rows = []
        for i, (name, expression) in enumerate(equations):
            where = "<mtext>where&#160;</mtext>" if i == 1 else ""
            head = f"{self.name(name)}<mo>=</mo>" if name else ""
            rows.append(f"<mrow>{where}{head}{self.write(expression)}</mrow>")
        if more:
            rows.append(self.hidden(more))
        if len(rows) == 1:
            return self._document(rows[0])
        style = "text-align: left"
        cells = "".join(f'<mtr><mtd style="{style}">{row}</mtd></mtr>' for row in rows)
        return self._document(f'<mtable displaystyle="true">{cells}</mtable>')

    def _document(self, body: str) -> str:
        address = "http://www.w3.org/1998/Math/MathML"
        return f'<math xmlns="{address}" display="block">{body}</math>'


TEXT = TextWriter()
LATEX = LatexWriter()
MATHML = MathmlWriter()
