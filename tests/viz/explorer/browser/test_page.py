"""The page in a browser: what it draws, its panels, keys, steps, links, themes and numbers."""

import re
from collections import Counter
from collections.abc import Callable
from math import isfinite
from random import Random
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.core.ops import TANH
from scalargrad.nn import MLP
from tests.viz.graphs import chain, network, neuron
from viz.look.measures import FONT_SIZES
from viz.look.text import clean, fit_text, number, width
from viz.look.theme import LIGHT, color, edge_width, shade

Show = Callable[..., Any]
Keep = Callable[..., Any]


def index(root: Value, label: str) -> int:
    return next(i for i, node in enumerate(topological([root])) if node.label == label)


def waves(root: Value) -> list[list[Value]]:
    """The operations of each wave: those that are equally far from the root, by the longest way."""
    order = topological([root])
    distance = dict.fromkeys(order, 0)
    for node in reversed(order):
        for arg in node.args:
            distance[arg] = max(distance[arg], distance[node] + 1)
    found: dict[int, list[Value]] = {}
    for node in reversed(order):
        if node.args:
            found.setdefault(distance[node], []).append(node)
    return [found[key] for key in sorted(found)]


def operations_by_wave(root: Value) -> list[Value]:
    return [node for wave in waves(root) for node in wave]


def partial_gradients(root: Value, steps: int) -> list[float]:
    """The gradients after so many steps of the backward pass, by the rule of the textbook."""
    order = topological([root])
    found = dict.fromkeys(order, 0.0)
    found[root] = 1.0
    for node in operations_by_wave(root)[:steps]:
        for arg, partial in zip(node.args, node.partials, strict=True):
            found[arg] += found[node] * partial
    return list(found.values())


def test_every_value_is_drawn_with_its_numbers(show: Show) -> None:
    root = neuron()
    page = show(viz.explore(root))
    for i, node in enumerate(topological([root])):
        spoken = page.tab.get_attribute(f"#v{i}", "aria-label")
        assert spoken.endswith(f"data {number(node.data)}, gradient {number(node.grad)}")
    assert page.tab.locator(".node").count() == 10
    assert page.tab.locator(".edge").count() == sum(len(node.args) for node in topological([root]))


def test_a_value_used_twice_has_two_edges_and_a_sum(show: Show) -> None:
    a = Value(3.0, label="a")
    square = a * a
    square.backward()
    page = show(viz.explore(square), "value=0")
    assert page.tab.locator(".edge").count() == 2
    assert page.tab.locator(".why tbody tr").count() == 2


@pytest.mark.parametrize("label", ["x1", "w1", "x2", "w2", "b", "n", "o"])
def test_the_panel_tells_all_digits_and_why(keep: Keep, label: str) -> None:
    root = neuron()
    at = index(root, label)
    node = topological([root])[at]
    page = keep("panel", lambda: viz.explore(root))
    page.visit(f"value={at}")
    assert [text.strip() for text in page.tab.locator(".numbers code").all_inner_texts()] == [
        repr(node.data),
        repr(node.grad),
    ]
    assert page.text("#why-sum") == number(node.grad)
    shares = [
        page.text(f".why >> nth=0 >> tbody tr:nth-child({k + 1}) td:last-child") for k in range(1)
    ]
    assert shares == [number(node.grad)]
    assert page.text("#panel h2") == label


def test_what_leaves_kept_from_an_earlier_pass_is_said(show: Show) -> None:
    x = Value(3.0, label="x")
    y = x * 2
    y.backward()
    y.backward()
    page = show(viz.explore(y), "value=0")
    assert "earlier passes" in page.text("#panel")
    assert page.text("#why-sum") == "4"


def test_a_leaf_that_was_changed_later_keeps_the_local_derivatives_of_then(show: Show) -> None:
    x, w = Value(3.0, label="x"), Value(2.0, label="w")
    y = x * w
    x.data = 100.0
    y.backward()
    page = show(viz.explore(y), f"value={index(y, 'w')}")
    assert w.grad == 3.0
    assert page.text("#why-sum") == "3"


def test_one_step_is_counted_in_the_singular(show: Show) -> None:
    root = Value(2.0) * Value(3.0)
    assert show(viz.explore(root)).text("#step-text") == "1 step"
    assert show(viz.explore(root + 1.0)).text("#step-text") == "2 steps"


@pytest.mark.parametrize("make", [neuron, lambda: network([3, 1])], ids=["neuron", "network"])
def test_stepping_shows_the_gradients_so_far(show: Show, make: Callable[[], Value]) -> None:
    root = make()
    order = topological([root])
    total = sum(1 for node in order if node.args)
    page = show(viz.explore(root), "step=0")
    script = """() => [...document.querySelectorAll('.node[id^=v]')].map((node) => (
      [node.id, node.ariaLabel]
    ))"""
    for step in range(total + 1):
        assert page.text("#step-text") == f"{step} of {total}"
        expected = partial_gradients(root, step)
        told = page.tab.evaluate(script)
        assert told
        for name, words in told:
            assert words.endswith(f"gradient {number(expected[int(name[1:])])}")
        page.press(".")
    page.press(",", ",")
    assert page.text("#step-text") == f"{total - 2} of {total}"


def test_a_step_writes_its_arithmetic_on_the_edges(show: Show) -> None:
    page = show(viz.explore(neuron()), "step=5")
    assert page.tab.locator(".plate.active").all_text_contents() == [
        "0.5 × (−3) = −1.5",
        "0.5 × 2 = 1",
    ]
    assert "x1.grad += 0.5 × (−3) = −1.5" in page.text("#caption")


def test_a_second_share_is_added_to_the_first(show: Show) -> None:
    a = Value(3.0, label="a")
    b = a * 2
    total = a + b
    total.backward()
    page = show(viz.explore(total), "step=2")
    assert "a.grad += 1 × 2 = 2 → 1 + 2 = 3" in page.text("#caption")


def test_playing_runs_to_the_end_and_pauses(show: Show) -> None:
    page = show(viz.explore(neuron()))
    page.tab.focus("#drawing")
    page.press("Space")
    page.tab.locator("#step-text", has_text="2 of").wait_for()
    page.press("Space")
    assert page.text("#play").endswith("play")
    page.press("Escape")
    assert page.text("#step-text") == "5 steps"


def test_the_cone_dims_what_is_not_in_it(show: Show) -> None:
    root = neuron()
    page = show(viz.explore(root), f"value={index(root, 'w1')}")
    lit = {i for i in range(10) if "dim" not in page.tab.get_attribute(f"#v{i}", "class").split()}
    order = topological([root])
    w1 = order[index(root, "w1")]
    expected = {i for i, node in enumerate(order) if w1 in topological([node])}
    assert lit == expected


def test_finding_by_label_operation_and_module(show: Show) -> None:
    root = network([3, 1])
    page = show(viz.explore(root))
    order = topological([root])
    page.press("/")
    page.tab.keyboard.type("tanh")
    assert page.text("#found") == f"{sum(node.op == TANH.name for node in order)} found"
    page.press("Enter")
    assert page.text("#found").startswith("1 of")
    assert page.tab.locator(".node.selected").count() == 1
    page.tab.fill("#find", "layers.0.neurons.1 parameter")
    assert page.text("#found") == "3 found"
    page.press("Escape")
    assert page.tab.input_value("#find") == ""


def test_a_walk_by_keyboard(show: Show) -> None:
    page = show(viz.explore(neuron()))
    page.tab.focus("#drawing")
    seen = []
    for key in [
        "ArrowLeft",
        "ArrowLeft",
        "ArrowDown",
        "ArrowUp",
        "ArrowLeft",
        "ArrowLeft",
        "ArrowDown",
        "ArrowRight",
        "ArrowRight",
    ]:
        page.press(key)
        seen.append(page.text("#panel h2"))
    total, second = "x1·w1 + x2·w2", "x2·w2"
    assert seen == ["o", "n", "n", "n", total, "x1·w1", second, total, "n"]
    assert page.tab.get_attribute("#drawing", "aria-activedescendant") == page.tab.locator(
        ".node.selected"
    ).get_attribute("id")
    page.press("Escape")
    assert page.text("#panel h2") == "o"
    page.press("?")
    assert page.tab.is_visible("#keys")
    page.press("Escape")
    assert not page.tab.is_visible("#keys")


def test_the_focus_can_be_seen_and_every_control_has_a_name(show: Show) -> None:
    page = show(viz.explore(network([4, 4, 1])))
    page.press("Tab", "Tab")
    assert page.tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    nameless = """[...document.querySelectorAll('button, input, select, [role=button], svg[role]')]
      .filter((one) => one.offsetParent !== null)
      .filter((one) => !(one.textContent.trim() || one.ariaLabel))
      .filter((one) => !(one.getAttribute('aria-label') || one.labels?.length))
      .map((one) => one.outerHTML)"""
    assert page.tab.evaluate(nameless) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_themes_follow_the_reader_and_the_switch(show: Show, theme: str) -> None:
    page = show(viz.explore(neuron()), theme=theme)
    background = "getComputedStyle(document.body).backgroundColor"
    colors = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}
    assert page.tab.evaluate(background) == colors[theme]
    page.tab.click("#theme")
    other = "dark" if theme == "light" else "light"
    assert page.tab.evaluate(background) == colors[other]
    assert f"theme={other}" in page.moment()


def test_the_link_brings_the_moment_back(show: Show) -> None:
    page = show(viz.explore(network([4, 4, 1])), "step=17&value=20&theme=dark")
    link = page.moment()
    page.go(link)
    assert page.text("#step-text").startswith("17 of")
    assert page.tab.locator("#v20.selected").count() == 1
    assert page.tab.get_attribute("html", "data-theme") == "dark"


@pytest.mark.parametrize(
    "link",
    [
        "step=-1",
        "step=1e9&value=x",
        "value=99999",
        "open=__proto__.5.-1",
        "what-if=<script>",
        "frame=nan&compare=7",
        "%00%ff",
        "theme=constructor",
    ],
)
def test_a_broken_link_is_passed_over(show: Show, link: str) -> None:
    assert show(viz.explore(neuron()), link).text("#step-text").endswith("steps")


def test_boxes_open_and_close_by_click_and_key(show: Show) -> None:
    page = show(viz.explore(network([16, 16, 1])))
    page.tab.select_option("#detail", "1")
    assert page.tab.locator(".closed").count() == 33
    page.tab.click("#f4")
    assert page.tab.locator(".closed").count() == 32
    inside = page.tab.locator(".node:not(.closed)").count()
    page.press("Enter")
    assert page.tab.locator(".closed").count() == 33
    page.press("Space")
    assert page.tab.locator(".node:not(.closed)").count() == inside
    page.tab.select_option("#detail", "0")
    assert page.tab.locator(".closed").count() == 3
    page.tab.select_option("#detail", "2")
    assert page.tab.locator(".closed").count() == 0


def test_a_closed_box_says_its_parameters_and_the_gradient_of_its_output(show: Show) -> None:
    root = network([16, 16, 1])
    page = show(viz.explore(root))
    page.tab.select_option("#detail", "1")
    order = topological([root])
    hidden = [number(node.grad) for node in order if node.op == TANH.name]
    texts = page.tab.locator(".closed .detail").all_text_contents()
    found = [re.fullmatch(r"∂ (\S+) · (\d+) parameters", text).groups() for text in texts]
    others = Counter(gradient for gradient, _ in found) - Counter(hidden)
    assert len(found) == len(hidden) + 1 == 33
    assert sum(others.values()) == 1  # the output neuron, which has no tanh
    assert sum(int(count) for _, count in found) == 337


def rgb(code: str) -> str:
    return f"rgb({', '.join(str(int(code[at : at + 2], 16)) for at in (1, 3, 5))})"


def test_the_strip_of_a_closed_box_has_the_color_of_its_number(show: Show) -> None:
    model = MLP(2, [2, 1], "tanh", seed=1)
    out = model([1.0, -2.0])
    out.backward()
    model.layers[0].neurons[1].bias.grad = float("nan")
    page = show(viz.explore(out), "open=0.1")
    strips = page.tab.evaluate("""() => [...document.querySelectorAll('.closed')].map((box) => {
      const { fill } = getComputedStyle(box.querySelector('path'));
      return [box.querySelector('.detail').textContent, fill, box.classList.contains('alarm')];
    })""")
    hidden = [node for node in topological([out]) if node.op == TANH.name][:2]
    largest = largest_of(out)
    expected = {
        f"∂ {number(node.grad)} · 3 parameters": rgb(color(shade(node.grad, largest), LIGHT))
        for node in hidden
    }
    found = {text: fill for text, fill, _ in strips}
    assert {text: found[text] for text in expected} == expected
    assert [alarm for _, _, alarm in strips].count(True) == 1


def test_nothing_overlaps_whatever_is_open(show: Show) -> None:
    page = show(viz.explore(network([4, 3, 1])))
    overlaps = """() => {
      const nodes = [...document.querySelectorAll('.node')];
      const frames = nodes.map((node) => node.querySelector('.frame') ?? node);
      const boxes = frames.map((frame) => frame.getBoundingClientRect());
      let found = 0;
      boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 1) found += 1;
      }));
      return found;
    }"""
    assert page.tab.evaluate(overlaps) == 0
    for fold in (1, 3, 5, 2):
        header = page.tab.locator(f'.header[data-fold="{fold}"]')
        if header.count():
            header.dispatch_event("click")
            assert page.tab.evaluate(overlaps) == 0


def test_a_thousand_drawn_values_stay_fluid(show: Show) -> None:
    page = show(viz.explore(network([16, 16, 1])))
    page.tab.select_option("#detail", "2")
    took = page.tab.evaluate("""() => {
      const start = performance.now(), slider = document.querySelector('#step');
      for (let k = 0; k < 20; k += 1) {
        slider.value = 30 * k;
        slider.dispatchEvent(new Event('input'));
      }
      return (performance.now() - start) / 20;
    }""")
    print(f"a step of 982 drawn values: {took:.1f} ms")
    assert took < 250.0  # generous: the machine may be busy


def test_close_up_chips_become_cards(show: Show) -> None:
    root = network([4, 1])
    page = show(viz.explore(root))
    page.tab.select_option("#detail", "2")
    assert page.tab.locator(".mini").count() == 0
    for _ in range(8):
        page.press("+")
    assert page.tab.locator(".mini").count() == len(topological([root]))
    assert page.tab.locator(".mini").first.is_visible()


def test_a_long_chain_arrives_as_one_box_of_its_links(show: Show) -> None:
    page = show(viz.explore(chain(1000)))
    assert page.tab.locator(".closed").count() == 1
    details = page.tab.locator("#detail option").all_inner_texts()
    assert details[:2] == ["chain", "links"]
    page.tab.select_option("#detail", "1")
    assert page.tab.locator(".closed").count() > 1
    page.press("/")
    page.tab.keyboard.type("sin")
    page.press("Enter")
    assert page.tab.locator(".node.selected").count() == 1


def without_repetition(length: int) -> Value:
    """A long graph whose steps follow one another in no order."""
    rng = Random(0)
    y = x = Value(1.0, label="x")
    for _ in range(length):
        step = rng.choice([Value.sin, Value.cos, Value.tanh, lambda v: v + x])
        y = step(y)
    return y


def test_long_graphs_without_modules_arrive_in_parts(show: Show) -> None:
    page = show(viz.explore(without_repetition(1000)))
    assert 2 <= page.tab.locator(".closed").count() <= 20
    assert "0 of 1,001" in page.text("#panel")
    page.press("/")
    page.tab.keyboard.type("sin")
    page.press("Enter")
    assert page.tab.locator(".node.selected").count() == 1


def test_an_untouched_model_is_seeded_with_one(show: Show) -> None:
    x = Value(2.0, label="x")
    page = show(viz.explore(x * x * x), "value=0")
    assert [text.strip() for text in page.tab.locator(".numbers code").all_inner_texts()] == [
        "2.0",
        "12.0",
    ]


def test_nan_and_inf_raise_an_alarm(show: Show) -> None:
    x = Value(-1.0, label="x")
    y = sg.log(x)
    y.backward()
    page = show(viz.explore(y))
    assert page.tab.locator(".alarm").count() == 1
    assert "nan" in page.tab.get_attribute("#v1", "aria-label")


def test_the_source_line_is_shown_without_its_folder(show: Show) -> None:
    with sg.detect_anomaly():
        y = Value(2.0) * 3.0
    y.backward()
    page = show(viz.explore(y), "value=2")
    assert re.fullmatch(r"test_page\.py:\d+: y = Value\(2\.0\) \* 3\.0", page.text(".source"))


def test_the_line_that_made_a_value_is_shown_with_its_variable(show: Show) -> None:
    with sg.trace_calls():
        x = Value(2.0, label="x")
        q = x * 3.0
        y = q * q
    y.backward()
    page = show(viz.explore(y), "value=2")
    assert re.fullmatch(r"test_page\.py:\d+: q = x \* 3\.0", page.text(".source"))
    assert "given to q" in page.text("#panel")


def test_the_result_of_a_call_has_the_variable_of_the_caller(show: Show) -> None:
    def double(x: Value) -> Value:
        return x * 2.0

    with sg.trace_calls():
        q = double(Value(2.0))
        y = q * q
    page = show(viz.explore(y), "value=2")
    assert "return x * 2.0" in page.text(".source")
    assert "given to q" in page.text("#panel")


def test_names_leave_out_the_zero_that_a_sum_begins_with(show: Show) -> None:
    x = [Value(2.0, label="a"), Value(3.0, label="b")]
    y = sum(x) * 2
    page = show(viz.explore(y), "value=4")
    assert page.text("#panel h2") == "a + b"


def test_a_leaf_has_its_line_but_no_second_name(show: Show) -> None:
    with sg.trace_calls():
        x = Value(2.0, label="x")
    y = x * 3.0
    page = show(viz.explore(y), "value=0")
    assert 'x = Value(2.0, label="x")' in page.text(".source")
    assert "given to" not in page.text("#panel")


def test_without_a_line_nothing_is_said_of_one(show: Show) -> None:
    page = show(viz.explore(neuron()), "value=0")
    assert page.tab.locator(".source").count() == 0
    assert "Line of code" not in page.text("#panel")


def test_the_tip_of_a_chip_has_the_line_that_made_it(show: Show) -> None:
    with sg.trace_calls():
        y = x = Value(0.5, label="x")
        for _ in range(60):
            y = y * 1.5 + x
    page = show(viz.explore(y))
    page.tab.locator(".node").last.hover()
    assert re.search(r"made at test_page\.py:\d+: y = y \* 1\.5 \+ x", page.text("#tip"))


def test_in_a_notebook_frame_the_page_works(open_tab: Callable[..., Any]) -> None:
    tab = open_tab("light")
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.set_content(viz.explore(neuron())._repr_html_())
    frame = tab.frame_locator("iframe")
    frame.locator("body[data-ready]").wait_for()
    frame.locator("#v0").click()
    assert frame.locator("#panel h2").inner_text() == "x1"
    assert not tab.locator("img").is_visible()
    assert tab.locator("iframe").bounding_box()["width"] == tab.evaluate("innerWidth") - 16
    tab.close()
    assert said == []


def test_in_a_notebook_that_is_not_trusted_a_picture_is_seen(open_tab: Callable[..., Any]) -> None:
    tab = open_tab("light")
    html = viz.explore(neuron())._repr_html_()
    # What is left when frames and styles are dropped.
    tab.set_content(re.sub(r"(?s)<iframe.*</iframe>|<style>.*</style>", "", html))
    assert tab.locator("img").is_visible()
    assert tab.get_by_text("Trust Notebook").is_visible()
    tab.close()


@pytest.mark.parametrize("make", [neuron, lambda: chain(8)], ids=["neuron", "chain"])
def test_lines_are_as_wide_as_the_scale_of_all_pictures_says(
    show: Show, make: Callable[[], Value]
) -> None:
    root = make()
    page = show(viz.explore(root))
    widths = [
        edge_width(local * node.grad, largest_of(root))
        for node in topological([root])
        for local in node.partials
    ]
    assert sorted(line_widths(page)) == pytest.approx(sorted(widths), abs=0.011)


def test_lines_are_as_wide_as_in_the_picture(show: Show) -> None:
    root = neuron()
    svg = viz.draw(root, level="cards").svg()
    curves = re.findall(
        r'fill="none" stroke="[^"]*"(?: class="[^"]*")? stroke-width="([\d.]+)"'
        r'(?: stroke-dasharray="4 3")?/>',
        svg,
    )
    assert set(line_widths(show(viz.explore(root)))) <= set(map(float, curves))


def line_widths(page: Any) -> list[float]:
    found = page.tab.evaluate(
        "[...document.querySelectorAll('.edge')].map((edge) => edge.getAttribute('stroke-width'))"
    )
    return list(map(float, found))


def largest_of(root: Value) -> float:
    """The largest finite |gradient|, without the seed."""
    return max(abs(node.grad) for node in topological([root])[:-1] if isfinite(node.grad))


@pytest.mark.parametrize(
    "label",
    [
        "i" * 60,
        "W" * 60,
        "日本語の重み" * 8,
        "é·−ïŵ ∂Ж" * 6,
        "a long label of some words, and more of them",
    ],
)
def test_labels_are_cut_where_the_tables_cut_them(show: Show, label: str) -> None:
    x = Value(2.0, label=label)
    y = x * 3.0
    y.backward()
    page = show(viz.explore(y))
    at = index(y, label)
    room = page.tab.evaluate(f"document.querySelector('#v{at} .frame').getBBox().width")
    badge = max(30.0, width("in", FONT_SIZES.symbol, bold=True) + 14)
    shown = page.tab.evaluate(f"document.querySelector('#v{at} .title').textContent")
    assert shown == fit_text(clean(label), FONT_SIZES.label, room - badge - 16, bold=True)
