"""Seeds: modules without one differ, a program prints the same twice, explicit seeds hold."""

import copy
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import nn
from scalargrad.core.seeds import PROCESS, generator
from scalargrad.errors import OptionError

MAKERS: dict[str, Callable[..., nn.Module]] = {
    "Neuron": lambda **seed: nn.Neuron(3, **seed),
    "Layer": lambda **seed: nn.Layer(3, 2, **seed),
    "MLP": lambda **seed: nn.MLP(2, [3, 1], **seed),
    "Conv": lambda **seed: nn.Conv(1, 2, 3, **seed),
    "RNNCell": lambda **seed: nn.RNNCell(2, 3, **seed),
    "LSTMCell": lambda **seed: nn.LSTMCell(2, 3, **seed),
    "GRUCell": lambda **seed: nn.GRUCell(2, 3, **seed),
    "Embedding": lambda **seed: nn.Embedding(4, 2, **seed),
    "PositionEmbedding": lambda **seed: nn.PositionEmbedding(4, 2, **seed),
    "Attention": lambda **seed: nn.Attention(4, 2, **seed),
    "recommended": lambda **seed: nn.recommended(2, [3, 1], **seed),
}
DRAWERS: dict[str, Callable[..., nn.Module]] = {
    "Dropout": lambda **seed: nn.Dropout(0.5, **seed),
    "DropConnect": lambda **seed: nn.DropConnect(nn.Neuron(2, seed=0), 0.5, **seed),
    "RReLU": lambda **seed: nn.RReLU(**seed),
    "rrelu": lambda **seed: nn.Neuron(2, "rrelu", **seed),
    "activation": lambda **seed: nn.activation("rrelu", **seed),  # type: ignore[dict-item]
}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
every_drawer = pytest.mark.parametrize("make", DRAWERS.values(), ids=DRAWERS)


def draws(module: nn.Module) -> list[float]:
    """What the generator of a module says next."""
    (rng,) = [rng for _, rng in module.named_generators()]
    return [rng.random() for _ in range(5)]


def test_each_test_begins_as_a_program_does() -> None:
    assert PROCESS.random.getstate() == Random(0).getstate()


@every_maker
def test_two_equal_modules_begin_apart(make: Any) -> None:
    first, second = make(), make()
    assert not set(weights(first)) & set(weights(second))


def weights(module: nn.Module) -> list[float]:
    return [
        number
        for name, number in module.state_dict().items()
        if "weights" in name or "vectors" in name
    ]


@every_drawer
def test_two_equal_modules_draw_apart(make: Any) -> None:
    assert draws(make()) != draws(make())


@every_maker
def test_a_seed_of_the_process_repeats_the_weights(make: Any) -> None:
    sg.manual_seed(7)
    first = make().state_dict()
    sg.manual_seed(7)
    second = make().state_dict()
    sg.manual_seed(8)
    assert first == second != make().state_dict()


@every_drawer
def test_a_seed_of_the_process_repeats_the_draws(make: Any) -> None:
    sg.manual_seed(7)
    first = draws(make())
    sg.manual_seed(7)
    assert first == draws(make())


@every_maker
def test_an_explicit_seed_does_not_look_at_the_process(make: Any) -> None:
    before = PROCESS.random.getstate()
    first = make(seed=5).state_dict()
    assert PROCESS.random.getstate() == before
    sg.manual_seed(99)
    assert first == make(seed=5).state_dict() == make(seed=Random(5)).state_dict()


def test_an_explicit_seed_gives_the_weights_in_the_order_of_the_generator() -> None:
    rng = Random(0)
    model = nn.MLP(2, [3, 1], seed=0)
    expected = [[rng.gauss(0.0, math.sqrt(2.0 / 2)) for _ in range(2)] for _ in range(3)]
    expected.append([rng.gauss(0.0, math.sqrt(2.0 / 3)) for _ in range(3)])
    found = [[w.data for w in neuron.weights] for layer in model.layers for neuron in layer.neurons]
    assert found == expected


def test_what_draws_in_training_has_a_generator_of_its_own() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Dropout(), nn.RReLU())
    generators = [rng for _, rng in model.named_generators()]
    assert len({id(rng) for rng in generators}) == 3
    assert PROCESS.random not in generators


def test_a_copy_goes_on_as_the_original() -> None:
    model = nn.Sequential(nn.Layer(3, 20), nn.Dropout())
    twin, x = copy.deepcopy(model), [1.0, -1.0, 0.5]
    assert twin.state_dict() == model.state_dict()
    before = PROCESS.random.getstate()
    assert [y.data for y in twin(x)] == [y.data for y in model(x)]
    assert PROCESS.random.getstate() == before


ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
from scalargrad import nn
print(nn.MLP(2, [3, 1]).state_dict(), nn.Dropout().generator.random())
"""


def test_a_program_run_twice_says_the_same() -> None:
    outputs = set()
    for seed in ("1", "2"):
        surroundings = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            env=surroundings,
            cwd=ROOT,
        )
        outputs.add(run.stdout)
    assert outputs == {f"{nn.MLP(2, [3, 1]).state_dict()} {nn.Dropout().generator.random()}\n"}


FORK = """
import os, signal
from scalargrad import nn
from scalargrad.core.seeds import PROCESS

with PROCESS._lock:  # as if another thread were making a module at this moment
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        nn.Neuron(2)
        os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_makes_modules_though_its_parent_was_making_one() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, cwd=ROOT)


@pytest.fixture
def small_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("small_switch_interval")
def test_threads_share_one_sequence_of_seeds() -> None:
    """In any order, the modules of eight threads are those that one thread would have made."""

    def several(_: int) -> list[tuple[float, ...]]:
        return [tuple(nn.Neuron(2).state_dict().values()) for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        made = [numbers for part in pool.map(several, range(8)) for numbers in part]
    sg.manual_seed(0)
    assert sorted(made) == sorted([numbers for part in map(several, range(8)) for numbers in part])


@pytest.mark.parametrize("seed", [0, 1, 2**70, np.int64(3)], ids=repr)
def test_seeds_of_the_process_are_whole_numbers(seed: Any) -> None:
    sg.manual_seed(seed)
    assert PROCESS.random.getstate() == Random(int(seed)).getstate()


@pytest.mark.parametrize(
    "seed", [None, -1, 1.5, "1", True, [1], Random(1)], ids=lambda seed: type(seed).__name__
)
def test_other_seeds_of_the_process_are_refused_and_change_nothing(seed: Any) -> None:
    before = PROCESS.random.getstate()
    with pytest.raises(OptionError, match="seed of manual_seed must be a whole number"):
        sg.manual_seed(seed)
    assert PROCESS.random.getstate() == before


@given(st.integers())
def test_a_number_makes_the_generator_that_python_makes(seed: int) -> None:
    assert generator(seed).getstate() == Random(seed).getstate()


@given(st.integers(1, 100))
def test_examples_of_a_property_begin_with_the_same_seed(count: int) -> None:
    assert PROCESS.random.getstate() == Random(0).getstate()
    for _ in range(count):
        generator(None)


@pytest.mark.parametrize(
    "seed",
    [[1], {}, object(), math.nan, np.random.default_rng(1)],
    ids=lambda seed: type(seed).__name__,
)
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(OptionError, match=r"seed must be a whole number, a random\.Random or None"):
        nn.Neuron(2, seed=seed)
