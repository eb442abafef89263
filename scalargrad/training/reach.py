"""Warn of what a loss uses and is meant to learn, but the optimizer does not reach."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from scalargrad.core.unlearned import warn_unlearned
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import DataError, OptionError
from scalargrad.nn import Module
from scalargrad.nn.containers import contents, find_values
from scalargrad.nn.naming import list_names
from scalargrad.nn.survey import as_code, survey
from scalargrad.optim import Optimizer

Function: TypeAlias = Any
"""A loss or penalty of the user, or None."""


class ComputedNodes:
    """An observer of graph construction that records the nodes computed while it is active."""

    def __init__(self) -> None:
        self.ids: set[int] = set()

    def on_node(
        self,
        node: Value,
        op: str,  # noqa: ARG002
        args: tuple[Value, ...],  # noqa: ARG002
        partials: tuple[float, ...],  # noqa: ARG002
    ) -> None:
        """Record a node."""
        self.ids.add(id(node))

    def on_backward(self, order: list[Value]) -> None:
        """Do nothing: backward passes make no nodes of the loss."""


def find_plain_values(model: Module) -> list[tuple[str, Value]]:
    """Return the Values of a model, with paths, that are not Parameters, Buffers or Constants.

    Example:
        >>> model = Module()
        >>> model.gain, model.bias = Value(1.0), Parameter(0.0)
        >>> [path for path, _ in find_plain_values(model)]
        ['gain']
    """
    unlearned = survey(model, Module).unlearned()
    return [(as_code(path), value) for path, value in unlearned if not isinstance(value, Parameter)]


def check_optimizer(model: Module, optimizer: Optimizer, used: Iterable[Value]) -> None:
    """Refuse an optimizer over parameters that the loss does not depend on.

    Args:
        model: What is trained.
        optimizer: What trains the model.
        used: The leaves that the loss of a sample, or the penalty, depends on.

    Raises:
        OptionError: For parameters that are neither the model's nor used.

    Example:
        >>> from scalargrad.nn import Layer
        >>> from scalargrad.optim import SGD
        >>> other = SGD(Layer(1, 1).parameters())
        >>> check_optimizer(Layer(1, 1), other, [])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        scalargrad.errors.OptionError: SGD is over the parameters of another model: ...
    """
    reached = {id(leaf) for leaf in used}
    if all(id(parameter) in reached for parameter in optimizer.parameters):
        return
    # Searched only now: the loss of a sample reaches all parameters of most models.
    owned = model.parameters()
    known = reached | set(map(id, owned))
    strange = [parameter for parameter in optimizer.parameters if id(parameter) not in known]
    if not strange:
        return
    if not owned:
        raise OptionError(explain_no_parameters(model))

    count = len(optimizer.parameters)
    kind = type(optimizer).__name__
    if len(strange) == count:
        raise OptionError(
            f"{kind} is over the parameters of another model: none of its {count} parameters is "
            "the model's, so nothing would be learned. "
            f"Make it again, {kind}(model.parameters(), …), after the model"
        )
    raise OptionError(
        f"{kind} updates {len(strange)} of its {count} parameters to no effect: neither the model "
        f"nor its loss uses them. Were they replaced after {kind} was made? "
        f"Make it again, {kind}(model.parameters(), …)"
    )


def check_own_parameters(module: Module, name: str = "model") -> None:
    """Check what `parameters` of a module returns, if its class defines that itself.

    Args:
        module: The module.
        name: What the error calls it.

    Raises:
        DataError: If anything there is not a Parameter.

    Example:
        >>> class Line(Module):
        ...     def parameters(self):
        ...         return [Value(1.0)]
        >>> check_own_parameters(Line())
        Traceback (most recent call last):
        scalargrad.errors.DataError: model.parameters() of Line holds a Value, which nothing \
trains: use sg.Parameter in place of Value
    """
    if type(module).parameters is Module.parameters:
        return
    for item in module.parameters():
        if not isinstance(item, Parameter):
            kind = type(item).__name__
            raise DataError(
                f"{name}.parameters() of {type(module).__name__} holds a {kind}, which nothing "
                f"trains: use sg.Parameter in place of {kind}"
            )


def explain_no_parameters(model: Module) -> str:
    """Say why a model without Parameters can't be trained.

    Example:
        >>> explain_no_parameters(Module())  # doctest: +ELLIPSIS
        'Module has no Parameters, so there is nothing to train: assign Parameters or Modules ...'
    """
    kind = type(model).__name__
    unlearned = survey(model, Module).unlearned()
    leaves = [(as_code(path), value) for path, value in unlearned if not value.args]
    hidden = [path for path, value in leaves if isinstance(value, Parameter)]
    if hidden:
        return (
            f"{kind} has Parameters only in places that are not searched, in "
            f"{list_names(hidden)}: assign them to attributes of the model, "
            "by themselves or in a list, tuple or dict"
        )
    if leaves:
        names = list_names([path for path, _ in leaves])
        return (
            f"{kind} has no Parameters, only plain Values, which nothing trains, in {names}: "
            "make them Parameters"
        )
    return (
        f"{kind} has no Parameters, so there is nothing to train: "
        "assign Parameters or Modules to its attributes"
    )


def warn_of_unlearned(
    model: Module,
    optimizer: Optimizer,
    leaves: Sequence[Value],
    old: Sequence[Value],
    own: dict[int, str],
    functions: Sequence[Function],
) -> None:
    """Warn of what the loss uses and is meant to learn, but the optimizer does not reach.

    Args:
        model: What is trained.
        optimizer: What trains the model.
        leaves: The leaves that the losses of a few samples, and the penalty, depend on.
        old: The results among their operands that were computed before.
        own: Paths of the plain Values that the model had before, by their ids.
        functions: Where else to look for names: the loss and the penalty.
    """
    trained = set(map(id, optimizer.parameters))
    lost: list[Value] = []
    for leaf in leaves:
        if isinstance(leaf, Parameter) and leaf.trainable and id(leaf) not in trained:
            lost.append(leaf)
    if lost:
        owned = set(map(id, model.parameters()))
        lost = [leaf for leaf in lost if id(leaf) not in owned]
    if lost:
        names = _find_names(lost, model, functions)
        warn_unlearned(
            f"the loss uses {list_names(names)}, which neither model.parameters() nor the "
            "optimizer holds, so it is not learned: assign it to an attribute of the model, "
            "in a list, tuple or dict if need be, before the optimizer is made"
        )

    plain = [own[id(leaf)] for leaf in leaves if id(leaf) in own]
    if plain:
        warn_unlearned(
            f"the loss uses {list_names(plain)}, a plain Value of {type(model).__name__}, "
            "which is not learned: make it a Parameter, or a Buffer to leave it as it is"
        )

    stale = [node for node in old if id(node) in own or _can_learn(node)]
    if stale:
        names = [own.get(id(node)) or node.label or f"a result of {node.op}" for node in stale]
        warn_unlearned(
            f"the loss uses {list_names(names)}, computed before training began, so it keeps its "
            "number and is not learned: compute it inside of forward, "
            "or make it a Parameter, as in Parameter(value.data)"
        )

    # After one of these warnings the reason is known, and this one would only repeat it.
    if lost or plain or stale:
        return
    reached = {id(leaf) for leaf in leaves}
    trainable = [parameter for parameter in optimizer.parameters if parameter.trainable]
    if trainable and not any(id(parameter) in reached for parameter in trainable):
        warn_unlearned(
            "the loss depends on none of the parameters that the optimizer holds, so nothing is "
            "learned: compute it from the model's output as a graph, "
            "not from plain numbers (.data, float(), detach(), no_grad())"
        )


def find_leaves(roots: Sequence[Value], computed: ComputedNodes) -> tuple[list[Value], list[Value]]:
    """Return what graphs depend on.

    Args:
        roots: The results of the graphs.
        computed: The nodes that were computed for them.

    Returns:
        The leaves, and the results that are older than `computed`, whose operands are not visited.

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
        elif id(node) in computed.ids:
            pending += node.args
        # Whatever it was computed from, this training does not compute it again.
        else:
            old.append(node)
    return leaves, old


def _can_learn(node: Value) -> bool:
    """Tell whether an old result depends on a trainable Parameter."""
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


def _find_names(lost: Sequence[Value], model: Module, functions: Sequence[Function]) -> list[str]:
    """Return the paths of leaves in the model, or around its `forward` and other functions."""
    # A closure or a global of these functions may hold what the model does not.
    forwards = [type(module).forward for _, module in model.named_modules()]
    inside: list[Any] = []
    for function in [*forwards, *functions]:
        inside += contents(function)
    located = [*survey(model, Module).unlearned(), *find_values(inside, {id(model)})]

    # Reversed, so that the first path of a leaf wins.
    paths: dict[int, str] = {}
    for path, value in reversed(located):
        paths[id(value)] = as_code(path.removeprefix("__self__."))
    return [_describe(leaf, paths.get(id(leaf), "")) for leaf in lost]


def _describe(leaf: Value, path: str) -> str:
    if path and leaf.label and leaf.label not in path:
        return f"{path} ({leaf.label!r})"
    return path or leaf.label or f"a Parameter of {leaf.data!r}"
