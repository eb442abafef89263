"""Random networks as native code, which the graphs of single operations seldom contain."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import scalargrad as sg
from tests.compiler.graphs import Weights
from tests.compiler.native.networks import Network, differing_backends, make_network

pytest.importorskip("llvmlite")

ROOT = Path(__file__).parents[3]


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
    from scalargrad.compiler.native import backend, emitter

    for module in (emitter, backend):
        monkeypatch.setattr(module, "vector_width", lambda: width)
    network = make_network(Random(1))
    native = network.compile("native")
    assert f"vectors of {width}" in native.explain()
    other = network.compile("numpy")
    for batch in (1, 9):
        assert differing_backends(native, other, network, batch) == []


@pytest.mark.parametrize("seed", [4, 5, 6, 7])
def test_a_function_for_each_kernel(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from scalargrad.compiler.native import writer

    monkeypatch.setattr(writer, "_PART_KERNELS", 1)
    network = make_network(Random(seed), drawn=seed % 5 == 4)
    native = network.compile("native")
    other = network.compile("numpy")
    for batch in (2, 65):
        assert differing_backends(native, other, network, batch) == []


@pytest.mark.skipif(sys.platform != "linux", reason="forbids access to pages as Linux does")
def test_nothing_is_read_or_written_beyond_an_array() -> None:
    """Such an access would end the process with a signal."""
    command = [sys.executable, "-m", "tests.compiler.native.guarded", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


WEIGHTS = Weights([0.3 * ((37 * i) % 11 - 5) / 5 for i in range(140)])


def matrix(rows: int, columns: int, start: int = 0) -> list[list[Any]]:
    """Weights that follow each other."""
    flat = WEIGHTS.weights[start : start + rows * columns]
    return [flat[i : i + columns] for i in range(0, len(flat), columns)]


def multiply(weights: list[list[Any]], x: list[Any], biases: list[Any] | None = None) -> list[Any]:
    products = [sg.dot(row, x) for row in weights]
    return [a + b for a, b in zip(products, biases, strict=True)] if biases else products


def hidden(x: list[Any], count: int = 18) -> list[Any]:
    return [sg.tanh(number) for number in multiply(matrix(count, 6), x[:6])]


def convolve(x: list[Any], biases: list[Any]) -> Any:
    places = [multiply(matrix(9, 4), x[i : i + 4], biases) for i in range(15)]
    return sg.sum([sg.tanh(number) for place in places for number in place])


NETWORKS: dict[str, Callable[[list[Any]], Any]] = {
    "dots of inputs": lambda x: sg.dot(x[:9], x[9:]) * sg.dot(x[1:10], x[3:12]),
    "a dot of a layer with itself": lambda x: sg.dot(hidden(x), hidden(x)),
    "a dot of a layer with itself, reversed": lambda x: sg.dot(hidden(x), hidden(x)[::-1]),
    "dots of layers": lambda x: sg.dot(hidden(x, 17), multiply(matrix(17, 3, 50), x[:3])),
    "biases at many places": lambda x: convolve(x, WEIGHTS.weights[100:109]),
    "one bias at many places": lambda x: convolve(x, WEIGHTS.weights[100:101] * 9),
    "reversed biases at many places": lambda x: convolve(x, WEIGHTS.weights[108:99:-1]),
    "a layer that lets no gradient through": lambda x: sg.sum([sg.step(h) for h in hidden(x)]),
    "a part of one": lambda x: sg.sum([sg.step(hidden(x)[0]), *hidden(x)[1:]]),
    "places that vary, and one that does not": lambda x: sg.sum(
        [y for place in (x[:6], WEIGHTS.weights[:6]) for y in multiply(matrix(6, 6), place)]
    ),
    "the same weights twice": lambda x: sg.sum(multiply(matrix(6, 6), hidden(x, 6))),
    "a row of weights twice": lambda x: sg.sum(multiply(matrix(2, 6) + matrix(3, 6, 3), x[:6])),
    "outputs beside the loss": lambda x: [
        sg.sum(hidden(x)[:4]),
        sg.sum(hidden(x)[3:]),
        sg.dot(WEIGHTS.weights[60:66], x[:6]),
        hidden(x)[17],
    ],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_wirings_that_are_rare(name: str) -> None:
    network = Network(NETWORKS[name], WEIGHTS, (18,))
    native = network.compile("native")
    other = network.compile("numpy")
    for batch in (2, 65):
        assert differing_backends(native, other, network, batch) == []
