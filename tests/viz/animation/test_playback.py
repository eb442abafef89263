"""Animations: gradients in the order of the chain rule, training frame by frame.

The documents play without script, and not for readers who asked for less motion.
"""

import importlib
import io
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.errors import OptionError, PictureError
from scalargrad.losses import mse
from scalargrad.nn import MLP
from scalargrad.training import fit
from scalargrad.training.recorder import Recorder, Recording
from tests.viz.graphs import network, neuron
from tests.viz.hostile import HOSTILE, each, together
from viz.animation import video
from viz.animation.backward_pass import BackwardPass, backward_steps
from viz.animation.timeline import Clock, Track, fade_in, flash
from viz.animation.training import graph_at
from viz.look.text import clean

SVG = "{http://www.w3.org/2000/svg}"


def recording(steps: int = 12) -> Recording:
    model, recorder = MLP(2, [3, 1], "tanh", seed=1), Recorder([1.0, -0.5], 2.0, mse)
    fit(
        model,
        [[1.0, 0.5], [2.0, -1.0]],
        [2.0, 4.0],
        loss="mse",
        epochs=steps,
        batch_size=None,
        callbacks=[recorder],
        progress=False,
    )
    return recorder.recording


def check_document(svg: str) -> ElementTree.Element:
    """Well formed, no script, nothing from outside, and motion only for those who like it."""
    root = ElementTree.fromstring(svg)
    assert not {element.tag for element in root.iter()} & {
        f"{SVG}script",
        f"{SVG}animate",
        f"{SVG}foreignObject",
        f"{SVG}image",
        f"{SVG}a",
    }
    assert not [
        name
        for element in root.iter()
        for name in element.attrib
        if name.startswith("on") or "href" in name
    ]
    style = "".join(element.text or "" for element in root.iter(f"{SVG}style"))
    moving = re.findall(
        r"@media \(prefers-reduced-motion:no-preference\)\{((?:[^{}]*\{[^{}]*\})*)\}", style
    )
    assert "animation:" not in style.replace("".join(moving), "")
    assert "url(" not in style
    assert "@import" not in style
    return root


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


# Time


def test_a_track_between_and_beyond_its_points() -> None:
    track = Track("opacity", ((1.0, 0.0), (3.0, 1.0), (4.0, 0.5)))
    assert [track.at(t) for t in (0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 9.0)] == [
        0.0,
        0.0,
        0.5,
        1.0,
        0.75,
        0.5,
        0.5,
    ]


def test_the_style_sheet_says_what_the_track_says() -> None:
    clock = Clock(10.0)
    shown = clock.animate("x", flash(2.0, 5.0, 1.0))
    name = re.search(r'class="(\w+)"', shown)
    assert name
    frames = re.search(rf"@keyframes {name[1]}\{{(.*?\}})\}}", clock.style())
    assert frames
    found = {
        float(share): float(x)
        for share, x in re.findall(r"([\d.]+)%\{opacity:([\d.]+)\}", frames[1])
    }
    assert found == {0.0: 0.0, 20.0: 0.0, 30.0: 1.0, 50.0: 1.0, 60.0: 0.0, 100.0: 0.0}
    assert clock.animate("y", flash(2.0, 5.0, 1.0)) == shown.replace("x", "y")


def test_a_clock_that_stands_shows_one_moment() -> None:
    clock = Clock(10.0, 3.0)
    assert clock.animate("x", fade_in(2.0, 4.0)) == '<g opacity="0.5">x</g>'
    assert clock.animate("x", fade_in(5.0, 6.0)) == ""
    assert clock.style() == ""


# The backward pass


@pytest.mark.parametrize(
    "make", [neuron, lambda: network([4, 4, 1]), lambda: network([16, 16, 1], 2)]
)
def test_every_gradient_comes_after_those_that_it_is_made_of(make: Callable[[], Value]) -> None:
    picture = viz.draw(make()).picture
    step_of = backward_steps(picture)
    for edge in picture.edges:
        assert step_of[edge.source.partition("t")[0]] > step_of[edge.target]
    roots = [node.id for node in picture.nodes if node.root]
    assert [step_of[root] for root in roots] == [0]


def test_steps_of_a_neuron_are_the_longest_ways_from_the_output() -> None:
    o = neuron()
    order = topological([o])
    depth = {o: 0}
    for node in reversed(order):
        for arg in node.args:
            depth[arg] = max(depth.get(arg, 0), depth[node] + 1)
    assert backward_steps(viz.draw(o).picture) == {
        f"n{i}": depth[node] for i, node in enumerate(order)
    }


def test_boxes_in_a_circle_end_too() -> None:
    from viz.model.picture import Edge, Node, Picture

    nodes = tuple(Node(name, "module") for name in ("a", "b", "c"))
    assert backward_steps(
        Picture("cards", nodes, (Edge("a", "b"), Edge("b", "a"), Edge("a", "c")))
    ) == {
        "a": 1,
        "b": 1,
        "c": 0,
    }


def gradients_shown(svg: str) -> dict[str, str]:
    """What a still picture shows as each card's gradient: the topmost of what is drawn there."""
    found = {}
    for element in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if element.get("role") == "graphics-symbol":
            words = [text.text or "" for text in element.iter(f"{SVG}text")]
            if "grad" in words:
                title = element.findtext(f"{SVG}title") or ""
                found[title.split(", data")[0]] = words[words.index("grad") + 1]
    return found


def test_gradients_appear_one_wave_after_the_other() -> None:
    scene = viz.animate(neuron()).scene
    assert isinstance(scene, BackwardPass)
    animation = viz.animate(neuron())
    shown = [gradients_shown(animation.still(second, "light")) for second in scene.moments()]
    assert set(shown[0].values()) == {"0"}
    assert [sum(x != "0" for x in frame.values()) for frame in shown] == [
        0,
        1,
        2,
        4,
        6,
        9,
    ]  # o; n; + and b; both ×; x1, w1, x2 (w2 has 0)
    assert shown[1]["o = tanh(n)"] == "1"
    assert shown[-1]["input x1"] == "−1.5"


def test_the_arithmetic_of_each_step_is_on_its_edges() -> None:
    animation = viz.animate(neuron())
    said = []
    for second in animation.scene.moments():
        lines = [text for text in texts(animation.still(second)) if ":" not in text]
        factors = [text for text in lines if " × " in text]
        results = [text for text in lines if text.startswith("= ")]
        said.append([" ".join(pair) for pair in zip(factors, results, strict=True)])
    assert said == [
        [],
        ["1 × 0.5 = 0.5"],
        ["0.5 × 1 = 0.5", "0.5 × 1 = 0.5"],
        ["0.5 × 1 = 0.5", "0.5 × 1 = 0.5"],
        ["0.5 × (−3) = −1.5", "0.5 × 2 = 1", "0.5 × 1 = 0.5", "0.5 × 0 = 0"],
        [],
    ]


def test_a_gradient_that_comes_in_parts_grows() -> None:
    x = Value(3.0, label="x")
    y = x * 2.0 + sg.tanh(x * 0.0) * 4.0
    y.backward()
    assert x.grad == 2.0
    z = Value(1.0, label="z")
    out = z * 5.0 + (z * 3.0) * 2.0
    out.backward()
    animation = viz.animate(out)
    shown = [
        gradients_shown(animation.still(second)).get("input z")
        for second in animation.scene.moments()
    ]
    assert shown[-1] == "11"
    assert "5" in shown


def test_the_last_frame_is_the_picture_itself() -> None:
    o = neuron()
    animation = viz.animate(o)
    assert gradients_shown(animation.still(animation.seconds)) == gradients_shown(
        viz.draw(o).svg("light")
    )


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
@pytest.mark.parametrize(
    "make", [neuron, lambda: network([4, 4, 1]), lambda: network([16, 16, 1], 2)]
)
def test_the_documents_play_without_script(make: Callable[[], Value], theme: str) -> None:
    animation = viz.animate(make(), theme=theme, title="<b>&")
    root = check_document(animation.svg())
    assert root.findtext(f"{SVG}title") == "<b>&"
    assert "animation:" in animation.svg()
    assert "animation:" not in animation.still(2.0)
    assert animation.svg() == viz.animate(make(), theme=theme, title="<b>&").svg()


def test_no_label_breaks_out() -> None:
    def check(texts: Sequence[str]) -> None:
        total = sg.sum([squared(text) for text in texts])
        total.backward()
        root = check_document(viz.animate(total, level="cards").svg())
        spoken = " | ".join(element.text or "" for element in root.iter(f"{SVG}title"))
        for text in texts:
            assert clean(text).removesuffix("…") in spoken

    together(check, size=30)


def squared(text: str) -> Value:
    y = Value(2.0, label=text) ** 2
    y.label = text
    return y


def test_no_title_breaks_out() -> None:
    root = squared("x")
    root.backward()
    each(
        lambda text: check_document(viz.animate(root, title=text, level="cards").svg()),
        HOSTILE[::3],
    )  # test_svg has all


def test_what_else_a_wave_is_drawn_of() -> None:
    o = neuron()
    leaf = next(node for node in topological([o]) if node.label == "w1")
    for target in (viz.draw(o), viz.explain(o, leaf)):
        check_document(viz.animate(target).svg())
    constant = Value(2.0)
    constant.grad = 1.0
    with pytest.raises(PictureError, match="no gradients"):
        viz.animate(constant)


def test_large_networks_are_played_as_neurons() -> None:
    assert "as neurons" in repr(viz.animate(network([64, 64, 1])))
    with pytest.raises(PictureError, match="layers are too coarse"):
        viz.animate(network([64, 64, 1]), level="layers")


def test_what_is_refused() -> None:
    o = neuron()
    things: list[Any] = [None, 3.0, "x", [], [3.0], [o, 2.0], {}]
    for wrong in things:
        with pytest.raises(PictureError, match="animate takes"):
            viz.animate(wrong)
    with pytest.raises(PictureError, match="call backward"):
        viz.animate(Value(2.0) * 3.0)
    with pytest.raises(PictureError, match="animate takes"):
        viz.animate(MLP(2, [3, 1]))
    settings: list[dict[str, Any]] = [
        {"pace": 0.0},
        {"pace": "x"},
        {"frames": 1},
        {"frames": 2.5},
        {"theme": "x"},
        {"colors": "x"},
    ]
    for options in [*settings, {"level": "x"}]:
        with pytest.raises(OptionError):
            viz.animate(o, **options)
    with pytest.raises(PictureError, match="no frames"):
        viz.animate(Recording())


# Training


def test_a_frame_is_the_graph_as_it_was() -> None:
    found = recording()
    for frame in (0, 5, len(found) - 1):
        root = graph_at(found, frame)
        again = {node: (node.grad, node.args) for node in topological([root])}
        assert root.data == pytest.approx(found.losses[frame], rel=1e-6)
        root.backward()
        for node, (gradient, args) in again.items():
            if args:
                assert node.grad == pytest.approx(gradient, rel=1e-4, abs=1e-6)
    assert [node.data for node in found.values][-1] == pytest.approx(found.losses[-1])


@pytest.mark.parametrize(
    "options", [{}, {"level": "chips"}, {"level": "neurons"}, {"colors": "weight"}]
)
def test_a_recording_plays(options: dict[str, Any]) -> None:
    found = recording()
    animation = viz.animate(found, frames=5, **options)
    check_document(animation.svg())
    assert len(animation.scene.moments()) == 5
    captions = [
        next(text for text in texts(animation.still(second)) if text.startswith("step "))
        for second in animation.scene.moments()
    ]
    assert [caption.split(":")[0] for caption in captions] == [
        "step 0",
        "step 3",
        "step 6",
        "step 9",
        "step 12",
    ]
    assert len(animation.svg()) < 400_000


def test_frames_show_their_own_numbers_on_one_scale() -> None:
    found = recording()
    animation = viz.animate(found, level="cards", frames=3)
    scales = []
    for second, frame in zip(animation.scene.moments(), (0, 6, 12), strict=True):
        said = texts(animation.still(second))
        assert viz.look.text.number(found.losses[frame]) in said
        scales.append([text for text in said if text.startswith("−")][-1])
    assert len(set(scales)) == 1


def test_drawings_and_values_as_frames() -> None:
    def at(x: float) -> Value:
        y = Value(x, label="x") ** 2
        y.backward()
        return y

    for frames in ([at(1.0), at(2.0), at(3.0)], [viz.draw(at(1.0)), viz.draw(at(2.0))]):
        animation = viz.animate(frames)
        check_document(animation.svg())
        assert len(animation.scene.moments()) == len(frames)
    with pytest.raises(PictureError, match="frame 1 shows another graph"):
        viz.animate([at(1.0), at(2.0) + 1.0])


# Files


def test_saving(tmp_path: Path) -> None:
    animation = viz.animate(neuron(), pace=0.05)
    assert animation.save(tmp_path / "a.SVG").read_text(encoding="utf-8") == animation.svg()
    for name in ("a.png", "a", "a.html"):
        with pytest.raises(OptionError, match="the extension must be one of"):
            animation.save(tmp_path / name)
        assert not (tmp_path / name).exists()
    assert "data:image/svg+xml;base64," in animation._repr_mimebundle_()["text/html"]


def test_a_gif(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pytest.importorskip("vl_convert")
    animation = viz.animate(neuron(), pace=0.1)
    total, colors = 0, set()
    with pillow.open(animation.save(tmp_path / "a.gif", rate=4.0, scale=0.5)) as image:
        for i in range(image.n_frames):
            image.seek(i)
            total += image.info["duration"]
            colors.add(image.convert("RGB").getpixel((1, 1)))
        assert image.info["loop"] == 0
        assert image.n_frames > 3
    assert abs(total - 1000 * animation.seconds) <= 130
    assert colors == {(255, 255, 255)}
    for wrong in ({"rate": 0.0}, {"rate": float("nan")}, {"rate": 1000.0}, {"scale": 0.0}):
        with pytest.raises(OptionError):
            animation.save(tmp_path / "b.gif", **wrong)
    assert not (tmp_path / "b.gif").exists()


def test_an_mp4(tmp_path: Path) -> None:
    imageio = pytest.importorskip("imageio.v2")
    pytest.importorskip("imageio_ffmpeg")
    pytest.importorskip("vl_convert")
    animation = viz.animate(neuron(), pace=0.1)
    path = animation.save(tmp_path / "a.mp4", rate=4.0, scale=0.5)
    with imageio.get_reader(path, "FFMPEG") as reader:
        assert reader.get_meta_data()["duration"] == pytest.approx(animation.seconds, abs=0.3)
        first, last = reader.get_data(0), reader.get_data(reader.count_frames() - 1)
    assert (first != last).any()


@pytest.mark.parametrize(("ending", "module"), [(".gif", "PIL.Image"), (".mp4", "imageio.v2")])
def test_without_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, module: str
) -> None:
    def missing(name: str) -> Any:
        if name == module:
            raise ImportError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(video, "import_module", missing)
    with pytest.raises(
        PictureError, match=r"pip install (pillow|imageio).* matplotlib vl-convert-python$"
    ):
        viz.animate(neuron()).save(tmp_path / f"a{ending}")


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs a browser")
def test_a_browser_plays_what_the_stills_show(tmp_path: Path) -> None:
    pillow, chops = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageChops")
    animation, shares, wide, high = viz.animate(neuron()), (0.05, 0.42, 0.6, 0.97), 960, 440
    places = []
    for row, share in enumerate(shares):
        second = share * animation.seconds
        # held at the moment, still by its key frames
        playing = animation.svg("light").replace(" infinite}", f" -{second}s infinite paused}}")
        assert playing != animation.svg("light")
        for column, svg in enumerate((playing, animation.still(second, "light"))):
            (tmp_path / f"{row}{column}.svg").write_text(svg, encoding="utf-8")
            style = f"position:absolute;left:{wide * column}px;top:{high * row}px"
            places.append(
                f'<div style="{style};width:{wide}px;height:{high}px;overflow:hidden">'
                f'<img src="{row}{column}.svg"></div>'
            )
    (tmp_path / "all.html").write_text(
        f'<body style="margin:0">{"".join(places)}', encoding="utf-8"
    )
    shot, size = tmp_path / "all.png", f"{2 * wide},{high * len(shares)}"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--window-size={size}",
        f"--screenshot={shot}",
    ]
    subprocess.run(
        ["chromium", *options, (tmp_path / "all.html").as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
    )
    image = pillow.open(io.BytesIO(shot.read_bytes())).convert("L")
    seen = set()
    for row, share in enumerate(shares):
        left, right = (
            image.crop((wide * i, high * row, wide * (i + 1), high * (row + 1))) for i in (0, 1)
        )
        apart = chops.difference(left, right).point(lambda x: 255 if x > 60 else 0)
        assert sum(1 for pixel in apart.tobytes() if pixel) < 20, share
        seen.add(right.tobytes())
    assert len(seen) == len(shares)  # four moments, and no empty page
