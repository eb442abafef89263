"""Films of trainings: the loss so far and what the network says, beside the graph."""

import math
import re
from itertools import pairwise
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viz
from scalargrad import Value
from scalargrad.errors import LengthError, OptionError
from scalargrad.losses import binary_cross_entropy_with_logits, mse
from scalargrad.nn import MLP
from scalargrad.training import Recorder, fit
from scalargrad.training.recorder import Recording
from tests.viz.animation.test_playback import check_document, texts
from tests.viz.hostile import HOSTILE, each
from viz.animation.contours import outlines
from viz.animation.learned import find_network
from viz.animation.panels import CurvePanel, LossPanel, RegionPanel, make_panels

X2 = [[1.0, 0.5], [2.0, -1.0], [-1.0, 0.0], [-2.0, 1.0]]
Y2 = [1.0, 1.0, -1.0, -1.0]


def train(
    model: Any, inputs: list[list[float]], targets: list[float], loss: Any = mse, epochs: int = 8
) -> Recording:
    recorder = Recorder(inputs[0], targets[0], loss)
    fit(
        model,
        inputs,
        targets,
        loss=loss,
        epochs=epochs,
        batch_size=None,
        callbacks=[recorder],
        progress=False,
    )
    return recorder.recording


def ring_area(ring: list[tuple[float, float]]) -> float:
    closed = [*ring, ring[0]]
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(closed)) / 2


# Contours


def test_a_disk() -> None:
    xs = [i / 30 - 1.0 for i in range(61)]
    grid = [[1.0 - x * x - y * y for x in xs] for y in xs]
    (ring,) = outlines(xs, xs, grid, 0.5)
    assert abs(ring_area(ring)) == pytest.approx(math.pi * 0.5, rel=5e-3)
    assert all(math.hypot(x, y) == pytest.approx(math.sqrt(0.5), abs=0.01) for x, y in ring)


def test_a_hole_runs_the_other_way() -> None:
    xs = [i / 30 - 1.0 for i in range(61)]
    grid = [[-abs(x * x + y * y - 0.5) for x in xs] for y in xs]
    areas = [ring_area(ring) for ring in outlines(xs, xs, grid, -0.2)]
    assert sum(areas) == pytest.approx(math.copysign(math.pi * 0.4, sum(areas)), rel=0.02)
    assert areas[0] * areas[1] < 0


def test_all_or_nothing() -> None:
    assert outlines([0.0, 2.0], [0.0, 1.0], [[1.0, 1.0]] * 2, 2.0) == []
    (ring,) = outlines([0.0, 2.0], [0.0, 1.0], [[1.0, 1.0]] * 2, 0.0)
    assert abs(ring_area(ring)) == 2.0


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.integers(2, 6), st.integers(2, 6), st.data())
def test_points_of_the_grid_are_inside_where_they_are_above(
    width: int, height: int, data: st.DataObject
) -> None:
    numbers = st.sampled_from([-2.0, -1.0, -0.3, 0.4, 1.0, 3.0])
    row = st.lists(numbers, min_size=width, max_size=width)
    grid = data.draw(st.lists(row, min_size=height, max_size=height))
    rings = outlines(range(width), range(height), grid, 0.0)
    for y in range(height):
        for x in range(width):
            # Points on the border are moved inward, where the area still goes on.
            px = min(max(x, 1e-6), width - 1 - 1e-6)
            py = min(max(y, 1e-6), height - 1 - 1e-6)
            assert is_inside(px, py, rings) == (grid[y][x] > 0.0)


def is_inside(px: float, py: float, rings: list[list[tuple[float, float]]]) -> bool:
    """Count crossings of a ray, by the rule of even and odd."""
    crossings = 0
    for ring in rings:
        for (x0, y0), (x1, y1) in pairwise([*ring, ring[0]]):
            if (y0 > py) != (y1 > py) and px < x0 + (py - y0) * (x1 - x0) / (y1 - y0):
                crossings += 1
    return crossings % 2 == 1


def test_what_is_not_a_number_is_below() -> None:
    grid = [[math.nan, 1.0, math.inf], [1.0, 1.0, 1.0]]
    (ring,) = outlines([0.0, 1.0, 2.0], [0.0, 1.0], grid, 0.0)
    assert all(math.isfinite(x) and math.isfinite(y) for x, y in ring)


# What the network says


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "gelu"])
def test_the_recorded_graph_says_what_the_model_says(activation: str) -> None:
    model = MLP(2, [3, 1], activation, seed=1)
    network = find_network(train(model, X2, Y2))
    assert network is not None
    points = numpy.array([[0.3, -0.7], [1.5, 2.0], [-4.0, 0.0]])
    expected = [model([Value(x) for x in point]).data for point in points]
    outputs = network.outputs(-1, points)
    # Recordings hold parameters in float32.
    assert outputs == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_loss_is_the_mean_over_the_samples() -> None:
    model = MLP(2, [3, 1], "tanh", seed=1)
    found = train(model, X2, Y2)
    _, loss = make_panels(found, range(len(found)), (X2, Y2))
    assert loss.what == "mean loss of the samples"
    squares = [(model(x).data - y) ** 2 for x, y in zip(X2, Y2, strict=True)]
    assert loss.losses[-1] == pytest.approx(sum(squares) / 4, rel=1e-5)


def test_without_the_samples_it_is_the_loss_of_one() -> None:
    found = train(MLP(2, [3, 1], "tanh", seed=1), X2, Y2)
    for data in (None, (X2[1:], Y2[1:]), (X2, [5.0, *Y2[1:]])):
        _, loss = make_panels(found, [0, 4], data)
        assert loss.what == "loss of the sample"
        assert loss.losses == [found.losses[0], found.losses[4]]


def hinge_of_half(prediction: Any, target: Any) -> Any:
    return (0.5 - prediction * target).relu()


def test_where_the_target_can_not_be_told_it_is_the_loss_of_one() -> None:
    found = train(MLP(2, [3, 1], "tanh", seed=1), X2, Y2, hinge_of_half)
    assert make_panels(found, [0], (X2, Y2))[1].what == "loss of the sample"


@pytest.mark.parametrize(
    ("inputs", "units", "kind"), [(1, [2, 1], CurvePanel), (2, [2, 1], RegionPanel), (3, [1], None)]
)
def test_which_panels_there_are(inputs: int, units: list[int], kind: type | None) -> None:
    rows = [[0.1 * i + k for k in range(inputs)] for i in range(3)]
    found = train(MLP(inputs, units, "tanh", seed=1), rows, [0.0, 1.0, 0.0], epochs=2)
    panels, _ = make_panels(found, [0, 1], (rows, [0.0, 1.0, 0.0]))
    assert [type(panel) for panel in panels] == ([kind] if kind else [])


def test_several_outputs_have_the_loss_alone() -> None:
    rows = [[1.0, 0.0], [0.0, 1.0]]
    recorder = Recorder(rows[0], rows[0], mse)
    fit(MLP(2, [2], seed=1), rows, rows, loss=mse, epochs=1, callbacks=[recorder], progress=False)
    assert make_panels(recorder.recording, [0], (rows, rows))[0] == []


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([1.0, 1.0, -1.0, -1.0], (0.0, 1.0)),
        ([1.0, 1.0, 0.0, 0.0], (0.5, 0.5)),
        ([3.0, 3.0, 2.0, 2.0], (2.5, 0.5)),
        ([-3.0, -3.0, -2.0, -2.0], (-2.5, 0.5)),
        ([1.0, 1.0, 1.0, 1.0], (0.0, 1.0)),
    ],
)
def test_the_boundary_is_between_the_classes(
    targets: list[float], expected: tuple[float, float]
) -> None:
    found = train(MLP(2, [2, 1], "tanh", seed=1), X2, targets, epochs=2)
    panels, _ = make_panels(found, [0, 1], (X2, targets))
    region = panels[0]
    assert isinstance(region, RegionPanel)
    assert (region.middle, region.reach) == expected


def test_the_axis_of_a_curve_is_that_of_targets_far_from_zero() -> None:
    model = MLP(1, [1], seed=1)
    model.layers[0].neurons[0].bias.data = 105.0
    rows = [[-1.0], [0.0], [1.0]]
    targets = [100.0, 105.0, 110.0]
    panels, _ = make_panels(train(model, rows, targets, epochs=1), [0], (rows, targets))
    curve = panels[0]
    assert isinstance(curve, CurvePanel)
    assert 95.0 < curve.low < 100.0 < 110.0 < curve.high < 115.0


def test_the_boundary_of_logits_is_at_zero() -> None:
    targets = [1.0, 1.0, 0.0, 0.0]
    model = MLP(2, [2, 1], "tanh", seed=1)
    found = train(model, X2, targets, binary_cross_entropy_with_logits, epochs=2)
    panels, _ = make_panels(found, [0, 1], (X2, targets))
    assert isinstance(panels[0], RegionPanel)
    assert panels[0].middle == 0.0


# The picture


def film(frames: int = 6) -> viz.Animation:
    model = MLP(2, [4, 1], "tanh", seed=1)
    return viz.animate(train(model, X2, Y2, epochs=30), data=(X2, Y2), frames=frames)


def test_a_film_plays_without_script_and_has_its_panels() -> None:
    document = film().svg()
    check_document(document)
    words = texts(document)
    assert "what the network says of each point" in words
    assert "mean loss of the samples" in words


def test_graph_and_panels_do_not_overlap() -> None:
    animation = film()
    placed = animation.scene.placed
    right = max(rect.right for rect in placed.nodes.values())
    assert right < placed.width - 250.0
    assert placed.height >= sum(panel.height for panel in animation.scene.panels)


def test_the_curve_of_the_loss_grows() -> None:
    found = train(MLP(2, [4, 1], "tanh", seed=1), X2, Y2, epochs=30)
    panel = LossPanel(found.steps, found.losses, "loss")
    writer = viz.animation.training.SvgWriter("light")
    lengths = [len(re.findall(r"-?[\d.]+", look.split('"')[1])) for look in panel.looks(writer)]
    assert lengths == [2 * (i + 1) for i in range(len(found.steps))]


def test_colors_keep_their_meaning_over_the_film() -> None:
    animation = film()
    scales = {frame.largest for frame in animation.scene.frames}
    assert len(scales) == 1
    weights = {frame.colors for frame in animation.scene.frames}
    assert weights != {"gradient"}


def test_sixty_frames_are_less_than_a_megabyte() -> None:
    points = [[math.cos(i), math.sin(2.0 * i)] for i in range(40)]
    targets = [1.0 if x * y > 0 else -1.0 for x, y in points]
    found = train(MLP(2, [8, 8, 1], "tanh", seed=1), points, targets, epochs=70)
    document = viz.animate(found, data=(points, targets), frames=60).svg()
    assert len(document.encode()) <= 1_000_000


def test_every_sample_is_a_circle_or_a_square() -> None:
    found = train(MLP(2, [2, 1], "tanh", seed=1), X2, Y2, epochs=2)
    (region,), _ = make_panels(found, [0, 1], (X2, Y2))
    front = region.front(viz.animation.training.SvgWriter("light"))
    assert len(re.findall('<circle [^>]*r="3.4"', front)) == 2
    assert len(re.findall('<rect [^>]*width="6"', front)) == 2
    assert len(re.findall('<circle [^>]*r="6.5"', front)) == 1


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (X2, OptionError, r"data of animate must be \(X, y\)"),
        ((X2, Y2[1:]), LengthError, "one target for each sample"),
        (([], []), LengthError, "one target for each sample"),
        (([[1.0]] * 4, Y2), OptionError, "has 1 input a sample, but the recorded network takes 2"),
        (([["a", "b"]], [1.0]), OptionError, r"data of animate must be \(X, y\)"),
    ],
)
def test_what_is_not_data_is_refused(data: Any, error: type[Exception], message: str) -> None:
    found = train(MLP(2, [2, 1], "tanh", seed=1), X2, Y2, epochs=1)
    with pytest.raises(error, match=message):
        viz.animate(found, data=data)


def test_data_is_for_a_training() -> None:
    y = Value(2.0) * 3.0
    y.backward()
    with pytest.raises(OptionError, match="data of animate is only for a Recording"):
        viz.animate(y, data=(X2, Y2))


def test_hostile_names_of_inputs() -> None:
    def check(text: str) -> None:
        found = train(MLP(2, [1], seed=1), X2, Y2, epochs=1)
        network = find_network(found)
        assert network is not None
        for value in network.inputs:
            value.label = text
        check_document(viz.animate(found, data=(X2, Y2), frames=2).svg())

    each(check, HOSTILE[::20])


def test_a_loss_that_is_not_finite_is_drawn() -> None:
    panel = LossPanel([0, 1, 2], [1.0, math.nan, math.inf], "loss")
    writer = viz.animation.training.SvgWriter("light")
    assert "nan" not in "".join(panel.looks(writer))


# Where they are shown


def test_all_frames_run_the_way_that_their_place_asks_for() -> None:
    recording = train(MLP(2, [4, 1], seed=0), X2, Y2)
    scene = viz.animate(recording, width=390).scene
    assert {frame.rankdir for frame in scene.frames} == {scene.placed.picture.rankdir} == {"TB"}
