"""The rows of `viz`: every public object makes a small picture, of a graph of its own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import scalargrad as sg
import viz
from scalargrad import Value, losses, nn, training
from tests.threads.at_once import VARIANT, network, number
from tests.threads.table import Table
from viz import plots
from viz.plots import curves, regions
from viz.plots import flow as flow_plots
from viz.plots import tables as comparisons

OWN = Table()
row = OWN.row


def graph() -> tuple[Value, Value]:
    """A small graph that has gone back, and a leaf of it."""
    x = Value(number(0.5), label="x")
    y = sg.tanh(x * 2.0 + 1.0)
    y.label = "y"
    y.backward()
    return y, x


def recording() -> training.Recording:
    """A training run of two steps."""
    model, recorder = (
        nn.MLP(1, [2, 1], seed=1 + VARIANT.get()),
        training.Recorder([1.0], 2.0, losses.mse),
    )
    sg.fit(
        model,
        [[1.0], [2.0]],
        [2.0, 4.0],
        loss="mse",
        epochs=2,
        callbacks=[recorder],
        progress=False,
    )
    return recorder.recording


def _drawn(level: str, folder: Path) -> Any:
    drawing = viz.draw(graph()[0] if level == "cards" else network(), level=level, theme="light")
    texts = [
        drawing.save(folder / f"picture{ending}").read_text(encoding="utf-8")
        for ending in (".svg", ".dot", ".mmd", ".txt", ".json")
    ]
    return [texts, repr(drawing), drawing._repr_html_()]


for _level in ("cards", "neurons", "layers"):
    OWN.add(f"draw, {_level}", partial(_drawn, _level), viz.draw, viz.Drawing, rounds=1)


@row(viz.draw, rounds=1, needs=("vl_convert", "matplotlib"))
def draw_as_png(folder: Path) -> Any:
    """The renderer writes equal pixels; of a PDF the times are in the file."""
    drawing = viz.draw(nn.MLP(2, [2, 1], seed=1 + VARIANT.get()), level="neurons")
    return [
        drawing.save(folder / "picture.png").read_bytes(),
        drawing.save(folder / "picture.pdf").read_bytes()[:5],
    ]


@row(viz.draw, rounds=1)
def draw_what_is_no_value(_: Path) -> Any:
    sketch = {f"loss {VARIANT.get()}": ["linear", "y"], "linear": ["k", "x", "b"]}
    model = network()
    program = sg.compile(lambda x: model(x), model, inputs=(2,))
    diagnosis = sg.diagnose(model, [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])
    return [viz.draw(thing).svg() for thing in (sketch, program, diagnosis)]


@row(viz.load, rounds=1)
def loaded(folder: Path) -> Any:
    path = viz.draw(graph()[0]).save(folder / "picture.json")
    drawing = viz.load(path)
    return [drawing.svg(), drawing.save(folder / "picture.tex").read_text(encoding="utf-8")]


@row(viz.draw_dot, rounds=1)
def dot(_: Path) -> Any:
    digraph = viz.draw_dot(graph()[0], style="classic")
    return [digraph.source, digraph.pipe(encoding="utf-8")]


@row(viz.explain, viz.Explanation, rounds=1)
def explained(_: Path) -> Any:
    found = viz.explain(*graph(), symbols=True)
    return [str(found), found._repr_html_(), isinstance(found, viz.Explanation), found.draw().svg()]


@row(viz.chain_rule, viz.ChainRule)
def chain_rules(_: Path) -> Any:
    found = viz.chain_rule(*graph())
    return [str(found), isinstance(found, viz.ChainRule)]


@row(viz.formula, viz.Formula)
def formulas(_: Path) -> Any:
    found = viz.formula(graph()[0])
    return [str(found), found.latex, found.mathml, isinstance(found, viz.Formula)]


@row(viz.SymbolicChainRule)
def chain_rules_of_sketches(_: Path) -> Any:
    sketch = {"loss": ["left", "right"], "left": ["x"], "right": ["x", "w"]}
    found = viz.chain_rule("loss", "x", graph=sketch)
    return [str(found), isinstance(found, viz.SymbolicChainRule)]


@row(viz.compare, viz.Comparison)
def compared(_: Path) -> Any:
    found = viz.compare(graph()[0], graph()[0])
    return [str(found), found.largest, isinstance(found, viz.Comparison), found.draw().svg()]


@row(viz.compare_with_torch, rounds=1, needs=("torch",))
def compared_with_torch(_: Path) -> Any:
    return str(viz.compare_with_torch(network(), [[1.0, -2.0], [0.5, 0.0]], [0.5, 1.0]))


@row(viz.explore, viz.Page, rounds=2)
def explored(folder: Path) -> Any:
    pages = [viz.explore(thing) for thing in (graph()[0], network(), recording())]
    return [
        pages[0].save(folder / "page.html").read_text(encoding="utf-8"),
        [page.html for page in pages],
        repr(pages[1]),
    ]


@row(viz.animate, viz.Animation, rounds=1)
def animated(folder: Path) -> Any:
    wave = viz.animate(graph()[0])
    film = viz.animate(recording(), data=([[1.0], [2.0]], [2.0, 4.0]))
    return [
        wave.save(folder / "wave.svg").read_text(encoding="utf-8"),
        wave.still(1.0),
        film.svg(),
        repr(film),
    ]


def _plotted(plot: Callable[[Any], Any], folder: Path) -> Any:
    axes = plots.new_axes()[0]
    axes.figure.set_layout_engine("none")  # which is half of the time
    plot(axes)
    path = plots.save_plot(axes, folder / "plot.svg", "a plot")
    return path.read_text(encoding="utf-8")


PATHS = {"down": [[1.0, 1.0], [0.5, 0.5]]}
PAIRS = {"weights": ([1.0, 2.0], [1.0, 2.1])}
CORNERS = [[0.0, 1.0], [1.0, 0.0]]


def _gradient_flow(ax: Any) -> Any:
    model = network()
    model([1.0, -1.0]).backward()
    assert flow_plots.gradients_by_layer(model)
    return flow_plots.plot_gradient_flow(model, ax)


PLOTS: dict[Callable[..., Any], Callable[[Any], Any]] = {
    plots.plot_loss: lambda ax: plots.plot_loss([number(1.0), 0.5, 0.25], ax),
    plots.plot_regions: lambda ax: plots.plot_regions(
        lambda x: x[0] - x[1], CORNERS, [1, -1], ax, resolution=4
    ),
    plots.plot_grid: lambda ax: plots.plot_grid([[0.0, 1.0], [2.0, 3.0]], ax),
    plots.plot_confusion: lambda ax: plots.plot_confusion([[3, 1], [0, 2]], ["cat", "dog"], ax),
    flow_plots.plot_gradient_flow: _gradient_flow,
    flow_plots.plot_activations: lambda ax: flow_plots.plot_activations(
        {"first": [0.0, 0.5, 1.0], "second": [-1.0, 1.0]}, ax
    ),
    flow_plots.plot_weights: lambda ax: flow_plots.plot_weights(recording(), ax=ax),
    flow_plots.plot_trajectories: lambda ax: flow_plots.plot_trajectories(
        [0, 1], [[1.0, 2.0], [1.5, 1.0]], ["a", "b"], ax
    ),
    curves.plot_history: lambda ax: curves.plot_history({"loss": [1.0, 0.5, 0.2]}, ax),
    curves.plot_curves: lambda ax: curves.plot_curves({"sine": [0.0, 1.0, 0.0]}, ax=ax),
    regions.plot_descent: lambda ax: regions.plot_descent(
        lambda a, b: a * a + b * b, PATHS, ax, resolution=4
    ),
    comparisons.plot_agreement: lambda ax: comparisons.plot_agreement(PAIRS, ax),
    comparisons.plot_differences: lambda ax: comparisons.plot_differences(PAIRS, ax),
    comparisons.plot_bars: lambda ax: comparisons.plot_bars(
        {"slow": 100.0, "quick": 1.0}, ax, log=True
    ),
    comparisons.plot_table: lambda ax: comparisons.plot_table(
        {"cat": [0.9, 0.1], "dog": [0.2, 0.8]}, ["a", "b"], ax
    ),
    regions.plot_class_regions: lambda ax: regions.plot_class_regions(
        lambda x: [x[0], x[1], 0.0], CORNERS, [1, 0], ax, resolution=4
    ),
}

for _plot, _make in PLOTS.items():
    OWN.add(
        _plot.__name__, partial(_plotted, _make), _plot, rounds=1, needs=("matplotlib",), lines=0
    )
OWN.covered += [plots.new_axes, plots.save_plot, plots.plot_svg, flow_plots.gradients_by_layer]
