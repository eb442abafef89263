"""The parameters that a box uses, put together to the matrices that the user made them in."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.block_card import BlockParameter
from viz.model.heatmap import Map

from .strips import Numbers

_INDEXED = re.compile(r"(?P<name>.*?)(?P<indexes>(\[-?\d+\])+)$", re.DOTALL)
_NUMBERED = re.compile(r"(?P<name>.*?[^\d,])(?P<indexes>\d+(,\d+)?)$", re.DOTALL)
_NUMBER = re.compile(r"\d+")
NO_NAME = "θ"
"""The name of parameters that the user gave none."""
MAX_MATRICES = 12
"""Matrices of a box, or inputs of a graph, from which on single leaves are put together."""
MAX_SIDE = 4096
"""Rows and columns of a matrix; an index beyond says nothing about a matrix."""

Cell = tuple[int, int]


@dataclass
class Matrix:
    """Leaves whose labels differ in their indexes alone.

    Attributes:
        name: What the labels have in common.
        cells: The leaves by row and column.
        has_labels: Whether the user labeled them; if not, they are in the order of their use.
    """

    name: str
    cells: dict[Cell, Value] = field(default_factory=dict)
    has_labels: bool = True

    @property
    def first(self) -> Value:
        """The first of its leaves, which tells it from others of its name."""
        return next(iter(self.cells.values()))

    @property
    def shape(self) -> Cell:
        """Rows and columns, as far as they are used."""
        rows = 1 + max(row for row, _ in self.cells)
        columns = 1 + max(column for _, column in self.cells)
        return rows, columns


def find_matrices(leaves: Iterable[Value]) -> list[Matrix]:
    """Return the matrices that some leaves are part of, in the order of their first leaves.

    Args:
        leaves: Values. The labels of those in a matrix are `wte[3][2]` or `e3,2`; or `w0`, `w1` for
            each of the units of a layer, whose labels repeat.
    """
    matrices: dict[str, Matrix] = {}
    repeated: Counter[str] = Counter()
    deep: dict[str, dict[tuple[int, ...], int]] = {}
    for leaf in leaves:
        label = leaf.label or _variable(leaf)
        name, indexes = _split(leaf.label) if leaf.label else (label, ())
        new = Matrix(clean(name) or NO_NAME, has_labels=bool(leaf.label))
        matrix = matrices.setdefault(name, new)
        unit = repeated[label]
        repeated[label] += 1
        if len(indexes) == 2 and unit == 0:
            cell = (indexes[0], indexes[1])
        elif len(indexes) == 1:
            cell = (unit, indexes[0])
        elif not indexes:
            cell = (unit, 0) if leaf.label else (0, unit)
        else:
            # All indexes but the first are one.
            columns = deep.setdefault(name, {})
            cell = (indexes[0], columns.setdefault((unit, *indexes[1:]), len(columns)))
        if cell in matrix.cells or max(cell) > MAX_SIDE:
            cell = (0, 1 + max(column for _, column in matrix.cells)) if matrix.cells else (0, 0)
        matrix.cells[cell] = leaf
    for matrix in matrices.values():
        # x0 alone is no row of a matrix x.
        if len(matrix.cells) == 1:
            (leaf,) = matrix.cells.values()
            matrix.name = clean(leaf.label or _variable(leaf)) or NO_NAME
    return list(matrices.values())


def _variable(leaf: Value) -> str:
    """Return the variable that a leaf was given to, "" if that is not known."""
    line = leaf.made_at
    return "" if line is None else line.variable


def _split(label: str) -> tuple[str, tuple[int, ...]]:
    """Return a label without the indexes at its end, and the indexes.

    >>> _split("layer0.wq[3][2]"), _split("e3,2"), _split("w12"), _split("b")
    (('layer0.wq', (3, 2)), ('e', (3, 2)), ('w', (12,)), ('b', ()))
    """
    match = _INDEXED.match(label) or _NUMBERED.match(label)
    if match is None:
        return label, ()
    # Python reads no number of thousands of digits.
    numbers = [int(digits[-9:]) for digits in _NUMBER.findall(match["indexes"])]
    return match["name"], tuple(numbers)


def merge_single(matrices: list[Matrix]) -> list[Matrix]:
    """Return matrices with the single leaves among them in one row, where there are many.

    Args:
        matrices: The matrices that one box uses, or the inputs of a graph.
    """
    if len(matrices) <= MAX_MATRICES:
        return matrices
    large = [matrix for matrix in matrices if len(matrix.cells) > 1]
    row = Matrix(NO_NAME, has_labels=False)
    for matrix in matrices:
        for leaf in matrix.cells.values() if len(matrix.cells) == 1 else ():
            row.cells[0, len(row.cells)] = leaf
    return [*large, row] if row.cells else large


def fold_unlabeled(matrix: Matrix, rows: int) -> Matrix:
    """Return leaves without labels as so many rows, where that makes a rectangle.

    Args:
        matrix: A row of leaves in the order of their use, or anything else.
        rows: The numbers that leave the box at a call: each is made of its own weights.
    """
    count = len(matrix.cells)
    if matrix.has_labels or matrix.shape != (1, count) or rows < 2 or count % rows:
        return matrix
    width = count // rows
    cells = {divmod(i, width): leaf for i, leaf in enumerate(matrix.cells.values())}
    return Matrix(matrix.name, cells)


def shorten_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name its last part where that tells it from the others, else the whole.

    Example:
        >>> shorten_names(["layer0.wq", "layer0.wk", "a.b", "c.b"])
        {'layer0.wq': 'wq', 'layer0.wk': 'wk', 'a.b': 'a.b', 'c.b': 'c.b'}
    """
    names = list(dict.fromkeys(names))
    lasts = Counter(name.rpartition(".")[2] for name in names)
    short = {}
    for name in names:
        last = name.rpartition(".")[2]
        short[name] = last if last and lasts[last] == 1 else name
    return short


def _count_used(matrix: Matrix) -> str:
    """Return how many rows and columns are used: of the others the graph knows nothing."""
    rows = {row for row, _ in matrix.cells}
    columns = {column for _, column in matrix.cells}
    return f"{len(rows):,}×{len(columns):,}"


def show_matrix(matrix: Matrix, name: str, columns: int, numbers: Numbers) -> BlockParameter:
    """Return a matrix of parameters as a box shows it.

    Args:
        matrix: The matrix.
        name: What it is called.
        columns: The columns of the strip: a matrix with as many rows is turned, so that a column is
            what makes the number below it. So is each of several whose numbers are side by side.
        numbers: What is shown of it.
    """
    rows, width = matrix.shape
    is_turned = rows > width and columns > 0 and columns % rows == 0
    height, length = (width, rows) if is_turned else (rows, width)
    cells = [0.0] * (height * length)
    missing = set(range(height * length))
    for (row, column), leaf in matrix.cells.items():
        at = column * length + row if is_turned else row * length + column
        cells[at] = numbers.of(leaf)
        missing.discard(at)
    shown = Map(
        name,
        height,
        length,
        numbers=tuple(cells),
        missing=tuple(sorted(missing)),
        note=_count_used(matrix),
    )
    return BlockParameter(name, shown, numbers.norm(list(matrix.cells.values())))
