"""Attention heads in a graph, found by its structure alone.

A softmax is that of a head where each of its outputs multiplies the numbers of one vector, the
products are summed, and its inputs are sums of products of one query with a key each. It makes no
difference whether the sums are a chain of +, one sum or a dot product.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scalargrad.core import ops
from scalargrad.core.details import rank_in_time
from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot

from .layers.order import digits
from .quotients import find_quotient, find_terms
from .sums import ADDS, starts_sum


@dataclass(frozen=True, slots=True)
class Product:
    """Two factors, and the Value that their product is, or is a summand of.

    The gradient of both is the same, since the derivative of a sum by a summand is 1.

    Attributes:
        first: The query, or the weight.
        second: The key, or the value.
        whole: The product, or the dot product that it is a part of.
    """

    first: Value
    second: Value
    whole: Value

    @property
    def data(self) -> float:
        """The product."""
        return self.first.data * self.second.data


@dataclass(frozen=True, slots=True)
class AttentionHead:
    """An attention head at one position.

    Attributes:
        weights: The share of each position that is attended to, times its mask if there is one.
        logits: What the softmax is of.
        scale: What the sum of the products is multiplied by.
        products: For each position the products of the query with its key.
        weighted: For each position the products of its weight with its value.
        results: The sums of these.
        masks: What each share is multiplied by, as dropout does in training; () where there is
            nothing.
    """

    weights: tuple[Value, ...]
    logits: tuple[Value, ...]
    scale: float
    products: tuple[tuple[Product, ...], ...]
    weighted: tuple[tuple[Product, ...], ...]
    results: tuple[Value, ...]
    masks: tuple[Value, ...] = ()


def find_heads(snapshot: Snapshot, values: Iterable[Value]) -> list[AttentionHead]:
    """Return the heads whose weights are among some Values, in the order of the graph.

    Args:
        snapshot: The graph.
        values: The Values of a call, in topological order.

    Example:
        >>> import scalargrad as sg
        >>> q, k, v = ([Value(1.0), Value(2.0)] for _ in range(3))
        >>> weights = sg.softmax([sg.dot(q, k), sg.dot(q, v)])
        >>> [head] = find_heads(Snapshot([sg.dot(weights, k)]), weights)
        >>> len(head.weights), len(head.products[0]), len(head.results)
        (2, 2, 1)
    """
    by_total: dict[Value, dict[Value, Value]] = {}
    for node in values:
        part, total = find_quotient(node)
        if part is not None and total is not None and part.op == ops.EXP.name:
            by_total.setdefault(total, {})[part] = node
    heads = []
    for total, weights in by_total.items():
        terms = find_terms(total)
        # A weight that nothing uses is no part of the graph.
        if all(term in weights for term in terms):
            head = _read(snapshot, terms, [weights[term] for term in terms])
            if head is not None:
                heads.append(head)
    return heads


def _read(
    snapshot: Snapshot, powers: Sequence[Value], weights: Sequence[Value]
) -> AttentionHead | None:
    """Return the head of a softmax, None where it is that of something else."""
    logits = [_skip_shift(power.args[0]) for power in powers]
    scores = [_skip_scale(logit) for logit in logits]
    products = _read_products([score for score, _ in scores])
    if not products:
        return None
    weighted = _find_weighted(snapshot, weights)
    masks: Sequence[Value] = ()
    if not weighted:
        weights, masks = _find_masked(snapshot, weights)
        weighted = _find_weighted(snapshot, weights) if weights else {}
    if not weighted:
        return None
    by_row = zip(*weighted.values(), strict=True)
    return AttentionHead(
        tuple(weights),
        tuple(logits),
        scores[0][1],
        products,
        tuple(tuple(row) for row in by_row),
        tuple(weighted),
        tuple(masks),
    )


def _skip_shift(node: Value) -> Value:
    """Return what a number is added to or subtracted from, as the largest logit is."""
    if node.op == ops.SUB.name:
        return node.args[0]
    if node.op == ops.ADD.name:
        first, second = node.args
        if second.kind == "constant":
            return first
        if first.kind == "constant":
            return second
    return node


def _skip_scale(node: Value) -> tuple[Value, float]:
    """Return what is multiplied by constants or divided by them, and by how much in all."""
    scale = 1.0
    while node.op in (ops.MUL.name, ops.DIV.name):
        first, second = node.args
        if second.kind == "constant" and second.data:
            scale = scale / second.data if node.op == ops.DIV.name else scale * second.data
            node = first
        elif first.kind == "constant" and node.op == ops.MUL.name:
            scale *= first.data
            node = second
        else:
            break
    return node, scale


def _read_products(scores: Sequence[Value]) -> tuple[tuple[Product, ...], ...]:
    """Return the products of one query with the key of each row, none where there is no query."""
    rows = [_summed_products(score) for score in scores]
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or lengths == {0}:
        return ()
    by_column = [_orient(column) for column in zip(*rows, strict=True)]
    if not all(by_column):
        return ()
    return tuple(tuple(row) for row in zip(*by_column, strict=True))


def _summed_products(total: Value) -> list[Product]:
    """Return the products that a Value adds up, none where it adds up anything else."""
    if total.op == ops.DOT.name:
        half = len(total.args) // 2
        pairs = zip(total.args[:half], total.args[half:], strict=True)
        return [Product(first, second, total) for first, second in pairs]
    products = []
    for term in find_terms(total):
        if term.op != ops.MUL.name:
            return []
        first, second = term.args
        products.append(Product(first, second, term))
    return products


def _orient(column: Sequence[Product]) -> list[Product]:
    """Return products with the factor in front that all of them share, none without such a one."""
    if len({product.first for product in column}) == 1:
        return list(column)
    if len({product.second for product in column}) == 1:
        return [Product(product.second, product.first, product.whole) for product in column]
    return []


def _find_masked(
    snapshot: Snapshot, weights: Sequence[Value]
) -> tuple[Sequence[Value], Sequence[Value]]:
    """Return the products of weights with a mask of their own each, and the masks.

    Both are empty where a weight is used otherwise.
    """
    products: list[Value] = []
    masks: list[Value] = []
    for weight in weights:
        users = snapshot.users.get(weight, ())
        if len(users) != 1 or users[0].op != ops.MUL.name:
            return (), ()
        first, second = users[0].args
        mask = second if first is weight else first
        if mask.args or mask.kind == "parameter":
            return (), ()
        products.append(users[0])
        masks.append(mask)
    return products, masks


def _find_weighted(snapshot: Snapshot, weights: Sequence[Value]) -> dict[Value, list[Product]]:
    """Return for each sum of weighted values its products, one for each weight."""
    places = {weight: i for i, weight in enumerate(weights)}
    found: dict[Value, list[Product]] = {}
    for user in dict.fromkeys(snapshot.users[weights[0]]):
        if user.op == ops.DOT.name:
            products = _weighted_by(_summed_products(user), places)
            if products:
                found[user] = products
        elif user.op == ops.MUL.name:
            total = user
            products = _weighted_by(_summed_products(total), places)
            while not products:
                users = snapshot.users.get(total, [])
                if len(users) != 1 or users[0].op not in ADDS:
                    break
                total = users[0]
                products = _weighted_by(_summed_products(total), places)
            if products:
                found[_skip_zero(snapshot, total)] = products
    in_order = sorted(found, key=lambda result: _place(result, found[result][0].second))
    return {result: found[result] for result in in_order}


def _place(result: Value, value: Value) -> tuple[int, tuple[int, ...]]:
    """Return what sorts results: when they were computed, or which unit made the value."""
    scope = value.scope
    return rank_in_time(result), () if scope is None else digits(scope.name)


def _skip_zero(snapshot: Snapshot, total: Value) -> Value:
    """Return 0 + x, as Python's `sum` computes it, for x."""
    users = snapshot.users.get(total, [])
    if len(users) == 1:
        zero = users[0].args[0]
        if starts_sum(zero, users[0]):
            return users[0]
    return total


def _weighted_by(products: Sequence[Product], places: Mapping[Value, int]) -> list[Product]:
    """Return the products in the order of the weights; none where a weight is missing."""
    by_place: dict[int, Product] = {}
    for product in products:
        if product.first in places:
            by_place.setdefault(places[product.first], product)
        elif product.second in places:
            turned = Product(product.second, product.first, product.whole)
            by_place.setdefault(places[product.second], turned)
    if len(by_place) < len(places) or len(products) != len(places):
        return []
    return [by_place[i] for i in range(len(places))]
