"""Plots of what goes on inside a network: gradients and activations layer by layer, weights over the steps of a training."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy

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
from viz.model.snapshot import Snapshot, grad_of
from viz.views.layers.fold import Folded

from .axes import dressed, plain

_PARTS = re.compile("([0-9]+)")
BARS = 40
"""How many bars the histogram of a layer has."""
MOST_NAMED = 6
"""Up to so many weights have a color and a name of their own; more share the color of their layer."""


@explain_calls
def plot_gradient_flow(target: Module | Diagnosis, ax: Any = None) -> Any:
    """How large the gradients of each layer are, from the inputs on, by powers of ten: do they vanish or explode on their way back?

    target  a Module after `backward`: the mean and the largest |gradient| of the parameters of each layer;
            or a Diagnosis: the norms that the doctor measured, of the parameters and of what comes back to the outputs
    ax      the matplotlib Axes to draw on; without one, a new figure of pyplot

    What is exactly 0, or not finite, has no place on such an axis: it is written at its foot. Returns the Axes. Raises PictureError
    for other targets and where matplotlib is missing, LengthError for a network without parameters.

    >>> from scalargrad.nn import MLP
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> model([1.0, -1.0]).backward()
    >>> ax = plot_gradient_flow(model)
    >>> [label.get_text() for label in ax.get_xticklabels()], [text.get_text() for text in ax.get_legend().get_texts()]
    (['layers.0', 'layers.1'], ['largest |gradient|', 'mean |gradient|'])
    """
    if not isinstance(target, Module | Diagnosis):
        raise PictureError(
            f"plot_gradient_flow takes a module or a diagnosis, not {type(target).__name__}"
        )
    curves = _measured(target) if isinstance(target, Diagnosis) else gradients_by_layer(target)
    if not curves or not next(iter(curves.values())):
        raise LengthError("plot_gradient_flow needs a network with at least one parameter")
    ax, names = dressed(ax), list(next(iter(curves.values())))
    for place, (title, sizes) in enumerate(curves.items()):
        style = {
            "color": class_color(place),
            "linestyle": DASHES[place],
            "marker": MARKS[place],
            "markersize": 5,
            "linewidth": 1.8,
        }
        heights = [
            size if size is not None and isfinite(size) and size > 0.0 else numpy.nan
            for size in sizes.values()
        ]
        ax.plot(range(len(names)), heights, label=title, **style)
    ax.set_yscale("log")
    ax.set(xlabel="layer", ylabel="size of the gradient", xlim=(-0.4, len(names) - 0.6))
    ax.set_xticks(
        range(len(names)),
        names,
        rotation=0 if len(names) < 6 else 40,
        ha="center" if len(names) < 6 else "right",
    )
    for place, name in enumerate(names):
        _write_odd(ax, place, [curve[name] for curve in curves.values()])
    ax.legend(frameon=False, fontsize=9, labelcolor=LIGHT.ink, handlelength=3.2)
    return ax


def _write_odd(ax: Any, place: int, sizes: Sequence[float | None]) -> None:
    """What can't be drawn on an axis of powers of ten, in words."""
    odd = [
        f"{size:g}" for size in sizes if size is not None and not (isfinite(size) and size > 0.0)
    ]
    if odd:
        ax.text(
            place,
            0.02,
            "\n".join(dict.fromkeys(odd)),
            transform=ax.get_xaxis_transform(),
            ha="center",
            fontsize=9,
            color=LIGHT.alarm,
        )


def gradients_by_layer(model: Module) -> dict[str, dict[str, float | None]]:
    """The largest and the mean |gradient| of each layer, by its path: of the module that holds the neurons, or the parameters.

    >>> from scalargrad.nn import MLP
    >>> model = MLP(1, [1], seed=0)
    >>> model([2.0]).backward()
    >>> gradients_by_layer(model)
    {'largest |gradient|': {'layers.0': 2.0}, 'mean |gradient|': {'layers.0': 1.5}}
    """
    found: dict[str, list[float]] = {}
    for path, module in model.named_modules():
        own = [abs(grad_of(item)) for item in _own_parameters(module)]
        if own:
            found.setdefault(_layer_path(path, module), []).extend(own)
    sizes = {path: numpy.array(own) for path, own in found.items()}
    return {
        "largest |gradient|": {path: float(own.max()) for path, own in sizes.items()},
        "mean |gradient|": {path: float(own.mean()) for path, own in sizes.items()},
    }


def _own_parameters(module: Module) -> list[Parameter]:
    inside = {id(parameter) for _, child in module.children() for parameter in child.parameters()}
    return [parameter for parameter in module.parameters() if id(parameter) not in inside]


def _layer_path(path: str, module: Module) -> str:
    """The path of the layer: that of a neuron ends in the list of its layer, "neurons.3"."""
    if isinstance(module, Neuron) and path.rpartition(".")[2].isdigit():
        path = path.rpartition(".")[0].rpartition(".")[0]
    return clean(path) or type(module).__name__


def _measured(diagnosis: Diagnosis) -> dict[str, dict[str, float | None]]:
    layers = [layer for layer in diagnosis.layers if layer.gradient is not None]
    return {
        "‖∂ outputs‖": {clean(layer.path) or "(whole)": layer.back for layer in layers},
        "‖∇ parameters‖": {clean(layer.path) or "(whole)": layer.gradient for layer in layers},
    }


# Activations


@explain_calls
def plot_activations(target: Any, ax: Any = None) -> Any:
    """How the outputs of each layer are spread: a histogram for each on a line of its own, the first layer on top.

    target  numbers (or Values) by the name of their layer; or a Value, or a list of them: then the outputs of all layers in its graph
    ax      the matplotlib Axes to draw on; without one, a new figure of pyplot

    Each histogram is as high as its highest bar; at the right stands how many are exactly 0, and how many are not finite.
    Returns the Axes. Raises LengthError for no layers, or one without numbers, PictureError for other targets.

    >>> ax = plot_activations({"layers.0": [0.0, 0.0, 0.5, 1.0], "layers.1": [-1.0, 1.0]})
    >>> [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.texts]
    (['layers.0', 'layers.1'], ['50% exactly 0'])
    """
    layers = {
        clean(name): numpy.array([plain(item) for item in items])
        for name, items in _by_layer(target).items()
    }
    if not layers or not all(len(items) for items in layers.values()):
        raise LengthError(
            "plot_activations needs at least one layer, each with at least one number"
        )
    ax, everything = dressed(ax), numpy.concatenate(list(layers.values()))
    finite = everything[numpy.isfinite(everything)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    edges = (
        numpy.linspace(low, high, BARS + 1)
        if high > low
        else numpy.linspace(low - 0.5, high + 0.5, BARS + 1)
    )
    for place, items in enumerate(layers.values()):
        _draw_spread(ax, len(layers) - 1 - place, items, edges)
    ax.set_yticks([len(layers) - 1 - place for place in range(len(layers))], list(layers))
    ax.set(xlabel="output", ylim=(-0.08, len(layers)), xlim=(edges[0], edges[-1]))
    ax.tick_params(axis="y", length=0, labelcolor=LIGHT.ink)
    ax.spines["left"].set_visible(False)
    return ax


def _draw_spread(ax: Any, base: int, items: Any, edges: Any) -> None:
    counts, _ = numpy.histogram(items[numpy.isfinite(items)], bins=edges)
    heights = base + 0.84 * counts / max(counts.max(), 1)
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
    words = [f"{numpy.mean(items == 0.0):.0%} exactly 0"] if (items == 0.0).any() else []
    words += (
        [f"{(~numpy.isfinite(items)).sum():,} nan or inf"]
        if not numpy.isfinite(items).all()
        else []
    )
    if words:
        color = LIGHT.muted if numpy.isfinite(items).all() else LIGHT.alarm
        ax.text(
            0.99,
            base + 0.72,
            ", ".join(words),
            transform=ax.get_yaxis_transform(),
            ha="right",
            fontsize=9,
            color=color,
        )


def _by_layer(target: Any) -> Mapping[str, Sequence[Any]]:
    if isinstance(target, Mapping):
        return target
    roots = [*target] if isinstance(target, Iterable) else [target]
    if wrong := [root for root in roots if not isinstance(root, Value)]:
        raise PictureError(
            f"plot_activations takes numbers by layer, a Value or a list of Values, not {type(wrong[0]).__name__}"
        )
    folded = Folded(Snapshot(roots))
    return {
        layer.path: [node for call in layer.outputs.values() for node in call.values()]
        for layer in folded.layers
        if layer.outputs
    }


# Weights over training


@explain_calls
def plot_weights(recording: Any, names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """How weights moved while a network trained.

    recording  what a Recorder kept: `.steps` (n,), `.data` (n, k) and `.values`, the k Values
    names      which: "layers.0.neurons.1.w0" one weight, "layers.0.neurons.1" all of a neuron, "layers.0" all of a layer;
               by default the 6 that moved farthest
    ax         the matplotlib Axes to draw on; without one, a new figure of pyplot

    Returns the Axes. Raises UnknownNameError for a name that fits no parameter, LengthError where there are none.

    >>> from types import SimpleNamespace
    >>> w = Parameter(2.0, label="w")
    >>> loss = w * w
    >>> recording = SimpleNamespace(steps=[0, 10], data=[[3.0, 9.0], [2.0, 4.0]], values=[w, loss])
    >>> plot_weights(recording, ["w"]).get_xlabel()
    'step'
    """
    paths = _parameter_paths(recording.values)
    data = numpy.asarray(recording.data, dtype=float).reshape(len(recording.steps), -1)
    if not paths or not len(recording.steps):
        raise LengthError(
            "plot_weights needs a recording with at least one frame and one parameter"
        )
    chosen = _farthest(paths, data) if names is None else _named(paths, names)
    return plot_trajectories(recording.steps, data[:, list(chosen)], list(chosen.values()), ax)


@explain_calls
def plot_trajectories(
    steps: Sequence[float], numbers: Any, labels: Sequence[str], ax: Any = None
) -> Any:
    """Several numbers over the steps of a training: up to six with a name each; of more, those of one layer share a color.

    steps    (n,)
    numbers  (n, k)
    labels   (k,), paths such as "layers.0.neurons.1.w0"
    ax       the matplotlib Axes to draw on; without one, a new figure of pyplot

    Returns the Axes. Raises LengthError where the shapes don't fit each other, or there is nothing to draw.

    >>> ax = plot_trajectories([0, 1], [[1.0, 2.0], [1.5, 1.0]], ["a", "b"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['a', 'b']
    """
    table = numpy.asarray(numbers, dtype=float)
    if table.ndim != 2 or not table.size or table.shape != (len(steps), len(labels)):
        raise LengthError(
            f"numbers must have the shape ({len(steps)}, {len(labels)}): steps, labels; not {table.shape}, and not be empty"
        )
    ax, names = dressed(ax), [clean(label) for label in labels]
    few = len(names) <= MOST_NAMED
    groups = names if few else [".".join(name.split(".")[:2]) for name in names]
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    seen: set[str] = set()
    for column, group in enumerate(groups):
        style = {
            "color": class_color(places[group]),
            "linestyle": DASHES[places[group] % len(DASHES)] if few else "-",
        }
        label = group if group not in seen or few else None
        ax.plot(
            steps,
            table[:, column],
            label=label,
            linewidth=1.6 if few else 0.9,
            marker="" if len(steps) > 1 else "o",
            **style,
        )
        seen.add(group)
    ax.axhline(0.0, color=LIGHT.line, linewidth=0.8, zorder=0)
    ax.set(xlabel="step", ylabel="weight")
    if len(places) > 1:
        ax.legend(
            frameon=False,
            fontsize=8,
            labelcolor=LIGHT.ink,
            handlelength=3.0,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )
    else:
        ax.set_title(f"{groups[0]}, at last {number(table[-1, 0])}" if few else groups[0])
    return ax


def _parameter_paths(values: Sequence[Value]) -> dict[int, str]:
    """For the place of each parameter its path, by the numbers in it: the module that uses it first, and its label."""
    found: dict[Value, str] = {}
    for node in values:
        for arg in node.args:
            if isinstance(arg, Parameter) and arg not in found:
                found[arg] = ".".join(
                    filter(None, (node.scope.path if node.scope else "", arg.label))
                )
    paths = {
        i: found.get(node) or node.label or f"parameter {i}"
        for i, node in enumerate(values)
        if isinstance(node, Parameter)
    }
    return dict(
        sorted(
            paths.items(),
            key=lambda item: [
                (int(part), "") if part.isdigit() else (-1, part) for part in _PARTS.split(item[1])
            ],
        )
    )


def _farthest(paths: dict[int, str], data: Any) -> dict[int, str]:
    reach = {i: float(numpy.ptp(data[:, i])) for i in paths}
    far = sorted(paths, key=lambda i: -reach[i] if isfinite(reach[i]) else -numpy.inf)[:MOST_NAMED]
    return {i: path for i, path in paths.items() if i in far}


def _named(paths: dict[int, str], names: Sequence[str]) -> dict[int, str]:
    for name in names:
        if not any(_is_in(path, name) for path in paths.values()):
            hint = suggestion(
                name,
                paths.values(),
                otherwise=f"; there are {', '.join(list(paths.values())[:4])} …",
            )
            raise UnknownNameError(f"no recorded parameter is called {name!r}{hint}")
    return {i: path for i, path in paths.items() if any(_is_in(path, name) for name in names)}


def _is_in(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")
