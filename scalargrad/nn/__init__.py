"""Networks: modules, neurons, layers, and what they are built with."""

from .activations import ACTIVATIONS, OVER_LAYERS, PReLU, RReLU, activation
from .convolution import AvgPool, Conv, MaxPool
from .dropout import DropConnect, Dropout
from .embedding import Embedding
from .functional import Objective, functional_call
from .initializers import INITIALIZERS, constant, given, initializer, normal, orthogonal, uniform
from .layers import MLP, Layer, Neuron, Sequential
from .module import Module, evaluation, unreachable
from .normalization import BatchNorm, LayerNorm
from .recommended import recommended
from .recurrent import LSTMCell, Recurrent, RNNCell
from .reshape import Flatten, Reshape

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "MLP",
    "OVER_LAYERS",
    "AvgPool",
    "BatchNorm",
    "Conv",
    "DropConnect",
    "Dropout",
    "Embedding",
    "Flatten",
    "LSTMCell",
    "Layer",
    "LayerNorm",
    "MaxPool",
    "Module",
    "Neuron",
    "Objective",
    "PReLU",
    "RNNCell",
    "RReLU",
    "Recurrent",
    "Reshape",
    "Sequential",
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
