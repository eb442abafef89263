"""Random networks as native code, which the graphs of single operations seldom contain."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("llvmlite")

from tests.compiler.networks import differing_backends, make_network

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("seed", range(8))
def test_networks_compute_what_numpy_computes(seed: int) -> None:
    """Samples in the lanes, and rows; `tests.campaigns.networks` has thousands."""
    network = make_network(Random(seed), drawn=seed % 5 == 4)
    native = network.compile("native")
    other = network.compile("numpy")
    for batch in (2, 65):
        assert differing_backends(native, other, network, batch) == []


@pytest.mark.parametrize("width", [2, 4])
def test_vectors_of_other_machines(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from scalargrad.compiler import native_backend, native_module

    for module in (native_module, native_backend):
        monkeypatch.setattr(module, "vector_width", lambda: width)
    network = make_network(Random(1))
    native = network.compile("native")
    assert f"vectors of {width}" in native.explain()
    other = network.compile("numpy")
    for batch in (1, 9):
        assert differing_backends(native, other, network, batch) == []


@pytest.mark.skipif(sys.platform != "linux", reason="forbids access to pages as Linux does")
def test_nothing_is_read_or_written_beyond_an_array() -> None:
    """Such an access would end the process with a signal."""
    command = [sys.executable, "-m", "tests.compiler.guarded", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
