"""Loss and gradient of one step by a compiled program: the numbers of the graph at array speed."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple, TypeAlias

import numpy
from numpy.typing import NDArray

from scalargrad.compiler import Compiled, compile
from scalargrad.compiler.backend import BackendName, backend_maker, choose_backend
from scalargrad.compiler.jax_backend import Devices
from scalargrad.compiler.optimizer_steps import Steps
from scalargrad.compiler.structure import regular_shape
from scalargrad.compiler.tracing import Input
from scalargrad.core.nested import flatten, unflatten
from scalargrad.core.value import Value
from scalargrad.errors import OptionError
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Vector
from scalargrad.optim.rules import FormulaOptimizer

from .aliases import Loss, Penalty, Prediction, Target
from .encoding import are_integers, class_options, encode_target, stack_rows
from .native_steps import NativeSteps
from .samples import Batches, Samples
from .steps import Evaluation, Record, Step, check_loss, normalize_weights

Array = NDArray[numpy.float64]
Traced: TypeAlias = Any
"""A stand-in for a number of every sample, or a list of them."""


class _Arrays(NamedTuple):
    """Samples, their inputs and targets as arrays, and which of the two are integers."""

    samples: Samples
    inputs: Array
    targets: Array
    are_integers: tuple[bool, bool]


class CompiledStep(Step):
    """Records model, loss and penalty once in training mode, and once in eval mode on demand.

    Args:
        model: What is trained.
        loss: A function (prediction, target).
        penalty: A function of the model, or None.
        optimizer: What trains the model.
        predicting: Whether predictions are needed beside the loss.
        prediction: What the model returns for one sample, as plain numbers.
        backend: As for `compile`.
        devices: As for `compile`.
        batch_size: The size of most batches, where it is known.

    Attributes:
        gradient: That of the last step, one number for each parameter of the model.

    Raises:
        OptionError: For an optimizer over other parameters than the model's.
        LengthError: For samples of different shapes.
        TraceError: For what can't be recorded, such as a model that looks at whole batches.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        penalty: Penalty | None,
        optimizer: Optimizer,
        predicting: bool,
        prediction: Prediction,
        backend: BackendName = "auto",
        devices: Devices = None,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(model, loss, penalty, optimizer)
        self.backend = choose_backend(backend)
        self.predicting = predicting
        self._backend_name = backend
        self._batch_size = batch_size
        self._devices = devices
        self._prediction = prediction
        self._class_options = class_options(loss, prediction)

        # Kept, because looking for them takes longer than a step.
        self._model_parameters = model.parameters()
        positions = {parameter: i for i, parameter in enumerate(self._model_parameters)}
        if any(parameter not in positions for parameter in self.parameters):
            raise OptionError(
                "compiled training needs an optimizer over parameters of the model: "
                "give compiled=False for others"
            )
        order = [positions[parameter] for parameter in self.parameters]
        # Programs have the model's order. None saves the indexing in the usual case of equal ones.
        self._order = None if order == list(range(len(positions))) else numpy.array(order)
        self._numbers = super().numbers()
        self.gradient: Array | None = None
        self._output: Prediction = None
        self._output_shape: tuple[int, ...] | None = None
        # By whether they train, and by which arguments are integers.
        self._programs: dict[tuple[bool, tuple[bool, bool]], Compiled] = {}
        self._native: NativeSteps | None = None
        self._arrays: dict[int, _Arrays] = {}

    def evaluate(self, samples: Samples, batch: Sequence[int]) -> Evaluation:
        """Compute loss and gradient of a batch."""
        program = self._get_program(samples, training=True)
        self._write_program(program)
        shares = self._shares(samples, batch)
        arguments = self._arguments(samples, batch, shares)
        loss, gradient, others = program.evaluate_loss(arguments, thorough=False)

        self.gradient = gradient
        penalty = 0.0
        if self.penalty is not None or shares is not None:
            # The loss of the program includes both; `objective` lists them again one by one.
            loss = _average(others[:, 0], shares)
            penalty = float(others[0, 1])
            others = others[:, 2:]
        return Evaluation(
            loss=loss,
            penalty=penalty,
            gradient=gradient if self._order is None else gradient[self._order],
            predictions=self._read_predictions(others),
            weight=_total_weight(samples, batch),
        )

    @property
    def steps_at_once(self) -> int:
        """How many steps `run_steps` makes; 0 where each is made by itself."""
        return 0 if self._native is None else self._native.limit

    def run_steps(self, samples: Samples, batches: Batches) -> Record:
        """Make some of the first steps in native code, up to one that is not finite."""
        if self._native is None:
            return Record()
        self._write_program(self._native.program)
        batches = self._native.cut(batches)
        steps = self._native.run(self._native_arguments(samples, batches), batches)
        if steps is None or not len(steps.losses):
            return Record()
        record = self._read_steps(samples, batches.first(len(steps.losses)), steps)
        if not all(map(isfinite, record.objectives())):
            # Overflow of a weighted mean is rare, and is found again step by step.
            self._native.draw_again(0)
            return Record()

        self._numbers = steps.parameters
        self.gradient = steps.gradient
        self._native.optimizer.count_steps(len(record), steps.memory)
        return record

    def _native_arguments(self, samples: Samples, batches: Batches) -> list[Array]:
        """Return the arguments of the program for all samples, at which native code picks some."""
        _, x, y, _ = self._get_arrays(samples)
        if samples.weights is None:
            return [x, y]
        weights = numpy.zeros((len(samples), 1))
        for batch in batches:
            weights[batch] = self._arguments(samples, batch, self._shares(samples, batch))[-1]
        return [x, y, weights]

    def _read_steps(self, samples: Samples, batches: Batches, steps: Steps) -> Record:
        """Return what steps gave, as `evaluate` returns it for one."""
        others = steps.others
        losses = steps.losses.tolist()
        penalties = [0.0] * len(losses)
        if self.penalty is not None or samples.weights is not None:
            losses = self._average_each(samples, batches, others[:, 0])
            penalties = others[batches.starts[:-1] - batches.starts[0], 1].tolist()
            others = others[:, 2:]

        weights = batches.sizes().astype(float).tolist()
        if samples.weights is not None:
            weights = [_total_weight(samples, batch) for batch in batches]
        predictions = self._read_predictions(others)
        return Record(losses, penalties, weights, predictions, steps.gradient)

    def _average_each(self, samples: Samples, batches: Batches, losses: Array) -> list[float]:
        """Return the weighted mean of each batch, given the losses of one after the other."""
        sizes = batches.sizes()
        if samples.weights is None and (sizes == sizes[0]).all():
            # All at once, in the same order as one by one.
            means: list[float] = (losses.reshape(len(sizes), -1).sum(axis=1) / sizes[0]).tolist()
            return means
        starts = (batches.starts - batches.starts[0]).tolist()
        return [
            _average(losses[start:end], self._shares(samples, batch))
            for batch, (start, end) in zip(batches, pairwise(starts), strict=True)
        ]

    def _arguments(
        self, samples: Samples, batch: Sequence[int], shares: Array | None
    ) -> list[Array]:
        _, x, y, _ = self._get_arrays(samples)
        if len(batch) == len(samples) and list(batch) == list(range(len(samples))):
            # A program does not change its arguments, so all samples need not be copied.
            arguments = [x, y]
        else:
            indices = numpy.array(batch)
            arguments = [x[indices], y[indices]]
        if shares is not None:
            # The program takes a mean over the batch, so the shares are multiplied by its length.
            arguments.append(shares[:, None] * len(batch))
        return arguments

    def find_odd_sample(self, samples: Samples, batch: Sequence[int]) -> int | None:
        """Return the position of the first sample that is not finite, len(batch) if all are."""
        program = self._get_program(samples, training=True)
        self._write_program(program)
        arguments = self._arguments(samples, batch, self._shares(samples, batch))
        odd = program.odd_rows(arguments, limit=1).tolist()
        return odd[0] if odd else len(batch)

    def skip_samples(self, samples: Samples, batch: Sequence[int]) -> None:
        """Draw the random numbers of these samples, so that those of the next one follow."""
        self._get_program(samples, training=True).draw(len(batch))

    def _shares(self, samples: Samples, batch: Sequence[int]) -> Array | None:
        if samples.weights is None:
            return None
        weights = [samples.weights[i] for i in batch]
        return numpy.array(normalize_weights(weights, len(batch)))

    def measure(self, samples: Samples) -> tuple[float, list[Prediction]]:
        """Compute the mean loss and the predictions."""
        _, x, y, _ = self._get_arrays(samples)
        program = self._get_program(samples, training=False)
        self._write_program(program)
        outputs = program(x, y)
        shares = self._shares(samples, range(len(samples)))
        loss = _average(outputs[:, 0], shares)
        predictions = self._read_predictions(outputs[:, 1:])
        return loss, predictions

    def numbers(self) -> Vector:
        """Return the parameters that the next step starts with."""
        return self._numbers

    def write(self, numbers: Vector) -> None:
        """Set the parameters of the program; the model gets them in `write_model`."""
        self._numbers = numbers

    def write_model(self) -> None:
        """Copy the parameters, and the gradient of the last step, to the model."""
        super().write(self._numbers)
        if self.gradient is None:
            return
        pairs = zip(self._model_parameters, self.gradient.tolist(), strict=True)
        for parameter, number in pairs:
            parameter.grad = number

    def read_model(self) -> None:
        """Copy the parameters from the model, including those that are not trained."""
        self._numbers = super().numbers()
        for program in self._programs.values():
            program.read()

    def effects(self) -> list[str]:
        """Return what model, loss and penalty did besides computing, while they were recorded."""
        found: list[str] = []
        for program in self._programs.values():
            found += program.effects()
        return list(dict.fromkeys(found))

    def prepare(self, samples: Samples, validation: Samples | None) -> None:  # noqa: ARG002
        """Record for training, so that what can't be recorded is refused before the first step."""
        self.record(samples, training=True)
        # Programs have the model's order of parameters.
        if isinstance(self.optimizer, FormulaOptimizer) and self._order is None:
            program = self._get_program(samples, training=True)
            self._native = NativeSteps(program, self.optimizer, self.model)

    def record(self, samples: Samples, training: bool) -> Compiled:
        """Record for training or for evaluation now, not when it is first needed.

        The model must be in that mode.
        """
        return self._get_program(samples, training)

    def use_backend(self, name: BackendName) -> None:
        """Compute with another backend from now on. Nothing is recorded again.

        Raises:
            OptionError: The backend is not installed, or would leave a program to NumPy.
        """
        self.backend = choose_backend(name)
        self._backend_name = name
        for (training, _), program in self._programs.items():
            program.change_backend(backend_maker(name, self._devices))
            if training and self._batch_size is not None:
                program.expect_batches(self._batch_size)
            if program.fallback_reason:
                raise OptionError(f"computed by NumPy: {program.fallback_reason}")

    def _write_program(self, program: Compiled) -> None:
        if self._order is None:
            program.parameters[:] = self._numbers
        else:
            program.parameters[self._order] = self._numbers

    def _get_program(self, samples: Samples, training: bool) -> Compiled:
        key = (training, self._get_arrays(samples).are_integers)
        if key not in self._programs:
            self._programs[key] = self._compile(samples, training)
        return self._programs[key]

    def _compile(self, samples: Samples, training: bool) -> Compiled:
        _, x, y, integers = self._get_arrays(samples)
        first_input = samples.inputs[0]
        first_target = self._encode_target(samples.targets[0])
        weighted = training and samples.weights is not None
        # As local names, because guards watch what the functions in a closure read, but no
        # attributes.
        model = self.model
        loss_function = self.loss
        penalty_function = self.penalty

        def objective(inputs: Traced, targets: Traced, weight: Traced = None) -> list[Traced]:
            sample = unflatten(first_input, _as_list(inputs))
            target = unflatten(first_target, _as_list(targets))
            prediction = model(sample)
            loss = check_loss(loss_function(prediction, target))
            self._output = _as_lists(prediction)
            self._output_shape = regular_shape(self._output)
            extra = flatten(prediction) if self.predicting else []
            if not training or (penalty_function is None and weight is None):
                return [loss, *extra]

            penalty = 0.0 if penalty_function is None else penalty_function(model)
            weighted_loss = loss if weight is None else loss * weight
            # A function that is recorded returns Values only.
            penalty_value = penalty if isinstance(penalty, Value) else Value(penalty)
            return [weighted_loss + penalty, loss, penalty_value, *extra]

        # Integers may be indices, which an Embedding or cross_entropy looks up.
        sizes: list[Input] = []
        for array, of_integers in zip((x, y), integers, strict=True):
            length = array.shape[1]
            sizes.append(("token", length) if of_integers else length)
        if weighted:
            sizes.append(1)
        program = compile(
            objective, model, inputs=sizes, backend=self._backend_name, devices=self._devices
        )
        program.ignore_model()
        size = self._batch_size if training else len(samples)
        if size is not None:
            program.expect_batches(size)
        return program

    def _get_arrays(self, samples: Samples) -> "_Arrays":
        """Return inputs and targets of samples as arrays, converted once."""
        if id(samples) not in self._arrays:
            encoded = [self._encode_target(target) for target in samples.targets]
            inputs = stack_rows(samples.inputs, "sample", same_nest=samples.x_rows.shape is None)
            targets = stack_rows(encoded, "target", same_nest=samples.y_rows.shape is None)
            # The samples are kept with them, so that no others can get the same id.
            integers = (are_integers(samples.inputs), are_integers(encoded))
            self._arrays[id(samples)] = _Arrays(samples, inputs, targets, integers)
        return self._arrays[id(samples)]

    def _encode_target(self, target: Target) -> Target:
        return encode_target(target, self._prediction, self._class_options)

    def _read_predictions(self, numbers: Array) -> list[Prediction]:
        """Return the predictions from the outputs that follow the loss; [] if none are needed."""
        if not self.predicting:
            return []
        if self._output_shape is not None:
            # Nested lists of equal lengths are what NumPy makes of an array, and much faster.
            predictions: list[Prediction] = numbers.reshape(-1, *self._output_shape).tolist()
            return predictions
        return [unflatten(self._output, row) for row in numbers.tolist()]


def _average(losses: Array, shares: Array | None) -> float:
    if shares is None:
        # As `mean` computes it, in half the time.
        return float(losses.sum()) / len(losses)
    return float(shares @ losses)


def _total_weight(samples: Samples, batch: Sequence[int]) -> float:
    if samples.weights is None:
        return float(len(batch))
    return sum(samples.weights[i] for i in batch)


def _as_lists(prediction: Prediction) -> Prediction:
    """Return the same nest made of lists, as eager training returns predictions."""
    if isinstance(prediction, (list, tuple, numpy.ndarray)):
        return [_as_lists(part) for part in prediction]
    return prediction


def _as_list(values: Traced) -> list[Traced]:
    return values if isinstance(values, list) else [values]
