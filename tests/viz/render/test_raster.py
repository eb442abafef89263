"""PNG and PDF: sizes, ink where the SVG has it, fonts where there are none, and clear errors."""

import importlib
import io
import os
import re
import struct
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from scalargrad.errors import OptionError, PictureError
from tests.viz.hostile import HOSTILE
from viz.look.text import escape, width
from viz.look.theme import FONT, MONO
from viz.render import raster
from viz.render.raster import add_fonts, render_pdf, render_png

pytest.importorskip("vl_convert")
DARK = "<style>@media (prefers-color-scheme: dark){.page{fill:#000000}.k{fill:#ffffff}}</style>"


def document(body: str, wide: int = 120, high: int = 40) -> str:
    """In the form of our own documents."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" font-family="{FONT}">'
        f"<style>.m{{font-family:{MONO}}}</style>{DARK}"
        f'<rect class="page" width="{wide}" height="{high}" fill="#ffffff"/>{body}</svg>'
    )


def text(content: str, y: float = 25, more: str = "") -> str:
    return f'<text x="5" y="{y}" font-size="14" fill="#000000"{more}>{escape(content)}</text>'


def ink(image: bytes) -> tuple[int, int, int, int] | None:
    """The box around what is darker than the page."""
    pillow = pytest.importorskip("PIL.Image")
    return (
        pillow.open(io.BytesIO(image)).convert("L").point(lambda v: 255 if v < 128 else 0).getbbox()
    )  # type: ignore[no-any-return]


def fonts(document: bytes) -> set[str]:
    return {name.decode() for name in re.findall(rb"/BaseFont ?/(?:[A-Z]{6}\+)?([\w-]+)", document)}


@pytest.mark.parametrize("scale", [0.5, 1, 2.0, 3.25])
def test_the_size_is_that_of_the_svg_times_the_scale(scale: float) -> None:
    image = render_png(document(""), scale)
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", image[16:24]) == (120 * scale, 40 * scale)


def test_the_pdf_has_one_page_of_the_size_of_the_svg() -> None:
    made = render_pdf(document(""))
    box = re.search(rb"/MediaBox ?\[([\d. ]+)\]", made)
    assert box
    left, low, right, high = map(float, box[1].split())
    assert (right - left) / (high - low) == pytest.approx(3.0)
    assert made.count(b"/Type /Page\n") + made.count(b"/Type/Page\n") <= 1


def test_the_dark_style_is_ignored() -> None:
    assert ink(render_png(document(""))) is None
    assert ink(
        render_png(
            document('<rect class="k" x="10" y="10" width="20" height="10" fill="#000000"/>')
        )
    ) == (20, 20, 60, 40)


@pytest.mark.parametrize("more", ["", ' font-weight="bold"', ' class="m"'])
@pytest.mark.parametrize(
    "content", ["label", "−0.707", "θ", "∂ −3", "‖∇‖ 0.97", "∛", "⌊x⌋", "x₁·w₁", "日本"]
)
def test_text_is_drawn(content: str, more: str) -> None:
    box = ink(render_png(document(text(content, more=more))))
    assert box
    assert 8 <= box[0] <= 16
    assert box[3] <= 68


@pytest.mark.parametrize(
    "content", ["label and more", "‖∇‖ 0.97", "5 parameters", "日本語", "x₁·w₁"]
)
def test_text_keeps_to_its_room(content: str) -> None:
    box = ink(render_png(document(text(content), wide=300)))
    assert box
    assert box[2] / 2 <= 5 + width(content, 14) + 2


def test_the_pdf_has_text_and_no_serifs() -> None:
    made = render_pdf(
        document(text("plain ∂ −3") + text("‖∇‖ 0.97", 38) + text("12.5", 12, ' class="m"'))
    )
    assert len(fonts(made)) >= 2
    assert not any("Serif" in name or "Times" in name for name in fonts(made))


def test_without_any_font_in_the_system(tmp_path: Path) -> None:
    (tmp_path / "fonts.conf").write_text("<fontconfig><dir>/nonexistent</dir></fontconfig>")
    (tmp_path / "a.svg").write_text(
        document(text("plain") + text("‖∇‖", 38) + text("12.5", 12, ' class="m"')), encoding="utf-8"
    )
    program = (
        "from pathlib import Path; from viz.render.raster import render_pdf, render_png; "
        "svg = Path('a.svg').read_text(encoding='utf-8');"
        "Path('a.pdf').write_bytes(render_pdf(svg)); Path('a.png').write_bytes(render_png(svg))"
    )
    environment = os.environ | {
        "FONTCONFIG_FILE": str(tmp_path / "fonts.conf"),
        "HOME": str(tmp_path),
        "PYTHONPATH": str(Path(raster.__file__).parents[2]),
    }
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    assert ink((tmp_path / "a.png").read_bytes())
    assert {"LiberationSans", "DejaVuSans"} <= fonts((tmp_path / "a.pdf").read_bytes())
    if sys.platform == "linux":  # elsewhere fonts are not found by fontconfig
        assert all(
            name.startswith(("LiberationSans", "DejaVuSans"))
            for name in fonts((tmp_path / "a.pdf").read_bytes())
        )


def test_only_texts_with_foreign_signs_are_changed() -> None:
    plain = document(text("plain − × θ ∂ Ж é"))
    assert add_fonts(plain) == plain.replace(MONO, f"{MONO}, {FONT}")
    assert "DejaVu Sans'" in add_fonts(text("‖∇‖"))
    assert add_fonts(text("日")).count("textLength") == 1
    assert add_fonts(text("日", more=' textLength="9"')).count("textLength") == 1
    assert add_fonts(text("neuron 日")).count("textLength") == 1


def test_hostile_texts_are_drawn() -> None:
    body = "".join(text(content, 20.0 + i) for i, content in enumerate(HOSTILE))
    assert render_png(document(body, 400, 400), 1).startswith(b"\x89PNG")
    assert render_pdf(document(body, 400, 400)).startswith(b"%PDF")


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_impossible_scales(scale: float) -> None:
    with pytest.raises(OptionError, match="scale must be"):
        render_png(document(""), scale)


def test_too_large_is_an_error_before_memory_is_taken() -> None:
    with pytest.raises(PictureError, match="100,000 × 100,000 pixels is too large"):
        render_png(document("", 50000, 50000))


@pytest.mark.parametrize("wrong", ["", "no svg", "<svg></svg>"])
def test_what_is_no_document_of_ours(wrong: str) -> None:
    with pytest.raises(PictureError, match="SVG"):
        render_png(wrong)


def test_broken_svg() -> None:
    with pytest.raises(PictureError, match="could not be converted"):
        render_pdf(document("<g>"))


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *more: Any) -> Any:
        if name == "vl_convert":
            raise ImportError(name)
        return importlib.import_module(name, *more)

    raster._renderer.cache_clear()
    monkeypatch.setattr(raster, "import_module", missing)
    with pytest.raises(PictureError, match="pip install matplotlib vl-convert-python"):
        render_png(document(""))
    monkeypatch.undo()
    assert render_png(document(""))


def test_importing_viz_loads_no_renderer() -> None:
    program = "import sys, viz; assert not {'vl_convert', 'matplotlib'} & set(sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(raster.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def left_of(image: bytes, edge: float) -> bytes:
    """The pixels of an image before an edge in pixels of the SVG."""
    pillow = pytest.importorskip("PIL.Image")
    opened = pillow.open(io.BytesIO(image)).convert("RGB")
    return opened.crop((0, 0, int(edge * 2), opened.height)).tobytes()  # type: ignore[no-any-return]


# Whichever fonts a machine has, the words before the sign stay as they are.
@pytest.mark.parametrize("more", ["", ' font-weight="bold"', ' class="m"'])
@pytest.mark.parametrize("sign", ["日", "‖", "🙂", "\ue123", "ꙮ", "한"])
def test_a_sign_that_the_font_lacks_does_not_change_the_words_around_it(
    sign: str, more: str
) -> None:
    plain, mixed = (
        render_png(document(text(content, more=more), wide=300))
        for content in ("neuron", f"neuron {sign}")
    )
    edge = 5 + width("neuron ", 14, "bold" in more, "class" in more)
    assert left_of(mixed, edge) == left_of(plain, edge)


@pytest.mark.parametrize("anchor", ["middle", "end"])
def test_words_after_a_sign_stand_where_they_stood(anchor: str) -> None:
    more = f' text-anchor="{anchor}"'
    moved = text("日 neuron", more=more).replace('x="5"', 'x="200"')
    found = ink(render_png(document(moved, wide=300)))
    assert found
    whole = width("日 neuron", 14)
    right = 200 + (whole / 2 if anchor == "middle" else 0.0)
    assert found[2] / 2 == pytest.approx(right, abs=1.5)


def test_pieces_keep_text_and_order() -> None:
    split = add_fonts(text("a < ‖b‖ & 日本 c"))
    assert [unescape(part) for part in re.findall(">([^<]*)</text>", split)] == [
        "a <",
        "‖",
        "b",
        "‖",
        "&",
        "日本",
        "c",
    ]


def test_a_mark_stays_on_its_letter() -> None:
    assert "e\u0301" in add_fonts(text("e\u0301 日"))
