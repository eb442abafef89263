"""Types are known by name: drawing Values loads neither compiler nor doctor nor training."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import viz
from viz.model import target_types
from viz.model.target_types import class_names, is_named

NAMES = sorted(name for key, name in vars(target_types).items() if key.isupper())

PROGRAM = """
import sys, viz
from scalargrad import Value
viz.draw(Value(2.0, label="x") * 3.0).svg()
prefixes = ("scalargrad.compiler", "scalargrad.doctor", "scalargrad.training")
print(*[name for name in sys.modules if name.startswith(prefixes)])
"""


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_that_of_a_class(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert getattr(import_module(module), kind).__mro__


def test_a_subclass_has_the_names_of_its_bases() -> None:
    class Own(dict): ...

    assert class_names(Own())[1:] == ["builtins.dict", "builtins.object"]
    assert is_named(Own(), "builtins.dict")
    assert not is_named(Own(), "builtins.list")


def test_drawing_values_loads_neither_compiler_nor_doctor_nor_training() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(viz.__file__).parents[1])}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    assert run.stdout.split() == []
