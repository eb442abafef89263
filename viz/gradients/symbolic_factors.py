"""The factors of a chain rule in symbols: the derivative that each operation of a path has.

The rules of the table are run on Values, so that a derivative is a graph, and a graph has a
formula. Where a rule chooses between two cases, the one that holds at these numbers is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from scalargrad.core.backprop import local_derivatives
from scalargrad.core.modes import Mode, Switch
from scalargrad.core.value import Value
from scalargrad.errors import GraphError
from viz.look.text import clean
from viz.model.snapshot import MAX_NAME

from .expressions import Expression, Kind, as_expression, make_name
from .formulas import Formula, write_formula
from .notation import short, skip_plain_steps
from .path_sums import Trail

_DIGITS = 4
_MAX_FACTORS = 20
_MAX_LINES = 4
"""Lines below the formula of one factor."""


class SymbolicFactor(NamedTuple):
    """One factor of a chain rule.

    Attributes:
        formula: The derivative in symbols.
        value: The derivative as a number.
    """

    formula: Formula
    value: float

    def lines(self) -> list[str]:
        """Return the factor as text.

        Example:
            >>> SymbolicFactor(Formula("∂y/∂x", make_name("w"), (), 0), 3.0).lines()
            ['∂y/∂x = w = 3.0']
        """
        first, *where = self.formula.lines()
        is_number = self.formula.expression.kind is Kind.NUMBER
        return [first if is_number else f"{first} = {short(self.value)}", *where]


def write_factors(
    trails: Sequence[Trail], names: Mapping[Value, str]
) -> tuple[tuple[SymbolicFactor, ...], int]:
    """Return the factors of some paths in symbols, each once.

    Operations that the table lacks have no symbols, and neither have those whose operands were
    changed since.

    Args:
        trails: The paths.
        names: The name of each Value on them that is worth one.

    Returns:
        The first factors, and how many there are besides.

    Example:
        >>> x = Value(0.5, label="x")
        >>> y = x.tanh()
        >>> trail = Trail(0.7864, x, 0.7864, 0, Trail(1.0, y))
        >>> (factor,), more = write_factors([trail], {x: "x", y: "y"})
        >>> factor.lines(), more
        (['∂y/∂x = 1 − tanh²(x) = 0.7864'], 0)
    """
    steps: dict[tuple[Value, int], tuple[str, Trail]] = {}
    for trail in trails:
        for above, below, step in find_steps(trail):
            # What several ways were put together in is no rule of the table.
            if not step.is_edge:
                continue
            # Not the names: in x / x there are two derivatives by x.
            edge = (step.above, step.port)
            steps.setdefault(edge, (f"∂{names[above]}/∂{names[below]}", step))

    factors = []
    # Each factor is a walk over the graph below it, and a path may have thousands.
    for name, step in [*steps.values()][:_MAX_FACTORS]:
        formula = _write_derivative(name, step)
        if formula is not None:
            factors.append(SymbolicFactor(formula, step.factor))
    return tuple(factors), max(0, len(steps) - _MAX_FACTORS)


def find_steps(trail: Trail) -> Iterator[tuple[Value, Value, Trail]]:
    """Yield each two neighbors among the named Values of a path, and the step that counts there.

    All other steps between the two have a derivative of 1.
    """
    kept = [node for node, _ in skip_plain_steps(trail)]
    steps = iter(trail.steps()[1:])
    for above, below in pairwise(kept):
        counting: Trail | None = None
        for step in steps:
            if counting is None or step.factor != 1.0:
                counting = step
            if step.node is below:
                break
        assert counting is not None
        yield above, below, counting


def _write_derivative(name: str, step: Trail) -> Formula | None:
    node = step.above
    try:
        # The graph of the derivative is recorded whatever the mode, seen by nobody, and made in the
        # module of the operation, so that the operation is not written as the module's output.
        with Switch(lambda _: Mode(node.scope, True, ())):
            derivative = local_derivatives(node)[step.port]
            expression, where, more = _write(derivative, node)
    except GraphError:
        return None
    return Formula(name, expression, where, more)


def _write(
    derivative: Value | float, node: Value
) -> tuple[Expression, tuple[tuple[str, Expression], ...], int]:
    if not isinstance(derivative, Value):
        return as_expression(float(f"{float(derivative):.{_DIGITS}g}")), (), 0
    label = clean(derivative.label, MAX_NAME)
    if label and derivative is not node:
        # An operand itself, as in the derivative of a product.
        return make_name(label), (), 0
    formula = write_formula(derivative, lambda stop: stop is not node, _DIGITS, _MAX_LINES)
    return formula.expression, formula.where, formula.more
