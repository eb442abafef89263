"""A diagnosis as a picture: the network as neurons, those that are ill marked, and the findings in words."""

from dataclasses import replace
from itertools import chain

from scalargrad.doctor import Diagnosis
from scalargrad.errors import PictureError
from viz.look.text import clean
from viz.model.picture import Column, Node, Picture
from viz.model.snapshot import Snapshot

from .layers.cards import layer_picture
from .neurons import neuron_picture
from .units import without_calls

_OF_LAYERS = ("no gradient", "exploding", "vanishing")


def diagnosis_picture(diagnosis: Diagnosis) -> Picture:
    """The neuron view of the samples whose graphs were kept. Marks carry a word; columns say what their layer suffers from.

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
    marks = {clean(path): word for path, word in diagnosis.marks.items()}
    nodes = tuple(_marked(node, marks.get(without_calls(node.label), "")) for node in picture.nodes)
    by_id = {node.id: node for node in nodes}
    columns = tuple(_headed(column, by_id, diagnosis) for column in picture.columns)
    drawn = {without_calls(node.label) for node in nodes if node.mark}
    hidden = len(set(marks) - drawn)
    notes = [*_findings(diagnosis), *picture.notes]
    notes += (
        [f"{hidden:,} of the {len(marks):,} units that are ill are not drawn"] if hidden else []
    )
    return replace(picture, nodes=nodes, columns=columns, notes=tuple(notes))


def _findings(diagnosis: Diagnosis) -> list[str]:
    kinds = dict.fromkeys(finding.kind for finding in diagnosis.findings)
    found = [f"✗ {sentence}" for sentence in chain.from_iterable(map(diagnosis.sentences, kinds))]
    return [
        *(found or ["✓ the doctor found nothing"]),
        *(f"· {remark}" for remark in diagnosis.remarks),
    ]


def _marked(node: Node, word: str) -> Node:
    return (
        replace(node, mark=word, detail=", ".join(filter(None, [word, node.detail])))
        if word
        else node
    )


def _headed(column: Column, nodes: dict[str, Node], diagnosis: Diagnosis) -> Column:
    """A column whose small print says how many of its units are ill, and whether its layer's gradient is."""
    words = [nodes[member].mark for member in column.members if nodes[member].mark]
    ill = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    ill += dict.fromkeys(
        finding.kind
        for finding in diagnosis.findings
        if finding.kind in _OF_LAYERS and _heads(column, finding.where)
    )
    return replace(column, detail=" · ".join(filter(None, [column.detail, *ill])))


def _heads(column: Column, layer: str) -> bool:
    """Whether a column shows a layer: its heading opens with the layer's path, then two spaces."""
    return bool(layer) and column.title.startswith(f"{clean(layer)}  ")
