"""A network beside its mirror in PyTorch: the same weights in float64, every number compared."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from scalargrad.core import ops
from scalargrad.core.value import Value
from scalargrad.errors import LengthError, OptionError, PictureError
from scalargrad.losses import LOSSES
from scalargrad.nn import MLP, Layer, Sequential
from scalargrad.nn.activations import activation_name
from scalargrad.nn.module import Module
from scalargrad.utils.calls import explain_calls
from viz.look.text import hint
from viz.model.snapshot import grad_of

from .graphs import Comparison, Number, compare_numbers

# A loss takes the prediction and the target of one sample: Values here, tensors in PyTorch.
LossFunction = Callable[[Any, Any], Any]
Loss = str | LossFunction


@explain_calls
def compare_with_torch(
    model: Module,
    X: Any,  # noqa: N803 - as the field writes it
    y: Any,
    loss: Loss = "mse",
    *,
    torch_loss: LossFunction | None = None,
    tolerance: float = 1e-9,
) -> Comparison:
    """Compare a network with PyTorch on the same weights.

    The values of each layer are compared first, then the loss, then the gradient of each parameter
    from the last layer back. The model keeps its gradients.

    `print(viz.compare_with_torch(MLP(2, [3, 1], "tanh"), [[1.0, -2.0]], [0.5]))` says "equal: 14
    numbers agree to 1e-09 (largest difference 5.6e-17)", or which number is the first that differs.

    Args:
        model: An MLP, a Layer, or a Sequential of such, and of activations.
        X: The samples, each a list of numbers; small ones are enough.
        y: Their targets.
        loss: A name of `scalargrad.losses.LOSSES`, or a function (prediction, target) of ONE sample
            made of operators alone, so that PyTorch's numbers can be given to it as well. The mean
            over the samples is differentiated.
        torch_loss: That function for PyTorch, where `loss` calls functions of this package: its
            prediction is a tensor, or a list of them.
        tolerance: As for `compare`.

    Raises:
        PictureError: PyTorch is not installed, or has no mirror of a part of the model or of the
            loss.
        LengthError: The numbers of samples and targets differ, or are 0.
        OptionError: The loss is unknown.
    """
    samples = [list(row) for row in X]
    targets = list(y)
    if len(samples) != len(targets) or not samples:
        raise LengthError(
            "compare_with_torch needs one target for each sample, and a sample: there are "
            f"{len(samples)} and {len(targets)}"
        )
    mirror = _Mirror(_import_torch(), list(_parts(model, "")))
    ours = _run_here(model, mirror.parts, samples, targets, _our_loss(loss))
    theirs = mirror.run(samples, targets, torch_loss or _torch_loss(mirror.torch, loss))
    numbers = [*_values(ours, theirs, mirror.parts), *_gradients(ours, theirs)]
    return compare_numbers(numbers, tolerance)


class Part(NamedTuple):
    """One step of a network.

    Attributes:
        path: Its path in the model.
        step: A layer, or an activation alone.
    """

    path: str
    step: Any


class _Run(NamedTuple):
    """What one engine computed.

    Attributes:
        outputs: By part, sample and unit.
        loss: The mean over the samples.
        gradients: By the path of the parameter.
    """

    outputs: list[list[list[float]]]
    loss: float
    gradients: dict[str, float]


_TO_NUMBERS = {"__float__", "__int__", "__complex__", "__index__", "item", "tolist"}


def _refuse_numbers(torch: Any) -> Any:
    """Return a context in which making a tensor with a gradient a plain number is an error."""

    # PyTorch itself only warns, once in a process; and what makes warnings errors does so for all
    # threads.
    class RefuseNumbers(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if getattr(function, "__name__", "") in _TO_NUMBERS and args[0].requires_grad:
                raise TypeError("a tensor that is made a plain number loses its gradient")
            return function(*args, **(kwargs or {}))

    return RefuseNumbers()


def _import_torch() -> Any:
    try:
        return import_module("torch")
    except ImportError as error:
        raise PictureError("compare_with_torch needs PyTorch: pip install torch") from error


def _parts(module: Any, path: str) -> Iterator[Part]:
    """Yield the steps of a network in order; PictureError for what has no mirror."""
    for kind, name in ((MLP, "layers"), (Sequential, "steps")):
        # A subclass with its own forward may do anything with its steps.
        if isinstance(module, kind) and type(module).forward is kind.forward:
            for i, step in enumerate(getattr(module, name)):
                yield from _parts(step, f"{path}.{name}.{i}".lstrip("."))
            return

    is_layer = type(module) is Layer and type(module).forward is Layer.forward
    if isinstance(module, Module) and not is_layer and module.parameters():
        raise PictureError(
            f"{path or 'the model'} is a {type(module).__name__}, which has no counterpart "
            "in PyTorch here: compare its parts"
        )
    yield Part(path, module)


class _Mirror:
    """The network in torch.nn."""

    def __init__(self, torch: Any, parts: list[Part]) -> None:
        self.torch = torch
        self.parts = parts
        self.linears: dict[str, Any] = {}
        for part in parts:
            if isinstance(part.step, Layer):
                self.linears[part.path] = self._linear(part.step)
        self.functions = {part.path: self._activation(part) for part in parts}

    def _tensor(self, numbers: Any) -> Any:
        return self.torch.tensor(numbers, dtype=self.torch.float64)

    def _linear(self, layer: Layer) -> Any:
        has_bias = layer.neurons[0].bias is not None
        linear = self.torch.nn.Linear(
            layer.inputs, layer.outputs, bias=has_bias, dtype=self.torch.float64
        )
        weights = [_read_data(neuron.weights) for neuron in layer.neurons]
        with self.torch.no_grad():
            linear.weight.copy_(self._tensor(weights))
            if has_bias:
                biases = [neuron.bias.data for neuron in layer.neurons]
                linear.bias.copy_(self._tensor(biases))
        return linear

    def _activation(self, part: Part) -> Callable[[Any], Any] | None:
        choice = part.step
        if isinstance(choice, Layer):
            # A layer applies softmax to all units; other activations belong to its neurons.
            choice = choice.activation or choice.neurons[0].activation
        if choice is None:
            return None

        name = activation_name(choice)
        functional = self.torch.nn.functional
        if name == ops.GELU_TANH.name:
            return partial(functional.gelu, approximate=ops.TANH.name)
        function = getattr(functional, name, None) or getattr(self.torch, name, None)
        has_parameters = isinstance(choice, Module) and bool(choice.parameters())
        if not callable(function) or has_parameters:
            raise PictureError(
                f"{part.path or 'the model'} uses {name or choice!r}, which has no counterpart in "
                "PyTorch here"
            )
        return partial(function, dim=-1) if name.endswith("softmax") else function

    def run(self, samples: Sequence[Any], targets: Sequence[Any], loss: LossFunction) -> _Run:
        """Run forward and backward in PyTorch."""
        x = self._tensor([list(map(float, row)) for row in samples])
        outputs = []
        for part in self.parts:
            if part.path in self.linears:
                x = self.linears[part.path](x)
            function = self.functions[part.path]
            if function:
                x = function(x)
            outputs.append(x.detach().tolist())

        try:
            total = self._mean(loss, x, targets)
            total.backward()
        except (TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise PictureError(
                f"the loss can't be computed on PyTorch's tensors ({error}): give its counterpart "
                "as torch_loss="
            ) from error
        return _Run(outputs, total.item(), dict(self._gradients()))

    def _mean(self, loss: LossFunction, x: Any, targets: Sequence[Any]) -> Any:
        with _refuse_numbers(self.torch):
            losses = _sample_losses(loss, x, targets)
            return sum(losses) / len(x)

    def _gradients(self) -> Iterator[tuple[str, float]]:
        for path, linear in self.linears.items():
            for i, row in enumerate(linear.weight.grad.tolist()):
                neuron = f"{path}.neurons.{i}".lstrip(".")
                for j, weight in enumerate(row):
                    yield f"{neuron}.weights.{j}", weight
                if linear.bias is not None:
                    yield f"{neuron}.bias", linear.bias.grad[i].item()


def _unpack_single(row: Any) -> Any:
    """Return the only output of a sample by itself, as losses take it."""
    return row[0] if len(row) == 1 else row


def _sample_losses(loss: LossFunction, rows: Any, targets: Sequence[Any]) -> list[Any]:
    losses = []
    for row, target in zip(rows, targets, strict=True):
        losses.append(loss(_unpack_single(row), target))
    return losses


def _read_data(values: Sequence[Value]) -> list[float]:
    return [value.data for value in values]


def _run_here(
    model: Module,
    parts: list[Part],
    samples: Sequence[Any],
    targets: Sequence[Any],
    loss: LossFunction,
) -> _Run:
    """Run forward and backward here; the gradients that the model had are restored."""
    rows = [_make_values(row) for row in samples]
    outputs = []
    for part in parts:
        rows = [_as_list(part.step(row)) for row in rows]
        outputs.append([_read_data(row) for row in rows])

    losses = _sample_losses(loss, rows, targets)
    # Not sum(losses): it starts at 0, which would be a node more in the graph.
    total = sum(losses[1:], losses[0]) / len(samples)

    parameters = dict(model.named_parameters())
    # The gradients of this comparison must not add to those of a training run that goes on.
    before = {name: parameter.grad for name, parameter in parameters.items()}
    model.zero_grad()
    total.backward()
    gradients = {name: grad_of(parameter) for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        parameter.grad = before[name]
    return _Run(outputs, total.data, gradients)


def _make_values(numbers: Sequence[Any]) -> list[Value]:
    return [Value(float(number)) for number in numbers]


def _as_list(output: Any) -> list[Value]:
    return list(output) if isinstance(output, (list, tuple)) else [output]


def _our_loss(loss: Loss) -> LossFunction:
    if callable(loss):
        return loss
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    known = hint(loss, LOSSES) if isinstance(loss, str) else ""
    raise OptionError(
        f"loss must be one of {', '.join(LOSSES)}, or a function of one sample, not {loss!r}{known}"
    )


def _torch_loss(torch: Any, loss: Loss) -> LossFunction:
    """Return the counterpart of a loss in PyTorch."""
    if not isinstance(loss, str):

        def call_own(prediction: Any, target: Any) -> Any:
            # Losses here take the outputs of a sample as a list, a single one by itself.
            outputs = list(prediction) if prediction.dim() else prediction
            return loss(outputs, target)

        return call_own

    functional = torch.nn.functional
    # Losses that PyTorch names differently or lacks.
    others = {
        "absolute_error": functional.l1_loss,
        "half_squared_error": lambda p, t: (0.5 * (p - t) ** 2).mean(),
        "hinge": lambda p, t: torch.relu(1.0 - t * p).mean(),
    }
    function = others.get(loss) or getattr(functional, f"{loss}_loss", None)
    if function is None:
        function = getattr(functional, loss)

    def call(prediction: Any, target: Any) -> Any:
        is_class = isinstance(target, int) and prediction.dim() > 0
        if is_class:
            return function(prediction, torch.tensor(target, dtype=torch.long).reshape(()))
        numbers = torch.tensor(target, dtype=torch.float64)
        return function(prediction, numbers.reshape(prediction.shape))

    return call


def _values(ours: _Run, theirs: _Run, parts: Sequence[Part]) -> Iterator[Number]:
    for part, first, second in zip(parts, ours.outputs, theirs.outputs, strict=True):
        for sample, (row, other) in enumerate(zip(first, second, strict=True)):
            for unit, (x, y) in enumerate(zip(row, other, strict=True)):
                name = f"neurons.{unit}" if isinstance(part.step, Layer) else f"output {unit}"
                path = f"{part.path}.{name}".lstrip(".")
                yield Number("value", f"{path} of sample {sample}", x, y)
    yield Number("value", "the loss", ours.loss, theirs.loss)


def _gradients(ours: _Run, theirs: _Run) -> Iterator[Number]:
    for name in reversed(list(ours.gradients)):
        yield Number("gradient", name, ours.gradients[name], theirs.gradients[name])
