"""Notebooks: Values, networks, histories and recordings show themselves as pictures there, once viz is imported."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from scalargrad.core.value import Value
from scalargrad.errors import ScalargradError
from scalargrad.nn import Module

from .drawing import Drawing
from .render.svg_document import as_image


def shown(thing: Any, draw: Callable[[Any], Any]) -> dict[str, str]:
    """What a notebook shows: an image with the picture inside of its address, which untrusted notebooks show too, and words.

    Where no picture can be made, the words alone.
    """
    bundle = {"text/plain": repr(thing)}
    with suppress(ScalargradError):
        bundle["text/html"] = draw(thing)
    return bundle


def _grapher(draw: Callable[[Any], Drawing]) -> Callable[[Any], str]:
    def graph(thing: Any) -> str:
        drawing = draw(thing)
        return as_image(drawing.svg(), repr(drawing)[1:-1])

    return graph


def _history(thing: Any) -> str:
    from .plots import new_axes, plot_history, plot_svg

    (ax,) = new_axes(width=6.5, height=3.4)
    return as_image(plot_svg(plot_history(thing, ax), "Training history"), repr(thing)[1:-1])


def register(shell: Any, draw: Callable[[Any], Drawing]) -> None:
    """Teach a notebook's shell to show what is ours, graphs by `draw`; names stand for classes that are imported only when needed."""
    graph = _grapher(draw)
    formatter = shell.display_formatter.mimebundle_formatter
    for kind in (Value, Module):
        formatter.for_type(kind, _shower(graph))
    later = {
        "scalargrad.doctor.diagnosis.Diagnosis": graph,
        "scalargrad.compiler.compiled.Compiled": graph,
    }
    for name, show in {**later, "scalargrad.training.history.History": _history}.items():
        formatter.for_type(name, _shower(show))


def _shower(draw: Callable[[Any], str]) -> Callable[..., dict[str, str]]:
    return lambda thing, **options: shown(thing, draw)  # noqa: ARG005


def register_if_there(draw: Callable[[Any], Drawing]) -> None:
    """In a notebook (or any other IPython shell), teach it; elsewhere do nothing, and import nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        register(shell, draw)
