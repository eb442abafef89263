"""Networks: modules, neurons, layers, and what they are built with."""

from .activations import ACTIVATIONS, OVER_LAYERS, PReLU, RReLU, activation
from .initialisers import INITIALISERS, constant, given, initialiser, normal, orthogonal, uniform
from .layers import MLP, Layer, Neuron, Sequential
from .module import Module

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "MLP",
    "OVER_LAYERS",
    "Layer",
    "Module",
    "Neuron",
    "PReLU",
    "RReLU",
    "Sequential",
    "activation",
    "constant",
    "given",
    "initialiser",
    "normal",
    "orthogonal",
    "uniform",
]
