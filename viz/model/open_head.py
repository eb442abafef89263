"""What a picture of one open attention head holds, as frozen data without colors or positions."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeadCell:
    """A number of an open head.

    Attributes:
        data: The number.
        grad: Its gradient; None before `backward`.
    """

    data: float
    grad: float | None = None


@dataclass(frozen=True, slots=True)
class HeadRow:
    """One position that is attended to.

    Attributes:
        name: The name of the position: its token, or its number.
        key: Its key.
        products: The query times the key, number by number.
        logit: The sum of the products, scaled.
        weight: The share of the position that the softmax computes.
        values: Its value.
        weighted: The share times the value, number by number.
    """

    name: str
    key: tuple[HeadCell, ...]
    products: tuple[HeadCell, ...]
    logit: HeadCell
    weight: HeadCell
    values: tuple[HeadCell, ...]
    weighted: tuple[HeadCell, ...]


@dataclass(frozen=True, slots=True)
class HeadPanel:
    """The heading of a column of an open head.

    Attributes:
        title: What it shows: "k", "q·k".
        detail: Small print: where that comes from, or how it is computed.
    """

    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OpenHead:
    """An attention head at one position: all numbers from the query to the result.

    Attributes:
        query: The query.
        rows: The positions that are attended to.
        results: The sums of the weighted values.
        panels: The headings of k, q·k, logit, weights, v and weight × v.
        query_name: The name of the query.
        goes_to: What the results are called, and what uses them.
        path: The row, the column of the key, and the column of the value, in which numbers are
            framed.
    """

    query: tuple[HeadCell, ...]
    rows: tuple[HeadRow, ...]
    results: tuple[HeadCell, ...]
    panels: tuple[HeadPanel, HeadPanel, HeadPanel, HeadPanel, HeadPanel, HeadPanel]
    query_name: str = "q"
    goes_to: str = ""
    path: tuple[int, int, int] = (0, 0, 0)

    def cells(self) -> Iterator[HeadCell]:
        """Yield every number."""
        yield from self.query
        for row in self.rows:
            yield from (*row.key, *row.products, row.logit, row.weight, *row.values, *row.weighted)
        yield from self.results
