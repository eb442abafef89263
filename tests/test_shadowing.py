"""Other modules named `viz` or `scalargrad`: each of the two says what stands in its way."""

import subprocess
import sys
import warnings
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

import scalargrad
import viz
from scalargrad.utils.shadowing import MARK, find_other_viz, warn_of_other_viz
from viz.shadowing import check_engine

ROOT = Path(__file__).parent.parent


def run(program: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, which comes first where Python looks for modules."""
    program = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]; {program}"
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["viz.py", "viz/__init__.py"])
def test_scalargrad_warns_of_another_viz(name: str, tmp_path: Path) -> None:
    other = tmp_path / name
    other.parent.mkdir(exist_ok=True)
    other.write_text("def draw_something_else(): ...\n", encoding="utf-8")
    done = run("import scalargrad; print(scalargrad.Value(2.0).data)", tmp_path)
    assert done.stdout == "2.0\n"
    first, place, advice, *_ = done.stderr.splitlines()
    assert first.startswith("<string>:1: RuntimeWarning: ")
    assert "another module named viz stands in the way" in first
    assert place.strip() == str(other)
    assert "rename that file or folder" in advice
    assert "pip install --force-reinstall --no-deps scalargrad-viz" in advice


def test_viz_refuses_another_scalargrad(tmp_path: Path) -> None:
    other = tmp_path / "scalargrad.py"
    other.touch()
    done = run("import viz", tmp_path)
    assert done.returncode == 1
    first, place, advice = done.stderr.splitlines()[-3:]
    assert first.startswith("ImportError: another module named scalargrad stands in the way")
    assert place.strip() == str(other)
    assert "rename that file or folder" in advice


def test_nothing_is_in_the_way_of_ours() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_other_viz()
    check_engine(scalargrad)


def test_a_package_on_the_index_that_overwrote_ours_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files lie beside ours then: only `__init__.py` is another's."""
    (tmp_path / "viz").mkdir()
    for name in ("drawing.py", "look", "shadowing.py"):
        (tmp_path / "viz" / name).touch()
    (tmp_path / "viz/__init__.py").write_text("'''another one'''\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "viz")
    assert find_other_viz() == str(tmp_path / "viz/__init__.py")


@pytest.mark.parametrize("spec", [None, ModuleSpec("viz", None)], ids=["none", "a namespace"])
def test_a_viz_without_a_file_is_not_in_the_way(
    spec: ModuleSpec | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("viz")
    module.__spec__ = spec
    monkeypatch.setitem(sys.modules, "viz", module)
    assert find_other_viz() is None


def test_a_folder_named_scalargrad_is_refused(tmp_path: Path) -> None:
    folder = ModuleType("scalargrad")
    folder.__path__ = [str(tmp_path)]
    with pytest.raises(ImportError) as caught:
        check_engine(folder)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.path == str(tmp_path)


def test_both_packages_have_the_mark() -> None:
    for module in (scalargrad, viz):
        assert module.__file__ is not None
        assert MARK in Path(module.__file__).read_text(encoding="utf-8").splitlines()
