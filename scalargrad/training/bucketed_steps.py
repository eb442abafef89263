"""Loss and gradient of samples of several structures, by a compiled program for each.

Sentences of different lengths are such samples. Each is computed as it is, without padding, so a
model needs no masks, and the numbers are those of each sentence alone.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import numpy

from scalargrad.compiler import Compiled
from scalargrad.compiler.backend import BackendName
from scalargrad.optim.optimizer import Vector

from .aliases import Prediction
from .compiled_steps import CompiledStep
from .samples import Samples
from .steps import Evaluation, Step, mean_loss, normalize_weights

Key: TypeAlias = Hashable
"""How sample and target are nested."""


@dataclass(frozen=True)
class _Buckets:
    """Samples by structure.

    Attributes:
        samples: All of them.
        subsets: Those of each structure.
        places: For each sample its index in the subset of its structure.
    """

    samples: Samples
    subsets: dict[Key, Samples]
    places: list[int]


class BucketedStep(Step):
    """Computes the samples of each structure together, and takes the mean over all.

    Args:
        make: Makes a compiled step, which is asked for samples of one structure only.

    Raises:
        ScalargradError: What the compiled step raises.
    """

    def __init__(self, make: Callable[[], CompiledStep]) -> None:
        first = make()
        super().__init__(first.model, first.loss, first.penalty, first.optimizer)
        self.backend = first.backend
        self._make = make
        self._unused: list[CompiledStep] = [first]
        self._steps: dict[Key, CompiledStep] = {}
        self._backend_name: BackendName | None = None
        self._buckets: dict[int, _Buckets] = {}
        self._numbers = super().numbers()
        self._gradient: Vector | None = None

    def prepare(self, samples: Samples, validation: Samples | None) -> None:  # noqa: ARG002
        """Record every structure, so that what can't be recorded is refused before a step."""
        self.record(samples, training=True)

    def record(self, samples: Samples, training: bool) -> Compiled:
        """Record every structure of these samples.

        Returns:
            The longest program.
        """
        programs: list[Compiled] = []
        for key, subset in self._split(samples).subsets.items():
            programs.append(self._get_step(key).record(subset, training))
        return max(programs, key=lambda program: len(program.program))

    def evaluate(self, samples: Samples, batch: Sequence[int]) -> Evaluation:
        """Compute loss and gradient of a batch."""
        evaluations: list[Evaluation] = []
        gradients: list[Vector] = []
        for key, subset, places in self._runs(samples, batch):
            step = self._get_step(key)
            step.write(self._numbers)
            evaluations.append(step.evaluate(subset, places))
            if step.gradient is not None:
                gradients.append(step.gradient)

        weights = [part.weight for part in evaluations]
        # Where no sample counts, the gradient of the penalty is left, the same in each part.
        counted = weights if sum(weights) else [1.0] * len(weights)
        shares = numpy.array(normalize_weights(counted, len(counted)))
        self._gradient = shares @ numpy.array(gradients)
        return Evaluation(
            loss=mean_loss([part.loss for part in evaluations], shares.tolist()),
            penalty=evaluations[0].penalty,
            gradient=shares @ numpy.array([part.gradient for part in evaluations]),
            predictions=[each for part in evaluations for each in part.predictions],
            weight=sum(weights),
        )

    def measure(self, samples: Samples) -> tuple[float, list[Prediction]]:
        """Compute the mean loss and the predictions."""
        buckets = self._split(samples)
        losses: list[float] = []
        weights: list[float] = []
        predictions: dict[Key, list[Prediction]] = {}
        for key, subset in buckets.subsets.items():
            step = self._get_step(key)
            step.write(self._numbers)
            loss, predictions[key] = step.measure(subset)
            losses.append(loss)
            weights.append(float(len(subset)) if subset.weights is None else sum(subset.weights))

        shares = normalize_weights(weights, len(weights))
        in_order: list[Prediction] = []
        for key, place in zip(samples.structures, buckets.places, strict=True):
            in_order += predictions[key][place : place + 1]
        return mean_loss(losses, shares), in_order

    def find_odd_sample(self, samples: Samples, batch: Sequence[int]) -> int | None:
        """Return the position of the first sample that is not finite, len(batch) if all are."""
        start = 0
        for key, subset, places in self._runs(samples, batch):
            step = self._get_step(key)
            step.write(self._numbers)
            odd = step.find_odd_sample(subset, places)
            if odd is None:
                return None
            start += odd
            if odd < len(places):
                break
        return start

    def skip_samples(self, samples: Samples, batch: Sequence[int]) -> None:
        """Draw the random numbers of these samples, so that those of the next one follow."""
        for key, subset, places in self._runs(samples, batch):
            self._get_step(key).skip_samples(subset, places)

    def numbers(self) -> Vector:
        """Return the parameters that the next step starts with."""
        return self._numbers

    def write(self, numbers: Vector) -> None:
        """Set the parameters of the programs; the model gets them in `write_model`."""
        self._numbers = numbers

    def write_model(self) -> None:
        """Copy the parameters, and the gradient of the last step, to the model."""
        super().write(self._numbers)
        for step in list(self._steps.values())[:1]:
            step.write(self._numbers)
            step.gradient = self._gradient
            step.write_model()

    def read_model(self) -> None:
        """Copy the parameters from the model, including those that are not trained."""
        self._numbers = super().numbers()
        for step in self._steps.values():
            step.read_model()

    def effects(self) -> list[str]:
        """Return what model, loss and penalty did besides computing, while they were recorded."""
        effects = [effect for step in self._steps.values() for effect in step.effects()]
        return list(dict.fromkeys(effects))

    def use_backend(self, name: BackendName) -> None:
        """Compute with another backend from now on. Nothing is recorded again.

        Raises:
            OptionError: The backend is not installed, or would leave a program to NumPy.
        """
        for step in self._steps.values():
            step.use_backend(name)
            self.backend = step.backend
        self._backend_name = name

    def _get_step(self, key: Key) -> CompiledStep:
        if key not in self._steps:
            step = self._unused.pop() if self._unused else self._make()
            if self._backend_name is not None:
                step.use_backend(self._backend_name)
            self._steps[key] = step
        return self._steps[key]

    def _split(self, samples: Samples) -> _Buckets:
        """Return samples by structure, sorted once."""
        if id(samples) not in self._buckets:
            indices: dict[Key, list[int]] = {}
            places: list[int] = []
            for i, key in enumerate(samples.structures):
                same = indices.setdefault(key, [])
                places.append(len(same))
                same.append(i)
            subsets = {key: samples.subset(same) for key, same in indices.items()}
            # The samples are kept with them, so that no others can get the same id.
            self._buckets[id(samples)] = _Buckets(samples, subsets, places)
        return self._buckets[id(samples)]

    def _runs(self, samples: Samples, batch: Sequence[int]) -> list[tuple[Key, Samples, list[int]]]:
        """Return the samples of a batch that follow each other and are of one structure.

        `Samples.batches` puts those of one structure next to each other. Others stay in their
        order, so that random numbers are drawn as on the graph.
        """
        buckets = self._split(samples)
        runs: list[tuple[Key, Samples, list[int]]] = []
        for key, run in groupby(batch, key=samples.structures.__getitem__):
            runs.append((key, buckets.subsets[key], [buckets.places[i] for i in run]))
        return runs


ProgramStep: TypeAlias = CompiledStep | BucketedStep
"""A step that computes with compiled programs."""


def make_compiled_step(
    sets: tuple[Samples, Samples | None], make: Callable[[], CompiledStep]
) -> ProgramStep:
    """Make the step for samples of one structure, or of several.

    Args:
        sets: The samples to train on, and those to validate on, if any.
        make: Makes a compiled step.
    """
    return make() if count_structures(sets) == 1 else BucketedStep(make)


def count_structures(sets: tuple[Samples, Samples | None]) -> int:
    """Count the structures of samples with their targets.

    Args:
        sets: The samples to train on, and those to validate on, if any.

    Example:
        >>> from scalargrad.training.samples import read_samples
        >>> count_structures((read_samples([[1, 2], [3], [4, 5]], [0, 1, 0]), None))
        2
    """
    structures: set[Key] = set()
    for samples in sets:
        if samples is not None:
            structures.update(samples.structures)
    return len(structures)
