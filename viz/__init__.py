"""Pictures of expression graphs and networks.

>>> import viz
>>> from scalargrad import Value
>>> x = Value(2.0, label="x")
>>> y = x * x; y.label = "y"
>>> y.backward()
>>> viz.draw(y)
<Drawing of 2 values as cards>
"""

# First of all: where another module named scalargrad is in the way, nothing below can be imported.
from . import shadowing  # noqa: F401, I001
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import graphviz

from scalargrad.core.labels import label_unnamed
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_calls

from .animation.playback import Animation, animate
from .comparison.graphs import Comparison, compare
from .comparison.torch import compare_with_torch
from .drawing import Drawing, checked_width
from .explorer.page import Page, explore
from .gradients.explanation import ChainRule, Explanation, chain_rule, explain
from .gradients.formulas import Formula, formula
from .gradients.symbolic import SymbolicChainRule
from .layout.direction import checked_direction
from .loading import load
from .look.legend import COARSE
from .look.text import clean
from .render.dot import build_digraph
from .views.choose import choose_pictures

__all__ = [
    "Animation",
    "ChainRule",
    "Comparison",
    "Drawing",
    "Explanation",
    "Formula",
    "Page",
    "SymbolicChainRule",
    "animate",
    "chain_rule",
    "compare",
    "compare_with_torch",
    "draw",
    "draw_dot",
    "explain",
    "explore",
    "formula",
    "load",
]

_DISTRIBUTION = "scalargrad-viz"
"""The name on the package index, by which `scalargrad` tells this package from others."""


@explain_calls
def draw(
    target: Any,
    *,
    level: str | None = None,
    expand: str | Iterable[str] | None = None,
    show: str | None = None,
    width: float | str | None = None,
    edges: str | None = None,
    theme: str = "auto",
    title: str = "",
    rankdir: str = "LR",
    names: Mapping[str, Any] | None = None,
    tokens: Iterable[str] = (),
    vocabulary: Iterable[str] = (),
    limit: float = 5.0,
    program: str | None = None,
) -> Drawing:
    """Draw a Value, several Values, a network, or a graph that is only sketched.

    Args:
        target: A Value, a list of Values, a Module, a compiled program, a Diagnosis, a dictionary
            {name: [names of its operands]}, or a directed graph of networkx, whose edges point from
            an operand to what is made of it.
        level: "cards", "chips", "neurons", "layers", "blocks" or "sequence"; by default the finest
            that can be read. "blocks" are the calls and lines of your own functions, which
            `sg.trace_calls()` notes: attention, any code without modules. A "sequence" is the calls
            of a recurrent cell, or of a function that takes what its call before returned.
        expand: Paths of modules to open, such as "layers.1.neurons.2", or "*" for all; the others
            are drawn closed. A single neuron, or output 3 of a call, "gpt.linear[3]", is a table of
            its products. A long chain of links that compute the same is one card "chain × n":
            "chain" draws the links at both of its ends. At level "blocks" the names of boxes and
            frames, each opened by one level: "q" for its calls, "q #2" for the second of them. One
            call of a softmax that weights values, "attn_weights #18", or one position of a head of
            `nn.Attention`, "heads.1.positions.4", is a picture of that attention head.
        show: What colors and lines show: "gradient", "data" or "weights"; by default gradients, and
            before `backward` weights.
        width: The width in pixels that the picture will be shown at, or "slide" (1600), "column"
            (840) or "phone" (390): columns are closer together and long graphs wrap, so that its
            text can be read there. By default it has its natural size.
        edges: What the lists of a dictionary hold: "operands", the names that a name is made of
            (the default), or "feeds", the names that it goes into.
        theme: "auto" (light, and dark for readers who prefer it), "light", "dark", or
            "transparent": no page, for slides of any color.
        title: A heading.
        rankdir: Which way the graph runs, at the levels of single Values and neurons: "LR" from
            left to right, "TB" from top to bottom, "RL", "BT".
        names: Variables by their names, such as `locals()`: Values among them, and in their lists
            and dicts, that have no label yet are labeled `x`, `wte[3][2]` and so on.
        tokens: At level "blocks" short names of the calls of a function at the positions of a
            sequence, such as the letters "·emma": they stand at the rows of what has as many.
        vocabulary: At level "blocks" the names of the columns of what has as many, such as the
            logits: "abcdefghijklmnopqrstuvwxyz·".
        limit: Seconds that a layout may take before a coarser level is drawn.
        program: Which Graphviz: "pygraphviz" (the wheel), "dot" (the program on the PATH), None:
            whichever there is.

    Returns:
        A Drawing: `.show()` opens it, `.save("a.svg")` writes it, a notebook displays it.

    Raises:
        PictureError: The target is not a graph, has a cycle, or can't be drawn faithfully at this
            level.
        OptionError: A level, theme, path or another option is unknown.

    Example:
        >>> from scalargrad.nn import MLP
        >>> draw(MLP(2, [16, 16, 1]))
        <Drawing of 979 values as neurons>
        >>> draw(MLP(100, [60, 1]))
        <Drawing of 18,401 values as layers>
        >>> draw({"loss": ["linear", "y"], "linear": ["k", "x", "b"]})
        <Drawing of 6 values as cards>
        >>> draw({"x": ["linear"], "k": ["linear"], "linear": ["loss"]}, edges="feeds")
        <Drawing of 4 values as cards>
    """
    if names is not None:
        label_unnamed(names)
    heading = clean(title, 120)
    pictures = choose_pictures(
        target,
        level,
        expand,
        edges,
        show,
        fold=True,
        tokens=tokens,
        vocabulary=vocabulary,
    )
    fixed = COARSE.get(pictures[0].level)
    if checked_direction(rankdir) != "LR" and fixed:
        raise OptionError(
            f"{fixed} run from left to right: rankdir is for the levels 'cards', 'chips' and "
            "'neurons'"
        )

    def page() -> str:
        # A page needs a background.
        page_theme = "auto" if theme == "transparent" else theme
        shown = "blocks" if pictures[0].level == "blocks" else None
        return explore(
            target,
            level=shown,
            tokens=tokens,
            vocabulary=vocabulary,
            title=title,
            theme=page_theme,
        ).html

    return Drawing(
        [replace(picture, title=heading or picture.title, rankdir=rankdir) for picture in pictures],
        theme,
        limit=limit,
        program=program,
        page=page,
        width=checked_width(width),
    )


@explain_calls
def draw_dot(
    target: Any,
    style: str = "cards",
    format: str = "svg",
    rankdir: str = "LR",
    *,
    edges: str | None = None,
    names: Mapping[str, Any] | None = None,
    program: str | None = None,
) -> graphviz.Digraph:
    """Draw the graph by Graphviz alone, as people know it from micrograd.

    Args:
        target: As for `draw`.
        style: "cards", or "classic": the look of the lecture.
        format: What `render()` and the notebook make of it: "svg", "png", "pdf" …
        rankdir: "LR" from left to right, "TB" from top to bottom.
        edges: As for `draw`.
        names: As for `draw`.
        program: Which Graphviz: "pygraphviz" (the wheel), "dot" (the program on the PATH), None:
            whichever there is.

    Returns:
        A `graphviz.Digraph`, whose `.render()` and `.pipe()` work without a system Graphviz.

    Raises:
        PictureError: The target is not a graph.
        OptionError: A style, direction or program is unknown.

    Example:
        >>> from scalargrad import Value
        >>> draw_dot(Value(2.0) * 3).source.startswith("digraph")
        True
    """
    if names is not None:
        label_unnamed(names)
    picture = choose_pictures(target, edges=edges)[0]
    return build_digraph(picture, style=style, format=format, rankdir=rankdir, program=program)
