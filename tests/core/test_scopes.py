"""Scopes without modules: named blocks, and the calls of a user's functions."""

import asyncio
import contextvars
import functools
import gc
import pickle
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from operator import mul
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import CallScope, Parameter, Value
from scalargrad.core.details import rank_in_time
from scalargrad.core.graph import topological
from scalargrad.core.modes import current_mode
from scalargrad.errors import OptionError
from scalargrad.nn import Module, Neuron


def made() -> Value:
    return Value(2.0) * 3


def path(value: Value) -> str:
    return "" if value.scope is None else value.scope.path


def total(x: list[Value], w: list[Value]) -> Value:
    return sg.sum([a * b for a, b in zip(x, w, strict=True)])


def squares(x: Value, n: int) -> Iterator[Value]:
    for _ in range(n):
        x = x * x
        yield x


def row(*numbers: float) -> list[Value]:
    return [Value(number) for number in numbers]


# Blocks


def test_a_block_is_a_scope_and_blocks_nest() -> None:
    with sg.scope("attention"):
        outer = Value(1.0) + 1
        with sg.scope("scores"):
            inner = outer * 2
    after = inner + 1
    assert [path(value) for value in (outer, inner, after)] == ["attention", "attention.scores", ""]
    assert inner.scope is not None
    assert inner.scope.parent is outer.scope


def test_a_block_ends_when_it_raises() -> None:
    with pytest.raises(ZeroDivisionError), sg.scope("attention"):
        1 / 0  # noqa: B018
    assert current_mode().scope is None


def test_runs_of_a_block_in_one_place_have_one_identity() -> None:
    scopes = []
    for name in ("a", "a", "b"):
        with sg.scope(name):
            scopes.append((Value(1.0) + 1).scope)
    first, second, other = scopes
    assert first is not second
    assert first.identity == second.identity != other.identity
    with sg.scope("around"), sg.scope("a"):
        assert (Value(1.0) + 1).scope.identity != first.identity


def test_a_decorated_function_is_a_scope_with_its_name_or_another() -> None:
    @sg.scope
    def plain(x: Value) -> Value:
        """Doubled."""
        return x * 2

    @sg.scope("other")
    def named(x: Value) -> Value:
        return x * 2

    assert path(plain(Value(1.0))) == "plain"
    assert path(named(Value(1.0))) == "other"
    assert (plain.__name__, plain.__doc__) == ("plain", "Doubled.")


def test_a_decorated_generator_leaves_its_caller_outside() -> None:
    decorated = sg.scope(squares)
    for value in decorated(Value(2.0), 2):
        assert path(value) == "squares"
        assert path(value + 1) == ""


def test_a_decorated_coroutine_leaves_other_tasks_outside() -> None:
    @sg.scope
    async def inside() -> Value:
        await asyncio.sleep(0)
        return made()

    async def both() -> tuple[Value, Value]:
        task = asyncio.create_task(inside())
        await asyncio.sleep(0)
        return made(), await task

    assert [path(value) for value in asyncio.run(both())] == ["", "inside"]


def test_blocks_of_generators_may_end_in_any_order() -> None:
    def waiting(name: str) -> Iterator[None]:
        with sg.scope(name):
            yield

    first, second = waiting("a"), waiting("b")
    paths = []
    for step in (first.__next__, second.__next__, first.close, second.close):
        step()
        paths.append(path(made()))
    assert paths == ["a", "a.b", "b", ""]


def test_methods_of_a_decorated_class_are_scopes() -> None:
    @sg.scope
    class Model:
        def score(self, x: Value) -> Value:
            return x * 2

    assert path(Model().score(Value(1.0))) == "Model"


def test_a_module_in_a_block_is_inside_of_its_scope() -> None:
    neuron = Neuron(1)
    with sg.scope("head"):
        y = neuron([1.0])
    assert y.scope is not None
    assert [scope.kind for scope in y.scope.chain()] == ["scope", "Neuron"]


def test_blocks_belong_to_the_thread() -> None:
    found = []
    with sg.scope("here"):
        thread = threading.Thread(target=lambda: found.append(path(made())))
        thread.start()
        thread.join()
    assert found == [""]


def test_blocks_of_tasks_do_not_mix() -> None:
    async def work(name: str) -> list[str]:
        paths = []
        with sg.scope(name):
            for _ in range(3):
                paths.append(path(made()))
                await asyncio.sleep(0)
        return paths

    async def main() -> list[list[str]]:
        return await asyncio.gather(work("a"), work("b"))

    assert asyncio.run(main()) == [["a"] * 3, ["b"] * 3]


@pytest.mark.parametrize("name", [3, None, "", 2.5, ["a"]])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(OptionError, match="scope"):
        sg.scope(name)


def test_a_named_scope_decorates_functions_only() -> None:
    with pytest.raises(OptionError, match="scope takes a name, or the function or class"):
        sg.scope("head")(3)


# Calls of functions


def test_without_a_block_no_call_is_a_scope() -> None:
    y = made()
    assert y.scope is None
    assert y.made_at is None


def test_each_call_is_a_scope_inside_that_of_its_caller() -> None:
    def score(x: list[Value]) -> Value:
        q = total(x, x)
        k = total(x, x)
        return q * k

    with sg.trace_calls():
        y = score(row(1.0, 2.0))
    q, k = y.args
    assert [path(value) for value in (y, q, k)] == ["score", "score.total", "score.total"]
    assert q.scope is not k.scope
    assert q.scope.parent is k.scope.parent is y.scope


def test_all_values_of_a_call_have_one_scope() -> None:
    with sg.trace_calls():
        y = total(row(1.0, 2.0), row(3.0, 4.0))
    made_there = {node.scope for node in topological([y]) if node.args}
    assert made_there == {y.scope}


def test_nothing_is_in_a_scope_after_the_block_or_in_the_code_around_it() -> None:
    with sg.trace_calls():
        inside = Value(1.0) + 1
        made()
        later = Value(1.0) + 1
    assert inside.scope is later.scope is None
    assert inside.made_at is not None
    assert made().scope is made().made_at is None


@pytest.mark.parametrize("kind", [Value, sg.Parameter, sg.core.leaves.Buffer])
def test_a_leaf_has_the_line_that_made_it(kind: type[Value]) -> None:
    def make() -> Value:
        leaf = kind(2.0)
        leaf.label = "leaf"
        return leaf

    with sg.trace_calls():
        inside = make()
    assert inside.made_at is not None
    assert (inside.made_at.function.rpartition(".")[2], inside.made_at.variable) == ("make", "leaf")
    assert inside.made_at.text == "leaf = kind(2.0)"
    assert inside.scope is make().made_at is None


def test_the_leaves_of_a_network_have_the_line_that_made_it() -> None:
    with sg.trace_calls():
        model = sg.nn.MLP(2, [3, 1], seed=0)
    lines = {parameter.made_at for parameter in model.parameters()}
    assert {line.variable for line in lines if line is not None} == {"model"}
    assert len(lines) == 1


def test_a_leaf_of_a_derived_class_has_the_line_of_its_call() -> None:
    class Mine(Value):
        """One that a user wrote."""

    with sg.trace_calls():
        mine = Mine(1.0)
    assert mine.made_at is not None
    assert mine.made_at.variable == "mine"


def test_copies_of_a_leaf_keep_its_line() -> None:
    with sg.trace_calls():
        w = sg.Parameter(1.0)
    for twin in (deepcopy(w), pickle.loads(pickle.dumps(w))):
        assert twin.made_at == w.made_at


def test_a_number_beside_an_operator_has_no_line() -> None:
    with sg.trace_calls():
        y = Value(1.0) * 3
    assert y.args[1].made_at is None


def test_calls_in_a_loop_have_one_identity_and_those_from_other_places_have_others() -> None:
    def several(x: list[Value]) -> list[Value]:
        looped = [total(x, x) for _ in range(2)]
        other = total(x, x)
        left, right = total(x, x), total(x, x)
        return [*looped, other, left, right]

    with sg.trace_calls():
        first, second, *others = several(row(1.0))
        elsewhere = several(row(1.0))[0]
    assert first.scope is not second.scope
    assert first.scope.identity == second.scope.identity
    identities = {y.scope.identity for y in (first, *others, elsewhere)}
    assert len(identities) == 5


def test_a_call_knows_its_function_and_the_line_and_the_variable_of_its_call() -> None:
    with sg.trace_calls():
        q = total(row(1.0), row(2.0))
    assert isinstance(q.scope, CallScope)
    line = q.scope.called_at
    assert line is not None
    assert (q.scope.name, q.scope.kind) == ("total", "total")
    assert (line.text, line.variable) == ("q = total(row(1.0), row(2.0))", "q")
    assert line.file == __file__
    assert line.line == line_number(line.text)


def line_number(text: str) -> int:
    """The number of the first line of this file that begins with a text."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.strip().startswith(text))


def test_methods_of_all_kinds_are_calls_with_the_names_of_their_classes() -> None:
    class Model:
        w = 2.0

        def plain(self, x: Value) -> Value:
            return x * self.w

        @classmethod
        def of_class(cls, x: Value) -> Value:
            return x * cls.w

        @staticmethod
        def static(x: Value) -> Value:
            return x * 2.0

        @property
        def weight(self) -> Value:
            return Value(self.w) * 1

        def __call__(self, x: Value) -> Value:
            return x * self.w

    model = Model()
    x = Value(1.0)
    with sg.trace_calls():
        values = [model.plain(x), model.of_class(x), model.static(x), model.weight, model(x)]
    assert [value.scope.kind for value in values] == [
        "Model.plain",
        "Model.of_class",
        "Model.static",
        "Model.weight",
        "Model",
    ]


class Unit:
    def __init__(self, w: float) -> None:
        self.w = Value(w)

    def __call__(self, x: Value) -> Value:
        return self.w * x


class Stack:
    def __init__(self) -> None:
        self.units = [Unit(0.1), Unit(0.2)]

    def forward(self, x: Value) -> list[Value]:
        return [unit(x) for unit in self.units]


class Deep(Stack):
    """Inherits `forward`."""


def test_calls_of_objects_have_the_names_of_their_classes() -> None:
    with sg.trace_calls():
        values = Deep().forward(Value(1.0))
    assert [path(value) for value in values] == ["Deep.Unit"] * 2


def test_calls_of_objects_know_which_object_is_called() -> None:
    stack = Stack()
    with sg.trace_calls():
        values = stack.forward(Value(1.0)) + stack.forward(Value(2.0))
    first, second = map(id, stack.units)
    assert [value.scope.self_id for value in values] == [first, second, first, second]
    assert {value.scope.parent.self_id for value in values} == {id(stack)}


def test_a_function_that_is_not_called_on_its_class_keeps_its_name() -> None:
    class Model:
        @staticmethod
        def forward(x: Value) -> Value:
            return x * 2

    def forward(x: Value) -> Value:
        return x * 2

    with sg.trace_calls():
        values = [Model.forward(Value(1.0)), forward(Value(1.0))]
    assert [path(value) for value in values] == ["forward", "forward"]
    assert [value.scope.self_id for value in values] == [0, 0]


def test_an_object_that_a_function_in_its_method_uses_is_known() -> None:
    class Scale:
        w = 2.0

        def __call__(self, x: Value) -> Value:
            return (lambda: x * self.w)()

    with sg.trace_calls():
        y = Scale()(Value(1.0))
    assert path(y) == "Scale"


def test_comprehensions_lambdas_and_generator_expressions_are_part_of_the_function() -> None:
    def all_kinds(x: Value) -> list[Value]:
        listed = [x * 2 for _ in range(1)]
        generated = list(x * 2 for _ in range(1))  # noqa: C400
        keyed = dict.fromkeys(range(1), x * 2)
        by_lambda = (lambda: x * 2)()
        mapped = list(map(lambda y: y * 2, [x]))  # noqa: C417
        return [*listed, *generated, keyed[0], by_lambda, *mapped]

    with sg.trace_calls():
        values = all_kinds(Value(1.0))
    assert len({value.scope for value in values}) == 1
    assert {value.made_at.function for value in values} == {"all_kinds"}


def test_functions_of_libraries_are_left_out() -> None:
    def product(x: list[Value]) -> Value:
        return functools.reduce(mul, x)

    with sg.trace_calls():
        y = product(row(1.0, 2.0))
        p = sg.softmax(row(1.0, 2.0))[0]
    assert path(y) == "product"
    assert p.scope is None
    assert p.made_at.text == "p = sg.softmax(row(1.0, 2.0))[0]"


def test_a_function_that_a_library_calls_is_inside_of_the_one_that_called_the_library() -> None:
    def product(x: list[Value]) -> Value:
        return functools.reduce(times, x)

    def times(a: Value, b: Value) -> Value:
        return a * b

    with sg.trace_calls():
        y = product(row(1.0, 2.0))
    assert path(y) == "product.times"
    assert y.scope.called_at.text == "return functools.reduce(times, x)"


def test_recursive_calls_are_scopes_in_each_other() -> None:
    def power(x: Value, n: int) -> Value:
        return x if n == 0 else power(x, n - 1) * x

    with sg.trace_calls():
        y = power(Value(2.0), 3)
    inner = y.args[0]
    assert path(y) == "power"
    assert path(inner) == "power.power"
    assert y.scope.identity != inner.scope.identity
    assert y.data == 16.0


def test_a_call_that_raises_leaves_no_scope() -> None:
    def fails(x: Value) -> Value:
        y = x * 2
        raise ArithmeticError(y.data)

    def survives(x: Value) -> Value:
        try:
            fails(x)
        except ArithmeticError:
            return x * 3
        return x

    with sg.trace_calls():
        y = survives(Value(1.0))
        with pytest.raises(ArithmeticError):
            fails(Value(1.0))
        after = Value(1.0) + 1
    assert path(y) == "survives"
    assert after.scope is None


def test_a_block_that_raises_ends() -> None:
    with pytest.raises(ZeroDivisionError), sg.trace_calls():
        1 / 0  # noqa: B018
    assert current_mode().calls is None
    assert made().scope is None


def test_a_generator_has_one_scope_however_its_caller_takes_turns_with_it() -> None:
    def consume() -> list[tuple[Value, Value, Value]]:
        return [(x, x + 1, total([x], [x])) for x in squares(Value(2.0), 3)]

    with sg.trace_calls():
        rows = consume()
    generated, own, called = zip(*rows, strict=True)
    assert {path(value) for value in generated} == {"consume.squares"}
    assert {path(value) for value in own} == {"consume"}
    assert len({value.scope for value in generated}) == 1
    assert len({value.scope for value in own}) == 1
    assert len({value.scope for value in called}) == 3


def test_a_generator_that_is_not_run_to_its_end_leaves_no_scope() -> None:
    with sg.trace_calls():
        generator = squares(Value(2.0), 3)
        first = next(generator)
        after = first + 1
    assert path(first) == "squares"
    assert after.scope is None
    assert next(generator).scope is None


def test_a_generator_belongs_to_who_resumes_it() -> None:
    generator = squares(Value(2.0), 3)

    def resume() -> Value:
        return next(generator)

    with sg.trace_calls():
        values = [next(generator), resume(), next(generator)]
    assert [path(value) for value in values] == ["squares", "resume.squares", "squares"]


def test_functions_with_decorators() -> None:
    def passing(function: Callable[[Value], Value]) -> Callable[[Value], Value]:
        @functools.wraps(function)
        def wrapper(x: Value) -> Value:
            return function(x)

        return wrapper

    def double(x: Value) -> Value:
        return x * 2

    functions = [
        passing(double),
        functools.cache(double),
        functools.partial(double),
        sg.no_grad(double),
        sg.grad(double),
    ]
    with sg.trace_calls():
        values = [function(Value(1.0)) for function in functions[:-1]]
        slope = sg.grad(double)(3.0)
    assert [path(value) for value in values] == ["wrapper.double", "double", "double", "double"]
    assert slope == 2.0


def test_the_block_as_a_decorator() -> None:
    @sg.trace_calls
    def first(x: Value) -> Value:
        return total([x], [x])

    @sg.trace_calls()
    def second(x: Value) -> Value:
        return total([x], [x])

    assert path(first(Value(1.0))) == "first.total"
    assert path(second(Value(1.0))) == "second.total"


def test_a_name_is_for_scope() -> None:
    with pytest.raises(OptionError, match="trace_calls take no argument"):
        sg.trace_calls("attention")


def test_a_block_inside_of_a_block_changes_nothing() -> None:
    def outer() -> tuple[Value, Value, Value]:
        before = made()
        with sg.trace_calls():
            inside = made()
        return before, inside, made()

    with sg.trace_calls():
        values = outer()
    assert [path(value) for value in values] == ["outer.made"] * 3


def test_a_block_that_was_entered_by_a_library() -> None:
    with ExitStack() as stack:
        stack.enter_context(sg.trace_calls())
        inside = Value(1.0) + 1
        called = made()
    assert inside.scope is None
    assert path(called) == "made"


def test_blocks_in_generators_may_end_in_any_order() -> None:
    def waiting() -> Iterator[None]:
        with sg.trace_calls():
            yield

    first, second = waiting(), waiting()
    paths = []
    for step in (first.__next__, second.__next__, first.close, second.close):
        step()
        paths.append(path(made()))
    assert paths == ["made", "made", "made", ""]


def test_modes_that_a_function_leaves_on_stay_on() -> None:
    @contextmanager
    def quiet() -> Iterator[None]:
        with sg.no_grad():
            yield

    with sg.trace_calls():
        with quiet():
            inside = made()
        after = made()
    assert (inside.args, path(inside)) == ((), "made")
    assert after.args


def test_modules_calls_and_blocks_nest_in_the_order_they_were_entered() -> None:
    class Model(Module):
        def __init__(self) -> None:
            self.neuron = Neuron(1, seed=0)

        def forward(self, x: Any) -> Value:
            with sg.scope("block"):
                return self.helped(x)

        def helped(self, x: Any) -> Value:
            return self.neuron(x) * 2

    def loss(model: Model) -> Value:
        return model([1.0]) ** 2

    with sg.trace_calls():
        y = loss(Model())
    product = y.args[0]
    neuron = product.args[0]
    kinds = ["loss", "Model", "scope", "Model.helped"]
    kinds[3] = product.scope.kind
    assert [scope.kind for scope in neuron.scope.chain()] == [*kinds, "Neuron"]
    assert product.scope.kind.endswith("Model.helped")
    assert path(neuron) == "loss.block.helped.neuron"
    assert path(y) == "loss"


def test_a_function_with_a_scope_of_its_own_gets_no_second_one() -> None:
    @sg.scope("head")
    def score(x: Value) -> Value:
        return made() * x

    with sg.trace_calls():
        y = score(Value(1.0))
    assert [path(value) for value in (y, y.args[0])] == ["head", "head.made"]


def test_a_function_inside_of_its_own_scope_calls_itself() -> None:
    def power(x: Value, n: int) -> Value:
        return x * x if n == 1 else power(x, n - 1) * x

    with sg.trace_calls():
        y = sg.scope(power)(Value(2.0), 3)
    assert path(y) == "power"
    assert path(y.args[0]) == "power.power"
    assert path(y.args[0].args[0]) == "power.power.power"


def test_a_block_in_a_function_is_inside_of_its_call() -> None:
    def score() -> Value:
        with sg.scope("block"):
            return made()

    with sg.trace_calls():
        assert path(score()) == "score.block.made"


@pytest.mark.parametrize(
    "block", [sg.no_grad, sg.enable_grad, sg.detect_anomaly, sg.GradientTape, sg.collector_off]
)
def test_other_blocks_do_not_end_it(block: Any) -> None:
    with sg.trace_calls(), block():
        y = made()
    assert path(y) == "made"


def test_other_threads_are_not_traced() -> None:
    found = []
    with sg.trace_calls():
        context = contextvars.copy_context()
        for target in (made, lambda: context.run(made)):
            thread = threading.Thread(target=lambda target=target: found.append(target()))
            thread.start()
            thread.join()
    assert [value.scope for value in found] == [None, None]


def test_another_thread_may_trace_in_a_copy_of_the_context() -> None:
    def traced() -> Value:
        with sg.trace_calls():
            return made()

    async def main() -> Value:
        with sg.trace_calls():
            return await asyncio.to_thread(traced)

    assert path(asyncio.run(main())) == "made"


def test_tasks_keep_their_scopes_while_they_take_turns() -> None:
    async def work(n: int) -> list[Value]:
        values = []
        for _ in range(n):
            values.append(Value(1.0) + 1)
            values.append(await inner())
        return values

    async def inner() -> Value:
        await asyncio.sleep(0)
        return made()

    async def traced() -> list[list[Value]]:
        with sg.trace_calls():
            return await asyncio.gather(work(3), work(3))

    async def main() -> tuple[list[list[Value]], Value]:
        task = asyncio.create_task(traced())
        await asyncio.sleep(0)
        return await task, made()

    (first, second), outside = asyncio.run(main())
    for values in (first, second):
        assert [path(value) for value in values] == ["work", "work.inner.made"] * 3
        assert len({value.scope for value in values[::2]}) == 1
    assert first[0].scope is not second[0].scope
    assert outside.scope is None


def test_another_task_is_not_traced() -> None:
    async def traced() -> None:
        with sg.trace_calls():
            await asyncio.sleep(0)

    async def main() -> Value:
        task = asyncio.create_task(traced())
        await asyncio.sleep(0)
        value = made()
        await task
        return value

    assert asyncio.run(main()).scope is None


def test_asynchronous_generators_are_calls() -> None:
    async def generate() -> AsyncIterator[Value]:
        for _ in range(2):
            yield Value(1.0) + 1
            await asyncio.sleep(0)

    async def main() -> list[Value]:
        with sg.trace_calls():
            return [value async for value in generate()]

    values = asyncio.run(main())
    assert [path(value) for value in values] == ["generate"] * 2
    assert values[0].scope is values[1].scope


def test_profilers_and_debuggers_are_not_disturbed() -> None:
    def watch(*_: Any) -> None:
        return None

    before = sys.getprofile(), sys.gettrace()
    sys.setprofile(watch)
    try:
        with sg.trace_calls():
            made()
            inside = sys.getprofile(), sys.gettrace()
        after = sys.getprofile(), sys.gettrace()
    finally:
        sys.setprofile(before[0])
    assert inside == after == (watch, before[1])


def test_variables_of_the_calls_are_let_go_of_without_the_collector() -> None:
    class Thing:
        pass

    class Model(Module):
        def forward(self, x: Value) -> Value:
            return helper(x)

    seen = []

    def helper(x: Value) -> Value:
        thing = Thing()
        seen.append(weakref.ref(thing))
        with sg.scope("block"):
            return x * 2

    gc.disable()
    try:
        with sg.trace_calls():
            helper(Value(1.0))
            Model()(Value(1.0))
            sg.scope(helper)(Value(1.0))
            made()
            assert [reference() for reference in seen] == [None] * 3
            helper(Value(1.0))
        assert seen[-1]() is None
    finally:
        gc.enable()


def test_variables_of_finished_generators_are_let_go_of_inside_of_the_block() -> None:
    class Thing:
        pass

    seen = []

    def generate() -> Iterator[Value]:
        thing = Thing()
        seen.append(weakref.ref(thing))
        yield Value(1.0) + 1
        yield Value(1.0) + 2

    gc.disable()
    try:
        with sg.trace_calls():
            assert len(list(generate())) == 2
            made()
            assert seen[0]() is None
    finally:
        gc.enable()


def test_values_without_a_graph_have_a_scope_and_a_line() -> None:
    with sg.trace_calls(), sg.no_grad():
        y = made()
    assert path(y) == "made"
    assert y.made_at.text == "return Value(2.0) * 3"


@pytest.mark.parametrize("block", [sg.trace_calls(), sg.scope("target")])
def test_only_what_a_module_computed_in_no_grad_is_warned_of(block: Any) -> None:
    def computed(x: Value) -> Value:
        with sg.no_grad():
            return x * 2

    with block:
        (computed(Value(1.0)) * 3).backward()
        with sg.no_grad():
            y = Neuron(1)([1.0])
        with pytest.warns(sg.errors.UnlearnedWarning, match="what Neuron computed"):
            (y * 3).backward()


def test_values_made_by_hand_have_a_scope_and_a_line() -> None:
    def by_hand(x: Value) -> Value:
        return Value(4.0, (x,), "square", partials=[4.0])

    with sg.trace_calls():
        y = by_hand(Value(2.0))
    assert path(y) == "by_hand"
    assert y.made_at.line == by_hand.__code__.co_firstlineno + 1


@pytest.mark.parametrize("copier", [deepcopy, lambda y: pickle.loads(pickle.dumps(y))])
def test_copies_keep_scopes_and_lines(copier: Any) -> None:
    with sg.trace_calls():
        y = total(row(1.0), row(2.0)) * 2
    twin = copier(y)
    assert twin.made_at == y.made_at
    assert twin.args[0].scope.called_at == y.args[0].scope.called_at
    assert twin.args[0].scope.identity == y.args[0].scope.identity
    assert twin.args[0].label == ""


def test_observers_see_what_they_saw_before() -> None:
    def loss(x: Value) -> Value:
        return sg.log(x) * 2

    with sg.trace_calls(), pytest.raises(sg.errors.AnomalyError), sg.detect_anomaly():
        loss(Value(0.0))
    with sg.trace_calls(), sg.GradientTape() as tape:
        w = Parameter(2.0)
        y = loss(w)
    assert tape.gradient(y, w).data == 1.0


Tree = list["Tree"]
trees: st.SearchStrategy[Any] = st.recursive(
    st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=12
)


class Calls:
    """Functions that call each other as a tree says, and write down who called whom."""

    def __init__(self) -> None:
        self.made: list[tuple[Value, list[tuple[str, int]]]] = []
        self.count = 0
        self.around: list[tuple[str, int]] = []

    def make(self) -> None:
        self.made.append((Value(1.0) + 1, list(self.around)))

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        self.count += 1
        self.around.append((name, self.count))
        try:
            yield
        finally:
            self.around.pop()

    def even(self, tree: Any) -> None:
        with self.call("even"):
            for i, part in enumerate(tree):
                self.made.append((Value(1.0) + 1, list(self.around)))
                [self.odd, self.lazy, self.failing][i % 3](part)
            self.made.append((Value(1.0) + 1, list(self.around)))

    def odd(self, tree: Any) -> None:
        with self.call("odd"):
            for part in tree:
                self.even(part)
            self.made.append((Value(1.0) + 1, list(self.around)))

    def lazy(self, tree: Any) -> None:
        with self.call("lazy"):
            for part in self.parts(tree):
                self.even(part)

    def parts(self, tree: Any) -> Iterator[Any]:
        self.count += 1
        me = ("parts", self.count)
        for part in tree:
            self.made.append((Value(1.0) + 1, [*self.around, me]))
            yield part

    def failing(self, tree: Any) -> None:
        with self.call("failing"):
            for part in tree:
                try:
                    self.fail(part)
                except ArithmeticError:
                    self.made.append((Value(1.0) + 1, list(self.around)))

    def fail(self, tree: Any) -> None:
        with self.call("fail"):
            self.even(tree)
            raise ArithmeticError


@given(trees)
def test_scopes_are_the_calls_that_were_under_way(tree: Any) -> None:
    calls = Calls()
    with sg.trace_calls():
        calls.even(tree)
    of_call: dict[int, Any] = {}
    for value, around in calls.made:
        assert path(value) == ".".join(name for name, _ in around)
        _, number = around[-1]
        assert of_call.setdefault(number, value.scope) is value.scope
    assert len(set(of_call.values())) == len(of_call)


# With the compiler and training


def test_a_compiled_function_computes_the_same_and_its_values_know_their_calls() -> None:
    def model(x: list[Value]) -> Value:
        return total(x, x) * 2

    with sg.trace_calls():
        program = sg.compile(model, inputs=(2,))
        y = program([[1.0, 2.0]])
    assert y.tolist() == [[10.0]]
    (output,) = program.recorded_outputs()
    assert [path(value) for value in (output, output.args[0])] == ["model", "model.total"]
    assert output.made_at.text == "return total(x, x) * 2"


def test_a_program_reads_the_same() -> None:
    def model(x: list[Value]) -> list[Value]:
        return [sg.tanh(total(x, x)), *sg.scan(lambda c, y: (c * y, c + y), x[0], x)[1]]

    plain = sg.compile(model, inputs=(3,))
    plain([[1.0, 2.0, 3.0]])
    with sg.trace_calls():
        traced = sg.compile(model, inputs=(3,))
        traced([[1.0, 2.0, 3.0]])
    assert str(traced) == str(plain)
    assert traced.explain() == plain.explain()


def test_a_compiled_program_with_calls_can_be_pickled() -> None:
    with sg.trace_calls():
        program = sg.compile(pickled_model, inputs=(2,))
        program([[1.0, 2.0]])
    assert pickle.loads(pickle.dumps(program))([[1.0, 2.0]]).tolist() == [[10.0]]


def pickled_model(x: list[Value]) -> Value:
    return total(x, x) * 2


def test_steps_of_a_compiled_loop_know_their_calls() -> None:
    def step(carry: Value, x: Value) -> tuple[Value, Value]:
        carry = carry * x
        return carry, carry

    def model(x: list[Value]) -> Value:
        return sg.scan(step, x[0], x)[0] * 2

    with sg.trace_calls():
        program = sg.compile(model, inputs=(3,))
        assert program([[1.0, 2.0, 3.0]]).tolist() == [[12.0]]
    output = program.load([1.0, 2.0, 3.0])
    *steps, last = [node for node in topological([output]) if node.args]
    assert path(last) == "model"
    assert {node.scope.parent for node in steps} == {last.scope}
    assert {path(node) for node in steps} == {"model.step"}
    assert {node.made_at.text for node in steps} == {"carry = carry * x"}
    assert all(node.scope.called_at.function == "model" for node in steps)


@pytest.mark.parametrize("compiled", [False, True, "auto"])
def test_training_is_the_same(compiled: Any) -> None:
    def trained(block: Any) -> list[float]:
        model = sg.nn.MLP(2, [3, 1], seed=0)
        samples = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
        options: dict[str, Any] = {"loss": "mse", "epochs": 3, "seed": 0, "progress": False}
        with block:
            sg.fit(model, samples, [1.0, 0.0, 1.0], compiled=compiled, **options)
        return [parameter.data for parameter in model.parameters()]

    expected = trained(ExitStack())
    assert trained(sg.trace_calls()) == expected
    assert trained(sg.scope("training")) == expected


def test_the_order_of_traced_operations_is_kept_in_copies():
    with sg.trace_calls():
        first = Value(2.0) * 3.0
        second = first + 1.0
    copied = deepcopy(second)
    ranks = [rank_in_time(node) for node in (copied.args[0], copied)]
    assert ranks == [rank_in_time(first), rank_in_time(second)]
    assert 0 < ranks[0] < ranks[1]
