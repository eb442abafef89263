"""Types of targets by their qualified names, so that viz need not import what defines them.

An object of such a type can exist only where its module was imported already. Asking by name keeps
the compiler, the doctor and training out of the memory of those who only draw Values.
"""

from typing import Any

VALUE = "scalargrad.core.value.Value"
MODULE = "scalargrad.nn.module.Module"
COMPILED = "scalargrad.compiler.compiled.Compiled"
DIAGNOSIS = "scalargrad.doctor.diagnosis.Diagnosis"
HISTORY = "scalargrad.training.history.History"
RECORDER = "scalargrad.training.recorder.Recorder"
RECORDING = "scalargrad.training.recorder.Recording"


def class_names(target: Any) -> list[str]:
    """Return the qualified names of the class of an object and of its base classes, in order.

    Example:
        >>> class_names(True)
        ['builtins.bool', 'builtins.int', 'builtins.object']
    """
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(target).__mro__]


def is_named(target: Any, *names: str) -> bool:
    """Return whether an object is an instance of a class with one of these qualified names.

    Example:
        >>> from scalargrad import Parameter
        >>> is_named(Parameter(1.0), VALUE), is_named(2.0, VALUE, MODULE)
        (True, False)
    """
    return not set(names).isdisjoint(class_names(target))
