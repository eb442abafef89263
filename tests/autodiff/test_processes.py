"""Several processes: the same bits and exceptions as one, clear errors, nothing left running."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy
import pytest

import scalargrad as sg
from scalargrad import numerical_gradient
from scalargrad.autodiff.processes import map_indices
from scalargrad.core.value import Value
from scalargrad.errors import CallError, OptionError, WorkerError
from scalargrad.nn import MLP
from tests.autodiff.tasks import (
    Unloadable,
    ends_the_process,
    fails_at_two,
    leaves,
    loss,
    nested,
    records,
    stubborn,
    total,
    waves,
)


def test_the_same_bits_as_one_process_and_nothing_is_left_running():
    x = numpy.random.default_rng(0).normal(size=23).tolist()
    one = numerical_gradient(waves, x)
    assert numerical_gradient(waves, x, workers=2) == one
    assert multiprocessing.active_children() == []
    exact = [
        i * numpy.cos(i * a) * numpy.exp(-a * a) - 2 * a * numpy.sin(i * a) * numpy.exp(-a * a)
        for i, a in enumerate(x)
    ]
    numpy.testing.assert_allclose(one, exact, rtol=1e-6, atol=1e-7)


def test_structure_is_kept():
    x = {"w": numpy.arange(4.0).reshape(2, 2), "b": (3, Value(0.5))}
    found = numerical_gradient(nested, x, workers=2)
    one = numerical_gradient(nested, x)
    assert found["w"].tolist() == one["w"].tolist()
    assert found["b"] == one["b"]
    assert type(found["b"]) is tuple
    numpy.testing.assert_allclose(found["w"], 3.0, rtol=1e-8)


def test_a_network_goes_along_in_a_partial():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    f, x = partial(loss, model, [0.3, -0.7]), [p.data for p in model.parameters()]
    found = numerical_gradient(f, x, workers=2)
    assert found == numerical_gradient(f, x)
    model.load_state_dict(dict(zip(model.state_dict(), x, strict=True)))
    (model([0.3, -0.7]) ** 2).backward()
    assert found == pytest.approx([p.grad for p in model.parameters()], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("x", [[], None, 1.0, [1.0, 2.0]])
def test_more_workers_than_numbers(x):
    assert numerical_gradient(total, x, workers=4) == numerical_gradient(total, x)


def test_the_first_exception_comes_through():
    with pytest.raises(ZeroDivisionError, match="at two"):
        numerical_gradient(fails_at_two, [0.5] * 8, workers=2)
    with pytest.raises(SystemExit, match="enough"):
        numerical_gradient(leaves, [0.5] * 8, workers=2)
    with pytest.raises(WorkerError, match="f raised StubbornError: one and two"):
        numerical_gradient(stubborn, [1.0, 2.0], workers=2)
    assert multiprocessing.active_children() == []


def test_a_process_that_ends_is_an_error_and_no_hang():
    with pytest.raises(WorkerError, match=r"ended before its work was done.*__main__"):
        numerical_gradient(ends_the_process, [1.0] * 8, workers=2)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("x", [2.0, [1.0, 2.0]])
def test_what_can_not_be_pickled_is_a_clear_error(x):
    with pytest.raises(
        CallError,
        match=r"f can't be sent to other processes: "
        r".*def at the top level.*functools\.partial.*workers=1",
    ):
        numerical_gradient(lambda x: x[0], x, workers=2)


def test_what_can_not_be_loaded_is_a_clear_error():
    with pytest.raises(
        CallError, match=r"could not load f: not here\. Define f at the top level of a module"
    ):
        numerical_gradient(Unloadable(), [1.0, 2.0], workers=2)


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True, None])
def test_an_impossible_number_of_workers(count):
    with pytest.raises(OptionError, match="workers must be a whole number of at least 1, not"):
        numerical_gradient(waves, [1.0], workers=count)


def test_the_mode_goes_along():
    with sg.no_grad():
        assert map_indices(records, 2, 2) == [0.0, 0.0]
        with sg.enable_grad():
            assert map_indices(records, 2, 2) == [1.0, 1.0]


def test_observers_can_not_look_into_other_processes():
    with sg.detect_anomaly(), pytest.raises(CallError, match="use workers=1"):
        numerical_gradient(waves, [1.0, 2.0], workers=2)
    with sg.detect_anomaly():
        assert numerical_gradient(waves, [1.0, 2.0])


SCRIPT = """
import multiprocessing, sys, threading, warnings
from scalargrad import numerical_gradient

def cube(x):
    return x[0] ** 3 + 2 * x[1]

if __name__ == "__main__":
    if sys.argv[1] != "unset":
        multiprocessing.set_start_method(sys.argv[1])
    found = numerical_gradient(cube, [2.0, 5.0], workers=2)
    assert found == numerical_gradient(cube, [2.0, 5.0]), found
    assert not multiprocessing.active_children()
    print([round(slope, 6) for slope in found])
"""


@pytest.fixture
def script(tmp_path: Path):
    def write(text: str) -> list[str]:
        path = tmp_path / "script.py"
        path.write_text(text, encoding="utf-8")
        return [sys.executable, "-W", "error", str(path)]

    return write


@pytest.mark.parametrize("method", ["unset", *multiprocessing.get_all_start_methods()])
def test_every_start_method(method, script):
    done = subprocess.run([*script(SCRIPT), method], capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.stdout) == ("", "[12.0, 2.0]\n")


@pytest.mark.parametrize("size", [1, 100_000], ids=["small", "more than a pipe holds"])
def test_a_script_without_a_guard_is_told_of_it(size, script):
    text = (
        "from functools import partial\n"
        "from scalargrad import numerical_gradient\n"
        "def f(data, x):\n"
        "    return x[0]\n"
        f"numerical_gradient(partial(f, list(range({size}))), [1.0, 2.0], workers=2)\n"
    )
    done = subprocess.run(script(text), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "WorkerError" in done.stderr
    assert 'under `if __name__ == "__main__":`' in done.stderr


SLOW = """
import signal
import os, sys, time
from scalargrad import numerical_gradient

def slow(x):
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(0.05)
    return x[0]

if __name__ == "__main__":
    # A shell that starts its jobs in the background lets them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        numerical_gradient(slow, [1.0] * 1000, workers=2)
    except KeyboardInterrupt:
        sys.exit("stopped")
"""


def alive(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            != "Z"
        )
    except OSError:
        return False


def interrupted(command: list[str], log: Path, kind: int) -> tuple[str, int]:
    """Return the output of a script after a signal, and how many of its workers live on.

    The signal reaches the workers, too, as it does from a terminal.
    """
    process = subprocess.Popen(
        [*command, str(log)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (
        log.exists() and len(set(log.read_text().split())) == 2
    ):
        time.sleep(0.05)
    pids = {int(pid) for pid in log.read_text().split()}
    (os.killpg if kind == signal.SIGINT else os.kill)(process.pid, kind)
    told = process.communicate(timeout=30)[1]
    while time.monotonic() < deadline and any(map(alive, pids)):
        time.sleep(0.05)
    return told, sum(map(alive, pids))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize(("kind", "words"), [(signal.SIGINT, "stopped\n"), (signal.SIGKILL, None)])
def test_workers_end_with_the_program(kind, words, script, tmp_path):
    told, left = interrupted(script(SLOW), tmp_path / "log", kind)
    assert left == 0
    assert words is None or told == words


def test_arguments_are_checked_before_anything_is_pickled():
    with pytest.raises(CallError, match="takes a function, not float"):
        numerical_gradient(3.0, [1.0], workers=2)
    assert pickle.loads(pickle.dumps(waves)) is waves
