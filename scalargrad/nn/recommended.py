"""A network with the defaults that are worth trying first."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from scalargrad.core import ops
from scalargrad.core.checks import checked_int
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
    output_activation: str | Activation | None = None,
    seed: Seed = None,
) -> Sequential:
    """A multilayer perceptron with good defaults: He initialization, batch normalization, ELU, dropout.

    inputs             how many numbers it takes
    sizes              the number of neurons of each layer, the output layer last
    dropout            the part of each hidden layer that is left out in training; 0 for none
    output_activation  of the last layer; None suits the losses that take logits or plain numbers
    seed               an int or a random.Random, for weights and masks; None: the generator of the process, see
                       `sg.manual_seed`

    A hidden layer is linear, normalized over the batch before its activation (Ioffe and Szegedy 2015, section 3.2), an ELU (Clevert
    et al. 2016), then thinned by dropout. The output layer is plain, its weights by Xavier. One output comes as one Value, several
    as a list. In training it takes batches, `model.batch(rows)`; `fit` does so, and its default optimizer, Adam, is the last of the
    good defaults. Raises OptionError for impossible sizes.

    >>> model = recommended(2, [8, 1])
    >>> print(model.summary())
    module   what it is         parameters
    (whole)  Sequential                 49
    steps.0  Layer(2 → 8)               24
    steps.1  BatchNorm(8, elu)          16
    steps.2  Dropout(0.2)                0
    steps.3  Layer(8 → 1)                9

    Four quadrants of the plane, told apart:

    >>> from scalargrad.data import quadrants
    >>> from scalargrad.optim import Adam
    >>> from scalargrad.training import fit
    >>> X, y = quadrants(40, seed=1)
    >>> model = recommended(2, [8, 4], seed=0)
    >>> history = fit(model, X, y, loss="cross_entropy", optimizer=Adam(model.parameters(), 0.01), epochs=25, batch_size=10,
    ...               progress=False)
    >>> history["loss"][-1] < history["loss"][0] / 2
    True
    """
    if isinstance(sizes, str) or not hasattr(sizes, "__len__") or not len(sizes):
        raise OptionError(
            f"sizes must be a list with the size of each layer, such as [16, 16, 1], not {sizes!r}"
        )
    rng, steps = generator(seed), list[Any]()
    widths = [
        checked_int(inputs, "inputs", 1),
        *(checked_int(size, f"sizes[{i}]", 1) for i, size in enumerate(sizes)),
    ]
    for before, after in pairwise(widths[:-1]):
        steps += [Layer(before, after, None, he, rng), BatchNorm(after, activation=ops.ELU.name)]
        steps += [Dropout(dropout, rng)] if dropout else []
    steps.append(Layer(widths[-2], widths[-1], output_activation, xavier, rng))
    return Sequential(*steps, *[alone] * (widths[-1] == 1))


def alone(values: Sequence[Any]) -> Any:
    """The first of the values, where there is only one.

    >>> alone([3.0])
    3.0
    """
    return values[0]
