"""What few Values have, in an object of its own, so that all others need one slot for it."""

from typing import Any

from scalargrad.errors import DataError

from .source_lines import CodePlace, SourceLine


class Details:
    """The label and the metadata of a Value, and where it was made.

    Attributes:
        label: A name for pictures and messages, "" for none.
        metadata: Hooks, and the line of source where the Value was made; None for neither.
        place: The place in the code that made it, inside `trace_calls`; else None.
        rank: Inside `trace_calls` the number of the operation among all that were traced, from 1
            on; else 0.
    """

    __slots__ = ("label", "metadata", "place", "rank")

    def __init__(
        self,
        label: str = "",
        metadata: dict[str, Any] | None = None,
        place: CodePlace | None = None,
        rank: int = 0,
    ) -> None:
        self.label = label
        self.metadata = metadata
        self.place = place
        self.rank = rank


def checked_label(label: object) -> str:
    """Return a label that is text.

    Raises:
        DataError: If it is anything else.

    Example:
        >>> checked_label(3)
        Traceback (most recent call last):
        scalargrad.errors.DataError: label of a Value must be text, not int 3
    """
    if not isinstance(label, str):
        kind = type(label).__name__
        raise DataError(f"label of a Value must be text, not {kind} {label!r}")
    return label


class Detailed:
    """The attributes of a Value that are kept in its Details.

    A base class of Value, so that the file that people open first is free of them.
    """

    __slots__ = ()
    _details: Details | None

    @property
    def label(self) -> str:
        """A name for pictures and messages."""
        return "" if self._details is None else self._details.label

    @label.setter
    def label(self, label: str) -> None:
        self._own_details().label = checked_label(label)

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Attributes that few Values have, such as hooks and the line of source that made them."""
        return None if self._details is None else self._details.metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any] | None) -> None:
        if metadata is not None or self._details is not None:
            self._own_details().metadata = metadata

    @property
    def made_at(self) -> SourceLine | None:
        """The line of the user's code that made it; None without `trace_calls`.

        A number beside an operator is made by no line of its own: it has none either.

        Example:
            >>> import scalargrad as sg
            >>> with sg.trace_calls():
            ...     y = sg.Value(2.0) * 3
            >>> y.made_at.line, y.made_at.text
            (2, 'y = sg.Value(2.0) * 3')
        """
        details = self._details
        return None if details is None or details.place is None else details.place.source_line

    def _own_details(self: Any) -> Details:
        if self._details is None:
            self._details = Details()
        details: Details = self._details
        return details


def rank_in_time(node: Detailed) -> int:
    """Return the number of an operation among all that were traced; 0 for one that was not.

    Args:
        node: A Value. What was computed earlier has a smaller number.

    Example:
        >>> import scalargrad as sg
        >>> with sg.trace_calls():
        ...     first = sg.Value(2.0) * 3
        ...     second = first + 1
        >>> 0 < rank_in_time(first) < rank_in_time(second), rank_in_time(first.args[0])
        (True, 0)
    """
    return 0 if node._details is None else node._details.rank
