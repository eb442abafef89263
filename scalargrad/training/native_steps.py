"""Many steps of a compiled training in one call of native code, where that gives the same bits."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy

from scalargrad.compiler import Compiled
from scalargrad.compiler.optimizer_steps import StepInputs, StepRunner, Steps, UpdateRule
from scalargrad.errors import OptionError
from scalargrad.nn import Module
from scalargrad.nn.activations import RReLU
from scalargrad.nn.dropout import Mask
from scalargrad.optim.rules import FormulaOptimizer

from .samples import Batches
from .snapshot import Snapshot

_MAX_SECONDS = 0.1
"""How long a call may take, about, so that Ctrl-C and the progress bar don't wait for longer."""

_FIRST_LIMIT = 16
"""How many steps are made at first, to see how long they take."""

_MAX_NUMBERS = 2**20
"""How many outputs and random numbers are kept at once."""


class NativeSteps:
    """Makes steps of an optimizer with a program, many in one call.

    Args:
        program: Computes the loss.
        optimizer: What trains the model.
        model: What is trained.

    Attributes:
        limit: How many steps are made at once; 0 where there is known to be no native code.
    """

    def __init__(self, program: Compiled, optimizer: FormulaOptimizer, model: Module) -> None:
        self.program = program
        self.optimizer = optimizer
        is_possible = _can_draw_again(program, model) and not optimizer.has_own_rule
        self.limit = _FIRST_LIMIT if is_possible else 0
        self._options: dict[str, Any] | None = None
        self._runner: StepRunner | None = None
        self._snapshot = Snapshot(model)

    def cut(self, batches: Batches) -> Batches:
        """Return the first batches, as many as take little time and memory."""
        program = self.program.program
        per_sample = len(program.outputs) + len(program.drawn)
        rows = batches.starts - batches.starts[0]
        fitting = int(numpy.searchsorted(rows, _MAX_NUMBERS // per_sample, side="right")) - 1
        return batches.first(max(1, min(self.limit, fitting)))

    def run(self, arrays: Sequence[numpy.ndarray[Any, Any]], batches: Batches) -> Steps | None:
        """Make steps until one is not finite, of which the optimizer is not told.

        Args:
            arrays: One (samples, n) for each argument of the program.
            batches: What the steps are made from, not more than `cut` allows.

        Returns:
            What they gave; None where each step must be made by itself.
        """
        if self._fixed_options() != self._options:
            self._compile(int(batches.starts[1] - batches.starts[0]))
        if self._runner is None:
            return None

        optimizer = self.optimizer
        first = optimizer.steps + 1
        numbers = [optimizer.step_numbers(first + i) for i in range(len(batches))]
        inputs = StepInputs(
            batches.flat(), batches.starts - batches.starts[0], numpy.array(numbers)
        )

        if self.program.program.drawn:
            self._snapshot.take()
        begin = perf_counter()
        memory = optimizer.copy_memory()
        try:
            steps = self.program.run_steps(self._runner, list(arrays), inputs, memory)
        except OptionError:
            # An index out of range in any of the samples: the step that reads it reports it.
            self.limit = 0
            return None
        seconds = perf_counter() - begin
        made = len(steps.losses)
        if made == len(batches):
            affordable = int(_MAX_SECONDS * made / max(seconds, 1e-9))
            self.limit = max(1, min(affordable, 8 * self.limit))
        else:
            self.draw_again(int(inputs.starts[made]))
            # Where steps often end a call, it should not get ready for many.
            self.limit = 2 * made + 1
        return steps

    def _compile(self, batch_size: int) -> None:
        optimizer = self.optimizer
        self._options = self._fixed_options()
        rule = UpdateRule(
            optimizer.formula, optimizer.memory, len(optimizer.step_numbers(optimizer.steps + 1))
        )
        self._runner = self.program.step_runner(rule, batch_size)
        self.limit = 0 if self._runner is None else _FIRST_LIMIT

    def _fixed_options(self) -> dict[str, Any]:
        """Return the options that are constants of the machine code."""
        options = dict(self.optimizer.options)
        # It is one of the numbers of a step, because schedules change it.
        options.pop("learning_rate", None)
        return options

    def draw_again(self, samples: int) -> None:
        """Set the random generators to where they are after so many samples of the last call."""
        if self.program.program.drawn:
            self._snapshot.restore()
            self.program.draw(samples)


def _can_draw_again(program: Compiled, model: Module) -> bool:
    """Return whether all random numbers come from generators of the model, whose state is known."""
    own = {id(generator) for _, generator in model.named_generators()}
    sources: list[Any] = [leaf.source for leaf in program.program.drawn]
    return all(type(source) in (Mask, RReLU) and id(source.generator) in own for source in sources)
