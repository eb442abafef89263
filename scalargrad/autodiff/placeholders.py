"""Placeholders for the arguments of a transform, and the derivatives of one call on them.

A placeholder is a new leaf with the number of an argument. It tells the argument from every other
use of the same Value, and it does not matter what the function does with its containers. After the
call each placeholder is replaced by the argument it was made for.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import add

from scalargrad.core.backprop import chain, local_derivatives, pullback
from scalargrad.core.conversion import as_float
from scalargrad.core.graph import topological
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.modes import (
    check_question,
    current_mode,
    enable_grad,
    is_tracing,
    observing,
    unobserved,
)
from scalargrad.core.nested import (
    ArrayMaker,
    copy_tree,
    flatten,
    float_array,
    is_tree,
    object_array,
    tree_paths,
)
from scalargrad.core.value import Constant, Number, Parameter, Value
from scalargrad.errors import DataError, GraphError


class Placeholders:
    """The placeholders of one call, and the arguments that replace them afterwards.

    Attributes:
        transform: The name of the transform, for messages.
        arguments: The argument that replaces each placeholder.
        given_values: Whether one of the arguments or tangents is a Value.
        nodes: The nodes made during the call, in order.
        recording: Whether the caller records graphs.
        differentiates: Makes conversions to plain numbers warn that the graph ends there.
    """

    differentiates = True

    def __init__(self, transform: str) -> None:
        self.transform = transform
        self.arguments: dict[Value, Value] = {}
        self.given_values = False
        self.nodes: list[Value] = []
        self.recording = current_mode().recording

    def on_node(
        self,
        node: Value,
        op: str,  # noqa: ARG002
        args: tuple[Number, ...],  # noqa: ARG002
        partials: tuple[float, ...],  # noqa: ARG002
    ) -> None:
        """Remember a new node; the engine calls this."""
        self.nodes.append(node)

    def on_backward(self, order: list[Value]) -> None:
        """Ignore a backward pass; the engine calls this after each."""

    def create(self, tree: object, what: object) -> list[Value]:
        """Create a placeholder for each number of a tree.

        Args:
            tree: The tree, which nobody changes from now on.
            what: Its name in messages.

        Returns:
            The placeholders, in the order of the numbers.

        Raises:
            DataError: For an entry that is not a number.
        """
        placeholders = []
        for index, item in enumerate(flatten(tree)):
            try:
                placeholders.append(self._create_one(item))
            except DataError:
                place = tree_paths(tree, str(what))[index]
                raise _not_a_number(item, place) from None
        return placeholders

    def _create_one(self, item: object) -> Value:
        if isinstance(item, Value):
            self.given_values = True
            placeholder = _copy_leaf(item)
            self.arguments[placeholder] = item
            return placeholder
        placeholder = Value(as_float(item, "an argument"))
        # Replaced by a Constant, like any other number in the function. A Value would be a leaf
        # that tapes around the call watch, and that transforms around it take for one of theirs.
        self.arguments[placeholder] = Constant(placeholder._data)
        return placeholder

    def check_tangent(self, tangent: object) -> Number:
        """Return one number of the tangents as a Value or a float."""
        if not isinstance(tangent, Value):
            return as_float(tangent, f"{self.transform}: a tangent")
        self.given_values = True
        return tangent

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Remember the nodes made in the block, then replace placeholders by arguments."""
        try:
            with enable_grad(), observing(self):
                yield
        finally:
            # Also where the function raises: a tape around the call may hold its nodes.
            self._replace_by_arguments()

    def _replace_by_arguments(self) -> None:
        arguments = self.arguments
        for node in self.nodes:
            if any(arg in arguments for arg in node.args):
                node.args = tuple(arguments.get(arg, arg) for arg in node.args)


def _not_a_number(item: object, place: str) -> DataError:
    """Make the error about an argument that can't be differentiated by."""
    if hasattr(item, "named_parameters"):
        return DataError(
            f"{place} is a {type(item).__name__}, not a number to differentiate by: choose another "
            "argument with argnums=, or call backward() on the loss for the gradients of its "
            "parameters"
        )
    try:
        as_float(item, f"{place} as an argument to differentiate by")
    except DataError as error:
        return error
    return DataError(f"{place} is not a number to differentiate by")


def _copy_leaf(x: Value) -> Value:
    """Make a leaf with the number and label of `x`, of the same class if a user derived it."""
    kind = type(x)
    number = x._data
    if kind in (Value, Parameter) or issubclass(kind, Constant):
        return Value(number, label=x.label)

    # Made without its own __init__, which may take other arguments.
    leaf = object.__new__(kind)
    Value.__init__(leaf, number, label=x.label)
    slots = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
    for name in (*slots, *getattr(x, "__dict__", ())):
        if name not in Value.__slots__ and hasattr(x, name):
            setattr(leaf, name, getattr(x, name))
    return leaf


class Call:
    """One call of a function on placeholders, and its derivatives.

    Args:
        placeholders: The placeholders that the function was called with.
        result: What the function returned.
        inputs: The tree to differentiate by; only its structure is used.
        leaves: The placeholders in `inputs`, in order.

    Attributes:
        result: A copy of what the function returned, whose containers nobody else can change.
        outputs: The numbers in it, in order.
        inputs: The tree to differentiate by.
    """

    def __init__(
        self,
        placeholders: Placeholders,
        result: object,
        inputs: object,
        leaves: list[Value],
    ) -> None:
        self.result = copy_tree(result, f"{placeholders.transform}: what the function returns")
        self.outputs = [_as_output(entry) for entry in flatten(self.result)]
        self.inputs = inputs
        self._placeholders = placeholders
        self._leaves = leaves
        self._graph = topological(self.outputs)

    def require_one_number(self) -> None:
        """Raise DataError unless the function returned one number."""
        if is_tree(self.result):
            raise DataError(
                f"{self._placeholders.transform} needs a function that returns one number, not "
                f"{type(self.result).__name__}: return a sum, or use jacobian"
            )

    def gradients(self) -> list[list[Value]]:
        """Return the gradient of each output by each input: a row for each output."""
        order = _dependent_nodes(self._graph, self._leaves)
        existing = set(self._graph)
        passes = [pullback(order, [(output, 1.0)]) for output in self.outputs]

        rows = []
        for gradients in passes:
            row = [as_result(gradients.get(leaf, 0.0), existing) for leaf in self._leaves]
            rows.append(row)
        return rows

    def tangents(self, directions: Sequence[Number]) -> list[Value]:
        """Return the tangent of each output, given those of the inputs."""
        given: dict[Value, Number] = {}
        for leaf, direction in zip(self._leaves, directions, strict=True):
            # A plain 0 moves nothing, so nothing is computed for it; a Value of 0 has a graph.
            if isinstance(direction, Value) or direction:
                given[leaf] = direction

        order = _dependent_nodes(self._graph, given)
        tangents = _pushforward(order, given)
        existing = {*self._graph, *tangents.values()}
        return [as_result(tangents.get(output, 0.0), existing) for output in self.outputs]

    def finalize(self, values: list[Value]) -> tuple[list[Number], ArrayMaker]:
        """Turn derivatives into the numbers that the caller gets: all Values or all floats.

        Args:
            values: Derivatives, and outputs of the function.

        Returns:
            The numbers, and the function that makes an array of them.
        """
        placeholders = self._placeholders
        if not placeholders.recording:
            check_question(f"no_grad() around {placeholders.transform}")
            return [value._data for value in values], float_array
        if placeholders.given_values or self._depend_on_others(values):
            return [placeholders.arguments.get(value, value) for value in values], object_array
        return [value._data for value in values], float_array

    def _depend_on_others(self, values: list[Value]) -> bool:
        """Whether the results depend on a Value that the function took from elsewhere."""
        others = _OtherValues(self._placeholders, self._graph)
        # A hook may return any Value as the gradient.
        has_hooks = any(node.metadata for node in self._graph)
        if not others.in_graph and not has_hooks:
            return False
        if others.are_reached_from(values):
            return True

        # A zero from a branch not taken, as of a ReLU that is off, has no graph. By the results
        # alone, their type would change with the numbers, and a loss that uses the derivative
        # would fail at some points only. So the formula decides as well.
        with unobserved():
            order = _dependent_nodes(self._graph, self._leaves)
            return others.are_in_derivative(order, self.outputs)


class _OtherValues:
    """The Values that a function took from elsewhere, and the nodes that depend on them.

    These are parameters, arguments not differentiated by, and arguments of transforms around this
    one. Placeholders, Constants and leaves that the function made itself are not among them.

    Attributes:
        in_graph: Whether the outputs of the function depend on any.
    """

    def __init__(self, placeholders: Placeholders, graph: list[Value]) -> None:
        # While a function is traced, a plain Constant alone has one number for all samples and all
        # calls. Masks are drawn and buffers are read again.
        self._is_tracing = is_tracing()
        made_leaves = [node for node in placeholders.nodes if not node.args]
        if self._is_tracing:
            made_leaves = [leaf for leaf in made_leaves if not isinstance(leaf, RandomLeaf)]
        self._own_leaves = {*placeholders.arguments, *made_leaves}
        self._known: dict[Value, bool] = {}
        for node in graph:
            if node.args:
                self._known[node] = any(self._known[arg] for arg in node.args)
            else:
                self._known[node] = self._is_other(node)
        self.in_graph = any(self._known.values())

    def _is_other(self, leaf: Value) -> bool:
        is_constant = type(leaf) is Constant if self._is_tracing else isinstance(leaf, Constant)
        return not is_constant and leaf not in self._own_leaves

    def are_reached_from(self, values: Iterable[object]) -> bool:
        """Whether one of the values depends on such a Value; numbers among them do not."""
        stack = [value for value in values if isinstance(value, Value)]
        seen: set[Value] = set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            known = self._known.get(node)
            if known or (known is None and not node.args and self._is_other(node)):
                return True
            if known is None:
                stack.extend(node.args)
        # Remembered, because this is asked for each node on the way and their graphs overlap.
        self._known.update(dict.fromkeys(seen, False))
        return False

    def are_in_derivative(self, order: list[Value], outputs: list[Value]) -> bool:
        """Whether the derivative of an output depends on such a Value by its formula.

        It does where a path from an input to an output has a local derivative that does, whatever
        else is on the path.

        Args:
            order: The nodes that depend on an input, operands first.
            outputs: The outputs of the function.
        """
        moving = set(order)
        affected: set[Value] = set()
        for node in order:
            if not node.args:
                continue
            try:
                partials = local_derivatives(node)
            except GraphError:
                # A node made by hand, behind a branch that was not taken. It has no formula, so
                # the node itself is taken for its local derivatives.
                partials = (node,) * len(node.args)
            for arg, partial in zip(node.args, partials, strict=True):
                if arg in moving and (arg in affected or self.are_reached_from([partial])):
                    affected.add(node)
        return any(output in affected for output in outputs)


def _as_output(entry: object) -> Value:
    if isinstance(entry, Value):
        return entry
    return Constant(as_float(entry, "what a function to differentiate returns"))


def _dependent_nodes(graph: list[Value], inputs: Iterable[Value]) -> list[Value]:
    """Return the nodes of a graph that depend on the inputs, operands first."""
    dependent = set(inputs)
    order = []
    for node in graph:
        if node in dependent or any(arg in dependent for arg in node.args):
            dependent.add(node)
            order.append(node)
    return order


def as_result(derivative: Number, existing: Collection[Number]) -> Value:
    """Return a derivative as a Value that is not one of the existing nodes.

    A number becomes a Constant. A Value that is part of a graph already is multiplied by 1, so that
    labeling or changing the result does not change an operand.

    Args:
        derivative: The derivative.
        existing: The nodes that are part of a graph already.
    """
    if not isinstance(derivative, Value):
        return Constant(derivative)
    return Constant(1.0) * derivative if derivative in existing else derivative


def _pushforward(order: list[Value], tangents: dict[Value, Number]) -> dict[Value, Number]:
    """Add to `tangents` those of all nodes that move, and return them.

    The tangent of a node is the sum over its operands of local derivative times tangent.
    """
    for node in order:
        if not node.args:
            continue
        terms = []
        for arg, partial in zip(node.args, local_derivatives(node), strict=True):
            if arg in tangents:
                term = chain(tangents[arg], partial)
                if term is not None:
                    terms.append(term)
        if terms:
            tangents[node] = reduce(add, terms)
    return tangents
