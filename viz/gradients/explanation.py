"""Why a gradient is what it is: the chain rule written out, factor by factor, with the names that the user gave."""

from dataclasses import dataclass, field
from html import escape
from typing import Any

from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.calls import explain_calls
from viz.drawing import Drawing
from viz.look.text import clean
from viz.model.snapshot import grad_of

from .highlight import highlighted
from .names import on_paths, stops, worth_naming
from .notation import Path, counted, latex_derivative, latex_number, short
from .path_sums import PathSums, between
from .reasons import Reason, reason


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class ChainRule:
    """A derivative as a sum of products. Print it.

    output, leaf  the names of the two
    paths         the largest products, largest first
    more, rest    how many paths there are besides, and their sum
    total         the derivative itself
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
        if not self.more and [len(path.factors) for path in self.paths] == [1]:
            return str(self.paths[0])
        terms = [str(path) for path in self.paths]
        if self.more:
            terms.append(f"{counted(self.more, 'more path')} = {short(self.rest)}")
        indent = " " * len(head)
        lines = [f"{indent} + {term}" for term in terms[1:]] + (
            [f"{indent} = {short(self.total)}"] if len(terms) > 1 else []
        )
        return "\n".join([f"{head} = {terms[0]}", *lines])


@explain_calls
def chain_rule(output: Value, leaf: Value, most: int = 5) -> ChainRule:
    """The derivative of `output` with respect to `leaf` as the product of the local derivatives on the way, for `print`.

    output  a Value
    leaf    a Value that it was computed from, not necessarily a leaf
    most    of several paths so many are written out, the largest, and the others are summed in one line

    The names are labels. A Value without a label is folded: its local derivatives become part of the factor between the named
    ones around it. An output or leaf without a label is called by how it was made, and equal labels are numbered.
    The total is exactly what `output.backward()` adds to `leaf.grad` (hooks aside); nothing is changed here.
    Raises PictureError for what is no Value, OptionError for `most` below 1, GraphError for a Value made without partials.

    >>> k, x = Value(3.0, label="k"), Value(2.0, label="x")
    >>> linear = k * x + 1.0; linear.label = "linear"
    >>> loss = (linear - 9.0) ** 2; loss.label = "loss"
    >>> print(chain_rule(loss, k))
    ∂loss/∂k = ∂loss/∂linear * ∂linear/∂k = -4.0 * 2.0 = -8.0
    """
    _check("chain_rule", output, leaf, "most", most)
    order = between(output, leaf)
    names = stops(order, output, leaf)
    ledger = PathSums(output, leaf, most, order, names)
    paths = tuple(
        _path([(names[step.node], step.factor) for step in trail.steps()], trail.product)
        for trail in ledger.best
    )
    return ChainRule(
        names[output], names[leaf], paths, ledger.count - len(paths), ledger.rest, ledger.total
    )


def _path(passed: list[tuple[str, float]], product: float) -> Path:
    if len(passed) == 1:  # a leaf that is the output itself has no factor but 1
        passed = [passed[0], passed[0]]
    return Path(
        tuple(name for name, _ in passed), tuple(factor for _, factor in passed[1:]), product
    )


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class Explanation:
    """A gradient as the sum over all paths through the graph. Print it, `draw()` it, or take its numbers.

    output, leaf  the names of the two
    total         the derivative
    count         how many paths there are, exactly
    paths         those with the largest products, largest first
    more, rest    how many paths there are besides, and their sum
    why           one sentence on what blocks, breaks or starves the gradient; "" where nothing does
    """

    output: str
    leaf: str
    total: float
    count: int
    paths: tuple[Path, ...]
    more: int
    rest: float
    why: str
    _ledger: PathSums = field(repr=False, compare=False)
    _reason: Reason = field(repr=False, compare=False)

    @fits_terminal
    def __str__(self) -> str:
        head = f"∂{self.output}/∂{self.leaf} = {short(self.total)}"
        if not self.paths:
            return f"{head}: {self.why}"
        amounts = [short(path.product) for path in self.paths] + (
            [short(self.rest)] if self.more else []
        )
        terms = [f"{path.notation()} = {path.numbers()}" for path in self.paths]
        terms += [counted(self.more, "more path")] if self.more else []
        wide = max(map(len, amounts))
        lines = [
            f"  {amount:>{wide}} = {term}" for amount, term in zip(amounts, terms, strict=True)
        ]
        return "\n".join([f"{head}, the sum over {counted(self.count)}:", *lines, *self._remarks()])

    def _remarks(self) -> list[str]:
        remarks = [f"why: {self.why}"] if self.why else []
        stored = grad_of(self._ledger.leaf)
        if stored and abs(stored - self.total) > 1e-9 * max(abs(stored), abs(self.total)):
            remarks.append(
                f"note: {self.leaf}.grad holds {short(stored)}: another pass, seed or hook had its part in it"
            )
        return remarks

    def latex(self) -> str:
        r"""The sum for LaTeX or MathJax, ready to stand between $$ and $$.

        >>> x, w = Value(2.0, label="x"), Value(3.0, label="w")
        >>> print(explain(w * x, w).latex().splitlines()[1])
        \frac{\partial \text{(w $\times$ x)}}{\partial \text{w}}
        """
        terms = [path.latex() for path in self.paths]
        shown = [
            f"&{'+' if i else '='} {names} && = {numbers}"
            for i, (names, _, numbers) in enumerate(t.partition(" = ") for t in terms)
        ]
        if self.more:
            shown.append(
                rf"&+ \text{{{counted(self.more, 'more path')}}} && = {latex_number(self.rest)}"
            )
        lines = [*shown, f"&= {latex_number(self.total)}"]
        body = " \\\\\n".join(lines)
        return f"\\begin{{aligned}}\n{latex_derivative(self.output, self.leaf)}\n{body}\n\\end{{aligned}}"

    def draw(
        self,
        *,
        theme: str = "auto",
        title: str = "",
        limit: float = 5.0,
        program: str | None = None,
    ) -> Drawing:
        """The graph with the paths in full color and all else dimmed; of a large graph only what the paths pass.

        theme, title, limit, program  as for `viz.draw`; the title is the derivative itself where none is given

        >>> x, w = Value(2.0, label="x"), Value(3.0, label="w")
        >>> explain(w * x, w).draw()
        <Drawing of 3 values as cards>
        """
        heading = clean(title or f"∂{self.output}/∂{self.leaf} = {short(self.total)}", 120)
        return Drawing(highlighted(self._ledger, self._reason, heading), theme, limit, program)

    def _repr_html_(self) -> str:
        return f"{self.draw()._repr_html_()}<pre>{escape(str(self))}</pre>"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": str(self)}


@explain_calls
def explain(output: Value, leaf: Value, top: int = 5) -> Explanation:
    """The gradient of `leaf` as a ledger: a sum over all paths from `output` to it, each a product of local derivatives.

    output  a Value
    leaf    a Value that it was computed from, not necessarily a leaf
    top     how many paths are written out, the largest first; the others are counted and summed in one line

    Paths go through every Value. A step is not written where it says nothing: through a Value without a label that passes on just
    what it gets, such as the partial sums of a neuron. What leaves a module is called by the module's path. Where the gradient is
    zero, nan, inf, or tiny because an operation is near its limit, `why` says so in a sentence, on the edge that did it.
    The total is what `output.backward()` adds to `leaf.grad` (hooks aside); nothing is changed here.
    Raises PictureError for what is no Value, OptionError for `top` below 1, GraphError for a Value made without partials.

    >>> w, x1, x2 = Value(-3.0, label="w"), Value(2.0, label="x1"), Value(0.5, label="x2")
    >>> out = (w * x1 + w * x2).tanh(); out.label = "out"
    >>> print(explain(out, w))
    ∂out/∂w = 3.059e-06, the sum over 2 paths:
      2.447e-06 = ∂out/∂(w × x1) * ∂(w × x1)/∂w = 1.224e-06 * 2.0
      6.118e-07 = ∂out/∂(w × x2) * ∂(w × x2)/∂w = 1.224e-06 * 0.5
    why: out is saturated: 1 - o² = 1.22e−6
    >>> print(explain(w * 0 + x1, w).why)
    w × 0 passes nothing back to w: the constant 0 is 0
    """
    _check("explain", output, leaf, "top", top)
    ledger = PathSums(output, leaf, top)
    names, because = on_paths(ledger.best, output, leaf), reason(ledger)
    paths = []
    for trail in ledger.best:
        paths.append(
            _path([(names[node], factor) for node, factor in worth_naming(trail)], trail.product)
        )
    more = ledger.count - len(paths)
    return Explanation(
        names[output],
        names[leaf],
        ledger.total,
        ledger.count,
        tuple(paths),
        more,
        ledger.rest,
        because.sentence,
        ledger,
        because,
    )


def _check(function: str, output: Value, leaf: Value, option: str, most: int) -> None:
    for what, thing in (("output", output), ("leaf", leaf)):
        if not isinstance(thing, Value):
            raise PictureError(
                f"{function} takes two Values, an output and a leaf: its {what} is {clean(repr(thing))}"
            )
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise OptionError(
            f"{option} of {function} must be a whole number of at least 1, not {most!r}"
        )
