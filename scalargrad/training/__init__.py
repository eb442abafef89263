"""Training: `fit`, its history, metrics, callbacks and checkpoints."""

from scalargrad.checkpoint import load_model
from scalargrad.utils.garbage import collector_off

from .callbacks import ClipNorm, ClipValues, EarlyStopping, EveryStep, MaxNorm, StopAtZeroGradient
from .fitting import fit
from .history import History
from .loop import Callback, Training
from .metrics import METRICS, absolute_error, accuracy, binary_accuracy, squared_error
from .prediction import Score, predict, score
from .recorder import Recorder, Recording
from .resuming import SaveCheckpoint
from .scores import confusion_matrix, f1, mean_absolute_error, precision, r2, recall, whole_set

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
    "Score",
    "StopAtZeroGradient",
    "Training",
    "absolute_error",
    "accuracy",
    "binary_accuracy",
    "collector_off",
    "confusion_matrix",
    "f1",
    "fit",
    "load_model",
    "mean_absolute_error",
    "precision",
    "predict",
    "r2",
    "recall",
    "score",
    "squared_error",
    "whole_set",
]
