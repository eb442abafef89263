"""Stories: what a demo hands over to the gallery."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Picture:
    """A picture of a story.

    Attributes:
        file: Its name in the gallery's folder.
        alt: What it shows, for screen readers.
        caption: The line below it.
        is_front: Whether the first page of the gallery shows it, too.
    """

    file: str
    alt: str
    caption: str
    is_front: bool = False


@dataclass(frozen=True)
class Explorer:
    """A page to explore a graph in.

    Attributes:
        file: Its name in the gallery's folder.
        title: What it is about.
        trains: Whether a network learns in it.
    """

    file: str
    title: str
    trains: bool = False


@dataclass(frozen=True)
class Listing:
    """A piece of a demo's code, to be shown beside its pictures.

    Attributes:
        file: The name of the demo's file.
        first: The number of the first line in that file.
        source: The lines, without their common indentation.
        results: What lines of the file led to, by their numbers.
    """

    file: str
    first: int
    source: str
    results: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Formula:
    """A formula with its numbers.

    Attributes:
        mathml: An element <math>, which goes into the page as it is.
        caption: The line beside it.
    """

    mathml: str
    caption: str


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
        code: The lines of the demo that the story is about.
        formula: The formula behind its numbers, if there is one.
    """

    name: str
    title: str
    text: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]
    explorers: tuple[Explorer, ...] = ()
    code: tuple[Listing, ...] = ()
    formula: Formula | None = None
