"""The house rules: imports point one way, the core is light, names of operations live in the table, functions stay short."""

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scalargrad.ops import TABLE

ROOT = Path(__file__).parent.parent
PACKAGES = ("scalargrad", "viz", "demos")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))

RANKS = [
    ("errors", "floats", "graph", "decorating", "missing", "modes", "collector", "naming", "calls", "terminal", "frames"),
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


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, wherever in the file, but for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from (_module_of(source, alias.name) for alias in node.names)


def _module_of(source: str, name: str) -> str:
    """`from a import b` imports the module a.b if there is one, else a."""
    folder = ROOT.joinpath(*source.split("."))
    return f"{source}.{name}" if (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists() else source


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def rank(name: str) -> int:
    found = [i for i, floor in enumerate(RANKS) if name in floor]
    assert found, f"say in tests/test_house.py where scalargrad/{name} stands"
    return found[0]


@every_file
def test_scalargrad_never_imports_what_stands_on_it(path: Path) -> None:
    if module_name(path).startswith("scalargrad"):
        assert {name.split(".")[0] for name in imported(path)} & set(EXTRAS) <= EXTRAS_OF.get(module_name(path), set())


@pytest.mark.parametrize("path", [p for p in FILES if module_name(p).startswith("scalargrad.")], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    own = room(module_name(path))
    for name in imported(path):
        if name.startswith("scalargrad") and room(name) != own:
            assert room(name), f"{path.name} imports the whole of scalargrad"
            assert rank(room(name)) <= rank(own), f"{own} imports {name}"


def test_there_is_no_import_cycle() -> None:
    graph = {module_name(path): {name for name in imported(path) if name.split(".")[0] in PACKAGES} for path in FILES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " imports ".join([*way[way.index(name) :], name])
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", CORE)
def test_the_core_needs_the_standard_library_only(name: str) -> None:
    outside = {found.split(".")[0] for found in imported(ROOT / "scalargrad" / f"{name}.py")} - {"scalargrad"}
    assert outside <= set(sys.stdlib_module_names)


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_importing_scalargrad_imports_no_extra() -> None:
    loaded = set(run("import sys, scalargrad, scalargrad.nn; print(*{name.split('.')[0] for name in sys.modules})").split())
    assert "scalargrad" in loaded
    assert not loaded & set(EXTRAS)


def processor_seconds_to_import(*modules: str) -> float:
    """Time the import by the processor's clock, which a busy machine hardly disturbs."""
    program = "import time; start = time.process_time()\n{}\nprint(time.process_time() - start)"
    return min(float(run(program.format(f"import {', '.join(modules)}"))) for _ in range(3))


def test_importing_costs_about_what_numpy_costs_and_not_thrice() -> None:
    numpy = processor_seconds_to_import("numpy")
    ours = processor_seconds_to_import("scalargrad", "scalargrad.nn")
    print(f"import numpy: {numpy * 1e3:.0f} ms, import scalargrad: {ours * 1e3:.0f} ms")
    assert ours < 3.0 * numpy


# Names of operations

NAMESPACES = {"VALUES", "FLOATS", "FUNCTIONS"}

ALLOWED = {
    "scalargrad/data/reading.py": {"mean"},  # what missing cells may be filled with
    "scalargrad/nn/layers.py": {"relu"},  # the default activation is part of the interface, to be read in the signature
    "scalargrad/losses.py": {"mean", "sum"},  # and so are the reductions of a loss
    "scalargrad/doctor/checks.py": {"norm"},  # that of a gradient, as a label
    "scalargrad/engine.py": {"where"},  # on Values a condition is decided already, so `where` is replaced in their namespace
}
"""Where the name of an operation may stand outside of the table, and why."""


def names_of_operations(path: Path) -> set[str]:
    """Names of the table that the code spells as text, or as an attribute of a namespace of operations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs and isinstance(node.value, str)
    }
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in NAMESPACES
    }
    return (texts | attributes) & set(TABLE)


@pytest.mark.parametrize("path", [p for p in FILES if p.is_relative_to(ROOT / "scalargrad")], ids=lambda p: str(p.relative_to(ROOT)))
def test_names_of_operations_are_spelled_in_the_table_only(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    if place not in ("scalargrad/ops.py", "scalargrad/floats.py"):
        assert names_of_operations(path) <= ALLOWED.get(place, set())


# Size


@every_file
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            assert code_lines(path, node.lineno, node.end_lineno) <= 40, f"{path.name}: {node.name}"


@every_file
def test_files_are_short(path: Path) -> None:
    assert code_lines(path, 1, sys.maxsize) < 500


DEMOS = [path for path in FILES if path.parent == ROOT / "demos" and path.stem not in ("gallery", "site", "story", "__main__", "__init__")]


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.stem)
def test_a_demo_is_a_page(path: Path) -> None:
    assert code_lines(path, 1, sys.maxsize) <= 100


def code_lines(path: Path, first: int, last: int) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    text = path.read_text(encoding="utf-8")
    covered: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            covered |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for i, line in lines if first <= i <= last and i not in covered and line.strip() and not line.strip().startswith("#"))


# Words


@every_file
def test_modules_open_with_what_they_are(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc, "say in one sentence what room this is"


def public_things() -> Iterator[tuple[str, object]]:
    """Classes and functions of every module, by full name."""
    for path in FILES:
        name = module_name(path)
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
