"""Animations that know where they are shown: they fit, can be read, plates cover nothing."""

import io
import re
from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

import viz
from scalargrad import Value
from scalargrad.errors import OptionError
from scalargrad.losses import mse
from scalargrad.nn import MLP
from scalargrad.training import fit
from scalargrad.training.recorder import Recorder, Recording
from tests.viz.animation.test_plates import negative, network, plates
from tests.viz.graphs import neuron
from viz.animation.playback import Animation
from viz.layout.geometry import Rect
from viz.layout.placed import inner_width, page_margin
from viz.render.svg_edges import marker_rects

SVG = "{http://www.w3.org/2000/svg}"
WIDTHS = (1600, 1184, 840, 390)
SMALLEST = 9.0
"""Pixels below which text is not read any more."""


@cache
def recording(inputs: int, neurons: int) -> Recording:
    model = MLP(inputs, [neurons, 1], "tanh", seed=1)
    samples = [[0.5, -1.0][:inputs], [1.0, 2.0][:inputs]]
    recorder = Recorder(samples[0], 1.0, mse)
    options: dict[str, Any] = {"loss": "mse", "epochs": 4, "callbacks": [recorder]}
    fit(model, samples, [1.0, -1.0], batch_size=None, progress=False, **options)
    return recorder.recording


def train(inputs: int, neurons: int, width: float | str | None) -> Animation:
    data = ([[0.5, -1.0][:inputs], [1.0, 2.0][:inputs]], [1.0, -1.0])
    return viz.animate(recording(inputs, neurons), data=data, frames=3, width=width)


FILMS: dict[str, Callable[[float | str | None], Animation]] = {
    "neuron": lambda width: viz.animate(neuron(), title="A neuron", width=width),
    "negative": lambda width: viz.animate(negative(), width=width),
    "chips": lambda width: viz.animate(network(), level="chips", width=width),
    "units": lambda width: viz.animate(network(), level="neurons", width=width),
    "regions": lambda width: train(2, 4, width),
    "curve": lambda width: train(1, 4, width),
}
CASES = [(name, width) for name in FILMS for width in WIDTHS]


@cache
def film(name: str, width: float) -> Animation:
    return FILMS[name](width)


@pytest.mark.parametrize(("name", "width"), CASES)
def test_all_text_can_be_read_within_the_width(name: str, width: float) -> None:
    root = ElementTree.fromstring(film(name, width).svg())
    page_width = float(root.attrib["viewBox"].split()[2])
    assert page_width <= width + 0.5
    sizes = [float(text.attrib["font-size"]) for text in root.iter(f"{SVG}text")]
    assert min(sizes) * min(1.0, width / page_width) >= SMALLEST


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("make", [neuron, negative, network])
def test_plates_cover_nothing_in_any_row(make: Callable[[], Value], width: float) -> None:
    animation = viz.animate(make(), level="cards", width=width)
    placed = animation.scene.placed
    covered = [*placed.nodes.values(), *marker_rects(placed)]
    margin = page_margin(width)
    page = Rect(-margin, -margin, placed.width + 2 * margin, placed.height + 2 * margin)
    count = 0
    for second in animation.scene.moments():
        shown = plates(animation.still(second, "light"))
        count += len(shown)
        for plate in shown:
            assert not any(plate.overlap(rect) for rect in covered)
            assert plate.overlap(page) == pytest.approx(plate.width * plate.height)
        for one, other in combinations(shown, 2):
            assert not one.overlap(other)
    assert count >= sum(edge.local is not None for edge in placed.picture.edges) > 0


def test_a_film_in_rows_has_the_numbers_at_the_ends_of_its_lines() -> None:
    placed = film("neuron", 840).scene.placed
    assert placed.splits
    assert len(marker_rects(placed)) >= 2


@pytest.mark.parametrize(("width", "is_below"), [(width, width == 390) for width in WIDTHS])
@pytest.mark.parametrize("name", ["regions", "curve"])
def test_panels_are_beside_the_graph_or_below_it(name: str, width: float, is_below: bool) -> None:
    placed = film(name, width).scene.placed
    right = max(rect.right for rect in placed.nodes.values())
    titles = "what the network says|mean loss of the samples|loss of the sample"
    found = re.findall(
        rf'translate\(([\d.]+) ([\d.]+)\)"><text [^>]*>(?:{titles})', film(name, width).still(9.0)
    )
    assert len(found) == 2
    lowest = max(rect.bottom for rect in placed.nodes.values())
    for x, y in found:
        assert float(y) > lowest if is_below else float(x) > right


def test_lines_run_down_where_the_network_does() -> None:
    scene = film("curve", 390).scene
    assert scene.placed.picture.rankdir == "TB"
    tops = [rect.y for rect in scene.placed.nodes.values()]
    assert max(tops) - min(tops) > 150


def test_places_are_widths() -> None:
    for place, width in (("slide", 1600), ("column", 840), ("phone", 390)):
        assert FILMS["neuron"](place).svg() == film("neuron", width).svg()


def test_a_drawing_keeps_its_width_unless_another_is_given() -> None:
    drawing = viz.draw(neuron(), width=840)
    assert viz.animate(drawing).svg() == viz.animate(neuron(), width=840).svg()
    other = viz.animate(drawing, width=390).scene.placed
    assert (other.shown_width, other.is_fitting) == (390, True)
    frames = viz.animate([drawing, drawing]).scene.placed
    assert frames.width <= inner_width(840)


def test_a_long_caption_has_more_lines() -> None:
    def captions(width: float) -> list[str]:
        texts = ElementTree.fromstring(film("neuron", width).still(2.0)).iter(f"{SVG}text")
        bold = [text.text or "" for text in texts if text.get("font-weight") == "bold"]
        return [text for text in bold if "backward step" in text or "derivative, added" in text]

    (whole,) = captions(1600)
    assert whole.endswith("added with +=")
    assert len(captions(390)) == 2


def test_a_gif_is_as_wide_as_the_svg() -> None:
    pillow = pytest.importorskip("PIL.Image")
    pytest.importorskip("vl_convert")
    animation = viz.animate(negative(), pace=0.1, width=390)
    with io.BytesIO() as file:
        file.write(viz.animation.video.gif(animation.still, animation.seconds, 0.5, 1.0))
        assert pillow.open(file).width <= 390


@pytest.mark.parametrize("width", [0, 199, float("nan"), float("inf"), "wide", True, [390]])
def test_anything_else_is_refused(width: Any) -> None:
    with pytest.raises(OptionError, match="width must be a number of pixels"):
        viz.animate(neuron(), width=width)
