"""The exceptions and warnings of the project."""

from typing import Any

from .terminal import for_terminal


class ScalargradError(Exception):
    """The base class of all exceptions of the project."""

    def __str__(self) -> str:
        return for_terminal(super().__str__())


class DataError(ScalargradError, TypeError):
    """An argument is not a real number, or not of the right type."""


class CallError(ScalargradError, TypeError):
    """A function was called with arguments that it does not take, or without required ones."""


class LengthError(ScalargradError, ValueError):
    """A list or array has the wrong length or shape."""


class OptionError(ScalargradError, ValueError):
    """An argument has a value that is not allowed."""


class DataFileError(ScalargradError, ValueError):
    """A file of numbers is invalid; the message names the file, the line and the column."""


class UnknownNameError(ScalargradError, KeyError):
    """There is no parameter, operation or module of this name."""

    def __str__(self) -> str:
        return for_terminal(str(self.args[0])) if self.args else ""


class GraphError(ScalargradError, RuntimeError):
    """The graph can't be differentiated as asked."""


class TapeError(ScalargradError, RuntimeError):
    """A gradient tape was asked for something that it did not record."""


class AnomalyError(ScalargradError, ArithmeticError):
    """A value, a local derivative or a gradient is not finite, found by `detect_anomaly`."""


class DivergenceError(ScalargradError, ArithmeticError):
    """A loss, gradient or parameter became non-finite during training.

    Attributes:
        history: The training history up to that step.
    """

    history: Any = None


class GradientError(ScalargradError, AssertionError):
    """A gradient disagrees with central differences, found by `gradcheck`."""


class TraceError(ScalargradError, RuntimeError):
    """A function can't be traced: it uses a Value's number, or a replay could not repeat it."""


class ProgramError(ScalargradError, ValueError):
    """A program is invalid, or received unsupported input."""


class PathError(ScalargradError, ValueError):
    """A file can't be written to a path: its folder is missing, or it is not a regular file."""


class CheckpointError(ScalargradError, ValueError):
    """A checkpoint can't be written, or a file is not a valid checkpoint."""


class PictureError(ScalargradError, ValueError):
    """Something can't be drawn, or not in the requested form."""


class LayoutError(ScalargradError, RuntimeError):
    """Graphviz failed to lay out a picture, or exceeded the time limit."""


class WorkerError(ScalargradError, RuntimeError):
    """A worker process ended early, or raised an exception that can't be pickled."""


class MissingLibraryError(ScalargradError, ImportError):
    """A library that a function needs is not installed; the message says what to install."""


class UntrackedWarning(UserWarning):
    """A Value was converted to a plain number by a function that the graph does not record."""


class ComparisonWarning(UserWarning):
    """A Value was compared with a number by `==`, which compares identity."""


class NoGradientWarning(UserWarning):
    """A gradient reached a step function, whose derivative is 0, so nothing before it can learn."""


class UnlearnedWarning(UserWarning):
    """A loss depends on something that should be learned, but that no optimizer can reach."""


class ResumeWarning(UserWarning):
    """Training should resume from a file that does not exist, and that nothing will write."""


class StaleWarning(UserWarning):
    """A model or its compiled program is used, and the other one has newer parameters."""
