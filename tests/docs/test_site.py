"""The site: it is built without a warning, without network, and has every public name.

These tests run where the extra `docs` is installed.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("furo")
pytest.importorskip("myst_parser")
inventory = pytest.importorskip("sphinx.util.inventory")

ROOT = Path(__file__).parent.parent.parent

PUBLIC = (
    *("scalargrad", "scalargrad.checkpoint", "scalargrad.compiler", "scalargrad.data"),
    *("scalargrad.doctor", "scalargrad.interop", "scalargrad.losses", "scalargrad.nn"),
    *("scalargrad.optim", "scalargrad.training", "viz", "viz.plots"),
)
"""The modules that list their public names."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as the documentation says; a warning is an error.

    With GALLERY=FOLDER in the environment, the gallery in that folder becomes a part of it.
    """
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "docs", str(folder)]
    if "GALLERY" in os.environ:
        command += ["-D", f"gallery={os.environ['GALLERY']}"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def pages(site: Path) -> Iterator[tuple[Path, str]]:
    """The pages of the site itself, without those to explore graphs in."""
    for path in sorted(site.rglob("*.html")):
        if path.parent.name != "_shown":
            yield path, path.read_text(encoding="utf-8")


def test_every_public_name_has_its_place(site: Path) -> None:
    listed = inventory.InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    documented = {
        name for kind, names in listed.data.items() if kind[:3] == "py:" for name in names
    }

    # A function of two modules is documented in one of them.
    things = {}
    for name in documented:
        module, _, own = name.rpartition(".")
        if module in PUBLIC:
            things[id(getattr(import_module(module), own))] = name

    missing = [
        f"{module}.{name}"
        for module in PUBLIC
        for name in import_module(module).__all__
        if f"{module}.{name}" not in documented
        and id(getattr(import_module(module), name)) not in things
    ]
    assert missing == []


def test_exceptions_and_warnings_have_their_place(site: Path) -> None:
    from scalargrad import errors

    text = (site / "reference/errors.html").read_text(encoding="utf-8")
    own = [name for name, thing in vars(errors).items() if isinstance(thing, type)]
    assert [name for name in own if f'id="scalargrad.errors.{name}"' not in text] == ["Any"]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("losses", ["mse", "hinge", "cross_entropy", "−1 or 1"]),
        ("optim", ["adamw", "rmsprop"]),
        ("nn", ["gelu_tanh", "LogSoftmax"]),
        ("training", ["f1_macro", "r2"]),
        ("doctor", ["saturated", "vanishing"]),
        ("operations", ["logsumexp", "⌊÷⌋"]),
    ],
)
def test_tables_are_written_from_the_code(site: Path, page: str, names: list[str]) -> None:
    text = (site / f"reference/{page}.html").read_text(encoding="utf-8")
    table = re.sub(r"<[^>]+>", " ", text[text.index("<table") : text.index("</table>")])
    assert [name for name in names if name not in table] == []


def test_code_in_tables_is_not_escaped(site: Path) -> None:
    text = (site / "reference/optim.html").read_text(encoding="utf-8")
    schedules = text[text.index('id="schedules"') : text.index('id="classes-and-functions"')]
    assert "min_lr" in schedules
    assert "\\" not in schedules


def test_classes_show_what_they_are_called_with(site: Path) -> None:
    text = (site / "reference/nn.html").read_text(encoding="utf-8")
    start = text.index('id="scalargrad.nn.Attention"')
    shown = re.sub(r"<[^>]+>", "", text[start : text.index("</dt>", start)])
    assert "size" in shown
    assert "heads" in shown


def test_nothing_is_loaded_from_the_network(site: Path) -> None:
    loading = re.compile(
        r"""<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)=["']?(?:https?:)?//"""
    )
    assert [path.name for path, text in pages(site) if loading.search(text)] == []
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert not [
        sheet for sheet in sheets if re.search(r"(?:url\(|@import)[\"' ]*(?:https?:)?//", sheet)
    ]


def test_everything_that_a_page_points_to_is_there(site: Path) -> None:
    missing = []
    for path, text in pages(site):
        for address in re.findall(r'(?:src|href)="([^"]+)"', text):
            target = urlsplit(address)
            if target.path and not target.scheme and not target.netloc:
                file = path.parent / unquote(target.path)
                missing += [] if file.exists() else [f"{path.name}: {address}"]
    assert missing == []


def test_live_pages_have_a_picture_in_their_place(site: Path) -> None:
    figures = [
        figure
        for _, text in pages(site)
        for figure in re.findall(r'<figure class="live">.*?</figure>', text, re.DOTALL)
    ]
    assert len(figures) >= 4
    for figure in figures:
        assert re.search(r'<iframe src="[^"]+\.html" title="[^"]{40}', figure)
        assert re.search(r'<img src="[^"]+\.svg" alt="[^"]{40}', figure)


def test_pages_of_the_gallery_lead_back_to_the_site(tmp_path: Path) -> None:
    from demos.site import pages_of
    from docs.extensions.gallery import copy_gallery

    gallery = tmp_path / "demos"
    gallery.mkdir()
    for name, text in pages_of([], gallery, quick=True).items():
        (gallery / name).write_text(text, encoding="utf-8")
    app: Any = SimpleNamespace(config=SimpleNamespace(gallery=gallery), outdir=tmp_path / "site")

    copy_gallery(app, None)
    shown = (tmp_path / "site/gallery/index.html").read_text(encoding="utf-8")
    assert shown.count('<a href="../index.html">') == 1
