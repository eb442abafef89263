"""Neuron, Layer, MLP, Sequential: networks as plain code over Values."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_calls

from .activations import Activation, activation, activation_name, over_layer
from .initializers import Initializer, given, initializer, weights_by_neuron
from .module import Module, as_inputs


class _Default(str):
    """The default of an argument, to be told from the same text given on purpose."""

    __slots__ = ()


RELU = _Default("relu")


class Neuron(Module):
    """activation(bias + weights[0]*x[0] + weights[1]*x[1] + …), one Value.

    inputs       how many numbers it takes
    activation   a name ("relu", "tanh", …), a function of one Value, or None
    initializer  how weights begin: a name ("he", "xavier", …), `constant(0.5)` and the like, or a function as those are;
                 the bias begins at 0
    seed         an int or a random.Random; None: the generator of the process, see `sg.manual_seed`
    fan_out      how many neurons stand beside it, for the initializers that ask
    nonlin       as in micrograd, in the place of `activation`: True for relu, False for none

    `w` and `b` are micrograd's names for `weights` and `bias`.
    Raises OptionError for sizes below 1 and unknown names; a call raises LengthError or DataError for a wrong input.

    >>> neuron = Neuron(2, activation="tanh")
    >>> neuron.load_state_dict({"weights.0": -3.0, "weights.1": 1.0, "bias": 6.88})
    >>> round(neuron([2.0, 0.0]).data, 3)
    0.706
    """

    _in_one_line = True

    def __init__(
        self,
        inputs: int,
        activation: str | Activation | None = RELU,
        initializer: str | Initializer = "he",
        seed: Seed = None,
        fan_out: int = 1,
        *,
        nonlin: bool | None = None,
    ) -> None:
        activation = _chosen(activation, nonlin, "Neuron")
        rng, draw = generator(seed), _initializer(initializer)
        self.inputs = checked_int(inputs, "inputs of a Neuron", 1)
        weights = next(
            weights_by_neuron(
                draw, rng, self.inputs, checked_int(fan_out, "fan_out of a Neuron", 1)
            )
        )
        self.activation = _activation(activation, rng)
        self.weights = [Parameter(weight, label=f"w{i}") for i, weight in enumerate(weights)]
        self.bias = Parameter(0.0, label="b")

    @property
    def w(self) -> list[Parameter]:
        """The weights, under micrograd's name."""
        return self.weights

    @w.setter
    def w(self, weights: list[Parameter]) -> None:
        self.weights = weights

    @property
    def b(self) -> Parameter:
        """The bias, under micrograd's name."""
        return self.bias

    @b.setter
    def b(self, bias: Parameter) -> None:
        self.bias = bias

    def forward(self, x: Any) -> Value:
        """One Value from a list of Values or numbers."""
        total: Value = self.bias
        for weight, item in zip(self.weights, as_inputs(x, self.inputs, self), strict=True):
            total = total + weight * item
        return total if self.activation is None else self.activation(total)

    def describe(self) -> str:
        return f"Neuron({_named(str(self.inputs), self.activation)})"

    def _in_summary(self) -> bool:
        return False


class Layer(Module):
    """Neurons side by side over the same inputs. Returns a list of Values, of length 1 too.

    Arguments are those of a Neuron; `activation` may also be "softmax" or "log_softmax", which work on all outputs together.

    >>> layer = Layer(2, 3)
    >>> len(layer([1.0, -1.0]))
    3
    """

    _in_one_line = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: str | Activation | None = RELU,
        initializer: str | Initializer = "he",
        seed: Seed = None,
        *,
        nonlin: bool | None = None,
    ) -> None:
        activation = _chosen(activation, nonlin, "Layer")
        rng = generator(seed)
        self.inputs = checked_int(inputs, "inputs of a Layer", 1)
        self.outputs = checked_int(outputs, "outputs of a Layer", 1)
        rows = list(weights_by_neuron(_initializer(initializer), rng, self.inputs, self.outputs))
        self.activation = over_layer(activation)
        if self.activation and self.outputs == 1:
            raise OptionError(
                f"{activation_name(activation)} of one output is always the same number: use sigmoid, or two outputs"
            )
        self.neurons = [
            Neuron(inputs, None if self.activation else activation, given([row]), rng)
            for row in rows
        ]

    def forward(self, x: Any) -> list[Value]:
        """One Value per neuron."""
        items = as_inputs(x, self.inputs, self)
        values = [neuron(items) for neuron in self.neurons]
        return self.activation(values) if self.activation else values

    def describe(self) -> str:
        return f"Layer({_named(f'{self.inputs} → {self.outputs}', self.activation or self.neurons[0].activation)})"


def _sizes_in_one_list(*arguments: Any) -> str:
    """Return how to write MLP([2, 3, 1]), "" for other arguments."""
    match arguments:
        case _, [inputs, *sizes]:
            call = f"MLP({inputs}, {sizes or [3, 1]})"
            return f"the number of inputs comes first, then the sizes: {call}"
    return ""


class MLP(Module):
    """A multilayer perceptron: layers in a row. One output comes as one Value, several as a list.

    inputs             how many numbers it takes
    sizes              the number of neurons of each layer, the output layer last
    activation         of every layer but the last
    output_activation  of the last one
    initializer, seed  as for a Neuron

    >>> model = MLP(2, [16, 16, 1])
    >>> model
    MLP(2 → 16 → 16 → 1)
      (layers.0) Layer(2 → 16, relu)
      (layers.1) Layer(16 → 16, relu)
      (layers.2) Layer(16 → 1)
    >>> len(model.parameters())
    337
    """

    @partial(explain_calls, hint=_sizes_in_one_list)
    def __init__(
        self,
        inputs: int,
        sizes: Sequence[int],
        activation: str | Activation | None = "relu",
        output_activation: str | Activation | None = None,
        initializer: str | Initializer = "he",
        seed: Seed = None,
    ) -> None:
        if isinstance(sizes, str) or not hasattr(sizes, "__len__") or not len(sizes):
            raise OptionError(
                f"sizes of an MLP must be a list with the size of each layer, such as [16, 16, 1], not {sizes!r}"
            )
        rng = generator(seed)
        self.inputs = checked_int(inputs, "inputs of an MLP", 1)
        widths = [
            inputs,
            *(checked_int(size, f"sizes[{i}] of an MLP", 1) for i, size in enumerate(sizes)),
        ]
        if len(sizes) == 1 and not over_layer(activation):
            _activation(
                activation, rng
            )  # no layer takes it, but a misspelled name is told all the same
        chosen = [activation] * (len(sizes) - 1) + [output_activation]
        self.layers = [
            Layer(before, after, choice, initializer, rng)
            for before, after, choice in zip(widths, widths[1:], chosen, strict=False)
        ]

    def forward(self, x: Any) -> Any:
        """The output Value, or the list of them if there are several."""
        values = as_inputs(x, self.inputs, self)
        for layer in self.layers:
            values = layer(values)
        return values[0] if len(values) == 1 else values

    def describe(self) -> str:
        return f"MLP({' → '.join(str(size) for size in [self.inputs, *(layer.outputs for layer in self.layers)])})"


class Sequential(Module):
    """Modules (or functions) called one after the other, each on what the one before returned.

    >>> import scalargrad as sg
    >>> model = Sequential(Layer(2, 3), Layer(3, 2, activation=None), sg.softmax)
    >>> round(sum(p.data for p in model([1.0, 2.0])), 12)
    1.0
    """

    def __init__(self, *steps: Any) -> None:
        for i, step in enumerate(steps):
            if not callable(step):
                raise OptionError(
                    f"step {i} of Sequential must be a module or a function, not {type(step).__name__} {step!r}"
                )
        self.steps = list(steps)

    def forward(self, x: Any) -> Any:
        """What the last step returns."""
        for step in self.steps:
            x = step(x)
        return x

    def forward_batch(self, rows: Sequence[Any]) -> list[Any]:
        """All samples through the first step, then all through the second, and so on."""
        outputs = list(rows)
        for step in self.steps:
            outputs = (
                step.batch(outputs) if isinstance(step, Module) else [step(row) for row in outputs]
            )
        return outputs

    @property
    def inputs(self) -> int | None:
        """How many numbers the first step takes, None where it does not say."""
        return getattr(self.steps[0], "inputs", None) if self.steps else None


def _named(shape: str, choice: Activation | None) -> str:
    return f"{shape}, {activation_name(choice)}" if choice else shape


def _chosen(
    activation: str | Activation | None,
    nonlin: bool | None,
    who: str,
) -> str | Activation | None:
    """Return the activation that is meant, where micrograd's `nonlin` may be given in its place."""
    if nonlin is None and isinstance(activation, bool):  # Neuron(3, False), as micrograd takes it
        return RELU if activation else None
    if nonlin is None:
        return activation
    if not isinstance(nonlin, bool):
        raise OptionError(
            f"nonlin of a {who} must be True (relu) or False (none), not {nonlin!r}; any other activation has a name: activation='tanh'"
        )
    if not isinstance(activation, _Default):
        raise OptionError(
            f"{who} takes activation or nonlin, not both: nonlin={nonlin} means "
            f"activation={'relu' if nonlin else None!r}, but activation={activation!r} was given"
        )
    return activation if nonlin else None


_activation, _initializer = activation, initializer
