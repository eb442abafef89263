"""The view of blocks: a graph folded by calls of functions and lines of code."""

from collections import Counter
from dataclasses import replace
from itertools import chain
from math import hypot

import pytest

import scalargrad as sg
from scalargrad import Parameter, Value, nn
from scalargrad.core.graph import topological
from scalargrad.errors import OptionError, PictureError
from tests.viz import small_gpt
from viz.animation.training import playable_pictures
from viz.layout.geometry import Rect
from viz.layout.placed import PlacedPicture
from viz.model.block_card import Block
from viz.model.picture import Picture
from viz.model.snapshot import Snapshot
from viz.render.dot import build_digraph
from viz.render.mermaid import render_mermaid
from viz.render.outline import render_outline
from viz.render.picture_json import read_json, render_json
from viz.views.blocks.picture import block_picture
from viz.views.choose import choose_pictures

WORD = "emma"
TOKENS = ("·", *WORD)


@pytest.fixture(scope="module")
def weights():
    return small_gpt.make_weights()


@pytest.fixture(scope="module")
def loss(weights):
    with sg.trace_calls():
        result = small_gpt.word_loss(weights, WORD)
    result.backward()
    return result


@pytest.fixture(scope="module")
def picture(loss):
    return block_picture(Snapshot([loss]), tokens=TOKENS, vocabulary=tuple(small_gpt.LETTERS))


def draw(*roots: Value, **options) -> Picture:
    return block_picture(Snapshot(roots), **options)


def block(picture: Picture, title: str) -> Block:
    (found,) = [each for each in picture.blocks if each.title == title]
    return found


def titles(picture: Picture) -> list[str]:
    return [each.title for each in picture.blocks]


def counts(picture: Picture) -> dict[tuple[str, str], int]:
    """How many values flow, by the titles of both ends."""
    names = {each.id: each.title for each in picture.blocks}
    return {(names[edge.source], names[edge.target]): edge.count for edge in picture.edges}


# A transformer of plain functions


def test_a_transformer_of_functions_is_twenty_boxes(picture):
    assert Counter((each.title, each.values) for each in picture.blocks) == {
        ("a + b", 80): 1,
        ("normalize", 255): 3,
        ("q", 2560): 1,
        ("k", 2560): 1,
        ("v", 2560): 1,
        ("scores", 540): 1,
        ("weights", 240): 1,
        ("mixed", 480): 1,
        ("project", 2560): 1,
        ("project", 10240): 2,
        ("+", 80): 2,
        ("relu", 320): 1,
        ("logits", 4320): 1,
        ("probs", 410): 1,
        ("letter_loss", 10): 1,
        ("loss", 6): 1,
    }


def test_the_boxes_add_up_to_what_was_computed(picture, loss):
    computed = sum(1 for node in topological([loss]) if node.args)
    assert sum(each.values for each in picture.blocks) == computed == 38051
    assert picture.notes == (
        "43,021 values, the 38,051 computed ones folded by function call into 20 boxes",
    )


def test_lines_count_different_values(picture):
    passed = counts(picture)
    assert passed["q", "scores"] == passed["k", "scores"] == passed["v", "mixed"] == 80
    assert passed["scores", "weights"] == passed["weights", "mixed"] == 60
    assert passed["project", "relu"] == 320
    assert passed["logits", "probs"] == 135
    assert passed["probs", "letter_loss"] == passed["letter_loss", "loss"] == 5


def test_the_function_called_for_each_letter_is_one_frame(picture):
    frame = picture.groups[0]
    assert (frame.path, frame.title, frame.calls) == ("predict", "predict", 5)
    assert frame.heading == "predict × 5"
    assert frame.detail == "37,625 values"
    outside = {node.label for node in picture.nodes if not node.group}
    assert outside == {"probs", "letter_loss", "loss"}


def test_the_stream_runs_through_both_sums(picture):
    names = {each.id: each.title for each in picture.blocks}
    assert [names[id] for id in picture.stream] == ["normalize", "+", "+", "logits"]
    assert [block.kind for block in picture.blocks if block.title == "+"] == ["sum", "sum"]


def test_what_leaves_the_stream_and_returns_is_a_panel_named_by_its_parameters(picture):
    panels = {group.path: group for group in picture.groups if group.is_panel}
    assert [panel.title for panel in panels.values()] == ["att", "ff"]
    inside = {path: [n.label for n in picture.nodes if n.group == path] for path in panels}
    assert set(inside["predict/att"]) == {
        "normalize", "q", "k", "v", "scores", "weights", "mixed", "project",
    }  # fmt: skip
    assert inside["predict/ff"] == ["normalize", "project", "relu", "project"]


def test_second_lines_are_function_and_sizes_or_the_formula(picture):
    assert block(picture, "q").line == "project 16 → 16"
    assert block(picture, "logits").line == "project 16 → 27"
    assert block(picture, "scores").line == "Σ q_head·key / √SIZE"
    assert block(picture, "mixed").line == "Σ weights·v_head"
    assert block(picture, "letter_loss").line == "−log probs"
    assert block(picture, "a + b").line == "letter + place"
    # The calls differ: one letter, two letters …
    assert block(picture, "weights").line == "share"
    assert {each.line for each in picture.blocks if each.title == "normalize"} == {"16 → 16"}


def test_parameters_are_the_matrices_of_the_user(picture, weights):
    (q,) = block(picture, "q").parameters
    assert (q.name, q.shown.rows, q.shown.columns) == ("att_query", 16, 16)
    matrix = weights["layer0.att_query"]
    assert q.shown.numbers == tuple(entry.grad for row in matrix for entry in row)
    assert q.norm == pytest.approx(hypot(*q.shown.numbers))


def test_of_a_table_only_the_rows_that_were_used_have_numbers(picture):
    embed, place = block(picture, "a + b").parameters
    assert (embed.name, embed.shown.note, len(embed.shown.present)) == ("embed", "4×16", 4 * 16)
    assert (place.name, place.shown.note, place.shown.missing) == ("place", "5×16", ())


def test_a_column_of_a_wide_parameter_makes_the_number_below_it(picture, weights):
    (head,) = block(picture, "logits").parameters
    assert (head.shown.rows, head.shown.columns, head.shown.note) == (16, 27, "27×16")
    assert head.shown.numbers[27 * 3 + 2] == weights["head"][2][3].grad


def test_strips_show_gradients_by_call_and_their_norm(picture):
    logits = block(picture, "logits")
    assert (logits.strip.rows, logits.strip.columns, logits.strip.labels) == (5, 27, TOKENS)
    assert logits.norm == pytest.approx(hypot(*logits.strip.numbers))
    # The gradient of the logits of a cross-entropy is known: (p − 1 for the right one) / n.
    (grid,) = block(picture, "probs").grids
    right = set(grid.framed)
    expected = [(p - (i in right)) / 5 for i, p in enumerate(grid.shown.numbers)]
    assert logits.strip.numbers == pytest.approx(expected)


def test_the_right_letter_is_framed_in_the_probabilities(picture):
    probs = block(picture, "probs")
    (grid,) = probs.grids
    assert (grid.shown.rows, grid.shown.columns) == (5, 27)
    assert [sum(grid.shown.numbers[27 * i : 27 * i + 27]) for i in range(5)] == pytest.approx(
        [1] * 5
    )
    framed = [small_gpt.LETTERS[position % 27] for position in grid.framed]
    assert "".join(framed) == "emma·"
    assert grid.columns == tuple(small_gpt.LETTERS)
    assert grid.shown.labels == ("· › e", "e › m", "m › m", "m › a", "a › ·")
    assert probs.strip is None


def test_attention_is_a_triangle_for_each_head(picture):
    grids = block(picture, "weights").grids
    assert [grid.title for grid in grids] == ["h0", "h1", "h2", "h3"]
    for grid in grids:
        assert (grid.shown.rows, grid.shown.columns) == (5, 5)
        missing = [5 * row + column for row in range(5) for column in range(row + 1, 5)]
        assert grid.shown.missing == tuple(missing)
        assert grid.shown.labels == grid.columns == TOKENS
        assert grid.framed == ()


def test_the_losses_are_bars(picture, loss):
    bars = block(picture, "letter_loss").bars
    assert [bar.label for bar in bars] == ["· › e", "e › m", "m › m", "m › a", "a › ·"]
    assert sum(bar.data for bar in bars) / 5 == pytest.approx(loss.data)
    assert [bar.grad for bar in bars] == pytest.approx([0.2] * 5)


def test_zeros_of_relu_are_counted(picture, loss):
    outputs = [node.data for node in topological([loss]) if node.op == "relu"]
    assert 0 < outputs.count(0.0) < 320
    assert block(picture, "relu").note == f"{outputs.count(0.0)} of 320 are 0"


def test_a_loop_over_layers_is_folded_too():
    weights = small_gpt.make_weights(layers=2)
    with sg.trace_calls():
        loss = small_gpt.word_loss(weights, "ab", layers=2)
    loss.backward()
    picture = draw(loss)
    assert len(picture.blocks) == 20
    names = [parameter.name for parameter in block(picture, "q").parameters]
    assert names == ["layer0.att_query", "layer1.att_query"]
    assert [group.title for group in picture.groups] == ["predict", "att", "ff"]
    (ups,) = [b for b in picture.blocks if b.parameters and "ff_up" in b.parameters[0].name]
    assert [(p.shown.rows, p.shown.columns) for p in ups.parameters] == [(16, 64), (16, 64)]


# Opening


def test_a_frame_opens_into_its_calls(loss):
    picture = draw(loss, expand=["predict"])
    frames = [group for group in picture.groups if not group.parent]
    assert [frame.path for frame in frames] == [f"predict #{i}" for i in range(1, 6)]
    assert frames[1].detail == "call 2, 7,441 values"
    assert sum(each.values for each in picture.blocks) == 38051


def test_attention_without_one_of_its_calls_is_still_a_triangle(loss):
    picture = draw(loss, expand=["predict #2"])
    both = [each for each in picture.blocks if each.title == "weights"]
    shapes = [[(grid.shown.rows, grid.shown.columns) for grid in each.grids] for each in both]
    assert shapes == [[(4, 5)] * 4, [(4, 2)]]


def test_a_box_opens_into_its_calls(loss):
    picture = draw(loss, expand=["q"])
    opened = [each for each in picture.blocks if each.title.startswith("q")]
    assert [each.title for each in opened] == [f"q #{i}" for i in range(1, 6)]
    assert {each.values for each in opened} == {512}


def test_one_call_opens_alone_then_into_its_lines_then_into_values(loss):
    one = draw(loss, expand=["probs #2"])
    assert {"probs #2", "probs"} <= set(titles(one))
    lines = draw(loss, expand=["probs #2", "probs #2"])
    inside = [node.name for node in lines.nodes if node.group == "probs #2"]
    assert inside == ["probs #2.powers", "probs #2.total", "probs #2.power ∕ total"]
    values = draw(loss, expand=["probs #2", "probs #2", "probs #2.total"])
    (total,) = [node for node in values.nodes if node.kind == "operation"]
    assert (total.symbol, total.formula) == ("Σ", "sum of 27")


def test_a_line_opens_into_values(loss):
    picture = draw(loss, expand=["letter_loss"])
    assert [node.symbol for node in picture.nodes if node.kind == "operation"] == ["log", "neg"] * 5
    assert [each.kind for each in picture.blocks].count("value") == 10


def test_single_values_have_local_derivatives_and_folded_sums(loss):
    picture = draw(loss, expand=["loss"])
    (total,) = [node for node in picture.nodes if node.symbol == "Σ"]
    (root,) = [node for node in picture.nodes if node.root]
    (edge,) = [edge for edge in picture.edges if edge.source == total.id]
    assert (edge.target, edge.local) == (root.id, pytest.approx(0.2))
    assert total.data == pytest.approx(5 * loss.data)
    assert sum(each.values for each in picture.blocks) == 38051


def test_unknown_names_are_refused_with_a_hint(loss):
    with pytest.raises(OptionError, match=r"no box and no frame.*did you mean 'logits'\?"):
        draw(loss, expand=["logit"])
    with pytest.raises(OptionError, match="there are only 5 calls"):
        draw(loss, expand=["q #6"])


def test_a_box_too_large_for_single_values_is_refused(loss):
    with pytest.raises(OptionError, match=r"holds 459 values.* only up to 300 are drawn"):
        draw(loss, expand=["logits #1", "predict.logits #1"])


def test_one_call_of_a_linear_function_opens_into_products_and_sums(loss):
    picture = draw(loss, expand=["q #1", "predict.q #1"])
    singles = Counter(node.symbol for node in picture.nodes if node.kind == "operation")
    assert singles == {"×": 256, "Σ": 16}
    assert sum(each.values for each in picture.blocks) == 38051


# Other programs


def dots(x, matrix):
    return [sum(a * b for a, b in zip(x, row, strict=True)) for row in matrix]


def cell(state, x, recurrent, entering):
    total = [a + b for a, b in zip(dots(state, recurrent), dots(x, entering), strict=True)]
    return [entry.tanh() for entry in total]


def run_cell(steps=4):
    weights = sg.label({"u": parameters(2, 2), "w": parameters(2, 1)})
    state = [Value(0.0, label=f"zero[{i}]") for i in range(2)]
    for step in range(steps):
        state = cell(state, [Value(step / 4, label=f"x[{step}]")], weights["u"], weights["w"])
    return state[0] * state[1]


def parameters(rows, columns):
    return [[Parameter((1 + i) / (2 + j)) for j in range(columns)] for i in range(rows)]


def test_a_recurrent_cell_is_one_frame_with_a_line_back():
    with sg.trace_calls():
        y = run_cell()
    y.backward()
    picture = draw(y)
    assert [(group.title, group.calls) for group in picture.groups] == [("cell", 4)]
    assert titles(picture) == ["zero", "x", "dots", "dots", "total", "tanh", "×"]
    passed = Counter((edge.source, edge.target) for edge in picture.edges)
    names = {each.title: each.id for each in picture.blocks}
    first_dots = next(each.id for each in picture.blocks if each.title == "dots")
    assert passed[names["tanh"], first_dots] == 1
    # The state is 0 at first, but its tanh lets the gradient pass.
    assert block(picture, "tanh").note == ""
    # Two operands of a sum of which none skips anything: no residual connection.
    assert picture.stream == ()


def simulate(steps):
    position = Value(1.0, label="start")
    speed = Value(0.0, label="still")
    stiffness = Parameter(2.0, label="stiffness")
    for _ in range(steps):
        force = -stiffness * position
        speed = speed + 0.1 * force
        position = position + 0.1 * speed
    energy = 0.5 * speed * speed
    return energy  # noqa: RET504 (the variable is the name of the box)


def test_a_program_of_one_function_is_shown_as_its_lines():
    with sg.trace_calls():
        energy = simulate(20)
    energy.backward()
    picture = draw(energy)
    assert picture.groups == ()
    assert picture.notes[0].endswith("folded by line of code into 4 boxes")
    assert titles(picture) == ["still", "start", "force", "speed", "position", "energy"]
    assert block(picture, "speed").line == "speed + 0.1·force"
    assert block(picture, "force").parameters[0].name == "stiffness"
    assert counts(picture)["force", "speed"] == 20
    assert counts(picture)["position", "force"] == 19


def tree(items):
    if len(items) == 1:
        return items[0]
    middle = len(items) // 2
    return merge(tree(items[:middle]), tree(items[middle:]))


def merge(a, b):
    return (a * b).sin() + b


def test_recursion_is_one_box():
    with sg.trace_calls():
        y = tree([Value(float(i)) for i in range(8)])
    picture = draw(y)
    assert titles(picture) == ["inputs", "merge"]
    merged = block(picture, "merge")
    assert (merged.values, merged.calls, merged.line) == (21, 7, "2 → 1")


def test_attention_in_one_function_shows_its_weights():
    def attend(q, rows):
        powers = [sum(a * b for a, b in zip(q, row, strict=True)).exp() for row in rows]
        total = sum(powers)
        return sum(power / total * row[0] for power, row in zip(powers, rows, strict=True))

    with sg.trace_calls():
        rows = [[Value(float(i)), Value(1.0)] for i in range(3)]
        y = sum(attend(rows[i], rows[: i + 1]) for i in range(3))
    picture = draw(y)
    (grid,) = block(picture, "attend").grids
    assert (grid.shown.rows, grid.shown.columns, grid.shown.missing) == (3, 3, (1, 2, 5))
    assert grid.shown.numbers[:1] == (1.0,)


class Model:
    def __init__(self):
        self.w = Parameter(2.0, label="w")

    def __call__(self, x):
        return self.scale(x) + 1.0

    def scale(self, x):
        return self.w * x


def squares(items):
    for item in items:
        yield item * item


def test_methods_generators_and_lambdas_have_names():
    double = lambda x: x * 2.0 + x  # noqa: E731
    with sg.trace_calls():
        total = sum(squares([Value(1.0), Value(2.0)]))
        y = double(Model()(total))
    picture = draw(y)
    assert titles(picture) == ["inputs", "squares", "total", "scale", "scale(x) + 1.0", "double"]
    assert [group.title for group in picture.groups] == ["Model"]


def test_before_backward_there_are_no_norms():
    with sg.trace_calls():
        y = sum(dots([Value(1.0), Value(2.0)], parameters(3, 2)))
    picture = draw(y)
    made = block(picture, "dots")
    assert made.norm is None
    assert made.strip.numbers == tuple(node.data for node in y_terms(y))
    assert "no gradients yet: call backward() first" in picture.notes


def y_terms(total):
    """The terms that Python's sum added up."""
    terms = []
    while total.args:
        total, term = total.args if total.op == "add" else (Value(0.0), total)
        terms.append(term if term.args else total)
    return [term for term in reversed(terms) if term.args]


def test_more_than_twelve_calls_say_how_many_more():
    with sg.trace_calls():
        y = sum(sum(dots([Value(float(i))], parameters(2, 1))) for i in range(15))
    y.backward()
    made = block(draw(y), "dots")
    assert (made.strip.rows, made.strip.labels[-1], made.note) == (12, "+ 3", "12 of 15 calls")
    assert made.norm == pytest.approx(hypot(*made.strip.numbers))


def test_wide_rows_are_averaged():
    with sg.trace_calls():
        squared = [Value(float(i)) * i for i in range(400)]
        y = sum(squared)
    picture = draw(y, show="data")
    strip = block(picture, "squared").strip
    assert strip.columns == 134
    assert strip.numbers[:2] == pytest.approx([(0 + 1 + 4) / 3, (9 + 16 + 25) / 3])
    assert "mean of 3 neighbors" in block(picture, "squared").note


def test_names_from_outside_are_cleaned():
    with sg.trace_calls():
        x = Value(2.0, label='<b> "x" ]]> \u202e \x00' * 9)
        y = double_of(x)
        y.label = "y/z \u2028"
    picture = draw(y)
    assert [node.label for node in picture.nodes] == [picture.blocks[0].title, "y/z"]
    assert not {"\u202e", "\x00", "\u2028"} & set(render_outline(picture))
    assert len(picture.blocks[0].title) <= 60


def double_of(x):
    return x * 2.0


def test_numbers_that_are_not_finite_are_kept():
    with sg.trace_calls():
        y = sum(dots([Value(float("inf")), Value(float("nan"))], parameters(2, 2)))
    shown = block(draw(y, show="data"), "dots").strip.numbers
    assert [str(number) for number in shown] == ["nan", "nan"]


def test_parameters_without_names_have_a_row_for_each_result():
    weights = parameters(3, 2)
    with sg.trace_calls():
        y = sum(dots([Value(1.0), Value(2.0)], weights))
    (shown,) = block(draw(y, show="data"), "dots").parameters
    assert (shown.name, shown.shown.note) == ("dots", "3×2")
    # Turned: a column is what makes the number below it.
    assert shown.shown.numbers == tuple(row[j].data for j in range(2) for row in weights)


def test_many_inputs_with_names_of_their_own_are_one():
    with sg.trace_calls():
        y = sum(Value(float(ord(letter)), label=letter) for letter in "abcdefghijklmn") * 2.0
    picture = draw(y)
    assert titles(picture) == ["inputs", "y"]
    assert picture.blocks[0].values == 14


# Modules and named blocks


def test_layers_of_a_network_are_boxes():
    y = nn.MLP(2, [3, 1], seed=1)([1.0, 2.0])
    y.backward()
    picture = draw(y)
    assert [(each.title, each.line, each.values) for each in picture.blocks[1:]] == [
        ("layers.0", "Layer 2 → 3", 15),
        ("layers.1", "Layer 3 → 1", 6),
    ]
    shapes = [(p.name, p.shown.note) for p in block(picture, "layers.0").parameters]
    assert shapes == [("layers.0.w", "3×2"), ("layers.0.b", "3×1")]
    assert picture.notes[0].endswith("folded by module into 2 boxes")


def test_attention_of_a_module_has_a_box_for_each_part():
    rows = nn.Attention(4, 2, seed=0)([[1.0, 0.5, 0.2, 0.1]] * 3)
    picture = draw(*chain.from_iterable(rows))
    grids = block(picture, "heads").grids
    assert [(grid.shown.rows, grid.shown.columns) for grid in grids] == [(3, 3), (3, 3)]
    assert titles(picture)[1:] == ["query", "key", "heads", "value", "out_proj"]
    assert block(picture, "query").calls == 3


def test_a_cell_of_a_module_is_a_frame():
    recurrent = nn.GRUCell(2, 2, seed=0)
    state = [0.0, 0.0]
    for _ in range(3):
        state = recurrent([1.0, 2.0], state)
    picture = draw(*state)
    assert [(group.title, group.calls) for group in picture.groups] == [("GRUCell", 3)]
    assert {"update_input", "reset_state", "state"} <= set(titles(picture))


def test_named_blocks_are_frames():
    with sg.scope("encoder"):
        x = Value(2.0, label="x") * 3.0
        with sg.scope("scores"):
            z = x.tanh()
        z = z + 1.0
    picture = draw(z * 2.0)
    assert [group.path for group in picture.groups] == ["encoder"]
    assert [(node.label, node.group) for node in picture.nodes] == [
        ("x", ""), ("×", "encoder"), ("scores", "encoder"), ("×", ""),
    ]  # fmt: skip


def test_modules_and_functions_mix():
    class Net(nn.Module):
        def __init__(self):
            self.first = nn.Layer(2, 3, seed=0)
            self.second = nn.Layer(3, 3, seed=1)

        def forward(self, x):
            h = self.first(x)
            out = [a + b for a, b in zip(h, self.second(h), strict=True)]
            return dots(out, [[1.0, 2.0, 3.0]])[0]

    with sg.trace_calls():
        y = Net()([1.0, 2.0]) ** 2
    picture = draw(y)
    assert titles(picture)[1:] == ["first", "second", "+", "dots", "y"]
    names = {each.id: each.title for each in picture.blocks}
    assert [names[id] for id in picture.stream] == ["first", "+", "dots"]


def test_a_graph_without_calls_is_refused():
    with pytest.raises(PictureError, match=r"inside sg\.trace_calls\(\)"):
        draw(Value(2.0) * 3.0)


# The level


def test_large_graphs_of_functions_are_drawn_as_blocks(loss):
    assert choose_pictures(loss, fold=True)[0].level == "blocks"
    with sg.trace_calls():
        small = merge(Value(1.0), Value(2.0))
    assert choose_pictures(small, fold=True)[0].level == "cards"


def test_networks_alone_keep_their_neurons():
    y = nn.MLP(8, [16, 1], seed=1)([1.0] * 8)
    assert choose_pictures(y, fold=True)[0].level == "neurons"


def test_tokens_must_be_texts(loss):
    with pytest.raises(
        OptionError, match="tokens must be a text, or a list of short texts: item 0"
    ):
        choose_pictures(loss, "blocks", tokens=[1, 2])


def test_the_outline_reads_boxes_lines_and_numbers(picture):
    text = render_outline(picture)
    assert "predict × 5, 37,625 values:" in text
    assert "  q: project 16 → 16, 2,560 values in 5 calls, gradient norm" in text
    assert "    to scores: 80 values, gradient norm" in text
    assert "loss: (1 / len(losses))·Σ losses, 6 values, data" in text


def test_mermaid_counts_what_lines_pass_on(picture):
    text = render_mermaid(picture)
    assert 'subgraph g0["predict × 5' in text
    assert '-->|"135"|' in text


def test_dot_counts_what_lines_pass_on(picture):
    source = build_digraph(picture, theme="light", rankdir="LR").source
    assert 'label="135"' in source
    assert "predict × 5" in source


def test_films_show_nothing_as_coarse_as_blocks(loss):
    assert {each.level for each in playable_pictures(loss)}.isdisjoint({"blocks", "layers"})
    with pytest.raises(PictureError, match="blocks are too coarse to be played"):
        playable_pictures(loss, "blocks")


def test_a_network_by_itself_shows_its_weights():
    network = nn.MLP(2, [3, 1], seed=1)
    [picture] = choose_pictures(network, "blocks", fold=True)
    first = block(picture, "layers.0").parameters[0]
    neurons = network.layers[0].neurons
    weights = [[weight.data for weight in neuron.weights] for neuron in neurons]
    # Turned: a column is what makes the number below it.
    assert first.shown.numbers == tuple(row[j] for j in range(2) for row in weights)
    assert first.norm is None


def test_a_picture_of_blocks_is_saved_and_read_back(picture):
    placed = PlacedPicture(
        picture,
        {node.id: Rect(0, 0, 10, 10) for node in picture.nodes},
        {group.path: Rect(0, 0, 10, 10) for group in picture.groups},
        routes=tuple(((0.0, 0.0), (1.0, 1.0)) for _ in picture.edges),
        ports=(),
        width=100.0,
        height=100.0,
    )
    read, _ = read_json(render_json(placed, "light"))
    assert read.picture == picture
    broken = replace(picture, stream=("b99",))
    with pytest.raises(PictureError, match="the stream names a node that is not there"):
        read_json(render_json(replace(placed, picture=broken), "light"))
    missing = replace(picture, blocks=picture.blocks[1:])
    with pytest.raises(PictureError, match="needs one box for each node"):
        read_json(render_json(replace(placed, picture=missing), "light"))


def test_modules_in_a_list_are_named_by_what_they_are():
    model = nn.Sequential(
        nn.Embedding(3, 2, seed=0),
        nn.Residual(nn.TimeDistributed(nn.Layer(2, 4, seed=1), nn.Layer(4, 2, seed=2))),
    )
    rows = model([2, 0])
    loss = sum(item * item for row in rows for item in row)
    loss.backward()
    picture = draw(loss)
    assert {"Layer", "+"} <= set(titles(picture))
    # One frame that holds nothing but another says nothing.
    assert [group.heading for group in picture.groups] == ["Residual", "TimeDistributed × 2"]
    shapes = {
        parameter.name: parameter.shown.note
        for each in picture.blocks
        for parameter in each.parameters
    }
    sizes = {"Layer.w": "4×2", "Layer.b": "4×1", "Layer #2.w": "2×4", "Layer #2.b": "2×1"}
    assert shapes == sizes | {"e": "2×2"}
