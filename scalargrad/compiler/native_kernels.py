"""Kernels as loops of vector instructions, forward and backward, for one tile of samples."""

from types import SimpleNamespace
from typing import Any, NamedTuple

from scalargrad.core.ops import TABLE, ExactZero

from .kernels import Dots, Elementwise, Kernel, Matrix, OverList
from .native_module import Emitter
from .native_rules import UnsupportedError, VectorTerm, make_vectors
from .native_storage import Storage
from .program import insert_static_args, partials_by_rows

__all__ = ["KernelEmitter"]

_MAX_LIST = 64
"""How long a list may be: the rules of operations over lists are written out, item by item."""


class _Computed(NamedTuple):
    """An operation of an elementwise kernel, or a number that it takes.

    Attributes:
        value: The number.
        operands: What an operation was computed from.
    """

    value: VectorTerm
    operands: list["_Computed"]


class KernelEmitter:
    """Writes the instructions of kernels.

    Args:
        emitter: Where instructions are added.
        storage: Where numbers are.
    """

    def __init__(self, emitter: Emitter, storage: Storage) -> None:
        self.emitter = emitter
        self.storage = storage
        self.vectors: SimpleNamespace = make_vectors(emitter)

    def forward(self, kernel: Kernel) -> None:
        """Write what computes a kernel.

        Raises:
            UnsupportedError: It has no native code.
        """
        if isinstance(kernel, Elementwise):
            self._forward_elementwise(kernel)
        elif isinstance(kernel, Matrix):
            self._forward_matrix(kernel)
        elif isinstance(kernel, Dots):
            self._forward_dots(kernel)
        elif isinstance(kernel, OverList):
            self._forward_over_list(kernel)
        else:
            raise UnsupportedError(str(kernel))

    def backward(self, kernel: Kernel) -> None:
        """Write what sends the gradient of a kernel, which `forward` knows, to its operands."""
        if isinstance(kernel, Elementwise):
            self._backward_elementwise(kernel)
        elif isinstance(kernel, Matrix):
            self._backward_matrix(kernel)
        elif isinstance(kernel, Dots):
            self._backward_dots(kernel)
        elif isinstance(kernel, OverList):
            self._backward_over_list(kernel)

    # Elementwise

    def _forward_elementwise(self, kernel: Elementwise) -> None:
        results = self.storage.reader(kernel.rows)

        def run(index: Any, carry: list[Any]) -> list[Any]:
            operands = self._compute_operands(kernel, index)
            results.store(self._apply(kernel, operands).value, index)
            return carry

        self.emitter.loop(self.emitter.index(len(kernel.rows)), run, [])

    def _compute_operands(self, kernel: Elementwise, index: Any) -> list[_Computed]:
        computed = []
        for operand in kernel.operands:
            if isinstance(operand, Elementwise):
                operands = self._compute_operands(operand, index)
                computed.append(_Computed(self._apply(operand, operands), operands))
            else:
                vector = self.storage.reader(operand).load(index)
                computed.append(_Computed(VectorTerm(self.emitter, vector), []))
        return computed

    def _apply(self, kernel: Elementwise, operands: list[_Computed]) -> VectorTerm:
        """Return the result of an operation."""
        rule = getattr(self.vectors, kernel.kind.op)
        result = rule(*insert_static_args(kernel.kind, [operand.value for operand in operands]))
        if isinstance(result, VectorTerm):
            return result
        return VectorTerm(self.emitter, self.emitter.constant(result))

    def _backward_elementwise(self, kernel: Elementwise) -> None:
        results = self.storage.reader(kernel.rows)
        gradients = self.storage.gradient(kernel.rows)

        def run(index: Any, carry: list[Any]) -> list[Any]:
            operands = self._compute_operands(kernel, index)
            result = VectorTerm(self.emitter, results.load(index))
            gradient = VectorTerm(self.emitter, gradients.load(index))
            self._send_gradient(kernel, _Computed(result, operands), index, gradient)
            return carry

        self.emitter.loop(self.emitter.index(len(kernel.rows)), run, [])

    def _send_gradient(
        self, kernel: Elementwise, computed: _Computed, index: Any, gradient: VectorTerm
    ) -> None:
        terms = [operand.value for operand in computed.operands]
        all_terms = insert_static_args(kernel.kind, terms)
        rules = partials_by_rows(kernel.kind)
        for rule, operand, term in zip(rules, kernel.operands, computed.operands, strict=True):
            groups = operand.taken() if isinstance(operand, Elementwise) else [operand]
            if not any(map(self.storage.needs_gradient, groups)):
                continue
            partial = rule(self.vectors, computed.value, *all_terms)
            if isinstance(partial, ExactZero):
                continue
            product = gradient
            if isinstance(partial, VectorTerm) or partial != 1.0:
                product = gradient * partial
            if isinstance(operand, Elementwise):
                self._send_gradient(operand, term, index, product)
            else:
                self.storage.gradient(operand).add(product.value, index)

    # Matrix products

    def _forward_matrix(self, kernel: Matrix) -> None:
        emitter = self.emitter
        places, length = kernel.x.shape
        x = self.storage.reader(kernel.x)
        weights = self.storage.reader(kernel.weights)
        biases = None if kernel.bias is None else self.storage.reader(kernel.bias)
        results = self.storage.reader(kernel.rows.reshape(places, -1))

        def run(place: Any, feature: Any) -> None:
            def add_product(k: Any, carry: list[Any]) -> list[Any]:
                weight = weights.load(feature, k)
                return [emitter.multiply_add(weight, x.load(place, k), carry[0])]

            start = emitter.constant(0.0) if biases is None else biases.load(feature)
            (total,) = emitter.repeat(length, add_product, [start])
            results.store(total, place, feature)

        self._loop_twice(places, len(kernel.weights), run)

    def _backward_matrix(self, kernel: Matrix) -> None:
        emitter = self.emitter
        storage = self.storage
        places, length = kernel.x.shape
        x = storage.reader(kernel.x)
        weights = storage.reader(kernel.weights)
        to_x = storage.gradient(kernel.x) if storage.needs_gradient(kernel.x) else None
        to_weights = None
        if storage.needs_gradient(kernel.weights):
            to_weights = storage.gradient(kernel.weights)
        to_bias = None
        if kernel.bias is not None and storage.needs_gradient(kernel.bias):
            to_bias = storage.gradient(kernel.bias)
        gradients = storage.gradient(kernel.rows.reshape(places, -1))

        def run(place: Any, feature: Any) -> None:
            gradient = gradients.load(place, feature)
            if to_bias is not None:
                to_bias.add(gradient, feature)

            def send(k: Any, carry: list[Any]) -> list[Any]:
                if to_weights is not None:
                    total = to_weights.load(feature, k)
                    total = emitter.multiply_add(gradient, x.load(place, k), total)
                    to_weights.store(total, feature, k)
                if to_x is not None:
                    total = to_x.load(place, k)
                    total = emitter.multiply_add(gradient, weights.load(feature, k), total)
                    to_x.store(total, place, k)
                return carry

            emitter.repeat(length, send, [])

        self._loop_twice(places, len(kernel.weights), run)

    def _loop_twice(self, outer: int, inner: int, body: Any) -> None:
        """Write two loops, one in the other, around what `body` writes for their indexes."""

        def run(i: Any, carry: list[Any]) -> list[Any]:
            def run_inner(j: Any, inner_carry: list[Any]) -> list[Any]:
                body(i, j)
                return inner_carry

            self.emitter.loop(self.emitter.index(inner), run_inner, [])
            return carry

        self.emitter.loop(self.emitter.index(outer), run, [])

    # Dot products

    def _forward_dots(self, kernel: Dots) -> None:
        emitter = self.emitter
        count, length = kernel.first.shape
        first = self.storage.reader(kernel.first)
        second = self.storage.reader(kernel.second)
        results = self.storage.reader(kernel.rows)

        def run(i: Any, carry: list[Any]) -> list[Any]:
            def add_product(k: Any, total: list[Any]) -> list[Any]:
                return [emitter.multiply_add(first.load(i, k), second.load(i, k), total[0])]

            (total,) = emitter.repeat(length, add_product, [emitter.constant(0.0)])
            results.store(total, i)
            return carry

        emitter.loop(emitter.index(count), run, [])

    def _backward_dots(self, kernel: Dots) -> None:
        count, length = kernel.first.shape
        gradients = self.storage.gradient(kernel.rows)
        for rows, others in ((kernel.first, kernel.second), (kernel.second, kernel.first)):
            if self.storage.needs_gradient(rows):
                factors = self.storage.reader(others)
                targets = self.storage.gradient(rows)

                def send(i: Any, k: Any, factors: Any = factors, targets: Any = targets) -> None:
                    product = self.emitter.builder.fmul(gradients.load(i), factors.load(i, k))
                    targets.add(product, i, k)

                self._loop_twice(count, length, send)

    # Operations over lists

    def _forward_over_list(self, kernel: OverList) -> None:
        count, length = kernel.items.shape
        if length > _MAX_LIST:
            raise UnsupportedError(str(kernel))
        results = self.storage.reader(kernel.rows)
        rule = TABLE[kernel.kind.op].forward

        def run(i: Any, carry: list[Any]) -> list[Any]:
            result = rule(self.vectors, self._load_items(kernel, i))
            results.store(result.value, i)
            return carry

        self.emitter.loop(self.emitter.index(count), run, [])

    def _load_items(self, kernel: OverList, i: Any) -> list[VectorTerm]:
        items = self.storage.reader(kernel.items)
        positions = map(self.emitter.index, range(kernel.items.shape[1]))
        return [VectorTerm(self.emitter, items.load(i, k)) for k in positions]

    def _backward_over_list(self, kernel: OverList) -> None:
        if not self.storage.needs_gradient(kernel.items):
            return
        results = self.storage.reader(kernel.rows)
        gradients = self.storage.gradient(kernel.rows)
        targets = self.storage.gradient(kernel.items)
        rule = TABLE[kernel.kind.op].partials[0]

        def run(i: Any, carry: list[Any]) -> list[Any]:
            result = VectorTerm(self.emitter, results.load(i))
            gradient = VectorTerm(self.emitter, gradients.load(i))
            partials = rule(self.vectors, result, self._load_items(kernel, i))
            for k, partial in enumerate(partials):
                if not isinstance(partial, ExactZero):
                    targets.add((gradient * partial).value, i, self.emitter.index(k))
            return carry

        self.emitter.loop(self.emitter.index(len(kernel.rows)), run, [])
