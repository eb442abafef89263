"""The JAX backend: a program as a pure function of arrays, which jax.jit, jax.grad and JAX's sharding take. JAX is imported here only.

JAX differentiates what carries numbers about: matrix products, gathers, means. Every operation of the table brings its own derivatives,
from the table, so that kinks are decided as everywhere in scalargrad (relu at 0, equals in a maximum, abs at 0), and so that a gradient
of exactly 0 sends 0 through an infinite derivative. What differs from eager code: where a gradient is itself infinite, an operand that a
selection did not take receives nan, not 0. Rules of that kind are reverse rules: jax.jvp and jax.jacfwd do not take them, jax.grad of
jax.grad does.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core import floats
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
from scalargrad.errors import LengthError, OptionError

from .kernels import Dots, Elementwise, Kernel, Matrix, OverList, build_kernels
from .layout import lay_out
from .program import Kind, Program, insert_static_args
from .strides import View

Array = NDArray[numpy.float64]
JaxArray = Any


@cache
def _jax() -> Any:
    """The package, set to 64 bits, as everything else here is."""
    try:
        import jax
        import jax.scipy.special
    except ImportError:
        raise OptionError('backend="jax" needs the library JAX: pip install jax') from None
    jax.config.update("jax_enable_x64", True)
    return jax


class JaxBackend:
    """Runs a program on batches with JAX. Each size of batch is compiled by XLA when it first comes.

    That takes a second for a network of layers, and much longer for hundreds of kernels: a graph without structure is for NumPy.

    program  what is computed
    sizes    the length of each argument
    """

    def __init__(self, program: Program, sizes: Sequence[int]) -> None:
        jax = _jax()
        self.program, self.sizes = program, tuple(sizes)
        self.kernels: list[Kernel] = build_kernels(program)
        self.layout = lay_out(program, self.kernels, self.sizes)
        self.parameters = numpy.zeros(program.parameters)
        self._outputs = jax.jit(self.pure_outputs)
        self._loss = jax.jit(jax.value_and_grad(self._loss_and_others, has_aux=True))
        self._pulled = jax.jit(self._pull)

    def pure_outputs(self, parameters: Any, arguments: Sequence[Any], read: Any, drawn: Any) -> Any:
        """All outputs, (batch, outputs), of JAX arrays or numbers that JAX traces."""
        numpy_of_jax = _jax().numpy
        arrays = [
            _checked(argument, size, i)
            for i, (argument, size) in enumerate(zip(arguments, self.sizes, strict=True))
        ]
        leaves = [
            numpy_of_jax.asarray(each, float)
            for each in (parameters, self.program.numbers, read, drawn)
        ]
        values = _Values(self.layout, [*arrays, *leaves], len(arrays[0]) if arrays else len(drawn))
        for kernel in self.kernels:
            values.arrays.append(_RUN[type(kernel)](values, kernel))
        return values.spread(values.take(self.program.outputs))

    def pure_loss(self, parameters: Any, arguments: Sequence[Any], read: Any, drawn: Any) -> Any:
        """The mean of the first output."""
        return self._loss_and_others(parameters, arguments, read, drawn)[0]

    def _loss_and_others(self, *given: Any) -> tuple[Any, Any]:
        found = self.pure_outputs(*given)
        return found[:, 0].mean(), found[:, 1:]

    def _pull(self, arguments: Sequence[Any], seed: Any, *given: Any) -> Any:
        parameters, *leaves = given
        return _jax().vjp(
            lambda *arrays: self.pure_outputs(parameters, arrays, *leaves), *arguments
        )[1](seed)

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """All outputs, (batch, outputs)."""
        return numpy.array(self._outputs(self.parameters, arguments, read, drawn))

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array]:
        """The mean of the first output, its gradient, and the other outputs, (batch, outputs - 1)."""
        (loss, others), gradient = self._loss(self.parameters, arguments, read, drawn)
        return float(loss), numpy.array(gradient, dtype=float), numpy.array(others)

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """What flows back to each argument when the outputs receive `seed`, (batch, outputs): each sample by itself."""
        return [
            numpy.array(each)
            for each in self._pulled(arguments, seed, self.parameters, read, drawn)
        ]

    def render(self, name: str) -> str:
        """What JAX makes of a function, "outputs" or "loss", for a batch of 2, as text."""
        leaves = (numpy.zeros(len(self.program.leaves)), numpy.zeros((2, len(self.program.drawn))))
        function = {"outputs": self._outputs, "loss": self._loss}[name]
        return str(
            _jax().make_jaxpr(function)(
                self.parameters, [numpy.zeros((2, size)) for size in self.sizes], *leaves
            )
        )


def _checked(argument: Any, size: int, position: int) -> Any:
    array = _jax().numpy.asarray(argument, float)
    if array.ndim == 1 and size == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != size:
        raise LengthError(
            f"argument {position} must have the shape (batch, {size}), not {array.shape}"
        )
    return array


class _Values:
    """The arrays of all blocks that are computed so far: (batch, width), or (width,) where it is the same for all samples."""

    def __init__(self, layout: Any, arrays: list[Any], batch: int) -> None:
        self.layout, self.arrays, self.batch = layout, arrays, batch

    def take(self, rows: Any) -> Any:
        """The numbers of rows of any shape: (batch, *shape) or (*shape,)."""
        operand = self.layout.operand(rows)
        parts = [self._part(place) for place, _ in operand.parts]
        if len(parts) == 1:
            return parts[0].reshape(*parts[0].shape[:-1], *operand.shape)
        if any(part.ndim == 2 for part in parts):
            parts = [self.spread(part) for part in parts]
        order = numpy.argsort(numpy.concatenate([where for _, where in operand.parts]))
        joined = _jax().numpy.concatenate(parts, axis=-1)[..., order]
        return joined.reshape(*joined.shape[:-1], *operand.shape)

    def _part(self, place: View) -> Any:
        array, columns = self.arrays[place.block], place.columns.ravel()
        if place.is_run:
            return array[..., place.start : place.start + len(columns)]
        return _rows_of_a_matrix(array, place) if _is_matrix(place) else array[..., columns]

    def spread(self, array: Any) -> Any:
        """The same numbers for every sample, unless each has its own."""
        return (
            array if array.ndim == 2 else _jax().numpy.broadcast_to(array, (self.batch, len(array)))
        )


def _is_matrix(place: View) -> bool:
    """Whether it is rows of runs, as far apart from each other: so weights lie, with a bias between."""
    strides = place.strides or ()
    return (
        0 < len(strides) <= 2
        and strides[0] >= (place.shape[1] if len(strides) == 2 else 1)
        and strides[1:] in ((), (1,))
    )


def _rows_of_a_matrix(array: Any, place: View) -> Any:
    """Their numbers by slices, which XLA differentiates much faster than a gather."""
    assert place.strides is not None
    count, apart, long = (
        place.shape[0],
        place.strides[0],
        place.shape[1] if len(place.shape) == 2 else 1,
    )
    array = array[..., place.start : place.start + count * apart]
    missing = count * apart - array.shape[-1]
    padded = _jax().numpy.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, missing)])
    return padded.reshape(*array.shape[:-1], count, apart)[..., :long].reshape(
        *array.shape[:-1], -1
    )


def _elementwise(values: _Values, kernel: Elementwise) -> Any:
    operands = _jax().numpy.broadcast_arrays(*map(values.take, kernel.operands))
    return _applied()(kernel.kind, *operands)


def _over_list(values: _Values, kernel: OverList) -> Any:
    return _applied()(kernel.kind, _jax().numpy.moveaxis(values.take(kernel.items), -1, 0))


def _dots(values: _Values, kernel: Dots) -> Any:
    return (values.take(kernel.first) * values.take(kernel.second)).sum(-1)


def _matrix(values: _Values, kernel: Matrix) -> Any:
    products = values.take(kernel.x) @ values.take(kernel.weights).T
    if kernel.bias is not None:
        products = products + values.take(kernel.bias)
    return products.reshape(values.batch, -1)


_RUN: dict[type, Any] = {
    Elementwise: _elementwise,
    OverList: _over_list,
    Dots: _dots,
    Matrix: _matrix,
}


# The table in JAX


@cache
def _namespace() -> Any:
    """The operations on JAX arrays, element by element; those over lists go along the first axis."""
    jnp, special = _jax().numpy, _jax().scipy.special
    renamed = {
        DIV.name: jnp.divide,
        POW.name: jnp.power,
        ERF.name: special.erf,
        ERFC.name: special.erfc,
        WHERE.name: lambda condition, x, y: jnp.where(condition, _plain(x), _plain(y)),
        STOP_GRADIENT.name: _jax().lax.stop_gradient,
        FLOOR_DIVIDE.name: lambda x, y: jnp.where(
            y == 0.0, jnp.divide(x, y), jnp.floor_divide(x, y)
        ),
    }
    names = [name for name in vars(floats) if name in TABLE and not TABLE[name].over_list]
    walks = {
        "total": lambda items: jnp.sum(items, axis=0),
        "largest": lambda items: jnp.max(items, axis=0),
        "smallest": lambda items: jnp.min(items, axis=0),
        "each": lambda rule, items: rule(items),
        "zero_where": lambda condition, x: jnp.where(condition & ~jnp.isfinite(x), 0.0, x),
        "fixed_where": lambda condition, x: jnp.where(condition, _jax().lax.stop_gradient(x), x),
    }
    return namespace(
        {name: renamed.get(name) or getattr(jnp, TABLE[name].numpy or name) for name in names}
        | walks
    )


def _plain(x: Any) -> Any:
    """JAX takes floats, but not what is made of them."""
    return float(x) if isinstance(x, float) else x


@cache
def _applied() -> Callable[..., Any]:
    """An operation of the table on arrays, with the derivatives of the table: a function of a kind, and operands of one shape."""
    jax = _jax()

    def applied(kind: Kind, *operands: Any) -> Any:
        return TABLE[kind.op].value(_namespace(), _given(kind, operands))

    def forward(kind: Kind, *operands: Any) -> tuple[Any, Any]:
        result = applied(kind, *operands)
        return result, (result, operands)

    def backward(kind: Kind, kept: Any, gradient: Any) -> tuple[Any, ...]:
        result, operands = kept
        return tuple(_shares(kind, result, operands, gradient))

    function = jax.custom_vjp(applied, nondiff_argnums=(0,))
    function.defvjp(forward, backward)
    found: Callable[..., Any] = function
    return found


def _given(kind: Kind, operands: Sequence[Any]) -> Any:
    return operands[0] if TABLE[kind.op].over_list else insert_static_args(kind, list(operands))


def _shares(kind: Kind, result: Any, operands: Sequence[Any], gradient: Any) -> list[Any]:
    """What flows back to each operand; to a list as one array, the items along the first axis."""
    op, m, given = TABLE[kind.op], _namespace(), _given(kind, operands)
    if not op.over_list:
        free = [
            i
            for i, setting in enumerate(kind.static_args or [None] * len(given))
            if setting is None
        ]
        return [_share(gradient, op.partials[i](m, result, *given)) for i in free]
    partials = op.partials[0](m, result, given)
    if isinstance(partials, list):
        return [_jax().numpy.stack([_share(gradient, partial) for partial in partials])]
    return [_share(gradient, partials)]


def _share(gradient: Any, partial: Any) -> Any:
    """Their product; a gradient of exactly 0 sends nothing, whatever the derivative."""
    jnp = _jax().numpy
    if isinstance(partial, ExactZero):
        return jnp.zeros_like(gradient)
    if isinstance(partial, float):
        return gradient * partial
    return gradient * jnp.where((gradient == 0.0) & ~jnp.isfinite(partial), 0.0, partial)
