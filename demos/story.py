"""Stories: what a demo hands over to the gallery."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture of a story.

    Attributes:
        file: Its name in the gallery's folder.
        alt: What it shows, for screen readers.
        caption: The line below it.
    """

    file: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Explorer:
    """A page to explore a graph in.

    Attributes:
        file: Its name in the gallery's folder.
        title: What it is about.
    """

    file: str
    title: str


@dataclass(frozen=True)
class Story:
    """What a demo hands over to the gallery.

    Attributes:
        name: The demo, which is also the first part of the names of its files.
        title: The heading.
        text: Paragraphs.
        numbers: Pairs of a description and a number, both as they are printed.
        pictures: In the order in which they are shown.
        explorers: Pages to explore a graph in.
    """

    name: str
    title: str
    text: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]
    explorers: tuple[Explorer, ...] = ()
