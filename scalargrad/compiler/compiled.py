"""`compile`: a function of scalars becomes a program that runs on whole batches."""

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any

import numpy
from numpy.typing import NDArray

from ..calls import explain_calls
from ..collector import collector_off
from ..engine import Value
from ..errors import DataError, LengthError, OptionError, TraceError
from ..hyperparameters import all_finite
from ..naming import suggestion
from ..nn import Module
from ..terminal import fits_terminal
from .backends import BACKENDS, Backend
from .jax_backend import JaxBackend
from .kernels import Kernel, Matrix
from .numpy_backend import NumpyBackend
from .passes import optimised
from .program import Program, record
from .replay import Replay
from .trace import Recording, trace

Array = NDArray[numpy.float64]
_NOTHING = numpy.zeros(0)


@explain_calls
def compile(function: Callable[..., Any], model: Module | None = None, inputs: Sequence[int] = (), backend: str = "numpy") -> "Compiled":
    """Record `function` once, and return it as array code.

    function  takes one argument for each entry of `inputs`: a list of so many Values, a single Value for 1; returns a Value, or a list
    model     whose parameters it uses; gradients come in the order of `model.parameters()`
    inputs    the length of each argument
    backend   "numpy", or "jax": the same on JAX, whose `pure` functions jax.jit, jax.grad and JAX's sharding take over many devices
              (needs JAX: pip install jax; sets JAX to 64 bits; demos/parallel.py shows it)

    The graph of one sample is recorded, in the mode that the model is in (training or evaluation); the batch becomes an axis. Sums may
    be added up in another order, so the last digits, and the sign of a zero, may differ from those of eager code. What is neither an
    argument nor one of the model's parameters answers as any Python number does: a branch on it is taken once, while recording. Raises
    TraceError where the function does what a recording can't hold, such as a Python branch on a number; OptionError and DataError for
    other arguments that can't be used.

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
        raise OptionError(f"backend must be one of {', '.join(map(repr, BACKENDS))}, not {backend!r}{hint}")
    if model is not None and model.needs_batch:
        raise TraceError(
            f"{model.batchwise_parts()} takes statistics of a batch while it trains, and a program is recorded for one sample: "
            "use LayerNorm, or model.eval() first; to train with it, fit with compiled=False"
        )
    with collector_off():
        return Compiled(function, model, inputs, BACKENDS[backend])


class Compiled:
    """A program that `compile` made. Calling it computes the outputs of a batch.

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
        self.model = model
        recording = _traced(function, model, inputs)
        recorded = record(recording)
        self.recorded_rows = len(recorded)
        self.program: Program = optimised(recorded)
        self.sizes = tuple(len(each) for each in recording.inputs)
        self._backend = backend(self.program, self.sizes)
        self._replay = Replay(recording, self.program.drawn)
        self._recording = recording
        self.read()

    @property
    def parameters(self) -> Array:
        """The numbers that it computes with; change them in place."""
        return self._backend.parameters

    def read(self) -> None:
        """Take the parameters of the model."""
        self._backend.parameters[:] = [parameter._data for parameter in self._recording.parameters]

    def write_back(self) -> None:
        """Give the parameters to the model."""
        for parameter, number in zip(self._recording.parameters, self.parameters.tolist(), strict=True):
            parameter.data = number

    def __call__(self, *arguments: Any) -> Array:
        """The outputs for a batch: (batch, outputs).

        arguments  one array (batch, n) for each entry of `inputs`; (batch,) will do for n = 1

        Samples with an output that is not finite are computed as eager code does, so that both always say the same.
        """
        arrays = self._checked(arguments)
        drawn = self.draw(len(arrays[0]))
        found = self._backend.outputs(arrays, self._read(), drawn)
        if not all_finite(found.ravel()):
            odd = ~numpy.isfinite(found).all(axis=1)
            found[odd] = self._replay.outputs(numpy.hstack(arrays)[odd].tolist(), self.parameters.tolist(), drawn[odd].tolist())
        return found

    def value_and_grad(self, *arguments: Any) -> tuple[float, Array]:
        """The mean of the output over the batch, and its gradient by the parameters, one float64 vector.

        Where a number is not finite, the samples are computed one by one as eager code does, so that both always say the same.
        Raises LengthError for several outputs, and for arguments of other shapes.
        """
        self._one_output("value_and_grad")
        loss, gradient, _ = self.evaluated(self._checked(arguments))
        return loss, gradient

    def evaluated(self, arrays: list[Array]) -> tuple[float, Array, Array]:
        """The mean of the first output, its gradient, and the other outputs.

        arrays  one (batch, n) of float64 for each argument, not checked
        """
        read, drawn = self._read(), self.draw(len(arrays[0]))
        loss, others = self._backend.loss(arrays, read, drawn)
        gradient = self._backend.gradient
        if not isfinite(loss) or not all_finite(gradient):
            loss, numbers = self._replay.mean(numpy.hstack(arrays).tolist(), self.parameters.tolist(), drawn.tolist())
            gradient[:] = numbers
        return loss, gradient, others

    def gradients_by_name(self) -> dict[str, float]:
        """The gradient that `value_and_grad` gave last, with what was done to that array since, by the names of the parameters."""
        names = [name for name, _ in self.model.named_parameters()] if self.model else []
        return dict(zip(names, self._backend.gradient.tolist(), strict=True))

    def inputs_gradient(self, *arguments: Any) -> list[Array]:
        """For each argument (batch, n): the derivative of each sample's output by its inputs. Raises LengthError for several outputs."""
        self._one_output("inputs_gradient")
        return [array[:, 0] for array in self.jacobian(*arguments)]

    def jacobian(self, *arguments: Any) -> list[Array]:
        """For each argument (batch, outputs, n): the derivative of every output of each sample by its inputs.

        Samples with a derivative that is not finite are computed as eager code does, so that both always say the same.
        """
        arrays = self._checked(arguments)
        batch, outputs = len(arrays[0]), len(self.program.outputs)
        read, drawn = self._read(), self.draw(batch)
        rows = [self._backend.pulled(arrays, read, drawn, numpy.tile(seed, (batch, 1))) for seed in numpy.eye(outputs)]
        found = numpy.concatenate([numpy.stack(parts, axis=1) for parts in zip(*rows, strict=True)], axis=2)
        if not all_finite(found.ravel()):
            odd = ~numpy.isfinite(found).all(axis=(1, 2))
            found[odd] = self._replay.jacobian(numpy.hstack(arrays)[odd].tolist(), self.parameters.tolist(), drawn[odd].tolist())
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
        own, so this is a `write_back`, too.
        """
        arrays = self._checked([numpy.reshape(numpy.asarray(each, dtype=float), (1, -1)) for each in sample])
        drawn = self.draw(1)
        self._replay.load(numpy.hstack(arrays)[0].tolist(), self.parameters.tolist(), drawn[0].tolist())
        if len(self._recording.outputs) == 1:
            self._replay.backward()
        return self._recording.outputs[0] if self._recording.single else list(self._recording.outputs)

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

    def _given(self, parameters: Any, arguments: Sequence[Any], drawn: Any) -> tuple[Any, Sequence[Any], Array, Any]:
        self._as_many(arguments)
        if numpy.shape(parameters) != self.parameters.shape:
            raise LengthError(f"parameters must be a vector of {len(self.parameters):,} numbers, not of shape {numpy.shape(parameters)}")
        if drawn is None and self.program.drawn:
            raise OptionError("this program draws random numbers, which a pure function can't: give drawn=program.draw(batch)")
        return parameters, arguments, self._read(), numpy.zeros((1, 0)) if drawn is None else drawn

    def _one_output(self, who: str) -> None:
        if len(self.program.outputs) != 1:
            raise LengthError(f"{who} needs a function with one output, such as a loss, not {len(self.program.outputs)}")

    def _read(self) -> Array:
        return numpy.array([leaf._data for leaf in self.program.leaves]) if self.program.leaves else _NOTHING

    def draw(self, batch: int) -> Array:
        """A number for each drawn leaf of each sample, (batch, leaves), drawn in the order in which eager code would draw them."""
        sources = [leaf.source for leaf in self.program.drawn]
        if not sources:
            return numpy.empty((batch, 0))
        return numpy.array([[source.draw() for source in sources] for _ in range(batch)], dtype=float).reshape(batch, len(sources))

    def _as_many(self, arguments: Sequence[Any]) -> None:
        if len(arguments) != len(self.sizes):
            raise LengthError(f"the program takes {len(self.sizes)} arguments, of lengths {self.sizes}, but was given {len(arguments)}")

    def _checked(self, arguments: Sequence[Any]) -> list[Array]:
        self._as_many(arguments)
        arrays = [_as_array(argument, size, i) for i, (argument, size) in enumerate(zip(arguments, self.sizes, strict=True))]
        lengths = {len(array) for array in arrays}
        if len(lengths) > 1:
            raise LengthError(f"all arguments must have one row for each sample, but they have {', '.join(map(str, sorted(lengths)))}")
        if lengths in ({0}, set()):
            raise LengthError("the batch is empty: give at least one sample")
        return arrays


def _traced(function: Callable[..., Any], model: Module | None, inputs: Sequence[int]) -> Recording:
    """The recording; what it drew at random was for no sample, so the model's generators are set back."""
    generators = [(generator, generator.getstate()) for _, generator in model.named_generators()] if model else []
    try:
        return trace(function, inputs, model.parameters() if model else ())
    finally:
        for generator, state in generators:
            generator.setstate(state)


def _as_array(argument: Any, size: int, position: int) -> Array:
    try:
        array = numpy.asarray(argument, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"argument {position} must be an array of numbers, (batch, {size}): {error}") from None
    if array.ndim == 1 and size == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != size:
        raise LengthError(f"argument {position} must have the shape (batch, {size}), not {array.shape}")
    return array
