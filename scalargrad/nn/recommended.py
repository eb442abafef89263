"""A multilayer perceptron with good defaults."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.names import ActivationName
from scalargrad.core.seeds import Seed, generator
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_calls

from .activations import Activation
from .dropout import Dropout
from .initializers import he, xavier
from .layers import Layer, Sequential
from .normalization import BatchNorm


@explain_calls
def recommended(
    inputs: int,
    sizes: Sequence[int],
    dropout: float = 0.2,
    output_activation: ActivationName | Activation | None = None,
    seed: Seed = None,
) -> Sequential:
    """Make a multilayer perceptron with good defaults.

    A hidden layer is linear, followed by batch normalization before the activation (Ioffe and
    Szegedy 2015, section 3.2), an ELU (Clevert et al. 2016) and dropout. The output layer is
    plain, with Xavier initialization. It returns one Value if the last size is 1, else a list. In
    training it takes batches, `model.batch(rows)`, as `fit` does.

    Args:
        inputs: The number of inputs.
        sizes: The number of neurons of each layer, the output layer last.
        dropout: The probability that an output of a hidden layer is dropped in training; 0 for
            none.
        output_activation: The activation of the last layer; None suits the losses that take
            logits or plain numbers.
        seed: An int or a random.Random, for weights and masks; None for the global generator, see
            `sg.manual_seed`.

    Raises:
        OptionError: If a size is below 1, or there are none.

    Example:
        >>> model = recommended(2, [8, 1])
        >>> print(model.summary())
        module   what it is         parameters
        (whole)  Sequential                 49
        steps.0  Layer(2 → 8)               24
        steps.1  BatchNorm(8, elu)          16
        steps.2  Dropout(0.2)                0
        steps.3  Layer(8 → 1)                9

        Classify the four quadrants of the plane:

        >>> from scalargrad.data import quadrants
        >>> from scalargrad.optim import Adam
        >>> from scalargrad.training import fit
        >>> X, y = quadrants(40, seed=1)
        >>> model = recommended(2, [8, 4], seed=0)
        >>> optimizer = Adam(model.parameters(), 0.01)
        >>> history = fit(model, X, y, loss="cross_entropy", optimizer=optimizer, epochs=25,
        ...               batch_size=10, progress=False)
        >>> history["loss"][-1] < history["loss"][0] / 2
        True
    """
    if isinstance(sizes, str) or not hasattr(sizes, "__len__") or not len(sizes):
        raise OptionError(
            f"sizes must be a list with the size of each layer, such as [16, 16, 1], not {sizes!r}"
        )
    rng = generator(seed)
    outputs = [checked_int(size, f"sizes[{i}]", 1) for i, size in enumerate(sizes)]
    widths = [checked_int(inputs, "inputs", 1), *outputs]

    steps: list[Any] = []
    for before, after in pairwise(widths[:-1]):
        # The activation comes after the normalization, so the layer has none.
        steps.append(Layer(before, after, None, he, rng))
        steps.append(BatchNorm(after, activation="elu"))
        if dropout:
            steps.append(Dropout(dropout, rng))

    steps.append(Layer(widths[-2], widths[-1], output_activation, xavier, rng))
    if widths[-1] == 1:
        # Not a lambda, so that the model can be pickled.
        steps.append(only_item)
    return Sequential(*steps)


def only_item(values: Sequence[Any]) -> Any:
    """Return the only item of a list, so that one output comes as one Value.

    Example:
        >>> only_item([3.0])
        3.0
    """
    return values[0]
