"""One step's loss and gradient by a compiled program: the same numbers as on the graph, at the speed of arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.compiler import Compiled, compile
from scalargrad.core.conversion import is_number
from scalargrad.core.nested import entries, refilled
from scalargrad.core.value import Value
from scalargrad.data import one_hot
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import cross_entropy, is_ignored, unwrapped
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Vector

from .samples import Samples
from .steps import Evaluation, Loss, Penalty, Step, checked_loss, shares_of

Array = NDArray[numpy.float64]


class CompiledStep(Step):
    """Records model, loss and penalty with the first batch, in training; and once more in evaluation, where that is asked for.

    predicting  whether predictions are wanted beside the loss
    prediction  what the model gives for one sample, as plain numbers

    Raises OptionError for an optimizer of other parameters than the model's, LengthError for samples of different shapes, TraceError for
    what a recording can't hold, such as a model that looks at whole batches in training.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        penalty: Penalty | None,
        optimizer: Optimizer,
        predicting: bool,
        prediction: Any,
    ) -> None:
        super().__init__(model, loss, penalty, optimizer)
        self.predicting, self._prediction = predicting, prediction
        self._options = _options_of_classes(loss, prediction)
        own = {parameter: i for i, parameter in enumerate(model.parameters())}
        if any(parameter not in own for parameter in self.parameters):
            raise OptionError(
                "a compiled training needs an optimizer over parameters of the model: give compiled=False for others"
            )
        order = [own[parameter] for parameter in self.parameters]
        self._order = None if order == list(range(len(own))) else numpy.array(order)
        self._numbers = super().numbers()
        self._shape: Any = None
        self._programs: dict[bool, Compiled] = {}
        self._arrays: dict[int, tuple[Samples, Array, Array]] = {}

    def evaluate(self, samples: Samples, part: Sequence[int]) -> Evaluation:
        """Loss and gradient of a batch."""
        x, y = self._arrays_of(samples)
        program = self._program(samples, training=True)
        self._put(program)
        shares = self._shares(samples, part)
        # The program takes a mean over the batch, so the shares are multiplied by its length.
        given = (
            [x[part], y[part]]
            if shares is None
            else [x[part], y[part], shares[:, None] * len(part)]
        )
        loss, gradient, others = program.evaluate_loss(given, thorough=False)
        penalty = 0.0
        if self.penalty is not None or shares is not None:
            loss = float(others[:, 0].mean() if shares is None else shares @ others[:, 0])
            penalty, others = float(others[0, 1]), others[:, 2:]
        predictions = self._predictions(others) if self.predicting else []
        ordered = gradient if self._order is None else gradient[self._order]
        weight = (
            float(len(part)) if samples.weights is None else sum(samples.weights[i] for i in part)
        )
        return Evaluation(loss, penalty, ordered, predictions, weight)

    def _shares(self, samples: Samples, part: Sequence[int]) -> Array | None:
        if samples.weights is None:
            return None
        return numpy.array(shares_of([samples.weights[i] for i in part], len(part)))

    def measure(self, samples: Samples) -> tuple[float, list[Any]]:
        """The mean loss and the predictions."""
        x, y = self._arrays_of(samples)
        program = self._program(samples, training=False)
        self._put(program)
        outputs = program(x, y)
        shares = self._shares(samples, range(len(samples)))
        loss = float(outputs[:, 0].mean() if shares is None else shares @ outputs[:, 0])
        return loss, self._predictions(outputs[:, 1:]) if self.predicting else []

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
        first, target = samples.inputs[0], self._target(samples.targets[0])
        weighted = training and samples.weights is not None
        loss_of_one = (
            self.loss
        )  # a name of its own: a program watches what the functions under such names read
        penalty_of = self.penalty

        def objective(inputs: Any, targets: Any, weight: Any = None) -> list[Any]:
            prediction = self.model(refilled(first, _listed(inputs)))
            loss = checked_loss(loss_of_one(prediction, refilled(target, _listed(targets))))
            self._shape = prediction
            extra = entries(prediction) if self.predicting else []
            if not training or (penalty_of is None and weight is None):
                return [loss, *extra]
            penalty = 0.0 if penalty_of is None else penalty_of(self.model)
            counted = loss if weight is None else loss * weight
            return [
                counted + penalty,
                loss,
                penalty if isinstance(penalty, Value) else Value(penalty),
                *extra,
            ]

        sizes = (x.shape[1], y.shape[1], 1) if weighted else (x.shape[1], y.shape[1])
        return compile(objective, self.model, inputs=sizes)

    def _arrays_of(self, samples: Samples) -> tuple[Array, Array]:
        if id(samples) not in self._arrays:
            targets = [self._target(target) for target in samples.targets]
            self._arrays[id(samples)] = (
                samples,
                _rows(samples.inputs, "sample"),
                _rows(targets, "target"),
            )
        return self._arrays[id(samples)][1:]

    def _target(self, target: Any) -> Any:
        """A class index as a row of a one-hot array, for the loss that takes both; anything else as it is."""
        if self._options is None:
            return target
        ignored = self._options.get("ignore_index")
        if not isinstance(self._prediction[0], list):
            return _row_of_class(target, len(self._prediction), ignored, 1.0)
        counted = sum(not is_ignored(part, ignored) for part in target)
        # Every row has a part in the mean of the program, so those that count make up for the others.
        share = len(target) / max(counted, 1)
        return [_row_of_class(part, len(self._prediction[0]), ignored, share) for part in target]

    def _predictions(self, numbers: Array) -> list[Any]:
        return [refilled(self._shape, row) for row in numbers.tolist()]


def _options_of_classes(loss: Loss, prediction: Any) -> Mapping[str, Any] | None:
    """The options of cross_entropy, which takes class indexes; None for another loss."""
    function, options = unwrapped(loss)
    if function is not cross_entropy:
        return None
    several = isinstance(prediction[0], list)
    if several and options.get("ignore_index") is not None and options.get("label_smoothing"):
        raise OptionError(
            "a compiled training can't both smooth labels and ignore some of a sequence: give compiled=False"
        )
    return options


def _row_of_class(target: Any, classes: int, ignored: int | None, share: float) -> Any:
    if is_ignored(target, ignored):
        return [0.0] * classes
    if isinstance(target, (list, tuple)):
        return [share * part for part in target]
    return (share * one_hot([target], classes)[0]).tolist()


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _rows(nests: list[Any], what: str) -> Array:
    """One row of numbers for each sample."""
    rows = [entries(nest) for nest in nests]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise LengthError(
                f"compiled training needs samples of one shape: {what} {i} has {len(row)} numbers, the first {len(rows[0])}"
            )
    try:
        return numpy.array(rows, dtype=float)
    except (TypeError, ValueError) as error:
        odd = next(
            (
                i
                for i, row in enumerate(rows)
                if not all(isinstance(x, Value) or is_number(x) for x in row)
            ),
            0,
        )
        kind = type(nests[odd]).__name__
        raise DataError(
            f"compiled training needs {what}s made of numbers, and {what} {odd} is a {kind}"
        ) from error
