"""The doctor: `diagnose` says what is wrong with a network, where, by which numbers, and what to try."""

from .diagnosis import Diagnosis, LayerReport
from .findings import KINDS, Finding
from .run import diagnose
from .thresholds import Limits

__all__ = ["KINDS", "Diagnosis", "Finding", "LayerReport", "Limits", "diagnose"]
