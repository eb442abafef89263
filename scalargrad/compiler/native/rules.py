"""The operations of the table as vector instructions: a namespace for its rules."""

import operator
from collections.abc import Callable, Iterator
from functools import partial, reduce
from types import SimpleNamespace
from typing import Any

import numpy

from scalargrad.core import floats
from scalargrad.core.ops import (
    ABS,
    DIV,
    FLOATS,
    FLOOR,
    FLOOR_DIVIDE,
    MAXIMUM,
    MINIMUM,
    POW,
    RELU,
    REMAINDER,
    ROUND,
    SIGN,
    SQRT,
    STOP_GRADIENT,
    TABLE,
    WHERE,
    fold_numbers,
    namespace,
)

from .emitter import Emitter
from .functions import VECTOR_FUNCTIONS, vector_function

__all__ = ["UnsupportedError", "VectorList", "VectorTerm", "make_vectors"]


class UnsupportedError(Exception):
    """A program needs something that has no native code."""


class VectorTerm:
    """A vector of doubles. Arithmetic on it adds instructions.

    Args:
        emitter: Where instructions are added.
        value: The vector.
    """

    __slots__ = ("emitter", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, emitter: Emitter, value: Any) -> None:
        self.emitter = emitter
        self.value = value

    def _binary(self, name: str, x: Any, y: Any) -> "VectorTerm":
        instruction = getattr(self.emitter.builder, name)
        return VectorTerm(self.emitter, instruction(self.take(x), self.take(y)))

    def take(self, term: Any) -> Any:
        """Return the vector of a term or of a number."""
        return _as_vector(self.emitter, term)

    def __neg__(self) -> "VectorTerm":
        return VectorTerm(self.emitter, self.emitter.builder.fneg(self.value))

    def __abs__(self) -> "VectorTerm":
        return self.intrinsic("fabs")

    def intrinsic(self, name: str) -> "VectorTerm":
        """Return what an intrinsic function of LLVM computes of it."""
        emitter = self.emitter
        full_name = f"llvm.{name}.v{emitter.width}f64"
        return VectorTerm(emitter, emitter.call(full_name, [self.value], emitter.vector))

    def __add__(self, other: Any) -> "VectorTerm":
        return self._binary("fadd", self, other)

    def __radd__(self, other: Any) -> "VectorTerm":
        return self._binary("fadd", other, self)

    def __sub__(self, other: Any) -> "VectorTerm":
        return self._binary("fsub", self, other)

    def __rsub__(self, other: Any) -> "VectorTerm":
        return self._binary("fsub", other, self)

    def __mul__(self, other: Any) -> "VectorTerm":
        return self._binary("fmul", self, other)

    def __rmul__(self, other: Any) -> "VectorTerm":
        return self._binary("fmul", other, self)

    def __truediv__(self, other: Any) -> "VectorTerm":
        return self._binary("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> "VectorTerm":
        return self._binary("fdiv", other, self)

    def __array_ufunc__(self, function: Any, method: str, *operands: Any, **options: Any) -> Any:
        """Compute a function of NumPy, so that what is written for arrays works on terms."""
        if function not in _OF_NUMPY or method != "__call__" or options:
            raise UnsupportedError(f"numpy.{function.__name__}")
        terms = [VectorTerm(self.emitter, self.take(operand)) for operand in operands]
        return _OF_NUMPY[function](*terms)

    def __bool__(self) -> bool:
        """Refuse: a vector is no condition."""
        raise UnsupportedError("a condition of Python on a vector")

    def _compare(self, sign: str, other: Any) -> "VectorMask":
        compared = self.emitter.builder.fcmp_ordered(sign, self.value, self.take(other))
        return VectorMask(self.emitter, compared)

    def __lt__(self, other: Any) -> "VectorMask":
        return self._compare("<", other)

    def __le__(self, other: Any) -> "VectorMask":
        return self._compare("<=", other)

    def equals(self, other: Any) -> "VectorMask":
        """Return where it equals a term or a number; nan equals nothing."""
        return self._compare("==", other)

    def __gt__(self, other: Any) -> "VectorMask":
        return self._compare(">", other)

    def __ge__(self, other: Any) -> "VectorMask":
        return self._compare(">=", other)


def _as_vector(emitter: Emitter, term: Any) -> Any:
    """Return the vector of a term or of a number."""
    return term.value if isinstance(term, VectorTerm) else emitter.constant(term)


_OF_NUMPY: dict[Any, Callable[..., VectorTerm]] = {
    numpy.add: operator.add,
    numpy.subtract: operator.sub,
    numpy.multiply: operator.mul,
    numpy.divide: operator.truediv,
    numpy.sqrt: lambda x: x.intrinsic(SQRT.name),
    numpy.maximum: lambda x, y: _call_binary(x.emitter, MAXIMUM.name)(x, y),
    numpy.minimum: lambda x, y: _call_binary(x.emitter, MINIMUM.name)(x, y),
}
"""The functions of NumPy of which IEEE 754 determines every bit."""


class VectorList:
    """A list of vectors, each computed where it is needed.

    What goes through it is a loop, or written out where the list is short.

    Args:
        emitter: Where instructions are added.
        length: The number of vectors.
        compute: Returns the vector at a position, which is an integer of LLVM, or a plain number.
    """

    def __init__(self, emitter: Emitter, length: int, compute: Callable[[Any], Any]) -> None:
        self.emitter = emitter
        self.length = length
        self.compute = compute
        self.is_short = length <= _MAX_SHORT

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, key: Any) -> Any:
        # A rule that takes single entries is written out for all of them.
        if self.length > _MAX_WRITTEN:
            raise UnsupportedError(f"a list of {self.length}")
        positions = range(self.length)[key]
        if isinstance(positions, int):
            return self.compute(self.emitter.index(positions))
        return [self.compute(self.emitter.index(position)) for position in positions]

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def each(self, rule: Callable[[Any], Any]) -> "VectorList":
        """Return a list of what a rule makes of each vector."""
        if not self.is_short:
            return VectorList(self.emitter, self.length, lambda k: rule(self.compute(k)))
        # Computed once, whatever it is used for.
        computed = [rule(term) for term in self]
        return VectorList(self.emitter, self.length, lambda k: computed[k.constant])

    def reduce(self, rule: Callable[[Any, Any], Any]) -> Any:
        """Return what a rule of two vectors makes of all, the first two at first."""
        if self.is_short:
            return reduce(rule, self)

        emitter = self.emitter
        first = _as_vector(emitter, self.compute(emitter.index(0)))

        def run(k: Any, carry: list[Any]) -> list[Any]:
            item = self.compute(emitter.add_index(k, 1))
            return [rule(VectorTerm(emitter, carry[0]), item).value]

        (total,) = emitter.loop(emitter.index(self.length - 1), run, [first])
        return VectorTerm(emitter, total)


class VectorMask:
    """A vector of True and False."""

    __slots__ = ("emitter", "value")

    def __init__(self, emitter: Emitter, value: Any) -> None:
        self.emitter = emitter
        self.value = value

    def __bool__(self) -> bool:
        """Refuse: each lane has a condition of its own."""
        raise UnsupportedError("a condition of Python on a vector")

    def __invert__(self) -> "VectorMask":
        return VectorMask(self.emitter, self.emitter.builder.not_(self.value))

    def __and__(self, other: "VectorMask | bool") -> "VectorMask":
        # A comparison of plain numbers, such as a fixed exponent, is a bool.
        if isinstance(other, bool):
            return self if other else self & ~self
        return VectorMask(self.emitter, self.emitter.builder.and_(self.value, other.value))

    __rand__ = __and__

    def __xor__(self, other: "VectorMask") -> "VectorMask":
        return VectorMask(self.emitter, self.emitter.builder.xor(self.value, other.value))

    def select(self, x: Any, y: Any) -> VectorTerm:
        """Return x where the mask is true, else y; both terms or numbers."""
        vectors = [_as_vector(self.emitter, term) for term in (x, y)]
        return VectorTerm(self.emitter, self.emitter.builder.select(self.value, *vectors))


_INTRINSICS = (SQRT.name, FLOOR.name)
"""Functions for which processors have instructions."""

_ROUND = "roundeven"
"""The intrinsic that rounds to the nearest whole number, halves to the even one."""

_MAX_SHORT = 4
"""How long a list may be that is written out, entry by entry."""

_MAX_WRITTEN = 64
"""How long a list may be that a rule goes through entry by entry, which is written out."""


def make_vectors(emitter: Emitter) -> SimpleNamespace:
    """Return the operations on VectorTerms, whose instructions an emitter adds."""
    zero = emitter.constant(0.0)

    def where(condition: Any, x: Any, y: Any) -> Any:
        if isinstance(condition, VectorTerm):
            # Any number but 0 is true, and so is nan.
            is_true = emitter.builder.fcmp_unordered("!=", condition.value, zero)
            condition = VectorMask(emitter, is_true)
        if not isinstance(condition, VectorMask):
            return x if condition else y
        return condition.select(x, y)

    def relu(x: VectorTerm) -> VectorTerm:
        # Unordered: nan stays nan.
        is_kept = emitter.builder.fcmp_unordered(">", x.value, zero)
        return VectorMask(emitter, is_kept).select(x, 0.0)

    def sign(x: VectorTerm) -> VectorTerm:
        # 0 and nan are what they were.
        return (x > 0.0).select(1.0, (x < 0.0).select(-1.0, x))

    primitives: dict[str, Callable[..., Any]] = {
        name: _call_library(emitter, name)
        for name in vars(floats)
        if name in TABLE and not TABLE[name].over_list
    }
    primitives |= {name: _call_vector_function(emitter, name) for name in VECTOR_FUNCTIONS}
    primitives |= {name: _call_intrinsic(name) for name in _INTRINSICS}
    primitives |= {
        ABS.name: abs,
        DIV.name: _divide,
        FLOOR_DIVIDE.name: partial(_floor_divide, emitter),
        REMAINDER.name: partial(_find_remainder, emitter),
        ROUND.name: lambda x: x.intrinsic(_ROUND),
        POW.name: partial(_power, emitter),
        WHERE.name: where,
        RELU.name: relu,
        SIGN.name: sign,
        STOP_GRADIENT.name: lambda x: x,
    }
    # LLVM's functions of these names return nan where an operand is nan, as the table's do.
    primitives |= {op.name: _call_binary(emitter, op.name) for op in (MAXIMUM, MINIMUM)}
    space = namespace(fold_numbers(primitives), is_kept=False)
    space.total = lambda items: items.reduce(operator.add)
    space.largest = lambda items: items.reduce(space.maximum)
    space.smallest = lambda items: items.reduce(space.minimum)
    space.each = lambda rule, items: items.each(rule)
    return space


def _divide(x: Any, y: Any) -> Any:
    if isinstance(x, VectorTerm) or isinstance(y, VectorTerm):
        return x / y
    return DIV.value(FLOATS, [x, y])


def _floor_divide(emitter: Emitter, x: Any, y: Any) -> VectorTerm:
    """Return x // y, computed as Python computes it."""
    divisor = VectorTerm(emitter, _as_vector(emitter, y))
    of_c: VectorTerm = _call_library(emitter, "fmod")(x, y)
    quotient = (x - of_c) / divisor
    quotient = _has_other_sign(of_c, divisor).select(quotient - 1.0, quotient)

    # It is a whole number but for rounding.
    below = quotient.intrinsic(FLOOR.name)
    whole = (quotient - below > 0.5).select(below + 1.0, below)
    exact = x / divisor
    zero = _call_binary(emitter, "copysign")(0.0, exact)
    whole = quotient.equals(0.0).select(zero, whole)
    return divisor.equals(0.0).select(exact, whole)


def _find_remainder(emitter: Emitter, x: Any, y: Any) -> VectorTerm:
    """Return x % y, computed as Python computes it."""
    divisor = VectorTerm(emitter, _as_vector(emitter, y))
    of_c: VectorTerm = _call_library(emitter, "fmod")(x, y)
    remainder = _has_other_sign(of_c, divisor).select(of_c + divisor, of_c)
    # A remainder of zero has the sign of y.
    zero = _call_binary(emitter, "copysign")(0.0, divisor)
    return of_c.equals(0.0).select(zero, remainder)


def _has_other_sign(of_c: VectorTerm, divisor: VectorTerm) -> VectorMask:
    """Return where a remainder of C, which has the sign of the dividend, has not the divisor's.

    There the whole number is one less, and the remainder is larger by the divisor.
    """
    return ~of_c.equals(0.0) & ((divisor < 0.0) ^ (of_c < 0.0))


def _power(emitter: Emitter, x: Any, y: Any) -> Any:
    if isinstance(y, float) and y in (1.0, 2.0):
        return x if y == 1.0 else x * x
    return _call_library(emitter, POW.name)(x, y)


def _call_intrinsic(name: str) -> Callable[..., Any]:
    return lambda x: x.intrinsic(name)


def _call_binary(emitter: Emitter, name: str) -> Callable[..., Any]:
    """Return the rule that calls an intrinsic function of two vectors."""
    full_name = f"llvm.{name}.v{emitter.width}f64"

    def call(x: Any, y: Any) -> VectorTerm:
        vectors = [_as_vector(emitter, term) for term in (x, y)]
        return VectorTerm(emitter, emitter.call(full_name, vectors, emitter.vector))

    return call


def _call_library(emitter: Emitter, name: str) -> Callable[..., Any]:
    """Return the rule that calls a function of C, lane by lane."""

    def call(*operands: Any) -> VectorTerm:
        vectors = [_as_vector(emitter, operand) for operand in operands]
        lanes = [emitter.elements(vector) for vector in vectors]

        def compute(lane: int) -> Any:
            return emitter.call(name, [elements[lane] for elements in lanes], emitter.double)

        return VectorTerm(emitter, emitter.gather(compute))

    return call


def _call_vector_function(emitter: Emitter, name: str) -> Callable[..., Any]:
    """Return the rule that calls a function of vectors."""

    def call(operand: Any) -> VectorTerm:
        function = vector_function(emitter.module, name, emitter.width)
        vector = _as_vector(emitter, operand)
        return VectorTerm(emitter, emitter.builder.call(function, [vector]))

    return call
