"""The distribution: its name, its extras, and what messages tell people to install."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
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
