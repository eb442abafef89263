"""A graph in a dictionary: its sort against graphlib, its chains against networkx and formulas."""

from collections.abc import Callable
from graphlib import TopologicalSorter
from itertools import pairwise
from math import exp, prod
from random import Random

import pytest

import viz
from demos import dictionary
from demos.dictionary import DATA, GRAPH, PARAMETERS
from demos.gallery import BESIDE
from scalargrad import Value
from tests.demos.conftest import Stage, Told
from tests.demos.page import files_of


def random_graph(seed: int) -> dictionary.Graph:
    """A graph without cycles, its names in random order."""
    rng = Random(seed)
    names = [f"n{i}" for i in range(12)]
    rng.shuffle(names)
    graph: dictionary.Graph = {}
    for i in rng.sample(range(11), 11):
        later = names[i + 1 :]
        graph[names[i]] = rng.sample(later, rng.randint(1, min(3, len(later))))
    return graph


def test_outputs() -> None:
    assert dictionary.get_outputs(GRAPH, "k1") == ["L1"]
    assert dictionary.get_outputs(GRAPH, "Loss") == []


@pytest.mark.parametrize("graph", [GRAPH, dictionary.tower(5), *map(random_graph, range(20))])
def test_graphlib_has_each_name_ready_when_it_comes(graph: dictionary.Graph) -> None:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, outputs in graph.items():
        for output in outputs:
            sorter.add(output, name)
    sorter.prepare()
    ready = set(sorter.get_ready())
    for name in dictionary.sort(graph):
        assert name in ready
        sorter.done(name)
        ready |= set(sorter.get_ready())
    assert not sorter.is_active()


def test_the_order_is_one_of_those_of_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    orders = networkx.all_topological_sorts(networkx.DiGraph(GRAPH))
    assert dictionary.sort(GRAPH) in orders


def test_a_cycle_is_an_error() -> None:
    with pytest.raises(ValueError, match="cycle"):
        dictionary.sort({"a": ["b"], "b": ["c", "d"], "c": ["a"]})


def test_gradients_by_hand() -> None:
    values = dictionary.with_gradients()
    b1, k1, b2, k2 = PARAMETERS.values()
    x, y = DATA.values()
    s = 1.0 / (1.0 + exp(-(k1 * x + b1)))
    error = k2 * s + b2 - y
    assert values["Loss"].data == pytest.approx(error**2, rel=1e-12)
    back = 2 * error * k2 * s * (1 - s)
    expected = {"k1": back * x, "b1": back, "k2": 2 * error * s, "b2": 2 * error}
    assert {name: values[name].grad for name in expected} == pytest.approx(expected, rel=1e-12)


def test_the_strings_of_the_four_parameters() -> None:
    assert {name: dictionary.partial_order(GRAPH, name) for name in PARAMETERS} == {
        "b1": "∂Loss/∂L2*∂L2/∂sigmoid*∂sigmoid/∂L1*∂L1/∂b1",
        "k1": "∂Loss/∂L2*∂L2/∂sigmoid*∂sigmoid/∂L1*∂L1/∂k1",
        "b2": "∂Loss/∂L2*∂L2/∂b2",
        "k2": "∂Loss/∂L2*∂L2/∂k2",
    }


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_way_back_is_the_only_path_of_networkx(name: str) -> None:
    networkx = pytest.importorskip("networkx")
    (path,) = networkx.all_simple_paths(networkx.DiGraph(GRAPH), name, "Loss")
    back = path[::-1]
    assert dictionary.way_back(GRAPH, name) == list(pairwise(back))


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_library_writes_the_same_chain_from_the_bare_dictionary(name: str) -> None:
    rule = viz.chain_rule("Loss", name, graph=GRAPH, edges="feeds")
    factors = dictionary.partial_order(GRAPH, name).replace("*", " * ")
    assert str(rule) == f"∂Loss/∂{name} = {factors}"


def test_each_chain_multiplies_to_the_gradient() -> None:
    values = dictionary.with_gradients()
    for name in PARAMETERS:
        rule = viz.chain_rule(values["Loss"], values[name])
        assert len(rule.paths) == 1
        assert prod(rule.paths[0].factors) == pytest.approx(values[name].grad, rel=1e-12)
        assert rule.total == values[name].grad


class Counting(float):
    """A number that counts the multiplications of all such numbers."""

    count = 0

    def __mul__(self, other: float) -> "Counting":
        Counting.count += 1
        return Counting(float(self) * other)


def multiply_alone(graph: dictionary.Graph, parameters: list[str]) -> int:
    """Multiply out each chain for itself, with 2 for every factor; return how often."""
    Counting.count = 0
    for name in parameters:
        product = None
        (name,) = graph[name]
        while True:
            product = Counting(2.0) if product is None else product * 2.0
            if name not in graph:
                break
            (name,) = graph[name]
    return Counting.count


def multiply_backward(graph: dictionary.Graph, parameters: list[str]) -> int:
    """Pass gradients back from the loss, for what leads from parameters; return how often."""
    Counting.count = 0
    needed = set(parameters)
    for name in dictionary.sort(graph):
        if name in needed:
            needed |= set(graph.get(name, []))
    gradient: dict[str, Counting | None] = {"Loss": None}
    for name in reversed(dictionary.sort(graph)):
        if name in needed and name != "Loss":
            after = gradient[graph[name][0]]
            # Nothing is multiplied by the 1 that the loss starts with.
            gradient[name] = Counting(2.0) if after is None else after * 2.0
    return Counting.count


@pytest.mark.parametrize("lines", [None, 1, 2, 3, 10])
def test_multiplications_are_counted(lines: int | None) -> None:
    graph = GRAPH if lines is None else dictionary.tower(lines)
    parameters = [name for name in graph if name[0] in "kb"]
    expected = (multiply_alone(graph, parameters), multiply_backward(graph, parameters))
    assert dictionary.multiplications(graph, parameters) == expected


def test_a_tower_of_two_lines_is_the_graph_without_its_data() -> None:
    graph = {name: out for name, out in GRAPH.items() if name not in DATA}
    renamed = dictionary.tower(2)
    shape = {
        name.replace("sigmoid1", "sigmoid"): [out.replace("sigmoid1", "sigmoid") for out in outputs]
        for name, outputs in renamed.items()
    }
    assert shape == graph


def test_the_counts_of_the_text(told: Callable[[str], Told]) -> None:
    story = told("dictionary").story
    text = " ".join(story.text)
    numbers = dict(story.numbers)
    assert numbers["multiplications, this graph"] == "8 alone, 6 with a memory"
    assert "takes 8 multiplications" in text
    assert "takes 6" in text
    assert numbers["multiplications, 100 lines"] == "20,000 alone, 398 with a memory"
    assert "20,000 become 398" in text
    for lines in (1, 2, 10, 100):
        parameters = [f"{letter}{i}" for i in range(1, lines + 1) for letter in "kb"]
        counted = dictionary.multiplications(dictionary.tower(lines), parameters)
        assert counted == (2 * lines**2, 4 * lines - 2)


def test_the_picture_runs_from_the_parameters_to_the_loss() -> None:
    picture = viz.draw(GRAPH, edges="feeds").placed.picture
    labels = {node.id: node.label for node in picture.nodes}
    drawn = {(labels[edge.source], labels[edge.target]) for edge in picture.edges}
    assert drawn == {(name, output) for name, outputs in GRAPH.items() for output in outputs}


def test_the_saved_picture_has_the_direction_of_the_dictionary(
    told: Callable[[str], Told], stage: Stage
) -> None:
    told("dictionary")
    svg = (stage.folder("dictionary") / "dictionary-graph.svg").read_text(encoding="utf-8")
    # A leaf is marked as an input; read the other way round, it would be made of L1.
    title = "A graph that is only a dictionary"
    drawn = viz.draw(GRAPH, edges="feeds", title=title, width=BESIDE)
    assert svg == drawn.svg()
    assert "each name goes into the names in its list" in svg


def test_a_directed_graph_of_networkx_is_the_same_picture() -> None:
    networkx = pytest.importorskip("networkx")
    picture = viz.draw(networkx.DiGraph(GRAPH)).placed.picture
    ours = viz.draw(GRAPH, edges="feeds").placed.picture
    assert {node.label for node in picture.nodes} == {node.label for node in ours.nodes}
    assert len(picture.edges) == len(ours.edges) == 9


@pytest.mark.parametrize("what", list(dictionary.larger_graphs()))
def test_the_sort_takes_larger_graphs_as_they_are(what: str, told: Callable[[str], Told]) -> None:
    networkx = pytest.importorskip("networkx")
    graph = dictionary.larger_graphs()[what]
    # Whatever is used twice by one name has two edges.
    expected = networkx.MultiDiGraph(
        [(name, output) for name, outputs in graph.items() for output in outputs]
    )
    order = dictionary.sort(graph)
    place = {name: i for i, name in enumerate(order)}
    assert set(order) == set(expected)
    assert all(place[name] < place[output] for name, output in expected.edges())
    assert networkx.is_directed_acyclic_graph(expected)
    text = dict(told("dictionary").story.numbers)[f"names of {what}"]
    assert text == f"{len(expected):,}, sorted alike"
    assert len(expected) > 100


def test_the_graph_of_a_value_has_all_its_nodes() -> None:
    x, k = Value(2.0), Value(3.0)
    square = x * x
    product = k * square
    result = square + product
    names = {id(x): "x", id(k): "k", id(square): "square", id(product): "product"}
    names[id(result)] = "result"
    graph = {
        names[int(name)]: sorted(names[int(output)] for output in outputs)
        for name, outputs in dictionary.graph_of(result).items()
    }
    assert graph == {
        "x": ["square", "square"],
        "k": ["product"],
        "square": ["product", "result"],
        "product": ["result"],
    }


def test_names_are_computed_from_their_operands() -> None:
    leaves = {name: Value(x) for name, x in {**PARAMETERS, **DATA}.items()}
    computed = dictionary.compute(GRAPH, leaves)
    assert computed["L1"].data == PARAMETERS["k1"] * DATA["x"] + PARAMETERS["b1"]
    assert set(computed) == {*GRAPH, "Loss"}


def test_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("dictionary")
    numbers = dict(ran.story.numbers)
    assert all(number in ran.printed for number in numbers.values())
    assert numbers["∂Loss/∂k1, from the names"] == "∂Loss/∂L2*∂L2/∂sigmoid*∂sigmoid/∂L1*∂L1/∂k1"
    assert ran.files == files_of(ran.story)
