"""Walks over anything that has `.args`: iterative, so that depth is no limit, and always in the same order."""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class HasArgs(Protocol):
    """A node that knows the nodes it was made from."""

    @property
    def args(self) -> tuple["HasArgs", ...]:
        """The operands, in order."""


Node = TypeVar("Node", bound=HasArgs)


def topological(roots: Iterable[Node]) -> list[Node]:
    """Every node that the roots depend on, the roots included: each once, and always after its operands.

    >>> from scalargrad import Value
    >>> a = Value(2.0, label="a"); b = a * a; c = b + a
    >>> [node.label or node.op for node in topological([c])]
    ['a', 'mul', 'add']
    """
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[Node | None] = [*reversed([*roots])]  # what is pushed last comes first: roots and operands go on in reverse
    pop, push, extend, add, emit = stack.pop, stack.append, stack.extend, seen.add, order.append
    while stack:
        node = pop()
        if node is None:  # a mark: the node below it has all of its operands in the order
            emit(pop())  # type: ignore[arg-type]
        elif node not in seen:
            add(node)
            if node.args:
                push(node)
                push(None)
                extend(node.args[::-1])  # type: ignore[arg-type]
            else:
                emit(node)
    return order
