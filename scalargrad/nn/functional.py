"""Networks as functions of their parameters: `functional_call`, and `Objective` for numbers."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from threading import RLock
from typing import Any
from weakref import WeakKeyDictionary

from scalargrad.core.conversion import as_float
from scalargrad.core.modes import no_grad
from scalargrad.core.value import Constant, Number, Parameter, Value
from scalargrad.errors import CallError, DataError, LengthError, UnknownNameError
from scalargrad.utils.spelling import suggestion

from .module import Module


def functional_call(
    model: Module, parameters: Mapping[str, Number], *inputs: Any, **options: Any
) -> Any:
    """Call a model with other parameters, as `torch.func.functional_call` does.

    The model itself keeps its parameters, and other threads may use it meanwhile. Buffers and
    random generators are those of the model.

    Args:
        model: The model to call.
        parameters: Numbers or Values by the paths of `named_parameters()`. Gradients flow to
            Values. Parameters that are not named are those of the model.
        inputs: What to call the model with.
        options: Keyword arguments of the call.

    Returns:
        What the model returns.

    Raises:
        DataError: If `parameters` is not a dict of numbers and Values.
        UnknownNameError: If the model has no parameter of a name.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> neuron = Neuron(1, activation=None)
        >>> weight = Value(3.0)
        >>> y = functional_call(neuron, {"weights.0": weight, "bias": 0.5}, [2.0])
        >>> y.backward()
        >>> y.data, weight.grad, neuron.bias.data
        (6.5, 2.0, 0.0)
    """
    if not isinstance(parameters, Mapping):
        raise DataError(
            f"functional_call takes a dict of parameters by name, not {type(parameters).__name__}"
        )
    own = dict(model.named_parameters())
    _check_known(parameters, own)

    # deepcopy takes whatever is in its memo for copied. So Values and generators are shared with
    # the model, and the named parameters are replaced wherever they appear.
    memo: dict[int, Any] = {id(value): value for _, value in model._named(Value)}
    memo |= {id(rng): rng for _, rng in model.named_generators()}
    for name, number in parameters.items():
        parameter = own[name]
        if not isinstance(number, Value):
            number = Constant(as_float(number, f"parameters[{name!r}]"), label=parameter.label)
        memo[id(parameter)] = number
    return deepcopy(model, memo)(*inputs, **options)


class Objective:
    """A function of a flat list of numbers: `measure(model)` with these as the parameters.

    This is the form that numerical methods take: `numerical_gradient`, `gradcheck`, optimizers of
    SciPy. After each call the model is as before, also if the call raised. Threads that call it
    take turns for one model; a thread that uses the model itself meanwhile sees other parameters.
    It can be pickled if model and measure can, so that other processes can compute it.

    Args:
        model: A Module.
        measure: A function of the model that returns a number, such as its loss on a sample. It is
            called inside `no_grad`.
        names: The paths of the parameters to vary, as in `named_parameters()`; None for all.

    Raises:
        UnknownNameError: If the model has no parameter of a name.
        CallError: If `measure` can't be called.

    Example:
        >>> from scalargrad import numerical_gradient
        >>> from scalargrad.nn import Neuron
        >>> neuron = Neuron(2, activation=None)
        >>> f = Objective(neuron, lambda model: model([3.0, 5.0]).data, ["weights.1", "bias"])
        >>> [round(slope, 6) for slope in numerical_gradient(f, f.numbers)]
        [5.0, 1.0]
    """

    def __init__(
        self,
        model: Module,
        measure: Callable[[Any], Any],
        names: Iterable[str] | None = None,
    ) -> None:
        if not callable(measure):
            raise CallError(
                f"Objective needs a function of the model, not {type(measure).__name__}"
            )
        own = dict(model.named_parameters())
        chosen = list(own if names is None else names)
        _check_known(chosen, own)
        self.model = model
        self.measure = measure
        self._parameters: list[Parameter] = [own[name] for name in chosen]

    @property
    def numbers(self) -> list[float]:
        """The present numbers of the parameters, in the order of `names`."""
        return [parameter.data for parameter in self._parameters]

    def __call__(self, numbers: Sequence[float]) -> Any:
        """Return `measure(model)` with these numbers as the parameters.

        Raises:
            LengthError: If there are more or fewer numbers than parameters.
            DataError: If an item is not a number.
        """
        if len(numbers) != len(self._parameters):
            raise LengthError(
                f"Objective varies {len(self._parameters)} parameters, "
                f"but was given {len(numbers)} numbers"
            )
        # In place, and not by functional_call: a numerical gradient calls this twice for each
        # parameter, and a copy of a model costs more than a forward pass.
        with _LOCKS.setdefault(self.model, RLock()):
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


_LOCKS: "WeakKeyDictionary[Module, Any]" = WeakKeyDictionary()
"""A lock for each model whose parameters an Objective varies."""

# A fork copies locks as they are, perhaps held by other threads, which are not copied.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LOCKS.clear)


def _check_known(names: Iterable[str], own: Mapping[str, Parameter]) -> None:
    unknown = [name for name in names if name not in own]
    if unknown:
        hint = suggestion(unknown[0], own, otherwise="")
        raise UnknownNameError(f"the network has no parameter {unknown[0]!r}{hint}")
