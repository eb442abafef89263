"""The directive `code-table`: a table written from the code, such as `{code-table} losses`."""

import re
from collections.abc import Callable, Iterable, Sequence
from inspect import getdoc
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scalargrad import optim
from scalargrad.core import functions
from scalargrad.core.ops import TABLE
from scalargrad.doctor import KINDS
from scalargrad.interop.torch_activations import ACTIVATIONS as TORCH_ACTIVATIONS
from scalargrad.losses import LOSSES, TARGETS
from scalargrad.nn import INITIALIZERS
from scalargrad.optim import OPTIMIZERS
from scalargrad.training import METRICS

Rows = Iterable[Sequence[str]]
"""The rows of a table as Markdown, the heading first."""

MARKUP = re.compile(r"(`[^`]*`)|([\\*_|<>\[\]$])")
"""Code between backquotes, or a sign that Markdown would read as markup."""


def escape(text: str) -> str:
    """Write plain text as Markdown; code between backquotes stays as it is."""
    return MARKUP.sub(lambda match: match[1] or f"\\{match[2]}", text)


def first_line(thing: Any) -> str:
    """Return the first line of a docstring, as Markdown."""
    return escape((getdoc(thing) or "").split("\n", 1)[0])


def link(name: str, target: str) -> str:
    """Return a link to a name of the reference."""
    return f"{{py:obj}}`{name} <{target}>`"


def list_losses() -> Rows:
    """List the losses, with what each takes for a target."""
    meanings = {
        "number": "a number for each output",
        "signed": "−1 or 1",
        "probability": "a probability in [0, 1]",
        "class": "the index of a class, or a probability for each",
    }
    yield "Name", "What it computes", "Target of one sample"
    for name, loss in LOSSES.items():
        yield link(name, f"scalargrad.losses.{name}"), first_line(loss), meanings[TARGETS[loss]]


def list_metrics() -> Rows:
    """List the metrics; the averages over classes are in one row."""
    yield "Name", "What it computes"
    averages = [name for name in METRICS if name.endswith(("_macro", "_micro", "_weighted"))]
    for name, metric in METRICS.items():
        if name not in averages:
            yield link(name, f"scalargrad.training.{name}"), first_line(metric)
    names = ", ".join(f"`{name}`" for name in averages)
    what = (
        "The same over several classes: macro is the plain mean, micro counts all decisions "
        "together, weighted weights each class by its number of samples"
    )
    yield names, what


def list_optimizers() -> Rows:
    """List the optimizers by the names that `fit` takes."""
    yield "Name", "Class", "What it does"
    for name, rule in OPTIMIZERS.items():
        target = f"scalargrad.optim.{rule.__name__}"
        yield f"`{name}`", link(rule.__name__, target), first_line(rule)


def list_schedules() -> Rows:
    """List the schedules, without the classes that they derive from."""
    yield "Class", "Learning rate"
    for name, thing in vars(optim).items():
        is_schedule = isinstance(thing, type) and issubclass(thing, optim.Scheduled)
        if is_schedule and thing not in (optim.Scheduled, optim.Schedule):
            yield link(name, f"scalargrad.optim.{name}"), first_line(thing)


def list_activations() -> Rows:
    """List the activations that are modules of PyTorch, too."""
    yield "Name", "Formula", "PyTorch"
    for name, activation in TORCH_ACTIVATIONS.items():
        doc = TABLE[name].doc if name in TABLE else first_line(getattr(functions, name))
        formula = escape(doc.partition("; derivative")[0])
        yield link(name, f"scalargrad.{name}"), formula, f"`{activation.theirs}`"


def list_initializers() -> Rows:
    """List the initializers, those of several names in one row."""
    yield "Names", "What it does"
    names: dict[str, list[str]] = {}
    for name, rule in INITIALIZERS.items():
        what = first_line(rule) or f"See {link(name, f'scalargrad.nn.{name}')}."
        names.setdefault(what, []).append(name)
    for what, same in names.items():
        yield ", ".join(f"`{name}`" for name in same), what


def list_operations() -> Rows:
    """List the rows of the table of operations."""
    yield "Function", "Symbol", "Formula and derivatives; o is the result"
    for name, op in TABLE.items():
        if op.is_public:
            yield link(name, f"scalargrad.{name}"), escape(op.symbol), escape(op.doc)


def list_findings() -> Rows:
    """List what the doctor finds, and what it advises."""
    yield "Finding", "What to try"
    for kind, advice in KINDS.items():
        yield kind, escape(advice)


TABLES: dict[str, Callable[[], Rows]] = {
    "activations": list_activations,
    "findings": list_findings,
    "initializers": list_initializers,
    "losses": list_losses,
    "metrics": list_metrics,
    "operations": list_operations,
    "optimizers": list_optimizers,
    "schedules": list_schedules,
}


class Table(SphinxDirective):
    """A table of the code, by its name in TABLES."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        return [parse_table(self, TABLES[self.arguments[0]]())]


def parse_table(directive: SphinxDirective, rows: Rows) -> nodes.Node:
    """Return a table as a node; its cells are Markdown."""
    heading, *others = rows
    lines = [heading, ["---"] * len(heading), *others]
    text = [f"| {' | '.join(cells)} |" for cells in lines]
    container = nodes.container(classes=["code-table"])
    directive.state.nested_parse(StringList(text, "table"), 0, container)
    return container


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive to Sphinx."""
    app.add_directive("code-table", Table)
    return {"parallel_read_safe": True}
