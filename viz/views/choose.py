"""How much to show: which view draws a target, at which level of detail."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.modes import enable_grad
from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.nn.module import Module, evaluation
from scalargrad.utils.garbage import collector_off
from viz.look.legend import LEVELS, checked_show
from viz.look.text import clean, hint
from viz.model import target_types
from viz.model.chains import Chain
from viz.model.picture import MAX_CARDS, MAX_CHIPS, Picture
from viz.model.snapshot import Snapshot, parent_path
from viz.model.target_types import class_names, is_named

from .blocks.alone import open_alone
from .blocks.picture import block_picture
from .chains import close_chains, name_chains
from .condensed import condensed_picture
from .dictionary import is_directed_graph, sketch_pictures
from .layers.cards import layer_picture
from .layers.fold import Folded
from .neuron_tables import find_neuron_tables, find_output_table
from .neurons import neuron_picture
from .open_neuron import choose_open_neuron, open_neuron_picture
from .scalars import scalar_picture
from .sequence.picture import sequence_picture, suits_sequence

_ONE_OUTPUT = re.compile(r"[^\[\]]+\[\d{1,9}\]")
"""One output of a module or a call, as in "gpt.linear[3]"."""
MAX_UNITS = 48
"""Units of the widest layer of a network that is drawn neuron by neuron."""
MAX_WEIGHTS = 5000
"""Weights of a network that is drawn neuron by neuron."""
_FOLDED = ("neurons", "layers", "sequence")
"""The levels that fold Values in their own way."""

_MAX_NAME = 24
"""Characters of the name of a token."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for, None for the default.

    Attributes:
        level: The level of detail.
        expand: Paths of modules to open.
        show: What colors show.
        fold: Whether a chain of + is drawn as one Σ and an open neuron as a table, and chips show
            their numbers. Films don't fold: each Value has its moment in them.
        tokens: The names of the calls at the positions of a sequence.
        vocabulary: The names of the columns of what has as many.
    """

    level: str | None
    expand: str | Iterable[str] | None
    show: str | None = None
    fold: bool = False
    tokens: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()


@collector_off()
def choose_pictures(
    target: Any,
    level: str | None = None,
    expand: str | Iterable[str] | None = None,
    edges: str | None = None,
    show: str | None = None,
    fold: bool = False,
    tokens: Iterable[str] = (),
    vocabulary: Iterable[str] = (),
) -> list[Picture]:
    """Return the picture of a target, then coarser ones in case Graphviz runs out of time.

    Args:
        target: As for `viz.draw`.
        level: As for `viz.draw`; chosen by size if None.
        expand: As for `viz.draw`.
        edges: What the lists of a dictionary hold: "operands" or "feeds".
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.
        fold: Whether a chain of + is drawn as one Σ and an open neuron as a table, and chips show
            their numbers.
        tokens: As for `viz.draw`.
        vocabulary: As for `viz.draw`.

    Raises:
        PictureError: The target is not a graph.
        OptionError: The level or the path of a module is unknown, or `edges` is given for anything
            but a dictionary or a directed graph.

    Example:
        >>> [picture.level for picture in choose_pictures(Value(2.0) * 3.0)]
        ['cards', 'chips', 'chips']
    """
    if level not in (None, *LEVELS):
        raise OptionError(
            f"level must be None or one of {', '.join(LEVELS)}, not {level!r}{hint(level, LEVELS)}"
        )
    checked_show(show)
    if is_named(target, target_types.HISTORY):
        raise PictureError(
            "draw takes graphs: of a History viz.plots.plot_history(history) makes a plot"
        )
    if isinstance(target, Mapping) or is_directed_graph(target):
        return sketch_pictures(target, level, expand, edges)
    if edges is not None:
        raise OptionError(
            f"edges is for a graph given as a dictionary, not for {_describe(target)}"
        )

    views = [_VIEWS[name] for name in class_names(target) if name in _VIEWS]
    view = views[0] if views else _draw_values
    rows = clean_names("tokens", tokens)
    columns = clean_names("vocabulary", vocabulary)
    if level not in (None, "blocks") and (rows or columns):
        raise OptionError(
            "tokens and vocabulary name the rows and columns of blocks: give level='blocks', not "
            f"{level!r}"
        )
    return view(target, Request(level, expand, show, fold, rows, columns))


def clean_names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of rows or columns, safe to draw."""
    items = list(names) if isinstance(names, Iterable) else [names]
    for i, name in enumerate(items):
        if not isinstance(name, str):
            raise OptionError(
                f"{option} must be a text, or a list of short texts: item {i} is {_describe(name)}"
            )
    return tuple(clean(name, _MAX_NAME) for name in items)


def find_roots(target: Any) -> list[Value]:
    """Return the Values that a graph ends in.

    Args:
        target: A Value, several, a compiled program, or a network, whose outputs for an input of
            zeros are returned.

    Raises:
        PictureError: The target is anything else.
    """
    if is_named(target, target_types.COMPILED):
        return _recorded_outputs(target)
    return _trace(target) if isinstance(target, Module) else _check_values(target)


# One view for each type of target


def _draw_values(target: Any, request: Request) -> list[Picture]:
    roots = _check_values(target)
    if not roots:
        raise PictureError("there is nothing to draw: the list is empty")
    return _draw_snapshot(Snapshot(roots), request)


def _draw_module(module: Module, request: Request) -> list[Picture]:
    snapshot = Snapshot(_trace(module))
    # Its weights are all that a network by itself has to show.
    is_network = request.show in (None, "weights")
    if is_network and request.level is request.expand is None and _has_modules(snapshot):
        return [_network(snapshot, request.show, is_network)]
    return _draw_snapshot(snapshot, request, is_network)


def _draw_program(program: Any, request: Request) -> list[Picture]:
    if request.level in ("layers", "blocks", "sequence"):
        return _draw_snapshot(Snapshot(_recorded_outputs(program)), request)

    # Imported here: the view of programs needs the compiler, which only programs have loaded.
    from .program import program_pictures

    return program_pictures(program, request.level, request.expand)


def _draw_diagnosis(diagnosis: Any, _request: Request) -> list[Picture]:
    from .diagnosis import diagnosis_picture

    return [diagnosis_picture(diagnosis)]


_VIEWS: dict[str, Callable[[Any, Request], list[Picture]]] = {
    target_types.VALUE: _draw_values,
    target_types.MODULE: _draw_module,
    target_types.COMPILED: _draw_program,
    target_types.DIAGNOSIS: _draw_diagnosis,
}
"""The view of each type by its qualified name; everything else may be a list of Values."""


# From a target to the Values that it ends in


def _recorded_outputs(program: Any) -> list[Value]:
    """Return the recorded Values of a program's outputs; `load` sets the numbers of a sample."""
    outputs = program.recorded_outputs()
    if len(outputs) < len(program.program.outputs):
        raise PictureError(
            "an output of this program is not a recorded Value anymore: draw what `load` returns"
        )
    return _check_values(outputs)


def _trace(module: Module) -> list[Value]:
    """Return the outputs of a network for an input of zeros."""
    try:
        size = checked_int(getattr(module, "inputs", None), "inputs", 0)
    except OptionError:
        raise PictureError(
            f"{type(module).__name__} does not say how many inputs it takes: "
            "call it and draw the result, or give it an attribute `inputs`"
        ) from None
    model = copy_module(module)
    # In evaluation no random generator moves: drawing a network must not change its training.
    with evaluation(model), enable_grad():
        inputs = [Value(0.0, label=f"x{i}") for i in range(size)]
        return _check_values(model(inputs))


def copy_module(module: Module) -> Module:
    """Return a copy of a module with the same leaves.

    The module itself may be training in another thread. Where it can't be copied it is returned.
    """
    leaves = [leaf for _, leaf in (*module.named_parameters(), *module.named_buffers())]
    try:
        return deepcopy(module, {id(leaf): leaf for leaf in leaves})
    except Exception:  # whatever the parts of a user's module raise
        return module


def _check_values(target: Any) -> list[Value]:
    """Return the different Values of a list, or a single one as a list."""
    items = [target] if isinstance(target, Value) else target
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise PictureError(_explain_refusal(target))
    roots = list(items)
    for i, root in enumerate(roots):
        if not isinstance(root, Value):
            raise PictureError(f"draw takes Values: item {i} is {_describe(root)}")
    return list(dict.fromkeys(roots))


def _explain_refusal(target: Any) -> str:
    if is_named(target, target_types.RECORDER, target_types.RECORDING):
        return (
            f"draw takes a graph at one moment, not {_describe(target)}: "
            "viz.animate(recording) plays the run, and viz.explore(recording) makes a page of it"
        )
    return (
        "draw takes a Value, a list of Values, a module, a compiled program, "
        f"a dictionary of names or a directed graph, not {_describe(target)}"
    )


def _describe(target: Any) -> str:
    return f"{type(target).__name__} {clean(repr(target))}"


# From a graph to pictures


def _draw_snapshot(snapshot: Snapshot, request: Request, is_network: bool = False) -> list[Picture]:
    if request.level == "blocks":
        return [_blocks(snapshot, request)]
    if request.level is None and _opens_blocks(snapshot, request):
        return [_blocks(snapshot, request)]
    if request.fold and isinstance(request.expand, str) and _ONE_OUTPUT.fullmatch(request.expand):
        return [_draw_output(snapshot, request.expand, request.show)]
    chains = _find_chains(snapshot, request)
    opened = _find_opened(snapshot, request.expand, chains)
    chains = close_chains(chains, opened)
    level = request.level
    show = request.show
    is_automatic = request.expand is None

    if level == "neurons":
        return [neuron_picture(snapshot, show, is_network)]
    if level == "layers":
        return [_layers(snapshot, show, is_network)]
    if level == "sequence" or _is_sequence(snapshot, request, is_network):
        return [sequence_picture(snapshot, show)]

    size = len(snapshot) - sum(len(chain.values) - 1 for chain in chains.values())
    if level is None:
        level = _choose_level(size, is_automatic)
    if chains and size <= MAX_CARDS:
        # No layout takes long, and folding a large graph in other ways does.
        chips = scalar_picture(snapshot, "chips", (), show, request.fold, chains)
        return [chips if level == "chips" else _cards(snapshot, opened, request, chains)]
    coarser = _coarser(snapshot, show, is_network)
    if level is None and _has_calls(snapshot):
        return [_blocks(snapshot, request), *coarser]
    if level == "chips":
        chips = scalar_picture(snapshot, "chips", (), show, request.fold, chains)
        return [chips, *coarser]
    if level == "cards":
        return [_cards(snapshot, opened, request, chains), *coarser]
    return coarser


def _opens_blocks(snapshot: Snapshot, request: Request) -> bool:
    """Return whether names of boxes are opened of a graph that is drawn as blocks by default."""
    if request.expand is None or len(snapshot) <= MAX_CHIPS or not _has_calls(snapshot):
        return False
    names = [request.expand] if isinstance(request.expand, str) else list(request.expand)
    paths = {*snapshot.modules, *_find_chains(snapshot, request), "*"}
    known = paths | {path.replace("/", ".") for path in paths}
    outputs = {name for name in names if name.rpartition("[")[0] in known}
    return any(name not in known and name not in outputs for name in names)


def is_drawn_as_blocks(snapshot: Snapshot) -> bool:
    """Return whether a graph is drawn as blocks where the user asks for no level.

    Args:
        snapshot: The graph of some Values.
    """
    request = Request(None, None, fold=True)
    if not _has_calls(snapshot) or _is_sequence(snapshot, request, is_network=False):
        return False
    chains = _find_chains(snapshot, request)
    size = len(snapshot) - sum(len(chain.values) - 1 for chain in chains.values())
    return _choose_level(size, is_automatic=True) is None


def _is_sequence(snapshot: Snapshot, request: Request, is_network: bool) -> bool:
    """Return whether a graph that is too large for chips is a recurrence, and nothing else.

    Films fold nothing, and a network by itself has computed nothing.
    """
    is_automatic = request.level is request.expand is None and request.show != "weights"
    if not (is_automatic and request.fold) or is_network or len(snapshot) <= MAX_CHIPS:
        return False
    return suits_sequence(snapshot)


def _find_chains(snapshot: Snapshot, request: Request) -> dict[str, Chain]:
    """Return the chains of a graph that is too large to be drawn whole."""
    if not request.fold or len(snapshot) <= MAX_CHIPS or request.level in _FOLDED:
        return {}
    is_automatic = request.level is request.expand is None
    # A network is drawn as its modules are, unless its single Values are asked for.
    if is_automatic and _has_modules(snapshot):
        return {}
    return name_chains(snapshot)


def _choose_level(size: int, is_automatic: bool) -> str | None:
    """Return the finest level of single Values that can be read, None where there is none."""
    if not is_automatic or size <= MAX_CARDS:
        return "cards"
    return "chips" if size <= MAX_CHIPS else None


def _layers(snapshot: Snapshot, show: str | None, is_network: bool) -> Picture:
    if all(node.scope is None for node in snapshot.order):
        raise PictureError(
            "no module made any of this graph, so that it has no layers: "
            'draw it with another level, such as "chips"'
        )
    return layer_picture(snapshot, show, is_network=is_network)


def _blocks(snapshot: Snapshot, request: Request) -> Picture:
    expand = request.expand or ()
    names = [expand] if isinstance(expand, str) else list(expand)
    return block_picture(snapshot, request.show, names, request.tokens, request.vocabulary)


def _has_calls(snapshot: Snapshot) -> bool:
    """Return whether functions or named blocks, and not modules alone, made a graph."""
    scopes = {node.scope for node in snapshot.order}
    return any(scope is not None and not scope.is_module for scope in scopes)


def _coarser(snapshot: Snapshot, show: str | None, is_network: bool) -> list[Picture]:
    """Return the pictures that fold Values: the network, or the strongest Values of a graph."""
    if _has_modules(snapshot):
        return [_network(snapshot, show, is_network)]
    return [
        condensed_picture(snapshot, MAX_CHIPS, show),
        condensed_picture(snapshot, MAX_CHIPS // 3, show),
    ]


def _has_modules(snapshot: Snapshot) -> bool:
    """Return whether there are modules besides one that is the whole network."""
    by_node = (node.scope for node in snapshot.order)
    scopes = {id(scope): scope for scope in by_node if scope is not None}
    if len(scopes) > 1:
        return True
    return any(scope.parent is not None or scope.name for scope in scopes.values())


def _network(snapshot: Snapshot, show: str | None, is_network: bool) -> Picture:
    """Return a network as neurons, or as layers where there are too many neurons."""
    folded = Folded(snapshot)
    width = max((layer.units for layer in folded.layers), default=0)
    weights = sum(layer.weights for layer in folded.layers)
    if width <= MAX_UNITS and weights <= MAX_WEIGHTS:
        # Calls that belong to one computation may be too many to be drawn one by one.
        with suppress(PictureError):
            return neuron_picture(snapshot, show, is_network)
    return layer_picture(snapshot, show, folded, is_network)


# Open and closed modules


def _draw_output(snapshot: Snapshot, expand: str, show: str | None) -> Picture:
    """Return one output of a module or a call as an open neuron.

    Args:
        snapshot: The graph.
        expand: The path of the module, and the number of the output in brackets.
        show: What colors show.
    """
    name, position = expand[:-1].rsplit("[", 1)
    path = _match_modules(snapshot.modules, name, expand)[0]
    try:
        table = find_output_table(snapshot, path, int(position))
    except IndexError:
        raise OptionError(f"expand names {expand!r}: {name} has no output {position}") from None
    if table is None:
        raise OptionError(
            f"expand names {expand!r}, which is not a sum of products: expand={name!r} draws all "
            "of its values"
        )
    return open_neuron_picture(snapshot, path, table, show, expand)


def _find_opened(
    snapshot: Snapshot, expand: str | Iterable[str] | None, chains: Iterable[str]
) -> set[str]:
    """Return the unique paths of modules and chains to open, those around them included."""
    if expand is None:
        return set()

    opened: set[str] = set()
    for path in [expand] if isinstance(expand, str) else expand:
        opened.update(_match_modules([*chains, *snapshot.modules], path))
    for path in list(opened):
        while path := parent_path(path):
            opened.add(path)
    return opened


def _match_modules(paths: Iterable[str], path: str, written: str = "") -> list[str]:
    """Return the unique paths of all calls of the module that the user names, or of all modules.

    Args:
        paths: The unique paths of the modules.
        path: The path that the user names, or "*".
        written: The same as the user wrote it, where that is more.
    """
    shown = {own: own.replace("/", ".") for own in paths}
    matches = [own for own, name in shown.items() if path in ("*", own, name)]
    if not matches:
        names = list(shown.values())
        some = ", ".join(names[:6]) or "none"
        written = written or path
        raise OptionError(
            f"expand names {written!r}, which is not a module of this graph; "
            f"its modules are {some} …, or '*' for all{hint(written, names)}"
        )
    return matches


def _cards(
    snapshot: Snapshot, opened: set[str], request: Request, chains: dict[str, Chain]
) -> Picture:
    """Return cards with the innermost modules closed, or with more of them, until all fits."""
    show = request.show
    fold = request.fold
    if request.expand is None and len(snapshot) <= MAX_CARDS:
        return scalar_picture(snapshot, "cards", (), show, fold)

    closed = [path for path in snapshot.modules if path not in opened]
    if fold and opened:
        tables = find_neuron_tables(snapshot, [p for p in snapshot.modules if p in opened])
        path = choose_open_neuron(tables, opened)
        if path and not chains and len(snapshot) > MAX_CARDS:
            return open_neuron_picture(snapshot, path, tables[path], show)
        if isinstance(request.expand, str) and len(snapshot) > MAX_CARDS:
            alone = open_alone(snapshot, request.expand, {}, show, request.tokens)
            if alone is not None:
                return alone
        # What the reader asked for is what the picture is about: all else takes little space.
        return scalar_picture(snapshot, "cards", closed, show, fold, chains)
    innermost = [path for path in closed if not snapshot.children.get(path)]
    picture = scalar_picture(snapshot, "cards", innermost, show, fold, chains)
    if len(picture.nodes) <= MAX_CHIPS:
        return picture
    return scalar_picture(snapshot, "cards", closed, show, fold, chains)
