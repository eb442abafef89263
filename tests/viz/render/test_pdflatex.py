"""LaTeX that pdflatex compiles, where it is installed: every kind of picture, and every text."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import viz
from scalargrad import Value
from scalargrad.errors import PictureError
from tests.viz.graphs import chain, network, neuron
from tests.viz.hostile import HOSTILE
from viz.drawing import Drawing
from viz.look.text import clean
from viz.render.tikz import render_tikz

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="without pdflatex")
needs_pdftotext = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="without pdftotext")

PICTURES: dict[str, Callable[[], Drawing]] = {
    "cards": lambda: viz.draw(neuron(), title="A neuron"),
    "chips": lambda: viz.draw(network([4, 4, 1])),
    "neurons": lambda: viz.draw(network([4, 4, 1]), level="neurons"),
    "a table": lambda: viz.draw(network([3, 2, 1]), expand="*"),
    "rows": lambda: viz.draw(chain(12), level="cards", width=840),
    "dark": lambda: viz.draw(neuron(), theme="dark"),
    "no page": lambda: viz.draw(neuron(), theme="transparent"),
    "infinite": lambda: viz.draw(infinite()),
    "hostile": lambda: viz.draw(hostile(), title=r"日本 \end{document} %"),
}
SIGNS = r"a\input{x} 100% & #1 $x_1^2$ ~ <b> w|z {c} -- ''q'' \end{document}"


def infinite() -> Value:
    y = Value(1e200, label="x") ** 2 * 0.0
    y.backward()
    return y


def hostile() -> Value:
    y = Value(2.0, label=SIGNS) * Value(3.0, label="日本語の重み")
    y.label = "Ελλάδα é 🙂"
    y.backward()
    return y


def compile_tex(source: str, folder: Path) -> Path:
    """Return the path of the PDF; any error of TeX is an error here."""
    (folder / "picture.tex").write_text(source, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    run = subprocess.run([*command, "picture.tex"], cwd=folder, capture_output=True, check=False)
    said = run.stdout.decode(errors="replace")
    assert run.returncode == 0, said[-1500:]
    assert "Missing character" not in said
    return folder / "picture.pdf"


def read_pdf(path: Path) -> str:
    run = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True)
    return run.stdout.decode()


@needs_pdflatex
@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_every_picture_compiles(make: Callable[[], Drawing], tmp_path: Path) -> None:
    source = make().save(tmp_path / "drawing.tex").read_text(encoding="ascii")
    assert compile_tex(source, tmp_path).read_bytes().startswith(b"%PDF")


@needs_pdflatex
def test_every_hostile_text_compiles(tmp_path: Path) -> None:
    svg = ElementTree.Element("{http://www.w3.org/2000/svg}svg")
    tag = "{http://www.w3.org/2000/svg}text"
    for i, text in enumerate(HOSTILE):
        place = {"x": f"{i % 9 * 400}", "y": f"{i // 9 * 20}", "font-size": "11"}
        ElementTree.SubElement(svg, tag, place).text = clean(text)
    compile_tex(render_tikz(ElementTree.tostring(svg, "unicode")), tmp_path)


@needs_pdflatex
@needs_pdftotext
def test_signs_that_mean_something_to_tex_are_printed(tmp_path: Path) -> None:
    picture = f'<text font-size="11">{SIGNS.replace("&", "&amp;").replace("<", "&lt;")}</text>'
    source = render_tikz(f'<svg xmlns="http://www.w3.org/2000/svg">{picture}</svg>')
    printed = read_pdf(compile_tex(source, tmp_path)).strip()
    # Straight quotes are curly in the fonts of TeX, and a tilde and an accent are alike.
    assert printed.replace("’", "'").replace("˜", "~") == SIGNS


@needs_pdflatex
@needs_pdftotext
def test_signs_without_a_letter_are_boxes_with_their_number(tmp_path: Path) -> None:
    source = viz.draw({"日本": ["x"]}).save(tmp_path / "a.tex").read_text(encoding="ascii")
    printed = "".join(read_pdf(compile_tex(source, tmp_path)).split())
    assert "65E5672C" in printed


def test_what_is_too_large_for_tex_is_refused() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="500" height="21991"/>'
    with pytest.raises(PictureError, match=r"500 x 21,991 pixels is too large .* save it as \.pdf"):
        render_tikz(svg)
