"""A diagnosis as a picture: the network as neurons, flagged units marked, the findings in words."""

from collections import Counter
from dataclasses import replace

from scalargrad.doctor import Diagnosis
from scalargrad.errors import PictureError
from viz.look.text import clean
from viz.model.picture import Column, Node, Picture
from viz.model.snapshot import Snapshot

from .layers.cards import layer_picture
from .neurons import neuron_picture
from .units import strip_call_numbers

_OF_LAYERS = ("no gradient", "exploding", "vanishing")
"""Kinds of findings that concern a layer as a whole."""


def diagnosis_picture(diagnosis: Diagnosis) -> Picture:
    """Return the neuron view of the samples whose graphs were kept, with the findings.

    Marks on units carry a word, and columns name the findings of their layer.

    Example:
        >>> from scalargrad import diagnose, nn
        >>> model = nn.MLP(1, [3, 1], seed=0)
        >>> model.layers[0].neurons[1].bias.data = -100.0
        >>> X = [[x / 5.0] for x in range(-5, 6)]
        >>> picture = diagnosis_picture(diagnose(model, X, [x for x, in X]))
        >>> [(node.label, node.mark) for node in picture.nodes if node.mark]
        [('layers.0.neurons.1', 'dead')]
    """
    snapshot = Snapshot(list(diagnosis.roots))
    try:
        picture = neuron_picture(snapshot)
    except PictureError:  # calls that belong together may be too many to be drawn one by one
        picture = layer_picture(snapshot)

    picture = _leave_out_empty(picture)
    words = {clean(path): word for path, word in diagnosis.marks.items()}
    drawn: set[str] = set()
    nodes: list[Node] = []
    for node in picture.nodes:
        # A mark is for a module, and so for all of its calls.
        path = strip_call_numbers(node.label)
        drawn.add(path)
        nodes.append(_mark(node, words.get(path, "")))

    notes = [*_findings(diagnosis), *picture.notes]
    hidden = words.keys() - drawn
    if hidden:
        flagged = f"{len(words):,} units that are flagged"
        notes.append(f"{len(hidden):,} of the {flagged} are not drawn")

    by_id = {node.id: node for node in nodes}
    columns = [_describe(column, by_id, diagnosis) for column in picture.columns]
    return replace(picture, nodes=tuple(nodes), columns=tuple(columns), notes=tuple(notes))


def _leave_out_empty(picture: Picture) -> Picture:
    """Return a picture without the box for the losses of all samples, which has no number."""
    empty = {node.id for node in picture.nodes if node.root and node.data is None}
    columns = [column for column in picture.columns if not empty.issuperset(column.members)]
    if len(columns) == len(picture.columns):
        return picture
    gone = empty.difference(*(column.members for column in columns))
    return replace(
        picture,
        nodes=tuple(node for node in picture.nodes if node.id not in gone),
        edges=tuple(edge for edge in picture.edges if gone.isdisjoint((edge.source, edge.target))),
        columns=tuple(columns),
    )


def _findings(diagnosis: Diagnosis) -> list[str]:
    """Return findings, kind by kind, then remarks."""
    lines: list[str] = []
    for kind in dict.fromkeys(finding.kind for finding in diagnosis.findings):
        lines += [f"✗ {sentence}" for sentence in diagnosis.sentences(kind)]
    if not lines:
        lines.append("✓ the doctor found nothing")
    return lines + [f"· {remark}" for remark in diagnosis.remarks]


def _mark(node: Node, word: str) -> Node:
    if not word:
        return node
    detail = f"{word}, {node.detail}" if node.detail else word
    return replace(node, mark=word, detail=detail)


def _describe(column: Column, nodes: dict[str, Node], diagnosis: Diagnosis) -> Column:
    """Return a column whose small print counts its flagged units and names its layer's findings."""
    details = [column.detail] if column.detail else []

    words = Counter(nodes[member].mark for member in column.members)
    details += [f"{count} {word}" for word, count in words.items() if word]

    of_layer = [finding for finding in diagnosis.findings if _is_headed(column, finding.where)]
    kinds = dict.fromkeys(finding.kind for finding in of_layer)
    details += [kind for kind in kinds if kind in _OF_LAYERS]
    return replace(column, detail=" · ".join(details))


def _is_headed(column: Column, layer: str) -> bool:
    """Return whether a column shows a layer: its title is the layer's path, then two spaces."""
    return bool(layer) and column.title.startswith(f"{clean(layer)}  ")
