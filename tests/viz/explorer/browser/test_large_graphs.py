"""Large graphs in the page: what is drawn, by whom, and that nobody is told the difference."""

from collections.abc import Callable
from typing import Any

import pytest

import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.nn import MLP
from tests.viz.explorer.browser.conftest import wait_for_layout
from tests.viz.explorer.browser.reach import without_policy
from tests.viz.graphs import network, neuron
from viz import Page
from viz.look.text import number
from viz.look.theme import DARK, LIGHT

Show = Callable[..., Any]


def rgb(code: str) -> str:
    return f"rgb({', '.join(str(int(code[at : at + 2], 16)) for at in (1, 3, 5))})"


def open_all(page: Any) -> None:
    """Open every box, and wait until all of it is drawn."""
    page.tab.select_option("#detail", "2")
    settle(page)


def settle(page: Any) -> None:
    # The hand has to rest before a sharper drawing is begun. The page waits as long as this does,
    # and timers are called in the order in which they were set.
    wait_for_layout(page.tab)
    page.tab.evaluate("() => new Promise((done) => setTimeout(done, 150))")
    page.tab.wait_for_selector("#drawing:not([data-busy])")


def on_canvas(page: Page) -> Page:
    """The same page, which draws everything on a canvas."""
    limit = "MAX_ELEMENTS=3000"
    assert page.html.count(limit) == 1
    return without_policy(Page(page.html.replace(limit, "MAX_ELEMENTS=-1"), 1, 1, page._still))


def is_on_canvas(page: Any) -> bool:
    return bool(page.tab.locator(".sheet:not([hidden])").count())


def place_of(page: Any, value: int) -> tuple[float, float]:
    """Where a value is on the screen, by what the page knows of its layout."""
    script = """(i) => {
      const { x, y, w, h } = sceneOfPage().layout.frames.get(i);
      const { left, top } = document.getElementById('drawing').getBoundingClientRect();
      const { x: dx, y: dy, k } = viewOfPage;
      return [left + dx + (x + w / 2) * k, top + dy + (y + h / 2) * k];
    }"""
    x, y = page.tab.evaluate(script, value)
    return x, y


def zoom_to(page: Any, value: int, times: int = 12) -> None:
    for _ in range(times):
        page.tab.mouse.move(*place_of(page, value))
        page.tab.mouse.wheel(0, -200)
    settle(page)


def drawn(page: Any) -> int:
    """How many values have elements."""
    return int(page.tab.locator(".node:not(.closed)").count())


def test_thousands_of_values_are_drawn_without_elements(show: Show) -> None:
    page = show(viz.explore(network([16, 16, 1])))
    assert not is_on_canvas(page)
    open_all(page)
    assert is_on_canvas(page)
    assert drawn(page) == 0
    assert page.tab.locator(".edge").count() == 0
    assert "982" in page.text("#panel")


def test_close_up_only_what_is_in_sight_has_elements(show: Show) -> None:
    page = show(without_policy(viz.explore(network([16, 16, 1]))))
    open_all(page)
    zoom_to(page, 500)
    assert not is_on_canvas(page)
    assert 1 <= drawn(page) < 200
    assert page.tab.locator("#v500 .mini").is_visible()
    page.press("0")
    settle(page)
    assert is_on_canvas(page)


def test_values_come_into_sight_as_the_view_moves(show: Show) -> None:
    page = show(without_policy(viz.explore(network([16, 16, 1]))))
    open_all(page)
    zoom_to(page, 500)
    before = set(page.tab.evaluate("[...document.querySelectorAll('.node')].map((n) => n.id)"))
    bounds = page.tab.locator("#drawing").bounding_box()
    left, middle = bounds["x"], bounds["y"] + bounds["height"] / 2
    for _ in range(5):
        page.tab.mouse.move(left + 20, middle)
        page.tab.mouse.down()
        page.tab.mouse.move(left + bounds["width"] - 20, middle, steps=5)
        page.tab.mouse.up()
    settle(page)
    after = set(page.tab.evaluate("[...document.querySelectorAll('.node')].map((n) => n.id)"))
    assert after - before
    assert before - after


@pytest.mark.parametrize("label", ["x1", "y", "loss"])
def test_a_click_on_the_canvas_selects_the_value_under_it(show: Show, label: str) -> None:
    model = MLP(2, [2, 1], seed=0)
    root = (model([Value(0.3, label="x1"), 0.5]) - Value(-1.0, label="y")) ** 2
    root.label = "loss"
    root.backward()
    order = topological([root])
    at = next(i for i, node in enumerate(order) if node.label == label)
    page = show(on_canvas(viz.explore(root)))
    settle(page)
    assert is_on_canvas(page)
    page.tab.mouse.click(*place_of(page, at))
    assert page.text("#panel h2") == label
    codes = page.tab.locator(".numbers code").all_inner_texts()
    assert [text.strip() for text in codes] == [repr(order[at].data), repr(order[at].grad)]


def test_a_click_beside_all_values_selects_nothing(show: Show) -> None:
    page = show(on_canvas(viz.explore(network([3, 1]))), "value=3")
    bounds = page.tab.locator("#drawing").bounding_box()
    page.tab.mouse.click(bounds["x"] + 8, bounds["y"] + 8)
    assert page.tab.locator(".node.selected").count() == 0


def test_boxes_on_the_canvas_open_and_close(show: Show) -> None:
    page = show(on_canvas(viz.explore(network([3, 1]))), "open=0")
    settle(page)
    assert page.tab.locator(".closed").count() == 2
    page.tab.click("#f1")
    settle(page)
    assert page.tab.locator('.header[data-fold="1"]').count() == 1
    page.tab.locator('.header[data-fold="1"]').press("Enter")
    settle(page)
    assert page.tab.locator("#f1").count() == 1


def test_a_walk_by_keyboard_is_told_on_the_canvas_too(show: Show) -> None:
    pages = [show(viz.explore(neuron())), show(on_canvas(viz.explore(neuron())))]
    for page in pages:
        page.tab.focus("#drawing")
    for key in ["ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowRight"]:
        told = []
        for page in pages:
            page.press(key)
            active = page.tab.get_attribute("#drawing", "aria-activedescendant")
            told.append((active, page.tab.get_attribute(f"#{active}", "aria-label")))
        assert told[0] == told[1]


@pytest.mark.parametrize(
    ("count", "name"),
    [(3, "‹+›"), (4, "‹+› + ‹+›"), (61, "‹+› + ‹+›")],
)
def test_a_value_with_countless_paths_below_it_is_named(show: Show, count: int, name: str) -> None:
    root = Value(1.0, label="x")
    for _ in range(count):
        root = root + root
    page = show(viz.explore(root), f"value={count}")
    assert page.text("#panel h2") == name


def test_a_value_at_the_end_of_a_long_chain_is_named(show: Show) -> None:
    root = Value(1.0, label="a_name_that_is_too_long_to_be_spelled_out")
    for _ in range(8_000):
        root = -root
    page = show(viz.explore(root), "value=8000")
    assert page.text("#panel h2").startswith("neg(")
    assert not page.said


def test_the_selection_outlives_a_change_of_the_renderer(show: Show) -> None:
    root = network([16, 16, 1])
    at = next(i for i, node in enumerate(topological([root])) if node.label == "x0")
    page = show(viz.explore(root))
    page.tab.click(f"#v{at}")
    name = page.text("#panel h2")
    open_all(page)
    assert is_on_canvas(page)
    assert page.text("#panel h2") == name
    assert page.tab.locator(f"#v{at}.selected").count() == 1
    page.tab.select_option("#detail", "1")
    settle(page)
    assert not is_on_canvas(page)
    assert page.tab.locator(f"#v{at}.selected").count() == 1


def test_a_step_writes_its_arithmetic_over_the_canvas(show: Show) -> None:
    pages = [
        show(viz.explore(neuron()), "step=5"),
        show(on_canvas(viz.explore(neuron())), "step=5"),
    ]
    texts = [page.tab.locator(".plate.active").all_text_contents() for page in pages]
    assert texts[0] == texts[1] == ["0.5 × (−3) = −1.5", "0.5 × 2 = 1"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_canvas_has_the_colors_of_the_elements(show: Show, theme: str) -> None:
    root = network([3, 1])
    plain = show(without_policy(viz.explore(root)), "open=0.1.2.3.4.5.6", theme=theme)
    sheet = show(on_canvas(viz.explore(root)), "open=0.1.2.3.4.5.6", theme=theme)
    settle(sheet)
    colors = """(values) => {
      const { canvas, area, k } = sheetOfPage();
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return values.map((i) => {
        const { x, y, w, h } = sceneOfPage().layout.frames.get(i);
        const across = Math.floor((x + w / 2 - area.left) * k);
        const down = Math.floor((y + 0.18 * h - area.top) * k);
        const at = 4 * (down * canvas.width + across);
        return `rgb(${[...data.slice(at, at + 3)].join(', ')})`;
      });
    }"""
    values = [i for i, node in enumerate(topological([root])) if node.args]
    fills = [
        plain.tab.evaluate(f"getComputedStyle(document.querySelector('#v{i} .frame')).fill")
        for i in values
    ]
    assert sheet.tab.evaluate(colors, values) == fills


def test_colors_show_gradients_data_or_weights(show: Show) -> None:
    root = neuron()
    order = topological([root])
    page = show(viz.explore(root))
    b, w1, x2 = (
        next(i for i, node in enumerate(order) if node.label == name) for name in ("b", "w1", "x2")
    )

    def fills(value: int) -> list[str]:
        script = "(rows) => rows.map((row) => getComputedStyle(row).fill)"
        return list(
            page.tab.eval_on_selector_all(
                f"#v{value} rect.blank, #v{value} path:not(.badge)", script
            )
        )

    page.tab.select_option("#colors", "data")
    assert page.text("#scale-high") == number(max(abs(node.data) for node in order))
    assert fills(b) == [rgb(LIGHT.positive[-1]), "none"]
    assert fills(x2) == [rgb(LIGHT.positive[0]), "none"]
    page.tab.select_option("#colors", "weights")
    assert fills(b) == [rgb(LIGHT.positive[-1]), "none"]
    assert fills(x2) == [rgb(LIGHT.card), "none"]
    page.tab.select_option("#colors", "gradients")
    assert fills(b)[0] == "none"
    assert fills(w1)[1] != "none"


def test_lines_carry_weights_where_nothing_went_backward(show: Show) -> None:
    x = Value(2.0, label="x")
    y = (x * Value(0.0)) * MLP(1, [1], "linear", seed=0).layers[0].neurons[0].weights[0]
    page = show(viz.explore(y))
    assert page.tab.locator(".edge:not(.nothing)").count() >= 1


def digits_like(side: int, outputs: int = 2) -> Value:
    """A loss of a network whose inputs are the pixels of an image."""
    pixels = [float((i // side + i % side) % 4) for i in range(side * side)]
    out = MLP(side * side, [outputs, 1], seed=0)(pixels)
    loss = (out - 1.0) ** 2
    loss.backward()
    return loss


@pytest.mark.parametrize("side", [4, 8, 28])
def test_inputs_that_are_an_image_lie_in_a_square_in_their_order(show: Show, side: int) -> None:
    root = digits_like(side)
    page = show(without_policy(viz.explore(root)))
    labels = {node.label: i for i, node in enumerate(topological([root]))}
    frames = page.tab.evaluate(
        "(ids) => ids.map((i) => sceneOfPage().layout.frames.get(i)).map(({ x, y }) => [x, y])",
        [labels[f"x{k}"] for k in range(side * side)],
    )
    left, top = frames[0]
    pitch = frames[1][0] - left
    expected = [[left + pitch * (k % side), top + pitch * (k // side)] for k in range(side * side)]
    assert frames == [pytest.approx(place) for place in expected]


def test_fifteen_inputs_are_no_image(show: Show) -> None:
    loss = (MLP(15, [2, 1], seed=0)([0.5] * 15) - 1.0) ** 2
    page = show(without_policy(viz.explore(loss)))
    assert page.tab.locator(".cell").count() == 0


@pytest.mark.parametrize(("theme", "colors"), [("light", LIGHT), ("dark", DARK)])
def test_an_image_is_grey_where_colors_show_data(show: Show, theme: str, colors: Any) -> None:
    root = digits_like(4)
    page = show(viz.explore(root), theme=theme)
    page.tab.select_option("#colors", "data")
    order = topological([root])
    for value, fill in ((0.0, colors.card), (3.0, colors.ink)):
        at = next(
            i for i, node in enumerate(order) if node.label.startswith("x") and node.data == value
        )
        shown = page.tab.evaluate(f"getComputedStyle(document.querySelector('#v{at} .frame')).fill")
        assert shown == rgb(fill)


def test_zoomed_out_no_text_is_drawn(show: Show) -> None:
    page = show(viz.explore(network([16, 16, 1])))
    assert page.tab.locator(".closed .title").first.is_visible()
    for _ in range(12):
        page.press("-")
    assert not page.tab.locator(".closed .title").first.is_visible()


def test_all_boxes_open_fill_a_screen_and_do_not_overlap(show: Show) -> None:
    page = show(without_policy(viz.explore(network([16, 16, 1]))))
    open_all(page)
    frames = page.tab.evaluate("""() => [...sceneOfPage().layout.open].map(([fold, frame]) => {
      const { x, y, w, h } = frame;
      return { parent: graphOfPage.folds[fold][2], x, y, w, h };
    })""")
    whole = next(frame for frame in frames if frame["parent"] == -1)
    assert 0.5 < whole["w"] / whole["h"] < 3
    inner = [frame for frame in frames if frame["parent"] > 0]
    assert len(inner) == 33
    for i, a in enumerate(inner):
        for b in inner[:i]:
            is_apart_across = a["x"] >= b["x"] + b["w"] or b["x"] >= a["x"] + a["w"]
            is_apart_down = a["y"] >= b["y"] + b["h"] or b["y"] >= a["y"] + a["h"]
            assert is_apart_across or is_apart_down


def test_lines_to_wrapped_boxes_pass_no_other_box(show: Show) -> None:
    page = show(without_policy(viz.explore(network([16, 16, 1]))))
    open_all(page)
    crossings = page.tab.evaluate("""() => {
      const { layout, edges } = sceneOfPage();
      const folds = [...layout.open].filter(([fold]) => layout.lanes.has(fold));
      // A curve is level at both of its ends, and bends in the middle.
      const pointAt = ([x1, y1], [x2, y2], t) => {
        const bend = x2 > x1 ? (x2 - x1) / 2 : 24;
        const [u, v] = [1 - t, 3 * t * (1 - t)];
        const x = u ** 3 * x1 + v * u * (x1 + bend) + v * t * (x2 - bend) + t ** 3 * x2;
        return [x, y1 + (y2 - y1) * t * t * (3 - 2 * t)];
      };
      let found = 0;
      for (const { a, b, points } of edges) {
        const ends = [a, b].flatMap(pathOfPage);
        const others = folds.filter(([fold]) => !ends.includes(fold));
        for (let k = 1; k < points.length; k += 1) {
          for (let t = 0; t <= 1; t += 0.05) {
            const [px, py] = pointAt(points[k - 1], points[k], t);
            const isInside = ([, { x, y, w, h }]) => px > x && px < x + w && py > y && py < y + h;
            found += others.filter(isInside).length;
          }
        }
      }
      return [folds.length, found];
    }""")
    assert crossings == [32, 0]
