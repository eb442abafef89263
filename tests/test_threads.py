"""Two threads at once: every public object says from two threads what it says from one, with switches as often as Python can."""

import gc
import importlib
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest

import scalargrad as sg
import viz
from scalargrad import Drawn, Parameter, Value, checkpoint, nn, training
from scalargrad.errors import TraceError
from scalargrad.losses import mse
from scalargrad.modes import current_mode

from .threads import pictures, rows
from .threads.at_once import at_once, exactly, flat, network, points
from .threads.shared import SHARED
from .threads.table import Row

ROUNDS = 25
THREADS = 2


@pytest.fixture(autouse=True)
def _many_switches() -> Iterator[None]:
    """Python changes threads after a microsecond, not after five milliseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# Compiled programs

PROGRAM: dict[str, Callable[[Any, Any, Any], Any]] = {
    "outputs": lambda program, x, y: program(x, y),
    "value_and_grad": lambda program, x, y: program.value_and_grad(x, y),
    "evaluated": lambda program, x, y: program.evaluated([x, y])[:2],
    "inputs_gradient": lambda program, x, y: program.inputs_gradient(x, y),
    "jacobian": lambda program, x, y: program.jacobian(x, y),
    "odd_rows": lambda program, x, y: program.odd_rows([x, y]),
    "draw": lambda program, x, _: program.draw(len(x)),
    "text": lambda program, *_: len(program.explain() + repr(program) + str(program)),
}


@pytest.mark.parametrize("odd", [False, True], ids=["finite", "one sample is nan"])
@pytest.mark.parametrize("ask", PROGRAM.values(), ids=PROGRAM)
def test_a_program_asked_by_two_threads(ask: Any, odd: bool) -> None:
    model = network()
    program = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
    batches = [points(thread) for thread in range(THREADS)]
    if odd:
        for x, _ in batches:
            x[3, 0] = numpy.nan
    expected = [flat(ask(program, *batch)) for batch in batches]

    def asking(thread: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(ROUNDS):
                numpy.testing.assert_array_equal(flat(ask(program, *batches[thread])), expected[thread])

        return run

    at_once(*[asking(thread) for thread in range(THREADS)])


@pytest.mark.parametrize("ask", PROGRAM.values(), ids=PROGRAM)
def test_a_program_asked_for_the_first_time_by_two_threads(ask: Any) -> None:
    model = network()
    batch = points(0)
    fresh = [sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)) for _ in range(6)]
    expected = flat(ask(fresh.pop(), *batch))
    for program in fresh:
        for found in at_once(*[lambda program=program: ask(program, *batch)] * THREADS):
            assert flat(found) == expected


def test_a_loss_and_its_gradient_belong_together() -> None:
    model = network()
    program = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
    batches = [points(thread) for thread in range(4)]
    expected = [program.value_and_grad(*batch) for batch in batches]

    def asking(thread: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(4 * ROUNDS):
                loss, gradient = program.value_and_grad(*batches[thread])
                assert loss == expected[thread][0]
                assert numpy.array_equal(gradient, expected[thread][1])

        return run

    at_once(*[asking(thread) for thread in range(4)])


def test_samples_that_are_not_finite_change_nothing_that_another_thread_sees() -> None:
    model = network()
    program = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
    program.parameters[:] = 0.25
    x, y = points(0)
    x[0, 0] = numpy.nan
    before = [(p.data, p.grad) for p in model.parameters()]
    done = threading.Event()

    def asking() -> None:
        for _ in range(ROUNDS):
            program.value_and_grad(x, y)
            program(x, y)
            program.jacobian(x, y)
        done.set()

    def looking() -> None:
        while not done.is_set():
            assert [(p.data, p.grad) for p in model.parameters()] == before

    at_once(asking, looking)


# Compiling while others use the model


def test_one_model_compiled_by_two_threads() -> None:
    model = network()
    x, y = points(0)
    expected = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)).value_and_grad(x, y)

    def compiling() -> None:
        for _ in range(5):
            found = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)).value_and_grad(x, y)
            assert found[0] == expected[0]
            assert numpy.array_equal(found[1], expected[1])

    at_once(compiling, compiling)


def test_a_question_is_refused_while_another_thread_ends_its_recording() -> None:
    model = network()
    first = model.parameters()[0]
    one_begun, two_begun, one_ended = threading.Event(), threading.Event(), threading.Event()

    def asks(x: Any) -> Any:
        two_begun.set()
        one_ended.wait()
        return x * first.data

    def waits(x: Any) -> Any:
        one_begun.set()
        two_begun.wait()
        return x * first

    def one() -> None:
        sg.compile(waits, model, inputs=(1,))
        one_ended.set()

    def two() -> None:
        one_begun.wait()
        with pytest.raises(TraceError):
            sg.compile(asks, model, inputs=(1,))

    at_once(one, two)


def test_a_question_is_refused_each_time_whoever_else_records() -> None:
    model = network()
    first = model.parameters()[0]

    def asking() -> None:
        for _ in range(ROUNDS):
            with pytest.raises(TraceError):
                sg.compile(lambda x: model(x) * first.data, model, inputs=(2,))

    at_once(asking, asking)


def test_a_model_used_while_another_thread_compiles_it() -> None:
    model = network()
    for parameter in model.parameters():
        parameter.grad = 7.0
    before = [(type(p), p.data, p.grad, p > 0.0, str(p)) for p in model.parameters()]
    expected = model([0.5, -1.0]).data
    done = threading.Event()

    def compiling() -> None:
        for _ in range(8):
            sg.compile(lambda x: model(x), model, inputs=(2,))
        done.set()

    def using() -> None:
        while not done.is_set():
            assert [(type(p), p.data, p.grad, p > 0.0, str(p)) for p in model.parameters()] == before
            assert model([0.5, -1.0]).data == expected

    at_once(compiling, using)


def test_a_dropout_used_while_another_thread_compiles_it() -> None:
    model = nn.Sequential(nn.Dropout(0.5, seed=1))
    ones = [Value(1.0)] * 4
    expected = [flat(model(ones)) for _ in range(60)]
    model = nn.Sequential(nn.Dropout(0.5, seed=1))
    begun, used = threading.Event(), threading.Event()

    def function(x: Any) -> Any:
        begun.set()
        result = model(x)
        used.wait()
        return result

    def using() -> list[Any]:
        begun.wait()
        found = [flat(model(ones)) for _ in range(60)]
        used.set()
        return found

    assert at_once(using, lambda: sg.compile(function, model, inputs=(4,)))[0] == expected


# Every public object, with objects of its own

OWN = {**rows.OWN.rows, **pictures.OWN.rows}


@pytest.mark.parametrize("row", OWN.values(), ids=OWN)
def test_the_same_work_in_two_threads(row: Row, tmp_path: Path) -> None:
    for library in row.needs:
        pytest.importorskip(library)
    expected = exactly(row.work(tmp_path))

    def working(thread: int) -> Callable[[], None]:
        folder = tmp_path / f"{thread}"
        folder.mkdir()

        def run() -> None:
            for _ in range(row.rounds):
                assert exactly(row.work(folder)) == expected

        return run

    at_once(*[working(thread) for thread in range(THREADS)])


# Objects that the threads share


@pytest.mark.parametrize(("make", "rounds"), SHARED.values(), ids=SHARED)
def test_the_same_question_to_one_object_from_two_threads(make: Any, rounds: int, tmp_path: Path) -> None:
    expected = exactly(make(tmp_path)())
    ask = make(tmp_path)

    def asking() -> None:
        for _ in range(rounds):
            assert exactly(ask()) == expected

    at_once(*[asking] * THREADS)


# Modes, generators and gradients


def test_modes_of_one_thread_are_not_those_of_another() -> None:
    inside, looked = threading.Event(), threading.Event()

    def quiet() -> None:
        with sg.no_grad():
            inside.set()
            looked.wait()

    def loud() -> bool:
        inside.wait()
        recording = current_mode().recording
        looked.set()
        return recording

    assert at_once(quiet, loud)[1] is True


def test_drawn_leaves_share_a_source() -> None:
    class Counter:
        """Counts under a lock, so that every number comes once."""

        def __init__(self) -> None:
            self.count, self.lock = 0.0, threading.Lock()

        def draw(self) -> float:
            with self.lock:
                self.count += 1.0
                return self.count

    source = Counter()
    program = sg.compile(lambda x: x * Drawn(source), inputs=(1,))
    found = at_once(*[lambda: program(numpy.ones(50)).ravel().tolist()] * 2)
    assert sorted(found[0] + found[1]) == [float(i) for i in range(1, 101)]


def test_parameters_of_one_model_in_graphs_of_two_threads_collect_both_gradients() -> None:
    """Each graph is gone back by itself, one after the other: a leaf adds up what comes, and only one thread may do that at a time."""
    weight, lock = Parameter(2.0), threading.Lock()

    def going_back() -> None:
        for _ in range(ROUNDS):
            y = weight * 3.0
            with lock:
                y.backward()

    at_once(going_back, going_back)
    assert weight.grad == 3.0 * 2 * ROUNDS
