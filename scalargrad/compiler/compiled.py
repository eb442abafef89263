"""Compiled programs: a function of scalars that runs on whole batches as array code."""

import pickle
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias

import numpy
from numpy.typing import ArrayLike, NDArray

from scalargrad.core.checks import all_finite
from scalargrad.core.exchange import WRITES, expect_program
from scalargrad.core.graph import topological
from scalargrad.core.nested import replace_leaves
from scalargrad.core.value import Value
from scalargrad.errors import CallError, LengthError, OptionError, StaleWarning
from scalargrad.nn import Module
from scalargrad.terminal import fits_terminal
from scalargrad.utils.counting import plural
from scalargrad.utils.display import Displayable, Report
from scalargrad.utils.frames import warn

from .arguments import Arguments
from .array_types import Array
from .backend import BackendMaker, make_step_runner
from .batch_replay import BatchReplay
from .guards import Guards
from .jax_backend import JaxArray, JaxBackend
from .kernels import Kernel, Matrix, Scan
from .nonfinite import Batch
from .numpy_backend import NumpyBackend
from .optimizer_steps import StepInputs, StepRunner, Steps, UpdateRule
from .passes import optimize
from .program import Program, record
from .recorded_graph import RecordedGraph
from .replay import Replay, write_out_loops
from .scans import AFTER, BEFORE, DURING
from .structure import Arrangement
from .tracing import Input, Interface, Trace, trace

__all__ = ["Compiled"]

_NOTHING = numpy.zeros(0)

_Parts: TypeAlias = tuple[Any, ...]
"""The arguments of `Compiled._assemble`."""


class Compiled(Displayable):
    """A program that `compile` made. Calling it computes the outputs of a batch.

    Several threads may call it at once: each call has its own arrays, and what one call returns
    belongs together. The parameters are read while a call runs, so change them between calls. A
    function that draws random numbers (dropout) shares its generators among all threads, so which
    thread gets which number is not determined.

    Program and model keep numbers of their own. A StaleWarning says so when the program is called
    and the model's have changed (by an optimizer, say), or when the model is called, saved or
    converted and the program's have changed: once, until `read` or `write_back`. It also says when
    the model has changed its mode, and dropout or the like depends on that.

    A program can be copied. A copy has its own parameters, and its own model if it is deep. One
    that is not deep goes its own way, and does not warn.

    A pickle holds the rows of the program, and the names and numbers of the parameters, but neither
    the function nor the model. So it can be read where their classes are not known. A program that
    comes from a pickle has no model: it computes, but `read`, `write_back` and `load` raise
    CallError. What the function read around it is no longer compared at each call.

    Attributes:
        model: The Module whose parameters are learned, if any; for a nest one that holds it.
        parameter_names: The names of the parameters in the model.
        parameters: The numbers to compute with, a vector in the order of `model.parameters()`.
            Change it in place; `read` and `write_back` exchange it with the model.
        program: The scalar rows after all passes.
        recorded_rows: The number of scalars that were recorded.
        sizes: The length of each argument.
        integers: Whether each argument holds integers.
    """

    _guards: Guards | None = None
    _pickled_names: tuple[str, ...] = ()
    _follows_model = True
    _exchanged: bytes | None = None
    """The parameters when program and model had the same; None where no difference is reported."""
    _seen: object = None
    """The latest write to any Parameter when those of the model were last compared.

    In a loop of steps nobody writes to one, so looking costs no more than a comparison.
    """
    _modes: tuple[bool, ...] | None = None
    """The modes that `_list_modes` found when the function was recorded; None for no report."""

    def __init__(
        self,
        function: Callable[..., Any],
        model: Module | None,
        inputs: Sequence[Input],
        make_backend: BackendMaker = NumpyBackend,
    ) -> None:
        """Record a function; `compile` checks the arguments first."""
        # Guards compare names and generators before and after the function runs: what it changed
        # itself, or drew at random, shows as a difference.
        guards = Guards(function, model)
        try:
            recording = trace(function, inputs, model.parameters() if model else ())
        except BaseException:
            guards.rewind()
            raise
        guards.settle()

        recorded = record(recording)
        interface = recording.interface
        self._assemble(model, recording, interface, recorded, optimize(recorded), make_backend)
        self._guards = guards
        self.read()
        if model is not None:
            self._modes = _list_modes(model)
            expect_program(model, self)

    def _assemble(
        self,
        model: Module | None,
        recording: Trace | None,
        interface: Interface,
        recorded: Program,
        program: Program,
        make_backend: BackendMaker,
    ) -> None:
        """Set all attributes. The parameters are 0 until they are read from the model."""
        self.model = model
        self.program = program
        self.recorded_rows = len(recorded)
        self.sizes = interface.sizes
        self.integers = interface.integers
        self._interface = interface
        self._arrangement = Arrangement(interface.structure)
        self._arguments = Arguments(program, self.sizes, self.integers)
        self._trace = recording
        self._recorded = recorded
        self._make_backend = make_backend
        self._backend = make_backend(program, self.sizes)
        self._gradient: Array = numpy.zeros(program.parameters)

    def _copy_parts(self) -> tuple[_Parts, Array, Array, tuple[str, ...]]:
        """Return what a copy is made of, see `_rebuild`."""
        # Array code is generated again; guards look at what is around the function itself.
        recorded = (self._recorded, self.program, self._make_backend)
        parts = (self.model, self._trace, self._interface, *recorded)
        return parts, self.parameters.copy(), self._gradient.copy(), self._pickled_names

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the parts to pickle.

        Raises:
            CallError: The program draws random numbers from an object that can't be pickled.
        """
        # Tried here, where the error can still say what to do; pickle itself would name a lambda.
        try:
            pickle.Pickler(_NullFile()).dump(self.program.drawn)
        except Exception as error:
            raise CallError(
                "this program can't be pickled, because what it draws random numbers from can't: "
                f"{error}. Classes must be defined at the top level of a module, and attributes "
                "must not be lambdas"
            ) from error

        # What is read at each call becomes plain Values, of which nobody knows another.
        leaves = tuple(Value(leaf._data, label=leaf.label) for leaf in self.program.leaves)
        recorded = replace(self._unrolled[1], leaves=leaves, origin=None)
        program = replace(self.program, leaves=leaves, origin=None)
        parts = (None, None, self._interface, recorded, program, self._make_backend)
        return _rebuild, (parts, self.parameters, self._gradient, self.parameter_names)

    def __copy__(self) -> "Compiled":
        twin = _rebuild(*self._copy_parts())
        twin._guards = self._guards
        twin.ignore_model()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> "Compiled":
        twin = _rebuild(*deepcopy(self._copy_parts(), memo))
        twin._guards = self._guards
        twin._exchanged = self._exchanged
        twin._follows_model = self._follows_model
        twin._modes = self._modes
        if twin.model is not None:
            expect_program(twin.model, twin)
        return twin

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters in the model, in order."""
        if self.model is None:
            return self._pickled_names
        return tuple(name for name, _ in self.model.named_parameters())

    @property
    def parameters(self) -> Array:
        """The numbers to compute with. Change them in place."""
        return self._backend.parameters

    def read(self) -> None:
        """Copy the parameters of the model into the program.

        Raises:
            CallError: The program comes from a pickle.
        """
        self._require_trace("read")
        self.parameters[:] = self._model_numbers()
        self._note_exchange()

    def write_back(self) -> None:
        """Copy the parameters of the program into the model.

        Raises:
            CallError: The program comes from a pickle.
        """
        parameters = self._require_trace("write_back").parameters
        numbers = self.parameters.tolist()
        for parameter, number in zip(parameters, numbers, strict=True):
            parameter.data = number
        self._note_exchange()

    def _note_exchange(self) -> None:
        """Note that program and model have the same parameters."""
        self._exchanged = self.parameters.tobytes() if self._follows_model else None

    def ignore_model(self) -> None:
        """Never warn of differences from the model: the caller keeps both in step."""
        self._follows_model = False
        self._exchanged = None
        self._modes = None

    def warn_of_unread(self) -> None:
        """Warn if the model has changed since its parameters were exchanged with the program.

        Whoever uses the numbers of the program calls it.
        """
        self._seen = WRITES.latest
        self._warn_of_mode()
        if self._exchanged is None:
            return
        numbers = self._model_numbers()
        if numbers.tobytes() == self._exchanged or self._has(numbers):
            return
        self._exchanged = None
        warn(
            "the parameters of the model have changed since this program read them (by an "
            "optimizer, load_state_dict or .data), and it computes with numbers of its own: call "
            "program.read() to take those of the model, or program.write_back() to set the model "
            "to those of the program",
            StaleWarning,
        )

    def _warn_of_mode(self) -> None:
        if self.model is None or self._modes in (None, _list_modes(self.model)):
            return
        self._modes = None
        now, before = (
            ("training", "evaluation") if self.model.training else ("evaluation", "training")
        )
        warn(
            f"the model is in {now} mode now, and this program was recorded in {before} mode, in "
            "which dropout and the like compute something else: compile once for each mode",
            StaleWarning,
        )

    def warn_of_unwritten(self) -> None:
        """Warn if the parameters have changed since they were exchanged with the model."""
        if self._exchanged is None or self.parameters.tobytes() == self._exchanged:
            return
        if self._has(self._model_numbers()):
            return
        self._exchanged = None
        warn(
            "the parameters of a program that was compiled from this model have changed, and the "
            "model has those from before: call program.write_back() to set the model to them, or "
            "program.read() to discard them",
            StaleWarning,
        )

    def _model_numbers(self) -> Array:
        parameters = () if self._trace is None else self._trace.parameters
        return numpy.array([parameter._data for parameter in parameters], dtype=float)

    def _has(self, numbers: Array) -> bool:
        """Return whether these are the parameters to compute with."""
        return numpy.array_equal(numbers, self.parameters, equal_nan=True)

    def _require_trace(self, caller: str) -> Trace:
        if self._trace is None:
            raise CallError(
                f"{caller} needs the model and the graph, and this program comes from a pickle, "
                "which holds neither. Compile the function again; its numbers can be set with "
                "program.parameters[:] = …, those of a model with model.load_state_dict("
                "dict(zip(program.parameter_names, program.parameters.tolist())))"
            )
        return self._trace

    # Values and gradients

    def __call__(self, *arguments: ArrayLike) -> Any:
        """Return the outputs for a batch.

        Samples with an output that is not finite are computed as eager code does, so that both
        always agree.

        Args:
            *arguments: One array (batch, n) for each entry of `inputs`, or (batch,) where n is 1.
                Arrays of whole numbers where the entry is "token".

        Returns:
            An array (batch, outputs) where the function returns a Value or a list of them, and
            (batch, *shape) for nested lists of equal lengths. Tuples, dicts and other nests are
            returned as they are, with such an array at each entry: (batch,) for a Value.

        Raises:
            DataError: An argument is not an array of numbers, or of whole numbers.
            LengthError: An argument has another shape.
            OptionError: An index is out of the range of a table.

        Warns:
            StaleWarning: The parameters of the model have changed, and were not read.
        """
        if self._seen is not WRITES.latest:
            self.warn_of_unread()
        arrays = self._arguments.check(arguments)
        read = self._read_leaves()
        drawn = self._draw_for(arrays)
        outputs = self._backend.outputs(arrays, read, drawn)
        if not all_finite(outputs.ravel()):
            batch = self._batch(arrays, read, drawn)
            odd = numpy.logical_not(numpy.isfinite(outputs).all(axis=1))
            outputs[odd] = batch.replay_outputs(odd)
        return self._arrangement.arrange(outputs)

    def value_and_grad(self, *arguments: ArrayLike) -> tuple[float, Array]:
        """Return the mean of the output over the batch, and its gradient by the parameters.

        Samples with a loss or a gradient that is not finite are computed as eager code does, so
        that both always agree.

        Args:
            *arguments: As for a call.

        Returns:
            The mean, and a float64 vector in the order of `model.parameters()`.

        Raises:
            LengthError: The function has several outputs, or an argument has another shape.

        Warns:
            StaleWarning: The parameters of the model have changed, and were not read.
        """
        self._require_one_output("value_and_grad")
        if self._seen is not WRITES.latest:
            self.warn_of_unread()
        loss, gradient, _ = self.evaluate_loss(self._arguments.as_arrays(arguments))
        return loss, gradient

    def evaluate_loss(
        self, arrays: list[Array], thorough: bool = True
    ) -> tuple[float, Array, Array]:
        """Return the mean of the first output, its gradient, and the other outputs.

        Args:
            arrays: One (batch, n) of float64 for each argument, of which only the indices of
                look-ups are checked.
            thorough: Whether loss and gradient must be those of eager code where they are not
                finite. If not, the first sample that makes them so ends the search, and they are
                those of array code.
        """
        self._arguments.check_indices(arrays)
        read = self._read_leaves()
        drawn = self._draw_for(arrays)
        loss, gradient, others, is_finite = self._backend.loss(arrays, read, drawn)
        if not is_finite:
            batch = self._batch(arrays, read, drawn)
            if thorough or not batch.has_odd_row():
                loss, gradient = batch.mean()
        self._gradient = gradient
        return loss, gradient, others

    def change_backend(self, make_backend: BackendMaker) -> None:
        """Compute with another backend from now on. Nothing is recorded again."""
        backend = make_backend(self.program, self.sizes)
        backend.parameters[:] = self.parameters
        self._make_backend = make_backend
        self._backend = backend
        # It may have been the backend from before.
        self.__dict__.pop("_any_size", None)

    def expect_batches(self, size: int) -> None:
        """Prepare for batches of a size, of which a copy of the program is not told."""
        self._backend.expect_batches(size)

    @property
    def fallback_reason(self) -> str | None:
        """Why NumPy is used instead of the requested backend; None if it is not.

        Native code is compiled to find out.
        """
        return self._backend.fallback_reason

    def step_runner(self, rule: UpdateRule, batch_size: int) -> StepRunner | None:
        """Return what makes many steps of an optimizer in one call.

        Args:
            rule: The rule of the optimizer.
            batch_size: The size of most batches.

        Returns:
            It, or None where there is no native code of the program or the rule.
        """
        return make_step_runner(self._backend, rule, batch_size)

    def run_steps(
        self,
        runner: StepRunner,
        arrays: list[Array],
        inputs: StepInputs,
        memory: dict[str, Array],
    ) -> Steps:
        """Make steps from the present parameters, which stay, until one is not finite.

        Args:
            runner: What `step_runner` returned.
            arrays: One (samples, n) of float64 for each argument.
            inputs: What each step is made from.
            memory: The vectors that the optimizer keeps.

        Raises:
            OptionError: An index is out of the range of a table, in any of the samples.
        """
        self._arguments.check_indices(arrays)
        read = self._read_leaves()
        drawn = self.draw(len(inputs.order))
        return runner.run(arrays, read, drawn, inputs, self.parameters, memory)

    def odd_rows(
        self, arrays: Sequence[ArrayLike], limit: int | None = None
    ) -> NDArray[numpy.intp]:
        """Return the samples whose loss, or its gradient by the parameters, is not finite.

        Each is computed as eager code does, so a limit saves time where many are not. Random
        numbers are drawn as for any call.

        Args:
            arrays: One array (batch, n) for each argument.
            limit: The maximum number of samples to find.

        Returns:
            Their indices, in order.

        Example:
            >>> from scalargrad import compile, log
            >>> program = compile(lambda x: log(x), inputs=(1,))
            >>> program.odd_rows([[1.0, 0.0, 2.0, -1.0]]).tolist()
            [1, 3]
        """
        if self._seen is not WRITES.latest:
            self.warn_of_unread()
        checked = self._arguments.check(arrays)
        read = self._read_leaves()
        drawn = self._draw_for(checked)
        batch = self._batch(checked, read, drawn)
        samples = list(islice(batch.odd_rows(), limit))
        return numpy.array(samples, dtype=numpy.intp)

    def gradients_by_name(self) -> dict[str, float]:
        """Return the gradient of the last `value_and_grad` by the names of the parameters.

        The last call counts, of whichever thread: where several threads call, keep what each call
        returned instead. The numbers are those of the returned array itself, changes included.
        """
        return dict(zip(self.parameter_names, self._gradient.tolist(), strict=True))

    def inputs_gradient(self, *arguments: ArrayLike) -> list[Array]:
        """Return the derivative of each sample's output by its inputs.

        Returns:
            (batch, n) for each argument.

        Raises:
            LengthError: The function has several outputs, or an argument has another shape.
        """
        self._require_one_output("inputs_gradient")
        jacobian = self.jacobian(*arguments)
        return [array[:, 0] for array in jacobian]

    def jacobian(self, *arguments: ArrayLike) -> list[Array]:
        """Return the derivative of every output of each sample by its inputs.

        Samples with a derivative that is not finite are computed as eager code does, so that both
        always agree.

        Returns:
            (batch, outputs, n) for each argument. Outputs that are nested come in one list, in
            order. The derivatives by integers that are only looked up are 0.
        """
        if self._seen is not WRITES.latest:
            self.warn_of_unread()
        arrays = self._arguments.check(arguments)
        if not arrays:
            return []
        read = self._read_leaves()
        drawn = self._draw_for(arrays)

        # One backward pass for each output: its seed is a row of the identity matrix.
        batch_size = len(drawn)
        by_output = []
        for row in numpy.eye(len(self.program.outputs)):
            seed = numpy.tile(row, (batch_size, 1))
            gradients = self._backend.pull_back(arrays, read, drawn, seed)
            by_output.append(gradients)
        by_argument = [numpy.stack(parts, axis=1) for parts in zip(*by_output, strict=True)]

        jacobian = numpy.concatenate(by_argument, axis=2)
        if not all_finite(jacobian.ravel()):
            batch = self._batch(arrays, read, drawn)
            odd = numpy.logical_not(numpy.isfinite(jacobian).all(axis=(1, 2)))
            jacobian[odd] = batch.replay_jacobian(odd)
        ends = numpy.cumsum(self.sizes)
        return numpy.split(jacobian, ends[:-1], axis=2)

    # Pure functions, for JAX

    def pure(
        self, parameters: JaxArray, *arguments: JaxArray, drawn: JaxArray | None = None
    ) -> JaxArray:
        """Return the mean of the output over the batch, as a function of its arguments alone.

        jax.jit, jax.grad and JAX's sharding take it: `jax.value_and_grad(program.pure)` is like
        `value_and_grad`. Leaves that are read, such as buffers, keep the numbers that they have
        when JAX traces, and nothing that is not finite is computed again. An index out of the range
        of a table looks up nan.

        Args:
            parameters: A vector in the order of `model.parameters()`; `program.parameters` is not
                used.
            *arguments: As for a call, arrays of JAX.
            drawn: For a function that draws random numbers (dropout): `program.draw(batch)`.

        Raises:
            OptionError: The backend is not JAX, or `drawn` is missing.
            LengthError: The function has several outputs, or an argument has another shape.
        """
        self._require_one_output("pure")
        return self._require_jax().pure_loss(*self._pure_arguments(parameters, arguments, drawn))

    def pure_outputs(
        self, parameters: JaxArray, *arguments: JaxArray, drawn: JaxArray | None = None
    ) -> JaxArray:
        """Return the outputs of a batch, (batch, outputs), as a function of its arguments alone.

        As `pure`, for functions with any number of outputs; nested ones come in one list, in order.
        """
        return self._require_jax().pure_outputs(*self._pure_arguments(parameters, arguments, drawn))

    def _require_jax(self) -> JaxBackend:
        if not isinstance(self._backend, JaxBackend):
            raise OptionError('a pure function needs JAX: compile with backend="jax"')
        return self._backend

    def _pure_arguments(
        self, parameters: JaxArray, arguments: Sequence[JaxArray], drawn: JaxArray | None
    ) -> tuple[JaxArray, Sequence[JaxArray], Array, JaxArray]:
        self._arguments.check_count(arguments)
        if numpy.shape(parameters) != self.parameters.shape:
            raise LengthError(
                f"parameters must be a vector of {len(self.parameters):,} numbers, not of shape "
                f"{numpy.shape(parameters)}"
            )
        if drawn is None and self.program.drawn:
            raise OptionError(
                "this program draws random numbers, which a pure function can't: give "
                "drawn=program.draw(batch)"
            )
        if drawn is None:
            drawn = numpy.zeros((1, 0))
        return parameters, arguments, self._read_leaves(), drawn

    # What was recorded, and what it became

    def load(self, *sample: ArrayLike) -> Any:
        """Write one sample into the recorded Values, so that its graph can be drawn.

        The parameters are written, too, and with one output all gradients. It is the one method
        that writes into Values, and the parameters are the model's own (so this is a `write_back`,
        too): do not call it while other threads use the model.

        Args:
            *sample: One number or list of numbers for each argument.

        Returns:
            The recorded Values, nested as the function returned them. `viz.draw` shows the graph of
            the sample.

        Raises:
            CallError: The program comes from a pickle.
        """
        self._require_trace("load")
        if self._seen is not WRITES.latest:
            self.warn_of_unread()
        rows = [numpy.reshape(argument, (1, -1)) for argument in sample]
        arrays = self._arguments.check(rows)
        read = self._read_leaves()
        drawn = self._draw_for(arrays)
        batch = self._batch(arrays, read, drawn)
        leaves = batch.leaves(0)
        self._graph.load(leaves.sample, leaves.parameters, leaves.drawn)
        self._note_exchange()

        outputs = self._graph.trace.outputs
        if len(outputs) == 1:
            self._graph.backward()
        return replace_leaves(self._interface.structure, outputs)

    @property
    def kernels(self) -> list[Kernel]:
        """The array operations that it runs, in order."""
        return self._backend.kernels

    def recorded(self, rows: Iterable[int]) -> list[Value]:
        """Return the recorded Values that rows of `program` stand for.

        Rows that a pass made stand for none, and are left out.
        """
        origin = self.program.origin
        if origin is None:
            return []
        places = [int(origin[row]) for row in rows]
        return [self._order[place] for place in places if place >= 0]

    def recorded_outputs(self) -> list[Value]:
        """Return the recorded Values of the outputs, as many as still stand for one.

        The steps of loops are written out, as in the graph that `load` returns.
        """
        if self._recorded.has_loops:
            return list(self._graph.trace.outputs)
        return self.recorded(self.program.outputs.tolist())

    @cached_property
    def _order(self) -> list[Value]:
        """The Values that were recorded, operands first."""
        return topological(self._require_trace("recorded").outputs)

    @fits_terminal
    def explain(self) -> str:
        """Return a summary: the number of scalars and rows, and the kernels.

        Example:
            >>> from scalargrad import compile
            >>> print(compile(lambda x: x[0] * x[1], inputs=(2,)).explain())
            3 scalars recorded, 3 rows after all passes, 1 kernel
              mul × 1
        """
        kernels = self._backend.kernels
        head = (
            f"{plural(self.recorded_rows, 'scalar')} recorded, "
            f"{plural(len(self.program), 'row')} after all passes, "
            f"{plural(len(kernels), 'kernel')}"
        )
        lines = [head, *_list_kernels(kernels, "  ", self._backend.has_phases)]
        description = self._backend.describe()
        if description:
            lines.append(description)
        return Report("\n".join(lines))

    @fits_terminal
    def __str__(self) -> str:
        """Return the program as source: forward, and backward if there is something to learn."""
        learns = len(self.program.outputs) == 1 and self.program.parameters
        return self._backend.render("loss" if learns else "outputs")

    def __repr__(self) -> str:
        kernels = self._backend.kernels
        matrices = sum(isinstance(kernel, Matrix) for kernel in kernels)
        return (
            f"<Compiled: {plural(self.recorded_rows, 'scalar')} as "
            f"{plural(len(kernels), 'kernel')}, {matrices:,} of them matrices>"
        )

    # Leaves and arguments

    def draw(self, batch: int) -> Array:
        """Draw a number for each random leaf of each sample, in the order of eager code.

        Returns:
            (batch, leaves).
        """
        if not self.program.drawn:
            return numpy.empty((batch, 0))
        sources = [leaf.source for leaf in self.program.drawn]
        # Sample by sample: eager code draws all numbers of one sample before those of the next.
        numbers = [source.draw() for _ in range(batch) for source in sources]
        return numpy.array(numbers, dtype=float).reshape(batch, len(sources))

    def _draw_for(self, arrays: Sequence[Array]) -> Array:
        """Draw for a batch; a function without arguments is a batch of one."""
        batch = len(arrays[0]) if arrays else 1
        return self.draw(batch)

    def _read_leaves(self) -> Array:
        """Return the numbers of the leaves that are read at each call.

        Raises TraceError if what the function read around it has changed since it was recorded.
        """
        if self._guards is not None:
            self._guards.check()
        if not self.program.leaves:
            return _NOTHING
        return numpy.array([leaf._data for leaf in self.program.leaves])

    def _batch(self, arrays: Sequence[Array], read: Array, drawn: Array) -> Batch:
        """Return the samples as a Batch, to take any number of them out of it."""
        return Batch(self._any_size, self._replay, self._batch_replay, arrays, read, drawn)

    def without_loops(self) -> Program:
        """Return the rows after all passes, with the steps of loops written out."""
        return optimize(self._unrolled[1]) if self.program.has_loops else self.program

    @cached_property
    def _replay(self) -> Replay:
        """Computes single samples as eager code does; made when it is first needed."""
        return Replay(self._unrolled[1])

    @cached_property
    def _batch_replay(self) -> BatchReplay:
        """Computes many samples as eager code does."""
        return BatchReplay(self._unrolled[1])

    @cached_property
    def _graph(self) -> RecordedGraph:
        """The recorded Values for `load` and pictures, with the steps of loops written out."""
        trace, _ = self._unrolled
        assert trace is not None
        return RecordedGraph(trace)

    @cached_property
    def _unrolled(self) -> tuple[Trace | None, Program]:
        """What was recorded, with the steps of loops written out as in eager code."""
        if self._trace is None or not self._recorded.has_loops:
            return self._trace, self._recorded
        return write_out_loops(self._trace, self._recorded)

    @cached_property
    def _any_size(self) -> NumpyBackend:
        """A backend for batches of any size, with the same parameters."""
        # JAX compiles again for each size, and a search for odd samples needs many sizes.
        if isinstance(self._backend, NumpyBackend):
            return self._backend
        return NumpyBackend(self.program, self.sizes, self.parameters)

    def effects(self) -> list[str]:
        """Return what the function did besides computing, which the program does not do again.

        It is what the names that the function reads tell: that it changed one of them, or calls
        `print`. Of a program that was unpickled nothing is known.

        Example:
            >>> from scalargrad import compile
            >>> seen = []
            >>> compile(lambda x: [seen.append(x), x * 2][1], inputs=(1,)).effects()
            ['changes `seen`']
        """
        return [] if self._guards is None else self._guards.effects()

    def _require_one_output(self, caller: str) -> None:
        if len(self.program.outputs) != 1:
            raise LengthError(
                f"{caller} needs a function with one output, such as a loss, not "
                f"{len(self.program.outputs)}"
            )


def _list_kernels(
    kernels: Iterable[Kernel], indent: str, has_phases: bool, suffix: str = ""
) -> list[str]:
    """Return a line for each kernel, those of the step of a loop below it.

    Args:
        kernels: The kernels.
        indent: What each line begins with.
        has_phases: Whether a loop computes for all steps at once what depends on no carry.
        suffix: What each line ends with.
    """
    lines = []
    for kernel in kernels:
        lines.append(f"{indent}{kernel}{suffix}")
        if not isinstance(kernel, Scan):
            continue
        for phase in (BEFORE, DURING, AFTER):
            inner = [each for _, each in kernel.in_phase(phase)]
            is_apart = has_phases and phase != DURING
            note = ", for all steps at once" if is_apart else ""
            lines += _list_kernels(inner, indent + "  ", has_phases, note)
    return lines


class _NullFile:
    """A file that discards what is written to it."""

    def write(self, data: bytes) -> int:
        return len(data)


def _list_modes(model: Module) -> tuple[bool, ...]:
    """Return the mode of each part that computes something else in training."""
    return tuple(
        part.training
        for _, part in model.named_modules()
        if part.batchwise or any(part.named_generators())
    )


def _rebuild(parts: _Parts, parameters: Array, gradient: Array, names: tuple[str, ...]) -> Compiled:
    """Return a program made of the parts of another; pickle calls this by its name.

    Args:
        parts: The arguments of `_assemble`.
        parameters: The numbers to compute with.
        gradient: The gradient of the last call.
        names: The names of the parameters, where there is no model.
    """
    program = object.__new__(Compiled)
    program._assemble(*parts)
    program._gradient = gradient
    program._pickled_names = names
    program.parameters[:] = parameters
    return program
