"""The notebooks run from top to bottom, show pictures, and are kept without what they print."""

import ast
import json
import linecache
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PATHS = sorted((ROOT / "demos/notebooks").glob("*.ipynb"))

Cell = dict[str, Any]


def cells(path: Path, kind: str) -> list[Cell]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_both_are_there() -> None:
    assert [path.stem for path in PATHS] == ["lecture", "microgpt"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_cells_print_is_not_kept(path: Path) -> None:
    assert {(cell["execution_count"], *cell["outputs"]) for cell in cells(path, "code")} == {
        (None,)
    }


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_links_lead_to_a_file(path: Path) -> None:
    texts = ["".join(cell["source"]) for cell in cells(path, "markdown")]
    targets = re.findall(r"\]\(([^)]+)\)", "\n".join(texts))
    assert [target for target in targets if not (path.parent / target).is_file()] == []


def run_by_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Run the cells one after the other, and yield what the last line of each shows."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for i, cell in enumerate(cells(path, "code")):
        source = "".join(cell["source"])
        tree = ast.parse(source)
        shown = None
        last = tree.body[-1]
        # A semicolon says that what the line returns is not shown.
        if isinstance(last, ast.Expr) and not source.rstrip().endswith(";"):
            tree.body.pop()
            shown = ast.Expression(last.value)
        name = f"<{path.stem} {i}>"
        # A kernel does the same, so that Values know the lines that computed them.
        lines = (len(source), None, source.splitlines(keepends=True), name)
        monkeypatch.setitem(linecache.cache, name, lines)
        exec(compile(tree, name, "exec"), names)
        if shown is not None:
            thing = eval(compile(shown, name, "eval"), names)
            bundle = getattr(thing, "_repr_mimebundle_", dict)()
            yield {"text/plain": repr(thing), **bundle}


def run_in_kernel(path: Path) -> Iterator[dict[str, str]]:
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield output.get("data", {})


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    if find_spec("nbclient") and find_spec("ipykernel"):
        shown = list(run_in_kernel(path))
    else:
        monkeypatch.setenv("MPLBACKEND", "agg")
        shown = list(run_by_itself(path, monkeypatch))
    html = [bundle.get("text/html", "") for bundle in shown]
    pages = sum("<iframe" in text for text in html)
    pictures = sum("<img" in text for text in html) - pages
    assert (pages, pictures) == {"lecture": (2, 5), "microgpt": (1, 1)}[path.stem]
