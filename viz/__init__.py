"""Pictures of expression graphs and networks.

>>> import viz
>>> from scalargrad import Value
>>> x = Value(2.0, label="x")
>>> y = x * x; y.label = "y"
>>> y.backward()
>>> viz.draw(y)
<Drawing of 2 values as cards>
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import graphviz

from scalargrad.calls import explain_calls

from .animate import Animation, animate
from .compare import Comparison, compare
from .dot import digraph
from .drawing import Drawing
from .explain import ChainRule, Explanation, chain_rule, explain
from .html import Page, explore
from .levels import pictures_of
from .notebook import register_if_there
from .text import clean
from .torch_mirror import compare_with_torch

__all__ = [
    "Animation",
    "ChainRule",
    "Comparison",
    "Drawing",
    "Explanation",
    "Page",
    "animate",
    "chain_rule",
    "compare",
    "compare_with_torch",
    "draw",
    "draw_dot",
    "explain",
    "explore",
]


@explain_calls
def draw(
    target: Any,
    *,
    level: str | None = None,
    expand: str | Iterable[str] | None = None,
    theme: str = "auto",
    title: str = "",
    limit: float = 5.0,
    program: str | None = None,
) -> Drawing:
    """A picture of a Value, of several Values, of a network, or of a graph that is only sketched.

    target   a Value, a list of Values, a Module, a compiled program, a Diagnosis, or a dictionary {name: [names of its operands]}
    level    "cards", "chips", "neurons" or "layers"; by default the finest that can be read
    expand   paths of modules to open, such as "layers.1.neurons.2", or "*" for all; the others are drawn closed
    theme    "auto" (light, and dark for readers who prefer it), "light" or "dark"
    title    a heading
    limit    seconds that a layout may take before a coarser level is drawn
    program  which Graphviz: "pygraphviz" (the wheel), "dot" (the program on the PATH), None: whichever there is

    Raises PictureError for what is no graph (or runs in a circle), OptionError for an unknown level, theme or path.

    >>> from scalargrad.nn import MLP
    >>> draw(MLP(2, [16, 16, 1]))
    <Drawing of 979 values as neurons>
    >>> draw(MLP(100, [60, 1]))
    <Drawing of 18,401 values as layers>
    >>> draw({"loss": ["linear", "y"], "linear": ["k", "x", "b"]})
    <Drawing of 6 values as cards>
    """
    titled = [replace(picture, title=clean(title, 120)) for picture in pictures_of(target, level, expand)]
    return Drawing(titled, theme, limit, program, lambda: explore(target, title=title, theme=theme).html)


@explain_calls
def draw_dot(
    target: Any, style: str = "cards", format: str = "svg", rankdir: str = "LR", *, program: str | None = None
) -> graphviz.Digraph:
    """The graph drawn by Graphviz alone, as people know it from micrograd.

    style    "cards", or "classic": the look of the lecture
    format   what `render()` and the notebook make of it: "svg", "png", "pdf" …
    rankdir  "LR" from left to right, "TB" from top to bottom
    program  which Graphviz: "pygraphviz" (the wheel), "dot" (the program on the PATH), None: whichever there is

    `.render()` and `.pipe()` work without a system Graphviz.

    >>> from scalargrad import Value
    >>> draw_dot(Value(2.0) * 3).source.startswith("digraph")
    True
    """
    return digraph(pictures_of(target)[0], style=style, format=format, rankdir=rankdir, program=program)


register_if_there(draw)
