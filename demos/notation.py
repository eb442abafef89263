"""The chain rule with its numbers, as set mathematics for a page."""

from html import escape
from itertools import pairwise
from string import digits
from typing import TYPE_CHECKING

from demos.story import Formula
from viz.look.text import number

if TYPE_CHECKING:
    from viz import ChainRule


def chain_formula(rule: "ChainRule", caption: str) -> Formula:
    """Write a derivative with one path: its factors as symbols, as numbers, and their product.

    Args:
        rule: What `viz.chain_rule` returns.
        caption: The line beside the formula.

    Example:
        >>> import viz
        >>> from scalargrad import Value
        >>> x = Value(3.0, label="x")
        >>> y = -2.0 * x
        >>> y.label = "y"
        >>> chain_formula(viz.chain_rule(y, x), "").mathml.count("<mn>2</mn>")
        2
    """
    path = rule.paths[0]
    symbols = "<mo>·</mo>".join(_fraction(above, below) for above, below in pairwise(path.names))
    factors = "<mo>·</mo>".join(_number(factor, inside=True) for factor in path.factors)
    mathml = (
        '<math display="block"><mrow>'
        f"{_fraction(rule.output, rule.leaf)}<mo>=</mo>{symbols}<mo>=</mo>{factors}"
        f"<mo>=</mo>{_number(path.product)}</mrow></math>"
    )
    return Formula(mathml, caption)


def _fraction(above: str, below: str) -> str:
    return f"<mfrac>{_differential(above)}{_differential(below)}</mfrac>"


def _differential(name: str) -> str:
    return f"<mrow><mo>∂</mo>{_name(name)}</mrow>"


def _name(name: str) -> str:
    """Write a name; digits at its end become its index."""
    letters = name.rstrip(digits)
    if letters and letters != name:
        index = name.removeprefix(letters)
        return f"<msub><mi>{escape(letters)}</mi><mn>{index}</mn></msub>"
    return f"<mi>{escape(name)}</mi>"


def _number(x: float, inside: bool = False) -> str:
    """Write a number; inside of a product, a negative one is in brackets."""
    size = f"<mn>{escape(number(abs(x)))}</mn>"
    if x >= 0.0:
        return size
    negative = f"<mo>−</mo>{size}"
    return f"<mrow><mo>(</mo>{negative}<mo>)</mo></mrow>" if inside else negative
