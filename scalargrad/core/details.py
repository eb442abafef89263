"""What few Values have, in an object of its own, so that all others need one slot for it."""

from typing import Any


class Details:
    """The label and the metadata of a Value.

    Attributes:
        label: A name for pictures and messages, "" for none.
        metadata: Hooks, and the line of source where the Value was made; None for neither.
    """

    __slots__ = ("label", "metadata")

    def __init__(self, label: str = "", metadata: dict[str, Any] | None = None) -> None:
        self.label = label
        self.metadata = metadata


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
        self._own_details().label = label

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What few Values have: hooks, and the line of source where they were made."""
        return None if self._details is None else self._details.metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any] | None) -> None:
        if metadata is not None or self._details is not None:
            self._own_details().metadata = metadata

    def _own_details(self: Any) -> Details:
        if self._details is None:
            self._details = Details()
        details: Details = self._details
        return details
