"""What models and compiled programs know of each other: both hold the numbers of the parameters.

A program computes with a copy of the numbers of its model. Whoever is used while the other has
newer numbers should say so, and must find out at nearly no cost.
"""

from typing import Protocol
from weakref import ref

__all__ = ["WRITES", "expect_program", "warn_of_programs"]


class Writes:
    """When the number of a Parameter, or the mode of a model, was last set.

    Attributes:
        latest: A new object for each time.
    """

    __slots__ = ("latest",)

    def __init__(self) -> None:
        self.latest = object()


# An object, as threads that count at once could miss a write.
WRITES = Writes()
"""The latest write, which tells a program whether it must compare any numbers at all."""


class Program(Protocol):
    """A program with a copy of the parameters of a model."""

    def warn_of_unwritten(self) -> None:
        """Warn if the program has newer parameters than the model."""


_programs: dict[int, dict[int, ref[Program]]] = {}
"""The programs of each module, both by their ids: a program keeps its module alive."""


def expect_program(module: object, program: Program) -> None:
    """Let a program warn when the module is used whose parameters it has.

    Args:
        module: The module, which the program keeps alive.
        program: It is not kept alive.
    """
    identity = id(module)
    key = id(program)

    # It holds numbers alone: a reference to the module would keep that alive.
    def forget(_: ref[Program]) -> None:
        programs = _programs.get(identity, {})
        programs.pop(key, None)
        if not programs:
            _programs.pop(identity, None)

    _programs.setdefault(identity, {})[key] = ref(program, forget)


def warn_of_programs(module: object) -> None:
    """Warn if a program has newer parameters than its module, which is about to be used."""
    programs = _programs.get(id(module))
    if programs is None:
        return
    # A list, because another thread may compile meanwhile.
    for reference in list(programs.values()):
        program = reference()
        if program is not None:
            program.warn_of_unwritten()
