"""`python -m scalargrad`, the version, and what the engine needs at run time."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

import scalargrad
from scalargrad import __main__ as command

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert not done.returncode, done.stderr
    return done.stdout


def libraries(extra: str) -> set[str]:
    """The distributions that an extra brings, those of extras that it names included."""
    found = set()
    for line in PROJECT["optional-dependencies"][extra]:
        own = re.fullmatch(r"scalargrad-viz\[([\w,]+)\]", line)
        if own:
            found |= {name for each in own[1].split(",") for name in libraries(each)}
        else:
            found |= set(re.findall(r"^[\w.-]+", line))
    return found


def test_the_version_is_written_once() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", scalargrad.__version__)
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT


def test_the_libraries_that_are_listed_are_those_of_the_distribution() -> None:
    required = {re.findall(r"^[\w.-]+", line)[0] for line in PROJECT["dependencies"]}
    assert set(command.REQUIRED) == required
    listed = {extra: set(names.split()) for extra, (_, names) in command.EXTRAS.items()}
    assert listed == {extra: libraries(extra) for extra in PROJECT["optional-dependencies"]}


def test_the_command_prints_versions_and_extras() -> None:
    printed = run("-m", "scalargrad")
    assert f"scalargrad-viz {scalargrad.__version__}" in printed
    assert str(ROOT / "viz") in printed
    numpy = re.search(r"^numpy (\S+) ", printed, re.MULTILINE)
    assert numpy is not None
    assert numpy[1] == sys.modules["numpy"].__version__
    extras = re.findall(r"^(\w+) +.* (?:installed|missing: .*)$", printed, re.MULTILINE)
    assert sorted(extras) == sorted(PROJECT["optional-dependencies"])


def test_the_command_imports_the_engine_alone() -> None:
    program = "import runpy, sys; runpy.run_module('scalargrad', run_name='__main__'); "
    printed = run("-c", program + "print(*{name.partition('.')[0] for name in sys.modules})")
    loaded = set(printed.splitlines()[-1].split())
    assert {"scalargrad", "numpy"} <= loaded
    assert not loaded & {"viz", "graphviz", "pygraphviz", "matplotlib", "jax", "llvmlite", "PIL"}


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("llvmlite", "pygraphviz"):
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(command, "version", version)
    printed = command.describe_installation()
    assert re.search("^native .* missing: llvmlite$", printed, re.MULTILINE)
    assert re.search("^pygraphviz is missing ", printed, re.MULTILINE)
    assert re.search("^images .* installed$", printed, re.MULTILINE)


ALONE = """
import sys
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

ALLOWED = sys.stdlib_module_names | {"numpy", "safetensors", "scalargrad"}


class Refuse:
    '''A finder that is asked first, and knows neither an extra nor a library of pictures.'''

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Refuse())
OPTIONAL = tuple(
    f"scalargrad.{name}" for name in ("compiler.jax_backend", "compiler.native", "interop")
)
import scalargrad as sg
for module in walk_packages(sg.__path__, "scalargrad."):
    if not module.name.startswith(OPTIONAL) and not module.name.endswith("__main__"):
        import_module(module.name)

from scalargrad import data, nn
X, y = data.moons(40, seed=1)
model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
losses = sg.fit(model, X, y, loss="mse", epochs=3, compiled=%s, progress=False)["loss"]
print(losses[0] > losses[-1], sg.diagnose(model, X, y).samples)
"""


@pytest.mark.parametrize("compiled", [True, False])
def test_the_engine_alone_needs_numpy_and_safetensors_only(compiled: bool) -> None:
    assert run("-c", ALONE % compiled) == "True 40\n"
