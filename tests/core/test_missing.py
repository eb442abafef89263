"""Names that people type on a Value by mistake explain themselves, and get in nobody's way."""

from typing import Any

import pytest

from scalargrad import Parameter, Value
from scalargrad.core.missing import MISSING

OWN = "a Value takes no attributes of your own; a Parameter does, and so does a subclass"


@pytest.mark.parametrize("name", MISSING)
def test_setting_it_on_a_value_says_what_takes_attributes(name: str) -> None:
    with pytest.raises(AttributeError, match=f"a Value has no {name!r}.*{OWN}"):
        setattr(Value(1.0), name, 0.0)


@pytest.mark.parametrize("name", MISSING)
def test_it_is_not_there(name: str) -> None:
    for thing in (Value(1.0), Parameter(1.0), Value):
        assert not hasattr(thing, name)
    for value in (Value(1.0), Parameter(1.0)):
        assert name not in dir(value)
        with pytest.raises(AttributeError):
            delattr(value, name)


HINTS = {
    "gard": "did you mean grad",
    "lable": "did you mean label",
    "zero_grad": r"value\.grad = 0\.0, or call zero_grad\(\) of the model",
    "requires_grad": "trainable = False",
    "value": "its number is in data",
    "gradient": "its gradient is in grad",
    "grad_fn": "operands are in args",
}


@pytest.mark.parametrize("name", HINTS)
def test_reading_it_says_what_to_write(name: str) -> None:
    with pytest.raises(AttributeError, match=HINTS[name]):
        getattr(Value(1.0), name)


def test_a_name_without_a_hint_is_told_of_alone() -> None:
    with pytest.raises(AttributeError, match=r"^a Value has no 'momentum'$"):
        _ = Value(1.0).momentum  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["gard", "adta", "requires_grad", "zero_grad"])
def test_a_parameter_refuses_what_can_only_be_a_mistake(name: str) -> None:
    with pytest.raises(AttributeError, match=f"a Value has no {name!r}") as caught:
        setattr(Parameter(1.0), name, 0.0)
    assert OWN not in str(caught.value)


class Derived(Value):
    pass


@pytest.mark.parametrize("thing", [Parameter(1.0), Derived(1.0)], ids=["Parameter", "derived"])
@pytest.mark.parametrize("name", ["m", "v", "momentum", "value", "name", "anything"])
def test_what_takes_attributes_takes_these(thing: Any, name: str) -> None:
    setattr(thing, name, 2.0)
    assert getattr(thing, name) == 2.0
    assert name in dir(thing)
    delattr(thing, name)
    assert not hasattr(thing, name)


def test_a_derived_class_may_define_them_itself() -> None:
    class Tensorlike(Value):
        requires_grad = True
        __slots__ = ("m",)

        def numpy(self) -> float:
            return self.data

    value = Tensorlike(2.0)
    value.m = 3.0
    assert (value.requires_grad, value.numpy(), value.m) == (True, 2.0, 3.0)


class Weight(Parameter):
    pass


@pytest.mark.parametrize("kind", [Derived, Weight])
@pytest.mark.parametrize("name", MISSING)
def test_objects_of_a_derived_class_may_have_any_of_them(kind: type[Value], name: str) -> None:
    value = kind(2.0)
    setattr(value, name, True)
    assert getattr(value, name)
