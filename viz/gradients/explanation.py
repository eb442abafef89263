"""Why a gradient is what it is: the chain rule factor by factor, with the names the user gave."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

from scalargrad.core.checks import checked_int
from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.calls import explain_calls
from viz.drawing import NOTEBOOK_WIDTH, Drawing, checked_width
from viz.layout.direction import checked_direction
from viz.look.text import clean, number
from viz.model.snapshot import Snapshot, grad_of
from viz.showing import as_page, as_text, show
from viz.views.dictionary import is_directed_graph

from .ends import group_by_end
from .fitting import Fitting
from .highlight import highlight_paths
from .merged import write_lines, write_merged
from .normalizations import Output, find_normalizations
from .notation import (
    Path,
    latex_derivative,
    latex_number,
    name_on_paths,
    name_stops,
    short,
    skip_plain_steps,
    write_count,
)
from .path_sums import PathSums, Trail, nodes_between
from .reasons import Reason, find_reason
from .symbolic import SymbolicChainRule, symbolic_chain_rule
from .symbolic_factors import SymbolicFactor, write_factors

MAX_LISTED = 50
"""Paths up to which the largest are listed."""
_MAX_ERROR = 1e-9
"""Relative difference up to which a stored gradient counts as the one explained."""


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class ChainRule:
    """A derivative as a sum of products. Print it.

    Attributes:
        output: The name of what is differentiated.
        leaf: The name of what it is differentiated by.
        paths: The largest products, largest first.
        more: How many paths there are besides.
        rest: The sum of those.
        total: The derivative itself.
    """

    output: str
    leaf: str
    paths: tuple[Path, ...]
    more: int
    rest: float
    total: float

    @fits_terminal
    def __str__(self) -> str:
        head = f"∂{self.output}/∂{self.leaf}"
        if not self.paths:
            return f"{head} = 0.0: {self.output} does not depend on {self.leaf}"
        first, *others = self.paths
        is_single_factor = not others and len(first.factors) == 1
        if is_single_factor and not self.more:
            return str(first)

        terms = [str(path) for path in self.paths]
        if self.more:
            terms.append(f"{write_count(self.more, 'more path')} = {short(self.rest)}")
        indent = " " * len(head)
        lines = [f"{head} = {terms[0]}"]
        lines += [f"{indent} + {term}" for term in terms[1:]]
        if len(terms) > 1:
            lines.append(f"{indent} = {short(self.total)}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/plain": str(self)}


@overload
def chain_rule(output: Value, leaf: Value, most: int = 5) -> ChainRule: ...


@overload
def chain_rule(
    output: str, leaf: str, most: int = 5, *, graph: Any, edges: str | None = None
) -> SymbolicChainRule: ...


@explain_calls
def chain_rule(
    output: Value | str,
    leaf: Value | str,
    most: int = 5,
    *,
    graph: Any = None,
    edges: str | None = None,
) -> ChainRule | SymbolicChainRule:
    """Write a derivative as the product of the local derivatives on the way, for `print`.

    The names are labels, and inside `trace_calls` also variables that were given one Value. A Value
    without a name is folded: its local derivatives become part of the factor between the named ones
    around it. An output or leaf without a name is named by how it was made, and equal labels are
    numbered. Nothing is changed.

    Args:
        output: What is differentiated.
        leaf: A Value that it was computed from, not necessarily a leaf.
        most: How many paths are written out, the largest first; the others are summed in one line.
        graph: A graph that is only sketched, as `viz.draw` takes it: a dictionary of names, or a
            directed graph of networkx. `output` and `leaf` are then names in it, and the factors
            are written without numbers, the paths in the order of the operands.
        edges: What the lists of that dictionary hold, as for `viz.draw`: "operands" or "feeds".

    Returns:
        The paths and their sum, which is exactly what `output.backward()` adds to `leaf.grad`
        (hooks aside). For a sketch, the paths by name.

    Raises:
        PictureError: `output` or `leaf` is not a Value, or `graph` is no graph.
        OptionError: `most` is below 1, `edges` is unknown, or it is given without `graph`.
        UnknownNameError: `output` or `leaf` is no name in `graph`.
        GraphError: A Value was made by hand without partials.

    Example:
        >>> k, x = Value(3.0, label="k"), Value(2.0, label="x")
        >>> linear = k * x + 1.0; linear.label = "linear"
        >>> loss = (linear - 9.0) ** 2; loss.label = "loss"
        >>> print(chain_rule(loss, k))
        ∂loss/∂k = ∂loss/∂linear * ∂linear/∂k = -4.0 * 2.0 = -8.0

        The same graph before anything is computed:

        >>> sketch = {"k": ["linear"], "x": ["linear"], "linear": ["loss"]}
        >>> print(chain_rule("loss", "k", graph=sketch, edges="feeds"))
        ∂loss/∂k = ∂loss/∂linear * ∂linear/∂k
    """
    most = checked_int(most, "most of chain_rule", 1)
    if graph is not None:
        return symbolic_chain_rule(output, leaf, most, graph, edges)
    if edges is not None:
        raise OptionError("edges of chain_rule says how to read a graph: give graph=… too")
    output, leaf = _check_values("chain_rule", output, leaf)
    # Only named Values are stops: the ways between two of them become one factor.
    order = nodes_between(output, leaf)
    names = name_stops(order, output, leaf)
    sums = PathSums(output, leaf, most, order, names)
    paths = []
    for trail in sums.largest:
        steps = [(names[step.node], step.factor) for step in trail.steps()]
        paths.append(_make_path(steps, trail.product))
    more = sums.count - len(paths)
    return ChainRule(names[output], names[leaf], tuple(paths), more, sums.rest, sums.total)


def _make_path(steps: list[tuple[str, float]], product: float, count: int = 1) -> Path:
    if len(steps) == 1:
        # A leaf that is the output itself: ∂x/∂x, whose only factor is 1.
        steps = [steps[0], steps[0]]
    names = tuple(name for name, _ in steps)
    factors = tuple(factor for _, factor in steps[1:])
    return Path(names, factors, product, count)


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class Explanation:
    """A gradient as the sum over all paths. Print it, `draw()` it, or take its numbers.

    Attributes:
        output: The name of what is differentiated.
        leaf: The name of what it is differentiated by.
        total: The derivative.
        count: How many paths there are, exactly.
        paths: Those with the largest products, largest first.
        more: How many paths there are besides.
        rest: The sum of those.
        why: One sentence on what blocks, breaks or starves the gradient; "" where nothing does.
        merged: A sentence for each factor that several paths were put together in, as those through
            a softmax are: its formula, and how many they are.
        symbols: The factors of the paths in symbols, if they were asked for.
    """

    output: str
    leaf: str
    total: float
    count: int
    paths: tuple[Path, ...]
    more: int
    rest: float
    why: str
    _sums: PathSums = field(repr=False, compare=False)
    _reason: Reason = field(repr=False, compare=False)
    _trails: tuple[Trail, ...] = field(repr=False, compare=False)
    merged: tuple[str, ...] = ()
    symbols: tuple[SymbolicFactor, ...] = ()
    _more_symbols: int = field(default=0, repr=False, compare=False)
    _lines: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @fits_terminal
    def __str__(self) -> str:
        head = self._derivative()
        if not self.paths:
            return f"{head}: {self.why}"

        terms: list[tuple[str, str]] = []
        for path in self.paths:
            product = f"{path.notation()} = {path.numbers()}"
            if path.count > 1:
                product += f", {write_count(path.count)} together"
            terms.append((short(path.product), product))
        if self.more:
            terms.append((short(self.rest), write_count(self.more, "more path")))
        # Amounts first and aligned: which path matters is seen before which way it takes.
        wide = max(len(amount) for amount, _ in terms)
        lines = [f"{head}, the sum over {write_count(self.count)}:"]
        lines += [f"  {amount:>{wide}} = {term}" for amount, term in terms]
        lines += [f"  {sentence}" for sentence in self.merged]
        for factor in self.symbols:
            lines += [f"  {line}" for line in factor.lines()]
        if self._more_symbols:
            lines.append(f"  … {write_count(self._more_symbols, 'more factor')} …")
        lines += [f"  {line}" for line in self._lines]
        return "\n".join([*lines, *self._remarks()])

    def _derivative(self) -> str:
        return f"∂{self.output}/∂{self.leaf} = {short(self.total)}"

    def _remarks(self) -> list[str]:
        remarks = [f"why: {self.why}"] if self.why else []
        # Whoever looks at `.grad` and finds another number should be told why.
        stored = grad_of(self._sums.leaf)
        largest = max(abs(stored), abs(self.total))
        error = abs(stored - self.total)
        if stored and error > _MAX_ERROR * largest:
            holds = f"{self.leaf}.grad holds {short(stored)}"
            remarks.append(f"note: {holds}: another pass, seed or hook had its part in it")
        return remarks

    def latex(self) -> str:
        r"""Return the sum for LaTeX or MathJax, ready to go between $$ and $$.

        Example:
            >>> x, w = Value(2.0, label="x"), Value(3.0, label="w")
            >>> print(explain(w * x, w).latex().splitlines()[1])
            \frac{\partial \text{(w $\times$ x)}}{\partial \text{w}}
        """
        lines = []
        for i, path in enumerate(self.paths):
            names, _, numbers = path.latex().partition(" = ")
            sign = "+" if i else "="
            lines.append(f"&{sign} {names} && = {numbers}")
        if self.more:
            words = write_count(self.more, "more path")
            lines.append(rf"&+ \text{{{words}}} && = {latex_number(self.rest)}")
        lines.append(f"&= {latex_number(self.total)}")

        head = latex_derivative(self.output, self.leaf)
        body = " \\\\\n".join(lines)
        return f"\\begin{{aligned}}\n{head}\n{body}\n\\end{{aligned}}"

    def draw(
        self,
        *,
        theme: str = "auto",
        title: str = "",
        width: float | str | None = NOTEBOOK_WIDTH,
        rankdir: str | None = None,
        limit: float = 5.0,
        program: str | None = None,
    ) -> Drawing:
        """Draw the graph with the paths in full color and all else dimmed.

        Of a graph that is large, or too wide, only what the paths pass is drawn.

        Args:
            theme: As for `viz.draw`.
            title: A heading; the default is the derivative itself.
            width: As for `viz.draw`, but by default the 900 pixels of a notebook. What would be
                wider runs from top to bottom.
            rankdir: As for `viz.draw`; by default "LR", or "TB" where that would be too wide.
            limit: As for `viz.draw`.
            program: As for `viz.draw`.

        Example:
            >>> x, w = Value(2.0, label="x"), Value(3.0, label="w")
            >>> explain(w * x, w).draw()
            <Drawing of 3 values as cards>
        """
        heading = clean(title or self._heading(), 120)
        pictures = highlight_paths(self._sums, self._trails, self._reason, heading)
        directions = ("LR", "TB") if rankdir is None else (checked_direction(rankdir),)
        fitting = Fitting(checked_width(width), directions, theme, limit, program)
        return fitting.draw(pictures)

    def _heading(self) -> str:
        """Return the derivative as pictures write it: the leaf by its path, three digits."""
        snapshot = Snapshot([self._sums.output])
        leaf = self.leaf
        if self._sums.leaf in snapshot.index:
            module = snapshot.module[self._sums.leaf].replace("/", ".")
            name = snapshot.labels[self._sums.leaf]
            leaf = f"{module}.{name}" if module and name else leaf
        return f"∂{self.output}/∂{leaf} = {number(self.total)}"

    def show(self) -> None:
        """Open its picture in the browser; in a notebook, display picture and text there."""
        drawing = self.draw()
        show(self, as_page(drawing.svg(), drawing.picture.title))

    def _repr_html_(self) -> str:
        return self.draw()._repr_html_() + as_text(str(self))

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": str(self)}


@explain_calls
def explain(output: Value, leaf: Value, top: int = 5, *, symbols: bool = False) -> Explanation:
    """Write the gradient of a leaf as the sum over all paths from an output to it.

    Paths go through every Value. Those that differ only inside of a softmax, or of another function
    that divides numbers by something of their sum, nearly cancel out and are put together. Where
    there are more than fifty, all that end at the same use of the leaf are one line. A step is
    not written where it says nothing: through a Value without a label that passes on just what it
    gets, such as the partial sums of a neuron. What leaves a module is named by the module's path,
    and what was made inside `trace_calls` by its variable. Nothing is changed.

    Args:
        output: What is differentiated.
        leaf: A Value that it was computed from, not necessarily a leaf.
        top: How many paths are written out, the largest first; the others are counted and summed in
            one line.
        symbols: Whether each factor is also written in symbols, such as 1 − tanh²(x). Where a
            derivative has several cases, the one that holds at these numbers is written.

    Returns:
        The paths and their sum, which is what `output.backward()` adds to `leaf.grad` (hooks
        aside). Where the gradient is zero, nan, inf, or tiny because an operation is near its
        limit, `why` names the edge that did it in a sentence.

    Raises:
        PictureError: `output` or `leaf` is not a Value.
        OptionError: `top` is below 1.
        GraphError: A Value was made by hand without partials.

    Example:
        >>> w, x1, x2 = Value(-3.0, label="w"), Value(2.0, label="x1"), Value(0.5, label="x2")
        >>> out = (w * x1 + w * x2).tanh(); out.label = "out"
        >>> print(explain(out, w))
        ∂out/∂w = 3.059e-06, the sum over 2 paths:
          2.447e-06 = ∂out/∂(w × x1) * ∂(w × x1)/∂w = 1.224e-06 * 2.0
          6.118e-07 = ∂out/∂(w × x2) * ∂(w × x2)/∂w = 1.224e-06 * 0.5
        why: out is saturated: 1 - o² = 1.22e−6
        >>> y = (w * x2).tanh(); y.label = "y"
        >>> print(explain(y, x2, symbols=True))
        ∂y/∂x2 = -0.5421, the sum over 1 path:
          -0.5421 = ∂y/∂(w × x2) * ∂(w × x2)/∂x2 = 0.1807 * -3.0
          ∂y/∂(w × x2) = 1 − tanh²(w · x2) = 0.1807
          ∂(w × x2)/∂x2 = w = -3.0
        >>> print(explain(w * 0 + x1, w).why)
        w × 0 passes nothing back to w: the constant 0 is 0
    """
    top = checked_int(top, "top of explain", 1)
    _check_values("explain", output, leaf)
    order = nodes_between(output, leaf)
    outputs = find_normalizations(order, _find_users(order))
    stops = _choose_stops(order, outputs.values(), (output, leaf))
    sums = PathSums(output, leaf, top, order, stops, outputs)

    # The largest of very many paths say nothing.
    trails = [(trail, trail.count_ways()) for trail in sums.largest]
    is_grouped = sums.count > MAX_LISTED
    if is_grouped:
        trails = group_by_end(sums, top)
    written = [trail for trail, _ in trails]
    names = name_on_paths(written, output, leaf)
    paths = []
    for trail, ways in trails:
        steps = [(names[node], factor) for node, factor in skip_plain_steps(trail)]
        paths.append(_make_path(steps, trail.product, ways))

    factors, more_factors = write_factors(written, names) if symbols else ((), 0)
    reason = find_reason(sums)
    return Explanation(
        output=names[output],
        leaf=names[leaf],
        total=sums.total,
        count=sums.ways,
        paths=tuple(paths),
        more=sums.ways - sum(path.count for path in paths),
        rest=0.0 if is_grouped else sums.rest,
        why=reason.sentence,
        merged=write_merged(written, names, outputs),
        _sums=sums,
        _reason=reason,
        _trails=tuple(written),
        symbols=factors,
        _more_symbols=more_factors,
        _lines=write_lines(written, names),
    )


def _find_users(order: Iterable[Value]) -> dict[Value, list[Value]]:
    users: dict[Value, list[Value]] = {}
    for node in order:
        for arg in node.args:
            users.setdefault(arg, []).append(node)
    return users


def _choose_stops(
    order: Iterable[Value], outputs: Iterable[Output], ends: tuple[Value, Value]
) -> set[Value]:
    """Return the Values at which a path is written: all but those inside of a normalization."""
    inside: set[Value] = set()
    for output in outputs:
        inside |= output.normalization.inside
    return {node for node in order if node not in inside or node.label or node in ends}


def _check_values(function: str, output: object, leaf: object) -> tuple[Value, Value]:
    return _check_value(function, "output", output), _check_value(function, "leaf", leaf)


def _check_value(function: str, name: str, value: object) -> Value:
    if isinstance(value, Value):
        return value
    found = f"its {name} is {clean(repr(value))}"
    if isinstance(value, Mapping) or is_directed_graph(value):
        found = "for a sketched graph write chain_rule('loss', 'x', graph=…), two of its names"
    raise PictureError(f"{function} takes two Values, an output and a leaf: {found}")
