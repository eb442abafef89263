"""Pages of the documentation: their examples run, their links lead somewhere, they are short."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from docs.extensions.docstrings import convert_lines, escape
from docs.extensions.pages import DOCS, list_pages, read_examples, run_examples
from scalargrad.core.ops import TABLE

PAGES = {path.relative_to(DOCS).as_posix(): path for path in list_pages()}
WITH_EXAMPLES = [name for name, path in PAGES.items() if ">>>" in path.read_text(encoding="utf-8")]
LONGEST = {"learn": 150, "how-to": 100}
"""Lines of a page, by its folder."""


def read(name: str) -> str:
    return PAGES[name].read_text(encoding="utf-8")


def run(text: str) -> tuple[str, list[Any]]:
    """Return the report about a page, and what it shows."""
    shown: list[Any] = []
    return run_examples(read_examples(text, "page", shown.append)), shown


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_print_what_the_page_says(name: str) -> None:
    report, _ = run(read(name))
    assert not report, report


def test_every_page_to_learn_or_to_do_has_examples() -> None:
    assert {name for name in PAGES if name.startswith(("learn/", "how-to/"))} <= set(WITH_EXAMPLES)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_a_file(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", read(name))
    assert [target for target in targets if not (PAGES[name].parent / target).is_file()] == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_short(name: str) -> None:
    assert len(read(name).splitlines()) <= LONGEST.get(Path(name).parts[0], 150)


def test_every_page_is_in_the_contents() -> None:
    contents = re.findall(r"```\{toctree\}\n.*?\n\n(.*?)```", read("index.md"), re.DOTALL)
    listed = [f"{name}.md" for block in contents for name in block.split()]
    assert sorted(listed) == sorted(set(PAGES) - {"index.md"})


def test_pictures_have_a_description() -> None:
    for name in PAGES:
        for directive in re.findall(r"```\{(?:picture|live)\} .*?```", read(name), re.DOTALL):
            assert re.search(r"^:alt: .{40}", directive, re.MULTILINE), (name, directive)


def test_a_wrong_output_is_reported_with_its_line() -> None:
    report, _ = run("Text.\n\n```python\n>>> 1 + 1\n2\n>>> 1 + 1\n3\n```\n")
    assert 'File "page", line 6' in report
    assert report.count("Failed example") == 1


def test_directives_show_what_the_names_are_at_their_place() -> None:
    page = "```python\n>>> x = 1\n```\n```{picture} x\n:alt: one\n```\n```python\n>>> x = 2\n```\n"
    assert run(page + "```{live} x\n:picture: -x\n```\n") == ("", [1, 2, -2])


def test_a_picture_for_a_column_is_drawn_for_phones_too() -> None:
    page = '```{picture} dict(width="column")\n:alt: a picture\n```\n'
    assert run(page) == ("", [{"width": "column"}, {"width": "phone"}])


def test_operations_of_a_page_are_removed() -> None:
    page = "```python\n>>> import scalargrad as sg\n>>> @sg.operation\n... def cubed(m, x):\n"
    assert run(page + "...     return x * x * x\n>>> cubed(2.0)\n8.0\n```\n") == ("", [])
    assert "cubed" not in TABLE


def test_an_error_in_a_directive_is_reported() -> None:
    report, shown = run("```{picture} nothing\n:alt: nothing\n```\n")
    assert "NameError" in report
    assert shown == []


def test_signs_of_docstrings_are_no_markup() -> None:
    assert escape("|x| is x*y for and_ in `a*b_`") == r"\|x\| is x\*y for and\_ in `a*b_`"
    assert escape("snake_case_name stays") == "snake_case_name stays"


def test_indented_paragraphs_of_a_docstring_are_code() -> None:
    lines = ["A loop:", "", "    x = y*z", "", "    x_", "And *", "", "Args:", "    a_: One."]
    code = ["A loop:", "", "::", "", "    x = y*z", "", "    x_"]
    assert convert_lines(lines) == [*code, r"And \*", "", "Args:", r"    a\_: One."]


def test_sessions_of_a_docstring_stay_as_they_are() -> None:
    lines = ["Example:", "    >>> x*y", "    |z|", "", "    And", "    >>> y*z", "", "|x|"]
    assert convert_lines(lines) == [*lines[:-1], r"\|x\|"]


def test_pages_install_this_distribution_with_extras_that_it_has() -> None:
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = {
        what for name in PAGES for what in re.findall(r'pip install (?:-e )?"([^"]+)"', read(name))
    }
    allowed = {f"{target}[{extra}]" for extra in extras for target in (project["name"], ".")}
    assert named
    assert named <= allowed
