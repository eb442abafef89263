"""Training: `fit`, what it records, and what may look on or take part while it runs."""

from ..collector import collector_off
from .callbacks import ClipNorm, ClipValues, EarlyStopping, EveryStep, MaxNorm, StopAtZeroGradient
from .fitting import fit
from .history import History
from .metrics import METRICS
from .recorder import Recorder, Recording
from .running import Callback, Training
from .saving import SaveCheckpoint, load_model

__all__ = [
    "METRICS",
    "Callback",
    "ClipNorm",
    "ClipValues",
    "EarlyStopping",
    "EveryStep",
    "History",
    "MaxNorm",
    "Recorder",
    "Recording",
    "SaveCheckpoint",
    "StopAtZeroGradient",
    "Training",
    "collector_off",
    "fit",
    "load_model",
]
