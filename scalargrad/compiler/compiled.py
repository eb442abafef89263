"""`compile`: a function of scalars becomes a program that runs on whole batches."""

import pickle
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import cached_property
from itertools import islice
from math import isfinite
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.checks import all_finite
from scalargrad.core.unlearned import is_reported, warn_unlearned
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import CallError, DataError, LengthError, OptionError, TraceError
from scalargrad.nn import Module
from scalargrad.terminal import fits_terminal
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.garbage import collector_off
from scalargrad.utils.spelling import suggestion

from .backend import BACKENDS, Backend
from .guards import Guards
from .jax_backend import JaxBackend
from .kernels import Kernel, Matrix
from .nonfinite import Batch
from .numpy_backend import NumpyBackend
from .passes import optimize
from .program import Program, record
from .replay import Replay
from .tracing import Trace, trace

Array = NDArray[numpy.float64]
_NOTHING = numpy.zeros(0)
_MAX_NAMED = 3


@explain_calls
def compile(
    function: Callable[..., Any],
    model: Module | None = None,
    inputs: Sequence[int] = (),
    backend: str = "numpy",
) -> "Compiled":
    """Record `function` once and return it as array code.

    The graph of one sample is recorded, in the mode that the model is in (training or evaluation); the
    batch becomes an axis. Sums may be added up in another order, so the last digits, and the sign of a
    zero, may differ from those of eager code.

    While the function is recorded, no Value tells its number: a branch on one, `.data`, float(), or a
    derivative within the function raise TraceError. Values from outside (a Buffer, a Value of the user's, a
    Parameter of another model) are read again at each call. Plain Python numbers are constants of the
    recording. As far as they, text, or the lengths of containers stand under names that the function (or a
    function of the user's that it names) reads from its closure or its module, each call compares them and
    raises TraceError once they have changed; small containers of plain numbers are compared whole. Numbers
    kept elsewhere, such as in attributes, are not watched, and neither are files and clocks. Random numbers
    from generators of Python and NumPy that are global, the model's, or under such a name are refused; a
    Dropout is fine.

    Args:
        function: Takes one argument for each entry of `inputs`: a list of as many Values, a single Value
            for 1. Returns a Value, or a list of them.
        model: The Module whose parameters it learns; gradients come in the order of `model.parameters()`.
        inputs: The length of each argument; left out for a function that takes none, which is computed as
            a batch of one.
        backend: "numpy", or "jax": the same on JAX, whose `pure` functions jax.jit, jax.grad and JAX's
            sharding take over many devices (needs the library JAX: pip install jax; sets
            it to 64 bits; demos/parallel.py shows it).

    Returns:
        The program.

    Raises:
        TraceError: The function does what a recording can't hold.
        OptionError: An option is not one of those possible.
        DataError: `function` or `model` is something else, or the function returns no Values.

    Warns:
        UnlearnedWarning: The function uses a trainable Parameter that `model` does not own.

    Example:
        >>> from scalargrad.losses import mse
        >>> from scalargrad.nn import MLP
        >>> model = MLP(2, [3, 1], seed=1)
        >>> program = compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
        >>> loss, gradient = program.value_and_grad(numpy.ones((5, 2)), numpy.zeros((5, 1)))
        >>> gradient.shape
        (13,)
    """
    if not callable(function):
        raise DataError(f"compile takes a function, not {type(function).__name__}")
    if model is not None and not isinstance(model, Module):
        raise DataError(f"model must be a Module, not {type(model).__name__}")
    if not isinstance(backend, str) or backend not in BACKENDS:
        hint = suggestion(backend, BACKENDS, otherwise="")
        raise OptionError(
            f"backend must be one of {', '.join(map(repr, BACKENDS))}, not {backend!r}{hint}"
        )
    if model is not None and model.needs_batch:
        raise TraceError(
            f"{model.batchwise_parts()} takes statistics of a batch while it trains, and a program is recorded for one sample: "
            "use LayerNorm, or model.eval() first; to train with it, fit with compiled=False"
        )
    with collector_off():
        program = Compiled(function, model, inputs, BACKENDS[backend])
    _warn_of_unlearned(program)
    return program


def _warn_of_unlearned(program: "Compiled") -> None:
    """Name the parameters that the function uses and `model` does not own: their gradient is asked of nobody."""
    left_out = [
        leaf for leaf in program.program.leaves if isinstance(leaf, Parameter) and leaf.trainable
    ]
    if not left_out or is_reported(id(program.model)):
        return
    names = [
        f"Parameter {leaf.label or 'without a label'} ({leaf._data:g})"
        for leaf in left_out[:_MAX_NAMED]
    ]
    more = f" and {len(left_out) - _MAX_NAMED:,} more" if len(left_out) > _MAX_NAMED else ""
    why = (
        "but compile was given no model"
        if program.model is None
        else "which the model does not own"
    )
    warn_unlearned(
        f"the compiled function uses {', '.join(names)}{more}, {why}: what is read at each call is the number, and no "
        "gradient is computed for it. To learn it, make it an attribute of the Module that compile is given as `model`; "
        "if it shall not learn, set its trainable = False, or use a Value"
    )


class Compiled:
    """A program that `compile` made. Calling it computes the outputs of a batch.

    Several threads may call it at once: each call has arrays of its own, and what one call returns belongs together. The
    parameters are read while a call runs, so change them between calls. A function that draws random numbers (dropout) shares
    its generators among all threads: who gets which number is then a matter of chance.

    A program can be copied and pickled. A copy has parameters of its own, and a model of its own where it is deep; what the
    function read around it is then no longer compared at each call.

    parameters  its own numbers, a vector in the order of `model.parameters()`, to be changed in place; `read` and `write_back`
                exchange them with the model
    program     the scalar rows after all passes
    """

    def __init__(
        self,
        function: Callable[..., Any],
        model: Module | None,
        inputs: Sequence[int],
        backend: Callable[[Program, Sequence[int]], Backend] = NumpyBackend,
    ) -> None:
        guards = Guards(function, model)
        recording = trace(function, inputs, model.parameters() if model else ())
        guards.settle()
        recorded = record(recording)
        self._assemble(model, recording, recorded, optimize(recorded), backend)
        self._guards = guards
        self.read()

    _guards: Guards | None = None

    def _assemble(
        self,
        model: Module | None,
        recording: Trace,
        recorded: Program,
        program: Program,
        backend: Callable[[Program, Sequence[int]], Backend],
    ) -> None:
        """Put the parts together; the parameters are still to be set."""
        self.model = model
        self.program = program
        self.recorded_rows = len(recorded)
        self.sizes = tuple(len(each) for each in recording.inputs)
        self._recording = recording
        self._recorded = recorded
        self._replay = Replay(recording, recorded)
        self._backend = backend(program, self.sizes)
        self._gradient: Array = numpy.zeros(program.parameters)

    def _parts(self) -> tuple[Any, ...]:
        """Everything but array code, which is made again, and the guards, which look at the function's surroundings."""
        parts = (self.model, self._recording, self._recorded, self.program, type(self._backend))
        return parts, self.parameters.copy(), self._gradient.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parts. Raises CallError where the model can't be pickled."""
        try:
            pickle.Pickler(_Nowhere()).dump((self.model, self._recording.drawn))
        except Exception as error:
            raise CallError(
                f"this program can't be pickled, because its model can't: {error}. Classes must be defined at the top "
                "level of a module, and attributes must not be lambdas"
            ) from error
        return _remade, self._parts()

    def __copy__(self) -> "Compiled":
        parts, parameters, gradient = self._parts()
        return _remade(parts, parameters, gradient, self._guards)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Compiled":
        parts, parameters, gradient = deepcopy(self._parts(), memo)
        return _remade(parts, parameters, gradient, self._guards)

    @property
    def parameters(self) -> Array:
        """The numbers that it computes with; change them in place."""
        return self._backend.parameters

    def read(self) -> None:
        """Take the parameters of the model."""
        self._backend.parameters[:] = [parameter._data for parameter in self._recording.parameters]

    def write_back(self) -> None:
        """Give the parameters to the model."""
        for parameter, number in zip(
            self._recording.parameters, self.parameters.tolist(), strict=True
        ):
            parameter.data = number

    def __call__(self, *arguments: Any) -> Array:
        """The outputs for a batch: (batch, outputs).

        arguments  one array (batch, n) for each entry of `inputs`; (batch,) will do for n = 1

        Samples with an output that is not finite are computed as eager code does, so that both always say the same.
        """
        arrays = self._checked(arguments)
        read, drawn = self._read(), self._drawn_for(arrays)
        found = self._backend.outputs(arrays, read, drawn)
        if not all_finite(found.ravel()):
            batch = self._batch(arrays, read, drawn)
            for row in numpy.flatnonzero(~numpy.isfinite(found).all(axis=1)).tolist():
                found[row] = self._replay.outputs(batch.leaves(row))
        return found

    def value_and_grad(self, *arguments: Any) -> tuple[float, Array]:
        """The mean of the output over the batch, and its gradient by the parameters, one float64 vector.

        Samples with a loss or a gradient that is not finite are computed as eager code does, so that both always say the same.
        Raises LengthError for several outputs, and for arguments of other shapes.
        """
        self._one_output("value_and_grad")
        loss, gradient, _ = self.evaluate_loss(self._checked(arguments))
        return loss, gradient

    def evaluate_loss(
        self, arrays: list[Array], thorough: bool = True
    ) -> tuple[float, Array, Array]:
        """Compute the mean of the first output, its gradient, and the other outputs.

        Args:
            arrays: One (batch, n) of float64 for each argument, not checked.
            thorough: Whether loss and gradient must be those of eager code where they are not finite. If
                not, the first sample that makes them so ends the search, and they are those of array code.
        """
        read, drawn = self._read(), self._drawn_for(arrays)
        loss, gradient, others = self._backend.loss(arrays, read, drawn)
        if not isfinite(loss) or not all_finite(gradient):
            batch = self._batch(arrays, read, drawn)
            if thorough or next(batch.odd_rows(), None) is None:
                loss, gradient = batch.mean()
        self._gradient = gradient
        return loss, gradient, others

    def odd_rows(self, arrays: Sequence[Any], limit: int | None = None) -> NDArray[numpy.intp]:
        """Find the samples whose loss, or its gradient by the parameters, is not finite.

        Each is computed as eager code does, so a limit spares time where many are not.

        Args:
            arrays: One array (batch, n) for each argument.
            limit: How many to find at most.

        Returns:
            Their indexes, in order. Random numbers are drawn as for any call.

        Example:
            >>> from scalargrad import log
            >>> program = compile(lambda x: log(x), inputs=(1,))
            >>> program.odd_rows([[1.0, 0.0, 2.0, -1.0]]).tolist()
            [1, 3]
        """
        checked = self._checked(arrays)
        batch = self._batch(checked, self._read(), self._drawn_for(checked))
        return numpy.array(list(islice(batch.odd_rows(), limit)), dtype=numpy.intp)

    def gradients_by_name(self) -> dict[str, float]:
        """The gradient of the last `value_and_grad`, of whichever thread, by the names of the parameters.

        It is that very array: what was done to it since shows. Where several threads call, keep what each call returned instead.
        """
        names = [name for name, _ in self.model.named_parameters()] if self.model else []
        return dict(zip(names, self._gradient.tolist(), strict=True))

    def inputs_gradient(self, *arguments: Any) -> list[Array]:
        """For each argument (batch, n): the derivative of each sample's output by its inputs. Raises LengthError for several outputs."""
        self._one_output("inputs_gradient")
        return [array[:, 0] for array in self.jacobian(*arguments)]

    def jacobian(self, *arguments: Any) -> list[Array]:
        """For each argument (batch, outputs, n): the derivative of every output of each sample by its inputs.

        Samples with a derivative that is not finite are computed as eager code does, so that both always say the same.
        """
        arrays = self._checked(arguments)
        if not arrays:
            return []
        read, drawn = self._read(), self._drawn_for(arrays)
        seeds = [numpy.tile(seed, (len(drawn), 1)) for seed in numpy.eye(len(self.program.outputs))]
        rows = [self._backend.pull_back(arrays, read, drawn, seed) for seed in seeds]
        found = numpy.concatenate(
            [numpy.stack(parts, axis=1) for parts in zip(*rows, strict=True)], axis=2
        )
        if not all_finite(found.ravel()):
            batch = self._batch(arrays, read, drawn)
            for row in numpy.flatnonzero(~numpy.isfinite(found).all(axis=(1, 2))).tolist():
                found[row] = self._replay.jacobian(batch.leaves(row))
        return numpy.split(found, numpy.cumsum(self.sizes)[:-1], axis=2)

    def pure(self, parameters: Any, *arguments: Any, drawn: Any = None) -> Any:
        """The mean of the output over the batch as a function of nothing but its arguments: for jax.jit, jax.grad and JAX's sharding.

        parameters  a vector in the order of `model.parameters()`; `program.parameters` itself is not looked at
        arguments   as for calls, of JAX; not a number is checked or computed anew where it is not finite
        drawn       for a function that draws random numbers (dropout): `program.draw(batch)`

        The numbers of leaves that are read, such as buffers, are those that they have when JAX traces. `jax.value_and_grad(program.pure)`
        is then like `value_and_grad`. Raises OptionError for another backend, and for `drawn` where it is missing; LengthError for
        several outputs, and for arguments of other shapes.
        """
        self._one_output("pure")
        return self._jax().pure_loss(*self._given(parameters, arguments, drawn))

    def pure_outputs(self, parameters: Any, *arguments: Any, drawn: Any = None) -> Any:
        """The outputs of a batch, (batch, outputs), as a function of nothing but its arguments: as `pure`."""
        return self._jax().pure_outputs(*self._given(parameters, arguments, drawn))

    def load(self, *sample: Any) -> Value | list[Value]:
        """Put one sample's numbers, and the parameters, into the recorded Values; with one output its gradients, too.

        sample  one number or list of numbers for each argument

        Returns the recorded output or outputs: what `viz.draw` then shows is the graph of this sample. The parameters are the model's
        own, so this is a `write_back`, too. It is the one method that writes into Values: not while other threads use the model.
        """
        arrays = self._checked(
            [numpy.reshape(numpy.asarray(each, dtype=float), (1, -1)) for each in sample]
        )
        leaves = self._batch(arrays, self._read(), self._drawn_for(arrays)).leaves(0)
        self._replay.load(leaves.sample, leaves.parameters, leaves.drawn)
        if len(self._recording.outputs) == 1:
            self._replay.backward()
        return (
            self._recording.outputs[0] if self._recording.single else list(self._recording.outputs)
        )

    @property
    def kernels(self) -> list[Kernel]:
        """The array operations that it runs, in order."""
        return self._backend.kernels

    def recorded(self, rows: Iterable[int]) -> list[Value]:
        """The recorded Values that rows of `program` stand for; rows that a pass made stand for none."""
        origin = self.program.origin
        found = [] if origin is None else [int(origin[row]) for row in rows]
        return [self._replay.order[place] for place in found if place >= 0]

    @fits_terminal
    def explain(self) -> str:
        """What became of the scalars, in a few lines.

        >>> print(compile(lambda x: x[0] * x[1], inputs=(2,)).explain())
        3 scalars recorded, 3 rows after all passes, 1 kernel
          mul × 1
        """
        kernels = self._backend.kernels
        counted = f"{len(kernels)} kernel{'s' * (len(kernels) != 1)}"
        head = f"{self.recorded_rows:,} scalars recorded, {len(self.program):,} rows after all passes, {counted}"
        return "\n".join([head, *(f"  {kernel}" for kernel in kernels)])

    @fits_terminal
    def __str__(self) -> str:
        """The program as Python source: forward, and back where there is something to learn."""
        learns = len(self.program.outputs) == 1 and self.program.parameters
        return self._backend.written("loss" if learns else "outputs")

    def __repr__(self) -> str:
        matrices = sum(isinstance(kernel, Matrix) for kernel in self._backend.kernels)
        return f"<Compiled: {self.recorded_rows:,} scalars as {len(self._backend.kernels)} kernels, {matrices} of them matrices>"

    def _jax(self) -> JaxBackend:
        if not isinstance(self._backend, JaxBackend):
            raise OptionError('a pure function needs JAX: compile with backend="jax"')
        return self._backend

    def _given(
        self, parameters: Any, arguments: Sequence[Any], drawn: Any
    ) -> tuple[Any, Sequence[Any], Array, Any]:
        self._as_many(arguments)
        if numpy.shape(parameters) != self.parameters.shape:
            raise LengthError(
                f"parameters must be a vector of {len(self.parameters):,} numbers, not of shape {numpy.shape(parameters)}"
            )
        if drawn is None and self.program.drawn:
            raise OptionError(
                "this program draws random numbers, which a pure function can't: give drawn=program.draw(batch)"
            )
        return parameters, arguments, self._read(), numpy.zeros((1, 0)) if drawn is None else drawn

    def _one_output(self, who: str) -> None:
        if len(self.program.outputs) != 1:
            raise LengthError(
                f"{who} needs a function with one output, such as a loss, not {len(self.program.outputs)}"
            )

    def _read(self) -> Array:
        """The numbers of the leaves that are read, once it is sure that the function would still do the same."""
        if self._guards is not None:
            self._guards.check()
        return (
            numpy.array([leaf._data for leaf in self.program.leaves])
            if self.program.leaves
            else _NOTHING
        )

    def _drawn_for(self, arrays: Sequence[Array]) -> Array:
        """The drawn numbers of a batch; a function without arguments is a batch of one."""
        return self.draw(len(arrays[0]) if arrays else 1)

    def _batch(self, arrays: Sequence[Array], read: Array, drawn: Array) -> Batch:
        """A batch that samples can be taken out of, in any number: JAX would compile for each number anew."""
        return Batch(self._any_size, self._replay, arrays, read, drawn)

    @cached_property
    def _any_size(self) -> NumpyBackend:
        """A backend for batches of any size, with the same parameters."""
        if isinstance(self._backend, NumpyBackend):
            return self._backend
        return NumpyBackend(self.program, self.sizes, self.parameters)

    def draw(self, batch: int) -> Array:
        """A number for each drawn leaf of each sample, (batch, leaves), drawn in the order in which eager code would draw them."""
        sources = [leaf.source for leaf in self.program.drawn]
        if not sources:
            return numpy.empty((batch, 0))
        return numpy.array(
            [[source.draw() for source in sources] for _ in range(batch)], dtype=float
        ).reshape(batch, len(sources))

    def _as_many(self, arguments: Sequence[Any]) -> None:
        if len(arguments) != len(self.sizes):
            raise LengthError(
                f"the program takes {len(self.sizes)} arguments, of lengths {self.sizes}, but was given {len(arguments)}"
            )

    def _checked(self, arguments: Sequence[Any]) -> list[Array]:
        self._as_many(arguments)
        arrays = [
            _as_array(argument, size, i)
            for i, (argument, size) in enumerate(zip(arguments, self.sizes, strict=True))
        ]
        lengths = {len(array) for array in arrays}
        if len(lengths) > 1:
            raise LengthError(
                f"all arguments must have one row for each sample, but they have {', '.join(map(str, sorted(lengths)))}"
            )
        if lengths == {0}:
            raise LengthError("the batch is empty: give at least one sample")
        return arrays


class _Nowhere:
    """A file that forgets what is written to it."""

    def write(self, data: bytes) -> int:
        return len(data)


def _remade(
    parts: tuple[Any, ...],
    parameters: Array,
    gradient: Array,
    guards: Guards | None = None,
) -> Compiled:
    """A program put together again."""
    program = object.__new__(Compiled)
    program._assemble(*parts)
    program._guards = guards
    program._gradient = gradient
    program.parameters[:] = parameters
    return program


def _as_array(argument: Any, size: int, position: int) -> Array:
    try:
        array = numpy.asarray(argument, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"argument {position} must be an array of numbers, (batch, {size}): {error}"
        ) from None
    if array.ndim == 1 and size == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != size:
        raise LengthError(
            f"argument {position} must have the shape (batch, {size}), not {array.shape}"
        )
    return array
