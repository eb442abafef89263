"""Formulas read back: text and LaTeX as Python, so that they can be evaluated."""

import math
import re
from collections.abc import Mapping
from typing import Any

from scalargrad.core.ops import FLOATS
from viz import Formula

_SIGNS = {
    "·": "*",
    "−": "-",
    "^": "**",
    "⌊": "floor(",
    "⌋": ")",
    "√": "sqrt",
    "∛": "cbrt",
    " mod ": " % ",
    "∞": "inf",
    "log₂": "log2",
    "log₁₀": "log10",
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LATEX_SIGNS = {
    r"\left(": "(",
    r"\right)": ")",
    r"\left|": "abs(",
    r"\right|": ")",
    r"\left\lfloor": "floor(",
    r"\right\rfloor": ")",
    r"\cdot": "*",
    r"\times": "*",
    r"\bmod": "%",
    r"\sqrt[3]": "cbrt",
    r"\infty": "inf",
    r"\sigma": "σ",
    r"\log_{2}": "log2",
    r"\log_{10}": "log10",
}

FUNCTIONS: dict[str, Any] = {
    "e": math.e,
    "inf": math.inf,
    "abs": abs,
    "max": max,
    "take": lambda index, *items: items[min(max(math.floor(index + 0.5), 0), len(items) - 1)],
    "min": min,
    "floor": math.floor,
    "round": round,
    "sqrt": math.sqrt,
    "cbrt": math.cbrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "arsinh": math.asinh,
    "arcosh": math.acosh,
    "artanh": math.atanh,
    "atan2": math.atan2,
    "erf": math.erf,
    "erfc": math.erfc,
    "ln": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sgn": lambda x: (x > 0) - (x < 0),
    "logit": lambda x: math.log(x / (1 - x)),
    "clamp": lambda x, low, high: min(max(x, low), high),
    "where": lambda condition, x, y: x if condition else y,
    "step": lambda x: float(x > 0),
    "lt": lambda x, y: float(x < y),
    "le": lambda x, y: float(x <= y),
    "indeterminate": FLOATS._indeterminate,
    "stop": lambda x: x,
    "ReLU": lambda x: max(x, 0.0),
    "ReLU6": FLOATS.relu6,
    "LeakyReLU": FLOATS.leaky_relu,
    "PReLU": FLOATS.prelu,
    "RReLU": FLOATS.rrelu,
    "ELU": FLOATS.elu,
    "SELU": FLOATS.selu,
    "CELU": FLOATS.celu,
    "GELU": FLOATS.gelu,
    "GELUtanh": FLOATS.gelu_tanh,
    "σ": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "SiLU": FLOATS.silu,
    "Mish": FLOATS.mish,
    "softsign": FLOATS.softsign,
    "hardsigmoid": FLOATS.hardsigmoid,
    "hardswish": FLOATS.hardswish,
    "softshrink": FLOATS.softshrink,
    "hardtanh": FLOATS.hardtanh,
    "square": lambda function: lambda *x: function(*x) ** 2,
}
"""What the names in formulas mean."""


def text_as_python(text: str) -> str:
    """Return the text of an expression as Python."""
    code = ""
    for character in text:
        if character == "|":
            # A product is always written with its sign: a bar after an operand closes.
            is_after_operand = code.rstrip()[-1:].isalnum() or code.rstrip()[-1:] in (")", "⌋")
            code += ")" if is_after_operand else "abs("
        else:
            code += character
    for sign, replacement in _SIGNS.items():
        code = code.replace(sign, replacement)
    code = re.sub(r"([A-Za-zσ]+[0-9]*)²\(", r"square(\1)(", code)
    return re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda found: f"**({found[0].translate(_SUPERSCRIPTS)})", code)


def latex_as_python(latex: str) -> str:
    """Return the LaTeX of an expression as Python; of two cases the first."""
    code = re.sub(r"\\([a-z]+)\^\{2\}\\left\(", r"square(\1)(", latex)
    code = re.sub(r"\\operatorname\{(\w+)\}\^\{2\}\\left\(", r"square(\1)(", code)
    code = re.sub(r"\\operatorname\{(\w+)\}", r"\1", code)
    code = re.sub(r"\\begin\{cases\} (.*?) & .*\\end\{cases\}", r"(\1)", code)
    for sign, replacement in _LATEX_SIGNS.items():
        code = code.replace(sign, replacement)
    before = ""
    while before != code:
        before = code
        code = re.sub(r"([a-z])_\{(\d+)\}", r"\1\2", code)
        code = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", code)
        code = re.sub(r"(sqrt|cbrt)\{([^{}]*)\}", r"\1(\2)", code)
        code = re.sub(r"\^\{([^{}]*)\}", r"**(\1)", code)
    return code.replace("\\", "")


def evaluate(formula: Formula, numbers: Mapping[str, float]) -> float:
    """Return the value of the text of a formula, whose result has no label."""
    first, *lines = str(formula).splitlines()
    return _evaluate([text_as_python(line) for line in [first, *lines]], numbers)


def evaluate_latex(formula: Formula, numbers: Mapping[str, float]) -> float:
    """Return the value of the LaTeX of a formula, whose result has no label."""
    latex = formula.latex
    if latex.startswith(r"\begin{aligned}"):
        latex = "\n".join(latex.splitlines()[1:-1])
        for layout in ("& ", r"\quad", r"\text{where }", r" \\"):
            latex = latex.replace(layout, "")
    return _evaluate([latex_as_python(line) for line in latex.splitlines()], numbers)


def _evaluate(lines: list[str], numbers: Mapping[str, float]) -> float:
    known = dict(numbers)
    first, *others = lines
    # The names in a line are explained in lines below it.
    for line in reversed(others):
        name, _, code = line.removeprefix("  where ").strip().partition(" = ")
        known[name] = eval(code, dict(FUNCTIONS), known)
    return float(eval(first, dict(FUNCTIONS), known))
