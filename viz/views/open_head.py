"""One open attention head: its numbers as columns, and one product of them as single values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import hypot, isfinite, sqrt

from scalargrad.core.scopes import CallScope
from scalargrad.core.value import Value
from viz.look.text import clean, number, plural
from viz.model.open_head import HeadCell, HeadPanel, HeadRow, OpenHead
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.snapshot import Snapshot
from viz.views.layers.assign import list_name

from .attention_heads import AttentionHead, Product
from .scalars import value_node

MAX_POSITIONS = 16
"""Positions that are shown: of more the strongest ones, and the first and the last."""
MAX_NUMBERS = 12
"""Numbers of a query, a key or a value that are shown."""
_HEAD = "head"
_USER = "user"
_GROUP = "one"


@dataclass(frozen=True, slots=True)
class HeadNames:
    """What an open head is called.

    Attributes:
        title: The heading of the picture.
        note: Which call it is.
        tokens: The names of the positions, () where they are unknown.
        receiver: The name of the position that receives the results, "" where it is unknown.
    """

    title: str
    note: str = ""
    tokens: tuple[str, ...] = ()
    receiver: str = ""


def open_head_picture(
    snapshot: Snapshot, head: AttentionHead, names: HeadNames, show: str | None = None
) -> Picture:
    """Return a head as columns of numbers, and below them the product of one path as cards.

    Args:
        snapshot: The graph.
        head: The head.
        names: What it is called.
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.

    Example:
        >>> import scalargrad as sg
        >>> from .attention_heads import find_heads
        >>> q, k, v = ([Value(1.0), Value(2.0)] for _ in range(3))
        >>> weights = sg.softmax([sg.dot(q, k), sg.dot(q, v)])
        >>> snapshot = Snapshot([sg.dot(weights, k)])
        >>> [head] = find_heads(snapshot, weights)
        >>> picture = open_head_picture(snapshot, head, HeadNames("head"))
        >>> [node.label for node in picture.nodes]
        ['head', 'weights[0]', 'v[0][0]', 'weight · v', 'result[0]']
    """
    return _OpenHeadView(snapshot, head, names, show).build()


class _OpenHeadView:
    def __init__(
        self, snapshot: Snapshot, head: AttentionHead, names: HeadNames, show: str | None
    ) -> None:
        self.snapshot = snapshot
        self.head = head
        self.names = names
        self.show = snapshot.default_show if show is None else show
        self._rows = _choose_rows(head)
        self._keys = range(min(len(head.products[0]), MAX_NUMBERS))
        self._values = range(min(len(head.results), MAX_NUMBERS))
        self._row = max(self._rows, key=lambda i: _size(head.weights[i].data))
        self._key = max(self._keys, key=lambda j: _size(head.products[self._row][j].data))
        self._value = max(self._values, key=lambda j: _size(head.weighted[self._row][j].data))
        self._weights_name = _variable(head.weights) or "weights"
        self._results_name = _variable(head.results) or "result"

    def build(self) -> Picture:
        """Return the picture."""
        nodes = [self._head_node(), *self._cards()]
        return Picture(
            "cards",
            tuple(nodes),
            tuple(self._edges(nodes)),
            (Group(_GROUP, self._group_title()),),
            title=self.names.title,
            notes=tuple(self._notes()),
            total=len(self.snapshot),
            colors=self.show,
            center=_HEAD,
        )

    # The columns

    def _head_node(self) -> Node:
        head = self.head
        open_head = OpenHead(
            query=tuple(self._cell(head.products[0][j].first) for j in self._keys),
            rows=tuple(self._head_row(i) for i in self._rows),
            results=tuple(self._cell(head.results[j]) for j in self._values),
            panels=self._panels(),
            query_name=self._letters[0],
            goes_to=self._goes_to(),
            path=(self._rows.index(self._row), self._key, self._value),
        )
        norm = None
        if self.snapshot.has_gradients:
            norm = hypot(*(self.snapshot.gradients[result] for result in head.results))
        return Node(
            _HEAD,
            "module",
            label=self.names.title,
            grad=norm,
            detail=plural(len(head.weights), "position"),
            formula="attention",
            name=self.names.title,
            outputs=len(head.results),
            head=open_head,
        )

    @cached_property
    def _letters(self) -> tuple[str, str, str]:
        """The names of queries, keys and values, where the code has three different ones."""
        product = self.head.products[self._row][0]
        value = self.head.weighted[self._row][0].second
        names = (_variable([product.first]), _variable([product.second]), _variable([value]))
        are_different = all(names) and len(set(names)) == len(names)
        return names if are_different else ("q", "k", "v")

    def _panels(
        self,
    ) -> tuple[HeadPanel, HeadPanel, HeadPanel, HeadPanel, HeadPanel, HeadPanel]:
        head = self.head
        key = head.products[self._row][0].second
        value = head.weighted[self._row][0].second
        q, k, v = self._letters
        return (
            HeadPanel(k, self._origin(key) or plural(len(head.products[0]), "number")),
            HeadPanel(f"{q}·{k}", plural(len(head.products[0]), "product")),
            HeadPanel(_variable(head.logits) or "logit", self._scale()),
            HeadPanel(self._weights_name, "softmax × mask" if head.masks else "softmax"),
            HeadPanel(v, self._origin(value) or plural(len(head.results), "number")),
            HeadPanel(f"weight × {v}", plural(len(head.results), "product")),
        )

    def _scale(self) -> str:
        head = self.head
        size = len(head.products[0])
        if head.scale == 1.0:
            return "Σ"
        if abs(head.scale * sqrt(size) - 1.0) < 1e-9:
            return f"Σ / √{size}"
        return f"Σ × {number(head.scale)}"

    def _head_row(self, i: int) -> HeadRow:
        head = self.head
        tokens = self.names.tokens
        return HeadRow(
            tokens[i] if i < len(tokens) else str(i),
            tuple(self._cell(head.products[i][j].second) for j in self._keys),
            tuple(self._product(head.products[i][j]) for j in self._keys),
            self._cell(head.logits[i]),
            self._cell(head.weights[i]),
            tuple(self._cell(head.weighted[i][j].second) for j in self._values),
            tuple(self._product(head.weighted[i][j]) for j in self._values),
        )

    def _cell(self, node: Value) -> HeadCell:
        return HeadCell(node.data, self._gradient(node))

    def _product(self, product: Product) -> HeadCell:
        return HeadCell(product.data, self._gradient(product.whole))

    def _gradient(self, node: Value) -> float | None:
        return self.snapshot.gradients[node] if self.snapshot.has_gradients else None

    # What is before and after it

    def _origin(self, node: Value) -> str:
        """Return which function made a number, with the parameter that it used."""
        scope = node.scope
        if scope is None:
            return ""
        if not isinstance(scope, CallScope):
            modules = [part for part in scope.chain() if part.name]
            own = list_name(modules[0].name) if modules else scope.kind
            return clean(own)
        return _with_parameter(clean(scope.name), _cone(node))

    def _user_name(self) -> str:
        """Return which function or module uses the results, "" for none."""
        users = self.snapshot.users.get(self.head.results[0], [])
        if not users:
            return ""
        scope = users[0].scope
        if scope is None or scope is self.head.results[0].scope:
            return ""
        if not isinstance(scope, CallScope):
            return self._origin(users[0])
        operands = [arg for user in users for arg in user.args]
        return _with_parameter(clean(scope.name), operands)

    def _goes_to(self) -> str:
        user = self._user_name()
        return f"{self._results_name} → {user}" if user else self._results_name

    # One product as single values

    def _cards(self) -> Iterator[Node]:
        head = self.head
        product = head.weighted[self._row][self._value]
        result = head.results[self._value]
        v = self._letters[2]
        yield self._card(product.first, f"{self._weights_name}[{self._row}]")
        yield self._card(product.second, f"{v}[{self._row}][{self._value}]")
        if not self._is_alone:
            yield self._product_card(product)
        symbol = "×" if self._is_alone else "Σ"
        others = plural(len(head.weights) - 1, "other product")
        yield replace(
            self._card(result, f"{self._results_name}[{self._value}]"),
            symbol=symbol,
            detail=f"+ {others}" if len(head.weights) > 1 else "",
        )
        user = self._user_name()
        if user:
            uses = len(self.snapshot.users.get(result, ()))
            formula = plural(uses, "use")
            yield Node(_USER, "module", label=user, formula=formula, name=user, group=_GROUP)

    @property
    def _is_alone(self) -> bool:
        """Whether the product is the result already, where there is one position alone."""
        product = self.head.weighted[self._row][self._value]
        return product.whole is self.head.results[self._value] and len(self.head.weights) == 1

    def _card(self, node: Value, label: str) -> Node:
        card = value_node(self.snapshot, node, self._gradient(node))
        return replace(card, label=card.label or label, detail="", group=_GROUP)

    def _product_card(self, product: Product) -> Node:
        index = self.snapshot.index[product.whole]
        return Node(
            f"n{index}p",
            "operation",
            "×",
            "weight · v",
            product.data,
            self._gradient(product.whole),
            group=_GROUP,
            formula=f"{number(product.first.data)} × {number(product.second.data)}",
        )

    def _edges(self, nodes: Sequence[Node]) -> Iterator[Edge]:
        product = self.head.weighted[self._row][self._value]
        gradient = self._gradient(product.whole)
        weight, value, into, *after = nodes[1:]
        for port, (card, other) in enumerate(((weight, product.second), (value, product.first))):
            yield self._edge(card, into, other.data, gradient, port)
        total = into
        if not self._is_alone:
            total, *after = after
            yield self._edge(into, total, 1.0, gradient)
        for user in after:
            yield self._edge(total, user, None, total.grad)

    def _edge(
        self, source: Node, target: Node, local: float | None, gradient: float | None, port: int = 0
    ) -> Edge:
        flow: float | None = None
        if self.show == "data":
            flow = source.data
        elif gradient is not None:
            flow = gradient * (1.0 if local is None else local) if gradient else 0.0
        return Edge(source.id, target.id, local, flow, port)

    # Words

    def _group_title(self) -> str:
        count = len(self._rows) * len(self._values)
        return f"one of the {plural(count, 'product')}, as single values"

    def _remark(self) -> str:
        product = self.head.weighted[self._row][self._value]
        factors = f"{number(product.first.data)} × {number(product.second.data)}"
        return f"{factors} = {number(product.data)}"

    def _notes(self) -> Iterator[str]:
        head = self.head
        share = head.weights[self._row].data
        tokens = self.names.tokens
        if head.masks:
            dropped = sum(mask.data == 0.0 for mask in head.masks)
            where = f"{dropped} of {plural(len(head.masks), 'position')}"
            yield f"{self._remark()}: a weight is a share times its mask, which is 0 for {where}"
        elif isfinite(share):
            name = f"position {self._row}"
            if self._row < len(tokens):
                token = tokens[self._row]
                name = f"“{token}” at {name}" if tokens.count(token) > 1 else f"“{token}”"
            receiver = self.names.receiver
            what = f"“{receiver}” receives" if receiver else "is received"
            yield f"{self._remark()}: of what {what} here, {share:.0%} comes from {name}"
        if self.names.note:
            yield self.names.note
        if len(self._rows) < len(head.weights):
            yield (
                f"{len(self._rows)} of {len(head.weights):,} positions: the strongest, the first "
                "and the last"
            )
        widest = max(len(head.products[0]), len(head.results))
        if widest > MAX_NUMBERS:
            yield f"the first {MAX_NUMBERS} of {widest:,} numbers"
        yield "number: data; fill: its gradient; gray bar: the share; ink frames: one path"
        yield "where a value is used more than once, its gradient is the sum over its uses"


def _choose_rows(head: AttentionHead) -> list[int]:
    """Return the positions to show: the first, the last, and the strongest between them."""
    count = len(head.weights)
    if count <= MAX_POSITIONS:
        return list(range(count))
    strongest = sorted(range(count), key=lambda i: -_size(head.weights[i].data))
    chosen = dict.fromkeys([strongest[0], 0, count - 1])
    for i in strongest:
        if len(chosen) < MAX_POSITIONS:
            chosen[i] = None
    return sorted(chosen)


def _size(x: float) -> float:
    """Return how large a number is; what is not a number is small."""
    return abs(x) if x == x else -1.0


def _variable(nodes: Sequence[Value]) -> str:
    """Return the variable that the code gives a result to, "" where it is unknown."""
    node = nodes[0]
    scope = node.scope
    if scope is not None and not isinstance(scope, CallScope):
        return ""  # the code of a module is not the user's
    called_at = scope.called_at if isinstance(scope, CallScope) else None
    own = "" if node.made_at is None else node.made_at.variable
    returned = "" if called_at is None else called_at.variable
    return clean(own or returned).removeprefix("self.")


def _cone(node: Value) -> Iterator[Value]:
    """Yield what a number was made of within its call."""
    pending = [node]
    seen = {node}
    while pending:
        for arg in pending.pop().args:
            if arg not in seen:
                seen.add(arg)
                yield arg
                if arg.scope is node.scope:
                    pending.append(arg)


def _with_parameter(function: str, operands: Iterable[Value]) -> str:
    """Return the name of a function, with that of the parameter among what it uses."""
    for operand in operands:
        if operand.kind == "parameter" and operand.label:
            return f"{function} ({clean(operand.label).partition('[')[0]})"
    return function
