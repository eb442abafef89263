"""The page as a file: its policy, its escapes, its size, and the numbers in it."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.errors import PathError, PictureError
from scalargrad.losses import mse
from scalargrad.nn import MLP
from scalargrad.training import Recorder, Recording, fit
from tests.viz.graphs import chain, network, neuron
from tests.viz.hostile import HOSTILE, each
from viz.explorer.box_layout import BoxLayouts
from viz.explorer.boxes import choose_open, find_folds
from viz.explorer.document import script_json
from viz.explorer.graph_json import describe_graph
from viz.explorer.packing import (
    PackedFrames,
    drop_digits,
    is_reproducible,
    pack,
    pack_recording,
    unpack,
)
from viz.layout.node_size import measure_node
from viz.look.measures import as_data
from viz.model.picture import Node
from viz.model.snapshot import Snapshot


class Elements(HTMLParser):
    """All elements of a document, with their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", {}, ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)


def graph_of(page: viz.Page) -> dict[str, object]:
    return next(
        json.loads(text)
        for tag, attributes, text in Elements(page.html).found
        if attributes.get("id") == "graph"
    )


def numbers_of(page: viz.Page) -> numpy.ndarray:
    graph = graph_of(page)
    text = next(
        text
        for _, attributes, text in Elements(page.html).found
        if attributes.get("id") == "numbers"
    )
    return unpack(PackedFrames(text.strip(), graph["rows"], graph["frames"], graph["bytes"]))


def recording(sizes: list[int], epochs: int, activation: str = "tanh") -> Recording:
    model = MLP(2, sizes, activation=activation, seed=3)
    recorder = Recorder([0.5, -0.3], 0.7, mse)
    samples, targets = [[0.5, -0.3], [-1.0, 0.2]], [0.7, -0.5]
    fit(
        model,
        samples,
        targets,
        loss="mse",
        optimizer="adam",
        epochs=epochs,
        batch_size=None,
        callbacks=[recorder],
        progress=False,
    )
    return recorder.recording


# The document


def test_the_policy_allows_this_style_and_this_script_alone() -> None:
    elements = Elements(viz.explore(neuron()).html).found
    policy = next(
        attributes["content"]
        for tag, attributes, _ in elements
        if tag == "meta" and "http-equiv" in attributes
    )
    texts = {
        tag: text
        for tag, attributes, text in elements
        if tag in ("style", "script") and not attributes and text
    }
    hashes = {
        tag: "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
        for tag, text in texts.items()
    }
    assert policy == (
        f"default-src 'none'; style-src '{hashes['style']}'; script-src '{hashes['script']}'; "
        "img-src blob:; base-uri 'none'; form-action 'none'"
    )


def test_the_document_refers_to_nothing_outside() -> None:
    elements = Elements(viz.explore(network([4, 4, 1])).html).found
    assert not [
        name
        for _, attributes, _ in elements
        for name in attributes
        if name in ("src", "href", "srcset", "action", "style") or name.startswith("on")
    ]
    assert {tag for tag, _, _ in elements}.isdisjoint(
        {"link", "iframe", "img", "object", "embed", "a", "form", "base"}
    )
    scripts = "".join(
        path.read_text()
        for path in Path(viz.__file__).parent.joinpath("explorer", "assets").glob("*")
    )
    names = {"http://www.w3.org/2000/svg';", "http://www.w3.org/1998/Math/MathML';"}
    assert set(re.findall(r"https?://\S+", scripts)) == names
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ):
        assert word not in scripts


def test_hostile_json_can_stand_in_a_script() -> None:
    each(check_json)


@given(st.text())
def test_json_can_stand_in_a_script(text: str) -> None:
    check_json(text)


def check_json(text: str) -> None:
    found = script_json([text])
    assert json.loads(found) == [text]
    assert not set(found) & set("<>&\u2028\u2029")
    assert found.isascii()


def test_hostile_labels_leave_the_document_as_it_is() -> None:
    def shape(labels: list[str]) -> list[tuple[str, tuple[str, ...]]]:
        outputs = [Value(1.0, label=label) * 2 for label in labels]
        return [
            (tag, tuple(attributes))
            for tag, attributes, _ in Elements(viz.explore(outputs, title=labels[0]).html).found
        ]

    assert shape(HOSTILE) == shape(["plain"] * len(HOSTILE))


def test_pages_are_the_same_in_every_run() -> None:
    assert viz.explore(network([3, 2, 1])).html == viz.explore(network([3, 2, 1])).html


def test_saving(tmp_path: Path) -> None:
    page = viz.explore(neuron())
    path = page.save(tmp_path / "a.html")
    assert path.read_text(encoding="utf-8") == page.html
    with pytest.raises(PathError):
        page.save(tmp_path / "missing" / "a.html")


def test_in_a_notebook_the_page_is_shut_in_a_frame() -> None:
    bundle = viz.explore(neuron())._repr_mimebundle_()
    (tag, attributes, _), *others = [
        one for one in Elements(bundle["text/html"]).found if one[0] in ("iframe", "img")
    ]
    assert (tag, [other for other, *_ in others]) == ("iframe", ["img"])
    assert attributes["sandbox"] == "allow-scripts"
    assert attributes["srcdoc"] == viz.explore(neuron()).html
    assert bundle["text/plain"].startswith("<Page of 10 values")


def test_a_notebook_that_is_not_trusted_says_what_to_do() -> None:
    """It drops frames and styles; then nothing hides the picture, nor the sentence above it."""
    html = viz.explore(neuron())._repr_html_()
    frame, _, rest = html.partition("</iframe>")
    rule, _, picture = rest.partition("</style>")
    assert "Trust Notebook" not in frame
    assert rule == "<style>.viz-without-scripts{display:none}"
    assert re.match(
        r'<div class="viz-without-scripts"><p>A still picture: [^<]+<em>Trust Notebook</em>[^<]+'
        r'</p><img alt="[^"]+" src="data:[^"]+"></div>$',
        picture,
    )


@pytest.mark.parametrize("thing", [None, 3.0, "text", [], [1.0], {"a": []}, Recording(), object()])
def test_what_is_no_graph_is_refused(thing: object) -> None:
    with pytest.raises(PictureError):
        viz.explore(thing)


def test_a_drawing_saves_itself_as_a_page(tmp_path: Path) -> None:
    root = neuron()
    assert (
        viz.draw(root).save(tmp_path / "a.html").read_text(encoding="utf-8")
        == viz.explore(root).html
    )


def test_a_graph_that_is_too_large_says_what_to_do() -> None:
    with pytest.raises(PictureError, match="one sample instead of a batch"):
        viz.explore(sg.sum([Value(1.0) for _ in range(50_000)]))


def test_gradients_are_not_touched() -> None:
    x = Value(3.0)
    y = x * x
    viz.explore(y)
    assert (x.grad, y.grad) == (0.0, 0.0)
    y.backward()
    viz.explore(y)
    assert (x.grad, y.grad) == (6.0, 1.0)


# Sizes


def test_a_thousand_values_over_a_hundred_steps_stay_small() -> None:
    found = recording([16, 16, 1], epochs=99)
    page = viz.explore(found)
    print(f"{len(found.values)} values x {len(found)} frames: {len(page.html) / 1000:.0f} KB")
    assert (len(found.values), len(found)) == (982, 100)
    assert len(page.html.encode()) < 400_000


def test_frames_that_can_not_be_computed_again_stay_small_too() -> None:
    found = recording([16, 16, 1], epochs=99)
    found.gradients[:, :-1] *= 1.5
    page = viz.explore(found)
    assert graph_of(page)["rounded"]
    assert len(page.html.encode()) < 600_000
    assert numpy.allclose(numbers_of(page)[982:].T, found.gradients, rtol=2e-4)


# Numbers


tables = arrays(
    st.sampled_from([numpy.float32, numpy.float64]),
    array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.floats(width=32),
)


@given(tables)
def test_packing_keeps_every_bit(table: numpy.ndarray) -> None:
    found = unpack(pack(table))
    assert found.tobytes() == table.astype(table.dtype.newbyteorder("<")).tobytes()


@given(arrays(numpy.float32, (5,), elements=st.floats(width=32)))
def test_rounding_keeps_four_digits(numbers: numpy.ndarray) -> None:
    found = drop_digits(numbers)
    normal = numpy.isfinite(numbers) & (numpy.abs(numbers) > 1e-37)
    assert numpy.allclose(found[normal], numbers[normal], rtol=1.3e-4)
    assert numpy.array_equal(numpy.isfinite(found), numpy.isfinite(numbers))


def test_a_graph_brings_its_numbers_with_all_digits() -> None:
    root = network([3, 1])
    found = numbers_of(viz.explore(root))
    order = topological([root])
    assert found[:, 0].tolist() == [node.data for node in order] + [node.grad for node in order]


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "softplus"])
def test_a_recording_is_computed_again_from_its_leaves(activation: str) -> None:
    found = recording([4, 4, 1], epochs=30, activation=activation)
    snapshot = Snapshot([found.values[-1]])
    assert is_reproducible(snapshot, found.data, found.gradients)
    frames, leaves = pack_recording(snapshot, found.data, found.gradients)
    assert leaves
    kept = [i for i, node in enumerate(snapshot.order) if not node.args]
    assert numpy.array_equal(unpack(frames)[:-1].T, found.data[:, kept])


@pytest.mark.parametrize("which", ["data", "gradients"])
def test_a_recording_that_does_not_follow_from_its_leaves_is_kept_whole(which: str) -> None:
    found = recording([3, 1], epochs=5)
    getattr(found, which)[2, -2] += 1.0
    snapshot = Snapshot([found.values[-1]])
    frames, leaves = pack_recording(snapshot, found.data, found.gradients)
    assert not leaves
    assert numpy.array_equal(
        unpack(frames), numpy.concatenate([found.data, found.gradients], axis=1).T
    )


def test_nan_and_inf_are_kept() -> None:
    found = recording([3, 1], epochs=4)
    found.data[3] = numpy.nan
    found.gradients[3] = numpy.inf
    found.losses[3] = float("nan")
    page = viz.explore(found)
    assert graph_of(page)["losses"][3] == "NaN"


# The description of a graph


def test_a_description_knows_the_graph() -> None:
    root = neuron()
    found = describe_graph(Snapshot([root]))
    order = topological([root])
    assert found["args"] == [[order.index(arg) for arg in node.args] for node in order]
    assert [found["symbols"][i] for i in found["symbol"]][-1] == "tanh"
    assert found["label"][0] == "x1"
    assert found["kinds"] == "ipoipoopoo"
    assert found["level"] == "cards"


def test_a_page_draws_with_the_measures_of_all_pictures() -> None:
    look = graph_of(viz.explore(neuron()))["look"]
    assert look["measures"] == as_data()


def test_frames_are_as_high_as_the_cards_of_other_pictures() -> None:
    snapshot = Snapshot([neuron()])
    layouts = BoxLayouts(snapshot, find_folds(snapshot), "cards")
    heights = {frame.height for layout in layouts.layouts for frame in layout.frames}
    nodes = [Node("n0", "operation", "+", label, data=1.0, grad=1.0) for label in ("", "x")]
    assert heights == {measure_node(node, "cards")[1] for node in nodes}


def test_settings_and_local_derivatives_by_hand() -> None:
    x = Value(2.0)
    y = Value(5.0, (x,), "mine", partials=[7.0]) + sg.clamp(x**3, high=float("inf"))
    found = describe_graph(Snapshot([y]))
    assert [7.0] in found["partials"].values()
    assert [None, 3.0] in found["static_args"].values()
    json.dumps(found, allow_nan=False)


def test_every_value_stands_in_one_box() -> None:
    crowd = sg.sum([Value(float(i)) for i in range(2000)])
    for root in (
        neuron(),
        network([4, 4, 1]),
        network([3, 1], 6),
        chain(2000),
        chain(40_000),
        crowd,
    ):
        snapshot = Snapshot([root])
        found = find_folds(snapshot)
        assert sorted(i for fold in found for i in fold.values) == list(range(len(snapshot)))
        assert all(len(fold.values) <= 240 for fold in found)
        opened = choose_open(found, 300)
        assert 0 in opened
        assert sum(len(found[i].values) for i in opened) <= 300


def test_a_long_chain_is_a_box_of_boxes_with_whole_links() -> None:
    y = x = Value(1.0, label="x")
    for _ in range(1000):
        y = y * 1.001 + 0.1
    snapshot = Snapshot([y])
    page, box, *parts = find_folds(snapshot)
    assert [snapshot.order[i] for i in page.values] == [x]
    assert (box.title, box.kind) == ("chain × 1,000", "chain")
    assert [parts[0].title, parts[1].title] == ["links 1 to 20", "links 21 to 40"]
    assert all(snapshot.order[part.values[-1]].op == "add" for part in parts)


def test_a_link_that_is_too_large_for_a_box_is_cut_as_well() -> None:
    y = Value(1.0)
    for _ in range(20):
        others = [y * (0.001 * k) for k in range(1, 101)]
        y = sg.sum(others).tanh()
    snapshot = Snapshot([y])
    found = find_folds(snapshot)
    assert found[1].title == "chain × 20"
    assert sorted(i for fold in found for i in fold.values) == list(range(len(snapshot)))
    assert all(len(fold.values) <= 240 for fold in found)


def test_boxes_count_their_parameters() -> None:
    model = MLP(3, [4, 2], seed=1)
    found = find_folds(Snapshot(model([1.0, 2.0, 3.0])))
    assert found[0].parameters == len(model.parameters())
    assert [fold.parameters for fold in found if fold.kind == "Layer"] == [16, 10]
