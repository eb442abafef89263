"""An opened neuron: the table of what it adds up, beside its box."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from scalargrad import Value, nn
from scalargrad.losses import mse
from tests.viz.explorer.browser.conftest import SIZE, resize, set_size
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage
from viz.look.text import number

Show = Callable[..., Any]
Keep = Callable[..., Any]


def tanh_network(hidden: int = 3) -> nn.MLP:
    return nn.MLP(2, [hidden, 2, 1], activation="tanh", seed=3)


@pytest.fixture(scope="module")
def kept_page(keep: Keep) -> InThePage:
    """A page for tests that open neurons, and change nothing else."""
    return InThePage(lambda page: keep("network", lambda: page), tanh_network(), POINTS, SIGNS)


@pytest.fixture
def page(kept_page: InThePage) -> InThePage:
    kept_page.tab.bring_to_front()
    set_size(kept_page.tab, SIZE)
    kept_page.tab.evaluate("() => playground.openNeuron(null)")
    assert not kept_page.tab.is_visible("#lens")
    return kept_page


def open_neuron(page: InThePage, column: int, index: int) -> None:
    page.tab.evaluate("(place) => playground.openNeuron(place)", [column, index])
    page.tab.wait_for_selector("#lens:not([hidden])")


def rows_of(page: InThePage) -> list[list[str]]:
    """The texts of the table, a list for each row, without the column of bars."""
    script = """() => {
      const lines = [...document.querySelectorAll('#lens tbody tr, #lens tfoot tr')];
      return lines.map(({ children }) => (
        [...children].filter((cell) => !cell.matches('.bar')).map((cell) => cell.innerText)
      ));
    }"""
    return [[text.strip() for text in row] for row in page.tab.evaluate(script)]


def test_the_table_has_the_numbers_of_python(show: Show) -> None:
    model = tanh_network()
    page = InThePage(show, model, POINTS, SIGNS)
    open_neuron(page, 0, 1)

    x = [Value(float(each)) for each in POINTS[0]]
    hidden = model.layers[0](x)
    prediction = model.layers[2](model.layers[1](hidden))[0]
    mse(prediction, SIGNS[0]).backward()
    neuron = model.layers[0].neurons[1]
    total = neuron.bias.data + sum(w.data * v.data for w, v in zip(neuron.weights, x, strict=True))
    expected = [
        [name, number(w.data), number(v.data), number(w.data * v.data), number(w.grad)]
        for name, w, v in zip(("x₁", "x₂"), neuron.weights, x, strict=True)
    ]
    bias = number(neuron.bias.data)
    expected.append(["bias", bias, "1", bias, number(neuron.bias.grad)])
    expected.append(["z = Σ", number(total), number(neuron.bias.grad)])
    expected.append(["h₂ = tanh(z)", number(hidden[1].data), number(hidden[1].grad)])
    assert rows_of(page) == expected


def test_a_neuron_without_activation_is_its_sum(page: InThePage) -> None:
    open_neuron(page, 2, 0)
    rows = rows_of(page)
    assert [row[0] for row in rows] == ["g₁", "g₂", "bias", "ŷ = Σ"]
    assert rows[-1][1] == page.tab.inner_text(".neuron.output .value")


def test_the_formula_is_mathml_that_the_browser_lays_out(show: Show) -> None:
    page = InThePage(show, tanh_network(4), POINTS, SIGNS)
    script = """() => {
      const formula = document.querySelector('#lens math');
      const fraction = formula.getBoundingClientRect();
      return [formula.namespaceURI, formula.textContent, fraction.height > 10];
    }"""
    open_neuron(page, 0, 1)
    namespace, text, is_laid_out = page.tab.evaluate(script)
    assert namespace == "http://www.w3.org/1998/Math/MathML"
    assert text == "h2=tanh(w1·x1+w2·x2+b)"
    assert is_laid_out
    open_neuron(page, 1, 0)
    assert page.tab.evaluate(script)[1] == "g1=tanh(∑iwi·hi+b)"


def test_opening_asks_for_the_largest_gradient_and_a_row_for_its_own(page: InThePage) -> None:
    open_neuron(page, 1, 1)
    rows = [row for row in rows_of(page) if row[0].startswith("h")]
    sizes = {name: abs(float(row[-1].replace("−", "-"))) for name, *row in rows}
    largest = max(sizes, key=sizes.__getitem__)
    assert page.tab.inner_text(".why-head small").startswith(f"{largest} → g₂,")

    page.tab.click("#lens tbody tr:has-text('bias')")
    assert page.tab.inner_text(".why-head small").startswith("bias of g₂,")
    assert page.tab.inner_text("#lens tr.chosen .row-name") == "bias"


def test_the_keyboard_opens_a_neuron_asks_why_and_closes_it(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    page.tab.focus("#neurons button[aria-label='neuron h2']")
    page.opened.press("Enter")
    assert page.tab.is_visible("#lens")
    page.tab.focus("#lens tr:has-text('bias') button")
    page.opened.press("Enter")
    assert page.tab.inner_text(".why-head small").startswith("bias of h₂,")
    page.opened.press("Escape")
    assert not page.tab.is_visible("#lens")
    assert page.tab.evaluate("document.activeElement.ariaLabel") == "neuron h2"


def test_the_table_lives_while_a_training_runs(show: Show) -> None:
    model = tanh_network()
    page = InThePage(show, model, POINTS, SIGNS)
    open_neuron(page, 0, 0)
    before = rows_of(page)
    page.tab.click("#train")
    page.tab.wait_for_selector("#count-steps:text-matches('[1-9][0-9]')")
    page.tab.click("#train")
    after = rows_of(page)
    assert after != before
    page.take_numbers(model)
    neuron = model.layers[0].neurons[0]
    learned = [*neuron.weights, neuron.bias]
    assert [row[1] for row in after[:3]] == [number(parameter.data) for parameter in learned]


@pytest.mark.parametrize("width", [1440, 840])
@pytest.mark.parametrize("place", [(0, 1), (1, 0), (2, 0)])
def test_the_table_is_beside_its_box_in_sight(
    page: InThePage, place: tuple[int, int], width: int
) -> None:
    resize(page.tab, width, 900)
    script = """() => ['#lens', '.neuron.open', '#network-view'].map((selector) => {
      const { left, right, top, bottom } = document.querySelector(selector).getBoundingClientRect();
      return { left, right, top, bottom };
    })"""
    open_neuron(page, *place)
    lens, box, view = page.tab.evaluate(script)
    assert view["left"] <= lens["left"]
    # In a column it may cover the regions.
    assert lens["right"] <= (view["right"] if width == 1440 else width)
    assert view["top"] <= lens["top"]
    assert lens["bottom"] <= view["bottom"]
    assert lens["left"] >= box["right"] or lens["right"] <= box["left"]


@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_the_table_is_a_sheet_above_the_bar(show: Show, width: int) -> None:
    page = InThePage(show, tanh_network(16), POINTS, SIGNS)
    resize(page.tab, width, 844)
    open_neuron(page, 1, 0)
    sheet = page.tab.locator("#lens").bounding_box()
    bar = page.tab.locator("#transport").bounding_box()
    box = page.tab.locator(".neuron.open").bounding_box()
    assert (sheet["x"], sheet["width"]) == (0, width)
    assert abs(sheet["y"] + sheet["height"] - bar["y"]) < 8
    assert box["y"] + box["height"] < sheet["y"]
    lens = "document.getElementById('lens')"
    assert page.tab.evaluate(f"{lens}.scrollWidth === {lens}.clientWidth")
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width


def test_sixteen_inputs_need_no_scrolling(show: Show) -> None:
    page = InThePage(show, tanh_network(16), POINTS, SIGNS)
    open_neuron(page, 1, 0)
    script = """() => {
      const lens = document.getElementById('lens');
      return [lens.offsetWidth, lens.offsetHeight, lens.scrollHeight <= lens.clientHeight];
    }"""
    width, height, fits = page.tab.evaluate(script)
    assert width <= 700
    assert height <= 500
    assert fits


def test_of_many_inputs_the_largest_products_have_rows(show: Show) -> None:
    images = numpy.random.default_rng(0).normal(size=(3, 100))
    model = nn.MLP(100, [1], seed=0)
    page = InThePage(show, model, images, SIGNS[:3])
    open_neuron(page, 0, 0)
    weights = numpy.array([w.data for w in model.layers[0].neurons[0].weights])
    products = weights * images[0]
    order = numpy.argsort(-abs(products))
    rows = rows_of(page)
    assert [row[0] for row in rows[64:]] == ["36 more inputs", "bias", "ŷ = Σ"]
    assert [row[3] for row in rows[:64]] == [number(products[k]) for k in sorted(order[:64])]
    assert rows[64][1] == number(float(sum(products[order[64:]])))


def test_the_way_down_leads_to_the_output_among_all_scalars(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    open_neuron(page, 0, 2)
    page.tab.click("#lens >> text=every scalar")
    assert page.tab.is_visible("#drawing")
    assert "tanh" in page.tab.inner_text("#panel .formula")


def test_a_gradient_has_one_color_everywhere(page: InThePage) -> None:
    open_neuron(page, 0, 2)
    script = """() => ['#lens .result .tinted', '.factors div:first-child b', '.neuron.open .strip',
      '#lens .chosen td:last-child .tinted', '.factors .result b'].map((selector) => (
      getComputedStyle(document.querySelector(selector)).backgroundColor
    ))"""
    output, factor, strip, row, result = page.tab.evaluate(script)
    assert output == factor == strip
    assert row == result


@pytest.mark.parametrize("size", [(1100, 760), (390, 800)])
def test_a_row_leads_to_the_answer_where_the_window_is_too_low_for_it(
    show: Show, size: tuple[int, int]
) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    resize(page.tab, *size)
    open_neuron(page, 0, 1)
    assert not page.tab.evaluate(HEADING_IS_SEEN)
    page.tab.click("#lens tbody tr >> nth=0")
    page.tab.wait_for_function(HEADING_IS_SEEN)


HEADING_IS_SEEN = """() => {
  const heading = document.querySelector('#why h2');
  const { left, top, width, height } = heading.getBoundingClientRect();
  return heading.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}"""
"""Nothing lies over the heading of the answer, and it is inside of the window."""
