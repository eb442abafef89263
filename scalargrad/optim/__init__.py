"""Optimizers, learning-rate schedules, penalties and clipping."""

from .optimizer import Optimiser
from .penalties import clip_gradient_norm, clip_gradient_values, elastic_net, l1, l2, max_norm
from .rules import OPTIMISERS, SGD, AdaGrad, Adam, AdamW, RMSprop
from .schedules import (
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    ReduceOnPlateau,
    Schedule,
    Scheduled,
    StepDecay,
    WarmUp,
)

__all__ = [
    "OPTIMISERS",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "ConstantRate",
    "CosineDecay",
    "ExponentialDecay",
    "Optimiser",
    "RMSprop",
    "ReduceOnPlateau",
    "Schedule",
    "Scheduled",
    "StepDecay",
    "WarmUp",
    "clip_gradient_norm",
    "clip_gradient_values",
    "elastic_net",
    "l1",
    "l2",
    "max_norm",
]
