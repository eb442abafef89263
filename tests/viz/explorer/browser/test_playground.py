"""The playground: layouts, the numbers in the network, colors, keys, and time."""

from collections.abc import Callable
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import nn
from scalargrad.losses import mse
from tests.viz.explorer.browser.conftest import resize
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage
from viz import Page
from viz.look.text import number

Show = Callable[..., Any]
Keep = Callable[..., Any]

PHONES = (320, 360, 390, 430, 640, 700)


def network(sizes: tuple[int, ...] = (3, 2, 1)) -> nn.Module:
    return nn.MLP(2, list(sizes), activation="tanh", seed=0)


def page_of(sizes: tuple[int, ...] = (3, 2, 1), **options: Any) -> Page:
    return viz.explore(network(sizes), data=(POINTS, SIGNS), train=True, **options)


def in_page(show: Show, model: nn.Module | None = None) -> InThePage:
    return InThePage(show, model or network(), POINTS, SIGNS)


def kept_tab(keep: Keep, sizes: tuple[int, ...], use: str = "") -> Any:
    """The tab of a page that tests of one use share."""
    return keep(f"{sizes} {use}", lambda: page_of(sizes)).tab


# Layouts


@pytest.mark.parametrize("sizes", [(6, 4, 1), (16, 16, 1), (32, 1)])
def test_no_layout_is_wider_than_the_screen(keep: Keep, sizes: tuple[int, ...]) -> None:
    tab = kept_tab(keep, sizes)
    for width in (*PHONES, 760, 840, 1000, 1279, 1280, 1440):
        resize(tab, width, 844)
        assert tab.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720)])
def test_a_wide_page_is_one_screen(keep: Keep, width: int, height: int) -> None:
    tab = kept_tab(keep, (6, 4, 1))
    resize(tab, width, height)
    assert tab.evaluate("document.documentElement.scrollHeight") == height


BOXES = """() => [...document.querySelectorAll('.neuron')].map((box) => {
  const { left, top, right, bottom } = box.getBoundingClientRect();
  return [left, top, right, bottom];
})"""


@pytest.mark.parametrize("sizes", [(6, 4, 1), (16, 16, 1), (48, 2, 1)])
@pytest.mark.parametrize("width", [1440, 840, 390])
def test_boxes_do_not_overlap(keep: Keep, sizes: tuple[int, ...], width: int) -> None:
    tab = kept_tab(keep, sizes)
    resize(tab, width, 844)
    boxes = tab.evaluate(BOXES)
    assert len(boxes) == 2 + sum(sizes)
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:i]:
            is_beside = right <= other[0] or other[2] <= left
            assert is_beside or bottom <= other[1] or other[3] <= top


def test_texts_are_at_least_ten_pixels_high(keep: Keep) -> None:
    tab = kept_tab(keep, (16, 16, 1))
    script = """() => [...document.querySelectorAll('body *')]
      .filter((element) => element.checkVisibility() && element.innerText)
      .map((element) => Number.parseFloat(getComputedStyle(element).fontSize))"""
    for width in (1440, 840, 390):
        resize(tab, width, 844)
        assert min(tab.evaluate(script)) >= 10


def test_the_buttons_of_a_phone_are_as_large_as_a_thumb(show: Show) -> None:
    tab = show(page_of()).tab
    resize(tab, 390, 844)
    for name in ("train-reset", "train", "train-step", "train-epoch"):
        box = tab.locator(f"#{name}").bounding_box()
        assert box["width"] >= 48
        assert box["height"] == 48
        assert box["y"] + box["height"] <= 844
    assert not tab.is_visible("#settings")
    assert not tab.is_visible("#level-switch")
    tab.click("#settings-toggle")
    assert tab.is_visible("#settings")
    tab.click("[data-level=scalars]")
    assert not tab.is_visible("#settings")
    assert tab.is_visible("#drawing")


# Numbers


def numbers_in_boxes(page: Any) -> list[tuple[str, str, str]]:
    """Name, output and gradient of every box, in the order of the network."""
    script = """() => [...document.querySelectorAll('.neuron')].map((box) => (
      ['name', 'value', 'strip'].map((part) => box.querySelector(`.${part}`).textContent)
    ))"""
    return [tuple(each) for each in page.tab.evaluate(script)]


def expected_in_boxes(model: nn.Module, sample: int) -> list[tuple[str, str]]:
    """Output and gradient as Python computes them."""
    x = [sg.Value(float(each)) for each in POINTS[sample]]
    values = list(x)
    outputs: Any = x
    for layer in model.layers:
        outputs = layer(outputs)
        values += outputs
    loss = mse(outputs[0], SIGNS[sample])
    loss.backward()
    return [(number(value.data), number(value.grad)) for value in values]


@pytest.mark.parametrize("sample", [0, 7])
def test_the_numbers_are_those_of_the_model_for_the_chosen_sample(show: Show, sample: int) -> None:
    model = network()
    page = in_page(show)
    for _ in range(sample):
        page.tab.keyboard.press("ArrowRight")
    found = numbers_in_boxes(page)
    names = [name for name, _, _ in found]
    assert names == ["x₁", "x₂", "h₁", "h₂", "h₃", "g₁", "g₂", "ŷ"]
    assert [each[1:] for each in found] == expected_in_boxes(model, sample)
    assert f"point {sample}" in page.tab.inner_text("#chosen-note")


def test_the_numbers_follow_the_training(show: Show) -> None:
    model = network()
    page = in_page(show, model)
    page.tab.click("#train-epoch")
    page.tab.click("#train-step")
    numbers = page.numbers(model)
    model.load_state_dict(dict(zip(model.state_dict(), numbers, strict=True)))
    assert [each[1:] for each in numbers_in_boxes(page)] == expected_in_boxes(model, 0)


def test_the_maps_show_the_output_of_each_neuron(show: Show) -> None:
    model = network()
    page = in_page(show)
    script = """() => {
      const session = sessionOfPage();
      return session.network.columns.map(({ neurons }) => (
        neurons.map(({ output }) => [...mapsOfPage().of(output)])
      ));
    }"""
    columns = page.tab.evaluate(script)
    (left, right), (bottom, top) = page.tab.evaluate("() => mapsOfPage().axes")
    for across, down in ((0, 0), (55, 3), (20, 40)):
        x = left + (right - left) * (across + 0.5) / 56
        y = top - (top - bottom) * (down + 0.5) / 56
        outputs: Any = [x, y]
        for layer, maps in zip(model.layers, columns, strict=True):
            outputs = layer(outputs)
            shown = [each[56 * down + across] for each in maps]
            assert shown == pytest.approx([value.data for value in outputs], rel=1e-6)


# Colors and choices


def strokes(tab: Any) -> list[str]:
    script = """() => (
      [...document.querySelectorAll('#network .line')].map((line) => line.style.stroke)
    )"""
    return list(tab.evaluate(script))


def test_colors_show_weights_gradients_or_data(show: Show) -> None:
    tab = show(page_of()).tab
    seen = set()
    for name, words in (("weights", "weight"), ("gradients", "∂L/∂w"), ("data", "weight × input")):
        tab.click(f"[data-colors={name}]")
        assert tab.get_attribute(f"[data-colors={name}]", "aria-pressed") == "true"
        assert tab.inner_text("#legend-line b:has-text('w'), #legend-line b:has-text('∂')") == words
        seen.add(tuple(strokes(tab)))
    assert len(seen) == 3


def numbers_on_lines(model: nn.Module, colors: str) -> list[float]:
    """What each line shows for the first sample: its weight, or the gradient, or the product."""
    row: Any = [sg.Value(float(x)) for x in POINTS[0]]
    inputs = []
    for layer in model.layers:
        inputs += [x for neuron in layer.neurons for x in row]
        row = layer(row)
    mse(row[0], SIGNS[0]).backward()
    weights = [w for layer in model.layers for neuron in layer.neurons for w in neuron.weights]
    if colors == "gradients":
        return [w.grad for w in weights]
    if colors == "data":
        return [w.data * x.data for w, x in zip(weights, inputs, strict=True)]
    return [w.data for w in weights]


@pytest.mark.parametrize("colors", ["weights", "gradients", "data"])
def test_lines_have_the_color_of_the_sign_of_what_they_show(keep: Keep, colors: str) -> None:
    tab = kept_tab(keep, (3, 2, 1), "with colors")
    tab.click(f"[data-colors={colors}]")
    numbers = numbers_on_lines(network(), colors)
    for x, stroke in zip(numbers, strokes(tab), strict=True):
        red, _, blue = map(int, stroke[4:-1].split(","))
        assert (blue > red) == (x > 0)


def test_a_neuron_under_the_pointer_dims_the_lines_of_others(show: Show) -> None:
    page = in_page(show)
    tab = page.tab
    tab.hover("[aria-label='neuron h1']")
    assert tab.evaluate("() => sessionOfPage().pointed") == [0, 0]
    assert tab.locator("#network .lit").count() == 4
    tab.mouse.move(5, 5)
    assert tab.evaluate("() => sessionOfPage().pointed") is None
    assert tab.locator("#network.focused").count() == 0


def test_a_neuron_under_the_pointer_leaves_the_boxes_as_they_are(show: Show) -> None:
    tab = show(page_of()).tab
    tab.evaluate("""() => {
      const pen = CanvasRenderingContext2D.prototype;
      const { putImageData } = pen;
      globalThis.drawn = { boxes: 0, all: 0 };
      pen.putImageData = function (...given) {
        drawn.all += 1;
        if (this.canvas.closest('.neuron')) drawn.boxes += 1;
        putImageData.apply(this, given);
      };
    }""")
    tab.hover("[aria-label='neuron h1']")
    drawn = tab.evaluate("drawn")
    # The regions show the map of the neuron.
    assert drawn["all"] > 0
    assert drawn["boxes"] == 0


def test_an_input_under_the_pointer_dims_the_lines_of_others(show: Show) -> None:
    tab = show(page_of()).tab
    tab.hover(".neuron.input >> nth=1")
    assert tab.locator("#network .line.lit").count() == 3
    tab.mouse.move(5, 5)
    assert tab.locator("#network.focused").count() == 0


def test_a_click_opens_a_neuron_and_escape_closes_it(show: Show) -> None:
    page = in_page(show)
    page.tab.click("[aria-label='neuron g2']")
    assert page.tab.evaluate("() => sessionOfPage().open") == [1, 1]
    page.tab.keyboard.press("Escape")
    assert page.tab.evaluate("() => sessionOfPage().open") is None


def test_a_click_on_a_line_chooses_its_weight(show: Show) -> None:
    page = in_page(show)
    script = """() => {
      const line = document.querySelectorAll('#network .hit')[3];
      const { x, y } = line.getPointAtLength(line.getTotalLength() * 0.3);
      const place = new DOMPoint(x, y).matrixTransform(line.getScreenCTM());
      document.elementFromPoint(place.x, place.y).dispatchEvent(
        new MouseEvent('click', { bubbles: true }),
      );
      const { weights } = sessionOfPage().network.columns[0].neurons[1];
      return [weights[1].parameter, sessionOfPage().weight, weights[1].parameter];
    }"""
    expected, chosen, parameter = page.tab.evaluate(script)
    assert chosen == expected
    shown = page.tab.evaluate("(i) => momentOfPage().data[i]", parameter)
    assert page.tab.text_content("#network-plate text") == number(shown)


IN_FRONT = """() => {
  const plate = document.querySelector('#network-plate .plate');
  plate.style.pointerEvents = 'auto';
  plate.scrollIntoView({ block: 'center', inline: 'center' });
  const { left, top, right, bottom } = plate.querySelector('rect').getBoundingClientRect();
  const points = [0.1, 0.5, 0.9].map((share) => [
    left + share * (right - left), top + share * (bottom - top),
  ]);
  return points.every(([x, y]) => plate.contains(document.elementFromPoint(x, y)));
}"""


@pytest.mark.parametrize("sizes", [(6, 4, 1), (16, 16, 1)])
@pytest.mark.parametrize("width", [1440, 1000, 840, 390])
def test_nothing_covers_the_number_of_the_chosen_line(
    keep: Keep, sizes: tuple[int, ...], width: int
) -> None:
    tab = kept_tab(keep, sizes, "with a chosen line")
    resize(tab, width, 844)
    lines = tab.locator("#network .hit")
    for line in range(0, lines.count(), lines.count() // 12):
        lines.nth(line).dispatch_event("click")
        assert tab.evaluate(IN_FRONT), line


def test_every_scalar_is_one_level_further_down(show: Show) -> None:
    page = in_page(show)
    tab = page.tab
    assert not tab.is_visible("#drawing")
    tab.click("[aria-label='neuron h2']")
    output = tab.evaluate("() => sessionOfPage().network.columns[0].neurons[1].output")
    tab.click("[data-level=scalars]")
    assert tab.is_visible("#drawing")
    assert tab.is_visible("#panel")
    assert tab.locator(f".selected[data-id='{output}']").count() == 1
    assert tab.inner_text("#panel h2").startswith("layers.0.neurons.1")
    tab.click("[data-level=network]")
    assert not tab.is_visible("#panel")
    assert tab.locator(".neuron").first.is_visible()


# Keys and time


def test_keys_train_and_look(show: Show) -> None:
    page = in_page(show)
    tab = page.tab
    tab.keyboard.press(".")
    assert page.run("(trainer) => trainer.steps") == 1
    tab.keyboard.press("Space")
    assert tab.inner_text("#train") == "pause"
    tab.keyboard.press("Space")
    assert tab.inner_text("#train") == "play"
    tab.click("[aria-label='neuron h1']")
    tab.keyboard.press("Space")
    assert tab.inner_text("#train") == "pause"
    tab.keyboard.press("Space")
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate("() => sessionOfPage().chosen") == 39
    tab.keyboard.press("t")
    assert tab.get_attribute("html", "data-theme") == "dark"
    tab.keyboard.press("?")
    assert "play, or pause" in tab.inner_text("#dialog")
    tab.keyboard.press("Escape")
    assert not tab.is_visible("#dialog")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("h2", "h₂"),
        ("x1 g", ""),
        ("x2 h3", "x₂ → h₃"),
        ("b h1", "b of h₁"),
        ("point 17", "point 17"),
    ],
)
def test_the_finder_knows_neurons_weights_and_samples(show: Show, words: str, found: str) -> None:
    tab = in_page(show).tab
    tab.keyboard.press("/")
    tab.keyboard.type(words)
    results = tab.locator("#search-results button span:first-child")
    assert (results.first.inner_text() if results.count() else "") == found


class Table:
    """Numbers in named columns, as data frames have them."""

    columns = ("Age", "Income")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return POINTS


def test_the_finder_finds_names_with_capital_letters(show: Show) -> None:
    tab = show(viz.explore(network(), data=(Table(), SIGNS), train=True)).tab
    tab.keyboard.press("/")
    tab.keyboard.type("Age h2")
    assert tab.inner_text("#search-results button span:first-child") == "Age → h₂"


def test_the_finder_goes_to_what_it_finds(show: Show) -> None:
    page = in_page(show)
    tab = page.tab
    for words in ("h3", "point 17", "b g1"):
        tab.keyboard.press("/")
        tab.keyboard.type(words)
        tab.keyboard.press("Enter")
    where = tab.evaluate(
        "() => { const s = sessionOfPage(); return [s.open, s.chosen, s.weight]; }"
    )
    bias = tab.evaluate("() => sessionOfPage().network.columns[1].neurons[0].bias")
    assert where == [[0, 2], 17, bias]


def test_play_makes_no_more_steps_a_second_than_it_says(show: Show) -> None:
    page = in_page(show)
    script = """async () => {
      const wait = (done) => new Promise((then) => {
        const look = () => (done() ? then() : requestAnimationFrame(look));
        look();
      });
      const { trainer } = Object.assign(sessionOfPage(), { speed: 10 });
      const start = performance.now();
      document.getElementById('train').click();
      await wait(() => trainer.steps > 5);
      document.getElementById('train').click();
      return [trainer.steps, (performance.now() - start) / 1000];
    }"""
    steps, seconds = page.tab.evaluate(script)
    # The first one is made at once.
    assert steps <= 10 * seconds + 2
    page.tab.wait_for_timeout(200)
    assert page.run("(trainer) => trainer.steps") == steps


def test_another_speed_is_followed_at_once(show: Show) -> None:
    page = in_page(show)
    page.tab.evaluate("() => { sessionOfPage().speed = Infinity; }")
    page.tab.click("#train")
    page.tab.wait_for_selector("#count-steps:text-matches('[0-9]{3}')")
    script = """async () => {
      const { trainer } = Object.assign(sessionOfPage(), { speed: 10 });
      const before = trainer.steps;
      const end = performance.now() + 5000;
      while (trainer.steps === before && performance.now() < end) {
        await new Promise(requestAnimationFrame);
      }
      return trainer.steps > before;
    }"""
    # At this speed, as many steps as were made would take ten seconds and more.
    assert page.tab.evaluate(script)


def test_a_step_changes_the_numbers_and_reset_brings_them_back(show: Show) -> None:
    page = in_page(show)
    start = numbers_in_boxes(page)
    page.tab.click("#train-step")
    assert numbers_in_boxes(page) != start
    page.tab.click("#train-reset")
    assert numbers_in_boxes(page) == start


def test_hints_tick_themselves_off_and_vanish(show: Show) -> None:
    tab = in_page(show).tab
    ticked = tab.locator("#hints .done")
    assert ticked.count() == 0
    tab.click("#train-step")
    assert ticked.count() == 1
    tab.click("[aria-label='neuron h1']")
    assert ticked.count() == 2
    tab.evaluate(
        """() => {
          const slider = Object.assign(document.createElement('input'), { type: 'range' });
          document.body.append(slider);
          slider.dispatchEvent(new Event('input', { bubbles: true }));
          slider.remove();
        }"""
    )
    assert ticked.count() == 3
    tab.wait_for_selector("#hints", state="hidden")


def test_the_pass_is_played_unless_the_reader_prefers_none(show: Show) -> None:
    tab = in_page(show).tab
    tab.click("#train-step")
    assert tab.locator("#pulses").count() == 0
    tab.emulate_media(reduced_motion="no-preference")
    tab.click("#train-step")
    assert tab.locator("#pulses path").count() == 3 * 2 + 2 * 3 + 2
    tab.wait_for_selector("#pulses", state="detached")


# Other models


class Formula(nn.Module):
    """A model without neurons."""

    def __init__(self) -> None:
        self.slope = sg.Parameter(0.5, label="slope")

    def forward(self, x: Any) -> Any:
        return self.slope * x[0] + x[1]


def test_a_model_without_columns_shows_its_scalars(show: Show) -> None:
    page = InThePage(show, Formula(), POINTS, SIGNS)
    assert page.tab.is_visible("#drawing")
    assert page.tab.is_visible("#panel")
    assert not page.tab.is_visible("#level-switch")
    page.tab.click("#train-epoch")
    assert page.run("(trainer) => trainer.epochs") == 1


def test_images_are_one_box_and_weights_are_their_pictures(show: Show) -> None:
    images = [[((3 * i + k) % 16) / 16 for k in range(64)] for i in range(4)]
    model = nn.MLP(64, [4, 3], activation="relu", seed=0)
    page = InThePage(show, model, images, [0, 1, 2, 0], loss="cross_entropy")
    assert page.tab.locator(".neuron").count() == 1 + 4 + 3
    sizes = page.tab.evaluate(
        "() => [...document.querySelectorAll('.neuron:not(.mapless) canvas')].map((c) => c.width)"
    )
    assert sizes == [8] * 5
