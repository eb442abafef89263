"""How much to show: the level of detail that a graph can be read at, and what is folded."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

from scalargrad.compiler import Compiled
from scalargrad.core.modes import enable_grad
from scalargrad.core.value import Value
from scalargrad.doctor import Diagnosis
from scalargrad.errors import OptionError, PictureError
from scalargrad.nn.module import Module, evaluation
from scalargrad.training import Recorder, Recording
from scalargrad.training.history import History
from scalargrad.utils.garbage import collector_off
from viz.look.text import clean, hint
from viz.model.picture import MAX_CARDS, MAX_CHIPS, Picture
from viz.model.snapshot import Snapshot

from .condensed import condensed_picture
from .diagnosis import diagnosis_picture
from .dictionary import is_directed_graph, sketch_pictures
from .layers.cards import layer_picture, too_wide
from .layers.fold import Folded
from .neurons import neuron_picture
from .program import program_pictures
from .scalars import scalar_picture

LEVELS = ("cards", "chips", "neurons", "layers")


@collector_off()
def choose_pictures(
    target: Any,
    level: str | None = None,
    expand: str | Iterable[str] | None = None,
    edges: str | None = None,
) -> list[Picture]:
    """Return the picture at the level asked for (or chosen by size), then coarser ones in case it can't be placed in time.

    Args:
        target: As for `viz.draw`.
        level: As for `viz.draw`.
        expand: As for `viz.draw`.
        edges: What the lists of a dictionary hold: "operands" or "feeds".

    Raises:
        PictureError: The target is no graph.
        OptionError: The level or the path of a module is unknown, or `edges` is given for another
            target than a sketch.
    """
    if level not in (None, *LEVELS):
        raise OptionError(
            f"level must be None or one of {', '.join(LEVELS)}, not {level!r}{hint(level, LEVELS)}"
        )
    if isinstance(target, History):
        raise PictureError(
            "draw takes graphs: of a History viz.plots.plot_history(history) makes a plot"
        )
    if isinstance(target, Mapping) or is_directed_graph(target):
        return sketch_pictures(target, level, expand, edges)
    if edges is not None:
        raise OptionError(
            f"edges is for a graph given as a dictionary, not for {_described(target)}"
        )
    if isinstance(target, Diagnosis):
        return [diagnosis_picture(target)]
    if isinstance(target, Compiled) and level == "layers":
        return _of_snapshot(Snapshot(_recorded(target)), level, expand, "gradient")
    if isinstance(target, Compiled):
        return program_pictures(target, level, expand)
    if isinstance(target, Module):
        return _of_module(target, level, expand)
    roots = _roots(target)
    if not roots:
        raise PictureError("there is nothing to draw: the list is empty")
    return _of_snapshot(Snapshot(roots), level, expand, "gradient")


def find_roots(target: Any) -> list[Value]:
    """The Values that a graph ends in: those given, or the outputs of a network for an input of zeros.

    Raises PictureError for what is neither.
    """
    return _traced(target) if isinstance(target, Module) else _roots(target)


def _of_module(
    module: Module, level: str | None, expand: str | Iterable[str] | None
) -> list[Picture]:
    snapshot = Snapshot(_traced(module))
    if level is None and expand is None and _has_modules(snapshot):
        return [_network(snapshot, "weight")]
    return _of_snapshot(snapshot, level, expand, "weight")


def _recorded(program: Compiled) -> list[Value]:
    """The Values that the outputs of a program were recorded from; `load` puts the numbers of a sample into them."""
    rows = program.program.outputs.tolist()
    found = program.recorded(rows)
    if len(found) < len(rows):
        raise PictureError(
            "an output of this program is no recorded Value any more: draw what `load` returns"
        )
    return _roots(found)


def _has_modules(snapshot: Snapshot) -> bool:
    """Whether there are modules besides one that is the whole network."""
    scopes = {id(node.scope): node.scope for node in snapshot.order if node.scope is not None}
    return len(scopes) > 1 or any(
        scope.parent is not None or scope.name for scope in scopes.values()
    )


def _network(snapshot: Snapshot, colors: str) -> Picture:
    """A network as neurons, or as layers where these are too many."""
    folded = Folded(snapshot)
    if not too_wide(folded):
        with suppress(
            PictureError
        ):  # calls that belong together may be too many to be drawn one by one
            return neuron_picture(snapshot, colors)
    return layer_picture(snapshot, colors, folded)


def _traced(module: Module) -> list[Value]:
    """The outputs of a network for an input of zeros, in evaluation, so that no random generator moves: the structure is what counts."""
    size = getattr(module, "inputs", None)
    if not isinstance(size, int):
        raise PictureError(
            f"{type(module).__name__} does not say how many inputs it takes: call it and draw the result"
        )
    model = _copied(module)
    with evaluation(model), enable_grad():
        return _roots(model([Value(0.0, label=f"x{i}") for i in range(size)]))


def _copied(module: Module) -> Module:
    """Return a copy of a module with the same leaves: the module itself may be training in another thread.

    A module that can't be copied is returned as it is.
    """
    leaves = [leaf for _, leaf in (*module.named_parameters(), *module.named_buffers())]
    try:
        return deepcopy(module, {id(leaf): leaf for leaf in leaves})
    except Exception:  # whatever the parts of a module of the user's raise
        return module


def _roots(target: Any) -> list[Value]:
    items = [target] if isinstance(target, Value) else target
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        if isinstance(target, Recorder | Recording):
            raise PictureError(
                f"draw takes a graph at one moment, not {_described(target)}: viz.animate(recording) plays a training, "
                "and viz.explore(recording) makes a page of it"
            )
        raise PictureError(
            "draw takes a Value, a list of Values, a module, a compiled program, a dictionary of names or a directed graph, "
            f"not {_described(target)}"
        )
    roots = list(items)
    for i, root in enumerate(roots):
        if not isinstance(root, Value):
            raise PictureError(f"draw takes Values: item {i} is {_described(root)}")
    return list(dict.fromkeys(roots))


def _described(target: Any) -> str:
    return f"{type(target).__name__} {clean(repr(target))}"


def _of_snapshot(
    snapshot: Snapshot, level: str | None, expand: str | Iterable[str] | None, colors: str
) -> list[Picture]:
    opened = _opened(snapshot, expand)
    if level == "neurons":
        return [neuron_picture(snapshot, colors)]
    if level == "layers":
        return [_layers(snapshot, colors)]
    if level == "chips" or (
        level is None and expand is None and MAX_CARDS < len(snapshot) <= MAX_CHIPS
    ):
        return [scalar_picture(snapshot, "chips"), *_coarse(snapshot, colors)]
    if level == "cards" or expand is not None or len(snapshot) <= MAX_CARDS:
        return [*_cards(snapshot, opened, expand is None), *_coarse(snapshot, colors)]
    return _coarse(snapshot, colors)


def _layers(snapshot: Snapshot, colors: str) -> Picture:
    if all(node.scope is None for node in snapshot.order):
        raise PictureError(
            'no module made any of this graph, so that it has no layers: draw it with another level, such as "chips"'
        )
    return layer_picture(snapshot, colors)


def _coarse(snapshot: Snapshot, colors: str) -> list[Picture]:
    if _has_modules(snapshot):
        return [_network(snapshot, colors)]
    return [condensed_picture(snapshot, MAX_CHIPS), condensed_picture(snapshot, MAX_CHIPS // 3)]


def _opened(snapshot: Snapshot, expand: str | Iterable[str] | None) -> set[str]:
    """The unique paths of the modules to open, those around them included."""
    if expand is None:
        return set()
    asked = [expand] if isinstance(expand, str) else list(expand or ())
    opened: set[str] = set()
    for path in asked:
        found = [own for own in snapshot.modules if path in ("*", own, own.replace("/", "."))]
        if not found:
            names = [own.replace("/", ".") for own in snapshot.modules]
            some = ", ".join(names[:6]) or "none"
            raise OptionError(
                f"expand names {path!r}, which is no module in this graph; its modules are {some} …, or '*' for all{hint(path, names)}"
            )
        opened.update(found)
    return {
        own
        for own in snapshot.modules
        if any((path + "/").startswith(own + "/") for path in opened)
    }


def _cards(snapshot: Snapshot, opened: set[str], automatic: bool) -> Iterable[Picture]:
    """Cards with those modules closed that hold no others, or more of them, until all fits."""
    if automatic and len(snapshot) <= MAX_CARDS:
        return [scalar_picture(snapshot, "cards")]
    picture = scalar_picture(snapshot, "cards", closed=_innermost(snapshot, opened))
    if len(picture.nodes) <= MAX_CHIPS:
        return [picture]
    outer = [path for path in snapshot.modules if path not in opened]
    return [scalar_picture(snapshot, "cards", closed=outer)]


def _innermost(snapshot: Snapshot, opened: set[str]) -> Sequence[str]:
    return [
        path for path in snapshot.modules if path not in opened and not snapshot.children.get(path)
    ]
