"""Inside a network: gradients and activations by layer, weights over training steps."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy
from numpy.typing import NDArray

from scalargrad.core.value import Parameter, Value
from scalargrad.doctor import Diagnosis
from scalargrad.errors import LengthError, PictureError, UnknownNameError
from scalargrad.nn.layers import Neuron
from scalargrad.nn.module import Module
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion
from viz.look.palette import DASHES, MARKS, class_color
from viz.look.text import clean, number
from viz.look.theme import LIGHT
from viz.model.snapshot import Snapshot
from viz.views.layers.fold import Folded

from .figure import add_legend, as_floats, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PARTS = re.compile("([0-9]+)")
BARS = 40
"""How many bars the histogram of a layer has."""
MAX_NAMED = 6
"""With more weights than that, those of one layer share a name and a color."""
MAX_LEVEL_NAMES = 5
"""With more layers than that, their names are slanted."""

Sizes = dict[str, float | None]
"""The size of a gradient by the path of the layer; None where it was not measured."""


@explain_calls
def plot_gradient_flow(target: Module | Diagnosis, ax: "Axes | None" = None) -> "Axes":
    """Plot how large the gradients of each layer are, on a log axis: do they vanish or explode?

    A size that is exactly 0, or not finite, has no place on such an axis: it is written below.

    Args:
        target: A Module after `backward`: the mean and the largest |gradient| of the parameters of
            each layer. Or a Diagnosis: the norms that it measured, of the parameters and of what
            comes back to the outputs.
        ax: The Axes to draw on; by default a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        PictureError: The target is something else, or matplotlib is not installed.
        LengthError: The network has no parameters.

    Example:
        >>> from scalargrad.nn import MLP
        >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
        >>> model([1.0, -1.0]).backward()
        >>> ax = plot_gradient_flow(model)
        >>> [label.get_text() for label in ax.get_xticklabels()]
        ['layers.0', 'layers.1']
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['largest |gradient|', 'mean |gradient|']
    """
    if not isinstance(target, Module | Diagnosis):
        raise PictureError(
            f"plot_gradient_flow takes a module or a diagnosis, not {type(target).__name__}"
        )
    curves = _read_measured(target) if isinstance(target, Diagnosis) else gradients_by_layer(target)
    names = list(next(iter(curves.values())))
    if not names:
        raise LengthError("plot_gradient_flow needs a network with at least one parameter")

    ax = style_axes(ax)
    for place, (title, sizes) in enumerate(curves.items()):
        ax.plot(
            range(len(sizes)),
            [size if _has_place(size) else numpy.nan for size in sizes.values()],
            label=title,
            color=class_color(place),
            linestyle=DASHES[place],
            marker=MARKS[place],
            markersize=5,
            linewidth=1.8,
        )
    ax.set_yscale("log")
    right = len(names) - 0.6
    ax.set(xlabel="layer", ylabel="size of the gradient", xlim=(-0.4, right))
    if len(names) <= MAX_LEVEL_NAMES:
        ax.set_xticks(range(len(names)), names)
    else:
        # Aligned at the right, a slanted name ends at its tick.
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
    for place, name in enumerate(names):
        _write_unplaced(ax, place, [curve[name] for curve in curves.values()])
    add_legend(ax, handlelength=3.2)
    return ax


def _has_place(size: float | None) -> TypeGuard[float]:
    """Return whether a size can be drawn on a log axis."""
    return size is not None and isfinite(size) and size > 0.0


def _write_unplaced(ax: "Axes", place: int, sizes: Sequence[float | None]) -> None:
    """Write the sizes of a layer that a log axis has no place for."""
    known = [size for size in sizes if size is not None]
    texts = dict.fromkeys(f"{size:g}" for size in known if not _has_place(size))
    if texts:
        ax.text(
            place,
            0.02,
            "\n".join(texts),
            transform=ax.get_xaxis_transform(),
            ha="center",
            fontsize=11,
            color=LIGHT.alarm,
        )


def gradients_by_layer(model: Module) -> dict[str, Sizes]:
    """Return the largest and the mean |gradient| of each layer, by its path.

    A layer is the module that holds neurons, or that holds parameters itself.

    Example:
        >>> from scalargrad.nn import MLP
        >>> model = MLP(1, [1], seed=0)
        >>> model([2.0]).backward()
        >>> gradients_by_layer(model)
        {'largest |gradient|': {'layers.0': 2.0}, 'mean |gradient|': {'layers.0': 1.5}}
    """
    gradients = Snapshot(model.parameters()).gradients
    layers: dict[str, list[float]] = {}
    for path, module in model.named_modules():
        sizes = [abs(gradients[parameter]) for parameter in _own_parameters(module)]
        if sizes:
            layers.setdefault(_layer_path(path, module), []).extend(sizes)

    largest: Sizes = {}
    mean: Sizes = {}
    for path, sizes in layers.items():
        # By numpy, since `max` would lose a nan.
        largest[path] = float(numpy.max(sizes))
        mean[path] = float(numpy.mean(sizes))
    return {"largest |gradient|": largest, "mean |gradient|": mean}


def _own_parameters(module: Module) -> list[Parameter]:
    inside: set[Parameter] = set()
    for _, child in module.children():
        inside.update(child.parameters())
    return [parameter for parameter in module.parameters() if parameter not in inside]


def _layer_path(path: str, module: Module) -> str:
    """Return the path of a layer; that of a neuron, which ends in "neurons.3", loses that end."""
    around, _, name = path.rpartition(".")
    if isinstance(module, Neuron) and name.isdigit():
        path = around.rpartition(".")[0]
    return clean(path) or type(module).__name__


def _read_measured(diagnosis: Diagnosis) -> dict[str, Sizes]:
    of_outputs: Sizes = {}
    of_parameters: Sizes = {}
    for layer in diagnosis.layers:
        if layer.gradient is None:
            continue
        path = clean(layer.path) or "(whole)"
        of_outputs[path] = layer.back
        of_parameters[path] = layer.gradient
    return {"‖∂ outputs‖": of_outputs, "‖∇ parameters‖": of_parameters}


# Activations


@explain_calls
def plot_activations(target: Any, ax: "Axes | None" = None) -> "Axes":
    """Plot how the outputs of each layer are distributed: a histogram for each, the first on top.

    Each histogram is as high as its highest bar. At its right is written how many outputs are
    exactly 0, and how many are not finite.

    Args:
        target: Numbers (or Values) by the name of their layer; or a Value or a list of them, for
            the outputs of all layers in its graph.
        ax: The Axes to draw on; by default a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        LengthError: There are no layers, or one has no numbers.
        PictureError: The target is something else, or matplotlib is not installed.

    Example:
        >>> ax = plot_activations({"layers.0": [0.0, 0.0, 0.5, 1.0], "layers.1": [-1.0, 1.0]})
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['layers.0', 'layers.1']
        >>> [text.get_text() for text in ax.texts]
        ['50% exactly 0']
    """
    layers: dict[str, NDArray[numpy.float64]] = {}
    for name, items in _outputs_by_layer(target).items():
        layers[clean(name)] = numpy.array(as_floats(items))
    if not layers or not all(map(len, layers.values())):
        raise LengthError(
            "plot_activations needs at least one layer, each with at least one number"
        )
    ax = style_axes(ax)
    edges = _bin_edges(numpy.concatenate(list(layers.values())))
    bases = list(reversed(range(len(layers))))
    for base, outputs in zip(bases, layers.values(), strict=True):
        _draw_histogram(ax, base, outputs, edges)
        _write_unusual(ax, base, outputs)
    ax.set_yticks(bases, list(layers))
    # A little space below the lowest histogram, so that its base line is not on the axis.
    ax.set(xlabel="output", ylim=(-0.08, len(layers)))
    ax.set_xlim(edges[0], edges[-1])
    ax.tick_params(axis="y", length=0, labelcolor=LIGHT.ink)
    ax.spines["left"].set_visible(False)
    return ax


def _bin_edges(outputs: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    """Return edges for all histograms, so that they can be compared."""
    finite = outputs[numpy.isfinite(outputs)]
    low = float(finite.min()) if len(finite) else 0.0
    high = float(finite.max()) if len(finite) else 0.0
    if high <= low:
        low -= 0.5
        high += 0.5
    return numpy.linspace(low, high, BARS + 1)


def _draw_histogram(
    ax: "Axes", base: int, outputs: NDArray[numpy.float64], edges: NDArray[numpy.float64]
) -> None:
    counts, _ = numpy.histogram(outputs[numpy.isfinite(outputs)], bins=edges)
    highest = max(counts.max(), 1)
    heights = base + 0.84 * counts / highest
    ax.stairs(
        heights,
        edges,
        baseline=base,
        fill=True,
        facecolor=class_color(0, tint=1),
        edgecolor=class_color(0),
        linewidth=1.0,
    )
    ax.stairs(heights, edges, baseline=base, color=class_color(0), linewidth=1.0)
    ax.axhline(base, color=LIGHT.line, linewidth=0.8)


def _write_unusual(ax: "Axes", base: int, outputs: NDArray[numpy.float64]) -> None:
    """Write how many outputs are exactly 0, and how many are not finite."""
    zeros = outputs == 0.0
    odd = ~numpy.isfinite(outputs)
    notes = []
    if zeros.any():
        notes.append(f"{zeros.mean():.0%} exactly 0")
    if odd.any():
        notes.append(f"{odd.sum():,} nan or inf")
    if notes:
        ax.text(
            0.99,
            base + 0.72,
            ", ".join(notes),
            transform=ax.get_yaxis_transform(),
            ha="right",
            fontsize=11,
            color=LIGHT.alarm if odd.any() else LIGHT.muted,
        )


def _outputs_by_layer(target: Any) -> Mapping[str, Sequence[Any]]:
    if isinstance(target, Mapping):
        return target
    roots = [*target] if isinstance(target, Iterable) else [target]
    if wrong := [root for root in roots if not isinstance(root, Value)]:
        raise PictureError(
            "plot_activations takes numbers by layer, a Value or a list of Values, "
            f"not {type(wrong[0]).__name__}"
        )
    outputs: dict[str, list[Any]] = {}
    for layer in Folded(Snapshot(roots)).layers:
        for call in layer.outputs.values():
            outputs.setdefault(layer.path, []).extend(call.values())
    return outputs


# Weights over training


@explain_calls
def plot_weights(
    recording: Any, names: Sequence[str] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Plot how weights changed during training.

    Args:
        recording: What a Recorder kept: `.steps` (n,), `.data` (n, k) and `.values`, the k Values.
        names: Which weights: "layers.0.neurons.1.w0" is one, "layers.0.neurons.1" all of a neuron,
            "layers.0" all of a layer; by default the 6 that moved farthest.
        ax: The Axes to draw on; by default a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        UnknownNameError: No parameter has one of the names.
        LengthError: There is no frame, or no parameter.

    Example:
        >>> from types import SimpleNamespace
        >>> w = Parameter(2.0, label="w")
        >>> loss = w * w
        >>> data = [[3.0, 9.0], [2.0, 4.0]]
        >>> recording = SimpleNamespace(steps=[0, 10], data=data, values=[w, loss])
        >>> plot_weights(recording, ["w"]).get_xlabel()
        'step'
    """
    paths = _parameter_paths(recording.values)
    frames = len(recording.steps)
    data = numpy.asarray(recording.data, dtype=float).reshape(frames, -1)
    if not paths or not frames:
        raise LengthError(
            "plot_weights needs a recording with at least one frame and one parameter"
        )
    chosen = _find_farthest(paths, data) if names is None else _select_named(paths, names)
    columns = data[:, list(chosen)]
    return plot_trajectories(recording.steps, columns, list(chosen.values()), ax)


@explain_calls
def plot_trajectories(
    steps: Sequence[float], numbers: Any, labels: Sequence[str], ax: "Axes | None" = None
) -> "Axes":
    """Plot several numbers over the steps of a training run.

    Up to six have a name each; of more, those of one layer share a color.

    Args:
        steps: The steps, (n,).
        numbers: The numbers, (n, k).
        labels: Their paths, (k,), such as "layers.0.neurons.1.w0".
        ax: The Axes to draw on; by default a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        LengthError: The shapes don't match, or there is nothing to plot.

    Example:
        >>> ax = plot_trajectories([0, 1], [[1.0, 2.0], [1.5, 1.0]], ["a", "b"])
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['a', 'b']
    """
    table = numpy.asarray(numbers, dtype=float)
    shape = (len(steps), len(labels))
    if table.shape != shape or not table.size:
        raise LengthError(
            f"numbers must have the shape {shape}: steps, labels; "
            f"not {table.shape}, and not be empty"
        )
    ax = style_axes(ax)
    names = [clean(label) for label in labels]
    are_few = len(names) <= MAX_NAMED
    groups = names if are_few else list(map(_layer_of_weight, names))
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    in_legend: set[str] = set()
    for column, group in enumerate(groups):
        place = places[group]
        ax.plot(
            steps,
            table[:, column],
            label=group if are_few or group not in in_legend else None,
            linewidth=1.6 if are_few else 0.9,
            # A line of a single point could not be seen.
            marker="" if len(steps) > 1 else "o",
            color=class_color(place),
            linestyle=DASHES[place % len(DASHES)] if are_few else "-",
        )
        in_legend.add(group)
    ax.axhline(0.0, color=LIGHT.line, linewidth=0.8, zorder=0)
    ax.set(xlabel="step", ylabel="weight")
    if len(places) > 1:
        add_legend(ax, fontsize=10, handlelength=3.0, loc="center left", bbox_to_anchor=(1.0, 0.5))
    else:
        title = groups[0]
        if are_few:
            title += f", at last {number(table[-1, 0])}"
        ax.set_title(title)
    return ax


def _layer_of_weight(path: str) -> str:
    """Return the first two parts of a path: "layers.0" of "layers.0.neurons.1.w0"."""
    return ".".join(path.split(".")[:2])


def _parameter_paths(values: Sequence[Value]) -> dict[int, str]:
    """Return the path of each parameter by its place: the module that uses it first, and its label.

    They are in the order of their paths, with "neurons.10" after "neurons.9".
    """
    paths: dict[Value, str] = {}
    for node in values:
        for arg in node.args:
            if isinstance(arg, Parameter) and arg not in paths:
                module = node.scope.path if node.scope else ""
                paths[arg] = ".".join(filter(None, (module, arg.label)))
    by_place: dict[int, str] = {}
    for i, node in enumerate(values):
        if isinstance(node, Parameter):
            by_place[i] = paths.get(node) or node.label or f"parameter {i}"
    in_order = sorted(by_place, key=lambda i: _natural_order(by_place[i]))
    return {i: by_place[i] for i in in_order}


def _natural_order(path: str) -> list[tuple[int, str]]:
    order: list[tuple[int, str]] = []
    for part in _PARTS.split(path):
        order.append((int(part), "") if part.isdigit() else (-1, part))
    return order


def _find_farthest(paths: dict[int, str], data: NDArray[numpy.float64]) -> dict[int, str]:
    reach: dict[int, float] = {}
    for i in paths:
        span = float(numpy.ptp(data[:, i]))
        # A weight that became nan or inf has moved farthest of all.
        reach[i] = span if isfinite(span) else numpy.inf
    chosen = sorted(paths, key=lambda i: -reach[i])[:MAX_NAMED]
    return {i: path for i, path in paths.items() if i in chosen}


def _select_named(paths: dict[int, str], names: Sequence[str]) -> dict[int, str]:
    known = list(paths.values())
    for name in names:
        if not any(_is_in_any(path, [name]) for path in known):
            otherwise = f"; there are {', '.join(known[:4])} …"
            hint = suggestion(name, known, otherwise=otherwise)
            raise UnknownNameError(f"no recorded parameter is called {name!r}{hint}")
    return {i: path for i, path in paths.items() if _is_in_any(path, names)}


def _is_in_any(path: str, names: Sequence[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in names)
