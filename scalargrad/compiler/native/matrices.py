"""Matrix kernels in native code."""

from collections.abc import Callable
from typing import Any

from ..array_types import Rows
from ..kernels import Matrix
from .chunks import Chunk
from .emitter import Emitter
from .products import (
    SUMS,
    Columns,
    Factor,
    Product,
    Results,
    over_rows,
    over_tiles,
    padded,
    write_dots,
    write_product,
    write_sums,
    write_transposed,
)
from .storage import Reader, Storage

__all__ = ["MatrixEmitter"]

_FEW_PLACES = 4
"""Up to how many places a matrix of one sample is read along its rows, and not transposed."""


class MatrixEmitter:
    """Writes the instructions of matrix products.

    Args:
        emitter: Where instructions are added.
        storage: Where numbers are.
        chunk: The samples that are computed at a time.
    """

    def __init__(self, emitter: Emitter, storage: Storage, chunk: Chunk) -> None:
        self.emitter = emitter
        self.storage = storage
        self.chunk = chunk

    def forward(self, kernel: Matrix) -> None:
        """Write what computes a matrix product."""
        if not self.emitter.by_rows:
            self._forward_samples(kernel)
        elif len(kernel.x) <= _FEW_PLACES:
            self._forward_dots(kernel)
        else:
            self._forward_places(kernel)

    def _over_tiles(self) -> Columns:
        return over_tiles(self.emitter, self.chunk.tiles)

    def _forward_samples(self, kernel: Matrix) -> None:
        """Write weights times samples, place by place."""
        emitter = self.emitter
        places, length = kernel.x.shape
        x = self.storage.reader(kernel.x)
        results = self.storage.reader(kernel.rows.reshape(places, -1))
        weights = self._lay_out(self.storage.reader(kernel.weights), "left")
        start = None
        if kernel.bias is not None:
            biases = self._lay_out(self.storage.reader(kernel.bias[:, None]), "start")
            start = Results(biases.array, biases.start, biases.across, unit=0)

        def run(place: Any) -> None:
            product = Product(
                rows=len(kernel.weights),
                depth=emitter.index(length),
                left=weights,
                right=self._lay_out_tiles(x, place),
            )
            write_product(
                emitter, product, self._over_tiles(), self._find_tiles(results, place), start
            )

        emitter.repeat(places, run)

    def _find_tiles(self, reader: Reader, place: Any) -> Results:
        """Return where the numbers of one place lie, which vary by sample."""
        strides = reader.places.view.strides
        assert strides is not None
        across = strides[1] * self.storage.numbers_each
        return Results(reader.array, self._find_first(reader, place), across, self.emitter.width)

    def _find_first(self, reader: Reader, place: Any) -> Any:
        """Return where the first number of one place lies, which varies by sample."""
        first = reader.places.find(place, self.emitter.index(0))
        return self.emitter.scale_index(first, self.storage.numbers_each)

    def _find_rows(self, reader: Reader) -> Results:
        """Return where numbers (m, n) lie, side by side in their rows."""
        strides = reader.places.view.strides
        assert strides is not None
        return Results(reader.array, reader.places.find_first(), across=strides[0], unit=1)

    def _lay_out(self, reader: Reader, name: str, side_by_side: bool = False) -> Factor:
        """Return numbers (m, n) that are not vectors of samples as a left side of a product.

        Args:
            reader: The numbers.
            name: Where they are copied to if they lie at no regular distances.
            side_by_side: Whether those of a row must lie side by side.
        """
        emitter = self.emitter
        places = reader.places
        strides = places.view.strides
        if strides is not None and (not side_by_side or places.last_stride == 1):
            across, along = strides
            return Factor(reader.array, places.find_first(), across, along)

        m, n = places.shape
        target = self.storage.find_scratch(name, m * n)

        def copy_row(i: Any) -> None:
            def copy(k: Any) -> None:
                position = emitter.add_index(emitter.scale_index(i, n), k)
                emitter.store_scalar(reader.load_scalar(i, k), target, position)

            emitter.repeat(n, copy)

        emitter.repeat(m, copy_row)
        return Factor(target, emitter.index(0), across=n, along=1)

    def _lay_out_tiles(self, reader: Reader, place: Any) -> Factor:
        """Return the numbers of one place, which vary by sample, as the right side of a product."""
        emitter = self.emitter
        width = emitter.width
        size = self.storage.numbers_each
        strides = reader.places.view.strides
        if strides is not None:
            start = self._find_first(reader, place)
            return Factor(reader.array, start, across=width, along=strides[1] * size)

        _, length = reader.places.shape
        target = self.storage.find_scratch("copied", length * size)

        def copy(k: Any) -> None:
            def copy_tile() -> None:
                start = emitter.add_index(
                    emitter.scale_index(k, size), emitter.scale_index(emitter.tile, width)
                )
                emitter.store(reader.load(place, k), target, start)

            self.chunk.each_tile(copy_tile)

        emitter.repeat(length, copy)
        return Factor(target, emitter.index(0), across=width, along=size)

    def _forward_dots(self, kernel: Matrix) -> None:
        """Write rows of weights times the numbers of each place."""
        emitter = self.emitter
        places, length = kernel.x.shape
        x = self.storage.reader(kernel.x)
        weights = self.storage.reader(kernel.weights)
        biases = None if kernel.bias is None else self.storage.reader(kernel.bias)
        results = self.storage.reader(kernel.rows.reshape(places, -1))

        def run(place: Any) -> None:
            def load_product(feature: Any, k: Any) -> tuple[Any, Any]:
                return weights.load(feature, k), x.load(place, k)

            def finish(feature: Any, sums: Any) -> None:
                if biases is not None:
                    sums = emitter.builder.fadd(sums, biases.load(feature))
                results.store(sums, place, feature)

            write_dots(emitter, len(kernel.weights), length, load_product, finish)

        emitter.repeat(places, run)

    def _forward_places(self, kernel: Matrix) -> None:
        """Write places times transposed weights."""
        emitter = self.emitter
        places, length = kernel.x.shape
        features = len(kernel.weights)
        x = self.storage.reader(kernel.x)
        weights = self.storage.reader(kernel.weights)
        results = self.storage.reader(kernel.rows.reshape(places, -1))
        scratch = self.storage.find_scratch("right", length * padded(features, emitter.width))
        rows = _swap(self._lay_out(weights, "copied", side_by_side=True))
        transposed = write_transposed(emitter, features, rows, over_rows(emitter, length), scratch)
        start = None
        if kernel.bias is not None:
            reader = self.storage.reader(kernel.bias[None, :])
            biases = self._lay_out(reader, "start", side_by_side=True)
            start = Results(biases.array, biases.start, across=0, unit=1)

        product = Product(
            rows=places,
            depth=emitter.index(length),
            left=self._lay_out(x, "left"),
            right=transposed,
        )
        columns = over_rows(emitter, features)
        write_product(emitter, product, columns, self._find_rows(results), start)

    def backward(self, kernel: Matrix) -> None:
        """Write what sends the gradient of a matrix product to its operands."""
        if self.storage.needs_gradient(kernel.weights):
            if self.emitter.by_rows:
                self._send_from_places(kernel)
            elif self.storage.is_narrow(kernel.weights):
                self._send_to_narrow(kernel)
            else:
                self._send_from_samples(kernel)
        if kernel.bias is not None and self.storage.needs_gradient(kernel.bias):
            self._send_to_biases(kernel, kernel.bias)
        if self.storage.needs_gradient(kernel.x):
            self._send_to_x(kernel)

    def _send_from_places(self, kernel: Matrix) -> None:
        """Write the gradient of weights: gradients times numbers of all places of a sample."""
        places = len(kernel.x)
        x = self.storage.reader(kernel.x)
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        product = Product(
            rows=len(kernel.weights),
            depth=self.emitter.index(places),
            left=_swap(self._lay_out(gradients, "left")),
            right=_swap(self._lay_out(x, "copied", side_by_side=True)),
        )
        self._send_to_weights(kernel, product, self.chunk.is_first())

    def _send_from_samples(self, kernel: Matrix) -> None:
        """Write the gradient of weights: gradients times samples, summed up over a chunk."""
        emitter = self.emitter
        places, length = kernel.x.shape
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        x = self.storage.reader(kernel.x)

        def run(place: Any) -> None:
            product = Product(
                rows=len(kernel.weights),
                depth=emitter.scale_index(self.chunk.tiles, emitter.width),
                left=self._lay_out_samples(gradients, place),
                right=self._transpose_samples(x, place, length),
            )
            self._send_to_weights(kernel, product, self.chunk.is_first(place))

        emitter.repeat(places, run)

    def _send_to_narrow(self, kernel: Matrix) -> None:
        """Write the gradient of weights of few rows or columns: sums over the lanes.

        As a product, it would leave most lanes of its results empty.
        """
        emitter = self.emitter
        places, length = kernel.x.shape
        features = len(kernel.weights)
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        x = self.storage.reader(kernel.x)
        weights = kernel.weights if features < length else kernel.weights.T
        targets = self.storage.gradient(weights)
        few, many = weights.shape

        def run(place: Any) -> None:
            def run_line(line: Any) -> None:
                def add_product(number: Any, total: Any) -> Any:
                    i, k = (line, number) if features < length else (number, line)
                    return emitter.multiply_add(gradients.load(place, i), x.load(place, k), total)

                self._add_sums(many, add_product, lambda sums, i: targets.add(sums, line, i))

            emitter.repeat(few, run_line)

        emitter.repeat(places, run)

    def _add_sums(
        self,
        count: int,
        add: Callable[[Any, Any], Any],
        finish: Callable[[Any, Any], None],
    ) -> None:
        """Write sums over all samples of a chunk, where lanes are samples.

        Args:
            count: How many sums there are.
            add: Takes the number of a sum and vectors that were added up, and returns them with
                those of the present vector of samples.
            finish: Takes a vector of sums, and the number of the first of them.
        """
        emitter = self.emitter
        groups, rest = divmod(count, emitter.width)
        zero = emitter.constant(0.0)

        def run_some(first: Any, some: int) -> None:
            numbers = [emitter.add_index(first, number) for number in range(some)]

            def add_tile(tile: Any, sums: list[Any]) -> list[Any]:
                emitter.tile = tile
                return [add(number, total) for number, total in zip(numbers, sums, strict=True)]

            sums = emitter.loop(self.chunk.tiles, add_tile, [zero] * some)
            padding = [zero] * (emitter.width - some)
            with emitter.along_rows(some):
                finish(emitter.sum_each([*sums, *padding]), first)

        emitter.repeat(
            groups, lambda group: run_some(emitter.scale_index(group, emitter.width), emitter.width)
        )
        if rest:
            run_some(emitter.index(count - rest), rest)
        emitter.tile = emitter.index(0)

    def _send_to_weights(self, kernel: Matrix, product: Product, is_first: Any) -> None:
        """Write what adds to the gradient of weights, or sets it first where nothing else adds."""
        emitter = self.emitter
        targets = self.storage.gradient(kernel.weights)
        columns = over_rows(emitter, kernel.weights.shape[1])
        if not self.storage.sets_weights(kernel.weights):
            self._add_rows(product, columns, targets)
            return

        with emitter.builder.if_else(is_first) as (then, otherwise):
            with then:
                write_product(emitter, product, columns, self._find_rows(targets))
            with otherwise:
                self._add_rows(product, columns, targets)

    def _write_sums(
        self, product: Product, columns: Columns, finish: Callable[[Any, Any, Any], None]
    ) -> None:
        sums = self.storage.find_scratch("sums", SUMS * self.emitter.width)
        write_sums(self.emitter, product, columns, sums, finish)

    def _lay_out_samples(self, reader: Reader, place: Any) -> Factor:
        """Return the numbers of one place as a left side, whose products are those of samples."""
        # Results of one kernel, which lie side by side.
        start = self._find_first(reader, place)
        return Factor(reader.array, start, across=self.storage.numbers_each, along=1)

    def _transpose_samples(self, x: Reader, place: Any, length: int) -> Any:
        """Write what lays out samples one by one; return what loads, given a sample and a row."""
        size = self.storage.numbers_each * padded(length, self.emitter.width)
        rows = self._lay_out_tiles(x, place)
        scratch = self.storage.find_scratch("right", size)
        return write_transposed(self.emitter, length, rows, self._over_tiles(), scratch)

    def _send_to_biases(self, kernel: Matrix, bias: Rows) -> None:
        emitter = self.emitter
        places, _ = kernel.x.shape
        features = len(kernel.weights)
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        targets = self.storage.gradient(bias)

        def add_place(place: Any) -> None:
            if emitter.by_rows:

                def add_some(some: list[Any]) -> None:
                    for i in some:
                        targets.add(gradients.load(place, i), i)

                over_rows(emitter, features)(add_some)
                return

            def add_gradient(feature: Any, total: Any) -> Any:
                return emitter.builder.fadd(total, gradients.load(place, feature))

            self._add_sums(features, add_gradient, targets.add)

        emitter.repeat(places, add_place)

    def _send_to_x(self, kernel: Matrix) -> None:
        """Write the gradient of x: weights, transposed, times gradients."""
        emitter = self.emitter
        places, length = kernel.x.shape
        features = len(kernel.weights)
        weights = self.storage.reader(kernel.weights)
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        targets = self.storage.gradient(kernel.x)
        if emitter.by_rows:
            product = Product(
                rows=places,
                depth=emitter.index(features),
                left=self._lay_out(gradients, "left"),
                right=_swap(self._lay_out(weights, "copied", side_by_side=True)),
            )
            self._add_rows(product, over_rows(emitter, length), targets)
            return

        left = _swap(self._lay_out(weights, "left"))

        def run(place: Any) -> None:
            product = Product(
                rows=length,
                depth=emitter.index(features),
                left=left,
                right=self._lay_out_tiles(gradients, place),
            )
            self._add_tiles(product, targets, place)

        emitter.repeat(places, run)

    def _add_rows(self, product: Product, columns: Columns, targets: Reader) -> None:
        """Write what adds a product to numbers that are not vectors of samples."""
        if targets.is_regular() and targets.places.last_stride == 1:
            results = self._find_rows(targets)
            write_product(self.emitter, product, columns, results, start=results)
            return

        def add(i: Any, k: Any, total: Any) -> None:
            targets.add(total, i, k)

        self._write_sums(product, columns, add)

    def _add_tiles(self, product: Product, targets: Reader, place: Any) -> None:
        """Write what adds a product to vectors of samples."""
        if targets.tiles and targets.is_regular():
            results = self._find_tiles(targets, place)
            start = None if targets.sets else results
            write_product(self.emitter, product, self._over_tiles(), results, start)
            return

        def add(k: Any, tile: Any, total: Any) -> None:
            self.emitter.tile = tile
            targets.add(total, place, k)

        self._write_sums(product, self._over_tiles(), add)


def _swap(factor: Factor) -> Factor:
    """Return the transposed side."""
    return factor._replace(across=factor.along, along=factor.across)
