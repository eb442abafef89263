"""The house rules: imports point one way, the core is light, names of operations live in the table, functions stay short.

That every module, class and function has a docstring is the linter's to say: see `pyproject.toml`.
"""

import ast
import functools
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scalargrad.core.ops import TABLE

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
    def imported(self) -> frozenset[str]:
        """The full names of all modules that the file imports, wherever in the file, but for type checkers only."""
        return frozenset(_imported(self))

    @functools.cached_property
    def code(self) -> frozenset[int]:
        """The numbers of the lines that hold code: no blank lines, comments or docstrings."""
        covered: set[int] = set()
        for node in self.nodes:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                covered |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        lines = enumerate(self.text.splitlines(), 1)
        return frozenset(i for i, line in lines if i not in covered and line.strip() and not line.strip().startswith("#"))


def read(path: Path) -> Source:
    place = path.relative_to(ROOT)
    parts = place.with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Source(path, place.as_posix(), module, text, tuple(ast.walk(ast.parse(text))))


def _imported(source: Source) -> Iterator[str]:
    package = source.module if source.path.name == "__init__.py" else source.module.rpartition(".")[0]
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            yield from (_module_of(whole, alias.name) for alias in node.names)


def _module_of(whole: str, name: str) -> str:
    """`from a import b` imports the module a.b if there is one, else a."""
    folder = ROOT.joinpath(*whole.split("."))
    return f"{whole}.{name}" if (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists() else whole


SOURCES = [read(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
OF_SCALARGRAD = [source for source in SOURCES if source.module.split(".")[0] == "scalargrad"]

RANKS = [
    ("errors", "floats", "graph", "decorating", "missing", "modes", "collector", "locks", "naming", "calls", "terminal", "frames"),
    ("ops", "conversion", "hooks", "copying", "nested", "files", "seeds", "unlearned"),
    ("adjoint",),
    ("engine",),
    ("functions", "leaves"),
    ("stand_ins", "transforms", "tape", "differences", "workers", "numeric", "anomaly"),
    ("nn",),
    ("losses", "regularise", "hyperparameters", "optimiser", "optim", "schedules", "data", "checkpoint", "compiler"),
    ("training",),
    ("pretraining", "doctor"),
]
"""Rooms of scalargrad from the ground up: each imports from those below it, or from its own floor without a cycle."""

CORE = (
    *("errors", "floats", "graph", "decorating", "missing", "modes", "calls", "naming", "terminal", "frames"),
    *("ops", "conversion", "hooks", "copying", "adjoint", "unlearned", "engine", "functions"),
)
EXTRAS = ("matplotlib", "sklearn", "tqdm", "scipy", "graphviz", "pygraphviz", "vl_convert", "viz", "demos", "tests", "torch", "jax")
EXTRAS_OF = {"scalargrad.training.progress": {"tqdm"}, "scalargrad.compiler.jax_backend": {"jax"}}
"""The rooms that use an extra where it is installed: the bar, and a backend."""


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def rank(name: str) -> int:
    found = [i for i, floor in enumerate(RANKS) if name in floor]
    assert found, f"say in tests/test_house.py where scalargrad/{name} stands"
    return found[0]


def test_scalargrad_never_imports_what_stands_on_it() -> None:
    offenders = []
    for source in OF_SCALARGRAD:
        above = {name.split(".")[0] for name in source.imported} & set(EXTRAS) - EXTRAS_OF.get(source.module, set())
        offenders += [f"{source.place} imports {name}" for name in sorted(above)]
    assert offenders == []


def test_every_room_of_scalargrad_stands_on_a_floor() -> None:
    rooms = {room(source.module) for source in OF_SCALARGRAD} - {""}
    assert sorted(rooms - {name for floor in RANKS for name in floor}) == []


def test_imports_point_one_way() -> None:
    offenders = []
    for source in OF_SCALARGRAD:
        own = room(source.module)
        others = [name for name in sorted(source.imported) if name.split(".")[0] == "scalargrad" and room(name) != own]
        if own:
            offenders += [f"{source.place} imports {name}" for name in others if not room(name) or rank(room(name)) > rank(own)]
    assert offenders == []


def test_there_is_no_import_cycle() -> None:
    graph = {source.module: {name for name in source.imported if name.split(".")[0] in PACKAGES} for source in SOURCES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " imports ".join([*way[way.index(name) :], name])
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_core_needs_the_standard_library_only() -> None:
    core = [source for source in OF_SCALARGRAD if source.module in {f"scalargrad.{name}" for name in CORE}]
    assert len(core) == len(CORE)
    allowed = {"scalargrad", *sys.stdlib_module_names}
    assert [f"{source.place} imports {name}" for source in core for name in source.imported if name.split(".")[0] not in allowed] == []


IMPORT = """
import sys, time
start = time.process_time()
import numpy
numpy_alone = time.process_time()
import scalargrad, scalargrad.nn
print(numpy_alone - start, time.process_time() - start, *{name.split(".")[0] for name in sys.modules})
"""


@pytest.fixture(scope="module")
def imports() -> list[list[str]]:
    """What three fresh processes print: seconds for NumPy, seconds for NumPy and scalargrad, and the packages loaded then.

    The seconds are the processor's, which a busy machine hardly disturbs.
    """
    command = [sys.executable, "-c", IMPORT]
    return [subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split() for _ in range(3)]


def test_importing_scalargrad_imports_no_extra(imports: list[list[str]]) -> None:
    loaded = set(imports[0][2:])
    assert "scalargrad" in loaded
    assert not loaded & set(EXTRAS)


def test_importing_costs_about_what_numpy_costs_and_not_thrice(imports: list[list[str]]) -> None:
    numpy = min(float(words[0]) for words in imports)
    both = min(float(words[1]) for words in imports)
    assert both < 3.0 * numpy


# Names of operations

NAMESPACES = {"VALUES", "FLOATS", "FUNCTIONS"}

ALLOWED = {
    "scalargrad/data/reading.py": {"mean"},  # what missing cells may be filled with
    "scalargrad/nn/layers.py": {"relu"},  # the default activation is part of the interface, to be read in the signature
    "scalargrad/losses.py": {"mean", "sum"},  # and so are the reductions of a loss
    "scalargrad/doctor/checks.py": {"norm"},  # that of a gradient, as a label
    "scalargrad/core/value.py": {"where"},  # on Values a condition is decided already, so `where` is replaced in their namespace
}
"""Where the name of an operation may stand outside of the table, and why."""


def names_of_operations(source: Source) -> set[str]:
    """Names of the table that the code spells as text, or as an attribute of a namespace of operations."""
    docs = {id(node.value) for node in source.nodes if isinstance(node, ast.Expr)}
    constants = (node.value for node in source.nodes if isinstance(node, ast.Constant) and id(node) not in docs)
    texts = {value for value in constants if isinstance(value, str)}
    attributes = {
        node.attr
        for node in source.nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in NAMESPACES
    }
    return (texts | attributes) & set(TABLE)


def test_names_of_operations_are_spelled_in_the_table_only() -> None:
    offenders = []
    for source in OF_SCALARGRAD:
        if source.place not in ("scalargrad/core/ops.py", "scalargrad/core/floats.py"):
            spelled = names_of_operations(source) - ALLOWED.get(source.place, set())
            offenders += [f"{source.place} spells {name}" for name in sorted(spelled)]
    assert offenders == []


# Size


def test_functions_are_short() -> None:
    offenders = []
    for source in SOURCES:
        for node in source.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                lines = len(source.code & set(range(node.lineno, node.end_lineno + 1)))
                if lines > 40:
                    offenders.append(f"{source.place}: {node.name} has {lines} lines")
    assert offenders == []


def test_files_are_short() -> None:
    longer = {"scalargrad/core/ops.py": 320, "scalargrad/core/value.py": 460}  # a row for each operation, and a method for each operator
    limits = [(source, longer.get(source.place, 300)) for source in SOURCES]
    assert [f"{source.place} has {len(source.code)} lines" for source, limit in limits if len(source.code) >= limit] == []


def test_a_demo_is_a_page() -> None:
    machinery = ("gallery", "site", "story", "__main__", "__init__")
    demos = [source for source in SOURCES if source.path.parent == ROOT / "demos" and source.path.stem not in machinery]
    assert demos
    assert [f"{source.place} has {len(source.code)} lines" for source in demos if len(source.code) > 100] == []


# Words


def public_things() -> Iterator[tuple[str, object]]:
    """Classes and functions of every module, by full name."""
    for name in (source.module for source in SOURCES):
        if not name.endswith("__main__"):
            for own, thing in vars(importlib.import_module(name)).items():
                if (
                    not own.startswith("_")
                    and getattr(thing, "__module__", None) == name
                    and (inspect.isclass(thing) or inspect.isroutine(thing))
                ):
                    yield f"{name}.{own}", thing


def members(thing: object) -> Iterator[tuple[str, object]]:
    if inspect.isclass(thing):
        for name, member in vars(thing).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                yield name, member


def test_every_public_name_has_a_docstring() -> None:
    bare = []
    for name, thing in public_things():
        every = [(name, thing), *((f"{name}.{member}", what) for member, what in members(thing))]
        bare += [full for full, what in every if not inspect.getdoc(what)]  # that of the class which introduces a method counts
    assert bare == []
