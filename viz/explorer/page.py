"""One self-contained page to explore a graph in.

It opens offline, asks the network for nothing, and runs no script but its own.
"""

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy

from scalargrad.core.labels import label_unnamed
from scalargrad.errors import OptionError, PictureError
from scalargrad.nn.module import Module
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import write
from viz.drawing import NOTEBOOK_WIDTH, Drawing, check_path
from viz.look.text import clean, cut, escape, hint, plural
from viz.look.theme import THEMES, checked_theme
from viz.model import target_types
from viz.model.snapshot import Snapshot
from viz.model.target_types import is_named
from viz.showing import show
from viz.views.choose import choose_pictures, clean_names, is_drawn_as_blocks

from .block_views import draw_block_views
from .boxes import find_folds
from .document import write_document
from .graph_json import describe_graph, json_numbers
from .packing import PackedFrames, pack, pack_recording
from .rules_js import rules
from .targets import MAX_VALUES, read_graph

if TYPE_CHECKING:
    from scalargrad.losses import LossName
    from scalargrad.optim import Optimizer
    from scalargrad.optim.rules import OptimizerName
    from scalargrad.training.aliases import Loss
    from scalargrad.training.recorder import Recording

    from .training_data import TrainingData

ENDINGS = (".html", ".htm")
LEVELS = ("blocks", "scalars")
"""The levels that a page may show first."""
_WITHOUT_SCRIPTS = (
    "A still picture: this notebook is not trusted, so the page to explore it in is not shown. Run "
    "the cell again, or choose <em>Trust Notebook</em> (in JupyterLab: in the command palette)."
)


class Page:
    """A page with one graph. It displays itself in notebooks, and saves itself as one file.

    Attributes:
        html: The whole document.
    """

    def __init__(
        self, html: str, values: int, frames: int, still: Callable[[], Drawing], samples: int = 0
    ) -> None:
        """Make a page; `viz.explore` does.

        Args:
            html: The document.
            values: How many values its graph has.
            frames: How many frames of training it has.
            still: Makes a picture of the graph, for where no script runs.
            samples: How many samples it trains with; 0 if it does not train.
        """
        self.html = html
        self._values = values
        self._frames = frames
        self._still = still
        self._samples = samples

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file: whole, or not at all.

        Args:
            path: A file name with the extension .html or .htm.

        Returns:
            The path.

        Raises:
            OptionError: The name has another extension, or none.
        """
        return write(check_path(path, ENDINGS, "a page"), self.html)

    def show(self) -> None:
        """Open the page in the browser; in a notebook, display it there."""
        show(self, self.html)

    def __repr__(self) -> str:
        steps = f" at {self._frames} steps" if self._frames > 1 else ""
        if self._samples:
            steps = f" that trains with {plural(self._samples, 'sample')}"
        kilobytes = len(self.html) / 1000
        return f"<Page of {self._values:,} values{steps}, {kilobytes:,.0f} KB>"

    def _repr_html_(self) -> str:
        """The page in a sandboxed frame; where no frame may be shown, a still picture."""
        # A page that trains has its loss under its network, and both are to be seen.
        height = 920 if self._samples else 720
        style = (
            f"box-sizing:border-box;width:100%;height:{height}px;border:1px solid #d0d7de;"
            "border-radius:8px"
        )
        title = escape(repr(self)[1:-1])
        # An attribute in quotes ends at the next quote; `<` and `>` mean nothing in it.
        content = self.html.replace("&", "&amp;").replace('"', "&quot;")
        # A notebook that is not trusted drops frames and styles alike, so that without the frame
        # the rule that hides the picture is gone, too.
        return (
            f'<iframe title="{title}" sandbox="allow-scripts" style="{style}" srcdoc="{content}">'
            f"</iframe><style>.viz-without-scripts{{display:none}}</style>"
            f'<div class="viz-without-scripts"><p>{_WITHOUT_SCRIPTS}</p>'
            f"{self._still().refit(NOTEBOOK_WIDTH)._repr_html_()}</div>"
        )

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


@explain_calls
def explore(
    target: Any,
    *,
    data: Any = None,
    loss: "Loss | LossName" = "mse",
    train: bool = False,
    optimizer: "Optimizer | OptimizerName" = "adam",
    batch_size: int | None = 32,
    seed: int | None = 0,
    names: Mapping[str, Any] | None = None,
    level: str | None = None,
    tokens: Iterable[str] = (),
    vocabulary: Iterable[str] = (),
    title: str = "",
    theme: str = "auto",
) -> Page:
    """Make a page to explore a graph.

    Readers walk the graph, step through the backward pass, scrub through a training run, and drag a
    leaf to see what follows.

    With `train=True` a model learns in the page: it shows the graph of one sample's loss, and takes
    the steps that `fit(model, X, y, compiled=False)` takes with the same options. They are equal to
    the last bit where the graph is made of + - × ÷ √ and selections such as relu; elsewhere the
    browser's exp, tanh, … may differ in the last digit. The model itself does not change. Beside
    the graph are the outputs of the model: the decision regions of two inputs, the curve of one, or
    else the predictions for the chosen sample. Samples in the plane can be moved, added and
    removed. Models with one output and one or two inputs can be trained with built-in data sets
    too, whose classes have the targets of the given ones, or ±1 if those are not two classes. The
    address keeps the settings and what is looked at, but neither the parameters nor samples that
    were changed by hand, and the page shows Python code that does the same.

    The network of a model with layers of neurons is drawn with the numbers of one sample and the
    map of each neuron; the graph of every scalar is one level further down, where the present can
    be compared with the start of training or with a moment chosen on the loss curve.

    Args:
        target: A Value, a list of Values, a Module, a Recording of its training, a compiled
            program, or a Diagnosis, whose marks the page shows. Of one sample of a network with
            more than 50,000 values it shows the layers nearest to the output, and one neuron of
            the layer before them.
        data: (X, y), the samples and targets that a page trains a Module with: at most 500.
        loss: As for `fit`, with `train=True`.
        train: Whether the page trains the Module. The graph of one sample then has at most 3,000
            values and must be the same for every sample; batch normalization and dropout, which
            look at a batch or draw random numbers, can't be part of it.
        optimizer: As for `fit`, with `train=True`: an Optimizer that has made no step, or a name.
        batch_size: As for `fit`, with `train=True`. It can be changed in the page, as can the
            learning rate and the share of the samples to test with.
        seed: As for `fit`, with `train=True`.
        names: Variables by their names, as for `draw`.
        level: What the page shows first: "blocks", the calls and lines of a graph made inside
            `sg.trace_calls()`, or "scalars". By default "blocks" where `draw` draws them.
        tokens: As for `draw`, for the blocks.
        vocabulary: As for `draw`, for the blocks.
        title: A heading.
        theme: "auto" (as the reader prefers), "light" or "dark". In a frame, a page that is "auto"
            sends `{ask: "theme"}` to the page around it, and follows messages from there such as
            `{theme: "dark"}`.

    Raises:
        PictureError: The target is not a graph, has more than 50,000 values, or is a recording
            without frames; a page can't train it; or it has no blocks to show.
        OptionError: There is no such theme or level, or an option of the training has an invalid
            value.

    Example:
        >>> from scalargrad import Value, tanh
        >>> o = tanh(Value(2.0, label="x") * 0.5)
        >>> o.backward()
        >>> explore(o)  # doctest: +ELLIPSIS
        <Page of 4 values, ... KB>

        >>> from scalargrad.nn import MLP
        >>> X, y = [[0.0, 1.0], [1.0, 0.0]], [1.0, -1.0]
        >>> explore(MLP(2, [3, 1], seed=0), data=(X, y), train=True)  # doctest: +ELLIPSIS
        <Page of 39 values that trains with 2 samples, ... KB>
    """
    if level not in (None, *LEVELS):
        raise OptionError(
            f"level of explore must be None, 'blocks' or 'scalars', not {level!r}"
            f"{hint(level, LEVELS)}"
        )
    texts = (clean_names("tokens", tokens), clean_names("vocabulary", vocabulary))
    if names is not None:
        label_unnamed(names)
    source = target.recording if is_named(target, target_types.RECORDER) else target
    training = None
    if _is_to_train(source, data, train):
        if level is not None:
            raise OptionError("level of explore is for pages that don't train: leave it out")
        # Imported here: only a page that trains needs the compiler and the training.
        from .training_data import read_training

        training = read_training(source, data, loss, optimizer, batch_size, seed)
        snapshot, packed, graph = _pack_start(training)
    else:
        read = _read_recording if is_named(source, target_types.RECORDING) else _read_graph
        snapshot, packed, graph = read(source)
    graph |= {
        "title": clean(title, 120) or _heading(source, snapshot),
        "theme": checked_theme(theme, tuple(THEMES)),
        "bytes": packed.bytes,
        "rows": packed.rows,
        "frames": packed.frames,
        "rounded": packed.rounded,
    }
    loops = training.loops if training else ()
    samples = training.samples.text if training else ""
    blocks = None
    if training is None and _has_blocks(source, snapshot, level, graph):
        blocks = draw_block_views(snapshot, find_folds(snapshot), *texts)
        blocks.data["first"] = level or "blocks"
    html = write_document(graph, packed.text, samples, rules(snapshot.order, loops), blocks)

    # Only a notebook needs the still picture, and its layout may take seconds.
    def still() -> Drawing:
        shown = None if blocks is None else "blocks"
        tokens, vocabulary = texts
        return Drawing(
            choose_pictures(snapshot.roots, shown, fold=True, tokens=tokens, vocabulary=vocabulary)
        )

    trained_with = training.samples.frames if training else 0
    return Page(html, len(snapshot), packed.frames, still, trained_with)


def _has_blocks(target: Any, snapshot: Snapshot, level: str | None, graph: dict[str, Any]) -> bool:
    """Return whether a page has the level of blocks."""
    if level == "blocks":
        return True
    # What a page leaves out can't be in its blocks.
    if "cut" in graph:
        return False
    is_value = isinstance(target, list | tuple) or is_named(target, target_types.VALUE)
    return is_value and is_drawn_as_blocks(snapshot)


def _is_to_train(target: Any, data: Any, train: bool) -> bool:
    """Return whether the page trains; raise OptionError for arguments that don't fit together."""
    if not train:
        if data is not None:
            raise OptionError("data of explore is what a page trains with: give train=True too")
        return False
    if not isinstance(target, Module):
        raise OptionError(
            f"explore(…, train=True) trains a Module, not a {type(target).__name__}: give the "
            "model itself"
        )
    if data is None:
        raise OptionError(
            "explore(…, train=True) needs the samples and targets to train with: give data=(X, y)"
        )
    return True


def _heading(target: Any, snapshot: Snapshot) -> str:
    if isinstance(target, Module):
        return type(target).__name__
    if is_named(target, target_types.RECORDING):
        return f"training, {len(target):,} frames"
    return cut(snapshot.labels[snapshot.roots[0]], 40) or "expression graph"


Contents = tuple[Snapshot, PackedFrames, dict[str, Any]]


def _read_graph(target: Any) -> Contents:
    snapshot, more = read_graph(target)
    data = [node.data for node in snapshot.order]
    gradients = [snapshot.gradients[node] for node in snapshot.order]
    graph = describe_graph(snapshot) | {
        "steps": [0],
        "losses": [],
        "leaves": False,
        "seeded": any(snapshot.gradients[root] for root in snapshot.roots),
        **more,
    }
    column = numpy.array([*data, *gradients]).reshape(-1, 1)
    return snapshot, pack(column), graph


def _pack_start(training: "TrainingData") -> Contents:
    """Return the graph at the start: the page computes all but the leaves."""
    snapshot = training.snapshot
    leaves = [node.data for node in snapshot.order if not node.args]
    seeds = [1.0]
    graph = describe_graph(snapshot) | {
        "steps": [0],
        "losses": [],
        "leaves": True,
        "seeded": True,
        "training": training.description,
        "network": training.network,
    }
    return snapshot, pack(numpy.array([*leaves, *seeds]).reshape(-1, 1)), graph


def _read_recording(recording: "Recording") -> Contents:
    if not len(recording) or not recording.values:
        raise PictureError(
            "the recording has no frames of a graph: train with the Recorder among the callbacks "
            "of fit first"
        )
    used = {arg for node in recording.values for arg in node.args}
    roots = [node for node in recording.values if node not in used]
    snapshot = Snapshot(roots)
    if len(snapshot) > MAX_VALUES:
        raise PictureError(
            f"the graph of the recording has {len(snapshot):,} values, and a page holds at most "
            f"{MAX_VALUES:,}: record one sample instead of a batch"
        )

    # The order of the recording is that of another walk; the page has the snapshot's.
    column = {node: i for i, node in enumerate(recording.values)}
    columns = [column[node] for node in snapshot.order]
    data = numpy.asarray(recording.data)[:, columns]
    gradients = numpy.asarray(recording.gradients)[:, columns]
    packed, has_leaves_only = pack_recording(snapshot, data, gradients)
    graph = describe_graph(snapshot) | {
        "steps": list(recording.steps),
        "losses": json_numbers(recording.losses),
        "leaves": has_leaves_only,
        "seeded": True,
    }
    return snapshot, packed, graph
