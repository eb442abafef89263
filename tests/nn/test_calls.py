"""Arguments that a module does not take are explained, and its own errors are left as they are."""

import inspect
import pydoc
from typing import Any

import pytest

from scalargrad.errors import CallError, DataError
from scalargrad.nn import (
    MLP,
    Conv,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LSTMCell,
    Module,
    Neuron,
)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: MLP(2, [1], actvation="tanh"),
            "MLP has no argument 'actvation'; did you mean 'activation'?",
        ),
        (
            lambda: MLP(2, [1], lr=0.1),
            "MLP has no argument 'lr': the learning rate is the optimizer's",
        ),
        (
            lambda: MLP(nin=2, nouts=[1]),
            "MLP has no argument 'nin'; did you mean 'inputs'?; "
            "MLP has no argument 'nouts'; did you mean 'sizes'?",
        ),
        (
            lambda: Neuron(2, nonlinearity="tanh"),
            "Neuron has no argument 'nonlinearity'; did you mean 'activation'?",
        ),
        (
            lambda: Layer(in_features=2, out_features=3),
            "Layer has no argument 'in_features'; did you mean 'inputs'?",
        ),
        (lambda: Dropout(rate=0.5), "Dropout has no argument 'rate'; did you mean 'p'?"),
        (
            lambda: Conv(1, 2, kernel_size=3),
            "Conv has no argument 'kernel_size'; did you mean 'size'?",
        ),
        (
            lambda: LSTMCell(1, hidden_size=3),
            "LSTMCell has no argument 'hidden_size'; did you mean 'size'?",
        ),
        (lambda: Embedding(3), "Embedding needs 'size': call it as Embedding(count, size, …)"),
        (
            lambda: Neuron(2, None, "he", 0, 1, 7),
            "Neuron takes 5 arguments by position, but 6 were given: call it as Neuron(inputs, …)",
        ),
    ],
)
def test_arguments_that_a_module_does_not_take(make: Any, words: str) -> None:
    with pytest.raises(CallError) as caught:
        make()
    assert str(caught.value).startswith(words)


class Own(Module):
    """A module of somebody's own, whose constructor makes mistakes, too."""

    def __init__(self, size: int, wrong: bool = False) -> None:
        self.size = size
        if wrong:
            len(size)  # type: ignore[arg-type]

    def forward(self, x: Any, scale: float = 1.0) -> Any:
        return x[0] * scale + len(x)


def test_a_module_of_ones_own_is_explained_too() -> None:
    with pytest.raises(CallError, match="Own has no argument 'sise'; did you mean 'size'"):
        Own(sise=3)  # type: ignore[call-arg]
    with pytest.raises(
        CallError,
        match=r"calling Own: model takes 2 arguments by position, but 3 were given: "
        r"call it as model\(x, …\)",
    ):
        Own(3)([1.0], 2.0, 3.0)


def test_errors_from_inside_are_left_as_they_are() -> None:
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        Own(3, wrong=True)
    with pytest.raises(TypeError, match="not subscriptable"):
        Own(3)(1.0)
    with pytest.raises(DataError, match="p of Dropout"):
        Dropout("x")  # type: ignore[arg-type]


def test_a_forward_that_was_replaced_is_the_one_that_is_explained() -> None:
    module = Own(3)
    module.forward = lambda first, second: first + second  # type: ignore[method-assign, assignment]
    assert module(1.0, 2.0) == 3.0
    with pytest.raises(CallError, match=r"model needs 'second': call it as model\(first, second\)"):
        module([1.0])


def test_signatures_are_still_those_of_the_constructors() -> None:
    assert list(inspect.signature(MLP).parameters) == [
        "inputs",
        "sizes",
        "activation",
        "output_activation",
        "initializer",
        "seed",
        "bias_initializer",
        "bias",
    ]
    assert list(inspect.signature(Own).parameters) == ["size", "wrong"]


def test_a_module_shows_how_it_is_called_not_that_its_base_takes_anything() -> None:
    class WithoutArguments(Module):
        def forward(self, x: object) -> object:
            return x

    class Derived(Own):
        pass

    class Made(Module):
        def __new__(cls, width: int) -> "Made":
            return super().__new__(cls, width)

    assert str(inspect.signature(Module)) == "()"
    assert str(inspect.signature(WithoutArguments)) == "()"
    assert inspect.signature(Derived) == inspect.signature(Own)
    assert list(inspect.signature(Made).parameters) == ["width"]
    # What Sphinx and other tools look for before they look at `__new__` and `__init__`.
    assert Own.__signature__ == inspect.signature(Own)


def test_help_shows_the_constructor_of_a_module() -> None:
    for kind, first in [(Own, " |  Own(size: int"), (Flatten, " |  Flatten nested lists")]:
        lines = pydoc.plain(pydoc.render_doc(kind)).splitlines()
        assert lines[3].startswith(first)


def test_an_instance_shows_how_it_is_called() -> None:
    assert list(inspect.signature(Own(3)).parameters) == ["inputs", "options"]


@pytest.mark.parametrize("sign", ["\n", "\x1b", "\x7f", "\u202e", "\x9b"], ids=ascii)
def test_control_characters_never_reach_a_text(sign: str) -> None:
    kind = type(f"Evil{sign}[31m", (Module,), {"forward": lambda self, x: x})
    function = lambda x: x  # noqa: E731
    function.__name__ = f"bad{sign}"
    outer = kind()
    outer.inner = kind()
    setattr(outer, f"name{sign}", Neuron(1, activation=function))
    with pytest.raises(CallError) as caught:
        outer(1.0, 2.0)
    lines = [*repr(outer).split("\n"), *outer.summary().split("\n"), str(caught.value)]
    assert [line.isprintable() for line in lines] == [True] * 7
