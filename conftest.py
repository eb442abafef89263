"""What tests and examples share: how many processes, the generator, and plots that are closed."""

import gc
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from scalargrad import manual_seed
from scalargrad.core.custom_operations import own_operations, remove_operation

# These modules need libraries that are optional.
collect_ignore_glob = []
if find_spec("llvmlite") is None:
    collect_ignore_glob += ["scalargrad/compiler/native/*.py"]
if find_spec("sklearn") is None:
    collect_ignore_glob += ["scalargrad/interop/estimators.py"]
if find_spec("torch") is None:
    collect_ignore_glob += ["scalargrad/interop/torch_residual.py"]
if find_spec("sympy") is None:
    collect_ignore_glob += ["scalargrad/interop/sympy_expressions.py"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run single files in one process, which begins sooner, and folders on every core."""
    files = [argument for argument in config.args if ".py" in argument]
    return 0 if files == config.args else None


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Hide the collected tests from Python's garbage collector, which walks over them otherwise."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Make the numbers of a test independent of the tests that ran before it."""
    manual_seed(0)


@pytest.fixture(autouse=True)
def _operations_removed() -> Iterator[None]:
    """Remove the operations that a test added: other tests go through the whole table."""
    yield
    for name in own_operations():
        remove_operation(name)


@pytest.fixture(autouse=True)
def _plots_closed() -> Iterator[None]:
    """Close the figures that a test opened: matplotlib keeps them, and warns of many."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
