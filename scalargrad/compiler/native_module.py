"""LLVM by way of llvmlite: the vector width of this machine, loops, and modules as functions."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

from scalargrad.errors import OptionError

__all__ = ["Emitter", "load_llvmlite", "vector_width"]

_UNROLLED = 8
"""How many rounds of a long inner loop are written out."""


@cache
def load_llvmlite() -> tuple[Any, Any]:
    """Return the modules `ir` and `binding` of llvmlite.

    Raises:
        OptionError: llvmlite is not installed.
    """
    try:
        import llvmlite.binding
        import llvmlite.ir
    except ImportError:
        message = 'backend="native" needs llvmlite: pip install "scalargrad-viz[native]"'
        raise OptionError(message) from None
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    return llvmlite.ir, llvmlite.binding


@cache
def vector_width() -> int:
    """Return how many doubles a vector register of this machine holds."""
    features = load_llvmlite()[1].get_host_cpu_features()
    if features.get("avx512f"):
        return 8
    return 4 if features.get("avx2") else 2


class Emitter:
    """Writes one function of a module, instruction by instruction.

    Args:
        arguments: The names of its arguments: "n" is an integer, all others point to doubles.

    Attributes:
        width: The number of lanes of a vector.
        builder: Where instructions are added.
        arguments: The arguments by name.
    """

    def __init__(self, arguments: list[str]) -> None:
        ir, _ = load_llvmlite()
        self.ir = ir
        self.width = vector_width()
        self.double = ir.DoubleType()
        self.integer = ir.IntType(64)
        self.vector = ir.VectorType(self.double, self.width)
        self.module = ir.Module()
        types = [self.integer if name == "n" else self.double.as_pointer() for name in arguments]
        signature = ir.FunctionType(self.double, types)
        self.function = ir.Function(self.module, signature, "run")
        self.arguments = dict(zip(arguments, self.function.args, strict=True))
        for name, argument in self.arguments.items():
            if name != "n":
                argument.add_attribute("noalias")
        self._entry = self.function.append_basic_block()
        self._body = self.function.append_basic_block()
        self.builder = ir.IRBuilder(self._body)

    def index(self, number: int) -> Any:
        """Return an integer constant."""
        return self.ir.Constant(self.integer, number)

    def constant(self, number: float) -> Any:
        """Return a vector with the same number in each lane."""
        return self.ir.Constant(self.vector, [float(number)] * self.width)

    def splat(self, scalar: Any) -> Any:
        """Return a vector with a double in each lane."""
        lanes = self.ir.VectorType(self.ir.IntType(32), self.width)
        undefined = self.ir.Constant(self.vector, self.ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, self.lane(0))
        zeros = self.ir.Constant(lanes, [0] * self.width)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def lane(self, number: int) -> Any:
        """Return the position of a lane."""
        return self.ir.Constant(self.ir.IntType(32), number)

    def load_scalar(self, array: Any, index: Any) -> Any:
        """Return a number of an array of doubles."""
        return self.builder.load(self.builder.gep(array, [index]))

    def load(self, array: Any, index: Any) -> Any:
        """Return a vector of an array of vectors."""
        return self.builder.load(self._vector_at(array, index), align=8)

    def store(self, vector: Any, array: Any, index: Any) -> None:
        """Write a vector into an array of vectors."""
        self.builder.store(vector, self._vector_at(array, index), align=8)

    def add_to(self, array: Any, index: Any, vector: Any) -> None:
        """Add a vector to one of an array."""
        self.store(self.builder.fadd(self.load(array, index), vector), array, index)

    def _vector_at(self, array: Any, index: Any) -> Any:
        vectors = self.builder.bitcast(array, self.vector.as_pointer())
        return self.builder.gep(vectors, [index])

    def call(self, name: str, operands: list[Any], result: Any) -> Any:
        """Return the result of a function that is known to LLVM or to the linker."""
        function = self.module.globals.get(name)
        if function is None:
            signature = self.ir.FunctionType(result, [operand.type for operand in operands])
            function = self.ir.Function(self.module, signature, name)
        return self.builder.call(function, operands)

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """Return x · y + z, rounded once."""
        return self.call(f"llvm.fma.v{self.width}f64", [x, y, z], self.vector)

    def loop(
        self, count: Any, body: Callable[[Any, list[Any]], list[Any]], carry: list[Any]
    ) -> list[Any]:
        """Write a loop that runs at least once, and return what it carried to the end.

        Args:
            count: How often it runs.
            body: Takes the index and what is carried, and returns what is carried next.
            carry: What is carried at first.
        """
        builder = self.builder
        before = builder.block
        head = self.function.append_basic_block()
        after = self.function.append_basic_block()
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(self.integer)
        index.add_incoming(self.index(0), before)
        carried = [builder.phi(value.type) for value in carry]
        following = body(index, list(carried))
        for phi, first, value in zip(carried, carry, following, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(value, builder.block)
        next_index = builder.add(index, self.index(1))
        index.add_incoming(next_index, builder.block)
        is_more = builder.icmp_signed("<", next_index, count)
        builder.cbranch(is_more, head, after)
        builder.position_at_end(after)
        return following

    def repeat(
        self, count: int, body: Callable[[Any, list[Any]], list[Any]], carry: list[Any]
    ) -> list[Any]:
        """Write a loop like `loop`, unrolled: all of it where it is short, else in part."""

        def unroll(start: Any, number: int, carried: list[Any]) -> list[Any]:
            for offset in range(number):
                index = self.builder.add(start, self.index(offset))
                carried = body(index, carried)
            return carried

        def run_chunk(chunk: Any, carried: list[Any]) -> list[Any]:
            start = self.builder.mul(chunk, self.index(_UNROLLED))
            return unroll(start, _UNROLLED, carried)

        if count <= 2 * _UNROLLED:
            return unroll(self.index(0), count, carry)
        chunks, rest = divmod(count, _UNROLLED)
        carry = self.loop(self.index(chunks), run_chunk, carry)
        return unroll(self.index(chunks * _UNROLLED), rest, carry)

    def sum_lanes(self, vector: Any) -> Any:
        """Return the sum over the lanes, first to last."""
        total = self.builder.extract_element(vector, self.lane(0))
        for number in range(1, self.width):
            element = self.builder.extract_element(vector, self.lane(number))
            total = self.builder.fadd(total, element)
        return total

    def write_before(self, write: Callable[[], None]) -> None:
        """Write, at the end, what runs before all else. It is done once, and must be."""
        block = self.builder.block
        self.builder.position_at_end(self._entry)
        write()
        self.builder.branch(self._body)
        self.builder.position_at_end(block)

    def compile(self, result: Any) -> Callable[..., float]:
        """Return the function, which takes addresses as integers and returns `result`."""
        _, binding = load_llvmlite()
        self.builder.ret(result)
        module = binding.parse_assembly(str(self.module))
        module.verify()
        target = binding.Target.from_default_triple()
        machine = target.create_target_machine(
            cpu=binding.get_host_cpu_name(),
            features=binding.get_host_cpu_features().flatten(),
            opt=3,
        )
        options = binding.create_pipeline_tuning_options(speed_level=2)
        passes = binding.create_pass_builder(machine, options)
        passes.getModulePassManager().run(module, passes)
        engine = binding.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        address = engine.get_function_address("run")
        types = [ctypes.c_int64 if name == "n" else ctypes.c_void_p for name in self.arguments]
        function = ctypes.CFUNCTYPE(ctypes.c_double, *types)(address)
        # The code lives as long as the engine does.
        function.engine = engine  # type: ignore[attr-defined]
        return function
