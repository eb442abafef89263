"""The decision regions of a page that trains: colors, and points that are chosen and moved."""

import time
from collections.abc import Callable
from typing import Any

import numpy
import pytest

import viz
from scalargrad import Value, data, nn
from scalargrad.core.graph import topological
from scalargrad.losses import mse
from tests.viz.explorer.browser.conftest import resize
from tests.viz.explorer.browser.reach import CLASSES, POINTS, SIGNS, InThePage

Show = Callable[..., Any]
Keep = Callable[..., Any]

MARGIN = 0.12
"""What the plane shows around the points, as a share of their range."""

CANVAS = "#region-canvas"


def relu_network() -> nn.Module:
    return nn.MLP(2, [8, 6, 1], activation="relu", seed=3)


def page_of(
    show: Show, model: nn.Module, x: Any = POINTS, y: Any = SIGNS, **options: Any
) -> InThePage:
    """A page that trains with Adam, whose steps can be taken by a script."""
    return InThePage(show, model, x, y, optimizer="adam", **options)


def train(page: InThePage, steps: int) -> None:
    """Take steps, the last one with the button, which shows what came of them."""
    page.run("(trainer, steps) => { while (trainer.steps < steps) trainer.step(); }", steps - 1)
    page.tab.click("#train-step")


def axis(numbers: Any) -> tuple[float, float]:
    low, high = float(min(numbers)), float(max(numbers))
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def place_of(tab: Any, x: Any, point: Any) -> tuple[float, float]:
    """Where a point is on the canvas, in pixels."""
    box = tab.locator(CANVAS).bounding_box()
    (left, right), (bottom, top) = (axis(column) for column in numpy.transpose(x))
    across = (point[0] - left) / (right - left) * box["width"]
    down = (top - point[1]) / (top - bottom) * box["height"]
    return across, down


def color_at(tab: Any, place: tuple[float, float]) -> list[int]:
    """Red, green and blue of a pixel of the canvas."""
    # A copy, as the browser warns of a canvas that is read again and again.
    script = """([selector, across, down]) => {
      const canvas = document.querySelector(selector);
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
      copy.drawImage(canvas, 0, 0);
      return [...copy.getImageData(Math.round(across), Math.round(down), 1, 1).data];
    }"""
    return list(tab.evaluate(script, [CANVAS, *place]))[:3]


def move_pointer(tab: Any, place: tuple[float, float]) -> None:
    box = tab.locator(CANVAS).bounding_box()
    tab.mouse.move(box["x"] + place[0], box["y"] + place[1])


def click(tab: Any, place: tuple[float, float]) -> None:
    move_pointer(tab, place)
    tab.mouse.down()
    tab.mouse.up()


def drag(tab: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    move_pointer(tab, start)
    tab.mouse.down()
    move_pointer(tab, end)
    tab.mouse.up()


def chosen(page: InThePage) -> int:
    return int(page.tab.evaluate("sessionOfPage().chosen"))


def samples_of(page: InThePage) -> tuple[list[list[float]], list[float]]:
    """The inputs and the targets of the samples that the page trains with."""
    *inputs, targets = page.tab.evaluate("sessionOfPage().columns.map((column) => [...column])")
    return [list(row) for row in zip(*inputs, strict=True)], targets


# Colors


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_region_has_the_color_of_the_sign(show: Show, theme: str) -> None:
    model = relu_network()
    page = page_of(show, model, theme=theme)
    train(page, 200)
    page.take_numbers(model)
    rng = numpy.random.default_rng(0)
    (left, right), (bottom, top) = (axis(column) for column in POINTS.T)
    seen = set()
    for point in rng.uniform((left, bottom), (right, top), (150, 2)):
        output = model(point.tolist()).data
        nearest = numpy.hypot(*(POINTS - point).T).min()
        if abs(output) < 0.3 or nearest < 0.3:
            continue
        red, _, blue = color_at(page.tab, place_of(page.tab, POINTS, point))
        assert (red > blue) == (output < 0.0)
        seen.add(red > blue)
    assert seen == {True, False}


@pytest.mark.parametrize(("targets", "border"), [(SIGNS, 0.0), (CLASSES, 0.5)])
def test_the_border_is_a_line_between_two_colors(show: Show, targets: Any, border: float) -> None:
    model = nn.MLP(2, [1], seed=0)
    neuron = model.layers[0].neurons[0]
    neuron.weights[0].data, neuron.weights[1].data, neuron.bias.data = 1.0, 2.0, border - 0.3
    page = page_of(show, model, y=targets)
    checked = 0
    for y in numpy.linspace(-0.3, 0.7, 41):
        point = numpy.array([0.3 - 2.0 * y, y])
        if numpy.hypot(*(POINTS - point).T).min() < 0.25:
            continue
        assert model(point.tolist()).data == pytest.approx(border)
        across, down = place_of(page.tab, POINTS, point)
        line = [color_at(page.tab, (across, down + k)) for k in (-1, 0, 1)]
        assert min(max(color) for color in line) < 120
        # The output grows upward.
        red, _, blue = color_at(page.tab, (across, down - 8.0))
        assert 120 < red < blue
        red, _, blue = color_at(page.tab, (across, down + 8.0))
        assert red > blue > 120
        checked += 1
    assert checked >= 5


def test_another_sample_has_the_regions_drawn_once(show: Show) -> None:
    page = page_of(show, relu_network())
    script = """(selector) => {
      const pen = document.querySelector(selector).getContext('2d');
      const { drawImage } = pen;
      let times = 0;
      pen.drawImage = (...given) => {
        times += 1;
        drawImage.apply(pen, given);
      };
      playground.chooseSample(3);
      return times;
    }"""
    # One image has the colors of the plane, and there is one for each point.
    assert page.tab.evaluate(script, CANVAS) == 1 + len(POINTS)


def test_points_have_the_color_of_their_class(show: Show) -> None:
    page = page_of(show, relu_network())
    seen = set()
    for point, sign in zip(POINTS, SIGNS, strict=True):
        apart = numpy.sort(numpy.hypot(*(POINTS - point).T))
        if apart[1] < 0.2:
            continue  # another point may cover it
        red, _, blue = color_at(page.tab, place_of(page.tab, POINTS, point))
        assert (red > blue) == (sign < 0.0)
        seen.add(sign)
    assert seen == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("targets", "loss", "border"),
    [
        (SIGNS, "mse", 0.0),
        (CLASSES, "mse", 0.5),
        (CLASSES, BCE := "binary_cross_entropy_with_logits", 0.0),
    ],
)
def test_the_share_that_is_right_is_that_of_the_model(
    show: Show, targets: Any, loss: str, border: float
) -> None:
    model = relu_network()
    page = page_of(show, model, y=targets, loss=loss)
    train(page, 30)
    page.take_numbers(model)
    outputs = numpy.array([model(row).data for row in POINTS.tolist()])
    right = int(numpy.sum((outputs > border) == (CLASSES == 1)))
    assert page.tab.inner_text("#score") == f"right: {100 * right // 40} %"
    assert f"{right} of 40 right" in page.tab.get_attribute(CANVAS, "aria-label")


def test_other_targets_have_a_coefficient_of_determination(show: Show) -> None:
    targets = POINTS[:, 0] + POINTS[:, 1]
    model = relu_network()
    page = page_of(show, model, y=targets)
    train(page, 50)
    page.take_numbers(model)
    outputs = numpy.array([model(row).data for row in POINTS.tolist()])
    fit = 1.0 - numpy.sum((targets - outputs) ** 2) / numpy.sum((targets - targets.mean()) ** 2)
    shown = page.tab.inner_text("#score").removeprefix("R² ").replace("−", "-")
    assert float(shown) == pytest.approx(fit, rel=0.01)


# Points


def test_a_click_chooses_the_sample_that_the_graph_shows(show: Show) -> None:
    model = relu_network()
    page = page_of(show, model)
    click(page.tab, place_of(page.tab, POINTS, POINTS[13]))
    assert chosen(page) == 13
    loss = mse(model(POINTS[13].tolist()), SIGNS[13]).data
    shown = page.run("() => momentOfPage().data.at(-1)")
    assert shown == loss
    click(page.tab, (2.0, 2.0))
    assert chosen(page) == 13


def test_a_dragged_point_has_the_gradients_of_its_new_place(show: Show) -> None:
    model = relu_network()
    page = page_of(show, model)
    goal = (0.2, 0.4)
    start = place_of(page.tab, POINTS, POINTS[13])
    drag(page.tab, start, place_of(page.tab, POINTS, goal))
    script = "() => [[...momentOfPage().data], [...momentOfPage().gradients]]"
    numbers, gradients = page.run(script)
    x = [numbers[page.snapshot.index[leaf]] for leaf in inputs_of(page)]
    assert x == pytest.approx(goal, abs=0.02)

    loss = mse(model([Value(number) for number in x]), Value(float(SIGNS[13])))
    model.zero_grad()
    loss.backward()
    order = topological([loss])
    assert numbers == [node.data for node in order]
    assert gradients == [node.grad for node in order]


def inputs_of(page: InThePage) -> list[Value]:
    return [node for node in page.snapshot.order if page.snapshot.labels[node] in ("x1", "x2")]


def test_the_training_goes_on_with_a_dragged_point(show: Show) -> None:
    model = relu_network()
    page = page_of(show, model, batch_size=None, seed=None)
    start = place_of(page.tab, POINTS, POINTS[13])
    drag(page.tab, start, place_of(page.tab, POINTS, (0.2, 0.4)))
    moved = POINTS.copy()
    numbers = page.run("() => [...momentOfPage().data]")
    moved[13] = [numbers[page.snapshot.index[leaf]] for leaf in inputs_of(page)]
    losses = [mse(model(row), y).data for row, y in zip(moved.tolist(), SIGNS, strict=True)]
    assert page.run("(trainer) => trainer.step()") == pytest.approx(sum(losses) / 40, rel=1e-14)


@pytest.mark.parametrize(("tool", "target"), [(1, -1.0), (2, 1.0)])
def test_a_point_is_added_to_the_training_samples(show: Show, tool: int, target: float) -> None:
    page = page_of(show, relu_network())
    page.tab.click(f".region-bar .segments button:nth-child({tool + 1})")
    click(page.tab, place_of(page.tab, POINTS, (0.5, 0.3)))
    points, targets = samples_of(page)
    assert points[:40] == POINTS.tolist()
    assert points[40] == pytest.approx((0.5, 0.3), abs=0.02)
    assert targets == [*SIGNS.tolist(), target]
    assert chosen(page) == 40
    assert page.run("(trainer) => trainer.trainSamples.length") == 41


def test_other_targets_than_classes_get_marks_with_a_data_set(show: Show) -> None:
    page = page_of(show, relu_network(), y=POINTS[:, 0] + POINTS[:, 1])
    tool = ".region-bar .segments button"
    page.tab.click(f"{tool} >> nth=1")
    assert page.tab.locator(tool).count() == 3
    page.tab.click("[data-set=circles]")
    assert page.tab.locator(tool).count() == 4
    assert page.tab.locator(f"{tool}[aria-pressed=true]").all_inner_texts() == ["move"]
    assert page.tab.inner_text("#score").startswith("right: ")
    page.tab.click("[data-set=yours]")
    assert page.tab.locator(tool).count() == 3
    assert page.tab.inner_text("#score").startswith("R² ")


def test_places_are_exact_on_small_planes_too(show: Show) -> None:
    small = POINTS * 1e-4
    page = page_of(show, relu_network(), small)
    drag(page.tab, place_of(page.tab, small, small[13]), place_of(page.tab, small, (2e-5, 4e-5)))
    assert samples_of(page)[0][13] == pytest.approx((2e-5, 4e-5), abs=2e-6)


def test_a_removed_point_is_trained_with_no_more(show: Show) -> None:
    model = relu_network()
    page = page_of(show, model, batch_size=None, seed=None)
    click(page.tab, place_of(page.tab, POINTS, POINTS[13]))
    page.tab.focus(CANVAS)
    page.tab.keyboard.press("Delete")
    rest = numpy.delete(POINTS, 13, axis=0).tolist()
    signs = numpy.delete(SIGNS, 13).tolist()
    assert samples_of(page) == (rest, signs)
    losses = [mse(model(row), y).data for row, y in zip(rest, signs, strict=True)]
    assert page.run("(trainer) => trainer.step()") == pytest.approx(sum(losses) / 39, rel=1e-14)


def test_points_keep_their_part_while_others_change(show: Show) -> None:
    page = page_of(show, relu_network())
    page.run("(trainer) => trainer.split(0.3)")
    tested = page.run("(trainer) => [...trainer.testSamples]")
    page.tab.evaluate("showNumbersOfPage()")
    page.tab.focus(CANVAS)
    page.tab.keyboard.press("Delete")
    expected = [k - 1 for k in tested if k]
    assert page.run("(trainer) => [...trainer.testSamples]") == expected


def test_points_are_put_back(show: Show) -> None:
    page = page_of(show, relu_network())
    assert not page.tab.is_visible("#points-back")
    start = place_of(page.tab, POINTS, POINTS[13])
    drag(page.tab, start, place_of(page.tab, POINTS, (0.2, 0.4)))
    page.tab.focus(CANVAS)
    page.tab.keyboard.press("Delete")
    assert len(samples_of(page)[0]) == 39
    page.tab.click("#points-back")
    assert samples_of(page) == (POINTS.tolist(), SIGNS.tolist())
    assert not page.tab.is_visible("#points-back")


def test_arrow_keys_choose_the_next_sample(show: Show) -> None:
    page = page_of(show, relu_network())
    page.tab.focus(CANVAS)
    for key, sample in (("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 39)):
        page.tab.keyboard.press(key)
        assert chosen(page) == sample
    assert "Sample 39: x1 " in page.tab.get_attribute(CANVAS, "aria-label")


# Neurons

POINT_AT = """([column, index]) => {
  sessionOfPage().pointed = [column, index];
  showNumbersOfPage();
}"""


def test_the_regions_show_what_a_neuron_says(show: Show) -> None:
    model = nn.MLP(2, [4, 1], activation="tanh", seed=3)
    page = page_of(show, model)
    page.tab.evaluate(POINT_AT, [0, 2])
    assert page.tab.inner_text("#regions h2") == "What h₃ says"
    neuron = model.layers[0].neurons[2]
    rng = numpy.random.default_rng(0)
    (left, right), (bottom, top) = (axis(column) for column in POINTS.T)
    seen = set()
    for point in rng.uniform((left, bottom), (right, top), (60, 2)):
        output = neuron([Value(x) for x in point.tolist()]).data
        if abs(output) < 0.3 or numpy.hypot(*(POINTS - point).T).min() < 0.3:
            continue
        red, _, blue = color_at(page.tab, place_of(page.tab, POINTS, point))
        assert (red > blue) == (output < 0.0)
        seen.add(red > blue)
    assert seen == {True, False}


def test_another_weight_moves_the_regions(show: Show) -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=3)
    page = page_of(show, model)
    bias = page.snapshot.index[model.layers[-1].neurons[0].bias]
    colors = []
    for number in (-9.0, 9.0):
        page.run("(trainer, [bias, number]) => trainer.setNumber(bias, number)", [bias, number])
        page.tab.evaluate("showNumbersOfPage()")
        red, _, blue = color_at(page.tab, (20.0, 40.0))
        colors.append(red > blue)
    assert colors == [True, False]


# Several classes


def test_several_classes_have_a_color_each(show: Show) -> None:
    points, classes = data.spirals(60, classes=3, noise=0.05, seed=1)
    model = nn.MLP(2, [8, 3], activation="relu", seed=1)
    page = page_of(show, model, points, classes, loss="cross_entropy")
    page.run("(trainer) => { trainer.learningRate = 0.05; }")
    train(page, 300)
    page.take_numbers(model)
    rng = numpy.random.default_rng(0)
    (left, right), (bottom, top) = (axis(column) for column in points.T)
    strongest = {0: "blue", 1: "red", 2: "green"}
    seen = set()
    for point in rng.uniform((left, bottom), (right, top), (150, 2)):
        outputs = sorted((output.data, k) for k, output in enumerate(model(point.tolist())))
        if outputs[-1][0] - outputs[-2][0] < 2.0 or numpy.hypot(*(points - point).T).min() < 0.2:
            continue
        pixel = color_at(page.tab, place_of(page.tab, points, point))
        names = ("red", "green", "blue")
        assert names[pixel.index(max(pixel))] == strongest[outputs[-1][1]]
        seen.add(outputs[-1][1])
    assert seen == {0, 1, 2}
    right_ones = sum(
        max(range(3), key=lambda k: model(row)[k].data) == label
        for row, label in zip(points.tolist(), classes, strict=True)
    )
    assert f"{right_ones} of 60 right" in page.tab.get_attribute(CANVAS, "aria-label")


def test_a_point_of_any_class_is_added(show: Show) -> None:
    points, classes = data.spirals(30, classes=3, noise=0.05, seed=1)
    page = page_of(show, nn.MLP(2, [4, 3], seed=1), points, classes, loss="cross_entropy")
    page.tab.click(".region-bar .segments button:nth-child(4)")
    click(page.tab, (40.0, 40.0))
    columns = page.tab.evaluate("sessionOfPage().columns.map((column) => column[30])")
    assert columns[2:] == [0, 0, 1]


# One input


def test_one_input_has_a_curve(show: Show) -> None:
    x = numpy.linspace(-2.0, 2.0, 21)
    y = numpy.sin(2.0 * x)
    model = nn.MLP(1, [8, 1], activation="tanh", seed=1)
    page = page_of(show, model, x.reshape(-1, 1), y)
    train(page, 200)
    page.take_numbers(model)
    plane = numpy.stack([x, y], axis=1)
    for point in (-2.2, 2.2):
        place = place_of(page.tab, plane, (point, model([point]).data))
        assert max(color_at(page.tab, place)) < 150
        assert min(color_at(page.tab, (place[0], place[1] + 12.0))) > 200
    assert page.tab.inner_text("#score").startswith("R² ")


def test_a_dragged_point_of_a_curve_changes_its_target(show: Show) -> None:
    x = numpy.linspace(-2.0, 2.0, 21)
    y = numpy.sin(2.0 * x)
    plane = numpy.stack([x, y], axis=1)
    page = page_of(show, nn.MLP(1, [3, 1], seed=1), x.reshape(-1, 1), y)
    start = place_of(page.tab, plane, plane[8])
    drag(page.tab, start, place_of(page.tab, plane, (0.5, -0.8)))
    numbers = page.run("() => [...momentOfPage().data]")
    labels = [page.snapshot.labels[node] for node in page.snapshot.order]
    moved = dict(zip(labels, numbers, strict=True))
    assert moved["x"] == pytest.approx(0.5, abs=0.02)
    assert moved["y"] == pytest.approx(-0.8, abs=0.02)


# The page


@pytest.mark.parametrize("width", [1440, 840, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_regions_fit_on_every_screen(keep: Keep, width: int, theme: str) -> None:
    model = nn.MLP(2, [2, 1], seed=0)
    page = keep("fit", lambda: viz.explore(model, data=(POINTS, SIGNS), train=True))
    page.tab.emulate_media(color_scheme=theme)
    resize(page.tab, width, 850)
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width
    box = page.tab.locator(CANVAS).bounding_box()
    assert box["width"] == box["height"]
    assert box["width"] >= (250 if width > 390 else 150)
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 850


def test_the_theme_changes_the_regions(show: Show) -> None:
    page = page_of(show, nn.MLP(2, [2, 1], seed=0))
    before = color_at(page.tab, (3.0, 3.0))
    page.tab.click("#theme")
    assert sum(color_at(page.tab, (3.0, 3.0))) < sum(before)


def test_regions_follow_a_training_that_runs(show: Show) -> None:
    page = show(viz.explore(relu_network(), data=(POINTS, SIGNS), train=True))
    image = "document.querySelector('#regions canvas').toDataURL()"
    start = page.tab.evaluate(image)
    page.tab.click("#train")
    deadline = time.monotonic() + 20.0
    while page.tab.evaluate(image) == start:
        assert time.monotonic() < deadline
    page.tab.click("#train")
