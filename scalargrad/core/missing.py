"""Attributes that a Value does not have, but that people are likely to type.

Python's message for `value.gard = 0.0` can't say what was meant, and a `Value.__setattr__` would
slow down every operation. So the likeliest names are descriptors whose errors say what to write.
"""

_OWN = (
    "a Value takes no attributes of your own; a Parameter does, and so does a subclass, "
    "class Mine(Value): pass"
)
_MISTAKES = {
    "gard gra grd grda graad gradd rgad garde": "did you mean grad?",
    "adta daat daata dta dtaa dataa": "did you mean data?",
    "labe labl lable lebel": "did you mean label?",
    "zero_grad": "write value.grad = 0.0, or call zero_grad() of the model or the optimizer",
    "requires_grad requires_grad_": "every Value has a gradient; "
    "parameter.trainable = False or module.freeze() keeps one from learning",
    "retain_grad": "every Value keeps the gradient of the last backward pass in grad",
    "grad_fn": "the operation is in op, its operands are in args",
    "numpy": "write value.data for the number",
}
"""Hints for misspelled and foreign names, which a Parameter refuses too."""

_WORDS = {
    "value val number": "its number is in data",
    "gradient gradients grads": "its gradient is in grad",
    "children parents": "its operands are in args",
    "name": "its name is in label",
    "m v s t momentum velocity cache lr _vis_color": "",
}
"""Hints for names that a Parameter may give to attributes of the user."""


class Missing:
    """A descriptor for a name that no Value has.

    Objects with a `__dict__` may use the name for an attribute of their own: instances of derived
    classes always, a Parameter only if the name is not a plain mistake.

    Attributes:
        name: The name.
        mistake: Whether it is a misspelled or foreign name, which a Parameter refuses too.
        message: The error.

    Example:
        >>> from scalargrad import Value
        >>> Value(1.0).gard
        Traceback (most recent call last):
        AttributeError: a Value has no 'gard': did you mean grad?
    """

    def __init__(self, name: str, hint: str, mistake: bool) -> None:
        self.name = name
        self.mistake = mistake
        self.message = f"a Value has no {name!r}" + (f": {hint}" if hint else "")

    def __get__(self, value: object, owner: type | None = None) -> object:
        if self.name not in getattr(value, "__dict__", ()):
            raise AttributeError(self.message)
        return vars(value)[self.name]

    def __set__(self, value: object, thing: object) -> None:
        if not hasattr(value, "__dict__"):
            raise AttributeError(f"{self.message} ({_OWN})")
        # By the name of the module, because that module imports this one.
        if self.mistake and type(value).__module__ == "scalargrad.core.value":
            raise AttributeError(self.message)
        vars(value)[self.name] = thing

    def __delete__(self, value: object) -> None:
        self.__get__(value)
        del vars(value)[self.name]


MISSING = {
    name: Missing(name, hint, table is _MISTAKES)
    for table in (_MISTAKES, _WORDS)
    for names, hint in table.items()
    for name in names.split()
}
"""The attributes that explain themselves, for Value to have under their names."""
