"""What a module finds, refuses and warns of: nothing is passed over without a word."""

import functools
import warnings
from collections import OrderedDict, UserDict, UserList, deque, namedtuple
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scalargrad import Buffer, Constant, Parameter, Value
from scalargrad.errors import DataError, LengthError, UnlearnedWarning
from scalargrad.nn import Dropout, Layer, Module, Neuron, Sequential, unreachable
from scalargrad.optim import SGD

Pair = namedtuple("Pair", "first second")


class Holder(Module):
    """A module with one attribute."""

    def __init__(self, content: Any) -> None:
        self.content = content


@dataclass
class Weights:
    """Two parameters, and something else."""

    size: int = 2
    slope: Any = field(default_factory=lambda: Parameter(1.0))
    offset: Any = field(default_factory=lambda: Parameter(2.0))


class Plain:
    """An object that is no module."""

    def __init__(self, weight: Any) -> None:
        self.weight = weight


class Slotted:
    """Another, without a dictionary."""

    __slots__ = ("weight",)

    def __init__(self, weight: Any) -> None:
        self.weight = weight


def names(module: Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


# Searched


@pytest.mark.parametrize(
    "kind",
    [
        list,
        tuple,
        deque,
        UserList,
        lambda items: dict(enumerate(items)).values(),
        lambda items: Pair(*items),
        lambda items: np.array(items, dtype=object),
    ],
)
def test_sequences_are_searched_in_order(kind: Any) -> None:
    first, second = Parameter(1.0), Parameter(2.0)
    model = Holder(kind([first, second]))
    assert names(model) == ["content.0", "content.1"]
    assert [id(p) for p in model.parameters()] == [id(first), id(second)]


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict, MappingProxyType])
def test_mappings_are_searched_in_order(kind: Any) -> None:
    assert names(Holder(kind({"b": Parameter(1.0), "a": Parameter(2.0)}))) == [
        "content.b",
        "content.a",
    ]


def test_the_order_of_an_ordered_dict_is_its_own() -> None:
    content = OrderedDict(b=Parameter(1.0), a=Parameter(2.0))
    content.move_to_end("b")
    assert names(Holder(content)) == ["content.a", "content.b"]


def test_a_matrix_of_parameters() -> None:
    matrix = np.array(
        [[Parameter(float(i * 2 + j)) for j in range(2)] for i in range(2)], dtype=object
    )
    model = Holder(matrix)
    assert names(model) == ["content.0.0", "content.0.1", "content.1.0", "content.1.1"]
    for output in matrix @ np.array([1.0, 2.0]):
        output.backward()
    assert [p.grad for p in model.parameters()] == [1.0, 2.0, 1.0, 2.0]


def test_dataclasses_are_searched_in_the_order_of_their_fields() -> None:
    assert names(Holder([Weights(), Weights()])) == [
        *["content.0.slope", "content.0.offset"],
        *["content.1.slope", "content.1.offset"],
    ]


def test_modules_in_a_deque_and_in_a_dataclass_are_children() -> None:
    model = Holder(deque([Neuron(1), Weights(slope=Neuron(1), offset=None)]))
    assert [name for name, _ in model.children()] == ["content.0", "content.1.slope"]
    assert len(model.parameters()) == 4


def test_a_list_inside_of_itself_ends() -> None:
    content: list[Any] = [Parameter(1.0)]
    content.append(content)
    assert names(Holder(content)) == ["content.0"]


# Refused


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize(
    "make",
    [lambda: Parameter(1.0), lambda: Neuron(1), lambda: (Parameter(1.0),)],
    ids=["Parameter", "Module", "tuple"],
)
def test_a_set_with_parameters_is_refused(kind: Any, make: Any) -> None:
    model = Holder({"inner": kind([make()])})
    for ask in (
        model.parameters,
        model.named_parameters,
        model.state_dict,
        model.zero_grad,
        model.freeze,
    ):
        with pytest.raises(
            DataError, match=r"content\.inner is a set that holds parameters.*make it a list"
        ):
            ask()


def test_a_set_of_what_is_found_elsewhere_is_fine() -> None:
    model = Holder([Parameter(1.0), Neuron(1)])
    model.frozen = {*model.content, "text", 3.0}
    assert len(model.parameters()) == 3


# Warned of

HIDING = {
    "object": Plain,
    "slots": Slotted,
    "namespace": lambda weight: SimpleNamespace(inner=weight),
    "closure": lambda weight: lambda x: weight * x,
    "default": lambda weight: lambda x, w=weight: w * x,
    "partial": lambda weight: functools.partial(max, weight),
    "method": lambda weight: Plain(weight).__init__,  # type: ignore[misc]
    "object in a list": lambda weight: [Plain({"deep": [weight]})],
    "module in an object": lambda weight: Plain(Holder(weight)),
}
every_hiding = pytest.mark.parametrize("hide", HIDING.values(), ids=HIDING)


@every_hiding
def test_a_parameter_in_a_place_that_is_not_searched(hide: Any) -> None:
    parameter = Parameter(1.0)
    model = Sequential(Layer(1, 1))
    model.helper = hide(parameter)
    ((path, found),) = unreachable(model)
    assert found is parameter
    assert path.startswith("helper.")
    with pytest.warns(
        UnlearnedWarning, match=r"helper.* is a Parameter in a place that is not searched"
    ) as caught:
        assert len(model.parameters()) == 2
    assert caught[0].filename == __file__


scale = Parameter(3.0)


teacher = Neuron(1)


def test_what_is_global_for_a_function() -> None:
    assert [path for path, _ in unreachable(Sequential(Layer(1, 1), lambda x: x[0] * scale))] == [
        "steps.1.scale"
    ]
    found = unreachable(Sequential(Layer(1, 1), lambda x: teacher(x)))
    assert sorted(path for path, _ in found) == [
        "steps.1.teacher.bias",
        "steps.1.teacher.weights.0",
    ]


@every_hiding
def test_what_is_found_elsewhere_is_not_hidden(hide: Any) -> None:
    model = Holder(Parameter(1.0))
    model.helper = hide(model.content)
    assert unreachable(model) == []
    assert len(model.parameters()) == 1


def test_an_object_that_refers_to_its_module_ends() -> None:
    model = Sequential(Layer(1, 1))
    model.helper = Plain(model)
    model.optimizer = SGD(model.parameters())
    assert unreachable(model) == []


@pytest.mark.parametrize(
    "content",
    [[Value(1.0)], {Value(1.0)}, Plain(Value(1.0)), Value(1.0)],
    ids=["list", "set", "object", "alone"],
)
def test_values_where_parameters_are_meant(content: Any) -> None:
    model = Holder(content)
    assert len(unreachable(model)) == 1
    with pytest.warns(
        UnlearnedWarning, match=r"Holder has no parameters: content.* is not a Parameter"
    ):
        found = model.parameters()
    with pytest.raises(LengthError, match="Only a Parameter learns, not a plain Value"):
        SGD(found)


@every_hiding
def test_frozen_parameters_are_not_meant_to_learn(hide: Any) -> None:
    parameter = Parameter(1.0)
    parameter.trainable = False
    model = Holder(Parameter(2.0))
    model.helper = hide(parameter)
    assert unreachable(model) == []


def test_a_value_around_a_function_may_be_a_constant_unless_it_is_found_elsewhere_too() -> None:
    gain = Value(2.0)
    model = Holder(lambda x: gain * x)
    assert unreachable(model) == []
    model.helper = Plain(gain)
    assert unreachable(model) == [("helper.weight", gain)]


def test_constants_buffers_and_what_was_computed_are_not_meant_to_learn() -> None:
    model = Holder([Constant(1.0), Buffer(2.0), Value(1.0) * 2])
    model.last = Plain(Value(1.0) * Parameter(2.0))
    assert unreachable(model) == []
    assert model.parameters() == []


@pytest.mark.parametrize(
    "module", [Dropout(), Sequential(), Sequential(max), Holder([1.0, "text", None])], ids=repr
)
def test_modules_without_anything_to_learn_say_nothing(module: Module) -> None:
    assert module.parameters() == []


def test_an_item_of_a_list_of_parameters_that_was_replaced() -> None:
    model = Sequential(Layer(2, 1))
    neuron = model.steps[0].neurons[0]
    neuron.weights[0] = neuron.weights[0] - 0.1
    assert [path for path, _ in unreachable(model)] == ["steps.0.neurons.0.weights.0"]
    words = (
        r"steps\[0\]\.neurons\[0\]\.weights\[0\] is a plain Value among Parameters"
        r".*weights\[0\]\.data -= 0\.1"
    )
    for ask in (model.parameters, model.named_parameters, model.zero_grad):
        with pytest.warns(UnlearnedWarning, match=words):
            ask()


@pytest.mark.parametrize(
    "content",
    [{"w": Parameter(1.0), "b": Value(2.0)}, Weights(offset=Value(1.0))],
    ids=["dict", "dataclass"],
)
def test_the_same_in_other_containers(content: Any) -> None:
    with pytest.warns(UnlearnedWarning, match="is a plain Value among Parameters"):
        Holder(content).parameters()


def test_a_value_beside_parameters_in_a_module_itself_is_told_only_when_asked_for() -> None:
    model = Sequential(Layer(1, 1))
    model.gain = Value(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(model.parameters()) == 2
    assert unreachable(model) == [("gain", model.gain)]


def test_what_is_not_looked_into() -> None:
    """Objects of the standard library and of numerical libraries lead too far."""
    model = Sequential(Layer(1, 1))
    model.others = [np.ones(3), np.float64(1.0), SimpleNamespace(), warnings, Plain, pytest.raises]
    assert unreachable(model) == []
