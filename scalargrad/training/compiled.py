"""One step's loss and gradient by a compiled program: the same numbers as on the graph, at the speed of arrays."""

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from ..compiler import Compiled, compile
from ..data import one_hot
from ..engine import Value
from ..errors import LengthError, OptionError
from ..losses import cross_entropy
from ..modes import no_grad
from ..nested import entries, refilled
from ..nn import Module, evaluation
from ..optimiser import Optimiser, Vector
from .samples import Samples
from .steps import Evaluation, Loss, Penalty, Step, checked_loss

Array = NDArray[numpy.float64]


class CompiledStep(Step):
    """Records model, loss and penalty with the first batch, in training; and once more in evaluation, where that is asked for.

    predicting  whether predictions are wanted beside the loss

    Raises OptionError for an optimiser of other parameters than the model's, LengthError for samples of different shapes, TraceError for
    what a recording can't hold, such as a model that looks at whole batches in training.
    """

    def __init__(self, model: Module, loss: Loss, penalty: Penalty | None, optimiser: Optimiser, predicting: bool) -> None:
        super().__init__(model, loss, penalty, optimiser)
        self.predicting = predicting
        own = {parameter: i for i, parameter in enumerate(model.parameters())}
        if any(parameter not in own for parameter in self.parameters):
            raise OptionError("a compiled training needs an optimiser over parameters of the model: give compiled=False for others")
        order = [own[parameter] for parameter in self.parameters]
        self._order = None if order == list(range(len(own))) else numpy.array(order)
        self._numbers = super().numbers()
        self._shape: Any = None
        self._classes = 0
        self._programs: dict[bool, Compiled] = {}
        self._arrays: dict[int, tuple[Samples, Array, Array]] = {}

    def evaluate(self, samples: Samples, part: Sequence[int]) -> Evaluation:
        """Loss and gradient of a batch."""
        x, y = self._arrays_of(samples)
        program = self._program(samples, training=True)
        self._put(program)
        loss, gradient, others = program.evaluated([x[part], y[part]], thorough=False)
        penalty = 0.0
        if self.penalty is not None:
            loss, penalty, others = float(others[:, 0].mean()), float(others[0, 1]), others[:, 2:]
        predictions = self._predictions(others) if self.predicting else []
        return Evaluation(loss, penalty, gradient if self._order is None else gradient[self._order], predictions)

    def measure(self, samples: Samples) -> tuple[float, list[Any]]:
        """The mean loss and the predictions."""
        x, y = self._arrays_of(samples)
        program = self._program(samples, training=False)
        self._put(program)
        outputs = program(x, y)
        return float(outputs[:, 0].mean()), self._predictions(outputs[:, 1:]) if self.predicting else []

    def numbers(self) -> Vector:
        """The parameters that the next step begins with."""
        return self._numbers

    def write(self, numbers: Vector) -> None:
        """Set the parameters of the program; those of the model follow when somebody looks."""
        self._numbers = numbers

    def show(self) -> None:
        """Let the model have the parameters."""
        super().write(self._numbers)

    def read(self) -> None:
        """Take the parameters of the model, the ones that are not trained included."""
        self._numbers = super().numbers()
        for program in self._programs.values():
            program.read()

    def _put(self, program: Compiled) -> None:
        if self._order is None:
            program.parameters[:] = self._numbers
        else:
            program.parameters[self._order] = self._numbers

    def _program(self, samples: Samples, training: bool) -> Compiled:
        if training not in self._programs:
            self._programs[training] = self._compiled(samples, training)
        return self._programs[training]

    def _compiled(self, samples: Samples, training: bool) -> Compiled:
        x, y = self._arrays_of(samples)
        first, target = samples.inputs[0], self._target(samples.targets[0], samples.inputs[0])
        loss_of_one = self.loss  # a name of its own: a program watches what the functions under such names read
        penalty_of = self.penalty

        def objective(inputs: Any, targets: Any) -> list[Any]:
            prediction = self.model(refilled(first, _listed(inputs)))
            loss = checked_loss(loss_of_one(prediction, refilled(target, _listed(targets))))
            self._shape = prediction
            extra = entries(prediction) if self.predicting else []
            if not training or penalty_of is None:
                return [loss, *extra]
            penalty = penalty_of(self.model)
            return [loss + penalty, loss, penalty if isinstance(penalty, Value) else Value(penalty), *extra]

        return compile(objective, self.model, inputs=(x.shape[1], y.shape[1]))

    def _arrays_of(self, samples: Samples) -> tuple[Array, Array]:
        if id(samples) not in self._arrays:
            targets = [self._target(target, samples.inputs[0]) for target in samples.targets]
            self._arrays[id(samples)] = samples, _rows(samples.inputs, "sample"), _rows(targets, "target")
        return self._arrays[id(samples)][1:]

    def _target(self, target: Any, sample: Any) -> Any:
        """A class index as a row of a one-hot array, for the loss that takes both; anything else as it is."""
        if self.loss is not cross_entropy or hasattr(target, "__len__"):
            return target
        if not self._classes:
            with evaluation(self.model), no_grad():
                self._classes = len(self.model(sample))
        return one_hot([target], self._classes)[0].tolist()

    def _predictions(self, numbers: Array) -> list[Any]:
        return [refilled(self._shape, row) for row in numbers.tolist()]


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _rows(nests: list[Any], what: str) -> Array:
    """One row of numbers for each sample."""
    rows = [entries(nest) for nest in nests]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise LengthError(f"compiled training needs samples of one shape: {what} {i} has {len(row)} numbers, the first {len(rows[0])}")
    return numpy.array(rows, dtype=float)
