"""What can learn: everything that a loss uses and is meant to learn can be reached by the optimizer, or a warning names it."""

from collections.abc import Iterable, Sequence
from typing import Any

from scalargrad.core.unlearned import warn_unlearned
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import OptionError
from scalargrad.nn import Module
from scalargrad.nn.containers import everything, insides
from scalargrad.nn.survey import as_code, survey
from scalargrad.optim import Optimizer

_SHOWN = 3


class ComputedNodes:
    """An observer that notes which nodes were computed while it watched."""

    def __init__(self) -> None:
        self.ids: set[int] = set()

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:  # noqa: ARG002
        """Note a node."""
        self.ids.add(id(node))

    def went_back(self, order: list[Any]) -> None:
        """Do nothing: backward passes make no nodes of the loss."""


def find_plain_values(model: Module) -> list[tuple[str, Value]]:
    """Find the Values of a model that are no Parameters, Buffers or Constants, each with its path.

    Example:
        >>> model = Module()
        >>> model.gain, model.bias = Value(1.0), Parameter(0.0)
        >>> [path for path, _ in find_plain_values(model)]
        ['gain']
    """
    passed_over = survey(model, Module).unlearned()
    return [
        (as_code(path), value) for path, value in passed_over if not isinstance(value, Parameter)
    ]


def check_optimizer(model: Module, optimizer: Optimizer, used: Iterable[Value]) -> None:
    """Refuse an optimizer that would change something else than what the loss depends on.

    Args:
        model: What is trained.
        optimizer: What shall train it.
        used: The leaves that the loss of a sample, or the penalty, depends on.

    Raises:
        OptionError: For parameters that are neither the model's nor used.

    Example:
        >>> from scalargrad.nn import Layer
        >>> from scalargrad.optim import SGD
        >>> check_optimizer(Layer(1, 1), SGD(Layer(1, 1).parameters()), [])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        scalargrad.errors.OptionError: SGD is over the parameters of another model: none of its 2 parameters is the model's, ...
    """
    known = {id(leaf) for leaf in (*model.parameters(), *used)}
    strange = [parameter for parameter in optimizer.parameters if id(parameter) not in known]
    if not strange:
        return
    if not model.parameters():
        raise OptionError(explain_no_parameters(model))
    count, kind = len(optimizer.parameters), type(optimizer).__name__
    if len(strange) == count:
        raise OptionError(
            f"{kind} is over the parameters of another model: none of its {count} parameters is the model's, so nothing would be "
            f"learned. Make it again, {kind}(model.parameters(), …), after the model"
        )
    raise OptionError(
        f"{kind} holds {len(strange)} of its {count} parameters in vain: neither the model has them nor does its loss use them. "
        f"Were they replaced after {kind} was made? "
        f"Make it again, {kind}(model.parameters(), …)"
    )


def explain_no_parameters(model: Module) -> str:
    """Say why a model can't learn that has no Parameter.

    Example:
        >>> explain_no_parameters(Module())
        'Module has no Parameters, so there is nothing to train: assign Parameters or Modules to its attributes'
    """
    kind = type(model).__name__
    leaves = [
        (as_code(path), value)
        for path, value in survey(model, Module).unlearned()
        if not value.args
    ]
    hidden = [path for path, value in leaves if isinstance(value, Parameter)]
    if hidden:
        return (
            f"{kind} has Parameters only in places that are not searched, in {_some(hidden)}: "
            "assign them to attributes of the model, by themselves or in a list, tuple or dict"
        )
    if leaves:
        names = _some([path for path, _ in leaves])
        return f"{kind} has no Parameters, only plain Values, which nothing trains, in {names}: make them Parameters"
    return f"{kind} has no Parameters, so there is nothing to train: assign Parameters or Modules to its attributes"


def warn_of_unlearned(
    model: Module,
    optimizer: Optimizer,
    roots: Sequence[Value],
    made: ComputedNodes,
    own: dict[int, str],
    functions: Sequence[Any],
) -> None:
    """Warn of what the loss uses, what is meant to learn, and what the optimizer can't reach.

    Args:
        model: What is trained.
        optimizer: What trains it.
        roots: The losses of a few samples, and the penalty.
        made: What was computed just now, as opposed to long ago.
        own: The paths of the plain Values that the model had before, by their ids.
        functions: Where else to look for names: the loss and the penalty.
    """
    leaves, old = find_leaves(roots, made)
    known = {id(parameter) for parameter in (*model.parameters(), *optimizer.parameters)}
    lost = [
        leaf
        for leaf in leaves
        if isinstance(leaf, Parameter) and leaf.trainable and id(leaf) not in known
    ]
    if lost:
        names = _names(lost, model, functions)
        warn_unlearned(
            f"the loss uses {_some(names)}, which neither model.parameters() nor the optimizer holds, so it is not learned: "
            "assign it to an attribute of the model, in a list, tuple or dict if need be, before the optimizer is made"
        )
    plain = [own[id(leaf)] for leaf in leaves if id(leaf) in own]
    if plain:
        warn_unlearned(
            f"the loss uses {_some(plain)}, a plain Value of {type(model).__name__}, which is not learned: "
            "make it a Parameter, or a Buffer if it shall stay as it is"
        )
    stale = [node for node in old if id(node) in own or _learns(node)]
    if stale:
        names = [own.get(id(node)) or node.label or f"a result of {node.op}" for node in stale]
        warn_unlearned(
            f"the loss uses {_some(names)}, computed before training began, so it keeps its number and is not learned: "
            "compute it inside of forward, or make it a Parameter, as in Parameter(value.data)"
        )
    reached = {id(leaf) for leaf in leaves}
    free = [parameter for parameter in optimizer.parameters if parameter.trainable]
    if (
        free
        and not lost
        and not plain
        and not stale
        and not any(id(parameter) in reached for parameter in free)
    ):
        warn_unlearned(
            "the loss depends on none of the parameters that the optimizer holds, so nothing is learned: "
            "compute it from the model's output as a graph, not from plain numbers (.data, float(), detach(), no_grad())"
        )


def find_leaves(roots: Sequence[Value], made: ComputedNodes) -> tuple[list[Value], list[Value]]:
    """Walk graphs back to what they depend on.

    Returns:
        The leaves, and the results that were there before `made` watched; below those nothing is looked at.

    Example:
        >>> a = Value(1.0, label="a")
        >>> [leaf.label for leaf in find_leaves([a], ComputedNodes())[0]]
        ['a']
    """
    leaves: list[Value] = []
    old: list[Value] = []
    seen: set[int] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not node.args:
            leaves.append(node)
        elif id(node) in made.ids:
            pending += node.args
        else:
            old.append(node)
    return leaves, old


def _learns(node: Value) -> bool:
    """Whether something below an old result is meant to learn."""
    seen: set[int] = set()
    pending = [node]
    while pending:
        below = pending.pop()
        if id(below) not in seen:
            seen.add(id(below))
            if isinstance(below, Parameter) and below.trainable:
                return True
            pending += below.args
    return False


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _names(lost: Sequence[Value], model: Module, functions: Sequence[Any]) -> list[str]:
    """The paths of leaves in the model, or around its `forward` and other functions; else their labels."""
    forwards = [type(part).forward for _, part in model.named_modules()]
    around = [place for function in [*forwards, *functions] for place in insides(function)]
    found = [*survey(model, Module).unlearned(), *everything(around, {id(model)})]
    paths = {id(value): as_code(path.removeprefix("__self__.")) for path, value in reversed(found)}
    return [_name(leaf, paths.get(id(leaf), "")) for leaf in lost]


def _name(leaf: Value, path: str) -> str:
    if path and leaf.label and leaf.label not in path:
        return f"{path} ({leaf.label!r})"
    return path or leaf.label or f"a Parameter of {leaf.data!r}"
