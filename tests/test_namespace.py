"""What `import scalargrad as sg` offers: functions at once, modules when first asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import scalargrad as sg

ROOT = Path(__file__).parent.parent


def run(program: str) -> list[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()


def test_modules_are_attributes_of_a_plain_import() -> None:
    names = "sg.optim.Adam.__name__, sg.data.moons.__name__, sg.training.EarlyStopping.__name__"
    program = f"import scalargrad as sg; print({names})"
    assert run(program) == ["Adam", "moons", "EarlyStopping"]


def test_what_is_offered_is_listed_before_it_is_imported() -> None:
    program = (
        "import sys, scalargrad; print('scalargrad.training' in sys.modules, *dir(scalargrad))"
    )
    imported, *names = run(program)
    assert imported == "False"
    assert {"fit", "compile", "diagnose", "optim", "data", "training", "tanh", "Value"} <= set(
        names
    )
    assert not {"Any", "import_module", "TYPE_CHECKING"} & set(names)


def test_every_name_that_is_listed_is_there() -> None:
    assert [name for name in dir(sg) if not hasattr(sg, name)] == []


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'scalargrad' has no attribute 'optm'"):
        sg.optm  # noqa: B018
