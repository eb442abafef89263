"""Arguments that a module does not take are explained, and its own errors are left as they are."""

import inspect
from typing import Any

import pytest

from scalargrad.errors import CallError, DataError
from scalargrad.nn import MLP, Conv, Dropout, Embedding, Layer, LSTMCell, Module, Neuron
from scalargrad.nn.calls import printable


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MLP(2, [1], actvation="tanh"), "MLP takes no argument 'actvation'; did you mean 'activation'?"),
        (lambda: MLP(2, [1], lr=0.1), "MLP takes no argument 'lr'; choose from inputs, sizes"),
        (lambda: MLP(nin=2, nouts=[1]), "MLP takes no argument 'nin'; it is called 'inputs' here"),
        (lambda: Neuron(2, nonlinearity="tanh"), "Neuron takes no argument 'nonlinearity'; it is called 'activation'"),
        (lambda: Layer(in_features=2, out_features=3), "Layer takes no argument 'in_features'; it is called 'inputs'"),
        (lambda: Dropout(p=0.5), "Dropout takes no argument 'p'; it is called 'share' here"),
        (lambda: Conv(1, 2, kernel_size=3), "Conv takes no argument 'kernel_size'; it is called 'size' here"),
        (lambda: LSTMCell(1, hidden_size=3), "LSTMCell takes no argument 'hidden_size'; it is called 'size' here"),
        (lambda: Embedding(3), "Embedding takes (count, size, initialiser, seed): missing a required argument: 'size'"),
        (lambda: Neuron(2, None, "he", 0, 1, 7), "Neuron takes (inputs, activation"),
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
    with pytest.raises(CallError, match="Own takes no argument 'sise'; did you mean 'size'"):
        Own(sise=3)  # type: ignore[call-arg]
    with pytest.raises(CallError, match="too many positional arguments"):
        Own(3)([1.0], 2.0, 3.0)


def test_errors_from_inside_are_left_as_they_are() -> None:
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        Own(3, wrong=True)
    with pytest.raises(TypeError, match="not subscriptable"):
        Own(3)(1.0)
    with pytest.raises(DataError, match="share of Dropout"):
        Dropout("x")  # type: ignore[arg-type]


def test_a_forward_that_was_replaced_is_the_one_that_is_explained() -> None:
    module = Own(3)
    module.forward = lambda first, second: first + second  # type: ignore[method-assign, assignment]
    assert module(1.0, 2.0) == 3.0
    with pytest.raises(CallError, match=r"its forward takes \(first, second\)"):
        module([1.0])


def test_signatures_are_still_those_of_the_constructors() -> None:
    assert list(inspect.signature(MLP).parameters) == ["inputs", "sizes", "activation", "output_activation", "initialiser", "seed"]
    assert list(inspect.signature(Own).parameters) == ["size", "wrong"]


@pytest.mark.parametrize("sign", ["\n", "\x1b", "\x7f", "\u202e", "\x9b"], ids=ascii)
def test_control_characters_never_reach_a_text(sign: str) -> None:
    kind = type(f"Evil{sign}[31m", (Module,), {"forward": lambda self, x: x})  # noqa: ARG005
    function = lambda x: x  # noqa: E731
    function.__name__ = f"bad{sign}"
    outer = kind()
    outer.inner = kind()
    setattr(outer, f"name{sign}", Neuron(1, activation=function))
    with pytest.raises(CallError) as caught:
        outer(1.0, 2.0)
    lines = [*repr(outer).split("\n"), *outer.summary().split("\n"), str(caught.value)]
    assert [line.isprintable() for line in lines] == [True] * 7


def test_printable_keeps_what_can_be_read() -> None:
    assert printable("MLP(2 → 3), größer") == "MLP(2 → 3), größer"
