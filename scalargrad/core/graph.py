"""Walks over anything that has `.args`: iterative, so that depth is no limit, and always in the same order."""

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar


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
    # What is pushed last comes first, so roots and operands go on in reverse.
    stack: list[Any] = [*reversed([*roots])]
    pop, push, extend, add, emit = stack.pop, stack.append, stack.extend, seen.add, order.append
    while stack:
        node = pop()
        if node is None:  # a mark: the node below it has all of its operands in the order
            emit(pop())
            continue
        while node not in seen:  # down along first operands, which need not go over the stack
            add(node)
            args = node.args
            if not args:
                emit(node)
                break
            push(node)
            push(None)
            if len(args) == 2:  # nearly always
                push(args[1])
            else:
                extend(args[:0:-1])
            node = args[0]
    return order
