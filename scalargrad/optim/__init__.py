"""Optimizers, learning-rate schedules, penalties and clipping."""

from typing import TYPE_CHECKING, Any

from scalargrad.utils.elsewhere import OPTIM, no_attribute

from .clipping import clip_gradient_norm, clip_gradient_values, max_norm
from .optimizer import Optimizer
from .penalties import elastic_net, l1, l2
from .rules import OPTIMIZERS, SGD, AdaGrad, Adam, AdamW, RMSprop
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
    "OPTIMIZERS",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "ConstantRate",
    "CosineDecay",
    "ExponentialDecay",
    "Optimizer",
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

if not TYPE_CHECKING:  # for type checkers no other name exists

    def __getattr__(name: str) -> Any:
        """Raise an error that says what PyTorch's name is called here."""
        raise no_attribute(__name__, name, OPTIM)
