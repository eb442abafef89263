"""One call of a function on stand-ins: who stands for whom, the derivatives, what the caller sees.

A stand-in is a fresh leaf with the number of an argument. So an argument is told from every other
use of the same Value, and what the function does with its containers does not matter. Afterwards
the arguments are put in the places of their stand-ins.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add
from typing import Any

from scalargrad.core.backprop import _share, local_derivatives, pullback
from scalargrad.core.conversion import as_float
from scalargrad.core.graph import topological
from scalargrad.core.modes import check_question, current_mode, enable_grad, observing, unobserved
from scalargrad.core.nested import (
    ArrayMaker,
    copy_tree,
    flatten,
    float_array,
    is_tree,
    object_array,
    tree_paths,
)
from scalargrad.core.value import VALUES, Constant, Parameter, Value
from scalargrad.errors import DataError, GraphError


class Tracer:
    """Hands out stand-ins for arguments, and puts the arguments back in their places afterwards.

    Attributes:
        name: The transform, for messages.
        originals: For each stand-in what takes its place afterwards.
        given_values: Whether there was a Value among the arguments.
        nodes: What was made during the call.
        recording: Whether the caller's results are to have graphs.
        differentiates: Tells conversions to plain numbers that the graph is missed where it ends.
    """

    differentiates = True

    def __init__(self, name: str) -> None:
        # Asked before anything else: that a number was read inside would not tell people what to do.
        check_question(f"a derivative ({name})")
        self.name = name
        self.originals: dict[Value, Value] = {}
        self.given_values = False
        self.nodes: list[Value] = []
        self.recording = current_mode().recording

    def made(
        self,
        node: Any,
        op: str,  # noqa: ARG002
        args: tuple[Any, ...],  # noqa: ARG002
        partials: tuple[float, ...],  # noqa: ARG002
    ) -> None:
        """Called by the engine for each new node."""
        self.nodes.append(node)

    def went_back(self, order: list[Any]) -> None:
        """Called by the engine after each backward pass, which is nothing to a transform."""

    def stand_ins(self, nest: Any, what: object) -> list[Value]:
        """A fresh leaf for each number of a nest, told from every other use of the same Value."""
        found = []
        for index, x in enumerate(flatten(nest)):
            try:
                found.append(self._stand_in(x))
            except DataError:
                raise self._refusal(x, tree_paths(nest, str(what))[index]) from None
        return found

    def _stand_in(self, x: Any) -> Value:
        if isinstance(x, Value):
            self.given_values = True
            twin = _twin(x)
            self.originals[twin] = x
            return twin
        twin = Value(as_float(x, "an argument"))
        # Afterwards it is a number like any other that the function used. A tape around the call
        # then has no leaf to watch, and a transform around it no Value from elsewhere.
        self.originals[twin] = Constant(twin._data)
        return twin

    def _refusal(self, x: Any, place: str) -> DataError:
        if hasattr(x, "named_parameters"):
            return DataError(
                f"{place} is a {type(x).__name__}, and no number to differentiate by: name another "
                "argument with argnums=, or call backward() on the loss for the gradients of its "
                "parameters"
            )
        try:
            as_float(x, f"{place} as an argument to differentiate by")
        except DataError as error:
            return error
        return DataError(f"{place} is no number to differentiate by")

    def tangent(self, x: Any) -> Any:
        """One number of the tangents."""
        if not isinstance(x, Value):
            return as_float(x, f"{self.name}: a tangent")
        self.given_values = True
        return x

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Record what is made inside the block, and reconnect it, even if the block raises."""
        try:
            with enable_grad(), observing(self):
                yield
        finally:
            self._reconnect()

    def _reconnect(self) -> None:
        """Let everything that was made depend on the arguments instead of on their stand-ins."""
        originals = self.originals
        for node in self.nodes:
            if any(arg in originals for arg in node.args):
                node.args = tuple(originals.get(arg, arg) for arg in node.args)


def _twin(x: Value) -> Value:
    """A leaf with the number and label of `x`, of the same class if a user derived it."""
    kind = type(x)
    number = x.data
    if kind in (Value, Parameter) or issubclass(kind, Constant):
        return Value(number, label=x.label)
    twin = object.__new__(kind)
    Value.__init__(twin, number, label=x.label)
    own = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
    for name in (*own, *getattr(x, "__dict__", ())):
        if name not in Value.__slots__ and hasattr(x, name):
            setattr(twin, name, getattr(x, name))
    return twin


class Call:
    """One call of a function on stand-ins, and its derivatives.

    Attributes:
        result: What the function returned, in containers that nobody else can change.
        outputs: The numbers of that, in order.
        inputs: The nest to differentiate by; only its structure is used.
    """

    def __init__(
        self,
        tracer: Tracer,
        result: Any,
        inputs: Any,
        stand_ins: list[Value],
    ) -> None:
        self.result = copy_tree(result, f"{tracer.name}: what the function returns")
        self.outputs = [_output(x) for x in flatten(self.result)]
        self.inputs = inputs
        self._tracer = tracer
        self._stand_ins = stand_ins
        self._graph = topological(self.outputs)

    def require_one_number(self) -> None:
        """Raise DataError unless the function returned one number."""
        if is_tree(self.result):
            raise DataError(
                f"{self._tracer.name} needs a function that returns one number, not "
                f"{type(self.result).__name__}: return a sum, or use jacobian"
            )

    def gradients(self) -> list[list[Value]]:
        """For each output its gradient by each input."""
        order = _dependent(self._graph, self._stand_ins)
        taken = set(self._graph)
        found = [pullback(order, [(output, 1.0)], VALUES) for output in self.outputs]
        return [_own([row.get(x, 0.0) for x in self._stand_ins], taken) for row in found]

    def tangents(self, directions: list[Any]) -> list[Value]:
        """For each output how fast it moves when the inputs move as the directions say."""
        flows = {}
        for leaf, flow in zip(self._stand_ins, directions, strict=True):
            if isinstance(flow, Value) or flow:
                flows[leaf] = flow
        moved = _pushforward(_dependent(self._graph, flows), flows)
        taken = {*self._graph, *flows.values()}
        return _own([moved.get(output, 0.0) for output in self.outputs], taken)

    def results(self, values: list[Value]) -> tuple[list[Any], ArrayMaker]:
        """The numbers as the caller sees them, and what makes an array of them."""
        tracer = self._tracer
        if tracer.recording and (tracer.given_values or self._depend_on_others(values)):
            return [tracer.originals.get(value, value) for value in values], object_array
        return [value._data for value in values], float_array

    def _depend_on_others(self, values: list[Value]) -> bool:
        """Whether the results depend on a Value that is no stand-in and no plain number.

        A zero that comes from a branch not taken, as of a ReLU that is off, has no graph. Its type
        would then change with the numbers, and a loss that uses the derivative would fail at some
        points only. So where the results depend on nothing, the formula is asked as well.
        """
        others = _Others(self._tracer, self._graph)
        hooked = any(node.metadata for node in self._graph)  # a hook may return any Value
        if not others.in_graph and not hooked:
            return False
        if others.reach(values):
            return True
        with unobserved():
            order = _dependent(self._graph, self._stand_ins)
            return others.bend(order, self.outputs)


class _Others:
    """Which nodes depend on Values from elsewhere: parameters, the arguments of other transforms.

    Attributes:
        in_graph: Whether what the function returned depends on any.
    """

    def __init__(self, tracer: Tracer, graph: list[Value]) -> None:
        self._own = {*tracer.originals, *(node for node in tracer.nodes if not node.args)}
        self._known: dict[Value, bool] = {}
        for node in graph:
            if node.args:
                self._known[node] = any(self._known[arg] for arg in node.args)
            else:
                self._known[node] = self._is_other(node)
        self.in_graph = any(self._known.values())

    def _is_other(self, leaf: Value) -> bool:
        return not isinstance(leaf, Constant) and leaf not in self._own

    def reach(self, values: Iterable[Any]) -> bool:
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
        self._known.update(dict.fromkeys(seen, False))
        return False

    def bend(self, order: list[Value], outputs: list[Value]) -> bool:
        """Whether the derivative of an output depends on such a Value by its formula.

        It does where a path from an input to an output has a local derivative that does, whatever
        else is on the path. Each node of `order` depends on an input.
        """
        moving = set(order)
        bent: set[Value] = set()
        for node in order:
            if not node.args:
                continue
            try:
                partials = local_derivatives(node, VALUES)
            except GraphError:  # a node made by hand, behind a branch that was not taken
                partials = (node,) * len(node.args)
            for arg, partial in zip(node.args, partials, strict=True):
                if arg in moving and (arg in bent or self.reach([partial])):
                    bent.add(node)
        return any(output in bent for output in outputs)


def _output(result: Any) -> Value:
    if isinstance(result, Value):
        return result
    return Constant(as_float(result, "what a function to differentiate returns"))


def _dependent(graph: list[Value], inputs: Iterable[Value]) -> list[Value]:
    """The nodes of a graph, operands first, that depend on the inputs.

    Nothing flows through any other.
    """
    reached = set(inputs)
    order = []
    for node in graph:
        if node in reached or any(arg in reached for arg in node.args):
            reached.add(node)
            order.append(node)
    return order


def _own(derivatives: list[Any], taken: set[Any]) -> list[Value]:
    """Values for derivatives, each with a node of its own."""
    return [owned(derivative, taken) for derivative in derivatives]


def owned(derivative: Any, taken: set[Any]) -> Value:
    """A Value for one derivative, which is not one of those that are `taken`.

    A number becomes a Constant, and a Value that has its place in a graph already is multiplied
    by 1, so that whoever labels or changes the result does not change an operand.
    """
    if not isinstance(derivative, Value):
        return Constant(derivative)
    return Constant(1.0) * derivative if derivative in taken else derivative


def _pushforward(order: list[Value], tangents: dict[Value, Any]) -> dict[Value, Any]:
    """The tangent of every node that moves.

    It is the sum over its operands of local derivative times tangent.
    """
    for node in order:
        if node.args:
            shares = [
                _share(tangents[arg], partial)
                for arg, partial in zip(node.args, local_derivatives(node, VALUES), strict=True)
                if arg in tangents
            ]
            flows = [share for share in shares if share is not None]
            if flows:
                tangents[node] = reduce(add, flows)
    return tangents
