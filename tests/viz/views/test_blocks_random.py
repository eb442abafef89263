"""Random programs of functions, lines, loops and scopes, folded into blocks."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.core.graph import topological
from viz.model.snapshot import Snapshot
from viz.views.blocks.assign import Boxes
from viz.views.blocks.picture import block_picture


def double(x: Any) -> Any:
    return x * 2.0 + x


def mix(x: Any, y: Any) -> Any:
    powers = [(x * 0.1).exp(), (y * 0.1).exp()]
    total = sum(powers)
    return powers[0] / total


def nested(x: Any, y: Any) -> Any:
    z = double(x)
    z = mix(z, y)
    return double(z) + x


def repeated(x: Any, times: int) -> Any:
    return x if times == 0 else repeated(x.tanh(), times - 1) + 1.0


def stream(x: Any, y: Any) -> Any:
    row = [x, y]
    for _ in range(2):
        skipped = row
        row = [double(entry) for entry in row]
        row = [a + b for a, b in zip(row, skipped, strict=True)]
    return row[0]


STEPS = {
    "double": lambda x, y: double(x),
    "mix": mix,
    "nested": nested,
    "repeated": lambda x, y: repeated(x, 3),
    "stream": stream,
    "line": lambda x, y: x - y,
    "scope": lambda x, y: _in_scope(x),
}


def _in_scope(x: Any) -> Any:
    with sg.scope("named"):
        return x.sin()


@st.composite
def programs(draw: st.DrawFn) -> Value:
    """A graph that is made step by step of what was made before."""
    made: list[Value] = [Value(0.5), Value(-1.0, label="x"), Parameter(2.0, label="w[0][1]")]
    is_traced = draw(st.booleans())
    steps = draw(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=8))
    for name in steps:
        x = made[draw(st.integers(0, len(made) - 1))]
        y = made[draw(st.integers(0, len(made) - 1))]
        if is_traced or draw(st.booleans()):
            with sg.trace_calls():
                made.append(STEPS[name](x, y))
        else:
            made.append(STEPS[name](x, y))
    with sg.trace_calls():
        result: Value = made[-1] * made[-2] + 1.0
    result.backward()
    return result


@settings(max_examples=60, deadline=None)
@given(root=programs())
def test_every_value_is_in_one_box(root):
    computed = [node for node in topological([root]) if node.args]
    boxes = Boxes(Snapshot([root]))
    members = [node for box in boxes.all for node in box.values]
    assert len(members) == len(set(members)) == len(computed)
    assert set(members) == set(computed)
    assert sum(
        block.values for block in block_picture(Snapshot([root])).blocks if block.kind != "input"
    ) == len(computed)


@settings(max_examples=60, deadline=None)
@given(root=programs())
def test_lines_are_the_edges_between_boxes(root):
    boxes = Boxes(Snapshot([root]))
    box_of = {node: box for box in boxes.all for node in box.values}
    passed: dict[Any, set[Value]] = {}
    for node in box_of:
        for arg in node.args:
            if arg.args and box_of[arg] is not box_of[node]:
                passed.setdefault((box_of[arg], box_of[node]), set()).add(arg)
    between = {key: set(b.values) for key, b in boxes.bundles.items() if key[0] is not key[1]}
    assert between == passed
    for source, target in boxes.bundles:
        uses = [arg for node in target.values for arg in node.args]
        assert set(boxes.bundles[source, target].values) <= set(uses)


@settings(max_examples=40, deadline=None)
@given(root=programs(), data=st.data())
def test_opening_loses_nothing(root, data):
    computed = sum(1 for node in topological([root]) if node.args)
    opened: list[str] = []
    for _ in range(3):
        picture = block_picture(Snapshot([root]), expand=opened)
        boxes = [block for block in picture.blocks if block.kind != "input"]
        assert sum(block.values for block in boxes) == computed
        assert len({node.id for node in picture.nodes}) == len(picture.nodes)
        names = [node.name for node in picture.nodes if node.kind == "module"]
        groups = [group.path for group in picture.groups if not group.is_panel]
        if not names + groups:
            return
        opened.append(data.draw(st.sampled_from(names + groups)))


@settings(max_examples=40, deadline=None)
@given(root=programs())
def test_groups_are_each_inside_the_one_before(root):
    picture = block_picture(Snapshot([root]))
    known = {""}
    for group in picture.groups:
        assert group.parent in known
        assert group.path.startswith(group.parent)
        known.add(group.path)
    assert {node.group for node in picture.nodes} <= known
    assert set(picture.stream) <= {node.id for node in picture.nodes}
