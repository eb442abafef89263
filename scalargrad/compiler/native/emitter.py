"""LLVM by way of llvmlite: the vector width of this machine, instructions, loops, and modules.

llvmlite is imported here, so this module is imported only where native code is wanted.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

from llvmlite import binding, ir

__all__ = ["Emitter", "compile_module", "vector_width"]

binding.initialize_native_target()
binding.initialize_native_asmprinter()


@cache
def vector_width() -> int:
    """Return how many doubles a vector register of this machine holds."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 8
    return 4 if features.get("avx2") else 2


class Emitter:
    """Writes one function of a module, instruction by instruction.

    The lanes of a vector are samples, or else rows of a kernel: see `along_rows`.

    Args:
        arguments: The names of its arguments: "n" is an integer, "order" points to integers, all
            others to doubles.

    Attributes:
        width: The number of lanes of a vector.
        active: How many lanes are in use, the first ones. The others are computed and not stored.
        by_rows: Whether the lanes are rows, and not samples.
        tile: Which vector of samples is computed, where lanes are samples.
        builder: Where instructions are added.
        arguments: The arguments by name.
    """

    def __init__(self, arguments: list[str]) -> None:
        self.width = vector_width()
        self.active = self.width
        self.by_rows = False
        self.double = ir.DoubleType()
        self.integer = ir.IntType(64)
        self.vector = ir.VectorType(self.double, self.width)
        self.tile = self.index(0)
        self._constants: dict[str, Any] = {}
        self._tables: dict[str, Any] = {}
        self.module = ir.Module()
        types = [self._argument_type(name) for name in arguments]
        signature = ir.FunctionType(self.double, types)
        self.function = ir.Function(self.module, signature, "run")
        self.arguments = dict(zip(arguments, self.function.args, strict=True))
        for name, argument in self.arguments.items():
            if name != "n":
                argument.add_attribute("noalias")
        self.builder = ir.IRBuilder(self.function.append_basic_block())

    def _argument_type(self, name: str) -> Any:
        if name == "n":
            return self.integer
        return (self.integer if name == "order" else self.double).as_pointer()

    def along_rows(self, active: int | None = None) -> AbstractContextManager[None]:
        """Let lanes be rows in a with block; `active` of them, or all."""
        return self._along(True, self.width if active is None else active)

    def along_samples(self) -> AbstractContextManager[None]:
        """Let lanes be samples in a with block."""
        return self._along(False, self.width)

    @contextmanager
    def _along(self, by_rows: bool, active: int) -> Iterator[None]:
        before = (self.by_rows, self.active)
        self.by_rows, self.active = by_rows, active
        yield
        self.by_rows, self.active = before

    @contextmanager
    def new_function(self, name: str, arguments: Sequence[Any]) -> Iterator[Any]:
        """Write another function in a with block, which returns nothing.

        It stays a function: it is there so that many callers share its code.
        """
        before = (self.function, self.builder)
        kind = ir.FunctionType(ir.VoidType(), arguments)
        self.function = ir.Function(self.module, kind, name)
        self.function.linkage = "internal"
        self.function.attributes.add("noinline")
        self.builder = ir.IRBuilder(self.function.append_basic_block())
        yield self.function
        self.builder.ret_void()
        self.function, self.builder = before

    @contextmanager
    def part(self, values: Sequence[Any]) -> Iterator[list[Any]]:
        """Write instructions in a with block into a function of their own, which is called here.

        LLVM needs more than twice the time for a function of twice the length.

        Args:
            values: What the instructions need beside the arguments.

        Yields:
            These values in the other function.
        """
        before = dict(self.arguments)
        varying = [value for value in values if _known(value) is None]
        passed = [*before.values(), *varying]
        name = f"part{len(self.module.globals)}"
        with self.new_function(name, [value.type for value in passed]) as function:
            self.arguments.update(zip(before, function.args, strict=False))
            given = iter(function.args[len(before) :])
            yield [next(given) if _known(value) is None else value for value in values]
        self.arguments.update(before)
        self.tile = self.index(0)
        self.builder.call(function, passed)

    # Numbers

    def index(self, number: int) -> Any:
        """Return an integer constant."""
        return ir.Constant(self.integer, number)

    def constant(self, number: float) -> Any:
        """Return a vector with the same number in each lane."""
        # By its digits, which tell -0.0 from 0.0.
        key = float(number).hex()
        if key not in self._constants:
            self._constants[key] = ir.Constant(self.vector, [float(number)] * self.width)
        return self._constants[key]

    def lane(self, number: int) -> Any:
        """Return the position of a lane."""
        return ir.Constant(ir.IntType(32), number)

    def add_index(self, index: Any, other: Any) -> Any:
        """Return the sum of two integers, one of which may be a Python int."""
        if isinstance(other, int):
            other = self.index(other)
        x, y = _known(index), _known(other)
        if x is not None and y is not None:
            return self.index(x + y)
        if x == 0:
            return other
        return index if y == 0 else self.builder.add(index, other)

    def scale_index(self, index: Any, factor: int) -> Any:
        """Return an integer times a known one."""
        known = _known(index)
        if known is not None:
            return self.index(known * factor)
        return index if factor == 1 else self.builder.mul(index, self.index(factor))

    # Vectors

    def undefined(self) -> Any:
        """Return a vector of no matter what."""
        return ir.Constant(self.vector, ir.Undefined)

    def splat(self, scalar: Any) -> Any:
        """Return a vector with a double in each lane."""
        first = self.builder.insert_element(self.undefined(), scalar, self.lane(0))
        return self.shuffle(first, first, [0] * self.width)

    def shuffle(self, x: Any, y: Any, lanes: Sequence[int]) -> Any:
        """Return these lanes of x, followed by those of y."""
        kind = ir.VectorType(ir.IntType(32), len(lanes))
        return self.builder.shuffle_vector(x, y, ir.Constant(kind, list(lanes)))

    def gather(self, load: Callable[[int], Any]) -> Any:
        """Return a vector with the double that `load` returns for each active lane."""
        vector = self.undefined()
        for number in range(self.active):
            vector = self.builder.insert_element(vector, load(number), self.lane(number))
        return self._fill(vector)

    def _fill(self, vector: Any) -> Any:
        """Return the active lanes of a vector, and 1.0 in the others, which nothing reads.

        The last lane again would do as well, but LLVM 22 then takes the first lane for the second.
        """
        if self.active == self.width:
            return vector
        ones = ir.Constant(vector.type, [1.0] * vector.type.count)
        lanes = [lane if lane < self.active else vector.type.count for lane in range(self.width)]
        return self.shuffle(vector, ones, lanes)

    def elements(self, vector: Any) -> list[Any]:
        """Return the doubles of the active lanes."""
        lanes = map(self.lane, range(self.active))
        return [self.builder.extract_element(vector, lane) for lane in lanes]

    def sum_lanes(self, vector: Any) -> Any:
        """Return the sum of the active lanes, of halves again and again."""
        if self.active < self.width:
            lanes = [lane if lane < self.active else self.width for lane in range(self.width)]
            vector = self.shuffle(vector, self.constant(0.0), lanes)
        count = self.width
        while count > 1:
            count //= 2
            low = self.shuffle(vector, vector, range(count))
            high = self.shuffle(vector, vector, range(count, 2 * count))
            vector = self.builder.fadd(low, high)
        return self.builder.extract_element(vector, self.lane(0))

    def sum_each(self, vectors: Sequence[Any]) -> Any:
        """Return a vector with the sum over the lanes of each of `width` vectors."""
        evens = range(0, 2 * self.width, 2)
        odds = range(1, 2 * self.width, 2)
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [
                self.builder.fadd(self.shuffle(x, y, evens), self.shuffle(x, y, odds))
                for x, y in pairs
            ]
        return vectors[0]

    def transpose(self, vectors: Sequence[Any]) -> list[Any]:
        """Return the columns of a square matrix, given its rows."""
        rows = list(vectors)
        lanes = range(self.width)
        distance = 1
        while distance < self.width:
            # Blocks off the diagonal change places, of this size and then of twice this size.
            upper = [i if not i & distance else self.width + i - distance for i in lanes]
            lower = [i + distance if not i & distance else self.width + i for i in lanes]
            for i in lanes:
                if not i & distance:
                    x, y = rows[i], rows[i + distance]
                    rows[i] = self.shuffle(x, y, upper)
                    rows[i + distance] = self.shuffle(x, y, lower)
            distance *= 2
        return rows

    # Memory

    def add_table(self, numbers: list[int]) -> Any:
        """Return an array of integers that are known, one for all that ask for the same."""
        # As text at once: llvmlite would make an object of each number, and there are many.
        text = str(numbers).replace("[", "[i64 ").replace(", ", ", i64 ")
        if text not in self._tables:
            kind = ir.ArrayType(self.integer, len(numbers))
            table = ir.GlobalVariable(self.module, kind, f"table{len(self._tables)}")
            table.global_constant = True
            table.linkage = "internal"
            table.initializer = ir.FormattedConstant(kind, text)
            self._tables[text] = table
        return self._tables[text]

    def load_scalar(self, array: Any, index: Any) -> Any:
        """Return a number of an array."""
        return self.builder.load(self.builder.gep(array, [index]))

    def store_scalar(self, number: Any, array: Any, index: Any) -> None:
        """Write a number into an array."""
        self.builder.store(number, self.builder.gep(array, [index]))

    def load(self, array: Any, index: Any) -> Any:
        """Return the numbers of an array from an index on, in the active lanes."""
        return self._fill(self.builder.load(self._vector_at(array, index), align=8))

    def store(self, vector: Any, array: Any, index: Any) -> None:
        """Write the active lanes into an array, from an index on."""
        if self.active < self.width:
            vector = self.shuffle(vector, vector, range(self.active))
        self.builder.store(vector, self._vector_at(array, index), align=8)

    def _vector_at(self, array: Any, index: Any) -> Any:
        kind = ir.VectorType(self.double, self.active)
        place = self.builder.gep(array, [index])
        return self.builder.bitcast(place, kind.as_pointer())

    def fill_zeros(self, array: Any, count: int) -> None:
        """Write zeros into the first numbers of an array."""
        byte = ir.IntType(8)
        memset = self.module.declare_intrinsic("llvm.memset", [byte.as_pointer(), self.integer])
        is_volatile = ir.Constant(ir.IntType(1), 0)
        zero = ir.Constant(byte, 0)
        place = self.builder.bitcast(array, byte.as_pointer())
        self.builder.call(memset, [place, zero, self.index(8 * count), is_volatile])

    # Functions

    def call(self, name: str, operands: list[Any], result: Any) -> Any:
        """Return the result of a function that is known to LLVM or to the linker."""
        function = self.module.globals.get(name)
        if function is None:
            signature = ir.FunctionType(result, [operand.type for operand in operands])
            function = ir.Function(self.module, signature, name)
        return self.builder.call(function, operands)

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """Return x · y + z, rounded once where the machine has an instruction for it."""
        return self.call(f"llvm.fmuladd.v{self.width}f64", [x, y, z], self.vector)

    # Control

    def loop(
        self,
        count: Any,
        body: Callable[[Any, list[Any]], list[Any]],
        carry: Sequence[Any] = (),
    ) -> list[Any]:
        """Write a loop, and return what it carried to the end.

        Args:
            count: How often it runs.
            body: Takes the index and what is carried, and returns what is carried next.
            carry: What is carried at first.
        """
        if _known(count) == 1:
            # LLVM would keep the loop, and look for ways to make it faster.
            return body(self.index(0), list(carry))
        builder = self.builder
        before = builder.block
        head = self.function.append_basic_block()
        inside = self.function.append_basic_block()
        after = self.function.append_basic_block()
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(self.integer)
        index.add_incoming(self.index(0), before)
        carried = [builder.phi(value.type) for value in carry]
        builder.cbranch(builder.icmp_signed("<", index, count), inside, after)

        builder.position_at_end(inside)
        following = body(index, list(carried))
        for phi, first, value in zip(carried, carry, following, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(value, builder.block)
        index.add_incoming(self.add_index(index, 1), builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return carried

    def repeat(self, count: Any, body: Callable[[Any], None]) -> None:
        """Write a loop that carries nothing."""

        def run(index: Any, _: list[Any]) -> list[Any]:
            body(index)
            return []

        self.loop(self.index(count) if isinstance(count, int) else count, run)

    def reserve(self) -> Callable[[Callable[[], None]], None]:
        """Return what writes, when it is called later, instructions that run here.

        It must be called once.
        """
        here = self.function.append_basic_block()
        self.builder.branch(here)
        following = self.function.append_basic_block()
        self.builder.position_at_end(following)

        def write(body: Callable[[], None]) -> None:
            block = self.builder.block
            self.builder.position_at_end(here)
            body()
            self.builder.branch(following)
            self.builder.position_at_end(block)

        return write


def compile_module(module: ir.Module) -> Any:
    """Return an engine that holds the machine code of a module."""
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    target = binding.Target.from_default_triple()
    machine = target.create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=2,
    )
    _simplify(parsed, machine)
    engine = binding.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    return engine


def _known(index: Any) -> int | None:
    """Return the number of an integer that is a constant, or None."""
    number = getattr(index, "constant", None)
    return number if isinstance(number, int) else None


def _simplify(module: Any, machine: Any) -> None:
    """Simplify instructions before they become machine code.

    Loops are vectors already, so passes that would vectorize or unroll them only take time.
    """
    passes = binding.create_new_module_pass_manager()
    passes.add_global_opt_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    options = binding.create_pipeline_tuning_options()
    passes.run(module, binding.create_pass_builder(machine, options))
