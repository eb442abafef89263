"""no_grad, enable_grad, detach and scopes: per thread, over with the block, even if it raises."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import scalargrad as sg
from scalargrad import Value, enable_grad, no_grad
from scalargrad.core.modes import current_mode
from scalargrad.nn import Layer, Module


def records() -> bool:
    return bool((Value(2.0) * 3).args)


def test_no_grad_builds_nothing() -> None:
    x = Value(2.0)
    with no_grad():
        results = [x * 3, sg.tanh(x), x**2, 2 / x, sg.sum([x, 1.0]), -x]
    assert [y.data for y in results] == [6.0, (sg.tanh(x)).data, 4.0, 1.0, 3.0, -2.0]
    assert all((y.args, y.partials, y.op, y.static_args) == ((), (), "", None) for y in results)
    assert records()


def test_no_grad_ends_when_the_block_raises() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert records()


def test_no_grad_as_a_decorator() -> None:
    @no_grad()
    def predict(x: Value) -> Value:
        return x * 2

    for _ in range(2):
        assert predict(Value(2.0)).args == ()
    assert records()


def test_modes_nest() -> None:
    with no_grad():
        with enable_grad():
            assert records()
            with no_grad():
                assert not records()
            assert records()
        assert not records()


def test_a_block_that_was_entered_before_can_be_entered_again() -> None:
    for _ in range(3):
        with no_grad():
            assert not records()
        assert records()


def test_one_block_may_be_entered_within_itself() -> None:
    block = no_grad()
    with block:
        with block:
            assert not records()
        assert not records()
    assert records()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_blocks_of_generators_may_end_in_any_order(order: tuple[int, ...]) -> None:
    def waiting() -> Iterator[None]:
        with no_grad():
            yield

    generators = [waiting() for _ in order]
    for generator in generators:
        next(generator)
    for place in order:
        assert not records()
        generators[place].close()
    assert records()


def test_a_block_that_ends_early_leaves_those_that_began_after_it() -> None:
    def waiting(block: Any) -> Iterator[None]:
        with block:
            yield

    off, on = waiting(no_grad()), waiting(enable_grad())
    next(off)
    next(on)
    off.close()
    assert records()
    again = waiting(no_grad())
    next(again)
    on.close()
    assert not records()
    again.close()
    assert records()


@pytest.mark.parametrize(
    ("middle", "inner", "recording"), [(no_grad, enable_grad, True), (enable_grad, no_grad, False)]
)
def test_of_the_blocks_that_began_later_the_last_still_decides(
    middle: Any, inner: Any, recording: bool
) -> None:
    blocks = [no_grad(), middle(), inner()]
    for block in blocks:
        block.__enter__()
    try:
        blocks.pop(0).__exit__()
        assert records() is recording
    finally:
        for block in reversed(blocks):
            block.__exit__()
    assert records()


def test_a_block_that_a_module_call_left_open_ends_with_the_call() -> None:
    class Leaving(Module):
        def forward(self, x: Value) -> Any:
            def waiting() -> Iterator[Value]:
                with no_grad():
                    yield x * 2

            running = waiting()
            next(running)
            return running

    running = Leaving()(Value(1.0))
    assert records()
    running.close()
    assert records()


def test_one_block_is_shared_by_threads() -> None:
    block = no_grad()
    inside, done = threading.Event(), threading.Event()

    def work() -> None:
        with block:
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    with block:
        done.set()
        thread.join()
        assert not records()
    assert records()


def in_thread(function: Callable[[], bool]) -> bool:
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()
    thread.join()
    return answers[0]


def test_no_grad_holds_for_its_own_thread_only() -> None:
    with no_grad():
        assert in_thread(records)
        assert not records()


def test_no_grad_holds_for_its_own_task_only() -> None:
    async def quiet(inside: asyncio.Event, done: asyncio.Event) -> bool:
        with no_grad():
            inside.set()
            await done.wait()
            return records()

    async def loud(inside: asyncio.Event, done: asyncio.Event) -> bool:
        await inside.wait()
        answer = records()
        done.set()
        return answer

    async def both() -> list[bool]:
        inside, done = asyncio.Event(), asyncio.Event()
        return list(await asyncio.gather(quiet(inside, done), loud(inside, done)))

    assert asyncio.run(both()) == [False, True]


def test_detach_is_a_leaf_of_its_own() -> None:
    x = Value(3.0, label="x")
    y = x * x
    cut = y.detach()
    (cut * x).backward()
    assert (cut.data, cut.args, cut is not y) == (9.0, (), True)
    assert (x.grad, cut.grad) == (9.0, 3.0)


def test_the_scope_ends_when_a_module_raises() -> None:
    with pytest.raises(sg.errors.LengthError):
        Layer(2, 2)([1.0])
    assert current_mode().scope is None
    assert (Value(1.0) + 1).scope is None


def test_threads_train_apart_and_get_the_numbers_of_one_thread() -> None:
    def gradient(start: float) -> float:
        x = Value(start)
        for _ in range(20):
            y = x
            for _ in range(200):
                y = sg.sin(y) + x
            y.backward()
        assert type(x.grad) is float
        return x.grad

    expected = [gradient(0.1 * i) for i in range(4)]
    found = [0.0] * 4

    def work(i: int) -> None:
        found[i] = gradient(0.1 * i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected
