"""A network beside its mirror in PyTorch: the same weights in float64, every layer's values and every parameter's gradient compared."""

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

from .graphs import Comparison, Number, compared_numbers

Loss = str | Callable[[Any, Any], Any]


@explain_calls
def compare_with_torch(
    model: Module,
    X: Any,  # noqa: N803 - as the field writes it
    y: Any,
    loss: Loss = "mse",
    *,
    torch_loss: Callable[[Any, Any], Any] | None = None,
    tolerance: float = 1e-9,
) -> Comparison:
    """Whether PyTorch computes the same with the same weights: the values of each layer, the loss, the gradient of each parameter.

    model       an MLP, a Layer, or a Sequential of such, and of activations
    X, y        the samples, each a list of numbers, and their targets; small ones are enough
    loss        a name of scalargrad.losses.LOSSES, or a function (prediction, target) of ONE sample made of operators alone, so that
                PyTorch's numbers can be given to it as well; the mean over the samples is differentiated
    torch_loss  that function for PyTorch, where `loss` calls functions of this package: its prediction is a tensor, or a list of them
    tolerance   as for `compare`

    Values come first, layer by layer, then the loss, then gradients from the last layer back. The model keeps its gradients.
    Raises PictureError where PyTorch is not installed, or has no mirror of a part of the model or of the loss; LengthError where
    targets are not as many as samples; OptionError for an unknown loss.

    `print(viz.compare_with_torch(MLP(2, [3, 1], "tanh"), [[1.0, -2.0]], [0.5]))` says
    "equal: 14 numbers agree to 1e-09 (largest difference 5.6e-17)", or which number is the first that differs.
    """
    samples, targets = [list(row) for row in X], list(y)
    if len(samples) != len(targets) or not samples:
        raise LengthError(
            f"compare_with_torch needs one target for each sample, and a sample: there are {len(samples)} and {len(targets)}"
        )
    mirror = _Mirror(_torch(), list(_parts(model, "")))
    ours = _here(model, mirror.parts, samples, targets, _our_loss(loss))
    theirs = mirror.run(samples, targets, torch_loss or _their_loss(mirror.torch, loss))
    return compared_numbers(
        [*_values(ours, theirs, mirror.parts), *_gradients(ours, theirs)], tolerance
    )


class Part(NamedTuple):
    """One step of a network: a layer, or an activation alone, and its path."""

    path: str
    step: Any


class _Run(NamedTuple):
    """What one engine computed: outputs by part, sample and unit, the loss, gradients by parameter."""

    outputs: list[list[list[float]]]
    loss: float
    gradients: dict[str, float]


_TO_NUMBERS = {"__float__", "__int__", "__complex__", "__index__", "item", "tolist"}


def _kept_tensors(torch: Any) -> Any:
    """Return a block in which no tensor with a gradient becomes a plain number, which would have none.

    PyTorch itself only warns, once in a process; and what makes warnings errors does so for all threads.
    """

    class KeptTensors(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if getattr(function, "__name__", "") in _TO_NUMBERS and args[0].requires_grad:
                raise TypeError("a tensor that is made a plain number loses its gradient")
            return function(*args, **(kwargs or {}))

    return KeptTensors()


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError as error:
        raise PictureError("compare_with_torch needs PyTorch: pip install torch") from error


def _parts(module: Any, path: str) -> Iterator[Part]:
    """The steps of a network in order; PictureError for what has no mirror."""
    for kind, name in ((MLP, "layers"), (Sequential, "steps")):
        if isinstance(module, kind) and type(module).forward is kind.forward:
            for i, step in enumerate(getattr(module, name)):
                yield from _parts(step, f"{path}.{name}.{i}".lstrip("."))
            return
    if (
        isinstance(module, Module)
        and (type(module).forward is not Layer.forward or type(module) is not Layer)
        and module.parameters()
    ):
        raise PictureError(
            f"{path or 'the model'} is a {type(module).__name__}, which has no mirror in PyTorch here: compare its parts"
        )
    yield Part(path, module)


class _Mirror:
    """The network in torch.nn."""

    def __init__(self, torch: Any, parts: list[Part]) -> None:
        self.torch, self.parts = torch, parts
        self.linears = {
            part.path: self._linear(part.step) for part in parts if isinstance(part.step, Layer)
        }
        self.functions = {part.path: self._activation(part) for part in parts}

    def _linear(self, layer: Layer) -> Any:
        linear = self.torch.nn.Linear(layer.inputs, layer.outputs, dtype=self.torch.float64)
        with self.torch.no_grad():
            linear.weight.copy_(
                self.torch.tensor(
                    [[w.data for w in neuron.weights] for neuron in layer.neurons],
                    dtype=self.torch.float64,
                )
            )
            linear.bias.copy_(
                self.torch.tensor(
                    [neuron.bias.data for neuron in layer.neurons], dtype=self.torch.float64
                )
            )
        return linear

    def _activation(self, part: Part) -> Callable[[Any], Any] | None:
        layer = part.step if isinstance(part.step, Layer) else None
        choice = part.step if layer is None else layer.activation or layer.neurons[0].activation
        if choice is None:
            return None
        name, functional = activation_name(choice), self.torch.nn.functional
        if name == ops.GELU_TANH.name:
            return partial(functional.gelu, approximate=ops.TANH.name)
        found = getattr(functional, name, None) or getattr(self.torch, name, None)
        if not callable(found) or (isinstance(choice, Module) and choice.parameters()):
            raise PictureError(
                f"{part.path or 'the model'} uses {name or choice!r}, which has no mirror in PyTorch here"
            )
        return partial(found, dim=-1) if name.endswith("softmax") else found

    def run(
        self, samples: Sequence[Any], targets: Sequence[Any], loss: Callable[[Any, Any], Any]
    ) -> _Run:
        """Forward and backward in PyTorch."""
        x = self.torch.tensor(
            [[float(item) for item in row] for row in samples], dtype=self.torch.float64
        )
        outputs = []
        for part in self.parts:
            x = self.linears[part.path](x) if part.path in self.linears else x
            function = self.functions[part.path]
            x = function(x) if function else x
            outputs.append(x.detach().tolist())
        try:
            total = self._mean(loss, x, targets)
            total.backward()
        except (TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise PictureError(
                f"the loss can't be computed on PyTorch's tensors ({error}): give its counterpart as torch_loss="
            ) from error
        return _Run(outputs, total.item(), dict(self._gradients()))

    def _mean(self, loss: Callable[[Any, Any], Any], x: Any, targets: Sequence[Any]) -> Any:
        with _kept_tensors(self.torch):
            return sum(
                loss(row[0] if len(row) == 1 else row, target)
                for row, target in zip(x, targets, strict=True)
            ) / len(x)

    def _gradients(self) -> Iterator[tuple[str, float]]:
        for path, linear in self.linears.items():
            for i, (row, bias) in enumerate(
                zip(linear.weight.grad.tolist(), linear.bias.grad.tolist(), strict=True)
            ):
                for j, weight in enumerate(row):
                    yield f"{path}.neurons.{i}.weights.{j}".lstrip("."), weight
                yield f"{path}.neurons.{i}.bias".lstrip("."), bias


def _here(
    model: Module,
    parts: list[Part],
    samples: Sequence[Any],
    targets: Sequence[Any],
    loss: Callable[[Any, Any], Any],
) -> _Run:
    """Forward and backward here; the gradients that the model had come back."""
    rows: list[Any] = [[Value(float(item)) for item in row] for row in samples]
    outputs = []
    for part in parts:
        rows = [_listed(part.step(row)) for row in rows]
        outputs.append([[value.data for value in row] for row in rows])
    losses = [
        loss(row[0] if len(row) == 1 else row, target)
        for row, target in zip(rows, targets, strict=True)
    ]
    total = sum(losses[1:], losses[0]) / len(samples)
    named = dict(model.named_parameters())
    before = {name: parameter.grad for name, parameter in named.items()}
    model.zero_grad()
    total.backward()
    gradients = {name: grad_of(parameter) for name, parameter in named.items()}
    for name, parameter in named.items():
        parameter.grad = before[name]
    return _Run(outputs, total.data, gradients)


def _listed(output: Any) -> list[Value]:
    return (
        output
        if isinstance(output, list)
        else list(output)
        if isinstance(output, tuple)
        else [output]
    )


def _our_loss(loss: Loss) -> Callable[[Any, Any], Any]:
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise OptionError(
                f"loss must be one of {', '.join(LOSSES)}, or a function of one sample, not {loss!r}{hint(loss, LOSSES)}"
            )
        return LOSSES[loss]
    if not callable(loss):
        raise OptionError(
            f"loss must be one of {', '.join(LOSSES)}, or a function of one sample, not {loss!r}"
        )
    return loss


def _their_loss(torch: Any, loss: Loss) -> Callable[[Any, Any], Any]:
    """PyTorch's own loss of that name, or what it calls otherwise or has not, in its operations."""
    if not isinstance(loss, str):
        return lambda prediction, target: loss(
            list(prediction) if prediction.dim() else prediction, target
        )
    own = {
        "absolute_error": torch.nn.functional.l1_loss,
        "half_squared_error": lambda p, t: (0.5 * (p - t) ** 2).mean(),
        "hinge": lambda p, t: torch.relu(1.0 - t * p).mean(),
    }
    functional = torch.nn.functional
    found = own.get(loss) or getattr(functional, f"{loss}_loss", None) or getattr(functional, loss)

    def of_tensor(prediction: Any, target: Any) -> Any:
        index = isinstance(target, int) and prediction.dim() > 0  # a class
        return found(
            prediction,
            torch.tensor(target, dtype=torch.long if index else torch.float64).reshape(
                () if index else prediction.shape
            ),
        )

    return of_tensor


def _values(ours: _Run, theirs: _Run, parts: Sequence[Part]) -> Iterator[Number]:
    for part, first, second in zip(parts, ours.outputs, theirs.outputs, strict=True):
        for sample, (row, other) in enumerate(zip(first, second, strict=True)):
            for unit, (x, y) in enumerate(zip(row, other, strict=True)):
                kind = f"neurons.{unit}" if isinstance(part.step, Layer) else f"output {unit}"
                yield Number("value", f"{part.path}.{kind} of sample {sample}".lstrip("."), x, y)
    yield Number("value", "the loss", ours.loss, theirs.loss)


def _gradients(ours: _Run, theirs: _Run) -> Iterator[Number]:
    for name in reversed(list(ours.gradients)):
        yield Number("gradient", name, ours.gradients[name], theirs.gradients[name])
