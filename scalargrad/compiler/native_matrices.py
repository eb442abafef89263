"""Matrix kernels in native code."""

from typing import Any

from .kernels import Matrix
from .native_module import Emitter
from .native_products import (
    Columns,
    Product,
    over_rows,
    over_tiles,
    padded,
    write_dots,
    write_product,
    write_transposed,
)
from .native_samples import Chunk
from .native_storage import Reader, Storage

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

    def _set_tile(self, column: Any) -> None:
        """Let what is read be the vector of samples that is a column of a product."""
        if not self.emitter.by_rows:
            self.emitter.tile = column

    def _forward_samples(self, kernel: Matrix) -> None:
        """Write weights times samples, place by place."""
        emitter = self.emitter
        places, length = kernel.x.shape
        x = self.storage.reader(kernel.x)
        weights = self.storage.reader(kernel.weights)
        biases = None if kernel.bias is None else self.storage.reader(kernel.bias)
        results = self.storage.reader(kernel.rows.reshape(places, -1))

        def run(place: Any) -> None:
            def load_x(k: Any, tile: Any) -> Any:
                self._set_tile(tile)
                return x.load(place, k)

            def finish(feature: Any, tile: Any, total: Any) -> None:
                self._set_tile(tile)
                results.store(total, place, feature)

            product = Product(
                rows=len(kernel.weights),
                depth=emitter.index(length),
                left=weights.load_scalar,
                right=load_x,
                start=lambda feature, _: self._start(biases, feature),
                finish=finish,
            )
            write_product(emitter, product, self._over_tiles())

        emitter.repeat(places, run)

    def _start(self, biases: Reader | None, feature: Any) -> Any:
        return self.emitter.constant(0.0) if biases is None else biases.load(feature)

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
                total = emitter.builder.fadd(sums, self._start(biases, feature))
                results.store(total, place, feature)

            write_dots(emitter, len(kernel.weights), length, load_product, finish)

        emitter.repeat(places, run)

    def _forward_places(self, kernel: Matrix) -> None:
        """Write places times transposed weights."""
        emitter = self.emitter
        places, length = kernel.x.shape
        features = len(kernel.weights)
        x = self.storage.reader(kernel.x)
        weights = self.storage.reader(kernel.weights)
        biases = None if kernel.bias is None else self.storage.reader(kernel.bias)
        results = self.storage.reader(kernel.rows.reshape(places, -1))
        scratch = self.storage.find_scratch(length * padded(features, emitter.width))
        transposed = write_transposed(
            emitter, features, weights.load, over_rows(emitter, length), scratch
        )
        product = Product(
            rows=places,
            depth=emitter.index(length),
            left=x.load_scalar,
            right=transposed,
            start=lambda _, feature: self._start(biases, feature),
            finish=lambda place, feature, total: results.store(total, place, feature),
        )
        write_product(emitter, product, over_rows(emitter, features))

    def backward(self, kernel: Matrix) -> None:
        """Write what sends the gradient of a matrix product to its operands."""
        if self.storage.needs_gradient(kernel.weights):
            if self.emitter.by_rows:
                self._send_from_places(kernel)
            else:
                self._send_from_samples(kernel)
        if kernel.bias is not None and self.storage.needs_gradient(kernel.bias):
            self._send_to_biases(kernel)
        if self.storage.needs_gradient(kernel.x):
            self._send_to_x(kernel)

    def _send_from_places(self, kernel: Matrix) -> None:
        """Write the gradient of weights: gradients times numbers of all places of a sample."""
        emitter = self.emitter
        places, length = kernel.x.shape
        x = self.storage.reader(kernel.x)
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        targets = self.storage.gradient(kernel.weights)
        product = Product(
            rows=len(kernel.weights),
            depth=emitter.index(places),
            left=lambda feature, place: gradients.load_scalar(place, feature),
            right=x.load,
            start=lambda *_: emitter.constant(0.0),
            finish=lambda feature, k, total: targets.add(total, feature, k),
        )
        write_product(emitter, product, over_rows(emitter, length))

    def _send_from_samples(self, kernel: Matrix) -> None:
        """Write the gradient of weights: gradients times samples, summed up over a chunk."""
        emitter = self.emitter
        places, length = kernel.x.shape
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        targets = self.storage.gradient(kernel.weights)
        x = self.storage.reader(kernel.x)

        def run(place: Any) -> None:
            product = Product(
                rows=len(kernel.weights),
                depth=emitter.builder.mul(self.chunk.tiles, emitter.index(emitter.width)),
                left=lambda feature, sample: emitter.load_scalar(
                    gradients.array, gradients.find_sample(sample, place, feature)
                ),
                right=self._transpose_samples(x, place, length),
                start=lambda *_: emitter.constant(0.0),
                finish=lambda feature, k, total: targets.add(total, feature, k),
            )
            write_product(emitter, product, over_rows(emitter, length))

        emitter.repeat(places, run)

    def _transpose_samples(self, x: Reader, place: Any, length: int) -> Any:
        """Write what lays out samples one by one; return what loads, given a sample and a row."""
        emitter = self.emitter
        size = self.storage.numbers_each * padded(length, emitter.width)

        def load(k: Any, tile: Any) -> Any:
            self._set_tile(tile)
            return x.load(place, k)

        scratch = self.storage.find_scratch(size)
        return write_transposed(emitter, length, load, self._over_tiles(), scratch)

    def _send_to_biases(self, kernel: Matrix) -> None:
        emitter = self.emitter
        places, _ = kernel.x.shape
        features = len(kernel.weights)
        gradients = self.storage.gradient(kernel.rows.reshape(places, -1))
        targets = self.storage.gradient(kernel.bias)

        def add_place(place: Any) -> None:
            if emitter.by_rows:
                over_rows(emitter, features)(
                    lambda some: [targets.add(gradients.load(place, i), i) for i in some]
                )
                return

            def add_feature(feature: Any) -> None:
                def add_tile(tile: Any, total: list[Any]) -> list[Any]:
                    self._set_tile(tile)
                    return [emitter.builder.fadd(total[0], gradients.load(place, feature))]

                zero = emitter.constant(0.0)
                (total,) = emitter.loop(self.chunk.tiles, add_tile, [zero])
                self._set_tile(emitter.index(0))
                targets.add(total, feature)

            emitter.repeat(features, add_feature)

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
                left=gradients.load_scalar,
                right=weights.load,
                start=lambda *_: emitter.constant(0.0),
                finish=lambda place, k, total: targets.add(total, place, k),
            )
            write_product(emitter, product, over_rows(emitter, length))
            return

        def run(place: Any) -> None:
            def load_gradient(feature: Any, tile: Any) -> Any:
                self._set_tile(tile)
                return gradients.load(place, feature)

            def finish(k: Any, tile: Any, total: Any) -> None:
                self._set_tile(tile)
                targets.add(total, place, k)

            product = Product(
                rows=length,
                depth=emitter.index(features),
                left=lambda k, feature: weights.load_scalar(feature, k),
                right=load_gradient,
                start=lambda *_: emitter.constant(0.0),
                finish=finish,
            )
            write_product(emitter, product, self._over_tiles())

        emitter.repeat(places, run)
