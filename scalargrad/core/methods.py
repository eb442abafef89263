"""The operations as methods of Value: `functions` adds one for each row of the table.

They live in a base class and a module of their own, so that a generated stub, `methods.pyi`, can
name them all to type checkers and editors. A stub beside `value.py` would hide the engine itself
from them.
"""


class Operations:
    """The base class of Value that has a method for each operation."""

    __slots__ = ()
