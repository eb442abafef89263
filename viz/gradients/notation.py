"""How paths of the chain rule are written: names of Values, products, and LaTeX."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, isnan, log10
from typing import TypeVar

from scalargrad.core.scopes import CallScope, Scope
from scalargrad.core.source_lines import SourceLine
from scalargrad.core.value import Value
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from viz.look.text import clean, number, plural
from viz.model.snapshot import MAX_NAME, formula, symbol

from .path_sums import Trail, nodes_on

Named = TypeVar("Named", Value, str)
"""What has a name on a path: a Value, or in a sketch the whole name."""

MAX_CHAIN = 12
"""Factors of a product that are written; of a longer one the first and the last."""

_MAX_DIGITS = 15
_NUMBERED = re.compile(r" #\d+$")


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class Path:
    """One path from the output to the leaf.

    Attributes:
        names: The named Values on it, the output first.
        factors: The derivative of each by the next: one fewer than names.
        product: The product of the factors.
        count: How many paths through the graph it stands for.
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    product: float
    count: int = 1

    def notation(self) -> str:
        """Return the derivatives by name.

        Example:
            >>> Path(("loss", "n", "w"), (0.5, 4.0), 2.0).notation()
            '∂loss/∂n * ∂n/∂w'
        """
        return write_derivatives(self.names)

    def numbers(self) -> str:
        """Return the derivatives as numbers.

        Example:
            >>> Path(("loss", "n", "w"), (0.5, 4.0), 2.0).numbers()
            '0.5 * 4.0'
        """
        return _write_product([short(x) for x in self.factors])

    @fits_terminal
    def __str__(self) -> str:
        if len(self.factors) == 1:
            return f"{self.notation()} = {short(self.product)}"
        return f"{self.notation()} = {self.numbers()} = {short(self.product)}"

    def latex(self) -> str:
        r"""Return the derivatives by name, then as numbers.

        Example:
            >>> left, right = Path(("loss", "w"), (0.5,), 0.5).latex().split(" = ")
            >>> print(left, right)
            \frac{\partial \text{loss}}{\partial \text{w}} 0.5
        """
        names = [latex_derivative(above, below) for above, below in pairwise(self.names)]
        factors = [latex_factor(x) for x in self.factors]
        return f"{_write_latex_product(names)} = {_write_latex_product(factors)}"


def write_derivatives(names: Sequence[str]) -> str:
    """Return the product of the derivatives of each name by the next.

    Example:
        >>> write_derivatives(["loss", "n", "w"])
        '∂loss/∂n * ∂n/∂w'
    """
    return _write_product([f"∂{above}/∂{below}" for above, below in pairwise(names)])


def short(x: float) -> str:
    """Return four significant digits, as Python writes them.

    Example:
        >>> short(2 / 3)
        '0.6667'
    """
    # Adding 0.0 turns -0.0 into 0.0.
    return repr(float(f"{x:.4g}") + 0.0)


def _write_product(factors: Sequence[str]) -> str:
    hidden = len(factors) - (MAX_CHAIN - 1)
    return " * ".join(_shorten(factors, f"… {hidden:,} factors …"))


def _write_latex_product(factors: Sequence[str]) -> str:
    return r" \cdot ".join(_shorten(factors, r"\cdots"))


def _shorten(factors: Sequence[str], middle: str) -> list[str]:
    """Return the factors of a product, with something else for the middle of a long one."""
    if len(factors) <= MAX_CHAIN:
        return [*factors]
    half = MAX_CHAIN // 2
    return [*factors[:half], middle, *factors[1 - half :]]


def write_count(count: int, word: str = "path") -> str:
    """Return a number of things, however large.

    Example:
        >>> write_count(1), write_count(1200), write_count(2**100)
        ('1 path', '1,200 paths', 'about 1.3e+30 paths')
    """
    if count < 10**_MAX_DIGITS:
        return plural(count, word)
    # Not float(count): the logarithm takes whole numbers of any size.
    power = log10(count)
    mantissa = 10 ** (power % 1)
    return f"about {mantissa:.1f}e+{int(power)} {word}s"


# Names of Values


def name_of(node: Value) -> str:
    """Return how a sentence names a Value: its label, how it was made, or its kind and number.

    Example:
        >>> name_of(Value(2.0, label="x") * 3), name_of(Value(2.0))
        ('x × 3', 'the input 2')
    """
    label = clean(node.label, MAX_NAME)
    if label:
        return label
    return formula(node) if node.args else f"the {node.kind} {number(node.data)}"


def name_stops(order: Iterable[Value], output: Value, leaf: Value) -> dict[Value, str]:
    """Return the Values that a chain rule names, each with its name.

    They are the output and the leaf, those with a label, and those that a variable was given to,
    inside `trace_calls`, if it was given no other one of them.
    """
    nodes = dict.fromkeys((*order, output))
    variable_of = {node: _variable(node.made_at) for node in nodes if node.args}
    variable_of[output] = _variable(line_left(None, output))
    uses = Counter(variable_of.values())
    names: dict[Value, str] = {}
    for node in nodes:
        is_end = node is output or node is leaf
        label = clean(node.label, MAX_NAME) if node.label or is_end else ""
        variable = variable_of.get(node, "")
        name = label or (variable if uses[variable] == 1 else "")
        if name or is_end:
            names[node] = name or formula(node)
    return number_names(names)


def name_on_paths(trails: Sequence[Trail], output: Value, leaf: Value) -> dict[Value, str]:
    """Return a name for every Value on some paths.

    The name is the first of these that there is: its label; the variable that it was given to,
    inside `trace_calls`; the module or the function that it leaves; how it was made, where its
    operands have labels; the sign of its operation, which may be the name of several.
    """
    on_paths = (leaf, *nodes_on(trails), output)
    plain = {node: clean(node.label, MAX_NAME) for node in on_paths}
    for trail in trails:
        for step in trail.steps()[1:]:
            plain[step.node] = plain[step.node] or name_left(step.user, step.node)
    plain[output] = plain[output] or _variable(line_left(None, output))

    names: dict[Value, str] = {}
    signs: dict[Value, str] = {}
    for node, name in plain.items():
        is_inner = bool(node.args) and node is not output and node is not leaf
        has_named_operand = any(arg.label for arg in node.args)
        if is_inner and not name and not has_named_operand:
            signs[node] = _bracket(symbol(node))
        else:
            names[node] = name or formula(node)
    return number_names(names) | signs


def skip_plain_steps(trail: Trail) -> list[tuple[Value, float]]:
    """Return the Values of a path that are worth a name.

    Left out are those without a label that pass on just what they get, such as the partial sums of
    a neuron.

    Returns:
        Each Value with the derivative of the one before it.
    """
    first, *steps = trail.steps()
    kept = [(first.node, 1.0)]
    # The derivative since the last Value that was kept: of the Values skipped, all but one factor
    # are 1.
    factor = 1.0
    # Behind a variable a term of its sum is not worth a name either.
    is_behind_variable = False
    for step, after in pairwise(steps):
        factor = step.factor if factor == 1.0 else factor
        passes_on = after.factor == 1.0 or (factor == 1.0 and is_behind_variable)
        name = step.node.label or name_left(step.user, step.node)
        if name or not passes_on:
            kept.append((step.node, factor))
            factor = 1.0
            is_behind_variable = bool(name) and step.node.made_at is not None
    if steps:
        last = steps[-1]
        kept.append((last.node, last.factor if factor == 1.0 else factor))
    return kept


def name_left(above: Value, below: Value) -> str:
    """Return the name in the code of what a path comes to: a variable, a module or a function.

    Args:
        above: A Value.
        below: A Value that it is made of.

    Returns:
        The variable that `below` was given to, if `above` was made elsewhere, or the module or the
        function that the path enters from behind, at its output; else "".

    Example:
        >>> import scalargrad as sg
        >>> with sg.trace_calls():
        ...     q = sg.Value(2.0) * 3
        ...     y = q + 1
        >>> name_left(y, q), name_left(y, Value(2.0))
        ('q', '')
    """
    line = line_left(above, below)
    if line is not None and line.variable:
        return clean(line.variable, MAX_NAME)
    scope = below.scope
    if below.args and isinstance(scope, CallScope) and scope not in _calls(above):
        return f"{clean(scope.kind, MAX_NAME)}()"
    return module_left(above, below)


def line_left(above: Value | None, below: Value) -> SourceLine | None:
    """Return the line of code that has the name of what a path comes to.

    Args:
        above: A Value; None for the output itself, which a path begins with.
        below: A Value that it is made of.

    Returns:
        The call that `below` is the result of, or the line that made it; None where `above` was
        made there, too, and without `trace_calls`.
    """
    line = below.made_at
    if not below.args or line is None:
        return None
    # The result of a call may be returned by the caller, too: the innermost name says most.
    around = [] if above is None else _calls(above)
    for call in reversed(_calls(below)):
        if isinstance(call, CallScope) and call not in around:
            called_at = call.called_at
            if called_at is not None and called_at.variable:
                return called_at
    return None if above is not None and line == above.made_at else line


def _calls(node: Value) -> list[Scope]:
    return [] if node.scope is None else node.scope.chain()


def _variable(line: SourceLine | None) -> str:
    return "" if line is None else clean(line.variable, MAX_NAME)


def module_left(above: Value, below: Value) -> str:
    """Return the path of the module that a path enters from behind, at its output; else "".

    Args:
        above: A Value.
        below: One of its operands.

    Example:
        >>> module_left(Value(2.0) * 3, Value(2.0))
        ''
    """
    if not below.args or below.scope is None or not below.scope.path:
        return ""
    is_outside = above.scope is None or above.scope is not below.scope
    return clean(below.scope.path, 2 * MAX_NAME) if is_outside else ""


def number_names(names: Mapping[Named, str]) -> dict[Named, str]:
    """Return equal names numbered, and names that would read as a formula in brackets."""
    seen: Counter[str] = Counter()
    numbered = {}
    for node, name in names.items():
        seen[name] += 1
        rank = seen[name]
        numbered[node] = _bracket(name if rank == 1 else f"{name} #{rank}")
    return numbered


def base_name(name: str) -> str:
    """Return a name without the number that equal ones are told apart by.

    Example:
        >>> base_name("(q #2)"), base_name("(w × x)")
        ('q', 'w × x')
    """
    if name.startswith("(") and name.endswith(")"):
        name = name[1:-1]
    return _NUMBERED.sub("", name)


def _bracket(name: str) -> str:
    reads_as_formula = any(sign in name for sign in " /*+−×÷")
    return f"({name})" if reads_as_formula else name


# LaTeX

_LATEX_SIGNS = {
    "\\": r"$\backslash$",
    "^": r"$\hat{}$",
    "~": r"$\sim$",
    "<": "$<$",
    ">": "$>$",
    "|": r"$|$",
    "∂": r"$\partial$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "−": "$-$",
    "σ": r"$\sigma$",
    "θ": r"$\theta$",
    "√": r"$\surd$",
    "Σ": r"$\Sigma$",
} | {sign: f"\\{sign}" for sign in "{}$&#_%"}


def latex_name(name: str) -> str:
    r"""Return a name as text inside a formula, for LaTeX and MathJax: no sign in it is a command.

    Example:
        >>> print(latex_name("w_1"))
        \text{w\_1}
    """
    escaped = "".join(_LATEX_SIGNS.get(sign, sign) for sign in name)
    return f"\\text{{{escaped}}}"


def latex_derivative(above: str, below: str) -> str:
    """Return one derivative as a fraction."""
    return rf"\frac{{\partial {latex_name(above)}}}{{\partial {latex_name(below)}}}"


def latex_number(x: float) -> str:
    r"""Return four significant digits.

    Example:
        >>> latex_number(-1.5e-7), latex_number(float("inf"))
        ('-1.5 \\times 10^{-7}', '\\infty')
    """
    if isnan(x):
        return r"\mathrm{nan}"
    if not isfinite(x):
        return r"-\infty" if x < 0 else r"\infty"
    mantissa, _, power = f"{x:.4g}".partition("e")
    return rf"{mantissa} \times 10^{{{int(power)}}}" if power else mantissa


def latex_factor(x: float) -> str:
    """Return a number in a product: in brackets where it is negative."""
    return rf"\left({latex_number(x)}\right)" if x < 0 else latex_number(x)
