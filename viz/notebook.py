"""Notebooks: what the objects of scalargrad look like in a cell.

They ask for their pictures themselves, so that nothing has to be imported or registered before.
"""

from collections.abc import Callable, Sequence
from typing import Any

from scalargrad.errors import ScalargradError

from . import animate, draw
from .drawing import NOTEBOOK_WIDTH
from .model import target_types
from .model.target_types import class_names
from .plots import new_axes, plot_history, plot_svg
from .render.svg_document import as_image
from .showing import as_text

MANY_LEAVES = 12
"""Values that nothing was computed for are no graph: a longer list of them is not drawn."""


def make_html(thing: Any) -> str | None:
    """Return what a notebook shows of something, None if it can't be drawn.

    Args:
        thing: A Value, a list of Values, a module, a program, a result of training or a diagnosis.

    Example:
        >>> from scalargrad import Value
        >>> make_html(Value(2.0, label="x") * 3)[:40]
        '<img alt="Drawing of 3 values as cards" '
        >>> make_html("a text") is None
        True
    """
    # The text of the list is shorter.
    if isinstance(thing, list | tuple) and _are_many_leaves(thing):
        return None
    make = next((_MAKERS[name] for name in class_names(thing) if name in _MAKERS), _draw)
    try:
        return make(thing)
    except ScalargradError:
        return None


def _are_many_leaves(values: Sequence[Any]) -> bool:
    return len(values) > MANY_LEAVES and not any(value.args for value in values)


def _draw(thing: Any) -> str:
    return draw(thing, width=NOTEBOOK_WIDTH)._repr_html_()


def _draw_diagnosis(diagnosis: Any) -> str:
    return _draw(diagnosis) + as_text(str(diagnosis), 20_000)


def _draw_history(history: Any) -> str:
    (ax,) = new_axes(width=6.5, height=3.4)
    document = plot_svg(plot_history(history, ax), "Training history")
    return as_image(document, repr(history)[1:-1])


def _play(recording: Any) -> str:
    return animate(recording, width=NOTEBOOK_WIDTH)._repr_html_()


def _play_recorder(recorder: Any) -> str:
    return _play(recorder.recording)


_MAKERS: dict[str, Callable[[Any], str]] = {
    target_types.DIAGNOSIS: _draw_diagnosis,
    target_types.HISTORY: _draw_history,
    target_types.RECORDER: _play_recorder,
    target_types.RECORDING: _play,
}
"""What is shown otherwise than drawn, by the names of classes."""
