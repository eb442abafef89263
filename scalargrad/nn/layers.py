"""Neuron, Layer, MLP and Sequential: networks as plain code over Values."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from operator import mul
from typing import TYPE_CHECKING, Any, cast

from scalargrad.core.checks import checked_bool, checked_int
from scalargrad.core.names import ActivationName
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Number, Parameter, Value
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_calls

from .activations import Activation, activation_name, over_layer
from .activations import activation as resolve_activation
from .initializers import (
    Initializer,
    InitializerName,
    biases_by_neuron,
    constant,
    given,
    resolve_initializer,
    weights_by_neuron,
)
from .inputs import as_inputs
from .module import Module
from .naming import join_parts


class _Default(str):
    """A default that can be distinguished from the same text passed by the caller."""

    __slots__ = ()


RELU: ActivationName = cast(Any, _Default("relu"))


class Neuron(Module):
    """One neuron: activation(bias + weights[0]·x[0] + weights[1]·x[1] + …).

    Args:
        inputs: The number of inputs.
        activation: A name ("relu", "tanh", …), a function of one Value, or None for none.
        initializer: How to draw the weights: a name ("he", "xavier", …), `constant(0.5)` and the
            like, or a function as those are.
        seed: An int or a random.Random; None for the global generator, see `sg.manual_seed`.
        fan_out: The number of neurons in its layer, for initializers that depend on it.
        nonlin: micrograd's option instead of `activation`: True for relu, False for none.
        bias_initializer: How to draw the bias, in the same way. It is drawn after the weights, and
            knows of the same fans; `given` and other matrices hold one number a neuron.
        bias: Whether there is one.

    Attributes:
        weights: A Parameter for each input; micrograd's name `w` works too.
        bias: A Parameter, None if there is none; micrograd's name `b` works too.

    Raises:
        OptionError: If a size is below 1 or a name is unknown.

    Example:
        >>> neuron = Neuron(2, activation="tanh")
        >>> neuron.load_state_dict({"weights.0": -3.0, "weights.1": 1.0, "bias": 6.88})
        >>> round(neuron([2.0, 0.0]).data, 3)
        0.706
    """

    _in_one_line = True

    def __init__(
        self,
        inputs: int,
        activation: ActivationName | Activation | None = RELU,
        initializer: InitializerName | Initializer = "he",
        seed: Seed = None,
        fan_out: int = 1,
        *,
        nonlin: bool | None = None,
        bias_initializer: InitializerName | Initializer = "zeros",
        bias: bool = True,
    ) -> None:
        activation = _choose_activation(activation, nonlin, "Neuron")
        rng = generator(seed)
        draw = resolve_initializer(initializer, "initializer")
        draw_bias = resolve_initializer(bias_initializer, "bias_initializer")
        self.inputs = checked_int(inputs, "inputs of a Neuron", 1)
        fan_out = checked_int(fan_out, "fan_out of a Neuron", 1)
        weights = next(weights_by_neuron(draw, rng, self.inputs, fan_out))
        biases = biases_by_neuron(draw_bias, rng, self.inputs, fan_out)
        has_bias = checked_bool(bias, "bias of a Neuron")
        number = next(biases) if has_bias else None

        self.activation = resolve_activation(activation, rng)
        self.weights = [Parameter(weight, label=f"w{i}") for i, weight in enumerate(weights)]
        # `| Any`, so that a type checker does not ask whether it is None wherever it is used.
        self.bias: Parameter | Any = None if number is None else Parameter(number, label="b")

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number]) -> Value: ...

    def forward(self, x: Iterable[Number]) -> Value:
        """Return one Value.

        Args:
            x: A list of Values or numbers.

        Raises:
            LengthError: If there are more or fewer than `inputs`.
            DataError: If an item is not a number.
        """
        # A map, because a loop over zip(…, strict=True) takes a fifth longer.
        items = as_inputs(x, len(self.weights), self)
        products = map(mul, self.weights, items)
        start = next(products) if self.bias is None else self.bias
        total: Value = sum(products, start)
        return total if self.activation is None else self.activation(total)

    @property
    def w(self) -> list[Parameter]:
        """The weights, under micrograd's name."""
        return self.weights

    @w.setter
    def w(self, weights: list[Parameter]) -> None:
        self.weights = weights

    @property
    def b(self) -> Parameter | Any:
        """The bias, under micrograd's name."""
        return self.bias

    @b.setter
    def b(self, bias: Parameter) -> None:
        self.bias = bias

    def extra_repr(self) -> str:
        return _describe(str(self.inputs), self.activation, self.bias is not None)

    def _in_summary(self) -> bool:
        return False


class Layer(Module):
    """Neurons side by side over the same inputs. Returns a list of Values, also of length 1.

    Args:
        inputs: The number of inputs.
        outputs: The number of neurons.
        activation: As for a Neuron; also "softmax" or "log_softmax", over all outputs together.
        initializer: As for a Neuron.
        seed: As for a Neuron.
        nonlin: As for a Neuron.
        bias_initializer: As for a Neuron.
        bias: As for a Neuron.

    Attributes:
        neurons: One Neuron for each output.
        activation: The activation over all outputs together, None if each neuron has its own.

    Raises:
        OptionError: If a size is below 1, a name is unknown, or softmax is given one output only.

    Example:
        >>> layer = Layer(2, 3)
        >>> len(layer([1.0, -1.0]))
        3
        >>> layer = Layer(2, 3, initializer="normal", bias_initializer="uniform", seed=0)
        >>> [round(neuron.bias.data, 2) for neuron in layer.neurons]
        [0.57, -0.39, -0.05]
    """

    _in_one_line = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: ActivationName | Activation | None = RELU,
        initializer: InitializerName | Initializer = "he",
        seed: Seed = None,
        *,
        nonlin: bool | None = None,
        bias_initializer: InitializerName | Initializer = "zeros",
        bias: bool = True,
    ) -> None:
        activation = _choose_activation(activation, nonlin, "Layer")
        rng = generator(seed)
        self.inputs = checked_int(inputs, "inputs of a Layer", 1)
        self.outputs = checked_int(outputs, "outputs of a Layer", 1)
        # All weights are drawn here, and not by each neuron: some initializers, such as orthogonal,
        # draw the whole matrix.
        draw = resolve_initializer(initializer, "initializer")
        draw_bias = resolve_initializer(bias_initializer, "bias_initializer")
        rows = list(weights_by_neuron(draw, rng, self.inputs, self.outputs))
        has_bias = checked_bool(bias, "bias of a Layer")
        biases = [0.0] * self.outputs
        if has_bias:
            biases = list(biases_by_neuron(draw_bias, rng, self.inputs, self.outputs))

        self.activation = over_layer(activation)
        if self.activation and self.outputs == 1:
            raise OptionError(
                f"{activation_name(activation)} of one output is always the same number: "
                "use sigmoid, or two outputs"
            )
        own_activation = None if self.activation else activation
        self.neurons = [
            Neuron(
                inputs,
                own_activation,
                given([row]),
                rng,
                bias_initializer=constant(number),
                bias=has_bias,
            )
            for row, number in zip(rows, biases, strict=True)
        ]

    if TYPE_CHECKING:

        def __call__(self, x: Iterable[Number]) -> list[Value]: ...

    def forward(self, x: Iterable[Number]) -> list[Value]:
        """Return one Value per neuron.

        Args:
            x: A list of Values or numbers.

        Raises:
            LengthError: If there are more or fewer than `inputs`.
            DataError: If an item is not a number.
        """
        items = as_inputs(x, self.inputs, self)
        values = [neuron(items) for neuron in self.neurons]
        return self.activation(values) if self.activation else values

    def extra_repr(self) -> str:
        first = self.neurons[0]
        sizes = f"{self.inputs} → {self.outputs}"
        return _describe(sizes, self.activation or first.activation, first.bias is not None)


def _suggest_sizes(*arguments: object) -> str:
    """Return how to write MLP([2, 3, 1]), "" for other arguments."""
    match arguments:
        case _, [inputs, *sizes]:
            call = f"MLP({inputs}, {sizes or [3, 1]})"
            return f"the number of inputs comes first, then the sizes: {call}"
    return ""


class MLP(Module):
    """A multilayer perceptron. Returns one Value if the last layer has one neuron, else a list.

    Args:
        inputs: The number of inputs.
        sizes: The number of neurons of each layer, the output layer last.
        activation: The activation of every layer but the last.
        output_activation: The activation of the last layer.
        initializer: As for a Neuron.
        seed: As for a Neuron.
        bias_initializer: As for a Neuron.
        bias: As for a Neuron.

    Attributes:
        layers: The Layers in order.

    Raises:
        OptionError: If a size is below 1, there are none, or a name is unknown.

    Example:
        >>> model = MLP(2, [16, 16, 1])
        >>> model
        MLP(2 → 16 → 16 → 1)
          (layers.0) Layer(2 → 16, relu)
          (layers.1) Layer(16 → 16, relu)
          (layers.2) Layer(16 → 1)
        >>> len(model.parameters())
        337
    """

    @partial(explain_calls, hint=_suggest_sizes)
    def __init__(
        self,
        inputs: int,
        sizes: Sequence[int],
        activation: ActivationName | Activation | None = "relu",
        output_activation: ActivationName | Activation | None = None,
        initializer: InitializerName | Initializer = "he",
        seed: Seed = None,
        *,
        bias_initializer: InitializerName | Initializer = "zeros",
        bias: bool = True,
    ) -> None:
        if isinstance(sizes, str) or not hasattr(sizes, "__len__") or not len(sizes):
            raise OptionError(
                "sizes of an MLP must be a list with the size of each layer, such as [16, 16, 1], "
                f"not {sizes!r}"
            )
        rng = generator(seed)
        self.inputs = checked_int(inputs, "inputs of an MLP", 1)
        outputs = [checked_int(size, f"sizes[{i}] of an MLP", 1) for i, size in enumerate(sizes)]
        if len(outputs) == 1 and not over_layer(activation):
            # No layer takes it, but a misspelled name is an error all the same.
            resolve_activation(activation, rng)

        hidden = len(outputs) - 1
        activations = [activation] * hidden + [output_activation]
        widths = pairwise([self.inputs, *outputs])
        self.layers = [
            Layer(
                before,
                after,
                choice,
                initializer,
                rng,
                bias_initializer=bias_initializer,
                bias=bias,
            )
            for (before, after), choice in zip(widths, activations, strict=True)
        ]

    def forward(self, x: Iterable[Number]) -> Any:
        """Return the output Value, or the list of them if there are several.

        Args:
            x: A list of Values or numbers.

        Raises:
            LengthError: If there are more or fewer than `inputs`.
            DataError: If an item is not a number.
        """
        values: list[Value] = as_inputs(x, self.inputs, self)
        for layer in self.layers:
            values = layer(values)
        return values[0] if len(values) == 1 else values

    def extra_repr(self) -> str:
        outputs = [layer.outputs for layer in self.layers]
        return " → ".join(map(str, [self.inputs, *outputs]))


class Sequential(Module):
    """Modules (or functions) called one after the other, each on the result of the one before.

    Args:
        steps: The modules or functions in order.

    Raises:
        OptionError: If a step can't be called.

    Example:
        >>> import scalargrad as sg
        >>> model = Sequential(Layer(2, 3), Layer(3, 2, activation=None), sg.softmax)
        >>> round(sum(p.data for p in model([1.0, 2.0])), 12)
        1.0
    """

    def __init__(self, *steps: Any) -> None:
        for i, step in enumerate(steps):
            if not callable(step):
                raise OptionError(
                    f"step {i} of {type(self).__name__} must be a module or a function, "
                    f"not {type(step).__name__} {step!r}"
                )
        self.steps = list(steps)

    def forward(self, x: Any) -> Any:
        """Return the result of the last step."""
        for step in self.steps:
            x = step(x)
        return x

    def forward_batch(self, rows: Sequence[Any]) -> list[Any]:
        """Pass all samples through the first step, then all through the second, and so on."""
        outputs = list(rows)
        for step in self.steps:
            if isinstance(step, Module):
                outputs = step.batch(outputs)
            else:
                outputs = [step(row) for row in outputs]
        return outputs

    @property
    def inputs(self) -> int | None:
        """The number of inputs of the first step, None if it has no such attribute."""
        return getattr(self.steps[0], "inputs", None) if self.steps else None


def _describe(sizes: str, activation: Activation | None, has_bias: bool) -> str:
    return join_parts(sizes, activation_name(activation), "" if has_bias else "bias=False")


def _choose_activation(
    activation: ActivationName | Activation | None,
    nonlin: bool | None,
    who: str,
) -> ActivationName | Activation | None:
    """Return the chosen activation, where micrograd's `nonlin` may be given in its place."""
    if nonlin is None:
        # Neuron(3, False), as micrograd takes it
        if isinstance(activation, bool):
            return RELU if activation else None
        return activation

    if not isinstance(nonlin, bool):
        raise OptionError(
            f"nonlin of a {who} must be True (relu) or False (none), not {nonlin!r}; "
            "any other activation has a name: activation='tanh'"
        )
    if not isinstance(activation, _Default):
        meaning = "relu" if nonlin else None
        raise OptionError(
            f"{who} takes activation or nonlin, not both: nonlin={nonlin} means "
            f"activation={meaning!r}, but activation={activation!r} was given"
        )
    return RELU if nonlin else None
