"""Rules of the code that no linter knows: light imports, names of operations, sizes, docstrings.

Which module may import which is written in `pyproject.toml` as contracts for import-linter, and
that every module, class and function has a docstring is ruff's to say.
"""

import ast
import functools
import importlib
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scalargrad.core.ops import TABLE
from scalargrad.errors import MissingLibraryError

ROOT = Path(__file__).parent.parent
PACKAGES = ("scalargrad", "viz", "demos")


@dataclass(frozen=True)
class Source:
    """A file of the three packages, read and parsed once for all rules."""

    path: Path
    place: str
    module: str
    text: str
    nodes: tuple[ast.AST, ...]
    """Every node of the file, the outer ones first."""

    @functools.cached_property
    def code(self) -> frozenset[int]:
        """The numbers of the lines that hold code: no blank lines, comments or docstrings."""
        covered: set[int] = set()
        for node in self.nodes:
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                covered |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        lines = enumerate(self.text.splitlines(), 1)
        return frozenset(
            i
            for i, line in lines
            if i not in covered and line.strip() and not line.strip().startswith("#")
        )


def read(path: Path) -> Source:
    place = path.relative_to(ROOT)
    parts = place.with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Source(path, place.as_posix(), module, text, tuple(ast.walk(ast.parse(text))))


@functools.cache
def sources() -> list[Source]:
    """All files, read by the first test that asks: every process of the tests imports this."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [read(path) for path in paths]


EXTRAS = {
    *("demos", "graphviz", "jax", "llvmlite", "matplotlib", "pygraphviz", "scipy"),
    *("sklearn", "tests", "torch", "tqdm", "viz", "vl_convert"),
}


IMPORT = """
import sys, time
start = time.process_time()
import numpy
numpy_alone = time.process_time()
import scalargrad, scalargrad.nn
packages = {name.split(".")[0] for name in sys.modules}
print(numpy_alone - start, time.process_time() - start, *packages)
"""


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What three fresh processes print: seconds for NumPy, for both, and the packages loaded.

    The seconds are the processor's, which a busy machine hardly disturbs.
    """
    command = [sys.executable, "-c", IMPORT]
    # The first of them compiles, the others find what it compiled, as on any second start.
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("compiled"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    run = functools.partial(subprocess.run, capture_output=True, text=True, check=True, cwd=ROOT)
    return [run(command, env=environment).stdout.split() for _ in range(3)]


def test_importing_scalargrad_imports_no_extra(imports: list[list[str]]) -> None:
    loaded = set(imports[0][2:])
    assert "scalargrad" in loaded
    assert not loaded & EXTRAS


def test_importing_costs_about_what_numpy_costs_and_not_thrice(imports: list[list[str]]) -> None:
    numpy = min(float(words[0]) for words in imports)
    both = min(float(words[1]) for words in imports)
    assert both < 3.0 * numpy


# Names of operations

NAMESPACES = {"VALUES", "FLOATS", "FUNCTIONS"}

ALLOWED = {
    # what missing cells may be filled with
    "scalargrad/data/reading.py": {"mean"},
    # the default activation is part of the interface, to be read in the signature
    "scalargrad/nn/convolution.py": {"relu"},
    "scalargrad/nn/layers.py": {"relu"},
    "scalargrad/nn/recommended.py": {"elu"},
    "scalargrad/nn/recurrent.py": {"sigmoid", "tanh"},
    # and so are the reductions of a loss, and which way is better
    "scalargrad/losses.py": {"mean", "sum"},
    "scalargrad/optim/schedules.py": {"abs", "max", "min"},
    "scalargrad/training/callbacks.py": {"max", "min"},
    # that of a gradient, as a label
    "scalargrad/doctor/checks.py": {"norm"},
    # NumPy's name
    "scalargrad/compiler/runtime.py": {"take"},
    # Python's operators have names, too; and on Values a condition is decided already, so `where`
    # is replaced in their namespace
    "scalargrad/core/operations.py": {"add", "mul", "pow", "sub", "where"},
}
"""Where the name of an operation may stand outside of the table, and why."""


def names_of_operations(source: Source) -> set[str]:
    """Names of the table that the code spells as text, or as an attribute of a namespace."""
    docs = {id(node.value) for node in source.nodes if isinstance(node, ast.Expr)}
    constants = (
        node.value
        for node in source.nodes
        if isinstance(node, ast.Constant) and id(node) not in docs
    )
    texts = {value for value in constants if isinstance(value, str)}
    attributes = {
        node.attr
        for node in source.nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in NAMESPACES
    }
    return (texts | attributes) & set(TABLE)


def test_names_of_operations_are_spelled_in_the_table_only() -> None:
    offenders = []
    for source in sources():
        if not source.place.startswith("scalargrad/"):
            continue
        if source.place not in ("scalargrad/core/ops.py", "scalargrad/core/floats.py"):
            spelled = names_of_operations(source) - ALLOWED.get(source.place, set())
            offenders += [f"{source.place} spells {name}" for name in sorted(spelled)]
    assert offenders == []


# Size


def test_functions_are_short() -> None:
    offenders = []
    for source in sources():
        for node in source.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                lines = len(source.code & set(range(node.lineno, node.end_lineno + 1)))
                if lines > 60:
                    offenders.append(f"{source.place}: {node.name} has {lines} lines")
    assert offenders == []


def test_files_are_short() -> None:
    longer = {"scalargrad/core/ops.py": 600}  # a row for each operation
    limits = [(source, longer.get(source.place, 500)) for source in sources()]
    assert [
        f"{source.place} has {len(source.code)} lines"
        for source, limit in limits
        if len(source.code) >= limit
    ] == []


def test_a_demo_is_a_page() -> None:
    machinery = {"__init__", "__main__", "catalog", "gallery", "learning", "listing", "notation"}
    machinery |= {"readme", "site", "site_style", "story"}
    demos = [
        source
        for source in sources()
        if source.path.parent == ROOT / "demos" and source.path.stem not in machinery
    ]
    assert demos
    assert [
        f"{source.place} has {len(source.code)} lines" for source in demos if len(source.code) > 210
    ] == []


# Words


def public_things() -> Iterator[tuple[str, object]]:
    """Classes and functions of every module that can be imported here, by full name."""
    for name in (source.module for source in sources()):
        if name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(name)
        except MissingLibraryError:
            continue
        for own, thing in vars(module).items():
            if (
                not own.startswith("_")
                and getattr(thing, "__module__", None) == name
                and (inspect.isclass(thing) or inspect.isroutine(thing))
            ):
                yield f"{name}.{own}", thing


def members(thing: object) -> Iterator[tuple[str, object]]:
    if inspect.isclass(thing):
        for name, member in vars(thing).items():
            if not name.startswith("_") and (
                inspect.isfunction(member) or isinstance(member, property)
            ):
                yield name, member


def test_every_public_name_has_a_docstring() -> None:
    bare = []
    for name, thing in public_things():
        every = [(name, thing), *((f"{name}.{member}", what) for member, what in members(thing))]
        bare += [
            full for full, what in every if not inspect.getdoc(what)
        ]  # that of the class which introduces a method counts
    assert bare == []
