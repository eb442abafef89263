"""Names that people type on a Value though it has no such attribute.

Python's own message for `value.gard = 0.0` can't say what was meant, and a `__setattr__` of Value would
slow down every operation. So the likeliest misspellings, and the words of other libraries, are
there as attributes that explain themselves.
"""

from typing import Any

OWN_ATTRIBUTES = "a Value takes no attributes of your own; a Parameter does, and so does a subclass, class Mine(Value): pass"


class Missing:
    """A name that Values do not have.

    Args:
        name: The name.
        hint: What to write instead, or nothing.
        free: Which of the objects that take attributes may have one of this name: all of them, or
            none, or those of the classes that a user derived ("derived").

    Example:
        >>> from scalargrad import Value
        >>> try:
        ...     Value(1.0).gard = 0.0
        ... except AttributeError as error:
        ...     print(str(error).partition(" (")[0])
        a Value has no 'gard': did you mean grad?
    """

    def __init__(self, name: str, hint: str = "", free: bool | str = True) -> None:
        self.name = name
        self._hint = hint
        self._free = free

    def __get__(self, value: Any, owner: type | None = None) -> Any:
        attributes = self._attributes(value) or {}
        if self.name in attributes:
            return attributes[self.name]
        raise self._error()

    def __set__(self, value: Any, thing: Any) -> None:
        attributes = self._attributes(value)
        if attributes is None:
            takes_others = hasattr(value, "__dict__")
            raise self._error("" if takes_others else f" ({OWN_ATTRIBUTES})")
        attributes[self.name] = thing

    def __delete__(self, value: Any) -> None:
        attributes = self._attributes(value) or {}
        if self.name not in attributes:
            raise self._error()
        del attributes[self.name]

    def _attributes(self, value: Any) -> dict[str, Any] | None:
        """The attributes of an object, where it may have one of this name."""
        free = self._free
        if free == "derived":
            free = value is not None and type(value).result_class is type(value)
        return getattr(value, "__dict__", None) if free else None

    def _error(self, more: str = "") -> AttributeError:
        hint = f": {self._hint}" if self._hint else ""
        return AttributeError(f"a Value has no {self.name!r}{hint}{more}")


_MISSPELT = {
    "grad": ("gard", "gra", "grd", "grda", "graad", "gradd", "rgad", "garde"),
    "data": ("adta", "daat", "daata", "dta", "dtaa", "dataa"),
    "label": ("labe", "labl", "lable", "lebel"),
}
_NO_SWITCH = "every Value has a gradient; parameter.trainable = False or module.freeze() keeps one from learning"
_FOREIGN = {
    "zero_grad": "write value.grad = 0.0, or call zero_grad() of the model or the optimiser",
    "requires_grad": _NO_SWITCH,
    "requires_grad_": _NO_SWITCH,
    "retain_grad": "every Value keeps the gradient of the last backward pass in grad",
    "grad_fn": "the operation is in op, its operands are in args",
    "numpy": "write value.data for the number",
}
_WORDS = {
    **dict.fromkeys(("value", "val", "number"), "its number is in data"),
    **dict.fromkeys(("gradient", "gradients", "grads"), "its gradient is in grad"),
    **dict.fromkeys(("children", "parents"), "its operands are in args"),
    "name": "its name is in label",
    **dict.fromkeys(("m", "v", "s", "t", "momentum", "velocity", "cache", "lr", "_vis_color"), ""),
}


def missing_attributes() -> list[Missing]:
    """Return the attributes that explain themselves, for a class to have under their names."""
    found = []
    for right, wrong in _MISSPELT.items():
        found += [Missing(name, f"did you mean {right}?", free=False) for name in wrong]
    found += [Missing(name, hint, free="derived") for name, hint in _FOREIGN.items()]
    found += [Missing(name, hint) for name, hint in _WORDS.items()]
    return found
