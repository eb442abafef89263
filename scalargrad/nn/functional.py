"""What a network does as a function of its weights: for numerical gradients, and to walk about on a loss."""

import os
from collections.abc import Callable, Iterable, Sequence
from threading import RLock
from typing import Any
from weakref import WeakKeyDictionary

from scalargrad.core.modes import no_grad
from scalargrad.core.value import Parameter
from scalargrad.errors import CallError, LengthError, UnknownNameError
from scalargrad.utils.spelling import suggestion

from .module import Module

_TURNS: "WeakKeyDictionary[Module, Any]" = WeakKeyDictionary()
"""A lock for each model whose weights somebody moves."""

# A fork copies locks as they are, held by other threads perhaps, who are not copied.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_TURNS.clear)


class AtWeights:
    """`measure(model)` as a function of a list of numbers, which some parameters of the model have while it is computed.

    model    a Module
    measure  a function of the model that returns a number, such as its loss on a sample; computed inside `no_grad`
    names    the paths of the parameters that shall move, as `named_parameters` tells them; None: all

    Threads that call it take turns, one after the other for one model; but who uses the model itself meanwhile sees the weights move.
    `numbers` holds what they are now. After each call the model is as it was, also if the call raised. It can be pickled where model
    and measure can, so other processes can compute it. Raises UnknownNameError for a name that no parameter has, CallError for a
    measure that can't be called, and when called LengthError for too few or too many numbers, DataError for what is no number.

    >>> from scalargrad import numerical_gradient
    >>> from scalargrad.nn import Neuron
    >>> neuron = Neuron(2, activation=None)
    >>> f = AtWeights(neuron, lambda model: model([3.0, 5.0]).data, ["weights.1", "bias"])
    >>> [round(slope, 6) for slope in numerical_gradient(f, f.numbers)]
    [5.0, 1.0]
    """

    def __init__(
        self, model: Module, measure: Callable[[Any], Any], names: Iterable[str] | None = None
    ) -> None:
        if not callable(measure):
            raise CallError(
                f"AtWeights needs a function of the model, not {type(measure).__name__}"
            )
        own = dict(model.named_parameters())
        chosen = list(own if names is None else names)
        if unknown := [name for name in chosen if name not in own]:
            hint = suggestion(unknown[0], own, otherwise="")
            raise UnknownNameError(f"the network has no parameter {unknown[0]!r}{hint}")
        self.model, self.measure = model, measure
        self._parameters: list[Parameter] = [own[name] for name in chosen]

    @property
    def numbers(self) -> list[float]:
        """The numbers of those parameters, in the order of `names`."""
        return [parameter.data for parameter in self._parameters]

    def __call__(self, numbers: Sequence[float]) -> Any:
        if len(numbers) != len(self._parameters):
            raise LengthError(
                f"AtWeights moves {len(self._parameters)} parameters, but was given {len(numbers)} numbers"
            )
        with _TURNS.setdefault(self.model, RLock()):
            before = self.numbers
            try:
                self._set(numbers)
                with no_grad():
                    return self.measure(self.model)
            finally:
                self._set(before)

    def _set(self, numbers: Sequence[float]) -> None:
        for parameter, number in zip(self._parameters, numbers, strict=True):
            parameter.data = number
