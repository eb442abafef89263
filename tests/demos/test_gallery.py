"""The gallery: complete, well formed, safe, and honest about what was run."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from demos import gallery as shared
from demos import moons
from demos.__main__ import DEMOS, main
from demos.catalog import CARDS, GROUPS
from demos.gallery import Explorer, Picture, Story, write_gallery
from demos.learning import outputs_of, watch_training
from demos.listing import highlight
from demos.site import page_name, pages_of
from scalargrad import no_grad
from scalargrad.data import StandardScaler
from scalargrad.optim import Adam
from tests.demos.conftest import Gallery, Told
from tests.demos.page import LARGEST, Page, faults_of

ROOT = Path(__file__).parents[2]
HOSTILE = "a|b {x} <b> w<0> a\\N x\"y' tail\\ <script>alert(1)</script> ]]> --> 日本 \0 \x0b \u2028"


def read(gallery: Gallery, name: str) -> Page:
    """A page of the gallery."""
    return Page((gallery.folder / f"{name}.html").read_text(encoding="utf-8"))


def test_the_gallery_is_complete_and_well_formed(gallery: Gallery) -> None:
    assert faults_of(gallery.folder, list(DEMOS)) == []
    assert {path.name.partition("-")[0] for path in gallery.folder.glob("*.svg")} == set(DEMOS)


@pytest.mark.parametrize("name", ["index", "readme", "neuron-code", *DEMOS])
def test_the_pages_need_no_script_and_no_network(gallery: Gallery, name: str) -> None:
    page = read(gallery, name)
    assert "script" not in page.tags
    assert not [attribute for attribute in page.names if attribute.startswith("on")]
    assert not [link for link in page.links if ":" in link or link.startswith("/")]
    assert not re.search(r"url\(|@import", page.style)
    assert "default-src 'none'" in page.policy
    assert "prefers-color-scheme: dark" in page.style


def test_the_groups_hold_every_demo_once() -> None:
    names = [name for group in GROUPS for name in group.cards]
    assert sorted(names) == sorted(DEMOS)
    assert len(GROUPS) == 5


def test_the_first_page_shows_the_groups_in_order(gallery: Gallery) -> None:
    links = [link for link in read(gallery, "index").links if link.removesuffix(".html") in DEMOS]
    assert links == [f"{name}.html" for group in GROUPS for name in group.cards]


@pytest.mark.parametrize("name", DEMOS)
def test_a_cover_is_a_part_of_a_picture_of_its_demo(
    gallery: Gallery, told: Callable[[str], Told], name: str
) -> None:
    cover = CARDS[name].cover
    assert cover.file in [picture.file for picture in told(name).story.pictures]
    root = ElementTree.parse(gallery.folder / cover.file).getroot()
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    assert 0.0 <= cover.left < cover.left + cover.width <= width
    assert 0.0 <= cover.top < cover.top + cover.height <= height


def test_no_cover_is_a_picture_as_a_whole(gallery: Gallery) -> None:
    for name, card in CARDS.items():
        root = ElementTree.parse(gallery.folder / card.cover.file).getroot()
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        assert card.cover.width * card.cover.height < 0.9 * width * height, name


@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_has_code_and_a_page_to_explore_or_to_train_in(gallery: Gallery, name: str) -> None:
    page = read(gallery, name)
    assert "pre" in page.tags
    pages = [link for link in page.links if re.search(r"-(explore|train)\.html$", link)]
    assert pages
    assert [link for link in page.links if re.fullmatch(r"\w+-code\.html#L\d+", link)]


@pytest.mark.parametrize("name", ["moons", "logic", "quadrants", "lines"])
def test_a_demo_leads_to_a_page_that_trains(gallery: Gallery, name: str) -> None:
    assert f"{name}-train.html" in read(gallery, name).links


def test_the_gallery_opens_with_a_film_that_leads_to_the_playground(gallery: Gallery) -> None:
    links = read(gallery, "index").links
    assert links.count("moons-train.html") == 3  # in the menu, on a button, around the film
    assert links[links.index("moons-learning.svg") - 1] == "moons-train.html"


@pytest.mark.parametrize("name", DEMOS)
def test_pictures_come_before_numbers(gallery: Gallery, name: str) -> None:
    text = (gallery.folder / f"{name}.html").read_text(encoding="utf-8")
    assert 0 < text.rindex("<figure") < text.index('<dl class="numbers">')


@pytest.mark.parametrize("name", DEMOS)
def test_links_to_code_lead_to_the_line_that_is_shown(
    gallery: Gallery, told: Callable[[str], Told], name: str
) -> None:
    for listing in told(name).story.code:
        whole = (ROOT / "demos" / listing.file).read_text(encoding="utf-8").splitlines()
        shown = listing.source.splitlines()
        place = listing.first - 1
        assert [line.strip() for line in whole[place : place + len(shown)]] == [
            line.strip() for line in shown
        ]
        assert f"L{listing.first}" in read(gallery, f"{listing.file[:-3]}-code").ids


def test_lines_of_the_neuron_have_the_numbers_that_they_led_to(
    told: Callable[[str], Told],
) -> None:
    (listing,) = told("neuron").story.code
    lines = {number: line.strip() for number, line in enumerate(listing.source.splitlines())}
    found = {lines[number - listing.first]: text for number, text in listing.results.items()}
    z = -1.0 * -3.0 - 1.5 * 2.0 + 0.5
    says = 1.0 / (1.0 + math.exp(-z))
    assert found == {
        "z = w1 * x1 + w2 * x2 + b": f"{z:.3g}",
        "prediction = sigmoid(z)": f"{says:.3g}",
        "error = prediction - target": f"−{2.0 - says:.3g}",
        "loss = error**2": f"{(says - 2.0) ** 2:.3g}",
    }


def test_colored_code_is_the_code() -> None:
    source = 'def f(x):\n    """Two\n    lines."""\n    return g(x) < 2.5  # a < b'
    page = Page("".join(f"<p>{line}</p>\n" for line in highlight(source)))
    assert page.text.rstrip("\n") == source
    assert page.faults == []


def test_what_is_no_python_is_shown_as_it_is() -> None:
    assert highlight('x = """<b>') == ["x = &quot;&quot;&quot;&lt;b&gt;"]


def test_the_formula_of_the_neuron_multiplies_up(told: Callable[[str], Told]) -> None:
    formula = told("neuron").story.formula
    assert formula is not None
    text = Page(formula.mathml).text
    _, _, factors, product = text.split("=")
    numbers = [float(factor.strip("()").replace("−", "-")) for factor in factors.split("·")]
    assert math.prod(numbers) == pytest.approx(float(product), rel=0.01)


def test_the_film_ends_with_a_network_that_tells_the_moons_apart() -> None:
    points, labels = moons.two_moons()
    scaled = StandardScaler().fit(points).transform(points)
    model = moons.small_network()
    rule = Adam(model.parameters(), 0.03)
    found = watch_training(model, scaled, labels, loss="mse", optimizer=rule, batch_size=20, seed=0)
    first, *_, last = found.moments
    assert (first.epoch, last.epoch) == (0, 200)
    assert last.loss < 0.1 < first.loss
    answers = outputs_of(last.layers, scaled)[-1][0]
    assert (answers * labels > 0.0).mean() >= 0.98
    with no_grad():
        assert model(scaled[0].tolist()).data == pytest.approx(answers[0], rel=1e-12)


def test_progress_says_which_demo_of_how_many(gallery: Gallery) -> None:
    found = re.findall(
        r"^\[(\d+) of (\d+)\] .+: [\d.]+ (?:ms|s|min)$", gallery.printed, re.MULTILINE
    )
    assert found == [(str(place), str(len(DEMOS))) for place in range(1, len(DEMOS) + 1)]


def test_the_end_says_what_to_open(gallery: Gallery) -> None:
    last = gallery.printed.rstrip().splitlines()[-1]
    assert str((gallery.folder / "index.html").resolve()) in last


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
    assert {path.suffix for path in gallery.folder.iterdir()} == {".svg", ".html", ".webp"}


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
    text = {name: read(gallery, name).text for name in ("index", "neuron", "digits")}
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
