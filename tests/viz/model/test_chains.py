"""Chains are found where a graph does the same again and again, whatever is beside them."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import Value, nn
from viz.model.chains import MIN_LINKS, Chain, find_chains
from viz.model.snapshot import Snapshot


def repeat(step: Callable[[Value, int], Value], count: int, start: float = 0.5) -> Value:
    x = Value(start, label="x")
    for i in range(count):
        x = step(x, i)
    return x


def names(chain: Chain) -> list[str]:
    """The operations of a link, which are those of all links."""
    (same,) = {tuple(node.op for node in link if node.args) for link in chain.links}
    return list(same)


@pytest.mark.parametrize(
    ("step", "operations"),
    [
        (lambda x, _: x * 1.01 + 0.1, ["mul", "add"]),
        (lambda x, i: x * Value(1.0 + 0.01 * i), ["mul"]),
        (lambda x, _: (x.sin() + 0.5).tanh(), ["sin", "add", "tanh"]),
        (lambda x, _: x * x * 0.5, ["mul", "mul"]),
    ],
    ids=["affine", "product", "alternating", "square"],
)
def test_every_step_of_a_loop_is_a_link(step, operations):
    (chain,) = find_chains(Snapshot([repeat(step, 100)]))
    assert len(chain) == 100
    assert names(chain) == operations


def test_the_steps_of_a_recurrent_network_share_its_weights():
    w, u, b = (Value(0.3, label=name) for name in "wub")
    (chain,) = find_chains(
        Snapshot([repeat(lambda h, i: (w * h + u * Value(0.1 * i) + b).tanh(), 100)])
    )
    assert len(chain) == 100
    assert chain.values.isdisjoint({w, u, b})
    assert [node.op for node in chain.results] == ["tanh"] * 100


def test_a_loss_of_each_step_belongs_to_its_link():
    h = Value(0.5)
    loss = Value(0.0)
    for _ in range(100):
        h = (h * 0.5).tanh()
        loss = loss + (h - 0.2) ** 2
    (chain,) = find_chains(Snapshot([loss]))
    assert len(chain) == 100
    assert names(chain) == ["mul", "tanh", "sub", "pow", "add"]


def test_what_follows_a_chain_is_no_part_of_it():
    end = repeat(lambda x, _: x * 1.01 + 0.1, 100)
    loss = (end - 3.0) ** 2
    (chain,) = find_chains(Snapshot([loss]))
    assert len(chain) == 100
    assert chain.results[-1] is end


def test_a_link_may_take_from_two_links_back():
    a, b = Value(1.0), Value(1.0)
    for _ in range(100):
        a, b = b, (a + b) * 0.5
    (chain,) = find_chains(Snapshot([b]))
    assert len(chain) == 100


def test_a_result_that_all_links_use_stays_outside():
    k = Value(0.5).exp()
    scale = k * 2.0
    (chain,) = find_chains(Snapshot([repeat(lambda x, _: (x * scale).tanh(), 100)]))
    assert chain.values.isdisjoint({k, scale})
    assert len(chain) >= 99


def test_chains_after_and_beside_one_another_are_found():
    long = repeat(lambda x, _: x * 1.01 + 0.1, 100)
    for _ in range(50):
        long = long.sin()
    beside = repeat(lambda x, _: (x + 0.2).tanh(), 30)
    chains = find_chains(Snapshot([long * beside]))
    assert sorted(map(len, chains)) == [30, 50, 100]


def test_steps_that_differ_are_no_chain():
    steps = [Value.sin, Value.tanh, Value.exp, Value.cos]
    root = repeat(lambda x, i: steps[(i * i * 7 + i // 3) % 4](x), 60)
    assert find_chains(Snapshot([root])) == []


def test_a_chain_may_begin_from_a_module():
    model = nn.MLP(2, [2, 1], seed=0)
    x = model([Value(1.0), Value(2.0)])
    for _ in range(50):
        x = (x * 0.5 + 0.1).sin()
    (chain,) = find_chains(Snapshot([x]))
    assert len(chain) == 50


def test_loops_within_a_long_loop_are_found_one_by_one():
    x = Value(0.5)
    for _ in range(100):
        for _ in range(300):
            x = x.sin()
        x = x.cos()
    chains = find_chains(Snapshot([x]))
    assert chains
    assert all(names(chain) == ["sin"] for chain in chains)


def test_a_short_loop_within_a_loop_is_one_chain():
    def step(x: Value, _: int) -> Value:
        for _ in range(20):
            x = x.sin()
        return x.cos()

    (chain,) = find_chains(Snapshot([repeat(step, 50)]))
    assert len(chain) == 50
    assert names(chain) == ["sin"] * 20 + ["cos"]


def test_few_steps_are_no_chain():
    assert find_chains(Snapshot([repeat(lambda x, _: x.sin(), MIN_LINKS - 1)])) == []
    assert len(find_chains(Snapshot([repeat(lambda x, _: x.sin(), MIN_LINKS)]))) == 1


@st.composite
def loops(draw) -> tuple[Value, int]:
    """A loop over one to three states, whose body is drawn, and what is made of them in the end."""
    count = draw(st.integers(MIN_LINKS, 40))
    width = draw(st.integers(1, 3))
    shared = [Value(0.5), Value(0.25).exp()]
    operations = draw(
        st.lists(
            st.tuples(st.sampled_from(["add", "mul", "sin"]), st.integers(0, 9), st.integers(0, 9)),
            min_size=width,
            max_size=6,
        )
    )
    states = [Value(0.1 * (k + 1)) for k in range(width)]
    history = []
    for i in range(count):
        known = [*states, *shared, Value(0.01 * i)]
        for name, left, right in operations:
            x, y = known[left % len(known)], known[-1 - right % len(known)]
            known.append(x.sin() if name == "sin" else getattr(x, f"__{name}__")(y))
        states = known[-width:]
        history.append(states[0])
    ending = draw(st.sampled_from(["last", "sum of all", "product of the ends"]))
    if ending == "sum of all":
        return sum(history, Value(0.0)), count
    last = sum(states[1:], states[0])
    return (last if ending == "last" else last * history[0]), count


@settings(max_examples=200, deadline=None)
@given(loops())
def test_links_are_equal_and_nothing_is_in_two_of_them(drawn):
    root, _ = drawn
    snapshot = Snapshot([root])
    seen: set[Value] = set()
    for chain in find_chains(snapshot):
        assert len(chain) >= MIN_LINKS
        assert names(chain)
        for link, result in zip(chain.links, chain.results, strict=True):
            assert result in link
            assert seen.isdisjoint(link)
            seen.update(link)


@settings(max_examples=200, deadline=None)
@given(loops())
def test_a_graph_with_folded_chains_has_no_cycle(drawn):
    root, _ = drawn
    snapshot = Snapshot([root])
    folded = {}
    for number, chain in enumerate(find_chains(snapshot)):
        folded |= dict.fromkeys(chain.values, number)
    operands: dict[object, set[object]] = {}
    for node in snapshot.order:
        own = folded.get(node, node)
        operands.setdefault(own, set())
        operands[own] |= {folded.get(arg, arg) for arg in node.args} - {own}
    while operands:
        ready = {item for item, needed in operands.items() if not needed}
        assert ready
        operands = {item: needed - ready for item, needed in operands.items() if item not in ready}
