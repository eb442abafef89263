"""The distribution: its name, its extras, and what messages tell people to install."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
SOURCES = [
    path
    for package in ("scalargrad", "viz", "demos")
    for path in (ROOT / package).rglob("*")
    if path.suffix in (".py", ".js", ".html")
]

INSTALLED = re.compile(r"pip install (?!-e)([a-z\"'][^;:.,`)\n]*)")
"""What a message says to install; `pip install -e ".[demos]"` installs this folder."""


def requirements() -> list[str]:
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    return [*PROJECT["dependencies"], *extras]


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert found is not None
    return found[0].lower()


def test_the_distribution_is_not_the_project_that_has_the_short_name_on_the_index() -> None:
    assert PROJECT["name"] == "scalargrad-viz"


def test_extras_that_name_others_name_this_distribution() -> None:
    own = [line for line in requirements() if name_of(line).startswith("scalargrad")]
    assert own
    for line in own:
        found = re.fullmatch(r"scalargrad-viz\[(\w+(?:,\w+)*)\]", line)
        assert found, line
        assert set(found[1].split(",")) <= set(PROJECT["optional-dependencies"])


def test_no_text_installs_a_stranger() -> None:
    offenders = []
    for path in [*SOURCES, ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"pip3? install[^\n`]*\bscalargrad\b(?!-viz)|\bscalargrad\[", text)
        offenders += [f"{path.relative_to(ROOT).as_posix()}: {words}" for words in found]
    assert offenders == []


def test_messages_name_libraries_that_the_project_knows() -> None:
    known = {name_of(line) for line in requirements()} | {"torch"}
    known |= {f"scalargrad-viz[{extra}]" for extra in [*PROJECT["optional-dependencies"], "NAME"]}
    named = set()
    for path in SOURCES:
        if path.suffix == ".py":
            for words in INSTALLED.findall(path.read_text(encoding="utf-8")):
                named |= {
                    word
                    for word in words.replace('"', " ").replace("'", " ").split()
                    if not word.startswith(("{", "\\"))
                }
    assert {"matplotlib", "vl-convert-python", "jax"} <= named
    assert {word for word in named if "}" not in word} <= known


def test_the_libraries_of_animations_are_those_of_the_extra() -> None:
    from viz.animation.video import _PACKAGES

    extras = PROJECT["optional-dependencies"]
    wanted = {name_of(line) for line in [*extras["video"], *extras["images"]]} - {"scalargrad-viz"}
    assert set(" ".join(_PACKAGES.values()).split()) == wanted


# What is built


def describe_for_index(readme: str, urls: dict[str, str]) -> str:
    namespace = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
    text: str = namespace["describe_for_index"](readme, urls)
    return text


PICTURE = "![A neuron](demos/pictures/neuron-cards.svg)"
LINK = "see [the changes](CHANGELOG.md)"


def test_on_an_index_pictures_and_links_lead_to_the_repository() -> None:
    urls = {"Source": "https://example.org/us/scalargrad/"}
    base = "https://example.org/us/scalargrad"
    assert describe_for_index(f"{PICTURE}\n{LINK}", urls) == (
        f"![A neuron]({base}/raw/main/demos/pictures/neuron-cards.svg)\n"
        f"see [the changes]({base}/blob/main/CHANGELOG.md)"
    )


def test_without_a_repository_there_are_words() -> None:
    assert describe_for_index(f"{PICTURE}\n{LINK}", {}) == "*A neuron*\nsee the changes"


@pytest.mark.parametrize("urls", [{}, {"Source": "https://example.org/a"}])
def test_nothing_of_the_readme_leads_nowhere_on_an_index(urls: dict[str, str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = describe_for_index(readme, urls)
    targets = re.findall(r"\]\(([^)\s]+)\)", shown)
    assert [target for target in targets if (ROOT / target).exists()] == []
    assert re.findall(r"```python\n.*?```", shown, re.DOTALL) == re.findall(
        r"```python\n.*?```", readme, re.DOTALL
    )


def test_the_sdist_holds_every_folder() -> None:
    """All tests and demos or none: half of them can't run."""
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8")
    grafted = set(re.findall(r"^graft (\S+)$", manifest, re.MULTILINE))
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert ours - {"scalargrad", "viz"} <= grafted
    included = re.findall(r"^include (.+)$", manifest, re.MULTILINE)
    assert {"CHANGELOG.md", "conftest.py"} <= set(" ".join(included).split())


@pytest.mark.parametrize("package", ["scalargrad", "viz"])
def test_both_packages_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    assert "py.typed" in PYPROJECT["tool"]["setuptools"]["package-data"][package]


@pytest.mark.parametrize("package", ["scalargrad", "viz"])
def test_every_file_of_a_package_is_in_the_wheel(package: str) -> None:
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"][package]
    carried = {path for pattern in patterns for path in (ROOT / package).glob(pattern)}
    others = {
        path
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert others <= carried
