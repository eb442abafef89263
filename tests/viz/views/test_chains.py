"""A long chain is one card: how many links it has, what each computes, its first and last."""

from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.errors import OptionError
from tests.viz.model.test_chains import repeat
from viz.model.picture import ChainEnds, Node, Picture

NS = "{http://www.w3.org/2000/svg}"


def affine(count: int) -> Value:
    y = repeat(lambda x, _: x * 1.001 + 0.1, count, start=1.0)
    y.label = "y"
    y.backward()
    return y


def recurrent(count: int) -> Value:
    w, u, b = (Value(0.5, label=name) for name in "wub")
    h = repeat(lambda h, i: (w * h + u * Value(0.1 * i) + b).tanh(), count)
    h.backward()
    return h


def folded(picture: Picture) -> tuple[Node, ChainEnds]:
    (node,) = [node for node in picture.nodes if node.chain is not None]
    assert node.chain is not None
    return node, node.chain


def texts(svg: str) -> list[str]:
    return ["".join(found.itertext()) for found in ElementTree.fromstring(svg).iter(f"{NS}text")]


def test_the_card_has_the_numbers_of_the_first_and_the_last_link():
    y = affine(500)
    node, ends = folded(viz.draw(y).picture)
    first = 1.0 * 1.001 + 0.1
    assert ends.count == 500
    assert ends.first == first
    assert ends.last == y.data
    assert ends.last_grad == 1.0
    # Every later link multiplies the gradient by its factor.
    assert ends.first_grad == pytest.approx(1.001**499, rel=1e-12)
    assert ends.name == "y"
    assert node.root


def test_the_line_into_a_chain_carries_the_gradient_of_what_it_starts_from():
    y = affine(500)
    picture = viz.draw(y).picture
    (x,) = [node for node in picture.nodes if node.label == "x"]
    (edge,) = picture.edges
    assert edge.source == x.id
    assert edge.flow == pytest.approx(x.grad, rel=1e-12)


def test_shared_weights_lead_into_the_card_once():
    picture = viz.draw(recurrent(300)).picture
    assert picture.level == "cards"
    node, ends = folded(picture)
    assert ends.count == 300
    assert node.formula == "tanh(w × … + u × in + b)"
    sources = [picture.by_id[edge.source] for edge in picture.edges]
    assert sorted(source.label for source in sources) == ["b", "u", "w", "x"]
    for source, edge in zip(sources, picture.edges, strict=True):
        assert edge.flow == pytest.approx(source.grad, rel=1e-12)


@pytest.mark.parametrize(
    ("step", "formula"),
    [
        (lambda x, _: (x + 0.5) * 2.0, "(… + 0.5) × 2"),
        (lambda x, _: 1.0 - (x - 0.25), "1 − (… − 0.25)"),
        (lambda x, _: 1.0 / (x * 0.5), "1 ÷ (… × 0.5)"),
        (lambda x, _: (x + 1.0) ** 2 * 0.1, "(… + 1)² × 0.1"),
        (lambda x, _: (x * -1.5).tanh(), "tanh(… × −1.5)"),
        (lambda x, i: x * Value(1.0 + 0.001 * i), "… × in"),
    ],
)
def test_a_formula_tells_what_each_link_computes(step, formula):
    node, _ = folded(viz.draw(repeat(step, 200)).picture)
    assert node.formula == formula


def test_before_backward_there_are_no_gradients():
    _, ends = folded(viz.draw(repeat(lambda x, _: x.sin() + 0.1, 200)).picture)
    assert ends.first_grad is ends.last_grad is None


@pytest.mark.parametrize("level", ["cards", "chips"])
def test_a_level_that_is_asked_for_folds_too(level):
    picture = viz.draw(affine(500), level=level).picture
    assert picture.level == level
    assert len(picture.nodes) == 2


def test_what_can_be_read_whole_is_not_folded():
    picture = viz.draw(affine(70)).picture
    assert all(node.chain is None for node in picture.nodes)
    assert len(picture.nodes) == 281


def test_an_open_chain_shows_the_links_at_its_ends():
    picture = viz.draw(recurrent(300), expand="chain").picture
    _, ends = folded(picture)
    assert ends.count == 294
    assert sum(node.symbol == "tanh" for node in picture.nodes) == 6
    assert viz.draw(recurrent(300), expand="*").picture == picture


def test_of_large_links_one_is_shown_at_each_end():
    def step(x: Value, _: int) -> Value:
        for _ in range(200):
            x = x.sin()
        return x.cos()

    _, ends = folded(viz.draw(repeat(step, 20), expand="chain").picture)
    assert ends.count == 18


def test_an_open_chain_that_can_be_read_whole_is_drawn_whole():
    y = affine(100) + repeat(lambda x, _: x.sin(), 50)
    picture = viz.draw(y, expand="chain 2").picture
    _, ends = folded(picture)
    assert ends.count == 100
    assert sum(node.symbol == "sin" for node in picture.nodes) == 50


def test_a_name_of_no_chain_is_refused_with_those_there_are():
    with pytest.raises(OptionError, match=r"'chian', which is not .* did you mean 'chain'"):
        viz.draw(affine(500), expand="chian")


def test_the_result_that_the_graph_ends_in_is_always_drawn():
    h, loss = Value(0.5), Value(0.0)
    for _ in range(100):
        h = (h * 0.5).tanh()
        loss = loss + (h - 0.2) ** 2
    picture = viz.draw(loss).picture
    (root,) = [node for node in picture.nodes if node.root]
    assert root.chain is None
    assert root.data == loss.data


def test_a_number_that_is_not_finite_is_drawn_in_the_color_of_alarm():
    y = repeat(lambda x, _: x * 10.0, 400)
    y.backward()
    drawing = viz.draw(y)
    assert not drawing.picture.is_finite
    assert "inf" in texts(drawing.svg())


def test_the_picture_says_what_a_chain_is_and_how_to_open_it():
    drawing = viz.draw(affine(500))
    shown = texts(drawing.svg())
    assert "chain × 500" in shown
    assert "… × 1.001 + 0.1" in shown
    assert "last, y" in shown
    assert any(text.startswith("chain × n: n links that compute the same") for text in shown)
    assert not any("closed module" in text for text in shown)
    assert any('expand="chain"' in note for note in drawing.picture.notes)


def test_the_outline_reads_both_ends():
    _, ends = folded(viz.draw(affine(500)).picture)
    text = str(viz.draw(affine(500)))
    assert "chain × 500: each link … × 1.001 + 0.1, data" in text
    assert f"first link: data {ends.first:.3g}, gradient" in text


@pytest.mark.parametrize("ending", [".svg", ".dot", ".mmd", ".txt", ".json"])
def test_a_chain_is_written_in_every_format(ending, tmp_path):
    path = viz.draw(affine(500)).save(tmp_path / f"chain{ending}")
    assert "chain × 500" in path.read_text(encoding="utf-8")


def test_a_saved_chain_is_read_again(tmp_path):
    drawing = viz.draw(affine(500))
    assert viz.load(drawing.save(tmp_path / "chain.json")).svg() == drawing.svg()


@pytest.mark.parametrize("level", [None, "cards"])
def test_a_chain_of_a_hundred_thousand_values_is_a_small_picture(level):
    with sg.collector_off():
        drawing = viz.draw(affine(25_000), level=level)
    assert len(drawing.svg()) < 20_000
    _, ends = folded(drawing.picture)
    assert ends.count == 25_000


def test_an_explanation_of_a_chain_stays_short():
    x = Value(1.0, label="x")
    y = x
    for _ in range(2000):
        y = y * 1.001 + 0.1
    y.backward()
    assert len(str(viz.explain(y, x)).splitlines()) < 12
