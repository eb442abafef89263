"""Stories: what a demo hands over to the gallery."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture of a story: its file in the gallery's folder, what it shows (for those who can't see it), and a caption."""

    file: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Explorer:
    """A page to explore a graph in: its file in the gallery's folder, and what it is about."""

    file: str
    title: str


@dataclass(frozen=True)
class Story:
    """What a demo hands over to the gallery.

    name       of the demo, which is also the first part of its files' names
    title      the heading
    text       paragraphs
    numbers    (what, how much), both as they shall be read
    pictures   in the order in which they shall be seen
    explorers  pages of their own
    """

    name: str
    title: str
    text: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]
    explorers: tuple[Explorer, ...] = ()
