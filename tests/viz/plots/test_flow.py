"""Plots of gradients and activations by layer, and of weights over training, against NumPy."""

import math

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import diagnose
from scalargrad.data import moons
from scalargrad.errors import LengthError, PictureError, UnknownNameError
from scalargrad.nn import MLP, Conv, Flatten, Layer, LayerNorm, Sequential
from scalargrad.training import fit
from viz.plots import new_axes, plot_svg

plots = pytest.importorskip("viz.plots.flow")
pytest.importorskip("matplotlib")


def axes():
    return new_axes()[0]


def test_gradient_flow_is_the_mean_and_the_largest_of_each_layer():
    model = MLP(2, [5, 4, 1], activation="tanh", seed=1)
    (model([0.3, -0.4]) ** 2).backward()
    ax = plots.plot_gradient_flow(model, axes())
    slopes = [
        np.abs([parameter.grad for parameter in layer.parameters()]) for layer in model.layers
    ]
    assert ax.lines[0].get_ydata() == pytest.approx([own.max() for own in slopes])
    assert ax.lines[1].get_ydata() == pytest.approx([own.mean() for own in slopes])
    assert ax.get_yscale() == "log"


def test_layers_of_other_kinds_have_their_own_place():
    model = Sequential(Conv(1, 2, 2), Flatten(), LayerNorm(8), Layer(8, 2, activation=None))
    sg.sum([y * y for y in model([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0], [2.0, 2.0, 5.0]])]).backward()
    ax = plots.plot_gradient_flow(model, axes())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["steps.0", "steps.2", "steps.3"]


def test_zero_and_nan_are_said_in_words():
    model = MLP(1, [2, 1], seed=0)
    for parameter in model.layers[0].parameters():
        parameter.grad = 0.0
    for parameter in model.layers[1].parameters():
        parameter.grad = math.nan
    ax = plots.plot_gradient_flow(model, axes())
    assert [text.get_text() for text in ax.texts] == ["0", "nan"]


def test_a_diagnosis_shows_what_the_doctor_measured():
    model = MLP(2, [6, 6, 1], seed=3)
    X, y = moons(20, seed=1)  # noqa: N806
    found = diagnose(model, X, y)
    ax = plots.plot_gradient_flow(found, axes())
    layers = [layer for layer in found.layers if layer.gradient is not None]
    assert ax.lines[1].get_ydata() == pytest.approx([layer.gradient for layer in layers])
    with pytest.raises(PictureError, match="takes a module or a diagnosis"):
        plots.plot_gradient_flow(3.0, axes())
    with pytest.raises(LengthError):
        plots.plot_gradient_flow(Sequential(), axes())


def test_activations_are_counted_layer_by_layer():
    model = MLP(2, [50, 20, 1], seed=2)
    X = [[0.1 * i, 1.0 - 0.2 * i] for i in range(8)]  # noqa: N806
    loss = sg.mean([model(x) ** 2 for x in X])
    ax = plots.plot_activations(loss, axes())
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "layers.0",
        "layers.1",
        "layers.2",
    ]
    weights = np.array([[w.data for w in unit.weights] for unit in model.layers[0].neurons])
    hidden = np.maximum(np.array(X) @ weights.T, 0.0)
    assert ax.texts[0].get_text() == f"{np.mean(hidden == 0.0):.0%} exactly 0"
    patch = ax.patches[0]
    values, edges, base = patch.get_data()
    counts, _ = np.histogram(hidden, bins=edges)
    assert values - base == pytest.approx(0.84 * counts / counts.max())


def test_activations_that_are_not_finite_are_counted_apart():
    ax = plots.plot_activations({"a": [1.0, math.inf, math.nan], "b": [2.0, 2.0, 2.0]}, axes())
    assert [text.get_text() for text in ax.texts] == ["2 nan or inf"]
    for bad in ({}, {"a": []}):
        with pytest.raises(LengthError):
            plots.plot_activations(bad, axes())


def test_weights_of_a_recording_are_found_by_name():
    recorder = pytest.importorskip("scalargrad.training.recorder")
    model = MLP(2, [4, 1], activation="tanh", seed=1)
    X, y = moons(20, seed=1)  # noqa: N806
    before = [weight.data for weight in model.layers[0].neurons[1].weights]
    keeper = recorder.Recorder(X[0], y[0], sg.losses.mse)
    fit(model, X, y, loss="mse", epochs=5, progress=False, callbacks=[keeper])
    ax = plots.plot_weights(keeper.recording, ["layers.0.neurons.1"], axes())
    assert sorted(line.get_label() for line in ax.lines[:3]) == [
        f"layers.0.neurons.1.{name}" for name in ("b", "w0", "w1")
    ]
    curves = {line.get_label(): line.get_ydata() for line in ax.lines[:3]}
    for i, first in enumerate(before):
        assert curves[f"layers.0.neurons.1.w{i}"][0] == pytest.approx(first, rel=1e-6)
        assert curves[f"layers.0.neurons.1.w{i}"][-1] == pytest.approx(
            model.layers[0].neurons[1].weights[i].data, rel=1e-6
        )
    assert len(plots.plot_weights(keeper.recording, ax=axes()).lines) == plots.MAX_NAMED + 1
    assert (
        len(
            plots.plot_weights(keeper.recording, ["layers.0", "layers.1"], axes())
            .get_legend()
            .get_texts()
        )
        == 2
    )
    with pytest.raises(
        UnknownNameError,
        match=r"no recorded parameter is called 'layers.7'; there are layers\.0\.neurons\.0\.",
    ):
        plots.plot_weights(keeper.recording, ["layers.7"], axes())


def test_trajectories_need_fitting_shapes():
    for steps, numbers, labels in (
        ([], [], []),
        ([1], [[1.0, 2.0]], ["a"]),
        ([1, 2], [[1.0]], ["a"]),
    ):
        with pytest.raises(LengthError, match="numbers must have the shape"):
            plots.plot_trajectories(steps, numbers, labels, axes())


def test_hostile_names_stay_text():
    evil = "</text><script>alert(1)</script>$\\frac"
    ax = plots.plot_trajectories([0, 1], [[1.0, 2.0], [2.0, 1.0]], [evil, "b"], axes())
    assert "<script>" not in plot_svg(ax, "hostile")
