"""Facts: what a page knows of a graph apart from its numbers: operations, names, modules, lines of source, and where things stand."""

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import PurePath
from typing import Any

from scalargrad.core.backprop import operands, wanted
from scalargrad.core.ops import FLOATS, TABLE
from scalargrad.core.value import Value
from viz.look.text import clean, width_tables
from viz.look.theme import (
    REACH,
    STEPS,
    THEMES,
    THICKEST,
    THINNEST,
    Theme,
    color,
    edge_color,
    text_color,
)
from viz.model.snapshot import Snapshot, symbol

from .box_layout import Planner
from .boxes import folds, opened_at_first
from .rules_js import key

MOST_CARDS, MOST_CARDS_IN_BOXES, MOST_SEEN = 40, 20, 300
_KINDS = {"operation": "o", "input": "i", "parameter": "p", "constant": "c"}
_LINE = re.compile(r"(.*):(\d+)(?:: (.*))?")


def facts(snapshot: Snapshot) -> dict[str, Any]:
    """Everything as lists, dictionaries, texts and numbers that JSON knows. Values are numbers in topological order."""
    order = snapshot.order
    names, symbols = Index(), Index()
    found = folds(snapshot)
    level = (
        "cards"
        if len(order) <= (MOST_CARDS_IN_BOXES if len(found) > 1 else MOST_CARDS)
        else "chips"
    )
    planner = Planner(snapshot, found, level)
    lines = Index()
    labels = {i: label for i, node in enumerate(order) if (label := clean(node.label))}
    key_of = [names[key(node)] for node in order]
    symbol_of = [symbols[symbol(node)] for node in order]
    return {
        "look": look([*labels.values(), *symbols.items, *(fold.title for fold in found)]),
        "level": level,
        "kinds": "".join(_KINDS.get(node.kind, "i") for node in order),
        "args": [[snapshot.index[arg] for arg in node.args] for node in order],
        "key": key_of,
        "symbol": symbol_of,
        "label": labels,
        "static_args": {
            i: as_numbers(node.static_args)
            for i, node in enumerate(order)
            if node.static_args is not None
        },
        "partials": {
            i: as_numbers(node.partials) for i, node in enumerate(order) if _own_partials(node)
        },
        "made": {
            i: clean(node.op, 24)
            for i, node in enumerate(order)
            if node.args and node.op not in TABLE
        },
        "source": {i: lines[line] for i, node in enumerate(order) if (line := source_line(node))},
        "roots": [snapshot.index[root] for root in snapshot.roots],
        "folds": [[fold.title, fold.kind, fold.parent, fold.parameters] for fold in found],
        "items": [[*(-number for number in fold.boxes), *fold.values] for fold in found],
        "opened": opened_at_first(found, MOST_SEEN),
        "layout": planner.shape,
        "ports": planner.ports,
        "layouts": [plan.packed() for plan in planner.plans],
        "names": names.items,
        "symbols": symbols.items,
        "lines": lines.items,
        "docs": [TABLE[name.partition("/")[0]].doc if name else "" for name in names.items],
    }


def look(texts: Iterable[str]) -> dict[str, Any]:
    """Return how pictures measure texts and lines, so that the page uses the same numbers.

    Args:
        texts: All texts that the page may have to measure.

    Returns:
        The steps and the slope of the scale, the widths of edges, how deep their color is, and the
        tables of widths of letters.
    """
    return {
        "steps": STEPS,
        "reach": REACH,
        "edges": [THINNEST, THICKEST],
        "letters": width_tables(texts),
        "themes": {name: _theme_colors(theme) for name, theme in THEMES.items()},
    }


def _theme_colors(theme: Theme) -> dict[str, Any]:
    """Return the colors of fills and lines by sign and step of the scale, and the text color of each fill."""
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


class Index:
    """Texts by number, each once.

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


def as_numbers(given: Sequence[float | None]) -> list[float | str | None]:
    """Numbers as JSON knows them; what it has no word for is written as JavaScript reads it.

    >>> as_numbers([0.5, None, float("-inf"), float("nan")])
    [0.5, None, '-Infinity', 'NaN']
    """
    return [
        x
        if x is None or isfinite(x)
        else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(x), "NaN")
        for x in given
    ]


def _own_partials(node: Value) -> bool:
    """Whether the local derivatives are not those that the rule gives for the numbers of now."""
    if not node.args:
        return False
    if node.op not in TABLE:
        return True
    op = TABLE[node.op]
    numbers = [x.data if isinstance(x, Value) else x for x in operands(node)]
    now = op.derivatives(FLOATS, node.data, numbers, wanted(node))
    return any(a != b and (a == a or b == b) for a, b in zip(now, node.partials, strict=False))


def source_line(node: Value) -> str:
    """File, number and text of the line that made a node, where it was recorded (inside `detect_anomaly`); "" where not.

    Of the path only the name of the file is kept: a page is made to be given to others.
    """
    known = _LINE.fullmatch(str((node.metadata or {}).get("source", "")))
    if known is None:
        return ""
    path, number, text = known.groups()
    return clean(
        f"{PurePath(path.replace(chr(92), '/')).name}:{number}: {text or ''}".removesuffix(": "),
        160,
    )
