"""`diagnose`: what is wrong with a network, where, the numbers that show it, and what to try."""

# The package before any of its modules: Python locks a module before it imports the package around
# it, so of two threads that begin at either end each would wait for the other.
import scalargrad.training  # noqa: F401

from .diagnosis import Diagnosis, LayerReport
from .findings import KINDS, Finding
from .operation_check import OperationReport, check_operation
from .run import diagnose
from .thresholds import Limits

__all__ = [
    "KINDS",
    "Diagnosis",
    "Finding",
    "LayerReport",
    "Limits",
    "OperationReport",
    "check_operation",
    "diagnose",
]
