"""The layer view: what it says of each layer, against NumPy."""

import math
from random import Random
from xml.etree import ElementTree

import numpy as np
import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.errors import PictureError
from scalargrad.nn import (
    MLP,
    Attention,
    BatchNorm,
    Conv,
    Dropout,
    Embedding,
    Layer,
    Module,
    Neuron,
    PositionEmbedding,
    Recurrent,
    Residual,
    RMSNorm,
    RNNCell,
    Sequential,
    TimeDistributed,
)
from tests.viz.graphs import chain, classified, network, remembered, seen, skipped, steps, wide
from viz.layout.layer_cards import caption, place_pieces
from viz.look.text import number
from viz.model.heatmap import BINS, Map
from viz.model.layer_card import Bar, LayerCard
from viz.render.svg_charts import draw_bars
from viz.render.svg_writer import SvgWriter
from viz.views.choose import choose_pictures

NS = "{http://www.w3.org/2000/svg}"


def picture(target, **options):
    return choose_pictures(target, **options)[0]


def cards(target, **options):
    return {card.title: card for card in picture(target, level="layers", **options).cards}


def flows(shown):
    titles = {card.id: card.title for card in shown.cards}
    return {
        (titles[edge.source], titles[edge.target]): (edge.count, edge.flow) for edge in shown.edges
    }


def array(shown):
    return np.array(shown.numbers).reshape(shown.rows, shown.columns)


def rows_of_tiles(shown: Map, count: int, side: int) -> np.ndarray:
    """The weights of each unit, read back from images beside and below each other."""
    gap = max(1, side // 14)
    across = (shown.columns + gap) // (side + gap)
    grid = array(shown)
    rows = []
    for i in range(count):
        top, left = (place * (side + gap) for place in divmod(i, across))
        rows.append(grid[top : top + side, left : left + side].ravel())
    return np.array(rows)


class ByHand:
    """A network of 49, 60 and 3 with relu and cross-entropy, forward and back in NumPy."""

    def __init__(self) -> None:
        self.model, rng, self.target = MLP(49, [60, 3], seed=1), Random(5), 1
        self.x = np.array([rng.random() for _ in range(49)])
        self.loss = classified(self.model, self.x.tolist(), self.target)
        self.W = [
            np.array([[w.data for w in unit.weights] for unit in layer.neurons])
            for layer in self.model.layers
        ]
        self.h = np.maximum(self.W[0] @ self.x, 0.0)
        self.logits = self.W[1] @ self.h
        shares = np.exp(self.logits) / np.exp(self.logits).sum()
        self.back = [None, shares - np.eye(3)[self.target]]
        self.at_h = self.W[1].T @ self.back[1]
        self.back[0] = self.at_h * (self.h > 0)
        self.dW = [np.outer(self.back[0], self.x), np.outer(self.back[1], self.h)]


@pytest.fixture(scope="module")
def by_hand():
    return ByHand()


@pytest.mark.parametrize("i", [0, 1])
def test_the_maps_are_the_weights_and_their_gradients(by_hand, i):
    weights, slopes = cards(by_hand.loss)[f"layers.{i}"].maps
    assert (weights.name, slopes.name) == ("W", "∂loss/∂W")
    # Weights of 49 inputs, a square, are images; those of 60 are rows.
    read = (lambda shown: rows_of_tiles(shown, 60, 7)) if i == 0 else array
    assert np.array_equal(read(weights), by_hand.W[i])
    assert read(slopes) == pytest.approx(by_hand.dW[i], abs=1e-15)


def test_maps_of_one_kind_have_one_scale_with_its_end_in_the_caption(by_hand):
    found = cards(by_hand.loss)
    largest = max(np.abs(weights).max() for weights in by_hand.W)
    for i in (0, 1):
        shown = found[f"layers.{i}"].maps[0]
        assert shown.largest == pytest.approx(largest)
        assert caption(shown).endswith(f", ±{number(largest)}")


def test_pixels_are_gray_and_what_has_a_sign_is_not(by_hand):
    pixels, slopes = cards(by_hand.loss)["input"].maps
    assert (pixels.is_gray, slopes.is_gray) == (True, False)
    assert caption(pixels).startswith("x, 0 to ")


def test_a_histogram_of_a_few_numbers_is_left_out():
    few, many = cards(network([4, 8, 1]))["layers.0"], cards(network([15, 8, 1]))["layers.0"]
    assert (len(few.histograms), len(many.histograms)) == (0, 2)


@pytest.mark.parametrize("i", [0, 1])
def test_the_numbers_of_a_layer(by_hand, i):
    card = cards(by_hand.loss)[f"layers.{i}"]
    found, slopes = (
        card.statistics,
        np.hstack([by_hand.dW[i], by_hand.back[i][:, None]]),
    )  # the gradient of a bias is that of its sum
    assert found.parameters == slopes.size
    assert found.units == len(slopes)
    assert found.gradient_norm == pytest.approx(np.sqrt((slopes**2).sum()))
    assert found.zero_gradients == pytest.approx(np.mean(slopes == 0.0))
    assert found.ratio == pytest.approx(
        np.linalg.norm(by_hand.dW[i]) / np.linalg.norm(by_hand.W[i])
    )
    assert found.dead == ((by_hand.h == 0.0).sum() if i == 0 else 0)
    assert 0 < cards(by_hand.loss)["layers.0"].statistics.dead < 60
    facts = dict(card.facts)
    assert ("off units" in facts) == (i == 0)  # no unit of a linear layer can be dead
    assert facts["zero gradients"] == f"{np.mean(slopes == 0.0):.0%}"


@pytest.mark.parametrize("i", [0, 1])
def test_histograms_count_by_size_and_zeros_apart(by_hand, i):
    for histogram, numbers in zip(
        cards(by_hand.loss)[f"layers.{i}"].histograms, (by_hand.W[i], by_hand.dW[i]), strict=True
    ):
        numbers, largest = numbers.ravel(), np.abs(numbers).max()
        counts = [0] * BINS
        for x in numbers[numbers != 0.0]:
            counts[min(BINS - 1, math.floor((x / largest + 1.0) / 2.0 * BINS))] += 1
        assert histogram.zeros == (numbers == 0.0).sum()
        assert histogram.largest == pytest.approx(largest)
        assert sum(histogram.counts) + histogram.zeros == numbers.size
        assert (
            sum(abs(a - b) for a, b in zip(histogram.counts, counts, strict=True)) <= 2
        )  # on the edge of two bars


def test_units_have_their_outputs_and_gradients(by_hand):
    found = cards(by_hand.loss)
    for title, out, grad in (
        ("layers.0", by_hand.h, by_hand.at_h),
        ("layers.1", by_hand.logits, by_hand.back[1]),
    ):
        columns = found[title].columns
        assert [column.name for column in columns] == ["out", "grad"]
        assert columns[0].numbers == pytest.approx(out)
        assert columns[1].numbers == pytest.approx(grad, abs=1e-15)
    assert [bar.data for bar in found["loss"].bars] == pytest.approx(by_hand.logits)
    assert [bar.grad for bar in found["loss"].bars] == pytest.approx(by_hand.back[1])


def test_an_input_whose_length_is_a_square_is_an_image(by_hand):
    x, slopes = cards(by_hand.loss)["input"].maps
    assert (x.rows, x.columns) == (7, 7)
    assert x.numbers == pytest.approx(by_hand.x)
    assert slopes.numbers == pytest.approx(by_hand.W[0].T @ by_hand.back[0])
    short = cards(network([16, 16, 1]))["input"]
    assert (short.maps, short.columns[0].numbers, short.columns[0].labels) == (
        (),
        (0.24, 0.155),
        ("x0", "x1"),
    )


def test_arrows_say_how_many_numbers_go_and_what_comes_back(by_hand):
    found = flows(picture(by_hand.loss))
    assert {ends: count for ends, (count, _) in found.items()} == {
        ("input", "layers.0"): 49,
        ("layers.0", "layers.1"): 60,
        ("layers.1", "loss"): 3,
    }
    slopes = by_hand.W[0].T @ by_hand.back[0], by_hand.at_h, by_hand.back[1]
    assert [flow for _, flow in found.values()] == pytest.approx(
        [np.linalg.norm(slope) for slope in slopes]
    )


# When it is chosen


@pytest.mark.parametrize(
    ("inputs", "sizes", "level"),
    [
        (64, [16, 10], "neurons"),
        (300, [16, 10], "neurons"),
        (8, [49, 1], "layers"),
        (8, [48, 1], "neurons"),
        (200, [26, 1], "layers"),
    ],
)
def test_the_layers_are_drawn_where_neurons_would_be_too_many(inputs, sizes, level):
    model = MLP(inputs, sizes, seed=0)
    loss = (
        classified(model, [0.1 * i for i in range(inputs)], 0)
        if sizes[-1] > 1
        else model([0.1] * inputs)
    )
    assert picture(loss).level == level
    assert picture(model).level == level
    assert picture(loss, level="neurons").level == "neurons"
    assert picture(loss, level="layers").level == "layers"


def test_what_no_module_made_has_no_layers():
    with pytest.raises(PictureError, match="no module made any of this graph"):
        viz.draw(chain(50), level="layers")


def drawn_steps(inputs):
    """How long the document of a network of so many inputs is, and how many steps it takes."""
    rng, documents = Random(0), []
    loss = classified(MLP(inputs, [50, 10], seed=0), [rng.random() for _ in range(inputs)], 3)
    count = steps(lambda: documents.append(viz.draw(loss).svg()))
    return len(documents[0]), count


def test_a_large_network_takes_steps_in_proportion_and_is_drawn_small():
    (_, few), (size, many) = drawn_steps(49), drawn_steps(196)
    assert many < 5 * few
    assert size < 300_000


# Several calls, and other kinds of layers


def test_samples_are_columns_and_very_many_are_means():
    model, rng = MLP(2, [3, 1], activation="tanh", seed=1), Random(1)
    for count in (5, 70):
        samples = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(count)]
        loss = sg.mean([model(x) ** 2 for x in samples])
        model.zero_grad()
        loss.backward()
        weights = np.array([[w.data for w in unit.weights] for unit in model.layers[0].neurons])
        hidden = np.tanh(np.array(samples) @ weights.T).T
        out = cards(loss)["layers.0"].columns[0]
        assert array(out) == pytest.approx(
            hidden if count == 5 else hidden.mean(axis=1, keepdims=True)
        )
        assert flows(picture(loss, level="layers"))["layers.0", "layers.1"][0] == 3
    assert "means over up to 70 samples" in " ".join(picture(loss, level="layers").notes)


def test_steps_of_a_sequence_are_columns_in_their_order():
    cell, x = RNNCell(1, 3, seed=4), [0.3, -0.8, 0.5, 0.1]
    outputs = Recurrent(cell)([[number] for number in x])
    sg.sum([y for step in outputs for y in step]).backward()
    loss = sg.sum([y for step in outputs for y in step])
    weights, h, steps = (
        np.array([[w.data for w in unit.weights] for unit in cell.units.neurons]),
        np.zeros(3),
        [],
    )
    for x_now in x:
        h = np.tanh(weights @ np.array([x_now, *h]))
        steps.append(h)
    found = cards(loss)
    assert array(found["cell.units"].columns[0]) == pytest.approx(np.array(steps).T)
    assert found["input"].columns[0].numbers == pytest.approx(x)
    assert flows(picture(loss, level="layers"))["cell.units", "cell.units"][0] == 3


def test_a_cell_is_one_card_with_its_gates():
    found = cards(remembered())
    card = found["steps.0.cell"]
    assert (card.maps[0].rows, card.maps[0].columns) == (12, 5)
    assert {name for name, text in card.facts if text.startswith("rows")} == {
        "input_gate",
        "forget_gate",
        "candidate",
        "output_gate",
    }
    out = card.columns[0]
    assert (out.rows, out.columns) == (6, 5)
    assert out.missing == (19, 24, 29)  # what the cell remembers in the end is not used
    assert set(found) == {"input", "steps.0.cell", "steps.1", "loss"}


def test_a_convolution_shows_its_maps():
    found = cards(seen())
    assert found["steps.0"].line == "Conv 9 → 4×6×6, relu"
    assert found["steps.0"].maps[0].note == "4 kernels of 3×3"
    assert found["steps.1"].line == "MaxPool 144 → 4×3×3, max"
    assert found["steps.1"].statistics.parameters == 0
    assert found["steps.3"].maps[0].name == "scale"
    out = found["steps.0"].columns[0]
    assert out.rows * out.columns - len(out.missing) == 4 * 36
    grid, holes = array(out), np.zeros(out.rows * out.columns, dtype=bool)
    holes[list(out.missing)] = True
    pooled = array(found["steps.1"].columns[0])
    assert pooled[0, 0] == grid[:2, :2].max()  # the pool takes the largest of four
    assert not holes.reshape(grid.shape)[:6, :6].any()


def test_the_weights_of_a_filter_stand_in_order_though_the_edge_meets_few():
    conv = Conv(1, 3, 3, padding=1, seed=2)
    loss = sg.sum(
        [
            y
            for grid in conv([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
            for row in grid
            for y in row
        ]
    )
    loss.backward()
    weights, slopes = cards(loss)["Conv"].maps
    assert rows_of_tiles(weights, 3, 3).tolist() == [
        [weight.data for weight in unit.weights] for unit in conv.filters
    ]
    assert rows_of_tiles(slopes, 3, 3).tolist() == [
        [weight.grad for weight in unit.weights] for unit in conv.filters
    ]


def test_a_layer_passed_by_has_an_arrow_above_it():
    shown = picture(skipped(), level="layers")
    found = flows(shown)
    assert found["first", "out"][0] == 5
    assert found["second", "out"][0] == 5
    routes = dict(
        zip(
            ((edge.source, edge.target) for edge in shown.edges),
            viz.draw(skipped(), level="layers").placed.routes,
            strict=True,
        )
    )
    assert len(routes["l0", "l2"]) == 4
    assert len(routes["l0", "l1"]) == 2


def test_modules_of_other_kinds():
    model = Sequential(
        Embedding(5, 3),
        lambda rows: [*rows[0], *rows[1]],
        Layer(6, 8),
        Dropout(0.5),
        Layer(8, 4, activation="softmax"),
    )
    p = model([1, 3])
    loss = -sg.log(p[2])
    loss.backward()
    found = cards(loss)
    assert found["learned vectors"].line == "6 numbers"
    assert (found["steps.2"].maps[0].rows, found["steps.2"].maps[0].columns) == (8, 6)
    assert found["steps.3"].line == "Dropout 8 → 8"
    assert (
        found["steps.4"].columns[0].rows == 4
    )  # one of four probabilities leaves, so the four sums are shown
    norm = Sequential(Layer(2, 3, activation=None), BatchNorm(3), Layer(3, 1, activation=None))
    out = sg.sum([y[0] for y in norm.batch([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0], [1.0, 1.0]])])
    out.backward()
    column = array(cards(out)["steps.1"].columns[0])
    assert column.shape == (3, 4)
    assert column.mean(axis=1) == pytest.approx(0.0, abs=1e-12)


def test_attention_is_one_card_with_its_layers():
    model = Sequential(
        Embedding(5, 4, seed=1),
        PositionEmbedding(3, 4, seed=2),
        Residual(TimeDistributed(RMSNorm(4)), Attention(4, 2, causal=True, seed=3)),
        TimeDistributed(Layer(4, 5, activation=None, seed=4)),
    )
    loss = sg.sum([y for row in model([2, 0, 1]) for y in row])
    loss.backward()
    found = cards(loss)
    assert (found["steps.2.steps.1"].maps[0].rows, found["steps.2.steps.1"].maps[0].columns) == (
        16,
        4,
    )
    assert found["steps.2.steps.0.steps.0"].line == "RMSNorm 4 → 4 × 3 calls"
    assert found["steps.3.steps.0"].line == "Layer 4 → 5 × 3 calls"


def test_neurons_by_name_are_cards_in_the_order_of_use():
    class Both(Module):
        def __init__(self):
            self.a, self.b, self.c = (
                Neuron(2, seed=1),
                Neuron(2, seed=2),
                Neuron(2, seed=3, activation=None),
            )

        def forward(self, x):
            return self.c([self.a(x), self.b(x)])

    x = [Value(1.0, label="p"), Value(0.5, label="q")]
    out = Both()(x)
    out.backward()
    shown = picture(out, level="layers")
    assert [card.title for card in shown.cards] == ["input", "a", "b", "c", "result"]
    assert {ends: count for ends, (count, _) in flows(shown).items() if ends[1] != "result"} == {
        ("input", "a"): 2,
        ("input", "b"): 2,
        ("a", "c"): 1,
        ("b", "c"): 1,
    }


def test_before_backward_there_are_no_gradients_and_without_numbers_no_outputs():
    model = MLP(3, [4, 2], seed=0)
    ahead, alone = picture(model([1.0, 2.0, 3.0]), level="layers"), picture(model, level="layers")
    assert all(edge.flow is None for edge in (*ahead.edges, *alone.edges))
    assert [column.name for column in ahead.cards[1].columns] == ["out"]
    assert [shown.name for shown in ahead.cards[1].maps] == ["W"]
    assert "no gradients yet: call backward() first" in ahead.notes
    assert [card.columns for card in alone.cards] == [()] * len(alone.cards)
    assert [card.kind for card in alone.cards] == ["input", "layer", "layer"]


def test_a_compiled_program_shows_the_sample_that_was_loaded(by_hand):
    model = by_hand.model
    program = sg.compile(
        lambda x: sg.losses.cross_entropy(model(x), by_hand.target), model, inputs=(49,)
    )
    program.load(by_hand.x.tolist())
    found = cards(program)
    assert found["layers.0"].columns[0].numbers == pytest.approx(by_hand.h)
    assert array(found["layers.1"].maps[1]) == pytest.approx(by_hand.dW[1])


# How it is drawn

DRAWN = {
    "wide": wide,
    "seen": seen,
    "remembered": remembered,
    "skipped": skipped,
    "scalars": lambda: network([16, 16, 1], 3),
}


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_on_a_card_stands_on_anything_else(name):
    drawing = viz.draw(DRAWN[name](), level="layers")
    for card in drawing.picture.cards:
        frame = drawing.placed.nodes[card.id]
        inside = [place for _, place in place_pieces(card, frame.height - 64.0)]
        for i, place in enumerate(inside):
            assert place.right <= frame.width - 28 + 0.01
            assert place.bottom <= frame.height - 64 + 0.01
            assert all(place.overlap(other) < 0.01 for other in inside[i + 1 :])


@pytest.mark.parametrize(
    "outputs", [(-1.0, -2.0), (1.0, 2.0), (-1.0, 0.5), (0.0, 0.0), (math.nan, math.inf)]
)
@pytest.mark.parametrize(
    "slopes", [(1.0, 0.5), (-1.0, -0.5), (1.0, -0.5), (0.0, 0.0), (math.nan, -1.0)]
)
def test_bars_stay_in_their_area_and_show_both_signs(outputs, slopes):
    card = LayerCard(
        "r0",
        "result",
        "loss",
        bars=tuple(Bar(str(i), x, g) for i, (x, g) in enumerate(zip(outputs, slopes, strict=True))),
    )
    ((shown, place),) = place_pieces(card, 0.0)
    root = ElementTree.fromstring(
        "<svg xmlns='http://www.w3.org/2000/svg'>"
        f"{draw_bars(shown, place, SvgWriter('light'))}</svg>"
    )
    bars = [(float(bar.get("x")), float(bar.get("width"))) for bar in root.iter(f"{NS}rect")]
    assert all(
        x >= shown.names + 7.9 and x + wide <= place.width - shown.numbers - 7.5 for x, wide in bars
    )
    finite = [g for g in slopes if math.isfinite(g)]
    if any(finite):
        assert max(wide for _, wide in bars[1:]) > 5.0


def test_light_and_dark_have_an_image_each():
    drawing = viz.draw(wide())
    both, light = (ElementTree.fromstring(drawing.svg(theme)) for theme in ("auto", "light"))
    shown = [image for image in both.iter(f"{NS}image") if image.get("display") != "none"]
    hidden = [image for image in both.iter(f"{NS}image") if image.get("display") == "none"]
    assert len(shown) == len(hidden) == sum(1 for _ in light.iter(f"{NS}image")) > 0
    assert [image.get("href") for image in shown] == [
        image.get("href") for image in light.iter(f"{NS}image")
    ]
    assert ".light-image{display:none}.dark-image{display:inline}" in "".join(
        style.text for style in both.iter(f"{NS}style")
    )


def test_every_format_says_what_is_seen(tmp_path):
    drawing = viz.draw(wide(), title="Wide")
    for ending in (".svg", ".dot", ".mmd", ".txt"):
        text = drawing.save(tmp_path / f"a{ending}").read_text()
        assert "Layer" in text or ending == ".svg"
    spoken = str(drawing)
    assert "layers.0: Layer 49 → 60, relu, 3,000 parameters, gradient norm " in spoken
    assert "  to layers.1: 60 numbers, gradient norm " in spoken
    pytest.importorskip("vl_convert")
    assert drawing.save(tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert drawing.save(tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-"


class Dense(Module):
    """A layer without neurons: rows of weights, and no scope for each unit."""

    def __init__(self, inputs, outputs, seed):
        rng = Random(seed)
        self.weights = [
            [Parameter(rng.gauss(0, 1), label=f"w{i},{j}") for j in range(inputs)]
            for i in range(outputs)
        ]
        self.biases = [Parameter(0.1) for _ in range(outputs)]

    def forward(self, x):
        return [
            sg.tanh(sg.dot(row, x) + bias)
            for row, bias in zip(self.weights, self.biases, strict=True)
        ]


def test_a_module_with_its_weights_in_one_place_is_cut_into_rows():
    layers = [Dense(4, 3, 1), Dense(3, 2, 2)]
    loss = sg.sum(
        Sequential(*layers)([Value(x, label=f"x{i}") for i, x in enumerate((1.0, 2.0, -1.0, 0.5))])
    )
    loss.backward()
    found = cards(loss)
    assert [found[f"steps.{i}"].line for i in (0, 1)] == ["Dense 4 → 3, tanh", "Dense 3 → 2, tanh"]
    for i, layer in enumerate(layers):
        weights, slopes = found[f"steps.{i}"].maps
        assert array(weights).tolist() == [[weight.data for weight in row] for row in layer.weights]
        assert array(slopes).tolist() == [[weight.grad for weight in row] for row in layer.weights]
        assert found[f"steps.{i}"].statistics.parameters == sum(map(len, layer.weights)) + len(
            layer.biases
        )


def test_numbers_that_are_not_finite_are_seen():
    model = MLP(3, [12, 2], seed=0)
    model.layers[0].neurons[2].weights[1].data = math.nan
    loss = sg.sum([y * y for y in model([1.0, 2.0, math.inf])])
    loss.backward()
    card = cards(loss)["layers.0"]
    assert card.histograms[0].odd == 1
    svg = viz.draw(loss, level="layers").svg("light")
    assert "1 nan or inf" in svg
    ElementTree.fromstring(svg)
