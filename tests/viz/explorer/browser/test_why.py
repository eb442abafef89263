"""Why a weight has its gradient: the chain rule in numbers, the other samples, and the slider."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy
import pytest

from scalargrad import Value, nn
from scalargrad.losses import absolute_error, mse
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage, squared
from viz.look.text import number

Show = Callable[..., Any]
Keep = Callable[..., Any]


def tanh_network() -> nn.MLP:
    return nn.MLP(2, [3, 2, 1], activation="tanh", seed=3)


def relu_network() -> nn.MLP:
    return nn.MLP(2, [4, 1], activation="relu", seed=3)


@pytest.fixture(scope="module")
def kept_page(keep: Keep) -> InThePage:
    """A page for tests that choose a weight or a sample, and change nothing else."""
    return InThePage(lambda page: keep("network", lambda: page), tanh_network(), POINTS, SIGNS)


@pytest.fixture
def page(kept_page: InThePage) -> InThePage:
    kept_page.tab.bring_to_front()
    kept_page.tab.evaluate("() => playground.chooseSample(0)")
    return kept_page


def choose(page: InThePage, parameter: Any) -> None:
    script = "(parameter) => playground.chooseWeight(parameter)"
    page.tab.evaluate(script, page.snapshot.index[parameter])


def cards(page: InThePage) -> list[tuple[str, str]]:
    """The factors and the result of the chain rule, as titles and numbers."""
    script = """() => [...document.querySelectorAll('.factors > div')].map((card) => (
      [...card.children].map((part) => part.textContent)
    ))"""
    return [(title, text) for title, text in page.tab.evaluate(script)]


def bars(page: InThePage) -> list[list[float]]:
    """Left ends and lengths of the bars of the paths, in percent."""
    script = """() => [...document.querySelectorAll('.paths .bar i')].map(({ style }) => (
      [Number.parseFloat(style.left), Number.parseFloat(style.width)]
    ))"""
    return list(page.tab.evaluate(script))


def bar_of(part: float, parts: list[float]) -> tuple[float, float]:
    """The bar that begins in the middle, to the left for negative parts."""
    length = 50.0 * abs(part) / max(map(abs, parts))
    return (50.0 if part > 0.0 else 50.0 - length), length


def backward(model: nn.MLP, k: int, loss: Callable[..., Value] = mse) -> dict[str, Value]:
    """The values of the network for a sample, by their names, after a pass backward."""
    model.zero_grad()
    x = [Value(float(each)) for each in POINTS[k]]
    named = {"x1": x[0], "x2": x[1]}
    row: Any = x
    for letter, layer in zip("hgf", model.layers[:-1], strict=False):
        row = layer(row)
        named |= {f"{letter}{i}": value for i, value in enumerate(row, 1)}
    named["y"] = model.layers[-1](row)[0]
    loss(named["y"], SIGNS[k]).backward()
    return named


def test_the_factors_of_a_hidden_weight_are_those_of_python(page: InThePage) -> None:
    model = page.model
    neuron = model.layers[1].neurons[0]
    choose(page, neuron.weights[2])
    values = backward(model, 0)
    output = values["g1"]
    assert cards(page) == [
        ("∂L/∂g₁", number(output.grad)),
        ("1 − g₁²", number(1.0 - output.data**2)),
        ("input h₃", number(values["h3"].data)),
        ("∂L/∂w", number(neuron.weights[2].grad)),
    ]
    choose(page, neuron.bias)
    assert cards(page)[2:] == [("always", "1"), ("∂L/∂b", number(neuron.bias.grad))]


def test_an_output_without_activation_has_two_factors(page: InThePage) -> None:
    model = page.model
    choose(page, model.layers[2].neurons[0].weights[0])
    values = backward(model, 0)
    assert [text for _, text in cards(page)] == [
        number(values["y"].grad),
        number(values["g1"].data),
        number(model.layers[2].neurons[0].weights[0].grad),
    ]


def test_the_chain_rule_is_mathml(page: InThePage) -> None:
    model = page.model
    choose(page, model.layers[0].neurons[1].weights[0])
    script = """() => {
      const formula = document.querySelector('#why math');
      const fraction = formula.querySelector('mfrac').getBoundingClientRect();
      return [formula.namespaceURI, formula.textContent, fraction.height > 20];
    }"""
    namespace, text, is_laid_out = page.tab.evaluate(script)
    assert namespace == "http://www.w3.org/1998/Math/MathML"
    assert text == "∂L∂w=∂L∂h2·∂h2∂z·∂z∂w"
    assert is_laid_out


def test_the_gradient_of_an_output_comes_back_on_every_line(page: InThePage) -> None:
    model = page.model
    choose(page, model.layers[0].neurons[0].weights[0])
    values = backward(model, 0)
    expected = []
    for name, neuron in zip(("g₁", "g₂"), model.layers[1].neurons, strict=True):
        delta = neuron.bias.grad
        weight = neuron.weights[0].data
        factors = [number(x) if x >= 0 else f"({number(x)})" for x in (delta, weight)]
        expected.append(f"from {name} {factors[0]} × {factors[1]} = {number(delta * weight)}")
    lines = page.tab.inner_text(".paths").split("\n")
    found = [" ".join(lines[k : k + 2]) for k in range(0, len(lines), 2)]
    assert found == expected
    parts = [n.bias.grad * n.weights[0].data for n in model.layers[1].neurons]
    assert bars(page) == [pytest.approx(bar_of(part, parts), abs=0.01) for part in parts]
    assert page.tab.inner_text(".origins p").startswith(f"∂L/∂h₁ = {number(values['h1'].grad)} ")


def test_the_loss_itself_is_explained_at_an_output(page: InThePage) -> None:
    model = page.model
    choose(page, model.layers[2].neurons[0].bias)
    y = backward(model, 0)["y"]
    target = number(SIGNS[0]) if SIGNS[0] >= 0 else f"({number(SIGNS[0])})"
    arithmetic = f"2 × ({number(y.data)} − {target}) = {number(y.grad)}"
    assert page.tab.inner_text(".origins p.sum") == arithmetic
    assert "2(y^−y)" in page.tab.evaluate("document.querySelector('.origins math').textContent")


def test_other_losses_give_the_recorded_number(show: Show) -> None:
    model = tanh_network()
    page = InThePage(show, model, POINTS, SIGNS, loss="absolute_error")
    choose(page, model.layers[2].neurons[0].bias)
    y = backward(model, 0, absolute_error)["y"]
    assert f"∂L/∂ŷ = {number(y.grad)}" in page.tab.inner_text(".origins")


@pytest.mark.parametrize(
    ("make", "bias", "words"), [(tanh_network, 8.0, "saturated"), (relu_network, -8.0, "off here")]
)
def test_a_sentence_says_what_stops_the_gradient(
    show: Show, make: Callable[[], nn.MLP], bias: float, words: str
) -> None:
    model = make()
    neuron = model.layers[0].neurons[0]
    neuron.bias.data = bias
    page = InThePage(show, model, POINTS, SIGNS)
    choose(page, neuron.weights[0])
    assert words in page.tab.inner_text(".verdict-line")


def test_the_sentence_follows_the_sign(page: InThePage) -> None:
    model = page.model
    backward(model, 0)
    signs = set()
    for weight in [w for neuron in model.layers[0].neurons for w in neuron.weights]:
        choose(page, weight)
        way = "Positive: a smaller weight" if weight.grad > 0.0 else "Negative: a larger weight"
        assert page.tab.inner_text(".verdict-line").startswith(way)
        signs.add(way)
    assert len(signs) == 2


def test_every_training_sample_is_a_dot_and_their_mean_is_that_of_a_full_step(show: Show) -> None:
    model = tanh_network()
    page = InThePage(show, model, POINTS, SIGNS)
    page.run("(trainer) => trainer.split(0.25)")
    samples = page.run("(trainer) => [...trainer.trainSamples]")
    weight = model.layers[0].neurons[0].weights[1]
    choose(page, weight)
    page.tab.evaluate("(k) => playground.chooseSample(k)", samples[4])

    model.zero_grad()
    for k in samples:
        mse(model(POINTS[k].tolist()), SIGNS[k]).backward(1.0 / len(samples))
    words = page.tab.inner_text(".samples p")
    assert f"All {len(samples)} training points: their mean, {number(weight.grad)}," in words
    script = """() => [...document.querySelectorAll('.dots g circle')].map((dot) => (
      [Number(dot.dataset.sample), Number(dot.getAttribute('cx'))]
    ))"""
    places = dict(page.tab.evaluate(script))
    assert places.keys() == set(samples)
    leaf = page.snapshot.index[weight]
    gradients = page.run("(trainer, leaf) => [...trainer.gradientsOf(leaf)]", leaf)
    in_order = [k for _, k in sorted(zip(gradients, samples, strict=True))]
    assert all(places[left] <= places[right] for left, right in pairwise(in_order))
    script = """() => ['.dots .ring', ".dots g circle[data-sample='%d']"].map((selector) => {
      const { cx, cy } = document.querySelector(selector).attributes;
      return [Number(cx.value), Number(cy.value)];
    })"""
    ring, dot = page.tab.evaluate(script % samples[4])
    assert ring == pytest.approx(dot, abs=0.1)
    script = "document.querySelector('.dots .mean').transform.baseVal[0].matrix.e"
    among_dots = numpy.interp(weight.grad, sorted(gradients), [places[k] for k in in_order])
    # Dots are in piles: each is up to half a pile beside its gradient.
    assert page.tab.evaluate(script) == pytest.approx(among_dots, abs=3.0)
    assert abs(ring[0] - among_dots) > 10.0


def test_words_compare_the_way_of_a_full_step_with_that_of_the_point(page: InThePage) -> None:
    model = page.model
    weight = model.layers[0].neurons[0].weights[1]
    choose(page, weight)
    own = []
    for k in range(len(POINTS)):
        backward(model, k)
        own.append(weight.grad)
    way = "down" if sum(own) > 0.0 else "up"
    against = [gradient * sum(own) < 0.0 for gradient in own]
    for k in (against.index(True), against.index(False)):
        page.tab.evaluate("(k) => playground.chooseSample(k)", k)
        aside = ", against this point" if against[k] else ""
        assert page.tab.inner_text(".samples p").endswith(f", moves the weight {way}{aside}.")


def test_a_dot_chooses_its_sample(show: Show) -> None:
    model = tanh_network()
    page = InThePage(show, model, POINTS, SIGNS)
    page.tab.dispatch_event(".dots g circle[data-sample='17']", "click")
    assert page.tab.inner_text(".why-head small").endswith("point 17")


def drag(page: InThePage, x: float, *, release: bool = True) -> None:
    script = """([x, release]) => {
      const slider = document.getElementById('try-weight');
      slider.value = x;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      if (release) slider.dispatchEvent(new Event('change', { bubbles: true }));
    }"""
    page.tab.evaluate(script, [x, release])


def test_everything_follows_the_slider_and_goes_back(show: Show) -> None:
    model = tanh_network()
    page = InThePage(show, model, POINTS, SIGNS)
    weight = model.layers[0].neurons[1].weights[0]
    choose(page, weight)
    before = page.run("(trainer) => [...trainer.numbers]")
    was = weight.data
    drag(page, -2.5, release=False)

    weight.data = -2.5
    values = backward(model, 0)
    assert page.tab.inner_text(".neuron.output .value") == number(values["y"].data)
    assert cards(page)[-1] == ("∂L/∂w", number(weight.grad))
    losses = [mse(model(x.tolist()), y).data for x, y in zip(POINTS, SIGNS, strict=True)]
    assert page.tab.inner_text(".key-of-train b") == number(sum(losses) / len(losses))
    assert "Training goes on from this weight" in page.tab.inner_text(".tried")

    assert page.tab.inner_text(".tried button") == f"back to {number(was)}"
    page.tab.click(".tried button")
    assert page.run("(trainer) => [...trainer.numbers]") == before
    assert not page.tab.is_visible(".tried")


def test_escape_on_the_slider_puts_the_weight_back(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    before = page.run("(trainer) => [...trainer.numbers]")
    page.tab.focus("#try-weight")
    page.opened.press("ArrowRight", "ArrowRight")
    assert page.run("(trainer) => [...trainer.numbers]") != before
    page.opened.press("Escape")
    assert page.run("(trainer) => [...trainer.numbers]") == before


def test_training_goes_on_from_a_weight_that_was_tried(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared)
    weight = model.layers[0].neurons[2].weights[1]
    choose(page, weight)
    drag(page, 1.75)
    page.tab.click("#train-epoch")
    weight.data = 1.75
    page.fit(model, epochs=1)
    assert page.numbers(model) == [parameter.data for parameter in model.parameters()]
    assert not page.tab.is_visible(".tried")
