"""Names of operations, as types of arguments.

At run time they are any text: what is known is in the table, and a wrong name is answered with the
right ones. Type checkers and editors see `names.pyi`, which lists them.
"""

ActivationName = str
"""The name of an operation that can be an activation."""
