"""What a recording took for fixed: compared at each call, or refused."""

import functools
import math
import random
import threading
from collections.abc import Callable
from itertools import islice
from types import ModuleType
from typing import Any

import numpy
import pytest

import scalargrad as sg
from scalargrad import Parameter, RandomLeaf, Value
from scalargrad.compiler import compile
from scalargrad.compiler.guards import _find_names
from scalargrad.errors import TraceError
from scalargrad.nn import MLP, Dropout, Module
from scalargrad.training import Callback

factor: Any = 2.0
table = [1.0, 2.0]


def of_the_module(x: Any) -> Any:
    return x * factor


def by_way_of_another(x: Any) -> Any:
    return of_the_module(x) + len(table)


class Scaled(Module):
    """Reads a name of this module in its forward."""

    def __init__(self) -> None:
        self.weight = Parameter(1.0)

    def forward(self, x: Any) -> Any:
        return of_the_module(x) * self.weight

    def method(self, x: Any) -> Any:
        return of_the_module(x)


NAMING: dict[str, Callable[[], Any]] = {
    "a function of the module": lambda: of_the_module,
    "a function that it names": lambda: by_way_of_another,
    "a lambda": lambda: lambda x: of_the_module(x),
    "a list within": lambda: lambda x: [x * factor for _ in range(2)],
    "a function within": lambda: lambda x: (lambda z: z * factor)(x),
    "a method": lambda: Scaled().method,
    "a partial": lambda: functools.partial(of_the_module),
    "a model": Scaled,
}


@pytest.mark.parametrize("make", NAMING.values(), ids=NAMING)
def test_a_number_of_the_module_that_changes_is_refused(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = make()
    program = compile(function, function if isinstance(function, Module) else None, inputs=(1,))
    program([1.0])
    monkeypatch.setitem(globals(), "factor", 3.0)
    with pytest.raises(
        TraceError,
        match=r"`factor` was 2\.0 when the function was recorded and is now 3\.0: compile again",
    ):
        program([1.0])


def test_a_model_within_a_function_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Scaled()
    program = compile(lambda x: model(x), model, inputs=(1,))
    monkeypatch.setitem(globals(), "factor", 3.0)
    with pytest.raises(TraceError, match="`factor`"):
        program([1.0])


ASKED: dict[str, Callable[[Any], Any]] = {
    "call": lambda program: program([1.0]),
    "value_and_grad": lambda program: program.value_and_grad([1.0]),
    "evaluated": lambda program: program.evaluate_loss([numpy.ones((1, 1))]),
    "inputs_gradient": lambda program: program.inputs_gradient([1.0]),
    "jacobian": lambda program: program.jacobian([1.0]),
    "odd_rows": lambda program: program.odd_rows([[1.0]]),
    "load": lambda program: program.load(1.0),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_every_way_to_run_a_program_looks(ask: Any) -> None:
    k = 2.0
    program = compile(lambda x: x * k, inputs=(1,))
    ask(program)
    k = 3.0
    with pytest.raises(TraceError, match="`k` was"):
        ask(program)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (2.0, 3.0),
        (True, False),
        ("relu", "tanh"),
        (3, 4),
        (None, 1.0),
        (2.0, Value(2.0)),
        (numpy.float64(1.0), numpy.float64(2.0)),
    ],
)
def test_single_things_of_a_closure(before: Any, after: Any) -> None:
    thing = before
    program = compile(lambda x: x * 2 if thing else x, inputs=(1,))
    program([1.0])
    thing = after
    with pytest.raises(TraceError, match="`thing` was"):
        program([1.0])


def test_a_tuple_in_the_place_of_another() -> None:
    pair = (2.0, 3.0)
    program = compile(lambda x: x * pair[0], inputs=(1,))
    assert program([1.0]).tolist() == [[2.0]]
    pair = (4.0, 3.0)
    with pytest.raises(TraceError, match=r"`pair` was \(2\.0, 3\.0\) .* and is now \(4\.0, 3\.0\)"):
        program([1.0])


@pytest.mark.parametrize(
    ("before", "after"),
    [(2, 2.0), (math.nan, math.nan * 2), (2.5, numpy.float64(2.5)), (257, int("257"))],
)
def test_the_same_number_in_another_object_is_the_same(before: Any, after: Any) -> None:
    thing = before
    program = compile(lambda x: x * thing, inputs=(1,))
    thing = after
    program([1.0])


CONTAINERS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "a list that grows": ([1.0], lambda c: c.append(2.0)),
    "a list of lists that grows": ([[1.0]], lambda c: c.append([2.0])),
    "an entry of a list": ([1.0, 2.0], lambda c: c.__setitem__(0, 3.0)),
    "a dict that grows": ({"a": 1.0}, lambda c: c.update(b=2.0)),
    "an entry of a dict": ({"a": 1.0}, lambda c: c.update(a=2.0)),
    "a set": ({1.0}, lambda c: c.add(2.0)),
    "an entry of an array": (numpy.ones(3), lambda c: c.__setitem__(0, 3.0)),
    "a long list": ([0.0] * 100, lambda c: c.pop()),
}


@pytest.mark.parametrize(("container", "change"), CONTAINERS.values(), ids=CONTAINERS)
def test_containers(container: Any, change: Any) -> None:
    program = compile(lambda x: x * len(container), inputs=(1,))
    program([1.0])
    change(container)
    with pytest.raises(TraceError, match=r"`container` (was|had)"):
        program([1.0])


EQUAL: dict[str, tuple[Any, Any]] = {
    "whole numbers as floats": ([1, 2], [1.0, 2.0]),
    "nan in an array": (numpy.array([math.nan, 1.0]), numpy.array([math.nan, 1.0])),
    "nan in a list": ([math.nan], [-math.nan * 2.0]),
}


@pytest.mark.parametrize(("before", "after"), EQUAL.values(), ids=EQUAL)
def test_equal_numbers_in_another_container_are_the_same(before: Any, after: Any) -> None:
    container = before
    program = compile(lambda x: x * len(container), inputs=(1,))
    container = after
    assert program([1.0]).tolist() == [[float(len(before))]]


def test_another_shape_of_an_array() -> None:
    rows = numpy.ones((50, 2))
    program = compile(lambda x: x * len(rows), inputs=(1,))
    rows = numpy.ones((60, 2))
    with pytest.raises(
        TraceError,
        match=r"`rows` had the shape \(50, 2\) when the function was recorded "
        r"and has the shape \(60, 2\) now",
    ):
        program([1.0])


def test_values_in_a_container_are_read_again() -> None:
    weights = [Value(1.0), Value(2.0)]
    program = compile(lambda x: x * weights[0] + weights[1], inputs=(1,))
    weights[0].data = 5.0
    assert program([1.0]).tolist() == [[7.0]]


def of_itself(x: Any, times: int = 2) -> Any:
    return of_itself(x * factor, times - 1) if times else x


def test_the_names_of_a_function_that_calls_itself_are_looked_up_once() -> None:
    assert sorted(name for name, _ in islice(_find_names(of_itself), 10)) == ["factor", "of_itself"]


@pytest.mark.parametrize("length", [32, 33])
@pytest.mark.parametrize("make", [list, numpy.array], ids=["list", "array"])
def test_the_entries_of_containers_of_up_to_32_are_compared(
    length: int, make: Callable[[Any], Any]
) -> None:
    container = make([1.0] * length)
    program = compile(lambda x: x * len(container), inputs=(1,))
    container[-1] = 2.0
    if length > 32:
        program([1.0])
    else:
        with pytest.raises(TraceError, match="`container` was"):
            program([1.0])


@pytest.mark.parametrize("value", [2.0, numpy.full(3, 2.0), [2.0]], ids=["number", "array", "list"])
def test_a_name_that_was_deleted_is_nobody_s_concern(value: Any) -> None:
    k = value
    program = compile(lambda x: x * numpy.max(k), inputs=(1,))  # noqa: F821 - it is deleted below
    del k
    assert program([1.0]).tolist() == [[2.0]]


def test_what_the_function_changes_itself_is_not_compared() -> None:
    seen: list[Any] = []

    def function(x: Any) -> Any:
        seen.append(x)
        return x * 2.0

    program = compile(function, inputs=(1,))
    seen.clear()
    assert program([1.0]).tolist() == [[2.0]]


def test_an_attribute_of_the_name_of_a_global_is_another_thing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Holder:
        factor = 5.0

    holder = Holder()
    program = compile(lambda x: x * holder.factor, inputs=(1,))
    monkeypatch.setitem(globals(), "factor", 3.0)
    assert program([1.0]).tolist() == [[5.0]]


def test_names_of_another_module_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("library")
    exec("calls = 0\ndef doubled(x):\n    return x * 2.0 if calls >= 0 else x", vars(library))
    monkeypatch.setitem(globals(), "of_a_library", vars(library)["doubled"])
    program = compile(lambda x: of_a_library(x), inputs=(1,))  # type: ignore[name-defined] # noqa: F821
    vars(library)["calls"] = 1
    assert program([1.0]).tolist() == [[2.0]]


# Random numbers

own, generator, old = random.Random(1), numpy.random.default_rng(1), numpy.random.RandomState(1)

DRAWING: dict[str, Callable[[Any], Any]] = {
    "random.random": lambda x: x * random.random(),
    "random.choice": lambda x: x * random.choice([1.0, 2.0]),
    "random.gauss": lambda x: x * random.gauss(0.0, 1.0),
    "random.shuffle": lambda x: (random.shuffle([1, 2, 3]), x)[1],
    "numpy.random.rand": lambda x: x * numpy.random.rand(),
    "numpy.random.normal": lambda x: x * numpy.random.normal(),
    "a Random": lambda x: x * own.random(),
    "a Generator": lambda x: x * generator.normal(),
    "a RandomState": lambda x: x * old.normal(),
}


@pytest.mark.parametrize("function", DRAWING.values(), ids=DRAWING)
def test_random_numbers_are_refused(function: Any) -> None:
    with pytest.raises(
        TraceError,
        match=r"random numbers were drawn from .*\n.*nn\.Dropout or scalargrad\.RandomLeaf",
    ):
        compile(function, inputs=(1,))


def test_a_generator_of_the_model_is_refused() -> None:
    class Noisy(Module):
        def __init__(self) -> None:
            self.generator = random.Random(1)

        def forward(self, x: Any) -> Any:
            return x * self.generator.random()

    model = Noisy()
    with pytest.raises(TraceError, match="drawn from a Random"):
        compile(lambda x: model(x), model, inputs=(1,))


def test_another_thread_may_draw_from_a_dropout_while_the_model_is_recorded() -> None:
    model = Dropout(0.5, seed=1)

    def function(x: Any) -> Any:
        thread = threading.Thread(target=model, args=([1.0, 2.0],))
        thread.start()
        thread.join()
        return model(x)

    compile(function, model, inputs=(2,))


def test_a_generator_without_a_state_is_let_be() -> None:
    system = random.SystemRandom()
    assert compile(lambda x: x * 2.0 if system else x, inputs=(1,))([1.0]).tolist() == [[2.0]]


def test_drawn_leaves_are_drawn_for_each_sample() -> None:
    class Counter:
        count = 0.0

        def draw(self) -> float:
            self.count += 1.0
            return self.count

    source = Counter()
    program = compile(lambda x: x * RandomLeaf(source), inputs=(1,))
    assert program([1.0, 1.0, 1.0]).tolist() == [[1.0], [2.0], [3.0]]


# In training


def test_a_number_of_a_loss_that_changes_in_a_compiled_training_is_refused() -> None:
    share = 0.5

    def loss(prediction: Any, target: Any) -> Any:
        return sg.losses.mse(prediction, target) * share

    class Anneal(Callback):
        def on_epoch_end(self, training: Any) -> None:  # noqa: ARG002
            nonlocal share
            share *= 0.5

    with pytest.raises(TraceError, match=r"`share` was 0\.5 .* and is now 0\.25"):
        sg.fit(
            MLP(1, [1], seed=1),
            [[0.0], [1.0]],
            [0.0, 1.0],
            loss=loss,
            epochs=3,
            compiled=True,
            callbacks=[Anneal()],
            progress=False,
        )


def test_a_compiled_training_with_a_loss_of_its_own_runs() -> None:
    share = 0.5

    def loss(prediction: Any, target: Any) -> Any:
        return sg.losses.mse(prediction, target) * share

    history = sg.fit(
        MLP(1, [1], seed=1),
        [[0.0], [1.0]],
        [0.0, 1.0],
        loss=loss,
        epochs=3,
        compiled=True,
        progress=False,
    )
    assert len(history["loss"]) == 3
