"""The README is true: its snippets run and print what it shows, its links lead somewhere."""

import doctest
import re
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from demos.__main__ import DEMOS
from docs.pictures import FOLDER, PICTURES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[tuple[int, str]]:
    """The fenced blocks of a language as (line number, text)."""
    return [
        (README[: m.start(3)].count("\n"), textwrap.dedent(m[3]))
        for m in FENCE.finditer(README)
        if m[2] == language
    ]


def numbers_in(svg: str) -> list[str]:
    """The texts of a picture that are numbers, sorted."""
    texts = (
        "".join(element.itertext())
        for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    )
    return sorted(text for text in texts if re.fullmatch(r"−?[\d.]+(e−?\d+)?", text))


def test_every_block_is_a_command_or_a_snippet_with_its_output() -> None:
    assert {match[2] for match in FENCE.finditer(README)} == {"sh", "python"}
    assert all(text.startswith(">>>") for _, text in blocks("python"))


def test_snippets_run_in_order_and_print_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    report: list[str] = []
    for line, text in blocks("python"):
        test = doctest.DocTestParser().get_doctest(text, namespace, "README", "README.md", line)
        doctest.DocTestRunner(verbose=False).run(test, out=report.append, clear_globs=False)
        namespace = test.globs
    assert not report, "".join(report)
    ElementTree.parse(tmp_path / "neuron.svg")
    assert "<script>" in (tmp_path / "neuron.html").read_text(encoding="utf-8")


def test_the_two_commands_are_each_on_one_line() -> None:
    assert [text.splitlines() for _, text in blocks("sh")] == [
        ['pip install -e ".[demos]" && python -m demos', 'pip install -e ".[test]" && pytest']
    ]


def test_the_ci_script_finds_each_command_once() -> None:
    """It looks for these words in the README, so the commands are written in one place only."""
    assert 'grep -F "pip install -e \\".[$1]\\" && " README.md' in (ROOT / ".ci/run").read_text(
        encoding="utf-8"
    )
    assert [README.count(f'pip install -e ".[{extra}]" && ') for extra in ("demos", "test")] == [
        1,
        1,
    ]


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", README))
def test_links_are_relative_and_lead_to_a_file(target: str) -> None:
    assert not re.match(r"[a-z]+:|/", target)
    assert (ROOT / target).is_file()


def test_pictures_have_a_text_in_their_place() -> None:
    assert all(len(alt) > 40 for alt in re.findall(r"!\[([^\]]*)\]", README))


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_show_the_numbers_of_today(name: str) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")
    assert numbers_in(kept) == numbers_in(PICTURES[name]().svg())


def test_every_picture_is_shown() -> None:
    gallery = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    unused = [file.name for file in FOLDER.iterdir() if file.name not in README + gallery]
    assert unused == []


def test_the_readme_says_how_many_demos_there_are() -> None:
    assert f"[{len(DEMOS)} demos](docs/gallery.md)" in README
