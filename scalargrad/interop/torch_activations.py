"""The activations that PyTorch has as well."""

from typing import Any, NamedTuple

from scalargrad.core import ops
from scalargrad.core.functions import log_softmax, softmax


class TorchActivation(NamedTuple):
    """The class of an activation in PyTorch, and how its options are called there.

    Attributes:
        theirs: The name of the class.
        options: PyTorch's names of our options.
        fixed: Options that PyTorch needs to compute the same.
    """

    theirs: str
    options: dict[str, str] = {}  # noqa: RUF012 - never changed
    fixed: dict[str, Any] = {}  # noqa: RUF012


ACTIVATIONS = {
    ops.CELU.name: TorchActivation("CELU", {"alpha": "alpha"}),
    ops.ELU.name: TorchActivation("ELU", {"alpha": "alpha"}),
    ops.GELU.name: TorchActivation("GELU", fixed={"approximate": "none"}),
    ops.GELU_TANH.name: TorchActivation("GELU", fixed={"approximate": ops.TANH.name}),
    ops.HARDSIGMOID.name: TorchActivation("Hardsigmoid"),
    ops.HARDSWISH.name: TorchActivation("Hardswish"),
    ops.HARDTANH.name: TorchActivation("Hardtanh", {"low": "min_val", "high": "max_val"}),
    ops.LEAKY_RELU.name: TorchActivation("LeakyReLU", {"slope": "negative_slope"}),
    log_softmax.__name__: TorchActivation("LogSoftmax", fixed={"dim": -1}),
    ops.LOGSIGMOID.name: TorchActivation("LogSigmoid"),
    ops.MISH.name: TorchActivation("Mish"),
    ops.RELU.name: TorchActivation("ReLU"),
    ops.RELU6.name: TorchActivation("ReLU6"),
    ops.SELU.name: TorchActivation("SELU"),
    ops.SIGMOID.name: TorchActivation("Sigmoid"),
    ops.SILU.name: TorchActivation("SiLU"),
    softmax.__name__: TorchActivation("Softmax", fixed={"dim": -1}),
    # Beyond the threshold PyTorch returns x itself, at 20 a ninth digit too early.
    ops.SOFTPLUS.name: TorchActivation("Softplus", fixed={"threshold": 40.0}),
    ops.SOFTSHRINK.name: TorchActivation("Softshrink", {"threshold": "lambd"}),
    ops.SOFTSIGN.name: TorchActivation("Softsign"),
    ops.TANH.name: TorchActivation("Tanh"),
}
"""The activations that PyTorch has as well."""
