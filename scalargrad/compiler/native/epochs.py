"""Many steps of an optimizer in one call of machine code: loss, gradient, update, and the next.

The code stops before a step whose loss, gradient or new parameters are not finite, with all numbers
as they were before it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy
from llvmlite import ir
from numpy.typing import NDArray

from ..array_types import Array
from ..optimizer_steps import StepInputs, Steps, UpdateRule
from .backend import NativeBackend
from .calls import NativeFunction
from .emitter import Emitter
from .entry import compile_function
from .products import add_up
from .rules import UnsupportedError, VectorTerm

__all__ = ["NativeStepRunner", "make_native_runner"]


class NativeStepRunner:
    """Makes steps of an optimizer in machine code, with the bits of the same steps one by one.

    Args:
        backend: Computes loss and gradient.
        rule: The rule of the optimizer.
        batch_size: The size of most batches.

    Raises:
        UnsupportedError: The program or the rule has no native code.
    """

    def __init__(self, backend: NativeBackend, rule: UpdateRule, batch_size: int) -> None:
        self._backend = backend
        self._rule = rule
        self._size = backend.program.parameters
        if not self._size:
            raise UnsupportedError("a program without parameters")
        # First, as it raises where the program has no code.
        self._find_loss(batch_size)
        self._driver = _DriverWriter(backend, rule)
        self._run = self._driver.compile()

    def run(
        self,
        arguments: Sequence[Array],
        read: Array,
        drawn: Array,
        inputs: StepInputs,
        parameters: Array,
        memory: dict[str, Array],
    ) -> Steps:
        """Make steps, until one is not finite; see `StepRunner`."""
        # The names keep what was copied alive while its address is in use.
        numbers, read, drawn, *arguments = [
            numpy.ascontiguousarray(array, dtype=float)
            for array in (inputs.numbers, read, drawn, *arguments)
        ]
        order = numpy.ascontiguousarray(inputs.order, dtype=numpy.int64)
        starts = numpy.ascontiguousarray(inputs.starts, dtype=numpy.int64)
        results = _Results(
            losses=numpy.empty(len(starts) - 1),
            others=numpy.empty((len(order), len(self._backend.program.outputs) - 1)),
            gradient=numpy.empty(self._driver.stride),
            state=self._pack([parameters, *memory.values()]),
        )
        arrays = [order, read, drawn, *arguments, numbers]
        made = self._call(len(results.losses), starts, arrays, results)
        if made < 0:
            # The last update spoiled the state: make the steps before it again.
            made = -1 - made
            results = results._replace(state=self._pack([parameters, *memory.values()]))
            self._call(made, starts, arrays, results)

        state = results.state[:, : self._size]
        return Steps(
            results.losses[:made],
            results.others[: starts[made]],
            results.gradient[: self._size].copy(),
            state[0].copy(),
            {name: state[i].copy() for i, name in enumerate(memory, 1)},
        )

    def _call(
        self,
        steps: int,
        starts: NDArray[numpy.int64],
        arrays: Sequence[NDArray[Any]],
        results: "_Results",
    ) -> int:
        """Make so many steps, and return how many were made, see `_DriverWriter.compile`."""
        if not steps:
            return 0
        sizes = starts[1 : steps + 1] - starts[:steps]
        addresses = numpy.empty(steps, numpy.int64)
        functions = []
        for size in set(sizes.tolist()):
            function = self._find_loss(size)
            addresses[sizes == size] = function.address
            functions.append(function)

        # All functions compute in the workspace of the one that needs most.
        largest = max(functions, key=lambda function: function.size)
        workspace = largest.take_workspace()
        made = self._run(
            steps,
            addresses,
            starts,
            *arrays,
            largest.fixed[1],
            workspace.memory,
            *results,
        )
        largest.give_back(workspace)
        return int(made)

    def _find_loss(self, size: int) -> NativeFunction:
        """Return the function of the loss for batches of a size.

        Raises:
            UnsupportedError: The program has no native code.
        """
        loss = self._backend.native_loss(size)
        if loss is None:
            raise UnsupportedError(self._backend.fallback_reason)
        return loss

    def _pack(self, vectors: Sequence[Array]) -> Array:
        """Return a state: vectors that are padded with their last number.

        So nothing is computed in the padding that is not computed anyway.
        """
        state = numpy.empty((len(vectors), self._driver.stride))
        for number, vector in enumerate(vectors):
            state[number, : self._size] = vector
            state[number, self._size :] = vector[-1]
        return state


class _Results(NamedTuple):
    """The arrays that a call writes."""

    losses: Array
    others: Array
    gradient: Array
    state: Array


class _DriverWriter:
    """Writes the function that makes steps.

    Args:
        backend: Computes loss and gradient.
        rule: The rule of the optimizer.

    Attributes:
        stride: How many numbers a vector of a state has, padding included.
    """

    def __init__(self, backend: NativeBackend, rule: UpdateRule) -> None:
        self.rule = rule
        self.size = backend.program.parameters
        self.others = len(backend.program.outputs) - 1
        self.drawn = len(backend.program.drawn)
        self.inputs = [f"x{i}" for i in range(len(backend.sizes))]
        inputs = ["functions", "starts", "order", "r", "d", *self.inputs, "numbers", "c"]
        results = ["losses", "out", "g_p", "state"]
        self.emitter = Emitter(["n", *inputs, "work", *results])
        width = self.emitter.width
        self.vectors = -(-self.size // width)
        # One vector more, as the padding of a gradient is written as a whole vector.
        self.stride = (self.vectors + 1) * width

    def compile(self) -> Callable[..., float]:
        """Return the function, which returns how many steps it has made.

        Where an update spoils the state, as the gradient or the new parameters are not finite, it
        returns -1 minus the number of steps before that.

        Raises:
            UnsupportedError: The rule has no native code.
        """
        emitter = self.emitter
        builder = emitter.builder
        start = builder.block
        head, update, keep, leave = [emitter.function.append_basic_block() for _ in range(4)]
        builder.branch(head)

        builder.position_at_end(head)
        step = builder.phi(emitter.integer)
        loss = self._call_loss(step)
        builder.cbranch(self._is_finite(loss), update, leave)

        builder.position_at_end(update)
        are_finite = self._write_update(step)
        spoiled = builder.sub(emitter.index(-1), step)
        end_of_update = builder.block
        builder.cbranch(are_finite, keep, leave)

        builder.position_at_end(keep)
        builder.store(loss, builder.gep(emitter.arguments["losses"], [step]))
        following = builder.add(step, emitter.index(1))
        is_more = builder.icmp_signed("<", following, emitter.arguments["n"])
        builder.cbranch(is_more, head, leave)
        step.add_incoming(emitter.index(0), start)
        step.add_incoming(following, keep)

        builder.position_at_end(leave)
        made = builder.phi(emitter.integer)
        made.add_incoming(step, head)
        made.add_incoming(spoiled, end_of_update)
        made.add_incoming(following, keep)
        return compile_function(emitter, builder.sitofp(made, emitter.double)).run

    def _call_loss(self, step: Any) -> Any:
        """Write the call that computes a loss and its gradient, and return the loss."""
        emitter = self.emitter
        builder = emitter.builder
        arguments = emitter.arguments
        starts = self._as_integers("starts")
        start = builder.load(builder.gep(starts, [step]))
        end = builder.load(builder.gep(starts, [builder.add(step, emitter.index(1))]))
        operands = [
            builder.sub(end, start),
            builder.gep(self._as_integers("order"), [start]),
            arguments["r"],
            self._find_rows("d", start, self.drawn),
            *[arguments[name] for name in self.inputs],
            # The state begins with the parameters.
            arguments["state"],
            arguments["c"],
            arguments["work"],
            self._find_rows("out", start, self.others),
            arguments["g_p"],
            # Whether the gradient is finite is found with the update.
            ir.Constant(emitter.double.as_pointer(), None),
        ]
        types = [operand.type for operand in operands]
        signature = ir.FunctionType(emitter.double, types)
        function = builder.load(builder.gep(self._as_integers("functions"), [step]))
        return builder.call(builder.inttoptr(function, signature.as_pointer()), operands)

    def _as_integers(self, name: str) -> Any:
        """Return an argument as a pointer to integers."""
        integers = self.emitter.integer.as_pointer()
        return self.emitter.builder.bitcast(self.emitter.arguments[name], integers)

    def _find_rows(self, name: str, start: Any, width: int) -> Any:
        """Return a pointer to the rows of a batch."""
        builder = self.emitter.builder
        position = builder.mul(start, self.emitter.index(width))
        return builder.gep(self.emitter.arguments[name], [position])

    def _is_finite(self, number: Any) -> Any:
        """Write whether a number is finite: then its product with 0 is 0, or else nan."""
        zero = ir.Constant(self.emitter.double, 0.0)
        product = self.emitter.builder.fmul(number, zero)
        return self.emitter.builder.fcmp_ordered("==", product, zero)

    def _write_update(self, step: Any) -> Any:
        """Write the update of the state, and return whether gradient and parameters are finite."""
        emitter = self.emitter
        builder = emitter.builder
        gradient = emitter.arguments["g_p"]
        last = emitter.load_scalar(gradient, emitter.index(self.size - 1))
        padding = builder.gep(gradient, [emitter.index(self.size)])
        emitter.store(emitter.splat(last), padding, emitter.index(0))

        first = builder.mul(step, emitter.index(self.rule.numbers))
        table = builder.gep(emitter.arguments["numbers"], [first])
        numbers = [
            VectorTerm(emitter, emitter.splat(emitter.load_scalar(table, emitter.index(i))))
            for i in range(self.rule.numbers)
        ]

        pointers = self._split_state()

        def update(vector: Any) -> Any:
            index = emitter.scale_index(vector, emitter.width)
            before = [emitter.load(pointer, index) for pointer in pointers]
            change = emitter.load(gradient, index)
            after = self._apply_formula(before, change, numbers)
            for pointer, old, new in zip(pointers, before, after, strict=True):
                # What this rule does not use stays, and is not even loaded.
                if new is not old:
                    emitter.store(new, pointer, index)
            zero = emitter.constant(0.0)
            return builder.fadd(builder.fmul(change, zero), builder.fmul(after[0], zero))

        # The sum of products with 0 is 0 if all numbers are finite, or else nan.
        return self._is_finite(emitter.sum_lanes(add_up(emitter, self.vectors, update)))

    def _apply_formula(
        self, state: list[Any], gradient: Any, numbers: list[VectorTerm]
    ) -> list[Any]:
        """Write one step for some lanes of the state, and return the new ones."""
        data, *kept = [VectorTerm(self.emitter, vector) for vector in state]
        memory = dict(zip(self.rule.memory, kept, strict=True))
        term = VectorTerm(self.emitter, gradient)
        try:
            updated = self.rule.formula(data, term, memory, numbers)
            return [data.take(new) for new in (updated, *memory.values())]
        except (TypeError, AttributeError) as error:
            # It needs more than the arithmetic of vectors, such as their length.
            raise UnsupportedError(str(error)) from error

    def _split_state(self) -> list[Any]:
        """Return a pointer to each vector of the state."""
        emitter = self.emitter
        count = 1 + len(self.rule.memory)
        starts = [emitter.index(number * self.stride) for number in range(count)]
        return [emitter.builder.gep(emitter.arguments["state"], [start]) for start in starts]


def make_native_runner(backend: Any, rule: UpdateRule, batch_size: int) -> NativeStepRunner | None:
    """Return what makes steps in machine code, or None where something has no such code."""
    # Threads that share a batch are started for each step.
    if type(backend) is not NativeBackend:
        return None
    try:
        return NativeStepRunner(backend, rule, batch_size)
    except UnsupportedError:
        return None
