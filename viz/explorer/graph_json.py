"""What a page knows about a graph apart from its numbers, as JSON.

Operations, names, boxes, lines of source, and where everything is.
"""

import re
from collections.abc import Iterable, Sequence
from math import inf, isfinite, isnan
from pathlib import PurePath
from typing import Any

from scalargrad.core.evaluation import evaluate_partials
from scalargrad.core.ops import TABLE
from scalargrad.core.scopes import CallScope
from scalargrad.core.value import Value
from viz.look.legend import SIGNS, meaning
from viz.look.measures import as_data
from viz.look.text import clean, width_tables
from viz.look.theme import STEPS, THEMES, Theme, color, edge_color, text_color
from viz.model.picture import MAX_CARDS
from viz.model.snapshot import Snapshot, line_in_file
from viz.views.sums import starts_sum

from .box_layout import BoxLayouts
from .boxes import Fold, choose_open, find_folds
from .rule_notation import describe_derivatives
from .rules_js import key

MAX_CARDS_IN_BOXES = 20
"""The largest graph that is drawn as cards where there are boxes, whose frames need space too."""
MAX_SHOWN = 300
"""How much may be in sight at first."""
_KIND_LETTERS = {"operation": "o", "input": "i", "parameter": "p", "constant": "c"}
_MAX_LINE = 160
_MAX_VARIABLE = 60
_SOURCE_LINE = re.compile(r"(.*):(\d+)(?:: (.*))?")


class Index:
    """Texts by number, each once.

    Example:
        >>> index = Index()
        >>> [index[text] for text in "abca"], index.items
        ([0, 1, 2, 0], ['a', 'b', 'c'])
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __getitem__(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def items(self) -> list[str]:
        """All texts, in the order of their numbers."""
        return list(self._numbers)


def describe_graph(snapshot: Snapshot) -> dict[str, Any]:
    """Return a graph as lists, dictionaries, texts and numbers that JSON can hold.

    Values are numbered in topological order, and so are the columns of `packing`.
    """
    folds = find_folds(snapshot)
    values = _describe_values(snapshot)
    # The page is told of the wide signs in these texts only: there are tens of thousands.
    titles = [fold.title for fold in folds]
    texts = [*values["label"].values(), *values["symbols"], *titles]
    boxes = _describe_boxes(snapshot, folds)
    return {
        "look": describe_look(texts),
        "legend": describe_legend(boxes["level"]),
        "roots": [snapshot.index[root] for root in snapshot.roots],
        **values,
        **boxes,
    }


def _describe_values(snapshot: Snapshot) -> dict[str, Any]:
    # Texts repeat in large graphs: each is written once, and values refer to it by its number.
    names = Index()
    symbols = Index()
    lines = Index()
    labels: dict[int, str] = {}
    static_args: dict[int, list[float | str | None]] = {}
    partials: dict[int, list[float | str | None]] = {}
    made_by_hand: dict[int, str] = {}
    sources: dict[int, int] = {}
    variables: dict[int, int] = {}
    given_names = Index()
    for i, node in enumerate(snapshot.order):
        if label := snapshot.labels[node]:
            labels[i] = label
        if node.static_args is not None:
            static_args[i] = json_numbers(node.static_args)
        if _has_own_partials(node):
            partials[i] = json_numbers(node.partials)
        if node.args and node.op not in TABLE:
            made_by_hand[i] = clean(node.op, 24)
        if line := source_line(node):
            sources[i] = lines[line]
        if variable := _variable(snapshot, node):
            variables[i] = given_names[variable]

    args = []
    for node in snapshot.order:
        args.append([snapshot.index[arg] for arg in node.args])
    keys = [names[key(node)] for node in snapshot.order]
    docs = []
    for name in names.items:
        op, _, _ = name.partition("/")
        docs.append(TABLE[op].doc if op else "")
    return {
        "kinds": "".join(_KIND_LETTERS.get(snapshot.kinds[node], "i") for node in snapshot.order),
        "args": args,
        "key": keys,
        "symbol": [symbols[snapshot.symbols[node]] for node in snapshot.order],
        "label": labels,
        "static_args": static_args,
        "partials": partials,
        "made": made_by_hand,
        "zeros": _find_zeros(snapshot),
        "source": sources,
        "variable": variables,
        "names": names.items,
        "symbols": symbols.items,
        "lines": lines.items,
        "variables": given_names.items,
        "docs": docs,
        "derivatives": describe_derivatives(names.items),
    }


def _find_zeros(snapshot: Snapshot) -> list[int]:
    """Return the zeros that Python's `sum` begins with, which names leave out."""
    zeros = []
    for node in snapshot.order:
        if node.args and starts_sum(node.args[0], node):
            zeros.append(snapshot.index[node.args[0]])
    return zeros


def _describe_boxes(snapshot: Snapshot, folds: list[Fold]) -> dict[str, Any]:
    max_cards = MAX_CARDS_IN_BOXES if len(folds) > 1 else MAX_CARDS
    level = "cards" if len(snapshot) <= max_cards else "chips"
    layouts = BoxLayouts(snapshot, folds, level)
    return {
        "level": level,
        "grids": [grid.values for grid in layouts.grids],
        "folds": [[fold.title, fold.kind, fold.parent, fold.parameters] for fold in folds],
        "items": [_item_numbers(fold) for fold in folds],
        "opened": choose_open(folds, MAX_SHOWN),
        "layout": layouts.layout_of,
        "ports": layouts.ports,
        "layouts": [layout.as_json() for layout in layouts.layouts],
    }


def _item_numbers(fold: Fold) -> list[int]:
    # In one list with values boxes are negative. That works as box 0, the page, is in no list.
    return [*(-box for box in fold.boxes), *fold.values]


def describe_legend(level: str) -> dict[str, list[str]]:
    """Return for each sign of the page a few words and a sentence, as pictures have them."""
    meanings = {sign: meaning(sign, level) for sign in SIGNS}
    return {sign: [found.words, found.sentence] for sign, found in meanings.items()}


def describe_look(texts: Iterable[str]) -> dict[str, Any]:
    """Return the look of our pictures: sizes, the scale of colors, and the widths of letters.

    The page itself defines no colors or measures for what it draws.

    Args:
        texts: All texts that the page may have to measure.
    """
    return {
        "measures": as_data(),
        "letters": width_tables(texts),
        "themes": {name: _theme_colors(theme) for name, theme in THEMES.items()},
    }


def _theme_colors(theme: Theme) -> dict[str, Any]:
    """Return the colors of fills and lines by sign and step, and the text color of each fill."""
    negative = [-step for step in range(STEPS + 1)]
    positive = list(range(STEPS + 1))
    fills = {
        "negative": [color(step, theme) for step in negative],
        "positive": [color(step, theme) for step in positive],
    }
    lines = {
        "negative": [edge_color(step, theme) for step in negative],
        "positive": [edge_color(step, theme) for step in positive],
    }
    grounds = [theme.card, *fills["negative"], *fills["positive"]]
    return {
        "fills": fills,
        "lines": lines,
        "ink": {ground: text_color(ground) for ground in grounds},
        "line": theme.line,
        "card": theme.card,
    }


def json_numbers(numbers: Sequence[float | None]) -> list[float | str | None]:
    """Return numbers as JSON can hold them: nan and infinities as JavaScript spells them.

    Example:
        >>> json_numbers([0.5, None, float("-inf"), float("nan")])
        [0.5, None, '-Infinity', 'NaN']
    """
    return [_json_number(x) for x in numbers]


def _json_number(x: float | None) -> float | str | None:
    if x is None or isfinite(x):
        return x
    if x == inf:
        return "Infinity"
    return "-Infinity" if x == -inf else "NaN"


def _has_own_partials(node: Value) -> bool:
    """Return whether the local derivatives differ from those of the rule at the current numbers.

    They were given by hand, or an operand was changed after the node was made.
    """
    if not node.args:
        return False
    if node.op not in TABLE:
        return True

    pairs = zip(evaluate_partials(node), node.partials, strict=False)
    return not all(_are_same(a, b) for a, b in pairs)


def _are_same(a: float, b: float) -> bool:
    # nan differs from itself, but here two of them are the same derivative.
    return a == b or (isnan(a) and isnan(b))


def source_line(node: Value) -> str:
    """Return file, number and text of the line that made a node; "" if it was not recorded.

    `trace_calls` and `detect_anomaly` record them. Only the file's name is kept of its path: a page
    is made to be shared.
    """
    if node.made_at is not None:
        return clean(line_in_file(node.made_at), _MAX_LINE)
    known = _SOURCE_LINE.fullmatch(str((node.metadata or {}).get("source", "")))
    if known is None:
        return ""
    path, number, text = known.groups()
    name = PurePath(path.replace("\\", "/")).name
    place = f"{name}:{number}"
    return clean(f"{place}: {text}" if text else place, _MAX_LINE)


def _variable(snapshot: Snapshot, node: Value) -> str:
    """Return the variable that a node was given to; "" where its label says the same.

    The result of a call is given to a variable by the caller.
    """
    line = node.made_at
    variable = "" if line is None else line.variable
    if not variable and isinstance(node.scope, CallScope):
        is_result = all(user.scope is not node.scope for user in snapshot.users[node])
        called_at = node.scope.called_at
        if is_result and called_at is not None:
            variable = called_at.variable
    variable = clean(variable, _MAX_VARIABLE)
    return "" if variable == snapshot.labels[node] else variable
