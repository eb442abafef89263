"""Folded chains: which of a graph's chains are closed, and what their cards say."""

from collections.abc import Collection, Mapping, Sequence

from scalargrad.core.ops import ADD, DIV, MUL, SUB
from scalargrad.core.value import Value
from viz.look.text import cut, plural
from viz.model.chains import Chain, find_chains
from viz.model.picture import MAX_CHIPS, ChainEnds, Node
from viz.model.snapshot import Snapshot

MAX_OPEN_LINKS = 3
"""Links that are drawn at each end of an open chain that is too long to be drawn whole."""
MAX_FORMULA = 48
"""Characters of what a link computes."""
_BEFORE = "…"
"""In a formula, what the links before handed on."""
_SUMS = (ADD.name, SUB.name)
_INFIX = {ADD.name: "+", SUB.name: "−", MUL.name: "×", DIV.name: "÷"}


def name_chains(snapshot: Snapshot) -> dict[str, Chain]:
    """Return the chains of a graph by the names that open them.

    Args:
        snapshot: The graph.

    Example:
        >>> y = Value(1.0)
        >>> for _ in range(100):
        ...     y = (y + 0.5).sin()
        >>> list(name_chains(Snapshot([y])))
        ['chain']
    """
    chains = [_without_roots(snapshot, chain) for chain in find_chains(snapshot)]
    if len(chains) == 1 and "chain" not in snapshot.modules:
        return {"chain": chains[0]}
    named: dict[str, Chain] = {}
    for chain in chains:
        rank = len(named) + 1
        while f"chain {rank}" in snapshot.modules:
            rank += len(chains)
        named[f"chain {rank}"] = chain
    return named


def _without_roots(snapshot: Snapshot, chain: Chain) -> Chain:
    """Return a chain without its last link, if that holds a root that its card would not show."""
    hidden = set(chain.links[-1]) - {chain.results[-1]}
    if hidden.isdisjoint(snapshot.roots):
        return chain
    return Chain(chain.links[:-1], chain.results[:-1])


def close_chains(chains: Mapping[str, Chain], opened: Collection[str]) -> dict[str, Chain]:
    """Return what stays folded: of an open chain that is long, all but the links at its ends.

    Args:
        chains: The chains by their names.
        opened: Names of chains to open.
    """
    closed = {}
    for name, chain in chains.items():
        if name not in opened:
            closed[name] = chain
        elif len(chain.values) > MAX_CHIPS:
            closed[name] = chain.without_ends(_count_open_links(chain))
    return closed


def _count_open_links(chain: Chain) -> int:
    """Return how many links at each end of an open chain can be read, one at least."""
    readable = MAX_CHIPS // (2 * len(chain.links[0]))
    return max(1, min(MAX_OPEN_LINKS, readable))


def chain_node(snapshot: Snapshot, id: str, name: str, chain: Chain) -> Node:
    """Return the card of a folded chain.

    Args:
        snapshot: The graph.
        id: The id of the node.
        name: The name of the chain.
        chain: The chain.
    """
    first = chain.results[0]
    last = chain.results[-1]
    has_gradients = snapshot.has_gradients
    return Node(
        id=id,
        kind="module",
        label=f"{name} × {len(chain):,}",
        data=last.data,
        grad=snapshot.gradients[last] if has_gradients else None,
        detail=plural(len(chain.links[-1]), "value") + " each",
        formula=cut(link_formula(snapshot, chain), MAX_FORMULA),
        root=not chain.values.isdisjoint(snapshot.roots),
        chain=ChainEnds(
            count=len(chain),
            first=first.data,
            last=last.data,
            first_grad=snapshot.gradients[first] if has_gradients else None,
            last_grad=snapshot.gradients[last] if has_gradients else None,
            name=cut(snapshot.labels[last], 24),
        ),
    )


def link_formula(snapshot: Snapshot, chain: Chain) -> str:
    """Return what each link computes; "…" stands for what the links before it handed on.

    Args:
        snapshot: The graph.
        chain: The chain.

    Example:
        >>> y = Value(1.0)
        >>> for _ in range(100):
        ...     y = (y + 0.5) * 2.0
        >>> (chain,) = find_chains(Snapshot([y]))
        >>> link_formula(Snapshot([y]), chain)
        '(… + 0.5) × 2'
    """
    link = chain.links[-1]
    names: dict[Value, str] = {}
    for place, node in enumerate(link):
        if node.args:
            names[node] = _operation(snapshot, node, names, chain)
        else:
            names[node] = _leaf(snapshot, [values[place] for values in chain.links])
    return names[chain.results[-1]]


def _leaf(snapshot: Snapshot, leaves: Sequence[Value]) -> str:
    """Return the number of a leaf that each link has its own of, or a sign where they differ."""
    numbers = {leaf.data for leaf in leaves}
    return _digits(numbers.pop()) if len(numbers) == 1 else snapshot.symbols[leaves[-1]]


def _digits(x: float) -> str:
    """Return a number with more digits than on a card: 1.001 to the power of the count matters."""
    return f"{x:.6g}".replace("-", "−")


def _operation(snapshot: Snapshot, node: Value, names: Mapping[Value, str], chain: Chain) -> str:
    operands = [_operand(snapshot, arg, names, chain) for arg in node.args]
    sign = _INFIX.get(node.op)
    if sign is not None and len(operands) == 2:
        for i, arg in enumerate(node.args):
            is_sum = arg in names and arg.op in _SUMS
            is_quotient = arg in names and arg.op in _INFIX
            needs_frame = is_sum if node.op == MUL.name else is_quotient
            # Neither a − (b + c) nor a ÷ (b × c) can do without.
            is_second = i == 1 and node.op in (SUB.name, DIV.name)
            if (node.op in (MUL.name, DIV.name) and is_sum) or (is_second and needs_frame):
                operands[i] = f"({operands[i]})"
        return cut(f"{operands[0]} {sign} {operands[1]}", 4 * MAX_FORMULA)

    symbol = snapshot.symbols[node]
    if symbol.startswith("x") and len(symbol) > 1 and len(operands) == 1:
        is_plain = node.args[0] not in names or not node.args[0].args
        base = operands[0] if is_plain else f"({operands[0]})"
        return base + symbol[1:]
    return cut(f"{node.op}({', '.join(operands)})", 4 * MAX_FORMULA)


def _operand(snapshot: Snapshot, node: Value, names: Mapping[Value, str], chain: Chain) -> str:
    if node in names:
        return names[node]
    if node in chain.values:
        return _BEFORE
    return snapshot.labels[node] or _digits(node.data)
