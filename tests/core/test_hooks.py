"""Hooks look at gradients, replace them, go away again, and may fail without harm."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from scalargrad import Value
from scalargrad.errors import DataError, OptionError


def test_a_hook_looks_at_the_whole_gradient_once_per_pass() -> None:
    a = Value(3.0)
    square = a * a
    seen: list[tuple[str, float]] = []
    square.register_hook(lambda gradient: seen.append(("square", gradient)))
    a.register_hook(lambda gradient: seen.append(("a", gradient)))
    (2 * square + 5 * square).backward()
    assert seen == [("square", 7.0), ("a", 42.0)]
    assert (square.grad, a.grad) == (7.0, 42.0)


def test_a_hook_replaces_the_gradient_of_an_interior_node() -> None:
    a = Value(3.0)
    square = a * a
    square.register_hook(lambda gradient: gradient * 10)
    (2 * square).backward()
    assert (square.grad, a.grad) == (20.0, 120.0)


def test_a_hook_on_a_leaf_sees_the_pass_and_not_what_was_there() -> None:
    a = Value(3.0)
    a.register_hook(lambda gradient: min(gradient, 1))
    (a * a).backward()
    (a * a).backward()
    assert a.grad == 2.0
    assert type(a.grad) is float


def test_hooks_run_in_order_and_can_be_removed() -> None:
    a = Value(3.0)
    double = a.register_hook(lambda gradient: gradient * 2)
    a.register_hook(lambda gradient: gradient + 1)
    (a * a).backward()
    assert a.grad == 13.0
    double.remove()
    double.remove()
    a.grad = 0.0
    (a * a).backward()
    assert a.grad == 7.0


@pytest.mark.parametrize(("removed", "gradient"), [(0, (3.0 + 1) * 2), (2, (3.0 * 2) + 1)])
def test_a_function_that_was_registered_twice_is_removed_once_and_in_its_own_place(
    removed: int, gradient: float
) -> None:
    a = Value(2.0)

    def double(gradient: float) -> float:
        return gradient * 2

    handles = [
        a.register_hook(double),
        a.register_hook(lambda gradient: gradient + 1),
        a.register_hook(double),
    ]
    handles[removed].remove()
    handles[removed].remove()
    a.backward(3.0)
    assert a.grad == gradient


def test_hooks_that_are_equal_are_two_things_all_the_same() -> None:
    class Hook:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Hook)

        def __hash__(self) -> int:
            return 0

        def __call__(self, gradient: float) -> float:
            return gradient * 2

    a = Value(2.0)
    first, _ = a.register_hook(Hook()), a.register_hook(Hook())
    first.remove()
    first.remove()
    a.backward()
    assert a.grad == 2.0


def test_a_handle_does_not_keep_its_graph_alive() -> None:
    gc.collect()
    gc.disable()
    try:
        a = Value(2.0)
        end = weakref.ref(a)
        handle = a.register_hook(lambda gradient: gradient)
        del a
        assert end() is None
        handle.remove()
    finally:
        gc.enable()


NO_GRADIENTS = {
    "text": "more",
    "an array of one": np.array([2.0]),
    "an array": np.array([1.0, 2.0]),
    "a list": [2.0],
    "a complex number": 1j,
    "a complex scalar": np.complex128(1j),
    "an array without numbers": np.array("2"),
}


@pytest.mark.parametrize("returned", NO_GRADIENTS.values(), ids=list(NO_GRADIENTS))
@pytest.mark.parametrize("create_graph", [False, True])
def test_what_a_hook_may_not_return(returned: Any, create_graph: bool) -> None:
    a = Value(3.0)
    a.register_hook(lambda _: returned)
    with pytest.raises(
        DataError, match=r"a gradient hook of Value\(.*\) returned .*: return one number, or None"
    ):
        (a * a).backward(create_graph=create_graph)
    assert a.grad == 0.0


@pytest.mark.parametrize(
    ("returned", "told"),
    [(np.zeros((2, 3)), r"returned ndarray of shape \(2, 3\): "), ("2", "returned str: ")],
)
def test_what_a_hook_returned_is_told_with_its_shape(returned: Any, told: str) -> None:
    a = Value(3.0)
    a.register_hook(lambda _: returned)
    with pytest.raises(DataError, match=told):
        a.backward()


@pytest.mark.parametrize(
    "returned", [2, True, np.float32(2.0), np.array(2.0), np.int64(2)], ids=repr
)
def test_any_one_number_may_be_returned(returned: Any) -> None:
    a = Value(3.0)
    a.register_hook(lambda _: returned)
    (a * a).backward()
    assert (type(a.grad), a.grad) == (float, float(returned))


def test_a_complex_tensor_may_not_be_returned() -> None:
    torch = pytest.importorskip("torch")
    a = Value(3.0)
    a.register_hook(lambda _: torch.tensor(1j))
    with pytest.raises(DataError, match="Tensor"):
        a.backward()


def test_a_hook_may_remove_itself() -> None:
    a = Value(3.0)
    handle = a.register_hook(lambda _: handle.remove())
    a.register_hook(lambda gradient: gradient * 2)
    (a * a).backward()
    (a * a).backward()
    assert a.grad == 24.0


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_that_raises_leaves_the_gradients_of_the_leaves_alone(create_graph: bool) -> None:
    a, b = Value(3.0), Value(4.0)
    (a * b).backward()
    product = a * b

    def refuse(_: Any) -> None:
        raise KeyboardInterrupt

    handle = product.register_hook(refuse)
    with pytest.raises(KeyboardInterrupt):
        (product * a).backward(create_graph=create_graph)
    assert (a.grad, b.grad) == (4.0, 3.0)
    handle.remove()
    (product * a).backward()
    assert (a.grad, b.grad) == (4.0 + 24.0, 3.0 + 9.0)


def test_hooks_see_values_where_a_graph_is_made() -> None:
    a = Value(3.0)
    cube = a * a * a
    cube.register_hook(lambda gradient: gradient * a)
    cube.backward(create_graph=True)
    assert a.grad.data == 81.0
    gradient, a.grad = a.grad, 0.0
    gradient.backward()
    assert a.grad == 81.0


def test_what_can_not_be_a_hook_or_a_gradient() -> None:
    a = Value(3.0)
    with pytest.raises(OptionError, match="function"):
        a.register_hook(1.0)  # type: ignore[arg-type]
    a.register_hook(lambda _: "more")
    with pytest.raises(DataError, match="str"):
        (a * a).backward()
    assert a.grad == 0.0
