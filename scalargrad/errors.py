"""Every exception and warning that the project raises, one line each."""

from typing import Any

from .terminal import for_terminal


class ScalargradError(Exception):
    """The root of them all: `except ScalargradError` catches whatever is raised on purpose."""

    def __str__(self) -> str:
        return for_terminal(super().__str__())


class DataError(ScalargradError, TypeError):
    """Something that is not a real number was given where one belongs."""


class CallError(ScalargradError, TypeError):
    """A function was called with operands that it does not take, or without those that it needs."""


class LengthError(ScalargradError, ValueError):
    """A list or array has the wrong length or shape."""


class OptionError(ScalargradError, ValueError):
    """An argument has a value that is not one of those possible."""


class DataFileError(ScalargradError, ValueError):
    """A file of numbers holds something else; the message names file, line and column."""


class UnknownNameError(ScalargradError, KeyError):
    """A name that nothing carries: a parameter, an operation, a module."""

    def __str__(self) -> str:
        return for_terminal(str(self.args[0])) if self.args else ""


class GraphError(ScalargradError, RuntimeError):
    """The graph can't be differentiated as asked."""


class TapeError(ScalargradError, RuntimeError):
    """A gradient tape was used in a way that it can't answer."""


class AnomalyError(ScalargradError, ArithmeticError):
    """A value, a local derivative or a gradient is not finite, found by `detect_anomaly`."""


class DivergenceError(ScalargradError, ArithmeticError):
    """A training came to a loss, gradient or parameter that is not finite; `history` has what was recorded before."""

    history: Any = None


class GradientError(ScalargradError, AssertionError):
    """A gradient disagrees with central differences, found by `gradcheck`."""


class TraceError(ScalargradError, RuntimeError):
    """A function can't be compiled: it asked a traced Value for its number, or does what a replay could not repeat."""


class ProgramError(ScalargradError, ValueError):
    """A program is not well formed, or was given what it can't run on."""


class PathError(ScalargradError, ValueError):
    """A path that no file can be written to: a missing folder, a folder, a device or a pipe, an impossible name."""


class CheckpointError(ScalargradError, ValueError):
    """A checkpoint can't be written from this, or a file is not exactly what a checkpoint is."""


class PictureError(ScalargradError, ValueError):
    """A picture can't be made of this, or not in this form."""


class LayoutError(ScalargradError, RuntimeError):
    """Graphviz could not place the picture, or not within its time."""


class WorkerError(ScalargradError, RuntimeError):
    """A process that computed a part of the work ended too soon, or raised what can't be sent to another one."""


class UntrackedWarning(UserWarning):
    """A Value was turned into a plain number by a function that the graph can't see."""


class ComparisonWarning(UserWarning):
    """A Value was compared with a number by `==`, which asks whether the two are one object."""


class NoGradientWarning(UserWarning):
    """A gradient came to a step function, which lets none through, so what is before it can't learn."""


class UnlearnedWarning(UserWarning):
    """A loss uses something that is meant to learn, and no optimizer can reach it."""


class ResumeWarning(UserWarning):
    """A training was to go on from a file that is not there, and that nothing is going to write."""
