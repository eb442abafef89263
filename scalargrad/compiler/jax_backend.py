"""JAX backend: a program as a pure function of arrays, which jax.jit, jax.grad and sharding take.

JAX is imported here only.

JAX differentiates what moves numbers: matrix products, gathers, means. Every operation of the table
has its own derivatives, from the table, so that kinks are decided as everywhere in scalargrad (relu
at 0, equal items of a maximum, abs at 0), and so that a gradient of exactly 0 sends 0 through an
infinite derivative. One thing differs from eager code: where a gradient is itself infinite, an
operand that a selection did not take receives nan, not 0. For derivatives that the function itself
took, the pure functions say nan where 0 meets infinity: see `zero_checks`.

These are reverse rules. jax.grad of jax.grad works with them; jax.jvp and jax.jacfwd do not.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import isfinite
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy

from scalargrad.core import floats
from scalargrad.core.checks import all_finite, checked_int
from scalargrad.core.ops import (
    DIV,
    ERF,
    ERFC,
    FLOOR_DIVIDE,
    POW,
    STOP_GRADIENT,
    TABLE,
    WHERE,
    ExactZero,
    namespace,
)
from scalargrad.errors import OptionError

from .arguments import as_batch
from .array_types import Array, Rows
from .kernels import Dots, Elementwise, Gather, Kernel, Matrix, OverList, Scan, build_kernels
from .layout import Layout, lay_out
from .program import Kind, Program, insert_static_args, partials_by_rows
from .strides import View

__all__ = ["Devices", "JaxArray", "JaxBackend", "identify_devices"]

JaxArray = Any
"""An array of JAX, or its stand-in while JAX traces. JAX is optional, and so are its types."""

Devices: TypeAlias = int | Sequence[Any] | None
"""Devices of JAX, or how many of them; None for one."""


@cache
def _jax() -> Any:
    """Return the package, set to 64 bits: all numbers here are float64."""
    try:
        import jax
        import jax.scipy.special
    except ImportError:
        raise OptionError('backend="jax" needs the library JAX: pip install jax') from None
    jax.config.update("jax_enable_x64", True)
    return jax


def identify_devices(devices: Devices) -> tuple[int, ...]:
    """Return the ids of devices: unlike the devices themselves, they can be copied and pickled.

    Args:
        devices: Devices of JAX, or how many of them.

    Raises:
        OptionError: For anything else, and for more devices than there are.
    """
    known = _jax().devices()
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        chosen = list(devices)
        if not chosen or any(device not in known for device in chosen):
            raise OptionError(f"devices must be some of jax.devices(), not {devices!r}")
        if len(set(chosen)) < len(chosen):
            raise OptionError(f"devices must differ, but one occurs twice in {devices!r}")
        return tuple(device.id for device in chosen)

    count = checked_int(devices, "devices", 1)
    if count > len(known):
        raise OptionError(
            f"devices is {count}, but JAX has {len(known)} here. To use the CPU as several, set "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={count} before JAX is imported"
        )
    return tuple(device.id for device in known[:count])


class JaxBackend:
    """Runs a program on batches with JAX.

    XLA compiles each size of batch when it first occurs. That takes a second for a network of
    layers, and much longer for hundreds of kernels: graphs without structure are for NumPy.

    Args:
        program: What to compute.
        sizes: The length of each argument.
        devices: The ids of the devices that share each batch; none for the first device.

    Attributes:
        kernels: What is computed, in order.
        layout: Where each row has its number.
        parameters: The numbers to compute with, to be changed in place.
    """

    def __init__(self, program: Program, sizes: Sequence[int], devices: Sequence[int] = ()) -> None:
        jax = _jax()
        self._mesh = _Mesh(devices) if devices else None
        self.program = program
        self.sizes = tuple(sizes)
        self.kernels: list[Kernel] = build_kernels(program)
        self.layout: Layout = lay_out(program, self.kernels, self.sizes)
        self.parameters = numpy.zeros(program.parameters)
        loss_and_gradient = jax.value_and_grad(self._loss_and_others, has_aux=True)
        self._outputs = jax.jit(self.pure_outputs)
        self._loss = jax.jit(loss_and_gradient)
        self._pull_back = jax.jit(self._pull)

    def pure_outputs(
        self,
        parameters: JaxArray,
        arguments: Sequence[JaxArray],
        read: JaxArray,
        drawn: JaxArray,
    ) -> JaxArray:
        """Return all outputs, (batch, outputs), of JAX arrays or of what JAX traces."""
        arrays = []
        for i, (argument, size) in enumerate(zip(arguments, self.sizes, strict=True)):
            array = _jax().numpy.asarray(argument, float)
            arrays.append(as_batch(array, size, i))
        batch = len(arrays[0]) if arrays else len(drawn)

        # In the order of the blocks: arguments, leaves, and then a block for each kernel.
        for leaves in (parameters, self.program.numbers, read, drawn):
            arrays.append(_jax().numpy.asarray(leaves, float))
        values = _Values(self.layout, arrays, batch)
        values.run(self.kernels)
        return values.broadcast(values.take(self.program.outputs))

    def pure_loss(
        self,
        parameters: JaxArray,
        arguments: Sequence[JaxArray],
        read: JaxArray,
        drawn: JaxArray,
    ) -> JaxArray:
        """Return the mean of the first output."""
        return self._loss_and_others(parameters, arguments, read, drawn)[0]

    def _loss_and_others(
        self, *given: JaxArray, shares: JaxArray = None
    ) -> tuple[JaxArray, JaxArray]:
        outputs = self.pure_outputs(*given)
        losses = outputs[:, 0]
        loss = losses.mean() if shares is None else losses @ shares
        return loss, outputs[:, 1:]

    def _pull(
        self,
        arguments: Sequence[JaxArray],
        seed: JaxArray,
        parameters: JaxArray,
        *leaves: JaxArray,
    ) -> JaxArray:
        def outputs(*arrays: JaxArray) -> JaxArray:
            return self.pure_outputs(parameters, arrays, *leaves)

        _, pull_back = _jax().vjp(outputs, *arguments)
        return pull_back(seed)

    @property
    def has_phases(self) -> bool:
        """Whether a loop computes for all steps at once what depends on no carry."""
        return False

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""
        count = len(drawn)
        if self._mesh is not None:
            arguments, drawn = self._mesh.share((arguments, drawn))
        outputs = self._outputs(self.parameters, arguments, read, drawn)
        # A copy, because NumPy's view of a JAX array is read-only.
        return numpy.array(outputs[:count])

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient, the rest, and whether it is finite."""
        count = len(drawn)
        shares = None
        if self._mesh is not None:
            # Samples that only fill up the last device count for nothing.
            shares = self._mesh.share(numpy.full(count, 1.0 / count), numpy.zeros_like)
            arguments, drawn = self._mesh.share((arguments, drawn))
        (loss, others), jax_gradient = self._loss(
            self.parameters, arguments, read, drawn, shares=shares
        )
        gradient = numpy.array(jax_gradient, dtype=float)
        is_finite = isfinite(loss) and all_finite(gradient)
        return float(loss), gradient, numpy.array(others[:count]), is_finite

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """Return what flows back to each argument when the outputs receive `seed`."""
        count = len(drawn)
        if self._mesh is not None:
            arguments, seed, drawn = self._mesh.share((arguments, seed, drawn))
        gradients = self._pull_back(arguments, seed, self.parameters, read, drawn)
        return [numpy.array(gradient[:count]) for gradient in gradients]

    def describe(self) -> str:
        """Say that XLA compiles the kernels."""
        return "computed by JAX"

    @property
    def fallback_reason(self) -> str | None:
        """Why NumPy computes in the place of JAX; None, as it never does."""
        return None

    def expect_batches(self, size: int) -> None:
        """Do nothing: XLA compiles for each size that occurs."""

    def render(self, name: str) -> str:
        """Return the JAX expression of a function, "outputs" or "loss", for a batch of 2."""
        batch = 2
        read = numpy.zeros(len(self.program.leaves))
        drawn = numpy.zeros((batch, len(self.program.drawn)))
        arguments = [numpy.zeros((batch, size)) for size in self.sizes]
        functions = {"outputs": self._outputs, "loss": self._loss}
        trace = _jax().make_jaxpr(functions[name])
        return str(trace(self.parameters, arguments, read, drawn))


class _Mesh:
    """Devices in a row, and the samples of a batch shared out among them.

    Args:
        devices: The ids of the devices.
    """

    def __init__(self, devices: Sequence[int]) -> None:
        jax = _jax()
        by_id = {device.id: device for device in jax.devices()}
        missing = [each for each in devices if each not in by_id]
        if missing:
            raise OptionError(f"JAX has no device {missing[0]} here, only {sorted(by_id)}")
        row = numpy.array([by_id[each] for each in devices])
        mesh = jax.sharding.Mesh(row, ("samples",))
        self._count = len(devices)
        self._split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("samples"))

    def share(self, arrays: Any, fill: Callable[[Array], Array] = lambda rows: rows) -> Any:
        """Return arrays (batch, …) that lie on the devices, in the same nest.

        Args:
            arrays: One array, or a nest of them.
            fill: Makes rows that are added at the end, so that all devices get as many, from rows
                of the array.
        """

        def place(array: Array) -> JaxArray:
            missing = -len(array) % self._count
            # More than the batch has may be missing, so rows are taken in turn.
            rows = array[numpy.arange(missing) % len(array)]
            filled = numpy.concatenate([array, fill(rows)])
            return _jax().device_put(filled, self._split)

        return _jax().tree.map(place, arrays)


class _Values:
    """The arrays of all blocks that are computed so far.

    Attributes:
        layout: Where each row has its number.
        arrays: (batch, width) for each block, or (width,) where it is the same for all samples.
        batch: The number of samples.
    """

    def __init__(self, layout: Layout, arrays: list[JaxArray], batch: int) -> None:
        self.layout = layout
        self.arrays = arrays
        self.batch = batch

    def run(self, kernels: Sequence[Kernel]) -> None:
        """Compute the blocks of kernels, in order."""
        for kernel in kernels:
            self.arrays.append(_RUN[type(kernel)](self, kernel))

    def take(self, rows: Rows) -> JaxArray:
        """Return the numbers of rows of any shape: (batch, *shape) or (*shape,)."""
        operand = self.layout.operand(rows)
        parts = [self._take_view(view) for view, _ in operand.parts]
        if len(parts) == 1:
            flat = parts[0]
        else:
            # Only arrays of the same dimensions can be joined.
            if any(part.ndim == 2 for part in parts):
                parts = [self.broadcast(part) for part in parts]
            joined = _jax().numpy.concatenate(parts, axis=-1)
            positions = [where for _, where in operand.parts if where is not None]
            order = numpy.argsort(numpy.concatenate(positions))
            flat = joined[..., order]
        batch = flat.shape[:-1]
        return flat.reshape(*batch, *operand.shape)

    def _take_view(self, view: View) -> JaxArray:
        """Return the numbers of a view, flat."""
        array = self._read_block(view.block)
        if view.is_run:
            end = view.start + view.size
            return array[..., view.start : end]
        if _is_matrix(view):
            return _slice_matrix(array, view)
        return array[..., view.flat]

    def _read_block(self, number: int) -> JaxArray:
        source = self.layout.blocks[number].source
        if source is None:
            return self.arrays[number]
        return _jax().lax.stop_gradient(self.arrays[source])

    def broadcast(self, array: JaxArray) -> JaxArray:
        """Return (batch, width), with the same numbers for every sample where they do not vary."""
        if array.ndim == 2:
            return array
        return _jax().numpy.broadcast_to(array, (self.batch, len(array)))


def _is_matrix(view: View) -> bool:
    """Whether a view is runs at equal distances, such as rows of weights with biases between."""
    strides = view.strides
    if strides is None or len(strides) not in (1, 2):
        return False
    distance, *inner = strides
    return distance >= _run_length(view) and inner in ([], [1])


def _run_length(view: View) -> int:
    """The length of the runs of a matrix: 1 for single numbers at equal distances."""
    return view.shape[1] if len(view.shape) == 2 else 1


def _slice_matrix(array: JaxArray, view: View) -> JaxArray:
    """Return the numbers of such a view by slices: XLA differentiates them faster than a gather."""
    assert view.strides is not None
    count = view.shape[0]
    distance = view.strides[0]
    length = _run_length(view)
    span = count * distance
    end = view.start + span
    array = array[..., view.start : end]
    *batch, width = array.shape

    # The last run may end before the full distance, where the block ends.
    padding = [(0, 0) for _ in batch]
    padding.append((0, span - width))
    padded = _jax().numpy.pad(array, padding)
    runs = padded.reshape(*batch, count, distance)
    numbers = runs[..., :length]
    return numbers.reshape(*batch, -1)


def _run_elementwise(values: _Values, kernel: Elementwise) -> JaxArray:
    operands = [
        _run_elementwise(values, operand)
        if isinstance(operand, Elementwise)
        else values.take(operand)
        for operand in kernel.operands
    ]
    same_shape = _jax().numpy.broadcast_arrays(*operands)
    apply_rule = _apply_rule()
    return apply_rule(kernel.kind, *same_shape)


def _run_over_list(values: _Values, kernel: OverList) -> JaxArray:
    lists = values.take(kernel.items)
    items = _jax().numpy.moveaxis(lists, -1, 0)
    apply_rule = _apply_rule()
    return apply_rule(kernel.kind, items)


def _run_dots(values: _Values, kernel: Dots) -> JaxArray:
    first = values.take(kernel.first)
    second = values.take(kernel.second)
    return (first * second).sum(-1)


def _run_matrix(values: _Values, kernel: Matrix) -> JaxArray:
    x = values.take(kernel.x)
    weights = values.take(kernel.weights)
    products = x @ weights.T
    if kernel.bias is not None:
        products = products + values.take(kernel.bias)
    return products.reshape(values.batch, -1) if kernel.batched else products.ravel()


def _run_gather(values: _Values, kernel: Gather) -> JaxArray:
    jnp = _jax().numpy
    # A pure function can't check its numbers: an index out of range looks up nan.
    index = jnp.floor(values.take(kernel.index))
    is_inside = (index >= 0) & (index < kernel.count)
    position = jnp.where(is_inside, index + kernel.first_rows, len(kernel.table)).astype(int)

    table = values.take(kernel.table)
    if table.ndim == 2:
        rows = table.at[position].get(mode="fill", fill_value=numpy.nan)
    else:
        samples = jnp.arange(values.batch)[:, None]
        rows = table.at[samples, position].get(mode="fill", fill_value=numpy.nan)
    return rows.reshape(values.batch, -1)


def _run_scan(values: _Values, kernel: Scan) -> JaxArray:
    jax = _jax()
    batch = values.batch
    layout = lay_out(kernel.step, kernel.kernels, kernel.sizes)
    carry = _take_rows(values, kernel.carry)
    shared = _take_rows(values, kernel.shared)
    weights = values.take(kernel.weights) if kernel.weights.size else jax.numpy.zeros(0)
    entries = _take_rows(values, kernel.xs.ravel()).reshape(batch, *kernel.xs.shape)

    def step(carry: JaxArray, entry: JaxArray) -> tuple[JaxArray, JaxArray]:
        nothing = jax.numpy.zeros(0)
        constants = jax.numpy.asarray(kernel.step.numbers)
        leaves = [weights, constants, nothing, nothing]
        inner = _Values(layout, [carry, entry, shared, *leaves], batch)
        inner.run(kernel.kernels)
        outputs = _take_rows(inner, kernel.step.outputs)
        width = carry.shape[1]
        return outputs[:, :width], outputs[:, width:]

    if kernel.checkpoint:
        step = jax.checkpoint(step)
    last, results = jax.lax.scan(step, carry, entries.transpose(1, 0, 2))
    by_sample = results.transpose(1, 0, 2).reshape(batch, -1)
    packed = jax.numpy.concatenate([last, by_sample], axis=1)
    return packed if kernel.batched else packed[0]


def _take_rows(values: _Values, rows: Rows) -> JaxArray:
    """Return the numbers of any number of rows for each sample, (batch, rows)."""
    if not rows.size:
        return _jax().numpy.zeros((values.batch, 0))
    return values.broadcast(values.take(rows))


_RUN: dict[type[Kernel], Callable[[_Values, Any], JaxArray]] = {
    Elementwise: _run_elementwise,
    OverList: _run_over_list,
    Dots: _run_dots,
    Matrix: _run_matrix,
    Gather: _run_gather,
    Scan: _run_scan,
}


# The table in JAX


@cache
def _namespace() -> SimpleNamespace:
    """Return the operations on JAX arrays, elementwise; those over lists reduce the first axis."""
    jnp = _jax().numpy
    special = _jax().scipy.special
    stop_gradient = _jax().lax.stop_gradient
    renamed: dict[str, Callable[..., JaxArray]] = {
        DIV.name: jnp.divide,
        POW.name: jnp.power,
        ERF.name: special.erf,
        ERFC.name: special.erfc,
        WHERE.name: lambda condition, x, y: jnp.where(condition, _plain(x), _plain(y)),
        STOP_GRADIENT.name: stop_gradient,
        # JAX returns nan for a division by 0, eager code what IEEE says.
        FLOOR_DIVIDE.name: lambda x, y: jnp.where(
            y == 0.0, jnp.divide(x, y), jnp.floor_divide(x, y)
        ),
    }
    primitives = {}
    for name in vars(floats):
        if name in TABLE and not TABLE[name].over_list:
            primitives[name] = renamed.get(name) or getattr(jnp, TABLE[name].numpy or name)
    helpers = {
        "total": lambda items: jnp.sum(items, axis=0),
        "largest": lambda items: jnp.max(items, axis=0),
        "smallest": lambda items: jnp.min(items, axis=0),
        "each": lambda rule, items: rule(items),
        "zero_where": lambda condition, x: jnp.where(condition & ~jnp.isfinite(x), 0.0, x),
        "fixed_where": lambda condition, x: jnp.where(condition, stop_gradient(x), x),
    }
    return namespace(primitives | helpers)


def _plain(x: JaxArray | float) -> JaxArray | float:
    """Return a float where `x` is of a subclass of float, which JAX refuses."""
    return float(x) if isinstance(x, float) else x


@cache
def _apply_rule() -> Callable[..., JaxArray]:
    """Return a function of a Kind and operands of one shape, with the derivatives of the table."""
    jax = _jax()

    def apply_rule(kind: Kind, *operands: JaxArray) -> JaxArray:
        return TABLE[kind.op].value(_namespace(), _all_operands(kind, operands))

    def forward(kind: Kind, *operands: JaxArray) -> tuple[JaxArray, tuple[JaxArray, ...]]:
        result = apply_rule(kind, *operands)
        return result, (result, operands)

    def backward(
        kind: Kind, kept: tuple[JaxArray, ...], gradient: JaxArray
    ) -> tuple[JaxArray, ...]:
        result, operands = kept
        return tuple(_gradients(kind, result, operands, gradient))

    # The kind is not an array, so JAX must not trace it.
    function = jax.custom_vjp(apply_rule, nondiff_argnums=(0,))
    function.defvjp(forward, backward)
    with_derivatives: Callable[..., JaxArray] = function
    return with_derivatives


def _all_operands(kind: Kind, operands: Sequence[JaxArray]) -> JaxArray | Sequence[JaxArray]:
    """The array of a list, or all operands of another operation, static ones included."""
    if TABLE[kind.op].over_list:
        return operands[0]
    return insert_static_args(kind, list(operands))


def _gradients(
    kind: Kind, result: JaxArray, operands: Sequence[JaxArray], gradient: JaxArray
) -> list[JaxArray]:
    """The gradient of each operand; that of a list is one array, the items along the first axis."""
    op = TABLE[kind.op]
    given = _all_operands(kind, operands)
    space = _namespace()
    if op.over_list:
        partials = op.partials[0](space, result, given)
        if not isinstance(partials, list):
            return [_multiply(gradient, partials)]
        products = [_multiply(gradient, partial) for partial in partials]
        return [_jax().numpy.stack(products)]

    gradients = []
    for rule in partials_by_rows(kind):
        partial = rule(space, result, *given)
        gradients.append(_multiply(gradient, partial))
    return gradients


def _multiply(gradient: JaxArray, partial: JaxArray | float) -> JaxArray:
    """Their product; a gradient of exactly 0 sends nothing, whatever the derivative."""
    jnp = _jax().numpy
    if isinstance(partial, ExactZero):
        return jnp.zeros_like(gradient)
    if isinstance(partial, float):
        return gradient * partial
    sends_nothing = (gradient == 0.0) & ~jnp.isfinite(partial)
    return gradient * jnp.where(sends_nothing, 0.0, partial)
