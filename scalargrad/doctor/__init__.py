"""`diagnose`: what is wrong with a network, where, the numbers that show it, and what to try."""

from .diagnosis import Diagnosis, LayerReport
from .findings import KINDS, Finding
from .run import diagnose
from .thresholds import Limits

__all__ = ["KINDS", "Diagnosis", "Finding", "LayerReport", "Limits", "diagnose"]
