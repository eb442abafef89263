"""Notebooks: once viz is imported, Values, networks and histories show themselves as pictures."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from scalargrad.core.value import Value
from scalargrad.errors import ScalargradError
from scalargrad.nn import Module

from .drawing import Drawing
from .model import target_types
from .render.svg_document import as_image
from .showing import find_shell

Draw = Callable[[Any], Drawing]
MakeHtml = Callable[[Any], str]


def register_if_there(draw: Draw) -> None:
    """Register with a notebook or any other IPython shell; elsewhere do and import nothing."""
    shell = find_shell()
    if shell is not None:
        register(shell, draw)


def register(shell: Any, draw: Draw) -> None:
    """Teach the shell of a notebook to show Values, networks, histories and programs.

    Args:
        shell: An IPython shell.
        draw: Draws a graph.
    """

    def draw_graph(thing: Any) -> str:
        drawing = draw(thing)
        return as_image(drawing.svg(), repr(drawing)[1:-1])

    # IPython takes the names of classes, too: these need not be imported until there is one.
    shown: dict[type | str, MakeHtml] = {
        Value: draw_graph,
        Module: draw_graph,
        target_types.DIAGNOSIS: draw_graph,
        target_types.COMPILED: draw_graph,
        target_types.HISTORY: _draw_history,
    }
    formatter = shell.display_formatter.mimebundle_formatter
    for kind, make_html in shown.items():
        formatter.for_type(kind, _formatter(make_html))


def _formatter(make_html: MakeHtml) -> Callable[..., dict[str, str]]:
    return lambda thing, **options: make_bundle(thing, make_html)  # noqa: ARG005


def make_bundle(thing: Any, make_html: MakeHtml) -> dict[str, str]:
    """Return what a notebook shows: a picture and words, or words alone where it can't be drawn.

    Args:
        thing: What is shown.
        make_html: Returns the picture as HTML.
    """
    bundle = {"text/plain": repr(thing)}
    with suppress(ScalargradError):
        bundle["text/html"] = make_html(thing)
    return bundle


def _draw_history(history: Any) -> str:
    from .plots import new_axes, plot_history, plot_svg

    (ax,) = new_axes(width=6.5, height=3.4)
    document = plot_svg(plot_history(history, ax), "Training history")
    return as_image(document, repr(history)[1:-1])
