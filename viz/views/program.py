"""A compiled program as a picture: which matrices the compiler found, what runs as arrays, and what was left scalar."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy

from scalargrad.compiler import Compiled
from scalargrad.compiler.kernels import Dots, Elementwise, Kernel, Matrix, OverList
from scalargrad.compiler.program import CONSTANT, DRAWN, FIRST, INPUT, LEAF, PARAMETER
from scalargrad.core.ops import DOT, TABLE
from scalargrad.errors import OptionError
from viz.look.text import clean, number
from viz.model.picture import MAX_CARDS, MAX_CHIPS, Edge, Node, Picture

BANDS = 12
"""In how many bands kernels are folded where there are more nodes than can be drawn."""


def program_pictures(
    program: Compiled, level: str | None = None, expand: Any = None
) -> list[Picture]:
    """The picture at the level asked for (or chosen by size), then chips, then kernels folded, in case they can't be placed in time.

    Raises OptionError for the level "neurons" and for `expand`: a program has no neurons and no modules.

    >>> from scalargrad import compile, nn
    >>> model = nn.MLP(2, [16, 3], seed=1)
    >>> picture = program_pictures(compile(model, model, inputs=(2,)))[0]
    >>> [(node.label, node.detail) for node in picture.nodes if node.symbol == "W·x"]
    [('layers.0', 'matrix 16×2 + bias'), ('layers.1', 'matrix 3×16 + bias')]
    """
    if level == "neurons" or expand is not None:
        raise OptionError(
            'a compiled program has no neurons and no modules: draw it with level "cards" or "chips", without expand'
        )
    graph = _Graph(program)
    if len(graph.nodes) > MAX_CHIPS:
        return [_folded(program, level or "cards")]
    finest = level or ("cards" if len(graph.nodes) <= MAX_CARDS else "chips")
    return [
        *(graph.picture(each) for each in dict.fromkeys((finest, "chips"))),
        _folded(program, "cards"),
    ]


class _Graph:
    """Nodes for kernels and for what they take from, edges for what flows between."""

    def __init__(self, program: Compiled) -> None:
        self.program = program
        self.names = [name for name, _ in program.model.named_parameters()] if program.model else []
        self.owner = _owners(program)
        self.nodes: dict[Any, Node] = {}
        self.edges: dict[tuple[str, str, int], None] = {}
        self.outputs = {int(row) for row in program.program.outputs}
        for position, kernel in enumerate(program.kernels):
            self._add_kernel(position, kernel)
        for row in self.outputs:
            self._source(numpy.array([row]))

    def picture(self, level: str) -> Picture:
        """All of it."""
        edges = tuple(Edge(source, target, port=port) for source, target, port in self.edges)
        return Picture(
            level,
            tuple(self.nodes.values()),
            edges,
            notes=notes(self.program),
            total=self.program.recorded_rows,
            colors="",
        )

    def _add_kernel(self, position: int, kernel: Kernel) -> None:
        sources = self._sources(kernel)
        node = self._add(
            ("kernel", position),
            "operation",
            _symbol(kernel),
            *self._named(kernel),
            root=self._gives(kernel.rows),
        )
        for port, found in enumerate(sources):
            self.edges |= dict.fromkeys((source, node.id, port) for source in found)

    def _sources(self, kernel: Kernel) -> list[list[str]]:
        """For each operand the ids of the nodes that it comes from; a matrix and its bias are one node where both are learned."""
        program, taken = self.program.program, _taken(kernel)
        if not isinstance(kernel, Matrix) or not all(
            (program.code[rows] == PARAMETER).all() for rows in taken[1:]
        ):
            return [self._source(rows) for rows in taken]
        shape = "×".join(map(str, kernel.weights.shape)) + (
            f" + {len(kernel.weights)}" if kernel.bias is not None else ""
        )
        places = numpy.concatenate([program.place[rows].ravel() for rows in taken[1:]])
        return [self._source(kernel.x), [self._parameters(places, shape)]]

    def _named(self, kernel: Kernel) -> tuple[str, str]:
        """The name of what a kernel computes, and small print."""
        values = self.program.recorded(kernel.rows[:: max(1, len(kernel.rows) // 500)].tolist())
        own = values[0].label if len(kernel.rows) == 1 and values else ""
        where = clean(own) or common_path(
            [value.scope.path if value.scope else "" for value in values]
        )
        return (
            (where, str(kernel))
            if where
            else (str(kernel), "" if kernel.batched else "for all samples")
        )

    def _gives(self, rows: Any) -> bool:
        return not self.outputs.isdisjoint(rows.tolist())

    def _add(
        self, key: Any, kind: str, symbol: str, label: str, detail: str = "", root: bool = False
    ) -> Node:
        """The node of this key, made where it is not there yet; it is a root as soon as one output is among what it stands for."""
        node = self.nodes.get(key) or Node(
            f"n{len(self.nodes)}", kind, symbol, clean(label), detail=clean(detail)
        )
        self.nodes[key] = replace(node, root=root or node.root)
        return self.nodes[key]

    def _source(self, rows: Any) -> list[str]:
        """The ids of the nodes that these rows come from, made where they are not there yet."""
        flat = numpy.unique(rows)
        codes, found = self.program.program.code[flat], dict[str, None]()
        for code in numpy.unique(codes).tolist():
            group = flat[codes == code]
            if code < FIRST:
                found |= dict.fromkeys(self._leaves(code, group))
            else:
                found |= dict.fromkeys(
                    self.nodes["kernel", owner].id
                    for owner in numpy.unique(self.owner[group]).tolist()
                )
        return list(found)

    def _leaves(self, code: int, group: Any) -> list[str]:
        places, root = self.program.program.place[group], self._gives(group)
        if code == INPUT:
            argument = numpy.array([self._argument(place) for place in places.tolist()])
            return [
                self._input(i, group[argument == i], root) for i in sorted(set(argument.tolist()))
            ]
        if code == PARAMETER:
            return [self._parameters(places, counted(len(places), "number"), root)]
        label, detail = self._number(code, places)
        return [self._add((code, places.tobytes()), "constant", "c", label, detail, root).id]

    def _parameters(self, places: Any, detail: str, root: bool = False) -> str:
        """One node for parameters, however often they are taken together."""
        places = numpy.unique(places)
        every = 1 < len(places) == self.program.program.parameters
        label = (
            "all parameters"
            if every
            else common_path([self.names[place] for place in places.tolist()]) or "parameters"
        )
        return self._add((PARAMETER, places.tobytes()), "parameter", "θ", label, detail, root).id

    def _number(self, code: int, places: Any) -> tuple[str, str]:
        if code == CONSTANT:
            numbers = numpy.unique(self.program.program.numbers[places])
            return (
                (number(float(numbers[0])), "")
                if len(numbers) == 1
                else ("constants", counted(len(numbers), "number"))
            )
        return {LEAF: "read at each run", DRAWN: "drawn at random"}[code], per_sample(
            len(places), code == DRAWN
        )

    def _argument(self, place: int) -> int:
        return int(numpy.searchsorted(numpy.cumsum(self.program.sizes), place, side="right"))

    def _input(self, position: int, rows: Any, root: bool) -> str:
        label = self.program.recorded(rows[:1].tolist())[0].label.rstrip("0123456789")
        return self._add(
            (INPUT, position), "input", "in", label, per_sample(self.program.sizes[position]), root
        ).id


def common_path(paths: Iterable[str]) -> str:
    """The longest path that all begin with, part by part; where there is none, the first parts of up to three.

    >>> common_path(["layers.0.neurons.1", "layers.0.neurons.2"]), common_path(["a.b", "c"]), common_path(["a", ""])
    ('layers.0', 'a, c', '')
    """
    parts = [path.split(".") for path in dict.fromkeys(paths)]
    if not parts or [""] in parts:
        return ""
    shared = [same[0] for same in zip(*parts, strict=False)]
    while any(path[: len(shared)] != shared for path in parts):
        shared.pop()
    if (
        len(parts) > 1
        and shared
        and not shared[-1][0].isdigit()
        and len(shared) > 1
        and all(len(path) > len(shared) for path in parts)
    ):
        shared.pop()  # layers.0.neurons is a list of layers.0, not a module
    firsts = list(dict.fromkeys(path[0] for path in parts))
    return ".".join(shared) or ", ".join(firsts[:3]) + (", …" if len(firsts) > 3 else "")


def counted(count: int, thing: str) -> str:
    """A number with its noun.

    >>> counted(1, "kernel"), counted(2500, "kernel")
    ('1 kernel', '2,500 kernels')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def per_sample(count: int, each: bool = True) -> str:
    """How many numbers, for each sample or for all."""
    return f"{counted(count, 'number')} {'a sample' if each else 'for all samples'}"


def notes(program: Compiled) -> tuple[str, ...]:
    """What became of the scalars, in two sentences."""
    kernels = program.kernels
    products = sum(
        kernel.weights.size * len(kernel.x) for kernel in kernels if isinstance(kernel, Matrix)
    )
    elementwise = [len(kernel.rows) for kernel in kernels if isinstance(kernel, Elementwise)]
    found = [
        (
            sum(isinstance(kernel, Matrix) for kernel in kernels),
            f"matrix product{{s}} ({counted(products, 'product')} of scalars)",
        ),
        (sum(size > 1 for size in elementwise), "elementwise group{s}"),
        (sum(isinstance(kernel, OverList) for kernel in kernels), "operation{s} over lists"),
        (sum(isinstance(kernel, Dots) for kernel in kernels), "group{s} of dot products"),
        (elementwise.count(1), "operation{s} left scalar"),
    ]
    words = [f"{count:,} {what.format(s='s' * (count != 1))}" for count, what in found if count]
    return (program.explain().splitlines()[0], *([", ".join(words)] if words else []))


def _symbol(kernel: Kernel) -> str:
    if isinstance(kernel, Matrix):
        return "W·x"
    return TABLE[DOT.name if isinstance(kernel, Dots) else kernel.kind.op].symbol


def _taken(kernel: Kernel) -> list[Any]:
    """The rows that a kernel takes, by the part that they play."""
    if isinstance(kernel, Elementwise):
        return list(kernel.operands)
    if isinstance(kernel, OverList):
        return [kernel.items]
    if isinstance(kernel, Dots):
        return [kernel.first, kernel.second]
    return [kernel.x, kernel.weights, *([] if kernel.bias is None else [kernel.bias])]


def _owners(program: Compiled) -> Any:
    """The position of the kernel that computes each row, -1 for leaves."""
    owner = numpy.full(len(program.program), -1)
    for position, kernel in enumerate(program.kernels):
        owner[kernel.rows] = position
    return owner


# Very many kernels


def _folded(program: Compiled, level: str) -> Picture:
    """The kernels in bands of their order: each band takes from bands before it."""
    kernels, owner = program.kernels, _owners(program)
    size = -(-len(kernels) // BANDS) or 1
    bands = [kernels[i : i + size] for i in range(0, len(kernels), size)]
    outputs = {int(owner[row]) // size for row in program.program.outputs if owner[row] >= 0}
    nodes = tuple(_band(i, i * size, band, i in outputs) for i, band in enumerate(bands))
    flows: dict[tuple[int, int], None] = {}
    for target, band in enumerate(bands):
        for rows in (rows for kernel in band for rows in _taken(kernel)):
            sources = numpy.unique(owner[rows])
            flows |= dict.fromkeys(
                (int(source) // size, target)
                for source in sources
                if source >= 0 and source // size != target
            )
    edges = tuple(
        Edge(f"n{source}", f"n{target}")
        for source, target in flows
        if target - source == 1 or not _steps(flows, source, target)
    )
    words = (
        *notes(program),
        f"the {len(kernels):,} kernels are folded into {counted(len(bands), 'band')}, in the order in which they run",
    )
    return Picture(level, nodes, edges, notes=words, total=program.recorded_rows, colors="")


def _steps(flows: dict[tuple[int, int], None], source: int, target: int) -> bool:
    """Whether there is a way from band to band: then an edge over all of them says nothing more."""
    return all((i, i + 1) in flows for i in range(source, target))


def _band(position: int, first: int, band: Sequence[Kernel], root: bool) -> Node:
    matrices = sum(isinstance(kernel, Matrix) for kernel in band)
    found = f"{matrices:,} {'matrix' if matrices == 1 else 'matrices'} · " if matrices else ""
    detail = f"{found}{counted(sum(len(kernel.rows) for kernel in band), 'number')}"
    label = (
        f"kernels {first + 1:,} to {first + len(band):,}"
        if len(band) > 1
        else f"kernel {first + 1:,}"
    )
    return Node(f"n{position}", "module", label=label, detail=detail, root=root)
