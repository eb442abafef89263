"""The README is true: its snippets run and print what it shows, its links lead somewhere."""

import doctest
import re
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

import viz
from demos import moons, neuron
from demos.__main__ import DEMOS
from scalargrad.nn import MLP

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
    for name in (
        "neuron.svg",
        "classic.svg",
        "network.svg",
        "one-neuron-open.svg",
        "loss.svg",
        "history.svg",
        "diagnosis.svg",
    ):
        ElementTree.parse(tmp_path / name)
    assert all(
        (tmp_path / f"neuron.{ending}").stat().st_size > 100
        for ending in ("png", "pdf", "dot", "mmd", "txt")
    )


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


def test_the_picture_at_the_top_shows_the_numbers_of_the_neuron() -> None:
    kept = (ROOT / "demos/pictures/neuron-cards.svg").read_text(encoding="utf-8")
    assert numbers_in(kept) == numbers_in(
        viz.draw(neuron.forward()["L"], level="cards", width=840).svg()
    )


def test_the_picture_of_the_network_shows_the_numbers_of_the_moons() -> None:
    kept = (ROOT / "demos/pictures/moons-neurons.svg").read_text(encoding="utf-8")
    loss, _ = moons.one_sample(MLP(2, [16, 16, 1], activation="relu", seed=0), moons.two_moons())
    assert numbers_in(kept) == numbers_in(viz.draw(loss, level="neurons", width=840).svg())


def test_every_demo_is_listed_with_what_it_shows() -> None:
    assert dict(re.findall(r"^- `(\w+)`: (.*)$", README, re.MULTILINE)) == DEMOS
