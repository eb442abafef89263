"""Parameters in nested lists and dicts, where a module is asked for."""

from collections.abc import Iterator
from typing import TypeAlias

from scalargrad.core.checks import Nest
from scalargrad.core.nested import copy_tree, flatten, is_tree
from scalargrad.core.value import Parameter
from scalargrad.errors import DataError

from .module import Module

Model: TypeAlias = Module | Nest
"""A module, or the Parameters of plain functions as `sg.parameters` returns them."""


class ParameterNest(Module):
    """The Parameters of a nest as a module, which computes nothing. Their names are their places.

    Args:
        nest: Nested lists, tuples, dicts and arrays of Parameters.

    Example:
        >>> module = ParameterNest({"wq": [[Parameter(1.0)]], "b": Parameter(0.0)})
        >>> [name for name, _ in module.named_parameters()]
        ['wq.0.0', 'b']
    """

    def __init__(self, nest: Nest) -> None:
        self.nest = nest

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over the parameters as (place, Parameter), each once."""
        for name, parameter in super().named_parameters():
            yield name.removeprefix("nest."), parameter


def as_module(model: Model) -> Module:
    """Return a module that owns what is to be learned: the model itself, or one over its nest.

    Raises:
        DataError: If it is neither a module nor a nest of Parameters.

    Example:
        >>> as_module([Parameter(1.0), 2.0])
        Traceback (most recent call last):
        scalargrad.errors.DataError: model must be a Module, or nested lists and dicts of \
Parameters, but it holds a float: make its numbers Parameters by sg.parameters
    """
    if isinstance(model, Module):
        return model

    expected = "model must be a Module, or nested lists and dicts of Parameters"
    leaves = flatten(copy_tree(model, "model")) if is_tree(model) else []
    if not leaves:
        raise DataError(f"{expected}, not {type(model).__name__} {model!r}")
    for leaf in leaves:
        if not isinstance(leaf, Parameter):
            raise DataError(
                f"{expected}, but it holds a {type(leaf).__name__}: make its numbers Parameters "
                "by sg.parameters"
            )
    return ParameterNest(model)
