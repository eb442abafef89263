"""Kernels as loops of vector instructions, forward and backward."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

from scalargrad.core.ops import TABLE, ExactZero

from ..array_types import Rows
from ..kernels import Dots, Elementwise, Gather, Kernel, Matrix, OverList, Scan
from ..program import insert_static_args, partials_by_rows
from .chunks import Chunk
from .emitter import Emitter
from .gathers import GatherEmitter
from .loops import LoopEmitter
from .matrices import MatrixEmitter
from .products import write_dots
from .rules import UnsupportedError, VectorList, VectorTerm, make_vectors
from .storage import Reader, Storage

__all__ = ["KernelEmitter"]


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

    Where lanes are samples, an instruction computes one row for several samples. Where they are
    rows, it computes several rows of one sample, or of what all samples share.

    Args:
        emitter: Where instructions are added.
        storage: Where numbers are.
        chunk: The samples that are computed at a time.
    """

    def __init__(self, emitter: Emitter, storage: Storage, chunk: Chunk) -> None:
        self.emitter = emitter
        self.storage = storage
        self.chunk = chunk
        self.matrices = MatrixEmitter(emitter, storage, chunk)
        self.gathers = GatherEmitter(emitter, storage, chunk)
        self.loops = LoopEmitter(emitter, storage, chunk, KernelEmitter)
        self.vectors: SimpleNamespace = make_vectors(emitter)

    def forward(self, kernel: Kernel) -> None:
        """Write what computes a kernel.

        Raises:
            UnsupportedError: It has no native code.
        """
        if isinstance(kernel, Elementwise):
            self._forward_elementwise(kernel)
        elif isinstance(kernel, Matrix):
            self.matrices.forward(kernel)
        elif isinstance(kernel, Dots):
            self._forward_dots(kernel)
        elif isinstance(kernel, OverList):
            self._forward_over_list(kernel)
        elif isinstance(kernel, Gather):
            self.gathers.forward(kernel)
        elif isinstance(kernel, Scan):
            self.loops.forward(kernel)
        else:
            raise UnsupportedError(str(kernel))

    def backward(self, kernel: Kernel) -> None:
        """Write what sends the gradient of a kernel, which `forward` knows, to its operands."""
        if isinstance(kernel, Elementwise):
            self._backward_elementwise(kernel)
        elif isinstance(kernel, Matrix):
            self.matrices.backward(kernel)
        elif isinstance(kernel, Dots):
            self._backward_dots(kernel)
        elif isinstance(kernel, OverList):
            self._backward_over_list(kernel)
        elif isinstance(kernel, Gather):
            self.gathers.backward(kernel)
        elif isinstance(kernel, Scan):
            self.loops.backward(kernel)

    # Elementwise

    def _forward_elementwise(self, kernel: Elementwise) -> None:
        results = self.storage.reader(kernel.rows)
        readers = self._readers(kernel)

        def run(i: Any) -> None:
            operands = self._compute_operands(kernel, i, readers)
            results.store(self._apply(kernel, operands).value, i)

        self.chunk.each_row(len(kernel.rows), run)

    def _readers(self, kernel: Elementwise) -> dict[int, Reader]:
        """Return what reads each group of rows that the kernel takes, by the id of the group."""
        return {id(rows): self.storage.reader(rows) for rows in kernel.taken()}

    def _compute_operands(
        self, kernel: Elementwise, i: Any, readers: dict[int, Reader]
    ) -> list[_Computed]:
        computed = []
        for operand in kernel.operands:
            if isinstance(operand, Elementwise):
                operands = self._compute_operands(operand, i, readers)
                computed.append(_Computed(self._apply(operand, operands), operands))
            else:
                vector = readers[id(operand)].load(i)
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
        readers = self._readers(kernel)
        targets = {
            id(rows): self.storage.gradient(rows)
            for rows in kernel.taken()
            if self.storage.needs_gradient(rows)
        }

        def run(i: Any) -> None:
            operands = self._compute_operands(kernel, i, readers)
            result = VectorTerm(self.emitter, results.load(i))
            gradient = VectorTerm(self.emitter, gradients.load(i))
            self._send_gradient(kernel, _Computed(result, operands), i, gradient, targets)

        self.chunk.each_row(len(kernel.rows), run)

    def _send_gradient(
        self,
        kernel: Elementwise,
        computed: _Computed,
        i: Any,
        gradient: VectorTerm,
        targets: dict[int, Reader],
    ) -> None:
        terms = [operand.value for operand in computed.operands]
        all_terms = insert_static_args(kernel.kind, terms)
        rules = partials_by_rows(kernel.kind)
        for rule, operand, term in zip(rules, kernel.operands, computed.operands, strict=True):
            groups = operand.taken() if isinstance(operand, Elementwise) else [operand]
            if not any(id(rows) in targets for rows in groups):
                continue
            partial = rule(self.vectors, computed.value, *all_terms)
            if isinstance(partial, ExactZero):
                self._send_nothing(groups, i, targets)
                continue
            product = gradient
            if isinstance(partial, VectorTerm) or partial != 1.0:
                product = gradient * partial
            if isinstance(operand, Elementwise):
                self._send_gradient(operand, term, i, product, targets)
            else:
                targets[id(operand)].add(product.value, i)

    def _send_nothing(self, groups: list[Rows], i: Any, targets: dict[int, Reader]) -> None:
        """Write what no gradient flows to, where a gradient is set and not added."""
        for rows in groups:
            target = targets.get(id(rows))
            if target is not None and target.sets:
                target.store(self.emitter.constant(0.0), i)

    # Dot products

    def _forward_dots(self, kernel: Dots) -> None:
        emitter = self.emitter
        count, length = kernel.first.shape
        results = self.storage.reader(kernel.rows)
        first = self.storage.reader(kernel.first)
        second = self.storage.reader(kernel.second)
        if self._runs_along(length, first, second):

            def load_product(i: Any, k: Any) -> tuple[Any, Any]:
                return first.load(i, k), second.load(i, k)

            write_dots(emitter, count, length, load_product, lambda i, sums: results.store(sums, i))
            return

        # The dot products in the lanes, or samples.
        columns = [self.storage.reader(rows.T) for rows in (kernel.first, kernel.second)]

        def run(i: Any) -> None:
            def add_product(k: Any, total: list[Any]) -> list[Any]:
                x, y = [factors.load(k, i) for factors in columns]
                return [emitter.multiply_add(x, y, total[0])]

            zero = emitter.constant(0.0)
            (total,) = emitter.loop(emitter.index(length), add_product, [zero])
            results.store(total, i)

        self.chunk.each_row(count, run)

    def _runs_along(self, length: int, *readers: Reader) -> bool:
        """Whether the numbers of one dot product fill the lanes, as they lie side by side."""
        is_long = self.emitter.by_rows and length >= self.emitter.width
        return is_long and all(reader.places.last_stride == 1 for reader in readers)

    def _backward_dots(self, kernel: Dots) -> None:
        for rows, others in ((kernel.first, kernel.second), (kernel.second, kernel.first)):
            if not self.storage.needs_gradient(rows):
                continue
            count, length = rows.shape
            gradients = self.storage.gradient(kernel.rows)
            factors = self.storage.reader(others)
            targets = self.storage.gradient(rows)
            if self._runs_along(length, factors, targets):

                def send_row(
                    i: Any,
                    length: int = length,
                    gradients: Reader = gradients,
                    factors: Reader = factors,
                    targets: Reader = targets,
                ) -> None:
                    gradient = self.emitter.splat(gradients.load_scalar(i))

                    def send(k: Any) -> None:
                        product = self.emitter.builder.fmul(gradient, factors.load(i, k))
                        targets.add(product, i, k)

                    self.chunk.each_row(length, send)

                self.emitter.repeat(count, send_row)
                continue

            factors = self.storage.reader(others.T)
            targets = self.storage.gradient(rows.T)

            def send_column(
                k: Any,
                count: int = count,
                gradients: Reader = gradients,
                factors: Reader = factors,
                targets: Reader = targets,
            ) -> None:
                def send(i: Any) -> None:
                    product = self.emitter.builder.fmul(gradients.load(i), factors.load(k, i))
                    targets.add(product, k, i)

                self.chunk.each_row(count, send)

            self.emitter.repeat(length, send_column)

    # Operations over lists

    def _forward_over_list(self, kernel: OverList) -> None:
        count, length = kernel.items.shape
        results = self.storage.reader(kernel.rows)
        items = self.storage.reader(kernel.items.T)
        rule = TABLE[kernel.kind.op].forward

        def run(i: Any) -> None:
            result = rule(self.vectors, self._list_items(items, length, i))
            results.store(result.value, i)

        self.chunk.each_row(count, run)

    def _list_items(self, items: Reader, length: int, i: Any) -> VectorList:
        def load(k: Any) -> VectorTerm:
            return VectorTerm(self.emitter, items.load(k, i))

        return VectorList(self.emitter, length, load)

    def _backward_over_list(self, kernel: OverList) -> None:
        if not self.storage.needs_gradient(kernel.items):
            return
        count, length = kernel.items.shape
        results = self.storage.reader(kernel.rows)
        items = self.storage.reader(kernel.items.T)
        gradients = self.storage.gradient(kernel.rows)
        targets = self.storage.gradient(kernel.items.T)
        rule = TABLE[kernel.kind.op].partials[0]

        def run(i: Any) -> None:
            result = VectorTerm(self.emitter, results.load(i))
            gradient = VectorTerm(self.emitter, gradients.load(i))
            partials = rule(self.vectors, result, self._list_items(items, length, i))

            def send(k: Any, partial: Any) -> None:
                if not isinstance(partial, ExactZero):
                    targets.add((gradient * partial).value, k, i)
                elif targets.sets:
                    targets.store(self.emitter.constant(0.0), k, i)

            self._each_partial(partials, send)

        self.chunk.each_row(count, run)

    def _each_partial(self, partials: Any, send: Callable[[Any, Any], None]) -> None:
        """Write what sends the gradient by each item of a list."""
        emitter = self.emitter
        if isinstance(partials, VectorList) and not partials.is_short:
            compute = partials.compute
            emitter.repeat(len(partials), lambda k: send(k, compute(k)))
        elif len(set(map(id, partials))) == 1:
            # One number for all items, as for a sum.
            emitter.repeat(len(partials), lambda k: send(k, partials[0]))
        else:
            for k, partial in enumerate(partials):
                send(emitter.index(k), partial)
