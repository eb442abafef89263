"""What a page is made of: the graph in a target, and what is known about it besides."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scalargrad.errors import PictureError
from viz.look.text import clean
from viz.model import target_types
from viz.model.snapshot import Snapshot
from viz.model.target_types import is_named
from viz.views.choose import find_roots
from viz.views.dictionary import is_directed_graph

from .boxes import Fold, find_folds
from .excerpt import take_excerpt

if TYPE_CHECKING:
    from scalargrad.doctor import Diagnosis

MAX_VALUES = 50_000
"""The largest graph that a page holds whole: larger ones are slow in the browser."""


def read_graph(target: Any) -> tuple[Snapshot, dict[str, Any]]:
    """Return the graph of a target, and what the page is told of it besides, as JSON.

    Args:
        target: A Value, several, a Module, a compiled program or a Diagnosis.

    Raises:
        PictureError: The target is anything else, or its graph is too large.
    """
    if isinstance(target, Mapping) or is_directed_graph(target):
        raise PictureError(
            "explore takes a Value, a list of Values, a Module, a Recording, a compiled program or "
            f"a Diagnosis, not a {type(target).__name__}: it has no numbers to explore"
        )
    if is_named(target, target_types.DIAGNOSIS):
        return _read_diagnosis(target)
    return fit_snapshot(Snapshot(find_roots(target)))


def fit_snapshot(snapshot: Snapshot) -> tuple[Snapshot, dict[str, Any]]:
    """Return a graph as a page can hold it: whole, or an excerpt of a large network.

    Raises:
        PictureError: It is too large, and no network whose nearest layers could be taken.
    """
    if not len(snapshot):
        raise PictureError("there is nothing to explore: the list is empty")
    if len(snapshot) <= MAX_VALUES:
        return snapshot, {}
    excerpt = take_excerpt(snapshot)
    if excerpt is None:
        raise PictureError(
            f"the graph has {len(snapshot):,} values, and a page holds at most {MAX_VALUES:,}: "
            "explore one sample instead of a batch, or a part of the network; viz.draw shows "
            "large networks folded"
        )
    cut = {"total": excerpt.total, "chosen": clean(excerpt.chosen), "partial": excerpt.partial}
    return excerpt.snapshot, {"cut": cut}


def _read_diagnosis(diagnosis: "Diagnosis") -> tuple[Snapshot, dict[str, Any]]:
    """Return the graph of the first sample: what was found holds for all samples."""
    roots = diagnosis.roots[:1]
    if not roots:
        raise PictureError("the diagnosis has kept no graph: diagnose the model with some samples")
    snapshot, more = fit_snapshot(Snapshot(roots))
    findings = []
    for kind in dict.fromkeys(finding.kind for finding in diagnosis.findings):
        findings += [clean(sentence, 200) for sentence in diagnosis.sentences(kind)]
    marks = _find_marks(find_folds(snapshot), diagnosis.marks)
    found = {
        "samples": diagnosis.samples,
        "findings": findings,
        "remarks": [clean(remark, 200) for remark in diagnosis.remarks],
        "marks": marks,
    }
    return snapshot, more | {"diagnosis": found}


def _find_marks(folds: list[Fold], words: Mapping[str, str]) -> dict[int, str]:
    """Return for the box of each flagged unit the word for it."""
    numbers = {fold.path.replace("/", "."): i for i, fold in enumerate(folds)}
    marks = {}
    for path, word in words.items():
        if path in numbers:
            marks[numbers[path]] = clean(word, 24)
    return marks
