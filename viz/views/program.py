"""A compiled program as a picture: its matrices, what runs as arrays, and what was left scalar."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.compiler import Compiled
from scalargrad.compiler.kernels import (
    Dots,
    Elementwise,
    Gather,
    Kernel,
    Matrix,
    OverList,
    Scan,
)
from scalargrad.compiler.program import CONSTANT, DRAWN, FIRST, INPUT, LEAF, PARAMETER
from scalargrad.compiler.rewriting import find_sources
from scalargrad.compiler.tracing import argument_letter
from scalargrad.core.ops import DOT, TABLE, TAKE
from scalargrad.errors import OptionError
from viz.look.text import clean, number, plural
from viz.model.picture import MAX_CARDS, MAX_CHIPS, Edge, Node, Picture

BANDS = 12
"""Nodes of a program with too many kernels to be drawn one by one."""
_MAX_STEP_KERNELS = 3
"""Kernels of the step of a loop that its box lists."""
_MAX_NAMED = 500
"""Values of a kernel whose paths are read to name it."""

Rows = NDArray[Any]
"""Rows of the table of a program, each a recorded Value."""
Flows = dict[tuple[int, int], None]
"""Pairs of bands, the second of which takes numbers from the first, in order."""


def program_pictures(
    program: Compiled, level: str | None = None, expand: Any = None
) -> list[Picture]:
    """Return the picture of a program, then coarser ones in case Graphviz runs out of time.

    Args:
        program: The compiled program.
        level: "cards", "chips", or None: by size.
        expand: Refused, as a program has no modules.

    Raises:
        OptionError: The level is "neurons", or `expand` is given.

    Example:
        >>> from scalargrad import compile, nn
        >>> model = nn.MLP(2, [16, 3], seed=1)
        >>> picture = program_pictures(compile(model, model, inputs=(2,)))[0]
        >>> [(node.label, node.detail) for node in picture.nodes if node.symbol == "W·x"]
        [('layers.0', 'matrix 16×2 + bias'), ('layers.1', 'matrix 3×16 + bias')]
    """
    if level == "neurons" or expand is not None:
        raise OptionError(
            "a compiled program has no neurons and no modules: "
            'draw it with level "cards" or "chips", without expand'
        )
    graph = _ProgramGraph(program)
    size = len(graph.nodes)
    if size > MAX_CHIPS:
        return [_banded_picture(program, level or "cards")]

    finest = "cards" if size <= MAX_CARDS else "chips"
    levels = dict.fromkeys((level or finest, "chips"))
    pictures = [graph.picture(each) for each in levels]
    return [*pictures, _banded_picture(program, "cards")]


class _ProgramGraph:
    """Nodes for kernels and for what they take from, edges for what flows between.

    Attributes:
        nodes: Nodes by what they stand for.
        edges: Edges as (source, target, port).
    """

    def __init__(self, program: Compiled) -> None:
        self.program = program
        self.nodes: dict[Hashable, Node] = {}
        self.edges: dict[tuple[str, str, int], None] = {}
        self._parameter_names = program.parameter_names
        self._owner = _owners(program)
        self._source_rows = find_sources(program.program)
        self._outputs = set(self._source_rows[program.program.outputs].tolist())

        for position, kernel in enumerate(program.kernels):
            self._add_kernel(position, kernel)
        for row in self._outputs:  # an output may be a leaf that no kernel takes
            self._sources(numpy.array([row]))

    def picture(self, level: str) -> Picture:
        """Return all of it."""
        edges = [Edge(source, target, port=port) for source, target, port in self.edges]
        return Picture(
            level,
            tuple(self.nodes.values()),
            tuple(edges),
            notes=describe_program(self.program),
            total=self.program.recorded_rows,
            colors="",
        )

    def _add(
        self,
        key: Hashable,
        kind: str,
        symbol: str,
        label: str,
        detail: str = "",
        root: bool = False,
    ) -> str:
        """Add a node if there is none with this key, and return its id.

        It is a root as soon as one output is among what it stands for.
        """
        node = self.nodes.get(key)
        if node is None:
            id = f"n{len(self.nodes)}"
            node = Node(id, kind, symbol, clean(label), detail=clean(detail))
        self.nodes[key] = replace(node, root=root or node.root)
        return node.id

    def _has_output(self, rows: Rows) -> bool:
        return not self._outputs.isdisjoint(rows.tolist())

    # Kernels

    def _add_kernel(self, position: int, kernel: Kernel) -> None:
        sources = self._sources_by_operand(kernel)
        label, detail = self._name_kernel(kernel)
        target = self._add(
            ("kernel", position),
            "operation",
            _symbol(kernel),
            label,
            detail,
            root=self._has_output(kernel.rows),
        )
        for port, ids in enumerate(sources):
            self.edges |= dict.fromkeys((source, target, port) for source in ids)

    def _sources_by_operand(self, kernel: Kernel) -> list[list[str]]:
        """Return the ids of the nodes that each operand comes from.

        A matrix and its bias are one node where both are learned, and so is a table.
        """
        operands = _operands(kernel)
        first, *factors = operands
        if not isinstance(kernel, (Matrix, Gather)) or not self._are_learned(factors):
            return [self._sources(rows) for rows in operands]

        shape = " + ".join("×".join(map(str, rows.shape)) for rows in factors)
        place = self.program.program.place
        places = [place[rows].ravel() for rows in factors]
        # The operand first: nodes are numbered in the order in which they are added.
        x = self._sources(first)
        parameters = self._add_parameters(numpy.concatenate(places), shape)
        return [x, [parameters]]

    def _are_learned(self, operands: Sequence[Rows]) -> bool:
        codes = self.program.program.code
        return all((codes[rows] == PARAMETER).all() for rows in operands)

    def _name_kernel(self, kernel: Kernel) -> tuple[str, str]:
        """Return the label of a kernel, and its small print."""
        if isinstance(kernel, Scan):
            return f"scan × {kernel.length:,}", _describe_step(kernel)
        step = max(1, len(kernel.rows) // _MAX_NAMED)
        some = kernel.rows[::step].tolist()
        values = self.program.recorded(some)
        paths = [value.scope.path if value.scope else "" for value in values]
        name = summarize_paths(paths)
        if len(kernel.rows) == 1 and values:
            # A single Value is named by its label, where the user gave one.
            name = clean(values[0].label) or name
        if name:
            return name, str(kernel)
        return str(kernel), "" if kernel.batched else "for all samples"

    # What kernels take from

    def _sources(self, rows: Rows) -> list[str]:
        """Return the ids of the nodes that rows come from, which are added where necessary."""
        rows = numpy.unique(self._source_rows[rows])
        codes = self.program.program.code[rows]
        ids: dict[str, None] = {}
        for code in numpy.unique(codes).tolist():
            group = rows[codes == code]
            if code < FIRST:
                ids |= dict.fromkeys(self._add_leaves(code, group))
            else:
                for owner in numpy.unique(self._owner[group]).tolist():
                    ids[self.nodes["kernel", owner].id] = None
        return list(ids)

    def _add_leaves(self, code: int, rows: Rows) -> list[str]:
        """Add the nodes of leaves of one kind, and return their ids."""
        places = self.program.program.place[rows]
        is_output = self._has_output(rows)
        if code == INPUT:
            return self._add_inputs(places, is_output)
        if code == PARAMETER:
            return [self._add_parameters(places, plural(len(places), "number"), is_output)]
        label, detail = self._describe_numbers(code, places)
        return [self._add((code, places.tobytes()), "constant", "c", label, detail, is_output)]

    def _add_inputs(self, places: Rows, is_output: bool) -> list[str]:
        """Add a node for each argument of the compiled function."""
        sizes = self.program.sizes
        ends = numpy.cumsum(sizes)
        arguments = numpy.searchsorted(ends, places, side="right")
        ids: list[str] = []
        for argument in numpy.unique(arguments).tolist():
            label = argument_letter(argument)
            noun = "integer" if self.program.integers[argument] else "number"
            detail = _per_sample(sizes[argument], noun)
            id = self._add((INPUT, argument), "input", "in", label, detail, is_output)
            ids.append(id)
        return ids

    def _add_parameters(self, places: Rows, detail: str, is_output: bool = False) -> str:
        """Add one node for parameters, however often they are taken together."""
        places = numpy.unique(places)
        if 1 < len(places) == self.program.program.parameters:
            label = "all parameters"
        else:
            names = [self._parameter_names[place] for place in places.tolist()]
            label = summarize_paths(names) or "parameters"
        key = (PARAMETER, places.tobytes())
        return self._add(key, "parameter", "θ", label, detail, is_output)

    def _describe_numbers(self, code: int, places: Rows) -> tuple[str, str]:
        """Return the label and the small print of leaves that are not learned."""
        if code == CONSTANT:
            numbers = numpy.unique(self.program.program.numbers[places])
            if len(numbers) == 1:
                return number(float(numbers[0])), ""
            return "constants", plural(len(numbers), "number")
        if code == DRAWN:
            return "drawn at random", _per_sample(len(places), "number")
        assert code == LEAF
        return "read at each run", f"{plural(len(places), 'number')} for all samples"


def summarize_paths(paths: Iterable[str]) -> str:
    """Return the longest path that all begin with, part by part.

    Args:
        paths: Paths of modules or parameters, whose parts are joined by dots.

    Returns:
        Where they have nothing in common, the first parts of up to three.

    Example:
        >>> summarize_paths(["layers.0.neurons.1", "layers.0.neurons.2"])
        'layers.0'
        >>> summarize_paths(["a.b", "c"]), summarize_paths(["a", ""])
        ('a, c', '')
    """
    parts = [path.split(".") for path in dict.fromkeys(paths)]
    if not parts or [""] in parts:
        return ""

    shared = [same[0] for same in zip(*parts, strict=False)]
    while any(path[: len(shared)] != shared for path in parts):
        shared.pop()

    are_longer = all(len(path) > len(shared) for path in parts)
    if len(parts) > 1 and len(shared) > 1 and are_longer:
        is_number = shared[-1][:1].isdigit()
        if not is_number:
            shared.pop()  # layers.0.neurons is a list of layers.0, not a module
    if shared:
        return ".".join(shared)

    firsts = list(dict.fromkeys(path[0] for path in parts))
    more = ", …" if len(firsts) > 3 else ""
    return ", ".join(firsts[:3]) + more


def describe_program(program: Compiled) -> tuple[str, ...]:
    """Return what became of the scalars, in up to two sentences."""
    kernels = program.kernels
    matrices = [kernel for kernel in kernels if isinstance(kernel, Matrix)]
    products = sum(matrix.weights.size * len(matrix.x) for matrix in matrices)
    elementwise = [kernel for kernel in kernels if isinstance(kernel, Elementwise)]
    groups = [kernel for kernel in elementwise if len(kernel.rows) > 1]
    scalars = sum(len(kernel.operations()) for kernel in elementwise if len(kernel.rows) == 1)
    over_lists = sum(isinstance(kernel, OverList) for kernel in kernels)
    dots = sum(isinstance(kernel, Dots) for kernel in kernels)
    gathers = sum(isinstance(kernel, Gather) for kernel in kernels)
    loops = sum(isinstance(kernel, Scan) for kernel in kernels)

    phrases: list[str] = []
    if matrices:
        count = plural(len(matrices), "matrix product")
        phrases.append(f"{count} ({plural(products, 'product')} of scalars)")
    if groups:
        phrases.append(plural(len(groups), "elementwise group"))
    if over_lists:
        phrases.append(f"{plural(over_lists, 'operation')} over lists")
    if dots:
        phrases.append(f"{plural(dots, 'group')} of dot products")
    if gathers:
        phrases.append(plural(gathers, "gather"))
    if loops:
        phrases.append(plural(loops, "loop"))
    if scalars:
        phrases.append(f"{plural(scalars, 'operation')} left scalar")

    first = program.explain().splitlines()[0]
    return (first, ", ".join(phrases)) if phrases else (first,)


def _per_sample(count: int, noun: str) -> str:
    return f"{plural(count, noun)} a sample"


def _describe_step(scan: Scan) -> str:
    """Return what the step of a loop does, in a few words: its first kernels."""
    names = [str(kernel) for kernel in scan.kernels[:_MAX_STEP_KERNELS]]
    more = len(scan.kernels) - len(names)
    if more > 0:
        names.append(f"{more:,} more")
    return ", ".join(names)


def _symbol(kernel: Kernel) -> str:
    if isinstance(kernel, Matrix):
        return "W·x"
    if isinstance(kernel, Gather):
        return TAKE.symbol
    if isinstance(kernel, Scan):
        return "↻"
    op = DOT.name if isinstance(kernel, Dots) else kernel.kind.op
    return TABLE[op].symbol


def _operands(kernel: Kernel) -> list[Rows]:
    """Return the rows that a kernel takes, for each operand."""
    if isinstance(kernel, Elementwise):
        return kernel.taken()
    if isinstance(kernel, OverList):
        return [kernel.items]
    if isinstance(kernel, Dots):
        return [kernel.first, kernel.second]
    if isinstance(kernel, Gather):
        return [kernel.index, kernel.table]
    if isinstance(kernel, Scan):
        return kernel.taken()
    bias = [] if kernel.bias is None else [kernel.bias]
    return [kernel.x, kernel.weights, *bias]


def _owners(program: Compiled) -> NDArray[numpy.int64]:
    """Return the position of the kernel that computes each row, -1 for leaves."""
    owner = numpy.full(len(program.program), -1)
    for position, kernel in enumerate(program.kernels):
        owner[kernel.rows] = position
    return owner[find_sources(program.program)]


# More kernels than can be drawn


def _banded_picture(program: Compiled, level: str) -> Picture:
    """Return the kernels in bands of their order: each band takes from bands before it."""
    kernels = program.kernels
    owner = _owners(program)
    size = ceil(len(kernels) / BANDS) or 1
    starts = range(0, len(kernels), size)
    bands = [kernels[start : start + size] for start in starts]

    owners = owner[program.program.outputs]
    outputs = set((owners[owners >= 0] // size).tolist())
    flows: Flows = {}
    for target, band in enumerate(bands):
        sources = dict.fromkeys(source // size for source in _source_kernels(band, owner))
        sources.pop(target, None)
        flows |= dict.fromkeys((source, target) for source in sources)

    edges: list[Edge] = []
    for source, target in flows:
        # An edge that passes bands by says nothing where there is a path from band to band.
        is_next = target - source == 1
        if is_next or not _is_path(flows, source, target):
            edges.append(Edge(f"n{source}", f"n{target}"))
    nodes = []
    for i, band in enumerate(bands):
        nodes.append(_band_node(i, starts[i], band, root=i in outputs))
    note = (
        f"the {len(kernels):,} kernels are folded into {plural(len(bands), 'band')}, "
        "in the order in which they run"
    )
    return Picture(
        level,
        tuple(nodes),
        tuple(edges),
        notes=(*describe_program(program), note),
        total=program.recorded_rows,
        colors="",
    )


def _source_kernels(band: Sequence[Kernel], owner: NDArray[numpy.int64]) -> Iterator[int]:
    """Yield the positions of the kernels that a band takes from."""
    for kernel in band:
        for rows in _operands(kernel):
            sources = numpy.unique(owner[rows])
            yield from sources[sources >= 0].tolist()


def _is_path(flows: Flows, source: int, target: int) -> bool:
    return all((i, i + 1) in flows for i in range(source, target))


def _band_node(position: int, first: int, band: Sequence[Kernel], root: bool) -> Node:
    numbers = sum(len(kernel.rows) for kernel in band)
    detail = plural(numbers, "number")
    matrices = sum(isinstance(kernel, Matrix) for kernel in band)
    if matrices:
        noun = "matrix" if matrices == 1 else "matrices"
        detail = f"{matrices:,} {noun} · {detail}"

    # For readers the kernels are numbered from 1.
    last = first + len(band)
    label = f"kernel {last:,}"
    if len(band) > 1:
        label = f"kernels {first + 1:,} to {last:,}"
    return Node(f"n{position}", "module", label=label, detail=detail, root=root)
