"""The gallery: complete, well formed, safe, and honest about what was run."""

import re
from pathlib import Path

import pytest

from demos import gallery as shared
from demos.__main__ import DEMOS, main
from demos.gallery import Explorer, Picture, Story, write_gallery
from demos.site import page_name, pages_of
from tests.demos.conftest import Gallery
from tests.demos.page import LARGEST, Page, faults_of

HOSTILE = "a|b {x} <b> w<0> a\\N x\"y' tail\\ <script>alert(1)</script> ]]> --> 日本 \0 \x0b \u2028"


def test_the_gallery_is_complete_and_well_formed(gallery: Gallery) -> None:
    assert faults_of(gallery.folder, list(DEMOS)) == []
    assert len({path.name.partition("-")[0] for path in gallery.folder.glob("*.svg")}) == len(DEMOS)


@pytest.mark.parametrize("name", ["index", *DEMOS])
def test_the_pages_need_no_script_and_no_network(gallery: Gallery, name: str) -> None:
    text = (gallery.folder / f"{name}.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert not [attribute for attribute in page.names if attribute.startswith("on")]
    assert not re.search(r"https?:|//|url\(|@import", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


EXPLORED = (
    "neuron",
    "moons",
    "quadrants",
    "descent",
    "tape",
    "dictionary",
    "engine",
    "sparrow",
    "logic",
    "doctor",
    "names",
    "compiled",
)


@pytest.mark.parametrize("name", EXPLORED)
def test_a_demo_leads_to_its_page_to_explore(gallery: Gallery, name: str) -> None:
    assert (
        f"{name}-explore.html"
        in Page((gallery.folder / f"{name}.html").read_text(encoding="utf-8")).links
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("'use strict'", "'use  strict'", "its policy does not know its script"),
        ("default-src 'none'", "default-src 'self'", "its policy allows more than it needs"),
        ("</main>", '<a href="https://example.org"></a></main>', "it links to https://example.org"),
        ("</main>", '<p onclick="alert(1)"></p></main>', "it has the attribute onclick"),
        ("</main>", "</main></p>", "</p> closes what is not open"),
        ("</main>", f"{'x' * LARGEST}</main>", "bytes large"),
    ],
)
def test_what_is_wrong_with_a_page_to_explore_is_found(
    gallery: Gallery, tmp_path: Path, old: str, new: str, fault: str
) -> None:
    text = (gallery.folder / "neuron-explore.html").read_text(encoding="utf-8")
    (tmp_path / "demo-explore.html").write_text(text.replace(old, new), encoding="utf-8")
    (tmp_path / "index.html").write_text(
        '<a href="demo.html"></a><a href="demo-explore.html"></a>', encoding="utf-8"
    )
    (tmp_path / "demo.html").write_text("", encoding="utf-8")
    assert [found for found in faults_of(tmp_path, ["demo"]) if fault in found]


def test_pictures_follow_the_reader_into_the_dark(gallery: Gallery) -> None:
    for path in gallery.folder.glob("*.svg"):
        assert re.search(r"prefers-color-scheme:\s*dark", path.read_text(encoding="utf-8")), (
            path.name
        )


def test_nothing_temporary_is_left(gallery: Gallery) -> None:
    assert {path.suffix for path in gallery.folder.iterdir()} == {".svg", ".html"}


def test_progress_is_shown_with_loss_and_accuracy(gallery: Gallery) -> None:
    assert re.search(r"epoch 100: loss \d\.\d+, .*accuracy [\d.]+.*100%.*100/100", gallery.progress)
    assert re.search(r"epoch 10: loss \d\.\d+.*1000/1000", gallery.progress)


def test_training_helped(gallery: Gallery) -> None:
    found = re.search(r"step 100: loss (\S+), accuracy (\d+)% on the 100 samples", gallery.printed)
    assert found is not None
    assert float(found[1]) < 0.05
    assert int(found[2]) >= 99
    right = re.search(
        r"test: (\d+) of 797 images that were held out are read correctly \((\d+\.\d)%\)",
        gallery.printed,
    )
    assert right is not None
    assert 0.85 < int(right[1]) / 797 < 1.0
    assert float(right[2]) == pytest.approx(100 * int(right[1]) / 797, abs=0.05)


def test_the_pages_show_the_numbers_that_were_printed(gallery: Gallery) -> None:
    text = {
        name: Page((gallery.folder / f"{name}.html").read_text(encoding="utf-8")).text
        for name in ("index", "neuron", "digits")
    }
    right = re.search(r"test: (\d+ of 797)", gallery.printed)
    assert right is not None
    assert right[1] in text["digits"]
    assert "−2.7551" in text["neuron"]
    assert "quick setting" in text["index"]


def hostile_story(folder: Path) -> Story:
    (folder / "a b#<1>.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"/>', encoding="utf-8"
    )
    (folder / "a b#<1>.html").write_text("<!DOCTYPE html>", encoding="utf-8")
    explorers = (Explorer("a b#<1>.html", HOSTILE),)
    return Story(
        HOSTILE,
        HOSTILE,
        (HOSTILE,),
        ((HOSTILE, HOSTILE),),
        (Picture("a b#<1>.svg", HOSTILE, HOSTILE),),
        explorers,
    )


def test_hostile_texts_are_escaped(tmp_path: Path) -> None:
    story = hostile_story(tmp_path)
    pages = {
        name: Page(text) for name, text in pages_of([story, story], tmp_path, quick=True).items()
    }
    assert list(pages) == ["index.html", page_name(story)]
    for page in pages.values():
        assert page.faults == []
        assert not page.tags & {"script", "b"}
        assert not set(page.text) & set("\0\x0b\u2028")
        assert [alt for alt in page.alts if "<script>" in alt]
    assert (
        pages[page_name(story)].text.count("<script>alert(1)</script> ]]> --> 日本") == 8
    )  # and in title, way on, way back
    assert re.fullmatch(r"[\w-]+\.html", page_name(story), re.ASCII)


def test_file_names_with_odd_characters_are_found(tmp_path: Path) -> None:
    story = hostile_story(tmp_path)
    for name, text in pages_of([story], tmp_path, quick=True).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert faults_of(tmp_path, [page_name(story).removesuffix(".html")]) == [
        f"no picture of the demo {page_name(story)[:-5]}"
    ]


def test_a_demo_that_fails_leaves_the_old_page(tmp_path: Path) -> None:
    def breaks(folder: Path, quick: bool) -> Story:
        raise RuntimeError(f"no picture of {folder.name} today, quick={quick}")

    (tmp_path / "index.html").write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError, match="no picture"):
        write_gallery([breaks], tmp_path, quick=True)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["moon"], "did you mean 'moons'"), (["zzz"], "choose from neuron, moons, digits")],
)
def test_an_unknown_demo_is_a_clear_error(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_help_names_the_demos(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*DEMOS, "--out", "--quick"))


def test_a_missing_extra_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared, "find_spec", lambda name: None if name == "sklearn" else name)
    with pytest.raises(
        SystemExit, match=r'need scikit-learn\..*\n\n    pip install -e "\.\[demos\]"'
    ):
        main(["--out", str(tmp_path / "gallery")])
    assert not (tmp_path / "gallery").exists()


def test_a_folder_that_can_not_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "gallery"):
        with pytest.raises(SystemExit, match=r"can't be written to .*--out"):
            main(["neuron", "--out", str(out)])
