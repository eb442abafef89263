"""no_grad and enable_grad around anything with code: on while it runs, off while it waits."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from scalargrad import Value, enable_grad, no_grad
from scalargrad.core.modes import current_mode
from scalargrad.errors import OptionError
from scalargrad.nn import MLP

FORMS = {"bare": no_grad, "with brackets": no_grad()}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))


def records() -> bool:
    return bool((Value(2.0) * 3).args)


@pytest.fixture(autouse=True)
def recording_afterwards() -> Iterator[None]:
    mode = current_mode()
    yield
    assert records()
    assert current_mode() is mode


@every_form
def test_a_function(form: Any) -> None:
    @form
    def inside() -> bool:
        """Its own words."""
        return records()

    assert [inside(), inside()] == [False, False]
    assert (inside.__name__, inside.__doc__) == ("inside", "Its own words.")


@every_form
def test_a_lambda_and_a_partial_function(form: Any) -> None:
    assert form(lambda: records())() is False
    assert form(functools.partial(lambda _: records(), 1))() is False


@every_form
def test_a_generator_function_while_it_runs(form: Any) -> None:
    @form
    def numbers() -> Iterator[bool]:
        yield records()
        yield records()

    found = []
    for inside in numbers():
        found.append((inside, records()))
    assert found == [(False, True), (False, True)]
    assert inspect.isgeneratorfunction(numbers)


def test_a_generator_is_sent_things_and_returns_one() -> None:
    @no_grad
    def doubled() -> Any:
        received = yield "first"
        try:
            yield received * 2
        except KeyError:
            return records()

    running = doubled()
    assert [next(running), running.send(4)] == ["first", 8]
    with pytest.raises(StopIteration) as end:
        running.throw(KeyError)
    assert end.value.value is False


def test_a_generator_that_is_closed_runs_its_end_inside() -> None:
    ends: list[bool] = []

    @no_grad
    def numbers() -> Iterator[int]:
        try:
            yield 1
        finally:
            ends.append(records())

    running = numbers()
    next(running)
    running.close()
    assert ends == [False]


def test_blocks_inside_of_a_decorated_generator_last_until_they_end_and_only_there() -> None:
    @no_grad
    def numbers() -> Iterator[bool]:
        with enable_grad():
            yield records()
            yield records()
        yield records()

    found = []
    for inside in numbers():
        found.append((inside, records()))
    assert found == [(True, True), (True, True), (False, True)]


def test_two_decorated_generators_by_turns() -> None:
    @no_grad
    def off() -> Iterator[bool]:
        while True:
            yield records()

    @enable_grad
    def on() -> Iterator[bool]:
        while True:
            yield records()

    first, second = off(), on()
    assert [next(first), next(second), records(), next(first), next(second)] == [
        False,
        True,
        True,
        False,
        True,
    ]
    with no_grad():
        assert [next(second), records(), next(first)] == [True, False, False]


@every_form
def test_an_asynchronous_function(form: Any) -> None:
    @form
    async def inside() -> list[bool]:
        found = [records()]
        with enable_grad():
            await asyncio.sleep(0)
            found.append(records())
        await asyncio.sleep(0)
        return [*found, records()]

    async def both() -> list[Any]:
        return [await inside(), records(), *await asyncio.gather(inside(), inside())]

    assert asyncio.run(both()) == [
        [False, True, False],
        True,
        [False, True, False],
        [False, True, False],
    ]
    assert inspect.iscoroutinefunction(inside)


def test_an_asynchronous_function_that_is_driven_by_hand_leaves_its_driver_alone() -> None:
    class Pause:
        def __await__(self) -> Iterator[None]:
            yield

    @no_grad
    async def inside() -> bool:
        await Pause()
        return records()

    running = inside()
    running.send(None)
    assert records()
    with pytest.raises(StopIteration) as end:
        running.send(None)
    assert end.value.value is False


@every_form
def test_an_asynchronous_generator(form: Any) -> None:
    ends: list[bool] = []

    @form
    async def numbers() -> AsyncIterator[bool]:
        try:
            await asyncio.sleep(0)
            sent = yield records()  # type: ignore[misc]
            yield sent
            yield records()
        finally:
            ends.append(records())

    async def use() -> list[Any]:
        running: Any = numbers()
        found = [
            await running.asend(None),
            records(),
            await running.asend("sent"),
            await anext(running),
            records(),
        ]
        await running.aclose()
        return found

    assert asyncio.run(use()) == [False, True, "sent", False, True]
    assert ends == [False]
    assert inspect.isasyncgenfunction(numbers)


def test_an_asynchronous_generator_may_catch_what_is_thrown() -> None:
    @no_grad
    async def numbers() -> AsyncIterator[Any]:
        try:
            yield 1
        except KeyError:
            yield records()

    async def use() -> Any:
        running: Any = numbers()
        await running.asend(None)
        return await running.athrow(KeyError)

    assert asyncio.run(use()) is False


RETURNED: dict[str, Callable[[], Any]] = {
    "generator": lambda: next(no_grad()(lambda: (records() for _ in "x"))()),
    "coroutine": lambda: asyncio.run(no_grad()(lambda: _later())()),
    "asynchronous generator": lambda: asyncio.run(_first(no_grad()(lambda: _later_still())())),
}


async def _later() -> bool:
    return records()


async def _later_still() -> AsyncIterator[bool]:
    yield records()


async def _first(items: AsyncIterator[Any]) -> Any:
    return [item async for item in items][0]  # noqa: RUF015


@pytest.mark.parametrize("run", RETURNED.values(), ids=list(RETURNED))
def test_what_a_function_returns_to_be_run_later_runs_inside(run: Callable[[], Any]) -> None:
    assert run() is False


def test_a_generator_that_has_begun_belongs_to_whoever_began_it() -> None:
    running = (i for i in range(3))
    next(running)
    assert no_grad(lambda: running)() is running


def test_methods_of_every_sort() -> None:
    class Model:
        @no_grad
        def method(self) -> bool:
            return records()

        @no_grad()
        @staticmethod
        def of_nobody() -> bool:
            return records()

        @no_grad
        @classmethod
        def of_the_class(cls) -> bool:
            return records()

        @no_grad
        @property
        def prop(self) -> bool:
            return records()

        @no_grad
        @functools.cached_property
        def cached(self) -> bool:
            return records()

        def recorded(self) -> bool:
            return records()

    model = Model()
    assert [
        model.method(),
        model.of_nobody(),
        Model.of_nobody(),
        model.of_the_class(),
        model.prop,
    ] == [False] * 5
    assert model.recorded()


@every_form
def test_a_class_stays_a_class_and_all_of_its_methods_are_inside(form: Any) -> None:
    class Base:
        def inherited(self) -> bool:
            return records()

    @form
    class Model(Base):
        def __init__(self) -> None:
            self.at_first = records()

        def __call__(self) -> bool:
            return records()

        @property
        def prop(self) -> bool:
            return records()

        def numbers(self) -> Iterator[bool]:
            yield records()

    model = Model()
    assert isinstance(model, Model)
    assert [model.at_first, model(), model.prop, *model.numbers(), model.inherited()] == [False] * 5
    assert Base().inherited()


def test_a_network_of_our_own_as_a_class_and_as_an_object() -> None:
    @no_grad
    class Quiet(MLP):
        pass

    quiet, plain = Quiet(2, [3, 1], seed=1), MLP(2, [3, 1], seed=1)
    assert [p.data for p in quiet.parameters()] == [p.data for p in plain.parameters()]
    assert (quiet([1.0, 2.0]).args, plain([1.0, 2.0]).args != ()) == ((), True)
    assert no_grad(plain)([1.0, 2.0]).args == ()


def test_attributes_of_a_function_go_along() -> None:
    def inside() -> None:
        pass

    inside.note = 1  # type: ignore[attr-defined]
    assert no_grad(inside).note == 1


def test_an_object_that_is_called() -> None:
    class Ordinary:
        def __call__(self) -> bool:
            return records()

    class Generating:
        def __call__(self) -> Iterator[bool]:
            yield records()

    assert no_grad(Ordinary())() is False
    assert list(no_grad(Generating())()) == [False]


@pytest.mark.parametrize("thing", [1, "function", Value(1.0)], ids=repr)
def test_what_has_no_code_is_refused(thing: Any) -> None:
    with pytest.raises(OptionError, match=r"no_grad.* function or class"):
        no_grad(thing)


def test_an_exception_in_each_sort_of_function_ends_the_block() -> None:
    @no_grad
    def generator() -> Iterator[int]:
        yield 1
        raise KeyError

    @no_grad
    async def later() -> None:
        raise KeyError

    @no_grad
    def plainly() -> None:
        raise KeyError

    for run in (lambda: list(generator()), lambda: asyncio.run(later()), plainly):
        with pytest.raises(KeyError):
            run()
        assert records()


def test_pytorch_turns_its_mode_on_and_off_at_the_same_places() -> None:
    torch = pytest.importorskip("torch")

    def trail(decorator: Any, asks: Callable[[], bool]) -> list[bool]:
        @decorator
        def numbers() -> Iterator[bool]:
            yield asks()
            yield asks()

        found = []
        for inside in numbers():
            found += [inside, asks()]
        return [*found, asks()]

    assert trail(no_grad(), records) == trail(torch.no_grad(), torch.is_grad_enabled)
