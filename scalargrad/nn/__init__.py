"""Networks: modules, neurons, layers, and what they are built with."""

from typing import TYPE_CHECKING, Any

from scalargrad.utils.elsewhere import NN, no_attribute

from .activations import ACTIVATIONS, OVER_LAYERS, PReLU, RReLU, activation
from .attention import Attention
from .convolution import AvgPool, Conv, MaxPool
from .dropout import DropConnect, Dropout
from .embedding import Embedding
from .functional import Objective, functional_call
from .initializers import INITIALIZERS, constant, given, initializer, normal, orthogonal, uniform
from .layers import MLP, Layer, Neuron, Sequential
from .module import Module, evaluation, unreachable
from .normalization import BatchNorm, LayerNorm, RMSNorm
from .positions import PositionalEncoding, PositionEmbedding
from .recommended import recommended
from .recurrent import GRUCell, LSTMCell, Recurrent, RNNCell
from .reshape import Flatten, Reshape
from .sequences import Residual, TimeDistributed

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "MLP",
    "OVER_LAYERS",
    "Attention",
    "AvgPool",
    "BatchNorm",
    "Conv",
    "DropConnect",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "LSTMCell",
    "Layer",
    "LayerNorm",
    "MaxPool",
    "Module",
    "Neuron",
    "Objective",
    "PReLU",
    "PositionEmbedding",
    "PositionalEncoding",
    "RMSNorm",
    "RNNCell",
    "RReLU",
    "Recurrent",
    "Reshape",
    "Residual",
    "Sequential",
    "TimeDistributed",
    "activation",
    "constant",
    "evaluation",
    "functional_call",
    "given",
    "initializer",
    "normal",
    "orthogonal",
    "recommended",
    "uniform",
    "unreachable",
]

if not TYPE_CHECKING:  # for type checkers no other name exists

    def __getattr__(name: str) -> Any:
        """Raise an error that says what PyTorch's name is called here."""
        raise no_attribute(__name__, name, NN)
