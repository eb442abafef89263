"""What type checkers and editors see: right uses pass, wrong ones are found, and completions."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from scalargrad import Value
from scalargrad.core.methods import Operations
from scalargrad.core.ops import TABLE
from scalargrad.core.stubs import files
from scalargrad.losses import LOSSES, LossName
from scalargrad.nn import INITIALIZERS, Layer
from scalargrad.nn.activations import ACTIVATIONS, OVER_LAYERS
from scalargrad.nn.initializers import InitializerName
from scalargrad.optim import OPTIMIZERS
from scalargrad.optim.rules import OptimizerName
from scalargrad.training import METRICS
from scalargrad.training.metrics import MetricName

ROOT = Path(__file__).parent.parent.parent
USES = Path(__file__).parent / "uses.py"


def wrong_lines() -> list[int]:
    lines = USES.read_text(encoding="utf-8").splitlines()
    return [i for i, line in enumerate(lines, 1) if line.endswith("# wrong")]


def run(*command: str) -> str:
    words = [sys.executable, "-m", *command]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_stubs_are_what_the_table_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == files()[path], "run: python -m scalargrad.core.stubs"


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (LossName, LOSSES),
        (MetricName, METRICS),
        (OptimizerName, OPTIMIZERS),
        (InitializerName, INITIALIZERS),
    ],
)
def test_names_of_options_are_those_of_the_tables(names: Any, table: Mapping[str, Any]) -> None:
    assert set(get_args(names)) == set(table)


def test_names_of_activations_are_those_that_a_layer_takes() -> None:
    names = re.findall(r'"(\w+)",', files()[ROOT / "scalargrad/core/names.pyi"])
    assert set(names) >= {*ACTIVATIONS, *OVER_LAYERS}
    for name in names:
        Layer(2, 2, activation=name)


def test_mypy_reports_every_wrong_use_and_no_right_one(tmp_path: Path) -> None:
    options = ["--strict", "--no-error-summary", f"--cache-dir={tmp_path}", "--output=json"]
    printed = run("mypy", *options, str(USES))
    found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert sorted({each["line"] for each in found}) == wrong_lines(), printed


def test_pyright_reports_every_wrong_use_and_no_right_one() -> None:
    pytest.importorskip("basedpyright")
    report = json.loads(run("basedpyright", "--outputjson", "--level=error", str(USES)))
    found = report["generalDiagnostics"]
    lines = sorted({each["range"]["start"]["line"] + 1 for each in found})
    assert lines == wrong_lines(), found


def test_an_editor_completes_every_operation_with_its_signature_and_what_it_does() -> None:
    jedi = pytest.importorskip("jedi")
    source = 'from scalargrad import Value\nx = Value(1.0, label="x")\nx.'
    script = jedi.Script(source, project=jedi.Project(ROOT))
    completions = {each.name: each for each in script.complete(3, 2)}
    methods = {name for name in vars(Operations) if not name.startswith("_")}
    assert methods >= {
        op.name for op in TABLE.values() if op.is_public and not op.over_list and op.name != "where"
    }
    assert methods <= set(completions)
    for op in TABLE.values():
        if op.name in methods and op.name in vars(Operations):
            (shown,) = completions[op.name].get_signatures()
            assert shown.to_string().startswith(f"{op.name}(")
            assert op.doc in completions[op.name].docstring()


def test_every_operation_is_a_method_at_run_time() -> None:
    for name in vars(Operations):
        assert getattr(Value, name) is not None
